//! What staff write beside a case: for each other, and between the desk and the department that has it.

use super::{Result, Tx, args};
use crate::core::{CaseId, Ids, NoteKind};
use chrono::{DateTime, Utc};

/// A note.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Note {
    /// Between whom.
    #[sqlx(try_from = "String")]
    pub kind: NoteKind,
    /// Key of the department it came from or went to; none for the desk's own.
    pub department: Option<String>,
    /// Who wrote it.
    pub actor: String,
    /// What.
    pub words: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A note to be written down.
#[derive(Clone, Copy, Debug)]
pub struct NewNote<'a> {
    /// The case.
    pub case: &'a CaseId,
    /// Between whom.
    pub kind: NoteKind,
    /// Key of the department it comes from or goes to.
    pub department: Option<&'a str>,
    /// Who writes it.
    pub actor: &'a str,
    /// What.
    pub words: &'a str,
}

/// Writes a note.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, ids: &Ids, new: NewNote<'_>, now: DateTime<Utc>) -> Result<()> {
    tx.exec(
        "INSERT INTO notes (id, case_id, kind, department, actor, words, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![ids.uuid().to_string(), new.case, new.kind.as_str(), new.department, new.actor, new.words, now],
    )
    .await?;
    Ok(())
}

/// The notes of a case, oldest first.
///
/// # Errors
/// What the database says.
pub async fn of_case(tx: &mut Tx, case: &CaseId) -> Result<Vec<Note>> {
    tx.all(
        "SELECT kind, department, actor, words, created_at FROM notes WHERE case_id = $1 ORDER BY created_at, id",
        args![case],
    )
    .await
}
