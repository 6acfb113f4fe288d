//! Which language a message is in, and how sure that is.
//!
//! The answer decides in which language a resident is acknowledged (R7), so the errors do not weigh the same: a Polish
//! report answered in English is a pity, an English or a Romanian one answered in Spanish is an embarrassment. So the
//! languages that a council does not answer in are told apart as well (`latin.rs` has the reason in figures), and an
//! acknowledgement leaves in another language than English only above [`Verdict::SURE_OF_LANGUAGE`].
//!
//! Scripts decide what they can, and letters and small words within a script (`script.rs`); only Latin text goes to the
//! n-gram models of `lingua`, after what is in no language was taken out of it: links, addresses, postcodes, numbers.
//!
//! [`Verdict::SURE_OF_LANGUAGE`]: crate::core::Verdict::SURE_OF_LANGUAGE

mod latin;
mod script;

use latin::Latin;
use script::{Script, Scripts};

/// Only so many characters are looked at: a language shows on the first page, and the time stays bounded.
const LOOKED_AT: usize = 4_000;
/// What English gets at most where it is the answer for want of a better one, and any language of which there is too
/// little to be sure.
const DOUBT: f64 = 0.5;
/// How sure a language is of which some letters stand in a text that is half in another script, rising to certainty
/// where there is no other.
const MIXED: f64 = 0.75;

/// The language of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detected {
    /// ISO 639-1 code; not only of the thirteen that are answered. English where nothing speaks for another language.
    pub code: &'static str,
    /// Probability, 0 to 1, that it is this one. English at 0.5 or below means "not known, so English"; 0 means that
    /// there was nothing to go by.
    pub confidence: f64,
}

impl Detected {
    const fn unknown() -> Self {
        Self { code: "en", confidence: 0.0 }
    }
}

/// Tells languages apart. One serves a whole process: it may be shared between threads, and holds next to nothing, for
/// the models are read out of the program file as they are needed.
pub struct Languages {
    latin: Latin,
}

impl Default for Languages {
    fn default() -> Self {
        Self::new()
    }
}

impl Languages {
    /// Builds the detector, in under a millisecond.
    #[must_use]
    pub fn new() -> Self {
        Self { latin: Latin::new() }
    }

    /// The language of `text`, from its first 4,000 characters.
    #[must_use]
    pub fn detect(&self, text: &str) -> Detected {
        let end = text.char_indices().nth(LOOKED_AT).map_or(text.len(), |(at, _)| at);
        let text = without_addresses(&text[..end]);
        let Some((script, share)) = Scripts::count(&text).leading() else { return Detected::unknown() };
        let found = match script {
            Script::Latin => return self.latin.detect(&text),
            Script::Arabic => script::arabic(&text),
            Script::Cyrillic => script::cyrillic(&text),
            Script::Devanagari => script::devanagari(&text),
            Script::Ethiopic => script::ethiopic(&text),
            Script::Of(code) => Detected { code, confidence: 1.0 },
        };
        if share < DOUBT && latin::is_english(&latin::words(&text)) {
            // An English message about something in another script: a sign, a leaflet, a text that is quoted.
            return Detected { code: "en", confidence: DOUBT };
        }
        Detected { confidence: found.confidence * (MIXED + (1.0 - MIXED) * share), ..found }
    }
}

/// The text without the parts that are in no language: links, mail addresses, handles, and everything with a digit in
/// it, which takes out postcodes, house numbers, number plates and references.
fn without_addresses(text: &str) -> String {
    let kept = |word: &&str| {
        !(word.contains("://")
            || word.contains('@')
            || word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."))
            // Chinese has no spaces: there a digit says nothing about what surrounds it.
            || (word.is_ascii() && word.bytes().any(|b| b.is_ascii_digit()))
            || (word.chars().any(|c| c.is_ascii_digit()) && word.chars().count() <= 8))
    };
    let lines = text.lines().map(|line| line.split_whitespace().filter(kept).collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
