//! How many contacts there were: over time, by ward, service, channel, hour and day of the week.

use super::{Chosen, Question, contacts_of, shares, tally};
use crate::core::Channel;
use crate::portal::report::ledger::Word;
use crate::portal::report::table::{Cell, Drawn, Scale, Table, named, pounds};
use chrono::{Datelike, NaiveDate};

/// How contacts are counted, wherever they are.
pub(super) const METHOD: &str = "Each message that began a case is one contact, also where its case was joined to another one. What was closed \
                      as spam is none.";
/// The days of the week.
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// What stands where no ward is known.
pub(super) const NO_WARD: &str = "Not known";

/// Over time: the only figure in which messages for the councillor only are counted.
pub(super) fn volume(question: &Question<'_>, chosen: &Chosen<'_>) -> Table {
    let unit = question.period.unit();
    let mut counts: Vec<(NaiveDate, usize)> =
        question.period.units_of(unit).into_iter().map(|start| (start, 0)).collect();
    for entry in &chosen.all {
        let place = counts.partition_point(|(start, _)| *start <= entry.day).wrapping_sub(1);
        if let Some((_, n)) = counts.get_mut(place) {
            *n += 1;
        }
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
        columns: named(&["When", "Contacts"]),
        rows: counts.into_iter().map(|(start, n)| vec![Cell::Day(unit.name(start), start), Cell::count(n)]).collect(),
        drawn: Drawn::Columns,
        value: 1,
    }
}

/// By ward, the last one being that of contacts whose ward is not known.
pub(super) fn wards(names: &[String], counts: &[usize]) -> Table {
    let rows: Vec<(String, usize)> = names.iter().cloned().zip(counts.iter().copied()).collect();
    let known = rows.split_last().map_or(&[][..], |(_, known)| known);
    let most = known.iter().max_by_key(|(_, n)| *n).filter(|(_, n)| *n > 0);
    let most = most.map(|(name, n)| format!("Most came from {name}: {}. ", contacts_of(*n))).unwrap_or_default();
    let unknown = counts.last().copied().unwrap_or_default();
    Table {
        name: "wards",
        title: "Contacts by ward".to_owned(),
        said: format!("{most}Of {} it is not known where.", contacts_of(unknown)),
        method: format!("{METHOD} The ward is that of the place it is about, by the council's own boundaries."),
        columns: named(&["Ward", "Contacts", "Share, %"]),
        rows: shares(rows),
        drawn: Drawn::Map(Scale::Contacts),
        value: 1,
    }
}

/// The services that somebody wrote about: number, name, contacts; most first.
pub(super) fn most_first(question: &Question<'_>, chosen: &Chosen<'_>) -> Vec<(Word, String, usize)> {
    let counts = tally(question.ledger, &chosen.open, |entry| Some(entry.service));
    let named = |number| question.taxonomy.service_name(question.ledger.word(number)).to_owned();
    let there = counts.into_iter().enumerate().filter(|(_, n)| *n > 0);
    let mut rows: Vec<(Word, String, usize)> = there.map(|(number, n)| (number, named(number), n)).collect();
    rows.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.1.cmp(&b.1)));
    rows
}

/// By service, most first.
pub(super) fn services(question: &Question<'_>, chosen: &Chosen<'_>) -> Table {
    let rows: Vec<(String, usize)> = most_first(question, chosen).into_iter().map(|(_, name, n)| (name, n)).collect();
    Table {
        name: "services",
        title: "Contacts by service".to_owned(),
        said: rows.first().map_or_else(
            || "There were none.".to_owned(),
            |(name, n)| format!("Most were about {name}: {}.", contacts_of(*n)),
        ),
        method: format!("{METHOD} The service is the one that the case stands under now."),
        columns: named(&["Service", "Contacts", "Share, %"]),
        rows: shares(rows),
        drawn: Drawn::Bars,
        value: 1,
    }
}

/// How many contacts came by each channel.
fn by_channel(chosen: &Chosen<'_>) -> Vec<(Channel, usize)> {
    let mut counts: Vec<(Channel, usize)> = Channel::ALL.iter().map(|channel| (*channel, 0)).collect();
    for channel in chosen.open.iter().filter_map(|entry| entry.channel) {
        if let Some((_, n)) = counts.iter_mut().find(|(known, _)| *known == channel) {
            *n += 1;
        }
    }
    counts
}

/// The channels that somebody used, most first.
pub(super) fn channels_most_first(chosen: &Chosen<'_>) -> Vec<(Channel, usize)> {
    let mut rows = by_channel(chosen);
    rows.retain(|(_, n)| *n > 0);
    rows.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    rows
}

/// By channel, those that nobody used among them.
pub(super) fn channels(chosen: &Chosen<'_>) -> Table {
    // A letter is written down by a person, where one comes at all.
    let rows = by_channel(chosen).into_iter().filter(|(channel, n)| *channel != Channel::Letter || *n > 0);
    let mut rows: Vec<(String, usize)> = rows.map(|(channel, n)| (channel.label().to_owned(), n)).collect();
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
        columns: named(&["Channel", "Contacts", "Share, %"]),
        rows: shares(rows),
        drawn: Drawn::Bars,
        value: 1,
    }
}

/// What contacts cost, for the channels whose cost the council gives; none where it gives none.
pub(super) fn cost(question: &Question<'_>, chosen: &Chosen<'_>) -> Option<Table> {
    if question.costs.is_empty() {
        return None;
    }
    let counts = by_channel(chosen).into_iter();
    let mut rows: Vec<(i64, Vec<Cell>)> = counts
        .filter_map(|(channel, n)| {
            let each = *question.costs.get(&channel)?;
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            let all = each.saturating_mul(n);
            let name = Cell::Text(channel.label().to_owned());
            Some((all, vec![name, Cell::Pence(all, n), Cell::Pence(each, i64::MAX), Cell::Count(n)]))
        })
        .collect();
    rows.sort_by_key(|(all, _)| std::cmp::Reverse(*all));
    let all: i64 = rows.iter().map(|(all, _)| all).sum();
    let without = chosen.open.iter().filter(|entry| !entry.channel.is_some_and(|c| question.costs.contains_key(&c)));
    let without = without.count();
    Some(Table {
        name: "cost",
        title: "Cost by channel".to_owned(),
        said: format!("£{} in all. {} came by channels whose cost is not given.", pounds(all), contacts_of(without)),
        method: format!(
            "{METHOD} What one contact costs is no measurement: it is what the council gives in its settings, times the contacts that came \
             by the channel. What departments do afterwards is not in it, unless the council counted it in."
        ),
        columns: named(&["Channel", "Cost, £", "One contact, £", "Contacts"]),
        rows: rows.into_iter().map(|(_, cells)| cells).collect(),
        drawn: Drawn::Bars,
        value: 1,
    })
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
        columns: named(&["Time", "Contacts", "Share, %"]),
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
        columns: named(&["Day", "Contacts", "Share, %"]),
        rows: shares(WEEKDAYS.iter().zip(counts).map(|(name, n)| ((*name).to_owned(), n)).collect()),
        drawn: Drawn::Columns,
        value: 1,
    }
}

fn is_week_day(day: NaiveDate) -> bool {
    day.weekday().num_days_from_monday() < 5
}
