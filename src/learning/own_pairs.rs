//! The council's own joins and undos as labelled pairs, each with where it comes from.

use super::pairs::{self, Pair};
use crate::core::{LinkId, Reference};
use crate::pipeline;
use crate::store::{self, Tx, correction, pair::Side};
use crate::understanding::Question;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Most decisions that are learned from: the newest.
pub const MOST: i64 = 20_000;

/// A labelled pair and the decision it comes from.
#[derive(Clone, Debug)]
pub struct OwnPair {
    /// The two reports, and whether a person said that they are one problem.
    pub pair: Pair,
    /// The link that it was said of.
    pub link: LinkId,
    /// Who said so.
    pub actor: String,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// The case that came first, and the other one.
    pub cases: [Reference; 2],
}

impl OwnPair {
    fn is_same(&self) -> bool {
        self.pair.duplicate == Some(1)
    }
}

/// Everything that the council's joins and undos teach.
#[derive(Clone, Debug, Default)]
pub struct OwnPairs {
    /// To be learned from, newest first.
    pub learned: Vec<OwnPair>,
    /// Held back to compare matchers with, newest first; the same pairs every time.
    pub held_back: Vec<OwnPair>,
}

impl OwnPairs {
    /// Every one.
    pub fn all(&self) -> impl Iterator<Item = &OwnPair> {
        self.learned.iter().chain(&self.held_back)
    }

    /// How many were decided after `since`.
    #[must_use]
    pub fn since(&self, since: Option<DateTime<Utc>>) -> usize {
        self.all().filter(|own| since.is_none_or(|since| own.decided_at > since)).count()
    }

    /// When the newest was decided.
    #[must_use]
    pub fn until(&self) -> Option<DateTime<Utc>> {
        self.all().map(|own| own.decided_at).max()
    }
}

/// How many of these pairs are one problem, and how many two.
#[must_use]
pub fn kinds(pairs: &[OwnPair]) -> (usize, usize) {
    let same = pairs.iter().filter(|own| own.is_same()).count();
    (same, pairs.len() - same)
}

/// Reads the pairs of the newest [`MOST`] decisions; of two cases the last word counts.
///
/// One pair in five is held back. That hangs on the earlier report's message alone: so it is so for ever, and what was said of one
/// report is not learned from and compared with at once.
///
/// # Errors
/// What the database says.
pub async fn read(tx: &mut Tx) -> store::Result<OwnPairs> {
    let sides = store::pair::sides(tx, pipeline::ACTOR).await?;
    let sides: BTreeMap<_, _> = sides.into_iter().map(|side| (side.case_id.clone(), side)).collect();
    let (mut own, mut seen) = (OwnPairs::default(), BTreeSet::new());
    for decided in store::pair::decided(tx, pipeline::ACTOR, MOST).await? {
        let (Some(one), Some(other)) = (sides.get(&decided.child), sides.get(&decided.parent)) else { continue };
        let (earlier, later) = if when(one) <= when(other) { (one, other) } else { (other, one) };
        // Cases out of one message are no two reports.
        if earlier.message == later.message || !seen.insert((&earlier.case_id, &later.case_id)) {
            continue;
        }
        let pair = Pair {
            pair_id: decided.link.to_string(),
            duplicate: Some(u8::from(decided.same)),
            split: None,
            earlier: side(earlier),
            later: side(later),
        };
        let cases = [earlier.reference.clone(), later.reference.clone()];
        let held_back = correction::is_held_back(&earlier.message);
        let own_pair =
            OwnPair { pair, link: decided.link, actor: decided.actor, decided_at: decided.decided_at, cases };
        if held_back { own.held_back.push(own_pair) } else { own.learned.push(own_pair) }
    }
    Ok(own)
}

fn when(side: &Side) -> (DateTime<Utc>, &str) {
    (side.received_at, side.case_id.as_str())
}

fn side(side: &Side) -> pairs::Side {
    let question = Question { subject: side.subject.clone(), body: side.body.clone(), ..Question::default() };
    let place = side.place.as_ref().map(|place| place.0.clone()).filter(crate::core::Place::is_spot);
    let point = place.as_ref().and_then(|place| place.point);
    pairs::Side {
        id: None,
        text: question.text(),
        label: Some(side.service.clone()),
        lat: point.map(crate::core::Point::lat),
        lon: point.map(crate::core::Point::lon),
        created: side.received_at.fixed_offset(),
        place,
    }
}
