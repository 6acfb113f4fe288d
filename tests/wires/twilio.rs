//! Texts by Twilio: signatures made by Twilio's own library, sending and files against a small server.

use crate::python;
use crate::web::{self, Act, Web, json};
use beadle::channels::SendError;
use beadle::channels::text::twilio::{Twilio, TwilioSettings};
use beadle::channels::text::{Kind, MediaRef, Sent, TextKind, TextProvider, Webhook};
use std::time::Duration;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const URL: &str = "https://council.test/texts/twilio";
const TEXT: &str = "MessageSid=SM1&SmsSid=SM1&AccountSid=AC1&From=%2B447700900123&To=%2B442079460123&Body=The+lamp+is+out\
                    &NumMedia=0&SmsStatus=received";

fn settings(api_base: &str) -> TwilioSettings {
    TwilioSettings {
        account_sid: "AC1".to_owned(),
        auth_token: TOKEN.into(),
        from: "+442079460123".to_owned(),
        whatsapp_from: Some("+442079460124".to_owned()),
        public_url: URL.to_owned(),
        api_base: api_base.to_owned(),
        media_hosts: Vec::new(),
        time_limit: Duration::from_secs(20),
    }
}

fn twilio(api_base: &str) -> Twilio {
    Twilio::new(settings(api_base)).unwrap()
}

/// Webhooks as Twilio would send them, from token, URL and body of each; nothing listens at the URL's host.
fn signed(requests: &[(&str, &str, &str)]) -> Vec<Webhook> {
    let asked: Vec<_> = requests
        .iter()
        .map(|(token, url, body)| serde_json::json!({"token": token, "url": url, "body": body}))
        .collect();
    let signed = python::run("twilio_sign.py", &asked.into()).unwrap();
    let made = requests.iter().zip(signed.as_array().unwrap()).map(|((_, _, body), signed)| {
        let url = url::Url::parse(signed["url"].as_str().unwrap()).unwrap();
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Webhook {
            method: "POST".to_owned(),
            path_and_query: format!("{}{query}", url.path()),
            headers: vec![
                ("host".to_owned(), "behind-a-proxy.test".to_owned()),
                ("x-twilio-signature".to_owned(), signed["signature"].as_str().unwrap().to_owned()),
                ("content-length".to_owned(), body.len().to_string()),
            ],
            body: body.as_bytes().to_vec(),
        }
    });
    made.collect()
}

fn verdict(twilio: &Twilio, webhook: &Webhook) -> Result<Kind, u16> {
    twilio.authenticate(webhook).map_err(|refusal| refusal.status)
}

#[test]
fn what_twilios_own_library_signed_is_accepted() {
    let form = [
        ("a usual text", TEXT, Kind::Incoming),
        ("spaces at the ends", "MessageSid=SM1&From=%2B447700900123&Body=++x++", Kind::Incoming),
        (
            "letters and signs",
            "MessageSid=SM1&From=%2B447700900123&Body=T%C5%B7+%F0%9F%91%8D%26%3D%25%2B%0A",
            Kind::Incoming,
        ),
        ("a name twice", "b=2&a=1&b=1&b=2&MessageSid=SM1&From=%2B447700900123&Body=", Kind::Incoming),
        (
            "big letters before small ones",
            "body=x&Body=y&MessageSid=SM1&From=%2B447700900123&%C3%89=z&aa=1&a=2",
            Kind::Incoming,
        ),
        ("news", "MessageSid=SM1&MessageStatus=delivered&SmsStatus=delivered&To=%2B447700900123", Kind::Status),
        ("nothing at all", "", Kind::Incoming),
        ("JSON", "{\"MessageSid\": \"SM1\", \"From\": \"+447700900123\", \"Body\": \"Tŷ 👍\"}", Kind::Incoming),
    ];
    let requests: Vec<_> = form.iter().map(|(_, body, _)| (TOKEN, URL, *body)).collect();
    let twilio = twilio("https://api.twilio.com");
    for ((name, body, kind), webhook) in form.iter().zip(signed(&requests)) {
        assert_eq!(verdict(&twilio, &webhook), Ok(*kind), "{name}");
        let text = twilio.parse(body.as_bytes());
        assert_eq!(text.is_ok(), *kind == Kind::Incoming && !body.is_empty(), "{name}: {text:?}");
    }
    let (content_type, body) = twilio.answer();
    assert!(content_type.starts_with("text/xml") && body.ends_with("<Response/>"));
}

#[test]
fn the_public_url_counts_and_not_what_the_request_says() {
    for (configured, signed_for, good) in [
        (URL, "https://council.test:443/texts/twilio", true),
        ("https://council.test:443/texts/twilio", URL, true),
        ("https://council.test:8443/in", "https://council.test:8443/in", true),
        ("https://council.test/in?desk=1&x=%20", "https://council.test/in?desk=1&x=%20", true),
        (URL, "https://council.test/texts/twilio?desk=1", true),
        (URL, "http://council.test/texts/twilio", false),
        (URL, "https://council.test/texts/twilio/", false),
        (URL, "https://council.test/texts/Twilio", false),
        (URL, "https://elsewhere.test/texts/twilio", false),
        (URL, "https://behind-a-proxy.test/texts/twilio", false),
    ] {
        let twilio =
            Twilio::new(TwilioSettings { public_url: configured.to_owned(), ..settings("https://api.twilio.com") })
                .unwrap();
        let webhook = &signed(&[(TOKEN, signed_for, TEXT)])[0];
        assert_eq!(verdict(&twilio, webhook).is_ok(), good, "{configured} {signed_for}");
    }
}

#[test]
fn what_was_tampered_with_is_refused() {
    let twilio = twilio("https://api.twilio.com");
    let json = "{\"MessageSid\": \"SM1\", \"From\": \"+447700900123\"}";
    let [good, wrong_token, json]: [Webhook; 3] =
        signed(&[(TOKEN, URL, TEXT), ("another", URL, TEXT), (TOKEN, URL, json)]).try_into().unwrap();
    assert_eq!(verdict(&twilio, &wrong_token), Err(403));
    let with_body = |webhook: &Webhook, body: &[u8]| Webhook {
        body: body.to_vec(),
        headers: webhook.headers[..2].to_vec(),
        ..webhook.clone()
    };
    let changed = |from: &str, to: &str| with_body(&good, TEXT.replacen(from, to, 1).as_bytes());
    assert_eq!(verdict(&twilio, &changed("", "")), Ok(Kind::Incoming));
    for (from, to) in [
        ("lamp", "bin"),
        ("Body=The", "Body=+The"),
        ("900123", "900124"),
        ("&NumMedia=0", ""),
        ("&NumMedia=0", "&NumMedia=0&NumMedia=1"),
        ("&NumMedia=0", "&NumMedia=0&x"),
    ] {
        assert_eq!(verdict(&twilio, &changed(from, to)), Err(403), "{from} {to}");
    }
    // A field said twice in the same words is the same to Twilio, and to whoever reads it.
    assert_eq!(verdict(&twilio, &changed("&NumMedia=0", "&NumMedia=0&NumMedia=0")), Ok(Kind::Incoming));
    for end in 0..TEXT.len() {
        let cut = with_body(&good, &TEXT.as_bytes()[..end]);
        assert!(matches!(verdict(&twilio, &cut), Err(400 | 403)), "{end}");
    }
    // Announced at full length, or cut inside a character: told apart from a wrong signature.
    let cut = Webhook { body: TEXT.as_bytes()[..TEXT.len() - 9].to_vec(), ..good.clone() };
    assert_eq!(verdict(&twilio, &cut), Err(400));
    assert_eq!(verdict(&twilio, &with_body(&good, b"Body=T%C5")), Err(400));
    assert_eq!(verdict(&twilio, &with_body(&good, b"Body=T\xff")), Err(400));

    assert_eq!(verdict(&twilio, &json), Ok(Kind::Incoming));
    let other = String::from_utf8(json.body.clone()).unwrap().replace("SM1", "SM2");
    assert_eq!(verdict(&twilio, &with_body(&json, other.as_bytes())), Err(403));
    assert_eq!(verdict(&twilio, &with_body(&json, b"{\"MessageSid\": \"SM")), Err(400));
    let no_hash = Webhook { path_and_query: "/texts/twilio".to_owned(), ..json };
    assert_eq!(verdict(&twilio, &no_hash), Err(403));

    for signature in ["", "AAAA", "not base64!", "=", &good.headers[1].1.to_lowercase()] {
        let mut webhook = good.clone();
        webhook.headers[1].1 = signature.to_owned();
        assert_eq!(verdict(&twilio, &webhook), Err(403), "{signature}");
    }
    let unsigned = Webhook { headers: Vec::new(), ..good.clone() };
    assert_eq!(verdict(&twilio, &unsigned), Err(403));
    assert_eq!(verdict(&twilio, &Webhook { method: "GET".to_owned(), ..good }), Err(405));
}

async fn send(web: &Web) -> Result<Sent, SendError> {
    twilio(&web.base()).send("+447700900123", "Tŷ & \"lamp\" +1", "ours").await
}

#[tokio::test]
async fn a_text_is_sent_with_everything_twilio_needs() {
    let web = web::always(json(201, r#"{"sid": "SM9", "status": "queued", "error_code": null}"#)).await;
    let twilio = twilio(&web.base());
    let sent = twilio.send("+447700900123", "Tŷ & \"lamp\" +1", "ours").await;
    assert_eq!(sent, Ok(Sent { provider_id: "SM9".to_owned() }));
    twilio.send("whatsapp:+447700900123", "x", "ours").await.unwrap();
    let heard = web.heard();
    let first = &heard[0];
    assert_eq!(first.line, "POST /2010-04-01/Accounts/AC1/Messages.json");
    let fields = ["To", "From", "Body", "StatusCallback"].map(|name| first.field(name).unwrap());
    assert_eq!(fields, ["+447700900123", "+442079460123", "Tŷ & \"lamp\" +1", URL]);
    assert_eq!(first.header("content-type"), Some("application/x-www-form-urlencoded"));
    use base64::Engine as _;
    let signed_in = base64::prelude::BASE64_STANDARD.encode(format!("AC1:{TOKEN}"));
    assert_eq!(first.header("authorization"), Some(format!("Basic {signed_in}").as_str()));
    assert_eq!(heard[1].field("From").as_deref(), Some("whatsapp:+442079460124"));
    assert_eq!(heard[1].field("To").as_deref(), Some("whatsapp:+447700900123"));
    for nobody in ["80818", "NHS", "", "whatsapp:", "07700900123"] {
        assert!(matches!(twilio.send(nobody, "x", "ours").await, Err(SendError::Refused { .. })), "{nobody}");
    }
    assert_eq!(web.heard().len(), 2, "nothing was sent to what is no number");
}

#[tokio::test]
async fn a_refusal_is_told_with_its_code_and_without_the_number() {
    let web = web::always(json(
        400,
        r#"{"code": 21610, "message": "Attempt to send to unsubscribed recipient +447700900123", "status": 400}"#,
    ))
    .await;
    let why = "Attempt to send to unsubscribed recipient (number)".to_owned();
    assert_eq!(send(&web).await, Err(SendError::Refused { code: "21610".to_owned(), unsubscribed: true, why }));
    for (status, body, refused) in [
        (400, r#"{"code": 21211, "message": "Invalid 'To'"}"#, true),
        (403, r#"{"code": 21408, "message": "no permission for the region"}"#, true),
        (400, "<html>", true),
        (302, "", true),
        (401, r#"{"code": 20003, "message": "Authenticate"}"#, false),
        (404, r#"{"code": 20404, "message": "not found"}"#, false),
        (403, r#"{"code": 20005, "message": "suspended"}"#, false),
    ] {
        let error = send(&web::always(json(status, body)).await).await.unwrap_err();
        let right = if refused {
            matches!(error, SendError::Refused { unsubscribed: false, .. })
        } else {
            matches!(error, SendError::TryAgain { .. })
        };
        assert!(right, "{status} {body}: {error:?}");
    }
}

#[tokio::test]
async fn too_much_at_once_waits_as_long_as_twilio_says() {
    let wait = async |status, headers: Vec<(&'static str, String)>, body: &str| {
        let web = web::always(Act::Answer(status, headers, body.as_bytes().to_vec())).await;
        match send(&web).await {
            Err(SendError::Busy { retry_after }) => retry_after.as_secs(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait(429, vec![("Retry-After", "7".to_owned())], r#"{"code": 20429}"#).await, 7);
    assert_eq!(wait(429, vec![], "").await, 10);
    assert_eq!(wait(400, vec![], r#"{"code": 21611, "message": "queue"}"#).await, 600);
}

#[tokio::test]
async fn what_was_surely_not_taken_may_be_tried_again() {
    for status in [500, 502, 503, 408] {
        let web = web::always(json(status, "")).await;
        assert!(matches!(send(&web).await, Err(SendError::TryAgain { .. })), "{status}");
        assert_eq!(web.heard().len(), 1, "a text is never sent twice by itself");
    }
    let gone = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
    let error = twilio(&format!("http://127.0.0.1:{gone}")).send("+447700900123", "x", "ours").await.unwrap_err();
    assert!(matches!(&error, SendError::TryAgain { why } if why.contains("no connection")), "{error:?}");
}

#[tokio::test]
async fn no_text_is_written_before_the_connection_is_trusted() {
    let plain = web::always(json(201, r#"{"sid": "SM9"}"#)).await;
    // It accepts connections, and never says a word.
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    for port in [plain.port, silent.local_addr().unwrap().port()] {
        let base = format!("https://127.0.0.1:{port}");
        let limited = Twilio::new(TwilioSettings { time_limit: Duration::from_secs(2), ..settings(&base) }).unwrap();
        let error = limited.send("+447700900123", "x", "ours").await.unwrap_err();
        assert!(matches!(&error, SendError::TryAgain { why } if why.contains("no connection")), "{error:?}");
    }
    assert!(plain.heard().is_empty());
}

#[tokio::test]
async fn a_server_that_hangs_up_after_each_answer_makes_nothing_uncertain() {
    let web = web::always(Act::Half(14, r#"{"sid": "SM9"}"#)).await;
    let twilio = twilio(&web.base());
    for _ in 0..20 {
        assert!(twilio.send("+447700900123", "x", "ours").await.is_ok());
    }
    assert_eq!(web.heard().len(), 20);
}

#[tokio::test]
async fn what_may_have_been_taken_is_uncertain() {
    for act in [Act::Cut, Act::Half(100, "{\"sid\""), json(201, "<html>"), json(201, "{}"), json(504, "")] {
        let web = web::always(act.clone()).await;
        let error = send(&web).await.unwrap_err();
        assert!(matches!(error, SendError::Uncertain { .. }), "{act:?}: {error:?}");
        assert_eq!(web.heard().len(), 1, "a text is never sent twice by itself");
        assert!(!error.to_string().contains("7700"), "{error}");
    }
    let web = web::always(Act::Silence).await;
    let slow = Twilio::new(TwilioSettings { time_limit: Duration::from_secs(1), ..settings(&web.base()) }).unwrap();
    let error = slow.send("+447700900123", "x", "ours").await.unwrap_err();
    assert_eq!(error, SendError::Uncertain { why: "no answer in time".to_owned() });
}

fn file(url: String) -> MediaRef {
    MediaRef { url, content_type: "image/jpeg".to_owned() }
}

fn jpeg(length: usize) -> Act {
    Act::Answer(200, vec![("Content-Type", "image/png".to_owned())], vec![7; length])
}

#[tokio::test]
async fn a_file_is_fetched_over_the_redirect_and_the_token_stays_with_twilio() {
    let store = web::always(jpeg(1000)).await;
    let target = format!("{}/AC1/file?Signature=x", store.base());
    let web = web::serve(move |_| Act::Answer(307, vec![("Location", target.clone())], Vec::new())).await;
    let media = file(format!("{}/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1", web.base()));

    let error = twilio(&web.base()).media(&media, 5000).await.unwrap_err();
    assert!(matches!(&error, SendError::Refused { code, .. } if code == "elsewhere"), "{error:?}");
    assert!(store.heard().is_empty());

    let hosts = vec![format!("127.0.0.1:{}", store.port)];
    let twilio = Twilio::new(TwilioSettings { media_hosts: hosts, ..settings(&web.base()) }).unwrap();
    assert_eq!(twilio.media(&media, 1000).await, Ok((vec![7; 1000], "image/png".to_owned())));
    assert!(web.heard().iter().all(|request| request.header("authorization").is_some()));
    assert_eq!((store.heard().len(), store.heard()[0].header("authorization")), (1, None));
    let error = twilio.media(&media, 999).await.unwrap_err();
    assert!(matches!(&error, SendError::Refused { code, .. } if code == "too_large"), "{error:?}");
}

#[tokio::test]
async fn a_file_that_lies_elsewhere_is_never_asked_for() {
    let stranger = web::always(jpeg(1)).await;
    let twilio = twilio("https://api.twilio.com");
    for url in [format!("{}/x", stranger.base()), "file:///etc/passwd".to_owned(), "no URL".to_owned()] {
        let error = twilio.media(&file(url), 5000).await.unwrap_err();
        assert!(matches!(error, SendError::Refused { .. }), "{error:?}");
    }
    assert!(stranger.heard().is_empty());
}

#[tokio::test]
async fn a_file_that_does_not_come_is_told_apart() {
    let fetch = async |act: Act| {
        let web = web::always(act).await;
        twilio(&web.base()).media(&file(format!("{}/f", web.base())), 5000).await
    };
    let busy = Act::Answer(429, vec![("Retry-After", "9".to_owned())], Vec::new());
    assert_eq!(fetch(busy).await, Err(SendError::Busy { retry_after: Duration::from_secs(9) }));
    assert!(matches!(fetch(json(404, "")).await, Err(SendError::Refused { .. })));
    let again = Act::Answer(302, vec![("Location", "/f".to_owned())], Vec::new());
    assert!(matches!(fetch(again).await, Err(SendError::Refused { code, .. }) if code == "redirects"));
    for act in [Act::Cut, json(503, ""), json(401, "")] {
        assert!(matches!(fetch(act.clone()).await, Err(SendError::TryAgain { .. })), "{act:?}");
    }
}

#[test]
fn the_raw_webhook_is_enough_to_read_a_text_later() {
    let text = twilio("https://api.twilio.com").parse(TEXT.as_bytes()).unwrap();
    assert_eq!((text.provider_id.as_str(), text.body.as_str(), text.kind), ("SM1", "The lamp is out", TextKind::Sms));
    assert_eq!((text.from.as_str(), text.to.as_str()), ("+447700900123", "+442079460123"));
    assert!(text.media.is_empty() && text.position.is_none() && text.sent_at.is_none());
}
