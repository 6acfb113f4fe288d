//! Messages as people see them: once each, however often they were delivered.

use super::{Result, Tx, args};
use crate::core::{CaseId, Channel, ContactId, ContactPoint, HearBy, Mail, MessageId, Party, SenderCheck};
use chrono::{DateTime, Utc};
use sqlx::types::Json;

/// A message that came in.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Message {
    /// The message.
    pub id: MessageId,
    /// The case it belongs to; none when it was set aside.
    pub case_id: Option<CaseId>,
    /// Who wrote it, as a part in the case.
    #[sqlx(try_from = "String")]
    pub party: Party,
    /// The way it came.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// Address it came from, on that channel.
    pub from_address: Option<String>,
    /// Name it came under.
    pub from_name: Option<String>,
    /// Subject.
    pub subject: String,
    /// What was written this time.
    pub body: String,
    /// What was folded away.
    pub folded: String,
    /// ISO 639-1 code, where it was looked at.
    pub language: Option<String>,
    /// Its Message-ID.
    pub rfc_message_id: Option<String>,
    /// Whether the sender is who they say.
    pub sender: Json<SenderCheck>,
    /// Why it may not be answered by a machine.
    pub no_auto_answer: Option<String>,
    /// How they want to hear from us, where that was asked: see [`Self::hear_by`].
    pub hear_by: Option<String>,
    /// When we took it in.
    pub received_at: DateTime<Utc>,
    /// The words that the case it was asked for is about, where the message became several cases.
    pub part: Option<String>,
    /// Whether that case's department may have the whole message all the same.
    pub whole: Option<bool>,
}

impl Message {
    /// Where it was written from; none where nobody is named.
    #[must_use]
    pub fn writer(&self) -> Option<ContactPoint> {
        let address = self.from_address.clone()?;
        Some(ContactPoint { channel: self.channel, address, name: self.from_name.clone() })
    }

    /// How who told it wants to hear from us; none where it came in by itself.
    #[must_use]
    pub fn hear_by(&self) -> Option<HearBy> {
        self.hear_by.as_deref().and_then(|word| word.parse().ok())
    }

    /// Whether its case is about a part of it, and its department gets no more than that.
    #[must_use]
    pub fn goes_in_part(&self) -> bool {
        self.part.is_some() && self.whole != Some(true)
    }

    /// Subject and words for the department of the case: a subject may be about the other parts, so it goes only with the
    /// whole.
    #[must_use]
    pub fn for_department(&self) -> (&str, &str) {
        match &self.part {
            Some(part) if self.goes_in_part() => ("", part),
            _ => (&self.subject, &self.body),
        }
    }
}

/// What the encoder made of a message.
#[derive(Clone, Copy, Debug)]
pub struct Embedding<'a> {
    /// Its numbers.
    pub vector: &'a [f32],
    /// Version of the encoder: those of another one are not comparable.
    pub encoder: &'a str,
}

/// What is written down of a new message.
#[derive(Clone, Debug)]
pub struct NewMessage<'a> {
    /// Its id.
    pub id: &'a MessageId,
    /// The case it belongs to, if any.
    pub case_id: Option<&'a CaseId>,
    /// Who wrote it.
    pub party: Party,
    /// Their contact.
    pub contact: Option<&'a ContactId>,
    /// The mail.
    pub mail: &'a Mail,
    /// ISO 639-1 code.
    pub language: Option<&'a str>,
    /// Sentence embedding.
    pub embedding: Option<Embedding<'a>>,
    /// How they want to hear from us, where that was asked.
    pub hear_by: Option<HearBy>,
    /// When we took it in.
    pub received_at: DateTime<Utc>,
}

/// Writes a message.
///
/// # Errors
/// What the database says; a message with the same fingerprint is an error, so look with [`by_fingerprint`] first.
pub async fn insert(tx: &mut Tx, new: NewMessage<'_>) -> Result<()> {
    let mail = new.mail;
    let sender = serde_json::to_value(&mail.sender).unwrap_or_default();
    tx.exec(
        "INSERT INTO messages (id, case_id, channel, party, contact_id, from_address, from_name, subject, body, folded, language,
             rfc_message_id, fingerprint, sender, automatic, no_auto_answer, embedding, sent_at, received_at, hear_by, encoder)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
        args![
            new.id,
            new.case_id,
            mail.channel.as_str(),
            new.party.as_str(),
            new.contact,
            mail.writer.as_ref().map(|w| w.address.as_str()),
            mail.writer.as_ref().and_then(|w| w.name.as_deref()),
            &mail.subject,
            &mail.text,
            &mail.folded,
            new.language,
            &mail.rfc_message_id,
            &mail.fingerprint,
            sender,
            &mail.automatic,
            &mail.no_auto_answer,
            new.embedding.map(|embedding| to_bytes(embedding.vector)),
            mail.sent_at,
            new.received_at,
            new.hear_by.map(HearBy::as_str),
            new.embedding.map(|embedding| embedding.encoder),
        ],
    )
    .await?;
    Ok(())
}

/// The message with this fingerprint, where it was taken in before.
///
/// # Errors
/// What the database says.
pub async fn by_fingerprint(tx: &mut Tx, fingerprint: &str) -> Result<Option<(MessageId, Option<CaseId>)>> {
    tx.opt("SELECT id, case_id FROM messages WHERE fingerprint = $1", args![fingerprint]).await
}

/// The messages of a case, oldest first, a message that it is only a part of among them.
///
/// # Errors
/// What the database says.
pub async fn of_case(tx: &mut Tx, case: &CaseId) -> Result<Vec<Message>> {
    tx.all(
        "SELECT m.id, m.case_id, m.channel, m.party, m.from_address, m.from_name, m.subject, m.body, m.folded, m.language, m.rfc_message_id,
                m.sender, m.no_auto_answer, m.hear_by, m.received_at, p.words AS part, p.whole AS whole
         FROM messages m LEFT JOIN message_parts p ON p.message_id = m.id AND p.case_id = $1
         WHERE m.id IN (SELECT id FROM messages WHERE case_id = $1 UNION SELECT message_id FROM message_parts WHERE case_id = $1)
         ORDER BY m.received_at, m.id",
        args![case],
    )
    .await
}

/// Who wrote a message, and where it went.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Writer {
    /// The way it came.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// The case it is on.
    pub case_id: Option<CaseId>,
    /// Address it came from, on that channel.
    pub from_address: Option<String>,
    /// Name it came under.
    pub from_name: Option<String>,
    /// Whether they are who they say.
    pub sender: Json<SenderCheck>,
}

/// Who wrote a message. Nobody else changes what is known of it until this transaction ends.
///
/// # Errors
/// What the database says.
pub async fn writer_to_change(tx: &mut Tx, id: &MessageId) -> Result<Option<Writer>> {
    tx.opt(
        "UPDATE messages SET channel = channel WHERE id = $1 RETURNING channel, case_id, from_address, from_name, sender",
        args![id],
    )
    .await
}

/// Writes down what became known later on of who wrote a message; `contact` stays as it was where there is none.
///
/// # Errors
/// What the database says.
pub async fn set_sender(tx: &mut Tx, id: &MessageId, sender: &SenderCheck, contact: Option<&ContactId>) -> Result<()> {
    let sender = serde_json::to_value(sender).unwrap_or_default();
    tx.exec(
        "UPDATE messages SET sender = $1, contact_id = COALESCE($2, contact_id) WHERE id = $3",
        args![sender, contact, id],
    )
    .await?;
    Ok(())
}

/// The cases that a message is on: one, or several where it was split.
///
/// # Errors
/// What the database says.
pub async fn cases_of(tx: &mut Tx, id: &MessageId) -> Result<Vec<CaseId>> {
    let rows: Vec<(CaseId,)> = tx
        .all(
            "SELECT id FROM cases WHERE id IN (SELECT case_id FROM messages WHERE id = $1
                                              UNION SELECT case_id FROM message_parts WHERE message_id = $1)
             ORDER BY opened_at, id",
            args![id],
        )
        .await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}

/// Notes that a councillor was written to by a message.
///
/// # Errors
/// What the database says.
pub async fn add_councillor(tx: &mut Tx, message: &MessageId, councillor: &str) -> Result<()> {
    tx.exec(
        "INSERT INTO message_councillors (message_id, councillor) VALUES ($1, $2) ON CONFLICT (message_id, councillor) DO NOTHING",
        args![message, councillor],
    )
    .await?;
    Ok(())
}

/// The councillors that the messages of a case were written to.
///
/// # Errors
/// What the database says.
pub async fn councillors_of_case(tx: &mut Tx, case: &CaseId) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT DISTINCT councillor FROM message_councillors
             WHERE message_id IN (SELECT id FROM messages WHERE case_id = $1
                                  UNION SELECT message_id FROM message_parts WHERE case_id = $1)
             ORDER BY councillor",
            args![case],
        )
        .await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}

/// Ties a Message-ID to a case, so that answers to it find the case. The first tie stands. `party` is who wrote it or,
/// where it is ours, to whom it goes.
///
/// # Errors
/// What the database says.
pub async fn tie_thread(tx: &mut Tx, rfc_message_id: &str, case: &CaseId, party: Party, ours: bool) -> Result<()> {
    tx.exec(
        "INSERT INTO thread_ids (rfc_message_id, case_id, party, ours) VALUES ($1, $2, $3, $4)
         ON CONFLICT (rfc_message_id) DO NOTHING",
        args![rfc_message_id, case, party.as_str(), ours],
    )
    .await?;
    Ok(())
}

/// A Message-ID that is known.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Thread {
    /// The case it belongs to.
    pub case_id: CaseId,
    /// Who wrote it, or, where it is ours, to whom it went.
    #[sqlx(try_from = "String")]
    pub party: Party,
    /// Whether it is one we made: nobody but its recipients can know it.
    pub ours: bool,
}

/// What a Message-ID belongs to.
///
/// # Errors
/// What the database says.
pub async fn thread(tx: &mut Tx, rfc_message_id: &str) -> Result<Option<Thread>> {
    tx.opt("SELECT case_id, party, ours FROM thread_ids WHERE rfc_message_id = $1", args![rfc_message_id]).await
}

/// As what an address last wrote in a case; none when it never did.
///
/// # Errors
/// What the database says.
pub async fn party_of_writer(tx: &mut Tx, case: &CaseId, email: &str) -> Result<Option<Party>> {
    let row: Option<(String,)> = tx
        .opt(
            "SELECT party FROM messages
             WHERE id IN (SELECT id FROM messages WHERE case_id = $1 UNION SELECT message_id FROM message_parts WHERE case_id = $1)
               AND from_address = $2
             ORDER BY received_at DESC, id DESC LIMIT 1",
            args![case, email],
        )
        .await?;
    Ok(row.and_then(|r| r.0.parse().ok()))
}

/// The account by which an address of a channel last wrote to us.
///
/// # Errors
/// What the database says.
pub async fn account_of_writer(tx: &mut Tx, channel: Channel, address: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = tx
        .opt(
            "SELECT i.account FROM messages m JOIN inbox i ON i.message_id = m.id
             WHERE m.channel = $1 AND m.from_address = $2 ORDER BY m.received_at DESC, m.id DESC LIMIT 1",
            args![channel.as_str(), address],
        )
        .await?;
    Ok(row.map(|r| r.0))
}

fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Reads an embedding as it stands in the database (little-endian `f32`s).
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect()
}
