//! What goes wrong around a council's service, each tried on the real program: a line that names cause and remedy, and
//! the rest goes on.

use crate::house::{POTHOLE, root};
use crate::logs::{free_port, wait_until};
use crate::stack::Stack;
use beadle::core::CaseState;
use beadle::store::Tx;
use beadle::store::case::{Case, Filter};
use beadle::store::inbox::Accounts;
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
pub struct Plan {
    dir: tempfile::TempDir,
    pub port: u16,
    pub database: String,
    smtp: String,
    pub rules: PathBuf,
    model: String,
    /// What stands below `[routing]`.
    pub routing: String,
    pub more: String,
}

impl Plan {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            port: free_port(),
            database: "sqlite:beadle.db".to_owned(),
            smtp: "folder = 'outgoing'".to_owned(),
            rules: root().join("rules"),
            model: "enabled = false".to_owned(),
            routing: "mode = 'auto'\nauto_above = 0.2\ngather_minutes = 0\nunsure_below = 0.05".to_owned(),
            more: String::new(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
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
    pub fn folder(&mut self, name: &str, mails: &[Vec<u8>]) {
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
             [routing]\n{}\n[portal]\nlisten = '127.0.0.1:{}'\n{}",
            self.database,
            self.smtp,
            self.rules.display(),
            self.model,
            self.routing,
            self.port,
            self.more,
        )
    }

    fn write(&self) -> PathBuf {
        std::fs::write(self.file(), self.text()).unwrap();
        self.file()
    }

    /// Starts the service and waits until it runs.
    pub fn start(&self) -> Service {
        self.start_with(&[])
    }

    /// What the program says when it does not serve this council beside another.
    pub fn refused_with(&self, other: &Self) -> String {
        let (first, second) = (self.write(), other.write());
        refusal(&["run", "--config", first.to_str().unwrap(), "--beside", second.to_str().unwrap()])
    }

    /// Starts the service with other councils beside this one.
    pub fn start_with(&self, others: &[&Self]) -> Service {
        let (file, log) = (self.write(), self.path("log"));
        let beside = others.iter().flat_map(|other| [std::ffi::OsString::from("--beside"), other.write().into()]);
        let process = beadle()
            .args(["run", "--config"])
            .arg(&file)
            .args(beside)
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

    /// Asks its database; `None` where that does not answer.
    pub fn look<T>(&self, ask: impl AsyncFnOnce(&mut Tx) -> beadle::store::Result<T>) -> Option<T> {
        let settings = beadle::config::Settings::load(&self.file()).unwrap();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let db = beadle::app::database(&settings).await.ok()?;
            let mut tx = db.read().await.ok()?;
            let answer = ask(&mut tx).await.ok();
            drop(tx);
            db.close().await;
            answer
        })
    }

    fn sums(&self) -> Option<Accounts> {
        self.look(async |tx| beadle::store::inbox::accounts(tx).await)
    }

    /// So many messages came, and each is accounted for.
    pub fn has(&self, received: i64) -> bool {
        self.sums().is_some_and(|sums| sums.received == received && sums.unaccounted == 0)
    }

    /// The failure that is noted of an account, until it is well again.
    fn noted(&self, account: &str) -> Option<String> {
        self.look(async |tx| beadle::store::cursor::get(tx, account).await).flatten().and_then(|cursor| cursor.error)
    }

    fn cases(&self) -> Vec<Case> {
        let all = Filter { limit: 1000, ..Filter::default() };
        self.look(async |tx| beadle::store::case::list(tx, &all).await).unwrap()
    }

    /// How many outgoing mails are in one of these states.
    fn outgoing(&self, states: &[&str]) -> i64 {
        let counts = self.look(async |tx| beadle::store::outbox::count_by_status(tx).await).unwrap();
        counts.iter().filter(|(state, _)| states.contains(&state.as_str())).map(|(_, n)| n).sum()
    }

    /// What `beadle doctor --json` says.
    pub fn doctor(&self) -> Value {
        let output = ask(&["doctor", "--json", "--config", self.file().to_str().unwrap()]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output.stderr)))
    }
}

/// What the doctor says of one thing: whether it is well, and the words.
pub fn of<'a>(doctor: &'a Value, what: &str) -> (bool, &'a str) {
    let check = doctor["checks"].as_array().unwrap().iter().find(|c| c["what"] == what);
    let check = check.unwrap_or_else(|| panic!("no check of {what}: {doctor}"));
    (check["ok"] == true, check["said"].as_str().unwrap())
}

/// A running service; it ends with the story.
pub struct Service {
    process: Child,
    log: PathBuf,
    port: u16,
}

impl Service {
    pub fn log(&self) -> String {
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

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to end, and checks that it does so in order; how long that took.
    pub fn end(mut self) -> Duration {
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
        if std::thread::panicking() {
            println!("the service's log:\n{}", self.log());
        }
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
    refused(&|p| p.more = "[portal]\nport = 1\n".to_owned(), &["beadle.toml: line 21", "duplicate key"]);
    refused(&|p| p.model = "enabled = false\nencodr = 'x'".to_owned(), &["beadle.toml: line 14", "encodr", "encoder"]);
    refused(&|p| p.model = "enabled = 'perhaps'".to_owned(), &["beadle.toml: line 13", "boolean"]);
    refused(&|p| p.model = "enabled =".to_owned(), &["beadle.toml: line 1"]);
    refused(
        &|p| p.more = "[[folder]]\nname = 'f'\npath = 'f'\ncouncillor = 'nobody'\n".to_owned(),
        &["account 'f'", "no [[councillor]] with the id 'nobody'"],
    );
    refused(&|p| p.smtp = String::new(), &["[smtp] needs either host", "or folder"]);
    refused(
        &|p| p.smtp = "host = 'relay.example'\nsecurity = 'none'".to_owned(),
        &["relay.example", "\"tls\" or \"starttls\""],
    );
    refused(
        &|p| p.smtp = "host = 'relay.example'\nuser = 'u'\npassword_file = 'gone'".to_owned(),
        &["[smtp]: password_file", "gone cannot be read"],
    );
    refused(&|p| p.database = "mysql://x/y".to_owned(), &["neither sqlite:PATH nor postgres://"]);
    refused(
        &|p| p.database = "sqlite:gone/beadle.db".to_owned(),
        &["cannot be opened", "/gone/beadle.db): make the folder"],
    );
    refused(&|p| p.rules = "gone".into(), &["/gone: there is no such folder", "[rules] dir"]);
    refused(&|p| p.more = "[service]\nlog_level = 'a=b=c'\n".to_owned(), &["log_level 'a=b=c'"]);

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    refused(&|p| p.port = port, &["cannot listen on 127.0.0.1:", "is another beadle running"]);
}

#[test]
fn a_wrong_password_stops_nobody_elses_mailbox() {
    let stack = Stack::shared();
    let (locked, open) = (stack.user("locked"), stack.user("open"));
    stack.deliver(&locked, &potholes(1));
    stack.deliver(&open, &potholes(2));
    let mut plan = Plan::new();
    plan.mailbox(stack, "locked", &locked, "not the password");
    plan.mailbox(stack, "open", &open, &stack.password);
    plan.more +=
        "[[mailbox]]\nname = 'unset'\nhost = '127.0.0.1'\nuser = 'u'\npassword_env = 'BEADLE_NO_SUCH_VARIABLE'\n";
    let service = plan.start();
    let unset = service.line("BEADLE_NO_SUCH_VARIABLE");
    holds(&unset, &["ERROR", "unset", "is not watched", "password_env"]);
    wait_until(|| plan.has(2));
    wait_until(|| unseen(stack, &open) == 0);
    let line = service.line("refuses the user name or the password");
    println!("{line}");
    holds(&line, &["WARN", "locked", "correct them in the settings", "app password"]);
    wait_until(|| plan.noted("locked").is_some_and(|why| line.contains(&why)));
    assert_eq!(plan.noted("open"), None);
    let doctor = plan.doctor();
    let (well, words) = of(&doctor, "mailbox locked");
    assert!(!well, "{words}");
    holds(words, &["refuses the user name or the password", "correct them in the settings"]);
    assert_eq!(of(&doctor, "mailbox open"), (true, "2 messages in INBOX"));
    holds(of(&doctor, "mailbox unset").1, &["BEADLE_NO_SUCH_VARIABLE is not set"]);
    assert!(!service.log().contains("not the password"), "a password in the log");
    assert_eq!(unseen(stack, &locked), 1);
    service.end();
}

/// A small file system of its own; `None` where this user may not mount one.
struct Disk(PathBuf);

impl Disk {
    fn new(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={size}");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output();
        done.is_ok_and(|o| o.status.success()).then(|| Self(at.to_owned()))
    }

    /// Another program writes until nothing more goes.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("somebody-elses")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![b'x'; size]).and_then(|()| file.sync_all()).is_ok() {}
        }
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged_and_all_is_taken_in_once_there_is_room() {
    let stack = Stack::shared();
    let user = stack.user("full");
    let mut plan = Plan::new();
    let Some(disk) = Disk::new(&plan.path("disk"), "3m") else {
        println!("NOT TRIED: this user may not mount a small file system (root may)");
        return;
    };
    plan.database = "sqlite:disk/beadle.db".to_owned();
    plan.mailbox(stack, "c", &user, &stack.password);
    stack.deliver(&user, &potholes(2));
    let mut service = plan.start();
    wait_until(|| plan.has(2) && plan.outgoing(&["queued", "sending"]) == 0);
    wait_until(|| unseen(stack, &user) == 0);
    disk.fill();
    let long = "The pothole is as deep as before.\r\n".repeat(2000);
    stack.deliver(&user, &(0..12).map(|n| mail(&format!("Pothole {n} again"), &long)).collect::<Vec<_>>());
    let line = service.line("the disk that holds the database is full");
    println!("{line}");
    holds(&line, &["free some space", "nothing that was taken in is lost"]);
    // Again and again, so that no connection to the database is left that has not failed.
    wait_until(|| service.log().matches("again_in_seconds").count() >= 3);
    assert_eq!(service.log().matches("error=").count(), service.log().matches("error=the disk that holds").count());
    assert_eq!(unseen(stack, &user), 12, "nothing is acknowledged that is not written down");
    assert_eq!(service.health(), (200, "ok".to_owned()), "what can be read is shown");
    assert!(plan.has(2) && service.runs());
    disk.grow("60m");
    wait_until(|| plan.has(14));
    wait_until(|| unseen(stack, &user) == 0);
    assert_eq!(service.health(), (200, "ok".to_owned()));
    let sums = plan.sums().unwrap();
    assert_eq!((sums.new_cases + sums.joined, sums.quarantined), (14, 0), "{sums:?}");
    service.end();
    drop(disk);
}

#[test]
fn a_mailbox_that_vanishes_is_read_again_when_it_is_back() {
    let stack = Stack::private(&[]);
    let user = stack.user("vanishing");
    let mut plan = Plan::new();
    plan.mailbox(&stack, "c", &user, &stack.password);
    stack.deliver(&user, &potholes(1));
    let service = plan.start();
    wait_until(|| plan.has(1));
    stack.run(&["imap-stop"]);
    let line = service.line("the account cannot be read");
    println!("{line}");
    holds(&line, &["WARN", "account=\"c\"", "again_in_seconds"]);
    let line = service.line("cannot reach 127.0.0.1");
    println!("{line}");
    holds(&line, &["Connection refused", "check host, port and firewall"]);
    let doctor = plan.doctor();
    let (well, words) = of(&doctor, "mailbox c");
    assert!(!well, "{words}");
    holds(words, &["cannot reach 127.0.0.1", "check host, port and firewall"]);
    wait_until(|| plan.noted("c").is_some_and(|why| why.contains("cannot reach 127.0.0.1")));
    assert_eq!(service.health().0, 200, "the rest goes on");
    stack.run(&["imap-start"]);
    stack.deliver(&user, &potholes(2));
    wait_until(|| plan.has(3));
    wait_until(|| unseen(&stack, &user) == 0);
    wait_until(|| plan.noted("c").is_none());
    assert_eq!(of(&plan.doctor(), "mailbox c"), (true, "3 messages in INBOX"));
    service.end();
}

#[test]
fn mail_waits_for_a_relay_that_is_away() {
    let port = free_port();
    let mut plan = Plan::new();
    plan.smtp = format!("host = '127.0.0.1'\nport = {port}\nsecurity = 'none'");
    plan.folder("in", &[mail("Pothole in Mill Lane", POTHOLE)]);
    let mut service = plan.start();
    wait_until(|| plan.has(1));
    let line = service.line("a mail has not gone");
    println!("{line}");
    holds(&line, &["WARN", "cannot reach 127.0.0.1", "check host, port and firewall"]);
    let queued = plan.outgoing(&["queued", "sending"]);
    assert!(queued >= 2, "the department and the resident are to be told: {queued}");
    let doctor = plan.doctor();
    let (well, words) = of(&doctor, "outgoing relay");
    assert!(!well, "{words}");
    holds(words, &["cannot reach 127.0.0.1", "check host, port and firewall"]);
    assert!(service.runs());
    let _stack = Stack::private(&[("MAILSTACK_SMTP_PORT", &port.to_string())]);
    assert!(of(&plan.doctor(), "outgoing relay").0);
    wait_until(|| plan.outgoing(&["sent"]) == queued);
    assert_eq!(plan.outgoing(&["queued", "sending", "failed", "uncertain"]), 0);
    service.end();
}

/// A PostgreSQL of its own, which can be stopped; it ends with the story.
pub struct Postgres {
    dir: PathBuf,
    reaper: Child,
}

impl Postgres {
    pub fn new() -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pg-{}", std::process::id()));
        let reaper = Command::new("setsid")
            .args(["sh", "-c", "cat >/dev/null; exec \"$0\" destroy"])
            .arg(root().join("tests/support/postgres.sh"))
            .env("BEADLE_POSTGRES_DIR", &dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { dir, reaper }
    }

    pub fn run(&self, what: &str) -> String {
        let mut script = Command::new(root().join("tests/support/postgres.sh"));
        let output = script.arg(what).env("BEADLE_POSTGRES_DIR", &self.dir).output().unwrap();
        assert!(output.status.success(), "{}", said(&output.stderr));
        said(&output.stdout).trim().rsplit_once("POSTGRES=").map(|(_, url)| url.to_owned()).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.reaper.stdin.take());
        let _ = self.reaper.wait();
    }
}

#[test]
fn a_database_server_that_is_away_for_a_while_stops_nothing_for_good() {
    let stack = Stack::shared();
    let user = stack.user("server");
    let server = Postgres::new();
    let mut plan = Plan::new();
    let address = server.run("start");
    // The tests' server may forget its last commits when it is cut off, which no council's does.
    plan.database = format!("{address}?options[synchronous_commit]=on");
    plan.mailbox(stack, "c", &user, &stack.password);
    stack.deliver(&user, &potholes(2));
    let mut service = plan.start();
    wait_until(|| plan.has(2));
    server.run("stop");
    assert_eq!(service.health().0, 503);
    stack.deliver(&user, &potholes(3));
    let line = service.line("the inbox cannot be worked on");
    println!("{line}");
    holds(&line, &["ERROR", "the database does not answer", "see that its server runs", "tries again"]);
    assert_eq!(unseen(stack, &user), 3, "nothing is acknowledged that is not written down");
    assert!(service.runs());
    assert_eq!(server.run("start"), address, "the same as before");
    wait_until(|| service.health() == (200, "ok".to_owned()));
    wait_until(|| plan.has(5));
    wait_until(|| unseen(stack, &user) == 0);
    service.end();
}

#[test]
fn without_encoder_or_trained_model_the_service_works_by_rules_and_says_so() {
    for (model, words) in [
        (
            "encoder = 'gone/encoder'".to_owned(),
            ["the sentence encoder is not in", "run scripts/setup.sh, or set [model] encoder"],
        ),
        (
            format!("encoder = '{}'\nclassifier = 'gone/models'", root().join("vendor/all-MiniLM-L6-v2").display()),
            ["the trained model is not in", "run `make model`, or set [model] classifier"],
        ),
    ] {
        let mut plan = Plan::new();
        plan.model = model;
        plan.folder("in", &[mail("A question", "Whom do I ask about the thing we talked about at the fair?")]);
        let service = plan.start();
        let line = service.line(words[0]);
        println!("{line}");
        holds(&line, &["WARN", words[1], "until then rules alone judge", "gone/"]);
        wait_until(|| plan.has(1));
        assert_eq!(plan.cases().iter().map(|c| c.state).collect::<Vec<_>>(), [CaseState::Review]);
        let doctor = plan.doctor();
        let (well, said) = of(&doctor, "model and places");
        assert!(!well, "{said}");
        holds(said, &words);
        let warnings: Vec<String> = service.log().lines().filter(|l| l.contains("WARN")).map(str::to_owned).collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        service.end();
    }
}

#[test]
fn a_broken_rule_file_is_refused_aloud_and_the_old_rules_stay() {
    let stack = Stack::shared();
    let user = stack.user("rules");
    let mut plan = Plan::new();
    plan.rules = plan.path("rules");
    assert!(Command::new("cp").arg("-r").arg(root().join("rules")).arg(&plan.rules).status().unwrap().success());
    let file = plan.rules.join("patterns/roads.toml");
    let shipped = std::fs::read_to_string(&file).unwrap();
    let rule = |pattern: &str, service: &str| {
        let text = format!(
            "{shipped}\n[[rule]]\nid = 'roads.quernstone'\nservice = '{service}'\nweight = 4.0\npattern = '{pattern}'\n\
             matches = ['the quernstone is loose']\nnot_matches = ['a mill']\n"
        );
        std::fs::write(&file, text).unwrap();
    };
    let config = plan.write();
    for (pattern, service, what) in [
        ("quernstown", "potholes_and_road_surface", "should match 'the quernstone is loose' and does not"),
        ("mill|quernstone", "potholes_and_road_surface", "should not match 'a mill' and does"),
        ("quern(stone", "potholes_and_road_surface", "the pattern is none: unclosed group"),
        ("quernstone", "holes", "there is no service 'holes' in services.toml"),
    ] {
        rule(pattern, service);
        let line = refusal(&["run", "--config", config.to_str().unwrap()]);
        println!("{line}");
        holds(&line, &["the rules cannot be used", "rules/patterns/roads.toml", "rule 'roads.quernstone'", what]);
    }
    std::fs::write(&file, format!("{shipped}\n[[rule]\n")).unwrap();
    let last = shipped.lines().count() + 2;
    let line = refusal(&["run", "--config", config.to_str().unwrap()]);
    println!("{line}");
    holds(&line, &["rules/patterns/roads.toml", &format!("line {last}")]);

    std::fs::write(&file, &shipped).unwrap();
    plan.mailbox(stack, "c", &user, &stack.password);
    let service = plan.start();
    rule("quernstown", "potholes_and_road_surface");
    let line = service.line("the changed rules are wrong");
    println!("{line}");
    holds(&line, &["ERROR", "the old ones stay in force", "rules/patterns/roads.toml", "rule 'roads.quernstone'"]);
    let words = "The quernstone is loose.";
    stack.deliver(&user, &[mail("First", words), mail("Pothole", POTHOLE)]);
    wait_until(|| plan.has(2));
    rule("quernstone", "potholes_and_road_surface");
    service.line("changed rules are in force");
    stack.deliver(&user, &[mail("Second", words)]);
    wait_until(|| plan.has(3));
    let cases = plan.cases();
    let service_of = |title: &str| cases.iter().find(|c| c.title.contains(title)).unwrap().service.clone();
    let judged = [service_of("First"), service_of("Pothole"), service_of("Second")];
    assert_ne!(judged[0], "potholes_and_road_surface", "a rule that was refused");
    assert_eq!(judged[1..], ["potholes_and_road_surface", "potholes_and_road_surface"]);
    service.end();
}

#[test]
fn told_to_end_with_work_in_hand_it_ends_cleanly_within_seconds() {
    let mut plan = Plan::new();
    plan.folder("in", &potholes(200));
    let service = plan.start();
    service.line("messages taken in");
    let took = service.end();
    assert!(took < Duration::from_secs(10), "{took:?}");
    let sums = plan.sums().unwrap();
    println!("ended in {took:?}: {sums:?}");
    assert!(sums.received < 200 || sums.unaccounted > 0, "nothing was in hand: {sums:?}");
    let service = plan.start();
    wait_until(|| plan.has(200));
    service.end();
}

#[test]
fn the_demo_run_twice_takes_everything_in_once() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("demo");
    let dir = dir.to_str().unwrap();
    let mailbox = std::fs::read_dir(root().join("training-data/demo/mailbox")).unwrap().count();
    let run = || {
        let output = ask(&["demo", "--once", "--dir", dir]);
        assert!(output.status.success(), "{}", said(&output.stderr));
        said(&output.stdout)
    };
    let add_up = || -> Value {
        let output = ask(&["doctor", "--reconcile", "--json", "--dir", dir]);
        assert!(output.status.success(), "{}", said(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    holds(&run(), &[&format!("{mailbox} new messages, 0 known already"), "0 not accounted for", "nothing is sent"]);
    let first = add_up();
    holds(&run(), &[&format!("0 new messages, {mailbox} known already"), "0 not accounted for"]);
    let second = add_up();
    let figure = |name: &str| second[name].as_u64().unwrap_or_else(|| panic!("no {name} in {second}"));
    assert_eq!(first, second);
    assert_eq!(figure("received"), mailbox as u64);
    let sum: u64 = ["new_cases", "joined", "quarantined", "set_aside"].iter().map(|name| figure(name)).sum();
    assert_eq!((sum, figure("unaccounted")), (mailbox as u64, 0));
    let line = refusal(&["demo", "--once", "--dir", dir, "--mailbox", "/no/such/mailbox"]);
    holds(&line, &["there is no mailbox /no/such/mailbox"]);
}

/// `beadle classify --json` of these bytes on standard input.
fn classified(arguments: &[&str], bytes: &[u8]) -> Value {
    let mut process = beadle()
        .args(["classify", "--json"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = process.stdin.take().unwrap();
    let bytes = bytes.to_owned();
    let writing = std::thread::spawn(move || input.write_all(&bytes));
    let output = process.wait_with_output().unwrap();
    let error = said(&output.stderr);
    let _ = writing.join();
    assert!(output.status.success() && !error.contains("panicked"), "{error}");
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in ["service", "confidence", "priority", "department", "language", "ward", "decision", "reasons"] {
        assert!(verdict.get(key).is_some(), "no {key} in {verdict}");
    }
    verdict
}

#[test]
fn classify_judges_a_mail_plain_words_nothing_and_noise() {
    let sample = root().join("training-data/demo/mailbox/001-pothole-tanners-row.eml");
    let whole = classified(&[sample.to_str().unwrap()], b"");
    assert_eq!(whole["service"], "potholes_and_road_surface");
    assert!(whole["ward"].is_string() && whole["model"].is_string(), "{whole}");
    assert_eq!(whole["language"], "en");

    let plan = Plan::new();
    let config = plan.write();
    let judge = |bytes: &[u8]| classified(&["-", "--config", config.to_str().unwrap()], bytes);
    assert_eq!(judge(POTHOLE.as_bytes())["service"], "potholes_and_road_surface");
    let nothing = judge(b"");
    assert_ne!(nothing["decision"], "auto", "{nothing}");
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..1 << 20)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .collect();
    let noise = judge(&noise);
    assert_ne!(noise["decision"], "auto", "{noise}");
    let line = refusal(&["classify", "/no/such/file"]);
    holds(&line, &["/no/such/file cannot be read"]);
}
