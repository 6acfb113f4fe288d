//! How wide and various a set of labelled messages is, in figures: what it holds, how much of it says the same thing
//! twice, how rich its words are, and how much of another set's words it knows.

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Words in a shingle, and from which share of common shingles two messages are near-duplicates.
const SHINGLE: usize = 3;
const NEAR: f64 = 0.6;
/// Most messages that one is compared with. A set of which more share their rarest shingles has a plague of copies
/// already; the sheet then says "at least".
const MOST_COMPARED: usize = 2_000;
/// Words at the beginning of a message that make its opening.
const OPENING: usize = 3;
/// Words in a row that hardly come about twice by chance.
const LEAK: usize = 6;
/// How often a word of the other set is seen before it counts among those that ought to be known.
const SEEN: usize = 5;
/// Sizes of samples, in words, on which different words are counted; two sets can be compared at the same size only.
const SAMPLES: [usize; 4] = [1_000, 10_000, 50_000, 100_000];
/// Most ids that are listed.
const MOST_IDS: usize = 20;

/// One message of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Row {
    /// Its id, unique in its file.
    #[serde(default)]
    pub id: String,
    /// Subject, blank line, body; or the words alone.
    pub text: String,
    /// Service key.
    pub label: Option<String>,
    /// How pressing it is.
    pub priority: Option<String>,
    /// ISO 639-1 code.
    pub language: Option<String>,
    /// Whether somebody can be hurt.
    pub hazard: Option<bool>,
    /// How it came.
    pub channel: Option<String>,
}

/// What a set holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sheet {
    /// Messages.
    pub messages: usize,
    /// Messages by label, priority, language, hazard and channel; where a message does not say, under `(not said)`.
    pub counts: BTreeMap<&'static str, BTreeMap<String, usize>>,
    /// Words of a message: least, first quartile, median, third quartile, most.
    pub words_of_a_message: [usize; 5],
    /// Messages that say much the same.
    pub near_duplicates: NearDuplicates,
    /// Different first three words, as a share of the messages.
    pub different_openings: f64,
    /// Words and different words.
    pub words: Words,
}

/// Messages whose three-word shingles are the same to 0.6 or more (Jaccard).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NearDuplicates {
    /// Pairs.
    pub pairs: usize,
    /// Messages that have at least one, as a share of all.
    pub share: f64,
    /// Whether there may be more, because so many are alike that not all were compared.
    pub at_least: bool,
    /// Ids of the first such pairs, at most twenty.
    pub ids: Vec<(String, String)>,
}

/// How rich a set's words are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Words {
    /// Words, small letters, numbers left out.
    pub tokens: usize,
    /// Different words.
    pub types: usize,
    /// Different words in a sample of so many words, for sizes the set has; the sample is drawn by the hash of the texts,
    /// so that it is the same each time.
    pub types_in_samples: BTreeMap<usize, usize>,
}

/// A set beside another one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Against {
    /// Messages of the other set.
    pub messages: usize,
    /// Its words.
    pub words: Words,
    /// Share of its words that occur in ours.
    pub tokens_known: f64,
    /// Share of its different words seen five times or more that occur in ours.
    pub frequent_types_known: f64,
    /// Different runs of six words that are in both: text that has leaked, or a stock phrase.
    pub shared_runs: usize,
    /// Our messages with such a run.
    pub messages_with_shared_runs: usize,
    /// Their ids, at most twenty.
    pub ids: Vec<String>,
}

/// Reads a file of JSON lines, or every `.jsonl` file of a folder in the order of their names. Only `text` must be there.
///
/// # Errors
/// Names the file and the line that cannot be read.
pub fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let mut files: Vec<PathBuf> = if path.is_dir() {
        let entries = std::fs::read_dir(path).with_context(|| format!("{} cannot be read", path.display()))?;
        entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "jsonl")).collect()
    } else {
        vec![path.to_owned()]
    };
    files.sort();
    let mut rows = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row: Row = serde_json::from_str(line)
                .with_context(|| format!("{} line {}: no message with a text", file.display(), number + 1))?;
            rows.push(row);
        }
    }
    if rows.is_empty() {
        bail!("{} holds no message (JSON lines with id, text, label)", path.display());
    }
    Ok(rows)
}

/// The figures of a set.
#[must_use]
pub fn sheet(rows: &[Row]) -> Sheet {
    let texts: Vec<Vec<String>> = rows.iter().map(|row| words(&row.text)).collect();
    let mut counts: BTreeMap<&'static str, BTreeMap<String, usize>> = BTreeMap::new();
    for row in rows {
        let fields = [
            ("label", row.label.clone()),
            ("priority", row.priority.clone()),
            ("language", row.language.clone()),
            ("hazard", row.hazard.map(|h| h.to_string())),
            ("channel", row.channel.clone()),
        ];
        for (field, value) in fields {
            *counts.entry(field).or_default().entry(value.unwrap_or_else(|| "(not said)".to_owned())).or_default() += 1;
        }
    }
    let openings: HashSet<&[String]> = texts.iter().map(|text| &text[..text.len().min(OPENING)]).collect();
    Sheet {
        messages: rows.len(),
        counts,
        words_of_a_message: quartiles(texts.iter().map(Vec::len).collect()),
        near_duplicates: near_duplicates(rows, &texts),
        different_openings: share(openings.len(), rows.len()),
        words: riches(&texts),
    }
}

/// The figures of `rows` beside those of another set.
#[must_use]
pub fn against(rows: &[Row], other: &[Row]) -> Against {
    let ours: Vec<Vec<String>> = rows.iter().map(|row| words(&row.text)).collect();
    let theirs: Vec<Vec<String>> = other.iter().map(|row| words(&row.text)).collect();
    let known: HashSet<&String> = ours.iter().flatten().collect();
    let mut seen: HashMap<&String, usize> = HashMap::new();
    for word in theirs.iter().flatten() {
        *seen.entry(word).or_default() += 1;
    }
    let tokens: usize = seen.values().sum();
    let tokens_known = seen.iter().filter(|(word, _)| known.contains(*word)).map(|(_, n)| n).sum();
    let frequent = || seen.iter().filter(|(_, n)| **n >= SEEN).map(|(word, _)| word);
    let runs: HashSet<u64> = theirs.iter().flat_map(|text| text.windows(LEAK)).map(hash).collect();
    let (mut shared, mut with, mut ids) = (HashSet::new(), 0, Vec::new());
    for (row, text) in rows.iter().zip(&ours) {
        let before = ids.len();
        let found: Vec<u64> = text.windows(LEAK).map(hash).filter(|run| runs.contains(run)).collect();
        if !found.is_empty() {
            with += 1;
            if before < MOST_IDS {
                ids.push(row.id.clone());
            }
        }
        shared.extend(found);
    }
    Against {
        messages: other.len(),
        words: riches(&theirs),
        tokens_known: share(tokens_known, tokens),
        frequent_types_known: share(frequent().filter(|word| known.contains(*word)).count(), frequent().count()),
        shared_runs: shared.len(),
        messages_with_shared_runs: with,
        ids,
    }
}

/// The words of a text in small letters: letters and what stands between them (`don't`); numbers are none.
fn words(text: &str) -> Vec<String> {
    text.replace('’', "'")
        .to_lowercase()
        .split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .map(|word| word.trim_matches('\''))
        .filter(|word| word.chars().any(char::is_alphabetic))
        .map(str::to_owned)
        .collect()
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn quartiles(mut lengths: Vec<usize>) -> [usize; 5] {
    lengths.sort_unstable();
    let last = lengths.len().saturating_sub(1);
    [0, 1, 2, 3, 4].map(|quarter| lengths.get(last * quarter / 4).copied().unwrap_or_default())
}

fn riches(texts: &[Vec<String>]) -> Words {
    let tokens = texts.iter().map(Vec::len).sum();
    let mut order: Vec<&Vec<String>> = texts.iter().collect();
    order.sort_by_key(|text| hash(text));
    let mut types: HashSet<&String> = HashSet::new();
    let mut types_in_samples = BTreeMap::new();
    for (number, word) in order.into_iter().flatten().enumerate() {
        types.insert(word);
        if SAMPLES.contains(&(number + 1)) {
            types_in_samples.insert(number + 1, types.len());
        }
    }
    Words { tokens, types: types.len(), types_in_samples }
}

/// Pairs of messages that share three fifths of their shingles. Two such have one of their rarest shingles in common
/// (prefix filtering), so only those that do are compared, and copies are counted without a look.
fn near_duplicates(rows: &[Row], texts: &[Vec<String>]) -> NearDuplicates {
    let mut groups: HashMap<Vec<u64>, Vec<usize>> = HashMap::new();
    for (at, text) in texts.iter().enumerate() {
        groups.entry(shingles(text)).or_default().push(at);
    }
    let mut groups: Vec<(Vec<u64>, Vec<usize>)> = groups.into_iter().collect();
    groups.sort_by(|a, b| a.1.cmp(&b.1));
    let mut often: HashMap<u64, usize> = HashMap::new();
    for shingle in groups.iter().flat_map(|(set, _)| set) {
        *often.entry(*shingle).or_default() += 1;
    }
    let (mut pairs, mut at_least) = (0, false);
    let mut alike: HashSet<usize> = HashSet::new();
    let mut ids = Vec::new();
    let note = |ids: &mut Vec<(String, String)>, a: usize, b: usize| {
        if ids.len() < MOST_IDS {
            ids.push((rows[a].id.clone(), rows[b].id.clone()));
        }
    };
    let mut by_shingle: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, (set, members)) in groups.iter().enumerate() {
        pairs += members.len() * (members.len() - 1) / 2;
        if members.len() > 1 {
            alike.extend(members);
            note(&mut ids, members[0], members[1]);
        }
        let mut rare = set.clone();
        rare.sort_by_key(|shingle| (often[shingle], *shingle));
        rare.truncate(set.len() - (NEAR * set.len() as f64).ceil() as usize + 1);
        let mut candidates: Vec<usize> =
            rare.iter().flat_map(|s| by_shingle.get(s).into_iter().flatten().copied()).collect();
        candidates.sort_unstable();
        candidates.dedup();
        at_least |= candidates.len() > MOST_COMPARED;
        for other in candidates.into_iter().take(MOST_COMPARED) {
            let (their_set, them) = &groups[other];
            if jaccard(set, their_set) >= NEAR {
                pairs += members.len() * them.len();
                alike.extend(members.iter().chain(them));
                note(&mut ids, them[0], members[0]);
            }
        }
        for shingle in rare {
            by_shingle.entry(shingle).or_default().push(at);
        }
    }
    NearDuplicates { pairs, share: share(alike.len(), rows.len()), at_least, ids }
}

/// The shingles of a text, sorted, each once; a text that is shorter than one is a shingle itself.
fn shingles(text: &[String]) -> Vec<u64> {
    let mut set: Vec<u64> =
        if text.len() < SHINGLE { vec![hash(text)] } else { text.windows(SHINGLE).map(hash).collect() };
    set.sort_unstable();
    set.dedup();
    set
}

/// Common members of two sorted sets as a share of all of theirs.
fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let common = a.iter().filter(|member| b.binary_search(member).is_ok()).count();
    share(common, a.len() + b.len() - common)
}

/// FNV-1a over words: the same on every machine and with every compiler, so that samples are, too.
fn hash(words: &[String]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain(std::iter::once(b' ')));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<Row> {
        let row = |(n, text): (usize, &&str)| Row { id: n.to_string(), text: (*text).to_owned(), ..Row::default() };
        texts.iter().enumerate().map(row).collect()
    }

    #[test]
    fn each_field_is_counted_and_what_a_message_does_not_say_as_well() {
        let lines = "{\"id\":\"1\",\"text\":\"Bin missed\",\"label\":\"missed_bins\",\"hazard\":true,\"channel\":\"sms\"}\n\n\
                     {\"text\":\"Lamp out\",\"label\":\"street_lighting\",\"more\":1}\n";
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.jsonl"), lines).unwrap();
        std::fs::write(folder.path().join("notes.md"), "not read").unwrap();
        let sheet = sheet(&read(folder.path()).unwrap());
        assert_eq!((sheet.messages, sheet.words.tokens, sheet.words.types), (2, 4, 4));
        assert_eq!(sheet.counts["label"], [("missed_bins".to_owned(), 1), ("street_lighting".to_owned(), 1)].into());
        assert_eq!(sheet.counts["hazard"], [("(not said)".to_owned(), 1), ("true".to_owned(), 1)].into());
        let wrong = folder.path().join("b.jsonl");
        std::fs::write(&wrong, "{\"text\":\"a\"}\n{\"label\":\"x\"}\n").unwrap();
        assert!(read(&wrong).unwrap_err().to_string().contains("line 2"));
    }

    #[test]
    fn copies_and_near_copies_are_pairs_and_messages_on_one_subject_are_not() {
        let long = "the big black bin outside our house in mill lane was not emptied this week either";
        let near = "the big black bin outside our house in mill lane was not emptied this week again";
        let set =
            rows(&[long, near, long, "the bin in mill lane is full", "the lamp in mill lane is out", "Ta", "ta!"]);
        let found = sheet(&set).near_duplicates;
        assert_eq!(found.pairs, 4, "three of the long ones, and the two that only say ta: {found:?}");
        assert!((found.share - 5.0 / 7.0).abs() < 1e-9 && !found.at_least);
    }

    #[test]
    fn near_duplicates_are_those_a_look_at_every_pair_finds() {
        let parts =
            ["the bin", "was not emptied", "in mill lane", "again this week", "please send somebody", "thank you"];
        let texts: Vec<String> = (0..64_usize)
            .map(|n| {
                (0..6)
                    .map(|p| if n >> p & 1 == 1 { parts[p] } else { parts[(p * n) % 6] })
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        let set = rows(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let sets: Vec<Vec<u64>> = set.iter().map(|row| shingles(&words(&row.text))).collect();
        let mut every = 0;
        for (a, one) in sets.iter().enumerate() {
            every += sets[..a].iter().filter(|other| jaccard(one, other) >= NEAR).count();
        }
        assert!(every > 0);
        assert_eq!(sheet(&set).near_duplicates.pairs, every);
    }

    #[test]
    fn openings_lengths_and_samples_are_counted_in_words() {
        let set = rows(&["Please fix the lamp", "please fix the road, don’t wait", "Bins!", ""]);
        let sheet = sheet(&set);
        assert_eq!(sheet.words_of_a_message, [0, 0, 1, 4, 6]);
        assert!((sheet.different_openings - 0.75).abs() < 1e-9);
        assert!(sheet.words.types_in_samples.is_empty(), "no sample is as small as the set");
        let many: Vec<String> = (0..600).map(|n| format!("word{} again", n % 300)).collect();
        let many = super::sheet(&rows(&many.iter().map(String::as_str).collect::<Vec<_>>()));
        assert!(many.words.types_in_samples[&1_000] > 250 && many.words.types == 301);
    }

    #[test]
    fn another_set_says_how_many_of_its_words_are_known_and_what_has_leaked() {
        let ours = rows(&["the bin in our street was not emptied on monday", "lamp out"]);
        let theirs = rows(&["lamp lamp lamp lamp lamp kerb", "the bin in our street was not there"]);
        let found = against(&ours, &theirs);
        assert_eq!((found.shared_runs, found.messages_with_shared_runs, found.ids), (2, 1, vec!["0".to_owned()]));
        assert!((found.tokens_known - 12.0 / 14.0).abs() < 1e-9, "all but kerb and there");
        assert!((found.frequent_types_known - 1.0).abs() < 1e-9, "only lamp is frequent");
    }
}
