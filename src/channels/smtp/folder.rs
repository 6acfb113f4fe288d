//! Mail into a folder.

use super::SendError;
use mail_parser::MessageParser;
use sha2::{Digest, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::fs::{self, OpenOptions};
use tokio::io::AsyncWriteExt as _;

/// Writes the message whole or not at all, under a name made of its Message-ID (of its bytes where it has none), so
/// that sending it again puts the same file in its place.
pub(super) async fn write(folder: &Path, message: &[u8]) -> Result<String, SendError> {
    let name = format!("{}.eml", name_for(message));
    put(folder, &name, message).await.map_err(|error| not_sent(folder, &error))?;
    Ok(format!("written as {name}"))
}

/// Tries whether a file can be written, and removes it.
pub(super) async fn check(folder: &Path) -> Result<String, SendError> {
    let name = temporary("check");
    let trial = async {
        put(folder, &name, b"").await?;
        fs::remove_file(folder.join(&name)).await
    };
    trial.await.map_err(|error| not_sent(folder, &error))?;
    Ok(format!("mail is written to {} and goes no further", folder.display()))
}

async fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder).await?;
    let unfinished: PathBuf = folder.join(temporary(name));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // What residents write is nobody else's to read.
    #[cfg(unix)]
    options.mode(0o600);
    let written = async {
        let mut file = options.open(&unfinished).await?;
        file.write_all(bytes).await?;
        file.sync_all().await?;
        fs::rename(&unfinished, folder.join(name)).await
    };
    let written = written.await;
    if written.is_err() {
        let _ = fs::remove_file(&unfinished).await;
    }
    written
}

/// A hidden name that no other process or task uses.
fn temporary(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!(".{name}.{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn name_for(message: &[u8]) -> String {
    let parsed = MessageParser::default().parse_headers(message);
    let id = parsed.as_ref().and_then(|mail| mail.message_id()).map(str::as_bytes);
    let hash = Sha256::digest(id.unwrap_or(message));
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn not_sent(folder: &Path, error: &io::Error) -> SendError {
    SendError::NotSent { why: format!("cannot write to {}: {error}", folder.display()) }
}
