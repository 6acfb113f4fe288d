//! What councillors follow: their cases, their ward, what is late.

use crate::desk::{Desk, PASSWORD, Person};
use crate::postgres::postgres;
use beadle::core::{CaseState, Role};
use beadle::routing::RoutingPolicy;
use beadle::store::{self, case::Case};
use chrono::{NaiveDate, TimeDelta};
use reqwest::{Method, StatusCode};

const NAME: &str = "Derek Hollis";
const WORDS: &str = "deep pothole";

async fn set(desk: &Desk, case: &Case, change: impl FnOnce(&mut Case)) {
    let mut case = desk.case(&case.reference).await;
    change(&mut case);
    let mut tx = desk.db().begin().await.unwrap();
    store::case::update(&mut tx, &case, desk.pipeline.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// A pothole in Abbey by somebody whose name and words can be told from everything else on a page.
async fn pothole(desk: &Desk) -> Case {
    let body = "There is a deep pothole in Tanner's Row by the dry cleaners, ZM1 4QT. Please fill it.";
    desk.mail(&format!("{NAME} <derek@fenmail.example>"), "A deep pothole", body).await
}

async fn accept(desk: &Desk, case: &Case) {
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(desk.press(&page, &format!("{path}/accept"), &[]).await.location().ends_with("done=accepted"));
}

#[tokio::test]
async fn a_case_without_consent_shows_no_name_to_the_ward() {
    let desk = Desk::open().await;
    let case = pothole(&desk).await;
    for (consent, seen) in [("share", true), ("councillor", true), ("neither", false), ("nonsense", false)] {
        set(&desk, &case, |case| case.consent = consent.to_owned()).await;
        for path in ["/ward?ward=Abbey", "/my?councillor=adeyemi", "/ward.csv?ward=Abbey", "/my.csv?councillor=adeyemi"]
        {
            let page = desk.get(path).await;
            assert!(page.status == StatusCode::OK && page.has(case.reference.as_str()), "{path}: {}", page.body);
            assert_eq!(page.has(NAME), seen, "{consent}, {path}: {}", page.body);
            assert_eq!(page.has(WORDS), seen, "{consent}, {path}: {}", page.body);
            assert_eq!(page.has("ZM1 4QT") || page.has("Tanner"), seen, "{consent}, {path}: {}", page.body);
            assert!(!page.has("derek@fenmail.example"));
        }
    }
}

#[tokio::test]
async fn what_is_for_the_councillor_only_or_about_danger_is_in_no_list() {
    let desk = Desk::open().await;
    let case = pothole(&desk).await;
    let lists = ["/ward?ward=Abbey", "/my?councillor=adeyemi", "/overdue", "/ward.csv?ward=Abbey", "/overdue.csv"];
    let holds = |case: &mut Case| case.hold_reason = Some("Safeguarding: somebody may be in danger".to_owned());
    let private = |case: &mut Case| (case.hold_reason, case.consent) = (None, "private".to_owned());
    set(&desk, &case, |case| case.due_on = "2026-03-12".to_owned()).await;
    for list in lists {
        assert!(desk.get(list).await.has(case.reference.as_str()), "{list}");
    }
    for change in [holds as fn(&mut Case), private] {
        set(&desk, &case, change).await;
        for list in lists {
            assert!(!desk.get(list).await.has(case.reference.as_str()), "{list}");
        }
    }
}

#[tokio::test]
async fn a_councillor_sees_where_each_case_stands_who_has_it_and_when_they_were_told() {
    let desk = Desk::open().await;
    let case = pothole(&desk).await;
    let mine = desk.get("/my?councillor=adeyemi").await;
    assert!(
        mine.has("Cases of Cllr Grace Adeyemi") && mine.has("Waiting for review") && mine.has("Not yet"),
        "{}",
        mine.body
    );
    assert!(mine.has("Open (1)") && mine.has("Overdue (0)"));
    accept(&desk, &case).await;
    desk.deliver_later().await;
    let mine = desk.get("/my?councillor=adeyemi").await;
    assert!(mine.has("With the department") && mine.has("Friday 13 March 2026, 14:06"), "{}", mine.body);
    assert!(!desk.get("/my?councillor=nowak").await.has(case.reference.as_str()));
    set(&desk, &case, |case| {
        case.state = CaseState::Closed;
        case.closed_at = Some("2026-03-13T14:30:00Z".parse().unwrap());
    })
    .await;
    assert!(!desk.get("/my?councillor=adeyemi").await.has(case.reference.as_str()));
    assert!(desk.get("/my?councillor=adeyemi&show=closed").await.has(case.reference.as_str()));
    assert!(desk.get("/ward?ward=Abbey&show=closed").await.has(case.reference.as_str()));
    desk.pipeline.clock.advance(TimeDelta::days(60));
    desk.sign_in(PASSWORD, "").await;
    assert!(!desk.get("/my?councillor=adeyemi&show=closed").await.has(case.reference.as_str()), "not lately");
    assert_eq!(desk.get("/my?councillor=nobody").await.status, StatusCode::NOT_FOUND);
    assert!(desk.get("/my").await.has("/my?councillor=nowak") && desk.get("/ward").await.has("/ward?ward=Foxholes"));
}

async fn late_is_told_by_working_days(desk: Desk) {
    let late = pothole(&desk).await;
    let lamp = desk.mail("Ann <ann@fenmail.example>", "Lamp", "The street light in Signal Row ZM6 1AA is out.").await;
    let bins = desk.mail("Bob <bob@fenmail.example>", "Bin", "You missed my bin in Tanner's Row, ZM1 4QT.").await;
    // Friday 13 March: within two working days is until Tuesday 17 March.
    for (case, due) in [(&late, "2026-03-12"), (&lamp, "2026-03-17"), (&bins, "2026-03-18")] {
        set(&desk, case, |case| case.due_on = due.to_owned()).await;
    }
    let has = async |path: &str| {
        let page = desk.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        [&late, &lamp, &bins].map(|case| page.has(case.reference.as_str()))
    };
    assert_eq!(has("/overdue").await, [true, true, false]);
    assert_eq!(has("/overdue?show=overdue").await, [true, false, false]);
    assert_eq!(has("/overdue?show=soon").await, [false, true, false]);
    assert_ne!(lamp.service, late.service);
    assert_eq!(has(&format!("/overdue?service={}", lamp.service)).await, [false, true, false]);
    assert_eq!(has("/overdue.csv").await, [true, true, false]);
    let page = desk.get("/overdue").await;
    assert!(
        page.has("Overdue and nearly (2)") && page.has("Overdue (1)") && page.has("Nearly overdue (1)"),
        "{}",
        page.body
    );
    assert!(page.has("Overdue: was due Thursday 12 March 2026") && page.has("Soon: "));
    assert!(page.body.find(late.reference.as_str()) < page.body.find(lamp.reference.as_str()), "the latest first");
    assert_eq!(has("/ward?ward=Abbey&show=open&order=newest").await, [true, false, true]);
    let newest = desk.get("/ward?ward=Abbey&show=open&order=newest").await;
    assert!(newest.body.find(bins.reference.as_str()) < newest.body.find(late.reference.as_str()));
    assert_eq!(has("/my?councillor=adeyemi&show=every").await, [true, true, true], "written to, so told of all three");
    let due: NaiveDate = "2026-03-12".parse().unwrap();
    assert!(desk.get("/overdue.csv").await.has(&format!(",{due},yes,")));
}

#[tokio::test]
async fn what_is_late_or_nearly_is_told_by_working_days() {
    late_is_told_by_working_days(Desk::open().await).await;
}

#[tokio::test]
async fn what_is_late_or_nearly_is_told_by_working_days_on_postgresql_too() {
    let policy = RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() };
    let desk = Desk::on(&postgres("councillor").await, tempfile::tempdir().unwrap(), policy).await;
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    late_is_told_by_working_days(desk).await;
}

#[tokio::test]
async fn a_ward_is_paged_and_what_is_saved_holds_every_page() {
    let desk = Desk::open().await;
    for n in 0..27 {
        let body = format!("There is a pothole numbered {n} in front of number {n}, Tanner's Row, ZM1 4QT.");
        desk.mail(&format!("R{n} <r{n}@fenmail.example>"), &format!("=Pothole no {n}"), &body).await;
    }
    let references = |body: &str| body.matches("<span class=\"reference\">").count();
    let first = desk.get("/ward?ward=Abbey").await;
    assert!(references(&first.body) == 25 && first.has("rel=\"next\"") && !first.has("rel=\"prev\""), "{}", first.body);
    let second = desk.get("/ward?ward=Abbey&page=2").await;
    assert!(references(&second.body) == 2 && !second.has("rel=\"next\"") && second.has("rel=\"prev\""));
    let saved = desk.get("/ward.csv?ward=Abbey").await;
    assert_eq!(csv::Reader::from_reader(saved.body.as_bytes()).records().count(), 27);
    assert!(saved.has(",'=Pothole no 3,"), "a title that looks like a formula stays text: {}", saved.body);
    assert_eq!(
        desk.trail("ward:Abbey").await,
        ["administrator read list", "administrator read list", "administrator export"]
    );
}

#[tokio::test]
async fn a_councillor_asks_after_their_own_case_and_after_nobody_elses() {
    let desk = Desk::open().await;
    let case = pothole(&desk).await;
    accept(&desk, &case).await;
    desk.deliver_later().await;
    set(&desk, &case, |case| case.due_on = "2026-03-10".to_owned()).await;
    let own = Person::new(&desk, "cora", &[(Role::Councillor, case.councillor.as_deref())]).await;
    let other = Person::new(&desk, "nico", &[(Role::Councillor, Some("nowak"))]).await;
    let chase = format!("/my/{}/chase", case.reference);
    assert!(own.gets(&desk, "/overdue").await.has(&format!("action=\"{chase}\"")));
    assert_eq!(other.asks(&desk, Method::POST, &chase, &[]).await.status, StatusCode::NOT_FOUND);
    assert!(desk.outgoing(&case).await.iter().all(|o| o.purpose != "chase"));
    assert!(own.gets(&desk, &format!("/my/{}", case.reference)).await.has(&format!("action=\"{chase}\"")));
    let done = own.asks(&desk, Method::POST, &chase, &[]).await;
    assert_eq!(done.location(), "/overdue?done=chased", "{}", done.body);
    assert!(own.gets(&desk, done.location()).await.has("The department is asked when it will be done"));
    assert!(desk.outgoing(&case).await.iter().any(|o| o.purpose == "chase" && o.status == "queued"));
    let page = own.gets(&desk, &format!("/my/{}", case.reference)).await;
    assert!(page.has("was asked today when it will be done") && !page.has(&chase), "{}", page.body);
    let again = own.asks(&desk, Method::POST, &chase, &[]).await;
    assert!(again.status == StatusCode::CONFLICT && again.has("was asked today already"), "{}", again.body);
}
