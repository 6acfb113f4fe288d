//! The council and its councillors, as the settings name them.

use super::Address;
use serde::{Deserialize, Serialize};

/// An elected member.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Councillor {
    /// Key, such as `nowak`.
    pub id: String,
    /// Name as residents know it, such as `Cllr Marek Nowak`.
    pub name: String,
    /// Address that is copied on what goes to a department.
    pub email: String,
    /// Names of the wards they stand for.
    #[serde(default)]
    pub wards: Vec<String>,
}

/// The council.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Council {
    /// Name.
    pub name: String,
    /// Its councillors.
    pub councillors: Vec<Councillor>,
    /// Address that mail goes out from and answers come back to.
    pub address: Address,
    /// Whether the mail system delivers `name+anything@` to `name@`.
    pub plus_addressing: bool,
    /// Name of the council's own mail server in `Authentication-Results`.
    pub authserv_id: Option<String>,
    /// Addresses of our own that must never be answered: the one above and every watched mailbox.
    pub own_addresses: Vec<String>,
    /// Where people reach the portal from outside, without a slash at its end: links in mails begin so. Without it mails carry none.
    pub portal_url: Option<String>,
    /// Where residents reach this service, without a slash at the end; none where there are no pages for them.
    pub public_url: Option<String>,
}

impl Council {
    /// The councillor of a key.
    #[must_use]
    pub fn councillor(&self, id: &str) -> Option<&Councillor> {
        self.councillors.iter().find(|c| c.id == id)
    }

    /// The councillor with this address.
    #[must_use]
    pub fn councillor_by_email(&self, email: &str) -> Option<&Councillor> {
        self.councillors.iter().find(|c| c.email.eq_ignore_ascii_case(email))
    }

    /// A councillor of a ward.
    #[must_use]
    pub fn councillor_of_ward(&self, ward: &str) -> Option<&Councillor> {
        self.councillors.iter().find(|c| c.wards.iter().any(|w| w.eq_ignore_ascii_case(ward)))
    }

    /// Whether an address is one of ours, with or without a `+` part.
    #[must_use]
    pub fn is_own(&self, email: &str) -> bool {
        let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
        let bare = format!("{}@{domain}", local.split('+').next().unwrap_or_default());
        self.own_addresses.iter().any(|own| own.eq_ignore_ascii_case(&bare))
    }
}
