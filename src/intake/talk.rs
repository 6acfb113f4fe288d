//! Which case a text goes on with. Texts have no threads: they are told apart by who writes, what was asked, and time, or all
//! that somebody ever writes would be one endless conversation.
//!
//! In this order: what the writer's own device ties it to (on Telegram: a message of theirs that they correct, or one that they
//! answer); a reference in the words, from the number or chat that wrote on that case; the answer to a question of ours; and the
//! case that the writer was last busy with, for three days, where the text is about the same service or about none. A number is
//! what the provider says it is. From another number a reference is only "perhaps".

use super::threads::Answers;
use crate::core::place::ANOTHER_PLACE_M;
use crate::core::{CaseState, Channel, ContactId, Mail, Party, Reference, Verdict};
use crate::routing::RoutingPolicy;
use crate::store::{self, Tx};
use chrono::{DateTime, TimeDelta, Utc};

/// A question waits so long for its answer, in days.
const ANSWER_DAYS: i64 = 7;
/// A talk goes on for so long, in hours.
const TALK_HOURS: i64 = 72;
/// Services that a text has which says no more than "and still nothing has happened".
const NO_SERVICE: &[&str] = &["general_enquiry", "councillor_only", "council_complaint"];

/// Finds the case that a text goes on with.
///
/// # Errors
/// What the database says.
pub async fn find(
    tx: &mut Tx,
    mail: &Mail,
    verdict: &Verdict,
    policy: &RoutingPolicy,
    now: DateTime<Utc>,
) -> store::Result<Answers> {
    let contact = match mail.writer.as_ref().filter(|_| mail.sender.is_verified()) {
        Some(point) => store::contact::person(tx, point).await?,
        None => None,
    };
    if let Some(tied) = tied(tx, mail).await? {
        return Ok(tied);
    }
    let telegram = mail.channel == Channel::Telegram;
    let (own, other) = if telegram { ("the chat", "another chat") } else { ("the number", "another number") };
    let mut perhaps = Answers::Nothing;
    for reference in Reference::find_all(&mail.text) {
        let Some(case) = store::case::by_reference(tx, &reference).await? else { continue };
        let wrote = match &case.contact_id {
            Some(wrote) => Some(store::person::of(tx, wrote).await?),
            None => None,
        };
        if contact.is_some() && wrote == contact {
            let how = format!("names {reference}, from {own} that wrote on it");
            return Ok(Answers::Case(case.id, Party::Resident, how));
        }
        perhaps = Answers::Perhaps(case.id, format!("names {reference}, but {other} wrote on that case"));
    }
    let Some(contact) = contact.filter(|_| perhaps == Answers::Nothing) else { return Ok(perhaps) };
    Ok(going_on(tx, &contact, verdict, policy, now).await?.unwrap_or(Answers::Nothing))
}

/// The case that the channel itself ties a message to. The names are ours, and name the writer's own chat, so nobody gets on
/// another's case by them.
async fn tied(tx: &mut Tx, mail: &Mail) -> store::Result<Option<Answers>> {
    let own = |case, how: &str| Some(Answers::Case(case, Party::Resident, how.to_owned()));
    if let Some(name) = &mail.rfc_message_id
        && let Some(thread) = store::message::thread(tx, name).await?
    {
        return Ok(own(
            thread.case_id,
            "corrects a message of theirs on this case: these words take the place of the earlier ones",
        ));
    }
    for name in &mail.answers {
        if let Some(thread) = store::message::thread(tx, name).await? {
            return Ok(own(thread.case_id, "answers a message of their own on this case"));
        }
        if let Some(case) = store::outbox::case_of_named(tx, name).await? {
            return Ok(own(case, "answers our message about this case"));
        }
    }
    Ok(None)
}

async fn going_on(
    tx: &mut Tx,
    contact: &ContactId,
    verdict: &Verdict,
    policy: &RoutingPolicy,
    now: DateTime<Utc>,
) -> store::Result<Option<Answers>> {
    let Some((case, busy)) = store::case::latest_of(tx, contact, now - TimeDelta::days(ANSWER_DAYS)).await? else {
        return Ok(None);
    };
    if case.asked.is_some() && case.state != CaseState::Closed {
        return Ok(Some(Answers::Case(case.id, Party::Resident, "answers what we asked".to_owned())));
    }
    let says_nothing_new = verdict.confidence < policy.unsure_below
        || NO_SERVICE.contains(&verdict.service.as_str())
        || verdict.service == case.service;
    let elsewhere = match (&case.place, &verdict.place) {
        (Some(known), Some(said)) => known.0.distance_m(said).is_none_or(|metres| metres > ANOTHER_PLACE_M),
        _ => false,
    };
    let recent = now - busy <= TimeDelta::hours(TALK_HOURS);
    Ok((recent && says_nothing_new && !elsewhere)
        .then(|| Answers::Case(case.id, Party::Resident, "goes on with what they wrote before".to_owned())))
}
