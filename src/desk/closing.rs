//! A case comes to its end, and everyone who asked hears of it.

use super::{Desk, DeskError, said};
use crate::casework::join;
use crate::core::verdict::is_safeguarding;
use crate::core::{CaseId, CaseState};
use crate::outbox::closing::Ending;
use crate::outbox::compose::Acknowledged;
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::{self, Tx};
use chrono::DateTime;
use serde_json::json;
use std::collections::BTreeSet;

impl Desk<'_> {
    /// Closes a case: its resident, everybody joined to it and the councillors are told how it ended.
    ///
    /// # Errors
    /// When there is no such case, it is dealt with in another one, on hold or closed already, or it was not done and nothing says
    /// what became of it.
    pub async fn close(&self, tx: &mut Tx, id: &CaseId, ending: Ending<'_>, actor: &str) -> Result<(), DeskError> {
        let mut case = store::case::get_to_change(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        match case.state {
            CaseState::Closed => return Err(DeskError::NotNow("this case is closed already")),
            CaseState::Joined => {
                return Err(DeskError::NotNow("this case is dealt with in another one: that one can be closed"));
            }
            CaseState::Held => return Err(DeskError::NotNow("this case is on hold: decide about that first")),
            CaseState::Review | CaseState::Routed => {}
        }
        if Consent::of(&case.consent).is_private() && case.routed_at.is_none() {
            return Err(DeskError::NotNow("nobody has read this message: give it to its councillor first"));
        }
        if !ending.done && ending.words.trim().is_empty() {
            return Err(DeskError::Missing("say in a few words what became of it: the resident gets them"));
        }
        case.state = CaseState::Closed;
        case.closed_at = Some(self.now);
        (case.attention, case.asked) = (None, None);
        store::case::update(tx, &case, self.now).await?;
        for purpose in ["question", "acknowledgement"] {
            let why = "the case was closed before it left";
            store::outbox::cancel(tx, id, purpose, DateTime::UNIX_EPOCH, why).await?;
        }
        // A department that has not heard of it yet need not hear of it any more.
        self.stop_referral(tx, id, "the case was closed before it left").await?;
        let mut told = BTreeSet::new();
        self.tell(tx, &case, ending, &mut told, actor).await?;
        for child in join::all_children(tx, id).await? {
            let Some(reported) = store::case::get(tx, &child).await? else { continue };
            // The reporter is told what became of the case that theirs is dealt with in.
            let Case { department, routed_at, closed_at, .. } = case.clone();
            let reported = Case { department, routed_at, closed_at, ..reported };
            self.tell(tx, &reported, ending, &mut told, actor).await?;
        }
        Ok(())
    }

    /// Tells the resident of a case, and its councillor unless they are among the `told`: many may have reported one problem.
    async fn tell(
        &self,
        tx: &mut Tx,
        case: &Case,
        ending: Ending<'_>,
        told: &mut BTreeSet<String>,
        actor: &str,
    ) -> store::Result<()> {
        let resident = self.composer.tell_closed(tx, case, ending, self.now).await?;
        if resident == Acknowledged::ToRing
            && let Some(mut to_ring) = store::case::get_to_change(tx, &case.id).await?
        {
            let ring = if is_safeguarding(case.hold_reason.as_deref()) {
                "Ring the resident, if it is safe: somebody may be in danger"
            } else {
                "Ring the resident: tell them how it ended"
            };
            to_ring.attention = Some(ring.to_owned());
            store::case::update(tx, &to_ring, self.now).await?;
        }
        let due = case.councillor.as_ref().is_none_or(|councillor| !told.contains(councillor));
        let councillor = due && self.composer.tell_councillor_closed(tx, case, ending, self.now).await?;
        told.extend(case.councillor.clone().filter(|_| councillor));
        let decided = json!({"done": ending.done, "words": ending.words.trim(), "resident": said(&resident), "councillor": councillor});
        self.note(tx, case, "close", actor, decided).await
    }
}
