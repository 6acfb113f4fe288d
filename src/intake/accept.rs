//! The first commit: raw bytes and the channel's cursor together. Only after it may the wire be told.

use crate::core::{Clock, Ids, RawMessage, Reference};
use crate::store::{self, Db};

/// A batch off one account.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Messages, in the order of the account.
    pub messages: Vec<RawMessage>,
    /// Messages that were not fetched whole, with the reason: they go straight into quarantine, so that they are seen.
    pub unfit: Vec<(RawMessage, String)>,
    /// UIDVALIDITY (0 where there is none) and the highest UID or number of an update the batch reaches, for accounts that have
    /// them.
    pub reached: Option<(u32, i64)>,
}

/// How a batch was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Messages that were new.
    pub new: usize,
    /// Messages that were there already (taken in before a crash, or delivered again).
    pub known: usize,
}

/// Commits a batch: when this returns, every message of it will be worked on, whatever happens to this process.
///
/// # Errors
/// What the database says; then nothing of the batch was taken in, and the wire must not be told.
pub async fn accept(db: &Db, clock: &Clock, ids: &Ids, account: &str, batch: &Batch) -> store::Result<Accepted> {
    let now = clock.now();
    let mut tx = db.begin().await?;
    let mut accepted = Accepted::default();
    for raw in &batch.messages {
        let new = store::inbox::take_in(&mut tx, ids, raw, now).await?;
        if new { accepted.new += 1 } else { accepted.known += 1 }
    }
    for (raw, reason) in &batch.unfit {
        let new = store::inbox::take_into_quarantine(&mut tx, ids, raw, reason, now).await?;
        if new { accepted.new += 1 } else { accepted.known += 1 }
    }
    if let Some((uid_validity, last_uid)) = batch.reached {
        store::cursor::advance(&mut tx, account, uid_validity, last_uid, now).await?;
    }
    tx.commit().await?;
    Ok(accepted)
}

/// Commits one message whose sender is told a reference at once: that reference, and whether the message is new. The case it
/// becomes is opened under it.
///
/// # Errors
/// What the database says; then it was not taken in, and nobody may be told that it was.
pub async fn accept_promising(db: &Db, clock: &Clock, ids: &Ids, raw: &RawMessage) -> store::Result<(Reference, bool)> {
    let mut tx = db.begin().await?;
    let new = store::inbox::take_in(&mut tx, ids, raw, clock.now()).await?;
    let reference = store::case::promise(&mut tx, ids, &raw.account, &raw.external_id).await?;
    tx.commit().await?;
    Ok((reference, new))
}
