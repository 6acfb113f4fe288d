//! Signing in and out, and the session in between: kept as the SHA-256 of its cookie. Who guesses waits (`tries`). Those who use a
//! second factor are asked for its code once the password was right.

use super::guard::cookie;
use super::tries::Whose;
use super::{App, Page, Shared, auth, factor, format, html, passkey, trouble::Trouble};
use crate::core::UserId;
use crate::store::session::{NewSession, Session};
use crate::store::{self, Tx, user::User};
use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use rand::Rng;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, SocketAddr};
use std::sync::PoisonError;

const SESSION_HOURS: i64 = 12;
/// How long a browser is known from which somebody signed in, in days.
const DEVICE_DAYS: i64 = 365;
/// Minutes in which the code has to follow the password.
const HALF_MINUTES: i64 = 5;
/// What somebody is told whose second factor did not follow in time.
pub(super) const TOO_LATE: &str = "That took too long. Enter your user name and password again.";
/// Purposes of seals.
const DEVICE: &str = "device";
const HALF: &str = "half";

pub(super) fn random_word() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether a text can be one of [`random_word`].
fn is_word(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

pub(super) fn hashed(token: &str) -> String {
    format!("{:x}", Sha256::digest(token))
}

/// `__Host-` makes the browser refuse a cookie that another host tries to plant; it needs HTTPS.
const fn session_cookie(secure: bool) -> &'static str {
    if secure { "__Host-beadle" } else { "beadle" }
}

const fn form_cookie(secure: bool) -> &'static str {
    if secure { "__Host-beadle-form" } else { "beadle-form" }
}

const fn device_cookie(secure: bool) -> &'static str {
    if secure { "__Host-beadle-device" } else { "beadle-device" }
}

/// Lax, not Strict: with Strict a link in a mail would land on the sign-in page every time.
pub(super) fn set_cookie(name: &str, value: &str, seconds: i64, secure: bool) -> HeaderValue {
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

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Page,
    form_word: String,
    next: String,
    user_name: String,
    error: Option<String>,
    /// What the provider of sign-ons is called, where there is one, and the address that leads to it.
    sign_on: Option<(String, String)>,
    /// Whether everybody has a password here, or only the first account.
    passwords: bool,
    /// Whether somebody can sign in with a passkey alone.
    passkeys: bool,
    /// Why a passkey was not taken.
    passkey_error: Option<String>,
    /// Why the provider cannot be asked.
    away: Option<String>,
}

/// The second question, to those who use a second factor.
#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct CodePage {
    page: Page,
    form_word: String,
    next: String,
    /// Who showed the right password, and until when the code can follow; sealed.
    half: String,
    /// Whether they have a passkey too.
    passkey: bool,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    pub(super) next: String,
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    user_name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Code {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    half: String,
    #[serde(default)]
    code: String,
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
    draw(&app, &headers, StatusCode::OK, kept_word(&app, &headers), wanted.next, None)
}

/// The word of this browser's forms: two tabs share one cookie, so they share one word.
fn kept_word(app: &Shared, headers: &HeaderMap) -> String {
    let word = cookie(headers, form_cookie(app.portal.secure_cookie)).filter(|w| is_word(w));
    word.unwrap_or_else(random_word)
}

/// The sign-in page while the provider of sign-ons is away.
pub(super) fn draw_away(app: &Shared, headers: &HeaderMap, next: String, text: String) -> Result<Response, Trouble> {
    let page = SignInPage {
        page: Page::signed_out(app, "Error: Sign in"),
        away: Some(text),
        ..sign_in_page(app, headers, kept_word(app, headers), &next, None)
    };
    let word = page.form_word.clone();
    Ok(passkey::with_script(under_word(app, &word, (StatusCode::SERVICE_UNAVAILABLE, html(&page)?))))
}

/// The sign-in page, which says why a passkey was not taken.
pub(super) fn draw_passkey_error(
    app: &Shared,
    headers: &HeaderMap,
    status: StatusCode,
    word: &str,
    next: &str,
    text: String,
) -> Result<Response, Trouble> {
    let page = SignInPage {
        page: Page::signed_out(app, "Error: Sign in"),
        passkey_error: Some(text),
        ..sign_in_page(app, headers, word.to_owned(), next, None)
    };
    Ok(passkey::with_script(under_word(app, word, (status, html(&page)?))))
}

/// The page; `tried` is the user name that was sent, and what is wrong.
fn sign_in_page(
    app: &Shared,
    headers: &HeaderMap,
    form_word: String,
    next: &str,
    tried: Option<(String, String)>,
) -> SignInPage {
    let (user_name, error) = tried.map_or_else(Default::default, |(user_name, error)| (user_name, Some(error)));
    let title = if error.is_some() { "Error: Sign in" } else { "Sign in" };
    let next = local(next).to_owned();
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", &next).finish();
    let sign_on = app.portal.sign_on.as_ref().map(|one| (one.name().to_owned(), format!("/sign-on?{query}")));
    let (page, passwords) = (Page::signed_out(app, title), app.portal.passwords);
    let passkeys = passkey::offered(app, headers);
    SignInPage {
        page,
        form_word,
        next,
        user_name,
        error,
        sign_on,
        passwords,
        passkeys,
        passkey_error: None,
        away: None,
    }
}

/// A page under the word that its form has to carry.
pub(super) fn under_word(app: &Shared, word: &str, page: impl IntoResponse) -> Response {
    let secure = app.portal.secure_cookie;
    let mut response = page.into_response();
    let keep = set_cookie(form_cookie(secure), word, SESSION_HOURS * 3600, secure);
    response.headers_mut().append(header::SET_COOKIE, keep);
    response
}

pub(super) fn draw(
    app: &Shared,
    headers: &HeaderMap,
    status: StatusCode,
    form_word: String,
    next: String,
    tried: Option<(String, String)>,
) -> Result<Response, Trouble> {
    let word = form_word.clone();
    let drawn = html(&sign_in_page(app, headers, form_word, &next, tried))?;
    Ok(passkey::with_script(under_word(app, &word, (status, drawn))))
}

fn draw_code(
    app: &Shared,
    status: StatusCode,
    form_word: String,
    next: &str,
    half: String,
    passkey: bool,
    error: Option<String>,
) -> Result<Response, Trouble> {
    let title = if error.is_some() { "Error: Enter your code" } else { "Enter your code" };
    let page = Page::signed_out(app, title);
    let word = form_word.clone();
    let drawn = html(&CodePage { page, form_word, next: local(next).to_owned(), half, passkey, error })?;
    Ok(passkey::with_script(under_word(app, &word, (status, drawn))))
}

/// The word of a form of this page, where what was sent comes from one.
pub(super) fn word(app: &Shared, headers: &HeaderMap, given: &str) -> Result<String, Trouble> {
    let word = cookie(headers, form_cookie(app.portal.secure_cookie)).filter(|w| is_word(w) && auth::same(w, given));
    word.ok_or_else(|| Trouble::forged().back_to("/sign-in", "Go to the sign-in page"))
}

/// The mark of a browser from which somebody signed in before: whose it is, and which.
fn device(app: &Shared, headers: &HeaderMap) -> Option<String> {
    let mark = cookie(headers, device_cookie(app.portal.secure_cookie))?;
    app.portal.pipeline.house.key.unseal(DEVICE, &mark).map(str::to_owned)
}

/// Whether anybody signed in from this browser before.
pub(super) fn is_known(app: &Shared, headers: &HeaderMap) -> bool {
    device(app, headers).is_some()
}

/// Marks a browser as one from which somebody signed in.
pub(super) fn marked(app: &Shared, user_name: &str) -> HeaderValue {
    let secure = app.portal.secure_cookie;
    let device = app.portal.pipeline.house.key.seal(DEVICE, &format!("{user_name}/{}", random_word()));
    set_cookie(device_cookie(secure), &device, DEVICE_DAYS * 86_400, secure)
}

/// Whose tries these are: of a browser they signed in from before, or of strangers.
pub(super) fn whose(app: &Shared, headers: &HeaderMap, user_name: &str, from: IpAddr) -> Vec<Whose> {
    let of_them = |device: &String| device.split_once('/').is_some_and(|(owner, _)| owner == user_name);
    match device(app, headers).filter(of_them) {
        Some(device) => vec![Whose::Known(device)],
        None => vec![Whose::name(user_name), Whose::address(from)],
    }
}

/// The same where nobody has said yet who they are: of a browser from which anybody signed in before, or of an address.
pub(super) fn anybodys(app: &Shared, headers: &HeaderMap, from: IpAddr) -> Vec<Whose> {
    vec![device(app, headers).map_or_else(|| Whose::address(from), Whose::Known)]
}

/// Counts a try; the seconds to wait where there were too many.
pub(super) fn begin(app: &Shared, whose: &[Whose]) -> Result<(), i64> {
    let mut tries = app.tries.lock().unwrap_or_else(PoisonError::into_inner);
    tries.begin(whose, app.now())
}

/// Takes back what [`begin`] counted.
pub(super) fn right(app: &Shared, whose: &[Whose]) {
    app.tries.lock().unwrap_or_else(PoisonError::into_inner).right(whose);
}

pub(super) fn too_many(seconds: i64) -> String {
    format!("Too many wrong tries. Wait {}, then try again.", format::count(seconds, "second", "seconds"))
}

pub(super) fn with_retry_after(mut response: Response, seconds: i64) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}

pub(super) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    Form(form): Form<SignIn>,
) -> Result<Response, Trouble> {
    let word = word(&app, &headers, &form.csrf)?;
    let user_name = form.user_name.trim().to_lowercase();
    // Who set up an installation with one account had no user name to enter.
    let user_name = if user_name.is_empty() { auth::ADMINISTRATOR.to_owned() } else { user_name };
    if !app.has_password(&user_name) {
        let error = "Passwords are switched off here. Use the button above.".to_owned();
        return draw(&app, &headers, StatusCode::FORBIDDEN, word, form.next, Some((form.user_name, error)));
    }
    let whose = whose(&app, &headers, &user_name, client(&app, &headers, peer));
    if let Err(seconds) = begin(&app, &whose) {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let response = draw(&app, &headers, status, word, form.next, Some((form.user_name, too_many(seconds))))?;
        return Ok(with_retry_after(response, seconds));
    }
    let mut tx = app.db().read().await?;
    let user = store::user::by_name(&mut tx, &user_name).await?.filter(|user| user.ended_at.is_none());
    drop(tx);
    let stored = user.as_ref().and_then(|user| user.password.clone());
    let is_right = auth::verify(form.password, stored).await?;
    let Some(user) = user.filter(|_| is_right) else {
        audit(&app, "nobody", "sign in refused").await?;
        let error = "The user name or the password is not right. Check both and try again.".to_owned();
        return draw(&app, &headers, StatusCode::FORBIDDEN, word, form.next, Some((form.user_name, error)));
    };
    // Asked only now: before, it would take longer for a name that there is.
    let mut tx = app.db().read().await?;
    let passkey = has_passkey(&mut tx, Some(&user)).await?;
    drop(tx);
    if user.totp.is_some() || passkey {
        // The second step counts by itself. The name stays counted until it is done: this password may be a stolen one.
        let addresses: Vec<Whose> = whose.into_iter().filter(|one| matches!(one, Whose::Address(_))).collect();
        right(&app, &addresses);
        let until = (app.now() + TimeDelta::minutes(HALF_MINUTES)).timestamp();
        let half = app.portal.pipeline.house.key.seal(HALF, &format!("{}/{until}/{word}", user.id));
        if user.totp.is_none() {
            return passkey::draw(&app, &headers, word, &form.next, half).await;
        }
        return draw_code(&app, StatusCode::OK, word, &form.next, half, passkey, None);
    }
    let_in(&app, &headers, &user, &whose, &form.next, "password").await
}

async fn has_passkey(tx: &mut Tx, user: Option<&User>) -> store::Result<bool> {
    let Some(user) = user else { return Ok(false) };
    Ok(!store::passkey::of(tx, &user.id).await?.is_empty())
}

/// Who showed the right password in this browser, a short while ago.
pub(super) fn half(app: &Shared, sealed: &str, word: &str) -> Option<UserId> {
    let half = app.portal.pipeline.house.key.unseal(HALF, sealed)?;
    let (user, rest) = half.split_once('/')?;
    let (until, of_word) = rest.split_once('/')?;
    let in_time = until.parse::<i64>().is_ok_and(|until| app.now().timestamp() < until);
    (in_time && auth::same(of_word, word)).then(|| UserId::from(user.to_owned()))
}

/// The second question's answer.
pub(super) async fn code(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    Form(form): Form<Code>,
) -> Result<Response, Trouble> {
    let word = word(&app, &headers, &form.csrf)?;
    let Some(id) = half(&app, &form.half, &word) else {
        let tried = Some((String::new(), TOO_LATE.to_owned()));
        return draw(&app, &headers, StatusCode::FORBIDDEN, word, form.next, tried);
    };
    let mut tx = app.db().read().await?;
    let user = store::user::get(&mut tx, &id).await?.filter(|user| user.ended_at.is_none());
    let passkey = has_passkey(&mut tx, user.as_ref()).await?;
    drop(tx);
    let Some(user) = user else { return Err(Trouble::forged().back_to("/sign-in", "Go to the sign-in page")) };
    let whose = whose(&app, &headers, &user.user_name, client(&app, &headers, peer));
    if let Err(seconds) = begin(&app, &whose) {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let response = draw_code(&app, status, word, &form.next, form.half, passkey, Some(too_many(seconds)))?;
        return Ok(with_retry_after(response, seconds));
    }
    let step = user.totp.as_deref().and_then(|secret| factor::step_of(secret, &form.code, app.now()));
    let mut tx = app.db().begin().await?;
    let right = match step {
        Some(step) => store::user::use_totp_step(&mut tx, &user.id, step).await?,
        None => false,
    };
    tx.commit().await?;
    if !right {
        audit(&app, "nobody", "sign in refused").await?;
        let error = "That code is not right, or it was used before. Wait for the next one and try again.".to_owned();
        return draw_code(&app, StatusCode::FORBIDDEN, word, &form.next, form.half, passkey, Some(error));
    }
    let_in(&app, &headers, &user, &whose, &form.next, "code").await
}

/// Begins the session; always a new one, whatever cookie came with the request.
pub(super) async fn let_in(
    app: &Shared,
    headers: &HeaderMap,
    user: &User,
    whose: &[Whose],
    next: &str,
    begun_by: &str,
) -> Result<Response, Trouble> {
    let (secure, now) = (app.portal.secure_cookie, app.now());
    right(app, whose);
    let token = random_word();
    let device: String =
        headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("unknown").chars().take(120).collect();
    let new = NewSession {
        user: &user.id,
        token_hash: &hashed(&token),
        csrf: &random_word(),
        device: &device,
        begun_by,
        expires_at: now + TimeDelta::hours(SESSION_HOURS),
    };
    let mut tx = app.db().begin().await?;
    store::session::insert(&mut tx, app.ids(), new, now).await?;
    store::audit::write(&mut tx, app.ids(), &user.user_name, "sign in", "portal", json!({"by": begun_by}), now).await?;
    let session = store::session::get(&mut tx, &hashed(&token), now).await?;
    tx.commit().await?;
    let home = session.as_ref().map_or("/", super::guard::home);
    let next = match local(next) {
        "/" => home,
        other => other,
    };
    let mut response = Redirect::to(next).into_response();
    let cookies = response.headers_mut();
    cookies.append(header::SET_COOKIE, set_cookie(session_cookie(secure), &token, SESSION_HOURS * 3600, secure));
    cookies.append(header::SET_COOKIE, set_cookie(form_cookie(secure), "", 0, secure));
    cookies.append(header::SET_COOKIE, marked(app, &user.user_name));
    Ok(response)
}

/// The network address a request comes from, as far as it can be known.
pub(super) fn client(app: &Shared, headers: &HeaderMap, peer: Option<Extension<ConnectInfo<SocketAddr>>>) -> IpAddr {
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer.ip());
    super::form::client_of(app.behind_proxy(), headers, peer)
}

pub(super) async fn sign_out(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    let secure = app.portal.secure_cookie;
    let mut tx = app.db().begin().await?;
    store::session::end(&mut tx, &session.id, &session.user).await?;
    store::claim::give_back(&mut tx, None, &session.actor).await?;
    store::audit::write(&mut tx, app.ids(), &session.actor, "sign out", "portal", json!({}), app.now()).await?;
    tx.commit().await?;
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
pub(super) fn local(next: &str) -> &str {
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
}
