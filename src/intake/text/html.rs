//! HTML mail to plain text, in one pass over its tags.
//!
//! Not by an HTML5 parser: its error recovery can be made to take quadratic time and memory (thousands of open `<b>`
//! re-opened in every paragraph), and html2text, tried first, lost words on the way (lists directly inside `<ol>`, table
//! footers, text between the items of a `<dl>`). Here every word that is text comes out, and each character is read
//! once.

mod tokens;

use super::one_line;
use tokens::{Token, Tokens, attribute, decode};

/// A link longer than this is a tracker's and tells a reader nothing more than its host does.
const MAX_LINK: usize = 200;
/// The same for the link of a map, which says where.
const MAX_MAP_LINK: usize = 2_000;
/// Deepest nesting of quotes and lists that shows.
const MAX_SHOWN: usize = 10;

/// The text of an HTML mail: scripts, styles and pictures without words dropped, `> ` before block quotes, `* ` or a
/// number before list items, cells of a row on one line, a link in round brackets behind words that do not show it.
/// Never fails; linear in time.
#[must_use]
pub fn to_text(html: &str) -> String {
    let mut writer = Writer::default();
    let mut tokens = Tokens::new(html);
    while let Some(token) = tokens.next() {
        match token {
            Token::Text(text) => writer.text(&decode(text)),
            Token::Tag { name, closing: false, .. } if is_unshown(&name) => tokens.skip_to_end_of(&name),
            Token::Tag { name, closing, body } => writer.tag(&name, closing, body),
        }
    }
    writer.out
}

/// Elements whose content nobody reads.
fn is_unshown(name: &str) -> bool {
    matches!(name, "script" | "style" | "title" | "template" | "svg")
}

/// What was written so far and what is open.
#[derive(Default)]
struct Writer {
    out: String,
    quotes: usize,
    preformatted: usize,
    /// Lists that are open: the next number, or none for bullets.
    lists: Vec<Option<u32>>,
    /// Where the words of the last list item begin.
    item_at: usize,
    /// The link that is open and where its words begin.
    link: Option<(String, usize)>,
}

impl Writer {
    fn text(&mut self, text: &str) {
        if self.preformatted > 0 {
            for (n, line) in text.split('\n').enumerate() {
                if n > 0 {
                    self.line_break();
                }
                self.push(line);
            }
            return;
        }
        let blank = |c: char| c.is_ascii_whitespace();
        if text.starts_with(blank) {
            self.space();
        }
        for (n, word) in text.split(blank).filter(|w| !w.is_empty()).enumerate() {
            if n > 0 {
                self.space();
            }
            self.push(word);
        }
        if text.ends_with(blank) {
            self.space();
        }
    }

    fn tag(&mut self, name: &str, closing: bool, body: &str) {
        match (name, closing) {
            ("br", _) => self.line_break(),
            ("p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "hr" | "dl", _) => self.line_start(1),
            ("blockquote", false) => {
                self.line_start(0);
                self.quotes += 1;
            }
            ("blockquote", true) => {
                self.line_start(0);
                self.quotes = self.quotes.saturating_sub(1);
            }
            ("pre" | "textarea", _) => {
                self.line_start(0);
                self.preformatted = if closing { self.preformatted.saturating_sub(1) } else { self.preformatted + 1 };
            }
            ("ul" | "ol" | "menu" | "dir", _) => self.list(name, closing, body),
            ("li", false) => self.item(),
            ("a", false) => {
                self.link_end();
                self.link = attribute(body, "href").map(|url| (url, self.out.len()));
            }
            ("a", true) => self.link_end(),
            ("td" | "th" | "option", _) => self.space(),
            ("img" | "area", false) => {
                let words = attribute(body, "alt").map(|alt| one_line(&alt)).filter(|alt| !alt.is_empty());
                if let Some(words) = words {
                    self.push(&format!("[{words}]"));
                }
            }
            (name, _) if is_block(name) => self.line_start(0),
            _ => {}
        }
    }

    fn list(&mut self, name: &str, closing: bool, body: &str) {
        self.line_start(0);
        if closing {
            self.lists.pop();
        } else {
            let first = attribute(body, "start").and_then(|n| n.trim().parse().ok()).unwrap_or(1);
            self.lists.push((name == "ol").then_some(first));
        }
    }

    fn item(&mut self) {
        self.line_start(0);
        let indent = self.lists.len().saturating_sub(1).min(MAX_SHOWN);
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = format!("{number}. ");
                *number = number.saturating_add(1);
                mark
            }
            _ => "* ".to_owned(),
        };
        self.push(&format!("{:1$}{mark}", "", indent * 2));
        self.item_at = self.out.len();
    }

    fn link_end(&mut self) {
        if let Some((url, from)) = self.link.take() {
            let behind = link_behind(&url, self.out.get(from..).unwrap_or_default());
            self.out.push_str(&behind);
        }
    }

    fn push(&mut self, text: &str) {
        if self.quotes > 0 && !text.is_empty() && (self.out.is_empty() || self.out.ends_with('\n')) {
            self.out.extend(std::iter::repeat_n('>', self.quotes.min(MAX_SHOWN)));
            self.out.push(' ');
        }
        self.out.push_str(text);
    }

    fn space(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
    }

    /// Goes to the start of a line, with at least `blank` empty lines before it.
    fn line_start(&mut self, blank: usize) {
        // A paragraph that begins an item stands beside its mark.
        if self.out.is_empty() || self.item_at == self.out.len() {
            return;
        }
        if self.out.ends_with(' ') {
            self.out.pop();
        }
        let ends = self.out.bytes().rev().take(blank + 1).take_while(|b| *b == b'\n').count();
        self.out.extend(std::iter::repeat_n('\n', blank + 1 - ends));
    }

    fn line_break(&mut self) {
        // Blank lines are limited later; a million <br> need not become a million lines here.
        if !self.out.ends_with("\n\n\n") {
            self.out.push('\n');
        }
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "body"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "div"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "header"
            | "legend"
            | "li"
            | "main"
            | "nav"
            | "section"
            | "summary"
            | "tbody"
            | "tfoot"
            | "thead"
            | "tr"
    )
}

/// Whether a link, its scheme left off, is that of a map.
fn is_map(link: &str) -> bool {
    let link = link.trim_start_matches("www.");
    let google = link.strip_prefix("google.").is_some_and(|rest| rest.split('/').nth(1) == Some("maps"));
    google
        || ["maps.google.", "maps.app.goo.gl/", "goo.gl/maps/", "maps.apple.com/", "openstreetmap.org/", "osm.org/"]
            .iter()
            .chain(&["what3words.com/", "w3w.co/", "bing.com/maps", "maps.apple/", "g.co/maps/"])
            .any(|host| link.starts_with(host))
}

/// ` (https://…)` for a link whose words do not show it already; nothing for addresses, anchors and scripts.
fn link_behind(url: &str, words: &str) -> String {
    let url = url.trim();
    let Some(host) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return String::new();
    };
    let bare = host.trim_start_matches("www.").trim_end_matches('/');
    // The link of a map says where, long or short, and behind a picture of the map too.
    if is_map(host) && url.len() <= MAX_MAP_LINK && !words.contains(bare) && !url.contains(char::is_whitespace) {
        return format!(" ({url})");
    }
    if super::is_blank(words) || bare.is_empty() || words.contains(bare) || url.contains(char::is_whitespace) {
        return String::new();
    }
    match host.split(['/', '?', '#']).next() {
        Some(name) if url.len() > MAX_LINK => {
            let scheme = &url[..url.len() - host.len()];
            format!(" ({scheme}{}/…)", name.chars().take(MAX_LINK).collect::<String>())
        }
        _ => format!(" ({url})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::text::normalise;

    fn text(html: &str) -> String {
        normalise(&to_text(html))
    }

    #[test]
    fn words_stay_and_scripts_styles_and_pixels_go() {
        let html = "<html><head><style>p{}</style><title>t</title></head><body><p>There is a <b>hole</b>.</p>\
            <script>if (a<b) alert('</p>')</script><img src='https://t.example/p.gif' width=1 height=1><p>Ann &amp; Bob</p></body></html>";
        assert_eq!(text(html), "There is a hole.\n\nAnn & Bob");
    }

    #[test]
    fn links_are_shown_where_the_words_hide_them() {
        let html = r#"<p>See <a href="https://council.example/tree?a=1&amp;b=2">the tree</a>, <a href="mailto:a@b.example">a@b.example</a>
            and <a href='https://council.example/'>council.example</a>.</p>"#;
        assert_eq!(text(html), "See the tree (https://council.example/tree?a=1&b=2), a@b.example and council.example.");
        let long = format!(r#"<a href="https://t.example/{}">click</a>"#, "x".repeat(500));
        assert_eq!(text(&long), "click (https://t.example/…)");
        assert_eq!(text("<a href=javascript:alert(1)>click</a>"), "click");
        let map = format!(
            "https://www.google.com/maps/place/Mill+Lane/@54.0,2.0,17z/data={}!3d54.02!4d2.05",
            "x".repeat(300)
        );
        assert_eq!(text(&format!("<a href='{map}'>here</a>")), format!("here ({map})"), "a map says where");
        assert_eq!(
            text("At<a href='https://maps.app.goo.gl/x'><img src=map.png></a>"),
            "At (https://maps.app.goo.gl/x)"
        );
    }

    #[test]
    fn quotes_lists_and_tables_come_out_as_lines() {
        let html = "<ul><li>one<ul><li>inner</ul><li>two</ul><ol start=3><li><p>three</p></li><ol><li>deep</ol></ol><hr size=1>\
            <blockquote>they <br>wrote<blockquote>first</blockquote></blockquote><table><tr><td>Postcode<td>SW1A 1AA<tr><td>Ward</table>end";
        let lines = [
            "* one",
            "  * inner",
            "* two",
            "3. three",
            "  1. deep",
            "> they",
            "> wrote",
            ">> first",
            "Postcode SW1A 1AA",
            "Ward",
            "end",
        ];
        let out = text(html);
        assert_eq!(out.lines().filter(|l| !l.is_empty()).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_lone_less_than_sign_and_a_lone_ampersand_are_text() {
        assert_eq!(text("i <3 trees & 4 < 5 &nosuch; &#x41;&eacute;"), "i <3 trees & 4 < 5 &nosuch; Aé");
    }

    #[test]
    fn an_unclosed_quote_comment_or_script_does_not_swallow_the_mail() {
        assert_eq!(text("<p class=\"x>one</p><p>two</p>"), "one\n\ntwo");
        assert_eq!(text("one <!-- two > three"), "one three");
        assert_eq!(text("<style>one"), "one");
    }

    #[test]
    fn html_made_to_tire_us_is_read_in_no_time() {
        let open: String = (0..30_000).map(|n| format!("<b a={n}>")).collect();
        for html in [
            "<div>".repeat(100_000) + "hole",
            open + &"<p>hole".repeat(30_000),
            "<table>a<b></b>".repeat(60_000) + "hole",
            format!("<p {}>hole", "a ".repeat(400_000)),
            "<blockquote>".repeat(100_000) + &"<br>hole".repeat(20_000),
            "<a<a=\"".repeat(200_000) + ">hole",
            "<!--".repeat(200_000) + ">hole",
            "<script>".repeat(200_000) + "hole",
            "<script></".repeat(200_000) + ">hole",
            "<a href='x'>".repeat(100_000) + "hole",
            "<ol start=4294967295>".repeat(100_000) + "<li><li>hole",
            "hole ".to_owned() + &"&#x41".repeat(200_000),
            "hole ".to_owned() + &"&".repeat(1_000_000),
            "<li>".repeat(300_000) + "hole",
            "<p> ".repeat(300_000) + "hole",
            format!("<pre>{}hole</pre>", "\t".repeat(400_000)),
        ] {
            let begun = std::time::Instant::now();
            let out = text(&html);
            let taken = begun.elapsed();
            assert!(out.contains("hole"), "{}: {}", &html[..20], &out[..out.len().min(100)]);
            assert!(taken.as_secs() < 5, "{} took {taken:?}", &html[..20]);
        }
    }
}
