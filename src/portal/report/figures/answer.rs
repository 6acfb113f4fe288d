//! How residents were served: in time, how soon they were answered, how content they were.

use super::{Chosen, Question, percentile};
use crate::core::{CaseState, Channel};
use crate::portal::report::ledger::{Entry, Word};
use crate::portal::report::table::{Cell, Drawn, Table, named};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// How the cases of a service fared.
#[derive(Clone, Debug, Default)]
pub(super) struct Fared {
    /// Working days of those that are closed.
    took: Vec<u32>,
    in_time: usize,
    /// Closed, or past their day.
    judged: usize,
    overdue: usize,
    /// Not closed yet.
    open: usize,
}

impl Fared {
    pub(super) fn take(&mut self, entry: &Entry, today: NaiveDate) {
        let Some(due) = entry.due else { return };
        let late = due < today;
        match (entry.closed_on, entry.took) {
            (Some(closed), Some(took)) => {
                self.took.push(took);
                self.judged += 1;
                self.in_time += usize::from(closed <= due);
            }
            _ => {
                self.open += 1;
                self.judged += usize::from(late);
                self.overdue += usize::from(late);
            }
        }
    }

    /// As a row of the table of wards.
    pub(super) fn row_of_ward(mut self, name: &str) -> Vec<Cell> {
        let closed = i64::try_from(self.took.len()).unwrap_or(i64::MAX);
        let median = percentile(&mut self.took, 50).map_or(Cell::Nothing, |days| Cell::Value(f64::from(days), closed));
        vec![
            Cell::Text(name.to_owned()),
            Cell::share(self.in_time, self.judged),
            median,
            Cell::Count(closed),
            Cell::count(self.open),
            Cell::count(self.overdue),
        ]
    }

    fn row(mut self, name: String) -> Vec<Cell> {
        let closed = i64::try_from(self.took.len()).unwrap_or(i64::MAX);
        let mut days = |hundredths| {
            percentile(&mut self.took, hundredths).map_or(Cell::Nothing, |days| Cell::Value(f64::from(days), closed))
        };
        let (median, ninetieth) = (days(50), days(90));
        vec![
            Cell::Text(name),
            Cell::share(self.in_time, self.judged),
            median,
            ninetieth,
            Cell::Count(closed),
            Cell::count(self.overdue),
        ]
    }
}

/// Against the service standard, by service; all services first.
pub(super) fn standard(question: &Question<'_>, chosen: &Chosen<'_>) -> Table {
    let mut all = Fared::default();
    let mut by_service: BTreeMap<Word, Fared> = BTreeMap::new();
    for entry in chosen.open.iter().filter(|entry| entry.state != CaseState::Joined) {
        all.take(entry, question.today);
        by_service.entry(entry.service).or_default().take(entry, question.today);
    }
    let said = if all.judged == 0 {
        "None of these cases is closed or past its day yet.".to_owned()
    } else {
        let share = Cell::share(all.in_time, all.judged);
        format!("{}% were done by the day that was promised; {} are overdue now.", share.shown(), all.overdue)
    };
    let name_of = |word| question.taxonomy.service_name(question.ledger.word(word)).to_owned();
    let mut services: Vec<(String, Fared)> = by_service.into_iter().map(|(word, f)| (name_of(word), f)).collect();
    services.sort_by(|a, b| b.1.judged.cmp(&a.1.judged).then_with(|| a.0.cmp(&b.0)));
    let services = services.into_iter().filter(|(_, fared)| fared.judged > 0);
    let rows = std::iter::once(("All services".to_owned(), all)).chain(services);
    Table {
        name: "standard",
        title: "Done by the day that was promised".to_owned(),
        said,
        method: "Of the cases that came in during this time. The share is that of cases closed by their day, among those that are \
                 closed or whose day has passed. Working days are counted from the day after the message came, without weekends \
                 and bank holidays; half the closed cases took no longer than the median, nine in ten no longer than the 90th \
                 percentile. Cases joined to another are not counted: that one is."
            .to_owned(),
        columns: named(&["Service", "In time, %", "Median, working days", "90th percentile", "Closed", "Overdue now"]),
        rows: rows.map(|(name, fared)| fared.row(name)).collect(),
        drawn: Drawn::Bars,
        value: 1,
    }
}

/// How soon something was first sent to the resident, by channel.
pub(super) fn first(chosen: &Chosen<'_>) -> Table {
    let mut by_channel: Vec<(Vec<f64>, usize)> = vec![(Vec::new(), 0); Channel::ALL.len()];
    let (mut all, mut all_silent) = (Vec::new(), 0);
    for entry in &chosen.open {
        let place = entry.channel.and_then(|channel| Channel::ALL.iter().position(|known| *known == channel));
        let theirs = place.and_then(|place| by_channel.get_mut(place));
        match entry.answered_at {
            Some(at) => {
                let hours = ((at - entry.received_at).num_minutes().max(0) as f64 / 60.0 * 10.0).round() / 10.0;
                all.push(hours);
                theirs.into_iter().for_each(|(known, _)| known.push(hours));
            }
            None => {
                all_silent += 1;
                theirs.into_iter().for_each(|(_, silent)| *silent += 1);
            }
        }
    }
    let row = |name: &str, mut hours: Vec<f64>, silent: usize| {
        let answered = i64::try_from(hours.len()).unwrap_or(i64::MAX);
        let mut at =
            |hundredths| percentile(&mut hours, hundredths).map_or(Cell::Nothing, |hours| Cell::Value(hours, answered));
        let (median, ninetieth) = (at(50), at(90));
        vec![Cell::Text(name.to_owned()), median, ninetieth, Cell::Count(answered), Cell::count(silent)]
    };
    let mut rows = vec![row("All channels", all, all_silent)];
    for (channel, (hours, silent)) in Channel::ALL.iter().zip(by_channel) {
        if !hours.is_empty() || silent > 0 {
            rows.push(row(channel.label(), hours, silent));
        }
    }
    let said = match &rows[0][1] {
        Cell::Nothing => "Nobody was answered yet.".to_owned(),
        hours => format!("Half of those who were answered had an answer within {} hours.", hours.shown()),
    };
    Table {
        name: "answers",
        title: "Time to the first answer".to_owned(),
        said,
        method: "Hours by the clock, nights and weekends among them, from the message to the first thing that was sent to its writer, \
                 acknowledgements among it. Who gave no address, or is answered by telephone, counts as not answered here."
            .to_owned(),
        columns: named(&["Channel", "Median, hours", "90th percentile, hours", "Answered", "Not answered"]),
        rows,
        drawn: Drawn::Bars,
        value: 1,
    }
}

/// What residents said of closed cases.
pub(super) fn satisfaction(chosen: &Chosen<'_>) -> Table {
    let scores: Vec<usize> = chosen.open.iter().filter_map(|entry| entry.score).collect();
    let words = ["1, not at all", "2", "3", "4", "5, entirely"];
    let count = |score| scores.iter().filter(|given| **given == score).count();
    let mean = scores.iter().sum::<usize>() as f64 / scores.len().max(1) as f64;
    Table {
        name: "satisfaction",
        title: "How content residents were".to_owned(),
        said: match scores.len() {
            0 => "Nobody has said yet.".to_owned(),
            n => format!("{mean:.1} of 5 on average, from {n} who answered."),
        },
        method: "Residents are asked once, when their case is closed, and may leave it. Of the cases that came in during this time."
            .to_owned(),
        columns: named(&["Score", "Residents", "Share, %"]),
        rows: super::shares((1..=5).zip(words).map(|(score, words)| (words.to_owned(), count(score))).collect()),
        drawn: Drawn::Columns,
        value: 1,
    }
}
