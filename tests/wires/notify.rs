//! Texts by GOV.UK Notify: sending against a small server, its token read by PyJWT.

use crate::python;
use crate::web::{self, Act, Web, json};
use beadle::channels::SendError;
use beadle::channels::text::notify::{Notify, NotifySettings};
use beadle::channels::text::{MediaRef, Sent, TextProvider};
use beadle::core::Clock;
use chrono::DateTime;
use serde_json::{Value, json as value};
use std::time::Duration;

const SERVICE: &str = "5c2d8e1a-0b7f-4c39-9d64-7a1e3f5b8c20";
const SECRET: &str = "e41b7f36-58ac-4d02-b9e7-16c0d3a4f592";
const TEMPLATE: &str = "9b3f6c1d-2e47-4a85-8f10-c6d7e8a9b0c1";
const NOW: i64 = 1_772_446_530;

fn notify(web: &Web, limit: Duration) -> Notify {
    let settings = NotifySettings {
        api_key: format!("desk-{SERVICE}-{SECRET}").into(),
        service_id: None,
        template_id: TEMPLATE.to_owned(),
        callback_token: "a-long-token".into(),
        api_base: web.base(),
        time_limit: limit,
    };
    Notify::new(settings, Clock::fixed(DateTime::from_timestamp(NOW, 0).unwrap())).unwrap()
}

async fn send(web: &Web) -> Result<Sent, SendError> {
    notify(web, Duration::from_secs(20)).send("+447700900123", "Tŷ \"lamp\"", "ours").await
}

fn error(kind: &str, message: &str) -> String {
    value!({"status_code": 400, "errors": [{"error": kind, "message": message}]}).to_string()
}

#[tokio::test]
async fn a_text_is_sent_with_a_token_that_pyjwt_reads() {
    let web = web::always(json(201, r#"{"id": "740e5834-3a29-46b4-9a6f-16142fde533a", "reference": "ours"}"#)).await;
    assert_eq!(send(&web).await, Ok(Sent { provider_id: "740e5834-3a29-46b4-9a6f-16142fde533a".to_owned() }));
    let heard = web.heard();
    let request = &heard[0];
    assert_eq!(request.line, "POST /v2/notifications/sms");
    assert_eq!(request.header("content-type"), Some("application/json"));
    let sent: Value = serde_json::from_str(&request.body).unwrap();
    let wanted = value!({
        "phone_number": "+447700900123",
        "template_id": TEMPLATE,
        "personalisation": {"body": "Tŷ \"lamp\""},
        "reference": "ours",
    });
    assert_eq!(sent, wanted);

    let token = request.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
    let read = python::run("jwt_read.py", &value!({"token": token, "secret": SECRET})).unwrap();
    assert_eq!(read["header"], value!({"typ": "JWT", "alg": "HS256"}));
    assert_eq!(read["claims"], value!({"iss": SERVICE, "iat": NOW}));
    let wrong = python::run("jwt_read.py", &value!({"token": token, "secret": SERVICE})).unwrap_err();
    assert!(wrong.contains("InvalidSignatureError"), "{wrong}");
}

#[tokio::test]
async fn what_notify_says_is_told_apart() {
    let say = async |status, body: String| send(&web::always(json(status, &body)).await).await.unwrap_err();
    let refused = say(400, error("BadRequestError", "Cannot send to 07700 900123 using a team-only API key")).await;
    let why = "Cannot send to (number) using a team-only API key".to_owned();
    assert_eq!(refused, SendError::Refused { code: "BadRequestError".to_owned(), unsubscribed: false, why });
    assert!(matches!(say(400, "<html>".to_owned()).await, SendError::Refused { code, .. } if code == "400"));
    for (status, message) in [
        (403, "Error: Your system clock must be accurate to within 30 seconds"),
        (403, "Invalid token: API key not found"),
        (401, "Unauthorized: authentication token must be provided"),
    ] {
        let error = say(status, error("AuthError", message)).await;
        assert!(matches!(&error, SendError::TryAgain { why } if why.contains("clock")), "{error:?}");
    }
    let wait = |error: SendError| match error {
        SendError::Busy { retry_after } => retry_after.as_secs(),
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(say(429, error("RateLimitError", "Exceeded rate limit for key type LIVE")).await), 60);
    assert_eq!(wait(say(429, error("TooManyRequestsError", "Exceeded send limits for today")).await), 3600);
    let headers = vec![("Retry-After", "11".to_owned())];
    assert_eq!(wait(send(&web::always(Act::Answer(429, headers, Vec::new())).await).await.unwrap_err()), 11);
    for status in [500, 503] {
        let error = say(status, error("Exception", "Internal server error")).await;
        assert!(matches!(error, SendError::TryAgain { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn what_may_have_been_taken_is_uncertain() {
    for act in [Act::Cut, Act::Half(100, "{\"id\""), json(201, "{}")] {
        let web = web::always(act.clone()).await;
        let error = send(&web).await.unwrap_err();
        assert!(matches!(error, SendError::Uncertain { .. }), "{act:?}: {error:?}");
        assert_eq!(web.heard().len(), 1, "a text is never sent twice by itself");
    }
    let web = web::always(Act::Silence).await;
    let error = notify(&web, Duration::from_secs(1)).send("+447700900123", "x", "ours").await.unwrap_err();
    assert!(matches!(error, SendError::Uncertain { .. }), "{error:?}");
}

#[tokio::test]
async fn what_notify_cannot_carry_is_never_sent() {
    let web = web::always(json(201, "{}")).await;
    let notify = notify(&web, Duration::from_secs(20));
    for nobody in ["80818", "NHS", "whatsapp:+447700900123", ""] {
        assert!(matches!(notify.send(nobody, "x", "ours").await, Err(SendError::Refused { .. })), "{nobody}");
    }
    let media = MediaRef { url: format!("{}/x", web.base()), content_type: String::new() };
    assert!(matches!(notify.media(&media, 5000).await, Err(SendError::Refused { .. })));
    assert!(web.heard().is_empty());
}
