//! `[portal]`.

use super::Settings;
use crate::channels::Secret;
use crate::channels::openid::{OpenIdSettings, SignOn};
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::path::PathBuf;

/// `[portal]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalSettings {
    /// Address and port to listen on.
    pub listen: String,
    /// Where officers and councillors reach the portal: links in their mails begin so. Where it is not set, where residents reach
    /// the form; without either, mails carry no link.
    pub public_url: Option<String>,
    /// Names besides this machine's under which it is reached through a proxy.
    pub allowed_hosts: Vec<String>,
    /// Set where a proxy speaks HTTPS for it.
    pub secure_cookie: bool,
    /// True where a proxy stands before this service and writes down who asked, last in `X-Forwarded-For`. `[form] behind_proxy` says so
    /// for all of it, too.
    pub behind_proxy: bool,
    /// Environment variable with the administrator's first password.
    pub password_env: Option<String>,
    /// File with the administrator's first password.
    pub password_file: Option<PathBuf>,
    /// Single sign-on by the council's provider.
    pub sign_on: Option<SignOnSettings>,
}

/// `[portal.sign_on]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOnSettings {
    /// What the provider calls itself: the address below which its description stands.
    pub issuer: String,
    /// What the provider calls us.
    pub client_id: String,
    /// Environment variable with what we show the provider; a public client has none.
    pub client_secret_env: Option<String>,
    /// File with it.
    pub client_secret_file: Option<PathBuf>,
    /// The secret itself; better one of the two above.
    pub client_secret: Option<Secret>,
    /// The provider as people know it: "Sign in with …".
    #[serde(default = "usual_name")]
    pub name: String,
    /// The claim that names a person as the administrator writes it down: `preferred_username`, `email`, `upn` and so on.
    #[serde(default = "usual_claim")]
    pub claim: String,
    /// Whether people may have passwords besides. The first account keeps one in any case.
    #[serde(default = "super::yes")]
    pub passwords: bool,
}

fn usual_name() -> String {
    "your council account".to_owned()
}

fn usual_claim() -> String {
    "preferred_username".to_owned()
}

impl Default for PortalSettings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8025".to_owned(),
            public_url: None,
            allowed_hosts: Vec::new(),
            secure_cookie: false,
            behind_proxy: false,
            password_env: None,
            password_file: None,
            sign_on: None,
        }
    }
}

impl PortalSettings {
    /// What is wrong with it.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.public_url.as_ref().is_some_and(|url| !super::is_web_address(url)) {
            bail!("[portal] public_url must be an address such as https://cases.council.example");
        }
        Ok(())
    }
}

impl Settings {
    /// Where people reach the portal from outside, without a slash at its end.
    #[must_use]
    pub fn portal_url(&self) -> Option<String> {
        let form = self.form.as_ref().filter(|form| form.enabled).map(|form| &form.public_url);
        self.portal.public_url.as_ref().or(form).map(|url| url.trim_end_matches('/').to_owned())
    }

    /// Whether the council's own proxy stands before the service and says who asked.
    #[must_use]
    pub fn behind_proxy(&self) -> bool {
        self.portal.behind_proxy || self.form.as_ref().is_some_and(|form| form.behind_proxy)
    }

    /// What is likely to be wrong with signing in, though it can be meant so.
    #[must_use]
    pub fn portal_doubt(&self) -> Option<&'static str> {
        (self.portal.secure_cookie && !self.behind_proxy()).then_some(
            "[portal] behind_proxy is not set, though secure_cookie says that a proxy speaks HTTPS for it: all who come through the proxy \
             count as one address, and who guesses passwords keeps others out. Set it where the proxy writes X-Forwarded-For",
        )
    }

    /// The provider of sign-ons, where there is one, its secret fetched; nothing is asked yet.
    ///
    /// # Errors
    /// When something that it needs is not set, or cannot work.
    pub fn sign_on(&self) -> anyhow::Result<Option<SignOn>> {
        let Some(given) = &self.portal.sign_on else { return Ok(None) };
        let work = || {
            let base = self.portal_url().context("set [portal] public_url: the provider sends people back there")?;
            let redirect = format!("{base}/sign-on/done").parse().context("[portal] public_url is no address")?;
            let secret = (&given.client_secret_env, &given.client_secret_file, &given.client_secret);
            Ok(SignOn::new(OpenIdSettings {
                issuer: given.issuer.clone(),
                client_id: given.client_id.clone(),
                secret: self.secret(secret)?,
                claim: given.claim.clone(),
                redirect,
                name: given.name.clone(),
            })?)
        };
        work().map(Some).map_err(|why: anyhow::Error| why.context("[portal.sign_on]"))
    }

    /// The administrator's first password, where the settings name one.
    ///
    /// # Errors
    /// When it is named and cannot be had.
    pub fn first_password(&self) -> anyhow::Result<Option<Secret>> {
        self.secret((&self.portal.password_env, &self.portal.password_file, &None)).context("[portal]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn sign_on(portal: &str, more: &str) -> Result<Option<SignOn>, String> {
        let text = format!(
            "[council]\nname = 'B'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n[portal]\n{portal}\n[portal.sign_on]\n{more}"
        );
        let settings = Settings::parse(&text, Path::new("/etc")).map_err(|e| format!("{e:#}"))?;
        settings.sign_on().map_err(|e| format!("{e:#}"))
    }

    #[test]
    fn one_word_says_for_all_of_it_that_a_proxy_stands_before_it() {
        let of = |portal: &str, form: &str| {
            let text = format!(
                "[council]\nname = 'B'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n[portal]\n{portal}\n\
                 [form]\npublic_url = 'https://b.example'\n{form}"
            );
            Settings::parse(&text, Path::new("/etc")).unwrap()
        };
        for (portal, form, told) in [
            ("secure_cookie = true", "", false),
            ("secure_cookie = true\nbehind_proxy = true", "", true),
            ("secure_cookie = true", "behind_proxy = true", true),
            ("secure_cookie = true", "behind_proxy = true\nenabled = false", true),
        ] {
            let settings = of(portal, form);
            assert_eq!(settings.behind_proxy(), told, "{portal} {form}");
            assert_eq!(settings.portal_doubt().is_none(), told, "{portal} {form}");
            assert!(settings.form_policy().is_none_or(|policy| policy.behind_proxy == told), "{portal} {form}");
        }
        assert_eq!(of("", "").portal_doubt(), None);
    }

    #[tokio::test]
    async fn a_provider_of_sign_ons_needs_an_address_to_send_people_back_to() {
        let (url, least) =
            ("public_url = 'https://cases.b.example/'", "issuer = 'https://id.b.example'\nclient_id = 'beadle'\n");
        assert_eq!(sign_on(url, least).unwrap().unwrap().name(), "your council account");
        for (portal, more, why) in [
            ("", least, "set [portal] public_url"),
            (url, "issuer = 'http://id.b.example'\nclient_id = 'beadle'\n", "must begin with https://"),
            (url, "issuer = 'https://id.b.example'\n", "missing field `client_id`"),
            (
                url,
                &format!("{least}client_secret_env = 'BEADLE_NO_SUCH_VARIABLE'\n"),
                "BEADLE_NO_SUCH_VARIABLE is not set",
            ),
        ] {
            let said = sign_on(portal, more).unwrap_err();
            assert!(said.contains(why), "{more}: {said}");
        }
    }
}
