//! Links to maps, told by their hosts. One list for who reads them and for who asks them.

use url::{Host, Url};

/// A path longer than this is none of a short link.
const MOST_PATH: usize = 200;

/// Whose map a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapSite {
    /// A host that only leads on to a map: the link itself says nothing.
    Shortener,
    /// what3words.
    What3words,
    /// Apple.
    Apple,
    /// `OpenStreetMap`.
    OpenStreetMap,
    /// Bing.
    Bing,
    /// Waze.
    Waze,
    /// Google.
    Google,
}

impl MapSite {
    /// None for what is no link to a map that we know.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = url.host_str()?;
        let host = host.strip_prefix("www.").or_else(|| host.strip_prefix("m.")).unwrap_or(host);
        let google = host == "google" || host.starts_with("google.") || host.starts_with("maps.google.");
        match host {
            "maps.app.goo.gl" | "maps.apple" => Some(Self::Shortener),
            "goo.gl" | "g.co" if url.path().starts_with("/maps") => Some(Self::Shortener),
            "w3w.co" | "what3words.com" => Some(Self::What3words),
            "maps.apple.com" => Some(Self::Apple),
            "openstreetmap.org" | "osm.org" => Some(Self::OpenStreetMap),
            "bing.com" if url.path().starts_with("/maps") => Some(Self::Bing),
            "waze.com" => Some(Self::Waze),
            _ if google && (host.starts_with("maps.") || url.path().starts_with("/maps")) => Some(Self::Google),
            _ => None,
        }
    }
}

/// The one address that a short link may be asked at: `https`, the usual port, a host that is known letter for letter, and
/// nothing but the path, which names the place. None for every other link.
#[must_use]
pub fn short_link(url: &Url) -> Option<Url> {
    let Some(Host::Domain(host)) = url.host() else { return None };
    let code = match host {
        "maps.app.goo.gl" | "maps.apple" => url.path().strip_prefix('/'),
        "goo.gl" | "g.co" => url.path().strip_prefix("/maps/"),
        _ => None,
    }?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let named = !code.is_empty() && url.path().len() <= MOST_PATH;
    (plain && named).then(|| Url::parse(&format!("https://{host}{}", url.path())).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(link: &str) -> Option<String> {
        short_link(&Url::parse(link).unwrap()).map(String::from)
    }

    #[test]
    fn a_short_link_is_asked_by_its_path_alone_over_https() {
        for (link, wanted) in [
            ("https://maps.app.goo.gl/AbCdEf12", "https://maps.app.goo.gl/AbCdEf12"),
            ("http://Maps.App.Goo.gl/AbCdEf12?g_st=ic#x", "https://maps.app.goo.gl/AbCdEf12"),
            ("https://goo.gl/maps/AbCdEf12", "https://goo.gl/maps/AbCdEf12"),
            ("https://g.co/maps/abc12", "https://g.co/maps/abc12"),
            ("https://maps.apple/p/AbCdEf", "https://maps.apple/p/AbCdEf"),
        ] {
            assert_eq!(asked(link).as_deref(), Some(wanted), "{link}");
        }
    }

    #[test]
    fn nothing_but_a_short_link_to_a_map_is_ever_asked() {
        for link in [
            "https://goo.gl/AbCdEf12",
            "https://goo.gl/maps/../AbCdEf12",
            "https://maps.app.goo.gl/",
            "https://maps.app.goo.gl/?link=https://169.254.169.254/",
            "https://maps.app.goo.gl:8443/AbCdEf12",
            "http://maps.app.goo.gl:443/AbCdEf12",
            "https://ann@maps.app.goo.gl/AbCdEf12",
            "https://maps.app.goo.gl@169.254.169.254/AbCdEf12",
            "https://maps.app.goo.gl.example.org/AbCdEf12",
            "https://www.maps.app.goo.gl/AbCdEf12",
            "https://xgoo.gl/maps/AbCdEf12",
            "ftp://goo.gl/maps/AbCdEf12",
            "https://169.254.169.254/maps/AbCdEf12",
            "https://[::1]/maps/AbCdEf12",
            "http://localhost/maps/AbCdEf12",
            "https://www.google.com/maps?q=54.0,2.0",
        ] {
            assert_eq!(asked(link), None, "{link}");
        }
        assert_eq!(asked(&format!("https://goo.gl/maps/{}", "a".repeat(MOST_PATH))), None);
    }

    #[test]
    fn a_map_is_known_by_its_host() {
        for (link, wanted) in [
            ("https://maps.app.goo.gl/AbC", Some(MapSite::Shortener)),
            ("https://www.google.co.uk/maps/@54.0,2.0,17z", Some(MapSite::Google)),
            ("https://maps.google.com/?q=54.0,2.0", Some(MapSite::Google)),
            ("https://maps.apple.com/?ll=54.0,2.0", Some(MapSite::Apple)),
            ("https://www.openstreetmap.org/#map=18/54.0/2.0", Some(MapSite::OpenStreetMap)),
            ("https://m.bing.com/maps?cp=54.0~2.0", Some(MapSite::Bing)),
            ("https://www.google.com/search?q=54.0,2.0", None),
            ("https://google.com@example.org/maps", None),
            ("https://example.org/maps.google.com/", None),
            ("http://169.254.169.254/maps", None),
            ("file:///maps", None),
        ] {
            assert_eq!(MapSite::of(&Url::parse(link).unwrap()), wanted, "{link}");
        }
    }
}
