//! HTML as tags and the text between them. Each character is looked at a bounded number of times, whatever it is made of.

use mail_parser::decoders::html::add_html_token;

/// Longest tag name that is told apart.
const MAX_NAME: usize = 20;
/// Longest character reference, such as `&CounterClockwiseContourIntegral;`.
const MAX_ENTITY: usize = 34;

/// A piece of HTML.
pub(super) enum Token<'a> {
    /// Text between tags, character references not yet decoded.
    Text(&'a str),
    /// A tag: its name in lower case, whether it closes, and all between `<` and `>`.
    Tag { name: String, closing: bool, body: &'a str },
}

/// The pieces in order; comments and declarations are passed over.
pub(super) struct Tokens<'a> {
    rest: &'a str,
    /// Whether there can be another `-->`: once there is none, asking again for each `<!--` would be quadratic.
    comments_end: bool,
    /// The elements that are known not to be closed again, for the same reason.
    never_closed: Vec<String>,
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(html: &'a str) -> Self {
        Self { rest: html, comments_end: true, never_closed: Vec::new() }
    }

    /// Passes over everything up to the closing tag of that name (of a script or a style, in which `<` is no tag), or
    /// over nothing where it is never closed.
    pub(super) fn skip_to_end_of(&mut self, name: &str) {
        if self.never_closed.iter().any(|n| n == name) {
            return;
        }
        let closes = |at: &usize| {
            let tag = self.rest.get(at + 2..at + 2 + name.len());
            tag.is_some_and(|tag| tag.eq_ignore_ascii_case(name))
        };
        match self.rest.match_indices("</").map(|(at, _)| at).find(closes) {
            Some(at) => self.rest = &self.rest[at..],
            None => self.never_closed.push(name.to_owned()),
        }
    }

    fn skip_comment(&mut self) -> bool {
        let end = if self.comments_end { self.rest.find("-->") } else { None };
        match end {
            Some(at) => self.rest = &self.rest[at + 3..],
            None => self.comments_end = false,
        }
        end.is_some()
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            if self.rest.starts_with("<!--") && self.skip_comment() {
                continue;
            }
            let tag = self.rest.strip_prefix('<').filter(|inside| {
                // A lone `<` is text, as in "i <3 trees".
                inside.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
            });
            let Some(inside) = tag else {
                let from = usize::from(self.rest.starts_with('<'));
                let at = self.rest[from..].find('<').map_or(self.rest.len(), |at| at + from);
                let (text, rest) = self.rest.split_at(at);
                self.rest = rest;
                return Some(Token::Text(text));
            };
            let body = &inside[..tag_end(inside)];
            self.rest = inside.get(body.len() + 1..).unwrap_or_default();
            if inside.starts_with(['!', '?']) {
                continue;
            }
            let (closing, named) = body.strip_prefix('/').map_or((false, body), |b| (true, b));
            let end = named.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(named.len()).min(MAX_NAME);
            return Some(Token::Tag { name: named[..end].to_ascii_lowercase(), closing, body });
        }
    }
}

/// Where the tag ends: at `>` outside quotes. A quote that was never closed must not swallow the mail, so a `<` inside
/// one ends the tag at its first `>` after all.
fn tag_end(inside: &str) -> usize {
    let mut quote: Option<u8> = None;
    let mut before = b' ';
    let mut first = None;
    for (at, b) in inside.bytes().enumerate() {
        if b == b'>' && first.is_none() {
            first = Some(at);
        }
        match (quote, b) {
            (Some(q), _) if b == q => quote = None,
            (Some(_), b'<') if first.is_some() => break,
            (None, b'>') => return at,
            (None, b'"' | b'\'') if before == b'=' => quote = Some(b),
            _ => {}
        }
        if !b.is_ascii_whitespace() {
            before = b;
        }
    }
    first.unwrap_or(inside.len())
}

/// The value of an attribute of the tag, character references decoded.
pub(super) fn attribute(body: &str, name: &str) -> Option<String> {
    let lower = body.to_ascii_lowercase();
    let (at, _) = lower.match_indices(name).find(|(at, _)| {
        lower[..*at].ends_with(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\''))
            && lower[at + name.len()..].trim_start().starts_with('=')
    })?;
    let value = body.get(at + name.len()..)?.trim_start().strip_prefix('=')?.trim_start();
    let value = match value.chars().next()? {
        q @ ('"' | '\'') => value[1..].split(q).next(),
        _ => value.split(|c: char| c.is_ascii_whitespace()).next(),
    };
    value.map(decode)
}

/// Text with its character references decoded; what is none stays as it is.
pub(super) fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(MAX_ENTITY).position(|b| b == b';');
        let legal = |e: &&str| e[1..].bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'#' | b';'));
        let Some(entity) = end.and_then(|end| rest.get(..=end)).filter(legal) else {
            out.push('&');
            rest = &rest[1..];
            continue;
        };
        add_html_token(&mut out, entity.as_bytes(), false);
        rest = &rest[entity.len()..];
    }
    out + rest
}
