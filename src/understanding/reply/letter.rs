//! What a letter says otherwise than a mail: nobody can answer it by a click, and who gets it did not write.

use super::{CASE, check_words};
use serde::Deserialize;

/// The words of letters to those who rang, or came to a surgery.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterReply {
    /// The subject of an acknowledgement; the words in braces are those of [`super::Reply::body`], here and below.
    pub subject: String,
    /// Body when the case goes to a department.
    pub body: String,
    /// Body when the problem is known already.
    pub joined: String,
    /// How to say something to it: `{reference}`. What it points at stands at the top of each letter.
    pub reach: String,
    /// What stands before the reference at the top: `{reference}`.
    pub reference: String,
}

impl LetterReply {
    pub(super) fn check(&self) -> Result<(), String> {
        const REFERENCE: &[&str] = &["reference"];
        let words: Vec<&str> = CASE.iter().copied().chain(["reach"]).collect();
        for (key, text) in [("body", &self.body), ("joined", &self.joined)] {
            check_words(text, &words)?;
            if ["{reference}", "{due}", "{reach}"].iter().any(|word| !text.contains(word)) {
                return Err(format!("'{key}' must hold {{reference}}, {{due}} and {{reach}}"));
            }
        }
        check_words(&self.subject, CASE)?;
        for (key, text) in [("reach", &self.reach), ("reference", &self.reference)] {
            check_words(text, REFERENCE)?;
            if !text.contains("{reference}") {
                return Err(format!("'{key}' must hold the {{reference}}"));
            }
        }
        Ok(())
    }
}
