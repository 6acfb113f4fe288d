//! The real program beside an emulator of Telegram's, killed where it hurts: between the updates' arrival and their commit, between
//! the commit and its confirmation, and anywhere. Nothing is lost, nothing doubled.

use crate::emulator::{Emulator, TOKEN};
use crate::house::{Kind, postgres_database, root};
use crate::logs::{free_port, pause, wait_until};
use beadle::store::Db;
use beadle::store::inbox::Accounts;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::runtime::Runtime;

/// An installation with one bot, at the emulator.
struct Place {
    dir: tempfile::TempDir,
    database: String,
    emulator: Emulator,
    runtime: Runtime,
}

/// A running service; it is killed where it is dropped.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Keeps everybody else from writing into the inbox until it is dropped.
enum Lock {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Place {
    fn new(kind: Kind) -> Self {
        let (dir, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
        let database = match kind {
            Kind::Sqlite => format!("sqlite:{}", dir.path().join("b.db").display()),
            Kind::Postgres => runtime.block_on(postgres_database()),
        };
        let place = Self { dir, database, emulator: Emulator::start(), runtime };
        let text = format!(
            "[council]\nname = 'Brackenmere'\naddress = 'cases@brackenmere.example'\n[database]\nurl = '{}'\n\
             [smtp]\nfolder = 'outgoing'\n[rules]\ndir = '{}'\n[model]\nenabled = false\n\
             [routing]\nmode = 'auto'\nauto_above = 0.2\ngather_minutes = 0\nunsure_below = 0.05\n[service]\nlog_level = 'trace'\n[portal]\nlisten = '127.0.0.1:{}'\n\
             [[telegram]]\nname = 'bot'\ntoken = '{TOKEN}'\nbot_name = 'TestNameBot'\napi = 'http://127.0.0.1:{}'\n",
            place.database,
            root().join("rules").display(),
            free_port(),
            place.emulator.port,
        );
        std::fs::write(place.settings(), text).unwrap();
        place
    }

    fn settings(&self) -> PathBuf {
        self.dir.path().join("beadle.toml")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Starts the service and waits until it runs.
    fn start(&self) -> Service {
        let before = self.log().matches("beadle runs").count();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_beadle"))
            .args(["run", "--config"])
            .arg(self.settings())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let service = Service(child);
        wait_until(|| self.log().matches("beadle runs").count() > before);
        service
    }

    /// What the emulator says of its updates: `given`, `waiting` and `unconfirmed`.
    fn state(&self, of: &str) -> i64 {
        self.runtime.block_on(self.emulator.ask("test/state", &json!({})))[of].as_i64().unwrap()
    }

    fn tell(&self, what: &str) {
        self.runtime.block_on(self.emulator.ask(what, &json!({})));
    }

    /// A resident of their own writes.
    fn resident(&self, chat: i64) {
        let words = format!("The street light outside {} Mill Lane is out, please repair the lamp", chat % 1000);
        let now = beadle::core::Clock::System.now().timestamp();
        let held = json!({
            "text": words, "date": now,
            "from": {"id": chat, "is_bot": false, "first_name": "Rosa"},
            "chat": {"id": chat, "type": "private", "first_name": "Rosa"},
        });
        self.runtime.block_on(self.emulator.resident_sends(held));
    }

    /// What has arrived in a chat since the last time.
    fn arrived(&self, chat: i64) -> Vec<Value> {
        let seen = self.runtime.block_on(self.emulator.ask("getUpdates", &json!({"token": TOKEN, "chatId": chat})));
        seen["result"].as_array().unwrap().clone()
    }

    fn sums(&self) -> Accounts {
        self.runtime.block_on(async {
            let db = Db::open(&self.database).await.unwrap();
            let mut tx = db.read().await.unwrap();
            let sums = beadle::store::inbox::accounts(&mut tx).await.unwrap();
            drop(tx);
            db.close().await;
            sums
        })
    }

    /// So many outgoing messages are in one of these states.
    fn outgoing(&self, states: &[&str]) -> i64 {
        self.runtime.block_on(async {
            let db = Db::open(&self.database).await.unwrap();
            let mut tx = db.read().await.unwrap();
            let counts = beadle::store::outbox::count_by_status(&mut tx).await.unwrap();
            drop(tx);
            db.close().await;
            counts.iter().filter(|(state, _)| states.contains(&state.as_str())).map(|(_, n)| n).sum()
        })
    }

    /// What `beadle doctor` says of the bot.
    fn doctor(&self) -> (bool, String) {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_beadle"));
        let output = doctor.args(["doctor", "--json", "--config"]).arg(self.settings()).output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let check = said["checks"].as_array().unwrap().iter().find(|check| check["what"] == "telegram bot").unwrap();
        (check["ok"] == true, check["said"].as_str().unwrap().to_owned())
    }

    fn settled(&self, received: i64) -> bool {
        let sums = self.sums();
        sums.received == received && sums.unaccounted == 0 && self.outgoing(&["queued", "sending"]) == 0
    }

    fn lock(&self) -> Lock {
        self.runtime.block_on(async {
            match self.database.strip_prefix("sqlite:") {
                Some(file) => {
                    let options = sqlx::sqlite::SqliteConnectOptions::new()
                        .filename(Path::new(file))
                        .busy_timeout(Duration::from_secs(30));
                    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
                    Lock::Sqlite(connection)
                }
                None => {
                    let mut connection = sqlx::PgConnection::connect(&self.database).await.unwrap();
                    sqlx::query("BEGIN").execute(&mut connection).await.unwrap();
                    sqlx::query("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE").execute(&mut connection).await.unwrap();
                    Lock::Postgres(connection)
                }
            }
        })
    }

    fn unlock(&self, lock: Lock) {
        self.runtime.block_on(async {
            match lock {
                Lock::Sqlite(connection) => connection.close().await.unwrap(),
                Lock::Postgres(connection) => connection.close().await.unwrap(),
            }
        });
    }
}

fn between_poll_and_commit(kind: Kind) {
    let place = Place::new(kind);
    let service = place.start();
    wait_until(|| place.state("waiting") == 1);
    assert_eq!(place.doctor(), (true, "Telegram answers as the bot TestNameBot".to_owned()));
    let lock = place.lock();
    place.resident(71);
    wait_until(|| place.state("given") == 1);
    drop(service);
    place.unlock(lock);
    assert_eq!(place.sums().received, 0, "it was given and not committed");
    assert_eq!(place.state("unconfirmed"), 1, "and so nobody confirmed it");

    let service = place.start();
    wait_until(|| place.settled(1));
    wait_until(|| place.state("unconfirmed") == 0 && place.state("waiting") == 1);
    assert_eq!(place.arrived(71).len(), 1);

    // Committed, and killed before that is confirmed.
    place.tell("test/stop");
    place.resident(72);
    wait_until(|| place.settled(2));
    assert_eq!(place.state("unconfirmed"), 1);
    drop(service);
    place.tell("test/go");
    let given = place.state("given");
    let service = place.start();
    wait_until(|| place.state("unconfirmed") == 0);
    assert_eq!(place.state("given"), given + 1, "it was given once more");
    place.resident(73);
    wait_until(|| place.settled(3));
    for (chat, answers) in [(71, 0), (72, 1), (73, 1)] {
        assert_eq!(place.arrived(chat).len(), answers, "chat {chat}");
    }
    assert_eq!(place.outgoing(&["uncertain", "failed", "held"]), 0);
    drop(service);
}

fn anywhere(kind: Kind) {
    const FIRST: i64 = 7_000_100_000;
    const RESIDENTS: i64 = 40;
    const KILLS: i64 = 8;
    let place = Place::new(kind);
    let seed: u64 = rand::random();
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let mut in_the_middle = 0;
    for round in 0..KILLS {
        for number in 0..RESIDENTS / KILLS {
            place.resident(FIRST + round * (RESIDENTS / KILLS) + number);
        }
        let service = place.start();
        pause(Duration::from_millis(rng.random_range(0..400)));
        drop(service);
        in_the_middle += i64::from(!place.settled((round + 1) * (RESIDENTS / KILLS)));
    }
    assert!(in_the_middle >= 2, "seed {seed}: only {in_the_middle} kills came while there was work in hand");
    println!("seed {seed}: {in_the_middle} of {KILLS} kills came while there was work in hand");
    let service = place.start();
    wait_until(|| place.settled(RESIDENTS));
    let (mut arrived, uncertain) = (0, place.outgoing(&["uncertain"]));
    for chat in FIRST..FIRST + RESIDENTS {
        let answers = place.arrived(chat).len();
        assert!(answers <= 1, "seed {seed}: chat {chat} was answered {answers} times");
        arrived += i64::try_from(answers).unwrap();
    }
    let sent = place.outgoing(&["sent"]) - referrals(&place);
    assert!(sent <= arrived && arrived <= sent + uncertain, "seed {seed}: {arrived} arrived, {sent} + {uncertain}");
    assert_eq!(sent + uncertain, RESIDENTS, "seed {seed}: each has an answer, or one that a person looks at");
    assert_eq!(place.outgoing(&["failed", "held"]), 0, "seed {seed}");
    drop(service);
    let log = place.log();
    for secret in ["Rosa", "Mill Lane", "repair the lamp", &FIRST.to_string()[..7], TOKEN] {
        assert!(!log.contains(secret), "the log holds '{secret}'");
    }
}

/// How many cases were sent to their departments.
fn referrals(place: &Place) -> i64 {
    i64::try_from(crate::house::files(&place.dir.path().join("outgoing")).len()).unwrap()
}

#[test]
fn killed_between_the_poll_and_the_commit_no_update_is_lost_or_doubled_on_sqlite() {
    between_poll_and_commit(Kind::Sqlite);
}

#[test]
fn killed_between_the_poll_and_the_commit_no_update_is_lost_or_doubled_on_postgres() {
    between_poll_and_commit(Kind::Postgres);
}

#[test]
fn killed_anywhere_no_update_is_lost_and_no_chat_answered_twice_on_sqlite() {
    anywhere(Kind::Sqlite);
}

#[test]
fn killed_anywhere_no_update_is_lost_and_no_chat_answered_twice_on_postgres() {
    anywhere(Kind::Postgres);
}
