//! `[limits]`.

use super::Settings;
use crate::intake::mime::MimeLimits;
use crate::pipeline::flood::Usual;
use serde::Deserialize;

/// `[limits]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Largest message, bytes; a larger one is noted in quarantine by its headers.
    pub message_bytes: usize,
    /// Largest attachment that is passed on, bytes.
    pub attachment_bytes: usize,
    /// Most messages of one sender in an hour that are heeded.
    pub from_sender: i64,
    /// Most messages on one channel in an hour that may be answered without a person.
    pub on_channel: i64,
}

impl LimitSettings {
    /// How much is usual in an hour.
    #[must_use]
    pub const fn usual(&self) -> Usual {
        Usual { from_sender: self.from_sender, on_channel: self.on_channel }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        let Usual { from_sender, on_channel } = Usual::default();
        Self { message_bytes: 50 << 20, attachment_bytes: 25 << 20, from_sender, on_channel }
    }
}

impl Settings {
    /// Limits of parsing.
    #[must_use]
    pub fn mime_limits(&self) -> MimeLimits {
        MimeLimits { max_attachment_bytes: self.limits.attachment_bytes, ..MimeLimits::default() }
    }
}
