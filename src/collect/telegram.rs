//! Updates of a bot on Telegram: asked for, or brought; committed, and only then confirmed.
//!
//! Asking for updates from a number on confirms all below it, for good. So the number goes up only with the request that
//! follows the commit, and every other request asks for all that is not confirmed: what was committed and not yet confirmed when
//! a process died comes again, and is known by its number. A number kept from long ago is never asked with: after a quiet week
//! Telegram counts from somewhere else, perhaps from below it.

use super::hooks::Reply;
use super::{CollectError, Collector, Source};
use crate::channels::Backoff;
use crate::channels::telegram::{Bot, Hook, RawUpdate, TelegramError, webhook};
use crate::core::{Channel, RawMessage};
use crate::intake::accept::{Accepted, Batch};
use crate::store;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long Telegram may wait for the first update before it says that there is none.
const WAIT: Duration = Duration::from_secs(25);
/// A server that does not wait is not asked more often than this.
const PAUSE: Duration = Duration::from_secs(1);

impl Collector {
    /// Takes in a bot's updates until told to stop: asks for them or, where they are brought, sees to it that they are.
    pub async fn watch_telegram(&self, account: &str, bot: &Bot, stop: &CancellationToken) {
        match &bot.hook {
            None => self.watch(account, Source::Telegram(bot), WAIT, stop).await,
            Some(hook) => {
                self.have_brought(account, bot, hook, stop).await;
                stop.cancelled().await;
            }
        }
    }

    pub(super) async fn read_telegram(
        &self,
        account: &str,
        bot: &Bot,
        stop: &CancellationToken,
        backoff: &mut Backoff,
    ) -> Result<(), CollectError> {
        let mut offset = 0;
        loop {
            let pause = tokio::time::sleep(PAUSE);
            let polled = tokio::select! {
                // Nothing is lost: what is on its way was not confirmed.
                () = stop.cancelled() => return Ok(()),
                polled = bot.wire.poll(offset, WAIT) => polled,
            };
            let updates = match polled {
                Ok(updates) => updates,
                Err(TelegramError::WebhookSet) => {
                    tracing::warn!(
                        account,
                        "updates went to a webhook, and the settings say that they are polled: the webhook is taken away"
                    );
                    bot.wire.delete_webhook().await?;
                    pause.await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            backoff.reset();
            offset = self.take_updates(account, updates).await?.unwrap_or(0);
            if stop.is_cancelled() || !self.claim(account, Source::Telegram(bot).lease(WAIT)).await? {
                return Ok(());
            }
            if offset == 0 {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = pause => {}
                }
            }
        }
    }

    /// Commits what one poll brought, all of it or nothing; the number that the next request may confirm it with, none where there
    /// was nothing.
    ///
    /// # Errors
    /// What the database says; then nothing may be confirmed.
    pub async fn take_updates(&self, account: &str, updates: Vec<RawUpdate>) -> store::Result<Option<i64>> {
        let Some(last) = updates.iter().map(|update| update.update_id).max() else {
            let mut tx = self.db.begin().await?;
            store::cursor::note_ok(&mut tx, account, self.clock.now()).await?;
            tx.commit().await?;
            return Ok(None);
        };
        let messages = updates.into_iter().map(|update| raw(account, update)).collect();
        self.accept(account, &Batch { messages, reached: Some((0, last)), ..Batch::default() }).await?;
        Ok(Some(last + 1))
    }

    /// Tells Telegram where to bring updates, as often as it takes.
    async fn have_brought(&self, account: &str, bot: &Bot, hook: &Hook, stop: &CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let set = async {
                bot.wire.set_webhook(&hook.url, hook.secret.reveal()).await?;
                let mut tx = self.db.begin().await?;
                store::cursor::note_ok(&mut tx, account, self.clock.now()).await?;
                tx.commit().await?;
                Ok(())
            };
            let Err(error) = set.await else { return };
            let pause = self.failed(account, &error, &mut backoff).await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Takes in an update that was brought, with what stood in the header [`webhook::HEADER`]. One that cannot be read is kept in
    /// quarantine; while the database is away the answer is 503, and Telegram brings it again.
    pub async fn take_update(&self, account: &str, bot: &Bot, shown: Option<&str>, body: &[u8]) -> Reply {
        let known = bot.hook.as_ref().is_some_and(|hook| webhook::secret_ok(shown, hook.secret.reveal()));
        if !known {
            tracing::warn!(account, "an update was refused: it does not show the secret that was agreed with Telegram");
            metrics::counter!("beadle_webhooks_refused_total", "account" => account.to_owned()).increment(1);
            return Reply::plain(403, "this does not show the secret");
        }
        let batch = match RawUpdate::of(body) {
            Some(update) => {
                Batch { reached: Some((0, update.update_id)), messages: vec![raw(account, update)], ..Batch::default() }
            }
            None => {
                let unread = RawMessage {
                    channel: Channel::Telegram,
                    account: account.to_owned(),
                    external_id: format!("unread:{:x}", Sha256::digest(body)),
                    bytes: body.to_vec(),
                    arrived_at: None,
                };
                Batch { unfit: vec![(unread, "this is no update of Telegram's".to_owned())], ..Batch::default() }
            }
        };
        let taken: store::Result<Accepted> = self.accept(account, &batch).await;
        match taken {
            Ok(_) => Reply::plain(200, ""),
            Err(error) => {
                tracing::error!(account, %error, "an update could not be written down; Telegram is asked to bring it again");
                Reply::plain(503, "the database is away; please bring this again")
            }
        }
    }
}

fn raw(account: &str, update: RawUpdate) -> RawMessage {
    RawMessage {
        channel: Channel::Telegram,
        account: account.to_owned(),
        external_id: update.update_id.to_string(),
        bytes: update.bytes,
        arrived_at: update.at,
    }
}
