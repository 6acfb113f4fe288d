//! What the rules say of a message, as numbers: columns that a model is fitted on.
//!
//! A column is named by a service's key (its rules' weights), or `priority.urgent` (1 where a
//! rule says so), `concern.self_harm` (the sum of its rules' weights). A model names its columns, so a council may add and remove rules and services without training anew.

use super::rules::{Effect, Hit};
use std::collections::BTreeMap;

/// What the rules that hit say, by column.
///
/// Several rules of one service say much the same thing, so after the strongest each counts half.
#[must_use]
pub fn columns(hits: &[Hit<'_>]) -> BTreeMap<String, f64> {
    let mut weights: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut out: BTreeMap<String, f64> = BTreeMap::new();
    for hit in hits {
        match hit.effect {
            Effect::Service { service, weight } => weights.entry(service).or_default().push(*weight),
            Effect::Priority { priority, .. } => {
                out.insert(format!("priority.{}", priority.as_str()), 1.0);
            }
            Effect::Concern { concern, weight } => {
                *out.entry(format!("concern.{}", concern.kind)).or_default() += weight;
            }
            Effect::Part { .. } => {}
        }
    }
    for (service, mut weights) in weights {
        weights.sort_by(|a, b| b.total_cmp(a));
        let strongest = weights.first().copied().unwrap_or_default();
        out.insert(service.to_owned(), strongest + weights.iter().skip(1).sum::<f64>() / 2.0);
    }
    out
}

/// The columns in the order of `names`; nought where the rules say nothing.
#[must_use]
pub fn in_order(columns: &BTreeMap<String, f64>, names: &[String]) -> Vec<f32> {
    names.iter().map(|name| columns.get(name).map_or(0.0, |v| *v as f32)).collect()
}
