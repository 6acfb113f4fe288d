//! Which of the services of the starter set are taken here, and where departments get their cases.

use super::super::wrong::Wrong;
use super::super::{App, Page, html, trouble::Trouble};
use super::{Standing, line, set_up};
use crate::core::Address;
use crate::core::taxonomy::GENERAL;
use crate::store::session::Session;
use crate::understanding::rules::Rules;
use askama::Template;
use axum::Extension;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// How the field of a department's address is called: this, then its key.
const ADDRESS: &str = "address-";
/// Ending of addresses that nobody reads.
const SAMPLE: &str = ".example";

struct OneService {
    id: String,
    name: String,
    on: bool,
    /// For what nothing else fits: it stays.
    fixed: bool,
}

struct OneDepartment {
    id: String,
    name: String,
    address: String,
    /// The operator's file has it.
    given: bool,
    sample: bool,
    services: Vec<OneService>,
    wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "set_up/services.html")]
struct ServicesPage {
    page: Page,
    departments: Vec<OneDepartment>,
    /// The operator's file says which services are off.
    given: bool,
    /// Field and text, for the summary.
    wrong: Vec<(String, String)>,
}

/// What was sent: services by key, addresses by department.
#[derive(Default)]
struct Sent {
    on: BTreeSet<String>,
    addresses: BTreeMap<String, String>,
}

impl Sent {
    fn of(fields: Vec<(String, String)>) -> Self {
        let mut sent = Self::default();
        for (field, value) in fields {
            if field == "service" {
                sent.on.insert(value);
            } else if let Some(department) = field.strip_prefix(ADDRESS) {
                sent.addresses.insert(department.to_owned(), value.trim().to_owned());
            }
        }
        sent
    }
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    let rules = app.portal.pipeline.understanding.rules();
    let addresses = rules.taxonomy.departments.values().map(|d| (d.id.clone(), d.email.clone())).collect();
    let on = rules.taxonomy.offered().map(|s| s.id.clone()).collect();
    draw(&app, &session, &Sent { on, addresses }, &BTreeMap::new())
}

fn draw(app: &App, session: &Session, sent: &Sent, wrong: &BTreeMap<String, String>) -> Result<Response, Trouble> {
    let standing = &set_up(app)?.standing;
    let rules = app.portal.pipeline.understanding.rules();
    let departments = departments(&rules, standing, sent, wrong);
    let summary: Vec<(String, String)> = wrong.iter().map(|(field, text)| (field.clone(), text.clone())).collect();
    let first = Wrong(summary.first().map(|(_, text)| ("service", text.clone())));
    let page = ServicesPage {
        page: Page::new(app, session, "set-up", first.title("Choose services")),
        departments,
        given: standing.services_given,
        wrong: summary,
    };
    Ok((first.status(), html(&page)?).into_response())
}

fn departments(
    rules: &Rules,
    standing: &Standing,
    sent: &Sent,
    wrong: &BTreeMap<String, String>,
) -> Vec<OneDepartment> {
    let taxonomy = &rules.taxonomy;
    let mut out: Vec<OneDepartment> = taxonomy
        .departments
        .values()
        .map(|department| {
            let own = taxonomy.services.values().filter(|service| service.department == department.id);
            let mut services: Vec<OneService> = own
                .map(|service| OneService {
                    id: service.id.clone(),
                    name: service.name.clone(),
                    on: service.id == GENERAL || sent.on.contains(&service.id),
                    fixed: service.id == GENERAL,
                })
                .collect();
            services.sort_by(|a, b| a.name.cmp(&b.name));
            let address = sent.addresses.get(&department.id).unwrap_or(&department.email).clone();
            OneDepartment {
                given: standing.addresses.contains(&department.id),
                sample: address.ends_with(SAMPLE),
                wrong: wrong.get(&format!("{ADDRESS}{}", department.id)).cloned(),
                id: department.id.clone(),
                name: department.name.clone(),
                address,
                services,
            }
        })
        .collect();
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

pub(in super::super) async fn keep(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Trouble> {
    let set_up = set_up(&app)?;
    let standing = &set_up.standing;
    let sent = Sent::of(fields);
    let rules = app.portal.pipeline.understanding.rules();
    let taxonomy = &rules.taxonomy;
    let mut wrong = BTreeMap::new();
    let mut addresses = standing.kept.rules.addresses.clone();
    for department in taxonomy.departments.values().filter(|d| !standing.addresses.contains(&d.id)) {
        let Some(address) = sent.addresses.get(&department.id) else { continue };
        if address.is_empty() {
            addresses.remove(&department.id);
        } else if Address::new(address, None).is_none() {
            let text = format!("{}: enter an email address, such as team@brackenmere.gov.uk.", department.name);
            wrong.insert(format!("{ADDRESS}{}", department.id), text);
        } else if *address != department.email {
            addresses.insert(department.id.clone(), address.clone());
        }
    }
    if !wrong.is_empty() {
        return draw(&app, &session, &sent, &wrong);
    }
    let off: BTreeSet<String> =
        taxonomy.services.keys().filter(|id| *id != GENERAL && !sent.on.contains(*id)).cloned().collect();
    let given = standing.services_given;
    let line = line(&session, "choose services", "services", json!({"off": off, "addresses": addresses.len()}));
    let change = move |kept: &mut super::Kept| {
        if !given {
            kept.rules.off = Some(off);
        }
        kept.rules.addresses = addresses;
    };
    if let Err(why) = set_up.wish(line, change).await {
        return draw(&app, &session, &sent, &BTreeMap::from([("service".to_owned(), why)]));
    }
    Ok(Redirect::to("/admin/set-up?done=set-up").into_response())
}
