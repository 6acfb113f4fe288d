//! `/admin/access`: who may read what, and who may open what, as the two tables in the program say it.

use super::super::{App, Page, html, places, trouble::Trouble};
use crate::core::access::{self, Field, Purpose, Reader};
use crate::core::{Right, Role};
use crate::store::session::Session;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

struct Row {
    reader: &'static str,
    purpose: &'static str,
    cells: Vec<&'static str>,
}

struct RightRow {
    right: &'static str,
    cells: Vec<&'static str>,
    places: Vec<&'static str>,
}

#[derive(Template)]
#[template(path = "admin_access.html")]
struct AccessPage {
    page: Page,
    fields: Vec<&'static str>,
    rows: Vec<Row>,
    roles: Vec<&'static str>,
    rights: Vec<RightRow>,
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    let fields: Vec<&'static str> = Field::ALL.iter().map(|field| field.label()).collect();
    let row = |(reader, purpose): (Reader, Purpose)| Row {
        reader: reader.label(),
        purpose: purpose.label(),
        cells: Field::ALL.iter().map(|field| access::reads(reader, purpose, *field).label()).collect(),
    };
    let all = places::all();
    let right_row = |right: &Right| RightRow {
        right: right.label(),
        cells: Role::ALL.iter().map(|role| if role.holds(*right) { "yes" } else { "no" }).collect(),
        places: all.iter().filter(|(_, needed)| needed == right).map(|(path, _)| *path).collect(),
    };
    let page = AccessPage {
        page: Page::new(&app, &session, "admin/access", "Who may read what"),
        fields,
        rows: access::rows().map(row).collect(),
        roles: Role::ALL.iter().map(|role| role.label()).collect(),
        rights: Right::ALL.iter().map(right_row).collect(),
    };
    Ok(html(&page)?.into_response())
}
