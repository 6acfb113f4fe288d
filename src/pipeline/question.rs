//! Who wrote by text or chat is asked one thing where it is missing: the place, or what is wrong there. The case waits for the
//! answer, and goes on from there.

use super::Thought;
use super::clerk::Clerk;
use crate::casework::open;
use crate::core::{CaseState, Disposition, MessageId, Mode, Verdict};
use crate::outbox::short::{Addressee, Say};
use crate::routing;
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::{self, Tx};
use sqlx::types::Json;

/// What stands in `asked` of a case whose resident was asked where it is,
const PLACE: &str = "place";
/// and what is wrong.
const PROBLEM: &str = "problem";
/// Up to so many words that nobody can make anything of are asked about; more of them are for a person to read.
const FEW_WORDS: usize = 8;

/// Whether a message is without a word: a place, a picture, a recording.
pub(super) fn is_wordless(thought: &Thought) -> bool {
    thought.mail.text.trim().is_empty()
}

impl Clerk<'_> {
    /// Asks for what is missing and nothing can be done without; whether it was asked.
    pub(super) async fn ask(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        verdict: &Verdict,
        case: &mut Case,
        message: &MessageId,
    ) -> store::Result<bool> {
        let may = thought.mail.channel.is_short()
            && thought.mail.sender.is_verified()
            && thought.mail.no_auto_answer.is_none()
            && case.disposition != Disposition::Hold;
        let Some((say, asked)) = self.missing(thought, verdict).filter(|_| may) else { return Ok(false) };
        let Some(to) = &thought.mail.writer else { return Ok(false) };
        // Where the council lets nothing leave by itself, the question waits for a person like everything else. What is wrong has
        // to be asked before anybody can be sure of anything.
        let policy = &self.pipeline.house.policy;
        let by_itself = match asked {
            PLACE => case.disposition == Disposition::Auto,
            _ => policy.mode == Mode::Auto,
        };
        let held = (!by_itself).then_some("Nobody has looked at the case yet");
        let addressee = Addressee { to, case: Some(case), language: &case.language, answers: message.as_str(), held };
        if !self.desk().composer.say(tx, say, addressee, self.now).await? {
            return Ok(false);
        }
        case.asked = Some(asked.to_owned());
        store::case::update(tx, case, self.now).await?;
        Ok(true)
    }

    /// The one thing that a message lacks most, and what `asked` says of it.
    fn missing(&self, thought: &Thought, verdict: &Verdict) -> Option<(Say, &'static str)> {
        let words = thought.mail.text.split_whitespace().count();
        let unsure = verdict.confidence < self.pipeline.house.policy.unsure_below;
        if thought.mail.shared.is_some() && words == 0 {
            return Some((Say::AskProblem, PROBLEM));
        }
        if words == 0 && !thought.mail.attachments.is_empty() || unsure && (1..=FEW_WORDS).contains(&words) {
            return Some((Say::AskWords, PROBLEM));
        }
        let service = self.rules.taxonomy.services.get(&verdict.service);
        let needs_place = service.is_some_and(|s| s.needs_place) && verdict.place.is_none();
        needs_place.then_some((Say::AskPlace, PLACE))
    }

    /// Takes from a message what its case's resident was asked for; whether it was there.
    pub(super) async fn take_answer(&self, tx: &mut Tx, case: &mut Case, thought: &Thought) -> store::Result<bool> {
        match case.asked.as_deref() {
            Some(PLACE) => self.take_place(tx, case, thought).await,
            Some(PROBLEM) => self.take_problem(tx, case, thought).await,
            _ => Ok(false),
        }
    }

    /// Takes the place from an answer to that question, and with it ward, councillor, department and whether the case may go by
    /// itself. Whether there was one.
    async fn take_place(&self, tx: &mut Tx, case: &mut Case, thought: &Thought) -> store::Result<bool> {
        let Some(place) = thought.verdict().and_then(|verdict| verdict.place.clone()) else { return Ok(false) };
        let Some(verdict) = first_verdict(tx, case).await? else { return Ok(false) };
        let verdict = Verdict { place: Some(place), ..verdict };
        self.settle_place(case, &verdict);
        // A person who chose a department meanwhile is not overruled.
        if case.service == verdict.service && case.routed_at.is_none() {
            let (house, taxonomy) = (&self.pipeline.house, &self.rules.taxonomy);
            case.department = routing::department_for(taxonomy, &verdict.service, verdict.ward()).to_owned();
            let cautious = case.disposition != Disposition::Auto;
            let (disposition, _) = routing::dispose(&verdict, taxonomy, &case.department, &house.policy);
            case.disposition = if cautious { case.disposition } else { disposition };
        }
        Ok(true)
    }

    /// Takes from an answer what is wrong: the case becomes what it would have been, had these words come with the place or the
    /// picture. Whether there were words.
    async fn take_problem(&self, tx: &mut Tx, case: &mut Case, thought: &Thought) -> store::Result<bool> {
        let Some(said) = thought.verdict().filter(|_| !is_wordless(thought)) else { return Ok(false) };
        let before = first_verdict(tx, case).await?;
        let place = case.place.as_ref().map(|place| place.0.clone());
        let verdict = Verdict { place: place.or_else(|| said.place.clone()), ..said.clone() };
        self.settle_place(case, &verdict);
        // A person who said meanwhile what it is is not overruled.
        let untouched = before.is_some_and(|before| before.service == case.service);
        if untouched && case.state == CaseState::Review {
            let course = self.course(thought, &verdict);
            let service = self.rules.taxonomy.services.get(&verdict.service);
            let days = service.map_or(10, |service| service.working_days);
            case.service = verdict.service.clone();
            case.department = course.department;
            case.confidence = verdict.confidence;
            case.priority = case.priority.max(verdict.priority);
            case.title = open::title("", &thought.mail.text);
            case.due_on = self.pipeline.house.calendar.due(received_date(case.received_at), days).to_string();
            case.disposition = course.disposition;
            case.attention = course.caution.map(str::to_owned);
            if course.disposition == Disposition::Hold {
                case.state = CaseState::Held;
                case.hold_reason = course.hold_reason;
            }
        }
        Ok(true)
    }

    /// The question is answered, and the case is where the verdict says.
    fn settle_place(&self, case: &mut Case, verdict: &Verdict) {
        case.asked = None;
        case.attention = None;
        case.ward = verdict.ward().map(str::to_owned);
        if case.councillor.is_none() {
            let council = &self.pipeline.house.council;
            let of_ward = verdict.ward().and_then(|ward| council.councillor_of_ward(ward));
            case.councillor = of_ward.map(|councillor| councillor.id.clone());
        }
        case.place = verdict.place.clone().map(Json);
    }
}

/// What the case's first message was judged to be.
async fn first_verdict(tx: &mut Tx, case: &Case) -> store::Result<Option<Verdict>> {
    let triage = store::decision::of_case(tx, &case.id).await?.into_iter().find(|d| d.kind == "triage");
    Ok(triage.and_then(|d| serde_json::from_value::<Verdict>(d.evidence.0["verdict"].clone()).ok()))
}
