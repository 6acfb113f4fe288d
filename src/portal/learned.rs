//! What was learned from the council's own decisions, in plain words.

use super::{App, Page, format, html, trouble::Trouble};
use crate::core::{CaseId, DecisionId, Taxonomy};
use crate::pipeline;
use crate::store::lesson::{Lesson, OfService, SHIPPED};
use crate::store::{self, Tx, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

/// Lessons on the page.
const SHOWN: i64 = 60;

/// One lesson.
struct LessonView {
    heading: String,
    machine_time: String,
    when: String,
    /// Whether its model was put to work, in words and as the look of a tag.
    tag: (&'static str, &'static str),
    text: String,
    services: Vec<ServiceView>,
}

/// What it meant for one service.
struct ServiceView {
    name: String,
    corrections: usize,
    held_back: usize,
    right_before: usize,
    right_after: usize,
    change: &'static str,
}

#[derive(Template)]
#[template(path = "learned.html")]
struct LearnedPage {
    page: Page,
    model: String,
    lessons: Vec<LessonView>,
}

pub(super) async fn page(State(app): State<App>, Extension(session): Extension<Session>) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let lessons = store::lesson::newest(&mut tx, SHOWN).await?;
    let in_force = store::lesson::in_force(&mut tx).await?;
    drop(tx);
    let understanding = &app.portal.pipeline.understanding;
    let rules = understanding.rules();
    let model = match (understanding.model_version(), in_force.as_str()) {
        (None, _) => "No trained model is at work: rules alone judge.".to_owned(),
        (Some(version), SHIPPED) => format!("At work is model {version}, as it ships."),
        (Some(version), wanted) if version == wanted => format!("At work is model {version}, learned here."),
        (Some(version), wanted) => format!("At work is model {version}; model {wanted} is to follow."),
    };
    let mut in_use = Some(in_force.as_str());
    let lessons = lessons.iter().map(|lesson| lesson_view(lesson, &mut in_use, &rules.taxonomy)).collect();
    Ok(html(&LearnedPage { page: Page::new(&app, &session, "learned", "What was learned"), model, lessons })?
        .into_response())
}

/// `in_use` is the model in force as long as no lesson was found that put it to work.
fn lesson_view(lesson: &Lesson, in_use: &mut Option<&str>, taxonomy: &Taxonomy) -> LessonView {
    let day = format::date(lesson.created_at);
    let mut view = LessonView {
        heading: day.clone(),
        machine_time: format::machine_time(lesson.created_at),
        when: format::when(lesson.created_at),
        tag: ("Not used", "quiet"),
        text: String::new(),
        services: Vec::new(),
    };
    if lesson.kind == "back" {
        view.tag = ("Went back", "waiting");
        view.text =
            format!("On {day} model {} was put to work again, instead of {}.", lesson.model_after, lesson.model_before);
        return view;
    }
    let used = if lesson.promoted && in_use.is_some_and(|model| model == lesson.model_after) {
        *in_use = None;
        view.tag = ("In use", "done");
        "It is in use.".to_owned()
    } else if lesson.promoted {
        view.tag = ("Was in use", "quiet");
        "It was put to work, and another one has taken its place since.".to_owned()
    } else {
        format!("It is not used, because {}.", lesson.why)
    };
    view.text = format!(
        "On {day} beadle learned from {}; of {} held back to compare with it now gets {} right, before {}. {used}",
        format::count(lesson.corrections, "correction", "corrections"),
        format::count(lesson.held_back, "decision", "decisions"),
        lesson.right_after,
        lesson.right_before,
    );
    let mut services: Vec<(&String, &OfService)> = lesson.services.0.iter().collect();
    // Those that changed stand first, the greatest change before the others.
    services.sort_by_key(|(_, of)| {
        (std::cmp::Reverse(of.right_after.abs_diff(of.right_before)), std::cmp::Reverse(of.corrections))
    });
    view.services =
        services.into_iter().map(|(service, of)| service_view(taxonomy.service_name(service), of)).collect();
    view
}

fn service_view(name: &str, of: &OfService) -> ServiceView {
    let change = match of.right_after.cmp(&of.right_before) {
        std::cmp::Ordering::Greater => "Gained",
        std::cmp::Ordering::Less => "Lost",
        std::cmp::Ordering::Equal => "As before",
    };
    ServiceView {
        name: name.to_owned(),
        corrections: of.corrections,
        held_back: of.held_back,
        right_before: of.right_before,
        right_after: of.right_after,
        change,
    }
}

/// The person's decision on the service of a case, where models learn from it, and what became of it.
pub(super) async fn taught(tx: &mut Tx, case: &CaseId) -> store::Result<Option<(DecisionId, String)>> {
    let Some(correction) = store::correction::of_case(tx, pipeline::ACTOR, case).await? else { return Ok(None) };
    let lesson = store::lesson::that_used(tx, correction.decided_at).await?;
    let line = match lesson {
        _ if correction.is_held_back() => "Held back: models are compared by it, and never learn from it".to_owned(),
        None => "Will be learned from at the next lesson".to_owned(),
        Some(lesson) => {
            let day = format::date(lesson.created_at);
            if lesson.promoted {
                format!("Learned from in model {} on {day}", lesson.model_after)
            } else {
                format!(
                    "Learned from on {day}, in a model that was no better and is not used; the next one learns from it too"
                )
            }
        }
    };
    Ok(Some((correction.decision, line)))
}
