//! The open cases that a message may belong to, at any number of them: what is found by place, meaning, service and person
//! (`store::near`) is put in order by a rough look, and the first of them are compared closely.

use super::likeness::Report;
use super::matching::{FAR_M, Judge};
use super::sketch::Sketch;
use crate::core::{CaseId, ContactId, Place, Reference, Verdict};
use crate::store::case::Candidate;
use crate::store::near::{self, Near, Wanted};
use crate::store::{self, Db, Tx};
use crate::understanding::Question;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// How far back open cases are looked at.
const WINDOW_DAYS: i64 = 365;
/// Most cases compared closely.
const MOST: usize = 24;
/// Most closed cases compared closely.
const MOST_CLOSED: usize = 12;
/// Most cases offered to a gatekeeper.
pub const MOST_OFFERED: usize = 5;
/// By how many days a case seems less likely by so much that it comes after one of today of half its likeness.
const FADES_DAYS: f64 = 14.0;
/// What happened to cases within so many seconds before the look may not have been seen by it: clocks differ, and others commit later.
const UNSEEN_SECONDS: i64 = 30;
/// What is kept of cases to find them by; raised whenever that changes.
const VERSION: u8 = 1;

/// An open case like a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The case.
    pub case: CaseId,
    /// Its reference.
    pub reference: Reference,
    /// 0 to 1.
    pub score: f64,
    /// Why, for people.
    pub why: String,
    /// Version of the matcher that weighed it.
    pub matcher: String,
}

/// The likeliest first, in whatever order they come: of several that are as likely, the one that was opened last.
#[must_use]
pub fn ranked(found: impl IntoIterator<Item = Match>) -> Vec<Match> {
    let mut ranked: Vec<Match> = found.into_iter().collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| b.case.cmp(&a.case)));
    ranked
}

/// What open cases were found to be to a message before the transaction that decides on it: comparing takes time, and
/// nobody else writes while a transaction of SQLite is open.
#[derive(Clone, Debug)]
pub struct Compared {
    new: Report,
    sketch: Option<Sketch>,
    /// When the open cases were looked at.
    looked_at: Option<DateTime<Utc>>,
    /// Each case as it was then: its service, and how like it is.
    cases: BTreeMap<CaseId, (String, Match)>,
}

impl Compared {
    /// A message that came `at` a moment, compared with no case yet.
    #[must_use]
    pub fn with_nothing(question: &Question, verdict: &Verdict, judge: &Judge<'_>, at: DateTime<Utc>) -> Self {
        Self::report(judge.report(question, verdict, at))
    }

    /// A report, compared with no case yet.
    #[must_use]
    pub fn report(new: Report) -> Self {
        let sketch = new.embedding.as_deref().map(Sketch::of);
        Self { new, sketch, looked_at: None, cases: BTreeMap::new() }
    }

    /// Compares with the open cases as they are now. `contact` is who wrote the message, where that is sure.
    ///
    /// # Errors
    /// What the database says.
    pub async fn look(
        &mut self,
        tx: &mut Tx,
        contact: Option<&ContactId>,
        judge: &Judge<'_>,
        now: DateTime<Utc>,
    ) -> store::Result<()> {
        self.looked_at = Some(now);
        let near = self.near(tx, contact, now).await?;
        let ids: Vec<CaseId> = near.iter().map(|case| case.id.clone()).collect();
        for candidate in store::case::candidates(tx, &ids).await? {
            let (case, found) = self.found(candidate, contact, judge);
            self.cases.insert(case, found);
        }
        Ok(())
    }

    /// The open cases most like the message, most like first, at most [`MOST_OFFERED`], those in `except` left out. What was opened or
    /// changed since the look is compared now; what was closed or joined since is left out. The same cases give the same answer.
    ///
    /// # Errors
    /// What the database says.
    pub async fn likest(
        &self,
        tx: &mut Tx,
        contact: Option<&ContactId>,
        except: &[CaseId],
        judge: &Judge<'_>,
        now: DateTime<Utc>,
    ) -> store::Result<Vec<Match>> {
        let since = match self.looked_at {
            Some(looked_at) => near::changed(tx, contact, looked_at - TimeDelta::seconds(UNSEEN_SECONDS)).await?,
            None => self.near(tx, contact, now).await?,
        };
        let is_known = |case: &Near| self.cases.get(&case.id).is_some_and(|(service, _)| *service == case.service);
        let unknown = since.into_iter().filter(|case| !is_known(case) && !except.contains(&case.id)).collect();
        let unknown: Vec<CaseId> = self.first(unknown, MOST).into_iter().map(|case| case.id).collect();
        let mut found: Vec<Match> = Vec::new();
        for candidate in store::case::candidates(tx, &unknown).await? {
            found.push(self.found(candidate, contact, judge).1.1);
        }
        // Those compared before count as long as they stand as they did; the likeliest are asked after until enough do.
        let before = self.cases.values().filter(|(_, known)| !except.contains(&known.case));
        let before = ranked(before.map(|(_, known)| known.clone()));
        let mut standing = 0;
        for some in before.chunks(8) {
            let ids: Vec<CaseId> = some.iter().map(|known| known.case.clone()).collect();
            let still: BTreeMap<CaseId, String> = near::standing(tx, &ids).await?.into_iter().collect();
            let stands =
                |known: &&Match| still.get(&known.case) == self.cases.get(&known.case).map(|(service, _)| service);
            let still: Vec<Match> = some.iter().filter(stands).cloned().collect();
            standing += still.len();
            found.extend(still);
            if standing >= MOST_OFFERED {
                break;
            }
        }
        let mut found = ranked(found);
        found.truncate(MOST_OFFERED);
        Ok(found)
    }

    /// The cases most like the message among those that were closed since `since`: of its service, and where it is.
    ///
    /// # Errors
    /// What the database says.
    pub async fn likest_closed(
        &self,
        tx: &mut Tx,
        contact: Option<&ContactId>,
        judge: &Judge<'_>,
        since: DateTime<Utc>,
    ) -> store::Result<Option<Match>> {
        let Some(spot) = self.new.place.as_ref().and_then(Place::spot) else { return Ok(None) };
        let mut near = near::closed(tx, spot, since).await?;
        near.retain(|case| case.service == self.new.service);
        let near = self.first(near, MOST_CLOSED);
        let ids: Vec<CaseId> = near.into_iter().map(|case| case.id).collect();
        let found = store::case::candidates(tx, &ids).await?.into_iter().map(|c| self.found(c, contact, judge).1.1);
        Ok(ranked(found).into_iter().next())
    }

    fn found(&self, candidate: Candidate, contact: Option<&ContactId>, judge: &Judge<'_>) -> (CaseId, (String, Match)) {
        let (case, reference, service) = (candidate.id.clone(), candidate.reference.clone(), candidate.service.clone());
        let (score, why) = judge.compare(&self.new, candidate, contact);
        let matcher = judge.matcher.version.clone();
        (case.clone(), (service, Match { case, reference, score, why, matcher }))
    }

    /// The open cases worth a closer look, the likeliest first.
    async fn near(&self, tx: &mut Tx, contact: Option<&ContactId>, now: DateTime<Utc>) -> store::Result<Vec<Near>> {
        let wanted = Wanted {
            spot: self.new.place.as_ref().and_then(Place::spot),
            bands: self.sketch.map(|sketch| sketch.bands()),
            service: &self.new.service,
            person: contact,
            since: now - TimeDelta::days(WINDOW_DAYS),
        };
        let found = near::find(tx, &wanted).await?;
        Ok(self.first(found, MOST))
    }

    /// Those that promise most.
    fn first(&self, found: Vec<Near>, most: usize) -> Vec<Near> {
        // The person's own come first, so of what was found twice that is kept.
        let mut seen = BTreeSet::new();
        let mut found: Vec<(f64, Near)> = found
            .into_iter()
            .filter(|case| seen.insert(case.id.clone()))
            .filter_map(|case| Some((self.promise(&case)?, case)))
            .collect();
        found.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.id.cmp(&other.id)));
        found.into_iter().take(most).map(|(_, case)| case).collect()
    }

    /// How much a case promises at a rough look; none where it is too far away.
    fn promise(&self, case: &Near) -> Option<f64> {
        let here = self.new.place.as_ref().and_then(Place::spot);
        let metres = here.zip(case.spot()).map(|(here, there)| here.distance_m(there));
        if metres.is_some_and(|metres| metres > FAR_M) && !case.own {
            return None;
        }
        let nearness = metres.map_or(0.3, |metres| (1.0 - metres / FAR_M).max(0.0));
        let theirs = case.sketch.as_deref().and_then(Sketch::from_bytes);
        let likeness = self.sketch.zip(theirs).map_or(0.3, |(ours, theirs)| ours.likeness(&theirs));
        let days = (self.new.at - case.received_at).num_hours().abs() as f64 / 24.0;
        let yes = |is: bool| if is { 1.0 } else { 0.0 };
        let fresh = (-days / FADES_DAYS).exp();
        Some(
            1.5 * nearness + 2.0 * likeness + yes(case.service == self.new.service) + 2.0 * yes(case.own) + 0.5 * fresh,
        )
    }
}

/// What is kept is kept anew for another program or encoder.
fn version(encoder: Option<&str>) -> i64 {
    let hash = Sha256::digest(format!("{VERSION}/{}", encoder.unwrap_or_default()));
    hash[..6].iter().fold(0, |number, byte| number << 8 | i64::from(*byte))
}

/// Keeps what a new case is found by beside its place and service: what its words mean, by an encoder of this version.
///
/// # Errors
/// What the database says.
pub async fn keep(tx: &mut Tx, case: &CaseId, embedding: Option<&[f32]>, encoder: Option<&str>) -> store::Result<()> {
    let sketch = embedding.map(Sketch::of);
    let bands = sketch.map(|sketch| sketch.bands());
    near::keep(tx, case, sketch.as_ref().map(|s| s.bytes().as_slice()), bands.as_ref(), version(encoder)).await
}

/// Works out anew what cases are found by, where that was kept by another program or encoder or not at all; how many cases that were,
/// at most `most`. What another encoder made of a message counts as absent.
///
/// # Errors
/// What the database says.
pub async fn keep_all(db: &Db, encoder: Option<&str>, most: i64) -> store::Result<usize> {
    let mut tx = db.begin().await?;
    let unkept = near::unkept(&mut tx, version(encoder), most).await?;
    for case in &unkept {
        near::set_spot(&mut tx, &case.id, case.place.as_ref().and_then(|place| place.0.spot())).await?;
        let embedding = case.embedding.as_deref().filter(|_| case.encoder.as_deref() == encoder);
        let embedding = embedding.map(store::message::from_bytes);
        keep(&mut tx, &case.id, embedding.as_deref(), encoder).await?;
    }
    tx.commit().await?;
    Ok(unkept.len())
}
