//! What the sender wrote this time, apart from what they quoted and from their signature.
//!
//! Folding must never take a resident's words from view, so it is careful in one direction: a quote that is taken for
//! the sender's words costs a reader a moment, a paragraph that is taken for a quote may cost a case. Therefore:
//!
//! * Lines with `>` are quotes, what stands between them is the sender's (answers between the lines).
//! * An unmarked quote, all below "On … wrote:", "From: … Sent: …" or "Original Message", is folded only where the
//!   sender's own words stand above it and do not announce answers below.
//! * A forwarded mail without words of the sender's, or with nothing but "FYI", is what they want read: it stays.
//! * Where nothing would be left, everything stays.
//! * Every line that is not blank comes out exactly once, in the text or in what is folded.

mod closing;
mod marks;

use crate::intake::text::is_blank;
use marks::Kind;
use regex::Regex;
use std::sync::LazyLock;

/// Most marks that are followed in one mail: each looks back over the text once.
const MAX_MARKS: usize = 60;

/// A text in two parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// What the sender wrote.
    pub text: String,
    /// What was quoted, forwarded with words above it, or set below as a signature.
    pub folded: String,
}

/// Words that announce that something below is to be read. "Thank you for your email below" announces nothing.
static ANNOUNCED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)\b(see|find|read|refer|forward\w*|pass(ed|ing)?\ on
          |(my|our|with|the)\ (\w+\ ){0,2}(comments?|answers?|repl(y|ies)|responses?|notes?|remarks?)|answered|replied|responded|commented)\b
          [^.\n]{0,50}\b(below|inline|in-line|beneath|underneath|in\ (red|blue|green|bold|caps|capitals)|between\ the\ lines)\b",
    )
    .ok()
});
/// Words over a forwarded mail that say nothing themselves.
static PASSED_ON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*((fyi|fao|fwd?|for (your )?(info(rmation)?|attention|action)|see below|please see below|as (discussed|promised|requested)|(please )?(can you )?(deal with|action|advise|respond|reply|help)( (this|on this|with this|please|asap))?|thanks|thank you|many thanks|kind regards|regards)\W*)+$").ok()
});
static GREETING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s*(dear|hi|hello|hey|good (morning|afternoon|evening)|hallo|guten (tag|morgen)|bonjour|madame|monsieur|hola|buenos|buenas|olá|bom dia|ciao|gentile|salve|dzień dobry|witam|szanown\w+|merhaba|sayın|salam|assalam\w*|beste|geachte|hej|sehr geehrte\w*|liebe\w?)\b[^.!?]{0,60}[,:!.\-–]?\s*$").ok()
});
/// Old quoting with a name or a bar before each line, believed only right below an attribution.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\s*([A-Z][A-Za-z]{0,14}>|\|)(\s|$)").ok());

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Own,
    Quote,
    Closing,
}

/// Divides a text, in linear time. Line ends must be `\n` (as [`crate::intake::text::normalise`] leaves them).
#[must_use]
pub fn fold(text: &str) -> Folded {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut scan = Scan { lines: &lines, tags: vec![Tag::Own; lines.len()], prefix: None, words_from: 0 };
    scan.banner();
    scan.quotes();
    scan.closings();
    let own = scan.gather(|tag| tag == Tag::Own);
    if is_blank(&own) {
        return Folded { text: scan.gather(|_| true), folded: String::new() };
    }
    Folded { text: own, folded: scan.gather(|tag| tag != Tag::Own) }
}

/// Whether the words above a forwarded mail say nothing themselves: "FYI", and at most a name below it.
fn is_passed_on(own: &str) -> bool {
    let first = own.lines().next().unwrap_or_default();
    own.split_whitespace().take(13).count() <= 12 && PASSED_ON.as_ref().is_some_and(|p| p.is_match(first))
}

/// Whether the text is nothing but a signature, a telephone's line or the like.
#[must_use]
pub fn is_closing(text: &str) -> bool {
    let lines: Vec<&str> = text.split('\n').collect();
    lines[..closing::start(&lines)].iter().all(|line| is_blank(line))
}

struct Scan<'a> {
    lines: &'a [&'a str],
    tags: Vec<Tag>,
    /// The old-style prefix that quotes carry in this mail.
    prefix: Option<&'a str>,
    /// Where the words begin that count as the sender's: below a forward without words, its own.
    words_from: usize,
}

impl<'a> Scan<'a> {
    fn banner(&mut self) {
        let lines = closing::banner(self.lines);
        self.tags[..lines].fill(Tag::Closing);
    }

    fn quotes(&mut self) {
        let mut marks = 0;
        let mut at = 0;
        while at < self.lines.len() {
            if self.is_quoted(at) {
                self.tags[at] = Tag::Quote;
                at += 1;
                continue;
            }
            let mark = if marks < MAX_MARKS { marks::at(&self.lines[at..]) } else { None };
            let Some(mark) = mark else {
                at += 1;
                continue;
            };
            marks += 1;
            let below = at + mark.lines;
            if self.mark(at, below, mark.kind) {
                self.tags[below..].fill(Tag::Quote);
                return;
            }
            at = below;
        }
    }

    fn is_quoted(&self, at: usize) -> bool {
        let line = self.lines[at];
        marks::is_quoted(line) || self.prefix.is_some_and(|p| line.trim_start().starts_with(p))
    }

    /// Judges the mark on lines `at..below`; true where all below it is somebody else's.
    fn mark(&mut self, at: usize, below: usize, kind: Kind) -> bool {
        let next = (below..self.lines.len().min(below + 4)).find(|n| !self.lines[*n].trim().is_empty());
        let quoted = next.is_some_and(|next| {
            let old = NAMED.as_ref().and_then(|p| p.captures(self.lines[next])).and_then(|c| c.get(1));
            if matches!(kind, Kind::Attribution { .. })
                && let Some(old) = old
            {
                self.prefix = Some(old.as_str());
            }
            self.is_quoted(next)
        });
        if matches!(kind, Kind::Attribution { strong: false }) && !quoted {
            return false;
        }
        let own = self.words_above(at);
        let headed = kind == Kind::Headers && own.is_empty() && self.words_from == 0;
        if headed && !quoted {
            // A letter may begin like this; nobody's words are above it, so it is left as it is.
            return false;
        }
        self.fold_mark(at, below);
        if quoted {
            return false;
        }
        let announced = ANNOUNCED.as_ref().is_some_and(|p| p.is_match(&own));
        let passed_on = !matches!(kind, Kind::Attribution { .. }) && is_passed_on(&own);
        if own.is_empty() || passed_on || announced {
            self.words_from = below;
            return false;
        }
        true
    }

    /// Folds the mark with the rules above it.
    fn fold_mark(&mut self, at: usize, below: usize) {
        self.tags[at..below].fill(Tag::Quote);
        for above in (0..at).rev() {
            let line = self.lines[above];
            if closing::is_rule(line) && line.trim().len() > 4 {
                self.tags[above] = Tag::Quote;
            } else if !line.trim().is_empty() {
                break;
            }
        }
    }

    /// The sender's words above line `end`, without greeting and closing; empty where there are none.
    fn words_above(&self, end: usize) -> String {
        let own: Vec<&str> =
            (self.words_from..end).filter(|n| self.tags[*n] == Tag::Own).map(|n| self.lines[n]).collect();
        let own = &own[..closing::start(&own)];
        let greeting = |line: &&&str| !line.trim().is_empty() && !GREETING.as_ref().is_some_and(|p| p.is_match(line));
        let words: Vec<&str> = own.iter().filter(greeting).map(|l| l.trim()).collect();
        words.join("\n")
    }

    /// Folds what stands at the end of each run of the sender's lines.
    fn closings(&mut self) {
        let mut at = 0;
        while at < self.lines.len() {
            let end = (at..self.lines.len()).find(|n| self.tags[*n] != Tag::Own).unwrap_or(self.lines.len());
            if end == at {
                at += 1;
                continue;
            }
            let run = &self.lines[at..end];
            let closing = closing::start(run);
            self.tags[at + closing..end].fill(Tag::Closing);
            // A telephone's line with a name below it.
            let last: Vec<usize> =
                (at..at + closing).rev().filter(|n| !self.lines[*n].trim().is_empty()).take(3).collect();
            last.into_iter().filter(|n| closing::is_device(self.lines[*n])).for_each(|n| self.tags[n] = Tag::Closing);
            at = end;
        }
    }

    /// The lines whose tag is wanted, with a blank line where others stood between them.
    fn gather(&self, wanted: impl Fn(Tag) -> bool) -> String {
        let mut out = String::new();
        let (mut blanks, mut left_out) = (0, false);
        for (line, tag) in self.lines.iter().zip(&self.tags) {
            if line.trim().is_empty() || !wanted(*tag) {
                blanks += 1;
                left_out |= !line.trim().is_empty();
                continue;
            }
            if !out.is_empty() {
                out.push('\n');
                (0..if left_out { 1 } else { blanks.min(2) }).for_each(|_| out.push('\n'));
            }
            (blanks, left_out) = (0, false);
            out.push_str(line);
        }
        out
    }
}

#[cfg(test)]
mod tests;
