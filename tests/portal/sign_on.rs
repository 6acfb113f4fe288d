//! Single sign-on through a real provider: npm's oidc-provider (`tests/support/openid`), over HTTP, page by page.

use crate::desk::{Answer, Desk, PASSWORD};
use beadle::channels::openid::{OpenIdSettings, SignOn};
use beadle::core::{Clock, Role, UserId};
use beadle::portal::Portal;
use beadle::routing::RoutingPolicy;
use beadle::store;
use beadle::store::user::NewGrant;
use reqwest::StatusCode;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use url::Url;

/// A running provider, which ends when this is dropped.
struct Provider {
    node: Child,
    port: u16,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.goes_away();
    }
}

impl Provider {
    fn start(base: &str) -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut node = std::process::Command::new("node")
            .arg(home.join("tests/support/openid/provider.js"))
            .arg(format!("{base}/sign-on/done"))
            .env("NODE_PATH", home.join("vendor/tools/openid/node_modules"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node: run scripts/setup.sh test");
        let mut line = String::new();
        BufReader::new(node.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the provider's port: run scripts/setup.sh test");
        Self { node, port }
    }

    fn settings(&self, base: &str) -> OpenIdSettings {
        OpenIdSettings {
            issuer: format!("http://127.0.0.1:{}", self.port),
            client_id: "beadle".to_owned(),
            secret: Some("a secret of the tests".into()),
            claim: "preferred_username".to_owned(),
            redirect: format!("{base}/sign-on/done").parse().unwrap(),
            name: "Brackenmere ID".to_owned(),
        }
    }

    fn goes_away(&mut self) {
        drop(self.node.stdin.take());
        let _ = self.node.wait();
    }

    async fn is(&self, mood: &str) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.post(format!("http://127.0.0.1:{}/test/{mood}", self.port)).send().await.unwrap();
        assert!(answer.status().is_success());
    }
}

/// A desk with a provider.
async fn desk(passwords: bool) -> (Desk, Provider) {
    desk_by(passwords, "preferred_username").await
}

/// The same, where this claim names people.
async fn desk_by(passwords: bool, claim: &str) -> (Desk, Provider) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("beadle.db").display());
    let mut provider = None;
    let desk = Desk::with(&url, dir, RoutingPolicy::default(), |base, portal| {
        let running = provider.insert(Provider::start(base));
        let settings = OpenIdSettings { claim: claim.to_owned(), ..running.settings(base) };
        let sign_on = SignOn::new(settings).unwrap();
        Portal { sign_on: Some(Arc::new(sign_on)), passwords, ..portal }
    });
    let desk = desk.await;
    // The provider goes by the clock of this machine.
    desk.pipeline.clock.advance(Clock::System.now() - desk.pipeline.clock.now());
    (desk, provider.unwrap())
}

/// An account for whom the provider calls so.
async fn person(desk: &Desk, user_name: &str, signs_on_as: &str) -> UserId {
    let (id, now): (UserId, _) = (desk.pipeline.ids.next(), desk.pipeline.clock.now());
    let mut tx = desk.db().begin().await.unwrap();
    assert!(store::user::insert(&mut tx, &id, user_name, user_name, Some(signs_on_as), now).await.unwrap());
    let new = NewGrant { user: &id, role: Role::Gatekeeper, councillor: None, until: None, by: "administrator" };
    store::user::give(&mut tx, &desk.pipeline.ids, new, now).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// Another browser before the same desk.
fn another_browser() -> reqwest::Client {
    reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Goes from the button through the provider's own pages as somebody; the address with which the provider sends them back, which
/// was not opened yet.
async fn through_the_provider(desk: &Desk, browser: &reqwest::Client, name: &str, next: &str) -> Url {
    let begun = desk.ask(browser.get(format!("{}/sign-on?next={next}", desk.base))).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.body);
    from_the_provider(desk, browser, begun.location().parse().unwrap(), name).await
}

async fn from_the_provider(desk: &Desk, browser: &reqwest::Client, mut at: Url, name: &str) -> Url {
    let mut answer = desk.ask(browser.get(at.clone())).await;
    for _ in 0..12 {
        if answer.status.is_redirection() {
            at = at.join(answer.location()).unwrap();
            if at.as_str().starts_with(&desk.base) {
                return at;
            }
            answer = desk.ask(browser.get(at.clone())).await;
            continue;
        }
        assert_eq!(answer.status, StatusCode::OK, "{at}: {}", answer.body);
        let (_, rest) = answer.body.split_once("action=\"").expect("a form of the provider's");
        at = at.join(rest.split('"').next().unwrap()).unwrap();
        let prompt = if answer.has("value=\"login\"") { "login" } else { "consent" };
        let body = format!("prompt={prompt}&login={name}&password=x");
        let form = browser.post(at.clone()).header("content-type", "application/x-www-form-urlencoded").body(body);
        answer = desk.ask(form).await;
    }
    panic!("the provider sends nobody back: {at}")
}

async fn signs_on(desk: &Desk, browser: &reqwest::Client, name: &str) -> Answer {
    let back = through_the_provider(desk, browser, name, "/account").await;
    desk.ask(browser.get(back)).await
}

#[tokio::test]
async fn who_signs_on_is_the_person_the_administrator_named_and_stays_it_under_another_name() {
    let (desk, provider) = desk(true).await;
    let id = person(&desk, "a.lane", "ann").await;
    let page = desk.get("/sign-in").await;
    assert!(page.has("Sign in with Brackenmere ID") && page.has("Or with a password"), "{}", page.body);
    let answer = signs_on(&desk, &desk.browser, "ann").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/account"), "{}", answer.body);
    let account = desk.get("/account").await;
    assert!(account.has("a.lane") && account.has("Single sign-on"), "{}", account.body);
    let trail = desk.trail("portal").await;
    for row in ["a.lane first sign on", "a.lane sign in"] {
        assert!(trail.contains(&row.to_owned()), "{row}: {trail:?}");
    }
    let mut tx = desk.db().read().await.unwrap();
    assert!(store::user::linked(&mut tx, &id).await.unwrap().is_some());
    let issuer_knows = store::user::awaited(&mut tx, &provider.settings(&desk.base).issuer, "ann").await.unwrap();
    assert!(issuer_knows.is_none(), "nobody else can become them by the same name");
    drop(tx);
    // Signing out ends our session.
    assert_eq!(desk.press(&account, "/sign-out", &[]).await.location(), "/sign-in");
    assert_eq!(desk.get("/account").await.status, StatusCode::SEE_OTHER);
    let again = signs_on(&desk, &another_browser(), "ann").await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
}

#[tokio::test]
async fn a_stranger_and_a_closed_account_get_a_plain_page_and_a_row_on_the_trail_and_no_account() {
    let (desk, _provider) = desk(true).await;
    let id = person(&desk, "b.cole", "ben").await;
    let answer = signs_on(&desk, &desk.browser, "mallory").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.has("you have no account here") && answer.has("mallory"), "{}", answer.body);
    assert_eq!(desk.get("/account").await.status, StatusCode::SEE_OTHER, "not in");
    assert!(desk.trail("portal").await.contains(&"nobody sign on refused".to_owned()));
    let ben = another_browser();
    assert_eq!(signs_on(&desk, &ben, "ben").await.status, StatusCode::SEE_OTHER);
    let mut tx = desk.db().begin().await.unwrap();
    store::user::end(&mut tx, &id, "administrator", desk.pipeline.clock.now()).await.unwrap();
    let people = store::user::all(&mut tx).await.unwrap().len();
    tx.commit().await.unwrap();
    let closed = signs_on(&desk, &ben, "ben").await;
    assert_eq!(closed.status, StatusCode::FORBIDDEN, "{}", closed.body);
    assert_eq!(people, 2, "the first administrator and the one that was made");
}

#[tokio::test]
async fn what_another_browser_began_or_with_another_state_or_a_second_time_signs_nobody_in() {
    let (desk, _provider) = desk(true).await;
    person(&desk, "a.lane", "ann").await;
    let back = through_the_provider(&desk, &desk.browser, "ann", "/").await;
    let stolen = desk.ask(another_browser().get(back.clone())).await;
    assert_eq!(stolen.status, StatusCode::FORBIDDEN);
    assert!(stolen.has("was not begun in this browser"), "{}", stolen.body);

    // The cookie as the browser has it, to try it more often than once.
    let browser = another_browser();
    let begun = desk.ask(browser.get(format!("{}/sign-on", desk.base))).await;
    let cookie = begun.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Lax", "Max-Age=600"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let mut wrong = back.clone();
    wrong.set_query(Some("code=abc&state=another"));
    assert_eq!(desk.ask(desk.browser.get(wrong)).await.status, StatusCode::FORBIDDEN);
    // A wrong one used the right one up.
    assert_eq!(desk.ask(desk.browser.get(back)).await.status, StatusCode::FORBIDDEN);

    let browser = another_browser();
    let begun = desk.ask(browser.get(format!("{}/sign-on", desk.base))).await;
    let kept = begun.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let again = async |back: &Url| {
        let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        desk.ask(plain.get(back.clone()).header("cookie", &kept)).await
    };
    let back = from_the_provider(&desk, &browser, begun.location().parse().unwrap(), "ann").await;
    assert_eq!(again(&back).await.status, StatusCode::SEE_OTHER);
    let replayed = again(&back).await;
    assert_eq!(replayed.status, StatusCode::FORBIDDEN, "a code is good once");
    assert!(replayed.has("was used already"), "the provider is not asked a second time: {}", replayed.body);
    desk.pipeline.clock.advance(chrono::TimeDelta::minutes(11));
    assert!(again(&back).await.has("longer than ten minutes"));
}

#[tokio::test]
async fn a_token_that_another_key_signed_or_that_answers_another_question_is_refused() {
    let (desk, provider) = desk(true).await;
    person(&desk, "a.lane", "ann").await;
    for mood in ["other-key", "other-nonce"] {
        provider.is(mood).await;
        let answer = signs_on(&desk, &another_browser(), "ann").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{mood}");
        assert!(answer.has("could not be verified"), "{mood}: {}", answer.body);
    }
    let refused = desk.trail("portal").await.iter().filter(|row| *row == "nobody sign on refused").count();
    assert_eq!(refused, 2);
    // The same ways with a good token let them in, also with a key that the provider took since.
    for mood in ["well", "new-keys"] {
        provider.is(mood).await;
        let answer = signs_on(&desk, &another_browser(), "ann").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{mood}: {}", answer.body);
    }
}

#[tokio::test]
async fn while_the_provider_is_away_the_sign_in_page_says_so_and_passwords_work() {
    let (desk, mut provider) = desk(true).await;
    provider.goes_away();
    let answer = desk.get("/sign-on?next=/outbox").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.has("Brackenmere ID cannot be reached at the moment"), "{}", answer.body);
    let form = [("csrf", answer.field("csrf")), ("password", PASSWORD.to_owned()), ("next", answer.field("next"))];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(desk.send("/sign-in", &form).await.location(), "/outbox");
}

#[tokio::test]
async fn nobody_is_led_elsewhere_by_a_sign_on() {
    let (desk, _provider) = desk(true).await;
    person(&desk, "a.lane", "ann").await;
    for away in ["https://evil.example", "//evil.example", "/\\evil.example", "%2F%2Fevil.example"] {
        let browser = another_browser();
        let back = through_the_provider(&desk, &browser, "ann", away).await;
        let answer = desk.ask(browser.get(back)).await;
        assert_eq!(answer.location(), "/", "{away}");
    }
}

#[tokio::test]
async fn where_passwords_are_off_only_the_first_administrator_has_one() {
    let (desk, _provider) = desk(false).await;
    let page = desk.get("/sign-in").await;
    assert!(page.has("Sign in as the first administrator") && !page.has("Or with a password"), "{}", page.body);
    let other = [("csrf", page.field("csrf")), ("user_name", "a.lane".to_owned()), ("password", PASSWORD.to_owned())];
    let other: Vec<(&str, &str)> = other.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = desk.send("/sign-in", &other).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.has("Passwords are switched off here"), "{}", refused.body);
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER, "the way back");

    // Who is added gets no link, and signs on.
    let page = desk.get("/admin/people").await;
    let fields = [("name", "Ann Lane"), ("user_name", "a.lane"), ("signs_on_as", " Ann "), ("role", "gatekeeper")];
    let made = desk.press(&page, "/admin/people", &fields).await;
    assert!(made.has("May sign on as <bdi>ann</bdi>") && !made.has("/invitation/"), "{}", made.body);
    let same = [("name", "Other"), ("user_name", "other"), ("signs_on_as", "ann"), ("role", "gatekeeper")];
    assert!(desk.press(&page, "/admin/people", &same).await.has("Somebody else signs on by this name"));
    let ann = another_browser();
    assert_eq!(signs_on(&desk, &ann, "ann").await.status, StatusCode::SEE_OTHER);
    let account = desk.ask(ann.get(format!("{}/account", desk.base))).await;
    assert!(account.has("a.lane") && !account.has("Change your password"), "{}", account.body);

    // Called otherwise by the administrator, they are signed out, and the provider's ann is nobody.
    let one = made.address("/sign-on");
    assert_eq!(desk.press(&made, &one, &[("signs_on_as", "a b")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(desk.press(&made, &one, &[("signs_on_as", "anna")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(desk.ask(ann.get(format!("{}/account", desk.base))).await.status, StatusCode::SEE_OTHER);
    assert_eq!(signs_on(&desk, &ann, "ann").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_claim_of_the_councils_own_is_read_from_what_the_provider_says_of_the_person() {
    let (desk, _provider) = desk_by(true, "upn").await;
    person(&desk, "a.lane", "ann@upn.brackenmere.example").await;
    let answer = signs_on(&desk, &desk.browser, "ann").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/account"), "{}", answer.body);
}

#[tokio::test]
async fn who_signed_on_with_the_provider_before_signs_on_with_the_next_one_and_can_be_forgotten() {
    let (desk, provider) = desk(true).await;
    let id = person(&desk, "a.lane", "ann").await;
    let mut tx = desk.db().begin().await.unwrap();
    let now = desk.pipeline.clock.now();
    assert!(store::user::link(&mut tx, &id, "https://before.example", "1", now).await.unwrap());
    tx.commit().await.unwrap();
    let ann = another_browser();
    assert_eq!(signs_on(&desk, &ann, "ann").await.status, StatusCode::SEE_OTHER);
    // The provider made them a new account: a new subject under the old name.
    let mut tx = desk.db().begin().await.unwrap();
    store::user::unlink(&mut tx, &id).await.unwrap();
    let issuer = provider.settings(&desk.base).issuer;
    assert!(store::user::link(&mut tx, &id, &issuer, "an older subject", now).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(signs_on(&desk, &another_browser(), "ann").await.status, StatusCode::FORBIDDEN);
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    let page = desk.get(&format!("/admin/people/{id}")).await;
    assert!(page.has("Forget who signed on"), "{}", page.body);
    let (address, fields) = (page.address("/sign-on"), [("signs_on_as", "ann"), ("anew", "yes")]);
    assert!(desk.press(&page, &address, &fields).await.location().ends_with("done=sign-on-changed"));
    assert_eq!(desk.ask(ann.get(format!("{}/account", desk.base))).await.status, StatusCode::SEE_OTHER, "signed out");
    assert_eq!(signs_on(&desk, &another_browser(), "ann").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn who_makes_up_codes_waits_and_does_not_fill_the_trail() {
    let (desk, _provider) = desk(true).await;
    let mut last = StatusCode::FORBIDDEN;
    for tries in 0..31 {
        assert_eq!(last, StatusCode::FORBIDDEN, "{tries}");
        let browser = another_browser();
        let begun = desk.ask(browser.get(format!("{}/sign-on", desk.base))).await;
        let to: Url = begun.location().parse().unwrap();
        let state = to.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let made_up = browser.get(format!("{}/sign-on/done?code=made-up&state={state}", desk.base));
        let answer = desk.ask(made_up).await;
        last = answer.status;
        if last == StatusCode::TOO_MANY_REQUESTS {
            assert!(
                answer.has("Too many wrong tries") && answer.headers.contains_key("retry-after"),
                "{}",
                answer.body
            );
        }
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let written = desk.trail("portal").await.iter().filter(|row| *row == "nobody sign on refused").count();
    assert_eq!(written, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_browser_one_signs_on_at_any_width_with_scripts_and_without() {
    let (desk, _provider) = desk(true).await;
    person(&desk, "a.lane", "ann").await;
    let base = desk.base.clone();
    let run = move || {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let modules = home.join("vendor/tools/browser/node_modules");
        assert!(modules.join("axe-core").is_dir(), "the browser's tools are missing: run scripts/setup.sh test");
        let script = home.join("tests/support/browser/sign_on.js");
        std::process::Command::new("node")
            .arg(script)
            .args([&base, PASSWORD])
            .env("NODE_PATH", modules)
            .output()
            .expect("node")
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["came"], serde_json::json!(["/account", "/account", "/account", "/account"]), "{seen}");
    assert_eq!(
        seen["strangers"],
        serde_json::json!(["You have no account here", "You have no account here"]),
        "{seen}"
    );
    let pages = seen["pages"].as_array().unwrap();
    assert_eq!(seen["forgotten"], serde_json::json!([true, true]), "{seen}");
    assert_eq!(pages.len(), 2 * 6, "sign-in, account, no account, people, person, who is forgotten, at both widths");
    for page in pages {
        assert!(page["checks"].as_u64().unwrap() > 10, "axe looked at next to nothing: {page}");
        assert_eq!(page["violations"], serde_json::json!([]), "{page}");
        assert_eq!(page["sideways"], false, "{page}");
        assert_eq!(page["small"], serde_json::json!([]), "{page}");
    }
}
