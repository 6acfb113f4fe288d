//! Updates that Telegram brings instead of being asked for them.
//!
//! Whoever takes them answers with 200 only when the update is stored: Telegram brings again what was not taken.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use url::Url;

/// The header in which Telegram shows the secret that was agreed with it.
pub const HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";
/// Where Telegram connects to.
const PORTS: [u16; 4] = [443, 80, 88, 8443];

/// Whether a request comes from Telegram: its header [`HEADER`] holds the secret that was configured. Never, where none
/// was or where it is not one that Telegram takes (1 to 256 of `[A-Za-z0-9_-]`). Timing tells nothing of the secret.
#[must_use]
pub fn secret_ok(header: Option<&str>, configured: &str) -> bool {
    let Some(given) = header.filter(|_| secret_fits(configured)) else { return false };
    let mac = |of: &str| Some(Hmac::<Sha256>::new_from_slice(configured.as_bytes()).ok()?.chain_update(of));
    match (mac(given), mac(configured)) {
        (Some(given), Some(right)) => given.verify(&right.finalize().into_bytes()).is_ok(),
        _ => false,
    }
}

/// Whether Telegram takes this as a secret: 1 to 256 of `[A-Za-z0-9_-]`.
#[must_use]
pub fn secret_fits(secret: &str) -> bool {
    (1..=256).contains(&secret.len()) && secret.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// What Telegram would refuse, with the remedy.
pub(super) fn fit(url: &Url, secret: &str, telegrams: bool) -> Result<(), &'static str> {
    if !secret_fits(secret) {
        return Err("the secret of the webhook must be 1 to 256 letters (A to Z), digits, _ or -");
    }
    let port = url.port_or_known_default().unwrap_or_default();
    // A server of the council's own goes anywhere.
    if telegrams && (url.scheme() != "https" || !PORTS.contains(&port)) {
        return Err("the address of the webhook must begin with https:// and have port 443, 80, 88 or 8443");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_agreed_secret_opens() {
        assert!(secret_ok(Some("Abc_9-"), "Abc_9-"));
        for header in [None, Some(""), Some("Abc_9"), Some("Abc_9-0"), Some("abc_9-"), Some(" Abc_9-")] {
            assert!(!secret_ok(header, "Abc_9-"), "{header:?}");
        }
        for none in ["", "a b", "é", &"a".repeat(257)] {
            assert!(!secret_ok(Some(none), none), "{none}");
        }
        let longest = "a".repeat(256);
        assert!(secret_ok(Some(&longest), &longest));
    }

    proptest! {
        #[test]
        fn no_other_text_opens(right in "[A-Za-z0-9_-]{1,256}", other in ".{0,40}") {
            prop_assert!(secret_ok(Some(&right), &right));
            prop_assert_eq!(secret_ok(Some(&other), &right), other == right);
        }
    }

    #[test]
    fn what_telegram_would_refuse_is_not_asked() {
        let fits = |url: &str| fit(&Url::parse(url).unwrap(), "s", true).is_ok();
        assert!(fits("https://council.example/telegram") && fits("https://council.example:8443/"));
        assert!(!fits("http://council.example/") && !fits("https://council.example:8080/"));
        assert!(fit(&Url::parse("http://127.0.0.1:8080/").unwrap(), "s", false).is_ok());
        assert!(fit(&Url::parse("https://council.example/").unwrap(), "a b", true).is_err());
    }
}
