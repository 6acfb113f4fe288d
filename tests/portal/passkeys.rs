//! Passkeys: in a real browser with a device of its own, and over HTTP with what that browser would have sent.

use crate::desk::{Answer, Desk, PASSWORD, Person};
use beadle::core::{Council, Role, UserId};
use beadle::pipeline::{House, Pipeline};
use beadle::portal::Portal;
use beadle::routing::RoutingPolicy;
use beadle::store;
use beadle::store::passkey::NewPasskey;
use beadle::store::user::NewGrant;
use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// A desk whose council set no public address.
async fn desk(passwords: bool) -> Desk {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("beadle.db").display());
    Desk::with(&url, dir, RoutingPolicy::default(), |_, portal| {
        let house = House::clone(&portal.pipeline.house);
        let house = House { council: Council { portal_url: None, ..house.council }, ..house };
        let pipeline = Pipeline { house: Arc::new(house), ..portal.pipeline };
        Portal { pipeline, passwords, ..portal }
    })
    .await
}

/// The same, which the browser knows by name.
async fn named_desk(passwords: bool) -> Desk {
    let mut desk = desk(passwords).await;
    desk.base = desk.base.replace("127.0.0.1", "localhost");
    desk
}

/// Somebody else, with the administrator's password.
async fn somebody(desk: &Desk, user_name: &str) -> UserId {
    let (id, now): (UserId, _) = (desk.pipeline.ids.next(), desk.pipeline.clock.now());
    let mut tx = desk.db().begin().await.unwrap();
    let hash = store::user::by_name(&mut tx, "administrator").await.unwrap().unwrap().password.unwrap();
    assert!(store::user::insert(&mut tx, &id, user_name, user_name, None, now).await.unwrap());
    store::user::set_password(&mut tx, &id, &hash).await.unwrap();
    let new = NewGrant { user: &id, role: Role::Gatekeeper, councillor: None, until: None, by: "administrator" };
    store::user::give(&mut tx, &desk.pipeline.ids, new, now).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn has_one(desk: &Desk, user: &UserId) {
    let mut tx = desk.db().begin().await.unwrap();
    let new = NewPasskey { user, name: "Work laptop", credential: "AAAA", key: &[1], state: &[2] };
    assert!(store::passkey::insert(&mut tx, &desk.pipeline.ids, new, desk.pipeline.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
}

/// Sends what a browser held back, as that browser or as another.
async fn sends(desk: &Desk, held: &Value, cookie: &str) -> Answer {
    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let request = plain.post(format!("{}/sign-in/passkey/done", desk.base)).header("cookie", cookie);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    desk.ask(request.body(held["body"].as_str().unwrap().to_owned())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_signs_its_owner_in_alone_or_after_the_password_and_nobody_else_and_once() {
    let desk = named_desk(true).await;
    somebody(&desk, "b.cole").await;
    let base = desk.base.clone();
    let run = move || {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let modules = home.join("vendor/tools/browser/node_modules");
        assert!(modules.join("axe-core").is_dir(), "the browser's tools are missing: run scripts/setup.sh test");
        std::process::Command::new("node")
            .arg(home.join("tests/support/browser/passkey.js"))
            .args([&base, PASSWORD, "b.cole"])
            .env("NODE_PATH", modules)
            .output()
            .expect("node")
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["offeredWithoutScripts"], false);
    let came: Vec<&str> = seen["came"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let ways = ["Password", "Passkey", "Password and passkey"];
    let ways = [&ways[..], &ways[..], &["Password", "Password"]].concat();
    assert_eq!(came.len(), ways.len(), "{came:?}");
    for (came, way) in came.iter().zip(&ways) {
        assert!(came.trim().ends_with(&format!("2026{way}")) || came.trim().ends_with(way), "{came}: {way}");
    }
    let refused = seen["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 3, "taken away, twice, and somebody else's: {refused:?}");
    for text in refused {
        assert!(text.as_str().unwrap().contains("That passkey does not sign you in"), "{text}");
    }
    let pages = seen["pages"].as_array().unwrap();
    assert_eq!(pages.len(), 2 * 7);
    for page in pages {
        assert!(page["checks"].as_u64().unwrap() > 10, "axe looked at next to nothing: {page}");
        assert_eq!(page["violations"], json!([]), "{page}");
        assert_eq!(page["sideways"], false, "{page}");
        assert_eq!(page["small"], json!([]), "{page}");
    }

    // What the browser would have sent: good for it, once, and not for long.
    let (first, late) = (&seen["held"][0], &seen["held"][1]);
    let cookie = first["cookie"].as_str().unwrap();
    // Another browser, with a word of its own that is as good.
    let (word, other) = (cookie.split("beadle-form=").nth(1).unwrap().split(';').next().unwrap(), "A".repeat(43));
    let body = first["body"].as_str().unwrap();
    assert!(body.contains(word), "{body}");
    let stolen = sends(&desk, &json!({"body": body.replace(word, &other)}), &format!("beadle-form={other}")).await;
    assert_eq!(stolen.status, StatusCode::FORBIDDEN);
    assert!(stolen.has("That passkey does not sign you in"), "{}", stolen.body);
    let answer = sends(&desk, first, cookie).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/account"), "{}", answer.body);
    let again = sends(&desk, first, cookie).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "an answer is good once");
    assert!(again.has("That passkey does not sign you in"), "{}", again.body);
    desk.pipeline.clock.advance(TimeDelta::seconds(121));
    let answer = sends(&desk, late, late["cookie"].as_str().unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);

    let trail = desk.trail("portal").await;
    for (row, times) in [
        ("administrator passkey added", 3),
        ("administrator passkey taken away", 2),
        ("b.cole passkey added", 1),
        ("nobody sign in refused", 6),
    ] {
        assert_eq!(trail.iter().filter(|one| *one == row).count(), times, "{row}: {trail:?}");
    }
}

#[tokio::test]
async fn where_the_portal_has_no_name_or_no_passwords_nobody_gets_a_passkey() {
    let desk = desk(true).await;
    assert!(!desk.get("/sign-in").await.has("passkey"));
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    let page = desk.get("/account").await;
    assert!(page.has("a passkey belongs to a name") && !page.has("Add a passkey"), "{}", page.body);
    let fields = [("called", "Work laptop"), ("password", PASSWORD)];
    assert_eq!(desk.press(&page, "/account/passkeys", &fields).await.status, StatusCode::CONFLICT);

    let desk = named_desk(false).await;
    let page = desk.get("/sign-in").await;
    assert!(!page.has("passkey"), "{}", page.body);
    assert_eq!(desk.press(&page, "/sign-in/passkey", &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.press(&page, "/sign-in/passkey/done", &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    let page = desk.get("/account").await;
    assert!(!page.has("asskey"), "{}", page.body);
    assert_eq!(desk.press(&page, "/account/passkeys", &fields).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn adding_a_passkey_and_taking_one_away_asks_for_the_password() {
    let desk = named_desk(true).await;
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    let page = desk.get("/account").await;
    for (called, password, said) in
        [("", PASSWORD, "Enter what you call this passkey"), ("Work laptop", "wrong", "That is not your password")]
    {
        let answer = desk.press(&page, "/account/passkeys", &[("called", called), ("password", password)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.has(said), "{}", answer.body);
    }
    let answer = desk.press(&page, "/account/passkeys", &[("called", "Work laptop"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self'") && policy.contains("default-src 'none'"), "{policy}");
    let answer = desk.press(&page, "/account/passkeys/add", &[("called", "x"), ("credential", "{}")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(desk.trail("portal").await.contains(&"administrator passkey refused".to_owned()));

    has_one(&desk, &UserId::from("administrator".to_owned())).await;
    let page = desk.get("/account").await;
    assert!(page.has("Work laptop") && page.has("Never"), "{}", page.body);
    let which = page.body.split("name=\"which\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    for (which, password, said) in [("", PASSWORD, "Choose the passkey"), (which, "wrong", "That is not your password")]
    {
        let answer = desk.press(&page, "/account/passkeys/away", &[("which", which), ("password", password)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.has(said), "{}", answer.body);
    }
    let fields = [("which", which), ("password", PASSWORD)];
    assert_eq!(desk.press(&page, "/account/passkeys/away", &fields).await.location(), "/account?done=passkey-gone");
    assert_eq!(desk.press(&page, "/account/passkeys/away", &fields).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_has_a_passkey_needs_more_than_a_password_until_a_new_link_takes_it_away() {
    let desk = named_desk(true).await;
    let id = somebody(&desk, "b.cole").await;
    has_one(&desk, &id).await;
    let page = desk.get("/sign-in").await;
    let fields = [("user_name", "b.cole"), ("password", PASSWORD)];
    let asked = desk.press(&page, "/sign-in", &fields).await;
    assert!(asked.has("Use your passkey") && asked.headers.get("set-cookie").is_some(), "{}", asked.body);
    assert_eq!(desk.get("/account").await.status, StatusCode::SEE_OTHER, "not in yet");
    // The code's way is no way around it, nor are an empty answer and another's.
    let half = asked.field("half");
    let answer = desk.press(&asked, "/sign-in/code", &[("half", &half), ("code", "123456")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let answer = desk.press(&asked, "/sign-in/passkey/done", &[("half", &half), ("credential", "{}")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.has("That passkey does not sign you in"), "{}", answer.body);
    assert!(desk.trail("portal").await.contains(&"nobody sign in refused".to_owned()));

    // Who has both is asked for one of them.
    let mut tx = desk.db().begin().await.unwrap();
    store::user::set_totp(&mut tx, &id, Some("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), 0).await.unwrap();
    tx.commit().await.unwrap();
    let page = desk.get("/sign-in").await;
    let code = desk.press(&page, "/sign-in", &fields).await;
    assert!(code.has("Six digits") && code.has("Use a passkey instead"), "{}", code.body);
    let asked = desk.press(&code, "/sign-in/passkey", &[("half", &code.field("half"))]).await;
    assert!(asked.has("Use your passkey") && asked.has("data-options"), "{}", asked.body);

    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    let person = desk.get(&format!("/admin/people/{id}")).await;
    let link = desk.press(&person, &format!("/admin/people/{id}/invite"), &[]).await;
    assert!(link.has("/invitation/"), "{}", link.body);
    let mut tx = desk.db().read().await.unwrap();
    assert!(store::passkey::of(&mut tx, &id).await.unwrap().is_empty());
    drop(tx);
    // What was a second factor is not replaced by the old password alone.
    desk.press(&desk.get("/account").await, "/sign-out", &[]).await;
    let page = desk.get("/sign-in").await;
    assert_eq!(desk.press(&page, "/sign-in", &fields).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn wrong_passkeys_wait_as_wrong_passwords_do() {
    let desk = named_desk(true).await;
    let page = desk.get("/sign-in").await;
    let mut last = page;
    for _ in 0..31 {
        last = desk.press(&last, "/sign-in/passkey/done", &[("credential", "{}")]).await;
        if last.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        assert_eq!(last.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(last.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn strangers_who_ask_for_questions_fill_no_database_and_keep_out_nobody_who_was_here_before() {
    let desk = named_desk(true).await;
    let page = desk.get("/sign-in").await;
    let too_late = desk.press(&page, "/sign-in/passkey", &[("half", "made up")]).await;
    assert_eq!(too_late.status, StatusCode::FORBIDDEN);
    assert!(too_late.has("That took too long"), "{}", too_late.body);
    let store::Db::Sqlite(pool) = desk.db() else { panic!("SQLite") };
    let waiting = async || -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM passkey_challenges").fetch_one(pool).await.unwrap()
    };
    assert_eq!(waiting().await, 0);
    let mut asked = 0;
    let mut last = desk.press(&page, "/sign-in/passkey", &[]).await;
    while last.status == StatusCode::OK {
        asked += 1;
        last = desk.press(&page, "/sign-in/passkey", &[]).await;
    }
    assert_eq!((last.status, asked), (StatusCode::TOO_MANY_REQUESTS, 300));
    assert!(last.has("Passkeys were asked for too often") && last.headers.contains_key("retry-after"), "{}", last.body);
    assert_eq!(waiting().await, 1, "one for each browser");
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    desk.press(&desk.get("/account").await, "/sign-out", &[]).await;
    let page = desk.get("/sign-in").await;
    assert_eq!(
        desk.press(&page, "/sign-in/passkey", &[]).await.status,
        StatusCode::OK,
        "from where they signed in before"
    );

    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5500)
         INSERT INTO passkey_challenges (challenge, asked, state, expires_at)
         SELECT 'c' || i, 'a' || i, x'00', '2026-03-13T14:06:00+00:00' FROM n",
    )
    .execute(pool)
    .await
    .unwrap();
    assert_eq!(desk.press(&page, "/sign-in/passkey", &[]).await.status, StatusCode::OK);
    assert_eq!(waiting().await, store::passkey::MOST_CHALLENGES);
}

#[tokio::test]
async fn a_new_password_puts_out_whoever_had_the_old_one_and_what_they_left_behind() {
    let desk = named_desk(true).await;
    let id = UserId::from("administrator".to_owned());
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    assert!(!desk.get("/account").await.has("Take my passkeys away, too"), "there are none");
    has_one(&desk, &id).await;
    let mut tx = desk.db().begin().await.unwrap();
    let until = desk.pipeline.clock.now() + TimeDelta::days(1);
    store::user::invite(&mut tx, &id, "the hash of a link", until).await.unwrap();
    tx.commit().await.unwrap();
    let page = desk.get("/account").await;
    assert!(page.has("Take my passkeys away, too") && page.has("Work laptop"), "{}", page.body);
    let new = "quiet walnut ferry nine";
    let fields = [("current", PASSWORD), ("new", new), ("again", new), ("passkeys", "yes")];
    assert_eq!(desk.press(&page, "/account/password", &fields).await.location(), "/sign-in");
    assert_eq!(desk.sign_in(new, "").await.status, StatusCode::SEE_OTHER, "no passkey is asked for any more");
    let mut tx = desk.db().read().await.unwrap();
    assert!(store::passkey::of(&mut tx, &id).await.unwrap().is_empty());
    let link = store::user::invited(&mut tx, "the hash of a link", desk.pipeline.clock.now()).await.unwrap();
    assert_eq!(link, None, "a link that was made before sets no password any more");
    drop(tx);

    // Without the tick they stay.
    has_one(&desk, &id).await;
    let page = desk.get("/account").await;
    let fields = [("current", new), ("new", PASSWORD), ("again", PASSWORD)];
    assert_eq!(desk.press(&page, "/account/password", &fields).await.location(), "/sign-in");
    let mut tx = desk.db().read().await.unwrap();
    assert_eq!(store::passkey::of(&mut tx, &id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn whoever_takes_a_passkey_away_is_signed_out_everywhere_else() {
    let desk = named_desk(true).await;
    let id = UserId::from("administrator".to_owned());
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    has_one(&desk, &id).await;
    let other = Person::signed_in(&desk, id, "a stolen laptop").await;
    let page = desk.get("/account").await;
    let fields = [("which", page.field("which")), ("password", PASSWORD.to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(desk.press(&page, "/account/passkeys/away", &fields).await.location(), "/account?done=passkey-gone");
    assert_eq!(other.gets(&desk, "/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(desk.get("/account").await.status, StatusCode::OK);
}
