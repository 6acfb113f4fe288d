//! How long a text is on the wire: the parts it is sent, and paid for, in.
//!
//! A text of characters that GSM 03.38 knows takes 160 in one part, and 153 in each of several, since each then begins
//! with a header; characters of the extension table count two. Any other character makes all of it UCS-2: 70, or 67 in
//! each of several, and what lies beyond the basic plane (emoji) counts two. No pair is cut: where one does not fit, it
//! begins the next part. Providers may replace typographic quotes and the like before they send, so theirs can be fewer.
//!
//! Texts that come in need no joining: both providers put the parts together before they call us.

/// How the characters are written on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Seven bits a character, GSM 03.38 with its extension table.
    Gsm,
    /// Sixteen bits a character.
    Ucs2,
}

/// How long a text is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// How it is written.
    pub encoding: Encoding,
    /// Septets, or units of sixteen bits.
    pub units: usize,
    /// How many texts it is sent as; an empty one is one.
    pub parts: usize,
}

/// The basic table of GSM 03.38, without the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension table: each stands behind an escape.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Septets of a character, where GSM 03.38 has it.
fn septets(c: char) -> Option<usize> {
    // Nearly everything is one of these.
    if c.is_ascii_alphanumeric() || c == ' ' {
        return Some(1);
    }
    match (BASIC.contains(c), EXTENSION.contains(c)) {
        (true, _) => Some(1),
        (_, true) => Some(2),
        _ => None,
    }
}

impl Encoding {
    /// The one a text needs.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text.chars().all(|c| septets(c).is_some()) { Self::Gsm } else { Self::Ucs2 }
    }

    /// Units that one part holds: alone, and as one of several.
    const fn room(self) -> (usize, usize) {
        match self {
            Self::Gsm => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }

    fn units(self, c: char) -> usize {
        match self {
            Self::Gsm => septets(c).unwrap_or(1),
            Self::Ucs2 => c.len_utf16(),
        }
    }

    const fn ellipsis(self) -> &'static str {
        match self {
            Self::Gsm => "...",
            Self::Ucs2 => "…",
        }
    }
}

/// How long the text is.
#[must_use]
pub fn count(text: &str) -> Parts {
    count_with(text, "")
}

/// How long the text is with this behind it, which the text's own encoding can write.
fn count_with(text: &str, end: &str) -> Parts {
    let encoding = Encoding::of(text);
    let (alone, each) = encoding.room();
    let (mut units, mut parts, mut used) = (0, 1, 0);
    for c in text.chars().chain(end.chars()) {
        let width = encoding.units(c);
        units += width;
        if used + width > each {
            parts += 1;
            used = 0;
        }
        used += width;
    }
    Parts { encoding, units, parts: if units <= alone { 1 } else { parts } }
}

/// The text in at most so many parts (none counts as one). What is too long is cut behind a word, or inside the first
/// one where that alone is too long, and ends in an ellipsis that does not change the encoding.
#[must_use]
pub fn shorten(text: &str, most_parts: usize) -> String {
    let most = most_parts.max(1);
    if count(text).parts <= most {
        return text.to_owned();
    }
    let fits = |start: &str| count_with(start, Encoding::of(start).ellipsis()).parts <= most;
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    // What is longer never takes fewer parts, so the ends that fit are the first ones.
    let longest = ends.partition_point(|end| fits(&text[..*end])).saturating_sub(1);
    let end = ends.get(longest).copied().unwrap_or_default();
    let whole = match text[end..].chars().next() {
        Some(next) if next.is_whitespace() => end,
        _ => text[..end].rfind(char::is_whitespace).unwrap_or_default(),
    };
    let words = text[..whole].trim_end_matches(|c: char| c.is_whitespace() || ",;:-–—(".contains(c));
    let kept = if words.trim().is_empty() { whole_characters(text, end) } else { words };
    format!("{kept}{}", Encoding::of(kept).ellipsis())
}

/// The text up to this end, or a little before it: accents and joined emoji stay with what they belong to.
fn whole_characters(text: &str, mut end: usize) -> &str {
    let belongs =
        |c: char| matches!(c, '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    while text[end..].starts_with(belongs) || text[..end].ends_with('\u{200d}') {
        let Some(last) = text[..end].chars().next_back() else { break };
        end -= last.len_utf8();
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> (Encoding, usize, usize) {
        let counted = count(text);
        (counted.encoding, counted.units, counted.parts)
    }

    #[test]
    fn the_tables_hold_what_the_standard_lists() {
        assert_eq!(BASIC.chars().count(), 127, "128 places, of which one is the escape");
        assert_eq!(EXTENSION.chars().count(), 10);
        assert!(!BASIC.chars().any(|c| EXTENSION.contains(c)));
        for c in "`çŷŵ’“–…\tÀ".chars() {
            assert_eq!(septets(c), None, "{c:?}");
        }
    }

    #[test]
    fn the_limits_of_one_part_and_of_several() {
        use Encoding::{Gsm, Ucs2};
        assert_eq!(parts(""), (Gsm, 0, 1));
        for (length, wanted) in [(160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4)] {
            assert_eq!(parts(&"a".repeat(length)), (Gsm, length, wanted));
        }
        for (length, wanted) in [(70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)] {
            assert_eq!(parts(&"ŵ".repeat(length)), (Ucs2, length, wanted));
        }
        assert_eq!(parts(&"€".repeat(80)), (Gsm, 160, 1));
        assert_eq!(parts(&"€".repeat(81)), (Gsm, 162, 2));
        assert_eq!(parts(&"👍".repeat(35)), (Ucs2, 70, 1));
        assert_eq!(parts(&"👍".repeat(36)), (Ucs2, 72, 2));
    }

    #[test]
    fn a_pair_that_does_not_fit_begins_the_next_part() {
        // 306 septets, but the escape pair would lie over the end of the first part.
        let text = format!("{}€{}", "a".repeat(152), "b".repeat(152));
        assert_eq!(parts(&text), (Encoding::Gsm, 306, 3));
        // Of pairs alone, 76 go into a part of 153 septets, and 33 into a part of 67 units.
        assert_eq!(parts(&"€".repeat(152)), (Encoding::Gsm, 304, 2));
        assert_eq!(parts(&"€".repeat(153)), (Encoding::Gsm, 306, 3));
        assert_eq!(parts(&"👍".repeat(66)), (Encoding::Ucs2, 132, 2));
        assert_eq!(parts(&"👍".repeat(67)), (Encoding::Ucs2, 134, 3));
    }

    #[test]
    fn what_is_too_long_is_cut_behind_a_word() {
        let text = "The lamp is out, ".repeat(12);
        assert_eq!(shorten(&text, 1), format!("{}The...", "The lamp is out, ".repeat(9)));
        let welsh = "Mae’r golau’n ddiffodd ".repeat(5);
        assert_eq!(shorten(&welsh, 1), format!("{}Mae’r golau’n ddiffodd…", "Mae’r golau’n ddiffodd ".repeat(2)));
        let short = shorten(&"x".repeat(200), 1);
        assert_eq!(short, format!("{}...", "x".repeat(157)));
        // Once the one strange character is cut away, there is more room.
        let text = format!("{} 👍", "word ".repeat(40));
        assert_eq!(count(&shorten(&text, 1)).encoding, Encoding::Gsm);
        assert_eq!(shorten("short", 0), "short");
    }

    #[test]
    fn joined_characters_stay_together() {
        let short = shorten(&"👩‍👩‍👧‍👦".repeat(20), 1);
        let family = "👩‍👩‍👧‍👦";
        assert!(short.trim_end_matches('…').len().is_multiple_of(family.len()), "{short:?}");
        assert_eq!(whole_characters("cafe\u{301}", 4), "caf");
    }

    /// The parts themselves, made in another way than they are counted.
    fn cut(text: &str) -> Vec<String> {
        let encoding = Encoding::of(text);
        let width = |s: &str| s.chars().map(|c| encoding.units(c)).sum::<usize>();
        let (alone, each) = encoding.room();
        if width(text) <= alone {
            return vec![text.to_owned()];
        }
        let mut parts = vec![String::new()];
        for c in text.chars() {
            let last = parts.last_mut().unwrap();
            if width(last) + encoding.units(c) <= each { last.push(c) } else { parts.push(c.to_string()) }
        }
        parts
    }

    proptest! {
        #[test]
        fn counted_is_what_a_cut_gives(text in "([a-z €^|]{0,200}|[a-zŵ👍’ ]{0,200}|\\PC{0,100})") {
            let counted = count(&text);
            let cut = cut(&text);
            prop_assert_eq!(counted.parts, cut.len());
            prop_assert_eq!(cut.concat(), text.clone());
            let units: usize = text.chars().map(|c| counted.encoding.units(c)).sum();
            prop_assert_eq!(counted.units, units);
        }

        #[test]
        fn what_is_longer_takes_no_fewer_parts(text in "[a-z €ŵ👍]{0,300}", more in "[a-z €ŵ👍]") {
            let (before, after) = (count(&text), count(&format!("{text}{more}")));
            prop_assert!(before.parts <= after.parts);
        }

        #[test]
        fn shortened_fits_and_says_nothing_new(
            text in "([a-zA-Z,.€\\[ ]{0,700}|[a-zŵ👍’€ ]{0,500}|\\PC{0,300})",
            most in 0_usize..5,
        ) {
            let short = shorten(&text, most);
            prop_assert!(count(&short).parts <= most.max(1), "{:?}", count(&short));
            prop_assert_eq!(shorten(&short, most), short.clone());
            if short != text {
                let kept = short.strip_suffix("...").or_else(|| short.strip_suffix('…'));
                prop_assert!(kept.is_some_and(|kept| text.starts_with(kept)), "{short:?}");
                prop_assert_eq!(Encoding::of(&short), Encoding::of(kept.unwrap_or_default()));
            }
        }
    }
}
