//! Accounts: who gets in, what their roles open, and what shows when somebody tries more.

use crate::desk::{Answer, Desk, PASSWORD, Person};
use beadle::core::{Grant, Right, Role, UserId};
use beadle::portal::{Portal, places};
use beadle::store::passkey::NewPasskey;
use beadle::store::{self, audit};
use chrono::TimeDelta;
use reqwest::{Method, StatusCode};

/// A place with everything in braces filled in: the reference of a case, and else what nothing is called.
pub fn filled(path: &str, reference: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{reference}" => reference,
        part if part.starts_with('{') => "none",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_place_lets_in_the_roles_that_the_table_names_and_no_other() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let people = [
        (Grant { role: Role::Administrator, councillor: None }, "ada"),
        (Grant { role: Role::Gatekeeper, councillor: None }, "gil"),
        (Grant { role: Role::Gatekeeper, councillor: Some("adeyemi".to_owned()) }, "gwen"),
        (Grant { role: Role::Councillor, councillor: Some("adeyemi".to_owned()) }, "cora"),
    ];
    let (mut let_in, mut refused) = (0, 0);
    for (grant, name) in people {
        let person = Person::new(&desk, name, &[(grant.role, grant.councillor.as_deref())]).await;
        for (path, right) in places::all() {
            let address = filled(path, case.reference.as_str());
            for method in [Method::GET, Method::POST] {
                if path == "/sign-out" {
                    continue;
                }
                let answer = person.asks(&desk, method.clone(), &address, &[]).await;
                if answer.status == StatusCode::METHOD_NOT_ALLOWED {
                    continue;
                }
                let out = answer.status == StatusCode::FORBIDDEN && answer.has("Your account does not let you do this")
                    || path == "/" && answer.status == StatusCode::SEE_OTHER;
                assert_eq!(out, !grant.holds(right), "{name}: {method} {path}: {}", answer.status);
                assert!(answer.status.as_u16() < 500, "{name}: {method} {path}: {}", answer.status);
                if out {
                    assert!(!answer.has("pothole") && !answer.has("Hollis"), "{name}: {method} {path}");
                    refused += 1;
                } else {
                    let_in += 1;
                }
            }
        }
    }
    assert!(let_in > 100 && refused > 60, "{let_in} let in, {refused} refused");
}

#[tokio::test]
async fn another_councillors_gatekeeper_sees_nothing_and_the_attempt_is_on_the_trail() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    assert_eq!(case.councillor.as_deref(), Some("adeyemi"));
    let other = Person::new(&desk, "nina", &[(Role::Gatekeeper, Some("nowak"))]).await;
    let path = format!("/cases/{}", case.reference);
    for (method, address) in [
        (Method::GET, path.clone()),
        (Method::POST, format!("{path}/accept")),
        (Method::GET, format!("{path}/campaign")),
    ] {
        let answer = other.asks(&desk, method, &address, &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
        let free = desk.pipeline.ids.reference();
        let nowhere = other.gets(&desk, &format!("/cases/{free}")).await;
        let strange = nowhere.body.replace(free.as_str(), case.reference.as_str());
        assert_eq!(answer.body, strange, "it looks the same as a case that is not there");
    }
    assert!(!other.gets(&desk, "/").await.has(case.reference.as_str()));
    let mut tx = desk.db().read().await.unwrap();
    let message = store::message::of_case(&mut tx, &case.id).await.unwrap().remove(0);
    drop(tx);
    let raw = other.gets(&desk, &format!("/messages/{}/raw", message.id)).await;
    assert_eq!(raw.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.trail(&format!("message:{}", message.id)).await, ["nina refused"]);
    let trail = desk.trail(&format!("case:{}", case.id)).await;
    assert_eq!(trail.iter().filter(|row| *row == "nina refused").count(), 3, "{trail:?}");

    let own = Person::new(&desk, "gwen", &[(Role::Gatekeeper, Some("adeyemi"))]).await;
    assert!(own.gets(&desk, "/").await.has(case.reference.as_str()));
    let page = own.gets(&desk, &path).await;
    assert!(page.has("deep pothole"));
    let accepted = own.asks(&desk, Method::POST, &format!("{path}/accept"), &[("seen", &page.field("seen"))]).await;
    assert_eq!(accepted.status, StatusCode::SEE_OTHER, "{}", accepted.body);
    let mut tx = desk.db().read().await.unwrap();
    let decisions = store::decision::of_case(&mut tx, &case.id).await.unwrap();
    assert!(decisions.iter().any(|d| d.actor == "gwen for adeyemi"), "both names are recorded");
}

#[tokio::test]
async fn a_former_assistant_sees_nothing_from_the_moment_the_role_or_the_account_ends() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let fern = Person::new(&desk, "fern", &[(Role::Gatekeeper, Some("adeyemi"))]).await;
    assert_eq!(fern.gets(&desk, &path).await.status, StatusCode::OK);
    let page = desk.get(&format!("/admin/people/{}", fern.id)).await;
    let taken = page.address("/end");
    assert!(taken.contains("/roles/"), "{taken}");
    assert_eq!(desk.press(&page, &taken, &[]).await.status, StatusCode::SEE_OTHER);
    let refused = fern.gets(&desk, &path).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!refused.has("pothole"));
    assert!(desk.trail(&format!("case:{}", case.id)).await.contains(&"fern refused".to_owned()));

    let lent = Person::new(&desk, "lena", &[]).await;
    let page = desk.get(&format!("/admin/people/{}", lent.id)).await;
    let until = [("role", "gatekeeper"), ("councillor", "adeyemi"), ("until", "2026-03-14")];
    desk.press(&page, &format!("/admin/people/{}/roles", lent.id), &until).await;
    assert_eq!(lent.gets(&desk, &path).await.status, StatusCode::OK);
    desk.pipeline.clock.advance(TimeDelta::hours(48));
    let lent = Person::signed_in(&desk, lent.id, "lena again").await;
    assert_eq!(lent.gets(&desk, &path).await.status, StatusCode::FORBIDDEN, "a lent role ends by itself");

    desk.sign_in(PASSWORD, "").await;
    let page = desk.get(&format!("/admin/people/{}", lent.id)).await;
    desk.press(&page, &format!("/admin/people/{}/end", lent.id), &[]).await;
    assert_eq!(lent.gets(&desk, "/account").await.status, StatusCode::SEE_OTHER, "signed out at once");
}

#[tokio::test]
async fn somebody_is_added_chooses_a_password_by_their_link_and_signs_in() {
    let desk = Desk::open().await;
    let page = desk.get("/admin/people").await;
    let bad = desk.press(&page, "/admin/people", &[("name", "Joan Harrow"), ("user_name", "J H")]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(bad.has("Enter a user name of 3 to 60") && bad.has("Joan Harrow"), "what was entered stays");
    let fields = [("name", "Joan Harrow"), ("user_name", "J.Harrow"), ("role", "gatekeeper"), ("councillor", "nowak")];
    let made = desk.press(&page, "/admin/people", &fields).await;
    assert!(made.has("Gatekeeper for Cllr Marek Nowak"), "{}", made.body);
    let (_, rest) = made.body.split_once("id=\"link\">").unwrap();
    let link = rest.split('<').next().unwrap();
    let link = link.strip_prefix("https://cases.brackenmere.example").expect("as it is opened from outside").to_owned();
    assert!(desk.press(&page, "/admin/people", &fields).await.has("This user name is taken"));

    desk.press(&page, "/sign-out", &[]).await;
    assert!(desk.get(&link).await.has("j.harrow"));
    let weak = desk.send(&link, &[("new", "harrow 2026 harrow"), ("again", "harrow 2026 harrow")]).await;
    assert!(weak.has("too easy to guess"), "{}", weak.body);
    let unlike = desk.send(&link, &[("new", "lamp otter tram nine"), ("again", "lamp otter tram ten")]).await;
    assert!(unlike.has("The two passwords are different"));
    let set = desk.send(&link, &[("new", "lamp otter tram nine"), ("again", "lamp otter tram nine")]).await;
    assert_eq!(set.location(), "/sign-in");
    assert_eq!(desk.get(&link).await.status, StatusCode::NOT_FOUND, "it is good once");

    let page = desk.get("/sign-in").await;
    let form =
        [("csrf", page.field("csrf")), ("user_name", "J.Harrow".into()), ("password", "lamp otter tram nine".into())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(desk.send("/sign-in", &form).await.status, StatusCode::SEE_OTHER);
    let home = desk.get("/").await;
    assert!(home.has("Joan Harrow"), "{}", home.body);
    assert_eq!(desk.get("/admin/people").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let desk = Desk::open().await;
    let page = desk.get("/admin/people/administrator").await;
    let refused = desk.press(&page, "/admin/people/administrator/end", &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.has("Nobody else can administer the portal"));
    let mut tx = desk.db().read().await.unwrap();
    let roles = store::user::given(&mut tx, None, desk.pipeline.clock.now()).await.unwrap();
    drop(tx);
    let role = roles.iter().find(|role| role.role == Role::Administrator).unwrap();
    let take = format!("/admin/people/administrator/roles/{}/end", role.id);
    assert_eq!(desk.press(&page, &take, &[]).await.status, StatusCode::CONFLICT);
    assert_eq!(desk.get("/admin/people").await.status, StatusCode::OK);
}

/// The six digits that an app shows for a key (RFC 6238), by a program that is not ours.
fn digits(key: &str, at: i64) -> String {
    let program = "import base64,hmac,sys\nkey=base64.b32decode(sys.argv[1]+'='*(-len(sys.argv[1])%8))\n\
                   mac=hmac.new(key,(int(sys.argv[2])//30).to_bytes(8,'big'),'sha1').digest()\n\
                   at=mac[19]&15\nprint('%06d'%((int.from_bytes(mac[at:at+4],'big')&0x7fffffff)%1000000))";
    let output = std::process::Command::new("python3").args(["-c", program, key, &at.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn with_a_second_factor_the_password_alone_lets_nobody_in() {
    let desk = Desk::open().await;
    let page = desk.get("/account").await;
    let (_, rest) = page.body.split_once("class=\"key\">").unwrap();
    let key: String = rest.split('<').next().unwrap().split(' ').collect();
    let now = || desk.pipeline.clock.now().timestamp();
    let secret = page.field("secret");
    let wrong = [("secret", secret.as_str()), ("code", "000000"), ("password", PASSWORD)];
    let refused = desk.press(&page, "/account/second-factor", &wrong).await;
    assert!(refused.has("That code does not belong to the new key"), "{}", refused.body);
    let code = digits(&key, now());
    let right = [("secret", secret.as_str()), ("code", code.as_str()), ("password", PASSWORD)];
    let other = Person::signed_in(&desk, UserId::from("administrator".to_owned()), "a stolen laptop").await;
    assert_eq!(desk.press(&page, "/account/second-factor", &right).await.location(), "/account?done=factor-on");
    assert_eq!(other.gets(&desk, "/account").await.status, StatusCode::SEE_OTHER, "signed out everywhere else");
    desk.press(&page, "/sign-out", &[]).await;

    let asked = desk.sign_in(PASSWORD, "").await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.has("Six digits"), "{}", asked.body);
    assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER, "not in yet");
    let answer = async |code: &str| {
        let form = [("csrf", asked.field("csrf")), ("half", asked.field("half")), ("code", code.to_owned())];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        desk.send("/sign-in/code", &form).await
    };
    assert!(answer(&code).await.has("it was used before"), "a code is good once");
    desk.pipeline.clock.advance(TimeDelta::seconds(60));
    assert_eq!(answer(&digits(&key, now())).await.status, StatusCode::SEE_OTHER);
    assert_eq!(desk.get("/").await.status, StatusCode::OK);
    let other = Person::signed_in(&desk, UserId::from("administrator".to_owned()), "a stolen telephone").await;
    let page = desk.get("/account").await;
    let off = desk.press(&page, "/account/second-factor/off", &[("password", PASSWORD)]).await;
    assert_eq!(off.location(), "/account?done=factor-off");
    assert_eq!(other.gets(&desk, "/account").await.status, StatusCode::SEE_OTHER, "signed out everywhere else");
    assert_eq!(desk.get("/account").await.status, StatusCode::OK);
}

/// A browser that was never here.
fn fresh() -> reqwest::Client {
    reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Sends a form that carries the word and whatever else the page has of these.
async fn sends(desk: &Desk, browser: &reqwest::Client, page: &Answer, path: &str, fields: &[(&str, &str)]) -> Answer {
    let csrf = page.field("csrf");
    let fields = fields.iter().copied().chain([("csrf", csrf.as_str())]);
    let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = browser.post(format!("{}{path}", desk.base));
    desk.ask(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

#[tokio::test]
async fn forty_sign_ins_in_two_steps_from_one_address_keep_nobody_out() {
    let desk = Desk::closed().await;
    let key = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let mut tx = desk.db().begin().await.unwrap();
    store::user::set_totp(&mut tx, &UserId::from("administrator".to_owned()), Some(key), 0).await.unwrap();
    tx.commit().await.unwrap();
    for n in 0..40 {
        let browser = fresh();
        let page = desk.ask(browser.get(format!("{}/sign-in", desk.base))).await;
        let fields = [("user_name", "administrator"), ("password", PASSWORD)];
        let asked = sends(&desk, &browser, &page, "/sign-in", &fields).await;
        assert!(asked.has("Six digits"), "{n}: {}", asked.body);
        let (half, code) = (asked.field("half"), digits(key, desk.pipeline.clock.now().timestamp()));
        let fields = [("half", half.as_str()), ("code", code.as_str())];
        let answer = sends(&desk, &browser, &asked, "/sign-in/code", &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{n}: {}", answer.body);
        desk.pipeline.clock.advance(TimeDelta::seconds(60));
    }
    // A stolen password is no way to guess at codes: the name stays counted until the second step is done.
    let (browser, mut last) = (fresh(), StatusCode::OK);
    for _ in 0..6 {
        let page = desk.ask(browser.get(format!("{}/sign-in", desk.base))).await;
        let fields = [("user_name", "administrator"), ("password", PASSWORD)];
        last = sends(&desk, &browser, &page, "/sign-in", &fields).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_link_for_a_lost_password_ends_the_old_one_and_its_sessions_at_once_but_not_the_only_administrators() {
    let desk = Desk::open().await;
    let page = desk.get("/admin/people/administrator").await;
    let refused = desk.press(&page, "/admin/people/administrator/invite", &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.has("a link would shut this account"), "{}", refused.body);
    assert_eq!(desk.get("/admin/people").await.status, StatusCode::OK, "still in");

    let joan = Person::new(&desk, "j.harrow", &[(Role::Gatekeeper, None)]).await;
    let mut tx = desk.db().begin().await.unwrap();
    let hash = store::user::by_name(&mut tx, "administrator").await.unwrap().unwrap().password.unwrap();
    store::user::set_password(&mut tx, &joan.id, &hash).await.unwrap();
    store::user::set_totp(&mut tx, &joan.id, Some("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), 0).await.unwrap();
    tx.commit().await.unwrap();
    let page = desk.get(&format!("/admin/people/{}", joan.id)).await;
    assert!(page.has("the old one does not work any more"), "{}", page.body);
    let made = desk.press(&page, &format!("/admin/people/{}/invite", joan.id), &[]).await;
    assert!(made.has("until then they have none") && made.has("Not set yet"), "{}", made.body);
    assert_eq!(joan.gets(&desk, "/").await.status, StatusCode::SEE_OTHER, "signed out");
    let thief = fresh();
    let page = desk.ask(thief.get(format!("{}/sign-in", desk.base))).await;
    let fields = [("user_name", "j.harrow"), ("password", PASSWORD)];
    let answer = sends(&desk, &thief, &page, "/sign-in", &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "the password alone is not enough: {}", answer.body);

    // Whoever chose a password in a browser is known there.
    let (_, rest) = made.body.split_once("id=\"link\">https://cases.brackenmere.example").unwrap();
    let link = rest.split('<').next().unwrap();
    let new = [("new", "quiet walnut ferry nine"), ("again", "quiet walnut ferry nine")];
    let set = desk.send(link, &new).await;
    assert_eq!(set.location(), "/sign-in");
    let cookie = set.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("beadle-device=j.harrow/"), "{cookie}");
}

#[tokio::test]
async fn the_only_administrator_comes_back_by_a_command_where_the_files_are() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().to_owned();
    let settings = "[smtp]\nfolder = 'outgoing'\n[database]\nurl = 'sqlite:beadle.db'\n";
    std::fs::write(place.join("beadle.toml"), settings).unwrap();
    let url = format!("sqlite:{}", place.join("beadle.db").display());
    let desk = Desk::on(&url, dir, Default::default()).await;
    let id = UserId::from("administrator".to_owned());
    let mut tx = desk.db().begin().await.unwrap();
    store::user::set_totp(&mut tx, &id, Some("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), 0).await.unwrap();
    let now = desk.pipeline.clock.now();
    let new = NewPasskey { user: &id, name: "Lost", credential: "AAAA", key: &[1], state: &[2] };
    assert!(store::passkey::insert(&mut tx, &desk.pipeline.ids, new, now).await.unwrap());
    store::user::end(&mut tx, &id, "somebody", now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::FORBIDDEN);

    let command = |arguments: &[&str]| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_beadle"));
        program.args(arguments).arg("--dir").arg(&place).output().unwrap()
    };
    assert!(!command(&["administrator"]).status.success(), "nothing is done unless it is said");
    let said = command(&["administrator", "--new-password"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let file = place.join("admin-password");
    let password = std::fs::read_to_string(&file).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "its owner's only");
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("admin-password") && !said.contains(password.trim()), "{said}");

    desk.pipeline.clock.advance(TimeDelta::minutes(5));
    let answer = desk.sign_in(password.trim(), "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "without a second factor: {}", answer.body);
    for page in ["/admin/people", "/"] {
        assert_eq!(desk.get(page).await.status, StatusCode::OK, "{page}");
    }
    assert!(desk.trail("user:administrator").await.contains(&"beadle new password by command".to_owned()));
}

#[tokio::test]
async fn behind_a_proxy_who_guesses_keeps_out_only_their_own_address() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("beadle.db").display());
    let told = |_: &str, portal: Portal| Portal { behind_proxy: true, ..portal };
    let desk = Desk::with(&url, dir, Default::default(), told).await;
    let tries = async |from: &str, name: &str| {
        let browser = fresh();
        let page = desk.ask(browser.get(format!("{}/sign-in", desk.base))).await;
        let body = format!("csrf={}&user_name={name}&password=wrong", page.field("csrf"));
        let request = browser.post(format!("{}/sign-in", desk.base)).header("x-forwarded-for", from);
        desk.ask(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await.status
    };
    for n in 0..30 {
        let from = format!("203.0.113.7, 2001:db8:1:2::{n}");
        assert_eq!(tries(&from, &format!("name{n}")).await, StatusCode::FORBIDDEN, "{n}");
    }
    assert_eq!(tries("2001:db8:1:2:9::9", "another").await, StatusCode::TOO_MANY_REQUESTS, "one household");
    assert_eq!(tries("2001:db8:1:3::1", "another").await, StatusCode::FORBIDDEN, "another one");
}

#[tokio::test]
async fn who_guesses_at_a_name_does_not_lock_its_owner_out() {
    let desk = Desk::open().await;
    let page = desk.get("/").await;
    desk.press(&page, "/sign-out", &[]).await;
    // A stranger, in another browser.
    let stranger =
        reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for _ in 0..6 {
        let page = desk.ask(stranger.get(format!("{}/sign-in", desk.base))).await;
        let body = format!("csrf={}&user_name=administrator&password=wrong", page.field("csrf"));
        let kind = "application/x-www-form-urlencoded";
        desk.ask(stranger.post(format!("{}/sign-in", desk.base)).header("content-type", kind).body(body)).await;
    }
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER, "from where they signed in before");
}

#[tokio::test]
async fn a_session_can_be_ended_from_another_browser() {
    let desk = Desk::open().await;
    let admin = UserId::from("administrator".to_owned());
    let lost = Person::signed_in(&desk, admin, "a lost telephone").await;
    assert_eq!(lost.gets(&desk, "/").await.status, StatusCode::OK);
    let page = desk.get("/account").await;
    let ended = desk.press(&page, "/account/sessions/end", &[("session", &page.field("session"))]).await;
    assert_eq!(ended.location(), "/account?done=session-ended");
    assert_eq!(lost.gets(&desk, "/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(desk.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_audit_trail_cannot_be_changed_and_shows_it_where_it_was() {
    let desk = Desk::open().await;
    desk.pothole().await;
    desk.get("/").await;
    let mut tx = desk.db().begin().await.unwrap();
    while audit::seal(&mut tx, None).await.unwrap() > 0 {}
    tx.commit().await.unwrap();
    let chain = audit::check(&mut desk.db().read().await.unwrap()).await.unwrap();
    assert!(chain.sealed >= 2 && chain.open == Some(0) && chain.broken.is_none(), "{chain:?}");
    let store::Db::Sqlite(pool) = desk.db() else { panic!("SQLite") };
    for doing in ["UPDATE audit SET actor = 'somebody else'", "DELETE FROM audit_seals", "DELETE FROM audit"] {
        let refused = sqlx::query(doing).execute(pool).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{doing}: {refused}");
    }
    // Whoever can write to the file itself can do it all the same.
    sqlx::query("DROP TRIGGER audit_no_UPDATE").execute(pool).await.unwrap();
    sqlx::query(
        "UPDATE audit SET actor = 'somebody else' WHERE id = (SELECT audit_id FROM audit_seals WHERE number = 2)",
    )
    .execute(pool)
    .await
    .unwrap();
    let chain = audit::check(&mut desk.db().read().await.unwrap()).await.unwrap();
    assert_eq!(chain.broken, Some(2));
    assert!(desk.get("/admin/audit").await.has("The trail was tampered with: seal 2"));
}

#[tokio::test]
async fn an_administrator_who_is_no_gatekeeper_is_led_to_their_own_pages() {
    let desk = Desk::closed().await;
    let ada = Person::new(&desk, "ada", &[(Role::Administrator, None)]).await;
    assert_eq!(ada.gets(&desk, "/").await.location(), "/admin/people");
    let access = ada.gets(&desk, "/admin/access").await;
    for right in Right::ALL {
        assert!(access.has(&right.label().replace('\'', "&#39;")), "{right}");
    }
    let bar = ada.gets(&desk, "/admin/people").await;
    assert!(!bar.has("Write down a call"), "what is closed to them is not offered");
}

#[test]
fn what_the_documentation_says_of_access_is_what_the_program_asks() {
    let written = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/access.md")).unwrap();
    assert_eq!(written, places::document(), "run: beadle access > docs/access.md");
}

#[tokio::test]
async fn what_is_another_councillors_is_not_shown_beside_and_cannot_be_joined() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let words = "A deep pothole in Tanner's Row by the dry cleaners, ZM1 4QT, my tyre is ruined. Thank you.";
    let second = desk.mail("Ann Smith <ann@fenmail.example>", "Hole in the road", words).await;
    let page = desk.get(&format!("/cases/{}", second.reference)).await;
    assert!(page.has(case.reference.as_str()), "the first one stands beside it: {}", page.body);
    // As if it lay in another councillor's ward.
    let mut tx = desk.db().begin().await.unwrap();
    let moved = store::case::Case { councillor: Some("nowak".to_owned()), ..second.clone() };
    store::case::update(&mut tx, &moved, desk.pipeline.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let nina = Person::new(&desk, "nina", &[(Role::Gatekeeper, Some("nowak"))]).await;
    for path in [format!("/cases/{}", second.reference), format!("/review/{}", second.reference)] {
        let page = nina.gets(&desk, &path).await;
        assert!(page.has("my tyre is ruined"), "{path}: {}", page.body);
        assert!(!page.has("Hollis"), "{path}: {}", page.body);
        assert!(!page.has("There is a deep pothole"), "{path}: {}", page.body);
    }
    let join = format!("/cases/{}/join", second.reference);
    let refused = nina.asks(&desk, Method::POST, &join, &[("to", case.reference.as_str())]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_is_not_signed_in_and_asks_for_a_case_or_guesses_an_invitation_sees_nothing_and_the_attempt_is_on_the_trail()
 {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let object = format!("case:{}", case.id);
    for path in ["/cases/REF", "/cases/REF/campaign", "/my/REF", "/review/REF"] {
        let answer = desk.get(&path.replace("REF", case.reference.as_str())).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.location().starts_with("/sign-in?next="));
    }
    let written = desk.trail(&object).await.iter().filter(|row| *row == "somebody unknown refused").count();
    assert_eq!(written, 4);
    // A reference that nobody has is no attempt at anything, and looks the same.
    let free = desk.pipeline.ids.reference();
    let nowhere = desk.get(&format!("/cases/{free}")).await;
    assert_eq!(nowhere.location(), format!("/sign-in?next=%2Fcases%2F{free}"));
    let guessed = desk.get("/invitation/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;
    assert_eq!(guessed.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.trail("invitation").await, ["somebody unknown refused"]);
    // Nobody fills the trail from one address.
    for _ in 0..40 {
        desk.get(&format!("/cases/{}", case.reference)).await;
    }
    let written = desk.trail(&object).await.iter().filter(|row| *row == "somebody unknown refused").count();
    assert_eq!(written, 20 - 1, "with the guessed invitation");
}

#[tokio::test]
async fn lists_of_another_ward_or_councillor_are_not_there_and_the_attempt_is_on_the_trail() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    assert_eq!(case.ward.as_deref(), Some("Abbey"));
    let other = Person::new(&desk, "marek", &[(Role::Councillor, Some("nowak"))]).await;
    for (path, object) in [
        ("/my?councillor=adeyemi", "councillor:adeyemi"),
        ("/my.csv?councillor=adeyemi", "councillor:adeyemi"),
        ("/ward?ward=Abbey", "ward:Abbey"),
        ("/ward.csv?ward=Abbey", "ward:Abbey"),
        ("/overdue?councillor=adeyemi", "overdue of councillor:adeyemi"),
        ("/overdue.csv?councillor=adeyemi", "overdue of councillor:adeyemi"),
        ("/reports?ward=Abbey", "reports of ward:Abbey"),
        ("/reports/volume.csv?ward=Abbey", "reports of ward:Abbey"),
    ] {
        let before = desk.trail(object).await.len();
        let answer = other.gets(&desk, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.body);
        assert!(!answer.has("Adeyemi") && !answer.has(case.reference.as_str()), "{path}");
        let trail = desk.trail(object).await;
        assert_eq!(&trail[before..], ["marek refused"], "{path}");
    }
}

#[tokio::test]
async fn who_acts_for_several_councillors_sees_the_cases_of_each_and_both_names_are_recorded() {
    let desk = Desk::closed().await;
    let first = desk.pothole().await;
    let second = desk.mail("Ann <ann@fenmail.example>", "Bins", "You missed my bin in Tanner's Row, ZM1 4QT.").await;
    let third = desk.mail("Bob <bob@fenmail.example>", "Lamp", "The street light in Signal Row ZM6 1AA is out.").await;
    let now = desk.pipeline.clock.now();
    let mut tx = desk.db().begin().await.unwrap();
    for (case, councillor) in [(&second, "nowak"), (&third, "hussain")] {
        let mut case = desk.case(&case.reference).await;
        case.councillor = Some(councillor.to_owned());
        store::case::update(&mut tx, &case, now).await.unwrap();
    }
    for reference in [&first.reference, &second.reference, &third.reference] {
        let mut case = store::case::by_reference(&mut tx, reference).await.unwrap().unwrap();
        case.due_on = "2026-03-12".to_owned();
        store::case::update(&mut tx, &case, now).await.unwrap();
    }
    tx.commit().await.unwrap();
    let roles: Vec<(Role, Option<&str>)> = [Role::Gatekeeper, Role::Councillor]
        .into_iter()
        .flat_map(|role| [(role, Some("adeyemi")), (role, Some("nowak"))])
        .collect();
    let gwen = Person::new(&desk, "gwen", &roles).await;
    let choice = gwen.gets(&desk, "/my").await;
    assert!(choice.has("Whose cases?") && choice.has("councillor=adeyemi") && choice.has("councillor=nowak"));
    assert!(!choice.has("councillor=hussain"));
    for (path, seen) in [
        ("/my?councillor=adeyemi", [true, false, false]),
        ("/my?councillor=nowak", [false, true, false]),
        ("/overdue", [true, true, false]),
        ("/overdue.csv", [true, true, false]),
        ("/overdue?councillor=nowak", [false, true, false]),
        ("/", [true, true, false]),
    ] {
        let page = gwen.gets(&desk, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let shown = [&first, &second, &third].map(|case| page.has(case.reference.as_str()));
        assert_eq!(shown, seen, "{path}");
    }
    assert_eq!(gwen.gets(&desk, "/my?councillor=hussain").await.status, StatusCode::NOT_FOUND);
    assert_eq!(gwen.gets(&desk, "/ward?ward=Station").await.status, StatusCode::OK, "a ward of the second one");

    // What is decided, and what is taken back, is in both names: of the one whose case it is.
    let path = format!("/cases/{}", second.reference);
    let page = gwen.gets(&desk, &path).await;
    let accepted = gwen.asks(&desk, Method::POST, &format!("{path}/accept"), &[("seen", &page.field("seen"))]).await;
    assert_eq!(accepted.status, StatusCode::SEE_OTHER, "{}", accepted.body);
    let page = gwen.gets(&desk, &path).await;
    assert!(page.has("Your last decision"), "{}", page.body);
    let undo = page.body.split("action=\"/review/undo\"").nth(1).unwrap();
    let id = undo.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let undone = gwen.asks(&desk, Method::POST, "/review/undo", &[("id", &id)]).await;
    assert_eq!(undone.status, StatusCode::SEE_OTHER, "{}", undone.body);
    let mut tx = desk.db().read().await.unwrap();
    let decisions = store::decision::of_case(&mut tx, &second.id).await.unwrap();
    drop(tx);
    let theirs = decisions.iter().filter(|d| d.actor.starts_with("gwen"));
    let theirs: Vec<(&str, &str)> = theirs.map(|d| (d.kind.as_str(), d.actor.as_str())).collect();
    assert_eq!(theirs, [("accept", "gwen for nowak"), ("route", "gwen for nowak"), ("undo", "gwen for nowak")]);

    // A call is written down for one of theirs.
    let page = gwen.gets(&desk, "/log").await;
    let offered = |key: &str| page.has(&format!("<option value=\"{key}\""));
    assert!(offered("adeyemi") && offered("nowak") && !offered("hussain"), "{}", page.body);
    let token = page.field("token");
    let call = |councillor: &'static str| {
        [
            ("token", token.clone()),
            ("channel", "phone".to_owned()),
            ("date", "2026-03-13".to_owned()),
            ("time", "09:00".to_owned()),
            ("problem", "The bench in Abbey Park is broken".to_owned()),
            ("hear_by", "nothing".to_owned()),
            ("consent", "share".to_owned()),
            ("language", "en".to_owned()),
            ("councillor", councillor.to_owned()),
        ]
    };
    for (councillor, status) in [
        ("", StatusCode::UNPROCESSABLE_ENTITY),
        ("hussain", StatusCode::UNPROCESSABLE_ENTITY),
        ("nowak", StatusCode::SEE_OTHER),
    ] {
        let fields = call(councillor);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = gwen.asks(&desk, Method::POST, "/log", &fields).await;
        assert_eq!(answer.status, status, "{councillor}: {}", answer.body);
    }
    let mut tx = desk.db().read().await.unwrap();
    let filter = store::audit::Filter { action: Some("write down call".to_owned()), limit: 9, ..Default::default() };
    let written = store::audit::list(&mut tx, &filter).await.unwrap();
    assert_eq!(written.iter().map(|row| row.actor.as_str()).collect::<Vec<_>>(), ["gwen for nowak"]);
}

#[tokio::test]
async fn a_colleague_takes_a_decision_back_on_the_page_of_its_case_while_nothing_has_left() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let (ann, ben) = (
        Person::new(&desk, "ann", &[(Role::Gatekeeper, None)]).await,
        Person::new(&desk, "ben", &[(Role::Gatekeeper, None)]).await,
    );
    let page = ann.gets(&desk, &path).await;
    ann.asks(&desk, Method::POST, &format!("{path}/accept"), &[("seen", &page.field("seen"))]).await;
    let page = ben.gets(&desk, &path).await;
    assert!(page.has("The last decision") && page.has("Accepted by Ann"), "{}", page.body);
    desk.deliver_later().await;
    assert!(!ben.gets(&desk, &path).await.has("The last decision"), "it has left");
}
