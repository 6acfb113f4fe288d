//! Email in: one mailbox on an IMAP server.
//!
//! A message is known by mailbox, UIDVALIDITY and UID, never by its place in the list, which shifts. The caller keeps
//! the cursor: [`ImapSession::fetch_after`] reads without a trace (`BODY.PEEK[]`), the caller commits bytes and cursor
//! in one transaction, and only then [`ImapSession::settle`] flags or moves. Where [`ImapSession::uid_validity`] is not
//! what the cursor was kept for, the server has renumbered: begin again after 0, and let the inbox drop what it has.
//!
//! Commands go through `link.rs`, not through `async-imap`'s own helpers: those take a connection that was cut, and a
//! refusal, for an empty answer, so that a mailbox would seem to have no new mail for ever.

mod error;
mod fetch;
mod link;
mod words;

pub use error::ImapError;
pub use fetch::{FetchLimits, Fetched};

use crate::channels::tls::{self, Wire};
use crate::channels::{Secret, Security};
use async_imap::Client;
use async_imap::imap_proto::{Capability, Response, ResponseCode, Status};
use link::{Link, Reply};
use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// IDLE is begun anew well before the 29 minutes after which servers hang up (RFC 2177), and before the quarter of an
/// hour after which many routers forget a silent connection.
const IDLE_RENEWAL: Duration = Duration::from_secs(9 * 60);
/// Longest list of UIDs in one command: some servers take no line above 8,000 bytes.
const UIDS_A_COMMAND: usize = 500;

/// Where a mailbox is and how it is used.
#[derive(Clone, Debug)]
pub struct ImapSettings {
    /// Host name or address; the server's certificate must be made out to it.
    pub host: String,
    /// Port: 993 for `tls`, 143 for `starttls`.
    pub port: u16,
    /// Protection; `none` is refused for every host but this machine.
    pub security: Security,
    /// Name to log in with.
    pub user: String,
    /// Password.
    pub password: Secret,
    /// Mailbox to read, such as `INBOX`, as people write it (it is encoded for the server here).
    pub mailbox: String,
    /// Opened by EXAMINE, so that nothing whatever is changed on the server.
    pub read_only: bool,
    /// PEM file with certificates to trust besides this machine's.
    pub ca_file: Option<PathBuf>,
    /// What becomes of a message in the mailbox once it is committed here.
    pub after: AfterAccept,
}

/// What becomes of a message in the mailbox once it is committed here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AfterAccept {
    /// It stays as it is.
    #[default]
    Leave,
    /// It is flagged as read.
    Seen,
    /// It is moved to this mailbox, which is made if it is not there.
    Move(String),
}

/// Why [`ImapSession::wait`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The server says that there is something new.
    Mail,
    /// Time to look, in case the server said nothing.
    Time,
    /// The service is ending.
    Stopped,
}

/// A session that is logged in, with its mailbox open.
pub struct ImapSession {
    link: Link,
    read_only: bool,
    after: AfterAccept,
    uid_validity: u32,
    uid_next: Option<u32>,
    writable: bool,
    can: Abilities,
    found: fetch::Found,
}

#[derive(Clone, Copy, Debug, Default)]
struct Abilities {
    idle: bool,
    moves: bool,
    uid_plus: bool,
}

impl fmt::Debug for ImapSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImapSession").field("uid_validity", &self.uid_validity).finish_non_exhaustive()
    }
}

impl ImapSession {
    /// Connects, logs in and opens the mailbox. `limit` is for each step: the connection, TLS, and every command of
    /// this session; a command that fetches mail gets a second more for each 16 KiB that it asks for.
    ///
    /// # Errors
    /// All of [`ImapError`] but `Refused` for a reason that stands in the settings.
    pub async fn open(settings: &ImapSettings, limit: Duration) -> Result<Self, ImapError> {
        tls::permit(settings.security, &settings.host)?;
        let client = greeted(settings, limit).await?;
        let mut link = Link::log_in(client, settings, limit).await?;
        let can = abilities(&mut link).await?;
        let mut session = Self {
            link,
            read_only: settings.read_only,
            after: settings.after.clone(),
            uid_validity: 0,
            uid_next: None,
            writable: false,
            can,
            found: fetch::Found::default(),
        };
        session.select(&settings.mailbox).await?;
        Ok(session)
    }

    async fn select(&mut self, mailbox: &str) -> Result<(), ImapError> {
        let verb = if self.read_only { "EXAMINE" } else { "SELECT" };
        let (mut validity, mut next, mut sticky) = (None, None, true);
        let command = format!("{verb} {}", words::mailbox(mailbox));
        let reply = self
            .link
            .command("the mailbox", &command, |answer| {
                if let Response::Data { status: Status::Ok, outcome } = answer {
                    match outcome.code {
                        Some(ResponseCode::UidValidity(number)) => validity = Some(number),
                        Some(ResponseCode::UidNext(number)) => next = Some(number),
                        Some(ResponseCode::UidNotSticky) => sticky = false,
                        _ => {}
                    }
                }
            })
            .await?;
        match reply {
            Reply::Done { read_only } => self.writable = !read_only,
            Reply::No { why, .. } => return Err(ImapError::NoMailbox { mailbox: mailbox.to_owned(), why }),
        }
        let unfit = |why: &str| ImapError::Protocol { what: "the mailbox", why: why.to_owned() };
        if !sticky {
            return Err(unfit("it gives a message another UID in each session, so that none can be known again"));
        }
        self.uid_validity = validity.ok_or_else(|| unfit("it gives no UIDVALIDITY"))?;
        self.link.state.uid_validity = Some(self.uid_validity);
        self.uid_next = next;
        Ok(())
    }

    /// The number under which UIDs hold; another one than before means that the server has renumbered the mailbox.
    #[must_use]
    pub const fn uid_validity(&self) -> u32 {
        self.uid_validity
    }

    /// How many messages the mailbox holds, asked anew.
    ///
    /// # Errors
    /// As any command.
    pub async fn message_count(&mut self) -> Result<u32, ImapError> {
        self.link.command("a sign of life", "NOOP", |_| ()).await?.accepted("a sign of life")?;
        Ok(self.link.state.exists)
    }

    /// After the commit: flags or moves these messages, as the settings say. Does nothing in a read-only session.
    /// Messages that are gone by now are passed over, so that this can be repeated after a crash.
    ///
    /// # Errors
    /// As any command; [`ImapError::Refused`] too where the server lets this user only read the mailbox. The mail is
    /// safe then, and this may be repeated with the same UIDs.
    pub async fn settle(&mut self, uids: &[u32]) -> Result<(), ImapError> {
        if self.read_only || self.after == AfterAccept::Leave || uids.is_empty() {
            return Ok(());
        }
        if !self.writable {
            let why = "this user may only read the mailbox: set read_only = true, or have the right to write granted";
            return Err(ImapError::Refused { what: "to change messages", why: why.to_owned() });
        }
        let after = self.after.clone();
        for uids in uids.chunks(UIDS_A_COMMAND) {
            let set = words::set(uids);
            match &after {
                AfterAccept::Leave => {}
                AfterAccept::Seen => {
                    self.tell("to flag messages", &format!("UID STORE {set} +FLAGS.SILENT (\\Seen)")).await?
                }
                AfterAccept::Move(folder) => self.move_to(&set, folder).await?,
            }
        }
        Ok(())
    }

    async fn tell(&mut self, what: &'static str, command: &str) -> Result<(), ImapError> {
        self.link.command(what, command, |_| ()).await?.accepted(what)
    }

    /// By MOVE, or in its three parts. Without UIDPLUS the last part is left out, since a plain EXPUNGE would also
    /// remove what the councillor has marked: the message stays behind, marked as deleted.
    async fn move_to(&mut self, set: &str, folder: &str) -> Result<(), ImapError> {
        let what = "to move messages";
        let folder = words::mailbox(folder);
        let command = format!("UID {} {set} {folder}", if self.can.moves { "MOVE" } else { "COPY" });
        match self.link.command(what, &command, |_| ()).await? {
            Reply::No { try_create: true, .. } => {
                self.tell("to make the folder", &format!("CREATE {folder}")).await?;
                self.tell(what, &command).await?;
            }
            reply => reply.accepted(what)?,
        }
        if !self.can.moves {
            self.tell(what, &format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)")).await?;
            if self.can.uid_plus {
                self.tell(what, &format!("UID EXPUNGE {set}")).await?;
            }
        }
        Ok(())
    }

    /// Waits until something new may be there: by IDLE where the server has it, for at most 9 minutes, else for
    /// `poll`. Comes back at once when something arrived since the last look, and when `stop` is cancelled.
    ///
    /// Whatever it says but [`Woken::Stopped`], fetch until there is nothing, and wait again.
    ///
    /// # Errors
    /// [`ImapError::Closed`] where the server ended the connection meanwhile, else as any command.
    pub async fn wait(&mut self, poll: Duration, stop: &CancellationToken) -> Result<Woken, ImapError> {
        if stop.is_cancelled() {
            return Ok(Woken::Stopped);
        }
        if self.link.state.fresh {
            return Ok(Woken::Mail);
        }
        if self.can.idle
            && let Some(woken) = self.link.idle(IDLE_RENEWAL, stop).await?
        {
            return Ok(woken);
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Woken::Stopped),
            () = sleep(poll) => {}
        }
        self.message_count().await?;
        Ok(if self.link.state.fresh { Woken::Mail } else { Woken::Time })
    }

    /// Says goodbye, for at most five seconds; whether the server hears it does not matter.
    pub async fn logout(mut self) {
        let _ = timeout(Duration::from_secs(5), self.link.command("the farewell", "LOGOUT", |_| ())).await;
    }
}

/// How the inbox names a message: unique within an account, and the same each time it is fetched.
#[must_use]
pub fn external_id(mailbox: &str, uid_validity: u32, uid: u32) -> String {
    // INBOX alone is the same in every case of its letters (RFC 3501, 5.1).
    let mailbox = if mailbox.eq_ignore_ascii_case("INBOX") { "INBOX" } else { mailbox };
    format!("{mailbox}/{uid_validity}/{uid}")
}

/// Connects up to the point where a name may be given.
async fn greeted(settings: &ImapSettings, limit: Duration) -> Result<Client<Box<dyn Wire>>, ImapError> {
    let plain = tls::connect(&settings.host, settings.port, limit).await?;
    let secured = async |plain| tls::secure(plain, &settings.host, settings.ca_file.clone(), limit).await;
    let wire: Box<dyn Wire> = match settings.security {
        Security::Tls => Box::new(secured(plain).await?),
        Security::None => Box::new(plain),
        // Its greeting came before TLS, and there is no other.
        Security::StartTls => return Ok(Client::new(Box::new(secured(start_tls(plain, limit).await?).await?))),
    };
    let mut client = Client::new(wire);
    link::greeting(&mut client, limit).await?;
    Ok(client)
}

/// Whatever the other side has put behind its consent is dropped with the client: it was not under TLS.
async fn start_tls(plain: TcpStream, limit: Duration) -> Result<TcpStream, ImapError> {
    let what = "STARTTLS";
    let mut client = Client::new(plain);
    link::greeting(&mut client, limit).await?;
    match timeout(limit, client.run_command_and_check_ok("STARTTLS", None)).await {
        Ok(Ok(())) => Ok(client.into_inner()),
        Ok(Err(error)) => Err(link::failure(what, error)),
        Err(_) => Err(ImapError::Timeout { what, seconds: limit.as_secs() }),
    }
}

async fn abilities(link: &mut Link) -> Result<Abilities, ImapError> {
    let what = "what it can do";
    let mut can = Abilities::default();
    let note = |answer: &Response<'_>| {
        let Response::Capabilities(list) = answer else { return };
        for capability in list {
            if let Capability::Atom(name) = capability {
                can.idle |= name.eq_ignore_ascii_case("IDLE");
                can.moves |= name.eq_ignore_ascii_case("MOVE");
                can.uid_plus |= name.eq_ignore_ascii_case("UIDPLUS");
            }
        }
    };
    link.command(what, "CAPABILITY", note).await?.accepted(what)?;
    Ok(can)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_one_name_however_its_mailbox_is_written() {
        assert_eq!(external_id("inbox", 7, 42), "INBOX/7/42");
        assert_eq!(external_id("Ward/Casework", 7, 42), "Ward/Casework/7/42");
    }

    #[test]
    fn what_happens_after_acceptance_is_set_in_words() {
        let read = |text: &str| serde_json::from_str::<AfterAccept>(text).ok();
        assert_eq!(read("\"leave\""), Some(AfterAccept::Leave));
        assert_eq!(read("\"seen\""), Some(AfterAccept::Seen));
        assert_eq!(read(r#"{"move":"Done"}"#), Some(AfterAccept::Move("Done".to_owned())));
        assert_eq!(read("\"delete\""), None);
    }
}
