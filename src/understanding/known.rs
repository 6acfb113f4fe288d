//! Cases that a person has decided, to be looked up by meaning: "this is like those".

use super::encoder::cosine;
use crate::core::verdict::Near;

/// Most cases that are kept: looking through them takes under a millisecond.
pub const MOST: usize = 5_000;
/// Cases less alike than this have nothing to say.
const LEAST: f64 = 0.35;

/// A decided case.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownCase {
    /// Its reference.
    pub reference: String,
    /// The service it was decided to be for.
    pub service: String,
    /// Embedding of its first message.
    pub embedding: Vec<f32>,
}

/// The `most` cases nearest in meaning, nearest first.
#[must_use]
pub fn nearest(cases: &[KnownCase], embedding: &[f32], most: usize) -> Vec<Near> {
    let mut best: Vec<(f64, &KnownCase)> = Vec::with_capacity(most + 1);
    for case in cases {
        let alike = cosine(&case.embedding, embedding);
        if alike < LEAST || best.len() == most && best.last().is_some_and(|(least, _)| alike <= *least) {
            continue;
        }
        let at = best.partition_point(|(known, _)| *known >= alike);
        best.insert(at, (alike, case));
        best.truncate(most);
    }
    best.into_iter()
        .map(|(alike, case)| Near { case: case.reference.clone(), service: case.service.clone(), alike })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(reference: &str, embedding: [f32; 2]) -> KnownCase {
        KnownCase { reference: reference.to_owned(), service: "trees".to_owned(), embedding: embedding.to_vec() }
    }

    #[test]
    fn the_nearest_known_cases_come_first_and_strangers_not_at_all() {
        let cases = [case("A", [0.6, 0.8]), case("B", [1.0, 0.0]), case("C", [-1.0, 0.0]), case("D", [0.8, 0.6])];
        let found: Vec<String> = nearest(&cases, &[1.0, 0.0], 2).into_iter().map(|n| n.case).collect();
        assert_eq!(found, ["B", "D"]);
        assert_eq!(nearest(&cases, &[1.0, 0.0], 9).len(), 3);
        assert!(nearest(&[], &[1.0, 0.0], 3).is_empty());
    }
}
