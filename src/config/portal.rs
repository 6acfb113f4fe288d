//! `[portal]`.

use super::Settings;
use crate::channels::Secret;
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
    /// Environment variable with the administrator's first password.
    pub password_env: Option<String>,
    /// File with the administrator's first password.
    pub password_file: Option<PathBuf>,
}

impl Default for PortalSettings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8025".to_owned(),
            public_url: None,
            allowed_hosts: Vec::new(),
            secure_cookie: false,
            password_env: None,
            password_file: None,
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

    /// The administrator's first password, where the settings name one.
    ///
    /// # Errors
    /// When it is named and cannot be had.
    pub fn first_password(&self) -> anyhow::Result<Option<Secret>> {
        self.secret((&self.portal.password_env, &self.portal.password_file, &None)).context("[portal]")
    }
}
