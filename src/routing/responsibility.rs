//! Who is responsible by law, in an area with one tier of council or with two.

use crate::core::case::words;
use crate::core::taxonomy::{Body, Taxonomy};

words! {
    /// How many tiers of council the area has.
    Tier {
        /// One council does everything.
        One = "one" / "One tier",
        /// District and county share.
        Two = "two" / "Two tiers",
    }
}

/// The other body that is responsible for a service here; `None` when this council is.
#[must_use]
pub fn other_body<'a>(taxonomy: &'a Taxonomy, service: &str, tier: Tier) -> Option<&'a Body> {
    let responsible = &taxonomy.services.get(service)?.responsible;
    let who = match tier {
        Tier::One => &responsible.one_tier,
        Tier::Two => &responsible.two_tier,
    };
    taxonomy.bodies.get(who)
}
