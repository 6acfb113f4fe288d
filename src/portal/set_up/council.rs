//! Who the council is.

use super::super::wrong::Wrong;
use super::super::{App, Page, html, trouble::Trouble};
use super::{KeptCouncil, START, line, set_up};
use crate::core::Address;
use crate::store::session::Session;
use askama::Template;
use axum::Extension;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

/// Longest name, in characters.
const LONGEST: usize = 100;

#[derive(Template)]
#[template(path = "set_up/council.html")]
struct CouncilPage {
    page: Page,
    /// It stands in the operator's file.
    given: bool,
    council: NewCouncil,
    wrong: Wrong,
}

#[derive(Default, Deserialize)]
pub(in super::super) struct NewCouncil {
    #[serde(default)]
    name: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    authserv_id: String,
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    let standing = &set_up(&app)?.standing;
    let council = &app.portal.pipeline.house.council;
    let shown = if standing.named {
        NewCouncil {
            name: council.name.clone(),
            address: council.address.email.clone(),
            authserv_id: council.authserv_id.clone().unwrap_or_default(),
        }
    } else {
        NewCouncil::default()
    };
    draw(&app, &session, shown, None)
}

fn draw(
    app: &App,
    session: &Session,
    council: NewCouncil,
    wrong: Option<(&'static str, String)>,
) -> Result<Response, Trouble> {
    let standing = &set_up(app)?.standing;
    let wrong = Wrong(wrong);
    let page = CouncilPage {
        page: Page::new(app, session, "set-up", wrong.title("Name the council")),
        given: standing.named && standing.kept.council.is_none(),
        council,
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

/// What is wrong with it.
fn wrong(council: &KeptCouncil) -> Option<(&'static str, String)> {
    if council.name.is_empty() || council.name.chars().count() > LONGEST {
        return Some(("name", "Enter the council’s name, in up to 100 characters.".to_owned()));
    }
    if Address::new(&council.address, None).is_none() {
        return Some(("address", "Enter an email address, such as cases@brackenmere.gov.uk.".to_owned()));
    }
    let host = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if council.authserv_id.as_deref().is_some_and(|id| id.len() > 255 || !host(id)) {
        return Some(("authserv_id", "Enter the name of a mail server, such as mx.brackenmere.gov.uk.".to_owned()));
    }
    None
}

pub(in super::super) async fn keep(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(form): Form<NewCouncil>,
) -> Result<Response, Trouble> {
    let set_up = set_up(&app)?;
    if set_up.standing.named && set_up.standing.kept.council.is_none() {
        return Err(Trouble::conflict("The council stands in the settings file, and is changed there.")
            .back_to(START, "Go back"));
    }
    let server = form.authserv_id.trim();
    let council = KeptCouncil {
        name: form.name.trim().to_owned(),
        address: form.address.trim().to_owned(),
        authserv_id: (!server.is_empty()).then(|| server.to_owned()),
    };
    if let Some(wrong) = wrong(&council) {
        return draw(&app, &session, form, Some(wrong));
    }
    let line = line(&session, "set up council", "council", json!({"name": council.name}));
    if let Err(why) = set_up.wish(line, move |kept| kept.council = Some(council)).await {
        return draw(&app, &session, form, Some(("name", why)));
    }
    Ok(Redirect::to("/admin/set-up?done=set-up").into_response())
}
