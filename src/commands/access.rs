//! `beadle access`: who may read what, and who may open what, as the program itself asks it.

use super::say;
use crate::portal::places;
use clap::Args;

/// Print who may read what, and who may open what, in Markdown.
#[derive(Debug, Args)]
pub struct AccessArgs {}

/// Prints it.
pub fn run(_: &AccessArgs) -> u8 {
    say(places::document().trim_end());
    0
}
