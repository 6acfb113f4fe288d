//! A message that holds several requests becomes several cases. Nothing splits by itself: the verdict offers, a person splits
//! off one part after the other, and can take each back for as long as nothing has left for its case.
//!
//! The message stays where it came in. What each case is about stands in `message_parts`: for the case it came in as, too, so
//! that a department gets the words of its own part, with what is common to all of them, and no more.

use crate::casework::matcher::Matcher;
use crate::casework::matching::Judge;
use crate::casework::open::{self, Opening};
use crate::casework::search::Compared;
use crate::core::verdict::Part;
use crate::core::{CaseId, CaseState, Disposition, Ids, LinkId, MessageId, Party, Priority, Verdict};
use crate::routing::{self, RoutingPolicy, deadline::WorkingDays, deadline::received_date};
use crate::store::case::Case;
use crate::store::link::{LinkKind, NewLink};
use crate::store::part::MessagePart;
use crate::store::{self, Tx};
use crate::understanding::Question;
use crate::understanding::rules::Rules;
use crate::understanding::split::without_mark;
use chrono::{DateTime, Utc};
use regex::Regex;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

/// Who says that two cases are perhaps the same, where nobody but the program compared them.
const BY_ITSELF: &str = "beadle";

/// Why a message was not split, or a split not undone.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// There is no such case, part or link.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// It is not in a state for that.
    #[error("{0}")]
    NotNow(&'static str),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// What became of a part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It stays with the case the message came in as.
    Stays,
    /// It is offered as a case of its own.
    Offered,
    /// A person said that it is no request of its own.
    Dismissed,
    /// It is this case.
    Split(CaseId),
}

/// The several requests of a case's message.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The message.
    pub message: MessageId,
    /// The verdict that found them.
    pub verdict: Verdict,
    /// What became of each of the verdict's parts.
    pub standing: Vec<Standing>,
}

impl Offer {
    /// Whether anything is left to be decided.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.standing.contains(&Standing::Offered)
    }

    /// The words that are left to the case the message came in as: those of every part that is no case of its own.
    fn words_left(&self) -> String {
        let left = self.verdict.parts.iter().zip(&self.standing).filter(|(_, s)| !matches!(s, Standing::Split(_)));
        let words: Vec<&str> = left.map(|(part, _)| part.words.as_str()).collect();
        with_common(&words.join("\n\n"), &self.verdict)
    }

    fn staying(&self) -> usize {
        self.standing.iter().position(|s| *s == Standing::Stays).unwrap_or_default()
    }
}

/// The words of a part, and what is common to all of them.
fn with_common(words: &str, verdict: &Verdict) -> String {
    if verdict.common.is_empty() { words.to_owned() } else { format!("{words}\n\n…\n{}", verdict.common) }
}

/// The several requests that were found in a case's first message; none where it holds one.
///
/// # Errors
/// What the database says.
pub async fn offer(tx: &mut Tx, case: &Case) -> store::Result<Option<Offer>> {
    let decisions = store::decision::of_case(tx, &case.id).await?;
    let Some(triage) = decisions.iter().find(|d| d.kind == "triage") else { return Ok(None) };
    let Some(message) = triage.message_id.clone() else { return Ok(None) };
    let verdict: Option<Verdict> = serde_json::from_value(triage.evidence.0["verdict"].clone()).ok();
    let Some(mut verdict) = verdict else { return Ok(None) };
    for found in decisions.iter().filter(|d| d.kind == FOUND) {
        if let Ok(found) = serde_json::from_value(found.evidence.0.clone()) {
            take_in(&mut verdict, found);
        }
    }
    if verdict.parts.len() < 2 {
        return Ok(None);
    }
    let cases = store::part::of_message(tx, &message).await?;
    let stays = cases.iter().find(|p| p.case_id == case.id).and_then(|p| usize::try_from(p.position).ok());
    let stays = stays.unwrap_or_else(|| verdict.staying_part(&case.service));
    let standing = (0..verdict.parts.len())
        .map(|n| {
            let dismissed = || decisions.iter().any(|d| d.kind == "dismiss_part" && d.decided.0["part"] == n);
            match cases.iter().find(|p| usize::try_from(p.position) == Ok(n)) {
                _ if n == stays => Standing::Stays,
                Some(part) => Standing::Split(part.case_id.clone()),
                None if dismissed() => Standing::Dismissed,
                None => Standing::Offered,
            }
        })
        .collect();
    Ok(Some(Offer { message, verdict, standing }))
}

/// Kind of the decision by which a person says that a message holds another request.
const FOUND: &str = "find_part";

/// A request that a person found in a message: the evidence of that decision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    /// What it is, with its words as they stand in the message.
    part: Part,
    /// In which part its words stood, from 0.
    within: usize,
    /// The message as the one request that it was taken for until then.
    whole: Part,
}

impl Found {
    /// What a person found, by words that stand in a case's message, not counting how they are spaced; `judged` is what those
    /// words are about. `text` is the message's.
    ///
    /// # Errors
    /// When the words are all there is, do not stand in the message, or stand in a part that is a case of its own.
    pub fn new(
        offer: Option<&Offer>,
        case: &Case,
        text: &str,
        words: &str,
        judged: Verdict,
    ) -> Result<Self, SplitError> {
        let missing = || {
            SplitError::NotNow(
                "these words do not stand in what is left of the message: copy them from it as they are, a whole sentence or more",
            )
        };
        let spaced = words.split_whitespace().map(regex::escape).collect::<Vec<_>>().join(r"\s+");
        let as_written = Regex::new(&spaced).map_err(|_| missing())?;
        let left = |n: usize| offer.is_none_or(|offer| !matches!(offer.standing.get(n), Some(Standing::Split(_))));
        let texts: Vec<&str> = offer
            .map_or_else(|| vec![text], |offer| offer.verdict.parts.iter().map(|part| part.words.as_str()).collect());
        let stands = texts.iter().enumerate().filter(|(n, _)| left(*n));
        let (within, found) = stands
            .filter_map(|(n, text)| Some((n, as_written.find(text).filter(|found| !found.is_empty())?)))
            .next()
            .ok_or_else(missing)?;
        if without(texts[within], found.as_str()).trim().is_empty() {
            return Err(SplitError::NotNow("that is all of it: nothing would be left for this case"));
        }
        let whole = Part {
            words: text.to_owned(),
            service: case.service.clone(),
            confidence: case.confidence,
            candidates: Vec::new(),
            priority: case.priority,
            place: case.place.as_ref().map(|place| place.0.clone()),
            reasons: Vec::new(),
        };
        let Verdict { service, confidence, candidates, priority, place, reasons, .. } = judged;
        // Where the words name no place, it is the one of the message.
        let place = place.or_else(|| whole.place.clone());
        let words = found.as_str().to_owned();
        Ok(Self { part: Part { words, service, confidence, candidates, priority, place, reasons }, within, whole })
    }

    /// As it is kept.
    #[must_use]
    pub fn evidence(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Puts a request that a person found among those of its message.
fn take_in(verdict: &mut Verdict, found: Found) {
    let Found { part, within, whole } = found;
    if verdict.parts.len() < 2 {
        verdict.parts = vec![whole];
    }
    if let Some(held) = verdict.parts.get_mut(within) {
        held.words = without(&held.words, &part.words);
    }
    verdict.parts.push(part);
}

/// A text without the first place where some words stand in it.
fn without(text: &str, words: &str) -> String {
    match text.split_once(words) {
        Some((before, after)) => format!("{}\n{}", before.trim_end(), after.trim_start()).trim().to_owned(),
        None => text.to_owned(),
    }
}

/// What a case has from its verdict, and what changes when it keeps only a part of its message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Aspect {
    service: String,
    department: String,
    priority: Priority,
    ward: Option<String>,
    place: Option<crate::core::Place>,
    title: String,
    due_on: String,
    confidence: f64,
    disposition: Disposition,
}

impl Aspect {
    fn of(case: &Case) -> Self {
        Self {
            service: case.service.clone(),
            department: case.department.clone(),
            priority: case.priority,
            ward: case.ward.clone(),
            place: case.place.as_ref().map(|p| p.0.clone()),
            title: case.title.clone(),
            due_on: case.due_on.clone(),
            confidence: case.confidence,
            disposition: case.disposition,
        }
    }

    fn put_on(self, case: &mut Case) {
        case.service = self.service;
        case.department = self.department;
        case.priority = self.priority;
        case.ward = self.ward;
        case.place = self.place.map(Json);
        case.title = self.title;
        case.due_on = self.due_on;
        case.confidence = self.confidence;
        case.disposition = self.disposition;
    }
}

/// The case before its first part left it, and as it was made then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Change {
    before: Aspect,
    after: Aspect,
}

/// What splitting goes by.
#[derive(Clone, Copy, Debug)]
pub struct Splitter<'a> {
    /// Services and departments.
    pub rules: &'a Rules,
    /// What may happen without a person, and from what likeness on two cases are perhaps the same.
    pub policy: &'a RoutingPolicy,
    /// Working days.
    pub calendar: &'a WorkingDays,
    /// What tells that two reports are about one problem.
    pub matcher: &'a Matcher,
    /// New ids.
    pub ids: &'a Ids,
    /// The time.
    pub now: DateTime<Utc>,
}

/// What a split made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The new case, or the one that the part was before.
    pub case: Case,
    /// The message both are from.
    pub message: MessageId,
    /// The verdict the new case rests on.
    pub verdict: Verdict,
    /// Whether somebody had split it off before: then nothing was done.
    pub already: bool,
}

impl Splitter<'_> {
    /// Opens a case for part number `part` of the message of `id`, with `service` where a person chose another.
    ///
    /// # Errors
    /// When case, part or service do not exist, it is the part that stays, or the case is joined to another or closed.
    pub async fn split(
        &self,
        tx: &mut Tx,
        id: &CaseId,
        part: usize,
        service: Option<&str>,
        actor: &str,
    ) -> Result<Made, SplitError> {
        let mut first = store::case::get_to_change(tx, id).await?.ok_or(SplitError::Unknown("case"))?;
        let mut offer = offer(tx, &first).await?.ok_or(SplitError::Unknown("part of this message"))?;
        let mut verdict = offer.verdict.of_part(part).ok_or(SplitError::Unknown("part of this message"))?;
        if let Standing::Split(there) = &offer.standing[part] {
            let case = store::case::get(tx, there).await?.ok_or(SplitError::Unknown("case"))?;
            return Ok(Made { case, message: offer.message, verdict, already: true });
        }
        if offer.standing[part] == Standing::Stays {
            return Err(SplitError::NotNow("this part is what the case itself is about"));
        }
        if matches!(first.state, CaseState::Joined | CaseState::Closed) {
            return Err(SplitError::NotNow("this case is joined to another one or closed, so it cannot be split"));
        }
        if let Some(service) = service.filter(|s| *s != verdict.service) {
            if !self.rules.taxonomy.services.contains_key(service) {
                return Err(SplitError::Unknown("service"));
            }
            // What a person says is sure.
            service.clone_into(&mut verdict.service);
            verdict.confidence = 1.0;
            verdict.candidates.clear();
        }
        let words = offer.verdict.parts[part].words.clone();
        let case = self.open(tx, &first, &verdict, &words).await?;
        self.keep(tx, &mut first, &mut offer, part, &case.id).await?;
        let row = MessagePart {
            message_id: offer.message.clone(),
            position: i64::try_from(part).unwrap_or(i64::MAX),
            case_id: case.id.clone(),
            words: with_common(&words, &offer.verdict),
            whole: false,
            before: None,
        };
        store::part::insert(tx, &row).await?;
        let why = format!("one of {} requests in one message", offer.verdict.parts.len());
        let new = NewLink {
            child: &case.id,
            parent: &first.id,
            kind: LinkKind::Split,
            score: offer.verdict.parts[part].confidence,
            why: &why,
            child_state: None,
            actor,
        };
        store::link::insert(tx, self.ids, new, self.now).await?;
        self.compare(tx, &case, &verdict, &words, &offer).await?;
        Ok(Made { case, message: offer.message, verdict, already: false })
    }

    /// Offers the open case that the new one is perhaps the same as. Its own brothers are none.
    async fn compare(
        &self,
        tx: &mut Tx,
        case: &Case,
        verdict: &Verdict,
        words: &str,
        offer: &Offer,
    ) -> store::Result<()> {
        let question = Question { body: words.to_owned(), ..Question::default() };
        let contact = match case.contact_id.as_ref() {
            Some(contact) if is_verified(tx, &case.id).await? => Some(store::person::of(tx, contact).await?),
            _ => None,
        };
        let brothers = store::part::of_message(tx, &offer.message).await?;
        let brothers: Vec<CaseId> = brothers.into_iter().map(|p| p.case_id).collect();
        let judge = Judge { matcher: self.matcher, taxonomy: &self.rules.taxonomy, verified: contact.is_some() };
        let compared = Compared::with_nothing(&question, verdict, &judge, case.received_at);
        let known = compared.likest(tx, contact.as_ref(), &brothers, &judge, self.now).await?;
        for known in known.iter().filter(|known| known.score >= self.policy.maybe_above) {
            let new = NewLink {
                child: &case.id,
                parent: &known.case,
                kind: LinkKind::Maybe,
                score: known.score,
                why: &known.why,
                child_state: None,
                actor: BY_ITSELF,
            };
            store::link::insert(tx, self.ids, new, self.now).await?;
        }
        Ok(())
    }

    /// The new case: its own service, department, deadline, place and priority; who reported it, what they allow, the
    /// councillor and the day it came in are those of the first.
    async fn open(&self, tx: &mut Tx, first: &Case, verdict: &Verdict, words: &str) -> store::Result<Case> {
        let taxonomy = &self.rules.taxonomy;
        let department = routing::department_for(taxonomy, &verdict.service, verdict.ward()).to_owned();
        let (disposition, hold_reason) = self.dispose(verdict, &department);
        let opening = Opening {
            reference: None,
            contact: first.contact_id.as_ref(),
            verdict,
            department: &department,
            disposition,
            hold_reason,
            attention: None,
            councillor: first.councillor.as_deref(),
            consent: first.consent.parse().unwrap_or(routing::consent::Consent::Neither),
            language: verdict.language_to_answer(),
            title: open::title("", without_mark(words)),
            received_at: first.received_at,
            due_on: self.due(first, &verdict.service),
        };
        open::open(tx, self.ids, opening, self.now).await
    }

    /// A person has just looked, so a part that could go by itself is suggested, and so is one whose service they chose.
    fn dispose(&self, verdict: &Verdict, department: &str) -> (Disposition, Option<String>) {
        let (disposition, hold) = routing::dispose(verdict, &self.rules.taxonomy, department, self.policy);
        let chosen = verdict.candidates.is_empty();
        match disposition {
            Disposition::Auto => (Disposition::Suggest, hold),
            Disposition::Unsure if chosen => (Disposition::Suggest, hold),
            other => (other, hold),
        }
    }

    fn due(&self, case: &Case, service: &str) -> chrono::NaiveDate {
        let days = self.rules.taxonomy.services.get(service).map_or(10, |s| s.working_days);
        self.calendar.due(received_date(case.received_at), days)
    }

    /// Makes the first case what is left of it. While it waits it takes on what its own part says of service, place and
    /// title; one that is with a department already keeps what that department was told.
    async fn keep(
        &self,
        tx: &mut Tx,
        first: &mut Case,
        offer: &mut Offer,
        part: usize,
        child: &CaseId,
    ) -> Result<(), SplitError> {
        let staying = offer.staying();
        offer.standing[part] = Standing::Split(child.clone());
        if store::part::of_case(tx, &first.id).await?.is_some() {
            store::part::set_words(tx, &first.id, &offer.words_left()).await?;
            return Ok(());
        }
        let before = Aspect::of(first);
        if first.routed_at.is_none()
            && let Some(own) = offer.verdict.of_part(staying)
        {
            self.take_on(first, &own, &offer.verdict.parts[staying].words);
            store::case::update(tx, first, self.now).await?;
        }
        let change = Change { before, after: Aspect::of(first) };
        let row = MessagePart {
            message_id: offer.message.clone(),
            position: i64::try_from(staying).unwrap_or(i64::MAX),
            case_id: first.id.clone(),
            words: offer.words_left(),
            whole: false,
            before: serde_json::to_value(change).ok().map(Json),
        };
        store::part::insert(tx, &row).await?;
        Ok(())
    }

    fn take_on(&self, case: &mut Case, own: &Verdict, words: &str) {
        case.place = own.place.clone().map(Json);
        case.ward = own.ward().map(str::to_owned);
        case.title = open::title("", without_mark(words));
        // A service that none of the parts is about came out of the mixture of them all.
        if case.service != own.service {
            case.service.clone_from(&own.service);
            case.department =
                routing::department_for(&self.rules.taxonomy, &own.service, case.ward.as_deref()).to_owned();
            case.due_on = self.due(case, &own.service).to_string();
        }
        case.confidence = own.confidence;
        if case.disposition != Disposition::Hold {
            case.disposition = self.dispose(own, &case.department).0;
        }
    }
}

/// A split that was taken back.
#[derive(Clone, Debug)]
pub struct Undone {
    /// The case that was split off; closed.
    pub child: Case,
    /// The case that has the words again.
    pub first: Case,
    /// The message they are from.
    pub message: MessageId,
}

/// Takes a split back: the words are the first case's again, and the case that was split off is closed. It keeps its
/// reference and its trail; nobody outside was told of it.
///
/// # Errors
/// When there is no such split, it was undone before, or something has left for the case or was joined to it.
pub async fn undo(tx: &mut Tx, link: &LinkId, actor: &str, now: DateTime<Utc>) -> Result<Undone, SplitError> {
    let link = store::link::get(tx, link).await?.filter(|l| l.kind == LinkKind::Split);
    let link = link.ok_or(SplitError::Unknown("split"))?;
    let mut both = [&link.child, &link.parent];
    both.sort();
    for id in both {
        store::case::get_to_change(tx, id).await?.ok_or(SplitError::Unknown("case"))?;
    }
    let mut child = store::case::get(tx, &link.child).await?.ok_or(SplitError::Unknown("case"))?;
    let mut first = store::case::get(tx, &link.parent).await?.ok_or(SplitError::Unknown("case"))?;
    if link.ended_at.is_some() {
        return Err(SplitError::NotNow("this split was undone already"));
    }
    if let Some(why) = cannot_undo(tx, &child).await? {
        return Err(SplitError::NotNow(why));
    }
    for purpose in ["referral", "acknowledgement", "notice", "addition"] {
        let why = "the split was undone before it left";
        store::outbox::cancel(tx, &child.id, purpose, DateTime::UNIX_EPOCH, why).await?;
    }
    // What began to be sent before it could be cancelled.
    if let Some(why) = cannot_undo(tx, &child).await? {
        return Err(SplitError::NotNow(why));
    }
    if !store::link::end(tx, &link.id, actor, now).await? {
        return Err(SplitError::NotNow("this split was undone already"));
    }
    let part = store::part::of_case(tx, &child.id).await?.ok_or(SplitError::Unknown("part of this message"))?;
    store::part::delete(tx, &child.id).await?;
    for other in store::link::standing(tx, &child.id).await? {
        store::link::end(tx, &other.id, actor, now).await?;
    }
    child.state = CaseState::Closed;
    child.closed_at = Some(now);
    child.attention = None;
    store::case::update(tx, &child, now).await?;
    give_back(tx, &mut first, now).await?;
    if first.routed_at.is_some() {
        first.attention =
            Some(format!("The words of {} are on this case again: its department may not know them", child.reference));
        store::case::update(tx, &first, now).await?;
    }
    Ok(Undone { child, first, message: part.message_id })
}

/// Gives the first case its words back, and what it was before where no part is left and nobody changed it since.
async fn give_back(tx: &mut Tx, first: &mut Case, now: DateTime<Utc>) -> Result<(), SplitError> {
    let Some(own) = store::part::of_case(tx, &first.id).await? else { return Ok(()) };
    if store::part::of_message(tx, &own.message_id).await?.len() > 1 {
        if let Some(offer) = offer(tx, first).await? {
            store::part::set_words(tx, &first.id, &offer.words_left()).await?;
        }
        return Ok(());
    }
    store::part::delete(tx, &first.id).await?;
    let change = own.before.and_then(|b| serde_json::from_value::<Change>(b.0).ok());
    if let Some(change) = change.filter(|c| c.after == Aspect::of(first) && first.routed_at.is_none()) {
        change.before.put_on(first);
        store::case::update(tx, first, now).await?;
    }
    Ok(())
}

/// Why a split can no longer be undone, if so.
///
/// # Errors
/// What the database says.
pub async fn cannot_undo(tx: &mut Tx, child: &Case) -> store::Result<Option<&'static str>> {
    let left = |o: &store::outbox::Outgoing| {
        o.sent_at.is_some() || matches!(o.status.as_str(), "sending" | "sent" | "uncertain")
    };
    if store::outbox::of_case(tx, &child.id).await?.iter().any(left) {
        return Ok(Some("something has left for this case already, so the split cannot be undone"));
    }
    if child.state == CaseState::Joined || !store::link::children_of(tx, &child.id).await?.is_empty() {
        return Ok(Some("this case is joined with another one: undo that first"));
    }
    let messages = store::message::of_case(tx, &child.id).await?;
    if messages.iter().any(|m| m.case_id.as_ref() == Some(&child.id)) {
        return Ok(Some("somebody wrote on this case since, so the split cannot be undone"));
    }
    Ok(None)
}

/// Whether the resident who wrote a case's first message is vouched for: only then are they "the same person".
async fn is_verified(tx: &mut Tx, case: &CaseId) -> store::Result<bool> {
    let messages = store::message::of_case(tx, case).await?;
    Ok(messages.iter().find(|m| m.party == Party::Resident).is_some_and(|m| m.sender.0.is_verified()))
}
