use super::*;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn read_mail(raw: impl AsRef<[u8]>) -> Mail {
    parse(raw.as_ref(), &MimeLimits::default(), None).unwrap()
}

fn reason(raw: impl AsRef<[u8]>) -> String {
    parse(raw.as_ref(), &MimeLimits::default(), None).unwrap_err().to_string()
}

const LETTER: &str = "Return-Path: <ann@example.org>\r\nDelivered-To: jones@council.example\r\nReceived: by a\r\nMessage-ID: <m1@example.org>\r\n\
    Date: Fri, 3 May 2024 10:22:00 +0100\r\nFrom: \"Ann Smith\" <Ann@Example.org>\r\nTo: Cllr Jones <jones@council.example>, b@council.example\r\n\
    Cc: c@council.example\r\nSubject: =?utf-8?q?A_h=C3=B6le?=\r\n in the road\r\nIn-Reply-To: <r3@x>\r\nReferences: <r1@x> <r2@x>\r\n <r3@x>\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\r\nThere is a hole.\r\n\r\n-- \r\nAnn\r\n";

#[test]
fn a_plain_letter_is_understood() {
    let mail = read_mail(LETTER);
    assert_eq!(mail.from, Address::new("ann@example.org", Some("Ann Smith")));
    assert_eq!(
        mail.to.iter().map(|a| a.email.as_str()).collect::<Vec<_>>(),
        ["jones@council.example", "b@council.example", "c@council.example"]
    );
    assert_eq!(mail.delivered_to, ["jones@council.example"]);
    assert_eq!(mail.subject, "A höle in the road");
    assert_eq!((mail.text.as_str(), mail.folded.as_str()), ("There is a hole.", "-- \nAnn"));
    assert_eq!(mail.rfc_message_id.as_deref(), Some("m1@example.org"));
    assert_eq!(mail.answers, ["r3@x", "r2@x", "r1@x"]);
    assert_eq!(mail.sent_at.unwrap().to_rfc3339(), "2024-05-03T09:22:00+00:00");
    assert_eq!((mail.automatic, mail.no_auto_answer, mail.bounce), (None, None, None));
    assert!(!mail.sender.is_verified());
}

#[test]
fn two_deliveries_have_one_fingerprint_and_a_resend_has_another() {
    let one = read_mail(LETTER).fingerprint;
    let elsewhere = LETTER
        .replace("jones@council.example\r\nReceived: by a", "b@council.example\r\nReceived: by c\r\nReceived: by d")
        .replace("Return-Path: <ann@", "Return-Path: <bounce@");
    assert_eq!(read_mail(&elsewhere).fingerprint, one);
    assert_eq!(
        parse(LETTER.as_bytes(), &MimeLimits { max_text_chars: 3, ..MimeLimits::default() }, Some("mx"))
            .unwrap()
            .fingerprint,
        one
    );
    for (from, to) in [
        ("m1@", "m2@"),
        ("10:22:00", "10:23:00"),
        ("a hole", "a whole"),
        ("-- \r\nAnn", "-- \r\nBob"),
        ("Ann@Example", "Bob@Example"),
    ] {
        assert_ne!(read_mail(LETTER.replace(from, to)).fingerprint, one, "{from}");
    }
    let bare = LETTER.replace("Message-ID: <m1@example.org>\r\n", "");
    assert_eq!((read_mail(&bare).fingerprint.len(), read_mail(&bare).rfc_message_id), (64, None));
    assert_ne!(read_mail(&bare).fingerprint, one);
}

#[test]
fn what_cannot_be_read_says_why() {
    assert_eq!(reason(""), "the message is empty");
    assert_eq!(reason(" \r\n\0\n"), "the message is empty");
    assert_eq!(reason("hello there"), "the message has no header, so it is not an email");
    assert_eq!(reason("Subject: hole\n\nhello"), "the message names no sender");
    assert_eq!(reason("From: <>\n\nhello"), "the message names no sender");
    let nested: String =
        (0..10_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    assert_eq!(reason(format!("From: a@b.example\n{nested}")), "the message is nested too deeply");
    assert_eq!(read_mail("Return-Path: <>\nSubject: failure\n\nx").from, None);
}

#[test]
fn ten_thousand_forwards_inside_each_other_are_one_file() {
    let mut raw = b"From: a@b.example\n".to_vec();
    raw.extend(b"Content-Type: message/rfc822\n\n".repeat(10_000));
    let mail = read_mail(&raw);
    assert_eq!((mail.attachments.len(), mail.text.as_str()), (1, ""));
}

#[test]
fn sender_stands_in_only_where_from_has_no_address() {
    assert_eq!(
        read_mail("From: a@b.example, c@d.example\nSender: s@b.example\n\nx").from.unwrap().email,
        "a@b.example"
    );
    assert_eq!(read_mail("From: Big Bug bb@bug.example\n\nx").from.unwrap().email, "bb@bug.example");
    assert_eq!(read_mail("From: nobody\nSender: s@b.example\n\nx").from.unwrap().email, "s@b.example");
    assert_eq!(read_mail("From: a@b.example\nFrom: c@d.example\n\nx").from.unwrap().email, "a@b.example");
}

fn multipart(kind: &str, parts: &[&str]) -> String {
    let parts: String = parts.iter().map(|p| format!("--b\n{p}\n")).collect();
    format!("From: a@b.example\nContent-Type: multipart/{kind}; boundary=b\n\npreamble\n{parts}--b--\nepilogue\n")
}

const PLAIN: &str = "Content-Type: text/plain\n\nThe plain words.";
const HTML: &str = "Content-Type: text/html\n\n<p>The <b>HTML</b> words.</p>";
const PICTURE: &str = "Content-Type: image/png; name=a.png\nContent-Disposition: inline\nContent-Id: <i>\nContent-Transfer-Encoding: base64\n\niVBORw==";

#[test]
fn the_plain_part_is_read_unless_it_says_nothing() {
    assert_eq!(read_mail(multipart("alternative", &[PLAIN, HTML])).text, "The plain words.");
    assert_eq!(
        read_mail(multipart("alternative", &["Content-Type: text/plain\n\n \u{a0}\n", HTML])).text,
        "The HTML words."
    );
    let stub = "Content-Type: text/plain\n\nPlease view this email in a browser that can display HTML.";
    assert_eq!(read_mail(multipart("alternative", &[stub, HTML])).text, "The HTML words.");
    assert_eq!(
        read_mail(multipart("alternative", &[stub])).text,
        "Please view this email in a browser that can display HTML."
    );
    assert_eq!(read_mail(format!("From: a@b.example\n{HTML}")).text, "The HTML words.");
}

#[test]
fn inline_parts_are_one_text_and_pictures_between_them_are_files() {
    let mail =
        read_mail(multipart("mixed", &[PLAIN, PICTURE, "\nThe rest.", "Content-Type: text/plain; name=n.txt\n\nfile"]));
    assert_eq!(mail.text, "The plain words.\n\nThe rest.");
    assert_eq!(mail.attachments.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["a.png", "n.txt"]);
    assert_eq!(mail.attachments[0].bytes, b"\x89PNG");
}

#[test]
fn a_file_in_a_branch_that_is_not_shown_is_still_a_file() {
    let inner = multipart("mixed", &[HTML, PICTURE]).replace("boundary=b", "boundary=c").replace("--b", "--c");
    let mail = read_mail(multipart("alternative", &[PLAIN, &inner]));
    assert_eq!((mail.text.as_str(), mail.attachments.len()), ("The plain words.", 1));
}

#[test]
fn where_there_are_no_own_words_the_files_or_the_forwarded_mail_speak() {
    let forwarded = "Content-Type: message/rfc822\n\nFrom: bob@example.org\nSubject: Tree\n\nThe tree has fallen.";
    let mail = read_mail(multipart("mixed", &["Content-Type: text/plain\n\n", forwarded]));
    assert_eq!((mail.text.as_str(), mail.attachments[0].name.as_str()), ("The tree has fallen.", "Tree.eml"));
    let mail = read_mail(multipart(
        "mixed",
        &["Content-Type: text/plain; name=text_0.txt\n\nSent as a picture message.", PICTURE],
    ));
    assert_eq!((mail.text.as_str(), mail.attachments.len()), ("Sent as a picture message.", 2));
    assert_eq!(read_mail(multipart("mixed", &[PLAIN, forwarded])).text, "The plain words.");
    assert_eq!(read_mail(multipart("mixed", &["\n"])).text, "preamble");
    let mail = read_mail(multipart("mixed", &["\nSent from my iPhone", forwarded]));
    assert_eq!((mail.text.as_str(), mail.folded.as_str()), ("The tree has fallen.", "Sent from my iPhone"));
}

#[test]
fn charsets_and_encodings_are_undone() {
    for (charset, body, text) in [
        ("windows-1252", &b"\x80 5 caf\xe9"[..], "€ 5 café"),
        ("gb2312", b"\xc2\xb7\xb5\xc6", "路灯"),
        ("koi8-r", b"\xf1\xcd\xc1", "Яма"),
        ("x-unheard-of", b"caf\xe9", "café"),
    ] {
        let raw =
            [format!("From: a@b.example\nContent-Type: text/plain; charset={charset}\n\n").as_bytes(), body].concat();
        assert_eq!(read_mail(raw).text, text);
    }
    let raw = "From: a@b.example\nContent-Type: text/plain; format=flowed\nContent-Transfer-Encoding: quoted-printable\n\nOne=20\ntwo caf=C3=A9.";
    assert_eq!(read_mail(raw).text, "One two café.");
}

#[test]
fn long_text_is_cut_with_a_visible_mark() {
    let limits = MimeLimits { max_text_chars: 10, ..MimeLimits::default() };
    let mail = parse(b"From: a@b.example\n\n0123456789abc", &limits, None).unwrap();
    assert_eq!(mail.text, "0123456789\n[… 3 more characters, see the original]");
}

#[test]
fn files_beyond_the_limits_are_kept_and_marked() {
    let limits = MimeLimits { max_attachments: 1, max_attachment_bytes: 4, ..MimeLimits::default() };
    let big = "Content-Type: application/pdf; name=b.pdf\n\n12345";
    let mail = parse(multipart("mixed", &[big, PICTURE]).as_bytes(), &limits, None).unwrap();
    let refused: Vec<_> = mail.attachments.iter().map(|a| a.refused.as_deref().unwrap_or_default()).collect();
    assert_eq!(refused, ["larger than 0 MB", "more than 1 files"]);
    assert_eq!(mail.attachments[0].bytes, b"12345");
}

#[test]
fn a_line_of_a_megabyte_and_a_hundred_thousand_divs_are_read_in_no_time() {
    let begun = Instant::now();
    assert_eq!(
        read_mail(format!("From: a@b.example\n\n{}", "a".repeat(1_000_000))).text.chars().filter(|c| *c == 'a').count(),
        200_003
    );
    assert_eq!(
        read_mail(format!("From: a@b.example\nSubject: {}\n\nx", "a".repeat(1_000_000))).subject.len(),
        MAX_SUBJECT
    );
    let html = format!("From: a@b.example\nContent-Type: text/html\n\n{}hole", "<div>".repeat(100_000));
    assert_eq!(read_mail(html).text, "hole");
    assert!(begun.elapsed().as_secs() < 10);
}

/// Every file of the corpora, none of which is in this repository.
fn corpora() -> Option<Vec<PathBuf>> {
    let root = PathBuf::from(std::env::var_os("BEADLE_CORPORA")?);
    let (mut found, mut open) = (Vec::new(), vec![root]);
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).ok()? {
            let path = entry.ok()?.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Some(found)
}

/// Reads it, and panics where that takes longer than any mail may.
fn timed(raw: &[u8], what: &Path) -> Result<Mail, Unparseable> {
    let begun = Instant::now();
    let outcome = parse(raw, &MimeLimits::default(), Some("mx.example"));
    assert!(begun.elapsed() < Duration::from_secs(20), "{} took {:?}", what.display(), begun.elapsed());
    assert_ne!(outcome.as_ref().err(), Some(&Unparseable::Panicked), "{}", what.display());
    outcome
}

#[test]
fn every_file_of_the_corpora_is_read_or_refused_with_a_reason() {
    let Some(files) = corpora() else {
        println!("no corpora here (BEADLE_CORPORA): skipped");
        return;
    };
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for path in &files {
        let outcome = timed(&std::fs::read(path).unwrap(), path);
        let kind = outcome.map_or_else(
            |e| e.to_string(),
            |mail| if mail.text.is_empty() { "read, no text" } else { "read" }.to_owned(),
        );
        *counts.entry(kind).or_default() += 1;
    }
    println!("{} files: {counts:#?}", files.len());
}

#[test]
fn most_bounces_of_the_corpus_are_known_as_automatic() {
    let Some(files) = corpora() else {
        println!("no corpora here (BEADLE_CORPORA): skipped");
        return;
    };
    let files: Vec<_> = files.into_iter().filter(|p| p.components().any(|c| c.as_os_str() == "bounces")).collect();
    let (mut automatic, mut bounces, mut with_id) = (0, 0, 0);
    for path in &files {
        let Ok(mail) = timed(&std::fs::read(path).unwrap(), path) else { continue };
        automatic += usize::from(mail.automatic.is_some());
        bounces += usize::from(mail.bounce.is_some());
        with_id += usize::from(mail.bounce.is_some_and(|b| !b.of.is_empty()));
    }
    println!("{} files: {automatic} automatic, {bounces} bounces, {with_id} with the Message-ID of ours", files.len());
    assert!(automatic * 100 >= files.len() * 95);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_ne!(parse(&raw, &MimeLimits::default(), Some("mx")).err(), Some(Unparseable::Panicked));
    }

    #[test]
    fn a_damaged_mail_is_read_or_refused(which in 0..3usize, changes in proptest::collection::vec((any::<usize>(), any::<u8>(), 0..4u8), 0..12)) {
        let mut raw = match which {
            0 => LETTER.as_bytes().to_vec(),
            1 => multipart("alternative", &[PLAIN, HTML, PICTURE]).into_bytes(),
            _ => multipart("report; report-type=delivery-status", &[PLAIN, "Content-Type: message/delivery-status\n\nX: y\n\nStatus: 5.1.1"]).into_bytes(),
        };
        for (at, byte, how) in changes {
            let at = at % raw.len();
            match how {
                0 => raw[at] = byte,
                1 => raw.insert(at, byte),
                2 => raw.truncate(at.max(1)),
                _ => { let tail = raw.split_off(at); raw.extend_from_slice(&tail.repeat(2)[..]); raw.truncate(4_000); }
            }
        }
        prop_assert_ne!(parse(&raw, &MimeLimits::default(), Some("mx")).err(), Some(Unparseable::Panicked));
    }
}
