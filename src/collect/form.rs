//! Reports from the form on the web: committed, and only then answered.

use super::Collector;
use crate::core::{Channel, RawMessage, Reference};
use crate::intake::accept::{self, Batch};
use crate::intake::form::Form;
use crate::store;

impl Collector {
    /// Takes a report in, once for each `external_id`; the reference that its case will have.
    ///
    /// # Errors
    /// What the database says; then it was not taken in, and its sender must not be told that it was.
    pub async fn take_form(&self, account: &str, external_id: &str, form: &Form) -> store::Result<Reference> {
        let raw = delivery(account, external_id, form);
        let (reference, new) = accept::accept_promising(&self.db, &self.clock, &self.ids, &raw).await?;
        if new {
            self.came(account);
        }
        Ok(reference)
    }

    /// Takes in what somebody added to their report, once for each `external_id`. It goes on a case that is there, so no reference
    /// is promised for it.
    ///
    /// # Errors
    /// What the database says; then it was not taken in, and its sender must not be told that it was.
    pub async fn take_later_words(&self, account: &str, external_id: &str, form: &Form) -> store::Result<()> {
        let batch = Batch { messages: vec![delivery(account, external_id, form)], ..Batch::default() };
        if accept::accept(&self.db, &self.clock, &self.ids, account, &batch).await?.new > 0 {
            self.came(account);
        }
        Ok(())
    }

    fn came(&self, account: &str) {
        metrics::counter!("beadle_messages_taken_in_total", "account" => account.to_owned()).increment(1);
        self.bell.notify_one();
    }
}

fn delivery(account: &str, external_id: &str, form: &Form) -> RawMessage {
    RawMessage {
        channel: Channel::Web,
        account: account.to_owned(),
        external_id: external_id.to_owned(),
        bytes: form.to_bytes(),
        arrived_at: None,
    }
}
