//! What people are told when a case is closed: each resident who reported it, by themselves, and the councillor.

use super::compose::{Acknowledged, Composer, Recipient, consent_of, mailbox};
use crate::core::{Channel, ContactPoint, OutboxId, Party};
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::{NewOutgoing, OutMail};
use crate::store::{self, Tx};
use crate::understanding::reply::{fill, lay_out};
use chrono::{DateTime, Utc};

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending<'a> {
    /// Whether it was done; else `words` say what became of it.
    pub done: bool,
    /// What a person tells the residents; may be empty where it was done.
    pub words: &'a str,
}

impl Composer<'_> {
    /// Tells the resident of a case that it is closed, on the channel they chose, else where they wrote. Nobody is told by a
    /// machine where somebody may be in danger; a sender who is not verified is told when a person lets it go. The case's
    /// `closed_at` tells one closing from the next, and its `routed_at` whether a department had it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_closed(
        &self,
        tx: &mut Tx,
        case: &Case,
        ending: Ending<'_>,
        now: DateTime<Utc>,
    ) -> store::Result<Acknowledged> {
        let closed_at = case.closed_at.unwrap_or(now).timestamp_millis();
        let key = format!("closing:{}:{closed_at}", case.id);
        let rate = self.rate_line(tx, case).await?;
        let mail = |message: &Message, to: &ContactPoint| self.closing(case, message, to, ending, rate.as_deref());
        self.write_to_resident(tx, case, ("closing", &key), mail, now).await
    }

    /// Queues a message to the resident of a case, on the channel they chose, else where they wrote, by what it is for and the key that lets it
    /// go once. Nobody is written to by a machine where somebody may be in danger.
    pub(super) async fn write_to_resident(
        &self,
        tx: &mut Tx,
        case: &Case,
        (purpose, key): (&str, &str),
        mail: impl FnOnce(&Message, &ContactPoint) -> OutMail,
        now: DateTime<Utc>,
    ) -> store::Result<Acknowledged> {
        if consent_of(case).is_private() {
            return Ok(Acknowledged::Skipped("it is between them and their councillor".to_owned()));
        }
        let Recipient { message, to, held, in_danger } = match self.recipient_of(tx, case, true).await? {
            Ok(recipient) => recipient,
            Err(why) => return Ok(why),
        };
        if in_danger {
            return Ok(Acknowledged::Skipped("somebody may be in danger: a person has to write to them".to_owned()));
        }
        let mail = mail(&message, &to);
        let id: OutboxId = self.ids.next();
        let new = NewOutgoing {
            id: &id,
            case_id: Some(&case.id),
            channel: to.channel,
            purpose,
            party: Party::Resident,
            idempotency_key: key,
            rfc_message_id: &self.message_id(&id),
            mail: &mail,
            recipient: &to.address,
            topic: case.reference.as_str(),
            held: held.as_deref(),
        };
        if !self.queue(tx, new, now).await? {
            return Ok(Acknowledged::Skipped("they were told before".to_owned()));
        }
        Ok(held.map_or(Acknowledged::Queued, Acknowledged::Held))
    }

    /// `rate` is the question how content they are, where it is asked: not on paper, where nobody can press a link.
    fn closing(
        &self,
        case: &Case,
        message: &Message,
        to: &ContactPoint,
        ending: Ending<'_>,
        rate: Option<&str>,
    ) -> OutMail {
        let (language, reply) = self.rules.closed_reply(&case.language);
        let (_, long) = self.rules.reply(language);
        let words = self.words_for_resident(case, message, language, long);
        let told = ending.words.trim();
        // A department that never had the case cannot have told us anything.
        let by_department = ending.done && case.routed_at.is_some();
        if to.channel.is_short() {
            let (_, text) = self.rules.text_reply(language);
            let mut body = if by_department && told.is_empty() {
                fill(&text.done, &words)
            } else {
                let sentence = if by_department { fill(&reply.done, &words) } else { String::new() };
                let parts = [&fill(&reply.text, &words), &sentence, told, &reply.answer];
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
            };
            body += &rate.map_or_else(String::new, |rate| format!(" {rate}"));
            return super::short::text(&to.address, language, &body);
        }
        let sentence = fill(if by_department { &reply.done } else { &reply.otherwise }, &words);
        let greeting = long.greeting(message.from_name.as_deref());
        let (_, letter) = self.rules.letter_reply(language);
        let by_letter = to.channel == Channel::Letter;
        let answer = if by_letter { fill(&letter.reach, &words) } else { reply.answer.clone() };
        let rate = rate.filter(|_| !by_letter).unwrap_or_default();
        let parts = [greeting.as_str(), sentence.as_str(), told, answer.as_str(), rate, self.council.name.as_str()];
        let body = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n") + "\n";
        if by_letter {
            return self.letter(to, language, fill(&reply.subject, &words), lay_out(&body, language));
        }
        self.mail_to_resident(case, message, to, language, fill(&reply.subject, &words), lay_out(&body, language))
    }

    /// A mail to the resident of a case, as an answer to what they wrote.
    pub(super) fn mail_to_resident(
        &self,
        case: &Case,
        message: &Message,
        to: &ContactPoint,
        language: &str,
        subject: String,
        body: String,
    ) -> OutMail {
        let (reply_to, mark) = self.reply_path(&case.reference, Party::Resident);
        OutMail {
            from: self.sender_header(),
            envelope_from: None,
            to: vec![mailbox(to.name.as_deref().unwrap_or_default(), &to.address)],
            cc: Vec::new(),
            reply_to: Some(reply_to),
            subject: subject + &mark,
            body,
            in_reply_to: message.rfc_message_id.clone(),
            references: message.rfc_message_id.clone().into_iter().collect(),
            auto_submitted: Some("auto-generated".to_owned()),
            language: language.to_owned(),
            attachments: Vec::new(),
            button: None,
        }
    }

    /// Tells the councillor of a case how it ended, as the resident allows. `false` when there is nobody to tell.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_councillor_closed(
        &self,
        tx: &mut Tx,
        case: &Case,
        ending: Ending<'_>,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let councillor = case.councillor.as_deref().and_then(|id| self.council.councillor(id));
        let Some(councillor) = councillor.filter(|_| consent_of(case).councillor_is_copied()) else { return Ok(false) };
        let taxonomy = &self.rules.taxonomy;
        let how = if ending.done { "is done" } else { "was closed" };
        let words = ending.words.trim();
        let told = if words.is_empty() { String::new() } else { format!("\nResidents were told:\n\n{words}\n") };
        let body = format!(
            "Case {} {how}.\n\nService: {}\nWith: {}\n{told}\nAnswer this mail if you know otherwise.\n",
            case.reference,
            taxonomy.service_name(&case.service),
            taxonomy.department_name(&case.department),
        );
        let key = format!("closed:{}:{}", case.id, case.closed_at.unwrap_or(now).timestamp_millis());
        self.write_to_councillor(
            tx,
            case,
            councillor,
            &format!("Case {} {how}: {}", case.reference, case.title),
            body,
            &key,
            now,
        )
        .await
    }
}
