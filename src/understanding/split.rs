//! Several requests in one message: where they begin, and which of them are sure enough to be offered as cases of their own.
//!
//! A message is taken apart into sentences, list items and paragraphs. Only where something hints at several requests (a list,
//! "also", "secondly", "PS", rules that name two services, or sheer length) are neighbouring sentences gathered into
//! segments, at most [`MOST_SEGMENTS`] of them, and each is judged like a small message. Segments that are not sure of a
//! service, or that might be about the same one as the segment before, are put together with it: story, consequence and
//! detail are no requests. What remains is offered only where at least two segments are sure of different services, or of
//! one service at two places. A wrong offer annoys, so whatever is in doubt is one request.

mod judge;
mod units;

pub(super) use judge::find;

use super::rules::{Effect, Hit, Rules, normalise};
use std::collections::BTreeSet;
use units::{Unit, Units, units};

/// Most segments of one message that are judged: they bound what it can cost.
pub const MOST_SEGMENTS: usize = 8;
/// So much of a message is taken apart; what comes after it belongs to the last segment.
const MOST_BYTES: usize = 8_000;
/// So many sentences and list items of a message are told apart.
const MOST_UNITS: usize = 64;
/// A message of so many words in so many paragraphs may hold several requests though no word says so.
const LONG_WORDS: usize = 110;
const LONG_PARAGRAPHS: usize = 3;
/// So few words, in which no rule finds a service, are not a request before a comma.
const SHORT: usize = 6;
/// A rule with less log-odds than this does not by itself make a sentence a request.
const LEAST_WEIGHT: f64 = 1.0;

/// How a piece of text is set apart from the one before it; the order is the order of strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Apart {
    /// By a comma, or by "and".
    Clause,
    /// By the end of a sentence.
    Sentence,
    /// By an empty line.
    Paragraph,
    /// By words or signs that announce another matter: "also", a number, a bullet, "PS".
    Announced,
}

/// A run of sentences that may be a request of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its words, as they stand in the message.
    pub words: String,
    /// How it is set apart from the segment before.
    pub apart: Apart,
}

/// A message taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// What may be requests, in order.
    pub segments: Vec<Segment>,
    /// Greeting, who writes, thanks: what belongs to all of it.
    pub common: String,
    /// Whether the message says that it holds several requests, though not where each of them begins.
    pub counted: bool,
}

/// Takes a message apart where something hints at several requests; nothing where nothing does. `hits` are the rules that the
/// whole message hits.
#[must_use]
pub fn pieces(body: &str, rules: &Rules, hits: &[Hit<'_>]) -> Pieces {
    let head = head(body);
    let Units { mut units, announced, counted, listed } = units(head);
    units.truncate(MOST_UNITS);
    let asking = units.iter().filter(|u| !u.is_common && !u.is_aside).count();
    if units.len() < 2 || asking < 1 {
        return Pieces::default();
    }
    let paragraphs = 1 + units.iter().skip(1).filter(|u| u.apart > Apart::Sentence).count();
    let is_long = paragraphs >= LONG_PARAGRAPHS && head.split_whitespace().nth(LONG_WORDS).is_some();
    if !announced && !counted && !is_long && services_named(hits).len() < 2 {
        return Pieces::default();
    }
    // Who numbers their requests, or says "also", has said where they begin.
    let counted = counted && !announced;
    let pieces = Pieces { counted, ..gather(body, &units, rules, listed) };
    if pieces.segments.len() < 2 { Pieces::default() } else { pieces }
}

/// The words of a list item without its bullet or number: `2. The lamp is out` is called "The lamp is out".
#[must_use]
pub fn without_mark(words: &str) -> &str {
    units::without_mark(words)
}

/// The services that rules speak for.
fn services_named(hits: &[Hit<'_>]) -> BTreeSet<String> {
    let named = hits.iter().filter_map(|hit| match hit.effect {
        Effect::Service { service, weight } if *weight >= LEAST_WEIGHT => Some(service.clone()),
        _ => None,
    });
    named.collect()
}

/// As much of a text as is looked at.
fn head(body: &str) -> &str {
    let mut end = body.len().min(MOST_BYTES);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    &body[..end]
}

/// A segment that is being gathered.
struct Open {
    start: usize,
    end: usize,
    words: usize,
    apart: Apart,
    services: BTreeSet<String>,
}

fn gather(body: &str, units: &[Unit], rules: &Rules, listed: bool) -> Pieces {
    let mut open: Vec<Open> = Vec::new();
    let mut common: Vec<&str> = Vec::new();
    let mut after_common = false;
    for unit in units {
        let words = body[unit.start..unit.end].trim();
        let services = services_named(&rules.hits(&normalise(words)));
        if unit.is_aside || unit.is_common && services.is_empty() {
            common.push(words);
            after_common = true;
            continue;
        }
        let begins = open.last().is_none_or(|last| after_common || begins(last, unit, &services, listed));
        after_common = false;
        match open.last_mut() {
            Some(last) if !begins => {
                last.end = unit.end;
                last.words += words.split_whitespace().count();
                last.services.extend(services);
            }
            _ => open.push(Open {
                start: unit.start,
                end: unit.end,
                words: words.split_whitespace().count(),
                apart: unit.apart,
                services,
            }),
        }
    }
    // What lies beyond what was looked at belongs to the last segment.
    let looked_at = body.len() <= MOST_BYTES && units.len() < MOST_UNITS;
    if let Some(last) = open.last_mut().filter(|_| !looked_at) {
        last.end = body.len();
    }
    put_together(&mut open);
    let segments = open.into_iter().map(|o| Segment { words: body[o.start..o.end].trim().to_owned(), apart: o.apart });
    Pieces { segments: segments.collect(), common: common.join("\n"), counted: false }
}

/// Whether a unit begins a segment of its own after `last`.
fn begins(last: &Open, unit: &Unit, services: &BTreeSet<String>, listed: bool) -> bool {
    let another = !services.is_empty() && services.is_disjoint(&last.services);
    match unit.apart {
        Apart::Announced | Apart::Paragraph => true,
        // What stands in one item of a list is one matter.
        Apart::Sentence | Apart::Clause if listed && last.apart == Apart::Announced => false,
        Apart::Sentence => !unit.leans || another,
        // "And not to do with that, there is a van …": the announcement is not the matter.
        Apart::Clause if last.words <= SHORT && last.services.is_empty() => false,
        Apart::Clause => another || unit.asks && !unit.leans,
    }
}

/// Puts neighbours together, those least apart first, until there are no more than may be judged.
fn put_together(open: &mut Vec<Open>) {
    while open.len() > MOST_SEGMENTS {
        let length = |n: usize| open[n].end - open[n - 1].start;
        let Some(least) = (1..open.len()).min_by_key(|n| (open[*n].apart, length(*n))) else { return };
        let Open { end, services, .. } = open.remove(least);
        open[least - 1].end = end;
        open[least - 1].services.extend(services);
    }
}

#[cfg(test)]
mod tests;
