//! Attempts: who asked for what they may not see. Each is on the audit trail, whoever it was.
//!
//! Of somebody who is signed in every one is written down; of strangers as many as do not make this a way to fill the disk. What a
//! stranger typed is not kept: of a guess only what it was a guess at.

use super::form::throttle::Throttle;
use super::{Shared, audit_reading};
use crate::core::{CaseId, Reference};
use crate::store::session::Session;
use crate::store::{self, Tx};
use serde_json::{Value, json};
use std::net::IpAddr;
use tokio::sync::Mutex;

/// Attempts of strangers from one network address, and from everybody, that are written down in an hour.
const WRITTEN_DOWN: (usize, usize) = (20, 500);
/// Who it was, where nobody is signed in.
const STRANGER: &str = "somebody unknown";

/// How many strangers tried of late.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<Throttle>);

/// Writes down what a stranger tried: `officer link`, `trail`, `invitation`, `case:ID`.
pub(super) async fn by_a_stranger(app: &Shared, from: IpAddr, object: &str) -> store::Result<()> {
    let now = app.now();
    if app.strangers.0.lock().await.admit_at_most(from, now, WRITTEN_DOWN).is_some() {
        return Ok(());
    }
    let mut tx = app.db().begin().await?;
    store::audit::write(&mut tx, app.ids(), STRANGER, "refused", object, json!({}), now).await?;
    tx.commit().await
}

/// Writes down what somebody who is signed in tried.
pub(super) async fn by(app: &Shared, session: &Session, object: &str, detail: Value) -> store::Result<()> {
    audit_reading(app, session, "refused", &[object.to_owned()], detail).await
}

/// The case that an address names, if there is one.
pub(super) async fn named(tx: &mut Tx, path: &str) -> store::Result<Option<CaseId>> {
    let Some(reference) = Reference::find_all(path).into_iter().next() else { return Ok(None) };
    Ok(store::case::by_reference(tx, &reference).await?.map(|case| case.id))
}
