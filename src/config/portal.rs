//! `[portal]`.

use super::Settings;
use crate::channels::Secret;
use anyhow::Context as _;
use serde::Deserialize;
use std::path::PathBuf;

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

impl Settings {
    /// The administrator's first password, where the settings name one.
    ///
    /// # Errors
    /// When it is named and cannot be had.
    pub fn first_password(&self) -> anyhow::Result<Option<Secret>> {
        self.secret((&self.portal.password_env, &self.portal.password_file, &None)).context("[portal]")
    }
}
