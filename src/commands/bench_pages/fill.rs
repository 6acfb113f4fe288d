//! A council of two years: cases in every state, with their first message, decisions and mails, made of a few numbers that depend on the
//! place of each case alone, so that two runs measure the same.

use crate::app::App;
use crate::commands::progress;
use crate::core::{
    CaseId, CaseState, Channel, ContactId, ContactPoint, Disposition, Ids, Mail, MessageId, OutboxId, Party, Place,
    PlaceSource, Point, Priority, Role, SenderCheck,
};
use crate::routing::deadline::received_date;
use crate::store::case::Case;
use crate::store::decision::NewDecision;
use crate::store::link::{LinkKind, NewLink};
use crate::store::message::NewMessage;
use crate::store::outbox::{NewOutgoing, OutMail};
use crate::store::user::NewGrant;
use crate::store::{self, Tx, args};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::types::Json;

/// The ward that is asked for.
pub(super) const WARD: &str = "Station";
/// Cases committed at once.
const LOT: usize = 2_000;
/// Days that the cases are spread over.
const DAYS: usize = 730;
/// One case in so many is joined to another, of what does not wait.
const JOINED: usize = 20;
/// So many of the newest that do not wait are still with their department.
const ROUTED: usize = 4_000;
/// Campaigns, and letters of each.
const CAMPAIGNS: (usize, usize) = (20, 100);
/// Accounts of people.
const ACCOUNTS: usize = 200;
/// Senders who are blocked.
const BLOCKED: usize = 300;
/// What residents write.
const BODY: &str = "Good morning. There is a large hole in the road outside our house, and cars swerve round it into the path of people who \
    cycle to school. It has been there since the frost and is getting worse with every lorry. Could somebody have a look at it, please, \
    before anybody is hurt? I have written about it once before and had no answer. Kind regards.";

/// A number that looks random, of a case and a purpose.
const fn dice(number: usize, purpose: usize) -> usize {
    let mut x =
        (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (purpose as u64).wrapping_mul(0xD1B5_4A32_D192_ED03);
    x = (x ^ (x >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((x ^ (x >> 29)) >> 16) as usize
}

struct Council<'a> {
    app: &'a App,
    /// Service, department, working days.
    services: Vec<(String, String, u32)>,
    /// Ward, councillor, a point in it.
    wards: Vec<(String, Option<String>, (f64, f64))>,
    cases: usize,
    waiting: usize,
    now: DateTime<Utc>,
}

/// Fills an empty database.
pub(super) async fn fill(app: &App, cases: usize, waiting: usize) -> anyhow::Result<()> {
    let rules = app.pipeline.understanding.rules();
    let council = &app.pipeline.house.council;
    let services = rules.taxonomy.services.values();
    let wards = app.pipeline.understanding.places().wards().map(|wards| wards.all().to_vec()).unwrap_or_default();
    let wards = wards.iter().filter_map(|ward| {
        let middle = geo::Centroid::centroid(&ward.area)?;
        let councillor = council.councillor_of_ward(&ward.name).map(|councillor| councillor.id.clone());
        Some((ward.name.clone(), councillor, (middle.y(), middle.x())))
    });
    let council = Council {
        app,
        services: services.map(|s| (s.id.clone(), s.department.clone(), s.working_days)).collect(),
        wards: wards.collect(),
        cases,
        waiting,
        now: app.pipeline.clock.now(),
    };
    let mut parent = None;
    let begun = council.now - TimeDelta::days(DAYS as i64 + 2);
    for from in (0..cases).step_by(LOT) {
        let mut tx = app.pipeline.db.begin().await?;
        for number in from..(from + LOT).min(cases) {
            council.open(&mut tx, number, &mut parent).await?;
            // The trail stands in the order in which it was written, which is not quite that of the cases.
            let at = begun + TimeDelta::seconds((number * (DAYS * 86_400 / cases.max(1))) as i64);
            council.trail(&mut tx, number, at).await?;
        }
        tx.commit().await?;
        seal(app, begun + TimeDelta::seconds((from * (DAYS * 86_400 / cases.max(1))) as i64)).await?;
        if from % 20_000 == 0 {
            progress(format!("{from} of {cases} cases"));
        }
    }
    let mut tx = app.pipeline.db.begin().await?;
    // What was queued has gone when it was due; of what waits nothing has.
    let gone = "UPDATE outbox SET status = 'sent', sent_at = created_at, attempts = 1 WHERE status = 'queued'";
    tx.exec(gone, args![]).await?;
    council.campaigns(&mut tx).await?;
    council.people(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Seals what was written on the trail since.
async fn seal(app: &App, since: DateTime<Utc>) -> store::Result<()> {
    loop {
        let mut tx = app.pipeline.db.begin().await?;
        let sealed = store::audit::seal(&mut tx, Some(since)).await?;
        tx.commit().await?;
        if sealed == 0 {
            return Ok(());
        }
    }
}

impl Council<'_> {
    /// What stands on the audit trail of a case: that people read it, and what they did.
    async fn trail(&self, tx: &mut Tx, number: usize, at: DateTime<Utc>) -> store::Result<()> {
        let who = format!("gatekeeper{}", dice(number, 30) % 40);
        let object = format!("case:{number}");
        let rare = dice(number, 31).is_multiple_of(2_000);
        for action in ["read case", "accept", if rare { "refused" } else { "read list" }] {
            store::audit::write(tx, &Ids::Random, &who, action, &object, json!({"review": true}), at).await?;
        }
        Ok(())
    }

    /// Everybody with an account, who is blocked, what lies in quarantine, and how content residents were.
    async fn people(&self, tx: &mut Tx) -> store::Result<()> {
        for number in 0..ACCOUNTS {
            let id: crate::core::UserId = Ids::Random.next();
            store::user::insert(tx, &id, &format!("person{number}"), &format!("Person {number}"), None, self.now)
                .await?;
            let role = if number.is_multiple_of(3) { Role::Councillor } else { Role::Gatekeeper };
            let councillor = if number.is_multiple_of(2) { "nowak" } else { "adeyemi" };
            let new = NewGrant { user: &id, role, councillor: Some(councillor), until: None, by: "administrator" };
            store::user::give(tx, &Ids::Random, new, self.now).await?;
        }
        for number in 0..BLOCKED {
            let address = format!("blocked{number}@home.example");
            let point = ContactPoint { channel: Channel::Email, address, name: None };
            store::block::insert(tx, &point, "abuse", "gatekeeper", self.now).await?;
        }
        let rated = "INSERT INTO ratings (case_id, score, rated_at)
                     SELECT id, 1 + LENGTH(title) % 5, closed_at FROM cases WHERE state = 'closed' AND language = 'en'";
        tx.exec(rated, args![]).await?;
        Ok(())
    }

    async fn open(&self, tx: &mut Tx, number: usize, parent: &mut Option<CaseId>) -> store::Result<()> {
        let case = self.case(tx, number, parent.is_some()).await?;
        let changed = case.closed_at.or(case.routed_at).unwrap_or(case.received_at);
        store::case::insert(tx, &case, changed).await?;
        let message = self.message(tx, &case, number).await?;
        let decided = json!({"service": case.service, "department": case.department, "priority": case.priority.as_str(),
                             "disposition": case.disposition.as_str(), "due_on": case.due_on});
        let evidence =
            json!({"verdict": {"service": case.service, "confidence": case.confidence, "reasons": [BODY, BODY]}});
        let ids = &Ids::Random;
        let triage = NewDecision {
            case_id: Some(&case.id),
            message_id: Some(&message),
            kind: "triage",
            actor: "beadle",
            decided: decided.clone(),
            evidence,
        };
        store::decision::insert(tx, ids, triage, case.received_at).await?;
        if let (Some(at), true) = (case.routed_at, !dice(number, 20).is_multiple_of(3)) {
            let kind = if dice(number, 21).is_multiple_of(8) { "change" } else { "accept" };
            let accept = NewDecision {
                case_id: Some(&case.id),
                message_id: None,
                kind,
                actor: "gatekeeper",
                decided,
                evidence: json!({}),
            };
            store::decision::insert(tx, ids, accept, at).await?;
        }
        self.mails(tx, &case, number).await?;
        match (case.state, &parent) {
            (CaseState::Joined, Some(parent)) => {
                let link = NewLink {
                    child: &case.id,
                    parent,
                    kind: LinkKind::Join,
                    score: 0.9,
                    why: "the same words at the same place",
                    child_state: Some(CaseState::Review),
                    actor: "beadle",
                };
                store::link::insert(tx, ids, link, case.received_at).await?;
            }
            (CaseState::Closed | CaseState::Routed, _) => *parent = Some(case.id),
            _ => {}
        }
        Ok(())
    }

    async fn case(&self, tx: &mut Tx, number: usize, may_join: bool) -> store::Result<Case> {
        let (service, department, days) = self.services[dice(number, 1) % self.services.len()].clone();
        let ward = self.wards.get(dice(number, 2) % (self.wards.len() + 1));
        let age = (self.cases - number) * DAYS * 24 * 60 / self.cases;
        let received_at =
            self.now - TimeDelta::minutes(age as i64) + TimeDelta::minutes((dice(number, 3) % 600) as i64 - 600);
        let newest = self.cases - number;
        let state = match newest {
            n if n <= self.waiting => {
                if dice(number, 4).is_multiple_of(10) {
                    CaseState::Held
                } else {
                    CaseState::Review
                }
            }
            _ if may_join && dice(number, 5).is_multiple_of(JOINED) => CaseState::Joined,
            n if n <= self.waiting + ROUTED => CaseState::Routed,
            _ => CaseState::Closed,
        };
        let later = |days: usize| (received_at + TimeDelta::hours((days * 24) as i64)).min(self.now);
        let contact = dice(number, 6) % (self.cases / 3 + 1);
        let from = ContactPoint {
            channel: Channel::Email,
            address: format!("resident{contact}@home.example"),
            name: Some(format!("Resident {contact}")),
        };
        let contact: ContactId = store::contact::by_address(tx, &Ids::Random, &from, received_at).await?;
        let consent = match dice(number, 7) % 20 {
            0 => "neither",
            1 => "councillor",
            2 if number.is_multiple_of(5) => "private",
            _ => "share",
        };
        let off = |purpose| (dice(number, purpose) % 1_000) as f64 / 1_000.0 * 0.012 - 0.006;
        let place = ward.and_then(|(name, _, (lat, lon))| {
            Some(Json(Place {
                words: "Mill Lane".to_owned(),
                name: format!("{} Mill Lane", dice(number, 8) % 200),
                source: PlaceSource::Gazetteer,
                point: Some(Point::new(lat + off(9), lon + off(10))?),
                ward: Some(name.clone()),
                confidence: 0.9,
                alternatives: Vec::new(),
            }))
        });
        let mut reference = Ids::Random.reference();
        while !store::case::reference_is_free(tx, &reference).await? {
            reference = Ids::Random.reference();
        }
        Ok(Case {
            id: Ids::Random.next(),
            reference,
            contact_id: Some(contact),
            state,
            department,
            priority: [
                Priority::Normal,
                Priority::Normal,
                Priority::Normal,
                Priority::Low,
                Priority::High,
                Priority::Urgent,
            ][dice(number, 11) % 6],
            ward: ward.map(|(name, ..)| name.clone()),
            councillor: ward.and_then(|(_, councillor, _)| councillor.clone()),
            place,
            title: format!("Report {number} about {}", service.replace('_', " ")),
            service,
            language: ["en", "en", "en", "en", "en", "en", "pl", "ur"][dice(number, 12) % 8].to_owned(),
            confidence: 0.5 + (dice(number, 13) % 50) as f64 / 100.0,
            disposition: if state == CaseState::Held { Disposition::Hold } else { Disposition::Suggest },
            consent: consent.to_owned(),
            asked: None,
            hold_reason: (state == CaseState::Held)
                .then(|| "The council holds every message about this for a person".to_owned()),
            attention: dice(number, 14).is_multiple_of(400).then(|| "The resident wrote again".to_owned()),
            received_at,
            due_on: self.app.pipeline.house.calendar.due(received_date(received_at), days).to_string(),
            routed_at: matches!(state, CaseState::Routed | CaseState::Closed).then(|| later(dice(number, 15) % 2)),
            closed_at: (state == CaseState::Closed).then(|| later(2 + dice(number, 16) % 25)),
        })
    }

    async fn message(&self, tx: &mut Tx, case: &Case, number: usize) -> store::Result<MessageId> {
        let id: MessageId = Ids::Random.next();
        let channels = [
            Channel::Email,
            Channel::Email,
            Channel::Email,
            Channel::Web,
            Channel::Sms,
            Channel::Telegram,
            Channel::Phone,
        ];
        let channel = channels[dice(number, 17) % channels.len()];
        let writer = ContactPoint { channel, address: format!("resident{number}@home.example"), name: None };
        let mail = Mail {
            channel,
            writer: Some(writer),
            shared: None,
            from: None,
            to: Vec::new(),
            delivered_to: Vec::new(),
            subject: case.title.clone(),
            text: BODY.to_owned(),
            folded: String::new(),
            rfc_message_id: Some(format!("{number}@bench.example")),
            answers: Vec::new(),
            device_language: None,
            sent_at: None,
            attachments: Vec::new(),
            automatic: None,
            no_auto_answer: None,
            sender: SenderCheck::Verified { by: "dmarc".to_owned() },
            bounce: None,
            fingerprint: format!("bench {number}"),
        };
        let new = NewMessage {
            id: &id,
            case_id: Some(&case.id),
            party: Party::Resident,
            contact: case.contact_id.as_ref(),
            mail: &mail,
            language: Some(&case.language),
            embedding: None,
            hear_by: None,
            received_at: case.received_at,
        };
        store::message::insert(tx, new).await?;
        Ok(id)
    }

    /// The acknowledgement, held for as long as the case waits, and the mail to the department.
    async fn mails(&self, tx: &mut Tx, case: &Case, number: usize) -> store::Result<()> {
        let waits = matches!(case.state, CaseState::Review | CaseState::Held);
        let mail = |to: String, cc: Option<String>| OutMail {
            from: "cases@brackenmere.example".to_owned(),
            envelope_from: None,
            to: vec![to],
            cc: cc.into_iter().collect(),
            reply_to: None,
            subject: format!("{} [{}]", case.title, case.reference),
            body: format!("{BODY}\n\n{BODY}"),
            in_reply_to: None,
            references: Vec::new(),
            auto_submitted: None,
            language: "en".to_owned(),
            attachments: Vec::new(),
            button: None,
        };
        let councillor = case.councillor.as_ref().map(|id| format!("cllr.{id}@brackenmere.example"));
        let acknowledgement =
            (Party::Resident, "acknowledgement", mail(format!("resident{number}@home.example"), None));
        let referral = (Party::Department, "referral", mail("highways@brackenmere.example".to_owned(), councillor));
        // Of most that wait nothing is written yet; one acknowledgement in a hundred was held.
        let acknowledged = !waits || dice(number, 18).is_multiple_of(100);
        let at = case.routed_at.unwrap_or(case.received_at) + TimeDelta::minutes(1);
        for (party, purpose, mail) in
            acknowledged.then_some(acknowledgement).into_iter().chain(case.routed_at.map(|_| referral))
        {
            let id: OutboxId = Ids::Random.next();
            let key = format!("{purpose}/{}", case.id);
            let new = NewOutgoing {
                id: &id,
                case_id: Some(&case.id),
                channel: Channel::Email,
                purpose,
                party,
                idempotency_key: &key,
                rfc_message_id: &format!("{id}@bench.example"),
                mail: &mail,
                recipient: &mail.to[0],
                topic: &case.service,
                held: waits.then_some("the sender is not verified"),
            };
            store::outbox::insert(tx, new, at).await?;
        }
        Ok(())
    }

    /// Some of the newest routed cases stand for campaigns, whose letters are joined cases.
    async fn campaigns(&self, tx: &mut Tx) -> store::Result<()> {
        let (many, letters) = (CAMPAIGNS.0 as i64, (CAMPAIGNS.0 * CAMPAIGNS.1) as i64);
        let leads: Vec<(CaseId,)> = tx
            .all("SELECT id FROM cases WHERE state = 'routed' AND consent = 'share' ORDER BY received_at DESC, id LIMIT $1", args![many])
            .await?;
        let joined: Vec<(CaseId,)> = tx
            .all("SELECT id FROM cases WHERE state = 'joined' ORDER BY received_at DESC, id LIMIT $1", args![letters])
            .await?;
        for (lead,) in &leads {
            store::campaign::form(tx, lead, self.now).await?;
            store::campaign::note(tx, lead, lead, "", self.now).await?;
        }
        for (at, (letter,)) in joined.iter().enumerate() {
            let Some((lead,)) = leads.get(at % leads.len().max(1)) else { break };
            store::campaign::note(tx, letter, lead, "I live near by.", self.now).await?;
        }
        Ok(())
    }
}
