//! Whether two addresses are one person's: a gatekeeper says, and can take it back.

use super::{Desk, DeskError};
use crate::core::case::Sameness;
use crate::core::{CaseId, CaseState, ContactPoint, Party, SamePersonId};
use crate::routing::consent::Consent;
use crate::store::case::Case;
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
        let ways: Vec<_> = store::contact::points(tx, &other).await?.into_iter().map(|point| point.channel).collect();
        let decided = json!({"said": said, "other": other, "ways": ways, "state": state});
        self.note(tx, &case, "same_person", actor, decided).await?;
        Ok(())
    }

    /// Blocks the address that the resident of a case wrote from: what comes from there is kept, and neither becomes a case nor is
    /// answered, unless somebody may be in danger.
    ///
    /// # Errors
    /// When nobody is known to have written, they are blocked already, or no reason is given.
    pub async fn block(&self, tx: &mut Tx, id: &CaseId, why: &str, actor: &str) -> Result<(), DeskError> {
        let case = store::case::get(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        let messages = store::message::of_case(tx, id).await?;
        let first = messages.into_iter().find(|m| m.party == Party::Resident);
        let first = first.filter(|m| !m.channel.is_word_of_mouth());
        let point = first.and_then(|m| Some(ContactPoint { channel: m.channel, address: m.from_address?, name: None }));
        let point = point.ok_or(DeskError::Unknown("sender of this case"))?;
        let why = why.trim();
        if why.is_empty() {
            return Err(DeskError::NotNow("say why this sender is blocked: others will want to know"));
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
    /// that has the case; what a department knows already cannot be taken back.
    ///
    /// # Errors
    /// When there is no such case.
    pub async fn set_consent(&self, tx: &mut Tx, id: &CaseId, consent: Consent, actor: &str) -> Result<(), DeskError> {
        let mut case = store::case::get_to_change(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        consent.as_str().clone_into(&mut case.consent);
        case.asked = case.asked.filter(|asked| asked != "consent");
        store::case::update(tx, &case, self.now).await?;
        if consent.department_sees_contact() && case.state == CaseState::Routed {
            self.composer.introduce(tx, &case, self.now).await?;
        }
        Ok(self.note_consent(tx, &case, actor, json!({"consent": case.consent, "by": "a gatekeeper"})).await?)
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
        let case = store::case::get_to_change(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
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
