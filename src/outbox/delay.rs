//! What people are told when a case takes longer than was promised (R22): each resident who reported it, by themselves, and the
//! councillor.

use super::compose::{Acknowledged, Composer, consent_of, due_text};
use crate::core::language::is_right_to_left;
use crate::core::{Channel, ContactPoint};
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::OutMail;
use crate::store::{self, Tx};
use crate::understanding::reply::{embed, fill, lay_out};
use chrono::{DateTime, Utc};

/// What the notice to a resident is for.
pub const DELAY: &str = "delay";

impl Composer<'_> {
    /// Tells the resident of a case the new day, `case.due_on`, on the channel they chose, else where they wrote. Not why: that was
    /// written for staff. Nobody is told by a machine where somebody may be in danger.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_delayed(&self, tx: &mut Tx, case: &Case, now: DateTime<Utc>) -> store::Result<Acknowledged> {
        let key = format!("{DELAY}:{}:{}", case.id, case.due_on);
        let mail = |message: &Message, to: &ContactPoint| self.delayed(case, message, to);
        self.write_to_resident(tx, case, (DELAY, &key), mail, now).await
    }

    fn delayed(&self, case: &Case, message: &Message, to: &ContactPoint) -> OutMail {
        let (language, delayed) = self.rules.delayed_reply(&case.language);
        let (_, long) = self.rules.reply(language);
        let (_, closed) = self.rules.closed_reply(language);
        let words = self.words_for_resident(case, message, language, long);
        let sentence = fill(&delayed.text, &words);
        if to.channel.is_short() {
            // As in the other texts of that language, so that its first letter says which way it runs.
            let council = embed(&self.council.name, language);
            let body = if is_right_to_left(language) {
                format!("{sentence} {council}")
            } else {
                format!("{council}: {sentence}")
            };
            return super::short::text(&to.address, language, &body);
        }
        let greeting = long.greeting(message.from_name.as_deref());
        let (_, letter) = self.rules.letter_reply(language);
        let by_letter = to.channel == Channel::Letter;
        let answer = if by_letter { fill(&letter.reach, &words) } else { closed.answer.clone() };
        let parts = [greeting.as_str(), &sentence, &answer, &self.council.name];
        let body = lay_out(&(parts.join("\n\n") + "\n"), language);
        let subject = fill(&closed.subject, &words);
        if by_letter {
            return self.letter(to, language, subject, body);
        }
        self.mail_to_resident(case, message, to, language, subject, body)
    }

    /// Tells the councillor of a case that it takes longer, until `case.due_on` instead of `before`, and why. `false` when there is
    /// nobody to tell.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_councillor_delayed(
        &self,
        tx: &mut Tx,
        case: &Case,
        (before, why): (&str, &str),
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let councillor = case.councillor.as_deref().and_then(|id| self.council.councillor(id));
        let Some(councillor) = councillor.filter(|_| consent_of(case).councillor_is_copied()) else { return Ok(false) };
        let taxonomy = &self.rules.taxonomy;
        let was = Case { due_on: before.to_owned(), ..case.clone() };
        let body = format!(
            "Case {} takes longer than was promised.\n\nService: {}\nWith: {}\nTo be done by: {}\nBefore that: {}\nWhy: {}\n\nResidents \
             are told the new day, as their case allows. Answer this mail if you know otherwise.\n",
            case.reference,
            taxonomy.service_name(&case.service),
            taxonomy.department_name(&case.department),
            due_text(case),
            due_text(&was),
            why.trim(),
        );
        let key = format!("delayed:{}:{}", case.id, case.due_on);
        let subject = format!("Case {} takes longer: {}", case.reference, case.title);
        self.write_to_councillor(tx, case, councillor, &subject, body, &key, now).await
    }
}
