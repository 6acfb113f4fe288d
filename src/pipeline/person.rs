//! Somebody who writes from a second address: they show with a code of their own that they are who wrote before, and go on
//! where they are. A name or a quoted reference only suggests it, and a gatekeeper says.

use super::clerk::Clerk;
use super::{ACTOR, Thought};
use crate::core::{Code, ContactId, Party};
use crate::intake::threads::Answers;
use crate::outbox::short::{Addressee, Say};
use crate::store::inbox::Outcome;
use crate::store::{self, Tx};
use chrono::TimeDelta;
use serde_json::json;

/// How long a code is good, in minutes.
const GOOD_MINUTES: i64 = 30;
/// Most codes a contact gets in an hour, and most that they may try and get wrong.
const MOST_CODES: i64 = 5;
const MOST_WRONG: i64 = 5;
/// How far back a namesake's case makes them perhaps the same person, in days, and how many of them are named.
const NAMESAKE_DAYS: i64 = 90;
const MOST_NAMESAKES: i64 = 3;

impl Clerk<'_> {
    /// Gives a resident a code to show elsewhere who they are; asked for too often, nothing.
    pub(super) async fn give_code(
        &self,
        tx: &mut Tx,
        contact: &ContactId,
        addressee: Addressee<'_>,
    ) -> store::Result<&'static str> {
        if store::person::codes_since(tx, contact, self.now - TimeDelta::hours(1)).await? >= MOST_CODES {
            return Ok("asked for a code once more; they had enough of them in the last hour");
        }
        let code = self.pipeline.ids.code();
        let (hash, until) = (code.hash(&self.pipeline.house.key), self.now + TimeDelta::minutes(GOOD_MINUTES));
        store::person::keep_code(tx, &hash, contact, self.now, until).await?;
        let say = Say::Code { code: &code, minutes: GOOD_MINUTES };
        self.desk().composer.say(tx, say, addressee, self.now).await?;
        Ok("asked for a code, to go on from another address")
    }

    /// Takes a code that was given to another address: from now on both are one person, who is written to where the code came
    /// from. Whether the message was that and nothing else.
    pub(super) async fn take_code(&self, tx: &mut Tx, thought: &Thought) -> store::Result<bool> {
        let mail = &thought.mail;
        let Some(writer) = mail.writer.as_ref().filter(|_| mail.sender.is_verified()) else { return Ok(false) };
        let Some(code) = Code::find(&mail.text) else { return Ok(false) };
        let Some(contact) = self.contact(tx, thought).await? else { return Ok(false) };
        let since = self.now - TimeDelta::hours(1);
        let may_try = store::person::wrong_codes_since(tx, &contact, since).await? < MOST_WRONG;
        let hash = code.hash(&self.pipeline.house.key);
        let owner = if may_try { store::person::use_code(tx, &hash, &contact, self.now).await? } else { None };
        // What comes with a code is a message, and is heeded as one; and what has only the shape of a code may be one too.
        let nothing_else = mail.text.trim().chars().count() <= 2 * code.as_str().len();
        let (why, say) = match &owner {
            Some(owner) => {
                let why = "their own code was sent from the other address";
                store::person::confirm(tx, &self.pipeline.ids, (owner, &contact), why, ACTOR, self.now).await?;
                store::person::choose(tx, writer, self.now).await?;
                ("showed with a code that they also write from another address", Say::Linked)
            }
            None => {
                store::person::note_wrong_code(tx, &contact, self.now).await?;
                ("sent a code that is not valid, or not any more", Say::WrongCode)
            }
        };
        if may_try && (owner.is_some() || nothing_else) {
            let case = self.latest(tx, owner.as_ref().unwrap_or(&contact)).await?;
            // Named after the delivery, so that what else it says can be answered as well.
            let addressee = self.addressee(thought, writer, case.as_ref(), thought.row.id.as_str());
            self.desk().composer.say(tx, say, addressee, self.now).await?;
        }
        if !nothing_else {
            return Ok(false);
        }
        let id = self.write_message(tx, thought, None, Party::Resident, Some(&contact)).await?;
        let decided = json!({"outcome": "set_aside", "why": why, "person": owner.is_some()});
        self.decide(tx, None, &id, "set_aside", decided, json!({})).await?;
        self.finish(tx, thought, Outcome::SetAside, &id, why).await?;
        Ok(true)
    }

    /// Says to a gatekeeper, and to nobody else, who a writer may be: the resident whose case they quote, or somebody of the same
    /// full name on another channel. Who quotes a case from a telephone is told how to show that it is theirs.
    pub(super) async fn suggest_person(
        &self,
        tx: &mut Tx,
        thought: &Thought,
        contact: &ContactId,
        answers: &Answers,
        message: &str,
    ) -> store::Result<()> {
        let (mail, ids) = (&thought.mail, &self.pipeline.ids);
        let Some(writer) = mail.writer.as_ref().filter(|_| mail.sender.is_verified()) else { return Ok(()) };
        if let Answers::Perhaps(case, _) = answers
            && let Some(case) = store::case::get(tx, case).await?
            && let Some(owner) = case.contact_id.as_ref().filter(|owner| *owner != contact)
        {
            let why = format!("this address quotes case {}", case.reference);
            store::person::suggest(tx, ids, owner, contact, &why, self.now).await?;
            if writer.channel.is_short() {
                let composer = self.desk().composer;
                let addressee = self.addressee(thought, writer, None, message);
                composer.say(tx, Say::Elsewhere, addressee, self.now).await?;
            }
        }
        // One word is a first name, and half a ward shares those.
        let Some(name) = writer.name.as_deref().filter(|name| name.split_whitespace().count() > 1) else {
            return Ok(());
        };
        let since = self.now - TimeDelta::days(NAMESAKE_DAYS);
        let alike = store::person::namesakes(tx, contact, name, writer.channel, since, MOST_NAMESAKES).await?;
        for other in alike {
            let why = "the same full name, on another channel";
            store::person::suggest(tx, ids, &other, contact, why, self.now).await?;
        }
        Ok(())
    }

    /// The case that a contact was last busy with in a year.
    pub(super) async fn latest(
        &self,
        tx: &mut Tx,
        contact: &ContactId,
    ) -> store::Result<Option<crate::store::case::Case>> {
        let person = store::person::of(tx, contact).await?;
        Ok(store::case::latest_of(tx, &person, self.now - TimeDelta::days(365)).await?.map(|(case, _)| case))
    }
}
