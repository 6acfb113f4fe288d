//! One person who writes from more than one address, and what everybody is told when their case is closed.

use crate::house::{House, POTHOLE, everywhere, header, letter};
use crate::story;
use crate::texts::{ANN, BEN, LAMP, Telephones};
use beadle::core::case::Sameness;
use beadle::core::{Asked, CaseState, Channel, Code, ContactPoint};
use beadle::outbox::closing::Ending;
use beadle::routing::consent::{Consent, Wish};
use beadle::store;
use chrono::TimeDelta;

const DONE: Ending<'_> = Ending { done: true, words: "" };

async fn closes(house: &House, number: usize, ending: Ending<'_>) -> Result<(), beadle::desk::DeskError> {
    let case = house.case(number).await;
    house.desk(async |desk, tx| desk.close(tx, &case.id, ending, "administrator").await).await
}

/// Asks for a code from one number and sends it from another; what that other is answered.
async fn shows_a_code(house: &House, phones: &Telephones, from: &str, at: &str) -> Vec<(String, String)> {
    let number = house.accounts().await.received;
    let given = phones.text(house, from, &format!("C{number}"), "code").await;
    let code = Code::find(&given[0].1).expect("a code");
    phones.text(house, at, &format!("D{number}"), code.as_str()).await
}

story!(with_a_code_of_their_own_a_resident_goes_on_from_another_address, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", "the street light is out again, please fix it").await;
    let answers = shows_a_code(house, &phones, ANN, BEN).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].0 == BEN && answers[0].1.contains("we know you here now"), "{answers:?}");
    phones.text(house, BEN, "SM2", "outside 12 Mill Lane, Station ward").await;
    assert_eq!(house.cases().await.len(), 1, "the answer to what was asked on the other telephone");
    assert_eq!(house.case(0).await.state, CaseState::Routed);
    closes(house, 0, DONE).await.unwrap();
    house.sends().await;
    let notice = house.outgoing(&house.case(0).await.id).await.into_iter().find(|o| o.purpose == "closing").unwrap();
    assert_eq!(notice.mail.0.to, [BEN], "notices go where they chose to be written to");
});

story!(a_code_is_good_once_for_half_an_hour_and_not_for_who_was_given_it, house, {
    let phones = Telephones::of(house).await;
    let person = async |number: &str| {
        let mut tx = house.db.read().await.unwrap();
        let point = ContactPoint { channel: Channel::Sms, address: number.to_owned(), name: None };
        store::contact::person(&mut tx, &point).await.unwrap()
    };
    let given = phones.text(house, ANN, "SM1", "CODE").await;
    let code = Code::find(&given[0].1).unwrap();
    let answers = phones.text(house, ANN, "SM2", code.as_str()).await;
    assert!(answers[0].1.contains("not valid"), "their own telephone is known already: {answers:?}");
    house.clock.advance(TimeDelta::minutes(31));
    let answers = phones.text(house, BEN, "SM3", code.as_str()).await;
    assert!(answers[0].1.contains("not valid"), "{answers:?}");
    assert_ne!(person(ANN).await, person(BEN).await);
    shows_a_code(house, &phones, ANN, BEN).await;
    assert_eq!(person(ANN).await, person(BEN).await);
    let third = "+447700900789";
    let mut tx = house.db.read().await.unwrap();
    let latest: (String,) = tx
        .one("SELECT body FROM messages ORDER BY received_at DESC, id DESC LIMIT 1", store::Args(Vec::new()))
        .await
        .unwrap();
    drop(tx);
    phones.text(house, third, "SM9", &latest.0).await;
    assert_ne!(person(third).await, person(BEN).await, "a used code opens nothing");
});

story!(nobody_can_try_many_codes, house, {
    let phones = Telephones::of(house).await;
    for n in 0..5 {
        let answers =
            phones.text(house, BEN, &format!("W{n}"), &format!("AAAAA-AAAA{}", ["3", "4", "6", "7", "9"][n])).await;
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
    let answers = shows_a_code(house, &phones, ANN, BEN).await;
    assert!(answers.is_empty(), "after five wrong ones even a right one is not looked at: {answers:?}");
    let mut tx = house.db.read().await.unwrap();
    let joined = tx.count("SELECT COUNT(*) FROM same_person", store::Args(Vec::new())).await.unwrap();
    assert_eq!(joined, 0);
});

story!(who_quotes_a_case_from_another_number_is_told_how_to_show_that_it_is_theirs, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    let reference = house.case(0).await.reference;
    let answers = phones.text(house, BEN, "SM2", &format!("{reference} street light in Signal Row, any news?")).await;
    assert!(answers.iter().all(|(to, _)| to == BEN), "nobody but who wrote is written to: {answers:?}");
    assert!(answers.iter().any(|(_, words)| words.contains("CODE")), "{answers:?}");
    let mut tx = house.db.read().await.unwrap();
    let owner = house.case(0).await.contact_id.unwrap();
    let said = store::person::said_of(&mut tx, &owner).await.unwrap();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].state, Sameness::Suggested, "only a code or a gatekeeper makes them one");
});

story!(the_same_full_name_on_two_channels_is_suggested_and_a_gatekeeper_says, house, {
    house.receives(letter("ann@example.org", "m1@example.org", "Pothole", POTHOLE)).await;
    let other = letter("ann.smith@example.net", "m2@example.net", "Lamp", LAMP);
    house.receives(other).await;
    let mut tx = house.db.read().await.unwrap();
    let count = tx.count("SELECT COUNT(*) FROM same_person", store::Args(Vec::new())).await.unwrap();
    assert_eq!(count, 0, "two addresses of one channel and name are two people until somebody says otherwise");
    drop(tx);
    let (one, two) = (house.case(0).await, house.case(1).await);
    let mut tx = house.tx().await;
    let (a, b) = (one.contact_id.clone().unwrap(), two.contact_id.clone().unwrap());
    store::person::suggest(&mut tx, &beadle::core::Ids::Random, &a, &b, "the same full name", house.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let said = async || {
        let mut tx = house.db.read().await.unwrap();
        (
            store::person::said_of(&mut tx, &a).await.unwrap()[0].clone(),
            store::person::is_same(&mut tx, &a, &b).await.unwrap(),
        )
    };
    let (suggested, same) = said().await;
    assert!(!same, "a suggestion joins nobody");
    for (state, expected) in [(Sameness::Confirmed, true), (Sameness::Undone, false)] {
        house
            .desk(async |desk, tx| desk.decide_person(tx, &one.id, &suggested.id, state, "administrator").await)
            .await
            .unwrap();
        let (now, same) = said().await;
        assert_eq!((now.state, same), (state, expected));
    }
    let again = house
        .desk(async |desk, tx| desk.decide_person(tx, &one.id, &suggested.id, Sameness::Undone, "administrator").await)
        .await;
    assert!(again.is_err(), "what was decided is not decided again");
});

story!(three_addresses_of_one_person_come_apart_one_at_a_time, house, {
    let phones = Telephones::of(house).await;
    let third = "+447700900789";
    shows_a_code(house, &phones, ANN, BEN).await;
    shows_a_code(house, &phones, BEN, third).await;
    let contact = async |number: &str| {
        let mut tx = house.db.read().await.unwrap();
        let point = ContactPoint { channel: Channel::Sms, address: number.to_owned(), name: None };
        let known = store::contact::known(&mut tx, &point).await.unwrap().unwrap();
        (known.clone(), store::person::of(&mut tx, &known).await.unwrap())
    };
    let (ann, ben, cat) = (contact(ANN).await, contact(BEN).await, contact(third).await);
    assert!(ann.1 == ben.1 && ben.1 == cat.1, "all three are one");
    let mut tx = house.tx().await;
    let said = store::person::said_of(&mut tx, &ann.0).await.unwrap();
    store::person::decide(&mut tx, &said[0].id, Sameness::Undone, "administrator", house.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let (ann, ben, cat) = (contact(ANN).await, contact(BEN).await, contact(third).await);
    assert_eq!(ann.0, ann.1, "the first is alone again");
    assert!(ben.1 == cat.1 && ben.1 != ann.1, "the other two stay one person");
});

story!(everybody_who_reported_it_is_told_when_it_is_done_each_by_themselves, house, {
    let phones = Telephones::of(house).await;
    house.receives(letter("ann@example.org", "m1@example.org", "Pothole", POTHOLE)).await;
    phones.text(house, BEN, "SM1", "deep pothole outside number 12 Mill Lane, the pothole damaged my wheel").await;
    let (first, second) = (house.case(0).await, house.case(1).await);
    if second.state != CaseState::Joined {
        house
            .desk(async |desk, tx| {
                let grounds = beadle::casework::join::Grounds { score: 1.0, why: "the same", actor: "administrator" };
                desk.join(tx, &second.id, &first.id, grounds).await
            })
            .await
            .unwrap();
    }
    house.accepts_if_waiting(&first.id).await;
    house.sends().await;
    closes(house, 0, Ending { done: true, words: "The hole was filled on Tuesday." }).await.unwrap();
    let mails = house.sends().await;
    let to_ann =
        mails.iter().find(|m| header(m, "To").contains("ann@example.org") && m.contains("filled on Tuesday")).unwrap();
    assert!(to_ann.contains(first.reference.as_str()) && !to_ann.contains(second.reference.as_str()), "{to_ann}");
    assert!(header(to_ann, "In-Reply-To").contains("m1@example.org"), "{to_ann}");
    let to_ben = house.outgoing(&second.id).await.into_iter().find(|o| o.purpose == "closing").unwrap();
    assert_eq!((to_ben.status.as_str(), to_ben.mail.0.to.as_slice()), ("sent", [BEN.to_owned()].as_slice()));
    assert!(to_ben.mail.0.body.contains("filled on Tuesday") && !to_ben.mail.0.body.contains(first.reference.as_str()));
    let to_councillor = mails.iter().filter(|m| header(m, "To").contains("cllr.nowak") && m.contains("is done"));
    assert_eq!(to_councillor.count(), 1, "the councillor hears of it too, once, however many reported it");
    assert!(closes(house, 0, DONE).await.is_err(), "it is closed already");
    assert!(closes(house, 1, DONE).await.is_err(), "a joined case is closed with the one it is dealt with in");
});

story!(a_case_that_was_not_done_is_closed_with_words_only, house, {
    house.receives(letter("ann@example.org", "m1@example.org", "Pothole", POTHOLE)).await;
    assert!(closes(house, 0, Ending { done: false, words: " " }).await.is_err());
    closes(house, 0, Ending { done: false, words: "It is a private road: ask the owner." }).await.unwrap();
    let mails = house.sends().await;
    let told = mails.iter().find(|m| m.contains("ask the owner")).expect("a notice");
    assert!(told.contains("We have closed your case") && !told.contains("this is done"), "{told}");
});

story!(who_may_be_in_danger_or_asked_for_silence_is_not_told_by_a_machine_that_it_is_closed, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    phones.text(house, ANN, "SM2", "STOP").await;
    closes(house, 0, DONE).await.unwrap();
    let closing = house.outgoing(&house.case(0).await.id).await.into_iter().filter(|o| o.purpose == "closing").count();
    assert_eq!(closing, 0);
    phones
        .text(house, BEN, "SM3", "he says he will kill me tonight, i am hiding in the bathroom at 12 Mill Lane")
        .await;
    let held = house.cases().await.into_iter().find(|c| c.state == CaseState::Held).unwrap();
    house.accepts(&held.id).await;
    house.desk(async |desk, tx| desk.close(tx, &held.id, DONE, "administrator").await).await.unwrap();
    let closing = house.outgoing(&held.id).await.into_iter().filter(|o| o.purpose == "closing").count();
    assert_eq!(closing, 0);
});

story!(who_moved_to_another_address_and_silenced_the_first_is_told_at_the_other, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    shows_a_code(house, &phones, ANN, BEN).await;
    phones.text(house, ANN, "SM2", "STOP").await;
    closes(house, 0, DONE).await.unwrap();
    house.sends().await;
    let case = house.case(0).await;
    let told: Vec<_> = house.outgoing(&case.id).await.into_iter().filter(|o| o.purpose == "closing").collect();
    assert!(told.len() == 1 && told[0].mail.0.to == [BEN], "{told:?}");
    let words = phones.text(house, BEN, "SM3", "CODE").await;
    assert_eq!(words.len(), 1, "{words:?}");
});

story!(a_case_that_no_department_had_is_not_said_to_be_done_by_one, house, {
    house.set(|council| council.policy.mode = beadle::core::Mode::Suggest);
    house.receives(letter("ann@example.org", "m1@example.org", "Pothole", POTHOLE)).await;
    closes(house, 0, Ending { done: true, words: "We filled it ourselves." }).await.unwrap();
    let told = house.sends().await.into_iter().find(|m| m.contains("filled it ourselves")).expect("a notice");
    assert!(told.contains("We have closed your case") && !told.contains("tells us"), "{told}");
});

story!(words_after_the_end_open_the_case_again_and_the_next_end_is_told_again, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    closes(house, 0, DONE).await.unwrap();
    house.sends().await;
    phones.text(house, ANN, "SM2", "it is not done, the street light is still out").await;
    let case = house.case(0).await;
    assert_eq!((case.state, case.closed_at), (CaseState::Review, None));
    closes(house, 0, DONE).await.unwrap();
    house.sends().await;
    let told =
        house.outgoing(&case.id).await.into_iter().filter(|o| o.purpose == "closing" && o.status == "sent").count();
    assert_eq!(told, 2);
});

/// A text that is about a lamp, where the council asks before a department learns who wrote.
async fn is_asked(house: &mut House) -> (Telephones, Vec<(String, String)>) {
    house.set(|council| {
        council.consent.by_channel.insert(Channel::Sms, Wish::Ask);
    });
    let phones = Telephones::of(house).await;
    let answers = phones.text(house, ANN, "SM1", LAMP).await;
    (phones, answers)
}

/// What the departments were told of a case.
async fn told(house: &House, number: usize) -> String {
    house.sends().await;
    let case = house.case(number).await;
    let mails = house.outgoing(&case.id).await.into_iter().filter(|o| o.party == beadle::core::Party::Department);
    mails.map(|o| o.mail.0.body).collect()
}

story!(where_the_council_asks_the_department_learns_who_they_are_only_after_a_yes, house, {
    let (phones, answers) = is_asked(house).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].1.contains("YES or NO"), "{answers:?}");
    let case = house.case(0).await;
    assert_eq!((case.state, case.consent.as_str()), (CaseState::Review, Consent::Councillor.as_str()));
    let answers = phones.text(house, ANN, "SM2", "Yes.").await;
    let case = house.case(0).await;
    assert_eq!((case.state, case.consent.as_str()), (CaseState::Routed, Consent::Share.as_str()));
    assert_eq!(answers.len(), 1, "the acknowledgement: {answers:?}");
    assert!(told(house, 0).await.contains(ANN));
    assert_eq!(house.accounts().await.set_aside, 0, "YES was no START here");
});

story!(a_no_keeps_the_name_back_and_a_person_looks_at_the_words, house, {
    let (phones, _) = is_asked(house).await;
    let answers = phones.text(house, ANN, "SM2", "no").await;
    assert!(answers.len() == 1 && answers[0].1.contains("will not learn"), "{answers:?}");
    let case = house.case(0).await;
    assert_eq!((case.state, case.asked), (CaseState::Review, None));
    assert!(case.attention.unwrap_or_default().contains("does not wish to be known"));
    house.accepts(&case.id).await;
    assert!(!told(house, 0).await.contains(ANN));
});

story!(a_yes_after_the_case_went_out_makes_them_known_and_more_words_are_no_answer, house, {
    let (phones, _) = is_asked(house).await;
    phones.text(house, ANN, "SM2", "it is the second lamp from the corner").await;
    let case = house.case(0).await;
    assert_eq!(case.asked, Some(Asked::Consent), "the question stays open");
    house.accepts(&case.id).await;
    assert!(!told(house, 0).await.contains(ANN));
    phones.text(house, ANN, "SM3", "OK").await;
    let told = told(house, 0).await;
    assert!(told.contains("allows you to know who they are") && told.contains(ANN), "{told}");
});

story!(yes_is_start_where_no_question_is_open, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", "STOP").await;
    let answers = phones.text(house, ANN, "SM2", "YES").await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(house.cases().await.is_empty());
});

story!(the_question_of_place_comes_before_the_question_of_consent, house, {
    house.set(|council| {
        council.consent.by_channel.insert(Channel::Sms, Wish::Ask);
    });
    let phones = Telephones::of(house).await;
    let asked = phones.text(house, ANN, "SM1", "the street light is out again, please fix it").await;
    assert!(asked.len() == 1 && asked[0].1.contains("where is the problem"), "{asked:?}");
    let asked = phones.text(house, ANN, "SM2", "outside 12 Mill Lane, Station ward").await;
    assert!(asked.len() == 1 && asked[0].1.contains("YES or NO"), "{asked:?}");
    assert_eq!(house.case(0).await.state, CaseState::Review);
    phones.text(house, ANN, "SM3", "yes").await;
    assert_eq!(house.case(0).await.state, CaseState::Routed);
});

story!(by_mail_the_same_question_is_answered_by_mail, house, {
    house.set(|council| council.consent = everywhere(Wish::Ask));
    house.receives(letter("ann@example.org", "m1@example.org", "Pothole", POTHOLE)).await;
    let question = house.sends().await.into_iter().find(|m| m.contains("YES or NO")).expect("a question");
    assert!(header(&question, "To").contains("ann@example.org"), "{question}");
    let id = header(&question, "Message-ID").trim_matches(['<', '>']).to_owned();
    let answer = letter("ann@example.org", "m2@example.org", "Re: yes", "Yes")
        .replace("MIME-Version", &format!("In-Reply-To: <{id}>\nMIME-Version"));
    house.receives(answer).await;
    let case = house.case(0).await;
    assert_eq!((case.state, case.consent.as_str()), (CaseState::Routed, Consent::Share.as_str()));
});

story!(a_gatekeeper_writes_down_what_a_resident_allows, house, {
    let (_phones, _) = is_asked(house).await;
    let case = house.case(0).await;
    house.accepts(&case.id).await;
    assert!(!told(house, 0).await.contains(ANN));
    house.desk(async |desk, tx| desk.set_consent(tx, &case.id, Consent::Share, "administrator").await).await.unwrap();
    assert!(told(house, 0).await.contains(ANN));
});

/// A gatekeeper blocks who wrote on a case.
async fn blocks(house: &House, number: usize) {
    let case = house.case(number).await;
    house.desk(async |desk, tx| desk.block(tx, &case.id, "insults", "administrator").await).await.unwrap();
}

story!(what_a_blocked_sender_sends_is_kept_and_neither_a_case_nor_answered, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    blocks(house, 0).await;
    for (n, words) in ["the street light again", "HELP", "CODE", "fly tipping in Signal Row"].iter().enumerate() {
        let answers = phones.text(house, ANN, &format!("SM2{n}"), words).await;
        assert!(answers.is_empty(), "{answers:?}");
    }
    assert_eq!(house.cases().await.len(), 1);
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.set_aside, sums.unaccounted), (5, 4, 0));
    phones
        .text(house, ANN, "SM3", "he says he will kill me tonight, i am hiding in the bathroom at 12 Mill Lane")
        .await;
    assert!(house.cases().await.iter().any(|c| c.state == CaseState::Held), "danger is heard all the same");
    let mut tx = house.tx().await;
    let point = ContactPoint { channel: Channel::Sms, address: ANN.to_owned(), name: None };
    assert!(store::block::delete(&mut tx, &point).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(phones.text(house, ANN, "SM4", "help").await.len(), 1);
});

story!(who_sends_without_end_is_kept_and_not_heeded_until_the_hour_is_over, house, {
    house.set(|council| council.usual.from_sender = 3);
    let phones = Telephones::of(house).await;
    for n in 0..5 {
        phones
            .text(house, ANN, &format!("SM{n}"), &format!("there is a pothole outside {n}2 Mill Lane, Station ward"))
            .await;
    }
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.set_aside, sums.unaccounted), (5, 2, 0));
    phones.text(house, BEN, "SM6", LAMP).await;
    assert_eq!(house.accounts().await.set_aside, 2, "others are heard");
    house.clock.advance(TimeDelta::hours(2));
    phones.text(house, ANN, "SM7", LAMP).await;
    assert_eq!(house.accounts().await.set_aside, 2);
});

story!(where_a_channel_is_flooded_nothing_goes_out_without_a_person, house, {
    house.set(|council| council.usual.on_channel = 2);
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    phones.text(house, BEN, "SM2", "fly tipping in Signal Row, a fridge and a mattress").await;
    let answers =
        phones.text(house, "+447700900789", "SM3", "there is a pothole outside 3 Mill Lane, Station ward").await;
    assert!(answers.is_empty(), "{answers:?}");
    let case = house.case(2).await;
    assert_eq!(case.state, CaseState::Review);
    assert!(case.attention.unwrap_or_default().contains("than usual"));
});

story!(what_comes_with_a_code_is_heeded_as_the_message_it_is, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    let given = phones.text(house, ANN, "SM2", "CODE").await;
    let code = Code::find(&given[0].1).unwrap();
    let words =
        format!("{} and he says he will kill me tonight, i am hiding in the bathroom at 12 Mill Lane", code.as_str());
    phones.text(house, BEN, "SM3", &words).await;
    assert!(house.cases().await.iter().any(|c| c.state == CaseState::Held), "danger is not swallowed with the code");
    assert_eq!(house.accounts().await.unaccounted, 0);
});
