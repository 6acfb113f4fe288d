//! What somebody does on the private page of their report: they add to it, need it no more, or say how content they are. Each form
//! carries a seal of that page, and nothing is done twice.

use super::super::{App, Shared, trouble::Trouble};
use super::fields::{self, Sent, Wrong};
use super::frame::{Asked, Frame};
use super::trail::{Given, draw, purpose};
use super::{Behind, Peer, Refused, behind, client, minutes, nowhere, number, policy, read, take};
use crate::core::{CaseId, Party};
use crate::desk::resident::{Ended, Rated};
use crate::desk::{Desk, DeskError};
use crate::intake::form::{Chosen, FormPolicy};
use crate::outbox::compose::Composer;
use crate::routing::consent::Consent;
use crate::store;
use crate::understanding::Question;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, TimeDelta, Utc};
use std::net::IpAddr;

/// Why something was not done.
enum Undone {
    /// This is wrong with what was sent.
    Wrong(Vec<Wrong>),
    /// It could not be taken in.
    Refused(Refused),
    /// Something failed.
    Failed(Trouble),
}

impl<E: Into<Trouble>> From<E> for Undone {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A form of a private page that was sent.
struct Act<'a> {
    app: &'a Shared,
    policy: &'a FormPolicy,
    frame: &'a Frame,
    report: &'a Behind,
    /// The number of its seal, and when that was drawn.
    number: (String, DateTime<Utc>),
    from: IpAddr,
}

/// `POST /trail/TOKEN`.
pub(super) async fn act(
    State(app): State<App>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    peer: Peer,
    Path(token): Path<String>,
    multipart: Multipart,
) -> Result<Response, Trouble> {
    let policy = policy(&app)?;
    let frame = Frame::new(&app, &asked, &headers, &format!("/trail/{token}"));
    let Some(report) = behind(&app, &token).await? else { return nowhere(&app, frame, &token, &headers, peer).await };
    let mut sent = read(&app, policy, multipart).await?;
    let number = number(&app, policy, &purpose(&token), &sent.token);
    let seal = number.is_some().then(|| sent.token.clone());
    let done = match number {
        Some(number) => {
            let from = client(policy, &headers, peer);
            Act { app: &app, policy, frame: &frame, report: &report, number, from }.take(&mut sent).await
        }
        None => Err(Undone::Refused(Refused::Old)),
    };
    let refused = match done {
        Ok(said) => {
            let there = format!("/trail/{token}?lang={}&said={said}", frame.code);
            return Ok(Redirect::to(&there).into_response());
        }
        Err(Undone::Failed(trouble)) => return Err(trouble),
        Err(Undone::Wrong(wrong)) => {
            let given = Given { status: StatusCode::UNPROCESSABLE_ENTITY, seal, sent, wrong };
            return draw(&app, frame, &token, &report, None, given).await;
        }
        Err(Undone::Refused(refused)) => refused,
    };
    let (w, p) = (frame.w(), &frame.w().trail_page);
    let (status, text, seal) = match &refused {
        Refused::Old => (StatusCode::FORBIDDEN, p.e_old.clone(), None),
        Refused::Quick => (StatusCode::UNPROCESSABLE_ENTITY, w.e_quick.clone(), seal),
        Refused::Sent => (StatusCode::CONFLICT, w.e_sent.clone(), None),
        Refused::Busy(wait) => (StatusCode::TOO_MANY_REQUESTS, frame.fill(&p.e_busy, "minutes", &minutes(*wait)), seal),
        Refused::Away => (StatusCode::SERVICE_UNAVAILABLE, p.e_away.clone(), seal),
    };
    let wrong = vec![Wrong { field: button(&sent), text }];
    let mut response = draw(&app, frame, &token, &report, None, Given { status, seal, sent, wrong }).await?;
    if let Refused::Busy(wait) = refused {
        response.headers_mut().insert(header::RETRY_AFTER, wait.num_seconds().max(1).into());
    }
    Ok(response)
}

/// The button that a form was sent with: where to do it once more.
fn button(sent: &Sent) -> &'static str {
    match sent.act.as_str() {
        "withdraw" => "withdraw",
        "solved" => "solved",
        "rate" => "rate",
        _ => "add",
    }
}

impl Act<'_> {
    /// Does what was asked for; what the page says of it then.
    async fn take(&self, sent: &mut Sent) -> Result<&'static str, Undone> {
        match sent.act.as_str() {
            "add" => self.add(sent).await,
            "withdraw" => self.end(false).await,
            "solved" => self.end(true).await,
            "rate" => self.rate(sent).await,
            _ => Err(Trouble::of_status(StatusCode::BAD_REQUEST).into()),
        }
    }

    /// Adds words or files: they come in as every message does, under the token that proves whose case they are about.
    async fn add(&self, sent: &mut Sent) -> Result<&'static str, Undone> {
        let house = &self.app.portal.pipeline.house;
        let wrong = fields::wrong_later(sent, self.frame, self.policy, &house.limits);
        if !wrong.is_empty() {
            return Err(Undone::Wrong(wrong));
        }
        let answers = house.key.sign(&self.report.reference, Party::Resident);
        let form = sent.later(&self.frame.code, self.consent().await?, answers);
        let (number, drawn) = &self.number;
        let new = take(self.app, self.policy, number, *drawn, &form, self.from).await.map_err(Undone::Refused)?;
        if new {
            self.audit_adding().await?;
        }
        Ok("added")
    }

    async fn audit_adding(&self) -> store::Result<()> {
        let object = self.report.case.as_ref().map_or_else(|| "trail".to_owned(), |case| format!("case:{case}"));
        let (actor, app) = (Party::Resident.as_str(), self.app);
        let mut tx = app.db().begin().await?;
        store::audit::write(&mut tx, app.ids(), actor, "add", &object, serde_json::json!({}), app.now()).await?;
        tx.commit().await
    }

    /// What the resident allows: what their case says, else what they chose on the form.
    async fn consent(&self) -> Result<Consent, Undone> {
        if let Some(id) = &self.report.case {
            let mut tx = self.app.db().read().await?;
            if let Some(case) = store::case::get(&mut tx, id).await? {
                return Ok(Consent::of(&case.consent));
            }
        }
        let chosen = self.report.delivery.as_ref().and_then(|found| Chosen::of(&found.raw));
        Ok(chosen.map_or(Consent::Neither, |chosen| chosen.consent))
    }

    /// The case, and that not too much comes from there.
    async fn case(&self) -> Result<&CaseId, Undone> {
        let case = self.report.case.as_ref().ok_or_else(|| Trouble::of_status(StatusCode::CONFLICT))?;
        let wait = self.app.form.throttle.lock().await.admit(self.from, self.app.now(), self.policy);
        wait.map_or(Ok(case), |wait: TimeDelta| Err(Undone::Refused(Refused::Busy(wait))))
    }

    async fn end(&self, solved: bool) -> Result<&'static str, Undone> {
        let case = self.case().await?;
        let ended = self.desk(async |desk, tx| desk.end_for_resident(tx, case, solved).await).await?;
        Ok(match ended {
            Ended::Closed => "closed",
            Ended::Left => "left",
            Ended::Asked => "noted",
        })
    }

    async fn rate(&self, sent: &Sent) -> Result<&'static str, Undone> {
        let Some(score) = sent.score.parse().ok().filter(|score| (1..=5).contains(score)) else {
            let text = self.frame.w().trail_page.e_rate.clone();
            return Err(Undone::Wrong(vec![Wrong { field: "score", text }]));
        };
        if let Some(long) = fields::too_long(sent, self.frame) {
            return Err(Undone::Wrong(vec![Wrong { field: "words", ..long }]));
        }
        let case = self.case().await?;
        let words = crate::intake::text::normalise(sent.problem.trim());
        let worry = !words.is_empty() && self.worries(&words).await;
        let rated = Rated { score, words: &words, worry };
        self.desk(async |desk, tx| desk.rate(tx, case, rated).await).await?;
        Ok("rated")
    }

    /// Whether words read as if somebody were in danger: nobody else looks at them for that.
    async fn worries(&self, words: &str) -> bool {
        let question = Question { body: words.to_owned(), ..Question::default() };
        let understanding = &self.app.portal.pipeline.understanding;
        let verdicts = understanding.judge_by(&understanding.rules(), &[question]).await;
        verdicts.iter().any(|verdict| !verdict.concerns.is_empty())
    }

    /// Takes a step at the desk, for good once it is whole.
    async fn desk<T>(
        &self,
        step: impl AsyncFnOnce(Desk<'_>, &mut store::Tx) -> Result<T, DeskError>,
    ) -> Result<T, Undone> {
        let pipeline = &self.app.portal.pipeline;
        let (house, rules) = (&pipeline.house, pipeline.understanding.rules());
        let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &pipeline.ids };
        let away = |error: store::StoreError| {
            tracing::error!(%error, "what a resident did on their private page could not be stored; they are asked to do it again");
            Undone::Refused(Refused::Away)
        };
        let mut tx = self.app.db().begin().await.map_err(away)?;
        let done = match step(Desk { composer, now: self.app.now() }, &mut tx).await {
            Err(DeskError::Store(error)) => return Err(away(error)),
            done => done?,
        };
        tx.commit().await.map_err(away)?;
        Ok(done)
    }
}
