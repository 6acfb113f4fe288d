//! Killed at any moment and started again: nothing lost, nothing doubled.
//!
//! `BEADLE_CORPORA=FOLDER` (with `.eml` and other mail files below it) puts those into the mailbox as well.

use crate::house::{header, root};
use crate::logs::{accounts, free_port, pause, wait_until};
use crate::stack::Stack;
use beadle::intake::mime::{self, MimeLimits};
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const MAILS: usize = 300;
const KILLS: usize = 20;

/// The demo's mails, then as many more as are needed: the same words from other people about other lamps.
fn fill(folder: &Path, councillor: &str) -> usize {
    let mut count = 0;
    let mut put = |bytes: &[u8]| {
        std::fs::write(folder.join(format!("{count:06}.eml")), bytes).unwrap();
        count += 1;
    };
    if let Some(corpora) = std::env::var_os("BEADLE_CORPORA") {
        let mut found = Vec::new();
        walk(Path::new(&corpora), &mut found);
        found.sort();
        let step = (found.len() / (MAILS - 100)).max(1);
        found.iter().step_by(step).for_each(|path| put(&std::fs::read(path).unwrap()));
    }
    let mut own = Vec::new();
    walk(&root().join("training-data/demo/mailbox"), &mut own);
    own.sort();
    for path in own {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        // What a mail says of its delivery is the test server's to say.
        put(text.replace("cllr.nowak@brackenmere.example", councillor).as_bytes());
    }
    let mut number = 0;
    while count < MAILS || number < 60 {
        number += 1;
        let mail = format!(
            "Authentication-Results: mx.brackenmere.example; dmarc=pass header.from=home{number}.example\r\n\
             From: Resident {number} <r@home{number}.example>\r\nTo: {councillor}\r\nSubject: Street light {number}\r\n\
             Message-ID: <lamp{number}@home{number}.example>\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\n\r\n\
             The street light column {number} in Signal Row is out, please repair the lamp.\r\n"
        );
        std::fs::write(folder.join(format!("{count:06}.eml")), mail).unwrap();
        count += 1;
    }
    count
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

fn settings(dir: &Path, stack: &Stack, user: &str, domain: &str, database: &str) -> PathBuf {
    let home = root();
    let text = format!(
        "[council]\nname = 'Brackenmere'\naddress = 'cases@{domain}'\nauthserv_id = 'mx.brackenmere.example'\n\
         [database]\nurl = '{database}'\n[smtp]\nhost = '127.0.0.1'\nport = {}\nsecurity = 'none'\n\
         [rules]\ndir = '{rules}'\n[model]\nencoder = '{vendor}'\nclassifier = '{models}'\n\
         [routing]\nmode = 'auto'\nauto_above = 0.3\ngather_minutes = 0\nunsure_below = 0.1\n[portal]\nlisten = '127.0.0.1:{portal}'\n\
         [service]\nbatch = 8\n\
         [[councillor]]\nid = 'c'\nname = 'Cllr C'\nemail = '{user}@{domain}'\n\
         [[mailbox]]\nname = 'c'\ncouncillor = 'c'\nhost = '127.0.0.1'\nport = {imap}\nsecurity = 'none'\nuser = '{user}'\n\
         password = '{password}'\nafter = 'seen'\n",
        stack.smtp,
        rules = home.join("rules").display(),
        vendor = home.join("vendor/all-MiniLM-L6-v2").display(),
        models = home.join("models").display(),
        portal = free_port(),
        imap = stack.imap,
        password = stack.password,
    );
    let file = dir.join("beadle.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn start(settings: &Path, log: &Path) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    Command::new(env!("CARGO_BIN_EXE_beadle"))
        .args(["run", "--config"])
        .arg(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// What the relay took from us, each once a delivery.
fn delivered(stack: &Stack, domain: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(stack.dir.join("smtp")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "eml") {
            let mail = String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default())
                .replace("\r\n", "\n")
                .replace('\n', "\r\n");
            if header(&mail, "From").contains(&format!("@{domain}")) {
                found.push(mail);
            }
        }
    }
    found
}

fn tell(database: &str, name: &str) {
    let stack = Stack::shared();
    let dir = tempfile::tempdir().unwrap();
    let (user, domain) =
        (format!("killed-{name}-{}", std::process::id()), format!("{name}-{}.example", std::process::id()));
    let mails = dir.path().join("mails");
    std::fs::create_dir(&mails).unwrap();
    let number = fill(&mails, &format!("{user}@{domain}"));
    stack.run(&["load", mails.to_str().unwrap(), &user]);
    let database =
        if database.is_empty() { format!("sqlite:{}", dir.path().join("b.db").display()) } else { database.to_owned() };
    let settings = settings(dir.path(), stack, &user, &domain, &database);
    let log = dir.path().join("log");
    let seed = rand::random();
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let mut in_the_middle = 0;
    for round in 1..=KILLS {
        let mut service = start(&settings, &log);
        wait_until(|| std::fs::read_to_string(&log).unwrap().matches("beadle runs").count() == round);
        pause(Duration::from_millis(rng.random_range(20..900)));
        service.kill().unwrap();
        service.wait().unwrap();
        let unfinished = accounts(&settings).is_none_or(|a| a["unaccounted"] != 0) || !nothing_to_send(&settings);
        in_the_middle += u32::from(unfinished);
    }
    assert!(in_the_middle >= 5, "seed {seed}: only {in_the_middle} kills came while there was work in hand");
    let mut service = start(&settings, &log);
    let whole = |a: &serde_json::Value| a["received"] == number && a["unaccounted"] == 0;
    wait_until(|| accounts(&settings).is_some_and(|a| whole(&a)));
    wait_until(|| nothing_to_send(&settings));
    let _ = Command::new("kill").args(["-TERM", &service.id().to_string()]).status();
    assert!(service.wait().unwrap().success(), "a clean end; seed {seed}");
    let sums = accounts(&settings).unwrap();
    println!("seed {seed}: {in_the_middle} of {KILLS} kills came while there was work in hand; {sums}");
    check_mail(&mails, &delivered(stack, &domain), seed);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(!log.contains("a fault in the program"), "seed {seed}: {log}");
}

fn nothing_to_send(settings: &Path) -> bool {
    let settings = beadle::config::Settings::load(settings).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let db = beadle::app::database(&settings).await.unwrap();
        let mut tx = db.read().await.unwrap();
        let by_status = beadle::store::outbox::count_by_status(&mut tx).await.unwrap();
        drop(tx);
        db.close().await;
        !by_status.iter().any(|(status, _)| matches!(status.as_str(), "queued" | "sending"))
    })
}

fn check_mail(mails: &Path, sent: &[String], seed: u64) {
    let mut automatic = BTreeSet::new();
    let mut people = BTreeSet::new();
    for entry in std::fs::read_dir(mails).unwrap() {
        let raw = std::fs::read(entry.unwrap().path()).unwrap();
        if let Ok(mail) = mime::parse(&raw, &MimeLimits::default(), None)
            && let Some(id) = mail.rfc_message_id
        {
            if mail.automatic.is_some() {
                automatic.insert(id)
            } else {
                people.insert(id)
            };
        }
    }
    let mut answers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut referrals: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mail in sent {
        let id = header(mail, "Message-ID");
        let answered = header(mail, "In-Reply-To").trim_matches(['<', '>']).to_owned();
        if answered.is_empty() {
            referrals.entry(header(mail, "Subject")).or_default().insert(id);
        } else {
            answers.entry(answered).or_default().insert(id);
        }
    }
    for (answered, ids) in &answers {
        assert_eq!(ids.len(), 1, "seed {seed}: {answered} was acknowledged under {} Message-IDs", ids.len());
        let by_a_person = people.contains(answered) || !automatic.contains(answered);
        assert!(by_a_person, "seed {seed}: automatic mail {answered} was answered");
    }
    for (subject, ids) in &referrals {
        assert_eq!(ids.len(), 1, "seed {seed}: a department was told twice of {subject}");
    }
    assert!(answers.len() > 40 && referrals.len() > 40, "seed {seed}: {} and {}", answers.len(), referrals.len());
    println!("{} mails delivered, {} acknowledgements, {} referrals", sent.len(), answers.len(), referrals.len());
}

#[test]
fn killed_at_any_commit_and_restarted_nothing_is_lost_and_nothing_doubled_on_sqlite() {
    tell("", "sqlite");
}

#[test]
fn killed_at_any_commit_and_restarted_nothing_is_lost_and_nothing_doubled_on_postgres() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(crate::house::postgres_database());
    tell(&database, "postgres");
}
