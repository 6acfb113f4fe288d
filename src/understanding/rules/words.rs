//! The words that rules have for residents, in their language or in English.

use super::Rules;
use crate::understanding::reply::{
    ClosedReply, CodeReply, ConsentReply, DelayedReply, FormWords, LetterReply, PrivateReply, Reply, SafeReply,
    TextReply,
};

impl Rules {
    /// The words of the form on the web in `language`, English where there are none.
    #[must_use]
    pub fn form_words(&self, language: &str) -> (&str, &FormWords) {
        let found = self.forms.get_key_value(language).or_else(|| self.forms.get_key_value("en"));
        let (code, words) = found.unwrap_or_else(|| unreachable!("load() refuses rules without the form in English"));
        (code, words)
    }

    /// The words of the acknowledgement in `language`, English where there are none.
    #[must_use]
    pub fn reply(&self, language: &str) -> (&str, &Reply) {
        let (code, reply) = self
            .replies
            .get_key_value(language)
            .or_else(|| self.replies.get_key_value("en"))
            .unwrap_or_else(|| unreachable!("load() refuses rules without English replies"));
        (code, reply)
    }

    /// The words of text messages, and their language: English where `language` has none.
    #[must_use]
    pub fn text_reply(&self, language: &str) -> (&str, &TextReply) {
        self.section(language, |reply| reply.text.as_ref())
    }

    /// The words of the acknowledgement that gives nothing away, and their language: English where `language` has none.
    #[must_use]
    pub fn safe_reply(&self, language: &str) -> (&str, &SafeReply) {
        self.section(language, |reply| reply.safe.as_ref())
    }

    /// What is said when a case is closed, and its language: English where `language` has none.
    #[must_use]
    pub fn closed_reply(&self, language: &str) -> (&str, &ClosedReply) {
        self.section(language, |reply| reply.closed.as_ref())
    }

    /// What is said when it takes longer than was promised, and its language: English where `language` has none.
    #[must_use]
    pub fn delayed_reply(&self, language: &str) -> (&str, &DelayedReply) {
        self.section(language, |reply| reply.delayed.as_ref())
    }

    /// What a letter says otherwise than a mail, and its language: English where `language` has none.
    #[must_use]
    pub fn letter_reply(&self, language: &str) -> (&str, &LetterReply) {
        self.section(language, |reply| reply.letter.as_ref())
    }

    /// What is said about going on from another channel, and its language: English where `language` has none.
    #[must_use]
    pub fn code_reply(&self, language: &str) -> (&str, &CodeReply) {
        self.section(language, |reply| reply.code.as_ref())
    }

    /// The question of consent, and its language: English where `language` has none.
    #[must_use]
    pub fn consent_reply(&self, language: &str) -> (&str, &ConsentReply) {
        self.section(language, |reply| reply.consent.as_ref())
    }

    /// What is said to who writes for the councillor only, and its language: English where `language` has none.
    #[must_use]
    pub fn private_reply(&self, language: &str) -> (&str, &PrivateReply) {
        self.section(language, |reply| reply.private.as_ref())
    }

    /// Whether a message is marked, in any language, for the councillor only.
    #[must_use]
    pub fn is_marked_private(&self, subject: &str, text: &str) -> bool {
        self.replies.values().filter_map(|reply| reply.private.as_ref()).any(|private| private.marks(subject, text))
    }

    fn section<'a, T>(&'a self, language: &str, of: fn(&'a Reply) -> Option<&'a T>) -> (&'a str, &'a T) {
        let find = |code: &str| self.replies.get_key_value(code).and_then(|(code, r)| Some((code.as_str(), of(r)?)));
        find(language)
            .or_else(|| find("en"))
            .unwrap_or_else(|| unreachable!("load() refuses English replies without a section"))
    }
}
