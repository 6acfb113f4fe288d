//! `[form]`: the form on the web.

use super::Settings;
use crate::intake::form::FormPolicy;
use anyhow::bail;
use serde::Deserialize;

/// `[form]`. Where it is absent there is no form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormSettings {
    /// False to take it away for a while.
    #[serde(default = "super::yes")]
    pub enabled: bool,
    /// Name, unique among all accounts.
    #[serde(default = "form")]
    pub name: String,
    /// Key of the councillor whose form it is; where absent, the resident may choose one, and else the place does.
    pub councillor: Option<String>,
    /// Where residents reach this service: the form is at `/report` there, and links in mails begin so.
    pub public_url: String,
    /// Where the council says how it uses what it is told.
    pub privacy_url: Option<String>,
    /// True where a proxy stands before this service and writes down who asked, last in `X-Forwarded-For`.
    #[serde(default)]
    pub behind_proxy: bool,
    /// Most files of one report.
    pub max_files: Option<usize>,
    /// Most bytes of all files of one report.
    pub total_bytes: Option<usize>,
    /// Most reports from one network address in an hour.
    pub per_address: Option<usize>,
    /// Most reports from everybody in an hour.
    pub per_hour: Option<usize>,
    /// Most mails in a day that ask one address whether it is theirs.
    pub proofs_per_address: Option<i64>,
    /// Most such mails in an hour to everybody.
    pub proofs_per_hour: Option<i64>,
}

fn form() -> String {
    "form".to_owned()
}

impl FormSettings {
    /// What is likely to be wrong, though it can be meant so.
    pub(crate) fn doubt(&self) -> Option<String> {
        let through_proxy = self.enabled && self.public_url.starts_with("https:") && !self.behind_proxy;
        through_proxy.then(|| {
            "[form] behind_proxy is not set, though public_url is https: all who come through the proxy count as one address, and \
             after a few reports an hour everybody is told to wait"
                .to_owned()
        })
    }

    /// What is wrong with it, beyond what all accounts share.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for (key, url) in [("public_url", Some(&self.public_url)), ("privacy_url", self.privacy_url.as_ref())] {
            if url.is_some_and(|url| !super::is_web_address(url)) {
                bail!("[form] {key} must be an address such as https://cases.council.example");
            }
        }
        Ok(())
    }
}

impl Settings {
    /// How the form on the web works; `None` where there is none.
    #[must_use]
    pub fn form_policy(&self) -> Option<FormPolicy> {
        let set = self.form.as_ref().filter(|form| form.enabled)?;
        let usual = FormPolicy::new(&set.name, &set.public_url);
        Some(FormPolicy {
            privacy_url: set.privacy_url.clone(),
            behind_proxy: self.behind_proxy(),
            max_files: set.max_files.unwrap_or(usual.max_files),
            total_bytes: set.total_bytes.unwrap_or(usual.total_bytes).min(self.limits.message_bytes),
            per_address: set.per_address.unwrap_or(usual.per_address),
            per_hour: set.per_hour.unwrap_or(usual.per_hour),
            proofs_per_address: set.proofs_per_address.unwrap_or(usual.proofs_per_address),
            proofs_per_hour: set.proofs_per_hour.unwrap_or(usual.proofs_per_hour),
            ..usual
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(form: &str) -> anyhow::Result<Settings> {
        let text = format!(
            "[council]\nname = 'B'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n\
             [[folder]]\nname = 'post'\npath = 'post'\n[form]\n{form}"
        );
        Settings::parse(&text, Path::new("/etc"))
    }

    #[test]
    fn a_form_needs_the_address_it_is_reached_under_and_a_name_of_its_own() {
        let settings = parse("public_url = 'https://cases.b.example/'").unwrap();
        let policy = settings.form_policy().unwrap();
        assert_eq!((policy.account.as_str(), policy.public_url.as_str()), ("form", "https://cases.b.example"));
        assert_eq!(settings.allowed_hosts(), ["cases.b.example"]);
        assert!(settings.form.as_ref().and_then(FormSettings::doubt).is_some());
        let told = parse("public_url = 'https://cases.b.example'\nbehind_proxy = true").unwrap();
        assert_eq!(told.form.as_ref().and_then(FormSettings::doubt), None);
        for wrong in ["", "public_url = 'cases.b.example'", "public_url = 'https://b.example'\nname = 'post'"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("public_url = 'https://b.example'\nenabled = false").unwrap().form_policy().is_none());
    }
}
