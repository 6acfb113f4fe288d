//! `[[telegram]]`: a bot on Telegram.

use super::Settings;
use crate::channels::Secret;
use crate::channels::telegram::{Bot, Hook, TelegramSettings, TelegramWire, webhook};
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// A `[[telegram]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelegramAccount {
    /// Name, unique among all accounts; where updates are brought, they are brought to `/telegram/NAME`.
    pub name: String,
    /// Key of the councillor whose bot it is; none for one that several share.
    pub councillor: Option<String>,
    /// The bot's user name, to be checked against the token.
    pub bot_name: Option<String>,
    /// Environment variable with the token that @BotFather gave.
    pub token_env: Option<String>,
    /// File with it.
    pub token_file: Option<PathBuf>,
    /// The token itself; better one of the two above.
    pub token: Option<Secret>,
    /// The address that Telegram brings updates to; without it they are polled, which needs no address of ours.
    pub webhook_url: Option<String>,
    /// Environment variable with what Telegram shows with each update: 1 to 256 of `A-Z a-z 0-9 _ -`, made up by the council.
    pub webhook_secret_env: Option<String>,
    /// File with it.
    pub webhook_secret_file: Option<PathBuf>,
    /// The secret itself; better one of the two above.
    pub webhook_secret: Option<Secret>,
    /// A Bot API server of the council's own, or a test's.
    pub api: Option<String>,
}

impl Settings {
    /// The bots on Telegram by the names of their accounts, their tokens fetched; nothing is sent yet.
    ///
    /// # Errors
    /// When something that a bot needs is not set, or cannot work.
    pub fn bots(&self) -> anyhow::Result<BTreeMap<String, Arc<Bot>>> {
        self.telegram
            .iter()
            .map(|account| {
                let bot = self.bot(account).with_context(|| format!("[[telegram]] '{}'", account.name))?;
                Ok((account.name.clone(), Arc::new(bot)))
            })
            .collect()
    }

    fn bot(&self, account: &TelegramAccount) -> anyhow::Result<Bot> {
        let token = self
            .secret((&account.token_env, &account.token_file, &account.token))?
            .context("it has no token: set token_env or token_file")?;
        let url =
            |what: &str, url: &str| Url::parse(url).with_context(|| format!("{what} is '{url}', which is no address"));
        let settings = TelegramSettings {
            token,
            api_url: account.api.as_deref().map(|api| url("api", api)).transpose()?,
            bot_name: account.bot_name.clone(),
        };
        let wire = TelegramWire::open(settings)?;
        let given = (&account.webhook_secret_env, &account.webhook_secret_file, &account.webhook_secret);
        let hook = match (&account.webhook_url, self.secret(given)?) {
            (None, None) => None,
            (None, Some(_)) => bail!("it has a webhook_secret and no webhook_url: set both, or neither to poll"),
            (Some(_), None) => {
                bail!("webhook_url needs a secret that Telegram shows: set webhook_secret_env or webhook_secret_file")
            }
            (Some(at), Some(secret)) => {
                if !at.ends_with(&format!("/telegram/{}", account.name)) {
                    bail!(
                        "webhook_url is '{at}': it must end in /telegram/{}, where this service listens",
                        account.name
                    );
                }
                if !webhook::secret_fits(secret.reveal()) {
                    bail!("the secret of the webhook must be 1 to 256 letters (A to Z), digits, _ or -");
                }
                Some(Hook { url: url("webhook_url", at)?, secret })
            }
        };
        Ok(Bot::new(wire, hook))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn bots(more: &str) -> Result<BTreeMap<String, Arc<Bot>>, String> {
        let text = format!(
            "[council]\nname = 'B'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n[[telegram]]\nname = 'bot'\n{more}"
        );
        let settings = Settings::parse(&text, Path::new("/etc")).map_err(|e| format!("{e:#}"))?;
        settings.bots().map_err(|e| format!("{e:#}"))
    }

    #[tokio::test]
    async fn a_token_is_enough_and_then_updates_are_polled() {
        let bots = bots("token = '123:abc'\n").unwrap();
        assert!(bots["bot"].hook.is_none());
    }

    #[tokio::test]
    async fn what_is_missing_or_wrong_is_named_with_its_remedy() {
        let hook = "token = '123:abc'\nwebhook_url = 'https://c.example/telegram/bot'\n";
        for (more, why) in [
            ("", "[[telegram]] 'bot': it has no token: set token_env or token_file".to_owned()),
            ("token = 'a b'\n", "this is no bot token".to_owned()),
            ("token = '123:abc'\napi = 'http://elsewhere.example'\n", "must begin with https://".to_owned()),
            ("token_env = 'BEADLE_NO_SUCH_VARIABLE'\n", "BEADLE_NO_SUCH_VARIABLE is not set".to_owned()),
            (hook, "set webhook_secret_env or webhook_secret_file".to_owned()),
            (&format!("{hook}webhook_secret = 'a b'\n"), "1 to 256 letters".to_owned()),
            (&format!("{hook}webhook_secret = 'ab'\n").replace("/bot'", "/other'"), "/telegram/bot, where".to_owned()),
            ("token = '123:abc'\nwebhook_secret = 'ab'\n", "set both, or neither".to_owned()),
            ("token = '123:abc'\ncouncillor = 'nobody'\n", "no [[councillor]] with the id 'nobody'".to_owned()),
            ("token = '123:abc'\n[[telegram]]\nname = 'bot'\n", "two accounts are called 'bot'".to_owned()),
        ] {
            let said = bots(more).unwrap_err();
            assert!(said.contains(&why), "{more}: {said}");
        }
        let bots = bots(&format!("{hook}webhook_secret = 'ab'\n")).unwrap();
        assert!(bots["bot"].hook.is_some());
    }
}
