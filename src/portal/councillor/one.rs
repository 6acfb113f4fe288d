//! `/my/REFERENCE`: one case, as its councillor may know it: where it stands, who was told what and when; place, words and name as far as the
//! resident allows.

use super::super::case_page::summary::is_copied;
use super::super::format::{self, Due};
use super::super::gone::Gone;
use super::super::timeline::purpose;
use super::super::{App, Done, Page, audit_reading, case_page, html, scope, trouble::Trouble};
use crate::core::access::{Eyes, Field, Identity, Whereabouts, Words};
use crate::core::{CaseState, Party, Reference, Right, Taxonomy};
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::decision::Decision;
use crate::store::message::Message;
use crate::store::outbox::Outgoing;
use crate::store::{self, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;

/// Something that happened, without the words of it.
struct Happened {
    at: DateTime<Utc>,
    what: String,
}

impl Happened {
    fn when(&self) -> String {
        format::when(self.at)
    }

    fn machine_time(&self) -> String {
        format::machine_time(self.at)
    }
}

/// What the resident wrote at one time.
struct Wrote {
    when: String,
    language: String,
    words: String,
}

#[derive(Template)]
#[template(path = "my_case.html")]
struct CasePage {
    page: Page,
    reference: Reference,
    state: CaseState,
    service: String,
    department: String,
    ward: String,
    received: String,
    due: Due,
    /// Whether the department has it.
    sent: String,
    closed: Option<String>,
    /// Whether the resident allows a councillor to know them.
    known: bool,
    place: Option<String>,
    name: Option<String>,
    wrote: Vec<Wrote>,
    happened: Vec<Happened>,
    /// Whether the department can be asked when it will be done; where it can, whether it was asked today.
    chased: Option<bool>,
    /// The page of whoever works on it, for those who may.
    works: Option<String>,
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(reference): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let case = case_page::find(&mut tx, &reference).await?;
    // The guard has let in only those whose case it is.
    let eyes = scope::councillors_eyes(true, &case.consent, case.hold_reason.as_deref());
    if !eyes.may_read(Field::Standing) {
        let trouble = Trouble::no_case(&reference).back_to("/my", "Go to your cases");
        return Err(trouble.attempted(format!("case:{}", case.id)));
    }
    let messages = store::message::of_case(&mut tx, &case.id).await?;
    let decisions = store::decision::of_case(&mut tx, &case.id).await?;
    let outgoing = store::outbox::of_case(&mut tx, &case.id).await?;
    drop(tx);
    audit_reading(&app, &session, "read case", &[format!("case:{}", case.id)], json!({"councillor": true})).await?;
    let rules = app.portal.pipeline.understanding.rules();
    let works = session.reach(Right::Cases).has(case.councillor.as_deref());
    let works = works.then(|| format!("/cases/{}", case.reference));
    let page =
        Page::new(&app, &session, "my-case", format!("Case {}", case.reference)).with_notice(done.done.as_deref());
    let today = received_date(app.now());
    let council = &app.portal.pipeline.house.council;
    let email = case.councillor.as_deref().and_then(|key| council.councillor(key)).map(|c| c.email.clone());
    let happened = happened(&messages, &decisions, &outgoing, (&eyes, email.as_deref()));
    let chased = (case.state == CaseState::Routed).then(|| case_page::was_chased(&decisions, today));
    let gone = case.routed_at.and_then(|_| Gone::to_department(&outgoing));
    let sent = gone.map_or_else(|| "Not sent yet".to_owned(), Gone::said);
    let drawn = draw(page, case, messages, (sent, happened, chased), (&eyes, &rules.taxonomy), (today, works));
    Ok(html(&drawn)?.into_response())
}

/// Everything that happened, in order: the steps, and when who was told. `email` is the councillor's.
fn happened(
    messages: &[Message],
    decisions: &[Decision],
    outgoing: &[Outgoing],
    (eyes, email): (&Eyes, Option<&str>),
) -> Vec<Happened> {
    if !eyes.may_read(Field::Standing) {
        return Vec::new();
    }
    let came = |m: &Message| Happened { at: m.received_at, what: from(m.party).to_owned() };
    let mut happened: Vec<Happened> = messages.iter().map(came).collect();
    happened.extend(decisions.iter().filter_map(decided));
    happened.extend(outgoing.iter().filter_map(|one| went(one, eyes, email)));
    happened.sort_by_key(|one| one.at);
    happened
}

fn draw(
    page: Page,
    case: Case,
    messages: Vec<Message>,
    (sent, happened, chased): (String, Vec<Happened>, Option<bool>),
    (eyes, taxonomy): (&Eyes, &Taxonomy),
    (today, works): (NaiveDate, Option<String>),
) -> CasePage {
    let open = !matches!(case.state, CaseState::Closed | CaseState::Joined);
    let name = messages.iter().find(|m| m.party == Party::Resident).and_then(|m| m.from_name.clone());
    let theirs = messages.into_iter().filter(|m| m.party == Party::Resident);
    CasePage {
        page,
        service: taxonomy.service_name(&case.service).to_owned(),
        department: taxonomy.department_name(&case.department).to_owned(),
        ward: case.ward.unwrap_or_else(|| "Not known".to_owned()),
        received: format::when(case.received_at),
        due: format::due(&case.due_on, open, today),
        sent,
        closed: case.closed_at.filter(|_| case.state == CaseState::Closed).map(format::when),
        known: eyes.may_read(Field::Words),
        place: case.place.and_then(|place| Whereabouts::of(place.0.name).seen(eyes)),
        name: name.and_then(|name| Identity::of(name).seen(eyes)),
        wrote: theirs.filter_map(|message| wrote(message, eyes)).collect(),
        happened,
        chased,
        works,
        state: case.state,
        reference: case.reference,
    }
}

fn wrote(message: Message, eyes: &Eyes) -> Option<Wrote> {
    let words = Words::of(format::paragraphs(message.part.as_deref().unwrap_or(&message.body))).seen(eyes)?;
    Some(Wrote { when: format::when(message.received_at), language: message.language.unwrap_or_default(), words })
}

const fn from(party: Party) -> &'static str {
    match party {
        Party::Resident => "The resident wrote",
        Party::Department => "The department wrote",
        Party::Councillor => "The councillor wrote",
    }
}

/// A decision that moves the case or its date.
fn decided(decision: &Decision) -> Option<Happened> {
    let due = decision.decided.0["due_on"].as_str().unwrap_or_default();
    let what = match decision.kind.as_str() {
        "take_on" => "The department accepted it".to_owned(),
        "put_off" => format!("New date: {}", format::day(due)),
        "hand_on" => "It was handed on to another department".to_owned(),
        "close" => "It was closed".to_owned(),
        "join" => "It was joined to another report of the same problem".to_owned(),
        _ => return None,
    };
    Some(Happened { at: decision.created_at, what })
}

/// A message that has gone: what it was for, the way it went, and whether the councillor had a copy. How a resident is reached is theirs to
/// tell.
fn went(outgoing: &Outgoing, eyes: &Eyes, email: Option<&str>) -> Option<Happened> {
    let at = outgoing.sent_at.filter(|_| outgoing.status == "sent")?;
    if outgoing.party == Party::Resident && !eyes.may_read(Field::Identity) {
        // These are sent on one channel only, or in answer to what is written on some.
        let tells = matches!(outgoing.purpose.as_str(), "proof" | "information");
        let what = if tells { "Notice to the resident" } else { purpose(&outgoing.purpose) };
        return Some(Happened { at, what: what.to_owned() });
    }
    let copied = email.is_some_and(|email| is_copied(&outgoing.mail.0, email));
    let copy = if copied { ", with the councillor in copy" } else { "" };
    let what = format!("{}{copy}, by {}", purpose(&outgoing.purpose), outgoing.channel.label().to_lowercase());
    Some(Happened { at, what })
}
