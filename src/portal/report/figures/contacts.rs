//! How many contacts there were: over time, by ward, service, channel, hour and day of the week.

use super::{Chosen, Question, contacts_of, shares, tally};
use crate::core::Channel;
use crate::portal::report::table::{Cell, Drawn, Table};
use chrono::Datelike;
use std::collections::BTreeMap;

/// How contacts are counted, wherever they are.
const METHOD: &str = "Each message that began a case is one contact, also where its case was joined to another one.";
/// The days of the week.
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// What stands where no ward is known.
pub(super) const NO_WARD: &str = "Not known";

/// Over time: the only figure in which messages for the councillor only are counted.
pub(super) fn volume(question: &Question<'_>, chosen: &Chosen<'_>) -> Table {
    let unit = question.period.unit();
    let mut counts: BTreeMap<_, usize> = question.period.units().into_iter().map(|start| (start, 0)).collect();
    for entry in &chosen.all {
        *counts.entry(unit.start(entry.day)).or_default() += 1;
    }
    let private = chosen.all.len() - chosen.open.len();
    let note = match private {
        0 => String::new(),
        1 => ", one of them for the councillor only".to_owned(),
        n => format!(", {n} of them for the councillor only"),
    };
    Table {
        name: "volume",
        title: format!("Contacts by {}", unit.word()),
        said: format!("{}{note}.", contacts_of(chosen.all.len())),
        method: format!(
            "{METHOD} Messages for the councillor only are counted here, and in no other figure of this page. The day is that \
             of the clock on the wall."
        ),
        columns: vec!["When", "Contacts"],
        rows: counts.into_iter().map(|(start, n)| vec![Cell::Day(unit.name(start), start), Cell::count(n)]).collect(),
        drawn: Drawn::Columns,
        value: 1,
    }
}

/// By ward, in the order of the council's file; wards of cases that are not in it follow.
pub(super) fn wards(question: &Question<'_>, chosen: &Chosen<'_>) -> Table {
    let counts = tally(question.ledger, &chosen.open, |entry| entry.ward);
    let of = |name: &str| question.ledger.find(name).and_then(|number| counts.get(number)).copied().unwrap_or_default();
    let mut rows: Vec<(String, usize)> = question.wards.iter().map(|(name, _)| (name.clone(), of(name))).collect();
    let others = counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(number, _)| question.ledger.word(number));
    let mut others: Vec<&str> = others.filter(|name| question.wards.iter().all(|(known, _)| known != name)).collect();
    others.sort_unstable();
    rows.extend(others.into_iter().map(|name| (name.to_owned(), of(name))));
    let most = rows.iter().max_by_key(|(_, n)| *n).filter(|(_, n)| *n > 0);
    let most = most.map(|(name, n)| format!("Most came from {name}: {}. ", contacts_of(*n))).unwrap_or_default();
    let unknown = chosen.open.iter().filter(|entry| entry.ward.is_none()).count();
    rows.push((NO_WARD.to_owned(), unknown));
    Table {
        name: "wards",
        title: "Contacts by ward".to_owned(),
        said: format!("{most}Of {} it is not known where.", contacts_of(unknown)),
        method: format!("{METHOD} The ward is that of the place it is about, by the council's own boundaries."),
        columns: vec!["Ward", "Contacts", "Share, %"],
        rows: shares(rows),
        drawn: Drawn::Map,
        value: 1,
    }
}

/// By service, most first.
pub(super) fn services(question: &Question<'_>, chosen: &Chosen<'_>) -> Table {
    let counts = tally(question.ledger, &chosen.open, |entry| Some(entry.service));
    let named = |number| question.taxonomy.service_name(question.ledger.word(number)).to_owned();
    let mut rows: Vec<(String, usize)> =
        counts.into_iter().enumerate().filter(|(_, n)| *n > 0).map(|(number, n)| (named(number), n)).collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Table {
        name: "services",
        title: "Contacts by service".to_owned(),
        said: rows.first().map_or_else(
            || "There were none.".to_owned(),
            |(name, n)| format!("Most were about {name}: {}.", contacts_of(*n)),
        ),
        method: format!("{METHOD} The service is the one that the case stands under now."),
        columns: vec!["Service", "Contacts", "Share, %"],
        rows: shares(rows),
        drawn: Drawn::Bars,
        value: 1,
    }
}

/// By channel, those that nobody used among them.
pub(super) fn channels(chosen: &Chosen<'_>) -> Table {
    let mut rows: Vec<(String, usize)> = Channel::ALL
        .iter()
        .filter(|channel| **channel != Channel::Letter)
        .map(|channel| {
            let count = chosen.open.iter().filter(|entry| entry.channel == Some(*channel)).count();
            (channel.label().to_owned(), count)
        })
        .collect();
    let unused: Vec<String> = rows.iter().filter(|(_, n)| *n == 0).map(|(name, _)| name.to_lowercase()).collect();
    rows.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    Table {
        name: "channels",
        title: "Contacts by channel".to_owned(),
        said: if unused.is_empty() {
            "Every channel was used.".to_owned()
        } else {
            format!("Nobody came by: {}.", unused.join(", "))
        },
        method: format!("{METHOD} The channel is the one by which its first message came."),
        columns: vec!["Channel", "Contacts", "Share, %"],
        rows: shares(rows),
        drawn: Drawn::Bars,
        value: 1,
    }
}

/// By the hour of the day.
pub(super) fn hours(chosen: &Chosen<'_>) -> Table {
    let mut counts = [0_usize; 24];
    for entry in &chosen.open {
        if let Some(count) = counts.get_mut(entry.hour) {
            *count += 1;
        }
    }
    let office: usize = chosen.open.iter().filter(|e| (9..17).contains(&e.hour) && is_week_day(e.day)).count();
    let outside = chosen.open.len() - office;
    Table {
        name: "hours",
        title: "Contacts by time of day".to_owned(),
        said: format!("{} came outside Monday to Friday, 9:00 to 17:00.", contacts_of(outside)),
        method: format!("{METHOD} The hour is that of the clock on the wall."),
        columns: vec!["Time", "Contacts", "Share, %"],
        rows: shares(
            counts.iter().enumerate().map(|(hour, n)| (format!("{hour:02}:00 to {hour:02}:59"), *n)).collect(),
        ),
        drawn: Drawn::Columns,
        value: 1,
    }
}

/// By the day of the week.
pub(super) fn weekdays(chosen: &Chosen<'_>) -> Table {
    let mut counts = [0_usize; 7];
    for entry in &chosen.open {
        let place = usize::try_from(entry.day.weekday().num_days_from_monday()).unwrap_or_default();
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    let weekend = counts[5] + counts[6];
    Table {
        name: "weekdays",
        title: "Contacts by day of the week".to_owned(),
        said: format!("{} came on a Saturday or Sunday.", contacts_of(weekend)),
        method: METHOD.to_owned(),
        columns: vec!["Day", "Contacts", "Share, %"],
        rows: shares(WEEKDAYS.iter().zip(counts).map(|(name, n)| ((*name).to_owned(), n)).collect()),
        drawn: Drawn::Columns,
        value: 1,
    }
}

fn is_week_day(day: chrono::NaiveDate) -> bool {
    day.weekday().num_days_from_monday() < 5
}
