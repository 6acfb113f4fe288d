//! Closing a case.

use crate::desk::{Answer, Desk};
use beadle::core::{CaseState, Party};
use beadle::store::case::Case;
use reqwest::StatusCode;

/// Closes a case as the form on its page does.
async fn close(desk: &Desk, case: &Case, fields: &[(&str, &str)]) -> Answer {
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    desk.press(&page, &format!("{path}/close"), fields).await
}

#[tokio::test]
async fn a_case_is_not_closed_before_somebody_says_how_it_ended() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(page.has("How did it end?") && page.has("Close and tell them"), "{}", page.body);
    for (fields, why) in [
        (&[][..], "Say how it ended"),
        (&[("words", "It is filled.")], "Say how it ended"),
        (&[("done", "perhaps"), ("words", "It is filled.")], "Say how it ended"),
        (&[("done", "no")], "Say in a few words what became of it"),
        (&[("done", "no"), ("words", " \r\n ")], "Say in a few words what became of it"),
    ] {
        let answer = close(&desk, &case, fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{fields:?}");
        assert!(answer.has(why) && answer.has(&format!("Go back to case {}", case.reference)), "{}", answer.body);
    }
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Review);
    assert!(desk.outgoing(&case).await.is_empty());
}

#[tokio::test]
async fn what_residents_get_is_shown_before_a_case_is_closed_and_nothing_of_it_is_so() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    desk.press(&desk.get(&path).await, &format!("{path}/accept"), &[]).await;
    desk.deliver_later().await;
    let before = desk.outgoing(&case).await.len();
    let preview = async |fields: &[(&str, &str)]| {
        desk.press(&desk.get(&path).await, &format!("{path}/close/preview"), fields).await
    };
    let words = "Filled on Monday <b>by the night crew</b>.";
    let shown = preview(&[("done", "yes"), ("words", words)]).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    for said in [
        "Nothing has been sent, and the case is as it was.",
        "To the resident",
        "derek@fenmail.example",
        "To the councillor",
        "cllr.adeyemi@brackenmere.example",
        "value=\"yes\" required checked",
        ">Filled on Monday &#60;b&#62;by the night crew&#60;/b&#62;.</textarea>",
    ] {
        assert!(shown.has(said), "{said} is not in\n{}", shown.body);
    }
    assert!(!shown.has("<b>by"), "{}", shown.body);
    // Nothing of it is so.
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Routed);
    assert_eq!(desk.outgoing(&case).await.len(), before);
    let trail = desk.trail(&format!("case:{}", case.id)).await;
    assert!(!trail.contains(&"administrator close".to_owned()), "{trail:?}");
    // The very words that were shown go out.
    close(&desk, &case, &[("done", "yes"), ("words", words)]).await;
    let outgoing = desk.outgoing(&case).await;
    let told = outgoing[before..].iter().find(|o| o.party == Party::Resident).unwrap();
    let line =
        told.mail.0.body.lines().find(|line| line.len() > 20 && !line.contains(['<', '&', '\'', '"', ':'])).unwrap();
    assert!(shown.has(line), "{line} is not in\n{}", shown.body);
    // What cannot be closed so is refused as it would be.
    for (fields, why) in
        [(&[("done", "perhaps")][..], "Say how it ended"), (&[("done", "yes")], "this case is closed already")]
    {
        let refused = preview(fields).await;
        assert!(
            refused.status.is_client_error() && refused.body.to_lowercase().contains(&why.to_lowercase()),
            "{}",
            refused.body
        );
    }
}

#[tokio::test]
async fn who_reported_it_and_the_councillor_get_the_words_and_the_page_says_so() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    desk.press(&desk.get(&path).await, &format!("{path}/accept"), &[]).await;
    desk.deliver_later().await;
    let words = "Filled on Monday <b>by the night crew</b>.";
    let answer = close(&desk, &case, &[("done", "yes"), ("words", words)]).await;
    assert_eq!(answer.location(), format!("{path}?done=closed"), "{}", answer.body);
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Closed);
    let outgoing = desk.outgoing(&case).await;
    let told = |party: Party| {
        let mail = outgoing.iter().rfind(|o| o.party == party && o.status == "queued").unwrap();
        (mail.mail.0.to.join(", "), mail.mail.0.body.clone())
    };
    let (to, body) = told(Party::Resident);
    assert!(to.contains("derek@fenmail.example") && body.contains(words), "{to}: {body}");
    let (to, body) = told(Party::Councillor);
    assert!(to.contains("cllr.adeyemi@brackenmere.example") && body.contains(words), "{to}: {body}");
    let page = desk.get(answer.location()).await;
    for said in [
        "Closed. Everybody who reported it is told, as their case allows; see below.",
        "<strong class=\"govuk-tag state-closed\">Closed</strong>",
        "It is done",
        "Told: Filled on Monday &#60;b&#62;by the night crew&#60;/b&#62;.",
        "Notice to the resident queued",
        "The councillor is told",
        "Administrator",
    ] {
        assert!(page.has(said), "{said} is not in\n{}", page.body);
    }
    for gone in ["<b>by", "Close and tell them", "Save the change", "Accept and send to", "Overdue: was due"] {
        assert!(!page.has(gone), "{gone}");
    }
    assert!(desk.get("/?state=closed").await.has(case.reference.as_str()));
    assert!(desk.trail(&format!("case:{}", case.id)).await.contains(&"administrator close".to_owned()));
}

#[tokio::test]
async fn a_case_that_ended_otherwise_says_what_became_of_it() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let words = "The road belongs to the county, which was told.";
    let answer = close(&desk, &case, &[("done", "no"), ("words", words)]).await;
    assert!(answer.location().ends_with("done=closed"), "{}", answer.body);
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(page.has("It ended otherwise") && page.has(&format!("Told: {words}")), "{}", page.body);
    let outgoing = desk.outgoing(&case).await;
    let notice = outgoing.iter().find(|o| o.purpose == "closing").unwrap();
    assert!(notice.mail.0.body.contains(words) && !notice.mail.0.body.contains("tells us that this is done"));
}

#[tokio::test]
async fn the_figures_above_the_list_follow_each_change_at_once() {
    let desk = Desk::open().await;
    let stand = async |waiting: usize, closed: usize| {
        let list = desk.get("/").await;
        for figure in
            [format!("<strong>{waiting}</strong> waiting for review"), format!("<strong>{closed}</strong> closed")]
        {
            assert!(list.has(&figure), "{figure} is not in\n{}", list.body);
        }
        assert!(list.has(&format!("{} case", waiting + closed)), "{}", list.body);
    };
    let first = desk.pothole().await;
    stand(1, 0).await;
    close(&desk, &first, &[("done", "yes")]).await;
    stand(0, 1).await;
    // All of it happens at one moment by the clock.
    let second = desk.mail("Ann <ann@fenmail.example>", "Bins", "Our bin was not emptied in Larkrise Road.").await;
    stand(1, 1).await;
    close(&desk, &second, &[("done", "yes")]).await;
    stand(0, 2).await;
}

#[tokio::test]
async fn what_is_closed_joined_or_on_hold_is_not_closed_from_its_page() {
    let desk = Desk::open().await;
    let done = [("done", "yes")];
    let closed = desk.pothole().await;
    close(&desk, &closed, &done).await;
    let joined = desk.mail("Ann <ann@fenmail.example>", "Bins", "Our bin was not emptied in Larkrise Road.").await;
    let into = desk.mail("Bo <bo@fenmail.example>", "Tree", "A lime tree in Beacon Lane has lost a limb.").await;
    let path = format!("/cases/{}", joined.reference);
    desk.press(&desk.get(&path).await, &format!("{path}/join"), &[("to", into.reference.as_str())]).await;
    let held = desk.mail("Kim <kim@fenmail.example>", "help", "My husband hits me, I am afraid to go home.").await;
    for (case, state, why) in [
        (closed, CaseState::Closed, "This case is closed already."),
        (joined, CaseState::Joined, "This case is dealt with in another one: that one can be closed."),
        (held, CaseState::Held, "This case is on hold: decide about that first."),
    ] {
        let before = desk.outgoing(&case).await.len();
        let page = desk.get(&format!("/cases/{}", case.reference)).await;
        assert!(!page.has("Close and tell them"), "{state}");
        let answer = close(&desk, &case, &done).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{state}");
        assert!(answer.has(why), "{state}: {}", answer.body);
        assert_eq!(desk.case(&case.reference).await.state, state);
        assert_eq!(desk.outgoing(&case).await.len(), before, "nobody is told twice");
    }
}

#[tokio::test]
async fn whoever_reported_a_joined_case_is_told_with_the_one_it_is_dealt_with_in() {
    let desk = Desk::open().await;
    let first = desk.pothole().await;
    let second = desk.mail("Ann <ann@fenmail.example>", "Hole", "The hole by the dry cleaners in Tanner's Row.").await;
    let path = format!("/cases/{}", second.reference);
    desk.press(&desk.get(&path).await, &format!("{path}/join"), &[("to", first.reference.as_str())]).await;
    let end = [("done", "yes"), ("words", "Filled.")];
    let page = desk.get(&format!("/cases/{}", first.reference)).await;
    let shown = desk.press(&page, &format!("/cases/{}/close/preview", first.reference), &end).await;
    assert!(shown.has("1 other person reported it too") && !shown.has("ann@fenmail.example"), "{}", shown.body);
    close(&desk, &first, &end).await;
    let outgoing = desk.outgoing(&second).await;
    let notice = outgoing.iter().find(|o| o.purpose == "closing").unwrap();
    assert!(notice.mail.0.to[0].contains("ann@fenmail.example") && notice.mail.0.body.contains("Filled."));
    assert!(
        !notice.mail.0.body.contains(first.reference.as_str()),
        "nobody gets the number of a case they did not send"
    );
    assert!(desk.get(&path).await.has(">Closed</h3>"), "their page tells it too");
}
