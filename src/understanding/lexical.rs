//! The words and letters of a message, and where it is from, as evidence for a service: a linear model over hashed terms.
//!
//! A message has a few hundred of a hundred thousand terms. The crates that fit linear models want every row written out
//! in full (39,158 rows would take 23 GB), so this part is fitted by a descent of our own (`learning::descent`) and what
//! comes out of it, one score for each service, goes into linfa's fit beside the sentence embedding. It is also what makes
//! a verdict explainable: each score is a sum over words.

use crate::core::Point;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Longest text that is looked at, in characters; what comes after the first of them says nothing new.
const MOST_CHARACTERS: usize = 8_000;
/// Longest word whose letters are looked at.
const LONGEST_WORD: usize = 40;
/// Letters in a row that make a term.
const LETTERS: std::ops::RangeInclusive<usize> = 3..=5;
/// Edges of the squares a point is placed into, in degrees of latitude: about 450 m, 1.8 km and 7 km.
const SQUARES: [f64; 3] = [0.004, 0.016, 0.064];
/// How much a block weighs against the others, each being of length 1: words, letters, place.
const BLOCKS: [f32; 3] = [1.0, 1.0, 0.7];

/// A text of more words and pairs of words than this can be repetitive, and is where fewer than this share of them differ.
const LONG: f32 = 200.0;
const LEAST_DISTINCT: f32 = 0.1;

/// What kind of thing a term is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Block {
    /// A word, or two in a row.
    Words = 0,
    /// Three to five letters in a row.
    Letters = 1,
    /// A square on the map.
    Place = 2,
}

/// A term of a message, by the hash of it, and how often it stands there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// FNV-1a over the block and the term's letters.
    pub hash: u32,
    /// Its block.
    pub block: Block,
    /// How often.
    pub count: f32,
}

/// Every term of a message, in the order of their hashes.
#[must_use]
pub fn terms(text: &str, spot: Option<Point>) -> Vec<Term> {
    let mut all: Vec<(Block, u32)> = Vec::new();
    let words = words(text);
    for (n, word) in words.iter().enumerate() {
        of_word(word, |block, hash| all.push((block, hash)));
        if let Some(next) = words.get(n + 1) {
            all.push((Block::Words, of_pair(&word.key, &next.key)));
        }
    }
    if let Some(spot) = spot {
        for (n, edge) in SQUARES.iter().enumerate() {
            // A degree of longitude is about 0.62 of one of latitude in Britain.
            let (x, y) = ((spot.lon() * 0.62 / edge).floor() as i64, (spot.lat() / edge).floor() as i64);
            all.push((Block::Place, hash(4, &[&n.to_string(), " ", &x.to_string(), " ", &y.to_string()])));
        }
    }
    all.sort_unstable();
    let mut out: Vec<Term> = Vec::new();
    for (block, hash) in all {
        match out.last_mut() {
            Some(last) if last.hash == hash && last.block == block => last.count += 1.0,
            _ => out.push(Term { hash, block, count: 1.0 }),
        }
    }
    out
}

/// Whether a long text says the same few words over and over.
#[must_use]
pub fn is_repetitive(terms: &[Term]) -> bool {
    let words = terms.iter().filter(|term| term.block == Block::Words);
    let (distinct, all) = words.fold((0.0, 0.0), |(distinct, all), term| (distinct + 1.0, all + term.count));
    all > LONG && distinct < all * LEAST_DISTINCT
}

/// Whether a text is no writing at all: more than one character in fifty is a control character.
#[must_use]
pub fn is_noise(text: &str) -> bool {
    let (mut all, mut control) = (0_usize, 0_usize);
    for c in text.chars().take(MOST_CHARACTERS) {
        all += 1;
        control += usize::from(c.is_control() && !c.is_whitespace());
    }
    control * 50 > all
}

/// A word as it is compared and as it was written.
struct Word<'a> {
    key: String,
    shown: &'a str,
}

fn words(text: &str) -> Vec<Word<'_>> {
    let end = text.char_indices().nth(MOST_CHARACTERS).map_or(text.len(), |(at, _)| at);
    text[..end]
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|shown| {
            // Numbers count by their length: 14 and 52 are both a house, 2026 is a year.
            let key = if shown.bytes().all(|b| b.is_ascii_digit()) {
                "####"[..shown.len().min(4)].to_owned()
            } else {
                shown.to_lowercase()
            };
            Word { key, shown }
        })
        .collect()
}

/// The terms of one word: itself and its letters, with a blank before and after.
fn of_word(word: &Word<'_>, mut found: impl FnMut(Block, u32)) {
    found(Block::Words, hash(1, &[&word.key]));
    let padded: String = std::iter::once(' ').chain(word.key.chars().take(LONGEST_WORD)).chain([' ']).collect();
    let starts: Vec<usize> = padded.char_indices().map(|(at, _)| at).chain([padded.len()]).collect();
    for letters in LETTERS {
        for pair in starts.windows(letters + 1) {
            found(Block::Letters, hash(3, &[&padded[pair[0]..pair[letters]]]));
        }
    }
}

fn of_pair(first: &str, second: &str) -> u32 {
    hash(2, &[first, " ", second])
}

/// FNV-1a, folded to 32 bits.
fn hash(kind: u64, parts: &[&str]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ kind.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in parts.iter().flat_map(|part| part.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash ^ (hash >> 32)) as u32
}

/// The terms a model knows, with what each is worth as evidence of anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// Hashes in ascending order.
    hashes: Vec<u32>,
    /// Inverse document frequency of each: the rarer, the more it says.
    rarity: Vec<f32>,
}

/// A message in a vocabulary: rows of the model and their values.
pub type Row = Vec<(u32, f32)>;

impl Vocabulary {
    /// The commonest `most` terms of messages, of those that stand in at least two (words) or three (letters, squares).
    /// Squares count only where `placed`.
    #[must_use]
    pub fn of<'a>(messages: impl IntoIterator<Item = &'a Vec<Term>>, placed: bool, most: usize) -> Self {
        let mut seen: HashMap<u32, (u32, Block)> = HashMap::new();
        let mut n = 0_usize;
        for message in messages {
            n += 1;
            for term in message.iter().filter(|t| placed || t.block != Block::Place) {
                seen.entry(term.hash).or_insert((0, term.block)).0 += 1;
            }
        }
        let mut kept: Vec<(u32, u32)> = seen
            .into_iter()
            .filter(|(_, (count, block))| *count >= if *block == Block::Words { 2 } else { 3 })
            .map(|(hash, (count, _))| (count, hash))
            .collect();
        kept.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        kept.truncate(most);
        kept.sort_unstable_by_key(|(_, hash)| *hash);
        Self {
            hashes: kept.iter().map(|(_, hash)| *hash).collect(),
            rarity: kept.iter().map(|(count, _)| ((1.0 + n as f32) / (1.0 + *count as f32)).ln() + 1.0).collect(),
        }
    }

    /// How many terms.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The known terms of a message with their values, each block scaled to its weight.
    #[must_use]
    pub fn row(&self, terms: &[Term]) -> Row {
        let mut out: Row = Vec::new();
        let mut squares = [0.0_f32; 3];
        let mut blocks: Vec<Block> = Vec::new();
        for term in terms {
            let Ok(at) = self.hashes.binary_search(&term.hash) else { continue };
            let rarity = if term.block == Block::Place { 1.0 } else { self.rarity[at] };
            let value = (1.0 + term.count.ln()) * rarity;
            squares[term.block as usize] += value * value;
            blocks.push(term.block);
            out.push((at as u32, value));
        }
        for ((_, value), block) in out.iter_mut().zip(blocks) {
            *value *= BLOCKS[block as usize] / squares[block as usize].sqrt().max(1e-6);
        }
        out
    }
}

/// A fitted linear model over terms: scores for a number of labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lexicon {
    vocabulary: Vocabulary,
    labels: usize,
    bias: Vec<f32>,
    /// A weight is a whole number from -127 to 127 times the scale of its term: a quarter of the memory, and the scores
    /// differ by less than a hundredth.
    scales: Vec<f32>,
    weights: Vec<i8>,
}

impl Lexicon {
    /// A model of weights in full: `weights[term * labels + label]`.
    #[must_use]
    pub fn new(vocabulary: Vocabulary, bias: Vec<f32>, weights: &[f32]) -> Self {
        let labels = bias.len();
        let mut scales = Vec::with_capacity(vocabulary.len());
        let mut small = Vec::with_capacity(weights.len());
        for row in weights.chunks(labels.max(1)) {
            let scale = row.iter().fold(0.0_f32, |most, w| most.max(w.abs())) / 127.0;
            small.extend(row.iter().map(|w| if scale > 0.0 { (w / scale).round() as i8 } else { 0 }));
            scales.push(scale);
        }
        Self { vocabulary, labels, bias, scales, weights: small }
    }

    /// How many labels it knows.
    #[must_use]
    pub const fn labels(&self) -> usize {
        self.labels
    }

    /// Whether its parts fit each other.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let terms = self.vocabulary.len();
        self.bias.len() == self.labels
            && self.scales.len() == terms
            && self.vocabulary.rarity.len() == terms
            && self.weights.len() == terms * self.labels
    }

    /// The terms it knows.
    #[must_use]
    pub const fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The log-probability of each label for a message, given as a row of the vocabulary.
    #[must_use]
    pub fn log_probabilities(&self, row: &[(u32, f32)]) -> Vec<f32> {
        let mut scores = self.bias.clone();
        for (term, value) in row {
            let (at, by) = (*term as usize, value * self.scales[*term as usize]);
            for (score, weight) in scores.iter_mut().zip(&self.weights[at * self.labels..(at + 1) * self.labels]) {
                *score += by * f32::from(*weight);
            }
        }
        log_softmax(&mut scores);
        scores
    }

    /// The words of a message that speak most for `label` against the other labels, strongest first, at most `most`. `terms`
    /// are those of `text`.
    ///
    /// A word's weight is that of itself, of its letters and half of the pairs it stands in.
    #[must_use]
    pub fn weightiest(&self, text: &str, terms: &[Term], label: usize, most: usize) -> Vec<(String, f32)> {
        let counts: HashMap<u32, f32> = terms.iter().map(|t| (t.hash, t.count)).collect();
        let worths: HashMap<u32, f32> = self
            .vocabulary
            .row(terms)
            .into_iter()
            .map(|(term, value)| {
                let (at, hash) = (term as usize, self.vocabulary.hashes[term as usize]);
                let weights = &self.weights[at * self.labels..(at + 1) * self.labels];
                let mean = weights.iter().map(|w| f32::from(*w)).sum::<f32>() / self.labels.max(1) as f32;
                let by = value / counts.get(&hash).copied().unwrap_or(1.0);
                (hash, by * self.scales[at] * (weights.get(label).map_or(0.0, |w| f32::from(*w)) - mean))
            })
            .collect();
        let worth = |hash: u32| worths.get(&hash).copied().unwrap_or_default();
        let words = words(text);
        let mut found: Vec<(String, f32)> = Vec::new();
        for (n, word) in words.iter().enumerate() {
            let mut weight = 0.0;
            of_word(word, |_, hash| weight += worth(hash));
            let before = n.checked_sub(1).map(|n| of_pair(&words[n].key, &word.key));
            let after = words.get(n + 1).map(|next| of_pair(&word.key, &next.key));
            weight += before.into_iter().chain(after).map(worth).sum::<f32>() / 2.0;
            match found.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(word.shown)) {
                Some((_, sum)) => *sum += weight,
                None => found.push((word.shown.to_owned(), weight)),
            }
        }
        found.retain(|(_, weight)| *weight > 0.0);
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found.truncate(most);
        found
    }
}

/// Turns scores into log-probabilities.
pub fn log_softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = scores.iter().map(|s| (s - most).exp()).sum();
    for score in scores {
        *score -= most + sum.ln();
    }
}
