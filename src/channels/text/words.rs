//! The words that providers and networks give a meaning: stop, start, help.

/// What a message of one such word asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// No more texts to this number. Twilio itself stops sending then; GOV.UK Notify leaves it to the service.
    Stop,
    /// Texts are welcome again. `YES` is among its words, and is also how people answer a question: where one is open,
    /// ask that first.
    Start,
    /// Who writes here, and how to make it stop.
    Help,
    /// A code, by which they show from another address that it is them. A word of ours.
    Code,
}

const WORDS: &[(&str, Keyword)] = &[
    ("STOP", Keyword::Stop),
    ("STOPALL", Keyword::Stop),
    ("UNSUBSCRIBE", Keyword::Stop),
    ("END", Keyword::Stop),
    ("QUIT", Keyword::Stop),
    ("CANCEL", Keyword::Stop),
    ("REVOKE", Keyword::Stop),
    ("OPTOUT", Keyword::Stop),
    ("START", Keyword::Start),
    ("YES", Keyword::Start),
    ("UNSTOP", Keyword::Start),
    ("HELP", Keyword::Help),
    ("INFO", Keyword::Help),
    ("CODE", Keyword::Code),
];

/// What the message asks for, where it is one of these words and nothing else: in any case, with spaces, quotes or other
/// punctuation around it. "Please stop the noise" is a message, and so is "STOP it".
#[must_use]
pub fn keyword(text: &str) -> Option<Keyword> {
    let word = text.trim_matches(|c: char| !c.is_alphanumeric());
    WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_word_is_known_in_any_case_and_with_anything_around_it() {
        for (word, meaning) in WORDS {
            let small = word.to_lowercase();
            for text in [
                (*word).to_owned(),
                small.clone(),
                format!("{}{}", &word[..1], &small[1..]),
                format!("  {small}\r\n"),
                format!("{word}."),
                format!("\"{word}\""),
                format!("“{small}”!!!"),
                format!("'{word}'"),
                format!("\u{feff}{word}\u{a0}👍"),
            ] {
                assert_eq!(keyword(&text), Some(*meaning), "{text:?}");
            }
        }
    }

    #[test]
    fn a_word_in_a_message_is_a_message() {
        for text in [
            "",
            " ",
            "...",
            "please stop",
            "Stop the drilling on Mill Lane",
            "STOP STOP",
            "STOP 1",
            "1 STOP",
            "stops",
            "nonstop",
            "help me",
            "Help! My bin",
            "yes please",
            "the end",
            "ST.OP",
            "S T O P",
            "stóp",
            "ſtop",
        ] {
            assert_eq!(keyword(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_else_is_ever_a_keyword(text in "\\PC{0,20}") {
            let letters: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
            let is_word = WORDS.iter().any(|(word, _)| word.eq_ignore_ascii_case(&letters));
            prop_assert!(is_word || keyword(&text).is_none(), "{text:?}");
        }

        #[test]
        fn punctuation_around_changes_nothing(
            before in "[ \"'.,!?(“‘-]{0,4}",
            n in 0..WORDS.len(),
            after in "[ \"'.,!?)”’-]{0,4}",
        ) {
            prop_assert_eq!(keyword(&format!("{before}{}{after}", WORDS[n].0)), Some(WORDS[n].1));
        }

        #[test]
        fn another_word_beside_it_makes_it_a_message(n in 0..WORDS.len(), other in "[a-z0-9]{1,8}") {
            let word = WORDS[n].0;
            prop_assert_eq!(keyword(&format!("{word} {other}")), None);
            prop_assert_eq!(keyword(&format!("{other} {word}")), None);
        }
    }
}
