//! Wards side by side: what came from each, over time, by service and channel, and how it was served. All of it is counted in one walk.

use super::answer::Fared;
use super::contacts::{METHOD, NO_WARD};
use super::{Chosen, Question, tally};
use crate::core::{CaseState, Channel};
use crate::portal::report::few;
use crate::portal::report::ledger::{Entry, Word};
use crate::portal::report::period::{Filling, Unit};
use crate::portal::report::table::{Cell, Drawn, Scale, Table, named};
use chrono::NaiveDate;
use std::borrow::Cow;

/// So many of the most frequent services stand beside each other.
const MOST_SERVICES: usize = 8;
/// From this score on a resident was content.
const CONTENT: usize = 4;

/// What residents of one ward said of closed cases.
#[derive(Clone, Debug, Default)]
struct Said {
    answers: usize,
    sum: usize,
    content: usize,
}

/// A table of two ways before it is shown: a line for each ward, a column for each of some things.
struct Crossed<K> {
    columns: Vec<K>,
    counts: Vec<Vec<usize>>,
    /// Which numbers are left out; none where everything may be seen.
    hidden: Vec<Vec<bool>>,
}

impl<K> Crossed<K> {
    fn new(columns: Vec<K>, wards: usize) -> Self {
        Self { counts: vec![vec![0; columns.len()]; wards], columns, hidden: Vec::new() }
    }

    fn add(&mut self, ward: usize, column: usize) {
        if let Some(count) = self.counts.get_mut(ward).and_then(|row| row.get_mut(column)) {
            *count += 1;
        }
    }

    fn cell(&self, ward: usize, column: usize) -> Cell {
        if self.hidden.get(ward).and_then(|row| row.get(column)).copied().unwrap_or_default() {
            return Cell::Hidden;
        }
        self.counts.get(ward).and_then(|row| row.get(column)).map_or(Cell::Nothing, |n| Cell::count(*n))
    }
}

/// All that is counted of wards.
pub(super) struct Wards<'q> {
    question: &'q Question<'q>,
    /// The wards in the order of the council's file, others of cases after them, and what lies in none that is known.
    names: Vec<String>,
    contacts: Vec<usize>,
    /// Which of the wards' contacts are left out.
    hidden: Vec<bool>,
    services: Crossed<Word>,
    channels: Crossed<Channel>,
    times: Crossed<NaiveDate>,
    unit: Unit,
    fared: Vec<Fared>,
    said: Vec<Said>,
}

impl<'q> Wards<'q> {
    /// Counts them.
    pub(super) fn new(question: &'q Question<'q>, chosen: &Chosen<'_>, all_is_seen: bool) -> Self {
        let ledger = question.ledger;
        let there = tally(ledger, &chosen.open, |entry| entry.ward);
        let mut names: Vec<String> = question.wards.iter().map(|(name, _)| name.clone()).collect();
        let others = there.iter().enumerate().filter(|(_, n)| **n > 0).map(|(number, _)| ledger.word(number));
        let mut others: Vec<&str> = others.filter(|name| names.iter().all(|known| known != name)).collect();
        others.sort_unstable();
        names.extend(others.into_iter().map(str::to_owned));
        names.push(NO_WARD.to_owned());
        let unknown = names.len() - 1;
        let mut places = vec![unknown; ledger.words()];
        for (at, name) in names.iter().enumerate() {
            if let Some(place) = ledger.find(name).and_then(|number| places.get_mut(number)) {
                *place = at;
            }
        }
        let services = super::contacts::most_first(question, chosen);
        let mut columns = vec![usize::MAX; ledger.words()];
        for (at, (number, ..)) in services.iter().enumerate() {
            columns[*number] = at;
        }
        let channels: Vec<Channel> = super::contacts::channels_most_first(chosen).into_iter().map(|(c, _)| c).collect();
        let channel_at = |channel: Channel| channels.iter().position(|known| *known == channel);
        // A day is too short for a column.
        let unit = match question.period.unit() {
            Unit::Day => Unit::Week,
            longer => longer,
        };
        let starts = question.period.units_of(unit);
        let wards = names.len();
        let mut counted = Self {
            question,
            names,
            contacts: vec![0; wards],
            hidden: vec![false; wards],
            services: Crossed::new(services.into_iter().map(|(number, ..)| number).collect(), wards),
            channels: Crossed::new(channels.clone(), wards),
            times: Crossed::new(starts.clone(), wards),
            unit,
            fared: vec![Fared::default(); wards],
            said: vec![Said::default(); wards],
        };
        for entry in &chosen.open {
            let ward = entry.ward.and_then(|ward| places.get(ward)).copied().unwrap_or(unknown);
            counted.contacts[ward] += 1;
            counted.services.add(ward, columns[entry.service]);
            if let Some(column) = entry.channel.and_then(channel_at) {
                counted.channels.add(ward, column);
            }
            counted.times.add(ward, starts.partition_point(|start| *start <= entry.day).wrapping_sub(1));
            counted.take_service(ward, entry);
        }
        if !all_is_seen {
            counted.hidden = few::of_one_way(&counted.contacts);
            counted.services.hidden = few::of_two_ways(&counted.services.counts);
            counted.channels.hidden = few::of_two_ways(&counted.channels.counts);
            counted.times.hidden = few::of_two_ways(&counted.times.counts);
        }
        counted
    }

    fn take_service(&mut self, ward: usize, entry: &Entry) {
        if entry.state != CaseState::Joined {
            self.fared[ward].take(entry, self.question.today);
        }
        if let Some(score) = entry.score {
            let said = &mut self.said[ward];
            said.answers += 1;
            said.sum += score;
            said.content += usize::from(score >= CONTENT);
        }
    }

    /// What fills the map, with the numbers of each ward.
    pub(super) fn map(&self, filling: &Filling, all_is_seen: bool) -> Table {
        let mut table = match filling {
            Filling::Contacts => super::contacts::wards(&self.names, &self.contacts),
            Filling::InTime => Table {
                name: "wards",
                title: "Done by the day that was promised, by ward".to_owned(),
                drawn: Drawn::Map(Scale::PerCent),
                value: 1,
                ..columns_of(self.standard(all_is_seen), &[0, 1, 3, 5])
            },
            Filling::Satisfaction => Table {
                name: "wards",
                title: "How content residents were, by ward".to_owned(),
                drawn: Drawn::Map(Scale::Score),
                value: 1,
                ..columns_of(self.satisfaction(all_is_seen), &[0, 1, 3])
            },
            Filling::Service(key) => {
                let name = self.question.taxonomy.service_name(key);
                let number = self.question.ledger.find(key);
                let column = self.services.columns.iter().position(|known| Some(*known) == number);
                self.one_of(&self.services, column, format!("Contacts about {name}, by ward"), "service")
            }
            Filling::Channel(channel) => {
                let column = self.channels.columns.iter().position(|known| known == channel);
                let title = format!("Contacts by ward and one channel: {}", channel.label());
                self.one_of(&self.channels, column, title, "channel")
            }
        };
        if !all_is_seen {
            if *filling == Filling::Contacts {
                table.hide_few();
            }
            table.say_few();
        }
        table
    }

    /// The contacts of one service or channel.
    fn one_of<K>(&self, crossed: &Crossed<K>, column: Option<usize>, title: String, what: &str) -> Table {
        let cell = |ward| column.map_or(Cell::Count(0), |column| crossed.cell(ward, column));
        let rows: Vec<Vec<Cell>> =
            self.names.iter().enumerate().map(|(ward, name)| vec![Cell::Text(name.clone()), cell(ward)]).collect();
        let count = |row: &Vec<Cell>| row[1].number().unwrap_or_default() as usize;
        let all: usize = rows.iter().map(count).sum();
        Table {
            name: "wards",
            title,
            said: match rows.iter().max_by_key(|row| count(row)).filter(|row| count(row) > 0) {
                Some(most) => {
                    let (ward, n) = (most[0].shown().into_owned(), count(most));
                    format!("{}; most came from {ward}: {n}.", super::contacts_of(all))
                }
                None => "There were none.".to_owned(),
            },
            method: format!(
                "{METHOD} Only those of this {what}. The ward is that of the place it is about, by the council’s own boundaries."
            ),
            columns: named(&["Ward", "Contacts"]),
            rows,
            drawn: Drawn::Map(Scale::Contacts),
            value: 1,
        }
    }

    /// The tables that compare wards.
    pub(super) fn tables(&self, all_is_seen: bool) -> Vec<Table> {
        let service =
            |number: &Word| self.question.taxonomy.service_name(self.question.ledger.word(*number)).to_owned();
        let mut tables = vec![
            self.crossed(
                &self.services,
                MOST_SERVICES,
                service,
                ("ward-services", "Wards by service"),
                format!("The {MOST_SERVICES} most frequent services of this report; contacts of all services in the first column of numbers."),
            ),
            self.crossed(
                &self.channels,
                usize::MAX,
                |channel| channel.label().to_owned(),
                ("ward-channels", "Wards by channel"),
                "The channel is the one by which the first message came; those that nobody used are left out.".to_owned(),
            ),
            self.crossed(
                &self.times,
                usize::MAX,
                |start| self.unit.short(*start),
                ("ward-times", "Wards over time"),
                format!("By {}; the first and the last may be cut off by the days that were chosen.", self.unit.word()),
            ),
        ];
        if !all_is_seen {
            tables.iter_mut().for_each(Table::say_few);
        }
        tables.push(self.standard(all_is_seen));
        tables.push(self.satisfaction(all_is_seen));
        tables
    }

    fn crossed<K>(
        &self,
        crossed: &Crossed<K>,
        most: usize,
        name: impl Fn(&K) -> String,
        (key, title): (&'static str, &str),
        method: String,
    ) -> Table {
        let heads: Vec<String> = crossed.columns.iter().take(most).map(name).collect();
        let rows = self.names.iter().enumerate().map(|(ward, name)| {
            let whole = match self.contacts[ward] {
                n if !self.hidden[ward] => Cell::count(n),
                n if few::is_few(n) => Cell::Few,
                _ => Cell::Hidden,
            };
            let cells = (0..heads.len()).map(|column| crossed.cell(ward, column));
            [Cell::Text(name.clone()), whole].into_iter().chain(cells).collect()
        });
        let rows = rows.collect();
        let largest = (0..self.names.len())
            .flat_map(|ward| (0..heads.len()).map(move |column| (ward, column)))
            .max_by_key(|(ward, column)| (crossed.counts[*ward][*column], std::cmp::Reverse((*ward, *column))));
        let said = match largest.map(|(ward, column)| (crossed.counts[ward][column], ward, column)) {
            Some((n, ward, column)) if n > 0 => {
                format!("The largest number: {}, {}, with {}.", self.names[ward], heads[column], super::contacts_of(n))
            }
            _ => "There were none.".to_owned(),
        };
        Table {
            name: key,
            title: title.to_owned(),
            said,
            method: format!("{METHOD} {method}"),
            columns: named(&["Ward", "Contacts"]).into_iter().chain(heads.into_iter().map(Cow::Owned)).collect(),
            rows,
            drawn: Drawn::Grid,
            value: 1,
        }
    }

    fn standard(&self, all_is_seen: bool) -> Table {
        let mut table = Table {
            name: "ward-standard",
            title: "Wards by response against the standard".to_owned(),
            said: String::new(),
            method: "As in the table by service: the share is that of cases closed by their day, among those that are closed or whose \
                     day has passed. Open are all that are not closed, overdue those of them whose day has passed. Cases joined to \
                     another are not counted."
                .to_owned(),
            columns: named(&["Ward", "In time, %", "Median, working days", "Closed", "Open", "Overdue now"]),
            rows: self.names.iter().zip(self.fared.clone()).map(|(name, fared)| fared.row_of_ward(name)).collect(),
            drawn: Drawn::Bars,
            value: 1,
        };
        table.said = span(&table, "in time", "%")
            .unwrap_or_else(|| "None of these cases is closed or past its day yet.".to_owned());
        if !all_is_seen {
            table.hide_rows(&self.hidden);
        }
        table
    }

    fn satisfaction(&self, all_is_seen: bool) -> Table {
        let row = |(name, said): (&String, &Said)| {
            let answers = i64::try_from(said.answers).unwrap_or(i64::MAX);
            let mean = match said.answers {
                0 => Cell::Nothing,
                n => Cell::Value(said.sum as f64 / n as f64, answers),
            };
            vec![Cell::Text(name.clone()), mean, Cell::share(said.content, said.answers), Cell::Count(answers)]
        };
        let mut table = Table {
            name: "ward-satisfaction",
            title: "Wards by how content residents were".to_owned(),
            said: String::new(),
            method: format!(
                "Residents are asked once, when their case is closed, and may leave it. The mean of scores from 1 to 5; content are those \
                 who gave {CONTENT} or 5. A mean of a few answers says little."
            ),
            columns: named(&["Ward", "Mean score", "Content, %", "Answers"]),
            rows: self.names.iter().zip(&self.said).map(row).collect(),
            drawn: Drawn::Bars,
            value: 1,
        };
        table.said = span(&table, "on average", " of 5").unwrap_or_else(|| "Nobody has said yet.".to_owned());
        if !all_is_seen {
            table.hide_rows(&self.hidden);
        }
        table
    }
}

/// The least and the most of a table's value, in words; none where no row has one.
fn span(table: &Table, what: &str, unit: &str) -> Option<String> {
    let number = |row: &&Vec<Cell>| row[table.value].number();
    let with = || table.rows.iter().filter(|row| number(row).is_some());
    let compare =
        |a: &&Vec<Cell>, b: &&Vec<Cell>| number(a).unwrap_or_default().total_cmp(&number(b).unwrap_or_default());
    let (least, most) = (with().min_by(compare)?, with().max_by(compare)?);
    let words = |row: &[Cell]| format!("{} {}{unit}", row[0].shown(), row[table.value].shown());
    if least == most {
        return Some(format!("{} {what}.", words(most)));
    }
    Some(format!("{} {what}, {} the least of the wards with a number.", words(most), words(least)))
}

/// A table with some of its columns.
fn columns_of(mut table: Table, columns: &[usize]) -> Table {
    table.columns = columns.iter().map(|at| table.columns[*at].clone()).collect();
    for row in &mut table.rows {
        *row = columns.iter().map(|at| row[*at].clone()).collect();
    }
    table
}
