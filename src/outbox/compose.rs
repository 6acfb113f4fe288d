//! The words of outgoing mail, queued in the transaction of the decision that causes them.

use crate::core::verdict::is_safeguarding;
use crate::core::{
    Channel, ContactPoint, Council, Councillor, HearBy, Ids, OutboxId, Party, Reference, SenderCheck, Taxonomy,
    TokenKey, language,
};
use crate::routing::consent::Consent;
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::{NewOutgoing, OutAttachment, OutMail};
use crate::store::{self, Tx};
use crate::understanding::reply::{Reply, embed, english_date, fill, lay_out};
use crate::understanding::rules::Rules;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// Most acknowledgements to one address in [`CAP_MINUTES`], and most about one subject (FreeScout's figures).
const CAP: i64 = 10;
const CAP_SAME_TOPIC: i64 = 2;
const CAP_MINUTES: i64 = 180;

/// What composing needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Composer<'a> {
    /// The council.
    pub council: &'a Council,
    /// Departments and the words of replies.
    pub rules: &'a Rules,
    /// Signs reply addresses.
    pub key: &'a TokenKey,
    /// Makes ids.
    pub ids: &'a Ids,
}

/// What became of an acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// It will be sent.
    Queued,
    /// It waits for a person: why.
    Held(String),
    /// They are to be rung: a person tells them.
    ToRing,
    /// None is due: why.
    Skipped(String),
}

/// Whom of a case a message to its resident goes to.
pub(super) struct Recipient {
    /// What they wrote first.
    pub(super) message: Message,
    /// Where it goes.
    pub(super) to: ContactPoint,
    /// Why a person has to let it go, if one has to.
    pub(super) held: Option<String>,
    /// Whether somebody may be in danger: then it must give nothing away.
    pub(super) in_danger: bool,
}

impl Composer<'_> {
    /// The address a party's answers come back by, and the mark in the subject where that cannot be relied on.
    pub(super) fn reply_path(&self, reference: &Reference, party: Party) -> (String, String) {
        let token = self.key.sign(reference, party);
        let address = &self.council.address;
        if self.council.plus_addressing
            && let Some((local, domain)) = address.email.rsplit_once('@')
        {
            return (format!("{local}+{token}@{domain}"), String::new());
        }
        (address.email.clone(), format!(" [{token}]"))
    }

    pub(super) fn sender_header(&self) -> String {
        mailbox(&self.council.name, &self.council.address.email)
    }

    pub(super) fn message_id(&self, id: &OutboxId) -> String {
        format!("{id}@{}", self.council.address.domain())
    }

    /// What staff are told about a language that is not English; nothing else.
    pub(super) fn language_note(&self, case: &Case, message: Option<&Message>) -> Option<String> {
        let written = message.and_then(|m| m.language.as_deref()).unwrap_or(&case.language);
        let (answered, _) = self.rules.reply(&case.language);
        let foreign = written != "en";
        foreign
            .then(|| format!("{}; the resident is answered in {}", language::name(written), language::name(answered)))
    }

    /// Tells a resident that their message has become a case (requirement R21): what was understood, the reference, who
    /// the point of contact is and by when. None for automatic mail, for ourselves, past the cap; held where the sender
    /// is not verified, and always where somebody may be in danger: then a person lets it go, and it says nothing of what was
    /// written. `joined` says that it is dealt with together with
    /// another's: whose, the resident is not told (requirement R4).
    ///
    /// # Errors
    /// What the database says.
    pub async fn acknowledge(
        &self,
        tx: &mut Tx,
        case: &Case,
        joined: bool,
        now: DateTime<Utc>,
    ) -> store::Result<Acknowledged> {
        let Recipient { message, to, held, in_danger } = match self.recipient_of(tx, case, false).await? {
            Ok(recipient) => recipient,
            Err(why) => return Ok(why),
        };
        let (message, email) = (&message, to.address.as_str());
        // Cases out of one message are about different things, and each of them is acknowledged. A text or a call has no subject
        // that could tell two of them apart.
        let titled = message.part.is_some() || message.channel.is_short() || message.channel.is_word_of_mouth();
        let subject = if titled { &case.title } else { &message.subject };
        let topic = crate::understanding::strip_reply_marks(subject).to_lowercase();
        let since = now - TimeDelta::minutes(CAP_MINUTES);
        let (all, same) = store::outbox::acknowledgements_since(tx, email, &topic, since).await?;
        // No machine answers a letter, and a person prints each.
        if to.channel != Channel::Letter && (all >= CAP || same >= CAP_SAME_TOPIC) {
            return Ok(Acknowledged::Skipped(format!(
                "this address had {all} acknowledgements in {CAP_MINUTES} minutes, {same} on this subject"
            )));
        }
        let id: OutboxId = self.ids.next();
        let private = consent_of(case).is_private();
        let mail = if to.channel == Channel::Letter {
            // Who lives there with them may open it.
            self.letter_acknowledgement(case, message, &to, joined, in_danger || private)
        } else if private && !in_danger {
            self.private_acknowledgement(case, message, email)
        } else if to.channel.is_short() {
            self.short_acknowledgement(case, message, email, joined, in_danger)
        } else if in_danger {
            self.safe_mail(case, email)
        } else {
            self.acknowledgement_mail(case, message, email, joined)
        };
        let new = NewOutgoing {
            id: &id,
            case_id: Some(&case.id),
            channel: to.channel,
            purpose: "acknowledgement",
            party: Party::Resident,
            idempotency_key: &format!("acknowledgement:{}", case.id),
            rfc_message_id: &self.message_id(&id),
            mail: &mail,
            recipient: email,
            topic: &topic,
            held: held.as_deref(),
        };
        if !self.queue(tx, new, now).await? {
            return Ok(Acknowledged::Skipped("it was acknowledged before".to_owned()));
        }
        Ok(held.map_or(Acknowledged::Queued, Acknowledged::Held))
    }

    /// Whom of a case a message to its resident goes to, or why to nobody: where they wrote from or, with `by_choice`, the address
    /// they chose for notices, if they chose one.
    pub(super) async fn recipient_of(
        &self,
        tx: &mut Tx,
        case: &Case,
        by_choice: bool,
    ) -> store::Result<Result<Recipient, Acknowledged>> {
        let none = |why: &str| Ok(Err(Acknowledged::Skipped(why.to_owned())));
        let messages = store::message::of_case(tx, &case.id).await?;
        let Some(mut message) = messages.into_iter().find(|m| m.party == Party::Resident) else {
            return none("no resident wrote on this case");
        };
        let channel = match message.hear_by() {
            Some(HearBy::Ring) => return Ok(Err(Acknowledged::ToRing)),
            Some(HearBy::Nothing) => return none("they want no news from us"),
            how => how.and_then(HearBy::channel).unwrap_or_else(|| message.channel.answered_by()),
        };
        let Some(address) = message.from_address.clone() else {
            return none("there is no address to answer to");
        };
        if waits_for_proof(&message) {
            return none("they have not confirmed the address they gave");
        }
        if store::trail::has_withdrawn(tx, &case.id).await? {
            return none("they said on their private page that they need no more news of it");
        }
        if let Some(why) = &message.no_auto_answer {
            return none(&format!("not to be answered by a machine: {why}"));
        }
        if is_of_the_council(self.council, &self.rules.taxonomy, &address) {
            return none("it came from an address of the council's own");
        }
        let mut to = ContactPoint { channel, address, name: message.from_name.clone() };
        let chosen = match case.contact_id.as_ref().filter(|_| by_choice && message.sender.0.is_verified()) {
            Some(contact) => store::person::chosen(tx, contact).await?,
            None => None,
        };
        // To a number that was only noted, nothing can be sent.
        let chosen = chosen.filter(|chosen| !chosen.channel.is_hearsay());
        if let Some(chosen) = chosen.filter(|chosen| (chosen.channel, &chosen.address) != (to.channel, &to.address)) {
            to = chosen;
            // What they wrote first lies elsewhere, so this is no answer to it.
            message.rfc_message_id = None;
        }
        if store::contact::is_silent(tx, &to).await? {
            return none("they asked for no messages (STOP)");
        }
        let in_danger = is_safeguarding(case.hold_reason.as_deref());
        let held = match &message.sender.0 {
            _ if in_danger => Some("Somebody may be in danger: is it safe to write to this address?".to_owned()),
            crate::core::SenderCheck::Verified { .. } => None,
            crate::core::SenderCheck::Unverified { why } => Some(format!("The sender is not verified: {why}")),
        };
        Ok(Ok(Recipient { message, to, held, in_danger }))
    }

    fn acknowledgement_mail(&self, case: &Case, message: &Message, email: &str, joined: bool) -> OutMail {
        let (language, reply) = self.rules.reply(&case.language);
        let words = self.words_for_resident(case, message, language, reply);
        let body = if joined { &reply.joined } else { &reply.body };
        // Where nothing stands for {told}, the line begins with what comes after it.
        let mut body = lay_out(&fill(body.trim_start(), &words).replace("\n ", "\n"), language);
        if let Some(line) = self.trail_line(case, language) {
            body += &format!("\n{}\n", lay_out(&line, language));
        }
        // Who helps the resident may read English only, and the language may have been mistaken.
        if language != "en" {
            let (_, english) = self.rules.reply("en");
            let words = self.words_for_resident(case, message, "en", english);
            body += &english.below.as_ref().map_or_else(String::new, |line| format!("\n{}\n", fill(line, &words)));
        }
        let (reply_to, mark) = self.reply_path(&case.reference, Party::Resident);
        OutMail {
            from: self.sender_header(),
            envelope_from: None,
            to: vec![mailbox(message.from_name.as_deref().unwrap_or_default(), email)],
            cc: Vec::new(),
            reply_to: Some(reply_to),
            subject: fill(&reply.subject, &words) + &mark,
            body,
            in_reply_to: message.rfc_message_id.clone(),
            references: message.rfc_message_id.clone().into_iter().collect(),
            auto_submitted: Some("auto-replied".to_owned()),
            language: language.to_owned(),
            attachments: Vec::new(),
            button: None,
        }
    }

    /// What stands for the words in braces of an acknowledgement in `language`.
    pub(super) fn words_for_resident(
        &self,
        case: &Case,
        message: &Message,
        language: &str,
        reply: &Reply,
    ) -> [(&'static str, String); 13] {
        let taxonomy = &self.rules.taxonomy;
        let department = taxonomy.departments.get(&case.department);
        let councillor = case.councillor.as_deref().and_then(|id| self.council.councillor(id));
        let copied = consent_of(case).councillor_is_copied();
        let value = |text: &str| embed(text, language);
        let told = councillor
            .filter(|_| copied)
            .map_or_else(String::new, |c| fill(&reply.told, &[("councillor", value(&c.name))]));
        let due = case.due_on.parse().map_or_else(|_| case.due_on.clone(), |due| reply.date(due));
        [
            ("greeting", reply.greeting(message.from_name.as_deref().map(value).as_deref())),
            ("reference", value(case.reference.as_str())),
            ("title", value(&case.title)),
            ("service", value(reply.service_name(&case.service, taxonomy))),
            ("place", case.place.as_ref().map_or_else(String::new, |p| reply.at_place(&value(&p.name)))),
            ("received", value(&reply.date(received_date(case.received_at)))),
            ("due", value(&due)),
            ("department", value(taxonomy.department_name(&case.department))),
            ("contact", value(department.map_or(self.council.name.as_str(), |d| d.contact.as_str()))),
            ("councillor", value(councillor.map_or_else(|| reply.your_councillor(), |c| c.name.as_str()))),
            ("council", value(&self.council.name)),
            ("told", told),
            ("several", if message.part.is_some() { reply.several().to_owned() } else { String::new() }),
        ]
    }

    /// An acknowledgement that whoever reads the resident's mailbox may see. It stands by itself: an answer to their message
    /// would bring that message up beside it.
    fn safe_mail(&self, case: &Case, email: &str) -> OutMail {
        let (language, subject, body) = self.safe_words(case);
        let (reply_to, mark) = self.reply_path(&case.reference, Party::Resident);
        OutMail {
            from: self.sender_header(),
            envelope_from: None,
            to: vec![email.to_owned()],
            cc: Vec::new(),
            reply_to: Some(reply_to),
            subject: subject + &mark,
            body,
            in_reply_to: None,
            references: Vec::new(),
            auto_submitted: Some("auto-replied".to_owned()),
            language: language.to_owned(),
            attachments: Vec::new(),
            button: None,
        }
    }

    /// Language, subject and body of what gives nothing away.
    pub(super) fn safe_words(&self, case: &Case) -> (&str, String, String) {
        let (language, reply) = self.rules.safe_reply(&case.language);
        let words =
            [("reference", embed(case.reference.as_str(), language)), ("council", embed(&self.council.name, language))];
        let body = lay_out(&fill(reply.body.trim_start(), &words), language);
        (language, fill(&reply.subject, &words), body)
    }

    /// Tells the councillor of a joined case that it is dealt with in another one, where that one is another councillor's:
    /// else nobody would have told them. `false` when there is nobody to tell, or they were told before.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_councillor(
        &self,
        tx: &mut Tx,
        case: &Case,
        parent: &Case,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let councillor = case.councillor.as_deref().and_then(|id| self.council.councillor(id));
        let Some(councillor) = councillor.filter(|c| Some(&c.id) != parent.councillor.as_ref()) else {
            return Ok(false);
        };
        if !consent_of(case).councillor_is_copied() {
            return Ok(false);
        }
        let taxonomy = &self.rules.taxonomy;
        let messages = store::message::of_case(tx, &case.id).await?;
        let first = messages.into_iter().find(|m| m.party == Party::Resident);
        let body = format!(
            "Case {}, which a resident wrote to you about, is about the same problem as case {} and is dealt with \
             there.\n\nService: {}\nWith: {}\nTo be done by: {}\n{}\nThe resident is told. Answer this mail if it is \
             a different problem.\n",
            case.reference,
            parent.reference,
            taxonomy.service_name(&parent.service),
            taxonomy.department_name(&parent.department),
            due_text(parent),
            self.language_note(case, first.as_ref()).map_or_else(String::new, |note| format!("Language: {note}\n")),
        );
        let key = format!("notice:{}:{}", case.id, parent.id);
        let subject = format!("Case {}: {}", case.reference, case.title);
        self.write_to_councillor(tx, case, councillor, &subject, body, &key, now).await
    }

    /// Tells a councillor that open cases of another one are theirs now, in one mail.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_of_hand_over(
        &self,
        tx: &mut Tx,
        councillor: &Councillor,
        from: &str,
        cases: usize,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let id: OutboxId = self.ids.next();
        let (what, are) =
            if cases == 1 { ("One open case".to_owned(), "is") } else { (format!("{cases} open cases"), "are") };
        let link = self.council.portal_url.as_ref().map_or_else(String::new, |url| format!("\nYour cases: {url}/my\n"));
        let body = format!(
            "{what} of {from} {are} yours now. From now on you get a copy of what is sent to departments about them.\n{link}\n\
             What residents wrote for {from} only is not among them.\n"
        );
        let mail = OutMail {
            from: self.sender_header(),
            envelope_from: None,
            to: vec![mailbox(&councillor.name, &councillor.email)],
            cc: Vec::new(),
            reply_to: None,
            subject: format!("{what} of {from} {are} yours now"),
            body,
            in_reply_to: None,
            references: Vec::new(),
            auto_submitted: Some("auto-generated".to_owned()),
            language: "en".to_owned(),
            attachments: Vec::new(),
            button: None,
        };
        let new = NewOutgoing {
            id: &id,
            case_id: None,
            channel: Channel::Email,
            purpose: "notice",
            party: Party::Councillor,
            idempotency_key: &format!("hand_over:{id}"),
            rfc_message_id: &self.message_id(&id),
            mail: &mail,
            recipient: &councillor.email.to_lowercase(),
            topic: "hand_over",
            held: None,
        };
        self.queue(tx, new, now).await
    }

    #[expect(clippy::too_many_arguments, reason = "one row's columns")]
    pub(super) async fn write_to_councillor(
        &self,
        tx: &mut Tx,
        case: &Case,
        councillor: &Councillor,
        subject: &str,
        body: String,
        key: &str,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let (reply_to, mark) = self.reply_path(&case.reference, Party::Councillor);
        let mail = OutMail {
            from: self.sender_header(),
            envelope_from: Some(reply_to.clone()),
            to: vec![mailbox(&councillor.name, &councillor.email)],
            cc: Vec::new(),
            reply_to: Some(reply_to),
            subject: format!("{subject}{mark}"),
            body,
            in_reply_to: None,
            references: Vec::new(),
            auto_submitted: Some("auto-generated".to_owned()),
            language: "en".to_owned(),
            attachments: Vec::new(),
            button: None,
        };
        self.queue_for_councillor(tx, case, councillor, ("notice", key), &mail, now).await
    }

    /// Queues a mail to a councillor about a case, by what it is for and the key that lets it go once.
    pub(super) async fn queue_for_councillor(
        &self,
        tx: &mut Tx,
        case: &Case,
        councillor: &Councillor,
        (purpose, key): (&str, &str),
        mail: &OutMail,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let id: OutboxId = self.ids.next();
        let new = NewOutgoing {
            id: &id,
            case_id: Some(&case.id),
            channel: Channel::Email,
            purpose,
            party: Party::Councillor,
            idempotency_key: key,
            rfc_message_id: &self.message_id(&id),
            mail,
            recipient: &councillor.email.to_lowercase(),
            topic: case.reference.as_str(),
            held: None,
        };
        self.queue(tx, new, now).await
    }

    pub(super) async fn queue(&self, tx: &mut Tx, new: NewOutgoing<'_>, now: DateTime<Utc>) -> store::Result<bool> {
        let (case, party) = (new.case_id.filter(|_| new.channel == Channel::Email), new.party);
        let message_id = new.rfc_message_id.to_owned();
        if !store::outbox::insert(tx, new, now).await? {
            return Ok(false);
        }
        if let Some(case) = case {
            store::message::tie_thread(tx, &message_id, case, party, true).await?;
        }
        Ok(true)
    }
}

/// Anybody can type an address into a form, or name one on the telephone: nothing is written to it before its owner says that it
/// was them. Where no link can ask them, a person lets it go, as with every number that was only noted.
fn waits_for_proof(message: &Message) -> bool {
    let SenderCheck::Unverified { why } = &message.sender.0 else { return false };
    match message.hear_by() {
        Some(how) => how == HearBy::Email && why != crate::core::call::UNPROVABLE,
        None => message.channel == Channel::Web,
    }
}

/// Whether an address is one of the council's own, a councillor's or a department's.
#[must_use]
pub fn is_of_the_council(council: &Council, taxonomy: &Taxonomy, email: &str) -> bool {
    let of_a_department = taxonomy.departments.values().any(|d| d.email.eq_ignore_ascii_case(email));
    council.is_own(email) || council.councillor_by_email(email).is_some() || of_a_department
}

/// Files that cannot carry a program.
pub(super) fn harmless(files: &[store::attachment::Stored]) -> Vec<OutAttachment> {
    files
        .iter()
        .filter(|f| f.refused.is_none())
        .map(|f| OutAttachment { name: f.name.clone(), content_type: f.content_type.clone(), sha256: f.sha256.clone() })
        .collect()
}

/// What the resident of a case allows; the most private where it cannot be read.
pub(super) fn consent_of(case: &Case) -> Consent {
    Consent::of(&case.consent)
}

/// `Name <address>`, the name without anything that could end it early.
pub(super) fn mailbox(name: &str, email: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\' | '<' | '>')).collect();
    let name = name.trim();
    if name.is_empty() { email.to_owned() } else { format!("\"{name}\" <{email}>") }
}

/// `Friday 13 March 2026`.
#[must_use]
pub fn long_date(date: NaiveDate) -> String {
    english_date(date)
}

pub(super) fn due_text(case: &Case) -> String {
    case.due_on.parse::<NaiveDate>().map_or_else(|_| case.due_on.clone(), long_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_add_another_recipient() {
        assert_eq!(mailbox("Ann\" <x@y>,\r\nBcc: z", "ann@example.org"), "\"Ann x@y,Bcc: z\" <ann@example.org>");
    }
}
