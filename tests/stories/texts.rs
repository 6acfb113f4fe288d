//! Residents who write by text: the same queue, the same departments, an answer of a line or two to their telephone.

use crate::house::{House, header};
use crate::story;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use beadle::channels::text::TextProvider;
use beadle::channels::text::Webhook;
use beadle::channels::text::twilio::{Twilio, TwilioSettings};
use beadle::core::{Asked, CaseState, Channel};
use beadle::store;
use chrono::TimeDelta;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const URL: &str = "https://council.test/texts/twilio";
const TOKEN: &str = "a token of the tests";
pub const ANN: &str = "+447700900123";
pub const BEN: &str = "+447700900456";

/// What was sent: to whom, what.
type Sent = Arc<Mutex<Vec<(String, String)>>>;

/// A house with an account at Twilio, whose interface is a small server of ours that takes whatever it is given.
pub struct Telephones {
    twilio: Arc<dyn TextProvider>,
    sent: Sent,
}

impl Telephones {
    pub async fn of(house: &mut House) -> Self {
        let sent = Sent::default();
        let take = |State(sent): State<Sent>, body: String| async move {
            let fields: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            let mut sent = sent.lock().unwrap();
            sent.push((fields["To"].clone(), fields["Body"].clone()));
            let sid = format!("SM{:032}", sent.len());
            (axum::http::StatusCode::CREATED, serde_json::json!({"sid": sid, "status": "queued"}).to_string())
        };
        let app = Router::new().route("/{*any}", post(take)).with_state(Arc::clone(&sent));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api_base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let twilio: Arc<dyn TextProvider> = Arc::new(
            Twilio::new(TwilioSettings {
                account_sid: "AC00000000000000000000000000000001".to_owned(),
                auth_token: TOKEN.into(),
                from: "+442079460123".to_owned(),
                whatsapp_from: Some("+442079460124".to_owned()),
                public_url: URL.to_owned(),
                api_base,
                media_hosts: Vec::new(),
                time_limit: Duration::from_secs(10),
            })
            .unwrap(),
        );
        let known = Arc::clone(&twilio);
        house.set(|rules| {
            rules.texts.insert("twilio".to_owned(), known);
        });
        for channel in [Channel::Sms, Channel::Whatsapp] {
            house.dispatcher.texts.insert(channel, Arc::clone(&twilio));
        }
        Self { twilio, sent }
    }

    /// A text comes in, is worked on, and what it causes is sent; the texts that went out for it.
    pub async fn text(&self, house: &House, from: &str, sid: &str, body: &str) -> Vec<(String, String)> {
        assert_eq!(self.posts(house, &webhook(&form(from, sid, body))).await, 200);
        house.clock.advance(TimeDelta::seconds(1));
        house.works().await;
        let before = self.sent.lock().unwrap().len();
        house.sends().await;
        self.sent.lock().unwrap()[before..].to_vec()
    }

    async fn posts(&self, house: &House, webhook: &Webhook) -> u16 {
        house.collector().take_webhook("twilio", self.twilio.as_ref(), webhook).await.status
    }
}

fn form(from: &str, sid: &str, body: &str) -> BTreeMap<&'static str, String> {
    [
        ("AccountSid", "AC00000000000000000000000000000001".to_owned()),
        ("Body", body.to_owned()),
        ("From", from.to_owned()),
        ("MessageSid", sid.to_owned()),
        ("NumMedia", "0".to_owned()),
        ("SmsStatus", "received".to_owned()),
        ("To", "+442079460123".to_owned()),
    ]
    .into()
}

/// A post with the signature that Twilio's documents describe: of the address and every field by its name.
fn webhook(fields: &BTreeMap<&'static str, String>) -> Webhook {
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(URL.as_bytes());
    for (name, value) in fields {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    let signature = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, mac.finalize().into_bytes());
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Webhook {
        method: "POST".to_owned(),
        path_and_query: "/texts/twilio".to_owned(),
        headers: vec![
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("x-twilio-signature".to_owned(), signature),
        ],
        body: body.into_bytes(),
    }
}

pub const LAMP: &str = "The street light outside 12 Mill Lane, Station ward is out again";

story!(a_text_becomes_a_case_and_is_answered_by_text_in_one_line, house, {
    let phones = Telephones::of(house).await;
    let answers = phones.text(house, ANN, "SM1", LAMP).await;
    let case = house.case(0).await;
    assert_eq!((case.state, case.service.as_str()), (CaseState::Routed, "street_lighting"));
    assert_eq!(answers.len(), 1, "{answers:?}");
    let (to, words) = &answers[0];
    assert_eq!(to, ANN);
    assert!(words.contains(case.reference.as_str()) && words.contains("Brackenmere Borough Council"), "{words}");
    let referral = house.sends().await.into_iter().find(|mail| header(mail, "To").contains("highways")).unwrap();
    assert!(referral.contains("outside 12 Mill Lane"), "{referral}");
});

story!(a_text_that_says_no_place_is_asked_for_it_and_goes_on_with_the_answer, house, {
    let phones = Telephones::of(house).await;
    let answers = phones.text(house, ANN, "SM1", "the street light is out again, please fix it").await;
    let case = house.case(0).await;
    assert_eq!((case.state, case.asked), (CaseState::Review, Some(Asked::Place)));
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].1.contains("where is the problem"), "{answers:?}");

    let answers = phones.text(house, ANN, "SM2", "outside 12 Mill Lane, Station ward").await;
    assert_eq!(house.cases().await.len(), 1, "the answer is no case of its own");
    let case = house.case(0).await;
    assert_eq!((case.state, case.asked), (CaseState::Routed, None));
    assert_eq!(case.place.map(|place| place.0.name).as_deref(), Some("Mill Lane"));
    assert_eq!(answers.len(), 1, "now it is acknowledged: {answers:?}");
    let referral = house.sends().await.into_iter().find(|mail| header(mail, "To").contains("highways")).unwrap();
    assert!(referral.contains("street light is out again") && referral.contains("12 Mill Lane"), "{referral}");
});

story!(where_nothing_leaves_by_itself_the_question_waits_for_a_person_too, house, {
    house.set(|rules| rules.policy.mode = beadle::core::Mode::Suggest);
    let phones = Telephones::of(house).await;
    let answers = phones.text(house, ANN, "SM1", "the street light is out again, please fix it").await;
    assert!(answers.is_empty(), "{answers:?}");
    let case = house.case(0).await;
    let question = house.outgoing(&case.id).await.pop().expect("a question");
    assert_eq!((question.purpose.as_str(), question.status.as_str()), ("question", "held"));
    house.accepts(&case.id).await;
    let sent: Vec<String> =
        house.outgoing(&case.id).await.into_iter().map(|o| format!("{} {}", o.purpose, o.status)).collect();
    assert!(
        sent.contains(&"question cancelled".to_owned()),
        "sent to its department, nobody is asked any more: {sent:?}"
    );
});

story!(a_text_delivered_twice_is_one_message, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    let answers = phones.text(house, ANN, "SM1", LAMP).await;
    assert_eq!(house.cases().await.len(), 1);
    assert!(answers.is_empty(), "{answers:?}");
    assert_eq!(house.accounts().await.received, 1);
});

story!(later_words_of_the_same_number_go_on_the_case_and_another_problem_is_another_case, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    phones.text(house, ANN, "SM2", "the street light is still out, when will you come").await;
    assert_eq!(house.cases().await.len(), 1);
    phones.text(house, ANN, "SM3", "somebody dumped a mattress and a fridge, fly tipping, in Signal Row").await;
    assert_eq!(house.cases().await.len(), 2, "another service is another case");
    house.clock.advance(TimeDelta::days(30));
    phones.text(house, ANN, "SM4", "fly tipping again in Signal Row, a sofa").await;
    assert_eq!(house.cases().await.len(), 3, "after a month it is something new");
});

story!(a_strangers_number_that_quotes_a_reference_does_not_get_on_the_case, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    let reference = house.case(0).await.reference;
    phones
        .text(house, BEN, "SM2", &format!("About {reference}: what did they say? The street light in Signal Row"))
        .await;
    let cases = house.cases().await;
    assert_eq!(cases.len(), 2);
    assert_ne!(cases[1].state, CaseState::Routed, "a person looks at it");
    let mut tx = house.db.read().await.unwrap();
    assert_eq!(store::message::of_case(&mut tx, &cases[0].id).await.unwrap().len(), 1);
});

story!(stop_is_heeded_at_once_and_start_ends_it, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    let answers = phones.text(house, ANN, "SM2", "STOP").await;
    assert_eq!(answers.len(), 1, "what they asked for is confirmed, once: {answers:?}");
    let answers = phones.text(house, ANN, "SM3", "there is fly tipping in Signal Row, a fridge").await;
    assert!(answers.is_empty(), "{answers:?}");
    assert_eq!(house.cases().await.len(), 2, "what they report is still taken in");
    assert_eq!(phones.text(house, ANN, "SM4", "start").await.len(), 1);
    assert_eq!(phones.text(house, ANN, "SM5", "graffiti on the wall of the school in Signal Row").await.len(), 1);
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.set_aside, sums.unaccounted), (5, 2, 0));
});

story!(help_is_answered_even_to_who_has_no_case, house, {
    let phones = Telephones::of(house).await;
    assert_eq!(phones.text(house, ANN, "SM1", "Help").await.len(), 1);
    assert!(house.cases().await.is_empty());
});

story!(who_may_be_in_danger_is_held_and_gets_no_text_by_itself, house, {
    let phones = Telephones::of(house).await;
    let words = "he says he will kill me tonight, i am hiding in the bathroom at 12 Mill Lane";
    let answers = phones.text(house, ANN, "SM1", words).await;
    assert_eq!(house.case(0).await.state, CaseState::Held);
    assert!(answers.is_empty(), "{answers:?}");
});

story!(a_forged_or_changed_post_is_refused_and_an_unreadable_one_is_kept, house, {
    let phones = Telephones::of(house).await;
    let mut forged = webhook(&form(ANN, "SM1", LAMP));
    forged.body.extend_from_slice(b"&Extra=1");
    assert_eq!(phones.posts(house, &forged).await, 403);
    let mut fields = form(ANN, "SM1", LAMP);
    fields.remove("From");
    assert_eq!(phones.posts(house, &webhook(&fields)).await, 200);
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.quarantined), (1, 1));
});

story!(a_text_that_does_not_arrive_is_shown_on_the_case, house, {
    let phones = Telephones::of(house).await;
    phones.text(house, ANN, "SM1", LAMP).await;
    let status = [
        ("AccountSid", "AC00000000000000000000000000000001".to_owned()),
        ("ErrorCode", "30005".to_owned()),
        ("MessageSid", format!("SM{:032}", 1)),
        ("MessageStatus", "undelivered".to_owned()),
    ];
    assert_eq!(phones.posts(house, &webhook(&status.into())).await, 200);
    let case = house.case(0).await;
    assert!(case.attention.as_deref().unwrap_or_default().contains("did not arrive"), "{:?}", case.attention);
    let failed = house.outgoing(&case.id).await.into_iter().filter(|o| o.status == "failed").count();
    assert_eq!(failed, 1);
});
