//! The owner of an email address says whether a report of the web form is theirs.

use super::{Desk, DeskError};
use crate::casework::join;
use crate::core::{CaseId, CaseState, Channel, ContactPoint, MessageId, Party, SenderCheck};
use crate::intake::form::{BY_LINK, DENIED};
use crate::outbox::compose::Acknowledged;
use crate::store::{self, Tx};
use serde_json::json;

impl Desk<'_> {
    /// The owner of the address that a report was sent under says that it is theirs (`yes`), or that it is not. From then on they
    /// are told of its case, or nothing more is ever sent to them about it. Said twice, the first word stands: it comes back.
    ///
    /// # Errors
    /// When there is no such report.
    pub async fn confirm(&self, tx: &mut Tx, message: &MessageId, yes: bool) -> Result<bool, DeskError> {
        let writer = store::message::writer_to_change(tx, message).await?;
        let writer = writer.filter(|w| w.channel.is_hearsay()).ok_or(DeskError::Unknown("report"))?;
        let Some(address) = writer.from_address.filter(|a| a.contains('@')) else {
            return Err(DeskError::Unknown("report"));
        };
        match &writer.sender.0 {
            SenderCheck::Verified { .. } => return Ok(true),
            SenderCheck::Unverified { why } if why == DENIED => return Ok(false),
            SenderCheck::Unverified { .. } => {}
        }
        let sender = if yes {
            SenderCheck::Verified { by: BY_LINK.to_owned() }
        } else {
            SenderCheck::Unverified { why: DENIED.to_owned() }
        };
        // Only now are they the person whom that address belongs to.
        let contact = if yes {
            let point = ContactPoint { channel: Channel::Email, address, name: writer.from_name };
            let contact = store::contact::by_address(tx, self.composer.ids, &point, self.now).await?;
            store::case::set_contact(tx, message, &contact).await?;
            Some(contact)
        } else {
            None
        };
        store::message::set_sender(tx, message, &sender, contact.as_ref()).await?;
        for case in store::message::cases_of(tx, message).await? {
            self.tell_confirmed(tx, &case, yes).await?;
        }
        Ok(yes)
    }

    async fn tell_confirmed(&self, tx: &mut Tx, id: &CaseId, yes: bool) -> Result<(), DeskError> {
        let Some(mut case) = store::case::get_to_change(tx, id).await? else { return Ok(()) };
        if !yes {
            case.attention = Some("The owner of the email address says that they did not send this".to_owned());
            store::case::update(tx, &case, self.now).await?;
        }
        let actor = Party::Resident.as_str();
        self.note(tx, &case, "confirm", actor, json!({"yes": yes})).await?;
        if !yes {
            return Ok(());
        }
        // What they would have been told when the case went to its department, they are told now.
        let root = join::root(tx, id).await?;
        if root == *id {
            if case.state == CaseState::Routed {
                let acknowledged = self.composer.acknowledge(tx, &case, false, self.now).await?;
                tracing::debug!(case = %case.id, queued = (acknowledged == Acknowledged::Queued), "acknowledged once confirmed");
            }
            return Ok(());
        }
        if let Some(root) = store::case::get(tx, &root).await?.filter(|root| root.state == CaseState::Routed) {
            self.acknowledge_child(tx, id, &root, actor).await?;
        }
        Ok(())
    }
}
