//! A message that answers a case goes on that case.

use super::clerk::Clerk;
use super::{ACTOR, Thought};
use crate::casework::join;
use crate::core::{CaseId, CaseState, Disposition, Party, Priority};
use crate::store::case::Case;
use crate::store::inbox::Outcome;
use crate::store::{self, Tx};
use serde_json::json;

impl Clerk<'_> {
    /// Puts a message on the case it answers.
    pub(super) async fn add_to_case(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        case: &CaseId,
        party: Party,
        how: &str,
        councillor: Option<String>,
    ) -> store::Result<()> {
        let Some(mut case) = store::case::get_to_change(tx, case).await? else {
            return Err(store::StoreError::Sql(sqlx::Error::RowNotFound));
        };
        let contact = self.contact(tx, thought).await?;
        let id = self.write_message(tx, thought, Some(&case), party, contact.as_ref()).await?;
        if let Some(councillor) = &councillor {
            store::message::add_councillor(tx, &id, councillor).await?;
        }
        if party == Party::Resident {
            store::trail::take_back(tx, &case.id).await?;
        }
        let reopened = case.state == CaseState::Closed && party == Party::Resident;
        if reopened {
            case.state = CaseState::Review;
            case.closed_at = None;
        }
        case.attention = Some(attention(party, reopened, thought.mail.sender.is_verified()).to_owned());
        let may_answer = party == Party::Resident && thought.mail.sender.is_verified();
        let told = may_answer && self.take_answer(tx, &mut case, thought).await?;
        let answered = told || may_answer && self.take_consent(tx, &mut case, thought).await?;
        self.heed_worries(tx, &mut case, thought, party).await?;
        store::case::update(tx, &case, self.now).await?;
        if told {
            self.ask_consent(tx, thought, &mut case, &id).await?;
        }
        let goes_on = case.disposition == Disposition::Auto && case.asked.is_none();
        if answered && goes_on && case.state == CaseState::Review {
            self.route_alone(tx, &case).await?;
        }
        self.call_root(tx, &case).await?;
        let decided = json!({"outcome": "joined", "case": case.id, "party": party, "reopened": reopened});
        let evidence = json!({"how": how, "verdict": thought.verdict()});
        self.decide(tx, Some(&case), &id, "thread", decided, evidence).await?;
        self.finish(tx, thought, Outcome::Joined, &id, how).await
    }

    /// Words that worry hold the case, whoever had it.
    async fn heed_worries(&self, tx: &mut Tx, case: &mut Case, thought: &Thought, party: Party) -> store::Result<()> {
        let Some(verdict) = thought.verdict() else { return Ok(()) };
        if party == Party::Resident {
            case.priority = case.priority.max(verdict.priority);
        }
        if let Some(concern) = verdict.concerns.first() {
            self.take_out(tx, case).await?;
            case.state = CaseState::Held;
            case.priority = Priority::Urgent;
            case.hold_reason = Some(concern.hold_reason());
            // What has not left yet was written before anybody knew, and says too much.
            let why = "the resident's later words are about somebody's safety";
            store::outbox::cancel(tx, &case.id, "acknowledgement", chrono::DateTime::UNIX_EPOCH, why).await?;
            self.desk().stop_referral(tx, &case.id, why).await?;
        }
        Ok(())
    }

    /// A worry is not dealt with inside another case: a joined case stands by itself again.
    async fn take_out(&self, tx: &mut Tx, case: &Case) -> store::Result<()> {
        for link in store::link::standing(tx, &case.id).await? {
            if link.is_join() && link.child == case.id {
                store::link::end(tx, &link.id, ACTOR, self.now).await?;
                // Its words stand in the other one's mail no more, if that has not left.
                if let Some(other) = store::case::get(tx, &link.parent).await?.filter(|c| c.state == CaseState::Routed)
                {
                    self.desk().refer_anew(tx, &other).await?;
                }
            }
        }
        Ok(())
    }

    /// Where the case is dealt with in another one, it is that one people look at.
    async fn call_root(&self, tx: &mut Tx, case: &Case) -> store::Result<()> {
        let root = join::root(tx, &case.id).await?;
        if root != case.id
            && let Some(mut root) = store::case::get_to_change(tx, &root).await?
        {
            if root.state == CaseState::Closed {
                root.state = CaseState::Review;
                root.closed_at = None;
            }
            root.attention = Some(format!("New words on {}, which is joined to this case", case.reference));
            store::case::update(tx, &root, self.now).await?;
        }
        Ok(())
    }
}

const fn attention(party: Party, reopened: bool, verified: bool) -> &'static str {
    match (party, reopened) {
        (Party::Resident, true) => "The resident answered after it was closed",
        (Party::Resident, false) if !verified => "New words, whose sender is not verified",
        (Party::Resident, false) => "New words from the resident",
        (Party::Department, _) => "The department answered",
        (Party::Councillor, _) => "The councillor answered",
    }
}
