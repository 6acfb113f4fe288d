//! Values bound to statements, the same for both drivers.

use super::StoreError;
use crate::core::{
    CaseId, ContactId, DecisionId, InboxId, LessonId, LinkId, MessageId, OutboxId, Reference, SamePersonId, UndoId,
    UserId,
};
use chrono::{DateTime, Utc};
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// One bound value.
#[derive(Clone, Debug)]
pub enum Arg {
    /// TEXT.
    Text(Option<String>),
    /// BIGINT.
    Int(Option<i64>),
    /// DOUBLE PRECISION.
    Float(Option<f64>),
    /// BOOLEAN.
    Bool(bool),
    /// BYTEA.
    Bytes(Option<Vec<u8>>),
    /// TIMESTAMPTZ.
    Time(Option<DateTime<Utc>>),
    /// JSONB; objects only.
    Json(Option<serde_json::Value>),
}

/// The values of one statement, in order of their placeholders.
#[derive(Clone, Debug, Default)]
pub struct Args(pub Vec<Arg>);

macro_rules! add_all {
    ($target:ty, $args:expr) => {{
        let mut target = <$target>::default();
        for arg in $args {
            match arg {
                Arg::Text(v) => target.add(v),
                Arg::Int(v) => target.add(v),
                Arg::Float(v) => target.add(v),
                Arg::Bool(v) => target.add(v),
                Arg::Bytes(v) => target.add(v),
                Arg::Time(v) => target.add(v),
                Arg::Json(v) => target.add(v.map(sqlx::types::Json)),
            }
            .map_err(|e| StoreError::Bind(e.to_string()))?;
        }
        Ok(target)
    }};
}

impl Args {
    pub(super) fn sqlite(self) -> Result<SqliteArguments, StoreError> {
        add_all!(SqliteArguments, self.0)
    }

    pub(super) fn postgres(self) -> Result<PgArguments, StoreError> {
        add_all!(PgArguments, self.0)
    }
}

macro_rules! from_value {
    ($($type:ty => $variant:ident($make:expr)),+ $(,)?) => {$(
        impl From<$type> for Arg {
            fn from(value: $type) -> Self {
                let make: fn($type) -> _ = $make;
                Self::$variant(make(value))
            }
        }
    )+};
}

from_value! {
    &str => Text(|v| Some(v.to_owned())),
    String => Text(Some),
    &String => Text(|v| Some(v.clone())),
    Option<&str> => Text(|v| v.map(str::to_owned)),
    Option<String> => Text(|v| v),
    &Option<String> => Text(|v| v.clone()),
    &Reference => Text(|v| Some(v.as_str().to_owned())),
    i64 => Int(Some),
    Option<i64> => Int(|v| v),
    u32 => Int(|v| Some(i64::from(v))),
    f64 => Float(Some),
    Option<f64> => Float(|v| v),
    bool => Bool(|v| v),
    &[u8] => Bytes(|v| Some(v.to_vec())),
    Vec<u8> => Bytes(Some),
    Option<Vec<u8>> => Bytes(|v| v),
    DateTime<Utc> => Time(Some),
    Option<DateTime<Utc>> => Time(|v| v),
    serde_json::Value => Json(Some),
    Option<serde_json::Value> => Json(|v| v),
}

macro_rules! from_id {
    ($($type:ty),+) => {$(
        impl From<&$type> for Arg {
            fn from(id: &$type) -> Self {
                Self::Text(Some(id.as_str().to_owned()))
            }
        }
        impl From<Option<&$type>> for Arg {
            fn from(id: Option<&$type>) -> Self {
                Self::Text(id.map(|id| id.as_str().to_owned()))
            }
        }
    )+};
}
from_id!(CaseId, ContactId, DecisionId, InboxId, LessonId, SamePersonId, LinkId, MessageId, OutboxId, UndoId, UserId);

/// The values of a statement: `args![id, now, "word"]`.
#[macro_export]
macro_rules! statement_args {
    ($($value:expr),* $(,)?) => { $crate::store::Args(vec![$($crate::store::Arg::from($value)),*]) };
}
pub use statement_args as args;
