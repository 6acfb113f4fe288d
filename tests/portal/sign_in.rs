//! Signing in, sessions, and the word that every form carries.

use crate::desk::{Answer, Desk, PASSWORD};
use crate::people::filled;
use beadle::core::CaseState;
use beadle::portal::{Portal, auth, places};
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
async fn no_place_at_all_lets_in_who_is_not_signed_in() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let mut tried = 0;
    for (path, _) in places::all() {
        let address = filled(path, case.reference.as_str());
        for answer in [desk.get(&address).await, desk.send(&address, &[("csrf", "x")]).await] {
            if answer.status == StatusCode::METHOD_NOT_ALLOWED {
                continue;
            }
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.body);
            assert!(answer.location().starts_with("/sign-in"), "{path} leads to {}", answer.location());
            assert!(answer.body.is_empty(), "{path}");
            tried += 1;
        }
    }
    assert!(tried >= 120, "{tried}");
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

#[tokio::test]
async fn behind_https_every_cookie_is_for_this_host_and_https_only_and_browsers_are_told_to_stay_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("beadle.db").display());
    let desk = Desk::with(&url, dir, Default::default(), |_, portal| Portal { secure_cookie: true, ..portal }).await;
    // A browser would not send such cookies in the clear; the proxy before us speaks HTTPS with it.
    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let cookies = |answer: &Answer| -> Vec<String> {
        let all: Vec<String> =
            answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect();
        for cookie in &all {
            assert!(cookie.starts_with("__Host-beadle"), "{cookie}");
            for part in ["; Secure", "; HttpOnly", "; Path=/;", "; SameSite=Lax"] {
                assert!(cookie.contains(part), "{part}: {cookie}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
        assert_eq!(answer.headers["strict-transport-security"], "max-age=31536000");
        all.iter().map(|cookie| cookie.split(';').next().unwrap().to_owned()).collect()
    };
    let page = desk.ask(plain.get(format!("{}/sign-in", desk.base))).await;
    let word = cookies(&page);
    assert_eq!(word.len(), 1);
    let fields = [("csrf", page.field("csrf")), ("password", PASSWORD.to_owned())];
    let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let form = plain.post(format!("{}/sign-in", desk.base)).header("cookie", &word[0]);
    let form = form.header("content-type", "application/x-www-form-urlencoded").body(body);
    let answer = desk.ask(form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let given = cookies(&answer);
    assert_eq!(given.len(), 3, "session, form and device: {given:?}");
    let session = given.iter().find(|cookie| cookie.starts_with("__Host-beadle=")).unwrap();
    let asks = async |cookie: &str| {
        let request = plain.get(format!("{}/account", desk.base)).header("cookie", cookie);
        desk.ask(request).await.status
    };
    assert_eq!(asks(session).await, StatusCode::OK);
    let planted = session.replace("__Host-beadle=", "beadle=");
    assert_eq!(asks(&planted).await, StatusCode::SEE_OTHER, "a name that another host could set is not looked at");
}

#[tokio::test]
async fn what_no_form_of_ours_sends_is_not_read_to_its_end() {
    let desk = Desk::closed().await;
    let page = desk.get("/sign-in").await;
    let long = "a".repeat(70_000);
    let fields = [("csrf", page.field("csrf")), ("user_name", long), ("password", "x".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for path in ["/sign-in", "/sign-in/code", "/sign-in/passkey", "/sign-in/passkey/done", "/invitation/none"] {
        let answer = desk.send(path, &fields).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
}
