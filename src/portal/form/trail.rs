//! `/trail/TOKEN`: how a report stands, for whoever has its private link. It says what the council told its sender or would: nothing
//! of the words themselves, nothing of staff, nothing of other people's cases; of a case that nobody has sent on yet, only that
//! somebody looks at it.

use super::super::{App, html, trouble::Trouble};
use super::behind;
use super::frame::{Asked, Frame};
use crate::casework::join;
use crate::core::{CaseState, Council, SenderCheck};
use crate::intake::form::{Chosen, DENIED};
use crate::routing::consent::Consent;
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::inbox::Whereabouts;
use crate::store::{self, Tx};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use chrono_tz::Europe::London;

/// Something that happened: when, for people and for machines, and what.
struct Happened {
    when: String,
    machine_time: String,
    what: String,
}

#[derive(Template)]
#[template(path = "trail.html")]
struct TrailPage {
    frame: Frame,
    reference: String,
    state: String,
    due: Option<String>,
    /// Whether no department has it yet.
    waiting: bool,
    joined: bool,
    /// What to say of the email address, if one was given.
    address: Option<String>,
    happened: Vec<Happened>,
}

/// `GET /trail/TOKEN`.
pub(super) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
    Path(token): Path<String>,
) -> Result<Response, Trouble> {
    let frame = Frame::new(&app, &asked, &headers, &format!("/trail/{token}"));
    let Some((reference, found)) = behind(&app, &token).await? else { return frame.gone() };
    let mut tx = app.db().read().await?;
    let case = match &found.case_id {
        Some(id) => store::case::get(&mut tx, id).await?,
        None => None,
    };
    let dealt_with = match &case {
        Some(case) => Some(dealt_with_in(&mut tx, case).await?),
        None => None,
    };
    drop(tx);
    let title = frame.w().trail.clone();
    let frame = frame.titled(&title, false);
    let joined = case.as_ref().is_some_and(|case| case.state == CaseState::Joined);
    let waiting = !dealt_with.as_ref().is_some_and(|c| matches!(c.state, CaseState::Routed | CaseState::Closed));
    let (state, due, happened) = told(&frame, &app.portal.pipeline.house.council, &found, dealt_with.as_ref());
    let address = address(&frame, &found);
    let page = TrailPage { reference: reference.to_string(), state, due, waiting, joined, address, happened, frame };
    Ok(html(&page)?.into_response())
}

/// The case that says how this one stands: the one it is joined to, if it is.
async fn dealt_with_in(tx: &mut Tx, case: &Case) -> store::Result<Case> {
    let root = join::root(tx, &case.id).await?;
    Ok(store::case::get(tx, &root).await?.unwrap_or_else(|| case.clone()))
}

/// How it stands, by when it is promised, and what happened so far.
fn told(
    frame: &Frame,
    council: &Council,
    found: &Whereabouts,
    case: Option<&Case>,
) -> (String, Option<String>, Vec<Happened>) {
    let (rules, w) = (frame.rules(), frame.w());
    let (_, texts) = rules.text_reply(&frame.code);
    let (_, reply) = rules.reply(&frame.code);
    let happened = |at: DateTime<Utc>, what: String| Happened {
        when: format!("{}, {}", reply.date(received_date(at)), at.with_timezone(&London).format("%H:%M")),
        machine_time: at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        what,
    };
    let mut all = vec![happened(found.received_at, w.received.clone())];
    // What is for the councillor only is with nobody else.
    let department = |case: &Case| match case.councillor.as_deref().filter(|_| Consent::of(&case.consent).is_private())
    {
        Some(id) => council.councillor(id).map_or_else(|| id.to_owned(), |councillor| councillor.name.clone()),
        None => rules.taxonomy.department_name(&case.department).to_owned(),
    };
    // Until somebody sent it on, a department or a day would be a guess of ours.
    let gone_on = case.filter(|case| matches!(case.state, CaseState::Routed | CaseState::Closed));
    if let Some((case, routed)) = gone_on.and_then(|case| Some((case, case.routed_at?))) {
        // Joined to a case that had gone there before, it went there when it came.
        all.push(happened(routed.max(found.received_at), frame.fill(&w.routed, "department", &department(case))));
    }
    let closed = case.filter(|case| case.state == CaseState::Closed);
    if let Some(closed_at) = closed.and_then(|case| case.closed_at) {
        all.push(happened(closed_at.max(found.received_at), w.closed.clone()));
    }
    let state = match case.map(|case| (case.state, case)) {
        Some((CaseState::Routed, case)) => frame.fill(&texts.state_routed, "department", &department(case)),
        Some((CaseState::Closed, _)) => texts.state_closed.clone(),
        _ => texts.state_waiting.clone(),
    };
    let due = case.filter(|case| case.state == CaseState::Routed && !Consent::of(&case.consent).is_private());
    let due = due.and_then(|case| Some(reply.date(case.due_on.parse().ok()?)));
    (capital(&state), due, all)
}

/// What to say of the email address that was given: whether it is confirmed.
fn address(frame: &Frame, found: &Whereabouts) -> Option<String> {
    Chosen::of(&found.raw)?.email?;
    match found.sender.as_ref().map(|sender| &sender.0) {
        Some(SenderCheck::Verified { .. }) => Some(frame.w().proven.clone()),
        Some(SenderCheck::Unverified { why }) if why == DENIED => None,
        _ => Some(frame.w().unproven.clone()),
    }
}

/// A line of a text message as a sentence of a page.
fn capital(line: &str) -> String {
    let mut letters = line.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
