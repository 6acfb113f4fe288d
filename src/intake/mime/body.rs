//! Which of the parts are what the sender wrote, and which are files.

use super::files;
use super::walk::{Body, Part};
use crate::intake::fold;
use crate::intake::text::{html, is_blank, normalise};
use regex::Regex;
use std::sync::LazyLock;

/// How deep a message inside a message is looked into for words, where the outer one has none.
const MAX_FORWARDS: usize = 3;

/// A plain part that only tells the reader to look at the HTML one.
static STUB: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        (view|read|see|display|open|show) .{0,60} \b(html|browser|web\ version|online)\b
        | (does\ not|doesn.t|cannot|can.t|unable\ to|not\ able\ to) .{0,40} (support|display|show|render|view|read) .{0,20} (html|rich)
        | html[-\ ]?(capable|compatible|enabled|only|format|e-?mail|message|version)
        | (anzeige|ansicht|ansehen|lesen) .{0,40} (browser|html) | (afficher|lire|visualiser) .{0,60} (html|navigateur)
        ",
    )
    .ok()
});

/// What mail programs write before the first part for programs that do not know of parts.
static PREAMBLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)\bmulti-?part\b|\bMIME\b").ok());

/// What was found in the tree.
#[derive(Default)]
pub(super) struct Found<'a> {
    /// Pieces of text in the order they stand in.
    texts: Vec<Piece>,
    /// Parts that are files, in the order they stand in.
    pub files: Vec<&'a Part>,
    preamble: String,
}

/// A text part, cleaned once: judging it again at each of many nested alternatives must not cost its length again.
struct Piece {
    html: bool,
    words: String,
}

impl Piece {
    /// Whether it is a plain text worth more than the HTML beside it.
    fn speaks(&self) -> bool {
        let stub =
            || self.words.len() < 600 && STUB.as_ref().is_some_and(|s| s.is_match(&self.words.replace('\n', " ")));
        !self.html && !self.words.is_empty() && !stub()
    }
}

/// Goes through the tree once.
pub(super) fn find(part: &Part) -> Found<'_> {
    let mut found = Found::default();
    match &part.body {
        Body::Parts { parts, .. } if part.media.value == "multipart/alternative" => {
            let branches: Vec<Found<'_>> = parts.iter().map(find).collect();
            let speaks = |f: &Found<'_>| f.texts.iter().any(Piece::speaks);
            let html = |f: &Found<'_>| f.texts.iter().any(|p| p.html && !p.words.is_empty());
            let chosen = branches
                .iter()
                .position(speaks)
                .or_else(|| branches.iter().rposition(html))
                .or_else(|| branches.iter().position(|f| f.texts.iter().any(|p| !p.words.is_empty())));
            for (n, branch) in branches.into_iter().enumerate() {
                // A file in a branch that is not shown is still a file.
                found.files.extend(branch.files);
                if Some(n) == chosen {
                    found.texts.extend(branch.texts);
                }
            }
        }
        Body::Parts { parts, preamble } => {
            for inner in parts.iter().map(find) {
                found.texts.extend(inner.texts);
                found.files.extend(inner.files);
            }
            let preamble = normalise(&String::from_utf8_lossy(preamble));
            if !PREAMBLE.as_ref().is_some_and(|p| p.is_match(&preamble)) {
                found.preamble = preamble;
            }
        }
        Body::Bytes(_) => match piece(part) {
            Some(piece) => found.texts.push(piece),
            None => found.files.push(part),
        },
    }
    found
}

/// The leaf as text of the mail, or `None` where it is a file.
fn piece(part: &Part) -> Option<Piece> {
    let disposition = part.headers.media("content-disposition").unwrap_or_default().value;
    if disposition == "attachment" || files::given_name(part).is_some() {
        return None;
    }
    match part.media.value.as_str() {
        "text/plain" => Some(Piece { html: false, words: plain_words(part) }),
        "text/html" | "text/enriched" | "text/richtext" | "text/x-amp-html" => {
            Some(Piece { html: true, words: html_words(part) })
        }
        _ => None,
    }
}

/// The text of a leaf, empty where nothing in it can be read.
fn plain_words(part: &Part) -> String {
    Some(normalise(&part.text())).filter(|t| !is_blank(t)).unwrap_or_default()
}

fn html_words(part: &Part) -> String {
    Some(normalise(&html::to_text(&part.text()))).filter(|t| !is_blank(t)).unwrap_or_default()
}

impl Found<'_> {
    /// The words of the mail: its text parts; else a text file that came with it (as picture messages from phones
    /// send it); else what is written in a message forwarded as a file; else what stands outside the parts.
    pub fn words(&mut self) -> String {
        self.words_within(MAX_FORWARDS)
    }

    fn words_within(&mut self, forwards: usize) -> String {
        let texts = std::mem::take(&mut self.texts).into_iter().map(|p| p.words);
        let own = texts.filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n\n");
        if !own.is_empty() && !fold::is_closing(&own) {
            return own;
        }
        let of_type = |t: &'static str| self.files.iter().filter(move |p| p.media.value == t);
        let file = of_type("text/plain").map(|p| plain_words(p)).find(|t| !t.is_empty());
        let html_file = || of_type("text/html").map(|p| html_words(p)).find(|t| !t.is_empty());
        let forwarded = || {
            let inside = |p: &&Part| Some(find(&Part::read(p.bytes()).ok()?).words_within(forwards.checked_sub(1)?));
            let messages: Vec<&Part> = of_type("message/rfc822").chain(of_type("message/global")).copied().collect();
            messages.iter().filter_map(inside).find(|t| !t.is_empty())
        };
        let words = file.or_else(html_file).or_else(forwarded).unwrap_or_else(|| self.preamble.clone());
        // A signature alone stays below what was sent on.
        [words, own].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n\n")
    }
}
