//! Telegram as its documentation says that it answers, where the emulator cannot: offsets, refusals, floods and files.

use crate::fake::{self, Act, Manner};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, Uri};
use beadle::channels::SendError;
use beadle::channels::telegram::{MOST_BYTES, TelegramError, TelegramSettings, TelegramWire};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TOKEN: &str = "123456:Token_1";

/// A server that answers each request as `answer` says, which is given the method (or the path of a file) and the body.
struct Telegram {
    port: u16,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

type Answer = Arc<dyn Fn(&str, &Value) -> (u16, Vec<u8>) + Send + Sync>;
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

impl Telegram {
    async fn start(answer: impl Fn(&str, &Value) -> (u16, Vec<u8>) + Send + Sync + 'static) -> Self {
        async fn take(State((answer, asked)): State<(Answer, Asked)>, uri: Uri, body: Bytes) -> Response<Body> {
            let bot = format!("/bot{TOKEN}/");
            let method = uri.path().strip_prefix(&bot).unwrap_or(uri.path()).to_owned();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let (status, said) = answer(&method, &body);
            asked.lock().unwrap().push((method, body));
            Response::builder().status(status).header("location", "/elsewhere").body(said.into()).unwrap()
        }
        let asked = Asked::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new().fallback(take).with_state((Arc::new(answer) as Answer, Arc::clone(&asked)));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(method, _)| method.clone()).collect()
    }
}

fn wire(port: u16) -> TelegramWire {
    let api_url = Some(format!("http://127.0.0.1:{port}").parse().unwrap());
    TelegramWire::open(TelegramSettings { token: TOKEN.into(), api_url, bot_name: None }).unwrap()
}

fn yes(result: &Value) -> (u16, Vec<u8>) {
    (200, json!({"ok": true, "result": result}).to_string().into_bytes())
}

fn no(code: u16, description: &str) -> (u16, Vec<u8>) {
    (code, json!({"ok": false, "error_code": code, "description": description}).to_string().into_bytes())
}

fn flood(seconds: u64) -> (u16, Vec<u8>) {
    let said = format!("Too Many Requests: retry after {seconds}");
    let parameters = json!({"retry_after": seconds});
    let answer = json!({"ok": false, "error_code": 429, "description": said, "parameters": parameters});
    (429, answer.to_string().into_bytes())
}

#[tokio::test]
async fn an_update_comes_again_until_a_higher_offset_confirms_it() {
    // Told in words that no client would write, so that bytes which are not the same are seen.
    let kept = Mutex::new(vec![
        (7, r#"{ "update_id":7, "message":{"date":1719390000,"text":"caf\u00e9 \/ 1.50"} }"#),
        (9, r#"{"update_id":9,"thought_received":{"date":1719390001,"x":1e2}}"#),
    ]);
    let telegram = Telegram::start(move |_, body| {
        let mut kept = kept.lock().unwrap();
        let offset = body["offset"].as_i64().unwrap();
        kept.retain(|(id, _)| *id >= offset);
        let list: Vec<&str> = kept.iter().map(|(_, update)| *update).collect();
        (200, format!("{{\"ok\":true,\"result\":[{}]}}", list.join(",")).into_bytes())
    })
    .await;
    let wire = wire(telegram.port);

    let first = wire.poll(0, Duration::from_secs(3)).await.unwrap();
    let bytes: Vec<_> = first.iter().map(|update| std::str::from_utf8(&update.bytes).unwrap()).collect();
    assert!(bytes[0].starts_with(r#"{ "update_id":7, "#) && bytes[0].contains(r"caf\u00e9 \/ 1.50"), "{bytes:?}");
    assert_eq!(bytes[1], r#"{"update_id":9,"thought_received":{"date":1719390001,"x":1e2}}"#);

    assert_eq!(wire.poll(0, Duration::ZERO).await.unwrap(), first, "nobody has stored them");
    assert_eq!(wire.poll(8, Duration::ZERO).await.unwrap(), first[1..]);
    assert_eq!(wire.poll(10, Duration::from_mins(10)).await.unwrap(), []);
    assert_eq!(wire.poll(0, Duration::ZERO).await.unwrap(), [], "what was confirmed is gone");

    let asked = telegram.asked.lock().unwrap();
    let kinds = json!(["message", "edited_message", "my_chat_member"]);
    assert_eq!(asked[0].1, json!({"offset": 0, "limit": 100, "timeout": 3, "allowed_updates": kinds}));
    assert_eq!(asked[3].1["timeout"], 50, "Telegram waits no longer");
}

#[tokio::test]
async fn each_refusal_of_a_poll_has_its_own_remedy() {
    let webhook =
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
    let other = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    let cases = [
        (no(409, webhook), TelegramError::WebhookSet),
        (no(409, other), TelegramError::OtherPoller),
        (no(401, "Unauthorized"), TelegramError::Token { code: 401 }),
        (no(404, "Not Found"), TelegramError::Token { code: 404 }),
        (flood(17), TelegramError::Busy { retry_after: Duration::from_secs(17) }),
    ];
    for (answer, expected) in cases {
        let telegram = Telegram::start(move |_, _| answer.clone()).await;
        let error = wire(telegram.port).poll(0, Duration::ZERO).await.unwrap_err();
        assert_eq!(error, expected);
        assert_eq!(error.is_permanent(), matches!(expected, TelegramError::Token { .. }));
    }
    assert_eq!(TelegramError::Busy { retry_after: Duration::from_secs(17) }.retry_after().unwrap().as_secs(), 17);
}

#[tokio::test]
async fn what_is_no_answer_of_telegrams_is_not_taken_for_one() {
    let page = || b"<html>Sign in to the council's network</html>".to_vec();
    for (status, passing) in [(200, false), (302, false), (407, false), (502, true), (504, true)] {
        let telegram = Telegram::start(move |_, _| (status, page())).await;
        let error = wire(telegram.port).poll(0, Duration::ZERO).await.unwrap_err();
        assert!(!error.is_permanent() && matches!(error, TelegramError::Unreachable { .. }) == passing, "{error:?}");
        assert_eq!(telegram.asked(), ["getUpdates"], "nobody follows to elsewhere with the token");
        let error = wire(telegram.port).send(71, "Thank you", None, None).await.unwrap_err();
        assert!(matches!(error, SendError::Uncertain { .. }), "{status}: {error:?}");
    }
}

#[tokio::test]
async fn a_message_that_was_refused_is_told_from_one_that_may_have_gone() {
    let send = async |answer: (u16, Vec<u8>)| {
        let telegram = Telegram::start(move |_, _| answer.clone()).await;
        wire(telegram.port).send(71, "Thank you", None, None).await.unwrap_err()
    };
    let blocked = send(no(403, "Forbidden: bot was blocked by the user")).await;
    assert!(matches!(blocked, SendError::Refused { unsubscribed: true, .. }), "{blocked:?}");
    let gone = send(no(400, "Bad Request: chat not found")).await;
    assert!(matches!(&gone, SendError::Refused { code, unsubscribed: false, .. } if code == "400"), "{gone:?}");
    assert_eq!(send(flood(5)).await, SendError::Busy { retry_after: Duration::from_secs(5) });
    assert!(matches!(send(no(401, "Unauthorized")).await, SendError::TryAgain { .. }));
    assert!(matches!(send(no(502, "Bad Gateway")).await, SendError::Uncertain { .. }));
    assert!(matches!(send(yes(&json!(true))).await, SendError::Uncertain { .. }), "sent, and nobody knows as what");

    let empty = wire(1).send(71, " \n", None, None).await.unwrap_err();
    assert!(matches!(empty, SendError::Refused { unsubscribed: false, .. }), "{empty:?}");
}

#[tokio::test]
async fn a_connection_that_never_was_is_told_from_one_that_was_lost() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = wire(nobody).send(71, "Thank you", None, None).await.unwrap_err();
    assert!(matches!(error, SendError::TryAgain { .. }), "{error:?}");

    // No TLS, no token sent: nothing of the message has left this machine.
    let plain = fake::serve(Manner::plain(""), |_, _| Act::Part("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned())).await;
    let api_url = Some(format!("https://127.0.0.1:{}", plain.port).parse().unwrap());
    let secure = TelegramWire::open(TelegramSettings { token: TOKEN.into(), api_url, bot_name: None }).unwrap();
    let error = secure.send(71, "Thank you", None, None).await.unwrap_err();
    assert!(matches!(error, SendError::TryAgain { .. }), "{error:?}");
    assert!(!plain.heard().concat().contains("Token_1"));

    let closing = fake::serve(Manner::plain(""), |_, _| Act::Close).await;
    let error = wire(closing.port).send(71, "Thank you", None, None).await.unwrap_err();
    assert!(matches!(error, SendError::Uncertain { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("Token_1"), "{error:?}");
    assert!(matches!(wire(closing.port).me().await, Err(TelegramError::Unreachable { .. })));
}

#[tokio::test]
async fn a_long_text_is_sent_whole_or_a_person_hears_of_it() {
    let long = "word ".repeat(1500);
    let after_the_first = |answers: Vec<(u16, Vec<u8>)>| {
        let answers = Mutex::new(answers.into_iter());
        move |_: &str, _: &Value| answers.lock().unwrap().next().unwrap()
    };
    let sent = |id: i32| yes(&json!({"message_id": id}));

    let flooded = Telegram::start(after_the_first(vec![sent(4), flood(0), sent(5)])).await;
    let whole = wire(flooded.port).send(71, &long, None, None).await.unwrap();
    assert_eq!((whole.message_id, whole.further), (4, vec![5]));

    let refused =
        Telegram::start(after_the_first(vec![sent(4), no(403, "Forbidden: bot was blocked by the user")])).await;
    let error = wire(refused.port).send(71, &long, None, None).await.unwrap_err();
    assert!(
        matches!(&error, SendError::Uncertain { why } if why.starts_with("1 of its 2 messages went out")),
        "{error:?}"
    );

    let patience = Telegram::start(after_the_first(vec![sent(4), flood(3600)])).await;
    let error = wire(patience.port).send(71, &long, None, None).await.unwrap_err();
    assert!(matches!(error, SendError::Uncertain { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_is_fetched_by_its_path() {
    let telegram = Telegram::start(|method, body| match method {
        "getFile" => {
            assert_eq!(body["file_id"], "AgAC");
            yes(&json!({"file_id": "AgAC", "file_unique_id": "u", "file_size": 5, "file_path": "photos/file_12.jpg"}))
        }
        path if path == format!("/file/bot{TOKEN}/photos/file_12.jpg") => (200, b"\xff\xd8\x00\r\n".to_vec()),
        _ => (404, Vec::new()),
    })
    .await;
    let (bytes, name) = wire(telegram.port).file("AgAC", MOST_BYTES).await.unwrap();
    assert_eq!((&bytes[..], name.as_str()), (&b"\xff\xd8\x00\r\n"[..], "file_12.jpg"));
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_fetched() {
    let found = |size: Option<u64>| yes(&json!({"file_id": "f", "file_size": size, "file_path": "documents/file_1"}));
    let cases = [
        (found(Some(1001)), TelegramError::TooLarge { most: 1000 }, 1),
        (no(400, "Bad Request: file is too big"), TelegramError::TooLarge { most: MOST_BYTES }, 1),
        // It does not say, and then it is.
        (found(None), TelegramError::TooLarge { most: 1000 }, 2),
    ];
    for (answer, expected, requests) in cases {
        let telegram =
            Telegram::start(move |method, _| if method == "getFile" { answer.clone() } else { (200, vec![7; 2000]) })
                .await;
        assert_eq!(wire(telegram.port).file("f", 1000).await.unwrap_err(), expected);
        assert_eq!(telegram.asked().len(), requests, "{expected:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_gone_or_came_in_part_is_no_file() {
    let found = |method: &str| (method == "getFile").then(|| yes(&json!({"file_size": 9, "file_path": "d/f"})));
    let gone = Telegram::start(move |method, _| found(method).unwrap_or((404, Vec::new()))).await;
    let error = wire(gone.port).file("f", 1000).await.unwrap_err();
    assert!(matches!(error, TelegramError::Refused { code: 404, .. }), "{error:?}");
    let part = Telegram::start(move |method, _| found(method).unwrap_or((200, b"half".to_vec()))).await;
    let error = wire(part.port).file("f", 1000).await.unwrap_err();
    assert!(matches!(error, TelegramError::Unreachable { .. }) && !error.is_permanent(), "{error:?}");
    let unknown =
        Telegram::start(|_, _| no(400, "Bad Request: wrong file_id or the file is temporarily unavailable")).await;
    assert!(matches!(wire(unknown.port).file("f", 1000).await, Err(TelegramError::Refused { code: 400, .. })));
}
