//! Whose cases and figures the person who is signed in may see: the one place where that is decided.

use super::{format, trouble::Trouble};
use crate::core::access::{Eyes, Purpose, Reader};
use crate::core::{Council, Reach, Reference, Right};
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::decision::Decision;
use crate::store::report::Scope;
use crate::store::session::Session;
use crate::store::{self, Tx};
use serde_json::Value;

/// What somebody may see by a right: everything, or what belongs to the councillors that they are or act for.
pub(super) fn scope(session: &Session, right: Right) -> Scope {
    match session.reach(right) {
        Reach::All => Scope::All,
        Reach::Councillors(keys) => Scope::Councillors(keys),
    }
}

/// Whether a ward's cases are among what may be seen.
pub(super) fn may_see_ward(scope: &Scope, council: &Council, ward: &str) -> bool {
    let is_it = |own: &String| own.eq_ignore_ascii_case(ward);
    match scope {
        Scope::All => true,
        Scope::Wards(wards) => wards.iter().any(is_it),
        Scope::Councillors(keys) => {
            let councillors = keys.iter().filter_map(|key| council.councillor(key));
            councillors.flat_map(|councillor| &councillor.wards).any(is_it)
        }
    }
}

/// Whether the cases that a councillor is told of are among what may be seen.
pub(super) fn may_see_councillor(scope: &Scope, councillor: &str) -> bool {
    match scope {
        Scope::All => true,
        Scope::Councillors(keys) => keys.iter().any(|own| own == councillor),
        Scope::Wards(_) => false,
    }
}

/// How an officer of its department looks at a case.
pub(super) fn officers_eyes(case: &Case) -> Eyes {
    Consent::of(&case.consent).eyes(Reader::Officer, Purpose::Delivery, case.hold_reason.as_deref())
}

/// How a gatekeeper looks at a case.
pub(super) fn gatekeepers_eyes(case: &Case) -> Eyes {
    Consent::of(&case.consent).eyes(Reader::Gatekeeper, Purpose::Triage, case.hold_reason.as_deref())
}

/// How a councillor looks at a case: at one of their own, or at another one of their ward.
pub(super) fn councillors_eyes(own: bool, consent: &str, hold_reason: Option<&str>) -> Eyes {
    let (reader, purpose) =
        if own { (Reader::Councillor, Purpose::Casework) } else { (Reader::WardCouncillor, Purpose::Overview) };
    Consent::of(consent).eyes(reader, purpose, hold_reason)
}

/// How a resident looks at their own case, by its private link.
pub(super) fn residents_eyes(case: &Case) -> Eyes {
    Consent::of(&case.consent).eyes(Reader::Resident, Purpose::Casework, case.hold_reason.as_deref())
}

/// What stands in the place of the reference of a case that is out of somebody's reach.
const ANOTHER: &str = "another case";
/// Where a decision names another case.
const NAMES: [&str; 4] = ["to", "with", "case", "from"];

/// A text without the references of cases that are out of somebody's reach.
pub(super) async fn without_others(tx: &mut Tx, text: &str, reach: &Reach) -> store::Result<String> {
    let mut text = text.to_owned();
    if *reach == Reach::All {
        return Ok(text);
    }
    for reference in Reference::find_all(&text) {
        if !reaches(tx, reference.as_str(), reach).await? {
            text = text.replace(reference.as_str(), ANOTHER);
        }
    }
    Ok(text)
}

/// Takes out of decisions and their reasons the references of cases that are out of somebody's reach.
pub(super) async fn hide_others(tx: &mut Tx, decisions: &mut [Decision], reach: &Reach) -> store::Result<()> {
    if *reach == Reach::All {
        return Ok(());
    }
    for decision in decisions {
        let decided = &mut decision.decided.0;
        for key in NAMES {
            // Departments stand under these keys, too.
            let other = decided[key].as_str().filter(|text| text.parse::<Reference>().is_ok()).map(str::to_owned);
            if let Some(reference) = other
                && !reaches(tx, &reference, reach).await?
            {
                decided[key] = Value::Null;
            }
        }
        let evidence = &mut decision.evidence.0;
        let likest = evidence["likest_case"]["case"].as_str().map(str::to_owned);
        if let Some(reference) = likest
            && !reaches(tx, &reference, reach).await?
        {
            evidence["likest_case"] = Value::Null;
        }
        for pointer in ["/verdict/reasons", "/verdict/parts"] {
            let Some(Value::Array(found)) = evidence.pointer_mut(pointer) else { continue };
            for one in found {
                let reasons = if pointer.ends_with("parts") { one.get_mut("reasons") } else { None };
                match reasons {
                    Some(Value::Array(reasons)) => {
                        for reason in reasons {
                            hide_near(tx, reason, reach).await?;
                        }
                    }
                    _ => hide_near(tx, one, reach).await?,
                }
            }
        }
    }
    Ok(())
}

/// The same of one reason.
async fn hide_near(tx: &mut Tx, reason: &mut Value, reach: &Reach) -> store::Result<()> {
    if reason["kind"] != "nearest" {
        return Ok(());
    }
    let Some(Value::Array(cases)) = reason.get_mut("cases") else { return Ok(()) };
    let mut kept = Vec::new();
    for near in std::mem::take(cases) {
        if reaches(tx, near["case"].as_str().unwrap_or_default(), reach).await? {
            kept.push(near);
        }
    }
    *cases = kept;
    Ok(())
}

async fn reaches(tx: &mut Tx, reference: &str, reach: &Reach) -> store::Result<bool> {
    let Ok(reference) = reference.parse() else { return Ok(false) };
    let case = store::case::by_reference(tx, &reference).await?;
    Ok(case.is_some_and(|case| reach.has(case.councillor.as_deref())))
}

/// Said alike of what there is not and of what is not theirs, so that nobody learns which it is; `object` is what they asked for, as it is
/// written down.
pub(super) fn not_there(object: &str) -> Trouble {
    Trouble::not_found("There is no such list, or it is not yours to see.").attempted(format::excerpt(object, 100))
}
