//! Sending: one step claims one mail, hands it to the relay outside any transaction, and writes down how it went.

use super::render;
use crate::channels::SendError;
use crate::channels::smtp::{Outgoing as Relay, SendError as MailError};
use crate::channels::telegram::{Bot, Keyboard, name_of};
use crate::channels::text::{TextProvider, WHATSAPP};
use crate::core::{Channel, Clock, Ids, OutboxId};
use crate::store::outbox::{Fate, Outgoing};
use crate::store::{self, Db, Tx};
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
    /// Bots on Telegram, by account.
    pub telegram: BTreeMap<String, Arc<Bot>>,
    /// How long a claimed mail is ours; longer than a send can take.
    pub lease: TimeDelta,
}

/// How a try went.
#[derive(Debug)]
struct Went {
    fate: Fate,
    /// What the provider calls the message.
    named: Option<String>,
    /// Whether whoever it was for takes nothing from us any more.
    blocked: bool,
}

impl From<Fate> for Went {
    fn from(fate: Fate) -> Self {
        Self { fate, named: None, blocked: false }
    }
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
        let account = match (outgoing.channel, outgoing.mail.0.to.first()) {
            (Channel::Telegram, Some(to)) => store::message::account_of_writer(&mut tx, Channel::Telegram, to).await?,
            _ => None,
        };
        tx.commit().await?;
        let went = match (missing, outgoing.channel) {
            (Some(fate), _) => fate.into(),
            (None, Channel::Email) => self.mail(&outgoing, files).await.into(),
            (None, Channel::Sms | Channel::Whatsapp) => self.text(&outgoing).await,
            (None, Channel::Telegram) => self.chat(&outgoing, account.as_deref()).await,
            (None, by @ (Channel::Web | Channel::Phone | Channel::Surgery | Channel::Letter)) => {
                Fate::Failed(format!("nothing can be sent by this way: {}", by.label())).into()
            }
        };
        let ours = self.write_down(&outgoing, &token, &went).await?;
        Ok(if ours { Step::Tried(outgoing.id, went.fate) } else { Step::LeaseLost(outgoing.id) })
    }

    /// Writes down how a try ended. Tried again while the database fails: a mail that has gone and is not written down as
    /// gone would go a second time.
    async fn write_down(&self, outgoing: &Outgoing, token: &str, went: &Went) -> store::Result<bool> {
        let id = &outgoing.id;
        let mut pauses = [1, 2, 4, 8, 16].into_iter();
        loop {
            let written = async {
                let mut tx = self.db.begin().await?;
                let now = self.clock.now();
                let ours = store::outbox::complete(&mut tx, id, token, &went.fate, now).await?;
                if let Some(named) = went.named.as_deref().filter(|_| ours) {
                    store::outbox::named(&mut tx, id, named).await?;
                }
                if ours && went.blocked {
                    note_blocked(&mut tx, outgoing, now).await?;
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
    async fn text(&self, outgoing: &Outgoing) -> Went {
        let mail = &outgoing.mail.0;
        let (Some(provider), Some(to)) = (self.texts.get(&outgoing.channel), mail.to.first()) else {
            let why = format!("no [[text]] of the settings sends by {}", outgoing.channel.label());
            return Fate::Failed(why).into();
        };
        let to = if outgoing.channel == Channel::Whatsapp { format!("{WHATSAPP}{to}") } else { to.clone() };
        let sending = provider.send(&to, &mail.body, outgoing.id.as_str());
        let answer = tokio::time::timeout(self.limit(), sending).await;
        match answer.unwrap_or_else(|_| Err(SendError::Uncertain { why: "it took too long".to_owned() })) {
            Ok(sent) => Went { fate: Fate::Sent, named: Some(sent.provider_id), blocked: false },
            Err(error) => self.went_wrong(error, outgoing.attempts),
        }
    }

    /// Writes into a chat by the bot that it is with, when it is its turn; how that went.
    async fn chat(&self, outgoing: &Outgoing, account: Option<&str>) -> Went {
        let mail = &outgoing.mail.0;
        let to = mail.to.first().and_then(|to| to.parse::<i64>().ok());
        let found = account.and_then(|account| Some((account, self.telegram.get(account)?)));
        let (Some((account, bot)), Some(chat_id)) = (found, to) else {
            return Fate::Failed("the bot they wrote to is not a [[telegram]] of the settings any more".to_owned())
                .into();
        };
        let now = self.clock.now();
        if let Some(wait) = bot.turn(chat_id, now) {
            return Fate::NotYet(now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::minutes(1))).into();
        }
        let button = mail.button.clone().map(|label| Keyboard::AskLocation { label });
        let sending = bot.wire.send(chat_id, &mail.body, button, None);
        let answer = tokio::time::timeout(self.limit(), sending).await;
        match answer.unwrap_or_else(|_| Err(SendError::Uncertain { why: "it took too long".to_owned() })) {
            Ok(sent) => {
                let named = name_of(account, chat_id, sent.message_id);
                Went { fate: Fate::Sent, named: Some(named), blocked: false }
            }
            Err(error) => {
                bot.heed(&error, self.clock.now());
                self.went_wrong(error, outgoing.attempts)
            }
        }
    }

    /// What a text or a chat message comes to that did not go.
    fn went_wrong(&self, error: SendError, attempts: i64) -> Went {
        let now = self.clock.now();
        let blocked = matches!(error, SendError::Refused { unsubscribed: true, .. });
        let fate = match error {
            SendError::Refused { unsubscribed: true, why, .. } => {
                Fate::Failed(format!("the resident wants no more messages from us: {why}"))
            }
            error @ SendError::Refused { .. } => Fate::Failed(error.to_string()),
            SendError::Uncertain { why } => Fate::Uncertain(why),
            // They say when it may go: that is no failure to be given up for.
            ref error @ SendError::Busy { retry_after } => {
                Fate::Again(now + TimeDelta::from_std(retry_after).unwrap_or(TimeDelta::hours(1)), error.to_string())
            }
            error @ SendError::TryAgain { .. } if attempts >= MOST_TRIES => {
                Fate::Failed(format!("given up after {attempts} tries: {error}"))
            }
            SendError::TryAgain { why } => Fate::Again(again_at(now, attempts), why),
        };
        Went { fate, named: None, blocked }
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
        match answer.unwrap_or_else(|_| Err(MailError::Uncertain { why: "it took too long".to_owned() })) {
            Ok(_) => Fate::Sent,
            Err(MailError::Uncertain { why, .. }) => Fate::Uncertain(why),
            Err(MailError::Refused { code, why, .. }) => {
                Fate::Failed(format!("the mail server refused it: {code} {why}"))
            }
            Err(MailError::NotSent { why, .. }) if outgoing.attempts >= MOST_TRIES => {
                Fate::Failed(format!("given up after {} tries: {why}", outgoing.attempts))
            }
            Err(MailError::NotSent { why, .. }) => Fate::Again(again_at(self.clock.now(), outgoing.attempts), why),
        }
    }
}

/// Nothing more goes to who blocks us, until they write again; the case shows that they were not told.
async fn note_blocked(tx: &mut Tx, outgoing: &Outgoing, now: DateTime<Utc>) -> store::Result<()> {
    if let Some(to) = outgoing.mail.0.to.first() {
        store::contact::set_blocked(tx, outgoing.channel, to, now).await?;
    }
    if let Some(case) = &outgoing.case_id
        && let Some(mut case) = store::case::get_to_change(tx, case).await?
    {
        case.attention = Some("A message to the resident did not arrive: they block us".to_owned());
        store::case::update(tx, &case, now).await?;
    }
    Ok(())
}

/// Half a minute, then twice as long each time, at most six hours.
fn again_at(now: DateTime<Utc>, attempts: i64) -> DateTime<Utc> {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(12);
    now + TimeDelta::seconds(30 << doublings).min(TimeDelta::hours(6))
}
