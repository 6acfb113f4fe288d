//! One inbox row through all of it: parse, judge, compare, thread, match, open, route, queue. What it writes, it writes in one
//! transaction (`clerk`); what it needs to think about, it thinks about before that.

mod answer;
mod aside;
mod campaign;
mod clerk;
pub mod flood;
mod keyword;
mod open;
mod person;
mod private;
pub mod proof;
mod question;
mod read;
mod whereabouts;

use crate::casework::matcher::InForce;
use crate::casework::matching::Judge;
use crate::casework::search::Compared;
use crate::channels::telegram::Bot;
use crate::channels::text::TextProvider;
use crate::channels::whereabouts::Whereabouts;
use crate::core::{Clock, Council, Councillor, Ids, Mail, TokenKey, Verdict};
use crate::intake::form::{Chosen, FormPolicy};
use crate::intake::mime::MimeLimits;
use crate::intake::photo;
use crate::routing::RoutingPolicy;
use crate::routing::consent::Consents;
use crate::routing::deadline::{WorkingDays, received_date};
use crate::store::inbox::Claimed;
use crate::store::{self, Db};
use crate::understanding::rules::Rules;
use crate::understanding::{Question, Understanding};
use chrono::{DateTime, TimeDelta, Utc};
use clerk::Clerk;
use flood::Usual;
use read::Unread;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Name that automatic decisions are signed with.
pub const ACTOR: &str = "beadle";
/// After so many tries a message goes into quarantine.
const MOST_TRIES: i64 = 5;
/// After so many tries that ended with the process, too: by then the message was alone in work.
const MOST_CRASHES: i64 = 12;
/// A row tried more often than this is worked on alone, so that it cannot take others down with it.
const ALONE_AFTER: i64 = 2;

/// What the pipeline works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
    /// Who claims: the start of every lease token.
    pub instance: String,
    /// What judges messages.
    pub understanding: Understanding,
    /// The council and its rules of the game.
    pub house: Arc<House>,
    /// How long a claimed row is ours.
    pub lease: TimeDelta,
}

/// What the council set.
#[derive(Clone, Debug)]
pub struct House {
    /// Name, councillors, addresses.
    pub council: Council,
    /// What may happen without a person.
    pub policy: RoutingPolicy,
    /// Bank holidays.
    pub calendar: WorkingDays,
    /// Signs reply addresses.
    pub key: TokenKey,
    /// What a resident allows before they say otherwise.
    pub consent: Consents,
    /// What tells that two reports are about one problem; it can be changed while others work.
    pub matcher: InForce,
    /// Limits of parsing.
    pub limits: MimeLimits,
    /// How much is usual.
    pub usual: Usual,
    /// Who carries texts, by account.
    pub texts: BTreeMap<String, Arc<dyn TextProvider>>,
    /// How the form on the web works; none where there is none.
    pub form: Option<FormPolicy>,
    /// Bots on Telegram, by account.
    pub telegram: BTreeMap<String, Arc<Bot>>,
    /// Who is asked where a what3words address or a short link points; none where nobody is.
    pub whereabouts: Option<Arc<Whereabouts>>,
    /// The councillor of each watched account.
    pub account_councillors: BTreeMap<String, String>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Rows that are accounted for now.
    pub done: usize,
    /// Rows that went into quarantine.
    pub quarantined: usize,
    /// Rows given back, to be tried again.
    pub put_back: usize,
}

impl Worked {
    /// Whether there was nothing to do.
    #[must_use]
    pub const fn is_idle(self) -> bool {
        self.done + self.quarantined + self.put_back == 0
    }
}

/// A row with everything thought about it.
struct Thought {
    row: Claimed,
    mail: Mail,
    question: Question,
    /// What the resident chose, where they were asked: on the web form, or by whoever wrote down their call.
    chosen: Option<Chosen>,
    /// None for mail that nobody needs to understand: automatic mail.
    meaning: Option<Meaning>,
}

/// What a message was found to be.
struct Meaning {
    verdict: Verdict,
    /// The open cases it was compared with.
    compared: Compared,
}

/// When a resident told us: what was written down later was told before.
fn told_at(row: &Claimed, mail: &Mail) -> DateTime<Utc> {
    mail.sent_at.filter(|_| mail.channel.is_word_of_mouth()).unwrap_or(row.received_at)
}

impl Thought {
    fn told_at(&self) -> DateTime<Utc> {
        told_at(&self.row, &self.mail)
    }

    fn verdict(&self) -> Option<&Verdict> {
        self.meaning.as_ref().map(|m| &m.verdict)
    }
}

impl Pipeline {
    /// Works on at most `most` rows.
    ///
    /// # Errors
    /// When the database fails as such; a row that fails is no error: it is given back or put into quarantine.
    pub async fn step(&self, most: usize) -> store::Result<Worked> {
        let rows = self.claim(most).await?;
        let mut worked = Worked::default();
        let mut thoughts = Vec::new();
        for row in rows {
            if row.attempts > MOST_CRASHES {
                worked.quarantined +=
                    self.quarantine(&row, "the program ended while it was working on this, again and again").await?;
                continue;
            }
            match self.read(&row).await {
                Ok(mail) => thoughts.push(self.question(row, mail)),
                Err(Unread::ForGood(why)) => worked.quarantined += self.quarantine(&row, &why).await?,
                Err(Unread::ForNow(why)) => {
                    self.put_back(&row, &why).await?;
                    worked.put_back += 1;
                }
            }
        }
        // Judged and decided by the same rules, though others may be put in force meanwhile.
        let rules = self.understanding.rules();
        self.look_up(&mut thoughts, &rules).await;
        self.think(&mut thoughts, &rules).await;
        self.commit(&thoughts, &rules, &mut worked).await?;
        Ok(worked)
    }

    /// Commits what was thought: all of it at once and, where that fails, one by one, so that no row takes others down.
    async fn commit(&self, thoughts: &[Thought], rules: &Rules, worked: &mut Worked) -> store::Result<()> {
        if thoughts.len() > 1 {
            match self.commit_all(thoughts, rules).await {
                Ok(()) => {
                    worked.done += thoughts.len();
                    return Ok(());
                }
                Err(error) => {
                    tracing::warn!(%error, rows = thoughts.len(), "a batch failed; its rows are tried one by one")
                }
            }
        }
        for thought in thoughts {
            match self.commit_all(std::slice::from_ref(thought), rules).await {
                Ok(()) => worked.done += 1,
                Err(error)
                    if thought.row.attempts >= MOST_TRIES
                        && !matches!(error, store::StoreError::DiskFull | store::StoreError::Away(_)) =>
                {
                    worked.quarantined += self.quarantine(&thought.row, &error.to_string()).await?;
                }
                Err(error) => {
                    tracing::warn!(inbox = %thought.row.id, %error, "a message could not be worked on; it will be tried again");
                    self.put_back(&thought.row, &error.to_string()).await?;
                    worked.put_back += 1;
                }
            }
        }
        Ok(())
    }

    async fn claim(&self, most: usize) -> store::Result<Vec<Claimed>> {
        let token = format!("{}/{}", self.instance, self.ids.uuid());
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let mut rows: Vec<Claimed> = Vec::new();
        let mut bytes = 0;
        while rows.len() < most && bytes < 32 << 20 {
            let Some(row) = store::inbox::claim(&mut tx, &token, now, self.lease).await? else { break };
            bytes += row.raw.len();
            let alone = row.attempts > ALONE_AFTER;
            rows.push(row);
            if alone {
                break;
            }
        }
        tx.commit().await?;
        Ok(rows)
    }

    async fn quarantine(&self, row: &Claimed, why: &str) -> store::Result<usize> {
        let mut tx = self.db.begin().await?;
        let done = store::inbox::quarantine(&mut tx, row, why, self.clock.now()).await?;
        tx.commit().await?;
        tracing::warn!(inbox = %row.id, account = row.account, reason = why, "put into quarantine");
        Ok(usize::from(done))
    }

    async fn put_back(&self, row: &Claimed, why: &str) -> store::Result<()> {
        let mut tx = self.db.begin().await?;
        let wait = TimeDelta::seconds(5 << row.attempts.clamp(0, 6));
        store::inbox::put_back(&mut tx, row, why, self.clock.now() + wait).await?;
        tx.commit().await
    }

    fn question(&self, row: Claimed, mail: Mail) -> Thought {
        let home_wards = self.councillor(&row, &mail).map(|c| c.wards.clone()).unwrap_or_default();
        let photos = photo::positions(&mail.attachments);
        let (subject, body) = (mail.subject.clone(), mail.text.clone());
        let received = Some(received_date(told_at(&row, &mail)));
        let shared = mail.shared.clone();
        let question = Question { subject, body, home_wards, photos, shared, received, looked_up: Vec::new() };
        let chosen = row.channel.is_hearsay().then(|| Chosen::of(&row.raw)).flatten();
        Thought { row, mail, question, chosen, meaning: None }
    }

    /// The councillor a mail was written to: the one whose mailbox it lay in, else the one addressed.
    fn councillor(&self, row: &Claimed, mail: &Mail) -> Option<&Councillor> {
        let council = &self.house.council;
        let addressed = mail.to.iter().map(|a| a.email.as_str()).chain(mail.delivered_to.iter().map(String::as_str));
        let mut found = addressed.filter_map(|email| council.councillor_by_email(email));
        // Where the mailbox is somebody's, it is theirs even when others are addressed too.
        match self.house.account_councillors.get(&row.account) {
            Some(id) => council.councillor(id),
            None => found.next(),
        }
    }

    /// Judges what people wrote, and compares it with the open cases as they are now.
    async fn think(&self, thoughts: &mut [Thought], rules: &Rules) {
        let wanted: Vec<usize> = (0..thoughts.len()).filter(|&i| thoughts[i].mail.automatic.is_none()).collect();
        if wanted.is_empty() {
            return;
        }
        let questions: Vec<Question> = wanted.iter().map(|&i| thoughts[i].question.clone()).collect();
        let verdicts = self.understanding.judge_by(rules, &questions).await;
        let matcher = self.house.matcher.now();
        for (i, verdict) in wanted.into_iter().zip(verdicts) {
            let thought = &mut thoughts[i];
            let verified = thought.mail.sender.is_verified();
            let judge = Judge { matcher: &matcher, taxonomy: &rules.taxonomy, verified };
            // What fails here is a fault of one row: it shows again where that row is brought to its end.
            let compared = self.compare(thought, &verdict, &judge).await.unwrap_or_else(|error| {
                tracing::warn!(inbox = %thought.row.id, %error, "a message could not be compared with the open cases beforehand");
                Compared::with_nothing(&thought.question, &verdict, &judge, thought.told_at())
            });
            thought.meaning = Some(Meaning { verdict, compared });
        }
    }

    async fn compare(&self, thought: &Thought, verdict: &Verdict, judge: &Judge<'_>) -> store::Result<Compared> {
        let mut tx = self.db.read().await?;
        // Only who is vouched for can be "the same person again": anybody may copy somebody's words and name.
        let from = thought.mail.writer.as_ref().filter(|_| thought.mail.sender.is_verified());
        let contact = match from {
            Some(point) => store::contact::person(&mut tx, point).await?,
            None => None,
        };
        let mut compared = Compared::with_nothing(&thought.question, verdict, judge, thought.told_at());
        compared.look(&mut tx, contact.as_ref(), judge, self.clock.now()).await?;
        Ok(compared)
    }

    async fn commit_all(&self, thoughts: &[Thought], rules: &Rules) -> store::Result<()> {
        let clerk = Clerk { pipeline: self, rules, now: self.clock.now() };
        let mut tx = self.db.begin().await?;
        // What these are decided by is kept with the decisions.
        let source = || serde_json::to_value(&rules.source).unwrap_or_default();
        store::rule_version::keep_set(&mut tx, &rules.version, source, clerk.now).await?;
        for thought in thoughts {
            clerk.account_for(&mut tx, thought).await?;
        }
        tx.commit().await
    }
}
