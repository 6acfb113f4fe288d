//! A message with several requests.

use crate::desk::Desk;
use beadle::core::{CaseState, Reference};
use reqwest::StatusCode;

#[tokio::test]
async fn a_message_with_two_requests_is_split_at_the_press_of_a_button_and_put_together_again() {
    let desk = Desk::open().await;
    let body = "Dear Councillor,\r\n\r\n1. My recycling bin in Signal Row was not emptied on Tuesday.\r\n\
                2. There is a deep pothole in Tanner's Row by the dry cleaners.\r\n\r\nMany thanks <b>Ann</b>";
    let first = desk.mail("Ann <ann@fenmail.example>", "Bin and hole", body).await;
    let path = format!("/cases/{}", first.reference);
    let page = desk.get(&path).await;
    for words in [
        "This message holds several requests",
        "Stays with this case",
        "Make request 2 a case of its own",
        "There is a deep pothole in Tanner&#39;s Row",
        "if you accept it without splitting",
    ] {
        assert!(page.has(words), "{words} is missing");
    }
    assert!(!page.has("<b>Ann</b>"), "what residents write is never markup");
    for (part, status) in [("1", StatusCode::CONFLICT), ("3", StatusCode::NOT_FOUND), ("x", StatusCode::NOT_FOUND)] {
        assert_eq!(desk.press(&page, &format!("{path}/parts/{part}/split"), &[]).await.status, status, "{part}");
    }
    let split = format!("{path}/parts/2/split");
    let nonsense = desk.press(&page, &split, &[("service", "no_such")]).await;
    assert_eq!(nonsense.status, StatusCode::NOT_FOUND);
    for _ in 0..2 {
        let done = desk.press(&page, &split, &[("service", "trees")]).await;
        assert!(done.location().ends_with("done=split"), "pressed twice it is split once: {}", done.location());
    }
    let page = desk.get(&path).await;
    let second: Reference = page
        .body
        .split("Split off as <a ")
        .nth(1)
        .and_then(|rest| rest.split("href=\"/cases/").nth(1)?.split('"').next())
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(desk.case(&second).await.service, "trees", "as the person chose");
    let there = format!("/cases/{second}");
    let other = desk.get(&there).await;
    for words in ["This case is about a part of a message", first.reference.as_str(), "only these words, and no files"]
    {
        assert!(other.has(words), "{words} is missing");
    }
    assert_eq!(desk.trail(&format!("case:{}", desk.case(&second).await.id)).await[0], "administrator split_off");
    assert!(
        desk.press(&other, &format!("{there}/whole"), &[("whole", "yes")]).await.location().ends_with("done=whole")
    );
    assert!(desk.get(&there).await.has("The department gets the whole message and its files"));
    assert!(desk.press(&other, &other.address("/unsplit"), &[]).await.location().ends_with("done=unsplit"));
    assert_eq!(desk.case(&second).await.state, CaseState::Closed);
    let page = desk.get(&path).await;
    assert!(page.has("Make request 2 a case of its own") && page.has("The split was undone"));
    let dismissed = desk.press(&page, &format!("{path}/parts/2/dismiss"), &[]).await;
    assert!(dismissed.location().ends_with("done=dismissed"));
    let page = desk.get(&path).await;
    assert!(page.has("Not a request of its own") && !page.has("No, it belongs to this case"));
}

const BOTH: &str = "The street light in Signal Row, ZM6 1UT, has been out for a week.  While I write: somebody\n\
                    has dumped a mattress behind the garages in Foundry Street, ZM1 4QT. Thank you for your help.";

#[tokio::test]
async fn a_request_that_beadle_did_not_see_is_named_by_its_words_and_becomes_a_case_of_its_own() {
    let desk = Desk::open().await;
    let case = desk.mail("Ann Smith <ann@fenmail.example>", "Light", BOTH).await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(!page.has("id=\"several\"") && page.has("Another request in this message"), "{}", page.body);
    for (words, why) in [
        ("", "copy the words"),
        ("My neighbour's dog barks all night", "do not stand in"),
        (BOTH, "nothing would be left"),
    ] {
        let refused = desk.press(&page, &format!("{path}/parts"), &[("words", words)]).await;
        assert!(refused.status.is_client_error(), "{words}: {}", refused.status);
        assert!(refused.body.to_lowercase().contains(&why.to_lowercase()), "{why}: {}", refused.body);
    }
    // As a browser sends what was copied: spaced otherwise.
    let words = "While I write: somebody has dumped a mattress behind the garages in Foundry Street, ZM1 4QT.";
    let found = desk.press(&page, &format!("{path}/parts"), &[("words", words)]).await;
    assert!(found.location().ends_with("done=found#several"), "{} {}", found.location(), found.body);
    let page = desk.get(&path).await;
    assert!(page.has("Request 2: Fly-tipping") && page.has("Make request 2 a case of its own"), "{}", page.body);
    let split = desk.press(&page, &format!("{path}/parts/2/split"), &[]).await;
    assert!(split.location().ends_with("done=split"), "{} {}", split.location(), split.body);
    let second = desk.newest().await;
    assert_ne!(second.reference, case.reference);
    assert!(second.service.contains("fly_tipping"), "{}", second.service);
    assert_eq!(second.ward.as_deref(), Some("Abbey"));
    let page = desk.get(&format!("/cases/{}", second.reference)).await;
    assert!(page.has("dumped a mattress") && page.has("Split off from"), "{}", page.body);
    // Each department gets the words of its own.
    for case in [&case, &second] {
        let path = format!("/cases/{}", case.reference);
        let page = desk.get(&path).await;
        let accepted = desk.press(&page, &format!("{path}/accept"), &[]).await;
        assert!(accepted.location().contains("done=accepted"), "{}", accepted.body);
    }
    let mail = |sent: &[beadle::store::outbox::Outgoing]| {
        sent.iter().find(|o| o.purpose == "referral").map(|o| o.mail.0.body.clone()).unwrap()
    };
    let first = mail(&desk.outgoing(&case).await);
    assert!(first.contains("street light") && !first.contains("mattress"), "{first}");
    let other = mail(&desk.outgoing(&second).await);
    assert!(other.contains("mattress") && !other.contains("street light"), "{other}");
}

#[tokio::test]
async fn what_was_found_by_mistake_is_noted_as_no_request_and_words_of_a_split_are_not_split_again() {
    let desk = Desk::open().await;
    let case = desk.mail("Ann Smith <ann@fenmail.example>", "Light", BOTH).await;
    let path = format!("/cases/{}", case.reference);
    let words = "somebody has dumped a mattress behind the garages in Foundry Street, ZM1 4QT.";
    let page = desk.get(&path).await;
    desk.press(&page, &format!("{path}/parts"), &[("words", words)]).await;
    let page = desk.get(&path).await;
    assert!(desk.press(&page, &format!("{path}/parts/2/dismiss"), &[]).await.location().ends_with("done=dismissed"));
    let page = desk.get(&path).await;
    assert!(page.has("Not a request of its own"), "{}", page.body);
    let split = desk.press(&page, &format!("{path}/parts/2/split"), &[]).await;
    assert!(split.location().ends_with("done=split"), "{}", split.body);
    let page = desk.get(&path).await;
    let again = desk.press(&page, &format!("{path}/parts"), &[("words", "dumped a mattress behind the garages")]).await;
    assert_eq!(again.status, reqwest::StatusCode::CONFLICT, "it is with another case already");
}
