//! The review queue, the page a gatekeeper lives in: one waiting message at a time, the most urgent first, what beadle suggests and
//! why, and a key for every decision. All of it are forms; `review.js` adds the keys.
//!
//! Whoever looks at a message has claimed it for a while, so that no two people decide about it.

pub(super) mod actions;
mod suggested;

use super::case_actions::seen_mark;
use super::format::{self, Due};
use super::last::{self, Last};
use super::timeline::{self, MessageView, Trail};
use super::{App, Page, Shared, audit_reading, case_page, html, scope, trouble::Trouble};
use crate::casework::split;
use crate::core::{CaseId, CaseState, Priority, Reach, Reference, Right};
use crate::routing::consent::Consent;
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::claim::Claim;
use crate::store::link::LinkKind;
use crate::store::queue::Waiting;
use crate::store::{self, Tx, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;
use suggested::Suggested;

/// For so many minutes whoever looks at a case has it.
const CLAIM_MINUTES: i64 = 5;
/// Most similar cases beside a message: a key for each.
const MOST_SIMILAR: usize = 5;
/// The policy of this page, which has a script of ours: else as everywhere.
pub(super) const WITH_SCRIPT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; \
                           frame-ancestors 'none'; base-uri 'none'";

/// What the keys do, for who asks.
const KEYS: [(&str, &str); 15] = [
    ("a", "Accept all that is suggested; on hold, Enter confirms it"),
    ("s", "Change the service, then its number; 0 for any other"),
    ("p", "Change the priority, then 1 to 4"),
    ("d", "Change the department, then its key"),
    ("w", "Change where it is, then its number; 0 to write where"),
    ("j", "Join, then the number of the case"),
    ("t", "Split the message: several requests, or another one in it"),
    ("q", "Ask the resident"),
    ("h", "Put on hold, with a reason"),
    ("x", "Spam"),
    ("c", "Councillor only"),
    ("n", "Skip for now"),
    ("u", "Undo your last decision"),
    ("o", "Open the whole case"),
    ("Escape", "Leave what was begun"),
];

/// Until when a claim holds that is made now.
fn claimed_until(app: &Shared) -> chrono::DateTime<chrono::Utc> {
    app.now() + TimeDelta::minutes(CLAIM_MINUTES)
}

/// What an action leaves behind in the address.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// The decision that was just taken.
    #[serde(default)]
    did: String,
    /// What else was just done.
    done: Option<String>,
}

/// An open case that may be the same problem.
struct Similar {
    number: usize,
    link: String,
    reference: Reference,
    title: String,
    language: String,
    state: CaseState,
    words: String,
    alike: String,
    why: String,
}

/// The question that lies ready for the resident.
struct Ready {
    id: String,
    words: String,
    language: String,
}

/// A waiting message, as it is drawn.
struct Before {
    reference: Reference,
    title: String,
    language: String,
    state: CaseState,
    priority: Priority,
    due: Due,
    received: String,
    attention: Option<String>,
    hold_reason: Option<String>,
    held: bool,
    seen_mark: String,
    messages: Vec<MessageView>,
    suggested: Suggested,
    similar: Vec<Similar>,
    several: bool,
    campaign: bool,
    ready: Option<Ready>,
}

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage {
    page: Page,
    /// `the last one`, `41 more wait`.
    more: String,
    last: Option<Last>,
    case: Before,
}

/// There is nothing to show: nothing waits, or it may not be shown here, or somebody else has it.
#[derive(Template)]
#[template(path = "review_none.html")]
struct NonePage {
    page: Page,
    last: Option<Last>,
    waiting: Waiting,
    instead: Instead,
}

enum Instead {
    /// Nothing waits for this person.
    Nothing,
    /// A message for the councillor only.
    Private(Reference),
    /// Somebody else has it: who, and until when.
    Taken(Reference, String, String),
}

/// The most urgent waiting case.
pub(super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().begin().await?;
    let mut found = None;
    // Another process may claim the same case in between: then it is the next one's turn.
    while let Some(id) = store::queue::first(&mut tx, &session.actor, app.now()).await? {
        if store::claim::take(&mut tx, &id, &session.actor, app.now(), claimed_until(&app)).await? {
            found = store::case::get(&mut tx, &id).await?;
            break;
        }
    }
    tx.commit().await?;
    match found {
        Some(case) => show(&app, &session, case, &asked).await,
        None => instead(&app, &session, &asked, Instead::Nothing).await,
    }
}

/// A waiting case by its reference.
pub(super) async fn named(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(reference): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().begin().await?;
    let case = case_page::find(&mut tx, &reference).await?;
    if !matches!(case.state, CaseState::Review | CaseState::Held) {
        return Ok(Redirect::to(&format!("/cases/{}", case.reference)).into_response());
    }
    let mine = store::claim::take(&mut tx, &case.id, &session.actor, app.now(), claimed_until(&app)).await?;
    let other = store::claim::of_others(&mut tx, &case.id, &session.actor, app.now()).await?;
    tx.commit().await?;
    match other.filter(|_| !mine) {
        Some(Claim { name, until, .. }) => {
            let taken = Instead::Taken(case.reference, name, format::clock(until));
            instead(&app, &session, &asked, taken).await
        }
        None => show(&app, &session, case, &asked).await,
    }
}

async fn instead(app: &Shared, session: &Session, asked: &Asked, instead: Instead) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let waiting = store::queue::waiting(&mut tx, &session.actor, app.now()).await?;
    let last = last::of(&mut tx, session, &asked.did, app.now()).await?;
    drop(tx);
    let page = Page::new(app, session, "review", "Review").with_notice(asked.done.as_deref());
    answer(html(&NonePage { page, last, waiting, instead })?.into_response())
}

#[expect(clippy::unnecessary_wraps, reason = "every page is answered by it")]
fn answer(mut response: Response) -> Result<Response, Trouble> {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(WITH_SCRIPT));
    Ok(response)
}

async fn show(app: &Shared, session: &Session, case: Case, asked: &Asked) -> Result<Response, Trouble> {
    let id = case.id.clone();
    if Consent::of(&case.consent).is_private() {
        audit_reading(app, session, "read case", &[format!("case:{id}")], json!({"private": true})).await?;
        return instead(app, session, asked, Instead::Private(case.reference)).await;
    }
    let mut tx = app.db().read().await?;
    let (similar, others) = similar(&mut tx, &id, &session.reach(Right::Cases)).await?;
    let several = split::offer(&mut tx, &case).await?.is_some_and(|offer| offer.is_open());
    let campaign = store::campaign::is_one(&mut tx, &id).await?;
    let waiting = store::queue::waiting(&mut tx, &session.actor, app.now()).await?;
    let last = last::of(&mut tx, session, &asked.did, app.now()).await?;
    let eyes = scope::gatekeepers_eyes(&case);
    let trail = Trail::of(&mut tx, case, &eyes, &session.reach(Right::Cases)).await?;
    drop(tx);
    audit_reading(app, session, "read case", &[format!("case:{id}")], json!({"review": true})).await?;
    // What others wrote stands beside it, so it was read too.
    let others: Vec<String> = others.iter().map(|other| format!("case:{other}")).collect();
    audit_reading(app, session, "read extract", &others, json!({"beside": id})).await?;
    let page = Page::new(app, session, "review", format!("Review {}", trail.case.reference));
    let page = page.with_notice(asked.done.as_deref());
    let case = before(app, trail, similar, (several, campaign));
    let more = match waiting.free - 1 {
        ..=0 => "No other message waits for you".to_owned(),
        more => format!("{} after this one", format::count(more, "message waits", "messages wait")),
    };
    answer(html(&ReviewPage { page, more, last, case })?.into_response())
}

fn before(app: &Shared, trail: Trail, similar: Vec<Similar>, (several, campaign): (bool, bool)) -> Before {
    let rules = app.portal.pipeline.understanding.rules();
    let suggested = suggested::of(&trail, &rules.taxonomy);
    let messages = trail.messages.iter().map(|message| trail.message(message)).collect();
    let ready = trail.outgoing.iter().find(|o| o.purpose == "question" && o.status == "held");
    let ready = ready.map(|o| Ready {
        id: o.id.to_string(),
        words: o.mail.0.body.clone(),
        language: o.mail.0.language.clone(),
    });
    let case = trail.case;
    Before {
        seen_mark: seen_mark(&case),
        due: format::due(&case.due_on, true, received_date(app.now())),
        received: format::when(case.received_at),
        held: case.state == CaseState::Held,
        hold_reason: case.hold_reason.filter(|_| case.state == CaseState::Held),
        reference: case.reference,
        title: case.title,
        language: case.language,
        state: case.state,
        priority: case.priority,
        attention: case.attention,
        messages,
        suggested,
        similar,
        several,
        campaign,
        ready,
    }
}

/// The cases that may be the same problem, the likeliest first, and which they are.
async fn similar(tx: &mut Tx, id: &CaseId, reach: &Reach) -> store::Result<(Vec<Similar>, Vec<CaseId>)> {
    let mut links = store::link::standing(tx, id).await?;
    links.retain(|link| link.kind == LinkKind::Maybe);
    links.sort_by(|a, b| b.score.total_cmp(&a.score));
    let (mut similar, mut others) = (Vec::new(), Vec::new());
    for link in links.into_iter().take(MOST_SIMILAR) {
        let beside = if link.child == *id { &link.parent } else { &link.child };
        let Some(other) = store::case::get(tx, beside).await? else { continue };
        // What is another councillor's is none of theirs; somebody who acts for both decides.
        if !reach.has(other.councillor.as_deref()) {
            continue;
        }
        let words = timeline::first_words(tx, &other, &scope::gatekeepers_eyes(&other)).await?;
        others.push(beside.clone());
        similar.push(Similar {
            number: similar.len() + 1,
            link: link.id.to_string(),
            reference: other.reference,
            title: other.title,
            language: other.language,
            state: other.state,
            words: format::excerpt(&words.unwrap_or_default(), case_page::EXCERPT),
            alike: format::chance(link.score),
            why: format::sentence(&link.why),
        });
    }
    Ok((similar, others))
}

/// The script that adds the keys.
pub(super) async fn script() -> Response {
    super::asset("text/javascript; charset=utf-8", include_str!("../assets/review.js"))
}
