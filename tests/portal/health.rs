//! What machines ask.

use crate::desk::Desk;
use reqwest::StatusCode;

#[tokio::test]
async fn health_and_metrics_are_for_machines_and_name_nobody() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let health = desk.get("/healthz").await;
    assert_eq!((health.status, health.body.trim()), (StatusCode::OK, "ok"));
    desk.take_in(b"").await;
    let metrics = desk.get("/metrics").await;
    for line in [
        "beadle_inbox_waiting 0",
        "beadle_quarantined 1",
        "beadle_cases{state=\"review\"} 1",
        "beadle_cases{state=\"held\"} 0",
        "beadle_outbox{status=\"queued\"} 0",
        "# TYPE beadle_cases gauge",
    ] {
        assert!(metrics.body.lines().any(|l| l == line), "{line} is not in\n{}", metrics.body);
    }
    assert!(!metrics.has(case.reference.as_str()) && !metrics.has("Derek"));
    desk.db().close().await;
    let health = desk.get("/healthz").await;
    assert_eq!((health.status, health.body.trim()), (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer"));
    let page = desk.get("/").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "nobody is signed in, and nobody is asked");
}
