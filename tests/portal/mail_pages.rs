//! Mail that needs a look: held, in quarantine.

use crate::desk::{Desk, Person, letter};
use beadle::core::Role;
use beadle::store;
use reqwest::{Method, StatusCode};

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

#[tokio::test]
async fn whoever_administers_sees_what_waits_and_why_and_not_whom_it_concerns() {
    let desk = Desk::open().await;
    let ada = Person::new(&desk, "ada", &[(Role::Administrator, None)]).await;
    for (path, none) in [("/admin/quarantine", "There are none."), ("/admin/outbox", "There are none:")] {
        assert!(ada.gets(&desk, path).await.has(none), "{path}");
    }
    desk.take_in(b"\r\n").await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    // The relay went away while it was asked whether it has the mail.
    let mut tx = desk.db().begin().await.unwrap();
    let why = "the relay closed the connection after the mail to <derek@fenmail.example> was given to it";
    let uncertain = "UPDATE outbox SET status = 'uncertain', reason = $1 WHERE case_id = $2 AND party = 'resident'";
    assert_eq!(tx.exec(uncertain, store::args![why, &case.id]).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let theirs = desk.get("/outbox").await;
    assert!(theirs.has("derek@fenmail.example") && theirs.has("Not known whether it arrived"), "{}", theirs.body);

    let outbox = ada.gets(&desk, "/admin/outbox").await;
    assert!(outbox.has(case.reference.as_str()) && outbox.has("Not known whether it arrived"), "{}", outbox.body);
    assert!(
        outbox.has("The relay closed the connection after the mail to &#60;…&#62; was given to it"),
        "{}",
        outbox.body
    );
    assert!(!outbox.has("fenmail") && !outbox.has(&format!("href=\"{path}\"")));
    let quarantine = ada.gets(&desk, "/admin/quarantine").await;
    assert!(quarantine.has("The message is empty") && !quarantine.has("/raw"), "{}", quarantine.body);
    let again = quarantine.address("/replay");
    let answer = ada.asks(&desk, Method::POST, &again, &[]).await;
    assert_eq!(answer.location(), "/admin/quarantine?done=replayed");
    assert_eq!(ada.gets(&desk, "/quarantine").await.status, StatusCode::FORBIDDEN);
}
