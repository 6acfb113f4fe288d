//! Signing in and out, and the session in between: kept as the SHA-256 of its cookie. Wrong passwords make everybody wait:
//! there is one account, so there is one queue.

use super::auth::{self, ADMINISTRATOR, PASSWORD_KEY};
use super::guard::cookie;
use super::{App, Page, Shared, format, html, trouble::Trouble};
use crate::store::{self, session::Session};
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

const SESSION_HOURS: i64 = 12;
/// So many wrong passwords before everybody waits.
const FREE_TRIES: u32 = 5;
/// Longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 60;

fn random_word() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether a text can be one of [`random_word`].
fn is_word(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
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

pub(super) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Trouble> {
    if session(&app, &headers).await?.is_some() {
        return Ok(Redirect::to(local(&wanted.next)).into_response());
    }
    // Two tabs share one cookie, so they share one word.
    let word = cookie(&headers, form_cookie(app.portal.secure_cookie)).filter(|w| is_word(w));
    draw(&app, StatusCode::OK, word.unwrap_or_else(random_word), wanted.next, None)
}

fn draw(
    app: &Shared,
    status: StatusCode,
    form_word: String,
    next: String,
    error: Option<String>,
) -> Result<Response, Trouble> {
    let secure = app.portal.secure_cookie;
    let keep = set_cookie(form_cookie(secure), &form_word, SESSION_HOURS * 3600, secure);
    let title = if error.is_some() { "Error: Sign in" } else { "Sign in" };
    let page = Page::signed_out(app, title);
    let mut response =
        (status, html(&SignInPage { page, form_word, next: local(&next).to_owned(), error })?).into_response();
    response.headers_mut().append(header::SET_COOKIE, keep);
    Ok(response)
}

pub(super) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Result<Response, Trouble> {
    let secure = app.portal.secure_cookie;
    let word = cookie(&headers, form_cookie(secure)).filter(|w| is_word(w) && auth::same(w, &form.csrf));
    let word = word.ok_or_else(|| Trouble::forged().back_to("/sign-in", "Go to the sign-in page"))?;
    // Held while the password is checked: tries come one after the other, so that many at once are no way around the wait.
    let mut throttle = app.throttle.lock().await;
    if let Some(seconds) = throttle.wait(app.now()) {
        let error =
            format!("Too many wrong passwords. Wait {}, then try again.", format::count(seconds, "second", "seconds"));
        let mut response = draw(&app, StatusCode::TOO_MANY_REQUESTS, word, form.next, Some(error))?;
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        return Ok(response);
    }
    let mut tx = app.db().read().await?;
    let stored = store::setting::get(&mut tx, PASSWORD_KEY).await?;
    drop(tx);
    let right = auth::verify(form.password, stored).await;
    let now = app.now();
    if !right {
        throttle.failed(now);
        audit(&app, "nobody", "sign in refused").await?;
        return draw(
            &app,
            StatusCode::FORBIDDEN,
            word,
            form.next,
            Some("That is not the password. Check it and try again.".to_owned()),
        );
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

pub(super) async fn sign_out(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
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
    let stays = base
        .and_then(|b| b.join(next).ok())
        .is_some_and(|u| u.host_str() == Some("here.invalid") && u.scheme() == "http");
    let plain =
        next.starts_with('/') && !next.starts_with("//") && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if stays && plain { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_the_sign_in_page_leads_nowhere_else() {
        for away in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "\\\\evil",
            "/\t/evil.example",
            "javascript:x",
            "",
            "cases",
        ] {
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
}
