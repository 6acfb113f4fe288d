//! STOP, START and HELP: what providers of texts and the law on marketing want heard at once.

use super::Thought;
use super::clerk::Clerk;
use crate::channels::text::words::{self, Keyword};
use crate::core::{Mail, Party};
use crate::outbox::short::Say;
use crate::store::inbox::Outcome;
use crate::store::{self, Tx};
use chrono::TimeDelta;
use serde_json::json;

/// The keyword that a text is, if it is nothing else.
pub(super) fn of(mail: &Mail) -> Option<Keyword> {
    words::keyword(&mail.text).filter(|_| mail.channel.is_short() && mail.attachments.is_empty())
}

impl Clerk<'_> {
    /// Does what the keyword asks for. The text is kept and visible, and is no case.
    pub(super) async fn heed_keyword(&self, tx: &mut Tx, thought: &Thought, keyword: Keyword) -> store::Result<()> {
        let contact = self.contact(tx, thought).await?;
        let id = self.write_message(tx, thought, None, Party::Resident, contact.as_ref()).await?;
        let latest = match &contact {
            Some(contact) => store::case::latest_of(tx, contact, self.now - TimeDelta::days(365)).await?,
            None => None,
        };
        let case = latest.as_ref().map(|(case, _)| case);
        let (why, say) = match keyword {
            Keyword::Stop => ("asked for no more messages (STOP)", Say::Stopped),
            Keyword::Start => ("asked for messages again (START)", Say::Started),
            Keyword::Help => ("asked what this number is for (HELP)", Say::Help),
        };
        if let Some(writer) = &thought.mail.writer {
            if keyword != Keyword::Help {
                store::contact::set_silent(tx, writer, keyword == Keyword::Stop, self.now).await?;
            }
            self.desk().composer.say(tx, say, writer, case, id.as_str(), None, self.now).await?;
        }
        let decided = json!({"outcome": "set_aside", "why": why});
        self.decide(tx, None, &id, "set_aside", decided, json!({})).await?;
        self.finish(tx, thought, Outcome::SetAside, &id, why).await
    }
}
