//! What a gatekeeper decides in the review queue besides accepting, changing and joining: it is spam, it is put on hold, the
//! resident is asked.

use super::{Desk, DeskError, said};
use crate::casework::join;
use crate::core::verdict::is_safeguarding;
use crate::core::{CaseId, CaseState};
use crate::outbox::compose::Acknowledged;
use crate::store::case::Case;
use crate::store::link::LinkKind;
use crate::store::{self, Tx};
use chrono::DateTime;
use serde_json::json;

/// What stands before the reason of a gatekeeper who put a case on hold.
const HELD_BY_HAND: &str = "Put on hold by a gatekeeper: ";
/// Most characters of a question.
const LONGEST_QUESTION: usize = 600;

impl Desk<'_> {
    /// A case that waits and that people at the desk may work on, held for a change.
    async fn waiting(tx: &mut Tx, id: &CaseId) -> Result<Case, DeskError> {
        let case = Self::for_staff(tx, id).await?;
        if matches!(case.state, CaseState::Review | CaseState::Held) {
            return Ok(case);
        }
        Err(DeskError::NotNow("this case is not waiting for review any more"))
    }

    /// A gatekeeper says that a case is spam: it is closed, nobody is told, and nothing is taken for the same again.
    ///
    /// # Errors
    /// When there is no such case, it is not waiting, or others are joined to it.
    pub async fn spam(&self, tx: &mut Tx, id: &CaseId, actor: &str) -> Result<(), DeskError> {
        let mut case = Self::waiting(tx, id).await?;
        if !join::all_children(tx, id).await?.is_empty() {
            return Err(DeskError::NotNow("other cases are joined to this one: take them out first"));
        }
        for link in store::link::standing(tx, id).await? {
            if link.kind == LinkKind::Maybe {
                store::link::end(tx, &link.id, actor, self.now).await?;
            }
        }
        case.state = CaseState::Closed;
        case.closed_at = Some(self.now);
        (case.attention, case.asked) = (None, None);
        store::case::update(tx, &case, self.now).await?;
        store::case::set_spam(tx, id).await?;
        for purpose in ["question", "acknowledgement", "proof"] {
            store::outbox::cancel(tx, id, purpose, DateTime::UNIX_EPOCH, "the case was closed as spam").await?;
        }
        Ok(self.note(tx, &case, "spam", actor, json!({})).await?)
    }

    /// A gatekeeper puts a case on hold: nothing leaves until a person decides.
    ///
    /// # Errors
    /// When there is no such case, it does not wait for review, or no reason is given.
    pub async fn hold(&self, tx: &mut Tx, id: &CaseId, why: &str, actor: &str) -> Result<(), DeskError> {
        let mut case = Self::waiting(tx, id).await?;
        if case.state == CaseState::Held {
            return Err(DeskError::NotNow("this case is on hold already"));
        }
        let why = why.trim();
        if why.is_empty() {
            return Err(DeskError::Missing("say why it is put on hold: whoever looks next wants to know"));
        }
        case.state = CaseState::Held;
        let by_hand = format!("{HELD_BY_HAND}{why}");
        // That somebody may be in danger holds for as long as there is a case.
        let worry = case.hold_reason.filter(|reason| is_safeguarding(Some(reason)));
        case.hold_reason = Some(worry.map_or(by_hand.clone(), |worry| format!("{worry}; {by_hand}")));
        store::case::update(tx, &case, self.now).await?;
        Ok(self.note(tx, &case, "hold", actor, json!({"why": why})).await?)
    }

    /// Asks the resident of a waiting case something in a gatekeeper's own words, where they wrote from or wish to be written to. Whether
    /// it waits for a person all the same, because nobody vouches for the sender.
    ///
    /// # Errors
    /// When there is no such case, it is not waiting, nothing is asked, or nothing can be sent to them.
    pub async fn ask(&self, tx: &mut Tx, id: &CaseId, words: &str, actor: &str) -> Result<bool, DeskError> {
        let case = Self::waiting(tx, id).await?;
        let words = words.trim();
        if words.is_empty() {
            return Err(DeskError::Missing("write what you want to ask: the resident gets your words"));
        }
        if words.chars().count() > LONGEST_QUESTION {
            return Err(DeskError::Missing("ask in at most 600 characters: it may go as a text message"));
        }
        let asked = self.composer.answer(tx, &case, words, self.now).await?;
        let waits = match &asked {
            Acknowledged::Queued => false,
            Acknowledged::Held(_) => true,
            Acknowledged::ToRing => return Err(DeskError::NotSent("they want to be rung".to_owned())),
            Acknowledged::Skipped(why) => return Err(DeskError::NotSent(why.clone())),
        };
        self.note(tx, &case, "ask", actor, json!({"words": words, "resident": said(&asked)})).await?;
        Ok(waits)
    }
}
