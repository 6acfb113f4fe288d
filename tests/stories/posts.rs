//! Providers post texts over real connections to the real program (`tests/support/posts.py`), while it is killed and while its
//! database is away. `scripts/bench-texts.sh` does the same at full size and prints how fast it was.

use crate::faults::{Plan, Postgres, of};
use crate::house::{postgres_database, root};
use crate::logs::wait_until;
use beadle::store::args;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

const TWILIO_TOKEN: &str = "0123456789abcdef0123456789abcdef";
const NOTIFY_TOKEN: &str = "a-long-token";
const PUBLIC: &str = "https://council.test/texts";

/// An installation with an account at each provider, and nobody at the providers' own interfaces.
fn plan() -> Plan {
    let mut plan = Plan::new();
    plan.more = format!(
        "[[text]]\nname = 'twilio'\nprovider = 'twilio'\naccount_sid = 'AC1'\nfrom = '+442079460123'\n\
         public_url = '{PUBLIC}/twilio'\nkey = '{TWILIO_TOKEN}'\napi = 'http://127.0.0.1:9'\n\
         [[text]]\nname = 'notify'\nprovider = 'notify'\ntemplate_id = 'f33517ff-2a88-4f6e-b855-c550268ce08a'\n\
         public_url = '{PUBLIC}/notify'\ncallback = '{NOTIFY_TOKEN}'\napi = 'http://127.0.0.1:9'\n\
         key = 'desk-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0'\n"
    );
    plan
}

/// Posts under way.
struct Posts {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Posts {
    fn begin(plan: &Plan, kind: &str, more: &[&str]) -> Self {
        let url = format!("http://127.0.0.1:{}/texts/{kind}", plan.port);
        let token = if kind == "twilio" { TWILIO_TOKEN } else { NOTIFY_TOKEN };
        let packages = root().join("vendor/tools/python");
        assert!(packages.is_dir(), "the tests' Python packages are not there: run scripts/setup.sh test");
        let mut process = Command::new("python3")
            .arg(root().join("tests/support/posts.py"))
            .args([kind, "--url", &url, "--public-url", &format!("{PUBLIC}/{kind}"), "--token", token, "--ids"])
            .arg(plan.path("ids"))
            .args(more)
            .env("PYTHONPATH", packages)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Waits until so many were answered with 200.
    fn answered(&mut self, many: u32) {
        for line in self.lines.by_ref().map(Result::unwrap) {
            if line.strip_prefix("answered ").and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n >= many) {
                return;
            }
        }
        panic!("the posts ended before {many} were answered");
    }

    /// Waits until all are answered; what became of them.
    fn end(mut self) -> Value {
        let last = self.lines.by_ref().map(Result::unwrap).last().unwrap();
        assert!(self.process.wait().unwrap().success(), "a text was refused for good: {last}");
        println!("{last}");
        serde_json::from_str(&last).unwrap()
    }
}

impl Drop for Posts {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Every text that was posted is in the inbox once, became one message, and is accounted for.
fn each_is_stored_once(plan: &Plan, number: usize) {
    let received = i64::try_from(number).unwrap();
    wait_until(|| plan.has(received));
    let posted: BTreeSet<String> =
        std::fs::read_to_string(plan.path("ids")).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(posted.len(), number);
    let (stored, messages) = plan
        .look(async |tx| {
            let names: Vec<(String,)> = tx.all("SELECT external_id FROM inbox", args![]).await?;
            Ok((names, tx.count("SELECT COUNT(*) FROM messages", args![]).await?))
        })
        .unwrap();
    assert_eq!((stored.len(), messages), (number, received));
    let stored: BTreeSet<String> = stored.into_iter().map(|(name,)| name).collect();
    assert!(stored == posted, "others are stored than were posted");
}

fn killed(database: Option<String>) {
    let mut plan = plan();
    plan.database = database.unwrap_or(plan.database);
    let mut service = plan.start();
    let mut posts = Posts::begin(&plan, "twilio", &["--count", "300", "--repeats", "0.05", "--at-once", "8"]);
    for answered in [100, 200] {
        posts.answered(answered);
        service.kill();
        service = plan.start();
    }
    let ended = posts.end();
    assert_eq!((&ended["posts"], &ended["different"], &ended["lost"]), (&json!(300), &json!(285), &json!({})));
    assert_ne!(ended["again"], json!({}), "some met a program that was not there");
    each_is_stored_once(&plan, 285);
    service.end();
}

#[test]
fn every_text_posted_while_the_program_is_killed_is_stored_once_on_sqlite() {
    killed(None);
}

#[test]
fn every_text_posted_while_the_program_is_killed_is_stored_once_on_postgres() {
    killed(Some(tokio::runtime::Runtime::new().unwrap().block_on(postgres_database())));
}

#[test]
fn texts_posted_while_the_database_is_away_are_answered_and_kept_until_it_is_back_even_if_the_program_ends() {
    let server = Postgres::new();
    let mut plan = plan();
    // The tests' server may forget its last commits when it is cut off, which no council's does.
    plan.database = format!("{}?options[synchronous_commit]=on", server.run("start"));
    let kept = |plan: &Plan| {
        let files = std::fs::read_dir(plan.path("texts-waiting")).unwrap();
        files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|e| e == "json")).count()
    };
    let service = plan.start();
    let mut posts = Posts::begin(&plan, "notify", &["--rate", "100", "--seconds", "4"]);
    posts.answered(100);
    server.run("stop");
    let ended = posts.end();
    assert_eq!(ended["again"], json!({}), "no provider is asked to send a text again");
    assert_eq!(ended["first_answers"], json!({"200": 400}));
    assert!(kept(&plan) > 100, "{}", kept(&plan));
    let log = service.log();
    assert!(log.contains("what providers post is kept in"), "{log}");
    assert!(!log.contains("7700900") && !log.contains("Mill Lane"), "nothing of a text is in the log: {log}");
    service.kill();

    server.run("start");
    let waiting = kept(&plan);
    let (well, said) = {
        let doctor = plan.doctor();
        let (well, said) = of(&doctor, "texts");
        (well, said.to_owned())
    };
    assert!(!well && said.starts_with(&format!("{waiting} in ")), "{said}");
    let service = plan.start();
    each_is_stored_once(&plan, 400);
    wait_until(|| kept(&plan) == 0);
    assert!(of(&plan.doctor(), "texts").0);
    service.end();
}
