//! Twilio's proof that a request is its own: HMAC-SHA1 under the account's token, over the URL it was given and the
//! fields it sends.

use super::form;
use crate::channels::Secret;
use crate::channels::text::{Refusal, SettingsError, Webhook};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use subtle::ConstantTimeEq as _;

const WRONG: Refusal = Refusal {
    status: 403,
    why: "the signature is wrong: public_url must be exactly the address that Twilio was given, and auth_token that account's",
};
const MISSING: Refusal = Refusal { status: 403, why: "there is no X-Twilio-Signature" };
const UNREADABLE: Refusal = Refusal { status: 400, why: "the body is cut off or damaged" };

/// The address that Twilio calls, in the spellings that it may sign.
#[derive(Clone, Debug)]
pub(super) struct PublicUrl {
    /// Without a query; Twilio sometimes signs with the port and sometimes without.
    spellings: Vec<String>,
    query: Option<String>,
}

impl PublicUrl {
    pub fn new(url: &str) -> Result<Self, SettingsError> {
        let wrong = |why: &str| SettingsError(format!("public_url {why}"));
        let parsed: url::Url = url.parse().map_err(|error| wrong(&format!("is no URL: {error}")))?;
        if !matches!(parsed.scheme(), "https" | "http") || parsed.fragment().is_some() || !parsed.username().is_empty()
        {
            return Err(wrong("must be https://HOST/PATH, exactly as Twilio is given it"));
        }
        let (base, query) = match url.split_once('?') {
            Some((base, query)) => (base, Some(query.to_owned())),
            None => (url, None),
        };
        let (scheme, rest) = base.split_once("://").ok_or_else(|| wrong("is no URL"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = if parsed.scheme() == "https" { 443 } else { 80 };
        let other = match authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())) {
            Some((host, _)) => host.to_owned(),
            None => format!("{authority}:{port}"),
        };
        Ok(Self { spellings: vec![base.to_owned(), format!("{scheme}://{other}{path}")], query })
    }

    /// What was signed of the URL. The path is the configured one, since a proxy may change it on the way; a query comes
    /// with the request.
    fn signed<'a>(&'a self, webhook: &'a Webhook) -> impl Iterator<Item = String> + 'a {
        let query = webhook.query().or(self.query.as_deref());
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        self.spellings.iter().map(move |base| format!("{base}{query}"))
    }

    /// As it is configured.
    pub fn as_configured(&self) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.spellings.first().map_or("", String::as_str))
    }
}

/// Checks the signature; gives the fields of the body.
pub(super) fn check(url: &PublicUrl, token: &Secret, webhook: &Webhook) -> Result<Vec<(String, String)>, Refusal> {
    let signature = webhook.header("X-Twilio-Signature").ok_or(MISSING)?;
    let announced = webhook.header("Content-Length").and_then(|length| length.trim().parse::<usize>().ok());
    if announced.is_some_and(|length| length != webhook.body.len()) {
        return Err(UNREADABLE);
    }
    let fields = form::fields(&webhook.body).ok_or(UNREADABLE)?;
    let signature = BASE64_STANDARD.decode(signature.trim()).map_err(|_| WRONG)?;
    let mut signed = String::new();
    if form::is_json(&webhook.body) {
        // Then the signature is over the URL alone, and that holds the body's hash.
        let given = webhook.query().and_then(body_hash).ok_or(WRONG)?;
        let right = Sha256::digest(&webhook.body);
        let right = right.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        if !bool::from(given.to_ascii_lowercase().as_bytes().ct_eq(right.as_bytes())) {
            return Err(WRONG);
        }
    } else {
        // Sorted by name, then by value; a pair that is there twice counts once.
        let sorted: BTreeSet<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        for (name, value) in sorted {
            signed.push_str(name);
            signed.push_str(value);
        }
    }
    let mut good = false;
    for url in url.signed(webhook) {
        let mut mac = Hmac::<Sha1>::new_from_slice(token.reveal().as_bytes()).map_err(|_| WRONG)?;
        mac.update(url.as_bytes());
        mac.update(signed.as_bytes());
        // Compared without an early end, so that timing tells nothing.
        good |= mac.verify_slice(&signature).is_ok();
    }
    if good { Ok(fields) } else { Err(WRONG) }
}

fn body_hash(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("bodySHA256="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_signed_with_and_without_its_port_and_never_changed_otherwise() {
        let signed = |url: &str, request: &str| -> Vec<String> {
            let webhook = Webhook { path_and_query: request.to_owned(), ..Webhook::default() };
            PublicUrl::new(url).unwrap().signed(&webhook).collect()
        };
        assert_eq!(signed("https://a.test/In%20/", "/x"), ["https://a.test/In%20/", "https://a.test:443/In%20/"]);
        assert_eq!(signed("https://A.test:8443/in", "/x"), ["https://A.test:8443/in", "https://A.test/in"]);
        assert_eq!(signed("http://a.test", "/"), ["http://a.test", "http://a.test:80"]);
        assert_eq!(signed("https://a.test/in?a=1", "/in?b=2")[0], "https://a.test/in?b=2");
        assert_eq!(signed("https://a.test/in?a=1", "/in")[1], "https://a.test:443/in?a=1");
        for url in ["", "a.test/in", "https://a.test/#in", "https://u:p@a.test/", "ftp://a.test/"] {
            assert!(PublicUrl::new(url).is_err(), "{url}");
        }
        assert_eq!(PublicUrl::new("https://a.test/in?a=1").unwrap().as_configured(), "https://a.test/in?a=1");
    }
}
