//! Cases joined, taken out again, or said to be different.

use crate::desk::Desk;
use beadle::core::CaseState;
use reqwest::StatusCode;

#[tokio::test]
async fn a_case_is_joined_by_its_reference_and_taken_out_again_from_either_side() {
    let desk = Desk::open().await;
    let first = desk.pothole().await;
    let second = desk
        .mail("Ann <ann@fenmail.example>", "Bins", "Our brown bin was not emptied in Larkrise Road, ZM4 1AA.")
        .await;
    let (one, two) = (format!("/cases/{}", first.reference), format!("/cases/{}", second.reference));
    for (to, status) in [
        ("", StatusCode::BAD_REQUEST),
        ("AAA-AAAA", StatusCode::BAD_REQUEST),
        (second.reference.as_str(), StatusCode::CONFLICT),
    ] {
        let page = desk.get(&two).await;
        assert_eq!(desk.press(&page, &format!("{two}/join"), &[("to", to)]).await.status, status, "{to}");
    }
    for side in [&one, &two] {
        let page = desk.get(&two).await;
        let typed = first.reference.compact().to_lowercase();
        assert!(desk.press(&page, &format!("{two}/join"), &[("to", &typed)]).await.location().ends_with("done=joined"));
        assert_eq!(desk.case(&second.reference).await.state, CaseState::Joined);
        assert!(desk.get(&one).await.has("Joined to this case") && desk.get(&two).await.has("Joined to another case"));
        let page = desk.get(side).await;
        let undo = page.address("/undo");
        assert!(desk.press(&page, &undo, &[]).await.location().ends_with("done=undone"), "{undo}");
        assert_eq!(desk.case(&second.reference).await.state, CaseState::Review);
        let again = desk.press(&page, &undo, &[]).await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        assert!(again.has("This join was undone already."));
    }
    let page = desk.get(&two).await;
    assert!(page.has("Taken out again") && page.has("A person says it is the same problem"));
    let third = desk.mail("Bo <bo@fenmail.example>", "Tree", "A lime tree in Beacon Lane has lost a limb.").await;
    let page = desk.get(&two).await;
    desk.press(&page, &format!("{two}/join"), &[("to", first.reference.as_str())]).await;
    let undo = desk.get(&two).await.address("/undo").replace(second.reference.as_str(), third.reference.as_str());
    assert_eq!(
        desk.press(&page, &undo, &[]).await.status,
        StatusCode::NOT_FOUND,
        "a link is undone on its own cases only"
    );
}

#[tokio::test]
async fn a_suggested_case_is_shown_beside_and_joined_or_said_to_be_different() {
    for (button, heading) in [("same", "Joined to another case"), ("different", "Another problem")] {
        let desk = Desk::open().await;
        let marks = format!("large {button} pothole outside the post office very deep in Tanner's Row ZM1 4QT");
        let first = desk.mail("Eve <eve@fenmail.example>", "Pothole", &format!("There is a {marks}")).await;
        let second = desk.mail("Ann <ann@fenmail.example>", "Pothole", &format!("I saw a {marks}")).await;
        let path = format!("/cases/{}", second.reference);
        let page = desk.get(&path).await;
        assert!(
            page.has("Perhaps the same problem")
                && page.has(first.reference.as_str())
                && page.has(&format!("There is a large {button}"))
        );
        assert!(
            desk.get(&format!("/cases/{}", first.reference)).await.has("Perhaps the same problem"),
            "seen from the other side too"
        );
        let action = page.address(&format!("/{button}"));
        assert_eq!(desk.press(&page, &action, &[]).await.status, StatusCode::SEE_OTHER);
        let after = desk.get(&path).await;
        assert!(after.has(heading) && !after.has("Perhaps the same problem"), "{button}");
        let again = desk.press(&page, &action, &[]).await;
        assert_eq!(again.status, StatusCode::CONFLICT, "{button}");
        assert!(again.has("dealt with already"));
        if button == "different" {
            assert_eq!(desk.case(&second.reference).await.state, CaseState::Review);
            assert!(desk.get(&format!("/cases/{}", first.reference)).await.has("Another problem"));
        }
    }
}
