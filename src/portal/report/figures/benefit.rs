//! What the service was good for, computed from what was written down, with the method beside it (R36).

use super::{Chosen, Question};
use crate::core::CaseState;
use crate::portal::report::ledger::Entry;
use crate::portal::report::table::{Cell, Drawn, Table, named};

/// Minutes that looking at a suggestion and accepting it is taken to need.
const REVIEW: u32 = 1;

/// What became of a contact on its way to those who act.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Became {
    Untouched,
    Accepted,
    Corrected,
    Waiting,
}

fn became(entry: &Entry) -> Became {
    let handled = entry.routed_at.is_some() || entry.state == CaseState::Joined;
    // What people do after it is with its department was no work of finding out whose job it is.
    let touched = match (entry.touched_at, entry.routed_at) {
        (Some(touched), Some(routed)) => touched <= routed,
        (touched, _) => touched.is_some(),
    };
    match (handled, touched) {
        _ if entry.corrected => Became::Corrected,
        (true, false) => Became::Untouched,
        (true, true) => Became::Accepted,
        // Closed or answered by a person without a department.
        (false, true) => Became::Accepted,
        (false, false) => Became::Waiting,
    }
}

/// How much was done without a touch, and what that saved.
pub(super) fn benefit(question: &Question<'_>, chosen: &Chosen<'_>) -> Table {
    let by_hand = question.minutes;
    let whole = chosen.open.len();
    let mut counts = [0_usize; 4];
    for entry in &chosen.open {
        counts[match became(entry) {
            Became::Untouched => 0,
            Became::Accepted => 1,
            Became::Corrected => 2,
            Became::Waiting => 3,
        }] += 1;
    }
    let each = [by_hand, by_hand.saturating_sub(REVIEW), 0, 0];
    let names = [
        "Handled without a touch",
        "Accepted by a person as suggested",
        "Corrected by a person",
        "Not with a department yet",
    ];
    let saved: usize = counts.iter().zip(each).map(|(n, minutes)| n * minutes as usize).sum();
    let rows = names.iter().zip(counts).zip(each).map(|((name, n), minutes)| {
        vec![
            Cell::Text((*name).to_owned()),
            Cell::count(n),
            Cell::share(n, whole),
            Cell::Value(f64::from(minutes), i64::MAX),
            Cell::Value(n as f64 * f64::from(minutes), i64::try_from(n).unwrap_or(i64::MAX)),
        ]
    });
    Table {
        name: "benefit",
        title: "What it was good for".to_owned(),
        said: format!(
            "{}% were handled without a touch, {}% were corrected; {saved} minutes saved, which is {:.0} hours.",
            Cell::share(counts[0], whole).shown(),
            Cell::share(counts[2], whole).shown(),
            saved as f64 / 60.0
        ),
        method: format!(
            "Without a touch: no person decided anything before the case was with its department or joined to another. Corrected: a \
             person changed service, department or priority, or took a join or a split back. Minutes saved are no measurement: \
             {by_hand} minutes are taken for reading one message by hand, finding whose job it is and retyping it, {REVIEW} for \
             looking at a suggestion; a correction is taken to save nothing. Time ten messages with a watch and put your own number in."
        ),
        columns: named(&["What became of it", "Contacts", "Share, %", "Minutes saved each", "Minutes saved"]),
        rows: rows.collect(),
        drawn: Drawn::Bars,
        value: 1,
    }
}
