//! What a resident does on the private page of their own case: they say that it is not needed any more, or solved, or how content
//! they are. Later words are no matter of the desk: they come in as every message does.

use super::{Desk, DeskError, said};
use crate::casework::join;
use crate::core::verdict::is_safeguarding;
use crate::core::{CaseId, CaseState, Party};
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::{self, Tx};
use chrono::DateTime;
use serde_json::json;

/// What stands in a decision where a case was closed,
pub const CLOSED: &str = "closed";
/// where its resident hears no more of it and it goes on,
pub const LEFT: &str = "left";
/// and where a person has to look first.
pub const ASKED: &str = "asked";

/// From here down somebody is not content.
const LOW: i64 = 2;

/// What became of a resident's word that they need no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Their case is closed, now or before.
    Closed,
    /// Others have the same problem: it goes on for them, and the resident hears no more.
    Left,
    /// A person has to look first.
    Asked,
}

/// How content a resident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rated<'a> {
    /// From 1, not at all, to 5, very.
    pub score: i64,
    /// What they say of it; may be empty.
    pub words: &'a str,
    /// Whether these words read as if somebody were in danger.
    pub worry: bool,
}

impl Desk<'_> {
    /// The resident of a case says that it is not needed any more, or (`solved`) that it is done. Where nobody else is waiting, the
    /// case is closed, and whoever has it is told by one mail. Where others have reported the same, it goes on for them. Where somebody
    /// may be in danger nothing is changed: whoever sits before the page may not be the one who wrote, so a person is asked.
    ///
    /// # Errors
    /// When there is no such case.
    pub async fn end_for_resident(&self, tx: &mut Tx, id: &CaseId, solved: bool) -> Result<Ended, DeskError> {
        let case = store::case::get_to_change(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        if case.state == CaseState::Closed {
            return Ok(Ended::Closed);
        }
        let root = join::root(tx, id).await?;
        let top = if root == *id { None } else { store::case::get_to_change(tx, &root).await? };
        let danger = |case: &Case| is_safeguarding(case.hold_reason.as_deref());
        if danger(&case) || top.as_ref().is_some_and(danger) {
            return self.ask_before_ending(tx, case, solved).await;
        }
        match top {
            Some(top) if top.state == CaseState::Closed => Ok(Ended::Closed),
            Some(top) => self.leave(tx, &case, top, solved).await,
            None if !join::all_children(tx, id).await?.is_empty() => self.leave(tx, &case, case.clone(), solved).await,
            None => self.close_for_resident(tx, case, solved).await,
        }
    }

    async fn ask_before_ending(&self, tx: &mut Tx, mut case: Case, solved: bool) -> Result<Ended, DeskError> {
        let says = if solved { "it is solved" } else { "it is not needed any more" };
        let attention = format!(
            "Their private page was used to say that {says}. Somebody may be in danger: look before you close it"
        );
        // Said again, it is the same.
        if case.attention.as_ref() != Some(&attention) {
            case.attention = Some(attention);
            store::case::update(tx, &case, self.now).await?;
            self.note_ended(tx, &case, solved, ASKED, false).await?;
        }
        Ok(Ended::Asked)
    }

    /// Takes the resident of `case` off the notices of a problem that others have too; `top` is the case it is dealt with in. That they
    /// say it is done, a person should know.
    async fn leave(&self, tx: &mut Tx, case: &Case, mut top: Case, solved: bool) -> Result<Ended, DeskError> {
        if !store::trail::withdraw(tx, &case.id, solved, self.now).await? {
            return Ok(Ended::Left);
        }
        if solved {
            top.attention = Some(format!("One of those who reported it ({}) says that it is solved", case.reference));
            store::case::update(tx, &top, self.now).await?;
        }
        let why = "the resident said before it left that they need no more news";
        for purpose in ["question", "acknowledgement"] {
            store::outbox::cancel(tx, &case.id, purpose, DateTime::UNIX_EPOCH, why).await?;
        }
        self.note_ended(tx, case, solved, LEFT, false).await?;
        Ok(Ended::Left)
    }

    async fn close_for_resident(&self, tx: &mut Tx, mut case: Case, solved: bool) -> Result<Ended, DeskError> {
        let had = case.state == CaseState::Routed;
        case.state = CaseState::Closed;
        case.closed_at = Some(self.now);
        (case.attention, case.asked) = (None, None);
        store::case::update(tx, &case, self.now).await?;
        let why = "the resident withdrew the case before it left";
        for purpose in ["question", "acknowledgement"] {
            store::outbox::cancel(tx, &case.id, purpose, DateTime::UNIX_EPOCH, why).await?;
        }
        // A department that has not heard of it yet need not hear that it is over.
        let unsent = store::outbox::cancel(tx, &case.id, "referral", DateTime::UNIX_EPOCH, why).await? > 0;
        let told = had && !unsent && self.composer.tell_withdrawn(tx, &case, solved, self.now).await?;
        let resident = self.composer.tell_ended(tx, &case, solved, self.now).await?;
        tracing::debug!(case = %case.id, resident = said(&resident), "closed as its resident wished");
        self.note_ended(tx, &case, solved, CLOSED, told).await?;
        Ok(Ended::Closed)
    }

    async fn note_ended(&self, tx: &mut Tx, case: &Case, solved: bool, did: &str, told: bool) -> store::Result<()> {
        let decided = json!({"solved": solved, "did": did, "told": told});
        self.note(tx, case, "withdraw", Party::Resident.as_str(), decided).await
    }

    /// The resident of a closed case says, once, how content they are. It sets nothing in motion; but a person should read what somebody
    /// says who is not content, and what worries. `false` where they had said so before: that stands.
    ///
    /// # Errors
    /// When there is no such case, it is not closed or is between them and their councillor, or the score is none.
    pub async fn rate(&self, tx: &mut Tx, id: &CaseId, rated: Rated<'_>) -> Result<bool, DeskError> {
        let mut case = store::case::get_to_change(tx, id).await?.ok_or(DeskError::Unknown("case"))?;
        let Rated { score, words, worry } = rated;
        if !(1..=5).contains(&score) {
            return Err(DeskError::Missing("say how content you are with a number from 1 to 5"));
        }
        if !self.may_rate(tx, &case).await? {
            return Err(DeskError::NotNow("this case is not closed"));
        }
        let words = Some(words.trim()).filter(|words| !words.is_empty());
        if !store::trail::rate(tx, id, score, words, self.now).await? {
            return Ok(false);
        }
        if worry {
            case.attention = Some(WORRY.to_owned());
        } else if score <= LOW && words.is_some() {
            case.attention = Some(DISCONTENT.to_owned());
        }
        store::case::update(tx, &case, self.now).await?;
        let decided = json!({"score": score, "words": words, "worry": worry});
        self.note(tx, &case, "rate", Party::Resident.as_str(), decided).await?;
        Ok(true)
    }

    /// Whether a case is over for its resident, and they may say how content they are.
    ///
    /// # Errors
    /// What the database says.
    pub async fn may_rate(&self, tx: &mut Tx, case: &Case) -> store::Result<bool> {
        let root = join::root(tx, &case.id).await?;
        let top = if root == case.id { None } else { store::case::get(tx, &root).await? };
        let closed = top.as_ref().unwrap_or(case).state == CaseState::Closed;
        Ok(closed && !Consent::of(&case.consent).is_private())
    }
}

/// What a gatekeeper is told of somebody who is not content and says why.
const DISCONTENT: &str = "The resident is not content with how it ended: read what they say";
/// What they are told where those words worry.
const WORRY: &str = "What the resident says about how it ended reads as if somebody may be in danger";
