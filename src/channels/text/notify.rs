//! GOV.UK Notify: SMS, as most councils send them.
//!
//! Set both callbacks (texts received, delivery receipts) at Notify to one address with one bearer token. Notify waits
//! 5 s and tries five times, every 5 minutes; but only after a lost connection, a 5xx or a 429. **After any other 4xx it
//! forgets the text.** So a wrong token alone is refused (401, 403): [`Notify`] does not look whether the body makes
//! sense before it says that it comes from Notify. Whatever carries the token is `Incoming` unless it is plainly a
//! receipt, is stored, and is answered; what [`TextProvider::parse`] cannot read then waits in quarantine.
//!
//! Notify sends templates only, so the service needs one with nothing in it but `((body))`. It keeps no list of who wrote
//! STOP: that is for the caller. Per number it allows 20 equal texts an hour, and 100 in all; a text may have 918
//! characters (six parts).

use super::{
    Delivery, DeliveryState, Kind, MediaRef, ParseError, Refusal, Sent, SettingsError, TextIn, TextKind, TextProvider,
    Webhook, phone,
};
use crate::channels::http::{self, Answer, Api};
use crate::channels::{Secret, SendError};
use crate::core::Clock;
use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

const NAME: &str = "notify";
/// Notify's interface.
pub const API_BASE: &str = "https://api.notifications.service.gov.uk";
/// A UUID, written out.
const UUID: usize = 36;
/// The limit for a minute passes in a minute; the one for a day at midnight.
const WAIT_FOR_MINUTE: Duration = Duration::from_secs(60);
const WAIT_FOR_DAY: Duration = Duration::from_secs(60 * 60);

/// How Notify is reached and reaches us.
#[derive(Clone, Debug)]
pub struct NotifySettings {
    /// The key, `NAME-SERVICEID-SECRET`, of kind "live".
    pub api_key: Secret,
    /// The service that the key must belong to, where the settings name it.
    pub service_id: Option<String>,
    /// The template with one field, `body`.
    pub template_id: String,
    /// The bearer token that Notify shows us with each callback.
    pub callback_token: Secret,
    /// [`API_BASE`], but for tests.
    pub api_base: String,
    /// How long one request may take: 30 s is usual.
    pub time_limit: Duration,
}

/// Notify, ready to send.
#[derive(Debug)]
pub struct Notify {
    service_id: String,
    secret: Secret,
    template_id: String,
    callback_token: Secret,
    api: Api,
    clock: Clock,
}

/// A callback with a text.
#[derive(Deserialize)]
struct Received {
    id: String,
    source_number: String,
    #[serde(default)]
    destination_number: Option<String>,
    message: String,
    #[serde(default)]
    date_received: Option<String>,
}

/// A callback with news.
#[derive(Deserialize)]
struct Receipt {
    id: String,
    #[serde(default)]
    reference: Option<String>,
    status: String,
}

impl Notify {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// When a setting is missing or cannot be right.
    pub fn new(settings: NotifySettings, clock: Clock) -> Result<Self, SettingsError> {
        let NotifySettings { api_key, service_id: expected, template_id, callback_token, api_base, time_limit } =
            settings;
        let (service_id, secret) = read_key(api_key.reveal()).ok_or_else(|| {
            SettingsError("api_key must be NAME-SERVICEID-SECRET, as Notify shows it once".to_owned())
        })?;
        if expected.is_some_and(|expected| !expected.trim().eq_ignore_ascii_case(service_id)) {
            return Err(SettingsError("api_key belongs to another service than service_id".to_owned()));
        }
        if !is_uuid(&template_id) {
            return Err(SettingsError("template_id must be the template's id (a UUID)".to_owned()));
        }
        if callback_token.reveal().trim().len() < 10 {
            return Err(SettingsError("callback_token needs 10 characters at least, as at Notify".to_owned()));
        }
        let api = Api::new(&api_base, time_limit)?;
        let (service_id, secret) = (service_id.to_owned(), Secret::from(secret));
        Ok(Self { service_id, secret, template_id, callback_token, api, clock })
    }

    /// A token that is good for half a minute.
    fn token(&self) -> String {
        let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let claims = json!({"iss": self.service_id, "iat": self.clock.now().timestamp()});
        let signed = format!("{}.{}", encode(&json!({"typ": "JWT", "alg": "HS256"})), encode(&claims));
        // HMAC takes a key of any length.
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.reveal().as_bytes());
        let signature = mac.map(|mac| mac.chain_update(&signed).finalize().into_bytes()).unwrap_or_default();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Service and secret: the last two of the key's parts, each a UUID; the name before them may hold anything.
fn read_key(key: &str) -> Option<(&str, &str)> {
    let key = key.trim();
    let (rest, secret) = key.split_at_checked(key.len().checked_sub(UUID)?)?;
    let rest = rest.strip_suffix('-')?;
    let service = rest.get(rest.len().checked_sub(UUID)?..)?;
    (is_uuid(secret) && is_uuid(service)).then_some((service, secret))
}

fn is_uuid(text: &str) -> bool {
    text.len() == UUID && uuid::Uuid::try_parse(text).is_ok()
}

#[async_trait]
impl TextProvider for Notify {
    fn name(&self) -> &'static str {
        NAME
    }

    /// 401 without a token, 403 with a wrong one; nothing else is refused.
    fn authenticate(&self, webhook: &Webhook) -> Result<Kind, Refusal> {
        let header = webhook.header("Authorization").unwrap_or_default().trim();
        let given = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => return Err(Refusal { status: 401, why: "there is no bearer token" }),
        };
        // Hashes are equally long, so that timing tells nothing about the length either.
        let hash = |token: &str| Sha256::digest(token.as_bytes());
        if !bool::from(hash(given).ct_eq(&hash(self.callback_token.reveal().trim()))) {
            return Err(Refusal { status: 403, why: "the bearer token is wrong: check callback_token" });
        }
        let value = serde_json::from_slice::<Value>(&webhook.body).unwrap_or_default();
        let is_receipt = value.get("status").is_some() && value.get("message").is_none();
        Ok(if is_receipt { Kind::Status } else { Kind::Incoming })
    }

    fn parse(&self, body: &[u8]) -> Result<TextIn, ParseError> {
        let received: Received = read(body)?;
        if received.id.is_empty() || received.source_number.trim().is_empty() {
            return Err(ParseError { provider: NAME, why: "there is no id or no source_number".to_owned() });
        }
        Ok(TextIn {
            provider_id: received.id,
            from: phone::normalise(&received.source_number),
            to: phone::normalise(&received.destination_number.unwrap_or_default()),
            body: received.message,
            sent_at: received.date_received.as_deref().and_then(read_time),
            media: Vec::new(),
            position: None,
            profile_name: None,
            kind: TextKind::Sms,
        })
    }

    fn parse_status(&self, body: &[u8]) -> Result<Delivery, ParseError> {
        let Receipt { id, reference, status } = read(body)?;
        let state = match status.as_str() {
            "delivered" => DeliveryState::Delivered,
            "created" | "sending" | "pending" | "sent" => DeliveryState::Sent,
            // The number is none; the telephone was off or full; Notify and its carrier had trouble.
            "permanent-failure" => DeliveryState::Failed { permanent: true, code: status },
            "temporary-failure" | "technical-failure" => DeliveryState::Failed { permanent: false, code: status },
            _ => return Err(ParseError { provider: NAME, why: "its status is none that we know".to_owned() }),
        };
        Ok(Delivery { provider_id: id, our_reference: reference, state })
    }

    fn answer(&self) -> (&'static str, &'static str) {
        ("application/json", "{}")
    }

    async fn send(&self, to: &str, body: &str, our_reference: &str) -> Result<Sent, SendError> {
        if !phone::is_answerable(to) {
            return Err(SendError::refused("not_answerable", "the recipient is no telephone number that gets SMS"));
        }
        let request = json!({
            "phone_number": to,
            "template_id": self.template_id,
            "personalisation": {"body": body},
            "reference": our_reference,
        });
        let post = self.api.client.post(self.api.at("v2/notifications/sms")).bearer_auth(self.token());
        let post = post.header(CONTENT_TYPE, "application/json").body(request.to_string());
        verdict(&http::post(post).await?)
    }

    /// Notify carries no files.
    async fn media(&self, _media: &MediaRef, _most_bytes: usize) -> Result<(Vec<u8>, String), SendError> {
        Err(SendError::refused("no_media", "GOV.UK Notify carries no files"))
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ParseError> {
    // serde repeats what it found: only the kind of error is told.
    serde_json::from_slice(body).map_err(|error| ParseError {
        provider: NAME,
        why: match error.classify() {
            serde_json::error::Category::Data => "a field is missing or of another kind",
            serde_json::error::Category::Eof => "the JSON is cut off",
            _ => "it is no JSON",
        }
        .to_owned(),
    })
}

fn read_time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

fn verdict(answer: &Answer) -> Result<Sent, SendError> {
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status.is_success() {
        let id = said.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        return id
            .map(|id| Sent { provider_id: id.to_owned() })
            .ok_or_else(|| SendError::Uncertain { why: "Notify took it, but its answer cannot be read".to_owned() });
    }
    let first = said.pointer("/errors/0");
    let error = |field| first.and_then(|first| first.get(field)).and_then(Value::as_str);
    let why = || http::without_numbers(error("message").unwrap_or("no reason given"));
    Err(match answer.status {
        StatusCode::TOO_MANY_REQUESTS => {
            let usual = if error("error") == Some("TooManyRequestsError") { WAIT_FOR_DAY } else { WAIT_FOR_MINUTE };
            SendError::Busy { retry_after: answer.wait.unwrap_or(usual) }
        }
        // The key, or this machine's clock: no fault of the text.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SendError::TryAgain {
            why: format!("Notify refuses the sign-in: {}; check api_key and this machine's clock", why()),
        },
        StatusCode::NOT_FOUND => {
            SendError::TryAgain { why: format!("Notify does not know what we ask for: {}; check api_base", why()) }
        }
        status => SendError::Refused {
            code: error("error").map_or_else(|| status.as_u16().to_string(), crate::channels::one_line),
            unsubscribed: false,
            why: why(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "26785a09-ab16-4eb0-8407-a37497a57506";
    const SECRET: &str = "3d844edf-8d35-48ac-975b-e847b4f122b0";
    const TEMPLATE: &str = "f33517ff-2a88-4f6e-b855-c550268ce08a";

    fn settings() -> NotifySettings {
        NotifySettings {
            api_key: format!("desk-1-{SERVICE}-{SECRET}").into(),
            service_id: Some(SERVICE.to_owned()),
            template_id: TEMPLATE.to_owned(),
            callback_token: "a-long-token".into(),
            api_base: API_BASE.to_owned(),
            time_limit: Duration::from_secs(30),
        }
    }

    fn notify() -> Notify {
        Notify::new(settings(), Clock::System).unwrap()
    }

    #[test]
    fn settings_that_cannot_be_right_are_refused() {
        let notify = notify();
        assert_eq!((notify.service_id.as_str(), notify.secret.reveal()), (SERVICE, SECRET));
        assert!(!format!("{notify:?}").contains(SECRET));
        for wrong in [
            NotifySettings { api_key: SECRET.into(), ..settings() },
            NotifySettings { api_key: format!("{SERVICE}{SECRET}").into(), ..settings() },
            NotifySettings { api_key: format!("é{SECRET}").into(), ..settings() },
            NotifySettings { service_id: Some(SECRET.to_owned()), ..settings() },
            NotifySettings { template_id: "sms".to_owned(), ..settings() },
            NotifySettings { callback_token: "".into(), ..settings() },
            NotifySettings { api_base: "http://example.org".to_owned(), ..settings() },
        ] {
            assert!(Notify::new(wrong.clone(), Clock::System).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_wrong_token_is_refused_and_nothing_else() {
        let ask = |token: Option<&str>, body: &str| {
            let headers = token.map(|token| ("authorization".to_owned(), token.to_owned()));
            let webhook = Webhook {
                method: "POST".to_owned(),
                headers: headers.into_iter().collect(),
                body: body.as_bytes().to_vec(),
                ..Webhook::default()
            };
            notify().authenticate(&webhook).map_err(|refusal| refusal.status)
        };
        let text = r#"{"id": "1", "source_number": "447700900123", "message": "a", "status": "x"}"#;
        assert_eq!(ask(Some("Bearer a-long-token"), text), Ok(Kind::Incoming));
        assert_eq!(ask(Some("bearer  a-long-token"), r#"{"id": "1", "status": "delivered"}"#), Ok(Kind::Status));
        for unreadable in ["", "{", "[]", "no JSON", r#"{"id": "1", "source_number": "44770"#, "null"] {
            assert_eq!(ask(Some("Bearer a-long-token"), unreadable), Ok(Kind::Incoming), "{unreadable}");
            assert!(notify().parse(unreadable.as_bytes()).is_err());
        }
        assert_eq!(ask(None, text), Err(401));
        assert_eq!(ask(Some("Basic a-long-token"), text), Err(401));
        for wrong in ["Bearer a-long-toke", "Bearer a-long-token2", "Bearer A-LONG-TOKEN", "Bearer  "] {
            assert!(matches!(ask(Some(wrong), text), Err(401 | 403)), "{wrong}");
        }
    }

    #[test]
    fn a_text_is_read_from_its_bytes_alone() {
        let body = r#"{"id": "9", "source_number": "447700900123", "destination_number": "07700900456",
            "message": " Tŷ\n👍 ", "date_received": "2026-03-02T10:15:30.000000Z", "new": null}"#;
        let text = notify().parse(body.as_bytes()).unwrap();
        assert_eq!((text.from.as_str(), text.to.as_str()), ("+447700900123", "+447700900456"));
        assert_eq!((text.provider_id.as_str(), text.body.as_str()), ("9", " Tŷ\n👍 "));
        assert_eq!(text.sent_at.unwrap().to_rfc3339(), "2026-03-02T10:15:30+00:00");
        let text = notify().parse(br#"{"id": "9", "source_number": "60006", "message": "", "date_received": "?"}"#);
        let text = text.unwrap();
        assert!(!text.is_answerable() && text.sent_at.is_none());
        let error = notify().parse(br#"{"id": 7700900123, "source_number": "x", "message": ""}"#).unwrap_err();
        assert!(!error.to_string().contains("7700900123"), "{error}");
    }

    #[test]
    fn receipts_are_told_apart() {
        let read = |status: &str| {
            let body = format!(r#"{{"id": "9", "reference": "ours", "to": "07700900123", "status": "{status}"}}"#);
            notify().parse_status(body.as_bytes())
        };
        assert_eq!(read("delivered").unwrap().our_reference.as_deref(), Some("ours"));
        assert_eq!(read("delivered").unwrap().state, DeliveryState::Delivered);
        for (status, permanent) in
            [("permanent-failure", true), ("temporary-failure", false), ("technical-failure", false)]
        {
            let failed = DeliveryState::Failed { permanent, code: status.to_owned() };
            assert_eq!(read(status).unwrap().state, failed);
        }
        assert!(read("flown").is_err());
        assert_eq!(
            notify().parse_status(br#"{"id": "9", "reference": null, "status": "sent"}"#).unwrap().our_reference,
            None
        );
    }
}
