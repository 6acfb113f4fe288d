//! One resident, two channels, one case: from the first text to the notice that it is done.

use crate::story;
use crate::telegram::{Chat, mill_lane};
use crate::texts::{ANN, Telephones};
use beadle::core::{CaseState, Channel, Code, Party};
use beadle::outbox::closing::Ending;
use beadle::routing::consent::{Consent, Wish};
use beadle::store;
use chrono::TimeDelta;
use serde_json::json;

story!(a_resident_texts_goes_on_in_a_chat_after_showing_who_they_are_and_hears_there_that_it_is_done, house, {
    house.set(|council| {
        council.consent.by_channel.insert(Channel::Sms, Wish::Ask);
        council.account_councillors.insert("twilio".to_owned(), "nowak".to_owned());
    });
    let phones = Telephones::of(house).await;
    let chat = Chat::of(house).await;

    // They text, and are asked where it is.
    let asked = phones.text(house, ANN, "SM1", "the street light is out again, please fix it").await;
    assert!(asked.len() == 1 && asked[0].1.contains("where is the problem"), "{asked:?}");

    // They want to go on in a chat: a stranger there would see nothing, so they show with a code that it is them.
    assert_eq!(chat.writes(house, "/status").await, ["We know of no open case of yours."]);
    let given = phones.text(house, ANN, "SM2", "CODE").await;
    let code = Code::find(&given[0].1).expect("a code");
    let linked = chat.writes(house, code.as_str()).await;
    assert!(linked.len() == 1 && linked[0].contains("we know you here now"), "{linked:?}");

    // The place, sent in the chat, answers what was asked by text; what comes next is asked in the chat.
    let spot = mill_lane(house).await;
    let asked = chat.says(house, json!({"location": spot})).await;
    assert!(asked.len() == 1 && asked[0].contains("YES or NO"), "{asked:?}");
    let kept = chat.writes(house, "no").await;
    assert!(kept.len() == 1 && kept[0].contains("will not learn"), "{kept:?}");
    let case = house.case(0).await;
    assert_eq!(house.cases().await.len(), 1, "one case");
    assert_eq!((case.state, case.consent.as_str()), (CaseState::Review, Consent::Councillor.as_str()));
    assert!(
        chat.writes(house, "/status").await[0].contains(case.reference.as_str()),
        "they see their one case in the chat"
    );

    // A gatekeeper reads the words and lets it go; the department does it; the resident hears of it where they chose.
    house.accepts(&case.id).await;
    house.sends().await;
    house
        .desk(async |desk, tx| desk.close(tx, &case.id, Ending { done: true, words: "" }, "administrator").await)
        .await
        .unwrap();
    // A bot writes to a chat once a second at most.
    house.clock.advance(TimeDelta::minutes(1));
    house.sends().await;
    let out = house.outgoing(&case.id).await;
    let notice = out.iter().find(|o| o.purpose == "closing").expect("a notice");
    assert_eq!((notice.channel, notice.status.as_str()), (Channel::Telegram, "sent"));

    // The department saw the words and the place, and neither name nor number nor chat.
    let to_department: Vec<_> = out.iter().filter(|o| o.party == Party::Department).collect();
    assert!(!to_department.is_empty());
    for mail in &to_department {
        let told = serde_json::to_string(&mail.mail.0).unwrap();
        let words = told.replace("cllr.", "");
        assert!(!words.contains(ANN) && !words.contains("From: 71"), "{words}");
        assert!(words.contains("does not wish to be named"), "{words}");
    }

    // The councillor is on it, and the whole trail is on the case.
    assert!(
        to_department.iter().any(|o| o.mail.0.cc.iter().any(|cc| cc.contains("cllr."))),
        "the councillor has a copy"
    );
    assert!(out.iter().any(|o| o.party == Party::Councillor && o.status == "sent"), "and hears that it is done");
    let mut tx = house.db.read().await.unwrap();
    let messages = store::message::of_case(&mut tx, &case.id).await.unwrap();
    let ways: Vec<Channel> = messages.iter().map(|m| m.channel).collect();
    assert_eq!(ways, [Channel::Sms, Channel::Telegram, Channel::Telegram]);
});
