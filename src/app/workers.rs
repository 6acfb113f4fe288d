//! What runs beside one another until the service stops.

use crate::collect::Collector;
use crate::core::Clock;
use crate::learning::teacher::matcher::MatcherOutcome;
use crate::learning::teacher::{Outcome, Teacher};
use crate::outbox::dispatch::{Dispatcher, Step};
use crate::pipeline::{Pipeline, Worked};
use crate::store::outbox::Fate;
use crate::store::{self, Db, audit};
use crate::understanding::Understanding;
use crate::understanding::rules::{Choice, Rules};
use chrono::TimeDelta;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Pause between looks where nothing rings.
const IDLE: Duration = Duration::from_millis(500);
/// Pause between looks for what is to be sealed.
const SEAL: Duration = Duration::from_secs(2);
/// Pause between looks into the spool.
const SPOOL: Duration = Duration::from_secs(1);
/// Pause after one that failed.
const SPOOL_AGAIN: Duration = Duration::from_secs(5);
/// Pause between the teacher's looks.
const LOOK_AROUND: Duration = Duration::from_secs(60);

/// The pipeline's worker.
pub(super) async fn work(pipeline: Pipeline, bell: Arc<Notify>, batch: usize, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pause = match pipeline.step(batch).await {
            Ok(worked) if worked.is_idle() => IDLE,
            Ok(worked) => {
                count(worked);
                continue;
            }
            Err(error) => {
                tracing::error!(%error, "the inbox cannot be worked on; trying again");
                Duration::from_secs(5)
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = bell.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn count(worked: Worked) {
    for (how, n) in [("done", worked.done), ("quarantined", worked.quarantined), ("put_back", worked.put_back)] {
        metrics::counter!("beadle_messages_worked_on_total", "how" => how).increment(n as u64);
    }
}

/// The dispatcher's worker.
pub(super) async fn send(dispatcher: Dispatcher, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pause = match dispatcher.step().await {
            Ok(Step::Idle) => IDLE,
            Ok(Step::LeaseLost(id)) => {
                tracing::warn!(outbox = %id, "a send took longer than its lease");
                continue;
            }
            // Its turn comes within a second or so; nothing was tried.
            Ok(Step::Tried(_, Fate::NotYet(_))) => continue,
            Ok(Step::Tried(id, fate)) => {
                let how = match &fate {
                    Fate::Sent => "sent",
                    Fate::Again(..) | Fate::NotYet(_) => "again",
                    Fate::Uncertain(_) => "uncertain",
                    Fate::Failed(_) => "failed",
                };
                metrics::counter!("beadle_mail_total", "how" => how).increment(1);
                match fate {
                    Fate::Sent | Fate::NotYet(_) => {}
                    Fate::Again(_, why) | Fate::Uncertain(why) | Fate::Failed(why) => {
                        tracing::warn!(outbox = %id, how, why, "a mail has not gone");
                    }
                }
                continue;
            }
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be worked on; trying again");
                Duration::from_secs(5)
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The spool's worker: at the start, and whenever something was kept.
pub(super) async fn empty_spool(collector: Collector, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let emptied = tokio::select! {
            // What is cut short waits for the next start.
            () = stop.cancelled() => return,
            emptied = collector.empty_spool() => emptied,
        };
        let pause = match emptied {
            Ok(_) => SPOOL,
            Err(error) => {
                tracing::warn!(%error, "what providers posted waits; trying again");
                SPOOL_AGAIN
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Seals the audit trail: all that is open at the start, then what was written lately.
pub(super) async fn seal(db: Db, clock: Clock, stop: CancellationToken) {
    let mut since = None;
    while !stop.is_cancelled() {
        let now = clock.now();
        let sealed = async {
            let mut tx = db.begin().await?;
            let sealed = audit::seal(&mut tx, since).await?;
            tx.commit().await?;
            store::Result::Ok(sealed)
        };
        let pause = match sealed.await {
            Ok(0) => {
                // A transaction that began before may still commit rows of then.
                since = Some(now - TimeDelta::hours(1));
                SEAL
            }
            Ok(_) => continue,
            // Another process was sealing: its seals stand.
            Err(error) => {
                tracing::debug!(%error, "the audit trail was not sealed; trying again");
                SEAL
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The teacher's worker.
pub(super) async fn teach(teacher: Teacher, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let step = tokio::select! {
            // A lesson that is cut short is held again: its lease runs out.
            () = stop.cancelled() => return,
            step = teacher.step() => step,
        };
        match step {
            Ok(step) => {
                for followed in [step.model, step.matcher].into_iter().flatten() {
                    match followed {
                        Ok(what) => tracing::info!("{what}"),
                        Err(what) => tracing::warn!("{what}"),
                    }
                }
                if let Some(Outcome::Learned { lesson }) = step.lesson {
                    let (before, after) = (&lesson.model_before, &lesson.model_after);
                    tracing::info!(
                        before,
                        after,
                        promoted = lesson.promoted,
                        corrections = lesson.corrections,
                        "learned"
                    );
                }
                if let Some(MatcherOutcome::Learned { lesson }) = step.matcher_lesson {
                    let (before, after) = (&lesson.matcher_before, &lesson.matcher_after);
                    let pairs = lesson.same + lesson.different;
                    tracing::info!(
                        before,
                        after,
                        promoted = lesson.promoted,
                        pairs,
                        "learned which reports are one problem"
                    );
                }
            }
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "learning failed; the next look is in a minute, the next lesson in the next night"
            ),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK_AROUND) => {}
        }
    }
}

/// Puts changed rules in force; rules that are wrong are refused aloud, and the old ones stay.
pub(super) async fn watch_rules(
    understanding: Understanding,
    root: PathBuf,
    choice: Choice,
    every: Duration,
    stop: CancellationToken,
) {
    let mut seen = stamps(&root);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let now = stamps(&root);
        if now == seen {
            continue;
        }
        seen = now;
        match Rules::load(&root).and_then(|rules| rules.chosen(&choice)) {
            Ok(rules) => {
                tracing::info!(version = rules.version, rules = rules.len(), "changed rules are in force");
                understanding.replace_rules(rules);
            }
            Err(error) => tracing::error!(%error, "the changed rules are wrong; the old ones stay in force"),
        }
    }
}

/// Every rule file with its time of change.
fn stamps(root: &Path) -> Vec<(PathBuf, Option<SystemTime>)> {
    let mut found: Vec<_> = [root.to_owned(), root.join("patterns"), root.join("replies"), root.join("form")]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.filter_map(Result::ok))
        .map(|entry| (entry.path(), entry.metadata().and_then(|m| m.modified()).ok()))
        .collect();
    found.sort();
    found
}
