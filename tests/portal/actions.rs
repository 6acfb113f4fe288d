//! What holds for every action on a case alike. The actions are read out of the portal's own list of them, so that none is
//! forgotten here.

use crate::desk::Desk;
use beadle::core::CaseState;
use beadle::store::case::Case;
use reqwest::StatusCode;

/// Address of each action on a case, every id in it but the case's reference `x`.
fn actions(reference: &str) -> Vec<String> {
    let action = regex::Regex::new(r#"\(\s*"/cases/\{reference\}/([^"]+)",\s*post\("#).unwrap();
    let places = include_str!("../../src/portal/places.rs");
    let addresses = action.captures_iter(places).map(|found| found.get(1).unwrap().as_str());
    let fill = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
    let found: Vec<String> = addresses
        .map(|rest| format!("/cases/{reference}/{}", rest.split('/').map(fill).collect::<Vec<_>>().join("/")))
        .collect();
    assert!(found.len() >= 20, "{found:?}");
    found
}

/// Everything that could have changed.
async fn stands(desk: &Desk, case: &Case) -> (CaseState, String, usize, Vec<String>) {
    let now = desk.case(&case.reference).await;
    let trail = desk.trail(&format!("case:{}", case.id)).await;
    // That it was read, and that somebody tried, changes nothing.
    let changes = |entry: &String| !entry.starts_with("administrator read") && entry != "somebody unknown refused";
    let acts = trail.into_iter().filter(changes).collect();
    (now.state, now.consent, desk.outgoing(case).await.len(), acts)
}

#[tokio::test]
async fn no_action_is_done_for_somebody_who_is_not_signed_in() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let before = stands(&desk, &case).await;
    for action in actions(case.reference.as_str()) {
        let answer = desk.send(&action, &[("csrf", ""), ("done", "yes"), ("consent", "neither"), ("why", "x")]).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/sign-in"), "{action}");
    }
    assert_eq!(stands(&desk, &case).await, before);
}

#[tokio::test]
async fn no_action_is_done_without_the_sessions_word() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let before = stands(&desk, &case).await;
    for action in actions(case.reference.as_str()) {
        for csrf in [&[][..], &[("csrf", "")], &[("csrf", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]] {
            let given = [("done", "yes"), ("consent", "neither"), ("why", "x")];
            let fields: Vec<_> = csrf.iter().copied().chain(given).collect();
            let answer = desk.send(&action, &fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{action} {csrf:?}");
            assert!(answer.has("Nothing was changed"), "{action}");
        }
    }
    assert_eq!(stands(&desk, &case).await, before);
}

#[tokio::test]
async fn an_action_on_a_case_or_thing_that_is_not_there_is_not_found() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    let unknown = desk.pipeline.ids.reference();
    for action in actions(unknown.as_str()).into_iter().chain(actions("x")) {
        let answer = desk.press(&page, &action, &[("done", "yes"), ("consent", "share"), ("why", "x")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{action}");
        assert!(answer.has("There is no case"), "{action}: {}", answer.body);
    }
    // With a department, so that nothing is refused for what the case is not.
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    let before = stands(&desk, &case).await;
    for action in actions(case.reference.as_str()).into_iter().filter(|action| action.contains("/x")) {
        let answer = desk.press(&page, &action, &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{action}: {}", answer.body);
        assert!(answer.has(&format!("href=\"{path}\"")), "{action} leads back to the case");
    }
    assert_eq!(stands(&desk, &case).await, before);
}
