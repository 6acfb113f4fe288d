//! `/admin/hand-over`: a councillor leaves, or wards are drawn anew: open cases go to whose they are now. It counts them; nobody's name,
//! address or word is on it but the councillors'.

use super::super::list::Choice;
use super::super::wrong::Wrong;
use super::super::{App, Done, Page, format, html, trouble::Trouble};
use crate::desk::hand_over::HandOver;
use crate::desk::{Desk, DeskError};
use crate::outbox::compose::Composer;
use crate::store::case::Case;
use crate::store::{self, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

/// Where this is.
const PATH: &str = "/admin/hand-over";
/// Everybody's cases.
const ALL: &str = "*";
/// To whoever each case's ward has.
const WARDS: &str = "*";

struct Row {
    name: String,
    /// They are no councillor of this council any more.
    gone: bool,
    cases: String,
    private: i64,
}

#[derive(Template)]
#[template(path = "admin_hand_over.html")]
struct HandOverPage {
    page: Page,
    rows: Vec<Row>,
    from: Vec<Choice>,
    to: Vec<Choice>,
    wrong: Wrong,
}

/// Whose cases go where: keys of councillors, or all.
#[derive(Default, Deserialize)]
pub(in super::super) struct Wish {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    draw(&app, &session, done.done.as_deref(), Wish::default(), None).await
}

async fn draw(
    app: &App,
    session: &Session,
    done: Option<&str>,
    given: Wish,
    wrong: Option<(&'static str, String)>,
) -> Result<Response, Trouble> {
    let council = &app.portal.pipeline.house.council;
    let mut tx = app.db().read().await?;
    let open = store::hand_over::open(&mut tx).await?;
    drop(tx);
    let name = |key: &str| council.councillor(key).map_or_else(|| key.to_owned(), |c| c.name.clone());
    let rows: Vec<Row> = open
        .iter()
        .map(|open| Row {
            name: name(&open.councillor),
            gone: council.councillor(&open.councillor).is_none(),
            cases: format::count(open.cases, "open case", "open cases"),
            private: open.private,
        })
        .collect();
    let choose = || std::iter::once(Choice::new("", "Choose", ""));
    let from = open.iter().map(|open| Choice::new(&open.councillor, &name(&open.councillor), &given.from));
    let all = Choice::new(ALL, "All councillors: wards were drawn anew", &given.from);
    let to = council.councillors.iter().map(|c| Choice::new(&c.id, &c.name, &given.to));
    let wards = Choice::new(WARDS, "The councillor of each case’s ward, as wards are now", &given.to);
    let wrong = Wrong(wrong);
    let page = HandOverPage {
        page: Page::new(app, session, "admin/hand-over", wrong.title("Hand over cases")).with_notice(done),
        rows,
        from: choose().chain(from).chain(std::iter::once(all)).collect(),
        to: choose().chain(std::iter::once(wards)).chain(to).collect(),
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

pub(in super::super) async fn send(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(wish): Form<Wish>,
) -> Result<Response, Trouble> {
    let pipeline = &app.portal.pipeline;
    let council = &pipeline.house.council;
    let mut tx = app.db().begin().await?;
    let has_some =
        wish.from == ALL || store::hand_over::open(&mut tx).await?.iter().any(|open| open.councillor == wish.from);
    let wrong = if !has_some {
        Some(("from", "Choose whose cases are handed over.".to_owned()))
    } else if wish.to != WARDS && council.councillor(&wish.to).is_none() {
        Some(("to", "Choose who gets them.".to_owned()))
    } else if wish.from == ALL && wish.to != WARDS {
        Some(("to", "All councillors’ cases can only go to the councillors of their wards.".to_owned()))
    } else if wish.from == wish.to && wish.from != ALL {
        Some(("to", "Choose somebody else: these cases are theirs already.".to_owned()))
    } else {
        None
    };
    if wrong.is_some() {
        drop(tx);
        return draw(&app, &session, None, wish, wrong).await;
    }
    let ward_of = |case: &Case| {
        let point = case.place.as_ref().and_then(|place| place.0.point);
        let now = point.and_then(|point| pipeline.understanding.places().wards()?.ward_at(point.lat(), point.lon()));
        now.map(str::to_owned).or_else(|| case.ward.clone())
    };
    let what = match (wish.from.as_str(), wish.to.as_str()) {
        (ALL, _) => HandOver::AllToWards(&ward_of),
        (from, WARDS) => HandOver::ToWards(from, &ward_of),
        (from, to) => HandOver::To(from, to),
    };
    let rules = pipeline.understanding.rules();
    let composer = Composer { council, rules: &rules, key: &pipeline.house.key, ids: &pipeline.ids };
    let done = match (Desk { composer, now: app.now() }).hand_over(&mut tx, what, &session.actor).await {
        Ok(done) => done,
        Err(DeskError::Store(error)) => return Err(error.into()),
        Err(why) => return Err(Trouble::conflict(why.to_string()).back_to(PATH, "Go back")),
    };
    tx.commit().await?;
    let said = if done.cases.is_empty() { "handed-nothing" } else { "handed-over" };
    Ok(Redirect::to(&format!("{PATH}?done={said}")).into_response())
}
