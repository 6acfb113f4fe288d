//! A day at a council in a real browser: the real program as a process, on PostgreSQL, and everybody in their role before it, on a
//! desk and on a telephone, with scripts and without.

use crate::browser::browse_with;
use crate::faults::Plan;
use crate::house::{letter, postgres_database, root};
use crate::logs::wait_until;
use serde_json::{Value, json};

/// Four problems that are four, each for one day.
const PROBLEMS: [(&str, &str); 4] = [
    (
        "Pothole in Signal Row",
        "There is a deep pothole in Signal Row by number 12. My wheel was damaged by the pothole.",
    ),
    (
        "Street light out",
        "The street light outside 3 Mill Lane is out. It is dark there, the lamp has been out all week.",
    ),
    ("Missed bin", "Our recycling bin was not emptied at 7 Station Road. The missed collection was on Monday."),
    (
        "Mattress dumped",
        "Somebody has dumped a mattress and rubbish bags behind the garages in Foundry Street. It is fly-tipping.",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_day_in_each_role_on_a_desk_and_on_a_telephone_with_scripts_and_without() {
    let mut plan = Plan::new();
    plan.database = postgres_database().await;
    plan.routing = "mode = 'suggest'\nunsure_below = 0.01\nundo_seconds = 15\njoin_above = 1.0".to_owned();
    let borough = root().join("training-data/demo/borough");
    let file = |name: &str| borough.join(name).display().to_string();
    plan.more = format!(
        "[form]\npublic_url = 'http://127.0.0.1:{}'\nper_address = 1000\n[places]\nwards = '{}'\npostcodes = '{}'\nstreets = '{}'\n\
         [[councillor]]\nid = 'nowak'\nname = 'Cllr Marek Nowak'\nemail = 'cllr.nowak@brackenmere.example'\nwards = ['Station']\n",
        plan.port,
        file("wards.geojson"),
        file("postcodes.csv"),
        file("streets.csv"),
    );
    let mails = PROBLEMS.iter().enumerate().map(|(n, (subject, words))| {
        letter(&format!("resident{n}@home.example"), &format!("{n}@home.example"), subject, words)
            .replace('\n', "\r\n")
            .into_bytes()
    });
    plan.folder("post", &mails.collect::<Vec<_>>());
    let plan = std::sync::Arc::new(plan);
    let at_work = std::sync::Arc::clone(&plan);
    let service = tokio::task::spawn_blocking(move || {
        let service = at_work.start();
        wait_until(|| at_work.has(PROBLEMS.len() as i64));
        service
    });
    let service = service.await.unwrap();
    let password = std::fs::read_to_string(plan.path("admin-password")).unwrap();
    let runs: Vec<Value> = [(1280, true), (360, true), (1280, false), (360, false)]
        .iter()
        .zip(PROBLEMS)
        .map(|((width, scripts), (subject, _))| json!({"width": width, "scripts": scripts, "subject": subject}))
        .collect();
    let given = json!({"password": password.trim(), "outgoing": plan.path("outgoing"), "runs": runs});
    let base = format!("http://127.0.0.1:{}", plan.port);
    let days = browse_with("roles.js", "day", &base, vec![given.to_string()]).await;
    let days = days.as_array().unwrap();
    assert_eq!(days.len(), 4);
    let mut wrong = Vec::new();
    for day in days {
        let (pages, done) = (day["pages"].as_array().unwrap(), day["done"].as_array().unwrap());
        assert!(pages.len() >= 25 && done.len() >= 15, "{day}");
        for page in pages {
            let looked = page["scripts"] == false || page["checks"].as_u64().unwrap() > 10;
            let well = looked
                && page["headings"] == 1
                && page["sideways"] == false
                && [&page["small"], &page["violations"]].iter().all(|found| found.is_null() || **found == json!([]));
            if !well {
                wrong.push(page);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    tokio::task::spawn_blocking(move || service.end()).await.unwrap();
}
