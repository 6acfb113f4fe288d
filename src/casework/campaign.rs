//! Whether two messages are one letter that many people send, and what one of them says beside.
//!
//! Two people's reports of one problem share what they are about; copies of one letter share runs of words. So what is compared is how
//! many runs of four words stand in both. Somebody may add as much of their own again to a copy.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Words in a run.
const RUN: usize = 4;
/// Fewer runs than these are no letter: "the bin was not emptied again" is said by many who never met.
const FEWEST_RUNS: usize = 24;
/// Of the runs of the shorter one so many stand in the other one, if it is a copy.
const SHARED: f64 = 0.6;
/// So much of a message is looked at.
const MOST_CHARACTERS: usize = 20_000;
/// A sentence is the letter's own if so many of its words stand in one of the letter's.
const SAME_SENTENCE: f64 = 0.75;
/// Most characters of what was added that are kept.
const MOST_ADDED: usize = 2_000;

/// Messages in nearly the same words that make a campaign, all in all.
pub const FEWEST_LETTERS: i64 = 5;
/// Within so many days.
pub const WITHIN_DAYS: i64 = 14;
/// A campaign takes in letters for so many days.
pub const STANDS_DAYS: i64 = 60;

/// A message as it is compared with other copies.
#[derive(Clone, Debug)]
pub struct Copy {
    runs: BTreeSet<u64>,
    sentences: Vec<BTreeSet<String>>,
}

impl Copy {
    /// The message with these words.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let end = text.char_indices().nth(MOST_CHARACTERS).map_or(text.len(), |(at, _)| at);
        let all = words(&text[..end]);
        let run = |words: &[String]| {
            let mut hasher = DefaultHasher::new();
            words.hash(&mut hasher);
            hasher.finish()
        };
        let sentences = sentences(&text[..end]).into_iter().map(|sentence| words(sentence).into_iter().collect());
        Self { runs: all.windows(RUN).map(run).collect(), sentences: sentences.collect() }
    }

    /// Whether both are copies of one letter.
    #[must_use]
    pub fn is_one_with(&self, other: &Self) -> bool {
        let shorter = self.runs.len().min(other.runs.len());
        shorter >= FEWEST_RUNS && self.runs.intersection(&other.runs).count() as f64 >= SHARED * shorter as f64
    }

    /// What a copy of this letter says that this one does not, sentence by sentence; a greeting or a name below is nothing of the kind.
    #[must_use]
    pub fn added(&self, copy: &str) -> String {
        let own = |sentence: &&str| {
            let words: BTreeSet<String> = words(sentence).into_iter().collect();
            let same = |of_letter: &BTreeSet<String>| {
                of_letter.intersection(&words).count() as f64 >= SAME_SENTENCE * words.len() as f64
            };
            words.len() > 3 && !is_greeting(sentence) && !self.sentences.iter().any(same)
        };
        let end = copy.char_indices().nth(MOST_CHARACTERS).map_or(copy.len(), |(at, _)| at);
        let added = sentences(&copy[..end]).into_iter().filter(own).collect::<Vec<_>>().join(" ");
        added.chars().take(MOST_ADDED).collect()
    }
}

fn is_greeting(sentence: &str) -> bool {
    let start = sentence.trim_start().to_lowercase();
    ["dear ", "yours ", "kind regards", "best wishes", "many thanks", "sincerely"]
        .iter()
        .any(|of| start.starts_with(of))
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Paragraphs, cut after `.`, `!` and `?`.
fn sentences(text: &str) -> Vec<&str> {
    let sentences = text.split("\n\n").flat_map(|paragraph| paragraph.split_inclusive(['.', '!', '?']));
    sentences.map(str::trim).filter(|sentence| !sentence.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: &str = "Dear Councillor,\n\nI am writing to ask you to save the library in Mill Lane. It is the only place \
        in the ward where children can do their homework in peace, and where older people can meet in winter without \
        paying for anything. Closing it would save the council very little. Please vote against the plan on Tuesday.\n\n\
        Yours sincerely,\nAnn Example";

    #[test]
    fn copies_of_one_letter_are_one_whatever_was_added() {
        let letter = Copy::of(LETTER);
        let added = LETTER.replace(
            "Please vote",
            "My own daughter learned to read there, and I would not know where else to take her brother. Please vote",
        );
        let named = added.replace("Ann Example", "Bob Sample\n12 Church Road");
        assert!(letter.is_one_with(&Copy::of(&named)));
        assert_eq!(
            letter.added(&named),
            "My own daughter learned to read there, and I would not know where else to take her brother."
        );
        assert_eq!(letter.added(LETTER), "");
    }

    #[test]
    fn two_letters_about_one_thing_in_their_own_words_are_two() {
        let other = "Dear Councillor, please do not close the Mill Lane library. My children do their homework there every \
            day after school and my mother meets her friends there in the winter because it is warm and free. I hope you \
            will vote against the plan next Tuesday. Yours sincerely";
        assert!(!Copy::of(LETTER).is_one_with(&Copy::of(other)));
    }

    #[test]
    fn short_messages_are_no_letters() {
        let text = "The bins in our street were not emptied again this week";
        assert!(!Copy::of(text).is_one_with(&Copy::of(text)));
        assert!(!Copy::of("").is_one_with(&Copy::of("")));
    }
}
