//! What goes wrong around a council's service, each tried on the real program: a line that names cause and remedy, and
//! the rest goes on.

use crate::house::{POTHOLE, root};
use crate::logs::{accounts, free_port, pause, wait_until};
use crate::stack::Stack;
use beadle::core::CaseState;
use beadle::store::case::{Case, Filter};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

fn beadle() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beadle"));
    command.current_dir(root()).stdin(Stdio::null()).env("RUST_BACKTRACE", "1");
    command
}

/// Runs a command to its end.
fn ask(arguments: &[&str]) -> Output {
    beadle().args(arguments).output().unwrap()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What it says when it refuses: one line, exit 1, nothing for programmers.
fn refusal(arguments: &[&str]) -> String {
    let output = ask(arguments);
    let error = said(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
    assert_eq!(error.lines().count(), 1, "one line: {error}");
    assert!(error.starts_with("beadle: "), "{error}");
    for word in ["panicked", "backtrace", "Error {", "Err("] {
        assert!(!error.contains(word), "{error}");
    }
    error.trim_end().to_owned()
}

/// An installation in a folder of its own. What stands here can be changed before it is written down.
struct Plan {
    dir: tempfile::TempDir,
    port: u16,
    database: String,
    smtp: String,
    rules: PathBuf,
    model: String,
    more: String,
}

impl Plan {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            port: free_port(),
            database: "sqlite:beadle.db".to_owned(),
            smtp: "folder = 'outgoing'".to_owned(),
            rules: root().join("rules"),
            model: "enabled = false".to_owned(),
            more: String::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("beadle.toml")
    }

    fn mailbox(&mut self, stack: &Stack, name: &str, user: &str, password: &str) {
        self.more += &format!(
            "[[mailbox]]\nname = '{name}'\nhost = '127.0.0.1'\nport = {}\nsecurity = 'none'\nuser = '{user}'\n\
             password = '{password}'\nafter = 'seen'\n",
            stack.imap
        );
    }

    /// A folder of mail, with this much in it.
    fn folder(&mut self, name: &str, mails: &[Vec<u8>]) {
        let folder = self.path(name);
        std::fs::create_dir(&folder).unwrap();
        for (number, mail) in mails.iter().enumerate() {
            std::fs::write(folder.join(format!("{number:05}.eml")), mail).unwrap();
        }
        self.more += &format!("[[folder]]\nname = '{name}'\npath = '{name}'\n");
    }

    fn text(&self) -> String {
        format!(
            "[council]\nname = 'Brackenmere'\naddress = 'cases@brackenmere.example'\nauthserv_id = 'mx.brackenmere.example'\n\
             [database]\nurl = '{}'\n[smtp]\n{}\n[rules]\ndir = '{}'\nreload_seconds = 1\n[model]\n{}\n\
             [routing]\nmode = 'auto'\nauto_above = 0.2\nunsure_below = 0.05\n[portal]\nlisten = '127.0.0.1:{}'\n{}",
            self.database,
            self.smtp,
            self.rules.display(),
            self.model,
            self.port,
            self.more,
        )
    }

    fn write(&self) -> PathBuf {
        std::fs::write(self.file(), self.text()).unwrap();
        self.file()
    }

    /// Starts the service and waits until it runs.
    fn start(&self) -> Service {
        let (file, log) = (self.write(), self.path("log"));
        let process = beadle()
            .args(["run", "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap())
            .spawn()
            .unwrap();
        let mut service = Service { process, log, port: self.port };
        wait_until(|| {
            assert!(service.process.try_wait().unwrap().is_none(), "{}", service.log());
            service.says("beadle runs")
        });
        service
    }

    /// So many messages came, and each is accounted for.
    fn has(&self, received: usize) -> bool {
        accounts(&self.file()).is_some_and(|a| a["received"] == received && a["unaccounted"] == 0)
    }

    /// Every case, by the titles that their mails gave them.
    fn cases(&self) -> Vec<Case> {
        let settings = beadle::config::Settings::load(&self.file()).unwrap();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let db = beadle::app::database(&settings).await.unwrap();
            let mut tx = db.read().await.unwrap();
            let cases = beadle::store::case::list(&mut tx, &Filter { limit: 1000, ..Filter::default() }).await.unwrap();
            drop(tx);
            db.close().await;
            cases
        })
    }

    /// Outgoing mails in a status.
    fn outgoing(&self, status: &str) -> i64 {
        let settings = beadle::config::Settings::load(&self.file()).unwrap();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let db = beadle::app::database(&settings).await.unwrap();
            let mut tx = db.read().await.unwrap();
            let counts = beadle::store::outbox::count_by_status(&mut tx).await.unwrap();
            drop(tx);
            db.close().await;
            counts.iter().find(|(s, _)| s == status).map_or(0, |(_, n)| *n)
        })
    }

    /// What `beadle doctor --json` says of one thing: whether it is well, and the words.
    fn doctor(&self, what: &str) -> (bool, String) {
        let output = ask(&["doctor", "--json", "--config", self.file().to_str().unwrap()]);
        let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output.stderr)));
        let check = all["checks"].as_array().unwrap().iter().find(|c| c["what"] == what);
        let check = check.unwrap_or_else(|| panic!("no check of {what}: {all}"));
        (check["ok"] == true, check["said"].as_str().unwrap().to_owned())
    }
}

/// A running service; it ends with the story.
struct Service {
    process: Child,
    log: PathBuf,
    port: u16,
}

impl Service {
    fn log(&self) -> String {
        said(&std::fs::read(&self.log).unwrap())
    }

    fn says(&self, words: &str) -> bool {
        self.log().contains(words)
    }

    /// Waits for the log line with `words`; gives it.
    fn line(&self, words: &str) -> String {
        wait_until(|| self.says(words));
        self.log().lines().find(|line| line.contains(words)).unwrap().to_owned()
    }

    /// Status and body of the page that machines watch.
    fn health(&self) -> (u16, String) {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.port).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("{answer}"));
        (status, answer.rsplit("\r\n\r\n").next().unwrap().trim().to_owned())
    }

    fn runs(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Asks it to end, and checks that it does so in order; how long that took.
    fn end(mut self) -> Duration {
        let begun = Instant::now();
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let status = self.process.wait().unwrap();
        let took = begun.elapsed();
        let log = self.log();
        assert_eq!(status.code(), Some(0), "a clean end: {log}");
        assert!(log.lines().last().unwrap().contains("ended"), "{log}");
        assert!(!log.contains("panicked"), "{log}");
        took
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A mail that the council's server vouches for, each about another lamp or hole.
fn mail(subject: &str, body: &str) -> Vec<u8> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let from = format!("resident@home{n}.example");
    crate::house::letter(&from, &format!("fault{n}@home{n}.example"), subject, body).replace('\n', "\r\n").into_bytes()
}

fn potholes(count: usize) -> Vec<Vec<u8>> {
    (1..=count).map(|n| mail(&format!("Pothole {n}"), POTHOLE)).collect()
}

fn unseen(stack: &Stack, user: &str) -> usize {
    stack.flags(user, "INBOX").iter().filter(|line| !line.contains("\\Seen")).count()
}

fn holds(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no '{word}' in: {text}");
    }
}

#[test]
fn bad_settings_end_in_one_line_that_names_cause_and_remedy() {
    let missing = tempfile::tempdir().unwrap().path().join("no.toml");
    let line = refusal(&["run", "--config", missing.to_str().unwrap()]);
    holds(&line, &["no.toml cannot be read", "beadle.example.toml"]);

    let refused = |change: &dyn Fn(&mut Plan), words: &[&str]| {
        let mut plan = Plan::new();
        change(&mut plan);
        let file = plan.write();
        let line = refusal(&["run", "--config", file.to_str().unwrap()]);
        println!("{line}");
        holds(&line, words);
    };
    refused(
        &|p| p.more = "[portal]\nport = 1\n".to_owned(),
        &["beadle.toml: line ", "portal"],
    );
    refused(&|p| p.model = "enabled = false\nencodr = 'x'".to_owned(), &["beadle.toml: line 13", "encodr", "encoder"]);
    refused(&|p| p.model = "enabled = 'perhaps'".to_owned(), &["beadle.toml: line 12", "boolean"]);
    refused(&|p| p.model = "enabled =".to_owned(), &["beadle.toml: line 1"]);
    refused(
        &|p| p.more = "[[folder]]\nname = 'f'\npath = 'f'\ncouncillor = 'nobody'\n".to_owned(),
        &["account 'f'", "no [[councillor]] with the id 'nobody'"],
    );
    refused(&|p| p.smtp = String::new(), &["[smtp] needs either host", "or folder"]);
    refused(&|p| p.smtp = "host = 'relay.example'\nsecurity = 'none'".to_owned(), &["relay.example", "\"tls\" or \"starttls\""]);
    refused(
        &|p| p.smtp = "host = 'relay.example'\nuser = 'u'\npassword_file = 'gone'".to_owned(),
        &["password_file", "gone cannot be read"],
    );
    refused(&|p| p.database = "mysql://x/y".to_owned(), &["neither sqlite:PATH nor postgres://"]);
    refused(&|p| p.database = "sqlite:gone/beadle.db".to_owned(), &["make the folder", "gone"]);
    refused(&|p| p.rules = "gone".into(), &["gone", "there is no such folder", "[rules] dir"]);
    refused(&|p| p.more = "[service]\nlog_level = 'a=b=c'\n".to_owned(), &["log_level 'a=b=c'"]);

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    refused(&|p| p.port = port, &["cannot listen on 127.0.0.1:", "is another beadle running"]);
}
