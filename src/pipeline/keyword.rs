//! STOP, START and HELP, which providers of texts and the law on marketing want heard at once, and CODE. On Telegram the commands
//! besides: /start, with which a chat begins, /help, and /status.

use super::Thought;
use super::clerk::Clerk;
use crate::casework::join;
use crate::channels::telegram::Command;
use crate::channels::text::words::{self, Keyword};
use crate::core::{CaseState, Channel, ContactId, ContactPoint, Mail, Party, Reference};
use crate::outbox::short::{Addressee, Say, Standing};
use crate::store::case::Case;
use crate::store::inbox::Outcome;
use crate::store::{self, Tx};
use serde_json::json;

/// Most cases that are told of at once.
const MOST_TOLD: i64 = 20;

/// What a short message asks for, that is no matter of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// A word that every provider gives a meaning.
    Word(Keyword),
    /// What is this chat?
    Welcome,
    /// How do my cases stand? All of them, or those that are named.
    Status(Vec<Reference>),
}

/// The request that a short message is, if it is nothing else.
pub(super) fn of(mail: &Mail) -> Option<Request> {
    if !mail.channel.is_short() || !mail.attachments.is_empty() {
        return None;
    }
    let command = Command::of(&mail.text).filter(|_| mail.channel == Channel::Telegram);
    match command {
        None => words::keyword(&mail.text).map(Request::Word),
        Some(Command::Start(_)) => Some(Request::Welcome),
        Some(Command::Help) => Some(Request::Word(Keyword::Help)),
        Some(Command::Status(of)) => Some(Request::Status(Reference::find_all(&of))),
        // "/stop" means what it says, and "/report the lamp is out" is a message. An unknown command alone is a call for help.
        Some(Command::Other) => {
            let mut words = mail.text.split_whitespace();
            let stop = words.next().is_some_and(|word| word.eq_ignore_ascii_case("/stop"));
            let word = if stop { Keyword::Stop } else { Keyword::Help };
            words.next().is_none().then_some(Request::Word(word))
        }
    }
}

impl Clerk<'_> {
    /// Does what a request asks for. The text is kept and visible, and is no case.
    pub(super) async fn heed(&self, tx: &mut Tx, thought: &Thought, request: Request) -> store::Result<()> {
        let contact = self.contact(tx, thought).await?;
        let id = self.write_message(tx, thought, None, Party::Resident, contact.as_ref()).await?;
        let case = match &contact {
            Some(contact) => self.latest(tx, contact).await?,
            None => None,
        };
        let (mut why, say, silent) = match &request {
            Request::Word(Keyword::Stop) => ("asked for no more messages (STOP)", Some(Say::Stopped), Some(true)),
            Request::Word(Keyword::Start) => ("asked for messages again (START)", Some(Say::Started), Some(false)),
            Request::Word(Keyword::Help) => ("asked what this number is for (HELP)", Some(Say::Help), None),
            Request::Word(Keyword::Code) => ("asked for a code (CODE)", None, None),
            Request::Welcome => ("opened the chat (/start)", Some(Say::Welcome), Some(false)),
            Request::Status(_) => ("asked how their cases stand (/status)", None, None),
        };
        if let Some(to) = &thought.mail.writer {
            if let Some(silent) = silent {
                store::contact::set_silent(tx, to, silent, self.now).await?;
            }
            let addressee = self.addressee(thought, to, case.as_ref(), id.as_str());
            let composer = self.desk().composer;
            match (say, &request) {
                (Some(say), _) => {
                    composer.say(tx, say, addressee, self.now).await?;
                }
                (None, Request::Status(named)) => {
                    let standing = self.standing(tx, contact.as_ref(), named).await?;
                    composer.say_standing(tx, &standing, addressee, self.now).await?;
                }
                (None, _) => {
                    if let Some(contact) = &contact {
                        why = self.give_code(tx, contact, addressee).await?;
                    }
                }
            }
        }
        let decided = json!({"outcome": "set_aside", "why": why});
        self.decide(tx, None, &id, "set_aside", decided, json!({})).await?;
        self.finish(tx, thought, Outcome::SetAside, &id, why).await
    }

    /// Whom an answer to a message goes to, in their language as far as it is known.
    pub(super) fn addressee<'a>(
        &self,
        thought: &'a Thought,
        to: &'a ContactPoint,
        case: Option<&'a Case>,
        answers: &'a str,
    ) -> Addressee<'a> {
        let device = thought.mail.device_language.as_deref().unwrap_or("en");
        let language = case.map_or(device, |case| case.language.as_str());
        Addressee { to, case, language, answers, held: None }
    }

    /// How the cases of a contact stand: those named that are theirs, else all that are open. Nobody hears of anybody else's.
    async fn standing(
        &self,
        tx: &mut Tx,
        contact: Option<&ContactId>,
        named: &[Reference],
    ) -> store::Result<Vec<Standing>> {
        let Some(contact) = contact else { return Ok(Vec::new()) };
        let mut cases: Vec<Case> = Vec::new();
        for reference in named.iter().take(usize::try_from(MOST_TOLD).unwrap_or_default()) {
            let case = store::case::by_reference(tx, reference).await?;
            if let Some(case) = case
                && let Some(wrote) = &case.contact_id
                && store::person::is_same(tx, wrote, contact).await?
            {
                cases.push(case);
            }
        }
        if named.is_empty() {
            let person = store::person::of(tx, contact).await?;
            cases = store::case::open_of(tx, &person, MOST_TOLD).await?;
        }
        let mut standing = Vec::with_capacity(cases.len());
        for case in cases {
            let parent = match case.state {
                CaseState::Joined => {
                    let root = join::root(tx, &case.id).await?;
                    store::case::get(tx, &root).await?
                }
                _ => None,
            };
            let (state, department) = {
                let there = parent.as_ref().unwrap_or(&case);
                (there.state, there.department.clone())
            };
            standing.push(Standing { case, state, department });
        }
        Ok(standing)
    }
}
