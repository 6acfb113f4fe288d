//! The words of a text in the form in which street names are compared.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A run of letters and digits, apostrophes between them included, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    /// As written.
    pub text: &'t str,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Without case, accents and apostrophes, and with `road`, `street` and the like cut to one usual short form.
    pub norm: String,
    /// The same without a possessive `'s`: "Mill Lane's potholes".
    pub bare: Option<String>,
    /// Whether it can go on with the word before: nothing but space, one line end or a hyphen lies between them.
    pub joined: bool,
    /// Whether a line ends between the word before and it.
    pub new_line: bool,
}

impl Word<'_> {
    /// Whether it is a house or column number: up to five digits and at most one letter.
    pub fn is_number(&self) -> bool {
        let digits = self.norm.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let letters = self.norm.len() - digits.len();
        letters <= 1 && (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    }

    /// Whether it is written with a capital letter at its beginning.
    pub fn is_capital(&self) -> bool {
        self.text.chars().next().is_some_and(char::is_uppercase)
    }
}

/// The words of `text`, in order.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut found: Vec<Word<'_>> = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, first)) = chars.next() {
        if !(first.is_alphanumeric() || first == '&') {
            continue;
        }
        let mut end = start + first.len_utf8();
        while let Some(&(at, c)) = chars.peek() {
            let goes_on = c.is_alphanumeric() || is_combining_mark(c);
            let inside = is_apostrophe(c) && text[at + c.len_utf8()..].chars().next().is_some_and(char::is_alphabetic);
            if first == '&' || !(goes_on || inside) {
                break;
            }
            end = at + c.len_utf8();
            chars.next();
        }
        let gap = found.last().map(|before| &text[before.end..start]);
        let joined = found.last().zip(gap).is_some_and(|(before, gap)| joins(before, gap));
        let new_line = gap.is_some_and(|gap| gap.contains('\n'));
        found.push(Word { joined, new_line, ..word(&text[start..end], start, end) });
    }
    found
}

fn word(text: &str, start: usize, end: usize) -> Word<'_> {
    let plain = plain(text);
    let possessive = text.strip_suffix(['s', 'S']).is_some_and(|stem| stem.ends_with(is_apostrophe));
    let bare = (possessive && plain.len() > 1).then(|| canonical(&plain[..plain.len() - 1]).to_owned());
    Word { text, start, end, norm: canonical(&plain).to_owned(), bare, joined: false, new_line: false }
}

fn joins(before: &Word<'_>, gap: &str) -> bool {
    // "St. Osyn's", "Mill Ln. end": a stop after a short form is no end of a sentence.
    let stop = before.norm != before.text.to_lowercase() || matches!(before.norm.as_str(), "st" | "dr" | "mt" | "no");
    gap.chars().all(|c| c.is_whitespace() || matches!(c, '-' | '–' | '\'' | '’' | '*' | '_') || (stop && c == '.'))
        && gap.matches('\n').count() < 2
}

/// The apostrophes that telephones and word processors write.
fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | '`' | '´' | 'ʼ')
}

fn plain(text: &str) -> String {
    if text == "&" {
        return "and".to_owned();
    }
    text.nfkd().filter(|c| !is_combining_mark(*c) && !is_apostrophe(*c)).flat_map(char::to_lowercase).collect()
}

/// One short form for the ways a word of a street name is written, frequent misspellings included. `saint` and
/// `street` become the same, `st`, for nobody can tell them apart where they are abbreviated.
fn canonical(word: &str) -> &str {
    match word {
        "road" | "raod" => "rd",
        "street" | "saint" | "str" | "steet" | "stret" | "streat" | "srteet" | "sreet" | "streeet" => "st",
        "avenue" | "av" | "avanue" | "avenu" | "aveune" => "ave",
        "lane" | "la" | "lan" | "laine" => "ln",
        "crescent" | "cresc" | "cresent" | "crecent" | "crescant" => "cres",
        "drive" | "doctor" | "drv" => "dr",
        "close" | "clse" | "clo" => "cl",
        "court" | "crt" => "ct",
        "gardens" | "gardns" | "gdn" => "gdns",
        "grove" | "grv" => "gr",
        "place" => "pl",
        "square" => "sq",
        "terrace" | "terr" | "tce" | "terace" | "terrance" => "ter",
        "boulevard" => "blvd",
        "parade" | "pde" => "parade",
        "green" | "grn" => "green",
        "walk" | "wlk" => "walk",
        "yard" | "yd" => "yard",
        "view" | "vw" => "view",
        "croft" | "cft" => "croft",
        "hill" | "hl" => "hill",
        "park" | "prk" => "pk",
        "house" | "hse" => "ho",
        "mount" => "mt",
        "north" | "nth" => "n",
        "south" | "sth" => "s",
        "school" | "sch" => "schl",
        "station" | "stn" => "sta",
        "way" => "wy",
        "building" | "buildings" => "bldgs",
        "cottages" | "cotts" => "cotts",
        "centre" | "center" | "ctr" => "cen",
        "community" => "comm",
        "primary" => "prim",
        "recreation" => "rec",
        other => other,
    }
}

/// Whether a word, in its short form, can end the name of a street.
pub(super) fn is_street_kind(norm: &str) -> bool {
    matches!(
        norm,
        "rd" | "st"
            | "ave"
            | "ln"
            | "cres"
            | "dr"
            | "cl"
            | "ct"
            | "gr"
            | "pl"
            | "sq"
            | "ter"
            | "mt"
            | "wy"
            | "row"
            | "walk"
            | "yard"
            | "mews"
            | "rise"
            | "hill"
            | "bank"
            | "croft"
            | "parade"
            | "gdns"
            | "green"
            | "view"
            | "ho"
            | "bldgs"
            | "cotts"
            | "villas"
            | "path"
            | "approach"
            | "broadway"
            | "wharf"
            | "gate"
            | "pk"
            | "fields"
            | "blvd"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn norms(text: &str) -> Vec<String> {
        words(text).into_iter().map(|w| w.norm).collect()
    }

    #[test]
    fn the_ways_to_write_a_name_come_to_the_same() {
        assert_eq!(norms("Tanner's Row"), norms("TANNERS ROW"));
        assert_eq!(norms("Tanner’s Row"), norms("tanners row"));
        assert_eq!(norms("Monks' Walk"), norms("monks walk"));
        assert_eq!(norms("Mill Ln."), norms("mill lane"));
        let short = "Rd St Ave Av Cl Gdns Ct Sq Terr Tce Dr La Ln Cres Pl Gr Pde Wlk Yd Blvd";
        let long = "Road Street Avenue Avenue Close Gardens Court Square Terrace Terrace Drive Lane Lane Crescent Place Grove \
            Parade Walk Yard Boulevard";
        assert_eq!(norms(short), norms(long));
        assert_eq!(norms("St. Osyn's Church"), norms("Saint Osyns church"));
        assert_eq!(norms("Marks & Co Street"), norms("marks and co st"));
        assert_eq!(norms("Tŷ-Gwyn Rd"), norms("ty gwyn road"));
    }

    #[test]
    fn a_sentence_end_is_not_joined_over() {
        let joined = |text: &str| words(text).last().unwrap().joined;
        assert!(joined("mill lane") && joined("mill\nlane") && joined("St. Osyn") && joined("Mill-Lane"));
        assert!(!joined("church. Road") && !joined("church, road") && !joined("mill\n\nlane"));
    }

    #[test]
    fn a_number_has_up_to_five_digits_and_one_letter() {
        let number = |text: &str| words(text)[0].is_number();
        assert!(number("14") && number("12b") && number("00123"));
        assert!(!number("123456") && !number("12th") && !number("b") && !number("4QT"));
    }

    #[test]
    fn a_possessive_is_also_known_without_it() {
        assert_eq!(words("Lane's")[0].bare.as_deref(), Some("ln"));
        assert_eq!(words("Tanners")[0].bare, None);
    }
}
