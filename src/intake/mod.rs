//! Taking messages in: stored before anything else, then who wrote, is it automatic, which thread does it belong to.

pub mod accept;
pub mod automatic;
pub mod call;
pub mod fold;
pub mod form;
pub mod mime;
pub mod photo;
pub mod sender;
pub mod talk;
pub mod telegram;
pub mod text;
pub mod texts;
pub mod threads;

use sha2::{Digest as _, Sha256};

/// What tells a delivery of a channel without Message-IDs from every other: its account, and its name there.
fn fingerprint(account: &str, external_id: &str) -> String {
    let mut hash = Sha256::new();
    for part in [account, external_id] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    format!("{:x}", hash.finalize())
}
