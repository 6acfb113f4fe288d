//! Calls and visits that a gatekeeper wrote down: committed, and only then is the reference read out.

use super::Collector;
use crate::core::{Channel, RawMessage, Reference};
use crate::intake::accept;
use crate::intake::call::{ACCOUNT, Call};
use crate::store;

impl Collector {
    /// Takes a call in, once for each `external_id`; the reference that its case will have, and whether the call is new.
    ///
    /// # Errors
    /// What the database says; then it was not taken in, and the caller must not be told that it was.
    pub async fn take_call(
        &self,
        channel: Channel,
        external_id: &str,
        call: &Call,
    ) -> store::Result<(Reference, bool)> {
        let raw = RawMessage {
            channel,
            account: ACCOUNT.to_owned(),
            external_id: external_id.to_owned(),
            bytes: call.to_bytes(),
            arrived_at: Some(call.at),
        };
        let (reference, new) = accept::accept_promising(&self.db, &self.clock, &self.ids, &raw).await?;
        if new {
            metrics::counter!("beadle_messages_taken_in_total", "account" => ACCOUNT).increment(1);
            self.bell.notify_one();
        }
        Ok((reference, new))
    }
}
