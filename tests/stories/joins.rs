//! Joining and matching, tried with what nobody thought of: random joins and undos, and random reports.

use crate::house::{House, Kind, POTHOLE, letter};
use beadle::casework::join::{self, Grounds};
use beadle::casework::likeness::Report;
use beadle::casework::matcher::Matcher;
use beadle::casework::matching::{self, Writer};
use beadle::casework::search::{self, Match};
use beadle::core::{CaseId, CaseState, LinkId, Mode, Place, PlaceSource, Point, Reference};
use beadle::desk::{Desk, DeskError};
use beadle::outbox::compose::Composer;
use beadle::store::case::Filter;
use beadle::store::link::LinkKind;
use beadle::store::{self, Tx, args};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{RngSeed, TestRunner};
use std::collections::{BTreeMap, BTreeSet};

/// The same tries every time.
fn tries(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() }
}

/// Something a gatekeeper does; numbers are taken round.
#[derive(Clone, Debug)]
enum Step {
    /// Joins one case to another.
    Join(Index, Index),
    /// Takes back one of the joins made so far, be it undone already.
    Undo(Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<Index>(), any::<Index>()).prop_map(|(child, parent)| Step::Join(child, parent)),
        2 => any::<Index>().prop_map(Step::Undo),
    ]
}

/// Six cases: two of one person, with a department, waiting and held, of two councillors, with mail that waits.
async fn cases(house: &mut House) -> Vec<CaseId> {
    house.set(|house| {
        house.policy.mode = Mode::Suggest;
        house.policy.join_above = 2.0;
    });
    let again = format!("I wrote before. {POTHOLE}");
    let to_malik = |mail: String| mail.replace("cllr.nowak@", "cllr.malik@");
    let unknown = |mail: String| mail.split_once('\n').unwrap().1.to_owned();
    let worry = "My neighbour says he wants to kill himself and I am frightened for him.";
    let mails = [
        letter("ann@home.example", "1@h.example", "Pothole", POTHOLE),
        letter("ann@home.example", "2@h.example", "Pothole again", &again),
        to_malik(letter("bob@home.example", "3@h.example", "Pothole", POTHOLE)),
        to_malik(letter("cat@home.example", "4@h.example", "Lamp", "The street light in Signal Row is out")),
        letter("dan@home.example", "5@h.example", "My neighbour", worry),
        unknown(letter("eve@home.example", "6@h.example", "Bin", "My bin in Signal Row was not emptied on Tuesday")),
    ];
    for (n, mail) in mails.into_iter().enumerate() {
        house.takes_in_bytes("shared", &n.to_string(), mail.replace('\n', "\r\n").into_bytes()).await;
        house.works().await;
    }
    let cases: Vec<CaseId> = house.cases().await.into_iter().map(|case| case.id).collect();
    assert_eq!(cases.len(), 6);
    for with_a_department in [0, 3, 5] {
        house.accepts(&cases[with_a_department]).await;
    }
    let states: BTreeSet<CaseState> = house.cases().await.iter().map(|case| case.state).collect();
    assert_eq!(states, [CaseState::Review, CaseState::Held, CaseState::Routed].into());
    let mut tx = house.db.read().await.unwrap();
    let before = Whole::of(&mut tx).await;
    assert!(before.links.iter().any(|link| link.3 == "maybe"), "{:?}", before.links);
    for status in ["queued", "held"] {
        assert!(before.waiting.iter().any(|mail| mail.3 == status), "{:?}", before.waiting);
    }
    cases
}

/// Everything that a join may touch.
#[derive(Clone, Debug, PartialEq)]
struct Whole {
    /// Every case with all there is to it, its reporter among it.
    cases: Vec<String>,
    /// What asks to be looked at.
    attention: Vec<Option<String>>,
    /// Id, child, parent and kind of the links that stand.
    links: Vec<(String, String, String, String)>,
    /// Id, case, purpose and status of what has not left.
    waiting: Vec<(String, String, String, String)>,
    by_state: Vec<(String, i64)>,
}

impl Whole {
    async fn of(tx: &mut Tx) -> Self {
        let mut cases = store::case::list(tx, &Filter { limit: 100, ..Filter::default() }).await.unwrap();
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        let attention = cases.iter_mut().map(|case| case.attention.take()).collect();
        let waiting = "SELECT id, COALESCE(case_id, ''), purpose, status FROM outbox
                       WHERE status IN ('held', 'queued', 'failed', 'uncertain') ORDER BY id";
        Self {
            cases: cases.iter().map(|case| format!("{case:?}")).collect(),
            attention,
            links: links(tx).await,
            waiting: tx.all(waiting, args![]).await.unwrap(),
            by_state: store::case::count_by_state(tx).await.unwrap(),
        }
    }

    /// Whether it is the same again, attention apart.
    fn is_again(&self, now: &Self) -> Result<(), TestCaseError> {
        prop_assert_eq!(&now.by_state, &self.by_state);
        prop_assert_eq!(&now.links, &self.links);
        prop_assert_eq!(&now.waiting, &self.waiting);
        prop_assert_eq!(&now.cases, &self.cases);
        Ok(())
    }
}

async fn links(tx: &mut Tx) -> Vec<(String, String, String, String)> {
    tx.all("SELECT id, child, parent, kind FROM links WHERE ended_at IS NULL ORDER BY id", args![]).await.unwrap()
}

/// What the joins are by a much simpler reckoning.
#[derive(Debug, Default)]
struct Reckoning {
    parents: BTreeMap<CaseId, CaseId>,
}

impl Reckoning {
    /// The cases that a case stands in, the nearest first.
    fn above(&self, case: &CaseId) -> Vec<CaseId> {
        let mut above = Vec::new();
        while let Some(parent) = self.parents.get(above.last().unwrap_or(case)) {
            assert!(above.len() < self.parents.len(), "a ring: {self:?}");
            above.push(parent.clone());
        }
        above
    }

    fn root(&self, case: &CaseId) -> CaseId {
        self.above(case).pop().unwrap_or_else(|| case.clone())
    }

    /// The case that `child` would stand in; none where it may not be joined.
    fn may_join(&self, child: &CaseId, parent: &CaseId) -> Option<CaseId> {
        let root = self.root(parent);
        (root != *child && !self.parents.contains_key(child)).then_some(root)
    }

    /// Whether the database has it so: no ring, one parent at most, every joined case says that it is.
    async fn agrees(&self, tx: &mut Tx, cases: &[CaseId]) -> Result<(), TestCaseError> {
        let mut joined = BTreeMap::new();
        for (_, child, parent, _) in links(tx).await.into_iter().filter(|link| link.3 == LinkKind::Join.as_str()) {
            let second = joined.insert(CaseId::from(child), CaseId::from(parent));
            prop_assert!(second.is_none(), "a case stands in two others");
        }
        prop_assert_eq!(&joined, &self.parents);
        for case in cases {
            prop_assert_eq!(&join::root(tx, case).await.unwrap(), &self.root(case));
            let is_joined = store::case::get(tx, case).await.unwrap().unwrap().state == CaseState::Joined;
            prop_assert_eq!(is_joined, joined.contains_key(case));
        }
        Ok(())
    }
}

/// A gatekeeper's day, each step a second after the one before. Nothing of it is kept.
struct Day<'a> {
    house: &'a House,
    tx: Tx,
    now: DateTime<Utc>,
    reckoning: Reckoning,
    /// How it was in the morning.
    before: Whole,
    /// Every join made, with its child.
    made: Vec<(LinkId, CaseId)>,
}

impl Day<'_> {
    async fn at_the_desk<T>(
        &mut self,
        act: impl AsyncFnOnce(&Desk<'_>, &mut Tx) -> Result<T, DeskError>,
    ) -> Result<T, DeskError> {
        let (rules, house) = (self.house.pipeline.understanding.rules(), &self.house.pipeline.house);
        let ids = beadle::core::Ids::Random;
        let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &ids };
        self.now += TimeDelta::seconds(1);
        act(&Desk { composer, now: self.now }, &mut self.tx).await
    }

    async fn join(&mut self, child: &CaseId, parent: &CaseId) -> Result<(), TestCaseError> {
        let grounds = Grounds { score: 1.0, why: "a story", actor: "administrator" };
        let expected = self.reckoning.may_join(child, parent);
        let before = Whole::of(&mut self.tx).await;
        let done = self.at_the_desk(async |desk, tx| desk.join(tx, child, parent, grounds).await).await;
        match (done, expected) {
            (Ok(link), Some(root)) => {
                self.reckoning.parents.insert(child.clone(), root);
                self.made.push((link, child.clone()));
            }
            (Err(DeskError::Join(_)), None) => prop_assert_eq!(Whole::of(&mut self.tx).await, before),
            (done, expected) => prop_assert!(false, "{done:?}, but reckoned {expected:?}"),
        }
        Ok(())
    }

    async fn undo(&mut self, (link, child): &(LinkId, CaseId)) -> Result<(), TestCaseError> {
        let stands = links(&mut self.tx).await.iter().any(|(id, ..)| id == link.as_str());
        let before = Whole::of(&mut self.tx).await;
        let done = self.at_the_desk(async |desk, tx| desk.undo(tx, link, "administrator").await).await;
        match (done, stands) {
            (Ok(case), true) => {
                prop_assert_eq!(&case, child);
                self.reckoning.parents.remove(child);
            }
            (Err(DeskError::Join(_)), false) => prop_assert_eq!(Whole::of(&mut self.tx).await, before),
            (done, stands) => prop_assert!(false, "{done:?}, and it stood: {stands}"),
        }
        Ok(())
    }

    /// Whether all is as it has to be after a step.
    async fn is_in_order(&mut self, cases: &[CaseId]) -> Result<(), TestCaseError> {
        self.reckoning.agrees(&mut self.tx, cases).await?;
        // Joins make no mail but for those who stand in a case that a department has.
        let waiting = Whole::of(&mut self.tx).await.waiting;
        for mail in self.before.waiting.iter().filter(|mail| !waiting.contains(mail)) {
            // A department is not sent what is dealt with in another case, as long as it is.
            let stopped = mail.2 == "referral" && self.reckoning.parents.contains_key(&CaseId::from(mail.1.clone()));
            prop_assert!(stopped, "lost: {mail:?}");
        }
        for mail in waiting.iter().filter(|mail| !self.before.waiting.contains(mail)) {
            let mut is_with_a_department = false;
            for above in self.reckoning.above(&CaseId::from(mail.1.clone())) {
                let above = store::case::get(&mut self.tx, &above).await.unwrap().unwrap();
                is_with_a_department |= above.routed_at.is_some();
            }
            prop_assert!(is_with_a_department, "it waits for nothing: {mail:?}");
        }
        Ok(())
    }
}

async fn goes_through_a_day(
    house: &House,
    cases: &[CaseId],
    steps: &[Step],
    order: &[Index],
) -> Result<(), TestCaseError> {
    let (mut tx, reckoning) = (house.tx().await, Reckoning::default());
    let before = Whole::of(&mut tx).await;
    let mut day = Day { house, tx, now: house.clock.now(), reckoning, before, made: Vec::new() };
    for step in steps {
        match step {
            Step::Join(child, parent) => day.join(child.get(cases), parent.get(cases)).await?,
            Step::Undo(_) if day.made.is_empty() => {}
            Step::Undo(which) => {
                let which = which.get(&day.made).clone();
                day.undo(&which).await?;
            }
        }
        day.is_in_order(cases).await?;
    }
    let standing = links(&mut day.tx).await;
    let mut left = day.made.clone();
    left.retain(|(link, _)| standing.iter().any(|(id, ..)| id == link.as_str()));
    for which in order {
        if left.is_empty() {
            break;
        }
        let which = left.remove(which.index(left.len()));
        day.undo(&which).await?;
        day.is_in_order(cases).await?;
    }
    day.before.is_again(&Whole::of(&mut day.tx).await)
}

mod joins_and_undos_in_any_order_return_to_the_same_state {
    use super::*;

    fn on(kind: Kind) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut house = runtime.block_on(House::new(kind));
        let cases = runtime.block_on(cases(&mut house));
        // As many are left to be undone as there are cases, at most.
        let days = (vec(step(), 1..16), vec(any::<Index>(), cases.len()));
        let day = |(steps, order): (Vec<Step>, Vec<Index>)| {
            runtime.block_on(goes_through_a_day(&house, &cases, &steps, &order))
        };
        if let Err(why) = TestRunner::new(tries(32)).run(&days, day) {
            panic!("{why}");
        }
    }

    #[test]
    fn on_sqlite() {
        on(Kind::Sqlite);
    }

    #[test]
    fn on_postgres() {
        on(Kind::Postgres);
    }
}

/// What reports are made of here: words that the matcher knows, and anything at all.
fn text() -> impl Strategy<Value = String> {
    let known = vec(
        select(vec![
            "pothole",
            "lamp 14",
            "lamp 22",
            "AB12 CDE",
            "No 14",
            "12a",
            "Mill Lane",
            "Abbey Rd",
            "still",
            "another",
            "fixed",
            "red",
            "GRAY",
            "since 08:30",
            "£50",
            "\n\n",
            "bin",
            "'",
            "ß",
            "İ",
            "🚮",
        ]),
        0..12,
    );
    prop_oneof![known.prop_map(|words| words.join(" ")), any::<String>(), "\\PC{0,60}"]
}

fn place() -> impl Strategy<Value = Option<Place>> {
    let near = (53.99..54.01_f64, 1.99..2.01_f64);
    let anywhere = (-90.0..=90.0_f64, -180.0..=180.0_f64);
    let source = select(vec![PlaceSource::Coordinates, PlaceSource::Postcode, PlaceSource::Gazetteer]);
    option::of((prop_oneof![3 => near, 1 => anywhere], source, text())).prop_map(|place| {
        place.map(|((lat, lon), source, name)| Place {
            words: String::new(),
            name,
            source,
            point: Point::new(lat, lon),
            ward: None,
            confidence: 1.0,
            alternatives: Vec::new(),
        })
    })
}

fn report() -> impl Strategy<Value = Report> {
    let seconds = prop_oneof![0..100_000_i64, -6_000_000_000..6_000_000_000_i64];
    let embedding = option::of(vec(-1.0_f32..=1.0, 0..4));
    let service = select(vec!["street_lighting", "missed_bins", ""]);
    (text(), place(), seconds, embedding, service, any::<bool>()).prop_map(
        |(text, place, seconds, embedding, service, comes_and_goes)| Report {
            place,
            service: service.to_owned(),
            comes_and_goes,
            ..Report::of(&text, embedding, DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds))
        },
    )
}

fn writer() -> impl Strategy<Value = Writer> {
    select(vec![Writer::Same, Writer::Other, Writer::Unknown])
}

/// A case as it was found to be like a new report.
fn found(number: usize, known: &Report, new: &Report, writer: Writer) -> Match {
    let (score, why) = matching::judge(&Matcher::shipped(), known, new, writer);
    let (case, matcher) = (CaseId::from(format!("case {number}")), Matcher::shipped().version.clone());
    Match { case, reference: Reference::random(&mut rand::rng()), score, why, matcher }
}

proptest! {
    #![proptest_config(tries(64))]

    #[test]
    fn no_two_reports_make_the_judge_fall_over(known in report(), new in report(), writer in writer()) {
        let (score, why) = matching::judge(&Matcher::shipped(), &known, &new, writer);
        prop_assert!((0.0..=1.0).contains(&score) && !why.is_empty(), "{} {}", score, why);
    }

    #[test]
    fn matching_is_deterministic_for_the_same_inputs(
        known in vec(report(), 1..8),
        new in report(),
        writer in writer(),
        // Of what is the same, several stand there: so there are ties.
        twins in vec(any::<Index>(), 0..4),
        order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let mut known = known;
        for twin in twins {
            known.push(twin.get(&known).clone());
        }
        let judged = |known: &Report| matching::judge(&Matcher::shipped(), known, &new, writer);
        for known in &known {
            prop_assert_eq!(judged(known), judged(known));
        }
        let all: Vec<Match> = known.iter().enumerate().map(|(n, known)| found(n, known, &new, writer)).collect();
        let shuffled = order.into_iter().filter_map(|n| all.get(n).cloned());
        prop_assert_eq!(search::ranked(shuffled), search::ranked(all.clone()));
    }
}
