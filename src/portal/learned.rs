//! What was learned from the council's own decisions, in plain words.

use super::{App, Done, Page, Shared, format, html, trouble::Trouble};
use crate::core::{CaseId, DecisionId, Taxonomy};
use crate::pipeline;
use crate::store::lesson::{Lesson, OfService, SHIPPED};
use crate::store::matcher_lesson::MatcherLesson;
use crate::store::{self, Tx, session::Session};
use askama::Template;
use async_trait::async_trait;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;

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

/// Who can put the models to work that were there before. What was learned stands on a floor of its own, so whoever puts the service together says
/// who that is.
#[async_trait]
pub trait Learner: Send + Sync {
    /// Goes back to the model before `from`; whether that was at work still, and there was one.
    ///
    /// # Errors
    /// When it cannot be used, or the database fails.
    async fn model_back(&self, actor: &str, from: &str) -> anyhow::Result<bool>;

    /// The same of what tells that reports are about one problem.
    ///
    /// # Errors
    /// When it cannot be used, or the database fails.
    async fn matcher_back(&self, actor: &str, from: &str) -> anyhow::Result<bool>;
}

/// Something that can be gone back from.
struct Back {
    href: &'static str,
    button: &'static str,
    /// What is at work, so that nobody goes back twice by pressing twice.
    from: String,
}

#[derive(Template)]
#[template(path = "learned.html")]
struct LearnedPage {
    page: Page,
    heading: &'static str,
    backs: Vec<Back>,
    model: String,
    matcher: String,
    lessons: Vec<LessonView>,
}

pub(super) async fn page(State(app): State<App>, Extension(session): Extension<Session>) -> Result<Response, Trouble> {
    draw(&app, Page::new(&app, &session, "learned", "What was learned"), "What was learned", false).await
}

/// `/admin/models`: the same for whoever administers, who can go back.
pub(super) async fn models(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let page = Page::new(&app, &session, "admin/models", "Models").with_notice(done.done.as_deref());
    draw(&app, page, "Models", true).await
}

#[derive(Deserialize)]
pub(super) struct AtWork {
    #[serde(default)]
    from: String,
}

/// Puts the model before the present one to work.
pub(super) async fn model_back(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(form): Form<AtWork>,
) -> Result<Redirect, Trouble> {
    let mut tx = app.db().read().await?;
    let present = store::lesson::in_force(&mut tx).await?;
    drop(tx);
    let learner = learner(&app, &present, &form.from)?;
    went_back(learner.model_back(&session.actor, &form.from).await)
}

/// Puts the matcher before the present one to work.
pub(super) async fn matcher_back(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(form): Form<AtWork>,
) -> Result<Redirect, Trouble> {
    let mut tx = app.db().read().await?;
    let present = store::matcher_lesson::in_force(&mut tx).await?;
    drop(tx);
    let learner = learner(&app, &present, &form.from)?;
    went_back(learner.matcher_back(&session.actor, &form.from).await)
}

/// Who goes back, if what is at work is still what the form was about. That is looked at again where it is changed.
fn learner<'a>(app: &'a Shared, present: &str, seen: &str) -> Result<&'a dyn Learner, Trouble> {
    let back_to = |trouble: Trouble| trouble.back_to("/admin/models", "Go to the models");
    if present != seen {
        return Err(back_to(Trouble::conflict("Another one is at work by now. Nothing was changed.")));
    }
    let none = "This portal was started without what learns, so nothing can be gone back to here.";
    app.portal.learner.as_deref().ok_or_else(|| back_to(Trouble::conflict(none)))
}

fn went_back(outcome: anyhow::Result<bool>) -> Result<Redirect, Trouble> {
    match outcome {
        Ok(true) => Ok(Redirect::to("/admin/models?done=went-back")),
        Ok(false) => Ok(Redirect::to("/admin/models?done=unchanged")),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the model before could not be put to work");
            let why = format!("The one before could not be put to work: {error:#}. Nothing was changed.");
            Err(Trouble::conflict(why).back_to("/admin/models", "Go to the models"))
        }
    }
}

async fn draw(app: &Shared, page: Page, heading: &'static str, may_go_back: bool) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let lessons = store::lesson::newest(&mut tx, SHOWN).await?;
    let in_force = store::lesson::in_force(&mut tx).await?;
    let of_matcher = store::matcher_lesson::newest(&mut tx, SHOWN).await?;
    let matcher_in_force = store::matcher_lesson::in_force(&mut tx).await?;
    drop(tx);
    let (in_force_now, matcher_now) = (in_force.clone(), matcher_in_force.clone());
    let understanding = &app.portal.pipeline.understanding;
    let rules = understanding.rules();
    let model = match (understanding.model_version(), in_force.as_str()) {
        (None, _) => "No trained model is at work: rules alone judge.".to_owned(),
        (Some(version), SHIPPED) => format!("At work is model {version}, as it ships."),
        (Some(version), wanted) if version == wanted => format!("At work is model {version}, learned here."),
        (Some(version), wanted) => format!("At work is model {version}; model {wanted} is to follow."),
    };
    let matcher = match (app.portal.pipeline.house.matcher.now().version.as_str(), matcher_in_force.as_str()) {
        (version, SHIPPED) => format!("Which reports are about one problem is told by matcher {version}, as it ships."),
        (version, wanted) if version == wanted => {
            format!("Which reports are about one problem is told by matcher {version}, learned here.")
        }
        (version, wanted) => {
            format!("Which reports are about one problem is told by matcher {version}; matcher {wanted} is to follow.")
        }
    };
    let (mut in_use, mut matcher_in_use) = (Some(in_force.as_str()), Some(matcher_in_force.as_str()));
    let lessons = lessons.iter().map(|l| (l.created_at, lesson_view(l, &mut in_use, &rules.taxonomy)));
    let of_matcher = of_matcher.iter().map(|l| (l.created_at, matcher_view(l, &mut matcher_in_use)));
    let mut lessons: Vec<_> = lessons.chain(of_matcher).collect();
    lessons.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let lessons = lessons.into_iter().map(|(_, view)| view).collect();
    let may_go_back = may_go_back && app.portal.learner.is_some();
    let back = |from: &str, href, button| {
        (may_go_back && from != SHIPPED).then(|| Back { href, button, from: from.to_owned() })
    };
    let of_model = back(&in_force_now, "/admin/models/back", "Go back to the model before");
    let of_matcher = back(&matcher_now, "/admin/models/matcher/back", "Go back to the matcher before");
    let backs = of_model.into_iter().chain(of_matcher).collect();
    Ok(html(&LearnedPage { page, heading, backs, model, matcher, lessons })?.into_response())
}

impl LessonView {
    fn of(at: DateTime<Utc>) -> Self {
        Self {
            heading: format::date(at),
            machine_time: format::machine_time(at),
            when: format::when(at),
            tag: ("Not used", "quiet"),
            text: String::new(),
            services: Vec::new(),
        }
    }

    /// Sets the tag of a lesson in which `after` was trained; what became of it, in a sentence. `in_use` is what is in force as long
    /// as no lesson was found that put it to work.
    fn used(&mut self, after: &str, promoted: bool, why: &str, in_use: &mut Option<&str>) -> String {
        if promoted && in_use.is_some_and(|model| model == after) {
            *in_use = None;
            self.tag = ("In use", "done");
            "It is in use.".to_owned()
        } else if promoted {
            self.tag = ("Was in use", "quiet");
            "It was put to work, and another one has taken its place since.".to_owned()
        } else {
            format!("It is not used, because {why}.")
        }
    }
}

fn matcher_view(lesson: &MatcherLesson, in_use: &mut Option<&str>) -> LessonView {
    let mut view = LessonView::of(lesson.created_at);
    let MatcherLesson { matcher_before, matcher_after, same, different, ap_before, ap_after, .. } = lesson;
    let day = view.heading.clone();
    if lesson.kind == "back" {
        view.tag = ("Went back", "waiting");
        view.text = format!("On {day} matcher {matcher_after} was put to work again, instead of {matcher_before}.");
        return view;
    }
    let used = view.used(matcher_after, lesson.promoted, &lesson.why, in_use);
    let joined = |precision: Option<f64>, recall: f64| match precision {
        Some(right) => format!("{}, of which {} rightly", format::percent(recall), format::percent(right)),
        None => "none".to_owned(),
    };
    view.text = format!(
        "On {day} beadle learned which reports are about one problem from {}, {same} of them one problem and {different} two. Tried on \
         {} held back to compare with, it tells them apart with an average precision of {ap_after:.2}, before {ap_before:.2}. Of those \
         that are one problem it would join without a person {}; before {}. {used}",
        format::count(
            same + different,
            "pair of cases that people joined or kept apart",
            "pairs of cases that people joined or kept apart"
        ),
        format::count(lesson.held_back, "pair", "pairs"),
        joined(lesson.precision_after, lesson.recall_after),
        joined(lesson.precision_before, lesson.recall_before),
    );
    view
}

/// `in_use` is the model in force as long as no lesson was found that put it to work.
fn lesson_view(lesson: &Lesson, in_use: &mut Option<&str>, taxonomy: &Taxonomy) -> LessonView {
    let mut view = LessonView::of(lesson.created_at);
    let day = view.heading.clone();
    if lesson.kind == "back" {
        view.tag = ("Went back", "waiting");
        view.text =
            format!("On {day} model {} was put to work again, instead of {}.", lesson.model_after, lesson.model_before);
        return view;
    }
    let used = view.used(&lesson.model_after, lesson.promoted, &lesson.why, in_use);
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
