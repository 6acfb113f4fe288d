//! The `beadle` program: see [`beadle::commands`].

use clap::Parser as _;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match beadle::commands::Cli::parse().run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "beadle: {error:#}");
            ExitCode::FAILURE
        }
    }
}
