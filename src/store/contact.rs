//! People and offices that write to us, and the addresses they use.

use super::{Result, Tx, args};
use crate::core::{Address, Channel, ContactId, Ids};
use chrono::{DateTime, Utc};

/// The contact of an address, where there is one.
///
/// # Errors
/// What the database says.
pub async fn known(tx: &mut Tx, address: &Address) -> Result<Option<ContactId>> {
    let row: Option<(ContactId,)> = tx
        .opt(
            "SELECT contact_id FROM contact_points WHERE channel = $1 AND address = $2",
            args![Channel::Email.as_str(), &address.email],
        )
        .await?;
    Ok(row.map(|r| r.0))
}

/// The contact of an address, made where there is none. An address belongs to one contact; two addresses are never put
/// together here.
///
/// # Errors
/// What the database says.
pub async fn by_address(tx: &mut Tx, ids: &Ids, address: &Address, now: DateTime<Utc>) -> Result<ContactId> {
    let channel = Channel::Email.as_str();
    let find = "SELECT contact_id FROM contact_points WHERE channel = $1 AND address = $2";
    if let Some((id,)) = tx.opt::<(ContactId,)>(find, args![channel, &address.email]).await? {
        return Ok(id);
    }
    let id: ContactId = ids.next();
    tx.exec("INSERT INTO contacts (id, name, created_at) VALUES ($1, $2, $3)", args![&id, &address.name, now]).await?;
    tx.exec(
        "INSERT INTO contact_points (channel, address, contact_id) VALUES ($1, $2, $3)
         ON CONFLICT (channel, address) DO NOTHING",
        args![channel, &address.email, &id],
    )
    .await?;
    // Another process may have been first: whoever stands there now is the contact.
    Ok(tx.one::<(ContactId,)>(find, args![channel, &address.email]).await?.0)
}
