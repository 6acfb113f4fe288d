//! Who is signed in to the portal. Only a hash of the cookie is kept.

use super::{Result, Tx, args, user};
use crate::core::{Grant, Ids, Reach, Right, UserId};
use chrono::{DateTime, Utc};

/// A session that has not run out, with what its person may do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Which: names it where a person ends one of theirs.
    pub id: String,
    /// Whose.
    pub user: UserId,
    /// Their user name, by which decisions and the audit trail name them.
    pub actor: String,
    /// Their name, for people.
    pub name: String,
    /// The word every form must carry.
    pub csrf: String,
    /// What they are, at this moment.
    pub grants: Vec<Grant>,
}

impl Session {
    /// Whether they are let in.
    #[must_use]
    pub fn holds(&self, right: Right) -> bool {
        right == Right::Account || self.grants.iter().any(|grant| grant.holds(right))
    }

    /// Whose cases they may see for this.
    #[must_use]
    pub fn reach(&self, right: Right) -> Reach {
        Reach::of(&self.grants, right)
    }

    /// Under what name a decision on a case of this councillor is written down: of somebody who acts for that councillor, both.
    #[must_use]
    pub fn acting(&self, councillor: Option<&str>) -> String {
        match (self.reach(Right::Cases), councillor) {
            (Reach::Councillors(keys), Some(key)) if keys.iter().any(|own| own == key) => {
                format!("{} for {key}", self.actor)
            }
            _ => self.actor.clone(),
        }
    }
}

/// A new session.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    /// Whose.
    pub user: &'a UserId,
    /// SHA-256 of the cookie, in hexadecimal.
    pub token_hash: &'a str,
    /// The word every form must carry.
    pub csrf: &'a str,
    /// What the browser calls itself, shortened.
    pub device: &'a str,
    /// How it was begun: `password`, `code`, `passkey`, `password-passkey` or `sign-on`.
    pub begun_by: &'a str,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

/// A session as its owner sees it in a list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Listed {
    /// Which.
    pub id: String,
    /// What the browser calls itself.
    pub device: String,
    /// How it was begun.
    pub begun_by: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Found {
    id: String,
    user_id: UserId,
    user_name: String,
    name: String,
    csrf: String,
}

/// Begins a session, and clears away those that have run out.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, ids: &Ids, new: NewSession<'_>, now: DateTime<Utc>) -> Result<()> {
    tx.exec("DELETE FROM sessions WHERE expires_at < $1", args![now]).await?;
    tx.exec(
        "INSERT INTO sessions (token_hash, id, user_id, csrf, device, begun_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![
            new.token_hash,
            ids.uuid().to_string(),
            new.user,
            new.csrf,
            new.device,
            new.begun_by,
            now,
            new.expires_at
        ],
    )
    .await?;
    Ok(())
}

/// The session of a cookie, unless it has run out or its account is closed.
///
/// # Errors
/// What the database says.
pub async fn get(tx: &mut Tx, token_hash: &str, now: DateTime<Utc>) -> Result<Option<Session>> {
    let found: Option<Found> = tx
        .opt(
            "SELECT s.id, s.user_id, u.user_name, u.name, s.csrf FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.token_hash = $1 AND s.expires_at > $2 AND u.ended_at IS NULL",
            args![token_hash, now],
        )
        .await?;
    let Some(Found { id, user_id, user_name, name, csrf }) = found else { return Ok(None) };
    let grants = user::given(tx, Some(&user_id), now).await?.iter().map(user::Given::grant).collect();
    Ok(Some(Session { id, user: user_id, actor: user_name, name, csrf, grants }))
}

/// Sessions of somebody that have not run out, newest first.
///
/// # Errors
/// What the database says.
pub async fn of(tx: &mut Tx, user: &UserId, now: DateTime<Utc>) -> Result<Vec<Listed>> {
    tx.all(
        "SELECT id, device, begun_by, created_at, expires_at FROM sessions WHERE user_id = $1 AND expires_at > $2
         ORDER BY created_at DESC, id DESC",
        args![user, now],
    )
    .await
}

/// Ends a session of somebody; false where it is none of theirs.
///
/// # Errors
/// What the database says.
pub async fn end(tx: &mut Tx, id: &str, user: &UserId) -> Result<bool> {
    Ok(tx.exec("DELETE FROM sessions WHERE id = $1 AND user_id = $2", args![id, user]).await? == 1)
}

/// Ends every session of somebody but one.
///
/// # Errors
/// What the database says.
pub async fn end_others_of(tx: &mut Tx, user: &UserId, but: &str) -> Result<()> {
    tx.exec("DELETE FROM sessions WHERE user_id = $1 AND id <> $2", args![user, but]).await?;
    Ok(())
}

/// Ends every session of somebody.
///
/// # Errors
/// What the database says.
pub async fn end_all_of(tx: &mut Tx, user: &UserId) -> Result<()> {
    tx.exec("DELETE FROM sessions WHERE user_id = $1", args![user]).await?;
    Ok(())
}
