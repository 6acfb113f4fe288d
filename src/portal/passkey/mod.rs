//! Passkeys: adding one and taking one away (`/account/passkeys`), signing in with one alone or after a password (`/sign-in/passkey`).
//!
//! Each way has two steps: a form of ours leads to a page that holds what the browser is asked (`passkey.js` asks it), and that page
//! sends the answer. What was asked stands in the database and is good once, for two minutes, for the session or the browser that
//! was asked.

mod ceremony;

pub(super) use ceremony::Party;

use super::form::throttle::Throttle;
use super::{App, Page, Shared, account, format, html, review, sign_in, trouble::Trouble};
use crate::core::UserId;
use crate::store::passkey::{NewChallenge, NewPasskey, Passkey};
use crate::store::session::Session;
use crate::store::{self, user::User};
use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use ceremony::{Answer, MINUTES, Made, Question};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;
use tokio::sync::Mutex;

/// More than anybody has devices.
const MOST: usize = 20;
/// Letters of what somebody calls a passkey.
const LONGEST: usize = 60;

/// Questions to strangers, by network address and to all of them, in an hour. Each is a row in the database until it is answered.
const QUESTIONS: (usize, usize) = (300, 5_000);

/// Strangers who were asked for a passkey.
#[derive(Debug, Default)]
pub(super) struct Door {
    asked: Mutex<Throttle>,
}

/// The page on which the browser asks for a passkey.
#[derive(Template)]
#[template(path = "passkey.html")]
struct PasskeyPage {
    page: Page,
    /// Whether a new one is made.
    new: bool,
    /// What the browser is asked, in JSON.
    options: String,
    /// Where its answer goes.
    action: &'static str,
    /// The word the form carries.
    word: String,
    /// What else it carries.
    carried: Vec<(&'static str, String)>,
}

/// Lets a page have our script.
pub(super) fn with_script(mut response: Response) -> Response {
    let policy = HeaderValue::from_static(review::WITH_SCRIPT);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// The script that asks for passkeys.
pub(super) async fn script() -> Response {
    super::asset("text/javascript; charset=utf-8", include_str!("../assets/passkey.js"))
}

/// Under what name devices know the portal; none where it has no name, or none that is safe.
pub(super) fn party(app: &Shared, headers: &HeaderMap) -> Option<Party> {
    let public = app.portal.pipeline.house.council.portal_url.as_deref();
    Party::of(public, headers.get(header::HOST).and_then(|host| host.to_str().ok()))
}

/// Whether people can sign in with a passkey alone.
pub(super) fn offered(app: &Shared, headers: &HeaderMap) -> bool {
    app.portal.passwords && party(app, headers).is_some()
}

fn no_party() -> Trouble {
    let text = "Passkeys do not work under this address. Sign in with a password and a code, or ask whoever administers the portal for \
                a link.";
    Trouble::conflict(text).back_to("/sign-in", "Go to the sign-in page")
}

async fn keep(app: &Shared, question: &Question, asked: &str) -> store::Result<()> {
    let now = app.now();
    let until = now + TimeDelta::minutes(MINUTES.into());
    let Question { challenge, state, .. } = question;
    let mut tx = app.db().begin().await?;
    store::passkey::ask(&mut tx, NewChallenge { challenge, asked, state, until }, now).await?;
    tx.commit().await
}

/// What was asked, used up whatever the answer is worth.
async fn asked(app: &Shared, challenge: Option<String>, asked: &str) -> store::Result<Option<Vec<u8>>> {
    let Some(challenge) = challenge else { return Ok(None) };
    let mut tx = app.db().begin().await?;
    let state = store::passkey::answered(&mut tx, &challenge, asked, app.now()).await?;
    tx.commit().await?;
    Ok(state)
}

fn failed(error: String) -> Trouble {
    tracing::error!(error, "a passkey could not be asked for");
    Trouble::internal()
}

async fn audit(app: &Shared, actor: &str, action: &str, detail: serde_json::Value) -> store::Result<()> {
    let mut tx = app.db().begin().await?;
    store::audit::write(&mut tx, app.ids(), actor, action, "portal", detail, app.now()).await?;
    tx.commit().await
}

/// A passkey in its owner's list.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) added: String,
    pub(super) used: String,
}

impl Row {
    pub(super) fn of(passkey: Passkey) -> Self {
        let used = passkey.used_at.map_or_else(|| "Never".to_owned(), format::when);
        Self { id: passkey.id, name: passkey.name, added: format::date(passkey.added_at), used }
    }
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    called: String,
    #[serde(default)]
    password: String,
}

/// Asks for a new passkey, once the password was given again.
pub(super) async fn begin(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    Form(form): Form<Wanted>,
) -> Result<Response, Trouble> {
    let wrong =
        async |field, text: &str| account::draw(&app, &headers, &session, None, Some((field, text.to_owned()))).await;
    if !app.portal.passwords {
        return Err(Trouble::of_status(StatusCode::NOT_FOUND).back_to("/account", "Go to your account"));
    }
    let Some(party) = party(&app, &headers) else { return Err(no_party().back_to("/account", "Go to your account")) };
    let called = form.called.split_whitespace().collect::<Vec<_>>().join(" ");
    if called.is_empty() || called.chars().count() > LONGEST {
        return wrong("called", "Enter what you call this passkey, in up to 60 letters.").await;
    }
    let mut tx = app.db().read().await?;
    let user = account::own(&mut tx, &session).await?;
    let has = store::passkey::of(&mut tx, &session.user).await?;
    drop(tx);
    if has.len() >= MOST {
        return wrong("called", "You have 20 passkeys. Take one away that you do not use any more.").await;
    }
    if let Err(text) = account::confirmed(&app, &session, &user, form.password).await {
        return wrong("passkey", &text).await;
    }
    let question = ceremony::ask_for_a_new_one(&party, &user, &has).map_err(failed)?;
    keep(&app, &question, &format!("account/{}", session.id)).await?;
    let page = PasskeyPage {
        page: Page::new(&app, &session, "account", "Create your passkey"),
        new: true,
        options: question.options,
        action: "/account/passkeys/add",
        word: session.csrf.clone(),
        carried: vec![("called", called)],
    };
    Ok(with_script(html(&page)?.into_response()))
}

#[derive(Deserialize)]
pub(super) struct New {
    #[serde(default)]
    called: String,
    #[serde(default)]
    credential: String,
}

/// Adds a passkey that was just made.
pub(super) async fn add(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    Form(form): Form<New>,
) -> Result<Response, Trouble> {
    let made = Made::read(&form.credential);
    let challenge = made.as_ref().and_then(Made::challenge);
    let state = asked(&app, challenge, &format!("account/{}", session.id)).await?;
    let kept = match (party(&app, &headers), made, state) {
        (Some(party), Some(made), Some(state)) => made.verify(&party, &state, &session.user),
        _ => Err("nobody asked for it, or it came too late".to_owned()),
    };
    let refuse = async |error: &str| {
        tracing::warn!(error, "a new passkey was refused");
        audit(&app, &session.actor, "passkey refused", json!({})).await?;
        let text = "The passkey was not added: it took longer than two minutes, or your browser’s answer was not right. Try again.";
        account::draw(&app, &headers, &session, None, Some(("called", text.to_owned()))).await
    };
    let kept = match kept {
        Ok(kept) => kept,
        Err(error) => return refuse(&error).await,
    };
    let name = format::excerpt(form.called.trim(), LONGEST);
    let mut tx = app.db().begin().await?;
    let (credential, key, state) = (kept.credential.as_str(), kept.key.as_slice(), kept.state.as_slice());
    let new = NewPasskey { user: &session.user, name: &name, credential, key, state };
    if !store::passkey::insert(&mut tx, app.ids(), new, app.now()).await? {
        drop(tx);
        return refuse("it is known already").await;
    }
    let detail = json!({"name": name});
    store::audit::write(&mut tx, app.ids(), &session.actor, "passkey added", "portal", detail, app.now()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/account?done=passkey-added").into_response())
}

#[derive(Deserialize)]
pub(super) struct Gone {
    #[serde(default)]
    which: String,
    #[serde(default)]
    password: String,
}

/// Takes a passkey away from oneself.
pub(super) async fn take_away(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    Form(form): Form<Gone>,
) -> Result<Response, Trouble> {
    if form.which.is_empty() {
        let text = "Choose the passkey that you do not use any more.".to_owned();
        return account::draw(&app, &headers, &session, None, Some(("which", text))).await;
    }
    let mut tx = app.db().read().await?;
    let user = account::own(&mut tx, &session).await?;
    drop(tx);
    if let Err(text) = account::confirmed(&app, &session, &user, form.password).await {
        return account::draw(&app, &headers, &session, None, Some(("away", text))).await;
    }
    let mut tx = app.db().begin().await?;
    let Some(name) = store::passkey::take_away(&mut tx, &form.which, &session.user).await? else {
        let gone = "This passkey was taken away already.";
        return Err(Trouble::not_found(gone).back_to("/account", "Go to your account"));
    };
    // It may be taken away because somebody else had it.
    store::session::end_others_of(&mut tx, &session.user, &session.id).await?;
    let detail = json!({"name": name});
    store::audit::write(&mut tx, app.ids(), &session.actor, "passkey taken away", "portal", detail, app.now()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/account?done=passkey-gone").into_response())
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    next: String,
    /// Who showed the right password before, sealed; empty where nobody did.
    #[serde(default)]
    half: String,
    #[serde(default)]
    credential: String,
}

/// Asks for a passkey: alone, or as the second factor.
pub(super) async fn ask(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    Form(form): Form<SignIn>,
) -> Result<Response, Trouble> {
    let word = sign_in::word(&app, &headers, &form.csrf)?;
    // Without passwords nobody gets a passkey; who has one from before still shows it after the way back's password.
    if form.half.is_empty() && !app.portal.passwords {
        return Err(Trouble::of_status(StatusCode::NOT_FOUND).back_to("/sign-in", "Go to the sign-in page"));
    }
    let refuse = |status, text| sign_in::draw_passkey_error(&app, &headers, status, &word, &form.next, text);
    if form.half.is_empty() {
        let from = sign_in::client(&app, &headers, peer);
        // Whoever signed in from this browser before is no stranger, and not kept out by any.
        let wait = match sign_in::is_known(&app, &headers) {
            true => None,
            false => app.passkeys.asked.lock().await.admit_at_most(from, app.now(), QUESTIONS),
        };
        if let Some(wait) = wait {
            let minutes = format::count(wait.num_minutes() + 1, "minute", "minutes");
            let text = format!("Passkeys were asked for too often. Wait {minutes}, or sign in with your password.");
            let response = refuse(StatusCode::TOO_MANY_REQUESTS, text)?;
            return Ok(sign_in::with_retry_after(response, wait.num_seconds() + 1));
        }
    } else if sign_in::half(&app, &form.half, &word).is_none() {
        return refuse(StatusCode::FORBIDDEN, sign_in::TOO_LATE.to_owned());
    }
    draw(&app, &headers, word, &form.next, form.half).await
}

/// The page that asks for one.
pub(super) async fn draw(
    app: &Shared,
    headers: &HeaderMap,
    word: String,
    next: &str,
    half: String,
) -> Result<Response, Trouble> {
    let Some(party) = party(app, headers) else { return Err(no_party()) };
    let question = ceremony::ask_for_one(&party).map_err(failed)?;
    keep(app, &question, &browser(&word)).await?;
    let page = PasskeyPage {
        page: Page::signed_out(app, "Use your passkey"),
        new: false,
        options: question.options,
        action: "/sign-in/passkey/done",
        word: word.clone(),
        carried: vec![("next", sign_in::local(next).to_owned()), ("half", half)],
    };
    Ok(with_script(sign_in::under_word(app, &word, html(&page)?)))
}

/// Which browser was asked.
fn browser(word: &str) -> String {
    format!("sign-in/{}", sign_in::hashed(word))
}

/// Signs in whose passkey was shown; after a password, only whose password it was.
pub(super) async fn done(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    Form(form): Form<SignIn>,
) -> Result<Response, Trouble> {
    let word = sign_in::word(&app, &headers, &form.csrf)?;
    let from = sign_in::client(&app, &headers, peer);
    let refuse = |status, text| sign_in::draw_passkey_error(&app, &headers, status, &word, &form.next, text);
    let first = match sign_in::half(&app, &form.half, &word) {
        _ if form.half.is_empty() => None,
        None => return refuse(StatusCode::FORBIDDEN, sign_in::TOO_LATE.to_owned()),
        Some(id) => {
            let mut tx = app.db().read().await?;
            Some(store::user::get(&mut tx, &id).await?.ok_or_else(Trouble::forged)?)
        }
    };
    if first.is_none() && !app.portal.passwords {
        return Err(Trouble::of_status(StatusCode::NOT_FOUND).back_to("/sign-in", "Go to the sign-in page"));
    }
    let whose = match &first {
        Some(user) => sign_in::whose(&app, &headers, &user.user_name, from),
        None => sign_in::anybodys(&app, &headers, from),
    };
    if let Err(seconds) = sign_in::begin(&app, &whose) {
        let response = refuse(StatusCode::TOO_MANY_REQUESTS, sign_in::too_many(seconds))?;
        return Ok(sign_in::with_retry_after(response, seconds));
    }
    match shown(&app, &headers, &form.credential, &word, first.as_ref().map(|user| &user.id)).await? {
        Ok(user) => {
            let begun_by = if first.is_some() { "password-passkey" } else { "passkey" };
            sign_in::let_in(&app, &headers, &user, &whose, &form.next, begun_by).await
        }
        Err(error) => {
            tracing::warn!(error, "a passkey was refused");
            audit(&app, "nobody", "sign in refused", json!({"by": "passkey"})).await?;
            let text = "That passkey does not sign you in: it is not known here, or it took longer than two minutes. Try again, or sign \
                        in with your password.";
            refuse(StatusCode::FORBIDDEN, text.to_owned())
        }
    }
}

/// Whose passkey was shown; or why it is not taken.
async fn shown(
    app: &Shared,
    headers: &HeaderMap,
    answer: &str,
    word: &str,
    first: Option<&UserId>,
) -> Result<Result<User, String>, Trouble> {
    let Some(answer) = Answer::read(answer) else { return Ok(Err("it could not be read".to_owned())) };
    let Some(state) = asked(app, answer.challenge(), &browser(word)).await? else {
        return Ok(Err("nobody asked for it, or it came too late".to_owned()));
    };
    let Some(party) = party(app, headers) else { return Err(no_party()) };
    let mut tx = app.db().begin().await?;
    let Some(passkey) = store::passkey::by_credential(&mut tx, &answer.credential()).await? else {
        return Ok(Err("it is nobody's".to_owned()));
    };
    if first.is_some_and(|first| *first != passkey.user_id) {
        return Ok(Err("it is somebody else's than the password".to_owned()));
    }
    let state = match answer.verify(&party, &state, &passkey) {
        Ok(state) => state,
        Err(error) => return Ok(Err(error)),
    };
    let user = store::user::get(&mut tx, &passkey.user_id).await?.filter(|user| user.ended_at.is_none());
    let Some(user) = user else { return Ok(Err("the account is closed".to_owned())) };
    if !store::passkey::used(&mut tx, &passkey, &state, app.now()).await? {
        return Ok(Err("it was used by another at the same moment".to_owned()));
    }
    tx.commit().await?;
    Ok(Ok(user))
}
