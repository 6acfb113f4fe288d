//! Files that residents send.

use super::api::{Api, Trouble};
use super::{LIMIT, TelegramError};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// What the Bot API hands out at most: 20 MB. (A Bot API server of the council's own hands out more.)
pub const MOST_BYTES: u64 = 20 * 1024 * 1024;
/// The slowest line on which a file still comes in.
const BYTES_A_SECOND: u64 = 64 * 1024;

#[derive(Deserialize)]
struct Found {
    file_path: Option<String>,
    file_size: Option<u64>,
}

pub(super) async fn fetch(api: &Api, file_id: &str, most: u64) -> Result<(Vec<u8>, String), TelegramError> {
    let answer = api.call("getFile", &json!({ "file_id": file_id }), LIMIT).await.map_err(|trouble| match trouble {
        Trouble::No { code: 400, said, .. } if said.contains("too big") => TelegramError::TooLarge { most: MOST_BYTES },
        trouble => trouble.into(),
    })?;
    let found: Found = serde_json::from_str(&answer).map_err(|_| TelegramError::strange("where the file is"))?;
    if found.file_size.is_some_and(|size| size > most) {
        return Err(TelegramError::TooLarge { most });
    }
    let path = found.file_path.ok_or_else(|| TelegramError::strange("where the file is"))?;
    let limit = LIMIT + Duration::from_secs(found.file_size.unwrap_or(most) / BYTES_A_SECOND);
    let bytes = api.download(&path, most, limit).await.map_err(|trouble| match trouble {
        // Its address holds for an hour at least; later it has to be asked for anew.
        Trouble::Strange { code: code @ 400..=499, why } => TelegramError::Refused { code, why },
        trouble => trouble.into(),
    })?;
    let bytes = bytes.ok_or(TelegramError::TooLarge { most })?;
    if found.file_size.is_some_and(|size| size != bytes.len() as u64) {
        return Err(TelegramError::Unreachable { why: "the file came only in part".to_owned() });
    }
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    Ok((bytes, name))
}
