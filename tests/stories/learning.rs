//! Corrections teach: the real encoder, real decisions at the desk, and a model that is put to work only where it is better.

use crate::house::{House, letter, root};
use crate::story;
use beadle::core::verdict::Reason;
use beadle::core::{Ids, Verdict};
use beadle::desk::Change;
use beadle::learning::teacher::{Means, Outcome, Teacher};
use beadle::store;
use beadle::store::lesson::{Lesson, SHIPPED};
use beadle::understanding::Question;
use beadle::understanding::Understanding;
use beadle::understanding::encoder::Encoder;
use beadle::understanding::models::Models;
use beadle::understanding::place::Places;
use beadle::understanding::rules::Rules;
use chrono::TimeDelta;
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
    let rules = Rules::load(&root().join("rules")).expect("the shipped rules");
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
    another(house, house.pipeline.understanding.clone())
}

/// A teacher in another process.
fn another(house: &House, understanding: Understanding) -> Teacher {
    let means = Means {
        messages: house.folder.path().join("messages"),
        shipped: root().join("models"),
        folder: house.folder.path().join("kept"),
        nightly: Some("03:00:00".parse().unwrap()),
    };
    Teacher::new(house.db.clone(), house.clock.clone(), Ids::Random, "story".to_owned(), understanding, means)
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
    assert!(teacher.back("operator").await.unwrap().is_none(), "there is none before the one that ships");
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
    let back = teacher.back("operator").await.unwrap().expect("a lesson of going back");
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
