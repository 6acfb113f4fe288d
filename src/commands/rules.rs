//! `beadle rules check|show`.

use super::{Where, home, say};
use crate::app;
use crate::core::language::{self, ANSWERED};
use crate::store;
use crate::understanding::rules::{Rules, Source};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// The rules.
#[derive(Debug, Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Load them and try every example.
    Check {
        /// Folder with services.toml.
        #[arg(long, value_name = "DIR")]
        rules: Option<PathBuf>,
    },
    /// Write out the rules that a decision names by their version, as they were.
    Show {
        /// The version, as decisions name it.
        version: String,
        /// A folder, which must not be there yet.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        #[command(flatten)]
        place: Where,
    },
}

/// Checks the rules, or writes out what they were.
pub async fn rules(args: RulesArgs) -> anyhow::Result<u8> {
    match args.what {
        What::Check { rules } => check(rules),
        What::Show { version, to, place } => show(&version, &to, &place).await,
    }
}

/// Writes the rules of a version out, so that what was decided by them can be decided again.
async fn show(version: &str, to: &Path, place: &Where) -> anyhow::Result<u8> {
    let db = app::database(&place.settings()?).await?;
    let mut tx = db.read().await?;
    let Some(source) = store::rule_version::set(&mut tx, version).await? else {
        bail!("no decision was taken by rules of version '{version}': each names its own in its evidence")
    };
    let source: Source = serde_json::from_value(source).context("what is kept of these rules cannot be read")?;
    let made = std::fs::create_dir(to);
    made.with_context(|| format!("the folder {} cannot be made", to.display()))?;
    for (name, text) in &source.files {
        let path = to.join(name);
        let folder = path.parent().unwrap_or(to);
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
        written.with_context(|| format!("{} cannot be written", path.display()))?;
    }
    say(format!("{} files in {}", source.files.len(), to.display()));
    if !source.off.is_empty() {
        say(format!("These services were off: {}", source.off.into_iter().collect::<Vec<_>>().join(", ")));
    }
    for (department, address) in source.addresses {
        say(format!("{department} got its cases at {address}"));
    }
    Ok(0)
}

/// Checks the rules; an error names the first thing that is wrong.
fn check(rules: Option<PathBuf>) -> anyhow::Result<u8> {
    let folder = match rules {
        Some(folder) => folder,
        None => home()?.join("rules"),
    };
    let rules = Rules::load(&folder)?;
    let taxonomy = &rules.taxonomy;
    say(format!(
        "{}: {} services, {} departments, {} rules; every example does what it says (version {})",
        folder.display(),
        taxonomy.services.len(),
        taxonomy.departments.len(),
        rules.len(),
        rules.version,
    ));
    say("Acknowledgements:");
    let others = rules.replies.keys().map(String::as_str).filter(|code| !ANSWERED.contains(code));
    for code in ANSWERED.into_iter().chain(others) {
        say(format!("  {:<14}{}", format!("{} ({code})", language::name(code)), state(&rules, code)));
    }
    say("The form on the web:");
    let others = rules.forms.keys().map(String::as_str).filter(|code| !ANSWERED.contains(code));
    for code in ANSWERED.into_iter().chain(others) {
        let state = rules.forms.get(code).map_or_else(
            || format!("not offered, until there is a form/{code}.toml"),
            |form| read(code, form.reviewed_by.as_ref(), form.reviewed_on.as_ref()),
        );
        say(format!("  {:<14}{state}", format!("{} ({code})", language::name(code))));
    }
    Ok(0)
}

/// Whether words are there, and who read them.
fn read(code: &str, by: Option<&String>, on: Option<&String>) -> String {
    match (by, on) {
        (Some(who), Some(when)) => format!("there, read by {who} on {when}"),
        (Some(who), None) => format!("there, read by {who}"),
        (None, _) if code == "en" => "there".to_owned(),
        (None, _) => "there, not yet read by a native speaker of the council (reviewed_by, reviewed_on)".to_owned(),
    }
}

/// Whether residents are acknowledged in a language, what is missing of it, and who read it.
fn state(rules: &Rules, code: &str) -> String {
    let Some(reply) = rules.replies.get(code) else {
        return format!("none: these residents are answered in English, until there is a replies/{code}.toml");
    };
    let taxonomy = &rules.taxonomy;
    let unknown: Vec<&str> =
        reply.names.keys().map(String::as_str).filter(|id| !taxonomy.services.contains_key(*id)).collect();
    let missing = if code == "en" { Vec::new() } else { reply.missing(taxonomy) };
    let mut parts = vec![read(code, reply.reviewed_by.as_ref(), reply.reviewed_on.as_ref())];
    if !missing.is_empty() {
        parts.push(format!("in English for want of {}", missing.join(", ")));
    }
    if !unknown.is_empty() {
        parts.push(format!("names of services that are not in services.toml: {}", unknown.join(", ")));
    }
    parts.join("; ")
}
