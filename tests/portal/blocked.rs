//! Senders who are blocked.

use crate::desk::{Desk, letter};
use beadle::core::{CaseState, Channel, ContactPoint};
use beadle::store;
use reqwest::StatusCode;

/// Their name is `<script>alert(1)</script> Mallory`.
const MALLORY: &str = "=?utf-8?q?=3Cscript=3Ealert=281=29=3C/script=3E_Mallory?= <mallory@fenmail.example>";
const HOLE: &str = "There is a deep pothole in Tanner's Row by the dry cleaners, ZM1 4QT.";

#[tokio::test]
async fn where_nobody_is_blocked_the_page_says_so_and_where_it_is_done() {
    let desk = Desk::open().await;
    let page = desk.get("/blocked").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.has("Nobody is blocked.") && page.has("on the page of a case") && !page.has("<table"),
        "{}",
        page.body
    );
    assert!(desk.get("/set-aside").await.has("href=\"/blocked\""));
    assert_eq!(desk.trail("blocks").await, ["administrator read list"]);
}

#[tokio::test]
async fn a_sender_is_blocked_on_the_page_of_a_case_and_heard_again_when_the_block_is_ended() {
    let desk = Desk::open().await;
    let case = desk.mail(MALLORY, "Pothole", HOLE).await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(page.has("Block the sender") && page.has("mallory@fenmail.example</bdi> (Email)"), "{}", page.body);
    for why in ["", "  "] {
        let answer = desk.press(&page, &format!("{path}/block"), &[("why", why)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.has("Say why this sender is blocked: others will want to know."), "{}", answer.body);
    }
    let why = "insults <img src=x onerror=alert(1)>";
    let answer = desk.press(&page, &format!("{path}/block"), &[("why", why)]).await;
    assert_eq!(answer.location(), format!("{path}?done=blocked"), "{}", answer.body);
    let blocked = desk.get(answer.location()).await;
    for said in [
        "This sender is blocked.",
        "id=\"block-title\">The sender is blocked</h2>",
        "Insults &#60;img",
        "href=\"/blocked\"",
    ] {
        assert!(blocked.has(said), "{said} is not in\n{}", blocked.body);
    }
    assert!(!blocked.has("name=\"why\""), "nobody is blocked twice");
    let again = desk.press(&page, &format!("{path}/block"), &[("why", "insults")]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.has("This sender is blocked already."), "{}", again.body);
    assert!(desk.trail(&format!("case:{}", case.id)).await.contains(&"administrator block".to_owned()));

    let list = desk.get("/blocked").await;
    for said in
        ["mallory@fenmail.example", "Mallory</bdi>", "&#60;script&#62;alert(1)", "Insults &#60;img", "by Administrator"]
    {
        assert!(list.has(said), "{said} is not in\n{}", list.body);
    }
    for page in [&list, &blocked] {
        assert!(!page.has("<script") && !page.has("<img"), "{}", page.body);
    }
    desk.take_in(&letter(MALLORY, "Lamp", "The street light in Signal Row ZM6 1AA is out.", "dmarc=pass")).await;
    assert_eq!(desk.newest().await.id, case.id, "no case is opened");
    assert!(desk.get("/set-aside").await.has("This sender is blocked: insults &#60;img"));

    let end = [("channel", list.field("channel")), ("address", list.field("address"))];
    let end = end.each_ref().map(|(name, value)| (*name, value.as_str()));
    let ended = desk.press(&list, "/blocked", &end).await;
    assert_eq!(ended.location(), "/blocked?done=unblocked", "{}", ended.body);
    let page = desk.get(ended.location()).await;
    assert!(page.has("The block is ended.") && page.has("Nobody is blocked."), "{}", page.body);
    let again = desk.press(&list, "/blocked", &end).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert!(again.has("This sender is not blocked.") && again.has("href=\"/blocked\""), "{}", again.body);
    let contact = case.contact_id.clone().unwrap();
    assert_eq!(desk.trail(&format!("contact:{contact}")).await, ["administrator unblock"]);
    assert!(desk.get(&path).await.has("Block the sender"));
    desk.take_in(&letter(MALLORY, "Bin", "Our brown bin was not emptied in Larkrise Road, ZM4 1AA.", "dmarc=pass"))
        .await;
    assert_ne!(desk.newest().await.id, case.id, "they are heard again");
}

#[tokio::test]
async fn whoever_is_blocked_is_heard_all_the_same_where_somebody_may_be_in_danger() {
    let desk = Desk::open().await;
    let case = desk.mail(MALLORY, "Pothole", HOLE).await;
    let path = format!("/cases/{}", case.reference);
    desk.press(&desk.get(&path).await, &format!("{path}/block"), &[("why", "insults")]).await;
    let held = desk.mail(MALLORY, "help", "My father hits me and I am afraid to go home tonight.").await;
    assert_eq!(held.state, CaseState::Held);
    let page = desk.get(&format!("/cases/{}", held.reference)).await;
    assert!(page.has("The sender is blocked") && page.has("A person has to decide"), "{}", page.body);
}

#[tokio::test]
async fn a_block_is_ended_only_by_a_form_of_ours_and_only_where_there_is_one() {
    let desk = Desk::open().await;
    let case = desk.mail(MALLORY, "Pothole", HOLE).await;
    let path = format!("/cases/{}", case.reference);
    desk.press(&desk.get(&path).await, &format!("{path}/block"), &[("why", "insults")]).await;
    let (channel, address) = (("channel", "email"), ("address", "mallory@fenmail.example"));
    for csrf in [&[][..], &[("csrf", "x")]] {
        let fields: Vec<_> = csrf.iter().copied().chain([channel, address]).collect();
        assert_eq!(desk.send("/blocked", &fields).await.status, StatusCode::FORBIDDEN);
    }
    let page = desk.get("/blocked").await;
    for fields in [
        [channel, ("address", "nobody@fenmail.example")],
        [("channel", "post"), address],
        [("channel", "sms"), address],
    ] {
        assert_eq!(desk.press(&page, "/blocked", &fields).await.status, StatusCode::NOT_FOUND, "{fields:?}");
    }
    let mut tx = desk.db().read().await.unwrap();
    let point = ContactPoint { channel: Channel::Email, address: address.1.to_owned(), name: None };
    assert_eq!(store::block::why(&mut tx, &point).await.unwrap().as_deref(), Some("insults"));
    drop(tx);
    let stranger = Desk::closed().await;
    assert_eq!(stranger.get("/blocked").await.location(), "/sign-in?next=%2Fblocked");
    assert_eq!(stranger.send("/blocked", &[channel, address]).await.location(), "/sign-in");
}

#[tokio::test]
async fn an_address_of_the_council_is_always_heeded_and_so_cannot_be_blocked() {
    let desk = Desk::open().await;
    let case = desk.mail("Cllr Marek Nowak <cllr.nowak@brackenmere.example>", "Pothole", HOLE).await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(!page.has("Block the sender"), "{}", page.body);
    let answer = desk.press(&page, &format!("{path}/block"), &[("why", "too many")]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(
        answer.has("an address of the council&#39;s own, a councillor&#39;s or a department&#39;s"),
        "{}",
        answer.body
    );
    assert!(desk.get("/blocked").await.has("Nobody is blocked."));
}
