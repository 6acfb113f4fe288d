//! What stands before every page: the host it was asked under, who is signed in, the word every form must carry, and the
//! headers every answer bears.

use super::{App, Page, attempt, auth, set_up, sign_in, trouble::Trouble};
use crate::core::{CaseId, Reach, Reference, Right};
use crate::store::{self, session::Session};
use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest as _, Multipart, RawPathParams, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use std::net::{IpAddr, SocketAddr};

/// A form of ours is far smaller.
pub(super) const MOST_FORM_BYTES: usize = 64 * 1024;
/// But for those that carry a file of rules.
const MOST_FILE_BYTES: usize = 1024 * 1024;
/// Where those go.
const FILES: &str = "/admin/rules/";
/// But where a table of people is confirmed.
const MOST_TABLE_BYTES: usize = 256 * 1024;

const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Marks an answer for machines, which is sent as it is whatever its status.
#[derive(Clone, Copy, Debug)]
pub(super) struct ForMachines;

/// The page of a [`Trouble`].
#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    page: Page,
    trouble: Trouble,
}

/// Outermost: refuses names that are not ours (a page elsewhere that points its own name at this machine would otherwise
/// be let in), draws the page of whatever went wrong, and puts the headers on every answer.
pub(super) async fn dress(State(app): State<App>, request: Request, next: Next) -> Response {
    let ours = host(&request).is_some_and(|host| host_is_ours(&host, &app.portal.allowed_hosts));
    let mut response = if ours { next.run(request).await } else { Trouble::other_host().into_response() };
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let drawn = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"text/html"));
    if failed && !drawn && response.extensions().get::<ForMachines>().is_none() {
        let trouble = response.extensions_mut().remove::<Trouble>();
        let trouble = trouble.unwrap_or_else(|| Trouble::of_status(response.status()));
        response = draw(&app, trouble, response);
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // Only where a proxy speaks HTTPS: a browser that was told so would never again open the portal without.
    if app.portal.secure_cookie {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

fn draw(app: &App, trouble: Trouble, response: Response) -> Response {
    let page = Page::signed_out(app, trouble.title);
    let html = TroublePage { page, trouble }.render().unwrap_or_else(|_| "Sorry, that did not work.".to_owned());
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Response::from_parts(parts, Body::from(html))
}

/// The host of a request: of its target where it names one, else of its `Host` header.
pub(super) fn host(request: &Request) -> Option<String> {
    let named = request.uri().authority().map(|a| a.as_str().to_owned());
    named.or_else(|| request.headers().get(header::HOST)?.to_str().ok().map(str::to_owned))
}

/// Whether a host (with or without port) is this machine itself or one that the council set.
fn host_is_ours(host: &str, allowed: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own))
        || allowed.iter().any(|own| own.eq_ignore_ascii_case(name) || own.eq_ignore_ascii_case(host))
}

/// Before every page but the sign-in: who is it, and does what they send come from a form of ours?
pub(super) async fn signed_in(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let session = match sign_in::session(&app, request.headers()).await {
        Ok(session) => session,
        Err(error) => return Trouble::from(error).into_response(),
    };
    let Some(session) = session else {
        let (path, answer) = (request.uri().path().to_owned(), to_sign_in(&request));
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().copied().map(Extension);
        let from = sign_in::client(&app, request.headers(), peer);
        return match of_a_stranger(&app, &path, from).await {
            Ok(()) => answer,
            Err(error) => Trouble::from(error).into_response(),
        };
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        request = match check_form(request, &session).await {
            Ok(request) => request,
            Err(trouble) => return trouble.into_response(),
        };
    }
    request.extensions_mut().insert(session);
    next.run(request).await
}

/// Before the pages of one right: refuses, and writes down, who does not hold it, and who asks for a case out of their reach. That one
/// looks the same to them as a case that is not there.
pub(super) async fn entitled(
    State((app, right, path)): State<(App, Right, &'static str)>,
    Extension(session): Extension<Session>,
    parameters: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    if !session.holds(right) {
        if path == "/" && home(&session) != "/" {
            return Redirect::to(home(&session)).into_response();
        }
        return match not_entitled(&app, &session, path, request.uri().path()).await {
            Ok(()) => Trouble::not_for_you().into_response(),
            Err(error) => Trouble::from(error).into_response(),
        };
    }
    if path == "/" && session.holds(Right::Administration) && set_up::is_new(&app) {
        return Redirect::to(set_up::START).into_response();
    }
    let reference = parameters.iter().find(|(name, _)| *name == "reference").map(|(_, value)| value);
    match out_of_reach(&app, &session, right, reference).await {
        Ok(None) => {
            let response = next.run(request).await;
            let attempted = response.extensions().get::<Trouble>().and_then(|trouble| trouble.attempt.clone());
            match attempted {
                Some(object) => written_down(&app, &session, &object, response).await,
                None => response,
            }
        }
        Ok(Some(case)) => {
            let response = Trouble::no_case(reference.unwrap_or_default()).into_response();
            written_down(&app, &session, &format!("case:{case}"), response).await
        }
        Err(error) => Trouble::from(error).into_response(),
    }
}

/// An answer to an attempt, once that is written down.
async fn written_down(app: &App, session: &Session, object: &str, response: Response) -> Response {
    match attempt::by(app, session, object, json!({})).await {
        Ok(()) => response,
        Err(error) => Trouble::from(error).into_response(),
    }
}

/// Writes down that somebody asked for a page their account does not let them see: which case it was about, or else which page.
async fn not_entitled(app: &App, session: &Session, page: &str, path: &str) -> store::Result<()> {
    let case = attempt::named(&mut app.db().read().await?, path).await?;
    let object = case.map_or_else(|| page.to_owned(), |case| format!("case:{case}"));
    attempt::by(app, session, &object, json!({"page": page})).await
}

/// Writes down that somebody who is not signed in asked for a case, by a reference that is one.
async fn of_a_stranger(app: &App, path: &str, from: IpAddr) -> store::Result<()> {
    // Where no case is named nothing is asked of the database: the way to the sign-in stands while it is away.
    if Reference::find_all(path).is_empty() {
        return Ok(());
    }
    let case = attempt::named(&mut app.db().read().await?, path).await?;
    match case {
        Some(case) => attempt::by_a_stranger(app, from, &format!("case:{case}")).await,
        None => Ok(()),
    }
}

/// The case of a reference where it is not one of those this person may see.
async fn out_of_reach(
    app: &App,
    session: &Session,
    right: Right,
    reference: Option<&str>,
) -> store::Result<Option<CaseId>> {
    let reach = session.reach(right);
    let Some(reference) = reference.filter(|_| reach != Reach::All).and_then(|text| text.parse().ok()) else {
        return Ok(None);
    };
    let mut tx = app.db().read().await?;
    let case = store::case::by_reference(&mut tx, &reference).await?;
    Ok(case.filter(|case| !reach.has(case.councillor.as_deref())).map(|case| case.id))
}

/// The page on which somebody's work begins.
pub(super) fn home(session: &Session) -> &'static str {
    let pages = [(Right::Cases, "/"), (Right::Administration, "/admin/people"), (Right::Councillor, "/my")];
    pages.iter().find(|(right, _)| session.holds(*right)).map_or("/account", |(_, page)| page)
}

/// To the sign-in page, and from there to where they wanted to go. What was sent with a form is not kept.
fn to_sign_in(request: &Request) -> Response {
    let wanted = request.uri().path_and_query().map_or("/", |p| p.as_str());
    if *request.method() != Method::GET || wanted == "/" {
        return Redirect::to("/sign-in").into_response();
    }
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", wanted).finish();
    Redirect::to(&format!("/sign-in?{query}")).into_response()
}

/// Refuses a form that does not carry the session's word, and hands the request on as it was.
async fn check_form(request: Request, session: &Session) -> Result<Request, Trouble> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let with_file = kind.starts_with("multipart/form-data");
    let path = parts.uri.path();
    let most = match path.starts_with(set_up::START) {
        true if with_file => set_up::MOST_BYTES,
        true => MOST_TABLE_BYTES,
        false if path.starts_with(FILES) => MOST_FILE_BYTES,
        false => MOST_FORM_BYTES,
    };
    let Ok(bytes) = axum::body::to_bytes(body, most).await else {
        return Err(Trouble::of_status(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let given = if with_file {
        word_beside_file(Request::from_parts(parts.clone(), Body::from(bytes.clone()))).await
    } else {
        url::form_urlencoded::parse(&bytes).find(|(name, _)| name == "csrf").map(|(_, value)| value.into_owned())
    };
    if !given.is_some_and(|given| auth::same(&given, &session.csrf)) {
        return Err(Trouble::forged());
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// The session's word in a form with a file, before which it stands.
async fn word_beside_file(request: Request) -> Option<String> {
    let mut form = Multipart::from_request(request, &()).await.ok()?;
    let first = form.next_field().await.ok()??;
    if first.name() != Some("csrf") {
        return None;
    }
    first.text().await.ok()
}

/// The value of a cookie.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
    all.filter_map(|pair| pair.trim().split_once('=')).find(|(n, _)| *n == name).map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_what_the_council_set_are_our_hosts() {
        let set = vec!["cases.brackenmere.example".to_owned(), "desk:8443".to_owned()];
        for ours in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "[::1]:8080",
            "[::1]",
            "Cases.Brackenmere.example:443",
            "desk:8443",
        ] {
            assert!(host_is_ours(ours, &set), "{ours}");
        }
        for other in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "desk",
            "desk:80",
            "",
            "::1",
            "localhost:x",
        ] {
            assert!(!host_is_ours(other, &set), "{other}");
        }
    }
}
