//! "The junction of Mill Lane and Lock Lane": two streets that are said to meet, and where they do.

use super::gazetteer::{Entry, Gazetteer, Hit, Kind};
use super::settle::Message;
use super::words::Word;
use crate::core::place::distance_m;

/// Words that say that two streets meet.
const MEETING: [&str; 21] = [
    "junction",
    "jct",
    "jcn",
    "jnct",
    "jn",
    "j",
    "crossroads",
    "crossroad",
    "corner",
    "cnr",
    "intersection",
    "roundabout",
    "meets",
    "meet",
    "joins",
    "join",
    "crosses",
    "where",
    "between",
    "lights",
    "turning",
];
/// Other words that may stand between the two.
const CONNECTING: [&str; 13] = ["and", "with", "w", "of", "the", "at", "by", "on", "into", "onto", "its", "a", "from"];
/// So many words may stand between the two, and so far before or behind them the word that says that they meet.
const MOST_BETWEEN: usize = 6;
const MOST_AROUND: usize = 4;
/// Streets whose rows lie farther apart do not meet, as far as is known: a row is the middle of its street.
const MOST_APART_M: f64 = 1_500.0;
/// So many rows of each are compared.
const MOST_ROWS: usize = 100;

/// Two streets that meet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Junction<'g> {
    /// The rows of the two that are nearest to each other.
    pub rows: [&'g Entry; 2],
    /// Whether another pair of theirs is about as near, elsewhere.
    pub doubtful: bool,
}

/// Where two names found one after the other meet, if the words say that they do. "Between" two streets is not where they
/// meet, but nearer to that than to the middle of either.
pub(super) fn at<'g>(
    gazetteer: &'g Gazetteer,
    message: &Message<'_>,
    first: &Hit,
    second: &Hit,
) -> Option<Junction<'g>> {
    let roads = |hit: &Hit| {
        let rows = gazetteer.rows(hit.name);
        rows.iter().filter(|row| matches!(row.kind, Kind::Street | Kind::RoadNumber)).take(MOST_ROWS)
    };
    if first.name == second.name || !is_said(message, first, second) {
        return None;
    }
    let mut pairs: Vec<(f64, [&Entry; 2])> = Vec::new();
    for a in roads(first) {
        for b in roads(second) {
            let metres = distance_m(a.lat, a.lon, b.lat, b.lon);
            if metres <= MOST_APART_M {
                pairs.push((metres, [a, b]));
            }
        }
    }
    let &(nearest, rows) = pairs.iter().min_by(|x, y| x.0.total_cmp(&y.0))?;
    let elsewhere = |pair: &[&Entry; 2]| {
        distance_m(pair[0].lat, pair[0].lon, rows[0].lat, rows[0].lon) > MOST_APART_M
            && distance_m(pair[1].lat, pair[1].lon, rows[1].lat, rows[1].lon) > MOST_APART_M
    };
    let doubtful = pairs.iter().any(|(metres, pair)| elsewhere(pair) && *metres < nearest + MOST_APART_M / 2.0);
    Some(Junction { rows, doubtful })
}

fn is_said(message: &Message<'_>, first: &Hit, second: &Hit) -> bool {
    let words = message.words;
    let says = |word: &Word<'_>| MEETING.contains(&word.norm.as_str());
    let between = &words[first.last + 1..second.first];
    let known = |word: &Word<'_>| says(word) || CONNECTING.contains(&word.norm.as_str());
    let slash = || message.text[words[first.last].end..words[second.first].start].trim() == "/";
    if (between.is_empty() && !slash()) || between.len() > MOST_BETWEEN || !between.iter().all(known) {
        return false;
    }
    let before = &words[first.first.saturating_sub(MOST_AROUND)..first.first];
    let after = &words[second.last + 1..(second.last + 1 + MOST_AROUND / 2).min(words.len())];
    between.iter().chain(before).chain(after).any(says)
}
