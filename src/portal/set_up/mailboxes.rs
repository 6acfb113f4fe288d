//! Mailboxes that are watched. A new one is tried on the spot: beadle logs in and counts the messages, or says what was wrong.

use super::super::wrong::Wrong;
use super::super::{App, Page, html, trouble::Trouble};
use super::kept::ENDING;
use super::{KeptMailbox, Mailbox, START, Standing, line, set_up, several};
use crate::channels::imap::{AfterAccept, ImapError, ImapSession, ImapSettings};
use crate::channels::{Security, WireError};
use crate::core::{Council, TokenKey};
use crate::store::session::Session;
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long each step of a log-in may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Longest of what is entered, in bytes.
const LONGEST: usize = 255;
/// The folder that is read where none is named.
const INBOX: &str = "INBOX";

struct Row {
    mailbox: Mailbox,
    councillor: String,
}

#[derive(Template)]
#[template(path = "set_up/mailboxes.html")]
struct MailboxesPage {
    page: Page,
    mailboxes: Vec<Row>,
    /// What has to be done before one can be connected.
    first: Option<First>,
    councillors: Vec<(String, String)>,
    given: NewMailbox,
    /// It was tried and did not work, and can be kept all the same.
    tried: bool,
    /// What the trial said.
    counted: Option<String>,
    wrong: Wrong,
}

/// What has to be done first: why, and where.
struct First {
    why: &'static str,
    href: &'static str,
    label: &'static str,
}

impl First {
    fn of(standing: &Standing) -> Option<Self> {
        if standing.kept.sample {
            let why = "Sample data is in, and real messages must not come among it.";
            return Some(Self { why, href: "/admin/set-up/sample", label: "Take the sample data out first" });
        }
        let why = "What comes in is acknowledged and passed on in the council’s name, and it has none yet.";
        (!standing.named).then_some(Self { why, href: "/admin/set-up/council", label: "Name the council first" })
    }
}

#[derive(Default, Deserialize)]
pub(in super::super) struct NewMailbox {
    #[serde(default)]
    host: String,
    #[serde(default)]
    port: String,
    #[serde(default)]
    security: Security,
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    mailbox: String,
    #[serde(default)]
    councillor: String,
    /// Keep it whether it works or not.
    #[serde(default)]
    anyway: bool,
}

impl NewMailbox {
    fn is(&self, security: &str) -> bool {
        matches!(
            (self.security, security),
            (Security::Tls, "tls") | (Security::StartTls, "starttls") | (Security::None, "none")
        )
    }
}

#[derive(Deserialize)]
pub(in super::super) struct Counted {
    messages: Option<u32>,
    done: Option<String>,
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(counted): Query<Counted>,
) -> Result<Response, Trouble> {
    let said = counted.messages.map(|n| {
        let messages = several(n as usize, "message", "messages");
        format!("The log-in worked: {messages} in the folder. What is there is being read now.")
    });
    draw(&app, &session, counted.done.as_deref(), NewMailbox::default(), said, None, false)
}

fn draw(
    app: &App,
    session: &Session,
    done: Option<&str>,
    given: NewMailbox,
    counted: Option<String>,
    wrong: Option<(&'static str, String)>,
    tried: bool,
) -> Result<Response, Trouble> {
    let council = &app.portal.pipeline.house.council;
    let name = |key: &str| council.councillor(key).map_or_else(|| key.to_owned(), |c| c.name.clone());
    let row = |mailbox: &Mailbox| Row {
        councillor: mailbox.councillor.as_deref().map_or_else(|| "Shared by several".to_owned(), name),
        mailbox: mailbox.clone(),
    };
    let wrong = Wrong(wrong);
    let standing = &set_up(app)?.standing;
    let page = MailboxesPage {
        page: Page::new(app, session, "set-up", wrong.title("Connect a mailbox")).with_notice(done),
        mailboxes: standing.mailboxes.iter().map(row).collect(),
        first: First::of(standing),
        councillors: councillors(council),
        given,
        tried,
        counted,
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

fn councillors(council: &Council) -> Vec<(String, String)> {
    council.councillors.iter().map(|councillor| (councillor.id.clone(), councillor.name.clone())).collect()
}

/// What a form comes to, or what is wrong with which field.
fn read(
    form: &NewMailbox,
    council: &Council,
    taken: &[Mailbox],
    key: &TokenKey,
) -> Result<KeptMailbox, (&'static str, String)> {
    let wrong = |field, text: &str| Err((field, text.to_owned()));
    let (host, user, folder) = (form.host.trim(), form.user.trim(), form.mailbox.trim());
    let plain = |text: &str| text.len() <= LONGEST && !text.chars().any(char::is_control);
    if host.is_empty() || !plain(host) || host.contains(char::is_whitespace) {
        return wrong("host", "Enter the name of the mail server, such as imap.brackenmere.gov.uk.");
    }
    let port = match form.port.trim() {
        "" => None,
        text => match text.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return wrong("port", "Enter the port as a number, such as 993, or leave it empty."),
        },
    };
    if user.is_empty() || !plain(user) {
        return wrong("user", "Enter the user name, which is often the mailbox’s email address.");
    }
    if form.password.is_empty() || !plain(&form.password) {
        return wrong("password", "Enter the password.");
    }
    if !plain(folder) {
        return wrong("mailbox", "Enter the name of a folder, or leave it empty for the inbox.");
    }
    if !form.councillor.is_empty() && council.councillor(&form.councillor).is_none() {
        return wrong("councillor", "There is no such councillor.");
    }
    let which = which(host, user, folder);
    if taken.iter().any(|one| self::which(&one.host, &one.user, &one.folder) == which) {
        return wrong("user", "This mailbox is connected already.");
    }
    Ok(KeptMailbox {
        name: name(key, &which),
        councillor: (!form.councillor.is_empty()).then(|| form.councillor.clone()),
        host: host.to_owned(),
        port,
        security: form.security,
        user: user.to_owned(),
        password: form.password.clone().into(),
        mailbox: (!folder.is_empty()).then(|| folder.to_owned()),
        read_only: true,
    })
}

/// What makes a mailbox another one: its server, its user and its folder.
fn which(host: &str, user: &str, folder: &str) -> [String; 3] {
    let folder = if folder.is_empty() || folder.eq_ignore_ascii_case(INBOX) { INBOX } else { folder };
    [host.to_lowercase(), user.to_owned(), folder.to_owned()]
}

/// The name under which it is known how far a mailbox was read: that of this one and of no other, so that whoever connects it again goes
/// on where it was. It stands in logs, so nobody can tell from it, or try out, whose it is.
fn name(key: &TokenKey, which: &[String; 3]) -> String {
    format!("mail-{}", &key.digest("mailbox", &which.join("\0"))[..12])
}

/// Logs in, and counts, unless the service is to `stop` meanwhile.
async fn try_out(mailbox: &KeptMailbox, stop: &CancellationToken) -> Result<u32, (&'static str, String)> {
    tokio::select! {
        () = stop.cancelled() => Err(("host", ENDING.to_owned())),
        tried = log_in(mailbox) => tried,
    }
}

async fn log_in(mailbox: &KeptMailbox) -> Result<u32, (&'static str, String)> {
    let folder = mailbox.mailbox.clone().unwrap_or_else(|| INBOX.to_owned());
    let settings = ImapSettings {
        host: mailbox.host.clone(),
        port: mailbox.port.unwrap_or(if mailbox.security == Security::Tls { 993 } else { 143 }),
        security: mailbox.security,
        user: mailbox.user.clone(),
        password: mailbox.password.clone(),
        mailbox: folder,
        read_only: mailbox.read_only,
        ca_file: None,
        after: AfterAccept::Leave,
    };
    let mut session = ImapSession::open(&settings, LIMIT).await.map_err(in_words)?;
    let count = session.message_count().await.map_err(in_words)?;
    session.logout().await;
    Ok(count)
}

/// What was wrong, beside the field that it is about.
fn in_words(error: ImapError) -> (&'static str, String) {
    match error {
        ImapError::Wire(WireError::Connect { host, port, why }) => {
            let why_small = why.to_lowercase();
            if ["lookup", "not known", "nodename", "no address", "name resolution"]
                .iter()
                .any(|w| why_small.contains(w))
            {
                ("host", format!("There is no server of the name {host}. Check how it is spelt."))
            } else if why_small.contains("refused") {
                (
                    "port",
                    format!("{host} does not take connections on port {port}. Check the port; 993 is usual with TLS."),
                )
            } else {
                (
                    "host",
                    format!(
                        "{host} cannot be reached on port {port} ({why}). Check the name, the port and the firewall."
                    ),
                )
            }
        }
        ImapError::Wire(WireError::Tls { host, why }) => {
            let text = format!(
                "There is no protected connection to {host} that can be trusted ({why}). Check the port and the kind of protection. \
                 If the certificate is of the council’s own authority, whoever runs beadle can name it in the settings file."
            );
            ("security", text)
        }
        ImapError::Wire(WireError::Authorities { why }) => {
            ("security", format!("This machine trusts no certificates ({why})."))
        }
        ImapError::Wire(WireError::Insecure { host }) => {
            let text = format!(
                "Without protection the password would go over the network to {host} for all to read. Choose TLS or STARTTLS."
            );
            ("security", text)
        }
        ImapError::Wire(WireError::Timeout { host, seconds, .. }) => (
            "host",
            format!("{host} did not answer within {seconds} seconds. Check the name, the port and the firewall."),
        ),
        ImapError::Login { why, .. } => {
            let text = format!(
                "The server does not accept this user name with this password ({why}). Some providers need an app password."
            );
            ("password", text)
        }
        ImapError::NoMailbox { mailbox, .. } => {
            ("mailbox", format!("There is no folder {mailbox} in this mailbox, or this user may not open it."))
        }
        other => {
            let text = other.to_string();
            ("host", format!("{}.", text.trim_end_matches('.')))
        }
    }
}

pub(in super::super) async fn connect(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(form): Form<NewMailbox>,
) -> Result<Response, Trouble> {
    let set_up = set_up(&app)?;
    if let Some(First { why, href, label }) = First::of(&set_up.standing) {
        return Err(Trouble::conflict(format!("{why} No mailbox was connected.")).back_to(href, label));
    }
    let house = &app.portal.pipeline.house;
    let mailbox = match read(&form, &house.council, &set_up.standing.mailboxes, &house.key) {
        Ok(mailbox) => mailbox,
        Err(wrong) => return draw(&app, &session, None, form, None, Some(wrong), false),
    };
    let tried = if form.anyway { None } else { Some(try_out(&mailbox, &set_up.stop).await) };
    let count = match tried {
        Some(Err(wrong)) => return draw(&app, &session, None, form, None, Some(wrong), true),
        Some(Ok(count)) => Some(count),
        None => None,
    };
    let detail =
        json!({"name": mailbox.name, "host": mailbox.host, "councillor": mailbox.councillor, "tried": count.is_some()});
    let line = line(&session, "connect mailbox", "mailboxes", detail);
    if let Err(why) = set_up.wish(line, move |kept| kept.mailbox.push(mailbox)).await {
        return draw(&app, &session, None, form, None, Some(("host", why)), false);
    }
    let more = count.map(|n| format!("&messages={n}")).unwrap_or_default();
    Ok(Redirect::to(&format!("/admin/set-up/mailboxes?done=mailbox-connected{more}")).into_response())
}

#[derive(Deserialize)]
pub(in super::super) struct Named {
    #[serde(default)]
    name: String,
}

pub(in super::super) async fn remove(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(named): Form<Named>,
) -> Result<Redirect, Trouble> {
    let set_up = set_up(&app)?;
    let name = named.name;
    if !set_up.standing.kept.mailbox.iter().any(|one| one.name == name) {
        let text = "No such mailbox was connected here. One that stands in the settings file is taken out there.";
        return Err(Trouble::not_found(text).back_to(START, "Go back"));
    }
    let line = line(&session, "disconnect mailbox", "mailboxes", json!({"name": name}));
    set_up.wish(line, move |kept| kept.mailbox.retain(|one| one.name != name)).await.map_err(Trouble::conflict)?;
    Ok(Redirect::to("/admin/set-up/mailboxes?done=mailbox-removed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Address;

    #[test]
    fn what_was_wrong_stands_beside_the_field_it_is_about() {
        let connect = |why: &str| WireError::Connect { host: "h".into(), port: 1, why: why.into() }.into();
        assert_eq!(in_words(connect("failed to lookup address information: Name or service not known")).0, "host");
        assert_eq!(in_words(connect("Connection refused (os error 111)")).0, "port");
        assert_eq!(in_words(WireError::Tls { host: "h".into(), why: "UnknownIssuer".into() }.into()).0, "security");
        assert_eq!(in_words(ImapError::Login { host: "h".into(), why: "no".into() }).0, "password");
        assert_eq!(in_words(ImapError::NoMailbox { mailbox: "X".into(), why: "no".into() }).0, "mailbox");
    }

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

    fn form(host: &str, user: &str, folder: &str) -> NewMailbox {
        let text = |text: &str| text.to_owned();
        NewMailbox {
            host: text(host),
            user: text(user),
            mailbox: text(folder),
            password: text("pw"),
            security: Security::None,
            ..NewMailbox::default()
        }
    }

    #[test]
    fn a_mailbox_has_the_same_name_each_time_and_no_other_one_has_it_and_nobody_reads_from_it_whose_it_is() {
        let council = council();
        let key = TokenKey::new(b"a key".to_vec());
        let named = |host, user, folder| read(&form(host, user, folder), &council, &[], &key).unwrap().name;
        let first = named("mail.b.example", "cllr.nowak@b.example", "");
        assert_eq!(
            first,
            named("MAIL.b.example", "cllr.nowak@b.example", "Inbox"),
            "the same mailbox goes on where it was"
        );
        let others = [
            named("mail.c.example", "cllr.nowak@b.example", ""),
            named("mail.b.example", "cllr.nowak@c.example", ""),
            named("mail.b.example", "cllr.nowak@b.example", "Residents"),
        ];
        let all: std::collections::BTreeSet<&String> = others.iter().chain([&first]).collect();
        assert_eq!(all.len(), 4, "{first} {others:?}");
        assert!(all.iter().all(|name| !name.contains("nowak") && name.len() == "mail-".len() + 12), "{all:?}");
        let elsewhere = TokenKey::new(b"another key".to_vec());
        assert_ne!(
            read(&form("mail.b.example", "cllr.nowak@b.example", ""), &council, &[], &elsewhere).unwrap().name,
            first
        );
    }

    #[test]
    fn a_mailbox_is_connected_once_whichever_way_its_folder_is_written() {
        let (council, key) = (council(), TokenKey::new(b"a key".to_vec()));
        let there = |folder: &str| Mailbox {
            name: "of-the-file".into(),
            host: "h".into(),
            user: "u".into(),
            folder: folder.into(),
            councillor: None,
            ours: false,
        };
        let again = |folder, there| read(&form("h", "u", folder), &council, &[there], &key).map(|kept| kept.name);
        assert!(again("", there("INBOX")).is_err() && again("Residents", there("Residents")).is_err());
        assert!(again("Residents", there("INBOX")).is_ok());
    }

    #[tokio::test]
    async fn a_trial_ends_when_the_service_is_to_end() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        let stop = CancellationToken::new();
        let (council, key) = (council(), TokenKey::new(b"a key".to_vec()));
        let mut mailbox = read(&form("127.0.0.1", "u", ""), &council, &[], &key).unwrap();
        mailbox.port = Some(port);
        // It answers the call and says nothing ever after.
        let stops = async {
            let held = silent.accept().await.unwrap();
            stop.cancel();
            held
        };
        let (tried, _held) = tokio::join!(try_out(&mailbox, &stop), stops);
        assert_eq!(tried, Err(("host", ENDING.to_owned())));
    }
}
