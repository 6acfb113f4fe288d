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
mod trail_acts;

mod confirm;

use super::{App, Shared, attempt, html, trouble::Trouble};
use crate::core::{CaseId, Reference};
use crate::intake::form::{Chosen, Form, FormPolicy};
use crate::outbox::trail::{TRAIL, case_of};
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
/// How long a browser may take to send a form with its files.
const READING: Duration = Duration::from_secs(300);
/// So many forms with files are held in memory at once.
const AT_ONCE: usize = 8;
/// The policy of a page with our script: else as everywhere.
const WITH_SCRIPT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; \
                           frame-ancestors 'none'; base-uri 'none'";
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// Where a request comes from, as far as the server knows.
type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

/// What forms share: who sent how many, how many are being read, and who tried links that are none.
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
        .route("/trail/{token}", get(trail::page).post(trail_acts::act).layer(DefaultBodyLimit::max(most)))
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
    fresh_seal(app, FORM)
}

/// A seal of a form drawn now, for one purpose.
fn fresh_seal(app: &Shared, purpose: &str) -> String {
    let text = format!("{}.{}", app.ids().uuid().simple(), app.now().timestamp());
    app.portal.pipeline.house.key.seal(purpose, &text)
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
    peer: Peer,
    multipart: Multipart,
) -> Result<Response, Trouble> {
    let policy = policy(&app)?;
    let frame = Frame::new(&app, &asked, &headers, "/report");
    let mut sent = read(&app, policy, multipart).await?;
    let house = &app.portal.pipeline.house;
    let whose = (!house.account_councillors.contains_key(&policy.account)).then_some(&house.council);
    let wrong = fields::wrong(&sent, &frame, policy, &house.limits, whose);
    let number = number(&app, policy, FORM, &sent.token);
    if !wrong.is_empty() {
        let token = if number.is_some() { sent.token.clone() } else { fresh_token(&app) };
        return draw(&app, policy, frame, StatusCode::UNPROCESSABLE_ENTITY, token, sent, wrong);
    }
    let form = sent.form(&frame.code, &house.council);
    let from = client(policy, &headers, peer);
    let refused = match &number {
        Some((number, drawn)) => match take(&app, policy, number, *drawn, &form, from).await {
            Ok(_) => {
                let link = house.key.seal(TRAIL, number);
                return Ok(Redirect::to(&format!("/report/done/{link}?lang={}", frame.code)).into_response());
            }
            Err(refused) => refused,
        },
        None => Refused::Old,
    };
    let w = frame.w();
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

/// Reads a form with its files, for as long as anybody may take to send it.
async fn read(app: &Shared, policy: &FormPolicy, multipart: Multipart) -> Result<Sent, Trouble> {
    let reading = fields::read(multipart, policy, Arc::clone(&app.form.uploads));
    match tokio::time::timeout(READING, reading).await {
        Ok(sent) => sent,
        Err(_) => Err(Trouble::of_status(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// A time to wait, in minutes.
fn minutes(wait: TimeDelta) -> String {
    ((wait.num_seconds() + 59) / 60).max(1).to_string()
}

/// The number of a form's seal and when it was drawn; `None` where it is not ours, is for something else, or was open for too long.
fn number(app: &Shared, policy: &FormPolicy, purpose: &str, token: &str) -> Option<(String, DateTime<Utc>)> {
    let (number, drawn) = app.portal.pipeline.house.key.unseal(purpose, token)?.split_once('.')?;
    let drawn = DateTime::from_timestamp(drawn.parse().ok()?, 0)?;
    let open = app.now() - drawn;
    (open < TimeDelta::hours(policy.open_hours)).then(|| (number.to_owned(), drawn))
}

/// Takes a report in, or what somebody adds to theirs, unless it was taken in before; whether it was new.
async fn take(
    app: &Shared,
    policy: &FormPolicy,
    number: &str,
    drawn: DateTime<Utc>,
    form: &Form,
    from: IpAddr,
) -> Result<bool, Refused> {
    let away = |error: store::StoreError| {
        tracing::error!(%error, "a report of the web form could not be stored; its sender is asked to send it again");
        Refused::Away
    };
    let before = async {
        let mut tx = app.db().read().await?;
        store::inbox::whereabouts(&mut tx, &policy.account, number).await
    };
    if let Some(before) = before.await.map_err(away)? {
        return if before.raw == form.to_bytes() { Ok(false) } else { Err(Refused::Sent) };
    }
    if app.now() - drawn < TimeDelta::seconds(policy.least_seconds) {
        return Err(Refused::Quick);
    }
    if let Some(wait) = app.form.throttle.lock().await.admit(from, app.now(), policy) {
        metrics::counter!("beadle_reports_refused_total").increment(1);
        return Err(Refused::Busy(wait));
    }
    let collector = &app.portal.collector;
    if form.answers.is_some() {
        collector.take_later_words(&policy.account, number, form).await.map_err(away)?;
    } else {
        collector.take_form(&policy.account, number, form).await.map_err(away)?;
    }
    Ok(true)
}

/// Who asks, by network address: the peer itself, or who the council's own proxy says it is. What else stands in the header
/// anybody can write.
fn client(policy: &FormPolicy, headers: &HeaderMap, peer: Peer) -> IpAddr {
    client_of(policy.behind_proxy, headers, peer.map(|Extension(ConnectInfo(peer))| peer.ip()))
}

/// The same, `behind_proxy` or not.
pub(super) fn client_of(behind_proxy: bool, headers: &HeaderMap, peer: Option<IpAddr>) -> IpAddr {
    let named = headers.get_all("x-forwarded-for").into_iter().next_back();
    let named = named.filter(|_| behind_proxy).and_then(|value| value.to_str().ok());
    let named = named.and_then(|all| all.rsplit(',').next()?.trim().parse().ok());
    named.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// What a private link leads to.
struct Behind {
    /// The reference that was told for it.
    reference: Reference,
    received_at: DateTime<Utc>,
    /// Its case; none before anybody has worked on it, and where it became none.
    case: Option<CaseId>,
    /// What became of its delivery, where the link was given for that.
    delivery: Option<Whereabouts>,
}

/// What is behind a private link: a report of the form, or a case of whatever channel.
async fn behind(app: &Shared, token: &str) -> Result<Option<Behind>, Trouble> {
    let account = &policy(app)?.account;
    let Some(text) = app.portal.pipeline.house.key.unseal(TRAIL, token) else { return Ok(None) };
    let mut tx = app.db().read().await?;
    if let Some(case) = case_of(text) {
        let case = store::case::get(&mut tx, &CaseId::from(case.to_owned())).await?;
        return Ok(case.map(|case| Behind {
            reference: case.reference,
            received_at: case.received_at,
            case: Some(case.id),
            delivery: None,
        }));
    }
    let reference = store::case::promised(&mut tx, account, text).await?;
    let delivery = store::inbox::whereabouts(&mut tx, account, text).await?;
    Ok(reference.zip(delivery).map(|(reference, delivery)| Behind {
        reference,
        received_at: delivery.received_at,
        case: delivery.case_id.clone(),
        delivery: Some(delivery),
    }))
}

/// The page of a private link that leads nowhere. One that was guessed or changed is on the audit trail, as long as not too many
/// come: nobody shall fill it.
async fn nowhere(
    app: &Shared,
    frame: Frame,
    token: &str,
    headers: &HeaderMap,
    peer: Peer,
) -> Result<Response, Trouble> {
    let policy = policy(app)?;
    if app.portal.pipeline.house.key.unseal(TRAIL, token).is_none() {
        metrics::counter!("beadle_links_refused_total").increment(1);
        attempt::by_a_stranger(app, client(policy, headers, peer), "trail").await?;
    }
    frame.gone()
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
    peer: Peer,
    Path(token): Path<String>,
) -> Result<Response, Trouble> {
    let public_url = &policy(&app)?.public_url;
    let frame = Frame::new(&app, &asked, &headers, &format!("/report/done/{token}"));
    let Some(report) = behind(&app, &token).await? else { return nowhere(&app, frame, &token, &headers, peer).await };
    let path = format!("/trail/{token}?lang={}", frame.code);
    let title = frame.w().done.clone();
    let page = DonePage {
        frame: frame.titled(&title, false),
        reference: report.reference.to_string(),
        link: format!("{public_url}{path}"),
        path,
        proof: report.delivery.and_then(|found| Chosen::of(&found.raw)).is_some_and(|chosen| chosen.email.is_some()),
    };
    Ok(html(&page)?.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_can_write_into_a_header_says_nothing_of_who_asks() {
        let mut policy = FormPolicy::new("form", "https://b.example");
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let peer = || Some(Extension(ConnectInfo(SocketAddr::new(address, 443))));
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "203.0.113.9".parse().unwrap());
        headers.append("x-forwarded-for", "10.0.0.1, 198.51.100.7".parse().unwrap());
        assert_eq!(client(&policy, &headers, peer()), address);
        policy.behind_proxy = true;
        assert_eq!(client(&policy, &headers, peer()).to_string(), "198.51.100.7", "the proxy's own word is the last");
        assert_eq!(client(&policy, &HeaderMap::new(), peer()), address);
    }
}
