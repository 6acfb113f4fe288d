//! What a person decides about who wrote on a case.

use super::no_such;
use crate::core::case::Sameness;
use crate::core::{ContactPoint, SamePersonId};
use crate::desk::Desk;
use crate::portal::trouble::Trouble;
use crate::routing::consent::Consent;
use crate::store::Tx;
use crate::store::case::Case;
use serde::Deserialize;

/// What was decided.
pub(super) enum PersonAct {
    Address(Address),
    Consent(String),
    /// For whom a private message is.
    Councillor(String),
    Block(String),
    /// Of this suggestion.
    Said(SamePersonId, Sameness),
}

/// What a resident allows.
#[derive(Deserialize)]
pub(in crate::portal) struct Allowed {
    #[serde(default)]
    pub(super) consent: String,
}

/// For whom a private message is.
#[derive(Deserialize)]
pub(in crate::portal) struct Whose {
    #[serde(default)]
    pub(super) councillor: String,
}

/// Why a sender is blocked.
#[derive(Deserialize)]
pub(in crate::portal) struct Blocked {
    #[serde(default)]
    pub(super) why: String,
}

/// Where notices are to go.
#[derive(Deserialize)]
pub(in crate::portal) struct Address {
    #[serde(default)]
    channel: String,
    #[serde(default)]
    address: String,
}

/// Does it; answers the word of what was done.
pub(super) async fn decide(
    desk: &Desk<'_>,
    tx: &mut Tx,
    case: &Case,
    act: PersonAct,
    actor: &str,
) -> Result<&'static str, Trouble> {
    match act {
        PersonAct::Address(Address { channel, address }) => {
            let channel = channel.parse().map_err(|_| no_such("channel"))?;
            desk.choose_address(tx, &case.id, &ContactPoint { channel, address, name: None }, actor).await?;
            Ok("address")
        }
        PersonAct::Consent(consent) => {
            let consent = consent.parse::<Consent>().map_err(|_| Trouble::bad("Choose what the resident allows."))?;
            let changed = desk.set_consent(tx, &case.id, consent, actor).await?;
            Ok(if changed { "consent" } else { "unchanged" })
        }
        PersonAct::Councillor(councillor) => {
            desk.say_whose(tx, &case.id, &councillor, actor).await?;
            Ok("given")
        }
        PersonAct::Block(why) => {
            desk.block(tx, &case.id, &why, actor).await?;
            Ok("blocked")
        }
        PersonAct::Said(said, state) => {
            desk.decide_person(tx, &case.id, &said, state, actor).await?;
            Ok(match state {
                Sameness::Confirmed => "one-person",
                Sameness::Undone => "taken-apart",
                _ => "not-one-person",
            })
        }
    }
}
