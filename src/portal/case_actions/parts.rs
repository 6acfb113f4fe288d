//! What a person decides about a message with several requests.

use super::links::link_of;
use super::no_such;
use crate::core::{LinkId, Verdict};
use crate::desk::{Desk, SplitOff};
use crate::portal::Shared;
use crate::portal::trouble::Trouble;
use crate::routing::deadline::received_date;
use crate::store::Tx;
use crate::store::case::Case;
use crate::store::link::LinkKind;
use crate::understanding::Question;
use serde::Deserialize;

/// Longest request that is copied out of a message, in characters.
const MOST_WORDS: usize = 5_000;

/// What was decided. Parts stand as they are shown.
pub(super) enum PartAct {
    Split(String, String),
    Unsplit(LinkId),
    Dismiss(String),
    Whole(bool),
    /// Another request that a person sees in the message: its words, and what they are about once they were judged.
    Find(String, Option<Box<Verdict>>),
}

#[derive(Deserialize)]
pub(in crate::portal) struct Another {
    #[serde(default)]
    pub(super) words: String,
}

/// Has the words of another request judged, before anything is held in the database.
pub(super) async fn judged(app: &Shared, words: String) -> Result<PartAct, Trouble> {
    if words.chars().count() > MOST_WORDS {
        return Err(Trouble::bad(format!("Copy at most {MOST_WORDS} characters.")));
    }
    let question = Question { body: words.clone(), received: Some(received_date(app.now())), ..Question::default() };
    let verdict = app.portal.pipeline.understanding.judge(&[question]).await.pop();
    Ok(PartAct::Find(words, verdict.map(Box::new)))
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
        PartAct::Find(words, verdict) => {
            let verdict = verdict.ok_or_else(Trouble::internal)?;
            desk.find_part(tx, &case.id, (&words, *verdict), actor).await?;
            Ok("found")
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
