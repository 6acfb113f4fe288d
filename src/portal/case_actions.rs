//! What a person decides about a case. Each decision is one transaction at the desk; whatever it answers, nothing is half
//! done, and a page that has grown old is told so instead of being obeyed.
//!
//! What sends something waits for a moment and can be taken back until then, as in the queue.

pub(super) mod closing;
pub(super) mod links;
mod parts;
mod persons;
pub(super) mod place;
mod progress;

use super::list::only_of;
use super::trouble::Trouble;
use super::{App, Shared, case_page, who};
use crate::casework::join;
use crate::core::case::Sameness;
use crate::core::{CaseId, CaseState, LinkId, MessageId, OutboxId, Priority, Reach, Reference, Right};
use crate::desk::undo::PRIVATE;
use crate::desk::{Change, Desk};
use crate::outbox::compose::Composer;
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::link::LinkKind;
use crate::store::{self, Tx, session::Session};
use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::Redirect;
use chrono::{DateTime, TimeDelta, Utc};
use links::{JoinTo, LinkAct};
use parts::{Another, PartAct, PartService, Whole};
use persons::{Address, Allowed, Blocked, PersonAct, Whose};
use progress::{DateForm, NoteForm, ProgressAct};
use serde::Deserialize;

type Answer = Result<Redirect, Trouble>;

/// What was decided.
enum Act {
    Accept(Seen),
    Change(Changed),
    Release(OutboxId),
    SendOn(MessageId),
    Close(HowItEnded),
    Seen,
    Link(LinkAct),
    Part(PartAct),
    Person(PersonAct),
    Progress(ProgressAct),
    AnswerLetters(String),
    AcknowledgeLetters,
}

/// What the person saw when they decided.
#[derive(Deserialize)]
pub(super) struct Seen {
    #[serde(default)]
    pub(super) seen: String,
    #[serde(default)]
    pub(super) confirmed: String,
}

#[derive(Deserialize)]
pub(super) struct Changed {
    #[serde(default)]
    pub(super) seen: String,
    #[serde(default)]
    pub(super) confirmed: String,
    #[serde(default)]
    pub(super) service: String,
    #[serde(default)]
    pub(super) department: String,
    #[serde(default)]
    pub(super) priority: String,
    #[serde(default)]
    pub(super) place: String,
    #[serde(default)]
    pub(super) then: String,
}

/// What all who sent a letter are told.
#[derive(Deserialize)]
pub(super) struct Told {
    #[serde(default)]
    words: String,
}

/// How a case ended, as the form says it.
#[derive(Deserialize)]
pub(super) struct HowItEnded {
    #[serde(default)]
    done: String,
    #[serde(default)]
    words: String,
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
    close: String, HowItEnded => |reference, form| (reference, Act::Close(form));
    seen: String => |reference| (reference, Act::Seen);
    answer_letters: String, Told => |reference, form| (reference, Act::AnswerLetters(form.words));
    acknowledge_letters: String => |reference| (reference, Act::AcknowledgeLetters);
    release: (String, String) => |(reference, outgoing)| (reference, Act::Release(outgoing.into()));
    send_on: (String, String) => |(reference, message)| (reference, Act::SendOn(message.into()));
    join: String, JoinTo => |reference, form| (reference, Act::Link(LinkAct::Join(form.to)));
    undo: (String, String) => |(reference, link)| (reference, Act::Link(LinkAct::Undo(link.into())));
    same: (String, String) => |(reference, link)| (reference, Act::Link(LinkAct::Same(link.into())));
    different: (String, String) => |(reference, link)| (reference, Act::Link(LinkAct::Different(link.into())));
    split: (String, String), PartService => |(reference, part), form| (reference, Act::Part(PartAct::Split(part, form.service)));
    find_part: String, Another => |reference, form| (reference, Act::Part(PartAct::Find(form.words, None)));
    dismiss: (String, String) => |(reference, part)| (reference, Act::Part(PartAct::Dismiss(part)));
    unsplit: (String, String) => |(reference, link)| (reference, Act::Part(PartAct::Unsplit(link.into())));
    whole: String, Whole => |reference, form| (reference, Act::Part(PartAct::Whole(form.whole == "yes")));
    address: String, Address => |reference, form| (reference, Act::Person(PersonAct::Address(form)));
    councillor: String, Whose => |reference, form| (reference, Act::Person(PersonAct::Councillor(form.councillor)));
    consent: String, Allowed => |reference, form| (reference, Act::Person(PersonAct::Consent(form.consent)));
    block: String, Blocked => |reference, form| (reference, Act::Person(PersonAct::Block(form.why)));
    note: String, NoteForm => |reference, form| (reference, Act::Progress(ProgressAct::Note(form)));
    chase: String => |reference| (reference, Act::Progress(ProgressAct::Chase));
    date: String, DateForm => |reference, form| (reference, Act::Progress(ProgressAct::Date(form)));
    one_person: (String, String) => |(reference, said)| (reference, of_persons(said, Sameness::Confirmed));
    not_one_person: (String, String) => |(reference, said)| (reference, of_persons(said, Sameness::Refused));
    take_apart: (String, String) => |(reference, said)| (reference, of_persons(said, Sameness::Undone));
}

fn of_persons(said: String, state: Sameness) -> Act {
    Act::Person(PersonAct::Said(said.into(), state))
}

async fn decide(app: &Shared, session: &Session, reference: &str, act: Act) -> Answer {
    let act = match act {
        Act::Part(PartAct::Find(words, None)) => Act::Part(parts::judged(app, words).await?),
        other => other,
    };
    let mut tx = app.db().begin().await?;
    let case = case_page::find(&mut tx, reference).await?;
    let back = case.reference.clone();
    let pipeline = &app.portal.pipeline;
    let rules = pipeline.understanding.rules();
    let house = &pipeline.house;
    let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &pipeline.ids };
    let desk = Desk { composer, now: app.now() };
    let actor = session.acting(case.councillor.as_deref());
    if let Act::Link(LinkAct::Join(to)) = &act {
        within_reach(&mut tx, session, to).await.map_err(|trouble| trouble.back_to_case(&back))?;
    }
    may_decide(&mut tx, session, &case, &act, app.now()).await.map_err(|trouble| trouble.back_to_case(&back))?;
    let id = case.id.clone();
    if matches!(case.state, CaseState::Review | CaseState::Held)
        && matches!(act, Act::Accept(_) | Act::Change(_) | Act::Close(_))
        && let Some(other) = store::claim::of_others(&mut tx, &id, &session.actor, app.now()).await?
    {
        return Err(super::review::actions::before_others(&other).back_to_case(&back));
    }
    let before = match concerned(&mut tx, &case, &act).await? {
        Some(cases) => Some(desk.remember(&mut tx, &cases).await?),
        None => None,
    };
    let done =
        at_the_desk(app, &desk, &mut tx, case, act, &actor).await.map_err(|trouble| trouble.back_to_case(&back))?;
    if let Some((before, kind)) = before.zip(kept_as(done, after_is_private(&mut tx, &id).await?)) {
        let delay = TimeDelta::seconds(house.policy.undo_seconds.into());
        desk.keep(&mut tx, before, (kind, &id), &session.actor, delay).await?;
    }
    tx.commit().await?;
    let page = if done.ends_with("-all") { "/campaign" } else { "" };
    let place = if done == "found" { "#several" } else { "" };
    Ok(Redirect::to(&format!("/cases/{back}{page}?done={done}{place}")))
}

/// The cases that a decision may change, where it can be taken back.
async fn concerned(tx: &mut Tx, case: &Case, act: &Act) -> store::Result<Option<Vec<CaseId>>> {
    let mut cases = vec![case.id.clone()];
    match act {
        Act::Accept(_) | Act::Change(_) | Act::Release(_) | Act::SendOn(_) => {}
        Act::Progress(ProgressAct::Chase | ProgressAct::Note(_)) => {}
        Act::Person(PersonAct::Consent(_) | PersonAct::Councillor(_)) => {}
        // Of a case that was reported more than once, everybody is told.
        Act::Close(_) | Act::Progress(ProgressAct::Date(_)) | Act::AnswerLetters(_) | Act::AcknowledgeLetters => {
            cases.extend(join::all_children(tx, &case.id).await?);
        }
        Act::Link(LinkAct::Join(to)) => {
            let Ok(to) = to.parse::<Reference>() else { return Ok(None) };
            let Some(parent) = store::case::by_reference(tx, &to).await? else { return Ok(None) };
            cases.push(join::root(tx, &parent.id).await?);
        }
        Act::Link(LinkAct::Same(link)) => cases.extend(beside(tx, link).await?),
        _ => return Ok(None),
    }
    Ok(Some(cases))
}

/// The cases of a suggestion: the one that would be joined, and the one it would be dealt with in.
pub(super) async fn beside(tx: &mut Tx, link: &LinkId) -> store::Result<Vec<CaseId>> {
    let Some(link) = store::link::get(tx, link).await?.filter(|link| link.kind == LinkKind::Maybe) else {
        return Ok(Vec::new());
    };
    Ok(vec![join::root(tx, &link.parent).await?, link.child])
}

/// Whether a case is for the councillor only, as it stands now.
async fn after_is_private(tx: &mut Tx, id: &CaseId) -> store::Result<bool> {
    Ok(store::case::get(tx, id).await?.is_some_and(|case| Consent::of(&case.consent).is_private()))
}

/// What a decision is kept as, by the word of what was done; none where nothing was changed.
fn kept_as(done: &str, private: bool) -> Option<&'static str> {
    Some(match done {
        "accepted" => "accept",
        "changed" | "changed-in-words" | "moved" => "change",
        "changed-accepted" => "change_accept",
        "released" => "release",
        "sent-on" => "send_on",
        "closed" => "close",
        "joined" => "join",
        "chased" => "chase",
        "put-off" => "put_off",
        "told-department" => "tell_department",
        // What its words mean is kept for a moment only.
        "consent" if private => PRIVATE,
        "consent" => "consent",
        "given" => "give",
        "answered-all" => "answer_all",
        "acknowledged-all" => "acknowledge_all",
        _ => return None,
    })
}

/// Refuses what would be decided for residents of councillors that somebody does not act for.
async fn may_decide(tx: &mut Tx, session: &Session, case: &Case, act: &Act, now: DateTime<Utc>) -> Result<(), Trouble> {
    let reach = session.reach(Right::Cases);
    match act {
        _ if reach == Reach::All => Ok(()),
        Act::Person(PersonAct::Said(said, _)) if !who::may_decide(tx, case, said, &reach).await? => {
            Err(no_such("suggestion about who wrote").attempted(format!("case:{}", case.id)))
        }
        Act::AnswerLetters(_) | Act::AcknowledgeLetters => {
            let theirs = store::campaign::joined_of(tx, &case.id, only_of(session, now).as_ref()).await?;
            if theirs < store::campaign::joined(tx, &case.id).await? {
                return Err(Trouble::conflict(
                    "Some of these letters came to councillors you do not act for. Nothing was sent: ask a gatekeeper who acts for all.",
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Refuses a case beside this one that is another councillor's, as if it were not there.
async fn within_reach(tx: &mut Tx, session: &Session, reference: &str) -> Result<(), Trouble> {
    let Ok(reference) = reference.parse() else { return Ok(()) };
    let other = store::case::by_reference(tx, &reference).await?;
    match other {
        Some(other) if !session.reach(Right::Cases).has(other.councillor.as_deref()) => {
            Err(Trouble::not_found(format!("There is no case {reference}.")).attempted(format!("case:{}", other.id)))
        }
        _ => Ok(()),
    }
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
        Act::Release(outgoing) => {
            desk.release(tx, &case.id, &outgoing, actor).await?;
            Ok("released")
        }
        Act::SendOn(message) => {
            desk.send_on(tx, &case.id, &message, actor).await?;
            Ok("sent-on")
        }
        Act::Close(form) => {
            desk.close(tx, &case.id, form.ending()?, actor).await?;
            Ok("closed")
        }
        Act::Seen => {
            desk.seen(tx, &case.id, actor).await?;
            Ok("seen")
        }
        Act::AnswerLetters(words) => {
            desk.answer_letters(tx, &case.id, &words, actor).await?;
            Ok("answered-all")
        }
        Act::AcknowledgeLetters => {
            desk.release_letters(tx, &case.id, actor).await?;
            Ok("acknowledged-all")
        }
        Act::Link(act) => links::decide(desk, tx, &case, act, actor).await,
        Act::Part(act) => parts::decide(app, desk, tx, &case, act, actor).await,
        Act::Person(act) => persons::decide(desk, tx, &case, act, actor).await,
        Act::Progress(act) => {
            progress::decide(desk, tx, &case.id, act, &app.portal.pipeline.house.calendar, actor).await
        }
    }
}

pub(super) async fn accept_case(
    desk: &Desk<'_>,
    tx: &mut Tx,
    case: &Case,
    seen: &Seen,
    actor: &str,
) -> Result<(), Trouble> {
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

pub(super) async fn change_case(
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
    let place = place::said(app, &case, &changed.place)?;
    let change = Change { service: set(&changed.service), department: set(&changed.department), priority, place };
    let send = changed.then == "accept";
    if send && change.service.is_none() {
        return Err(Trouble::bad("Choose a service first: it says which department the case goes to."));
    }
    let differs = change.service.as_ref().is_some_and(|s| *s != case.service)
        || change.department.as_ref().is_some_and(|d| *d != case.department)
        || change.priority.is_some_and(|p| p != case.priority)
        || change.place.as_ref().is_some_and(|place| place.differs(&case));
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
    let in_words = change.place.is_some() && after.place.as_ref().is_some_and(|place| place.point.is_none());
    Ok(match moved {
        true => "moved",
        false if in_words => "changed-in-words",
        false => "changed",
    })
}

pub(super) fn grown_old() -> Trouble {
    Trouble::conflict(
        "Somebody changed this case after you opened it. Nothing was done. Look at it again, then decide.",
    )
}

pub(super) fn no_such(what: &str) -> Trouble {
    Trouble::not_found(format!("There is no such {what}."))
}
