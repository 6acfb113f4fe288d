//! Which patterns can match a text at all, from the words they cannot do without.
//!
//! Hundreds of patterns are tried on every message and a handful match. Each is made of pieces of fixed text, and one search
//! for all these pieces at once (`regex-filtered`, as RE2's `FilteredRE2` does it) leaves the few that are worth trying.

use aho_corasick::AhoCorasick;
use regex_filtered::mapper::{Builder, Mapper};
use regex_filtered::model::Model;
use regex_syntax::ParserBuilder;

/// Shortest piece that is searched for, in bytes.
const LEAST_PIECE: usize = 3;

/// A number of patterns, by the pieces of text they cannot match without.
pub(super) struct Sieve {
    mapper: Mapper,
    pieces: AhoCorasick,
}

impl std::fmt::Debug for Sieve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sieve").field("pieces", &self.pieces.patterns_len()).finish_non_exhaustive()
    }
}

impl Sieve {
    /// The sieve of `patterns`, which are matched without regard to case.
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut builder = Builder::new(LEAST_PIECE);
        for pattern in patterns {
            let parsed =
                ParserBuilder::new().case_insensitive(true).build().parse(pattern).map_err(|e| e.to_string())?;
            // Capital letters outside ASCII are not searched for, so a pattern that holds foreign letters is always tried.
            let model = if pattern.is_ascii() { Model::new(&parsed).ok() } else { None };
            builder.push(model.unwrap_or_else(Model::all));
        }
        let (mapper, pieces) = builder.build();
        let pieces = AhoCorasick::builder().ascii_case_insensitive(true).build(pieces).map_err(|e| e.to_string())?;
        Ok(Self { mapper, pieces })
    }

    /// The patterns that may match `text`, by their place among the patterns, in order. Each of the others does not.
    pub(super) fn may_match(&self, text: &str) -> Vec<usize> {
        self.mapper.atom_to_re(self.pieces.find_overlapping_iter(text).map(|piece| piece.pattern().as_usize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::RegexBuilder;

    const PATTERNS: &[&str] = &[
        r"(?-u:\b)pot ?holes?(?-u:\b)",
        r"(street|lamp).{0,20}(light|out)",
        r"bins?",
        r"(is|was) (not|never) (emptied|collected)",
        r"schlüssel|straße",
        r"\d{3,}",
        r"knife|[km]nives",
        r"a*",
        r"K(elvin)? street",
    ];

    #[test]
    fn a_text_leaves_few_patterns_to_try() {
        let sieve = Sieve::new(PATTERNS.iter().copied()).unwrap_or_else(|e| panic!("{e}"));
        let tried = sieve.may_match("The POTHOLE in our road");
        assert!(tried.contains(&0));
        assert!(!tried.contains(&1) && !tried.contains(&3));
    }

    proptest! {
        #[test]
        fn no_pattern_that_matches_is_left_out(
            text in r"((pothole|POT HOLES|street|lamp|Light|out|bin|is not collected|Schlüssel|STRASSE|straße|123|knives|elvin street|aa)[ .\u{212a}ſ]){0,8}"
        ) {
            let sieve = Sieve::new(PATTERNS.iter().copied()).unwrap_or_else(|e| panic!("{e}"));
            let text = crate::understanding::rules::normalise(&text);
            let tried = sieve.may_match(&text);
            for (n, pattern) in PATTERNS.iter().enumerate() {
                let regex = RegexBuilder::new(pattern).case_insensitive(true).build().unwrap_or_else(|e| panic!("{e}"));
                prop_assert!(!regex.is_match(&text) || tried.contains(&n), "{pattern} matches {text:?}");
            }
        }
    }
}
