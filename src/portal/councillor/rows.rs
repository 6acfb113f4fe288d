//! One case of a list, without what its resident did not allow the councillor to know.

use crate::core::{CaseId, CaseState, Reference, Right, Taxonomy};
use crate::portal::Shared;
use crate::portal::case_page::summary::is_copied;
use crate::portal::format::{self, Due};
use crate::portal::scope;
use crate::routing::consent::Consent;
use crate::store::session::Session;
use crate::store::watch::{self, Watched};
use crate::store::{self, Tx};
use chrono::{DateTime, NaiveDate, Utc};
use std::borrow::Cow;
use std::collections::HashMap;

/// When the councillor was told of each case.
pub(super) type Told = HashMap<CaseId, DateTime<Utc>>;

/// Names of the columns of a CSV.
pub(super) const COLUMNS: [&str; 13] = [
    "Case",
    "In the resident's words",
    "Reported by",
    "Place",
    "Service",
    "Stands",
    "With",
    "Ward",
    "Received",
    "To be done by",
    "Overdue",
    "Closed",
    "Councillor told",
];

/// A case.
pub(super) struct Row {
    pub(super) reference: Reference,
    /// The page of the case, where they may open it.
    pub(super) href: Option<String>,
    /// Whether the resident allows a councillor to know them.
    pub(super) known: bool,
    /// The resident's words and their language, where they may be shown.
    pub(super) title: Option<(String, String)>,
    pub(super) name: Option<String>,
    pub(super) place: Option<String>,
    pub(super) service: String,
    pub(super) state: CaseState,
    /// Who has it.
    pub(super) with: String,
    pub(super) ward: Option<String>,
    pub(super) received: String,
    pub(super) due: Due,
    pub(super) soon: bool,
    pub(super) closed: Option<String>,
    pub(super) told: Option<String>,
    /// The days as machines read them: received, due, closed, told.
    days: [String; 4],
}

impl Row {
    pub(super) fn new(
        case: Watched,
        session: &Session,
        taxonomy: &Taxonomy,
        (today, soon): (NaiveDate, NaiveDate),
        told: &Told,
    ) -> Self {
        let open = !matches!(case.state, CaseState::Closed | CaseState::Joined);
        let known = Consent::of(&case.consent).councillor_is_copied();
        let own = session.reach(Right::Councillor).has(case.councillor.as_deref());
        let eyes = scope::councillors_eyes(own, &case.consent, None);
        let href = if session.reach(Right::Cases).has(case.councillor.as_deref()) {
            Some(format!("/cases/{}", case.reference))
        } else {
            own.then(|| format!("/my/{}", case.reference))
        };
        let department = taxonomy.department_name(&case.department);
        let due = format::due(&case.due_on, open, today);
        let told = told.get(&case.id).copied();
        let day = |at: Option<DateTime<Utc>>| at.map(|at| crate::routing::deadline::received_date(at).to_string());
        Self {
            soon: open && !due.overdue && case.due_on.parse::<NaiveDate>().is_ok_and(|due| due <= soon),
            days: [
                day(Some(case.received_at)).unwrap_or_default(),
                case.due_on,
                day(case.closed_at.filter(|_| !open)).unwrap_or_default(),
                day(told).unwrap_or_default(),
            ],
            service: taxonomy.service_name(&case.service).to_owned(),
            with: match case.state {
                CaseState::Routed => department.to_owned(),
                CaseState::Review | CaseState::Held => format!("Nobody yet; suggested is {department}"),
                CaseState::Joined => "Whoever has the case it is joined to".to_owned(),
                CaseState::Closed => format!("{department} had it"),
            },
            title: case.title.seen(&eyes).map(|title| (title, case.language)),
            name: case.name.and_then(|name| name.seen(&eyes)),
            place: case.place.and_then(|place| place.seen(&eyes)).map(|place| place.0.name),
            href,
            known,
            reference: case.reference,
            state: case.state,
            ward: case.ward,
            received: format::date(case.received_at),
            closed: case.closed_at.filter(|_| case.state == CaseState::Closed).map(format::date),
            told: told.map(format::when),
            due,
        }
    }

    /// Its cells in a CSV.
    pub(super) fn cells(&self) -> Vec<Cow<'_, str>> {
        let or_nothing = |text: Option<&String>| Cow::Owned(text.cloned().unwrap_or_default());
        let [received, due, closed, told] = &self.days;
        vec![
            Cow::Borrowed(self.reference.as_str()),
            or_nothing(self.title.as_ref().map(|(title, _)| title)),
            or_nothing(self.name.as_ref()),
            or_nothing(self.place.as_ref()),
            Cow::Borrowed(&self.service),
            Cow::Borrowed(self.state.label()),
            Cow::Borrowed(&self.with),
            or_nothing(self.ward.as_ref()),
            Cow::Borrowed(received),
            Cow::Borrowed(due),
            Cow::Borrowed(if self.due.overdue { "yes" } else { "no" }),
            Cow::Borrowed(closed),
            Cow::Borrowed(told),
        ]
    }
}

/// When a councillor was told of each of these cases: the first mail that has gone, and that names them.
pub(super) async fn told(tx: &mut Tx, cases: &[Watched], app: &Shared, councillor: &str) -> store::Result<Told> {
    let Some(councillor) = app.portal.pipeline.house.council.councillor(councillor) else { return Ok(Told::new()) };
    let ids: Vec<CaseId> = cases.iter().map(|case| case.id.clone()).collect();
    let mut told = Told::new();
    for (case, at, mail) in watch::told(tx, &ids).await? {
        if is_copied(&mail.0, &councillor.email) {
            told.entry(case).or_insert(at);
        }
    }
    Ok(told)
}
