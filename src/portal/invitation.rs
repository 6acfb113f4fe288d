//! `/invitation/TOKEN`: where somebody sets the first password of their account, or a new one when they lost theirs. Good once, for
//! three days; whoever administers the portal hands it over.

use super::sign_in::{client, hashed, marked, random_word};
use super::wrong::Wrong;
use super::{App, Page, Shared, attempt, auth, format, html, trouble::Trouble};
use crate::core::UserId;
use crate::store::user::User;
use crate::store::{self, Tx};
use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, Form, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;
use std::net::{IpAddr, SocketAddr};

/// Days for which a link is good.
const DAYS: i64 = 3;

/// Makes a link for somebody; earlier ones are good no more. The address without the host.
pub(super) async fn make(tx: &mut Tx, app: &Shared, user: &UserId) -> store::Result<String> {
    let token = random_word();
    store::user::invite(tx, user, &hashed(&token), app.now() + TimeDelta::days(DAYS)).await?;
    Ok(format!("/invitation/{token}"))
}

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage {
    page: Page,
    token: String,
    name: String,
    user_name: String,
    wrong: Wrong,
}

fn over() -> Trouble {
    Trouble::not_found(
        "This link was used already, or it is older than three days. Ask whoever administers the portal for another.",
    )
    .back_to("/sign-in", "Go to the sign-in page")
}

/// Whose link it is, while it is good. What stands in the path is as secret as a password: the link itself is what lets in.
async fn whose(tx: &mut Tx, app: &Shared, token: &str) -> Result<User, Trouble> {
    let user = store::user::invited(tx, &hashed(token), app.now()).await?.ok_or_else(over)?;
    let user = store::user::get(tx, &user).await?.ok_or_else(over)?;
    if app.has_password(&user.user_name) { Ok(user) } else { Err(over()) }
}

fn draw(app: &Shared, token: String, user: User, wrong: Option<(&'static str, String)>) -> Result<Response, Trouble> {
    let wrong = Wrong(wrong);
    let page = Page::signed_out(app, &wrong.title("Choose a password"));
    let page = InvitationPage { page, token, name: user.name, user_name: user.user_name, wrong };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

pub(super) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    Path(token): Path<String>,
) -> Result<Response, Trouble> {
    let user = opened(&app, &token, client(&app, &headers, peer)).await?;
    draw(&app, token, user, None)
}

/// Whose link it is that somebody opens; one that is not good, or was guessed, is written down as an attempt.
async fn opened(app: &Shared, token: &str, from: IpAddr) -> Result<User, Trouble> {
    let mut tx = app.db().read().await?;
    let found = whose(&mut tx, app, token).await;
    drop(tx);
    if found.as_ref().is_err_and(|trouble| trouble.status == StatusCode::NOT_FOUND) {
        attempt::by_a_stranger(app, from, "invitation").await?;
    }
    found
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    new: String,
    #[serde(default)]
    again: String,
}

pub(super) async fn accept(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    Path(token): Path<String>,
    Form(form): Form<Chosen>,
) -> Result<Response, Trouble> {
    let user = opened(&app, &token, client(&app, &headers, peer)).await?;
    if form.new != form.again {
        let wrong = "The two passwords are different. Enter the same one twice.".to_owned();
        return draw(&app, token, user, Some(("again", wrong)));
    }
    let hash = match auth::own_hash(&user, &form.new).await {
        Ok(hash) => hash,
        Err(error @ (auth::PasswordError::Short | auth::PasswordError::Common)) => {
            let wrong = format!("{}.", format::sentence(&error.to_string()));
            return draw(&app, token, user, Some(("new", wrong)));
        }
        Err(error) => return Err(error.into()),
    };
    let mut tx = app.db().begin().await?;
    // Two may have opened it at once: it is good once.
    let user = whose(&mut tx, &app, &token).await?;
    auth::set_own(&mut tx, &user.id, &hash).await?;
    store::audit::write(&mut tx, app.ids(), &user.user_name, "set password", "portal", json!({}), app.now()).await?;
    tx.commit().await?;
    let mut response = Redirect::to("/sign-in").into_response();
    // Nobody who guesses at their name keeps them out where they just were.
    response.headers_mut().append(header::SET_COOKIE, marked(&app, &user.user_name));
    Ok(response)
}
