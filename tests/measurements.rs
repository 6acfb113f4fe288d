//! Figures of the shipped rules on the training messages, printed and not judged: `cargo nextest run --run-ignored only
//! --no-capture -E 'binary(measurements)'`. Only counts are printed, never a message.

use beadle::core::Priority;
use beadle::understanding::priority;
use beadle::understanding::rules::{Effect, Rules, concerns, normalise};
use chrono::NaiveDate;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rules() -> Rules {
    Rules::load(&root().join("rules")).expect("the shipped rules")
}

fn rows(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn text_of(row: &Value) -> String {
    normalise(row["text"].as_str().expect("a text"))
}

#[test]
#[ignore = "prints figures: how many messages of concern the rules alone find, and how many look-alikes they hold"]
fn messages_of_concern_found_by_rules_alone() {
    let rules = rules();
    for file in ["tune", "check", "hard"] {
        let (mut found, mut missed, mut false_alarms) = (0, 0, 0);
        for row in rows(&root().join(format!("training-data/safeguarding/{file}.jsonl"))) {
            match (row["concern"].is_string(), !concerns(&rules.hits(&text_of(&row)), true).is_empty()) {
                (true, true) => found += 1,
                (true, false) => missed += 1,
                (false, true) => false_alarms += 1,
                (false, false) => {}
            }
        }
        let recall = f64::from(found) / f64::from(found + missed);
        let precision = f64::from(found) / f64::from(found + false_alarms);
        println!(
            "{file}: recall {recall:.3}, precision {precision:.3} ({found} found, {missed} missed, {false_alarms} false)"
        );
    }
}

#[test]
#[ignore = "prints figures: priority and hazard of the training messages, labelled against judged by rules alone"]
fn priority_and_hazard_against_their_labels() {
    let rules = rules();
    let day = NaiveDate::from_ymd_opt(2026, 3, 2);
    let mut priorities: BTreeMap<(String, &str), u32> = BTreeMap::new();
    let mut hazards: BTreeMap<(bool, bool), u32> = BTreeMap::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("training-data/messages"))
        .expect("the training messages")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    for row in files.iter().flat_map(|file| rows(file)) {
        let text = text_of(&row);
        let hits = rules.hits(&text);
        let judged = priority::weigh(&hits, &text, day, None, None).priority;
        let labelled = row["priority"].as_str().expect("a priority").to_owned();
        *priorities.entry((labelled, judged.as_str())).or_default() += 1;
        let says_hazard =
            |effect: &Effect| matches!(effect, Effect::Priority { priority, .. } if *priority >= Priority::High);
        let hazard = row["hazard"].as_bool().expect("a hazard");
        *hazards.entry((hazard, hits.iter().any(|hit| says_hazard(hit.effect)))).or_default() += 1;
    }
    println!("labelled, judged: messages\n{priorities:#?}\nhazard labelled, by rules: messages\n{hazards:#?}");
}
