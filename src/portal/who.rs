//! Who wrote on a case: their addresses, and whom they may be besides.

use super::format;
use crate::core::case::Sameness;
use crate::core::{ContactId, Reach, SamePersonId};
use crate::store::case::Case;
use crate::store::person::{self, Point, SamePerson};
use crate::store::{self, Tx};

/// The resident of a case, where there is more to say of them than one address.
pub(super) struct Who {
    pub(super) addresses: Vec<AddressView>,
    pub(super) others: Vec<OtherView>,
}

impl Who {
    /// Everybody else whose name and addresses stand there, as the audit trail calls them.
    pub(super) fn others_read(&self) -> impl Iterator<Item = String> {
        self.others.iter().map(|other| format!("contact:{}", other.contact))
    }
}

/// An address of theirs.
pub(super) struct AddressView {
    pub(super) channel: &'static str,
    pub(super) key: &'static str,
    pub(super) address: String,
    pub(super) chosen: bool,
    /// Whether anything can be sent there.
    pub(super) reachable: bool,
}

/// Another contact that is, or may be, the same person.
pub(super) struct OtherView {
    pub(super) id: String,
    contact: ContactId,
    pub(super) name: String,
    pub(super) addresses: String,
    pub(super) why: String,
    pub(super) suggested: bool,
}

/// Who wrote on a case; none where one address is all that is known. Of another contact only what somebody may see who has this `reach`: one
/// of whose cases lies within it.
pub(super) async fn who(tx: &mut Tx, case: &Case, reach: &Reach) -> store::Result<Option<Who>> {
    let Some(contact) = &case.contact_id else { return Ok(None) };
    let mut addresses = Vec::new();
    for (place, point) in person::points(tx, contact).await?.into_iter().enumerate() {
        if point.contact_id == *contact || reaches(tx, &point.contact_id, reach).await? {
            addresses.push(address_view((place, point)));
        }
    }
    let mut others = Vec::new();
    for said in person::said_of(tx, contact).await? {
        if matches!(said.state, Sameness::Suggested | Sameness::Confirmed) {
            others.extend(other(tx, contact, said, reach).await?);
        }
    }
    Ok((addresses.len() > 1 || !others.is_empty()).then_some(Who { addresses, others }))
}

/// Whether a contact has a case within reach.
async fn reaches(tx: &mut Tx, contact: &ContactId, reach: &Reach) -> store::Result<bool> {
    if *reach == Reach::All {
        return Ok(true);
    }
    Ok(person::councillors(tx, contact).await?.iter().any(|councillor| reach.has(councillor.as_deref())))
}

/// Whether what is said of a case's writer and somebody else is theirs to decide: the other one has a case within reach, too.
pub(super) async fn may_decide(tx: &mut Tx, case: &Case, said: &SamePersonId, reach: &Reach) -> store::Result<bool> {
    let Some(contact) = &case.contact_id else { return Ok(true) };
    let all = person::said_of(tx, contact).await?;
    let Some(found) = all.into_iter().find(|one| one.id == *said) else { return Ok(true) };
    reaches(tx, if found.one == *contact { &found.other } else { &found.one }, reach).await
}

fn address_view((place, point): (usize, Point)) -> AddressView {
    AddressView {
        reachable: !point.channel.is_hearsay(),
        channel: point.channel.label(),
        key: point.channel.as_str(),
        address: point.address,
        chosen: place == 0 && point.chosen_at.is_some(),
    }
}

/// The other contact of what was said, where one of its cases lies within reach.
async fn other(tx: &mut Tx, contact: &ContactId, said: SamePerson, reach: &Reach) -> store::Result<Option<OtherView>> {
    let beside = if said.one == *contact { &said.other } else { &said.one };
    if !reaches(tx, beside, reach).await? {
        return Ok(None);
    }
    let points = person::own_points(tx, beside).await?;
    let addresses = points.iter().map(|p| format!("{}: {}", p.channel.label(), p.address)).collect::<Vec<_>>();
    Ok(Some(OtherView {
        id: said.id.to_string(),
        contact: beside.clone(),
        name: points.into_iter().find_map(|p| p.name).unwrap_or_else(|| "No name".to_owned()),
        addresses: addresses.join(", "),
        why: format::sentence(&said.why),
        suggested: said.state == Sameness::Suggested,
    }))
}
