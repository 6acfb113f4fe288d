//! `/sign-on`: single sign-on by the council's provider. Who comes back is somebody the administrator made an account for, or nobody:
//! the first time by what the provider calls them, from then on by what it knows them by for ever. No account is made here.
//!
//! What a browser began it has to show when it comes back (a sealed cookie, ten minutes); a second factor is the provider's business.

use super::form::throttle::Throttle;
use super::guard::cookie;
use super::sign_in::{self, Wanted};
use super::{App, Shared, auth, format, trouble::Trouble};
use crate::channels::openid::{Begun, SignOn, SignOnError, Somebody};
use crate::store::user::User;
use crate::store::{self, Tx};
use axum::Extension;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::PoisonError;
use tokio::sync::Mutex;

/// Minutes in which somebody has to come back from the provider.
const MINUTES: i64 = 10;
/// Purpose of the seal.
const BEGUN: &str = "sign-on";
/// Refusals of one network address, and of everybody, that are written down in an hour.
const REFUSALS: (usize, usize) = (20, 500);
/// So many that came back are kept in mind; the provider takes no code twice in any case.
const MOST_USED: usize = 20_000;

/// Who came back.
#[derive(Debug, Default)]
pub(super) struct Door {
    refused: Mutex<Throttle>,
    /// What was begun and came back, and until when its cookie would be good.
    used: std::sync::Mutex<HashMap<String, DateTime<Utc>>>,
}

impl Door {
    /// Uses up what was begun; false where it was used before.
    fn first_use(&self, state: &str, now: DateTime<Utc>) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, until| *until > now);
        if used.len() >= MOST_USED {
            used.clear();
        }
        used.insert(sign_in::hashed(state), now + TimeDelta::minutes(MINUTES)).is_none()
    }
}

const fn begun_cookie(secure: bool) -> &'static str {
    if secure { "__Host-beadle-sign-on" } else { "beadle-sign-on" }
}

/// What the provider is called at the beginning of a sentence.
fn said(provider: &SignOn) -> String {
    format::sentence(provider.name())
}

fn provider(app: &Shared) -> Result<&SignOn, Trouble> {
    let missing = || Trouble::of_status(StatusCode::NOT_FOUND).back_to("/sign-in", "Go to the sign-in page");
    app.portal.sign_on.as_deref().ok_or_else(missing)
}

pub(super) async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Trouble> {
    let provider = provider(&app)?;
    if sign_in::session(&app, &headers).await?.is_some() {
        return Ok(Redirect::to(sign_in::local(&wanted.next)).into_response());
    }
    let begun = match provider.begin().await {
        Ok(begun) => begun,
        Err(error) => return away(&app, &headers, wanted.next, &error),
    };
    let mut response = Redirect::to(begun.url.as_str()).into_response();
    let secure = app.portal.secure_cookie;
    let kept = sealed(&app, &begun, sign_in::local(&wanted.next));
    let kept = sign_in::set_cookie(begun_cookie(secure), &kept, MINUTES * 60, secure);
    response.headers_mut().append(header::SET_COOKIE, kept);
    Ok(response)
}

fn sealed(app: &Shared, begun: &Begun, next: &str) -> String {
    let until = (app.now() + TimeDelta::minutes(MINUTES)).timestamp();
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let Begun { state, nonce, verifier, .. } = begun;
    app.portal.pipeline.house.key.seal(BEGUN, &format!("{state}/{nonce}/{verifier}/{until}/{next}"))
}

/// What this browser began, and where it wanted to go, if it is what comes back now.
fn began(app: &Shared, headers: &HeaderMap, state: &str) -> Option<(Begun, String)> {
    let kept = cookie(headers, begun_cookie(app.portal.secure_cookie))?;
    let kept = app.portal.pipeline.house.key.unseal(BEGUN, &kept)?;
    let parts: Vec<&str> = kept.split('/').collect();
    let [ours, nonce, verifier, until, next] = parts.as_slice() else { return None };
    let in_time = until.parse::<i64>().is_ok_and(|until| app.now().timestamp() < until);
    if !in_time || !auth::same(ours, state) {
        return None;
    }
    let next = url::form_urlencoded::parse(format!("next={next}").as_bytes()).next()?.1.into_owned();
    let url = "http://here.invalid".parse().ok()?;
    let begun = Begun { url, state: state.to_owned(), nonce: (*nonce).to_owned(), verifier: (*verifier).to_owned() };
    Some((begun, next))
}

/// What the provider sends people back with.
#[derive(Deserialize)]
pub(super) struct Returned {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    error: String,
}

pub(super) async fn done(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    Query(returned): Query<Returned>,
) -> Result<Response, Trouble> {
    let secure = app.portal.secure_cookie;
    let from = sign_in::client(&app, &headers, peer);
    // Whatever comes of it, it is good once.
    let mut response = come_back(&app, &headers, from, returned).await.unwrap_or_else(IntoResponse::into_response);
    let over = sign_in::set_cookie(begun_cookie(secure), "", 0, secure);
    response.headers_mut().append(header::SET_COOKIE, over);
    Ok(response)
}

async fn come_back(app: &App, headers: &HeaderMap, from: IpAddr, returned: Returned) -> Result<Response, Trouble> {
    let provider = provider(app)?;
    let Some((begun, next)) = began(app, headers, &returned.state) else {
        let text = "This sign-on was not begun in this browser, or it took longer than ten minutes. Begin again.";
        return Err(refusal(text));
    };
    if !app.sign_ons.first_use(&returned.state, app.now()) {
        return Err(refusal("This sign-on was used already. Begin again."));
    }
    if !returned.error.is_empty() || returned.code.is_empty() {
        return Err(refusal(format!("{} did not sign you in. Try again.", said(provider))));
    }
    let whose = sign_in::anybodys(app, headers, from);
    if let Err(seconds) = sign_in::begin(app, &whose) {
        let trouble = Trouble { status: StatusCode::TOO_MANY_REQUESTS, ..refusal(sign_in::too_many(seconds)) };
        return Ok(sign_in::with_retry_after(trouble.into_response(), seconds));
    }
    let somebody = match provider.finish(returned.code, &begun, app.now()).await {
        Ok(somebody) => somebody,
        Err(error @ SignOnError::Away(_)) => {
            sign_in::right(app, &whose);
            return away(app, headers, next, &error);
        }
        Err(error @ SignOnError::Refused(_)) => {
            tracing::warn!(%error, "a sign-on was refused");
            refused(app, from, json!({})).await?;
            let text = format!(
                "What {} said of you could not be verified. Nothing was changed. Begin again.",
                provider.name()
            );
            return Err(refusal(text));
        }
    };
    let Some(user) = known(app, &somebody).await? else {
        let called = somebody.name.as_deref().map(|name| format::excerpt(name, 60));
        let detail = json!({"called": called, "subject": format::excerpt(&somebody.subject, 60)});
        let written = refused(app, from, detail).await?;
        let written = if written { " That you tried is on the audit trail." } else { "" };
        let called = called.map_or_else(String::new, |name| format!(" as \"{name}\""));
        let text = format!(
            "{} knows you{called}, but you have no account here. Ask whoever administers the portal to let you in.{written}",
            said(provider)
        );
        return Err(Trouble { title: "You have no account here", ..refusal(text) });
    };
    sign_in::let_in(app, headers, &user, &whose, &next, "sign-on").await
}

fn refusal(text: impl Into<String>) -> Trouble {
    let trouble = Trouble::not_for_you().back_to("/sign-in", "Go to the sign-in page");
    Trouble { title: "You are not signed in", text: text.into(), ..trouble }
}

/// Whose account it is; who comes for the first time is written down as the one whom the administrator expects under that name.
async fn known(app: &Shared, somebody: &Somebody) -> Result<Option<User>, Trouble> {
    let Somebody { issuer, subject, name } = somebody;
    let mut tx = app.db().begin().await?;
    if let Some(user) = store::user::by_sign_on(&mut tx, issuer, subject).await? {
        return Ok(Some(user).filter(|user| user.ended_at.is_none()));
    }
    let Some(name) = name else { return Ok(None) };
    let Some(user) = store::user::awaited(&mut tx, issuer, name).await? else { return Ok(None) };
    if !store::user::link(&mut tx, &user.id, issuer, subject, app.now()).await? {
        return Ok(None);
    }
    let detail = json!({"subject": format::excerpt(subject, 60)});
    write(&mut tx, app, &user.user_name, "first sign on", detail).await?;
    tx.commit().await?;
    Ok(Some(user))
}

async fn write(tx: &mut Tx, app: &Shared, actor: &str, action: &str, detail: serde_json::Value) -> store::Result<()> {
    store::audit::write(tx, app.ids(), actor, action, "portal", detail, app.now()).await
}

/// Writes a refusal down, as long as not so many come that this would be a way to fill the disk; whether it was.
async fn refused(app: &Shared, from: IpAddr, detail: serde_json::Value) -> store::Result<bool> {
    if app.sign_ons.refused.lock().await.admit_at_most(from, app.now(), REFUSALS).is_some() {
        return Ok(false);
    }
    let mut tx = app.db().begin().await?;
    write(&mut tx, app, "nobody", "sign on refused", detail).await?;
    tx.commit().await?;
    Ok(true)
}

/// The sign-in page, which says that the provider is away.
fn away(app: &Shared, headers: &HeaderMap, next: String, error: &SignOnError) -> Result<Response, Trouble> {
    tracing::warn!(%error, "nobody can sign on");
    let name = app.portal.sign_on.as_deref().map_or_else(String::new, said);
    let text = if app.portal.passwords {
        format!("{name} cannot be reached at the moment. Try again in a few minutes, or sign in with a password.")
    } else {
        format!("{name} cannot be reached at the moment. Try again in a few minutes.")
    };
    sign_in::draw_away(app, headers, next, text)
}
