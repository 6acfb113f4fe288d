//! The conversation with one server: a command, its answers, and what the server says unasked.

use super::{ImapError, ImapSettings, Woken};
use crate::channels::one_line;
use crate::channels::tls::Wire;
use async_imap::error::Error as ClientError;
use async_imap::imap_proto::{MailboxDatum, Outcome, RequestId, Response, ResponseCode, Status};
use async_imap::{Authenticator, Client, Connection, Session};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How a command ended.
#[derive(Debug)]
pub(super) enum Reply {
    /// Done. `read_only` where the server opened the mailbox so.
    Done { read_only: bool },
    /// Refused, and why; `try_create` where it would go if the folder named were there.
    No { try_create: bool, why: String },
}

impl Reply {
    pub(super) fn accepted(self, what: &'static str) -> Result<(), ImapError> {
        match self {
            Self::Done { .. } => Ok(()),
            Self::No { why, .. } => Err(ImapError::Refused { what, why }),
        }
    }
}

/// What the server has told of the mailbox, asked or not.
#[derive(Debug, Default)]
pub(super) struct State {
    /// How many messages there are.
    pub(super) exists: u32,
    /// Something arrived since this was last put down.
    pub(super) fresh: bool,
    /// Known once the mailbox is open.
    pub(super) uid_validity: Option<u32>,
    renumbered: bool,
    farewell: Option<String>,
}

impl State {
    fn note(&mut self, answer: &Response<'_>) {
        match answer {
            Response::MailboxData(MailboxDatum::Exists(count)) => {
                self.fresh |= *count > self.exists;
                self.exists = *count;
            }
            Response::Expunge(_) => self.exists = self.exists.saturating_sub(1),
            Response::Data { status: Status::Bye, outcome } => self.farewell = Some(said(outcome)),
            Response::Data { outcome, .. } => {
                if let (Some(ResponseCode::UidValidity(now)), Some(before)) = (&outcome.code, self.uid_validity) {
                    self.renumbered |= *now != before;
                }
            }
            _ => {}
        }
    }
}

/// A connection that is logged in.
pub(super) struct Link {
    session: Session<Box<dyn Wire>>,
    pub(super) state: State,
    limit: Duration,
    /// After a failure answers may still come that belong to the command before: nothing more is asked.
    broken: bool,
}

impl Link {
    /// Gives name and password, by LOGIN, or by AUTHENTICATE PLAIN where they are not ASCII and LOGIN cannot say them.
    pub(super) async fn log_in(
        client: Client<Box<dyn Wire>>,
        settings: &ImapSettings,
        limit: Duration,
    ) -> Result<Self, ImapError> {
        let what = "the log-in";
        let (user, password) = (settings.user.as_str(), settings.password.reveal());
        let work = async {
            if user.is_ascii() && password.is_ascii() {
                client.login(user, password).await
            } else {
                client.authenticate("PLAIN", Plain(format!("\0{user}\0{password}"))).await
            }
        };
        let answer = timeout(limit, work).await.map_err(|_| ImapError::Timeout { what, seconds: limit.as_secs() })?;
        let session = answer.map_err(|(error, _)| match failure(what, error) {
            ImapError::Refused { why, .. } if !passing(&why) => ImapError::Login { host: settings.host.clone(), why },
            other => other,
        })?;
        Ok(Self { session, state: State::default(), limit, broken: false })
    }

    pub(super) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Runs one command and shows `take` every answer that comes before its end.
    pub(super) async fn command(
        &mut self,
        what: &'static str,
        command: &str,
        take: impl FnMut(&Response<'_>),
    ) -> Result<Reply, ImapError> {
        self.long_command(what, command, self.limit, take).await
    }

    /// As [`Self::command`], with its own time limit.
    pub(super) async fn long_command(
        &mut self,
        what: &'static str,
        command: &str,
        limit: Duration,
        take: impl FnMut(&Response<'_>),
    ) -> Result<Reply, ImapError> {
        if self.broken {
            return Err(ImapError::Closed { what, why: ": an earlier command failed".to_owned() });
        }
        self.broken = true;
        let work = async {
            let tag = self.session.run_command(command).await.map_err(|error| failure(what, error))?;
            finish(&mut self.session, &mut self.state, what, &tag, take).await
        };
        let reply = timeout(limit, work).await.map_err(|_| ImapError::Timeout { what, seconds: limit.as_secs() })??;
        if self.state.renumbered {
            return Err(ImapError::Renumbered);
        }
        self.broken = false;
        Ok(reply)
    }

    /// Lets the server speak until it tells of new mail, `renewal` is over or `stop` is cancelled. `None` where the
    /// server does not want to, or has enough of it.
    pub(super) async fn idle(
        &mut self,
        renewal: Duration,
        stop: &CancellationToken,
    ) -> Result<Option<Woken>, ImapError> {
        let what = "IDLE";
        let late = |_| ImapError::Timeout { what, seconds: self.limit.as_secs() };
        if self.broken {
            return Err(ImapError::Closed { what, why: ": an earlier command failed".to_owned() });
        }
        self.broken = true;
        let (session, state) = (&mut self.session, &mut self.state);
        let begin = async {
            let tag = session.run_command("IDLE").await.map_err(|error| failure(what, error))?;
            loop {
                match hear(session, state, what, &tag, &mut |_| ()).await? {
                    Heard::GoOn => return Ok(Some(tag)),
                    Heard::End(_) => return Ok::<_, ImapError>(None),
                    Heard::News => {}
                }
            }
        };
        let Some(tag) = timeout(self.limit, begin).await.map_err(late)?? else {
            self.broken = false;
            return Ok(None);
        };
        let over = sleep(renewal);
        tokio::pin!(over);
        let mut woken = Woken::Time;
        let mut ignore = |_: &Response<'_>| ();
        while !state.fresh {
            tokio::select! {
                biased;
                () = stop.cancelled() => { woken = Woken::Stopped; break }
                () = &mut over => break,
                // What is read stays in the session's buffer when another branch is taken.
                heard = hear(session, state, what, &tag, &mut ignore) => if let Heard::End(_) = heard? {
                    self.broken = false;
                    return Ok(None);
                },
            }
        }
        let end = async {
            session.run_command_untagged("DONE").await.map_err(|error| failure(what, error))?;
            finish(session, state, what, &tag, |_| ()).await
        };
        timeout(self.limit, end).await.map_err(late)??.accepted(what)?;
        self.broken = false;
        Ok(Some(if woken == Woken::Time && self.state.fresh { Woken::Mail } else { woken }))
    }
}

/// One answer: the server waits for us, tells something, or the command is over.
enum Heard {
    GoOn,
    News,
    End(Reply),
}

async fn hear(
    session: &mut Session<Box<dyn Wire>>,
    state: &mut State,
    what: &'static str,
    tag: &RequestId,
    take: &mut impl FnMut(&Response<'_>),
) -> Result<Heard, ImapError> {
    let Some(answer) = session.read_response().await.map_err(|error| cut(what, &error))? else {
        let why = state.farewell.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
        return Err(ImapError::Closed { what, why });
    };
    match answer.parsed() {
        Response::Continue(_) => Ok(Heard::GoOn),
        Response::Done { tag: of, status, outcome } if of == tag => ending(what, status, outcome).map(Heard::End),
        other => {
            state.note(other);
            take(other);
            Ok(Heard::News)
        }
    }
}

async fn finish(
    session: &mut Session<Box<dyn Wire>>,
    state: &mut State,
    what: &'static str,
    tag: &RequestId,
    mut take: impl FnMut(&Response<'_>),
) -> Result<Reply, ImapError> {
    loop {
        if let Heard::End(reply) = hear(session, state, what, tag, &mut take).await? {
            return Ok(reply);
        }
    }
}

fn ending(what: &'static str, status: &Status, outcome: &Outcome<'_>) -> Result<Reply, ImapError> {
    match status {
        Status::Ok => Ok(Reply::Done { read_only: outcome.code == Some(ResponseCode::ReadOnly) }),
        Status::No => Ok(Reply::No { try_create: outcome.code == Some(ResponseCode::TryCreate), why: said(outcome) }),
        _ => Err(ImapError::Protocol { what, why: said(outcome) }),
    }
}

fn said(outcome: &Outcome<'_>) -> String {
    one_line(outcome.information.as_deref().unwrap_or_default())
}

/// Waits for the first word of a server.
pub(super) async fn greeting<T>(client: &mut Connection<T>, limit: Duration) -> Result<(), ImapError>
where
    T: AsyncRead + AsyncWrite + Unpin + std::fmt::Debug,
{
    let what = "the greeting";
    let heard = timeout(limit, client.read_response())
        .await
        .map_err(|_| ImapError::Timeout { what, seconds: limit.as_secs() })?
        .map_err(|error| cut(what, &error))?;
    let Some(answer) = heard else { return Err(ImapError::Closed { what, why: String::new() }) };
    match answer.parsed() {
        Response::Data { status: Status::Ok, .. } => Ok(()),
        Response::Data { status: Status::Bye, outcome } => {
            Err(ImapError::Closed { what, why: format!(": {}", said(outcome)) })
        }
        _ => Err(ImapError::Protocol { what, why: "it is none of IMAP".to_owned() }),
    }
}

/// What went wrong, by the client library's account.
pub(super) fn failure(what: &'static str, error: ClientError) -> ImapError {
    match error {
        ClientError::Io(error) => cut(what, &error),
        ClientError::No(why) => ImapError::Refused { what, why: information(&why) },
        ClientError::Bad(why) => ImapError::Protocol { what, why: information(&why) },
        ClientError::ConnectionLost => ImapError::Closed { what, why: String::new() },
        ClientError::Validate(_) => {
            ImapError::Protocol { what, why: "a user name or password cannot have a line break".to_owned() }
        }
        // The library's own words can hold what the server sent, and that can be a mail.
        _ => ImapError::Protocol { what, why: "its answer cannot be read".to_owned() },
    }
}

/// A failed read or write. What cannot be parsed comes as [`io::ErrorKind::Other`] with the bytes in its text.
fn cut(what: &'static str, error: &io::Error) -> ImapError {
    match error.kind() {
        io::ErrorKind::Other => ImapError::Protocol { what, why: "its answer cannot be read".to_owned() },
        io::ErrorKind::UnexpectedEof => ImapError::Closed { what, why: String::new() },
        _ => ImapError::Closed { what, why: format!(": {}", one_line(&error.to_string())) },
    }
}

/// The server's words out of the library's `code: …, info: Some("…")`.
fn information(text: &str) -> String {
    let words = text.split_once("info: Some(\"").and_then(|(_, rest)| rest.rsplit_once("\")")).map(|(words, _)| words);
    one_line(words.unwrap_or("no reason given"))
}

/// Whether a refusal is of the kind that passes (RFC 5530).
pub(super) fn passing(why: &str) -> bool {
    ["[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]"].iter().any(|code| why.contains(code))
}

/// SASL PLAIN (RFC 4616): everything in the first answer.
struct Plain(String);

impl Authenticator for Plain {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        self.0.clone()
    }
}
