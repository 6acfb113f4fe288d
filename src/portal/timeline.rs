//! The trail of a case as one time line: what came in, what was decided and why, what went out.

use super::format;
use crate::core::verdict::Reason;
use crate::core::{CaseState, Party, SenderCheck, Taxonomy, Verdict};
use crate::pipeline;
use crate::store::attachment::Stored;
use crate::store::case::Case;
use crate::store::decision::Decision;
use crate::store::message::Message;
use crate::store::outbox::Outgoing;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Everything that happened to a case, as the database has it.
pub(super) struct Trail {
    pub(super) case: Case,
    pub(super) messages: Vec<Message>,
    pub(super) files: Vec<Stored>,
    pub(super) decisions: Vec<Decision>,
    pub(super) outgoing: Vec<Outgoing>,
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
}

/// A message that came in.
pub(super) struct MessageView {
    pub(super) id: String,
    pub(super) heading: &'static str,
    pub(super) from: String,
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
}

/// A decision, automatic or human.
pub(super) struct DecisionView {
    pub(super) heading: String,
    pub(super) actor: String,
    pub(super) lines: Vec<String>,
    pub(super) evidence: Option<EvidenceView>,
}

/// What spoke for a verdict.
pub(super) struct EvidenceView {
    pub(super) reasons: Vec<ReasonView>,
    pub(super) candidates: Vec<(String, String)>,
    pub(super) likest: Option<Likest>,
    pub(super) versions: String,
}

pub(super) struct ReasonView {
    pub(super) text: String,
    /// The resident's words it rests on.
    pub(super) words: Option<String>,
    /// The rule's name, for whoever keeps the rules.
    pub(super) rule: Option<String>,
}

pub(super) struct Likest {
    pub(super) reference: String,
    pub(super) alike: String,
    pub(super) why: String,
}

/// A mail of ours.
pub(super) struct OutgoingView {
    pub(super) id: String,
    pub(super) heading: &'static str,
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
        let decisions =
            self.decisions.iter().map(|d| Entry { at: d.created_at, what: What::Decision(decision_view(d, &self.case, taxonomy)) });
        let outgoing = self.outgoing.iter().map(|o| Entry { at: o.created_at, what: What::Outgoing(outgoing_view(o)) });
        let mut entries: Vec<Entry> = messages.chain(decisions).chain(outgoing).collect();
        entries.sort_by_key(|e| e.at);
        entries
    }

    fn message(&self, message: &Message) -> MessageView {
        let (verified, sender) = match &message.sender.0 {
            SenderCheck::Verified { by } => (true, format!("Verified by {by}")),
            SenderCheck::Unverified { why } => (false, format!("Not verified: {why}")),
        };
        let language = message.language.clone().unwrap_or_default();
        let sent_on = |d: &Decision| d.kind == "send_on" && d.decided.0["message"] == message.id.as_str();
        let sent_on = self.decisions.iter().any(sent_on);
        MessageView {
            id: message.id.to_string(),
            heading: match message.party {
                Party::Resident => "Message from the resident",
                Party::Councillor => "Message from the councillor",
                Party::Department => "Message from the department",
            },
            from: who(message),
            verified,
            sender,
            language_name: Some(language.as_str()).filter(|l| !l.is_empty() && *l != "en").map(|l| format::language(l).to_owned()),
            language,
            subject: message.subject.clone(),
            body: message.body.clone(),
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
        message.party == Party::Resident && self.decisions.iter().find(put_on).is_some_and(|d| d.created_at > routed)
    }
}

/// `Ann Example <ann@example.org>`, as far as it is known.
pub(super) fn who(message: &Message) -> String {
    match (&message.from_name, &message.from_email) {
        (Some(name), Some(email)) => format!("{name} <{email}>"),
        (None, Some(email)) => email.clone(),
        (Some(name), None) => name.clone(),
        (None, None) => "nobody named".to_owned(),
    }
}

fn file_view(file: &Stored) -> FileView {
    FileView { position: file.position, name: file.name.clone(), size: format::size(file.size), refused: file.refused.clone() }
}

/// Who decided, for people.
pub(super) fn actor(actor: &str) -> String {
    if actor == pipeline::ACTOR { "beadle, by itself".to_owned() } else { format::sentence(actor) }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// `Street lighting, with Highways, priority Normal`, as far as it stands in a decision.
fn whither(decided: &Value, taxonomy: &Taxonomy) -> String {
    let mut parts = Vec::new();
    if let Some(service) = decided["service"].as_str() {
        parts.push(taxonomy.service_name(service).to_owned());
    }
    if let Some(department) = decided["department"].as_str() {
        parts.push(format!("department {}", taxonomy.department_name(department)));
    }
    if let Some(priority) = decided["priority"].as_str() {
        parts.push(format!("priority {}", priority_label(priority)));
    }
    parts.join(", ")
}

fn priority_label(word: &str) -> String {
    word.parse::<crate::core::Priority>().map_or_else(|_| word.to_owned(), |p| p.label().to_owned())
}

fn decision_view(decision: &Decision, case: &Case, taxonomy: &Taxonomy) -> DecisionView {
    let (decided, evidence) = (&decision.decided.0, &decision.evidence.0);
    let view = |heading: &str, lines: Vec<String>| DecisionView {
        heading: heading.to_owned(),
        actor: actor(&decision.actor),
        lines: lines.into_iter().filter(|l| !l.is_empty()).collect(),
        evidence: None,
    };
    match decision.kind.as_str() {
        "triage" => {
            let disposition = text(decided, "disposition").parse::<crate::core::Disposition>().map_or("", |d| d.label());
            let due = decided["due_on"].as_str().map(|d| format!("To be done by {}", format::day(d))).unwrap_or_default();
            let mut view = view("Judged", vec![whither(decided, taxonomy), disposition.to_owned(), due]);
            view.evidence = evidence_view(&evidence["verdict"], Some(&evidence["likest_case"]), taxonomy);
            view
        }
        "thread" => {
            let reopened = if decided["reopened"] == true { "It was closed, and is open again" } else { "" };
            let mut view = view("Put on this case", vec![format::sentence(text(evidence, "how")), reopened.to_owned()]);
            view.evidence = evidence_view(&evidence["verdict"], None, taxonomy);
            view
        }
        "accept" => view("Accepted", vec![whither(decided, taxonomy)]),
        "change" => view("Changed", changes(decided, taxonomy)),
        "route" => {
            let department = taxonomy.department_name(text(decided, "department"));
            let known = if decided["referred"] == false { "It had been sent there before, so it was not sent again" } else { "" };
            view("Sent to the department", vec![department.to_owned(), known.to_owned(), acknowledged(decided)])
        }
        "acknowledge" => {
            let with = format!("Dealt with together with case {}", text(decided, "with"));
            view("The reporter is told", vec![with, acknowledged(decided)])
        }
        "join" => {
            let to = format!("To case {}", text(decided, "to"));
            let alike = decided["score"].as_f64().filter(|s| *s < 1.0).map(|s| format!("Likeness {}", format::percent(s)));
            view("Joined", vec![to, format::sentence(text(decided, "why")), alike.unwrap_or_default()])
        }
        "undo" => {
            let state = text(decided, "state").parse::<CaseState>().map_or("", CaseState::label);
            view("Taken out again", vec!["The join was undone".to_owned(), format!("It stands where it stood before: {state}")])
        }
        "different" => view("Another problem", vec![format!("Not the same as case {}", text(decided, "with"))]),
        "release" => view("A message was let go", Vec::new()),
        "send_on" => view("Words sent on", vec!["The resident's later words were sent on to the department".to_owned()]),
        "seen" => {
            let what = decided["what"].as_str().map(str::to_owned);
            view("Seen", vec![what.or_else(|| case.attention.clone()).unwrap_or_default()])
        }
        other => view(&format::sentence(&format::words(other)), Vec::new()),
    }
}

fn acknowledged(decided: &Value) -> String {
    match text(decided, "acknowledgement").split_once(": ") {
        Some(("held", why)) => format!("The acknowledgement to the resident waits for a person. {why}"),
        Some(("none", why)) => format!("The resident gets no acknowledgement: {why}"),
        _ if text(decided, "acknowledgement") == "queued" => "The resident gets an acknowledgement".to_owned(),
        _ => String::new(),
    }
}

fn changes(decided: &Value, taxonomy: &Taxonomy) -> Vec<String> {
    let before = &decided["before"];
    let changed = |key: &str, label: &str, name: &dyn Fn(&str) -> String| {
        let (was, is) = (before[key].as_str()?, decided[key].as_str()?);
        (was != is).then(|| format!("{label}: {}, was {}", name(is), name(was)))
    };
    let service = changed("service", "Service", &|s| taxonomy.service_name(s).to_owned());
    let department = changed("department", "Department", &|d| taxonomy.department_name(d).to_owned());
    let priority = changed("priority", "Priority", &|p| priority_label(p));
    service.into_iter().chain(department).chain(priority).collect()
}

fn evidence_view(verdict: &Value, likest: Option<&Value>, taxonomy: &Taxonomy) -> Option<EvidenceView> {
    let verdict: Verdict = serde_json::from_value(verdict.clone()).ok()?;
    let candidates = verdict.candidates.iter().filter(|c| c.probability >= 0.02);
    let model = verdict.model.as_deref().map_or_else(|| "no model".to_owned(), |m| format!("model {m}"));
    let language = format!("{} ({})", format::language(&verdict.language), format::chance(verdict.language_confidence));
    Some(EvidenceView {
        reasons: verdict.reasons.iter().map(|r| reason_view(r, taxonomy)).collect(),
        candidates: candidates.map(|c| (taxonomy.service_name(&c.service).to_owned(), format::chance(c.probability))).collect(),
        likest: likest.filter(|l| l.is_object()).map(|l| Likest {
            reference: text(l, "case").to_owned(),
            alike: format::percent(l["score"].as_f64().unwrap_or_default()),
            why: text(l, "why").to_owned(),
        }),
        versions: format!("Language {language}; {model}; rules {}", verdict.rules),
    })
}

fn reason_view(reason: &Reason, taxonomy: &Taxonomy) -> ReasonView {
    match reason {
        Reason::Rule { rule, says, words } => {
            ReasonView { text: rule_text(says, taxonomy), words: Some(words.clone()), rule: Some(rule.clone()) }
        }
        Reason::Model { version, service, probability } => {
            let name = taxonomy.service_name(service);
            let text = format!("The trained model {version} thinks of {name} ({})", format::chance(*probability));
            ReasonView { text, words: None, rule: None }
        }
        Reason::Place { words, name, ward } => {
            let text = match ward {
                Some(ward) => format!("Place {name}, in the ward {ward}"),
                None => format!("Place {name}, in no ward of the boundary file"),
            };
            ReasonView { text, words: Some(words.clone()), rule: None }
        }
        Reason::Note { text } => ReasonView { text: text.clone(), words: None, rule: None },
    }
}

/// What a rule says, out of the form it is stored in: `service KEY (+2.0)`, `priority high: why`, `concern KIND: why`.
fn rule_text(says: &str, taxonomy: &Taxonomy) -> String {
    match says.split_once(' ') {
        Some(("service", rest)) => {
            let (service, weight) = rest.split_once(' ').unwrap_or((rest, ""));
            let against = weight.trim_start_matches('(').starts_with('-');
            let name = taxonomy.service_name(service);
            if against { format!("Speaks against {name}") } else { format!("Speaks for {name}") }
        }
        Some(("priority", rest)) => match rest.split_once(": ") {
            Some((priority, why)) => format!("Priority {}: {why}", priority_label(priority)),
            None => format::sentence(says),
        },
        Some(("concern", rest)) => match rest.split_once(": ") {
            Some((kind, why)) => format!("Worry ({}): {why}", format::words(kind)),
            None => format::sentence(says),
        },
        _ => format::sentence(says),
    }
}

/// What a purpose is called.
pub(super) fn purpose(purpose: &str) -> &'static str {
    match purpose {
        "acknowledgement" => "Acknowledgement to the resident",
        "referral" => "Case sent to the department",
        "addition" => "Later words sent to the department",
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

fn outgoing_view(outgoing: &Outgoing) -> OutgoingView {
    let mail = &outgoing.mail.0;
    let (status, status_class) = status(&outgoing.status);
    OutgoingView {
        id: outgoing.id.to_string(),
        heading: purpose(&outgoing.purpose),
        status,
        status_class,
        to: mail.to.join(", "),
        cc: mail.cc.join(", "),
        subject: mail.subject.clone(),
        body: mail.body.clone(),
        language: mail.language.clone(),
        files: mail.attachments.iter().map(|a| a.name.clone()).collect(),
        reason: outgoing.reason.clone(),
        sent_at: outgoing.sent_at.map(format::when),
        release: release(&outgoing.status, outgoing.party),
    }
}

fn release(status: &str, party: Party) -> Option<Release> {
    match status {
        "held" if party == Party::Resident => Some(Release {
            button: "This really is from them: send it",
            warning: Some("Only if you are sure: an answer to a forged sender tells a stranger that there is a case."),
        }),
        "held" => Some(Release { button: "Send it", warning: None }),
        "failed" => Some(Release { button: "Send it again", warning: None }),
        "uncertain" => Some(Release { button: "Send it again", warning: Some("It may have arrived already. A second copy does no harm.") }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_says_is_read_out_in_plain_words() {
        let taxonomy = Taxonomy::default();
        assert_eq!(rule_text("service street_lighting (+2.0)", &taxonomy), "Speaks for street_lighting");
        assert_eq!(rule_text("service street_lighting (-1.5)", &taxonomy), "Speaks against street_lighting");
        assert_eq!(rule_text("priority high: hazard to walkers", &taxonomy), "Priority High: hazard to walkers");
        assert_eq!(rule_text("concern self_harm: they say so", &taxonomy), "Worry (self harm): they say so");
        assert_eq!(rule_text("something else", &taxonomy), "Something else");
    }
}
