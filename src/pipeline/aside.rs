//! Automatic mail and our own: kept and visible, never a case, never answered.

use super::Thought;
use super::clerk::Clerk;
use crate::core::Party;
use crate::store::inbox::Outcome;
use crate::store::{self, Tx};
use serde_json::json;

impl Clerk<'_> {
    /// Sets a mail aside. A bounce marks the mail it is about.
    pub(super) async fn set_aside(&self, tx: &mut Tx, thought: &Thought) -> store::Result<()> {
        if let Some(case) = self.private_behind(tx, thought).await? {
            return self.keep_private(tx, thought, &case).await;
        }
        let why = thought.mail.automatic.clone().unwrap_or_else(|| "from an address of our own".to_owned());
        let id = self.write_message(tx, thought, None, Party::Resident, None).await?;
        self.mark_bounced(tx, thought).await?;
        let decided = json!({"outcome": "set_aside", "why": why});
        self.decide(tx, None, &id, "set_aside", decided, json!({})).await?;
        self.finish(tx, thought, Outcome::SetAside, &id, &why).await
    }

    pub(super) async fn mark_bounced(&self, tx: &mut Tx, thought: &Thought) -> store::Result<()> {
        let Some(bounce) = &thought.mail.bounce else { return Ok(()) };
        let status = bounce.status.clone().unwrap_or_default();
        for sent in &bounce.of {
            // A delay, or a full mailbox, is no failure yet: it is shown, and the mail stays sent.
            if bounce.permanent {
                store::outbox::bounced(tx, sent, &format!("it came back: {status}")).await?;
            }
            let Some(thread) = store::message::thread(tx, sent).await?.filter(|t| t.ours) else { continue };
            if let Some(mut case) = store::case::get_to_change(tx, &thread.case_id).await? {
                let how = if bounce.permanent { "came back" } else { "is delayed" };
                case.attention = Some(format!("A message to the {} {how} ({status})", thread.party.as_str()));
                store::case::update(tx, &case, self.now).await?;
            }
        }
        Ok(())
    }
}
