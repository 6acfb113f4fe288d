//! The same on PostgreSQL.

use crate::desk::{Desk, PASSWORD, letter_with_files};
use beadle::routing::RoutingPolicy;
use reqwest::StatusCode;
use std::path::Path;

/// A new, empty database on the tests' own PostgreSQL, which is started where nobody has.
pub async fn postgres(of: &str) -> String {
    use sqlx::Connection;
    let server = std::env::var("BEADLE_TEST_POSTGRES").unwrap_or_else(|_| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/postgres.sh");
        let output = std::process::Command::new(script).arg("start").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let url = said.split("BEADLE_TEST_POSTGRES=").nth(1).expect("tests/support/postgres.sh start names a server");
        url.trim().trim_matches(['\'', '"']).to_owned()
    });
    let name = format!("portal_{of}_{}", std::process::id());
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    for statement in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    let (before, query) = server.split_once('?').unwrap_or((&server, ""));
    format!("{}/{name}?{query}", before.rsplit_once('/').unwrap().0)
}

#[tokio::test]
async fn every_page_and_action_works_on_postgresql_too() {
    let policy = RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() };
    let desk = Desk::on(&postgres("all").await, tempfile::tempdir().unwrap(), policy).await;
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    let case = desk.pothole().await;
    let words = "large pothole outside the post office very deep in Tanner's Row ZM1 4QT";
    let first = desk.mail("Eve <eve@fenmail.example>", "Pothole", &format!("There is a {words}")).await;
    let files = [("hole.png", "image/png", "x")];
    desk.take_in(&letter_with_files("Ann <ann@fenmail.example>", "Pothole", &format!("I saw a {words}"), &files)).await;
    let second = desk.newest().await;
    desk.take_in(b"").await;
    let path = format!("/cases/{}", second.reference);
    let page = desk.get(&path).await;
    for file in ["/attachments/0", "/raw"] {
        assert_eq!(desk.get(&page.address(file)).await.status, StatusCode::OK, "{file}");
    }
    assert!(desk.press(&page, &page.address("/different"), &[]).await.location().ends_with("done=different"));
    assert!(
        desk.press(&page, &format!("{path}/join"), &[("to", first.reference.as_str())])
            .await
            .location()
            .ends_with("done=joined")
    );
    let joined = desk.get(&path).await;
    assert!(desk.press(&page, &joined.address("/undo"), &[]).await.location().ends_with("done=undone"));
    assert!(desk.press(&page, &format!("{path}/seen"), &[]).await.location().ends_with("done=seen"));
    let fields = [("service", "street_lighting"), ("department", ""), ("priority", "high"), ("then", "accept")];
    assert!(desk.press(&page, &format!("{path}/change"), &fields).await.location().ends_with("done=changed-accepted"));
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    let accept = format!("/cases/{}/accept", case.reference);
    assert!(desk.press(&page, &accept, &[]).await.location().ends_with("done=accepted"));
    for (action, field, value, done) in
        [("consent", "consent", "neither", "consent"), ("block", "why", "insults", "blocked")]
    {
        let answer = desk.press(&page, &format!("/cases/{}/{action}", case.reference), &[(field, value)]).await;
        assert!(answer.location().ends_with(&format!("done={done}")), "{action}: {}", answer.body);
    }
    let blocked = desk.get("/blocked").await;
    assert!(blocked.has("derek@fenmail.example") && blocked.has("Derek Hollis"), "{}", blocked.body);
    let end = [("channel", "email"), ("address", "derek@fenmail.example")];
    assert_eq!(desk.press(&blocked, "/blocked", &end).await.location(), "/blocked?done=unblocked");
    desk.deliver_later().await;
    let ward = second.ward.unwrap();
    for (page, words) in [
        (format!("/?ward={ward}&department={}&service={}", case.department, case.service), case.reference.as_str()),
        ("/outbox".to_owned(), "There are none"),
        ("/set-aside".to_owned(), "There are none"),
        ("/quarantine".to_owned(), "The message is empty"),
        ("/healthz".to_owned(), "ok"),
        ("/metrics".to_owned(), "beadle_outbox{status=\"sent\"} 4"),
    ] {
        let answer = desk.get(&page).await;
        assert!(answer.status == StatusCode::OK && answer.has(words), "{page}: {}", answer.body);
    }
    let service = format!("/admin/services/{}", second.service);
    for (page, words) in [
        (format!("/my/{}", second.reference), "What happened, and who was told"),
        ("/admin/channels".to_owned(), "In quarantine: </span>1"),
        ("/admin/hand-over".to_owned(), "open cases"),
        ("/admin/models".to_owned(), "as it ships"),
        ("/admin/services".to_owned(), service.as_str()),
        ("/admin/departments".to_owned(), "/admin/departments/highways"),
    ] {
        let answer = desk.get(&page).await;
        assert!(answer.status == StatusCode::OK && answer.has(words), "{page}: {}", answer.body);
    }
    let form = desk.get(&service).await;
    let fields = [("name", "Holes"), ("department", "waste"), ("working_days", "9"), ("mode", "")];
    let previewed = desk.press(&form, &service, &fields).await;
    assert!(previewed.has("messages of the last 31 days would have come out otherwise"), "{}", previewed.body);
    let (text, seal) = (desk.unescaped(&previewed, "text"), previewed.field("seal"));
    let saved = desk.press(&previewed, "/admin/rules/services/save", &[("text", &text), ("seal", &seal)]).await;
    assert_eq!(saved.location(), "/admin/rules/services?done=rules-saved", "{}", saved.body);
    assert!(desk.get("/admin/rules/services").await.has("Go back to it"));
    assert!(desk.get("/admin/rules").await.has("by administrator"));
    let close = format!("/cases/{}/close", case.reference);
    assert!(desk.press(&page, &close, &[("done", "yes")]).await.location().ends_with("done=closed"));
    let quarantine = desk.get("/quarantine").await;
    let replayed = desk.press(&quarantine, &quarantine.address("/replay"), &[]).await;
    assert_eq!(replayed.location(), "/quarantine?done=replayed");
    let page = desk.get("/").await;
    assert_eq!(desk.press(&page, "/sign-out", &[]).await.location(), "/sign-in");
}
