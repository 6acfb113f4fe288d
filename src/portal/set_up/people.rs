//! People and councillors from a table: shown first, brought in as a whole or not at all, each with a link to a password of theirs.

use super::super::wrong::Wrong;
use super::super::{App, Page, admin, html, invitation, trouble::Trouble};
use super::csv::{Fault, Known, SAMPLE, Table, read};
use super::wards::upload_of;
use super::{line, set_up, several};
use crate::core::{Council, Councillor, Grant, UserId};
use crate::store::{self, session::Session, user::NewGrant};
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Multipart, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;

/// Largest table; it travels in the form with which it is confirmed.
const MOST_BYTES: usize = 40 * 1024;

struct Row {
    name: String,
    user_name: String,
    role: String,
    email: String,
}

/// What a table comes to.
struct Trial {
    text: String,
    rows: Vec<Row>,
    councillors: Vec<Councillor>,
}

#[derive(Template)]
#[template(path = "set_up/people.html")]
struct PeoplePage {
    page: Page,
    trial: Option<Trial>,
    faults: Vec<Fault>,
    councillors: Vec<Councillor>,
    accounts: usize,
    wrong: Wrong,
}

#[derive(Template)]
#[template(path = "set_up/people_done.html")]
struct DonePage {
    page: Page,
    /// Name, user name, and the link to a password of theirs where people sign in with one.
    links: Vec<(String, String, Option<String>)>,
    passwords: bool,
    councillors: usize,
}

/// An example of a table, to be filled in.
pub(in super::super) async fn sample() -> Response {
    let mut response = SAMPLE.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"people.csv\""));
    response
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    draw(&app, &session, None, Vec::new(), None).await
}

async fn draw(
    app: &App,
    session: &Session,
    trial: Option<Trial>,
    faults: Vec<Fault>,
    wrong: Option<(&'static str, String)>,
) -> Result<Response, Trouble> {
    draw_of(app, session, &app.portal.pipeline.house.council, trial, faults, Wrong(wrong)).await
}

/// The page of this council, of which these pages may not know all yet.
async fn draw_of(
    app: &App,
    session: &Session,
    council: &Council,
    trial: Option<Trial>,
    faults: Vec<Fault>,
    wrong: Wrong,
) -> Result<Response, Trouble> {
    set_up(app)?;
    let mut tx = app.db().read().await?;
    let accounts = store::user::all(&mut tx).await?.len();
    drop(tx);
    let page = PeoplePage {
        page: Page::new(app, session, "set-up", wrong.title("Bring in people and councillors")),
        trial,
        faults,
        councillors: council.councillors.clone(),
        accounts,
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

/// Reads a table against what is known now.
async fn read_now(app: &App, text: &str) -> Result<Result<Table, Vec<Fault>>, Trouble> {
    let mut tx = app.db().read().await?;
    let user_names: BTreeSet<String> =
        store::user::all(&mut tx).await?.into_iter().map(|user| user.user_name).collect();
    drop(tx);
    let wards = app.portal.pipeline.understanding.places().wards();
    let wards: Vec<String> = wards.into_iter().flat_map(|wards| wards.names()).map(str::to_owned).collect();
    let council = &app.portal.pipeline.house.council;
    Ok(read(text, &Known { council, user_names: &user_names, wards: &wards }))
}

/// What is said where somebody took a user name of the table since it was looked at: then no account of it is made.
fn taken_meanwhile(user_name: &str, councillors: usize) -> String {
    let who = match councillors {
        0 => "nobody was brought in".to_owned(),
        n => {
            format!("no account was made; {} brought in all the same", several(n, "councillor was", "councillors were"))
        }
    };
    format!(
        "The user name {user_name} was taken meanwhile, so {who}. Give another one in the table and upload it again."
    )
}

/// The council as it will be.
fn with(council: &Council, more: &[Councillor]) -> Council {
    let mut council = council.clone();
    council.councillors.extend(more.iter().cloned());
    council
}

pub(in super::super) async fn look(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    form: Multipart,
) -> Result<Response, Trouble> {
    set_up(&app)?;
    let upload = upload_of(form).await?;
    let wrong = |what: &str| Some(("file", what.to_owned()));
    if upload.file.is_empty() {
        return draw(&app, &session, None, Vec::new(), wrong("Choose a CSV file.")).await;
    }
    if upload.file.len() > MOST_BYTES {
        let what = "The file is larger than 40 KB, which is several hundred people. Bring them in several files.";
        return draw(&app, &session, None, Vec::new(), wrong(what)).await;
    }
    let Ok(text) = String::from_utf8(upload.file) else {
        let what = "The file is not text in UTF-8. Save it as “CSV UTF-8”.";
        return draw(&app, &session, None, Vec::new(), wrong(what)).await;
    };
    match read_now(&app, &text).await? {
        Ok(table) => draw(&app, &session, Some(trial(&app, text, table)), Vec::new(), None).await,
        Err(faults) => {
            draw(&app, &session, None, faults, wrong("Nobody was brought in. Correct these lines first.")).await
        }
    }
}

fn trial(app: &App, text: String, table: Table) -> Trial {
    let council = with(&app.portal.pipeline.house.council, &table.councillors);
    let row = |person: super::csv::Person| Row {
        role: admin::said(&council, &Grant { role: person.role, councillor: person.councillor }),
        email: person.email.unwrap_or_default(),
        name: person.name,
        user_name: person.user_name,
    };
    Trial { text, rows: table.people.into_iter().map(row).collect(), councillors: table.councillors }
}

#[derive(Deserialize)]
pub(in super::super) struct Confirmed {
    #[serde(default)]
    table: String,
}

pub(in super::super) async fn import(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(confirmed): Form<Confirmed>,
) -> Result<Response, Trouble> {
    let set_up = set_up(&app)?;
    let table = match read_now(&app, &confirmed.table).await? {
        Ok(table) => table,
        Err(faults) => {
            let wrong = Some(("file", "Nobody was brought in. Correct these lines first.".to_owned()));
            return draw(&app, &session, None, faults, wrong).await;
        }
    };
    let councillors = table.councillors.len();
    if councillors > 0 {
        let more = table.councillors.clone();
        let keys: Vec<&str> = table.councillors.iter().map(|c| c.id.as_str()).collect();
        let line = line(&session, "bring in councillors", "people", json!({ "councillors": keys }));
        if let Err(why) = set_up.wish(line, move |kept| kept.councillor.extend(more)).await {
            return draw(&app, &session, None, Vec::new(), Some(("file", why))).await;
        }
    }
    let mut tx = app.db().begin().await?;
    let mut links = Vec::new();
    for person in &table.people {
        let id: UserId = app.ids().next();
        // What they are called where they sign on is written on their own page: an address of the table is nobody's proof.
        if !store::user::insert(&mut tx, &id, &person.user_name, &person.name, None, app.now()).await? {
            // Somebody took it since it was looked at: all or nothing.
            drop(tx);
            let wrong = Wrong(Some(("file", taken_meanwhile(&person.user_name, councillors))));
            let council = with(&app.portal.pipeline.house.council, &table.councillors);
            return draw_of(&app, &session, &council, None, Vec::new(), wrong).await;
        }
        let (role, councillor) = (person.role, person.councillor.as_deref());
        let new = NewGrant { user: &id, role, councillor, until: None, by: &session.actor };
        store::user::give(&mut tx, app.ids(), new, app.now()).await?;
        let link =
            if app.has_password(&person.user_name) { Some(invitation::make(&mut tx, &app, &id).await?) } else { None };
        let detail = json!({"role": role, "councillor": councillor, "from": "table"});
        let object = format!("user:{id}");
        store::audit::write(&mut tx, app.ids(), &session.actor, "add person", &object, detail, app.now()).await?;
        links.push((person.name.clone(), person.user_name.clone(), link));
    }
    tx.commit().await?;
    let page = DonePage {
        page: Page::new(&app, &session, "set-up", "They are in"),
        links,
        passwords: app.portal.passwords,
        councillors,
    };
    Ok((StatusCode::OK, html(&page)?).into_response())
}
