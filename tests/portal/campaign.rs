//! Campaigns, and what comes up again and again at one place.

use crate::desk::Desk;
use beadle::core::CaseState;
use reqwest::StatusCode;

const LETTER: &str = "Dear Councillor,\n\nI am writing to ask you to save the library in Mill Lane. It is the only place in the ward \
    where children can do their homework in peace, and where older people can meet in winter without paying for anything. Closing it \
    would save the council very little. OWN Please vote against the plan on Tuesday.\n\nYours sincerely";

async fn letters(desk: &Desk, number: usize) {
    for n in 0..number {
        let own = if n == 2 { "My <b>own</b> daughter learned to read there." } else { "" };
        desk.mail(&format!("r{n}@fenmail.example"), "Save our library", &LETTER.replace("OWN", own)).await;
    }
}

#[tokio::test]
async fn a_campaign_has_a_page_with_what_each_added_and_one_answer_to_all() {
    let desk = Desk::open().await;
    assert!(desk.get("/campaigns").await.has("There is no campaign"));
    letters(&desk, 6).await;
    let list = desk.get("/campaigns").await;
    assert!(list.has("Save our library") && list.has("</span>6</td>"), "{}", list.body);
    let path = list.address("/campaign");
    let page = desk.get(&path).await;
    assert!(page.has("<strong>6 people</strong>") && page.has("Letters 1 to 5 of 5"), "{}", page.body);
    assert!(page.has("My &#60;b&#62;own&#60;/b&#62; daughter"), "what somebody wrote is shown as words: {}", page.body);
    let case = path.trim_start_matches("/cases/").trim_end_matches("/campaign").parse().unwrap();
    let lead = desk.case(&case).await;
    assert!(desk.get(&format!("/cases/{case}")).await.has("6 people sent this letter"));

    let empty = desk.press(&page, &format!("{path}/answer"), &[("words", " \r\n")]).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    assert!(empty.has("Write the answer") || empty.has("write the answer"), "{}", empty.body);
    let answered = desk.press(&page, &format!("{path}/answer"), &[("words", "The library stays open.")]).await;
    assert_eq!(answered.location(), format!("{path}?done=answered-all"), "{}", answered.body);
    let out = desk.outgoing(&lead).await;
    assert!(out.iter().any(|o| o.purpose == "answer" && o.mail.0.body.contains("The library stays open.")));
    let none = desk.press(&page, &format!("{path}/acknowledge"), &[]).await;
    assert_eq!(none.status, StatusCode::CONFLICT, "none waits");
    assert_eq!(desk.case(&case).await.state, CaseState::Review, "the case stays open");

    let trail = desk.trail(&format!("case:{}", lead.id)).await;
    assert!(trail.iter().any(|what| what.ends_with("read campaign")), "{trail:?}");
}

#[tokio::test]
async fn a_letter_can_be_taken_out_of_its_campaign() {
    let desk = Desk::open().await;
    letters(&desk, 5).await;
    let path = desk.get("/campaigns").await.address("/campaign");
    let page = desk.get(&path).await;
    let undo = page.address("/undo");
    assert!(desk.press(&page, &undo, &[]).await.location().ends_with("done=undone"));
    assert!(desk.get(&path).await.has("<strong>4 people</strong>"));
}

#[tokio::test]
async fn a_case_that_is_no_campaign_has_no_such_page() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let page = desk.get(&format!("/cases/{}/campaign", case.reference)).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let own = desk.get(&format!("/cases/{}", case.reference)).await;
    let answer = desk.press(&own, &format!("/cases/{}/campaign/answer", case.reference), &[("words", "x")]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.body);
}

#[tokio::test]
async fn what_comes_up_again_and_again_at_one_place_is_seen_on_the_case_and_on_a_page() {
    let desk = Desk::open().await;
    assert!(desk.get("/patterns").await.has("There is no such place yet"));
    for n in 0..3 {
        let words = format!("{n} days ago a pothole opened outside the shop at ZM1 1AE");
        desk.mail(&format!("r{n}@fenmail.example"), "Pothole", &words).await;
    }
    let list = desk.get("/patterns").await;
    assert!(list.has("ZM1 1AE") && list.has("</span>3</td>"), "{}", list.body);
    let newest = desk.newest().await;
    let page = desk.get(&format!("/cases/{}", newest.reference)).await;
    assert!(page.has("This is number 3 of this service"), "{}", page.body);
}
