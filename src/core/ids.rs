//! Identifiers: a type for each noun, so that a case cannot be passed where a message is meant.

use crate::core::Reference;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// Where new identifiers come from.
#[derive(Clone, Debug)]
pub enum Ids {
    /// Random, ordered by time (UUID version 7), for the running service.
    Random,
    /// Counted from one, for tests that compare what is written.
    Counted(Arc<AtomicU64>),
}

impl Ids {
    /// A source that counts from one.
    #[must_use]
    pub fn counted() -> Self {
        Self::Counted(Arc::new(AtomicU64::new(0)))
    }

    /// A new identifier of the kind asked for.
    #[must_use]
    pub fn next<T: From<Uuid>>(&self) -> T {
        T::from(self.uuid())
    }

    /// A new case reference. Whether it is free is for the database to say.
    #[must_use]
    pub fn reference(&self) -> Reference {
        match self {
            Self::Random => Reference::random(&mut rand::rng()),
            Self::Counted(n) => Reference::random(&mut StdRng::seed_from_u64(n.fetch_add(1, Ordering::Relaxed))),
        }
    }

    /// A new code for somebody to show who they are.
    #[must_use]
    pub fn code(&self) -> super::Code {
        match self {
            Self::Random => super::Code::random(&mut rand::rng()),
            Self::Counted(n) => super::Code::random(&mut StdRng::seed_from_u64(n.fetch_add(1, Ordering::Relaxed))),
        }
    }

    /// Sixteen bytes that nobody can guess (counted ones are for tests only).
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that makes identifiers")]
    pub fn uuid(&self) -> Uuid {
        match self {
            Self::Random => Uuid::now_v7(),
            Self::Counted(n) => Uuid::from_u128(u128::from(n.fetch_add(1, Ordering::Relaxed) + 1)),
        }
    }
}

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
        #[sqlx(transparent)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The identifier as it stands in the database.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id.to_string())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

id_types! {
    /// One row of the durable inbox: one delivery of one message to one account.
    InboxId,
    /// A message, in or out, as people see it.
    MessageId,
    /// A person or an office that writes to us.
    ContactId,
    /// A case.
    CaseId,
    /// A link between two cases.
    LinkId,
    /// A decision, automatic or human.
    DecisionId,
    /// One outgoing message.
    OutboxId,
    /// What was said of two contacts being one person.
    SamePersonId,
    /// One lesson: what was learned from the council's decisions.
    LessonId,
    /// Somebody with an account at the portal.
    UserId,
    /// A gatekeeper's decision that can be taken back.
    UndoId,
}
