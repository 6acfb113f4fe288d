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
        /// Reference, service, department, ward, state, days, what was done by whom and when who was told; none of the words.
        Standing = "standing" / "Reference, service, department, ward, state, days, when who did or was told what",
        /// Where it is.
        Place = "place" / "Place",
        /// Who the resident is and how they are reached.
        Identity = "identity" / "Name and addresses of the resident",
        /// What the resident wrote, and files.
        Words = "words" / "The resident's words and files",
        /// Decisions with what spoke for them, notes, what was sent to whom in which words.
        Trail = "trail" / "Decisions with reasons, notes, the words that were sent",
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
    // Where something is may be where somebody lives.
    (Reader::Councillor, Purpose::Casework, &[Field::Standing], &[Field::Place, Field::Identity, Field::Words]),
    (Reader::WardCouncillor, Purpose::Overview, &[Field::Standing, Field::Figures], &[Field::Place]),
    (Reader::Councillor, Purpose::Overview, &[Field::Figures], &[]),
    (Reader::Administrator, Purpose::Overview, &[Field::Figures], &[]),
    (Reader::Administrator, Purpose::Running, &[Field::Audit, Field::Standing], &[]),
    // What a person sent on to them, too, where somebody's safety is a worry.
    (
        Reader::Officer,
        Purpose::Delivery,
        &[Field::Standing, Field::Place, Field::Words, Field::Safeguarding],
        &[Field::Identity],
    ),
    // Of their own case, whatever it is about.
    (Reader::Resident, Purpose::Casework, &[Field::Standing, Field::Safeguarding, Field::Private], &[]),
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

/// What decides, besides the table, whether something of a case is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Whether its resident's consent lets the reader know them.
    pub consented: bool,
    /// Whether it is for the councillor only.
    pub private: bool,
    /// Whether somebody may be in danger.
    pub safeguarding: bool,
}

/// Somebody who looks at a case for a purpose.
#[derive(Clone, Copy, Debug)]
pub struct Eyes {
    reader: Reader,
    purpose: Purpose,
    about: About,
}

impl Eyes {
    /// A reader's, for this case.
    #[must_use]
    pub const fn of(reader: Reader, purpose: Purpose, about: About) -> Self {
        Self { reader, purpose, about }
    }

    /// Whether a field of the case is read.
    #[must_use]
    pub fn may_read(&self, field: Field) -> bool {
        let shut = |closed: bool, by: Field| closed && reads(self.reader, self.purpose, by) == Reads::No;
        if shut(self.about.private, Field::Private) || shut(self.about.safeguarding, Field::Safeguarding) {
            return false;
        }
        match reads(self.reader, self.purpose, field) {
            Reads::Yes => true,
            Reads::AsConsented => self.about.consented,
            Reads::No => false,
        }
    }
}

/// Types of what only some may read: what is in them comes out to [`Eyes`] and to nobody else, so that a page that forgets to ask cannot show it.
macro_rules! kept {
    ($($(#[$about:meta])* $name:ident = $field:expr;)+) => {
        $(
            $(#[$about])*
            #[derive(Clone, sqlx::Type)]
            #[sqlx(transparent)]
            pub struct $name<T>(T);

            impl<T> $name<T> {
                /// Keeps it.
                pub const fn of(value: T) -> Self {
                    Self(value)
                }

                /// What is kept, for eyes that may read it.
                pub fn seen(self, eyes: &Eyes) -> Option<T> {
                    eyes.may_read($field).then_some(self.0)
                }
            }

            impl<T> std::fmt::Debug for $name<T> {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(concat!(stringify!($name), "(***)"))
                }
            }
        )+
    };
}

kept! {
    /// Where something is.
    Whereabouts = Field::Place;
    /// Who somebody is, or how they are reached.
    Identity = Field::Identity;
    /// What a resident wrote.
    Words = Field::Words;
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
    fn what_is_kept_comes_out_only_where_the_table_and_the_resident_let_it() {
        let (share, nobody) = (About { consented: true, ..About::default() }, About::default());
        let shut = [About { private: true, ..share }, About { safeguarding: true, ..share }];
        for (reader, purpose) in rows() {
            for (about, consented) in [(share, true), (nobody, false)] {
                let eyes = Eyes::of(reader, purpose, about);
                for field in Field::ALL {
                    let wanted = match reads(reader, purpose, *field) {
                        Reads::Yes => true,
                        Reads::AsConsented => consented,
                        Reads::No => false,
                    };
                    assert_eq!(eyes.may_read(*field), wanted, "{reader} {purpose} {field}");
                }
                assert_eq!(Words::of(1).seen(&eyes).is_some(), eyes.may_read(Field::Words));
                assert_eq!(Identity::of(1).seen(&eyes).is_some(), eyes.may_read(Field::Identity));
                assert_eq!(Whereabouts::of(1).seen(&eyes).is_some(), eyes.may_read(Field::Place));
            }
            assert!(Words::of(1).seen(&Eyes::of(reader, purpose, shut[0])).is_none(), "{reader} {purpose}");
        }
        for reader in [Reader::Councillor, Reader::WardCouncillor, Reader::Administrator] {
            for (_, purpose) in rows().filter(|(r, _)| *r == reader) {
                assert!(!Eyes::of(reader, purpose, shut[1]).may_read(Field::Standing));
            }
        }
        assert_eq!(format!("{:?}", Words::of("secret")), "Words(***)");
    }

    #[test]
    fn what_is_for_the_councillor_only_is_on_no_page_but_how_it_stands_on_its_residents_own() {
        for (reader, purpose) in rows().filter(|(reader, _)| *reader != Reader::Resident) {
            assert_eq!(reads(reader, purpose, Field::Private), Reads::No);
        }
        assert_eq!(reads(Reader::Resident, Purpose::Casework, Field::Standing), Reads::Yes);
        for field in [Field::Identity, Field::Words, Field::Trail, Field::Place] {
            assert_eq!(reads(Reader::Resident, Purpose::Casework, field), Reads::No, "{field}");
        }
    }
}
