//! How soon somebody must look, and why: the sum of four parts, each with a reason that a gatekeeper can check.
//!
//! | part | points |
//! | --- | --- |
//! | hazard | a rule that says "urgent" 7, one that says "high" 4, a learned hazard score of [`HAZARD_FROM`] or more 4; the highest of them counts |
//! | time | a date today or tomorrow 3, one within a week 2, something that has waited for weeks 1; the highest counts |
//! | vulnerability | 1, however many signs of it there are |
//! | repetition | 1, however often it was told before |
//!
//! From 7 points it is urgent, from 3 high. With no point at all it is low where a rule says that nobody is waiting (thanks,
//! an idea, a circular), else normal. A concern about somebody's safety is always urgent. Nothing ever takes a point away, so
//! whatever is added to a message can only make it more pressing.

use super::rules::{self, Effect, Hit, Part};
use crate::core::Priority;
use crate::core::verdict::{Concern, Reason};
use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Least learned hazard score, 0 to 1, that counts as a hazard.
pub const HAZARD_FROM: f64 = 0.6;
/// Least learned score of concern, 0 to 1, that holds a message: a long way below one half, since one look too many is better
/// than one too few.
pub const CONCERN_FROM: f64 = 0.1;
/// A plain sign of danger is a concern, unless the learned score is below this: then it is all but sure to be a manner of
/// speaking.
pub const PLAIN_FROM: f64 = 0.05;
/// Least score of the model of concern from which the encoder looks at a message a second time though no rule points at it.
pub const LOOK_FROM: f64 = 0.15;
/// A date so many days ahead is near.
const NEAR_DAYS: i64 = 7;

const HAZARD_URGENT: u8 = 7;
const HAZARD_HIGH: u8 = 4;
const TIME_AT_ONCE: u8 = 3;
const TIME_NEAR: u8 = 2;
const TIME_LONG: u8 = 1;
const URGENT_FROM: u8 = 7;
const HIGH_FROM: u8 = 3;

/// How pressing a message is.
#[derive(Clone, Debug, PartialEq)]
pub struct Urgency {
    /// The sum of the parts as a word.
    pub priority: Priority,
    /// Whom there is to worry about; any one holds the message.
    pub concerns: Vec<Concern>,
    /// What the parts rest on, as far as no rule says it itself: the learned score, a date.
    pub reasons: Vec<Reason>,
}

/// Weighs how pressing a message is.
///
/// `hits` are the rules that matched; `text` is what they matched, as [`rules::normalise`] leaves it; `received` is the day it
/// came in (without it no date in it is reckoned with); `hazard` is the learned probability, 0 to 1, that somebody can be
/// hurt, and `concern` that somebody's safety is a worry, where there are such models.
///
/// A plain sign of danger is a concern, unless the model is all but sure that it is none. What is only hinted at is the model's to
/// judge, which heeds the signs as well; where there is none, the signs add up by themselves.
#[must_use]
pub fn weigh(
    hits: &[Hit<'_>],
    text: &str,
    received: Option<NaiveDate>,
    hazard: Option<f64>,
    concern: Option<f64>,
) -> Urgency {
    let mut reasons = Vec::new();
    let mut points = Points::default();
    let mut nobody_waits = false;
    for hit in hits {
        match hit.effect {
            Effect::Priority { priority: Priority::Urgent, .. } => points.hazard = HAZARD_URGENT,
            Effect::Priority { priority: Priority::High, .. } => points.hazard = points.hazard.max(HAZARD_HIGH),
            Effect::Priority { priority: Priority::Low, .. } => nobody_waits = true,
            Effect::Part { part: Part::Vulnerability, .. } => points.vulnerability = 1,
            Effect::Part { part: Part::Repetition, .. } => points.repetition = 1,
            Effect::Part { part: Part::Time, .. } => points.time = points.time.max(TIME_LONG),
            Effect::Priority { priority: Priority::Normal, .. } | Effect::Service { .. } | Effect::Concern { .. } => {}
        }
    }
    if let Some(score) = hazard.filter(|score| *score >= HAZARD_FROM) {
        points.hazard = points.hazard.max(HAZARD_HIGH);
        reasons.push(Reason::Note { text: format!("Hazard: the learned hazard score, {score:.2}") });
    }
    if let Some(near) = received.and_then(|received| nearest_date(text, received)) {
        points.time = points.time.max(if near.days <= 1 { TIME_AT_ONCE } else { TIME_NEAR });
        reasons.push(Reason::Note { text: near.to_string() });
    }
    let listened = concern.is_some_and(|score| score >= CONCERN_FROM);
    let mut concerns = rules::concerns(hits, concern.is_none() || listened);
    concerns.retain(|_| concern.is_none_or(|score| score >= PLAIN_FROM));
    if listened && concerns.is_empty() {
        let reason = "The message reads like others that were about somebody's safety".to_owned();
        concerns.push(Concern { kind: "unclear".to_owned(), reason });
    }
    let priority = if concerns.is_empty() { points.priority(nobody_waits) } else { Priority::Urgent };
    Urgency { priority, concerns, reasons }
}

/// Whether the encoder is to look at a message a second time: where the model's score says so, where a rule points plainly at
/// danger, and where one hints at it and the score does not all but rule it out.
#[must_use]
pub fn is_worth_a_second_look(score: f64, hits: &[Hit<'_>]) -> bool {
    let sign = rules::heaviest_sign(hits);
    score >= LOOK_FROM || sign >= 1.0 || sign > 0.0 && score >= CONCERN_FROM
}

/// What the model of concern (a probability) and the second look (log-odds) come to together: the log-odds of both count alike.
#[must_use]
pub fn together(probability: f64, log_odds: f64) -> f64 {
    let first = (probability.clamp(1e-9, 1.0 - 1e-9) / (1.0 - probability).max(1e-9)).ln();
    1.0 / (1.0 + (-f64::midpoint(first, log_odds)).exp())
}

#[derive(Clone, Copy, Debug, Default)]
struct Points {
    hazard: u8,
    time: u8,
    vulnerability: u8,
    repetition: u8,
}

impl Points {
    const fn priority(self, nobody_waits: bool) -> Priority {
        match self.hazard + self.time + self.vulnerability + self.repetition {
            URGENT_FROM.. => Priority::Urgent,
            HIGH_FROM.. => Priority::High,
            0 if nobody_waits => Priority::Low,
            _ => Priority::Normal,
        }
    }
}

/// A day on which something happens to the writer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Near {
    what: String,
    when: String,
    days: i64,
}

impl std::fmt::Display for Near {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Time: \"{}\" and \"{}\", ", self.what, self.when)?;
        match self.days {
            0 => f.write_str("today"),
            1 => f.write_str("tomorrow"),
            days => write!(f, "{days} days ahead"),
        }
    }
}

/// What makes a date one that cannot be missed. A date alone ("bin day is Thursday") is none.
static APPOINTMENT: LazyLock<Regex> = LazyLock::new(|| {
    plain_regex(
        r"deadlines?|hearings?|tribunal|appeal|in court|court date|court hearing|closing date|closes|expir(?:es?|ing|y)|runs? out|run out|\
          bailiffs?|enforcement agents?|evict\w*|repossess\w*|possession order|lock(?:s)? chang\w*|homeless|(?:have|got|need) to \
          (?:reply|leave|be out|respond|decide|move out|vacate|appeal)|must (?:leave|reply|be out|respond|decide|appeal)|notice \
          (?:ends|runs out|expires)|last day|cut(?:ting)? (?:us |me |it )?off|disconnect\w*|(?:my|his|her|the) (?:operation|surgery|funeral)|\
          funeral|discharged?|coming (?:home|out)|comes? out of hospital|due date|(?:school|term|nursery|college) (?:starts?|begins?)|starts? \
          (?:school|college|a new job|work)|exams?|flight|interview|polling day|wedding|court",
    )
});

/// How people write a day that is near. Weekdays are the next of their name, days of the month the next of their number.
static WHEN: LazyLock<Regex> = LazyLock::new(|| {
    plain_regex(
        r"(?P<now>today|tonight|this (?:morning|afternoon|evening)|midnight|by (?:noon|midday|5 ?pm|five o.?clock|close of (?:play|business)))|\
          (?P<tomorrow>tomorrow|tmrw|tomoz|in the morning|within 24 hours)|in (?P<count>an?|one|two|three|four|five|six|seven|\d{1,2}) \
          (?P<unit>hours?|days?|weeks?)|(?P<this_week>this week|end of the week|later this week|this weekend)|(?P<next_week>next week)|\
          (?P<weekday>mon(?:day)?|tue(?:s|sday)?|wed(?:s|nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)|\
          (?P<day>\d{1,2})(?:st|nd|rd|th)?(?: of)? (?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|\
          sep(?:t|tember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)|(?P<slash_day>\d{1,2})/(?P<slash_month>\d{1,2})(?:/(?P<year>20\d\d|\d\d))?|\
          the (?P<ordinal>\d{1,2})(?:st|nd|rd|th)",
    )
});

/// Words of any case between the ends of words; lines are broken with a backslash for reading.
fn plain_regex(words: &str) -> Regex {
    let joined: String = words.split("\\\n").map(str::trim_start).collect();
    Regex::new(&format!(r"(?i-u:\b)(?i:{joined})(?-u:\b)"))
        .unwrap_or_else(|e| unreachable!("a pattern of our own: {e}"))
}

/// The nearest day, not before `received`, on which a sentence of `text` says that something cannot wait.
fn nearest_date(text: &str, received: NaiveDate) -> Option<Near> {
    let mut nearest: Option<Near> = None;
    for sentence in text.split(['.', '!', '?', ';', '\n']) {
        let Some(what) = APPOINTMENT.find(sentence) else { continue };
        for found in WHEN.captures_iter(sentence) {
            let Some(day) = day_of(&found, received) else { continue };
            let days = (day - received).num_days();
            if (0..=NEAR_DAYS).contains(&days) && nearest.as_ref().is_none_or(|n| days < n.days) {
                nearest = Some(Near { what: what.as_str().to_owned(), when: found[0].to_owned(), days });
            }
        }
    }
    nearest
}

fn day_of(found: &Captures<'_>, received: NaiveDate) -> Option<NaiveDate> {
    let word = |name: &str| found.name(name).map(|m| m.as_str().to_lowercase());
    let after = |days: u64| received.checked_add_days(Days::new(days));
    if word("now").is_some() {
        return Some(received);
    }
    if word("tomorrow").is_some() {
        return after(1);
    }
    if let (Some(count), Some(unit)) = (word("count"), word("unit")) {
        let count = number(&count)?;
        return match unit.as_bytes()[0] {
            b'h' => after(count / 24),
            b'd' => after(count),
            _ => after(count * 7),
        };
    }
    if word("this_week").is_some() {
        return after(u64::from(Weekday::Sun.days_since(received.weekday())));
    }
    if word("next_week").is_some() {
        return after(7);
    }
    if let Some(weekday) = word("weekday").and_then(|w| w[..3].parse::<Weekday>().ok()) {
        let ahead = weekday.days_since(received.weekday());
        return after(u64::from(if ahead == 0 { 7 } else { ahead }));
    }
    if let Some(day) = word("ordinal").and_then(|d| d.parse::<u32>().ok()) {
        let this_month = received.with_day(day).filter(|d| *d >= received);
        return this_month.or_else(|| received.with_day(1)?.checked_add_months(Months::new(1))?.with_day(day));
    }
    let (day, month, year) = match (word("day"), word("month"), word("slash_day"), word("slash_month")) {
        (Some(day), Some(month), ..) => (day.parse().ok()?, month_number(&month)?, None),
        (_, _, Some(day), Some(month)) => (day.parse().ok()?, month.parse().ok()?, word("year")),
        _ => return None,
    };
    if let Some(year) = year.and_then(|y| y.parse::<i32>().ok()) {
        return NaiveDate::from_ymd_opt(if year < 100 { 2000 + year } else { year }, month, day);
    }
    // In December "the 3 January" is the next one.
    let this_year = NaiveDate::from_ymd_opt(received.year(), month, day);
    this_year.filter(|d| *d >= received).or_else(|| NaiveDate::from_ymd_opt(received.year() + 1, month, day))
}

fn number(word: &str) -> Option<u64> {
    const WORDS: [&str; 8] = ["", "one", "two", "three", "four", "five", "six", "seven"];
    match word {
        "a" | "an" => Some(1),
        _ => word.parse().ok().or_else(|| WORDS.iter().position(|w| *w == word).and_then(|n| u64::try_from(n).ok())),
    }
}

fn month_number(word: &str) -> Option<u32> {
    word.get(..3)?.parse::<chrono::Month>().ok().map(|m| m.number_from_month())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Monday 2 March 2026.
    fn monday() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, 2).unwrap()
    }

    fn effect(priority: Priority) -> Effect {
        Effect::Priority { priority, reason: "a reason".to_owned() }
    }

    fn part(part: Part) -> Effect {
        Effect::Part { part, reason: "a reason".to_owned() }
    }

    fn hits(effects: &[Effect]) -> Vec<Hit<'_>> {
        effects.iter().map(|effect| Hit { rule: "a.rule", effect, words: String::new() }).collect()
    }

    fn judged(effects: &[Effect], text: &str, hazard: Option<f64>) -> Priority {
        weigh(&hits(effects), text, Some(monday()), hazard, None).priority
    }

    #[test]
    fn a_date_that_cannot_be_missed_is_found_however_it_is_written() {
        for (text, days) in [
            ("the bailiffs come on Thursday", 3),
            ("my tribunal hearing is tomorrow at ten", 1),
            ("we have to be out by midnight", 0),
            ("school starts on 4 March and there is no place", 2),
            ("the closing date is 03/03/2026", 1),
            ("the closing date is 5/3", 3),
            ("my appeal must be in by the 9th", 7),
            ("we are being evicted in two days", 2),
            ("the funeral is this week", 6),
            ("her operation is on Monday", 7),
        ] {
            assert_eq!(nearest_date(text, monday()).map(|n| n.days), Some(days), "{text}");
        }
    }

    #[test]
    fn a_day_that_presses_nobody_counts_for_nothing() {
        for text in [
            "bin day is Thursday",
            "the hearing was on 12 January 2025",
            "the deadline is 30 June",
            "I wrote last Monday. The court is closed",
        ] {
            assert_eq!(nearest_date(text, monday()), None, "{text}");
        }
    }

    #[test]
    fn a_date_makes_a_message_pressing_by_how_near_it_is() {
        assert_eq!(judged(&[], "the bailiffs come tomorrow", None), Priority::High);
        assert_eq!(judged(&[], "the bailiffs come on Friday", None), Priority::Normal);
        let old = [part(Part::Vulnerability)];
        assert_eq!(judged(&old, "the bailiffs come on Friday", None), Priority::High);
        let says = weigh(&[], "the bailiffs come on Friday", Some(monday()), None, None).reasons;
        assert_eq!(says, [Reason::Note { text: "Time: \"bailiffs\" and \"Friday\", 4 days ahead".to_owned() }]);
    }

    #[test]
    fn a_learned_hazard_raises_to_high_and_says_its_score() {
        let urgency = weigh(&[], "a wobbly thing", Some(monday()), Some(0.83), None);
        assert_eq!(urgency.priority, Priority::High);
        assert_eq!(urgency.reasons, [Reason::Note { text: "Hazard: the learned hazard score, 0.83".to_owned() }]);
        assert_eq!(judged(&[], "a wobbly thing", Some(0.59)), Priority::Normal);
    }

    #[test]
    fn thanks_are_low_only_where_nothing_presses() {
        let thanks = [effect(Priority::Low)];
        assert_eq!(judged(&thanks, "thank you for the lamp", None), Priority::Low);
        assert_eq!(judged(&[effect(Priority::Low), effect(Priority::High)], "thank you", None), Priority::High);
        assert_eq!(judged(&thanks, "thank you for the lamp", Some(0.9)), Priority::High);
        assert_eq!(judged(&[effect(Priority::Low), part(Part::Repetition)], "thanks", None), Priority::Normal);
    }

    fn any_effect() -> impl Strategy<Value = Effect> {
        prop_oneof![
            prop_oneof![Just(Priority::Low), Just(Priority::High), Just(Priority::Urgent)].prop_map(effect),
            prop_oneof![Just(Part::Vulnerability), Just(Part::Time), Just(Part::Repetition)].prop_map(part),
        ]
    }

    proptest! {
        #[test]
        fn adding_a_hazard_never_lowers_the_priority(
            effects in proptest::collection::vec(any_effect(), 0..6),
            text in prop_oneof![Just(""), Just("the hearing is today"), Just("evicted on Friday")],
            score in proptest::option::of(0.0..1.0_f64),
            more in 0.0..1.0_f64,
        ) {
            let before = judged(&effects, text, score);
            let higher = Some(score.map_or(more, |score| score.max(more)));
            prop_assert!(judged(&effects, text, higher) >= before);
            for hazard in [Priority::High, Priority::Urgent] {
                let mut worse = effects.clone();
                worse.push(effect(hazard));
                prop_assert!(judged(&worse, text, score) >= before);
            }
        }

        #[test]
        fn no_text_breaks_the_reading_of_dates(text in "[a-z0-9/ .]{0,40}(court|hearing) (on|by)? ?[0-9a-z/]{0,12}( [a-z]{3,9})?") {
            let near = nearest_date(&text, monday());
            prop_assert!(near.is_none_or(|n| (0..=NEAR_DAYS).contains(&n.days)));
        }
    }
}
