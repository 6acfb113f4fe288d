//! Email out, through the relay of the mail stack.

use crate::imap;
use crate::stack::{Stack, letter};
use beadle::channels::imap::{FetchLimits, Fetched, ImapSession};
use beadle::channels::smtp::{Outgoing, SendError, Smtp, SmtpSettings};
use beadle::channels::{Security, WireError};
use lettre::Address;
use lettre::address::Envelope;
use std::sync::Arc;

pub fn settings(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::None,
        user: None,
        password: None,
        ca_file: None,
        hello_name: Some("beadle.test".to_owned()),
        connections: 2,
        data_timeout_seconds: 20,
    }
}

pub fn outgoing(settings: SmtpSettings) -> Outgoing {
    Outgoing::Smtp(Smtp::new(settings).unwrap())
}

pub fn envelope(from: Option<&str>, to: &[&str]) -> Envelope {
    let parse = |address: &str| address.parse::<Address>().unwrap();
    Envelope::new(from.map(parse), to.iter().copied().map(parse).collect()).unwrap()
}

#[tokio::test]
async fn a_message_arrives_byte_for_byte() {
    let stack = Stack::shared();
    let user = stack.user("arrives");
    let address = format!("{user}@{}", stack.domain);
    let mut message =
        b"Subject: dots\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        .\r\n..\r\n.leading\r\n\r\n.\r\nT\xc5\xb7 \xe2\x82\xac \xf0\x9f\x98\x80\r\nend.\r\n"
            .to_vec();
    message.extend(b"line\r\n".repeat(50_000));
    let out = outgoing(settings(stack.smtp));
    let answer = out.send(&envelope(Some("reply@council.test"), &[&address]), &message).await.unwrap();
    assert!(answer.starts_with("250 2.0.0 accepted"), "{answer}");

    let relayed = stack.relayed(&address);
    assert_eq!(relayed.len(), 1);
    assert!(relayed[0].1 == message, "the relay got other bytes");
    assert_eq!(relayed[0].0["from"], "reply@council.test");

    let mut session = ImapSession::open(&imap::settings(stack, &user), imap::LIMIT).await.unwrap();
    let fetched = session.fetch_after(0, 1, FetchLimits::default()).await.unwrap();
    let Fetched::Message { bytes, .. } = &fetched[0] else { panic!("{fetched:?}") };
    // LMTP has put its own header lines above it.
    assert!(bytes.ends_with(&message), "the mailbox holds other bytes");
}

#[tokio::test]
async fn the_null_sender_goes_out_as_such() {
    let stack = Stack::shared();
    let address = format!("{}@elsewhere.test", stack.user("null"));
    let out = outgoing(settings(stack.smtp));
    out.send(&envelope(None, &[&address]), &letter(1)).await.unwrap();
    assert_eq!(stack.relayed(&address)[0].0["from"], "<>");
}

#[tokio::test]
async fn lone_line_ends_cannot_smuggle_a_second_mail() {
    let stack = Stack::shared();
    let address = format!("{}@elsewhere.test", stack.user("smuggle"));
    let out = outgoing(settings(stack.smtp));
    let message = b"Subject: s\r\n\r\ntext\n.\r\nMAIL FROM:<mayor@council.test>\r\n.\rRCPT\n.\n\r.\r\nend";
    out.send(&envelope(None, &[&address]), message).await.unwrap();
    let relayed = stack.relayed(&address);
    assert_eq!(relayed.len(), 1);
    let whole = b"Subject: s\r\n\r\ntext\r\n.\r\nMAIL FROM:<mayor@council.test>\r\n.\r\nRCPT\r\n.\r\n\r\n.\r\nend\r\n";
    assert_eq!(String::from_utf8_lossy(&relayed[0].1), String::from_utf8_lossy(whole));
}

#[tokio::test]
async fn what_the_relay_puts_off_may_be_tried_again_and_what_it_refuses_may_not() {
    let stack = Stack::private(&[]);
    let out = outgoing(settings(stack.smtp));
    let to = |address: &str| envelope(Some("reply@council.test"), &[address]);
    stack.run(&["fault", "451 4.3.0 try later, someone@example.org"]);
    let error = out.send(&to("a@elsewhere.test"), &letter(1)).await.unwrap_err();
    assert!(matches!(&error, SendError::NotSent { why } if why.contains("451 4.3.0 try later")), "{error:?}");
    assert!(!error.to_string().contains('@'), "{error}");
    stack.run(&["fault", "554 5.7.1 spam"]);
    let error = out.send(&to("b@elsewhere.test"), &letter(2)).await.unwrap_err();
    assert_eq!(error, SendError::Refused { code: 554, why: "5.7.1 spam".to_owned() });
    stack.run(&["fault", "off"]);
    out.send(&to("c@elsewhere.test"), &letter(3)).await.unwrap();
    let relayed = stack.relayed("c@elsewhere.test");
    assert_eq!((relayed.len(), &relayed[0].1), (1, &letter(3)), "nothing of the refused mails is left in it");

    stack.run(&["stop"]);
    let error = out.send(&to("d@elsewhere.test"), &letter(4)).await.unwrap_err();
    assert!(matches!(error, SendError::NotSent { .. }), "{error:?}");
    assert!(out.check().await.is_err());
}

#[tokio::test]
async fn a_relay_without_sign_in_is_told_so() {
    let stack = Stack::shared();
    let signed =
        SmtpSettings { user: Some("someone".to_owned()), password: Some("secret-8472".into()), ..settings(stack.smtp) };
    let out = outgoing(signed);
    let error = out.send(&envelope(None, &["a@elsewhere.test"]), &letter(1)).await.unwrap_err();
    assert!(matches!(&error, SendError::NotSent { why } if why.contains("offers no sign-in")), "{error:?}");
    assert_eq!(out.check().await.unwrap_err(), error);
    assert!(!format!("{error:?} {out:?}").contains("8472"));
}

#[tokio::test]
async fn many_mails_go_out_side_by_side() {
    let stack = Stack::shared();
    let address = format!("{}@elsewhere.test", stack.user("many"));
    let out = Arc::new(outgoing(SmtpSettings { connections: 4, ..settings(stack.smtp) }));
    let sending: Vec<_> = (0..60)
        .map(|number| {
            let (out, envelope) = (Arc::clone(&out), envelope(Some("reply@council.test"), &[&address]));
            tokio::spawn(async move { out.send(&envelope, &letter(number)).await })
        })
        .collect();
    for sent in sending {
        sent.await.unwrap().unwrap();
    }
    let mut relayed: Vec<Vec<u8>> = stack.relayed(&address).into_iter().map(|(_, message)| message).collect();
    let mut sent: Vec<Vec<u8>> = (0..60).map(letter).collect();
    relayed.sort();
    sent.sort();
    assert!(relayed == sent, "{} arrived", relayed.len());
}

#[tokio::test]
async fn a_check_sends_nothing_and_says_what_it_found() {
    let stack = Stack::private(&[]);
    let found = outgoing(settings(stack.smtp)).check().await.unwrap();
    assert!(found.starts_with(&format!("127.0.0.1:{} answers 250", stack.smtp)), "{found}");
    assert_eq!(std::fs::read_dir(stack.dir.join("smtp")).unwrap().count(), 0);
}

#[test]
fn mail_never_goes_out_in_the_clear_over_a_network() {
    let error = Smtp::new(SmtpSettings { host: "mail.example.org".to_owned(), ..settings(25) }).unwrap_err();
    assert!(matches!(error, WireError::Insecure { .. }), "{error:?}");
}

#[tokio::test]
async fn the_folder_holds_one_file_for_each_message_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let out = Outgoing::Folder(path.clone());
    let files = || {
        let mut names: Vec<_> = std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let to = envelope(None, &["a@elsewhere.test"]);
    out.check().await.unwrap();
    assert!(files().is_empty(), "a check leaves nothing behind");
    let first = out.send(&to, &letter(1)).await.unwrap();
    out.send(&to, &letter(2)).await.unwrap();
    let mut again = letter(1);
    again.extend(b"a second attempt\r\n");
    assert_eq!(out.send(&to, &again).await.unwrap(), first);
    assert_eq!(files().len(), 2);
    let name = first.strip_prefix("written as ").unwrap();
    assert_eq!(std::fs::read(path.join(name)).unwrap(), again);
    let nameless = b"Subject: no id\r\n\r\nx\r\n";
    out.send(&to, nameless).await.unwrap();
    out.send(&to, nameless).await.unwrap();
    assert_eq!(files().len(), 3);

    std::fs::write(folder.path().join("file"), "").unwrap();
    let blocked = Outgoing::Folder(folder.path().join("file"));
    assert!(matches!(blocked.send(&to, nameless).await, Err(SendError::NotSent { .. })));
    assert!(matches!(blocked.check().await, Err(SendError::NotSent { .. })));
}
