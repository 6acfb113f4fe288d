//! One message, several requests: offered, split by a person, taken back, never by itself.

use crate::house::{House, Kind, POTHOLE, header, letter, of_version};
use crate::story;
use beadle::casework::join::Grounds;
use beadle::casework::split;
use beadle::core::{CaseId, CaseState, Disposition, LinkId};
use beadle::desk::{DeskError, SplitOff};
use beadle::routing::RoutingPolicy;
use beadle::store;
use beadle::store::link::LinkKind;

const TWO: &str = "Dear Councillor,\n\nTwo things, please.\n\n\
    1. My recycling bin in Signal Row was not emptied on Tuesday.\n\
    2. There is a deep pothole outside number 12 Mill Lane. My wheel was damaged by the pothole.\n\nMany thanks, Ann";

/// A letter with two requests has come in.
async fn two_requests(house: &House) -> CaseId {
    house.receives(letter("ann@home.example", "one@home.example", "Bin and pothole", TWO)).await;
    house.case(0).await.id
}

async fn split_off(house: &House, first: &CaseId, service: Option<&str>) -> Result<CaseId, DeskError> {
    let (policy, calendar) = (RoutingPolicy::default(), house.pipeline.house.calendar.clone());
    let matcher = house.pipeline.house.matcher.now();
    let wanted = SplitOff { part: 1, service, policy: &policy, calendar: &calendar, matcher: &matcher };
    house.desk(async |desk, tx| desk.split(tx, first, wanted, "administrator").await).await
}

async fn split_link(house: &House, case: &CaseId) -> LinkId {
    let mut tx = house.db.read().await.unwrap();
    let links = store::link::standing(&mut tx, case).await.unwrap();
    links.into_iter().find(|l| l.kind == LinkKind::Split && l.child == *case).expect("it was split off").id
}

async fn undo(house: &House, link: &LinkId) -> Result<CaseId, DeskError> {
    house.desk(async |desk, tx| desk.undo_split(tx, link, "administrator").await).await
}

async fn is_offered(house: &House, case: &CaseId) -> bool {
    let mut tx = house.db.read().await.unwrap();
    let case = store::case::get(&mut tx, case).await.unwrap().unwrap();
    split::offer(&mut tx, &case).await.unwrap().is_some_and(|offer| offer.is_open())
}

fn to<'a>(sent: &'a [String], whom: &str) -> Vec<&'a String> {
    sent.iter().filter(|m| header(m, "To").contains(whom)).collect()
}

story!(a_message_with_two_requests_is_offered_as_a_split_and_becomes_two_cases, house, {
    let first = two_requests(house).await;
    assert_eq!(house.case(0).await.disposition, Disposition::Suggest, "never by itself, though the council lets it");
    assert!(is_offered(house, &first).await);
    assert!(house.sends().await.is_empty());
    let second = split_off(house, &first, None).await.unwrap();
    assert!(!is_offered(house, &first).await, "nothing is left to be decided");
    let (one, two) = (house.case(0).await, house.case(1).await);
    assert_eq!((&one.id, &two.id), (&first, &second));
    assert_ne!(one.reference, two.reference);
    assert_eq!((one.service.as_str(), two.service.as_str()), ("missed_bins", "potholes_and_road_surface"));
    assert_eq!((two.state, &two.contact_id, &two.councillor), (CaseState::Review, &one.contact_id, &one.councillor));
    assert_eq!((two.received_at, &two.consent), (one.received_at, &one.consent));
    assert_eq!(two.place.as_ref().map(|p| p.name.as_str()), Some("Mill Lane"), "its own place");
    assert_eq!(one.place.as_ref().map(|p| p.name.as_str()), Some("Signal Row"));
    assert!(house.sends().await.is_empty(), "a person accepts each");
    house.accepts(&first).await;
    house.accepts(&second).await;
    let sent = house.sends().await;
    let (highways, waste) = (to(&sent, "highways@"), to(&sent, "waste@"));
    assert_eq!(
        (highways.len(), waste.len(), sent.len()),
        (1, 1, 4),
        "a referral and an acknowledgement each: {sent:?}"
    );
    let (road, bin) = (highways[0].replace("=\r\n", ""), waste[0].replace("=\r\n", ""));
    assert!(
        road.contains("deep pothole") && !road.contains("recycling") && !road.contains("Bin and"),
        "only its part: {road}"
    );
    assert!(bin.contains("recycling bin") && !bin.contains("pothole"), "{bin}");
    assert!(road.contains("Many thanks, Ann") && bin.contains("Many thanks, Ann"), "and what is common");
    assert!([highways[0], waste[0]].iter().all(|m| header(m, "Cc").contains("cllr.nowak@")), "the councillor knows");
    let replies = to(&sent, "ann@");
    for case in [&one, &two] {
        let naming = replies.iter().filter(|m| header(m, "Subject").contains(case.reference.as_str())).count();
        assert_eq!(naming, 1, "each case is acknowledged once");
    }
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.new_cases, sums.unaccounted), (1, 1, 0));
});

story!(an_answer_to_a_case_that_was_split_off_lands_on_it, house, {
    let first = two_requests(house).await;
    let second = split_off(house, &first, None).await.unwrap();
    house.accepts(&first).await;
    house.accepts(&second).await;
    let reference = house.case(1).await.reference;
    let sent = house.sends().await;
    let reply = to(&sent, "ann@").into_iter().find(|m| header(m, "Subject").contains(reference.as_str())).unwrap();
    let answer = letter("ann@other.example", "two@other.example", "Re: pothole", "It is a foot wide.")
        .replace("To: cllr.nowak@brackenmere.example", &format!("To: {}", header(reply, "Reply-To")));
    house.receives(answer).await;
    let known = format!("About {reference}: it is still there.");
    house.receives(letter("ann@home.example", "three@home.example", "The hole", &known)).await;
    let mut tx = house.db.read().await.unwrap();
    let on = |messages: Vec<store::message::Message>| messages.len();
    assert_eq!(on(store::message::of_case(&mut tx, &second).await.unwrap()), 3, "by token, and by known sender");
    assert_eq!(on(store::message::of_case(&mut tx, &first).await.unwrap()), 1);
    drop(tx);
    assert_eq!(house.cases().await.len(), 2);
    let link = split_link(house, &second).await;
    assert!(undo(house, &link).await.is_err(), "something has left");
});

story!(who_presses_twice_splits_once, house, {
    let first = two_requests(house).await;
    let second = split_off(house, &first, None).await.unwrap();
    assert_eq!(split_off(house, &first, None).await.unwrap(), second);
    assert_eq!(house.cases().await.len(), 2);
    let mut tx = house.db.read().await.unwrap();
    let trail = store::audit::of(&mut tx, &format!("case:{first}")).await.unwrap();
    assert_eq!(trail.iter().filter(|e| e.action == "split").count(), 1);
});

story!(a_split_can_be_undone_for_as_long_as_nothing_has_left, house, {
    let first = two_requests(house).await;
    let before = house.case(0).await;
    let second = split_off(house, &first, None).await.unwrap();
    assert_ne!(house.case(0).await.title, before.title, "a subject may be about the other part");
    let link = split_link(house, &second).await;
    assert_eq!(undo(house, &link).await.unwrap(), first);
    let after = house.case(0).await;
    assert_eq!((after.title, after.service, after.state), (before.title, before.service, before.state));
    assert_eq!(house.case(1).await.state, CaseState::Closed);
    assert!(undo(house, &link).await.is_err(), "undone once is undone");
    assert!(is_offered(house, &first).await, "and offered again");
    let third = split_off(house, &first, None).await.unwrap();
    assert_ne!(third, second);
    house.accepts(&third).await;
    let link = split_link(house, &third).await;
    assert_eq!(undo(house, &link).await.unwrap(), first, "queued is not gone");
    house.accepts(&first).await;
    let sent = house.sends().await;
    assert_eq!(sent.len(), 2, "{sent:?}");
    let referral = to(&sent, "waste@")[0].replace("=\r\n", "");
    assert!(referral.contains("deep pothole") && referral.contains("recycling bin"), "all of it again: {referral}");
    assert_eq!(house.accounts().await.unaccounted, 0);
});

story!(words_that_come_back_after_the_department_was_told_are_shown, house, {
    let first = two_requests(house).await;
    let second = split_off(house, &first, None).await.unwrap();
    house.accepts(&first).await;
    house.sends().await;
    undo(house, &split_link(house, &second).await).await.unwrap();
    assert!(house.case(0).await.attention.unwrap().contains("its department may not know"));
    let mut tx = house.db.read().await.unwrap();
    let message = store::message::of_case(&mut tx, &first).await.unwrap().remove(0);
    drop(tx);
    house.desk(async |desk, tx| desk.send_on(tx, &first, &message.id, "administrator").await).await.unwrap();
    let sent = house.sends().await;
    assert!(sent.iter().any(|m| m.replace("=\r\n", "").contains("deep pothole")));
});

story!(what_a_person_dismisses_is_not_offered_any_more_and_goes_with_the_case, house, {
    let first = two_requests(house).await;
    for _ in 0..2 {
        house.desk(async |desk, tx| desk.dismiss_part(tx, &first, 1, "administrator").await).await.unwrap();
    }
    assert!(!is_offered(house, &first).await);
    house.accepts(&first).await;
    let sent = house.sends().await;
    let referral = to(&sent, "waste@")[0].replace("=\r\n", "");
    assert!(referral.contains("deep pothole") && referral.contains("recycling bin"));
    assert_eq!((house.cases().await.len(), sent.len()), (1, 2));
});

story!(a_person_may_choose_another_service_and_let_the_department_have_the_whole_message, house, {
    let first = two_requests(house).await;
    let second = split_off(house, &first, Some("street_lighting")).await.unwrap();
    let case = house.case(1).await;
    let rules = house.pipeline.understanding.rules();
    assert_eq!((case.service.as_str(), case.disposition), ("street_lighting", Disposition::Suggest));
    assert_eq!(case.department, rules.taxonomy.services["street_lighting"].department);
    assert!(matches!(split_off(house, &first, Some("no_such_service")).await, Ok(id) if id == second), "it is split");
    house.desk(async |desk, tx| desk.share_whole(tx, &second, true, "administrator").await).await.unwrap();
    house.accepts(&second).await;
    let sent = house.sends().await;
    let referral = sent.iter().find(|m| !header(m, "To").contains("ann@")).unwrap().replace("=\r\n", "");
    assert!(referral.contains("deep pothole") && referral.contains("recycling bin"), "{referral}");
    let late = house.desk(async |desk, tx| desk.share_whole(tx, &second, false, "administrator").await).await;
    assert!(late.is_err(), "it has gone");
});

story!(files_of_a_message_that_was_split_go_only_with_the_whole_of_it, house, {
    let plain = "Content-Type: text/plain; charset=utf-8\n\nx\n";
    let parts = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n{TWO}\n--b\n\
         Content-Type: image/png\nContent-Disposition: attachment; filename=hole.png\n\
         Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n"
    );
    house.receives(letter("ann@home.example", "one@home.example", "Bin and pothole", "x").replace(plain, &parts)).await;
    let first = house.case(0).await.id;
    let second = split_off(house, &first, None).await.unwrap();
    house.desk(async |desk, tx| desk.share_whole(tx, &second, true, "administrator").await).await.unwrap();
    house.accepts(&first).await;
    house.accepts(&second).await;
    let sent = house.sends().await;
    let (road, bin) = (to(&sent, "highways@")[0], to(&sent, "waste@")[0]);
    assert!(!bin.contains("hole.png") && bin.contains("Not attached: 1 file"), "{bin}");
    assert!(road.contains("hole.png"), "{road}");
});

story!(a_worry_in_one_part_holds_all_of_them, house, {
    let worried = format!("{TWO}\n\nPS My neighbour says he wants to kill himself and I am frightened for him.");
    house.receives(letter("ann@home.example", "one@home.example", "Bin and pothole", &worried)).await;
    let first = house.case(0).await;
    assert_eq!(first.state, CaseState::Held);
    let second = split_off(house, &first.id, None).await.unwrap();
    let mut tx = house.db.read().await.unwrap();
    let second = store::case::get(&mut tx, &second).await.unwrap().unwrap();
    assert_eq!((second.state, second.priority), (CaseState::Held, beadle::core::Priority::Urgent));
    assert!(second.hold_reason.unwrap().contains("Safeguarding"));
    drop(tx);
    assert_eq!(house.case(0).await.state, CaseState::Held, "and the first stays held");
    assert!(house.sends().await.is_empty());
});

story!(a_case_that_was_split_off_can_be_joined_and_a_joined_case_cannot_be_split, house, {
    house.receives(letter("bob@home.example", "b@home.example", "Hole", POTHOLE)).await;
    let known = house.case(0).await.id;
    house.receives(letter("ann@home.example", "one@home.example", "Bin and pothole", TWO)).await;
    let first = house.case(1).await.id;
    let second = split_off(house, &first, None).await.unwrap();
    let grounds = Grounds { score: 1.0, why: "a story", actor: "administrator" };
    let join = house.desk(async |desk, tx| desk.join(tx, &second, &known, grounds).await).await.unwrap();
    let link = split_link(house, &second).await;
    assert!(undo(house, &link).await.is_err(), "it is part of another case now");
    house.desk(async |desk, tx| desk.undo(tx, &join, "administrator").await).await.unwrap();
    assert_eq!(undo(house, &link).await.unwrap(), first);
    house.desk(async |desk, tx| desk.join(tx, &first, &known, grounds).await).await.unwrap();
    assert!(split_off(house, &first, None).await.is_err());
    assert_eq!(house.accounts().await.unaccounted, 0);
});

story!(a_new_report_of_what_was_split_off_is_matched_with_it, house, {
    // There are two Mill Lanes in the borough and one Signal Row: only a place that is sure is compared.
    let two = TWO.replace("Signal Row", "-").replace("Mill Lane", "Signal Row").replace('-', "Mill Lane");
    house.receives(letter("ann@home.example", "one@home.example", "Bin and pothole", &two)).await;
    let first = house.case(0).await.id;
    let second = split_off(house, &first, None).await.unwrap();
    let words = "There is a deep pothole outside number 12 Signal Row. My wheel was damaged by the pothole.";
    house.receives(letter("bob@home.example", "b@home.example", "", words)).await;
    let third = house.cases().await.into_iter().find(|c| ![&first, &second].contains(&&c.id)).unwrap();
    let mut tx = house.db.read().await.unwrap();
    let links = store::link::standing(&mut tx, &third.id).await.unwrap();
    assert!(links.iter().any(|l| l.parent == second && l.kind != LinkKind::Split), "{links:?}");
});

story!(one_request_in_many_words_is_not_taken_apart, house, {
    let long = format!(
        "{POTHOLE}\n\nI also told the man who came last week. On top of that my neighbour fell there, and he is not well.\n\n\
         Please have it filled. Thank you for your help, and for what you did about the library."
    );
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", &long)).await;
    assert!(!is_offered(house, &house.case(0).await.id).await);
    assert_eq!(house.case(0).await.state, CaseState::Routed);
});

#[tokio::test]
async fn a_database_of_the_version_before_keeps_its_links() {
    let at = |n: u32| format!("'2026-03-0{n}T09:00:00+00:00'");
    let case = |n: u32| {
        format!(
            "INSERT INTO cases (id, reference, state, service, department, priority, title, language, confidence, disposition,
                 consent, received_at, opened_at, due_on, changed_at)
             VALUES ('c{n}', 'r{n}', 'review', 'trees', 'parks', 'normal', 't', 'en', 0.5, 'suggest', 'share', {at}, {at},
                 '2026-03-09', {at})",
            at = at(n)
        )
    };
    let link = |n: u32, kind: &str, ended: &str| {
        format!(
            "INSERT INTO links (id, child, parent, kind, score, why, child_state, created_at, created_by, ended_at)
             VALUES ('l{n}', 'c1', 'c2', '{kind}', 0.7, 'alike', 'review', {}, 'beadle', {ended})",
            at(n)
        )
    };
    let rows = [case(1), case(2), link(1, "join", &at(3)), link(2, "maybe", "NULL"), link(3, "join", "NULL")];
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (db, _folder) = of_version(kind, "0001", &rows).await;
        let mut tx = db.begin().await.unwrap();
        let standing = store::link::standing(&mut tx, &CaseId::from("c1".to_owned())).await.unwrap();
        let said: Vec<(&str, LinkKind, f64, &str)> =
            standing.iter().map(|l| (l.id.as_str(), l.kind, l.score, l.why.as_str())).collect();
        assert_eq!(said, [("l2", LinkKind::Maybe, 0.7, "alike"), ("l3", LinkKind::Join, 0.7, "alike")], "{kind:?}");
        let ended = store::link::get(&mut tx, &LinkId::from("l1".to_owned())).await.unwrap().unwrap();
        assert!(ended.ended_at.is_some() && ended.child_state.as_deref() == Some("review"));
        let again = "INSERT INTO links (id, child, parent, kind, score, why, created_at, created_by)
                     SELECT 'l9', child, parent, 'join', score, why, created_at, created_by FROM links WHERE id = 'l3'";
        assert!(tx.exec(again, store::args![]).await.is_err(), "one standing join of a case, as before");
    }
}
