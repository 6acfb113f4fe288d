//! The whole service, put together: what is missing is said, and the rest goes on.

pub mod front;
mod workers;

use crate::casework::matcher::{InForce, Matcher};
use crate::casework::search;
use crate::channels::openid::SignOn;
use crate::channels::smtp::{Outgoing, Smtp};
use crate::channels::text::TextProvider;
use crate::collect::Collector;
use crate::collect::spool::Spool;
use crate::config::{Settings, form::FormSettings, set_up};
use crate::core::{Channel, Clock, Ids, TokenKey};
use crate::learning::teacher::Teacher;
use crate::outbox::dispatch::{Dispatcher, Step};
use crate::pipeline::{House, Pipeline};
use crate::portal::set_up::{Change, Kept, Line, SetUp, Wish};
use crate::portal::{self, Account, Learner, Portal, Ways};
use crate::routing::deadline::WorkingDays;
use crate::store::sample::TakenOut;
use crate::store::{self, Db};
use crate::understanding::Understanding;
use crate::understanding::encoder::Encoder;
use crate::understanding::models::{self, Models};
use crate::understanding::place::{PlaceFiles, Places};
use crate::understanding::rules::Rules;
use crate::understanding::rules::folder::Folder;
use anyhow::{Context as _, bail};
use async_trait::async_trait;
use axum::Router;
use front::{Door, Front};
use metrics_exporter_prometheus::PrometheusHandle;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a clean shutdown may take.
const SHUTDOWN: Duration = Duration::from_secs(20);
/// How long giving work back may take then.
const GIVING_BACK: Duration = Duration::from_secs(5);
/// Cases for which is worked out at once by what they are found.
const INDEXED_AT_ONCE: i64 = 500;

/// The service.
#[derive(Debug)]
pub struct App {
    /// The settings.
    pub settings: Settings,
    /// Messages in.
    pub collector: Collector,
    /// Messages through.
    pub pipeline: Pipeline,
    /// Messages out.
    pub dispatcher: Dispatcher,
    /// What is learned.
    pub teacher: Teacher,
    /// The council's provider of sign-ons.
    pub sign_on: Option<Arc<SignOn>>,
    /// What could not be had at the start; the service goes on without.
    pub missing: Vec<String>,
    /// The rule files as they were before the rules were loaded: what is changed later is seen.
    loaded: workers::Stamps,
}

/// Encoders that were loaded, by model and second look: councils of one installation share them.
pub type Encoders = BTreeMap<(PathBuf, PathBuf), Encoder>;
/// What runs beside the pages.
struct Shift {
    workers: JoinSet<()>,
    stop: CancellationToken,
}

impl Shift {
    /// Ends: what is in hand is finished, for as long as a clean shutdown may take.
    async fn end(&mut self) {
        self.stop.cancel();
        let workers = &mut self.workers;
        let ended = tokio::time::timeout(SHUTDOWN, async { while workers.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tracing::warn!("some work did not end in time; it will be taken up at the next start");
            self.workers.abort_all();
        }
    }
}

/// Loads rules, encoder, classifier and places. What is missing is said in the second part.
///
/// # Errors
/// When the rules cannot be used: there is nothing to work by.
pub fn understanding(settings: &Settings) -> anyhow::Result<(Understanding, Vec<String>)> {
    understanding_with(settings, &mut Encoders::new())
}

/// Which encoder these settings name: the model, and the second look that goes with it.
fn encoder_of(settings: &Settings) -> (PathBuf, PathBuf) {
    let second_look = settings.path(&settings.model.classifier).join(models::CONCERN);
    (settings.path(&settings.model.encoder), second_look)
}

fn understanding_with(settings: &Settings, encoders: &mut Encoders) -> anyhow::Result<(Understanding, Vec<String>)> {
    let mut missing = Vec::new();
    let (rules, choice) = (Rules::load(&settings.path(&settings.rules.dir)), settings.choice());
    let rules = rules.and_then(|rules| rules.chosen(&choice)).context("the rules cannot be used")?;
    missing.extend(choice.gone(&rules.taxonomy));
    missing.extend(settings.retention.gone(&rules.taxonomy));
    let mut encoder = None;
    let mut models = None;
    if settings.model.enabled {
        let trained = settings.path(&settings.model.classifier);
        let which = encoder_of(settings);
        let known = encoders.get(&which).cloned().map(Ok);
        match known.unwrap_or_else(|| Encoder::load_with(&which.0, Some(&which.1), settings.model.workers)) {
            Ok(loaded) => {
                encoders.insert(which, loaded.clone());
                match Models::load(&trained, loaded.version()) {
                    Ok(trained) => models = Some(trained),
                    Err(why) => missing
                        .push(format!("{why}; until then rules alone judge, and most messages wait for a person")),
                }
                encoder = Some(loaded);
            }
            Err(why) => {
                missing.push(format!("{why}; until then rules alone judge, and most messages wait for a person"))
            }
        }
    }
    let file = |path: &Option<std::path::PathBuf>| path.as_deref().map(|p| settings.path(p));
    let files = PlaceFiles {
        wards: file(&settings.places.wards),
        postcodes: file(&settings.places.postcodes),
        streets: file(&settings.places.streets),
        gazetteer: settings.places.gazetteer.iter().map(|path| settings.path(path)).collect(),
    };
    let places = Places::read(&files).or_else(|why| {
        missing.push(format!("{why}; until then no place or ward is found in messages"));
        Places::load(None, None, None)
    })?;
    Ok((Understanding::new(rules, encoder, models, places), missing))
}

/// The bank holidays of the settings' rules folder.
///
/// # Errors
/// When the file cannot be read: deadlines would be promised wrongly.
pub fn calendar(settings: &Settings) -> anyhow::Result<WorkingDays> {
    let path = settings.path(&settings.rules.dir).join("bank-holidays.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    WorkingDays::from_json(&text, settings.council.division)
        .with_context(|| format!("{} cannot be used", path.display()))
}

/// The one who teaches this `understanding`, which still works with the shipped models; so does its matcher.
///
/// # Errors
/// When the settings of learning, or the council's own matcher, cannot be used.
pub fn teacher(
    settings: &Settings,
    db: &Db,
    clock: &Clock,
    ids: &Ids,
    understanding: &Understanding,
) -> anyhow::Result<Teacher> {
    let (means, instance) = (settings.learning()?, settings.instance());
    let matcher = InForce::new(Matcher::among(&means.shipped).map_err(anyhow::Error::msg)?);
    Ok(Teacher::new(db.clone(), clock.clone(), ids.clone(), instance, understanding.clone(), matcher, means))
}

/// The rule files of these settings as they are now.
fn rule_files(settings: &Settings) -> workers::Stamps {
    workers::stamps(&settings.path(&settings.rules.dir))
}

/// Opens the database of the settings.
///
/// # Errors
/// When it cannot be opened.
pub async fn database(settings: &Settings) -> anyhow::Result<Db> {
    Ok(Db::open(&settings.database_url()?).await?)
}

impl App {
    /// Puts the service together. Nothing is fetched or sent yet.
    ///
    /// # Errors
    /// When something is wrong without which nothing can be done: settings, database, rules.
    pub async fn build(settings: Settings, clock: Clock, ids: Ids) -> anyhow::Result<Self> {
        Self::build_beside(settings, clock, ids, &mut Encoders::new()).await
    }

    /// As [`App::build`], with what was loaded for councils of the same installation.
    ///
    /// # Errors
    /// As [`App::build`].
    pub async fn build_beside(
        settings: Settings,
        clock: Clock,
        ids: Ids,
        encoders: &mut Encoders,
    ) -> anyhow::Result<Self> {
        let loaded = rule_files(&settings);
        let (understanding, missing) = understanding_with(&settings, encoders)?;
        let db = database(&settings).await?;
        Ok(Self { loaded, ..Self::build_with(settings, clock, ids, db, understanding, missing).await? })
    }

    /// The same service with something else set up on the portal. Database and encoder stay what they are.
    async fn build_anew(&self, settings: Settings) -> anyhow::Result<Self> {
        let (clock, ids) = (self.pipeline.clock.clone(), self.pipeline.ids.clone());
        let there = self.pipeline.understanding.encoder().cloned();
        let mut encoders: Encoders = there.into_iter().map(|encoder| (encoder_of(&settings), encoder)).collect();
        let loaded = rule_files(&settings);
        let (understanding, missing) = understanding_with(&settings, &mut encoders)?;
        let db = self.pipeline.db.clone();
        Ok(Self { loaded, ..Self::build_with(settings, clock, ids, db, understanding, missing).await? })
    }

    async fn build_with(
        settings: Settings,
        clock: Clock,
        ids: Ids,
        db: Db,
        understanding: Understanding,
        mut missing: Vec<String>,
    ) -> anyhow::Result<Self> {
        let calendar = calendar(&settings)?;
        let key = signing_key(&db, &ids).await?;
        let instance = settings.instance().replace(['%', '_', '/'], "-");
        let teacher = teacher(&settings, &db, &clock, &ids, &understanding)?;
        missing.extend(teacher.follow().await?.and_then(Result::err));
        missing.extend(teacher.follow_matcher().await?.and_then(Result::err));
        if settings.council.authserv_id.is_none() {
            missing.push(
                "[council] authserv_id is not set, so no sender can be verified and every acknowledgement waits for a person".to_owned(),
            );
        }
        missing.extend(settings.form.as_ref().filter(|_| !settings.behind_proxy()).and_then(FormSettings::doubt));
        let accounts = settings.mailbox.iter().map(|m| (&m.name, &m.councillor));
        let accounts = accounts.chain(settings.folder.iter().map(|f| (&f.name, &f.councillor)));
        let accounts = accounts.chain(settings.text.iter().map(|t| (&t.name, &t.councillor)));
        let accounts = accounts.chain(settings.form.iter().map(|f| (&f.name, &f.councillor)));
        let accounts = accounts.chain(settings.telegram.iter().map(|t| (&t.name, &t.councillor)));
        let texts = settings.texts(&clock)?;
        let telegram = settings.bots()?;
        let whereabouts = settings.whereabouts().unwrap_or_else(|why| {
            missing.push(format!("{why:#}; until then no what3words address or short link is looked up"));
            None
        });
        let sign_on = settings.sign_on().unwrap_or_else(|why| {
            missing.push(format!("{why:#}; until then nobody can sign on"));
            None
        });
        let house = Arc::new(House {
            council: settings.council(),
            policy: settings.routing.clone(),
            calendar,
            key,
            consent: settings.consents(),
            limits: settings.mime_limits(),
            matcher: teacher.matcher.clone(),
            usual: settings.limits.usual(),
            texts: texts.clone(),
            form: settings.form_policy(),
            telegram: telegram.clone(),
            whereabouts: whereabouts.map(Arc::new),
            account_councillors: accounts.filter_map(|(n, c)| Some((n.clone(), c.clone()?))).collect(),
        });
        let relay = match (settings.smtp()?, &settings.smtp.folder) {
            (Some(smtp), _) => Outgoing::Smtp(Smtp::new(smtp)?),
            (None, Some(folder)) => Outgoing::Folder(settings.path(folder)),
            (None, None) => bail!("[smtp] needs either host or folder"),
        };
        let lease = settings.lease();
        let bell = Arc::new(Notify::new());
        let pipeline = Pipeline {
            db: db.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            instance: instance.clone(),
            understanding,
            house,
            lease,
        };
        let dispatcher = Dispatcher {
            db: db.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            instance: instance.clone(),
            relay: Arc::new(relay),
            texts: by_channel(&settings, &texts),
            telegram,
            // Longer than any send can take, or a slow relay would be sent a second copy.
            lease: lease.max(chrono::TimeDelta::seconds(
                i64::try_from(settings.smtp.data_timeout_seconds).unwrap_or(300).saturating_add(120),
            )),
        };
        let message_bytes = settings.limits.message_bytes;
        let spool = Spool::new(settings.spool()?);
        if !settings.text.is_empty()
            && let Err(why) = spool.prepare()
        {
            missing.push(format!(
                "{} cannot be written ({why}), so texts that come while the database is away are lost where their provider does \
                 not send them again: set [service] spool",
                spool.folder().display()
            ));
        }
        let collector = Collector { db, clock, ids, instance, bell, message_bytes, spool };
        let sign_on = sign_on.map(Arc::new);
        let loaded = workers::Stamps::default();
        Ok(Self { settings, collector, pipeline, dispatcher, teacher, sign_on, missing, loaded })
    }

    /// Gives back what this instance had begun when it last ended.
    ///
    /// # Errors
    /// What the database says.
    pub async fn take_over(&self) -> store::Result<()> {
        let mut tx = self.pipeline.db.begin().await?;
        store::inbox::release_leases(&mut tx, &self.pipeline.instance).await?;
        store::outbox::release_leases(&mut tx, &self.pipeline.instance).await?;
        tx.commit().await
    }

    /// Gives back what this instance had begun to read, as it ends. What it was sending stays claimed: the relay may be
    /// about to say yes.
    async fn hand_back(&self) -> store::Result<()> {
        let mut tx = self.pipeline.db.begin().await?;
        store::inbox::release_leases(&mut tx, &self.pipeline.instance).await?;
        tx.commit().await
    }

    /// Works until the inbox is empty and nothing more can be sent now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drain(&self) -> store::Result<()> {
        while !self.pipeline.step(self.settings.service.batch).await?.is_idle() {}
        while self.dispatcher.step().await? != Step::Idle {}
        Ok(())
    }

    /// Runs this one council until `stop`: see [`App::run`].
    ///
    /// # Errors
    /// As [`App::run`].
    pub async fn run_alone(
        self,
        listener: TcpListener,
        metrics: Option<PrometheusHandle>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let front = Front::alone();
        let door = front.door(0).cloned().context("there is no door")?;
        let server = tokio::spawn(front.serve(listener, stop.clone()));
        let ended = self.run(&door, metrics, stop.clone()).await;
        stop.cancel();
        server.await.context("the portal ended by a fault in the program")?.context("the portal ended")?;
        ended
    }

    /// Runs until `stop`, then ends cleanly: work in hand is finished, nothing new is begun. What is set up on the portal meanwhile is
    /// taken up without an end: the pages change at once, and what runs beside them is begun anew. Where it ends by itself, it cancels `stop`.
    ///
    /// # Errors
    /// When it cannot start. Once it runs, failures are logged, shown and retried.
    pub async fn run(
        self,
        door: &Door,
        metrics: Option<PrometheusHandle>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        self.take_over().await?;
        self.clear_sample_at_start().await?;
        self.keep_cases_findable().await?;
        let (ask, mut asked) = mpsc::channel(1);
        let mut app = self;
        let mut shift = app.begin(&stop)?;
        door.open(app.pages(metrics.clone(), ask.clone(), stop.clone()));
        tracing::info!(instance = app.pipeline.instance, "beadle runs");
        let lost_a_worker = loop {
            tokio::select! {
                () = stop.cancelled() => break false,
                // No worker ends by itself: one that does has met a fault, and a service that goes on without it would look well.
                _ = shift.workers.join_next() => break !stop.is_cancelled(),
                Some(wish) = asked.recv() => {
                    let said = match app.grant(wish.change).await {
                        Ok(new) => {
                            shift.end().await;
                            let taken = new.take_up(&app.settings.origin.kept, wish.line).await;
                            if taken.is_ok() {
                                app = new;
                                door.open(app.pages(metrics.clone(), ask.clone(), stop.clone()));
                                tracing::info!("what was set up on the portal is in use");
                            }
                            shift = app.begin(&stop)?;
                            taken.map_err(|why| format!("Nothing was changed: {why:#}."))
                        }
                        Err(why) => Err(format!("This cannot be used: {why:#}.")),
                    };
                    let _ = wish.said.send(said);
                }
            }
        };
        stop.cancel();
        tracing::info!("ending: work in hand is finished");
        shift.end().await;
        // Where the database is away there is nothing to wait for: leases run out by themselves.
        match tokio::time::timeout(GIVING_BACK, app.hand_back()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "work in hand could not be given back; its leases will run out"),
            Err(_) => tracing::warn!("the database does not answer; leases on work in hand will run out"),
        }
        app.pipeline.db.close().await;
        tracing::info!("ended");
        if lost_a_worker {
            bail!(
                "a worker ended by a fault in the program; start it again: what it had in hand is taken up where it was"
            );
        }
        Ok(())
    }

    /// The service with something set up otherwise, as far as it can be known to work before it does. Nothing is written down yet.
    async fn grant(&self, change: Change) -> anyhow::Result<Self> {
        let mut kept = self.settings.origin.kept.clone();
        change(&mut kept);
        if kept.sample && !self.settings.origin.kept.sample {
            let mut tx = self.pipeline.db.read().await?;
            if store::sample::count(&mut tx).await? != (0, 0) {
                bail!("messages have come in already, and sample data could not be told from what comes of them");
            }
        }
        self.build_anew(self.settings.with(kept)?).await
    }

    /// Writes down that it is set up as it is now and no longer as `before`, with its line on the audit trail, and takes sample data out
    /// that is not to be in any more: all of it or nothing. Nothing may work beside it.
    async fn take_up(&self, before: &Kept, line: Line) -> anyhow::Result<TakenOut> {
        let (kept, folder, db) = (&self.settings.origin.kept, self.settings.set_up_folder(), &self.pipeline.db);
        let Line { actor, action, part, mut detail } = line;
        let mut tx = db.begin().await?;
        let taken = if kept.sample { TakenOut::NothingThere } else { store::sample::take_out(&mut tx).await? };
        match taken {
            TakenOut::NothingThere => {}
            TakenOut::Gone(messages) => detail["sample_messages_taken_out"] = messages.into(),
            // Only where it was to be in until now: what was left among real messages long ago hinders no other change.
            TakenOut::Refused(others) if before.sample => bail!(
                "messages that are not of the sample have come in as well ({others}), and what came of which could not be told apart. \
                 Nothing was taken out: the sample data stays in, and nothing is sent"
            ),
            TakenOut::Refused(_) => {}
        }
        let object = format!("set-up:{part}");
        store::audit::write(&mut tx, &self.pipeline.ids, &actor, action, &object, detail, self.pipeline.clock.now())
            .await?;
        // Written before the commit: a change without a line on the trail would be worse than a line that is taken back.
        set_up::write(&folder, kept)?;
        if let Err(error) = tx.commit().await {
            if let Err(why) = set_up::write(&folder, before) {
                tracing::error!(%why, "a change of the set-up is written down without a line on the audit trail");
            }
            return Err(error.into());
        }
        self.forget_sample(taken).await;
        Ok(taken)
    }

    /// Takes out sample data that is not to be in any more, where the program ended before it could.
    async fn clear_sample_at_start(&self) -> store::Result<()> {
        if self.settings.origin.kept.sample {
            return Ok(());
        }
        let mut tx = self.pipeline.db.begin().await?;
        let taken = store::sample::take_out(&mut tx).await?;
        if let TakenOut::Gone(messages) = taken {
            let (ids, now) = (&self.pipeline.ids, self.pipeline.clock.now());
            let detail = serde_json::json!({ "sample_messages_taken_out": messages });
            store::audit::write(&mut tx, ids, "beadle", "take out sample data", "set-up:sample", detail, now).await?;
        }
        tx.commit().await?;
        self.forget_sample(taken).await;
        Ok(())
    }

    /// What is to be done once sample data is out, or is found where it cannot be taken out.
    async fn forget_sample(&self, taken: TakenOut) {
        match taken {
            TakenOut::NothingThere => {}
            TakenOut::Gone(messages) => {
                // What stays behind of it does no harm.
                let _ = tokio::fs::remove_dir_all(self.settings.set_up_folder().join(set_up::SAMPLE_OUT)).await;
                tracing::info!(messages, "sample data was taken out");
            }
            TakenOut::Refused(others) => {
                tracing::warn!(
                    others,
                    "sample data lies among other messages and stays: what came of which cannot be told apart"
                );
            }
        }
    }

    /// Its rules, as files.
    fn rules_folder(&self) -> Folder {
        let (settings, shared) = (&self.settings, self.settings.origin.shares_rules);
        Folder::new(settings.path(&settings.rules.dir), settings.choice()).shared(shared)
    }

    /// The portal of this service.
    fn pages(&self, metrics: Option<PrometheusHandle>, ask: mpsc::Sender<Wish>, stop: CancellationToken) -> Router {
        portal::router(Portal {
            collector: self.collector.clone(),
            pipeline: self.pipeline.clone(),
            metrics,
            secure_cookie: self.settings.portal.secure_cookie,
            behind_proxy: self.settings.behind_proxy(),
            allowed_hosts: self.settings.allowed_hosts(),
            letterhead: self.settings.letterhead(),
            ways: ways(&self.settings),
            learner: Some(Arc::new(AtThePortal(self.teacher.clone()))),
            rules: Some(self.rules_folder()),
            sign_on: self.sign_on.clone(),
            costs: self.settings.reports.pence(),
            passwords: self.settings.portal.sign_on.as_ref().is_none_or(|sign_on| sign_on.passwords),
            set_up: self.settings.standing().map(|standing| SetUp { standing, ask, stop }),
        })
    }

    /// Begins the work that runs beside the pages.
    fn begin(&self, stop: &CancellationToken) -> anyhow::Result<Shift> {
        for what in &self.missing {
            tracing::warn!("{what}");
        }
        let stop = stop.child_token();
        let mut workers = JoinSet::new();
        self.watch_accounts(&mut workers, &stop)?;
        let bell = Arc::clone(&self.collector.bell);
        let batch = self.settings.service.batch;
        workers.spawn(workers::work(self.pipeline.clone(), bell, batch, stop.clone()));
        for _ in 0..self.settings.smtp.connections.clamp(1, 16) {
            workers.spawn(workers::send(self.dispatcher.clone(), stop.clone()));
        }
        let watch = workers::RuleWatch {
            understanding: self.pipeline.understanding.clone(),
            root: self.settings.path(&self.settings.rules.dir),
            choice: self.settings.choice(),
            seen: self.loaded.clone(),
            every: self.settings.rules_reload(),
        };
        workers.spawn(watch.until(stop.clone()));
        workers.spawn(workers::empty_spool(self.collector.clone(), stop.clone()));
        workers.spawn(workers::seal(self.pipeline.db.clone(), self.pipeline.clock.clone(), stop.clone()));
        let (pipeline, retention) = (self.pipeline.clone(), self.settings.retention.clone());
        if retention.erases() {
            workers.spawn(workers::erase(pipeline, retention, stop.clone()));
        }
        // Nothing is to be learned from what is invented.
        if !self.settings.origin.kept.sample {
            workers.spawn(workers::teach(self.teacher.clone(), stop.clone()));
        }
        Ok(Shift { workers, stop })
    }

    /// After a new program, or the first with this, works out what open cases are found by.
    async fn keep_cases_findable(&self) -> anyhow::Result<()> {
        let encoder = self.pipeline.understanding.encoder().map(|encoder| encoder.version().to_owned());
        let mut cases = 0;
        loop {
            match search::keep_all(&self.pipeline.db, encoder.as_deref(), INDEXED_AT_ONCE).await? {
                0 => break,
                kept => cases += kept,
            }
        }
        if cases > 0 {
            tracing::info!(cases, "what cases are found by was worked out anew");
        }
        Ok(())
    }

    fn watch_accounts(&self, workers: &mut JoinSet<()>, stop: &CancellationToken) -> anyhow::Result<()> {
        for mailbox in &self.settings.mailbox {
            let imap = match self.settings.imap(mailbox) {
                Ok(imap) => imap,
                Err(why) => {
                    tracing::error!(account = mailbox.name, "this mailbox is not watched: {why:#}");
                    continue;
                }
            };
            let (collector, name, stop) = (self.collector.clone(), mailbox.name.clone(), stop.clone());
            let poll = Duration::from_secs(mailbox.poll_seconds.max(1));
            workers.spawn(async move { collector.watch_mailbox(&name, &imap, poll, &stop).await });
        }
        for folder in &self.settings.folder {
            let (collector, name, stop) = (self.collector.clone(), folder.name.clone(), stop.clone());
            let path = self.settings.path(&folder.path);
            workers.spawn(async move { collector.watch_folder(&name, &path, Duration::from_secs(10), &stop).await });
        }
        for (name, bot) in &self.pipeline.house.telegram {
            let (collector, name, stop, bot) = (self.collector.clone(), name.clone(), stop.clone(), Arc::clone(bot));
            workers.spawn(async move { collector.watch_telegram(&name, &bot, &stop).await });
        }
        Ok(())
    }
}

/// The teacher, for the page that goes back.
struct AtThePortal(Teacher);

#[async_trait]
impl Learner for AtThePortal {
    async fn model_back(&self, actor: &str, from: &str) -> anyhow::Result<bool> {
        Ok(self.0.back(actor, Some(from)).await?.is_some())
    }

    async fn matcher_back(&self, actor: &str, from: &str) -> anyhow::Result<bool> {
        Ok(self.0.matcher_back(actor, Some(from)).await?.is_some())
    }
}

/// The ways in and out, for the page that says how they fare.
fn ways(settings: &Settings) -> Ways {
    let account = |name: &str, kind, at: String, fetched| Account { name: name.to_owned(), kind, at, fetched };
    let mailboxes = settings.mailbox.iter().map(|m| account(&m.name, "Mailbox", m.host.clone(), true));
    let folders =
        settings.folder.iter().map(|f| account(&f.name, "Folder", settings.path(&f.path).display().to_string(), true));
    let texts = settings.text.iter().map(|t| account(&t.name, "Texts", String::new(), false));
    let form = settings.form.iter().map(|f| account(&f.name, "Form on the web", String::new(), false));
    let telegram = settings.telegram.iter().map(|t| {
        let posted = t.webhook_url.is_some();
        account(&t.name, "Telegram", String::new(), !posted)
    });
    let relay = match (&settings.smtp.host, &settings.smtp.folder) {
        (Some(host), _) => format!("By the relay {host}"),
        (None, Some(folder)) => format!("Nothing is sent: written to {}", settings.path(folder).display()),
        (None, None) => String::new(),
    };
    Ways { accounts: mailboxes.chain(folders).chain(texts).chain(form).chain(telegram).collect(), relay }
}

/// The provider of each channel of texts: the first account of the settings that carries it.
fn by_channel(
    settings: &Settings,
    texts: &BTreeMap<String, Arc<dyn TextProvider>>,
) -> BTreeMap<Channel, Arc<dyn TextProvider>> {
    let mut carriers = BTreeMap::new();
    for text in &settings.text {
        let Some(provider) = texts.get(&text.name) else { continue };
        let whatsapp = text.whatsapp_from.is_some().then_some(Channel::Whatsapp);
        for channel in std::iter::once(Channel::Sms).chain(whatsapp) {
            carriers.entry(channel).or_insert_with(|| Arc::clone(provider));
        }
    }
    carriers
}

/// The installation's signing key, drawn at the first start.
async fn signing_key(db: &Db, ids: &Ids) -> store::Result<TokenKey> {
    let fresh: String = (0..4).map(|_| ids.uuid().simple().to_string()).collect();
    let fresh = format!("{fresh}{:032x}", rand::random::<u128>());
    let mut tx = db.begin().await?;
    let key = store::setting::get_or_set(&mut tx, "token.key", &fresh).await?;
    tx.commit().await?;
    Ok(TokenKey::new(key.into_bytes()))
}
