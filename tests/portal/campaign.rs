//! Campaigns, and what comes up again and again at one place.

use crate::desk::{Desk, Person};
use crate::postgres::postgres;
use beadle::core::{CaseState, Role};
use beadle::routing::RoutingPolicy;
use beadle::store;
use reqwest::{Method, StatusCode};

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
    // It waits for a moment and can be taken back.
    let after = desk.get(&path).await;
    assert!(after.has("One answer to everybody who sent the letter") && after.has("It leaves in"), "{}", after.body);
    let undone = desk.press(&after, "/review/undo", &[("id", &after.field("id")), ("from", "case")]).await;
    assert_eq!(undone.status, StatusCode::SEE_OTHER, "{}", undone.body);
    let answers = async || {
        let out = desk.outgoing(&lead).await;
        out.into_iter().filter(|o| o.purpose == "answer").map(|o| o.status).collect::<Vec<_>>()
    };
    assert_eq!(answers().await, ["cancelled"]);
    desk.press(&page, &format!("{path}/answer"), &[("words", "The library stays open.")]).await;
    assert_eq!(answers().await, ["cancelled", "queued"]);
    let none = desk.press(&page, &format!("{path}/acknowledge"), &[]).await;
    assert_eq!(none.status, StatusCode::CONFLICT, "none waits");
    assert_eq!(desk.case(&case).await.state, CaseState::Review, "the case stays open");

    let trail = desk.trail(&format!("case:{}", lead.id)).await;
    assert!(trail.iter().any(|what| what.ends_with("read campaign")), "{trail:?}");
}

/// Six letters, of which the one with words of its own and another one came to Cllr Nowak.
async fn who_acts_for_one_councillor(desk: &Desk) {
    letters(desk, 6).await;
    let mut tx = desk.db().begin().await.unwrap();
    let lead = store::campaign::list(&mut tx, 1).await.unwrap().remove(0).reference;
    let lead = store::case::by_reference(&mut tx, &lead).await.unwrap().unwrap();
    let all = store::campaign::letters(&mut tx, &lead.id, None, 100, 0).await.unwrap();
    let (theirs, ours) = all.split_at(2);
    for letter in theirs {
        let mut case = store::case::get(&mut tx, &letter.case_id).await.unwrap().unwrap();
        case.councillor = Some("nowak".to_owned());
        store::case::update(&mut tx, &case, desk.pipeline.clock.now()).await.unwrap();
    }
    tx.commit().await.unwrap();
    let path = format!("/cases/{}/campaign", lead.reference);
    let gwen = Person::new(desk, "gwen", &[(Role::Gatekeeper, Some("adeyemi"))]).await;
    let page = gwen.gets(desk, &path).await;
    assert!(page.has("<strong>6 people</strong>") && page.has("Letters 1 to 3 of 3"), "{}", page.body);
    assert!(page.has("2 letters to other councillors are not shown"), "{}", page.body);
    assert!(ours.iter().all(|letter| page.has(letter.reference.as_str())), "{}", page.body);
    assert!(!theirs.iter().any(|letter| page.has(letter.reference.as_str())) && !page.has("daughter"), "{}", page.body);
    for (letter, read) in theirs.iter().map(|one| (one, false)).chain(ours.iter().map(|one| (one, true))) {
        let trail = desk.trail(&format!("case:{}", letter.case_id)).await;
        assert_eq!(trail.contains(&"gwen read campaign".to_owned()), read, "{trail:?}");
    }
    assert!(page.has("one answer to all is sent by a gatekeeper who acts for all") && !page.has("/campaign/answer"));
    for what in ["answer", "acknowledge"] {
        let refused = gwen.asks(desk, Method::POST, &format!("{path}/{what}"), &[("words", "It stays open.")]).await;
        assert!(refused.status == StatusCode::CONFLICT && refused.has("Nothing was sent"), "{what}: {}", refused.body);
    }
    let gil = Person::new(desk, "gil", &[(Role::Gatekeeper, None)]).await;
    let page = gil.gets(desk, &path).await;
    assert!(page.has("Letters 1 to 5 of 5") && page.has("daughter") && !page.has("not shown"), "{}", page.body);
    let nick = Person::new(desk, "nick", &[(Role::Gatekeeper, Some("nowak"))]).await;
    assert_eq!(
        nick.gets(desk, &path).await.status,
        StatusCode::NOT_FOUND,
        "the case that stands for all is not theirs"
    );
}

#[tokio::test]
async fn who_acts_for_one_councillor_reads_only_the_letters_that_came_to_them() {
    who_acts_for_one_councillor(&Desk::closed().await).await;
}

#[tokio::test]
async fn who_acts_for_one_councillor_reads_only_the_letters_that_came_to_them_on_postgres() {
    let url = postgres("letters").await;
    let policy = RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() };
    who_acts_for_one_councillor(&Desk::on(&url, tempfile::tempdir().unwrap(), policy).await).await;
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
