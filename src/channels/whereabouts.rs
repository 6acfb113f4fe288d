//! Asking others where something is: what3words for the point of an address, and the hosts of short links for the map that one
//! leads to.
//!
//! Both are asked only where the council says so, since each tells somebody that the council's machine looked. What is told is the
//! three words, or the path of the link, and nothing of the message. A short link is asked at a host of [`core::maps`] alone, over
//! HTTPS; of the answer only the `Location` is read. The map it leads to is not opened, and neither is anything else it names.
//!
//! No error holds the words, the link or the key.
//!
//! [`core::maps`]: crate::core::maps

use super::http::{self, Api};
use super::{Secret, SettingsError};
use crate::core::maps::{self, MapSite};
use crate::core::{Point, Pointer, PointsTo};
use reqwest::header::LOCATION;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// Where what3words turns an address into a point.
pub const WHAT3WORDS: &str = "https://api.what3words.com/v3/convert-to-coordinates";
/// How long one address may take, usually.
pub const TIME_LIMIT: Duration = Duration::from_secs(2);
/// So often a short link may lead to another one.
const MOST_HOPS: usize = 3;
/// A link longer than this is that of no map.
const MOST_LINK: usize = 4_000;
/// The answer about an address is a few hundred bytes.
const MOST_ANSWER: usize = 16 * 1024;
/// The company's own example: it says whether the key is good.
const EXAMPLE: &str = "filled.count.soap";

/// Who may be asked.
#[derive(Clone, Debug)]
pub struct WhereaboutsSettings {
    /// [`WHAT3WORDS`] (or a council's own server of theirs) and the key; none where it is not asked.
    pub what3words: Option<(String, Secret)>,
    /// Whether short links are followed.
    pub short_links: bool,
    /// For tests: short links are asked at `GATEWAY/HOST/PATH` instead of at their hosts.
    pub gateway: Option<String>,
    /// How long one address may take: [`TIME_LIMIT`].
    pub time_limit: Duration,
}

/// Who is asked.
#[derive(Debug)]
pub struct Whereabouts {
    what3words: Option<(Api, Secret)>,
    links: Option<Links>,
    time_limit: Duration,
}

/// What asks the hosts of short links.
#[derive(Debug)]
enum Links {
    AtTheirHosts(Client),
    Through(Api),
}

/// Why nobody knows this time: one line for the log, with the remedy where there is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(String);

#[derive(Deserialize)]
struct Square {
    coordinates: Coordinates,
}

#[derive(Deserialize)]
struct Coordinates {
    lat: f64,
    lng: f64,
}

#[derive(Deserialize)]
struct Refused {
    error: Error,
}

#[derive(Deserialize)]
struct Error {
    code: String,
}

impl Whereabouts {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// When an address cannot be right, or would be asked in the clear.
    pub fn new(settings: WhereaboutsSettings) -> Result<Self, SettingsError> {
        let limit = settings.time_limit;
        let what3words = match settings.what3words {
            Some((_, key)) if key.reveal().trim().is_empty() => {
                return Err(SettingsError("the key of what3words is empty".to_owned()));
            }
            Some((base, key)) => Some((Api::new(&base, limit)?, key)),
            None => None,
        };
        let links = match settings.gateway.filter(|_| settings.short_links) {
            Some(gateway) => Some(Links::Through(Api::new(&gateway, limit)?)),
            None if settings.short_links => Some(Links::AtTheirHosts(http::client(limit, false)?)),
            None => None,
        };
        Ok(Self { what3words, links, time_limit: limit })
    }

    /// Whether anybody is asked about something like this.
    #[must_use]
    pub const fn asks_for(&self, pointer: &Pointer) -> bool {
        match pointer {
            Pointer::ThreeWords(_) => self.what3words.is_some(),
            Pointer::ShortLink(_) => self.links.is_some(),
        }
    }

    /// Asks where something points. It takes no longer than the time limit.
    ///
    /// # Errors
    /// When there is no answer this time; what is sure to be answered the same tomorrow is none.
    pub async fn look_up(&self, pointer: &Pointer) -> Result<PointsTo, Unanswered> {
        let asked = async {
            match pointer {
                Pointer::ThreeWords(address) => self.three_words(address).await,
                Pointer::ShortLink(link) => self.follow(link).await,
            }
        };
        tokio::time::timeout(self.time_limit, asked)
            .await
            .unwrap_or_else(|_| Err(unanswered(pointer, "no answer in time")))
    }

    /// Asks what3words for an address that everybody knows.
    ///
    /// # Errors
    /// Why there is no answer, or what is odd about it.
    pub async fn check(&self) -> Result<(), Unanswered> {
        let Some(example) = Pointer::three_words(EXAMPLE).filter(|example| self.asks_for(example)) else {
            return Ok(());
        };
        match self.look_up(&example).await? {
            PointsTo::Spot(_) => Ok(()),
            _ => Err(unanswered(&example, "it does not know its own example: check what3words_url")),
        }
    }

    async fn three_words(&self, address: &str) -> Result<PointsTo, Unanswered> {
        let no = |why: &str| Unanswered(format!("what3words: {why}"));
        let (api, key) = self.what3words.as_ref().ok_or_else(|| no("it is not asked"))?;
        let mut url = api.base().clone();
        // The base of an interface ends in a stroke; this one is the address itself.
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        url.query_pairs_mut().append_pair("words", address).append_pair("key", key.reveal());
        let response = api.client.get(url).send().await.map_err(|error| no(&http::cause(&error)))?;
        let status = response.status();
        let (body, _) = http::read(response, MOST_ANSWER).await.map_err(|why| no(&why))?;
        if status.is_success() {
            let square: Option<Square> = serde_json::from_slice(&body).ok();
            let point = square.and_then(|square| Point::new(square.coordinates.lat, square.coordinates.lng));
            return point.map(PointsTo::Spot).ok_or_else(|| no("its answer holds no point"));
        }
        let code = serde_json::from_slice(&body).map_or_else(|_| String::new(), |refused: Refused| refused.error.code);
        match (status, code.as_str()) {
            (_, "BadWords") => Ok(PointsTo::Nothing),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _)
            | (_, "InvalidKey" | "MissingKey" | "SuspendedKey") => {
                Err(no("it refuses the key: check [places] what3words_key_file and the account"))
            }
            (StatusCode::PAYMENT_REQUIRED, _) | (_, "QuotaExceeded") => {
                Err(no("the account's plan does not allow more: see the account"))
            }
            _ => Err(no(&format!("it answers {}", status.as_u16()))),
        }
    }

    async fn follow(&self, link: &str) -> Result<PointsTo, Unanswered> {
        let no = |why: &str| Unanswered(format!("short link: {why}"));
        let links = self.links.as_ref().ok_or_else(|| no("they are not followed"))?;
        let mut next = Url::parse(link).ok();
        for _ in 0..MOST_HOPS {
            // Whatever led here: nothing but a short link of a known host is asked.
            let Some(url) = next.as_ref().and_then(maps::short_link) else { return Ok(PointsTo::Elsewhere) };
            let response = links.ask(&url).send().await.map_err(|error| no(&http::cause(&error)))?;
            let status = response.status();
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            // The body stays where it is: the connection ends here.
            let Some(location) = location.filter(|_| status.is_redirection()) else {
                return match status {
                    StatusCode::NOT_FOUND | StatusCode::GONE => Ok(PointsTo::Nothing),
                    _ => Err(no(&format!("its host answers {} and does not lead on", status.as_u16()))),
                };
            };
            let target = url.join(location).ok().filter(|target| target.as_str().len() <= MOST_LINK);
            match target.as_ref().and_then(MapSite::of) {
                Some(MapSite::Shortener) => next = target,
                Some(_) => return Ok(target.map_or(PointsTo::Elsewhere, |map| PointsTo::Map(map.into()))),
                None => return Ok(PointsTo::Elsewhere),
            }
        }
        Ok(PointsTo::Elsewhere)
    }
}

impl Links {
    fn ask(&self, link: &Url) -> reqwest::RequestBuilder {
        match self {
            Self::AtTheirHosts(client) => client.get(link.clone()),
            Self::Through(api) => {
                api.client.get(api.at(&format!("{}{}", link.host_str().unwrap_or_default(), link.path())))
            }
        }
    }
}

fn unanswered(pointer: &Pointer, why: &str) -> Unanswered {
    let who = match pointer {
        Pointer::ThreeWords(_) => "what3words",
        Pointer::ShortLink(_) => "short link",
    };
    Unanswered(format!("{who}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> WhereaboutsSettings {
        WhereaboutsSettings {
            what3words: Some((WHAT3WORDS.to_owned(), "key".into())),
            short_links: true,
            gateway: None,
            time_limit: TIME_LIMIT,
        }
    }

    #[test]
    fn nobody_is_asked_in_the_clear_or_without_a_key() {
        assert!(Whereabouts::new(settings()).is_ok());
        for (url, key) in [("http://api.what3words.com/v3", "key"), ("api.what3words.com", "key"), (WHAT3WORDS, " ")] {
            let what3words = Some((url.to_owned(), key.into()));
            assert!(Whereabouts::new(WhereaboutsSettings { what3words, ..settings() }).is_err(), "{url} {key}");
        }
        let gateway = Some("http://gateway.example".to_owned());
        assert!(Whereabouts::new(WhereaboutsSettings { gateway, ..settings() }).is_err());
    }

    #[test]
    fn each_is_asked_only_where_it_is_switched_on() {
        let words = Pointer::three_words(EXAMPLE).unwrap();
        let link = Pointer::short_link(&"https://maps.app.goo.gl/AbC".parse().unwrap()).unwrap();
        let asks = |settings| {
            let wire = Whereabouts::new(settings).unwrap();
            (wire.asks_for(&words), wire.asks_for(&link))
        };
        assert_eq!(asks(settings()), (true, true));
        assert_eq!(asks(WhereaboutsSettings { what3words: None, ..settings() }), (false, true));
        assert_eq!(asks(WhereaboutsSettings { short_links: false, ..settings() }), (true, false));
    }

    #[tokio::test]
    async fn a_link_of_another_host_is_refused_before_anybody_is_asked() {
        // The gateway is no server: asking it would be an error.
        let gateway = Some("http://127.0.0.1:1".to_owned());
        let wire = Whereabouts::new(WhereaboutsSettings { gateway, ..settings() }).unwrap();
        for link in ["http://169.254.169.254/maps/x", "https://localhost/maps/x", "https://example.org/", "nonsense"] {
            let pointer = Pointer::ShortLink(link.to_owned());
            assert_eq!(wire.look_up(&pointer).await, Ok(PointsTo::Elsewhere), "{link}");
        }
    }
}
