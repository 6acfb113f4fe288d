//! Case references that survive being read out on the telephone.
//!
//! Grammar: `AAA-AAAC`, six random characters and a check character, all out of [`ALPHABET`]. The alphabet has no
//! two characters that look alike (no 0 O D, 1 I L, 2 Z, 5 S, 8 B, U V) and 23 members; because 23 is a prime, the
//! weighted check character catches every single wrong character and every swap of two.

use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The characters of a reference, in the order of their values.
pub const ALPHABET: &[u8; 23] = b"34679ACEFGHJKMNPQRTVWXY";
const BODY: usize = 6;
/// What may come along when a reference is copied out of Arabic or Urdu words: the marks that keep it in one piece there.
const INVISIBLE: &[char] = &['\u{200e}', '\u{200f}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}'];

/// A case reference: always one that passed its check.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

/// Why a text is no reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Not seven characters of the alphabet.
    #[error("a reference has seven letters and numbers, like K7M-4RQH")]
    Shape,
    /// The check character does not fit: a typing error.
    #[error("this reference has a typing error: its last character does not fit")]
    Check,
}

impl Reference {
    /// Draws a new reference. Uniqueness is the database's to keep.
    pub fn random(rng: &mut impl Rng) -> Self {
        let values: Vec<u32> = (0..BODY).map(|_| rng.random_range(0..23)).collect();
        Self(write(&values))
    }

    /// The reference as people see it, `AAA-AAAC`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The reference without its dash, as it stands in an address.
    #[must_use]
    pub fn compact(&self) -> String {
        self.0.replace('-', "")
    }

    /// Every valid reference that stands in `text` as a word of its own, in order.
    #[must_use]
    pub fn find_all(text: &str) -> Vec<Self> {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .filter(|word| matches!(word.len(), 7 | 8))
            .filter_map(|word| word.parse().ok())
            .collect()
    }
}

fn write(values: &[u32]) -> String {
    let character = |value: u32| char::from(ALPHABET[value as usize]);
    let mut text: String = values.iter().map(|&v| character(v)).collect();
    text.push(character(check(values)));
    text.insert(3, '-');
    text
}

/// Weights 2, 3, … and the check itself with weight 1 make the whole sum zero modulo 23.
fn check(values: &[u32]) -> u32 {
    let sum: u32 = values.iter().zip(2..).map(|(v, weight)| v * weight).sum();
    (23 - sum % 23) % 23
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let values: Vec<u32> = text
            .trim_matches(|c: char| c.is_whitespace() || INVISIBLE.contains(&c))
            .bytes()
            .filter(|b| *b != b'-')
            .map(|b| ALPHABET.iter().position(|a| *a == b.to_ascii_uppercase()).map(|p| p as u32))
            .collect::<Option<_>>()
            .ok_or(ReferenceError::Shape)?;
        if values.len() != BODY + 1 {
            return Err(ReferenceError::Shape);
        }
        if check(&values[..BODY]) != values[BODY] {
            return Err(ReferenceError::Check);
        }
        Ok(Self(write(&values[..BODY])))
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;

    proptest! {
        #[test]
        fn a_reference_reads_back_however_it_is_typed(seed: u64) {
            let reference = Reference::random(&mut rand::rngs::StdRng::seed_from_u64(seed));
            prop_assert_eq!(&reference.compact().to_lowercase().parse::<Reference>().unwrap(), &reference);
            prop_assert_eq!(&format!("\u{2068}{reference}\u{2069}").parse::<Reference>().unwrap(), &reference);
            prop_assert_eq!(Reference::find_all(&format!("رقمك: \u{2068}{reference}\u{2069}.")), vec![reference.clone()]);
            prop_assert_eq!(Reference::find_all(&format!("About case {reference}, please")), vec![reference]);
        }

        #[test]
        fn one_wrong_character_is_always_noticed(seed: u64, at in 0usize..7, other in 0usize..23) {
            let good = Reference::random(&mut rand::rngs::StdRng::seed_from_u64(seed)).compact();
            let mut bad = good.clone().into_bytes();
            bad[at] = ALPHABET[other];
            let bad = String::from_utf8(bad).unwrap();
            prop_assert_eq!(bad.parse::<Reference>().is_ok(), bad == good);
        }

        #[test]
        fn two_swapped_characters_are_always_noticed(seed: u64, a in 0usize..7, b in 0usize..7) {
            let good = Reference::random(&mut rand::rngs::StdRng::seed_from_u64(seed)).compact();
            let mut bad = good.clone().into_bytes();
            bad.swap(a, b);
            let bad = String::from_utf8(bad).unwrap();
            prop_assert_eq!(bad.parse::<Reference>().is_ok(), bad == good);
        }
    }
}
