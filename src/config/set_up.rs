//! What is set up on the portal: `set-up.toml`, beside the SQLite file or else the settings, and laid over them.
//!
//! The operator's file stays the operator's: the portal never writes it, and what stands in both is an error that says so. What is
//! laid over is read by the same types and checked in the same way as the file itself.

use super::{CouncilSettings, FolderSettings, MailboxSettings, Settings, typed};
use crate::core::Councillor;
use crate::portal::set_up::{Kept, Mailbox, Standing, write_whole};
use crate::store::sample;
use crate::understanding::rules::Choice;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Name of the file.
pub const FILE: &str = "set-up.toml";
/// Folder for what sample data would have sent.
pub const SAMPLE_OUT: &str = "sample-outgoing";
const FIRST_LINE: &str = "# What was set up on the portal. beadle writes this file; better change it there.\n";

/// Where settings come from.
#[derive(Debug, Default)]
pub struct Origin {
    /// The operator's file; none where settings were read from text.
    pub file: Option<PathBuf>,
    /// What was set up on the portal.
    pub kept: Kept,
    /// Whether other councils of the same program have the same folder of rules: then nobody changes it from a portal.
    pub shares_rules: bool,
}

/// `set-up.toml`, as the settings' own types read it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Over {
    #[serde(default)]
    sample: bool,
    council: Option<CouncilSettings>,
    #[serde(default)]
    councillor: Vec<Councillor>,
    #[serde(default)]
    mailbox: Vec<MailboxSettings>,
    #[serde(default)]
    rules: OverRules,
    #[serde(default)]
    places: OverPlaces,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OverRules {
    off: Option<BTreeSet<String>>,
    addresses: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OverPlaces {
    wards: Option<PathBuf>,
}

/// What was set up on the portal of the installation in this folder.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read(base: &Path) -> anyhow::Result<Kept> {
    let path = base.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => typed(&text).with_context(|| path.display().to_string()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Kept::default()),
        Err(e) => Err(e).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Writes the file as a whole or not at all, so that only this user can read it: passwords of mailboxes are in it.
///
/// # Errors
/// When it cannot be written; what stood there stands there still.
pub fn write(base: &Path, kept: &Kept) -> anyhow::Result<()> {
    let path = base.join(FILE);
    let text = toml::to_string(kept).context("what was set up cannot be written down")?;
    write_whole(&path, &[FIRST_LINE.as_bytes(), text.as_bytes()])
        .with_context(|| format!("{} cannot be written", path.display()))
}

impl Settings {
    /// The settings of `text`, which stands in `file`, with what was set up on the portal laid over them.
    ///
    /// # Errors
    /// As [`Settings::load`]; when something stands in both.
    pub(super) fn laid_over(file: &Path, text: &str, kept: Kept, base: &Path) -> anyhow::Result<Self> {
        let named = |e: anyhow::Error| anyhow::anyhow!("{}: {e:#}", file.display());
        let mut settings: Self = typed(text).map_err(named)?;
        base.clone_into(&mut settings.base);
        let over: Over = typed(&toml::to_string(&kept)?).with_context(|| FILE.to_owned())?;
        settings.lay(over).with_context(|| format!("{} and {FILE}", file.display()))?;
        settings.check().map_err(named)?;
        settings.origin = Origin { file: Some(file.to_owned()), kept, shares_rules: false };
        Ok(settings)
    }

    /// The same settings with something else set up on the portal: read from the files anew.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn with(&self, kept: Kept) -> anyhow::Result<Self> {
        let file = self.origin.file.as_deref().context("these settings stand in no file")?;
        let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let mut settings = Self::laid_over(file, &text, kept, &self.base)?;
        settings.origin.shares_rules = self.origin.shares_rules;
        Ok(settings)
    }

    /// Where what is set up on the portal is kept: where beadle can write in any case, if that is a folder.
    #[must_use]
    pub fn set_up_folder(&self) -> PathBuf {
        self.kept().unwrap_or_else(|_| self.base.clone())
    }

    /// What the council chose from the rules without changing their files.
    #[must_use]
    pub fn choice(&self) -> Choice {
        let kept = &self.origin.kept.rules;
        Choice {
            off: self.rules.off.clone(),
            addresses: self.rules.addresses.clone(),
            services_may_be_gone: kept.off.clone().unwrap_or_default(),
            departments_may_be_gone: kept.addresses.keys().cloned().collect(),
        }
    }

    /// The folder of an invented council, which lies beside the rules.
    fn invented(&self) -> Option<PathBuf> {
        let demo = self.path(&self.rules.dir).parent()?.join("training-data/demo");
        demo.join("mailbox").is_dir().then_some(demo)
    }

    /// How many ways in there are.
    fn ways_in(&self) -> usize {
        let others = self.folder.len() + self.text.len() + self.telegram.len() + usize::from(self.form.is_some());
        self.mailbox.len() + others
    }

    /// Lets the messages of an invented council in, and nothing else; nothing is sent.
    fn lay_sample(&mut self) -> anyhow::Result<()> {
        if self.ways_in() > 0 {
            bail!("sample data is in, and real messages must not come among it: take it out on the portal first");
        }
        let demo = self.invented().context("sample data is to be in, and there is none beside the rules")?;
        let (name, councillor) = (sample::ACCOUNT.to_owned(), None);
        self.folder.push(FolderSettings { name, path: demo.join("mailbox"), councillor });
        if self.places.wards.is_none() {
            let borough = |file: &str| Some(demo.join("borough").join(file));
            self.places.wards = borough("wards.geojson");
            self.places.postcodes = borough("postcodes.csv");
            self.places.streets = borough("streets.csv");
        }
        self.smtp.host = None;
        self.smtp.folder = Some(self.set_up_folder().join(SAMPLE_OUT));
        Ok(())
    }

    fn lay(&mut self, over: Over) -> anyhow::Result<()> {
        let twice = |what: String| -> anyhow::Result<()> { bail!("{what} stands in both: take it out of one") };
        if let Some(council) = over.council {
            if self.council.is_named() {
                twice("[council]".to_owned())?;
            }
            self.council = council;
        }
        for councillor in over.councillor {
            if self.councillor.iter().any(|c| c.id == councillor.id) {
                twice(format!("[[councillor]] '{}'", councillor.id))?;
            }
            self.councillor.push(councillor);
        }
        for mailbox in over.mailbox {
            if self.mailbox.iter().any(|m| m.name == mailbox.name) {
                twice(format!("[[mailbox]] '{}'", mailbox.name))?;
            }
            self.mailbox.push(mailbox);
        }
        if let Some(off) = over.rules.off {
            if !self.rules.off.is_empty() {
                twice("[rules] off".to_owned())?;
            }
            self.rules.off = off;
        }
        for (department, address) in over.rules.addresses {
            if self.rules.addresses.insert(department.clone(), address).is_some() {
                twice(format!("[rules.addresses] {department}"))?;
            }
        }
        if let Some(wards) = over.places.wards {
            if self.places.wards.is_some() {
                twice("[places] wards".to_owned())?;
            }
            self.places.wards = Some(self.set_up_folder().join(wards));
        }
        if self.folder.iter().any(|folder| folder.name == sample::ACCOUNT) {
            bail!("a [[folder]] is called '{}', as sample data is: give it another name", sample::ACCOUNT);
        }
        if over.sample { self.lay_sample() } else { Ok(()) }
    }

    /// What the set-up page shows; none where the settings stand in no file, beside which something could be kept.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.origin.file.as_ref()?;
        let kept = &self.origin.kept;
        let mailboxes = self.mailbox.iter().map(|m| Mailbox {
            name: m.name.clone(),
            host: m.host.clone(),
            user: m.user.clone(),
            folder: m.mailbox.clone(),
            councillor: m.councillor.clone(),
            ours: kept.mailbox.iter().any(|own| own.name == m.name),
        });
        Some(Standing {
            kept: kept.clone(),
            folder: self.set_up_folder(),
            named: self.council.is_named(),
            mailboxes: mailboxes.collect(),
            others: self.ways_in() - self.mailbox.len() - usize::from(kept.sample),
            can_sample: !kept.sample && self.ways_in() == 0 && self.invented().is_some(),
            services_given: kept.rules.off.is_none() && !self.rules.off.is_empty(),
            addresses: self
                .rules
                .addresses
                .keys()
                .filter(|d| !kept.rules.addresses.contains_key(*d))
                .cloned()
                .collect(),
            wards: self.places.wards.is_some() && (!kept.sample || kept.places.wards.is_some()),
            relay: self.smtp.host.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understanding::rules::Rules;

    const OUT: &str = "[smtp]\nfolder = 'out'\n";
    const NAMED: &str = "[council]\nname = 'B'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n";

    fn laid(text: &str, kept: &str) -> Result<Settings, String> {
        let kept = typed(kept).unwrap();
        Settings::laid_over(Path::new("/etc/beadle.toml"), text, kept, Path::new("/etc")).map_err(|e| format!("{e:#}"))
    }

    #[test]
    fn what_was_set_up_on_the_portal_is_laid_over_the_file() {
        let kept = "[council]\nname = 'Set Up'\naddress = 'cases@s.example'\n[places]\nwards = 'w.geojson'\n[rules]\noff = ['graffiti']\n\
                    [[councillor]]\nid = 'a'\nname = 'Cllr A'\nemail = 'a@s.example'\n\
                    [[mailbox]]\nname = 'a'\nhost = 'h'\nuser = 'a@s.example'\npassword = 'p'\ncouncillor = 'a'\n";
        let settings = laid(OUT, kept).unwrap();
        assert_eq!(settings.council().name, "Set Up");
        assert_eq!(settings.imap(&settings.mailbox[0]).unwrap().password.reveal(), "p");
        assert_eq!(settings.places.wards.as_deref(), Some(Path::new("/etc/w.geojson")));
        assert!(settings.rules.off.contains("graffiti"));
    }

    #[test]
    fn what_stands_in_both_is_an_error_that_says_so() {
        let why = laid(NAMED, "[council]\nname = 'C'\naddress = 'c@c.example'\n").unwrap_err();
        assert_eq!(why, "/etc/beadle.toml and set-up.toml: [council] stands in both: take it out of one");
        let one = "[[mailbox]]\nname = 'm'\nhost = 'h'\nuser = 'u'\npassword = 'p'\n";
        let why = laid(&format!("{NAMED}{one}"), one).unwrap_err();
        assert!(why.contains("[[mailbox]] 'm' stands in both"), "{why}");
    }

    #[test]
    fn a_service_that_is_off_and_gone_from_the_rules_is_passed_over_where_the_portal_says_so_and_wrong_in_the_file() {
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
        let chosen = |settings: &Settings| {
            let (rules, choice) = (Rules::load(&rules).unwrap(), settings.choice());
            (choice.gone(&rules.taxonomy), rules.chosen(&choice))
        };
        let kept =
            "[rules]\noff = ['graffiti_and_flyposting', 'gas_lamps']\naddresses = { lamplighters = 'l@s.example' }\n";
        let (gone, rules) = chosen(&laid(OUT, kept).unwrap());
        assert!(rules.unwrap().taxonomy.services["graffiti_and_flyposting"].off);
        assert!(gone.len() == 2 && gone[0].contains("'gas_lamps'") && gone[1].contains("'lamplighters'"), "{gone:?}");
        let (gone, rules) = chosen(&laid(&format!("{OUT}{kept}"), "").unwrap());
        assert!(rules.unwrap_err().what.contains("there is no service 'gas_lamps'") && gone.is_empty());
    }

    #[test]
    fn what_is_laid_over_is_checked_like_the_file_itself() {
        let why =
            laid(NAMED, "[[mailbox]]\nname = 'm'\nhost = 'h'\nuser = 'u'\npassword = 'p'\ncouncillor = 'nobody'\n")
                .unwrap_err();
        assert!(why.contains("no [[councillor]] with the id 'nobody'"), "{why}");
    }

    #[test]
    fn a_council_without_a_name_can_be_set_up_but_sends_nothing() {
        assert!(!laid(OUT, "").unwrap().council.is_named());
        let why = laid("[smtp]\nhost = 'relay'\n", "").unwrap_err();
        assert!(why.contains("missing [council]"), "{why}");
    }

    #[test]
    fn what_is_written_is_read_again_and_for_this_user_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), Kept::default());
        let kept: Kept = typed(
            "[rules]\noff = []\naddresses = { waste = 'w@b.example' }\n[[mailbox]]\nname = 'm'\nhost = 'h'\nport = 1\nuser = 'u'\npassword = 'p'\nsecurity = 'none'\n",
        )
        .unwrap();
        write(folder.path(), &kept).unwrap();
        assert_eq!(read(folder.path()).unwrap(), kept);
        let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{kept:?}").contains("\"p\""), "a password is not shown");
    }
}
