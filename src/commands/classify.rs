//! `beadle classify FILE|-`: one message's verdict, as a person would read it.

use super::{Where, home, say};
use crate::app;
use crate::config::Settings;
use crate::core::verdict::Reason;
use crate::core::{Disposition, Verdict};
use crate::intake::mime::{self, MimeLimits};
use crate::intake::photo;
use crate::routing;
use crate::understanding::Question;
use anyhow::Context as _;
use clap::Args;
use std::io::Read as _;
use std::path::PathBuf;

/// Judge one message.
#[derive(Debug, Args)]
pub struct ClassifyArgs {
    /// A mail or a plain text; `-` for standard input.
    file: PathBuf,
    /// One JSON object instead.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Judges and prints.
pub async fn classify(args: ClassifyArgs) -> anyhow::Result<u8> {
    let mut bytes = Vec::new();
    if args.file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(&args.file).with_context(|| format!("{} cannot be read", args.file.display()))?;
    }
    let settings = match args.place.settings() {
        Ok(settings) => settings,
        Err(why) if args.place.config.is_some() || args.place.dir.is_some() => return Err(why),
        Err(_) => sample_settings()?,
    };
    let (understanding, missing) = app::understanding(&settings)?;
    for what in &missing {
        super::progress(format!("beadle: {what}"));
    }
    let question = question(&bytes);
    let verdicts = understanding.judge(std::slice::from_ref(&question)).await;
    let verdict = verdicts.first().context("no verdict")?;
    let rules = understanding.rules();
    let department = routing::department_for(&rules.taxonomy, &verdict.service, verdict.ward());
    let (decision, hold) = routing::dispose(verdict, &rules.taxonomy, department, &settings.routing);
    if args.json {
        let object = serde_json::json!({
            "service": verdict.service, "confidence": verdict.confidence, "priority": verdict.priority, "department": department,
            "language": verdict.language, "ward": verdict.ward(), "decision": decision, "reasons": verdict.reasons,
            "candidates": verdict.candidates, "place": verdict.place, "concerns": verdict.concerns, "hold_reason": hold,
            "language_confidence": verdict.language_confidence, "model": verdict.model, "rules": verdict.rules,
            "parts": verdict.parts,
        });
        say(object.to_string());
        return Ok(0);
    }
    print(verdict, &rules.taxonomy, department, decision, hold.as_deref());
    Ok(0)
}

/// The shipped rules and model with the demo's invented borough, for a look without an installation.
fn sample_settings() -> anyhow::Result<Settings> {
    let home = home()?;
    Settings::parse(
        &super::demo::settings_text(&home, "127.0.0.1:0", &home.join("training-data/demo/mailbox"), "sqlite::memory:"),
        &home,
    )
}

/// A mail where the bytes begin like one, else plain words.
fn question(bytes: &[u8]) -> Question {
    let text = String::from_utf8_lossy(bytes);
    let header = text.lines().take_while(|l| !l.trim().is_empty()).take(200);
    let fields = ["from:", "received:", "subject:", "message-id:", "return-path:", "delivered-to:"];
    let looks_like_mail = header.filter(|l| fields.iter().any(|f| l.to_lowercase().starts_with(f))).count() >= 2;
    if looks_like_mail && let Ok(mail) = mime::parse(bytes, &MimeLimits::default(), None) {
        let photos = photo::positions(&mail.attachments);
        return Question { subject: mail.subject, body: mail.text, photos, ..Question::default() };
    }
    Question { body: text.into_owned(), ..Question::default() }
}

fn print(
    verdict: &Verdict,
    taxonomy: &crate::core::Taxonomy,
    department: &str,
    decision: Disposition,
    hold: Option<&str>,
) {
    say(format!("Service     {} ({})", taxonomy.service_name(&verdict.service), percent(verdict.confidence)));
    for other in verdict.candidates.iter().skip(1).take(2).filter(|c| c.probability >= 0.05) {
        say(format!("            or {} ({})", taxonomy.service_name(&other.service), percent(other.probability)));
    }
    say(format!("Department  {}", taxonomy.department_name(department)));
    say(format!("Priority    {}", verdict.priority.label()));
    say(format!("Language    {} ({})", verdict.language, percent(verdict.language_confidence)));
    let place = verdict.place.as_ref().map_or_else(|| "none found".to_owned(), |p| p.name.clone());
    say(format!("Place       {place}{}", verdict.ward().map(|w| format!(", {w} ward")).unwrap_or_default()));
    say(format!("Decision    {}{}", decision.label(), hold.map(|h| format!(": {h}")).unwrap_or_default()));
    for (n, part) in (1..).zip(&verdict.parts) {
        let words = part.words.split_whitespace().collect::<Vec<_>>().join(" ");
        say(format!("Request {n}   {} ({}): {words}", taxonomy.service_name(&part.service), percent(part.confidence)));
    }
    say("Because");
    for reason in &verdict.reasons {
        say(format!("  - {}", reason_in_words(reason, taxonomy)));
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn reason_in_words(reason: &Reason, taxonomy: &crate::core::Taxonomy) -> String {
    match reason {
        Reason::Rule { rule, says, words } => format!("rule {rule} says {says}, by the words \"{words}\""),
        Reason::Model { version, service, probability } => {
            format!("model {version} alone thinks {} ({})", taxonomy.service_name(service), percent(*probability))
        }
        Reason::Place { words, name, ward } => {
            format!("\"{words}\" is {name}{}", ward.as_ref().map(|w| format!(" in {w} ward")).unwrap_or_default())
        }
        Reason::Words { service, words } => format!("for {service} these words weighed most: {}", words.join(", ")),
        Reason::Nearest { cases } => {
            let near: Vec<String> =
                cases.iter().map(|c| format!("{} ({}, {:.2})", c.case, c.service, c.alike)).collect();
            format!("nearest known cases: {}", near.join(", "))
        }
        Reason::Score { of, version, probability } => {
            format!("model {version} gives a {of} a probability of {probability:.2}")
        }
        Reason::Note { text } => text.clone(),
    }
}
