//! What goes out by text: a line or two, without subject.

use super::compose::{Composer, consent_of, mailbox};
use crate::core::verdict::is_safeguarding;
use crate::core::{CaseState, Channel, Code, ContactPoint, OutboxId, Party};
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::{NewOutgoing, OutMail};
use crate::store::{self, Tx};
use crate::understanding::reply::{TextReply, embed, fill, lay_out};
use crate::understanding::rules::Rules;
use chrono::{DateTime, Utc};

/// What a resident is told or asked by text, apart from acknowledgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say<'a> {
    /// Where is it?
    AskPlace,
    /// What is wrong at the place you sent?
    AskProblem,
    /// What is wrong, and where? To who sent no words, or too few.
    AskWords,
    /// May the department know who you are?
    AskConsent,
    /// It knows now.
    Shared,
    /// It will not learn it from us.
    Kept,
    /// What this chat is for.
    Welcome,
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
    const fn is_question(self) -> bool {
        matches!(self, Self::AskPlace | Self::AskProblem | Self::AskWords | Self::AskConsent)
    }

    const fn purpose(self) -> &'static str {
        if self.is_question() { "question" } else { INFORMATION }
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
        !self.is_question() && !matches!(self, Self::Elsewhere)
    }

    fn words<'r>(self, rules: &'r Rules, language: &str) -> (&'r str, &'r str) {
        let (code, codes) = rules.code_reply(language);
        let (text, texts) = rules.text_reply(language);
        let (consent, consents) = rules.consent_reply(language);
        match self {
            Self::AskPlace => (text, &texts.place),
            Self::AskProblem => (text, &texts.problem),
            Self::AskWords => (text, &texts.words),
            Self::AskConsent => (consent, &consents.ask),
            Self::Shared => (consent, &consents.shared),
            Self::Kept => (consent, &consents.kept),
            Self::Welcome => (text, &texts.welcome),
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
        say: Say<'_>,
        addressee: Addressee<'_>,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        // What was told to a gatekeeper is answered by them.
        if addressee.to.channel.is_word_of_mouth() {
            return Ok(false);
        }
        if !say.is_asked_for() && store::contact::is_silent(tx, addressee.to).await? {
            return Ok(false);
        }
        let (language, words) = say.words(self.rules, addressee.language);
        let mut values = self.who_and_which(addressee.case, language).to_vec();
        if let Say::Code { code, minutes } = say {
            values.extend([("code", embed(code.as_str(), language)), ("minutes", minutes.to_string())]);
        }
        let mut mail = self.note_to(addressee.to, language, &fill(words, &values));
        if say == Say::AskPlace && addressee.to.channel == Channel::Telegram {
            let (_, reply) = self.rules.text_reply(language);
            mail.button = Some(reply.here.clone());
        }
        self.queue_text(tx, &mail, (say.purpose(), say.key()), addressee, now).await
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
        self.queue_text(tx, &mail, (INFORMATION, INFORMATION), addressee, now).await
    }

    fn standing(&self, standing: &Standing, language: &str, reply: &TextReply) -> String {
        let Standing { case, state, department } = standing;
        if is_safeguarding(case.hold_reason.as_deref()) {
            return fill(&reply.safe, &self.who_and_which(Some(case), language));
        }
        let (_, long) = self.rules.reply(language);
        let taxonomy = &self.rules.taxonomy;
        let councillor = case.councillor.as_deref().filter(|_| consent_of(case).is_private());
        let who = councillor.and_then(|id| self.council.councillor(id)).map(|councillor| councillor.name.as_str());
        let department = [("department", embed(who.unwrap_or_else(|| taxonomy.department_name(department)), language))];
        let state = match state {
            CaseState::Closed => reply.state_closed.clone(),
            CaseState::Routed => fill(&reply.state_routed, &department),
            CaseState::Review | CaseState::Held | CaseState::Joined => reply.state_waiting.clone(),
        };
        let due = case.due_on.parse().map_or_else(|_| case.due_on.clone(), |due| long.date(due));
        let [council, reference, _] = self.who_and_which(Some(case), language);
        let service = ("service", embed(long.service_name(&case.service, taxonomy), language));
        fill(&reply.status, &[council, reference, service, ("state", state), ("due", embed(&due, language))])
    }

    async fn queue_text(
        &self,
        tx: &mut Tx,
        mail: &OutMail,
        (purpose, key): (&str, &str),
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
            idempotency_key: &format!("{key}:{answers}"),
            rfc_message_id: &self.message_id(&id),
            mail,
            recipient: &to.address,
            topic: purpose,
            held,
        };
        self.queue(tx, new, now).await
    }

    /// A line or two to an address of any channel; by mail with all that a mail needs.
    pub(super) fn note_to(&self, to: &ContactPoint, language: &str, words: &str) -> OutMail {
        let note = text(&to.address, language, words);
        if to.channel == Channel::Letter {
            return self.letter(to, language, self.council.name.clone(), note.body);
        }
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
        button: None,
    }
}
