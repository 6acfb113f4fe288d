//! Who acts, by when, and who may see what. Pure: no database, no clock, no network.

pub mod consent;
pub mod deadline;

use crate::core::taxonomy::{Mode, Taxonomy};
use crate::core::{Disposition, Verdict};
use serde::{Deserialize, Serialize};

/// What may happen without a person, as the council set it (`[routing]`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoutingPolicy {
    /// Mode of services and departments that set none.
    pub mode: Mode,
    /// Least confidence for routing without a person, 0 to 1.
    pub auto_above: f64,
    /// Below this confidence the program says "unsure", 0 to 1.
    pub unsure_below: f64,
    /// Least likeness, 0 to 1, for joining to an open case without a person.
    pub join_above: f64,
    /// Least likeness, 0 to 1, for offering an open case as perhaps the same.
    pub maybe_above: f64,
    /// For so many days after a case was closed, a report of the same problem is one of it again.
    pub again_days: u32,
    /// For so many seconds what a gatekeeper's decision sends waits, so that it can be taken back; 0 for not at all.
    pub undo_seconds: u32,
    /// For so many minutes what goes to a department without a person waits, unless it is urgent: then a burst of letters in the same words is
    /// known for one campaign before its first is sent, and the department is told once. 0 for not at all.
    pub gather_minutes: u32,
}

impl Default for RoutingPolicy {
    fn default() -> Self {
        Self {
            mode: Mode::Suggest,
            auto_above: 0.9,
            unsure_below: 0.45,
            join_above: 0.8,
            maybe_above: 0.3,
            again_days: 28,
            undo_seconds: 20,
            gather_minutes: 15,
        }
    }
}

/// What is to be done with a verdict, and why it is held, if it is.
///
/// A hold wins over everything, then unsure, then what the council allows: nothing is routed unseen unless it said so.
#[must_use]
pub fn dispose(
    verdict: &Verdict,
    taxonomy: &Taxonomy,
    department: &str,
    policy: &RoutingPolicy,
) -> (Disposition, Option<String>) {
    if let Some(concern) = verdict.concerns.first() {
        return (Disposition::Hold, Some(concern.hold_reason()));
    }
    let service = taxonomy.services.get(&verdict.service);
    let modes = [service.and_then(|s| s.mode), taxonomy.departments.get(department).and_then(|d| d.mode)];
    if policy.mode == Mode::Hold || modes.contains(&Some(Mode::Hold)) {
        let name = taxonomy.service_name(&verdict.service);
        return (Disposition::Hold, Some(format!("The council holds every message about \"{name}\" for a person")));
    }
    // A worry that the service itself is one that must be held is enough to hold: better twenty seen than one missed.
    let held = verdict.candidates.iter().skip(1).find(|c| {
        c.probability >= 0.25 && taxonomy.services.get(&c.service).is_some_and(|s| s.mode == Some(Mode::Hold))
    });
    if let Some(held) = held {
        let name = taxonomy.service_name(&held.service);
        return (Disposition::Hold, Some(format!("May be about \"{name}\", which the council holds for a person")));
    }
    // One of several requests may be one that must be held, though the whole message does not look like it.
    let held =
        verdict.parts.iter().find(|p| taxonomy.services.get(&p.service).is_some_and(|s| s.mode == Some(Mode::Hold)));
    if let Some(held) = held {
        let name = taxonomy.service_name(&held.service);
        return (
            Disposition::Hold,
            Some(format!("One of its requests is about \"{name}\", which the council holds for a person")),
        );
    }
    if verdict.confidence < policy.unsure_below || verdict.model.is_none() && verdict.confidence < policy.auto_above {
        return (Disposition::Unsure, None);
    }
    // A service may open or close what the council set; a department may only close.
    let mode = modes[0].unwrap_or(policy.mode).max(modes[1].unwrap_or(Mode::Auto));
    let auto_above = service.and_then(|s| s.auto_above).unwrap_or(policy.auto_above);
    // Whoever routed a message with several requests as one would lose all but the first.
    if mode == Mode::Auto && verdict.parts.len() < 2 && verdict.confidence >= auto_above {
        return (Disposition::Auto, None);
    }
    (Disposition::Suggest, None)
}

/// The department of a service in a ward: the first exception that fits, else the service's own.
#[must_use]
pub fn department_for<'a>(taxonomy: &'a Taxonomy, service: &'a str, ward: Option<&str>) -> &'a str {
    let exception = taxonomy
        .routes
        .iter()
        .find(|r| r.service == service && ward.is_some_and(|w| r.wards.iter().any(|x| x.eq_ignore_ascii_case(w))));
    match exception {
        Some(route) => &route.department,
        None => taxonomy.services.get(service).map_or("member_support", |s| &s.department),
    }
}
