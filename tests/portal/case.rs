//! One case: what is asked of a person, and what they decide.

use crate::desk::{Desk, PASSWORD, letter};
use beadle::core::{CaseState, Party, RawMessage};
use beadle::intake::accept::{Batch, accept};
use beadle::routing::RoutingPolicy;
use chrono::TimeDelta;
use reqwest::StatusCode;

#[tokio::test]
async fn accepting_sends_the_case_and_cannot_be_done_twice() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(page.has("Accept and send to") && page.has("deep pothole") && page.has("mail provider (DMARC)"));
    let answer = desk.press(&page, &format!("{path}/accept"), &[]).await;
    assert_eq!(answer.location(), format!("{path}?done=accepted"));
    let sent = desk.outgoing(&case).await;
    assert_eq!(sent.iter().map(|o| o.party).collect::<Vec<_>>(), [Party::Department, Party::Resident]);

    let again = desk.press(&page, &format!("{path}/accept"), &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.has("This case is not waiting for review any more.") && again.has(&format!("href=\"{path}\"")));
    assert_eq!(desk.outgoing(&case).await.len(), 2);

    let page = desk.get(&format!("{path}?done=accepted")).await;
    assert!(page.has("Accepted. The case is on its way to the department.") && !page.has("Accept and send to"));
    assert!(page.has("Accepted") && page.has("Administrator") && page.has("Case sent to the department"));
    assert!(!desk.get(&format!("{path}?done=<b>free</b>")).await.has("free"), "no free text in a confirmation");
}

#[tokio::test]
async fn the_case_shows_when_the_councillor_was_told() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(
        page.has("Cllr Grace Adeyemi") && page.has("Not told yet. The resident wrote to them directly"),
        "{}",
        page.body
    );
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    assert!(desk.get(&path).await.has("Not told yet: the message is on its way"));
    desk.pipeline.clock.advance(TimeDelta::minutes(30));
    desk.deliver().await;
    assert!(desk.get(&path).await.has("Told Friday 13 March 2026, 14:36"));
}

#[tokio::test]
async fn a_case_that_was_changed_meanwhile_is_neither_accepted_nor_changed_unseen() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let old = desk.get(&path).await;
    let fields = [("service", case.service.as_str()), ("department", ""), ("priority", "high")];
    assert!(desk.press(&old, &format!("{path}/change"), &fields).await.location().ends_with("done=changed"));
    for (action, fields) in [("accept", &[][..]), ("change", &fields[..])] {
        let answer = desk.press(&old, &format!("{path}/{action}"), fields).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{action}");
        assert!(answer.has("Somebody changed this case after you opened it"));
    }
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Review);
}

#[tokio::test]
async fn a_held_case_goes_nowhere_before_somebody_says_that_they_read_it() {
    let desk = Desk::open().await;
    let case = desk
        .mail(
            "Kim <kim@fenmail.example>",
            "help",
            "My husband hits me and the children, I am afraid to go home tonight.",
        )
        .await;
    assert_eq!(case.state, CaseState::Held, "{:?}", case.hold_reason);
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(page.has("On hold.") && page.has("A person has to decide") && page.has("Urgent"));
    let answer = desk.press(&page, &format!("{path}/accept"), &[]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let fields = [("service", case.service.as_str()), ("department", ""), ("priority", ""), ("then", "accept")];
    assert_eq!(desk.press(&page, &format!("{path}/change"), &fields).await.status, StatusCode::BAD_REQUEST);
    assert!(desk.outgoing(&case).await.is_empty());
    let answer = desk.press(&page, &format!("{path}/accept"), &[("confirmed", "yes")]).await;
    assert!(answer.location().ends_with("done=accepted"), "{}", answer.body);
}

#[tokio::test]
async fn where_beadle_is_unsure_a_person_chooses_the_service_first() {
    let desk = Desk::of(RoutingPolicy::default()).await;
    desk.sign_in(PASSWORD, "").await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(page.has("beadle is unsure") && page.has("Choose a service") && !page.has("Accept and send to"));
    let answer = desk.press(&page, &format!("{path}/change"), &[("service", ""), ("then", "accept")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.has("Choose a service first"));
    let answer =
        desk.press(&page, &format!("{path}/change"), &[("service", case.service.as_str()), ("then", "accept")]).await;
    assert!(answer.location().ends_with("done=changed-accepted"), "{}", answer.body);
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Routed);
}

#[tokio::test]
async fn a_changed_service_brings_its_department_and_both_are_on_the_trail() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    let nothing = [("service", case.service.as_str()), ("department", ""), ("priority", case.priority.as_str())];
    assert!(desk.press(&page, &format!("{path}/change"), &nothing).await.location().ends_with("done=unchanged"));
    let fields = [("service", "street_lighting"), ("department", ""), ("priority", "high"), ("then", "save")];
    assert!(desk.press(&page, &format!("{path}/change"), &fields).await.location().ends_with("done=changed"));
    let rules = desk.pipeline.understanding.rules();
    let changed = desk.case(&case.reference).await;
    assert_eq!(changed.department, rules.taxonomy.services["street_lighting"].department);
    let page = desk.get(&path).await;
    let line = format!(
        "Service: {}, was {}",
        rules.taxonomy.service_name("street_lighting"),
        rules.taxonomy.service_name(&case.service)
    );
    assert!(page.has(&line) && page.has("Priority: High, was"), "{line}");
    let fields = [("service", "street_lighting"), ("department", "nowhere"), ("priority", "high")];
    assert_eq!(desk.press(&page, &format!("{path}/change"), &fields).await.status, StatusCode::NOT_FOUND);
    let fields = [("service", "street_lighting"), ("department", "planning"), ("priority", "low"), ("then", "accept")];
    assert!(desk.press(&page, &format!("{path}/change"), &fields).await.location().ends_with("done=changed-accepted"));
    let sent = desk.case(&case.reference).await;
    assert_eq!((sent.state, sent.department.as_str()), (CaseState::Routed, "planning"));
    // And on to another department.
    let page = desk.get(&path).await;
    let fields = [("service", "street_lighting"), ("department", changed.department.as_str()), ("priority", "low")];
    assert!(desk.press(&page, &format!("{path}/change"), &fields).await.location().ends_with("done=moved"));
    let outgoing = desk.outgoing(&case).await;
    assert_eq!(
        outgoing.iter().filter(|o| o.purpose == "referral").map(|o| o.status.as_str()).collect::<Vec<_>>(),
        ["cancelled", "queued"]
    );
}

#[tokio::test]
async fn a_residents_later_words_are_seen_and_sent_on() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    desk.pipeline.clock.advance(TimeDelta::hours(1));
    let subject = format!("Re: case {}", case.reference);
    desk.take_in(&letter(
        "Derek Hollis <derek@fenmail.example>",
        &subject,
        "It has grown since, and a cyclist fell.",
        "dmarc=pass",
    ))
    .await;
    let page = desk.get(&path).await;
    assert!(page.has("New words from the resident") && page.has("a cyclist fell"));
    assert!(desk.get("/").await.has("New words from the resident"));
    assert_eq!(page.body.matches("/send-on\"").count(), 1, "the first words were sent with the case");
    assert!(desk.press(&page, &page.address("/send-on"), &[]).await.location().ends_with("done=sent-on"));
    let after = desk.get(&path).await;
    assert!(
        after.has("Sent on to the department.")
            && !after.has("/send-on\"")
            && !after.has("New words from the resident</p>")
    );
    desk.take_in(&letter("Derek Hollis <derek@fenmail.example>", &subject, "Thank you.", "dmarc=pass")).await;
    let page = desk.get(&path).await;
    assert!(desk.press(&page, &format!("{path}/seen"), &[]).await.location().ends_with("done=seen"));
    assert_eq!(desk.case(&case.reference).await.attention, None);
    assert!(desk.get(&path).await.has(">Seen</h3>"));
}

#[tokio::test]
async fn words_in_another_language_say_so_to_a_screen_reader() {
    let desk = Desk::open().await;
    let body = "Dzień dobry, na naszej ulicy od dwóch tygodni nie świeci latarnia i jest bardzo ciemno. Proszę o naprawę. Dziękuję.";
    let case = desk.mail("Jan <jan@fenmail.example>", "Latarnia nie swieci", body).await;
    assert_eq!(case.language, "pl");
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(page.has("<div class=\"words\" lang=\"pl\" dir=\"auto\">Dzień dobry") && page.has("Written in Polish"));
    assert!(page.has("<html lang=\"en-GB\""));
    assert!(desk.get("/").await.has("lang=\"pl\" dir=\"auto\">Latarnia"));
}

#[tokio::test]
async fn an_address_from_the_web_form_stands_on_the_case_as_not_confirmed() {
    let desk = Desk::open().await;
    let form = beadle::intake::form::Form {
        language: "en".to_owned(),
        consent: "councillor".to_owned(),
        problem: "There is a deep pothole in Tanner's Row by the dry cleaners, ZM1 4QT.".to_owned(),
        name: Some("Ann Smith".to_owned()),
        email: Some("ann@fenmail.example".to_owned()),
        phone: Some("+447700900123".to_owned()),
        ..Default::default()
    };
    let raw = RawMessage {
        channel: beadle::core::Channel::Web,
        account: "form".to_owned(),
        external_id: "1".to_owned(),
        bytes: form.to_bytes(),
        arrived_at: None,
    };
    let batch = Batch { messages: vec![raw], ..Batch::default() };
    accept(desk.db(), &desk.pipeline.clock, &desk.pipeline.ids, "form", &batch).await.unwrap();
    desk.pipeline.step(10).await.unwrap();
    let case = desk.newest().await;
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(page.has("Web form") && page.has("ann@fenmail.example (not confirmed)"), "{}", page.body);
    assert!(
        page.has("have not confirmed it yet") && page.has("the department does not learn who asks"),
        "{}",
        page.body
    );
    assert!(page.has("What else they gave") && page.has("+447700900123"), "{}", page.body);
}
