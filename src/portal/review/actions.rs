//! What a gatekeeper decides in the queue. Each decision is kept with what it changed, so that it can be taken back, and leads to the
//! next message.

use super::super::case_actions::links::{self, LinkAct};
use super::super::case_actions::{Changed, Seen, accept_case, beside, change_case, grown_old, no_such, seen_mark};
use super::super::trouble::Trouble;
use super::super::{App, Shared, case_page, format};
use super::claimed_until;
use crate::core::{CaseId, CaseState, LinkId, OutboxId, Right, UndoId};
use crate::desk::Desk;
use crate::desk::undo::PRIVATE;
use crate::outbox::compose::Composer;
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::claim::Claim;
use crate::store::link::LinkKind;
use crate::store::queue::EVERYBODY;
use crate::store::{self, Tx, session::Session};
use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::Redirect;
use chrono::TimeDelta;
use serde::Deserialize;

/// For so many minutes the queue passes over what somebody skipped, for them.
const SKIPPED_MINUTES: i64 = 30;
/// For so many hours it passes over what waits for an answer or was put on hold, for everybody.
const PARKED_HOURS: i64 = 24;

/// What a form of the page may bring; each brings what it needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::portal) struct Wanted {
    seen: String,
    confirmed: String,
    service: String,
    department: String,
    priority: String,
    place: String,
    then: String,
    link: String,
    outgoing: String,
    words: String,
    why: String,
}

/// What is decided.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Accept,
    Change,
    Join,
    Spam,
    Hold,
    Ask,
    Private,
}

/// What became of it.
struct Done {
    /// In one word; none where nothing was changed.
    kind: Option<&'static str>,
    /// Whether the same message stays before them.
    stays: bool,
}

impl Done {
    const fn next(kind: &'static str) -> Self {
        Self { kind: Some(kind), stays: false }
    }
}

macro_rules! decisions {
    ($($name:ident => $what:ident;)+) => {$(
        pub(in crate::portal) async fn $name(
            State(app): State<App>,
            Extension(session): Extension<Session>,
            Path(reference): Path<String>,
            Form(wanted): Form<Wanted>,
        ) -> Result<Redirect, Trouble> {
            decide(&app, &session, &reference, What::$what, wanted).await
        }
    )+};
}

decisions! {
    accept => Accept;
    change => Change;
    join_to => Join;
    spam => Spam;
    hold => Hold;
    ask => Ask;
    private => Private;
}

/// Passes over a message for a while.
pub(in crate::portal) async fn skip(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(reference): Path<String>,
) -> Result<Redirect, Trouble> {
    let mut tx = app.db().begin().await?;
    let case = case_page::find(&mut tx, &reference).await?;
    let until = app.now() + TimeDelta::minutes(SKIPPED_MINUTES);
    store::queue::pass_over(&mut tx, &case.id, &session.actor, app.now(), until).await?;
    store::claim::give_back(&mut tx, Some(&case.id), &session.actor).await?;
    tx.commit().await?;
    Ok(Redirect::to("/review?done=skipped"))
}

/// Brings up again what was skipped.
pub(in crate::portal) async fn again(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Redirect, Trouble> {
    let mut tx = app.db().begin().await?;
    store::queue::bring_up_skipped(&mut tx, &session.actor).await?;
    tx.commit().await?;
    Ok(Redirect::to("/review"))
}

/// Takes a message over from whoever has it.
pub(in crate::portal) async fn take(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(reference): Path<String>,
) -> Result<Redirect, Trouble> {
    let mut tx = app.db().begin().await?;
    let case = case_page::find(&mut tx, &reference).await?;
    let before = store::claim::take_over(&mut tx, &case.id, &session.actor, app.now(), claimed_until(&app)).await?;
    if let Some(before) = before {
        let detail = serde_json::json!({"from": before.who});
        let object = format!("case:{}", case.id);
        let actor = session.acting(case.councillor.as_deref());
        store::audit::write(&mut tx, app.ids(), &actor, "take over", &object, detail, app.now()).await?;
    }
    tx.commit().await?;
    Ok(Redirect::to(&format!("/review/{}?done=taken-over", case.reference)))
}

/// Which decision is taken back.
#[derive(Debug, Deserialize)]
pub(in crate::portal) struct Taken {
    #[serde(default)]
    id: String,
    /// `case` where they were on the page of its case.
    #[serde(default)]
    from: String,
}

/// Takes a decision back; its message is before them again, or the page of the case it was decided on.
pub(in crate::portal) async fn undo(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(taken): Form<Taken>,
) -> Result<Redirect, Trouble> {
    let pipeline = &app.portal.pipeline;
    let (rules, house) = (pipeline.understanding.rules(), &pipeline.house);
    let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &pipeline.ids };
    let desk = Desk { composer, now: app.now() };
    let mut tx = app.db().begin().await?;
    let id = UndoId::from(taken.id);
    let case = case_decided(&mut tx, &id, &session).await?;
    let on_its_case = taken.from == "case";
    let back = |error| match &case {
        Some(case) if on_its_case => Trouble::from(error).back_to_case(&case.reference),
        _ => Trouble::from(error).back_to("/review", "Go back to the queue"),
    };
    let actor = session.acting(case.as_ref().and_then(|case| case.councillor.as_deref()));
    let undone = desk.take_back(&mut tx, &id, &actor).await.map_err(back)?;
    tx.commit().await?;
    let page = if on_its_case { "cases" } else { "review" };
    Ok(Redirect::to(&format!("/{page}/{}?done=taken-back", undone.case.reference)))
}

/// The case on which something was decided. Of one that is not theirs to read, any more or at all, it is as if it were not there.
async fn case_decided(tx: &mut Tx, id: &UndoId, session: &Session) -> Result<Option<Case>, Trouble> {
    let Some(undo) = store::undo::get(tx, id).await? else { return Ok(None) };
    let case = store::case::get(tx, &undo.case_id).await?;
    match case {
        Some(case) if session.reach(Right::Cases).has(case.councillor.as_deref()) => Ok(Some(case)),
        _ => Err(no_such("decision").attempted(format!("case:{}", undo.case_id))),
    }
}

async fn decide(
    app: &Shared,
    session: &Session,
    reference: &str,
    what: What,
    wanted: Wanted,
) -> Result<Redirect, Trouble> {
    let pipeline = &app.portal.pipeline;
    let (rules, house) = (pipeline.understanding.rules(), &pipeline.house);
    let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &pipeline.ids };
    let desk = Desk { composer, now: app.now() };
    let mut tx = app.db().begin().await?;
    let case = case_page::find(&mut tx, reference).await?;
    let here = format!("/review/{}", case.reference);
    let back = |trouble: Trouble| trouble.back_to(&here, format!("Go back to {}", case.reference));
    may_decide(app, &mut tx, &case, session, what, &wanted).await.map_err(back)?;
    let cases = concerned(&mut tx, &case, what, &wanted).await.map_err(back)?;
    let before = desk.remember(&mut tx, &cases).await?;
    let done = carry_out(app, &desk, &mut tx, &case, what, &wanted, &session.acting(case.councillor.as_deref()))
        .await
        .map_err(back)?;
    let Some(kind) = done.kind else { return Ok(Redirect::to(&format!("{here}?done=unchanged"))) };
    let delay = TimeDelta::seconds(house.policy.undo_seconds.into());
    let kept = desk.keep(&mut tx, before, (kind, &case.id), &session.actor, delay).await?;
    if matches!(what, What::Hold | What::Ask) {
        let until = app.now() + TimeDelta::hours(PARKED_HOURS);
        store::queue::pass_over(&mut tx, &case.id, EVERYBODY, app.now(), until).await?;
    }
    if !done.stays {
        store::claim::give_back(&mut tx, Some(&case.id), &session.actor).await?;
    }
    tx.commit().await?;
    let next = if done.stays { here.as_str() } else { "/review" };
    Ok(Redirect::to(&format!("{next}?did={}", kept.id)))
}

/// Somebody else has a message before them in the queue.
pub(in crate::portal) fn before_others(other: &Claim) -> Trouble {
    Trouble::conflict(format!(
        "{} has this message before them until {}. Nothing was done. Take it over first, or go on with the next one.",
        other.name,
        format::clock(other.until)
    ))
}

/// Whether this person may decide this now: nobody else has the case, it stands as they saw it, and where it is on hold, they said
/// that they have read it.
async fn may_decide(
    app: &Shared,
    tx: &mut Tx,
    case: &Case,
    session: &Session,
    what: What,
    wanted: &Wanted,
) -> Result<(), Trouble> {
    if let Some(other) = store::claim::of_others(tx, &case.id, &session.actor, app.now()).await? {
        return Err(before_others(&other));
    }
    if wanted.seen != seen_mark(case) {
        return Err(grown_old());
    }
    let sends = matches!(what, What::Spam | What::Private);
    if sends && case.state == CaseState::Held && wanted.confirmed != "yes" {
        return Err(Trouble::bad(
            "This case is on hold. Read it, tick the box that says that you have read it, and decide again.",
        ));
    }
    Ok(())
}

/// The cases that a decision may change.
async fn concerned(tx: &mut Tx, case: &Case, what: What, wanted: &Wanted) -> Result<Vec<CaseId>, Trouble> {
    let mut cases = vec![case.id.clone()];
    if what == What::Join {
        let link = links::link_of(tx, case, &LinkId::from(wanted.link.clone()), LinkKind::Maybe).await?;
        cases.extend(beside(tx, &link.id).await?);
    }
    Ok(cases)
}

async fn carry_out(
    app: &Shared,
    desk: &Desk<'_>,
    tx: &mut Tx,
    case: &Case,
    what: What,
    wanted: &Wanted,
    actor: &str,
) -> Result<Done, Trouble> {
    match what {
        What::Accept => {
            let seen = Seen { seen: wanted.seen.clone(), confirmed: wanted.confirmed.clone() };
            accept_case(desk, tx, case, &seen, actor).await?;
            Ok(Done::next("accept"))
        }
        What::Change => {
            let Wanted { seen, confirmed, service, department, priority, place, then, .. } = wanted;
            let changed = Changed {
                seen: seen.clone(),
                confirmed: confirmed.clone(),
                service: service.clone(),
                department: department.clone(),
                priority: priority.clone(),
                place: place.clone(),
                then: then.clone(),
            };
            Ok(match change_case(app, desk, tx, case.clone(), &changed, actor).await? {
                "unchanged" => Done { kind: None, stays: true },
                "changed-accepted" => Done::next("change_accept"),
                _ => Done { kind: Some("change"), stays: true },
            })
        }
        What::Join => {
            let link = LinkId::from(wanted.link.clone());
            links::decide(desk, tx, case, LinkAct::Same(link), actor).await?;
            // Where the other one was joined to this one, this one still waits.
            let after = store::case::get(tx, &case.id).await?.ok_or_else(|| no_such("case"))?;
            Ok(Done { kind: Some("join"), stays: after.state != CaseState::Joined })
        }
        What::Spam => {
            desk.spam(tx, &case.id, actor).await?;
            Ok(Done::next("spam"))
        }
        What::Hold => {
            desk.hold(tx, &case.id, &wanted.why, actor).await?;
            Ok(Done::next("hold"))
        }
        What::Ask if wanted.outgoing.is_empty() => {
            desk.ask(tx, &case.id, &wanted.words, actor).await?;
            Ok(Done::next("ask"))
        }
        What::Ask => {
            desk.release(tx, &case.id, &OutboxId::from(wanted.outgoing.clone()), actor).await?;
            Ok(Done::next("ask"))
        }
        What::Private => {
            desk.set_consent(tx, &case.id, Consent::Private, actor).await?;
            Ok(Done::next(PRIVATE))
        }
    }
}
