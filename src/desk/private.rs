//! A message for the councillor only: it goes to them, and the desk can do no more than see that it did.

use super::{Desk, DeskError, said};
use crate::core::verdict::is_safeguarding;
use crate::core::{CaseId, CaseState, Party};
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::link::LinkKind;
use crate::store::message::Message;
use crate::store::{self, Tx};
use serde_json::json;

/// Why nobody at the desk can do anything with it.
const NOT_OURS: &str = "this message is for the councillor only";
/// What a gatekeeper is asked where nobody knows whose message it is.
const WHOSE: &str = "A message for the councillor only, and it is not known for which one: say whose it is";
/// What they are told where it may not wait.
const DANGER: &str =
    "It reads as if somebody may be in danger. Only the councillor has it: ring them, so that it is read now";

impl Desk<'_> {
    /// A case that people at the desk may work on, held for a change.
    pub(super) async fn for_staff(tx: &mut Tx, id: &CaseId) -> Result<Case, DeskError> {
        let case = store::case::get_to_change(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        if Consent::of(&case.consent).is_private() { Err(DeskError::NotNow(NOT_OURS)) } else { Ok(case) }
    }

    /// Gives a private case to its councillor and tells its resident; where nobody knows which councillor, it waits for a
    /// gatekeeper to say so. `has_it` says that the councillor has the message in their own mailbox.
    ///
    /// # Errors
    /// What the database says.
    pub async fn give(&self, tx: &mut Tx, id: &CaseId, has_it: bool, actor: &str) -> store::Result<()> {
        let Some(mut case) = store::case::get_to_change(tx, id).await? else {
            return Err(store::StoreError::Sql(sqlx::Error::RowNotFound));
        };
        let Some(councillor) = case.councillor.as_deref().and_then(|id| self.composer.council.councillor(id)) else {
            case.state = CaseState::Review;
            case.attention = Some(WHOSE.to_owned());
            return store::case::update(tx, &case, self.now).await;
        };
        let in_danger = is_safeguarding(case.hold_reason.as_deref());
        case.state = CaseState::Routed;
        case.routed_at = case.routed_at.or(Some(self.now));
        case.attention = in_danger.then(|| DANGER.to_owned());
        store::case::update(tx, &case, self.now).await?;
        for message in store::message::of_case(tx, id).await?.iter().filter(|m| m.party == Party::Resident && !has_it) {
            self.composer.give_to_councillor(tx, &case, councillor, message, in_danger, self.now).await?;
        }
        let acknowledged = self.composer.acknowledge(tx, &case, false, self.now).await?;
        let decided =
            json!({"councillor": case.councillor, "in_own_mailbox": has_it, "acknowledgement": said(&acknowledged)});
        self.note(tx, &case, "give", actor, decided).await
    }

    /// Gives later words of a private case to the other side: a resident's to the councillor, the councillor's to the resident.
    ///
    /// # Errors
    /// What the database says.
    pub async fn give_more(
        &self,
        tx: &mut Tx,
        case: &mut Case,
        message: &Message,
        has_it: bool,
        in_danger: bool,
    ) -> store::Result<()> {
        let councillor = case.councillor.as_deref().and_then(|id| self.composer.council.councillor(id));
        case.attention = in_danger.then(|| DANGER.to_owned()).or(case.attention.take());
        match message.party {
            Party::Councillor => {
                if let Err(why) = self.composer.give_to_resident(tx, case, message, self.now).await? {
                    self.composer.tell_not_passed_on(tx, case, message, &why, self.now).await?;
                }
            }
            Party::Resident | Party::Department if !has_it => {
                if let Some(councillor) = councillor {
                    self.composer.give_to_councillor(tx, case, councillor, message, in_danger, self.now).await?;
                }
            }
            Party::Resident | Party::Department => {}
        }
        store::case::update(tx, case, self.now).await
    }

    /// A gatekeeper says for which councillor a private message is, without reading it.
    ///
    /// # Errors
    /// When there is no such case or councillor, or it was given to one already.
    pub async fn say_whose(&self, tx: &mut Tx, id: &CaseId, councillor: &str, actor: &str) -> Result<(), DeskError> {
        let mut case = store::case::get_to_change(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        if !Consent::of(&case.consent).is_private() || case.routed_at.is_some() {
            return Err(DeskError::NotNow("this is no message that waits for its councillor"));
        }
        let councillor = self.composer.council.councillor(councillor).ok_or(DeskError::Unknown("councillor"))?;
        case.councillor = Some(councillor.id.clone());
        store::case::update(tx, &case, self.now).await?;
        Ok(self.give(tx, id, false, actor).await?)
    }

    /// A gatekeeper puts a case into the private lane, as its resident wishes. From then on nobody at the desk reads it.
    pub(super) async fn make_private(&self, tx: &mut Tx, mut case: Case, actor: &str) -> Result<(), DeskError> {
        if !matches!(case.state, CaseState::Review | CaseState::Held) {
            return Err(DeskError::NotNow("it has gone to others already, and cannot be taken back"));
        }
        self.stop_referral(tx, &case.id, PRIVATE_LANE).await?;
        let mails = store::outbox::of_case(tx, &case.id).await?;
        if mails.iter().any(|mail| mail.purpose == "referral" && mail.status != "cancelled") {
            return Err(DeskError::NotNow("it has gone to a department already, and cannot be taken back"));
        }
        for link in store::link::standing(tx, &case.id).await? {
            if !matches!(link.kind, LinkKind::Maybe | LinkKind::Again) {
                return Err(DeskError::NotNow("it is tied to other cases: part them first"));
            }
            store::link::end(tx, &link.id, actor, self.now).await?;
        }
        Consent::Private.as_str().clone_into(&mut case.consent);
        (case.place, case.ward, case.asked) = (None, None, None);
        TITLE.clone_into(&mut case.title);
        SERVICE.clone_into(&mut case.service);
        store::case::update(tx, &case, self.now).await?;
        store::case::forget_likeness(tx, &case.id).await?;
        for purpose in ["question", "acknowledgement"] {
            store::outbox::cancel(tx, &case.id, purpose, chrono::DateTime::UNIX_EPOCH, PRIVATE_LANE).await?;
        }
        self.note_consent(tx, &case, actor, json!({"consent": case.consent, "by": "a gatekeeper"})).await?;
        Ok(self.give(tx, &case.id, false, actor).await?)
    }
}

/// Why what waited of a case was not sent.
const PRIVATE_LANE: &str = "the case was put into the private lane before it left";
/// What a private case is called wherever cases are listed.
pub const TITLE: &str = "Message for the councillor only";
/// The service it is filed under.
pub const SERVICE: &str = "councillor_only";
