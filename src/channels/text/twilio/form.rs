//! The fields of a request of Twilio's, and what they say.

use crate::channels::text::{Delivery, DeliveryState, MediaRef, ParseError, TextIn, TextKind, WHATSAPP, phone};
use crate::core::Point;

/// More files than any text may carry.
const MOST_MEDIA: usize = 100;
/// Codes of failures that pass: queues that were full, a telephone that was switched off or out of reach.
const PASSING: &[&str] = &["30001", "30003", "30008", "30009", "30017", "30022", "63012", "63018"];

/// Whether a body is JSON: in a form the brace would be written `%7B`.
pub(super) fn is_json(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'{')
}

/// The fields in their order, decoded strictly: `None` where a body is cut off or damaged. Nothing is trimmed.
pub(super) fn fields(body: &[u8]) -> Option<Vec<(String, String)>> {
    if is_json(body) {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
        return Some(object.into_iter().map(|(name, value)| (name, plain(value))).collect());
    }
    body.split(|b| *b == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = match pair.iter().position(|b| *b == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

fn plain(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn decode(encoded: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(*rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The first field of a name that is not empty.
fn value<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// The state of a text that we sent; texts that come in may name a state of their own.
fn status(fields: &[(String, String)]) -> Option<&str> {
    let status = value(fields, "MessageStatus").or_else(|| value(fields, "SmsStatus"))?;
    (!matches!(status, "received" | "receiving")).then_some(status)
}

/// Whether these are news of a text that we sent.
pub(super) fn is_status(fields: &[(String, String)]) -> bool {
    status(fields).is_some()
}

fn wrong(why: &str) -> ParseError {
    ParseError { provider: super::NAME, why: why.to_owned() }
}

fn id(fields: &[(String, String)]) -> Result<String, ParseError> {
    let names = ["MessageSid", "SmsMessageSid", "SmsSid"];
    let found = names.iter().find_map(|name| value(fields, name));
    found.map(str::to_owned).ok_or_else(|| wrong("there is no MessageSid"))
}

pub(super) fn text(body: &[u8]) -> Result<TextIn, ParseError> {
    let fields = fields(body).ok_or_else(|| wrong("it is cut off or damaged"))?;
    let value = |name: &str| value(&fields, name);
    let sender = value("From").ok_or_else(|| wrong("there is no From"))?;
    let degrees = |name| value(name).and_then(|degrees| degrees.trim().parse().ok());
    let file = |n: usize| {
        let url = value(&format!("MediaUrl{n}"))?.to_owned();
        Some(MediaRef { url, content_type: value(&format!("MediaContentType{n}")).unwrap_or_default().to_owned() })
    };
    let announced = value("NumMedia").and_then(|count| count.parse().ok()).unwrap_or(MOST_MEDIA);
    let number = |raw: &str| phone::normalise(raw.strip_prefix(WHATSAPP).unwrap_or(raw));
    Ok(TextIn {
        provider_id: id(&fields)?,
        from: number(sender),
        to: number(value("To").unwrap_or_default()),
        body: value("Body").unwrap_or_default().to_owned(),
        sent_at: None,
        media: (0..announced.min(MOST_MEDIA)).filter_map(file).collect(),
        position: degrees("Latitude").zip(degrees("Longitude")).and_then(|(lat, lon)| Point::new(lat, lon)),
        profile_name: value("ProfileName").map(str::to_owned),
        kind: if sender.starts_with(WHATSAPP) { TextKind::WhatsApp } else { TextKind::Sms },
    })
}

pub(super) fn delivery(body: &[u8]) -> Result<Delivery, ParseError> {
    let fields = fields(body).ok_or_else(|| wrong("it is cut off or damaged"))?;
    let code = value(&fields, "ErrorCode").filter(|code| *code != "0");
    let state = match status(&fields).ok_or_else(|| wrong("there is no MessageStatus"))? {
        "delivered" | "read" => DeliveryState::Delivered,
        "accepted" | "scheduled" | "queued" | "sending" | "sent" => DeliveryState::Sent,
        "canceled" => DeliveryState::Failed { permanent: true, code: "canceled".to_owned() },
        // Without a code nobody says that it is for ever.
        failed @ ("failed" | "undelivered") => DeliveryState::Failed {
            permanent: code.is_some_and(|code| !PASSING.contains(&code)),
            code: code.unwrap_or(failed).to_owned(),
        },
        _ => return Err(wrong("its MessageStatus is none that we know")),
    };
    Ok(Delivery { provider_id: id(&fields)?, our_reference: None, state })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_decoded_strictly_and_never_trimmed() {
        let read = |body: &str| fields(body.as_bytes());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read("a=+x+&b=%2B%C3%A9&c&&a="),
            Some(vec![pair("a", " x "), pair("b", "+é"), pair("c", ""), pair("a", ""),])
        );
        assert_eq!(read("{\"a\": \"x\", \"n\": 1.5, \"z\": null}").unwrap().len(), 3);
        for cut in ["a=%C3", "a=%", "a=%4", "a=%zz", "a=\u{fffd}%ff", "{\"a\": \"x"] {
            assert_eq!(read(cut), None, "{cut}");
        }
    }

    #[test]
    fn a_whatsapp_text_with_position_files_and_name_is_read() {
        let text = text(
            b"MessageSid=SM1&From=whatsapp%3A%2B447700900123&To=whatsapp%3A%2B442079460123&Body=&ProfileName=Zo%C3%AB\
              &NumMedia=2&MediaUrl0=https%3A%2F%2Fa%2F0&MediaContentType0=image%2Fjpeg&MediaUrl1=https%3A%2F%2Fa%2F1\
              &MediaUrl2=no&Latitude=54.02878&Longitude=-2.05309&SmsStatus=received",
        )
        .unwrap();
        assert_eq!(
            (text.kind, text.from.as_str(), text.to.as_str()),
            (TextKind::WhatsApp, "+447700900123", "+442079460123")
        );
        assert_eq!((text.body.as_str(), text.profile_name.as_deref()), ("", Some("Zoë")));
        assert_eq!(text.position, Point::new(54.02878, -2.05309));
        let files: Vec<_> = text.media.iter().map(|file| (file.url.as_str(), file.content_type.as_str())).collect();
        assert_eq!(files, [("https://a/0", "image/jpeg"), ("https://a/1", "")]);
    }

    #[test]
    fn degrees_that_are_no_place_are_left_out_and_an_absent_id_or_sender_is_told() {
        for position in ["Latitude=91&Longitude=0", "Latitude=NaN&Longitude=0", "Latitude=54", "Latitude=x&Longitude=y"]
        {
            let body = format!("MessageSid=SM1&From=80818&{position}");
            assert_eq!(text(body.as_bytes()).unwrap().position, None, "{position}");
        }
        assert!(text(b"From=80818&Body=x").unwrap_err().to_string().contains("MessageSid"));
        assert!(text(b"MessageSid=SM1&From=&Body=x").unwrap_err().to_string().contains("From"));
        assert!(text(b"").is_err());
    }

    #[test]
    fn states_are_told_apart() {
        let state = |fields: &str| delivery(format!("MessageSid=SM1&{fields}").as_bytes()).map(|news| news.state);
        let failed = |permanent, code: &str| Ok(DeliveryState::Failed { permanent, code: code.to_owned() });
        assert_eq!(state("MessageStatus=delivered&SmsStatus=delivered"), Ok(DeliveryState::Delivered));
        assert_eq!(state("MessageStatus=read"), Ok(DeliveryState::Delivered));
        assert_eq!(state("SmsStatus=sent"), Ok(DeliveryState::Sent));
        assert_eq!(state("MessageStatus=undelivered&ErrorCode=30003"), failed(false, "30003"));
        assert_eq!(state("MessageStatus=undelivered&ErrorCode=30005"), failed(true, "30005"));
        assert_eq!(state("MessageStatus=failed&ErrorCode="), failed(false, "failed"));
        assert!(state("MessageStatus=flying").is_err() && state("SmsStatus=received").is_err() && state("").is_err());
        assert!(delivery(b"MessageStatus=sent").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fall_over(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (text(&body), delivery(&body));
        }

        #[test]
        fn what_is_encoded_comes_back(pairs in proptest::collection::vec(("\\PC{1,8}", "\\PC{0,20}"), 1..6)) {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            prop_assert_eq!(fields(body.as_bytes()), Some(pairs));
        }
    }
}
