//! By when: working days, with the bank holidays of the part of the United Kingdom the council is in.
//!
//! The holidays come from `rules/bank-holidays.json`, in the layout of <https://www.gov.uk/bank-holidays.json> (Open
//! Government Licence v3.0), so that the file is brought up to date by saving that address over it.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc, Weekday};
use chrono_tz::Europe::London;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The part of the United Kingdom whose bank holidays hold, by the names GOV.UK uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Division {
    /// England and Wales.
    #[default]
    EnglandAndWales,
    /// Scotland.
    Scotland,
    /// Northern Ireland.
    NorthernIreland,
}

impl Division {
    /// The key in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EnglandAndWales => "england-and-wales",
            Self::Scotland => "scotland",
            Self::NorthernIreland => "northern-ireland",
        }
    }
}

impl fmt::Display for Division {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a list of bank holidays cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HolidaysError {
    /// Not the layout of GOV.UK.
    #[error(
        "the bank holidays are not in the layout of https://www.gov.uk/bank-holidays.json ({0}): save that address as rules/bank-holidays.json"
    )]
    Layout(#[from] serde_json::Error),
    /// The division is not in it, or has no dates.
    #[error(
        "the bank holidays have no dates for {0}: save https://www.gov.uk/bank-holidays.json as rules/bank-holidays.json"
    )]
    Missing(Division),
}

#[derive(Deserialize)]
struct Calendar {
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    date: NaiveDate,
}

/// Which days are worked. Weekends are known for ever, bank holidays until [`WorkingDays::known_until`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingDays {
    holidays: BTreeSet<NaiveDate>,
    known_until: NaiveDate,
}

impl WorkingDays {
    /// Reads the list of bank holidays for one division. Anything more in the file is left alone.
    ///
    /// # Errors
    /// When the text is not in GOV.UK's layout, or has no dates for the division.
    pub fn from_json(text: &str, division: Division) -> Result<Self, HolidaysError> {
        let mut calendars: BTreeMap<String, Calendar> = serde_json::from_str(text)?;
        let events = calendars.remove(division.as_str()).map(|calendar| calendar.events).unwrap_or_default();
        let holidays: BTreeSet<NaiveDate> = events.into_iter().map(|event| event.date).collect();
        let known_until = *holidays.last().ok_or(HolidaysError::Missing(division))?;
        Ok(Self { holidays, known_until })
    }

    /// Whether the council works that day: neither Saturday, Sunday nor a listed bank holiday.
    #[must_use]
    pub fn is_working_day(&self, day: NaiveDate) -> bool {
        !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && !self.holidays.contains(&day)
    }

    /// The last day on which something promised within `days` working days is in time. The day of receipt is day zero,
    /// whether worked or not, and counting begins on the next working day; so `due(friday, 1)` is Monday, and
    /// `due(day, 0)` is the day itself.
    #[must_use]
    pub fn due(&self, received: NaiveDate, days: u32) -> NaiveDate {
        let mut day = received;
        for _ in 0..days {
            day = self.next_working_day(day);
        }
        day
    }

    /// How many working days lie after `from` up to and with `to`; none where `to` is not later. It is the inverse of
    /// [`WorkingDays::due`]: for days above zero, `working_days_between(r, due(r, n))` is `n`.
    #[must_use]
    pub fn working_days_between(&self, from: NaiveDate, to: NaiveDate) -> u32 {
        let days = from.iter_days().skip(1).take_while(|day| *day <= to);
        days.filter(|day| self.is_working_day(*day)).map(|_| 1).sum()
    }

    /// The last bank holiday listed. Deadlines after it count bank holidays as worked, so that an old file makes
    /// promises that come too early; `beadle doctor` warns when it draws near.
    #[must_use]
    pub const fn known_until(&self) -> NaiveDate {
        self.known_until
    }

    fn next_working_day(&self, after: NaiveDate) -> NaiveDate {
        let mut day = after;
        // The calendar ends in the year 262142; a promise beyond it stays on its last day.
        while let Some(next) = day.checked_add_days(Days::new(1)) {
            day = next;
            if self.is_working_day(day) {
                break;
            }
        }
        day
    }
}

/// The day a message was received, in the time that holds in the United Kingdom: one sent at half past midnight in
/// July came on that day, though in UTC it is the day before.
#[must_use]
pub fn received_date(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&London).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOLIDAYS: &str = include_str!("../../rules/bank-holidays.json");

    fn england() -> WorkingDays {
        WorkingDays::from_json(HOLIDAYS, Division::EnglandAndWales).unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn every_division_is_known_from_2025_to_the_end_of_2028() {
        for division in [Division::EnglandAndWales, Division::Scotland, Division::NorthernIreland] {
            let days = WorkingDays::from_json(HOLIDAYS, division).unwrap();
            assert_eq!(days.known_until(), day("2028-12-26"));
            for year in 2025..=2028 {
                let count = days.holidays.iter().filter(|h| h.year() == year).count();
                assert!((8..=11).contains(&count), "{division} {year}: {count}");
                assert!(!days.is_working_day(NaiveDate::from_ymd_opt(year, 1, 1).unwrap()));
            }
        }
    }

    #[test]
    fn the_day_of_receipt_is_day_zero() {
        let days = england();
        assert_eq!(days.due(day("2026-06-03"), 0), day("2026-06-03"));
        assert_eq!(days.due(day("2026-06-03"), 1), day("2026-06-04"));
        assert_eq!(days.due(day("2026-06-03"), 10), day("2026-06-17"));
    }

    #[test]
    fn weekends_and_bank_holidays_are_not_counted() {
        let days = england();
        assert_eq!(days.due(day("2026-06-05"), 1), day("2026-06-08"), "Friday to Monday");
        assert_eq!(days.due(day("2026-06-06"), 1), day("2026-06-08"), "Saturday to Monday");
        // Good Friday and Easter Monday.
        assert_eq!(days.due(day("2026-04-02"), 1), day("2026-04-07"));
        // Christmas Day on a Friday, Boxing Day's substitute on the Monday.
        assert_eq!(days.due(day("2026-12-24"), 1), day("2026-12-29"));
    }

    #[test]
    fn divisions_keep_their_own_holidays() {
        let of = |division| WorkingDays::from_json(HOLIDAYS, division).unwrap();
        assert!(!of(Division::Scotland).is_working_day(day("2026-11-30")), "St Andrew's Day");
        assert!(england().is_working_day(day("2026-11-30")));
        assert!(!of(Division::NorthernIreland).is_working_day(day("2026-03-17")), "St Patrick's Day");
        assert!(of(Division::Scotland).is_working_day(day("2026-04-06")), "Easter Monday");
    }

    #[test]
    fn a_division_is_written_as_gov_uk_writes_it() {
        for division in [Division::EnglandAndWales, Division::Scotland, Division::NorthernIreland] {
            let text = serde_json::to_string(&division).unwrap();
            assert_eq!(text, format!("\"{division}\""));
            assert_eq!(serde_json::from_str::<Division>(&text).unwrap(), division);
        }
    }

    #[test]
    fn a_file_that_is_no_list_of_bank_holidays_is_refused_with_a_remedy() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"scotland":{"division":"scotland","events":[]}}"#,
            r#"{"scotland":{"events":[{"date":"1/1/26"}]}}"#,
        ] {
            let error = WorkingDays::from_json(text, Division::Scotland).unwrap_err().to_string();
            assert!(error.contains("https://www.gov.uk/bank-holidays.json"), "{error}");
        }
    }

    #[test]
    fn a_message_after_midnight_in_summer_is_of_that_day() {
        let at = |text: &str| received_date(text.parse().unwrap());
        assert_eq!(at("2026-07-01T23:30:00Z"), day("2026-07-02"));
        assert_eq!(at("2026-01-01T23:30:00Z"), day("2026-01-01"));
        // The clocks go forward at 01:00 UTC on 29 March 2026 and back at 01:00 UTC on 25 October 2026.
        assert_eq!(at("2026-03-28T23:59:59Z"), day("2026-03-28"));
        assert_eq!(at("2026-03-29T23:00:00Z"), day("2026-03-30"));
        assert_eq!(at("2026-10-24T23:00:00Z"), day("2026-10-25"));
        assert_eq!(at("2026-10-25T23:59:59Z"), day("2026-10-25"));
    }

    #[test]
    fn the_end_of_the_calendar_does_not_panic() {
        assert_eq!(england().due(NaiveDate::MAX, 3), NaiveDate::MAX);
        assert_eq!(england().working_days_between(NaiveDate::MAX, NaiveDate::MAX), 0);
    }

    prop_compose! {
        fn any_day()(offset in 0u64..4_000) -> NaiveDate {
            day("2024-01-01") + Days::new(offset)
        }
    }

    proptest! {
        #[test]
        fn a_deadline_is_a_working_day_after_receipt(received in any_day(), days in 1u32..60) {
            let due = england().due(received, days);
            prop_assert!(england().is_working_day(due) && due > received);
        }

        #[test]
        fn more_days_or_a_later_receipt_never_give_an_earlier_deadline(received in any_day(), days in 0u32..60, later in 0u64..30) {
            let working = england();
            prop_assert!(working.due(received, days) < working.due(received, days + 1));
            prop_assert!(working.due(received, days) <= working.due(received + Days::new(later), days));
        }

        #[test]
        fn counting_the_days_of_a_deadline_gives_the_days_promised(received in any_day(), days in 0u32..60) {
            let working = england();
            prop_assert_eq!(working.working_days_between(received, working.due(received, days)), days);
        }
    }
}
