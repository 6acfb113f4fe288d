//! The case page on the way to the end: notes, chasing, a later date, the map and pictures.

use crate::desk::{Desk, letter_with_files};
use crate::postgres::postgres;
use beadle::core::Party;
use beadle::routing::RoutingPolicy;
use beadle::store::{case::Case, outbox::Outgoing};
use chrono::TimeDelta;
use reqwest::StatusCode;

async fn accept(desk: &Desk, case: &Case) -> String {
    let path = format!("/cases/{}", case.reference);
    let answer = desk.press(&desk.get(&path).await, &format!("{path}/accept"), &[]).await;
    assert!(answer.location().ends_with("done=accepted"), "{}", answer.body);
    path
}

async fn of(desk: &Desk, case: &Case, purpose: &str) -> Vec<Outgoing> {
    desk.outgoing(case).await.into_iter().filter(|o| o.purpose == purpose).collect()
}

#[tokio::test]
async fn a_note_stands_in_what_happened_and_leaves_the_house_only_if_it_is_said_so() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    let answer = desk.press(&page, &format!("{path}/note"), &[("words", "Rang the depot <now>.")]).await;
    assert_eq!(answer.location(), format!("{path}?done=noted"), "{}", answer.body);
    let page = desk.get(answer.location()).await;
    assert!(page.has("Only staff see it.") && page.has("Rang the depot &#60;now&#62;."), "{}", page.body);
    assert!(desk.outgoing(&case).await.is_empty());
    assert!(desk.trail(&format!("case:{}", case.id)).await.contains(&"administrator note".to_owned()));
    let empty = desk.press(&page, &format!("{path}/note"), &[("words", " ")]).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    let nobody = desk.press(&page, &format!("{path}/note"), &[("words", "x"), ("tell", "yes")]).await;
    assert_eq!(nobody.status, StatusCode::CONFLICT, "no department has it yet");
}

async fn chases(desk: &Desk) {
    let case = desk.pothole().await;
    let waiting = desk.get(&format!("/cases/{}", case.reference)).await;
    let early = desk.press(&waiting, &format!("/cases/{}/chase", case.reference), &[]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "no department has it yet");
    let path = accept(desk, &case).await;
    let unsent = desk.press(&desk.get(&path).await, &format!("{path}/chase"), &[]).await;
    assert!(unsent.status == StatusCode::CONFLICT && unsent.has("has not been sent this case yet"), "{}", unsent.body);
    desk.deliver_later().await;
    // Received on Friday 13 March; long after its day, on a Saturday.
    let saturday = "2026-06-20T10:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    desk.pipeline.clock.advance(saturday - desk.pipeline.clock.now());
    desk.sign_in(crate::desk::PASSWORD, "").await;
    let page = desk.get(&path).await;
    let answer = desk.press(&page, &format!("{path}/chase"), &[]).await;
    assert_eq!(answer.location(), format!("{path}?done=chased"), "{}", answer.body);
    let chase = of(desk, &case, "chase").await.pop().unwrap();
    let mail = &chase.mail.0;
    assert!(mail.subject.contains(case.reference.as_str()) && mail.cc[0].contains("cllr.adeyemi@"), "{mail:?}");
    assert!(mail.body.contains("working days ago") && mail.body.contains("/officer/"), "{}", mail.body);
    assert!(mail.in_reply_to.is_some(), "it stands with the mail that told them");
    for days in [0, 1, 1] {
        if days > 0 {
            desk.pipeline.clock.advance(TimeDelta::days(days));
            desk.sign_in(crate::desk::PASSWORD, "").await;
        }
        let page = desk.get(&path).await;
        let again = desk.press(&page, &format!("{path}/chase"), &[]).await;
        assert_eq!(again.status, StatusCode::CONFLICT, "on Saturday, Sunday and Monday: {}", again.body);
        assert!(again.has("The department was asked today already"), "{}", again.body);
    }
    desk.pipeline.clock.advance(TimeDelta::hours(24));
    desk.sign_in(crate::desk::PASSWORD, "").await;
    let page = desk.get(&path).await;
    assert!(desk.press(&page, &format!("{path}/chase"), &[]).await.location().ends_with("done=chased"));
    assert_eq!(of(desk, &case, "chase").await.len(), 2);
    let page = desk.get(&path).await;
    assert!(page.has("The department was asked when it will be done") && page.has("over its date"), "{}", page.body);
}

#[tokio::test]
async fn a_chase_goes_once_a_working_day_with_the_councillor_in_copy() {
    chases(&Desk::open().await).await;
}

#[tokio::test]
async fn the_same_on_postgresql() {
    let policy = RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() };
    let desk = Desk::on(&postgres("notes").await, tempfile::tempdir().unwrap(), policy).await;
    desk.sign_in(crate::desk::PASSWORD, "").await;
    chases(&desk).await;
}

#[tokio::test]
async fn a_new_date_is_told_to_the_resident_in_their_language() {
    let desk = Desk::open().await;
    let body = "Dzień dobry, na ulicy Tanner's Row przy pralni, ZM1 4QT, jest głęboka dziura w jezdni. Proszę o naprawę drogi.";
    let case = desk.mail("Anna Nowak <anna@fenmail.example>", "Dziura w jezdni", body).await;
    assert_eq!(case.language, "pl");
    let path = accept(&desk, &case).await;
    let page = desk.get(&path).await;
    let later = [("day", "2026-05-29"), ("why", "The frost has to be out of the ground.")];
    let answer = desk.press(&page, &format!("{path}/date"), &later).await;
    assert_eq!(answer.location(), format!("{path}?done=put-off"), "{}", answer.body);
    let told = of(&desk, &case, "delay").await.pop().unwrap();
    let mail = &told.mail.0;
    assert_eq!(mail.language, "pl");
    assert!(mail.body.contains("potrwa dłużej") && mail.body.contains("29 maja 2026"), "{}", mail.body);
    assert!(!mail.body.contains("frost"), "why is for staff and councillor");
    let councillor = desk.outgoing(&case).await.into_iter().rfind(|o| o.party == Party::Councillor).unwrap();
    assert!(councillor.mail.0.body.contains("frost"), "{councillor:?}");
    let again = desk.press(&page, &format!("{path}/date"), &later).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST, "a day has to be later than the one before");
    assert_eq!(of(&desk, &case, "delay").await.len(), 1);
}

#[tokio::test]
async fn who_reported_the_same_problem_is_told_the_new_date_and_who_may_be_in_danger_is_not() {
    let desk = Desk::open().await;
    let first = desk.pothole().await;
    let second = desk.mail("Ann <ann@fenmail.example>", "Hole", "The hole by the dry cleaners in Tanner's Row.").await;
    let path = format!("/cases/{}", second.reference);
    desk.press(&desk.get(&path).await, &format!("{path}/join"), &[("to", first.reference.as_str())]).await;
    let path = accept(&desk, &first).await;
    let later = [("day", "2026-05-29"), ("why", "Parts")];
    desk.press(&desk.get(&path).await, &format!("{path}/date"), &later).await;
    let told = of(&desk, &second, "delay").await;
    assert!(told[0].mail.0.to[0].contains("ann@fenmail.example"), "{told:?}");
    assert!(
        !told[0].mail.0.body.contains(first.reference.as_str()),
        "nobody gets the number of a case they did not send"
    );

    let danger = desk.mail("Kim <kim@fenmail.example>", "help", "My husband hits me, I am afraid to go home.").await;
    let path = format!("/cases/{}", danger.reference);
    let page = desk.get(&path).await;
    desk.press(&page, &format!("{path}/accept"), &[("confirmed", "yes")]).await;
    desk.press(&desk.get(&path).await, &format!("{path}/date"), &later).await;
    assert_eq!(desk.case(&danger.reference).await.due_on, "2026-05-29");
    assert!(of(&desk, &danger, "delay").await.is_empty());
    let page = desk.get(&path).await;
    assert!(page.has("somebody may be in danger: a person has to write to them"), "{}", page.body);
}

#[tokio::test]
async fn the_map_shows_ward_and_place_in_a_drawing_and_in_words() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    let ward = case.ward.unwrap();
    assert!(page.has("<svg") && page.has("<circle") && page.has(&format!("of the ward {ward}.")), "{}", page.body);
    for outside in ["<script", "<image", "https://tile", "style="] {
        assert!(!page.has(outside), "{outside}");
    }
}

/// One black pixel.
fn png() -> String {
    let bytes: [u8; 67] = [
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1,
        8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x60, 0, 0, 0,
        2, 0, 1, 0x48, 0xaf, 0xa4, 0x71, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
    ];
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[tokio::test]
async fn pictures_are_shown_as_small_copies_of_our_own_and_nothing_else_is() {
    let desk = Desk::open().await;
    let mail = letter_with_files(
        "Ann <ann@fenmail.example>",
        "Pothole",
        "There is a deep pothole in Tanner's Row, ZM1 4QT.",
        &[("hole.png", "image/png\r\nContent-Transfer-Encoding: base64\r\nX-Name: x", &png())],
    );
    desk.take_in(&mail).await;
    let case = desk.newest().await;
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    let address = page.address("/picture");
    let picture = desk.get(&address).await;
    assert_eq!(picture.status, StatusCode::OK, "{}", picture.body);
    assert_eq!(picture.headers["content-type"], "image/jpeg");
    assert_eq!(picture.headers["x-content-type-options"], "nosniff");
    assert_eq!(picture.headers["content-security-policy"], "default-src 'none'; sandbox");
    assert!(desk.trail(&format!("case:{}", case.id)).await.contains(&"administrator read attachment".to_owned()));

    let svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let files = [("a.svg", "image/svg+xml", svg), ("b.png", "image/png", svg), ("c.html", "text/html", "<b>x</b>")];
    desk.take_in(&letter_with_files("Bo <bo@fenmail.example>", "Lamp", "The lamp in Beacon Lane is out.", &files))
        .await;
    let case = desk.newest().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    let first = page.address("/attachments/0");
    for position in 0..3 {
        let answer = desk.get(&format!("{}{position}/picture", first.trim_end_matches('0'))).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{position}");
        assert!(!answer.has("<svg xmlns='http"), "{position}");
    }
}

#[tokio::test]
async fn what_a_department_is_told_waits_and_can_be_taken_back() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    desk.deliver_later().await;
    let words = [("words", "Mind the school run."), ("tell", "yes")];
    let page = desk.get(&path).await;
    desk.press(&page, &format!("{path}/note"), &words).await;
    desk.deliver().await;
    let told = async || {
        let out = desk.outgoing(&case).await;
        out.into_iter().filter(|o| o.purpose == "desk").map(|o| o.status).collect::<Vec<_>>()
    };
    assert_eq!(told().await, ["queued"], "it waits");
    let page = desk.get(&path).await;
    assert!(page.has("The department is told") && page.has("It leaves in"), "{}", page.body);
    let undone = desk.press(&page, "/review/undo", &[("id", &page.field("id")), ("from", "case")]).await;
    assert_eq!(undone.status, reqwest::StatusCode::SEE_OTHER, "{}", undone.body);
    desk.deliver_later().await;
    assert_eq!(told().await, ["cancelled"]);
    assert!(desk.get(&path).await.has("What the department was to be told was taken back before anything left"));
}
