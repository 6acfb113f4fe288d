//! The trail of a case as one time line: what came in, what was decided and why, what went out.

use super::decided::{DecisionView, actor, decision_view};
use super::{format, picture, scope};
use crate::channels::text::phone;
use crate::core::access::{Eyes, Field};
use crate::core::call::below_name;
use crate::core::{CaseState, Channel, DecisionId, NoteKind, Party, Reach, SenderCheck, Taxonomy, Verdict, language};
use crate::store::attachment::Stored;
use crate::store::case::Case;
use crate::store::decision::Decision;
use crate::store::message::Message;
use crate::store::note::Note;
use crate::store::outbox::Outgoing;
use crate::store::{self, Tx};
use chrono::{DateTime, Utc};

/// Everything that happened to a case, as the database has it.
pub(super) struct Trail {
    pub(super) case: Case,
    pub(super) messages: Vec<Message>,
    pub(super) files: Vec<Stored>,
    pub(super) decisions: Vec<Decision>,
    pub(super) outgoing: Vec<Outgoing>,
    pub(super) notes: Vec<Note>,
    /// The person's decision that models learn from, and what became of it.
    pub(super) taught: Option<(DecisionId, String)>,
}

impl Trail {
    /// What is kept of a case, as far as these eyes read it: the one way in which a page of the desk gets at it. A case that lies out of
    /// `reach` is named nowhere in it.
    pub(super) async fn of(tx: &mut Tx, mut case: Case, eyes: &Eyes, reach: &Reach) -> store::Result<Self> {
        let id = case.id.clone();
        if let Some(attention) = &case.attention {
            case.attention = Some(scope::without_others(tx, attention, reach).await?);
        }
        let (mut messages, mut files) = (Vec::new(), Vec::new());
        if eyes.may_read(Field::Words) {
            messages = store::message::of_case(tx, &id).await?;
            files = store::attachment::of_case(tx, &id).await?;
        }
        if !eyes.may_read(Field::Identity) {
            for message in &mut messages {
                (message.from_address, message.from_name) = (None, None);
            }
        }
        let (mut decisions, mut outgoing, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        if eyes.may_read(Field::Trail) {
            decisions = store::decision::of_case(tx, &id).await?;
            scope::hide_others(tx, &mut decisions, reach).await?;
            outgoing = store::outbox::of_case(tx, &id).await?;
            notes = store::note::of_case(tx, &id).await?;
        }
        Ok(Self { case, messages, files, decisions, outgoing, notes, taught: None })
    }
}

/// The first message of a case in full, where these eyes read it.
pub(super) async fn first_words(tx: &mut Tx, case: &Case, eyes: &Eyes) -> store::Result<Option<String>> {
    if !eyes.may_read(Field::Words) {
        return Ok(None);
    }
    let first = store::message::of_case(tx, &case.id).await?.into_iter().next();
    Ok(first.as_ref().map(words_of))
}

/// The words of a message that are about its case.
pub(super) fn words_of(message: &Message) -> String {
    format::paragraphs(message.part.as_deref().unwrap_or(&message.body))
}

/// One thing that happened.
pub(super) struct Entry {
    pub(super) at: DateTime<Utc>,
    pub(super) what: What,
}

impl Entry {
    pub(super) fn when(&self) -> String {
        format::when(self.at)
    }

    pub(super) fn machine_time(&self) -> String {
        format::machine_time(self.at)
    }
}

pub(super) enum What {
    Message(MessageView),
    Decision(DecisionView),
    Outgoing(OutgoingView),
    Note(NoteView),
}

/// What staff wrote beside the case.
pub(super) struct NoteView {
    pub(super) heading: &'static str,
    pub(super) actor: String,
    pub(super) words: String,
}

/// A message that came in.
pub(super) struct MessageView {
    pub(super) id: String,
    pub(super) heading: &'static str,
    /// The way it came, where that was no mail.
    pub(super) by: Option<&'static str>,
    /// Whether a gatekeeper wrote it down.
    pub(super) noted: bool,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) verified: bool,
    pub(super) sender: String,
    pub(super) language: String,
    pub(super) language_name: Option<String>,
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) folded: String,
    pub(super) files: Vec<FileView>,
    pub(super) no_auto_answer: Option<String>,
    /// Whether it can be sent on to the department.
    pub(super) can_send_on: bool,
    pub(super) sent_on: bool,
}

pub(super) struct FileView {
    pub(super) position: i64,
    pub(super) name: String,
    pub(super) size: String,
    pub(super) refused: Option<String>,
    /// Whether it can be shown beside its name.
    pub(super) is_picture: bool,
}

/// A mail of ours.
pub(super) struct OutgoingView {
    pub(super) id: String,
    pub(super) heading: &'static str,
    /// The way it goes, where that is no mail.
    pub(super) by: Option<&'static str>,
    pub(super) status: &'static str,
    pub(super) status_class: &'static str,
    pub(super) to: String,
    pub(super) cc: String,
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) language: String,
    pub(super) files: Vec<String>,
    pub(super) reason: Option<String>,
    pub(super) sent_at: Option<String>,
    /// Whether it can be printed.
    pub(super) is_letter: bool,
    pub(super) release: Option<Release>,
}

/// What the button that lets a mail go says.
#[derive(Clone, Copy)]
pub(super) struct Release {
    pub(super) button: &'static str,
    pub(super) warning: Option<&'static str>,
}

impl Trail {
    /// Everything in the order it happened. Of things at one moment, what came in stands first and what went out last.
    pub(super) fn entries(&self, taxonomy: &Taxonomy) -> Vec<Entry> {
        let messages = self.messages.iter().map(|m| Entry { at: m.received_at, what: What::Message(self.message(m)) });
        let decision = |d: &Decision| {
            let mut view = decision_view(d, taxonomy);
            let taught = self.taught.iter().filter(|(id, _)| *id == d.id);
            view.lines.extend(taught.map(|(_, line)| line.clone()));
            What::Decision(view)
        };
        let decisions = self.decisions.iter().map(|d| Entry { at: d.created_at, what: decision(d) });
        let outgoing = self.outgoing.iter().map(|o| Entry { at: o.created_at, what: What::Outgoing(outgoing_view(o)) });
        let notes = self.notes.iter().map(|n| Entry { at: n.created_at, what: What::Note(note_view(n)) });
        let mut entries: Vec<Entry> = messages.chain(notes).chain(decisions).chain(outgoing).collect();
        entries.sort_by_key(|e| e.at);
        entries
    }

    /// What the case was first judged to be, as it was then; of a case that was split off, what its part was.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let triage = self.decisions.iter().find(|d| d.kind == "triage" || d.kind == "split_off")?;
        serde_json::from_value(triage.evidence.0["verdict"].clone()).ok()
    }

    pub(super) fn message(&self, message: &Message) -> MessageView {
        let (verified, sender) = match &message.sender.0 {
            // What mail servers call their checks says nothing to who has to decide.
            SenderCheck::Verified { by } if matches!(by.as_str(), "dmarc" | "dkim" | "spf") => {
                (true, format!("Verified by the sender’s mail provider ({})", by.to_uppercase()))
            }
            SenderCheck::Verified { by } => (true, format!("Verified by {by}")),
            SenderCheck::Unverified { why } => (false, format!("Not verified: {why}")),
        };
        let language = message.language.clone().unwrap_or_default();
        let sent_on = |d: &Decision| d.kind == "send_on" && d.decided.0["message"] == message.id.as_str();
        let sent_on = self.decisions.iter().any(sent_on);
        MessageView {
            id: message.id.to_string(),
            heading: match message.party {
                Party::Resident if message.channel == Channel::Phone => "The resident rang",
                Party::Resident if message.channel == Channel::Surgery => "The resident came to a surgery",
                Party::Resident => "Message from the resident",
                Party::Councillor => "Message from the councillor",
                Party::Department => "Message from the department",
            },
            by: way(message.channel),
            noted: message.channel.is_word_of_mouth(),
            name: message.from_name.clone(),
            email: message.from_address.as_deref().map(|address| shown(address, message)),
            verified,
            sender,
            language_name: Some(language.as_str())
                .filter(|l| !l.is_empty() && *l != "en")
                .map(|l| language::name(l).to_owned()),
            language,
            subject: message.subject.clone(),
            body: format::paragraphs(&message.body),
            folded: message.folded.clone(),
            files: self.files.iter().filter(|f| f.message_id == message.id).map(file_view).collect(),
            no_auto_answer: message.no_auto_answer.clone(),
            can_send_on: !sent_on && self.came_after_routing(message),
            sent_on,
        }
    }

    /// Whether the department cannot know of a resident's words: they were put on the case after it was sent there.
    fn came_after_routing(&self, message: &Message) -> bool {
        let Some(routed) = self.case.routed_at.filter(|_| self.case.state == CaseState::Routed) else { return false };
        let put_on = |d: &&Decision| d.kind == "thread" && d.message_id.as_ref() == Some(&message.id);
        // Words that came back with an undone split, too.
        let came_back = |d: &Decision| {
            d.kind == "unsplit" && d.decided.0["message"] == message.id.as_str() && d.created_at > routed
        };
        message.party == Party::Resident
            && (self.decisions.iter().find(put_on).is_some_and(|d| d.created_at > routed)
                || self.decisions.iter().any(came_back))
    }
}

/// An address as people read it: of one that was noted, without the name that stands beside it.
pub(super) fn shown(address: &str, message: &Message) -> String {
    if message.channel.is_word_of_mouth() && message.hear_by().is_some() {
        return phone::national(below_name(address, message.from_name.as_deref()));
    }
    address.to_owned()
}

fn file_view(file: &Stored) -> FileView {
    FileView {
        position: file.position,
        name: file.name.clone(),
        size: format::size(file.size),
        refused: file.refused.clone(),
        is_picture: picture::can_be_shown(file),
    }
}

fn note_view(note: &Note) -> NoteView {
    NoteView {
        heading: match note.kind {
            NoteKind::Note => "Note",
            NoteKind::AskDesk => "The department asks the case desk",
            NoteKind::AskResident => "The department has a question for the resident",
            NoteKind::TellDepartment => "Told to the department",
        },
        actor: actor(&note.actor),
        words: note.words.clone(),
    }
}

/// What people call a way that is not mail.
const fn way(channel: Channel) -> Option<&'static str> {
    match channel {
        Channel::Email => None,
        other => Some(other.label()),
    }
}

/// What a purpose is called.
pub(super) fn purpose(purpose: &str) -> &'static str {
    match purpose {
        "acknowledgement" => "Acknowledgement to the resident",
        "referral" => "Case sent to the department",
        "addition" => "Later words sent to the department",
        "question" => "Question to the resident",
        "information" => "Answer to a word such as STOP, CODE or /status",
        "closing" => "The resident is told that it is closed",
        "withdrawal" => "The department is told that the resident needs no more",
        "private" => "Answer from the councillor",
        "proof" => "Link to confirm the address",
        "answer" => "Answer to the resident",
        "campaign" => "The department is told that it is a campaign",
        "delay" => "The resident is told that it takes longer",
        "chase" => "The department is asked when it will be done",
        "desk" => "Words to the department",
        _ => "Notice",
    }
}

/// What a status is called, and how its tag looks.
pub(super) fn status(status: &str) -> (&'static str, &'static str) {
    match status {
        "held" => ("Held", "held"),
        "queued" => ("Waiting to be sent", "waiting"),
        "sending" => ("Being sent", "waiting"),
        "sent" => ("Sent", "done"),
        "uncertain" => ("Not known whether it arrived", "late"),
        "failed" => ("Not delivered", "late"),
        _ => ("Cancelled", "quiet"),
    }
}

/// The same of a letter, which a person prints and posts.
pub(super) fn letter_status(word: &str) -> (&'static str, &'static str) {
    match word {
        "queued" => ("To be printed", "waiting"),
        "sent" => ("Posted", "done"),
        other => status(other),
    }
}

pub(super) fn outgoing_view(outgoing: &Outgoing) -> OutgoingView {
    let mail = &outgoing.mail.0;
    let by_letter = outgoing.channel == Channel::Letter;
    let (status, status_class) = if by_letter { letter_status(&outgoing.status) } else { status(&outgoing.status) };
    let sent = if by_letter { "Posted" } else { "Sent" };
    OutgoingView {
        id: outgoing.id.to_string(),
        heading: purpose(&outgoing.purpose),
        by: way(outgoing.channel),
        status,
        status_class,
        to: mail.to.join(", "),
        cc: mail.cc.join(", "),
        subject: mail.subject.clone(),
        body: mail.body.clone(),
        language: mail.language.clone(),
        files: mail.attachments.iter().map(|a| a.name.clone()).collect(),
        reason: outgoing.reason.as_deref().map(format::sentence),
        sent_at: outgoing.sent_at.map(|at| format!("{sent} {}", format::when(at))),
        is_letter: by_letter && matches!(outgoing.status.as_str(), "queued" | "held" | "sent"),
        release: release(outgoing),
    }
}

pub(super) fn release(outgoing: &Outgoing) -> Option<Release> {
    match outgoing.status.as_str() {
        "held" if outgoing.purpose == "question" => Some(Release { button: "Ask the resident", warning: None }),
        "held" if outgoing.purpose == "proof" => Some(Release { button: "Send the link", warning: None }),
        "held" if outgoing.channel == Channel::Letter => Some(Release {
            button: "Let it be printed",
            warning: Some("Only if it is safe: others may open the post where they live."),
        }),
        "held" if outgoing.party == Party::Resident => Some(Release {
            button: "This really is from them: send it",
            warning: Some("Only if you are sure: an answer to a forged sender tells a stranger that there is a case."),
        }),
        "held" => Some(Release { button: "Send it", warning: None }),
        "failed" => Some(Release { button: "Send it again", warning: None }),
        "uncertain" if outgoing.channel != Channel::Email => Some(Release {
            button: "Send it again",
            warning: Some("It may have arrived already: then they get it twice."),
        }),
        "uncertain" => Some(Release {
            button: "Send it again",
            warning: Some("It may have arrived already. A second copy does no harm."),
        }),
        _ => None,
    }
}
