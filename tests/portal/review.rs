//! The review queue: one message at a time, the most urgent first, decided with a form each, taken back while nothing has left.

use crate::desk::{Answer, Desk, Person, letter};
use crate::postgres::postgres;
use beadle::core::{CaseState, Priority, Role};
use beadle::routing::RoutingPolicy;
use beadle::store::{self, case::Case};
use chrono::TimeDelta;
use reqwest::{Method, StatusCode};

const LAMP: &str = "The street light in Signal Row, ZM6 1UT, has been out for a week.";
const GAS: &str = "There is a strong smell of gas in Mill Lane, ZM1 4QT, it is dangerous, somebody will be hurt.";
const WORRY: &str = "My neighbour in Signal Row says he wants to kill himself and I am frightened for him.";

/// A case waits without being sure or routed.
async fn lamp(desk: &Desk) -> Case {
    desk.mail("Ann Smith <ann@fenmail.example>", "Street light out", LAMP).await
}

/// Presses a button of the review page.
async fn decide(desk: &Desk, page: &Answer, case: &Case, what: &str, fields: &[(&str, &str)]) -> Answer {
    desk.press(page, &format!("/review/{}/{what}", case.reference), fields).await
}

fn shows(page: &Answer, case: &Case) -> bool {
    page.status == StatusCode::OK && page.has(&format!("data-reference=\"{}\"", case.reference))
}

#[tokio::test]
async fn the_most_urgent_message_is_shown_first_and_the_next_one_is_there_after_deciding() {
    let desk = Desk::open().await;
    let (lamp, gas) = (lamp(&desk).await, desk.mail("Bo <bo@fenmail.example>", "Gas", GAS).await);
    assert!(gas.priority > lamp.priority, "{} {}", gas.priority, lamp.priority);
    let page = desk.get("/review").await;
    assert!(shows(&page, &gas), "{}", page.body);
    assert!(page.has("1 message waits after this one") && page.has("smell of gas"));
    let trail = desk.trail(&format!("case:{}", gas.id)).await;
    assert!(trail.iter().any(|entry| entry == "administrator read case"), "{trail:?}");
    let confirmed = [("confirmed", "yes")];
    let answer = decide(&desk, &page, &gas, "accept", &confirmed).await;
    assert!(answer.location().starts_with("/review?did="), "{} {}", answer.location(), answer.body);
    assert_eq!(desk.case(&gas.reference).await.state, CaseState::Routed);
    let next = desk.get(answer.location()).await;
    assert!(shows(&next, &lamp), "{}", next.body);
    assert!(next.has("Accepted:") && next.has("It leaves in") && next.has("Undo"), "{}", next.body);
    decide(&desk, &next, &lamp, "accept", &[]).await;
    let none = desk.get("/review").await;
    assert!(none.status == StatusCode::OK && none.has("Nothing waits for you"), "{}", none.body);
}

#[tokio::test]
async fn what_is_suggested_stands_with_its_reasons_and_its_confidence_in_words_and_number() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let page = desk.get(&format!("/review/{}", case.reference)).await;
    assert!(page.has(&format!("data-part=\"service\" data-value=\"{}\"", case.service)), "{}", page.body);
    assert!(page.has("Speaks for Street lighting") && page.has("<q dir=\"auto\">"), "{}", page.body);
    let chance = page.body.split("data-part=\"service\"").nth(1).unwrap().split("secondary-text").nth(1).unwrap();
    let chance = chance.split('<').next().unwrap();
    assert!(chance.ends_with('%') && chance.contains(", "), "in words and in number: {chance}");
    for part in ["Priority", "Department", "Place", "Same case?"] {
        assert!(page.has(&format!("<dt class=\"govuk-summary-list__key\">{part}</dt>")), "{part}");
    }
    let csp = page.headers["content-security-policy"].to_str().unwrap();
    assert!(csp.contains("script-src 'self'") && csp.contains("default-src 'none'"), "{csp}");
    assert!(!desk.get("/").await.headers["content-security-policy"].to_str().unwrap().contains("script-src"));
    let script = desk.get("/assets/review.js").await;
    assert!(script.status == StatusCode::OK && script.has("keydown"));
}

#[tokio::test]
async fn undo_takes_back_what_has_not_left_and_restores_everything() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let page = desk.get("/review").await;
    let next = decide(&desk, &page, &case, "accept", &[]).await;
    desk.deliver().await;
    let waiting = desk.outgoing(&case).await;
    assert!(waiting.len() >= 2 && waiting.iter().all(|o| o.status == "queued"), "they wait: {waiting:?}");
    let page = desk.get(next.location()).await;
    let undone = desk.press(&page, "/review/undo", &[("id", &page.field("id"))]).await;
    assert_eq!(undone.location(), format!("/review/{}?done=taken-back", case.reference), "{}", undone.body);
    assert_eq!(desk.case(&case.reference).await, case);
    assert!(desk.outgoing(&case).await.iter().all(|o| o.status == "cancelled"));
    let trail = desk.trail(&format!("case:{}", case.id)).await;
    assert_eq!(trail.last().map(String::as_str), Some("administrator undo"), "{trail:?}");
    let back = desk.get(undone.location()).await;
    assert!(shows(&back, &case) && back.has("Taken back."), "{}", back.body);
    let again = desk.press(&page, "/review/undo", &[("id", &page.field("id"))]).await;
    assert!(again.status == StatusCode::CONFLICT && again.has("taken back already"), "{}", again.body);
    // Accepted once more it leaves, after its moment.
    decide(&desk, &back, &case, "accept", &[]).await;
    desk.pipeline.clock.advance(TimeDelta::seconds(21));
    desk.deliver().await;
    assert_eq!(desk.outgoing(&case).await.iter().filter(|o| o.status == "sent").count(), waiting.len());
    let teaches = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(teaches.has("Taken back") && teaches.has("What was accepted was taken back"), "{}", teaches.body);
}

#[tokio::test]
async fn what_has_left_cannot_be_undone_and_says_so() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let page = desk.get("/review").await;
    let next = decide(&desk, &page, &case, "accept", &[]).await;
    let next = desk.get(next.location()).await;
    let id = next.field("id");
    desk.pipeline.clock.advance(TimeDelta::seconds(20));
    desk.deliver().await;
    let undone = desk.press(&next, "/review/undo", &[("id", &id)]).await;
    assert!(undone.status == StatusCode::CONFLICT && undone.has("has left already"), "{}", undone.body);
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Routed);
    assert!(desk.outgoing(&case).await.iter().all(|o| o.status == "sent"));
    assert!(!desk.get("/review").await.has("action=\"/review/undo\""), "and it is not offered");
    let unknown = desk.press(&next, "/review/undo", &[("id", "x")]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

/// Presses a button of the case's own page.
async fn on_its_page(desk: &Desk, case: &Case, what: &str, fields: &[(&str, &str)]) -> Answer {
    let path = format!("/cases/{}", case.reference);
    desk.press(&desk.get(&path).await, &format!("{path}/{what}"), fields).await
}

#[tokio::test]
async fn what_is_decided_on_the_page_of_a_case_waits_and_is_taken_back_there() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let path = format!("/cases/{}", case.reference);
    let waits = async |done: &Answer, what: &str| {
        desk.deliver().await;
        let outgoing = desk.outgoing(&case).await;
        assert!(outgoing.iter().any(|o| o.status == "queued"), "{what}: {outgoing:?}");
        let page = desk.get(done.location()).await;
        assert!(page.has("Your last decision") && page.has("It leaves in"), "{what}: {}", page.body);
        let csp = page.headers["content-security-policy"].to_str().unwrap();
        assert!(page.has("/assets/last.js") && csp.contains("script-src 'self'"), "{csp}");
        let sent = outgoing.iter().filter(|o| o.status == "sent").count();
        let undone =
            desk.press(&page, "/review/undo", &[("id", &page.field("id")), ("from", &page.field("from"))]).await;
        assert_eq!(undone.location(), format!("{path}?done=taken-back"), "{what}: {}", undone.body);
        desk.pipeline.clock.advance(TimeDelta::seconds(21));
        desk.deliver().await;
        assert_eq!(
            desk.outgoing(&case).await.iter().filter(|o| o.status == "sent").count(),
            sent,
            "{what}: nothing left"
        );
        let page = desk.get(undone.location()).await;
        assert!(page.has("Taken back.") && !page.has("Your last decision"), "{what}: {}", page.body);
    };
    waits(&on_its_page(&desk, &case, "accept", &[]).await, "accept").await;
    assert_eq!(desk.case(&case.reference).await, case, "it stands as before");
    on_its_page(&desk, &case, "accept", &[]).await;
    desk.pipeline.clock.advance(TimeDelta::seconds(21));
    desk.deliver().await;
    let routed = desk.case(&case.reference).await;
    assert_eq!(routed.state, CaseState::Routed);
    assert!(!desk.get(&path).await.has("Your last decision"), "what has left is not offered");
    waits(&on_its_page(&desk, &case, "close", &[("done", "yes"), ("words", "Mended.")]).await, "close").await;
    assert_eq!(desk.case(&case.reference).await, routed);
    waits(&on_its_page(&desk, &case, "chase", &[]).await, "chase").await;
    let later = [("day", "2026-09-02"), ("why", "Parts are missing.")];
    waits(&on_its_page(&desk, &case, "date", &later).await, "date").await;
    assert_eq!(desk.case(&case.reference).await.due_on, routed.due_on);
    let again = on_its_page(&desk, &case, "chase", &[]).await;
    assert_eq!(
        again.location(),
        format!("{path}?done=chased"),
        "asked once more, since nobody was asked: {}",
        again.body
    );
}

#[tokio::test]
async fn nobody_takes_back_what_was_decided_on_a_case_out_of_their_reach() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let page = desk.get("/review").await;
    let decided = decide(&desk, &page, &case, "accept", &[]).await;
    let id = desk.get(decided.location()).await.field("id");
    let other = Person::new(&desk, "Other", &[(Role::Gatekeeper, Some("nobody-here"))]).await;
    let tried = other.asks(&desk, Method::POST, "/review/undo", &[("id", &id)]).await;
    assert_eq!(tried.status, StatusCode::NOT_FOUND, "{}", tried.body);
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Routed);
}

#[tokio::test]
async fn two_gatekeepers_never_get_the_same_message() {
    let desk = Desk::open().await;
    let first = lamp(&desk).await;
    let second = desk.mail("Bo <bo@fenmail.example>", "Tree", "A lime tree in Beacon Lane has lost a limb.").await;
    let jo = Person::new(&desk, "jo", &[(Role::Gatekeeper, None)]).await;
    let (one, other) = (desk.get("/review").await, jo.gets(&desk, "/review").await);
    let (mine, theirs) = if shows(&one, &first) { (&first, &second) } else { (&second, &first) };
    assert!(shows(&one, mine) && shows(&other, theirs), "{}", other.body);
    assert!(shows(&desk.get("/review").await, mine), "looked at again it stays");
    // By its address it can be seen who has it, and taken over.
    let taken = jo.gets(&desk, &format!("/review/{}", mine.reference)).await;
    assert!(taken.has("Administrator has this message") && taken.has("Take it over"), "{}", taken.body);
    assert!(!taken.has("<blockquote") && !taken.has("class=\"words\""), "{}", taken.body);
    let seen = format!("{}/{}/{}", mine.service, mine.department, mine.priority);
    let refused = jo.asks(&desk, Method::POST, &format!("/review/{}/accept", mine.reference), &[("seen", &seen)]).await;
    assert!(
        refused.status == StatusCode::CONFLICT && refused.has("Administrator has this message"),
        "{}",
        refused.body
    );
    assert_eq!(desk.case(&mine.reference).await.state, CaseState::Review);
    let over = jo.asks(&desk, Method::POST, &format!("/review/{}/take", mine.reference), &[]).await;
    assert!(shows(&jo.gets(&desk, over.location()).await, mine));
    assert!(desk.trail(&format!("case:{}", mine.id)).await.contains(&"jo take over".to_owned()));
    let lost = decide(&desk, &one, mine, "accept", &[]).await;
    assert!(lost.status == StatusCode::CONFLICT && lost.has("jo has this message"), "{}", lost.body);
    let none = desk.get("/review").await;
    assert!(none.has("2 of those that wait are before other people"), "{}", none.body);
    // A claim runs out, and is given back by skipping.
    jo.asks(&desk, Method::POST, &format!("/review/{}/skip", theirs.reference), &[]).await;
    assert!(shows(&desk.get("/review").await, theirs));
    desk.pipeline.clock.advance(TimeDelta::minutes(6));
    assert!(shows(&desk.get(&format!("/review/{}", mine.reference)).await, mine));
}

#[tokio::test]
async fn what_is_skipped_comes_up_again_later_or_when_it_is_asked_for() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let page = desk.get("/review").await;
    decide(&desk, &page, &case, "skip", &[]).await;
    let none = desk.get("/review?done=skipped").await;
    assert!(none.has("1 was skipped by you") && none.has("Skipped. It comes up again"), "{}", none.body);
    desk.press(&none, "/review/again", &[]).await;
    assert!(shows(&desk.get("/review").await, &case));
    decide(&desk, &page, &case, "skip", &[]).await;
    desk.pipeline.clock.advance(TimeDelta::minutes(31));
    assert!(shows(&desk.get("/review").await, &case));
}

#[tokio::test]
async fn everything_works_without_a_script() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let here = format!("/review/{}", case.reference);
    // A change keeps the message before them, and can be taken back too.
    let page = desk.get("/review").await;
    let changed = decide(&desk, &page, &case, "change", &[("priority", "urgent")]).await;
    assert!(changed.location().starts_with(&format!("{here}?did=")), "{}", changed.body);
    let page = desk.get(changed.location()).await;
    assert!(page.has("Changed:") && page.has("Nothing is sent") && page.has("chosen by a person"), "{}", page.body);
    assert_eq!(desk.case(&case.reference).await.priority, Priority::Urgent);
    desk.press(&page, "/review/undo", &[("id", &page.field("id"))]).await;
    assert_eq!(desk.case(&case.reference).await, case);
    let page = desk.get("/review").await;
    let same = decide(&desk, &page, &case, "change", &[("priority", case.priority.as_str())]).await;
    assert!(same.location().ends_with("done=unchanged"));
    // With the service chosen and sent in one.
    let sent = [("service", "potholes_and_road_surface"), ("then", "accept")];
    let next = decide(&desk, &page, &case, "change", &sent).await;
    assert_eq!(desk.case(&case.reference).await.service, "potholes_and_road_surface");
    let page = desk.get(next.location()).await;
    desk.press(&page, "/review/undo", &[("id", &page.field("id"))]).await;
    assert_eq!(desk.case(&case.reference).await, case);
    // Held, asked, for the councillor only: each with its own form, each taken back.
    for (what, fields, state, says) in [
        ("hold", ("why", "the manager decides"), CaseState::Held, "Put on hold:"),
        ("ask", ("words", "Which lamp is it?"), CaseState::Review, "The resident is asked:"),
        ("private", ("", ""), CaseState::Routed, "Given to the councillor only:"),
        ("spam", ("", ""), CaseState::Closed, "Closed as spam:"),
    ] {
        let page = desk.get(&here).await;
        assert!(page.has(&format!("action=\"{here}/{what}\"")), "{what}: {}", page.body);
        let next = decide(&desk, &page, &case, what, &[fields]).await;
        assert!(next.location().starts_with("/review?did="), "{what}: {}", next.body);
        assert_eq!(desk.case(&case.reference).await.state, state, "{what}");
        let page = desk.get(next.location()).await;
        assert!(page.has("Nothing waits for you") && page.has(says), "{what}: {}", page.body);
        let undone = desk.press(&page, "/review/undo", &[("id", &page.field("id"))]).await;
        assert_eq!(undone.status, StatusCode::SEE_OTHER, "{what}: {}", undone.body);
        assert_eq!(desk.case(&case.reference).await, case, "{what}");
        assert!(desk.outgoing(&case).await.iter().all(|o| o.status == "cancelled"), "{what}");
    }
}

#[tokio::test]
async fn a_similar_case_is_joined_by_its_number_and_the_join_is_taken_back() {
    let desk = Desk::open().await;
    let marks = "large pothole outside the post office very deep in Tanner's Row ZM1 4QT";
    let first = desk.mail("Eve <eve@fenmail.example>", "Pothole", &format!("There is a {marks}")).await;
    let second = desk.mail("Ann <ann@fenmail.example>", "Pothole", &format!("I saw a {marks}")).await;
    let page = desk.get(&format!("/review/{}", second.reference)).await;
    assert!(page.has("Perhaps the same problem") && page.has("There is a large"), "{}", page.body);
    let trail = desk.trail(&format!("case:{}", first.id)).await;
    assert!(trail.contains(&"administrator read extract".to_owned()), "{trail:?}");
    let link = page.field("link");
    let next = decide(&desk, &page, &second, "join", &[("link", &link)]).await;
    assert_eq!(desk.case(&second.reference).await.state, CaseState::Joined);
    let page = desk.get(next.location()).await;
    assert!(shows(&page, &first) && page.has("Joined:"), "{}", page.body);
    desk.press(&page, "/review/undo", &[("id", &page.field("id"))]).await;
    assert_eq!(desk.case(&second.reference).await, second);
    let back = desk.get(&format!("/review/{}", second.reference)).await;
    assert!(back.has("Perhaps the same problem"), "and it is suggested again");
    // A slip of the hand teaches nothing of the two.
    let mut tx = desk.db().read().await.unwrap();
    assert!(store::pair::decided(&mut tx, "beadle", 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn spam_tells_nobody_and_teaches_nothing() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let page = desk.get("/review").await;
    decide(&desk, &page, &case, "change", &[("service", "potholes_and_road_surface")]).await;
    let page = desk.get(&format!("/review/{}", case.reference)).await;
    decide(&desk, &page, &case, "spam", &[]).await;
    assert!(desk.outgoing(&case).await.iter().all(|o| o.status == "cancelled"));
    let mut tx = desk.db().read().await.unwrap();
    assert!(store::case::is_spam(&mut tx, &case.id).await.unwrap());
    assert!(store::correction::newest(&mut tx, "beadle", 10).await.unwrap().is_empty());
    drop(tx);
    assert!(desk.get(&format!("/cases/{}", case.reference)).await.has("Closed as spam"));
    // The same report again is a case of its own, and no second one of the spam.
    let again = desk.mail("Cy <cy@fenmail.example>", "Street light out", LAMP).await;
    assert!(!desk.get(&format!("/cases/{}", again.reference)).await.has("Reported again"));
}

#[tokio::test]
async fn what_is_on_hold_is_decided_with_a_confirmation_only() {
    let desk = Desk::open().await;
    let case = desk.mail("Dan <dan@fenmail.example>", "My neighbour", WORRY).await;
    assert_eq!(case.state, CaseState::Held);
    let page = desk.get("/review").await;
    assert!(shows(&page, &case) && page.has("On hold.") && page.has("Safeguarding"), "{}", page.body);
    for what in ["accept", "spam", "private"] {
        let refused = decide(&desk, &page, &case, what, &[]).await;
        assert!(refused.status == StatusCode::BAD_REQUEST && refused.has("on hold"), "{what}: {}", refused.body);
        assert_eq!(desk.case(&case.reference).await, case, "{what}");
    }
    let asked = decide(&desk, &page, &case, "ask", &[("words", "Where?")]).await;
    assert!(asked.status == StatusCode::CONFLICT && asked.has("somebody may be in danger"), "{}", asked.body);
    let held = decide(&desk, &page, &case, "hold", &[("why", "x")]).await;
    assert!(held.status == StatusCode::CONFLICT && held.has("on hold already"));
    let accepted = decide(&desk, &page, &case, "accept", &[("confirmed", "yes")]).await;
    assert_eq!(accepted.status, StatusCode::SEE_OTHER, "{}", accepted.body);
}

#[tokio::test]
async fn a_page_that_has_grown_old_is_refused_and_so_is_what_was_decided() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let (page, old) = (desk.get("/review").await, desk.get("/review").await);
    decide(&desk, &page, &case, "change", &[("priority", "urgent")]).await;
    for what in ["accept", "spam", "private", "hold", "ask"] {
        let refused = decide(&desk, &old, &case, what, &[("why", "x"), ("words", "x")]).await;
        assert!(refused.status == StatusCode::CONFLICT && refused.has("Somebody changed this case"), "{what}");
    }
    let page = desk.get("/review").await;
    decide(&desk, &page, &case, "accept", &[]).await;
    let late = decide(&desk, &page, &case, "hold", &[("why", "x")]).await;
    assert!(late.status == StatusCode::CONFLICT && late.has("not waiting for review any more"), "{}", late.body);
    let gone = desk.get(&format!("/review/{}", case.reference)).await;
    assert_eq!(gone.location(), format!("/cases/{}", case.reference));
}

#[tokio::test]
async fn a_message_for_the_councillor_only_shows_nothing_in_the_queue() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let mut tx = desk.db().begin().await.unwrap();
    let mut private = case.clone();
    "private".clone_into(&mut private.consent);
    private.councillor = None;
    store::case::update(&mut tx, &private, desk.pipeline.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let page = desk.get("/review").await;
    assert!(page.has("Message for the councillor only") && page.has("Say whose it is"), "{}", page.body);
    for secret in ["Signal Row", "Ann Smith", "ann@fenmail.example", "street light", "Street light"] {
        assert!(!page.has(secret), "{secret}");
    }
    let (csrf, seen) = (page.field("csrf"), seen(&private));
    for what in ["accept", "change", "spam", "hold", "ask", "private"] {
        let fields = [("csrf", csrf.as_str()), ("seen", &seen), ("why", "x"), ("words", "x"), ("priority", "urgent")];
        let refused = desk.send(&format!("/review/{}/{what}", case.reference), &fields).await;
        assert!(refused.status == StatusCode::CONFLICT && refused.has("councillor only"), "{what}: {}", refused.body);
        assert_eq!(desk.case(&case.reference).await.state, CaseState::Review);
    }
}

fn seen(case: &Case) -> String {
    format!("{}/{}/{}", case.service, case.department, case.priority)
}

#[tokio::test]
async fn who_is_not_sure_chooses_a_service_and_sends_in_one() {
    let policy = beadle::routing::RoutingPolicy::default();
    let desk = Desk::of(policy).await;
    desk.sign_in(crate::desk::PASSWORD, "").await;
    desk.take_in(&letter("Bo <bo@fenmail.example>", "Light", "The light is out again, please help", "dmarc=pass"))
        .await;
    let case = desk.newest().await;
    let page = desk.get("/review").await;
    assert!(page.has("beadle is unsure") && !page.has("Accept and send"), "{}", page.body);
    let next = decide(&desk, &page, &case, "change", &[("service", "street_lighting"), ("then", "accept")]).await;
    assert!(next.location().starts_with("/review?did="), "{}", next.body);
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Routed);
}

#[tokio::test]
async fn nothing_is_decided_in_the_queue_by_a_stranger_or_without_the_sessions_word() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let page = desk.get("/review").await;
    let stranger = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    // Read out of the portal's own list, so that none is forgotten.
    let routes = include_str!("../../src/portal/places.rs").lines().filter(|line| line.contains("post(review::"));
    let addresses: Vec<String> =
        routes.map(|line| line.split('"').nth(1).unwrap().replace("{reference}", case.reference.as_str())).collect();
    assert!(addresses.len() >= 11, "{addresses:?}");
    for address in &addresses {
        let fields = [("csrf", "x"), ("seen", &seen(&case)), ("why", "x"), ("words", "x"), ("priority", "urgent")];
        assert_eq!(desk.send(address, &fields).await.status, StatusCode::FORBIDDEN, "{address}");
        let answer = desk.ask(stranger.post(format!("{}{address}", desk.base))).await;
        assert_eq!(answer.location(), "/sign-in", "{address}");
    }
    assert_eq!(desk.ask(stranger.get(format!("{}/review", desk.base))).await.location(), "/sign-in?next=%2Freview");
    assert_eq!(desk.case(&case.reference).await, case);
    assert!(shows(&page, &case));
}

/// The place of a case: its name, its ward and whether it has a point.
fn at(case: &Case) -> (Option<&str>, Option<&str>, bool) {
    let place = case.place.as_ref().map(|place| &place.0);
    (place.map(|p| p.name.as_str()), case.ward.as_deref(), place.is_some_and(|p| p.point.is_some()))
}

#[tokio::test]
async fn a_wrong_place_is_corrected_ward_and_map_follow_and_it_is_taken_back() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let before = at(&case);
    assert!(before.1.is_some_and(|ward| ward != "Abbey"), "{before:?}");
    let page = desk.get(&format!("/review/{}", case.reference)).await;
    assert!(page.has("data-group=\"w\"") && page.has("No place is known"), "{}", page.body);
    let changed = decide(&desk, &page, &case, "change", &[("place", "opposite 3 ZM1 4QT")]).await;
    assert!(changed.location().contains("?did="), "{} {}", changed.location(), changed.body);
    let now = desk.case(&case.reference).await;
    assert_eq!(at(&now), (Some("opposite 3 ZM1 4QT (ZM1 4QT)"), Some("Abbey"), true));
    assert_eq!(now.councillor, case.councillor, "the resident wrote to this councillor");
    let page = desk.get(changed.location()).await;
    assert!(page.has("chosen by a person") && page.has("ward Abbey"), "{}", page.body);
    let whole = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(whole.has("Place: opposite 3 ZM1 4QT (ZM1 4QT) (ward Abbey), was "), "{}", whole.body);
    assert!(whole.has("Chosen by a person") && !whole.has("Found in the words"), "{}", whole.body);
    let undone = desk.press(&page, "/review/undo", &[("id", &page.field("id"))]).await;
    assert_eq!(undone.status, StatusCode::SEE_OTHER, "{}", undone.body);
    assert_eq!(at(&desk.case(&case.reference).await), before);

    // What no list has stands as it was written, and is said so.
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    let path = format!("/cases/{}/change", case.reference);
    let words = [
        ("place", "behind the old bandstand"),
        ("service", ""),
        ("department", ""),
        ("priority", ""),
        ("then", "save"),
    ];
    let answer = desk.press(&page, &path, &words).await;
    assert!(answer.location().ends_with("done=changed-in-words"), "{} {}", answer.location(), answer.body);
    assert!(desk.get(answer.location()).await.has("so it has no point on the map"));
    assert_eq!(at(&desk.case(&case.reference).await), (Some("behind the old bandstand"), None, false));
    let page = desk.get(&format!("/review/{}", case.reference)).await;
    decide(&desk, &page, &case, "change", &[("place", "#none")]).await;
    assert_eq!(at(&desk.case(&case.reference).await), (None, None, false));
    let page = desk.get(&format!("/review/{}", case.reference)).await;
    let stale = decide(&desk, &page, &case, "change", &[("place", "#2")]).await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "there is no such other place any more");
}

#[tokio::test]
async fn a_department_that_was_sent_elsewhere_is_told_where_it_is() {
    let desk = Desk::open().await;
    let case = lamp(&desk).await;
    let page = desk.get("/review").await;
    decide(&desk, &page, &case, "accept", &[]).await;
    let change = [("place", "ZM1 4QT"), ("service", ""), ("department", ""), ("priority", ""), ("then", "save")];
    let path = format!("/cases/{}", case.reference);
    // While its mail waits, the mail says the right place.
    let page = desk.get(&path).await;
    let other = [("place", "ZM1 4QU"), change[1], change[2], change[3], change[4]];
    assert!(desk.press(&page, &format!("{path}/change"), &other).await.status.is_redirection());
    let to_department = async |purpose: &str| {
        let sent = desk.outgoing(&case).await;
        sent.into_iter()
            .filter(|o| o.purpose == purpose && o.status != "cancelled")
            .map(|o| o.mail.0.body)
            .collect::<Vec<_>>()
    };
    let referral = to_department("referral").await;
    assert!(
        referral.len() == 1 && referral[0].contains("ZM1 4QU") && to_department("desk").await.is_empty(),
        "{referral:?}"
    );
    desk.deliver_later().await;
    let page = desk.get(&path).await;
    assert!(desk.press(&page, &format!("{path}/change"), &change).await.status.is_redirection());
    let told = to_department("desk").await;
    assert!(told.len() == 1 && told[0].contains("The place was corrected. It is: ZM1 4QT"), "{told:?}");
}

/// Eight people ask for the next message at the same moment, and each gets another one.
async fn nobody_trips_over_anybody(desk: Desk) {
    for n in 0..8 {
        let (from, words) =
            (format!("R{n} <r{n}@fenmail.example>"), format!("The street light {n} in Signal Row is out."));
        desk.mail(&from, &format!("Light {n}"), &words).await;
    }
    let mut people = Vec::new();
    for n in 0..8 {
        people.push(Person::new(&desk, &format!("keeper{n}"), &[(Role::Gatekeeper, None)]).await);
    }
    let pages = futures_util::future::join_all(people.iter().map(|person| person.gets(&desk, "/review"))).await;
    let got: std::collections::BTreeSet<String> = pages
        .iter()
        .map(|page| {
            let after = page.body.split("data-reference=\"").nth(1).unwrap_or_else(|| panic!("{}", page.body));
            after.split('"').next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(got.len(), 8, "{got:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_gatekeepers_at_the_same_moment_get_eight_messages() {
    nobody_trips_over_anybody(Desk::open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_gatekeepers_at_the_same_moment_get_eight_messages_on_postgresql_too() {
    let policy = RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() };
    let desk = Desk::on(&postgres("claims").await, tempfile::tempdir().unwrap(), policy).await;
    nobody_trips_over_anybody(desk).await;
}
