//! What is written about a campaign: to department and councillor once, and one answer to all who sent its letter.

use super::compose::{Acknowledged, Composer, Recipient, consent_of};
use crate::core::{Channel, OutboxId, Party};
use crate::store::case::Case;
use crate::store::outbox::{NewOutgoing, OutMail};
use crate::store::{self, Tx};
use crate::understanding::reply::{embed, lay_out};
use chrono::{DateTime, Utc};

impl Composer<'_> {
    /// Tells the department that has a case, once, that it is a campaign now.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_department_of_campaign(
        &self,
        tx: &mut Tx,
        case: &Case,
        letters: i64,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let Some(department) = self.rules.taxonomy.departments.get(&case.department) else { return Ok(false) };
        let body = format!(
            "Case {} is a campaign: {letters} people have sent nearly the same letter so far. The first of them is the one you have. \
             Further letters are counted and kept with this case; none of them is sent to you.\n\nOne answer is enough: everybody who \
             wrote is told.\n",
            case.reference
        );
        let mail = OutMail {
            subject: format!("Case {}: now a campaign", case.reference),
            body,
            ..self.departmental_mail(tx, case, department).await?
        };
        let key = format!("campaign:{}", case.id);
        self.queue_for_department(tx, case, "campaign", &key, mail, &department.email.to_lowercase(), now).await
    }

    /// Tells the councillor whom the sender of a letter wrote to of the campaign, once, where they are not on its case anyway.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_councillor_of_campaign(
        &self,
        tx: &mut Tx,
        letter: &Case,
        lead: &Case,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let councillor = letter.councillor.as_deref().and_then(|id| self.council.councillor(id));
        let Some(councillor) = councillor.filter(|c| Some(&c.id) != lead.councillor.as_ref()) else { return Ok(false) };
        if !consent_of(letter).councillor_is_copied() {
            return Ok(false);
        }
        let taxonomy = &self.rules.taxonomy;
        let body = format!(
            "Residents write to you in nearly the same words as others: it is a campaign, and case {} stands for all of its letters. \
             You get no mail for each.\n\nWhat it is about: {}\nService: {}\nWith: {}\n\nEverybody who wrote is told.\n",
            lead.reference,
            lead.title,
            taxonomy.service_name(&lead.service),
            taxonomy.department_name(&lead.department),
        );
        let key = format!("campaign:{}:{}", lead.id, councillor.id);
        let subject = format!("Case {}: a campaign", lead.reference);
        self.write_to_councillor(tx, lead, councillor, &subject, body, &key, now).await
    }

    /// Writes to the resident of a case in a person's words, on the channel they chose, else where they wrote. Nobody is written to by a
    /// machine where somebody may be in danger.
    ///
    /// # Errors
    /// What the database says.
    pub async fn answer(
        &self,
        tx: &mut Tx,
        case: &Case,
        words: &str,
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
        let (language, closed) = self.rules.closed_reply(&case.language);
        let (_, long) = self.rules.reply(language);
        let told = words.trim();
        let mail = if to.channel.is_short() {
            super::short::text(&to.address, language, &format!("{}: {told}", self.council.name))
        } else {
            let greeting = long.greeting(message.from_name.as_deref().map(|name| embed(name, language)).as_deref());
            let (_, letter) = self.rules.letter_reply(language);
            let filled = self.words_for_resident(case, &message, language, long);
            let by_letter = to.channel == Channel::Letter;
            let answer = if by_letter {
                crate::understanding::reply::fill(&letter.reach, &filled)
            } else {
                closed.answer.clone()
            };
            let parts = [greeting.as_str(), told, answer.as_str(), self.council.name.as_str()];
            let body = lay_out(&(parts.join("\n\n") + "\n"), language);
            let subject = crate::understanding::reply::fill(&closed.subject, &filled);
            if by_letter {
                self.letter(&to, language, subject, body)
            } else {
                self.mail_to_resident(case, &message, &to, language, subject, body)
            }
        };
        let id: OutboxId = self.ids.next();
        let new = NewOutgoing {
            id: &id,
            case_id: Some(&case.id),
            channel: to.channel,
            purpose: "answer",
            party: Party::Resident,
            idempotency_key: &format!("answer:{}:{}", case.id, now.timestamp_millis()),
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
}
