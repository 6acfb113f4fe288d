//! Administration: people and their roles, handing cases over, who may read what, the audit trail, rules, services, channels, models.

pub(super) mod access;
pub(super) mod audit;
pub(super) mod channels;
pub(super) mod hand_over;
pub(super) mod people;
pub(super) mod rules;
pub(super) mod services;

use crate::core::{Council, Grant, Role};

/// A role in words, with whom it is for.
pub(super) fn said(council: &Council, grant: &Grant) -> String {
    let of = grant.councillor.as_deref().map(|key| council.councillor(key).map_or(key, |councillor| &councillor.name));
    match (grant.role, of) {
        (Role::Gatekeeper, Some(name)) => format!("Gatekeeper for {name}"),
        (Role::Gatekeeper, None) => "Gatekeeper for all councillors".to_owned(),
        (Role::Councillor, Some(name)) => format!("Councillor: {name}"),
        (role, _) => role.label().to_owned(),
    }
}
