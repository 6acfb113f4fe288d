//! The private lane: what goes between a resident and the councillor they wrote to, past everybody else.

use super::compose::{Acknowledged, Composer, Recipient, harmless, long_date, mailbox};
use crate::core::{Channel, Councillor, OutboxId, Party};
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::{NewOutgoing, OutMail};
use crate::store::{self, Tx};
use crate::understanding::reply::{embed, fill, lay_out};
use chrono::{DateTime, Utc};

/// What a message of this lane is for.
pub const PRIVATE: &str = "private";
/// Most characters of a councillor's answer that go by text: what a provider takes in one piece, less room for the name.
const MOST_BY_TEXT: usize = 1_400;

impl Composer<'_> {
    /// Gives the councillor of a case what its resident wrote for them only, once. `in_danger` says that it reads as if somebody
    /// were. Their answer comes back to the case and is passed on, so they need not show their own address. Whether it was queued.
    ///
    /// # Errors
    /// What the database says.
    pub async fn give_to_councillor(
        &self,
        tx: &mut Tx,
        case: &Case,
        councillor: &Councillor,
        message: &Message,
        in_danger: bool,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let files = store::attachment::of_case(tx, &case.id).await?;
        let files: Vec<_> = files.into_iter().filter(|file| file.message_id == message.id).collect();
        let (reply_to, mark) = self.reply_path(&case.reference, Party::Councillor);
        let urgent = if in_danger { "Urgent, for you only" } else { "For you only" };
        let mail = OutMail {
            from: self.sender_header(),
            envelope_from: Some(reply_to.clone()),
            to: vec![mailbox(&councillor.name, &councillor.email)],
            cc: Vec::new(),
            reply_to: Some(reply_to),
            subject: format!("{urgent}: message {}{mark}", case.reference),
            body: letter(message, in_danger, files.iter().filter(|file| file.refused.is_some()).count()),
            in_reply_to: None,
            references: Vec::new(),
            auto_submitted: Some("auto-generated".to_owned()),
            language: "en".to_owned(),
            attachments: harmless(&files),
            button: None,
        };
        let key = format!("private:{}", message.id);
        self.queue_for_councillor(tx, case, councillor, (PRIVATE, &key), &mail, now).await
    }

    /// Passes a councillor's answer on to the resident of a private case, where they wrote from. Why it cannot be, if it cannot.
    ///
    /// # Errors
    /// What the database says.
    pub async fn give_to_resident(
        &self,
        tx: &mut Tx,
        case: &Case,
        answer: &Message,
        now: DateTime<Utc>,
    ) -> store::Result<Result<(), String>> {
        let Recipient { message, to, .. } = match self.recipient_of(tx, case, true).await? {
            Ok(recipient) => recipient,
            Err(Acknowledged::Skipped(why) | Acknowledged::Held(why)) => return Ok(Err(why)),
            Err(_) => return Ok(Err("they want to be rung up".to_owned())),
        };
        if to.channel == Channel::Letter {
            return Ok(Err("they can only be written a letter, which others would have to print".to_owned()));
        }
        let words = answer.body.trim();
        let short = to.channel.is_short();
        if words.is_empty() {
            return Ok(Err("there are no words in it".to_owned()));
        }
        if short && words.chars().count() > MOST_BY_TEXT {
            return Ok(Err(format!(
                "it is longer than the {MOST_BY_TEXT} characters that go by {}",
                to.channel.label()
            )));
        }
        let name = case.councillor.as_deref().and_then(|id| self.council.councillor(id)).map(|c| c.name.as_str());
        let name = name.unwrap_or(self.council.name.as_str());
        let mail = if short {
            super::short::text(&to.address, "en", &format!("{name}: {words}"))
        } else {
            let (reply_to, mark) = self.reply_path(&case.reference, Party::Resident);
            let files = store::attachment::of_case(tx, &case.id).await?;
            let files: Vec<_> = files.into_iter().filter(|file| file.message_id == answer.id).collect();
            OutMail {
                from: mailbox(&format!("{name} by {}", self.council.name), &self.council.address.email),
                to: vec![mailbox(to.name.as_deref().unwrap_or_default(), &to.address)],
                reply_to: Some(reply_to),
                subject: self.private_subject(case) + &mark,
                body: format!("{words}\n"),
                in_reply_to: message.rfc_message_id.clone(),
                references: message.rfc_message_id.clone().into_iter().collect(),
                attachments: harmless(&files),
                ..super::short::text(&to.address, "en", "")
            }
        };
        let id: OutboxId = self.ids.next();
        let new = NewOutgoing {
            id: &id,
            case_id: Some(&case.id),
            channel: to.channel,
            purpose: PRIVATE,
            party: Party::Resident,
            idempotency_key: &format!("private:{}", answer.id),
            rfc_message_id: &self.message_id(&id),
            mail: &mail,
            recipient: &to.address,
            topic: case.reference.as_str(),
            held: None,
        };
        self.queue(tx, new, now).await?;
        Ok(Ok(()))
    }

    /// Tells a councillor that their answer did not reach the resident, and why.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_not_passed_on(
        &self,
        tx: &mut Tx,
        case: &Case,
        answer: &Message,
        why: &str,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let councillor = case.councillor.as_deref().and_then(|id| self.council.councillor(id));
        let Some(councillor) = councillor else { return Ok(false) };
        let subject = format!("Not passed on: your answer to message {}", case.reference);
        let body = format!("Your answer did not reach the resident: {why}.\n\nNobody else has read it.\n");
        let key = format!("not passed on:{}", answer.id);
        self.write_to_councillor(tx, case, councillor, &subject, body, &key, now).await
    }

    /// The acknowledgement of a message for the councillor only: who has it, and nothing of what it says.
    pub(super) fn private_acknowledgement(&self, case: &Case, message: &Message, address: &str) -> OutMail {
        let (language, reply) = self.rules.private_reply(&case.language);
        let passed = fill(&reply.passed, &self.words_of_the_lane(case, language));
        if message.channel.is_short() {
            return super::short::text(address, language, &passed);
        }
        let (_, long) = self.rules.reply(language);
        let body = format!("{}\n\n{passed}\n\n{}\n", long.greeting(message.from_name.as_deref()), self.council.name);
        let (reply_to, mark) = self.reply_path(&case.reference, Party::Resident);
        OutMail {
            from: self.sender_header(),
            to: vec![mailbox(message.from_name.as_deref().unwrap_or_default(), address)],
            reply_to: Some(reply_to),
            subject: self.private_subject(case) + &mark,
            body: lay_out(&body, language),
            in_reply_to: message.rfc_message_id.clone(),
            references: message.rfc_message_id.clone().into_iter().collect(),
            auto_submitted: Some("auto-replied".to_owned()),
            ..super::short::text(address, language, "")
        }
    }

    fn private_subject(&self, case: &Case) -> String {
        let (language, reply) = self.rules.private_reply(&case.language);
        fill(&reply.subject, &self.words_of_the_lane(case, language))
    }

    fn words_of_the_lane(&self, case: &Case, language: &str) -> [(&'static str, String); 3] {
        let councillor = case.councillor.as_deref().and_then(|id| self.council.councillor(id));
        let (_, reply) = self.rules.reply(language);
        let councillor = councillor.map_or_else(|| reply.your_councillor(), |councillor| councillor.name.as_str());
        [
            ("council", embed(&self.council.name, language)),
            ("councillor", embed(councillor, language)),
            ("reference", embed(case.reference.as_str(), language)),
        ]
    }
}

/// What the councillor reads.
fn letter(message: &Message, in_danger: bool, left_out: usize) -> String {
    let mut text = String::new();
    if in_danger {
        text += "It reads as if somebody may be in danger. If a life is at risk now, ring 999.\n\n";
    }
    text += "A resident wrote this for you only. No officer and no assistant gets it or can read it in beadle.\n\n";
    let name = message.from_name.as_deref();
    let who = match (name, message.from_address.as_deref()) {
        (Some(name), Some(address)) => format!("{name}, {address}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "not known".to_owned(),
    };
    text += &format!(
        "From: {who}\nBy: {}\nReceived: {}\n",
        message.channel.label(),
        long_date(received_date(message.received_at))
    );
    if !message.sender.0.is_verified() {
        text += "Note: it could not be verified that this sender is who they say.\n";
    }
    if left_out > 0 {
        text += &format!("Not attached: {left_out} file(s) of a kind that can carry a program.\n");
    }
    if !message.subject.is_empty() {
        text += &format!("Subject: {}\n", message.subject);
    }
    text += &format!("\n{}\n", message.body.trim_end());
    // What somebody wrote about themselves in the form stands there; of a mail it is what they quoted.
    if message.channel == Channel::Web && !message.folded.is_empty() {
        text += &format!("\n{}\n", message.folded.trim_end());
    }
    text + "\nAnswer this mail: your words, and nothing that is quoted below them, are passed on to the resident. They are \
            shown to nobody else.\n"
}
