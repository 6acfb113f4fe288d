//! `[service]`: the process itself.

use super::Settings;
use crate::telemetry::LogFormat;
use serde::Deserialize;
use std::path::PathBuf;

/// `[service]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceSettings {
    /// Name of this process among those that share a database; machine and portal address where absent.
    pub instance: Option<String>,
    /// Seconds after which work that a dead process had begun is taken over.
    pub lease_seconds: u64,
    /// Messages worked on together.
    pub batch: usize,
    /// Folder for what providers of texts post while the database is away; `texts-waiting` beside the SQLite file, else beside
    /// these settings, where absent. Each process needs its own.
    pub spool: Option<PathBuf>,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// What is logged, such as `info` or `beadle=debug`.
    pub log_level: String,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            instance: None,
            lease_seconds: 60,
            batch: 32,
            spool: None,
            log_format: LogFormat::Text,
            log_level: "info".to_owned(),
        }
    }
}

impl Settings {
    /// Where posts of providers wait while the database is away.
    ///
    /// # Errors
    /// When the database's address cannot be had.
    pub fn spool(&self) -> anyhow::Result<PathBuf> {
        Ok(match &self.service.spool {
            Some(folder) => self.path(folder),
            None => self.kept()?.join("texts-waiting"),
        })
    }

    /// How long work is ours.
    #[must_use]
    pub fn lease(&self) -> chrono::TimeDelta {
        chrono::TimeDelta::seconds(i64::try_from(self.service.lease_seconds).unwrap_or(60).max(1))
    }

    /// Name of this process among those that share a database.
    #[must_use]
    pub fn instance(&self) -> String {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default().trim().to_owned();
        // The machine's id as well as its name: two machines made from one image share the name.
        let machine = || {
            let id: String = read("/etc/machine-id").chars().take(8).collect();
            format!("{}-{id}", read("/proc/sys/kernel/hostname"))
        };
        self.service
            .instance
            .clone()
            .unwrap_or_else(|| format!("{}-{}", machine().trim(), self.portal.listen.replace('/', "_")))
    }
}
