//! Taking back what a gatekeeper has just decided. What a decision changed is found by looking before and after it, so whatever it
//! was, all of it is put back: the cases, what was to be sent, what was said of two cases, and what a message means.
//!
//! What a decision sends waits for a moment before it leaves ([`Desk::keep`]). Once any of it has left, nothing is taken back.

use super::{Desk, DeskError};
use crate::casework::{join, search};
use crate::core::{CaseId, CaseState, LinkId, MessageId, OutboxId, UndoId};
use crate::store::case::Case;
use crate::store::undo::{Meaning, NewUndo, Stands, Undo};
use crate::store::{self, Tx};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The decision by which a case becomes its councillor's only. What it was before is forgotten soon.
pub const PRIVATE: &str = "private";
/// For so many minutes the desk remembers what a case was that is now its councillor's only.
const REMEMBERED_MINUTES: i64 = 10;

/// How cases stand before a decision, with everything around them that it may change.
#[derive(Debug)]
pub struct Before {
    ids: Vec<CaseId>,
    cases: Vec<Case>,
    /// The same cases and whoever is joined to them: a decision may send something for each.
    around: Vec<CaseId>,
    outgoing: BTreeMap<OutboxId, Stands>,
    links: BTreeSet<LinkId>,
    meanings: Vec<(CaseId, Meaning)>,
}

/// What a decision changed: how each thing was before.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Changed {
    cases: Vec<CaseChange>,
    outgoing: Vec<OutgoingChange>,
    /// Links that the decision made.
    made: Vec<LinkId>,
    /// Links that it ended.
    ended: Vec<LinkId>,
    /// Messages whose meaning it forgot.
    meanings: Vec<Forgotten>,
}

#[derive(Debug, Serialize, Deserialize)]
struct CaseChange {
    was: Case,
    is: Case,
}

#[derive(Debug, Serialize, Deserialize)]
struct OutgoingChange {
    id: OutboxId,
    /// Status and reason; none where the decision wrote it.
    was: Option<(String, Option<String>)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Forgotten {
    case: CaseId,
    message: MessageId,
    embedding: String,
    encoder: Option<String>,
}

/// A decision as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// By which it can be taken back.
    pub id: UndoId,
    /// Whether it sends anything.
    pub sends: bool,
}

/// A decision that was taken back.
#[derive(Clone, Debug)]
pub struct TakenBack {
    /// The case it was decided on, as it stands again.
    pub case: Case,
    /// What the decision was.
    pub kind: String,
}

/// Whether any message of a decision has left, so that it cannot be taken back any more.
///
/// # Errors
/// What the database says.
pub async fn has_left(tx: &mut Tx, undo: &Undo) -> store::Result<bool> {
    let Ok(changed) = serde_json::from_value::<Changed>(undo.changed.0.clone()) else { return Ok(true) };
    for change in &changed.outgoing {
        let status = store::undo::status_of(tx, &change.id).await?;
        if !status.is_some_and(|status| matches!(status.as_str(), "held" | "queued" | "cancelled")) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Desk<'_> {
    /// Looks at cases before something is decided about them.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remember(&self, tx: &mut Tx, ids: &[CaseId]) -> store::Result<Before> {
        let mut ids = ids.to_vec();
        ids.sort();
        ids.dedup();
        let (mut cases, mut around) = (Vec::new(), ids.clone());
        for id in &ids {
            cases.extend(store::case::get_to_change(tx, id).await?);
            around.extend(join::all_children(tx, id).await?);
        }
        around.sort();
        around.dedup();
        let outgoing = outgoing(tx, &around).await?;
        let (links, meanings) = (standing(tx, &ids).await?, meanings(tx, &ids).await?);
        Ok(Before { ids, cases, around, outgoing, links, meanings })
    }

    /// Keeps a decision with what it changed since [`Self::remember`], and lets what it sends wait for `delay`. `kind` is what was
    /// decided, in one word.
    ///
    /// # Errors
    /// What the database says.
    pub async fn keep(
        &self,
        tx: &mut Tx,
        before: Before,
        (kind, case): (&str, &CaseId),
        actor: &str,
        delay: TimeDelta,
    ) -> store::Result<Kept> {
        let mut changed = Changed::default();
        let (leaves_at, mut sends) = (self.now + delay, false);
        for (id, stands) in outgoing(tx, &before.around).await? {
            let was = before.outgoing.get(&id);
            if was == Some(&stands) {
                continue;
            }
            if stands.status == "queued" {
                store::undo::delay(tx, &id, leaves_at).await?;
                // A letter leaves when a person posts it.
                sends |= stands.channel != "letter";
            }
            let was = was.map(|was| (was.status.clone(), was.reason.clone()));
            changed.outgoing.push(OutgoingChange { id, was });
        }
        let links = standing(tx, &before.ids).await?;
        changed.made = links.difference(&before.links).cloned().collect();
        changed.ended = before.links.difference(&links).cloned().collect();
        let known: BTreeSet<MessageId> =
            meanings(tx, &before.ids).await?.into_iter().map(|(_, meaning)| meaning.id).collect();
        let forgotten = before.meanings.into_iter().filter(|(_, meaning)| !known.contains(&meaning.id));
        changed.meanings.extend(forgotten.map(|(case, meaning)| Forgotten {
            case,
            message: meaning.id,
            embedding: BASE64_STANDARD.encode(&meaning.embedding),
            encoder: meaning.encoder,
        }));
        for was in before.cases {
            let is = store::case::get(tx, &was.id).await?.unwrap_or_else(|| was.clone());
            if is != was {
                changed.cases.push(CaseChange { was, is });
            }
        }
        let changed = serde_json::to_value(&changed).unwrap_or_default();
        let leaves_at = sends.then_some(leaves_at);
        store::undo::forget(tx, PRIVATE, self.now - TimeDelta::minutes(REMEMBERED_MINUTES)).await?;
        let new = NewUndo { case_id: case, actor, kind, changed, leaves_at };
        let id = store::undo::insert(tx, self.composer.ids, new, self.now).await?;
        Ok(Kept { id, sends })
    }

    /// Takes a decision back, and all that it changed.
    ///
    /// # Errors
    /// When there is no such decision, it was taken back before, any of it has left, or something was decided since.
    pub async fn take_back(&self, tx: &mut Tx, id: &UndoId, actor: &str) -> Result<TakenBack, DeskError> {
        let undo = store::undo::get(tx, id).await?.ok_or(DeskError::Unknown("decision"))?;
        if !store::undo::done(tx, id, actor, self.now).await? {
            return Err(DeskError::NotNow("this decision was taken back already"));
        }
        let changed: Changed = serde_json::from_value(undo.changed.0)
            .map_err(|_| DeskError::NotNow("it is too long ago: this decision cannot be taken back any more"))?;
        for OutgoingChange { id, was } in &changed.outgoing {
            let was = was.as_ref().map(|(status, reason)| (status.as_str(), reason.as_deref()));
            if !store::undo::put_back(tx, id, was, "the decision was taken back before it left").await? {
                return Err(DeskError::NotNow(
                    "a message of this decision has left already, so it cannot be taken back. Change the case instead, or write to \
                     those who were told",
                ));
            }
        }
        for link in &changed.made {
            store::link::end(tx, link, actor, self.now).await?;
        }
        for link in &changed.ended {
            store::undo::stand_again(tx, link).await?;
        }
        // Held in one order for everybody.
        let mut cases = changed.cases;
        cases.sort_by(|a, b| a.was.id.cmp(&b.was.id));
        for CaseChange { was, is } in &cases {
            self.restore(tx, was, is).await?;
        }
        restore_meanings(tx, changed.meanings).await?;
        store::queue::bring_up(tx, &undo.case_id).await?;
        // Each case tells that it stands as before: of a join the one that was joined, whichever it was decided on.
        let touched: BTreeSet<&CaseId> = cases.iter().map(|change| &change.was.id).chain([&undo.case_id]).collect();
        for id in touched {
            let case = store::case::get(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
            if case.state == CaseState::Routed {
                // A mail that waits may have been written as the case stood since.
                self.refer_anew(tx, &case).await?;
            }
            let decided = json!({"takes_back": undo.kind, "state": case.state, "link": changed.made.first()});
            self.note(tx, &case, "undo", actor, decided).await?;
        }
        let case = store::case::get(tx, &undo.case_id).await?.ok_or(DeskError::Unknown("case"))?;
        Ok(TakenBack { case, kind: undo.kind })
    }

    /// Puts a case back to how it was, unless somebody decided something about it since.
    async fn restore(&self, tx: &mut Tx, was: &Case, is: &Case) -> Result<(), DeskError> {
        let now = store::case::get_to_change(tx, &was.id).await?.ok_or(DeskError::Unknown("case"))?;
        let decided = |case: &Case| {
            let Case { service, department, consent, due_on, hold_reason, ward, .. } = case.clone();
            (
                (ward, case.place.as_ref().map(|place| place.name.clone())),
                case.state,
                service,
                department,
                case.priority,
                consent,
                due_on,
                hold_reason,
                case.routed_at,
                case.closed_at,
            )
        };
        if decided(&now) != decided(is) {
            return Err(DeskError::NotNow(
                "something was decided about this case since, so this cannot be taken back any more",
            ));
        }
        let mut again = was.clone();
        // What came up meanwhile is to be looked at all the same.
        if now.attention != is.attention {
            again.attention = now.attention;
        }
        store::case::update(tx, &again, self.now).await?;
        Ok(())
    }
}

/// The links in which some cases stand.
async fn standing(tx: &mut Tx, cases: &[CaseId]) -> store::Result<BTreeSet<LinkId>> {
    let mut found = BTreeSet::new();
    for case in cases {
        found.extend(store::link::standing(tx, case).await?.into_iter().map(|link| link.id));
    }
    Ok(found)
}

/// Everything that is to be sent, or was, for some cases.
async fn outgoing(tx: &mut Tx, cases: &[CaseId]) -> store::Result<BTreeMap<OutboxId, Stands>> {
    let mut found = BTreeMap::new();
    for case in cases {
        found.extend(store::undo::outgoing_of(tx, case).await?.into_iter().map(|stands| (stands.id.clone(), stands)));
    }
    Ok(found)
}

/// What the messages of some cases mean.
async fn meanings(tx: &mut Tx, cases: &[CaseId]) -> store::Result<Vec<(CaseId, Meaning)>> {
    let mut found = Vec::new();
    for case in cases {
        found.extend(store::undo::meanings_of(tx, case).await?.into_iter().map(|meaning| (case.clone(), meaning)));
    }
    Ok(found)
}

/// Has cases found by their words again that were forgotten.
async fn restore_meanings(tx: &mut Tx, forgotten: Vec<Forgotten>) -> Result<(), DeskError> {
    let mut done = BTreeSet::new();
    for Forgotten { case, message, embedding, encoder } in forgotten {
        let Ok(embedding) = BASE64_STANDARD.decode(&embedding) else { continue };
        store::undo::set_meaning(tx, &message, &embedding).await?;
        // A case is found by its first message.
        if done.insert(case.clone()) {
            let embedding = store::message::from_bytes(&embedding);
            search::keep(tx, &case, Some(&embedding), encoder.as_deref()).await?;
        }
    }
    Ok(())
}
