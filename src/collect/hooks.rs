//! What providers of texts post to us: proven, committed, and only then answered.

use super::Collector;
use crate::channels::text::{Delivery, DeliveryState, Kind, TextProvider, Webhook};
use crate::core::{Channel, RawMessage};
use crate::intake::accept::Batch;
use crate::store;
use sha2::{Digest, Sha256};

/// What a provider is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: &'static str,
}

impl Reply {
    pub(super) const fn plain(status: u16, body: &'static str) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }
}

impl Collector {
    /// Takes in what was posted for an account. A text that cannot be read is kept in quarantine and answered like any other:
    /// asking the provider for it again would bring the same. While the database is away the answer is 503, so that a provider
    /// which tries again does.
    pub async fn take_webhook(&self, account: &str, provider: &dyn TextProvider, webhook: &Webhook) -> Reply {
        let (content_type, body) = provider.answer();
        let kind = match provider.authenticate(webhook) {
            Ok(kind) => kind,
            Err(refusal) => {
                tracing::warn!(account, status = refusal.status, "a webhook was refused: {}", refusal.why);
                metrics::counter!("beadle_webhooks_refused_total", "account" => account.to_owned()).increment(1);
                return Reply::plain(refusal.status, refusal.why);
            }
        };
        let taken = match kind {
            Kind::Incoming => self.take_text(account, provider, &webhook.body).await,
            Kind::Status => self.take_delivery(provider, &webhook.body).await,
        };
        match taken {
            Ok(()) => Reply { status: 200, content_type, body },
            Err(error) => {
                tracing::error!(account, %error, "a webhook could not be written down; its provider is asked to send it again");
                Reply::plain(503, "the database is away; please send this again")
            }
        }
    }

    async fn take_text(&self, account: &str, provider: &dyn TextProvider, body: &[u8]) -> store::Result<()> {
        let raw = |channel, external_id: String| RawMessage {
            channel,
            account: account.to_owned(),
            external_id,
            bytes: body.to_vec(),
            arrived_at: None,
        };
        let batch = match provider.parse(body) {
            Ok(text) => {
                let channel = Channel::from(text.kind);
                Batch { messages: vec![raw(channel, text.provider_id)], ..Batch::default() }
            }
            Err(why) => {
                let unread = raw(Channel::Sms, format!("unread:{:x}", Sha256::digest(body)));
                Batch { unfit: vec![(unread, why.to_string())], ..Batch::default() }
            }
        };
        self.accept(account, &batch).await.map(drop)
    }

    async fn take_delivery(&self, provider: &dyn TextProvider, body: &[u8]) -> store::Result<()> {
        let delivery = match provider.parse_status(body) {
            Ok(delivery) => delivery,
            Err(error) => {
                tracing::warn!(%error, "news of a text cannot be read");
                return Ok(());
            }
        };
        let Delivery { provider_id, state: DeliveryState::Failed { code, .. }, .. } = delivery else { return Ok(()) };
        let mut tx = self.db.begin().await?;
        let why = format!("the provider could not deliver it ({code})");
        let case = store::outbox::undelivered(&mut tx, &provider_id, &why).await?;
        if let Some(case) = case
            && let Some(mut case) = store::case::get_to_change(&mut tx, &case).await?
        {
            case.attention = Some(format!("A text to the resident did not arrive ({code})"));
            store::case::update(&mut tx, &case, self.clock.now()).await?;
        }
        tx.commit().await
    }
}
