//! Email out, to servers that fail at each step: what was handed over must be known.

use crate::fake::{self, Act, Fake, Manner, serve, smtp_answer};
use crate::smtp::{envelope, outgoing, settings};
use crate::stack::{Stack, letter};
use beadle::channels::Security;
use beadle::channels::smtp::{SendError, SmtpSettings};

const GREETING: &str = "220 fake ready\r\n";

/// A server that answers a line that begins so in its own way, and else as usual.
async fn but(start: &'static str, act: Act) -> Fake {
    serve(Manner::plain(GREETING), move |_, line| if line.starts_with(start) { act.clone() } else { smtp_answer(line) })
        .await
}

fn say(said: &str) -> Act {
    Act::Say(said.to_owned())
}

async fn send(port: u16) -> Result<String, SendError> {
    let out = outgoing(SmtpSettings { data_timeout_seconds: 1, ..settings(port) });
    out.send(&envelope(Some("reply@council.test"), &["a@elsewhere.test"]), &letter(1)).await
}

#[tokio::test]
async fn a_connection_lost_before_the_message_means_not_sent() {
    for start in ["EHLO", "MAIL", "RCPT", "DATA"] {
        let fake = but(start, Act::Close).await;
        let error = send(fake.port).await.unwrap_err();
        assert!(matches!(error, SendError::NotSent { .. }), "{start}: {error:?}");
        assert_eq!(fake.count("."), 0);
    }
}

#[tokio::test]
async fn a_connection_lost_after_the_message_was_begun_means_uncertain() {
    // Before its end, after its end, with half an answer, and with an answer that makes no sense.
    for (start, act) in [
        ("Subject", Act::Close),
        (".", Act::Close),
        (".", Act::Part("250 2.0".to_owned())),
        (".", Act::Part("hello\r\n".to_owned())),
    ] {
        let fake = but(start, act.clone()).await;
        let error = send(fake.port).await.unwrap_err();
        assert!(matches!(error, SendError::Uncertain { .. }), "{start} {act:?}: {error:?}");
    }
}

#[tokio::test]
async fn no_answer_in_time_after_the_message_means_uncertain() {
    let fake = but(".", say("")).await;
    let error = send(fake.port).await.unwrap_err();
    assert!(matches!(&error, SendError::Uncertain { why } if why.contains("within 1 s")), "{error:?}");
}

#[tokio::test]
async fn a_refusal_at_any_step_is_final_only_with_5xx_and_only_for_the_mail() {
    let not_sent = |error: &SendError| matches!(error, SendError::NotSent { .. });
    for (start, said, is_final) in [
        ("EHLO", "554 5.7.1 go away\r\n", false),
        ("MAIL", "451 4.7.1 later\r\n", false),
        ("MAIL", "421 4.3.0 closing\r\n", false),
        ("MAIL", "530 5.7.0 sign in first\r\n", false),
        ("MAIL", "550 5.7.1 not you\r\n", true),
        ("RCPT", "450 4.2.1 busy\r\n", false),
        ("RCPT", "550 5.1.1 unknown\r\n", true),
        ("DATA", "451 4.3.0 later\r\n", false),
        ("DATA", "554 5.5.1 no\r\n", true),
        ("DATA", "250 what?\r\n", false),
        (".", "421 4.3.0 later\r\n", false),
        (".", "452 4.3.1 full\r\n", false),
        (".", "554 5.6.0 no\r\n", true),
    ] {
        let fake = but(start, say(said)).await;
        let error = send(fake.port).await.unwrap_err();
        let right = if is_final { matches!(error, SendError::Refused { .. }) } else { not_sent(&error) };
        assert!(right, "{start} {said:?}: {error:?}");
    }
}

#[tokio::test]
async fn when_one_recipient_is_refused_nobody_gets_the_mail() {
    let fake = serve(Manner::plain(GREETING), |_, line| match line {
        "RCPT TO:<b@elsewhere.test>" => say("550 5.1.1 <b@elsewhere.test> unknown\r\n"),
        "RCPT TO:<c@elsewhere.test>" => say("450 4.2.1 busy\r\n"),
        line => smtp_answer(line),
    })
    .await;
    let out = outgoing(settings(fake.port));
    let all = envelope(None, &["a@elsewhere.test", "b@elsewhere.test", "c@elsewhere.test"]);
    let error = out.send(&all, &letter(1)).await.unwrap_err();
    let why = "recipient 2 of 3: 5.1.1 (address) unknown".to_owned();
    assert_eq!(error, SendError::Refused { code: 550, why });
    assert_eq!((fake.count("DATA"), fake.count("RSET")), (0, 1));

    out.send(&envelope(None, &["a@elsewhere.test"]), &letter(2)).await.unwrap();
    assert_eq!(fake.count("EHLO"), 1, "the connection is used again");
    let error = out.send(&envelope(None, &["c@elsewhere.test"]), &letter(3)).await.unwrap_err();
    assert!(matches!(&error, SendError::NotSent { why } if why.starts_with("recipient 1 of 1")), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_went_stale_between_two_mails_is_made_anew() {
    // Each connection takes one mail, and ends at the next in one way or the other.
    for farewell in ["", "421 4.4.2 idle for too long\r\n"] {
        let taken = std::sync::Mutex::new(std::collections::HashSet::new());
        let fake = serve(Manner::plain(GREETING), move |connection, line| match line {
            "." => {
                taken.lock().unwrap().insert(connection);
                smtp_answer(line)
            }
            line if line.starts_with("MAIL") && taken.lock().unwrap().contains(&connection) => {
                Act::Part(farewell.to_owned())
            }
            line => smtp_answer(line),
        })
        .await;
        let out = outgoing(settings(fake.port));
        for number in 0..3 {
            out.send(&envelope(None, &["a@elsewhere.test"]), &letter(number)).await.unwrap();
        }
        assert_eq!((fake.count("EHLO"), fake.count("DATA")), (3, 3));
    }
}

#[tokio::test]
async fn no_more_connections_are_open_than_allowed() {
    let fake = but("nothing", Act::Close).await;
    let out = std::sync::Arc::new(outgoing(SmtpSettings { connections: 3, ..settings(fake.port) }));
    let sending: Vec<_> = (0..30)
        .map(|number| {
            let out = std::sync::Arc::clone(&out);
            let to = envelope(None, &["a@elsewhere.test"]);
            tokio::spawn(async move { out.send(&to, &letter(number)).await })
        })
        .collect();
    for sent in sending {
        sent.await.unwrap().unwrap();
    }
    assert_eq!(fake.count("DATA"), 30);
    assert!(fake.count("EHLO") <= 3, "{} connections", fake.count("EHLO"));
}

#[tokio::test]
async fn what_the_server_cannot_carry_is_refused_before_anything_is_sent() {
    let fake = but("EHLO", say("250 plain\r\n")).await;
    let out = outgoing(settings(fake.port));
    let error = out.send(&envelope(None, &["a@elsewhere.test"]), "Tŷ".as_bytes()).await.unwrap_err();
    assert!(matches!(error, SendError::Refused { code: 554, .. }), "{error:?}");
    let error = out.send(&envelope(None, &["tŷ@elsewhere.test"]), b"x").await.unwrap_err();
    assert!(matches!(error, SendError::Refused { code: 553, .. }), "{error:?}");
    assert_eq!(fake.count("MAIL"), 0);
}

#[tokio::test]
async fn the_sign_in_is_made_and_a_wrong_password_is_no_fault_of_the_mail() {
    for (said, good) in [("235 2.7.0 welcome\r\n", true), ("535 5.7.8 wrong for someone@example.org\r\n", false)] {
        let fake = serve(Manner::plain(GREETING), move |_, line| match line {
            line if line.starts_with("EHLO") => say("250-fake\r\n250 AUTH LOGIN PLAIN\r\n"),
            line if line.starts_with("AUTH") => say(said),
            line => smtp_answer(line),
        })
        .await;
        let signed =
            SmtpSettings { user: Some("someone".to_owned()), password: Some("secret".into()), ..settings(fake.port) };
        let result = outgoing(signed).send(&envelope(None, &["a@elsewhere.test"]), &letter(1)).await;
        assert_eq!(fake.count("AUTH PLAIN AHNvbWVvbmUAc2VjcmV0"), 1, "{:?}", fake.heard());
        match result {
            Ok(_) => assert!(good),
            Err(SendError::NotSent { why }) => {
                assert!(!good && why.contains("correct user and password") && !why.contains("someone"), "{why}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// A server with the stack's certificate, which is made out to 127.0.0.1 and localhost.
async fn secured(address: &'static str, at_once: bool, consent: &'static str) -> (Fake, SmtpSettings) {
    let stack = Stack::shared();
    let tls = Some(fake::acceptor(&stack.dir));
    let manner = Manner { address, tls, tls_at_once: at_once, greeting: GREETING };
    let secure = std::sync::atomic::AtomicBool::new(at_once);
    let fake = serve(manner, move |_, line| match line {
        "STARTTLS" => {
            secure.store(true, std::sync::atomic::Ordering::SeqCst);
            Act::Secure(consent.to_owned())
        }
        line if line.starts_with("EHLO") && !secure.load(std::sync::atomic::Ordering::SeqCst) => {
            say("250-fake\r\n250-STARTTLS\r\n250 HELP\r\n")
        }
        line => smtp_answer(line),
    })
    .await;
    let security = if at_once { Security::Tls } else { Security::StartTls };
    let trusting = SmtpSettings {
        security,
        host: address.to_owned(),
        ca_file: Some(stack.certificate.clone()),
        ..settings(fake.port)
    };
    (fake, trusting)
}

#[tokio::test]
async fn tls_is_trusted_by_the_extra_authority_and_by_nothing_less() {
    for at_once in [true, false] {
        let (fake, trusting) = secured("127.0.0.1", at_once, "220 go on\r\n").await;
        let untrusting = SmtpSettings { ca_file: None, ..trusting.clone() };
        let to = envelope(None, &["a@elsewhere.test"]);
        let error = outgoing(untrusting).send(&to, &letter(1)).await.unwrap_err();
        assert!(matches!(&error, SendError::NotSent { why } if why.contains("ca_file")), "{error:?}");
        assert_eq!(fake.count("MAIL"), 0);

        let (fake, trusting) =
            if at_once { (fake, trusting) } else { secured("127.0.0.1", at_once, "220 go on\r\n").await };
        outgoing(trusting).send(&to, &letter(1)).await.unwrap();
        assert_eq!(fake.count("Subject: Letter 1"), 1);
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused_even_where_it_is_named() {
    for at_once in [true, false] {
        let (fake, trusting) = secured("127.0.0.2", at_once, "220 go on\r\n").await;
        let error = outgoing(trusting).check().await.unwrap_err();
        assert!(matches!(&error, SendError::NotSent { why } if why.contains("no trusted TLS")), "{error:?}");
        assert_eq!(fake.count("NOOP"), 0);
    }
}

#[tokio::test]
async fn nothing_goes_out_where_starttls_is_withheld_or_tampered_with() {
    let fake = but("nothing", Act::Close).await;
    let strict = SmtpSettings { security: Security::StartTls, ..settings(fake.port) };
    let error = outgoing(strict).check().await.unwrap_err();
    assert!(matches!(&error, SendError::NotSent { why } if why.contains("offers no STARTTLS")), "{error:?}");

    let (fake, trusting) = secured("127.0.0.1", false, "220 go on\r\n250 injected\r\n").await;
    let error = outgoing(trusting).check().await.unwrap_err();
    assert!(matches!(&error, SendError::NotSent { why } if why.contains("not safe")), "{error:?}");
    assert_eq!(fake.count("NOOP"), 0);
}
