//! What a gatekeeper decided last, in the queue or on the page of a case, and whether it can still be taken back.

use crate::core::Reference;
use crate::store::case::Case;
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
    /// Whether it stands on the page of its case, to which taking it back leads.
    pub(super) on_its_case: bool,
}

/// What this person decided last: while it can be taken back, and once after it was decided (`did`).
pub(super) async fn of(tx: &mut Tx, session: &Session, did: &str, now: DateTime<Utc>) -> store::Result<Option<Last>> {
    let since = now - TimeDelta::minutes(SHOWN_MINUTES);
    let Some(undo) = store::undo::latest_of(tx, &session.actor, since).await? else { return Ok(None) };
    let open = undo.leaves_at.is_none_or(|leaves_at| leaves_at > now);
    if !open && undo.id.as_str() != did {
        return Ok(None);
    }
    let Some(case) = store::case::get(tx, &undo.case_id).await? else { return Ok(None) };
    // Rounded up: what is said to leave in a second has not left.
    let leaves_in = undo.leaves_at.map(|at| ((at - now).num_milliseconds() + 999).max(0) / 1000);
    Ok(Some(Last {
        id: undo.id.to_string(),
        reference: case.reference,
        what: what(&undo.kind),
        leaves_in,
        open,
        on_its_case: false,
    }))
}

/// The same, where it was decided on this case and can be taken back.
pub(super) async fn on(tx: &mut Tx, session: &Session, case: &Case, now: DateTime<Utc>) -> store::Result<Option<Last>> {
    let last = of(tx, session, "", now).await?;
    Ok(last.filter(|last| last.reference == case.reference).map(|last| Last { on_its_case: true, ..last }))
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
        crate::desk::undo::PRIVATE => "Given to the councillor only",
        _ => "Decided",
    }
}
