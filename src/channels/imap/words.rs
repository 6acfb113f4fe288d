//! How names and numbers are written in IMAP commands.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// A mailbox name as the server wants it: in modified UTF-7 (RFC 3501, 5.1.3), in quotes. Control characters are
/// encoded like any other that is not plain, so that no name can end the command.
pub(super) fn mailbox(name: &str) -> String {
    let mut written = String::from("\"");
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let plain = |c: char| (' '..='~').contains(&c);
        match first {
            '&' => written.push_str("&-"),
            '"' | '\\' => written.extend(['\\', first]),
            c if plain(c) => written.push(c),
            _ => {
                let (strange, behind) = rest.split_at(rest.find(plain).unwrap_or(rest.len()));
                let utf16: Vec<u8> = strange.encode_utf16().flat_map(u16::to_be_bytes).collect();
                written.push('&');
                GeneralPurpose::new(&IMAP_MUTF7, NO_PAD).encode_string(utf16, &mut written);
                written.push('-');
                rest = behind;
                continue;
            }
        }
        rest = &rest[first.len_utf8()..];
    }
    written.push('"');
    written
}

/// A set of UIDs, neighbours drawn together: `1:3,7`.
pub(super) fn set(uids: &[u32]) -> String {
    let mut uids = uids.to_vec();
    uids.sort_unstable();
    uids.dedup();
    let runs = uids.chunk_by(|a, b| a + 1 == *b).filter_map(|run| match run {
        [one] => Some(one.to_string()),
        [first, .., last] => Some(format!("{first}:{last}")),
        [] => None,
    });
    runs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailbox_names_are_quoted_and_encoded() {
        assert_eq!(mailbox("INBOX"), "\"INBOX\"");
        assert_eq!(mailbox("A \"b\" \\ c"), "\"A \\\"b\\\" \\\\ c\"");
        assert_eq!(mailbox("Roads & Parks"), "\"Roads &- Parks\"");
        // The examples of RFC 3501, and a name with a letter outside the first plane.
        assert_eq!(mailbox("~peter/mail/台北/日本語"), "\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\"");
        assert_eq!(mailbox("Tŷ 😀"), "\"T&AXc- &2D3eAA-\"");
        assert_eq!(mailbox("a\r\nA2 LOGOUT"), "\"a&AA0ACg-A2 LOGOUT\"");
    }

    #[test]
    fn sets_are_short() {
        assert_eq!(set(&[7]), "7");
        assert_eq!(set(&[3, 1, 2, 2, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(set(&[u32::MAX - 1, u32::MAX]), "4294967294:4294967295");
    }
}
