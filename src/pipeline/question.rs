//! A resident is asked one thing at a time: who wrote by text or chat where it is, or what is wrong there, if they did not say; and,
//! where the council set it so, whether the department may know who they are. The case waits for the answer, and goes on from
//! there.

use super::clerk::Clerk;
use super::open::UNKNOWN;
use super::{ACTOR, Thought};
use crate::casework::open;
use crate::core::{Asked, CaseState, Disposition, MessageId, Mode, Verdict};
use crate::outbox::short::{Addressee, Say};
use crate::routing;
use crate::routing::consent::{Consent, Wish};
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::{self, Tx};
use serde_json::json;
use sqlx::types::Json;

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
            Asked::Place => case.disposition == Disposition::Auto,
            Asked::Problem | Asked::Consent => policy.mode == Mode::Auto,
        };
        let held = (!by_itself).then_some("Nobody has looked at the case yet");
        let addressee = Addressee { to, case: Some(case), language: &case.language, answers: message.as_str(), held };
        if !self.desk().composer.say(tx, say, addressee, self.now).await? {
            return Ok(false);
        }
        case.asked = Some(asked);
        store::case::update(tx, case, self.now).await?;
        Ok(true)
    }

    /// The one thing that a message lacks most, and what its writer is asked.
    fn missing(&self, thought: &Thought, verdict: &Verdict) -> Option<(Say<'static>, Asked)> {
        let words = thought.mail.text.split_whitespace().count();
        let unsure = verdict.confidence < self.pipeline.house.policy.unsure_below;
        if thought.mail.shared.is_some() && words == 0 {
            return Some((Say::AskProblem, Asked::Problem));
        }
        if words == 0 && !thought.mail.attachments.is_empty() || unsure && (1..=FEW_WORDS).contains(&words) {
            return Some((Say::AskWords, Asked::Problem));
        }
        let service = self.rules.taxonomy.services.get(&verdict.service);
        let needs_place = service.is_some_and(|s| s.needs_place) && verdict.place.is_none();
        needs_place.then_some((Say::AskPlace, Asked::Place))
    }

    /// Takes from a message what its case's resident was asked for; whether it was there.
    pub(super) async fn take_answer(&self, tx: &mut Tx, case: &mut Case, thought: &Thought) -> store::Result<bool> {
        match case.asked {
            Some(Asked::Place) => self.take_place(tx, case, thought).await,
            Some(Asked::Problem) => self.take_problem(tx, case, thought).await,
            Some(Asked::Consent) | None => Ok(false),
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
            let flooded = self.is_flooded(tx, thought).await?;
            let course = self.course(thought, &verdict, flooded);
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

    /// Whether the writer of a message is somebody who can be asked whether the department may know who they are.
    pub(super) fn may_ask_consent(&self, thought: &Thought) -> bool {
        thought.chosen.is_none()
            && self.pipeline.house.consent.on(thought.mail.channel) == Wish::Ask
            && can_be_asked(thought)
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
        // Where they wrote first counts, wherever they go on.
        let first = store::message::of_case(tx, &case.id).await?.into_iter().next();
        let wished = first.is_some_and(|first| self.pipeline.house.consent.on(first.channel) == Wish::Ask);
        let open = matches!(case.state, CaseState::Review) && case.disposition != Disposition::Hold;
        let unsaid = thought.chosen.is_none() && case.consent == Consent::Councillor.as_str();
        if !wished || !open || !unsaid {
            return Ok(false);
        }
        let Some(writer) = thought.mail.writer.as_ref().filter(|_| can_be_asked(thought)) else { return Ok(false) };
        let held = (case.disposition != Disposition::Auto).then_some("Nobody has looked at the case yet");
        let composer = self.desk().composer;
        let addressee = Addressee { held, ..self.addressee(thought, writer, Some(case), message.as_str()) };
        let asked = composer.say(tx, Say::AskConsent, addressee, self.now).await?;
        if asked {
            case.asked = Some(Asked::Consent);
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
        if case.asked != Some(Asked::Consent) {
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
            let addressee = self.addressee(thought, writer, Some(case), thought.row.id.as_str());
            desk.composer.say(tx, say, addressee, self.now).await?;
        }
        desk.note_consent(tx, case, ACTOR, json!({"consent": case.consent, "by": "the resident"})).await?;
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

/// Whether the writer of a message is somebody whom a question reaches.
fn can_be_asked(thought: &Thought) -> bool {
    let mail = &thought.mail;
    mail.sender.is_verified() && mail.no_auto_answer.is_none() && mail.writer.is_some()
}

/// What the case's first message was judged to be.
async fn first_verdict(tx: &mut Tx, case: &Case) -> store::Result<Option<Verdict>> {
    let triage = store::decision::of_case(tx, &case.id).await?.into_iter().find(|d| d.kind == "triage");
    Ok(triage.and_then(|d| serde_json::from_value::<Verdict>(d.evidence.0["verdict"].clone()).ok()))
}
