//! Where providers of texts post, `/texts/ACCOUNT`, and Telegram, `/telegram/ACCOUNT`. No page, no session: each post carries its
//! own proof.

use super::App;
use crate::channels::telegram::webhook::HEADER;
use crate::channels::text::Webhook;
use crate::collect::hooks::Reply;
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Largest post: a text of ten parts with ten links to files is a few kilobytes, and so is an update, which names its files only.
pub(super) const MOST_BYTES: usize = 256 << 10;

pub(super) async fn take(
    State(app): State<App>,
    Path(account): Path<String>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(provider) = app.portal.pipeline.house.texts.get(&account) else {
        return (StatusCode::NOT_FOUND, "there is no such account").into_response();
    };
    let headers = headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), std::str::from_utf8(value.as_bytes()).ok()?.to_owned()))
    });
    let webhook = Webhook {
        method: method.as_str().to_owned(),
        path_and_query: uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers: headers.collect(),
        body: body.to_vec(),
    };
    answer(app.portal.collector.take_webhook(&account, provider.as_ref(), &webhook).await)
}

pub(super) async fn take_update(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let bot = app.portal.pipeline.house.telegram.get(&account).filter(|bot| bot.hook.is_some());
    let Some(bot) = bot else {
        return (StatusCode::NOT_FOUND, "there is no such account").into_response();
    };
    let shown = headers.get(HEADER).and_then(|value| value.to_str().ok());
    answer(app.portal.collector.take_update(&account, bot, shown, &body).await)
}

fn answer(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, reply.body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    response
}
