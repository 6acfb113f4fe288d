//! Which contacts are one person. Said beside the contacts, never by moving anything, so that it can be taken back.

use super::{Result, Tx, args};
pub use crate::core::case::Sameness;
use crate::core::{Channel, ContactId, ContactPoint, Ids, SamePersonId};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// What was said of two contacts.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SamePerson {
    /// The saying.
    pub id: SamePersonId,
    /// The contact known first.
    pub one: ContactId,
    /// The other.
    pub other: ContactId,
    /// What is known.
    #[sqlx(try_from = "String")]
    pub state: Sameness,
    /// Why, for people.
    pub why: String,
    /// When it was said first.
    pub created_at: DateTime<Utc>,
    /// Who decided.
    pub decided_by: Option<String>,
}

/// An address of a contact.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Point {
    /// Whose.
    pub contact_id: ContactId,
    /// The channel.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// The address on it.
    pub address: String,
    /// The name they go by there.
    pub name: Option<String>,
    /// When they chose to be written to there, if they did.
    pub chosen_at: Option<DateTime<Utc>>,
}

/// The contact that stands for a person: of all that are one person the oldest; the contact itself where it is alone.
///
/// # Errors
/// What the database says.
pub async fn of(tx: &mut Tx, contact: &ContactId) -> Result<ContactId> {
    let row: Option<(Option<ContactId>,)> = tx.opt("SELECT person FROM contacts WHERE id = $1", args![contact]).await?;
    Ok(row.and_then(|r| r.0).unwrap_or_else(|| contact.clone()))
}

/// Whether two contacts are one person.
///
/// # Errors
/// What the database says.
pub async fn is_same(tx: &mut Tx, one: &ContactId, other: &ContactId) -> Result<bool> {
    Ok(of(tx, one).await? == of(tx, other).await?)
}

/// All addresses of the person that a contact is, the one they chose last first.
///
/// # Errors
/// What the database says.
pub async fn points(tx: &mut Tx, contact: &ContactId) -> Result<Vec<Point>> {
    let person = of(tx, contact).await?;
    tx.all(
        "SELECT p.contact_id, p.channel, p.address, c.name, p.chosen_at
         FROM contact_points p JOIN contacts c ON c.id = p.contact_id
         WHERE c.id = $1 OR c.person = $1
         ORDER BY CASE WHEN p.chosen_at IS NULL THEN 1 ELSE 0 END, p.chosen_at DESC, p.contact_id, p.channel",
        args![&person],
    )
    .await
}

/// The addresses of a contact alone, whoever else it may be.
///
/// # Errors
/// What the database says.
pub async fn own_points(tx: &mut Tx, contact: &ContactId) -> Result<Vec<Point>> {
    let all = points(tx, contact).await?;
    Ok(all.into_iter().filter(|point| point.contact_id == *contact).collect())
}

/// Whose the cases are that a contact reported, what is for a councillor only apart: keys of councillors, none for what is nobody's.
///
/// # Errors
/// What the database says.
pub async fn councillors(tx: &mut Tx, contact: &ContactId) -> Result<Vec<Option<String>>> {
    let sql = "SELECT DISTINCT councillor FROM cases WHERE contact_id = $1 AND consent <> 'private'";
    let rows: Vec<(Option<String>,)> = tx.all(sql, args![contact]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Where somebody chose to be written to, if they did.
///
/// # Errors
/// What the database says.
pub async fn chosen(tx: &mut Tx, contact: &ContactId) -> Result<Option<ContactPoint>> {
    let first = points(tx, contact).await?.into_iter().next().filter(|point| point.chosen_at.is_some());
    Ok(first.map(|p| ContactPoint { channel: p.channel, address: p.address, name: p.name }))
}

/// They choose to be written to at an address of theirs; whether there is such an address.
///
/// # Errors
/// What the database says.
pub async fn choose(tx: &mut Tx, point: &ContactPoint, now: DateTime<Utc>) -> Result<bool> {
    let n = tx
        .exec(
            "UPDATE contact_points SET chosen_at = $1 WHERE channel = $2 AND address = $3",
            args![now, point.channel.as_str(), &point.address],
        )
        .await?;
    Ok(n == 1)
}

/// What was said of a contact and others, newest first.
///
/// # Errors
/// What the database says.
pub async fn said_of(tx: &mut Tx, contact: &ContactId) -> Result<Vec<SamePerson>> {
    tx.all(
        "SELECT id, one, other, state, why, created_at, decided_by FROM same_person WHERE one = $1 OR other = $1
         ORDER BY created_at DESC, id DESC",
        args![contact],
    )
    .await
}

/// Suggests that two contacts are one person; nothing where something was said of them before, or they are one already.
///
/// # Errors
/// What the database says.
pub async fn suggest(
    tx: &mut Tx,
    ids: &Ids,
    one: &ContactId,
    other: &ContactId,
    why: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    if is_same(tx, one, other).await? {
        return Ok(());
    }
    let (one, other) = in_order(one, other);
    let id: SamePersonId = ids.next();
    tx.exec(
        "INSERT INTO same_person (id, one, other, state, why, created_at) VALUES ($1, $2, $3, 'suggested', $4, $5)
         ON CONFLICT (one, other) DO NOTHING",
        args![&id, one, other, why, now],
    )
    .await?;
    Ok(())
}

/// Two contacts are one person from now on.
///
/// # Errors
/// What the database says.
pub async fn confirm(
    tx: &mut Tx,
    ids: &Ids,
    contacts: (&ContactId, &ContactId),
    why: &str,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let (one, other) = in_order(contacts.0, contacts.1);
    let id: SamePersonId = ids.next();
    tx.exec(
        "INSERT INTO same_person (id, one, other, state, why, created_at, decided_at, decided_by)
         VALUES ($1, $2, $3, 'confirmed', $4, $5, $5, $6)
         ON CONFLICT (one, other) DO UPDATE SET state = 'confirmed', why = $4, decided_at = $5, decided_by = $6",
        args![&id, one, other, why, now, actor],
    )
    .await?;
    work_out(tx, one).await
}

/// A gatekeeper decides about two contacts: one person (`Confirmed`), not (`Refused`), or not any more (`Undone`). `false` where
/// nothing of the kind was said.
///
/// # Errors
/// What the database says.
pub async fn decide(tx: &mut Tx, id: &SamePersonId, state: Sameness, actor: &str, now: DateTime<Utc>) -> Result<bool> {
    let from = if state == Sameness::Undone { "confirmed" } else { "suggested" };
    let n = tx
        .exec(
            "UPDATE same_person SET state = $1, decided_at = $2, decided_by = $3 WHERE id = $4 AND state = $5",
            args![state.as_str(), now, actor, id, from],
        )
        .await?;
    if n == 0 {
        return Ok(false);
    }
    let (one, other): (ContactId, ContactId) =
        tx.one("SELECT one, other FROM same_person WHERE id = $1", args![id]).await?;
    work_out(tx, &one).await?;
    work_out(tx, &other).await?;
    Ok(true)
}

/// Works out anew who is one person with a contact, from what is confirmed.
async fn work_out(tx: &mut Tx, contact: &ContactId) -> Result<()> {
    let mut known: BTreeSet<ContactId> = BTreeSet::from([contact.clone()]);
    let mut to_ask = vec![contact.clone()];
    while let Some(next) = to_ask.pop() {
        let confirmed = said_of(tx, &next).await?.into_iter().filter(|said| said.state == Sameness::Confirmed);
        for found in confirmed.flat_map(|said| [said.one, said.other]) {
            if known.insert(found.clone()) {
                to_ask.push(found);
            }
        }
    }
    // Ids are ordered by time, so the first is the oldest.
    let oldest = known.first().filter(|_| known.len() > 1).cloned();
    for contact in &known {
        tx.exec("UPDATE contacts SET person = $1 WHERE id = $2", args![oldest.as_ref(), contact]).await?;
    }
    Ok(())
}

fn in_order<'a>(one: &'a ContactId, other: &'a ContactId) -> (&'a ContactId, &'a ContactId) {
    if one <= other { (one, other) } else { (other, one) }
}

/// Keeps a code of a contact by its hash; of their earlier ones none is good any more.
///
/// # Errors
/// What the database says.
pub async fn keep_code(
    tx: &mut Tx,
    hash: &str,
    contact: &ContactId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    tx.exec("UPDATE codes SET used_at = $1 WHERE contact_id = $2 AND used_at IS NULL", args![now, contact]).await?;
    tx.exec(
        "INSERT INTO codes (hash, contact_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        args![hash, contact, now, expires_at],
    )
    .await?;
    Ok(())
}

/// How many codes a contact asked for since `since`.
///
/// # Errors
/// What the database says.
pub async fn codes_since(tx: &mut Tx, contact: &ContactId, since: DateTime<Utc>) -> Result<i64> {
    tx.count("SELECT COUNT(*) FROM codes WHERE contact_id = $1 AND created_at >= $2", args![contact, since]).await
}

/// Uses a code up: whose it was, if it is good and not `by`'s own.
///
/// # Errors
/// What the database says.
pub async fn use_code(tx: &mut Tx, hash: &str, by: &ContactId, now: DateTime<Utc>) -> Result<Option<ContactId>> {
    let n = tx
        .exec(
            "UPDATE codes SET used_at = $1 WHERE hash = $2 AND used_at IS NULL AND expires_at > $1 AND contact_id <> $3",
            args![now, hash, by],
        )
        .await?;
    if n == 0 {
        return Ok(None);
    }
    let row: (ContactId,) = tx.one("SELECT contact_id FROM codes WHERE hash = $1", args![hash]).await?;
    Ok(Some(row.0))
}

/// Notes that a contact tried a code that is none.
///
/// # Errors
/// What the database says.
pub async fn note_wrong_code(tx: &mut Tx, contact: &ContactId, now: DateTime<Utc>) -> Result<()> {
    tx.exec("INSERT INTO wrong_codes (contact_id, at) VALUES ($1, $2)", args![contact, now]).await?;
    Ok(())
}

/// How many codes that were none a contact tried since `since`.
///
/// # Errors
/// What the database says.
pub async fn wrong_codes_since(tx: &mut Tx, contact: &ContactId, since: DateTime<Utc>) -> Result<i64> {
    tx.count("SELECT COUNT(*) FROM wrong_codes WHERE contact_id = $1 AND at >= $2", args![contact, since]).await
}

/// Contacts with this name who wrote on another channel and have a case since `since`, at most `limit`: perhaps the same person.
///
/// # Errors
/// What the database says.
pub async fn namesakes(
    tx: &mut Tx,
    contact: &ContactId,
    name: &str,
    channel: Channel,
    since: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<ContactId>> {
    let rows: Vec<(ContactId,)> = tx
        .all(
            "SELECT c.id FROM contacts c
             WHERE LOWER(c.name) = $1 AND c.id <> $2
               AND EXISTS (SELECT 1 FROM contact_points p WHERE p.contact_id = c.id AND p.channel <> $3)
               AND EXISTS (SELECT 1 FROM cases k WHERE k.contact_id = c.id AND k.consent <> 'private' AND k.received_at >= $4)
             ORDER BY c.id LIMIT $5",
            args![name.to_lowercase(), contact, channel.as_str(), since, limit],
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
