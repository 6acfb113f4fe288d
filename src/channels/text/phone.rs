//! Telephone numbers in one form.

/// A number as E.164, `+447700900123`: the forms that people and providers write in the United Kingdom (`07700 900123`,
/// `0044…`, `447700900123`, `+44 (0)7700…`) and international ones, with or without the `+`.
///
/// Short codes (`80818`) and senders with a name (`NHS`) are kept as they are, without the space around them.
#[must_use]
pub fn normalise(raw: &str) -> String {
    let raw = raw.trim();
    e164(raw).unwrap_or_else(|| raw.to_owned())
}

fn e164(raw: &str) -> Option<String> {
    let has_plus = raw.starts_with('+');
    let written = raw.strip_prefix('+').unwrap_or(raw);
    let is_filler = |c: char| matches!(c, ' ' | '\u{a0}' | '-' | '\u{2010}' | '\u{2011}' | '.' | '(' | ')');
    let digits: String = written.chars().filter(|c| !is_filler(*c)).collect();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let international = match digits.strip_prefix("00") {
        _ if has_plus => digits,
        Some(rest) => rest.to_owned(),
        None => match (digits.as_bytes(), digits.len()) {
            ([b'0', ..], 10 | 11) => format!("44{}", &digits[1..]),
            // A mobile number without its nought.
            ([b'7', ..], 10) => format!("44{digits}"),
            ([b'1'..=b'9', ..], 11..=15) => digits,
            _ => return None,
        },
    };
    // +44 (0)7700 …
    let international = match international.strip_prefix("440") {
        Some(rest) => format!("44{rest}"),
        None => international,
    };
    let number = format!("+{international}");
    is_answerable(&number).then_some(number)
}

/// A number of the United Kingdom as people dial it: `07700 900123`. Anything else as it is.
#[must_use]
pub fn national(number: &str) -> String {
    let Some(digits) = number.strip_prefix("+44").filter(|d| d.len() >= 9 && d.bytes().all(|b| b.is_ascii_digit()))
    else {
        return number.to_owned();
    };
    // London and the like have a short code, which is written apart.
    match digits.strip_prefix('2') {
        Some(_) if digits.len() == 10 => format!("0{} {} {}", &digits[..2], &digits[2..6], &digits[6..]),
        _ => format!("0{} {}", &digits[..4], &digits[4..]),
    }
}

/// Whether a number in the form of [`normalise`] can be written back to: short codes and names cannot.
#[must_use]
pub fn is_answerable(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default().as_bytes();
    (8..=15).contains(&digits.len()) && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_of_one_number_become_one() {
        for raw in [
            "+447700900123",
            "447700900123",
            "07700900123",
            "07700 900123",
            "07700-900-123",
            " (07700) 900 123 ",
            "00447700900123",
            "00 44 7700 900123",
            "+44 (0)7700 900123",
            "+4407700900123",
            "7700900123",
            "+44\u{a0}7700\u{a0}900123",
        ] {
            assert_eq!(normalise(raw), "+447700900123", "{raw}");
        }
        assert_eq!(normalise("020 7946 0123"), "+442079460123");
        assert_eq!(normalise("016977 3123"), "+44169773123", "some numbers are a digit shorter");
        assert_eq!(normalise("+1 (202) 555-0123"), "+12025550123");
        assert_eq!(normalise("0035312345678"), "+35312345678");
        assert_eq!(normalise("35312345678"), "+35312345678");
    }

    #[test]
    fn short_codes_and_names_are_kept_and_get_no_answer() {
        for raw in
            ["80818", "60006", "123", "NHS", "GOV.UK", "Council1", "", "+", "+12", "0", "00", "+0123456789", "07700"]
        {
            assert_eq!(normalise(&format!(" {raw} ")), raw);
            assert!(!is_answerable(raw), "{raw}");
        }
        assert!(is_answerable("+447700900123"));
        assert!(!is_answerable("447700900123"));
        assert!(!is_answerable("+1234567890123456"));
    }

    #[test]
    fn a_number_is_shown_as_people_dial_it() {
        assert_eq!(national("+447700900123"), "07700 900123");
        assert_eq!(national("+442079460123"), "020 7946 0123");
        assert_eq!(national("+12025550123"), "+12025550123");
        assert_eq!(national("12 Mill Lane"), "12 Mill Lane");
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_so(raw in "(\\PC{0,20}|[+0]{0,2}[0-9 ()-]{3,16})") {
            let once = normalise(&raw);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
