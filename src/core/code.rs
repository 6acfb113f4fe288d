//! Codes by which somebody shows that they also write from another address.
//!
//! Grammar: `AAAAA-AAAAA`, ten random characters of the alphabet of references. With its dash it is longer than a reference, so
//! neither is taken for the other; 23 to the tenth is more than can be tried in the half hour that a code is good.

use super::reference::ALPHABET;
use super::token::TokenKey;
use rand::Rng;
use std::fmt;

const HALF: usize = 5;

/// A code. Shows nothing when printed for a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(***)")
    }
}

impl Code {
    /// Draws a new code.
    pub fn random(rng: &mut impl Rng) -> Self {
        let mut half =
            || (0..HALF).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect::<String>();
        Self(format!("{}-{}", half(), half()))
    }

    /// The code as people see it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first word of `text` that has the shape of a code, in any case, with any dash.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        let plain = text.to_uppercase().replace(['\u{2010}', '\u{2011}', '\u{2013}', '\u{2014}'], "-");
        plain.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).find_map(|word| {
            let (one, other) = word.split_once('-')?;
            let fits = |half: &str| half.len() == HALF && half.bytes().all(|b| ALPHABET.contains(&b));
            (fits(one) && fits(other)).then(|| Self(word.to_owned()))
        })
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self, key: &TokenKey) -> String {
        key.digest("code", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Reference;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn a_code_is_found_as_people_type_it_and_is_no_reference() {
        let code = Code::random(&mut StdRng::seed_from_u64(7));
        let typed = code.as_str().to_lowercase();
        for text in [typed.clone(), format!("my code: {typed}."), typed.replace('-', "\u{2013}")] {
            assert_eq!(Code::find(&text), Some(code.clone()), "{text}");
            assert!(Reference::find_all(&text).is_empty());
        }
        for text in ["", "twenty-seven", "K7M-4RQH", "outside 12-14 Mill Lane", "AAAAA-AAAAAA"] {
            assert_eq!(Code::find(text), None, "{text}");
        }
        assert_eq!(format!("{code:?}"), "Code(***)");
    }

    #[test]
    fn what_is_kept_of_a_code_depends_on_the_installation() {
        let code = Code::random(&mut StdRng::seed_from_u64(7));
        let of = |key: &[u8]| code.hash(&TokenKey::new(key.to_vec()));
        assert_eq!(of(b"one"), of(b"one"));
        assert_ne!(of(b"one"), of(b"other"));
        assert!(!of(b"one").contains(code.as_str()));
    }
}
