//! What providers of texts and Telegram post.

use crate::desk::Desk;
use beadle::store;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;

#[tokio::test]
async fn telegram_brings_updates_with_the_secret_and_nobody_else_does() {
    let desk = Desk::closed().await;
    let bring = async |path: &str, secret: Option<&str>, body: &str| {
        let request = desk.browser.post(format!("{}{path}", desk.base)).header(CONTENT_TYPE, "application/json");
        let request = secret.into_iter().fold(request, |r, s| r.header("X-Telegram-Bot-Api-Secret-Token", s));
        request.body(body.to_owned()).send().await.unwrap().status()
    };
    let update = r#"{"update_id":7,"message":{"message_id":1,"date":1773410000,"text":"The lamp is out",
        "chat":{"id":71,"type":"private","first_name":"Rosa"},"from":{"id":71,"is_bot":false,"first_name":"Rosa"}}}"#;
    assert_eq!(bring("/telegram/nobody", Some("S_1"), update).await, StatusCode::NOT_FOUND);
    assert_eq!(bring("/telegram/bot", None, update).await, StatusCode::FORBIDDEN);
    assert_eq!(bring("/telegram/bot", Some("S_2"), update).await, StatusCode::FORBIDDEN);
    assert_eq!(bring("/telegram/bot", Some("S_1"), update).await, StatusCode::OK);
    assert_eq!(bring("/telegram/bot", Some("S_1"), update).await, StatusCode::OK);
    let mut tx = desk.db().read().await.unwrap();
    assert_eq!(store::inbox::waiting(&mut tx).await.unwrap(), 1, "brought twice, taken in once");
}

#[tokio::test]
async fn a_post_for_an_account_that_is_not_there_is_told_so_and_needs_no_session() {
    let desk = Desk::closed().await;
    let answer = desk.browser.post(format!("{}/texts/nobody", desk.base)).body("Body=x").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(answer.text().await.unwrap().contains("no such account"));
}
