//! `/reports`: what came in, from where, by which way, when; how it was served; who is missing; what it was good for. Everything is a
//! table, each drawn as a chart and to be had as a CSV.

mod chart;
mod few;
mod figures;
mod ledger;
mod map;
mod period;
pub(crate) mod table;

use super::list::Choice;
use super::{App, Page, Shared, audit_reading, files, format, html, scope, trouble::Trouble};
use crate::core::{Channel, Right};
use crate::routing::deadline::received_date;
use crate::store::{self, report::Scope, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use figures::Question;
use ledger::Ledger;
use map::Map;
use period::{Asked, Filling, PERIODS, Period};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};
use table::Table;
use tokio::sync::RwLock;

/// What reports keep between two requests.
#[derive(Default)]
pub(super) struct Office {
    ledger: RwLock<Ledger>,
    answered: Mutex<Answered>,
    map: OnceLock<Option<Map>>,
    wards: OnceLock<Vec<(String, usize)>>,
}

/// The tables under each heading.
type Tables = Vec<(&'static str, Vec<Table>)>;

/// So many reports are kept.
const KEPT: usize = 64;

/// Reports that were asked for and hold still: counting one walks through all cases, and several people look at the same one.
#[derive(Default)]
struct Answered {
    /// What they rest on: the state of the ledger, the day, and the rules.
    of: Option<(u64, NaiveDate, String)>,
    /// By who may see what, and the question.
    tables: VecDeque<(String, Tables)>,
}

impl Answered {
    /// The tables of a question, where they hold still.
    fn find(&mut self, of: &(u64, NaiveDate, String), key: &str) -> Option<Tables> {
        if self.of.as_ref() != Some(of) {
            self.tables.clear();
            self.of = Some(of.clone());
        }
        self.tables.iter().find(|(known, _)| known == key).map(|(_, tables)| tables.clone())
    }

    /// Keeps the tables of a question, unless what they rest on has changed meanwhile.
    fn keep(&mut self, of: &(u64, NaiveDate, String), key: String, tables: Tables) {
        if self.of.as_ref() == Some(of) {
            self.tables.truncate(KEPT - 1);
            self.tables.push_front((key, tables));
        }
    }
}

/// The outlines of wards as a drawing without numbers; none where they span nothing.
pub(super) fn outline(wards: &crate::understanding::boundary::Wards) -> Option<String> {
    Map::new(wards).and_then(|map| map.outline().ok())
}

/// A part of the page under one heading.
struct Part {
    title: &'static str,
    figures: Vec<Figure>,
}

/// Choices under one heading.
struct Choices {
    label: &'static str,
    choices: Vec<Choice>,
}

/// A figure on the page.
struct Figure {
    table: Table,
    chart: Option<String>,
    csv: String,
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    page: Page,
    periods: Vec<Choice>,
    wards: Vec<Choice>,
    from: String,
    to: String,
    minutes: u32,
    error: Option<&'static str>,
    said: String,
    /// What fills the map.
    maps: Vec<Choices>,
    /// The same in the address, where there is no map to fill because the report is of one ward.
    map: String,
    parts: Vec<Part>,
}

/// The page.
pub(super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let today = received_date(app.now());
    // Days that are none are said above, over the report that there is without a choice.
    let (asked, error) = match asked.period(today) {
        Ok(_) => (asked, None),
        Err(error) => (Asked { period: String::new(), ..asked }, Some(error)),
    };
    let (period, parts) = tables(&app, &session, &asked).await?;
    audit_reading(&app, &session, "read report", &["reports".to_owned()], detail(&asked, period)).await?;
    let map = app.office.map(&app);
    let query = asked.query();
    let draw = |table: Table| {
        let csv = format!("/reports/{}.csv?{query}", table.name);
        Ok(Figure { chart: chart::draw(&table, map)?, csv, table })
    };
    let parts = parts.into_iter().map(|(title, tables)| {
        let figures = tables.into_iter().map(draw).collect::<Result<Vec<Figure>, askama::Error>>()?;
        Ok(Part { title, figures })
    });
    let parts = parts.collect::<Result<Vec<Part>, askama::Error>>()?;
    let where_from = if asked.ward.is_empty() { String::new() } else { format!(", {}", asked.ward) };
    let template = ReportPage {
        page: Page::new(&app, &session, "reports", "Reports"),
        said: format!("{} to {}{where_from}", words(period.from), words(period.to)),
        periods: PERIODS.iter().map(|(key, label)| Choice::new(key, label, asked.key())).collect(),
        wards: app.office.wards(&app).iter().map(|(name, _)| Choice::new(name, name, &asked.ward)).collect(),
        from: if asked.from.is_empty() { period.from.to_string() } else { asked.from.clone() },
        to: if asked.to.is_empty() { period.to.to_string() } else { asked.to.clone() },
        minutes: asked.minutes(),
        error,
        maps: if asked.ward.is_empty() { fillings(&app, &asked) } else { Vec::new() },
        map: asked.map.clone(),
        parts,
    };
    Ok(html(&template)?.into_response())
}

/// One of its tables as a CSV: `/reports/NAME.csv`.
pub(super) async fn export(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(file): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let (period, tables) = tables(&app, &session, &asked).await?;
    let name = file.strip_suffix(".csv").unwrap_or_default();
    let missing = || Trouble::not_found("There is no such table.").back_to("/reports", "Go to the reports");
    let mut tables = tables.into_iter().flat_map(|(_, tables)| tables);
    let table = tables.find(|table| table.name == name).ok_or_else(missing)?;
    audit_reading(&app, &session, "export", &[format!("report:{name}")], detail(&asked, period)).await?;
    let file = format!("{name}-{}-{}.csv", period.from, period.to);
    Ok(files::download(&file, "text/csv; charset=utf-8; header=present", table.csv()?))
}

/// What can fill the map.
fn fillings(app: &Shared, asked: &Asked) -> Vec<Choices> {
    let choice = |key: &str, label: &str| Choice::new(key, label, &asked.map);
    let taxonomy = &app.portal.pipeline.understanding.rules().taxonomy;
    let there = taxonomy.services.iter().filter(|(_, service)| !service.off);
    let mut services: Vec<Choice> =
        there.map(|(key, service)| choice(&format!("service:{key}"), &service.name)).collect();
    services.sort_by(|a, b| a.label.cmp(&b.label));
    let channels = Channel::ALL.iter().map(|channel| choice(&format!("channel:{}", channel.as_str()), channel.label()));
    let all = [
        ("", "All contacts"),
        ("standard", "Done by the promised day"),
        ("satisfaction", "How content residents were"),
    ];
    vec![
        Choices { label: "Everything", choices: all.map(|(key, label)| choice(key, label)).into() },
        Choices { label: "Contacts of one channel", choices: channels.collect() },
        Choices { label: "Contacts of one service", choices: services },
    ]
}

/// What stands on the audit trail of a report that was read.
fn detail(asked: &Asked, period: Period) -> Value {
    json!({"from": period.from, "to": period.to, "ward": asked.ward, "map": asked.map})
}

async fn tables(app: &Shared, session: &Session, asked: &Asked) -> Result<(Period, Tables), Trouble> {
    let scope = scope::scope(session, Right::Reports);
    if !asked.ward.is_empty() && !scope::may_see_ward(&scope, &app.portal.pipeline.house.council, &asked.ward) {
        return Err(scope::not_there(&format!("reports of ward:{}", asked.ward)));
    }
    let now = app.now();
    let today = received_date(now);
    let period = asked.period(today).map_err(Trouble::bad)?;
    let ledger = app.office.up_to_date(app).await?;
    let rules = app.portal.pipeline.understanding.rules();
    let filling = match asked.filling() {
        Filling::Service(key) if !rules.taxonomy.services.contains_key(&key) => Filling::Contacts,
        known => known,
    };
    let own_wards: Vec<String> = match &scope {
        Scope::Councillors(keys) => {
            let councillors = keys.iter().filter_map(|key| app.portal.pipeline.house.council.councillor(key));
            councillors.flat_map(|councillor| councillor.wards.iter().cloned()).collect()
        }
        Scope::All | Scope::Wards(_) => Vec::new(),
    };
    let answered = || app.office.answered.lock().unwrap_or_else(PoisonError::into_inner);
    let of = (ledger.changes(), today, rules.version.clone());
    let key = format!("{scope:?} {own_wards:?} {}", asked.query());
    if let Some(tables) = answered().find(&of, &key) {
        return Ok((period, tables));
    }
    let question = Question {
        ledger: &ledger,
        scope: &scope,
        own_wards: &own_wards,
        period,
        ward: Some(asked.ward.as_str()).filter(|ward| !ward.is_empty()),
        today,
        taxonomy: &rules.taxonomy,
        wards: app.office.wards(app),
        minutes: asked.minutes(),
        filling: &filling,
        costs: &app.portal.costs,
    };
    let tables = question.tables(&question.chosen());
    answered().keep(&of, key, tables.clone());
    Ok((period, tables))
}

impl Office {
    /// The ledger with everything in it that has happened; others may read it at the same time.
    async fn up_to_date(&self, app: &Shared) -> store::Result<tokio::sync::RwLockReadGuard<'_, Ledger>> {
        let mut ledger = self.ledger.write().await;
        ledger.catch_up(app.db(), &app.portal.pipeline.house.calendar, app.now()).await?;
        Ok(ledger.downgrade())
    }

    /// The council's wards in the order of its file, each with the number of its postcodes.
    pub(super) fn wards(&self, app: &Shared) -> &[(String, usize)] {
        self.wards.get_or_init(|| {
            let counts = app.portal.pipeline.understanding.places().postcodes_by_ward();
            counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
        })
    }

    fn map(&self, app: &Shared) -> Option<&Map> {
        self.map.get_or_init(|| app.portal.pipeline.understanding.places().wards().and_then(Map::new)).as_ref()
    }
}

fn words(day: NaiveDate) -> String {
    format::day(&day.to_string())
}
