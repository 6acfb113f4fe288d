//! What beadle suggests, part by part, each with what speaks for it and how sure it is, and what may be chosen instead.

use super::super::case_actions::place;
use super::super::decided::{ReasonView, reason_view};
use super::super::format;
use super::super::list::{Choice, by_name};
use super::super::timeline::Trail;
use crate::core::verdict::Reason;
use crate::core::{Disposition, Priority, Taxonomy, Verdict};
use crate::routing;
use crate::store::case::Case;

/// Least probability of a service that is offered by a key of its own.
const WORTH_A_KEY: f64 = 0.02;
/// So many places that may be meant as well are offered.
const MOST_MEANT: usize = 8;
/// The keys of what may be chosen, in order; those that a list does not need are free.
const KEYS: &str = "123456789abcdefghijklmnopqrstuvwxyz";

/// Everything that is suggested.
pub(super) struct Suggested {
    /// Whether beadle does not know the service: then choosing it sends the case.
    pub(super) unsure: bool,
    pub(super) department: String,
    pub(super) parts: Vec<Part>,
}

/// One part of it.
pub(super) struct Part {
    /// The key that opens its choices; empty where it cannot be changed here.
    pub(super) key: &'static str,
    /// Name of the field.
    pub(super) field: &'static str,
    pub(super) name: &'static str,
    /// What is suggested, as it stands in the database.
    pub(super) value: String,
    pub(super) label: String,
    /// How sure that is, in words and in number.
    pub(super) chance: String,
    pub(super) reasons: Vec<ReasonView>,
    pub(super) picks: Vec<Pick>,
    /// Everything there is, where the keys are not enough for it.
    pub(super) all: Vec<Choice>,
    /// What it can be said to be in words, where it can.
    pub(super) asks: Option<&'static str>,
}

/// Something to be chosen by a key.
pub(super) struct Pick {
    pub(super) key: char,
    pub(super) value: String,
    pub(super) label: String,
    pub(super) chosen: bool,
}

/// What a reason speaks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Service,
    Priority,
    Place,
}

/// What is suggested for a case.
pub(super) fn of(trail: &Trail, taxonomy: &Taxonomy) -> Suggested {
    let case = &trail.case;
    let verdict = trail.verdict();
    let unsure = case.disposition == Disposition::Unsure
        && verdict.as_ref().is_some_and(|verdict| verdict.service == case.service);
    let reasons = |about: About| -> Vec<ReasonView> {
        let all = verdict.iter().flat_map(|verdict| &verdict.reasons);
        all.filter(|reason| speaks_for(reason) == about).map(|reason| reason_view(reason, taxonomy)).collect()
    };
    Suggested {
        unsure,
        department: taxonomy.department_name(&case.department).to_owned(),
        parts: vec![
            service(case, verdict.as_ref(), unsure, taxonomy, reasons(About::Service)),
            priority(case, verdict.as_ref(), reasons(About::Priority)),
            department(case, verdict.as_ref(), taxonomy),
            place_of(case, reasons(About::Place)),
        ],
    }
}

/// What stands where a person chose something else than was suggested.
const BY_A_PERSON: &str = "chosen by a person";

fn service(
    case: &Case,
    verdict: Option<&Verdict>,
    unsure: bool,
    taxonomy: &Taxonomy,
    reasons: Vec<ReasonView>,
) -> Part {
    let chance = match verdict {
        Some(verdict) if verdict.service == case.service => format::chance(verdict.confidence),
        _ => BY_A_PERSON.to_owned(),
    };
    let candidates = verdict.map(|verdict| verdict.candidates.as_slice()).unwrap_or_default();
    let likeliest = candidates
        .iter()
        .filter(|c| c.probability >= WORTH_A_KEY && taxonomy.services.contains_key(&c.service))
        .map(|c| {
            (c.service.clone(), format!("{} ({})", taxonomy.service_name(&c.service), format::chance(c.probability)))
        });
    Part {
        key: "s",
        field: "service",
        name: "Service",
        value: case.service.clone(),
        label: if unsure { "beadle is unsure".to_owned() } else { taxonomy.service_name(&case.service).to_owned() },
        chance: if unsure { format!("{}: {chance}", taxonomy.service_name(&case.service)) } else { chance },
        reasons,
        // Where beadle is unsure, the one it thinks of first can be chosen too.
        picks: picks(likeliest, if unsure { "" } else { &case.service }),
        all: by_name(
            taxonomy
                .services
                .values()
                .filter(|s| !s.off || s.id == case.service)
                .map(|s| Choice::new(&s.id, &s.name, &case.service)),
        ),
        asks: None,
    }
}

fn priority(case: &Case, verdict: Option<&Verdict>, mut reasons: Vec<ReasonView>) -> Part {
    let chance = match verdict {
        Some(verdict) if verdict.priority != case.priority => BY_A_PERSON.to_owned(),
        // Where somebody's safety is a worry, that alone is why.
        Some(Verdict { concerns, concern: Some(concern), .. }) if !concerns.is_empty() => {
            format!("a worry about somebody's safety: {}", format::chance(*concern))
        }
        Some(Verdict { concerns, hazard: Some(hazard), .. }) if concerns.is_empty() => {
            format!("danger to somebody {}", format::chance(*hazard))
        }
        _ => "by rules alone".to_owned(),
    };
    if reasons.is_empty() {
        reasons
            .push(plain("Nothing speaks for danger, for a date near by, for somebody vulnerable, or for asking again"));
    }
    let all = Priority::ALL.iter().rev().map(|p| (p.as_str().to_owned(), p.label().to_owned()));
    Part {
        key: "p",
        field: "priority",
        name: "Priority",
        value: case.priority.as_str().to_owned(),
        label: case.priority.label().to_owned(),
        chance,
        reasons,
        picks: picks(all, case.priority.as_str()),
        all: Vec::new(),
        asks: None,
    }
}

fn department(case: &Case, verdict: Option<&Verdict>, taxonomy: &Taxonomy) -> Part {
    let goes_to = |service: &str| routing::department_for(taxonomy, service, case.ward.as_deref()) == case.department;
    let (service, department) = (taxonomy.service_name(&case.service), taxonomy.department_name(&case.department));
    let by_service = goes_to(&case.service);
    let (chance, why) = match verdict {
        _ if !by_service => (BY_A_PERSON.to_owned(), format!("{service} would go elsewhere by itself")),
        Some(verdict) if verdict.service == case.service => {
            let chance: f64 = verdict.candidates.iter().filter(|c| goes_to(&c.service)).map(|c| c.probability).sum();
            (format::chance(chance), format!("{service} goes to {department}"))
        }
        _ => ("follows from the service".to_owned(), format!("{service} goes to {department}")),
    };
    let in_ward =
        taxonomy.routes.iter().any(|route| route.service == case.service && route.department == case.department);
    let why = match &case.ward {
        Some(ward) if in_ward && by_service => format!("{why} in the ward {ward}"),
        _ => why,
    };
    let mut departments: Vec<(String, String)> =
        taxonomy.departments.values().map(|d| (d.id.clone(), d.name.clone())).collect();
    departments.sort_by(|a, b| a.1.cmp(&b.1));
    Part {
        key: "d",
        field: "department",
        name: "Department",
        value: case.department.clone(),
        label: department.to_owned(),
        chance,
        reasons: vec![plain(&why)],
        picks: picks(departments.into_iter(), &case.department),
        all: Vec::new(),
        asks: None,
    }
}

fn place_of(case: &Case, reasons: Vec<ReasonView>) -> Part {
    let place = case.place.as_ref().map(|place| &place.0);
    let in_ward = |ward: Option<&str>| ward.map_or_else(|| "no ward known".to_owned(), |ward| format!("ward {ward}"));
    let ward = in_ward(case.ward.as_deref());
    let alternatives = place.map(|place| place.alternatives.as_slice()).unwrap_or_default().iter();
    let meant = alternatives
        .take(MOST_MEANT)
        .enumerate()
        .map(|(at, other)| (place::alternative(at + 1), format!("{}, {}", other.name, in_ward(other.ward.as_deref()))));
    let nowhere = place.map(|_| (place::NOWHERE.to_owned(), "No place is known".to_owned()));
    Part {
        key: "w",
        field: "place",
        name: "Place",
        value: String::new(),
        label: place.map_or_else(|| "Not known".to_owned(), |place| format!("{}, {ward}", place.name)),
        chance: match place {
            // Of what nobody found in the message, somebody said that it is there.
            Some(place) if place.words.is_empty() && place.confidence >= 1.0 => BY_A_PERSON.to_owned(),
            Some(place) => format::chance(place.confidence),
            None => String::new(),
        },
        reasons,
        picks: picks(meant.chain(nowhere), ""),
        all: Vec::new(),
        asks: Some("Any other: a street, a postcode or a building"),
    }
}

fn plain(text: &str) -> ReasonView {
    ReasonView { text: text.to_owned(), words: None, rule: None }
}

/// A key for each, as far as there are keys.
fn picks(choices: impl Iterator<Item = (String, String)>, chosen: &str) -> Vec<Pick> {
    let pick = |(key, (value, label)): (char, (String, String))| Pick { key, chosen: value == chosen, value, label };
    KEYS.chars().zip(choices).map(pick).collect()
}

fn speaks_for(reason: &Reason) -> About {
    match reason {
        Reason::Model { .. } | Reason::Words { .. } | Reason::Nearest { .. } => About::Service,
        Reason::Rule { says, .. } if says.starts_with("service ") => About::Service,
        // Rules of danger, time, vulnerability and repetition.
        Reason::Rule { .. } | Reason::Score { .. } => About::Priority,
        Reason::Place { .. } => About::Place,
        Reason::Note { text } if text.starts_with("Hazard") || text.starts_with("Time") => About::Priority,
        Reason::Note { text } => {
            let text = text.to_lowercase();
            let of_places = ["place", "position", "photo", "ward", "postcode", "street", "map"];
            if of_places.iter().any(|word| text.contains(word)) { About::Place } else { About::Service }
        }
    }
}
