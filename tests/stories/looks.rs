//! Every page of the portal in a real browser, with a day of a council's post in it: on a desk and on a telephone, with scripts and
//! without. `scripts/setup.sh test` brings the browser and what drives it; `BEADLE_SCREENSHOTS=FOLDER` keeps pictures of the pages.

use crate::calls::{Desk, PASSWORD};
use crate::house::{House, Kind, root};
use beadle::core::{CaseState, Channel};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;

/// Every page that has an address of its own, as the router has it. A new page stands here, too; what follows a question mark
/// is looked at besides. Pages of one case or one letter are looked at for each that the story names.
const PAGES: &[&str] = &[
    "/",
    "/?state=closed",
    "/review",
    "/my",
    "/my?councillor=nowak",
    "/ward",
    "/ward?ward=Station",
    "/overdue",
    "/reports",
    "/account",
    "/admin/set-up",
    "/admin/people",
    "/admin/people/administrator",
    "/admin/access",
    "/admin/audit",
    "/admin/quarantine",
    "/admin/outbox",
    "/admin/channels",
    "/admin/hand-over",
    "/admin/models",
    "/admin/services",
    "/admin/services/fly_tipping",
    "/admin/departments",
    "/admin/departments/highways",
    "/admin/rules",
    "/admin/rules/services",
    "/admin/rules/patterns-waste",
    "/more",
    "/patterns",
    "/campaigns",
    "/blocked",
    "/set-aside",
    "/quarantine",
    "/outbox",
    "/learned",
    "/log",
    "/letters",
    "/letters/print",
    "/nowhere",
];
/// The same for people who are not signed in.
const OPEN: &[&str] = &["/sign-in"];
/// Pages of one thing, which the story finds below; what follows a call is looked at in `browser`.
const OF_ONE: &[&str] = &[
    "/review/{reference}",
    "/admin/people/{user}",
    "/admin/rules/{file}",
    "/admin/services/{service}",
    "/admin/departments/{department}",
    "/invitation/{token}",
    "/my/{reference}",
    "/cases/{reference}",
    "/cases/{reference}/campaign",
    "/letters/{id}",
    "/log/{token}",
];
/// Pages of an installation that is set up on the portal: they are looked at in `first_use`.
const OF_SET_UP: &[&str] = &[
    "/admin/set-up/council",
    "/admin/set-up/mailboxes",
    "/admin/set-up/services",
    "/admin/set-up/wards",
    "/admin/set-up/people",
    "/admin/set-up/sample",
];
/// What is fetched, but is no page.
const NO_PAGES: &[&str] = &[
    "/sign-on",
    "/sign-on/done",
    "/find",
    "/my.csv",
    "/ward.csv",
    "/overdue.csv",
    "/reports/{file}",
    "/cases/{reference}/messages/{id}/attachments/{position}/picture",
    "/cases/{reference}/messages/{id}/attachments/{position}",
    "/messages/{id}/raw",
    "/deliveries/{id}/raw",
    "/admin/set-up/people/sample.csv",
    "/healthz",
    "/metrics",
];

#[test]
fn every_page_of_the_router_is_looked_at() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let open = read("src/portal/mod.rs");
    let places = read("src/portal/places.rs") + &read("src/portal/set_up/mod.rs");
    let routes = regex::Regex::new(r#"\.route\(\s*"([^"]+)",\s*get\("#).unwrap();
    let guarded = regex::Regex::new(r#"\(\s*"(/[^"]*)",\s*get\("#).unwrap();
    let found = routes.captures_iter(&open).chain(guarded.captures_iter(&places));
    let there: BTreeSet<&str> = found.map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(there.len() > 10, "{there:?}");
    let known: BTreeSet<&str> = [PAGES, OPEN, OF_ONE, OF_SET_UP, NO_PAGES].concat().into_iter().collect();
    let nobody_looks: Vec<_> =
        there.iter().filter(|path| !known.contains(*path) && !path.starts_with("/assets/")).collect();
    assert!(nobody_looks.is_empty(), "put them into one of the lists of this file: {nobody_looks:?}");
}

/// The demo's messages, a call and a campaign; the pages of one thing that are worth a look.
async fn a_day_of_post(house: &House, desk: &Desk) -> Vec<String> {
    desk.logs(&[]).await;
    let mut files: Vec<_> =
        std::fs::read_dir(root().join("training-data/demo/mailbox")).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        house.takes_in_bytes("demo", &name, std::fs::read(&file).unwrap()).await;
    }
    house.works().await;
    crate::campaigns::many(house, 0..7).await;
    let cases = house.cases().await;
    assert!(cases.len() > 50, "{}", cases.len());
    let mut pages = Vec::new();
    for state in [CaseState::Review, CaseState::Held, CaseState::Routed, CaseState::Joined] {
        let found = cases.iter().find(|case| case.state == state);
        pages.extend(found.map(|case| format!("/cases/{}", case.reference)));
        pages.extend(found.filter(|case| case.hold_reason.is_none()).map(|case| format!("/my/{}", case.reference)));
    }
    assert!(pages.len() >= 3, "{pages:?}");
    let mut letters = 0;
    for case in &cases {
        for sent in house.outgoing(&case.id).await.into_iter().filter(|o| o.channel == Channel::Letter) {
            pages.push(format!("/letters/{}", sent.id));
            letters += 1;
        }
    }
    assert!(letters > 0, "who rang gets a letter");
    let campaigns = desk.get("/campaigns").await.body;
    let mut links = campaigns.split("href=\"").filter_map(|rest| rest.split('"').next());
    pages.push(links.find(|link| link.ends_with("/campaign")).expect("seven people sent one letter").to_owned());
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_reads_well_on_a_desk_and_on_a_telephone_with_scripts_and_without() {
    let house = House::new(Kind::Sqlite).await;
    let desk = Desk::of(&house).await;
    let mut paths: Vec<String> = PAGES.iter().map(|path| (*path).to_owned()).collect();
    paths.extend(a_day_of_post(&house, &desk).await);
    paths.extend(OPEN.iter().map(|path| format!("open:{path}")));
    let (base, given) = (desk.base.clone(), paths.clone());
    let run = move || {
        let modules = root().join("vendor/tools/browser/node_modules");
        assert!(modules.join("axe-core").is_dir(), "the browser's tools are missing: run scripts/setup.sh test");
        Command::new("node")
            .arg(root().join("tests/support/browser/looks.js"))
            .args([&base, PASSWORD])
            .args(given)
            .env("NODE_PATH", modules)
            .output()
            .expect("node")
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen.len(), 4 * paths.len());
    let mut wrong = Vec::new();
    for page in &seen {
        let missing = page["name"].as_str().unwrap().contains("-nowhere-");
        let looked = page["scripts"] == false || page["checks"].as_u64().unwrap() > 10;
        let well = page["status"] == if missing { 404 } else { 200 }
            && looked
            && page["title"].as_str().is_some_and(|title| title.ends_with("Brackenmere Borough Council"))
            && page["headings"] == 1
            && page["language"] == "en-GB"
            && page["sideways"] == false
            && [&page["small"], &page["violations"], &page["complaints"]]
                .iter()
                .all(|found| found.is_null() || **found == json!([]) || missing && *found == &page["complaints"]);
        if !well {
            wrong.push(page);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
