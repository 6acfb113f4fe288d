//! What a department is told: of a case, of later words, and of who the resident is.

use super::compose::{Composer, consent_of, due_text, mailbox};
use super::referral::{Heard, passed_on, who_wrote};
use crate::core::{CaseId, Channel, Department, OutboxId, Party};
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::{NewOutgoing, OutMail, Outgoing};
use crate::store::{self, Tx};
use chrono::{DateTime, NaiveDate, Utc};

impl Composer<'_> {
    /// Tells a department of a case, in one plain mail: the case, the residents' words and files (those of the cases
    /// joined to it, `also`, as well), the councillors in Cc as the resident allows. `false` when this department was the
    /// last that was told, and has not handed it back since.
    ///
    /// # Errors
    /// What the database says.
    pub async fn refer(&self, tx: &mut Tx, case: &Case, also: &[CaseId], now: DateTime<Utc>) -> store::Result<bool> {
        let Some(department) = self.rules.taxonomy.departments.get(&case.department) else { return Ok(false) };
        let recipient = department.email.to_lowercase();
        let before = store::outbox::of_case(tx, &case.id).await?;
        let referrals = before.iter().filter(|o| o.purpose == "referral");
        let told = referrals.clone().rfind(|o| o.status != "cancelled");
        if let Some(told) = told.filter(|o| is_to(o, &recipient))
            && !handed_back_since(tx, case, told.created_at).await?
        {
            return Ok(false);
        }
        let turn = referrals.count();
        let mail = self.referral_mail(tx, case, also, None, department).await?;
        let key = format!("referral:{}:{turn}", case.id);
        self.queue_for_department(tx, case, "referral", &key, mail, &recipient, now).await
    }

    /// Writes the mail to the department anew that nobody has tried to send yet, as the case stands by now and as its resident allows;
    /// of what residents wrote it says no more than it did, since nobody has passed their later words on. `false` when there is none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn refer_anew(&self, tx: &mut Tx, case: &Case, also: &[CaseId]) -> store::Result<bool> {
        let Some(department) = self.rules.taxonomy.departments.get(&case.department) else { return Ok(false) };
        let written = store::outbox::of_case(tx, &case.id).await?;
        let Some(waiting) = written.iter().rfind(|o| is_unsent(o, department)) else { return Ok(false) };
        let heard = Heard::of([waiting]);
        let mut mail = self.referral_mail(tx, case, also, Some(&heard), department).await?;
        mail.subject += &self.reply_path(&case.reference, Party::Department).1;
        store::outbox::rewrite(tx, &waiting.id, &mail).await
    }

    /// Whether the mail by which its department gets a case waits, and nobody has tried to send it yet.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_unreferred(&self, tx: &mut Tx, case: &Case) -> store::Result<bool> {
        let Some(department) = self.rules.taxonomy.departments.get(&case.department) else { return Ok(false) };
        Ok(store::outbox::of_case(tx, &case.id).await?.iter().any(|o| is_unsent(o, department)))
    }

    async fn referral_mail(
        &self,
        tx: &mut Tx,
        case: &Case,
        also: &[CaseId],
        heard: Option<&Heard>,
        department: &Department,
    ) -> store::Result<OutMail> {
        let referral = self.referral(tx, case, also, heard).await?;
        let service = self.rules.taxonomy.service_name(&case.service);
        Ok(OutMail {
            subject: format!("Case {}: {service}: {}", case.reference, case.title),
            body: referral.text(case) + &self.officers_line(case, department),
            attachments: referral.attached,
            ..self.departmental_mail(tx, case, department).await?
        })
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
        let queued = self.queue(tx, new, now).await?;
        if queued && purpose != "referral" {
            store::outbox::follow_referral(tx, &id, &case.id).await?;
        }
        Ok(queued)
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
            ) + &self.officers_line(case, department),
            in_reply_to: earlier.clone(),
            references: earlier.into_iter().collect(),
            attachments: passed_on(&files, consent_of(case)),
            ..self.departmental_mail(tx, case, department).await?
        };
        let key = format!("addition:{}", message.id);
        self.queue_for_department(tx, case, "addition", &key, mail, &department.email.to_lowercase(), now).await
    }

    /// Asks the department that has a case when it will be done, with the councillors in Cc; `overdue` working days after it was to
    /// be. Once for `day`: `false` when it was asked on that day before.
    ///
    /// # Errors
    /// What the database says.
    pub async fn chase(
        &self,
        tx: &mut Tx,
        case: &Case,
        (day, overdue): (NaiveDate, u32),
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let Some(department) = self.rules.taxonomy.departments.get(&case.department) else { return Ok(false) };
        let service = self.rules.taxonomy.service_name(&case.service);
        let late = match overdue {
            0 => format!("It is to be done by {}.", due_text(case)),
            1 => format!("It was to be done by {}, one working day ago.", due_text(case)),
            n => format!("It was to be done by {}, {n} working days ago.", due_text(case)),
        };
        let body = format!(
            "When will case {} be done?\n\nService: {service}\nWhat it is about: {}\n{late}\n\nPlease say how it stands, or by when it \
             will be done: the resident and the councillor are waiting to hear. Answer this mail: your answer goes to the case.\n",
            case.reference, case.title,
        );
        let subject = format!("Case {}: when will it be done?", case.reference);
        let key = format!("chase:{}:{}:{day}", case.id, case.department);
        self.write_to_department(tx, case, department, ("chase", &key, subject, body), now).await
    }

    /// Tells the department that has a case what a gatekeeper has to say to it. `key` lets it go once.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_department(
        &self,
        tx: &mut Tx,
        case: &Case,
        words: &str,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let Some(department) = self.rules.taxonomy.departments.get(&case.department) else { return Ok(false) };
        let subject = format!("Case {}: from the council's case desk", case.reference);
        let body = format!("About case {}:\n\n{}\n", case.reference, words.trim());
        let key = format!("desk:{}:{}", case.id, now.timestamp_millis());
        self.write_to_department(tx, case, department, ("desk", &key, subject, body), now).await
    }

    /// A mail to the department that has a case, as an answer to the one that told it of the case.
    async fn write_to_department(
        &self,
        tx: &mut Tx,
        case: &Case,
        department: &Department,
        (purpose, key, subject, body): (&str, &str, String, String),
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let recipient = department.email.to_lowercase();
        let told = store::outbox::of_case(tx, &case.id).await?;
        let earlier = told.iter().rfind(|o| o.purpose == "referral" && is_to(o, &recipient));
        let earlier = earlier.map(|o| o.rfc_message_id.clone());
        let mail = OutMail {
            subject,
            body: body + &self.officers_line(case, department),
            in_reply_to: earlier.clone(),
            references: earlier.into_iter().collect(),
            ..self.departmental_mail(tx, case, department).await?
        };
        self.queue_for_department(tx, case, purpose, key, mail, &recipient, now).await
    }

    /// What says to a department how its officers go on without an account; nothing where the portal has no address outside.
    fn officers_line(&self, case: &Case, department: &Department) -> String {
        let Some(base) = &self.council.portal_url else { return String::new() };
        let token = self.key.for_officers(&case.reference, &department.id);
        format!(
            "\nOr, without an account: accept it, ask, hand it on, set a date or close it at\n{base}/officer/{token}\nThe link is for {} \
             only. Whoever has it can do all of this in its name.\n",
            department.name
        )
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

/// Whether this is the mail by which a department gets a case, and nobody has tried to send it yet.
fn is_unsent(outgoing: &Outgoing, department: &Department) -> bool {
    outgoing.purpose == "referral"
        && outgoing.status == "queued"
        && outgoing.attempts == 0
        && is_to(outgoing, &department.email.to_lowercase())
}

/// Whether a mail goes to an address, in lower case.
pub(super) fn is_to(outgoing: &Outgoing, address: &str) -> bool {
    outgoing.mail.0.to.iter().any(|to| to.to_lowercase().contains(address))
}

/// Whether a department gave a case back to the desk after a moment: then it has to be told of it anew.
async fn handed_back_since(tx: &mut Tx, case: &Case, since: DateTime<Utc>) -> store::Result<bool> {
    let decisions = store::decision::of_case(tx, &case.id).await?;
    Ok(decisions.iter().any(|d| d.kind == HANDED_BACK && d.created_at >= since))
}

/// The decision of an officer who gives a case back to the desk.
pub const HANDED_BACK: &str = "hand_back";
