//! One SMTP conversation, step by step, so that it is known at each step what the server has got.
//!
//! `lettre` speaks the protocol, over a connection made in [`stream`].

use super::{SendError, SmtpSettings, stream};
use crate::channels::one_line;
use lettre::address::Envelope;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use std::borrow::Cow;
use std::error::Error as _;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// For each command but the message itself.
pub(super) const LIMIT: Duration = Duration::from_secs(30);
/// The slowest line on which a message still goes out.
const BYTES_A_SECOND: u64 = 16 * 1024;
/// Sign-in is missing or wrong: a matter of the settings, not of this mail (RFC 4954).
const SIGN_IN: [u16; 4] = [530, 534, 535, 538];

/// How a mail came to grief.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No conversation any more, before the message was begun.
    Lost(String),
    /// The server said no to this mail.
    Answered(SendError),
    /// No answer after the message was begun.
    Uncertain(String),
}

impl From<Trouble> for SendError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Lost(why) => Self::NotSent { why },
            Trouble::Answered(error) => error,
            Trouble::Uncertain(why) => Self::Uncertain { why },
        }
    }
}

/// A connection that is ready for a mail.
pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    /// Whether the server waits for a new mail: false from the first command of one to its good end.
    clean: bool,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("clean", &self.clean).finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects and signs in. Whatever fails here is no fault of the mail, so that all of it is
    /// [`SendError::NotSent`].
    pub(super) async fn open(settings: &SmtpSettings) -> Result<Self, SendError> {
        let not_sent = |why: String| SendError::NotSent { why };
        let hello = settings.hello_name.clone().map_or_else(ClientId::default, ClientId::Domain);
        let stream = stream::open(settings, &hello).await.map_err(not_sent)?;
        let greet = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello);
        let mut smtp = step("the greeting", greet).await.map_err(SendError::from).map_err(as_not_sent)?;
        if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
            if smtp.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                let host = &settings.host;
                return Err(not_sent(format!(
                    "{host}:{} offers no sign-in with a password (AUTH PLAIN or LOGIN); use the port for submission \
                     (587 or 465), or leave user and password out",
                    settings.port
                )));
            }
            let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
            step("the sign-in", smtp.auth(DEFAULT_MECHANISMS, &credentials))
                .await
                .map_err(|trouble| as_not_sent(trouble.into()))?;
        }
        Ok(Self { smtp, clean: true })
    }

    /// Whether another mail can go this way.
    pub(super) const fn is_clean(&self) -> bool {
        self.clean
    }

    /// Asks for a sign of life.
    pub(super) async fn noop(&mut self) -> Result<String, Trouble> {
        step("NOOP", self.smtp.command(Noop)).await.map(|answer| line(&answer))
    }

    /// Says goodbye, for at most five seconds.
    pub(super) async fn quit(mut self) {
        let _ = timeout(Duration::from_secs(5), self.smtp.quit()).await;
    }

    /// One mail, from MAIL to the answer after its last line. `message` must have come through [`as_lines`].
    pub(super) async fn send(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
        wait: Duration,
    ) -> Result<String, Trouble> {
        self.clean = false;
        let result = self.transact(envelope, message, wait).await;
        self.clean = match &result {
            Ok(_) => true,
            // The refused mail's sender and recipients are forgotten, lest they be joined to the next one.
            Err(Trouble::Answered(_)) => step("RSET", self.smtp.command(Rset)).await.is_ok(),
            Err(_) => false,
        };
        result
    }

    async fn transact(&mut self, envelope: &Envelope, message: &[u8], wait: Duration) -> Result<String, Trouble> {
        let parameters = self.parameters(envelope, message)?;
        step("MAIL", self.smtp.command(Mail::new(envelope.from().cloned(), parameters))).await?;
        self.recipients(envelope).await?;
        let answer = step("DATA", self.smtp.command(Data)).await?;
        if !answer.has_code(354) {
            return Err(Trouble::Lost(format!("the mail server answers DATA with {}", line(&answer))));
        }
        let limit = wait + Duration::from_secs(message.len() as u64 / BYTES_A_SECOND);
        match timeout(limit, self.smtp.message(message)).await {
            Ok(Ok(answer)) => Ok(line(&answer)),
            Ok(Err(error)) => match error.status() {
                Some(code) => Err(Trouble::Answered(verdict(code.into(), &words(&error)))),
                None => Err(Trouble::Uncertain(format!("no answer to the message ({})", words(&error)))),
            },
            Err(_) => Err(Trouble::Uncertain(format!("no answer to the message within {} s", limit.as_secs()))),
        }
    }

    /// What the server must be able to do for this mail.
    fn parameters(&self, envelope: &Envelope, message: &[u8]) -> Result<Vec<MailParameter>, Trouble> {
        let able = |extension| self.smtp.server_info().supports_feature(extension);
        let unable = |code, why: &str| Trouble::Answered(SendError::Refused { code, why: why.to_owned() });
        let mut parameters = Vec::new();
        if envelope.from().into_iter().chain(envelope.to()).any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !able(Extension::SmtpUtfEight) {
                return Err(unable(553, "it takes no addresses with letters beyond ASCII (SMTPUTF8)"));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !message.is_ascii() {
            if !able(Extension::EightBitMime) {
                return Err(unable(554, "it takes no 8-bit text (8BITMIME)"));
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }

    /// All recipients or none: half a mail cannot be tried again without sending it twice to the other half.
    async fn recipients(&mut self, envelope: &Envelope) -> Result<(), Trouble> {
        let all = envelope.to().len();
        let mut refused: Option<SendError> = None;
        for (number, address) in (1..).zip(envelope.to()) {
            match step("RCPT", self.smtp.command(Rcpt::new(address.clone(), Vec::new()))).await {
                Ok(_) => {}
                Err(Trouble::Answered(error)) => {
                    let of = |why: String| format!("recipient {number} of {all}: {why}");
                    let error = match error {
                        SendError::Refused { code, why } => SendError::Refused { code, why: of(why) },
                        SendError::NotSent { why } => SendError::NotSent { why: of(why) },
                        SendError::Uncertain { why } => SendError::Uncertain { why },
                    };
                    refused = Some(match (refused, error) {
                        // What is final outweighs what may pass.
                        (Some(SendError::Refused { code, why }), SendError::Refused { why: also, .. }) => {
                            SendError::Refused { code, why: format!("{why}; {also}") }
                        }
                        (Some(before @ SendError::Refused { .. }), _) => before,
                        (_, error) => error,
                    });
                }
                Err(trouble) => return Err(trouble),
            }
        }
        refused.map_or(Ok(()), |error| Err(Trouble::Answered(error)))
    }
}

/// Runs one command before the message itself.
async fn step<T>(what: &'static str, work: impl Future<Output = Result<T, SmtpError>>) -> Result<T, Trouble> {
    match timeout(LIMIT, work).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(match error.status().map(u16::from) {
            // The server is about to hang up, whatever was asked.
            Some(421) => Trouble::Lost(format!("the mail server ends the conversation at {what}: {}", words(&error))),
            Some(code) => Trouble::Answered(verdict(code, &words(&error))),
            None => Trouble::Lost(format!("the connection to the mail server failed at {what}: {}", words(&error))),
        }),
        Err(_) => Err(Trouble::Lost(format!("the mail server did not answer {what} within {} s", LIMIT.as_secs()))),
    }
}

fn verdict(code: u16, words: &str) -> SendError {
    if SIGN_IN.contains(&code) {
        let why = format!("the mail server refuses the sign-in ({code} {words}); correct user and password");
        SendError::NotSent { why }
    } else if code < 500 {
        SendError::NotSent { why: format!("the mail server puts it off ({code} {words})") }
    } else {
        SendError::Refused { code, why: words.to_owned() }
    }
}

/// Before there is a mail, no refusal can be about it.
fn as_not_sent(error: SendError) -> SendError {
    match error {
        SendError::Refused { code, why } => {
            SendError::NotSent { why: format!("the mail server turns us away ({code} {why})") }
        }
        other => other,
    }
}

/// The server's or the system's words, without the library's own.
fn words(error: &SmtpError) -> String {
    one_line(&error.source().map_or_else(|| error.to_string(), ToString::to_string))
}

fn line(answer: &Response) -> String {
    one_line(&format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" ")))
}

/// The message with every line ended by CRLF, and without the last of them, which the end of the message brings.
///
/// A lone LF or CR must not reach the wire: servers differ on whether `LF . LF` ends a message, and what follows could
/// then be a second one, made up by whoever wrote the text ("SMTP smuggling").
pub(super) fn as_lines(message: &[u8]) -> Cow<'_, [u8]> {
    let strays = message.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => *at == 0 || message[at - 1] != b'\r',
        b'\r' => message.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    let strays = strays.count();
    if strays == 0 {
        return Cow::Borrowed(message.strip_suffix(b"\r\n").unwrap_or(message));
    }
    let mut lines = Vec::with_capacity(message.len() + strays);
    let mut bytes = message.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                lines.extend_from_slice(b"\r\n");
            }
            b'\n' => lines.extend_from_slice(b"\r\n"),
            other => lines.push(other),
        }
    }
    if lines.ends_with(b"\r\n") {
        lines.truncate(lines.len() - 2);
    }
    Cow::Owned(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_lone_line_end_reaches_the_wire() {
        let same = b"a\r\n\r\n.b\r\n".as_slice();
        assert!(matches!(as_lines(same), Cow::Borrowed(b"a\r\n\r\n.b")));
        assert_eq!(&*as_lines(b"a\n.\nMAIL\r.\r\r\nb\n"), b"a\r\n.\r\nMAIL\r\n.\r\n\r\nb");
        assert_eq!(&*as_lines(b"\n"), b"");
        assert_eq!(&*as_lines(b""), b"");
        assert_eq!(&*as_lines(b"no end"), b"no end");
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_whole_lines(message in "[ab.\r\n]{0,40}") {
            let mut sent = as_lines(message.as_bytes()).into_owned();
            sent.extend(b"\r\n");
            let rest = String::from_utf8_lossy(&sent).replace("\r\n", "");
            prop_assert!(!rest.contains(['\r', '\n']), "{sent:?}");
            prop_assert_eq!(rest, message.replace(['\r', '\n'], ""));
            prop_assert_eq!(as_lines(&sent), &sent[..sent.len() - 2]);
        }
    }

    #[test]
    fn what_is_wrong_with_the_sign_in_is_not_the_mails_fault() {
        assert!(matches!(verdict(535, "no"), SendError::NotSent { .. }));
        assert!(matches!(verdict(451, "later"), SendError::NotSent { .. }));
        assert!(matches!(verdict(550, "never"), SendError::Refused { code: 550, .. }));
        let SendError::NotSent { why } = as_not_sent(verdict(554, "blocked")) else { panic!("not ours") };
        assert!(why.contains("554"), "{why}");
    }
}
