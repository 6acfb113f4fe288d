//! Whether a case is where it was sent: by the mail that takes it there. The decision to send it comes some time before that mail leaves, and the
//! mail can fail.

use super::format;
use crate::core::Party;
use crate::outbox::private::PRIVATE;
use crate::store::outbox::Outgoing;
use chrono::{DateTime, Utc};

/// What became of the mail that takes a case to those who deal with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// It has gone.
    Sent(DateTime<Utc>),
    /// It will go by itself.
    OnItsWay,
    /// A person has to let it go.
    Waits,
    /// Nobody can say whether it arrived.
    Perhaps,
    /// It did not arrive, and will not.
    NotDelivered,
}

impl Gone {
    /// To the department that has it now: a case that was handed on has a mail for each. None where no mail takes it there.
    pub(super) fn to_department(outgoing: &[Outgoing]) -> Option<Self> {
        Self::by(outgoing.iter().rfind(|o| o.purpose == "referral" && o.status != "cancelled")?)
    }

    /// To the councillor, of a case that is for them only: when the first words of it did.
    pub(super) fn to_councillor(outgoing: &[Outgoing]) -> Option<Self> {
        let to_them = |o: &&Outgoing| o.purpose == PRIVATE && o.party == Party::Councillor && o.status != "cancelled";
        Self::by(outgoing.iter().find(to_them)?)
    }

    fn by(mail: &Outgoing) -> Option<Self> {
        Some(match mail.status.as_str() {
            "sent" => Self::Sent(mail.sent_at?),
            "held" => Self::Waits,
            "uncertain" => Self::Perhaps,
            "failed" => Self::NotDelivered,
            _ => Self::OnItsWay,
        })
    }

    /// When it had gone.
    pub(super) const fn at(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Sent(at) => Some(at),
            _ => None,
        }
    }

    /// In words.
    pub(super) fn said(self) -> String {
        match self {
            Self::Sent(at) => format!("Sent {}", format::when(at)),
            Self::OnItsWay => "On its way".to_owned(),
            Self::Waits => "Not sent yet: it waits for a person".to_owned(),
            Self::Perhaps => "Perhaps sent: it is not known whether it arrived".to_owned(),
            Self::NotDelivered => "Not delivered".to_owned(),
        }
    }
}

/// When a councillor was first sent a copy of what went to the department, by the mails that have gone.
pub(super) fn copied_to(outgoing: &[Outgoing], email: &str) -> Option<DateTime<Utc>> {
    let address = format!("<{}>", email.to_lowercase());
    let copied = |o: &&Outgoing| o.mail.0.cc.iter().any(|cc| cc.to_lowercase().ends_with(&address));
    outgoing.iter().filter(|o| o.party == Party::Department).filter(copied).filter_map(|o| o.sent_at).min()
}
