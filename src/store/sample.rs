//! Sample data: an invented council's messages, to look around with before real ones come. While they are in, nothing else can come
//! in, so that taking them out is taking out everything that was ever received. The audit trail stays as it is.

use super::{Result, Tx, args};

/// The account sample messages come in by.
pub const ACCOUNT: &str = "sample-data";

/// Whatever came of a message, those that point at others first.
const TABLES: [&str; 28] = [
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

/// Takes out the sample's messages and all that came of them. Does nothing where there are none, or where a message is there that is
/// not of the sample: then what came of which could not be told apart.
///
/// # Errors
/// What the database says.
pub async fn take_out(tx: &mut Tx) -> Result<bool> {
    let (sample, others) = count(tx).await?;
    if sample == 0 || others > 0 {
        return Ok(false);
    }
    for table in TABLES {
        tx.exec(table, args![]).await?;
    }
    tx.exec("DELETE FROM cursors WHERE account = $1", args![ACCOUNT]).await?;
    Ok(true)
}
