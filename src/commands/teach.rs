//! `beadle learn`: learn from the council's own decisions, or go back to the model before.

use super::{Where, progress, say};
use crate::app;
use crate::core::{Clock, Ids};
use crate::learning::teacher::matcher::MatcherOutcome;
use crate::learning::teacher::{FEWEST, FEWEST_HELD_BACK, Outcome, Progress, Teacher};
use crate::store::lesson::Lesson;
use crate::store::matcher_lesson::MatcherLesson;
use anyhow::bail;
use clap::Args;
use serde_json::json;
use std::sync::Arc;

/// Who the audit trail says it was.
const OPERATOR: &str = "operator";

/// Learn from the council's own decisions.
#[derive(Debug, Args)]
pub struct TeachArgs {
    #[command(flatten)]
    place: Where,
    /// Learn also where there is little or nothing new to learn from. A model that is no better is never put to work.
    #[arg(long)]
    force: bool,
    /// Put the model to work that was in force before the present one.
    #[arg(long, conflicts_with = "force")]
    back: bool,
    /// Only what tells that two reports are about one problem: learn it from joins and undos, or with --back go back to the one
    /// before.
    #[arg(long)]
    matcher: bool,
    /// One JSON object instead.
    #[arg(long)]
    json: bool,
}

/// Learns or goes back, and says what came of it. A service that runs follows within a minute.
pub async fn teach(args: TeachArgs) -> anyhow::Result<u8> {
    let settings = args.place.settings()?;
    let (understanding, missing) = app::understanding(&settings)?;
    if understanding.encoder().is_none() {
        bail!("{}", missing.first().map_or("[model] enabled is false, and nothing can be learned without", |why| why));
    }
    let db = app::database(&settings).await?;
    let teacher = app::teacher(&settings, &db, &Clock::System, &Ids::Random, &understanding)?;
    if args.matcher {
        return teach_matcher(&teacher, &args).await;
    }
    if args.back {
        let lesson = teacher.back(OPERATOR, None).await?;
        say(match (&lesson, args.json) {
            (lesson, true) => {
                json!({"outcome": if lesson.is_some() { "back" } else { "shipped" }, "lesson": lesson}).to_string()
            }
            (Some(lesson), false) => {
                format!("Model {} is in force again, instead of {}.", lesson.model_after, lesson.model_before)
            }
            (None, false) => "The model that ships is in force: there is none before it.".to_owned(),
        });
        return Ok(0);
    }
    let outcome = teacher.learn(OPERATOR, args.force, telling()).await?;
    let of_matcher = teacher.learn_matcher(OPERATOR, args.force, telling()).await?;
    if args.json {
        let mut object = serde_json::to_value(&outcome)?;
        object["matcher"] = serde_json::to_value(&of_matcher)?;
        say(object.to_string());
    } else {
        say(in_words(&outcome));
        say(matcher_in_words(&of_matcher));
    }
    Ok(0)
}

fn telling() -> Progress {
    Arc::new(|what: &str| progress(what))
}

async fn teach_matcher(teacher: &Teacher, args: &TeachArgs) -> anyhow::Result<u8> {
    if args.back {
        let lesson = teacher.matcher_back(OPERATOR, None).await?;
        say(match (&lesson, args.json) {
            (lesson, true) => {
                json!({"outcome": if lesson.is_some() { "back" } else { "shipped" }, "lesson": lesson}).to_string()
            }
            (Some(lesson), false) => {
                format!("Matcher {} is in force again, instead of {}.", lesson.matcher_after, lesson.matcher_before)
            }
            (None, false) => "No matcher that was learned here is in force: there is none before it.".to_owned(),
        });
        return Ok(0);
    }
    let outcome = teacher.learn_matcher(OPERATOR, args.force, telling()).await?;
    say(if args.json { serde_json::to_string(&outcome)? } else { matcher_in_words(&outcome) });
    Ok(0)
}

fn matcher_in_words(outcome: &MatcherOutcome) -> String {
    match outcome {
        MatcherOutcome::TooFew { pairs, held_back } => format!(
            "People said of {} pairs of cases that they are one problem, and of {} that they are two; of {} and {} more, which are held \
             back to compare with. It takes {FEWEST} and {FEWEST_HELD_BACK}, of both kinds. The matcher was not changed.",
            pairs.0, pairs.1, held_back.0, held_back.1
        ),
        MatcherOutcome::NothingNew { .. } => {
            "No cases were joined or taken apart since the last lesson (--force learns again). The matcher was not changed."
                .to_owned()
        }
        MatcherOutcome::Busy => {
            "Another process is learning, or was cut short less than two hours ago. The matcher was not changed.".to_owned()
        }
        MatcherOutcome::Learned { lesson } => matcher_described(lesson),
    }
}

fn matcher_described(lesson: &MatcherLesson) -> String {
    let MatcherLesson { same, different, held_back, matcher_before, matcher_after, ap_before, ap_after, why, .. } =
        lesson;
    let put = if lesson.promoted { "It is in force" } else { "It is not put to work" };
    let right = |precision: Option<f64>| precision.map_or_else(|| "none joined".to_owned(), |p| format!("{p:.3}"));
    format!(
        "Learned from {same} pairs of cases that are one problem and {different} that are two. On {held_back} held back, matcher \
         {matcher_after} has an average precision of {ap_after:.3} (joined rightly: {}), matcher {matcher_before} {ap_before:.3} ({}). \
         {put}: {why}.",
        right(lesson.precision_after),
        right(lesson.precision_before),
    )
}

fn in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::TooFew { corrections, held_back } => format!(
            "There are {corrections} decisions to learn from and {held_back} held back to compare with; it takes {FEWEST} and {FEWEST_HELD_BACK}. Nothing was changed."
        ),
        Outcome::NothingNew { .. } => {
            "Nothing was decided since the last lesson (--force learns again). Nothing was changed.".to_owned()
        }
        Outcome::Busy => {
            "Another process is learning, or was cut short less than two hours ago. Nothing was changed.".to_owned()
        }
        Outcome::Learned { lesson } => described(lesson),
    }
}

fn described(lesson: &Lesson) -> String {
    let Lesson { corrections, held_back, right_before, right_after, model_before, model_after, why, .. } = lesson;
    let put = if lesson.promoted { "It is in force" } else { "It is not put to work" };
    let mut text = format!(
        "Learned from {corrections} corrections. Of {held_back} decisions held back, model {model_after} gets {right_after} right, model {model_before} {right_before}. {put}: {why}."
    );
    for (service, of) in &lesson.services.0 {
        text += &format!(
            "\n{service:32} {:>5} corrections  {:>4} held back  right before {:>4}  now {:>4}",
            of.corrections, of.held_back, of.right_before, of.right_after
        );
    }
    text
}
