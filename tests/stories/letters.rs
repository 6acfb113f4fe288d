//! A resident's email reaches the right department, the councillor knows, and the resident is told.

use crate::house::{POTHOLE, everywhere, header, letter, reference_in};
use crate::story;
use beadle::core::{CaseState, Party, Priority};
use beadle::routing::consent::Wish;
use beadle::store;
use chrono::TimeDelta;

story!(a_residents_email_reaches_the_department_and_the_councillor_knows, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let sent = house.sends().await;
    assert_eq!(sent.len(), 2, "one mail to the department, one to the resident");
    let (referral, reply) = match header(&sent[0], "To").contains("highways") {
        true => (&sent[0], &sent[1]),
        false => (&sent[1], &sent[0]),
    };
    assert!(header(referral, "To").contains("highways@brackenmere.example"), "{referral}");
    assert!(header(referral, "Cc").contains("cllr.nowak@brackenmere.example"), "{referral}");
    assert!(referral.contains("deep pothole outside number 12 Mill Lane"), "the resident's words: {referral}");
    assert!(header(referral, "Reply-To").starts_with("cases+"), "{referral}");
    assert!(header(reply, "To").contains("ann@home.example"));
    assert_eq!(header(reply, "In-Reply-To"), "<one@home.example>");
    assert_eq!(header(reply, "Auto-Submitted"), "auto-replied");
    assert_eq!(header(reply, "X-Auto-Response-Suppress"), "All");
    let case = house.case(0).await;
    assert_eq!(case.state, CaseState::Routed);
    assert_eq!(reference_in(&header(reply, "Subject")), case.reference);
});

story!(the_acknowledgement_says_what_was_understood_the_reference_the_contact_and_the_day, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let sent = house.sends().await;
    let reply = sent.iter().find(|m| header(m, "To").contains("ann@")).unwrap();
    let rules = house.pipeline.understanding.rules();
    let service = &rules.taxonomy.services["potholes_and_road_surface"];
    let due = house.pipeline.house.calendar.due("2026-03-02".parse().unwrap(), service.working_days);
    let plain = reply.replace("=\r\n", "");
    for words in [
        service.name.as_str(),
        house.case(0).await.reference.as_str(),
        rules.taxonomy.departments["highways"].contact.as_str(),
        &beadle::outbox::compose::long_date(due),
        "Cllr Marek Nowak",
    ] {
        assert!(plain.contains(words), "'{words}' is missing in:\n{plain}");
    }
});

story!(the_councillor_is_on_every_routed_case_and_the_case_shows_when_they_were_told, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let case = house.case(0).await;
    assert_eq!(case.councillor.as_deref(), Some("nowak"));
    let mut tx = house.db.read().await.unwrap();
    assert_eq!(store::outbox::told_at(&mut tx, &case.id, Party::Department).await.unwrap(), None, "not yet");
    drop(tx);
    let before = house.clock.now();
    house.sends().await;
    let mut tx = house.db.read().await.unwrap();
    let told = store::outbox::told_at(&mut tx, &case.id, Party::Department).await.unwrap();
    assert_eq!(told, Some(before), "told when the mail with the councillor in Cc had gone");
    drop(tx);
    let referral = house.outgoing(&case.id).await.into_iter().find(|o| o.purpose == "referral").unwrap();
    assert!(referral.mail.0.cc[0].contains("cllr.nowak@"));
});

story!(without_the_residents_consent_the_department_does_not_learn_the_name_and_the_councillor_is_not_copied, house, {
    house.set(|council| council.consent = everywhere(Wish::Neither));
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let case = house.case(0).await;
    house.accepts(&case.id).await;
    let referral = house.outgoing(&case.id).await.into_iter().find(|o| o.purpose == "referral").unwrap();
    assert!(referral.mail.0.cc.is_empty());
    assert!(!referral.mail.0.body.contains("ann@home.example") && !referral.mail.0.body.contains("Ann Smith"));
    assert!(referral.mail.0.body.contains("deep pothole"));
});

story!(below_the_threshold_or_under_a_hold_nothing_leaves_without_a_person, house, {
    house.set(|council| council.policy = beadle::routing::RoutingPolicy::default());
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    house.set(|council| council.policy = crate::house::auto());
    let worry = "My neighbour says he wants to kill himself and I am frightened for him.";
    house.receives(letter("bea@home.example", "two@home.example", "Neighbour", worry)).await;
    let rude = "I want to make a formal complaint about the rude officer who ignored my emails for months.";
    house.receives(letter("cat@home.example", "three@home.example", "Complaint", rude)).await;
    assert_eq!(house.sends().await.len(), 0, "nothing left");
    let states: Vec<CaseState> = house.cases().await.iter().map(|c| c.state).collect();
    assert_eq!(states, [CaseState::Review, CaseState::Held, CaseState::Held]);
    house.accepts(&house.case(0).await.id).await;
    assert_eq!(house.sends().await.len(), 2, "a person let it go");
});

story!(a_message_of_concern_is_held_and_its_acknowledgement_gives_nothing_away, house, {
    let words = "The pothole in Mill Lane can wait. My husband beats me and he keeps my passport, please do not ring.";
    house.receives(letter("ann@home.example", "one@home.example", "Pothole in Mill Lane", words)).await;
    let case = house.case(0).await;
    assert_eq!((case.state, case.priority), (CaseState::Held, Priority::Urgent));
    assert!(house.outgoing(&case.id).await.is_empty() && house.sends().await.is_empty(), "nothing is even written");

    // A person takes the case: the department hears of it, the resident does not until somebody thinks it safe.
    house.accepts(&case.id).await;
    let sent = house.sends().await;
    assert_eq!(sent.len(), 1);
    assert!(!header(&sent[0], "To").contains("ann@"));
    let outgoing = house.outgoing(&case.id).await;
    let waiting = outgoing.iter().find(|o| o.purpose == "acknowledgement").unwrap();
    assert_eq!(waiting.status, "held");
    house.desk(async |desk, tx| desk.release(tx, &case.id, &waiting.id, "administrator").await).await.unwrap();
    let sent = house.sends().await;
    let reply = sent.iter().find(|m| header(m, "To").contains("ann@")).expect("a person let it go");
    assert!(reply.contains(case.reference.as_str()));
    for header_name in ["In-Reply-To", "References"] {
        assert_eq!(header(reply, header_name), "", "it does not bring up the message it answers");
    }
    let rules = house.pipeline.understanding.rules();
    let service = rules.taxonomy.service_name(&case.service);
    let department = rules.taxonomy.department_name(&case.department);
    let plain = reply.replace("=\r\n", "").to_lowercase();
    for given_away in
        [&*case.title, "mill lane", "husband", "passport", "ann smith", "safeguarding", "danger", service, department]
    {
        assert!(!plain.contains(&given_away.to_lowercase()), "'{given_away}' is given away:\n{reply}");
    }
});

story!(words_of_concern_on_a_routed_case_hold_it_and_keep_back_what_has_not_left, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let case = house.case(0).await;
    let worry =
        letter("ann@home.example", "two@home.example", &format!("Re: {}", case.reference), "My husband beats me.");
    house.receives(worry).await;
    assert_eq!(house.case(0).await.state, CaseState::Held);
    let outgoing = house.outgoing(&case.id).await;
    let of_acknowledgements = outgoing.iter().filter(|o| o.purpose == "acknowledgement").map(|o| &*o.status);
    assert_eq!(of_acknowledgements.collect::<Vec<_>>(), ["cancelled"]);
});

story!(a_gatekeeper_who_changes_the_service_sends_it_to_the_other_department, house, {
    house.set(|council| council.policy = beadle::routing::RoutingPolicy::default());
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let id = house.case(0).await.id;
    let calendar = house.pipeline.house.calendar.clone();
    let change = beadle::desk::Change { service: Some("trees".into()), ..Default::default() };
    house.desk(async |desk, tx| desk.change(tx, &id, &change, &calendar, "administrator").await).await.unwrap();
    house.accepts(&id).await;
    let sent = house.sends().await;
    assert!(sent.iter().any(|m| header(m, "To").contains("parks@")), "{sent:?}");
    assert!(!sent.iter().any(|m| header(m, "To").contains("highways@")));
    let again = house.desk(async |desk, tx| desk.accept(tx, &id, "administrator").await).await;
    assert!(again.is_err(), "accepted once is accepted");
    assert_eq!(house.sends().await.len(), 2, "and nothing goes twice");
});

story!(a_mail_that_the_relay_refuses_for_now_is_tried_again_with_the_same_message_id, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    // A folder that cannot be written to stands for a relay that cannot be reached.
    std::fs::write(house.folder.path().join("outgoing"), "in the way").unwrap();
    assert_eq!(house.sends().await.len(), 0);
    let case = house.case(0).await;
    let before: Vec<String> = house.outgoing(&case.id).await.into_iter().map(|o| o.rfc_message_id).collect();
    assert!(
        house.outgoing(&case.id).await.iter().all(|o| o.status == "queued" && o.attempts == 1 && o.reason.is_some())
    );
    std::fs::remove_file(house.folder.path().join("outgoing")).unwrap();
    assert_eq!(house.sends().await.len(), 0, "not before its time");
    house.clock.advance(TimeDelta::minutes(2));
    assert_eq!(house.sends().await.len(), 2);
    let after: Vec<String> = house.outgoing(&case.id).await.into_iter().map(|o| o.rfc_message_id).collect();
    assert_eq!(before, after);
});

story!(attachments_go_to_the_department_and_programs_do_not, house, {
    let mail = letter("ann@home.example", "one@home.example", "Pothole", "x").replace(
        "Content-Type: text/plain; charset=utf-8\n\nx\n",
        &format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n{POTHOLE}\n--b\n\
             Content-Type: image/png; name=hole.png\nContent-Disposition: attachment; filename=hole.png\n\
             Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b\nContent-Type: application/octet-stream\n\
             Content-Disposition: attachment; filename=\"look.exe\"\nContent-Transfer-Encoding: base64\n\nTVqQAA==\n--b--\n"
        ),
    );
    house.receives(mail).await;
    let sent = house.sends().await;
    let referral = sent.iter().find(|m| header(m, "To").contains("highways")).unwrap();
    assert!(referral.contains("hole.png") && referral.contains("iVBORw0KGgo="), "{referral}");
    assert!(referral.contains("Not attached: look.exe") && !referral.contains("TVqQAA"), "{referral}");
});

story!(where_the_same_problem_is_another_councillors_case_too_both_councillors_know, house, {
    house.set(|council| {
        council.account_councillors.insert("malik".into(), "malik".into());
    });
    house.receives(letter("ann@home.example", "one@home.example", "Pothole Mill Lane", POTHOLE)).await;
    let same = letter("bob@home.example", "two@home.example", "Pothole Mill Lane", POTHOLE);
    house.takes_in_bytes("malik", "1", same.replace('\n', "\r\n").into_bytes()).await;
    house.works().await;
    let second = house.case(1).await;
    assert_eq!((second.state, second.councillor.as_deref()), (CaseState::Joined, Some("malik")));
    let sent = house.sends().await;
    assert!(sent.iter().any(|m| header(m, "To").contains("cllr.malik@") && m.contains(second.reference.as_str())));
});

story!(a_case_that_goes_to_another_department_and_back_is_told_to_each_of_them_each_time, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let id = house.case(0).await.id;
    house.sends().await;
    let calendar = house.pipeline.house.calendar.clone();
    for department in ["parks", "highways"] {
        let change = beadle::desk::Change { department: Some(department.into()), ..Default::default() };
        house.desk(async |desk, tx| desk.change(tx, &id, &change, &calendar, "administrator").await).await.unwrap();
        house.sends().await;
    }
    let referrals = house.outgoing(&id).await.into_iter().filter(|o| o.purpose == "referral" && o.status == "sent");
    let to: Vec<String> = referrals.map(|o| o.mail.0.to[0].clone()).collect();
    let whom = |n: usize| to[n].split('<').nth(1).unwrap().split('@').next().unwrap();
    assert_eq!((to.len(), whom(0), whom(1), whom(2)), (3, "highways", "parks", "highways"));
});

story!(without_consent_neither_files_nor_an_unseen_mail_leave_for_the_department, house, {
    house.set(|council| council.consent = everywhere(Wish::Neither));
    let mail = letter("ann@home.example", "one@home.example", "Pothole", "x").replace(
        "Content-Type: text/plain; charset=utf-8\n\nx\n",
        &format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n{POTHOLE}\n--b\n\
             Content-Type: image/png\nContent-Disposition: attachment; filename=Ann_Smith.png\n\
             Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n"
        ),
    );
    house.receives(mail).await;
    assert_eq!(house.sends().await.len(), 0, "a person looks for names in the words first");
    house.accepts(&house.case(0).await.id).await;
    let sent = house.sends().await;
    let referral = sent.iter().find(|m| header(m, "To").contains("highways")).unwrap();
    assert!(!referral.contains("Ann_Smith") && referral.contains("Not attached"), "{referral}");
    let reply = sent.iter().find(|m| header(m, "To").contains("ann@")).unwrap();
    assert!(!reply.contains("is kept informed"), "the councillor is not: {reply}");
});

story!(a_second_reporters_words_reach_the_department_when_their_case_was_joined_before_it_went, house, {
    house.set(|council| council.policy = beadle::routing::RoutingPolicy::default());
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let more = "The pothole at number 12 has a loose iron plate in it now.";
    house.receives(letter("bob@home.example", "two@home.example", "Iron plate", more)).await;
    let (first, second) = (house.case(0).await.id, house.case(1).await.id);
    let grounds = beadle::casework::join::Grounds { score: 1.0, why: "a story", actor: "administrator" };
    house.desk(async |desk, tx| desk.join(tx, &second, &first, grounds).await).await.unwrap();
    house.accepts(&first).await;
    let sent = house.sends().await;
    let referral = sent.iter().find(|m| header(m, "To").contains("highways")).unwrap();
    assert!(referral.replace("=\r\n", "").contains("loose iron plate"), "{referral}");
    assert_eq!(sent.len(), 3, "and both reporters are told");
});

story!(the_first_look_into_an_old_mailbox_answers_nobody, house, {
    let raw = beadle::core::RawMessage {
        channel: beadle::core::Channel::Email,
        account: "nowak".into(),
        external_id: "old".into(),
        bytes: letter("ann@home.example", "one@home.example", "Pothole", POTHOLE).replace('\n', "\r\n").into_bytes(),
        arrived_at: Some("2011-05-01T09:00:00Z".parse().unwrap()),
    };
    let batch = beadle::intake::accept::Batch { messages: vec![raw], ..Default::default() };
    beadle::intake::accept::accept(&house.db, &house.clock, &beadle::core::Ids::Random, "nowak", &batch).await.unwrap();
    house.works().await;
    assert_eq!(house.sends().await.len(), 0);
    assert!(house.case(0).await.attention.unwrap().contains("more than two weeks"));
});
