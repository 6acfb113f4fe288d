//! What the running program says in its logs.

use crate::house::root;
use std::path::Path;
use std::process::{Command, Stdio};

/// The demo's own settings, logging everything it would ever log.
fn run_demo(dir: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_beadle"))
        .args(["demo", "--once", "--dir"])
        .arg(dir)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn no_log_line_holds_a_name_an_address_or_a_message() {
    let dir = tempfile::tempdir().unwrap();
    run_demo(dir.path());
    let file = dir.path().join("beadle.toml");
    let listen = format!("127.0.0.1:{}", free_port());
    // The same mail again under the running service, at the chattiest level, with a folder that makes every send fail.
    let settings = std::fs::read_to_string(&file).unwrap().replace("127.0.0.1:8025", &listen)
        + "\n[service]\nlog_level = \"trace\"\nlog_format = \"json\"\n";
    let settings = settings.replace("sqlite:beadle.db", "sqlite:second.db").replace("outgoing", "in-the-way");
    std::fs::write(&file, settings).unwrap();
    std::fs::write(dir.path().join("in-the-way"), "").unwrap();
    let log = dir.path().join("log");
    let mut service = Command::new(env!("CARGO_BIN_EXE_beadle"))
        .args(["run", "--config"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    wait_until(|| std::fs::read_to_string(&log).unwrap().contains("a mail has not gone"));
    wait_until(|| reconciled(&file));
    let _ = Command::new("kill").args(["-TERM", &service.id().to_string()]).status();
    assert!(service.wait().unwrap().success(), "a clean end");
    let log = std::fs::read_to_string(&log).unwrap().to_lowercase();
    assert!(log.lines().count() > 10, "it did log: {log}");
    assert!(log.contains("ended"), "{log}");
    let mut tried = 0;
    for entry in std::fs::read_dir(root().join("training-data/demo/mailbox")).unwrap() {
        let raw = std::fs::read(entry.unwrap().path()).unwrap();
        let Some(mail) = mail(&raw) else { continue };
        let from = mail.from.as_ref();
        let personal = [from.map(|f| f.email.clone()), from.and_then(|f| f.name.clone())];
        let words = [mail.subject.clone(), mail.text.lines().find(|l| l.len() > 30).unwrap_or_default().to_owned()];
        for secret in personal.into_iter().flatten().chain(words).map(|s| s.to_lowercase()) {
            if secret.chars().count() < 8 {
                continue;
            }
            tried += 1;
            assert!(!log.contains(&secret), "the log holds '{secret}'");
        }
    }
    assert!(tried > 200, "{tried}");
}

fn mail(raw: &[u8]) -> Option<beadle::core::Mail> {
    beadle::intake::mime::parse(raw, &beadle::intake::mime::MimeLimits::default(), None).ok()
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What `beadle doctor --reconcile --json` says, where it can.
pub fn accounts(settings: &Path) -> Option<serde_json::Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_beadle"))
        .args(["doctor", "--reconcile", "--json", "--config"])
        .arg(settings)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).ok()
}

fn reconciled(settings: &Path) -> bool {
    accounts(settings).is_some_and(|a| a["received"].as_i64() > Some(50) && a["unaccounted"] == 0)
}

/// Asks again and again, for at most two minutes; a process of its own has no clock of ours.
pub fn wait_until(mut done: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !done() {
        assert!(start.elapsed().as_secs() < 120, "not within two minutes");
        pause(std::time::Duration::from_millis(100));
    }
}

/// Lets another process work for a while.
#[expect(clippy::disallowed_methods, reason = "another process has its own clock")]
pub fn pause(time: std::time::Duration) {
    std::thread::sleep(time);
}
