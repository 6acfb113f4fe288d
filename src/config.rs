//! The settings: one TOML file, every key typed, unknown keys refused with their line.
//!
//! Relative paths are taken from the folder of the file. A secret is never needed in the file: `password_env` names an
//! environment variable, `password_file` a file (systemd's `LoadCredential` puts one in place).

mod council;
mod database;
pub mod form;
mod judging;
mod learning;
pub mod letters;
mod limits;
mod mail;
mod portal;
mod reports;
mod service;
pub mod set_up;
pub mod telegram;
pub mod texts;

pub use council::CouncilSettings;
pub use database::DatabaseSettings;
pub use judging::{ModelSettings, PlacesSettings, RulesSettings};
pub use learning::LearningSettings;
pub use limits::LimitSettings;
pub use mail::{FolderSettings, MailboxSettings, OutSettings};
pub use portal::PortalSettings;
pub use reports::ReportSettings;
pub use service::ServiceSettings;

use crate::channels::Secret;
use crate::core::{Address, Channel, Councillor};
use crate::desk::retention::Retention;
use crate::routing::RoutingPolicy;
use crate::routing::consent::Wish;
use anyhow::{Context as _, bail};
use form::FormSettings;
use letters::LettersSettings;
use serde::Deserialize;
use set_up::Origin;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use telegram::TelegramAccount;
use texts::TextSettings;

/// Everything that can be set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The council; without it, it is named on the portal.
    #[serde(default = "CouncilSettings::unnamed")]
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
    /// What reports take for given.
    #[serde(default)]
    pub reports: ReportSettings,
    /// How long what residents wrote is kept.
    #[serde(default)]
    pub retention: Retention,
    /// The service itself.
    #[serde(default)]
    pub service: ServiceSettings,
    /// Folder that relative paths are taken from; not in the file.
    #[serde(skip)]
    pub base: PathBuf,
    /// The file itself, and what was set up on the portal besides it.
    #[serde(skip)]
    pub origin: Origin,
}

/// Reads text as what it is to be, or says in which line it is wrong.
fn typed<T: serde::de::DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    toml::from_str(text).map_err(|e| {
        let line = e
            .span()
            .map_or(0, |s| text.as_bytes()[..s.start.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1);
        anyhow::anyhow!("line {line}: {}", e.message().replace('\n', " "))
    })
}

const fn yes() -> bool {
    true
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
        let mut bare: Self = typed(&text).map_err(|e| anyhow::anyhow!("{}: {e:#}", path.display()))?;
        base.clone_into(&mut bare.base);
        let kept = set_up::read(&bare.set_up_folder())?;
        Self::laid_over(path, &text, kept, base)
    }

    /// Reads settings from text; relative paths are taken from `base`.
    ///
    /// # Errors
    /// As [`Settings::load`], without the file.
    pub fn parse(text: &str, base: &Path) -> anyhow::Result<Self> {
        let mut settings: Self = typed(text)?;
        settings.base = base.to_owned();
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> anyhow::Result<()> {
        if !self.council.is_named() && self.smtp.host.is_some() {
            bail!("missing [council] with name and address: mail is to be sent, and it would come from nobody");
        }
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
        self.portal.check()?;
        self.reports.check()?;
        self.retention.check().map_err(anyhow::Error::msg)?;
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
        if self.routing.gather_minutes > 1_440 {
            bail!(
                "[routing] gather_minutes is {}: no case should wait for more than a day (1440) by itself",
                self.routing.gather_minutes
            );
        }
        if self.routing.undo_seconds > 3_600 {
            bail!(
                "[routing] undo_seconds is {}: nothing should wait for more than an hour (3600)",
                self.routing.undo_seconds
            );
        }
        Ok(())
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
}

/// Whether an address is one that a browser can open.
fn is_web_address(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
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
