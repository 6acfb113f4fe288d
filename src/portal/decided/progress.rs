//! What was decided about a case on its way: by officers, and about its date.

use super::{DecisionView, text};
use crate::core::Taxonomy;
use crate::outbox::department::HANDED_BACK;
use crate::portal::format;
use crate::store::decision::Decision;

/// The decision in words; none where it is about something else.
pub(super) fn view(decision: &Decision, taxonomy: &Taxonomy) -> Option<DecisionView> {
    let decided = &decision.decided.0;
    let view = |heading: &str, lines: Vec<String>| DecisionView::new(decision, heading, lines);
    let department = |key: &str| taxonomy.department_name(text(decided, key)).to_owned();
    let why = || format!("Why: {}", text(decided, "why"));
    Some(match decision.kind.as_str() {
        "take_on" => view("The department accepted it", vec![department("department")]),
        "chase" => {
            let late = match decided["overdue"].as_i64() {
                Some(n) if n > 0 => format!("{} over its date", format::count(n, "working day", "working days")),
                _ => format!("To be done by {}", format::day(text(decided, "due_on"))),
            };
            view("The department was asked when it will be done", vec![department("department"), late])
        }
        "put_off" => {
            let day = format!("New date: {}", format::day(text(decided, "due_on")));
            let before = format!("Before that: {}", format::day(text(decided, "before")));
            let resident = format::sentence(&format!("notice to the resident {}", text(decided, "resident")));
            let councillor = if decided["councillor"] == true { "The councillor is told" } else { "" };
            view("It takes longer", vec![day, before, why(), resident, councillor.to_owned()])
        }
        "hand_on" => {
            let whither = format!("From {} to {}", department("from"), department("to"));
            view("The department handed it on", vec![whither, why()])
        }
        HANDED_BACK => view("The department says that it is not theirs", vec![department("from"), why()]),
        _ => return None,
    })
}
