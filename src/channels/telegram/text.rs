//! Long texts in several messages.

/// What fits in one message, in UTF-16 units, which is how Telegram counts.
const MOST: usize = 4096;

/// The messages that a text goes out as: each at most 4,096 UTF-16 units, cut at the end of a paragraph or a line where
/// there is one in the second half, else at the end of a word, and only within a word that is longer than a message.
/// White space at the cuts and around the whole is left out; none where there is nothing else.
#[must_use]
pub fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (part, after) = rest.split_at(cut(rest));
        parts.push(part.trim_end().to_owned());
        rest = after.trim_start();
    }
    parts
}

/// Where the first message of a text ends, in bytes; more than 0 for a text that does not begin with white space.
fn cut(text: &str) -> usize {
    let Some(end) = overflow(text, MOST) else { return text.len() };
    let half = overflow(text, MOST / 2).unwrap_or_default();
    // A cut just behind the last letter that fits may well be a word's end.
    let next = text[end..].chars().next().map_or(0, char::len_utf8);
    let within = &text[..end + next];
    let late = |found: Option<usize>| found.filter(|at| (half..=end).contains(at));
    late(within.rfind("\n\n"))
        .or_else(|| late(within.rfind('\n')))
        .or_else(|| within.rfind(char::is_whitespace).filter(|at| *at > 0))
        .unwrap_or(end)
}

/// The byte at which the first character begins that no longer fits into `most` units.
fn overflow(text: &str, most: usize) -> Option<usize> {
    let mut units = 0;
    text.char_indices().find_map(|(at, c)| {
        units += c.len_utf16();
        (units > most).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(text: &str) -> usize {
        text.encode_utf16().count()
    }

    #[test]
    fn what_fits_stays_whole() {
        for text in ["a".repeat(MOST), "😀".repeat(MOST / 2), "Dear Sir,\n\n  it is out.".to_owned()] {
            assert_eq!(parts(&text), [text]);
        }
        assert_eq!(parts(" one \n"), ["one"]);
        assert_eq!(parts(" \n\t"), Vec::<String>::new());
    }

    #[test]
    fn the_cut_is_where_a_reader_would_pause() {
        let (a, b) = ("a".repeat(3000), "b ".repeat(1000));
        assert_eq!(parts(&format!("{a}\n\n{b}")), [a.clone(), b.trim().to_owned()]);
        assert_eq!(parts(&format!("{a}\nc\n{b}")), [format!("{a}\nc"), b.trim().to_owned()]);
        // A paragraph that ends early would leave the first message nearly empty.
        let early = parts(&format!("Hello,\n\n{}", "word ".repeat(1500)));
        assert!(early[0].ends_with("word") && units(&early[0]) > 4080, "{}", early[0].len());
        // The word ends just where the message is full.
        assert_eq!(parts(&format!("{} b", "a".repeat(MOST))), ["a".repeat(MOST), "b".to_owned()]);
        assert_eq!(parts(&"😀".repeat(3000)), ["😀".repeat(2048), "😀".repeat(952)]);
    }

    proptest! {
        #[test]
        fn no_letter_is_lost_and_no_message_too_long(words in prop::collection::vec(("[aé😀]{1,6}", 1..1500_usize), 1..12), gap in "[ \n]{1,3}") {
            let text: Vec<String> = words.iter().map(|(word, times)| word.repeat(*times)).collect();
            let text = text.join(&gap);
            let found = parts(&text);
            prop_assert!(found.iter().all(|part| !part.is_empty() && units(part) <= MOST));
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&found.concat()), letters(&text));
            // Never more messages than twice what is needed.
            prop_assert!(found.len() <= 2 * units(&text).div_ceil(MOST) + 1 + words.len());
        }
    }
}
