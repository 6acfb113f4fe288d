//! Whether two addresses are one person's: a gatekeeper says, and can take it back.

use super::{Desk, DeskError};
use crate::core::case::Sameness;
use crate::core::{Asked, CaseId, CaseState, ContactPoint, Party, SamePersonId};
use crate::outbox::compose::is_of_the_council;
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::{self, Tx};
use serde_json::json;

impl Desk<'_> {
    /// A gatekeeper decides about somebody who wrote on a case and another address: one person, not, or not any more.
    ///
    /// # Errors
    /// When nothing of the kind was said of the resident of this case.
    pub async fn decide_person(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        said: &SamePersonId,
        state: Sameness,
        actor: &str,
    ) -> Result<(), DeskError> {
        let unknown = DeskError::Unknown("suggestion about who wrote");
        let case = store::case::get_to_change(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        let Some(contact) = &case.contact_id else { return Err(unknown) };
        let all = store::person::said_of(tx, contact).await?;
        let Some(found) = all.into_iter().find(|s| s.id == *said) else { return Err(unknown) };
        if !store::person::decide(tx, said, state, actor, self.now).await? {
            return Err(DeskError::NotNow("this was decided already"));
        }
        let other = if found.one == *contact { found.other } else { found.one };
        let ways: Vec<_> =
            store::person::own_points(tx, &other).await?.into_iter().map(|point| point.channel).collect();
        let decided = json!({"said": said, "other": other, "ways": ways, "state": state});
        self.note(tx, &case, "same_person", actor, decided).await?;
        Ok(())
    }

    /// Blocks the address that the resident of a case wrote from: what comes from there is kept, and neither becomes a case nor is
    /// answered, unless somebody may be in danger.
    ///
    /// # Errors
    /// When nobody is known to have written, they are of the council or blocked already, or no reason is given.
    pub async fn block(&self, tx: &mut Tx, id: &CaseId, why: &str, actor: &str) -> Result<(), DeskError> {
        let case = store::case::get(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        let messages = store::message::of_case(tx, id).await?;
        let first = messages.iter().find(|m| m.party == Party::Resident && !m.channel.is_word_of_mouth());
        let point = first.and_then(Message::writer).ok_or(DeskError::Unknown("sender of this case"))?;
        if is_of_the_council(self.composer.council, &self.composer.rules.taxonomy, &point.address) {
            return Err(DeskError::NotNow("this is an address of the council's own, a councillor's or a department's"));
        }
        let why = why.trim();
        if why.is_empty() {
            return Err(DeskError::Missing("say why this sender is blocked: others will want to know"));
        }
        if !store::block::insert(tx, &point, why, actor, self.now).await? {
            return Err(DeskError::NotNow("this sender is blocked already"));
        }
        self.note(tx, &case, "block", actor, json!({"channel": point.channel, "why": why})).await?;
        Ok(())
    }

    /// Writes down what a resident allows, and who said so.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note_consent(
        &self,
        tx: &mut Tx,
        case: &Case,
        actor: &str,
        decided: serde_json::Value,
    ) -> store::Result<()> {
        self.note(tx, case, "consent", actor, decided).await
    }

    /// A gatekeeper writes down what a resident told them about who may know them. Who allows it is made known to the department
    /// that has the case; what a department knows already cannot be taken back. `false` where that held already.
    ///
    /// # Errors
    /// When there is no such case.
    pub async fn set_consent(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        consent: Consent,
        actor: &str,
    ) -> Result<bool, DeskError> {
        let mut case = Self::for_staff(tx, id).await?;
        if consent.is_private() {
            self.make_private(tx, case, actor).await?;
            return Ok(true);
        }
        let held = case.consent.parse() == Ok(consent);
        if held && case.asked != Some(Asked::Consent) {
            return Ok(false);
        }
        consent.as_str().clone_into(&mut case.consent);
        case.asked = case.asked.filter(|asked| *asked != Asked::Consent);
        store::case::update(tx, &case, self.now).await?;
        if case.state == CaseState::Routed {
            self.refer_anew(tx, &case).await?;
        }
        if !held && consent.department_sees_contact() && case.state == CaseState::Routed {
            self.composer.introduce(tx, &case, self.now).await?;
        }
        self.note_consent(tx, &case, actor, json!({"consent": case.consent, "by": "a gatekeeper"})).await?;
        Ok(true)
    }

    /// A gatekeeper writes down where the resident of a case wishes to be written to.
    ///
    /// # Errors
    /// When that is none of their addresses.
    pub async fn choose_address(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        point: &ContactPoint,
        actor: &str,
    ) -> Result<(), DeskError> {
        let case = Self::for_staff(tx, id).await?;
        let theirs = match &case.contact_id {
            Some(contact) => store::person::points(tx, contact).await?,
            None => Vec::new(),
        };
        if !theirs.iter().any(|p| (p.channel, &p.address) == (point.channel, &point.address)) {
            return Err(DeskError::Unknown("address of this resident"));
        }
        if point.channel.is_hearsay() {
            return Err(DeskError::NotNow("nothing can be sent to this address: nobody has shown that it is theirs"));
        }
        store::person::choose(tx, point, self.now).await?;
        self.note(tx, &case, "choose_address", actor, json!({"channel": point.channel})).await?;
        Ok(())
    }
}
