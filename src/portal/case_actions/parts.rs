//! What a person decides about a message with several requests.

use super::links::link_of;
use super::no_such;
use crate::core::LinkId;
use crate::desk::{Desk, SplitOff};
use crate::portal::Shared;
use crate::portal::trouble::Trouble;
use crate::store::Tx;
use crate::store::case::Case;
use crate::store::link::LinkKind;
use serde::Deserialize;

/// What was decided. Parts stand as they are shown.
pub(super) enum PartAct {
    Split(String, String),
    Unsplit(LinkId),
    Dismiss(String),
    Whole(bool),
}

#[derive(Deserialize)]
pub(in crate::portal) struct PartService {
    #[serde(default)]
    pub(super) service: String,
}

#[derive(Deserialize)]
pub(in crate::portal) struct Whole {
    #[serde(default)]
    pub(super) whole: String,
}

/// Does it; answers the word of what was done.
pub(super) async fn decide(
    app: &Shared,
    desk: &Desk<'_>,
    tx: &mut Tx,
    case: &Case,
    act: PartAct,
    actor: &str,
) -> Result<&'static str, Trouble> {
    match act {
        PartAct::Split(part, service) => {
            let house = &app.portal.pipeline.house;
            let service = Some(service.as_str()).filter(|s| !s.is_empty());
            let part = part_number(&part)?;
            let (policy, calendar, matcher) = (&house.policy, &house.calendar, house.matcher.now());
            let wanted = SplitOff { part, service, policy, calendar, matcher: &matcher };
            desk.split(tx, &case.id, wanted, actor).await?;
            Ok("split")
        }
        PartAct::Dismiss(part) => {
            desk.dismiss_part(tx, &case.id, part_number(&part)?, actor).await?;
            Ok("dismissed")
        }
        PartAct::Unsplit(link) => {
            let link = link_of(tx, case, &link, LinkKind::Split).await?;
            desk.undo_split(tx, &link.id, actor).await?;
            Ok("unsplit")
        }
        PartAct::Whole(whole) => {
            desk.share_whole(tx, &case.id, whole, actor).await?;
            Ok(if whole { "whole" } else { "part" })
        }
    }
}

/// Parts are counted from one where people see them.
fn part_number(shown: &str) -> Result<usize, Trouble> {
    shown.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).ok_or_else(|| no_such("part of this message"))
}
