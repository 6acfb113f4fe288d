//! One request to the Bot API and its answer.
//!
//! teloxide's own request is not used: it hides the status, waits ten seconds when the server is in trouble, and
//! replaces what it cannot read.

use super::TelegramError;
use crate::channels::{Secret, one_line};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::error::Error as _;
use std::fmt::Write as _;
use std::time::Duration;
use url::Url;

const CONNECT: Duration = Duration::from_secs(10);
/// Shorter than the time after which the servers hang up, so that few requests meet a connection that just ends.
const IDLE: Duration = Duration::from_secs(50);
/// More than a hundred updates ever have.
const MOST_ANSWER: u64 = 32 * 1024 * 1024;

/// How a request came to grief.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No connection: nothing was asked.
    Unreached(String),
    /// No whole answer, after it was asked.
    Lost(String),
    /// Telegram says no.
    No {
        /// `error_code`, which is the HTTP status too.
        code: u16,
        /// `description`, in one line.
        said: String,
        /// How long to wait before the next request.
        retry_after: Option<Duration>,
    },
    /// Somebody else's answer, such as a proxy's page.
    Strange {
        /// The HTTP status.
        code: u16,
        /// What was wrong with it.
        why: String,
    },
}

impl Trouble {
    /// Whether it is about the token: 401 for a wrong one, 404 for one that cannot be one.
    pub(super) const fn is_token(&self) -> bool {
        matches!(self, Self::No { code: 401 | 404, .. })
    }

    pub(super) const fn code(&self) -> u16 {
        match self {
            Self::No { code, .. } | Self::Strange { code, .. } => *code,
            Self::Unreached(_) | Self::Lost(_) => 0,
        }
    }
}

/// Every answer of the API: <https://core.telegram.org/bots/api#making-requests>.
#[derive(Deserialize)]
struct Answer<'a> {
    ok: bool,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

/// The API of one bot.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    base: Url,
    token: Secret,
}

impl Api {
    pub(super) fn new(base: Url, token: Secret, loopback: bool) -> Result<Self, TelegramError> {
        // The token is a part of the address: nobody is to be sent on elsewhere with it.
        let client = Client::builder().connect_timeout(CONNECT).pool_idle_timeout(IDLE).redirect(Policy::none());
        let client = if loopback { client.no_proxy() } else { client };
        let client = client.build().map_err(|error| TelegramError::Settings { why: words(error) })?;
        Ok(Self { client, base, token })
    }

    /// Asks for `method` with `body` and gives the `result` of the answer as it came, JSON; `null` where there is none.
    pub(super) async fn call(&self, method: &str, body: &impl Serialize, limit: Duration) -> Result<String, Trouble> {
        let body = serde_json::to_vec(body).map_err(|error| Trouble::Unreached(error.to_string()))?;
        let url = self.url(&[&self.bot(), method]);
        let request = self.client.post(url).header(CONTENT_TYPE, "application/json").body(body).timeout(limit);
        let response = request.send().await.map_err(lost)?;
        let code = response.status().as_u16();
        let strange = |why: &str| Trouble::Strange { code, why: why.to_owned() };
        let bytes = read(response, MOST_ANSWER).await?.ok_or_else(|| strange("the answer is too long"))?;
        let answer: Answer<'_> = serde_json::from_slice(&bytes).map_err(|_| strange("this is no JSON of the API"))?;
        if answer.ok {
            return Ok(answer.result.map_or("null", RawValue::get).to_owned());
        }
        Err(Trouble::No {
            code: answer.error_code.unwrap_or(code),
            said: one_line(&answer.description.unwrap_or_default()),
            retry_after: answer.parameters.and_then(|p| p.retry_after).map(Duration::from_secs),
        })
    }

    /// Fetches a file by its path at Telegram's; `None` where it has more than `most` bytes.
    pub(super) async fn download(&self, path: &str, most: u64, limit: Duration) -> Result<Option<Vec<u8>>, Trouble> {
        let bot = self.bot();
        let steps = path.split('/').filter(|step| !step.is_empty());
        let url = self.url(&["file", &bot].into_iter().chain(steps).collect::<Vec<_>>());
        let response = self.client.get(url).timeout(limit).send().await.map_err(lost)?;
        let code = response.status().as_u16();
        if code != 200 {
            return Err(Trouble::Strange { code, why: "the file cannot be had".to_owned() });
        }
        read(response, most).await
    }

    fn bot(&self) -> String {
        format!("bot{}", self.token.reveal())
    }

    fn url(&self, steps: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(steps);
        }
        url
    }
}

async fn read(mut response: Response, most: u64) -> Result<Option<Vec<u8>>, Trouble> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > most {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

fn lost(error: reqwest::Error) -> Trouble {
    if error.is_connect() || error.is_builder() {
        Trouble::Unreached(words(error))
    } else {
        Trouble::Lost(words(error))
    }
}

/// What was wrong, from the outermost reason to the innermost, without the address, which holds the token.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let _ = write!(said, ": {inner}");
        source = inner.source();
    }
    one_line(&said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_path_of_the_api_and_of_its_files_is_kept() {
        for base in ["https://bots.example.org/tele/gram", "https://bots.example.org/tele/gram/"] {
            let api = Api::new(Url::parse(base).unwrap(), "12:A-b_c".into(), false).unwrap();
            let url = api.url(&[&api.bot(), "getMe"]);
            assert_eq!(url.as_str(), "https://bots.example.org/tele/gram/bot12:A-b_c/getMe");
            let url = api.url(&["file", &api.bot(), "photos", "file 1.jpg"]);
            assert_eq!(url.as_str(), "https://bots.example.org/tele/gram/file/bot12:A-b_c/photos/file%201.jpg");
        }
    }
}
