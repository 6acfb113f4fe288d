//! Names of streets, parks and buildings, and where they stand in a text.
//!
//! Names are kept as a tree of words in their short form ([`words`](mod@super::words)), so that finding them costs a few
//! look-ups a word however many names there are. A name with one letter wrong is found by its other half, which then
//! must be right: every name is listed under its first and under its second half.

use super::words::{Word, is_street_kind, words};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A street.
    Street,
    /// A road known by its number, many miles long.
    RoadNumber,
    /// A city or town, or the whole borough: too large to be a place in it.
    Town,
    /// A village or suburb: an area of some streets.
    Suburb,
    /// A park, school, station, building.
    Site,
    /// A wood, hill or river.
    Nature,
}

impl Kind {
    /// What the word in a council's own file means; a word that is not known is a site's.
    pub fn of_word(word: &str) -> Self {
        match word.to_lowercase().as_str() {
            "" | "street" | "road" => Self::Street,
            "town" | "city" => Self::Town,
            "village" | "hamlet" | "suburb" | "settlement" => Self::Suburb,
            _ => Self::Site,
        }
    }
}

/// A row of the gazetteer. Its texts stand in [`Rows::texts`], for a street's name is in many rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    /// Its name as the file has it, by its index.
    pub name: u32,
    /// The settlement it lies in, by its index.
    pub area: u32,
    /// The first half of its postcode, by its index.
    pub district: u32,
    /// What it is.
    pub kind: Kind,
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
}

/// Rows as they are read, with every text kept once.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// The rows.
    pub entries: Vec<Entry>,
    texts: Vec<Arc<str>>,
    known: HashMap<Arc<str>, u32>,
}

impl Rows {
    /// Adds a row.
    pub fn add(&mut self, name: &str, kind: Kind, (lat, lon): (f64, f64), area: &str, district: &str) {
        let (name, area, district) = (self.text(name), self.text(area), self.text(district));
        self.entries.push(Entry { name, area, district, kind, lat, lon });
    }

    fn text(&mut self, text: &str) -> u32 {
        if let Some(index) = self.known.get(text) {
            return *index;
        }
        let (text, index) = (Arc::<str>::from(text), self.texts.len() as u32);
        self.texts.push(Arc::clone(&text));
        self.known.insert(text, index);
        index
    }
}

/// A name, with all rows that bear it.
#[derive(Debug)]
pub(super) struct Name {
    /// Its rows.
    rows: std::ops::Range<u32>,
    /// How many words it has.
    words: u8,
    /// Its words in short form without spaces.
    joined: Box<str>,
    /// How many letters at the end are a kind of street, which a name with a letter wrong must share: a drive is no road.
    kind: u8,
    /// Whether it may be ordinary words: a single one, or "The Park", or "Main Road".
    pub common: bool,
}

impl Name {
    fn kind(&self) -> Option<&str> {
        self.joined.get(self.joined.len() - usize::from(self.kind)..).filter(|kind| !kind.is_empty())
    }
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
const TYPO_LETTERS: usize = 6;
const TYPO_OWN_LETTERS: usize = 5;
/// A single word of so many letters is a name even in small letters.
const LONG_WORD: usize = 8;
/// A name is at most so many words with a letter wrong ("Water Meadow Dr" for "Watermeadow Drive").
const TYPO_WINDOW: usize = 5;

/// First words that make a name of two words out of ordinary ones.
const ORDINARY: [&str; 20] = [
    "the", "main", "major", "long", "new", "old", "side", "back", "front", "busy", "access", "service", "private",
    "steep", "narrow", "borough", "village", "town", "city", "local",
];
/// A name of one word has at least so many letters in short form, and is none of these, which everybody uses of every
/// street; some gazetteers have them as names.
const LEAST_LETTERS: usize = 3;
const GENERIC: [&str; 22] = [
    "footpath",
    "path",
    "footway",
    "pathway",
    "alley",
    "alleyway",
    "cycleway",
    "cyclepath",
    "towpath",
    "pavement",
    "underpass",
    "subway",
    "roundabout",
    "playground",
    "allotments",
    "woodland",
    "woodlands",
    "churchyard",
    "driveway",
    "crossing",
    "entrance",
    "access",
];
/// Words at which a name with a letter wrong does not go on: "a dent in road" is not Denton Road.
const BETWEEN: [&str; 14] = ["a", "an", "and", "at", "by", "dear", "in", "is", "of", "on", "or", "the", "this", "to"];

/// All names, ready to be found.
#[derive(Debug, Default)]
pub(super) struct Gazetteer {
    /// The rows, those of one name side by side.
    pub entries: Vec<Entry>,
    pub names: Vec<Name>,
    texts: Vec<Arc<str>>,
    /// Words in short form, numbered.
    numbers: HashMap<Box<str>, u32>,
    /// From a node by a word to the next node; the root is node 0.
    edges: HashMap<(u32, u32), u32>,
    /// For each node the name that ends there, plus one.
    ends: Vec<u32>,
    /// Hashes of halves of names with the names, in order.
    halves: Vec<(u64, u32)>,
}

impl Gazetteer {
    /// Takes in the rows. Rows without a letter in their name are left out.
    pub fn new(rows: Rows) -> Self {
        let Rows { entries, texts, known } = rows;
        drop(known);
        let mut this = Self { ends: vec![0], texts, ..Self::default() };
        // A text is looked at once, however many rows it names.
        let mut name_of: Vec<Option<u32>> = vec![None; this.texts.len()];
        let mut of: Vec<u32> = Vec::with_capacity(entries.len());
        for entry in &entries {
            let text = entry.name as usize;
            if name_of[text].is_none() {
                name_of[text] = this.add(&Arc::clone(&this.texts[text]));
            }
            of.push(name_of[text].unwrap_or(u32::MAX));
        }
        let mut order: Vec<u32> = (0..entries.len() as u32).filter(|row| of[*row as usize] != u32::MAX).collect();
        order.sort_by_key(|row| of[*row as usize]);
        this.entries = order.iter().map(|row| entries[*row as usize]).collect();
        for (at, row) in order.iter().enumerate() {
            let rows = &mut this.names[of[*row as usize] as usize].rows;
            if rows.start == rows.end {
                rows.start = at as u32;
            }
            rows.end = at as u32 + 1;
        }
        for index in 0..this.names.len() {
            this.list_halves(index);
        }
        this.halves.sort_unstable();
        this
    }

    /// The rows of a name.
    pub fn rows(&self, name: usize) -> &[Entry] {
        let rows = &self.names[name].rows;
        &self.entries[rows.start as usize..rows.end as usize]
    }

    /// A text of a row, by its index.
    pub fn text(&self, index: u32) -> &str {
        &self.texts[index as usize]
    }

    /// The name that a text is in short form, added where it is new; none where it has no word, or one that is no name.
    fn add(&mut self, name: &str) -> Option<u32> {
        let parts = words(name);
        let last = parts.last()?;
        if parts.len() == 1 && (last.norm.len() < LEAST_LETTERS || GENERIC.contains(&last.norm.as_str())) {
            return None;
        }
        let mut node = 0;
        for part in &parts {
            let next_number = self.numbers.len() as u32;
            let number = match self.numbers.get(part.norm.as_str()) {
                Some(number) => *number,
                None => *self.numbers.entry(part.norm.as_str().into()).or_insert(next_number),
            };
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
                rows: 0..0,
                words: parts.len().min(255) as u8,
                joined: parts.iter().map(|p| p.norm.as_str()).collect(),
                kind: if is_street_kind(&last.norm) { last.norm.len() as u8 } else { 0 },
                common: parts.len() == 1 || (parts.len() == 2 && ORDINARY.contains(&parts[0].norm.as_str())),
            });
            *end = self.names.len() as u32;
        }
        Some(*end - 1)
    }

    fn list_halves(&mut self, index: usize) {
        let name = &self.names[index];
        let Some(entry) = self.rows(index).first() else { return };
        let parts = words(self.text(entry.name));
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
            let hit = self.with_typo(near, first, &taken);
            let hit = hit.filter(|hit| self.is_named(text, hit));
            let hit = hit.filter(|hit| take(&mut taken, hit));
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
                best = Some(Hit { name: end as usize - 1, first, last: at, typo: false });
            }
            let Some(next) = self.step(node, &word.norm) else { break };
            node = next;
            if self.ends[node as usize] > 0 {
                best = Some(Hit { name: self.ends[node as usize] as usize - 1, first, last: at, typo: false });
            }
        }
        best.filter(|hit| self.is_named(text, hit))
    }

    /// Whether the words name a place, and not a person or nothing.
    fn is_named(&self, text: &[Word<'_>], hit: &Hit) -> bool {
        !is_person(text, hit) && (!self.names[hit.name].common || is_meant(text, hit))
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
        let kind = is_street_kind(&last.norm).then_some(last.norm.as_str());
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
                    let alike = usize::from(known.words).abs_diff(count) <= 1
                        && known.kind() == kind
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

/// Words before a name that make it somebody's, and others that do so before a single word.
const TITLES: [&str; 13] =
    ["mr", "mrs", "ms", "miss", "mx", "cllr", "councillor", "sir", "lady", "lord", "rev", "prof", "dear"];
const BEFORE_FIRST_NAMES: [&str; 4] = ["hi", "hello", "hiya", "dr"];
/// Words after which a single capitalised word may be a place, though they begin a sentence with a capital of their own.
const BEFORE_PLACES: [&str; 26] = [
    "in", "at", "on", "near", "from", "to", "of", "by", "outside", "opposite", "around", "across", "through", "via",
    "towards", "the", "and", "or", "between", "behind", "past", "along", "is", "n", "s", "all",
];

/// Whether a name is somebody's: "Mrs Hill", "Dear Penny Lane", "Hi Preston".
fn is_person(text: &[Word<'_>], hit: &Hit) -> bool {
    let named = &text[hit.first];
    let before = hit.first.checked_sub(1).map(|at| text[at].norm.as_str()).filter(|_| named.joined && !named.new_line);
    before.is_some_and(|word| {
        TITLES.contains(&word) || (hit.first == hit.last && BEFORE_FIRST_NAMES.contains(&word) && named.is_capital())
    })
}

/// Whether a name that may be an ordinary word is meant as a name: it has a house number, or its own word is written
/// with a capital that is not due to the beginning of a sentence nor to being half of somebody's name.
fn is_meant(text: &[Word<'_>], hit: &Hit) -> bool {
    let numbered = hit.first > 0 && text[hit.first - 1].is_number();
    let shouted = text.iter().all(|w| !w.text.chars().any(char::is_lowercase));
    let inside = hit.first > 0 && text[hit.first].joined;
    let named = &text[hit.last];
    let single = hit.first == hit.last;
    let long = single && named.norm.len() >= LONG_WORD && !is_street_kind(&named.norm);
    let whole = !single || shouted || !is_half_of_a_name(text, hit.first);
    numbered
        || (whole && !shouted && named.is_capital() && (!single || inside))
        || (whole && long && (inside || named.is_capital()))
}

/// Whether a word stands beside another one with a capital that is no word of place: "Jo Preston", "Preston Limited".
fn is_half_of_a_name(text: &[Word<'_>], at: usize) -> bool {
    let beside = |word: &&Word<'_>| word.is_capital() && !word.is_number() && !is_street_kind(&word.norm);
    let before = at.checked_sub(1).map(|before| &text[before]).filter(|_| text[at].joined && !text[at].new_line);
    let after = text.get(at + 1).filter(|after| after.joined && !after.new_line);
    before.filter(beside).is_some_and(|word| !BEFORE_PLACES.contains(&word.norm.as_str()))
        || after.filter(beside).is_some_and(|word| !matches!(word.norm.as_str(), "ward" | "i"))
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
                | "grt"
                | "gt"
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
