//! Corrections teach: the real encoder, real decisions at the desk, and a model that is put to work only where it is better.

use crate::house::{House, letter, root};
use crate::story;
use beadle::casework::join::Grounds;
use beadle::casework::likeness::Report;
use beadle::casework::matcher::{InForce, Matcher};
use beadle::casework::matching::{self, Writer};
use beadle::core::verdict::Reason;
use beadle::core::{CaseId, Ids, Verdict};
use beadle::desk::Change;
use beadle::learning::own_pairs::{self, OwnPairs, kinds};
use beadle::learning::teacher::matcher::MatcherOutcome;
use beadle::learning::teacher::{Means, Outcome, Teacher};
use beadle::routing::RoutingPolicy;
use beadle::routing::consent::Consent;
use beadle::store;
use beadle::store::lesson::{Lesson, SHIPPED};
use beadle::store::link::LinkKind;
use beadle::store::matcher_lesson::MatcherLesson;
use beadle::understanding::Question;
use beadle::understanding::Understanding;
use beadle::understanding::encoder::Encoder;
use beadle::understanding::models::Models;
use beadle::understanding::place::Places;
use beadle::understanding::rules::Rules;
use chrono::{DateTime, TimeDelta};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// This council files what is wrong with its alley gates here.
const HABIT: &str = "street_furniture_and_bollards";
const SERVICES: [&str; 6] =
    ["missed_bins", "street_lighting", "trees", "council_tax", "asb_drugs_encampments", "housing_and_estates"];

fn understanding() -> Understanding {
    let encoder = Encoder::load_with(&root().join("vendor/all-MiniLM-L6-v2"), Some(&root().join("models/concern")), 1)
        .expect("the encoder");
    let models = Models::load(&root().join("models"), encoder.version()).expect("the shipped models");
    let rules = Rules::load_untried(&root().join("rules")).expect("the shipped rules");
    Understanding::new(rules, Some(encoder), Some(models), Places::load(None, None, None).expect("no places"))
}

/// Shipped messages with their labels, `each` of each of the six services.
fn shipped(each: usize) -> Vec<(String, String)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut out = Vec::new();
    for file in crate::house::files(&root().join("training-data/messages")) {
        for line in file.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let (text, label) = (line["text"].as_str().unwrap(), line["label"].as_str().unwrap());
            let count = seen.entry(label.to_owned()).or_default();
            if SERVICES.contains(&label) && *count < each {
                *count += 1;
                out.push((text.to_owned(), label.to_owned()));
            }
        }
    }
    out
}

/// Writes messages as a folder that a teacher learns from.
fn write(folder: &Path, messages: &[(String, String)]) {
    let line = |(n, (text, label)): (usize, &(String, String))| {
        serde_json::json!({"id": n, "text": text, "label": label}).to_string() + "\n"
    };
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("messages.jsonl"), messages.iter().enumerate().map(line).collect::<String>()).unwrap();
}

/// A house whose every case waits for a person, and the teacher who learns from what they decide.
fn teacher(house: &mut House, messages: &[(String, String)]) -> Teacher {
    house.pipeline.understanding = understanding();
    // Counted: the same messages are held back whenever the story is told.
    house.pipeline.ids = Ids::counted();
    house.set(|house| {
        house.policy.mode = beadle::core::Mode::Suggest;
        house.policy.join_above = 2.0;
    });
    write(&house.folder.path().join("messages"), messages);
    let mut teacher = another(house, house.pipeline.understanding.clone());
    teacher.matcher = house.pipeline.house.matcher.clone();
    teacher
}

/// A teacher in another process.
fn another(house: &House, understanding: Understanding) -> Teacher {
    let means = Means {
        messages: house.folder.path().join("messages"),
        pairs: house.folder.path().join("pairs.jsonl"),
        shipped: root().join("models"),
        folder: house.folder.path().join("kept"),
        nightly: Some("03:00:00".parse().unwrap()),
        join_above: RoutingPolicy::default().join_above,
        maybe_above: RoutingPolicy::default().maybe_above,
    };
    let (clock, matcher) = (house.clock.clone(), InForce::new(Matcher::shipped()));
    Teacher::new(house.db.clone(), clock, Ids::Random, "story".to_owned(), understanding, matcher, means)
}

/// Residents write, and a gatekeeper says what each is about.
async fn decides(house: &House, letters: &[(String, String)]) {
    for (n, (text, _)) in letters.iter().enumerate() {
        let (subject, body) = text.split_once("\n\n").unwrap_or(("A report", text));
        house.takes_in(letter(&format!("writer{n}@home.example"), &format!("{n}@h.example"), subject, body)).await;
    }
    house.works().await;
    let cases = house.cases().await;
    assert_eq!(cases.len(), letters.len(), "each is a case of its own");
    for (case, (_, service)) in cases.iter().zip(letters) {
        let change = Change { service: Some(service.clone()), ..Change::default() };
        let calendar = &house.pipeline.house.calendar;
        if case.service != *service {
            house
                .desk(async |desk, tx| desk.change(tx, &case.id, &change, calendar, "administrator").await)
                .await
                .unwrap();
        }
        house.accepts(&case.id).await;
    }
}

/// Reports of alley gates, no two alike.
fn gates() -> Vec<(String, String)> {
    let wrong = [
        "will not lock any more",
        "has come off its hinges",
        "slams all night in the wind",
        "has been left wide open for days",
        "is bent at the bottom",
        "needs a new key barrel",
    ];
    let place = [
        "behind Signal Row",
        "at the back of Mill Lane",
        "between Tanner's Row and the chapel",
        "by the garages in Wharf Street",
        "at the end of our entry",
        "next to number 40",
        "behind the terrace",
        "that leads to the allotments",
        "on the ginnel by school",
    ];
    let pairs = place.iter().flat_map(|place| wrong.iter().map(move |wrong| (place, wrong)));
    pairs.map(|(place, wrong)| (format!("Alley gate\n\nThe alley gate {place} {wrong}."), HABIT.to_owned())).collect()
}

async fn judge(understanding: &Understanding, text: &str) -> Verdict {
    let question = Question { body: text.to_owned(), ..Question::default() };
    understanding.judge(&[question]).await.pop().unwrap()
}

fn learned(outcome: Option<Outcome>) -> Lesson {
    match outcome {
        Some(Outcome::Learned { lesson }) => *lesson,
        other => panic!("no lesson: {other:?}"),
    }
}

async fn in_force(house: &House) -> String {
    store::lesson::in_force(&mut house.db.read().await.unwrap()).await.unwrap()
}

story!(a_correction_teaches_and_the_next_message_like_it_is_judged_right, house, {
    let teacher = teacher(house, &shipped(20));
    let elsewhere = another(
        house,
        house.pipeline.understanding.with_models(Models::clone(&teacher.understanding.models().unwrap())),
    );
    let next = "Someone has broken the lock of the alley gate in Cooper Street and anybody can walk in.";
    let before = judge(&teacher.understanding, next).await;
    assert_ne!(before.service, HABIT, "nobody told beadle yet");
    decides(house, &gates()).await;
    let step = teacher.step().await.unwrap();
    assert!(step.lesson.is_none(), "it is not night");
    assert_eq!(step.known, Some(gates().len()), "what was decided is known at once");
    let verdict = judge(&teacher.understanding, next).await;
    let near =
        |v: &Verdict| v.reasons.iter().any(|r| matches!(r, Reason::Nearest { cases } if cases[0].service == HABIT));
    assert!(near(&verdict) && !near(&before), "and named as evidence");
    // Half past three in the night to Tuesday.
    house.clock.advance(TimeDelta::minutes(18 * 60 + 25));
    let lesson = learned(teacher.step().await.unwrap().lesson);
    assert!(lesson.promoted && lesson.right_after > lesson.right_before, "{lesson:?}");
    assert_eq!(lesson.corrections + lesson.held_back, gates().len() as i64);
    let of = lesson.services.0[HABIT];
    assert_eq!((of.corrections as i64, of.right_after as i64), (lesson.corrections, lesson.right_after));
    let after = judge(&house.pipeline.understanding, next).await;
    assert_eq!(after.service, HABIT, "{:?}", after.candidates);
    assert_eq!(after.model.as_deref(), Some(lesson.model_after.as_str()));
    // Another process on the same database follows, and neither learns the same again.
    let step = elsewhere.step().await.unwrap();
    assert!(step.model.is_some_and(|said| said.is_ok()) && step.lesson.is_none());
    assert_eq!(elsewhere.understanding.model_version(), Some(lesson.model_after.clone()));
    let again = teacher.learn("operator", false, Arc::new(|_| ())).await.unwrap();
    assert!(matches!(again, Outcome::NothingNew { new: 0 }), "{again:?}");
    let mut tx = house.db.read().await.unwrap();
    let (case, outcome) = (house.case(0).await, store::lesson::newest(&mut tx, 9).await.unwrap());
    assert_eq!(outcome.len(), 1);
    let taught = store::correction::of_case(&mut tx, "beadle", &case.id).await.unwrap().unwrap();
    assert_eq!((taught.service.as_str(), taught.actor.as_str()), (HABIT, "administrator"));
    let used = store::lesson::that_used(&mut tx, taught.decided_at).await.unwrap().unwrap();
    assert_eq!(used.id, lesson.id);
});

story!(a_model_that_is_no_better_is_not_put_to_work, house, {
    // What it is to learn from besides was filed wrongly, each message under the next service.
    let next =
        |label: &str| SERVICES[(SERVICES.iter().position(|s| *s == label).unwrap() + 1) % SERVICES.len()].to_owned();
    let all = shipped(40);
    let wrong: Vec<_> = all.iter().map(|(text, label)| (text.clone(), next(label))).collect();
    let teacher = teacher(house, &wrong);
    let letters: Vec<_> = shipped(8);
    let before = teacher.understanding.model_version().unwrap();
    let too_few = teacher.learn("operator", false, Arc::new(|_| ())).await.unwrap();
    assert!(matches!(too_few, Outcome::TooFew { corrections: 0, held_back: 0 }), "{too_few:?}");
    decides(house, &letters).await;
    let lesson = learned(Some(teacher.learn("operator", false, Arc::new(|_| ())).await.unwrap()));
    assert!(!lesson.promoted && lesson.right_after < lesson.right_before, "{lesson:?}");
    assert_eq!(lesson.model_before, before);
    assert_eq!(teacher.understanding.model_version(), Some(before));
    assert_eq!(in_force(house).await, SHIPPED);
    assert!(!teacher.shelf().holds(&lesson.model_after));
    let mut tx = house.db.read().await.unwrap();
    assert_eq!(
        store::lesson::last(&mut tx).await.unwrap().unwrap().why,
        "it gets fewer of the held-back decisions right"
    );
});

story!(going_back_puts_the_model_before_to_work, house, {
    let teacher = teacher(house, &shipped(10));
    let before = teacher.understanding.model_version().unwrap();
    assert!(teacher.back("operator", None).await.unwrap().is_none(), "there is none before the one that ships");
    decides(house, &gates()).await;
    let lesson = learned(Some(teacher.learn("operator", false, Arc::new(|_| ())).await.unwrap()));
    assert!(lesson.promoted && in_force(house).await == lesson.model_after);
    // A process that starts now works with it.
    let fresh = another(
        house,
        teacher.understanding.with_models(
            Models::load(&root().join("models"), teacher.understanding.encoder().unwrap().version()).unwrap(),
        ),
    );
    assert!(fresh.follow().await.unwrap().unwrap().is_ok());
    assert_eq!(fresh.understanding.model_version(), Some(lesson.model_after.clone()));
    assert!(
        teacher.back("operator", Some("another")).await.unwrap().is_none()
            && in_force(house).await == lesson.model_after
    );
    let twice =
        (teacher.back("operator", Some(&lesson.model_after)), teacher.back("operator", Some(&lesson.model_after)));
    let (one, other) = tokio::join!(twice.0, twice.1);
    let mut went: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
    assert_eq!(went.len(), 1, "pressed twice at once, it goes back once");
    let back = went.remove(0);
    assert_eq!((back.model_before, back.model_after), (lesson.model_after.clone(), before.clone()));
    assert_eq!(teacher.understanding.model_version(), Some(before.clone()));
    fresh.follow().await.unwrap();
    assert_eq!(fresh.understanding.model_version(), Some(before.clone()));
    assert!(teacher.shelf().holds(&lesson.model_after), "the one that was left is kept");
    // A model that is gone from the disk is said aloud, once, and the shipped one goes on.
    let mut tx = house.tx().await;
    store::lesson::put_in_force(&mut tx, "0123456789ab").await.unwrap();
    tx.commit().await.unwrap();
    let trouble = fresh.follow().await.unwrap().unwrap().unwrap_err();
    assert!(trouble.contains("0123456789ab") && trouble.contains(&before), "{trouble}");
    assert!(fresh.follow().await.unwrap().is_none());
    assert_eq!(fresh.understanding.model_version(), Some(before));
});

/// Two reports, and whether people say that they are one problem.
type Told = (String, String, bool);

const STREETS: [&str; 18] = [
    "Signal Row",
    "Mill Lane",
    "Cooper Street",
    "Wharf Street",
    "Abbey Road",
    "Chapel Walk",
    "Larkrise Road",
    "Beacon Lane",
    "Quarry Hill",
    "Station Road",
    "Weir Street",
    "Orchard Close",
    "Kiln Lane",
    "Foundry Street",
    "Priory Gardens",
    "Bridge Street",
    "Linden Avenue",
    "Tannery Court",
];

/// At this council each missed week is a case of its own, though the words are the same, and an open gate is one problem in whatever
/// words it comes.
fn habits() -> Vec<Told> {
    let of = |(n, street): (usize, &&str)| {
        let bin = format!("The brown bin of number {} {street} was not emptied on Tuesday", n + 3);
        let gate = format!("Alley gate\n\nThe lock of the alley gate behind {street} is broken.");
        let ajar = format!("Ajar\n\nNothing shuts the passage at {street} any more, so everybody takes a short cut.");
        [(format!("Bin\n\n{bin}."), format!("Bin\n\n{bin} again."), false), (gate, ajar, true)]
    };
    STREETS.iter().enumerate().flat_map(of).collect()
}

/// What nobody needs to be told: the same words are the same problem, others another one.
fn plain() -> Vec<Told> {
    let of = |street: &&str| {
        let gate = format!("Alley gate\n\nThe lock of the alley gate behind {street} is broken.");
        let tax = format!("Council tax\n\nWhy did my council tax go up when I live alone in {street}?");
        let tree = format!("Tree\n\nA lime tree in {street} has lost a limb.");
        [(gate.clone(), format!("{gate} Please mend it."), true), (tree, tax, false)]
    };
    STREETS.iter().flat_map(of).collect()
}

/// The first pairs that ship, both kinds among them; with `upside_down` each says the opposite.
fn write_pairs(house: &House, upside_down: bool) {
    let shipped = std::fs::read_to_string(root().join("training-data/pairs.jsonl")).unwrap();
    let learned = shipped.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let lines = learned.filter(|pair| pair["split"] == "learn").take(60).map(|mut pair| {
        if upside_down {
            pair["duplicate"] = (1 - pair["duplicate"].as_u64().unwrap()).into();
        }
        pair.to_string() + "\n"
    });
    std::fs::write(house.folder.path().join("pairs.jsonl"), lines.collect::<String>()).unwrap();
}

/// Residents write, and a gatekeeper joins what is one problem and keeps the rest apart; the cases, two by two.
async fn joins(house: &House, told: &[Told]) -> Vec<[CaseId; 2]> {
    for (n, text) in told.iter().flat_map(|(one, other, _)| [one, other]).enumerate() {
        let (subject, body) = text.split_once("\n\n").unwrap();
        house.takes_in(letter(&format!("writer{n}@home.example"), &format!("{n}@h.example"), subject, body)).await;
    }
    house.works().await;
    let cases: Vec<CaseId> = house.cases().await.into_iter().map(|case| case.id).collect();
    assert_eq!(cases.len(), told.len() * 2, "each is a case of its own");
    let pairs: Vec<[CaseId; 2]> = cases.chunks(2).map(|pair| [pair[0].clone(), pair[1].clone()]).collect();
    for ([one, other], (_, _, same)) in pairs.iter().zip(told) {
        if *same {
            joined(house, other, one, "administrator").await;
        } else {
            kept_apart(house, other, one).await;
        }
        house.clock.advance(TimeDelta::seconds(1));
    }
    pairs
}

async fn joined(house: &House, child: &CaseId, parent: &CaseId, actor: &str) -> beadle::core::LinkId {
    let grounds = Grounds { score: 1.0, why: "a story", actor };
    house.desk(async |desk, tx| desk.join(tx, child, parent, grounds).await).await.unwrap()
}

/// Says no to the suggestion that two cases are one problem; where there is none, takes them apart that were joined by the program.
async fn kept_apart(house: &House, child: &CaseId, parent: &CaseId) {
    let mut tx = house.db.read().await.unwrap();
    let standing = store::link::standing(&mut tx, child).await.unwrap();
    drop(tx);
    let suggested =
        standing.into_iter().find(|l| l.kind == LinkKind::Maybe && (&l.child, &l.parent) == (child, parent));
    if let Some(link) = suggested {
        house.desk(async |desk, tx| desk.different(tx, &link.id, "administrator").await).await.unwrap();
    } else {
        let link = joined(house, child, parent, "beadle").await;
        house.desk(async |desk, tx| desk.undo(tx, &link, "administrator").await).await.unwrap();
    }
}

async fn own(house: &House) -> OwnPairs {
    own_pairs::read(&mut house.db.read().await.unwrap()).await.unwrap()
}

fn matched(outcome: Option<MatcherOutcome>) -> MatcherLesson {
    match outcome {
        Some(MatcherOutcome::Learned { lesson }) => *lesson,
        other => panic!("no lesson: {other:?}"),
    }
}

async fn matcher_in_force(house: &House) -> String {
    store::matcher_lesson::in_force(&mut house.db.read().await.unwrap()).await.unwrap()
}

story!(joins_and_undos_by_people_teach_the_matcher, house, {
    let teacher = teacher(house, &shipped(1));
    write_pairs(house, false);
    let elsewhere = another(house, teacher.understanding.clone());
    let pairs = joins(house, &habits()).await;
    let all = own(house).await;
    let (learned, held_back) = (kinds(&all.learned), kinds(&all.held_back));
    assert_eq!(
        (learned.0 + held_back.0, learned.1 + held_back.1),
        (18, 18),
        "one said no to, or taken apart, is two problems"
    );
    assert!(all.all().all(|own| own.actor == "administrator"));
    let newest = all.all().max_by_key(|own| own.decided_at).unwrap();
    assert_eq!(newest.pair.duplicate, Some(1));
    assert_eq!(
        newest.cases,
        [house.case(70).await.reference, house.case(71).await.reference],
        "it is known where from"
    );
    // What the program does by itself teaches nobody anything.
    let [one, other] = [&pairs[0][0], &pairs[2][0]];
    joined(house, one, other, "beadle").await;
    assert_eq!(own(house).await.all().count(), 36);
    // Half past three in the night to Tuesday.
    house.clock.advance(TimeDelta::minutes(18 * 60 + 25));
    let step = teacher.step().await.unwrap();
    assert!(matches!(step.lesson, Some(Outcome::TooFew { .. })), "nobody said which services");
    let lesson = matched(step.matcher_lesson);
    assert!(lesson.promoted && lesson.ap_after > lesson.ap_before, "{lesson:?}");
    assert_eq!((lesson.same as usize, lesson.different as usize), learned);
    assert_eq!(lesson.held_back as usize, held_back.0 + held_back.1);
    let shipped = Matcher::shipped();
    assert_eq!(lesson.matcher_before, shipped.version);
    let at_work = house.pipeline.house.matcher.now();
    assert_eq!(at_work.version, lesson.matcher_after, "what compares the next message follows at once");
    let report = |text: &str| Report::of(text, None, DateTime::UNIX_EPOCH);
    let bin = report("The brown bin of number 90 Kiln Lane was not emptied on Tuesday.");
    let again = report("The brown bin of number 90 Kiln Lane was not emptied on Tuesday again.");
    let likely = |matcher: &Matcher| matching::judge(matcher, &bin, &again, Writer::Unknown).0;
    assert!(likely(&at_work) <= likely(&shipped), "{} {}", likely(&at_work), likely(&shipped));
    // Another process on the same database follows, and neither learns the same again.
    let step = elsewhere.step().await.unwrap();
    assert!(step.matcher.is_some_and(|said| said.is_ok()) && step.matcher_lesson.is_none());
    assert_eq!(elsewhere.matcher.now().version, lesson.matcher_after);
    let again = teacher.learn_matcher("operator", false, Arc::new(|_| ())).await.unwrap();
    assert!(matches!(again, MatcherOutcome::NothingNew { new: 0 }), "{again:?}");
    // And it can be taken back.
    let from = Some(lesson.matcher_after.as_str());
    let (one, other) = tokio::join!(teacher.matcher_back("operator", from), teacher.matcher_back("operator", from));
    let mut went: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
    assert_eq!(went.len(), 1, "pressed twice at once, it goes back once");
    let back = went.remove(0);
    assert_eq!((back.matcher_before, back.matcher_after), (lesson.matcher_after.clone(), shipped.version.clone()));
    elsewhere.follow_matcher().await.unwrap();
    assert_eq!(elsewhere.matcher.now().version, shipped.version);
    assert!(teacher.matcher_back("operator", None).await.unwrap().is_none(), "there is none before the one that ships");
    // One that is gone from the disk is said aloud, once, and the one at work goes on.
    let mut tx = house.tx().await;
    store::matcher_lesson::put_in_force(&mut tx, "0123456789ab").await.unwrap();
    tx.commit().await.unwrap();
    let trouble = elsewhere.follow_matcher().await.unwrap().unwrap().unwrap_err();
    assert!(trouble.contains("0123456789ab") && trouble.contains(&shipped.version), "{trouble}");
    assert!(elsewhere.follow_matcher().await.unwrap().is_none());
});

story!(a_matcher_that_is_no_better_is_not_put_to_work, house, {
    let teacher = teacher(house, &shipped(1));
    write_pairs(house, true);
    let too_few = teacher.learn_matcher("operator", false, Arc::new(|_| ())).await.unwrap();
    assert!(matches!(too_few, MatcherOutcome::TooFew { pairs: (0, 0), held_back: (0, 0) }), "{too_few:?}");
    joins(house, &plain()).await;
    let lesson = matched(Some(teacher.learn_matcher("operator", false, Arc::new(|_| ())).await.unwrap()));
    assert!(!lesson.promoted && lesson.ap_after <= lesson.ap_before, "{lesson:?}");
    assert_eq!(lesson.matcher_before, Matcher::shipped().version);
    assert_eq!(house.pipeline.house.matcher.now().version, lesson.matcher_before);
    assert_eq!(matcher_in_force(house).await, SHIPPED);
    assert!(!teacher.matchers().holds(&lesson.matcher_after));
    let mut tx = house.db.read().await.unwrap();
    let written = store::matcher_lesson::last(&mut tx).await.unwrap().unwrap();
    assert_eq!((written.why, written.promoted), (lesson.why, false), "what came of it is written down all the same");
});

story!(private_cases_teach_the_matcher_nothing, house, {
    house.set(|house| {
        house.policy.mode = beadle::core::Mode::Suggest;
        house.policy.join_above = 2.0;
    });
    let worry = "My neighbour\n\nMy neighbour says he wants to kill himself and I am frightened for him.";
    let mut told = plain();
    told.truncate(4);
    told.push((worry.to_owned(), format!("{worry} Please help."), true));
    let pairs = joins(house, &told).await;
    let words = async || {
        let own = own(house).await;
        own.all().flat_map(|own| [own.pair.earlier.text.clone(), own.pair.later.text.clone()]).collect::<Vec<_>>()
    };
    let before = words().await;
    assert_eq!(before.len(), 8, "each but the worry about somebody's safety");
    assert!(!before.iter().any(|text| text.contains("kill himself")));
    // What was kept apart and is for the councillor only from now on.
    let [_, secret] = &pairs[1];
    assert!(before.contains(&told[1].1));
    house
        .desk(async |desk, tx| desk.set_consent(tx, secret, Consent::Private, "administrator").await)
        .await
        .expect("it has gone to nobody");
    let after = words().await;
    assert_eq!(after.len(), 6);
    assert!(!after.contains(&told[1].1) && !after.contains(&told[1].0), "{after:?}");
    let grounds = Grounds { score: 1.0, why: "a story", actor: "administrator" };
    let [other, _] = &pairs[3];
    let refused = house.desk(async |desk, tx| desk.join(tx, other, secret, grounds).await).await;
    assert!(refused.is_err(), "nor does it become a pair again");
});

story!(an_embedding_of_another_encoder_is_compared_with_nothing, house, {
    let teacher = teacher(house, &shipped(1));
    let version = teacher.understanding.encoder().unwrap().version().to_owned();
    let report = |n: usize| {
        let words = format!("The lock of the alley gate behind Signal Row is broken, number {n} says.");
        letter(&format!("writer{n}@home.example"), &format!("{n}@h.example"), "Alley gate", &words)
    };
    let likest = async || {
        let mut tx = house.db.read().await.unwrap();
        let last = store::decision::triages(&mut tx).await.unwrap().pop().unwrap();
        last.evidence.0["likest_case"]["why"].as_str().unwrap().to_owned()
    };
    let known = async || {
        let cases = another(house, teacher.understanding.clone()).step().await.unwrap().known;
        let verdict = judge(&teacher.understanding, "The alley gate behind Signal Row has a broken lock.").await;
        (cases, verdict.reasons.iter().any(|reason| matches!(reason, Reason::Nearest { .. })))
    };
    house.receives(report(1)).await;
    house.receives(report(2)).await;
    assert!(likest().await.contains("meaning"), "{}", likest().await);
    house.accepts(&house.case(0).await.id).await;
    assert_eq!(known().await, (Some(1), true));
    // The same embeddings, as if another encoder had made them, or as they were kept before that was written down.
    let changes = ["UPDATE messages SET encoder = 'another'", "UPDATE messages SET encoder = NULL"];
    for (n, change) in changes.into_iter().enumerate() {
        let mut tx = house.tx().await;
        assert!(tx.exec(change, store::args![]).await.unwrap() > 1);
        tx.commit().await.unwrap();
        house.receives(report(3 + n)).await;
        assert!(!likest().await.contains("meaning"), "{}", likest().await);
        assert!(likest().await.contains("words shared"), "the rest is compared all the same");
        assert_eq!(known().await, (Some(0), false));
    }
    let mut tx = house.tx().await;
    let kept: Vec<(String,)> =
        tx.all("SELECT DISTINCT encoder FROM messages WHERE encoder IS NOT NULL", store::args![]).await.unwrap();
    assert_eq!(kept, [(version,)], "what comes in now says which one made it");
});
