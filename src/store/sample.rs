//! Sample data: an invented council's messages, to look around with before real ones come. While they are in, nothing else can come
//! in, so that taking them out is taking out everything that was ever received. The audit trail stays as it is.

use super::{Result, Tx, args};

/// The account sample messages come in by.
pub const ACCOUNT: &str = "sample-data";

/// Whatever came of a message, those that point at others first.
const TABLES: [&str; 29] = [
    "DELETE FROM ratings",
    "DELETE FROM withdrawals",
    "DELETE FROM notes",
    "DELETE FROM undos",
    "DELETE FROM passes",
    "DELETE FROM claims",
    "DELETE FROM campaign_letters",
    "DELETE FROM campaigns",
    "DELETE FROM case_bands",
    "DELETE FROM message_parts",
    "DELETE FROM outbox",
    "DELETE FROM decisions",
    // Kept for the sake of decisions; the next one keeps them anew.
    "DELETE FROM rule_sets",
    "DELETE FROM links",
    "DELETE FROM attachments",
    "DELETE FROM blobs",
    "DELETE FROM thread_ids",
    "DELETE FROM message_councillors",
    "DELETE FROM messages",
    "DELETE FROM inbox",
    "DELETE FROM promised_references",
    "DELETE FROM cases",
    "DELETE FROM wrong_codes",
    "DELETE FROM codes",
    "DELETE FROM same_person",
    "DELETE FROM contact_points",
    "DELETE FROM contacts",
    // Whom somebody blocked, or who asked for silence, wrote such a message.
    "DELETE FROM blocks",
    "DELETE FROM silences",
];

/// How many messages came in, of the sample and others.
///
/// # Errors
/// What the database says.
pub async fn count(tx: &mut Tx) -> Result<(i64, i64)> {
    let sample = tx.count("SELECT COUNT(*) FROM inbox WHERE account = $1", args![ACCOUNT]).await?;
    let all = tx.count("SELECT COUNT(*) FROM inbox", args![]).await?;
    Ok((sample, all - sample))
}

/// What became of sample data that is not to be in any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenOut {
    /// There was none.
    NothingThere,
    /// So many messages, and all that came of them.
    Gone(i64),
    /// It is there still: so many messages are among it that are not of the sample, and what came of which could not be told apart.
    Refused(i64),
}

/// The tables that are emptied with it.
pub fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().filter_map(|statement| statement.strip_prefix("DELETE FROM "))
}

/// Takes out the sample's messages and all that came of them. Does nothing where there are none, or where a message is there that is
/// not of the sample.
///
/// # Errors
/// What the database says.
pub async fn take_out(tx: &mut Tx) -> Result<TakenOut> {
    match count(tx).await? {
        (0, _) => Ok(TakenOut::NothingThere),
        (sample, 0) => {
            for table in TABLES {
                tx.exec(table, args![]).await?;
            }
            tx.exec("DELETE FROM cursors WHERE account = $1", args![ACCOUNT]).await?;
            Ok(TakenOut::Gone(sample))
        }
        (_, others) => Ok(TakenOut::Refused(others)),
    }
}
