//! What a department is told of a case: the one list that its mail is written from, and that an officer sees behind the link in it.

use super::compose::{Composer, consent_of, due_text, harmless, long_date};
use super::department::is_to;
use crate::core::access::{Identity, Purpose, Reader};
use crate::core::{CaseId, Channel, Department, Party};
use crate::routing::consent::Consent;
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::{OutAttachment, Outgoing};
use crate::store::{self, Tx};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// A resident's words, as a department gets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Subject; may be empty.
    pub subject: String,
    /// What was written.
    pub text: String,
    /// ISO 639-1 code, where it was looked at.
    pub language: Option<String>,
}

/// What a department is told of a case.
#[derive(Clone, Debug)]
pub struct Referral {
    /// Labels and what stands behind them, in order.
    pub lines: Vec<(&'static str, String)>,
    /// What to know of who wrote.
    pub note: Option<&'static str>,
    /// Whether a gatekeeper wrote down what the resident said.
    pub by_word_of_mouth: bool,
    /// What residents wrote, oldest first within each case.
    pub words: Vec<Words>,
    /// Whether they are a part of a longer message.
    pub in_part: bool,
    /// What did not go with it, and why.
    pub not_attached: Vec<String>,
    /// The files that go with it.
    pub attached: Vec<OutAttachment>,
    /// How many more sent the same letter.
    pub letters: usize,
}

/// What a department was told of a case so far, in all its mails together.
#[derive(Clone, Debug)]
pub struct Told {
    /// What of it the resident still allows.
    pub referral: Referral,
    /// When it was told last that the case is its own.
    pub since: DateTime<Utc>,
}

/// The mails that a department got about a case.
pub(super) struct Heard {
    text: String,
    files: BTreeSet<String>,
}

impl Heard {
    /// Of these mails.
    pub(super) fn of<'a>(mails: impl IntoIterator<Item = &'a Outgoing>) -> Self {
        let (mut text, mut files) = (Vec::new(), BTreeSet::new());
        for mail in mails {
            text.push(mail.mail.0.body.as_str());
            files.extend(mail.mail.0.attachments.iter().map(|a| a.sha256.clone()));
        }
        Self { text: text.join("\n"), files }
    }

    fn words(&self, words: &str) -> bool {
        self.text.contains(words.trim_end())
    }
}

impl Composer<'_> {
    /// What a department is told of a case and of those joined to it, `also`, as its resident allows now; with `heard`, no more than
    /// what stands in those mails.
    pub(super) async fn referral(
        &self,
        tx: &mut Tx,
        case: &Case,
        also: &[CaseId],
        heard: Option<&Heard>,
    ) -> store::Result<Referral> {
        let consent = consent_of(case);
        let (mut messages, mut files) = (Vec::new(), Vec::new());
        // Of a campaign one letter stands for all.
        let letters: BTreeSet<CaseId> = store::campaign::cases(tx, &case.id).await?.into_iter().collect();
        for id in std::iter::once(&case.id).chain(also.iter().filter(|id| !letters.contains(id))) {
            messages.extend(store::message::of_case(tx, id).await?.into_iter().filter(|m| m.party == Party::Resident));
            files.extend(store::attachment::of_case(tx, id).await?);
        }
        messages.retain(|m| heard.is_none_or(|heard| heard.words(m.for_department().1)));
        // What another department sent back is not the resident's to pass on.
        files.retain(|f| messages.iter().any(|m| m.id == f.message_id));
        // Which of the parts a file is about nobody can tell, so it goes with the whole message or not at all.
        let whole = |f: &store::attachment::Stored| messages.iter().any(|m| m.id == f.message_id && !m.goes_in_part());
        let (files, kept_back): (Vec<_>, Vec<_>) = files.into_iter().partition(whole);
        let first = messages.first();
        let eyes = consent.eyes(Reader::Officer, Purpose::Delivery, case.hold_reason.as_deref());
        let who = first.and_then(who_wrote).and_then(|who| Identity::of(who).seen(&eyes));
        let who = who.filter(|who| heard.is_none_or(|heard| heard.words(who)));
        let mut attached = passed_on(&files, consent);
        attached.retain(|file| heard.is_none_or(|heard| heard.files.contains(&file.sha256)));
        Ok(Referral {
            lines: self.lines(case, first, who.as_deref()),
            note: first.and_then(|first| doubt(first, who.is_some())),
            by_word_of_mouth: first.is_some_and(|m| m.channel.is_word_of_mouth()),
            in_part: messages.iter().any(Message::goes_in_part),
            not_attached: not_attached(&files, kept_back.len(), consent),
            words: messages.iter().map(words).collect(),
            attached,
            letters: letters.len(),
        })
    }

    /// What a department was told of a case so far, as far as its resident still allows it; none where it was told nothing.
    ///
    /// # Errors
    /// What the database says.
    pub async fn told(
        &self,
        tx: &mut Tx,
        case: &Case,
        also: &[CaseId],
        department: &Department,
    ) -> store::Result<Option<Told>> {
        let address = department.email.to_lowercase();
        let mut mails = store::outbox::of_case(tx, &case.id).await?;
        mails.retain(|o| o.party == Party::Department && o.status != "cancelled" && is_to(o, &address));
        let Some(since) = mails.iter().rfind(|o| o.purpose == "referral").map(|o| o.created_at) else {
            return Ok(None);
        };
        let referral = self.referral(tx, case, also, Some(&Heard::of(&mails))).await?;
        Ok(Some(Told { referral, since }))
    }

    fn lines(&self, case: &Case, first: Option<&Message>, who: Option<&str>) -> Vec<(&'static str, String)> {
        let taxonomy = &self.rules.taxonomy;
        let councillor = case.councillor.as_deref().and_then(|id| self.council.councillor(id));
        let mut lines = vec![
            ("Service", taxonomy.service_name(&case.service).to_owned()),
            ("Priority", case.priority.label().to_owned()),
            ("Received", long_date(received_date(case.received_at))),
            ("To be done by", due_text(case)),
        ];
        lines.extend(case.place.as_ref().map(|place| ("Where", place.whereabouts())));
        lines.extend(case.ward.as_ref().map(|ward| ("Ward", ward.clone())));
        lines.extend(councillor.map(|councillor| ("Councillor", councillor.name.clone())));
        lines.extend(self.language_note(case, first).map(|note| ("Language", note)));
        lines.push(("From", who.unwrap_or("a resident who does not wish to be named to you").to_owned()));
        if let Some(told) = first.filter(|m| m.channel.is_word_of_mouth()) {
            lines.extend(super::letter::how_it_was_told(told, &case.language));
        }
        lines
    }
}

impl Referral {
    /// As the text of a mail.
    pub(super) fn text(&self, case: &Case) -> String {
        let mut text = format!("Case {}\n", case.reference);
        for (label, value) in &self.lines {
            text += &format!("{label}: {value}\n");
        }
        text += &self.note.map_or_else(String::new, |note| format!("Note: {note}\n"));
        text += if self.by_word_of_mouth {
            "\nWhat the resident said, as it was written down:\n"
        } else {
            "\nWhat the resident wrote:\n"
        };
        for Words { subject, text: words, .. } in &self.words {
            let heading = if subject.is_empty() { String::new() } else { format!("{subject}\n") };
            text += &format!("\n{heading}{}\n", words.trim_end());
        }
        if self.in_part {
            text += "\nThese are the words of a longer message that are about this case.\n";
        }
        for line in &self.not_attached {
            text += &format!("\n{line}\n");
        }
        text += "\nAnswer this mail: your answer goes to the case, and nobody else has to copy it.\n";
        text + &of_a_campaign(self.letters)
    }
}

fn words(message: &Message) -> Words {
    let (subject, text) = message.for_department();
    Words { subject: subject.to_owned(), text: text.to_owned(), language: message.language.clone() }
}

/// What a department should know of a sender nobody vouches for; `named` says that it is told who they are.
fn doubt(first: &Message, named: bool) -> Option<&'static str> {
    if first.sender.0.is_verified() {
        return None;
    }
    if !first.channel.is_hearsay() {
        return Some("our mail server could not verify that this sender is who they say.");
    }
    match first.channel {
        _ if !named => None,
        Channel::Web => Some("they gave this address in the web form and have not confirmed it yet."),
        _ => Some("they gave this address by word of mouth, and nobody has confirmed it."),
    }
}

fn not_attached(files: &[store::attachment::Stored], kept_back: usize, consent: Consent) -> Vec<String> {
    let mut lines = Vec::new();
    if kept_back > 0 {
        lines.push(format!("Not attached: {kept_back} file(s) of that message. Answer this mail if you need them."));
    }
    if consent.department_sees_contact() {
        let refused = files.iter().filter_map(|f| Some((f, f.refused.as_deref()?)));
        lines.extend(refused.map(|(file, why)| format!("Not attached: {} ({why})", file.name)));
    } else if !files.is_empty() {
        lines.push(format!("Not attached: {} file(s), which may show who the resident is.", files.len()));
    }
    lines
}

/// Name and address of who wrote a message.
pub(super) fn who_wrote(message: &Message) -> Option<String> {
    let address = message.from_address.as_deref()?;
    if message.channel.is_word_of_mouth() {
        let below = crate::core::call::below_name(address, message.from_name.as_deref());
        return Some(message.from_name.as_deref().map_or_else(|| below.to_owned(), |name| format!("{name}, {below}")));
    }
    Some(message.from_name.as_deref().map_or_else(|| address.to_owned(), |name| format!("{name} <{address}>")))
}

/// The files that go to a department: none that can carry a program, and none at all where the resident does not wish to be
/// known, since a photo or a letter shows more than its sender thinks.
pub(super) fn passed_on(files: &[store::attachment::Stored], consent: Consent) -> Vec<OutAttachment> {
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
