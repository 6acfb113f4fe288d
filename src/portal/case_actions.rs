//! What a person decides about a case. Each decision is one transaction at the desk; whatever it answers, nothing is half
//! done, and a page that has grown old is told so instead of being obeyed.

use super::trouble::Trouble;
use super::{App, Shared, case_page};
use crate::casework::join::Grounds;
use crate::core::case::Sameness;
use crate::core::{CaseId, CaseState, ContactPoint, LinkId, MessageId, OutboxId, Priority, Reference, SamePersonId};
use crate::desk::{Change, Desk, SplitOff};
use crate::outbox::closing::Ending;
use crate::outbox::compose::Composer;
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::decision::NewDecision;
use crate::store::link::{Link, LinkKind};
use crate::store::{self, Tx, session::Session};
use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::Redirect;
use serde::Deserialize;
use serde_json::json;

type Answer = Result<Redirect, Trouble>;

/// What was decided.
enum Act {
    Accept(Seen),
    Change(Changed),
    Join(String),
    Undo(LinkId),
    Same(LinkId),
    Different(LinkId),
    Release(OutboxId),
    SendOn(MessageId),
    Split(String, String),
    Unsplit(LinkId),
    Dismiss(String),
    Whole(bool),
    Close(HowItEnded),
    Address(Address),
    Consent(String),
    Block(String),
    Person(SamePersonId, Sameness),
    Seen,
}

/// What the person saw when they decided.
#[derive(Deserialize)]
pub(super) struct Seen {
    #[serde(default)]
    seen: String,
    #[serde(default)]
    confirmed: String,
}

#[derive(Deserialize)]
pub(super) struct Changed {
    #[serde(default)]
    seen: String,
    #[serde(default)]
    confirmed: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    department: String,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    then: String,
}

#[derive(Deserialize)]
pub(super) struct JoinTo {
    #[serde(default)]
    to: String,
}

#[derive(Deserialize)]
pub(super) struct PartService {
    #[serde(default)]
    service: String,
}

#[derive(Deserialize)]
pub(super) struct Whole {
    #[serde(default)]
    whole: String,
}

/// How a case ended, as the form says it.
#[derive(Deserialize)]
pub(super) struct HowItEnded {
    #[serde(default)]
    done: String,
    #[serde(default)]
    words: String,
}

/// What a resident allows.
#[derive(Deserialize)]
pub(super) struct Allowed {
    #[serde(default)]
    consent: String,
}

/// Why a sender is blocked.
#[derive(Deserialize)]
pub(super) struct Blocked {
    #[serde(default)]
    why: String,
}

/// Where notices are to go.
#[derive(Deserialize)]
pub(super) struct Address {
    #[serde(default)]
    channel: String,
    #[serde(default)]
    address: String,
}

/// The part of a case that a decision rests on: where it would go and how pressing it is.
pub(super) fn seen_mark(case: &Case) -> String {
    format!("{}/{}/{}", case.service, case.department, case.priority)
}

macro_rules! handlers {
    ($($name:ident: $path:ty $(, $form:ty)? => |$ids:pat_param $(, $given:ident)?| $act:expr;)+) => {$(
        pub(super) async fn $name(
            State(app): State<App>,
            Extension(session): Extension<Session>,
            Path(path): Path<$path>,
            $(Form($given): Form<$form>,)?
        ) -> Answer {
            let (reference, act) = match path { $ids => $act };
            decide(&app, &session, &reference, act).await
        }
    )+};
}

handlers! {
    accept: String, Seen => |reference, form| (reference, Act::Accept(form));
    change: String, Changed => |reference, form| (reference, Act::Change(form));
    join: String, JoinTo => |reference, form| (reference, Act::Join(form.to));
    seen: String => |reference| (reference, Act::Seen);
    undo: (String, String) => |(reference, link)| (reference, Act::Undo(link.into()));
    same: (String, String) => |(reference, link)| (reference, Act::Same(link.into()));
    different: (String, String) => |(reference, link)| (reference, Act::Different(link.into()));
    release: (String, String) => |(reference, outgoing)| (reference, Act::Release(outgoing.into()));
    split: (String, String), PartService => |(reference, part), form| (reference, Act::Split(part, form.service));
    dismiss: (String, String) => |(reference, part)| (reference, Act::Dismiss(part));
    unsplit: (String, String) => |(reference, link)| (reference, Act::Unsplit(link.into()));
    whole: String, Whole => |reference, form| (reference, Act::Whole(form.whole == "yes"));
    close: String, HowItEnded => |reference, form| (reference, Act::Close(form));
    address: String, Address => |reference, form| (reference, Act::Address(form));
    consent: String, Allowed => |reference, form| (reference, Act::Consent(form.consent));
    block: String, Blocked => |reference, form| (reference, Act::Block(form.why));
    one_person: (String, String) => |(reference, said)| (reference, Act::Person(said.into(), Sameness::Confirmed));
    not_one_person: (String, String) => |(reference, said)| (reference, Act::Person(said.into(), Sameness::Refused));
    take_apart: (String, String) => |(reference, said)| (reference, Act::Person(said.into(), Sameness::Undone));
    send_on: (String, String) => |(reference, message)| (reference, Act::SendOn(message.into()));
}

async fn decide(app: &Shared, session: &Session, reference: &str, act: Act) -> Answer {
    let mut tx = app.db().begin().await?;
    let case = case_page::find(&mut tx, reference).await?;
    let back = case.reference.clone();
    let pipeline = &app.portal.pipeline;
    let rules = pipeline.understanding.rules();
    let house = &pipeline.house;
    let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &pipeline.ids };
    let desk = Desk { composer, now: app.now() };
    let done = at_the_desk(app, &desk, &mut tx, case, act, &session.actor)
        .await
        .map_err(|trouble| trouble.back_to_case(&back))?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/cases/{back}?done={done}")))
}

/// Does it; answers the word of what was done.
async fn at_the_desk(
    app: &Shared,
    desk: &Desk<'_>,
    tx: &mut Tx,
    case: Case,
    act: Act,
    actor: &str,
) -> Result<&'static str, Trouble> {
    match act {
        Act::Accept(seen) => {
            accept_case(desk, tx, &case, &seen, actor).await?;
            Ok("accepted")
        }
        Act::Change(changed) => change_case(app, desk, tx, case, &changed, actor).await,
        Act::Join(to) => {
            let to: Reference = to.parse().map_err(|e| Trouble::bad(format!("\"{to}\" is not a case: {e}.")))?;
            let missing = || Trouble::not_found(format!("There is no case {to}."));
            let parent = store::case::by_reference(tx, &to).await?.ok_or_else(missing)?;
            let grounds = Grounds { score: 1.0, why: "a person says it is the same problem", actor };
            desk.join(tx, &case.id, &parent.id, grounds).await?;
            Ok("joined")
        }
        Act::Undo(link) => {
            let link = link_of(tx, &case, &link, LinkKind::Join).await?;
            desk.undo(tx, &link.id, actor).await?;
            Ok("undone")
        }
        Act::Same(link) => {
            let link = link_of(tx, &case, &link, LinkKind::Maybe).await?;
            let grounds = Grounds { score: link.score, why: &link.why, actor };
            desk.join(tx, &link.child, &link.parent, grounds).await?;
            Ok("joined")
        }
        Act::Different(link) => {
            let link = link_of(tx, &case, &link, LinkKind::Maybe).await?;
            different_problems(desk, tx, &link, actor).await?;
            Ok("different")
        }
        Act::Release(outgoing) => {
            desk.release(tx, &case.id, &outgoing, actor).await?;
            Ok("released")
        }
        Act::SendOn(message) => {
            desk.send_on(tx, &case.id, &message, actor).await?;
            Ok("sent-on")
        }
        Act::Split(part, service) => {
            let house = &app.portal.pipeline.house;
            let service = Some(service.as_str()).filter(|s| !s.is_empty());
            let part = part_number(&part)?;
            let wanted = SplitOff { part, service, policy: &house.policy, calendar: &house.calendar };
            desk.split(tx, &case.id, wanted, actor).await?;
            Ok("split")
        }
        Act::Dismiss(part) => {
            desk.dismiss_part(tx, &case.id, part_number(&part)?, actor).await?;
            Ok("dismissed")
        }
        Act::Unsplit(link) => {
            let link = link_of(tx, &case, &link, LinkKind::Split).await?;
            desk.undo_split(tx, &link.id, actor).await?;
            Ok("unsplit")
        }
        Act::Whole(whole) => {
            desk.share_whole(tx, &case.id, whole, actor).await?;
            Ok(if whole { "whole" } else { "part" })
        }
        Act::Close(HowItEnded { done, words }) => {
            let done = match done.as_str() {
                "yes" => true,
                "no" => false,
                _ => return Err(Trouble::bad("Say how it ended: it is done, or it ended otherwise.")),
            };
            let ending = Ending { done, words: &words };
            desk.close(tx, &case.id, ending, actor).await?;
            Ok("closed")
        }
        Act::Address(Address { channel, address }) => {
            let channel = channel.parse().map_err(|_| no_such("channel"))?;
            desk.choose_address(tx, &case.id, &ContactPoint { channel, address, name: None }, actor).await?;
            Ok("address")
        }
        Act::Consent(consent) => {
            let consent = consent.parse::<Consent>().map_err(|_| Trouble::bad("Choose what the resident allows."))?;
            let changed = desk.set_consent(tx, &case.id, consent, actor).await?;
            Ok(if changed { "consent" } else { "unchanged" })
        }
        Act::Block(why) => {
            desk.block(tx, &case.id, &why, actor).await?;
            Ok("blocked")
        }
        Act::Person(said, state) => {
            desk.decide_person(tx, &case.id, &said, state, actor).await?;
            Ok(match state {
                Sameness::Confirmed => "one-person",
                Sameness::Undone => "taken-apart",
                _ => "not-one-person",
            })
        }
        Act::Seen => {
            desk.seen(tx, &case.id, actor).await?;
            Ok("seen")
        }
    }
}

async fn accept_case(desk: &Desk<'_>, tx: &mut Tx, case: &Case, seen: &Seen, actor: &str) -> Result<(), Trouble> {
    let waiting = matches!(case.state, CaseState::Review | CaseState::Held);
    if waiting && seen.seen != seen_mark(case) {
        return Err(grown_old());
    }
    if waiting && !desk.composer.rules.taxonomy.departments.contains_key(&case.department) {
        return Err(Trouble::conflict(
            "The department this case would go to does not exist any more. Choose another one first.",
        ));
    }
    if case.state == CaseState::Held && seen.confirmed != "yes" {
        return Err(Trouble::bad(
            "This case is on hold. Read it, tick the box that says that it may go to the department, and accept it again.",
        ));
    }
    Ok(desk.accept(tx, &case.id, actor).await?)
}

async fn change_case(
    app: &Shared,
    desk: &Desk<'_>,
    tx: &mut Tx,
    case: Case,
    changed: &Changed,
    actor: &str,
) -> Result<&'static str, Trouble> {
    if changed.seen != seen_mark(&case) {
        return Err(grown_old());
    }
    if matches!(case.state, CaseState::Joined | CaseState::Closed) {
        return Err(Trouble::conflict("This case is joined to another one or closed, so it cannot be changed."));
    }
    let set = |value: &String| Some(value.clone()).filter(|v| !v.is_empty());
    let priority: Option<Priority> =
        set(&changed.priority).map(|p| p.parse()).transpose().map_err(|_| no_such("priority"))?;
    let change = Change { service: set(&changed.service), department: set(&changed.department), priority };
    let send = changed.then == "accept";
    if send && change.service.is_none() {
        return Err(Trouble::bad("Choose a service first: it says which department the case goes to."));
    }
    let differs = change.service.as_ref().is_some_and(|s| *s != case.service)
        || change.department.as_ref().is_some_and(|d| *d != case.department)
        || change.priority.is_some_and(|p| p != case.priority);
    if differs {
        desk.change(tx, &case.id, &change, &app.portal.pipeline.house.calendar, actor).await?;
    } else if !send {
        return Ok("unchanged");
    }
    let after = store::case::get(tx, &case.id).await?.ok_or_else(|| no_such("case"))?;
    if send {
        let seen = Seen { seen: seen_mark(&after), confirmed: changed.confirmed.clone() };
        accept_case(desk, tx, &after, &seen, actor).await?;
        return Ok("changed-accepted");
    }
    let moved = after.state == CaseState::Routed && after.department != case.department;
    Ok(if moved { "moved" } else { "changed" })
}

/// A person says that a suggestion is wrong: the link is ended, and both cases remember who said so.
async fn different_problems(desk: &Desk<'_>, tx: &mut Tx, link: &Link, actor: &str) -> Result<(), Trouble> {
    if !store::link::end(tx, &link.id, actor, desk.now).await? {
        return Err(Trouble::conflict("This suggestion was dealt with already."));
    }
    for (case, other) in [(&link.child, &link.parent), (&link.parent, &link.child)] {
        note_different(desk, tx, case, other, link, actor).await?;
    }
    Ok(())
}

async fn note_different(
    desk: &Desk<'_>,
    tx: &mut Tx,
    case: &CaseId,
    other: &CaseId,
    link: &Link,
    actor: &str,
) -> Result<(), Trouble> {
    let with = super::queries::reference(tx, other).await?;
    let decided = json!({"link": link.id, "with": with});
    let evidence = json!({"score": link.score, "why": link.why, "rules": desk.composer.rules.version});
    let new = NewDecision { case_id: Some(case), message_id: None, kind: "different", actor, decided, evidence };
    store::decision::insert(tx, desk.composer.ids, new, desk.now).await?;
    store::audit::write(tx, desk.composer.ids, actor, "different", &format!("case:{case}"), json!({}), desk.now)
        .await?;
    Ok(())
}

/// A standing link of this case, of the kind asked for.
async fn link_of(tx: &mut Tx, case: &Case, id: &LinkId, kind: LinkKind) -> Result<Link, Trouble> {
    let ours = |l: &Link| l.kind == kind && (l.child == case.id || l.parent == case.id);
    let link = store::link::get(tx, id).await?.filter(ours);
    let link = link.ok_or_else(|| no_such("link"))?;
    // A join or split that was undone is the desk's to answer for; a suggestion that was dealt with is ours.
    if kind == LinkKind::Maybe && link.ended_at.is_some() {
        return Err(Trouble::conflict("This suggestion was dealt with already."));
    }
    Ok(link)
}

/// Parts are counted from one where people see them.
fn part_number(shown: &str) -> Result<usize, Trouble> {
    shown.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).ok_or_else(|| no_such("part of this message"))
}

fn grown_old() -> Trouble {
    Trouble::conflict(
        "Somebody changed this case after you opened it. Nothing was done. Look at it again, then decide.",
    )
}

fn no_such(what: &str) -> Trouble {
    Trouble::not_found(format!("There is no such {what}."))
}
