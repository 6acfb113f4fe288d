//! A person prints and posts a letter, or takes it back.

use super::{Desk, DeskError};
use crate::core::OutboxId;
use crate::store::{self, Tx};
use serde_json::json;

impl Desk<'_> {
    /// A person has posted a letter.
    ///
    /// # Errors
    /// When there is no such letter, or it was posted already or is not to be posted.
    pub async fn letter_posted(&self, tx: &mut Tx, id: &OutboxId, actor: &str) -> Result<(), DeskError> {
        let letter = store::letter::get(tx, id).await?.ok_or(DeskError::Unknown("letter"))?;
        if !store::letter::posted(tx, id, self.now).await? {
            return Err(DeskError::NotNow("this letter was posted already, or is not to be posted"));
        }
        self.note_letter(tx, &letter, "letter_posted", actor).await
    }

    /// A person takes a letter back that has not gone.
    ///
    /// # Errors
    /// When there is no such letter, or it has gone or was taken back already.
    pub async fn letter_not_sent(&self, tx: &mut Tx, id: &OutboxId, actor: &str) -> Result<(), DeskError> {
        let letter = store::letter::get(tx, id).await?.ok_or(DeskError::Unknown("letter"))?;
        if !store::letter::cancel(tx, id, "a person took it back").await? {
            return Err(DeskError::NotNow("this letter was posted already, or was taken back"));
        }
        self.note_letter(tx, &letter, "letter_not_sent", actor).await
    }

    async fn note_letter(
        &self,
        tx: &mut Tx,
        letter: &store::outbox::Outgoing,
        kind: &str,
        actor: &str,
    ) -> Result<(), DeskError> {
        let case = match &letter.case_id {
            Some(id) => store::case::get(tx, id).await?,
            None => None,
        };
        let case = case.ok_or(DeskError::Unknown("case of this letter"))?;
        Ok(self.note(tx, &case, kind, actor, json!({"outgoing": letter.id})).await?)
    }
}
