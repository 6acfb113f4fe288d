//! What goes out by text: a line or two, without subject.

use super::compose::Composer;
use crate::core::{ContactPoint, OutboxId, Party};
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::{NewOutgoing, OutMail};
use crate::store::{self, Tx};
use crate::understanding::reply::{TextReply, embed, fill, lay_out};
use chrono::{DateTime, Utc};

/// What a resident is told or asked by text, apart from acknowledgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// Where is it?
    AskPlace,
    /// You get no more messages.
    Stopped,
    /// You get messages again.
    Started,
    /// What this number is for.
    Help,
}

impl Say {
    const fn purpose(self) -> &'static str {
        match self {
            Self::AskPlace => "question",
            Self::Stopped | Self::Started | Self::Help => "information",
        }
    }

    fn words(self, reply: &TextReply) -> &str {
        match self {
            Self::AskPlace => &reply.place,
            Self::Stopped => &reply.stopped,
            Self::Started => &reply.started,
            Self::Help => &reply.help,
        }
    }
}

impl Composer<'_> {
    /// The acknowledgement as a text; `in_danger` says nothing of what was written.
    pub(super) fn short_acknowledgement(
        &self,
        case: &Case,
        message: &Message,
        address: &str,
        joined: bool,
        in_danger: bool,
    ) -> OutMail {
        let (language, reply) = self.rules.text_reply(&case.language);
        if in_danger {
            return text(address, language, &fill(&reply.safe, &self.who_and_which(Some(case), language)));
        }
        let (_, long) = self.rules.reply(language);
        let words = self.words_for_resident(case, message, language, long);
        text(address, language, &fill(if joined { &reply.joined } else { &reply.received }, &words))
    }

    /// Queues a text that answers a resident's own message `answers`, once. Nothing is queued for who asked for silence, but
    /// what they ask for themselves. `held` says why it waits for a person, if it does. Whether it was queued.
    ///
    /// # Errors
    /// What the database says.
    #[expect(clippy::too_many_arguments, reason = "one row's columns")]
    pub async fn say(
        &self,
        tx: &mut Tx,
        say: Say,
        to: &ContactPoint,
        case: Option<&Case>,
        answers: &str,
        held: Option<&str>,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        if say == Say::AskPlace && store::contact::is_silent(tx, to).await? {
            return Ok(false);
        }
        let (language, reply) = self.rules.text_reply(case.map_or("en", |case| &case.language));
        let mail = text(&to.address, language, &fill(say.words(reply), &self.who_and_which(case, language)));
        let id: OutboxId = self.ids.next();
        let new = NewOutgoing {
            id: &id,
            case_id: case.map(|case| &case.id),
            channel: to.channel,
            purpose: say.purpose(),
            party: Party::Resident,
            idempotency_key: &format!("{}:{answers}", say.purpose()),
            rfc_message_id: &self.message_id(&id),
            mail: &mail,
            recipient: &to.address,
            topic: say.purpose(),
            held,
        };
        self.queue(tx, new, now).await
    }

    fn who_and_which(&self, case: Option<&Case>, language: &str) -> [(&'static str, String); 2] {
        let reference = case.map_or("", |case| case.reference.as_str());
        [("council", embed(&self.council.name, language)), ("reference", embed(reference, language))]
    }
}

fn text(address: &str, language: &str, words: &str) -> OutMail {
    OutMail {
        from: String::new(),
        envelope_from: None,
        to: vec![address.to_owned()],
        cc: Vec::new(),
        reply_to: None,
        subject: String::new(),
        body: lay_out(words.trim(), language),
        in_reply_to: None,
        references: Vec::new(),
        auto_submitted: None,
        language: language.to_owned(),
        attachments: Vec::new(),
    }
}
