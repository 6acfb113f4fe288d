//! Reports from the form on the web: committed, and only then answered.

use super::Collector;
use crate::core::{Channel, RawMessage, Reference};
use crate::intake::accept;
use crate::intake::form::Form;
use crate::store;

impl Collector {
    /// Takes a report in, once for each `external_id`; the reference that its case will have.
    ///
    /// # Errors
    /// What the database says; then it was not taken in, and its sender must not be told that it was.
    pub async fn take_form(&self, account: &str, external_id: &str, form: &Form) -> store::Result<Reference> {
        let raw = RawMessage {
            channel: Channel::Web,
            account: account.to_owned(),
            external_id: external_id.to_owned(),
            bytes: form.to_bytes(),
            arrived_at: None,
        };
        let (reference, new) = accept::accept_promising(&self.db, &self.clock, &self.ids, &raw).await?;
        if new {
            metrics::counter!("beadle_messages_taken_in_total", "account" => account.to_owned()).increment(1);
            self.bell.notify_one();
        }
        Ok(reference)
    }
}
