//! What goes out when a case is closed, shown before it does: the case is closed, what was written is read, and all of it is taken back.

use super::HowItEnded;
use crate::casework::join;
use crate::core::{Party, Reference, Right};
use crate::desk::Desk;
use crate::outbox::closing::Ending;
use crate::outbox::compose::Composer;
use crate::portal::timeline::{OutgoingView, Trail, outgoing_view};
use crate::portal::trouble::Trouble;
use crate::portal::{App, Page, audit_reading, case_page, format, html, scope};
use crate::routing::consent::Consent;
use crate::store::outbox::Outgoing;
use crate::store::session::Session;
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::BTreeSet;

impl HowItEnded {
    /// Whether it was done, and what is told besides.
    ///
    /// # Errors
    /// When nothing says how it ended.
    pub(super) fn ending(&self) -> Result<Ending<'_>, Trouble> {
        let done = match self.done.as_str() {
            "yes" => true,
            "no" => false,
            _ => return Err(Trouble::bad("Say how it ended: it is done, or it ended otherwise.")),
        };
        Ok(Ending { done, words: &self.words })
    }
}

#[derive(Template)]
#[template(path = "close_preview.html")]
struct PreviewPage {
    page: Page,
    reference: Reference,
    /// `done` or `otherwise`, as it was chosen.
    ended: &'static str,
    ended_words: String,
    /// What the resident and the councillor of this case get.
    mails: Vec<OutgoingView>,
    /// Why the resident gets nothing; none where they do.
    nothing: Option<String>,
    /// How many others reported it, in words; none where nobody did.
    others: Option<String>,
}

/// `/cases/REFERENCE/close/preview`. Of those who are joined to the case only their number is said: they may be another councillor's.
pub(in crate::portal) async fn preview(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(reference): Path<String>,
    Form(form): Form<HowItEnded>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().begin().await?;
    let case = case_page::find(&mut tx, &reference).await?;
    let back = |trouble: Trouble| trouble.back_to_case(&case.reference);
    if Consent::of(&case.consent).is_private() {
        return Err(back(Trouble::conflict("Nobody is told: it is between the resident and the councillor.")));
    }
    let ending = form.ending().map_err(back)?;
    let (eyes, reach) = (scope::gatekeepers_eyes(&case), session.reach(Right::Cases));
    let before = Trail::of(&mut tx, case.clone(), &eyes, &reach).await?;
    let before: BTreeSet<_> = before.outgoing.into_iter().map(|o| o.id).collect();
    let pipeline = &app.portal.pipeline;
    let (rules, house) = (pipeline.understanding.rules(), &pipeline.house);
    let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &pipeline.ids };
    let actor = session.acting(case.councillor.as_deref());
    let closed = Desk { composer, now: app.now() }.close(&mut tx, &case.id, ending, &actor).await;
    closed.map_err(|refused| back(refused.into()))?;
    let after = Trail::of(&mut tx, case.clone(), &eyes, &reach).await?;
    let others = i64::try_from(join::all_children(&mut tx, &case.id).await?.len()).unwrap_or(i64::MAX);
    // Never committed: nothing of it is so.
    drop(tx);
    let object = format!("case:{}", case.id);
    audit_reading(&app, &session, "read case", &[object], json!({"before": "close"})).await?;
    let close = after.decisions.iter().rfind(|d| d.kind == "close");
    let nothing = close.and_then(|d| d.decided.0["resident"].as_str()).and_then(|said| said.strip_prefix("none: "));
    let template = PreviewPage {
        page: Page::new(&app, &session, "cases", format!("Before case {} is closed", case.reference)),
        reference: case.reference.clone(),
        ended: if ending.done { "done" } else { "otherwise" },
        ended_words: ending.words.trim().to_owned(),
        mails: after.outgoing.iter().filter(|o| !before.contains(&o.id)).map(mail).collect(),
        nothing: nothing.map(str::to_owned),
        others: (others > 0).then(|| format::count(others, "other person", "other people")),
    };
    Ok(html(&template)?.into_response())
}

fn mail(outgoing: &Outgoing) -> OutgoingView {
    let heading = match outgoing.party {
        Party::Resident => "To the resident",
        Party::Councillor => "To the councillor",
        _ => "To the department",
    };
    OutgoingView { heading, ..outgoing_view(outgoing) }
}
