//! `[council]`, and what residents allow.

use super::{Settings, yes};
use crate::core::{Address, Council};
use crate::routing::consent::{Consents, Wish};
use crate::routing::deadline::Division;
use serde::Deserialize;

/// `[council]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CouncilSettings {
    /// Name.
    pub name: String,
    /// Address mail goes out from and answers come back to.
    pub address: String,
    /// Whether `name+anything@` is delivered to `name@`.
    #[serde(default = "yes")]
    pub plus_addressing: bool,
    /// Name of the council's own mail server in `Authentication-Results`.
    pub authserv_id: Option<String>,
    /// Whose bank holidays hold.
    #[serde(default = "england_and_wales")]
    pub division: Division,
    /// What a resident allows where their channel says nothing else: see `[consent]`.
    #[serde(default = "share")]
    pub consent: Wish,
}

/// Address of a council that nobody has named yet; nothing is ever delivered there.
const NOBODYS: &str = "cases@set-up.invalid";

impl CouncilSettings {
    /// What stands in for a council until its name is given on the portal.
    pub(super) fn unnamed() -> Self {
        Self {
            name: "New council".to_owned(),
            address: NOBODYS.to_owned(),
            plus_addressing: true,
            authserv_id: None,
            division: england_and_wales(),
            consent: share(),
        }
    }

    /// Whether the council was named.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.address != NOBODYS
    }
}

impl Settings {
    /// The council as the rest of the program knows it.
    #[must_use]
    pub fn council(&self) -> Council {
        let address = Address::new(&self.council.address, Some(&self.council.name))
            .unwrap_or_else(|| unreachable!("check() refuses settings without an address"));
        let mut own_addresses = vec![address.email.clone()];
        own_addresses.extend(self.mailbox.iter().map(|m| m.user.to_lowercase()).filter(|u| u.contains('@')));
        Council {
            name: self.council.name.clone(),
            councillors: self.councillor.clone(),
            address,
            plus_addressing: self.council.plus_addressing,
            authserv_id: self.council.authserv_id.clone(),
            own_addresses,
            portal_url: self.portal_url(),
            public_url: self.form_policy().map(|form| form.public_url),
        }
    }

    /// What a resident allows before they say otherwise.
    #[must_use]
    pub fn consents(&self) -> Consents {
        Consents { otherwise: self.council.consent, by_channel: self.consent.clone() }
    }
}

const fn england_and_wales() -> Division {
    Division::EnglandAndWales
}

const fn share() -> Wish {
    Wish::Share
}
