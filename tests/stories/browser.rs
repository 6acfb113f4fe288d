//! The form on the web, and the page on which a call is written down, in a real browser, Chromium without a window: checked by axe-core in both directions of writing, at the
//! width of a small telephone, without scripts, and by keyboard alone. `scripts/setup.sh test` brings the browser and what drives
//! it; `BEADLE_SCREENSHOTS=FOLDER` keeps pictures of the pages.

use crate::calls::{Desk, PASSWORD};
use crate::form::{Site, link};
use crate::house::{House, Kind, header, root};
use beadle::core::{CaseState, Channel, Reference};
use serde_json::Value;
use std::process::Command;

/// A council's form, of which many reports may come from one address and as fast as a program types.
async fn open() -> (House, Site) {
    let mut house = House::new(Kind::Sqlite).await;
    let site = Site::of(&mut house, |policy| {
        policy.least_seconds = 0;
        policy.per_address = 1_000;
        policy.privacy_url = Some("https://brackenmere.example/privacy".to_owned());
    })
    .await;
    (house, site)
}

/// Has the browser do something; what it saw.
async fn browse(what: &'static str, base: &str, addresses: Vec<String>) -> Value {
    browse_with("form.js", what, base, addresses).await
}

/// The same by another script of `tests/support/browser`.
pub async fn browse_with(script: &'static str, what: &'static str, base: &str, addresses: Vec<String>) -> Value {
    let base = base.to_owned();
    let run = move || {
        let modules = root().join("vendor/tools/browser/node_modules");
        assert!(modules.join("axe-core").is_dir(), "the browser's tools are missing: run scripts/setup.sh test");
        Command::new("node")
            .arg(root().join("tests/support/browser").join(script))
            .args([what, &base])
            .args(addresses)
            .env("NODE_PATH", modules)
            .output()
            .expect("node")
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(seen: &'a Value, key: &str) -> &'a str {
    seen[key].as_str().unwrap_or_else(|| panic!("no {key}: {seen}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_wrong_with_any_page_and_none_is_wider_than_a_small_telephone() {
    let (house, site) = open().await;
    let done = site.reports(&house, "192.0.2.1", crate::form::ANN).await;
    house.works().await;
    let sent = house.sends().await;
    let proof = sent.iter().find(|mail| header(mail, "To").contains("ann@fenmail.example")).expect("a proof");
    let addresses = vec!["/trail/x".to_owned(), link(&done.body, "/trail/"), link(proof, "/confirm/")];
    let seen = browse("pages", &site.base, addresses).await;
    let pages = seen.as_array().unwrap();
    assert_eq!(pages.len(), 4 * 8, "form, errors, done, waiting, a link that leads nowhere, trail, question, answer");
    for page in pages {
        assert!(page["checks"].as_u64().unwrap() > 10, "axe looked at next to nothing: {page}");
        assert_eq!(page["violations"], serde_json::json!([]), "{page}");
        assert_eq!(page["sideways"], false, "{page}");
        assert_eq!(page["small"], serde_json::json!([]), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_written_down_and_its_letter_printed_without_a_finding_at_any_width() {
    let house = House::new(Kind::Sqlite).await;
    let desk = Desk::of(&house).await;
    desk.logs(&[]).await;
    house.works().await;
    let case = house.case(0).await;
    let letter = house.outgoing(&case.id).await.into_iter().find(|o| o.channel == Channel::Letter).expect("a letter");
    let addresses = vec![PASSWORD.to_owned(), format!("/letters/{}", letter.id), format!("/cases/{}", case.reference)];
    let seen = browse("calls", &desk.base, addresses).await;
    let pages = seen["pages"].as_array().unwrap();
    assert_eq!(pages.len(), 3 * 7, "page, errors, done, list, letter, large letter, case");
    for page in pages {
        assert!(page["checks"].as_u64().unwrap() > 10, "axe looked at next to nothing: {page}");
        assert_eq!(page["violations"], serde_json::json!([]), "{page}");
        assert_eq!(page["sideways"], false, "{page}");
        assert_eq!(page["small"], serde_json::json!([]), "{page}");
    }
    house.works().await;
    assert_eq!(house.cases().await.len(), 1 + 3, "one for each width, and the one that was there");
    for print in seen["prints"].as_array().unwrap() {
        // However the sheet slips in a DL envelope, this shows in its window, and nothing else does.
        let at = |edge: &str| print["to"][edge].as_f64().unwrap();
        assert!(at("left") >= 20.0 && at("right") <= 100.0 && at("top") >= 53.0 && at("bottom") <= 81.0, "{print}");
        assert_eq!(print["besides"], serde_json::json!([]), "{print}");
        assert_eq!(print["tools"], false, "{print}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resident_adds_withdraws_and_rates_on_their_private_page_with_and_without_scripts() {
    let (house, site) = open().await;
    let mut links = Vec::new();
    for number in 0..4 {
        let problem = format!("There is a deep pothole outside number {number}0 Mill Lane.");
        let parts = [crate::form::Part::Text("problem", &problem), crate::form::Part::Text("consent", "share")];
        let done = site.reports(&house, "192.0.2.1", &parts).await;
        house.works().await;
        links.push(link(&done.body, "/trail/").split('?').next().unwrap().to_owned());
    }
    let rated = house.case(0).await;
    house
        .desk(async |desk, tx| {
            let ending = beadle::outbox::closing::Ending { done: true, words: "" };
            desk.close(tx, &rated.id, ending, "administrator").await
        })
        .await
        .expect("closed");
    let all = browse("trail", &site.base, links).await;
    let pages = all["seen"].as_array().unwrap();
    assert_eq!(pages.len(), 2 * 6 + 1, "open, nothing, added, withdraw, withdrawn, rated; and once not rated");
    for page in pages {
        assert!(page["checks"].as_u64().unwrap() > 10, "axe looked at next to nothing: {page}");
        assert_eq!(page["violations"], serde_json::json!([]), "{page}");
        assert_eq!(page["sideways"], false, "{page}");
        assert_eq!(page["small"], serde_json::json!([]), "{page}");
    }
    assert!(all["said"][1].as_str().unwrap().contains("You said that it is not needed any more"), "{all}");
    house.works().await;
    // What was added is worked on after the case was closed: it opens each again, and nothing is lost.
    let mut tx = house.db.read().await.unwrap();
    for number in 1..4 {
        let messages = beadle::store::message::of_case(&mut tx, &house.case(number).await.id).await.unwrap();
        assert_eq!(messages.len(), 2, "{number}");
    }
    let rating = beadle::store::trail::rating(&mut tx, &rated.id).await.unwrap().expect("a rating");
    assert_eq!((rating.score, rating.words.as_deref()), (4, Some("Quick and friendly, thank you!")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_works_with_scripts_switched_off() {
    let (house, site) = open().await;
    let seen = browse("without-scripts", &site.base, Vec::new()).await;
    assert_eq!(seen["button"], false, "what needs a script is not offered");
    assert!(text(&seen, "error").contains("Choose who may know"), "{seen}");
    assert!(text(&seen, "kept").contains("deep pothole"), "{seen}");
    let told = Reference::find_all(text(&seen, "done"));
    assert_eq!(
        (told.len(), &told),
        (1, &Reference::find_all(text(&seen, "again"))),
        "loaded again it is the same page"
    );
    assert_eq!(told, Reference::find_all(text(&seen, "trail")));
    house.works().await;
    let case = house.case(0).await;
    assert_eq!((house.cases().await.len(), case.reference, case.state), (1, told[0].clone(), CaseState::Routed));
    let mut tx = house.db.read().await.unwrap();
    assert_eq!(beadle::store::attachment::of_case(&mut tx, &case.id).await.unwrap()[0].name, "hole.png");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_can_be_filled_in_by_keyboard_alone() {
    let (house, site) = open().await;
    let seen = browse("keyboard", &site.base, Vec::new()).await;
    assert_eq!(
        (text(&seen, "skip"), text(&seen, "summary"), text(&seen, "from")),
        ("govuk-skip-link", "govuk-error-summary", "problem")
    );
    assert_eq!(seen["unseen"], serde_json::json!([]), "whoever types sees where they are");
    let order: Vec<&str> = seen["order"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let fields = ["place", "position", "use-position", "files", "councillor", "anonymous", "name", "email", "phone"];
    assert_eq!(
        order,
        [&fields[..], &["consent", "send"]].concat(),
        "the order of the page, and no field that is not seen"
    );
    assert_eq!(text(&seen, "consent"), "councillor");
    house.works().await;
    assert_eq!(house.case(0).await.reference, Reference::find_all(text(&seen, "done"))[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_scripts_the_browser_can_say_where_it_is() {
    let (house, site) = open().await;
    let seen = browse("position", &site.base, Vec::new()).await;
    assert_eq!(text(&seen, "position"), "54.00608, 2.08342");
    assert_eq!(seen["complaints"], serde_json::json!([]), "our own policy lets our own script run");
    house.works().await;
    assert_eq!(house.case(0).await.ward.as_deref(), Some("Station"));
}
