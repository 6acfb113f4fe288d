//! The form of a text: who wrote, what, with which files. Its provider's own words are read by `channels::text`.

use crate::channels::text::TextIn;
use crate::core::{Attachment, Channel, ContactPoint, Mail, SenderCheck, SharedPoint};
use crate::intake::text::cut;

/// A text as a message whose form is understood. `account` is the one it came to, `by` the provider that vouches for the number,
/// `files` what came with it.
#[must_use]
pub fn message(account: &str, by: &str, text: TextIn, files: Vec<Attachment>, most_characters: usize) -> Mail {
    let channel = Channel::from(text.kind);
    let answerable = text.is_answerable();
    let fingerprint = super::fingerprint(account, &text.provider_id);
    Mail {
        channel,
        writer: Some(ContactPoint { channel, address: text.from, name: text.profile_name }),
        shared: text.position.map(|point| SharedPoint { point, accuracy_m: None }),
        from: None,
        to: Vec::new(),
        delivered_to: Vec::new(),
        subject: String::new(),
        text: cut(text.body.trim(), most_characters),
        folded: String::new(),
        rfc_message_id: None,
        answers: Vec::new(),
        device_language: None,
        sent_at: text.sent_at,
        attachments: files,
        automatic: None,
        no_auto_answer: (!answerable)
            .then(|| "the sender is a name or a short number that cannot be answered".to_owned()),
        sender: SenderCheck::Verified { by: by.to_owned() },
        bounce: None,
        fingerprint,
    }
}
