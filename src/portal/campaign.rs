//! A campaign: how many people sent its letter, what each of them added, and one answer to all.

use super::last::{self, Last};
use super::list::only_of;
use super::review::WITH_SCRIPT;
use super::{App, Done, Page, audit_reading, case_page, format, html, scope, timeline, trouble::Trouble};
use crate::core::{CaseState, Reference};
use crate::desk::campaign::WAITS;
use crate::store::{self, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

/// Letters on a page.
const SHOWN: i64 = 100;
/// Campaigns in the list.
const LISTED: i64 = 100;

struct Row {
    reference: Reference,
    title: String,
    language: String,
    state: CaseState,
    letters: i64,
    since: String,
}

#[derive(Template)]
#[template(path = "campaigns.html")]
struct ListPage {
    page: Page,
    rows: Vec<Row>,
}

pub(super) async fn list(State(app): State<App>, Extension(session): Extension<Session>) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let campaigns = store::campaign::list(&mut tx, LISTED).await?;
    drop(tx);
    audit_reading(&app, &session, "read list", &["campaigns".to_owned()], json!({"campaigns": campaigns.len()}))
        .await?;
    let rows = campaigns.into_iter().map(|campaign| Row {
        reference: campaign.reference,
        title: campaign.title,
        language: campaign.language,
        state: campaign.state,
        letters: campaign.letters,
        since: format::when(campaign.formed_at),
    });
    let page = Page::new(&app, &session, "campaigns", "Campaigns");
    Ok(html(&ListPage { page, rows: rows.collect() })?.into_response())
}

struct LetterView {
    reference: Reference,
    link: String,
    name: String,
    added: String,
    language: String,
    when: String,
}

#[derive(Template)]
#[template(path = "campaign.html")]
struct CampaignPage {
    page: Page,
    /// What was decided last, while it can be taken back.
    last: Option<Last>,
    reference: Reference,
    title: String,
    language: String,
    state: CaseState,
    /// Letters, the first one among them.
    count: i64,
    /// Acknowledgements that wait for a person.
    waiting: i64,
    open: bool,
    words: String,
    letters: Vec<LetterView>,
    /// Letters, the first one apart, that they may read.
    listed: i64,
    /// How many they may not, in words.
    others: String,
    hides: bool,
    /// Which of the letters are shown, from 1.
    from: i64,
    to: i64,
    before: Option<i64>,
    next: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    page: i64,
}

pub(super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(reference): Path<String>,
    Query(which): Query<Which>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let case = case_page::find(&mut tx, &reference).await?;
    if !store::campaign::is_one(&mut tx, &case.id).await? {
        return Err(Trouble::not_found(format!("Case {} is no campaign.", case.reference)));
    }
    let count = store::campaign::joined(&mut tx, &case.id).await?;
    // One letter goes to many councillors: who acts for some of them reads what came to those.
    let of = only_of(&session, app.now());
    let listed = store::campaign::joined_of(&mut tx, &case.id, of.as_ref()).await?;
    let number = which.page.clamp(0, listed / SHOWN);
    let letters = store::campaign::letters(&mut tx, &case.id, of.as_ref(), SHOWN, number * SHOWN).await?;
    let waiting = store::campaign::held(&mut tx, &case.id, WAITS).await?;
    let last = last::on(&mut tx, &session, &case, app.now()).await?;
    let words = timeline::first_words(&mut tx, &case, &scope::gatekeepers_eyes(&case)).await?.unwrap_or_default();
    drop(tx);
    let mut read = vec![format!("case:{}", case.id)];
    read.extend(letters.iter().map(|letter| format!("case:{}", letter.case_id)));
    audit_reading(&app, &session, "read campaign", &read, json!({"letters": letters.len()})).await?;
    let shown = i64::try_from(letters.len()).unwrap_or(SHOWN);
    let title = format!("Campaign {}", case.reference);
    let view = CampaignPage {
        page: Page::new(&app, &session, "campaigns", title).with_notice(done.done.as_deref()),
        last,
        reference: case.reference,
        title: case.title,
        language: case.language,
        state: case.state,
        count: count + 1,
        waiting,
        open: !matches!(case.state, CaseState::Closed | CaseState::Joined),
        words,
        letters: letters
            .into_iter()
            .map(|letter| LetterView {
                reference: letter.reference,
                link: letter.link,
                name: letter.name.unwrap_or_else(|| "No name given".to_owned()),
                added: letter.added,
                language: letter.language,
                when: format::when(letter.received_at),
            })
            .collect(),
        from: number * SHOWN + 1,
        to: number * SHOWN + shown,
        before: (number > 0).then(|| number - 1),
        next: ((number + 1) * SHOWN < listed).then(|| number + 1),
        listed,
        others: format::count(count - listed, "letter", "letters"),
        hides: count > listed,
    };
    let mut response = html(&view)?.into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(WITH_SCRIPT));
    Ok(response)
}
