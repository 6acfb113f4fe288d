//! What is wrong with a form that was sent.

/// One thing that is wrong, and with which field; or nothing.
#[derive(Debug, Default)]
pub(super) struct Wrong(pub(super) Option<(&'static str, String)>);

impl Wrong {
    /// What is wrong with this field.
    pub(super) fn of(&self, field: &str) -> Option<&str> {
        self.0.as_ref().filter(|(with, _)| *with == field).map(|(_, text)| text.as_str())
    }

    pub(super) const fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// A title that says whether something is wrong, as screen readers read it out first.
    pub(super) fn title(&self, title: &str) -> String {
        if self.is_some() { format!("Error: {title}") } else { title.to_owned() }
    }

    /// The status of the page.
    pub(super) const fn status(&self) -> axum::http::StatusCode {
        if self.is_some() { axum::http::StatusCode::UNPROCESSABLE_ENTITY } else { axum::http::StatusCode::OK }
    }
}
