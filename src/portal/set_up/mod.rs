//! `/admin/set-up`: what an installation needs before it is of use, as a list of tasks: the council, a mailbox, services, wards,
//! people. What is set up here stands beside the operator's file (see [`Kept`]), and the running service takes it up at once.

mod council;
mod csv;
mod kept;
mod mailboxes;
mod people;
mod sample;
mod services;
mod wards;

pub use kept::{
    Change, Kept, KeptCouncil, KeptMailbox, KeptPlaces, KeptRules, Line, Mailbox, SetUp, Standing, Wish, write_whole,
};

use super::{App, Done, Page, Shared, html, trouble::Trouble};
use crate::core::Right;
use crate::store::{self, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use serde_json::Value;

/// Largest file that is taken here.
pub(super) const MOST_BYTES: usize = 16 << 20;
/// Where the list of tasks is.
pub(super) const START: &str = "/admin/set-up";

/// The pages, for whoever administers.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<App>)> {
    let large = || DefaultBodyLimit::max(MOST_BYTES);
    vec![
        ("/admin/set-up", get(page)),
        ("/admin/set-up/council", get(council::page).post(council::keep)),
        ("/admin/set-up/mailboxes", get(mailboxes::page).post(mailboxes::connect)),
        ("/admin/set-up/mailboxes/remove", post(mailboxes::remove)),
        ("/admin/set-up/services", get(services::page).post(services::keep)),
        ("/admin/set-up/wards", get(wards::page).post(wards::upload).layer(large())),
        ("/admin/set-up/wards/use", post(wards::take)),
        ("/admin/set-up/people", get(people::page).post(people::look).layer(large())),
        ("/admin/set-up/people/import", post(people::import)),
        ("/admin/set-up/sample", get(sample::page).post(sample::keep)),
        ("/admin/set-up/people/sample.csv", get(people::sample)),
    ]
}

/// One of the tasks.
struct Task {
    href: &'static str,
    label: &'static str,
    hint: String,
    done: bool,
    /// What is said where it is not done: some can be left.
    open: &'static str,
    /// Whether another one comes first.
    later: bool,
}

#[derive(Template)]
#[template(path = "set_up/tasks.html")]
struct TasksPage {
    page: Page,
    tasks: Vec<Task>,
    finished: usize,
    /// Where the first messages are to be seen, once there is a way in.
    ready: bool,
    messages: i64,
    may_review: bool,
    relay: Option<String>,
    can_sample: bool,
    /// What is missing, where nothing can be set up on these pages.
    closed: bool,
}

/// The set-up of this installation.
///
/// # Errors
/// Where there is none: an installation without a file of settings.
fn set_up(app: &Shared) -> Result<&SetUp, Trouble> {
    let text = "This installation is not set up on these pages: its settings stand in no file beside which something could be kept.";
    app.portal.set_up.as_ref().ok_or_else(|| Trouble::conflict(text).back_to(START, "Go to the set-up"))
}

/// Whether somebody has to be asked for the council's name before anything else.
pub(super) fn is_new(app: &Shared) -> bool {
    app.portal.set_up.as_ref().is_some_and(|set_up| !set_up.standing.named && !set_up.standing.kept.sample)
}

/// Whether what is shown is invented.
pub(super) fn is_sample(app: &Shared) -> bool {
    app.portal.set_up.as_ref().is_some_and(|set_up| set_up.standing.kept.sample)
}

/// What the audit trail says of whoever sets something up.
fn line(session: &Session, action: &'static str, part: &'static str, detail: Value) -> Line {
    Line { actor: session.actor.clone(), action, part, detail }
}

fn several(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let people = store::user::all(&mut tx).await?.iter().filter(|user| user.ended_at.is_none()).count();
    let messages = store::inbox::accounts(&mut tx).await?.received;
    drop(tx);
    let standing = app.portal.set_up.as_ref().map(|set_up| &set_up.standing);
    let tasks = standing.map(|standing| tasks(&app, standing, people)).unwrap_or_default();
    let page = TasksPage {
        page: Page::new(&app, &session, "admin/set-up", "Set up").with_notice(done.done.as_deref()),
        finished: tasks.iter().filter(|task| task.done).count(),
        tasks,
        ready: standing.is_some_and(|standing| !standing.mailboxes.is_empty() || standing.others > 0),
        messages,
        may_review: session.holds(Right::Cases),
        can_sample: standing.is_some_and(|standing| standing.can_sample),
        relay: standing.and_then(|standing| standing.relay.clone()),
        closed: standing.is_none(),
    };
    Ok(html(&page)?.into_response())
}

fn tasks(app: &Shared, standing: &Standing, people: usize) -> Vec<Task> {
    let house = &app.portal.pipeline.house;
    let rules = app.portal.pipeline.understanding.rules();
    let taken = rules.taxonomy.offered().count();
    let wards = app.portal.pipeline.understanding.places().wards().map_or(0, |wards| wards.all().len());
    let named = if standing.named { house.council.name.clone() } else { "Its name and its email address.".to_owned() };
    vec![
        Task {
            href: "/admin/set-up/council",
            label: "Name the council",
            hint: named,
            done: standing.named,
            open: "To do",
            later: false,
        },
        Task {
            href: "/admin/set-up/mailboxes",
            label: "Connect a mailbox",
            hint: match standing.mailboxes.len() {
                0 if standing.others > 0 => "No mailbox; messages come in other ways.".to_owned(),
                0 if !standing.named => {
                    "First name the council, so that no letter goes out in nobody’s name.".to_owned()
                }
                0 => "Where residents write to. It is tried at once.".to_owned(),
                n => several(n, "mailbox is watched.", "mailboxes are watched."),
            },
            done: !standing.mailboxes.is_empty(),
            open: match standing.others {
                _ if !standing.named => "Cannot start yet",
                0 => "To do",
                _ => "Optional",
            },
            later: !standing.named && standing.mailboxes.is_empty(),
        },
        Task {
            href: "/admin/set-up/services",
            label: "Choose services",
            hint: format!("{taken} of {} are taken here.", rules.taxonomy.services.len()),
            done: standing.kept.rules.off.is_some() || standing.services_given,
            open: "All on",
            later: false,
        },
        Task {
            href: "/admin/set-up/wards",
            label: "Upload the wards",
            hint: match wards {
                0 => "Without them no ward is known.".to_owned(),
                n => several(n, "ward.", "wards."),
            },
            done: wards > 0,
            open: "Not yet",
            later: false,
        },
        Task {
            href: "/admin/set-up/people",
            label: "Bring in people and councillors",
            hint: format!(
                "{}, {}.",
                several(people, "account", "accounts"),
                several(house.council.councillors.len(), "councillor", "councillors")
            ),
            done: people > 1,
            open: "Not yet",
            later: false,
        },
    ]
}
