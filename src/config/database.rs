//! `[database]`.

use super::Settings;
use anyhow::Context as _;
use serde::Deserialize;
use std::path::Path;

/// `[database]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `sqlite:PATH` or `postgres://USER@HOST/NAME`.
    #[serde(default = "sqlite")]
    pub url: String,
    /// Environment variable with the address, for one that holds a password.
    pub url_env: Option<String>,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self { url: sqlite(), url_env: None }
    }
}

impl Settings {
    /// Address of the database; a relative SQLite file is taken from the folder of the settings.
    ///
    /// # Errors
    /// When the environment variable that holds it is not set.
    pub fn database_url(&self) -> anyhow::Result<String> {
        if let Some(variable) = &self.database.url_env {
            return std::env::var(variable)
                .with_context(|| format!("[database] url_env: the variable {variable} is not set"));
        }
        let url = &self.database.url;
        Ok(match url.strip_prefix("sqlite:").map(|p| p.trim_start_matches("//")) {
            Some(file) if !file.starts_with(':') => format!("sqlite:{}", self.path(Path::new(file)).display()),
            _ => url.clone(),
        })
    }
}

fn sqlite() -> String {
    "sqlite:beadle.db".to_owned()
}
