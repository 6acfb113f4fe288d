//! A report made with the form on the web: what is kept of it, and the message it is.
//!
//! It is kept as one JSON object, with its files in base64. Of somebody who does not wish to be known nothing is in it by which
//! they could be: their name and address are dropped before anything is stored.

use crate::core::{Address, Attachment, Channel, ContactPoint, Council, HearBy, Mail, SenderCheck};
use crate::intake::mime::{self, MimeLimits};
use crate::intake::text::{cut, normalise, one_line};
use crate::routing::consent::Consent;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Why the sender of a report is not verified: they gave an email address, and have not opened the link that was sent there.
pub const UNCONFIRMED: &str = "they gave this address in the web form, and have not confirmed it yet";
/// The same, where the owner of the address says that it was not them.
pub const DENIED: &str = "the owner of this address says that they did not send this";
/// The same, where there is only a telephone number.
const UNCALLED: &str = "they gave this number in the web form, and nobody has confirmed it";
/// The same, where there is neither.
const UNKNOWN: &str = "they did not say who they are";
/// Who vouches for a sender that opened the link.
pub const BY_LINK: &str = "a link sent to the address";
/// Who vouches for a sender that added to a report on its private page.
pub const BY_TRAIL: &str = "the private link of the case";

/// How the form works, as the council set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormPolicy {
    /// The account that reports come to, as the inbox knows it.
    pub account: String,
    /// Where residents reach this service, without a slash at the end: links in mails begin so.
    pub public_url: String,
    /// Where the council says how it uses what it is told.
    pub privacy_url: Option<String>,
    /// Most files of one report.
    pub max_files: usize,
    /// Most bytes of all files of one report.
    pub total_bytes: usize,
    /// Most reports from one network address in an hour.
    pub per_address: usize,
    /// Most reports from everybody in an hour.
    pub per_hour: usize,
    /// Whether a proxy stands before this service that writes down who asked, last in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Nobody fills the form in within fewer seconds.
    pub least_seconds: i64,
    /// How long an open form can be sent, in hours.
    pub open_hours: i64,
    /// Most mails in a day that ask one address whether it is theirs.
    pub proofs_per_address: i64,
    /// Most such mails in an hour to everybody.
    pub proofs_per_hour: i64,
    /// How long such a mail's link works, in days.
    pub proof_days: i64,
}

impl FormPolicy {
    /// The usual limits, for a form that is reached at `public_url`.
    #[must_use]
    pub fn new(account: &str, public_url: &str) -> Self {
        Self {
            account: account.to_owned(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            privacy_url: None,
            max_files: 5,
            total_bytes: 20 << 20,
            per_address: 6,
            per_hour: 300,
            behind_proxy: false,
            least_seconds: 3,
            open_hours: 24,
            proofs_per_address: 3,
            proofs_per_hour: 60,
            proof_days: 7,
        }
    }
}

/// What somebody sent with the form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// ISO 639-1 code of the language that the form was shown in.
    pub language: String,
    /// What they chose of [`Consent`].
    pub consent: String,
    /// What is wrong.
    pub problem: String,
    /// Where, in words; may be empty.
    pub place: String,
    /// A link to a map, or coordinates; may be empty.
    pub position: String,
    /// Key of the councillor they chose, if they did.
    pub councillor: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Email address, lower case.
    pub email: Option<String>,
    /// Telephone number as `+447700900123`.
    pub phone: Option<String>,
    /// What stood in the field that people do not see.
    pub trap: String,
    /// The signed token of the case that these are later words of, where they are: its private page puts it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<String>,
    /// Files.
    pub files: Vec<FormFile>,
}

/// A file that was sent with the form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormFile {
    /// Its name, as it was given.
    pub name: String,
    /// Its media type, as it was given.
    pub content_type: String,
    /// Its bytes.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub bytes: Vec<u8>,
}

fn to_base64<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}

/// What was chosen on the form, or told to whoever wrote down a call, apart from what was written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Chosen {
    /// ISO 639-1 code of the language that the form was shown in.
    pub language: String,
    /// Whom the resident allows to know them.
    pub consent: Consent,
    /// The email address they gave.
    pub email: Option<String>,
    /// How they want to hear from us, where that was asked.
    #[serde(default)]
    pub hear_by: Option<HearBy>,
}

impl Chosen {
    /// What was chosen on the form that was kept as `raw`; `None` where that is no such form.
    #[must_use]
    pub fn of(raw: &[u8]) -> Option<Self> {
        serde_json::from_slice(raw).ok()
    }
}

impl Form {
    /// The bytes that are kept: the same for the same form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// A form as it was kept.
    ///
    /// # Errors
    /// One line that says what is wrong with it.
    pub fn from_bytes(raw: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(raw).map_err(|e| format!("this is no report of the web form: {e}"))
    }

    /// The form as a message. `account` and `external_id` are those of its delivery.
    #[must_use]
    pub fn message(self, account: &str, external_id: &str, council: &Council, limits: &MimeLimits) -> Mail {
        let fingerprint = super::fingerprint(account, external_id);
        let name = self.name.as_deref().map(one_line).filter(|name| !name.is_empty());
        let (address, why) = match (&self.email, &self.phone) {
            (Some(email), _) => (Some(email), UNCONFIRMED),
            (None, Some(phone)) => (Some(phone), UNCALLED),
            (None, None) => (None, UNKNOWN),
        };
        let sender = if self.answers.is_some() {
            SenderCheck::Verified { by: BY_TRAIL.to_owned() }
        } else {
            SenderCheck::Unverified { why: why.to_owned() }
        };
        // A way of its own: who types somebody's address into a form is not yet the person with that address.
        let writer =
            address.map(|address| ContactPoint { channel: Channel::Web, address: address.clone(), name: name.clone() });
        // What a gatekeeper may want to know, and no department.
        let mut folded = Vec::new();
        if let (None, Some(name)) = (&writer, &name) {
            folded.push(format!("Name: {name}"));
        }
        if let (Some(_), Some(phone)) = (&self.email, &self.phone) {
            folded.push(format!("Telephone: {phone}"));
        }
        let where_it_is = [self.place.as_str(), self.position.as_str()].map(one_line);
        let where_it_is = where_it_is.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        let words = [normalise(self.problem.trim()), where_it_is];
        let words = words.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
        let councillor = self.councillor.as_deref().and_then(|id| council.councillor(id));
        let to = councillor.and_then(|c| Address::new(&c.email, Some(&c.name)));
        let files = self.files.into_iter().zip(1..);
        Mail {
            channel: Channel::Web,
            writer,
            shared: None,
            from: None,
            to: to.into_iter().collect(),
            // As an answer by mail bears it in the address that it was sent to.
            delivered_to: self.answers.into_iter().collect(),
            subject: String::new(),
            text: cut(&words, limits.max_text_chars),
            folded: folded.join("\n"),
            rfc_message_id: None,
            answers: Vec::new(),
            sent_at: None,
            device_language: Some(self.language),
            attachments: files.map(|(file, number)| attachment(file, number, limits)).collect(),
            automatic: (!self.trap.trim().is_empty())
                .then(|| "spam: the field of the web form was filled in that people do not see".to_owned()),
            no_auto_answer: None,
            sender,
            bounce: None,
            fingerprint,
        }
    }
}

/// A file of a form as a message has it: named, judged, kept. `number` counts from one.
#[must_use]
pub fn attachment(file: FormFile, number: usize, limits: &MimeLimits) -> Attachment {
    mime::file(Some(&file.name), &file.content_type, file.bytes, number, limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn council() -> Council {
        Council {
            name: "B".to_owned(),
            councillors: Vec::new(),
            address: Address::new("cases@b.example", None).unwrap(),
            plus_addressing: true,
            authserv_id: None,
            own_addresses: Vec::new(),
            portal_url: None,
            public_url: None,
        }
    }

    fn form() -> Form {
        Form {
            language: "en".to_owned(),
            consent: "share".to_owned(),
            problem: "  A deep pothole\r\n\r\n\r\n\r\nby the school ".to_owned(),
            place: "12 Mill Lane".to_owned(),
            files: vec![FormFile {
                name: "../../a\u{202e}b.png".to_owned(),
                content_type: "image/png".to_owned(),
                bytes: b"\x89PNG".to_vec(),
            }],
            ..Form::default()
        }
    }

    #[test]
    fn a_form_is_kept_and_read_back_as_it_was() {
        let bytes = form().to_bytes();
        assert_eq!(Form::from_bytes(&bytes).unwrap(), form());
        assert_eq!(bytes, form().to_bytes());
        let chosen = Chosen::of(&bytes).unwrap();
        assert_eq!((chosen.language.as_str(), chosen.consent), ("en", Consent::Share));
        assert_eq!(Chosen::of(b"From: a mail"), None);
    }

    #[test]
    fn an_address_that_nobody_confirmed_is_none_of_a_known_person() {
        let given = Form { email: Some("ann@a.example".to_owned()), phone: Some("+447700900123".to_owned()), ..form() };
        let mail = given.message("form", "1", &council(), &MimeLimits::default());
        let writer = mail.writer.unwrap();
        assert_eq!((writer.channel, writer.address.as_str()), (Channel::Web, "ann@a.example"));
        assert!(mail.from.is_none() && !mail.sender.is_verified());
        assert_eq!(mail.folded, "Telephone: +447700900123", "for the gatekeeper");
        assert_eq!(
            mail.text, "A deep pothole\n\n\nby the school\n\n12 Mill Lane",
            "and not among the words that are sent on"
        );
    }

    #[test]
    fn later_words_bear_the_token_of_their_case_and_are_vouched_for_by_it() {
        let later = Form { answers: Some("K7MQ4T2P.rABCDEFGH".to_owned()), ..form() };
        assert_eq!(Form::from_bytes(&later.to_bytes()).unwrap(), later);
        assert!(
            !String::from_utf8(form().to_bytes()).unwrap().contains("answers"),
            "a report is kept as it was before"
        );
        let mail = later.message("form", "1", &council(), &MimeLimits::default());
        assert_eq!(mail.delivered_to, ["K7MQ4T2P.rABCDEFGH"]);
        assert!(mail.sender.is_verified() && mail.writer.is_none());
    }

    #[test]
    fn a_file_keeps_its_name_and_loses_what_is_wrong_with_it() {
        let mail = form().message("form", "1", &council(), &MimeLimits::default());
        assert_eq!((mail.attachments[0].name.as_str(), mail.attachments[0].refused.as_deref()), ("ab.png", None));
        assert_ne!(mail.fingerprint, form().message("form", "2", &council(), &MimeLimits::default()).fingerprint);
    }
}
