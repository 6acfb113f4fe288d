//! What is looked at outside the database.

use super::Check;
use crate::app;
use crate::channels::imap::ImapSession;
use crate::channels::smtp::{Outgoing, Smtp};
use crate::config::Settings;
use crate::core::{Clock, Taxonomy};
use crate::understanding::Understanding;
use std::time::Duration;

/// Everything outside the database.
pub(super) async fn look(settings: &Settings) -> Vec<Check> {
    let mut checks = understanding(settings);
    checks.push(Check::new("calendar", calendar(settings)));
    checks.push(Check::new("clock", clock()));
    if settings.council.authserv_id.is_none() {
        let what =
            "[council] authserv_id is not set: no sender can be verified, and every acknowledgement waits for a person";
        checks.push(Check::new("sender checks", Err(what.to_owned())));
    }
    for mailbox in &settings.mailbox {
        checks.push(Check::new(format!("mailbox {}", mailbox.name), log_in(settings, mailbox).await));
    }
    for folder in &settings.folder {
        let path = settings.path(&folder.path);
        let there = path.exists();
        let said = if there { Ok(path.display().to_string()) } else { Err(format!("{} is not there", path.display())) };
        checks.push(Check::new(format!("folder {}", folder.name), said));
    }
    checks.extend(bots(settings).await);
    checks.extend(settings.portal_doubt().map(|what| Check::new("portal", Err(what.to_owned()))));
    if settings.portal.sign_on.is_some() {
        checks.push(Check::new("single sign-on", sign_on(settings).await));
    }
    checks.push(Check::new("what3words and short links", whereabouts(settings).await));
    checks.push(Check::new("outgoing relay", relay(settings).await));
    checks
}

/// Rules, models and places.
fn understanding(settings: &Settings) -> Vec<Check> {
    let (understanding, missing) = match app::understanding(settings) {
        Ok(loaded) => loaded,
        Err(why) => return vec![Check::new("rules", Err(format!("{why:#}")))],
    };
    let rules = understanding.rules();
    let said = format!("{} services, {} rules, version {}", rules.taxonomy.services.len(), rules.len(), rules.version);
    let mut checks = vec![Check::new("rules", Ok(said)), Check::new("places", Ok(places(&understanding)))];
    let sends = settings.smtp.host.is_some();
    checks.extend(samples(&rules.taxonomy).filter(|_| sends).map(|what| Check::new("departments", Err(what))));
    if let Some(version) = understanding.model_version() {
        checks.push(Check::new("shipped model", Ok(format!("version {version}"))));
    }
    checks.extend(missing.into_iter().map(|what| Check::new("model and places", Err(what))));
    checks
}

fn places(understanding: &Understanding) -> String {
    let known = understanding.places().counts();
    format!(
        "{} wards, {} postcodes, {} names, {} properties (UPRN)",
        known.wards, known.postcodes, known.names, known.uprns
    )
}

/// Departments that have the address they came with.
fn samples(taxonomy: &Taxonomy) -> Option<String> {
    let departments = taxonomy.departments.values().filter(|d| d.email.ends_with(".example"));
    let samples: Vec<&str> = departments.map(|d| d.id.as_str()).collect();
    (!samples.is_empty()).then(|| {
        format!(
            "these have sample addresses, which nobody reads: {}; correct rules/departments.toml",
            samples.join(", ")
        )
    })
}

fn calendar(settings: &Settings) -> Result<String, String> {
    let calendar = app::calendar(settings).map_err(|why| format!("{why:#}"))?;
    let today = crate::routing::deadline::received_date(Clock::System.now());
    let until = calendar.known_until();
    let said = format!("bank holidays are known until {until}");
    if (until - today).num_days() > 60 {
        Ok(said)
    } else {
        Err(format!("{said}: put a newer rules/bank-holidays.json in place"))
    }
}

fn clock() -> Result<String, String> {
    let now = Clock::System.now();
    let sane = now.format("%Y").to_string().as_str() >= "2026";
    let now = now.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    if sane { Ok(now) } else { Err(format!("{now} cannot be right: set this machine's clock")) }
}

async fn bots(settings: &Settings) -> Vec<Check> {
    let bots = match settings.bots() {
        Ok(bots) => bots,
        Err(why) => return vec![Check::new("telegram", Err(format!("{why:#}")))],
    };
    let mut checks = Vec::new();
    for (name, bot) in bots {
        let said = bot.wire.check().await.map_err(|e| e.to_string());
        checks.push(Check::new(format!("telegram {name}"), said));
    }
    checks
}

async fn sign_on(settings: &Settings) -> Result<String, String> {
    let provider = settings.sign_on().map_err(|why| format!("{why:#}"))?.ok_or("it is not set")?;
    provider.begin().await.map_err(|why| why.to_string())?;
    Ok(format!("{} says where to sign on, and with which keys it signs", provider.name()))
}

async fn whereabouts(settings: &Settings) -> Result<String, String> {
    let Some(wire) = settings.whereabouts().map_err(|why| format!("{why:#}"))? else {
        return Ok("off: nobody is asked about them, they are shown as they stand".to_owned());
    };
    wire.check().await.map_err(|why| why.to_string())?;
    let words = if settings.places.what3words_key_file.is_some() { "looked up, the key is good" } else { "off" };
    let links = if settings.places.follow_short_links { "followed" } else { "off" };
    Ok(format!("what3words addresses: {words}; short links: {links}"))
}

async fn log_in(settings: &Settings, mailbox: &crate::config::MailboxSettings) -> Result<String, String> {
    let imap = settings.imap(mailbox).map_err(|e| format!("{e:#}"))?;
    let mut session = ImapSession::open(&imap, Duration::from_secs(20)).await.map_err(|e| e.to_string())?;
    let count = session.message_count().await.map_err(|e| e.to_string())?;
    session.logout().await;
    Ok(format!("{count} messages in {}", mailbox.mailbox))
}

async fn relay(settings: &Settings) -> Result<String, String> {
    let outgoing = match (settings.smtp().map_err(|e| format!("{e:#}"))?, &settings.smtp.folder) {
        (Some(smtp), _) => Outgoing::Smtp(Smtp::new(smtp).map_err(|e| e.to_string())?),
        (None, Some(folder)) => Outgoing::Folder(settings.path(folder)),
        (None, None) => return Err("[smtp] needs either host or folder".to_owned()),
    };
    outgoing.check().await.map_err(|e| e.to_string())
}
