//! What reports are counted from, kept in memory: a few numbers of each case (some 100 bytes), without names or words. Before each
//! report it takes in what changed since the last one, so a report is never older than its page, and costs a walk through an array
//! instead of ten through the database.

use crate::core::{CaseId, CaseState, Channel};
use crate::routing::consent::Consent;
use crate::routing::deadline::{WorkingDays, received_date};
use crate::store::report::Fact;
use crate::store::{self, Db, Tx};
use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::Europe::London;
use std::collections::HashMap;

/// Whether residents are asked how content they were: the table `ratings` is there.
pub(super) const RATINGS: bool = true;
/// What was written so long before the last look is read again: another process's clock may be behind, and what it began to write may
/// have been committed after we looked.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);
/// So often it is seen whether cases were removed, which nothing else tells.
const COUNTED_EVERY: TimeDelta = TimeDelta::minutes(1);
/// What people do that does not move a case to its department.
const NO_TOUCH: &[&str] = &["seen", "confirm"];
/// What says that the program, or an earlier decision, was wrong.
const CORRECTIONS: &[&str] = &["change", "undo", "unsplit"];

/// A word that many cases share, as a number.
pub(super) type Word = usize;

/// One case, as it is counted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) received_at: DateTime<Utc>,
    /// Local day, hour and place in the week (Monday is 0).
    pub(super) day: NaiveDate,
    pub(super) hour: usize,
    pub(super) state: CaseState,
    pub(super) private: bool,
    /// Closed as spam: it is in no figure until somebody opens it again.
    pub(super) spam: bool,
    pub(super) service: Word,
    pub(super) language: Word,
    pub(super) ward: Option<Word>,
    pub(super) councillor: Option<Word>,
    pub(super) channel: Option<Channel>,
    pub(super) due: Option<NaiveDate>,
    pub(super) routed_at: Option<DateTime<Utc>>,
    pub(super) closed_on: Option<NaiveDate>,
    /// Working days from receipt to closing.
    pub(super) took: Option<u32>,
    /// When the resident was first written to.
    pub(super) answered_at: Option<DateTime<Utc>>,
    /// When a person first decided something about it.
    pub(super) touched_at: Option<DateTime<Utc>>,
    pub(super) corrected: bool,
    /// 1 to 5.
    pub(super) score: Option<usize>,
}

/// All cases.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    places: HashMap<CaseId, usize>,
    words: Vec<String>,
    numbers: HashMap<String, Word>,
    seen_at: Option<DateTime<Utc>>,
    counted_at: Option<DateTime<Utc>>,
    /// Grows whenever anything in it changes.
    changes: u64,
}

impl Ledger {
    /// Takes in what happened up to now.
    pub(super) async fn catch_up(&mut self, db: &Db, calendar: &WorkingDays, now: DateTime<Utc>) -> store::Result<()> {
        let mut tx = db.read().await?;
        self.read(&mut tx, calendar, now).await?;
        if self.counted_at.is_none_or(|at| now - at >= COUNTED_EVERY || at > now) {
            let there = usize::try_from(store::case::count_all(&mut tx).await?).unwrap_or_default();
            if there != self.entries.len() {
                *self = Self { changes: self.changes + 1, ..Self::default() };
                self.read(&mut tx, calendar, now).await?;
            }
            self.counted_at = Some(now);
        }
        Ok(())
    }

    async fn read(&mut self, tx: &mut Tx, calendar: &WorkingDays, now: DateTime<Utc>) -> store::Result<()> {
        let since = self.seen_at.map_or(DateTime::UNIX_EPOCH, |at| at.min(now) - OVERLAP);
        for fact in store::report::cases_since(tx, since).await? {
            self.take(fact, calendar);
        }
        for (case, at) in store::report::answers_since(tx, since).await? {
            self.change(&case, |entry| entry.answered_at = Some(entry.answered_at.map_or(at, |known| known.min(at))));
        }
        for (case, kind, at) in store::report::decisions_since(tx, since).await? {
            self.change(&case, |entry| {
                if !NO_TOUCH.contains(&kind.as_str()) {
                    entry.touched_at = Some(entry.touched_at.map_or(at, |known| known.min(at)));
                }
                entry.corrected |= CORRECTIONS.contains(&kind.as_str());
            });
        }
        if RATINGS {
            for (case, score) in store::report::ratings_since(tx, since).await? {
                let score = usize::try_from(score).ok().filter(|score| (1..=5).contains(score));
                self.change(&case, |entry| entry.score = score);
            }
        }
        self.seen_at = Some(now);
        Ok(())
    }

    fn change(&mut self, case: &CaseId, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.places.get(case).and_then(|place| self.entries.get_mut(*place)) else { return };
        let before = entry.clone();
        change(entry);
        self.changes += u64::from(*entry != before);
    }

    /// A number that is another one whenever anything changed.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    fn take(&mut self, fact: Fact, calendar: &WorkingDays) {
        let known = self.places.get(&fact.id).copied();
        let before = known.and_then(|place| self.entries.get(place));
        let local = fact.received_at.with_timezone(&London);
        let day = local.date_naive();
        let closed_on = fact.closed_at.filter(|_| fact.state == CaseState::Closed).map(received_date);
        let entry = Entry {
            received_at: fact.received_at,
            day,
            hour: usize::try_from(local.hour()).unwrap_or_default(),
            state: fact.state,
            private: Consent::of(&fact.consent).is_private(),
            spam: fact.spam,
            channel: fact.channel.and_then(|channel| channel.parse().ok()),
            due: fact.due_on.parse().ok(),
            routed_at: fact.routed_at,
            closed_on,
            took: closed_on.map(|closed| calendar.working_days_between(day, closed)),
            answered_at: before.and_then(|before| before.answered_at),
            touched_at: before.and_then(|before| before.touched_at),
            corrected: before.is_some_and(|before| before.corrected),
            score: before.and_then(|before| before.score),
            service: self.number(fact.service),
            language: self.number(fact.language),
            ward: fact.ward.map(|ward| self.number(ward)),
            councillor: fact.councillor.map(|councillor| self.number(councillor)),
        };
        match known.and_then(|place| self.entries.get_mut(place)) {
            Some(there) => {
                self.changes += u64::from(*there != entry);
                *there = entry;
            }
            None => {
                self.changes += 1;
                self.places.insert(fact.id, self.entries.len());
                self.entries.push(entry);
            }
        }
    }

    fn number(&mut self, word: String) -> Word {
        if let Some(number) = self.numbers.get(&word) {
            return *number;
        }
        let number = self.words.len();
        self.words.push(word.clone());
        self.numbers.insert(word, number);
        number
    }

    /// Every case.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The word of a number.
    pub(super) fn word(&self, number: Word) -> &str {
        self.words.get(number).map_or("", String::as_str)
    }

    /// The number of a word, if any case has it.
    pub(super) fn find(&self, word: &str) -> Option<Word> {
        self.numbers.get(word).copied()
    }

    /// The numbers of a word, however it is written in capitals and small letters.
    pub(super) fn find_alike(&self, word: &str) -> impl Iterator<Item = Word> {
        self.words.iter().enumerate().filter(move |(_, known)| known.eq_ignore_ascii_case(word)).map(|(at, _)| at)
    }

    /// How many numbers there are.
    pub(super) fn words(&self) -> usize {
        self.words.len()
    }
}
