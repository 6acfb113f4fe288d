//! A telephone call, or a visit at a surgery, as a gatekeeper wrote it down: what is kept of it, and the message it is.
//!
//! The gatekeeper vouches that somebody told them this. That an email address or a number is the caller's own nobody has seen: such
//! an address stands under the channel `phone`, which no mail or text is ever matched with.

use crate::core::call::{UNPROVABLE, envelope};
use crate::core::{Address, Channel, ContactPoint, Council, HearBy, Mail, SenderCheck};
use crate::intake::mime::MimeLimits;
use crate::intake::text::{cut, normalise, one_line};
use chrono::{DateTime, Utc};
use chrono_tz::Europe::London;
use serde::{Deserialize, Serialize};

/// The account that calls come to; no account of the settings may be called so.
pub const ACCOUNT: &str = "call log";

/// Why the caller's email address is not verified, where a link can verify it.
const UNCONFIRMED: &str = "they gave this address by word of mouth, and have not confirmed it yet";
/// Why a telephone number is not verified.
const UNPROVEN_NUMBER: &str = "they gave this number by word of mouth";

/// What a gatekeeper wrote down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// When they rang or came.
    pub at: DateTime<Utc>,
    /// Who wrote it down.
    pub taken_by: String,
    /// ISO 639-1 code of the language to answer in.
    pub language: String,
    /// What they chose of `routing::consent::Consent`.
    pub consent: String,
    /// How they want to hear from us.
    pub hear_by: HearBy,
    /// What they said.
    pub problem: String,
    /// Where, in words; may be empty.
    pub place: String,
    /// Key of the councillor they asked for, if they did.
    pub councillor: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Telephone number as `+447700900123`.
    pub phone: Option<String>,
    /// The lines of their postal address, below the name.
    pub address: Option<String>,
    /// Email address, lower case.
    pub email: Option<String>,
}

/// How a message is judged that was written down: within which limits, and whether a link can confirm an email address.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The council.
    pub council: &'a Council,
    /// Limits of parsing.
    pub limits: &'a MimeLimits,
    /// Whether there are pages for a link that confirms an address.
    pub can_prove: bool,
}

impl Call {
    /// The bytes that are kept: the same for the same call.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// A call as it was kept.
    ///
    /// # Errors
    /// One line that says what is wrong with it.
    pub fn from_bytes(raw: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(raw).map_err(|e| format!("this is no call that was written down: {e}"))
    }

    /// The call as a message. `channel` and `external_id` are those of its delivery.
    #[must_use]
    pub fn message(self, channel: Channel, external_id: &str, terms: Terms<'_>) -> Mail {
        let fingerprint = super::fingerprint(ACCOUNT, external_id);
        let (writer, sender) = self.writer(terms.can_prove);
        let councillor = self.councillor.as_deref().and_then(|id| terms.council.councillor(id));
        let to = councillor.and_then(|c| Address::new(&c.email, Some(&c.name)));
        let words = [normalise(self.problem.trim()), one_line(&self.place)];
        let words = words.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
        Mail {
            channel,
            folded: self.besides(writer.as_ref()),
            writer,
            shared: None,
            from: None,
            to: to.into_iter().collect(),
            delivered_to: Vec::new(),
            subject: String::new(),
            text: cut(&words, terms.limits.max_text_chars),
            rfc_message_id: None,
            answers: Vec::new(),
            sent_at: Some(self.at),
            device_language: Some(self.language),
            attachments: Vec::new(),
            automatic: None,
            no_auto_answer: None,
            sender,
            bounce: None,
            fingerprint,
        }
    }

    /// Where they are reached, by the way they chose, and whether that is vouched for. Who wants no news is known by whatever
    /// they gave.
    fn writer(&self, can_prove: bool) -> (Option<ContactPoint>, SenderCheck) {
        let vouched = SenderCheck::Verified { by: format!("{}, who wrote it down", self.taken_by) };
        let doubted = |why: &str| SenderCheck::Unverified { why: why.to_owned() };
        let point = |channel, address: String| ContactPoint { channel, address, name: self.name.clone() };
        let letter = || {
            let line = envelope(self.name.as_deref()?, self.address.as_deref()?);
            Some(point(Channel::Letter, line))
        };
        let said = |address: &Option<String>| Some(point(Channel::Phone, address.clone()?));
        match self.hear_by {
            HearBy::Letter => (letter(), vouched),
            HearBy::Ring => (said(&self.phone), vouched),
            HearBy::Email => (said(&self.email), doubted(if can_prove { UNCONFIRMED } else { UNPROVABLE })),
            HearBy::Text => (said(&self.phone), doubted(UNPROVEN_NUMBER)),
            HearBy::Nothing => (letter().or_else(|| said(&self.phone)).or_else(|| said(&self.email)), vouched),
        }
    }

    /// What a gatekeeper may want to know besides, and no department.
    fn besides(&self, writer: Option<&ContactPoint>) -> String {
        let at = self.at.with_timezone(&London).format("%A %-d %B %Y, %H:%M").to_string();
        let known = |address: &&String| writer.is_none_or(|w| w.address != **address);
        let address = self.address.as_ref().map(|lines| envelope("", lines));
        let address = address.filter(|line| writer.is_none_or(|w| !w.address.ends_with(line.as_str())));
        let name = self.name.as_ref().filter(|_| writer.is_none());
        let lines = [
            ("When", Some(at)),
            ("Written down by", Some(self.taken_by.clone())),
            ("Wants to hear from us", Some(self.hear_by.label().to_owned())),
            ("Name", name.cloned()),
            ("Telephone", self.phone.as_ref().filter(known).cloned()),
            ("Postal address", address),
            ("Email", self.email.as_ref().filter(known).cloned()),
        ];
        let lines = lines.into_iter().filter_map(|(label, value)| Some(format!("{label}: {}", value?)));
        lines.collect::<Vec<_>>().join("\n")
    }
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

    fn call(hear_by: HearBy) -> Call {
        Call {
            at: "2026-03-02T08:40:00Z".parse().unwrap(),
            taken_by: "administrator".to_owned(),
            language: "en".to_owned(),
            consent: "share".to_owned(),
            hear_by,
            problem: " A deep pothole ".to_owned(),
            place: "Mill Lane".to_owned(),
            councillor: None,
            name: Some("Ann Smith".to_owned()),
            phone: Some("+447700900123".to_owned()),
            address: Some("12 Mill Lane\nBrackenmere\nZM6 1UT".to_owned()),
            email: Some("ann@a.example".to_owned()),
        }
    }

    fn message(call: Call) -> Mail {
        let (council, limits) = (council(), MimeLimits::default());
        call.message(Channel::Phone, "1", Terms { council: &council, limits: &limits, can_prove: true })
    }

    #[test]
    fn a_call_is_kept_and_read_back_as_it_was() {
        let bytes = call(HearBy::Letter).to_bytes();
        assert_eq!(Call::from_bytes(&bytes).unwrap(), call(HearBy::Letter));
        let chosen = crate::intake::form::Chosen::of(&bytes).unwrap();
        assert_eq!((chosen.language.as_str(), chosen.hear_by), ("en", Some(HearBy::Letter)));
    }

    #[test]
    fn a_caller_is_known_by_the_way_they_want_to_hear_and_the_rest_is_for_the_gatekeeper() {
        let mail = message(call(HearBy::Letter));
        let writer = mail.writer.unwrap();
        assert_eq!(writer.address, "Ann Smith, 12 Mill Lane, Brackenmere, ZM6 1UT");
        assert_eq!((writer.channel, mail.sender.is_verified()), (Channel::Letter, true));
        assert_eq!(mail.text, "A deep pothole\n\nMill Lane");
        assert_eq!(
            mail.folded,
            "When: Monday 2 March 2026, 08:40\nWritten down by: administrator\nWants to hear from us: By letter\n\
             Telephone: +447700900123\nEmail: ann@a.example"
        );
    }

    #[test]
    fn an_address_given_by_word_of_mouth_is_none_of_a_known_person() {
        for (hear_by, address) in [(HearBy::Email, "ann@a.example"), (HearBy::Text, "+447700900123")] {
            let mail = message(call(hear_by));
            let writer = mail.writer.unwrap();
            assert_eq!((writer.channel, writer.address.as_str()), (Channel::Phone, address));
            assert!(!mail.sender.is_verified(), "{hear_by}");
        }
        let nobody = Call { name: None, phone: None, address: None, email: None, ..call(HearBy::Nothing) };
        assert_eq!(message(nobody).writer, None);
    }
}
