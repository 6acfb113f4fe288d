//! One mail system for all tests of a process, or one that the test script has started for all processes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A running mail system.
pub struct Stack {
    pub dir: PathBuf,
    pub imap: u16,
    pub imaps: u16,
    pub smtp: u16,
    pub password: String,
    pub domain: String,
    pub certificate: PathBuf,
    _reaper: Option<Reaper>,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Stack {
    /// The one whose environment (`mailstack.sh env`) is set, else one for this process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Stack> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var("MAILSTACK_DIR") {
            Ok(dir) if std::env::var("MAILSTACK_IMAP_PORT").is_ok() => Self::described(Path::new(&dir), None),
            _ => Self::private(&[]),
        })
    }

    /// One of its own, for a test that makes the server misbehave; it ends when this is dropped.
    pub fn private(settings: &[(&str, &str)]) -> Self {
        let name = format!("ms-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
        if dir.as_os_str().len() > 75 {
            // Unix socket paths are limited.
            dir = std::env::temp_dir().join(&name);
        }
        let reaper = Command::new("setsid")
            .args(["sh", "-c", "cat >/dev/null; exec \"$0\" destroy"])
            .arg(script())
            .env("MAILSTACK_DIR", &dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("setsid and sh");
        // Between the choice of free ports and their use another process can take one.
        for attempt in 1.. {
            let mut start = command(&dir, settings);
            let output = start.arg("start").output().expect("mailstack.sh");
            match output.status.success() {
                true => break,
                // The script keeps the ports it chose: others, please.
                false if attempt < 5 => drop(std::fs::remove_file(dir.join("ports"))),
                false => panic!("mailstack.sh start: {}", String::from_utf8_lossy(&output.stderr)),
            }
        }
        Self { _reaper: Some(Reaper(reaper)), ..Self::described(&dir, Some(settings)) }
    }

    fn described(dir: &Path, own: Option<&[(&str, &str)]>) -> Self {
        let text = match own {
            Some(settings) => checked(command(dir, settings).arg("env")),
            None => checked(Command::new(script()).arg("env")),
        };
        let value = |name: &str| {
            let word = text.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            word.unwrap_or_else(|| panic!("mailstack.sh env has no {name}")).trim_matches('\'').to_owned()
        };
        let port = |name: &str| value(name).parse().expect("a port");
        Self {
            dir: dir.to_owned(),
            imap: port("MAILSTACK_IMAP_PORT"),
            imaps: port("MAILSTACK_IMAPS_PORT"),
            smtp: port("MAILSTACK_SMTP_PORT"),
            password: value("MAILSTACK_PASS"),
            domain: value("MAILSTACK_DOMAIN"),
            certificate: value("MAILSTACK_CERT").into(),
            _reaper: None,
        }
    }

    /// A user whom no other test has.
    pub fn user(&self, word: &str) -> String {
        format!("{word}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Runs a command of the script, such as `kick`.
    pub fn run(&self, arguments: &[&str]) -> String {
        let mut run = Command::new(script());
        run.env("MAILSTACK_DIR", &self.dir).env("MAILSTACK_IMAP_PORT", self.imap.to_string());
        run.env("MAILSTACK_IMAPS_PORT", self.imaps.to_string()).env("MAILSTACK_SMTP_PORT", self.smtp.to_string());
        checked(run.args(arguments))
    }

    /// Puts messages into a user's INBOX, as they are.
    pub fn deliver(&self, user: &str, messages: &[Vec<u8>]) {
        let folder = tempfile::tempdir().expect("a folder");
        for (number, message) in messages.iter().enumerate() {
            std::fs::write(folder.path().join(format!("{number:05}.eml")), message).expect("a file");
        }
        self.run(&["load", folder.path().to_str().expect("a plain path"), user]);
    }

    /// Runs Dovecot's own tool, which sees mailboxes without any code of ours.
    pub fn doveadm(&self, arguments: &[&str]) -> String {
        let paths = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        checked(Command::new("doveadm").env("PATH", paths).arg("-c").arg(self.dir.join("dovecot.conf")).args(arguments))
    }

    /// `UID FLAGS` lines of a mailbox.
    pub fn flags(&self, user: &str, mailbox: &str) -> Vec<String> {
        let text = self.doveadm(&["-f", "tab", "fetch", "-u", user, "uid flags", "mailbox", mailbox, "all"]);
        text.lines().skip(1).map(|line| line.replace('\t', " ").trim().to_owned()).collect()
    }

    /// What the relay took or refused for this recipient: the record of the envelope and the message, in order.
    pub fn relayed(&self, recipient: &str) -> Vec<(serde_json::Value, Vec<u8>)> {
        let entries = std::fs::read_dir(self.dir.join("smtp")).expect("the relay's folder");
        let mut records: Vec<PathBuf> = entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect();
        records.sort();
        let read = |path: PathBuf| -> (serde_json::Value, Vec<u8>) {
            let record = serde_json::from_slice(&std::fs::read(&path).expect("a record")).expect("JSON");
            (record, std::fs::read(path.with_extension("eml")).expect("a message"))
        };
        let for_them =
            |record: &serde_json::Value| record["to"].as_array().is_some_and(|to| to.contains(&recipient.into()));
        records.into_iter().map(read).filter(|(record, _)| for_them(record)).collect()
    }
}

/// Ends a stack when its standard input is closed: by us, or by the system however this process ends.
struct Reaper(Child);

impl Drop for Reaper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/mailstack.sh")
}

fn command(dir: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(script());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MAILSTACK_")) {
        command.env_remove(name);
    }
    command.env("MAILSTACK_DIR", dir).envs(settings.iter().copied());
    command
}

fn checked(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

/// A small message with CRLF line ends.
pub fn letter(number: usize) -> Vec<u8> {
    let text = format!(
        "From: Rosa Quill <rosa@example.org>\r\nTo: councillor@mail.test\r\nSubject: Letter {number}\r\n\
         Message-ID: <letter-{number}@example.org>\r\n\r\nThe lamp at number {number} is out.\r\n.\r\nStill dark.\r\n"
    );
    text.into_bytes()
}
