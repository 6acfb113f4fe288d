//! The administrator: password, sign-in, session.
//!
//! One account. The password is kept as an argon2id hash under the setting `admin.password`; a session as the SHA-256 of
//! its cookie. Wrong passwords make everybody wait: there is one account, so there is one queue.

use super::guard::cookie;
use super::{App, Page, Shared, html, queries, trouble::Trouble};
use crate::core::reference::ALPHABET;
use crate::store::{self, Db, Tx, session::Session};
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::Argon2;
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

/// Whom the administrator's doings are signed with, in decisions and on the audit trail.
pub const ADMINISTRATOR: &str = "administrator";
pub const PASSWORD_KEY: &str = "admin.password";
const SESSION_HOURS: i64 = 12;
/// A password has at least so many characters.
const SHORTEST: usize = 12;
/// So many wrong passwords before everybody waits.
const FREE_TRIES: u32 = 5;
/// Longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 60;

/// Long enough, and still among the first that anybody would try.
const COMMON: &[&str] = &[
    "password", "passwort", "qwerty", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1q2w3e4r5t6y", "letmein", "welcome", "iloveyou", "admin",
    "administrator", "changeme", "secret", "council", "councillor", "beadle", "portal", "correcthorsebatterystaple", "football",
    "liverpool", "arsenal", "chelsea", "sunshine", "princess", "monkey", "dragon", "trustno1", "abc", "abcdefghijkl",
    "abcdefghijklmnopqrstuvwxyz", "test", "default", "login", "master",
];

/// Why a password was not set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than twelve characters.
    #[error("the password is too short: it needs at least 12 characters; three or four words that do not belong together are good")]
    Short,
    /// One that anybody would try.
    #[error("the password is too easy to guess: it is a common one, with or without numbers, or repeats itself")]
    Common,
    /// The hash could not be made.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// Sets the administrator's password, and ends every session: whoever signed in with the old one is out.
///
/// # Errors
/// When the password is too short or too common, and what the database says.
pub async fn set_password(tx: &mut Tx, password: &str) -> Result<(), PasswordError> {
    check_password(password)?;
    let hash = hash(password.to_owned()).await?;
    store::setting::set(tx, PASSWORD_KEY, &hash).await?;
    queries::end_all_sessions(tx).await?;
    Ok(())
}

/// Where no password is set yet, sets one that nobody can guess and returns it: the only time it can be shown. `None`
/// where one is set.
///
/// # Errors
/// As [`set_password`].
pub async fn ensure_password(db: &Db) -> Result<Option<String>, PasswordError> {
    let mut tx = db.read().await?;
    if store::setting::get(&mut tx, PASSWORD_KEY).await?.is_some() {
        return Ok(None);
    }
    drop(tx);
    let password = generated();
    let hash = hash(password.clone()).await?;
    let mut tx = db.begin().await?;
    // Two processes may start at once: the first one's password stands.
    let stands = store::setting::get_or_set(&mut tx, PASSWORD_KEY, &hash).await?;
    tx.commit().await?;
    Ok((stands == hash).then_some(password))
}

/// Four groups of four characters that cannot be mistaken for each other: 72 bits.
fn generated() -> String {
    let mut rng = rand::rng();
    let group = |_| (0..4).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect::<String>();
    (0..4).map(group).collect::<Vec<_>>().join("-")
}

fn check_password(password: &str) -> Result<(), PasswordError> {
    if password.chars().count() < SHORTEST {
        return Err(PasswordError::Short);
    }
    let lower = password.to_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphabetic()).collect();
    let different: std::collections::BTreeSet<char> = lower.chars().collect();
    let repeats = |word: &&&str| !letters.is_empty() && letters.replace(**word, "").is_empty();
    if letters.is_empty() || different.len() < 5 || COMMON.contains(&lower.as_str()) || COMMON.iter().any(|w| repeats(&w)) {
        return Err(PasswordError::Common);
    }
    Ok(())
}

/// One password has many spellings in Unicode, and a keyboard chooses one: NFKC makes them the same.
fn spelled(password: &str) -> String {
    password.nfkc().collect()
}

/// Hashing takes tens of milliseconds of a core: not on the threads that serve.
async fn hash(password: String) -> Result<String, PasswordError> {
    let work = move || {
        let salt = SaltString::generate(&mut OsRng);
        Argon2::default().hash_password(spelled(&password).as_bytes(), &salt).map(|h| h.to_string())
    };
    let made = tokio::task::spawn_blocking(work).await.map_err(|e| PasswordError::Hash(e.to_string()))?;
    made.map_err(|e| PasswordError::Hash(e.to_string()))
}

/// Whether a password is the right one. Where none is set, it takes as long as where one is.
async fn verify(password: String, stored: Option<String>) -> bool {
    // Of a password that nobody knows.
    const NONE: &str = "$argon2id$v=19$m=19456,t=2,p=1$dm9uIG5pZW1hbmRlbQ$6FvF8cF2nWlW5n0ZL9mCqDSv0lW6Mle8NQ5VJpYI1Ws";
    let work = move || {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NONE.to_owned());
        let Ok(hash) = PasswordHash::new(&stored) else { return false };
        Argon2::default().verify_password(spelled(&password).as_bytes(), &hash).is_ok() && known
    };
    tokio::task::spawn_blocking(work).await.unwrap_or(false)
}

/// Whether two texts are the same, in a time that does not tell how much of them is.
pub(super) fn same(a: &str, b: &str) -> bool {
    let hashes = [Sha256::digest(a), Sha256::digest(b)];
    hashes[0].iter().zip(&hashes[1]).fold(0, |differs, (x, y)| differs | (x ^ y)) == 0
}

fn random_word() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    URL_SAFE_NO_PAD.encode(bytes)
}

fn hashed(token: &str) -> String {
    format!("{:x}", Sha256::digest(token))
}

/// `__Host-` makes the browser refuse a cookie that another host tries to plant; it needs HTTPS.
const fn session_cookie(secure: bool) -> &'static str {
    if secure { "__Host-beadle" } else { "beadle" }
}

const fn form_cookie(secure: bool) -> &'static str {
    if secure { "__Host-beadle-form" } else { "beadle-form" }
}

/// Lax, not Strict: with Strict a link in a mail would land on the sign-in page every time.
fn set_cookie(name: &str, value: &str, seconds: i64, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The session a request belongs to, if it belongs to one.
pub(super) async fn session(app: &Shared, headers: &HeaderMap) -> store::Result<Option<Session>> {
    let Some(token) = cookie(headers, session_cookie(app.portal.secure_cookie)) else { return Ok(None) };
    let mut tx = app.db().read().await?;
    store::session::get(&mut tx, &hashed(&token), app.now()).await
}

/// Wrong passwords so far, and until when nobody is let try again.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    failures: u32,
    until: Option<DateTime<Utc>>,
}

impl Throttle {
    /// Seconds to wait before the next try.
    fn wait(&self, now: DateTime<Utc>) -> Option<i64> {
        let left = self.until? - now;
        // A clock that was set back must not lock anybody out for longer than the longest wait.
        (left > TimeDelta::zero()).then(|| ((left.num_milliseconds() + 999) / 1000).min(LONGEST_WAIT))
    }

    fn failed(&mut self, now: DateTime<Utc>) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FREE_TRIES {
            let doublings = (self.failures - FREE_TRIES).min(10);
            self.until = Some(now + TimeDelta::seconds((1_i64 << doublings).min(LONGEST_WAIT)));
        }
    }

    fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Page,
    form_word: String,
    next: String,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn sign_in_page(State(app): State<App>, headers: HeaderMap, Query(wanted): Query<Wanted>) -> Result<Response, Trouble> {
    if session(&app, &headers).await?.is_some() {
        return Ok(Redirect::to(local(&wanted.next)).into_response());
    }
    // Two tabs share one cookie, so they share one word.
    let word = cookie(&headers, form_cookie(app.portal.secure_cookie)).filter(|w| w.len() == 43);
    draw(&app, StatusCode::OK, word.unwrap_or_else(random_word), wanted.next, None)
}

fn draw(app: &Shared, status: StatusCode, form_word: String, next: String, error: Option<String>) -> Result<Response, Trouble> {
    let secure = app.portal.secure_cookie;
    let keep = set_cookie(form_cookie(secure), &form_word, SESSION_HOURS * 3600, secure);
    let title = if error.is_some() { "Error: Sign in" } else { "Sign in" };
    let page = Page::signed_out(app, title);
    let mut response = (status, html(&SignInPage { page, form_word, next: local(&next).to_owned(), error })?).into_response();
    response.headers_mut().append(header::SET_COOKIE, keep);
    Ok(response)
}

pub(super) async fn sign_in(State(app): State<App>, headers: HeaderMap, Form(form): Form<SignIn>) -> Result<Response, Trouble> {
    let secure = app.portal.secure_cookie;
    let word = cookie(&headers, form_cookie(secure)).filter(|w| w.len() == 43 && same(w, &form.csrf));
    let word = word.ok_or_else(|| Trouble::forged().back_to("/sign-in", "Go to the sign-in page"))?;
    // Held while the password is checked: tries come one after the other, so that many at once are no way around the wait.
    let mut throttle = app.throttle.lock().await;
    if let Some(seconds) = throttle.wait(app.now()) {
        let error = format!("Too many wrong passwords. Wait {seconds} seconds, then try again.");
        let mut response = draw(&app, StatusCode::TOO_MANY_REQUESTS, word, form.next, Some(error))?;
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        return Ok(response);
    }
    let mut tx = app.db().read().await?;
    let stored = store::setting::get(&mut tx, PASSWORD_KEY).await?;
    drop(tx);
    let right = verify(form.password, stored).await;
    let now = app.now();
    if !right {
        throttle.failed(now);
        audit(&app, "nobody", "sign in refused").await?;
        return draw(&app, StatusCode::FORBIDDEN, word, form.next, Some("That is not the password. Check it and try again.".to_owned()));
    }
    throttle.succeeded();
    drop(throttle);
    let token = random_word();
    let session = Session { actor: ADMINISTRATOR.to_owned(), csrf: random_word() };
    let mut tx = app.db().begin().await?;
    store::session::insert(&mut tx, &hashed(&token), &session, now, now + TimeDelta::hours(SESSION_HOURS)).await?;
    store::audit::write(&mut tx, app.ids(), ADMINISTRATOR, "sign in", "portal", json!({}), now).await?;
    tx.commit().await?;
    let mut response = Redirect::to(local(&form.next)).into_response();
    let cookies = response.headers_mut();
    cookies.append(header::SET_COOKIE, set_cookie(session_cookie(secure), &token, SESSION_HOURS * 3600, secure));
    cookies.append(header::SET_COOKIE, set_cookie(form_cookie(secure), "", 0, secure));
    Ok(response)
}

pub(super) async fn sign_out(State(app): State<App>, Extension(session): Extension<Session>, headers: HeaderMap) -> Result<Response, Trouble> {
    let secure = app.portal.secure_cookie;
    if let Some(token) = cookie(&headers, session_cookie(secure)) {
        let mut tx = app.db().begin().await?;
        store::session::delete(&mut tx, &hashed(&token)).await?;
        store::audit::write(&mut tx, app.ids(), &session.actor, "sign out", "portal", json!({}), app.now()).await?;
        tx.commit().await?;
    }
    let mut response = Redirect::to("/sign-in").into_response();
    response.headers_mut().append(header::SET_COOKIE, set_cookie(session_cookie(secure), "", 0, secure));
    Ok(response)
}

async fn audit(app: &Shared, actor: &str, action: &str) -> store::Result<()> {
    let mut tx = app.db().begin().await?;
    store::audit::write(&mut tx, app.ids(), actor, action, "portal", json!({}), app.now()).await?;
    tx.commit().await
}

/// A path of ours, or the list of cases: nobody is sent elsewhere by a link to the sign-in page.
fn local(next: &str) -> &str {
    let base = url::Url::parse("http://here.invalid").ok();
    let stays = base.and_then(|b| b.join(next).ok()).is_some_and(|u| u.host_str() == Some("here.invalid") && u.scheme() == "http");
    let plain = next.starts_with('/') && !next.starts_with("//") && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if stays && plain { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_short_common_or_repeats_itself_is_refused() {
        for (bad, short) in [
            ("elevenchars", true), ("passwordpassword", false), ("Password123456", false), ("aaaaaaaaaaaaaaaa", false),
            ("123456789012", false), ("Council!!2026", false), ("abababababab", false), ("CorrectHorseBatteryStaple", false),
        ] {
            let error = check_password(bad).unwrap_err();
            assert_eq!(matches!(error, PasswordError::Short), short, "{bad}: {error}");
        }
        for good in ["lamp otter tram seven", "council tax otter lamp", &generated()] {
            assert!(check_password(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_link_to_the_sign_in_page_leads_nowhere_else() {
        for away in ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil", "/\t/evil.example", "javascript:x", "", "cases"] {
            assert_eq!(local(away), "/", "{away}");
        }
        assert_eq!(local("/cases/K7M-4RQH?done=accepted"), "/cases/K7M-4RQH?done=accepted");
    }

    #[test]
    fn the_wait_grows_after_five_wrong_passwords_and_ends_at_a_minute() {
        let now: DateTime<Utc> = "2026-03-13T14:05:00Z".parse().unwrap();
        let mut throttle = Throttle::default();
        let mut waits = Vec::new();
        for _ in 0..15 {
            throttle.failed(now);
            waits.push(throttle.wait(now).unwrap_or(0));
        }
        assert_eq!(waits[..4], [0, 0, 0, 0]);
        assert!(waits[4] >= 1 && waits[5] > waits[4], "{waits:?}");
        assert_eq!(waits[14], LONGEST_WAIT);
        assert_eq!(throttle.wait(now + TimeDelta::seconds(61)), None);
        throttle.succeeded();
        assert_eq!(throttle.wait(now), None);
    }

    #[test]
    fn words_are_compared_whole() {
        assert!(same("abc", "abc"));
        assert!(!same("abc", "abd") && !same("abc", "ab") && !same("", "a"));
    }

    #[tokio::test]
    async fn without_a_password_none_is_right() {
        assert!(!verify(String::new(), None).await);
        assert!(PasswordHash::new(&hash("lamp otter tram".to_owned()).await.unwrap()).is_ok());
    }
}
