//! What was written down of a call, as it was sent, and what is wrong with it. Nothing that was written is lost: what is wrong is
//! said beside it.

use crate::channels::text::phone;
use crate::core::call::{envelope, envelope_lines};
use crate::core::{Address, Channel, Council, HearBy, language};
use crate::intake::call::Call;
use crate::intake::text::{is_blank, one_line};
use crate::routing::consent::Consent;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Europe::London;
use serde::Deserialize;

/// Most characters of what they said: in any writing it fits into what a form of the portal may weigh.
const MOST_PROBLEM: usize = 4_000;
/// Most characters of any other field.
const MOST_LINE: usize = 300;
/// Most lines of an address below the name, and characters of one: more does not show in the window of an envelope.
const MOST_LINES: usize = 5;
const MOST_OF_LINE: usize = 50;
/// How long ago a call may have been, in days: what lay longer is no call any more but a note that was found.
const MOST_DAYS: i64 = 14;
/// What can be chosen of consent by somebody whose words a gatekeeper has heard.
const READ_OUT: [Consent; 3] = [Consent::Share, Consent::Councillor, Consent::Neither];
/// How far a clock may be ahead of ours, in minutes.
const AHEAD: i64 = 10;

/// What was sent, as it was written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::portal) struct Sent {
    pub(super) token: String,
    pub(super) channel: String,
    pub(super) date: String,
    pub(super) time: String,
    pub(super) problem: String,
    pub(super) place: String,
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) address: String,
    pub(super) email: String,
    pub(super) hear_by: String,
    pub(super) consent: String,
    pub(super) language: String,
    pub(super) councillor: String,
}

/// What is wrong with a field.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The id of the field that a link leads to.
    pub(super) field: &'static str,
    pub(super) text: String,
}

impl Wrong {
    pub(super) fn new(field: &'static str, text: impl Into<String>) -> Self {
        Self { field, text: text.into() }
    }
}

fn given(text: &str) -> Option<String> {
    Some(one_line(text)).filter(|text| !text.is_empty())
}

impl Sent {
    /// When it was, by the clock on the wall; of an hour that comes twice the first.
    fn at(&self) -> Option<DateTime<Utc>> {
        let date: NaiveDate = self.date.trim().parse().ok()?;
        let time = NaiveTime::parse_from_str(self.time.trim(), "%H:%M")
            .or_else(|_| NaiveTime::parse_from_str(self.time.trim(), "%H:%M:%S"));
        let at = date.and_time(time.ok()?).and_local_timezone(London).earliest()?;
        Some(at.to_utc())
    }

    /// The way it was told.
    pub(super) fn channel(&self) -> Option<Channel> {
        self.channel.parse().ok().filter(|channel: &Channel| channel.is_word_of_mouth())
    }

    /// What they chose of what was read out to them.
    fn consent(&self) -> Option<Consent> {
        self.consent.parse().ok().filter(|chosen| READ_OUT.contains(chosen))
    }

    /// The call, of which nothing is wrong; none where something is.
    pub(super) fn call(&self, taken_by: &str, council: &Council) -> Option<(Channel, Call)> {
        let consent = self.consent()?;
        let councillor = council.councillor(&self.councillor).filter(|_| consent.councillor_is_copied());
        let call = Call {
            at: self.at()?,
            taken_by: taken_by.to_owned(),
            language: self.language.clone(),
            consent: consent.as_str().to_owned(),
            hear_by: self.hear_by.parse().ok()?,
            problem: self.problem.trim().to_owned(),
            place: one_line(&self.place),
            councillor: councillor.map(|c| c.id.clone()),
            name: given(&self.name),
            phone: given(&self.phone).map(|number| phone::normalise(&number)),
            address: Some(self.address.trim().to_owned()).filter(|lines| !lines.is_empty()),
            email: given(&self.email).and_then(|email| Some(Address::new(&email, None)?.email)),
        };
        Some((self.channel()?, call))
    }
}

/// Everything that is wrong, in the order of the fields. `texts` says whether texts can be sent at all.
pub(super) fn wrong(sent: &Sent, now: DateTime<Utc>, texts: bool) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut add = |field: &'static str, text: String| {
        if !wrong.iter().any(|w: &Wrong| w.field == field) {
            wrong.push(Wrong { field, text });
        }
    };
    if sent.channel().is_none() {
        add("channel", "Choose whether they rang or came to a surgery".to_owned());
    }
    if let Some(text) = wrong_time(sent, now) {
        add("date", text);
    }
    if is_blank(&sent.problem) {
        add("problem", "Enter what they said".to_owned());
    }
    for (field, text, most) in [
        ("problem", &sent.problem, MOST_PROBLEM),
        ("place", &sent.place, MOST_LINE),
        ("name", &sent.name, MOST_OF_LINE),
    ] {
        if text.chars().count() > most {
            add(field, format!("This must be {most} characters or fewer"));
        }
    }
    let hear_by: Option<HearBy> = sent.hear_by.parse().ok().filter(|how| texts || *how != HearBy::Text);
    for (field, text) in wrong_ways(sent, hear_by) {
        add(field, text.to_owned());
    }
    if let Some(text) = wrong_address(&sent.address) {
        add("address", text);
    }
    if hear_by.is_none() {
        add("hear_by", "Choose how they want to hear from us".to_owned());
    }
    if sent.consent().is_none() {
        add("consent", "Choose who may know who they are: read the question out".to_owned());
    }
    if !language::ANSWERED.contains(&sent.language.as_str()) {
        add("language", "Choose a language to answer in".to_owned());
    }
    wrong
}

fn wrong_time(sent: &Sent, now: DateTime<Utc>) -> Option<String> {
    let Some(at) = sent.at() else { return Some("Enter the day and the time of the call".to_owned()) };
    if at > now + TimeDelta::minutes(AHEAD) {
        return Some("The call cannot have been in the future".to_owned());
    }
    (now - at > TimeDelta::days(MOST_DAYS)).then(|| {
        format!(
            "The call must have been within the last {MOST_DAYS} days. Write the day of an older one into the words"
        )
    })
}

/// What is missing or wrong of how they are reached, field by field.
fn wrong_ways(sent: &Sent, hear_by: Option<HearBy>) -> Vec<(&'static str, &'static str)> {
    let mut wrong = Vec::new();
    let no = |text: &str| is_blank(text);
    let number_is_wrong = !no(&sent.phone) && !phone::is_answerable(&phone::normalise(&sent.phone));
    let email_is_wrong = !no(&sent.email) && !is_email(&sent.email);
    if hear_by == Some(HearBy::Letter) && no(&sent.name) {
        wrong.push(("name", "Enter a name: a letter is addressed to somebody"));
    }
    if number_is_wrong {
        wrong.push(("phone", "Enter a telephone number like 07700 900123"));
    }
    if matches!(hear_by, Some(HearBy::Ring | HearBy::Text)) && no(&sent.phone) {
        wrong.push(("phone", "Enter the number they want to be reached at, or choose another way to hear from us"));
    }
    if hear_by == Some(HearBy::Letter) && no(&sent.address) {
        wrong.push(("address", "Enter the address the letter goes to, or choose another way to hear from us"));
    }
    if email_is_wrong {
        wrong.push(("email", "Enter an email address like name@example.com"));
    }
    if hear_by == Some(HearBy::Email) && no(&sent.email) {
        wrong.push(("email", "Enter their email address, or choose another way to hear from us"));
    }
    wrong
}

fn wrong_address(address: &str) -> Option<String> {
    let lines = envelope_lines(&envelope("", address));
    if lines.len() > MOST_LINES {
        return Some(format!("The address must have {MOST_LINES} lines or fewer, or it does not show in the envelope"));
    }
    let long = lines.iter().any(|line| line.chars().count() > MOST_OF_LINE);
    long.then(|| format!("Each line of the address must be {MOST_OF_LINE} characters or fewer"))
}

/// Whether a mail can be written to it: one address, with a domain that has a dot.
fn is_email(text: &str) -> bool {
    Address::new(text, None)
        .is_some_and(|address| address.domain().contains('.') && address.email.parse::<lettre::Address>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(date: &str, time: &str) -> Sent {
        Sent { date: date.to_owned(), time: time.to_owned(), ..Sent::default() }
    }

    #[test]
    fn the_time_of_a_call_is_read_by_the_clock_on_the_wall() {
        assert_eq!(sent("2026-07-01", "09:30").at().unwrap().to_rfc3339(), "2026-07-01T08:30:00+00:00");
        assert_eq!(sent("2026-10-25", "01:30").at().unwrap().to_rfc3339(), "2026-10-25T00:30:00+00:00", "the first");
        assert_eq!(sent("2026-03-29", "01:30").at(), None, "there is no such time");
        assert_eq!(sent("tomorrow", "09:30").at(), None);
    }

    #[test]
    fn a_call_was_neither_tomorrow_nor_last_month() {
        let now = "2026-03-13T14:00:00Z".parse().unwrap();
        assert_eq!(wrong_time(&sent("2026-03-13", "14:05"), now), None, "clocks differ");
        assert_eq!(wrong_time(&sent("2026-03-01", "09:00"), now), None);
        assert!(wrong_time(&sent("2026-03-14", "09:00"), now).unwrap().contains("future"));
        assert!(wrong_time(&sent("2026-02-13", "09:00"), now).unwrap().contains("14 days"));
    }
}
