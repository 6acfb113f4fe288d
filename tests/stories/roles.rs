//! A day at a council in a real browser: the real program as a process, on PostgreSQL, and everybody in their role before it, on a
//! desk and on a telephone, with scripts and without. Each role's own work is a story of its own, so that they are told side by side.

use crate::browser::browse_with;
use crate::faults::Plan;
use crate::house::{letter, postgres_database, root};
use crate::logs::wait_until;
use beadle::store::case::{self, Filter};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;

/// How wide the window is, and whether scripts run. Each is one run of a story.
const RUNS: [(u32, bool); 4] = [(1280, true), (360, true), (1280, false), (360, false)];

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

/// What tells the messages of the runs apart: words, as numbers that two messages share speak for one problem.
const NAMES: [&str; 4] = ["north", "east", "south", "west"];

/// Where the problems of each run are.
const STREETS: [[&str; 4]; 4] = [
    ["Signal Row", "Station Road", "Queen Street", "Hillcrest Road"],
    ["Windmill Road", "Wharf Road", "Weir Street", "Willow Bank"],
    ["Viaduct Street", "Swan Lane", "Sluice Road", "Saddler Street"],
    ["Railway Terrace", "Priory Road", "Otter Road", "Quarry Road"],
];

/// Waits for a person with everything, and lets nothing leave for so long that it cannot be taken back.
const ALL_BY_PEOPLE: &str = "mode = 'suggest'\nunsure_below = 0.01\nundo_seconds = 15\njoin_above = 1.0";

/// A council with its wards, its streets and one councillor, to whom these have written: subject and words.
async fn council(routing: &str, mails: &[(String, String)]) -> Plan {
    let mut plan = Plan::new();
    plan.database = postgres_database().await;
    if !routing.is_empty() {
        plan.routing = routing.to_owned();
    }
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
    let mails = mails.iter().enumerate().map(|(n, (subject, words))| {
        letter(&format!("resident{n}@home.example"), &format!("{n}@home.example"), subject, words)
            .replace('\n', "\r\n")
            .into_bytes()
    });
    plan.folder("post", &mails.collect::<Vec<_>>());
    plan
}

/// Runs the council's service once all of its post is in, and a story before it in a browser, once for each width with and without
/// scripts; `what` names the story, `host` the service as the browser asks for it. Judges every page that was seen, and gives what
/// each run says.
async fn tell(what: &'static str, plan: Plan, host: &str, messages: usize) -> Vec<Value> {
    let plan = Arc::new(plan);
    let at_work = Arc::clone(&plan);
    let service = tokio::task::spawn_blocking(move || {
        let service = at_work.start();
        wait_until(|| at_work.has(i64::try_from(messages).unwrap()));
        let all = Filter { limit: 1000, ..Filter::default() };
        let cases = at_work.look(async |tx| case::list(tx, &all).await).unwrap();
        let named = cases.into_iter().map(|case| (case.title, json!(case.reference.to_string())));
        (service, named.collect::<Map<_, _>>())
    });
    let (service, cases) = service.await.unwrap();
    let password = std::fs::read_to_string(plan.path("admin-password")).unwrap();
    let runs: Vec<Value> = RUNS
        .iter()
        .enumerate()
        .map(|(run, (width, scripts))| {
            json!({"number": run, "name": NAMES[run], "width": width, "scripts": scripts, "subject": PROBLEMS[run].0, "streets": STREETS[run]})
        })
        .collect();
    let outgoing = plan.path("outgoing");
    let given = json!({"password": password.trim(), "outgoing": outgoing, "cases": cases, "runs": runs});
    let base = format!("http://{host}:{}", plan.port);
    let days = browse_with("roles.js", what, &base, vec![given.to_string()]).await;
    let days = days.as_array().unwrap().clone();
    assert_eq!(days.len(), RUNS.len());
    let wrong: Vec<&Value> =
        days.iter().flat_map(|day| day["pages"].as_array().unwrap()).filter(|p| !is_well(p)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    tokio::task::spawn_blocking(move || service.end()).await.unwrap();
    days
}

/// One heading, nothing over the edge, and, where scripts let axe-core look, nothing found.
fn is_well(page: &Value) -> bool {
    let looked = page["scripts"] == false || page["checks"].as_u64().unwrap() > 10;
    looked
        && page["headings"] == 1
        && page["sideways"] == false
        && [&page["small"], &page["violations"]].iter().all(|found| found.is_null() || **found == json!([]))
}

/// At least so many pages and so many steps in each run: a story that ends early says nothing.
fn full(days: &[Value], pages: usize, steps: usize) {
    for day in days {
        let (seen, done) = (day["pages"].as_array().unwrap().len(), day["done"].as_array().unwrap().len());
        assert!(seen >= pages && done >= steps, "{seen} pages, {done} steps: {day}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_in_each_role_on_a_desk_and_on_a_telephone_with_scripts_and_without() {
    let mails = PROBLEMS.map(|(subject, words)| (subject.to_owned(), words.to_owned()));
    let plan = council(ALL_BY_PEOPLE, &mails).await;
    let days = tell("day", plan, "127.0.0.1", mails.len()).await;
    full(&days, 25, 15);
}

/// What a gatekeeper has before them in one run: each is decided in another way.
fn queue_of(run: usize) -> Vec<(String, String)> {
    let [one, two, three, four] = STREETS[run];
    let post = [
        (
            "Road and lamp",
            format!(
                "There is a deep pothole in {one} by number 12, below the street light. My wheel was damaged by the pothole."
            ),
        ),
        (
            "Bin and pothole",
            format!(
                "Dear Councillor,\n\nTwo things, please.\n\n1. My recycling bin in {two} was not emptied on Tuesday.\n\
                 2. There is a deep pothole outside number 12 {three}. My wheel was damaged by the pothole.\n\nMany thanks, Ann"
            ),
        ),
        ("Cheap loans", "Get a cheap loan today, no questions asked, answer to this mail now.".to_owned()),
        ("Lamp by the station", format!("The street light outside 3 {two} is out. It has been dark all week.")),
        ("Something on the wall", "There is graffiti on the wall by the shop.".to_owned()),
        ("Only for you", format!("The hedge of my neighbour at 4 {three} hangs over the pavement.")),
        (
            "Mattress dumped",
            format!("Somebody has dumped a mattress and rubbish bags behind the garages in {four}. It is fly-tipping."),
        ),
        (
            "Mattress again",
            format!("A mattress and rubbish bags are dumped behind the garages in {four}. Fly-tipping once more."),
        ),
    ];
    post.into_iter().map(|(subject, words)| (format!("{subject} {}", NAMES[run]), words)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gatekeeper_decides_each_message_in_another_way_by_keys_and_by_buttons() {
    let mails: Vec<_> = (0..RUNS.len()).flat_map(queue_of).collect();
    // Rules alone are as sure as this, and what beadle is unsure of has no part that could be changed before it is sent.
    let plan = council(&format!("{ALL_BY_PEOPLE}\nauto_above = 0.2"), &mails).await;
    let days = tell("queue", plan, "127.0.0.1", mails.len()).await;
    full(&days, 15, 25);
}

/// What has gone to the departments by itself before one run of the officers' story.
fn work_of(run: usize) -> Vec<(String, String)> {
    let [one, two, three, _] = STREETS[run];
    let hole = |street: &str| {
        format!("There is a deep pothole in {street} by number 12. My wheel was damaged by the pothole.")
    };
    [("Pothole for two", one), ("Pothole no more", two), ("Pothole for long", three)]
        .into_iter()
        .map(|(subject, street)| (format!("{subject} {}", NAMES[run]), hole(street)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_a_resident_and_a_councillor_follow_a_case_to_its_end() {
    let mails: Vec<_> = (0..RUNS.len()).flat_map(work_of).collect();
    let plan = council("", &mails).await;
    let days = tell("office", plan, "127.0.0.1", mails.len()).await;
    full(&days, 20, 18);
}

/// A folder of rules that may be written to.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, into) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).unwrap();
        if path.is_dir() {
            copy(&path, &into);
        } else {
            std::fs::copy(&path, &into).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_changes_rules_and_people_and_each_account_has_a_second_question() {
    let mails = PROBLEMS.map(|(subject, words)| (subject.to_owned(), words.to_owned()));
    let mut plan = council(ALL_BY_PEOPLE, &mails).await;
    plan.more
        .push_str("[[councillor]]\nid = 'price'\nname = 'Cllr Dana Price'\nemail = 'cllr.price@brackenmere.example'\n");
    plan.rules = plan.path("rules");
    copy(&root().join("rules"), &plan.rules);
    // A passkey belongs to a name, so the browser asks for the service by one.
    let days = tell("administrator", plan, "localhost", mails.len()).await;
    full(&days, 30, 20);
}
