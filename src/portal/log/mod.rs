//! `/log`: a gatekeeper writes down a call, or a visit at a surgery, and reads the reference out at once.
//!
//! Each page carries a seal with a number of its own, as the form on the web does: it is the delivery's name, so a call is stored
//! once however often it is sent.

mod fields;

use super::{App, Page, Shared, audit_reading, html, set_up, trouble::Trouble};
use crate::channels::text::phone;
use crate::core::{Channel, HearBy, Reach, Reference, Right, language};
use crate::intake::call::{ACCOUNT, Call};
use crate::store::{self, session::Session};
use crate::understanding::reply::FormWords;
use crate::understanding::rules::Rules;
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono_tz::Europe::London;
use fields::{Sent, Wrong, wrong};
use serde_json::json;
use std::sync::Arc;

/// What the seal of a page is for; its text is the name of the delivery.
const LOG: &str = "call log";
/// The same of the page that follows.
const DONE: &str = "call logged";

/// A language to answer in.
struct Tongue {
    code: &'static str,
    name: &'static str,
}

#[derive(Template)]
#[template(path = "log.html")]
struct LogPage {
    page: Page,
    rules: Arc<Rules>,
    token: String,
    sent: Sent,
    wrong: Vec<Wrong>,
    /// Key, name and wards of those who can be chosen.
    councillors: Vec<(String, String)>,
    /// Whether one of them has to be chosen: whoever writes it down acts for them.
    must_choose: bool,
    languages: Vec<Tongue>,
    /// Whether texts can be sent at all.
    texts: bool,
    /// Whether a link can confirm an email address.
    can_prove: bool,
}

impl LogPage {
    /// The words of the form on the web, of which the question of consent is read out.
    fn w(&self) -> &FormWords {
        self.rules.form_words("en").1
    }

    /// What is wrong with a field, if anything.
    fn error(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find(|w| w.field == field).map(|w| w.text.as_str())
    }

    /// What a field is described by: its hint, and its error where it has one.
    fn described(&self, field: &str, hint: &str) -> String {
        let error = if self.error(field).is_some() { format!("{field}-error") } else { String::new() };
        [hint, &error].into_iter().filter(|id| !id.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn hears_by(&self, how: &str) -> bool {
        self.sent.hear_by == how
    }

    fn consents(&self, choice: &str) -> bool {
        self.sent.consent == choice
    }

    fn chose(&self, councillor: &str) -> bool {
        self.sent.councillor == councillor
    }

    fn speaks(&self, code: &str) -> bool {
        self.sent.language == code
    }
}

/// `GET /log`.
pub(super) async fn page(State(app): State<App>, Extension(session): Extension<Session>) -> Result<Response, Trouble> {
    let now = app.now().with_timezone(&London);
    let only = match session.reach(Right::Cases) {
        Reach::Councillors(keys) if keys.len() == 1 => keys.concat(),
        _ => String::new(),
    };
    let sent = Sent {
        councillor: only,
        channel: Channel::Phone.as_str().to_owned(),
        date: now.format("%Y-%m-%d").to_string(),
        time: now.format("%H:%M").to_string(),
        language: "en".to_owned(),
        ..Sent::default()
    };
    draw(&app, &session, StatusCode::OK, fresh_token(&app), sent, Vec::new())
}

fn fresh_token(app: &Shared) -> String {
    app.portal.pipeline.house.key.seal(LOG, &app.ids().uuid().simple().to_string())
}

fn draw(
    app: &Shared,
    session: &Session,
    status: StatusCode,
    token: String,
    sent: Sent,
    wrong: Vec<Wrong>,
) -> Result<Response, Trouble> {
    let house = &app.portal.pipeline.house;
    let named = |name: &str, wards: &[String]| {
        if wards.is_empty() { name.to_owned() } else { format!("{name} ({})", wards.join(", ")) }
    };
    // Who acts for some councillors writes down calls for those.
    let reach = session.reach(Right::Cases);
    let theirs = house.council.councillors.iter().filter(|councillor| reach.has(Some(&councillor.id)));
    let title = if wrong.is_empty() { "Write down a call" } else { "Error: Write down a call" };
    let page = LogPage {
        page: Page::new(app, session, "log", title),
        rules: app.portal.pipeline.understanding.rules(),
        token,
        sent,
        wrong,
        must_choose: reach != Reach::All,
        councillors: theirs.map(|c| (c.id.clone(), named(&c.name, &c.wards))).collect(),
        languages: language::ANSWERED.iter().map(|code| Tongue { code, name: language::name(code) }).collect(),
        texts: !house.texts.is_empty(),
        can_prove: house.form.is_some(),
    };
    Ok((status, html(&page)?).into_response())
}

/// `POST /log`.
pub(super) async fn send(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(sent): Form<Sent>,
) -> Result<Response, Trouble> {
    let house = &app.portal.pipeline.house;
    let number = house.key.unseal(LOG, &sent.token).map(str::to_owned);
    let token = number.as_ref().map_or_else(|| fresh_token(&app), |_| sent.token.clone());
    if set_up::is_sample(&app) {
        let text = "Sample data is in, and a real call must not come among it. Whoever administers the portal can take it out first.";
        return draw(&app, &session, StatusCode::CONFLICT, token, sent, vec![Wrong::new("send", text)]);
    }
    let mut wrong = wrong(&sent, app.now(), !house.texts.is_empty());
    let reach = session.reach(Right::Cases);
    if reach != Reach::All && !reach.has(Some(&sent.councillor)) {
        wrong.push(Wrong::new("councillor", "Choose the councillor for whom you write it down"));
    }
    if !wrong.is_empty() {
        return draw(&app, &session, StatusCode::UNPROCESSABLE_ENTITY, token, sent, wrong);
    }
    let (Some((channel, call)), Some(number)) =
        (sent.call(&session.acting(Some(&sent.councillor)), &house.council), number)
    else {
        let text = "This page is not one of ours, or of another installation. Look it over and send it again.";
        return draw(&app, &session, StatusCode::FORBIDDEN, token, sent, vec![Wrong::new("send", text)]);
    };
    if !take(&app, channel, &number, &call).await? {
        let text = "Another call was written down from this page already. If this is a new one, send it again.";
        return draw(&app, &session, StatusCode::CONFLICT, fresh_token(&app), sent, vec![Wrong::new("send", text)]);
    }
    let link = house.key.seal(DONE, &number);
    Ok(Redirect::to(&format!("/log/{link}")).into_response())
}

/// Takes a call in, once; `false` where other words came from its page before.
async fn take(app: &Shared, channel: Channel, number: &str, call: &Call) -> store::Result<bool> {
    let (reference, new) = app.portal.collector.take_call(channel, number, call).await?;
    if !new {
        let mut tx = app.db().read().await?;
        let before = store::inbox::whereabouts(&mut tx, ACCOUNT, number).await?;
        return Ok(before.is_some_and(|before| before.raw == call.to_bytes()));
    }
    let mut tx = app.db().begin().await?;
    let (object, detail) = (format!("reference:{reference}"), json!({"channel": channel}));
    store::audit::write(&mut tx, app.ids(), &call.taken_by, "write down call", &object, detail, app.now()).await?;
    tx.commit().await?;
    Ok(true)
}

#[derive(Template)]
#[template(path = "log_done.html")]
struct DonePage {
    page: Page,
    reference: Reference,
    /// Whether it is a case by now.
    is_case: bool,
    /// What the caller can be told of how they hear from us.
    next: String,
}

/// `GET /log/TOKEN`: what follows. Loaded again it is the same page.
pub(super) async fn done(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(token): Path<String>,
) -> Result<Response, Trouble> {
    let missing = || Trouble::not_found("There is no call under this address.").back_to("/log", "Write down a call");
    let number = app.portal.pipeline.house.key.unseal(DONE, &token).ok_or_else(missing)?;
    let mut tx = app.db().read().await?;
    let reference = store::case::promised(&mut tx, ACCOUNT, number).await?.ok_or_else(missing)?;
    let found = store::inbox::whereabouts(&mut tx, ACCOUNT, number).await?.ok_or_else(missing)?;
    drop(tx);
    let call = Call::from_bytes(&found.raw).map_err(|_| missing())?;
    audit_reading(&app, &session, "read call", &[format!("reference:{reference}")], json!({})).await?;
    let page = DonePage {
        page: Page::new(&app, &session, "log", "Call written down"),
        reference,
        is_case: found.case_id.is_some(),
        next: next(&call, app.portal.pipeline.house.form.is_some()),
    };
    Ok(html(&page)?.into_response())
}

/// How the caller will hear from us, as it can be said to them.
fn next(call: &Call, can_prove: bool) -> String {
    let number = call.phone.as_deref().map(phone::national).unwrap_or_default();
    match call.hear_by {
        HearBy::Letter => {
            "They get a letter when the case is with its department, and one when it is closed. Print them under Letters."
                .to_owned()
        }
        HearBy::Ring => format!("Nothing is sent to them. When the case is closed, it asks you to ring {number}."),
        HearBy::Email if can_prove => "They get an email with a link. Once they have opened it, they hear by email. Nothing else goes \
                                       to that address before."
            .to_owned(),
        HearBy::Email => "Emails to that address wait until a person lets them go.".to_owned(),
        HearBy::Text => format!("Texts to {number} wait until a person lets them go."),
        HearBy::Nothing => "They get no news.".to_owned(),
    }
}
