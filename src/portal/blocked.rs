//! Senders who are blocked.

use super::{App, Done, Page, audit_reading, format, html, trouble::Trouble};
use crate::core::ContactPoint;
use crate::store::{self, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

struct Row {
    channel: &'static str,
    key: &'static str,
    address: String,
    why: String,
    since: String,
    actor: String,
}

#[derive(Template)]
#[template(path = "blocked.html")]
struct BlockedPage {
    page: Page,
    rows: Vec<Row>,
}

pub(super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let blocks = store::block::all(&mut tx).await?;
    drop(tx);
    audit_reading(&app, &session, "read list", &["blocks".to_owned()], json!({"senders": blocks.len()})).await?;
    let rows = blocks.into_iter().map(|block| Row {
        channel: block.channel.label(),
        key: block.channel.as_str(),
        address: block.address,
        why: format::sentence(&block.why),
        since: format::when(block.since),
        actor: format::sentence(&block.actor),
    });
    let page = Page::new(&app, &session, "set-aside", "Blocked senders").with_notice(done.done.as_deref());
    Ok(html(&BlockedPage { page, rows: rows.collect() })?.into_response())
}

#[derive(Deserialize)]
pub(super) struct Ended {
    #[serde(default)]
    channel: String,
    #[serde(default)]
    address: String,
}

pub(super) async fn end(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(ended): Form<Ended>,
) -> Result<Redirect, Trouble> {
    let unknown = || Trouble::not_found("This sender is not blocked.");
    let channel = ended.channel.parse().map_err(|_| unknown())?;
    let point = ContactPoint { channel, address: ended.address, name: None };
    let mut tx = app.db().begin().await?;
    if !store::block::delete(&mut tx, &point).await? {
        return Err(unknown());
    }
    // Whose address it was stands in the audit of the list; here its channel is enough.
    let detail = json!({"channel": channel});
    store::audit::write(&mut tx, app.ids(), &session.actor, "unblock", "blocks", detail, app.now()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/blocked?done=unblocked"))
}
