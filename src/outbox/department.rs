//! What a department is told: of a case, of later words, and of who the resident is.

use super::compose::{Composer, consent_of, due_text, harmless, long_date, mailbox};
use crate::core::{CaseId, Channel, Department, OutboxId, Party};
use crate::routing::consent::Consent;
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::{NewOutgoing, OutAttachment, OutMail};
use crate::store::{self, Tx};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

impl Composer<'_> {
    /// Tells a department of a case, in one plain mail: the case, the residents' words and files (those of the cases
    /// joined to it, `also`, as well), the councillors in Cc as the resident allows. `false` when this department was the
    /// last that was told.
    ///
    /// # Errors
    /// What the database says.
    pub async fn refer(&self, tx: &mut Tx, case: &Case, also: &[CaseId], now: DateTime<Utc>) -> store::Result<bool> {
        let Some(department) = self.rules.taxonomy.departments.get(&case.department) else { return Ok(false) };
        let recipient = department.email.to_lowercase();
        let before = store::outbox::of_case(tx, &case.id).await?;
        let referrals = before.iter().filter(|o| o.purpose == "referral");
        let told = referrals.clone().rfind(|o| o.status != "cancelled");
        if told.is_some_and(|o| o.mail.0.to.iter().any(|to| to.to_lowercase().contains(&recipient))) {
            return Ok(false);
        }
        let turn = referrals.count();
        let consent = consent_of(case);
        let (mut messages, mut files) = (Vec::new(), Vec::new());
        // Of a campaign one letter stands for all.
        let letters: BTreeSet<CaseId> = store::campaign::cases(tx, &case.id).await?.into_iter().collect();
        for id in std::iter::once(&case.id).chain(also.iter().filter(|id| !letters.contains(id))) {
            messages.extend(store::message::of_case(tx, id).await?.into_iter().filter(|m| m.party == Party::Resident));
            files.extend(store::attachment::of_case(tx, id).await?);
        }
        // What another department sent back is not the resident's to pass on.
        files.retain(|f| messages.iter().any(|m| m.id == f.message_id));
        // Which of the parts a file is about nobody can tell, so it goes with the whole message or not at all.
        let whole = |f: &store::attachment::Stored| messages.iter().any(|m| m.id == f.message_id && !m.goes_in_part());
        let (files, kept_back): (Vec<_>, Vec<_>) = files.into_iter().partition(whole);
        let service = self.rules.taxonomy.service_name(&case.service);
        let mail = OutMail {
            subject: format!("Case {}: {service}: {}", case.reference, case.title),
            body: self.referral_text(case, &messages, &files, kept_back.len(), consent) + &of_a_campaign(letters.len()),
            attachments: passed_on(&files, consent),
            ..self.departmental_mail(tx, case, department).await?
        };
        let key = format!("referral:{}:{turn}", case.id);
        self.queue_for_department(tx, case, "referral", &key, mail, &recipient, now).await
    }

    /// A mail to a department about a case, without its words.
    pub(super) async fn departmental_mail(
        &self,
        tx: &mut Tx,
        case: &Case,
        department: &Department,
    ) -> store::Result<OutMail> {
        let mut councillors: Vec<String> = case.councillor.iter().cloned().collect();
        for id in store::message::councillors_of_case(tx, &case.id).await? {
            if !councillors.contains(&id) {
                councillors.push(id);
            }
        }
        let councillors = councillors.iter().filter_map(|id| self.council.councillor(id));
        let (reply_to, _) = self.reply_path(&case.reference, Party::Department);
        Ok(OutMail {
            from: self.sender_header(),
            envelope_from: Some(reply_to.clone()),
            to: vec![mailbox(&department.name, &department.email)],
            cc: councillors
                .filter(|_| consent_of(case).councillor_is_copied())
                .map(|c| mailbox(&c.name, &c.email))
                .collect(),
            reply_to: Some(reply_to),
            subject: String::new(),
            body: String::new(),
            in_reply_to: None,
            references: Vec::new(),
            auto_submitted: Some("auto-generated".to_owned()),
            language: "en".to_owned(),
            attachments: Vec::new(),
            button: None,
        })
    }

    #[expect(clippy::too_many_arguments, reason = "one row's columns")]
    pub(super) async fn queue_for_department(
        &self,
        tx: &mut Tx,
        case: &Case,
        purpose: &str,
        key: &str,
        mut mail: OutMail,
        recipient: &str,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        // Whatever was to be said: no department learns of a message for the councillor only.
        if consent_of(case).is_private() {
            return Ok(false);
        }
        let id: OutboxId = self.ids.next();
        mail.subject += &self.reply_path(&case.reference, Party::Department).1;
        let new = NewOutgoing {
            id: &id,
            case_id: Some(&case.id),
            channel: Channel::Email,
            purpose,
            party: Party::Department,
            idempotency_key: key,
            rfc_message_id: &self.message_id(&id),
            mail: &mail,
            recipient,
            topic: case.reference.as_str(),
            held: None,
        };
        self.queue(tx, new, now).await
    }

    fn referral_text(
        &self,
        case: &Case,
        messages: &[Message],
        files: &[store::attachment::Stored],
        kept_back: usize,
        consent: Consent,
    ) -> String {
        let taxonomy = &self.rules.taxonomy;
        let councillor = case.councillor.as_deref().and_then(|id| self.council.councillor(id));
        let mut text = format!(
            "Case {}\nService: {}\nPriority: {}\nReceived: {}\nTo be done by: {}\n",
            case.reference,
            taxonomy.service_name(&case.service),
            case.priority.label(),
            long_date(received_date(case.received_at)),
            due_text(case),
        );
        if let Some(place) = &case.place {
            text += &format!("Where: {}\n", place.whereabouts());
        }
        if let Some(ward) = &case.ward {
            text += &format!("Ward: {ward}\n");
        }
        if let Some(councillor) = councillor {
            text += &format!("Councillor: {}\n", councillor.name);
        }
        let first = messages.first();
        text += &self.language_line(case, first);
        let who = first.filter(|_| consent.department_sees_contact()).and_then(who_wrote);
        text += &format!("From: {}\n", who.as_deref().unwrap_or("a resident who does not wish to be named to you"));
        if let Some(told) = first.filter(|m| m.channel.is_word_of_mouth()) {
            text += &super::letter::how_it_was_told(told, &case.language);
        }
        match first.filter(|m| !m.sender.0.is_verified()) {
            Some(m) if !m.channel.is_hearsay() => {
                text += "Note: our mail server could not verify that this sender is who they say.\n";
            }
            Some(m) if who.is_some() && m.channel == Channel::Web => {
                text += "Note: they gave this address in the web form and have not confirmed it yet.\n";
            }
            Some(_) if who.is_some() => {
                text += "Note: they gave this address by word of mouth, and nobody has confirmed it.\n";
            }
            _ => {}
        }
        text += if first.is_some_and(|m| m.channel.is_word_of_mouth()) {
            "\nWhat the resident said, as it was written down:\n"
        } else {
            "\nWhat the resident wrote:\n"
        };
        for message in messages {
            let (subject, words) = message.for_department();
            let heading = if subject.is_empty() { String::new() } else { format!("{subject}\n") };
            text += &format!("\n{heading}{}\n", words.trim_end());
        }
        if messages.iter().any(Message::goes_in_part) {
            text += "\nThese are the words of a longer message that are about this case.\n";
        }
        if kept_back > 0 {
            text +=
                &format!("\nNot attached: {kept_back} file(s) of that message. Answer this mail if you need them.\n");
        }
        if consent.department_sees_contact() {
            for file in files.iter().filter(|f| f.refused.is_some()) {
                let why = file.refused.as_deref().unwrap_or_default();
                text += &format!("\nNot attached: {} ({why})\n", file.name);
            }
        } else if !files.is_empty() {
            let n = files.len();
            text += &format!("\nNot attached: {n} file(s), which may show who the resident is.\n");
        }
        text + "\nAnswer this mail: your answer goes to the case, and nobody else has to copy it.\n"
    }

    /// Sends what a resident wrote later on to the department that has the case. `message` may be of a case joined to it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forward(
        &self,
        tx: &mut Tx,
        case: &Case,
        message: &Message,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let Some(department) = self.rules.taxonomy.departments.get(&case.department) else { return Ok(false) };
        let told = store::outbox::of_case(tx, &case.id).await?;
        let earlier = told.iter().rfind(|o| o.purpose == "referral").map(|o| o.rfc_message_id.clone());
        let of = message.case_id.as_ref().unwrap_or(&case.id);
        let mut files = store::attachment::of_case(tx, of).await?;
        files.retain(|f| f.message_id == message.id && !message.goes_in_part());
        let mail = OutMail {
            subject: format!("Case {}: more from the resident", case.reference),
            body: format!(
                "The resident of case {} added:\n\n{}\n",
                case.reference,
                message.for_department().1.trim_end()
            ),
            in_reply_to: earlier.clone(),
            references: earlier.into_iter().collect(),
            attachments: passed_on(&files, consent_of(case)),
            ..self.departmental_mail(tx, case, department).await?
        };
        let key = format!("addition:{}", message.id);
        self.queue_for_department(tx, case, "addition", &key, mail, &department.email.to_lowercase(), now).await
    }

    /// Tells the department that has a case who its resident is, since they allow it now. `false` when it was told before.
    ///
    /// # Errors
    /// What the database says.
    pub async fn introduce(&self, tx: &mut Tx, case: &Case, now: DateTime<Utc>) -> store::Result<bool> {
        let Some(department) = self.rules.taxonomy.departments.get(&case.department) else { return Ok(false) };
        let messages = store::message::of_case(tx, &case.id).await?;
        let first = messages.iter().find(|m| m.party == Party::Resident);
        let Some(who) = first.and_then(who_wrote) else { return Ok(false) };
        let told = store::outbox::of_case(tx, &case.id).await?;
        let earlier = told.iter().rfind(|o| o.purpose == "referral").map(|o| o.rfc_message_id.clone());
        let mail = OutMail {
            subject: format!("Case {}: who the resident is", case.reference),
            body: format!("The resident of case {} allows you to know who they are.\n\nFrom: {who}\n", case.reference),
            in_reply_to: earlier.clone(),
            references: earlier.into_iter().collect(),
            ..self.departmental_mail(tx, case, department).await?
        };
        let key = format!("introduction:{}", case.id);
        self.queue_for_department(tx, case, "addition", &key, mail, &department.email.to_lowercase(), now).await
    }
}

/// Name and address of who wrote a message.
fn who_wrote(message: &Message) -> Option<String> {
    let address = message.from_address.as_deref()?;
    if message.channel.is_word_of_mouth() {
        let below = crate::core::call::below_name(address, message.from_name.as_deref());
        return Some(message.from_name.as_deref().map_or_else(|| below.to_owned(), |name| format!("{name}, {below}")));
    }
    Some(message.from_name.as_deref().map_or_else(|| address.to_owned(), |name| format!("{name} <{address}>")))
}

/// The files that go to a department: none that can carry a program, and none at all where the resident does not wish to be
/// known, since a photo or a letter shows more than its sender thinks.
fn passed_on(files: &[store::attachment::Stored], consent: Consent) -> Vec<OutAttachment> {
    if consent.department_sees_contact() { harmless(files) } else { Vec::new() }
}

/// What is said of the other letters of a campaign.
fn of_a_campaign(others: usize) -> String {
    match others {
        0 => String::new(),
        n => format!(
            "\nThis is a campaign: {n} more people have sent nearly the same letter so far. Further letters are counted and kept with \
             this case; none of them is sent to you. Everybody who wrote is told what you answer.\n"
        ),
    }
}
