//! For machines that watch: is it well, and how much waits. No names, no words of residents.

use super::{App, Shared, guard::ForMachines, queries};
use crate::core::CaseState;
use crate::store;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::fmt::Write;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);
const OUTBOX_STATES: [&str; 8] = ["held", "queued", "to_print", "sending", "sent", "uncertain", "failed", "cancelled"];

/// Answers of these pages go out as they are, also when they are bad news.
pub(super) async fn mark(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(ForMachines);
    response
}

/// `ok` when the database answers, else 503 with one line.
pub(super) async fn healthz(State(app): State<App>) -> Response {
    let ask = async {
        let mut tx = app.db().read().await?;
        queries::quarantined(&mut tx).await
    };
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Ok(_)) => "ok\n".into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer in time\n").into_response(),
    }
}

/// The recorder's figures, then those of the database as they stand now.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let mut text =
        app.portal.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render).unwrap_or_default();
    match tokio::time::timeout(PATIENCE, gauges(&app)).await {
        Ok(Ok(gauges)) => text += &gauges,
        Ok(Err(error)) => {
            tracing::error!(%error, "the figures of the database could not be read");
            return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response();
        }
        Err(_) => return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer in time\n").into_response(),
    }
    let mut response = text.into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Read at each scrape rather than kept: any process that shares the database shows the same.
async fn gauges(app: &Shared) -> store::Result<String> {
    let mut tx = app.db().read().await?;
    let waiting = store::inbox::waiting(&mut tx).await?;
    let quarantined = queries::quarantined(&mut tx).await?;
    let outbox = store::outbox::count_by_status(&mut tx).await?;
    let cases = store::case::count_by_state(&mut tx).await?;
    let mut text = String::new();
    gauge(&mut text, "beadle_inbox_waiting", "Messages taken in and not yet worked on", &[("", "", waiting)]);
    gauge(&mut text, "beadle_quarantined", "Messages in quarantine", &[("", "", quarantined)]);
    let of = |rows: &[(String, i64)], key: &str| rows.iter().find(|(k, _)| k == key).map_or(0, |(_, n)| *n);
    let mails: Vec<_> = OUTBOX_STATES.iter().map(|s| ("status", *s, of(&outbox, s))).collect();
    gauge(&mut text, "beadle_outbox", "Outgoing mails by status", &mails);
    let states: Vec<_> = CaseState::ALL.iter().map(|s| ("state", s.as_str(), of(&cases, s.as_str()))).collect();
    gauge(&mut text, "beadle_cases", "Cases by state", &states);
    Ok(text)
}

fn gauge(text: &mut String, name: &str, help: &str, values: &[(&str, &str, i64)]) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (label, value, n) in values {
        let labels = if label.is_empty() { String::new() } else { format!("{{{label}=\"{value}\"}}") };
        let _ = writeln!(text, "{name}{labels} {n}");
    }
}
