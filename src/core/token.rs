//! Signed tokens: who answers with one was sent it by us.
//!
//! Grammar: `REFERENCE.pSSSSSSSS`, where REFERENCE is the compact case reference, `p` the letter of the party the token was
//! made for, and S eight characters of the reference alphabet out of HMAC-SHA256 (36 bits). It stands behind the `+` of a
//! reply address, and in the subject where a mail system has plus-addressing switched off.
//!
//! A seal stands in links and forms: `TEXT.S…`, where S is 128 bits of HMAC-SHA256 in base64url. It is made for one purpose, so
//! that the link to a trail cannot be used to confirm an address.

use super::Party;
use super::reference::{ALPHABET, Reference};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;

const LENGTH: usize = 8;
/// Bytes of a seal's signature.
const SEAL_BYTES: usize = 16;
/// What the seal in an officer's link is for.
const OFFICER: &str = "officer";

/// The installation's secret for signing. Shows nothing when printed.
#[derive(Clone)]
pub struct TokenKey(Vec<u8>);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(***)")
    }
}

impl TokenKey {
    /// A key of these bytes.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    fn mac(&self, reference: &Reference, party: Party) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(reference.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(party.as_str().as_bytes());
        Some(mac)
    }

    fn signature(&self, reference: &Reference, party: Party) -> String {
        let bytes = self.mac(reference, party).map(|m| m.finalize().into_bytes()).unwrap_or_default();
        bytes.iter().take(LENGTH).map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()])).collect()
    }

    /// What is kept of a secret word, 64 hex digits; `of` says what kind of secret it is.
    #[must_use]
    pub fn digest(&self, of: &str, secret: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(of.as_bytes());
        mac.update(&[0]);
        mac.update(secret.as_bytes());
        format!("{:x}", mac.finalize().into_bytes())
    }

    /// The token of a case for a party.
    #[must_use]
    pub fn sign(&self, reference: &Reference, party: Party) -> String {
        format!("{}.{}{}", reference.compact(), party.letter(), self.signature(reference, party))
    }

    /// The case and party of a token, if it is one of ours.
    #[must_use]
    pub fn verify(&self, token: &str) -> Option<(Reference, Party)> {
        let (reference, rest) = token.split_once('.')?;
        let reference: Reference = reference.parse().ok()?;
        let party = Party::from_letter(rest.chars().next()?.to_ascii_lowercase())?;
        let given = rest.get(1..)?.to_ascii_uppercase();
        let right = self.signature(&reference, party);
        // Compared without an early end, so that timing tells nothing.
        let differs =
            given.bytes().zip(right.bytes()).fold(given.len() ^ right.len(), |d, (a, b)| d | usize::from(a ^ b));
        (differs == 0).then_some((reference, party))
    }

    fn seal_mac(&self, purpose: &str, text: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for part in ["seal", purpose, text] {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        Some(mac)
    }

    /// A text under a seal for one purpose: whoever has it can read the text, and nobody else can make it. `text` holds no dot at
    /// its end and nothing that an address could not carry.
    #[must_use]
    pub fn seal(&self, purpose: &str, text: &str) -> String {
        let bytes = self.seal_mac(purpose, text).map(|m| m.finalize().into_bytes()).unwrap_or_default();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(&bytes[..SEAL_BYTES]))
    }

    /// The text of a seal that was made for this purpose.
    #[must_use]
    pub fn unseal<'a>(&self, purpose: &str, sealed: &'a str) -> Option<&'a str> {
        let (text, signature) = sealed.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok().filter(|s| s.len() == SEAL_BYTES)?;
        self.seal_mac(purpose, text)?.verify_truncated_left(&signature).ok()?;
        Some(text)
    }

    /// What stands in the link that lets the officers of a department work on a case: `REFERENCE.DEPARTMENT.S…`.
    #[must_use]
    pub fn for_officers(&self, reference: &Reference, department: &str) -> String {
        self.seal(OFFICER, &format!("{}.{department}", reference.compact()))
    }

    /// The case and the department's key of an officer's link, if it is one of ours.
    #[must_use]
    pub fn officers(&self, token: &str) -> Option<(Reference, String)> {
        let (reference, department) = self.unseal(OFFICER, token)?.split_once('.')?;
        Some((reference.parse().ok()?, department.to_owned()))
    }

    /// The first token of ours in any of these texts (addresses, subject).
    pub fn find<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Option<(Reference, Party)> {
        texts.into_iter().find_map(|text| {
            text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'))
                .find_map(|word| self.verify(word.trim_matches('.')))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_case_and_party_and_nobody_else_can_make_one() {
        let key = TokenKey::new(b"one".to_vec());
        let reference = crate::core::Ids::counted().reference();
        let token = key.sign(&reference, Party::Department);
        assert_eq!(key.verify(&token.to_lowercase()), Some((reference.clone(), Party::Department)));
        assert_eq!(TokenKey::new(b"two".to_vec()).verify(&token), None);
        let forged = token.replace(".d", ".r");
        assert_eq!(key.verify(&forged), None, "a token for one party is none for another");
        let address = format!("cases+{token}@brackenmere.example");
        assert_eq!(key.find([address.as_str()]), Some((reference, Party::Department)));
    }

    #[test]
    fn an_officers_link_names_its_case_and_department_and_no_other_seal_does() {
        let key = TokenKey::new(b"one".to_vec());
        let reference = crate::core::Ids::counted().reference();
        let token = key.for_officers(&reference, "highways");
        assert_eq!(key.officers(&token), Some((reference.clone(), "highways".to_owned())));
        assert_eq!(key.officers(&token.replace("highways", "housing")), None);
        assert_eq!(key.officers(&key.seal("trail", &format!("{}.highways", reference.compact()))), None);
        assert_eq!(TokenKey::new(b"two".to_vec()).officers(&token), None);
    }

    #[test]
    fn a_seal_is_good_for_its_text_its_purpose_and_its_key_only() {
        let key = TokenKey::new(b"one".to_vec());
        let sealed = key.seal("trail", "abc.123");
        assert_eq!(key.unseal("trail", &sealed), Some("abc.123"));
        assert_eq!(key.unseal("proof", &sealed), None);
        assert_eq!(TokenKey::new(b"two".to_vec()).unseal("trail", &sealed), None);
        assert_eq!(key.unseal("trail", &sealed.replace("123", "124")), None);
        for broken in ["", ".", "abc.123", "abc.123.", &sealed[..sealed.len() - 1], &format!("{sealed}A")] {
            assert_eq!(key.unseal("trail", broken), None, "{broken}");
        }
    }
}
