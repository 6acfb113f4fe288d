//! Postcodes in running text, however they are spaced and whatever O, 0, I and 1 were made of.
//!
//! The shape is that of BS 7666: an outward code of one or two letters, a digit, and perhaps one more digit or letter;
//! an inward code of a digit and two letters out of all but C, I, K, M, O, V.

use super::words::Word;
use std::collections::HashMap;
use std::fmt;

/// What O, 0, I and 1 are mixed up with.
const LOOK_ALIKES: &[u8] = b"O0I1L";

/// A well-formed postcode, without its space, in capitals: five to seven bytes, filled up with zero bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Postcode([u8; 7]);

impl Postcode {
    /// Reads a postcode with or without spaces, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 7];
        let mut len = 0;
        for b in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
            *bytes.get_mut(len)? = b.to_ascii_uppercase();
            len += 1;
        }
        let code = &bytes[..len];
        let (outward, inward) = code.split_at_checked(len.checked_sub(3)?)?;
        let letter = |b: &u8| b.is_ascii_uppercase();
        let digit = |b: &u8| b.is_ascii_digit();
        let area = outward.iter().take_while(|b| letter(b)).count();
        let outward_fits = (1..=2).contains(&area)
            && (2..=4).contains(&outward.len())
            && match &outward[area..] {
                [first] => digit(first),
                [first, second] => digit(first) && (digit(second) || letter(second)),
                _ => false,
            };
        let inward_fits = digit(&inward[0]) && inward[1..].iter().all(is_inward_letter);
        (outward_fits && inward_fits).then_some(Self(bytes))
    }
}

/// The first half of a postcode, its outward code: two to four bytes, filled up with zero bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct District([u8; 4]);

impl District {
    /// Reads an outward code, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        // With any inward code it has to be a postcode.
        let code = Postcode::parse(&format!("{text}1AA")).filter(|_| text.len() <= 4)?;
        Some(code.district())
    }
}

impl fmt::Display for District {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().filter(|b| **b != 0).try_for_each(|b| write!(f, "{}", char::from(*b)))
    }
}

impl Postcode {
    /// Its first half.
    pub fn district(&self) -> District {
        let len = self.0.iter().filter(|b| **b != 0).count();
        let mut bytes = [0; 4];
        bytes[..len - 3].copy_from_slice(&self.0[..len - 3]);
        District(bytes)
    }
}

fn is_inward_letter(b: &u8) -> bool {
    b.is_ascii_uppercase() && !b"CIKMOV".contains(b)
}

impl fmt::Display for Postcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.0.iter().filter(|b| **b != 0).map(|b| char::from(*b)).collect();
        let (outward, inward) = text.split_at(text.len() - 3);
        write!(f, "{outward} {inward}")
    }
}

/// A postcode found in a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// Which.
    pub code: Postcode,
    /// Index of its first word.
    pub first: usize,
    /// Index of its last word.
    pub last: usize,
    /// Whether an O, 0, I or 1 had to be read as its look-alike.
    pub repaired: bool,
}

/// The known postcodes among `words`, in order.
pub(super) fn known<T>(words: &[Word<'_>], table: &HashMap<Postcode, T>) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let hit = windows(words, at).find_map(|(last, text)| {
            let as_written = Postcode::parse(&text).filter(|code| table.contains_key(code));
            let code = as_written.or_else(|| repair(&text, table))?;
            Some(Found { code, first: at, last, repaired: as_written.is_none() })
        });
        at = hit.as_ref().map_or(at + 1, |hit| hit.last + 1);
        found.extend(hit);
    }
    found
}

/// Well-formed postcodes that stand as one or two words and are not in the table, in order and once each. More loosely
/// spaced ones are left out, for "to 1 2 by" would be one.
pub(super) fn unknown<T>(words: &[Word<'_>], table: &HashMap<Postcode, T>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let hit = windows(words, at).filter(|(last, _)| last - at <= 1).find_map(|(last, text)| {
            let split_well = last == at || words[last].text.len() == 3;
            let code = Postcode::parse(&text).filter(|_| split_well)?;
            Some((last, code))
        });
        if let Some((_, code)) = hit
            && !table.contains_key(&code)
            && repair(&code.to_string().replace(' ', ""), table).is_none()
            && !found.contains(&code.to_string())
        {
            found.push(code.to_string());
        }
        at = hit.map_or(at + 1, |(last, _)| last + 1);
    }
    found
}

/// A district named in a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FoundDistrict {
    /// Which.
    pub district: District,
    /// Index of its first word, which is all of it or the first word of a postcode that is not known.
    pub first: usize,
    /// Index of its last word.
    pub last: usize,
}

/// Words before what looks like a district and is the number of something else.
const NUMBERED: [&str; 18] = [
    "bus", "buses", "route", "routes", "service", "junction", "jct", "motorway", "flat", "unit", "block", "room",
    "bay", "zone", "plot", "platform", "form", "size",
];
/// Words that say beside it that a short code is a district.
const SAYS_DISTRICT: [&str; 6] = ["postcode", "postal", "area", "district", "in", "around"];

/// The known districts among `words`, other than in the known postcodes at `codes`: as the first half alone, or of a whole
/// postcode that is not in the table. A code of one letter ("M1") may be a road or a bus and has to be said to be one.
pub(super) fn districts<T>(words: &[Word<'_>], codes: &[Found], table: &HashMap<District, T>) -> Vec<FoundDistrict> {
    let mut found: Vec<FoundDistrict> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if let Some(code) = codes.iter().find(|code| (code.first..=code.last).contains(&at)) {
            at = code.last + 1;
            continue;
        }
        let whole = windows(words, at)
            .filter(|(last, _)| last - at <= 1)
            .find_map(|(last, text)| Some((last, Postcode::parse(&text)?.district())));
        let alone = || District::parse(words[at].text).filter(|_| is_said(words, at)).map(|district| (at, district));
        let hit = whole.or_else(alone).filter(|(_, district)| table.contains_key(district));
        if let Some((last, district)) = hit {
            found.push(FoundDistrict { district, first: at, last });
        }
        at = hit.map_or(at, |(last, _)| last) + 1;
    }
    found
}

/// Whether the word is meant as a district.
fn is_said(words: &[Word<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).map_or("", |before| words[before].norm.as_str());
    let after = words.get(at + 1).map_or("", |after| after.norm.as_str());
    let one_letter = words[at].text.as_bytes()[1].is_ascii_digit();
    let says = |word: &str| SAYS_DISTRICT.contains(&word);
    !NUMBERED.contains(&before) && !matches!(after, "bus" | "buses") && (!one_letter || says(before) || says(after))
}

/// The joined texts of one to four words from `at` on that have the length of a postcode, longest first.
fn windows<'w>(words: &'w [Word<'_>], at: usize) -> impl Iterator<Item = (usize, String)> + 'w {
    let starts = words[at].text.len() <= 7 && words[at].text.is_ascii();
    (0..4).rev().filter(move |_| starts).filter_map(move |more| {
        let window = words.get(at..=at + more)?;
        let length: usize = window.iter().map(|w| w.text.len()).sum();
        let fits = (5..=7).contains(&length)
            && window[1..].iter().all(|w| w.joined)
            && window.iter().all(|w| w.text.is_ascii());
        fits.then(|| (at + more, window.iter().map(|w| w.text).collect()))
    })
}

/// The one known postcode that `text` is when O and 0, I, L and 1 are taken for each other; none where there are several.
fn repair<T>(text: &str, table: &HashMap<Postcode, T>) -> Option<Postcode> {
    let bytes = text.to_ascii_uppercase().into_bytes();
    // No inward letter is an O or I. Few words end in what may be an inward code, so this keeps the search off them.
    let (outward, inward) = bytes.split_at_checked(bytes.len().checked_sub(3)?)?;
    if !inward[1..].iter().all(is_inward_letter) || !(inward[0].is_ascii_digit() || LOOK_ALIKES.contains(&inward[0])) {
        return None;
    }
    let doubtful: Vec<usize> = (0..=outward.len()).filter(|at| LOOK_ALIKES.contains(&bytes[*at])).collect();
    let mut found = None;
    for pattern in 1..1_u32 << doubtful.len() {
        let mut other = bytes.clone();
        for (bit, at) in doubtful.iter().enumerate() {
            if pattern >> bit & 1 == 1 {
                other[*at] = look_alike(other[*at]);
            }
        }
        let code = std::str::from_utf8(&other).ok().and_then(Postcode::parse).filter(|code| table.contains_key(code));
        match (code, found) {
            (Some(code), Some(known)) if code != known => return None,
            (Some(code), _) => found = Some(code),
            (None, _) => {}
        }
    }
    found
}

const fn look_alike(byte: u8) -> u8 {
    match byte {
        b'O' => b'0',
        b'0' => b'O',
        b'1' => b'I',
        _ => b'1',
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::words;
    use super::*;

    fn table() -> HashMap<Postcode, ()> {
        ["ZM1 4QT", "ZM10 1OO", "M1 1AE", "SW1A 1AA", "ZM1 0BL"]
            .iter()
            .filter_map(|c| Some((Postcode::parse(c)?, ())))
            .collect()
    }

    fn find(text: &str) -> Vec<(String, bool)> {
        known(&words(text), &table()).into_iter().map(|f| (f.code.to_string(), f.repaired)).collect()
    }

    #[test]
    fn a_known_postcode_is_found_in_any_spacing_and_case() {
        for text in [
            "ZM1 4QT",
            "zm14qt",
            "Zm1  4qt.",
            "at zm 1 4 qt please",
            "(ZM1-4QT)",
            "ZM1\n4QT",
            "14 ZM1 4QT",
            "10 zm14qt 7",
        ] {
            assert_eq!(find(text), [("ZM1 4QT".to_owned(), false)], "{text}");
        }
        assert_eq!(find("m11ae, sw1a1aa"), [("M1 1AE".to_owned(), false), ("SW1A 1AA".to_owned(), false)]);
    }

    #[test]
    fn look_alikes_are_repaired_only_into_a_known_postcode() {
        assert_eq!(find("ZMI 4QT"), [("ZM1 4QT".to_owned(), true)]);
        assert_eq!(find("zml OBL"), [("ZM1 0BL".to_owned(), true)]);
        assert_eq!(find("ZMI 4QX"), []);
    }

    #[test]
    fn what_only_looks_like_a_postcode_is_none() {
        for text in ["", "call at 10 2 by 3", "AB12 CDE", "ZM1. 4QT", "xZM1 4QTx", "M1 1AEX", "é1 1AE"] {
            assert_eq!(find(text), [], "{text}");
        }
    }

    #[test]
    fn an_unknown_postcode_is_told_once_and_a_known_one_is_not() {
        let found = unknown(&words("LS6 3QT, ls63qt and ZM1 4QT or ZMI 4QT; so 1 2by"), &table());
        assert_eq!(found, ["LS6 3QT"]);
    }

    #[test]
    fn a_district_is_found_alone_and_in_a_postcode_that_is_not_known() {
        let table: HashMap<District, ()> =
            ["ZM1", "M1", "SW1A"].iter().filter_map(|d| Some((District::parse(d)?, ()))).collect();
        let find = |text: &str| -> Vec<String> {
            let words = words(text);
            let codes = known(&words, &self::table());
            districts(&words, &codes, &table).into_iter().map(|f| f.district.to_string()).collect()
        };
        assert_eq!(find("all over ZM1 and sw1a"), ["ZM1", "SW1A"]);
        assert_eq!(find("at ZM1 9ZZ"), ["ZM1"], "a postcode that is not in the table");
        assert_eq!(find("at ZM1 4QT"), Vec::<String>::new(), "the postcode says more");
        assert_eq!(find("the M1 is closed, bus ZM1, ZM2, the ZM1 bus"), Vec::<String>::new());
        assert_eq!(find("in M1"), ["M1"]);
    }

    #[test]
    fn a_postcode_is_only_what_the_standard_allows() {
        for good in ["M1 1AE", "B33 8TH", "CR2 6XH", "DN55 1PT", "W1A 1HQ", "EC1A 1BB"] {
            assert_eq!(Postcode::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "1", "M1", "M1 1AM", "MMM1 1AA", "M 1AE", "M1 AAE", "M111 1AA", "MAA 1AA", "M1A1 1AAA"] {
            assert_eq!(Postcode::parse(bad), None, "{bad}");
        }
    }
}
