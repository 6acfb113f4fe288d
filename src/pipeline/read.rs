//! From a row's bytes to a message whose form is understood, by the way it came.

use super::{MOST_TRIES, Pipeline};
use crate::channels::SendError;
use crate::channels::telegram::{Bot, TelegramError, Update, understand};
use crate::channels::text::{TextIn, TextProvider};
use crate::core::{Attachment, Channel, Mail};
use crate::intake::call::{Call, Terms};
use crate::intake::form::Form;
use crate::intake::{mime, telegram, texts};
use crate::store::inbox::Claimed;

/// Files of one text that are fetched.
const MOST_FILES: usize = 10;

/// Why a row could not be read.
pub(super) enum Unread {
    /// It never will be: why.
    ForGood(String),
    /// Something that passes was in the way: what.
    ForNow(String),
}

impl Pipeline {
    /// Reads a row; what belongs to it and lies elsewhere is fetched.
    pub(super) async fn read(&self, row: &Claimed) -> Result<Mail, Unread> {
        let limits = &self.house.limits;
        match row.channel {
            Channel::Web => {
                let form = Form::from_bytes(&row.raw).map_err(Unread::ForGood)?;
                Ok(form.message(&row.account, &row.external_id, &self.house.council, limits))
            }
            Channel::Phone | Channel::Surgery => {
                let call = Call::from_bytes(&row.raw).map_err(Unread::ForGood)?;
                let terms = Terms { council: &self.house.council, limits, can_prove: self.house.form.is_some() };
                Ok(call.message(row.channel, &row.external_id, terms))
            }
            Channel::Letter => Err(Unread::ForGood("nothing comes in by letter".to_owned())),
            Channel::Email => mime::parse(&row.raw, limits, self.house.council.authserv_id.as_deref())
                .map_err(|why| Unread::ForGood(why.to_string())),
            Channel::Sms | Channel::Whatsapp => {
                let gone = || Unread::ForGood(format!("[[text]] \"{}\" is not in the settings any more", row.account));
                let provider = self.house.texts.get(&row.account).ok_or_else(gone)?;
                let text = provider.parse(&row.raw).map_err(|why| Unread::ForGood(why.to_string()))?;
                let files = self.files(row, provider.as_ref(), &text).await?;
                Ok(texts::message(&row.account, provider.name(), text, files, limits.max_text_chars))
            }
            Channel::Telegram => {
                let update = understand(&row.raw).map_err(|why| Unread::ForGood(why.to_string()))?;
                if let Some(why) = telegram::unreadable(&update) {
                    return Err(Unread::ForGood(why));
                }
                let files = match telegram::aside(&update) {
                    Some(_) => Vec::new(),
                    None => self.chat_file(row, &update).await?,
                };
                Ok(telegram::message(&row.account, update, files, limits.max_text_chars))
            }
        }
    }

    async fn files(
        &self,
        row: &Claimed,
        provider: &dyn TextProvider,
        text: &TextIn,
    ) -> Result<Vec<Attachment>, Unread> {
        let limits = &self.house.limits;
        let mut files = Vec::new();
        for (media, number) in text.media.iter().zip(1..).take(MOST_FILES) {
            let fetched = provider.media(media, limits.max_attachment_bytes).await;
            let file = |content_type: &str, bytes| mime::file(None, content_type, bytes, number, limits);
            files.push(match fetched {
                Ok((bytes, content_type)) => file(&content_type, bytes),
                // The words are worth more than the picture: they do not wait for it for ever.
                Err(error @ (SendError::Busy { .. } | SendError::TryAgain { .. })) if row.attempts < MOST_TRIES => {
                    return Err(Unread::ForNow(format!("a file of it cannot be fetched: {error}")));
                }
                Err(error) => {
                    let refused = Some(format!("it could not be fetched: {error}"));
                    Attachment { refused, ..file(&media.content_type, Vec::new()) }
                }
            });
        }
        Ok(files)
    }

    /// The file of an update, fetched from Telegram.
    async fn chat_file(&self, row: &Claimed, update: &Update) -> Result<Vec<Attachment>, Unread> {
        let Some(away) = telegram::file_of(update) else { return Ok(Vec::new()) };
        let gone = || Unread::ForGood(format!("[[telegram]] \"{}\" is not in the settings any more", row.account));
        let bot: &Bot = self.house.telegram.get(&row.account).ok_or_else(gone)?;
        let limits = &self.house.limits;
        let file = |bytes| mime::file(away.name, away.content_type, bytes, 1, limits);
        let fetched = bot.wire.file(&away.file.id, limits.max_attachment_bytes as u64).await;
        Ok(vec![match fetched {
            Ok((bytes, _)) => file(bytes),
            // The words are worth more than the picture: they do not wait for it for ever.
            Err(error)
                if row.attempts < MOST_TRIES
                    && !matches!(error, TelegramError::TooLarge { .. } | TelegramError::Refused { .. }) =>
            {
                return Err(Unread::ForNow(format!("a file of it cannot be fetched: {error}")));
            }
            Err(error) => Attachment { refused: Some(format!("it could not be fetched: {error}")), ..file(Vec::new()) },
        }])
    }
}
