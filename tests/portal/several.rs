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
