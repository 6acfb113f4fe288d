//! Many people send one letter: it becomes one campaign, everybody is answered, and nobody is drowned in mail.

use crate::house::{House, letter};
use crate::story;
use beadle::core::{CaseState, Mode, Party};
use beadle::outbox::closing::Ending;
use beadle::store;
use chrono::TimeDelta;

const LETTER: &str = "Dear Councillor,\n\nI am writing to ask you to save the library in Mill Lane. It is the only place in the ward \
    where children can do their homework in peace, and where older people can meet in winter without paying for anything. Closing it \
    would save the council very little. Please vote against the plan on Tuesday.\n\nYours sincerely";

/// The letter of the resident of a number, with words of their own where there are any.
fn of(number: usize, own: &str) -> String {
    let body = LETTER.replace("Please vote", &format!("{own} Please vote"));
    letter(&format!("resident{number}@home.example"), &format!("{number}@home.example"), "Save our library", &body)
        .replace("From: Ann Smith", &format!("From: Resident Number{number}"))
}

pub(crate) async fn many(house: &House, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let own =
            if number % 4 == 1 { format!("My {number} grandchildren learned to read there.") } else { String::new() };
        house.takes_in(of(number, &own)).await;
    }
    house.works().await;
}

fn suggest(house: &mut House) {
    house.set(|council| council.policy.mode = Mode::Suggest);
}

async fn count(house: &House, state: CaseState) -> usize {
    house.cases().await.iter().filter(|case| case.state == state).count()
}

story!(a_burst_of_near_identical_letters_becomes_one_campaign, house, {
    suggest(house);
    many(house, 0..4).await;
    assert_eq!(count(house, CaseState::Joined).await, 0, "four are no campaign yet");
    many(house, 4..30).await;
    assert_eq!((count(house, CaseState::Review).await, count(house, CaseState::Joined).await), (1, 29));
    let lead = house.case(0).await;
    assert!(lead.attention.as_deref().unwrap_or_default().contains("campaign"), "{:?}", lead.attention);
    let mut tx = house.db.read().await.unwrap();
    assert_eq!(store::campaign::joined(&mut tx, &lead.id).await.unwrap(), 29);
    let letters = store::campaign::letters(&mut tx, &lead.id, None, 100, 0).await.unwrap();
    let own: Vec<&str> = letters.iter().map(|l| l.added.as_str()).filter(|a| !a.is_empty()).collect();
    assert_eq!(own.len(), 8, "those that say something of their own: {own:?}");
    assert!(own.iter().all(|added| added.starts_with("My ") && added.ends_with("learned to read there.")), "{own:?}");
    assert_eq!(house.accounts().await.received, 30);
});

story!(department_and_councillor_get_one_notice_of_a_campaign_and_each_resident_an_acknowledgement, house, {
    suggest(house);
    many(house, 0..12).await;
    let lead = house.case(0).await;
    house.accepts(&lead.id).await;
    many(house, 12..20).await;
    let (mut department, mut councillor, mut queued, mut held) = (0, 0, 0, 0);
    for case in house.cases().await {
        for out in house.outgoing(&case.id).await {
            match (out.party, out.purpose.as_str(), out.status.as_str()) {
                (Party::Department, ..) => {
                    department += 1;
                    let body = &out.mail.0.body;
                    assert!(body.contains("15 more people") && body.matches("save the library").count() == 1, "{body}");
                    assert!(out.mail.0.cc.iter().any(|cc| cc.contains("cllr.nowak")), "the councillor is on it");
                }
                (Party::Councillor, ..) => councillor += 1,
                (_, "acknowledgement", "queued") => queued += 1,
                (_, "acknowledgement", "held") => held += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((department, councillor), (1, 0), "one mail for both");
    assert_eq!((queued, held), (12, 8), "those who wrote after a person had let it go wait for one");
    let released =
        house.desk(async |desk, tx| desk.release_letters(tx, &lead.id, "administrator").await).await.unwrap();
    assert_eq!(released, 8);
});

story!(a_campaign_that_began_when_its_first_letter_was_with_the_department_is_told_once, house, {
    suggest(house);
    many(house, 0..1).await;
    let lead = house.case(0).await;
    house.accepts(&lead.id).await;
    house.sends().await;
    many(house, 1..9).await;
    assert_eq!(count(house, CaseState::Joined).await, 8);
    let out = house.outgoing(&lead.id).await;
    let told: Vec<&str> = out.iter().filter(|o| o.party == Party::Department).map(|o| o.purpose.as_str()).collect();
    assert_eq!(told, ["referral", "campaign"], "the first letter had gone before anybody could know");
});

story!(one_answer_goes_to_all_by_each_ones_name, house, {
    suggest(house);
    many(house, 0..7).await;
    let lead = house.case(0).await;
    house.accepts(&lead.id).await;
    house.sends().await;
    house.clock.advance(TimeDelta::hours(1));
    let words = "The council decided on Tuesday to keep the library open.";
    let answered =
        house.desk(async |desk, tx| desk.answer_letters(tx, &lead.id, words, "administrator").await).await.unwrap();
    assert_eq!(answered, 7);
    let mails = house.sends().await;
    for number in 0..7 {
        let name = format!("Dear Resident Number{number},");
        let answer = mails.iter().find(|m| m.contains("keep the library open") && m.contains(&name));
        let answer = answer.unwrap_or_else(|| panic!("{name}"));
        for other in (0..7).filter(|other| *other != number) {
            assert!(!answer.contains(&format!("resident{other}@")), "nobody sees another's address");
        }
    }
    // And when it is over, everybody hears of that.
    house
        .desk(async |desk, tx| desk.close(tx, &lead.id, Ending { done: true, words: "" }, "administrator").await)
        .await
        .unwrap();
    let closed = house.sends().await.iter().filter(|m| m.contains("resident") && m.contains("is done")).count();
    assert_eq!(closed, 7);
});

story!(a_letter_taken_out_of_a_campaign_stands_by_itself_again, house, {
    suggest(house);
    many(house, 0..6).await;
    let letter = house.case(3).await;
    assert_eq!(letter.state, CaseState::Joined);
    let mut tx = house.tx().await;
    let link = store::link::standing(&mut tx, &letter.id).await.unwrap().into_iter().find(|l| l.is_join()).unwrap();
    drop(tx);
    house.desk(async |desk, tx| desk.undo(tx, &link.id, "administrator").await).await.unwrap();
    assert_eq!(house.case(3).await.state, CaseState::Review);
    let mut tx = house.tx().await;
    assert_eq!(store::campaign::joined(&mut tx, &house.case(0).await.id).await.unwrap(), 4);
    assert!(store::pair::decided(&mut tx, "beadle", 10).await.unwrap().is_empty(), "it teaches the matcher nothing");
});

story!(words_about_danger_are_never_one_of_many, house, {
    suggest(house);
    many(house, 0..6).await;
    house.receives(of(6, "My husband hits me every night and I am afraid that he will kill me.")).await;
    let last = house.case(6).await;
    assert_eq!(last.state, CaseState::Held);
});

story!(a_letter_to_another_councillor_tells_them_of_the_campaign_once, house, {
    suggest(house);
    many(house, 0..6).await;
    let lead = house.case(0).await;
    for number in 6..9 {
        let mail = of(number, "").replace("cllr.nowak@", "cllr.malik@").replace('\n', "\r\n");
        house.takes_in_bytes("other", &number.to_string(), mail.into_bytes()).await;
    }
    house.works().await;
    house.accepts(&lead.id).await;
    let out = house.outgoing(&lead.id).await;
    let told: Vec<&str> =
        out.iter().filter(|o| o.party == Party::Councillor).map(|o| o.mail.0.to[0].as_str()).collect();
    assert!(told.len() == 1 && told[0].contains("cllr.malik@"), "{told:?}");
});

story!(without_a_person_a_burst_of_letters_is_one_mail_to_the_department_that_says_how_many, house, {
    house.set(|council| council.policy.gather_minutes = 15);
    many(house, 0..1).await;
    assert!(house.sends().await.iter().all(|mail| !mail.contains("save the library")), "the first letter waits");
    house.clock.advance(TimeDelta::minutes(14));
    many(house, 1..20).await;
    assert!(count(house, CaseState::Joined).await >= 19);
    house.clock.advance(TimeDelta::minutes(1));
    house.sends().await;
    many(house, 20..30).await;
    house.clock.advance(TimeDelta::days(1));
    house.sends().await;
    let (mut department, mut councillor) = (Vec::new(), 0);
    for case in house.cases().await {
        for out in house.outgoing(&case.id).await {
            match out.party {
                Party::Department => department.push(out),
                Party::Councillor => councillor += 1,
                _ => {}
            }
        }
    }
    assert_eq!((department.len(), councillor), (1, 0), "one mail for both: {department:?}");
    let mail = &department[0].mail.0;
    assert_eq!(department[0].status, "sent");
    assert!(
        mail.body.contains("15 more people") && mail.body.matches("save the library").count() == 1,
        "{}",
        mail.body
    );
    assert!(mail.cc.iter().any(|cc| cc.contains("cllr.nowak")), "the councillor is on it");
});

story!(what_is_urgent_waits_for_no_other_letters, house, {
    house.set(|council| {
        council.policy.gather_minutes = 15;
        (council.policy.auto_above, council.policy.unsure_below) = (0.0, 0.0);
    });
    house
        .receives(letter(
            "ann@home.example",
            "1@home.example",
            "Live wire",
            "Exposed live wires are hanging out of the lamp post outside 12 Mill Lane.",
        ))
        .await;
    let case = house.case(0).await;
    assert_eq!((case.priority, case.state), (beadle::core::Priority::Urgent, CaseState::Routed), "{case:?}");
    let referral = house.outgoing(&case.id).await.into_iter().find(|o| o.purpose == "referral").unwrap();
    house.sends().await;
    let sent = house.outgoing(&case.id).await.into_iter().find(|o| o.id == referral.id).unwrap();
    assert_eq!(sent.status, "sent");
});

story!(without_a_person_only_the_first_letter_goes_before_it_is_known_to_be_one_of_many, house, {
    many(house, 0..10).await;
    let mut referrals = 0;
    for case in house.cases().await {
        let out = house.outgoing(&case.id).await;
        referrals += out.iter().filter(|o| o.purpose == "referral").count();
    }
    assert!(referrals <= 1, "{referrals} letters went to the department");
    assert!(count(house, CaseState::Joined).await >= 8);
});
