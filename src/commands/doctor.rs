//! `beadle doctor`: what is wrong, and what to do about it.

mod outside;

use super::{Where, say};
use crate::app;
use crate::casework::matcher::Matcher;
use crate::collect::spool::Spool;
use crate::config::Settings;
use crate::learning::shelf::Shelf;
use crate::store::lesson::SHIPPED;
use crate::store::{self, Tx};
use clap::Args;
use serde_json::json;

/// Check everything.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    place: Where,
    /// Only add up: messages in against messages accounted for.
    #[arg(long)]
    reconcile: bool,
    /// One JSON object instead.
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
struct Check {
    what: String,
    /// What is wrong and what to do, or how it fares.
    said: Result<String, String>,
}

impl Check {
    fn new(what: impl Into<String>, said: Result<String, String>) -> Self {
        Self { what: what.into(), said }
    }
}

/// Checks, prints, and gives 1 where something is wrong.
pub async fn doctor(args: DoctorArgs) -> anyhow::Result<u8> {
    let settings = args.place.settings()?;
    let mut checks = Vec::new();
    let mut add = |what: &str, said: Result<String, String>| checks.push(Check::new(what, said));
    let db = match app::database(&settings).await {
        Ok(db) => db,
        Err(why) if args.reconcile => return Err(why),
        Err(why) => {
            add("database", Err(format!("{why:#}")));
            return Ok(print(&checks, None, args.json));
        }
    };
    let mut tx = db.read().await?;
    let accounts = store::inbox::accounts(&mut tx).await?;
    let waiting = store::inbox::waiting(&mut tx).await?;
    let spool = if settings.text.is_empty() { Ok(String::new()) } else { spool(&settings).await? };
    if args.reconcile {
        if spool.is_err() {
            add("texts", spool);
        }
        let said = if accounts.unaccounted == 0 {
            Ok(format!(
                "{} received = {} new cases + {} joined + {} in quarantine + {} set aside",
                accounts.received, accounts.new_cases, accounts.joined, accounts.quarantined, accounts.set_aside
            ))
        } else {
            Err(format!(
                "{} of {} messages are not accounted for; {waiting} of them wait to be worked on (is the service running?)",
                accounts.unaccounted, accounts.received
            ))
        };
        add("messages", said);
        return Ok(print(&checks, Some(&accounts), args.json));
    }
    add("database", Ok(format!("{}, {} messages", db.kind(), accounts.received)));
    if !settings.text.is_empty() {
        add("texts", spool);
    }
    if accounts.quarantined > 0 {
        add(
            "quarantine",
            Err(format!("{} messages could not be worked on: see `beadle quarantine list`", accounts.quarantined)),
        );
    }
    for (status, n) in store::outbox::count_by_status(&mut tx).await? {
        if matches!(status.as_str(), "failed" | "uncertain") {
            add("outgoing mail", Err(format!("{n} {status}: a person has to look at /outbox on the portal")));
        }
    }
    for account in store::cursor::all(&mut tx).await? {
        if let Some(error) = account.error {
            let since = account
                .ok_at
                .map_or_else(|| "never read".to_owned(), |at| format!("last read {}", at.format("%Y-%m-%d %H:%M UTC")));
            add(&format!("account {}", account.account), Err(format!("{error} ({since})")));
        }
    }
    add("learning", learning(&settings, &mut tx).await?);
    add("matcher", matcher(&settings, &mut tx).await?);
    drop(tx);
    checks.extend(outside::look(&settings).await);
    Ok(print(&checks, Some(&accounts), args.json))
}

/// What was posted while the database was away, and is not in it yet.
async fn spool(settings: &Settings) -> anyhow::Result<Result<String, String>> {
    let spool = Spool::new(settings.spool()?);
    let folder = spool.folder().display();
    Ok(match spool.waiting().await {
        Ok(waiting) if waiting.is_empty() => Ok("none waits for the database".to_owned()),
        Ok(waiting) => Err(format!(
            "{} in {folder} are not in the database yet: the service takes them in when it can be written (is it running?)",
            waiting.len()
        )),
        Err(why) => Err(format!("{folder} cannot be read: {why}")),
    })
}

/// Which model is in force, and when it was last learned.
async fn learning(settings: &Settings, tx: &mut Tx) -> anyhow::Result<Result<String, String>> {
    let in_force = store::lesson::in_force(tx).await?;
    let last = match store::lesson::last(tx).await? {
        None => "nothing was learned here yet".to_owned(),
        Some(lesson) => {
            let put = if lesson.promoted { "put to work" } else { "no better" };
            let day = lesson.created_at.format("%Y-%m-%d %H:%M UTC");
            format!("last lesson {day}, from {} corrections: model {}, {put}", lesson.corrections, lesson.model_after)
        }
    };
    let means = match settings.learning() {
        Ok(means) => means,
        Err(why) => return Ok(Err(format!("{why:#}"))),
    };
    if in_force == SHIPPED {
        return Ok(Ok(format!("the shipped model is in force; {last}")));
    }
    let place = Shelf::new(means.folder.join("models")).place(&in_force);
    let gone = format!(
        "model {in_force} is to be in force and is not in {}: put it back, or run `beadle learn --force`",
        place.display()
    );
    Ok(if place.is_dir() { Ok(format!("model {in_force}, learned here, is in force; {last}")) } else { Err(gone) })
}

/// Which matcher is in force, and when it was last learned.
async fn matcher(settings: &Settings, tx: &mut Tx) -> anyhow::Result<Result<String, String>> {
    let in_force = store::matcher_lesson::in_force(tx).await?;
    let last = match store::matcher_lesson::last(tx).await? {
        None => "nothing was learned here yet".to_owned(),
        Some(lesson) => {
            let put = if lesson.promoted { "put to work" } else { "no better" };
            let (day, pairs) = (lesson.created_at.format("%Y-%m-%d %H:%M UTC"), lesson.same + lesson.different);
            format!("last lesson {day}, from {pairs} pairs of cases: matcher {}, {put}", lesson.matcher_after)
        }
    };
    let means = match settings.learning() {
        Ok(means) => means,
        Err(why) => return Ok(Err(format!("{why:#}"))),
    };
    if in_force == SHIPPED {
        return Ok(Matcher::among(&means.shipped)
            .map(|matcher| format!("matcher {}, as it ships, is in force; {last}", matcher.version)));
    }
    let place = Shelf::new(means.folder.join("matchers")).place(&in_force);
    let gone = format!(
        "matcher {in_force} is to be in force and is not in {}: put it back, or run `beadle learn --matcher --force`",
        place.display()
    );
    Ok(if place.is_dir() { Ok(format!("matcher {in_force}, learned here, is in force; {last}")) } else { Err(gone) })
}

fn print(checks: &[Check], accounts: Option<&store::inbox::Accounts>, as_json: bool) -> u8 {
    let wrong = checks.iter().filter(|c| c.said.is_err()).count();
    if as_json {
        let mut object = accounts.map_or_else(|| json!({}), |a| json!(a));
        object["checks"] = checks
            .iter()
            .map(|c| json!({"what": c.what, "ok": c.said.is_ok(), "said": c.said.as_ref().unwrap_or_else(|e| e)}))
            .collect();
        say(object.to_string());
    } else {
        for check in checks {
            let (mark, said) = match &check.said {
                Ok(said) => ("ok   ", said),
                Err(said) => ("WRONG", said),
            };
            say(format!("{mark}  {}: {said}", check.what));
        }
        say(if wrong == 0 { "All is well.".to_owned() } else { format!("{wrong} to be mended.") });
    }
    u8::from(wrong > 0)
}
