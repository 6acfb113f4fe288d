//! The list of cases: how many stand where, and which one to look at next.

use super::format::{self, Due};
use super::{App, Done, Page, Shared, audit_reading, html, queries, scope, trouble::Trouble};
use crate::core::{CaseState, Priority, Reach, Reference, Right, Taxonomy, UserId};
use crate::routing::consent::Consent;
use crate::routing::deadline::received_date;
use crate::store::case::{Case, Filter};
use crate::store::{self, Tx, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;

const PER_PAGE: i64 = 50;
/// So many are counted; whether there are thousands more helps nobody to find theirs.
const MOST_COUNTED: i64 = 1_000;

/// The filters as they stand in the address; an empty one narrows nothing.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    department: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    ward: String,
    #[serde(default)]
    page: String,
}

impl Asked {
    fn page(&self) -> i64 {
        self.page.parse::<i64>().map_or(1, |p| p.clamp(1, 100_000))
    }

    fn filter(&self, of: Option<(UserId, DateTime<Utc>)>) -> Filter {
        let set = |value: &String| Some(value.clone()).filter(|v| !v.is_empty());
        Filter {
            state: self.state.parse().ok(),
            department: set(&self.department),
            service: set(&self.service),
            ward: set(&self.ward),
            of,
            limit: PER_PAGE,
            offset: (self.page() - 1) * PER_PAGE,
        }
    }

    fn narrows(&self) -> bool {
        !self.state.is_empty() || self.narrows_further()
    }

    /// Whether more than the state narrows it.
    fn narrows_further(&self) -> bool {
        [&self.department, &self.service, &self.ward].iter().any(|v| !v.is_empty())
    }

    /// The address of another page of the same list.
    fn address(&self, page: i64) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let set = [
            ("state", &self.state),
            ("department", &self.department),
            ("service", &self.service),
            ("ward", &self.ward),
        ];
        query.extend_pairs(set.iter().filter(|(_, v)| !v.is_empty()));
        query.append_pair("page", &page.to_string());
        format!("/?{}", query.finish())
    }
}

/// One choice of a select.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) chosen: bool,
}

impl Choice {
    pub(super) fn new(value: &str, label: &str, chosen: &str) -> Self {
        Self { value: value.to_owned(), label: label.to_owned(), chosen: value == chosen }
    }
}

/// One figure at the top.
struct Figure {
    count: i64,
    label: &'static str,
    href: &'static str,
}

/// One case in the list.
pub(super) struct Row {
    pub(super) reference: Reference,
    pub(super) title: String,
    pub(super) language: String,
    pub(super) service: String,
    pub(super) department: String,
    pub(super) state: CaseState,
    pub(super) standing: &'static str,
    pub(super) priority: Priority,
    pub(super) ward: Option<String>,
    pub(super) due: Due,
    pub(super) attention: Option<String>,
}

impl Row {
    pub(super) fn new(case: Case, taxonomy: &Taxonomy, today: NaiveDate) -> Self {
        let open = matches!(case.state, CaseState::Review | CaseState::Held | CaseState::Routed);
        let private = Consent::of(&case.consent).is_private();
        Self {
            standing: if private { super::private::standing(&case) } else { case.state.label() },
            service: taxonomy.service_name(&case.service).to_owned(),
            department: taxonomy.department_name(&case.department).to_owned(),
            due: format::due(&case.due_on, open, today),
            reference: case.reference,
            title: case.title,
            language: case.language,
            state: case.state,
            priority: case.priority,
            ward: case.ward,
            attention: case.attention,
        }
    }
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    page: Page,
    figures: Vec<Figure>,
    states: Vec<Choice>,
    departments: Vec<Choice>,
    services: Vec<Choice>,
    wards: Vec<Choice>,
    narrows: bool,
    rows: Vec<Row>,
    total: String,
    any: bool,
    first: i64,
    last: i64,
    previous: Option<String>,
    next: Option<String>,
}

pub(super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(asked): Query<Asked>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let rules = app.portal.pipeline.understanding.rules();
    let taxonomy = &rules.taxonomy;
    let filter = asked.filter(only_of(&session, app.now()));
    let mut tx = app.db().read().await?;
    // One more than are shown says whether there is another page.
    let mut cases = store::case::list(&mut tx, &Filter { limit: PER_PAGE + 1, ..filter.clone() }).await?;
    let goes_on = cases.len() > PER_PAGE as usize;
    cases.truncate(PER_PAGE as usize);
    let (figures, counts) = figures(&app, &mut tx, &session, filter.of.as_ref()).await?;
    let all: i64 = counts.iter().map(|(_, n)| n).sum();
    let (total, most) = match (&filter.state, asked.narrows_further(), goes_on, asked.page()) {
        (None, false, ..) => (all, i64::MAX),
        (Some(state), false, ..) => {
            (counts.iter().filter(|(one, _)| one == state.as_str()).map(|(_, n)| n).sum(), i64::MAX)
        }
        (_, true, false, 1) => (cases.len() as i64, MOST_COUNTED),
        (_, true, ..) => (store::case::count(&mut tx, &filter, MOST_COUNTED).await?, MOST_COUNTED),
    };
    let wards = queries::wards(&mut tx).await?;
    let reach = session.reach(Right::Cases);
    for case in &mut cases {
        if let Some(attention) = &case.attention {
            case.attention = Some(scope::without_others(&mut tx, attention, &reach).await?);
        }
    }
    drop(tx);
    let detail = json!({"state": asked.state, "department": asked.department, "service": asked.service, "ward": asked.ward,
                        "page": asked.page(), "cases": cases.iter().map(|c| &c.reference).collect::<Vec<_>>()});
    audit_reading(&app, &session, "read list", &["cases".to_owned()], detail).await?;
    let today = received_date(app.now());
    let shown = i64::try_from(cases.len()).unwrap_or(i64::MAX);
    let template = ListPage {
        page: Page::new(&app, &session, "cases", "Cases").with_notice(done.done.as_deref()),
        figures,
        states: CaseState::ALL.iter().map(|s| Choice::new(s.as_str(), s.label(), &asked.state)).collect(),
        departments: by_name(taxonomy.departments.values().map(|d| Choice::new(&d.id, &d.name, &asked.department))),
        services: by_name(taxonomy.services.values().map(|s| Choice::new(&s.id, &s.name, &asked.service))),
        wards: wards.iter().map(|w| Choice::new(w, w, &asked.ward)).collect(),
        narrows: asked.narrows(),
        rows: cases.into_iter().map(|c| Row::new(c, taxonomy, today)).collect(),
        total: if total > most { format!("More than {most} cases") } else { format::count(total, "case", "cases") },
        any: all > 0,
        first: filter.offset + 1,
        last: filter.offset + shown,
        previous: (asked.page() > 1).then(|| asked.address(asked.page() - 1)),
        next: goes_on.then(|| asked.address(asked.page() + 1)),
    };
    Ok(html(&template)?.into_response())
}

pub(super) fn by_name(choices: impl Iterator<Item = Choice>) -> Vec<Choice> {
    let mut choices: Vec<Choice> = choices.collect();
    choices.sort_by(|a, b| a.label.cmp(&b.label));
    choices
}

/// Whose cases a gatekeeper is shown: none of anybody else's, where they act for some councillors.
pub(super) fn only_of(session: &Session, now: DateTime<Utc>) -> Option<(UserId, DateTime<Utc>)> {
    (session.reach(Right::Cases) != Reach::All).then(|| (session.user.clone(), now))
}

/// How many cases there are, as it was last counted: when, and how the others stood then. All of them are a walk through the whole table,
/// so they are counted again only where a case has changed since, and at least every few seconds: of two changes at the very same moment one
/// may be committed after the other was seen.
#[derive(Default)]
pub(super) struct Counted(tokio::sync::Mutex<Option<CountedAt>>);

#[derive(PartialEq, Eq)]
struct Stand {
    changed: Option<DateTime<Utc>>,
    but_closed: Vec<(String, i64)>,
}

struct CountedAt {
    at: DateTime<Utc>,
    stand: Stand,
    all: i64,
}

/// How long a number of all cases is good for at most.
const GOOD_FOR: TimeDelta = TimeDelta::seconds(10);

impl Counted {
    async fn by_state(&self, tx: &mut Tx, now: DateTime<Utc>) -> store::Result<Vec<(String, i64)>> {
        let changed = store::case::last_change(tx).await?;
        let but_closed = store::case::count_but_closed(tx).await?;
        let stand = Stand { changed, but_closed: but_closed.clone() };
        let mut kept = self.0.lock().await;
        let good = |counted: &&CountedAt| counted.stand == stand && counted.at <= now && now - counted.at < GOOD_FOR;
        let all = match kept.as_ref().filter(good) {
            Some(counted) => counted.all,
            None => {
                let all = store::case::count_all(tx).await?;
                *kept = Some(CountedAt { at: now, stand, all });
                all
            }
        };
        Ok(store::case::with_closed(but_closed, all))
    }
}

/// What waits where, and how many cases there are in each state.
async fn figures(
    app: &Shared,
    tx: &mut Tx,
    session: &Session,
    of_user: Option<&(UserId, DateTime<Utc>)>,
) -> store::Result<(Vec<Figure>, Vec<(String, i64)>)> {
    let cases = match of_user {
        Some((user, now)) => store::case::count_by_state_of(tx, user, *now).await?,
        None => app.counted.by_state(tx, app.now()).await?,
    };
    let of = |keys: &[&str]| cases.iter().filter(|(k, _)| keys.contains(&k.as_str())).map(|(_, n)| n).sum();
    let mut figures = vec![
        Figure { count: of(&["review"]), label: "waiting for review", href: "/?state=review" },
        Figure { count: of(&["held"]), label: "on hold", href: "/?state=held" },
        Figure { count: of(&["routed"]), label: "with departments", href: "/?state=routed" },
        Figure { count: of(&["joined"]), label: "joined to another", href: "/?state=joined" },
        Figure { count: of(&["closed"]), label: "closed", href: "/?state=closed" },
    ];
    if !session.holds(Right::Desk) {
        return Ok((figures, cases));
    }
    let (stuck, letters) = store::outbox::count_waiting(tx).await?;
    figures.push(Figure { count: stuck, label: "mails not delivered", href: "/outbox" });
    figures.push(Figure { count: queries::quarantined(tx).await?, label: "in quarantine", href: "/quarantine" });
    if letters > 0 {
        figures.push(Figure { count: letters, label: "letters to print", href: "/letters" });
    }
    Ok((figures, cases))
}

#[derive(Debug, Deserialize)]
pub(super) struct Sought {
    #[serde(default)]
    reference: String,
}

/// From the search field to the case.
pub(super) async fn find(Query(sought): Query<Sought>) -> Result<Redirect, Trouble> {
    match sought.reference.parse::<Reference>() {
        Ok(reference) => Ok(Redirect::to(&format!("/cases/{reference}"))),
        Err(error) => Err(Trouble::bad(format!("{}.", format::sentence(&error.to_string())))),
    }
}
