//! What is kept of one person: given out as they ask for it, and erased as they ask for it.

use crate::core::{CaseState, Channel, ContactId, Ids, Party};
use crate::store::{self, Tx, erasure, message, outbox, person};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

/// Everything that is kept of a person, as it is given out: plain words, no keys of ours.
#[derive(Debug, Serialize)]
pub struct Kept {
    /// When this was put together.
    pub as_of: DateTime<Utc>,
    /// How they were reached.
    pub addresses: Vec<Way>,
    /// What they reported.
    pub cases: Vec<KeptCase>,
    /// Files, with the name each has here.
    #[serde(skip)]
    pub files: Vec<(String, Vec<u8>)>,
}

/// A way to reach them.
#[derive(Debug, Serialize)]
pub struct Way {
    channel: Channel,
    address: String,
    name: Option<String>,
    /// They asked for silence there, or it is blocked.
    silent: bool,
}

/// One of their cases.
#[derive(Debug, Serialize)]
pub struct KeptCase {
    reference: String,
    title: String,
    service: String,
    department: String,
    ward: Option<String>,
    place: Option<serde_json::Value>,
    state: CaseState,
    /// What they allowed: who may know that it was them.
    consent: String,
    received_at: DateTime<Utc>,
    promised_by: String,
    closed_at: Option<DateTime<Utc>>,
    messages: Vec<KeptMessage>,
    rating: Option<i64>,
    rating_words: Option<String>,
}

/// What they wrote, or what was written to them.
#[derive(Debug, Serialize)]
pub struct KeptMessage {
    at: DateTime<Utc>,
    by: &'static str,
    channel: Channel,
    subject: String,
    words: String,
    quoted: String,
    files: Vec<String>,
}

/// Puts together what is kept of these contacts, and writes on the trail that it was given out.
///
/// # Errors
/// What the database says.
pub async fn give_out(
    tx: &mut Tx,
    ids: &Ids,
    contacts: &[ContactId],
    actor: &str,
    now: DateTime<Utc>,
) -> store::Result<Kept> {
    let mut kept = Kept { as_of: now, addresses: Vec::new(), cases: Vec::new(), files: Vec::new() };
    for contact in contacts {
        for point in person::own_points(tx, contact).await? {
            let asked = crate::core::ContactPoint {
                channel: point.channel,
                address: point.address.clone(),
                name: point.name.clone(),
            };
            let silent = store::contact::is_silent(tx, &asked).await?;
            kept.addresses.push(Way { channel: point.channel, address: point.address, name: point.name, silent });
        }
    }
    for case in erasure::cases_of(tx, contacts).await? {
        let mut messages = Vec::new();
        let files = store::attachment::of_case(tx, &case.id).await?;
        for written in message::of_case(tx, &case.id).await?.into_iter().filter(|m| m.party == Party::Resident) {
            let mut names = Vec::new();
            for file in files.iter().filter(|file| file.message_id == written.id) {
                let name = format!("{}-{}-{}", case.reference, kept.files.len() + 1, safe(&file.name));
                let bytes = store::attachment::bytes(tx, &file.sha256).await?.unwrap_or_default();
                kept.files.push((name.clone(), bytes));
                names.push(name);
            }
            messages.push(KeptMessage {
                at: written.received_at,
                by: "resident",
                channel: written.channel,
                subject: written.subject,
                words: written.body,
                quoted: written.folded,
                files: names,
            });
        }
        let sent = outbox::of_case(tx, &case.id).await?;
        for out in sent.into_iter().filter(|out| out.party == Party::Resident) {
            let (Some(at), mail) = (out.sent_at, out.mail.0) else { continue };
            messages.push(KeptMessage {
                at,
                by: "council",
                channel: out.channel,
                subject: mail.subject,
                words: mail.body,
                quoted: String::new(),
                files: Vec::new(),
            });
        }
        messages.sort_by_key(|message| message.at);
        let rating = store::trail::rating(tx, &case.id).await?;
        kept.cases.push(KeptCase {
            reference: case.reference.to_string(),
            title: case.title,
            service: case.service,
            department: case.department,
            ward: case.ward,
            place: case.place.map(|place| place.0),
            state: case.state,
            consent: case.consent,
            received_at: case.received_at,
            promised_by: case.due_on,
            closed_at: case.closed_at,
            messages,
            rating: rating.as_ref().map(|rating| rating.score),
            rating_words: rating.and_then(|rating| rating.words),
        });
    }
    for contact in contacts {
        store::audit::write(tx, ids, actor, "give out", &format!("contact:{contact}"), json!({}), now).await?;
    }
    Ok(kept)
}

/// A file's name without what leads elsewhere.
fn safe(name: &str) -> String {
    let kept = name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' });
    kept.skip_while(|c| *c == '.').take(80).collect()
}

/// What became of the wish to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erasing {
    /// Everything of so many cases is gone.
    Done(usize),
    /// These cases are dealt with still, or mail of theirs is on its way: nothing was erased.
    NotYet(Vec<String>),
}

/// Erases these contacts with all that they wrote, unless one of their cases is dealt with still: who is answered has to be known.
///
/// # Errors
/// What the database says.
pub async fn erase(
    tx: &mut Tx,
    ids: &Ids,
    contacts: &[ContactId],
    actor: &str,
    now: DateTime<Utc>,
) -> store::Result<Erasing> {
    let cases = erasure::cases_of(tx, contacts).await?;
    let mut open = Vec::new();
    for case in &cases {
        let one = std::slice::from_ref(&case.id);
        if erasure::is_open(tx, &case.id).await? || erasure::on_their_way(tx, one).await? > 0 {
            open.push(case.reference.to_string());
        }
    }
    if !open.is_empty() {
        return Ok(Erasing::NotYet(open));
    }
    erasure::person(tx, contacts, now).await?;
    for case in &cases {
        store::audit::write(tx, ids, actor, "erase", &format!("case:{}", case.id), json!({"asked": true}), now).await?;
    }
    for contact in contacts {
        store::audit::write(tx, ids, actor, "erase", &format!("contact:{contact}"), json!({}), now).await?;
    }
    Ok(Erasing::Done(cases.len()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_files_name_leads_nowhere_else() {
        assert_eq!(super::safe("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(super::safe("my photo.jpg"), "my_photo.jpg");
    }
}
