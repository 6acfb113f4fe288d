//! Positions that a message names by figures: links to maps, coordinates, grid references, what3words addresses.
//!
//! Nothing is fetched here. A short link, and a what3words address, keep their place to themselves: [`Mention::pointer`] is what
//! somebody else can be asked.

mod figures;
mod links;

pub(super) use links::read as read_link;

use crate::core::{PlaceSource, Pointer};
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// So many of a message are looked at.
const MOST: usize = 50;

/// A position, or the lack of one, and the bytes of the text that name it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mention {
    /// Which bytes.
    pub range: Range<usize>,
    /// What they say.
    pub what: What,
}

/// What a mention says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// A position.
    At(Position),
    /// A what3words address, without its strokes.
    ThreeWords(String),
    /// A link that leads on to a map, as it stands there, and what can be asked where to.
    ShortLink(String, Pointer),
    /// A link to a map that does not say where, and the words it has instead, if any.
    MuteLink(String),
}

impl Mention {
    /// What somebody else has to be asked to know its place.
    pub fn pointer(&self) -> Option<Pointer> {
        match &self.what {
            What::ThreeWords(address) => Pointer::three_words(address),
            What::ShortLink(_, pointer) => Some(pointer.clone()),
            What::At(_) | What::MuteLink(_) => None,
        }
    }
}

/// A position in degrees as they stand there, which need not be on earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Position {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
    /// What named it.
    pub source: PlaceSource,
    /// How sure it is that it is meant, by its form.
    pub confidence: f64,
    /// Whether it is said to be a position in so many words, so that it is told even where it is far away.
    pub said: bool,
    /// How it was meant, where that is less than a point.
    pub only: Option<&'static str>,
}

/// The positions in a text, in order.
pub(super) fn find(text: &str) -> Vec<Mention> {
    let mut found = links::find(text);
    for mention in what3words(text).into_iter().chain(figures::find(text)) {
        if !found.iter().any(|m| m.range.start < mention.range.end && mention.range.start < m.range.end) {
            found.push(mention);
        }
    }
    found.sort_by_key(|mention| mention.range.start);
    found.truncate(MOST);
    found
}

/// The text with the bytes of the mentions made commas, so that no name is found in a link and none across it.
pub(super) fn masked(text: &str, mentions: &[Mention]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for mention in mentions {
        bytes[mention.range.clone()].fill(b',');
    }
    // The ranges begin and end between characters, so this is the same text but for them.
    String::from_utf8(bytes).unwrap_or_default()
}

/// `///filled.count.soap`, or three words after the company's name.
fn what3words(text: &str) -> Vec<Mention> {
    static STROKES: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?:^|[^:/\w])(///\s?(\p{L}[\p{L}\p{M}]*[.。・]\p{L}[\p{L}\p{M}]*[.。・]\p{L}[\p{L}\p{M}]*))").ok()
    });
    static SAID: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let said = r"(?i)\b(?:what\s?(?:3|three)\s?words?|w3w)\b[^\p{L}\d\n]{0,5}(?:(?:is|are|was|at|location|address|ref|reference|code)[\s:=\-]{1,4}){0,3}";
        Regex::new(&format!(r"{said}/{{0,3}}(\p{{L}}{{2,}}\.\p{{L}}{{2,}}\.\p{{L}}{{2,}})\b")).ok()
    });
    let mut found = Vec::new();
    for hit in STROKES.iter().flat_map(|regex| regex.captures_iter(text)).take(MOST) {
        if let (Some(all), Some(words)) = (hit.get(1), hit.get(2)) {
            found.push(Mention { range: all.range(), what: What::ThreeWords(words.as_str().to_lowercase()) });
        }
    }
    for hit in SAID.iter().flat_map(|regex| regex.captures_iter(text)).take(MOST) {
        if let Some(words) = hit.get(1) {
            found.push(Mention { range: words.range(), what: What::ThreeWords(words.as_str().to_lowercase()) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        let told = |mention: Mention| match mention.what {
            What::ThreeWords(words) => Some(words),
            _ => None,
        };
        find(text).into_iter().filter_map(told).collect()
    }

    #[test]
    fn a_what3words_address_is_taken_as_it_stands() {
        for text in [
            "at ///filled.count.soap please",
            "///Filled.Count.Soap.",
            "(///filled.count.soap)",
            "what3words: filled.count.soap",
            "What three words location is filled.count.soap",
            "w3w - ///filled.count.soap",
            "https://w3w.co/filled.count.soap",
            "what3words.com/filled.count.soap, by the gate",
            "https://what3words.com/clip/filled.count.soap",
            "https://what3words.com/filled.count.soap?alias=x",
        ] {
            assert_eq!(addresses(text), ["filled.count.soap"], "{text}");
        }
        assert_eq!(addresses("///größer.höhe.über"), ["größer.höhe.über"]);
    }

    #[test]
    fn three_words_with_stops_are_no_address_by_themselves() {
        for text in
            ["filled.count.soap", "see www.council.gov.uk", "file:///home.index.html", "what words.are.these", "///"]
        {
            assert!(addresses(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn masking_keeps_every_other_byte_where_it_is() {
        let text = "Ä at https://maps.google.com/?q=54.0287,2.0530 in Ölweg";
        let masked = masked(text, &find(text));
        assert_eq!(masked.len(), text.len());
        assert!(masked.starts_with("Ä at ,") && masked.ends_with(", in Ölweg"), "{masked}");
    }
}
