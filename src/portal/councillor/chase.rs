//! A councillor asks the department that has a case of theirs when it will be done.

use super::super::{App, case_page, trouble::Trouble};
use crate::desk::Desk;
use crate::outbox::compose::Composer;
use crate::store::session::Session;
use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::Redirect;
use serde::Deserialize;

/// Where they were when they asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct Asked {
    /// `case` on the page of the case; else it was the list of what is late.
    from: String,
}

/// The guard has let in only those whose case it is. A case for the councillor only, or one that is with nobody, is refused by the desk.
pub(in super::super) async fn chase(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(reference): Path<String>,
    Form(asked): Form<Asked>,
) -> Result<Redirect, Trouble> {
    let pipeline = &app.portal.pipeline;
    let (rules, house) = (pipeline.understanding.rules(), &pipeline.house);
    let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &pipeline.ids };
    let desk = Desk { composer, now: app.now() };
    let mut tx = app.db().begin().await?;
    let case = case_page::find(&mut tx, &reference).await?;
    let here = format!("/my/{}", case.reference);
    let back = |error| Trouble::from(error).back_to(&here, format!("Go back to case {}", case.reference));
    let actor = session.acting(case.councillor.as_deref());
    desk.chase(&mut tx, &case.id, &house.calendar, &actor).await.map_err(back)?;
    tx.commit().await?;
    let page = if asked.from == "case" { here.as_str() } else { "/overdue" };
    Ok(Redirect::to(&format!("{page}?done=chased")))
}
