//! People with an account at the portal, and what they are.

use super::{Result, Tx, args};
use crate::core::{Grant, Ids, Role, UserId};
use chrono::{DateTime, Utc};

/// The columns of a [`User`].
macro_rules! columns {
    () => {
        "id, user_name, name, signs_on_as, password, totp, totp_step, created_at, ended_at"
    };
}

/// Somebody with an account.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// What they sign in with, in lower case; decisions and the audit trail name them by it.
    pub user_name: String,
    /// Their name, for people.
    pub name: String,
    /// What the council's provider of sign-ons calls them, in lower case, where they may sign on.
    pub signs_on_as: Option<String>,
    /// Argon2id hash of the password; none until they have set one.
    pub password: Option<String>,
    /// Secret of the second factor, in base32, where they use one.
    pub totp: Option<String>,
    /// The last step of the second factor that was used: none is good twice.
    pub totp_step: i64,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When the account was closed.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A role somebody was given, as it stands in the database.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Given {
    /// Which.
    pub id: String,
    /// Whose.
    pub user_id: UserId,
    /// What.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// For which councillor; none is all.
    pub councillor: Option<String>,
    /// When it ends by itself.
    pub until_at: Option<DateTime<Utc>>,
    /// When it was given.
    pub given_at: DateTime<Utc>,
    /// By whom.
    pub given_by: String,
}

impl Given {
    /// What it lets its holder do.
    #[must_use]
    pub fn grant(&self) -> Grant {
        Grant { role: self.role, councillor: self.councillor.clone() }
    }
}

/// A new role for somebody.
#[derive(Clone, Copy, Debug)]
pub struct NewGrant<'a> {
    /// Whose.
    pub user: &'a UserId,
    /// What.
    pub role: Role,
    /// For which councillor; none is all.
    pub councillor: Option<&'a str>,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
    /// Who gives it.
    pub by: &'a str,
}

/// By which ways people sign in as things are set at present.
#[derive(Clone, Copy, Debug)]
pub struct Ways<'a> {
    /// Whether everybody may have a password.
    pub passwords: bool,
    /// The user name that may have one in any case.
    pub always: &'a str,
    /// The provider of sign-ons, where there is one.
    pub issuer: Option<&'a str>,
}

/// Makes an account without a password; false where the user name is taken.
///
/// # Errors
/// What the database says.
pub async fn insert(
    tx: &mut Tx,
    id: &UserId,
    user_name: &str,
    name: &str,
    signs_on_as: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let made = tx
        .exec(
            "INSERT INTO users (id, user_name, name, signs_on_as, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (user_name) DO NOTHING",
            args![id, user_name, name, signs_on_as, now],
        )
        .await?;
    Ok(made == 1)
}

/// Everybody, those whose account was closed last.
///
/// # Errors
/// What the database says.
pub async fn all(tx: &mut Tx) -> Result<Vec<User>> {
    tx.all(
        concat!("SELECT ", columns!(), " FROM users ORDER BY CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END, user_name"),
        args![],
    )
    .await
}

/// An account.
///
/// # Errors
/// What the database says.
pub async fn get(tx: &mut Tx, id: &UserId) -> Result<Option<User>> {
    tx.opt(concat!("SELECT ", columns!(), " FROM users WHERE id = $1"), args![id]).await
}

/// The account of a user name (lower case).
///
/// # Errors
/// What the database says.
pub async fn by_name(tx: &mut Tx, user_name: &str) -> Result<Option<User>> {
    tx.opt(concat!("SELECT ", columns!(), " FROM users WHERE user_name = $1"), args![user_name]).await
}

/// Whether there is any account with a password.
///
/// # Errors
/// What the database says.
pub async fn any(tx: &mut Tx) -> Result<bool> {
    Ok(tx.count("SELECT COUNT(*) FROM users WHERE password IS NOT NULL", args![]).await? > 0)
}

/// Sets the hash of a password.
///
/// # Errors
/// What the database says.
pub async fn set_password(tx: &mut Tx, id: &UserId, hash: &str) -> Result<()> {
    tx.exec("UPDATE users SET password = $1 WHERE id = $2", args![hash, id]).await?;
    Ok(())
}

/// Takes somebody's password away.
///
/// # Errors
/// What the database says.
pub async fn forget_password(tx: &mut Tx, id: &UserId) -> Result<()> {
    tx.exec("UPDATE users SET password = NULL WHERE id = $1", args![id]).await?;
    Ok(())
}

/// Opens an account again that was closed, as it is if it was not. Its name at the provider of sign-ons may be somebody else's by now.
///
/// # Errors
/// What the database says.
pub async fn reopen(tx: &mut Tx, id: &UserId) -> Result<()> {
    tx.exec("UPDATE users SET ended_at = NULL, signs_on_as = NULL WHERE id = $1 AND ended_at IS NOT NULL", args![id])
        .await?;
    Ok(())
}

/// Sets the hash of a first password; false where there is one.
///
/// # Errors
/// What the database says.
pub async fn set_first_password(tx: &mut Tx, id: &UserId, hash: &str) -> Result<bool> {
    Ok(tx.exec("UPDATE users SET password = $1 WHERE id = $2 AND password IS NULL", args![hash, id]).await? == 1)
}

/// Sets or takes away the second factor's secret.
///
/// # Errors
/// What the database says.
pub async fn set_totp(tx: &mut Tx, id: &UserId, secret: Option<&str>, step: i64) -> Result<()> {
    tx.exec("UPDATE users SET totp = $1, totp_step = $2 WHERE id = $3", args![secret, step, id]).await?;
    Ok(())
}

/// Uses a step of the second factor; false where it, or a later one, was used before.
///
/// # Errors
/// What the database says.
pub async fn use_totp_step(tx: &mut Tx, id: &UserId, step: i64) -> Result<bool> {
    Ok(tx.exec("UPDATE users SET totp_step = $1 WHERE id = $2 AND totp_step < $1", args![step, id]).await? == 1)
}

/// Closes an account: its sessions, its roles, its passkeys and its link to the provider of sign-ons end with it.
///
/// # Errors
/// What the database says.
pub async fn end(tx: &mut Tx, id: &UserId, by: &str, now: DateTime<Utc>) -> Result<()> {
    tx.exec("UPDATE users SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL", args![now, id]).await?;
    tx.exec(
        "UPDATE grants SET ended_at = $1, ended_by = $2 WHERE user_id = $3 AND ended_at IS NULL",
        args![now, by, id],
    )
    .await?;
    tx.exec("DELETE FROM invitations WHERE user_id = $1", args![id]).await?;
    // Who comes back to the council gets a new account, and signs on to that one.
    tx.exec("DELETE FROM sign_ons WHERE user_id = $1", args![id]).await?;
    super::passkey::take_all_away(tx, id).await?;
    super::session::end_all_of(tx, id).await
}

/// Gives a role.
///
/// # Errors
/// What the database says.
pub async fn give(tx: &mut Tx, ids: &Ids, new: NewGrant<'_>, now: DateTime<Utc>) -> Result<()> {
    tx.exec(
        "INSERT INTO grants (id, user_id, role, councillor, until_at, given_at, given_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![ids.uuid().to_string(), new.user, new.role.as_str(), new.councillor, new.until, now, new.by],
    )
    .await?;
    Ok(())
}

/// Takes a role away; false where it had ended.
///
/// # Errors
/// What the database says.
pub async fn take(tx: &mut Tx, grant: &str, user: &UserId, by: &str, now: DateTime<Utc>) -> Result<bool> {
    let ended = tx
        .exec(
            "UPDATE grants SET ended_at = $1, ended_by = $2 WHERE id = $3 AND user_id = $4 AND ended_at IS NULL",
            args![now, by, grant, user],
        )
        .await?;
    Ok(ended == 1)
}

/// Roles that stand: of one, or of everybody.
///
/// # Errors
/// What the database says.
pub async fn given(tx: &mut Tx, user: Option<&UserId>, now: DateTime<Utc>) -> Result<Vec<Given>> {
    tx.all(
        "SELECT id, user_id, role, councillor, until_at, given_at, given_by FROM grants
         WHERE ended_at IS NULL AND (until_at IS NULL OR until_at > $1) AND user_id = COALESCE($2, user_id)
         ORDER BY user_id, role, councillor, id",
        args![now, user],
    )
    .await
}

/// How many other accounts can sign in now and administer: the last one must not be taken away. Holds everybody's role as administrator
/// until the transaction ends, so that two cannot close each other at the same moment.
///
/// # Errors
/// What the database says.
pub async fn other_administrators(tx: &mut Tx, but: &UserId, ways: Ways<'_>) -> Result<i64> {
    // A change that changes nothing: both databases hold what is changed, and only one of them has words for holding alone.
    tx.exec("UPDATE grants SET role = role WHERE role = 'administrator' AND ended_at IS NULL", args![]).await?;
    tx.count(
        "SELECT COUNT(DISTINCT g.user_id) FROM grants g JOIN users u ON u.id = g.user_id
         WHERE g.role = 'administrator' AND g.ended_at IS NULL AND g.until_at IS NULL AND u.ended_at IS NULL
           AND (u.password IS NOT NULL AND ($2 OR u.user_name = $3)
                OR u.id IN (SELECT user_id FROM sign_ons WHERE issuer = $4))
           AND u.id <> $1",
        args![but, ways.passwords, ways.always, ways.issuer],
    )
    .await
}

/// Writes a link with which somebody sets their password; earlier ones of theirs are good no more.
///
/// # Errors
/// What the database says.
pub async fn invite(tx: &mut Tx, user: &UserId, token_hash: &str, until: DateTime<Utc>) -> Result<()> {
    tx.exec("DELETE FROM invitations WHERE user_id = $1", args![user]).await?;
    tx.exec(
        "INSERT INTO invitations (token_hash, user_id, expires_at) VALUES ($1, $2, $3)",
        args![token_hash, user, until],
    )
    .await?;
    Ok(())
}

/// Whom a link is for, while it is good.
///
/// # Errors
/// What the database says.
pub async fn invited(tx: &mut Tx, token_hash: &str, now: DateTime<Utc>) -> Result<Option<UserId>> {
    let row: Option<(UserId,)> = tx
        .opt(
            "SELECT i.user_id FROM invitations i JOIN users u ON u.id = i.user_id
             WHERE i.token_hash = $1 AND i.expires_at > $2 AND u.ended_at IS NULL",
            args![token_hash, now],
        )
        .await?;
    Ok(row.map(|row| row.0))
}

/// Uses a link up.
///
/// # Errors
/// What the database says.
pub async fn invitation_used(tx: &mut Tx, user: &UserId) -> Result<()> {
    tx.exec("DELETE FROM invitations WHERE user_id = $1", args![user]).await?;
    Ok(())
}

/// Writes down what the provider of sign-ons calls somebody. Whoever it showed to be them before is them no more. False where
/// somebody else is called so.
///
/// # Errors
/// What the database says.
pub async fn set_signs_on_as(tx: &mut Tx, id: &UserId, name: Option<&str>) -> Result<bool> {
    let taken = tx
        .count("SELECT COUNT(*) FROM users WHERE signs_on_as = $1 AND id <> $2 AND ended_at IS NULL", args![name, id])
        .await?;
    if taken > 0 {
        return Ok(false);
    }
    tx.exec("UPDATE users SET signs_on_as = $1 WHERE id = $2", args![name, id]).await?;
    tx.exec("DELETE FROM sign_ons WHERE user_id = $1", args![id]).await?;
    Ok(true)
}

/// Whom a provider showed to be one of ours before.
///
/// # Errors
/// What the database says.
pub async fn by_sign_on(tx: &mut Tx, issuer: &str, subject: &str) -> Result<Option<User>> {
    tx.opt(
        concat!(
            "SELECT ",
            columns!(),
            " FROM users WHERE id IN (SELECT user_id FROM sign_ons WHERE issuer = $1 AND subject = $2)"
        ),
        args![issuer, subject],
    )
    .await
}

/// The account that waits for somebody whom the provider calls so: it has shown nobody to be them yet. Whom another provider showed,
/// the one before, does not count.
///
/// # Errors
/// What the database says.
pub async fn awaited(tx: &mut Tx, issuer: &str, name: &str) -> Result<Option<User>> {
    tx.opt(
        concat!(
            "SELECT ",
            columns!(),
            " FROM users WHERE signs_on_as = $1 AND ended_at IS NULL
               AND id NOT IN (SELECT user_id FROM sign_ons WHERE issuer = $2)"
        ),
        args![name, issuer],
    )
    .await
}

/// From now on who the provider calls so is this person, whatever their name becomes; whom another provider showed is them no more.
/// False where somebody was quicker.
///
/// # Errors
/// What the database says.
pub async fn link(tx: &mut Tx, user: &UserId, issuer: &str, subject: &str, now: DateTime<Utc>) -> Result<bool> {
    tx.exec("DELETE FROM sign_ons WHERE user_id = $1 AND issuer <> $2", args![user, issuer]).await?;
    let made = tx
        .exec(
            "INSERT INTO sign_ons (issuer, subject, user_id, linked_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            args![issuer, subject, user, now],
        )
        .await?;
    Ok(made == 1)
}

/// Forgets whom the provider of sign-ons showed to be somebody: who signs on by their name next is.
///
/// # Errors
/// What the database says.
pub async fn unlink(tx: &mut Tx, user: &UserId) -> Result<()> {
    tx.exec("DELETE FROM sign_ons WHERE user_id = $1", args![user]).await?;
    Ok(())
}

/// Since when somebody is known to the provider of sign-ons.
///
/// # Errors
/// What the database says.
pub async fn linked(tx: &mut Tx, user: &UserId) -> Result<Option<DateTime<Utc>>> {
    let row: Option<(DateTime<Utc>,)> =
        tx.opt("SELECT linked_at FROM sign_ons WHERE user_id = $1", args![user]).await?;
    Ok(row.map(|row| row.0))
}
