//! STOP, START and HELP, which providers of texts and the law on marketing want heard at once, and CODE.

use super::Thought;
use super::clerk::Clerk;
use crate::channels::text::words::{self, Keyword};
use crate::core::{Mail, Party};
use crate::outbox::short::Say;
use crate::store::inbox::Outcome;
use crate::store::{self, Tx};
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
        let case = match &contact {
            Some(contact) => self.latest(tx, contact).await?,
            None => None,
        };
        let (mut why, say) = match keyword {
            Keyword::Stop => ("asked for no more messages (STOP)", Some(Say::Stopped)),
            Keyword::Start => ("asked for messages again (START)", Some(Say::Started)),
            Keyword::Help => ("asked what this number is for (HELP)", Some(Say::Help)),
            Keyword::Code => ("asked for a code (CODE)", None),
        };
        if let (Some(writer), Some(contact)) = (&thought.mail.writer, &contact) {
            if matches!(keyword, Keyword::Stop | Keyword::Start) {
                store::contact::set_silent(tx, writer, keyword == Keyword::Stop, self.now).await?;
            }
            match say {
                Some(say) => {
                    let composer = self.desk().composer;
                    composer.say(tx, say, writer, case.as_ref(), id.as_str(), None, self.now).await?;
                }
                None => why = self.give_code(tx, contact, writer, id.as_str()).await?,
            }
        }
        let decided = json!({"outcome": "set_aside", "why": why});
        self.decide(tx, None, &id, "set_aside", decided, json!({})).await?;
        self.finish(tx, thought, Outcome::SetAside, &id, why).await
    }
}
