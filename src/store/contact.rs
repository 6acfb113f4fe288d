//! People and offices that write to us, and the addresses they use.

use super::{Result, Tx, args};
use crate::core::{Channel, ContactId, ContactPoint, Ids};
use chrono::{DateTime, Utc};

/// The contact of an address, where there is one.
///
/// # Errors
/// What the database says.
pub async fn known(tx: &mut Tx, point: &ContactPoint) -> Result<Option<ContactId>> {
    let row: Option<(ContactId,)> = tx
        .opt(
            "SELECT contact_id FROM contact_points WHERE channel = $1 AND address = $2",
            args![point.channel.as_str(), &point.address],
        )
        .await?;
    Ok(row.map(|r| r.0))
}

/// The person behind an address, where it is known: see [`super::person::of`].
///
/// # Errors
/// What the database says.
pub async fn person(tx: &mut Tx, point: &ContactPoint) -> Result<Option<ContactId>> {
    match known(tx, point).await? {
        Some(contact) => super::person::of(tx, &contact).await.map(Some),
        None => Ok(None),
    }
}

/// The contact of an address, made where there is none. An address belongs to one contact; two addresses are never put
/// together here.
///
/// # Errors
/// What the database says.
pub async fn by_address(tx: &mut Tx, ids: &Ids, point: &ContactPoint, now: DateTime<Utc>) -> Result<ContactId> {
    let channel = point.channel.as_str();
    let find = "SELECT contact_id FROM contact_points WHERE channel = $1 AND address = $2";
    if let Some((id,)) = tx.opt::<(ContactId,)>(find, args![channel, &point.address]).await? {
        return Ok(id);
    }
    let id: ContactId = ids.next();
    tx.exec("INSERT INTO contacts (id, name, created_at) VALUES ($1, $2, $3)", args![&id, &point.name, now]).await?;
    tx.exec(
        "INSERT INTO contact_points (channel, address, contact_id) VALUES ($1, $2, $3)
         ON CONFLICT (channel, address) DO NOTHING",
        args![channel, &point.address, &id],
    )
    .await?;
    // Another process may have been first: whoever stands there now is the contact.
    Ok(tx.one::<(ContactId,)>(find, args![channel, &point.address]).await?.0)
}

/// Whether an address asked for silence.
///
/// # Errors
/// What the database says.
pub async fn is_silent(tx: &mut Tx, point: &ContactPoint) -> Result<bool> {
    let count = tx
        .opt::<(i64,)>(
            "SELECT COUNT(*) FROM silences WHERE channel = $1 AND address = $2",
            args![point.channel.as_str(), &point.address],
        )
        .await?;
    Ok(count.is_some_and(|(count,)| count > 0))
}

/// Notes that an address no longer takes what we send.
///
/// # Errors
/// What the database says.
pub async fn set_blocked(tx: &mut Tx, channel: Channel, address: &str, now: DateTime<Utc>) -> Result<()> {
    tx.exec(
        "INSERT INTO silences (channel, address, since, blocked) VALUES ($1, $2, $3, $4)
         ON CONFLICT (channel, address) DO NOTHING",
        args![channel.as_str(), address, now, true],
    )
    .await?;
    Ok(())
}

/// Notes that an address writes to us, and so takes what we send. A silence that it asked for itself stays.
///
/// # Errors
/// What the database says.
pub async fn writes_again(tx: &mut Tx, point: &ContactPoint) -> Result<()> {
    tx.exec(
        "DELETE FROM silences WHERE channel = $1 AND address = $2 AND blocked",
        args![point.channel.as_str(), &point.address],
    )
    .await?;
    Ok(())
}

/// An address asks for silence, or ends it.
///
/// # Errors
/// What the database says.
pub async fn set_silent(tx: &mut Tx, point: &ContactPoint, silent: bool, now: DateTime<Utc>) -> Result<()> {
    let (channel, address) = (point.channel.as_str(), &point.address);
    if silent {
        tx.exec(
            "INSERT INTO silences (channel, address, since, blocked) VALUES ($1, $2, $3, $4)
             ON CONFLICT (channel, address) DO UPDATE SET blocked = EXCLUDED.blocked",
            args![channel, address, now, false],
        )
        .await?;
    } else {
        tx.exec("DELETE FROM silences WHERE channel = $1 AND address = $2", args![channel, address]).await?;
    }
    Ok(())
}
