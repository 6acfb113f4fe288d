//! Updates as <https://core.telegram.org/bots/api> describes them.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn resident() -> Value {
    json!({"id": 71, "is_bot": false, "first_name": "Rosa", "last_name": "Quill", "username": "rosaq", "language_code": "en"})
}

fn chat() -> Value {
    json!({"id": 71, "type": "private", "first_name": "Rosa", "last_name": "Quill", "username": "rosaq"})
}

fn group() -> Value {
    json!({"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "Mill Lane neighbours"})
}

/// An update with a message in the resident's own chat, `with` added or put in place of what is there.
fn private(with: Value) -> Value {
    let mut message = json!({"message_id": 12, "from": resident(), "chat": chat(), "date": 1_719_390_000});
    let Value::Object(with) = with else { panic!("no object") };
    message.as_object_mut().unwrap().extend(with);
    json!({"update_id": 900, "message": message})
}

fn read(update: &Value) -> Update {
    understand(update.to_string().as_bytes()).unwrap()
}

fn photo(id: &str, width: u32, height: u32) -> Value {
    json!({"file_id": id, "file_unique_id": format!("u-{id}"), "width": width, "height": height, "file_size": width * 10})
}

fn point(lat: f64, lon: f64) -> Point {
    Point::new(lat, lon).unwrap()
}

#[test]
fn a_text_comes_with_who_and_when_and_where_to_answer() {
    let update = read(&private(json!({"text": "The lamp is out"})));
    let expected = Update {
        update_id: 900,
        chat_id: Some(71),
        private: true,
        from: Some(Person {
            id: 71,
            first_name: "Rosa".to_owned(),
            last_name: Some("Quill".to_owned()),
            username: Some("rosaq".to_owned()),
            language_code: Some("en".to_owned()),
            is_bot: false,
        }),
        sent_at: DateTime::from_timestamp(1_719_390_000, 0),
        content: Content::Text { text: "The lamp is out".to_owned(), command: None },
        edited: false,
        forwarded: false,
        message_id: Some(12),
        reply_to: None,
        media_group: None,
    };
    assert_eq!(update, expected);
}

#[test]
fn commands_replies_and_forwarded_words_are_told_apart() {
    let entities = json!([{"type": "bot_command", "offset": 0, "length": 6}]);
    let start = read(&private(json!({"text": "/start ward-7", "entities": entities})));
    let Content::Text { command, .. } = start.content else { panic!("no text") };
    assert_eq!(command, Some(Command::Start("ward-7".to_owned())));

    let earlier = json!({"message_id": 9, "date": 1, "chat": chat(), "text": "Your reference is"});
    let origin = json!({"type": "hidden_user", "sender_user_name": "A neighbour", "date": 1_719_300_000});
    let reply = read(&private(json!({"text": "Thanks", "reply_to_message": earlier})));
    assert_eq!((reply.reply_to, reply.forwarded), (Some(9), false));
    assert!(read(&private(json!({"text": "Look", "forward_origin": origin}))).forwarded);
}

#[test]
fn an_edited_text_says_when_it_was_edited() {
    let mut update = private(json!({"text": "The lamp is out again", "edit_date": 1_719_390_300}));
    let message = update.as_object_mut().unwrap().remove("message").unwrap();
    update["edited_message"] = message;
    let update = read(&update);
    assert!(update.edited && update.message_id == Some(12));
    assert_eq!(update.sent_at, DateTime::from_timestamp(1_719_390_300, 0));
}

#[test]
fn of_a_photo_the_largest_size_is_taken() {
    let sizes = [photo("small", 90, 67), photo("large", 1280, 960), photo("middle", 320, 240)];
    let update = read(&private(json!({"photo": sizes, "caption": "By the school", "media_group_id": "134"})));
    let file = File { id: "large".to_owned(), unique_id: "u-large".to_owned(), size: Some(12_800) };
    assert_eq!(update.content, Content::Photo { file, caption: Some("By the school".to_owned()) });
    assert_eq!(update.media_group.as_deref(), Some("134"));
}

#[test]
fn a_document_keeps_its_name_and_kind() {
    let document = json!({"file_id": "d", "file_unique_id": "ud", "file_name": "letter.pdf", "mime_type": "application/pdf", "file_size": 20_480});
    let update = read(&private(json!({"document": document, "caption": "As agreed"})));
    let file = File { id: "d".to_owned(), unique_id: "ud".to_owned(), size: Some(20_480) };
    let expected = Content::Document {
        file,
        name: Some("letter.pdf".to_owned()),
        mime: Some("application/pdf".to_owned()),
        size: Some(20_480),
        caption: Some("As agreed".to_owned()),
    };
    assert_eq!(update.content, expected);
    let bare = read(&private(json!({"document": {"file_id": "d", "file_unique_id": "ud"}})));
    let Content::Document { name: None, mime: None, size: None, caption: None, .. } = bare.content else {
        panic!("{:?}", bare.content)
    };
    let odd = json!({"file_id": "d", "file_unique_id": "ud", "mime_type": "pdf"});
    let odd = read(&private(json!({"document": odd, "caption": "As agreed"})));
    let Content::Document { mime: Some(_), caption: Some(_), .. } = odd.content else { panic!("{:?}", odd.content) };
}

#[test]
fn places_are_told_apart() {
    let here = json!({"latitude": 54.02878, "longitude": -2.05309, "horizontal_accuracy": 12.5});
    let at = point(54.02878, -2.05309);
    let once = read(&private(json!({"location": here})));
    assert_eq!(once.content, Content::Location { point: at, accuracy_m: Some(12.5), live: false, venue: None });

    let moving = json!({"latitude": 54.02878, "longitude": -2.05309, "live_period": 900, "heading": 70});
    let live = read(&private(json!({"location": moving})));
    assert_eq!(live.content, Content::Location { point: at, accuracy_m: None, live: true, venue: None });

    let location = json!({"latitude": 54.02878, "longitude": -2.05309});
    let venue = json!({"location": location, "title": "Mill Lane School", "address": "Mill Lane 4"});
    let picked = read(&private(json!({"venue": venue, "location": location})));
    let venue = Some("Mill Lane School, Mill Lane 4".to_owned());
    assert_eq!(picked.content, Content::Location { point: at, accuracy_m: None, live: false, venue });

    let nowhere = read(&private(json!({"location": {"latitude": 154.0, "longitude": 0.0}})));
    assert!(matches!(nowhere.content, Content::Unsupported { .. }));
}

#[test]
fn a_telephone_number_is_the_senders_only_if_telegram_says_so() {
    let contact = |user: Value| json!({"contact": {"phone_number": "15550100", "first_name": "Rosa", "user_id": user}});
    for (user, own) in [(json!(71), true), (json!(72), false), (Value::Null, false)] {
        let update = read(&private(contact(user)));
        assert_eq!(update.content, Content::Contact { phone: "15550100".to_owned(), of_the_sender: own });
    }
}

#[test]
fn what_cannot_be_read_is_named_and_its_words_are_kept() {
    let voice = json!({"voice": {"file_id": "v", "file_unique_id": "uv", "duration": 7, "mime_type": "audio/ogg", "file_size": 900}});
    let file = File { id: "v".to_owned(), unique_id: "uv".to_owned(), size: Some(900) };
    let expected = Content::Unsupported { what: "voice message", file: Some(file), caption: None };
    assert_eq!(read(&private(voice)).content, expected);

    let video =
        json!({"file_id": "f", "file_unique_id": "uf", "width": 640, "height": 480, "duration": 3, "file_size": 5});
    let update = read(&private(json!({"video": video, "caption": "They tip it here"})));
    let Content::Unsupported { what: "video", file: Some(_), caption: Some(words) } = update.content else {
        panic!("{:?}", update.content)
    };
    assert_eq!(words, "They tip it here");

    let sticker = json!({"file_id": "s", "file_unique_id": "us", "type": "regular", "width": 512, "height": 512, "is_animated": false, "is_video": false, "emoji": "👍"});
    let dice = json!({"emoji": "🎲", "value": 4});
    let film = json!({"file_id": "a", "file_unique_id": "ua", "width": 9, "height": 9, "duration": 1});
    let film = read(&private(json!({"animation": film, "document": {"file_id": "a", "file_unique_id": "ua"}})));
    assert!(matches!(film.content, Content::Unsupported { what: "moving picture", file: Some(_), .. }));
    for (kind, held, what) in [("sticker", sticker, "sticker"), ("dice", dice, "dice")] {
        let update = read(&private(json!({kind: held})));
        assert_eq!(update.content, Content::Unsupported { what, file: None, caption: None }, "{kind}");
    }
    let new = read(&private(json!({"hologram": {"file_id": "h"}, "caption": "A hole"})));
    assert!(matches!(new.content, Content::Unsupported { caption: Some(_), file: None, .. }), "{:?}", new.content);
}

#[test]
fn groups_and_channels_are_not_private() {
    let update = read(&private(json!({"chat": group(), "text": "The lamp is out"})));
    assert!(!update.private && update.chat_id == Some(-1_001_234_567_890) && update.from.is_some());

    let channel = json!({"id": -1_009_i64, "type": "channel", "title": "Ward news"});
    let post = json!({"message_id": 3, "date": 1_719_390_000, "chat": channel, "sender_chat": channel, "text": "News"});
    let update = read(&json!({"update_id": 901, "channel_post": post}));
    assert!(!update.private && update.from.is_none() && update.message_id == Some(3));
}

#[test]
fn who_joins_or_leaves_says_nothing() {
    let bot = json!({"id": 500, "is_bot": true, "first_name": "Council", "username": "council_bot"});
    let joined = private(json!({"chat": group(), "new_chat_members": [bot], "new_chat_participant": bot}));
    assert_eq!(read(&joined).content, Content::Other);
    let pinned = private(json!({"pinned_message": {"message_id": 2, "date": 1, "chat": chat(), "text": "x"}}));
    assert_eq!(read(&pinned).content, Content::Other);

    let before = json!({"user": bot, "status": "member"});
    let after = json!({"user": bot, "status": "kicked", "until_date": 0});
    let change = json!({"chat": chat(), "from": resident(), "date": 1_719_390_000, "old_chat_member": before, "new_chat_member": after});
    let blocked = read(&json!({"update_id": 902, "my_chat_member": change}));
    assert_eq!((blocked.content, blocked.private, blocked.chat_id), (Content::Other, true, Some(71)));
    assert_eq!(blocked.sent_at, DateTime::from_timestamp(1_719_390_000, 0));
    assert_eq!((blocked.from.map(|from| from.id), blocked.message_id), (Some(71), None));
}

#[test]
fn news_of_telegrams_is_not_in_the_way() {
    let unknown = read(&json!({"update_id": 903, "thought_received": {"from": resident(), "thought": 7}}));
    assert_eq!((unknown.update_id, unknown.content, unknown.chat_id), (903, Content::Other, None));
    let broken = read(&json!({"update_id": 904, "callback_query": {"id": 7}}));
    assert_eq!(broken.content, Content::Other);

    // A way to write letters, a place to come from and a kind of chat member that nobody has heard of yet.
    let entities = json!([{"type": "sung", "offset": 0, "length": 3}]);
    let words = Content::Text { text: "The lamp".to_owned(), command: None };
    let sung = json!({"text": "The lamp", "entities": entities, "forward_origin": {"type": "dream"}, "reply_to_message": {"message_id": 4}});
    let sung = read(&private(sung));
    assert_eq!((sung.content, sung.reply_to, sung.forwarded), (words.clone(), Some(4), true));
    let drawn = json!({"photo": [photo("p", 9, 9)], "caption": "Here", "caption_entities": entities});
    assert!(matches!(read(&private(drawn)).content, Content::Photo { caption: Some(_), .. }));
    let odd = read(&private(json!({"text": "The lamp", "location": {"latitude": "north"}, "contact": 7})));
    assert_eq!(odd.content, words);
    assert!(read(&private(json!({"text": "The lamp", "from": {"id": "rosa"}}))).from.is_none());
}

#[test]
fn what_is_no_update_is_an_error_without_its_words() {
    for bytes in ["", "null", "[]", "{}", r#"{"update_id":"x"}"#, r#"{"update_id":1,"message":{"text":"lamp"}"#] {
        let error = understand(bytes.as_bytes()).unwrap_err();
        assert!(matches!(error, ParseError::NoUpdate { .. }), "{bytes}: {error:?}");
    }
    let error = understand(br#"{"update_id":5,"message":{"text":"lamp"}}"#).unwrap_err();
    assert_eq!(error, ParseError::Message { update_id: 5 });
    assert!(!error.to_string().contains("lamp"));
}

/// Any JSON at all, small.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{1,8}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_text_survives_anything_that_stands_beside_it(
        text in ".{1,80}",
        beside in prop::collection::vec((prop::sample::select(
            &["entities", "forward_origin", "reply_to_message", "via_bot", "reply_markup", "quote", "location", "venue",
            "photo", "sticker", "effect_id", "is_topic_message", "something_new"][..]), any_json()), 0..4),
    ) {
        let mut fields: Map<String, Value> = beside.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        fields.insert("text".to_owned(), text.clone().into());
        let update = read(&private(Value::Object(fields)));
        prop_assert_eq!(update.chat_id, Some(71));
        let Content::Text { text: found, .. } = update.content else { panic!("lost: {:?}", update.content) };
        prop_assert_eq!(found, text);
    }

    #[test]
    fn no_bytes_make_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..60), json in any_json(), kind in prop::sample::select(&MESSAGES[..])) {
        let _ = understand(&bytes);
        let _ = understand(json!({"update_id": 7, kind: json}).to_string().as_bytes());
    }
}
