//! Passwords.
//!
//! A password is kept as an argon2id hash with its account, and nowhere else. The first account is made with the installation: an
//! administrator who is a gatekeeper, too.

use crate::core::reference::ALPHABET;
use crate::core::{Ids, Role, UserId};
use crate::store::{self, Db, Tx};
use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use chrono::{DateTime, Utc};
use rand::Rng;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use unicode_normalization::UnicodeNormalization;

/// User name of the first account.
pub const ADMINISTRATOR: &str = "administrator";
/// A password has at least so many characters.
const SHORTEST: usize = 12;
/// Hash of a password that nobody knows, with the parameters of ours.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$dm9uIG5pZW1hbmRlbQ$6FvF8cF2nWlW5n0ZL9mCqDSv0lW6Mle8NQ5VJpYI1Ws";

/// How long a password waits for its turn to be hashed.
const TURN: Duration = Duration::from_secs(5);
/// Each hash takes 19 MiB and a core: as many at once as there are cores, of all councils of this process together.
static TURNS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, std::num::NonZero::get)));

/// Too many passwords are being hashed at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many people are signing in at this moment")]
pub struct Busy;

/// Long enough with a number behind them or said twice, and still among the first that anybody would try.
const COMMON: &str = "
    password passwort qwerty qwertyuiop asdfghjkl zxcvbnm 1q2w3e4r5t6y letmein welcome iloveyou admin
    administrator changeme secret council councillor beadle portal correcthorsebatterystaple football
    liverpool arsenal chelsea sunshine princess monkey dragon trustno1 abc abcdefghijkl
    abcdefghijklmnopqrstuvwxyz test default login master
";

/// Why a password was not set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than twelve characters.
    #[error(
        "the password is too short: it needs at least 12 characters; three or four words that do not belong together are good"
    )]
    Short,
    /// One that anybody would try.
    #[error("the password is too easy to guess: it is a common one, with or without numbers, or repeats itself")]
    Common,
    /// Others were first for too long.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The hash could not be made.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// Sets the first account's password, makes the account where there is none, and ends its sessions: whoever signed in with the old
/// password is out.
///
/// # Errors
/// When the password is too short or too common, and what the database says.
pub async fn set_password(tx: &mut Tx, password: &str, now: DateTime<Utc>) -> Result<(), PasswordError> {
    check_password(password, &[ADMINISTRATOR])?;
    let hash = hash(password.to_owned()).await?;
    let first = first_account(tx, now).await?;
    store::user::set_password(tx, &first, &hash).await?;
    Ok(store::session::end_all_of(tx, &first).await?)
}

/// The hash of a password somebody chose for themselves. Made before anything is held in the database, because it takes its time.
///
/// # Errors
/// As [`set_password`].
pub(super) async fn own_hash(user: &store::user::User, password: &str) -> Result<String, PasswordError> {
    check_password(password, &[&user.user_name, &user.name])?;
    hash(password.to_owned()).await
}

/// Sets somebody's own password, ends their sessions, and uses up any link with which another could be set: whoever had the old one
/// is out.
pub(super) async fn set_own(tx: &mut Tx, user: &UserId, hash: &str) -> store::Result<()> {
    store::user::set_password(tx, user, hash).await?;
    store::user::invitation_used(tx, user).await?;
    store::session::end_all_of(tx, user).await
}

/// A new random password for the first account, hashed; [`reset`] puts it in force.
///
/// # Errors
/// When it could not be hashed.
pub async fn new_password() -> Result<(String, String), PasswordError> {
    let password = generated();
    let hash = hash(password.clone()).await?;
    Ok((password, hash))
}

/// The way back where nobody can administer any more: the first account is open, made where there is none, and has its roles and this
/// password. Its second factors, links and sessions are gone.
///
/// # Errors
/// What the database says.
pub async fn reset(tx: &mut Tx, ids: &Ids, hash: &str, now: DateTime<Utc>) -> store::Result<()> {
    let first = first_account(tx, now).await?;
    store::user::reopen(tx, &first).await?;
    let standing = store::user::given(tx, Some(&first), now).await?;
    let stands = |role| standing.iter().any(|g| g.role == role && g.councillor.is_none() && g.until_at.is_none());
    for role in [Role::Administrator, Role::Gatekeeper].into_iter().filter(|role| !stands(*role)) {
        let new = store::user::NewGrant { user: &first, role, councillor: None, until: None, by: "beadle" };
        store::user::give(tx, ids, new, now).await?;
    }
    let step = store::user::get(tx, &first).await?.map_or(0, |user| user.totp_step);
    store::user::set_totp(tx, &first, None, step).await?;
    let passkeys = store::passkey::take_all_away(tx, &first).await?;
    set_own(tx, &first, hash).await?;
    let (object, detail) = (format!("user:{first}"), json!({"passkeys taken away": passkeys}));
    store::audit::write(tx, ids, "beadle", "new password by command", &object, detail, now).await
}

/// Whether there is an account with a password.
///
/// # Errors
/// What the database says.
pub async fn is_set_up(tx: &mut Tx) -> store::Result<bool> {
    store::user::any(tx).await
}

/// The first account; it is made where there is none.
async fn first_account(tx: &mut Tx, now: DateTime<Utc>) -> store::Result<UserId> {
    let id = UserId::from(ADMINISTRATOR.to_owned());
    if store::user::insert(tx, &id, ADMINISTRATOR, "Administrator", None, now).await? {
        for role in [Role::Administrator, Role::Gatekeeper] {
            let new = store::user::NewGrant { user: &id, role, councillor: None, until: None, by: "beadle" };
            store::user::give(tx, &crate::core::Ids::Random, new, now).await?;
        }
        return Ok(id);
    }
    Ok(store::user::by_name(tx, ADMINISTRATOR).await?.map_or(id, |user| user.id))
}

/// Where no account has a password yet, makes the first one, with a password that nobody can guess, and returns that: the only
/// time it can be shown. `None` where there is one.
///
/// # Errors
/// As [`set_password`].
pub async fn ensure_password(db: &Db, now: DateTime<Utc>) -> Result<Option<String>, PasswordError> {
    let mut tx = db.read().await?;
    if is_set_up(&mut tx).await? {
        return Ok(None);
    }
    drop(tx);
    let password = generated();
    let hash = hash(password.clone()).await?;
    let mut tx = db.begin().await?;
    let first = first_account(&mut tx, now).await?;
    // Two processes may start at once: the first one's password stands.
    let stands = store::user::set_first_password(&mut tx, &first, &hash).await?;
    tx.commit().await?;
    Ok(stands.then_some(password))
}

/// Four groups of four characters that cannot be mistaken for each other: 72 bits.
fn generated() -> String {
    let mut rng = rand::rng();
    let group = |_| (0..4).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect::<String>();
    (0..4).map(group).collect::<Vec<_>>().join("-")
}

/// Refuses what is short, common, repeats itself, or is made of the owner's `names`.
fn check_password(password: &str, names: &[&str]) -> Result<(), PasswordError> {
    if password.chars().count() < SHORTEST {
        return Err(PasswordError::Short);
    }
    let lower = password.to_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphabetic()).collect();
    let different: std::collections::BTreeSet<char> = lower.chars().collect();
    let names = names.iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric())).filter(|name| name.len() > 2);
    let names: Vec<String> = names.map(str::to_lowercase).collect();
    let mut common = COMMON.split_whitespace().chain(names.iter().map(String::as_str));
    let is_common = common.any(|word| lower == word || letters.replace(word, "").is_empty());
    if letters.is_empty() || different.len() < 5 || is_common {
        return Err(PasswordError::Common);
    }
    Ok(())
}

/// One password has many spellings in Unicode, and a keyboard chooses one: NFKC makes them the same.
fn spelled(password: &str) -> String {
    password.nfkc().collect()
}

/// A turn to hash. It goes into the work itself, which goes on where whoever asked has gone away.
async fn turn(of: &Semaphore, wait: Duration) -> Result<SemaphorePermit<'_>, Busy> {
    let turn = tokio::time::timeout(wait, of.acquire()).await;
    turn.ok().and_then(Result::ok).ok_or(Busy)
}

/// Hashing takes tens of milliseconds of a core: not on the threads that serve.
async fn hash(password: String) -> Result<String, PasswordError> {
    let turn = turn(&TURNS, TURN).await?;
    let work = move || {
        let _turn = turn;
        let salt = SaltString::generate(&mut OsRng);
        Argon2::default().hash_password(spelled(&password).as_bytes(), &salt).map(|h| h.to_string())
    };
    let made = tokio::task::spawn_blocking(work).await.map_err(|e| PasswordError::Hash(e.to_string()))?;
    made.map_err(|e| PasswordError::Hash(e.to_string()))
}

/// Whether a password is the right one. Where none is set, it takes as long as where one is.
///
/// # Errors
/// When too many others are verified at this moment.
pub(super) async fn verify(password: String, stored: Option<String>) -> Result<bool, Busy> {
    let turn = turn(&TURNS, TURN).await?;
    let work = move || {
        let _turn = turn;
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODYS.to_owned());
        let Ok(hash) = PasswordHash::new(&stored) else { return false };
        Argon2::default().verify_password(spelled(&password).as_bytes(), &hash).is_ok() && known
    };
    Ok(tokio::task::spawn_blocking(work).await.unwrap_or(false))
}

/// Whether two texts are the same, in a time that does not tell how much of them is.
pub(super) fn same(a: &str, b: &str) -> bool {
    let hashes = [Sha256::digest(a), Sha256::digest(b)];
    hashes[0].iter().zip(&hashes[1]).fold(0, |differs, (x, y)| differs | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_short_common_or_repeats_itself_is_refused() {
        for (bad, short) in [
            ("elevenchars", true),
            ("passwordpassword", false),
            ("Password123456", false),
            ("aaaaaaaaaaaaaaaa", false),
            ("123456789012", false),
            ("Council!!2026", false),
            ("abababababab", false),
            ("CorrectHorseBatteryStaple", false),
            ("Harrow-2026-harrow", false),
        ] {
            let error = check_password(bad, &["j.harrow"]).unwrap_err();
            assert_eq!(matches!(error, PasswordError::Short), short, "{bad}: {error}");
        }
        for good in ["lamp otter tram seven", "council tax otter lamp", &generated()] {
            assert!(check_password(good, &["j.harrow"]).is_ok(), "{good}");
        }
    }

    #[test]
    fn words_are_compared_whole() {
        assert!(same("abc", "abc"));
        assert!(!same("abc", "abd") && !same("abc", "ab") && !same("", "a"));
    }

    #[tokio::test]
    async fn without_a_password_none_is_right() {
        assert_eq!(verify(String::new(), None).await, Ok(false));
        let ours = hash("lamp otter tram".to_owned()).await.unwrap();
        let (ours, nobodys) = (PasswordHash::new(&ours).unwrap(), PasswordHash::new(NOBODYS).unwrap());
        assert_eq!(ours.params, nobodys.params, "as dear to check as a real one");
    }

    #[tokio::test]
    async fn whose_turn_to_be_hashed_does_not_come_is_told_so() {
        let turns = Semaphore::new(1);
        let first = turn(&turns, TURN).await.unwrap();
        assert_eq!(turn(&turns, Duration::ZERO).await.err(), Some(Busy));
        drop(first);
        assert!(turn(&turns, TURN).await.is_ok());
        assert!(TURNS.available_permits() > 0);
    }
}
