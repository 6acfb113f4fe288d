//! Mail that needs a look: held, in quarantine.

use crate::desk::{Desk, letter};
use reqwest::StatusCode;

#[tokio::test]
async fn an_acknowledgement_to_an_unverified_sender_waits_until_a_person_lets_it_go() {
    let desk = Desk::open().await;
    desk.take_in(&letter(
        "Eve <eve@fenmail.example>",
        "Pothole",
        "A deep pothole in Tanner's Row, ZM1 4QT",
        "dmarc=fail",
    ))
    .await;
    let case = desk.newest().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(page.has("Not verified:"));
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    let page = desk.get(&path).await;
    assert!(page.has("This really is from them: send it"));
    let list = desk.get("/outbox").await;
    assert!(list.has(case.reference.as_str()) && list.has("Held") && list.has("not verified"), "{}", list.body);
    let release = page.address("/release");
    let other = desk.pothole().await;
    let elsewhere = release.replace(case.reference.as_str(), other.reference.as_str());
    assert_eq!(desk.press(&page, &elsewhere, &[]).await.status, StatusCode::NOT_FOUND, "on its own case only");
    assert!(desk.press(&page, &release, &[]).await.location().ends_with("done=released"));
    assert_eq!(desk.press(&page, &release, &[]).await.status, StatusCode::CONFLICT);
    let outgoing = desk.outgoing(&case).await;
    assert!(
        outgoing.iter().all(|o| o.status == "queued"),
        "{:?}",
        outgoing.iter().map(|o| &o.status).collect::<Vec<_>>()
    );
    assert!(desk.get("/outbox").await.has("There are none"));
}

#[tokio::test]
async fn a_message_in_quarantine_can_be_saved_and_tried_again() {
    let desk = Desk::open().await;
    assert!(desk.get("/quarantine").await.has("There are none."));
    desk.take_in(b"\r\n").await;
    let page = desk.get("/quarantine").await;
    assert!(page.has("adeyemi") && page.has("The message is empty"), "{}", page.body);
    let replay = page.address("/replay");
    assert_eq!(desk.press(&page, &replay, &[]).await.location(), "/quarantine?done=replayed");
    assert_eq!(desk.press(&page, &replay, &[]).await.status, StatusCode::CONFLICT);
    assert!(desk.get("/quarantine?done=replayed").await.has("will be worked on again"));
    desk.pipeline.step(10).await.unwrap();
    assert!(desk.get("/quarantine").await.has("The message is empty"));
}
