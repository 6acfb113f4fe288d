//! The gatekeeper's portal: what came in, what beadle thinks of it and why, and what a person decides. Pages are drawn on
//! the server and work without a script; everything they need is in the program.
//!
//! Way of a request: `guard::dress` (host, headers, the page of what went wrong) ▶ `guard::signed_in` (session, the
//! word every form carries) ▶ `guard::entitled` (the right the page needs, whose cases) ▶ a handler. Handlers that show what residents wrote write the audit trail first.

mod account;
mod admin;
mod attempt;
pub mod auth;
mod blocked;
mod campaign;
mod case_actions;
mod case_page;
mod councillor;
mod decided;
mod factor;
mod files;
mod form;
mod format;
mod gone;
mod guard;
mod health;
mod hooks;
mod invitation;
mod last;
mod learned;
mod letters;
mod list;
mod log;
mod mail_pages;
mod map;
mod nav;
mod officer;
mod passkey;
mod patterns;
mod picture;
pub mod places;
mod private;
mod queries;
mod reading;
mod report;
mod review;
mod scope;
pub mod set_up;
mod several;
mod sign_in;
mod sign_on;
mod timeline;
mod tries;
mod trouble;
mod who;
mod wrong;

pub use admin::channels::{Account, Ways};
pub use learned::Learner;

use crate::channels::openid::SignOn;
use crate::collect::Collector;
use crate::core::Channel;
use crate::core::{Ids, Right};
use crate::pipeline::Pipeline;
use crate::store::{self, Db, session::Session};
use crate::understanding::rules::folder::Folder;
use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use metrics_exporter_prometheus::PrometheusHandle;
use std::collections::BTreeMap;
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
    /// Whether the council's own proxy stands before it and writes down who asked, last in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Names, with or without port, the portal answers under besides `localhost`, `127.0.0.1` and `[::1]`.
    pub allowed_hosts: Vec<String>,
    /// How the council is reached, line by line, at the top of letters.
    pub letterhead: Vec<String>,
    /// The folder of rules; without it they cannot be changed here.
    pub rules: Option<Folder>,
    /// The ways in and out, as the settings have them.
    pub ways: Ways,
    /// Who can go back to a model that was there before; without one nobody can here.
    pub learner: Option<Arc<dyn Learner>>,
    /// What is set up on these pages, and who takes it up; none where that is not possible.
    pub set_up: Option<set_up::SetUp>,
    /// The council's provider of sign-ons.
    pub sign_on: Option<Arc<SignOn>>,
    /// What one contact costs the council by channel, in pence; for reports.
    pub costs: BTreeMap<Channel, i64>,
    /// Whether people have passwords. Where they sign on only, the first account has one all the same: the way back.
    pub passwords: bool,
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
            behind_proxy: false,
            allowed_hosts: Vec::new(),
            letterhead: Vec::new(),
            rules: None,
            ways: Ways { accounts: Vec::new(), relay: String::new() },
            learner: None,
            set_up: None,
            sign_on: None,
            costs: BTreeMap::new(),
            passwords: true,
        }
    }
}

/// What handlers share.
struct Shared {
    portal: Portal,
    tries: std::sync::Mutex<tries::Tries>,
    passkeys: passkey::Door,
    sign_ons: sign_on::Door,
    form: form::Door,
    officer: officer::Door,
    office: report::Office,
    patterns: patterns::Found,
    counted: list::Counted,
    strangers: attempt::Strangers,
    readings: reading::Readings,
}

type App = Arc<Shared>;

impl Shared {
    const fn db(&self) -> &Db {
        &self.portal.pipeline.db
    }

    const fn ids(&self) -> &Ids {
        &self.portal.pipeline.ids
    }

    /// Whether somebody may sign in with a password.
    fn has_password(&self, user_name: &str) -> bool {
        self.portal.passwords || user_name == auth::ADMINISTRATOR
    }

    /// Whether who asked is what the council's own proxy says. The form's settings can say so for all of it: the proxy is the same.
    fn behind_proxy(&self) -> bool {
        self.portal.behind_proxy || self.portal.pipeline.house.form.as_ref().is_some_and(|form| form.behind_proxy)
    }

    /// By which ways people sign in at present.
    fn ways(&self) -> store::user::Ways<'_> {
        let issuer = self.portal.sign_on.as_deref().map(SignOn::issuer);
        store::user::Ways { passwords: self.portal.passwords, always: auth::ADMINISTRATOR, issuer }
    }

    fn now(&self) -> DateTime<Utc> {
        self.portal.pipeline.clock.now()
    }
}

/// The host that a request asks for, with its port where it names one.
#[must_use]
pub fn host_of(request: &axum::extract::Request) -> Option<String> {
    guard::host(request)
}

/// The portal's pages, ready to be served.
pub fn router(portal: Portal) -> Router {
    let app = Arc::new(Shared {
        portal,
        tries: std::sync::Mutex::default(),
        passkeys: passkey::Door::default(),
        sign_ons: sign_on::Door::default(),
        form: form::Door::default(),
        officer: officer::Door::default(),
        office: report::Office::default(),
        patterns: patterns::Found::default(),
        counted: list::Counted::default(),
        strangers: attempt::Strangers::default(),
        readings: reading::Readings::default(),
    });
    let public = app.portal.pipeline.house.form.as_ref().map(form::routes).unwrap_or_default();
    let mut pages = Router::new();
    for (right, path, answers) in places::guarded() {
        let entitled = from_fn_with_state((Arc::clone(&app), right, path), guard::entitled);
        pages = pages.route(path, answers.route_layer(entitled));
    }
    let pages = pages.route_layer(from_fn_with_state(Arc::clone(&app), guard::signed_in));
    let posts = Router::new()
        .route("/texts/{account}", post(hooks::take))
        .route("/telegram/{account}", post(hooks::take_update))
        .layer(axum::extract::DefaultBodyLimit::max(hooks::MOST_BYTES))
        .layer(from_fn(health::mark));
    let open = Router::new()
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/sign-in/code", post(sign_in::code))
        .route("/sign-in/passkey", post(passkey::ask))
        .route("/sign-in/passkey/done", post(passkey::done))
        .route("/sign-on", get(sign_on::begin))
        .route("/sign-on/done", get(sign_on::done))
        .route("/invitation/{token}", get(invitation::page).post(invitation::accept))
        .route("/assets/portal.css", get(style))
        .route("/assets/govuk.css", get(govuk_style))
        .route("/assets/letter.css", get(letters::style))
        .route("/assets/review.js", get(review::script))
        .route("/assets/last.js", get(last::script))
        .route("/assets/passkey.js", get(passkey::script))
        .route("/assets/icon.svg", get(icon))
        // Strangers are read no further than our own forms go.
        .layer(axum::extract::DefaultBodyLimit::max(guard::MOST_FORM_BYTES));
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
        .merge(officer::routes())
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
    /// Who is signed in.
    who: String,
    /// What they may do.
    rights: Vec<Right>,
    /// Which entry of the navigation this is.
    section: &'static str,
    /// Confirmation of what was just done.
    notice: Option<&'static str>,
    /// No message can come in yet: nothing is connected.
    no_way_in: bool,
    /// What is shown is invented.
    sample: bool,
}

impl Page {
    fn signed_out(app: &Shared, title: &str) -> Self {
        let council = app.portal.pipeline.house.council.name.clone();
        Self {
            title: title.to_owned(),
            council,
            csrf: String::new(),
            who: String::new(),
            rights: Vec::new(),
            section: "",
            notice: None,
            no_way_in: false,
            sample: false,
        }
    }

    fn new(app: &Shared, session: &Session, section: &'static str, title: impl Into<String>) -> Self {
        let council = app.portal.pipeline.house.council.name.clone();
        let rights = Right::ALL.iter().copied().filter(|right| session.holds(*right)).collect();
        let (csrf, who) = (session.csrf.clone(), session.name.clone());
        let no_way_in = app.portal.set_up.as_ref().is_some_and(set_up::SetUp::has_no_way_in);
        Self {
            title: title.into(),
            council,
            csrf,
            who,
            rights,
            section,
            notice: None,
            no_way_in,
            sample: set_up::is_sample(app),
        }
    }

    fn with_notice(self, done: Option<&str>) -> Self {
        Self { notice: done.and_then(notice), ..self }
    }

    /// Whether they can set things up.
    fn administers(&self) -> bool {
        self.rights.contains(&Right::Administration)
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
        "changed-in-words" => {
            "The place is saved as you wrote it. It is in none of the council's lists, so it has no point on the map."
        }
        "changed-accepted" => "The change is saved, and the case is on its way to the department.",
        "moved" => "The change is saved, and the case is on its way to the other department.",
        "unchanged" => "Nothing was different, so nothing was changed.",
        "joined" => "Joined. Both cases keep their own trail, and the join can be undone.",
        "undone" => "The join is undone. The case stands where it stood before.",
        "split" => {
            "Split. The new case waits for review; the split can be undone for as long as nothing has left for it."
        }
        "unsplit" => "The split is undone. The words are on this case again.",
        "found" => "Noted: the message holds another request. It stands below and can be made a case of its own.",
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
        "noted" => "The note is saved. Only staff see it.",
        "told-department" => "The words are on their way to the department.",
        "chased" => "The department is asked when it will be done, with the councillor in copy.",
        "put-off" => "The new date is set. Residents and councillor are told, as their case allows.",
        "seen" => "Noted as seen.",
        "session-ended" => "That session is ended.",
        "factor-on" => {
            "The second factor is in use. You will be asked for a code when you sign in. You are signed out everywhere else."
        }
        "passkey-added" => "The passkey is added. You can sign in with it from now on.",
        "passkey-gone" => {
            "The passkey is taken away. It signs nobody in any more, and you are signed out everywhere else. Delete it on your device too."
        }
        "factor-off" => "The second factor is not in use any more. You are signed out everywhere else.",
        "account-closed" => "The account is closed. Whoever used it is signed out.",
        "sign-on-changed" => "Written down how they sign on.",
        "role-given" => "The role is given.",
        "role-taken" => "The role is taken away.",
        "skipped" => "Skipped. It comes up again in half an hour, or as soon as something happens on it.",
        "taken-back" => "Taken back. Nothing of it has left, and the case stands where it stood before.",
        "taken-over" => "You have this message now.",
        "went-back" => "The one before is at work again.",
        "handed-over" => "Handed over. Whoever got cases is told by mail.",
        "handed-nothing" => "There was nothing to hand over: each open case is where it would go.",
        "rules-saved" => "Saved and in force. What stood there before is kept below.",
        "set-up" => "Saved, and in use.",
        "mailbox-connected" => "The mailbox is connected.",
        "mailbox-removed" => "The mailbox is not watched any more. What was read from it stays.",
        "sample-in" => "The sample data is coming in. It takes a minute until all of it is sorted.",
        "sample-out" => "The sample data is out, and all that came of it.",
        "sample-none" => "There was no message of the sample to take out. None comes in any more.",
        "sample-refused" => {
            "Nothing was taken out: other messages are here as well, and what came of which cannot be told apart. Nothing more of the sample comes in."
        }
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

/// Writes that a person read something, and commits it before it is shown: what cannot be written down is not shown
/// (invariant 9).
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
    let one = |object: &String| reading::Reading {
        actor: session.actor.clone(),
        action: action.to_owned(),
        object: object.clone(),
        detail: detail.clone(),
        at: app.now(),
    };
    app.readings.write(app.db(), app.ids(), objects.iter().map(one).collect()).await
}

/// The looks of GOV.UK services: `scripts/style.sh` compiles them.
async fn govuk_style() -> Response {
    asset("text/css; charset=utf-8", include_str!("assets/govuk.css"))
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
