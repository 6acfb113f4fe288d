//! What a person decides about a case and another one beside it.

use super::no_such;
use crate::casework::join::Grounds;
use crate::core::{LinkId, Reference};
use crate::desk::Desk;
use crate::portal::trouble::Trouble;
use crate::store::case::Case;
use crate::store::link::{Link, LinkKind};
use crate::store::{self, Tx};
use serde::Deserialize;

/// What was decided.
pub(in crate::portal) enum LinkAct {
    Join(String),
    Undo(LinkId),
    Same(LinkId),
    Different(LinkId),
}

#[derive(Deserialize)]
pub(in crate::portal) struct JoinTo {
    #[serde(default)]
    pub(super) to: String,
}

/// Does it; answers the word of what was done.
pub(in crate::portal) async fn decide(
    desk: &Desk<'_>,
    tx: &mut Tx,
    case: &Case,
    act: LinkAct,
    actor: &str,
) -> Result<&'static str, Trouble> {
    match act {
        LinkAct::Join(to) => {
            let to: Reference = to.parse().map_err(|e| Trouble::bad(format!("\"{to}\" is not a case: {e}.")))?;
            let missing = || Trouble::not_found(format!("There is no case {to}."));
            let parent = store::case::by_reference(tx, &to).await?.ok_or_else(missing)?;
            let grounds = Grounds { score: 1.0, why: "a person says it is the same problem", actor };
            desk.join(tx, &case.id, &parent.id, grounds).await?;
            Ok("joined")
        }
        LinkAct::Undo(link) => {
            let link = link_of(tx, case, &link, LinkKind::Join).await?;
            desk.undo(tx, &link.id, actor).await?;
            Ok("undone")
        }
        LinkAct::Same(link) => {
            let link = link_of(tx, case, &link, LinkKind::Maybe).await?;
            let grounds = Grounds { score: link.score, why: &link.why, actor };
            desk.join(tx, &link.child, &link.parent, grounds).await?;
            Ok("joined")
        }
        LinkAct::Different(link) => {
            let link = link_of(tx, case, &link, LinkKind::Maybe).await?;
            desk.different(tx, &link.id, actor).await?;
            Ok("different")
        }
    }
}

/// A standing link of this case, of the kind asked for.
pub(in crate::portal) async fn link_of(tx: &mut Tx, case: &Case, id: &LinkId, kind: LinkKind) -> Result<Link, Trouble> {
    let ours = |l: &Link| l.kind == kind && (l.child == case.id || l.parent == case.id);
    let link = store::link::get(tx, id).await?.filter(ours);
    let link = link.ok_or_else(|| no_such("link"))?;
    // A join or split that was undone is the desk's to answer for; a suggestion that was dealt with is ours.
    if kind == LinkKind::Maybe && link.ended_at.is_some() {
        return Err(Trouble::conflict("This suggestion was dealt with already."));
    }
    Ok(link)
}
