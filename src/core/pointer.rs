//! What points to a place that only somebody else's service knows, and what that service said.

use super::maps;
use super::place::Point;
use serde::{Deserialize, Serialize};
use url::Url;

/// An address longer than this is none.
const MOST_WORDS: usize = 100;

/// A what3words address, or a short link to a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "address", rename_all = "snake_case")]
pub enum Pointer {
    /// `filled.count.soap`: in small letters, with full stops between.
    ThreeWords(String),
    /// The only address that the link is ever asked at: see [`maps::short_link`].
    ShortLink(String),
}

impl Pointer {
    /// A what3words address; none where it cannot be one.
    #[must_use]
    pub fn three_words(address: &str) -> Option<Self> {
        let address = address.replace(['。', '・'], ".").to_lowercase();
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || !c.is_ascii());
        let words = address.split('.').count() == 3 && address.split('.').all(is_word);
        (words && address.len() <= MOST_WORDS).then_some(Self::ThreeWords(address))
    }

    /// A short link; none for every other link.
    #[must_use]
    pub fn short_link(link: &Url) -> Option<Self> {
        maps::short_link(link).map(|url| Self::ShortLink(url.into()))
    }

    /// What it is, in one word, for a row.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ThreeWords(_) => "three_words",
            Self::ShortLink(_) => "short_link",
        }
    }

    /// The words or the link.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::ThreeWords(address) | Self::ShortLink(address) => address,
        }
    }
}

/// Where a pointer points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", content = "at", rename_all = "snake_case")]
pub enum PointsTo {
    /// A point.
    Spot(Point),
    /// A link to a map that we know, which was read and not opened.
    Map(String),
    /// Something else, where it was not followed to.
    Elsewhere,
    /// Nothing: there are no such words, or no such link any more.
    Nothing,
    /// Nobody knows: the service did not answer, or not this time.
    Unanswered,
}

impl PointsTo {
    /// Whether it will be the same tomorrow, so that nobody has to be asked again.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        !matches!(self, Self::Unanswered)
    }
}

/// A pointer of a message, with what it was found to point to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedUp {
    /// The words or the link.
    pub pointer: Pointer,
    /// Where it points.
    pub points_to: PointsTo,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_words_are_asked_for_in_one_form() {
        for address in ["filled.count.soap", "Filled.Count.Soap", "filled。count・soap"] {
            assert_eq!(Pointer::three_words(address), Some(Pointer::ThreeWords("filled.count.soap".to_owned())));
        }
        assert!(Pointer::three_words("größer.höhe.über").is_some());
        let long = format!("{}.count.soap", "a".repeat(MOST_WORDS));
        for address in ["filled.count", "filled.count.soap.x", "filled..soap", "filled.count.s&p", "1.2.3", "", &long] {
            assert_eq!(Pointer::three_words(address), None, "{address}");
        }
    }

    #[test]
    fn what_was_said_comes_back_as_it_was() {
        for points_to in [
            PointsTo::Spot(Point::new(54.01609, 2.04808).unwrap()),
            PointsTo::Map("https://www.google.com/maps?q=54.0,2.0".to_owned()),
            PointsTo::Elsewhere,
            PointsTo::Nothing,
        ] {
            let json = serde_json::to_value(&points_to).unwrap();
            assert!(json.is_object(), "{json}");
            assert_eq!(serde_json::from_value::<PointsTo>(json).unwrap(), points_to);
        }
    }
}
