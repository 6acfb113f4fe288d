//! What messages are judged by: `[rules]`, `[model]` and `[places]`.

use super::Settings;
use serde::Deserialize;
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
}

impl Default for RulesSettings {
    fn default() -> Self {
        Self { dir: "rules".into(), reload_seconds: 5 }
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

/// `[places]`: files the council supplies; each may be missing.
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
}

impl Settings {
    /// Where the rules lie, as time allows to look for changes.
    #[must_use]
    pub fn rules_reload(&self) -> Option<Duration> {
        (self.rules.reload_seconds > 0).then(|| Duration::from_secs(self.rules.reload_seconds))
    }
}
