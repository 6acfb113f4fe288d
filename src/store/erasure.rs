//! What is kept of residents, given out or taken out: of one person who asks for it, and of cases that were closed long enough ago. What is
//! taken out is their words, their names and addresses, files, places, and whatever quotes them. What stays is what is counted: reference,
//! service, department, ward, councillor, states and times, and the audit trail, which names nobody of them.

use super::outbox::OutMail;
use super::{Result, Tx, args};
use crate::core::{CaseId, CaseState, Channel, ContactId, DecisionId, MessageId, OutboxId, Party, Reference};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sqlx::types::Json;
use std::collections::BTreeSet;

/// What stays of what was decided: words of ours that say which, and versions. All else may quote somebody.
const CODES: [&str; 14] = [
    "service",
    "department",
    "priority",
    "ward",
    "disposition",
    "confidence",
    "state",
    "due_on",
    "consent",
    "takes_back",
    "link",
    "rules",
    "model",
    "policy",
];
/// Nobody else writes a line of so many characters by chance.
const LONG: usize = 20;
/// What stands instead of the id by which a channel called a message, or a key of ours with an address in it.
const ERASED: &str = "erased";

/// The contacts of an address on any channel, or on this one, with all that are known to be the same person.
///
/// # Errors
/// What the database says.
pub async fn whose(tx: &mut Tx, channel: Option<Channel>, address: &str) -> Result<Vec<ContactId>> {
    let rows: Vec<(ContactId,)> = tx
        .all(
            "SELECT DISTINCT o.id FROM contact_points p JOIN contacts c ON c.id = p.contact_id
             JOIN contacts o ON COALESCE(o.person, o.id) = COALESCE(c.person, c.id)
             WHERE LOWER(p.address) = LOWER($1) AND ($2 = '' OR p.channel = $2) ORDER BY o.id",
            args![address, channel.map_or("", Channel::as_str)],
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// A case of somebody.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Theirs {
    /// The case.
    pub id: CaseId,
    /// Its reference.
    pub reference: Reference,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub state: CaseState,
    /// Service key.
    pub service: String,
    /// Department key.
    pub department: String,
    /// Ward.
    pub ward: Option<String>,
    /// Where it is, as JSON.
    pub place: Option<Json<Value>>,
    /// Title.
    pub title: String,
    /// Whom its resident lets know that it is theirs.
    pub consent: String,
    /// When the first message came in.
    pub received_at: DateTime<Utc>,
    /// Until when it was promised, ISO 8601.
    pub due_on: String,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

/// The cases of these contacts, oldest first of each; without those that are erased.
///
/// # Errors
/// What the database says.
pub async fn cases_of(tx: &mut Tx, contacts: &[ContactId]) -> Result<Vec<Theirs>> {
    let mut cases: Vec<Theirs> = Vec::new();
    for contact in contacts {
        let more: Vec<Theirs> = tx
            .all(
                "SELECT id, reference, state, service, department, ward, place, title, consent, received_at, due_on, closed_at
                 FROM cases WHERE contact_id = $1 AND erased_at IS NULL ORDER BY received_at, id",
                args![contact],
            )
            .await?;
        cases.extend(more);
    }
    Ok(cases)
}

/// Whether a case is dealt with still: it, or the one it is joined to, is not closed.
///
/// # Errors
/// What the database says.
pub async fn is_open(tx: &mut Tx, case: &CaseId) -> Result<bool> {
    let sql = "WITH RECURSIVE up(id, depth) AS (
                   SELECT CAST($1 AS TEXT), 0
                   UNION ALL
                   SELECT l.parent, up.depth + 1 FROM links l JOIN up ON l.child = up.id
                   WHERE l.kind = 'join' AND l.ended_at IS NULL AND up.depth < 100)
               SELECT COUNT(*) FROM up JOIN cases c ON c.id = up.id WHERE c.state NOT IN ('joined', 'closed')";
    Ok(tx.count(sql, args![case]).await? > 0)
}

/// Cases that have been closed since before `until`, of services that are `wanted`, the first closed first, and at most `limit`; whole ones of
/// which nothing is on its way, and no part of whose messages is an open case.
///
/// # Errors
/// What the database says.
pub async fn past(
    tx: &mut Tx,
    until: DateTime<Utc>,
    wanted: impl Fn(&str) -> bool,
    limit: usize,
) -> Result<Vec<CaseId>> {
    let rows: Vec<(CaseId, String)> = tx
        .all(
            "SELECT id, service FROM cases WHERE closed_at < $1 AND state = 'closed' AND erased_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.case_id = cases.id AND o.status IN ('held', 'queued', 'sending'))
               AND NOT EXISTS (SELECT 1 FROM messages m JOIN message_parts p ON p.message_id = m.id JOIN cases b ON b.id = p.case_id
                               WHERE m.case_id = cases.id AND b.state IN ('review', 'held', 'routed'))
             ORDER BY closed_at, id",
            args![until],
        )
        .await?;
    Ok(rows.into_iter().filter(|(_, service)| wanted(service)).map(|(id, _)| id).take(limit).collect())
}

/// All that is joined to a case, to those too, and itself.
///
/// # Errors
/// What the database says.
pub async fn with_joined(tx: &mut Tx, case: &CaseId) -> Result<Vec<CaseId>> {
    let rows: Vec<(CaseId,)> = tx
        .all(
            "WITH RECURSIVE down(id, depth) AS (
                 SELECT CAST($1 AS TEXT), 0
                 UNION ALL
                 SELECT l.child, down.depth + 1 FROM links l JOIN down ON l.parent = down.id
                 WHERE l.kind = 'join' AND l.ended_at IS NULL AND down.depth < 100)
             SELECT DISTINCT id FROM down",
            args![case],
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// How many mails of these cases are on their way still, or wait to be sent.
///
/// # Errors
/// What the database says.
pub async fn on_their_way(tx: &mut Tx, cases: &[CaseId]) -> Result<i64> {
    let mut sum = 0;
    for case in cases {
        let sql = "SELECT COUNT(*) FROM outbox WHERE case_id = $1 AND status IN ('held', 'queued', 'sending')";
        sum += tx.count(sql, args![case]).await?;
    }
    Ok(sum)
}

/// Takes out of a case what residents wrote and who they are, with what quotes it. Who they are elsewhere stays.
///
/// # Errors
/// What the database says.
pub async fn case(tx: &mut Tx, case: &CaseId, now: DateTime<Utc>) -> Result<()> {
    let marks = marks(tx, case).await?;
    for beside in beside(tx, case).await? {
        quotes(tx, &beside, &marks).await?;
    }
    let messages: Vec<(MessageId,)> = tx.all("SELECT id FROM messages WHERE case_id = $1", args![case]).await?;
    for (id,) in messages {
        message(tx, &id).await?;
    }
    for sql in [
        "UPDATE message_parts SET words = '', before = NULL WHERE case_id = $1",
        "UPDATE notes SET words = '' WHERE case_id = $1",
        "UPDATE ratings SET words = NULL WHERE case_id = $1",
        "UPDATE campaign_letters SET added = '' WHERE case_id = $1",
        "UPDATE links SET why = '' WHERE child = $1 OR parent = $1",
        "DELETE FROM undos WHERE case_id = $1",
        "DELETE FROM case_bands WHERE case_id = $1",
        "DELETE FROM claims WHERE case_id = $1",
        "DELETE FROM passes WHERE case_id = $1",
        "DELETE FROM thread_ids WHERE case_id = $1",
    ] {
        tx.exec(sql, args![case]).await?;
    }
    let outgoing: Vec<(OutboxId, String, Json<OutMail>)> =
        tx.all("SELECT id, party, mail FROM outbox WHERE case_id = $1", args![case]).await?;
    for (id, party, mail) in outgoing {
        empty_mail(tx, &id, party == Party::Resident.as_str(), mail.0).await?;
    }
    decisions(tx, "SELECT id, decided FROM decisions WHERE case_id = $1", case.as_str()).await?;
    tx.exec(
        "UPDATE cases SET title = 'Erased', place = NULL, square = NULL, lat = NULL, lon = NULL, sketch = NULL, hold_reason = NULL,
             attention = NULL, asked = NULL, contact_id = NULL, erased_at = $1 WHERE id = $2",
        args![now, case],
    )
    .await?;
    Ok(())
}

/// The cases that a case is linked with, or was.
async fn beside(tx: &mut Tx, case: &CaseId) -> Result<Vec<CaseId>> {
    let sql = "SELECT parent FROM links WHERE child = $1 UNION SELECT child FROM links WHERE parent = $1";
    let rows: Vec<(CaseId,)> = tx.all(sql, args![case]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// By what somebody's words are known where others quote them: each line of what residents wrote on a case that is long enough to be nobody
/// else's, their names and their addresses; in small letters.
async fn marks(tx: &mut Tx, case: &CaseId) -> Result<Vec<String>> {
    let written: Vec<(String, Option<String>, Option<String>)> = tx
        .all(
            "SELECT body, from_name, from_address FROM messages WHERE case_id = $1 AND party = 'resident'",
            args![case],
        )
        .await?;
    let mut marks = Vec::new();
    for (body, name, address) in written {
        let lines = body.lines().map(str::trim).filter(|line| line.chars().count() >= LONG);
        marks.extend(lines.map(str::to_lowercase));
        marks.extend(
            [name, address]
                .into_iter()
                .flatten()
                .filter(|mark| mark.trim().contains(' ') || mark.len() >= 7)
                .map(|mark| mark.to_lowercase()),
        );
    }
    Ok(marks)
}

/// Takes out of another case what quotes somebody: mails, notes, and what offices wrote.
async fn quotes(tx: &mut Tx, beside: &CaseId, marks: &[String]) -> Result<()> {
    // A mail breaks lines where it likes.
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let quotes = |text: &str| {
        let text = flat(text);
        marks.iter().any(|mark| text.contains(&flat(mark)))
    };
    let outgoing: Vec<(OutboxId, String, Json<OutMail>)> =
        tx.all("SELECT id, party, mail FROM outbox WHERE case_id = $1", args![beside]).await?;
    for (id, party, mail) in outgoing {
        if quotes(&mail.0.body) || quotes(&mail.0.subject) {
            empty_mail(tx, &id, party == Party::Resident.as_str(), mail.0).await?;
        }
    }
    let notes: Vec<(String, String)> =
        tx.all("SELECT CAST(id AS TEXT), words FROM notes WHERE case_id = $1", args![beside]).await?;
    for (id, _) in notes.iter().filter(|(_, words)| quotes(words)) {
        tx.exec("UPDATE notes SET words = '' WHERE id = $1", args![id]).await?;
    }
    let answers: Vec<(MessageId, String, String)> = tx
        .all("SELECT id, body, folded FROM messages WHERE case_id = $1 AND party <> 'resident'", args![beside])
        .await?;
    for (id, ..) in answers.iter().filter(|(_, body, folded)| quotes(body) || quotes(folded)) {
        message(tx, id).await?;
    }
    Ok(())
}

/// Takes out one message, with its files and what came in of it.
async fn message(tx: &mut Tx, id: &MessageId) -> Result<()> {
    let hashes: Vec<(String,)> =
        tx.all("SELECT DISTINCT sha256 FROM attachments WHERE message_id = $1", args![id]).await?;
    tx.exec("DELETE FROM attachments WHERE message_id = $1", args![id]).await?;
    for (hash,) in hashes {
        let sql =
            "DELETE FROM blobs WHERE sha256 = $1 AND NOT EXISTS (SELECT 1 FROM attachments a WHERE a.sha256 = $1)";
        tx.exec(sql, args![&hash]).await?;
    }
    decisions(tx, "SELECT id, decided FROM decisions WHERE message_id = $1", id.as_str()).await?;
    tx.exec("UPDATE message_parts SET words = '', before = NULL WHERE message_id = $1", args![id]).await?;
    // A mail is called by its place in its mailbox, by which it is known when it is met again; elsewhere by somebody's number or chat.
    tx.exec(
        "UPDATE inbox SET raw = $1, reason = NULL,
             external_id = CASE WHEN channel = 'email' THEN external_id ELSE $2 || ':' || id END WHERE message_id = $3",
        args![Vec::<u8>::new(), ERASED, id],
    )
    .await?;
    tx.exec(
        "UPDATE messages SET contact_id = NULL, from_address = NULL, from_name = NULL, subject = '', body = '', folded = '',
             rfc_message_id = NULL, sender = $1, automatic = NULL, no_auto_answer = NULL, embedding = NULL, encoder = NULL WHERE id = $2",
        args![erased_sender(), id],
    )
    .await?;
    Ok(())
}

/// Leaves of a mail that it was sent, and to which office.
async fn empty_mail(tx: &mut Tx, id: &OutboxId, theirs: bool, mail: OutMail) -> Result<()> {
    let offices = |addresses: Vec<String>| if theirs { Vec::new() } else { addresses };
    let empty = OutMail {
        to: offices(mail.to),
        cc: offices(mail.cc),
        subject: String::new(),
        body: String::new(),
        reply_to: None,
        in_reply_to: None,
        references: Vec::new(),
        attachments: Vec::new(),
        button: None,
        ..mail
    };
    let empty = serde_json::to_value(&empty).unwrap_or_default();
    tx.exec(
        "UPDATE outbox SET mail = $1, recipient = CASE WHEN $2 THEN '' ELSE recipient END, topic = '', reason = NULL, provider_id = NULL,
             idempotency_key = CASE WHEN case_id IS NULL THEN $3 || ':' || id ELSE idempotency_key END,
             status = CASE WHEN status IN ('held', 'queued') THEN 'cancelled' ELSE status END WHERE id = $4",
        args![empty, theirs, ERASED, id],
    )
    .await?;
    Ok(())
}

async fn decisions(tx: &mut Tx, sql: &'static str, of: &str) -> Result<()> {
    let rows: Vec<(DecisionId, Json<Value>)> = tx.all(sql, args![of]).await?;
    for (id, decided) in rows {
        let mut kept = codes(&decided.0);
        if let Some(before) = decided.0.get("before") {
            kept.insert("before".to_owned(), Value::Object(codes(before)));
        }
        let evidence = json!({ERASED: true});
        tx.exec(
            "UPDATE decisions SET decided = $1, evidence = $2 WHERE id = $3",
            args![Value::Object(kept), evidence, &id],
        )
        .await?;
    }
    Ok(())
}

fn codes(decided: &Value) -> Map<String, Value> {
    let entries = decided.as_object().into_iter().flatten();
    entries.filter(|(key, _)| CODES.contains(&key.as_str())).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Takes out everything of a person: their cases, what they wrote elsewhere, and the addresses by which they were known. That an address asked
/// for silence, or is blocked, stays: without that it would be written to, or heeded, again.
///
/// # Errors
/// What the database says.
pub async fn person(tx: &mut Tx, contacts: &[ContactId], now: DateTime<Utc>) -> Result<()> {
    for theirs in cases_of(tx, contacts).await? {
        case(tx, &theirs.id, now).await?;
    }
    for contact in contacts {
        let messages: Vec<(MessageId,)> =
            tx.all("SELECT id FROM messages WHERE contact_id = $1", args![contact]).await?;
        for (id,) in messages {
            message(tx, &id).await?;
        }
        let outgoing: Vec<(OutboxId, Json<OutMail>)> = tx
            .all(
                "SELECT o.id, o.mail FROM outbox o JOIN contact_points p ON p.address = o.recipient AND p.channel = o.channel
                 WHERE p.contact_id = $1 AND o.party = 'resident'",
                args![contact],
            )
            .await?;
        for (id, mail) in outgoing {
            empty_mail(tx, &id, true, mail.0).await?;
        }
        forget(tx, contact).await?;
    }
    Ok(())
}

/// Takes out contacts that nothing is kept of any more, of these: the addresses by which they were known.
///
/// # Errors
/// What the database says.
pub async fn forget_the_unknown(tx: &mut Tx, contacts: &BTreeSet<ContactId>) -> Result<()> {
    for contact in contacts {
        let sql = "SELECT (SELECT COUNT(*) FROM cases WHERE contact_id = $1) + (SELECT COUNT(*) FROM messages WHERE contact_id = $1)";
        if tx.count(sql, args![contact]).await? == 0 {
            forget(tx, contact).await?;
        }
    }
    Ok(())
}

async fn forget(tx: &mut Tx, contact: &ContactId) -> Result<()> {
    for sql in [
        "DELETE FROM same_person WHERE one = $1 OR other = $1",
        "DELETE FROM codes WHERE contact_id = $1",
        "DELETE FROM wrong_codes WHERE contact_id = $1",
        "DELETE FROM contact_points WHERE contact_id = $1",
        "UPDATE contacts SET person = NULL WHERE person = $1",
        "UPDATE cases SET contact_id = NULL WHERE contact_id = $1",
        "DELETE FROM contacts WHERE id = $1",
    ] {
        tx.exec(sql, args![contact]).await?;
    }
    Ok(())
}

/// Takes out what came in before `until` and is no part of any case: what was set aside, and what blocked senders sent. How many messages.
///
/// # Errors
/// What the database says.
pub async fn set_aside(tx: &mut Tx, until: DateTime<Utc>, limit: i64) -> Result<usize> {
    let rows: Vec<(MessageId, Option<ContactId>)> = tx
        .all(
            "SELECT id, contact_id FROM messages WHERE case_id IS NULL AND received_at < $1 AND sender <> $2
               AND NOT EXISTS (SELECT 1 FROM message_parts p WHERE p.message_id = messages.id) ORDER BY received_at, id LIMIT $3",
            args![until, erased_sender(), limit],
        )
        .await?;
    let mut contacts = BTreeSet::new();
    for (id, contact) in &rows {
        message(tx, id).await?;
        contacts.extend(contact.clone());
    }
    forget_the_unknown(tx, &contacts).await?;
    Ok(rows.len())
}

fn erased_sender() -> Value {
    json!({"check": "unverified", "why": ERASED})
}

/// The contact of a case.
///
/// # Errors
/// What the database says.
pub async fn contact_of(tx: &mut Tx, case: &CaseId) -> Result<Option<ContactId>> {
    let row: Option<(Option<ContactId>,)> = tx.opt("SELECT contact_id FROM cases WHERE id = $1", args![case]).await?;
    Ok(row.and_then(|row| row.0))
}

/// When a case was erased, if it was.
///
/// # Errors
/// What the database says.
pub async fn erased_at(tx: &mut Tx, case: &CaseId) -> Result<Option<DateTime<Utc>>> {
    let row: Option<(Option<DateTime<Utc>>,)> =
        tx.opt("SELECT erased_at FROM cases WHERE id = $1", args![case]).await?;
    Ok(row.and_then(|row| row.0))
}
