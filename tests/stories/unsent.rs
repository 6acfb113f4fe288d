//! The mail by which a department gets a case waits for a while: what happens meanwhile is written into it, or stops it.

use crate::house::{House, POTHOLE, header, letter};
use crate::story;
use beadle::casework::join::Grounds;
use beadle::core::{CaseState, Party, Priority};
use beadle::desk::Change;
use beadle::outbox::closing::Ending;
use beadle::routing::consent::Consent;
use beadle::store::case::Case;
use beadle::store::outbox::Outgoing;
use chrono::TimeDelta;

const WHO: &str = "administrator";

/// A case that is with its department, which was not told yet.
async fn waiting(house: &mut House) -> Case {
    house.set(|council| council.policy.gather_minutes = 15);
    house.receives(letter("ann@home.example", "1@home.example", "Pothole", POTHOLE)).await;
    house.sends().await;
    let case = house.case(0).await;
    assert_eq!(case.state, CaseState::Routed);
    assert_eq!(to_department(house, &case).await.last().unwrap().status, "queued");
    case
}

async fn to_department(house: &House, case: &Case) -> Vec<Outgoing> {
    let mut out = house.outgoing(&case.id).await;
    out.retain(|o| o.party == Party::Department);
    out
}

/// What the department has got of a case once all of it had time to leave.
async fn got(house: &House, case: &Case) -> Vec<Outgoing> {
    house.clock.advance(TimeDelta::minutes(30));
    house.sends().await;
    let mut out = to_department(house, case).await;
    out.retain(|o| o.status == "sent");
    out.sort_by_key(|o| o.sent_at);
    out
}

story!(a_worry_that_comes_while_the_referral_waits_stops_it, house, {
    let case = waiting(house).await;
    let first = to_department(house, &case).await.remove(0).mail.0;
    let more =
        letter("ann@home.example", "2@home.example", "Re: Pothole", "My husband hits me and says he will kill me.");
    let reply = more.replace("MIME-Version", "In-Reply-To: <1@home.example>\nMIME-Version");
    house.receives(reply).await;
    let held = house.case(0).await;
    assert_eq!((held.state, held.id), (CaseState::Held, case.id.clone()), "{:?}", held.hold_reason);
    let out = got(house, &case).await;
    assert!(out.is_empty(), "nothing leaves without a person: {out:?}");
    house.accepts(&case.id).await;
    let out = got(house, &case).await;
    assert_eq!(out.len(), 1, "once a person lets it go it is told as ever: {out:?}");
    assert_eq!(out[0].mail.0.to, first.to);
});

story!(a_case_that_becomes_the_councillors_only_is_not_sent_to_a_department_that_does_not_have_it_yet, house, {
    let case = waiting(house).await;
    let more =
        letter("ann@home.example", "2@home.example", "Re: Pothole", "My husband hits me and says he will kill me.");
    house.receives(more.replace("MIME-Version", "In-Reply-To: <1@home.example>\nMIME-Version")).await;
    assert_eq!(house.case(0).await.state, CaseState::Held);
    house.desk(async |desk, tx| desk.set_consent(tx, &case.id, Consent::Private, WHO).await).await.unwrap();
    assert!(got(house, &case).await.is_empty());
});

story!(what_a_department_has_got_is_not_made_private_any_more, house, {
    let case = waiting(house).await;
    assert_eq!(got(house, &case).await.len(), 1);
    let more =
        letter("ann@home.example", "2@home.example", "Re: Pothole", "My husband hits me and says he will kill me.");
    house.receives(more.replace("MIME-Version", "In-Reply-To: <1@home.example>\nMIME-Version")).await;
    let refused = house.desk(async |desk, tx| desk.set_consent(tx, &case.id, Consent::Private, WHO).await).await;
    assert!(refused.unwrap_err().to_string().contains("gone to a department"));
});

story!(a_case_that_is_closed_before_its_department_was_told_is_not_sent_to_it, house, {
    let case = waiting(house).await;
    let ending = Ending { done: false, words: "It was filled yesterday." };
    house.desk(async |desk, tx| desk.close(tx, &case.id, ending, WHO).await).await.unwrap();
    assert!(got(house, &case).await.is_empty());
    let out = house.outgoing(&case.id).await;
    assert!(
        out.iter().any(|o| o.party == Party::Councillor && o.status == "sent"),
        "the councillor hears of it: {out:?}"
    );
});

story!(a_case_that_is_joined_before_its_department_was_told_is_sent_only_if_it_is_taken_apart, house, {
    let case = waiting(house).await;
    house.set(|council| council.policy.join_above = 2.0);
    house.receives(letter("bob@home.example", "9@home.example", "Hole", &format!("Hello. {POTHOLE}"))).await;
    let other = house.cases().await.into_iter().find(|other| other.id != case.id).unwrap();
    let grounds = Grounds { score: 1.0, why: "the same", actor: WHO };
    let link = house.desk(async |desk, tx| desk.join(tx, &case.id, &other.id, grounds).await).await.unwrap();
    assert!(to_department(house, &case).await.iter().all(|o| o.status == "cancelled"));
    house.desk(async |desk, tx| desk.undo(tx, &link, WHO).await).await.unwrap();
    assert_eq!(house.case(0).await.state, CaseState::Routed);
    assert_eq!(got(house, &case).await.len(), 1, "apart again, the department is told");
});

story!(what_is_changed_before_the_department_was_told_stands_in_its_one_mail, house, {
    let case = waiting(house).await;
    let before = to_department(house, &case).await.remove(0).mail.0;
    assert!(before.body.contains("ann@home.example") && before.cc.len() == 1, "{}", before.body);
    house.desk(async |desk, tx| desk.set_consent(tx, &case.id, Consent::Councillor, WHO).await).await.unwrap();
    let later = "2026-03-31".parse().unwrap();
    let calendar = house.pipeline.house.calendar.clone();
    house.desk(async |desk, tx| desk.put_off(tx, &case.id, (later, "no crew"), &calendar, WHO).await).await.unwrap();
    let chased = house.desk(async |desk, tx| desk.chase(tx, &case.id, &calendar, WHO).await).await;
    assert!(chased.unwrap_err().to_string().contains("has not been sent this case yet"));
    let out = got(house, &case).await;
    assert_eq!(out.len(), 1, "{out:?}");
    let mail = &out[0].mail.0;
    assert!(!mail.body.contains("ann@home.example") && mail.body.contains("31 March 2026"), "{}", mail.body);
    assert!(mail.body.contains("deep pothole"), "{}", mail.body);
});

story!(a_case_that_becomes_urgent_waits_no_longer, house, {
    let case = waiting(house).await;
    let change = Change { priority: Some(Priority::Urgent), ..Change::default() };
    let calendar = house.pipeline.house.calendar.clone();
    house.desk(async |desk, tx| desk.change(tx, &case.id, &change, &calendar, WHO).await).await.unwrap();
    house.sends().await;
    let out = to_department(house, &case).await;
    assert!(out.len() == 1 && out[0].status == "sent" && out[0].mail.0.body.contains("Priority: Urgent"), "{out:?}");
});

story!(what_is_passed_on_meanwhile_comes_after_the_case_itself, house, {
    let case = waiting(house).await;
    let more = letter("ann@home.example", "2@home.example", "Re: Pothole", "It is by the bus stop.");
    house.receives(more.replace("MIME-Version", "In-Reply-To: <1@home.example>\nMIME-Version")).await;
    let mut tx = house.tx().await;
    let messages = beadle::store::message::of_case(&mut tx, &case.id).await.unwrap();
    drop(tx);
    let later = &messages[1].id;
    house.desk(async |desk, tx| desk.send_on(tx, &case.id, later, WHO).await).await.unwrap();
    house.sends().await;
    assert!(to_department(house, &case).await.iter().all(|o| o.status == "queued"), "both wait");
    let mails = house.sends().await;
    assert!(mails.iter().all(|mail| !header(mail, "Subject").contains("more from the resident")));
    let out = got(house, &case).await;
    let purposes: Vec<&str> = out.iter().map(|o| o.purpose.as_str()).collect();
    assert_eq!(purposes, ["referral", "addition"]);
    assert!(!out[0].mail.0.body.contains("bus stop"), "later words go when a person sends them on");
});
