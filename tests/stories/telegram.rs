//! Residents who write to a bot on Telegram: the same conversation as by text, with places, pictures and corrections.
//!
//! What telegram-test-api can do is done with it. Pictures, corrections and refusals, which it has not, come from a small server
//! of ours that answers as Telegram's documents say.

use crate::emulator::{CHAT, Emulator, TOKEN};
use crate::house::{House, header};
use crate::story;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use beadle::channels::telegram::{Bot, Hook, RawUpdate, TelegramSettings, TelegramWire, webhook};
use beadle::core::{Asked, CaseState, Mode};
use beadle::store;
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LAMP: &str = "The street light outside 12 Mill Lane, Station ward is out again";
const NO_PLACE: &str = "the street light is out again, please fix it";

fn settle_in(house: &mut House, bot: &Arc<Bot>) {
    let known = Arc::clone(bot);
    house.set(|rules| {
        rules.telegram.insert("bot".to_owned(), known);
    });
    house.dispatcher.telegram.insert("bot".to_owned(), Arc::clone(bot));
}

/// Mill Lane, by the map of the invented borough.
pub async fn mill_lane(house: &House) -> Value {
    let question = beadle::understanding::Question { body: LAMP.to_owned(), ..Default::default() };
    let verdict =
        house.pipeline.understanding.judge_by(&house.pipeline.understanding.rules(), &[question]).await.remove(0);
    let point = verdict.place.expect("a place").point.expect("a point");
    json!({"latitude": point.lat(), "longitude": point.lon(), "horizontal_accuracy": 8.0})
}

/// A chat with the bot, at the emulator.
pub struct Chat {
    emulator: Emulator,
    bot: Arc<Bot>,
    offset: AtomicI64,
}

impl Chat {
    pub async fn of(house: &mut House) -> Self {
        let emulator = Emulator::start();
        let bot = Arc::new(Bot::new(emulator.wire(), None));
        settle_in(house, &bot);
        Self { emulator, bot, offset: AtomicI64::new(0) }
    }

    /// The resident writes, the update is taken in and worked on, and what it causes is sent; what they see of it.
    pub async fn says(&self, house: &House, mut held: Value) -> Vec<String> {
        held["date"] = house.clock.now().timestamp().into();
        self.emulator.resident_sends(held).await;
        let updates = self.bot.wire.poll(self.offset.load(Ordering::Relaxed), Duration::ZERO).await.unwrap();
        let next = house.collector().take_updates("bot", updates).await.unwrap().expect("an update");
        self.offset.store(next, Ordering::Relaxed);
        house.clock.advance(TimeDelta::seconds(1));
        house.works().await;
        house.sends().await;
        let seen = self.emulator.resident_sees().await;
        seen.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn writes(&self, house: &House, text: &str) -> Vec<String> {
        self.says(house, json!({"text": text})).await
    }
}

story!(a_message_on_telegram_becomes_a_case_and_is_answered_in_the_chat, house, {
    let chat = Chat::of(house).await;
    let answers = chat.writes(house, LAMP).await;
    let case = house.case(0).await;
    assert_eq!((case.state, case.service.as_str()), (CaseState::Routed, "street_lighting"));
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].contains(case.reference.as_str()) && answers[0].contains("Brackenmere"), "{answers:?}");
    let referral = house.sends().await.into_iter().find(|mail| header(mail, "To").contains("highways")).unwrap();
    assert!(referral.contains("outside 12 Mill Lane"), "{referral}");
    assert_eq!(house.accounts().await.unaccounted, 0);
});

story!(a_text_on_telegram_is_asked_for_the_place_and_a_location_answers_it, house, {
    let chat = Chat::of(house).await;
    let answers = chat.writes(house, NO_PLACE).await;
    assert_eq!(house.case(0).await.asked, Some(Asked::Place));
    assert!(answers.len() == 1 && answers[0].contains("where is the problem"), "{answers:?}");

    let spot = mill_lane(house).await;
    let answers = chat.says(house, json!({"location": spot})).await;
    assert_eq!(house.cases().await.len(), 1, "the location is no case of its own");
    let case = house.case(0).await;
    assert_eq!((case.state, case.asked), (CaseState::Routed, None));
    assert_eq!(case.ward.as_deref(), Some("Canalside"));
    assert!(answers.len() == 1 && answers[0].contains(case.reference.as_str()), "{answers:?}");
});

story!(the_question_about_the_place_has_a_button_that_sends_where_they_are, house, {
    let chat = Chat::of(house).await;
    chat.emulator.resident_sends(json!({"text": NO_PLACE, "date": house.clock.now().timestamp()})).await;
    let updates = chat.bot.wire.poll(0, Duration::ZERO).await.unwrap();
    house.collector().take_updates("bot", updates).await.unwrap();
    house.works().await;
    house.sends().await;
    let seen = chat.emulator.resident_sees().await;
    let button = &seen[0]["reply_markup"]["keyboard"][0][0];
    assert_eq!(button, &json!({"text": "Send where I am", "request_location": true}));
});

story!(a_location_alone_is_asked_what_is_wrong_there_and_the_answer_makes_it_a_case_that_goes, house, {
    let chat = Chat::of(house).await;
    let spot = mill_lane(house).await;
    let answers = chat.says(house, json!({"location": spot})).await;
    let case = house.case(0).await;
    assert_eq!((case.state, case.asked), (CaseState::Review, Some(Asked::Problem)));
    assert!(answers.len() == 1 && answers[0].contains("What is wrong there?"), "{answers:?}");

    let answers = chat.writes(house, NO_PLACE).await;
    assert_eq!(house.cases().await.len(), 1);
    let case = house.case(0).await;
    assert_eq!((case.state, case.service.as_str(), case.asked), (CaseState::Routed, "street_lighting", None));
    assert_eq!(case.ward.as_deref(), Some("Canalside"), "the place that was sent first stays");
    assert!(case.title.contains("street light"), "{}", case.title);
    assert!(answers.len() == 1 && answers[0].contains(case.reference.as_str()), "{answers:?}");
    let referral = house.sends().await.into_iter().find(|mail| header(mail, "To").contains("highways")).unwrap();
    assert!(referral.contains("street light is out again"), "{referral}");
});

story!(where_nothing_leaves_by_itself_what_is_wrong_is_not_asked_by_itself_either, house, {
    house.set(|rules| rules.policy.mode = Mode::Suggest);
    let chat = Chat::of(house).await;
    let spot = mill_lane(house).await;
    let answers = chat.says(house, json!({"location": spot})).await;
    assert!(answers.is_empty(), "{answers:?}");
    let question = house.outgoing(&house.case(0).await.id).await.pop().expect("a question");
    assert_eq!((question.purpose.as_str(), question.status.as_str()), ("question", "held"));
});

story!(a_greeting_is_asked_what_is_wrong_and_where, house, {
    let chat = Chat::of(house).await;
    let answers = chat.writes(house, "Hello?").await;
    assert!(answers.len() == 1 && answers[0].contains("what is wrong and where"), "{answers:?}");
    let answers = chat.writes(house, LAMP).await;
    let case = house.case(0).await;
    assert_eq!((house.cases().await.len(), case.state), (1, CaseState::Routed));
    assert!(answers.len() == 1 && answers[0].contains(case.reference.as_str()), "{answers:?}");
});

story!(start_help_and_status_are_answered_and_are_no_cases, house, {
    let chat = Chat::of(house).await;
    let answers = chat.writes(house, "/start ward-7").await;
    assert!(answers.len() == 1 && answers[0].contains("what is wrong and where"), "{answers:?}");
    let answers = chat.writes(house, "/help").await;
    assert!(answers.len() == 1 && answers[0].contains("STOP"), "{answers:?}");
    assert_eq!(chat.writes(house, "/status").await, ["We know of no open case of yours."]);
    assert!(house.cases().await.is_empty());

    chat.writes(house, LAMP).await;
    chat.writes(house, "somebody dumped a mattress and a fridge, fly tipping, in Signal Row").await;
    let (lamp, fridge) = (house.case(0).await, house.case(1).await);
    let answers = chat.writes(house, "/status").await;
    assert_eq!(answers.len(), 1);
    let lines: Vec<&str> = answers[0].lines().collect();
    assert_eq!(lines.len(), 2, "{answers:?}");
    assert!(lines[0].contains(fridge.reference.as_str()) && lines[1].contains(lamp.reference.as_str()), "{answers:?}");
    assert!(
        lines[1].contains("with the department") && lines[1].to_lowercase().contains("street light"),
        "{answers:?}"
    );
    let answers = chat.writes(house, &format!("/status {}", lamp.reference)).await;
    assert_eq!(answers[0].lines().count(), 1, "{answers:?}");
});

story!(each_of_several_reports_in_an_hour_is_acknowledged, house, {
    let chat = Chat::of(house).await;
    for words in [LAMP, "fly tipping, a fridge, in Signal Row", "graffiti on the wall of the school in Signal Row"] {
        assert_eq!(chat.writes(house, words).await.len(), 1, "{words}");
    }
    assert_eq!(house.cases().await.len(), 3);
});

story!(an_unknown_command_is_a_call_for_help_and_words_behind_it_are_a_message, house, {
    let chat = Chat::of(house).await;
    let answers = chat.writes(house, "/cancel").await;
    assert!(answers.len() == 1 && answers[0].contains("To get no more messages"), "{answers:?}");
    chat.writes(house, &format!("/report {LAMP}")).await;
    assert_eq!(house.cases().await.len(), 1);
    let answers = chat.writes(house, "/stop").await;
    assert!(answers.len() == 1 && answers[0].contains("You will get no more messages"), "{answers:?}");
});

story!(nobody_is_told_of_another_persons_case, house, {
    let chat = Chat::of(house).await;
    chat.writes(house, LAMP).await;
    let reference = house.case(0).await.reference;
    let stranger = json!({
        "text": format!("/status {reference}"),
        "from": {"id": 99, "is_bot": false, "first_name": "Ben"},
        "chat": {"id": 99, "type": "private", "first_name": "Ben"},
    });
    assert!(chat.says(house, stranger).await.is_empty(), "nothing more goes to the first");
    let seen = chat.emulator.ask("getUpdates", &json!({"token": TOKEN, "chatId": 99})).await;
    assert_eq!(seen["result"][0]["message"]["text"], "We know of no open case of yours.");

    let quoted = json!({
        "text": format!("About {reference}: what did they say? The street light in Signal Row"),
        "from": {"id": 99, "is_bot": false, "first_name": "Ben"},
        "chat": {"id": 99, "type": "private", "first_name": "Ben"},
    });
    chat.says(house, quoted).await;
    let cases = house.cases().await;
    assert_eq!(cases.len(), 2);
    assert_ne!(cases[1].state, CaseState::Routed, "a person looks at it");
});

story!(a_welcome_is_in_the_language_of_the_writers_device, house, {
    let chat = Chat::of(house).await;
    let held = json!({"text": "/start", "from": {"id": CHAT, "is_bot": false, "first_name": "Rosa", "language_code": "pl-PL"}});
    let answers = chat.says(house, held).await;
    assert!(answers.len() == 1 && answers[0].contains("Prosimy napisać tutaj"), "{answers:?}");
    let spot = mill_lane(house).await;
    let from = json!({"id": CHAT, "is_bot": false, "first_name": "Rosa", "language_code": "pl-PL"});
    let answers = chat.says(house, json!({"location": spot, "from": from})).await;
    assert!(answers.len() == 1 && answers[0].contains("dziękujemy za podanie miejsca"), "{answers:?}");
});

story!(stop_is_heeded_on_telegram_and_start_ends_it, house, {
    let chat = Chat::of(house).await;
    assert_eq!(chat.writes(house, "stop").await.len(), 1);
    assert!(chat.writes(house, LAMP).await.is_empty());
    assert_eq!(house.cases().await.len(), 1, "what they report is still taken in");
    assert_eq!(chat.writes(house, "/start").await.len(), 1);
    assert_eq!(chat.writes(house, "graffiti on the wall of the school in Signal Row").await.len(), 1);
});

story!(what_is_written_in_a_group_is_left_aside_without_a_word, house, {
    let chat = Chat::of(house).await;
    let held = json!({"text": LAMP, "chat": {"id": -100_200, "type": "supergroup", "title": "Mill Lane neighbours"}});
    assert!(chat.says(house, held).await.is_empty());
    let held = json!({"text": LAMP, "from": {"id": 5, "is_bot": true, "first_name": "Robot"}});
    assert!(chat.says(house, held).await.is_empty());
    assert!(house.cases().await.is_empty());
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.set_aside, sums.unaccounted), (2, 2, 0));
    let mut tx = house.db.read().await.unwrap();
    let aside = store::inbox::set_aside(&mut tx).await.unwrap();
    let why: Vec<&str> = aside.iter().filter_map(|(_, _, why, _)| why.as_deref()).collect();
    assert!(why.iter().any(|w| w.contains("group")) && why.iter().any(|w| w.contains("program")), "{why:?}");
});

story!(an_update_that_is_given_again_is_one_message, house, {
    let chat = Chat::of(house).await;
    assert_eq!(chat.writes(house, LAMP).await.len(), 1);
    let again = chat.bot.wire.poll(0, Duration::ZERO).await.unwrap();
    assert_eq!(again.len(), 1, "nobody has confirmed it");
    house.collector().take_updates("bot", again).await.unwrap();
    house.works().await;
    house.sends().await;
    assert!(chat.emulator.resident_sees().await.is_empty());
    assert_eq!((house.accounts().await.received, house.cases().await.len()), (1, 1));
});

// ---- what the emulator has not ------------------------------------------------------------------------------------------

/// What was sent: to which chat, what.
type Sent = Arc<Mutex<Vec<(i64, String)>>>;
/// What the next messages are answered with, before it is yes again: a status and a description.
type Refusals = Arc<Mutex<VecDeque<(u16, Value)>>>;

/// A server of ours that takes messages, and has one file.
struct Telegram {
    bot: Arc<Bot>,
    sent: Sent,
    refusals: Refusals,
    next: AtomicI64,
}

async fn answer(State((sent, refusals)): State<(Sent, Refusals)>, uri: Uri, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let yes = |result: Value| json!({"ok": true, "result": result}).to_string().into_response();
    match uri.path().rsplit('/').next().unwrap_or_default() {
        "sendMessage" => {
            if let Some((code, refusal)) = refusals.lock().unwrap().pop_front() {
                return (axum::http::StatusCode::from_u16(code).unwrap(), refusal.to_string()).into_response();
            }
            let mut sent = sent.lock().unwrap();
            sent.push((body["chat_id"].as_i64().unwrap(), body["text"].as_str().unwrap().to_owned()));
            yes(json!({"message_id": 1000 + sent.len()}))
        }
        "getFile" if body["file_id"] == "gone" => {
            let no = json!({"ok": false, "error_code": 400, "description": "Bad Request: file is gone"});
            (axum::http::StatusCode::BAD_REQUEST, no.to_string()).into_response()
        }
        "getFile" => yes(json!({"file_id": "l", "file_path": "photos/file_1.jpg", "file_size": 4})),
        "file_1.jpg" => vec![0xff, 0xd8, 0xff, 0xd9].into_response(),
        _ => yes(json!(true)),
    }
}

impl Telegram {
    async fn of(house: &mut House) -> Self {
        let (sent, refusals) = (Sent::default(), Refusals::default());
        let app = Router::new().fallback(answer).with_state((Arc::clone(&sent), Arc::clone(&refusals)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api_url = Some(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let wire = TelegramWire::open(TelegramSettings { token: "1:T".into(), api_url, bot_name: None }).unwrap();
        let hook = Hook { url: "https://council.example/telegram/bot".parse().unwrap(), secret: "S_1".into() };
        let bot = Arc::new(Bot::new(wire, Some(hook)));
        settle_in(house, &bot);
        Self { bot, sent, refusals, next: AtomicI64::new(1) }
    }

    /// An update of this kind comes in, is worked on, and what it causes is sent; what went out for it.
    async fn brings(&self, house: &House, kind: &str, held: Value) -> Vec<String> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let update = RawUpdate::of(update(house, number, kind, held).to_string().as_bytes()).unwrap();
        house.collector().take_updates("bot", vec![update]).await.unwrap();
        house.clock.advance(TimeDelta::seconds(1));
        house.works().await;
        let before = self.sent.lock().unwrap().len();
        house.sends().await;
        self.sent.lock().unwrap()[before..].iter().map(|(_, text)| text.clone()).collect()
    }

    fn refuses(&self, code: u16, said: &str, retry_after: Option<u64>) {
        let parameters = retry_after.map_or_else(|| json!({}), |seconds| json!({"retry_after": seconds}));
        let refusal = json!({"ok": false, "error_code": code, "description": said, "parameters": parameters});
        self.refusals.lock().unwrap().push_back((code, refusal));
    }
}

fn update(house: &House, number: i64, kind: &str, held: Value) -> Value {
    let mut message = json!({
        "message_id": number, "date": house.clock.now().timestamp(),
        "chat": {"id": 71, "type": "private", "first_name": "Rosa"},
        "from": {"id": 71, "is_bot": false, "first_name": "Rosa", "last_name": "Quill"},
    });
    let Value::Object(held) = held else { panic!("no object") };
    message.as_object_mut().unwrap().extend(held);
    json!({"update_id": number, kind: message})
}

fn photo(id: &str) -> Value {
    json!([{"file_id": id, "file_unique_id": "u", "width": 900, "height": 900, "file_size": 4}])
}

story!(a_correction_goes_on_the_case_of_the_message_it_corrects_and_is_never_a_second_case, house, {
    let telegram = Telegram::of(house).await;
    telegram.brings(house, "message", json!({"message_id": 50, "text": LAMP})).await;
    // Another problem meanwhile, so that the case is not simply the last one.
    telegram.brings(house, "message", json!({"text": "somebody dumped a fridge, fly tipping, in Signal Row"})).await;
    let corrected = "The street light outside 14 Mill Lane, Station ward is out again, and there is fly tipping";
    let edit = json!({"message_id": 50, "text": corrected, "edit_date": house.clock.now().timestamp()});
    telegram.brings(house, "edited_message", edit).await;
    let cases = house.cases().await;
    assert_eq!(cases.len(), 2);
    let mut tx = house.db.read().await.unwrap();
    let messages = store::message::of_case(&mut tx, &cases[0].id).await.unwrap();
    assert_eq!(messages.len(), 2);
    assert!(messages[1].body.contains("14 Mill Lane"));
    let decisions = store::decision::of_case(&mut tx, &cases[0].id).await.unwrap();
    let thread = decisions.iter().find(|d| d.kind == "thread").expect("what was decided of it");
    assert!(thread.evidence.0["how"].as_str().unwrap().contains("corrects a message of theirs"), "{thread:?}");
});

story!(an_answer_to_a_message_of_ours_goes_on_the_case_which_that_was_about, house, {
    let telegram = Telegram::of(house).await;
    telegram.brings(house, "message", json!({"text": LAMP})).await;
    telegram.brings(house, "message", json!({"text": "somebody dumped a fridge, fly tipping, in Signal Row"})).await;
    // The first message that the bot sent was the acknowledgement of the lamp.
    let ours = json!({"message_id": 1001, "date": 1, "chat": {"id": 71, "type": "private"}, "text": "…"});
    telegram.brings(house, "message", json!({"text": "there is a fridge beside it", "reply_to_message": ours})).await;
    let cases = house.cases().await;
    assert_eq!(cases.len(), 2);
    let mut tx = house.db.read().await.unwrap();
    assert_eq!(store::message::of_case(&mut tx, &cases[0].id).await.unwrap().len(), 2);
});

story!(a_picture_is_fetched_and_kept_with_the_words_under_it, house, {
    let telegram = Telegram::of(house).await;
    telegram.brings(house, "message", json!({"photo": photo("l"), "caption": LAMP})).await;
    let case = house.case(0).await;
    assert_eq!(case.state, CaseState::Routed);
    let mut tx = house.db.read().await.unwrap();
    let files = store::attachment::of_case(&mut tx, &case.id).await.unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!((files[0].content_type.as_str(), files[0].size, &files[0].refused), ("image/jpeg", 4, &None));
    drop(tx);
    let referral = house.sends().await.into_iter().find(|mail| header(mail, "To").contains("highways")).unwrap();
    assert!(referral.contains(&files[0].name), "{referral}");
});

story!(the_pictures_of_an_album_are_one_case_and_one_that_is_gone_says_so, house, {
    let telegram = Telegram::of(house).await;
    let first = json!({"photo": photo("l"), "caption": LAMP, "media_group_id": "a"});
    telegram.brings(house, "message", first).await;
    let answers = telegram.brings(house, "message", json!({"photo": photo("gone"), "media_group_id": "a"})).await;
    assert!(answers.is_empty(), "{answers:?}");
    assert_eq!(house.cases().await.len(), 1);
    let mut tx = house.db.read().await.unwrap();
    let files = store::attachment::of_case(&mut tx, &house.case(0).await.id).await.unwrap();
    assert_eq!(files.len(), 2);
    assert!(files[1].refused.as_deref().is_some_and(|why| why.contains("could not be fetched")), "{files:?}");
});

story!(a_picture_without_a_word_is_asked_about, house, {
    let telegram = Telegram::of(house).await;
    let answers = telegram.brings(house, "message", json!({"photo": photo("l")})).await;
    assert!(answers.len() == 1 && answers[0].contains("what is wrong and where"), "{answers:?}");
    telegram.brings(house, "message", json!({"text": LAMP})).await;
    assert_eq!((house.cases().await.len(), house.case(0).await.state), (1, CaseState::Routed));
});

story!(a_position_that_goes_on_moving_is_one_message, house, {
    let telegram = Telegram::of(house).await;
    telegram.brings(house, "message", json!({"text": NO_PLACE})).await;
    let mut spot = mill_lane(house).await;
    spot["live_period"] = 900.into();
    telegram.brings(house, "message", json!({"message_id": 60, "location": spot})).await;
    let moved = json!({"message_id": 60, "edit_date": house.clock.now().timestamp(), "location": spot});
    telegram.brings(house, "edited_message", moved).await;
    let mut tx = house.db.read().await.unwrap();
    assert_eq!(store::message::of_case(&mut tx, &house.case(0).await.id).await.unwrap().len(), 2);
    drop(tx);
    assert_eq!(house.accounts().await.set_aside, 1);
});

story!(when_telegram_asks_to_wait_nothing_goes_before_then_and_nothing_is_lost, house, {
    let telegram = Telegram::of(house).await;
    telegram.refuses(429, "Too Many Requests: retry after 30", Some(30));
    assert!(telegram.brings(house, "message", json!({"text": LAMP})).await.is_empty());
    let other = json!({"text": "/help", "chat": {"id": 72, "type": "private"}, "from": {"id": 72, "is_bot": false, "first_name": "B"}});
    assert!(telegram.brings(house, "message", other).await.is_empty(), "the other chat waits too");
    house.clock.advance(TimeDelta::seconds(25));
    house.sends().await;
    assert!(telegram.sent.lock().unwrap().is_empty());
    house.clock.advance(TimeDelta::seconds(10));
    house.sends().await;
    assert_eq!(telegram.sent.lock().unwrap().len(), 2);
});

story!(who_blocks_the_bot_is_left_in_peace_until_they_write_again, house, {
    let telegram = Telegram::of(house).await;
    telegram.refuses(403, "Forbidden: bot was blocked by the user", None);
    telegram.brings(house, "message", json!({"text": LAMP})).await;
    let case = house.case(0).await;
    let acknowledgement = house.outgoing(&case.id).await.into_iter().find(|o| o.purpose == "acknowledgement").unwrap();
    assert_eq!(acknowledgement.status, "failed");
    assert!(acknowledgement.reason.unwrap().contains("wants no more messages"));
    assert!(case.attention.is_some_and(|what| what.contains("did not arrive")));
    let point =
        beadle::core::ContactPoint { channel: beadle::core::Channel::Telegram, address: "71".to_owned(), name: None };
    let mut tx = house.tx().await;
    assert!(store::contact::is_silent(&mut tx, &point).await.unwrap());
    drop(tx);
    let answers = telegram.brings(house, "message", json!({"text": "fly tipping, a fridge, in Signal Row"})).await;
    assert_eq!(answers.len(), 1, "they let us in again: {answers:?}");
});

story!(two_messages_to_one_chat_are_a_second_apart, house, {
    let telegram = Telegram::of(house).await;
    for number in 1..=2 {
        let update = update(house, number, "message", json!({"text": "/help"}));
        let update = RawUpdate::of(update.to_string().as_bytes()).unwrap();
        house.collector().take_updates("bot", vec![update]).await.unwrap();
    }
    house.works().await;
    house.sends().await;
    assert_eq!(telegram.sent.lock().unwrap().len(), 1);
    house.clock.advance(TimeDelta::seconds(1));
    house.sends().await;
    assert_eq!(telegram.sent.lock().unwrap().len(), 2);
});

story!(a_message_that_was_being_sent_when_the_program_ended_is_uncertain_and_is_not_sent_twice, house, {
    let telegram = Telegram::of(house).await;
    let update = RawUpdate::of(update(house, 1, "message", json!({"text": "/help"})).to_string().as_bytes()).unwrap();
    house.collector().take_updates("bot", vec![update]).await.unwrap();
    house.works().await;
    let mut tx = house.tx().await;
    let (now, lease) = (house.clock.now(), TimeDelta::seconds(60));
    let claimed = store::outbox::claim(&mut tx, "story/x", now, lease).await.unwrap().expect("the answer");
    store::outbox::release_leases(&mut tx, "story").await.unwrap();
    assert_eq!(store::outbox::in_status(&mut tx, "uncertain").await.unwrap()[0].id, claimed.id);
    tx.commit().await.unwrap();
    house.sends().await;
    assert!(telegram.sent.lock().unwrap().is_empty());
});

story!(an_update_that_is_brought_shows_the_secret_and_is_answered_after_the_commit, house, {
    let telegram = Telegram::of(house).await;
    let collector = house.collector();
    let body = update(house, 7, "message", json!({"text": LAMP})).to_string();
    for shown in [None, Some(""), Some("S_2")] {
        assert_eq!(collector.take_update("bot", &telegram.bot, shown, body.as_bytes()).await.status, 403);
    }
    assert_eq!(house.accounts().await.received, 0);
    for _ in 0..2 {
        assert_eq!(collector.take_update("bot", &telegram.bot, Some("S_1"), body.as_bytes()).await.status, 200);
        assert_eq!(house.accounts().await.received, 1, "brought twice, taken in once");
    }
    assert_eq!(collector.take_update("bot", &telegram.bot, Some("S_1"), b"nonsense").await.status, 200);
    assert_eq!(house.accounts().await.quarantined, 1);
    house.works().await;
    assert_eq!(house.cases().await.len(), 1);
    house.db.close().await;
    let later = update(house, 8, "message", json!({"text": LAMP})).to_string();
    let reply = collector.take_update("bot", &telegram.bot, Some("S_1"), later.as_bytes()).await;
    assert_eq!(reply.status, 503, "while the database is away it is brought again");
    assert_eq!(webhook::HEADER, "X-Telegram-Bot-Api-Secret-Token");
});
