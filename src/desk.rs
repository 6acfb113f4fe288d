//! What can be done with a case, by a gatekeeper at the portal or by the pipeline above the council's threshold: the same
//! steps, the same records, whoever takes them.

pub mod campaign;
mod closing;
mod confirm;
pub mod hand_over;
mod letter;
pub mod officer;
mod person;
pub mod personal;
pub mod place;
pub mod private;
pub mod progress;
pub mod resident;
pub mod retention;
mod review;
pub mod undo;
mod unsent;
pub mod what_if;

use crate::casework::join::{self, Grounds, JoinError};
use crate::casework::matcher::Matcher;
use crate::casework::split::{self, Found, SplitError, Splitter};
use crate::core::{CaseId, CaseState, LinkId, OutboxId, Priority, Verdict};
use crate::outbox::compose::{Acknowledged, Composer};
use crate::routing::RoutingPolicy;
use crate::routing::deadline::{WorkingDays, received_date};
use crate::store::case::Case;
use crate::store::decision::NewDecision;
use crate::store::link::LinkKind;
use crate::store::{self, Tx};
use chrono::{DateTime, Utc};
use place::Corrected;
use serde_json::json;

/// Why the mail by which a department would have got a case was not sent.
const JOINED: &str = "the case was joined to another one before it left";

/// A moment at the desk.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// Writes outgoing mail.
    pub composer: Composer<'a>,
    /// The time.
    pub now: DateTime<Utc>,
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no such case, service or department.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// It is not in a state for that.
    #[error("{0}")]
    NotNow(&'static str),
    /// Something has to be said that was not.
    #[error("{0}")]
    Missing(&'static str),
    /// Nothing could be sent to the resident: why.
    #[error("nothing was sent: {0}")]
    NotSent(String),
    /// Joining or undoing failed.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// Splitting or undoing it failed.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// What a gatekeeper changes; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Service key.
    pub service: Option<String>,
    /// Department key; where absent, a changed service brings its own.
    pub department: Option<String>,
    /// How pressing.
    pub priority: Option<Priority>,
    /// Where it is; a department that follows from service and ward comes along.
    pub place: Option<Corrected>,
}

/// What a gatekeeper splits off, and by what it is judged.
#[derive(Clone, Copy, Debug)]
pub struct SplitOff<'a> {
    /// Which part of the verdict, from 0.
    pub part: usize,
    /// Service key, where a person chose another than was found.
    pub service: Option<&'a str>,
    /// What may happen without a person.
    pub policy: &'a RoutingPolicy,
    /// Working days.
    pub calendar: &'a WorkingDays,
    /// What tells that two reports are about one problem.
    pub matcher: &'a Matcher,
}

impl Desk<'_> {
    /// Sends a case to its department, acknowledges it to the resident, and does the same for everyone joined to it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn route(&self, tx: &mut Tx, id: &CaseId, actor: &str) -> store::Result<()> {
        let Some(mut case) = store::case::get_to_change(tx, id).await? else {
            return Err(store::StoreError::Sql(sqlx::Error::RowNotFound));
        };
        case.state = CaseState::Routed;
        case.routed_at = Some(self.now);
        case.attention = None;
        store::case::update(tx, &case, self.now).await?;
        let children = join::all_children(tx, id).await?;
        let why = "the case went to its department without an answer";
        // What was never asked cannot be answered; what was asked and not answered yet still can.
        if store::outbox::cancel(tx, id, "question", DateTime::UNIX_EPOCH, why).await? > 0 {
            case.asked = None;
            store::case::update(tx, &case, self.now).await?;
        }
        let referred = self.composer.refer(tx, &case, &children, self.now).await?;
        let acknowledged = self.composer.acknowledge(tx, &case, false, self.now).await?;
        self.note(
            tx,
            &case,
            "route",
            actor,
            json!({"department": case.department, "referred": referred, "acknowledgement": said(&acknowledged)}),
        )
        .await?;
        for child in children {
            self.acknowledge_child(tx, &child, &case, actor).await?;
        }
        Ok(())
    }

    /// A gatekeeper takes what is suggested.
    ///
    /// # Errors
    /// When there is no such case, or it is not waiting.
    pub async fn accept(&self, tx: &mut Tx, id: &CaseId, actor: &str) -> Result<(), DeskError> {
        let case = Self::for_staff(tx, id).await?;
        if !matches!(case.state, CaseState::Review | CaseState::Held) {
            return Err(DeskError::NotNow("this case is not waiting for review any more"));
        }
        let decided = json!({"service": case.service, "department": case.department, "priority": case.priority});
        self.note(tx, &case, "accept", actor, decided).await?;
        self.route(tx, id, actor).await?;
        Ok(())
    }

    /// A gatekeeper changes service, department or priority. A case that is with a department already goes to the new one.
    ///
    /// # Errors
    /// When case, service or department do not exist.
    pub async fn change(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        change: &Change,
        calendar: &WorkingDays,
        actor: &str,
    ) -> Result<(), DeskError> {
        let mut case = Self::for_staff(tx, id).await?;
        let stands = |case: &Case| {
            let place = case.place.as_ref().map(|place| place.name.as_str());
            json!({"service": case.service, "department": case.department, "priority": case.priority, "place": place, "ward": case.ward})
        };
        let (before, had) = (stands(&case), case.department.clone());
        let taxonomy = &self.composer.rules.taxonomy;
        let elsewhere = change.place.as_ref().filter(|place| place.differs(&case));
        if let Some(place) = elsewhere {
            self.put_at(tx, &mut case, place).await?;
        }
        if let Some(service) = change.service.as_ref().filter(|s| **s != case.service) {
            let known = taxonomy.services.get(service).ok_or(DeskError::Unknown("service"))?;
            case.service.clone_from(service);
            case.department = crate::routing::department_for(taxonomy, service, case.ward.as_deref()).to_owned();
            case.due_on = calendar.due(received_date(case.received_at), known.working_days).to_string();
        }
        if let Some(department) = &change.department {
            if !taxonomy.departments.contains_key(department) {
                return Err(DeskError::Unknown("department"));
            }
            case.department.clone_from(department);
        }
        case.priority = change.priority.unwrap_or(case.priority);
        store::case::update(tx, &case, self.now).await?;
        let mut after = stands(&case);
        after["before"] = before;
        self.note(tx, &case, "change", actor, after).await?;
        if case.state != CaseState::Routed {
            return Ok(());
        }
        if case.department != had {
            self.move_on(tx, &case).await?;
        } else {
            if !self.refer_anew(tx, &case).await? && elsewhere.is_some() {
                self.tell_place(tx, &case).await?;
            }
            if case.priority == Priority::Urgent {
                store::outbox::hurry(tx, id, "referral", self.now).await?;
            }
        }
        Ok(())
    }

    /// Tells its new department of a case that another one had.
    async fn move_on(&self, tx: &mut Tx, case: &Case) -> store::Result<()> {
        let moved = "the case was given to another department";
        // What was to follow is in the new one's mail.
        self.stop_referral(tx, &case.id, moved).await?;
        store::outbox::cancel(tx, &case.id, "referral", DateTime::UNIX_EPOCH, moved).await?;
        let children = join::all_children(tx, &case.id).await?;
        self.composer.refer(tx, case, &children, self.now).await?;
        Ok(())
    }

    /// Joins a case to another; where that one is with a department, the reporter is told.
    ///
    /// # Errors
    /// As [`join::join`].
    pub async fn join(
        &self,
        tx: &mut Tx,
        child: &CaseId,
        parent: &CaseId,
        grounds: Grounds<'_>,
    ) -> Result<LinkId, DeskError> {
        for end in [child, parent] {
            Self::for_staff(tx, end).await?;
        }
        let link = join::join(tx, self.composer.ids, child, parent, grounds, self.now).await?;
        let root = join::root(tx, parent).await?;
        self.open_again(tx, &root, grounds.actor).await?;
        let parent = store::case::get(tx, &root).await?.ok_or(DeskError::Unknown("case"))?;
        let joined = store::case::get(tx, child).await?.ok_or(DeskError::Unknown("case"))?;
        let decided = json!({"link": link, "to": parent.reference, "score": grounds.score, "why": grounds.why});
        self.note(tx, &joined, "join", grounds.actor, decided).await?;
        self.stop_referral(tx, child, JOINED).await?;
        if parent.state == CaseState::Routed {
            self.acknowledge_child(tx, child, &parent, grounds.actor).await?;
            // Who was joined to this one has come along.
            for grandchild in join::all_children(tx, child).await? {
                self.acknowledge_child(tx, &grandchild, &parent, grounds.actor).await?;
            }
        }
        Ok(link)
    }

    /// A closed case that another one is joined to is open again: with its department, if it had one.
    async fn open_again(&self, tx: &mut Tx, id: &CaseId, actor: &str) -> Result<(), DeskError> {
        let mut case = store::case::get_to_change(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        if case.state != CaseState::Closed {
            return Ok(());
        }
        case.state = if case.routed_at.is_some() { CaseState::Routed } else { CaseState::Review };
        case.closed_at = None;
        case.attention = Some("Reported again after it was closed: tell the department".to_owned());
        store::case::update(tx, &case, self.now).await?;
        Ok(self.note(tx, &case, "reopen", actor, json!({})).await?)
    }

    /// Takes a joined case out again.
    ///
    /// # Errors
    /// As [`join::undo`].
    pub async fn undo(&self, tx: &mut Tx, link: &LinkId, actor: &str) -> Result<CaseId, DeskError> {
        let ended = join::undo(tx, link, actor, self.now).await?;
        let child = ended.child;
        let mut case = store::case::get_to_change(tx, &child).await?.ok_or(DeskError::Unknown("case"))?;
        // What waits because of the join is not true any more, neither for those who came along with the case; what waited before
        // it, and what has left, stays.
        let mut all = join::all_children(tx, &child).await?;
        all.push(child.clone());
        for one in &all {
            for purpose in ["acknowledgement", "notice"] {
                let why = "the join was undone before it left";
                store::outbox::cancel(tx, one, purpose, ended.created_at, why).await?;
            }
        }
        case.attention = Some("It was joined to another case, and taken out again".to_owned());
        store::case::update(tx, &case, self.now).await?;
        if case.state == CaseState::Routed {
            // Its department is told, if the join stopped that.
            store::outbox::go_on(tx, &child, JOINED).await?;
            self.refer_anew(tx, &case).await?;
        }
        self.note(tx, &case, "undo", actor, json!({"link": link, "state": case.state})).await?;
        Ok(child)
    }

    /// A person says that two cases of which one was suggested to be the other are two problems; both remember who said so.
    ///
    /// # Errors
    /// When there is no such suggestion, or it was dealt with.
    pub async fn different(&self, tx: &mut Tx, link: &LinkId, actor: &str) -> Result<(), DeskError> {
        let link = store::link::get(tx, link).await?.filter(|link| link.kind == LinkKind::Maybe);
        let link = link.ok_or(DeskError::Unknown("suggestion"))?;
        for end in [&link.child, &link.parent] {
            Self::for_staff(tx, end).await?;
        }
        if !store::link::end(tx, &link.id, actor, self.now).await? {
            return Err(DeskError::NotNow("this suggestion was dealt with already"));
        }
        for (case, other) in [(&link.child, &link.parent), (&link.parent, &link.child)] {
            let with = store::case::get(tx, other).await?.ok_or(DeskError::Unknown("case"))?.reference;
            let decided = json!({"link": link.id, "with": with});
            let evidence = json!({"score": link.score, "why": link.why, "rules": self.composer.rules.version});
            let new =
                NewDecision { case_id: Some(case), message_id: None, kind: "different", actor, decided, evidence };
            store::decision::insert(tx, self.composer.ids, new, self.now).await?;
            let object = format!("case:{case}");
            store::audit::write(tx, self.composer.ids, actor, "different", &object, json!({}), self.now).await?;
        }
        Ok(())
    }

    /// A person lets a held, failed or uncertain mail go.
    ///
    /// # Errors
    /// When it is in none of these states.
    pub async fn release(&self, tx: &mut Tx, case: &CaseId, outgoing: &OutboxId, actor: &str) -> Result<(), DeskError> {
        if !store::outbox::of_case(tx, case).await?.iter().any(|o| o.id == *outgoing) {
            return Err(DeskError::Unknown("message on this case"));
        }
        if !store::outbox::release(tx, outgoing, self.now).await? {
            return Err(DeskError::NotNow("this message is not waiting any more"));
        }
        let case = store::case::get(tx, case).await?.ok_or(DeskError::Unknown("case"))?;
        self.note(tx, &case, "release", actor, json!({"outgoing": outgoing})).await?;
        Ok(())
    }

    /// A gatekeeper sends a resident's later words on to the department, and so has seen them.
    ///
    /// # Errors
    /// When the case is with no department, or the message is not on it.
    pub async fn send_on(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        message: &crate::core::MessageId,
        actor: &str,
    ) -> Result<(), DeskError> {
        let root = join::root(tx, id).await?;
        let mut case = Self::for_staff(tx, id).await?;
        let with = store::case::get(tx, &root).await?.ok_or(DeskError::Unknown("case"))?;
        if with.state != CaseState::Routed {
            return Err(DeskError::NotNow("this case is not with a department"));
        }
        let messages = store::message::of_case(tx, id).await?;
        let message = messages.into_iter().find(|m| m.id == *message);
        let message = message.ok_or(DeskError::Unknown("message on this case"))?;
        self.composer.forward(tx, &with, &message, self.now).await?;
        case.attention = None;
        store::case::update(tx, &case, self.now).await?;
        self.note(tx, &case, "send_on", actor, json!({"message": message.id})).await?;
        Ok(())
    }

    /// A gatekeeper has seen what the case asks to be looked at.
    ///
    /// # Errors
    /// When there is no such case.
    pub async fn seen(&self, tx: &mut Tx, id: &CaseId, actor: &str) -> Result<(), DeskError> {
        let mut case = store::case::get_to_change(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        let what = case.attention.take();
        store::case::update(tx, &case, self.now).await?;
        self.note(tx, &case, "seen", actor, json!({"what": what})).await?;
        Ok(())
    }

    /// Opens a case of its own for one of several requests in a case's message; the case. Asked for twice, it is opened once.
    ///
    /// # Errors
    /// As [`Splitter::split`].
    pub async fn split(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        wanted: SplitOff<'_>,
        actor: &str,
    ) -> Result<CaseId, DeskError> {
        Self::for_staff(tx, id).await?;
        let SplitOff { part, service, policy, calendar, matcher } = wanted;
        let (rules, ids) = (self.composer.rules, self.composer.ids);
        let splitter = Splitter { rules, policy, calendar, matcher, ids, now: self.now };
        let made = splitter.split(tx, id, part, service, actor).await?;
        if made.already {
            return Ok(made.case.id);
        }
        let first = store::case::get(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        let decided = json!({"part": part, "case": made.case.reference, "service": made.case.service});
        self.note(tx, &first, "split", actor, decided).await?;
        let decided = json!({
            "from": first.reference, "part": part, "service": made.case.service, "department": made.case.department,
            "priority": made.case.priority, "disposition": made.case.disposition, "due_on": made.case.due_on,
        });
        let evidence = json!({"verdict": made.verdict, "policy": policy, "rules": rules.version});
        let new = NewDecision {
            case_id: Some(&made.case.id),
            message_id: Some(&made.message),
            kind: "split_off",
            actor,
            decided,
            evidence,
        };
        store::decision::insert(tx, ids, new, self.now).await?;
        store::audit::write(tx, ids, actor, "split_off", &format!("case:{}", made.case.id), json!({}), self.now)
            .await?;
        Ok(made.case.id)
    }

    /// Takes a split back; the case that has the words again.
    ///
    /// # Errors
    /// As [`split::undo`].
    pub async fn undo_split(&self, tx: &mut Tx, link: &LinkId, actor: &str) -> Result<CaseId, DeskError> {
        let undone = split::undo(tx, link, actor, self.now).await?;
        let decided = json!({"case": undone.first.reference});
        self.note(tx, &undone.child, "unsplit", actor, decided).await?;
        let decided = json!({"case": undone.child.reference, "message": undone.message});
        self.note(tx, &undone.first, "unsplit", actor, decided).await?;
        Ok(undone.first.id)
    }

    /// A gatekeeper says that what was found is no request of its own.
    ///
    /// # Errors
    /// When there is no such part, or it is not offered any more.
    pub async fn dismiss_part(&self, tx: &mut Tx, id: &CaseId, part: usize, actor: &str) -> Result<(), DeskError> {
        let case = Self::for_staff(tx, id).await?;
        let offer = split::offer(tx, &case).await?.ok_or(DeskError::Unknown("part of this message"))?;
        match offer.standing.get(part) {
            None => Err(DeskError::Unknown("part of this message")),
            Some(split::Standing::Dismissed) => Ok(()),
            Some(split::Standing::Offered) => {
                Ok(self.note(tx, &case, "dismiss_part", actor, json!({"part": part})).await?)
            }
            Some(_) => Err(DeskError::NotNow("this part is not offered any more")),
        }
    }

    /// A gatekeeper says that the message of a case holds another request, by its words; `judged` is what they are about. It is offered
    /// as one that beadle found would be.
    ///
    /// # Errors
    /// When these words do not stand in the message, or the case is not one that a message came in as.
    pub async fn find_part(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        (words, judged): (&str, Verdict),
        actor: &str,
    ) -> Result<(), DeskError> {
        let case = Self::for_staff(tx, id).await?;
        if matches!(case.state, CaseState::Joined | CaseState::Closed) {
            return Err(DeskError::NotNow("this case is joined to another one or closed, so it cannot be split"));
        }
        if words.trim().is_empty() {
            return Err(DeskError::Missing("copy the words of the other request from the message"));
        }
        let first =
            store::message::of_case(tx, id).await?.into_iter().find(|message| message.case_id.as_ref() == Some(id));
        let first = first.ok_or(DeskError::NotNow(
            "this case is a part of a message already: look at the case it was split off from",
        ))?;
        let offer = split::offer(tx, &case).await?;
        let found = Found::new(offer.as_ref(), &case, &first.body, words, judged)?;
        let new = NewDecision {
            case_id: Some(id),
            message_id: Some(&first.id),
            kind: "find_part",
            actor,
            decided: json!({}),
            evidence: found.evidence(),
        };
        store::decision::insert(tx, self.composer.ids, new, self.now).await?;
        let object = format!("case:{id}");
        store::audit::write(tx, self.composer.ids, actor, "find_part", &object, json!({}), self.now).await?;
        Ok(())
    }

    /// Lets the department of a case have the whole message with its files, or only the part that the case is about.
    ///
    /// # Errors
    /// When the case is about no part, or its department was told already.
    pub async fn share_whole(&self, tx: &mut Tx, id: &CaseId, whole: bool, actor: &str) -> Result<(), DeskError> {
        let case = Self::for_staff(tx, id).await?;
        if !matches!(case.state, CaseState::Review | CaseState::Held) {
            return Err(DeskError::NotNow("this case is not waiting for review any more"));
        }
        if !store::part::set_whole(tx, id, whole).await? {
            return Err(DeskError::Unknown("part of this message"));
        }
        Ok(self.note(tx, &case, "share_whole", actor, json!({"whole": whole})).await?)
    }

    async fn acknowledge_child(&self, tx: &mut Tx, child: &CaseId, parent: &Case, actor: &str) -> store::Result<()> {
        if store::campaign::lead_of(tx, child).await?.is_some_and(|lead| lead == parent.id) {
            // Who lets the case go lets its letters go.
            return self.acknowledge_letter(tx, child, parent, true, actor).await;
        }
        let Some(mut case) = store::case::get(tx, child).await? else { return Ok(()) };
        // The reporter is told what holds for the case their problem is dealt with in.
        case.department.clone_from(&parent.department);
        case.due_on.clone_from(&parent.due_on);
        let acknowledged = self.composer.acknowledge(tx, &case, true, self.now).await?;
        let councillor = self.composer.tell_councillor(tx, &case, parent, self.now).await?;
        self.note(
            tx,
            &case,
            "acknowledge",
            actor,
            json!({"with": parent.reference, "acknowledgement": said(&acknowledged), "councillor": councillor}),
        )
        .await
    }

    async fn note(
        &self,
        tx: &mut Tx,
        case: &Case,
        kind: &str,
        actor: &str,
        decided: serde_json::Value,
    ) -> store::Result<()> {
        let ids = self.composer.ids;
        let evidence = json!({"rules": self.composer.rules.version});
        let new = NewDecision { case_id: Some(&case.id), message_id: None, kind, actor, decided, evidence };
        store::decision::insert(tx, ids, new, self.now).await?;
        store::audit::write(tx, ids, actor, kind, &format!("case:{}", case.id), json!({}), self.now).await
    }
}

fn said(acknowledged: &Acknowledged) -> String {
    match acknowledged {
        Acknowledged::Queued => "queued".to_owned(),
        Acknowledged::Held(why) => format!("held: {why}"),
        Acknowledged::ToRing => "none: they want to be rung".to_owned(),
        Acknowledged::Skipped(why) => format!("none: {why}"),
    }
}
