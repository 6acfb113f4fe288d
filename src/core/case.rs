//! A case: one problem of one resident on its way to be solved.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal / $label:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands in the database and in files.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The words people see.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("'{word}' is none of {}", [$($word),+].join(", "))),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(word: String) -> Result<Self, String> {
                word.parse()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// How soon somebody must look; the order is the order of the queue, most pressing last.
    Priority {
        /// Thanks, suggestions, questions without haste.
        Low = "low" / "Low",
        /// The service standard holds.
        Normal = "normal" / "Normal",
        /// A hazard, a vulnerable person, a date near by.
        High = "high" / "High",
        /// Danger to somebody today.
        Urgent = "urgent" / "Urgent",
    }
}

words! {
    /// Where a case stands.
    CaseState {
        /// A gatekeeper has to look at what is suggested.
        Review = "review" / "Waiting for review",
        /// Under a hold: only a person moves it on.
        Held = "held" / "On hold",
        /// Part of another case; that one says where it stands.
        Joined = "joined" / "Joined to another case",
        /// With a department.
        Routed = "routed" / "With the department",
        /// Done.
        Closed = "closed" / "Closed",
    }
}

words! {
    /// In which part somebody takes part in a case.
    Party {
        /// The one who reported it.
        Resident = "resident" / "Resident",
        /// The elected member.
        Councillor = "councillor" / "Councillor",
        /// The department or an officer of it.
        Department = "department" / "Department",
    }
}

words! {
    /// What a link says of two cases.
    LinkKind {
        /// The child is dealt with in the parent.
        Join = "join" / "Joined",
        /// The child is perhaps the same problem as the parent.
        Maybe = "maybe" / "Perhaps the same",
        /// The child is another request out of the parent's message.
        Split = "split" / "From the same message",
        /// The child is the problem of the parent again, reported after that was closed.
        Again = "again" / "Reported again",
    }
}

words! {
    /// What is known of two contacts being one person.
    Sameness {
        /// Something points to it; a person has to say.
        Suggested = "suggested" / "Perhaps the same person",
        /// It was confirmed: by their own code, or by a gatekeeper.
        Confirmed = "confirmed" / "The same person",
        /// A gatekeeper said no.
        Refused = "refused" / "Not the same person",
        /// It was confirmed, and taken back.
        Undone = "undone" / "Taken apart again",
    }
}

words! {
    /// Between whom a note goes.
    NoteKind {
        /// For whoever looks at the case at the desk.
        Note = "note" / "Note",
        /// From the department to the gatekeepers.
        AskDesk = "ask_desk" / "Question of the department to the desk",
        /// From the department for the resident: a gatekeeper decides whether and how they are asked.
        AskResident = "ask_resident" / "Question of the department to the resident",
        /// From the desk to the department.
        TellDepartment = "tell_department" / "Told to the department",
    }
}

/// The question that a resident was asked and has not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Where it is.
    Place,
    /// What is wrong.
    Problem,
    /// Whether the department may know who they are.
    Consent,
}

impl Asked {
    /// The word that stands in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Problem => "problem",
            Self::Consent => "consent",
        }
    }
}

impl Party {
    /// The letter in a signed token that says for whom the token was made.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Resident => 'r',
            Self::Councillor => 'c',
            Self::Department => 'd',
        }
    }

    /// The party that a token's letter stands for.
    #[must_use]
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.letter() == letter)
    }
}
