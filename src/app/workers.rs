//! What runs beside one another until the service stops.

use crate::collect::Collector;
use crate::core::Clock;
use crate::desk::retention::{self, Retention};
use crate::learning::teacher::matcher::MatcherOutcome;
use crate::learning::teacher::{Outcome, Teacher};
use crate::outbox::dispatch::{Dispatcher, Step};
use crate::pipeline::{Pipeline, Worked};
use crate::store::outbox::Fate;
use crate::store::{self, Db, audit};
use crate::understanding::Understanding;
use crate::understanding::rules::{Choice, Rules, RulesError};
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
/// Pause between looks for what has been kept for long enough.
const ERASE: Duration = Duration::from_secs(3_600);
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

/// Erases what has been kept for long enough, at once and then once an hour.
pub(super) async fn erase(pipeline: Pipeline, settings: Retention, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pause = match retention::step(&pipeline.db, &pipeline.ids, &settings, pipeline.clock.now()).await {
            Ok(done) if done == retention::Erased::default() => ERASE,
            Ok(done) => {
                tracing::info!(cases = done.cases, messages = done.messages, "erased what was kept for long enough");
                Duration::ZERO
            }
            Err(error) => {
                tracing::error!(%error, "what was kept for long enough could not be erased; the next try is in an hour");
                ERASE
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

/// Every rule file with its time of change.
pub(super) type Stamps = Vec<(PathBuf, Option<SystemTime>)>;

/// Who puts changed rules in force; rules that are wrong are refused aloud, and the old ones stay.
pub(super) struct RuleWatch {
    pub(super) understanding: Understanding,
    pub(super) root: PathBuf,
    pub(super) choice: Choice,
    /// The files as they were before the rules in force were loaded.
    pub(super) seen: Stamps,
    /// Pause between looks; without one it looks once, for what was changed while the service was put together.
    pub(super) every: Option<Duration>,
}

impl RuleWatch {
    /// Works until `stop`.
    pub(super) async fn until(mut self, stop: CancellationToken) {
        loop {
            self.look();
            let Some(every) = self.every else { return stop.cancelled().await };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    fn look(&mut self) {
        if let Some(read) = self.read() {
            self.put_in_force(read);
        }
    }

    /// The rules, where their files are others than those that were seen last.
    fn read(&self) -> Option<ReadRules> {
        let stamps = stamps(&self.root);
        (stamps != self.seen).then(|| ReadRules {
            stamps,
            before: self.understanding.rules(),
            rules: Rules::load(&self.root).and_then(|rules| rules.chosen(&self.choice)),
        })
    }

    /// Where somebody saved while these were read, they stand aside: what was saved is newer, and the next look reads it.
    fn put_in_force(&mut self, read: ReadRules) {
        if stamps(&self.root) != read.stamps {
            return;
        }
        match read.rules {
            Ok(rules) => {
                let (version, count, gone) = (rules.version.clone(), rules.len(), self.choice.gone(&rules.taxonomy));
                if !self.understanding.replace_rules_where(&read.before, rules) {
                    return;
                }
                tracing::info!(version, rules = count, "changed rules are in force");
                for what in gone {
                    tracing::warn!("{what}");
                }
            }
            Err(error) => tracing::error!(%error, "the changed rules are wrong; the old ones stay in force"),
        }
        self.seen = read.stamps;
    }
}

/// Rules that were read, the stamps of their files from before, and those that were in force then.
struct ReadRules {
    stamps: Stamps,
    before: Arc<Rules>,
    rules: Result<Rules, RulesError>,
}

/// Every rule file with its time of change, as it is now; of a link, the time of what it leads to.
pub(super) fn stamps(root: &Path) -> Stamps {
    let mut found: Vec<_> = [root.to_owned(), root.join("patterns"), root.join("replies"), root.join("form")]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.filter_map(Result::ok))
        // Not what is being written there, by an editor or by the portal, before it takes the name of a rule file.
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .map(|entry| (entry.path(), std::fs::metadata(entry.path()).ok()))
        .filter(|(_, about)| about.as_ref().is_none_or(std::fs::Metadata::is_file))
        .map(|(path, about)| (path, about.and_then(|about| about.modified().ok())))
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understanding::place::Places;

    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let there = to.join(path.file_name().unwrap());
            if path.is_dir() { copy(&path, &there) } else { std::fs::copy(&path, &there).map(drop).unwrap() }
        }
    }

    #[tokio::test]
    async fn rules_that_were_saved_after_the_others_were_loaded_are_in_force_at_the_first_look() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("rules");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"), &root);
        let seen = stamps(&root);
        let places = Places::load(None, None, None).unwrap();
        let understanding = Understanding::new(Rules::load(&root).unwrap(), None, None, places);
        let before = understanding.rules().version.clone();
        let watch = |seen: &Stamps| RuleWatch {
            understanding: understanding.clone(),
            root: root.clone(),
            choice: Choice::default(),
            seen: seen.clone(),
            every: None,
        };
        let stopped = CancellationToken::new();
        stopped.cancel();
        watch(&seen).until(stopped.clone()).await;
        assert_eq!(understanding.rules().version, before, "nothing was changed");
        let file = root.join("services.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, format!("{text}\n# Saved meanwhile.\n")).unwrap();
        watch(&seen).until(stopped).await;
        assert_eq!(understanding.rules().version, Rules::load(&root).unwrap().version);
        assert_ne!(understanding.rules().version, before);
    }

    #[test]
    fn rules_that_an_administrator_saves_while_the_files_are_read_stay_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("rules");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"), &root);
        let rules = Rules::load(&root).unwrap();
        let understanding = Understanding::new(rules, None, None, Places::load(None, None, None).unwrap());
        let file = root.join("services.toml");
        let save = |words: &str| {
            let text = std::fs::read_to_string(&file).unwrap();
            let new = tempfile::NamedTempFile::new_in(&root).unwrap();
            std::fs::write(new.path(), format!("{text}\n# {words}\n")).unwrap();
            new.persist(&file).unwrap();
        };
        let mut watch = RuleWatch {
            understanding: understanding.clone(),
            root: root.clone(),
            choice: Choice::default(),
            seen: stamps(&root),
            every: None,
        };
        let being_written = tempfile::NamedTempFile::new_in(root.join("patterns")).unwrap();
        assert!(watch.read().is_none(), "a file on its way is no rule");
        drop(being_written);

        save("By hand.");
        let read = watch.read().unwrap();
        save("By the administrator.");
        understanding.replace_rules(Rules::load(&root).unwrap());
        let saved = understanding.rules().version.clone();
        watch.put_in_force(read);
        assert_eq!(understanding.rules().version, saved, "what was read before is older");

        // The administrator's file is there, but not yet in force, as it is read; then it is both.
        save("Once more.");
        let read = watch.read().unwrap();
        let newest = Arc::new(Rules::load(&root).unwrap());
        let before = understanding.rules();
        assert!(understanding.replace_rules_where(&before, Rules::load(&root).unwrap()));
        watch.put_in_force(read);
        assert_eq!(understanding.rules().version, newest.version);
        assert!(watch.read().is_some(), "it reads them once more");
        watch.look();
        assert_eq!(understanding.rules().version, newest.version);
        assert!(watch.read().is_none());
    }
}
