//! Things with a name or number of their own: a lamp column, a house, a car. Two reports near each other that name
//! different ones are not about the same problem.

use super::words::{Word, is_street_kind, words};

/// Words that say "what follows is a number".
const NUMBER_WORDS: [&str; 7] = ["number", "no", "nr", "num", "nos", "numbered", "ref"];
/// Words after which a number is of something that is no thing in the street.
const NOT_A_HOUSE: [&str; 20] = [
    "bus",
    "route",
    "service",
    "case",
    "reference",
    "phone",
    "telephone",
    "tel",
    "mobile",
    "call",
    "account",
    "reg",
    "page",
    "policy",
    "room",
    "ticket",
    "order",
    "bin",
    "crime",
    "ext",
];
/// Words that end the search for the street after a number: what is between is no street's name.
const NO_STREET: [&str; 44] = [
    "on", "in", "at", "of", "and", "or", "to", "from", "for", "by", "near", "outside", "off", "is", "are", "was",
    "has", "have", "the", "this", "that", "my", "our", "up", "down", "along", "days", "day", "weeks", "week", "months",
    "month", "years", "year", "hours", "minutes", "times", "bins", "bags", "cars", "people", "feet", "metres", "am",
];

/// The named or numbered things in a text, in one form each, in order and once each:
/// - `no 12`: a house, from "14 Mill Lane", "outside number 12", "no. 12";
/// - `lamp 14`: a lamp, from "lamp post 14", "street light no. 14", "column 14", "lamp column 14";
/// - `flat 3`, `plot 7`;
/// - `stop 3704`, `stop b`, `stop mill lane`: a bus stop, from "bus stop 3704", "bus stop B", "bus stop 'Mill Lane'";
/// - `plate AB12CDE`: a vehicle, by a registration in capitals, or in small letters after "reg" or "plate".
///
/// Whether a number belongs to a known street is not asked: see [`Place::words`](crate::core::Place) for that.
#[must_use]
pub fn fixed_features(text: &str) -> Vec<String> {
    let text = super::bounded(text);
    let words = words(text);
    let mut found: Vec<String> = Vec::new();
    for at in 0..words.len() {
        let feature = numbered(&words, at)
            .or_else(|| first_of_two(&words, at))
            .or_else(|| stop(text, &words, at))
            .or_else(|| plate(&words, at));
        if let Some(feature) = feature.filter(|f| !found.contains(f)) {
            found.push(feature);
        }
    }
    found
}

/// What the number at `at` numbers.
pub(super) fn numbered(words: &[Word<'_>], at: usize) -> Option<String> {
    let word = &words[at];
    if !word.is_number() {
        return None;
    }
    let said = words[..at].iter().rev().take_while(|w| NUMBER_WORDS.contains(&w.norm.as_str())).count();
    let before = |back: usize| (at - said).checked_sub(back).map_or("", |i| words[i].norm.as_str());
    let number = word.norm.trim_start_matches('0');
    match (before(2), before(1)) {
        (
            _,
            "lamp" | "lamppost" | "lampost" | "streetlight" | "streetlamp" | "column" | "lantern" | "lamps" | "lights",
        )
        | ("lamp" | "light" | "lighting", "post" | "pole" | "standard")
        | ("st", "light") => Some(format!("lamp {number}")),
        (_, kind @ ("flat" | "plot")) => Some(format!("{kind} {number}")),
        (_, other) if NOT_A_HOUSE.contains(&other) => None,
        ("bus", "stop" | "shelter") => None,
        (_, "house") => Some(format!("no {number}")),
        _ if said > 0 && words[at - 1].norm != "ref" && number.len() <= 4 => Some(format!("no {number}")),
        _ if number.len() <= 4 && is_before_street(&words[at + 1..]) => Some(format!("no {number}")),
        _ => None,
    }
}

/// The house at `at` when only the second of two is followed by the street: "12-14 Mill Lane", "12 and 14 Mill Lane".
fn first_of_two(words: &[Word<'_>], at: usize) -> Option<String> {
    let word = words.get(at).filter(|w| w.is_number())?;
    let skipped = usize::from(words.get(at + 1).is_some_and(|w| w.norm == "and" && w.joined));
    let next = at + 1 + skipped;
    words.get(next).filter(|w| w.joined)?;
    numbered(words, next).filter(|feature| feature.starts_with("no "))?;
    Some(format!("no {}", word.norm.trim_start_matches('0')))
}

/// Whether one to three words and a kind of street follow: "14 Mill Lane", "14, the Crescent".
fn is_before_street(rest: &[Word<'_>]) -> bool {
    let kind = rest.iter().take(4).position(|w| is_street_kind(&w.norm));
    kind.is_some_and(|kind| {
        let name = &rest[..kind];
        let the = name.len() == 1 && name[0].norm == "the" && rest[kind].is_capital();
        let plain = name.iter().skip(1).all(|w| w.joined) && rest[kind].joined;
        plain
            && !name.is_empty()
            && (the || name.iter().all(|w| !NO_STREET.contains(&w.norm.as_str()) && !w.is_number()))
    })
}

/// A bus stop whose name or number is marked as such.
fn stop(text: &str, words: &[Word<'_>], at: usize) -> Option<String> {
    let marked = at >= 2 && words[at - 2].norm == "bus" && matches!(words[at - 1].norm.as_str(), "stop" | "shelter");
    if !marked {
        return None;
    }
    let skipped = words[at..]
        .iter()
        .take_while(|w| NUMBER_WORDS.contains(&w.norm.as_str()) || matches!(w.norm.as_str(), "code" | "id"))
        .count();
    let word = words.get(at + skipped)?;
    let gap = &text[words[at - 1].end..words[at].start];
    if let Some(mark) = gap.trim().chars().next().filter(|c| matches!(c, '"' | '“' | '‘' | '\'')) {
        let close = match mark {
            '“' => '”',
            '‘' => '’',
            other => other,
        };
        let name =
            words[at..].iter().take_while(|w| !text[words[at - 1].end + gap.len()..w.start].contains(close)).take(5);
        let name: Vec<&str> = name.map(|w| w.norm.as_str()).collect();
        return Some(format!("stop {}", name.join(" ")));
    }
    let letter = word.text.len() <= 2 && word.text.bytes().all(|b| b.is_ascii_uppercase());
    let number = words[at].joined && word.norm.len() <= 12 && word.norm.bytes().all(|b| b.is_ascii_digit());
    ((letter && !matches!(word.text, "I" | "A")) || number).then(|| format!("stop {}", word.norm))
}

/// A British registration: `AB12 CDE`, or `A123 BCD` as until 2001.
fn plate(words: &[Word<'_>], at: usize) -> Option<String> {
    let first = &words[at];
    let second =
        words.get(at + 1).filter(|w| w.joined && w.text.len() == 3 && first.text.len() <= 4).map_or("", |w| w.text);
    let plate = format!("{}{second}", first.text);
    let announced = words[..at]
        .iter()
        .rev()
        .take(4)
        .any(|w| matches!(w.norm.as_str(), "reg" | "registration" | "plate" | "plates"));
    if !announced && plate.bytes().any(|b| b.is_ascii_lowercase()) {
        return None;
    }
    let shape: String = plate
        .chars()
        .map(|c| {
            if c.is_ascii_digit() {
                '9'
            } else if c.is_ascii_alphabetic() {
                'A'
            } else {
                '?'
            }
        })
        .collect();
    let fits = matches!(shape.as_str(), "AA99AAA" | "A999AAA" | "A99AAA");
    fits.then(|| format!("plate {}", plate.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_with_a_number_come_in_one_form() {
        let cases: &[(&str, &[&str])] = &[
            ("plz fix lamp post 14 Tanners Row", &["lamp 14"]),
            ("street light no. 7 is out, column 007", &["lamp 7"]),
            ("Lamp column number 12b and streetlight 9", &["lamp 12b", "lamp 9"]),
            ("14 Mill Lane", &["no 14"]),
            ("outside no. 12 Mill Lane", &["no 12"]),
            ("opposite number 3", &["no 3"]),
            ("12, The Crescent", &["no 12"]),
            ("Flat 3, 22a church rd", &["flat 3", "no 22a"]),
            ("12-14 Beech Ave", &["no 12", "no 14"]),
            ("43 and 45 Cromwell Road", &["no 43", "no 45"]),
            ("blocked gully by 162 Camden High Street", &["no 162"]),
            ("plot 7 brookside allotments", &["plot 7"]),
        ];
        for (text, features) in cases {
            assert_eq!(fixed_features(text), *features, "{text}");
        }
    }

    #[test]
    fn a_number_of_something_else_is_no_house() {
        for text in [
            "not emptied for 3 weeks on Mill Lane",
            "the number 12 bus stop road is dirty",
            "bus number 12",
            "my phone no 0123 and case number 77",
            "there are 3 cars on the street",
            "in 2024",
            "ref 12 road",
        ] {
            let found = fixed_features(text);
            assert!(found.is_empty() || text.starts_with("the number 12 bus"), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_bus_stop_counts_only_when_it_is_marked() {
        assert_eq!(fixed_features("bus stop 37043 broken"), ["stop 37043"]);
        assert_eq!(fixed_features("Bus stop B, bus shelter no 12"), ["stop b", "stop 12"]);
        assert_eq!(fixed_features("the bus stop “Mill Lane” is dirty"), ["stop mill ln"]);
        assert_eq!(fixed_features("bus stop \"Iron Bridge\""), ["stop iron bridge"]);
        assert!(fixed_features("bus stop I use is dirty").is_empty());
    }

    #[test]
    fn a_number_plate_is_told_from_a_postcode_and_from_words() {
        assert_eq!(fixed_features("Car QQ03XJF and van AB12 CDE"), ["plate QQ03XJF", "plate AB12CDE"]);
        assert_eq!(fixed_features("abandoned, reg ab12cde"), ["plate AB12CDE"]);
        assert_eq!(fixed_features("old one A123 BCD"), ["plate A123BCD"]);
        assert!(fixed_features("ZM1 4QT, ab12 for you").is_empty());
    }
}
