//! A decision read out: what was decided, by whom, and what spoke for it.

mod links;
mod persons;
mod progress;
mod resident;
mod review;

use super::format;
use crate::core::verdict::Reason;
use crate::core::{Disposition, Priority, Taxonomy, Verdict, language};
use crate::pipeline;
use crate::store::decision::Decision;
use serde_json::Value;

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

/// Who decided, for people.
pub(super) fn actor(actor: &str) -> String {
    let first = actor.split(' ').next().unwrap_or_default();
    match actor {
        pipeline::ACTOR => "beadle, by itself".to_owned(),
        // A user name such as j.harrow is written as it is.
        _ if first.contains(|c: char| c == '.' || c.is_ascii_digit()) => actor.to_owned(),
        _ => format::sentence(actor),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// `Street lighting, department Highways, priority Normal`, as far as it stands in a decision.
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
    word.parse::<Priority>().map_or_else(|_| word.to_owned(), |p| p.label().to_owned())
}

impl DecisionView {
    /// Empty lines are left out.
    fn new(decision: &Decision, heading: &str, lines: Vec<String>) -> Self {
        Self {
            heading: heading.to_owned(),
            actor: actor(&decision.actor),
            lines: lines.into_iter().filter(|l| !l.is_empty()).collect(),
            evidence: None,
        }
    }
}

/// A decision in words.
pub(super) fn decision_view(decision: &Decision, taxonomy: &Taxonomy) -> DecisionView {
    review::view(decision)
        .or_else(|| links::view(decision, taxonomy))
        .or_else(|| persons::view(decision))
        .or_else(|| progress::view(decision, taxonomy))
        .unwrap_or_else(|| case_view(decision, taxonomy))
}

/// What was decided about the case itself.
fn case_view(decision: &Decision, taxonomy: &Taxonomy) -> DecisionView {
    let (decided, evidence) = (&decision.decided.0, &decision.evidence.0);
    let view = |heading: &str, lines: Vec<String>| DecisionView::new(decision, heading, lines);
    match decision.kind.as_str() {
        "triage" => {
            let disposition = text(decided, "disposition").parse::<Disposition>().map_or("", |d| d.label());
            let due =
                decided["due_on"].as_str().map(|d| format!("To be done by {}", format::day(d))).unwrap_or_default();
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
            let known = if decided["referred"] == false {
                "It had been sent there before, so it was not sent again"
            } else {
                ""
            };
            view("Sent to the department", vec![department.to_owned(), known.to_owned(), acknowledged(decided)])
        }
        "proof" => view("No link was sent to confirm the address", vec![format::sentence(text(decided, "why"))]),
        "confirm" if decided["yes"] == true => {
            view("The address is confirmed", vec!["Its owner opened the link".to_owned()])
        }
        "confirm" => view("The address is not theirs", vec!["Its owner says that they did not send this".to_owned()]),
        "close" => {
            let how = if decided["done"] == true { "It is done" } else { "It ended otherwise" };
            let words = Some(text(decided, "words")).filter(|w| !w.is_empty()).map(|w| format!("Told: {w}"));
            let resident = format::sentence(&format!("notice to the resident {}", text(decided, "resident")));
            let councillor = if decided["councillor"] == true { "The councillor is told" } else { "" };
            view("Closed", vec![how.to_owned(), words.unwrap_or_default(), resident, councillor.to_owned()])
        }
        "withdraw" | "rate" => resident::view(decision),
        "reopen" => view("Open again", vec!["The same problem was reported after it was closed".to_owned()]),
        "campaign" => {
            let letters = decided["letters"].as_i64().unwrap_or_default();
            view("A campaign", vec![format!("{letters} people had sent nearly the same letter")])
        }
        "answer" | "answer_all" => {
            let heading = if decision.kind == "answer" { "Answered" } else { "All who sent this letter were answered" };
            let resident =
                decided["resident"].as_str().map(|how| format::sentence(&format!("answer to the resident {how}")));
            view(heading, vec![format!("Told: {}", text(decided, "words")), resident.unwrap_or_default()])
        }
        "release" => view("A message was let go", Vec::new()),
        "send_on" => {
            view("Words sent on", vec!["The resident's later words were sent on to the department".to_owned()])
        }
        "seen" => view("Seen", vec![text(decided, "what").to_owned()]),
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
    let unknown = |value: &Value| value.as_str().unwrap_or("not known").to_owned();
    // A place can come or go; decisions from before it could be corrected say nothing of it.
    let place = (before["place"] != decided["place"] || before["ward"] != decided["ward"]).then(|| {
        let at = |of: &Value| format!("{} (ward {})", unknown(&of["place"]), unknown(&of["ward"]));
        format!("Place: {}, was {}", at(decided), at(before))
    });
    service.into_iter().chain(department).chain(priority).chain(place).collect()
}

fn evidence_view(verdict: &Value, likest: Option<&Value>, taxonomy: &Taxonomy) -> Option<EvidenceView> {
    let verdict: Verdict = serde_json::from_value(verdict.clone()).ok()?;
    let candidates =
        verdict.candidates.iter().enumerate().filter(|(n, c)| *n < 3 || c.probability >= 0.05).map(|(_, c)| c);
    let model = verdict.model.as_deref().map_or_else(|| "no model".to_owned(), |m| format!("model {m}"));
    let language = format!("{} ({})", language::name(&verdict.language), format::chance(verdict.language_confidence));
    Some(EvidenceView {
        reasons: verdict.reasons.iter().map(|r| reason_view(r, taxonomy)).collect(),
        candidates: candidates
            .map(|c| (taxonomy.service_name(&c.service).to_owned(), format::chance(c.probability)))
            .collect(),
        likest: likest.filter(|l| l.is_object()).map(|l| Likest {
            reference: text(l, "case").to_owned(),
            alike: format::percent(l["score"].as_f64().unwrap_or_default()),
            why: text(l, "why").to_owned(),
        }),
        versions: format!("Language {language}; {model}; rules {}", verdict.rules),
    })
}

pub(super) fn reason_view(reason: &Reason, taxonomy: &Taxonomy) -> ReasonView {
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
        Reason::Words { service, words } => {
            let text = format!("The words that weighed most for {}", taxonomy.service_name(service));
            ReasonView { text, words: Some(words.join(" · ")), rule: None }
        }
        Reason::Nearest { cases } => {
            let near: Vec<String> = cases
                .iter()
                .map(|c| {
                    let service = taxonomy.service_name(&c.service);
                    format!("{} ({service}, likeness {})", c.case, format::percent(c.alike))
                })
                .collect();
            let text = if near.is_empty() {
                "The nearest known cases are other councillors’".to_owned()
            } else {
                format!("The nearest known cases: {}", near.join(", "))
            };
            ReasonView { text, words: None, rule: None }
        }
        Reason::Score { of, version, probability } => {
            let text = format!("The trained model {version} gives a {of} {}", format::chance(*probability));
            ReasonView { text, words: None, rule: None }
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
