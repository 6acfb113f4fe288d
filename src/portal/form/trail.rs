//! `/trail/TOKEN`: how a report stands, for whoever has its private link, and what they can do about it. It says what the council told
//! its sender or would: nothing of the words themselves, nothing of staff, nothing of other people's cases; of a case that nobody has
//! sent on yet, only that somebody looks at it.

use super::super::gone::{self, Gone};
use super::super::scope::residents_eyes;
use super::super::{App, Shared, html, trouble::Trouble};
use super::fields::{Sent, Wrong};
use super::frame::{Asked, Frame};
use super::{Behind, Peer, behind, fresh_seal, nowhere, policy};
use crate::casework::join;
use crate::core::access::Field;
use crate::core::{CaseState, Council, Party, SenderCheck};
use crate::intake::form::{Chosen, DENIED};
use crate::routing::consent::Consent;
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::decision::Decision;
use crate::store::inbox::Whereabouts;
use crate::store::{self, Tx};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Europe::London;
use serde::Deserialize;

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
    /// What comes next.
    next: String,
    joined: bool,
    /// Whether they said that they need no more, while it goes on for others.
    left: bool,
    /// What to say of the email address, if one was given.
    address: Option<String>,
    happened: Vec<Happened>,
    /// What was just done.
    said: Option<String>,
    /// Whether it can still be withdrawn.
    may_end: bool,
    /// Whether they can say how content they are.
    may_rate: bool,
    /// The seal of the page's forms.
    seal: String,
    given: Given,
    max_files: usize,
    total_mb: usize,
}

impl TrailPage {
    /// What is wrong with a field, if anything.
    fn error(&self, field: &str) -> Option<&str> {
        self.given.wrong.iter().find(|w| w.field == field).map(|w| w.text.as_str())
    }

    /// What a field is described by: its hint, and its error where it has one.
    fn described(&self, field: &str, hint: &str) -> String {
        if self.error(field).is_some() { format!("{hint} {field}-error") } else { hint.to_owned() }
    }

    /// The words that one of the forms was sent with, to be sent once more.
    fn words(&self, act: &str) -> &str {
        if self.given.sent.act == act { &self.given.sent.problem } else { "" }
    }

    fn files_again(&self) -> bool {
        self.given.sent.act == "add" && self.given.sent.had_files
    }

    /// How content they can be, most first, with what that is called.
    fn scores(&self) -> [(u8, &str); 5] {
        let w = &self.frame.w().trail_page;
        [(5, &w.rate_5), (4, &w.rate_4), (3, &w.rate_3), (2, &w.rate_2), (1, &w.rate_1)].map(|(n, s)| (n, s.as_str()))
    }

    /// The ways to need it no more: what is sent, what it is called, what becomes of it, and the button.
    fn endings(&self) -> [(&'static str, &str, &str, &str); 2] {
        let w = &self.frame.w().trail_page;
        [
            ("solved", w.solve.as_str(), w.solve_hint.as_str(), w.solve_send.as_str()),
            ("withdraw", w.withdraw.as_str(), w.withdraw_hint.as_str(), w.withdraw_send.as_str()),
        ]
    }

    fn chose(&self, score: &u8) -> bool {
        self.given.sent.score == score.to_string()
    }
}

/// What was sent from the page and not taken as it is.
#[derive(Default)]
pub(super) struct Given {
    pub(super) status: StatusCode,
    /// The seal it was sent with, where that is good for another try.
    pub(super) seal: Option<String>,
    pub(super) sent: Sent,
    pub(super) wrong: Vec<Wrong>,
}

/// `?said=…`, as an action leaves it behind.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Said {
    said: Option<String>,
}

/// `GET /trail/TOKEN`.
pub(super) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
    Query(said): Query<Said>,
    peer: Peer,
    Path(token): Path<String>,
) -> Result<Response, Trouble> {
    let frame = Frame::new(&app, &asked, &headers, &format!("/trail/{token}"));
    let Some(report) = behind(&app, &token).await? else { return nowhere(&app, frame, &token, &headers, peer).await };
    let w = &frame.w().trail_page;
    let said = said.said.as_deref().and_then(|said| match said {
        "added" => Some(w.said_added.clone()),
        "closed" => Some(w.said_closed.clone()),
        "left" => Some(w.said_left.clone()),
        "noted" => Some(w.said_noted.clone()),
        "rated" => Some(w.said_rated.clone()),
        _ => None,
    });
    draw(&app, frame, &token, &report, said, Given::default()).await
}

/// What the seal of the forms on a private page is for: of this page alone.
pub(super) fn purpose(link: &str) -> String {
    format!("later {link}")
}

/// Draws the page of what is behind the private link `token`.
pub(super) async fn draw(
    app: &Shared,
    frame: Frame,
    token: &str,
    report: &Behind,
    said: Option<String>,
    given: Given,
) -> Result<Response, Trouble> {
    let policy = policy(app)?;
    let mut tx = app.db().read().await?;
    let standing = match &report.case {
        Some(id) => Standing::of(&mut tx, &app.portal.pipeline.house.council, id).await?,
        None => None,
    };
    drop(tx);
    let title = frame.w().trail.clone();
    let frame = frame.titled(&title, !given.wrong.is_empty()).with_privacy(policy.privacy_url.clone());
    let told = told(&frame, &app.portal.pipeline.house.council, report, standing.as_ref(), app.now());
    let open = standing.as_ref().filter(|standing| standing.top.state != CaseState::Closed);
    let left = open.is_some_and(|standing| standing.left);
    let page = TrailPage {
        reference: report.reference.to_string(),
        state: told.state,
        due: told.due,
        next: told.next,
        happened: told.happened,
        joined: standing.as_ref().is_some_and(|standing| standing.case.state == CaseState::Joined),
        left,
        address: report.delivery.as_ref().and_then(|found| address(&frame, found)),
        said,
        may_end: open.is_some() && !left,
        may_rate: standing.as_ref().is_some_and(Standing::may_rate),
        seal: given.seal.clone().unwrap_or_else(|| fresh_seal(app, &purpose(token))),
        max_files: policy.max_files,
        total_mb: policy.total_bytes >> 20,
        frame,
        given,
    };
    Ok((page.given.status, html(&page)?).into_response())
}

/// A case as its resident sees it.
struct Standing {
    case: Case,
    /// The case that says how it stands: the one it is joined to, or itself.
    top: Case,
    decisions: Vec<Decision>,
    /// When it left for those who deal with it.
    gone_at: Option<DateTime<Utc>>,
    /// When the councillor it came to was sent a copy of that.
    copied_at: Option<DateTime<Utc>>,
    left: bool,
    rated: bool,
}

impl Standing {
    async fn of(tx: &mut Tx, council: &Council, id: &crate::core::CaseId) -> store::Result<Option<Self>> {
        let case = store::case::get(tx, id).await?;
        let Some(case) = case.filter(|case| residents_eyes(case).may_read(Field::Standing)) else { return Ok(None) };
        let root = join::root(tx, id).await?;
        let outgoing = store::outbox::of_case(tx, &root).await?;
        let private = Consent::of(&case.consent).is_private();
        let gone = if private { Gone::to_councillor(&outgoing) } else { Gone::to_department(&outgoing) };
        let councillor = case.councillor.as_deref().and_then(|id| council.councillor(id)).filter(|_| !private);
        Ok(Some(Self {
            copied_at: councillor.and_then(|councillor| gone::copied_to(&outgoing, &councillor.email)),
            gone_at: gone.and_then(Gone::at),
            top: store::case::get(tx, &root).await?.unwrap_or_else(|| case.clone()),
            decisions: store::decision::of_case(tx, id).await?,
            left: store::trail::has_withdrawn(tx, id).await?,
            rated: store::trail::rating(tx, id).await?.is_some(),
            case,
        }))
    }

    fn is_private(&self) -> bool {
        Consent::of(&self.case.consent).is_private()
    }

    fn may_rate(&self) -> bool {
        self.top.state == CaseState::Closed && !self.rated && !self.is_private()
    }
}

/// What the page says of a report.
struct Told {
    state: String,
    /// By when it is promised.
    due: Option<String>,
    next: String,
    happened: Vec<Happened>,
}

fn told(frame: &Frame, council: &Council, report: &Behind, standing: Option<&Standing>, now: DateTime<Utc>) -> Told {
    let (rules, w) = (frame.rules(), frame.w());
    let (_, texts) = rules.text_reply(&frame.code);
    let (_, reply) = rules.reply(&frame.code);
    let mut all = vec![(report.received_at, w.received.clone())];
    let case = standing.map(|standing| &standing.top);
    let private = standing.is_some_and(Standing::is_private);
    // What is for the councillor only is with nobody else.
    let department = |case: &Case| match case.councillor.as_deref().filter(|_| private) {
        Some(id) => council.councillor(id).map_or_else(|| id.to_owned(), |councillor| councillor.name.clone()),
        None => rules.taxonomy.department_name(&case.department).to_owned(),
    };
    // Until somebody sent it on, a department or a day would be a guess of ours.
    let gone_on = case.filter(|case| matches!(case.state, CaseState::Routed | CaseState::Closed));
    // Nobody has it before the mail has left, which may be a while after it was decided.
    if let Some((case, routed)) = gone_on.and_then(|case| Some((case, standing?.gone_at?))) {
        // Joined to a case that had gone there before, it went there when it came.
        all.push((routed.max(report.received_at), frame.fill(&w.routed, "department", &department(case))));
    }
    // No name: where they live is not for whoever else opens the link.
    let copied = standing.and_then(|standing| standing.copied_at);
    all.extend(copied.map(|at| (at.max(report.received_at), w.trail_page.copied.clone())));
    all.extend(standing.iter().flat_map(|standing| standing.decisions.iter().flat_map(|d| event(frame, d))));
    let closed = case.filter(|case| case.state == CaseState::Closed).and_then(|case| case.closed_at);
    // That it was closed is among the decisions, unless another step closed it.
    let closed = closed.map(|at| (at.max(report.received_at), w.closed.clone()));
    all.extend(closed.filter(|closed| !all.contains(closed)));
    all.sort_by_key(|(at, _)| *at);
    let happened = all.into_iter().map(|(at, what)| Happened {
        when: format!("{}, {}", reply.date(received_date(at)), at.with_timezone(&London).format("%H:%M")),
        machine_time: at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        what,
    });
    let state = match case.map(|case| (case.state, case)) {
        Some((CaseState::Routed, case)) => frame.fill(&texts.state_routed, "department", &department(case)),
        Some((CaseState::Closed, _)) => texts.state_closed.clone(),
        _ => texts.state_waiting.clone(),
    };
    let promised = case.filter(|case| case.state == CaseState::Routed && !private);
    let promised: Option<NaiveDate> = promised.and_then(|case| case.due_on.parse().ok());
    let p = &w.trail_page;
    let next = match gone_on.map(|case| case.state) {
        Some(_) if private => &p.next_private,
        Some(CaseState::Closed) => &p.next_closed,
        Some(_) if promised.is_some_and(|due| due < received_date(now)) => &p.next_late,
        Some(_) => &p.next_routed,
        None => &w.next,
    };
    Told {
        state: capital(&state),
        due: promised.map(|due| reply.date(due)),
        next: next.clone(),
        happened: happened.collect(),
    }
}

/// What of a decision its resident sees: what they did themselves, and that it was closed or opened again.
fn event(frame: &Frame, decision: &Decision) -> Vec<(DateTime<Utc>, String)> {
    let (w, decided) = (frame.w(), &decision.decided.0);
    let p = &w.trail_page;
    let theirs = decided["party"] == Party::Resident.as_str() && decided["outcome"] == "joined";
    let what = match decision.kind.as_str() {
        "thread" if theirs && decided["reopened"] == true => vec![&p.added, &p.reopened],
        "thread" | "private" if theirs => vec![&p.added],
        "reopen" => vec![&p.reopened],
        "withdraw" if decided["solved"] == true => vec![&p.solved],
        "withdraw" => vec![&p.withdrew],
        "rate" => vec![&p.rated],
        "close" => vec![&w.closed],
        _ => Vec::new(),
    };
    what.into_iter().map(|what| (decision.created_at, what.clone())).collect()
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
