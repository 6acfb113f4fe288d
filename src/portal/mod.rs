//! The gatekeeper's portal: what came in, what beadle thinks of it and why, and what a person decides. Pages are drawn on
//! the server and work without a script; everything they need is in the program.
//!
//! Way of a request: `guard::dress` (host, headers, the page of what went wrong) ▶ `guard::signed_in` (session, the
//! word every form carries) ▶ a handler. Handlers that show what residents wrote write the audit trail first.

pub mod auth;
mod blocked;
mod campaign;
mod case_actions;
mod case_page;
mod councillor;
mod decided;
mod files;
mod form;
mod format;
mod guard;
mod health;
mod hooks;
mod learned;
mod letters;
mod list;
mod log;
mod mail_pages;
mod patterns;
mod private;
mod queries;
mod report;
mod scope;
mod several;
mod sign_in;
mod timeline;
mod trouble;
mod who;

use crate::collect::Collector;
use crate::core::Ids;
use crate::pipeline::Pipeline;
use crate::store::{self, Db, session::Session};
use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use trouble::Trouble;

/// What the portal works with. Cheap to clone.
#[derive(Clone)]
pub struct Portal {
    /// Database, clock, rules, council.
    pub pipeline: Pipeline,
    /// Takes in what providers of texts and Telegram post.
    pub collector: Collector,
    /// The recorder whose figures `/metrics` shows before its own; without one it shows only its own.
    pub metrics: Option<PrometheusHandle>,
    /// Whether cookies are for HTTPS only. Off where the portal is reached over plain HTTP on this machine; on where a
    /// proxy speaks HTTPS before it.
    pub secure_cookie: bool,
    /// Names, with or without port, the portal answers under besides `localhost`, `127.0.0.1` and `[::1]`.
    pub allowed_hosts: Vec<String>,
    /// How the council is reached, line by line, at the top of letters.
    pub letterhead: Vec<String>,
}

impl Portal {
    /// A portal on this machine only.
    #[must_use]
    pub const fn new(pipeline: Pipeline, collector: Collector) -> Self {
        Self {
            pipeline,
            collector,
            metrics: None,
            secure_cookie: false,
            allowed_hosts: Vec::new(),
            letterhead: Vec::new(),
        }
    }
}

/// What handlers share.
struct Shared {
    portal: Portal,
    throttle: tokio::sync::Mutex<sign_in::Throttle>,
    form: form::Door,
    office: report::Office,
    patterns: patterns::Found,
}

type App = Arc<Shared>;

impl Shared {
    const fn db(&self) -> &Db {
        &self.portal.pipeline.db
    }

    const fn ids(&self) -> &Ids {
        &self.portal.pipeline.ids
    }

    fn now(&self) -> DateTime<Utc> {
        self.portal.pipeline.clock.now()
    }
}

/// The portal's pages, ready to be served.
pub fn router(portal: Portal) -> Router {
    let app = Arc::new(Shared {
        portal,
        throttle: tokio::sync::Mutex::default(),
        form: form::Door::default(),
        office: report::Office::default(),
        patterns: patterns::Found::default(),
    });
    let public = app.portal.pipeline.house.form.as_ref().map(form::routes).unwrap_or_default();
    let pages = Router::new()
        .route("/", get(list::page))
        .route("/find", get(list::find))
        .route("/cases/{reference}", get(case_page::page))
        .route("/cases/{reference}/accept", post(case_actions::accept))
        .route("/cases/{reference}/change", post(case_actions::change))
        .route("/cases/{reference}/join", post(case_actions::join))
        .route("/cases/{reference}/seen", post(case_actions::seen))
        .route("/cases/{reference}/close", post(case_actions::close))
        .route("/cases/{reference}/consent", post(case_actions::consent))
        .route("/cases/{reference}/block", post(case_actions::block))
        .route("/cases/{reference}/councillor", post(case_actions::councillor))
        .route("/patterns", get(patterns::page))
        .route("/campaigns", get(campaign::list))
        .route("/cases/{reference}/campaign", get(campaign::page))
        .route("/cases/{reference}/campaign/answer", post(case_actions::answer_letters))
        .route("/cases/{reference}/campaign/acknowledge", post(case_actions::acknowledge_letters))
        .route("/blocked", get(blocked::page).post(blocked::end))
        .route("/cases/{reference}/address", post(case_actions::address))
        .route("/cases/{reference}/people/{said}/same", post(case_actions::one_person))
        .route("/cases/{reference}/people/{said}/different", post(case_actions::not_one_person))
        .route("/cases/{reference}/people/{said}/apart", post(case_actions::take_apart))
        .route("/cases/{reference}/whole", post(case_actions::whole))
        .route("/cases/{reference}/parts/{part}/split", post(case_actions::split))
        .route("/cases/{reference}/parts/{part}/dismiss", post(case_actions::dismiss))
        .route("/cases/{reference}/links/{link}/unsplit", post(case_actions::unsplit))
        .route("/cases/{reference}/links/{link}/undo", post(case_actions::undo))
        .route("/cases/{reference}/links/{link}/same", post(case_actions::same))
        .route("/cases/{reference}/links/{link}/different", post(case_actions::different))
        .route("/cases/{reference}/outgoing/{id}/release", post(case_actions::release))
        .route("/cases/{reference}/messages/{id}/send-on", post(case_actions::send_on))
        .route("/cases/{reference}/messages/{id}/attachments/{position}", get(files::attachment))
        .route("/messages/{id}/raw", get(files::raw_message))
        .route("/deliveries/{id}/raw", get(files::raw_delivery))
        .route("/set-aside", get(mail_pages::set_aside))
        .route("/quarantine", get(mail_pages::quarantine))
        .route("/quarantine/{id}/replay", post(mail_pages::replay))
        .route("/outbox", get(mail_pages::outbox))
        .route("/learned", get(learned::page))
        .route("/log", get(log::page).post(log::send))
        .route("/log/{token}", get(log::done))
        .route("/letters", get(letters::page))
        .route("/letters/print", get(letters::print_all))
        .route("/letters/posted", post(letters::all_posted))
        .route("/letters/{id}", get(letters::print))
        .route("/letters/{id}/posted", post(letters::posted))
        .route("/letters/{id}/cancel", post(letters::cancel))
        // Reports: right `reports`.
        .route("/reports", get(report::page))
        .route("/reports/{file}", get(report::export))
        // Lists: right `councillor`, `/overdue` also `work`.
        .route("/my", get(councillor::my))
        .route("/my.csv", get(councillor::my_csv))
        .route("/ward", get(councillor::ward))
        .route("/ward.csv", get(councillor::ward_csv))
        .route("/overdue", get(councillor::overdue))
        .route("/overdue.csv", get(councillor::overdue_csv))
        .route("/sign-out", post(sign_in::sign_out))
        .route_layer(from_fn_with_state(Arc::clone(&app), guard::signed_in));
    let posts = Router::new()
        .route("/texts/{account}", post(hooks::take))
        .route("/telegram/{account}", post(hooks::take_update))
        .layer(axum::extract::DefaultBodyLimit::max(hooks::MOST_BYTES))
        .layer(from_fn(health::mark));
    let open = Router::new()
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/assets/portal.css", get(style))
        .route("/assets/letter.css", get(letters::style))
        .route("/assets/icon.svg", get(icon));
    let machines = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(health::metrics))
        .layer(from_fn(health::mark));
    Router::new()
        .merge(pages)
        .merge(open)
        .merge(machines)
        .merge(posts)
        .merge(public)
        .layer(from_fn_with_state(Arc::clone(&app), guard::dress))
        .with_state(app)
}

/// What the frame of every page needs.
struct Page {
    /// For the browser's tab.
    title: String,
    council: String,
    /// The session's word; empty where nobody is signed in.
    csrf: String,
    /// Which entry of the navigation this is.
    section: &'static str,
    /// Confirmation of what was just done.
    notice: Option<&'static str>,
}

impl Page {
    fn signed_out(app: &Shared, title: &str) -> Self {
        let council = app.portal.pipeline.house.council.name.clone();
        Self { title: title.to_owned(), council, csrf: String::new(), section: "", notice: None }
    }

    fn new(app: &Shared, session: &Session, section: &'static str, title: impl Into<String>) -> Self {
        let council = app.portal.pipeline.house.council.name.clone();
        Self { title: title.into(), council, csrf: session.csrf.clone(), section, notice: None }
    }

    fn with_notice(self, done: Option<&str>) -> Self {
        Self { notice: done.and_then(notice), ..self }
    }

    /// Version of the style sheet in its address, so that a new program is not drawn with an old one's.
    const fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// What is said after something was done. The address carries the word, never the text.
fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "accepted" => "Accepted. The case is on its way to the department.",
        "changed" => "The change is saved.",
        "changed-accepted" => "The change is saved, and the case is on its way to the department.",
        "moved" => "The change is saved, and the case is on its way to the other department.",
        "unchanged" => "Nothing was different, so nothing was changed.",
        "joined" => "Joined. Both cases keep their own trail, and the join can be undone.",
        "undone" => "The join is undone. The case stands where it stood before.",
        "split" => {
            "Split. The new case waits for review; the split can be undone for as long as nothing has left for it."
        }
        "unsplit" => "The split is undone. The words are on this case again.",
        "dismissed" => "Noted: it is no request of its own.",
        "whole" => "The department will get the whole message and its files.",
        "part" => "The department will get only the words that are about this case.",
        "different" => "Noted: these are two problems.",
        "released" => "The message is on its way.",
        "sent-on" => "The resident's words are on their way to the department.",
        "closed" => "Closed. Everybody who reported it is told, as their case allows; see below.",
        "one-person" => "Noted: both addresses are one person's. It can be taken back.",
        "not-one-person" => "Noted: these are two people.",
        "taken-apart" => "Taken back: these are two people again.",
        "blocked" => "This sender is blocked. What comes from them is kept under Set aside.",
        "unblocked" => "The block is ended.",
        "consent" => "Written down what the resident allows.",
        "given" => "The message is on its way to the councillor.",
        "address" => "Notices go to that address from now on.",
        "posted" => "Noted as posted. The case says when, and by whom.",
        "not-sent" => "Taken back. This letter will not be sent.",
        "answered-all" => "The answer is on its way to everybody who sent this letter.",
        "acknowledged-all" => "The acknowledgements are on their way.",
        "seen" => "Noted as seen.",
        "replayed" => "The message will be worked on again in a moment.",
        _ => return None,
    })
}

/// `?done=…`, as an action leaves it behind.
#[derive(Debug, Default, serde::Deserialize)]
struct Done {
    done: Option<String>,
}

fn html(template: &impl Template) -> Result<Html<String>, Trouble> {
    Ok(Html(template.render()?))
}

/// Writes that a person read something, in a transaction of its own and before it is shown: what cannot be written down
/// is not shown (invariant 9).
async fn audit_reading(
    app: &Shared,
    session: &Session,
    action: &str,
    objects: &[String],
    detail: serde_json::Value,
) -> store::Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let mut tx = app.db().begin().await?;
    for object in objects {
        store::audit::write(&mut tx, app.ids(), &session.actor, action, object, detail.clone(), app.now()).await?;
    }
    tx.commit().await
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("assets/portal.css"))
}

async fn icon() -> Response {
    asset("image/svg+xml", include_str!("assets/icon.svg"))
}

fn asset(content_type: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    response
}
