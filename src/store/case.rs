//! Cases.

use super::{Result, Tx, args};
use crate::core::{
    Asked, CaseId, CaseState, ContactId, Disposition, Ids, MessageId, Place, Point, Priority, Reference, UserId, square,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use std::collections::BTreeMap;

/// The columns of a [`Case`].
macro_rules! columns {
    () => {
        "id, reference, contact_id, state, service, department, priority, ward, councillor, place, title, language, confidence,
         disposition, consent, asked, hold_reason, attention, received_at, due_on, routed_at, closed_at"
    };
}

/// A case as it stands.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, Serialize, Deserialize)]
pub struct Case {
    /// The case.
    pub id: CaseId,
    /// What people call it.
    pub reference: Reference,
    /// Who reported it; none when anonymous.
    pub contact_id: Option<ContactId>,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub state: CaseState,
    /// Service key.
    pub service: String,
    /// Department key.
    pub department: String,
    /// How pressing.
    #[sqlx(try_from = "String")]
    pub priority: Priority,
    /// Ward name, where known.
    pub ward: Option<String>,
    /// Key of the councillor who is told.
    pub councillor: Option<String>,
    /// Where.
    pub place: Option<Json<Place>>,
    /// One line that names it.
    pub title: String,
    /// ISO 639-1 code of the language the resident is answered in where there are words in it: theirs where it is sure,
    /// else English. What each message is written in stands with the message.
    pub language: String,
    /// Confidence of the suggestion, 0 to 1.
    pub confidence: f64,
    /// What was to be done with the suggestion.
    #[sqlx(try_from = "String")]
    pub disposition: Disposition,
    /// Whom the resident allows to know them.
    pub consent: String,
    /// The question its resident was asked and has not answered.
    pub asked: Option<Asked>,
    /// Why it is held.
    pub hold_reason: Option<String>,
    /// What a gatekeeper should look at, if anything.
    pub attention: Option<String>,
    /// When the resident's message came in.
    pub received_at: DateTime<Utc>,
    /// Date it is promised for, `YYYY-MM-DD`, local time.
    pub due_on: String,
    /// When it went to the department.
    pub routed_at: Option<DateTime<Utc>>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

/// Writes a new case.
///
/// # Errors
/// What the database says, a reference that is taken among it; see [`reference_is_free`].
pub async fn insert(tx: &mut Tx, case: &Case, now: DateTime<Utc>) -> Result<()> {
    let place = case.place.as_ref().map(|p| serde_json::to_value(&p.0).unwrap_or_default());
    let spot = case.place.as_ref().and_then(|place| place.0.spot());
    tx.exec(
        "INSERT INTO cases (id, reference, contact_id, state, service, department, priority, ward, councillor, place, title,
             language, confidence, disposition, consent, asked, hold_reason, attention, received_at, opened_at, due_on,
             routed_at, closed_at, changed_at, square, lat, lon)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
             $25, $26, $27)",
        args![
            &case.id,
            &case.reference,
            case.contact_id.as_ref(),
            case.state.as_str(),
            &case.service,
            &case.department,
            case.priority.as_str(),
            &case.ward,
            &case.councillor,
            place,
            &case.title,
            &case.language,
            case.confidence,
            case.disposition.as_str(),
            &case.consent,
            case.asked.map(Asked::as_str),
            &case.hold_reason,
            &case.attention,
            case.received_at,
            now,
            &case.due_on,
            case.routed_at,
            case.closed_at,
            now,
            spot.map(square::of),
            spot.map(Point::lat),
            spot.map(Point::lon),
        ],
    )
    .await?;
    Ok(())
}

/// Writes what may change of a case: everything but its id, reference, reporter and the time it came in.
///
/// # Errors
/// What the database says.
pub async fn update(tx: &mut Tx, case: &Case, now: DateTime<Utc>) -> Result<()> {
    let place = case.place.as_ref().map(|p| serde_json::to_value(&p.0).unwrap_or_default());
    let spot = case.place.as_ref().and_then(|place| place.0.spot());
    tx.exec(
        "UPDATE cases SET state = $1, service = $2, department = $3, priority = $4, ward = $5, councillor = $6, place = $7,
             title = $8, disposition = $9, consent = $10, hold_reason = $11, attention = $12, due_on = $13, routed_at = $14,
             closed_at = $15, changed_at = $16, confidence = $17, asked = $18, square = $19, lat = $20, lon = $21,
             spam = (spam AND $1 = 'closed')
         WHERE id = $22",
        args![
            case.state.as_str(),
            &case.service,
            &case.department,
            case.priority.as_str(),
            &case.ward,
            &case.councillor,
            place,
            &case.title,
            case.disposition.as_str(),
            &case.consent,
            &case.hold_reason,
            &case.attention,
            &case.due_on,
            case.routed_at,
            case.closed_at,
            now,
            case.confidence,
            case.asked.map(Asked::as_str),
            spot.map(square::of),
            spot.map(Point::lat),
            spot.map(Point::lon),
            &case.id,
        ],
    )
    .await?;
    // Found by its words as long as it stands open by itself.
    let open = !matches!(case.state, CaseState::Closed | CaseState::Joined);
    let changed = "UPDATE case_bands SET open = $1, placed = $2 WHERE case_id = $3 AND (open <> $1 OR placed <> $2)";
    tx.exec(changed, args![open, spot.is_some(), &case.id]).await?;
    Ok(())
}

/// Whether no case has this reference, and nobody was promised it.
///
/// # Errors
/// What the database says.
pub async fn reference_is_free(tx: &mut Tx, reference: &Reference) -> Result<bool> {
    let taken = "SELECT COUNT(*) FROM (SELECT reference FROM cases WHERE reference = $1
                                       UNION ALL SELECT reference FROM promised_references WHERE reference = $1) AS taken";
    Ok(tx.count(taken, args![reference]).await? == 0)
}

/// The reference that the case of a delivery will have, kept free for it from now on; the same however often it is asked for.
///
/// # Errors
/// What the database says.
pub async fn promise(tx: &mut Tx, ids: &Ids, account: &str, external_id: &str) -> Result<Reference> {
    if let Some(reference) = promised(tx, account, external_id).await? {
        return Ok(reference);
    }
    let mut reference = ids.reference();
    while !reference_is_free(tx, &reference).await? {
        reference = ids.reference();
    }
    tx.exec(
        "INSERT INTO promised_references (account, external_id, reference) VALUES ($1, $2, $3)
         ON CONFLICT (account, external_id) DO NOTHING",
        args![account, external_id, &reference],
    )
    .await?;
    // Another process may have been first: its promise holds.
    Ok(promised(tx, account, external_id).await?.unwrap_or(reference))
}

/// The reference that was promised for a delivery, if one was.
///
/// # Errors
/// What the database says.
pub async fn promised(tx: &mut Tx, account: &str, external_id: &str) -> Result<Option<Reference>> {
    let row: Option<(Reference,)> = tx
        .opt(
            "SELECT reference FROM promised_references WHERE account = $1 AND external_id = $2",
            args![account, external_id],
        )
        .await?;
    Ok(row.map(|r| r.0))
}

/// Who reported the cases of a message is known from now on.
///
/// # Errors
/// What the database says.
pub async fn set_contact(tx: &mut Tx, message: &MessageId, contact: &ContactId) -> Result<()> {
    tx.exec(
        "UPDATE cases SET contact_id = $1
         WHERE id IN (SELECT case_id FROM messages WHERE id = $2 UNION SELECT case_id FROM message_parts WHERE message_id = $2)",
        args![contact, message],
    )
    .await?;
    Ok(())
}

/// One case.
///
/// # Errors
/// What the database says.
pub async fn get(tx: &mut Tx, id: &CaseId) -> Result<Option<Case>> {
    tx.opt(concat!("SELECT ", columns!(), " FROM cases WHERE id = $1"), args![id]).await
}

/// One case, to be changed: nobody else changes it until this transaction ends. What is read with [`get`] and written with
/// [`update`] would, on PostgreSQL, take back what another one wrote in between.
///
/// # Errors
/// What the database says.
pub async fn get_to_change(tx: &mut Tx, id: &CaseId) -> Result<Option<Case>> {
    tx.exec("UPDATE cases SET changed_at = changed_at WHERE id = $1", args![id]).await?;
    get(tx, id).await
}

/// The case of a reference.
///
/// # Errors
/// What the database says.
pub async fn by_reference(tx: &mut Tx, reference: &Reference) -> Result<Option<Case>> {
    tx.opt(concat!("SELECT ", columns!(), " FROM cases WHERE reference = $1"), args![reference]).await
}

/// The case that a person was last busy with, from whatever address, open or closed, with the time of that; none that nothing
/// happened to since `since`. `person` is what [`super::person::of`] says.
///
/// # Errors
/// What the database says.
pub async fn latest_of(tx: &mut Tx, person: &ContactId, since: DateTime<Utc>) -> Result<Option<(Case, DateTime<Utc>)>> {
    let row: Option<(CaseId, DateTime<Utc>)> = tx
        .opt(
            "SELECT id, changed_at FROM cases
             WHERE contact_id IN (SELECT id FROM contacts WHERE id = $1 OR person = $1) AND changed_at >= $2
             ORDER BY changed_at DESC, id DESC LIMIT 1",
            args![person, since],
        )
        .await?;
    let Some((id, at)) = row else { return Ok(None) };
    Ok(get(tx, &id).await?.map(|case| (case, at)))
}

/// The cases of a contact that are not closed, newest first, at most `limit`.
///
/// # Errors
/// What the database says.
pub async fn open_of(tx: &mut Tx, contact: &ContactId, limit: i64) -> Result<Vec<Case>> {
    tx.all(
        concat!(
            "SELECT ",
            columns!(),
            " FROM cases WHERE contact_id = $1 AND state <> 'closed' ORDER BY received_at DESC, id DESC LIMIT $2"
        ),
        args![contact, limit],
    )
    .await
}

/// What a list of cases is narrowed to; `None` narrows nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only cases in this state.
    pub state: Option<CaseState>,
    /// Only cases of this department.
    pub department: Option<String>,
    /// Only cases of this service.
    pub service: Option<String>,
    /// Only cases in this ward.
    pub ward: Option<String>,
    /// Only cases of the councillors this gatekeeper acts for, as their roles stand now.
    pub of: Option<(UserId, DateTime<Utc>)>,
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

/// Whether a case is of a councillor for whom a gatekeeper acts: of which user, and when.
macro_rules! of_gatekeeper {
    ($user:literal, $now:literal) => {
        concat!(
            "(CAST(",
            $user,
            " AS TEXT) IS NULL OR councillor IN (SELECT g.councillor FROM grants g WHERE g.user_id = ",
            $user,
            " AND g.role = 'gatekeeper' AND g.ended_at IS NULL AND (g.until_at IS NULL OR g.until_at > ",
            $now,
            ")))"
        )
    };
}
pub(super) use of_gatekeeper;

/// The order of the list, which the index `cases_queue` (migration 0020) holds, and of those in one state (`cases_state_queue`, 0025): the
/// same words in both, or they are of no use.
macro_rules! queue {
    ($state:literal, $service:literal, $by_state:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM cases
         WHERE ",
            $state,
            " AND (CAST($2 AS TEXT) IS NULL OR department = $2) AND ",
            $service,
            " AND (CAST($4 AS TEXT) IS NULL OR ward = $4) AND ",
            of_gatekeeper!("$7", "$8"),
            "
         ORDER BY CASE WHEN attention IS NULL THEN 1 ELSE 0 END, ",
            $by_state,
            "CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END, received_at, id
         LIMIT $5 OFFSET $6"
        )
    };
    ($state:literal, $service:literal) => {
        queue!($state, $service, "CASE state WHEN 'held' THEN 0 WHEN 'review' THEN 1 WHEN 'routed' THEN 2 ELSE 3 END, ")
    };
}

/// Cases, those that ask to be looked at first, then the most pressing, then the oldest.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<Case>> {
    // Those of one service are few and lie far apart in the queue: they are found first and put in order then.
    let sql = match (filter.state, &filter.service) {
        (_, Some(_)) => queue!("(CAST($1 AS TEXT) IS NULL OR state = $1)", "service = $3"),
        (Some(_), None) => queue!("state = $1", "CAST($3 AS TEXT) IS NULL", ""),
        (None, None) => queue!("CAST($1 AS TEXT) IS NULL", "CAST($3 AS TEXT) IS NULL"),
    };
    tx.all(
        sql,
        args![
            filter.state.map(CaseState::as_str),
            &filter.department,
            &filter.service,
            &filter.ward,
            filter.limit,
            filter.offset,
            filter.of.as_ref().map(|(user, _)| user),
            filter.of.as_ref().map(|(_, now)| *now),
        ],
    )
    .await
}

/// How many cases a filter leaves, its limit and offset apart; where there are more than `most`, one more than that.
///
/// # Errors
/// What the database says.
pub async fn count(tx: &mut Tx, filter: &Filter, most: i64) -> Result<i64> {
    macro_rules! found {
        ($state:literal, $service:literal, $department:literal, $ward:literal) => {
            concat!(
                "SELECT COUNT(*) FROM (SELECT id FROM cases WHERE ",
                $state,
                " AND ",
                $department,
                " AND ",
                $service,
                " AND ",
                $ward,
                " AND ",
                of_gatekeeper!("$6", "$7"),
                " LIMIT $5) AS found"
            )
        };
        ($state:literal, $service:literal) => {
            found!(
                $state,
                $service,
                "(CAST($2 AS TEXT) IS NULL OR department = $2)",
                "(CAST($4 AS TEXT) IS NULL OR ward = $4)"
            )
        };
        ($department:literal, $ward:literal,) => {
            found!("CAST($1 AS TEXT) IS NULL", "CAST($3 AS TEXT) IS NULL", $department, $ward)
        };
    }
    // What is asked for by name is looked for by its index, as in the list.
    let sql = match (filter.state, &filter.service, &filter.ward, &filter.department) {
        (_, Some(_), ..) => found!("(CAST($1 AS TEXT) IS NULL OR state = $1)", "service = $3"),
        (Some(_), None, ..) => found!("state = $1", "CAST($3 AS TEXT) IS NULL"),
        (None, None, Some(_), _) => found!("(CAST($2 AS TEXT) IS NULL OR department = $2)", "ward = $4",),
        (None, None, None, Some(_)) => found!("department = $2", "CAST($4 AS TEXT) IS NULL",),
        (None, None, None, None) => found!("CAST($1 AS TEXT) IS NULL", "CAST($3 AS TEXT) IS NULL"),
    };
    tx.count(
        sql,
        args![
            filter.state.map(CaseState::as_str),
            &filter.department,
            &filter.service,
            &filter.ward,
            most + 1,
            filter.of.as_ref().map(|(user, _)| user),
            filter.of.as_ref().map(|(_, now)| *now),
        ],
    )
    .await
}

/// How many cases stand in each state. Of those closed, nearly all after some years, only the number of all cases is asked.
///
/// # Errors
/// What the database says.
pub async fn count_by_state(tx: &mut Tx) -> Result<Vec<(String, i64)>> {
    let open = count_but_closed(tx).await?;
    let all = count_all(tx).await?;
    Ok(with_closed(open, all))
}

/// The same of those that are not closed, in the order of their states.
///
/// # Errors
/// What the database says.
pub async fn count_but_closed(tx: &mut Tx) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT state, COUNT(*) FROM cases WHERE state IN ('review', 'held', 'joined', 'routed') GROUP BY state ORDER BY state";
    tx.all(sql, args![]).await
}

/// How many cases there are.
///
/// # Errors
/// What the database says.
pub async fn count_all(tx: &mut Tx) -> Result<i64> {
    tx.count("SELECT COUNT(*) FROM cases", args![]).await
}

/// When a case last changed; none where there is no case.
///
/// # Errors
/// What the database says.
pub async fn last_change(tx: &mut Tx) -> Result<Option<DateTime<Utc>>> {
    let found: Option<(DateTime<Utc>,)> =
        tx.opt("SELECT changed_at FROM cases ORDER BY changed_at DESC LIMIT 1", args![]).await?;
    Ok(found.map(|row| row.0))
}

/// How many stand in each state, by how many of those there are that are not closed, and how many there are at all.
pub fn with_closed(mut counts: Vec<(String, i64)>, all: i64) -> Vec<(String, i64)> {
    let closed = all - counts.iter().map(|(_, n)| n).sum::<i64>();
    if closed > 0 {
        counts.push((CaseState::Closed.as_str().to_owned(), closed));
    }
    counts.sort();
    counts
}

/// The same of the cases that a gatekeeper sees who acts for some councillors: see [`Filter::of`]. Each councillor's are counted by indexes of
/// their own (migrations 0030 and 0034), as nearly all cases are closed after some years.
///
/// # Errors
/// What the database says.
pub async fn count_by_state_of(tx: &mut Tx, user: &UserId, now: DateTime<Utc>) -> Result<Vec<(String, i64)>> {
    let councillors: Vec<(String,)> = tx
        .all(
            "SELECT DISTINCT councillor FROM grants WHERE user_id = $1 AND role = 'gatekeeper' AND councillor IS NOT NULL
               AND ended_at IS NULL AND (until_at IS NULL OR until_at > $2)",
            args![user, now],
        )
        .await?;
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for (councillor,) in councillors {
        for sql in [
            "SELECT state, COUNT(*) FROM cases WHERE councillor = $1 AND state IN ('review', 'held', 'routed') GROUP BY state",
            "SELECT 'joined', COUNT(*) FROM cases WHERE councillor = $1 AND state = 'joined'",
            "SELECT 'closed', COUNT(*) FROM cases WHERE councillor = $1 AND state = 'closed'",
        ] {
            let some: Vec<(String, i64)> = tx.all(sql, args![&councillor]).await?;
            some.into_iter().for_each(|(state, n)| *counts.entry(state).or_default() += n);
        }
    }
    Ok(counts.into_iter().filter(|(_, n)| *n > 0).collect())
}

/// An open case that a new message might belong to.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Candidate {
    /// The case.
    pub id: CaseId,
    /// Its reference.
    pub reference: Reference,
    /// Its service.
    pub service: String,
    /// Where.
    pub place: Option<Json<Place>>,
    /// The person who reported it: see [`super::person::of`].
    pub contact_id: Option<ContactId>,
    /// What they wrote.
    pub subject: String,
    /// What they wrote.
    pub body: String,
    /// Embedding of it.
    pub embedding: Option<Vec<u8>>,
    /// Version of the encoder that made it.
    pub encoder: Option<String>,
    /// When it came in.
    pub received_at: DateTime<Utc>,
}

/// Cases with their first message, or the part of one that they are about.
macro_rules! with_first_message {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.reference, c.service, c.place, COALESCE(k.person, c.contact_id) AS contact_id, c.received_at,
                    CASE WHEN p.words IS NULL THEN m.subject ELSE '' END AS subject,
                    COALESCE(p.words, m.body) AS body, CASE WHEN p.words IS NULL THEN m.embedding END AS embedding, m.encoder
             FROM cases c LEFT JOIN message_parts p ON p.case_id = c.id LEFT JOIN contacts k ON k.id = c.contact_id
             JOIN messages m ON m.id = COALESCE(p.message_id, (SELECT f.id FROM messages f WHERE f.case_id = c.id
                                                               ORDER BY f.received_at, f.id LIMIT 1)) ",
            $rest
        )
    };
}

/// Cases that a message is compared with more closely, each with its first message; those without one are left out.
///
/// # Errors
/// What the database says.
pub async fn candidates(tx: &mut Tx, ids: &[CaseId]) -> Result<Vec<Candidate>> {
    // One statement for eight of them: one for each would be as many ways to a server and back.
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(8) {
        let id = |at: usize| some.get(at).unwrap_or(&some[0]);
        found.extend(
            tx.all::<Candidate>(
                with_first_message!("WHERE c.id IN ($1, $2, $3, $4, $5, $6, $7, $8)"),
                args![id(0), id(1), id(2), id(3), id(4), id(5), id(6), id(7)],
            )
            .await?,
        );
    }
    Ok(found)
}
/// Forgets what the messages of a case are like, so that nothing is compared with them.
///
/// # Errors
/// What the database says.
pub async fn forget_likeness(tx: &mut Tx, id: &CaseId) -> Result<()> {
    tx.exec("UPDATE messages SET embedding = NULL WHERE case_id = $1", args![id]).await?;
    tx.exec("UPDATE cases SET sketch = NULL WHERE id = $1", args![id]).await?;
    tx.exec("DELETE FROM case_bands WHERE case_id = $1", args![id]).await?;
    Ok(())
}

/// Says that a closed case is spam: no report of anything, so that nothing is taken for it again. It is said no more once the case is
/// opened.
///
/// # Errors
/// What the database says.
pub async fn set_spam(tx: &mut Tx, id: &CaseId) -> Result<()> {
    tx.exec("UPDATE cases SET spam = TRUE WHERE id = $1 AND state = 'closed'", args![id]).await?;
    Ok(())
}

/// Whether a case was closed as spam.
///
/// # Errors
/// What the database says.
pub async fn is_spam(tx: &mut Tx, id: &CaseId) -> Result<bool> {
    Ok(tx.count("SELECT COUNT(*) FROM cases WHERE id = $1 AND spam", args![id]).await? > 0)
}

/// Closes a case of which nobody is told.
///
/// # Errors
/// What the database says.
pub async fn close_quietly(tx: &mut Tx, id: &CaseId, now: DateTime<Utc>) -> Result<()> {
    let changed = "UPDATE cases SET state = 'closed', closed_at = $1, changed_at = $1 WHERE id = $2";
    tx.exec(changed, args![now, id]).await?;
    tx.exec("UPDATE case_bands SET open = FALSE WHERE case_id = $1 AND open", args![id]).await?;
    Ok(())
}
