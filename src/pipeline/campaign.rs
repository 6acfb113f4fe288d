//! A burst of letters in nearly the same words becomes one campaign: the first letter's case stands for all, the others are joined to it.
//! Joining sends nothing by itself, so it needs no person; it can be undone like every join.

use super::clerk::Clerk;
use super::{Meaning, Thought};
use crate::casework::campaign::{Copy, FEWEST_LETTERS, STANDS_DAYS, WITHIN_DAYS};
use crate::casework::join::JoinError;
use crate::casework::search::Match;
use crate::core::{CaseId, CaseState};
use crate::desk::DeskError;
use crate::store::case::Case;
use crate::store::{self, Tx};
use crate::understanding::Question;
use chrono::TimeDelta;

/// What a message is to the letters that others sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gathered {
    /// None of them.
    Apart,
    /// Another one of one letter, of which there are not enough yet for a campaign: a person looks before a department gets each of them.
    OneOfFew,
    /// One of a campaign, and joined to it.
    Joined,
}

impl Clerk<'_> {
    /// Joins a new case to the campaign that its message is a letter of, if it is one. `auto` says whether its resident may be answered
    /// without a person. A message in which somebody may be in danger is never one of many.
    pub(super) async fn gather(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        meaning: &Meaning,
        case: &Case,
        known: &[Match],
        auto: bool,
    ) -> store::Result<Gathered> {
        if case.state != CaseState::Review || !meaning.verdict.concerns.is_empty() {
            return Ok(Gathered::Apart);
        }
        let text = thought.question.text();
        let copy = Copy::of(&text);
        for campaign in store::campaign::standing(tx, self.now - TimeDelta::days(STANDS_DAYS)).await? {
            let first = Copy::of(&text_of(campaign.subject, campaign.body));
            if first.is_one_with(&copy) {
                store::campaign::note(tx, &case.id, &campaign.lead, &first.added(&text), self.now).await?;
                let joined = self.add_letter(tx, &case.id, &campaign.lead, auto).await?;
                // Not for each of thousands: what is written anew names all of them.
                if joined && store::campaign::letters_of(tx, &campaign.lead).await?.is_power_of_two() {
                    self.desk().count_letters_anew(tx, &campaign.lead).await?;
                }
                return Ok(if joined { Gathered::Joined } else { Gathered::OneOfFew });
            }
        }
        let person = match &case.contact_id {
            Some(contact) => Some(store::person::of(tx, contact).await?),
            None => None,
        };
        let ids: Vec<CaseId> = known.iter().map(|known| known.case.clone()).collect();
        for candidate in store::case::candidates(tx, &ids).await? {
            let first = Copy::of(&text_of(candidate.subject, candidate.body));
            // The same person again is one letter.
            let same_writer = person.is_some() && candidate.contact_id == person;
            if same_writer || !first.is_one_with(&copy) {
                continue;
            }
            let lead = store::campaign::lead_of(tx, &candidate.id).await?.unwrap_or(candidate.id);
            store::campaign::note(tx, &case.id, &lead, &first.added(&text), self.now).await?;
            let joined = self.form(tx, &lead, auto).await?;
            return Ok(if joined { Gathered::Joined } else { Gathered::OneOfFew });
        }
        Ok(Gathered::Apart)
    }

    /// Makes a campaign of letters that are enough for one, this moment's among them.
    async fn form(&self, tx: &mut Tx, lead: &CaseId, auto: bool) -> store::Result<bool> {
        let since = self.now - TimeDelta::days(WITHIN_DAYS);
        if store::campaign::count(tx, lead, since).await? + 1 < FEWEST_LETTERS {
            return Ok(false);
        }
        let Some(first) = store::case::get_to_change(tx, lead).await? else { return Ok(false) };
        if !matches!(first.state, CaseState::Review | CaseState::Routed)
            || !store::campaign::form(tx, lead, self.now).await?
        {
            return Ok(false);
        }
        let mut joined = false;
        for letter in store::campaign::waiting(tx, lead, since).await? {
            joined = self.add_letter(tx, &letter, lead, auto).await?;
        }
        self.desk().tell_of_campaign(tx, lead, super::ACTOR).await?;
        // The newest letter, which is this one, came last.
        Ok(joined)
    }

    async fn add_letter(&self, tx: &mut Tx, letter: &CaseId, lead: &CaseId, auto: bool) -> store::Result<bool> {
        match self.desk().join_letter(tx, letter, lead, auto, super::ACTOR).await {
            Ok(()) => Ok(true),
            Err(DeskError::Store(error) | DeskError::Join(JoinError::Store(error))) => Err(error),
            // It was dealt with meanwhile: then it stays as it is.
            Err(_) => Ok(false),
        }
    }
}

fn text_of(subject: String, body: String) -> String {
    Question { subject, body, ..Question::default() }.text()
}
