//! What was sent with the form: read off the wire within bounds, then checked. Nothing that was written is lost on the way: what is
//! wrong is said beside it.

use super::super::trouble::Trouble;
use super::frame::Frame;
use crate::channels::text::phone;
use crate::core::{Address, Council};
use crate::intake::form::{self, Form, FormFile, FormPolicy};
use crate::intake::mime::MimeLimits;
use crate::routing::consent::Consent;
use axum::extract::Multipart;
use axum::extract::multipart::Field;
use axum::http::StatusCode;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most characters of what is wrong.
const MOST_PROBLEM: usize = 10_000;
/// Most characters of any other field.
const MOST_LINE: usize = 500;
/// Bytes of a field that are kept: more than fit into the characters above.
const MOST_BYTES: usize = 64 << 10;
/// So many fields are read; the form has about a dozen and its files.
const MOST_FIELDS: usize = 100;

/// What was sent, as it was written.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) token: String,
    pub(super) problem: String,
    pub(super) place: String,
    pub(super) position: String,
    pub(super) councillor: String,
    pub(super) anonymous: bool,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) phone: String,
    pub(super) consent: String,
    pub(super) trap: String,
    /// Which of the forms of a private page was sent.
    pub(super) act: String,
    /// How content they are.
    pub(super) score: String,
    /// Whether files were chosen.
    pub(super) had_files: bool,
    files: Vec<FormFile>,
    bytes: usize,
    /// Whether more came than is taken.
    too_large: bool,
    too_many: bool,
    /// One of the few that are held in memory at once.
    _turn: Option<OwnedSemaphorePermit>,
}

/// What is wrong with a field.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The id of the field that a link leads to.
    pub(super) field: &'static str,
    pub(super) text: String,
}

/// Reads a form. Files are kept only as far as the policy goes; the rest of them is read and dropped, so that the fields behind
/// them are not lost.
///
/// # Errors
/// When it is no form.
pub(super) async fn read(
    mut multipart: Multipart,
    policy: &FormPolicy,
    uploads: Arc<Semaphore>,
) -> Result<Sent, Trouble> {
    let mut sent = Sent::default();
    for _ in 0..MOST_FIELDS {
        let mut field = match multipart.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            // So much that it is not even read to its end: what came so far is kept.
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                sent.too_large = true;
                break;
            }
            Err(error) => return Err(Trouble::of_status(error.status())),
        };
        let name = field.name().unwrap_or_default().to_owned();
        if name == "files" {
            sent.read_file(&mut field, policy, &uploads).await?;
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = chunk(&mut field, &mut sent.too_large).await? {
            let room = MOST_BYTES.saturating_sub(bytes.len());
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match name.as_str() {
            "token" => sent.token = text,
            "problem" => sent.problem = text,
            "place" => sent.place = text,
            "position" => sent.position = text,
            "councillor" => sent.councillor = text,
            "anonymous" => sent.anonymous = text == "yes",
            "name" => sent.name = text,
            "email" => sent.email = text,
            "phone" => sent.phone = text,
            "consent" => sent.consent = text,
            "homepage" => sent.trap = text,
            "act" => sent.act = text,
            "score" => sent.score = text,
            _ => {}
        }
    }
    Ok(sent)
}

/// The next piece of a field; none at its end, or where more came than is read at all.
async fn chunk(field: &mut Field<'_>, too_large: &mut bool) -> Result<Option<axum::body::Bytes>, Trouble> {
    match field.chunk().await {
        Ok(chunk) => Ok(chunk),
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            *too_large = true;
            Ok(None)
        }
        Err(error) => Err(Trouble::of_status(error.status())),
    }
}

impl Sent {
    async fn read_file(
        &mut self,
        field: &mut Field<'_>,
        policy: &FormPolicy,
        uploads: &Arc<Semaphore>,
    ) -> Result<(), Trouble> {
        let mut file = FormFile {
            name: field.file_name().unwrap_or_default().to_owned(),
            content_type: field.content_type().unwrap_or_default().to_owned(),
            bytes: Vec::new(),
        };
        let too_many = self.files.len() >= policy.max_files;
        while let Some(chunk) = chunk(field, &mut self.too_large).await? {
            if self._turn.is_none() {
                self._turn = Arc::clone(uploads).acquire_owned().await.ok();
            }
            if self.bytes.saturating_add(chunk.len()) > policy.total_bytes {
                self.too_large = true;
            }
            if !self.too_large && !too_many {
                self.bytes += chunk.len();
                file.bytes.extend_from_slice(&chunk);
            }
        }
        // A browser sends a nameless file of no bytes where none was chosen.
        if file.name.is_empty() && file.bytes.is_empty() && !self.too_large {
            return Ok(());
        }
        self.had_files = true;
        self.too_many |= too_many;
        if !too_many {
            self.files.push(file);
        }
        Ok(())
    }

    /// Whether a choice of consent was made, and is this one.
    pub(super) fn consents(&self, choice: &str) -> bool {
        self.consent == choice
    }

    /// The form, of which nothing is wrong; its files are moved into it. Who does not wish to be known is not.
    pub(super) fn form(&mut self, language: &str, council: &Council) -> Form {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty() && !self.anonymous);
        let consent = self.consent.parse().unwrap_or(Consent::Councillor);
        let consent = match consent {
            // Without a name there is none to share; but a photo can show whose it is.
            Consent::Share if self.anonymous => Consent::Councillor,
            chosen => chosen,
        };
        let councillor =
            council.councillor(&self.councillor).filter(|_| consent.councillor_is_copied() || consent.is_private());
        Form {
            language: language.to_owned(),
            consent: consent.as_str().to_owned(),
            problem: self.problem.trim().to_owned(),
            place: self.place.trim().to_owned(),
            position: self.position.trim().to_owned(),
            councillor: councillor.map(|c| c.id.clone()),
            name: given(&self.name),
            email: given(&self.email).and_then(|email| Some(Address::new(&email, None)?.email)),
            phone: given(&self.phone).map(|number| phone::normalise(&number)),
            trap: self.trap.clone(),
            answers: None,
            files: std::mem::take(&mut self.files),
        }
    }

    /// Later words on the case of a signed token, under the consent that its report came with; the files are moved into it.
    pub(super) fn later(&mut self, language: &str, consent: Consent, answers: String) -> Form {
        Form {
            language: language.to_owned(),
            consent: consent.as_str().to_owned(),
            problem: self.problem.trim().to_owned(),
            answers: Some(answers),
            files: std::mem::take(&mut self.files),
            ..Form::default()
        }
    }
}

/// Everything that is wrong with a form, in the order of its fields. `whose` is the council of whose councillors one has to be
/// chosen for a report that is for the councillor only; none where the form is one councillor's own.
pub(super) fn wrong(
    sent: &Sent,
    frame: &Frame,
    policy: &FormPolicy,
    limits: &MimeLimits,
    whose: Option<&Council>,
) -> Vec<Wrong> {
    let words = frame.w();
    let mut wrong = Vec::new();
    let mut add = |field: &'static str, text: String| {
        if !wrong.iter().any(|w: &Wrong| w.field == field) {
            wrong.push(Wrong { field, text });
        }
    };
    let long = |text: &str, most: usize| text.chars().count() > most;
    let too_long = |most: usize| frame.fill(&words.e_long, "count", &most.to_string());
    if crate::intake::text::is_blank(&sent.problem) {
        add("problem", words.e_problem.clone());
    }
    if long(&sent.problem, MOST_PROBLEM) {
        add("problem", too_long(MOST_PROBLEM));
    }
    for (field, text) in [("place", &sent.place), ("position", &sent.position)] {
        if long(text, MOST_LINE) {
            add(field, too_long(MOST_LINE));
        }
    }
    if let Some(text) = wrong_files(sent, frame, policy, limits) {
        add("files", text);
    }
    let nobodys = whose.is_some_and(|council| council.councillor(&sent.councillor).is_none());
    if nobodys && sent.consents(Consent::Private.as_str()) {
        add("councillor", words.e_private.clone());
    }
    if sent.anonymous {
        return wrong;
    }
    if long(&sent.name, MOST_LINE) {
        add("name", too_long(MOST_LINE));
    }
    if !sent.email.trim().is_empty() && !is_email(&sent.email) {
        add("email", words.e_email.clone());
    }
    if !sent.phone.trim().is_empty() && !phone::is_answerable(&phone::normalise(&sent.phone)) {
        add("phone", words.e_phone.clone());
    }
    if sent.consent.parse::<Consent>().is_err() {
        add("consent", words.e_consent.clone());
    }
    wrong
}

/// What is wrong with the files of a form, if anything.
fn wrong_files(sent: &Sent, frame: &Frame, policy: &FormPolicy, limits: &MimeLimits) -> Option<String> {
    let words = frame.w();
    if sent.too_many {
        return Some(frame.fill(&words.e_count, "count", &policy.max_files.to_string()));
    }
    if sent.too_large {
        return Some(frame.fill(&words.e_size, "size", &(policy.total_bytes >> 20).to_string()));
    }
    let mut judged = sent.files.iter().zip(1..).map(|(file, number)| form::attachment(file.clone(), number, limits));
    let refused = judged.find(|file| file.refused.is_some())?;
    Some(frame.fill(&words.e_kind, "name", &refused.name))
}

/// Everything that is wrong with what somebody adds to their report.
pub(super) fn wrong_later(sent: &Sent, frame: &Frame, policy: &FormPolicy, limits: &MimeLimits) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    if crate::intake::text::is_blank(&sent.problem) && !sent.had_files {
        wrong.push(Wrong { field: "problem", text: frame.w().trail_page.e_nothing.clone() });
    }
    wrong.extend(too_long(sent, frame));
    wrong.extend(wrong_files(sent, frame, policy, limits).map(|text| Wrong { field: "files", text }));
    wrong
}

/// That there are too many words, if there are.
pub(super) fn too_long(sent: &Sent, frame: &Frame) -> Option<Wrong> {
    let long = sent.problem.chars().count() > MOST_PROBLEM;
    long.then(|| Wrong { field: "problem", text: frame.fill(&frame.w().e_long, "count", &MOST_PROBLEM.to_string()) })
}

/// Whether a mail can be written to it: one address, with a domain that has a dot.
fn is_email(text: &str) -> bool {
    Address::new(text, None)
        .is_some_and(|address| address.domain().contains('.') && address.email.parse::<lettre::Address>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_mail_can_go_to() {
        for good in ["ann@a.example", " Ann.O'Neil+x@mail.a.example "] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "ann",
            "ann@a",
            "@a.example",
            "ann@a.example, ben@b.example",
            "ann a@a.example",
            "a@b@c.example",
            "ann@.example",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
