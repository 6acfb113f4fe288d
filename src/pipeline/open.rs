//! A message that is a case of its own: opened, matched with what is known, routed where the council lets it.

use super::campaign::Gathered;
use super::clerk::Clerk;
use super::question::is_wordless;
use super::{ACTOR, Meaning, Thought};
use crate::casework::join::{self, JoinError};
use crate::casework::matching::Judge;
use crate::casework::open::{self, Opening};
use crate::casework::search::Match;
use crate::core::{AfterClosing, CaseId, ContactId, Disposition, Party, Priority, Verdict};
use crate::desk::private::TITLE;
use crate::desk::{Desk, DeskError};
use crate::intake::threads::Answers;
use crate::outbox::compose::Composer;
use crate::routing;
use crate::routing::consent::Consent;
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::inbox::Outcome;
use crate::store::link::{LinkKind, NewLink};
use crate::store::{self, Tx};
use crate::understanding::strip_reply_marks;
use chrono::TimeDelta;
use serde_json::json;

/// Mail that lay in a mailbox for longer than this before it was taken in is never routed without a person: the first look
/// into an old mailbox must not answer years of post.
const OLD_DAYS: i64 = 14;

/// What a person is told of a case whose resident the department shall not know.
pub(super) const UNKNOWN: &str =
    "The resident does not wish to be known to the department: check the words before they go";

/// Where a message is to go, and whether by itself.
pub(super) struct Course {
    pub(super) department: String,
    pub(super) disposition: Disposition,
    pub(super) hold_reason: Option<String>,
    /// Why a person looks at it although the council lets its service be routed automatically.
    pub(super) caution: Option<&'static str>,
}

impl Clerk<'_> {
    /// Opens a case for a message, and takes it as far as the council lets it go by itself.
    pub(super) async fn open_case(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        meaning: &Meaning,
        answers: &Answers,
        councillor: Option<String>,
    ) -> store::Result<()> {
        let verdict = &meaning.verdict;
        let contact = self.contact(tx, thought).await?;
        let course = self.course(thought, verdict, self.is_flooded(tx, thought).await?);
        let known = self.known(tx, thought, meaning, contact.as_ref()).await?;
        let mut case = self.open(tx, thought, verdict, &course, contact.as_ref(), councillor.as_deref()).await?;
        let id = self.write_message(tx, thought, Some(&case), Party::Resident, contact.as_ref()).await?;
        if let Some(councillor) = &councillor {
            store::message::add_councillor(tx, &id, councillor).await?;
        }
        let (decided, evidence) = self.triage(thought, verdict, &course, &case, known.first());
        self.decide(tx, Some(&case), &id, "triage", decided, evidence).await?;
        let auto = course.disposition == Disposition::Auto && *answers == Answers::Nothing;
        let may_answer = auto && thought.mail.sender.is_verified();
        let gathered = match answers {
            Answers::Nothing => self.gather(tx, thought, meaning, &case, &known, may_answer).await?,
            _ => Gathered::Apart,
        };
        let mut joined = gathered == Gathered::Joined || self.link(tx, &case, answers, &known, may_answer).await?;
        if !joined && gathered == Gathered::Apart && *answers == Answers::Nothing {
            joined = self.link_to_closed(tx, thought, meaning, &case, contact.as_ref(), may_answer).await?;
        }
        let may_ask = !joined && *answers == Answers::Nothing;
        let asked = may_ask
            && (self.ask(tx, thought, verdict, &mut case, &id).await?
                || self.ask_consent(tx, thought, &mut case, &id).await?);
        if let Some(contact) = &contact {
            self.suggest_person(tx, thought, contact, answers, id.as_str()).await?;
        }
        self.ask_for_proof(tx, thought, &case, &id).await?;
        // A message that points to a case of somebody else's is looked at by a person, whatever the confidence.
        if auto && !joined && !asked && gathered == Gathered::Apart && case.disposition == Disposition::Auto {
            self.route_alone(tx, &case).await?;
        }
        self.finish(tx, thought, Outcome::NewCase, &id, course.disposition.label()).await
    }

    /// Sends a case to its department without a person. What is not urgent waits for a while, so that more letters of the same burst can
    /// come in before the department is told.
    pub(super) async fn route_alone(&self, tx: &mut Tx, case: &Case) -> store::Result<()> {
        self.desk().route(tx, &case.id, ACTOR).await?;
        if case.priority < Priority::Urgent {
            let wait = TimeDelta::minutes(self.pipeline.house.policy.gather_minutes.into());
            store::outbox::wait(tx, &case.id, "referral", self.now + wait).await?;
        }
        Ok(())
    }

    pub(super) fn desk(&self) -> Desk<'_> {
        let (house, ids) = (&self.pipeline.house, &self.pipeline.ids);
        let composer = Composer { council: &house.council, rules: self.rules, key: &house.key, ids };
        Desk { composer, now: self.now }
    }

    pub(super) fn course(&self, thought: &Thought, verdict: &Verdict, flooded: bool) -> Course {
        let taxonomy = &self.rules.taxonomy;
        let department = routing::department_for(taxonomy, &verdict.service, verdict.ward()).to_owned();
        let policy = &self.pipeline.house.policy;
        let (disposition, hold_reason) = routing::dispose(verdict, taxonomy, &department, policy);
        let flood = "More came in on this channel than usual, so nothing is answered by itself";
        let caution = self.caution(thought).or(flooded.then_some(flood)).filter(|_| disposition == Disposition::Auto);
        let disposition = if caution.is_some() { Disposition::Suggest } else { disposition };
        Course { department, disposition, hold_reason, caution }
    }

    /// What the resident allows: what they chose, or else what the council set.
    fn consent(&self, thought: &Thought) -> Consent {
        if self.is_private(thought) {
            return Consent::Private;
        }
        thought
            .chosen
            .as_ref()
            .map_or_else(|| self.pipeline.house.consent.on(thought.mail.channel).at_first(), |chosen| chosen.consent)
    }

    fn caution(&self, thought: &Thought) -> Option<&'static str> {
        let house = &self.pipeline.house;
        let from = thought.mail.from.as_ref().map(|a| a.email.as_str()).unwrap_or_default();
        let of_a_department = self.rules.taxonomy.departments.values().any(|d| d.email.eq_ignore_ascii_case(from));
        if thought.mail.channel.is_short() && is_wordless(thought) {
            Some("There is not a word in it")
        } else if house.council.councillor_by_email(from).is_some() {
            Some("A councillor wrote this")
        } else if of_a_department {
            Some("A department wrote this, but not as an answer to a case")
        } else if thought.row.arrived_at.is_some_and(|at| self.now - at > TimeDelta::days(OLD_DAYS)) {
            Some("This lay in the mailbox for more than two weeks before it was taken in")
        } else if self.consent(thought) != Consent::Share && !self.may_ask_consent(thought) {
            Some(UNKNOWN)
        } else {
            None
        }
    }

    /// The open cases most like the message, most like first.
    async fn known(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        meaning: &Meaning,
        contact: Option<&ContactId>,
    ) -> store::Result<Vec<Match>> {
        let same_person = vouched_for(tx, thought, contact).await?;
        let matcher = self.pipeline.house.matcher.now();
        let judge =
            Judge { matcher: &matcher, taxonomy: &self.rules.taxonomy, verified: thought.mail.sender.is_verified() };
        meaning.compared.likest(tx, same_person.as_ref(), &[], &judge, self.now).await
    }

    pub(super) async fn open(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        verdict: &Verdict,
        course: &Course,
        contact: Option<&ContactId>,
        councillor: Option<&str>,
    ) -> store::Result<Case> {
        let house = &self.pipeline.house;
        let of_ward = verdict.ward().and_then(|w| house.council.councillor_of_ward(w)).map(|c| c.id.as_str());
        // Where there are too few words to tell a language by, or none, the device may.
        let unsure = is_wordless(thought) || verdict.language_confidence < Verdict::SURE_OF_LANGUAGE;
        let device = thought.mail.device_language.as_ref().filter(|_| unsure);
        // Whoever wrote a call down did so in their own language, and asked for the caller's.
        let asked = thought.chosen.as_ref().filter(|_| thought.mail.channel.is_word_of_mouth());
        let asked = asked.map(|chosen| chosen.language.as_str());
        let language = asked.unwrap_or_else(|| device.map_or(verdict.language_to_answer(), String::as_str));
        let received_at = thought.told_at();
        let days = self.rules.taxonomy.services.get(&verdict.service).map_or(10, |s| s.working_days);
        let promised = store::case::promised(tx, &thought.row.account, &thought.row.external_id).await?;
        let consent = self.consent(thought);
        let title = if consent.is_private() {
            TITLE.to_owned()
        } else {
            open::title(strip_reply_marks(&thought.mail.subject), &thought.mail.text)
        };
        let opening = Opening {
            reference: promised,
            contact,
            verdict,
            department: &course.department,
            disposition: course.disposition,
            hold_reason: course.hold_reason.clone(),
            attention: course.caution.map(str::to_owned),
            councillor: councillor.or(of_ward),
            consent,
            language,
            title,
            received_at,
            due_on: house.calendar.due(received_date(received_at), days),
        };
        open::open(tx, &self.pipeline.ids, opening, self.now).await
    }

    /// What was decided, and everything it was decided on.
    fn triage(
        &self,
        thought: &Thought,
        verdict: &Verdict,
        course: &Course,
        case: &Case,
        known: Option<&Match>,
    ) -> (serde_json::Value, serde_json::Value) {
        let mut decided = json!({
            "outcome": "new_case", "service": verdict.service, "department": course.department,
            "priority": verdict.priority, "disposition": course.disposition, "ward": verdict.ward(), "due_on": case.due_on,
        });
        if !verdict.parts.is_empty() {
            let department =
                |p: &Verdict| routing::department_for(&self.rules.taxonomy, &p.service, p.ward()).to_owned();
            let parts = (0..verdict.parts.len()).filter_map(|n| verdict.of_part(n));
            decided["parts"] = parts.map(|p| json!({"service": p.service, "department": department(&p)})).collect();
        }
        let likeness =
            known.map(|k| json!({"case": k.reference, "score": k.score, "why": k.why, "matcher": k.matcher}));
        let evidence = json!({
            "verdict": verdict, "policy": self.pipeline.house.policy, "likest_case": likeness,
            "model": verdict.model, "rules": verdict.rules,
            "question": thought.question,
        });
        (decided, evidence)
    }

    /// Ties the case to what it may belong to. Joined, where that may be done without a person: whether it was.
    async fn link(
        &self,
        tx: &mut Tx,
        case: &Case,
        answers: &Answers,
        known: &[Match],
        may_join: bool,
    ) -> store::Result<bool> {
        if let Answers::Perhaps(other, why) = answers {
            self.perhaps(tx, &case.id, other, 0.5, why).await?;
        }
        let policy = &self.pipeline.house.policy;
        if may_join && let Some(known) = known.first().filter(|known| known.score >= policy.join_above) {
            let grounds = join::Grounds { score: known.score, why: &known.why, actor: ACTOR };
            return match self.desk().join(tx, &case.id, &known.case, grounds).await {
                Ok(_) => Ok(true),
                Err(DeskError::Store(error) | DeskError::Join(JoinError::Store(error))) => Err(error),
                Err(_) => Ok(false),
            };
        }
        let said_already = |known: &Match| matches!(answers, Answers::Perhaps(other, _) if *other == known.case);
        for known in known.iter().filter(|known| known.score >= policy.maybe_above && !said_already(known)) {
            self.perhaps(tx, &case.id, &known.case, known.score, &known.why).await?;
        }
        Ok(false)
    }

    /// Says of a new case that its problem was dealt with a while ago, as the rule of its service has it: the closed case is open again and the
    /// new one joined to it, or the new one names it. Whether it was joined.
    async fn link_to_closed(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        meaning: &Meaning,
        case: &Case,
        contact: Option<&ContactId>,
        may_join: bool,
    ) -> store::Result<bool> {
        let policy = &self.pipeline.house.policy;
        let verified = thought.mail.sender.is_verified();
        let matcher = self.pipeline.house.matcher.now();
        let judge = Judge { matcher: &matcher, taxonomy: &self.rules.taxonomy, verified };
        let person = vouched_for(tx, thought, contact).await?;
        let since = self.now - TimeDelta::days(i64::from(policy.again_days));
        let closed = meaning.compared.likest_closed(tx, person.as_ref(), &judge, since).await?;
        let Some(closed) = closed.filter(|closed| closed.score >= policy.maybe_above) else { return Ok(false) };
        let why = format!("it was closed; {}", closed.why);
        let rule = self.rules.taxonomy.services.get(&case.service).map(|service| service.after_closing);
        if rule != Some(AfterClosing::Reopen) {
            let new = NewLink {
                child: &case.id,
                parent: &closed.case,
                kind: LinkKind::Again,
                score: closed.score,
                why: &why,
                child_state: None,
                actor: ACTOR,
            };
            store::link::insert(tx, &self.pipeline.ids, new, self.now).await?;
            return Ok(false);
        }
        if may_join && closed.score >= policy.join_above {
            let grounds = join::Grounds { score: closed.score, why: &why, actor: ACTOR };
            return match self.desk().join(tx, &case.id, &closed.case, grounds).await {
                Ok(_) => Ok(true),
                Err(DeskError::Store(error) | DeskError::Join(JoinError::Store(error))) => Err(error),
                Err(_) => Ok(false),
            };
        }
        self.perhaps(tx, &case.id, &closed.case, closed.score, &why).await?;
        Ok(false)
    }

    async fn perhaps(&self, tx: &mut Tx, child: &CaseId, parent: &CaseId, score: f64, why: &str) -> store::Result<()> {
        let kind = LinkKind::Maybe;
        let new = NewLink { child, parent, kind, score, why, child_state: None, actor: ACTOR };
        store::link::insert(tx, &self.pipeline.ids, new, self.now).await?;
        Ok(())
    }
}

/// The person who wrote, where the sender is vouched for: only they can be "the same person again", since anybody may copy somebody's words
/// and name.
async fn vouched_for(tx: &mut Tx, thought: &Thought, contact: Option<&ContactId>) -> store::Result<Option<ContactId>> {
    match contact.filter(|_| thought.mail.sender.is_verified()) {
        Some(contact) => Ok(Some(store::person::of(tx, contact).await?)),
        None => Ok(None),
    }
}
