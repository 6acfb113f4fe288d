//! `/officer/TOKEN`: a case for the officers of the department that has it, by the link in the department's mail, without an account
//! and on a phone. It shows what the department was told and no more, and only while the case is with that department.
//!
//! Opening it changes nothing: programs that look into mail for harm open every link. A form carries a seal with a number of its own:
//! it proves that the page was ours, and it is done once however often it is sent.

mod act;
mod view;

use super::form::throttle::Throttle;
use super::sign_in::client as from;
use super::{App, Page, Shared, attempt, format, html, trouble::Trouble};
use crate::core::{CaseState, Department, Taxonomy};
use crate::desk::officer::signature;
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::{self, Tx};
use askama::Template;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use serde::Deserialize;
use serde_json::json;
use std::net::{IpAddr, SocketAddr};
use tokio::sync::Mutex;

/// Forms from one network address, and from everybody, that are taken in an hour: a council has one address for all of its offices.
const FORMS: (usize, usize) = (600, 5_000);
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// Who tried how often.
#[derive(Debug, Default)]
pub(super) struct Door {
    forms: Mutex<Throttle>,
}

/// The officers' pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/officer/{token}", get(page))
        .route("/officer/{token}/{what}", post(act::send))
        .layer(middleware::map_response(unlisted))
}

/// No search engine keeps it.
async fn unlisted(mut response: Response) -> Response {
    response.headers_mut().insert(ROBOTS, HeaderValue::from_static("noindex, nofollow"));
    response
}

/// What a link leads to.
struct Link {
    token: String,
    case: Case,
    department: Department,
}

impl Link {
    /// Whom what is read or done by it is signed with, where nobody gave a name.
    fn reader(&self) -> String {
        signature(&self.department, "")
    }

    /// Why it shows nothing any more, if it does not.
    fn gone(&self, taxonomy: &Taxonomy) -> Option<String> {
        let case = &self.case;
        if Consent::of(&case.consent).is_private() {
            return Some("This case is not for a department any more.".to_owned());
        }
        Some(match case.state {
            CaseState::Routed if case.department == self.department.id => return None,
            CaseState::Closed => {
                let when = case.closed_at.map_or_else(String::new, |at| format!(" on {}", format::date(at)));
                format!(
                    "This case was closed{when}. If the resident says that it is not over, it is opened again and this link works again."
                )
            }
            CaseState::Routed => {
                format!("This case was handed on: {} has it now.", taxonomy.department_name(&case.department))
            }
            CaseState::Joined => {
                "This case is dealt with together with another one about the same problem. Use the link in the mail about that one."
                    .to_owned()
            }
            CaseState::Review | CaseState::Held => {
                "This case is back with the council's case desk, where somebody decides who it is for.".to_owned()
            }
        })
    }
}

/// The case and the department of a token; none where it is not one of ours, or one of the two is not there.
async fn link(app: &Shared, tx: &mut Tx, token: String) -> store::Result<Option<Link>> {
    let pipeline = &app.portal.pipeline;
    let Some((reference, department)) = pipeline.house.key.officers(&token) else { return Ok(None) };
    let department = pipeline.understanding.rules().taxonomy.departments.get(&department).cloned();
    let case = store::case::by_reference(tx, &reference).await?;
    Ok(case.zip(department).map(|(case, department)| Link { token, case, department }))
}

/// The page of a link that is none of ours: the same as of any address that leads nowhere. That somebody tried is written down, as long
/// as they do not try so often that this would be a way to fill the disk; what they tried is not.
async fn refuse(app: &Shared, from: IpAddr) -> Result<Response, Trouble> {
    attempt::by_a_stranger(app, from, "officer link").await?;
    Err(Trouble::of_status(StatusCode::NOT_FOUND))
}

/// Writes down that a link was opened, before anything is shown.
async fn audit(app: &Shared, link: &Link, action: &str) -> store::Result<()> {
    let mut tx = app.db().begin().await?;
    let object = format!("case:{}", link.case.id);
    store::audit::write(&mut tx, app.ids(), &link.reader(), action, &object, json!({"by": "link"}), app.now()).await?;
    tx.commit().await
}

/// `?done=…`, as a form leaves it behind.
#[derive(Debug, Default, Deserialize)]
struct Done {
    done: Option<String>,
}

/// What is said after something was done.
fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "accept" => "Accepted. The council's case desk and the councillor can see it.",
        "ask" => "Your question is with the council's case desk.",
        "hand-on" => "Handed on. The other department gets a mail about it.",
        "back" => "Given back. The council's case desk decides who it is for.",
        "date" => "The new date is set. The resident and the councillor are told, as the case allows.",
        "close" => "Closed. Everybody who reported it is told, as the case allows.",
        _ => return None,
    })
}

#[derive(Template)]
#[template(path = "officer_gone.html")]
struct GonePage {
    page: Page,
    reference: String,
    why: String,
}

/// The page of a link that led somewhere once.
async fn draw_gone(app: &Shared, link: &Link, why: String, done: Option<&str>) -> Result<Response, Trouble> {
    audit(app, link, "open old link").await?;
    let reference = link.case.reference.to_string();
    let mut page = Page::signed_out(app, &format!("Case {reference}"));
    page.notice = done.and_then(notice);
    let status = if page.notice.is_some() { StatusCode::OK } else { StatusCode::GONE };
    Ok((status, html(&GonePage { page, reference, why })?).into_response())
}

/// `GET /officer/TOKEN`.
async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    Path(token): Path<String>,
    Query(Done { done }): Query<Done>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let Some(link) = link(&app, &mut tx, token).await? else {
        drop(tx);
        return refuse(&app, from(&app, &headers, peer)).await;
    };
    if let Some(why) = link.gone(&app.portal.pipeline.understanding.rules().taxonomy) {
        drop(tx);
        return draw_gone(&app, &link, why, done.as_deref()).await;
    }
    view::draw(&app, tx, &link, done.as_deref().and_then(notice), None).await
}
