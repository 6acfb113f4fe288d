//! What goes out by text: a line or two, without subject.

use super::compose::Composer;
use crate::core::verdict::is_safeguarding;
use crate::core::{CaseState, Channel, ContactPoint, OutboxId, Party};
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
    /// What is wrong at the place you sent?
    AskProblem,
    /// What is wrong, and where? To who sent no words, or too few.
    AskWords,
    /// What this chat is for.
    Welcome,
    /// You get no more messages.
    Stopped,
    /// You get messages again.
    Started,
    /// What this number is for.
    Help,
}

impl Say {
    const fn is_question(self) -> bool {
        matches!(self, Self::AskPlace | Self::AskProblem | Self::AskWords)
    }

    const fn purpose(self) -> &'static str {
        if self.is_question() { "question" } else { INFORMATION }
    }

    fn words(self, reply: &TextReply) -> &str {
        match self {
            Self::AskPlace => &reply.place,
            Self::AskProblem => &reply.problem,
            Self::AskWords => &reply.words,
            Self::Welcome => &reply.welcome,
            Self::Stopped => &reply.stopped,
            Self::Started => &reply.started,
            Self::Help => &reply.help,
        }
    }
}

/// What an answer to a command is for.
const INFORMATION: &str = "information";

/// To whom something is said, and on what grounds.
#[derive(Clone, Copy, Debug)]
pub struct Addressee<'a> {
    /// Where it goes.
    pub to: &'a ContactPoint,
    /// The case it is about, if any.
    pub case: Option<&'a Case>,
    /// ISO 639-1 code of the language to say it in.
    pub language: &'a str,
    /// The resident's own message that it answers: one message has one answer of a kind.
    pub answers: &'a str,
    /// Why it waits for a person, if it does.
    pub held: Option<&'a str>,
}

/// How a case stands, as its own reporter may hear it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The case.
    pub case: Case,
    /// Its state; of a case that is dealt with in another one, that one's.
    pub state: CaseState,
    /// Key of the department that deals with it.
    pub department: String,
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

    /// Queues a text that answers a resident's own message, once. Nothing is queued for who asked for silence, but what they ask
    /// for themselves. Whether it was queued.
    ///
    /// # Errors
    /// What the database says.
    pub async fn say(
        &self,
        tx: &mut Tx,
        say: Say,
        addressee: Addressee<'_>,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        if say.is_question() && store::contact::is_silent(tx, addressee.to).await? {
            return Ok(false);
        }
        let (language, reply) = self.rules.text_reply(addressee.language);
        let words = fill(say.words(reply), &self.who_and_which(addressee.case, language));
        let mut mail = text(&addressee.to.address, language, &words);
        if say == Say::AskPlace && addressee.to.channel == Channel::Telegram {
            mail.button = Some(reply.here.clone());
        }
        self.queue_text(tx, &mail, say.purpose(), addressee, now).await
    }

    /// Queues how somebody's cases stand, a line each; that there is none, where there is none. Of a case in which somebody may be
    /// in danger it says no more than that it was received.
    ///
    /// # Errors
    /// What the database says.
    pub async fn say_standing(
        &self,
        tx: &mut Tx,
        cases: &[Standing],
        addressee: Addressee<'_>,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let (language, reply) = self.rules.text_reply(addressee.language);
        let lines: Vec<String> = cases.iter().map(|standing| self.standing(standing, language, reply)).collect();
        let words =
            if lines.is_empty() { fill(&reply.none, &self.who_and_which(None, language)) } else { lines.join("\n") };
        let mail = text(&addressee.to.address, language, &words);
        self.queue_text(tx, &mail, INFORMATION, addressee, now).await
    }

    fn standing(&self, standing: &Standing, language: &str, reply: &TextReply) -> String {
        let Standing { case, state, department } = standing;
        if is_safeguarding(case.hold_reason.as_deref()) {
            return fill(&reply.safe, &self.who_and_which(Some(case), language));
        }
        let (_, long) = self.rules.reply(language);
        let taxonomy = &self.rules.taxonomy;
        let department = [("department", embed(taxonomy.department_name(department), language))];
        let state = match state {
            CaseState::Closed => reply.state_closed.clone(),
            CaseState::Routed => fill(&reply.state_routed, &department),
            CaseState::Review | CaseState::Held | CaseState::Joined => reply.state_waiting.clone(),
        };
        let due = case.due_on.parse().map_or_else(|_| case.due_on.clone(), |due| long.date(due));
        let [council, reference] = self.who_and_which(Some(case), language);
        let service = ("service", embed(long.service_name(&case.service, taxonomy), language));
        fill(&reply.status, &[council, reference, service, ("state", state), ("due", embed(&due, language))])
    }

    async fn queue_text(
        &self,
        tx: &mut Tx,
        mail: &OutMail,
        purpose: &str,
        addressee: Addressee<'_>,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let Addressee { to, case, answers, held, .. } = addressee;
        let id: OutboxId = self.ids.next();
        let new = NewOutgoing {
            id: &id,
            case_id: case.map(|case| &case.id),
            channel: to.channel,
            purpose,
            party: Party::Resident,
            idempotency_key: &format!("{purpose}:{answers}"),
            rfc_message_id: &self.message_id(&id),
            mail,
            recipient: &to.address,
            topic: purpose,
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
        button: None,
    }
}
