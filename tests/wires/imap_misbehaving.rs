//! Email in, from servers that do badly: nothing may be taken for an empty mailbox.

use crate::fake::{self, Act, Fake};
use crate::imap::uids;
use beadle::channels::Security;
use beadle::channels::imap::{AfterAccept, FetchLimits, Fetched, ImapError, ImapSession, ImapSettings, Woken};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(5);

async fn try_open(fake: &Fake, after: AfterAccept) -> Result<ImapSession, ImapError> {
    let settings = ImapSettings {
        host: "127.0.0.1".to_owned(),
        port: fake.port,
        security: Security::None,
        user: "someone@example.org".to_owned(),
        password: "secret".into(),
        mailbox: "INBOX".to_owned(),
        read_only: false,
        ca_file: None,
        after,
    };
    ImapSession::open(&settings, LIMIT).await
}

async fn fetch(fake: &Fake) -> Result<Vec<Fetched>, ImapError> {
    let mut session = try_open(fake, AfterAccept::Leave).await.unwrap();
    session.fetch_after(0, 10, FetchLimits::default()).await
}

fn say(said: &str) -> Act {
    Act::Say(said.to_owned())
}

const FOUND: &str = "* SEARCH 3 1 2 \r\nTAG OK done\r\n";
const SIZES: &str = "* 3 FETCH (UID 3 RFC822.SIZE 5)\r\n* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n\
                     * 2 FETCH (UID 2 RFC822.SIZE 5)\r\nTAG OK done\r\n";

#[tokio::test]
async fn a_connection_that_is_cut_is_no_empty_answer() {
    for act in [Act::Close, Act::Part("* SEARCH 1 2".to_owned()), Act::Part("* BYE for today\r\n".to_owned())] {
        let error = fetch(&fake::imap(vec![("UID SEARCH", act)]).await).await.unwrap_err();
        assert!(matches!(error, ImapError::Closed { .. }), "{error:?}");
    }
    // In the middle of a message, and after the first of three.
    for half in ["* 1 FETCH (UID 1 BODY[] {5}\r\nab", "* 1 FETCH (UID 1 BODY[] {5}\r\nabc\r\n)\r\n"] {
        let script = vec![
            ("UID SEARCH", say(FOUND)),
            ("UID FETCH 1:3 (UID INTERNALDATE RFC822.SIZE)", say(SIZES)),
            ("UID FETCH", Act::Part(half.to_owned())),
        ];
        let error = fetch(&fake::imap(script).await).await.unwrap_err();
        assert!(matches!(error, ImapError::Closed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_refused_search_is_no_empty_answer() {
    let error = fetch(&fake::imap(vec![("UID SEARCH", say("TAG NO not now\r\n"))]).await).await.unwrap_err();
    assert_eq!(error.to_string(), "the mail server refuses a search: not now");
    let error = fetch(&fake::imap(vec![("UID SEARCH", say("TAG BAD what?\r\n"))]).await).await.unwrap_err();
    assert!(matches!(error, ImapError::Protocol { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_does_not_leak_into_the_error() {
    let said = "* 1 FETCH (UID 1 BODY[] very private words)\r\nTAG OK\r\n";
    let error = fetch(&fake::imap(vec![("UID SEARCH", say(said))]).await).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("private"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let fake = fake::imap(vec![("UID SEARCH", say(""))]).await;
    let mut session = try_open(&fake, AfterAccept::Leave).await.unwrap();
    let error = session.fetch_after(0, 10, FetchLimits::default()).await.unwrap_err();
    assert!(matches!(error, ImapError::Timeout { seconds: 5, .. }), "{error:?}");
    assert!(matches!(session.message_count().await, Err(ImapError::Closed { .. })));
}

#[tokio::test]
async fn one_message_that_the_server_stumbles_over_does_not_keep_back_the_others() {
    let body = |uid: u32| format!("* {uid} FETCH (UID {uid} BODY[] {{5}}\r\nabc\r\n)\r\nTAG OK done\r\n");
    let (one, three) = (body(1), body(3));
    let fake = fake::imap(vec![
        ("UID SEARCH", say(FOUND)),
        ("UID FETCH 1:3 (UID INTERNALDATE RFC822.SIZE)", say(SIZES)),
        ("UID FETCH 1:3", say("* 3 FETCH (UID 3 BODY[] {5}\r\nabc\r\n)\r\nTAG NO some could not be read\r\n")),
        ("UID FETCH 1 ", say(&one)),
        ("UID FETCH 2 ", say("TAG NO it is damaged\r\n")),
        ("UID FETCH 3 ", say(&three)),
    ])
    .await;
    let fetched = fetch(&fake).await.unwrap();
    assert_eq!(uids(&fetched), [1, 2, 3]);
    assert!(matches!(&fetched[0], Fetched::Message { bytes, .. } if bytes == b"abc\r\n"));
    assert!(matches!(&fetched[1], Fetched::Unreadable { why, .. } if why == "it is damaged"));
    assert!(matches!(&fetched[2], Fetched::Message { .. }));
}

#[tokio::test]
async fn a_message_without_content_and_one_left_out_are_not_lost() {
    let bodies = "* 1 FETCH (FLAGS (\\Seen) UID 1)\r\n* 2 FETCH (UID 2 BODY[] NIL)\r\n\
                  * 3 FETCH (UID 3 BODY[] \"abc\")\r\n* 9 FETCH (UID 9 BODY[] \"xyz\")\r\nTAG OK done\r\n";
    let fake = fake::imap(vec![
        ("UID SEARCH", say(FOUND)),
        ("UID FETCH 1:3 (UID INTERNALDATE RFC822.SIZE)", say(SIZES)),
        ("UID FETCH 1:3", say(bodies)),
        ("UID FETCH 1 (UID INTERNALDATE RFC822.SIZE)", say("* 1 FETCH (UID 1 RFC822.SIZE 5)\r\nTAG OK done\r\n")),
    ])
    .await;
    let fetched = fetch(&fake).await.unwrap();
    assert_eq!(uids(&fetched), [1, 2, 3]);
    assert!(matches!(&fetched[0], Fetched::Unreadable { .. }));
    assert!(matches!(&fetched[1], Fetched::Unreadable { .. }));
    assert!(matches!(&fetched[2], Fetched::Message { bytes, .. } if bytes == b"abc"));
}

#[tokio::test]
async fn a_server_that_is_busy_is_not_a_damaged_message() {
    let fake = fake::imap(vec![
        ("UID SEARCH", say("* SEARCH 1\r\nTAG OK done\r\n")),
        ("UID FETCH 1 (UID INTERNALDATE RFC822.SIZE)", say("* 1 FETCH (UID 1 RFC822.SIZE 5)\r\nTAG OK done\r\n")),
        ("UID FETCH", say("TAG NO [UNAVAILABLE] storage is busy\r\n")),
    ])
    .await;
    let error = fetch(&fake).await.unwrap_err();
    assert!(matches!(error, ImapError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn without_move_a_message_is_copied_flagged_and_expunged_by_its_uid_alone() {
    let able = "* CAPABILITY IMAP4rev1 UIDPLUS\r\nTAG OK done\r\n";
    let after = || AfterAccept::Move("Done".to_owned());
    let fake = fake::imap(vec![("CAPABILITY", say(able))]).await;
    try_open(&fake, after()).await.unwrap().settle(&[4, 2, 3]).await.unwrap();
    let commands: Vec<String> =
        fake.heard().iter().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect();
    assert_eq!(&commands[3..], ["UID COPY 2:4 \"Done\"", "UID STORE 2:4 +FLAGS.SILENT (\\Deleted)", "UID EXPUNGE 2:4"]);

    // Without UIDPLUS no EXPUNGE: it would remove what others have marked.
    let fake = fake::imap(vec![]).await;
    try_open(&fake, after()).await.unwrap().settle(&[2]).await.unwrap();
    assert!(fake.heard().iter().all(|line| !line.contains("EXPUNGE")));

    // And where the copy is refused, nothing is marked.
    let fake = fake::imap(vec![("UID COPY", say("TAG NO over quota\r\n"))]).await;
    let error = try_open(&fake, after()).await.unwrap().settle(&[2]).await.unwrap_err();
    assert!(matches!(error, ImapError::Refused { .. }), "{error:?}");
    assert!(fake.heard().iter().all(|line| !line.contains("STORE")));
}

#[tokio::test]
async fn a_mailbox_that_may_only_be_read_is_not_flagged() {
    let open = "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nTAG OK [READ-ONLY] open\r\n";
    let fake = fake::imap(vec![("SELECT", say(open))]).await;
    let error = try_open(&fake, AfterAccept::Seen).await.unwrap().settle(&[1]).await.unwrap_err();
    assert!(error.to_string().contains("read_only = true"), "{error}");
}

#[tokio::test]
async fn without_idle_the_mailbox_is_polled() {
    let fake = fake::imap(vec![("NOOP", say("* MORE EXISTS\r\nTAG OK done\r\n"))]).await;
    let mut session = try_open(&fake, AfterAccept::Leave).await.unwrap();
    session.fetch_after(0, 1, FetchLimits::default()).await.unwrap();
    let began = tokio::time::Instant::now();
    let woken = session.wait(Duration::from_millis(300), &CancellationToken::new()).await.unwrap();
    assert_eq!(woken, Woken::Mail);
    assert!(began.elapsed() >= Duration::from_millis(300));

    let fake = fake::imap(vec![]).await;
    let mut session = try_open(&fake, AfterAccept::Leave).await.unwrap();
    session.fetch_after(0, 1, FetchLimits::default()).await.unwrap();
    let woken = session.wait(Duration::from_millis(10), &CancellationToken::new()).await.unwrap();
    assert_eq!(woken, Woken::Time);
}

#[tokio::test]
async fn a_server_that_wants_no_idle_after_all_is_polled() {
    let able = say("* CAPABILITY IMAP4rev1 IDLE\r\nTAG OK done\r\n");
    for refusal in ["TAG NO not today\r\n", "+ idling\r\nTAG OK enough of it\r\n"] {
        let fake = fake::imap(vec![("CAPABILITY", able.clone()), ("IDLE", say(refusal))]).await;
        let mut session = try_open(&fake, AfterAccept::Leave).await.unwrap();
        session.fetch_after(0, 1, FetchLimits::default()).await.unwrap();
        let began = tokio::time::Instant::now();
        let woken = session.wait(Duration::from_millis(300), &CancellationToken::new()).await.unwrap();
        assert_eq!(woken, Woken::Time);
        assert!(began.elapsed() >= Duration::from_millis(300), "it must not be asked again at once");
    }
}

#[tokio::test]
async fn mail_that_arrives_while_another_command_runs_is_not_slept_over() {
    let fake = fake::imap(vec![
        ("CAPABILITY", say("* CAPABILITY IMAP4rev1 IDLE\r\nTAG OK done\r\n")),
        ("UID SEARCH", say("* SEARCH\r\n* 4 EXISTS\r\nTAG OK done\r\n")),
    ])
    .await;
    let mut session = try_open(&fake, AfterAccept::Leave).await.unwrap();
    assert!(session.fetch_after(0, 1, FetchLimits::default()).await.unwrap().is_empty());
    let woken = session.wait(Duration::from_secs(3_600), &CancellationToken::new()).await.unwrap();
    assert_eq!(woken, Woken::Mail);
    assert_eq!(fake.heard().iter().filter(|line| line.contains("IDLE")).count(), 0);
}

#[tokio::test]
async fn a_mailbox_that_is_renumbered_while_it_is_open_is_an_error() {
    let said = "* OK [UIDVALIDITY 8] renumbered\r\n* SEARCH 1\r\nTAG OK done\r\n";
    let error = fetch(&fake::imap(vec![("UID SEARCH", say(said))]).await).await.unwrap_err();
    assert!(matches!(error, ImapError::Renumbered), "{error:?}");
}

#[tokio::test]
async fn a_server_without_lasting_uids_is_refused() {
    for open in [
        "* 3 EXISTS\r\nTAG OK [READ-WRITE] open\r\n",
        "* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNOTSTICKY] sorry\r\nTAG OK [READ-WRITE] open\r\n",
    ] {
        let fake = fake::imap(vec![("SELECT", say(open))]).await;
        let error = try_open(&fake, AfterAccept::Leave).await.unwrap_err();
        assert!(matches!(error, ImapError::Protocol { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_log_in_that_fails_for_now_is_not_called_a_wrong_password() {
    let refused = [
        ("TAG NO [UNAVAILABLE] try later\r\n", false),
        ("TAG NO [AUTHENTICATIONFAILED] wrong for someone@example.org\r\n", true),
    ];
    for (said, wrong) in refused {
        let fake = fake::imap(vec![("LOGIN", say(said))]).await;
        let error = try_open(&fake, AfterAccept::Leave).await.unwrap_err();
        assert_eq!(matches!(error, ImapError::Login { .. }), wrong, "{error:?}");
        assert!(!error.to_string().contains("someone"), "{error}");
    }
    let fake = fake::imap(vec![("LOGIN", Act::Part("* BYE too many connections\r\n".to_owned()))]).await;
    let error = try_open(&fake, AfterAccept::Leave).await.unwrap_err();
    assert!(matches!(error, ImapError::Closed { .. }), "{error:?}");
}
