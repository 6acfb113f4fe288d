//! Letters, for those who rang or came to a surgery and have no other way. A person prints and posts them.

use super::compose::Composer;
use crate::core::call::envelope_lines;
use crate::core::{Channel, ContactPoint, language};
use crate::store::case::Case;
use crate::store::message::Message;
use crate::store::outbox::OutMail;
use crate::understanding::reply::{fill, lay_out};

impl Composer<'_> {
    /// The acknowledgement as a letter; `in_danger` says nothing of what was told.
    pub(super) fn letter_acknowledgement(
        &self,
        case: &Case,
        message: &Message,
        to: &ContactPoint,
        joined: bool,
        in_danger: bool,
    ) -> OutMail {
        if in_danger {
            let (code, subject, body) = self.safe_words(case);
            return self.letter(to, code, subject, body);
        }
        let (code, reply) = self.rules.letter_reply(&case.language);
        let (_, long) = self.rules.reply(code);
        let mut words = self.words_for_resident(case, message, code, long).to_vec();
        words.push(("reach", fill(&reply.reach, &words)));
        let body = if joined { &reply.joined } else { &reply.body };
        // Where nothing stands for {told}, the line begins with what comes after it.
        let mut body = lay_out(&fill(body.trim_start(), &words).replace("\n ", "\n"), code);
        if code != "en" {
            let (_, english) = self.rules.reply("en");
            let words = self.words_for_resident(case, message, "en", english);
            body += &english.below.as_ref().map_or_else(String::new, |line| format!("\n{}\n", fill(line, &words)));
        }
        self.letter(to, code, fill(&reply.subject, &words), body)
    }

    /// A letter: its `to` are the lines of the envelope.
    pub(super) fn letter(&self, to: &ContactPoint, code: &str, subject: String, body: String) -> OutMail {
        OutMail {
            from: self.council.name.clone(),
            envelope_from: None,
            to: envelope_lines(&to.address),
            cc: Vec::new(),
            reply_to: None,
            subject,
            body,
            in_reply_to: None,
            references: Vec::new(),
            auto_submitted: None,
            language: code.to_owned(),
            attachments: Vec::new(),
            button: None,
        }
    }
}

/// What a department is told of words that nobody wrote themselves: labels and what stands behind them.
pub(super) fn how_it_was_told(message: &Message, answered_in: &str) -> Vec<(&'static str, String)> {
    let how = if message.channel == Channel::Surgery { "at a surgery" } else { "by telephone" };
    let mut told = vec![("Reported", format!("{how}, written down by the councillor's office"))];
    if answered_in != "en" {
        told.push(("Language", format!("the resident is answered in {}", language::name(answered_in))));
    }
    told.extend(message.hear_by().map(|hear_by| ("How they want to hear", hear_by.label().to_owned())));
    told
}
