//! Several requests in one message, as the case page shows them: what was found, what became of each, and for a case that is
//! only a part, what its department gets.

use super::format;
use super::list::{Choice, by_name};
use crate::casework::split::{self, Offer, Standing};
use crate::core::{CaseId, CaseState, Reach, Reference, Taxonomy};
use crate::routing;
use crate::store::case::Case;
use crate::store::link::{Link, LinkKind};
use crate::store::{self, Tx};

/// The requests of one message.
pub(super) struct Several {
    pub(super) parts: Vec<PartView>,
    /// Whether anything is left to be decided.
    pub(super) is_open: bool,
}

/// One of them.
pub(super) struct PartView {
    /// Counted from one, as people do.
    pub(super) number: usize,
    pub(super) words: String,
    pub(super) service: String,
    pub(super) confidence: String,
    pub(super) department: String,
    pub(super) priority: &'static str,
    pub(super) place: Option<String>,
    pub(super) tag: Option<&'static str>,
    pub(super) case: Option<OtherCase>,
    pub(super) can_split: bool,
    pub(super) can_dismiss: bool,
    pub(super) services: Vec<Choice>,
}

/// A case that came out of the same message.
pub(super) struct OtherCase {
    pub(super) reference: Reference,
    pub(super) state: CaseState,
    /// The link that can still be undone.
    pub(super) undo: Option<String>,
}

/// The words of a message that a case is about.
pub(super) struct OwnPart {
    pub(super) words: String,
    pub(super) whole: bool,
    /// Whether what the department gets can still be changed.
    pub(super) can_change: bool,
    /// The case it was split off from.
    pub(super) from: Option<OtherCase>,
}

/// What was found in a case's message, read before it is drawn.
pub(super) struct Found {
    offer: Offer,
    cases: Vec<Option<OtherCase>>,
}

/// Reads what a case's message holds, where it holds several requests. Cases out of `reach` are not named.
pub(super) async fn found(tx: &mut Tx, case: &Case, links: &[Link], reach: &Reach) -> store::Result<Option<Found>> {
    let Some(offer) = split::offer(tx, case).await? else { return Ok(None) };
    let mut cases = Vec::new();
    for standing in &offer.standing {
        cases.push(match standing {
            Standing::Split(id) => {
                let link = links.iter().find(|l| l.kind == LinkKind::Split && l.child == *id);
                other(tx, (id, id), link, reach).await?
            }
            _ => None,
        });
    }
    Ok(Some(Found { offer, cases }))
}

/// Reads what of its message a case is about, where it is about a part. A case out of `reach` is not named.
pub(super) async fn own_part(
    tx: &mut Tx,
    case: &Case,
    links: &[Link],
    reach: &Reach,
) -> store::Result<Option<OwnPart>> {
    let Some(part) = store::part::of_case(tx, &case.id).await? else { return Ok(None) };
    let link = links.iter().find(|l| l.kind == LinkKind::Split && l.child == case.id);
    let from = match link {
        Some(link) => other(tx, (&link.parent, &case.id), Some(link), reach).await?,
        None => None,
    };
    let can_change = matches!(case.state, CaseState::Review | CaseState::Held);
    Ok(Some(OwnPart { words: part.words, whole: part.whole, can_change, from }))
}

async fn other(
    tx: &mut Tx,
    (id, child): (&CaseId, &CaseId),
    link: Option<&Link>,
    reach: &Reach,
) -> store::Result<Option<OtherCase>> {
    let found = store::case::get(tx, id).await?;
    let Some(case) = found.filter(|case| reach.has(case.councillor.as_deref())) else { return Ok(None) };
    let undo = match (link, store::case::get(tx, child).await?) {
        (Some(link), Some(child)) if split::cannot_undo(tx, &child).await?.is_none() => Some(link.id.to_string()),
        _ => None,
    };
    Ok(Some(OtherCase { reference: case.reference, state: case.state, undo }))
}

/// Draws what was found.
pub(super) fn several(found: Found, case: &Case, taxonomy: &Taxonomy) -> Several {
    let Found { offer, cases } = found;
    let may_split = !matches!(case.state, CaseState::Joined | CaseState::Closed);
    let parts = offer.standing.iter().zip(cases).enumerate().filter_map(|(n, (standing, other))| {
        let part = offer.verdict.parts.get(n)?;
        let verdict = offer.verdict.of_part(n)?;
        let department = routing::department_for(taxonomy, &verdict.service, verdict.ward());
        let offered = *standing == Standing::Offered;
        Some(PartView {
            number: n + 1,
            words: format::paragraphs(&part.words),
            service: taxonomy.service_name(&part.service).to_owned(),
            confidence: format::chance(part.confidence),
            department: taxonomy.department_name(department).to_owned(),
            priority: verdict.priority.label(),
            place: part.place.as_ref().map(|p| p.name.clone()),
            tag: match standing {
                Standing::Stays => Some("Stays with this case"),
                Standing::Dismissed => Some("Not a request of its own"),
                Standing::Offered | Standing::Split(_) => None,
            },
            case: other,
            can_split: may_split && (offered || *standing == Standing::Dismissed),
            can_dismiss: may_split && offered,
            services: by_name(
                taxonomy
                    .services
                    .values()
                    .filter(|s| !s.off || s.id == part.service)
                    .map(|s| Choice::new(&s.id, &s.name, &part.service)),
            ),
        })
    });
    Several { parts: parts.collect(), is_open: may_split && offer.is_open() }
}
