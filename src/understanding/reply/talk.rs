//! What residents are told and asked later on, on whatever channel: that a case is closed, how they go on from another channel,
//! and whether the department may know who they are. Sentences: what stands around them depends on the channel.

use super::check_words;
use serde::Deserialize;

/// What is said when a case is closed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedReply {
    /// Subject of a mail, with `{reference}`; also `{service}`.
    pub subject: String,
    /// The department did it: `{department}`, `{service}`, `{place}`.
    pub done: String,
    /// It ended otherwise, in a person's words that follow: `{service}`, `{place}`.
    pub otherwise: String,
    /// How to say something to it.
    pub answer: String,
    /// The first sentence of a text where it ended otherwise: `{council}`, `{reference}`.
    pub text: String,
}

/// What is said when it takes longer than was promised.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelayedReply {
    /// That it takes longer, and the new day: `{service}`, `{place}`, `{reference}`, `{due}`.
    pub text: String,
}

/// What is said about going on from another channel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeReply {
    /// Their `{code}`, and for how many `{minutes}`.
    pub yours: String,
    /// It was right.
    pub linked: String,
    /// It was wrong.
    pub wrong: String,
    /// How to get one, to somebody who quotes a case of another address.
    pub elsewhere: String,
}

/// The question whether the department may know who they are, and what its answers are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentReply {
    /// The question: `{department}`.
    pub ask: String,
    /// They said yes: `{department}`, `{reference}`, `{council}`.
    pub shared: String,
    /// They said no: the same.
    pub kept: String,
    /// Words for yes, lower case.
    pub yes: Vec<String>,
    /// Words for no, lower case.
    pub no: Vec<String>,
}

/// What is said to who wrote for the councillor only, and how a message is marked so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivateReply {
    /// Subject of a mail: `{councillor}`, `{reference}`.
    pub subject: String,
    /// The councillor has it, and nobody else: `{council}`, `{councillor}`, `{reference}`.
    pub passed: String,
    /// Words, lower case, that mark a message: at the start of what is written, or anywhere in a subject.
    pub marks: Vec<String>,
}

impl PrivateReply {
    pub(super) fn check(&self) -> Result<(), String> {
        for text in [&self.subject, &self.passed] {
            check_words(text, &["council", "councillor", "reference"])?;
        }
        if !self.passed.contains("{reference}") {
            return Err("'passed' must give the resident their {reference}".to_owned());
        }
        match self.marks.iter().find(|mark| **mark != plain(mark) || mark.chars().count() < 4) {
            Some(mark) => Err(format!("marks: '{mark}' has to be in lower case, and of four letters or more")),
            None => Ok(()),
        }
    }

    /// Whether a message is marked for the councillor only.
    #[must_use]
    pub fn marks(&self, subject: &str, text: &str) -> bool {
        let (subject, text) = (format!(" {} ", plain(subject)), format!("{} ", plain(text)));
        let marked = |mark: &String| {
            // Chinese does not part its words.
            let end = if mark.chars().all(|c| c as u32 > 0x3000) { "" } else { " " };
            subject.contains(&format!(" {mark}{end}")) || text.starts_with(&format!("{mark}{end}"))
        };
        self.marks.iter().any(marked)
    }
}

/// The first words of a text in lower case with one space between them, and nothing else.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric() && !is_mark(c) && !matches!(c, '\'' | '’'));
    let words = words.map(|word| word.trim_matches(['\'', '’'])).filter(|word| !word.is_empty());
    let words = words.take(60).collect::<Vec<_>>().join(" ");
    words.to_lowercase().replace('\u{307}', "")
}

impl ClosedReply {
    pub(super) fn check(&self) -> Result<(), String> {
        check_words(&self.subject, &["reference", "service", "council"])?;
        check_words(&self.done, &["department", "service", "place"])?;
        check_words(&self.otherwise, &["service", "place"])?;
        check_words(&self.answer, &[])?;
        check_words(&self.text, &["council", "reference"])?;
        if [&self.subject, &self.text].iter().any(|text| !text.contains("{reference}")) {
            return Err("'subject' and 'text' must give the resident their {reference}".to_owned());
        }
        Ok(())
    }
}

impl DelayedReply {
    pub(super) fn check(&self) -> Result<(), String> {
        check_words(&self.text, &["service", "place", "reference", "due"])?;
        if !(self.text.contains("{reference}") && self.text.contains("{due}")) {
            return Err("'text' must give the resident their {reference} and the new day, {due}".to_owned());
        }
        Ok(())
    }
}

impl CodeReply {
    pub(super) fn check(&self) -> Result<(), String> {
        check_words(&self.yours, &["council", "code", "minutes"])?;
        if !self.yours.contains("{code}") {
            return Err("'yours' must hold the {code}".to_owned());
        }
        [&self.linked, &self.wrong, &self.elsewhere].into_iter().try_for_each(|text| check_words(text, &["council"]))
    }
}

impl ConsentReply {
    pub(super) fn check(&self) -> Result<(), String> {
        check_words(&self.ask, &["department"])?;
        for text in [&self.shared, &self.kept] {
            check_words(text, &["council", "department", "reference"])?;
        }
        let words = || self.yes.iter().chain(&self.no);
        if self.yes.is_empty() || self.no.is_empty() || words().any(|word| *word != word.to_lowercase()) {
            return Err("'yes' and 'no' are lists of words in lower case, neither empty".to_owned());
        }
        match self.yes.iter().find(|word| self.no.contains(word)) {
            Some(both) => Err(format!("'{both}' cannot mean both yes and no")),
            None => Ok(()),
        }
    }

    /// What an answer of one word or two says, if it is nothing else.
    #[must_use]
    pub fn answer(&self, text: &str) -> Option<bool> {
        let word = text.trim().trim_matches(|c: char| !c.is_alphanumeric() && !is_mark(c)).to_lowercase();
        // A Turkish capital leaves its dot behind.
        let word = word.replace('\u{307}', "");
        let is = |list: &[String]| list.contains(&word);
        if is(&self.yes) { Some(true) } else { is(&self.no).then_some(false) }
    }
}

/// Vowel signs of Indic scripts end words, and are no letters by themselves.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0900}'..='\u{0DFF}' | '\u{0610}'..='\u{06ED}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_at_the_start_or_in_the_subject() {
        let marks = vec!["councillor only".to_owned(), "for the councillor only".to_owned()];
        let reply = PrivateReply { subject: String::new(), passed: "{reference}".to_owned(), marks };
        assert_eq!(reply.check(), Ok(()));
        for (subject, text, marked) in [
            ("", "COUNCILLOR ONLY: my neighbour", true),
            ("", "[For the councillor  only]\nHello", true),
            ("Re: councillor only, please", "Hello", true),
            ("", "Councillor only", true),
            ("", "Is this for the councillor only?", false),
            ("", "councillor onlyfans", false),
            ("Councillors only come at elections", "", false),
        ] {
            assert_eq!(reply.marks(subject, text), marked, "{subject}|{text}");
        }
    }

    #[test]
    fn an_answer_is_one_word_with_anything_around_it() {
        let reply = ConsentReply {
            ask: String::new(),
            shared: String::new(),
            kept: String::new(),
            yes: vec!["yes".to_owned(), "हाँ".to_owned()],
            no: vec!["no".to_owned()],
        };
        for (text, answer) in
            [("Yes!", Some(true)), (" NO. ", Some(false)), ("हाँ", Some(true)), ("no lamp", None), ("", None)]
        {
            assert_eq!(reply.answer(text), answer, "{text}");
        }
    }
}
