//! A case for the councillor only, as the desk may see it: that it came, and that the councillor has it. Who wrote, what they wrote
//! and where they can be reached is not read for this page.

use super::format;
use super::list::{Choice, by_name};
use super::timeline::{self, Release};
use super::{Page, Shared, html, trouble::Trouble};
use crate::core::{CaseState, Party, Reference};
use crate::store::case::Case;
use crate::store::decision::Decision;
use crate::store::outbox::Outgoing;
use crate::store::{self, Tx};
use askama::Template;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

/// Where a case stands that is with its councillor.
pub(super) const STANDING: &str = "With the councillor";

/// What lets a message go.
const SEND: &str = "Send it";

/// One thing that happened.
struct Line {
    at: DateTime<Utc>,
    heading: String,
    tag: Option<(&'static str, &'static str)>,
    hint: Option<String>,
    release: Option<(String, Release)>,
}

impl Line {
    fn when(&self) -> String {
        format::when(self.at)
    }

    fn machine_time(&self) -> String {
        format::machine_time(self.at)
    }
}

#[derive(Template)]
#[template(path = "private.html")]
struct PrivatePage {
    page: Page,
    reference: Reference,
    title: String,
    state: CaseState,
    standing: &'static str,
    attention: Option<String>,
    councillor: Option<String>,
    /// Whether it waits for somebody to say whose it is.
    whose: Option<Vec<Choice>>,
    can_close: bool,
    lines: Vec<Line>,
}

/// Draws the page of a private case.
pub(super) async fn page(app: &Shared, mut tx: Tx, case: Case, page: Page) -> Result<Response, Trouble> {
    let messages = store::message::of_case(&mut tx, &case.id).await?;
    let decisions = store::decision::of_case(&mut tx, &case.id).await?;
    let outgoing = store::outbox::of_case(&mut tx, &case.id).await?;
    drop(tx);
    let council = &app.portal.pipeline.house.council;
    let came = messages.iter().map(|message| Line {
        at: message.received_at,
        heading: match message.party {
            Party::Councillor => "The councillor wrote".to_owned(),
            Party::Resident | Party::Department => format!("A message came ({})", message.channel.label()),
        },
        tag: None,
        hint: None,
        release: None,
    });
    let decided = decisions.iter().filter_map(decision_line);
    let mut lines: Vec<Line> = came.chain(decided).chain(outgoing.iter().map(outgoing_line)).collect();
    lines.sort_by_key(|line| line.at);
    let councillor = case.councillor.as_deref().and_then(|id| council.councillor(id));
    let waits = councillor.is_none() && case.routed_at.is_none() && case.state != CaseState::Closed;
    let choices = || by_name(council.councillors.iter().map(|c| Choice::new(&c.id, &c.name, "")));
    let drawn = PrivatePage {
        page,
        standing: standing(&case),
        councillor: councillor.map(|councillor| councillor.name.clone()),
        whose: waits.then(choices),
        can_close: case.state == CaseState::Routed || case.state == CaseState::Review && case.routed_at.is_some(),
        reference: case.reference,
        title: case.title,
        state: case.state,
        attention: case.attention,
        lines,
    };
    Ok(html(&drawn)?.into_response())
}

/// What people call where a private case stands.
pub(super) const fn standing(case: &Case) -> &'static str {
    match case.state {
        CaseState::Routed => STANDING,
        other => other.label(),
    }
}

/// What was done with it; why it was judged to be anything is nobody's business here.
fn decision_line(decision: &Decision) -> Option<Line> {
    let heading = match decision.kind.as_str() {
        "give" => "Given to the councillor",
        "consent" => "Kept for the councillor only",
        "close" => "Closed",
        "release" => "A message was let go",
        "seen" => "Noted as seen",
        "confirm" => "The address that was given was answered",
        "private" if decision.decided.0["unheeded"].is_string() => "Kept, and given to nobody",
        _ => return None,
    };
    let unheeded = decision.decided.0["unheeded"].as_str().map(format::sentence);
    let by = super::decided::actor(&decision.actor);
    let hint = Some(unheeded.unwrap_or(by));
    Some(Line { at: decision.created_at, heading: heading.to_owned(), tag: None, hint, release: None })
}

fn outgoing_line(outgoing: &Outgoing) -> Line {
    let heading = match outgoing.party {
        Party::Resident => timeline::purpose(&outgoing.purpose).to_owned(),
        Party::Councillor | Party::Department => "Message to the councillor".to_owned(),
    };
    Line {
        at: outgoing.created_at,
        heading,
        tag: Some(timeline::status(&outgoing.status)),
        hint: outgoing.reason.as_deref().map(format::sentence),
        // Whether it is from them nobody here can tell; what it says gives nothing away.
        release: timeline::release(outgoing)
            .map(|release| (outgoing.id.to_string(), Release { button: SEND, ..release })),
    }
}
