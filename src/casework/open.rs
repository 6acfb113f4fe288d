//! Opening a case.

use super::search;
use crate::core::{CaseId, CaseState, ContactId, Disposition, Ids, Reference, Verdict};
use crate::routing::consent::Consent;
use crate::store::{self, Tx, case::Case};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::types::Json;

/// Everything a new case starts with.
#[derive(Clone, Debug)]
pub struct Opening<'a> {
    /// The reference that its reporter was promised; a new one where there is none.
    pub reference: Option<Reference>,
    /// Who reported it; none when nobody is known.
    pub contact: Option<&'a ContactId>,
    /// What the program thinks.
    pub verdict: &'a Verdict,
    /// Department key.
    pub department: &'a str,
    /// What is to be done with the verdict.
    pub disposition: Disposition,
    /// Why it is held.
    pub hold_reason: Option<String>,
    /// What a gatekeeper should look at.
    pub attention: Option<String>,
    /// Key of the councillor who is told.
    pub councillor: Option<&'a str>,
    /// What the resident allows.
    pub consent: Consent,
    /// ISO 639-1 code of the language the resident is answered in.
    pub language: &'a str,
    /// One line that names it.
    pub title: String,
    /// When the message came in.
    pub received_at: DateTime<Utc>,
    /// When it is promised for.
    pub due_on: NaiveDate,
}

/// Opens a case under a reference of its own.
///
/// # Errors
/// What the database says.
pub async fn open(tx: &mut Tx, ids: &Ids, opening: Opening<'_>, now: DateTime<Utc>) -> store::Result<Case> {
    let reference = match opening.reference {
        Some(promised) => promised,
        None => {
            let mut reference = ids.reference();
            while !store::case::reference_is_free(tx, &reference).await? {
                reference = ids.reference();
            }
            reference
        }
    };
    let state = match opening.disposition {
        Disposition::Hold => CaseState::Held,
        _ => CaseState::Review,
    };
    let verdict = opening.verdict;
    let case = Case {
        id: ids.next::<CaseId>(),
        reference,
        contact_id: opening.contact.cloned(),
        state,
        service: verdict.service.clone(),
        department: opening.department.to_owned(),
        priority: verdict.priority,
        ward: verdict.ward().map(str::to_owned),
        councillor: opening.councillor.map(str::to_owned),
        place: verdict.place.clone().map(Json),
        title: opening.title,
        language: opening.language.to_owned(),
        confidence: verdict.confidence,
        disposition: opening.disposition,
        consent: opening.consent.as_str().to_owned(),
        asked: None,
        hold_reason: opening.hold_reason,
        attention: opening.attention,
        received_at: opening.received_at,
        due_on: opening.due_on.to_string(),
        routed_at: None,
        closed_at: None,
    };
    store::case::insert(tx, &case, now).await?;
    let embedding = verdict.embedding.as_deref().filter(|_| !opening.consent.is_private());
    search::keep(tx, &case.id, embedding, verdict.encoder.as_deref()).await?;
    Ok(case)
}

/// One line that names a case: the subject, or the first words where there is none; at most 90 characters.
#[must_use]
pub fn title(subject: &str, body: &str) -> String {
    let line = if subject.trim().is_empty() { body } else { subject };
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return "(no words)".to_owned();
    }
    if line.chars().count() <= 90 {
        return line;
    }
    let mut short: String = line.chars().take(89).collect();
    short.push('…');
    short
}
