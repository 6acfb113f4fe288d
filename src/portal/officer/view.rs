//! What an officer sees of a case: what their department was told, what was said since, and what they can do.

use super::super::format::{self, Due};
use super::super::list::{Choice, by_name};
use super::super::{Page, Shared, html, scope, trouble::Trouble};
use super::act::{Form, Refused};
use super::{Link, audit};
use crate::casework::join;
use crate::core::access::Field;
use crate::core::{NoteKind, Party};
use crate::desk::progress::first_later_day;
use crate::outbox::compose::Composer;
use crate::outbox::referral::{Referral, Told};
use crate::routing::deadline::received_date;
use crate::store::decision::Decision;
use crate::store::message::Message;
use crate::store::note::Note;
use crate::store::{self, Tx};
use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

/// Something that was said or done between the department and the desk.
struct Said {
    at: DateTime<Utc>,
    what: String,
    /// Whose words or doing it is; empty where `what` says it.
    who: String,
    words: String,
}

impl Said {
    fn when(&self) -> String {
        format::when(self.at)
    }

    fn machine_time(&self) -> String {
        format::machine_time(self.at)
    }
}

#[derive(Template)]
#[template(path = "officer.html")]
struct OfficerPage {
    page: Page,
    /// Address of this page.
    here: String,
    /// The seal of its forms.
    form: String,
    reference: String,
    title: String,
    /// ISO 639-1 code of what the resident is answered in.
    language: String,
    department: String,
    due: Due,
    referral: Referral,
    said: Vec<Said>,
    accepted: bool,
    departments: Vec<Choice>,
    first_day: String,
    refused: Option<Refused>,
    given: Form,
}

impl OfficerPage {
    /// What is wrong with what was sent by one of the forms.
    fn error(&self, what: &str) -> Option<&str> {
        self.refused.as_ref().filter(|refused| refused.what == what).map(|refused| refused.why.as_str())
    }
}

/// Draws the page; `refused` is what was sent and not done.
pub(super) async fn draw(
    app: &Shared,
    mut tx: Tx,
    link: &Link,
    notice: Option<&'static str>,
    refused: Option<(Refused, Form)>,
) -> Result<Response, Trouble> {
    let Link { case, department, token } = link;
    let pipeline = &app.portal.pipeline;
    let house = &pipeline.house;
    let rules = pipeline.understanding.rules();
    let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &pipeline.ids };
    let eyes = scope::officers_eyes(case);
    if [Field::Standing, Field::Words].into_iter().any(|field| !eyes.may_read(field)) {
        drop(tx);
        return super::draw_gone(app, link, "This case is not for this page.".to_owned(), None).await;
    }
    let also = join::all_children(&mut tx, &case.id).await?;
    let Some(Told { referral, since }) = composer.told(&mut tx, case, &also, department).await? else {
        drop(tx);
        let why = "Your department was not told of this case yet.".to_owned();
        return super::draw_gone(app, link, why, None).await;
    };
    let messages = store::message::of_case(&mut tx, &case.id).await?;
    let decisions = store::decision::of_case(&mut tx, &case.id).await?;
    let notes = store::note::of_case(&mut tx, &case.id).await?;
    drop(tx);
    audit(app, link, "read case").await?;
    let others: Vec<&str> =
        rules.taxonomy.departments.values().filter(|d| d.id != department.id).map(|d| d.email.as_str()).collect();
    let theirs = |m: &&Message| {
        let elsewhere =
            m.from_address.as_deref().is_some_and(|from| others.iter().any(|o| o.eq_ignore_ascii_case(from)));
        m.party == Party::Department && m.received_at >= since && !elsewhere
    };
    let mut said: Vec<Said> = messages.iter().filter(theirs).map(of_message).collect();
    said.extend(notes.iter().filter(|n| n.department.as_ref() == Some(&department.id)).map(of_note));
    let name = |id: &str| rules.taxonomy.department_name(id).to_owned();
    said.extend(decisions.iter().filter(|d| d.created_at >= since).filter_map(|d| of_decision(d, &name)));
    said.sort_by_key(|said| said.at);
    let accepted = decisions.iter().any(|d| d.kind == "take_on" && d.created_at >= since);
    let today = received_date(app.now());
    let mut page = Page::signed_out(app, &format!("Case {}", case.reference));
    page.notice = notice;
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    if refused.is_some() {
        page.title = format!("Error: {}", page.title);
    }
    let (refused, given) = refused.unzip();
    let given = given.unwrap_or_default();
    let other = rules.taxonomy.departments.values().filter(|d| d.id != department.id);
    let page = OfficerPage {
        page,
        here: format!("/officer/{token}"),
        form: super::act::fresh_form(app, token),
        reference: case.reference.to_string(),
        title: case.title.clone(),
        language: case.language.clone(),
        department: department.name.clone(),
        due: format::due(&case.due_on, true, today),
        referral,
        said,
        accepted,
        departments: by_name(other.map(|d| Choice::new(&d.id, &d.name, &given.to))),
        first_day: first_later_day(&case.due_on, today, &house.calendar).to_string(),
        refused,
        given,
    };
    Ok((status, html(&page)?).into_response())
}

fn of_message(message: &Message) -> Said {
    Said {
        at: message.received_at,
        what: "Your department wrote".to_owned(),
        who: message.from_name.clone().unwrap_or_default(),
        words: format::paragraphs(&message.body),
    }
}

fn of_note(note: &Note) -> Said {
    let (what, who) = match note.kind {
        NoteKind::AskResident => ("Question for the resident", note.actor.as_str()),
        NoteKind::AskDesk => ("Question to the council's case desk", note.actor.as_str()),
        NoteKind::Note | NoteKind::TellDepartment => ("From the council's case desk", ""),
    };
    Said { at: note.created_at, what: what.to_owned(), who: format::sentence(who), words: note.words.clone() }
}

fn of_decision(decision: &Decision, name: &dyn Fn(&str) -> String) -> Option<Said> {
    let decided = &decision.decided.0;
    let text = |key: &str| decided[key].as_str().unwrap_or_default();
    let (what, words) = match decision.kind.as_str() {
        "take_on" => ("Accepted".to_owned(), ""),
        "put_off" => (format!("New date: {}", format::day(text("due_on"))), text("why")),
        "chase" => ("The council asked when it will be done".to_owned(), ""),
        "hand_on" => (format!("Handed on by {}", name(text("from"))), text("why")),
        _ => return None,
    };
    let by_desk = matches!(decision.kind.as_str(), "chase") || !decision.actor.starts_with("officer of ");
    let who = if by_desk { String::new() } else { format::sentence(&decision.actor) };
    Some(Said { at: decision.created_at, what, who, words: words.to_owned() })
}
