//! The audit trail: who read or did what. There is no function here that changes or removes a row, and the database refuses it.
//!
//! The rows are chained: each is sealed, in the order in which they were found, with a hash over the row and the seal before it. A row
//! that is changed, taken out or put in between later does not fit its seal. Sealing is a step of its own (`seal`), so that those
//! who write rows at the same time need not wait for each other.

use super::{Db, Result, Tx, args};
use crate::core::Ids;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// One row of the trail.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Entry {
    /// Which.
    pub id: String,
    /// Who.
    pub actor: String,
    /// Did what: `read case`, `accept`, `sign in`, …
    pub action: String,
    /// To what: `case:ID`, `message:ID`, …
    pub object: String,
    /// Anything more, without personal data.
    pub detail: sqlx::types::Json<serde_json::Value>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Writes a row.
///
/// # Errors
/// What the database says.
pub async fn write(
    tx: &mut Tx,
    ids: &Ids,
    actor: &str,
    action: &str,
    object: &str,
    detail: serde_json::Value,
    now: DateTime<Utc>,
) -> Result<()> {
    let id: Uuid = ids.uuid();
    tx.exec(
        "INSERT INTO audit (id, actor, action, object, detail, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        args![id.to_string(), actor, action, object, detail, now],
    )
    .await?;
    Ok(())
}

/// The trail of one object, oldest first.
///
/// # Errors
/// What the database says.
pub async fn of(tx: &mut Tx, object: &str) -> Result<Vec<Entry>> {
    tx.all(
        "SELECT id, actor, action, object, detail, created_at FROM audit WHERE object = $1 ORDER BY created_at, id",
        args![object],
    )
    .await
}

/// Which rows are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only what this one did.
    pub actor: Option<String>,
    /// Only this doing.
    pub action: Option<String>,
    /// Only to this.
    pub object: Option<String>,
    /// Only rows older than this one.
    pub before: Option<String>,
    /// At most so many.
    pub limit: i64,
}

/// Rows, newest first: ids are ordered by time.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<Entry>> {
    // One statement for each index, so that none walks the whole trail for what is rare.
    macro_rules! listed {
        ($first:literal) => {
            concat!(
                "SELECT id, actor, action, object, detail, created_at FROM audit WHERE ",
                $first,
                " AND (CAST($1 AS TEXT) IS NULL OR actor = $1) AND (CAST($2 AS TEXT) IS NULL OR action = $2)
                  AND (CAST($3 AS TEXT) IS NULL OR object = $3) AND id < $4 ORDER BY id DESC LIMIT $5"
            )
        };
    }
    let sql = match (&filter.object, &filter.actor, &filter.action) {
        (Some(_), _, _) => listed!("object = $3"),
        (None, Some(_), Some(_)) => listed!("actor = $1 AND action = $2"),
        (None, Some(_), None) => listed!("actor = $1"),
        (None, None, Some(_)) => listed!("action = $2"),
        (None, None, None) => listed!("TRUE"),
    };
    // Greater than every id.
    let before = filter.before.as_deref().unwrap_or("~");
    tx.all(sql, args![&filter.actor, &filter.action, &filter.object, before, filter.limit]).await
}

/// What people call the cases that rows are about (`case:ID`), by how the rows name them.
///
/// # Errors
/// What the database says.
pub async fn references<'a>(
    tx: &mut Tx,
    objects: impl Iterator<Item = &'a str>,
) -> Result<std::collections::BTreeMap<String, crate::core::Reference>> {
    let ids: std::collections::BTreeSet<&str> = objects.filter_map(|object| object.strip_prefix("case:")).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let mut found = std::collections::BTreeMap::new();
    for some in ids.chunks(8) {
        let id = |at: usize| *some.get(at).unwrap_or(&some[0]);
        let sql = "SELECT id, reference FROM cases WHERE id IN ($1, $2, $3, $4, $5, $6, $7, $8)";
        let rows: Vec<(String, crate::core::Reference)> =
            tx.all(sql, args![id(0), id(1), id(2), id(3), id(4), id(5), id(6), id(7)]).await?;
        found.extend(rows.into_iter().map(|(id, reference)| (format!("case:{id}"), reference)));
    }
    Ok(found)
}

/// How the rows about a case name it.
///
/// # Errors
/// What the database says.
pub async fn object_of(tx: &mut Tx, reference: &crate::core::Reference) -> Result<Option<String>> {
    let row: Option<(String,)> = tx.opt("SELECT id FROM cases WHERE reference = $1", args![reference]).await?;
    Ok(row.map(|(id,)| format!("case:{id}")))
}

/// Makes the database refuse to change or remove rows of the trail and its seals. The two databases have no common words for it.
///
/// # Errors
/// What the database says.
pub(super) async fn make_append_only(db: &Db) -> Result<()> {
    match db {
        Db::Sqlite(pool) => {
            for (table, doing) in
                [("audit", "UPDATE"), ("audit", "DELETE"), ("audit_seals", "UPDATE"), ("audit_seals", "DELETE")]
            {
                let statement = format!(
                    "CREATE TRIGGER IF NOT EXISTS {table}_no_{doing} BEFORE {doing} ON {table}
                     BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
                );
                sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(pool).await?;
            }
        }
        Db::Postgres(pool) => {
            sqlx::raw_sql(
                "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$;
                 CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
                     FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
                 CREATE OR REPLACE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
                     FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();",
            )
            .execute(pool)
            .await?;
        }
    }
    Ok(())
}

/// Rows that are sealed in one step.
const LOT: i64 = 500;
/// Seals that are checked where a page shows the state of the trail; `beadle audit` checks all.
pub const SHOWN_LINKS: i64 = 200;

/// A row beside its seal.
#[derive(sqlx::FromRow)]
struct Sealed {
    number: i64,
    hash: String,
    #[sqlx(flatten)]
    entry: Entry,
}

/// What a row's seal is: SHA-256, in hexadecimal, over the seal before it and everything in the row.
fn seal_of(before: &str, entry: &Entry) -> String {
    let mut hash = Sha256::new();
    let detail = serde_json::to_string(&entry.detail.0).unwrap_or_default();
    let at = entry.created_at.timestamp_micros().to_string();
    for part in [before, &entry.id, &entry.actor, &entry.action, &entry.object, &detail, &at] {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("{:x}", hash.finalize())
}

/// Seals rows that are not sealed yet; how many it was. Rows written since `since` are looked at, and all where it is none.
///
/// # Errors
/// What the database says; another process that seals at the same moment among it, and then nothing is written.
pub async fn seal(tx: &mut Tx, since: Option<DateTime<Utc>>) -> Result<usize> {
    let rows: Vec<Entry> = tx
        .all(
            "SELECT a.id, a.actor, a.action, a.object, a.detail, a.created_at FROM audit a
             WHERE (CAST($1 AS TIMESTAMPTZ) IS NULL OR a.created_at >= $1)
               AND NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.audit_id = a.id)
             ORDER BY a.created_at, a.id LIMIT $2",
            args![since, LOT],
        )
        .await?;
    let last: Option<(i64, String)> =
        tx.opt("SELECT number, hash FROM audit_seals ORDER BY number DESC LIMIT 1", args![]).await?;
    let (mut number, mut before) = last.unwrap_or_default();
    for row in &rows {
        number += 1;
        before = seal_of(&before, row);
        tx.exec(
            "INSERT INTO audit_seals (number, audit_id, hash) VALUES ($1, $2, $3)",
            args![number, &row.id, &before],
        )
        .await?;
    }
    Ok(rows.len())
}

/// How the chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Rows that are sealed.
    pub sealed: i64,
    /// Rows that are not yet; none where only the newest seals were looked at.
    pub open: Option<i64>,
    /// Number of the first seal, of those looked at, that does not fit its row or the seal before it.
    pub broken: Option<i64>,
}

/// Checks the whole chain.
///
/// # Errors
/// What the database says.
pub async fn check(tx: &mut Tx) -> Result<Chain> {
    let chain = links_from(tx, 0).await?;
    let rows = tx.count("SELECT COUNT(*) FROM audit", args![]).await?;
    Ok(Chain { open: Some(rows - chain.sealed), ..chain })
}

/// Checks the newest `most` seals.
///
/// # Errors
/// What the database says.
pub async fn newest_links(tx: &mut Tx, most: i64) -> Result<Chain> {
    let last: Option<(i64,)> = tx.opt("SELECT number FROM audit_seals ORDER BY number DESC LIMIT 1", args![]).await?;
    links_from(tx, last.map_or(0, |(last,)| (last - most).max(0))).await
}

/// Checks the seals after number `from`.
async fn links_from(tx: &mut Tx, from: i64) -> Result<Chain> {
    let before: Option<(String,)> = tx.opt("SELECT hash FROM audit_seals WHERE number = $1", args![from]).await?;
    let mut before = before.map(|row| row.0).unwrap_or_default();
    let (mut number, mut broken) = (from, None);
    loop {
        let rows: Vec<Sealed> = tx
            .all(
                "SELECT s.number, s.hash, a.id, a.actor, a.action, a.object, a.detail, a.created_at
                 FROM audit_seals s JOIN audit a ON a.id = s.audit_id WHERE s.number > $1 ORDER BY s.number LIMIT $2",
                args![number, LOT],
            )
            .await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let follows = row.number == number + 1 && row.hash == seal_of(&before, &row.entry);
            if !follows && broken.is_none() {
                broken = Some(row.number);
            }
            number = row.number;
            before = row.hash;
        }
    }
    let last: Option<(i64,)> = tx.opt("SELECT number FROM audit_seals ORDER BY number DESC LIMIT 1", args![]).await?;
    // A seal whose row is gone is not among the rows above.
    let sealed = last.map_or(0, |(last,)| last);
    if broken.is_none() && sealed != number {
        broken = Some(number + 1);
    }
    Ok(Chain { sealed, open: None, broken })
}
