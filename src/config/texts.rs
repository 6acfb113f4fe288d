//! `[[text]]`: an account with a provider of text messages.

use super::Settings;
use crate::channels::Secret;
use crate::channels::text::TextProvider;
use crate::channels::text::notify::{self, Notify, NotifySettings};
use crate::channels::text::twilio::{self, Twilio, TwilioSettings};
use crate::core::Clock;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long a provider may take over one answer.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Who carries texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Twilio: SMS and WhatsApp.
    Twilio,
    /// GOV.UK Notify: SMS.
    Notify,
}

/// A `[[text]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSettings {
    /// Name, unique among all accounts; its provider posts to `/texts/NAME`.
    pub name: String,
    /// `twilio` or `notify`.
    pub provider: Provider,
    /// Key of the councillor whose number it is; none for one that several share.
    pub councillor: Option<String>,
    /// The address that the provider was given for its posts, letter for letter (Twilio signs it).
    pub public_url: Option<String>,
    /// Twilio: the account, `AC…`.
    pub account_sid: Option<String>,
    /// Twilio: the number that texts come from, or a messaging service.
    pub from: Option<String>,
    /// Twilio: the number that WhatsApp messages come from.
    pub whatsapp_from: Option<String>,
    /// Notify: the template with one field, `body`.
    pub template_id: Option<String>,
    /// Environment variable with Twilio's token or Notify's key.
    pub key_env: Option<String>,
    /// File with it.
    pub key_file: Option<PathBuf>,
    /// The key itself; better one of the two above.
    pub key: Option<Secret>,
    /// Notify: environment variable with the token that it shows with each callback.
    pub callback_env: Option<String>,
    /// File with it.
    pub callback_file: Option<PathBuf>,
    /// The token itself; better one of the two above.
    pub callback: Option<Secret>,
    /// Where the provider's interface is, for another region or a test.
    pub api: Option<String>,
}

impl Settings {
    /// The providers of texts by the names of their accounts, their keys fetched.
    ///
    /// # Errors
    /// When something that a provider needs is not set.
    pub fn texts(&self, clock: &Clock) -> anyhow::Result<BTreeMap<String, Arc<dyn TextProvider>>> {
        self.text
            .iter()
            .map(|text| {
                let provider = self.provider(text, clock).with_context(|| format!("[[text]] '{}'", text.name))?;
                Ok((text.name.clone(), provider))
            })
            .collect()
    }

    /// Names that this service is reached under through a proxy: those that are set, those that providers of texts and
    /// Telegram post to, and those of the form and of the portal.
    #[must_use]
    pub fn allowed_hosts(&self) -> Vec<String> {
        let given = self.text.iter().filter_map(|text| text.public_url.as_deref());
        let given = given.chain(self.telegram.iter().filter_map(|bot| bot.webhook_url.as_deref()));
        let given = given.chain(self.form.iter().map(|form| form.public_url.as_str()));
        let given = given.chain(self.portal.public_url.as_deref());
        let urls = given.filter_map(|url| url::Url::parse(url).ok());
        let hosts = urls.filter_map(|url| url.host_str().map(str::to_owned));
        self.portal.allowed_hosts.iter().cloned().chain(hosts).collect()
    }

    fn provider(&self, text: &TextSettings, clock: &Clock) -> anyhow::Result<Arc<dyn TextProvider>> {
        let needed = |what: &str, value: &Option<String>| {
            value.clone().with_context(|| format!("{what} is not set, and {:?} needs it", text.provider))
        };
        let key = self
            .secret((&text.key_env, &text.key_file, &text.key))?
            .context("it has no key: set key_env or key_file")?;
        let url = needed("public_url", &text.public_url)?;
        if !url.ends_with(&format!("/texts/{}", text.name)) {
            bail!("public_url is '{url}': it must end in /texts/{}, where this service listens", text.name);
        }
        Ok(match text.provider {
            Provider::Twilio => Arc::new(Twilio::new(TwilioSettings {
                account_sid: needed("account_sid", &text.account_sid)?,
                auth_token: key,
                from: needed("from", &text.from)?,
                whatsapp_from: text.whatsapp_from.clone(),
                public_url: url,
                api_base: text.api.clone().unwrap_or_else(|| twilio::API_BASE.to_owned()),
                media_hosts: twilio::MEDIA_HOSTS.iter().map(|host| (*host).to_owned()).collect(),
                time_limit: TIME_LIMIT,
            })?),
            Provider::Notify => {
                let callback = self
                    .secret((&text.callback_env, &text.callback_file, &text.callback))?
                    .context("it has no token for callbacks: set callback_env or callback_file")?;
                let settings = NotifySettings {
                    api_key: key,
                    service_id: None,
                    template_id: needed("template_id", &text.template_id)?,
                    callback_token: callback,
                    api_base: text.api.clone().unwrap_or_else(|| notify::API_BASE.to_owned()),
                    time_limit: TIME_LIMIT,
                };
                Arc::new(Notify::new(settings, clock.clone())?)
            }
        })
    }
}
