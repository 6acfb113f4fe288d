//! Senders who are blocked.

use super::{App, Done, Page, audit_reading, format, html, trouble::Trouble};
use crate::core::{ContactPoint, Party};
use crate::store::message::Message;
use crate::store::{self, Tx, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

/// The sender of a case, who may be blocked.
pub(super) struct Sender {
    pub(super) channel: &'static str,
    pub(super) address: String,
    /// Why they are blocked, if they are.
    pub(super) why: Option<String>,
}

/// Who would be blocked on the page of a case: whoever wrote its first message, where an address of theirs is known.
pub(super) async fn sender(tx: &mut Tx, messages: &[Message]) -> store::Result<Option<Sender>> {
    let first = messages.iter().find(|m| m.party == Party::Resident);
    let Some(point) = first.and_then(Message::writer) else { return Ok(None) };
    let why = store::block::why(tx, &point).await?.map(|why| format::sentence(&why));
    Ok(Some(Sender { channel: point.channel.label(), address: point.address, why }))
}

struct Row {
    channel: &'static str,
    key: &'static str,
    address: String,
    name: Option<String>,
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
        name: block.name,
        why: format::sentence(&block.why),
        since: format::when(block.since),
        actor: format::sentence(&block.actor),
    });
    let page = Page::new(&app, &session, "blocked", "Blocked senders").with_notice(done.done.as_deref());
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
    let unknown = || Trouble {
        title: "This could not be done",
        ..Trouble::not_found("This sender is not blocked. Perhaps somebody else was faster.")
            .back_to("/blocked", "Go back to the blocked senders")
    };
    let channel = ended.channel.parse().map_err(|_| unknown())?;
    let point = ContactPoint { channel, address: ended.address, name: None };
    let mut tx = app.db().begin().await?;
    if !store::block::delete(&mut tx, &point).await? {
        return Err(unknown());
    }
    // The trail tells who it was by their contact, so that no address stands in it.
    let contact = store::contact::known(&mut tx, &point).await?;
    let object = contact.map_or_else(|| "blocks".to_owned(), |contact| format!("contact:{contact}"));
    let detail = json!({"channel": channel});
    store::audit::write(&mut tx, app.ids(), &session.actor, "unblock", &object, detail, app.now()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/blocked?done=unblocked"))
}
