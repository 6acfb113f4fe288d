//! Too much of a thing: a sender who is blocked, one who sends without end, a channel that is flooded. All of it is kept and can be
//! seen; none of it is answered. Whoever writes that somebody is in danger is heard all the same.

use super::Thought;
use super::clerk::Clerk;
use crate::core::Party;
use crate::store::inbox::Outcome;
use crate::store::{self, Tx};
use chrono::TimeDelta;
use serde_json::json;

/// How much is usual in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usual {
    /// Most messages of one sender that become cases or go on one; what comes after them is set aside.
    pub from_sender: i64,
    /// Most messages on one channel that may be answered without a person.
    pub on_channel: i64,
}

impl Default for Usual {
    fn default() -> Self {
        Self { from_sender: 30, on_channel: 2_000 }
    }
}

impl Clerk<'_> {
    /// Why a message is to be set aside because of who sends it or how much they send; none where it is to be heeded.
    pub(super) async fn too_much(&self, tx: &mut Tx, thought: &Thought) -> store::Result<Option<String>> {
        let in_danger = thought.verdict().is_some_and(|verdict| !verdict.concerns.is_empty());
        let Some(writer) = thought.mail.writer.as_ref().filter(|_| !in_danger) else { return Ok(None) };
        // A councillor forwards what residents write, and a department answers many cases at once.
        let council = &self.pipeline.house.council;
        let departments = || self.rules.taxonomy.departments.values();
        if council.councillor_by_email(&writer.address).is_some()
            || departments().any(|d| d.email.eq_ignore_ascii_case(&writer.address))
        {
            return Ok(None);
        }
        if let Some(why) = store::block::why(tx, writer).await? {
            return Ok(Some(format!("this sender is blocked: {why}")));
        }
        let most = self.pipeline.house.usual.from_sender;
        let since = self.now - TimeDelta::hours(1);
        let came = store::block::from_sender(tx, writer, since, most).await?;
        Ok((came >= most).then(|| format!("more than {most} messages from this sender within an hour")))
    }

    /// Whether so much came in on the channel of a message that nothing on it goes out without a person.
    pub(super) async fn is_flooded(&self, tx: &mut Tx, thought: &Thought) -> store::Result<bool> {
        let most = self.pipeline.house.usual.on_channel;
        let since = self.now - TimeDelta::hours(1);
        Ok(store::block::on_channel(tx, thought.mail.channel, since, most).await? >= most)
    }

    /// Keeps a message that is not heeded, with the reason.
    pub(super) async fn keep_unheeded(&self, tx: &mut Tx, thought: &Thought, why: &str) -> store::Result<()> {
        let contact = self.contact(tx, thought).await?;
        let id = self.write_message(tx, thought, None, Party::Resident, contact.as_ref()).await?;
        let evidence = json!({"verdict": thought.verdict()});
        self.decide(tx, None, &id, "set_aside", json!({"outcome": "set_aside", "why": why}), evidence).await?;
        self.finish(tx, thought, Outcome::SetAside, &id, why).await
    }
}
