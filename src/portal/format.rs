//! How things are written for people: times, dates, chances, sizes, names of languages.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Europe::London;
use regex::Regex;
use std::sync::LazyLock;

/// `Friday 13 March 2026, 14:05`, by the clock on the council's wall.
pub(super) fn when(at: DateTime<Utc>) -> String {
    at.with_timezone(&London).format("%A %-d %B %Y, %H:%M").to_string()
}

/// `14:05`, by the clock on the council's wall.
pub(super) fn clock(at: DateTime<Utc>) -> String {
    at.with_timezone(&London).format("%H:%M").to_string()
}

/// `13 March 2026`, by the clock on the council's wall.
pub(super) fn date(at: DateTime<Utc>) -> String {
    at.with_timezone(&London).format("%-d %B %Y").to_string()
}

/// `2026-03-13T14:05:00Z`, for `<time datetime>`.
pub(super) fn machine_time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `Friday 13 March 2026` out of `2026-03-13`; anything else as it stands.
pub(super) fn day(date: &str) -> String {
    date.parse::<NaiveDate>().map_or_else(|_| date.to_owned(), |d| d.format("%A %-d %B %Y").to_string())
}

/// When something is due, with the words that lateness needs: colour alone tells nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// What is shown.
    pub(super) text: String,
    /// Whether it is late.
    pub(super) overdue: bool,
}

/// The due date of a case; only an open one can be late.
pub(super) fn due(due_on: &str, open: bool, today: NaiveDate) -> Due {
    let text = day(due_on);
    match due_on.parse::<NaiveDate>() {
        Ok(date) if open && date < today => Due { text: format!("Overdue: was due {text}"), overdue: true },
        Ok(date) if open && date == today => Due { text: format!("Due today, {text}"), overdue: false },
        _ => Due { text, overdue: false },
    }
}

/// `likely, 87%`: a number for those who want one, a word for those who do not.
pub(super) fn chance(probability: f64) -> String {
    let word = match probability {
        p if p >= 0.97 => "almost certain",
        p if p >= 0.75 => "likely",
        p if p >= 0.5 => "more likely than not",
        p if p >= 0.2 => "possible",
        _ => "unlikely",
    };
    format!("{word}, {}", percent(probability))
}

/// `87%`; never 0% or 100%, because nothing that is guessed is certain.
pub(super) fn percent(probability: f64) -> String {
    let value = probability * 100.0;
    if value >= 99.5 {
        "over 99%".to_owned()
    } else if value < 0.5 {
        "under 1%".to_owned()
    } else {
        format!("{value:.0}%")
    }
}

/// `480 bytes`, `48 KB`, `4.8 MB`.
pub(super) fn size(bytes: i64) -> String {
    match bytes {
        b if b < 1_000 => count(b, "byte", "bytes"),
        b if b < 1_000_000 => format!("{} KB", b / 1_000),
        b => format!("{}.{} MB", b / 1_000_000, b % 1_000_000 / 100_000),
    }
}

/// The first `most` characters of a text, cut between two words where there are words.
pub(super) fn excerpt(text: &str, most: usize) -> String {
    let text = text.trim();
    let Some((at, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let cut = &text[..at];
    let whole = cut.rfind(char::is_whitespace).map_or(cut, |end| &cut[..end]);
    format!("{}…", whole.trim_end())
}

/// Least length of a line that was broken by a mail program and not by its writer.
const BROKEN_LINE: usize = 55;

/// Paragraphs instead of the lines that a mail program broke, so that they fill whatever width there is. Only line ends
/// become blanks; short lines (addresses, names), lists and quotes stay as they are.
pub(super) fn paragraphs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut goes_on = false;
    for (number, line) in text.lines().enumerate() {
        let starts =
            line.chars().next().is_none_or(|c| c.is_whitespace() || !(c.is_alphabetic() || c == '\'' || c == '('));
        if number > 0 {
            out.push(if goes_on && !starts { ' ' } else { '\n' });
        }
        out.push_str(line);
        goes_on = (BROKEN_LINE..=100).contains(&line.chars().count());
    }
    out
}

/// A key such as `domestic_abuse` as words.
pub(super) fn words(key: &str) -> String {
    key.replace('_', " ")
}

/// The same with a capital letter first.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `1 case`, `2 cases`.
pub(super) fn count(n: i64, one: &str, more: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {more}") }
}

/// A text of a machine without what says who is meant: addresses of mail, and numbers long enough to be a telephone's.
pub(super) fn without_addresses(text: &str) -> String {
    static WHO: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[^\s<>,;:\(\)\[\]]+@[^\s<>,;:\(\)\[\]]+|\+?\d[\d .-]{7,}\d").unwrap());
    WHO.replace_all(text, "…").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_by_the_clock_on_the_wall_in_winter_and_in_summer() {
        let winter = "2026-03-13T14:05:00Z".parse().unwrap();
        let summer = "2026-07-13T23:05:00Z".parse().unwrap();
        assert_eq!(when(winter), "Friday 13 March 2026, 14:05");
        assert_eq!(when(summer), "Tuesday 14 July 2026, 00:05");
    }

    #[test]
    fn only_an_open_case_can_be_late_and_it_is_said_in_words() {
        let today = "2026-03-13".parse().unwrap();
        assert_eq!(due("2026-03-12", true, today).text, "Overdue: was due Thursday 12 March 2026");
        assert!(!due("2026-03-12", false, today).overdue);
        assert_eq!(due("2026-03-13", true, today).text, "Due today, Friday 13 March 2026");
        assert_eq!(due("soon", true, today).text, "soon");
    }

    #[test]
    fn what_a_server_says_of_a_person_is_left_out_and_the_rest_stays() {
        for (text, shown) in [
            (
                "Refused by the mail server (550): <ann@fenmail.example> User unknown",
                "Refused by the mail server (550): <…> User unknown",
            ),
            (
                "refused by the provider (21211): +44 7700 900123 is no number",
                "refused by the provider (21211): … is no number",
            ),
            ("5 attempts, the last at 14:05; code 4.7.1", "5 attempts, the last at 14:05; code 4.7.1"),
        ] {
            assert_eq!(without_addresses(text), shown);
        }
    }

    #[test]
    fn a_chance_is_a_word_and_a_number_and_never_certain() {
        assert_eq!(chance(0.87), "likely, 87%");
        assert_eq!(chance(0.999), "almost certain, over 99%");
        assert_eq!(chance(0.001), "unlikely, under 1%");
    }

    #[test]
    fn lines_that_a_mail_program_broke_are_joined_and_the_writers_own_are_not() {
        let broken =
            "Our black bins were due on Friday and the lorry never came down\nthe road at all.\n\nYours\nAnn\n";
        assert_eq!(
            paragraphs(broken),
            "Our black bins were due on Friday and the lorry never came down the road at all.\n\nYours\nAnn"
        );
        let list = "There are three things that I would like to have mended by then:\n- the lamp\n- the gate";
        assert_eq!(paragraphs(list), list);
    }

    #[test]
    fn sizes_and_excerpts_are_short() {
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(48_200), "48 KB");
        assert_eq!(size(4_860_000), "4.8 MB");
        assert_eq!(excerpt("añbcd", 3), "añb…");
        assert_eq!(excerpt("ab cd ef", 7), "ab cd…");
        assert_eq!(excerpt(" añb ", 3), "añb");
    }
}
