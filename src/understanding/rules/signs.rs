//! What the signs of danger that hit come to.

use super::{Effect, Hit};
use crate::core::verdict::Concern;

/// What the small signs of danger that hit weigh together, those that speak against taken off; below 1 it is no concern yet,
/// but a second voice may make it one.
#[must_use]
pub fn weight_of_signs(hits: &[Hit<'_>]) -> f64 {
    let weights = hits.iter().filter_map(|hit| match hit.effect {
        Effect::Concern { weight, .. } if *weight < 1.0 => Some(*weight),
        _ => None,
    });
    weights.sum()
}

/// What the signs of danger that hit come to: each kind once, the heaviest first and "unclear" last; empty where it is nothing to hold a
/// message for.
///
/// A sign of weight 1 is a concern whatever else the message says. Lighter ones count together, of whatever kind: where they
/// come to 1 with what speaks against them taken off, every kind among them is a concern; where they are not `adding_up`, only
/// signs of weight 1 are.
#[must_use]
pub fn concerns(hits: &[Hit<'_>], adding_up: bool) -> Vec<Concern> {
    let signs = || {
        hits.iter().filter_map(|hit| match hit.effect {
            Effect::Concern { concern, weight } => Some((concern, *weight)),
            Effect::Service { .. } | Effect::Priority { .. } | Effect::Part { .. } => None,
        })
    };
    let together = weight_of_signs(hits);
    // A thousandth is left for what adding decimal fractions loses.
    let enough = |weight: f64| weight >= 1.0 || (adding_up && weight > 0.0 && together >= 0.999);
    let mut kinds: Vec<(Concern, f64)> = Vec::new();
    for (concern, weight) in signs().filter(|(_, weight)| enough(*weight)) {
        match kinds.iter_mut().find(|(known, _)| known.kind == concern.kind) {
            Some((_, sum)) => *sum += weight,
            None => kinds.push((concern.clone(), weight)),
        }
    }
    let unclear = |concern: &Concern| concern.kind == "unclear";
    kinds.sort_by(|a, b| unclear(&a.0).cmp(&unclear(&b.0)).then_with(|| b.1.total_cmp(&a.1)));
    kinds.into_iter().map(|(concern, _)| concern).collect()
}

/// How heavy the heaviest sign of danger is that hit: 1 where a rule points at it plainly, 0 where none points at it at all.
#[must_use]
pub fn heaviest_sign(hits: &[Hit<'_>]) -> f64 {
    let weights = hits.iter().filter_map(|hit| match hit.effect {
        Effect::Concern { weight, .. } => Some(*weight),
        _ => None,
    });
    weights.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(kind: &str, weight: f64) -> Effect {
        Effect::Concern { concern: Concern { kind: kind.to_owned(), reason: format!("a sign of {kind}") }, weight }
    }

    fn kinds(signs: &[Effect]) -> Vec<String> {
        let hits: Vec<Hit<'_>> =
            signs.iter().map(|effect| Hit { rule: "a.sign", effect, words: String::new() }).collect();
        concerns(&hits, true).into_iter().map(|concern| concern.kind).collect()
    }

    #[test]
    fn small_signs_add_up_to_a_concern_and_one_alone_is_none() {
        assert!(kinds(&[sign("child_at_risk", 0.6)]).is_empty());
        assert_eq!(kinds(&[sign("child_at_risk", 0.6), sign("unclear", 0.4)]), ["child_at_risk", "unclear"]);
        let heaviest = [sign("unclear", 0.9), sign("self_harm", 0.2), sign("adult_at_risk", 0.3)];
        assert_eq!(kinds(&heaviest), ["adult_at_risk", "self_harm", "unclear"]);
    }

    #[test]
    fn what_speaks_against_takes_from_small_signs_and_never_from_a_plain_one() {
        let small = [sign("self_harm", 0.6), sign("unclear", 0.5), sign("unclear", -0.5)];
        assert!(kinds(&small).is_empty());
        let plain = [sign("self_harm", 1.0), sign("unclear", -0.7)];
        assert_eq!(kinds(&plain), ["self_harm"]);
    }
}
