//! What messages are judged by: `[rules]`, `[model]` and `[places]`.

use super::Settings;
use crate::channels::whereabouts::{self, Whereabouts, WhereaboutsSettings};
use anyhow::Context as _;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// `[rules]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesSettings {
    /// Folder with `services.toml`.
    pub dir: PathBuf,
    /// Seconds between looks whether they changed; 0 for never.
    pub reload_seconds: u64,
    /// Services that are not taken here, by key: never suggested.
    pub off: BTreeSet<String>,
    /// Where departments get their cases, by key, instead of where `departments.toml` says.
    pub addresses: BTreeMap<String, String>,
}

impl Default for RulesSettings {
    fn default() -> Self {
        Self { dir: "rules".into(), reload_seconds: 5, off: BTreeSet::new(), addresses: BTreeMap::new() }
    }
}

/// `[model]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// Folder of the sentence encoder.
    pub encoder: PathBuf,
    /// Folder of the trained classifier.
    pub classifier: PathBuf,
    /// Encoder threads, a third of a gigabyte each.
    pub workers: usize,
    /// False to do without both: rules alone judge.
    pub enabled: bool,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self { encoder: "vendor/all-MiniLM-L6-v2".into(), classifier: "models".into(), workers: 1, enabled: true }
    }
}

/// `[places]`: files the council supplies, each of which may be missing; and whom it has asked, which is nobody by itself.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlacesSettings {
    /// GeoJSON with ward boundaries.
    pub wards: Option<PathBuf>,
    /// CSV with `postcode,lat,lon`.
    pub postcodes: Option<PathBuf>,
    /// CSV with `name,kind,lat,lon,postcode`.
    pub streets: Option<PathBuf>,
    /// More files, or folders of `.csv` files, as they are published: OS Open Names, OS Open UPRN, or either of the above.
    pub gazetteer: Vec<PathBuf>,
    /// File with a key of what3words: addresses in messages are looked up there.
    pub what3words_key_file: Option<PathBuf>,
    /// Where they are looked up, for a server of the council's own.
    pub what3words_url: Option<String>,
    /// Whether it is asked where short links to maps lead.
    pub follow_short_links: bool,
}

impl Settings {
    /// Where the rules lie, as time allows to look for changes.
    #[must_use]
    pub fn rules_reload(&self) -> Option<Duration> {
        (self.rules.reload_seconds > 0).then(|| Duration::from_secs(self.rules.reload_seconds))
    }

    /// Who is asked where what3words addresses and short links point; none where nobody is.
    ///
    /// # Errors
    /// When the key cannot be read, or an address cannot be right.
    pub fn whereabouts(&self) -> anyhow::Result<Option<Whereabouts>> {
        let PlacesSettings { what3words_key_file, what3words_url, follow_short_links, .. } = &self.places;
        let key = match what3words_key_file {
            Some(file) => {
                let path = self.path(file);
                let key = std::fs::read_to_string(&path)
                    .with_context(|| format!("[places] what3words_key_file {} cannot be read", path.display()))?;
                Some(key.trim().to_owned())
            }
            None => None,
        };
        if key.is_none() && !follow_short_links {
            return Ok(None);
        }
        let url = what3words_url.clone().unwrap_or_else(|| whereabouts::WHAT3WORDS.to_owned());
        let settings = WhereaboutsSettings {
            what3words: key.map(|key| (url, key.into())),
            short_links: *follow_short_links,
            gateway: None,
            time_limit: whereabouts::TIME_LIMIT,
        };
        Whereabouts::new(settings).map(Some).context("[places] what3words_key_file and what3words_url")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Pointer;
    use std::path::Path;

    fn whereabouts(places: &str, base: &Path) -> anyhow::Result<Option<Whereabouts>> {
        let least = "[council]\nname = 'B'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n[places]\n";
        Settings::parse(&format!("{least}{places}"), base)?.whereabouts()
    }

    #[test]
    fn nobody_is_asked_for_a_place_unless_the_council_says_so() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "SECRET\n").unwrap();
        let asked = |places: &str| {
            let wire = whereabouts(places, folder.path()).unwrap();
            let asks = |pointer: Option<Pointer>| wire.as_ref().is_some_and(|wire| wire.asks_for(&pointer.unwrap()));
            let link = Pointer::short_link(&"https://maps.app.goo.gl/AbC".parse().unwrap());
            (asks(Pointer::three_words("filled.count.soap")), asks(link))
        };
        assert_eq!(asked(""), (false, false));
        assert_eq!(asked("what3words_url = 'https://w.example/'"), (false, false), "an address is no key");
        assert_eq!(asked("what3words_key_file = 'key'"), (true, false));
        assert_eq!(asked("follow_short_links = true"), (false, true));
    }

    #[test]
    fn a_key_that_cannot_be_read_is_named_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let why = format!("{:#}", whereabouts("what3words_key_file = 'gone'", folder.path()).unwrap_err());
        assert!(why.contains("what3words_key_file") && why.contains("gone"), "{why}");
        std::fs::write(folder.path().join("key"), "\n").unwrap();
        assert!(whereabouts("what3words_key_file = 'key'", folder.path()).is_err(), "an empty key");
    }
}
