//! Plain text made clean: for people to read, for the classifier to weigh, for the database to search.

pub mod html;

use unicode_normalization::UnicodeNormalization;

/// Text with one kind of line end, without characters that are not seen, without trailing blanks and with at most
/// two blank lines in a row. The signature line `-- ` keeps its blank, because it is the mark. Linear in time.
#[must_use]
pub fn normalise(input: &str) -> String {
    let input = if input.contains('\r') { input.replace("\r\n", "\n").replace('\r', "\n") } else { input.to_owned() };
    let visible = strip_unseen(&input);
    let mut out = String::with_capacity(visible.len());
    let mut blanks = 0;
    for line in visible.split('\n') {
        let line = if line == "-- " { line } else { line.trim_end() };
        if line.is_empty() {
            blanks += 1;
            continue;
        }
        if !out.is_empty() {
            (0..blanks.min(2) + 1).for_each(|_| out.push('\n'));
        }
        blanks = 0;
        out.push_str(line);
    }
    out
}

/// One line of clean text: blanks of every kind become one, control and direction characters go.
#[must_use]
pub fn one_line(input: &str) -> String {
    strip_unseen(input).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first `max` characters, and a visible mark of how many are left out. Text that fits comes back as it is.
#[must_use]
pub fn cut(input: &str, max: usize) -> String {
    match input.char_indices().nth(max) {
        None => input.to_owned(),
        Some((at, _)) => {
            let left = input[at..].chars().count();
            format!("{}\n[… {left} more characters, see the original]", input[..at].trim_end())
        }
    }
}

/// What the database searches in: compatibility forms folded (NFKC), lower case, single blanks.
#[must_use]
pub fn search_text(input: &str) -> String {
    // Lower-casing can open up a composed letter, and normalising can bring a capital back: twice, so that searching
    // for what was found finds it.
    let folded: String = input.nfkc().flat_map(char::to_lowercase).nfkc().flat_map(char::to_lowercase).collect();
    one_line(&folded)
}

/// Whether there is nothing in it that anybody could read.
#[must_use]
pub fn is_blank(input: &str) -> bool {
    input.chars().all(|c| c.is_whitespace() || is_unseen(c) || is_joiner(c) || matches!(c, '\u{2800}' | '\u{3164}'))
}

/// Undoes `format=flowed` (RFC 3676): a line that ends in a blank goes on in the next one of the same quote depth.
/// With `delsp` the blank itself is dropped too.
#[must_use]
pub fn unflow(input: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(input.len());
    // Depth of the paragraph that is still open, if one is.
    let mut open: Option<usize> = None;
    for (number, line) in input.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let depth = line.bytes().take_while(|b| *b == b'>').count();
        let content = &line[depth..];
        let content = content.strip_prefix(' ').unwrap_or(content);
        let flowed = content.ends_with(' ') && content != "-- ";
        let joins = open == Some(depth) && content != "-- ";
        if !joins {
            if number > 0 {
                out.push('\n');
            }
            out.extend(std::iter::repeat_n('>', depth));
            if depth > 0 && !content.is_empty() {
                out.push(' ');
            }
        }
        out.push_str(if flowed && delsp { &content[..content.len() - 1] } else { content });
        open = flowed.then_some(depth);
    }
    out
}

/// Characters that are not seen and carry no meaning in a letter: controls, soft hyphens, zero-width blanks,
/// direction overrides (which can make a text read otherwise than it is written).
fn is_unseen(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t' | '\u{b}' | '\u{c}' | '\u{85}'))
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{feff}' | '\u{e0001}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
}

/// Joiners mean something inside Persian, Urdu, Hindi or Bengali words and inside emoji, and nothing elsewhere.
const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{200e}' | '\u{200f}')
}

fn strip_unseen(input: &str) -> String {
    let mut out = String::with_capacity(input.len());
    let mut chars = input.chars().filter(|c| !is_unseen(*c)).peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let kept = match c {
            '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}' | '\u{85}' => '\n',
            '\t' | '\n' => c,
            c if is_joiner(c) => {
                let means = |c: char| !c.is_ascii() && !c.is_whitespace() && !is_joiner(c);
                if !means(before) || !chars.peek().is_some_and(|c| means(*c)) {
                    continue;
                }
                c
            }
            c if c.is_whitespace() => ' ',
            c => c,
        };
        out.push(kept);
        before = kept;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn line_ends_blanks_and_unseen_characters_are_made_regular() {
        let dirty = "\u{feff}Dear\u{a0}Ann,\r\n\r\n\r\n\r\n\r\nthe pot\u{ad}hole\u{200b} is\0 back  \r-- \r\nBob";
        assert_eq!(normalise(dirty), "Dear Ann,\n\n\nthe pothole is back\n-- \nBob");
    }

    #[test]
    fn joiners_stay_inside_words_of_scripts_that_need_them_and_inside_emoji() {
        assert_eq!(normalise("می\u{200c}خواهم"), "می\u{200c}خواهم");
        assert_eq!(normalise("👩\u{200d}👧"), "👩\u{200d}👧");
        assert_eq!(normalise("a\u{200c} \u{200c} \u{200c}b"), "a  b");
    }

    #[test]
    fn cutting_says_how_much_is_left_out() {
        assert_eq!(cut("añb", 3), "añb");
        assert_eq!(cut("añbcd", 3), "añb\n[… 2 more characters, see the original]");
    }

    #[test]
    fn flowed_paragraphs_become_lines() {
        assert_eq!(unflow("one \r\ntwo\r\n\r\n> q \r\n> r\r\n-- \r\nAnn", false), "one two\n\n> q r\n-- \nAnn");
        assert_eq!(unflow("漢 \n字", true), "漢字");
        assert_eq!(unflow("one \n> q", false), "one \n> q");
        assert_eq!(unflow(" >not a quote", false), ">not a quote");
    }

    #[test]
    fn search_text_knows_more_than_ascii() {
        assert_eq!(search_text("  ＳＴＲＡẞE \n Ünter  ﬁsh"), "straße ünter fish");
    }

    #[test]
    fn a_text_of_blanks_is_blank_and_one_of_a_thumb_is_not() {
        assert!(is_blank(" \u{200b}\u{200c}\n\t\u{a0}"));
        assert!(!is_blank("👍"));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(input in "[a-z \\n\\r\\t\u{200b}\u{200c}\u{ad}é>-]{0,80}") {
            let once = normalise(&input);
            prop_assert_eq!(&normalise(&once), &once);
        }

        #[test]
        fn every_word_outlives_normalising_and_unflowing(input in "[a-z \\n>]{0,80}") {
            let words = |t: &str| t.replace('>', " ").split_whitespace().collect::<String>();
            prop_assert_eq!(words(&normalise(&input)), words(&input));
            prop_assert_eq!(words(&unflow(&input, false)), words(&input));
        }

        #[test]
        fn searching_for_search_text_finds_it(input in "\\PC{0,40}") {
            let once = search_text(&input);
            prop_assert_eq!(&search_text(&once), &once);
        }
    }
}
