//! Twilio: SMS, MMS and WhatsApp.
//!
//! Set the number's (or the messaging service's) webhook to `public_url` with HTTP POST; news of sent texts come to the
//! same address. Twilio waits 15 s in all. By itself it tries once more, and only where no connection was made; then it turns to
//! the fallback, and after that the text is lost. So give it the address with `#rc=5&rp=all` behind it (five more tries within
//! those 15 s, whatever went wrong), once as the webhook and once as the fallback. What stands behind `#` stays with Twilio: it
//! is neither sent nor part of `public_url`.
//!
//! On SMS Twilio keeps a list of who wrote STOP and refuses to send to them ([`SendError::Refused`] with
//! `unsubscribed`, code 21610); the STOP comes to us all the same. On WhatsApp free words may be sent only within 24
//! hours after the resident's last message; later Twilio refuses (63016). A text may have 1,600 characters.
//!
//! Signatures under a shared key (HMAC-SHA256, `X-Twilio-Webhooks-Signature-Settings`) are not known here.

mod form;
mod signature;

use super::{
    Delivery, Kind, MediaRef, ParseError, Refusal, Sent, SettingsError, TextIn, TextProvider, WHATSAPP, Webhook, phone,
};
use crate::channels::http::{self, Answer, Api};
use crate::channels::{Secret, SendError};
use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use serde::Deserialize;
use signature::PublicUrl;
use std::time::Duration;
use url::Url;

const NAME: &str = "twilio";
/// Twilio's interface.
pub const API_BASE: &str = "https://api.twilio.com";
/// Where Twilio keeps files; its interface answers with a redirect to one of these.
pub const MEDIA_HOSTS: &[&str] = &["mms.twiliocdn.com", "media.twiliocdn.com"];
/// A file is redirected once; a few more do no harm.
const MOST_HOPS: usize = 4;
/// The recipient wrote STOP.
const UNSUBSCRIBED: u64 = 21610;
/// Wrong token, account closed or suspended, account unknown.
const OUR_FAULT: &[u64] = &[20003, 20005, 20008, 20404];
/// More than ten hours of texts wait in the queue of the number; rate limits of a channel.
const QUEUE_FULL: &[u64] = &[14107, 20429, 21611, 63018];

/// How Twilio is reached and reaches us.
#[derive(Clone, Debug)]
pub struct TwilioSettings {
    /// `AC…`.
    pub account_sid: String,
    /// The account's primary token: it signs in, and proves what comes from Twilio.
    pub auth_token: Secret,
    /// The number that texts come from, or a messaging service's `MG…`.
    pub from: String,
    /// The number that WhatsApp messages come from, with or without `whatsapp:`; none where there is no WhatsApp.
    pub whatsapp_from: Option<String>,
    /// The address that Twilio was given, letter for letter. It is never guessed from a request.
    pub public_url: String,
    /// [`API_BASE`], but for tests and other regions.
    pub api_base: String,
    /// Hosts (`host` or `host:port`) that files may be redirected to: [`MEDIA_HOSTS`].
    pub media_hosts: Vec<String>,
    /// How long one request may take: 30 s is usual.
    pub time_limit: Duration,
}

/// Twilio, ready to send.
#[derive(Debug)]
pub struct Twilio {
    settings: TwilioSettings,
    url: PublicUrl,
    api: Api,
}

/// What Twilio's interface answers, for good or ill.
#[derive(Default, Deserialize)]
struct Said {
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    code: Option<u64>,
    #[serde(default)]
    message: Option<String>,
}

impl Twilio {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// When a setting is missing or cannot be right.
    pub fn new(settings: TwilioSettings) -> Result<Self, SettingsError> {
        for (name, value) in [
            ("account_sid", settings.account_sid.as_str()),
            ("auth_token", settings.auth_token.reveal()),
            ("from", &settings.from),
        ] {
            if value.trim().is_empty() {
                return Err(SettingsError(format!("{name} is missing")));
            }
        }
        // It becomes a part of a path.
        if !settings.account_sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(SettingsError("account_sid must be AC and 32 letters and digits".to_owned()));
        }
        let url = PublicUrl::new(&settings.public_url)?;
        let api = Api::new(&settings.api_base, settings.time_limit)?;
        Ok(Self { settings, url, api })
    }

    fn sender(&self, to: &str) -> Result<(&'static str, String), SendError> {
        if to.starts_with(WHATSAPP) {
            let from = self.settings.whatsapp_from.as_ref();
            let from = from.ok_or_else(|| SendError::refused("no_whatsapp", "whatsapp_from is not set"))?;
            let from = from.strip_prefix(WHATSAPP).unwrap_or(from);
            return Ok(("From", format!("{WHATSAPP}{}", phone::normalise(from))));
        }
        let from = self.settings.from.as_str();
        let is_service = from.len() == 34 && from.starts_with("MG");
        Ok(if is_service { ("MessagingServiceSid", from.to_owned()) } else { ("From", phone::normalise(from)) })
    }

    /// Whether a file may be fetched there, and with our token or without.
    fn permit(&self, url: &Url) -> Option<bool> {
        if self.api.holds(url) && url.username().is_empty() {
            return Some(true);
        }
        let host = url.host_str()?;
        let with_port = url.port().map(|port| format!("{host}:{port}"));
        let is_media_host = |known: &String| {
            known.eq_ignore_ascii_case(host) && url.port().is_none() || with_port.as_deref() == Some(known.as_str())
        };
        (http::is_protected(url) && self.settings.media_hosts.iter().any(is_media_host)).then_some(false)
    }
}

#[async_trait]
impl TextProvider for Twilio {
    fn name(&self) -> &'static str {
        NAME
    }

    /// 403 for a signature that is wrong or missing, 400 for a body that is cut off or damaged, 405 for what is no POST.
    fn authenticate(&self, webhook: &Webhook) -> Result<Kind, Refusal> {
        if webhook.method != "POST" {
            return Err(Refusal { status: 405, why: "set the webhook at Twilio to HTTP POST" });
        }
        let fields = signature::check(&self.url, &self.settings.auth_token, webhook)?;
        Ok(if form::is_status(&fields) { Kind::Status } else { Kind::Incoming })
    }

    fn parse(&self, body: &[u8]) -> Result<TextIn, ParseError> {
        form::text(body)
    }

    fn parse_status(&self, body: &[u8]) -> Result<Delivery, ParseError> {
        form::delivery(body)
    }

    /// TwiML that says nothing, so that Twilio answers nothing in our name.
    fn answer(&self) -> (&'static str, &'static str) {
        ("text/xml; charset=utf-8", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>")
    }

    /// Twilio keeps no reference of ours.
    async fn send(&self, to: &str, body: &str, _our_reference: &str) -> Result<Sent, SendError> {
        if !phone::is_answerable(to.strip_prefix(WHATSAPP).unwrap_or(to)) {
            return Err(SendError::refused("not_answerable", "the recipient is no telephone number"));
        }
        let (by, from) = self.sender(to)?;
        let news = self.url.as_configured();
        let fields = [("To", to), (by, from.as_str()), ("Body", body), ("StatusCallback", news.as_str())];
        let account = &self.settings.account_sid;
        let url = self.api.at(&format!("2010-04-01/Accounts/{account}/Messages.json"));
        let request = self.api.client.post(url).basic_auth(account, Some(self.settings.auth_token.reveal()));
        verdict(&http::post(request.form(&fields)).await?)
    }

    async fn media(&self, media: &MediaRef, most_bytes: usize) -> Result<(Vec<u8>, String), SendError> {
        let elsewhere = || SendError::refused("elsewhere", "the file does not lie with the provider; see media_hosts");
        let mut url: Url = media.url.parse().map_err(|_| elsewhere())?;
        for _ in 0..MOST_HOPS {
            let mut request = self.api.client.get(url.clone());
            if self.permit(&url).ok_or_else(elsewhere)? {
                let Self { settings: TwilioSettings { account_sid, auth_token, .. }, .. } = self;
                request = request.basic_auth(account_sid, Some(auth_token.reveal()));
            }
            let lost = |why: String| SendError::TryAgain { why: format!("the file was not fetched: {why}") };
            let response = request.send().await.map_err(|error| lost(http::cause(&error)))?;
            let status = response.status();
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            if status.is_redirection() {
                let next = header(LOCATION).and_then(|location| url.join(location).ok());
                url = next.ok_or_else(elsewhere)?;
                continue;
            }
            if let Some(trouble) = media_trouble(status, http::wait(response.headers())) {
                return Err(trouble);
            }
            let content_type = header(CONTENT_TYPE).unwrap_or(&media.content_type).to_owned();
            let too_large = || SendError::refused("too_large", format!("the file has more than {most_bytes} bytes"));
            if response.content_length().is_some_and(|length| usize::try_from(length).is_ok_and(|l| l > most_bytes)) {
                return Err(too_large());
            }
            let (bytes, more) = http::read(response, most_bytes).await.map_err(lost)?;
            return if more { Err(too_large()) } else { Ok((bytes, content_type)) };
        }
        Err(SendError::refused("redirects", "the file is redirected for ever"))
    }
}

fn media_trouble(status: StatusCode, wait: Option<Duration>) -> Option<SendError> {
    Some(match status {
        StatusCode::OK => return None,
        StatusCode::TOO_MANY_REQUESTS => SendError::Busy { retry_after: wait.unwrap_or(Duration::from_secs(30)) },
        StatusCode::UNAUTHORIZED => SendError::TryAgain { why: sign_in_refused(None) },
        _ => http::plain_trouble(status)
            .unwrap_or_else(|| SendError::refused(status.as_str(), "the provider does not give the file out")),
    })
}

fn sign_in_refused(code: Option<u64>) -> String {
    let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    format!("Twilio refuses the sign-in{code}: check account_sid, auth_token and the state of the account")
}

fn verdict(answer: &Answer) -> Result<Sent, SendError> {
    let said: Said = serde_json::from_slice(&answer.body).unwrap_or_default();
    let wait = |usual| answer.wait.unwrap_or(Duration::from_secs(usual));
    if answer.status.is_success() {
        let sid = said.sid.filter(|sid| !sid.is_empty());
        return sid
            .map(|provider_id| Sent { provider_id })
            .ok_or_else(|| SendError::Uncertain { why: "Twilio took it, but its answer cannot be read".to_owned() });
    }
    let is = |codes: &[u64]| said.code.is_some_and(|code| codes.contains(&code));
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        return Err(SendError::Busy { retry_after: wait(10) });
    }
    if is(QUEUE_FULL) {
        return Err(SendError::Busy { retry_after: wait(600) });
    }
    if answer.status == StatusCode::UNAUTHORIZED || answer.status == StatusCode::NOT_FOUND || is(OUR_FAULT) {
        return Err(SendError::TryAgain { why: sign_in_refused(said.code) });
    }
    Err(SendError::Refused {
        code: said.code.map_or_else(|| answer.status.as_u16().to_string(), |code| code.to_string()),
        unsubscribed: said.code == Some(UNSUBSCRIBED),
        why: http::without_numbers(said.message.as_deref().unwrap_or("no reason given")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> TwilioSettings {
        TwilioSettings {
            account_sid: "AC1".to_owned(),
            auth_token: "token".into(),
            from: "+442079460123".to_owned(),
            whatsapp_from: None,
            public_url: "https://council.test/texts/twilio".to_owned(),
            api_base: API_BASE.to_owned(),
            media_hosts: MEDIA_HOSTS.iter().map(|host| (*host).to_owned()).collect(),
            time_limit: Duration::from_secs(30),
        }
    }

    #[test]
    fn settings_that_cannot_be_right_are_refused() {
        assert!(Twilio::new(settings()).is_ok());
        for wrong in [
            TwilioSettings { auth_token: "".into(), ..settings() },
            TwilioSettings { account_sid: "AC1/../AC2".to_owned(), ..settings() },
            TwilioSettings { from: " ".to_owned(), ..settings() },
            TwilioSettings { public_url: "council.test".to_owned(), ..settings() },
            TwilioSettings { api_base: "http://api.twilio.com".to_owned(), ..settings() },
        ] {
            assert!(Twilio::new(wrong.clone()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn files_are_fetched_from_twilio_alone_and_the_token_goes_to_its_interface_alone() {
        let twilio = Twilio::new(settings()).unwrap();
        let permit = |url: &str| twilio.permit(&url.parse().unwrap());
        assert_eq!(permit("https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"), Some(true));
        assert_eq!(permit("https://mms.twiliocdn.com/AC1/x?Signature=y"), Some(false));
        for url in [
            "http://api.twilio.com/2010-04-01/",
            "https://api.twilio.com:8443/",
            "https://api.twilio.com.example.org/",
            "https://api.twilio.com@example.org/",
            "https://example.org@api.twilio.com/",
            "http://mms.twiliocdn.com/",
            "https://mms.twiliocdn.com:8443/",
            "https://169.254.169.254/",
            "http://127.0.0.1/",
            "file:///etc/passwd",
        ] {
            assert_eq!(permit(url), None, "{url}");
        }
    }

    #[test]
    fn a_messaging_service_is_named_as_such() {
        let service = format!("MG{}", "0".repeat(32));
        let twilio = Twilio::new(TwilioSettings { from: service.clone(), ..settings() }).unwrap();
        assert_eq!(twilio.sender("+447700900123"), Ok(("MessagingServiceSid", service)));
        assert!(twilio.sender("whatsapp:+447700900123").is_err());
        for from in ["020 7946 0123", "whatsapp:+442079460123"] {
            let whatsapp = TwilioSettings { whatsapp_from: Some(from.to_owned()), ..settings() };
            let sender = Twilio::new(whatsapp).unwrap().sender("whatsapp:+447700900123");
            assert_eq!(sender, Ok(("From", "whatsapp:+442079460123".to_owned())));
        }
    }
}
