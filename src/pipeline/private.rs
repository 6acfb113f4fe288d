//! A message that its writer marked for the councillor only. It is judged like any other, for its language and for danger; what it
//! says is compared with nothing, learned from by nobody, and shown to nobody but the councillor.

use super::clerk::Clerk;
use super::open::Course;
use super::{Meaning, Thought};
use crate::core::{CaseId, Channel, Disposition, Party, Verdict};
use crate::desk::private::SERVICE;
use crate::intake::threads::{self, Answers};
use crate::routing;
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::inbox::Outcome;
use crate::store::{self, Tx};
use serde_json::json;

impl Clerk<'_> {
    /// Whether a message is for the councillor only: chosen on the form, or marked in its words. What staff and councillors write
    /// themselves is not.
    pub(super) fn is_private(&self, thought: &Thought) -> bool {
        let mail = &thought.mail;
        match &thought.chosen {
            Some(chosen) => chosen.consent.is_private(),
            None => {
                let from = mail.from.as_ref().map_or("", |from| from.email.as_str());
                let house = &self.pipeline.house;
                self.rules.is_marked_private(&mail.subject, &mail.text)
                    && !crate::outbox::compose::is_of_the_council(&house.council, &self.rules.taxonomy, from)
            }
        }
    }

    /// Opens a case for it and gives it to its councillor. One that is not heeded (`unheeded`: a blocked sender, too much at once)
    /// is kept, and goes to nobody.
    pub(super) async fn open_private(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        meaning: &Meaning,
        councillor: Option<String>,
        unheeded: Option<&str>,
    ) -> store::Result<()> {
        let house = &self.pipeline.house;
        let of_ward = meaning.verdict.ward().and_then(|ward| house.council.councillor_of_ward(ward));
        let councillor = councillor.or_else(|| of_ward.map(|councillor| councillor.id.clone()));
        // A place, a ward or the service it is about would tell of it.
        let verdict = Verdict { service: SERVICE.to_owned(), confidence: 1.0, place: None, ..meaning.verdict.clone() };
        let danger = verdict.concerns.first().map(|concern| concern.hold_reason());
        let course = Course {
            department: routing::department_for(&self.rules.taxonomy, SERVICE, None).to_owned(),
            disposition: if danger.is_some() { Disposition::Hold } else { Disposition::Suggest },
            hold_reason: danger,
            caution: None,
        };
        let contact = self.contact(tx, thought).await?;
        let case = self.open(tx, thought, &verdict, &course, contact.as_ref(), councillor.as_deref()).await?;
        let id = self.write_message(tx, thought, Some(&case), Party::Resident, contact.as_ref()).await?;
        let decided = json!({"outcome": "new_case", "private": true, "unheeded": unheeded});
        self.decide(tx, Some(&case), &id, "private", decided, json!({"rules": verdict.rules})).await?;
        if unheeded.is_some() {
            store::case::close_quietly(tx, &case.id, self.now).await?;
        } else {
            self.ask_for_proof(tx, thought, &case, &id).await?;
            self.desk().give(tx, &case.id, self.has_it(thought, &case), super::ACTOR).await?;
        }
        self.finish(tx, thought, Outcome::NewCase, &id, "for the councillor only").await
    }

    /// Puts later words on a private case and gives them to the other side.
    pub(super) async fn add_private(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        mut case: Case,
        party: Party,
    ) -> store::Result<()> {
        let contact = self.contact(tx, thought).await?;
        let id = self.write_message(tx, thought, Some(&case), party, contact.as_ref()).await?;
        let in_danger = party == Party::Resident && thought.verdict().is_some_and(|v| !v.concerns.is_empty());
        let written = store::message::of_case(tx, &case.id).await?.into_iter().find(|message| message.id == id);
        if let Some(message) = written {
            let has_it = self.has_it(thought, &case);
            self.desk().give_more(tx, &mut case, &message, has_it, in_danger).await?;
        }
        let decided = json!({"outcome": "joined", "party": party, "private": true});
        self.decide(tx, Some(&case), &id, "private", decided, json!({})).await?;
        self.finish(tx, thought, Outcome::Joined, &id, "on a case for the councillor only").await
    }

    /// Keeps automatic mail that came back to a private case, with it: a bounce or an answer quotes what was written.
    pub(super) async fn keep_private(&self, tx: &mut Tx, thought: &Thought, case: &Case) -> store::Result<()> {
        let id = self.write_message(tx, thought, Some(case), Party::Councillor, None).await?;
        self.mark_bounced(tx, thought).await?;
        let why = "automatic mail about a case for the councillor only";
        self.decide(tx, Some(case), &id, "private", json!({"outcome": "kept", "private": true}), json!({})).await?;
        self.finish(tx, thought, Outcome::Joined, &id, why).await
    }

    /// The private case that automatic mail is about, if any: a copy of ours, an answer to it, or what came back.
    pub(super) async fn private_behind(&self, tx: &mut Tx, thought: &Thought) -> store::Result<Option<Case>> {
        let (mail, house) = (&thought.mail, &self.pipeline.house);
        let bounced = mail.bounce.iter().flat_map(|bounce| &bounce.of);
        for name in mail.rfc_message_id.iter().chain(&mail.answers).chain(bounced) {
            if let Some(thread) = store::message::thread(tx, name).await?
                && let Some(case) = self.if_private(tx, &thread.case_id).await?
            {
                return Ok(Some(case));
            }
        }
        match threads::find(tx, mail, &house.key, &house.council, &self.rules.taxonomy).await? {
            Answers::Case(case, ..) | Answers::Perhaps(case, _) => self.if_private(tx, &case).await,
            Answers::Nothing => Ok(None),
        }
    }

    /// A case, held for a change, if it is a private one.
    pub(super) async fn if_private(&self, tx: &mut Tx, id: &CaseId) -> store::Result<Option<Case>> {
        let case = store::case::get_to_change(tx, id).await?;
        Ok(case.filter(|case| Consent::of(&case.consent).is_private()))
    }

    /// Whether a message lies in the mailbox of the case's councillor, so that no copy is due.
    fn has_it(&self, thought: &Thought, case: &Case) -> bool {
        let of_account = self.pipeline.house.account_councillors.get(&thought.row.account);
        thought.mail.channel == Channel::Email && of_account.is_some() && of_account == case.councillor.as_ref()
    }
}
