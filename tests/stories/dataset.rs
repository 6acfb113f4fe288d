//! What `beadle dataset` says of the messages that ship.

use crate::house::root;
use std::process::Command;

fn dataset(arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beadle"));
    let output = command.current_dir(root()).arg("dataset").args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn the_training_messages_hardly_repeat_themselves_and_hold_nothing_of_the_language_check() {
    let check = "training-data/languages/check.jsonl";
    let (good, said) = dataset(&["--data", "training-data/messages", "--against", check, "--json"]);
    assert!(good, "{said}");
    let sheet: serde_json::Value = serde_json::from_str(&said).unwrap();
    let messages = sheet["messages"].as_u64().unwrap();
    let labels = sheet["counts"]["label"].as_object().unwrap();
    assert_eq!(labels.values().map(|n| n.as_u64().unwrap()).sum::<u64>(), messages);
    assert!(sheet["near_duplicates"]["share"].as_f64().unwrap() <= 0.01, "{}", sheet["near_duplicates"]);
    assert!(sheet["different_openings"].as_f64().unwrap() >= 0.9);
    assert!(sheet["against"]["messages_with_shared_runs"].as_u64().unwrap() * 200 <= messages, "{}", sheet["against"]);
    let (good, table) = dataset(&["--data", "training-data/messages"]);
    assert!(
        good && table.contains(&format!("messages            {messages}")) && table.contains("by label"),
        "{table}"
    );
}

#[test]
fn a_set_that_cannot_be_read_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("set.jsonl");
    std::fs::write(&file, "{\"text\": \"a lamp\"}\nnot json\n").unwrap();
    let (good, said) = dataset(&["--data", file.to_str().unwrap()]);
    assert!(!good && said.contains("set.jsonl line 2"), "{said}");
}
