//! Email in, against Dovecot.

use crate::stack::{Stack, letter};
use beadle::channels::imap::{
    AfterAccept, FetchLimits, Fetched, ImapError, ImapSession, ImapSettings, Woken, external_id,
};
use beadle::channels::{Security, WireError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub const LIMIT: Duration = Duration::from_secs(20);

pub fn settings(stack: &Stack, user: &str) -> ImapSettings {
    ImapSettings {
        host: "127.0.0.1".to_owned(),
        port: stack.imap,
        security: Security::None,
        user: user.to_owned(),
        password: stack.password.as_str().into(),
        mailbox: "INBOX".to_owned(),
        read_only: false,
        ca_file: None,
        after: AfterAccept::Seen,
    }
}

async fn open(settings: &ImapSettings) -> ImapSession {
    ImapSession::open(settings, LIMIT).await.unwrap()
}

pub fn uids(fetched: &[Fetched]) -> Vec<u32> {
    fetched.iter().map(Fetched::uid).collect()
}

#[tokio::test]
async fn mail_comes_in_the_order_of_its_uids_and_byte_for_byte() {
    let stack = Stack::shared();
    let user = stack.user("order");
    let letters: Vec<Vec<u8>> = (1..=12).map(letter).collect();
    stack.deliver(&user, &letters);
    let mut session = open(&settings(stack, &user)).await;
    assert_eq!(session.message_count().await.unwrap(), 12);

    let (mut cursor, mut bodies) = (0, Vec::new());
    for expected in [vec![1, 2, 3, 4, 5], vec![6, 7, 8, 9, 10], vec![11, 12], vec![]] {
        let piece = session.fetch_after(cursor, 5, FetchLimits::default()).await.unwrap();
        assert_eq!(uids(&piece), expected);
        cursor = piece.last().map_or(cursor, Fetched::uid);
        bodies.extend(piece.into_iter().map(|message| match message {
            Fetched::Message { bytes, arrived_at: Some(_), .. } => bytes,
            other => panic!("{other:?}"),
        }));
    }
    assert!(bodies == letters, "the bytes differ");
    // `13:*` names the last message, 12: it must not come again.
    assert!(session.fetch_after(12, 5, FetchLimits::default()).await.unwrap().is_empty());
    assert!(session.fetch_after(u32::MAX, 5, FetchLimits::default()).await.unwrap().is_empty());
    // Going back works too.
    assert_eq!(uids(&session.fetch_after(3, 2, FetchLimits::default()).await.unwrap()), [4, 5]);

    stack.deliver(&user, &[letter(13)]);
    assert_eq!(uids(&session.fetch_after(12, 5, FetchLimits::default()).await.unwrap()), [13]);
    session.logout().await;
}

#[tokio::test]
async fn one_call_brings_about_as_many_bytes_as_asked_for() {
    let stack = Stack::shared();
    let user = stack.user("bytes");
    stack.deliver(&user, &(1..=6).map(letter).collect::<Vec<_>>());
    let mut session = open(&settings(stack, &user)).await;
    let size = letter(1).len() as u64;
    let limits = FetchLimits { max_bytes: size * 5 / 2, ..FetchLimits::default() };
    assert_eq!(uids(&session.fetch_after(0, 100, limits).await.unwrap()), [1, 2]);
    let tiny = FetchLimits { max_bytes: 1, ..FetchLimits::default() };
    assert_eq!(uids(&session.fetch_after(2, 100, tiny).await.unwrap()), [3]);
}

#[tokio::test]
async fn long_gaps_between_uids_are_bridged() {
    let stack = Stack::shared();
    let user = stack.user("gap");
    stack.deliver(&user, &[letter(1)]);
    stack.doveadm(&["mailbox", "status", "-u", &user, "messages", "INBOX"]);
    stack.doveadm(&["mailbox", "update", "-u", &user, "--min-next-uid", "3000000000", "INBOX"]);
    stack.deliver(&user, &[letter(2), letter(3)]);
    let mut session = open(&settings(stack, &user)).await;
    assert_eq!(uids(&session.fetch_after(0, 10, FetchLimits::default()).await.unwrap()), [1]);
    let late = session.fetch_after(1, 10, FetchLimits::default()).await.unwrap();
    assert_eq!(uids(&late), [3_000_000_000, 3_000_000_001]);
    assert!(session.fetch_after(3_000_000_001, 10, FetchLimits::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn messages_that_vanish_meanwhile_are_passed_over() {
    let stack = Stack::shared();
    let user = stack.user("vanish");
    stack.deliver(&user, &(1..=4).map(letter).collect::<Vec<_>>());
    let mut session = open(&settings(stack, &user)).await;
    assert_eq!(uids(&session.fetch_after(0, 1, FetchLimits::default()).await.unwrap()), [1]);
    stack.doveadm(&["expunge", "-u", &user, "mailbox", "INBOX", "uid", "2:3"]);
    assert_eq!(uids(&session.fetch_after(1, 2, FetchLimits::default()).await.unwrap()), [4]);
    session.settle(&[1, 2, 3]).await.unwrap();
    assert_eq!(stack.flags(&user, "INBOX"), ["1 \\Seen", "4"]);
}

#[tokio::test]
async fn nothing_is_flagged_before_settle() {
    let stack = Stack::shared();
    let user = stack.user("seen");
    stack.deliver(&user, &(1..=3).map(letter).collect::<Vec<_>>());
    let mut session = open(&settings(stack, &user)).await;
    session.fetch_after(0, 10, FetchLimits::default()).await.unwrap();
    let unseen = || stack.flags(&user, "INBOX").iter().all(|line| !line.contains("Seen"));
    assert!(unseen());
    session.settle(&[]).await.unwrap();
    assert!(unseen());
    session.settle(&[1, 3]).await.unwrap();
    assert_eq!(stack.flags(&user, "INBOX").iter().filter(|line| line.contains("\\Seen")).count(), 2);
}

#[tokio::test]
async fn a_read_only_session_changes_nothing() {
    let stack = Stack::shared();
    let user = stack.user("readonly");
    stack.deliver(&user, &(1..=2).map(letter).collect::<Vec<_>>());
    for after in [AfterAccept::Seen, AfterAccept::Move("Done".to_owned())] {
        let mut session = open(&ImapSettings { read_only: true, after, ..settings(stack, &user) }).await;
        assert_eq!(session.fetch_after(0, 10, FetchLimits::default()).await.unwrap().len(), 2);
        session.settle(&[1, 2]).await.unwrap();
        session.logout().await;
    }
    // EXAMINE leaves \Recent alone too: had the mailbox been selected, the flag would be gone by now.
    let flags = stack.flags(&user, "INBOX");
    assert_eq!(flags, ["1 \\Recent", "2 \\Recent"], "{flags:?}");
}

#[tokio::test]
async fn accepted_mail_is_moved_into_a_folder_that_is_made_for_it() {
    let stack = Stack::shared();
    let user = stack.user("move");
    stack.deliver(&user, &(1..=3).map(letter).collect::<Vec<_>>());
    let folder = "Tŷ & \"Co\"";
    let mut session =
        open(&ImapSettings { after: AfterAccept::Move(folder.to_owned()), ..settings(stack, &user) }).await;
    session.settle(&[1, 2]).await.unwrap();
    // Again after a crash: they are gone, which is as it should be.
    session.settle(&[1, 2]).await.unwrap();
    assert_eq!(session.message_count().await.unwrap(), 1);
    assert_eq!(stack.flags(&user, folder).len(), 2);

    let mut other = open(&ImapSettings { mailbox: folder.to_owned(), ..settings(stack, &user) }).await;
    let moved = other.fetch_after(0, 10, FetchLimits::default()).await.unwrap();
    assert!(matches!(&moved[0], Fetched::Message { bytes, .. } if *bytes == letter(1)));
    assert_eq!(external_id(folder, 7, moved[0].uid()), "Tŷ & \"Co\"/7/1");
}

#[tokio::test]
async fn an_oversized_message_comes_as_its_header_and_the_others_come_whole() {
    let stack = Stack::shared();
    let user = stack.user("large");
    let mut large = letter(2);
    large.extend(b"line of forty-two characters, more or less\r\n".repeat(30_000));
    stack.deliver(&user, &[letter(1), large.clone(), letter(3)]);
    let mut session = open(&settings(stack, &user)).await;
    let limits = FetchLimits { max_message_bytes: 1_000_000, ..FetchLimits::default() };
    let fetched = session.fetch_after(0, 10, limits).await.unwrap();
    assert_eq!(uids(&fetched), [1, 2, 3]);
    let Fetched::Oversized { size, header, arrived_at: Some(_), .. } = &fetched[1] else {
        panic!("{:?}", fetched[1]);
    };
    assert_eq!(*size, large.len() as u64);
    assert!(header.starts_with(b"From: Rosa") && header.ends_with(b"\r\n\r\n"));
    // The same one under a higher limit.
    let whole = session.fetch_after(1, 1, FetchLimits::default()).await.unwrap();
    assert!(matches!(&whole[0], Fetched::Message { bytes, .. } if *bytes == large));
}

#[tokio::test]
async fn idle_wakes_on_new_mail_and_ends_when_the_service_does() {
    let stack = Stack::shared();
    let user = stack.user("idle");
    let mut session = open(&settings(stack, &user)).await;
    let stop = CancellationToken::new();
    assert!(session.fetch_after(0, 10, FetchLimits::default()).await.unwrap().is_empty());
    // A poll interval of an hour: only IDLE can wake it.
    let waiting = tokio::spawn(async move {
        let woken = session.wait(Duration::from_secs(3_600), &CancellationToken::new()).await;
        (session, woken)
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    stack.deliver(&user, &[letter(1)]);
    let (mut session, woken) = tokio::time::timeout(LIMIT, waiting).await.unwrap().unwrap();
    assert_eq!(woken.unwrap(), Woken::Mail);
    // It stays awake until somebody has looked.
    assert_eq!(session.wait(LIMIT, &stop).await.unwrap(), Woken::Mail);
    assert_eq!(uids(&session.fetch_after(0, 10, FetchLimits::default()).await.unwrap()), [1]);
    assert!(session.fetch_after(1, 10, FetchLimits::default()).await.unwrap().is_empty());

    let ending = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        ending.cancel();
    });
    assert_eq!(session.wait(Duration::from_secs(3_600), &stop).await.unwrap(), Woken::Stopped);
    assert_eq!(session.wait(Duration::from_secs(3_600), &stop).await.unwrap(), Woken::Stopped);
    assert_eq!(session.message_count().await.unwrap(), 1, "the session is in order after IDLE");
}

#[tokio::test]
async fn a_session_that_is_cut_is_an_error_and_a_new_one_goes_on() {
    let stack = Stack::shared();
    let user = stack.user("kick");
    stack.deliver(&user, &(1..=2).map(letter).collect::<Vec<_>>());
    let settings = settings(stack, &user);
    let mut session = open(&settings).await;
    assert_eq!(uids(&session.fetch_after(0, 1, FetchLimits::default()).await.unwrap()), [1]);
    stack.run(&["kick", &user]);
    let error = session.fetch_after(1, 1, FetchLimits::default()).await.unwrap_err();
    assert!(matches!(error, ImapError::Closed { .. }), "{error}");
    // What follows an error is an error, never an empty mailbox.
    assert!(session.fetch_after(1, 1, FetchLimits::default()).await.is_err());
    assert!(session.wait(LIMIT, &CancellationToken::new()).await.is_err());
    session.logout().await;

    let mut session = open(&settings).await;
    assert_eq!(uids(&session.fetch_after(1, 1, FetchLimits::default()).await.unwrap()), [2]);
    assert!(session.fetch_after(2, 1, FetchLimits::default()).await.unwrap().is_empty());
    let waiting = tokio::spawn(async move { session.wait(LIMIT, &CancellationToken::new()).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    stack.run(&["kick", &user]);
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, ImapError::Closed { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_is_away_is_an_error_until_it_is_back() {
    let stack = Stack::private(&[]);
    stack.deliver("away", &[letter(1)]);
    let settings = settings(&stack, "away");
    stack.run(&["imap-stop"]);
    let error = ImapSession::open(&settings, LIMIT).await.unwrap_err();
    assert!(matches!(error, ImapError::Wire(WireError::Connect { .. })), "{error}");
    stack.run(&["imap-start"]);
    let mut session = open(&settings).await;
    assert_eq!(uids(&session.fetch_after(0, 1, FetchLimits::default()).await.unwrap()), [1]);
}

#[tokio::test]
async fn a_wrong_password_is_called_one() {
    // Its own stack, since Dovecot slows down everybody who comes from where a log-in failed.
    let stack = Stack::private(&[]);
    for password in ["Wrong-8472", "Fälsch-8472"] {
        let settings = ImapSettings { password: password.into(), ..settings(&stack, "someone") };
        let error = ImapSession::open(&settings, LIMIT).await.unwrap_err();
        assert!(matches!(error, ImapError::Login { .. }), "{error:?}");
        let text = format!("{error} {error:?} {settings:?}");
        assert!(text.contains("refuses the user name or the password"), "{text}");
        assert!(!text.contains("8472"), "{text}");
    }
}

#[tokio::test]
async fn a_password_may_hold_any_character() {
    let stack = Stack::private(&[("MAILSTACK_PASS", "Tŷ-\"\\-8472")]);
    stack.deliver("someone", &[letter(1)]);
    let mut session = open(&settings(&stack, "someone")).await;
    assert_eq!(session.message_count().await.unwrap(), 1);
}

#[tokio::test]
async fn a_mailbox_that_is_not_there_is_named() {
    let stack = Stack::shared();
    let user = stack.user("nomailbox");
    for read_only in [false, true] {
        let settings = ImapSettings { mailbox: "Casework".to_owned(), read_only, ..settings(stack, &user) };
        let error = ImapSession::open(&settings, LIMIT).await.unwrap_err();
        assert!(matches!(&error, ImapError::NoMailbox { mailbox, .. } if mailbox == "Casework"), "{error:?}");
    }
}

#[tokio::test]
async fn a_renumbered_mailbox_shows_another_uid_validity() {
    let stack = Stack::shared();
    let user = stack.user("validity");
    stack.deliver(&user, &[letter(1)]);
    let settings = settings(stack, &user);
    let before = open(&settings).await.uid_validity();
    assert_eq!(open(&settings).await.uid_validity(), before);
    stack.run(&["kick", &user]);
    stack.doveadm(&["mailbox", "update", "-u", &user, "--uid-validity", "4711", "INBOX"]);
    let after = open(&settings).await.uid_validity();
    assert_eq!(after, 4711);
    assert_ne!(external_id("INBOX", before, 1), external_id("INBOX", after, 1));
}

#[tokio::test]
async fn tls_is_trusted_by_the_extra_authority_and_by_nothing_less() {
    let stack = Stack::shared();
    let user = stack.user("tls");
    stack.deliver(&user, &[letter(1)]);
    for (security, port) in [(Security::Tls, stack.imaps), (Security::StartTls, stack.imap)] {
        let untrusted = ImapSettings { security, port, ..settings(stack, &user) };
        let error = ImapSession::open(&untrusted, LIMIT).await.unwrap_err();
        assert!(matches!(error, ImapError::Wire(WireError::Tls { .. })), "{security:?}: {error:?}");
        assert!(error.to_string().contains("ca_file"), "{error}");

        let trusted = ImapSettings { ca_file: Some(stack.certificate.clone()), ..untrusted };
        for host in ["127.0.0.1", "localhost"] {
            let mut session = open(&ImapSettings { host: host.to_owned(), ..trusted.clone() }).await;
            assert_eq!(uids(&session.fetch_after(0, 1, FetchLimits::default()).await.unwrap()), [1]);
            session.logout().await;
        }
    }
    // TLS on a port that does not speak it.
    let mistaken =
        ImapSettings { security: Security::Tls, ca_file: Some(stack.certificate.clone()), ..settings(stack, &user) };
    let error = ImapSession::open(&mistaken, LIMIT).await.unwrap_err();
    assert!(matches!(error, ImapError::Wire(WireError::Tls { .. })), "{error:?}");
}

#[tokio::test]
async fn mail_is_never_read_in_the_clear_over_a_network() {
    let settings = ImapSettings { host: "192.0.2.1".to_owned(), ..settings(Stack::shared(), "nobody") };
    let error = ImapSession::open(&settings, LIMIT).await.unwrap_err();
    assert!(matches!(error, ImapError::Wire(WireError::Insecure { .. })), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_mailboxes_are_read_side_by_side() {
    let stack = Stack::shared();
    let reading: Vec<_> = (1..=8)
        .map(|count| {
            let user = stack.user("many");
            stack.deliver(&user, &(1..=count).map(letter).collect::<Vec<_>>());
            tokio::spawn(async move {
                let mut session = open(&settings(stack, &user)).await;
                let (mut cursor, mut got) = (0, 0);
                loop {
                    let piece = session.fetch_after(cursor, 3, FetchLimits::default()).await.unwrap();
                    let Some(last) = piece.last() else { break };
                    cursor = last.uid();
                    got += piece.len();
                    session.settle(&uids(&piece)).await.unwrap();
                }
                session.logout().await;
                assert_eq!(got, count);
                assert!(stack.flags(&user, "INBOX").iter().all(|line| line.contains("\\Seen")));
            })
        })
        .collect();
    for mailbox in reading {
        mailbox.await.unwrap();
    }
}
