//! What is done with a campaign: its letters are joined, everybody who has to know is told once, and all who wrote are answered at once.

use super::{Desk, DeskError, said};
use crate::casework::join::{self, Grounds};
use crate::core::{CaseId, CaseState};
use crate::outbox::compose::Acknowledged;
use crate::store::case::Case;
use crate::store::{self, Tx};
use serde_json::json;

/// Why the acknowledgement of a letter waits that came after a person had let the others go.
pub const WAITS: &str = "One of many letters in the same words: let them go together";

impl Desk<'_> {
    /// Joins a letter to the campaign it is one of. Its resident is acknowledged where the campaign's case is with a department: at
    /// once if they may be answered without a person (`auto`), else when a person lets all of them go.
    ///
    /// # Errors
    /// As [`join::join`].
    pub async fn join_letter(
        &self,
        tx: &mut Tx,
        letter: &CaseId,
        lead: &CaseId,
        auto: bool,
        actor: &str,
    ) -> Result<(), DeskError> {
        let grounds = Grounds { score: 1.0, why: "one of many letters in nearly the same words", actor };
        let link = join::join(tx, self.composer.ids, letter, lead, grounds, self.now).await?;
        let case = store::case::get(tx, letter).await?.ok_or(DeskError::Unknown("case"))?;
        let first = store::case::get(tx, lead).await?.ok_or(DeskError::Unknown("case"))?;
        let decided =
            json!({"link": link, "to": first.reference, "score": grounds.score, "why": grounds.why, "campaign": true});
        self.note(tx, &case, "join", actor, decided).await?;
        if first.state == CaseState::Routed {
            self.acknowledge_letter(tx, letter, &first, auto, actor).await?;
        }
        Ok(())
    }

    /// Acknowledges a letter of a campaign, and tells its councillor of the campaign, once.
    pub(super) async fn acknowledge_letter(
        &self,
        tx: &mut Tx,
        letter: &CaseId,
        lead: &Case,
        auto: bool,
        actor: &str,
    ) -> store::Result<()> {
        let Some(mut case) = store::case::get(tx, letter).await? else { return Ok(()) };
        case.department.clone_from(&lead.department);
        case.due_on.clone_from(&lead.due_on);
        let mut acknowledged = self.composer.acknowledge(tx, &case, true, self.now).await?;
        if !auto && acknowledged == Acknowledged::Queued {
            store::campaign::hold(tx, &case.id, WAITS).await?;
            acknowledged = Acknowledged::Held(WAITS.to_owned());
        }
        let councillor = self.composer.tell_councillor_of_campaign(tx, &case, lead, self.now).await?;
        let decided = json!({"with": lead.reference, "acknowledgement": said(&acknowledged), "councillor": councillor, "campaign": true});
        self.note(tx, &case, "acknowledge", actor, decided).await
    }

    /// Says once to the department that has the case, with the councillor in Cc, that it is a campaign now: in the mail by which it gets the
    /// case, if that has not left yet, else in one of its own. Where no department has it yet, a gatekeeper is told.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_of_campaign(&self, tx: &mut Tx, lead: &CaseId, actor: &str) -> store::Result<()> {
        let Some(mut case) = store::case::get_to_change(tx, lead).await? else { return Ok(()) };
        let letters = store::campaign::joined(tx, lead).await? + 1;
        if case.state == CaseState::Routed {
            if !self.refer_anew(tx, &case).await? {
                self.composer.tell_department_of_campaign(tx, &case, letters, self.now).await?;
            }
        } else {
            case.attention = Some(format!(
                "{letters} people sent this letter so far: it is a campaign, and this case stands for all"
            ));
            store::case::update(tx, &case, self.now).await?;
        }
        self.note(tx, &case, "campaign", actor, json!({"letters": letters})).await
    }

    /// Says how many letters there are in the mail by which the department gets the case, as long as it has not left.
    ///
    /// # Errors
    /// What the database says.
    pub async fn count_letters_anew(&self, tx: &mut Tx, lead: &CaseId) -> store::Result<()> {
        let Some(case) = store::case::get(tx, lead).await?.filter(|case| case.state == CaseState::Routed) else {
            return Ok(());
        };
        self.refer_anew(tx, &case).await?;
        Ok(())
    }

    /// Lets the acknowledgements of a campaign's letters go that wait for a person; how many.
    ///
    /// # Errors
    /// When there is no such case, or none waits.
    pub async fn release_letters(&self, tx: &mut Tx, lead: &CaseId, actor: &str) -> Result<u64, DeskError> {
        let case = Self::for_staff(tx, lead).await?;
        let released = store::campaign::release(tx, lead, WAITS, self.now).await?;
        if released == 0 {
            return Err(DeskError::NotNow("no acknowledgement of these letters waits any more"));
        }
        self.note(tx, &case, "release", actor, json!({"acknowledgements": released})).await?;
        Ok(released)
    }

    /// Writes one answer to everybody who sent a letter of a campaign, each by their own name and on their own channel; how many it goes to.
    /// The case stays open.
    ///
    /// # Errors
    /// When there is no such campaign, or there are no words.
    pub async fn answer_letters(
        &self,
        tx: &mut Tx,
        lead: &CaseId,
        words: &str,
        actor: &str,
    ) -> Result<usize, DeskError> {
        let case = Self::for_staff(tx, lead).await?;
        if !store::campaign::is_one(tx, lead).await? {
            return Err(DeskError::Unknown("campaign"));
        }
        if words.trim().is_empty() {
            return Err(DeskError::Missing("write the answer: everybody who sent this letter gets it"));
        }
        let mut written = 0;
        let letters = store::campaign::cases(tx, lead).await?;
        for id in std::iter::once(lead).chain(&letters) {
            let Some(letter) = store::case::get(tx, id).await? else { continue };
            let answered = self.composer.answer(tx, &letter, words, self.now).await?;
            written += usize::from(matches!(answered, Acknowledged::Queued | Acknowledged::Held(_)));
            self.note(tx, &letter, "answer", actor, json!({"words": words.trim(), "resident": said(&answered)}))
                .await?;
        }
        self.note(tx, &case, "answer_all", actor, json!({"words": words.trim(), "letters": letters.len() + 1})).await?;
        Ok(written)
    }
}
