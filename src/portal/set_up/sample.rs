//! Sample data, to look around with: the messages of an invented council, in and out.

use super::super::wrong::Wrong;
use super::super::{App, Page, html, trouble::Trouble};
use super::{line, set_up};
use crate::store::sample::TakenOut;
use crate::store::session::Session;
use askama::Template;
use axum::Extension;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

#[derive(Template)]
#[template(path = "set_up/sample.html")]
struct SamplePage {
    page: Page,
    /// It is in.
    present: bool,
    /// It can be put in.
    possible: bool,
    wrong: Wrong,
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    draw(&app, &session, None)
}

fn draw(app: &App, session: &Session, wrong: Option<(&'static str, String)>) -> Result<Response, Trouble> {
    let standing = &set_up(app)?.standing;
    let wrong = Wrong(wrong);
    let page = SamplePage {
        page: Page::new(app, session, "set-up", wrong.title("Sample data")),
        present: standing.kept.sample,
        possible: standing.can_sample,
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

#[derive(Deserialize)]
pub(in super::super) struct Wanted {
    #[serde(default)]
    present: bool,
}

pub(in super::super) async fn keep(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Trouble> {
    let set_up = set_up(&app)?;
    let action = if wanted.present { "put in sample data" } else { "take out sample data" };
    let taken = match set_up
        .wish(line(&session, action, "sample", json!({})), move |kept| kept.sample = wanted.present)
        .await
    {
        Ok(taken) => taken,
        Err(why) => return draw(&app, &session, Some(("sample", why))),
    };
    let done = match taken {
        _ if wanted.present => "sample-in",
        TakenOut::Gone(_) => "sample-out",
        TakenOut::NothingThere => "sample-none",
        TakenOut::Refused(_) => "sample-refused",
    };
    Ok(Redirect::to(&format!("/admin/set-up?done={done}")).into_response())
}
