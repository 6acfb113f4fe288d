//! What a resident allows, as a gatekeeper writes it down.

use crate::desk::Desk;
use beadle::core::Party;
use reqwest::StatusCode;

#[tokio::test]
async fn what_a_gatekeeper_writes_down_holds_for_what_the_department_gets() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(page.has("value=\"share\" checked"), "as the council has it for mail");
    let answer = desk.press(&page, &format!("{path}/consent"), &[("consent", "neither")]).await;
    assert_eq!(answer.location(), format!("{path}?done=consent"), "{}", answer.body);
    let page = desk.get(answer.location()).await;
    for said in [
        "Written down what the resident allows.",
        "value=\"neither\" checked",
        ">What they allow</h3>",
        "Said by a gatekeeper",
        "Not told: the resident did not agree to it",
    ] {
        assert!(page.has(said), "{said} is not in\n{}", page.body);
    }
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    let to_department = async || {
        let outgoing = desk.outgoing(&case).await;
        let mails = outgoing.into_iter().filter(|o| o.party == Party::Department);
        mails.map(|o| (o.mail.0.body, o.mail.0.cc.len())).collect::<Vec<_>>()
    };
    let referred = to_department().await;
    assert_eq!(referred.len(), 1);
    assert!(!referred[0].0.contains("derek@fenmail.example") && !referred[0].0.contains("Hollis"), "{}", referred[0].0);
    assert_eq!(referred[0].1, 0, "no councillor in copy");

    let page = desk.get(&path).await;
    desk.press(&page, &format!("{path}/consent"), &[("consent", "share")]).await;
    let told = to_department().await;
    assert_eq!(told.len(), 2, "who allows it later is made known by a mail of its own");
    assert!(told[1].0.contains("Derek Hollis <derek@fenmail.example>"), "{}", told[1].0);
    let trail = desk.trail(&format!("case:{}", case.id)).await;
    assert_eq!(trail.iter().filter(|t| *t == "administrator consent").count(), 2, "{trail:?}");
}

#[tokio::test]
async fn what_cannot_be_allowed_is_refused() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    for consent in ["", "ask", "everything"] {
        let answer = desk.press(&page, &format!("{path}/consent"), &[("consent", consent)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{consent}");
        assert!(answer.has("Choose what the resident allows."), "{}", answer.body);
    }
    assert_eq!(desk.case(&case.reference).await.consent, "share");
    assert!(!desk.get(&path).await.has(">What they allow</h3>"));
}

#[tokio::test]
async fn writing_down_what_holds_already_changes_nothing_and_tells_nobody() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    desk.press(&desk.get(&path).await, &format!("{path}/accept"), &[]).await;
    let before = desk.outgoing(&case).await.len();
    let page = desk.get(&path).await;
    let answer = desk.press(&page, &format!("{path}/consent"), &[("consent", "share")]).await;
    assert_eq!(answer.location(), format!("{path}?done=unchanged"), "{}", answer.body);
    assert_eq!(desk.outgoing(&case).await.len(), before, "the department has known them from the start");
    assert!(!desk.get(&path).await.has(">What they allow</h3>"));
}
