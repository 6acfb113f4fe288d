//! Who may read what, and who may do what: two tables, the only ones. What a page shows is asked of [`reads`], what a route lets in
//! of [`Role::holds`]; both are printed at `/admin/access` and in `docs/access.md`, which a test compares with them.

use super::case::words;

words! {
    /// What somebody with an account is.
    Role {
        /// Sets the portal up: people, roles, channels, what was learned. Reads no resident's words by this role.
        Administrator = "administrator" / "Administrator",
        /// Reviews what came in and works on cases, for all councillors or for those they act for.
        Gatekeeper = "gatekeeper" / "Gatekeeper",
        /// An elected member.
        Councillor = "councillor" / "Councillor",
    }
}

words! {
    /// What a route is for.
    Right {
        /// Their own password, second factor and sessions.
        Account = "account" / "Look after their own account",
        /// Review, read and decide cases: those of the councillors they act for.
        Cases = "cases" / "Review and decide cases",
        /// What belongs to no one councillor: mail that was set aside, quarantine, the outbox, letters, blocks, campaigns.
        Desk = "desk" / "Look after the whole desk",
        /// A councillor's own cases and wards.
        Councillor = "councillor" / "See a councillor's cases and ward",
        /// Figures.
        Reports = "reports" / "Read reports",
        /// People, roles, the audit trail, the state of the channels.
        Administration = "administration" / "Administer",
    }
}

impl Role {
    /// Whether a role is let in. [`Right::Desk`] needs, besides, that a gatekeeper acts for all: see [`Grant::holds`].
    #[must_use]
    pub const fn holds(self, right: Right) -> bool {
        match (self, right) {
            (_, Right::Account | Right::Reports) => true,
            (Self::Gatekeeper, Right::Cases | Right::Desk | Right::Councillor)
            | (Self::Councillor, Right::Councillor)
            | (Self::Administrator, Right::Administration) => true,
            (Self::Gatekeeper | Self::Councillor, Right::Administration)
            | (Self::Councillor | Self::Administrator, Right::Cases | Right::Desk)
            | (Self::Administrator, Right::Councillor) => false,
        }
    }
}

/// A role that was given to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// Key of the councillor it is for: the councillor themselves, or the one a gatekeeper acts for. None is all of them.
    pub councillor: Option<String>,
}

impl Grant {
    /// Whether this lets its holder in.
    #[must_use]
    pub const fn holds(&self, right: Right) -> bool {
        self.role.holds(right) && (!matches!(right, Right::Desk) || self.councillor.is_none())
    }
}

/// Whose cases somebody may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everybody's.
    All,
    /// Those of these councillors; of nobody where there is none.
    Councillors(Vec<String>),
}

impl Reach {
    /// What several grants come to for a right.
    #[must_use]
    pub fn of(grants: &[Grant], right: Right) -> Self {
        let mut keys = Vec::new();
        for grant in grants.iter().filter(|grant| grant.holds(right)) {
            match &grant.councillor {
                Some(key) if !keys.contains(key) => keys.push(key.clone()),
                Some(_) => {}
                None => return Self::All,
            }
        }
        Self::Councillors(keys)
    }

    /// Whether a case of this councillor lies within; a case of nobody does only where all do.
    #[must_use]
    pub fn has(&self, councillor: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Councillors(keys) => councillor.is_some_and(|key| keys.iter().any(|own| own == key)),
        }
    }
}

words! {
    /// Who reads.
    Reader {
        /// Whoever administers the portal.
        Administrator = "administrator" / "Administrator",
        /// A gatekeeper, of the councillors they act for.
        Gatekeeper = "gatekeeper" / "Gatekeeper",
        /// The councillor of the case.
        Councillor = "councillor" / "Councillor, of their own cases",
        /// A councillor, of other cases in their ward.
        WardCouncillor = "ward_councillor" / "Councillor, of their ward",
        /// An officer, by the link in the department's mail.
        Officer = "officer" / "Officer, by the link in the mail",
        /// The resident, by their private link.
        Resident = "resident" / "Resident, by their private link",
    }
}

words! {
    /// What for.
    Purpose {
        /// Deciding what a message is and whose job.
        Triage = "triage" / "Review",
        /// Following a case and speaking for its resident.
        Casework = "casework" / "Casework",
        /// Doing the work.
        Delivery = "delivery" / "Doing the work",
        /// How a ward or the council does.
        Overview = "overview" / "Overview",
        /// Keeping the service running.
        Running = "running" / "Running the service",
    }
}

words! {
    /// What is read.
    Field {
        /// Reference, service, department, state, days.
        Standing = "standing" / "Reference, service, department, state, days",
        /// Where it is.
        Place = "place" / "Place and ward",
        /// Who the resident is and how they are reached.
        Identity = "identity" / "Name and addresses of the resident",
        /// What the resident wrote, and files.
        Words = "words" / "The resident's words and files",
        /// Decisions, notes, what was sent to whom.
        Trail = "trail" / "Decisions, notes, what was sent",
        /// That somebody may be in danger, and everything of such a case.
        Safeguarding = "safeguarding" / "Cases about somebody's safety",
        /// What is marked for the councillor only.
        Private = "private" / "Messages for the councillor only",
        /// Counts.
        Figures = "figures" / "Figures",
        /// Who did or read what.
        Audit = "audit" / "The audit trail",
    }
}

/// Whether something is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Yes.
    Yes,
    /// As far as the resident's consent lets it out to this reader.
    AsConsented,
    /// No.
    No,
}

impl Reads {
    /// In words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::AsConsented => "as the resident allows",
            Self::No => "no",
        }
    }
}

/// What each reader reads for which purpose; what does not stand here is not read.
const TABLE: &[(Reader, Purpose, &[Field], &[Field])] = &[
    (
        Reader::Gatekeeper,
        Purpose::Triage,
        &[Field::Standing, Field::Place, Field::Identity, Field::Words, Field::Trail, Field::Safeguarding],
        &[],
    ),
    (Reader::Gatekeeper, Purpose::Overview, &[Field::Figures, Field::Standing, Field::Place], &[]),
    (Reader::Councillor, Purpose::Casework, &[Field::Standing, Field::Place], &[Field::Identity, Field::Words]),
    (Reader::WardCouncillor, Purpose::Overview, &[Field::Standing, Field::Place, Field::Figures], &[]),
    (Reader::Councillor, Purpose::Overview, &[Field::Figures], &[]),
    (Reader::Administrator, Purpose::Overview, &[Field::Figures], &[]),
    (Reader::Administrator, Purpose::Running, &[Field::Audit], &[]),
    (Reader::Officer, Purpose::Delivery, &[Field::Standing, Field::Place, Field::Words], &[Field::Identity]),
    (Reader::Resident, Purpose::Casework, &[Field::Standing], &[]),
];

/// Whether a reader reads something for a purpose.
#[must_use]
pub fn reads(reader: Reader, purpose: Purpose, field: Field) -> Reads {
    let row = TABLE.iter().find(|(r, p, ..)| *r == reader && *p == purpose);
    match row {
        Some((_, _, always, _)) if always.contains(&field) => Reads::Yes,
        Some((_, _, _, consented)) if consented.contains(&field) => Reads::AsConsented,
        _ => Reads::No,
    }
}

/// The rows of the table, for those who want to see it.
pub fn rows() -> impl Iterator<Item = (Reader, Purpose)> {
    TABLE.iter().map(|(reader, purpose, ..)| (*reader, *purpose))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gatekeeper(councillor: Option<&str>) -> Grant {
        Grant { role: Role::Gatekeeper, councillor: councillor.map(str::to_owned) }
    }

    #[test]
    fn who_acts_for_one_councillor_reaches_their_cases_and_not_the_desk() {
        let grants = [gatekeeper(Some("nowak"))];
        assert!(grants[0].holds(Right::Cases) && !grants[0].holds(Right::Desk));
        let reach = Reach::of(&grants, Right::Cases);
        assert!(reach.has(Some("nowak")) && !reach.has(Some("adeyemi")) && !reach.has(None));
        let both = Reach::of(&[gatekeeper(Some("nowak")), gatekeeper(None)], Right::Cases);
        assert!(both.has(None) && both.has(Some("adeyemi")));
        assert!(!Reach::of(&[], Right::Cases).has(Some("nowak")));
    }

    #[test]
    fn an_administrator_reads_no_residents_words() {
        for purpose in Purpose::ALL {
            for field in [Field::Identity, Field::Words, Field::Safeguarding, Field::Private] {
                assert_eq!(reads(Reader::Administrator, *purpose, field), Reads::No);
            }
        }
    }

    #[test]
    fn what_is_for_the_councillor_only_is_on_no_page() {
        for (reader, purpose) in rows() {
            assert_eq!(reads(reader, purpose, Field::Private), Reads::No);
        }
    }
}
