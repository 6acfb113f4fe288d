//! What is told to a gatekeeper by word of mouth, and how who told it wants to hear from us.

use super::Channel;
use super::case::words;

words! {
    /// How somebody wants to hear from us who rang, or came to a surgery.
    HearBy {
        /// By post.
        Letter = "letter" / "By letter",
        /// A person rings them: nothing is ever sent.
        Ring = "ring" / "By telephone: ring them",
        /// By mail, once they have confirmed the address.
        Email = "email" / "By email",
        /// By text, when a person lets it go.
        Text = "text" / "By text message",
        /// They want no news.
        Nothing = "nothing" / "Not at all",
    }
}

impl HearBy {
    /// The channel that goes by; none where nothing is sent.
    #[must_use]
    pub const fn channel(self) -> Option<Channel> {
        match self {
            Self::Letter => Some(Channel::Letter),
            Self::Email => Some(Channel::Email),
            Self::Text => Some(Channel::Sms),
            Self::Ring | Self::Nothing => None,
        }
    }
}

/// Why an email address is not verified that was given by word of mouth, where there is no form on the web and so no page that a
/// link could lead to.
pub const UNPROVABLE: &str = "they gave this address by word of mouth, and no link can be sent to confirm it";

/// What stands on an envelope, in one line: the name, because two of one household are two people, and the lines below it.
///
/// A comma after a house number would make a line of the number alone, so it is left out.
#[must_use]
pub fn envelope(name: &str, address: &str) -> String {
    let lines = std::iter::once(name).chain(address.lines()).flat_map(|line| line.split(','));
    let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut all: Vec<String> = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let number =
            |last: &String| last.len() <= 5 && last.starts_with(|c: char| c.is_ascii_digit()) && !last.contains(' ');
        // A name is no house number, whatever it is.
        let below_name = all.len() > usize::from(!name.trim().is_empty());
        match all.last_mut().filter(|last| below_name && number(last)) {
            Some(last) => *last = format!("{last} {line}"),
            None => all.push(line),
        }
    }
    if let Some(last) = all.last_mut().filter(|last| is_postcode(last)) {
        last.make_ascii_uppercase();
    }
    all.join(", ")
}

/// Whether a line is a postcode by its end: a digit and two letters.
fn is_postcode(line: &str) -> bool {
    let letters = |b: &u8| b.is_ascii_alphabetic();
    match line.as_bytes() {
        [first, .., digit, one, two] => {
            (5..=8).contains(&line.len()) && letters(first) && digit.is_ascii_digit() && letters(one) && letters(two)
        }
        _ => false,
    }
}

/// The lines of an envelope out of the one line of [`envelope`].
#[must_use]
pub fn envelope_lines(envelope: &str) -> Vec<String> {
    envelope.split(", ").map(str::to_owned).collect()
}

/// An envelope without the name it begins with.
#[must_use]
pub fn below_name<'a>(envelope: &'a str, name: Option<&str>) -> &'a str {
    let rest = name.and_then(|name| envelope.strip_prefix(name)?.strip_prefix(", "));
    rest.unwrap_or(envelope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_one_line_and_its_lines_again() {
        let one = envelope("Ann  Smith", " 12, Mill Lane \r\n\r\nBrackenmere,\nzm6 1ut");
        assert_eq!(one, "Ann Smith, 12 Mill Lane, Brackenmere, ZM6 1UT");
        assert_eq!(envelope_lines(&one), ["Ann Smith", "12 Mill Lane", "Brackenmere", "ZM6 1UT"]);
        assert_eq!(below_name(&one, Some("Ann Smith")), "12 Mill Lane, Brackenmere, ZM6 1UT");
        assert_eq!(below_name(&one, Some("Ann")), one);
        assert_eq!(envelope("Ann", "Flat 2, Rose Court\nZM6 1UT"), "Ann, Flat 2, Rose Court, ZM6 1UT");
        assert_eq!(envelope("", "12, Mill Lane"), "12 Mill Lane");
        assert_eq!(envelope("", "1\nMill\nLane"), "1 Mill, Lane");
        assert_eq!(envelope("7", "12a\nMill Lane"), "7, 12a Mill Lane", "whoever is called so");
    }
}
