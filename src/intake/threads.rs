//! Which case a mail answers.
//!
//! In this order: a signed token of ours in an address or the subject; a Message-ID that we made (only its recipients
//! can know it); a Message-ID that we took in, or a case reference, together with a sender who is known on that case and
//! whom the council's mail server vouches for. A reference or a resident's Message-ID alone is not enough: anybody may
//! quote it. That is offered to a gatekeeper as "perhaps belongs to", never joined.

use crate::core::{CaseId, Council, Mail, Party, Reference, Taxonomy, TokenKey};
use crate::store::{self, Tx, message::Thread};

/// Most references of one mail that are looked up.
const MOST_REFERENCES: usize = 20;

/// Where a mail belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answers {
    /// To this case, written by this party; how that is known, for people.
    Case(CaseId, Party, String),
    /// It points to this case, but its writer is not known on it.
    Perhaps(CaseId, String),
    /// To nothing that is known.
    Nothing,
}

/// Finds the case a mail answers.
///
/// # Errors
/// What the database says.
pub async fn find(
    tx: &mut Tx,
    mail: &Mail,
    key: &TokenKey,
    council: &Council,
    taxonomy: &Taxonomy,
) -> store::Result<Answers> {
    if let Some(found) = by_token(tx, mail, key, council).await? {
        return Ok(found);
    }
    let mut perhaps = Answers::Nothing;
    for id in &mail.answers {
        let Some(thread) = store::message::thread(tx, id).await? else { continue };
        if thread.ours {
            return Ok(Answers::Case(
                thread.case_id,
                writer(mail, council, thread.party),
                "answers a message we sent".to_owned(),
            ));
        }
        match by_known_sender(tx, mail, &thread.case_id, council, taxonomy).await? {
            Some(party) => {
                return Ok(Answers::Case(thread.case_id, party, "answers a message of this case".to_owned()));
            }
            None if perhaps == Answers::Nothing => perhaps = perhaps_answers(thread),
            None => {}
        }
    }
    let mut references = Reference::find_all(&mail.subject);
    references.extend(Reference::find_all(&mail.text));
    references.dedup();
    for reference in references.into_iter().take(MOST_REFERENCES) {
        let Some(case) = store::case::by_reference(tx, &reference).await? else { continue };
        match by_known_sender(tx, mail, &case.id, council, taxonomy).await? {
            Some(party) => {
                return Ok(Answers::Case(case.id, party, format!("names {reference}, and the sender is known on it")));
            }
            None if perhaps == Answers::Nothing => {
                perhaps =
                    Answers::Perhaps(case.id, format!("names {reference}, but the sender is not known on that case"));
            }
            None => {}
        }
    }
    Ok(perhaps)
}

fn perhaps_answers(thread: Thread) -> Answers {
    Answers::Perhaps(
        thread.case_id,
        "answers a message of this case, but the sender is not known on it or not verified".to_owned(),
    )
}

async fn by_token(tx: &mut Tx, mail: &Mail, key: &TokenKey, council: &Council) -> store::Result<Option<Answers>> {
    let addresses = mail.to.iter().map(|a| a.email.as_str()).chain(mail.delivered_to.iter().map(String::as_str));
    let Some((reference, party)) = key.find(addresses.chain([mail.subject.as_str()])) else { return Ok(None) };
    let case = store::case::by_reference(tx, &reference).await?;
    Ok(case.map(|c| Answers::Case(c.id, writer(mail, council, party), "carries the signed token we gave".to_owned())))
}

/// As what the sender is known on a case; only a verified one is known at all.
async fn by_known_sender(
    tx: &mut Tx,
    mail: &Mail,
    case: &CaseId,
    council: &Council,
    taxonomy: &Taxonomy,
) -> store::Result<Option<Party>> {
    let Some(from) = mail.from.as_ref().filter(|_| mail.sender.is_verified()) else { return Ok(None) };
    if council.councillor_by_email(&from.email).is_some() {
        return Ok(Some(Party::Councillor));
    }
    let Some(stored) = store::case::get(tx, case).await? else { return Ok(None) };
    if taxonomy.departments.get(&stored.department).is_some_and(|d| d.email.eq_ignore_ascii_case(&from.email)) {
        return Ok(Some(Party::Department));
    }
    if let Some(party) = store::message::party_of_writer(tx, case, &from.email).await? {
        return Ok(Some(party));
    }
    // Who wrote from elsewhere first, and showed that it is them.
    let person = store::contact::person(tx, &from.into()).await?;
    Ok(match (&stored.contact_id, person) {
        (Some(wrote), Some(person)) if store::person::of(tx, wrote).await? == person => Some(Party::Resident),
        _ => None,
    })
}

/// Who wrote an answer that came back to `party`: a councillor answers what they were copied on.
fn writer(mail: &Mail, council: &Council, party: Party) -> Party {
    let from = mail.from.as_ref().filter(|_| mail.sender.is_verified());
    let councillor = from.and_then(|f| council.councillor_by_email(&f.email));
    if councillor.is_some() { Party::Councillor } else { party }
}
