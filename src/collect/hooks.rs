//! What providers of texts post to us: proven, committed, and only then answered.

use super::spool::Post;
use super::{CollectError, Collector};
use crate::channels::text::{Delivery, DeliveryState, Kind, TextProvider, Webhook};
use crate::core::{Channel, RawMessage};
use crate::intake::accept::Batch;
use crate::store;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How long the database may take before a post is kept in the spool instead: well within the second in which we answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// How much longer it may take where there is no spool. Notify waits five seconds.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

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
    /// asking the provider for it again would bring the same. While the database is away posts are kept in the spool; only
    /// where that cannot be written either is the answer 503, so that a provider which tries again does.
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
        let post = match kind {
            Kind::Incoming => Some(self.text(account, provider, &webhook.body)),
            Kind::Status => undelivered(provider, &webhook.body),
        };
        let taken = match post {
            Some(post) => self.take(account, post).await,
            None => Ok(()),
        };
        match taken {
            Ok(()) => Reply { status: 200, content_type, body },
            Err(why) => {
                tracing::error!(
                    account,
                    "a webhook could not be written down ({why}); its provider is asked to send it again"
                );
                Reply::plain(503, "the database is away; please send this again")
            }
        }
    }

    fn text(&self, account: &str, provider: &dyn TextProvider, body: &[u8]) -> Post {
        let (channel, external_id, unfit) = match provider.parse(body) {
            Ok(text) => (Channel::from(text.kind), text.provider_id, None),
            Err(why) => (Channel::Sms, format!("unread:{:x}", Sha256::digest(body)), Some(why.to_string())),
        };
        let (account, body, arrived_at) = (account.to_owned(), body.to_vec(), self.clock.now());
        Post::Text { channel, account, external_id, body, arrived_at, unfit }
    }

    /// Writes a post into the database or, where that does not answer soon, into the spool. An error says why neither worked.
    async fn take(&self, account: &str, post: Post) -> Result<(), String> {
        // What is kept already goes first, so that the inbox has the texts in their order.
        if self.spool.is_in_use() && self.spool.keep(&self.ids, &post).await.is_ok() {
            return Ok(());
        }
        // Not given up half way: what is late may still be written, and the same text twice is one.
        let mut writing = tokio::spawn({
            let (collector, post) = (self.clone(), post.clone());
            async move { collector.write_down(post).await }
        });
        let in_time = tokio::time::timeout(PATIENCE, &mut writing).await;
        let why = match &in_time {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "a fault in the program".to_owned(),
            Err(_) => format!("the database does not answer within {} ms", PATIENCE.as_millis()),
        };
        match self.spool.keep(&self.ids, &post).await {
            Ok(()) => {
                if !self.spool.set_in_use(true) {
                    let folder = self.spool.folder().display();
                    tracing::error!(account, "{why}; until it does, what providers post is kept in {folder}");
                }
                Ok(())
            }
            Err(error) => {
                let late =
                    in_time.is_err() && matches!(tokio::time::timeout(LAST_PATIENCE, writing).await, Ok(Ok(Ok(()))));
                if late { Ok(()) } else { Err(format!("{why}; nor can {}: {error}", self.spool.folder().display())) }
            }
        }
    }

    /// Takes what waits in the spool into the database; how many there were. What the database refuses stays, and keeps
    /// nothing else from being taken in.
    ///
    /// # Errors
    /// When the database or the folder cannot be used; then the rest waits for the next time.
    pub async fn empty_spool(&self) -> Result<usize, CollectError> {
        let mut taken = 0;
        let mut refused = None;
        for path in self.spool.waiting().await? {
            let Some(post) = self.spool.read(&path).await? else { continue };
            match self.write_down(post).await {
                Ok(()) => {
                    self.spool.forget(&path).await?;
                    taken += 1;
                }
                Err(error @ store::StoreError::Sql(_)) => refused = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        if self.spool.set_in_use(false) || taken > 0 {
            tracing::info!(taken, "what providers posted while the database was away is taken in");
        }
        refused.map_or(Ok(taken), |error| Err(error.into()))
    }

    async fn write_down(&self, post: Post) -> store::Result<()> {
        match post {
            Post::Text { channel, account, external_id, body, arrived_at, unfit } => {
                let raw = RawMessage {
                    channel,
                    account: account.clone(),
                    external_id,
                    bytes: body,
                    arrived_at: Some(arrived_at),
                };
                let batch = match unfit {
                    None => Batch { messages: vec![raw], ..Batch::default() },
                    Some(why) => Batch { unfit: vec![(raw, why)], ..Batch::default() },
                };
                self.accept(&account, &batch).await.map(drop)
            }
            Post::Undelivered { provider_id, code } => self.note_undelivered(&provider_id, &code).await,
        }
    }

    async fn note_undelivered(&self, provider_id: &str, code: &str) -> store::Result<()> {
        let mut tx = self.db.begin().await?;
        let why = format!("the provider could not deliver it ({code})");
        let case = store::outbox::undelivered(&mut tx, provider_id, &why).await?;
        if let Some(case) = case
            && let Some(mut case) = store::case::get_to_change(&mut tx, &case).await?
        {
            case.attention = Some(format!("A text to the resident did not arrive ({code})"));
            store::case::update(&mut tx, &case, self.clock.now()).await?;
        }
        tx.commit().await
    }
}

/// News that is worth writing down.
fn undelivered(provider: &dyn TextProvider, body: &[u8]) -> Option<Post> {
    match provider.parse_status(body) {
        Ok(Delivery { provider_id, state: DeliveryState::Failed { code, .. }, .. }) => {
            Some(Post::Undelivered { provider_id, code })
        }
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%error, "news of a text cannot be read");
            None
        }
    }
}
