//! The one who sees that corrections teach: trains from shipped messages and the council's decisions, puts a model to work
//! only where it is better on decisions held back, writes down what came of it, and can go back.
//!
//! Which model is in force stands in the database, so every process that shares it follows. One process trains at a time.

pub mod matcher;

use super::compare::{self, Looked};
use super::corrections::{self, Correction, Corrections};
use super::dataset::{self, Example};
use super::shelf::{Shelf, private_folder};
use super::{embeddings, simulate, train};
use crate::casework::matcher::InForce;
use crate::core::{Clock, DecisionId, Ids};
use crate::pipeline;
use crate::store::lesson::{Lesson, SHIPPED};
use crate::store::{self, Db, Tx};
use crate::understanding::Understanding;
use crate::understanding::classifier::{Classifier, Target};
use crate::understanding::encoder::Encoder;
use crate::understanding::known::{self, KnownCase};
use crate::understanding::models::Models;
use anyhow::{Context as _, bail};
use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use chrono_tz::Europe::London;
use matcher::MatcherOutcome;
use serde::Serialize;
use serde_json::json;
use sqlx::types::Json;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Fewest corrections to learn from; by night also the fewest new ones.
pub const FEWEST: usize = 20;
/// Fewest decisions held back that a comparison is worth making on.
pub const FEWEST_HELD_BACK: usize = 5;
/// After the hour that is set a night's lesson may begin so much later, and is else left to the next night.
const NIGHT: TimeDelta = TimeDelta::hours(4);
/// How long a lesson may take before another process may begin one.
const LEASE: TimeDelta = TimeDelta::hours(2);
const LEASE_KEY: &str = "learning.lease";
/// Key of the setting with the time of the last night in which it was asked whether there is something to learn.
const NIGHT_KEY: &str = "learning.night";
/// How much lower than the rest of the program the training's threads stand (nice).
const LOWER: i32 = 10;

/// Where things lie, and when.
#[derive(Clone, Debug)]
pub struct Means {
    /// Folder of the shipped messages.
    pub messages: PathBuf,
    /// File of the shipped pairs of reports.
    pub pairs: PathBuf,
    /// Folder of the shipped models.
    pub shipped: PathBuf,
    /// Folder that belongs to learning: models and kept embeddings.
    pub folder: PathBuf,
    /// When lessons are held by night, local time; none for never.
    pub nightly: Option<NaiveTime>,
    /// From this probability on the council joins cases without a person.
    pub join_above: f64,
    /// And from this one on it offers one to a person.
    pub maybe_above: f64,
}

/// Told what is being done.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// What came of being asked to learn.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// There are too few decisions.
    TooFew {
        /// To learn from.
        corrections: usize,
        /// Held back.
        held_back: usize,
    },
    /// Nothing, or by night too little, was decided since the last lesson.
    NothingNew {
        /// Decisions since then.
        new: usize,
    },
    /// Another process is at it.
    Busy,
    /// A model was trained and compared.
    Learned {
        /// What came of it.
        lesson: Box<Lesson>,
    },
}

/// What a step of the worker did.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// What is to be told of the model in force: another one, or one that cannot be used.
    pub model: Option<Result<String, String>>,
    /// The same of the matcher.
    pub matcher: Option<Result<String, String>>,
    /// How many known cases there are now, where they were read anew.
    pub known: Option<usize>,
    /// What came of the night's lesson, where it was time for one.
    pub lesson: Option<Outcome>,
    /// And of the one from joins and undos.
    pub matcher_lesson: Option<MatcherOutcome>,
}

/// What this process has done already.
#[derive(Debug)]
struct Done {
    model: AtWork,
    matcher: AtWork,
    /// The newest decision when the known cases were read.
    known: Option<Option<DecisionId>>,
}

/// What a process works with.
#[derive(Debug)]
struct AtWork {
    /// Its name in the database.
    name: String,
    /// One that could not be put to work.
    refused: Option<String>,
}

impl AtWork {
    fn shipped() -> Self {
        Self { name: SHIPPED.to_owned(), refused: None }
    }

    fn is(&self, name: &str) -> bool {
        self.name == name
    }

    fn is_now(&mut self, name: &str) {
        *self = Self { name: name.to_owned(), refused: None };
    }
}

/// Who asks for a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    ByNight,
    ByPerson { force: bool },
}

/// The teacher. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Teacher {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// New identifiers.
    pub ids: Ids,
    /// Name of this process.
    pub instance: String,
    /// What learns.
    pub understanding: Understanding,
    /// And what tells that two reports are about one problem.
    pub matcher: InForce,
    means: Arc<Means>,
    done: Arc<Mutex<Done>>,
}

impl Teacher {
    /// A teacher of an `understanding` that works with the shipped models, or none, and of the shipped `matcher`.
    #[must_use]
    pub fn new(
        db: Db,
        clock: Clock,
        ids: Ids,
        instance: String,
        understanding: Understanding,
        matcher: InForce,
        means: Means,
    ) -> Self {
        let done = Done { model: AtWork::shipped(), matcher: AtWork::shipped(), known: None };
        let (means, done) = (Arc::new(means), Arc::new(Mutex::new(done)));
        Self { db, clock, ids, instance, understanding, matcher, means, done }
    }

    /// The shelf of learned models.
    #[must_use]
    pub fn shelf(&self) -> Shelf {
        Shelf::new(self.means.folder.join("models"))
    }

    fn done<T>(&self, act: impl FnOnce(&mut Done) -> T) -> T {
        act(&mut self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One look around: which model is in force, whether cases were decided, whether it is time for the night's lesson.
    ///
    /// # Errors
    /// When the database or the lesson fails.
    pub async fn step(&self) -> anyhow::Result<Step> {
        let (model, matcher) = (self.follow().await?, self.follow_matcher().await?);
        let mut step = Step { model, matcher, known: self.refresh_known().await?, ..Step::default() };
        if self.understanding.encoder().is_some() && self.is_time_for_a_lesson().await? {
            let progress: Progress = Arc::new(|what| tracing::debug!("{what}"));
            let matcher = self.teach_matcher(pipeline::ACTOR, Asked::ByNight, Arc::clone(&progress)).await;
            // What goes wrong with one of them does not keep the other from being learned.
            step.lesson = Some(self.teach(pipeline::ACTOR, Asked::ByNight, progress).await?);
            step.matcher_lesson = Some(matcher?);
        }
        Ok(step)
    }

    /// Puts the model to work that the database says is in force. Where it cannot be had, the one at work stays, and the
    /// answer says so, once.
    ///
    /// # Errors
    /// What the database says.
    pub async fn follow(&self) -> store::Result<Option<Result<String, String>>> {
        let mut tx = self.db.read().await?;
        let wanted = store::lesson::in_force(&mut tx).await?;
        drop(tx);
        let Some(encoder) = self.understanding.encoder() else { return Ok(None) };
        if self.done(|done| done.model.is(&wanted) || done.model.refused.as_ref() == Some(&wanted)) {
            return Ok(None);
        }
        Ok(Some(match self.load(&wanted, encoder) {
            Ok(models) => {
                let version = models.service.card().version.clone();
                self.put_to_work(&wanted, models);
                Ok(format!("model {version} is in force"))
            }
            Err(why) => {
                self.done(|done| done.model.refused = Some(wanted.clone()));
                let at_work = self.understanding.model_version();
                let at_work = at_work.map_or_else(|| "rules alone judge".to_owned(), |v| format!("model {v} is used"));
                Err(format!(
                    "model {wanted}, which was learned here, cannot be used ({why}); {at_work} instead: put its folder back, or run `beadle learn --force` to learn it again"
                ))
            }
        }))
    }

    fn load(&self, version: &str, encoder: &Encoder) -> Result<Models, crate::understanding::classifier::ModelError> {
        if version == SHIPPED {
            return Models::load(&self.means.shipped, encoder.version());
        }
        let service = self.shelf().load(version, encoder.version())?;
        Ok(self.beside_danger(service))
    }

    /// The models at work, with another one for the services.
    fn beside_danger(&self, service: Classifier) -> Models {
        match self.understanding.models() {
            Some(models) => Models { service, ..(*models).clone() },
            None => Models::from(service),
        }
    }

    fn put_to_work(&self, name: &str, models: Models) {
        self.understanding.replace_models(models);
        self.done(|done| done.model.is_now(name));
    }

    /// Reads the decided cases anew where something was decided since they were last read; how many there are then.
    async fn refresh_known(&self) -> store::Result<Option<usize>> {
        let mut tx = self.db.read().await?;
        let latest = store::correction::latest(&mut tx).await?;
        if self.done(|done| done.known.as_ref() == Some(&latest)) {
            return Ok(None);
        }
        // Nothing can be compared with them where there is no encoder.
        let encoder = self.understanding.encoder().map(Encoder::version).unwrap_or_default();
        let cases = store::correction::encoded(&mut tx, pipeline::ACTOR, encoder, known::MOST as i64).await?;
        drop(tx);
        let cases: Vec<KnownCase> = cases
            .into_iter()
            .map(|case| KnownCase {
                reference: case.reference.to_string(),
                service: case.service,
                embedding: store::message::from_bytes(&case.embedding),
            })
            .collect();
        let count = cases.len();
        self.understanding.replace_known(cases);
        self.done(|done| done.known = Some(latest));
        Ok(Some(count))
    }

    /// Whether the hour has come and nobody asked yet in this night; who asks first is who teaches.
    async fn is_time_for_a_lesson(&self) -> store::Result<bool> {
        let Some(at) = self.means.nightly else { return Ok(false) };
        let now = self.clock.now();
        let began = latest_hour(now, at);
        if now - began >= NIGHT {
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        // Taken until the next night begins, and never given back.
        let first = store::setting::take(&mut tx, NIGHT_KEY, &self.instance, now, began + TimeDelta::hours(20)).await?;
        tx.commit().await?;
        Ok(first)
    }

    /// Learns now, because `actor` asks for it. With `force` also where there is little or nothing new to learn from; a model
    /// that is no better is never put to work.
    ///
    /// # Errors
    /// When there is no encoder or no model to compare with, files cannot be read or written, or the database fails.
    pub async fn learn(&self, actor: &str, force: bool, progress: Progress) -> anyhow::Result<Outcome> {
        self.follow().await?;
        self.teach(actor, Asked::ByPerson { force }, progress).await
    }

    async fn teach(&self, actor: &str, asked: Asked, progress: Progress) -> anyhow::Result<Outcome> {
        let mut tx = self.db.read().await?;
        let rules = self.understanding.rules();
        let corrections = corrections::read(&mut tx, &rules.taxonomy).await?;
        let last = store::lesson::last(&mut tx).await?;
        drop(tx);
        if let Some(too_little) = too_little(&corrections, last.as_ref(), asked) {
            return Ok(too_little);
        }
        let lesson = self.alone(self.teach_alone(actor, corrections, progress)).await?;
        Ok(lesson.map_or(Outcome::Busy, |lesson| Outcome::Learned { lesson: Box::new(lesson) }))
    }

    /// Holds a lesson while no other process does; none while one does.
    async fn alone<T>(&self, lesson: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<Option<T>> {
        let now = self.clock.now();
        let holder = format!("{} {}", self.instance, self.ids.uuid());
        let mut tx = self.db.begin().await?;
        let alone = store::setting::take(&mut tx, LEASE_KEY, &holder, now, now + LEASE).await?;
        tx.commit().await?;
        if !alone {
            return Ok(None);
        }
        let came_of_it = lesson.await;
        let mut tx = self.db.begin().await?;
        store::setting::give_back(&mut tx, LEASE_KEY, &holder).await?;
        tx.commit().await?;
        came_of_it.map(Some)
    }

    async fn teach_alone(&self, actor: &str, corrections: Corrections, progress: Progress) -> anyhow::Result<Lesson> {
        let before = self
            .understanding
            .model_version()
            .context("there is no model to compare with: see `beadle doctor` for why the shipped one is not at work")?;
        let until = corrections.until();
        let (learned, held_back) = (corrections.learned.len(), corrections.held_back.len());
        let training = Training {
            understanding: self.understanding.clone(),
            means: Arc::clone(&self.means),
            corrections,
            progress,
        };
        let trained = on_a_thread_of_its_own(move || training.train()).await?;
        let (better, why) = compare::is_better(&trained.before, &trained.after);
        let after = trained.model.card().version.clone();
        let lesson = Lesson {
            corrections: learned as i64,
            held_back: held_back as i64,
            right_before: trained.before.count() as i64,
            right_after: trained.after.count() as i64,
            log_before: trained.before.log,
            log_after: trained.after.log,
            promoted: better,
            why: why.to_owned(),
            services: Json(trained.services),
            decided_until: until,
            ..Lesson::new(&self.ids, "learned", actor, (&before, &after), self.clock.now())
        };
        if better {
            self.shelf().put(&after, |folder| trained.model.save(folder).map_err(anyhow::Error::msg))?;
        }
        let mut tx = self.db.begin().await?;
        self.write_down(&mut tx, &lesson, better.then_some(after.as_str())).await?;
        tx.commit().await?;
        if better {
            let models = self.beside_danger(trained.model);
            self.put_to_work(&after, models);
            if let Err(error) = self.shelf().prune(&[&after, &before]) {
                tracing::warn!(%error, "old models could not be taken away");
            }
        }
        Ok(lesson)
    }

    async fn write_down(&self, tx: &mut Tx, lesson: &Lesson, in_force: Option<&str>) -> store::Result<()> {
        store::lesson::insert(tx, lesson).await?;
        if let Some(version) = in_force {
            store::lesson::put_in_force(tx, version).await?;
        }
        let (action, object) = (format!("model {}", lesson.kind), format!("model:{}", lesson.model_after));
        let detail = json!({"before": lesson.model_before, "promoted": lesson.promoted});
        store::audit::write(tx, &self.ids, &lesson.actor, &action, &object, detail, lesson.created_at).await
    }

    /// Puts the model to work that was in force before the present one was learned; its lesson, or none where the shipped
    /// model is in force. With `from`, only where that one still is: who asks twice goes back once.
    ///
    /// # Errors
    /// When that model cannot be used, or the database fails.
    pub async fn back(&self, actor: &str, from: Option<&str>) -> anyhow::Result<Option<Lesson>> {
        let encoder = self.understanding.encoder().context("there is no sentence encoder: see `beadle doctor`")?;
        let mut tx = self.db.begin().await?;
        let present = store::lesson::in_force_to_change(&mut tx).await?;
        if present == SHIPPED || from.is_some_and(|from| from != present) {
            return Ok(None);
        }
        let learned = store::lesson::that_promoted(&mut tx, &present).await?;
        let before = learned.map_or_else(|| SHIPPED.to_owned(), |lesson| lesson.model_before);
        // What is not on the shelf is the model that ships, or has shipped.
        let name = if self.shelf().holds(&before) { before } else { SHIPPED.to_owned() };
        let models = self.load(&name, encoder)?;
        let version = models.service.card().version.clone();
        let lesson = Lesson {
            promoted: true,
            why: "a person asked for it".to_owned(),
            ..Lesson::new(&self.ids, "back", actor, (&present, &version), self.clock.now())
        };
        self.write_down(&mut tx, &lesson, Some(&name)).await?;
        tx.commit().await?;
        self.put_to_work(&name, models);
        Ok(Some(lesson))
    }
}

/// Why there is no lesson to be held, if so.
fn too_little(corrections: &Corrections, last: Option<&Lesson>, asked: Asked) -> Option<Outcome> {
    if asked == (Asked::ByPerson { force: true }) {
        let none = corrections.learned.is_empty();
        return none.then_some(Outcome::TooFew { corrections: 0, held_back: corrections.held_back.len() });
    }
    let (learned, held_back) = (corrections.learned.len(), corrections.held_back.len());
    if learned < FEWEST || held_back < FEWEST_HELD_BACK {
        return Some(Outcome::TooFew { corrections: learned, held_back });
    }
    let new = corrections.since(last.and_then(|lesson| lesson.decided_until));
    let enough = if asked == Asked::ByNight { FEWEST } else { 1 };
    (new < enough).then_some(Outcome::NothingNew { new })
}

/// The last time the clock on the council's wall showed this hour. An hour that a change of the clocks leaves out is taken
/// an hour later.
fn latest_hour(now: DateTime<Utc>, at: NaiveTime) -> DateTime<Utc> {
    let today = now.with_timezone(&London).date_naive();
    [Some(today), today.checked_sub_days(Days::new(1))]
        .into_iter()
        .flatten()
        .filter_map(|day| {
            let wall = day.and_time(at);
            let hour = |wall: chrono::NaiveDateTime| wall.and_local_timezone(London).earliest();
            hour(wall).or_else(|| hour(wall + TimeDelta::hours(1)))
        })
        .map(|hour| hour.to_utc())
        .find(|hour| *hour <= now)
        .unwrap_or(DateTime::UNIX_EPOCH)
}

/// Everything that a lesson needs away from the database.
struct Training {
    understanding: Understanding,
    means: Arc<Means>,
    corrections: Corrections,
    progress: Progress,
}

/// What it gives.
struct Trained {
    model: Classifier,
    before: Looked,
    after: Looked,
    services: std::collections::BTreeMap<String, store::lesson::OfService>,
}

/// Trains and compares on a thread that gives way to everything else, as do the threads it starts. It is not one of the
/// runtime's: those would keep the low standing for what comes after, and a stop would wait for them.
async fn on_a_thread_of_its_own<T, F>(train: impl FnOnce() -> F + Send + 'static) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>>,
{
    let runtime = tokio::runtime::Handle::current();
    let (answer, wait) = oneshot::channel();
    std::thread::Builder::new().name("learning".to_owned()).spawn(move || {
        if let Err(error) = rustix::process::nice(LOWER) {
            tracing::debug!(%error, "training stands as high as everything else");
        }
        // Who asked may have gone away; that is no fault.
        let _ = answer.send(runtime.block_on(train()));
    })?;
    wait.await.context("training ended by a fault in the program; please report it")?
}

impl Training {
    async fn train(self) -> anyhow::Result<Trained> {
        let encoder = self.understanding.encoder().context("there is no sentence encoder: see `beadle doctor`")?;
        let rules = self.understanding.rules();
        let tell = |what: &str| (self.progress)(what);
        let mut examples = dataset::read(&self.means.messages, Target::Service)
            .context("the messages that ship are needed too: set [learning] messages to their folder")?;
        // The council may have done away with a service.
        examples.retain(|example| rules.taxonomy.services.contains_key(&example.label));
        if examples.is_empty() {
            bail!("no message in {} is for a service of the rules", self.means.messages.display());
        }
        let shipped = examples.len();
        let Corrections { learned, held_back } = &self.corrections;
        examples.extend(learned.iter().map(|c| c.example.clone()));
        tell(&format!("{shipped} messages that ship, {} corrections", learned.len()));
        private_folder(&self.means.folder)?;
        let cache = Some(self.means.folder.as_path());
        let prepared = train::prepare(&examples, Target::Service, &rules, encoder, cache, &tell).await?;
        let (base, own): (Vec<usize>, Vec<usize>) = (0..prepared.len()).partition(|row| *row < shipped);
        drop(examples);
        let model = prepared.fit(&simulate::weighed(&base, &own), &tell)?.classifier;
        drop(prepared);
        tell(&format!("comparing on {} decisions held back", held_back.len()));
        let texts: Vec<String> = held_back.iter().map(text).collect();
        let embeddings = embeddings::of(&texts, encoder, cache, tell).await?;
        let models = self.understanding.models().context("the model in force is gone")?;
        let with_new = self.understanding.with_models(Models { service: model.clone(), ..(*models).clone() });
        // Compared with the one in force when the lesson began, whatever is put in force meanwhile.
        let with_old = self.understanding.with_models((*models).clone());
        with_old.prepare().await;
        with_new.prepare().await;
        let before = compare::look(&with_old, held_back, &embeddings);
        let after = compare::look(&with_new, held_back, &embeddings);
        let services = compare::services(learned, held_back, &before, &after);
        Ok(Trained { model, before, after, services })
    }
}

fn text(correction: &Correction) -> String {
    Example::question(&correction.example).text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nights_hour_is_that_of_the_clock_on_the_wall() {
        let hour = |now: &str, at: &str| latest_hour(now.parse().expect("a time"), at.parse().expect("an hour"));
        let at = |time: &str| time.parse::<DateTime<Utc>>().expect("a time");
        assert_eq!(hour("2026-01-10T02:59:00Z", "03:00:00"), at("2026-01-09T03:00:00Z"));
        assert_eq!(hour("2026-01-10T03:00:00Z", "03:00:00"), at("2026-01-10T03:00:00Z"));
        assert_eq!(hour("2026-07-10T02:00:00Z", "03:00:00"), at("2026-07-10T02:00:00Z"));
        // On 29 March 2026 the clocks go from one to two.
        assert_eq!(hour("2026-03-29T05:00:00Z", "01:30:00"), at("2026-03-29T01:30:00Z"));
    }
}
