//! The review queue in a real browser: fifty messages of the demo mailbox, as the shipped models judge them, decided by keyboard as
//! a sensible gatekeeper would; every key is counted, every page is looked at by axe-core.

use crate::browser::browse_with;
use crate::house::root;
use beadle::app::App;
use beadle::config::Settings;
use beadle::core::{Clock, Ids};
use beadle::portal::{Portal, auth, router};
use beadle::store::args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const PASSWORD: &str = "otter lamp tram seven";

/// The demo's council, where everything waits for a person, with its mailbox read; where its pages are, and what a careful officer
/// would decide for each case.
struct Council {
    base: String,
    labels: Value,
    waiting: i64,
    _folder: tempfile::TempDir,
}

impl Council {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = root().join("training-data/demo/mailbox");
        let demo = beadle::commands::demo::settings_text(&root(), "127.0.0.1:0", &mailbox, "sqlite:beadle.db");
        let text = demo.replace("mode = \"auto\"", "mode = \"suggest\"");
        let settings = Settings::parse(&text, folder.path()).unwrap();
        let app = App::build(settings, Clock::System, Ids::Random).await.unwrap();
        assert!(app.missing.iter().all(|what| !what.contains("model")), "{:?}", app.missing);
        app.collector.read_folder("demo", &mailbox).await.unwrap();
        app.drain().await.unwrap();
        let mut tx = app.pipeline.db.begin().await.unwrap();
        auth::set_password(&mut tx, PASSWORD, app.pipeline.clock.now()).await.unwrap();
        let files: Vec<(String, String)> = tx
            .all(
                "SELECT i.external_id, c.reference FROM inbox i JOIN messages m ON m.id = i.message_id JOIN cases c ON c.id = m.case_id",
                args![],
            )
            .await
            .unwrap();
        let waiting = tx.count("SELECT COUNT(*) FROM cases WHERE state IN ('review', 'held')", args![]).await.unwrap();
        tx.commit().await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let portal = Portal::new(app.pipeline.clone(), app.collector.clone());
        let pages = router(portal).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });
        Self { base, labels: labels(&files), waiting, _folder: folder }
    }
}

/// What a careful officer would decide, by the reference of the case.
fn labels(files: &[(String, String)]) -> Value {
    let text = std::fs::read_to_string(root().join("training-data/demo/expected.jsonl")).unwrap();
    let expected: BTreeMap<String, Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| (row["file"].as_str().unwrap().to_owned(), row))
        .collect();
    let of = |name: &str| expected.iter().find(|(file, _)| name.contains(file.as_str())).map(|(_, row)| row.clone());
    let labels = files.iter().filter_map(|(name, reference)| Some((reference.clone(), of(name)?)));
    json!(labels.collect::<BTreeMap<_, _>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_demo_messages_are_reviewed_by_keyboard_with_a_median_of_at_most_two_keys() {
    let council = Council::new().await;
    assert!(council.waiting >= 50, "{} wait", council.waiting);
    assert!(council.labels.as_object().unwrap().len() >= 50);
    let addresses = vec![PASSWORD.to_owned(), council.labels.to_string()];
    let seen = browse_with("desk.js", "review", &council.base, addresses).await;
    let mut keys: Vec<u64> = seen["keys"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    assert_eq!(keys.len(), 50, "{seen}");
    keys.sort_unstable();
    let median = f64::midpoint(keys[24] as f64, keys[25] as f64);
    assert!(median <= 2.0, "median {median}: {keys:?}");
    assert!(seen["accepted"].as_u64().unwrap() > 0 && seen["changed"].as_u64().unwrap() > 0, "{seen}");
    assert_eq!(seen["complaints"], json!([]), "our own policy lets our own script run");
    for page in seen["pages"].as_array().unwrap() {
        assert!(page["checks"].as_u64().unwrap() > 10, "axe looked at next to nothing: {page}");
        assert_eq!(page["violations"], json!([]), "{page}");
        assert_eq!(page["sideways"], false, "{page}");
        assert_eq!(page["small"], json!([]), "{page}");
    }
    assert_eq!(seen["pages"].as_array().unwrap().len(), 2 * 4, "{seen}");
    // What keys must not do.
    assert_eq!(seen["typed"], "a x n", "nothing is decided while somebody types");
    assert_eq!(seen["off"], seen["still_off"], "switched off they stay off, and decide nothing");
    assert_eq!(seen["undone"], seen["decided"], "u takes the last decision back");
    println!("keys: {keys:?}, median {median}, accepted {}, changed {}", seen["accepted"], seen["changed"]);
}
