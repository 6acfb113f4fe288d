//! Services, departments and who is responsible: the council's own words, read from `rules/`.

use crate::core::case::words;
use serde::Deserialize;
use std::collections::BTreeMap;

words! {
    /// What may happen to a message of a service without a person. The order is the order of strictness.
    Mode {
        /// Routed by itself above the confidence the council set.
        Auto = "auto" / "Automatic",
        /// A gatekeeper accepts or changes what is suggested.
        Suggest = "suggest" / "Suggest",
        /// Nothing leaves without a person, and it is not even offered for one-key acceptance.
        Hold = "hold" / "Hold",
    }
}

words! {
    /// What becomes of a report of what was dealt with a while ago.
    AfterClosing {
        /// A case of its own, which says that it was reported again.
        New = "new" / "A new case, linked to the closed one",
        /// The closed case is open again.
        Reopen = "reopen" / "The closed case is opened again",
    }
}

/// A service residents ask for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Key, such as `street_lighting`: stands in the database and in training data.
    pub id: String,
    /// Plain name shown to people.
    pub name: String,
    /// What belongs to it, in residents' words.
    pub description: String,
    /// Code in the English Local Government Service List, where known.
    pub lgsl: Option<u32>,
    /// Department that does it.
    pub department: String,
    /// Whether nothing can be done about it without knowing where: who wrote by text is asked.
    #[serde(default)]
    pub needs_place: bool,
    /// Whether what it is about comes and goes (bikes, litter, bad parking): what is reported days later is likely another one.
    #[serde(default)]
    pub comes_and_goes: bool,
    /// Metres within which two reports may be about one problem; as far as open cases are looked for where absent, and at most that.
    #[serde(default)]
    pub within_m: Option<u16>,
    /// What becomes of a report of the same problem after its case was closed.
    #[serde(default = "new_case")]
    pub after_closing: AfterClosing,
    /// Service standard in working days.
    pub working_days: u32,
    /// Who is responsible by law.
    pub responsible: Responsible,
    /// What may happen without a person; the settings' mode where absent.
    pub mode: Option<Mode>,
    /// Least confidence for automatic routing of this service; the settings' where absent.
    pub auto_above: Option<f64>,
    /// Whether the council does not take it here: it is never suggested, and what reads like it waits for a person.
    #[serde(default)]
    pub off: bool,
}

const fn new_case() -> AfterClosing {
    AfterClosing::New
}

/// Who is responsible for a service in areas with one tier of council and with two.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Responsible {
    /// In a unitary area: `council` or a body of `responsibility.toml`.
    pub one_tier: String,
    /// In a two-tier area: `council`, `county`, `district` or a body of `responsibility.toml`.
    pub two_tier: String,
}

/// A department that acts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Department {
    /// Key.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// Where its cases are sent.
    pub email: String,
    /// Point of contact a resident is given.
    pub contact: String,
    /// What may happen without a person; stricter of this and the service's holds.
    pub mode: Option<Mode>,
}

/// An exception: a service goes elsewhere in some wards.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The service.
    pub service: String,
    /// Names of the wards it holds for.
    pub wards: Vec<String>,
    /// The department instead.
    pub department: String,
}

/// Somebody other than this council who may be responsible.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Key.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// How a resident reaches it.
    pub contact: String,
    /// One sentence told to the resident.
    pub explains: String,
}

/// All of it, checked: every department named exists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taxonomy {
    /// Services by key.
    pub services: BTreeMap<String, Service>,
    /// Departments by key.
    pub departments: BTreeMap<String, Department>,
    /// Exceptions, first match wins.
    pub routes: Vec<Route>,
    /// Other bodies by key.
    pub bodies: BTreeMap<String, Body>,
}

/// Where the kinds of request go that nothing else fits: it is always there.
pub const GENERAL: &str = "general_enquiry";

impl Taxonomy {
    /// The services that are taken here, by key.
    pub fn offered(&self) -> impl Iterator<Item = &Service> {
        self.services.values().filter(|service| !service.off)
    }

    /// The plain name of a service, or its key where the council has since removed it.
    #[must_use]
    pub fn service_name<'a>(&'a self, id: &'a str) -> &'a str {
        self.services.get(id).map_or(id, |s| &s.name)
    }

    /// The plain name of a department, or its key where the council has since removed it.
    #[must_use]
    pub fn department_name<'a>(&'a self, id: &'a str) -> &'a str {
        self.departments.get(id).map_or(id, |d| &d.name)
    }
}
