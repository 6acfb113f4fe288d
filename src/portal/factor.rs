//! The second factor: six digits that an app on a telephone shows (TOTP, RFC 6238: SHA-1, 30 seconds, what every such app knows).

use chrono::{DateTime, Utc};
use qrcode::QrCode;
use qrcode::render::svg;
use totp_rs::{Algorithm, Secret, TOTP};

/// Seconds of a step.
const STEP: i64 = 30;
/// Digits of a code.
const DIGITS: usize = 6;

/// A new secret, in base32.
pub(super) fn new_secret() -> String {
    Secret::generate_secret().to_encoded().to_string()
}

fn totp(secret: &str, issuer: &str, account: &str) -> Option<TOTP> {
    let bytes = Secret::Encoded(secret.to_owned()).to_bytes().ok()?;
    let plain = |text: &str| text.replace(':', " ");
    TOTP::new(Algorithm::SHA1, DIGITS, 1, STEP.unsigned_abs(), bytes, Some(plain(issuer)), plain(account)).ok()
}

/// The step a code belongs to: this one, the one before or the one after; none where it is wrong.
pub(super) fn step_of(secret: &str, code: &str, now: DateTime<Utc>) -> Option<i64> {
    let code: String = code.chars().filter(char::is_ascii_digit).collect();
    let totp = totp(secret, "beadle", "beadle")?;
    let step = now.timestamp() / STEP;
    (step - 1..=step + 1)
        .find(|step| u64::try_from(step * STEP).is_ok_and(|time| super::auth::same(&totp.generate(time), &code)))
}

/// What an app is given to know the account by: a picture for its camera (SVG), where one can be made.
pub(super) fn picture(secret: &str, issuer: &str, account: &str) -> Option<String> {
    let url = totp(secret, issuer, account)?.get_url();
    let code = QrCode::new(url).ok()?;
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    // Inside a page it is an element, not a document.
    Some(drawn.split_once("?>").map_or(drawn.clone(), |(_, svg)| svg.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_in_its_step_and_the_ones_beside_it() {
        // RFC 6238, appendix B: at 59 s the secret "12345678901234567890" shows 94287082 with eight digits.
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(step_of(secret, "287082", at(59)), Some(1));
        assert_eq!(step_of(secret, "287 082", at(89)), Some(1), "the step before");
        assert_eq!(step_of(secret, "287082", at(121)), None, "too late");
        assert_eq!(step_of(secret, "287083", at(59)), None);
        assert_eq!(step_of("not base32!", "287082", at(59)), None);
    }

    #[test]
    fn a_new_secret_is_its_own_and_has_a_picture() {
        let (one, other) = (new_secret(), new_secret());
        assert_ne!(one, other);
        assert!(one.len() >= 32, "{one}");
        let picture = picture(&one, "Brackenmere: Council", "ann").unwrap();
        assert!(picture.trim_start().starts_with("<svg") && !picture.contains("style="), "{picture}");
    }
}
