//! Updates as they came, before anybody understands them.

use super::api::Api;
use super::{KINDS, TelegramError};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::time::Duration;

/// Telegram waits no longer.
const LONGEST: Duration = Duration::from_secs(50);
/// How much longer than that the answer may take on its way.
const MARGIN: Duration = Duration::from_secs(15);

/// One update, not yet understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawUpdate {
    /// Its number: grows with each update, save after a week without one, when it begins somewhere else.
    pub update_id: i64,
    /// Its own JSON object, byte for byte as it came.
    pub bytes: Vec<u8>,
    /// When what it tells happened, to the second, where it says so: sent, or if it was edited, edited.
    pub at: Option<DateTime<Utc>>,
}

impl RawUpdate {
    /// An update as it stands by itself: what a poll gives many of, and a webhook one. None where it has no number.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let Numbered { update_id } = serde_json::from_slice(bytes).ok()?;
        Some(Self { update_id, bytes: bytes.to_vec(), at: when(bytes) })
    }
}

#[derive(Deserialize)]
struct Numbered {
    update_id: i64,
}

pub(super) async fn poll(api: &Api, offset: i64, wait: Duration) -> Result<Vec<RawUpdate>, TelegramError> {
    let wait = wait.min(LONGEST);
    let body = json!({ "offset": offset, "limit": 100, "timeout": wait.as_secs(), "allowed_updates": KINDS });
    read(&api.call("getUpdates", &body, wait + MARGIN).await?)
}

fn read(result: &str) -> Result<Vec<RawUpdate>, TelegramError> {
    let all: Vec<&RawValue> = serde_json::from_str(result).map_err(|_| TelegramError::strange("which updates"))?;
    let raw = |json: &RawValue| RawUpdate::of(json.get().as_bytes());
    let updates = all.into_iter().map(raw).collect::<Option<Vec<_>>>();
    let mut updates = updates.ok_or_else(|| TelegramError::strange("the number of an update"))?;
    // Whoever stores the last number must have stored all below it.
    updates.sort_by_key(|update| update.update_id);
    Ok(updates)
}

/// The date of whatever the update holds.
fn when(update: &[u8]) -> Option<DateTime<Utc>> {
    let update: Value = serde_json::from_slice(update).ok()?;
    let date = |name: &str| update.as_object()?.values().find_map(|held| held.get(name)?.as_i64());
    DateTime::from_timestamp(date("edit_date").or_else(|| date("date"))?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn updates_stay_as_they_came_and_stand_in_order() {
        let second = r#"{ "update_id" :8, "message":{"date":1719390000,"text":"caf\u00e9 \/ 1.10","x":1.50} }"#;
        let first = r#"{"update_id":7,"something_new":{"date":"soon"}}"#;
        let edited = r#"{"update_id":9,"edited_message":{"date":1719390000,"edit_date":1719390060}}"#;
        let read = read(&format!("[{second} , {first},{edited}]")).unwrap();
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let found: Vec<_> = read.iter().map(|u| (u.update_id, std::str::from_utf8(&u.bytes).unwrap(), u.at)).collect();
        let expected = [(7, first, None), (8, second, at(1_719_390_000)), (9, edited, at(1_719_390_060))];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_answer_without_numbers_is_no_answer() {
        for result in ["null", "{}", "[{}]", "[7]", r#"[{"update_id":"7"}]"#] {
            assert!(matches!(read(result), Err(TelegramError::Strange { .. })), "{result}");
        }
        assert_eq!(read("[]").unwrap(), []);
    }

    proptest! {
        #[test]
        fn no_update_is_lost_or_changed(numbers in prop::collection::vec(0..i64::MAX, 0..20), text in ".{0,40}") {
            let one = |n: &i64| format!("{{\"update_id\":{n},\"kind\":{}}}", json!({ "text": text }));
            let mut all: Vec<String> = numbers.iter().map(one).collect();
            let mut found: Vec<String> = read(&format!("[{}]", all.join(",\n"))).unwrap().into_iter()
                .map(|u| String::from_utf8(u.bytes).unwrap()).collect();
            all.sort();
            found.sort();
            prop_assert_eq!(found, all);
        }
    }
}
