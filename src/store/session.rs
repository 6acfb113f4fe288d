//! Who is signed in to the portal. Only a hash of the cookie is kept.

use super::{Result, Tx, args};
use chrono::{DateTime, Utc};

/// A session that has not run out.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Session {
    /// Who.
    pub actor: String,
    /// The word every form must carry.
    pub csrf: String,
}

/// Begins a session, and clears away those that have run out.
///
/// # Errors
/// What the database says.
pub async fn insert(
    tx: &mut Tx,
    token_hash: &str,
    session: &Session,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    tx.exec("DELETE FROM sessions WHERE expires_at < $1", args![now]).await?;
    tx.exec(
        "INSERT INTO sessions (token_hash, actor, csrf, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        args![token_hash, &session.actor, &session.csrf, now, expires_at],
    )
    .await?;
    Ok(())
}

/// The session of a cookie, unless it has run out.
///
/// # Errors
/// What the database says.
pub async fn get(tx: &mut Tx, token_hash: &str, now: DateTime<Utc>) -> Result<Option<Session>> {
    tx.opt("SELECT actor, csrf FROM sessions WHERE token_hash = $1 AND expires_at > $2", args![token_hash, now]).await
}

/// Ends a session.
///
/// # Errors
/// What the database says.
pub async fn delete(tx: &mut Tx, token_hash: &str) -> Result<()> {
    tx.exec("DELETE FROM sessions WHERE token_hash = $1", args![token_hash]).await?;
    Ok(())
}
