//! `/confirm/TOKEN`: the link in the mail that asks whether an address is theirs. Opening it does nothing yet, because programs that
//! look through mail open links too; the button does.

use super::super::{App, html, trouble::Trouble};
use super::frame::{Asked, Frame, SaidPage};
use super::policy;
use crate::core::MessageId;
use crate::desk::{Desk, DeskError};
use crate::outbox::compose::Composer;
use crate::pipeline::proof::PROOF;
use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "form_confirm.html")]
struct ConfirmPage {
    frame: Frame,
}

#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    answer: String,
}

/// The message that a link is about, as long as it works.
fn message(app: &App, token: &str) -> Option<MessageId> {
    let (message, until) = app.portal.pipeline.house.key.unseal(PROOF, token)?.rsplit_once('.')?;
    let until = DateTime::from_timestamp(until.parse().ok()?, 0)?;
    (app.now() < until).then(|| MessageId::from(message.to_owned()))
}

/// `GET /confirm/TOKEN`.
pub(super) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
    Path(token): Path<String>,
) -> Result<Response, Trouble> {
    policy(&app)?;
    let frame = Frame::new(&app, &asked, &headers, &format!("/confirm/{token}"));
    if message(&app, &token).is_none() {
        return frame.gone();
    }
    let title = frame.w().confirm.clone();
    Ok(html(&ConfirmPage { frame: frame.titled(&title, false) })?.into_response())
}

/// `POST /confirm/TOKEN`.
pub(super) async fn answer(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
    Path(token): Path<String>,
    Form(given): Form<Answer>,
) -> Result<Response, Trouble> {
    policy(&app)?;
    let frame = Frame::new(&app, &asked, &headers, &format!("/confirm/{token}"));
    let Some(message) = message(&app, &token) else { return frame.gone() };
    let pipeline = &app.portal.pipeline;
    let (house, rules) = (&pipeline.house, pipeline.understanding.rules());
    let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &pipeline.ids };
    let desk = Desk { composer, now: app.now() };
    let mut tx = app.db().begin().await?;
    let theirs = match desk.confirm(&mut tx, &message, given.answer == "yes").await {
        Ok(theirs) => theirs,
        Err(DeskError::Unknown(_)) => return frame.gone(),
        Err(error) => return Err(error.into()),
    };
    tx.commit().await?;
    let w = frame.w();
    let text = if theirs { w.confirmed.clone() } else { w.denied.clone() };
    let title = w.confirm.clone();
    Ok(html(&SaidPage { frame: frame.titled(&title, false), text })?.into_response())
}
