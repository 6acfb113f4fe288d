//! Sending: one step claims one mail, hands it to the relay outside any transaction, and writes down how it went.

use super::render;
use crate::channels::smtp::{Outgoing as Relay, SendError};
use crate::channels::text::{SendError as TextError, TextProvider, WHATSAPP};
use crate::core::{Channel, Clock, Ids, OutboxId};
use crate::store::outbox::{Fate, Outgoing};
use crate::store::{self, Db};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;

/// After so many tries that did not reach the relay, a person has to look (about three days).
const MOST_TRIES: i64 = 24;

/// Sends what is in the outbox.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// For lease tokens.
    pub ids: Ids,
    /// Who claims: the start of every lease token.
    pub instance: String,
    /// Where mail goes.
    pub relay: Arc<Relay>,
    /// Where texts go.
    pub texts: BTreeMap<Channel, Arc<dyn TextProvider>>,
    /// How long a claimed mail is ours; longer than a send can take.
    pub lease: TimeDelta,
}

/// What one step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing was due.
    Idle,
    /// A mail was tried, and this is how it went.
    Tried(OutboxId, Fate),
    /// A mail was tried, but the lease had run out meanwhile: somebody else writes down how it went.
    LeaseLost(OutboxId),
}

impl Dispatcher {
    /// Sends the mail that has waited longest.
    ///
    /// # Errors
    /// What the database says. A relay that fails is no error: it is the mail's fate.
    pub async fn step(&self) -> store::Result<Step> {
        let token = format!("{}/{}", self.instance, self.ids.uuid());
        let mut tx = self.db.begin().await?;
        let claimed = store::outbox::claim(&mut tx, &token, self.clock.now(), self.lease).await?;
        let Some(outgoing) = claimed else { return Ok(Step::Idle) };
        let mut files = Vec::new();
        let mut missing = None;
        for file in &outgoing.mail.0.attachments {
            match store::attachment::bytes(&mut tx, &file.sha256).await? {
                Some(bytes) => files.push(bytes),
                None => missing = Some(Fate::Failed("an attached file is not in the database any more".to_owned())),
            }
        }
        tx.commit().await?;
        let (fate, named) = match (missing, outgoing.channel) {
            (Some(fate), _) => (fate, None),
            (None, Channel::Email) => (self.mail(&outgoing, files).await, None),
            (None, Channel::Sms | Channel::Whatsapp) => self.text(&outgoing).await,
            (None, Channel::Web) => (Fate::Failed("nothing can be sent by the web form".to_owned()), None),
        };
        let ours = self.write_down(&outgoing.id, &token, &fate, named.as_deref()).await?;
        Ok(if ours { Step::Tried(outgoing.id, fate) } else { Step::LeaseLost(outgoing.id) })
    }

    /// Writes down how a try ended. Tried again while the database fails: a mail that has gone and is not written down as
    /// gone would go a second time.
    async fn write_down(&self, id: &OutboxId, token: &str, fate: &Fate, named: Option<&str>) -> store::Result<bool> {
        let mut pauses = [1, 2, 4, 8, 16].into_iter();
        loop {
            let written = async {
                let mut tx = self.db.begin().await?;
                let ours = store::outbox::complete(&mut tx, id, token, fate, self.clock.now()).await?;
                if let Some(named) = named.filter(|_| ours) {
                    store::outbox::named(&mut tx, id, named).await?;
                }
                tx.commit().await?;
                Ok(ours)
            };
            match (written.await, pauses.next()) {
                (Err(_), Some(seconds)) => tokio::time::sleep(std::time::Duration::from_secs(seconds)).await,
                (written, _) => return written,
            }
        }
    }

    /// Sends a text; how it went, and what the provider calls it.
    async fn text(&self, outgoing: &Outgoing) -> (Fate, Option<String>) {
        let mail = &outgoing.mail.0;
        let (Some(provider), Some(to)) = (self.texts.get(&outgoing.channel), mail.to.first()) else {
            let why = format!("no [[text]] of the settings sends by {}", outgoing.channel.label());
            return (Fate::Failed(why), None);
        };
        let to = if outgoing.channel == Channel::Whatsapp { format!("{WHATSAPP}{to}") } else { to.clone() };
        let sending = provider.send(&to, &mail.body, outgoing.id.as_str());
        let answer = tokio::time::timeout(self.limit(), sending).await;
        let answer = answer.unwrap_or_else(|_| Err(TextError::Uncertain { why: "it took too long".to_owned() }));
        let fate = match answer {
            Ok(sent) => return (Fate::Sent, Some(sent.provider_id)),
            Err(error @ TextError::Refused { .. }) => Fate::Failed(error.to_string()),
            Err(TextError::Uncertain { why }) => Fate::Uncertain(why),
            Err(error) if outgoing.attempts >= MOST_TRIES => {
                Fate::Failed(format!("given up after {} tries: {error}", outgoing.attempts))
            }
            Err(error @ TextError::Busy { retry_after }) => {
                let wait = TimeDelta::from_std(retry_after).unwrap_or(TimeDelta::minutes(1));
                Fate::Again(self.clock.now() + wait, error.to_string())
            }
            Err(TextError::TryAgain { why }) => Fate::Again(again_at(self.clock.now(), outgoing.attempts), why),
        };
        (fate, None)
    }

    /// Given up before the lease runs out: nobody else may begin while this one still might succeed.
    fn limit(&self) -> std::time::Duration {
        self.lease.to_std().unwrap_or_default().saturating_sub(std::time::Duration::from_secs(15))
    }

    async fn mail(&self, outgoing: &Outgoing, files: Vec<Vec<u8>>) -> Fate {
        let rendered = match render::render(outgoing, files) {
            Ok(rendered) => rendered,
            Err(why) => return Fate::Failed(why),
        };
        let sending = self.relay.send(&rendered.envelope, &rendered.bytes);
        let answer = tokio::time::timeout(self.limit(), sending).await;
        match answer.unwrap_or_else(|_| Err(SendError::Uncertain { why: "it took too long".to_owned() })) {
            Ok(_) => Fate::Sent,
            Err(SendError::Uncertain { why, .. }) => Fate::Uncertain(why),
            Err(SendError::Refused { code, why, .. }) => {
                Fate::Failed(format!("the mail server refused it: {code} {why}"))
            }
            Err(SendError::NotSent { why, .. }) if outgoing.attempts >= MOST_TRIES => {
                Fate::Failed(format!("given up after {} tries: {why}", outgoing.attempts))
            }
            Err(SendError::NotSent { why, .. }) => Fate::Again(again_at(self.clock.now(), outgoing.attempts), why),
        }
    }
}

/// Half a minute, then twice as long each time, at most six hours.
fn again_at(now: DateTime<Utc>, attempts: i64) -> DateTime<Utc> {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(12);
    now + TimeDelta::seconds(30 << doublings).min(TimeDelta::hours(6))
}
