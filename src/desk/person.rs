//! Whether two addresses are one person's: a gatekeeper says, and can take it back.

use super::{Desk, DeskError};
use crate::core::case::Sameness;
use crate::core::{CaseId, ContactPoint, SamePersonId};
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
        self.note(tx, &case, "same_person", actor, json!({"said": said, "other": other, "state": state})).await?;
        Ok(())
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
        store::person::choose(tx, point, self.now).await?;
        self.note(tx, &case, "choose_address", actor, json!({"channel": point.channel})).await?;
        Ok(())
    }
}
