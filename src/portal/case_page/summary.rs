//! The summary of a case: what it is, where it stands, who was told.

use super::Read;
use crate::core::verdict::is_safeguarding;
use crate::core::{CaseState, Council, HearBy, Party, Taxonomy, language};
use crate::portal::format;
use crate::portal::gone::Gone;
use crate::portal::timeline::{Trail, shown};
use crate::routing::consent::Consent;
use crate::store::decision::Decision;
use crate::store::message::Message;
use crate::store::outbox::{OutMail, Outgoing};
use chrono::{DateTime, NaiveDate, Utc};

/// One line of the summary.
pub(super) struct Line {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) note: Option<String>,
    pub(super) late: bool,
}

impl Line {
    fn new(label: &'static str, value: impl Into<String>, note: Option<String>) -> Self {
        Self { label, value: value.into(), note, late: false }
    }
}

/// The summary of a case.
pub(super) fn summary(read: &Read, taxonomy: &Taxonomy, council: &Council, today: NaiveDate) -> Vec<Line> {
    let case = &read.trail.case;
    let open = !matches!(case.state, CaseState::Closed | CaseState::Joined);
    let due = format::due(&case.due_on, open, today);
    let first = read.trail.messages.iter().find(|m| m.party == Party::Resident);
    let consent = Consent::of(&case.consent);
    let place = case.place.as_ref();
    let unconfirmed = first.is_some_and(|m| m.channel.is_hearsay() && !m.sender.0.is_verified());
    let email = first.and_then(|m| Some(shown(m.from_address.as_deref()?, m)));
    let email = email.map(|address| if unconfirmed { format!("{address} (not confirmed)") } else { address });
    let (councillor, told) = councillor(read, council, consent);
    let written = first.and_then(|m| m.language.as_deref()).unwrap_or(&case.language);
    let answered = (written != case.language).then(|| {
        format!("Not sure enough to answer in it: the resident is answered in {}", language::name(&case.language))
    });
    let hear_by =
        first.and_then(|m| m.hear_by().map(|how| hear_by(how, m, is_safeguarding(case.hold_reason.as_deref()))));
    let lines = vec![
        Line::new("Service", taxonomy.service_name(&case.service), None),
        Line::new(
            "Department",
            taxonomy.department_name(&case.department),
            case.routed_at.map(|_| {
                let gone = Gone::to_department(&read.trail.outgoing).map_or_else(|| "Not sent".to_owned(), Gone::said);
                gone + &accepted(&read.trail)
            }),
        ),
        Line { late: due.overdue, ..Line::new("To be done by", due.text, None) },
        Line::new("Councillor", councillor, Some(told)),
        Line::new("Place", place.map_or("Not known", |p| &p.name), place.map(|p| p.found_in())),
        Line::new("Ward", case.ward.as_deref().unwrap_or("Not known"), None),
        match first.and_then(|m| m.from_name.clone()) {
            Some(name) => Line::new("Resident", name, email),
            None => Line::new("Resident", email.unwrap_or_else(|| "Not known".to_owned()), None),
        },
        Line::new("What they allow", consent.label(), None),
        Line::new("Language", language::name(written), answered),
        Line::new(
            "Received",
            format::when(case.received_at),
            case.closed_at.map(|at| format!("Closed {}", format::when(at))),
        ),
    ];
    lines.into_iter().chain(hear_by).collect()
}

/// Whether an officer said that the department which has it takes it on.
fn accepted(trail: &Trail) -> String {
    let department = trail.case.department.as_str();
    let accepts = |d: &&Decision| d.kind == "take_on" && d.decided.0["department"] == department;
    trail
        .decisions
        .iter()
        .rfind(accepts)
        .map_or_else(String::new, |d| format!("; accepted {}", format::when(d.created_at)))
}

/// How a resident wants to hear from us who told it to a gatekeeper.
fn hear_by(how: HearBy, message: &Message, in_danger: bool) -> Line {
    let address = message.from_address.as_deref().map(|address| shown(address, message)).unwrap_or_default();
    let (value, note) = match how {
        HearBy::Ring if in_danger => {
            (format!("Ring them: {address}"), Some("Somebody may be in danger: is it safe to ring?"))
        }
        HearBy::Ring => (format!("Ring them: {address}"), Some("Nothing is sent to them")),
        HearBy::Nothing => (how.label().to_owned(), Some("Nothing is sent to them")),
        HearBy::Letter | HearBy::Email | HearBy::Text => (how.label().to_owned(), None),
    };
    Line::new("Wants to hear", value, note.map(str::to_owned))
}

/// The councillor's name, and when they were told: what councillors asked to be able to prove.
fn councillor(read: &Read, council: &Council, consent: Consent) -> (String, String) {
    let Some(key) = read.trail.case.councillor.as_deref() else {
        return (
            "Not known".to_owned(),
            "Nobody is told, because no councillor is known for the mailbox or the ward".to_owned(),
        );
    };
    let Some(councillor) = council.councillor(key) else {
        return (key.to_owned(), "No longer in the settings, so nobody is told".to_owned());
    };
    let mails = read.trail.outgoing.iter().chain(&read.parents_outgoing).filter(|o| o.party == Party::Department);
    let theirs: Vec<&Outgoing> = mails.filter(|o| is_copied(&o.mail.0, &councillor.email)).collect();
    let direct = read.written_to.iter().any(|c| c == key);
    let told: Option<DateTime<Utc>> = theirs.iter().filter(|o| o.status == "sent").filter_map(|o| o.sent_at).min();
    let on_its_way = theirs.iter().any(|o| matches!(o.status.as_str(), "queued" | "sending"));
    let perhaps = theirs.iter().any(|o| o.status == "uncertain");
    let mut note = match told {
        Some(at) => format!("Told {}", format::when(at)),
        None if !consent.councillor_is_copied() => "Not told: the resident did not agree to it".to_owned(),
        None if perhaps => "Perhaps told: it is not known whether the message arrived".to_owned(),
        None if on_its_way => "Not told yet: the message is on its way".to_owned(),
        None => "Not told yet".to_owned(),
    };
    if direct {
        note += ". The resident wrote to them directly";
    }
    (councillor.name.clone(), note)
}

pub(in crate::portal) fn is_copied(mail: &OutMail, email: &str) -> bool {
    mail.cc.iter().chain(&mail.to).any(|mailbox| {
        let address = mailbox.rsplit_once('<').map_or(mailbox.as_str(), |(_, rest)| rest.trim_end_matches('>'));
        address.trim().eq_ignore_ascii_case(email)
    })
}
