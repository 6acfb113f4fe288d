//! Names of streets, parks and buildings, and where they stand in a text.
//!
//! Names are kept as a tree of words in their short form ([`words`](mod@super::words)), so that finding them costs a few
//! look-ups a word however many names there are. A name with one letter wrong is found by its other half, which then
//! must be right: every name is listed under its first and under its second half.

use super::words::{Word, is_street_kind, words};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A row of the gazetteer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// As the file has it.
    pub name: String,
    /// `street`, `park`, `school`, whatever the file says, in small letters.
    pub kind: String,
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
}

/// A name, with all rows that bear it.
#[derive(Debug, Default)]
pub(super) struct Name {
    /// Its rows, by their index.
    pub entries: Vec<usize>,
    /// How many words it has.
    words: usize,
    /// Its words in short form without spaces.
    joined: String,
    /// Its last word where that is a kind of street, which a name with a letter wrong must share: a drive is no road.
    kind: Option<String>,
    /// Whether it may be ordinary words: a single one, or "The Park", or "Main Road".
    pub common: bool,
}

/// A name found in a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hit {
    /// Which name, by its index.
    pub name: usize,
    /// Index of its first word in the text.
    pub first: usize,
    /// Index of its last word.
    pub last: usize,
    /// Whether one letter had to be put right.
    pub typo: bool,
}

/// No name is looked for with a letter wrong after so many words of a text, nor in text beyond them.
const TYPO_WORDS: usize = 400;
/// Least letters of a name that may have one wrong, and of the part of it that is no kind of street.
const TYPO_LETTERS: usize = 8;
const TYPO_OWN_LETTERS: usize = 5;
/// A name is at most so many words with a letter wrong ("Water Meadow Dr" for "Watermeadow Drive").
const TYPO_WINDOW: usize = 5;

/// First words that make a name of two words out of ordinary ones.
const ORDINARY: [&str; 20] = [
    "the", "main", "major", "long", "new", "old", "side", "back", "front", "busy", "access", "service", "private",
    "steep", "narrow", "borough", "village", "town", "city", "local",
];
/// Words at which a name with a letter wrong does not go on: "a dent in road" is not Denton Road.
const BETWEEN: [&str; 14] = ["a", "an", "and", "at", "by", "dear", "in", "is", "of", "on", "or", "the", "this", "to"];

/// All names, ready to be found.
#[derive(Debug, Default)]
pub(super) struct Gazetteer {
    pub entries: Vec<Entry>,
    pub names: Vec<Name>,
    /// Words in short form, numbered.
    numbers: HashMap<String, u32>,
    /// From a node by a word to the next node; the root is node 0.
    edges: HashMap<(u32, u32), u32>,
    /// For each node the name that ends there, plus one.
    ends: Vec<usize>,
    /// Hashes of halves of names with the names, in order.
    halves: Vec<(u64, u32)>,
}

impl Gazetteer {
    /// Takes in the rows. Rows without a letter in their name are left out.
    pub fn new(entries: Vec<Entry>) -> Self {
        let mut this = Self { ends: vec![0], ..Self::default() };
        for (index, entry) in entries.iter().enumerate() {
            this.add(index, &entry.name);
        }
        this.entries = entries;
        for index in 0..this.names.len() {
            this.list_halves(index);
        }
        this.halves.sort_unstable();
        this
    }

    fn add(&mut self, entry: usize, name: &str) {
        let parts = words(name);
        if parts.is_empty() {
            return;
        }
        let mut node = 0;
        for part in &parts {
            let next_number = self.numbers.len() as u32;
            let number = *self.numbers.entry(part.norm.clone()).or_insert(next_number);
            let next_node = self.ends.len() as u32;
            let next = *self.edges.entry((node, number)).or_insert(next_node);
            if next == next_node {
                self.ends.push(0);
            }
            node = next;
        }
        let end = &mut self.ends[node as usize];
        if *end == 0 {
            self.names.push(Name {
                entries: Vec::new(),
                words: parts.len(),
                joined: parts.iter().map(|p| p.norm.as_str()).collect(),
                kind: parts.last().filter(|p| is_street_kind(&p.norm)).map(|p| p.norm.clone()),
                common: parts.len() == 1 || (parts.len() == 2 && ORDINARY.contains(&parts[0].norm.as_str())),
            });
            *end = self.names.len();
        }
        self.names[*end - 1].entries.push(entry);
    }

    fn list_halves(&mut self, index: usize) {
        let name = &self.names[index];
        let Some(entry) = name.entries.first() else { return };
        let parts = words(&self.entries[*entry].name);
        let letters: usize = parts.iter().map(|p| p.text.len()).sum();
        let own: usize = parts.iter().filter(|p| !is_street_kind(&p.norm)).map(|p| p.norm.len()).sum();
        if letters < TYPO_LETTERS || own < TYPO_OWN_LETTERS || !name.joined.is_ascii() {
            return;
        }
        let (front, back) = name.joined.split_at(name.joined.len() / 2);
        self.halves.push((half(name.joined.len(), true, front), index as u32));
        self.halves.push((half(name.joined.len(), false, back), index as u32));
    }

    /// The names that stand in the text, longest first where they overlap, in the order of the text.
    pub fn find(&self, text: &[Word<'_>]) -> Vec<Hit> {
        let mut hits: Vec<Hit> = (0..text.len()).filter_map(|first| self.longest(text, first)).collect();
        hits.sort_by_key(|hit| (std::cmp::Reverse(hit.last - hit.first), hit.first));
        let mut taken = vec![false; text.len()];
        hits.retain(|hit| take(&mut taken, hit));
        let near = &text[..text.len().min(TYPO_WORDS)];
        let mut first = 0;
        while first < near.len() {
            let hit = self.with_typo(near, first, &taken).filter(|hit| take(&mut taken, hit));
            first = hit.as_ref().map_or(first + 1, |hit| hit.last + 1);
            hits.extend(hit);
        }
        hits.sort_by_key(|hit| hit.first);
        hits
    }

    fn longest(&self, text: &[Word<'_>], first: usize) -> Option<Hit> {
        let mut node = 0;
        let mut best = None;
        for (at, word) in text.iter().enumerate().skip(first) {
            if at > first && !word.joined {
                break;
            }
            if let Some(end) = word
                .bare
                .as_ref()
                .and_then(|bare| self.step(node, bare))
                .map(|n| self.ends[n as usize])
                .filter(|end| *end > 0)
            {
                best = Some(Hit { name: end - 1, first, last: at, typo: false });
            }
            let Some(next) = self.step(node, &word.norm) else { break };
            node = next;
            if self.ends[node as usize] > 0 {
                best = Some(Hit { name: self.ends[node as usize] - 1, first, last: at, typo: false });
            }
        }
        best.filter(|hit| !self.names[hit.name].common || is_meant(text, hit))
    }

    fn step(&self, node: u32, word: &str) -> Option<u32> {
        self.edges.get(&(node, *self.numbers.get(word)?)).copied()
    }

    fn with_typo(&self, text: &[Word<'_>], first: usize, taken: &[bool]) -> Option<Hit> {
        let mut window = String::new();
        let mut best = None;
        for (at, word) in text.iter().enumerate().skip(first).take(TYPO_WINDOW) {
            if taken[at]
                || word.is_number()
                || !word.norm.is_ascii()
                || BETWEEN.contains(&word.norm.as_str())
                || (at > first && !word.joined)
            {
                break;
            }
            window.push_str(&word.norm);
            if let Some(name) = self.nearly(&window, word, at - first + 1) {
                best = Some(Hit { name, first, last: at, typo: true });
            }
        }
        best
    }

    /// The one name that differs from `window` by one letter, or by its spaces alone.
    fn nearly(&self, window: &str, last: &Word<'_>, count: usize) -> Option<usize> {
        let kind = is_street_kind(&last.norm).then_some(&last.norm);
        let mut found = None;
        for length in window.len().saturating_sub(1)..=window.len() + 1 {
            let (front, back) = (length / 2, length - length / 2);
            let fronts = window.get(..front).map(|part| half(length, true, part));
            let backs =
                window.len().checked_sub(back).and_then(|at| window.get(at..)).map(|part| half(length, false, part));
            // Two letters swapped across the middle leave neither half right.
            let swapped = window.get(..front + 1).filter(|_| front > 0 && length == window.len()).map(|part| {
                let (rest, two) = part.split_at(front - 1);
                half(length, true, &format!("{rest}{}", &two[1..]))
            });
            for hash in fronts.into_iter().chain(backs).chain(swapped) {
                for name in self.listed(hash) {
                    let known = &self.names[name];
                    let alike = known.words.abs_diff(count) <= 1
                        && known.kind.as_ref() == kind
                        && is_typo(&known.joined, window);
                    if alike && found != Some(name) {
                        if found.is_some() {
                            return None;
                        }
                        found = Some(name);
                    }
                }
            }
        }
        found
    }

    fn listed(&self, hash: u64) -> impl Iterator<Item = usize> + '_ {
        let from = self.halves.partition_point(|(h, _)| *h < hash);
        self.halves[from..].iter().take_while(move |(h, _)| *h == hash).map(|(_, name)| *name as usize)
    }
}

fn take(taken: &mut [bool], hit: &Hit) -> bool {
    let free = !taken[hit.first..=hit.last].contains(&true);
    if free {
        taken[hit.first..=hit.last].fill(true);
    }
    free
}

fn half(length: usize, front: bool, part: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (length, front, part).hash(&mut hasher);
    hasher.finish()
}

/// Whether a name that may be an ordinary word is meant as a name: it has a house number, or its own word is written
/// with a capital that is not due to the beginning of a sentence.
fn is_meant(text: &[Word<'_>], hit: &Hit) -> bool {
    let numbered = hit.first > 0 && text[hit.first - 1].is_number();
    let shouted = text.iter().all(|w| !w.text.chars().any(char::is_lowercase));
    let inside = hit.first > 0 && text[hit.first].joined;
    let named = &text[hit.last];
    let long = hit.first == hit.last && named.norm.len() >= TYPO_LETTERS && !is_street_kind(&named.norm);
    numbered
        || (!shouted && named.is_capital() && (hit.last > hit.first || inside))
        || (long && (inside || named.is_capital()))
}

/// Whether `typed` is `name` with one letter wrong, missing, too many or two neighbours swapped (or no difference but
/// in spaces). The first letter must be right, for Hill Lane is not Mill Lane; and an ending too many is a word of its
/// own, for "market places" are not Market Place.
fn is_typo(name: &str, typed: &str) -> bool {
    let (a, b) = (name.as_bytes(), typed.as_bytes());
    if a.first() != b.first() {
        return false;
    }
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (x, y) = (&a[same..], &b[same..]);
    match x.len().cmp(&y.len()) {
        std::cmp::Ordering::Equal => {
            x.is_empty() || x[1..] == y[1..] || (x.len() > 1 && x[0] == y[1] && x[1] == y[0] && x[2..] == y[2..])
        }
        std::cmp::Ordering::Greater => x[1..] == *y,
        std::cmp::Ordering::Less => !x.is_empty() && y[1..] == *x,
    }
}

/// Whether the words around a hit say that it is part of a longer name that the gazetteer lacks: "Upper Mill Lane",
/// "Mill Lane Close".
pub(super) fn is_part_of_longer(text: &[Word<'_>], hit: &Hit) -> bool {
    let before = hit.first.checked_sub(1).filter(|_| text[hit.first].joined).map(|at| &text[at]);
    let qualified = before.is_some_and(|w| {
        let norm = w.norm.as_str();
        matches!(
            norm,
            "upper"
                | "lower"
                | "old"
                | "new"
                | "n"
                | "s"
                | "east"
                | "west"
                | "great"
                | "little"
                | "higher"
                | "nether"
                | "back"
        ) && (w.is_capital() || matches!(norm, "upper" | "lower" | "higher" | "nether"))
    });
    let after = text.get(hit.last + 1).filter(|w| w.joined);
    qualified
        || after.is_some_and(|w| {
            is_street_kind(&w.norm)
                && (w.is_capital()
                    || !matches!(
                        w.norm.as_str(),
                        "gate"
                            | "path"
                            | "view"
                            | "bank"
                            | "pl"
                            | "walk"
                            | "cl"
                            | "pk"
                            | "rise"
                            | "ho"
                            | "fields"
                            | "yard"
                            | "row"
                    ))
        })
}
