//! One inbox row through all of it: parse, judge, thread, match, open, route, queue. What it writes, it writes in one
//! transaction; what it needs to think about, it thinks about before that.

use crate::casework::join::JoinError;
use crate::casework::open::{self, Opening};
use crate::casework::{join, matching};
use crate::core::{
    Address, CaseState, Clock, ContactId, Council, Councillor, Disposition, Ids, Mail, MessageId, Party, TokenKey,
    Verdict,
};
use crate::desk::{Desk, DeskError};
use crate::intake::mime::{self, MimeLimits};
use crate::intake::photo;
use crate::intake::threads::{self, Answers};
use crate::outbox::compose::Composer;
use crate::routing::consent::Consent;
use crate::routing::deadline::WorkingDays;
use crate::routing::{self, RoutingPolicy};
use crate::store::case::Case;
use crate::store::decision::NewDecision;
use crate::store::inbox::{Claimed, Outcome};
use crate::store::link::NewLink;
use crate::store::message::NewMessage;
use crate::store::{self, Db, Tx};
use crate::understanding::{Question, Understanding};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Name that automatic decisions are signed with.
pub const ACTOR: &str = "beadle";
/// After so many tries a message goes into quarantine.
const MOST_TRIES: i64 = 5;
/// After so many tries that ended with the process, too: by then the message was alone in work.
const MOST_CRASHES: i64 = 12;
/// A row tried more often than this is worked on alone, so that it cannot take others down with it.
const ALONE_AFTER: i64 = 2;

/// Mail that lay in a mailbox for longer than this before it was taken in is never routed without a person: the first look
/// into an old mailbox must not answer years of post.
const OLD_DAYS: i64 = 14;

/// What the pipeline works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
    /// Who claims: the start of every lease token.
    pub instance: String,
    /// What judges messages.
    pub understanding: Understanding,
    /// The council and its rules of the game.
    pub house: Arc<House>,
    /// How long a claimed row is ours.
    pub lease: TimeDelta,
}

/// What the council set.
#[derive(Clone, Debug)]
pub struct House {
    /// Name, councillors, addresses.
    pub council: Council,
    /// What may happen without a person.
    pub policy: RoutingPolicy,
    /// Bank holidays.
    pub calendar: WorkingDays,
    /// Signs reply addresses.
    pub key: TokenKey,
    /// What a resident allows who was not asked.
    pub consent: Consent,
    /// Limits of parsing.
    pub limits: MimeLimits,
    /// The councillor of each watched account.
    pub account_councillors: BTreeMap<String, String>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Rows that are accounted for now.
    pub done: usize,
    /// Rows that went into quarantine.
    pub quarantined: usize,
    /// Rows given back, to be tried again.
    pub put_back: usize,
}

impl Worked {
    /// Whether there was nothing to do.
    #[must_use]
    pub const fn is_idle(self) -> bool {
        self.done + self.quarantined + self.put_back == 0
    }
}

/// A row with everything thought about it.
struct Thought {
    row: Claimed,
    mail: Mail,
    question: Question,
    /// None for mail that nobody needs to understand: automatic mail.
    verdict: Option<Verdict>,
}

impl Pipeline {
    /// Works on at most `most` rows.
    ///
    /// # Errors
    /// When the database fails as such; a row that fails is no error: it is given back or put into quarantine.
    pub async fn step(&self, most: usize) -> store::Result<Worked> {
        let rows = self.claim(most).await?;
        let mut worked = Worked::default();
        let mut thoughts = Vec::new();
        for row in rows {
            if row.attempts > MOST_CRASHES {
                worked.quarantined +=
                    self.quarantine(&row, "the program ended while it was working on this, again and again").await?;
                continue;
            }
            match mime::parse(&row.raw, &self.house.limits, self.house.council.authserv_id.as_deref()) {
                Ok(mail) => thoughts.push(self.question(row, mail)),
                Err(why) => worked.quarantined += self.quarantine(&row, &why.to_string()).await?,
            }
        }
        self.judge(&mut thoughts).await;
        if thoughts.len() > 1 {
            match self.commit_all(&thoughts).await {
                Ok(()) => {
                    worked.done += thoughts.len();
                    return Ok(worked);
                }
                Err(error) => {
                    tracing::warn!(%error, rows = thoughts.len(), "a batch failed; its rows are tried one by one")
                }
            }
        }
        for thought in &thoughts {
            match self.commit_all(std::slice::from_ref(thought)).await {
                Ok(()) => worked.done += 1,
                Err(error)
                    if thought.row.attempts >= MOST_TRIES
                        && !matches!(error, store::StoreError::DiskFull | store::StoreError::Away(_)) =>
                {
                    worked.quarantined += self.quarantine(&thought.row, &error.to_string()).await?;
                }
                Err(error) => {
                    tracing::warn!(inbox = %thought.row.id, %error, "a message could not be worked on; it will be tried again");
                    self.put_back(&thought.row, &error).await?;
                    worked.put_back += 1;
                }
            }
        }
        Ok(worked)
    }

    async fn claim(&self, most: usize) -> store::Result<Vec<Claimed>> {
        let token = format!("{}/{}", self.instance, self.ids.uuid());
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let mut rows: Vec<Claimed> = Vec::new();
        let mut bytes = 0;
        while rows.len() < most && bytes < 32 << 20 {
            let Some(row) = store::inbox::claim(&mut tx, &token, now, self.lease).await? else { break };
            bytes += row.raw.len();
            let alone = row.attempts > ALONE_AFTER;
            rows.push(row);
            if alone {
                break;
            }
        }
        tx.commit().await?;
        Ok(rows)
    }

    async fn quarantine(&self, row: &Claimed, why: &str) -> store::Result<usize> {
        let mut tx = self.db.begin().await?;
        let done = store::inbox::quarantine(&mut tx, row, why, self.clock.now()).await?;
        tx.commit().await?;
        tracing::warn!(inbox = %row.id, account = row.account, reason = why, "put into quarantine");
        Ok(usize::from(done))
    }

    async fn put_back(&self, row: &Claimed, error: &store::StoreError) -> store::Result<()> {
        let mut tx = self.db.begin().await?;
        let wait = TimeDelta::seconds(5 << row.attempts.clamp(0, 6));
        store::inbox::put_back(&mut tx, row, &error.to_string(), self.clock.now() + wait).await?;
        tx.commit().await
    }

    fn question(&self, row: Claimed, mail: Mail) -> Thought {
        let home_wards = self.councillor(&row, &mail).map(|c| c.wards.clone()).unwrap_or_default();
        let photos = photo::positions(&mail.attachments);
        let (subject, body) = (mail.subject.clone(), mail.text.clone());
        let question = Question { subject, body, home_wards, photos, shared: None };
        Thought { row, mail, question, verdict: None }
    }

    /// The councillor a mail was written to: the one whose mailbox it lay in, else the one addressed.
    fn councillor(&self, row: &Claimed, mail: &Mail) -> Option<&Councillor> {
        let council = &self.house.council;
        let addressed = mail.to.iter().map(|a| a.email.as_str()).chain(mail.delivered_to.iter().map(String::as_str));
        let mut found = addressed.filter_map(|email| council.councillor_by_email(email));
        // Where the mailbox is somebody's, it is theirs even when others are addressed too.
        match self.house.account_councillors.get(&row.account) {
            Some(id) => council.councillor(id),
            None => found.next(),
        }
    }

    async fn judge(&self, thoughts: &mut [Thought]) {
        let wanted: Vec<usize> = (0..thoughts.len()).filter(|&i| thoughts[i].mail.automatic.is_none()).collect();
        let questions: Vec<Question> = wanted.iter().map(|&i| thoughts[i].question.clone()).collect();
        let verdicts = self.understanding.judge(&questions).await;
        for (i, verdict) in wanted.into_iter().zip(verdicts) {
            thoughts[i].verdict = Some(verdict);
        }
    }

    async fn commit_all(&self, thoughts: &[Thought]) -> store::Result<()> {
        let mut tx = self.db.begin().await?;
        for thought in thoughts {
            self.account_for(&mut tx, thought).await?;
        }
        tx.commit().await
    }

    /// Brings one row to its end. Inbox, message, case, decision and outbox rows stand or fall together.
    async fn account_for(&self, tx: &mut Tx, thought: &Thought) -> store::Result<()> {
        let (row, mail) = (&thought.row, &thought.mail);
        let now = self.clock.now();
        let councillor = self.councillor(row, mail).map(|c| c.id.clone());
        if let Some((message, _)) = store::message::by_fingerprint(tx, &mail.fingerprint).await? {
            if let Some(councillor) = &councillor {
                store::message::add_councillor(tx, &message, councillor).await?;
            }
            return finish(tx, row, Outcome::Joined, &message, "another copy of a message that was there", now).await;
        }
        let Some(verdict) = &thought.verdict else { return self.set_aside(tx, thought, now).await };
        let taxonomy = &self.understanding.rules().taxonomy;
        let council = &self.house.council;
        let answers = threads::find(tx, mail, &self.house.key, council, taxonomy).await?;
        if let Answers::Case(case, party, how) = answers {
            return self.add_to_case(tx, thought, &case, party, &how, councillor, now).await;
        }
        // A councillor's own mail is work: they forward what residents tell them.
        let ours = |a: &Address| council.is_own(&a.email) && council.councillor_by_email(&a.email).is_none();
        if mail.from.as_ref().is_some_and(ours) {
            return self.set_aside(tx, thought, now).await;
        }
        self.open_case(tx, thought, verdict, answers, councillor, now).await
    }

    /// Automatic mail and our own: kept and visible, never a case, never answered. A bounce marks the mail it is about.
    async fn set_aside(&self, tx: &mut Tx, thought: &Thought, now: DateTime<Utc>) -> store::Result<()> {
        let mail = &thought.mail;
        let why = mail.automatic.clone().unwrap_or_else(|| "from an address of our own".to_owned());
        let id: MessageId = self.ids.next();
        self.write_message(tx, thought, &id, None, Party::Resident, None).await?;
        for sent in mail.bounce.iter().flat_map(|b| &b.of) {
            let status = mail.bounce.as_ref().and_then(|b| b.status.clone()).unwrap_or_default();
            // A delay, or a full mailbox, is no failure yet: it is shown, and the mail stays sent.
            let permanent = mail.bounce.as_ref().is_some_and(|b| b.permanent);
            if permanent {
                store::outbox::bounced(tx, sent, &format!("it came back: {status}")).await?;
            }
            let Some(thread) = store::message::thread(tx, sent).await?.filter(|t| t.ours) else { continue };
            if let Some(mut case) = store::case::get_to_change(tx, &thread.case_id).await? {
                let how = if permanent { "came back" } else { "is delayed" };
                case.attention = Some(format!("A message to the {} {how} ({status})", thread.party.as_str()));
                store::case::update(tx, &case, now).await?;
            }
        }
        let decided = json!({"outcome": "set_aside", "why": why});
        let new = NewDecision {
            case_id: None,
            message_id: Some(&id),
            kind: "set_aside",
            actor: ACTOR,
            decided,
            evidence: json!({}),
        };
        store::decision::insert(tx, &self.ids, new, now).await?;
        finish(tx, &thought.row, Outcome::SetAside, &id, &why, now).await
    }

    #[expect(clippy::too_many_arguments, reason = "one call, and each says what it is")]
    async fn add_to_case(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        case: &crate::core::CaseId,
        party: Party,
        how: &str,
        councillor: Option<String>,
        now: DateTime<Utc>,
    ) -> store::Result<()> {
        let Some(mut case) = store::case::get_to_change(tx, case).await? else {
            return Err(store::StoreError::Sql(sqlx::Error::RowNotFound));
        };
        let contact = self.contact(tx, thought.mail.from.as_ref(), now).await?;
        let id: MessageId = self.ids.next();
        self.write_message(tx, thought, &id, Some(&case), party, contact.as_ref()).await?;
        if let Some(councillor) = &councillor {
            store::message::add_councillor(tx, &id, councillor).await?;
        }
        let reopened = case.state == CaseState::Closed && party == Party::Resident;
        if reopened {
            case.state = CaseState::Review;
            case.closed_at = None;
        }
        let unknown = !thought.mail.sender.is_verified();
        case.attention = Some(match (party, reopened) {
            (Party::Resident, true) => "The resident answered after it was closed".to_owned(),
            (Party::Resident, false) if unknown => "New words, whose sender is not verified".to_owned(),
            (Party::Resident, false) => "New words from the resident".to_owned(),
            (Party::Department, _) => "The department answered".to_owned(),
            (Party::Councillor, _) => "The councillor answered".to_owned(),
        });
        // Words that worry hold the case, whoever had it.
        if let Some(verdict) = thought.verdict.as_ref().filter(|_| party == Party::Resident) {
            case.priority = case.priority.max(verdict.priority);
        }
        if let Some(concern) = thought.verdict.as_ref().and_then(|v| v.concerns.first()) {
            self.take_out(tx, &mut case, now).await?;
            case.state = CaseState::Held;
            case.priority = crate::core::Priority::Urgent;
            case.hold_reason = Some(format!("Safeguarding: {}", concern.reason));
        }
        store::case::update(tx, &case, now).await?;
        // Where the case is dealt with in another one, it is that one people look at.
        let root = join::root(tx, &case.id).await?;
        if root != case.id
            && let Some(mut root) = store::case::get_to_change(tx, &root).await?
        {
            root.attention = Some(format!("New words on {}, which is joined to this case", case.reference));
            store::case::update(tx, &root, now).await?;
        }
        let decided = json!({"outcome": "joined", "case": case.id, "party": party, "reopened": reopened});
        let evidence = json!({"how": how, "verdict": thought.verdict});
        let new = NewDecision {
            case_id: Some(&case.id),
            message_id: Some(&id),
            kind: "thread",
            actor: ACTOR,
            decided,
            evidence,
        };
        store::decision::insert(tx, &self.ids, new, now).await?;
        finish(tx, &thought.row, Outcome::Joined, &id, how, now).await
    }

    /// A worry is not dealt with inside another case: a joined case stands by itself again.
    async fn take_out(&self, tx: &mut Tx, case: &mut Case, now: DateTime<Utc>) -> store::Result<()> {
        for link in store::link::standing(tx, &case.id).await? {
            if link.is_join() && link.child == case.id {
                store::link::end(tx, &link.id, ACTOR, now).await?;
            }
        }
        Ok(())
    }

    /// Why a message is looked at by a person although the council lets its service be routed automatically.
    fn caution(&self, thought: &Thought, now: DateTime<Utc>) -> Option<&'static str> {
        let from = thought.mail.from.as_ref().map(|a| a.email.as_str()).unwrap_or_default();
        let rules = self.understanding.rules();
        let of_a_department = rules.taxonomy.departments.values().any(|d| d.email.eq_ignore_ascii_case(from));
        if self.house.council.councillor_by_email(from).is_some() {
            Some("A councillor wrote this")
        } else if of_a_department {
            Some("A department wrote this, but not as an answer to a case")
        } else if thought.row.arrived_at.is_some_and(|at| now - at > TimeDelta::days(OLD_DAYS)) {
            Some("This lay in the mailbox for more than two weeks before it was taken in")
        } else if self.house.consent != Consent::Share {
            Some("The resident does not wish to be known to the department: check the words before they go")
        } else {
            None
        }
    }

    async fn open_case(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        verdict: &Verdict,
        answers: Answers,
        councillor: Option<String>,
        now: DateTime<Utc>,
    ) -> store::Result<()> {
        let rules = self.understanding.rules();
        let house = &self.house;
        let contact = self.contact(tx, thought.mail.from.as_ref(), now).await?;
        let department = routing::department_for(&rules.taxonomy, &verdict.service, verdict.ward()).to_owned();
        let (mut disposition, hold_reason) = routing::dispose(verdict, &rules.taxonomy, &department, &house.policy);
        let caution = self.caution(thought, now).filter(|_| disposition == Disposition::Auto);
        if caution.is_some() {
            disposition = Disposition::Suggest;
        }
        // Only who is vouched for can be "the same person again": anybody may copy somebody's words and name.
        let verified = thought.mail.sender.is_verified();
        let same_person = contact.as_ref().filter(|_| verified);
        let known = matching::find(tx, &thought.question, verdict, same_person, now).await?;
        let ward_councillor = verdict.ward().and_then(|w| house.council.councillor_of_ward(w)).map(|c| c.id.clone());
        let days = rules.taxonomy.services.get(&verdict.service).map_or(10, |s| s.working_days);
        let opening = Opening {
            contact: contact.as_ref(),
            verdict,
            department: &department,
            disposition,
            hold_reason,
            attention: caution.map(str::to_owned),
            councillor: councillor.as_deref().or(ward_councillor.as_deref()),
            consent: house.consent,
            title: open::title(crate::understanding::strip_reply_marks(&thought.mail.subject), &thought.mail.text),
            received_at: thought.row.received_at,
            due_on: house.calendar.due(crate::routing::deadline::received_date(thought.row.received_at), days),
        };
        let case = open::open(tx, &self.ids, opening, now).await?;
        let id: MessageId = self.ids.next();
        self.write_message(tx, thought, &id, Some(&case), Party::Resident, contact.as_ref()).await?;
        if let Some(councillor) = &councillor {
            store::message::add_councillor(tx, &id, councillor).await?;
        }
        let likeness = known.as_ref().map(|k| json!({"case": k.reference, "score": k.score, "why": k.why}));
        let decided = json!({
            "outcome": "new_case", "service": verdict.service, "department": department, "priority": verdict.priority,
            "disposition": disposition, "ward": verdict.ward(), "due_on": case.due_on,
        });
        let evidence = json!({
            "verdict": verdict, "policy": policy_json(&house.policy), "likest_case": likeness, "model": verdict.model,
            "rules": verdict.rules, "question": thought.question,
        });
        let new = NewDecision {
            case_id: Some(&case.id),
            message_id: Some(&id),
            kind: "triage",
            actor: ACTOR,
            decided,
            evidence,
        };
        store::decision::insert(tx, &self.ids, new, now).await?;
        let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &self.ids };
        let desk = Desk { composer, now };
        if let Answers::Perhaps(other, why) = &answers {
            let new = NewLink {
                child: &case.id,
                parent: other,
                join: false,
                score: 0.5,
                why,
                child_state: None,
                actor: ACTOR,
            };
            store::link::insert(tx, &self.ids, new, now).await?;
        }
        let auto = disposition == Disposition::Auto;
        let joined = match known {
            Some(known)
                if auto && verified && answers == Answers::Nothing && known.score >= house.policy.join_above =>
            {
                let grounds = join::Grounds { score: known.score, why: &known.why, actor: ACTOR };
                match desk.join(tx, &case.id, &known.case, grounds).await {
                    Ok(_) => true,
                    Err(DeskError::Store(error) | DeskError::Join(JoinError::Store(error))) => return Err(error),
                    Err(_) => false,
                }
            }
            Some(known)
                if known.score >= house.policy.maybe_above
                    && !matches!(&answers, Answers::Perhaps(other, _) if *other == known.case) =>
            {
                let child_state = None;
                let new = NewLink {
                    child: &case.id,
                    parent: &known.case,
                    join: false,
                    score: known.score,
                    why: &known.why,
                    child_state,
                    actor: ACTOR,
                };
                store::link::insert(tx, &self.ids, new, now).await?;
                false
            }
            _ => false,
        };
        // A message that points to a case of somebody else's is looked at by a person, whatever the confidence.
        if auto && !joined && answers == Answers::Nothing {
            desk.route(tx, &case.id, ACTOR).await?;
        }
        finish(tx, &thought.row, Outcome::NewCase, &id, disposition.label(), now).await
    }

    async fn contact(
        &self,
        tx: &mut Tx,
        from: Option<&Address>,
        now: DateTime<Utc>,
    ) -> store::Result<Option<ContactId>> {
        match from {
            Some(address) => Ok(Some(store::contact::by_address(tx, &self.ids, address, now).await?)),
            None => Ok(None),
        }
    }

    async fn write_message(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        id: &MessageId,
        case: Option<&Case>,
        party: Party,
        contact: Option<&ContactId>,
    ) -> store::Result<()> {
        let mail = &thought.mail;
        let new = NewMessage {
            id,
            case_id: case.map(|c| &c.id),
            party,
            contact,
            mail,
            language: thought.verdict.as_ref().map(|v| v.language.as_str()),
            embedding: thought.verdict.as_ref().and_then(|v| v.embedding.as_deref()),
            received_at: thought.row.received_at,
        };
        store::message::insert(tx, new).await?;
        store::attachment::insert_all(tx, id, &mail.attachments).await?;
        if let (Some(case), Some(rfc)) = (case, &mail.rfc_message_id) {
            store::message::tie_thread(tx, rfc, &case.id, party, false).await?;
        }
        Ok(())
    }
}

async fn finish(
    tx: &mut Tx,
    row: &Claimed,
    outcome: Outcome,
    message: &MessageId,
    why: &str,
    now: DateTime<Utc>,
) -> store::Result<()> {
    if store::inbox::finish(tx, row, outcome, Some(message), Some(why), now).await? {
        return Ok(());
    }
    // The lease ran out and somebody else has the row: everything written here is taken back with the transaction.
    Err(store::StoreError::LeaseLost)
}

fn policy_json(policy: &RoutingPolicy) -> serde_json::Value {
    json!({
        "mode": policy.mode, "auto_above": policy.auto_above, "unsure_below": policy.unsure_below,
        "join_above": policy.join_above, "maybe_above": policy.maybe_above,
    })
}
