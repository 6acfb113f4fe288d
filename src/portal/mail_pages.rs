//! Mail that needs a look: not delivered, in quarantine, set aside.

use super::{App, Done, Page, Shared, audit_reading, format, html, queries, timeline, trouble::Trouble};
use crate::core::{InboxId, Reference};
use crate::routing::consent::Consent;
use crate::store::decision::NewDecision;
use crate::store::{self, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

/// A mail of ours that did not go as it should.
struct Undelivered {
    reference: Reference,
    heading: &'static str,
    status: &'static str,
    status_class: &'static str,
    to: String,
    reason: String,
    created: String,
}

#[derive(Template)]
#[template(path = "outbox.html")]
struct OutboxPage {
    page: Page,
    mails: Vec<Undelivered>,
    /// Whether it is shown to whom they go.
    whole: bool,
}

pub(super) async fn outbox(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    undelivered(&app, &session, "outbox", true).await
}

/// `/admin/outbox`: the same for whoever looks after the program, without whom it concerns.
pub(super) async fn outbox_without_names(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    undelivered(&app, &session, "admin/outbox", false).await
}

async fn undelivered(app: &Shared, session: &Session, section: &'static str, whole: bool) -> Result<Response, Trouble> {
    let mut mails = Vec::new();
    let mut tx = app.db().read().await?;
    for status in ["failed", "uncertain", "held"] {
        for outgoing in store::outbox::in_status(&mut tx, status).await? {
            let Some(case) = &outgoing.case_id else { continue };
            let Some((reference, consent)) = queries::reference_and_consent(&mut tx, case).await? else { continue };
            let private = Consent::of(&consent).is_private();
            let (status, status_class) = timeline::status(&outgoing.status);
            let reason = format::sentence(&outgoing.reason.unwrap_or_default());
            mails.push(Undelivered {
                reference,
                heading: timeline::purpose(&outgoing.purpose),
                status,
                status_class,
                to: match (whole, private) {
                    (false, _) => String::new(),
                    (true, true) => "For the councillor only".to_owned(),
                    (true, false) => outgoing.mail.0.to.join(", "),
                },
                reason: if whole { reason } else { format::without_addresses(&reason) },
                created: format::when(outgoing.created_at),
            });
        }
    }
    drop(tx);
    let detail = json!({"cases": mails.iter().map(|m| &m.reference).collect::<Vec<_>>()});
    audit_reading(app, session, "read list", &["outbox".to_owned()], detail).await?;
    Ok(html(&OutboxPage { page: Page::new(app, session, section, "Mail not delivered"), mails, whole })?
        .into_response())
}

/// A delivery that could not be worked on.
struct Quarantined {
    id: String,
    account: String,
    reason: String,
    received: String,
    size: String,
    attempts: i64,
}

#[derive(Template)]
#[template(path = "quarantine.html")]
struct QuarantinePage {
    page: Page,
    rows: Vec<Quarantined>,
    /// Whether the originals can be saved.
    whole: bool,
}

pub(super) async fn quarantine(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    in_quarantine(&app, &session, &done, ("quarantine", true)).await
}

/// `/admin/quarantine`: the same for whoever looks after the program, without the originals.
pub(super) async fn quarantine_without_originals(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    in_quarantine(&app, &session, &done, ("admin/quarantine", false)).await
}

async fn in_quarantine(
    app: &Shared,
    session: &Session,
    done: &Done,
    (section, whole): (&'static str, bool),
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let rows = store::inbox::quarantined(&mut tx).await?;
    drop(tx);
    let why = |reason: String| if whole { reason } else { format::without_addresses(&reason) };
    audit_reading(app, session, "read list", &["quarantine".to_owned()], json!({"messages": rows.len()})).await?;
    let rows = rows.into_iter().map(|row| Quarantined {
        id: row.id.to_string(),
        account: row.account,
        reason: why(format::sentence(&row.reason.unwrap_or_default())),
        received: format::when(row.received_at),
        size: format::size(row.size),
        attempts: row.attempts,
    });
    let page = Page::new(app, session, section, "Quarantine").with_notice(done.done.as_deref());
    Ok(html(&QuarantinePage { page, rows: rows.collect(), whole })?.into_response())
}

/// Sends a quarantined message on its way again.
pub(super) async fn replay(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Redirect, Trouble> {
    again(&app, &session, id, "/quarantine").await
}

/// The same from the administrator's page.
pub(super) async fn replay_without_original(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Redirect, Trouble> {
    again(&app, &session, id, "/admin/quarantine").await
}

async fn again(app: &Shared, session: &Session, id: String, page: &str) -> Result<Redirect, Trouble> {
    let id = InboxId::from(id);
    let now = app.now();
    let mut tx = app.db().begin().await?;
    if !store::inbox::replay(&mut tx, &id, now).await? {
        let text = "This message is not in quarantine any more. Perhaps somebody else was faster.";
        return Err(Trouble::conflict(text).back_to(page, "Go back to the quarantine"));
    }
    let (actor, decided) = (session.actor.as_str(), json!({"inbox": id}));
    let new = NewDecision { case_id: None, message_id: None, kind: "replay", actor, decided, evidence: json!({}) };
    store::decision::insert(&mut tx, app.ids(), new, now).await?;
    store::audit::write(&mut tx, app.ids(), actor, "replay", &format!("inbox:{id}"), json!({}), now).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("{page}?done=replayed")))
}

/// A message that became no case.
struct SetAside {
    id: String,
    subject: String,
    reason: String,
    received: String,
}

#[derive(Template)]
#[template(path = "set_aside.html")]
struct SetAsidePage {
    page: Page,
    rows: Vec<SetAside>,
}

pub(super) async fn set_aside(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let rows = store::inbox::set_aside(&mut tx).await?;
    drop(tx);
    audit_reading(&app, &session, "read list", &["set aside".to_owned()], json!({"messages": rows.len()})).await?;
    let rows = rows.into_iter().map(|(id, subject, reason, received)| SetAside {
        id,
        subject,
        reason: format::sentence(&reason.unwrap_or_default()),
        received: format::when(received),
    });
    Ok(html(&SetAsidePage { page: Page::new(&app, &session, "set-aside", "Set aside"), rows: rows.collect() })?
        .into_response())
}
