//! What a gatekeeper decided last, in the queue or on the page of a case, and whether it can still be taken back.

use crate::core::Reference;
use crate::desk::undo;
use crate::store::case::Case;
use crate::store::undo::Undo;
use crate::store::{self, Tx, session::Session};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};

/// For so many minutes the last decision is shown that can be taken back.
const SHOWN_MINUTES: i64 = 10;

/// A decision, as the page names it.
pub(super) struct Last {
    pub(super) id: String,
    pub(super) reference: Reference,
    pub(super) what: &'static str,
    /// Seconds until what it sends leaves; none where it sends nothing.
    pub(super) leaves_in: Option<i64>,
    /// Whether it can be taken back.
    pub(super) open: bool,
    /// Who decided it, where that is somebody else.
    pub(super) by: Option<String>,
    /// Whether it stands on the page of its case, to which taking it back leads.
    pub(super) on_its_case: bool,
}

/// What this person decided last: while it can be taken back, and once after it was decided (`did`).
pub(super) async fn of(tx: &mut Tx, session: &Session, did: &str, now: DateTime<Utc>) -> store::Result<Option<Last>> {
    let since = now - TimeDelta::minutes(SHOWN_MINUTES);
    let Some(undo) = store::undo::latest_of(tx, &session.actor, since).await? else { return Ok(None) };
    let waits = undo.leaves_at.is_none_or(|leaves_at| leaves_at > now);
    if !waits && undo.id.as_str() != did {
        return Ok(None);
    }
    let Some(case) = store::case::get(tx, &undo.case_id).await? else { return Ok(None) };
    Ok(Some(shown(&undo, case.reference, waits, now)))
}

/// What was decided on this case last, by whomever, where it can be taken back: nothing of it has left.
pub(super) async fn on(tx: &mut Tx, session: &Session, case: &Case, now: DateTime<Utc>) -> store::Result<Option<Last>> {
    let since = now - TimeDelta::minutes(SHOWN_MINUTES);
    let Some(undo) = store::undo::latest_on(tx, &case.id, since).await? else { return Ok(None) };
    if undo::has_left(tx, &undo).await? {
        return Ok(None);
    }
    let by = (undo.actor != session.actor).then(|| super::decided::actor(&undo.actor));
    Ok(Some(Last { on_its_case: true, by, ..shown(&undo, case.reference.clone(), true, now) }))
}

fn shown(undo: &Undo, reference: Reference, open: bool, now: DateTime<Utc>) -> Last {
    // Rounded up: what is said to leave in a second has not left.
    let leaves_in = undo.leaves_at.map(|at| ((at - now).num_milliseconds() + 999).max(0) / 1000);
    let (id, what) = (undo.id.to_string(), what(&undo.kind));
    Last { id, reference, what, leaves_in, open, by: None, on_its_case: false }
}

/// The script that counts the seconds until it leaves.
pub(super) async fn script() -> Response {
    super::asset("text/javascript; charset=utf-8", include_str!("assets/last.js"))
}

fn what(kind: &str) -> &'static str {
    match kind {
        "accept" => "Accepted",
        "change" => "Changed",
        "change_accept" => "Changed and sent",
        "join" => "Joined",
        "spam" => "Closed as spam",
        "hold" => "Put on hold",
        "ask" => "The resident is asked",
        "close" => "Closed",
        "release" => "Released",
        "send_on" => "Sent on",
        "chase" => "The department is asked when it will be done",
        "put_off" => "Put off",
        "tell_department" => "The department is told",
        "consent" => "What the resident allows is written down",
        "give" => "Given to the councillor",
        "answer_all" => "One answer to everybody who sent the letter",
        "acknowledge_all" => "The acknowledgements of a letter are let go",
        crate::desk::undo::PRIVATE => "Given to the councillor only",
        _ => "Decided",
    }
}
