//! Somebody's own account: password, second factor, passkeys, sessions.

use super::tries::Whose;
use super::wrong::Wrong;
use super::{App, Done, Page, auth, factor, format, html, passkey, trouble::Trouble};
use crate::store::user::User;
use crate::store::{self, Tx, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;
use std::sync::PoisonError;

struct SessionRow {
    id: String,
    device: String,
    since: String,
    begun_by: &'static str,
    this: bool,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    page: Page,
    user_name: String,
    name: String,
    roles: Vec<String>,
    /// Whether they sign in with a password.
    has_password: bool,
    has_factor: bool,
    /// A secret that is not in use yet, sealed, as text and as a picture.
    secret: Option<(String, String, String)>,
    passkeys: Vec<passkey::Row>,
    /// Whether passkeys are for everybody here, or only left over.
    new_passkeys: bool,
    /// Whether the portal has a name that passkeys can belong to.
    has_name: bool,
    sessions: Vec<SessionRow>,
    /// What is wrong, and with which field.
    wrong: Wrong,
}

pub(super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    draw(&app, &headers, &session, done.done.as_deref(), None).await
}

pub(super) async fn draw(
    app: &App,
    headers: &HeaderMap,
    session: &Session,
    done: Option<&str>,
    wrong: Option<(&'static str, String)>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let user = own(&mut tx, session).await?;
    let passkeys = store::passkey::of(&mut tx, &session.user).await?;
    let sessions = store::session::of(&mut tx, &session.user, app.now()).await?;
    drop(tx);
    let house = &app.portal.pipeline.house;
    let secret = user.totp.is_none().then(factor::new_secret).and_then(|secret| {
        let picture = factor::picture(&secret, &format!("beadle {}", house.council.name), &user.user_name)?;
        Some((house.key.seal(NEW_FACTOR, &format!("{}/{secret}", user.id)), grouped(&secret), picture))
    });
    let rows = sessions.into_iter().map(|one| SessionRow {
        this: one.id == session.id,
        id: one.id,
        device: browser_of(&one.device),
        since: format::when(one.created_at),
        begun_by: begun_by(&one.begun_by),
    });
    let wrong = Wrong(wrong);
    let page = AccountPage {
        page: Page::new(app, session, "account", wrong.title("Your account")).with_notice(done),
        has_password: user.password.is_some() && app.has_password(&user.user_name),
        user_name: user.user_name,
        name: user.name,
        roles: session.grants.iter().map(|grant| super::admin::said(&house.council, grant)).collect(),
        has_factor: user.totp.is_some(),
        passkeys: passkeys.into_iter().map(passkey::Row::of).collect(),
        new_passkeys: app.portal.passwords,
        has_name: passkey::party(app, headers).is_some(),
        secret,
        sessions: rows.collect(),
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

/// How a session was begun, in words.
fn begun_by(word: &str) -> &'static str {
    match word {
        "sign-on" => "Single sign-on",
        "code" => "Password and code",
        "passkey" => "Passkey",
        "password-passkey" => "Password and passkey",
        _ => "Password",
    }
}

const NEW_FACTOR: &str = "factor";

/// In groups of four, for those who type it in.
fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

pub(super) async fn own(tx: &mut Tx, session: &Session) -> Result<User, Trouble> {
    store::user::get(tx, &session.user).await?.ok_or_else(Trouble::internal)
}

/// Whether the password somebody gave once more is theirs; guesses are counted as at the sign-in.
pub(super) async fn confirmed(app: &App, session: &Session, user: &User, password: String) -> Result<(), String> {
    let whose = [Whose::Known(format!("session/{}", session.id))];
    let waits = app.tries.lock().unwrap_or_else(PoisonError::into_inner).begin(&whose, app.now());
    if let Err(seconds) = waits {
        return Err(format!(
            "Too many wrong tries. Wait {}, then try again.",
            format::count(seconds, "second", "seconds")
        ));
    }
    match auth::verify(password, user.password.clone()).await {
        Ok(true) => {}
        Ok(false) => return Err("That is not your password. Check it and try again.".to_owned()),
        Err(busy) => return Err(format!("{}. Try again in a few seconds.", format::sentence(&busy.to_string()))),
    }
    app.tries.lock().unwrap_or_else(PoisonError::into_inner).right(&whose);
    Ok(())
}

#[derive(Deserialize)]
pub(super) struct NewPassword {
    #[serde(default)]
    current: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    again: String,
    /// Whether passkeys go with the old one.
    #[serde(default)]
    passkeys: String,
}

/// A new password ends every session, this one too: whoever has a stolen one is out.
pub(super) async fn password(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    Form(form): Form<NewPassword>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let user = own(&mut tx, &session).await?;
    drop(tx);
    if let Err(wrong) = confirmed(&app, &session, &user, form.current).await {
        return draw(&app, &headers, &session, None, Some(("current", wrong))).await;
    }
    if form.new != form.again {
        let wrong = "The two new passwords are different. Enter the same one twice.".to_owned();
        return draw(&app, &headers, &session, None, Some(("again", wrong))).await;
    }
    let hash = match auth::own_hash(&user, &form.new).await {
        Ok(hash) => hash,
        Err(error @ (auth::PasswordError::Short | auth::PasswordError::Common)) => {
            let wrong = format!("{}.", format::sentence(&error.to_string()));
            return draw(&app, &headers, &session, None, Some(("new", wrong))).await;
        }
        Err(error) => return Err(error.into()),
    };
    let mut tx = app.db().begin().await?;
    auth::set_own(&mut tx, &user.id, &hash).await?;
    let gone = match form.passkeys.as_str() {
        "" => 0,
        _ => store::passkey::take_all_away(&mut tx, &user.id).await?,
    };
    let detail = json!({"passkeys taken away": gone});
    store::audit::write(&mut tx, app.ids(), &session.actor, "change password", "portal", detail, app.now()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/sign-in").into_response())
}

#[derive(Deserialize)]
pub(super) struct Ended {
    #[serde(default)]
    session: String,
}

pub(super) async fn end_session(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(form): Form<Ended>,
) -> Result<Redirect, Trouble> {
    let mut tx = app.db().begin().await?;
    if !store::session::end(&mut tx, &form.session, &session.user).await? {
        return Err(Trouble::not_found("This session has ended already.").back_to("/account", "Go to your account"));
    }
    store::audit::write(&mut tx, app.ids(), &session.actor, "end session", "portal", json!({}), app.now()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/account?done=session-ended"))
}

#[derive(Deserialize)]
pub(super) struct NewFactor {
    #[serde(default)]
    secret: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    password: String,
}

/// Takes a second factor into use, once its app has shown a right code.
pub(super) async fn second_factor(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    Form(form): Form<NewFactor>,
) -> Result<Response, Trouble> {
    let sealed = app.portal.pipeline.house.key.unseal(NEW_FACTOR, &form.secret);
    let secret = sealed.and_then(|text| text.split_once('/')).filter(|(user, _)| *user == session.user.as_str());
    let Some((_, secret)) = secret else { return Err(Trouble::forged()) };
    let mut tx = app.db().read().await?;
    let user = own(&mut tx, &session).await?;
    drop(tx);
    if user.totp.is_some() {
        return Err(Trouble::conflict("A second factor is in use already.").back_to("/account", "Go to your account"));
    }
    if let Err(wrong) = confirmed(&app, &session, &user, form.password).await {
        return draw(&app, &headers, &session, None, Some(("password", wrong))).await;
    }
    let Some(step) = factor::step_of(secret, &form.code, app.now()) else {
        let wrong =
            "That code does not belong to the new key. Add the key below to your app and enter what it shows now.";
        return draw(&app, &headers, &session, None, Some(("code", wrong.to_owned()))).await;
    };
    let mut tx = app.db().begin().await?;
    store::user::set_totp(&mut tx, &session.user, Some(secret), step).await?;
    store::session::end_others_of(&mut tx, &session.user, &session.id).await?;
    store::audit::write(&mut tx, app.ids(), &session.actor, "second factor on", "portal", json!({}), app.now()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/account?done=factor-on").into_response())
}

#[derive(Deserialize)]
pub(super) struct NoFactor {
    #[serde(default)]
    password: String,
}

pub(super) async fn second_factor_off(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    Form(form): Form<NoFactor>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let user = own(&mut tx, &session).await?;
    drop(tx);
    if let Err(wrong) = confirmed(&app, &session, &user, form.password).await {
        return draw(&app, &headers, &session, None, Some(("off", wrong))).await;
    }
    let mut tx = app.db().begin().await?;
    store::user::set_totp(&mut tx, &session.user, None, user.totp_step).await?;
    store::session::end_others_of(&mut tx, &session.user, &session.id).await?;
    store::audit::write(&mut tx, app.ids(), &session.actor, "second factor off", "portal", json!({}), app.now())
        .await?;
    tx.commit().await?;
    Ok(Redirect::to("/account?done=factor-off").into_response())
}

/// What people call a browser that calls itself so; as it calls itself where nobody would know better.
fn browser_of(agent: &str) -> String {
    // Most call themselves by the names of those they can stand for as well, so the rarer are looked for first.
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("iPhone", "an iPhone"),
        ("iPad", "an iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Macintosh", "a Mac"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let named =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        _ => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::browser_of;

    #[test]
    fn a_browser_is_called_as_people_call_it() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0";
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
        assert_eq!(
            (browser_of(edge).as_str(), browser_of(iphone).as_str()),
            ("Edge on Windows", "Safari on an iPhone")
        );
        assert_eq!(browser_of("curl/8"), "curl/8");
    }
}
