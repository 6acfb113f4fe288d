//! Links to maps. Nothing is fetched here: a link says where by itself, or somebody else has to be asked.
//!
//! Of what a link holds the pin is meant before the middle of the map's view: Google's `!3dLAT!4dLON`, then a query that
//! is a pair of numbers, then `@LAT,LON,ZOOM`.

use super::figures::{self, pair};
use super::{MOST, Mention, Position, What};
use crate::core::maps::MapSite;
use crate::core::{PlaceSource, Pointer};
use regex::Regex;
use std::sync::LazyLock;
use url::{Url, form_urlencoded};

/// How sure a pin is, where a street's camera stood, and the middle of a view by how near it is.
const PIN: f64 = 0.93;
const CAMERA: f64 = 0.85;
const VIEW: f64 = 0.65;
const FAR_VIEW: f64 = 0.35;
/// From this zoom on a view shows a few streets.
const NEAR_ZOOM: f64 = 15.0;
/// A link longer than this is not read.
const MOST_BYTES: usize = 4_000;
/// Of what a link says instead of a point so many characters are told.
const MOST_TOLD: usize = 100;

/// Where a link points.
enum Target {
    /// A pair of numbers, how sure, and what it is if no pin.
    At((f64, f64), f64, Option<&'static str>),
    /// Three words.
    ThreeWords(String),
    /// Nothing, but it leads on to a map.
    Short(Pointer),
    /// Nothing that can be read without a call to somebody's service.
    Mute,
}

/// The links to maps in a text; links to other things are left alone.
pub(super) fn find(text: &str) -> Vec<Mention> {
    static LINK: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let hosts = r"(?:maps\.app\.goo\.gl|goo\.gl|g\.co|maps\.google\.[a-z.]{2,6}|google\.[a-z.]{2,6}/maps|maps\.apple\.com|maps\.apple|openstreetmap\.org|osm\.org|w3w\.co|what3words\.com)/";
        Regex::new(&format!(r#"(?i)(?:https?://|\bwww\.|\bgeo:|\b{hosts})[^\s<>"]+"#)).ok()
    });
    let mut found = Vec::new();
    for hit in LINK.iter().flat_map(|regex| regex.find_iter(text)) {
        let link =
            hit.as_str().trim_end_matches(['.', ',', ')', ']', '}', '!', '?', ';', ':', '\'', '’', '”', '*', '_', '…']);
        let range = hit.start()..hit.start() + link.len();
        let Some(what) = read(link).filter(|_| found.len() < MOST) else { continue };
        found.push(Mention { range, what });
    }
    found
}

/// What a link to a map says; none for a link to something else.
pub(in crate::understanding::place) fn read(link: &str) -> Option<What> {
    let told = || link.chars().take(MOST_TOLD).collect();
    Some(match target(link)? {
        Target::At((lat, lon), confidence, only) => {
            What::At(Position { lat, lon, source: PlaceSource::Link, confidence, said: true, only })
        }
        Target::ThreeWords(words) => What::ThreeWords(words),
        Target::Short(pointer) => What::ShortLink(told(), pointer),
        Target::Mute => What::MuteLink(told()),
    })
}

fn target(link: &str) -> Option<Target> {
    if link.len() > MOST_BYTES {
        return None;
    }
    if let Some(geo) = link.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("geo:")).map(|_| &link[4..]) {
        return of_geo(geo);
    }
    let url = if link.contains("://") { Url::parse(link) } else { Url::parse(&format!("https://{link}")) }.ok()?;
    match MapSite::of(&url)? {
        MapSite::Shortener => Some(Pointer::short_link(&url).map_or(Target::Mute, Target::Short)),
        MapSite::What3words => of_what3words(&url),
        MapSite::Apple => Some(of_queries(&url, &["coordinate", "ll", "q", "daddr", "sll", "address"], VIEW)),
        MapSite::OpenStreetMap => of_openstreetmap(&url),
        MapSite::Bing => Some(of_bing(&url)),
        MapSite::Waze => Some(of_queries(&url, &["ll", "latlng", "q"], VIEW)),
        MapSite::Google => Some(of_google(&url)),
    }
}

/// `LAT,LON`, perhaps with a height, `;u=METRES` or `?q=LAT,LON(name)`, which is the pin.
fn of_geo(rest: &str) -> Option<Target> {
    let (point, query) = rest.split_once('?').unwrap_or((rest, ""));
    let pin = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "q").and_then(|(_, q)| pair(&q));
    let point = pair(point.split(';').next()?);
    match pin.or(point.filter(|p| *p != (0.0, 0.0))) {
        Some(at) => Some(Target::At(at, PIN, None)),
        None => (point.is_some() || !query.is_empty()).then_some(Target::Mute),
    }
}

fn of_what3words(url: &Url) -> Option<Target> {
    let last = url.path_segments()?.rfind(|segment| !segment.is_empty())?;
    let words = decoded(last).trim_start_matches('/').to_lowercase();
    let three = words.split(['.', '。', '・']).filter(|word| !word.is_empty() && word.chars().all(char::is_alphabetic));
    (three.count() == 3).then_some(Target::ThreeWords(words))
}

fn of_google(url: &Url) -> Target {
    let path = decoded(url.path());
    if let Some(at) =
        marked(&path, "!3d", "!4d").or_else(|| marked(&path, "!2d", "!1d").filter(|_| path.contains("/dir/")))
    {
        return Target::At(at, PIN, None);
    }
    for segment in path.split('/').filter(|segment| !segment.starts_with('@')).rev() {
        if let Some(at) = pair(segment).or_else(|| figures::minutes(segment)) {
            return Target::At(at, PIN, None);
        }
    }
    match of_queries(url, &["q", "query", "daddr", "destination", "cbll", "viewpoint", "ll"], VIEW) {
        Target::Mute => {}
        found => return found,
    }
    if let Some(view) = path.split('/').find_map(|segment| segment.strip_prefix('@')) {
        let mut parts = view.split(',');
        let at = parts.next().zip(parts.next()).and_then(|(lat, lon)| number(lat).zip(number(lon)));
        if let Some(at) = at {
            let rest: Vec<&str> = parts.collect();
            // `3a` and a field of vision in degrees: a street as its camera saw it.
            if rest.iter().any(|part| part.ends_with('a')) {
                return Target::At(at, CAMERA, Some("where the camera of a street view stood"));
            }
            let zoom = rest.first().and_then(|z| z.strip_suffix('z')).and_then(number);
            let metres = rest.first().and_then(|m| m.strip_suffix('m')).and_then(number);
            let near = zoom.is_some_and(|z| z >= NEAR_ZOOM) || metres.is_some_and(|m| m <= 2_000.0);
            return view_of(at, near);
        }
    }
    of_queries(url, &["center", "sll"], VIEW)
}

/// The last pair of numbers behind two marks (`!3d54.02!4d2.05`): a route's links have one for each stop.
fn marked(path: &str, lat: &str, lon: &str) -> Option<(f64, f64)> {
    let after = |mark: &str| {
        let rest = &path[path.rfind(mark)? + mark.len()..];
        number(rest.split(['!', '/', '?']).next()?)
    };
    after(lat).zip(after(lon))
}

fn of_openstreetmap(url: &Url) -> Option<Target> {
    let value = |key: &str| url.query_pairs().find(|(k, _)| k == key).and_then(|(_, v)| number(&v));
    if let Some(at) = value("mlat").zip(value("mlon")) {
        return Some(Target::At(at, PIN, None));
    }
    let view = url.fragment().and_then(|fragment| fragment.split('&').find_map(|part| part.strip_prefix("map=")));
    if let Some(view) = view {
        let mut parts = view.split('/').map(number);
        if let (Some(Some(zoom)), Some(Some(lat)), Some(Some(lon))) = (parts.next(), parts.next(), parts.next()) {
            return Some(view_of((lat, lon), zoom >= NEAR_ZOOM));
        }
    }
    if let Some(at) = value("lat").zip(value("lon")) {
        return Some(view_of(at, value("zoom").is_some_and(|zoom| zoom >= NEAR_ZOOM)));
    }
    let path = url.path();
    (path.starts_with("/go/") || path.starts_with("/node/") || path.starts_with("/way/")).then_some(Target::Mute)
}

fn of_bing(url: &Url) -> Target {
    let value = |key: &str| url.query_pairs().find(|(k, _)| k == key).map(|(_, v)| v.replace('~', ","));
    let pin = value("sp").and_then(|sp| {
        let (lat, lon) = sp.strip_prefix("point.")?.split_once('_')?;
        number(lat).zip(number(lon.split('_').next()?))
    });
    match (pin, value("cp").and_then(|cp| pair(&cp))) {
        (Some(at), _) => Target::At(at, PIN, None),
        (None, Some(at)) => view_of(at, value("lvl").and_then(|lvl| number(&lvl)).is_some_and(|z| z >= NEAR_ZOOM)),
        (None, None) => Target::Mute,
    }
}

/// The first of these keys whose value is a pair of numbers; `ll`, `center` and `sll` are the view.
fn of_queries(url: &Url, keys: &[&str], view: f64) -> Target {
    for key in keys {
        let value = url.query_pairs().find(|(k, _)| k == key).map(|(_, value)| value);
        if let Some(at) =
            value.and_then(|value| pair(value.trim_start_matches("loc:")).or_else(|| figures::minutes(&value)))
        {
            let is_view = matches!(*key, "center" | "sll");
            return Target::At(
                at,
                if is_view { view } else { PIN },
                is_view.then_some("the middle of the map, not a pin"),
            );
        }
    }
    Target::Mute
}

fn view_of(at: (f64, f64), near: bool) -> Target {
    let only = if near { "the middle of the map, not a pin" } else { "the middle of a map of a wide area, not a pin" };
    Target::At(at, if near { VIEW } else { FAR_VIEW }, Some(only))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|n: &f64| n.is_finite())
}

/// With `%xx` and `+` undone.
fn decoded(text: &str) -> String {
    let pair = format!("x={}", text.replace('&', "%26").replace('+', "%2B"));
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn at(text: &str) -> Option<(f64, f64, f64)> {
        match find(text).first().map(|m| m.what.clone()) {
            Some(What::At(p)) => Some((p.lat, p.lon, p.confidence)),
            _ => None,
        }
    }

    #[test]
    fn a_pin_is_read_from_every_form_of_link() {
        for link in [
            "https://www.google.com/maps?q=54.0287,2.0530",
            "https://www.google.co.uk/maps?q=54.0287%2C2.0530&z=17",
            "https://maps.google.com/?q=54.0287,2.0530",
            "http://maps.google.co.uk/maps?q=loc:54.0287,2.0530",
            "maps.google.com/maps?q=54.0287,+2.0530+(Lamp)",
            "https://www.google.com/maps/search/?api=1&query=54.0287%2C2.0530",
            "https://www.google.com/maps/search/54.0287,+2.0530?entry=tts",
            "https://www.google.com/maps/place/54.0287,2.0530/@54.1,2.2,15z",
            "https://www.google.com/maps/place/54%C2%B001'43.3%22N+2%C2%B003'10.8%22E/@54.1,2.2,17z",
            "https://www.google.com/maps/place/Lock+Lane/@54.1,2.2,17z/data=!3m1!4b1!4m6!3m5!1s0x0:0x0!8m2!3d54.0287!4d2.0530!16s",
            "https://www.google.com/maps/dir/?api=1&destination=54.0287,2.0530",
            "https://maps.google.com/maps?daddr=54.0287,2.0530&ll=54.1,2.2",
            "https://maps.google.com/?ll=54.0287,2.0530&z=16",
            "https://www.google.com/maps/dir/A/B/@54.1,2.2,15z/data=!4m9!4m8!1m5!1m1!1s0x0!2m2!1d2.2!2d54.1!1m5!1m1!1s0x0!2m2!1d2.0530!2d54.0287",
            "geo:54.0287,2.0530",
            "geo:54.0287,2.0530,12;u=35",
            "geo:0,0?q=54.0287,2.0530(Broken%20lamp)",
            "https://www.openstreetmap.org/?mlat=54.0287&mlon=2.0530#map=12/54.1/2.2",
            "https://osm.org/?mlat=54.0287&mlon=2.0530",
            "https://maps.apple.com/?ll=54.0287,2.0530&q=Marked%20Location",
            "http://maps.apple.com/?daddr=54.0287,2.0530",
            "https://maps.apple.com/place?coordinate=54.0287,2.0530&name=Marked",
            "https://www.bing.com/maps?sp=point.54.0287_2.0530_Lamp",
            "https://waze.com/ul?ll=54.0287%2C2.0530&navigate=yes",
        ] {
            let (lat, lon, confidence) = at(&format!("see {link}.")).unwrap_or_else(|| panic!("{link}"));
            assert!((lat - 54.0287).abs() < 1e-5 && (lon - 2.0530).abs() < 1e-5, "{link}: {lat} {lon}");
            assert_eq!(confidence, PIN, "{link}");
        }
    }

    #[test]
    fn the_middle_of_a_view_is_less_than_a_pin_and_of_a_wide_one_much_less() {
        for (link, confidence) in [
            ("https://www.google.com/maps/@54.0287,2.0530,17z", VIEW),
            ("https://www.google.com/maps/@54.0287,2.0530,10z", FAR_VIEW),
            ("https://www.google.com/maps/@54.0287,2.0530,350m/data=!3m1!1e3", VIEW),
            ("https://www.google.com/maps/place/Lock+Lane/@54.0287,2.0530,17z", VIEW),
            ("https://www.google.com/maps/@54.0287,2.0530,3a,75y,90h,90t/data=!3m6", CAMERA),
            ("https://www.google.com/maps/@?api=1&map_action=map&center=54.0287%2C2.0530", VIEW),
            ("https://www.openstreetmap.org/#map=18/54.0287/2.0530", VIEW),
            ("https://www.openstreetmap.org/#map=9/54.0287/2.0530", FAR_VIEW),
            ("https://www.bing.com/maps?cp=54.0287~2.0530&lvl=17.0", VIEW),
        ] {
            assert_eq!(at(link), Some((54.0287, 2.0530, confidence)), "{link}");
        }
    }

    #[test]
    fn a_short_link_is_told_as_it_stands_with_the_address_it_may_be_asked_at() {
        for (link, asked) in [
            ("https://maps.app.goo.gl/AbCdEf123", "https://maps.app.goo.gl/AbCdEf123"),
            ("maps.app.goo.gl/AbCdEf123?g_st=ic", "https://maps.app.goo.gl/AbCdEf123"),
            ("http://goo.gl/maps/AbCdEf123", "https://goo.gl/maps/AbCdEf123"),
            ("g.co/maps/abc12", "https://g.co/maps/abc12"),
            ("https://maps.apple/p/AbCdEf", "https://maps.apple/p/AbCdEf"),
        ] {
            let found = find(&format!("it is here: {link}, thanks"));
            let wanted = What::ShortLink(link.to_owned(), Pointer::ShortLink(asked.to_owned()));
            assert_eq!(found.first().map(|m| m.what.clone()), Some(wanted), "{link}");
        }
    }

    #[test]
    fn a_link_that_does_not_say_where_is_told_as_it_stands() {
        for link in [
            "https://www.google.com/maps/place/Lock+Lane",
            "https://maps.google.com/?cid=123456",
            "https://osm.org/go/0EEQjE--",
            "https://maps.app.goo.gl/?link=https://example.org/",
        ] {
            let found = find(&format!("it is here: {link}, thanks"));
            assert_eq!(found.first().map(|m| m.what.clone()), Some(What::MuteLink(link.to_owned())), "{link}");
        }
    }

    #[test]
    fn links_to_other_things_are_left_alone_and_broken_ones_do_no_harm() {
        for link in [
            "https://council.example/maps?q=54.0287,2.0530",
            "https://www.google.com/search?q=54.0287,2.0530",
            "https://goo.gl/AbCdEf",
            "g.co/AbCdEf",
            "https://notgoogle.com/maps?q=54.0287,2.0530",
            "https://what3words.com/about",
            "geo:",
            "geo:here",
            "https://",
            "https://[::1",
            "www.",
        ] {
            assert!(find(link).is_empty(), "{link}: {:?}", find(link));
        }
        for link in
            ["https://maps.google.com/?q=NaN,inf", "https://www.google.com/maps/@,,z", "https://maps.google.com/%ff%fe"]
        {
            assert_eq!(at(link), None, "{link}");
        }
    }
}
