//! The private lane: what a resident marks for the councillor only reaches no officer and no assistant, on whatever way it comes,
//! goes on or comes back.

use crate::form::{Part, Site};
use crate::house::{House, POTHOLE, header, letter};
use crate::story;
use crate::texts::{ANN, Telephones};
use beadle::core::{CaseState, Party};
use beadle::desk::DeskError;
use beadle::portal::{Portal, auth, router};
use beadle::routing::consent::Consent;
use beadle::store::{self, case::Case};
use reqwest::{Client, StatusCode};
use std::collections::BTreeSet;

/// Words that stand in no shipped text.
const SECRET: &str = "my brother-in-law Zebulon keeps the scout money in a biscuit tin";

fn marked(message_id: &str) -> String {
    letter("ann@home.example", message_id, "For the councillor only", SECRET)
}

/// A mail comes to the council's shared mailbox, and is worked on.
async fn shared(house: &House, id: &str, mail: String) {
    house.takes_in_bytes("shared", id, mail.replace('\n', "\r\n").into_bytes()).await;
    house.works().await;
}

fn is_private(case: &Case) -> bool {
    Consent::of(&case.consent).is_private()
}

/// Every page that a gatekeeper can reach from the first one, and every file that they can save, as far as they get it.
async fn everything_at_the_desk(house: &House) -> Vec<(String, String)> {
    let mut tx = house.tx().await;
    auth::set_password(&mut tx, "otter lamp tram seven", house.pipeline.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let app = router(Portal::new(house.pipeline.clone(), house.collector()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let browser = Client::builder().cookie_store(true).build().unwrap();
    let sign_in = browser.get(format!("{base}/sign-in")).send().await.unwrap().text().await.unwrap();
    let (_, rest) = sign_in.split_once("name=\"csrf\" value=\"").unwrap_or(("", "\""));
    let csrf = rest.split('"').next().unwrap().to_owned();
    let form = [("password", "otter lamp tram seven"), ("csrf", &csrf), ("next", "/")];
    browser.post(format!("{base}/sign-in")).form(&form).send().await.unwrap();
    let (mut seen, mut next) = (BTreeSet::new(), vec!["/".to_owned()]);
    for id in inbox_ids(house).await {
        next.push(format!("/deliveries/{id}/raw"));
    }
    for id in message_ids(house).await {
        next.push(format!("/messages/{id}/raw"));
        for case in house.cases().await {
            next.push(format!("/cases/{}/messages/{id}/attachments/0", case.reference));
        }
    }
    let mut pages = Vec::new();
    while let Some(path) = next.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = browser.get(format!("{base}{path}")).send().await.unwrap();
        assert!(answer.status() != StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        let body = answer.text().await.unwrap();
        let links = body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        next.extend(
            links.filter(|to| to.starts_with('/') && !to.starts_with("/assets")).map(|to| to.replace("&amp;", "&")),
        );
        pages.push((path, body));
    }
    assert!(pages.iter().any(|(path, body)| path == "/" && body.contains("Cases")), "signed in");
    pages
}

async fn inbox_ids(house: &House) -> Vec<String> {
    let mut tx = house.tx().await;
    let rows: Vec<(String,)> = tx.all("SELECT id FROM inbox", store::args![]).await.unwrap();
    rows.into_iter().map(|row| row.0).collect()
}

async fn message_ids(house: &House) -> Vec<String> {
    let mut tx = house.tx().await;
    let rows: Vec<(String,)> = tx.all("SELECT id FROM messages", store::args![]).await.unwrap();
    rows.into_iter().map(|row| row.0).collect()
}

async fn shown_nowhere(house: &House, words: &[&str]) {
    for (path, body) in everything_at_the_desk(house).await {
        for word in words {
            assert!(!body.contains(word), "{path} shows {word}");
        }
    }
}

story!(a_message_marked_for_the_councillor_only_reaches_the_councillor_and_nobody_else, house, {
    shared(house, "1", marked("one@home.example")).await;
    let case = house.case(0).await;
    assert!(is_private(&case) && case.state == CaseState::Routed, "{case:?}");
    assert_eq!((case.councillor.as_deref(), case.place.as_ref()), (Some("nowak"), None));
    let mails = house.sends().await;
    let to: Vec<String> = mails.iter().map(|mail| header(mail, "To")).collect();
    assert_eq!(to, ["\"Cllr Marek Nowak\" <cllr.nowak@brackenmere.example>", "\"Ann Smith\" <ann@home.example>"]);
    assert!(mails[0].contains("Zebulon") && mails[0].contains("Ann Smith, ann@home.example"), "{}", mails[0]);
    assert!(!mails[1].contains("Zebulon") && mails[1].contains("to nobody else"), "{}", mails[1]);
    assert!(house.outgoing(&case.id).await.iter().all(|o| o.party != Party::Department));
    shown_nowhere(house, &["Zebulon", "ann@home.example", "Ann Smith"]).await;
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.new_cases, sums.unaccounted), (1, 1, 0));
});

story!(nobody_at_the_desk_can_send_a_private_message_anywhere, house, {
    shared(house, "1", marked("one@home.example")).await;
    shared(house, "2", letter("ben@home.example", "two@home.example", "Pothole", POTHOLE)).await;
    let (private, other) = (house.case(0).await.id, house.case(1).await.id);
    let calendar = house.pipeline.house.calendar.clone();
    let refused = [
        house.desk(async |desk, tx| desk.accept(tx, &private, "administrator").await).await.unwrap_err(),
        house
            .desk(async |desk, tx| desk.change(tx, &private, &Default::default(), &calendar, "administrator").await)
            .await
            .unwrap_err(),
        house
            .desk(async |desk, tx| desk.set_consent(tx, &private, Consent::Share, "administrator").await)
            .await
            .unwrap_err(),
    ];
    for error in refused {
        assert!(matches!(error, DeskError::NotNow(why) if why.contains("councillor only")), "{error}");
    }
    for (child, parent) in [(&private, &other), (&other, &private)] {
        let grounds = beadle::casework::join::Grounds { score: 1.0, why: "the same", actor: "administrator" };
        let joined = house.desk(async |desk, tx| desk.join(tx, child, parent, grounds).await).await;
        assert!(matches!(joined, Err(DeskError::NotNow(_))), "{joined:?}");
    }
});

story!(what_lies_in_the_councillors_own_mailbox_is_not_sent_there_again, house, {
    house.receives(marked("one@home.example")).await;
    let mails = house.sends().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(header(&mails[0], "To").contains("ann@home.example"));
    shown_nowhere(house, &["Zebulon"]).await;
});

story!(a_private_text_is_answered_by_the_councillor_through_beadle, house, {
    let phones = Telephones::of(house).await;
    let text = format!("COUNCILLOR ONLY {SECRET}. We live at Signal Row, ZM6 1UT");
    let answers = phones.text(house, ANN, "SM1", &text).await;
    let case = house.case(0).await;
    assert!(is_private(&case), "{case:?}");
    assert_eq!(case.councillor.as_deref(), Some("nowak"), "by the place they named, which stands nowhere");
    assert!(case.place.is_none() && case.ward.is_none());
    assert!(
        matches!(answers.as_slice(), [(to, words)] if to == ANN && words.contains("Cllr Marek Nowak")),
        "{answers:?}"
    );
    let given = house.sends().await.remove(0);
    let reply = format!(
        "Authentication-Results: mx.brackenmere.example; dmarc=pass header.from=brackenmere.example\n\
         From: cllr.nowak@brackenmere.example\nTo: {}\nSubject: Re: {}\nMessage-ID: <r@brackenmere.example>\n\
         In-Reply-To: {}\n\nThank you, I will ring you tonight about Quillfeather.\n\nOn Mon, 2 Mar 2026 at 09:00, Brackenmere Borough Council wrote:\n> {SECRET}\n",
        header(&given, "Reply-To"),
        header(&given, "Subject"),
        header(&given, "Message-ID"),
    );
    shared(house, "r", reply).await;
    let sent = phones.text(house, "+447700900999", "SM2", "STOP").await;
    let answer = sent.iter().find(|(to, _)| to == ANN).unwrap_or_else(|| panic!("{sent:?}"));
    assert_eq!(answer.1, "Cllr Marek Nowak: Thank you, I will ring you tonight about Quillfeather.");
    assert_eq!(house.cases().await.len(), 1);
    shown_nowhere(house, &["Zebulon", "Quillfeather", ANN]).await;

    // And on it goes between the two.
    phones.text(house, ANN, "SM3", "thank you, after eight please, Zebulon is out then").await;
    let given = house.sends().await;
    assert!(given.last().unwrap().contains("after eight"), "{given:?}");
    shown_nowhere(house, &["Zebulon", "after eight"]).await;
});

story!(a_private_message_of_an_unknown_councillor_waits_for_somebody_to_say_whose_it_is, house, {
    let mail = marked("one@home.example").replace("To: cllr.nowak@", "To: cases@");
    shared(house, "1", mail).await;
    let case = house.case(0).await;
    assert_eq!((case.state, case.councillor.as_deref()), (CaseState::Review, None));
    assert!(house.sends().await.is_empty());
    let page =
        everything_at_the_desk(house).await.into_iter().find(|(path, _)| *path == format!("/cases/{}", case.reference));
    let (_, page) = page.unwrap();
    assert!(page.contains("Whose message is it?") && !page.contains("Zebulon"), "{page}");
    house.desk(async |desk, tx| desk.say_whose(tx, &case.id, "malik", "administrator").await).await.unwrap();
    let mails = house.sends().await;
    assert!(header(&mails[0], "To").contains("cllr.malik") && mails[0].contains("Zebulon"), "{mails:?}");
    let again = house.desk(async |desk, tx| desk.say_whose(tx, &case.id, "nowak", "administrator").await).await;
    assert!(matches!(again, Err(DeskError::NotNow(_))), "nobody passes it round: {again:?}");
});

story!(who_quotes_a_private_case_learns_nothing_and_shows_nothing, house, {
    shared(house, "1", marked("one@home.example")).await;
    let reference = house.case(0).await.reference;
    let quoting = letter("eve@other.example", "two@other.example", &format!("About {reference}"), POTHOLE);
    shared(house, "2", quoting).await;
    assert_eq!(house.cases().await.len(), 2);
    assert!(!is_private(&house.case(1).await));
    shown_nowhere(house, &["Zebulon", "ann@home.example"]).await;
    for mail in house.sends().await.iter().filter(|mail| !header(mail, "To").contains("nowak")) {
        assert!(!mail.contains("Zebulon") && !mail.contains("Perhaps"), "{mail}");
    }
});

story!(a_bounce_that_quotes_a_private_message_is_kept_with_it, house, {
    shared(house, "1", marked("one@home.example")).await;
    house.sends().await;
    let case = house.case(0).await;
    let given = house.outgoing(&case.id).await.into_iter().find(|o| o.party == Party::Councillor).unwrap();
    let bounce = format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@brackenmere.example\nTo: cases@brackenmere.example\nSubject: Undelivered: {SECRET}\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\
         Content-Type: text/plain\n\nMailbox gone. {SECRET}\n--b\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; x.example\n\nFinal-Recipient: rfc822; cllr.nowak@brackenmere.example\nAction: failed\nStatus: 5.1.1\n\n--b\n\
         Content-Type: message/rfc822\n\nMessage-ID: <{}>\nSubject: x\n\n{SECRET}\n--b--\n",
        given.rfc_message_id
    );
    shared(house, "2", bounce).await;
    let attention = house.case(0).await.attention.unwrap_or_default();
    assert!(attention.contains("councillor came back"), "{attention}");
    shown_nowhere(house, &["Zebulon"]).await;
    assert_eq!(house.accounts().await.unaccounted, 0);
});

story!(a_private_word_on_a_case_that_others_read_opens_one_that_they_do_not, house, {
    shared(house, "1", letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let acknowledged = house.sends().await.into_iter().find(|mail| header(mail, "To").contains("ann@home")).unwrap();
    let more = marked("two@home.example").replace(
        "To: cllr.nowak@brackenmere.example\n",
        &format!("To: {}\nCc: cllr.nowak@brackenmere.example\n", header(&acknowledged, "Reply-To")),
    );
    shared(house, "2", more).await;
    let cases = house.cases().await;
    assert_eq!(cases.iter().map(is_private).collect::<Vec<_>>(), [false, true]);
    shown_nowhere(house, &["Zebulon"]).await;
});

story!(a_gatekeeper_puts_a_case_into_the_private_lane_as_long_as_nobody_has_it, house, {
    house.set(|council| council.policy.mode = beadle::core::Mode::Suggest);
    let mail = letter("ann@home.example", "one@home.example", "Please keep this between us", SECRET);
    shared(house, "1", mail).await;
    let case = house.case(0).await;
    house.desk(async |desk, tx| desk.set_consent(tx, &case.id, Consent::Private, "administrator").await).await.unwrap();
    let mails = house.sends().await;
    assert!(mails.iter().any(|mail| header(mail, "To").contains("nowak") && mail.contains("Zebulon")), "{mails:?}");
    shown_nowhere(house, &["Zebulon", "ann@home.example", "between us"]).await;

    shared(house, "2", letter("ben@home.example", "two@home.example", "Pothole", POTHOLE)).await;
    let routed = house.case(1).await;
    house.accepts(&routed.id).await;
    let late =
        house.desk(async |desk, tx| desk.set_consent(tx, &routed.id, Consent::Private, "administrator").await).await;
    assert!(matches!(late, Err(DeskError::NotNow(why)) if why.contains("gone to others")), "{late:?}");
});

story!(a_private_message_about_danger_goes_at_once_and_calls_somebody_without_telling_why, house, {
    let words = "For the councillor only. My husband beats me and says he will kill me and the children if I leave. Zebulon knows.";
    shared(house, "1", letter("ann@home.example", "one@home.example", "hello", words)).await;
    let case = house.case(0).await;
    assert!(is_private(&case) && case.state == CaseState::Routed, "{case:?}");
    assert!(case.attention.as_deref().is_some_and(|a| a.contains("ring them")), "{case:?}");
    let mails = house.sends().await;
    assert_eq!(mails.len(), 1, "the acknowledgement waits for a person: {mails:?}");
    assert!(header(&mails[0], "Subject").starts_with("Urgent, for you only") && mails[0].contains("in danger"));
    shown_nowhere(house, &["Zebulon", "husband", "domestic"]).await;
});

story!(what_a_blocked_sender_marks_private_goes_to_nobody_and_is_kept, house, {
    shared(house, "1", letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let case = house.case(0).await;
    house.desk(async |desk, tx| desk.block(tx, &case.id, "abuse", "administrator").await).await.unwrap();
    let before = house.sends().await.len();
    shared(house, "2", marked("two@home.example")).await;
    let kept = house.case(1).await;
    assert!(is_private(&kept) && kept.state == CaseState::Closed, "{kept:?}");
    assert_eq!(house.sends().await.len(), before);
    shown_nowhere(house, &["Zebulon"]).await;
    assert_eq!(house.accounts().await.unaccounted, 0);
});

story!(the_form_asks_which_councillor_where_nobody_else_may_read_it, house, {
    let site = Site::of(house, |_| {}).await;
    let (problem, private) = (Part::Text("problem", SECRET), Part::Text("consent", "private"));
    let refused = site.tries(house, "192.0.2.1", &[problem, private]).await;
    assert!(refused.contains("Choose your councillor above"), "{refused}");
    let parts = [
        Part::Text("problem", SECRET),
        Part::Text("consent", "private"),
        Part::Text("councillor", "malik"),
        Part::Text("name", "Ann"),
    ];
    let done = site.reports(house, "192.0.2.1", &parts).await;
    house.works().await;
    let case = house.case(0).await;
    assert!(is_private(&case) && done.body.contains(case.reference.as_str()));
    let mails = house.sends().await;
    assert!(
        header(&mails[0], "To").contains("cllr.malik")
            && mails[0].contains("Zebulon")
            && mails[0].contains("Name: Ann")
    );
    shown_nowhere(house, &["Zebulon"]).await;
    let trail = site.trail(&done).await;
    assert!(trail.contains("Cllr Nasreen Malik") && !trail.contains("Zebulon"), "{trail}");
});
