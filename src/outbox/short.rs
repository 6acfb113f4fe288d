//! What goes out by text: a line or two, without subject.

use super::compose::{Composer, mailbox};
use crate::core::{Code, ContactPoint, OutboxId, Party};
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::{NewOutgoing, OutMail};
use crate::store::{self, Tx};
use crate::understanding::reply::{embed, fill, lay_out};
use crate::understanding::rules::Rules;
use chrono::{DateTime, Utc};

/// What a resident is told or asked by text, apart from acknowledgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say<'a> {
    /// Where is it?
    AskPlace,
    /// May the department know who you are?
    AskConsent,
    /// It knows now.
    Shared,
    /// It will not learn it from us.
    Kept,
    /// You get no more messages.
    Stopped,
    /// You get messages again.
    Started,
    /// What this number is for.
    Help,
    /// Their code, and how many minutes it is good.
    Code {
        /// The code.
        code: &'a Code,
        /// Minutes.
        minutes: i64,
    },
    /// The code was right: they are known here now.
    Linked,
    /// It was not.
    WrongCode,
    /// How to show that a case of another address is theirs.
    Elsewhere,
}

impl Say<'_> {
    const fn purpose(self) -> &'static str {
        match self {
            Self::AskPlace | Self::AskConsent => "question",
            _ => "information",
        }
    }

    /// What tells two of them apart that answer one message.
    const fn key(self) -> &'static str {
        match self {
            Self::AskConsent => "question of consent",
            other => other.purpose(),
        }
    }

    /// Whether it answers what they asked for, and so goes even to who asked for silence.
    const fn is_asked_for(self) -> bool {
        !matches!(self, Self::AskPlace | Self::AskConsent | Self::Elsewhere)
    }

    fn words<'a>(self, rules: &'a Rules, language: &str) -> (&'a str, &'a str) {
        let (code, codes) = rules.code_reply(language);
        let (text, texts) = rules.text_reply(language);
        let (consent, consents) = rules.consent_reply(language);
        match self {
            Self::AskConsent => (consent, &consents.ask),
            Self::Shared => (consent, &consents.shared),
            Self::Kept => (consent, &consents.kept),
            Self::AskPlace => (text, &texts.place),
            Self::Stopped => (text, &texts.stopped),
            Self::Started => (text, &texts.started),
            Self::Help => (text, &texts.help),
            Self::Code { .. } => (code, &codes.yours),
            Self::Linked => (code, &codes.linked),
            Self::WrongCode => (code, &codes.wrong),
            Self::Elsewhere => (code, &codes.elsewhere),
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
        say: Say<'_>,
        to: &ContactPoint,
        case: Option<&Case>,
        answers: &str,
        held: Option<&str>,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        if !say.is_asked_for() && store::contact::is_silent(tx, to).await? {
            return Ok(false);
        }
        let (language, words) = say.words(self.rules, case.map_or("en", |case| &case.language));
        let mut values = self.who_and_which(case, language).to_vec();
        if let Say::Code { code, minutes } = say {
            values.extend([("code", embed(code.as_str(), language)), ("minutes", minutes.to_string())]);
        }
        let mail = self.note_to(to, language, &fill(words, &values));
        let id: OutboxId = self.ids.next();
        let new = NewOutgoing {
            id: &id,
            case_id: case.map(|case| &case.id),
            channel: to.channel,
            purpose: say.purpose(),
            party: Party::Resident,
            idempotency_key: &format!("{}:{answers}", say.key()),
            rfc_message_id: &self.message_id(&id),
            mail: &mail,
            recipient: &to.address,
            topic: say.purpose(),
            held,
        };
        self.queue(tx, new, now).await
    }

    /// A line or two to an address of any channel; by mail with all that a mail needs.
    pub(super) fn note_to(&self, to: &ContactPoint, language: &str, words: &str) -> OutMail {
        let note = text(&to.address, language, words);
        if to.channel.is_short() {
            return note;
        }
        OutMail {
            from: self.sender_header(),
            to: vec![mailbox(to.name.as_deref().unwrap_or_default(), &to.address)],
            subject: self.council.name.clone(),
            auto_submitted: Some("auto-replied".to_owned()),
            ..note
        }
    }

    fn who_and_which(&self, case: Option<&Case>, language: &str) -> [(&'static str, String); 3] {
        let reference = case.map_or("", |case| case.reference.as_str());
        let department = case.map_or("", |case| self.rules.taxonomy.department_name(&case.department));
        [
            ("council", embed(&self.council.name, language)),
            ("reference", embed(reference, language)),
            ("department", embed(department, language)),
        ]
    }
}

pub(super) fn text(address: &str, language: &str, words: &str) -> OutMail {
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
