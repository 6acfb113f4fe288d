//! What is written about a campaign: to department and councillor once, and one answer to all who sent its letter.

use super::compose::{Acknowledged, Composer, consent_of};
use crate::core::{Channel, ContactPoint};
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::OutMail;
use crate::store::{self, Tx};
use crate::understanding::reply::{embed, fill, lay_out};
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
        let key = format!("answer:{}:{}", case.id, now.timestamp_millis());
        let mail = |message: &Message, to: &ContactPoint| self.answer_mail(case, message, to, words.trim());
        self.write_to_resident(tx, case, ("answer", &key), mail, now).await
    }

    fn answer_mail(&self, case: &Case, message: &Message, to: &ContactPoint, told: &str) -> OutMail {
        let (language, closed) = self.rules.closed_reply(&case.language);
        if to.channel.is_short() {
            return super::short::text(&to.address, language, &format!("{}: {told}", self.council.name));
        }
        let (_, long) = self.rules.reply(language);
        let greeting = long.greeting(message.from_name.as_deref().map(|name| embed(name, language)).as_deref());
        let (_, letter) = self.rules.letter_reply(language);
        let filled = self.words_for_resident(case, message, language, long);
        let by_letter = to.channel == Channel::Letter;
        let answer = if by_letter { fill(&letter.reach, &filled) } else { closed.answer.clone() };
        let body = [greeting.as_str(), told, answer.as_str(), self.council.name.as_str()].join("\n\n") + "\n";
        let (subject, body) = (fill(&closed.subject, &filled), lay_out(&body, language));
        if by_letter {
            self.letter(to, language, subject, body)
        } else {
            self.mail_to_resident(case, message, to, language, subject, body)
        }
    }
}
