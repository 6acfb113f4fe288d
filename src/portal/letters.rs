//! `/letters`: what is to be printed and posted, and the letters themselves as they come out of the printer.
//!
//! The address stands where a DL envelope has its window: 90 by 35 mm, 20 mm from the left and 18 mm from the bottom of 220 by 110 mm
//! (BS 4264). However the folded sheet slips in the envelope, what lies 20 to 100 mm from its left edge and 57 to 81 mm from
//! its top shows, and nothing below 92 mm ever does.

use super::{App, Done, Page, Shared, asset, audit_reading, format, html, queries, timeline, trouble::Trouble};
use crate::core::language::is_right_to_left;
use crate::core::{OutboxId, Reference};
use crate::desk::{Desk, DeskError};
use crate::outbox::compose::Composer;
use crate::routing::deadline::received_date;
use crate::store::outbox::Outgoing;
use crate::store::{self, Tx, session::Session};
use crate::understanding::rules::Rules;
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

/// A letter in the list.
struct Row {
    id: String,
    reference: Reference,
    purpose: &'static str,
    to: String,
    written: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "letters.html")]
struct LettersPage {
    page: Page,
    to_print: Vec<Row>,
    held: Vec<Row>,
    /// The letters of the list, for the button that marks them all.
    ids: String,
    /// Whether letters say how the council is reached.
    letterhead: bool,
}

/// `GET /letters`.
pub(super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let to_print = rows(&mut tx, "queued").await?;
    let held = rows(&mut tx, "held").await?;
    drop(tx);
    let detail = json!({"cases": to_print.iter().chain(&held).map(|row| &row.reference).collect::<Vec<_>>()});
    audit_reading(&app, &session, "read list", &["letters".to_owned()], detail).await?;
    let page = LettersPage {
        page: Page::new(&app, &session, "letters", "Letters").with_notice(done.done.as_deref()),
        ids: to_print.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(","),
        letterhead: !app.portal.letterhead.is_empty(),
        to_print,
        held,
    };
    Ok(html(&page)?.into_response())
}

async fn rows(tx: &mut Tx, status: &str) -> Result<Vec<Row>, Trouble> {
    let mut rows = Vec::new();
    for letter in store::letter::in_status(tx, status).await? {
        let Some(case) = &letter.case_id else { continue };
        let Some(reference) = queries::reference(tx, case).await? else { continue };
        rows.push(Row {
            id: letter.id.to_string(),
            reference,
            purpose: timeline::purpose(&letter.purpose),
            to: letter.mail.0.to.join(", "),
            written: format::when(letter.created_at),
            reason: format::sentence(&letter.reason.unwrap_or_default()),
        });
    }
    Ok(rows)
}

/// A letter as it is printed.
struct Sheet {
    id: String,
    language: String,
    dir: &'static str,
    to: Vec<String>,
    date: String,
    /// What stands before and behind the reference at the top.
    around: (String, String),
    reference: Reference,
    subject: String,
    body: String,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct PrintPage {
    page: Page,
    /// The lines below the council's name.
    letterhead: Vec<String>,
    sheets: Vec<Sheet>,
    large: bool,
    /// This page without the choice of its print.
    path: String,
    /// What there is to say of a single letter that is not to be printed.
    standing: Option<String>,
    /// Whether a single letter can be marked as posted.
    waits: bool,
}

/// `?large=1`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Size {
    #[serde(default)]
    large: String,
}

impl Size {
    fn is_large(&self) -> bool {
        self.large == "1"
    }
}

/// `GET /letters/ID`: one letter, also when it has gone.
pub(super) async fn print(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    Query(size): Query<Size>,
) -> Result<Response, Trouble> {
    let id = OutboxId::from(id);
    let mut tx = app.db().read().await?;
    let letter = store::letter::get(&mut tx, &id).await?.ok_or_else(no_such_letter)?;
    let (status, _) = timeline::letter_status(&letter.status);
    let waits = letter.status == "queued";
    let standing = (!waits).then(|| match letter.sent_at {
        Some(at) => format!("{status} {}", format::when(at)),
        None => format!("{status}: not to be posted"),
    });
    show(&app, &session, tx, vec![letter], size.is_large(), format!("/letters/{id}"), (standing, waits)).await
}

/// `GET /letters/print`: all that are to be printed.
pub(super) async fn print_all(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(size): Query<Size>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let letters = store::letter::in_status(&mut tx, "queued").await?;
    show(&app, &session, tx, letters, size.is_large(), "/letters/print".to_owned(), (None, false)).await
}

async fn show(
    app: &Shared,
    session: &Session,
    mut tx: Tx,
    letters: Vec<Outgoing>,
    large: bool,
    path: String,
    (standing, waits): (Option<String>, bool),
) -> Result<Response, Trouble> {
    let rules = app.portal.pipeline.understanding.rules();
    let (mut sheets, mut read) = (Vec::new(), Vec::new());
    for letter in letters {
        let Some(case) = &letter.case_id else { continue };
        let Some(reference) = queries::reference(&mut tx, case).await? else { continue };
        read.push(format!("case:{case}"));
        sheets.push(sheet(app, &rules, &letter, &reference));
    }
    drop(tx);
    audit_reading(app, session, "read letter", &read, json!({})).await?;
    let email = app.portal.pipeline.house.council.address.email.clone();
    let letterhead = app.portal.letterhead.iter().cloned().chain([email]).collect();
    let page = Page::new(app, session, "letters", "Letter to print");
    Ok(html(&PrintPage { page, letterhead, sheets, large, path, standing, waits })?.into_response())
}

/// A letter bears the day on which it goes: today, until it has gone.
fn sheet(app: &Shared, rules: &Rules, letter: &Outgoing, reference: &Reference) -> Sheet {
    let mail = &letter.mail.0;
    let code = &mail.language;
    let (_, words) = rules.letter_reply(code);
    let (before, behind) = words.reference.split_once("{reference}").unwrap_or_default();
    Sheet {
        id: letter.id.to_string(),
        dir: if is_right_to_left(code) { "rtl" } else { "ltr" },
        to: mail.to.clone(),
        date: rules.reply(code).1.date(received_date(letter.sent_at.unwrap_or_else(|| app.now()))),
        around: (before.to_owned(), behind.to_owned()),
        reference: reference.clone(),
        subject: mail.subject.clone(),
        body: mail.body.lines().map(unmarked).collect::<Vec<_>>().join("\n"),
        language: code.clone(),
    }
}

/// A line without the marks that say which way it runs: on a page each line finds out by itself, and English runs its own way.
fn unmarked(line: &str) -> &str {
    line.strip_prefix('\u{2067}').and_then(|line| line.strip_suffix('\u{2069}')).unwrap_or(line)
}

fn no_such_letter() -> Trouble {
    Trouble::not_found("There is no such letter.").back_to("/letters", "Go to the letters")
}

/// `POST /letters/ID/posted`.
pub(super) async fn posted(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Redirect, Trouble> {
    let at_the_desk = async |desk: Desk<'_>, tx: &mut Tx| desk.letter_posted(tx, &id.into(), &session.actor).await;
    decide(&app, at_the_desk).await?;
    Ok(Redirect::to("/letters?done=posted"))
}

/// `POST /letters/ID/cancel`.
pub(super) async fn cancel(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Redirect, Trouble> {
    let at_the_desk = async |desk: Desk<'_>, tx: &mut Tx| desk.letter_not_sent(tx, &id.into(), &session.actor).await;
    decide(&app, at_the_desk).await?;
    Ok(Redirect::to("/letters?done=not-sent"))
}

/// The letters of the page that a person looked at.
#[derive(Debug, Deserialize)]
pub(super) struct All {
    #[serde(default)]
    ids: String,
}

/// `POST /letters/posted`: all of a list at once. What somebody else marked meanwhile stays as it is.
pub(super) async fn all_posted(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(all): Form<All>,
) -> Result<Redirect, Trouble> {
    let at_the_desk = async |desk: Desk<'_>, tx: &mut Tx| {
        for id in all.ids.split(',').filter(|id| !id.is_empty()) {
            match desk.letter_posted(tx, &id.to_owned().into(), &session.actor).await {
                Ok(()) | Err(DeskError::NotNow(_) | DeskError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    decide(&app, at_the_desk).await?;
    Ok(Redirect::to("/letters?done=posted"))
}

/// One transaction at the desk.
async fn decide(
    app: &Shared,
    act: impl AsyncFnOnce(Desk<'_>, &mut Tx) -> Result<(), DeskError>,
) -> Result<(), Trouble> {
    let pipeline = &app.portal.pipeline;
    let (house, rules) = (&pipeline.house, pipeline.understanding.rules());
    let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &pipeline.ids };
    let mut tx = app.db().begin().await?;
    let done = act(Desk { composer, now: app.now() }, &mut tx).await;
    done.map_err(|error| Trouble::from(error).back_to("/letters", "Go back to the letters"))?;
    Ok(tx.commit().await?)
}

/// `GET /assets/letter.css`.
pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("assets/letter.css"))
}
