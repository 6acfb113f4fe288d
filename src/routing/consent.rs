//! Whom a resident allows to know them, and what that lets out.

use crate::core::Channel;
use crate::core::access::{About, Eyes, Purpose, Reader};
use crate::core::case::words;
use crate::core::verdict::is_safeguarding;
use serde::Deserialize;
use std::collections::BTreeMap;

words! {
    /// What a resident chose, or what the council set for the channel where they were not asked.
    Consent {
        /// The department may know who they are, and the councillor is told.
        Share = "share" / "Councillor is told; details shared with the department",
        /// The councillor is told, the department gets the words without the name.
        Councillor = "councillor" / "Councillor is told; the department does not learn who asks",
        /// Neither: the department gets the words without the name, and the councillor is not copied.
        Neither = "neither" / "Neither councillor nor department learns who asks",
        /// The private lane: the councillor gets the message, and no officer, assistant or other councillor sees any of it.
        Private = "private" / "For the councillor only",
    }
}

impl Consent {
    /// What stands with a case; the most that was ever kept back from a department where it cannot be read.
    #[must_use]
    pub fn of(stored: &str) -> Self {
        stored.parse().unwrap_or(Self::Neither)
    }

    /// Whether nobody but the councillor may read what was written, or learn who wrote it.
    #[must_use]
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Private)
    }

    /// How a reader looks at a case of which this holds.
    #[must_use]
    pub fn eyes(self, reader: Reader, purpose: Purpose, hold_reason: Option<&str>) -> Eyes {
        let consented = match reader {
            Reader::Officer => self.department_sees_contact(),
            Reader::Councillor | Reader::WardCouncillor => self.councillor_is_copied(),
            Reader::Administrator | Reader::Gatekeeper | Reader::Resident => false,
        };
        let about = About { consented, private: self.is_private(), safeguarding: is_safeguarding(hold_reason) };
        Eyes::of(reader, purpose, about)
    }

    /// Whether the department may see name and address.
    #[must_use]
    pub const fn department_sees_contact(self) -> bool {
        matches!(self, Self::Share)
    }

    /// Whether the councillor is copied on what goes to the department.
    #[must_use]
    pub const fn councillor_is_copied(self) -> bool {
        matches!(self, Self::Share | Self::Councillor)
    }
}

/// What holds for the residents of a channel until they say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// As [`Consent::Share`].
    Share,
    /// As [`Consent::Councillor`].
    Councillor,
    /// As [`Consent::Neither`].
    Neither,
    /// They are asked; until they answer, the department does not learn who they are.
    Ask,
}

/// What holds on each channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consents {
    /// On channels of which nothing else is said.
    pub otherwise: Wish,
    /// On these.
    pub by_channel: BTreeMap<Channel, Wish>,
}

impl Consents {
    /// What holds on a channel.
    #[must_use]
    pub fn on(&self, channel: Channel) -> Wish {
        self.by_channel.get(&channel).copied().unwrap_or(self.otherwise)
    }
}

impl Wish {
    /// What holds before they answer.
    #[must_use]
    pub const fn at_first(self) -> Consent {
        match self {
            Self::Share => Consent::Share,
            Self::Councillor | Self::Ask => Consent::Councillor,
            Self::Neither => Consent::Neither,
        }
    }
}
