//! What a message names that two problems cannot share, or only one problem has: numbers of houses and things, streets, colours.

use crate::understanding::place;
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A rule written here is a rule that compiles; a test tries each.
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| unreachable!("{error}"))
}

/// What has digits and is no house number: times, dates, sums, decimals, telephone numbers, years.
static NO_NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\d{1,2}[:.]\d{2}(\s*(am|pm|hrs?))?|\d{1,2}[/.]\d{1,2}([/.]\d{2,4})?|£\s*\d+[\d,.]*|-?\d+\.\d+|\b0\d{9,10}\b|\b(19|20)\d\d\b",
    )
});
/// A number that may be a house's, with the word after it.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(\d{1,4}[a-d]?)\b(?:[ -]*([a-z%]+))?"));
/// What a number counts when it counts something.
const COUNTED: &[&str] = &[
    "cm",
    "mm",
    "m",
    "metre",
    "metres",
    "meter",
    "meters",
    "feet",
    "ft",
    "inch",
    "inches",
    "mile",
    "miles",
    "mph",
    "am",
    "pm",
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "hour",
    "hours",
    "hr",
    "hrs",
    "min",
    "mins",
    "minute",
    "minutes",
    "time",
    "times",
    "x",
    "st",
    "nd",
    "rd",
    "th",
    "bag",
    "bags",
    "people",
    "car",
    "cars",
    "bike",
    "bikes",
    "deep",
    "wide",
    "long",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
];
static STREET: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b([A-Z][\w'’]+(?:\s[A-Z][\w'’]+)*)\s(Road|Rd|Street|St|Lane|Ln|Avenue|Ave|Close|Cl|Drive|Dr|Way|Court|Ct|Gardens|Gdns|Place|Pl|Crescent|Cres|Grove|Terrace|Square|Sq|Hill|Park|Row|Mews|Walk|Bridge|Green|Rise|Parade)\b",
    )
});
const COLOURS: &[&str] = &[
    "red", "blue", "green", "black", "white", "grey", "gray", "silver", "yellow", "orange", "purple", "pink", "brown",
    "gold",
];

/// What a message names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Numbers of houses.
    pub numbers: BTreeSet<String>,
    /// Numbered things and number plates, as `lamp 14`.
    pub things: Vec<String>,
    /// Streets, in lower case.
    pub streets: BTreeSet<String>,
    /// Colours.
    pub colours: BTreeSet<String>,
}

/// How two messages' marks of one kind stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// One of them names none.
    Silent,
    /// They name one in common.
    Same,
    /// Both name some, and none in common.
    Different,
}

impl Marks {
    /// What a text names.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let words = text.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase);
        Self {
            numbers: numbers(text),
            things: place::fixed_features(text),
            streets: STREET.captures_iter(text).map(|found| street(&found[1], &found[2])).collect(),
            colours: words
                .filter(|word| COLOURS.contains(&word.as_str()))
                .map(|word| if word == "gray" { "grey".to_owned() } else { word })
                .collect(),
        }
    }
}

/// What kinds of street are called in short.
const SHORT: &[(&str, &str)] = &[
    ("road", "rd"),
    ("street", "st"),
    ("lane", "ln"),
    ("avenue", "ave"),
    ("close", "cl"),
    ("drive", "dr"),
    ("court", "ct"),
    ("gardens", "gdns"),
    ("place", "pl"),
    ("crescent", "cres"),
    ("square", "sq"),
];

/// `Mill Lane` and `Mill Ln` are one street.
fn street(name: &str, kind: &str) -> String {
    let kind = kind.to_lowercase();
    let short = SHORT.iter().find(|(long, _)| *long == kind).map_or(kind.as_str(), |(_, short)| *short);
    format!("{} {short}", name.to_lowercase())
}

fn numbers(text: &str) -> BTreeSet<String> {
    let text = NO_NUMBER.replace_all(text, " ");
    let of_a_house = |found: &regex::Captures<'_>| {
        let next = found.get(2).map(|next| next.as_str().to_lowercase()).unwrap_or_default();
        (!COUNTED.contains(&next.as_str())).then(|| found[1].to_lowercase())
    };
    NUMBER.captures_iter(&text).filter_map(|found| of_a_house(&found)).collect()
}

/// How two sets stand to each other.
#[must_use]
pub fn compare(a: &BTreeSet<String>, b: &BTreeSet<String>) -> Agreement {
    match (a.is_empty() || b.is_empty(), a.is_disjoint(b)) {
        (true, _) => Agreement::Silent,
        (false, true) => Agreement::Different,
        (false, false) => Agreement::Same,
    }
}

/// How two messages' numbered things stand to each other: only those of one kind can differ. With two that differ, if any do.
#[must_use]
pub fn compare_things<'a>(a: &'a [String], b: &'a [String]) -> (Agreement, Option<(&'a str, &'a str)>) {
    if a.iter().any(|thing| b.contains(thing)) {
        return (Agreement::Same, None);
    }
    let kind = |thing: &str| thing.split([' ', ':']).next().unwrap_or_default().to_owned();
    let differing = a.iter().find_map(|one| Some((one, b.iter().find(|other| kind(other) == kind(one))?)));
    match differing {
        Some((one, other)) => (Agreement::Different, Some((one, other))),
        None => (Agreement::Silent, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_house_number_is_told_from_times_sums_and_counts() {
        let found = |text: &str| numbers(text).into_iter().collect::<Vec<_>>();
        assert_eq!(
            found("outside 12a and no 14, since 08:30 on 3/4/2026, £50, 40 cm deep, 2 bags, 07700900123"),
            ["12a", "14"]
        );
        assert_eq!(found("51.5, 2019, 3 weeks"), Vec::<String>::new());
    }

    #[test]
    fn streets_are_known_by_their_short_names() {
        let (a, b) = (Marks::of("corner of Mill Lane"), Marks::of("in Mill Ln near Abbey Road"));
        assert_eq!(compare(&a.streets, &b.streets), Agreement::Same);
        assert_eq!(compare(&Marks::of("Abbey Road").streets, &a.streets), Agreement::Different);
    }

    #[test]
    fn things_differ_only_from_things_of_their_kind() {
        let (lamp, other, plate) =
            (Marks::of("lamp 14 is out"), Marks::of("lamp 22 is out"), Marks::of("car AB12 CDE"));
        assert_eq!(compare_things(&lamp.things, &other.things).0, Agreement::Different);
        assert_eq!(compare_things(&lamp.things, &plate.things).0, Agreement::Silent);
    }
}
