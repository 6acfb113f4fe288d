//! What an officer of the department that has a case does, without an account: the same steps and records as at the desk.

use super::{Desk, DeskError};
use crate::core::{CaseId, CaseState, Department, NoteKind};
use crate::outbox::department::HANDED_BACK;
use crate::store::case::Case;
use crate::store::note::NewNote;
use crate::store::{self, Tx};
use serde_json::json;

/// Longest name of an officer that is written down, in characters.
const LONGEST_NAME: usize = 60;

/// Whom an officer's doings are signed with: `officer of Highways (J Smith)`. The name is what they gave, and nobody checked it.
#[must_use]
pub fn signature(department: &Department, name: &str) -> String {
    let words = name.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let name: String = words.collect::<Vec<_>>().join(" ").chars().take(LONGEST_NAME).collect();
    let name = name.replace(['(', ')'], "");
    if name.is_empty() {
        format!("officer of {}", department.name)
    } else {
        format!("officer of {} ({name})", department.name)
    }
}

/// Whether somebody who signs so is an officer of a department.
#[must_use]
pub fn is_of(actor: &str, department: &Department) -> bool {
    actor
        .strip_prefix(&signature(department, ""))
        .is_some_and(|rest| rest.is_empty() || (rest.starts_with(" (") && rest.ends_with(')')))
}

impl Desk<'_> {
    /// The case, if this department has it.
    async fn of_department(tx: &mut Tx, id: &CaseId, department: &Department) -> Result<Case, DeskError> {
        let case = Self::for_staff(tx, id).await?;
        if case.state != CaseState::Routed || case.department != department.id {
            return Err(DeskError::NotNow("this case is not with your department any more"));
        }
        Ok(case)
    }

    /// The department takes a case on.
    ///
    /// # Errors
    /// When it does not have it.
    pub async fn take_on(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        department: &Department,
        actor: &str,
    ) -> Result<(), DeskError> {
        let case = Self::of_department(tx, id, department).await?;
        Ok(self.note(tx, &case, "take_on", actor, json!({"department": department.id})).await?)
    }

    /// The department asks something: the resident, or the desk. Nothing leaves: a gatekeeper sees it and decides.
    ///
    /// # Errors
    /// When it does not have the case, or asks nothing.
    pub async fn officer_asks(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        department: &Department,
        (of_resident, words): (bool, &str),
        actor: &str,
    ) -> Result<(), DeskError> {
        let mut case = Self::of_department(tx, id, department).await?;
        let words = words.trim();
        if words.is_empty() {
            return Err(DeskError::Missing("write your question first"));
        }
        let (kind, attention) = if of_resident {
            (NoteKind::AskResident, "has a question for the resident")
        } else {
            (NoteKind::AskDesk, "asks you something")
        };
        let note = NewNote { case: id, kind, department: Some(&department.id), actor, words };
        self.write_note(tx, note).await?;
        case.attention = Some(format!("{} {attention}: see its note below", department.name));
        Ok(store::case::update(tx, &case, self.now).await?)
    }

    /// The department hands a case on to another one, `to`, which is told of it as ever; or, where it does not know whose it is,
    /// back to the desk.
    ///
    /// # Errors
    /// When it does not have the case, says no reason, or names itself or no department.
    pub async fn hand_on(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        department: &Department,
        (to, why): (Option<&str>, &str),
        actor: &str,
    ) -> Result<(), DeskError> {
        let mut case = Self::of_department(tx, id, department).await?;
        let why = why.trim();
        if why.is_empty() {
            return Err(DeskError::Missing("say in a few words why it is not yours: whoever gets it reads them"));
        }
        let Some(to) = to else {
            case.state = CaseState::Review;
            case.attention = Some(format!("{} says that it is not theirs: see why below", department.name));
            store::case::update(tx, &case, self.now).await?;
            let decided = json!({"from": department.id, "why": why});
            return Ok(self.note(tx, &case, HANDED_BACK, actor, decided).await?);
        };
        if to == department.id {
            return Err(DeskError::Missing("choose another department than your own"));
        }
        if !self.composer.rules.taxonomy.departments.contains_key(to) {
            return Err(DeskError::Unknown("department"));
        }
        to.clone_into(&mut case.department);
        store::case::update(tx, &case, self.now).await?;
        // Not a `change`: it says whose the work is, and not what the resident asked for, so no model learns from it.
        self.note(tx, &case, "hand_on", actor, json!({"from": department.id, "to": to, "why": why})).await?;
        Ok(self.move_on(tx, &case).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_officer_signs_with_the_department_and_a_name_that_can_be_nothing_else() {
        let department = Department {
            id: "highways".to_owned(),
            name: "Highways".to_owned(),
            email: "highways@b.example".to_owned(),
            contact: "Highways".to_owned(),
            mode: None,
        };
        assert_eq!(signature(&department, "  "), "officer of Highways");
        assert_eq!(signature(&department, " J \r\n Smith) (x "), "officer of Highways (J Smith x)");
        for name in ["", "J Smith", &"x".repeat(500)] {
            assert!(is_of(&signature(&department, name), &department), "{name}");
        }
        assert!(!is_of("officer of Highways and Lights", &department));
        assert!(!is_of("administrator", &department));
    }
}
