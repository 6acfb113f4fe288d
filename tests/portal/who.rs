//! Who wrote: whether two addresses are one person's, and where notices go.

use crate::desk::{Answer, Desk, Person};
use beadle::core::Role;
use beadle::store;
use beadle::store::case::Case;
use chrono::TimeDelta;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;

/// Somebody with a first name that is no name, the same by mail and in a chat.
const BY_MAIL: &str = "=?utf-8?q?=3Cscript=3Ealert=281=29=3C/script=3E_Quill?= <rosa@fenmail.example>";
const FIRST_NAME: &str = "<script>alert(1)</script>";

/// A message to the bot from the chat 71; the case it became.
async fn chats(desk: &Desk, number: u32, words: &str) -> Case {
    let from = serde_json::json!({"id": 71, "is_bot": false, "first_name": FIRST_NAME, "last_name": "Quill"});
    let chat = serde_json::json!({"id": 71, "type": "private", "first_name": FIRST_NAME});
    let message =
        serde_json::json!({"message_id": number, "date": 1_773_410_000, "text": words, "chat": chat, "from": from});
    let update = serde_json::json!({"update_id": number, "message": message});
    let request = desk.browser.post(format!("{}/telegram/bot", desk.base)).header(CONTENT_TYPE, "application/json");
    let request = request.header("X-Telegram-Bot-Api-Secret-Token", "S_1").body(update.to_string());
    assert_eq!(desk.ask(request).await.status, StatusCode::OK);
    desk.pipeline.step(10).await.unwrap();
    desk.pipeline.clock.advance(TimeDelta::minutes(1));
    desk.newest().await
}

/// A resident's case by mail, and one by chat of somebody with the same name.
async fn namesakes() -> (Desk, Case, Case) {
    let desk = Desk::open().await;
    let hole = "There is a deep pothole in Tanner's Row by the dry cleaners, ZM1 4QT. Please fill it.";
    let by_mail = desk.mail(BY_MAIL, "Pothole", hole).await;
    let by_chat = chats(&desk, 7, "The street light at lamp column 14 in Signal Row ZM6 1AA is out again.").await;
    assert_ne!(by_mail.id, by_chat.id);
    (desk, by_mail, by_chat)
}

fn path(case: &Case) -> String {
    format!("/cases/{}", case.reference)
}

/// Presses the button of the panel whose address ends so.
async fn says(desk: &Desk, case: &Case, end: &str) -> Answer {
    let page = desk.get(&path(case)).await;
    let action = page.address(end);
    assert!(action.starts_with(&path(case)), "{action}");
    desk.press(&page, &action, &[]).await
}

async fn acts(desk: &Desk, case: &Case) -> Vec<String> {
    let trail = desk.trail(&format!("case:{}", case.id)).await;
    trail.into_iter().filter(|entry| !entry.starts_with("administrator read")).collect()
}

#[tokio::test]
async fn somebody_of_the_same_name_is_perhaps_the_same_person_until_somebody_says_so() {
    let (desk, by_mail, by_chat) = namesakes().await;
    let contact = |case: &Case| format!("contact:{}", case.contact_id.clone().unwrap());
    for (case, other, theirs) in
        [(&by_mail, &by_chat, "Telegram: 71"), (&by_chat, &by_mail, "Email: rosa@fenmail.example")]
    {
        let page = desk.get(&path(case)).await;
        for said in [
            "id=\"who-title\">Who wrote</h2>",
            "Perhaps the same person:",
            theirs,
            "It is the same person",
            "Somebody else",
        ] {
            assert!(page.has(said), "{said} is not in\n{}", page.body);
        }
        assert!(page.has("&#60;script&#62;alert(1)") && !page.has("<script"), "a name is never markup");
        assert_eq!(desk.trail(&contact(other)).await, ["administrator read extract"], "their address was read too");
    }
    let page = desk.get(&path(&by_chat)).await;
    let same = page.address("/same");
    let answer = desk.press(&page, &same, &[]).await;
    assert_eq!(answer.location(), format!("{}?done=one-person", path(&by_chat)), "{}", answer.body);
    let page = desk.get(answer.location()).await;
    for said in [
        "Noted: both addresses are one person&#39;s. It can be taken back.",
        "This resident writes from 2 addresses.",
        "The same person:",
        ">Who wrote</h3>",
        "The other address: Email",
        "Not the same person after all",
    ] {
        assert!(page.has(said), "{said} is not in\n{}", page.body);
    }
    assert!(!page.has("Perhaps the same person:") && !page.has("<script"));
    assert!(
        desk.get(&path(&by_mail)).await.has("This resident writes from 2 addresses."),
        "seen from the other side too"
    );
    let again = desk.press(&page, &same, &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.has("This was decided already."), "{}", again.body);
    assert_eq!(acts(&desk, &by_chat).await.iter().filter(|a| *a == "administrator same_person").count(), 1);
}

#[tokio::test]
async fn who_acts_for_one_councillor_is_told_of_no_address_that_wrote_to_another_one_only() {
    let (desk, by_mail, by_chat) = namesakes().await;
    let of = async |case: &Case, councillor: &str| {
        let mut case = desk.case(&case.reference).await;
        case.councillor = Some(councillor.to_owned());
        let mut tx = desk.db().begin().await.unwrap();
        store::case::update(&mut tx, &case, desk.pipeline.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    };
    of(&by_mail, "adeyemi").await;
    let gwen = Person::new(&desk, "gwen", &[(Role::Gatekeeper, Some("adeyemi"))]).await;
    for said in ["Perhaps the same person:", "The same person:"] {
        of(&by_chat, "nowak").await;
        let page = gwen.gets(&desk, &path(&by_mail)).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.has("who-title") && !page.has("Telegram: 71"), "{}", page.body);
        of(&by_chat, "adeyemi").await;
        let page = gwen.gets(&desk, &path(&by_mail)).await;
        assert!(page.has(said) && page.has("Telegram: 71"), "{}", page.body);
        if said.starts_with("Perhaps") {
            says(&desk, &by_chat, "/same").await;
        }
    }
}

#[tokio::test]
async fn one_person_is_taken_apart_again_from_either_case() {
    let (desk, by_mail, by_chat) = namesakes().await;
    says(&desk, &by_chat, "/same").await;
    let answer = says(&desk, &by_mail, "/apart").await;
    assert_eq!(answer.location(), format!("{}?done=taken-apart", path(&by_mail)), "{}", answer.body);
    let page = desk.get(answer.location()).await;
    assert!(page.has("Taken back: these are two people again.") && page.has("Taken apart again"), "{}", page.body);
    for case in [&by_mail, &by_chat] {
        assert!(!desk.get(&path(case)).await.has("who-title"), "two people with one address each");
    }
    assert_eq!(acts(&desk, &by_mail).await, ["administrator same_person"]);
}

#[tokio::test]
async fn a_different_person_is_not_suggested_again() {
    let (desk, by_mail, by_chat) = namesakes().await;
    let answer = says(&desk, &by_chat, "/different").await;
    assert_eq!(answer.location(), format!("{}?done=not-one-person", path(&by_chat)), "{}", answer.body);
    let page = desk.get(answer.location()).await;
    assert!(page.has("Noted: these are two people.") && page.has("Not the same person") && !page.has("who-title"));
    assert_eq!(acts(&desk, &by_chat).await, ["administrator same_person"]);
    let later = chats(&desk, 8, "Our brown bin was not emptied in Larkrise Road, ZM4 1AA, three weeks now.").await;
    assert_ne!(later.id, by_chat.id);
    assert!(!desk.get(&path(&later)).await.has("who-title"));
    assert!(!desk.get(&path(&by_mail)).await.has("who-title"));
}

#[tokio::test]
async fn what_was_said_of_one_case_is_decided_on_no_other() {
    let (desk, _, by_chat) = namesakes().await;
    let page = desk.get(&path(&by_chat)).await;
    let third = desk.mail("Bo <bo@fenmail.example>", "Tree", "A lime tree in Beacon Lane has lost a limb.").await;
    for end in ["/same", "/different"] {
        let elsewhere = page.address(end).replace(by_chat.reference.as_str(), third.reference.as_str());
        assert_eq!(desk.press(&page, &elsewhere, &[]).await.status, StatusCode::NOT_FOUND, "{end}");
    }
    let apart = page.address("/same").replace("/same", "/apart");
    let answer = desk.press(&page, &apart, &[]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "what was never put together is not taken apart");
    assert!(desk.get(&path(&by_chat)).await.has("Perhaps the same person:"));
}

#[tokio::test]
async fn notices_go_to_the_address_that_a_gatekeeper_chose() {
    let (desk, _, by_chat) = namesakes().await;
    let address = format!("{}/address", path(&by_chat));
    let mail = [("channel", "email"), ("address", "rosa@fenmail.example")];
    let page = desk.get(&path(&by_chat)).await;
    assert_eq!(desk.press(&page, &address, &mail).await.status, StatusCode::NOT_FOUND, "not theirs yet");
    says(&desk, &by_chat, "/same").await;
    let page = desk.get(&path(&by_chat)).await;
    assert!(page.has("Send notices here") && !page.has("chosen for notices"), "{}", page.body);
    for nonsense in [
        [("channel", "email"), ("address", "mallory@fenmail.example")],
        [("channel", "sms"), ("address", "71")],
        [("channel", "post"), ("address", "71")],
        [("channel", "email"), ("address", "")],
    ] {
        assert_eq!(desk.press(&page, &address, &nonsense).await.status, StatusCode::NOT_FOUND, "{nonsense:?}");
    }
    let answer = desk.press(&page, &address, &mail).await;
    assert_eq!(answer.location(), format!("{}?done=address", path(&by_chat)), "{}", answer.body);
    let page = desk.get(answer.location()).await;
    for said in ["Notices go to that address from now on.", "chosen for notices", ">Where notices go</h3>"] {
        assert!(page.has(said), "{said} is not in\n{}", page.body);
    }
    assert_eq!(acts(&desk, &by_chat).await, ["administrator same_person", "administrator choose_address"]);
    desk.press(&page, &format!("{}/close", path(&by_chat)), &[("done", "yes"), ("words", "It burns again.")]).await;
    let outgoing = desk.outgoing(&by_chat).await;
    let notice = outgoing.iter().find(|o| o.purpose == "closing").unwrap();
    assert!(notice.mail.0.to[0].contains("rosa@fenmail.example"), "{:?}", notice.mail.0.to);
}
