//! Who wrote on a case: their addresses, and whom they may be besides.

use super::format;
use crate::core::ContactId;
use crate::core::case::Sameness;
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

/// Who wrote on a case; none where one address is all that is known.
pub(super) async fn who(tx: &mut Tx, case: &Case) -> store::Result<Option<Who>> {
    let Some(contact) = &case.contact_id else { return Ok(None) };
    let addresses = person::points(tx, contact).await?.into_iter().enumerate().map(address_view).collect::<Vec<_>>();
    let mut others = Vec::new();
    for said in person::said_of(tx, contact).await? {
        if matches!(said.state, Sameness::Suggested | Sameness::Confirmed) {
            others.push(other(tx, contact, said).await?);
        }
    }
    Ok((addresses.len() > 1 || !others.is_empty()).then_some(Who { addresses, others }))
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

async fn other(tx: &mut Tx, contact: &ContactId, said: SamePerson) -> store::Result<OtherView> {
    let beside = if said.one == *contact { &said.other } else { &said.one };
    let points = person::own_points(tx, beside).await?;
    let addresses = points.iter().map(|p| format!("{}: {}", p.channel.label(), p.address)).collect::<Vec<_>>();
    Ok(OtherView {
        id: said.id.to_string(),
        contact: beside.clone(),
        name: points.into_iter().find_map(|p| p.name).unwrap_or_else(|| "No name".to_owned()),
        addresses: addresses.join(", "),
        why: format::sentence(&said.why),
        suggested: said.state == Sameness::Suggested,
    })
}
