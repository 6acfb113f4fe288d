//! The figures of a report, each a table, counted from the ledger. A message for the councillor only is counted among all contacts
//! over time, and in no other figure: by ward, service or hour it might be recognised.

mod answer;
mod benefit;
mod by_ward;
mod contacts;
mod missing;

use super::ledger::{Entry, Ledger, Word};
use super::period::{Filling, Period};
use super::table::{Cell, Table};
use crate::core::{Channel, Taxonomy};
use crate::store::report::Scope;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// What is asked.
pub(super) struct Question<'q> {
    pub(super) ledger: &'q Ledger,
    pub(super) scope: &'q Scope,
    /// The wards of the councillors whose figures they are.
    pub(super) own_wards: &'q [String],
    pub(super) period: Period,
    /// Only this ward, where one is named.
    pub(super) ward: Option<&'q str>,
    pub(super) today: NaiveDate,
    pub(super) taxonomy: &'q Taxonomy,
    /// The council's wards in the order of its file, each with the number of its postcodes.
    pub(super) wards: &'q [(String, usize)],
    /// Minutes that a message takes by hand.
    pub(super) minutes: u32,
    /// What fills the map.
    pub(super) filling: &'q Filling,
    /// What one contact costs by channel, in pence.
    pub(super) costs: &'q BTreeMap<Channel, i64>,
}

/// The cases that a report is about.
pub(super) struct Chosen<'q> {
    /// All of them.
    pub(super) all: Vec<&'q Entry>,
    /// Those that are not for the councillor only.
    pub(super) open: Vec<&'q Entry>,
}

impl<'q> Question<'q> {
    /// The cases that it is about.
    pub(super) fn chosen(&self) -> Chosen<'q> {
        let ledger = self.ledger;
        let ward = self.ward.map(|ward| ledger.find(ward));
        let own: Vec<Word> = match self.scope {
            Scope::Wards(wards) => wards.iter().filter_map(|ward| ledger.find(ward)).collect(),
            Scope::Councillors(_) => self.own_wards.iter().flat_map(|ward| ledger.find_alike(ward)).collect(),
            Scope::All => Vec::new(),
        };
        let councillors: Vec<Word> = match self.scope {
            Scope::Councillors(keys) => keys.iter().filter_map(|key| ledger.find(key)).collect(),
            Scope::All | Scope::Wards(_) => Vec::new(),
        };
        let in_own = |entry: &Entry| !entry.private && entry.ward.is_some_and(|ward| own.contains(&ward));
        let in_scope = |entry: &Entry| match self.scope {
            Scope::All => true,
            Scope::Wards(_) => in_own(entry),
            Scope::Councillors(_) => {
                entry.councillor.is_some_and(|councillor| councillors.contains(&councillor)) || in_own(entry)
            }
        };
        // A ward that no case lies in has no number: then nothing fits.
        let in_ward = |entry: &Entry| match ward {
            None => true,
            Some(ward) => !entry.private && ward.is_some() && entry.ward == ward,
        };
        let fits = |entry: &&Entry| !entry.spam && self.period.has(entry.day) && in_ward(entry) && in_scope(entry);
        let all: Vec<&Entry> = ledger.entries().iter().filter(fits).collect();
        let open = all.iter().copied().filter(|entry| !entry.private).collect();
        Chosen { all, open }
    }

    /// The figures, in the order of the page, under the headings of the page.
    pub(super) fn tables(&self, chosen: &Chosen<'_>) -> Vec<(&'static str, Vec<Table>)> {
        let all_is_seen = *self.scope == Scope::All;
        let wards = self.ward.is_none().then(|| by_ward::Wards::new(self, chosen, all_is_seen));
        let hide = |mut table: Table| {
            if !all_is_seen {
                table.hide_few();
            }
            table
        };
        let mut contacts = vec![hide(contacts::volume(self, chosen))];
        // What is about wards leaves out its small numbers by itself.
        contacts.extend(wards.as_ref().map(|wards| wards.map(self.filling, all_is_seen)));
        let more = [
            contacts::services(self, chosen),
            contacts::channels(chosen),
            contacts::hours(chosen),
            contacts::weekdays(chosen),
        ];
        contacts.extend(more.map(hide));
        let mut served = vec![answer::standard(self, chosen), answer::first(chosen)];
        if super::ledger::RATINGS {
            served.push(answer::satisfaction(chosen));
        }
        let mut missing = Vec::new();
        if self.ward.is_none() && all_is_seen {
            missing.push(missing::wards(self, chosen));
        }
        missing.push(missing::languages(self, chosen));
        let mut worth = vec![benefit::benefit(self, chosen)];
        // What a channel costs is the council's business, and few contacts of one could be worked out from it.
        worth.extend(contacts::cost(self, chosen).filter(|_| all_is_seen));
        let mut parts = vec![("Contacts", contacts), ("How they were served", served.into_iter().map(hide).collect())];
        parts.extend(wards.map(|wards| ("Wards side by side", wards.tables(all_is_seen))));
        parts.push(("Who is missing", missing.into_iter().map(hide).collect()));
        parts.push(("What it saves and costs", worth.into_iter().map(hide).collect()));
        parts
    }
}

/// A row for each of some things, with how many there are and their share of all.
fn shares(rows: Vec<(String, usize)>) -> Vec<Vec<Cell>> {
    let whole = rows.iter().map(|(_, n)| n).sum();
    rows.into_iter().map(|(name, n)| vec![Cell::Text(name), Cell::count(n), Cell::share(n, whole)]).collect()
}

/// How many entries have each word; by its number.
fn tally(ledger: &Ledger, entries: &[&Entry], word: impl Fn(&Entry) -> Option<Word>) -> Vec<usize> {
    let mut counts = vec![0; ledger.words()];
    for place in entries.iter().filter_map(|entry| word(entry)) {
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    counts
}

/// The value that so many hundredths of the values do not exceed, by nearest rank; none where there are none. Orders them.
fn percentile<T: Copy + PartialOrd>(values: &mut [T], hundredths: usize) -> Option<T> {
    values.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let rank = (values.len() * hundredths).div_ceil(100);
    values.get(rank.saturating_sub(1)).copied()
}

/// `1 contact`, `2 contacts`.
fn contacts_of(n: usize) -> String {
    if n == 1 { "1 contact".to_owned() } else { format!("{n} contacts") }
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        assert_eq!(percentile::<u32>(&mut [], 50), None);
        assert_eq!(percentile(&mut [7], 90), Some(7));
        let mut ten: Vec<u32> = (1..=10).rev().collect();
        assert_eq!((percentile(&mut ten, 50), percentile(&mut ten, 90)), (Some(5), Some(9)));
    }
}
