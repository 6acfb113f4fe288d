//! What was decided about who wrote on a case.

use super::{DecisionView, text};
use crate::core::Channel;
use crate::core::case::Sameness;
use crate::portal::format;
use crate::routing::consent::Consent;
use crate::store::decision::Decision;

/// The decision in words; none where it is about something else.
pub(super) fn view(decision: &Decision) -> Option<DecisionView> {
    let decided = &decision.decided.0;
    let view = |heading: &str, lines: Vec<String>| DecisionView::new(decision, heading, lines);
    Some(match decision.kind.as_str() {
        "block" => view("The sender is blocked", vec![format::sentence(text(decided, "why"))]),
        "consent" => {
            let consent = text(decided, "consent").parse::<Consent>().map_or("", Consent::label);
            view("What they allow", vec![consent.to_owned(), format!("Said by {}", text(decided, "by"))])
        }
        "choose_address" => {
            let channel = text(decided, "channel").parse::<Channel>().map_or("", Channel::label);
            view("Where notices go", vec![channel.to_owned()])
        }
        "same_person" => {
            let state = text(decided, "state").parse::<Sameness>().map_or("", Sameness::label);
            let ways = decided["ways"].as_array().map(Vec::as_slice).unwrap_or_default();
            let ways = ways.iter().filter_map(|way| way.as_str()?.parse::<Channel>().ok()).map(Channel::label);
            let other = format!("The other address: {}", ways.collect::<Vec<_>>().join(", "));
            view("Who wrote", vec![state.to_owned(), other])
        }
        _ => return None,
    })
}
