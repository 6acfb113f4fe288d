//! Of which days a report is.

use crate::core::Channel;
use chrono::{Datelike, Days, Months, NaiveDate};
use serde::Deserialize;

/// Longest time between the first and the last day, so that nobody asks for a table of a million rows.
const MOST_DAYS: i64 = 3_660;

/// The question as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
pub(in crate::portal) struct Asked {
    #[serde(default)]
    pub(super) period: String,
    #[serde(default)]
    pub(super) from: String,
    #[serde(default)]
    pub(super) to: String,
    #[serde(default)]
    pub(super) ward: String,
    #[serde(default)]
    pub(super) minutes: String,
    /// What fills the map.
    #[serde(default)]
    pub(super) map: String,
}

/// The periods that can be chosen: key, words.
pub(super) const PERIODS: [(&str, &str); 4] = [
    ("this-month", "This month"),
    ("last-month", "Last month"),
    ("12-months", "The last 12 months"),
    ("days", "From one day to another"),
];
/// Where nothing was chosen.
const USUAL: &str = "12-months";

/// What fills the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filling {
    /// All contacts.
    Contacts,
    /// The share of cases done by the day that was promised.
    InTime,
    /// The mean score.
    Satisfaction,
    /// The contacts of the service of this key.
    Service(String),
    /// The contacts of one channel.
    Channel(Channel),
}

/// From one day to another, both among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
}

impl Asked {
    /// The key of the period.
    pub(super) fn key(&self) -> &str {
        if PERIODS.iter().any(|(key, _)| *key == self.period) { &self.period } else { USUAL }
    }

    /// The days that are asked for; what is wrong with them in words for whoever typed them.
    pub(super) fn period(&self, today: NaiveDate) -> Result<Period, &'static str> {
        let first = today.with_day(1).unwrap_or(today);
        let back = |months| first.checked_sub_months(Months::new(months)).unwrap_or(first);
        Ok(match self.key() {
            "this-month" => Period { from: first, to: today },
            "last-month" => Period { from: back(1), to: first.checked_sub_days(Days::new(1)).unwrap_or(first) },
            "days" => {
                let from: NaiveDate =
                    self.from.trim().parse().map_err(|_| "Enter the first day, such as 2026-03-01")?;
                let to: NaiveDate = self.to.trim().parse().map_err(|_| "Enter the last day, such as 2026-03-31")?;
                if to < from {
                    return Err("The last day must not be before the first");
                }
                if (to - from).num_days() > MOST_DAYS {
                    return Err("Choose at most ten years");
                }
                Period { from, to }
            }
            _ => Period { from: back(11), to: today },
        })
    }

    /// Minutes that one message takes by hand: what was typed, else what is assumed.
    pub(super) fn minutes(&self) -> u32 {
        self.minutes.trim().parse().ok().filter(|minutes| (1..=120).contains(minutes)).unwrap_or(4)
    }

    /// What fills the map; contacts where it was not said in words that are known.
    pub(super) fn filling(&self) -> Filling {
        match self.map.split_once(':') {
            Some(("service", key)) => Filling::Service(key.to_owned()),
            Some(("channel", key)) => key.parse().map_or(Filling::Contacts, Filling::Channel),
            _ if self.map == "standard" => Filling::InTime,
            _ if self.map == "satisfaction" => Filling::Satisfaction,
            _ => Filling::Contacts,
        }
    }

    /// The same question for another page, as it stands behind the `?`.
    pub(super) fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("period", self.key());
        for (key, value) in [("from", &self.from), ("to", &self.to)] {
            if self.key() == "days" {
                query.append_pair(key, value);
            }
        }
        for (key, value) in [("ward", &self.ward), ("minutes", &self.minutes), ("map", &self.map)] {
            if !value.is_empty() {
                query.append_pair(key, value);
            }
        }
        query.finish()
    }
}

/// How finely time is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Month,
}

impl Period {
    /// The unit that makes a chart which can be read.
    pub(super) fn unit(self) -> Unit {
        match (self.to - self.from).num_days() {
            ..=31 => Unit::Day,
            32..=183 => Unit::Week,
            _ => Unit::Month,
        }
    }

    pub(super) fn has(self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.to
    }

    /// The first days of the units in it, in order; that of the first one may lie before the period.
    pub(super) fn units_of(self, unit: Unit) -> Vec<NaiveDate> {
        let mut starts = Vec::new();
        let mut day = unit.start(self.from);
        while day <= self.to {
            starts.push(day);
            let Some(next) = unit.next(day) else { break };
            day = next;
        }
        starts
    }
}

impl Unit {
    /// The first day of the unit that a day lies in.
    pub(super) fn start(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => day,
            Self::Week => {
                day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))).unwrap_or(day)
            }
            Self::Month => day.with_day(1).unwrap_or(day),
        }
    }

    fn next(self, start: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => start.checked_add_days(Days::new(1)),
            Self::Week => start.checked_add_days(Days::new(7)),
            Self::Month => start.checked_add_months(Months::new(1)),
        }
    }

    /// What it is called.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The unit that begins on a day, as short as it is told from others.
    pub(super) fn short(self, start: NaiveDate) -> String {
        match self {
            Self::Day | Self::Week => start.format("From %-d %b %Y").to_string(),
            Self::Month => start.format("%b %Y").to_string(),
        }
    }

    /// The unit that begins on a day, in words.
    pub(super) fn name(self, start: NaiveDate) -> String {
        match self {
            Self::Day => start.format("%A %-d %B %Y").to_string(),
            Self::Week => start.format("Week of %-d %B %Y").to_string(),
            Self::Month => start.format("%B %Y").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn asked(period: &str, from: &str, to: &str) -> Asked {
        Asked { period: period.to_owned(), from: from.to_owned(), to: to.to_owned(), ..Asked::default() }
    }

    #[test]
    fn a_period_begins_and_ends_where_its_name_says() {
        let today = day("2026-03-13");
        let of = |period| asked(period, "", "").period(today).unwrap();
        assert_eq!(of("this-month"), Period { from: day("2026-03-01"), to: today });
        assert_eq!(of("last-month"), Period { from: day("2026-02-01"), to: day("2026-02-28") });
        assert_eq!(of("12-months"), Period { from: day("2025-04-01"), to: today });
        assert_eq!(of("nonsense"), of("12-months"));
        assert_eq!(of("12-months").units_of(Unit::Month).len(), 12);
        assert_eq!(of("last-month").units_of(Unit::Day).len(), 28);
        let weeks = asked("days", "2026-01-01", "2026-03-13").period(today).unwrap();
        assert_eq!((weeks.unit(), weeks.units_of(Unit::Week)[0]), (Unit::Week, day("2025-12-29")));
    }

    #[test]
    fn days_that_are_none_or_the_wrong_way_round_are_refused_in_words() {
        let today = day("2026-03-13");
        for (from, to) in
            [("x", "2026-03-01"), ("2026-03-01", ""), ("2026-03-02", "2026-03-01"), ("1900-01-01", "2026-01-01")]
        {
            assert!(asked("days", from, to).period(today).is_err(), "{from} {to}");
        }
    }
}
