//! Reports taken in one after another by a system that knows nothing at first: which are joined to an open case, what is offered, how
//! often that is right where somebody knows, and how long the look takes.

use crate::casework::join::{self, Grounds, JoinError};
use crate::casework::likeness::Report;
use crate::casework::matcher::Matcher;
use crate::casework::matching::Judge;
use crate::casework::search::{self, Compared, Match};
use crate::core::{
    CaseId, CaseState, Channel, Disposition, Ids, Mail, MessageId, Party, Place, Point, Priority, SenderCheck, Taxonomy,
};
use crate::routing::RoutingPolicy;
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::message::{Embedding, NewMessage};
use crate::store::{self, Db, Tx};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::types::Json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// A report of a stream.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its name.
    pub id: String,
    /// Its text: subject, empty line, body.
    pub text: String,
    /// Its service.
    pub service: String,
    /// Where, where that is known.
    pub spot: Option<Point>,
    /// When it came.
    pub at: DateTime<Utc>,
    /// What its text means.
    pub embedding: Vec<f32>,
}

impl Told {
    fn place(&self) -> Option<Place> {
        self.spot.map(Place::at)
    }
}

/// A system that takes in a stream: nobody is told anything.
#[derive(Debug)]
pub struct Stream<'a> {
    /// Its database.
    pub db: Db,
    /// New identifiers.
    pub ids: Ids,
    /// What tells that two reports are about one problem.
    pub matcher: &'a Matcher,
    /// The services.
    pub taxonomy: &'a Taxonomy,
    /// From this probability on a report is joined.
    pub join_above: f64,
    /// From this probability on a case is offered.
    pub maybe_above: f64,
}

/// What became of a report.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its case.
    pub case: CaseId,
    /// The open case it was joined to.
    pub joined: Option<CaseId>,
    /// The open cases that were offered instead, likeliest first.
    pub offered: Vec<CaseId>,
    /// How long the look at the open cases took, in seconds.
    pub looked: f64,
    /// How long all of it took, in seconds.
    pub whole: f64,
}

impl<'a> Stream<'a> {
    /// A system on an empty database.
    #[must_use]
    pub const fn of(db: Db, matcher: &'a Matcher, taxonomy: &'a Taxonomy, policy: &RoutingPolicy) -> Self {
        let (join_above, maybe_above) = (policy.join_above, policy.maybe_above);
        Self { db, ids: Ids::Random, matcher, taxonomy, join_above, maybe_above }
    }
    /// The open cases most like a report.
    ///
    /// # Errors
    /// What the database says.
    pub async fn look(&self, tx: &mut Tx, told: &Told) -> store::Result<Vec<Match>> {
        let judge = Judge { matcher: self.matcher, taxonomy: self.taxonomy, verified: false };
        let service = self.taxonomy.services.get(&told.service);
        let mut compared = Compared::report(Report {
            service: told.service.clone(),
            comes_and_goes: service.is_some_and(|service| service.comes_and_goes),
            within_m: service.and_then(|service| service.within_m),
            place: told.place(),
            encoder: Some(self.matcher.encoder.clone()),
            ..Report::of(&told.text, Some(told.embedding.clone()), told.at)
        });
        compared.look(tx, None, &judge, told.at).await?;
        compared.likest(tx, None, &[], &judge, told.at).await
    }

    /// Opens a case for a report without a look at the others.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(&self, tx: &mut Tx, told: &Told) -> store::Result<CaseId> {
        let mut reference = self.ids.reference();
        while !store::case::reference_is_free(tx, &reference).await? {
            reference = self.ids.reference();
        }
        let case = Case {
            id: self.ids.next(),
            reference,
            contact_id: None,
            state: CaseState::Review,
            service: told.service.clone(),
            department: String::new(),
            priority: Priority::Normal,
            ward: None,
            councillor: None,
            place: told.place().map(Json),
            title: String::new(),
            language: "en".to_owned(),
            confidence: 1.0,
            disposition: Disposition::Suggest,
            consent: Consent::Share.as_str().to_owned(),
            asked: None,
            hold_reason: None,
            attention: None,
            received_at: told.at,
            due_on: String::new(),
            routed_at: None,
            closed_at: None,
        };
        store::case::insert(tx, &case, told.at).await?;
        search::keep(tx, &case.id, Some(&told.embedding), Some(&self.matcher.encoder)).await?;
        let id: MessageId = self.ids.next();
        let (subject, body) = told.text.split_once("\n\n").unwrap_or(("", &told.text));
        let mail = Mail {
            channel: Channel::Web,
            writer: None,
            shared: None,
            from: None,
            to: Vec::new(),
            delivered_to: Vec::new(),
            subject: subject.to_owned(),
            text: body.to_owned(),
            folded: String::new(),
            rfc_message_id: None,
            answers: Vec::new(),
            device_language: None,
            sent_at: None,
            attachments: Vec::new(),
            automatic: None,
            no_auto_answer: None,
            sender: SenderCheck::Unverified { why: String::new() },
            bounce: None,
            fingerprint: id.to_string(),
        };
        let new = NewMessage {
            id: &id,
            case_id: Some(&case.id),
            party: Party::Resident,
            contact: None,
            mail: &mail,
            language: None,
            embedding: Some(Embedding { vector: &told.embedding, encoder: &self.matcher.encoder }),
            hear_by: None,
            received_at: told.at,
        };
        store::message::insert(tx, new).await?;
        Ok(case.id)
    }

    /// Takes in a report as the service does in its automatic mode: it is joined, or opened with what is offered.
    ///
    /// # Errors
    /// What the database says.
    pub async fn take_in(&self, told: &Told) -> Result<Taken, JoinError> {
        let start = Instant::now();
        let mut tx = self.db.begin().await?;
        let found = self.look(&mut tx, told).await?;
        let looked = start.elapsed().as_secs_f64();
        let case = self.open(&mut tx, told).await?;
        let best = found.first().filter(|best| best.score >= self.join_above);
        if let Some(best) = best {
            let grounds = Grounds { score: best.score, why: &best.why, actor: "simulation" };
            join::join(&mut tx, &self.ids, &case, &best.case, grounds, told.at).await?;
        }
        tx.commit().await?;
        let joined = best.map(|best| best.case.clone());
        let offers = found.iter().filter(|one| joined.is_none() && one.score >= self.maybe_above);
        let offered = offers.map(|one| one.case.clone()).collect();
        Ok(Taken { case, joined, offered, looked, whole: start.elapsed().as_secs_f64() })
    }
}

/// What is known of two reports: whether they are about one problem.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The earlier report.
    pub earlier: String,
    /// The later one.
    pub later: String,
    /// Whether it is one problem.
    pub same: bool,
}

/// What came of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Reports taken in.
    pub reports: usize,
    /// Reports joined to an open case.
    pub joined: usize,
    /// Of these the ones whose truth is known.
    pub joined_known: usize,
    /// Of these the share that was right; none where none is known.
    pub precision_of_joins: Option<f64>,
    /// Reports for which open cases were offered.
    pub with_offers: usize,
    /// Offers whose truth is known.
    pub offers_known: usize,
    /// Of these the share that was right; none where none is known.
    pub precision_of_offers: Option<f64>,
    /// Reports that are known to be about the problem of an earlier one of the stream.
    pub known_same: usize,
    /// Of these the share that was joined to it.
    pub joined_to_it: f64,
    /// Of these the share that was joined to it, or had it among the five offered.
    pub found: f64,
    /// How long it took, as the open cases grew.
    pub pace: Vec<Pace>,
}

/// How long a report took at a number of open cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pace {
    /// Open cases, up to.
    pub open_cases: usize,
    /// Reports taken in since the line before.
    pub reports: usize,
    /// Seconds for the look at the open cases, median.
    pub look_median_s: f64,
    /// Seconds for the look, 99th percentile.
    pub look_p99_s: f64,
    /// Seconds for a report from look to commit, mean.
    pub whole_mean_s: f64,
}

/// Takes in all `reports`, in order of time, and counts.
///
/// # Errors
/// What the database says.
pub async fn replay(
    stream: &Stream<'_>,
    mut reports: Vec<Told>,
    truths: &[Truth],
    progress: impl Fn(&str),
) -> Result<Tally, JoinError> {
    reports.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.cmp(&b.id)));
    let names: BTreeSet<&str> = reports.iter().map(|told| told.id.as_str()).collect();
    let mut known: BTreeMap<&str, Vec<(&str, bool)>> = BTreeMap::new();
    for truth in truths.iter().filter(|truth| names.contains(truth.earlier.as_str())) {
        known.entry(&truth.later).or_default().push((&truth.earlier, truth.same));
    }
    // Of each report the case that stands for its problem.
    let mut stands_for: BTreeMap<&str, CaseId> = BTreeMap::new();
    let mut tally = Tally { reports: reports.len(), ..Tally::default() };
    let (mut joins_right, mut offers_right, mut joined_to_it, mut found) = (0, 0, 0, 0);
    let mut lap = Lap::default();
    let mut open = 0;
    for (at, told) in reports.iter().enumerate() {
        if at % 1_000 == 0 {
            progress(&format!("taken in: {at} of {}", reports.len()));
        }
        let taken = stream.take_in(told).await?;
        open += usize::from(taken.joined.is_none());
        lap.add(&taken);
        if is_round(open) && taken.joined.is_none() {
            tally.pace.extend(lap.end(open));
        }
        let truths = known.get(told.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        // Whether a case is right for this report: none where nobody knows.
        let right = |case: &CaseId| {
            let of_case = truths.iter().filter(|(earlier, _)| stands_for.get(earlier) == Some(case));
            of_case.map(|(_, same)| *same).reduce(|any, same| any || same)
        };
        let is_same = truths.iter().any(|(_, same)| *same);
        tally.known_same += usize::from(is_same);
        if let Some(case) = &taken.joined {
            tally.joined += 1;
            if let Some(right) = right(case) {
                tally.joined_known += 1;
                joins_right += usize::from(right);
                joined_to_it += usize::from(right && is_same);
                found += usize::from(right && is_same);
            }
        }
        tally.with_offers += usize::from(!taken.offered.is_empty());
        let offers: Vec<bool> = taken.offered.iter().filter_map(right).collect();
        tally.offers_known += offers.len();
        offers_right += offers.iter().filter(|right| **right).count();
        found += usize::from(is_same && offers.contains(&true));
        stands_for.insert(&told.id, taken.joined.unwrap_or(taken.case));
    }
    tally.pace.extend(lap.end(open));
    let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
    tally.precision_of_joins = share(joins_right, tally.joined_known);
    tally.precision_of_offers = share(offers_right, tally.offers_known);
    tally.joined_to_it = share(joined_to_it, tally.known_same).unwrap_or_default();
    tally.found = share(found, tally.known_same).unwrap_or_default();
    Ok(tally)
}

/// Whether the time is told at so many open cases: 100, 200, 500, 1,000, 2,000, 5,000 and so on.
fn is_round(open: usize) -> bool {
    let mut rest = open;
    while rest >= 10 && rest.is_multiple_of(10) {
        rest /= 10;
    }
    open >= 100 && matches!(rest, 1 | 2 | 5)
}

/// Times since the last line.
#[derive(Default)]
struct Lap {
    looks: Vec<f64>,
    whole: f64,
}

impl Lap {
    fn add(&mut self, taken: &Taken) {
        self.looks.push(taken.looked);
        self.whole += taken.whole;
    }

    fn end(&mut self, open_cases: usize) -> Option<Pace> {
        let reports = self.looks.len();
        let pace = (reports > 0).then(|| Pace {
            open_cases,
            reports,
            look_median_s: percentile(&mut self.looks, 0.5),
            look_p99_s: percentile(&mut self.looks, 0.99),
            whole_mean_s: self.whole / reports as f64,
        });
        *self = Self::default();
        pace
    }
}

/// The value that a share of the others is below; 0 where there are none.
#[must_use]
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = ((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or_default()
}
