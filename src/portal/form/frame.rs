//! What every page of the form stands in: the council's name, the language and the list of others.

use super::super::{App, html, trouble::Trouble};
use crate::core::language::is_right_to_left;
use crate::understanding::reply::{FormWords, embed, fill};
use crate::understanding::rules::Rules;
use askama::Template;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;

/// `?lang=…`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    lang: Option<String>,
}

/// A language that the page can be had in.
pub(super) struct Tongue {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) here: bool,
}

pub(super) struct Frame {
    rules: Arc<Rules>,
    /// ISO 639-1 code of the page's language.
    pub(super) code: String,
    /// For the browser's tab, and the heading.
    pub(super) title: String,
    /// Whether something is wrong with what was sent.
    pub(super) error: bool,
    pub(super) council: String,
    pub(super) languages: Vec<Tongue>,
    /// Address of the page, without its language.
    pub(super) path: String,
    /// Whether the page has our script.
    pub(super) script: bool,
    /// Where the council says how it uses what it is told.
    pub(super) privacy: Option<String>,
}

impl Frame {
    /// The frame of the page at `path`, in the language of its address, else in the likest of those that the browser asks for.
    pub(super) fn new(app: &App, asked: &Asked, headers: &HeaderMap, path: &str) -> Self {
        let rules = app.portal.pipeline.understanding.rules();
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let wished = asked.lang.iter().map(String::as_str).chain(by_preference(accepted));
        let code = wished.map(primary).find(|code| rules.forms.contains_key(code)).unwrap_or_else(|| "en".to_owned());
        let tongue = |(known, words): (&String, &FormWords)| Tongue {
            code: known.clone(),
            name: words.language_name.clone(),
            here: *known == code,
        };
        let mut languages: Vec<Tongue> = rules.forms.iter().map(tongue).collect();
        // English first, as in the council's other lists.
        languages.sort_by_key(|tongue| tongue.code != "en");
        let council = app.portal.pipeline.house.council.name.clone();
        Self {
            languages,
            code,
            title: String::new(),
            error: false,
            council,
            path: path.to_owned(),
            script: false,
            privacy: None,
            rules,
        }
    }

    pub(super) fn titled(self, title: &str, error: bool) -> Self {
        Self { title: title.to_owned(), error, ..self }
    }

    pub(super) fn with_script(self) -> Self {
        Self { script: true, ..self }
    }

    pub(super) fn with_privacy(self, privacy: Option<String>) -> Self {
        Self { privacy, ..self }
    }

    /// The rules whose words the page speaks.
    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The words of the page's language.
    pub(super) fn w(&self) -> &FormWords {
        self.rules.form_words(&self.code).1
    }

    /// The way the page's language is written.
    pub(super) fn dir(&self) -> &'static str {
        if is_right_to_left(&self.code) { "rtl" } else { "ltr" }
    }

    /// A text of the page's language with one word filled in.
    pub(super) fn fill(&self, text: &str, word: &str, value: &str) -> String {
        fill(text, &[(word, embed(value, &self.code))])
    }

    /// What files may come.
    pub(super) fn files_hint(&self, count: &usize, size: &usize) -> String {
        fill(&self.w().files_hint, &[("count", count.to_string()), ("size", size.to_string())])
    }

    /// A text that names the council.
    pub(super) fn of_council(&self, text: &str) -> String {
        self.fill(text, "council", &self.council)
    }

    pub(super) const fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// The page of a link that leads nowhere (any more).
    pub(super) fn gone(self) -> Result<Response, Trouble> {
        let (title, text) = (self.w().gone.clone(), self.w().gone_hint.clone());
        let page = SaidPage { frame: self.titled(&title, false), text };
        Ok((StatusCode::NOT_FOUND, html(&page)?).into_response())
    }
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "form_said.html")]
pub(super) struct SaidPage {
    pub(super) frame: Frame,
    pub(super) text: String,
}

/// `pl` out of `pl-PL`.
fn primary(tag: &str) -> String {
    tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase()
}

/// The languages of `Accept-Language`, most wanted first; those that are not wanted at all are left out.
fn by_preference(header: &str) -> Vec<&str> {
    let mut wanted: Vec<(&str, f32)> = header
        .split(',')
        .take(50)
        .filter_map(|part| {
            let (tag, rest) = part.split_once(';').unwrap_or((part, "q=1"));
            let weight = rest.trim().strip_prefix("q=")?.trim().parse::<f32>().ok()?;
            Some((tag.trim(), weight)).filter(|(tag, weight)| !tag.is_empty() && *weight > 0.0)
        })
        .collect();
    wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
    wanted.into_iter().map(|(tag, _)| tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_wants_most_comes_first() {
        assert_eq!(by_preference("fr;q=0.3, pl-PL, en;q=0.8, de;q=0"), ["pl-PL", "en", "fr"]);
        assert_eq!(by_preference(";;,,en;q=x,ur"), ["ur"]);
        assert_eq!((primary("pl-PL"), primary("ZH_Hant"), primary("")), ("pl".into(), "zh".into(), String::new()));
    }
}
