//! What residents did on their private page.

use super::{DecisionView, text};
use crate::desk::resident::{ASKED, CLOSED, LEFT};
use crate::store::decision::Decision;

pub(super) fn view(decision: &Decision) -> DecisionView {
    let decided = &decision.decided.0;
    if decision.kind == "rate" {
        let score = decided["score"].as_i64().unwrap_or_default();
        let words = Some(text(decided, "words")).filter(|words| !words.is_empty());
        let said = words.map(|words| format!("They say: {words}")).unwrap_or_default();
        let worry = if decided["worry"] == true { "It reads as if somebody may be in danger" } else { "" };
        return DecisionView::new(
            decision,
            "The resident said how content they are",
            vec![format!("{score} of 5"), said, worry.to_owned()],
        );
    }
    let heading = if decided["solved"] == true {
        "The resident says that it is solved"
    } else {
        "The resident says that it is not needed any more"
    };
    let did = match text(decided, "did") {
        CLOSED if decided["told"] == true => "The case is closed, and who deals with it is told",
        CLOSED => "The case is closed; nobody had it who would have to be told",
        LEFT => "They get no more news; for the others it goes on",
        ASKED => "Nothing was changed: a person has to look first",
        _ => "",
    };
    DecisionView::new(decision, heading, vec![did.to_owned()])
}
