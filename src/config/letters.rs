//! `[letters]`: what stands at the top of letters that a person prints and posts.

use super::Settings;
use serde::Deserialize;

/// `[letters]`. What is absent does not stand there; the council's name and its email address always do.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LettersSettings {
    /// The lines of the council's postal address, where it is written to.
    #[serde(default)]
    pub address: Vec<String>,
    /// The number it is rung at.
    pub telephone: Option<String>,
}

impl Settings {
    /// How the council is reached, line by line, below its name.
    #[must_use]
    pub fn letterhead(&self) -> Vec<String> {
        let lines = self.letters.address.iter().chain(&self.letters.telephone);
        lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_letter_says_where_the_council_is_written_to_and_rung() {
        let parse = |letters: &str| {
            let text = format!("[council]\nname = 'B'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n{letters}");
            Settings::parse(&text, Path::new("/etc"))
        };
        let set = parse("[letters]\naddress = ['Town Hall ', '', 'ZM6 1AA']\ntelephone = '01632 960001'").unwrap();
        assert_eq!(set.letterhead(), ["Town Hall", "ZM6 1AA", "01632 960001"]);
        assert!(parse("").unwrap().letterhead().is_empty());
        assert!(parse("[letters]\nfax = '1'").is_err());
    }
}
