//! `[learning]`.

use super::Settings;
use crate::learning::teacher::Means;
use anyhow::Context as _;
use chrono::NaiveTime;
use serde::Deserialize;
use std::path::PathBuf;

/// `[learning]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LearningSettings {
    /// Whether the service learns by night, where enough was decided since it last did.
    pub nightly: bool,
    /// When, local time, such as `03:00`.
    pub at: String,
    /// Folder for learned models and kept embeddings; that of the SQLite file, else that of these settings, where absent.
    pub dir: Option<PathBuf>,
    /// Folder of the messages that ship; `training-data/messages` beside the folder of `[model] classifier` where absent.
    pub messages: Option<PathBuf>,
    /// File of the pairs of reports that ship; `pairs.jsonl` beside the folder of messages where absent.
    pub pairs: Option<PathBuf>,
}

impl Default for LearningSettings {
    fn default() -> Self {
        Self { nightly: true, at: "03:00".to_owned(), dir: None, messages: None, pairs: None }
    }
}

impl Settings {
    /// Where learning finds and keeps what it needs, and its hour.
    ///
    /// # Errors
    /// When the hour is none, or the database's address cannot be had.
    pub fn learning(&self) -> anyhow::Result<Means> {
        let set = &self.learning;
        let at = NaiveTime::parse_from_str(&set.at, "%H:%M")
            .with_context(|| format!("[learning] at is '{}': write an hour such as '03:00'", set.at))?;
        let shipped = self.path(&self.model.classifier);
        let kept = self.kept()?;
        let messages = || self.beside(&shipped).join("training-data/messages");
        let messages = set.messages.as_deref().map_or_else(messages, |p| self.path(p));
        Ok(Means {
            pairs: set.pairs.as_deref().map_or_else(|| messages.with_file_name("pairs.jsonl"), |p| self.path(p)),
            messages,
            folder: set.dir.as_deref().map_or(kept, |dir| self.path(dir)),
            nightly: set.nightly.then_some(at),
            join_above: self.routing.join_above,
            maybe_above: self.routing.maybe_above,
            shipped,
        })
    }
}
