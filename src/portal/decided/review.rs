//! What was decided in the review queue alone, and what was taken back.

use super::{DecisionView, text};
use crate::core::CaseState;
use crate::portal::format;
use crate::store::decision::Decision;

/// The decision in words; none where it is another one.
pub(super) fn view(decision: &Decision) -> Option<DecisionView> {
    let decided = &decision.decided.0;
    let view = |heading: &str, lines: Vec<String>| DecisionView::new(decision, heading, lines);
    Some(match decision.kind.as_str() {
        "spam" => view("Closed as spam", vec!["Nobody is told, and nothing is learned from it".to_owned()]),
        "hold" => view("Put on hold", vec![format::sentence(text(decided, "why"))]),
        "ask" => {
            let resident = text(decided, "resident");
            let waits = resident.split_once(": ").map(|(_, why)| format!("It waits for a person. {why}"));
            view("The resident is asked", vec![text(decided, "words").to_owned(), waits.unwrap_or_default()])
        }
        "undo" if decided["takes_back"].is_string() => {
            let what = match text(decided, "takes_back") {
                "accept" => "What was accepted",
                "change" => "The change",
                "change_accept" => "The change, and that it was sent",
                "join" => "The join",
                "spam" => "That it is spam",
                "hold" => "The hold",
                "ask" => "The question",
                "private" => "That it is for the councillor only",
                "close" => "That it is closed",
                "release" => "What was released",
                "send_on" => "What was sent on",
                "chase" => "The question to the department",
                "put_off" => "The later day",
                "tell_department" => "What the department was to be told",
                "consent" => "What the resident allows",
                "give" => "That the councillor gets it",
                "answer_all" => "The answer to everybody who sent the letter",
                "acknowledge_all" => "That the acknowledgements go",
                _ => "The decision",
            };
            let state = text(decided, "state").parse::<CaseState>().map_or("", CaseState::label);
            let stands = format!("It stands where it stood before: {state}");
            view("Taken back", vec![format!("{what} was taken back before anything left"), stands])
        }
        _ => return None,
    })
}
