//! Telegram against an emulator that is not ours (`emulator.rs`). It has texts in and out and webhooks, and no files: for those
//! see `telegram_misbehaving.rs`.

use crate::emulator::{CHAT, Emulator};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use beadle::channels::telegram::{Command, Content, Keyboard, understand, webhook};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[tokio::test]
async fn telegram_says_which_bot_it_is() {
    let emulator = Emulator::start();
    let said = emulator.wire().check().await.unwrap();
    assert_eq!(said, "Telegram answers as the bot TestNameBot");
}

#[tokio::test]
async fn texts_a_place_and_a_photo_are_polled_in_order() {
    let emulator = Emulator::start();
    let wire = emulator.wire();
    assert_eq!(wire.poll(0, Duration::ZERO).await.unwrap(), []);

    emulator.resident_sends(json!({"text": "/start ward-7"})).await;
    emulator.resident_sends(json!({"text": "The lamp is out 💡"})).await;
    emulator.resident_sends(json!({"location": {"latitude": 54.02878, "longitude": -2.05309}})).await;
    let size =
        |id: &str, width| json!({"file_id": id, "file_unique_id": id, "width": width, "height": 9, "file_size": 7});
    emulator.resident_sends(json!({"photo": [size("s", 90), size("l", 900)], "caption": "This one"})).await;

    let updates = wire.poll(0, Duration::ZERO).await.unwrap();
    assert!(updates.is_sorted_by(|a, b| a.update_id < b.update_id), "{updates:?}");
    assert!(updates.iter().all(|update| update.at.is_some_and(|at| at.timestamp() == 1_719_390_000)));
    let read: Vec<_> = updates.iter().map(|update| understand(&update.bytes).unwrap()).collect();
    assert!(read.iter().all(|update| update.private && update.chat_id == Some(CHAT)));
    let [start, text, place, photo] = &read[..] else { panic!("{read:?}") };
    let Content::Text { command: Some(Command::Start(payload)), .. } = &start.content else { panic!("{start:?}") };
    assert_eq!(payload, "ward-7");
    assert_eq!(text.content, Content::Text { text: "The lamp is out 💡".to_owned(), command: None });
    let Content::Location { point, live: false, .. } = &place.content else { panic!("{place:?}") };
    assert_eq!(point.to_string(), "54.02878, -2.05309");
    let Content::Photo { file, caption: Some(caption) } = &photo.content else { panic!("{photo:?}") };
    assert_eq!((file.id.as_str(), caption.as_str()), ("l", "This one"));
}

#[tokio::test]
async fn what_is_sent_arrives() {
    let emulator = Emulator::start();
    let wire = emulator.wire();
    let ask = Keyboard::AskLocation { label: "Send where I am".to_owned() };
    let sent = wire.send(CHAT, "Thank you, Rosa. <b>Where</b> is it? ğ", Some(ask), None).await.unwrap();
    assert!(sent.further.is_empty());
    let long = format!("{}\n\n{}", "one ".repeat(900), "two ".repeat(900));
    let long = wire.send(CHAT, &long, Some(Keyboard::Remove), Some(sent.message_id)).await.unwrap();
    assert!(long.message_id > sent.message_id && long.further.len() == 1, "{long:?}");

    let seen = emulator.resident_sees().await;
    let [first, second, third] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(first["text"], "Thank you, Rosa. <b>Where</b> is it? ğ");
    assert_eq!(first["reply_markup"]["keyboard"], json!([[{"text": "Send where I am", "request_location": true}]]));
    assert_eq!(second["text"], "one ".repeat(900).trim());
    assert_eq!(
        (&second["reply_parameters"]["message_id"], &second["reply_markup"]),
        (&json!(sent.message_id), &Value::Null)
    );
    assert_eq!(third["text"], "two ".repeat(900).trim());
    assert_eq!((&third["reply_parameters"], &third["reply_markup"]["remove_keyboard"]), (&Value::Null, &json!(true)));
}

#[tokio::test]
async fn a_webhook_gets_what_a_poll_would_have_got() {
    type Taken = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;
    async fn take(State(taken): State<Taken>, headers: HeaderMap, body: Bytes) {
        taken.lock().unwrap().push((headers, body));
    }
    let taken = Taken::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/telegram", listener.local_addr().unwrap()).parse().unwrap();
    let app = Router::new().route("/telegram", post(take)).with_state(Arc::clone(&taken));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let emulator = Emulator::start();
    let wire = emulator.wire();
    wire.set_webhook(&url, "Secret_1").await.unwrap();
    emulator.resident_sends(json!({"text": "The lamp is out"})).await;
    let brought = async {
        while taken.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), brought).await.unwrap();
    let (headers, body) = taken.lock().unwrap().remove(0);
    let update = understand(&body).unwrap();
    assert_eq!(update.content, Content::Text { text: "The lamp is out".to_owned(), command: None });
    // The emulator shows no secret, and so nobody should believe it.
    let secret = headers.get(webhook::HEADER).and_then(|secret| secret.to_str().ok());
    assert!(!webhook::secret_ok(secret, "Secret_1"));

    wire.delete_webhook().await.unwrap();
    emulator.resident_sends(json!({"text": "Still dark"})).await;
    let polled = wire.poll(update.update_id + 1, Duration::ZERO).await.unwrap();
    assert_eq!(polled.len(), 1);
}
