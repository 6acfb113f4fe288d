//! The way to somebody's service over HTTP, and what its failures mean.
//!
//! Nothing is tried a second time here, and no redirect is followed: whoever sends decides. Proxies are taken from the
//! environment (`HTTPS_PROXY`), but never for this machine itself.

use super::{SendError, SettingsError, one_line};
use chrono::DateTime;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use std::error::Error as _;
use std::time::Duration;
use url::{Host, Url};

/// An answer of a provider's interface is a few hundred bytes; what is longer is cut.
const MOST_ANSWER: usize = 64 * 1024;
/// How long a provider may ask us to wait.
const LONGEST_WAIT: u64 = 24 * 60 * 60;

/// A provider's interface.
#[derive(Clone, Debug)]
pub(super) struct Api {
    pub client: Client,
    base: Url,
}

/// What a provider answered.
pub(super) struct Answer {
    pub status: StatusCode,
    pub wait: Option<Duration>,
    /// Empty where it could not be read.
    pub body: Vec<u8>,
}

impl Api {
    /// `limit` is for a whole request; connecting may take half of it, and at most 10 s.
    pub fn new(base: &str, limit: Duration) -> Result<Self, SettingsError> {
        let wrong = |why: &str| SettingsError(format!("api_base {why}"));
        let mut base: Url = base.parse().map_err(|error| wrong(&format!("is no URL: {error}")))?;
        if !is_protected(&base) {
            return Err(wrong("must begin with https:// (http:// is for this machine only)"));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self { client: client(limit, is_this_machine(&base))?, base })
    }

    /// The base itself, which ends in a stroke.
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// The address of something below the base.
    pub fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        url
    }

    /// Whether something lies on the same scheme, host and port.
    pub fn holds(&self, url: &Url) -> bool {
        self.base.origin() == url.origin()
    }
}

/// What asks: no redirect is followed, nothing is tried a second time, and nothing that is received decides where to ask next.
pub(super) fn client(limit: Duration, this_machine: bool) -> Result<Client, SettingsError> {
    let mut builder = Client::builder()
        .user_agent(concat!("beadle/", env!("CARGO_PKG_VERSION")))
        .connect_timeout((limit / 2).min(Duration::from_secs(10)))
        .timeout(limit)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        // A text written to a connection that the server is just closing would be uncertain: each gets its own.
        .pool_max_idle_per_host(0);
    if this_machine {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| SettingsError(format!("no HTTPS here: {}", cause(&error))))
}

/// Sends a request that makes something happen, and reads the answer. What is not an answer is told apart by whether
/// the request can have been read; of the answers, those that mean the same with every provider.
pub(super) async fn post(request: RequestBuilder) -> Result<Answer, SendError> {
    let response = request.send().await.map_err(|error| {
        let why = cause(&error);
        if error.is_connect() || error.is_builder() {
            SendError::TryAgain { why: format!("no connection to the provider: {why}") }
        } else {
            SendError::Uncertain { why }
        }
    })?;
    let status = response.status();
    let wait = wait(response.headers());
    let body = match read(response, MOST_ANSWER).await {
        Ok((body, _)) => body,
        Err(why) if status.is_success() => return Err(SendError::Uncertain { why }),
        // The status says enough.
        Err(_) => Vec::new(),
    };
    match status {
        // A gateway gave up waiting: what stands behind it may not have.
        StatusCode::GATEWAY_TIMEOUT => Err(SendError::Uncertain { why: said(status) }),
        _ => plain_trouble(status).map_or(Ok(Answer { status, wait, body }), Err),
    }
}

/// What a status alone says, with every provider.
pub(super) fn plain_trouble(status: StatusCode) -> Option<SendError> {
    let passes = status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT;
    passes.then(|| SendError::TryAgain { why: said(status) })
}

fn said(status: StatusCode) -> String {
    format!("the provider answers {status}")
}

/// Reads a body of at most so many bytes; says too whether there was more.
pub(super) async fn read(mut response: Response, most: usize) -> Result<(Vec<u8>, bool), String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
        let room = most - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((body, true));
        }
    }
    Ok((body, false))
}

/// `Retry-After` in seconds, or as a time beside the answer's own `Date`; at most a day.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = text.parse().ok().or_else(|| {
        let until = DateTime::parse_from_rfc2822(text).ok()?;
        let now = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
        u64::try_from((until - now).num_seconds()).ok()
    })?;
    Some(Duration::from_secs(seconds.clamp(1, LONGEST_WAIT)))
}

/// What went wrong, without the address it went wrong at.
pub(super) fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut last = error.source();
    while let Some(deeper) = last.and_then(std::error::Error::source) {
        last = Some(deeper);
    }
    last.map_or_else(|| "the request failed".to_owned(), |last| one_line(&last.to_string()))
}

/// What a provider says, fit for a log line: without addresses, and without anything that may be a telephone number.
pub(super) fn without_numbers(text: &str) -> String {
    let line = one_line(text);
    let mut clean = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some(start) = rest.find(|c: char| c == '+' || c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let inside = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '.');
        let run = from[..from.find(|c| !inside(c)).unwrap_or(from.len())].trim_end_matches([' ', '-', '(', ')', '.']);
        let is_number = run.bytes().filter(u8::is_ascii_digit).count() > 5;
        clean.push_str(before);
        clean.push_str(if is_number { "(number)" } else { run });
        rest = &from[run.len()..];
    }
    clean.push_str(rest);
    clean
}

/// HTTPS, or a connection that does not leave this machine.
pub(super) fn is_protected(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(url))
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_a_person_is_left_in_what_a_provider_says() {
        for (said, wanted) in [
            ("The 'To' number +447700900123 is not valid.", "The 'To' number (number) is not valid."),
            ("to 07700 900 123, or (020) 7946-0123!", "to (number), or ((number)!"),
            ("code 21610: 160 units, 2 parts", "code 21610: 160 units, 2 parts"),
            ("ann@example.org 447700900123", "(address) (number)"),
            ("+ 1 is 2", "+ 1 is 2"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(said), wanted);
        }
    }

    #[test]
    fn the_time_to_wait_is_read_in_both_forms() {
        let read = |pairs: &[(reqwest::header::HeaderName, &str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
            wait(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(read(&[(RETRY_AFTER, "30")]), Some(30));
        assert_eq!(read(&[(RETRY_AFTER, "0")]), Some(1));
        assert_eq!(read(&[(RETRY_AFTER, "99999999")]), Some(LONGEST_WAIT));
        let (date, later) = ("Mon, 02 Mar 2026 10:00:00 GMT", "Mon, 02 Mar 2026 10:02:00 GMT");
        assert_eq!(read(&[(DATE, date), (RETRY_AFTER, later)]), Some(120));
        assert_eq!(read(&[(DATE, later), (RETRY_AFTER, date)]), None);
        assert_eq!(read(&[(RETRY_AFTER, later)]), None);
        assert_eq!(read(&[(RETRY_AFTER, "soon")]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn no_interface_is_used_in_the_clear_over_a_network() {
        let limit = Duration::from_secs(1);
        for base in ["http://api.example.org", "ftp://127.0.0.1", "api.example.org", "", "http://127.0.0.1.example.org"]
        {
            assert!(Api::new(base, limit).is_err(), "{base}");
        }
        for base in ["https://api.example.org", "http://127.0.0.1:9", "http://[::1]:9/", "http://localhost/x"] {
            let api = Api::new(base, limit).unwrap();
            assert_eq!(api.at("v2/a").as_str(), format!("{}/v2/a", base.trim_end_matches('/')));
        }
    }
}
