//! A case on its way: what staff note beside it, asking the department when it will be done, and a later day.

use super::{Desk, DeskError, said};
use crate::casework::join;
use crate::core::verdict::is_safeguarding;
use crate::core::{CaseId, CaseState, NoteKind};
use crate::outbox::compose::Acknowledged;
use crate::outbox::delay::DELAY;
use crate::routing::deadline::{WorkingDays, received_date};
use crate::store::case::Case;
use crate::store::note::NewNote;
use crate::store::{self, Tx};
use chrono::{DateTime, NaiveDate};
use serde_json::json;

/// A promise is put off by so many days at most.
const LONGEST_DELAY_DAYS: i64 = 366;
const NOTHING_SAID: &str = "write the note first";
const NOT_WITH_A_DEPARTMENT: &str = "this case is not with a department";

impl Desk<'_> {
    /// Writes a note beside a case, for the desk; with `to_department`, its words also go to the department that has the case.
    ///
    /// # Errors
    /// When there is no such case, nothing is written, or no department has it.
    pub async fn add_note(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        words: &str,
        to_department: bool,
        actor: &str,
    ) -> Result<(), DeskError> {
        let case = Self::for_staff(tx, id).await?;
        let words = words.trim();
        if words.is_empty() {
            return Err(DeskError::Missing(NOTHING_SAID));
        }
        if to_department && case.state != CaseState::Routed {
            return Err(DeskError::NotNow(NOT_WITH_A_DEPARTMENT));
        }
        let (kind, department) = if to_department {
            (NoteKind::TellDepartment, Some(case.department.as_str()))
        } else {
            (NoteKind::Note, None)
        };
        self.write_note(tx, NewNote { case: id, kind, department, actor, words }).await?;
        if to_department {
            self.composer.tell_department(tx, &case, words, self.now).await?;
        }
        Ok(())
    }

    /// Writes a note and, on the audit trail, that it was written.
    pub(super) async fn write_note(&self, tx: &mut Tx, note: NewNote<'_>) -> store::Result<()> {
        let ids = self.composer.ids;
        store::note::insert(tx, ids, note, self.now).await?;
        let object = format!("case:{}", note.case);
        store::audit::write(tx, ids, note.actor, "note", &object, json!({"kind": note.kind}), self.now).await
    }

    /// Asks the department that has a case when it will be done, with the councillor in copy (R24): once a working day.
    ///
    /// # Errors
    /// When no department has it, or it was asked today.
    pub async fn chase(&self, tx: &mut Tx, id: &CaseId, calendar: &WorkingDays, actor: &str) -> Result<(), DeskError> {
        let case = Self::for_staff(tx, id).await?;
        if case.state != CaseState::Routed {
            return Err(DeskError::NotNow(NOT_WITH_A_DEPARTMENT));
        }
        if !self.composer.rules.taxonomy.departments.contains_key(&case.department) {
            return Err(DeskError::Unknown("department"));
        }
        if self.composer.is_unreferred(tx, &case).await? {
            return Err(DeskError::NotNow("the department has not been sent this case yet: it waits to leave"));
        }
        let today = received_date(self.now);
        // What is asked on a Sunday is asked for Monday.
        let day = if calendar.is_working_day(today) { today } else { calendar.due(today, 1) };
        let due = case.due_on.parse().unwrap_or(today);
        let overdue = calendar.working_days_between(due, today);
        if !self.composer.chase(tx, &case, (day, overdue), self.now).await? {
            return Err(DeskError::NotNow(
                "the department was asked today already: give it a working day to answer, or ring",
            ));
        }
        let decided = json!({"department": case.department, "due_on": case.due_on, "overdue": overdue});
        Ok(self.note(tx, &case, "chase", actor, decided).await?)
    }

    /// Puts the day off that a case is promised for, and tells every resident who reported it and the councillors (R22). Why is
    /// for staff and councillors; residents are told the day.
    ///
    /// # Errors
    /// When no department has it, nobody says why, or the day is not a later working day within a year.
    pub async fn put_off(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        (day, why): (NaiveDate, &str),
        calendar: &WorkingDays,
        actor: &str,
    ) -> Result<(), DeskError> {
        let mut case = Self::for_staff(tx, id).await?;
        if case.state != CaseState::Routed {
            return Err(DeskError::NotNow(NOT_WITH_A_DEPARTMENT));
        }
        let today = received_date(self.now);
        let promised: NaiveDate = case.due_on.parse().unwrap_or(today);
        if day <= promised || day <= today {
            return Err(DeskError::Missing("choose a day later than today and than the day it is promised for"));
        }
        if (day - today).num_days() > LONGEST_DELAY_DAYS {
            return Err(DeskError::Missing("choose a day within a year"));
        }
        if !calendar.is_working_day(day) {
            return Err(DeskError::Missing("choose a working day: the council does not work on that one"));
        }
        let why = why.trim();
        if why.is_empty() {
            return Err(DeskError::Missing("say in a few words why it takes longer: the councillor gets them"));
        }
        let before = std::mem::replace(&mut case.due_on, day.to_string());
        store::case::update(tx, &case, self.now).await?;
        self.refer_anew(tx, &case).await?;
        self.tell_of_delay(tx, &case, &before, why, actor).await?;
        let mut told: Vec<String> = case.councillor.iter().cloned().collect();
        for child in join::all_children(tx, id).await? {
            let Some(reported) = store::case::get(tx, &child).await? else { continue };
            // Who reported it too is told what holds for the case that theirs is dealt with in.
            let Case { department, due_on, .. } = case.clone();
            let councillor = reported.councillor.clone().filter(|councillor| !told.contains(councillor));
            told.extend(councillor.clone());
            let reported = Case { department, due_on, councillor, ..reported };
            self.tell_of_delay(tx, &reported, &before, why, actor).await?;
        }
        Ok(())
    }

    /// Tells the resident and the councillor of one case of its new day.
    async fn tell_of_delay(&self, tx: &mut Tx, case: &Case, before: &str, why: &str, actor: &str) -> store::Result<()> {
        let stale = "a later day was set before it left";
        store::outbox::cancel(tx, &case.id, DELAY, DateTime::UNIX_EPOCH, stale).await?;
        let resident = self.composer.tell_delayed(tx, case, self.now).await?;
        if resident == Acknowledged::ToRing
            && let Some(mut to_ring) = store::case::get_to_change(tx, &case.id).await?
        {
            let ring = if is_safeguarding(case.hold_reason.as_deref()) {
                "Ring the resident, if it is safe: somebody may be in danger"
            } else {
                "Ring the resident: tell them that it takes longer, and the new day"
            };
            to_ring.attention = Some(ring.to_owned());
            store::case::update(tx, &to_ring, self.now).await?;
        }
        let councillor = self.composer.tell_councillor_delayed(tx, case, (before, why), self.now).await?;
        let decided = json!({
            "before": before, "due_on": case.due_on, "why": why, "resident": said(&resident), "councillor": councillor,
        });
        self.note(tx, case, "put_off", actor, decided).await
    }
}

/// The first day that a case can be put off to, for a form to offer.
#[must_use]
pub fn first_later_day(due_on: &str, today: NaiveDate, calendar: &WorkingDays) -> NaiveDate {
    calendar.due(due_on.parse().unwrap_or(today).max(today), 1)
}
