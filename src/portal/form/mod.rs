//! The form on the web, for everybody: `/report`, the page that follows it, the private trail of a report (`trail`) and the link
//! that confirms an email address (`confirm`).
//!
//! Nobody is signed in here and no cookie is set. A form carries a seal with a number of its own and the moment it was drawn: it
//! proves that the form is ours, how long it was open, and, as the name of the delivery, that it is stored once however often it
//! is sent. Pages speak the language that was asked for, and work without a script.

mod fields;
mod frame;
pub(super) mod throttle;
pub(super) mod trail;

mod confirm;

use super::{App, Shared, html, trouble::Trouble};
use crate::core::Reference;
use crate::intake::form::{Chosen, Form, FormPolicy};
use crate::store::{self, inbox::Whereabouts};
use askama::Template;
use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Multipart, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, middleware};
use chrono::{DateTime, TimeDelta, Utc};
use fields::{Sent, Wrong};
use frame::{Asked, Frame};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use throttle::Throttle;
use tokio::sync::{Mutex, Semaphore};

/// What the seal in a form is for; its text is `NUMBER.DRAWN`, the second a Unix time.
const FORM: &str = "form";
/// What the seal in a private link is for; its text is the name of the delivery.
const TRAIL: &str = "trail";
/// How long a browser may take to send a form with its files.
const READING: Duration = Duration::from_secs(300);
/// So many forms with files are held in memory at once.
const AT_ONCE: usize = 8;
/// The policy of a page with our script: else as everywhere.
const WITH_SCRIPT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; \
                           frame-ancestors 'none'; base-uri 'none'";
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// What forms share: who sent how many, and how many are being read.
#[derive(Debug)]
pub(super) struct Door {
    throttle: Mutex<Throttle>,
    uploads: Arc<Semaphore>,
}

impl Default for Door {
    fn default() -> Self {
        Self { throttle: Mutex::default(), uploads: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// The pages of the form, for a policy of the council's.
pub(super) fn routes(policy: &FormPolicy) -> Router<App> {
    // More than is taken, so that somebody whose files are too large keeps their words and is told so.
    let most = policy.total_bytes.saturating_mul(4).saturating_add(1 << 20);
    let private = Router::new()
        .route("/report/done/{token}", get(done))
        .route("/trail/{token}", get(trail::page))
        .route("/confirm/{token}", get(confirm::page).post(confirm::answer))
        .layer(middleware::map_response(unlisted));
    Router::new()
        .route("/report", get(page).post(send).layer(DefaultBodyLimit::max(most)))
        .route("/assets/form.js", get(script))
        .merge(private)
}

/// No search engine keeps a private page.
async fn unlisted(mut response: Response) -> Response {
    response.headers_mut().insert(ROBOTS, HeaderValue::from_static("noindex, nofollow"));
    response
}

async fn script() -> Response {
    super::asset("text/javascript; charset=utf-8", include_str!("../assets/form.js"))
}

fn policy(app: &Shared) -> Result<&FormPolicy, Trouble> {
    app.portal.pipeline.house.form.as_ref().ok_or_else(|| Trouble::of_status(StatusCode::NOT_FOUND))
}

#[derive(Template)]
#[template(path = "form.html")]
struct FormPage {
    frame: Frame,
    token: String,
    sent: Sent,
    wrong: Vec<Wrong>,
    /// Files had been chosen, and have to be chosen again.
    files_again: bool,
    /// Key, name and wards of those who can be chosen.
    councillors: Vec<(String, String)>,
    /// Whether there is a councillor whom a report can be for alone.
    private: bool,
    max_files: usize,
    total_mb: usize,
}

impl FormPage {
    /// What is wrong with a field, if anything.
    fn error(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find(|w| w.field == field).map(|w| w.text.as_str())
    }

    /// What a field is described by: its hint, and its error where it has one.
    fn described(&self, field: &str, hint: &str) -> String {
        let error = if self.error(field).is_some() { format!("{field}-error") } else { String::new() };
        [hint, &error].into_iter().filter(|id| !id.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn chose(&self, councillor: &str) -> bool {
        self.sent.councillor == councillor
    }
}

/// `GET /report`.
async fn page(State(app): State<App>, headers: HeaderMap, Query(asked): Query<Asked>) -> Result<Response, Trouble> {
    let policy = policy(&app)?;
    let frame = Frame::new(&app, &asked, &headers, "/report");
    draw(&app, policy, frame, StatusCode::OK, fresh_token(&app), Sent::default(), Vec::new())
}

fn fresh_token(app: &Shared) -> String {
    let text = format!("{}.{}", app.ids().uuid().simple(), app.now().timestamp());
    app.portal.pipeline.house.key.seal(FORM, &text)
}

fn draw(
    app: &Shared,
    policy: &FormPolicy,
    frame: Frame,
    status: StatusCode,
    token: String,
    sent: Sent,
    wrong: Vec<Wrong>,
) -> Result<Response, Trouble> {
    let house = &app.portal.pipeline.house;
    let own = house.account_councillors.get(&policy.account);
    let councillors = match own {
        Some(_) => Vec::new(),
        None => house.council.councillors.iter().map(|c| (c.id.clone(), named(&c.name, &c.wards))).collect(),
    };
    let title = frame.w().title.clone();
    let frame = frame.titled(&title, !wrong.is_empty()).with_script().with_privacy(policy.privacy_url.clone());
    let page = FormPage {
        frame,
        token,
        files_again: sent.had_files,
        sent,
        wrong,
        private: own.is_some() || !councillors.is_empty(),
        councillors,
        max_files: policy.max_files,
        total_mb: policy.total_bytes >> 20,
    };
    let mut response = (status, html(&page)?).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(WITH_SCRIPT));
    Ok(response)
}

fn named(name: &str, wards: &[String]) -> String {
    if wards.is_empty() { name.to_owned() } else { format!("{name} ({})", wards.join(", ")) }
}

/// Why a form that was read is not taken as it is.
enum Refused {
    /// It is not ours, or was open for too long.
    Old,
    /// It came back sooner than anybody writes.
    Quick,
    /// Other words came from it before.
    Sent,
    /// Too much came from there.
    Busy(TimeDelta),
    /// It could not be stored.
    Away,
}

/// `POST /report`.
async fn send(
    State(app): State<App>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    multipart: Multipart,
) -> Result<Response, Trouble> {
    let policy = policy(&app)?;
    let frame = Frame::new(&app, &asked, &headers, "/report");
    let reading = fields::read(multipart, policy, Arc::clone(&app.form.uploads));
    let mut sent = match tokio::time::timeout(READING, reading).await {
        Ok(sent) => sent?,
        Err(_) => return Err(Trouble::of_status(StatusCode::REQUEST_TIMEOUT)),
    };
    let house = &app.portal.pipeline.house;
    let whose = (!house.account_councillors.contains_key(&policy.account)).then_some(&house.council);
    let wrong = fields::wrong(&sent, &frame, policy, &house.limits, whose);
    let number = number(&app, policy, &sent.token);
    if !wrong.is_empty() {
        let token = if number.is_some() { sent.token.clone() } else { fresh_token(&app) };
        return draw(&app, policy, frame, StatusCode::UNPROCESSABLE_ENTITY, token, sent, wrong);
    }
    let form = sent.form(&frame.code, &house.council);
    let from = client(policy, &headers, peer.map(|Extension(ConnectInfo(peer))| peer.ip()));
    let refused = match &number {
        Some((number, drawn)) => match take(&app, policy, number, *drawn, &form, from).await {
            Ok(()) => {
                let link = house.key.seal(TRAIL, number);
                return Ok(Redirect::to(&format!("/report/done/{link}?lang={}", frame.code)).into_response());
            }
            Err(refused) => refused,
        },
        None => Refused::Old,
    };
    let w = frame.w();
    let minutes = |wait: TimeDelta| ((wait.num_seconds() + 59) / 60).max(1).to_string();
    let (status, text, same_token) = match &refused {
        Refused::Old => (StatusCode::FORBIDDEN, w.e_old.clone(), false),
        Refused::Quick => (StatusCode::UNPROCESSABLE_ENTITY, w.e_quick.clone(), true),
        Refused::Sent => (StatusCode::CONFLICT, w.e_sent.clone(), false),
        Refused::Busy(wait) => (StatusCode::TOO_MANY_REQUESTS, frame.fill(&w.e_busy, "minutes", &minutes(*wait)), true),
        Refused::Away => (StatusCode::SERVICE_UNAVAILABLE, w.e_away.clone(), true),
    };
    let token = if same_token { sent.token.clone() } else { fresh_token(&app) };
    let mut response = draw(&app, policy, frame, status, token, sent, vec![Wrong { field: "send", text }])?;
    if let Refused::Busy(wait) = refused {
        response.headers_mut().insert(header::RETRY_AFTER, wait.num_seconds().max(1).into());
    }
    Ok(response)
}

/// The number of a form's seal and when it was drawn; `None` where it is not ours or was open for too long.
fn number(app: &Shared, policy: &FormPolicy, token: &str) -> Option<(String, DateTime<Utc>)> {
    let (number, drawn) = app.portal.pipeline.house.key.unseal(FORM, token)?.split_once('.')?;
    let drawn = DateTime::from_timestamp(drawn.parse().ok()?, 0)?;
    let open = app.now() - drawn;
    (open < TimeDelta::hours(policy.open_hours)).then(|| (number.to_owned(), drawn))
}

/// Takes a report in, unless it was taken in before.
async fn take(
    app: &Shared,
    policy: &FormPolicy,
    number: &str,
    drawn: DateTime<Utc>,
    form: &Form,
    from: IpAddr,
) -> Result<(), Refused> {
    let away = |error: store::StoreError| {
        tracing::error!(%error, "a report of the web form could not be stored; its sender is asked to send it again");
        Refused::Away
    };
    let before = async {
        let mut tx = app.db().read().await?;
        store::inbox::whereabouts(&mut tx, &policy.account, number).await
    };
    if let Some(before) = before.await.map_err(away)? {
        return if before.raw == form.to_bytes() { Ok(()) } else { Err(Refused::Sent) };
    }
    if app.now() - drawn < TimeDelta::seconds(policy.least_seconds) {
        return Err(Refused::Quick);
    }
    if let Some(wait) = app.form.throttle.lock().await.admit(from, app.now(), policy) {
        metrics::counter!("beadle_reports_refused_total").increment(1);
        return Err(Refused::Busy(wait));
    }
    app.portal.collector.take_form(&policy.account, number, form).await.map_err(away)?;
    Ok(())
}

/// Who asks, by network address: the peer itself, or who the council's own proxy says it is. What else stands in the header
/// anybody can write.
pub(super) fn client(policy: &FormPolicy, headers: &HeaderMap, peer: Option<IpAddr>) -> IpAddr {
    client_of(Some(policy), headers, peer)
}

/// The same where there may be no form; then no proxy is known.
pub(super) fn client_of(policy: Option<&FormPolicy>, headers: &HeaderMap, peer: Option<IpAddr>) -> IpAddr {
    let named = headers.get_all("x-forwarded-for").into_iter().next_back();
    let named =
        named.filter(|_| policy.is_some_and(|policy| policy.behind_proxy)).and_then(|value| value.to_str().ok());
    let named = named.and_then(|all| all.rsplit(',').next()?.trim().parse().ok());
    named.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// The report behind a private link: the reference that was told for it, and what became of it so far.
async fn behind(app: &Shared, token: &str) -> Result<Option<(Reference, Whereabouts)>, Trouble> {
    let account = &policy(app)?.account;
    let Some(number) = app.portal.pipeline.house.key.unseal(TRAIL, token) else { return Ok(None) };
    let mut tx = app.db().read().await?;
    let reference = store::case::promised(&mut tx, account, number).await?;
    Ok(reference.zip(store::inbox::whereabouts(&mut tx, account, number).await?))
}

#[derive(Template)]
#[template(path = "form_done.html")]
struct DonePage {
    frame: Frame,
    reference: String,
    /// The private link, as it can be copied.
    link: String,
    path: String,
    /// Whether a mail asks them to confirm their address.
    proof: bool,
}

/// `GET /report/done/TOKEN`: what follows the form. Loaded again it is the same page.
async fn done(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
    Path(token): Path<String>,
) -> Result<Response, Trouble> {
    let public_url = &policy(&app)?.public_url;
    let frame = Frame::new(&app, &asked, &headers, &format!("/report/done/{token}"));
    let Some((reference, found)) = behind(&app, &token).await? else { return frame.gone() };
    let path = format!("/trail/{token}?lang={}", frame.code);
    let title = frame.w().done.clone();
    let page = DonePage {
        frame: frame.titled(&title, false),
        reference: reference.to_string(),
        link: format!("{public_url}{path}"),
        path,
        proof: Chosen::of(&found.raw).is_some_and(|chosen| chosen.email.is_some()),
    };
    Ok(html(&page)?.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_can_write_into_a_header_says_nothing_of_who_asks() {
        let mut policy = FormPolicy::new("form", "https://b.example");
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "203.0.113.9".parse().unwrap());
        headers.append("x-forwarded-for", "10.0.0.1, 198.51.100.7".parse().unwrap());
        assert_eq!(client(&policy, &headers, Some(peer)), peer);
        policy.behind_proxy = true;
        assert_eq!(
            client(&policy, &headers, Some(peer)).to_string(),
            "198.51.100.7",
            "the proxy's own word is the last"
        );
        assert_eq!(client(&policy, &HeaderMap::new(), Some(peer)), peer);
    }
}
