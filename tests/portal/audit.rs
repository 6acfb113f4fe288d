//! What a person read is written down.

use crate::desk::{Desk, letter_with_files};
use beadle::store;

#[tokio::test]
async fn every_reading_of_personal_data_by_a_person_is_on_the_audit_trail() {
    let desk = Desk::open().await;
    let files = [("hole.png", "image/png", "x")];
    let words = "large pothole outside the post office very deep in Tanner's Row ZM1 4QT";
    let other = desk.mail("Eve <eve@fenmail.example>", "Pothole", &format!("There is a {words}")).await;
    desk.take_in(&letter_with_files("Ann <ann@fenmail.example>", "Pothole", &format!("I saw a {words}"), &files)).await;
    let case = desk.newest().await;
    desk.take_in(b"").await;
    let object = format!("case:{}", case.id);
    assert!(desk.trail(&object).await.is_empty(), "taking in is no reading by a person");

    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    assert_eq!(desk.trail(&object).await, ["administrator read case"]);
    assert_eq!(
        desk.trail(&format!("case:{}", other.id)).await,
        ["administrator read extract"],
        "its words stood beside"
    );
    desk.get(&page.address("/attachments/0")).await;
    assert_eq!(desk.trail(&object).await, ["administrator read case", "administrator read attachment"]);
    let raw = page.address("/raw");
    let message = raw.strip_prefix("/messages/").and_then(|r| r.strip_suffix("/raw")).unwrap();
    desk.get(&raw).await;
    assert_eq!(desk.trail(&format!("message:{message}")).await, ["administrator read original"]);
    let quarantine = desk.get("/quarantine").await;
    let original = quarantine.address("/raw");
    desk.get(&original).await;
    let inbox = original.strip_prefix("/deliveries/").and_then(|r| r.strip_suffix("/raw")).unwrap();
    assert_eq!(desk.trail(&format!("inbox:{inbox}")).await, ["administrator read original"]);
    for (page, object) in
        [("/", "cases"), ("/outbox", "outbox"), ("/set-aside", "set aside"), ("/quarantine", "quarantine")]
    {
        let before = desk.trail(object).await.len();
        desk.get(page).await;
        let after = desk.trail(object).await;
        assert_eq!(after.len(), before + 1, "{page}");
        assert_eq!(after.last().unwrap(), "administrator read list");
    }
    let mut tx = desk.db().read().await.unwrap();
    let entries = store::audit::of(&mut tx, "cases").await.unwrap();
    let told = entries.last().unwrap().detail.0.to_string();
    assert!(
        told.contains(case.reference.as_str()) && !told.contains("pothole"),
        "which cases stood there, not what they say: {told}"
    );
    drop(tx);
    // What is refused is no reading.
    let before = desk.trail(&object).await.len();
    desk.get(&format!("/cases/{}/messages/{message}/attachments/7", case.reference)).await;
    let page = desk.get("/").await;
    desk.press(&page, "/sign-out", &[]).await;
    desk.get(&format!("/cases/{}", case.reference)).await;
    let after = desk.trail(&object).await;
    assert_eq!(&after[before..], ["somebody unknown refused"], "that one tried is no reading, and stands there");
}
