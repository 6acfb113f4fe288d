//! A resident is asked one thing at a time: by text where it is, if they did not say; and, where the council set it so, whether
//! the department may know who they are. The case waits for the answer, and goes on from there.

use super::clerk::Clerk;
use super::open::UNKNOWN;
use super::{ACTOR, Thought};
use crate::core::{CaseState, Disposition, MessageId, Verdict};
use crate::outbox::short::Say;
use crate::routing;
use crate::routing::consent::{Consent, Wish};
use crate::store::case::Case;
use crate::store::{self, Tx};
use serde_json::json;
use sqlx::types::Json;

/// What stands in `asked` of a case whose resident was asked where it is.
const PLACE: &str = "place";
/// The same of one who was asked whether the department may know who they are.
pub(super) const CONSENT: &str = "consent";

impl Clerk<'_> {
    /// Asks where it is, where a text does not say and nothing can be done without; whether it was asked.
    pub(super) async fn ask_place(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        verdict: &Verdict,
        case: &mut Case,
        message: &MessageId,
    ) -> store::Result<bool> {
        let service = self.rules.taxonomy.services.get(&verdict.service);
        let missing = service.is_some_and(|s| s.needs_place) && verdict.place.is_none();
        let may = thought.mail.channel.is_short()
            && thought.mail.sender.is_verified()
            && thought.mail.no_auto_answer.is_none()
            && case.disposition != Disposition::Hold;
        let Some(writer) = thought.mail.writer.as_ref().filter(|_| missing && may) else { return Ok(false) };
        // Where the council lets nothing leave by itself, the question waits for a person like everything else.
        let held = (case.disposition != Disposition::Auto).then_some("Nobody has looked at the case yet");
        if !self.desk().composer.say(tx, Say::AskPlace, writer, Some(case), message.as_str(), held, self.now).await? {
            return Ok(false);
        }
        case.asked = Some(PLACE.to_owned());
        store::case::update(tx, case, self.now).await?;
        Ok(true)
    }

    /// Takes the place from an answer to that question, and with it ward, councillor, department and whether the case may go by
    /// itself. Whether there was one.
    pub(super) async fn take_place(&self, tx: &mut Tx, case: &mut Case, thought: &Thought) -> store::Result<bool> {
        let place = thought.verdict().and_then(|verdict| verdict.place.clone());
        let Some(place) = place.filter(|_| case.asked.as_deref() == Some(PLACE)) else { return Ok(false) };
        let triage = store::decision::of_case(tx, &case.id).await?.into_iter().find(|d| d.kind == "triage");
        let verdict = triage.and_then(|d| serde_json::from_value::<Verdict>(d.evidence.0["verdict"].clone()).ok());
        let Some(verdict) = verdict else { return Ok(false) };
        let verdict = Verdict { place: Some(place.clone()), ..verdict };
        let (house, taxonomy) = (&self.pipeline.house, &self.rules.taxonomy);
        case.asked = None;
        case.attention = None;
        case.ward = verdict.ward().map(str::to_owned);
        if case.councillor.is_none() {
            let of_ward = verdict.ward().and_then(|ward| house.council.councillor_of_ward(ward));
            case.councillor = of_ward.map(|councillor| councillor.id.clone());
        }
        case.place = Some(Json(place));
        // A person who chose a department meanwhile is not overruled.
        if case.service == verdict.service && case.routed_at.is_none() {
            case.department = routing::department_for(taxonomy, &verdict.service, verdict.ward()).to_owned();
            let cautious = case.disposition != Disposition::Auto;
            let (disposition, _) = routing::dispose(&verdict, taxonomy, &case.department, &house.policy);
            case.disposition = if cautious { case.disposition } else { disposition };
        }
        Ok(true)
    }

    /// Whether the writer of a message is somebody who can be asked whether the department may know who they are.
    pub(super) fn may_ask_consent(&self, thought: &Thought) -> bool {
        let mail = &thought.mail;
        thought.chosen.is_none()
            && self.pipeline.house.consent.on(mail.channel) == Wish::Ask
            && mail.sender.is_verified()
            && mail.no_auto_answer.is_none()
            && mail.writer.is_some()
    }

    /// Asks whether the department may know who they are, where the council wants that asked; whether it was. Who cannot be
    /// asked stays unknown, and a person looks at the words before they go.
    pub(super) async fn ask_consent(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        case: &mut Case,
        message: &MessageId,
    ) -> store::Result<bool> {
        let open = matches!(case.state, CaseState::Review) && case.disposition != Disposition::Hold;
        if !open || !self.may_ask_consent(thought) || case.consent != Consent::Councillor.as_str() {
            return Ok(false);
        }
        let Some(writer) = &thought.mail.writer else { return Ok(false) };
        let held = (case.disposition != Disposition::Auto).then_some("Nobody has looked at the case yet");
        let composer = self.desk().composer;
        let asked = composer.say(tx, Say::AskConsent, writer, Some(case), message.as_str(), held, self.now).await?;
        if asked {
            case.asked = Some(CONSENT.to_owned());
        } else if case.disposition == Disposition::Auto {
            case.disposition = Disposition::Suggest;
            case.attention = Some(UNKNOWN.to_owned());
        }
        store::case::update(tx, case, self.now).await?;
        Ok(asked)
    }

    /// What a message answers to that question, if it is an answer and nothing else. `YES` and `NO` are understood in every
    /// language but those in which one of them means something else.
    pub(super) fn answers_consent(&self, case: &Case, words: &str) -> Option<bool> {
        if case.asked.as_deref() != Some(CONSENT) {
            return None;
        }
        let (language, own) = self.rules.consent_reply(&case.language);
        let (_, english) = self.rules.consent_reply("en");
        let theirs = own.answer(words);
        // A Pole's casual "no" is a yes.
        theirs.or_else(|| english.answer(words).filter(|_| language != "pl"))
    }

    /// Takes that answer. Who says yes is known to the department from now on, also where it has the case already; whether it was
    /// one.
    pub(super) async fn take_consent(&self, tx: &mut Tx, case: &mut Case, thought: &Thought) -> store::Result<bool> {
        let Some(yes) = self.answers_consent(case, &thought.mail.text) else { return Ok(false) };
        case.asked = None;
        if yes {
            Consent::Share.as_str().clone_into(&mut case.consent);
            case.attention = None;
        } else {
            case.attention = Some(UNKNOWN.to_owned());
            if case.disposition == Disposition::Auto {
                case.disposition = Disposition::Suggest;
            }
        }
        let goes = yes && case.disposition == Disposition::Auto && case.state == CaseState::Review;
        let desk = self.desk();
        if yes && case.state == CaseState::Routed {
            desk.composer.introduce(tx, case, self.now).await?;
        }
        // Where the case goes on at once, the acknowledgement is answer enough.
        if let Some(writer) = thought.mail.writer.as_ref().filter(|_| !goes) {
            let say = if yes { Say::Shared } else { Say::Kept };
            desk.composer.say(tx, say, writer, Some(case), thought.row.id.as_str(), None, self.now).await?;
        }
        desk.note_consent(tx, case, ACTOR, json!({"consent": case.consent, "by": "the resident"})).await?;
        Ok(true)
    }
}
