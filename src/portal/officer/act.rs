//! What an officer sends: one form, one step at the desk, done once.

use super::super::{App, Shared, trouble::Trouble};
use super::{FORMS, Link, draw_gone, from, link, refuse, view};
use crate::desk::officer::signature;
use crate::desk::{Desk, DeskError};
use crate::outbox::closing::Ending;
use crate::outbox::compose::Composer;
use crate::store::Tx;
use crate::store::sent_form::{self, Sent};
use axum::Extension;
use axum::extract::{self, ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, TimeDelta};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// What the seal in a form is for; its text is `NUMBER.DRAWN.TOKEN`, the second a Unix time.
const FORM: &str = "officer form";
/// So many hours a page may stay open before its forms are too old.
const OPEN_HOURS: i64 = 24;
/// Longest text that is taken, in characters.
const LONGEST: usize = 2_000;

/// Everything that one of the forms can send.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Form {
    #[serde(skip_serializing)]
    form: String,
    /// Name or initials of the officer.
    pub(super) name: String,
    /// Who is asked: `resident` or `desk`.
    pub(super) whom: String,
    /// A question, or what residents are told.
    pub(super) words: String,
    /// Key of the department it is handed on to, or `unknown`.
    pub(super) to: String,
    /// A day, `2026-03-31`.
    pub(super) day: String,
    /// Why it is handed on or takes longer.
    pub(super) why: String,
    /// `yes` where it is done, `no` where it ended otherwise.
    pub(super) done: String,
}

/// Why a form was not done.
pub(super) struct Refused {
    /// Which of the forms.
    pub(super) what: String,
    /// What to do, for the officer.
    pub(super) why: String,
}

/// The seal of a page's forms.
pub(super) fn fresh_form(app: &Shared, token: &str) -> String {
    let text = format!("{}.{}.{token}", app.ids().uuid().simple(), app.now().timestamp());
    app.portal.pipeline.house.key.seal(FORM, &text)
}

/// The number of a form's seal; none where it is not of this link, or was open for too long.
fn number(app: &Shared, form: &str, token: &str) -> Option<String> {
    let mut parts = app.portal.pipeline.house.key.unseal(FORM, form)?.splitn(3, '.');
    let (number, drawn, of) = (parts.next()?, parts.next()?, parts.next()?);
    let drawn = DateTime::from_timestamp(drawn.parse().ok()?, 0)?;
    (of == token && app.now() - drawn < TimeDelta::hours(OPEN_HOURS)).then(|| number.to_owned())
}

/// `POST /officer/TOKEN/WHAT`.
pub(super) async fn send(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    Path((token, what)): Path<(String, String)>,
    extract::Form(form): extract::Form<Form>,
) -> Result<Response, Trouble> {
    let from = from(&app, &headers, peer);
    let mut tx = app.db().begin().await?;
    let Some(link) = link(&app, &mut tx, token).await? else {
        drop(tx);
        return refuse(&app, from).await;
    };
    if let Some(wait) = app.officer.forms.lock().await.admit_at_most(from, app.now(), FORMS) {
        let mut response = Trouble::of_status(StatusCode::TOO_MANY_REQUESTS).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, wait.num_seconds().max(1).into());
        return Ok(response);
    }
    if let Some(why) = link.gone(&app.portal.pipeline.understanding.rules().taxonomy) {
        drop(tx);
        return draw_gone(&app, &link, why, None).await;
    }
    match take(&app, &mut tx, &link, &what, &form).await {
        Ok(done) => {
            tx.commit().await?;
            Ok(Redirect::to(&format!("/officer/{}?done={done}", link.token)).into_response())
        }
        Err(NotDone::Refused(why)) => {
            // Nothing of it stays, so the form can be mended and sent again.
            drop(tx);
            let tx = app.db().read().await?;
            view::draw(&app, tx, &link, None, Some((Refused { what, why }, form))).await
        }
        Err(NotDone::Trouble(trouble)) => Err(trouble),
    }
}

enum NotDone {
    Refused(String),
    Trouble(Trouble),
}

impl From<DeskError> for NotDone {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Missing(why) | DeskError::NotNow(why) => {
                Self::Refused(format!("{}.", super::format::sentence(why)))
            }
            other => Self::Trouble(other.into()),
        }
    }
}

impl From<crate::store::StoreError> for NotDone {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Trouble(error.into())
    }
}

fn refused<T>(why: &str) -> Result<T, NotDone> {
    Err(NotDone::Refused(why.to_owned()))
}

/// Does what a form says, once; the word of what was done.
async fn take(app: &Shared, tx: &mut Tx, link: &Link, what: &str, form: &Form) -> Result<&'static str, NotDone> {
    let Some(number) = number(app, &form.form, &link.token) else {
        return refused("This page was open for more than a day. Nothing was done: send it again.");
    };
    if [&form.words, &form.why].iter().any(|text| text.chars().count() > LONGEST) {
        return refused("That is too long: use 2,000 characters at most.");
    }
    let pipeline = &app.portal.pipeline;
    let house = &pipeline.house;
    let content = serde_json::to_string(&(what, form)).unwrap_or_default();
    let digest = house.key.digest(FORM, &content);
    let kept = TimeDelta::hours(2 * OPEN_HOURS);
    let sent = sent_form::note(tx, &number, &digest, app.now(), kept).await?;
    if sent == Sent::Otherwise {
        return refused(
            "Something else was sent from this page before. Look at the case as it is now, then send it again.",
        );
    }
    let rules = pipeline.understanding.rules();
    let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &pipeline.ids };
    let desk = Desk { composer, now: app.now() };
    let (id, department, calendar) = (&link.case.id, &link.department, &house.calendar);
    let actor = &signature(department, &form.name);
    let first = sent == Sent::First;
    match what {
        "accept" => {
            if first {
                desk.take_on(tx, id, department, actor).await?;
            }
            Ok("accept")
        }
        "ask" => {
            let of_resident = match form.whom.as_str() {
                "resident" => true,
                "desk" => false,
                _ => return refused("Say whom you ask: the resident, or the council's case desk."),
            };
            if first {
                desk.officer_asks(tx, id, department, (of_resident, &form.words), actor).await?;
            }
            Ok("ask")
        }
        "hand-on" => {
            let to = match form.to.as_str() {
                "" => return refused("Choose the department whose it is, or say that you do not know."),
                "unknown" => None,
                to => Some(to),
            };
            if first {
                desk.hand_on(tx, id, department, (to, &form.why), actor).await?;
            }
            Ok(if to.is_some() { "hand-on" } else { "back" })
        }
        "date" => {
            let Ok(day) = form.day.trim().parse() else {
                return refused("Choose the new day, as in 2026-03-31.");
            };
            if first {
                desk.put_off(tx, id, (day, &form.why), calendar, actor).await?;
            }
            Ok("date")
        }
        "close" => {
            let done = match form.done.as_str() {
                "yes" => true,
                "no" => false,
                _ => return refused("Say how it ended: it is done, or it ended otherwise."),
            };
            if first {
                desk.close(tx, id, Ending { done, words: &form.words }, actor).await?;
            }
            Ok("close")
        }
        _ => Err(NotDone::Trouble(Trouble::of_status(StatusCode::NOT_FOUND))),
    }
}
