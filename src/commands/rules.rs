//! `beadle rules check`.

use super::{home, say};
use crate::understanding::rules::Rules;
use clap::{Args, Subcommand};
use std::path::PathBuf;

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
}

/// Checks the rules; an error names the first thing that is wrong.
pub fn rules(args: &RulesArgs) -> anyhow::Result<u8> {
    let What::Check { rules } = &args.what;
    let folder = match rules {
        Some(folder) => folder.clone(),
        None => home()?.join("rules"),
    };
    let rules = Rules::load(&folder)?;
    let taxonomy = &rules.taxonomy;
    say(format!(
        "{}: {} services, {} departments, {} rules, replies in {}; every example does what it says (version {})",
        folder.display(),
        taxonomy.services.len(),
        taxonomy.departments.len(),
        rules.len(),
        rules.replies.keys().cloned().collect::<Vec<_>>().join(", "),
        rules.version,
    ));
    Ok(0)
}
