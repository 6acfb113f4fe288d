//! Mail lying in files.

use crate::stack::{Stack, letter};
use beadle::channels::mailbox_folder::{FolderError, Kind, MailboxFolder};
use beadle::core::RawMessage;
use std::fs;
use std::path::Path;

const LIMIT: u64 = 10_000;

fn open(path: &Path) -> MailboxFolder {
    MailboxFolder::open(path, "archive", LIMIT).unwrap()
}

fn all(path: &Path) -> Vec<RawMessage> {
    open(path).map(Result::unwrap).collect()
}

#[test]
fn a_folder_of_eml_files_is_read_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    for (name, number) in [("b.eml", 2), ("a.EML", 1), ("c.eml", 3)] {
        fs::write(folder.path().join(name), letter(number)).unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "no mail").unwrap();
    fs::create_dir(folder.path().join("inner.eml")).unwrap();
    assert_eq!(open(folder.path()).kind(), Kind::EmlFolder);
    let messages = all(folder.path());
    assert_eq!(messages.iter().map(|m| m.bytes.clone()).collect::<Vec<_>>(), [letter(1), letter(2), letter(3)]);
    let (name, hash) = messages[0].external_id.split_once(':').unwrap();
    assert_eq!((name, hash.len(), messages[0].account.as_str()), ("a.EML", 16, "archive"));
    assert_eq!(messages, all(folder.path()), "the same names each time");
    fs::write(folder.path().join("a.EML"), letter(9)).unwrap();
    assert_ne!(messages[0].external_id, all(folder.path())[0].external_id, "other bytes are another message");
}

#[test]
fn a_maildir_is_read_in_the_order_of_delivery_whatever_was_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["new", "cur", "tmp"] {
        fs::create_dir(folder.path().join(part)).unwrap();
    }
    assert_eq!((open(folder.path()).kind(), all(folder.path()).len()), (Kind::Maildir, 0), "empty, but a Maildir");
    let put = |name: &str, number| fs::write(folder.path().join(name), letter(number)).unwrap();
    put("new/1700000300.M1P2.host", 3);
    put("cur/1700000100.M9P2.host:2,S", 1);
    put("cur/1700000200.M1P2.host:2,", 2);
    put("new/999.M1P2.host", 0);
    put("new/.hidden", 8);
    put("tmp/1700000000.M1P2.host", 9);
    let messages = all(folder.path());
    assert_eq!(messages.iter().map(|m| m.bytes.clone()).collect::<Vec<_>>(), [0, 1, 2, 3].map(letter));
    assert_eq!(messages[1].external_id, "1700000100.M9P2.host");
    assert!(messages.iter().all(|m| m.arrived_at.is_some()));

    // Another program looks at a message while we read.
    let reading = open(folder.path());
    fs::rename(folder.path().join("new/999.M1P2.host"), folder.path().join("cur/999.M1P2.host:2,RS")).unwrap();
    assert_eq!(reading.map(Result::unwrap).collect::<Vec<_>>(), messages);
}

#[test]
fn an_mbox_is_split_where_messages_begin_and_unquoted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive.mbox");
    let text = "From ann@example.org Sat Jan  6 01:05:34 1996\nSubject: one\n\n>From here on\n>>From there\n> From\n\
                From the middle of a text\n\nlast\n\n\
                From bob@example.org Sun Jan  7 01:05:34 1996\nSubject: two\n\n\n\nend\n\n";
    for crlf in [false, true] {
        fs::write(&path, if crlf { text.replace('\n', "\r\n") } else { text.to_owned() }).unwrap();
        assert_eq!(open(&path).kind(), Kind::Mbox);
        let messages = all(&path);
        let bodies: Vec<String> =
            messages.iter().map(|m| String::from_utf8(m.bytes.clone()).unwrap().replace("\r\n", "\n")).collect();
        assert_eq!(
            bodies,
            [
                "Subject: one\n\nFrom here on\n>From there\n> From\nFrom the middle of a text\n\nlast\n",
                "Subject: two\n\n\n\nend\n"
            ]
        );
        assert_eq!(messages[1].arrived_at.unwrap().to_rfc3339(), "1996-01-07T01:05:34+00:00");
        let (index, hash) = messages[1].external_id.split_once(':').unwrap();
        assert_eq!((index, hash.len()), ("1", 16));
    }
}

#[test]
fn what_cannot_be_read_is_reported_in_its_place_and_reading_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1.eml"), letter(1)).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", folder.path().join("2.eml")).unwrap();
    fs::write(folder.path().join("3.eml"), vec![b'x'; 10_001]).unwrap();
    fs::write(folder.path().join("4.eml"), letter(4)).unwrap();
    let items: Vec<_> = open(folder.path()).collect();
    assert!(items[0].is_ok() && items[3].is_ok() && items.len() == 4);
    assert!(matches!(&items[1], Err(FolderError::Unreadable { path, .. }) if path.ends_with("2.eml")));
    assert!(matches!(&items[2], Err(FolderError::TooLarge { size: 10_001, limit: LIMIT, .. })));
}

#[test]
fn an_oversized_message_in_an_mbox_does_not_hide_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mbox");
    // One of many lines, and one of a single line that is read in pieces.
    let (lines, line) = ("x\n".repeat(6_000), "y".repeat(30_000));
    fs::write(&path, format!("From a\n{lines}\nFrom b\n{line}\n\nFrom c\nshort\n")).unwrap();
    let items: Vec<_> = open(&path).collect();
    assert_eq!(items.len(), 3);
    let told = items[0].as_ref().unwrap_err().to_string();
    assert!(told.contains("mbox:0 holds a message of 12000 bytes"), "{told}");
    assert!(matches!(&items[1], Err(FolderError::TooLarge { size: 30_001, .. })));
    assert_eq!(items[2].as_ref().unwrap().bytes, b"short\n");
}

#[test]
fn a_path_without_mail_says_what_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| MailboxFolder::open(path, "archive", LIMIT).unwrap_err();
    assert!(matches!(error(&folder.path().join("gone")), FolderError::Missing(_)));
    assert!(matches!(error(folder.path()), FolderError::NoMail(_)));
    let file = folder.path().join("file");
    for text in ["", "Subject: a single message\n\nhello\n"] {
        fs::write(&file, text).unwrap();
        assert!(matches!(error(&file), FolderError::NoMbox(_)));
    }
    assert!(matches!(error(folder.path()), FolderError::NoMail(_)), "a file that is no .eml is no mail");
}

#[test]
fn dovecots_own_maildir_is_read_like_the_mailbox() {
    let stack = Stack::shared();
    let user = stack.user("maildir");
    let letters: Vec<Vec<u8>> = (1..=3).map(letter).collect();
    stack.deliver(&user, &letters);
    // Dovecot takes the first into cur, under another name.
    stack.doveadm(&["flags", "add", "-u", &user, "\\Seen", "mailbox", "INBOX", "uid", "1"]);
    let messages = all(&stack.dir.join("home").join(&user).join("Maildir"));
    assert_eq!(messages.iter().map(|m| m.bytes.clone()).collect::<Vec<_>>(), letters);
}
