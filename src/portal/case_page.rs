//! One case: what is asked of the person who looks, the summary, and the whole trail.

pub(super) mod summary;

use super::blocked::{self, Sender};
use super::case_actions::seen_mark;
use super::format::{self, Due};
use super::last::{self, Last};
use super::list::{Choice, by_name};
use super::map::{self, Map};
use super::patterns::{self, Before};
use super::private;
use super::review::WITH_SCRIPT;
use super::scope;
use super::several::{self, OwnPart, Several};
use super::timeline::{self, Entry, Trail, What};
use super::who::{self, Who};
use super::{App, Done, Page, Shared, audit_reading, html, trouble::Trouble};
use crate::casework::join;
use crate::core::{CaseId, CaseState, Party, Priority, Reach, Reference, Right, Taxonomy};
use crate::desk::progress::first_later_day;
use crate::outbox::compose::is_of_the_council;
use crate::routing::consent::Consent;
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::decision::Decision;
use crate::store::link::LinkKind;
use crate::store::outbox::Outgoing;
use crate::store::{self, Tx, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use std::collections::BTreeSet;
use summary::{Line, summary};

/// Characters of a message that stand for it beside another.
pub(super) const EXCERPT: usize = 400;

/// The case of a reference as it stands in an address.
pub(super) async fn find(tx: &mut Tx, reference: &str) -> Result<Case, Trouble> {
    let parsed: Reference = reference.parse().map_err(|e| {
        let shown = format::excerpt(reference, 40);
        Trouble::not_found(format!("There is no case \"{shown}\". {}.", format::sentence(&format!("{e}"))))
    })?;
    store::case::by_reference(tx, &parsed).await?.ok_or_else(|| Trouble::no_case(reference))
}

/// Another case beside this one.
struct Other {
    link: String,
    reference: Reference,
    title: String,
    language: String,
    state: CaseState,
    words: String,
    why: String,
}

/// What can be done with a case that is with a department.
struct Progress {
    /// First day that it can be put off to, `2026-03-31`.
    first_day: String,
    /// Whether the department was asked today already.
    asked_today: bool,
}

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage {
    page: Page,
    last: Option<Last>,
    reference: Reference,
    title: String,
    language: String,
    state: CaseState,
    priority: Priority,
    due: Due,
    attention: Option<String>,
    hold_reason: Option<String>,
    /// The day on which what residents wrote was erased.
    erased: Option<String>,
    waiting: bool,
    held: bool,
    can_change: bool,
    can_join: bool,
    seen_mark: String,
    service: String,
    department: String,
    confidence: String,
    unsure: bool,
    between: String,
    words: String,
    lines: Vec<Line>,
    likeliest: Vec<Choice>,
    services: Vec<Choice>,
    departments: Vec<Choice>,
    priorities: Vec<Choice>,
    parent: Option<Other>,
    children: Vec<Other>,
    perhaps: Vec<Other>,
    again: Vec<Other>,
    before: Option<Before>,
    campaign: Option<usize>,
    several: Option<Several>,
    /// Whether another request can be seen in its message.
    can_find: bool,
    own_part: Option<OwnPart>,
    who: Option<Who>,
    can_close: bool,
    progress: Option<Progress>,
    map: Option<Map>,
    sender: Option<Sender>,
    consents: Vec<Choice>,
    entries: Vec<Entry>,
}

/// Everything a page is drawn from, read at one moment.
struct Read {
    erased: Option<DateTime<Utc>>,
    trail: Trail,
    /// What they decided last, if it was on this case.
    last: Option<Last>,
    /// Mails of the case this one is joined to: they may be what told the councillor.
    parents_outgoing: Vec<Outgoing>,
    written_to: Vec<String>,
    parent: Option<Other>,
    children: Vec<Other>,
    perhaps: Vec<Other>,
    again: Vec<Other>,
    before: Option<Before>,
    /// Of a campaign how many people sent its letter.
    campaign: Option<usize>,
    several: Option<several::Found>,
    own_part: Option<OwnPart>,
    who: Option<Who>,
    sender: Option<Sender>,
    others: Vec<CaseId>,
}

pub(super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(reference): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let case = find(&mut tx, &reference).await?;
    if Consent::of(&case.consent).is_private() {
        audit_reading(&app, &session, "read case", &[format!("case:{}", case.id)], json!({"private": true})).await?;
        let page = Page::new(&app, &session, "cases", format!("Case {}", case.reference));
        return private::page(&app, tx, case, page.with_notice(done.done.as_deref())).await;
    }
    let last = last::on(&mut tx, &session, &case, app.now()).await?;
    let script = last.is_some();
    let read = Read { last, ..read(tx, case, &session.reach(Right::Cases)).await? };
    let id = &read.trail.case.id;
    audit_reading(&app, &session, "read case", &[format!("case:{id}")], json!({})).await?;
    // What others wrote stands beside it, so it was read too.
    let mut others: Vec<String> = read.others.iter().map(|other| format!("case:{other}")).collect();
    others.extend(read.who.iter().flat_map(Who::others_read));
    audit_reading(&app, &session, "read extract", &others, json!({"beside": id})).await?;
    let page = Page::new(&app, &session, "cases", format!("Case {}", read.trail.case.reference));
    let mut response = html(&draw(&app, page.with_notice(done.done.as_deref()), read))?.into_response();
    if script {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(WITH_SCRIPT));
    }
    Ok(response)
}

async fn read(mut tx: Tx, case: Case, reach: &Reach) -> Result<Read, Trouble> {
    let id = case.id.clone();
    let (mut parent, mut children, mut perhaps, mut others) = (None, Vec::new(), Vec::new(), Vec::new());
    let mut again = Vec::new();
    let links = store::link::standing(&mut tx, &id).await?;
    let several = several::found(&mut tx, &case, &links, reach).await?;
    let own_part = several::own_part(&mut tx, &case, &links, reach).await?;
    // A campaign has a page of its own for its letters.
    let letters: BTreeSet<CaseId> = store::campaign::cases(&mut tx, &id).await?.into_iter().collect();
    for link in links.into_iter().filter(|l| l.kind != LinkKind::Split && !letters.contains(&l.child)) {
        let is_child = link.child == id;
        let beside = if is_child { &link.parent } else { &link.child };
        let Some(other) = store::case::get(&mut tx, beside).await? else { continue };
        // What is another councillor's is none of theirs; somebody who acts for both decides.
        if !reach.has(other.councillor.as_deref()) {
            continue;
        }
        let words = timeline::first_words(&mut tx, &other, &scope::gatekeepers_eyes(&other)).await?;
        others.push(beside.clone());
        let view = Other {
            link: link.id.to_string(),
            words: words.map(|words| format::excerpt(&words, EXCERPT)).unwrap_or_default(),
            reference: other.reference,
            title: other.title,
            language: other.language,
            state: other.state,
            why: format::sentence(&link.why),
        };
        match (link.kind, is_child) {
            (LinkKind::Join, true) => parent = Some(view),
            (LinkKind::Join, false) => children.push(view),
            (LinkKind::Again, _) => again.push(view),
            _ => perhaps.push(view),
        }
    }
    let before = patterns::before(&mut tx, &case, reach).await?;
    let campaign = store::campaign::is_one(&mut tx, &id).await?.then(|| letters.len() + 1);
    let who = who::who(&mut tx, &case, reach).await?;
    let root = join::root(&mut tx, &id).await?;
    let parents_outgoing = if root == id { Vec::new() } else { store::outbox::of_case(&mut tx, &root).await? };
    let eyes = scope::gatekeepers_eyes(&case);
    let mut trail = Trail::of(&mut tx, case, &eyes, reach).await?;
    trail.taught = super::learned::taught(&mut tx, &id).await?;
    let written_to = store::message::councillors_of_case(&mut tx, &id).await?;
    let sender = blocked::sender(&mut tx, &trail.messages).await?;
    let erased = store::erasure::erased_at(&mut tx, &id).await?;
    Ok(Read {
        erased,
        trail,
        last: None,
        parents_outgoing,
        written_to,
        parent,
        children,
        perhaps,
        again,
        before,
        campaign,
        several,
        own_part,
        who,
        sender,
        others,
    })
}

fn draw(app: &Shared, page: Page, read: Read) -> CasePage {
    let pipeline = &app.portal.pipeline;
    let rules = pipeline.understanding.rules();
    let taxonomy = &rules.taxonomy;
    let lines = summary(&read, taxonomy, &pipeline.house.council, received_date(app.now()));
    let case = &read.trail.case;
    let told_to_us = told_to_us(&read.trail);
    let waiting = matches!(case.state, CaseState::Review | CaseState::Held);
    let open = waiting || case.state == CaseState::Routed;
    let department = taxonomy.department_name(&case.department).to_owned();
    let as_service =
        Choice { value: String::new(), label: format!("As the service has it (now {department})"), chosen: true };
    let departments = by_name(taxonomy.departments.values().map(|d| Choice::new(&d.id, &d.name, "")));
    CasePage {
        page,
        last: read.last,
        reference: case.reference.clone(),
        title: case.title.clone(),
        language: case.language.clone(),
        state: case.state,
        priority: case.priority,
        due: format::due(&case.due_on, open, received_date(app.now())),
        attention: case.attention.clone(),
        erased: read.erased.map(format::date),
        hold_reason: case.hold_reason.clone().filter(|_| case.state == CaseState::Held),
        waiting,
        held: case.state == CaseState::Held,
        can_change: open,
        can_join: read.parent.is_none(),
        seen_mark: seen_mark(case),
        service: taxonomy.service_name(&case.service).to_owned(),
        department,
        confidence: format::chance(case.confidence),
        unsure: case.disposition == crate::core::Disposition::Unsure
            && !read.trail.decisions.iter().any(|d| d.kind == "change"),
        words: read
            .trail
            .messages
            .first()
            .map(|first| format::excerpt(&timeline::words_of(first), EXCERPT))
            .unwrap_or_default(),
        lines,
        between: between(&read.trail, taxonomy),
        likeliest: likeliest(&read.trail, taxonomy),
        services: by_name(
            taxonomy
                .services
                .values()
                .filter(|s| !s.off || s.id == case.service)
                .map(|s| Choice::new(&s.id, &s.name, &case.service)),
        ),
        departments: std::iter::once(as_service).chain(departments).collect(),
        priorities: Priority::ALL
            .iter()
            .rev()
            .map(|p| Choice::new(p.as_str(), p.label(), case.priority.as_str()))
            .collect(),
        entries: read.trail.entries(taxonomy),
        progress: (case.state == CaseState::Routed).then(|| progress(app, &read.trail)),
        map: map_of(app, case),
        can_find: open && read.trail.decisions.iter().any(|d| d.kind == "triage"),
        several: read.several.map(|found| several::several(found, case, taxonomy)),
        own_part: read.own_part,
        who: read.who,
        consents: Consent::ALL.iter().map(|c| Choice::new(c.as_str(), c.label(), &case.consent)).collect(),
        sender: read
            .sender
            .filter(|s| !told_to_us && !is_of_the_council(&pipeline.house.council, taxonomy, &s.address)),
        can_close: matches!(case.state, CaseState::Review | CaseState::Routed),
        parent: read.parent,
        children: read.children,
        perhaps: read.perhaps,
        again: read.again,
        before: read.before,
        campaign: read.campaign,
    }
}

fn progress(app: &Shared, trail: &Trail) -> Progress {
    let today = received_date(app.now());
    let calendar = &app.portal.pipeline.house.calendar;
    Progress {
        first_day: first_later_day(&trail.case.due_on, today, calendar).to_string(),
        asked_today: was_chased(&trail.decisions, today),
    }
}

/// Whether the department was asked on this day when it will be done, and that was not taken back.
pub(super) fn was_chased(decisions: &[Decision], day: NaiveDate) -> bool {
    let asked = |d: &Decision| d.kind == "chase" && received_date(d.created_at) == day;
    let taken_back = |d: &Decision| d.kind == "undo" && d.decided.0["takes_back"] == "chase";
    let last = decisions
        .iter()
        .filter(|d| asked(d) || taken_back(d))
        .max_by(|a, b| a.created_at.cmp(&b.created_at).then(a.id.cmp(&b.id)));
    last.is_some_and(asked)
}

/// The map of a case whose place is known well enough for a dot.
fn map_of(app: &Shared, case: &Case) -> Option<Map> {
    let place = &case.place.as_ref()?.0;
    map::map(app.portal.pipeline.understanding.places().wards()?, place.spot()?, &place.name)
}

/// Whether a gatekeeper wrote down what the resident told them: nobody but us could be blocked.
fn told_to_us(trail: &Trail) -> bool {
    let first = trail.messages.iter().find(|m| m.party == Party::Resident);
    first.is_some_and(|m| m.channel.is_word_of_mouth())
}

/// Least probability of a service that is named to the one who decides.
const WORTH_NAMING: f64 = 0.05;

/// The services a message was found likeliest to be about, for the one who decides where beadle is unsure.
fn likeliest(trail: &Trail, taxonomy: &Taxonomy) -> Vec<Choice> {
    let candidates = trail.verdict().map(|v| v.candidates).unwrap_or_default();
    let worth_naming =
        candidates.iter().filter(|c| c.probability >= WORTH_NAMING && taxonomy.services.contains_key(&c.service));
    let label = |service: &str, p: f64| format!("{} ({})", taxonomy.service_name(service), format::chance(p));
    worth_naming.map(|c| Choice::new(&c.service, &label(&c.service, c.probability), "")).collect()
}

/// What beadle cannot decide between, in words; nothing where only one service, or none, is worth naming.
fn between(trail: &Trail, taxonomy: &Taxonomy) -> String {
    let candidates = trail.verdict().map(|v| v.candidates).unwrap_or_default();
    let named: Vec<&str> = candidates
        .iter()
        .filter(|c| c.probability >= WORTH_NAMING && taxonomy.services.contains_key(&c.service))
        .map(|c| taxonomy.service_name(&c.service))
        .take(3)
        .collect();
    match named.as_slice() {
        [] | [_] => String::new(),
        [first @ .., last] => format!(" between {} and {last}", first.join(", ")),
    }
}
