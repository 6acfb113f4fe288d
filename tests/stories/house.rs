//! A council's house for one story: its own database, rules as shipped, no encoder, a clock that stands still.

use beadle::casework::matcher::{InForce, Matcher};
use beadle::channels::smtp::Outgoing as Relay;
use beadle::collect::Collector;
use beadle::core::{CaseId, Clock, Council, Ids, Mode, RawMessage, Reference, TokenKey};
use beadle::desk::Desk;
use beadle::intake::accept::{self, Batch};
use beadle::intake::mime::MimeLimits;
use beadle::outbox::compose::Composer;
use beadle::outbox::dispatch::{Dispatcher, Step};
use beadle::pipeline::{House as Rules_, Pipeline};
use beadle::routing::RoutingPolicy;
use beadle::routing::consent::{Consents, Wish};
use beadle::routing::deadline::{Division, WorkingDays};
use beadle::store::case::{Case, Filter};
use beadle::store::outbox::Outgoing;
use beadle::store::{self, Db, Tx};
use beadle::understanding::Understanding;
use beadle::understanding::place::Places;
use beadle::understanding::rules::Rules;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Connection as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// The two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// Tells a story on both databases: `story!(name, |house| { … })`.
#[macro_export]
macro_rules! story {
    ($name:ident, $house:ident, $body:block) => {
        mod $name {
            use super::*;

            async fn tell($house: &mut $crate::house::House) $body

            #[tokio::test]
            async fn on_sqlite() {
                let mut house = $crate::house::House::new($crate::house::Kind::Sqlite).await;
                tell(&mut house).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                let mut house = $crate::house::House::new($crate::house::Kind::Postgres).await;
                tell(&mut house).await;
            }
        }
    };
}

pub struct House {
    pub db: Db,
    pub clock: Clock,
    pub pipeline: Pipeline,
    pub dispatcher: Dispatcher,
    pub folder: tempfile::TempDir,
    count: AtomicU32,
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Monday 2 March 2026, nine o'clock.
pub fn monday() -> DateTime<Utc> {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

/// The address of a PostgreSQL server that belongs to the tests.
fn postgres_server() -> String {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            if let Ok(url) = std::env::var("BEADLE_TEST_POSTGRES") {
                return url;
            }
            // Started here it stays for the next test: it is private, and `postgres.sh destroy` takes it away.
            let script = root().join("tests/support/postgres.sh");
            let output = Command::new(script).arg("start").output().expect("tests/support/postgres.sh");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            let url = said.split("BEADLE_TEST_POSTGRES=").nth(1).unwrap_or_else(|| panic!("no PostgreSQL: {error}"));
            url.trim().trim_matches(['\'', '"']).to_owned()
        })
        .clone()
}

/// A new, empty database on the server; its address.
pub async fn postgres_database() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = postgres_server();
    let name = format!("story_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut connection = sqlx::PgConnection::connect(&server).await.expect("the tests' PostgreSQL");
    for statement in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.expect("a database of its own");
    }
    let (before, query) = server.split_once('?').map_or((server.as_str(), None), |(b, q)| (b, Some(q)));
    let base = before.rsplit_once('/').expect("postgres://…/name").0;
    query.map_or_else(|| format!("{base}/{name}"), |q| format!("{base}/{name}?{q}"))
}

/// A database as this version finds it that was made when migration `last` was the newest, with `rows` in it.
pub async fn of_version(kind: Kind, last: &str, rows: &[String]) -> (Db, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let old = folder.path().join("migrations");
    std::fs::create_dir(&old).expect("a folder");
    for entry in std::fs::read_dir(root().join("src/store/migrations")).expect("the migrations") {
        let entry = entry.expect("a migration");
        if entry.file_name().to_string_lossy().get(..4).is_some_and(|number| number <= last) {
            std::fs::copy(entry.path(), old.join(entry.file_name())).expect("a copy");
        }
    }
    let migrator = sqlx::migrate::Migrator::new(old).await.expect("migrations");
    let statements = || rows.iter().map(|row| sqlx::AssertSqlSafe(row.clone()));
    let url = match kind {
        Kind::Sqlite => {
            let url = format!("sqlite:{}", folder.path().join("beadle.db").display());
            let pool = sqlx::SqlitePool::connect(&format!("{url}?mode=rwc")).await.expect("a database");
            migrator.run(&pool).await.expect("migrated");
            for row in statements() {
                sqlx::query(row).execute(&pool).await.expect("a row");
            }
            pool.close().await;
            url
        }
        Kind::Postgres => {
            let url = postgres_database().await;
            let pool = sqlx::PgPool::connect(&url).await.expect("a database");
            migrator.run(&pool).await.expect("migrated");
            for row in statements() {
                sqlx::query(row).execute(&pool).await.expect("a row");
            }
            pool.close().await;
            url
        }
    };
    (Db::open(&url).await.expect("a database of an earlier version"), folder)
}

impl House {
    pub async fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = match kind {
            Kind::Sqlite => format!("sqlite:{}", folder.path().join("beadle.db").display()),
            Kind::Postgres => postgres_database().await,
        };
        let db = Db::open(&url).await.expect("a database");
        Self::on(db, folder)
    }

    fn on(db: Db, folder: tempfile::TempDir) -> Self {
        let clock = Clock::fixed(monday());
        let rules = Rules::load_untried(&root().join("rules")).expect("the shipped rules");
        let borough = root().join("training-data/demo/borough");
        let file = |name: &str| borough.join(name);
        let places =
            Places::load(Some(&file("wards.geojson")), Some(&file("postcodes.csv")), Some(&file("streets.csv")))
                .unwrap();
        let holidays = std::fs::read_to_string(root().join("rules/bank-holidays.json")).unwrap();
        let pipeline = Pipeline {
            db: db.clone(),
            clock: clock.clone(),
            ids: Ids::Random,
            instance: "story".to_owned(),
            understanding: Understanding::new(rules, None, None, places),
            house: Arc::new(Rules_ {
                council: council(),
                policy: auto(),
                calendar: WorkingDays::from_json(&holidays, Division::EnglandAndWales).unwrap(),
                key: TokenKey::new(b"a secret of the tests".to_vec()),
                consent: everywhere(Wish::Share),
                matcher: InForce::new(Matcher::shipped()),
                usual: Default::default(),
                limits: MimeLimits::default(),
                texts: std::collections::BTreeMap::default(),
                form: None,
                telegram: std::collections::BTreeMap::default(),
                whereabouts: None,
                account_councillors: [("nowak".to_owned(), "nowak".to_owned())].into(),
            }),
            lease: TimeDelta::seconds(60),
        };
        let dispatcher = Dispatcher {
            db: db.clone(),
            clock: clock.clone(),
            ids: Ids::Random,
            instance: "story".to_owned(),
            relay: Arc::new(Relay::Folder(folder.path().join("outgoing"))),
            texts: std::collections::BTreeMap::default(),
            telegram: std::collections::BTreeMap::default(),
            lease: TimeDelta::seconds(60),
        };
        Self { db, clock, pipeline, dispatcher, folder, count: AtomicU32::new(0) }
    }

    /// Changes what the council set.
    pub fn set(&mut self, change: impl FnOnce(&mut Rules_)) {
        let mut house = (*self.pipeline.house).clone();
        change(&mut house);
        self.pipeline.house = Arc::new(house);
    }

    /// What takes messages in.
    pub fn collector(&self) -> Collector {
        Collector {
            db: self.db.clone(),
            clock: self.clock.clone(),
            ids: Ids::Random,
            instance: "story".to_owned(),
            bell: Arc::default(),
            message_bytes: 1 << 20,
            spool: beadle::collect::spool::Spool::new(self.folder.path().join("texts-waiting")),
        }
    }

    /// A mail arrives in Councillor Nowak's mailbox and is worked on.
    pub async fn receives(&self, mail: impl Into<String>) {
        self.takes_in(mail).await;
        self.works().await;
    }

    pub async fn takes_in(&self, mail: impl Into<String>) {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        self.takes_in_bytes("nowak", &number.to_string(), mail.into().replace('\n', "\r\n").into_bytes()).await;
    }

    pub async fn takes_in_bytes(&self, account: &str, external_id: &str, bytes: Vec<u8>) {
        let raw = RawMessage {
            channel: beadle::core::Channel::Email,
            account: account.to_owned(),
            external_id: external_id.to_owned(),
            bytes,
            arrived_at: None,
        };
        let batch = Batch { messages: vec![raw], ..Batch::default() };
        accept::accept(&self.db, &self.clock, &Ids::Random, account, &batch).await.expect("taken in");
        // The next one comes a second later, so that "oldest first" has a meaning.
        self.clock.advance(TimeDelta::seconds(1));
    }

    pub async fn works(&self) {
        while !self.pipeline.step(32).await.expect("a step").is_idle() {}
    }

    /// Sends what can be sent; the mails, oldest first, as they lie in the folder.
    pub async fn sends(&self) -> Vec<String> {
        while self.dispatcher.step().await.expect("a step") != Step::Idle {}
        let mut sent = Vec::new();
        let mut tx = self.tx().await;
        for case in self.cases().await {
            for out in store::outbox::of_case(&mut tx, &case.id).await.unwrap() {
                if out.status == "sent" && out.channel == beadle::core::Channel::Email {
                    sent.push((out.sent_at, out.rfc_message_id));
                }
            }
        }
        sent.sort();
        let files = files(&self.folder.path().join("outgoing"));
        sent.iter()
            .map(|(_, id)| {
                files.iter().find(|f| f.contains(&format!("Message-ID: <{id}>"))).expect("a file a mail").clone()
            })
            .collect()
    }

    pub async fn tx(&self) -> Tx {
        self.db.begin().await.expect("a transaction")
    }

    /// Every case, oldest first.
    pub async fn cases(&self) -> Vec<Case> {
        let mut tx = self.db.read().await.unwrap();
        let mut cases = store::case::list(&mut tx, &Filter { limit: 10_000, ..Filter::default() }).await.unwrap();
        cases.sort_by(|a, b| (a.received_at, a.id.as_str()).cmp(&(b.received_at, b.id.as_str())));
        cases
    }

    pub async fn case(&self, number: usize) -> Case {
        self.cases().await.get(number).unwrap_or_else(|| panic!("there is no case number {number}")).clone()
    }

    pub async fn outgoing(&self, case: &CaseId) -> Vec<Outgoing> {
        let mut tx = self.db.read().await.unwrap();
        store::outbox::of_case(&mut tx, case).await.unwrap()
    }

    pub async fn accounts(&self) -> store::inbox::Accounts {
        let mut tx = self.db.read().await.unwrap();
        store::inbox::accounts(&mut tx).await.unwrap()
    }

    /// A gatekeeper does something at the desk.
    pub async fn desk<T, E: std::fmt::Debug>(
        &self,
        act: impl AsyncFnOnce(Desk<'_>, &mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let rules = self.pipeline.understanding.rules();
        let house = &self.pipeline.house;
        let composer = Composer { council: &house.council, rules: &rules, key: &house.key, ids: &Ids::Random };
        let mut tx = self.tx().await;
        let done = act(Desk { composer, now: self.clock.now() }, &mut tx).await?;
        tx.commit().await.expect("committed");
        Ok(done)
    }

    /// A gatekeeper lets a case go that waits for one.
    pub async fn accepts_if_waiting(&self, case: &CaseId) {
        let waits = self.cases().await.iter().any(|c| c.id == *case && c.state != beadle::core::CaseState::Routed);
        if waits {
            self.accepts(case).await;
        }
    }

    pub async fn accepts(&self, case: &CaseId) {
        self.desk(async |desk, tx| desk.accept(tx, case, "administrator").await).await.expect("accepted");
    }
}

pub fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|p| String::from_utf8_lossy(&std::fs::read(p).unwrap()).into_owned()).collect()
}

/// The same on every channel.
pub fn everywhere(otherwise: Wish) -> Consents {
    Consents { otherwise, by_channel: BTreeMap::new() }
}

pub fn council() -> Council {
    let text = "[council]\nname = 'Brackenmere Borough Council'\naddress = 'cases@brackenmere.example'\n\
                authserv_id = 'mx.brackenmere.example'\n[smtp]\nfolder = 'out'\n\
                [[councillor]]\nid = 'nowak'\nname = 'Cllr Marek Nowak'\nemail = 'cllr.nowak@brackenmere.example'\nwards = ['Station']\n\
                [[councillor]]\nid = 'malik'\nname = 'Cllr Nasreen Malik'\nemail = 'cllr.malik@brackenmere.example'\nwards = ['Foxholes']\n";
    beadle::config::Settings::parse(text, Path::new("/")).unwrap().council()
}

/// Rules alone are less sure than the model, so the bar of the stories is low.
pub fn auto() -> RoutingPolicy {
    RoutingPolicy {
        mode: Mode::Auto,
        auto_above: 0.2,
        unsure_below: 0.05,
        gather_minutes: 0,
        ..RoutingPolicy::default()
    }
}

pub const POTHOLE: &str = "There is a deep pothole outside number 12 Mill Lane. My wheel was damaged by the pothole.";

/// A mail to Councillor Nowak that the council's server vouches for.
pub fn letter(from: &str, message_id: &str, subject: &str, body: &str) -> String {
    let domain = from.rsplit_once('@').unwrap().1;
    format!(
        "Authentication-Results: mx.brackenmere.example; dmarc=pass header.from={domain}\nFrom: Ann Smith <{from}>\n\
         To: cllr.nowak@brackenmere.example\nSubject: {subject}\nMessage-ID: <{message_id}>\nDate: Mon, 2 Mar 2026 08:59:00 +0000\n\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{body}\n"
    )
}

/// One header of a mail, unfolded.
pub fn header(mail: &str, name: &str) -> String {
    let head = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
    let found = head.lines().find_map(|l| l.strip_prefix(&format!("{name}:")));
    found.unwrap_or_default().trim().to_owned()
}

/// The reference that a mail's subject gives.
pub fn reference_in(text: &str) -> Reference {
    Reference::find_all(text).into_iter().next().unwrap_or_else(|| panic!("no reference in: {text}"))
}
