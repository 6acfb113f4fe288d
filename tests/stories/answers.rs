//! Who answers what: threads, tokens, references, strangers, automatic mail.

use crate::house::{POTHOLE, header, letter, reference_in};
use crate::story;
use beadle::core::{CaseState, Party};
use beadle::store;

story!(a_residents_reply_to_the_acknowledgement_lands_on_the_case, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let sent = house.sends().await;
    let reply = sent.iter().find(|m| header(m, "To").contains("ann@")).unwrap();
    let id = header(reply, "Message-ID").trim_matches(['<', '>']).to_owned();
    let words = "It is the pothole by the post box.\n\n> We have your message";
    let answer = letter("ann@home.example", "two@home.example", "Re: your message", words)
        .replace("MIME-Version", &format!("In-Reply-To: <{id}>\nMIME-Version"));
    house.receives(answer).await;
    assert_eq!(house.cases().await.len(), 1);
    let case = house.case(0).await;
    assert_eq!(case.attention.as_deref(), Some("New words from the resident"));
    assert_eq!(house.sends().await.len(), 2, "a reply is not acknowledged again");
    let mut tx = house.db.read().await.unwrap();
    let messages = store::message::of_case(&mut tx, &case.id).await.unwrap();
    assert_eq!(messages[1].body.trim(), "It is the pothole by the post box.");
    assert!(messages[1].folded.contains("We have your message"), "folded, not lost");
});

story!(a_departments_answer_lands_on_the_case, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let sent = house.sends().await;
    let referral = sent.iter().find(|m| header(m, "To").contains("highways")).unwrap();
    let back = header(referral, "Reply-To");
    let answer = letter("jo@brackenmere.example", "d1@brackenmere.example", "RE: case", "The crew goes on Tuesday.")
        .replace("To: cllr.nowak@brackenmere.example", &format!("To: {back}"));
    house.receives(answer).await;
    let case = house.case(0).await;
    assert_eq!(case.attention.as_deref(), Some("The department answered"));
    let mut tx = house.db.read().await.unwrap();
    let messages = store::message::of_case(&mut tx, &case.id).await.unwrap();
    assert_eq!(
        messages[1].party,
        Party::Department,
        "known by the token, though the officer wrote from their own address"
    );
});

story!(a_stranger_who_quotes_a_reference_cannot_join_the_case, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let reference = house.case(0).await.reference;
    let words = format!("About case {reference}: please tell me who reported this pothole.");
    house.receives(letter("eve@elsewhere.example", "e1@elsewhere.example", &format!("Case {reference}"), &words)).await;
    assert_eq!(house.cases().await.len(), 2, "a case of their own");
    let mut tx = house.db.read().await.unwrap();
    let first = house.case(0).await;
    assert_eq!(store::message::of_case(&mut tx, &first.id).await.unwrap().len(), 1);
    let links = store::link::standing(&mut tx, &first.id).await.unwrap();
    assert!(!links.is_empty() && links.iter().all(|l| !l.is_join()), "offered to a person, not joined: {links:?}");
    drop(tx);
    assert_eq!(house.case(1).await.state, CaseState::Review);
    assert!(house.outgoing(&house.case(1).await.id).await.is_empty());
});

story!(a_reference_and_a_known_verified_sender_are_enough, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let reference = house.case(0).await.reference;
    house
        .receives(letter("ann@home.example", "two@home.example", &format!("Case {reference}"), "It is worse now."))
        .await;
    assert_eq!(house.cases().await.len(), 1);
    let forged = letter("ann@home.example", "three@home.example", &format!("Case {reference}"), "Please close it.")
        .replace("dmarc=pass", "dmarc=fail");
    house.receives(forged).await;
    assert_eq!(house.cases().await.len(), 2, "the same address without proof is nobody");
});

story!(a_forged_sender_who_cites_a_residents_message_does_not_join, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let forged = letter("ann@home.example", "two@home.example", "Re: Pothole", "Never mind, close it.")
        .replace("dmarc=pass", "dmarc=fail")
        .replace("MIME-Version", "In-Reply-To: <one@home.example>\nMIME-Version");
    house.receives(forged).await;
    assert_eq!(house.cases().await.len(), 2);
});

story!(nobody_is_acknowledged_for_what_they_did_not_send, house, {
    let forged = letter("ann@home.example", "one@home.example", "Pothole", POTHOLE).replace("dmarc=pass", "dmarc=fail");
    house.receives(forged).await;
    let sent = house.sends().await;
    assert!(!sent.iter().any(|m| header(m, "To").contains("ann@")), "no acknowledgement: {sent:?}");
    let case = house.case(0).await;
    let held = house.outgoing(&case.id).await.into_iter().find(|o| o.party == Party::Resident).unwrap();
    assert_eq!(held.status, "held");
    assert!(held.reason.as_deref().unwrap().contains("not verified"), "{:?}", held.reason);
    house.desk(async |desk, tx| desk.release(tx, &case.id, &held.id, "administrator").await).await.unwrap();
    let sent = house.sends().await;
    assert!(sent.iter().any(|m| header(m, "To").contains("ann@")), "a person said so");
});

story!(no_automatic_answer_to_an_automatic_message_to_ourselves_or_past_the_cap, house, {
    let away = letter("ann@home.example", "a1@home.example", "Out of office", "I am away. The pothole can wait.")
        .replace("MIME-Version", "Auto-Submitted: auto-replied\nMIME-Version");
    house.receives(away).await;
    let ours = letter("cases@brackenmere.example", "a2@brackenmere.example", "Pothole", POTHOLE);
    house.receives(ours).await;
    assert_eq!(house.accounts().await.set_aside, 2);
    assert_eq!(house.sends().await.len(), 0);
    for n in 0..5 {
        let words = format!("A deep pothole number {n} outside {} Mill Lane damaged my wheel.", 100 + n * 40);
        house.receives(letter("ann@home.example", &format!("p{n}@home.example"), "Pothole", &words)).await;
    }
    let to_ann = |sent: &[String]| sent.iter().filter(|m| header(m, "To").contains("ann@")).count();
    assert_eq!(to_ann(&house.sends().await), 2, "two on one subject");
    for n in 0..12 {
        let words = format!("The street light column {n} in Signal Row is out.");
        let subject = format!("Street light {n}");
        house.receives(letter("ann@home.example", &format!("l{n}@home.example"), &subject, &words)).await;
    }
    assert_eq!(to_ann(&house.sends().await), 10, "ten in three hours");
    assert_eq!(house.accounts().await.unaccounted, 0);
});

story!(a_reply_to_a_closed_case_reopens_it, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    house.sends().await;
    let mut case = house.case(0).await;
    case.state = CaseState::Closed;
    case.closed_at = Some(house.clock.now());
    let mut tx = house.tx().await;
    store::case::update(&mut tx, &case, house.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let answer = letter("ann@home.example", "two@home.example", "Re: Pothole", "The pothole is back.")
        .replace("MIME-Version", "In-Reply-To: <one@home.example>\nMIME-Version");
    house.receives(answer).await;
    let case = house.case(0).await;
    assert_eq!(case.state, CaseState::Review);
    assert_eq!(case.attention.as_deref(), Some("The resident answered after it was closed"));
    assert_eq!(house.cases().await.len(), 1);
});

story!(a_bounce_marks_the_mail_it_is_about, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    house.sends().await;
    let case = house.case(0).await;
    let ack = house.outgoing(&case.id).await.into_iter().find(|o| o.party == Party::Resident).unwrap();
    let bounce = format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@home.example\nTo: cases@brackenmere.example\nSubject: Undelivered\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\
         Content-Type: text/plain\n\nNo such user.\n--b\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; home.example\n\nFinal-Recipient: rfc822; ann@home.example\nAction: failed\nStatus: 5.1.1\n\n--b\n\
         Content-Type: message/rfc822\n\nMessage-ID: <{}>\nSubject: x\n\nx\n--b--\n",
        ack.rfc_message_id
    );
    house.receives(bounce).await;
    assert_eq!(house.accounts().await.set_aside, 1);
    let ack = house.outgoing(&case.id).await.into_iter().find(|o| o.party == Party::Resident).unwrap();
    assert_eq!(ack.status, "failed");
    assert!(house.case(0).await.attention.unwrap().contains("came back"));
});

story!(the_same_mail_in_two_watched_mailboxes_is_one_message_with_two_councillors, house, {
    let mail = letter("ann@home.example", "one@home.example", "Pothole", POTHOLE);
    house.set(|council| {
        council.account_councillors.insert("malik".into(), "malik".into());
    });
    let bytes = |to: &str| format!("Delivered-To: {to}\n{mail}").replace('\n', "\r\n").into_bytes();
    house.takes_in_bytes("nowak", "1", bytes("cllr.nowak@brackenmere.example")).await;
    house.takes_in_bytes("malik", "1", bytes("cllr.malik@brackenmere.example")).await;
    house.works().await;
    assert_eq!(house.cases().await.len(), 1);
    let mut tx = house.db.read().await.unwrap();
    let councillors = store::message::councillors_of_case(&mut tx, &house.case(0).await.id).await.unwrap();
    assert_eq!(councillors, ["malik", "nowak"]);
    drop(tx);
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.new_cases, sums.joined, sums.unaccounted), (2, 1, 1, 0));
});

story!(where_plus_addressing_is_off_the_token_in_the_subject_brings_an_answer_back, house, {
    house.set(|council| council.council.plus_addressing = false);
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let sent = house.sends().await;
    let reply = sent.iter().find(|m| header(m, "To").contains("ann@")).unwrap();
    assert_eq!(
        header(reply, "Reply-To"),
        "\"Brackenmere Borough Council\" <cases@brackenmere.example>"
            .split('<')
            .nth(1)
            .map_or(String::new(), |a| a.trim_end_matches('>').to_owned())
    );
    let subject = header(reply, "Subject");
    assert_eq!(reference_in(&subject), house.case(0).await.reference);
    house
        .receives(letter("ann@other.example", "x@other.example", &format!("Re: {subject}"), "More: it is deep."))
        .await;
    assert_eq!(house.cases().await.len(), 1, "from another address, without thread headers, by the token alone");
});

story!(a_delay_notice_is_no_failure, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    house.sends().await;
    let case = house.case(0).await;
    let referral = house.outgoing(&case.id).await.into_iter().find(|o| o.party == Party::Department).unwrap();
    let notice = format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@home.example\nTo: cases@brackenmere.example\nSubject: Delayed\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\
         Content-Type: text/plain\n\nStill trying.\n--b\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; home.example\n\nFinal-Recipient: rfc822; x@home.example\nAction: delayed\nStatus: 4.4.7\n\n\
         --b\nContent-Type: message/rfc822\n\nMessage-ID: <{}>\nSubject: x\n\nx\n--b--\n",
        referral.rfc_message_id
    );
    house.receives(notice).await;
    let referral = house.outgoing(&case.id).await.into_iter().find(|o| o.party == Party::Department).unwrap();
    assert_eq!(referral.status, "sent");
    assert!(house.case(0).await.attention.unwrap().contains("is delayed"));
});

story!(a_councillor_who_forwards_a_residents_worry_is_heard_and_not_answered_by_a_machine, house, {
    let worry = "A resident told me her neighbour wants to kill himself. What can we do?";
    house.receives(letter("cllr.nowak@brackenmere.example", "c@brackenmere.example", "Fwd: worried", worry)).await;
    let case = house.case(0).await;
    assert_eq!(case.state, CaseState::Held);
    house.accepts(&case.id).await;
    assert!(!house.sends().await.iter().any(|m| header(m, "To").contains("cllr.nowak@")));
});

story!(a_councillors_answer_to_what_they_were_copied_on_is_theirs_and_not_the_departments, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let sent = house.sends().await;
    let referral = sent.iter().find(|m| header(m, "To").contains("highways")).unwrap();
    let back = header(referral, "Reply-To");
    let answer = letter("cllr.nowak@brackenmere.example", "c@brackenmere.example", "RE: case", "Please hurry.")
        .replace("To: cllr.nowak@brackenmere.example", &format!("To: {back}"));
    house.receives(answer).await;
    assert_eq!(house.case(0).await.attention.as_deref(), Some("The councillor answered"));
});

story!(an_officers_words_are_never_taken_for_the_residents, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let sent = house.sends().await;
    let back = header(sent.iter().find(|m| header(m, "To").contains("highways")).unwrap(), "Reply-To");
    let first = letter("jo@brackenmere.example", "d1@brackenmere.example", "RE: case", "On Tuesday.")
        .replace("To: cllr.nowak@brackenmere.example", &format!("To: {back}"));
    house.receives(first).await;
    let case = house.case(0).await;
    let later = format!("About {}: between us, the resident complains a lot.", case.reference);
    house.receives(letter("jo@brackenmere.example", "d2@brackenmere.example", "The case", &later)).await;
    let mut tx = house.db.read().await.unwrap();
    let parties: Vec<Party> =
        store::message::of_case(&mut tx, &case.id).await.unwrap().into_iter().map(|m| m.party).collect();
    assert_eq!(parties, [Party::Resident, Party::Department, Party::Department]);
});
