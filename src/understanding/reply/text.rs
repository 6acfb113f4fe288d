//! The words of text messages: a line or two, without greeting, because each part of a text costs and a telephone's screen is
//! small.

use super::check_words;
use serde::Deserialize;

/// What residents are told by text, each a line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextReply {
    /// Their message became a case; `{council}`, `{service}`, `{place}`, `{reference}`, `{department}`, `{due}`.
    pub received: String,
    /// The same, where it is dealt with together with others' reports.
    pub joined: String,
    /// For somebody who may be in danger: `{council}` and `{reference}`, nothing else.
    pub safe: String,
    /// Asks where it is.
    pub place: String,
    /// What stands on the button that sends where they are, where a telephone has one.
    pub here: String,
    /// Asks what is wrong there.
    pub problem: String,
    /// Asks what is wrong and where, of who sent a picture without a word, or too few words.
    pub words: String,
    /// What they added is on their case.
    pub more: String,
    /// The department says that it is done; also `{service}`.
    pub done: String,
    /// They get no more messages.
    pub stopped: String,
    /// They get messages again.
    pub started: String,
    /// What this chat is for, to who opens it.
    pub welcome: String,
    /// What this number is for.
    pub help: String,
    /// How their case stands: `{reference}`, `{service}`, `{state}`, `{due}`.
    pub status: String,
    /// What `{state}` says of a case that a person looks at,
    pub state_waiting: String,
    /// of one that is with its `{department}`,
    pub state_routed: String,
    /// and of one that is closed, done or not.
    pub state_closed: String,
    /// They have no case.
    pub none: String,
}

impl TextReply {
    /// What is wrong with it: one line.
    pub(super) fn check(&self) -> Result<(), String> {
        for text in [&self.received, &self.joined] {
            check_words(text, &["council", "service", "place", "reference", "department", "due"])?;
            if !text.contains("{reference}") || !text.contains("{due}") {
                return Err("'received' and 'joined' must give the resident their {reference} and {due}".to_owned());
            }
        }
        check_words(&self.safe, &["council", "reference"])
            .map_err(|what| format!("safe: {what}: anything else could give away what was written"))?;
        for text in [&self.place, &self.problem, &self.words, &self.more] {
            check_words(text, &["council", "reference"])?;
        }
        check_words(&self.done, &["council", "reference", "service"])?;
        for text in [&self.stopped, &self.started, &self.welcome, &self.help, &self.none] {
            check_words(text, &["council"])?;
        }
        check_words(&self.status, &["council", "reference", "service", "state", "due"])?;
        check_words(&self.state_routed, &["department"])?;
        for text in [&self.here, &self.state_waiting, &self.state_closed] {
            check_words(text, &[])?;
        }
        Ok(())
    }
}
