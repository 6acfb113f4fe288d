//! The words residents are acknowledged with, one file of `rules/replies/` for each language.
//!
//! Words in braces are filled in when a mail is written. `told`, `subject`, `body` and `joined` have to be there; of the
//! rest, what is missing is written as in English, and `beadle rules check` says what that is.

mod form;
mod letter;
mod talk;
mod text;
mod trail;

pub use form::FormWords;
pub use letter::LetterReply;
pub use talk::{ClosedReply, CodeReply, ConsentReply, DelayedReply, PrivateReply};
pub use text::TextReply;
pub use trail::TrailWords;

use crate::core::Taxonomy;
use crate::core::language::is_right_to_left;
use chrono::{Datelike as _, NaiveDate};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Marks around a value that keep it in one piece among words that run from right to left (UAX #9, FSI and PDI).
const ISOLATE: (char, char) = ('\u{2068}', '\u{2069}');
/// Marks around a line that runs from right to left, for programs that would lay it out the other way (RLI and PDI).
const LINE_ISOLATE: (char, char) = ('\u{2067}', '\u{2069}');

/// What can be filled in where a case is acknowledged.
const CASE: &[&str] = &[
    "reference",
    "service",
    "council",
    "greeting",
    "title",
    "received",
    "due",
    "department",
    "contact",
    "councillor",
    "place",
    "told",
    "several",
];

/// The words of an acknowledgement in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Who of the council read these words and found them right.
    pub reviewed_by: Option<String>,
    /// When, `2026-03-13`.
    pub reviewed_on: Option<String>,
    /// Subject; `{reference}`, `{service}`, `{council}` stand for the case's own.
    pub subject: String,
    /// Body when the case goes to a department; also `{greeting}`, `{title}`, `{received}`, `{due}`, `{department}`,
    /// `{contact}`, `{councillor}`, `{place}`, `{told}`.
    pub body: String,
    /// Body when the problem is known already, with the same words.
    pub joined: String,
    /// What `{told}` says where the councillor is told, with `{councillor}`; else it says nothing.
    pub told: String,
    /// What `{several}` says where the message held several requests, each of which has a case; else it says nothing.
    pub several: Option<String>,
    /// What `{greeting}` says to somebody whose `{name}` is known.
    pub greeting: Option<String>,
    /// What `{greeting}` says to everybody else.
    pub greeting_unnamed: Option<String>,
    /// What `{councillor}` says where it is not known which.
    pub your_councillor: Option<String>,
    /// What `{place}` says where the `{place}` is known; else it says nothing.
    pub at_place: Option<String>,
    /// Only in English: a line below acknowledgements in other languages, for those who help the resident and in case
    /// the language was mistaken; the same words as `body`.
    pub below: Option<String>,
    /// Words for somebody who may be in danger, where the council wrote them in this language; see
    /// [`super::rules::Rules::safe_reply`].
    pub safe: Option<SafeReply>,
    /// A line or two for those who wrote by text, where the council wrote them in this language; see
    /// [`super::rules::Rules::text_reply`].
    pub text: Option<TextReply>,
    /// What is said when a case is closed; see [`super::rules::Rules::closed_reply`].
    pub closed: Option<ClosedReply>,
    /// What is said when it takes longer than was promised; see [`super::rules::Rules::delayed_reply`].
    pub delayed: Option<DelayedReply>,
    /// What is said about going on from another channel; see [`super::rules::Rules::code_reply`].
    pub code: Option<CodeReply>,
    /// The question of consent; see [`super::rules::Rules::consent_reply`].
    pub consent: Option<ConsentReply>,
    /// The private lane; see [`super::rules::Rules::private_reply`].
    pub private: Option<PrivateReply>,
    /// What a letter says otherwise than a mail; see [`super::rules::Rules::letter_reply`].
    pub letter: Option<LetterReply>,
    /// How dates are written.
    pub dates: Option<Dates>,
    /// What services are called, by their ids.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
}

/// Words that give nothing away: whoever else reads the resident's mailbox learns that the council has a message, not what it
/// says. Only `{reference}` and `{council}` can be filled in, so that no later change lets out more.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SafeReply {
    /// Subject.
    pub subject: String,
    /// Body.
    pub body: String,
}

/// How a language writes dates.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dates {
    /// The order of `{weekday}`, `{day}`, `{month}` and `{year}`.
    pub date: String,
    /// Monday to Sunday.
    pub weekdays: Vec<String>,
    /// January to December, as they stand in a date.
    pub months: Vec<String>,
    /// Ten digits, zero first, where they are not 0 to 9.
    pub digits: Option<String>,
    /// How the first of a month is written, where it is not with the number (`1er`).
    pub first: Option<String>,
}

impl Dates {
    /// A date in this language.
    #[must_use]
    pub fn write(&self, date: NaiveDate) -> String {
        let of = |list: &[String], at: u32| list.get(at as usize).cloned().unwrap_or_default();
        let words = [
            ("weekday", of(&self.weekdays, date.weekday().num_days_from_monday())),
            (
                "day",
                self.first.clone().filter(|_| date.day() == 1).unwrap_or_else(|| self.number(&date.day().to_string())),
            ),
            ("month", of(&self.months, date.month0())),
            ("year", self.number(&date.year().to_string())),
        ];
        fill(&self.date, &words)
    }

    fn number(&self, digits: &str) -> String {
        let own: Vec<char> = self.digits.as_deref().unwrap_or("0123456789").chars().collect();
        digits.chars().filter_map(|c| own.get(c.to_digit(10)? as usize)).collect()
    }
}

impl Reply {
    /// `Friday 13 March 2026` in this language, English where it says nothing about dates.
    #[must_use]
    pub fn date(&self, date: NaiveDate) -> String {
        self.dates.as_ref().map_or_else(|| english_date(date), |dates| dates.write(date))
    }

    /// What a service is called, by the council's own name for it where this language has none.
    #[must_use]
    pub fn service_name<'a>(&'a self, id: &'a str, taxonomy: &'a Taxonomy) -> &'a str {
        self.names.get(id).map_or_else(|| taxonomy.service_name(id), String::as_str)
    }

    /// The greeting of somebody with that name, or of anybody.
    #[must_use]
    pub fn greeting(&self, name: Option<&str>) -> String {
        match name {
            Some(name) => fill(self.greeting.as_deref().unwrap_or("Dear {name},"), &[("name", name.to_owned())]),
            None => self.greeting_unnamed.clone().unwrap_or_else(|| "Hello,".to_owned()),
        }
    }

    /// What a councillor is called whose name is not known.
    #[must_use]
    pub fn your_councillor(&self) -> &str {
        self.your_councillor.as_deref().unwrap_or("your councillor")
    }

    /// What stands behind what was understood, where the message held several requests.
    #[must_use]
    pub fn several(&self) -> &str {
        self.several.as_deref().unwrap_or_default()
    }

    /// A place behind the service it is about.
    #[must_use]
    pub fn at_place(&self, place: &str) -> String {
        fill(self.at_place.as_deref().unwrap_or(", {place}"), &[("place", place.to_owned())])
    }

    /// The keys, and numbers of services, that are written as in English because they are missing here.
    #[must_use]
    pub fn missing(&self, taxonomy: &Taxonomy) -> Vec<String> {
        let keys = [
            ("greeting", self.greeting.is_none()),
            ("greeting_unnamed", self.greeting_unnamed.is_none()),
            ("your_councillor", self.your_councillor.is_none()),
            ("at_place", self.at_place.is_none()),
            ("[dates]", self.dates.is_none()),
        ];
        let mut missing: Vec<String> =
            keys.iter().filter(|(_, none)| *none).map(|(key, _)| (*key).to_owned()).collect();
        missing.extend(
            taxonomy.services.keys().filter(|id| !self.names.contains_key(*id)).map(|id| format!("names.{id}")),
        );
        missing
    }

    /// What is wrong with it: one line.
    pub(super) fn check(&self) -> Result<(), String> {
        for text in [&self.subject, &self.body, &self.joined] {
            check_words(text, CASE)?;
        }
        check_words(&self.told, &["councillor"])?;
        check_words(self.greeting.as_deref().unwrap_or_default(), &["name"])?;
        check_words(self.at_place.as_deref().unwrap_or_default(), &["place"])?;
        check_words(self.below.as_deref().unwrap_or_default(), CASE)?;
        for (key, text) in [("subject", &self.subject), ("body", &self.body), ("joined", &self.joined)] {
            if !text.contains("{reference}") {
                return Err(format!("'{key}' must give the resident their {{reference}}"));
            }
        }
        if !self.body.contains("{due}") || !self.joined.contains("{due}") {
            return Err("'body' and 'joined' must say by when it is {due}".to_owned());
        }
        for text in self.safe.iter().flat_map(|safe| [&safe.subject, &safe.body]) {
            check_words(text, &["reference", "council"])
                .map_err(|what| format!("[safe]: {what}: anything else could give away what was written"))?;
        }
        if let Some(text) = &self.text {
            text.check().map_err(|what| format!("[text]: {what}"))?;
        }
        if let Some(closed) = &self.closed {
            closed.check().map_err(|what| format!("[closed]: {what}"))?;
        }
        if let Some(delayed) = &self.delayed {
            delayed.check().map_err(|what| format!("[delayed]: {what}"))?;
        }
        if let Some(code) = &self.code {
            code.check().map_err(|what| format!("[code]: {what}"))?;
        }
        if let Some(consent) = &self.consent {
            consent.check().map_err(|what| format!("[consent]: {what}"))?;
        }
        if let Some(private) = &self.private {
            private.check().map_err(|what| format!("[private]: {what}"))?;
        }
        if let Some(letter) = &self.letter {
            letter.check().map_err(|what| format!("[letter]: {what}"))?;
        }
        let Some(dates) = &self.dates else { return Ok(()) };
        check_words(&dates.date, &["weekday", "day", "month", "year"])?;
        if ["{day}", "{month}", "{year}"].iter().any(|part| !dates.date.contains(part)) {
            return Err("[dates] date: a date has a {day}, a {month} and a {year}".to_owned());
        }
        let whole = dates.weekdays.len() == 7 && dates.months.len() == 12;
        if !whole || dates.digits.as_ref().is_some_and(|d| d.chars().count() != 10) {
            return Err("[dates]: give seven weekdays from Monday on, twelve months, and ten digits or none".to_owned());
        }
        Ok(())
    }
}

/// `Friday 13 March 2026`.
#[must_use]
pub fn english_date(date: NaiveDate) -> String {
    date.format("%A %-d %B %Y").to_string()
}

fn check_words(text: &str, known: &[&str]) -> Result<(), String> {
    for part in text.split('{').skip(1) {
        let word = part.split('}').next().unwrap_or_default();
        if !known.contains(&word) {
            return Err(format!("'{{{word}}}' is none of {}", known.join(", ")));
        }
    }
    Ok(())
}

/// Fills `{word}`s in one pass, so that a resident's own braces are not filled in again.
#[must_use]
pub fn fill(template: &str, words: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(template.len() + 200);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out += before;
        let Some((word, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match words.iter().find(|(w, _)| *w == word) {
            Some((_, value)) => out += value,
            None => out += &format!("{{{word}}}"),
        }
        rest = after;
    }
    out + rest
}

/// A value as it can stand among the words of a language: in one from right to left, marked off, so that a reference, a
/// street or an address in Latin letters is neither torn apart nor turned round.
#[must_use]
pub fn embed(value: &str, language: &str) -> String {
    if value.is_empty() || !is_right_to_left(language) {
        return value.to_owned();
    }
    format!("{}{value}{}", ISOLATE.0, ISOLATE.1)
}

/// A text of a language as plain text can carry it: each line of one from right to left says that it is.
#[must_use]
pub fn lay_out(text: &str, language: &str) -> String {
    if !is_right_to_left(language) {
        return text.to_owned();
    }
    let line = |line: &str| {
        if line.trim().is_empty() { String::new() } else { format!("{}{line}{}", LINE_ISOLATE.0, LINE_ISOLATE.1) }
    };
    let mut out = text.lines().map(line).collect::<Vec<_>>().join("\n");
    if text.ends_with('\n') {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply() -> Reply {
        let text = "Ref {reference}, {due}".to_owned();
        Reply { subject: text.clone(), body: text.clone(), joined: text, ..Reply::default() }
    }

    #[test]
    fn a_residents_own_braces_are_not_filled_in() {
        let words = [("title", "my {reference} {".to_owned()), ("reference", "K7M".to_owned())];
        assert_eq!(fill("{title}: {reference} {else}", &words), "my {reference} {: K7M {else}");
    }

    #[test]
    fn a_reply_without_the_reference_the_date_or_with_an_unknown_word_is_refused() {
        assert_eq!(reply().check(), Ok(()));
        let wrong = [
            Reply { body: "no number, {due}".to_owned(), ..reply() },
            Reply { joined: "{reference}, but not when".to_owned(), ..reply() },
            Reply { subject: "without".to_owned(), ..reply() },
            Reply { body: "{reference} {due} {nonsense}".to_owned(), ..reply() },
            Reply { told: "{reference}".to_owned(), ..reply() },
            Reply { greeting: Some("Dear {councillor},".to_owned()), ..reply() },
        ];
        for reply in wrong {
            assert!(reply.check().is_err(), "{reply:?}");
        }
        let dates = Dates {
            date: "{day} {month} {year}".to_owned(),
            weekdays: vec![],
            months: vec![],
            digits: None,
            first: None,
        };
        assert!(Reply { dates: Some(dates), ..reply() }.check().is_err());
    }

    #[test]
    fn every_promised_language_has_its_words_for_every_service_and_is_in_that_language() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
        let rules = crate::understanding::rules::Rules::load(&root).unwrap();
        let languages = crate::understanding::language::Languages::new();
        let words = |text: &str| -> std::collections::BTreeSet<String> {
            text.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0.to_owned())).collect()
        };
        let english = &rules.replies["en"];
        for code in crate::core::language::ANSWERED {
            let reply = rules.replies.get(code).unwrap_or_else(|| panic!("no replies/{code}.toml"));
            for (own, theirs) in [(&reply.body, &english.body), (&reply.joined, &english.joined)] {
                assert_eq!(words(own), words(theirs), "{code}");
                assert_eq!(languages.detect(own).code, code);
            }
            let letter = |reply: &Reply| {
                let letter = reply.letter.as_ref().unwrap_or_else(|| panic!("no [letter] in {code}"));
                [&letter.body, &letter.joined].map(|text| text.replace("{reach}", &letter.reach))
            };
            for (own, theirs) in letter(reply).iter().zip(letter(english)) {
                assert_eq!(words(own), words(&theirs), "{code}");
                assert_eq!(languages.detect(own).code, code, "{own}");
            }
            let delayed = reply.delayed.as_ref().unwrap_or_else(|| panic!("no [delayed] in {code}"));
            assert_eq!(languages.detect(&delayed.text).code, code, "{}", delayed.text);
            if code != "en" {
                assert_eq!(reply.missing(&rules.taxonomy), Vec::<String>::new(), "{code}");
                let names: std::collections::BTreeSet<&String> = reply.names.values().collect();
                assert_eq!(names.len(), rules.taxonomy.services.len(), "{code}: two services of one name");
            }
        }
    }

    #[test]
    fn dates_are_written_as_each_language_writes_them() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
        let rules = crate::understanding::rules::Rules::load(&root).unwrap();
        let date = |code: &str, date: &str| rules.replies[code].date(date.parse().unwrap());
        assert_eq!(date("en", "2026-03-13"), "Friday 13 March 2026");
        assert_eq!(date("pl", "2026-03-13"), "piątek, 13 marca 2026 r.");
        assert_eq!(date("fr", "2026-05-01"), "vendredi 1er mai 2026");
        assert_eq!(date("zh", "2026-12-06"), "2026年12月6日（星期日）");
        assert_eq!(date("bn", "2026-03-13"), "শুক্রবার, ১৩ মার্চ ২০২৬");
        assert_eq!(date("ar", "2026-03-13"), "الجمعة، 13 مارس 2026");
    }

    #[test]
    fn a_value_among_words_from_right_to_left_stands_apart_and_each_line_says_which_way_it_runs() {
        assert_eq!(embed("K7M-4RQH", "pl"), "K7M-4RQH");
        assert_eq!(embed("K7M-4RQH", "ur"), "\u{2068}K7M-4RQH\u{2069}");
        assert_eq!(embed("", "ur"), "");
        assert_eq!(lay_out("eins\n\nzwei\n", "de"), "eins\n\nzwei\n");
        assert_eq!(lay_out("سلام\n\nرقم\n", "ar"), "\u{2067}سلام\u{2069}\n\n\u{2067}رقم\u{2069}\n");
    }
}
