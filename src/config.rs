//! The settings: one TOML file, every key typed, unknown keys refused with their line.
//!
//! Relative paths are taken from the folder of the file. A secret is never needed in the file: `password_env` names an
//! environment variable, `password_file` a file (systemd's `LoadCredential` puts one in place).

pub mod form;
pub mod letters;
pub mod telegram;
pub mod texts;

use crate::channels::imap::{AfterAccept, ImapSettings};
use crate::channels::smtp::SmtpSettings;
use crate::channels::{Secret, Security};
use crate::core::{Address, Channel, Council, Councillor};
use crate::intake::mime::MimeLimits;
use crate::learning::teacher::Means;
use crate::pipeline::flood::Usual;
use crate::routing::RoutingPolicy;
use crate::routing::consent::{Consents, Wish};
use crate::routing::deadline::Division;
use crate::telemetry::LogFormat;
use anyhow::{Context as _, bail};
use chrono::NaiveTime;
use form::FormSettings;
use letters::LettersSettings;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use telegram::TelegramAccount;
use texts::TextSettings;

/// Everything that can be set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The council.
    pub council: CouncilSettings,
    /// Its councillors.
    #[serde(default)]
    pub councillor: Vec<Councillor>,
    /// Watched mailboxes on IMAP servers.
    #[serde(default)]
    pub mailbox: Vec<MailboxSettings>,
    /// Mail that lies in files, taken in once each time the service starts and then watched for more.
    #[serde(default)]
    pub folder: Vec<FolderSettings>,
    /// Accounts with providers of text messages.
    #[serde(default)]
    pub text: Vec<TextSettings>,
    /// What a resident allows by the channel they write on: `share`, `councillor`, `neither` or `ask`.
    #[serde(default)]
    pub consent: BTreeMap<Channel, Wish>,
    /// The form on the web.
    pub form: Option<FormSettings>,
    /// What stands at the top of letters.
    #[serde(default)]
    pub letters: LettersSettings,
    /// Bots on Telegram.
    #[serde(default)]
    pub telegram: Vec<TelegramAccount>,
    /// Where mail goes out.
    pub smtp: OutSettings,
    /// The database.
    #[serde(default)]
    pub database: DatabaseSettings,
    /// Rules.
    #[serde(default)]
    pub rules: RulesSettings,
    /// Encoder and trained model.
    #[serde(default)]
    pub model: ModelSettings,
    /// Wards, postcodes, streets.
    #[serde(default)]
    pub places: PlacesSettings,
    /// Learning from the council's decisions.
    #[serde(default)]
    pub learning: LearningSettings,
    /// What may happen without a person.
    #[serde(default)]
    pub routing: RoutingPolicy,
    /// Limits on what is taken in.
    #[serde(default)]
    pub limits: LimitSettings,
    /// The portal.
    #[serde(default)]
    pub portal: PortalSettings,
    /// The service itself.
    #[serde(default)]
    pub service: ServiceSettings,
    /// Folder that relative paths are taken from; not in the file.
    #[serde(skip)]
    pub base: PathBuf,
}

/// `[council]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CouncilSettings {
    /// Name.
    pub name: String,
    /// Address mail goes out from and answers come back to.
    pub address: String,
    /// Whether `name+anything@` is delivered to `name@`.
    #[serde(default = "yes")]
    pub plus_addressing: bool,
    /// Name of the council's own mail server in `Authentication-Results`.
    pub authserv_id: Option<String>,
    /// Whose bank holidays hold.
    #[serde(default = "england_and_wales")]
    pub division: Division,
    /// What a resident allows where their channel says nothing else: see `[consent]`.
    #[serde(default = "share")]
    pub consent: Wish,
}

/// A `[[mailbox]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxSettings {
    /// Name, in logs and on the portal; unique.
    pub name: String,
    /// Key of the councillor whose mailbox it is; none for one that several share.
    pub councillor: Option<String>,
    /// Host.
    pub host: String,
    /// Port; 993 or 143 by `security` where absent.
    pub port: Option<u16>,
    /// `tls`, `starttls` or `none` (this machine only).
    #[serde(default)]
    pub security: Security,
    /// User name.
    pub user: String,
    /// Environment variable with the password.
    pub password_env: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// The password itself; better one of the two above.
    pub password: Option<Secret>,
    /// The mailbox.
    #[serde(default = "inbox")]
    pub mailbox: String,
    /// Whether nothing may be changed in it.
    #[serde(default)]
    pub read_only: bool,
    /// What becomes of a message once it is taken in: `"leave"`, `"seen"` or `{ move = "Archive" }`.
    #[serde(default)]
    pub after: AfterAccept,
    /// Seconds between looks where the server cannot tell by itself.
    #[serde(default = "a_minute")]
    pub poll_seconds: u64,
    /// PEM file with certificates to trust besides this machine's.
    pub ca_file: Option<PathBuf>,
}

/// A `[[folder]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderSettings {
    /// Name, unique among mailboxes and folders.
    pub name: String,
    /// A Maildir, a folder of `.eml` files, or an mbox file.
    pub path: PathBuf,
    /// Key of the councillor it belongs to.
    pub councillor: Option<String>,
}

/// `[smtp]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutSettings {
    /// Mail is written into this folder instead of being sent.
    pub folder: Option<PathBuf>,
    /// Host.
    pub host: Option<String>,
    /// Port; 465 or 587 by `security` where absent.
    pub port: Option<u16>,
    /// `tls`, `starttls` or `none` (this machine only).
    #[serde(default)]
    pub security: Security,
    /// User name, where the relay asks for one.
    pub user: Option<String>,
    /// Environment variable with the password.
    pub password_env: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// The password itself; better one of the two above.
    pub password: Option<Secret>,
    /// PEM file with certificates to trust besides this machine's.
    pub ca_file: Option<PathBuf>,
    /// Name this machine gives itself to the relay.
    pub hello_name: Option<String>,
    /// Connections at once.
    #[serde(default = "two")]
    pub connections: usize,
    /// Seconds to wait for the answer after a mail was handed over.
    #[serde(default = "five_minutes")]
    pub data_timeout_seconds: u64,
}

/// `[database]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `sqlite:PATH` or `postgres://USER@HOST/NAME`.
    #[serde(default = "sqlite")]
    pub url: String,
    /// Environment variable with the address, for one that holds a password.
    pub url_env: Option<String>,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self { url: sqlite(), url_env: None }
    }
}

/// `[rules]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesSettings {
    /// Folder with `services.toml`.
    pub dir: PathBuf,
    /// Seconds between looks whether they changed; 0 for never.
    pub reload_seconds: u64,
}

impl Default for RulesSettings {
    fn default() -> Self {
        Self { dir: "rules".into(), reload_seconds: 5 }
    }
}

/// `[model]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// Folder of the sentence encoder.
    pub encoder: PathBuf,
    /// Folder of the trained classifier.
    pub classifier: PathBuf,
    /// Encoder threads, a third of a gigabyte each.
    pub workers: usize,
    /// False to do without both: rules alone judge.
    pub enabled: bool,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self { encoder: "vendor/all-MiniLM-L6-v2".into(), classifier: "models".into(), workers: 1, enabled: true }
    }
}

/// `[learning]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LearningSettings {
    /// Whether the service learns by night, where enough was decided since it last did.
    pub nightly: bool,
    /// When, local time, such as `03:00`.
    pub at: String,
    /// Folder for learned models and kept embeddings; that of the SQLite file, else that of these settings, where absent.
    pub dir: Option<PathBuf>,
    /// Folder of the messages that ship; `training-data/messages` beside the folder of `[model] classifier` where absent.
    pub messages: Option<PathBuf>,
}

impl Default for LearningSettings {
    fn default() -> Self {
        Self { nightly: true, at: "03:00".to_owned(), dir: None, messages: None }
    }
}

/// `[places]`: files the council supplies; each may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlacesSettings {
    /// GeoJSON with ward boundaries.
    pub wards: Option<PathBuf>,
    /// CSV with `postcode,lat,lon`.
    pub postcodes: Option<PathBuf>,
    /// CSV with `name,kind,lat,lon,postcode`.
    pub streets: Option<PathBuf>,
    /// More files, or folders of `.csv` files, as they are published: OS Open Names, OS Open UPRN, or either of the above.
    pub gazetteer: Vec<PathBuf>,
}

/// `[limits]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Largest message, bytes; a larger one is noted in quarantine by its headers.
    pub message_bytes: usize,
    /// Largest attachment that is passed on, bytes.
    pub attachment_bytes: usize,
    /// Most messages of one sender in an hour that are heeded.
    pub from_sender: i64,
    /// Most messages on one channel in an hour that may be answered without a person.
    pub on_channel: i64,
}

impl LimitSettings {
    /// How much is usual in an hour.
    #[must_use]
    pub const fn usual(&self) -> Usual {
        Usual { from_sender: self.from_sender, on_channel: self.on_channel }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        let Usual { from_sender, on_channel } = Usual::default();
        Self { message_bytes: 50 << 20, attachment_bytes: 25 << 20, from_sender, on_channel }
    }
}

/// `[portal]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalSettings {
    /// Address and port to listen on.
    pub listen: String,
    /// Names besides this machine's under which it is reached through a proxy.
    pub allowed_hosts: Vec<String>,
    /// Set where a proxy speaks HTTPS for it.
    pub secure_cookie: bool,
    /// Environment variable with the administrator's first password.
    pub password_env: Option<String>,
    /// File with the administrator's first password.
    pub password_file: Option<PathBuf>,
}

impl Default for PortalSettings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8025".to_owned(),
            allowed_hosts: Vec::new(),
            secure_cookie: false,
            password_env: None,
            password_file: None,
        }
    }
}

/// `[service]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceSettings {
    /// Name of this process among those that share a database; machine and portal address where absent.
    pub instance: Option<String>,
    /// Seconds after which work that a dead process had begun is taken over.
    pub lease_seconds: u64,
    /// Messages worked on together.
    pub batch: usize,
    /// Folder for what providers of texts post while the database is away; `texts-waiting` beside the SQLite file, else beside
    /// these settings, where absent. Each process needs its own.
    pub spool: Option<PathBuf>,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// What is logged, such as `info` or `beadle=debug`.
    pub log_level: String,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            instance: None,
            lease_seconds: 60,
            batch: 32,
            spool: None,
            log_format: LogFormat::Text,
            log_level: "info".to_owned(),
        }
    }
}

const fn yes() -> bool {
    true
}
const fn two() -> usize {
    2
}
const fn a_minute() -> u64 {
    60
}
const fn five_minutes() -> u64 {
    300
}
fn inbox() -> String {
    "INBOX".to_owned()
}
fn sqlite() -> String {
    "sqlite:beadle.db".to_owned()
}
const fn england_and_wales() -> Division {
    Division::EnglandAndWales
}
const fn share() -> Wish {
    Wish::Share
}

impl Settings {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// One line: the file, the line in it, what is wrong, and what would be right.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!("{} cannot be read: copy deploy/beadle.example.toml there and fill it in", path.display())
        })?;
        let base = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::parse(&text, base).map_err(|e| anyhow::anyhow!("{}: {e:#}", path.display()))
    }

    /// Reads settings from text; relative paths are taken from `base`.
    ///
    /// # Errors
    /// As [`Settings::load`], without the file.
    pub fn parse(text: &str, base: &Path) -> anyhow::Result<Self> {
        let mut settings: Self = toml::from_str(text).map_err(|e| {
            let line = e
                .span()
                .map_or(0, |s| text.as_bytes()[..s.start.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1);
            anyhow::anyhow!("line {line}: {}", e.message().replace('\n', " "))
        })?;
        settings.base = base.to_owned();
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> anyhow::Result<()> {
        if Address::new(&self.council.address, None).is_none() {
            bail!("[council] address '{}' is no email address", self.council.address);
        }
        let mut keys = BTreeSet::new();
        for councillor in &self.councillor {
            if !keys.insert(councillor.id.as_str()) {
                bail!("two [[councillor]] have the id '{}': give each its own", councillor.id);
            }
            if Address::new(&councillor.email, None).is_none() {
                bail!("[[councillor]] '{}': '{}' is no email address", councillor.id, councillor.email);
            }
        }
        let mut names = BTreeSet::new();
        let accounts = self.mailbox.iter().map(|m| (&m.name, &m.councillor));
        let accounts = accounts.chain(self.folder.iter().map(|f| (&f.name, &f.councillor)));
        let accounts = accounts.chain(self.form.iter().map(|f| (&f.name, &f.councillor)));
        let accounts = accounts.chain(self.text.iter().map(|t| (&t.name, &t.councillor)));
        for (name, councillor) in accounts.chain(self.telegram.iter().map(|t| (&t.name, &t.councillor))) {
            if name == crate::intake::call::ACCOUNT {
                bail!("an account is called '{name}', as the calls that gatekeepers write down: give it another name");
            }
            if !names.insert(name) {
                bail!(
                    "two accounts are called '{name}': give each [[mailbox]], [[folder]], [[text]], [[telegram]] and [form] its own name"
                );
            }
            if let Some(id) = councillor.as_ref().filter(|id| !keys.contains(id.as_str())) {
                bail!("account '{name}': there is no [[councillor]] with the id '{id}'");
            }
        }
        if let Some(form) = &self.form {
            form.check()?;
        }
        if self.smtp.host.is_some() == self.smtp.folder.is_some() {
            bail!("[smtp] needs either host (to send mail) or folder (to write it into files)");
        }
        for (what, value) in [("auto_above", self.routing.auto_above), ("unsure_below", self.routing.unsure_below)] {
            if !(0.0..=1.0).contains(&value) {
                bail!("[routing] {what} is {value}: it must lie between 0 and 1");
            }
        }
        Ok(())
    }

    /// Where learning finds and keeps what it needs, and its hour.
    ///
    /// # Errors
    /// When the hour is none, or the database's address cannot be had.
    pub fn learning(&self) -> anyhow::Result<Means> {
        let set = &self.learning;
        let at = NaiveTime::parse_from_str(&set.at, "%H:%M")
            .with_context(|| format!("[learning] at is '{}': write an hour such as '03:00'", set.at))?;
        let shipped = self.path(&self.model.classifier);
        let kept = self.kept()?;
        Ok(Means {
            messages: set
                .messages
                .as_deref()
                .map_or_else(|| self.beside(&shipped).join("training-data/messages"), |p| self.path(p)),
            folder: set.dir.as_deref().map_or(kept, |dir| self.path(dir)),
            nightly: set.nightly.then_some(at),
            shipped,
        })
    }

    /// Where posts of providers wait while the database is away.
    ///
    /// # Errors
    /// When the database's address cannot be had.
    pub fn spool(&self) -> anyhow::Result<PathBuf> {
        Ok(match &self.service.spool {
            Some(folder) => self.path(folder),
            None => self.kept()?.join("texts-waiting"),
        })
    }

    /// Where things are kept that have no place set: beside the SQLite file, else beside these settings.
    fn kept(&self) -> anyhow::Result<PathBuf> {
        let url = self.database_url()?;
        Ok(url.strip_prefix("sqlite:").map_or_else(|| self.base.clone(), |file| self.beside(Path::new(file))))
    }

    fn beside(&self, path: &Path) -> PathBuf {
        path.parent().unwrap_or(&self.base).to_owned()
    }

    /// A path of the settings, from the folder of their file.
    #[must_use]
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// Address of the database; a relative SQLite file is taken from the folder of the settings.
    ///
    /// # Errors
    /// When the environment variable that holds it is not set.
    pub fn database_url(&self) -> anyhow::Result<String> {
        if let Some(variable) = &self.database.url_env {
            return std::env::var(variable)
                .with_context(|| format!("[database] url_env: the variable {variable} is not set"));
        }
        let url = &self.database.url;
        Ok(match url.strip_prefix("sqlite:").map(|p| p.trim_start_matches("//")) {
            Some(file) if !file.starts_with(':') => format!("sqlite:{}", self.path(Path::new(file)).display()),
            _ => url.clone(),
        })
    }

    /// The council as the rest of the program knows it.
    #[must_use]
    pub fn council(&self) -> Council {
        let address = Address::new(&self.council.address, Some(&self.council.name))
            .unwrap_or_else(|| unreachable!("check() refuses settings without an address"));
        let mut own_addresses = vec![address.email.clone()];
        own_addresses.extend(self.mailbox.iter().map(|m| m.user.to_lowercase()).filter(|u| u.contains('@')));
        Council {
            name: self.council.name.clone(),
            councillors: self.councillor.clone(),
            address,
            plus_addressing: self.council.plus_addressing,
            authserv_id: self.council.authserv_id.clone(),
            own_addresses,
        }
    }

    /// What a resident allows before they say otherwise.
    #[must_use]
    pub fn consents(&self) -> Consents {
        Consents { otherwise: self.council.consent, by_channel: self.consent.clone() }
    }

    /// Limits of parsing.
    #[must_use]
    pub fn mime_limits(&self) -> MimeLimits {
        MimeLimits { max_attachment_bytes: self.limits.attachment_bytes, ..MimeLimits::default() }
    }

    /// How long work is ours.
    #[must_use]
    pub fn lease(&self) -> chrono::TimeDelta {
        chrono::TimeDelta::seconds(i64::try_from(self.service.lease_seconds).unwrap_or(60).max(1))
    }

    /// The connection of a mailbox, its password fetched.
    ///
    /// # Errors
    /// When the password cannot be had.
    pub fn imap(&self, mailbox: &MailboxSettings) -> anyhow::Result<ImapSettings> {
        let given = (&mailbox.password_env, &mailbox.password_file, &mailbox.password);
        let password = self.secret(given)?.with_context(|| {
            format!("mailbox '{}' has no password: set password_env or password_file", mailbox.name)
        })?;
        let port = mailbox.port.unwrap_or(if mailbox.security == Security::Tls { 993 } else { 143 });
        Ok(ImapSettings {
            host: mailbox.host.clone(),
            port,
            security: mailbox.security,
            user: mailbox.user.clone(),
            password,
            mailbox: mailbox.mailbox.clone(),
            read_only: mailbox.read_only,
            ca_file: mailbox.ca_file.as_deref().map(|p| self.path(p)),
            after: mailbox.after.clone(),
        })
    }

    /// The relay, its password fetched; `None` when mail is written into a folder.
    ///
    /// # Errors
    /// When the password cannot be had.
    pub fn smtp(&self) -> anyhow::Result<Option<SmtpSettings>> {
        let out = &self.smtp;
        let Some(host) = out.host.clone() else { return Ok(None) };
        let password = self.secret((&out.password_env, &out.password_file, &out.password)).context("[smtp]")?;
        Ok(Some(SmtpSettings {
            host,
            port: out.port.unwrap_or(if out.security == Security::Tls { 465 } else { 587 }),
            security: out.security,
            user: out.user.clone(),
            password,
            ca_file: out.ca_file.as_deref().map(|p| self.path(p)),
            hello_name: out.hello_name.clone(),
            connections: out.connections,
            data_timeout_seconds: out.data_timeout_seconds,
        }))
    }

    /// The administrator's first password, where the settings name one.
    ///
    /// # Errors
    /// When it is named and cannot be had.
    pub fn first_password(&self) -> anyhow::Result<Option<Secret>> {
        self.secret((&self.portal.password_env, &self.portal.password_file, &None)).context("[portal]")
    }

    fn secret(
        &self,
        (env, file, plain): (&Option<String>, &Option<PathBuf>, &Option<Secret>),
    ) -> anyhow::Result<Option<Secret>> {
        if let Some(variable) = env {
            let value =
                std::env::var(variable).with_context(|| format!("password_env: the variable {variable} is not set"))?;
            return Ok(Some(value.into()));
        }
        if let Some(file) = file {
            let path = self.path(file);
            let value = std::fs::read_to_string(&path)
                .with_context(|| format!("password_file {} cannot be read", path.display()))?;
            return Ok(Some(value.trim_end_matches(['\r', '\n']).to_owned().into()));
        }
        Ok(plain.clone())
    }

    /// Name of this process among those that share a database.
    #[must_use]
    pub fn instance(&self) -> String {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default().trim().to_owned();
        // The machine's id as well as its name: two machines made from one image share the name.
        let machine = || {
            let id: String = read("/etc/machine-id").chars().take(8).collect();
            format!("{}-{id}", read("/proc/sys/kernel/hostname"))
        };
        self.service
            .instance
            .clone()
            .unwrap_or_else(|| format!("{}-{}", machine().trim(), self.portal.listen.replace('/', "_")))
    }

    /// Where the rules lie, as time allows to look for changes.
    #[must_use]
    pub fn rules_reload(&self) -> Option<Duration> {
        (self.rules.reload_seconds > 0).then(|| Duration::from_secs(self.rules.reload_seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "[council]\nname = 'B'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n";

    fn refused(extra: &str) -> String {
        format!("{:#}", Settings::parse(&format!("{LEAST}{extra}"), Path::new("/etc")).expect_err("must be refused"))
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let why = refused("[portal]\nlisten = '127.0.0.1:1'\nlisten_on = 'x'\n");
        assert!(why.starts_with("line 8: unknown field `listen_on`"), "{why}");
    }

    #[test]
    fn a_mailbox_of_an_unknown_councillor_is_refused() {
        let why = refused("[[mailbox]]\nname = 'm'\nhost = 'h'\nuser = 'u'\ncouncillor = 'nobody'\n");
        assert!(why.contains("no [[councillor]] with the id 'nobody'"), "{why}");
    }

    #[test]
    fn little_is_enough_and_paths_are_taken_from_the_file() {
        let settings = Settings::parse(LEAST, Path::new("/etc/beadle")).expect("valid");
        assert_eq!(settings.database_url().expect("url"), "sqlite:/etc/beadle/beadle.db");
        assert_eq!(
            settings.routing.mode,
            crate::core::Mode::Suggest,
            "nothing is routed unseen unless the council says so"
        );
        assert_eq!(settings.portal.listen, "127.0.0.1:8025");
    }

    #[test]
    fn a_password_that_is_named_and_missing_is_an_error_that_names_it() {
        let text = format!(
            "{LEAST}[[mailbox]]\nname = 'm'\nhost = 'h'\nuser = 'u'\npassword_env = 'BEADLE_NO_SUCH_VARIABLE'\n"
        );
        let settings = Settings::parse(&text, Path::new("/etc")).expect("valid");
        let why = format!("{:#}", settings.imap(&settings.mailbox[0]).expect_err("no password"));
        assert!(why.contains("BEADLE_NO_SUCH_VARIABLE is not set"), "{why}");
    }
}
