//! The words of a message, as far as two messages are compared by them.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So much of a message is compared.
const MOST_CHARACTERS: usize = 2_000;
/// Letters that are compared at a time.
const GRAM: usize = 4;
/// Words that say nothing of what a message is about.
const COMMON: &[&str] = &[
    "the",
    "a",
    "an",
    "and",
    "or",
    "of",
    "to",
    "in",
    "on",
    "at",
    "is",
    "it",
    "its",
    "are",
    "was",
    "were",
    "be",
    "been",
    "being",
    "has",
    "have",
    "had",
    "this",
    "that",
    "these",
    "those",
    "there",
    "here",
    "i",
    "we",
    "you",
    "they",
    "my",
    "our",
    "your",
    "their",
    "us",
    "me",
    "them",
    "he",
    "she",
    "his",
    "her",
    "for",
    "with",
    "from",
    "by",
    "as",
    "but",
    "not",
    "no",
    "so",
    "if",
    "can",
    "could",
    "will",
    "would",
    "should",
    "please",
    "thank",
    "thanks",
    "dear",
    "cllr",
    "councillor",
    "regards",
    "hi",
    "hello",
    "about",
    "do",
    "does",
    "did",
    "just",
    "very",
    "also",
    "too",
    "all",
    "any",
    "some",
    "up",
    "out",
    "off",
    "over",
];
/// Endings that make no other word of a word.
const ENDINGS: &[&str] = &["ings", "ing", "ies", "ied", "es", "ed", "s", "ly"];

/// How many of so many texts each word stands in: rare words say more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frequencies {
    /// Texts.
    pub texts: u32,
    /// Texts with the word, by its stem.
    pub with: BTreeMap<String, u32>,
}

impl Frequencies {
    /// Those of these texts.
    #[must_use]
    pub fn of<'a>(texts: impl Iterator<Item = &'a Words>) -> Self {
        let mut frequencies = Self::default();
        for text in texts {
            frequencies.texts += 1;
            for stem in &text.stems {
                *frequencies.with.entry(stem.clone()).or_default() += 1;
            }
        }
        frequencies
    }

    /// How much a word says: 1 for one that stands everywhere, more for rarer ones.
    fn weight(&self, stem: &str) -> f64 {
        let with = self.with.get(stem).copied().unwrap_or_default();
        ((f64::from(self.texts) + 1.0) / (f64::from(with) + 1.0)).ln() + 1.0
    }

    fn sum<'a>(&self, stems: impl Iterator<Item = &'a String>) -> f64 {
        stems.map(|stem| self.weight(stem)).sum()
    }
}

/// The words of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// All of them in lower case, with one space between them and one at each end.
    pub line: String,
    /// Those that carry meaning, without their endings.
    pub stems: BTreeSet<String>,
    /// Runs of letters in order, each once, with how often it stands there.
    grams: Vec<([char; GRAM], u32)>,
}

impl Words {
    /// The words of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let end = text.char_indices().nth(MOST_CHARACTERS).map_or(text.len(), |(at, _)| at);
        let words: Vec<String> = text[..end]
            .split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’'))
            .map(|word| word.trim_matches(['\'', '’']).to_lowercase())
            .filter(|word| !word.is_empty())
            .collect();
        let carries = |word: &&String| {
            word.chars().nth(1).is_some()
                && !COMMON.contains(&word.as_str())
                && !word.chars().all(|c| c.is_ascii_digit())
        };
        let stems = words.iter().filter(carries).map(|word| stem(word).to_owned()).collect();
        let line = words.join(" ");
        let letters: Vec<char> = line.chars().collect();
        let mut runs: Vec<[char; GRAM]> = letters.windows(GRAM).filter_map(|run| run.try_into().ok()).collect();
        runs.sort_unstable();
        let grams = runs.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect();
        Self { line: format!(" {line} "), stems, grams }
    }

    /// Whether one of these words or phrases is in it.
    #[must_use]
    pub fn says(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.line.contains(&format!(" {phrase} ")))
    }
}

fn stem(word: &str) -> &str {
    let without = |ending: &&str| word.strip_suffix(*ending).filter(|rest| rest.chars().count() >= 3);
    ENDINGS.iter().find_map(without).unwrap_or(word)
}

/// What two texts have in common, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Common {
    /// Cosine of their runs of letters.
    pub letters: f64,
    /// How much the words say that stand in both.
    pub shared: f64,
    /// The same as a share of the shorter text.
    pub contained: f64,
    /// How much the words say that stand in one text only, on the side where that is less.
    pub apart: f64,
    /// Share of the words that stand in both, of those in either; for people.
    pub share: f64,
}

impl Common {
    /// What two texts have in common.
    #[must_use]
    pub fn of(a: &Words, b: &Words, frequencies: &Frequencies) -> Self {
        /// So much as this is as much as anybody has in common.
        const MUCH: f64 = 40.0;
        let both = || a.stems.intersection(&b.stems);
        let shared = frequencies.sum(both());
        let shorter = frequencies.sum(a.stems.iter()).min(frequencies.sum(b.stems.iter()));
        let only = frequencies.sum(a.stems.difference(&b.stems)).min(frequencies.sum(b.stems.difference(&a.stems)));
        let any = a.stems.union(&b.stems).count();
        Self {
            letters: cosine(&a.grams, &b.grams),
            shared: (shared / MUCH).min(1.0),
            contained: if shorter > 0.0 { shared / shorter } else { 0.0 },
            apart: (only / MUCH).min(1.0),
            share: if any == 0 { 0.0 } else { both().count() as f64 / any as f64 },
        }
    }
}

fn cosine(a: &[([char; GRAM], u32)], b: &[([char; GRAM], u32)]) -> f64 {
    let square = |grams: &[([char; GRAM], u32)]| grams.iter().map(|(_, n)| f64::from(*n).powi(2)).sum::<f64>();
    let (mut product, mut at) = (0.0, 0);
    for (gram, n) in a {
        while b.get(at).is_some_and(|(other, _)| other < gram) {
            at += 1;
        }
        if let Some((_, m)) = b.get(at).filter(|(other, _)| other == gram) {
            product += f64::from(*n) * f64::from(*m);
        }
    }
    let length = (square(a) * square(b)).sqrt();
    if length > 0.0 { product / length } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_and_common_words_do_not_count() {
        let a = Words::of("The lamps are broken");
        let b = Words::of("lamp broken!");
        let common = Common::of(&a, &b, &Frequencies::of([&a, &b].into_iter()));
        assert!((common.contained - 1.0).abs() < 1e-9 && common.apart < 1e-9, "{common:?}");
        assert_eq!(Common::of(&Words::of(""), &a, &Frequencies::default()), Common::default());
    }
}
