//! Whether an email address belongs to who gave it in the web form or to a gatekeeper: a link is sent there once, and until it is opened nothing else
//! is. Nobody can use the form to have beadle write to others in bulk: the mails are counted, by address and in all.

use super::Thought;
use super::clerk::Clerk;
use crate::core::verdict::is_safeguarding;
use crate::core::{Disposition, HearBy, MessageId};
use crate::outbox::compose::is_of_the_council;
use crate::store::case::Case;
use crate::store::{self, Tx};
use chrono::TimeDelta;
use serde_json::json;

impl Clerk<'_> {
    /// Asks the address of a report whether it is who wrote it.
    pub(super) async fn ask_for_proof(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        case: &Case,
        message: &MessageId,
    ) -> store::Result<()> {
        let (Some(policy), Some(chosen)) = (&self.pipeline.house.form, &thought.chosen) else { return Ok(()) };
        let writer = thought.mail.writer.as_ref().filter(|w| w.channel.is_hearsay() && w.address.contains('@'));
        // Who told a gatekeeper that they want to hear otherwise, or not at all, is not written to even for that.
        let writer = writer.filter(|_| chosen.hear_by.is_none_or(|how| how == HearBy::Email));
        let Some(address) = writer.map(|w| w.address.as_str()) else { return Ok(()) };
        let (day, hour) = (self.now - TimeDelta::days(1), self.now - TimeDelta::hours(1));
        let (to_them, to_all) = store::outbox::proofs_since(tx, address, day, hour).await?;
        let refused = if is_of_the_council(&self.pipeline.house.council, &self.rules.taxonomy, address) {
            Some("it is an address of the council's own")
        } else if to_them >= policy.proofs_per_address {
            Some("it was asked too often today")
        } else if to_all >= policy.proofs_per_hour {
            Some("too many addresses were asked in the last hour")
        } else {
            None
        };
        if let Some(why) = refused {
            return self.decide(tx, Some(case), message, "proof", json!({"why": why}), json!({})).await;
        }
        // Whoever else reads that mailbox would learn that a report was made.
        let in_danger = case.disposition == Disposition::Hold && is_safeguarding(case.hold_reason.as_deref());
        let held = in_danger.then_some("Somebody may be in danger: is it safe to write to this address?");
        let until = self.now + TimeDelta::days(policy.proof_days);
        let token = self.pipeline.house.key.seal(PROOF, &format!("{message}.{}", until.timestamp()));
        let link = format!("{}/confirm/{token}?lang={}", policy.public_url, chosen.language);
        self.desk().composer.ask_for_proof(tx, case, message, address, (&link, &chosen.language), held, self.now).await
    }
}

/// What the seal of a link that confirms an address is for; its text is `MESSAGE.UNTIL`, the end of it as a Unix time.
pub const PROOF: &str = "proof";
