//! Whom a resident allows to know them, and what that lets out.

use crate::core::case::words;

words! {
    /// What a resident chose, or what the council set for the channel where they were not asked.
    Consent {
        /// The department may know who they are, and the councillor is told.
        Share = "share" / "Councillor is told; details shared with the department",
        /// The councillor is told, the department gets the words without the name.
        Councillor = "councillor" / "Councillor is told; the department does not learn who asks",
        /// Neither: the department gets the words without the name, and the councillor is not copied.
        Neither = "neither" / "Neither councillor nor department learns who asks",
    }
}

impl Consent {
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
