//! What comes up again and again at one place: beside a case, and all such places.

use super::{App, Page, audit_reading, format, html, trouble::Trouble};
use crate::core::{CaseState, Reach, Reference};
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::near::Pattern;
use crate::store::{self, Tx, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::sync::Arc;

/// How far back is looked.
const DAYS: i64 = 365;
/// So near is one place, in metres.
const NEAR_M: f64 = 100.0;
/// Fewest cases that make a pattern, the one that is looked at among them.
const FEWEST: usize = 3;
/// Most cases named.
const NAMED: usize = 5;
/// Most places on the page.
const PLACES: i64 = 100;
/// What was found is shown for so long.
const FRESH: TimeDelta = TimeDelta::minutes(1);

/// A case that was there before.
pub(super) struct Earlier {
    pub(super) reference: Reference,
    pub(super) state: CaseState,
    pub(super) when: String,
}

/// Cases of one service at one place.
pub(super) struct Before {
    /// All of them, the one looked at too.
    pub(super) count: usize,
    /// The newest of the others, as far as they may be seen.
    pub(super) named: Vec<Earlier>,
}

/// The cases of its service within a hundred metres of a case in the twelve months before, if they are enough for a pattern. All are counted;
/// named are those within `reach`.
pub(super) async fn before(tx: &mut Tx, case: &Case, reach: &Reach) -> store::Result<Option<Before>> {
    let Some(spot) = case.place.as_ref().and_then(|place| place.0.spot()) else { return Ok(None) };
    let mut near = store::near::around(tx, spot, case.received_at - TimeDelta::days(DAYS)).await?;
    near.retain(|other| {
        other.id != case.id
            && other.service == case.service
            && other.received_at <= case.received_at
            && other.spot().is_some_and(|there| there.distance_m(spot) <= NEAR_M)
    });
    if near.len() + 1 < FEWEST {
        return Ok(None);
    }
    near.sort_by(|a, b| b.received_at.cmp(&a.received_at).then_with(|| b.id.cmp(&a.id)));
    let mut named = Vec::new();
    for other in &near {
        if named.len() == NAMED {
            break;
        }
        let found = store::case::get(tx, &other.id).await?;
        let Some(other) = found.filter(|other| reach.has(other.councillor.as_deref())) else { continue };
        let when = format::when(other.received_at);
        named.push(Earlier { reference: other.reference, state: other.state, when });
    }
    Ok(Some(Before { count: near.len() + 1, named }))
}

struct Row {
    service: String,
    place: String,
    cases: i64,
    last: String,
    reference: Reference,
}

#[derive(Template)]
#[template(path = "patterns.html")]
struct PatternsPage {
    page: Page,
    rows: Vec<Row>,
}

/// What was found, and when. It is a walk through a year of cases, so it is done once a minute at most, by one for all who wait for it.
#[derive(Default)]
pub(super) struct Found(tokio::sync::Mutex<Option<FoundAt>>);

/// What was found, and when.
type FoundAt = (DateTime<Utc>, Arc<Vec<Pattern>>);

impl Found {
    async fn found(&self, app: &super::Shared) -> store::Result<Arc<Vec<Pattern>>> {
        let now = app.now();
        let mut kept = self.0.lock().await;
        if let Some((_, found)) = kept.as_ref().filter(|(at, _)| *at <= now && now - *at < FRESH) {
            return Ok(Arc::clone(found));
        }
        let mut tx = app.db().read().await?;
        let fewest = i64::try_from(FEWEST).unwrap_or(i64::MAX);
        let found = Arc::new(store::near::patterns(&mut tx, now - TimeDelta::days(DAYS), fewest, PLACES).await?);
        *kept = Some((now, Arc::clone(&found)));
        Ok(found)
    }
}

/// The places where one service is asked for again and again.
pub(super) async fn page(State(app): State<App>, Extension(session): Extension<Session>) -> Result<Response, Trouble> {
    let found = app.patterns.found(&app).await?;
    let mut tx = app.db().read().await?;
    let rules = app.portal.pipeline.understanding.rules();
    let mut rows = Vec::new();
    for pattern in found.iter() {
        let Some(case) = store::case::get(&mut tx, &pattern.one).await? else { continue };
        if Consent::of(&case.consent).is_private() {
            continue;
        }
        rows.push(Row {
            service: rules.taxonomy.service_name(&pattern.service).to_owned(),
            place: case.place.map(|place| place.0.name).unwrap_or_default(),
            cases: pattern.cases,
            last: format::when(pattern.last),
            reference: case.reference,
        });
    }
    drop(tx);
    audit_reading(&app, &session, "read list", &["patterns".to_owned()], json!({"places": rows.len()})).await?;
    let page = Page::new(&app, &session, "patterns", "Again and again");
    Ok(html(&PatternsPage { page, rows })?.into_response())
}
