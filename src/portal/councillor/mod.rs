//! What councillors follow: the cases they are told of, every case of their ward, and what is late. Whoever looks, words, name and place
//! are shown only where the resident allows the councillor to know them.

mod asked;
pub(super) mod chase;
pub(super) mod one;
mod rows;

use super::list::Choice;
use super::report::table::csv;
use super::{App, Page, Shared, audit_reading, files, html, scope, trouble::Trouble};
use crate::core::Right;
use crate::routing::deadline::received_date;
use crate::store::report::Scope;
use crate::store::session::Session;
use crate::store::watch::{self, MOST_NAMED, Waiting};
use askama::Template;
use asked::{Asked, Show};
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use rows::Row;
use serde_json::json;

/// Whether a case can be chased from here: `POST /cases/REF/chase` is there.
const CHASE: bool = true;
/// Cases on a page.
const PER_PAGE: i64 = 25;
/// Most cases in a CSV.
const MOST_EXPORTED: i64 = 10_000;
/// What is due within so many working days is nearly overdue.
const SOON: u32 = 2;
/// A councillor's own cases are told as closed for so many days.
const LATELY: i64 = 30;

/// Which list it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    My,
    Ward,
    Overdue,
}

impl Kind {
    const fn path(self) -> &'static str {
        match self {
            Self::My => "/my",
            Self::Ward => "/ward",
            Self::Overdue => "/overdue",
        }
    }

    /// What can be chosen of it; the first is there without a choice.
    const fn shows(self) -> &'static [Show] {
        match self {
            Self::My => &[Show::Open, Show::Overdue, Show::Soon, Show::Closed],
            Self::Ward => &[Show::Every, Show::Open, Show::Overdue, Show::Soon, Show::Closed],
            Self::Overdue => &[Show::Late, Show::Overdue, Show::Soon],
        }
    }
}

/// A choice of what is shown.
struct Tab {
    label: String,
    href: String,
    chosen: bool,
}

/// Somebody or something whose list can be chosen.
struct Named {
    name: String,
    href: String,
}

#[derive(Template)]
#[template(path = "watch.html")]
struct WatchPage {
    page: Page,
    heading: String,
    lead: &'static str,
    path: &'static str,
    /// Whose list it is, where that stands in the address: key and value.
    whose: Option<(&'static str, String)>,
    show: &'static str,
    tabs: Vec<Tab>,
    services: Vec<Choice>,
    departments: Vec<Choice>,
    orders: Vec<Choice>,
    narrows: bool,
    all: String,
    rows: Vec<Row>,
    told: bool,
    chase: bool,
    csv: String,
    previous: Option<String>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "watch_choice.html")]
struct ChoicePage {
    page: Page,
    heading: &'static str,
    none: &'static str,
    choices: Vec<Named>,
}

/// A list, ready to be shown or saved.
struct List {
    scope: Scope,
    heading: String,
    /// Under which name it stands on the audit trail.
    object: String,
}

/// `/my?councillor=ID`.
pub(super) async fn my(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    if own(&session, &asked).is_empty() {
        return whose(&app, &session, "my");
    }
    show(&app, &session, Kind::My, &asked).await
}

/// A choice of those whose cases may be seen. `section` is the page that it leads to, without its stroke.
fn whose(app: &Shared, session: &Session, section: &'static str) -> Result<Response, Trouble> {
    let named = |councillor: &crate::core::Councillor| Named {
        name: councillor.name.clone(),
        href: Asked { councillor: councillor.id.clone(), ..Asked::default() }.address(&format!("/{section}"), 1),
    };
    let reach = session.reach(Right::Councillor);
    let councillors = app.portal.pipeline.house.council.councillors.iter();
    let template = ChoicePage {
        page: Page::new(app, session, section, "Councillors"),
        heading: "Whose cases?",
        none: "No councillor is known yet. As soon as they are brought in, the cases of each are here.",
        choices: councillors.filter(|councillor| reach.has(Some(&councillor.id))).map(named).collect(),
    };
    Ok(html(&template)?.into_response())
}

/// `/ward?ward=NAME`.
pub(super) async fn ward(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    if asked.ward.is_empty() {
        let (scope, council) = (scope::scope(&session, Right::Councillor), &app.portal.pipeline.house.council);
        let wards = app.office.wards(&app).iter().filter(|(name, _)| scope::may_see_ward(&scope, council, name));
        let named = |name: &String| Named {
            name: name.clone(),
            href: Asked { ward: name.clone(), ..Asked::default() }.address("/ward", 1),
        };
        let template = ChoicePage {
            page: Page::new(&app, &session, "ward", "Wards"),
            heading: "Which ward?",
            none: "No ward is known yet. As soon as the council’s wards are uploaded, what is going on in each is here.",
            choices: wards.map(|(name, _)| named(name)).collect(),
        };
        return Ok(html(&template)?.into_response());
    }
    show(&app, &session, Kind::Ward, &asked).await
}

/// `/overdue`.
pub(super) async fn overdue(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let many = matches!(scope::scope(&session, Right::Councillor), Scope::Councillors(keys) if keys.len() > MOST_NAMED);
    if many && asked.councillor.is_empty() {
        return whose(&app, &session, "overdue");
    }
    show(&app, &session, Kind::Overdue, &asked).await
}

/// `/my.csv`.
pub(super) async fn my_csv(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    save(&app, &session, Kind::My, &asked).await
}

/// `/ward.csv`.
pub(super) async fn ward_csv(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    save(&app, &session, Kind::Ward, &asked).await
}

/// `/overdue.csv`.
pub(super) async fn overdue_csv(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    save(&app, &session, Kind::Overdue, &asked).await
}

/// The councillor whose cases are asked for: the one in the address, else the one that whoever is signed in is or acts for. Who may
/// see those of several has to say whose.
fn own(session: &Session, asked: &Asked) -> String {
    match scope::scope(session, Right::Councillor) {
        Scope::Councillors(keys) if asked.councillor.is_empty() && keys.len() == 1 => keys.concat(),
        _ => asked.councillor.clone(),
    }
}

/// The list that is asked for, if it is there and may be seen.
fn list(app: &Shared, session: &Session, kind: Kind, asked: &Asked) -> Result<List, Trouble> {
    let (scope, council) = (scope::scope(session, Right::Councillor), &app.portal.pipeline.house.council);
    let refused = |object: String| Err(scope::not_there(&object));
    match kind {
        Kind::My => {
            let asked = own(session, asked);
            let councillor = council.councillor(&asked);
            let councillor = councillor.filter(|councillor| scope::may_see_councillor(&scope, &councillor.id));
            let Some(councillor) = councillor else { return refused(format!("councillor:{asked}")) };
            Ok(List {
                scope: Scope::Councillors(vec![councillor.id.clone()]),
                heading: format!("Cases of {}", councillor.name),
                object: format!("councillor:{}", councillor.id),
            })
        }
        Kind::Ward if scope::may_see_ward(&scope, council, &asked.ward) => Ok(List {
            scope: Scope::Wards(vec![asked.ward.clone()]),
            heading: format!("Cases in {}", asked.ward),
            object: format!("ward:{}", asked.ward),
        }),
        Kind::Ward => refused(format!("ward:{}", asked.ward)),
        Kind::Overdue if asked.councillor.is_empty() => {
            Ok(List { scope, heading: "Overdue and nearly overdue".to_owned(), object: "overdue".to_owned() })
        }
        Kind::Overdue => match council.councillor(&asked.councillor) {
            Some(councillor) if scope::may_see_councillor(&scope, &councillor.id) => Ok(List {
                scope: Scope::Councillors(vec![councillor.id.clone()]),
                heading: format!("Overdue and nearly overdue of {}", councillor.name),
                object: format!("overdue of councillor:{}", councillor.id),
            }),
            _ => refused(format!("overdue of councillor:{}", asked.councillor)),
        },
    }
}

/// Today, and the last day that is soon.
fn days(app: &Shared) -> (NaiveDate, NaiveDate) {
    let today = received_date(app.now());
    (today, app.portal.pipeline.house.calendar.due(today, SOON))
}

async fn show(app: &Shared, session: &Session, kind: Kind, asked: &Asked) -> Result<Response, Trouble> {
    let list = list(app, session, kind, asked)?;
    let show = asked.show(kind.shows());
    let (today, soon) = days(app);
    let rules = app.portal.pipeline.understanding.rules();
    let offset = (asked.page() - 1) * PER_PAGE;
    // One more than are shown says whether there is another page, without counting.
    let wanted =
        watch::Wanted { limit: PER_PAGE + 1, offset, ..asked.wanted(&list.scope, show, today, soon, app.now()) };
    let mut tx = app.db().read().await?;
    let mut cases = watch::list(&mut tx, &wanted).await?;
    let goes_on = cases.len() > PER_PAGE as usize;
    cases.truncate(PER_PAGE as usize);
    let days = (today.to_string(), soon.to_string());
    let (service, department) = (wanted.service.as_deref(), wanted.department.as_deref());
    let waiting = watch::waiting(&mut tx, &list.scope, service, department, (&days.0, &days.1)).await?;
    let told = if kind == Kind::My {
        rows::told(&mut tx, &cases, app, &own(session, asked)).await?
    } else {
        Default::default()
    };
    drop(tx);
    let detail = json!({"show": show.key(), "page": asked.page(), "cases": cases.iter().map(|c| &c.reference).collect::<Vec<_>>()});
    audit_reading(app, session, "read list", std::slice::from_ref(&list.object), detail).await?;
    let asked = &Asked {
        councillor: if kind == Kind::My { own(session, asked) } else { asked.councillor.clone() },
        ..asked.clone()
    };
    let path = kind.path();
    let template = WatchPage {
        page: Page::new(app, session, &path[1..], list.heading.clone()).with_notice(asked.done.as_deref()),
        heading: list.heading,
        lead: lead(kind),
        path,
        whose: match kind {
            Kind::My => Some(("councillor", asked.councillor.clone())),
            Kind::Ward => Some(("ward", asked.ward.clone())),
            Kind::Overdue if asked.councillor.is_empty() => None,
            Kind::Overdue => Some(("councillor", asked.councillor.clone())),
        },
        show: show.key(),
        tabs: kind.shows().iter().map(|one| tab(*one, show, waiting, asked, path)).collect(),
        services: super::list::by_name(
            rules.taxonomy.services.values().map(|s| Choice::new(&s.id, &s.name, &asked.service)),
        ),
        departments: super::list::by_name(
            rules.taxonomy.departments.values().map(|d| Choice::new(&d.id, &d.name, &asked.department)),
        ),
        orders: asked::ORDERS.iter().map(|(key, label)| Choice::new(key, label, &asked.order)).collect(),
        narrows: !asked.service.is_empty() || !asked.department.is_empty(),
        all: Asked { service: String::new(), department: String::new(), ..asked.clone() }.address(path, 1),
        rows: cases.into_iter().map(|case| Row::new(case, session, &rules.taxonomy, (today, soon), &told)).collect(),
        told: kind == Kind::My,
        chase: CHASE && kind == Kind::Overdue,
        csv: asked.address(&format!("{path}.csv"), 1),
        previous: (asked.page() > 1).then(|| asked.address(path, asked.page() - 1)),
        next: goes_on.then(|| asked.address(path, asked.page() + 1)),
    };
    Ok(html(&template)?.into_response())
}

async fn save(app: &Shared, session: &Session, kind: Kind, asked: &Asked) -> Result<Response, Trouble> {
    let list = list(app, session, kind, asked)?;
    let show = asked.show(kind.shows());
    let (today, soon) = days(app);
    let rules = app.portal.pipeline.understanding.rules();
    let wanted = watch::Wanted { limit: MOST_EXPORTED, ..asked.wanted(&list.scope, show, today, soon, app.now()) };
    let mut tx = app.db().read().await?;
    let cases = watch::list(&mut tx, &wanted).await?;
    let told = if kind == Kind::My {
        rows::told(&mut tx, &cases, app, &own(session, asked)).await?
    } else {
        Default::default()
    };
    drop(tx);
    let detail = json!({"show": show.key(), "cases": cases.len()});
    audit_reading(app, session, "export", std::slice::from_ref(&list.object), detail).await?;
    let rows: Vec<Row> =
        cases.into_iter().map(|case| Row::new(case, session, &rules.taxonomy, (today, soon), &told)).collect();
    let bytes = csv(&rows::COLUMNS, rows.iter().map(Row::cells))?;
    let file = format!("{}-{}-{today}.csv", &kind.path()[1..], show.key());
    Ok(files::download(&file, "text/csv; charset=utf-8; header=present", bytes))
}

fn tab(one: Show, chosen: Show, waiting: Waiting, asked: &Asked, path: &str) -> Tab {
    let count = match one {
        Show::Open => Some(waiting.open),
        Show::Overdue => Some(waiting.overdue),
        Show::Soon => Some(waiting.soon),
        Show::Late => Some(waiting.overdue + waiting.soon),
        Show::Every | Show::Closed => None,
    };
    Tab {
        label: count.map_or_else(|| one.label().to_owned(), |n| format!("{} ({n})", one.label())),
        href: Asked { show: one.key().to_owned(), ..asked.clone() }.address(path, 1),
        chosen: one == chosen,
    }
}

const fn lead(kind: Kind) -> &'static str {
    match kind {
        Kind::My => "Cases that the councillor is told of: where each stands, who has it, and when they were told.",
        Kind::Ward => {
            "Every case in the ward as it stands now. Where a resident did not agree that the councillor learns who they are, there is \
             no name, no place and none of their words."
        }
        Kind::Overdue => "What was due before today, and what is due within two working days.",
    }
}
