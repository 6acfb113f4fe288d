//! Properties named by their number: "UPRN 100012345678".

use super::words::Word;

/// A number found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Up to twelve digits.
    pub number: u64,
    /// Index of the word that says that it is a UPRN.
    pub first: usize,
    /// Index of the number.
    pub last: usize,
}

/// The numbers that are called a UPRN, in order.
pub(super) fn find(words: &[Word<'_>]) -> Vec<Found> {
    let mut found = Vec::new();
    for (first, word) in words.iter().enumerate() {
        let Some(rest) = word.norm.strip_prefix("uprn") else { continue };
        if let Some(number) = number(rest) {
            found.push(Found { number, first, last: first });
            continue;
        }
        let between = words[first + 1..]
            .iter()
            .take_while(|w| matches!(w.norm.as_str(), "no" | "number" | "is" | "nr" | "of"))
            .count();
        let last = first + 1 + between;
        if let Some(number) = words.get(last).and_then(|word| number(&word.norm)).filter(|_| matches!(rest, "" | "s")) {
            found.push(Found { number, first, last });
        }
    }
    found
}

fn number(text: &str) -> Option<u64> {
    let digits = (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::super::words::words;
    use super::*;

    #[test]
    fn a_number_is_a_property_only_where_it_is_called_one() {
        let find = |text: &str| find(&words(text)).iter().map(|f| f.number).collect::<Vec<_>>();
        for text in [
            "UPRN 100012345678",
            "uprn: 100012345678.",
            "UPRN100012345678",
            "the UPRN number is 100012345678",
            "UPRN=000100012345678",
        ] {
            let expected: &[u64] = if text.contains("=000") { &[] } else { &[100_012_345_678] };
            assert_eq!(find(text), expected, "{text}");
        }
        assert!(find("call 100012345678, uprn unknown, UPRN").is_empty());
    }
}
