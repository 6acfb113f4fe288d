//! Open cases that may be about what a message is about: found by place, by meaning, by service and by who wrote, whatever their
//! number. Every look is bounded: newest first, so many from each square and each band.

use super::{Arg, Args, Result, Tx, args};
use crate::core::place::Point;
use crate::core::{CaseId, ContactId, Place, square};
use chrono::{DateTime, Utc};
use sqlx::types::Json;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Where, where that is a spot.
    pub spot: Option<Point>,
    /// Its bands (`casework::sketch`), where it has an embedding.
    pub bands: Option<[i64; 8]>,
    /// Its service.
    pub service: &'a str,
    /// The person who wrote, where that is sure: see [`super::person::of`].
    pub person: Option<&'a ContactId>,
    /// No cases before this.
    pub since: DateTime<Utc>,
}

/// An open case, as much as is needed to see whether it is worth a closer look.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Near {
    /// The case.
    pub id: CaseId,
    /// Its service.
    pub service: String,
    /// Degrees north, where its place is a spot.
    pub lat: Option<f64>,
    /// Degrees east.
    pub lon: Option<f64>,
    /// What its words are like.
    pub sketch: Option<Vec<u8>>,
    /// When it came in.
    pub received_at: DateTime<Utc>,
    /// Whether the person asked for reported it.
    pub own: bool,
}

impl Near {
    /// Where, where that is a spot.
    #[must_use]
    pub fn spot(&self) -> Option<Point> {
        self.lat.zip(self.lon).and_then(|(lat, lon)| Point::new(lat, lon))
    }
}

/// Cases of a square in a state, by a time, latest first.
macro_rules! of_square {
    ($n:literal, $at:literal, $state:literal) => {
        concat!(
            "SELECT * FROM (SELECT id, service, lat, lon, sketch, received_at, FALSE AS own FROM cases WHERE square = $",
            $n,
            " AND ",
            $at,
            " >= $10 AND ",
            $state,
            " AND consent <> 'private' ORDER BY ",
            $at,
            " DESC, id DESC LIMIT 40) AS square",
            $n
        )
    };
}

/// Cases of nine squares.
macro_rules! of_squares {
    ($at:literal, $state:literal) => {
        concat!(
            of_square!("1", $at, $state),
            " UNION ALL ",
            of_square!("2", $at, $state),
            " UNION ALL ",
            of_square!("3", $at, $state),
            " UNION ALL ",
            of_square!("4", $at, $state),
            " UNION ALL ",
            of_square!("5", $at, $state),
            " UNION ALL ",
            of_square!("6", $at, $state),
            " UNION ALL ",
            of_square!("7", $at, $state),
            " UNION ALL ",
            of_square!("8", $at, $state),
            " UNION ALL ",
            of_square!("9", $at, $state)
        )
    };
}

/// Open cases of a band, newest first.
macro_rules! of_band {
    ($n:literal, $which:literal) => {
        concat!(
            "SELECT case_id FROM (SELECT case_id FROM case_bands WHERE ",
            $which,
            " AND band = $",
            $n,
            " AND at >= $9 ORDER BY at DESC, case_id DESC LIMIT 10) AS band",
            $n
        )
    };
}

/// Open cases of eight bands.
macro_rules! of_bands {
    ($which:literal) => {
        concat!(
            "SELECT c.id, c.service, c.lat, c.lon, c.sketch, c.received_at, FALSE AS own FROM (",
            of_band!("1", $which),
            " UNION ",
            of_band!("2", $which),
            " UNION ",
            of_band!("3", $which),
            " UNION ",
            of_band!("4", $which),
            " UNION ",
            of_band!("5", $which),
            " UNION ",
            of_band!("6", $which),
            " UNION ",
            of_band!("7", $which),
            " UNION ",
            of_band!("8", $which),
            ") AS found JOIN cases c ON c.id = found.case_id
             WHERE c.state NOT IN ('closed', 'joined') AND c.consent <> 'private'"
        )
    };
}

/// The open cases that may be about what is wanted; the same one may be there more than once.
///
/// # Errors
/// What the database says.
pub async fn find(tx: &mut Tx, wanted: &Wanted<'_>) -> Result<Vec<Near>> {
    let mut found: Vec<Near> = Vec::new();
    if let Some(person) = wanted.person {
        found.extend(of_person(tx, person, wanted.since).await?);
    }
    match wanted.spot {
        Some(spot) => {
            found.extend(of_squares(tx, spot, wanted.since).await?);
            found.extend(unplaced(tx, wanted.service, wanted.since).await?);
        }
        None => found.extend(of_service(tx, wanted.service, wanted.since).await?),
    }
    if let Some(bands) = &wanted.bands {
        found.extend(of_bands(tx, bands, wanted.spot.is_some(), wanted.since).await?);
    }
    Ok(found)
}

/// Open cases to which something happened at `since` or later, latest first.
///
/// # Errors
/// What the database says.
pub async fn changed(tx: &mut Tx, person: Option<&ContactId>, since: DateTime<Utc>) -> Result<Vec<Near>> {
    tx.all(
        "SELECT id, service, lat, lon, sketch, received_at,
                COALESCE(contact_id IN (SELECT id FROM contacts WHERE id = $1 OR person = $1), FALSE) AS own FROM cases
         WHERE changed_at >= $2 AND state NOT IN ('closed', 'joined') AND consent <> 'private'
         ORDER BY changed_at DESC, id DESC LIMIT 200",
        args![person, since],
    )
    .await
}

/// Which of these cases are open and stand by themselves, with their services; eight at most are looked at.
///
/// # Errors
/// What the database says.
pub async fn standing(tx: &mut Tx, ids: &[CaseId]) -> Result<Vec<(CaseId, String)>> {
    let Some(first) = ids.first() else { return Ok(Vec::new()) };
    let id = |at: usize| ids.get(at).unwrap_or(first);
    tx.all(
        "SELECT id, service FROM cases WHERE id IN ($1, $2, $3, $4, $5, $6, $7, $8)
         AND state NOT IN ('closed', 'joined') AND consent <> 'private'",
        args![id(0), id(1), id(2), id(3), id(4), id(5), id(6), id(7)],
    )
    .await
}

async fn of_squares(tx: &mut Tx, spot: Point, since: DateTime<Utc>) -> Result<Vec<Near>> {
    tx.all(of_squares!("received_at", "state NOT IN ('closed', 'joined')"), around_since(spot, since)).await
}

/// The numbers of nine squares, and a time.
fn around_since(spot: Point, since: DateTime<Utc>) -> Args {
    Args(square::around(spot).into_iter().map(Arg::from).chain([Arg::from(since)]).collect())
}

/// What has a spot is found by it, so next to a message that has one too, only those without are looked for.
async fn of_bands(tx: &mut Tx, bands: &[i64; 8], placed: bool, since: DateTime<Utc>) -> Result<Vec<Near>> {
    let [a, b, c, d, e, f, g, h] = *bands;
    let sql = if placed { of_bands!("open AND NOT placed") } else { of_bands!("open") };
    tx.all(sql, args![a, b, c, d, e, f, g, h, since]).await
}

async fn of_person(tx: &mut Tx, person: &ContactId, since: DateTime<Utc>) -> Result<Vec<Near>> {
    tx.all(
        "SELECT id, service, lat, lon, sketch, received_at, TRUE AS own FROM cases
         WHERE contact_id IN (SELECT id FROM contacts WHERE id = $1 OR person = $1) AND received_at >= $2
           AND state NOT IN ('closed', 'joined') AND consent <> 'private'
         ORDER BY changed_at DESC, id DESC LIMIT 40",
        args![person, since],
    )
    .await
}

async fn unplaced(tx: &mut Tx, service: &str, since: DateTime<Utc>) -> Result<Vec<Near>> {
    tx.all(
        "SELECT id, service, lat, lon, sketch, received_at, FALSE AS own FROM cases
         WHERE service = $1 AND received_at >= $2 AND square IS NULL AND state NOT IN ('closed', 'joined') AND consent <> 'private'
         ORDER BY received_at DESC, id DESC LIMIT 40",
        args![service, since],
    )
    .await
}

async fn of_service(tx: &mut Tx, service: &str, since: DateTime<Utc>) -> Result<Vec<Near>> {
    tx.all(
        "SELECT id, service, lat, lon, sketch, received_at, FALSE AS own FROM cases
         WHERE service = $1 AND received_at >= $2 AND state NOT IN ('closed', 'joined') AND consent <> 'private'
         ORDER BY received_at DESC, id DESC LIMIT 60",
        args![service, since],
    )
    .await
}

/// Cases around a spot that were closed since `since`.
///
/// # Errors
/// What the database says.
pub async fn closed(tx: &mut Tx, spot: Point, since: DateTime<Utc>) -> Result<Vec<Near>> {
    tx.all(of_squares!("closed_at", "state = 'closed' AND NOT spam"), around_since(spot, since)).await
}

/// Cases around a spot since `since`, open or closed; those joined to another one are the same problem and not there.
///
/// # Errors
/// What the database says.
pub async fn around(tx: &mut Tx, spot: Point, since: DateTime<Utc>) -> Result<Vec<Near>> {
    let mut found = of_squares(tx, spot, since).await?;
    found.extend(closed(tx, spot, since).await?.into_iter().filter(|case| case.received_at >= since));
    Ok(found)
}

/// Where one service was asked for again and again: a rectangle of about 110 metres.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Pattern {
    /// The service.
    pub service: String,
    /// Cases.
    pub cases: i64,
    /// When the last one came in.
    pub last: DateTime<Utc>,
    /// One of the cases, for its place.
    pub one: CaseId,
}

/// Rectangles in which there were `fewest` cases of one service or more since `since`, most first, at most `limit`.
///
/// # Errors
/// What the database says.
pub async fn patterns(tx: &mut Tx, since: DateTime<Utc>, fewest: i64, limit: i64) -> Result<Vec<Pattern>> {
    tx.all(
        "SELECT service, COUNT(*) AS cases, MAX(received_at) AS last, MAX(id) AS one FROM cases
         WHERE square IS NOT NULL AND received_at >= $1 AND state <> 'joined' AND consent <> 'private' AND NOT spam
         GROUP BY service, CAST(lat * 1000 AS BIGINT), CAST(lon * 600 AS BIGINT)
         HAVING COUNT(*) >= $2 ORDER BY 2 DESC, 3 DESC, service LIMIT $3",
        args![since, fewest, limit],
    )
    .await
}

/// Keeps what a case is found by, in place of what was kept before. `version` says what the sketch was made by.
///
/// # Errors
/// What the database says.
pub async fn keep(
    tx: &mut Tx,
    case: &CaseId,
    sketch: Option<&[u8]>,
    bands: Option<&[i64; 8]>,
    version: i64,
) -> Result<()> {
    tx.exec(
        "UPDATE cases SET sketch = $1, indexed = $2 WHERE id = $3",
        args![sketch.map(<[u8]>::to_vec), version, case],
    )
    .await?;
    tx.exec("DELETE FROM case_bands WHERE case_id = $1", args![case]).await?;
    let Some([a, b, c, d, e, f, g, h]) = bands.copied() else { return Ok(()) };
    tx.exec(
        "INSERT INTO case_bands (case_id, band, at, open, placed)
         SELECT id, bands.column1, received_at, state NOT IN ('closed', 'joined'), square IS NOT NULL
         FROM cases, (VALUES (CAST($1 AS BIGINT)), ($2), ($3), ($4), ($5), ($6), ($7), ($8)) AS bands WHERE id = $9",
        args![a, b, c, d, e, f, g, h, case],
    )
    .await?;
    Ok(())
}

/// A case that is not kept under this version yet, with the embedding of its first message where the case is about the whole of it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Unkept {
    /// The case.
    pub id: CaseId,
    /// Where it is.
    pub place: Option<Json<Place>>,
    /// Embedding of its first message.
    pub embedding: Option<Vec<u8>>,
    /// Version of the encoder that made it.
    pub encoder: Option<String>,
}

/// Cases that are not kept under this version yet, at most `limit`.
///
/// # Errors
/// What the database says.
pub async fn unkept(tx: &mut Tx, version: i64, limit: i64) -> Result<Vec<Unkept>> {
    tx.all(
        "SELECT c.id, c.place, CASE WHEN c.consent <> 'private' AND p.words IS NULL THEN m.embedding END AS embedding,
                m.encoder
         FROM cases c LEFT JOIN message_parts p ON p.case_id = c.id
         LEFT JOIN messages m ON m.id = COALESCE(p.message_id, (SELECT f.id FROM messages f WHERE f.case_id = c.id
                                                                ORDER BY f.received_at, f.id LIMIT 1))
         WHERE c.indexed <> $1 AND c.erased_at IS NULL LIMIT $2",
        args![version, limit],
    )
    .await
}

/// Writes where a case is, for [`find`].
///
/// # Errors
/// What the database says.
pub async fn set_spot(tx: &mut Tx, case: &CaseId, spot: Option<Point>) -> Result<()> {
    tx.exec(
        "UPDATE cases SET square = $1, lat = $2, lon = $3 WHERE id = $4",
        args![spot.map(square::of), spot.map(Point::lat), spot.map(Point::lon), case],
    )
    .await?;
    Ok(())
}
