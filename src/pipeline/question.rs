//! Who wrote by text is asked one thing where it is missing: the place. The case waits for the answer, and goes on from there.

use super::Thought;
use super::clerk::Clerk;
use crate::core::{Disposition, MessageId, Verdict};
use crate::outbox::short::Say;
use crate::routing;
use crate::store::case::Case;
use crate::store::{self, Tx};
use sqlx::types::Json;

/// What stands in `asked` of a case whose resident was asked where it is.
const PLACE: &str = "place";

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
}
