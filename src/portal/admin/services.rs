//! `/admin/services` and `/admin/departments`: what there is and what came in for it. A form makes the change in the file that says so, comments
//! and all, and it is previewed and saved like any other change of rules.

use super::super::list::{Choice, by_name};
use super::super::wrong::Wrong;
use super::super::{App, Page, Shared, format, html, trouble::Trouble};
use super::rules::{self, File};
use crate::core::taxonomy::{Department, Mode, Service};
use crate::core::{Address, Taxonomy};
use crate::store::report::Count;
use crate::store::{self, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde::Deserialize;
use std::sync::Arc;
use toml_edit::{DocumentMut, Item, Table, Value};

/// What came in within so many days is counted.
const DAYS: i64 = 28;
/// Longest name and contact, in characters.
const LONGEST: usize = 200;
/// Most working days that can be promised.
const MOST_DAYS: u32 = 365;
/// What a mode is called that the council's own is left to.
const COUNCILS: &str = "As the council has it";

struct ServiceRow {
    id: String,
    name: String,
    department: String,
    days: String,
    mode: &'static str,
    count: i64,
}

#[derive(Template)]
#[template(path = "admin_services.html")]
struct ServicesPage {
    page: Page,
    days: i64,
    services: Vec<ServiceRow>,
}

struct DepartmentRow {
    id: String,
    name: String,
    email: String,
    services: usize,
    mode: &'static str,
    count: i64,
}

#[derive(Template)]
#[template(path = "admin_departments.html")]
struct DepartmentsPage {
    page: Page,
    days: i64,
    departments: Vec<DepartmentRow>,
    /// Exceptions by ward, in words.
    routes: Vec<String>,
}

#[derive(Template)]
#[template(path = "admin_service.html")]
struct ServicePage {
    page: Page,
    id: String,
    heading: String,
    description: String,
    given: NewService,
    departments: Vec<Choice>,
    modes: Vec<Choice>,
    wrong: Wrong,
}

#[derive(Template)]
#[template(path = "admin_department.html")]
struct DepartmentPage {
    page: Page,
    id: String,
    heading: String,
    given: NewDepartment,
    modes: Vec<Choice>,
    services: Vec<String>,
    /// Its address stands in the settings file.
    address_given: bool,
    wrong: Wrong,
}

fn mode(mode: Option<Mode>) -> &'static str {
    mode.map_or(COUNCILS, Mode::label)
}

fn modes(chosen: &str) -> Vec<Choice> {
    let own = std::iter::once(Choice::new("", COUNCILS, chosen));
    own.chain(Mode::ALL.iter().map(|mode| Choice::new(mode.as_str(), mode.label(), chosen))).collect()
}

fn of(counts: &[Count], key: &str) -> i64 {
    counts.iter().find(|count| count.key == key).map_or(0, |count| count.n)
}

fn rules_of(app: &Shared) -> Arc<crate::understanding::rules::Rules> {
    app.portal.pipeline.understanding.rules()
}

pub(in super::super) async fn services(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let counts = store::report::by_service(&mut tx, app.now() - TimeDelta::days(DAYS)).await?;
    drop(tx);
    let rules = rules_of(&app);
    let taxonomy = &rules.taxonomy;
    let row = |service: &Service| ServiceRow {
        id: service.id.clone(),
        name: service.name.clone(),
        department: taxonomy.department_name(&service.department).to_owned(),
        days: format::count(i64::from(service.working_days), "working day", "working days"),
        mode: mode(service.mode),
        count: of(&counts, &service.id),
    };
    let mut services: Vec<ServiceRow> = taxonomy.services.values().map(row).collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    let page = Page::new(&app, &session, "admin/services", "Services");
    Ok(html(&ServicesPage { page, days: DAYS, services })?.into_response())
}

pub(in super::super) async fn departments(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let counts = store::report::by_department(&mut tx, app.now() - TimeDelta::days(DAYS)).await?;
    drop(tx);
    let rules = rules_of(&app);
    let taxonomy = &rules.taxonomy;
    let row = |department: &Department| DepartmentRow {
        id: department.id.clone(),
        name: department.name.clone(),
        email: department.email.clone(),
        services: taxonomy.services.values().filter(|service| service.department == department.id).count(),
        mode: mode(department.mode),
        count: of(&counts, &department.id),
    };
    let mut departments: Vec<DepartmentRow> = taxonomy.departments.values().map(row).collect();
    departments.sort_by(|a, b| a.name.cmp(&b.name));
    let route = |route: &crate::core::taxonomy::Route| {
        let (service, department) =
            (taxonomy.service_name(&route.service), taxonomy.department_name(&route.department));
        format!("{service} goes to {department} in {}", route.wards.join(", "))
    };
    let page = DepartmentsPage {
        page: Page::new(&app, &session, "admin/departments", "Departments"),
        days: DAYS,
        departments,
        routes: taxonomy.routes.iter().map(route).collect(),
    };
    Ok(html(&page)?.into_response())
}

/// A service as a form has it.
#[derive(Default, Deserialize)]
pub(in super::super) struct NewService {
    #[serde(default)]
    name: String,
    #[serde(default)]
    department: String,
    #[serde(default)]
    working_days: String,
    #[serde(default)]
    mode: String,
}

/// A department as a form has it.
#[derive(Default, Deserialize)]
pub(in super::super) struct NewDepartment {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    contact: String,
    #[serde(default)]
    mode: String,
}

type Said = (&'static str, String);

fn mode_key(mode: Option<Mode>) -> String {
    mode.map_or_else(String::new, |mode| mode.as_str().to_owned())
}

fn find_service(taxonomy: &Taxonomy, id: &str) -> Result<Service, Trouble> {
    let missing = || Trouble::not_found("There is no such service.").back_to("/admin/services", "Go to the services");
    taxonomy.services.get(id).cloned().ok_or_else(missing)
}

fn find_department(taxonomy: &Taxonomy, id: &str) -> Result<Department, Trouble> {
    let missing =
        || Trouble::not_found("There is no such department.").back_to("/admin/departments", "Go to the departments");
    taxonomy.departments.get(id).cloned().ok_or_else(missing)
}

pub(in super::super) async fn service(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let service = find_service(&rules_of(&app).taxonomy, &id)?;
    let given = NewService {
        name: service.name.clone(),
        department: service.department.clone(),
        working_days: service.working_days.to_string(),
        mode: mode_key(service.mode),
    };
    draw_service(&app, &session, &service, given, None)
}

fn draw_service(
    app: &App,
    session: &Session,
    service: &Service,
    given: NewService,
    wrong: Option<Said>,
) -> Result<Response, Trouble> {
    let rules = rules_of(app);
    let departments = rules.taxonomy.departments.values();
    let wrong = Wrong(wrong);
    let page = ServicePage {
        page: Page::new(app, session, "service", wrong.title(&service.name)),
        id: service.id.clone(),
        heading: service.name.clone(),
        description: service.description.clone(),
        departments: by_name(departments.map(|d| Choice::new(&d.id, &d.name, &given.department))),
        modes: modes(&given.mode),
        given,
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

pub(in super::super) async fn change_service(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    Form(form): Form<NewService>,
) -> Result<Response, Trouble> {
    let rules = rules_of(&app);
    let service = find_service(&rules.taxonomy, &id)?;
    let days = form.working_days.trim().parse::<u32>().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    let chosen: Option<Mode> = form.mode.parse().ok();
    let wrong: Option<Said> = if !fits(&form.name) {
        Some(("name", "Enter the name that people see, in up to 200 characters.".to_owned()))
    } else if !rules.taxonomy.departments.contains_key(&form.department) {
        Some(("department", "Choose a department.".to_owned()))
    } else if days.is_none() {
        Some(("working_days", "Enter a number of working days from 1 to 365.".to_owned()))
    } else if !form.mode.is_empty() && chosen.is_none() {
        Some(("mode", "Choose what may happen without a person.".to_owned()))
    } else {
        None
    };
    let (None, Some(days)) = (&wrong, days) else { return draw_service(&app, &session, &service, form, wrong) };
    let file = File::at(&app, "services.toml")?;
    let text = edited(&file.text, "service", &id, |table| {
        put(table, "name", form.name.trim().into(), service.name == form.name.trim());
        put(table, "department", form.department.as_str().into(), service.department == form.department);
        put(table, "working_days", i64::from(days).into(), service.working_days == days);
        put_mode(table, service.mode, chosen);
    });
    let text = text.map(rules::Change::of);
    match preview(&app, &session, &file, text, format!("/admin/services/{id}")).await? {
        Ok(page) => Ok(page),
        Err(why) => draw_service(&app, &session, &service, form, Some(("name", why))),
    }
}

pub(in super::super) async fn department(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let department = find_department(&rules_of(&app).taxonomy, &id)?;
    let given = NewDepartment {
        name: department.name.clone(),
        email: department.email.clone(),
        contact: department.contact.clone(),
        mode: mode_key(department.mode),
    };
    draw_department(&app, &session, &department, given, None)
}

/// Whether a department's address stands in the operator's settings, which nobody overrules from a portal.
fn address_given(app: &Shared, department: &str) -> bool {
    app.portal.set_up.as_ref().is_some_and(|set_up| set_up.standing.addresses.contains(department))
}

fn draw_department(
    app: &App,
    session: &Session,
    department: &Department,
    given: NewDepartment,
    wrong: Option<Said>,
) -> Result<Response, Trouble> {
    let rules = rules_of(app);
    let own = rules.taxonomy.services.values().filter(|service| service.department == department.id);
    let wrong = Wrong(wrong);
    let page = DepartmentPage {
        page: Page::new(app, session, "department", wrong.title(&department.name)),
        id: department.id.clone(),
        heading: department.name.clone(),
        modes: modes(&given.mode),
        services: own.map(|service| service.name.clone()).collect(),
        address_given: address_given(app, &department.id),
        given,
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

pub(in super::super) async fn change_department(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    Form(form): Form<NewDepartment>,
) -> Result<Response, Trouble> {
    let department = find_department(&rules_of(&app).taxonomy, &id)?;
    let chosen: Option<Mode> = form.mode.parse().ok();
    let wrong: Option<Said> = if !fits(&form.name) {
        Some(("name", "Enter the name that people see, in up to 200 characters.".to_owned()))
    } else if Address::new(form.email.trim(), None).is_none() {
        Some((
            "email",
            "Enter the email address that its cases are sent to, such as highways@example.gov.uk.".to_owned(),
        ))
    } else if form.email.trim() != department.email && address_given(&app, &id) {
        Some(("email", "This address stands in the settings file, and is changed there.".to_owned()))
    } else if !fits(&form.contact) {
        Some(("contact", "Enter whom a resident can ask, in up to 200 characters.".to_owned()))
    } else if !form.mode.is_empty() && chosen.is_none() {
        Some(("mode", "Choose what may happen without a person.".to_owned()))
    } else {
        None
    };
    if wrong.is_some() {
        return draw_department(&app, &session, &department, form, wrong);
    }
    let file = File::at(&app, "departments.toml")?;
    let text = edited(&file.text, "department", &id, |table| {
        for (key, before, after) in
            [("name", &department.name, &form.name), ("contact", &department.contact, &form.contact)]
        {
            put(table, key, after.trim().into(), before == after.trim());
        }
        put(table, "email", form.email.trim().into(), department.email == form.email.trim());
        put_mode(table, department.mode, chosen);
    });
    // What was set up before is overruled, also where the file has had this address all along.
    let addressed = if department.email == form.email.trim() { "" } else { &id };
    let back = format!("/admin/departments/{id}");
    let text = text.map(|text| rules::Change { text, addressed: addressed.to_owned() });
    match preview(&app, &session, &file, text, back).await? {
        Ok(page) => Ok(page),
        Err(why) => draw_department(&app, &session, &department, form, Some(("name", why))),
    }
}

fn fits(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.chars().count() <= LONGEST && !text.contains(char::is_control)
}

async fn preview(
    app: &App,
    session: &Session,
    file: &File,
    change: Option<rules::Change>,
    back: String,
) -> Result<Result<Response, String>, Trouble> {
    let gone = || "The file does not have it any more, or cannot be read. Look at the file under Rules.".to_owned();
    match change {
        Some(change) => rules::preview(app, session, file, change, back).await,
        None => Ok(Err(gone())),
    }
}

/// A file with one of its tables changed, and everything else as it stands; none where the table is not there.
fn edited(text: &str, kind: &str, id: &str, change: impl FnOnce(&mut Table)) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let tables = document.get_mut(kind)?.as_array_of_tables_mut()?;
    let table = tables.iter_mut().find(|table| table.get("id").and_then(Item::as_str) == Some(id))?;
    change(table);
    Some(document.to_string())
}

/// Puts a value in the place of another one, with the comment behind it; nothing is touched where it is the `same`.
fn put(table: &mut Table, key: &str, new: Value, same: bool) {
    if same {
        return;
    }
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(value) => {
            let decor = value.decor().clone();
            *value = new;
            *value.decor_mut() = decor;
        }
        None => {
            table.insert(key, Item::Value(new));
        }
    }
}

fn put_mode(table: &mut Table, before: Option<Mode>, after: Option<Mode>) {
    match after {
        Some(mode) => put(table, "mode", mode.as_str().into(), before == after),
        None => drop(table.remove("mode")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# The services.\n\n[[service]]\nid = \"a\"\nname = \"A\"  # as it was\nworking_days = 3\n\n# Another.\n[[service]]\n\
                        id = \"b\"\nname = \"B\"\nmode = \"hold\"\n";

    #[test]
    fn a_change_keeps_every_comment_and_every_other_line() {
        let text = edited(FILE, "service", "a", |table| {
            put(table, "name", "A new one".into(), false);
            put(table, "working_days", 9.into(), true);
            put_mode(table, None, Some(Mode::Auto));
        });
        let wanted = FILE
            .replace("\"A\"  # as it was", "\"A new one\"  # as it was")
            .replace("working_days = 3\n", "working_days = 3\nmode = \"auto\"\n");
        assert_eq!(text.as_deref(), Some(wanted.as_str()));
        let text = edited(FILE, "service", "b", |table| put_mode(table, Some(Mode::Hold), None));
        assert_eq!(text.as_deref(), Some(FILE.replace("mode = \"hold\"\n", "").as_str()));
        assert_eq!(edited(FILE, "service", "c", |_| ()), None);
    }
}
