//! Signing in, sessions, and the word that every form carries.

use crate::desk::{Desk, PASSWORD};
use beadle::core::CaseState;
use beadle::portal::auth;
use beadle::store;
use beadle::store::Db;
use chrono::TimeDelta;
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;

#[tokio::test]
async fn every_page_asks_for_signing_in_first_and_leads_back_to_what_was_wanted() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let reference = &case.reference;
    let pages = [
        "/cases/REF",
        "/find?reference=x",
        "/cases/REF/messages/x/attachments/0",
        "/messages/x/raw",
        "/deliveries/x/raw",
        "/set-aside",
        "/quarantine",
        "/outbox",
        "/learned",
        "/blocked",
        "/campaigns",
        "/cases/REF/campaign",
        "/patterns",
    ];
    assert_eq!(desk.get("/").await.location(), "/sign-in");
    for page in pages.map(|p| p.replace("REF", reference.as_str())) {
        let answer = desk.get(&page).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{page}");
        assert!(answer.location().starts_with("/sign-in?next=%2F"), "{page} leads to {}", answer.location());
        assert!(!answer.has("pothole"), "{page}");
    }
    for action in [
        "accept",
        "change",
        "join",
        "seen",
        "links/x/undo",
        "links/x/same",
        "links/x/different",
        "links/x/unsplit",
        "parts/2/split",
        "parts/2/dismiss",
        "whole",
        "outgoing/x/release",
        "messages/x/send-on",
        "campaign/answer",
        "campaign/acknowledge",
    ] {
        let answer = desk.send(&format!("/cases/{reference}/{action}"), &[("csrf", ""), ("seen", "")]).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/sign-in"), "{action}");
    }
    for action in ["/quarantine/x/replay", "/sign-out"] {
        assert_eq!(desk.send(action, &[]).await.location(), "/sign-in", "{action}");
    }
    assert_eq!(desk.case(reference).await.state, CaseState::Review);
    let wanted = format!("%2Fcases%2F{reference}");
    assert_eq!(desk.sign_in(PASSWORD, &wanted).await.location(), format!("/cases/{reference}"));
    assert_eq!(desk.get(&format!("/cases/{reference}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_in_leads_nowhere_but_here() {
    let desk = Desk::closed().await;
    assert_eq!(desk.sign_in(PASSWORD, "%2F%2Fevil.example").await.location(), "/");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_after_five_whoever_guesses_waits() {
    let desk = Desk::closed().await;
    for _ in 0..5 {
        let answer = desk.sign_in("not the password", "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.has("The user name or the password is not right"));
    }
    let early = desk.sign_in(PASSWORD, "").await;
    assert_eq!(early.status, StatusCode::TOO_MANY_REQUESTS, "even the right one waits");
    assert_eq!(early.headers[RETRY_AFTER], "1");
    assert!(early.has("Too many wrong tries. Wait 1 second, then try again."), "{}", early.body);
    assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER);
    desk.pipeline.clock.advance(TimeDelta::seconds(2));
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(desk.get("/").await.status, StatusCode::OK);
    let trail = desk.trail("portal").await;
    assert_eq!(trail.iter().filter(|t| *t == "nobody sign in refused").count(), 5, "{trail:?}");
    assert!(trail.contains(&"administrator sign in".to_owned()));
}

#[tokio::test]
async fn the_sign_in_form_is_refused_where_it_does_not_come_from_its_page() {
    let desk = Desk::closed().await;
    let answer = desk.send("/sign-in", &[("csrf", "x"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    desk.get("/sign-in").await;
    assert_eq!(desk.send("/sign-in", &[("csrf", "x"), ("password", PASSWORD)]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_ends_by_signing_out_by_time_and_by_a_new_password() {
    let desk = Desk::open().await;
    let page = desk.get("/").await;
    assert_eq!(desk.press(&page, "/sign-out", &[]).await.location(), "/sign-in");
    assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER);

    desk.sign_in(PASSWORD, "").await;
    desk.pipeline.clock.advance(TimeDelta::hours(11));
    assert_eq!(desk.get("/").await.status, StatusCode::OK);
    desk.pipeline.clock.advance(TimeDelta::hours(1) + TimeDelta::seconds(1));
    assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER);

    desk.sign_in(PASSWORD, "").await;
    let mut tx = desk.db().begin().await.unwrap();
    auth::set_password(&mut tx, "another otter lamp tram", desk.pipeline.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_first_password_is_made_up_once_and_works() {
    let desk = Desk::closed().await;
    assert_eq!(auth::ensure_password(desk.db(), desk.pipeline.clock.now()).await.unwrap(), None, "one is set");
    let empty = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", empty.path().join("beadle.db").display())).await.unwrap();
    let made = auth::ensure_password(&db, desk.pipeline.clock.now()).await.unwrap().unwrap();
    assert_eq!(made.len(), 19);
    assert_eq!(auth::ensure_password(&db, desk.pipeline.clock.now()).await.unwrap(), None);
    let mut tx = db.begin().await.unwrap();
    let hash = store::user::by_name(&mut tx, auth::ADMINISTRATOR).await.unwrap().unwrap().password.unwrap();
    assert!(hash.starts_with("$argon2id$") && !hash.contains(&made));
    assert!(auth::set_password(&mut tx, "short", desk.pipeline.clock.now()).await.is_err());
}

#[tokio::test]
async fn a_form_without_the_sessions_word_changes_nothing() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    let seen = page.field("seen");
    for csrf in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = desk.send(&format!("/cases/{}/accept", case.reference), &[("csrf", csrf), ("seen", &seen)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.has("Nothing was changed"));
    }
    let answer = desk.send(&format!("/cases/{}/accept", case.reference), &[("seen", &seen)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(desk.send("/sign-out", &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Review);
    assert!(desk.outgoing(&case).await.is_empty());
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_and_other_sites() {
    let desk = Desk::closed().await;
    let answer = desk.sign_in(PASSWORD, "").await;
    let cookies: Vec<&str> = answer.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    let session = cookies.iter().find(|c| c.starts_with("beadle=")).unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(session.contains(part), "{session}");
    }
    assert!(!session.contains("Secure"), "plain HTTP on this machine");
    let token = session.strip_prefix("beadle=").unwrap().split(';').next().unwrap();
    let mut tx = desk.db().read().await.unwrap();
    assert!(
        store::session::get(&mut tx, token, desk.pipeline.clock.now()).await.unwrap().is_none(),
        "only its hash is kept"
    );
}
