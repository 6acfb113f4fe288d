//! The list, and finding a case by its reference.

use crate::desk::{Desk, PASSWORD, letter};
use chrono::TimeDelta;
use reqwest::StatusCode;

#[tokio::test]
async fn an_unknown_or_mistyped_reference_is_not_found_and_says_why() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let unknown = desk.pipeline.ids.reference();
    let answer = desk.get(&format!("/cases/{unknown}")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.has("There is no case") && answer.has("Go to the list of cases"));
    let mistyped =
        format!("{}{}", &case.reference.compact()[..6], if case.reference.as_str().ends_with('3') { '4' } else { '3' });
    let answer = desk.get(&format!("/cases/{mistyped}")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.has("typing error"));
    assert_eq!(desk.get("/cases/x").await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.get("/nowhere").await.status, StatusCode::NOT_FOUND);
    let typed = case.reference.compact().to_lowercase();
    assert_eq!(desk.get(&format!("/find?reference=+{typed}+")).await.location(), format!("/cases/{}", case.reference));
    assert_eq!(desk.get("/find?reference=lost").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_list_is_counted_filtered_paged_and_says_what_will_be_there() {
    let desk = Desk::open().await;
    assert!(desk.get("/").await.has("There are no cases yet."));
    for n in 0..53 {
        let body = format!("There is a pothole numbered {n} in front of my house, at number {n}.");
        desk.take_in(&letter(&format!("R{n} <r{n}@fenmail.example>"), &format!("Pothole no {n}"), &body, "dmarc=pass"))
            .await;
    }
    let lamp = desk
        .mail("Ann <ann@fenmail.example>", "Lamp", "The street light, lamp column 14 in Signal Row ZM6 1AA, is out.")
        .await;
    let all = desk.get("/").await;
    assert!(
        all.has("54 cases, shown are 1 to 50") && all.has("<strong>54</strong> waiting for review"),
        "{}",
        all.body
    );
    assert!(all.has("rel=\"next\"") && !all.has("rel=\"prev\""));
    let second = desk.get("/?page=2").await;
    assert!(second.has("shown are 51 to 54") && second.has("rel=\"prev\"") && !second.has("rel=\"next\""));
    assert!(desk.get("/?page=9").await.has("no more cases on this page"));
    let lights = desk.get(&format!("/?service={}&page=1", lamp.service)).await;
    assert!(lights.has(lamp.reference.as_str()) && lights.has("1 case") && !lights.has("Pothole no"));
    assert!(desk.get("/?state=closed").await.has("No case fits."));
    assert_eq!(desk.get("/?state=nonsense&page=minus").await.status, StatusCode::OK);
    desk.pipeline.clock.advance(TimeDelta::days(200));
    desk.sign_in(PASSWORD, "").await;
    assert!(desk.get("/").await.has("Overdue: was due"));
}
