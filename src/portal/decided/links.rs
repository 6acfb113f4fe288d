//! What was decided about a case and another one: joins and splits.

use super::{DecisionView, acknowledged, evidence_view, text, whither};
use crate::core::{CaseState, Taxonomy};
use crate::portal::format;
use crate::store::decision::Decision;
use serde_json::Value;

/// The other case of a decision: by its reference, where that may be seen.
fn case(decided: &Value, key: &str) -> String {
    match text(decided, key) {
        "" => "another case".to_owned(),
        reference => format!("case {reference}"),
    }
}

/// The decision in words; none where it is about something else.
pub(super) fn view(decision: &Decision, taxonomy: &Taxonomy) -> Option<DecisionView> {
    let (decided, evidence) = (&decision.decided.0, &decision.evidence.0);
    let view = |heading: &str, lines: Vec<String>| DecisionView::new(decision, heading, lines);
    Some(match decision.kind.as_str() {
        "acknowledge" => {
            let with = format!("Dealt with together with {}", case(decided, "with"));
            view("The reporter is told", vec![with, acknowledged(decided)])
        }
        "join" => {
            let to = format!("To {}", case(decided, "to"));
            let alike =
                decided["score"].as_f64().filter(|s| *s < 1.0).map(|s| format!("Likeness {}", format::percent(s)));
            view("Joined", vec![to, format::sentence(text(decided, "why")), alike.unwrap_or_default()])
        }
        "undo" => {
            let state = text(decided, "state").parse::<CaseState>().map_or("", CaseState::label);
            view(
                "Taken out again",
                vec!["The join was undone".to_owned(), format!("It stands where it stood before: {state}")],
            )
        }
        "different" => view("Another problem", vec![format!("Not the same as {}", case(decided, "with"))]),
        "split" => {
            let number = decided["part"].as_u64().map_or(0, |n| n + 1);
            view(
                "Split off",
                vec![format!("Request {number} is {} now", case(decided, "case")), whither(decided, taxonomy)],
            )
        }
        "split_off" => {
            let from = format!("Split off from {}, which the message came in as", case(decided, "from"));
            let mut view = view("Opened", vec![from, whither(decided, taxonomy)]);
            view.evidence = evidence_view(&evidence["verdict"], None, taxonomy);
            view
        }
        "unsplit" => view("The split was undone", vec![format!("With {}", case(decided, "case"))]),
        "find_part" => view("Another request was seen in the message", Vec::new()),
        "dismiss_part" => {
            let number = decided["part"].as_u64().map_or(0, |n| n + 1);
            view("Not split", vec![format!("Request {number} is no request of its own")])
        }
        "share_whole" => {
            let what = if decided["whole"] == true { "the whole message and its files" } else { "only its own part" };
            view("What the department gets", vec![format!("The department gets {what}")])
        }
        _ => return None,
    })
}
