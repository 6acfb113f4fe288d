//! `/admin/channels`: how each way in and out fares: when it was last read, what went wrong and since when, and what waits. It counts; nobody's
//! name, address or word is on it.

use super::super::{App, Page, format, html, trouble::Trouble};
use crate::core::Channel;
use crate::store::cursor::Cursor;
use crate::store::health::{self, Backlog, Unsent};
use crate::store::{self, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};

/// An account that is read by itself and was not for so long has stopped.
const STALE: TimeDelta = TimeDelta::minutes(30);
/// Digits in a row that may be somebody's telephone number.
const MANY_DIGITS: usize = 6;

/// A way in, as the settings have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name in the settings.
    pub name: String,
    /// What it is: "Mailbox", "Folder".
    pub kind: &'static str,
    /// Where it is: host or folder; empty where that says nothing.
    pub at: String,
    /// Whether beadle fetches from it; else what comes is brought.
    pub fetched: bool,
}

/// The ways in and out, as the settings have them.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    /// In.
    pub accounts: Vec<Account>,
    /// Where mail goes out.
    pub relay: String,
}

struct InRow {
    name: String,
    about: String,
    /// In words and as the look of a tag.
    tag: (&'static str, &'static str),
    trouble: Option<String>,
    read: String,
    newest: String,
    waiting: i64,
    quarantined: i64,
}

struct OutRow {
    name: &'static str,
    about: String,
    tag: (&'static str, &'static str),
    trouble: Option<String>,
    sent: String,
    queued: String,
    held: i64,
    failed: i64,
    uncertain: i64,
}

#[derive(Template)]
#[template(path = "admin_channels.html")]
struct ChannelsPage {
    page: Page,
    ins: Vec<InRow>,
    outs: Vec<OutRow>,
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let cursors = store::cursor::all(&mut tx).await?;
    let newest = health::newest_messages(&mut tx).await?;
    let backlog = health::backlog(&mut tx).await?;
    let unsent = health::unsent(&mut tx).await?;
    let sent = health::newest_sent(&mut tx).await?;
    let mut troubles = Vec::new();
    for one in unsent.iter().filter(|one| one.again + one.failed + one.uncertain > 0) {
        if let Some(why) = health::trouble(&mut tx, &one.channel).await? {
            troubles.push((one.channel.clone(), format::sentence(&without_people(&why))));
        }
    }
    drop(tx);
    let ways = &app.portal.ways;
    let known = |name: &String| ways.accounts.iter().any(|account| account.name == *name);
    let elsewhere = newest.iter().map(|(name, _)| name).filter(|name| !known(name)).map(|name| Account {
        name: name.clone(),
        kind: if *name == crate::intake::call::ACCOUNT {
            "Calls that were written down"
        } else {
            "Not in the settings"
        },
        at: String::new(),
        fetched: false,
    });
    let accounts: Vec<Account> = ways.accounts.iter().cloned().chain(elsewhere).collect();
    let ins = accounts.into_iter().map(|account| {
        let cursor = cursors.iter().find(|cursor| cursor.account == account.name);
        let last = newest.iter().find(|(name, _)| *name == account.name).map(|(_, at)| *at);
        in_row(&account, cursor, last, backlog.iter().find(|one| one.account == account.name), app.now())
    });
    let outs = Channel::ALL.iter().filter_map(|channel| {
        let waits = unsent.iter().find(|one| one.channel == channel.as_str());
        let last = sent.iter().find(|(name, _)| name == channel.as_str()).map(|(_, at)| *at);
        // Mail is always there; another channel where it has something to tell.
        let there = *channel == Channel::Email || waits.is_some() || last.is_some();
        let trouble = troubles.iter().find(|(name, _)| name == channel.as_str()).map(|(_, why)| why.clone());
        there.then(|| out_row(*channel, waits, last, trouble, &ways.relay))
    });
    let page = ChannelsPage {
        page: Page::new(&app, &session, "admin/channels", "Channels"),
        ins: ins.collect(),
        outs: outs.collect(),
    };
    Ok(html(&page)?.into_response())
}

fn or_never(at: Option<DateTime<Utc>>, never: &str) -> String {
    at.map_or_else(|| never.to_owned(), format::when)
}

fn in_row(
    account: &Account,
    cursor: Option<&Cursor>,
    last: Option<DateTime<Utc>>,
    backlog: Option<&Backlog>,
    now: DateTime<Utc>,
) -> InRow {
    let read = cursor.and_then(|cursor| cursor.ok_at);
    let error = cursor.and_then(|cursor| cursor.error.as_deref());
    let tag = match (error, read) {
        (Some(_), _) => ("Fails", "late"),
        (None, None) if account.fetched => ("Not read yet", "waiting"),
        (None, Some(read)) if account.fetched && now - read > STALE => ("Not read lately", "held"),
        (None, _) if !account.fetched && last.is_none() => ("Nothing came yet", "quiet"),
        (None, _) => ("Works", "done"),
    };
    let since =
        || read.map_or_else(|| "It was never read.".to_owned(), |at| format!("It was last read {}.", format::when(at)));
    InRow {
        name: account.name.clone(),
        about: if account.at.is_empty() {
            account.kind.to_owned()
        } else {
            format!("{} at {}", account.kind, account.at)
        },
        tag,
        trouble: error
            .map(|why| format!("{}. {}", format::sentence(&without_people(why)).trim_end_matches('.'), since())),
        read: if account.fetched { or_never(read, "Never") } else { "Messages are brought".to_owned() },
        newest: or_never(last, "None yet"),
        waiting: backlog.map_or(0, |one| one.waiting),
        quarantined: backlog.map_or(0, |one| one.quarantined),
    }
}

fn out_row(
    channel: Channel,
    unsent: Option<&Unsent>,
    last: Option<DateTime<Utc>>,
    trouble: Option<String>,
    relay: &str,
) -> OutRow {
    let count = |of: fn(&Unsent) -> i64| unsent.map_or(0, of);
    let (failed, uncertain, again) = (count(|one| one.failed), count(|one| one.uncertain), count(|one| one.again));
    let tag = match (again, failed + uncertain) {
        (1.., _) => ("Tried again", "late"),
        (0, 1..) => ("To be looked at", "held"),
        _ if last.is_some() => ("Works", "done"),
        _ => ("Nothing sent yet", "quiet"),
    };
    let queued = match (count(|one| one.queued), unsent.and_then(|one| one.oldest)) {
        (n, Some(oldest)) if n > 0 => format!("{n}, the oldest since {}", format::when(oldest)),
        (n, _) => n.to_string(),
    };
    OutRow {
        name: channel.label(),
        about: if channel == Channel::Email { relay.to_owned() } else { String::new() },
        tag,
        trouble,
        sent: or_never(last, "None yet"),
        queued,
        held: count(|one| one.held),
        failed,
        uncertain,
    }
}

/// What a server said, without addresses and telephone numbers: whoever administers does not read those.
fn without_people(text: &str) -> String {
    let is_somebody = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        word.contains('@') || digits >= MANY_DIGITS && !word.contains([':', '/'])
    };
    let words = text.split_whitespace().map(|word| if is_somebody(word) { "(an address)" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_said_names_nobody() {
        assert_eq!(
            without_people("450 4.2.0 <ann@fenmail.example>: try later (+447700900123)"),
            "450 4.2.0 (an address) try later (an address)"
        );
        assert_eq!(without_people("connection to 127.0.0.1:60143 refused"), "connection to 127.0.0.1:60143 refused");
    }
}
