//! The one mail that goes to an address nobody has confirmed: is it yours? It says nothing of the report, not even its reference,
//! because it may reach somebody who sent none (requirement R4).

use super::compose::Composer;
use crate::core::{Channel, MessageId, OutboxId, Party};
use crate::store::case::Case;
use crate::store::outbox::{NewOutgoing, OutMail};
use crate::store::{self, Tx};
use crate::understanding::reply::{embed, fill, lay_out};
use chrono::{DateTime, Utc};

impl Composer<'_> {
    /// Queues the mail that asks `address` whether it is who sent a report, once for each message. `words` are the link that says
    /// so and the language of the form; `held` says why it waits for a person, if it does.
    ///
    /// # Errors
    /// What the database says.
    #[expect(clippy::too_many_arguments, reason = "one row's columns")]
    pub async fn ask_for_proof(
        &self,
        tx: &mut Tx,
        case: &Case,
        message: &MessageId,
        address: &str,
        (link, language): (&str, &str),
        held: Option<&str>,
        now: DateTime<Utc>,
    ) -> store::Result<()> {
        let (language, form) = self.rules.form_words(language);
        let words = [("council", embed(&self.council.name, language)), ("link", embed(link, language))];
        let mail = OutMail {
            from: self.sender_header(),
            envelope_from: None,
            to: vec![address.to_owned()],
            cc: Vec::new(),
            reply_to: None,
            subject: fill(&form.mail_subject, &words),
            body: lay_out(&fill(form.mail_body.trim_start(), &words), language),
            in_reply_to: None,
            references: Vec::new(),
            auto_submitted: Some("auto-generated".to_owned()),
            language: language.to_owned(),
            attachments: Vec::new(),
            button: None,
        };
        let id: OutboxId = self.ids.next();
        let new = NewOutgoing {
            id: &id,
            case_id: Some(&case.id),
            channel: Channel::Email,
            purpose: "proof",
            party: Party::Resident,
            idempotency_key: &format!("proof:{message}"),
            rfc_message_id: &self.message_id(&id),
            mail: &mail,
            recipient: address,
            topic: "proof",
            held,
        };
        // Not tied to the case as a thread: an answer to it may come from somebody who never wrote to the council.
        store::outbox::insert(tx, new, now).await.map(drop)
    }
}
