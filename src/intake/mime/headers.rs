//! The header of a mail or of one of its parts, read field by field.
//!
//! The block is split here rather than by mail-parser, so that every field is bounded before a parser sees it (a
//! 25 MB `Content-Type` with a million continuations costs mail-parser quadratic time) and so that fields which are
//! not UTF-8 are read and not skipped. The grammar inside a field is mail-parser's.

use crate::core::Address;
use crate::intake::text;
use chrono::{DateTime, Utc};
use mail_parser::HeaderValue;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::parsers::MessageStream;

/// Longest value of one field that is read; the rest of it is left to the raw mail.
const MAX_VALUE: usize = 64 * 1024;
/// A type with its parameters is never longer than this unless somebody wants to tire us.
const MAX_MEDIA: usize = 8 * 1024;
/// Most fields that are read of one header.
const MAX_FIELDS: usize = 1_000;
/// RFC 5322 allows lines of 998 characters; longer identifiers are not identifiers.
const MAX_ID: usize = 998;

/// The fields of one header, in their order, names in lower case and values unfolded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    fields: Vec<(String, String)>,
}

/// A `Content-Type` or `Content-Disposition`: the value and its parameters, RFC 2231 and RFC 2047 decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// `type/subtype` or the disposition, lower case.
    pub value: String,
    /// Parameters, names in lower case.
    pub params: Vec<(String, String)>,
}

impl Media {
    /// The parameter of that name, where there is one that is not empty.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }
}

impl Headers {
    /// Reads the header at the start of `raw` and says where the body begins. Never fails: what is not a header
    /// gives no fields. An mbox `From ` line at the top is passed over; a line that is neither a field nor a
    /// continuation is taken as the continuation it probably is when more fields follow, else the body begins there.
    #[must_use]
    pub fn parse(raw: &[u8]) -> (Self, usize) {
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        let mut at = 0;
        while at < raw.len() {
            let line = line_at(raw, at);
            let content = trim_end(line);
            if content.is_empty() {
                at += line.len();
                // Blank lines above the first field are a sloppy export; below it they end the header.
                // (A line of blanks may also be a folded one.)
                if fields.is_empty() || (starts_blank(line) && goes_on(line_at(raw, at))) {
                    continue;
                }
                break;
            }
            if starts_blank(line) && !fields.is_empty() {
                push_value(&mut fields, line);
            } else if let Some((name, value)) = split_field(content) {
                if fields.len() < MAX_FIELDS {
                    fields.push((name, Vec::new()));
                    push_value(&mut fields, value);
                }
            } else if fields.is_empty() {
                if !content.starts_with(b"From ") && !content.starts_with(b">From ") {
                    return (Self::default(), at);
                }
            } else if split_field(trim_end(line_at(raw, at + line.len()))).is_some() {
                push_value(&mut fields, b" ");
                push_value(&mut fields, content);
            } else {
                break;
            }
            at += line.len();
        }
        let fields = fields.into_iter().map(|(name, value)| (name, value_text(&value))).collect();
        (Self { fields }, at)
    }

    /// Whether not one field was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Every value of that field (name in lower case), in order, unfolded and not decoded.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The first value of that field, unfolded and not decoded.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The first value that is not blank, encoded words decoded, on one line and without control characters.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.all(name).map(decode_words).find(|t| !t.is_empty()).unwrap_or_default()
    }

    /// Every address in every field of that name, in order; what is not an address is left out.
    #[must_use]
    pub fn addresses(&self, name: &str) -> Vec<Address> {
        self.all(name).flat_map(addresses_in).collect()
    }

    /// Every message identifier in every field of that name, in order, without brackets.
    #[must_use]
    pub fn ids(&self, name: &str) -> Vec<String> {
        self.all(name).flat_map(ids_in).collect()
    }

    /// The first date that can be read in a field of that name.
    #[must_use]
    pub fn date(&self, name: &str) -> Option<DateTime<Utc>> {
        self.all(name).find_map(|value| match MessageStream::new(line(value).as_bytes()).parse_date() {
            HeaderValue::DateTime(date) if date.is_valid() => DateTime::from_timestamp(date.to_timestamp(), 0),
            _ => None,
        })
    }

    /// The first field of that name read as a type with parameters.
    #[must_use]
    pub fn media(&self, name: &str) -> Option<Media> {
        let value = line(&self.first(name)?.chars().take(MAX_MEDIA).collect::<String>());
        let HeaderValue::ContentType(parsed) = MessageStream::new(value.as_bytes()).parse_content_type() else {
            return None;
        };
        let kind = parsed.ctype().trim().to_lowercase();
        let value = parsed.subtype().map_or(kind.clone(), |sub| format!("{kind}/{}", sub.trim().to_lowercase()));
        let params = parsed.attributes().unwrap_or_default().iter();
        let params = params.map(|a| (a.name.to_lowercase(), words_in_param(&a.value))).collect();
        Some(Media { value, params })
    }
}

/// Message identifiers in a value: what stands in angle brackets, else every word with an `@`.
#[must_use]
pub fn ids_in(value: &str) -> Vec<String> {
    let clean = |id: &str| id.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect::<String>();
    let usable = |id: &String| !id.is_empty() && id.len() <= MAX_ID;
    let bracketed = value.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(id, _)| clean(id));
    let found: Vec<String> = bracketed.filter(usable).collect();
    if !found.is_empty() {
        return found;
    }
    let word = |w: &str| clean(w.trim_matches(|c| matches!(c, '<' | '>' | ',' | ';' | '"' | '(' | ')')));
    value.split_whitespace().map(word).filter(|w| w.contains('@') && usable(w)).collect()
}

/// The first word of a value that is an address, for values such as `Ann Smith ann@example.org` that are none.
#[must_use]
pub fn stray_address(value: &str) -> Option<Address> {
    value
        .split_whitespace()
        .find_map(|word| Address::new(word.trim_matches(['<', '>', '"', '\'', '(', ')', ',', ';']), None))
}

fn addresses_in(value: &str) -> Vec<Address> {
    let value = line(value);
    let HeaderValue::Address(parsed) = MessageStream::new(value.as_bytes()).parse_address() else {
        return Vec::new();
    };
    parsed
        .iter()
        .filter_map(|a| Address::new(a.address.as_deref()?, a.name.as_deref().map(text::one_line).as_deref()))
        .collect()
}

fn decode_words(value: &str) -> String {
    let decoded = match MessageStream::new(line(value).as_bytes()).parse_unstructured() {
        HeaderValue::Text(decoded) => decoded.into_owned(),
        _ => String::new(),
    };
    text::one_line(&decoded)
}

/// Encoded words have no place in a parameter, but Outlook puts file names there in them.
fn words_in_param(value: &str) -> String {
    if value.contains("=?") { decode_words(value) } else { value.to_owned() }
}

/// mail-parser's field parsers end at a line feed.
fn line(value: &str) -> String {
    format!("{value}\n")
}

fn starts_blank(line: &[u8]) -> bool {
    line.first().is_some_and(|b| matches!(b, b' ' | b'\t'))
}

/// Whether the line can stand in a header.
fn goes_on(line: &[u8]) -> bool {
    let content = trim_end(line);
    !content.is_empty() && (starts_blank(line) || split_field(content).is_some())
}

fn line_at(raw: &[u8], at: usize) -> &[u8] {
    let rest = raw.get(at..).unwrap_or_default();
    let len = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |lf| lf + 1);
    &rest[..len]
}

fn trim_end(line: &[u8]) -> &[u8] {
    line.trim_ascii_end()
}

/// `Name: value`, where the name is what RFC 5322 allows (blanks before the colon are tolerated).
fn split_field(line: &[u8]) -> Option<(String, &[u8])> {
    let colon = line.iter().take(200).position(|b| *b == b':')?;
    let name = line[..colon].trim_ascii_end();
    let legal = !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic());
    legal.then(|| (String::from_utf8_lossy(name).to_ascii_lowercase(), line[colon + 1..].trim_ascii_start()))
}

fn push_value(fields: &mut [(String, Vec<u8>)], more: &[u8]) {
    if let Some((_, value)) = fields.last_mut() {
        let room = MAX_VALUE.saturating_sub(value.len());
        value.extend(more.iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)).take(room));
    }
}

/// Field values ought to be ASCII or UTF-8; the rest is nearly always Windows' western encoding.
fn value_text(value: &[u8]) -> String {
    let decoded = match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(e) if e.error_len().is_none() => String::from_utf8_lossy(value).into_owned(),
        Err(_) => charset_decoder(b"windows-1252")
            .map_or_else(|| String::from_utf8_lossy(value).into_owned(), |decode| decode(&escape_in_words(value))),
    };
    decoded.trim().to_owned()
}

/// Raw bytes inside an encoded word are in the word's charset, not in ours: written as the escapes they should be.
fn escape_in_words(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut inside = false;
    for (at, b) in value.iter().enumerate() {
        match (b, value.get(at + 1)) {
            (b'=', Some(b'?')) => inside = true,
            (b'?', Some(b'=')) if value.get(at + 2).is_none_or(|b| !b.is_ascii_alphanumeric()) => inside = false,
            _ => {}
        }
        if inside && !b.is_ascii() {
            out.extend_from_slice(format!("={b:02X}").as_bytes());
        } else {
            out.push(*b);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_the_body_is_found() {
        let raw = b"Subject: one\r\n two\r\nX-A : b\r\n\r\nbody";
        let (headers, body) = Headers::parse(raw);
        assert_eq!(headers.first("subject"), Some("one two"));
        assert_eq!(headers.first("x-a"), Some("b"));
        assert_eq!(&raw[body..], b"body");
    }

    #[test]
    fn an_mbox_line_is_passed_over_and_a_header_without_blank_line_ends_at_the_text() {
        let raw = b"From ann@example.org Mon May  3\nSubject: hole\nThere is a hole\nin the road\n";
        let (headers, body) = Headers::parse(raw);
        assert_eq!(headers.first("subject"), Some("hole"));
        assert_eq!(&raw[body..], b"There is a hole\nin the road\n");
    }

    #[test]
    fn a_continuation_that_lost_its_blank_is_kept() {
        let (headers, _) = Headers::parse(b"Subject: a long\nsubject\nFrom: a@b.example\n\nx");
        assert_eq!(headers.first("subject"), Some("a long subject"));
        assert_eq!(headers.addresses("from")[0].email, "a@b.example");
    }

    #[test]
    fn raw_eight_bit_headers_are_read_as_western() {
        let (headers, _) = Headers::parse(b"Subject: caf\xe9 noise\n\n");
        assert_eq!(headers.text("subject"), "café noise");
        let (headers, _) = Headers::parse(b"Subject: =?iso-8859-5?Q?=BF_\xe0?= \xe9\n\n");
        assert_eq!(headers.text("subject"), "П р é");
    }

    #[test]
    fn a_line_of_blanks_is_folding_where_the_header_goes_on_and_its_end_where_it_does_not() {
        assert_eq!(Headers::parse(b"Subject: a\n \n b\nTo: c\n\nbody").0.first("subject"), Some("a b"));
        let raw = b"Subject: a\n \nThe body.\n";
        assert_eq!(&raw[Headers::parse(raw).1..], b"The body.\n");
    }

    #[test]
    fn a_name_cannot_carry_a_second_header() {
        let (headers, _) =
            Headers::parse(b"From: =?utf-8?q?Ann=0D=0ABcc:_x@y.example=00=1B[2J?= <ann@example.org>\n\n");
        let from = &headers.addresses("from")[0];
        assert_eq!(from.email, "ann@example.org");
        assert!(from.name.as_ref().unwrap().chars().all(|c| !c.is_control()), "{from:?}");
    }

    #[test]
    fn ids_are_found_with_and_without_brackets() {
        assert_eq!(ids_in("Your message of \"Monday\" <a@b> <c\t@d>"), ["a@b", "c@d"]);
        assert_eq!(ids_in("a@b, c@d"), ["a@b", "c@d"]);
        assert!(ids_in("<>").is_empty());
    }

    #[test]
    fn parameters_are_decoded_in_both_ways() {
        let field = b"Content-Disposition: attachment; filename*0*=utf-8''R%C3%A9; filename*1=sum.pdf\n\n";
        assert_eq!(Headers::parse(field).0.media("content-disposition").unwrap().param("filename"), Some("Résum.pdf"));
        let field = b"Content-Type: image/JPEG; name=\"=?iso-8859-1?q?r=E9sum=E9?=.jpg\"\n\n";
        let media = Headers::parse(field).0.media("content-type").unwrap();
        assert_eq!((media.value.as_str(), media.param("name")), ("image/jpeg", Some("résumé.jpg")));
    }

    #[test]
    fn a_header_made_to_tire_the_parser_is_read_in_no_time() {
        let mut raw = b"Content-Type: text/plain".to_vec();
        for _ in 0..400_000 {
            raw.extend_from_slice(b";\n a*1*=b'c'd");
        }
        let begun = std::time::Instant::now();
        let _ = Headers::parse(&raw).0.media("content-type");
        assert!(begun.elapsed().as_secs() < 5);
    }
}
