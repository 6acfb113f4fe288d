//! Brings rows to their end inside one transaction.

use super::keyword;
use super::{ACTOR, Pipeline, Thought};
use crate::core::{Address, Channel, ContactId, MessageId, Party, Verdict};
use crate::intake::talk;
use crate::intake::threads::{self, Answers};
use crate::routing::consent::Consent;
use crate::store::case::Case;
use crate::store::decision::NewDecision;
use crate::store::inbox::Outcome;
use crate::store::message::{Embedding, NewMessage};
use crate::store::{self, Tx};
use crate::understanding::rules::Rules;
use chrono::{DateTime, Utc};

/// One transaction's work: the house, the rules that judged, the moment.
#[derive(Clone, Copy)]
pub(super) struct Clerk<'a> {
    pub(super) pipeline: &'a Pipeline,
    /// The rules the verdicts were made by.
    pub(super) rules: &'a Rules,
    pub(super) now: DateTime<Utc>,
}

impl Clerk<'_> {
    /// Brings one row to its end. Inbox, message, case, decision and outbox rows stand or fall together.
    pub(super) async fn account_for(&self, tx: &mut Tx, thought: &Thought) -> store::Result<()> {
        let (row, mail, house) = (&thought.row, &thought.mail, &self.pipeline.house);
        let councillor = self.pipeline.councillor(row, mail).map(|c| c.id.clone());
        if let Some((message, _)) = store::message::by_fingerprint(tx, &mail.fingerprint).await? {
            if let Some(councillor) = &councillor {
                store::message::add_councillor(tx, &message, councillor).await?;
            }
            let why = "another copy of a message that was there";
            return self.finish(tx, thought, Outcome::Joined, &message, why).await;
        }
        let Some(meaning) = &thought.meaning else { return self.set_aside(tx, thought).await };
        let private = self.is_private(thought);
        // What a gatekeeper writes down was heard by a person already: it is not too much, and holds no code.
        let heard = mail.channel.is_word_of_mouth();
        if !heard && let Some(why) = self.too_much(tx, thought).await? {
            if private {
                return self.open_private(tx, thought, meaning, councillor, Some(&why)).await;
            }
            return self.keep_unheeded(tx, thought, &why).await;
        }
        if let Some(writer) = mail.writer.as_ref().filter(|_| mail.channel == Channel::Telegram) {
            store::contact::writes_again(tx, writer).await?;
        }
        if let Some(request) = keyword::of(mail)
            && !self.is_an_answer(tx, thought).await?
        {
            return self.heed(tx, thought, request).await;
        }
        if !heard && self.take_code(tx, thought).await? {
            return Ok(());
        }
        let answers = if mail.channel.is_short() {
            talk::find(tx, mail, &meaning.verdict, &house.policy, self.now).await?
        } else {
            threads::find(tx, mail, &house.key, &house.council, &self.rules.taxonomy).await?
        };
        // Who only points to a private case learns nothing of it, and neither does who looks at theirs.
        let answers = match answers {
            Answers::Perhaps(case, _) if self.if_private(tx, &case).await?.is_some() => Answers::Nothing,
            answers => answers,
        };
        if let Answers::Case(case, party, _) = &answers
            && let Some(case) = self.if_private(tx, case).await?
        {
            return self.add_private(tx, thought, case, *party).await;
        }
        // What is for the councillor only does not go on a case that others read.
        if private {
            return self.open_private(tx, thought, meaning, councillor, None).await;
        }
        if let Answers::Case(case, party, how) = answers {
            return self.add_to_case(tx, thought, &case, party, &how, councillor).await;
        }
        // A councillor's own mail is work: they forward what residents tell them.
        let council = &house.council;
        let ours = |a: &Address| council.is_own(&a.email) && council.councillor_by_email(&a.email).is_none();
        if mail.from.as_ref().is_some_and(ours) {
            return self.set_aside(tx, thought).await;
        }
        self.open_case(tx, thought, meaning, &answers, councillor).await
    }

    /// Whether a word that could be START answers a question of ours: YES is both.
    async fn is_an_answer(&self, tx: &mut Tx, thought: &Thought) -> store::Result<bool> {
        let Some(contact) = self.contact(tx, thought).await? else { return Ok(false) };
        let latest = self.latest(tx, &contact).await?;
        Ok(latest.is_some_and(|case| self.answers_consent(&case, &thought.mail.text).is_some()))
    }

    /// The contact of who wrote, made where there is none.
    pub(super) async fn contact(&self, tx: &mut Tx, thought: &Thought) -> store::Result<Option<ContactId>> {
        match &thought.mail.writer {
            Some(point) => Ok(Some(store::contact::by_address(tx, &self.pipeline.ids, point, self.now).await?)),
            None => Ok(None),
        }
    }

    /// Writes the message with its files; its Message-ID leads to its case from now on.
    pub(super) async fn write_message(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        case: Option<&Case>,
        party: Party,
        contact: Option<&ContactId>,
    ) -> store::Result<MessageId> {
        let id: MessageId = self.pipeline.ids.next();
        let mail = &thought.mail;
        let private = case.is_some_and(|case| Consent::of(&case.consent).is_private());
        let new = NewMessage {
            id: &id,
            case_id: case.map(|c| &c.id),
            party,
            contact,
            mail,
            language: thought.verdict().map(|v| v.language.as_str()),
            embedding: thought.verdict().and_then(embedding).filter(|_| !private),
            hear_by: thought.chosen.as_ref().and_then(|chosen| chosen.hear_by),
            received_at: thought.row.received_at,
        };
        store::message::insert(tx, new).await?;
        store::attachment::insert_all(tx, &id, &mail.attachments).await?;
        if let (Some(case), Some(rfc)) = (case, &mail.rfc_message_id) {
            store::message::tie_thread(tx, rfc, &case.id, party, false).await?;
        }
        Ok(id)
    }

    /// Writes a decision of the program's own.
    pub(super) async fn decide(
        &self,
        tx: &mut Tx,
        case: Option<&Case>,
        message: &MessageId,
        kind: &str,
        decided: serde_json::Value,
        evidence: serde_json::Value,
    ) -> store::Result<()> {
        let (case_id, message_id) = (case.map(|c| &c.id), Some(message));
        let new = NewDecision { case_id, message_id, kind, actor: ACTOR, decided, evidence };
        store::decision::insert(tx, &self.pipeline.ids, new, self.now).await?;
        Ok(())
    }

    /// Ends the inbox row.
    pub(super) async fn finish(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        outcome: Outcome,
        message: &MessageId,
        why: &str,
    ) -> store::Result<()> {
        if store::inbox::finish(tx, &thought.row, outcome, Some(message), Some(why), self.now).await? {
            return Ok(());
        }
        // The lease ran out and somebody else has the row: everything written here is taken back with the transaction.
        Err(store::StoreError::LeaseLost)
    }
}

fn embedding(verdict: &Verdict) -> Option<Embedding<'_>> {
    Some(Embedding { vector: verdict.embedding.as_deref()?, encoder: verdict.encoder.as_deref()? })
}
