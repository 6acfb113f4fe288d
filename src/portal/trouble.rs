//! What goes wrong, in plain words and with a way back.
//!
//! A handler answers with a [`Trouble`]; the page is drawn by the guard, which knows the council's name.

use super::auth::{Busy, PasswordError};
use crate::casework::join::JoinError;
use crate::casework::split::SplitError;
use crate::core::Reference;
use crate::desk::DeskError;
use crate::store::StoreError;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Something that a person has to be told instead of what they asked for.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// Status of the answer.
    pub(super) status: StatusCode,
    /// Heading.
    pub(super) title: &'static str,
    /// What happened and what to do now.
    pub(super) text: String,
    /// Where the way back leads.
    pub(super) back: String,
    /// What the way back is called.
    pub(super) back_label: String,
    /// What they asked for that is not theirs to see, as it stands on the audit trail: the guard writes it there.
    pub(super) attempt: Option<String>,
}

impl Trouble {
    fn new(status: StatusCode, title: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            title,
            text: text.into(),
            back: "/".to_owned(),
            back_label: "Go to the list of cases".to_owned(),
            attempt: None,
        }
    }

    /// There is no such thing.
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Page not found", text)
    }

    /// What was asked cannot be done as things stand now.
    pub(super) fn conflict(text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "This could not be done", text)
    }

    /// Something in the form is missing or wrong.
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "This could not be done", text)
    }

    /// Nobody at the desk may read it.
    pub(super) fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "This is not for the desk", text)
    }

    /// Their account does not let them in.
    pub(super) fn not_for_you() -> Self {
        let text = "Your account does not let you do this. If it should, ask whoever administers the portal. That you tried is on the \
                    audit trail.";
        Self::new(StatusCode::FORBIDDEN, "This is not for your account", text)
    }

    /// There is no such case, or none that they may see: the two look the same.
    pub(super) fn no_case(reference: &str) -> Self {
        let shown = super::format::excerpt(reference, 40);
        Self::not_found(format!("There is no case \"{shown}\". Check the reference: it may belong to another service."))
    }

    /// The form does not come from a page of ours.
    pub(super) fn forged() -> Self {
        let text = "The form was too old, or did not come from this service. Nothing was changed. Go back, load the page again and \
                    repeat what you did.";
        Self::new(StatusCode::FORBIDDEN, "Nothing was changed", text)
    }

    /// Asked under a name that is not ours.
    pub(super) fn other_host() -> Self {
        let text = "This service does not answer under the address in your browser. Whoever runs it can add the address to the \
                    portal's allowed hosts in its settings.";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "Wrong address", text)
    }

    /// Something failed that a person can do nothing about here. The log says more.
    pub(super) fn internal() -> Self {
        let text = "Something went wrong on our side. Nothing was changed. Try again; if it happens again, tell whoever runs beadle to \
                    look into its log.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Sorry, that did not work", text)
    }

    /// Others are first.
    fn busy() -> Self {
        let text = "Too many people are signing in at this moment. Nothing was changed. Try again in a few seconds.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Sorry, that did not work", text)
            .back_to("/sign-in", "Go to the sign-in page")
    }

    /// What a status means, where nobody said more.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => {
                Self::not_found("There is no page at this address. Check that it was typed or copied whole.")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(status, "This could not be done", "This page cannot be used in that way.")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "This could not be done", "What was sent is too large."),
            s if s.is_client_error() => {
                Self::new(status, "This could not be done", "The form could not be read. Go back and try again.")
            }
            _ => Self { status, ..Self::internal() },
        }
    }

    /// The same, to be written down as an attempt at this object, `case:ID` or `ward:NAME`.
    pub(super) fn attempted(self, object: impl Into<String>) -> Self {
        Self { attempt: Some(object.into()), ..self }
    }

    /// The same, with the way back to a case.
    pub(super) fn back_to_case(self, reference: &Reference) -> Self {
        self.back_to(format!("/cases/{reference}"), format!("Go back to case {reference}"))
    }

    /// The same, with another way back.
    pub(super) fn back_to(self, href: impl Into<String>, label: impl Into<String>) -> Self {
        Self { back: href.into(), back_label: label.into(), ..self }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the portal could not use the database");
        match error {
            StoreError::DiskFull => Self { text: sentence(&error.to_string()), ..Self::internal() },
            _ => Self::internal(),
        }
    }
}

impl From<Busy> for Trouble {
    fn from(error: Busy) -> Self {
        tracing::warn!(%error, "a password was not looked at");
        Self::busy()
    }
}

impl From<PasswordError> for Trouble {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Store(error) => error.into(),
            PasswordError::Busy(busy) => busy.into(),
            PasswordError::Short | PasswordError::Common => Self::bad(sentence(&error.to_string())),
            PasswordError::Hash(why) => {
                tracing::error!(why, "a password could not be hashed");
                Self::internal()
            }
        }
    }
}

impl From<DeskError> for Trouble {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Store(error)
            | DeskError::Join(JoinError::Store(error))
            | DeskError::Split(SplitError::Store(error)) => error.into(),
            DeskError::Unknown(_) | DeskError::Join(JoinError::Unknown) | DeskError::Split(SplitError::Unknown(_)) => {
                Self { title: "This could not be done", ..Self::not_found(sentence(&error.to_string())) }
            }
            DeskError::Missing(_) => Self::bad(sentence(&error.to_string())),
            DeskError::NotNow(_) | DeskError::NotSent(_) | DeskError::Join(_) | DeskError::Split(_) => {
                Self::conflict(sentence(&error.to_string()))
            }
        }
    }
}

impl From<askama::Error> for Trouble {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page could not be drawn");
        Self::internal()
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A line of an error type as a sentence: capital first, full stop last.
fn sentence(line: &str) -> String {
    let line = super::format::sentence(line);
    if line.ends_with(['.', '!', '?']) { line } else { line + "." }
}
