//! The `beadle` program: see [`beadle::commands`].

use clap::Parser as _;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic's own words may quote a message; where it happened is enough to mend it.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let _ = writeln!(std::io::stderr(), "beadle: a fault in the program at {place}; please report it");
    }));
    match beadle::commands::Cli::parse().run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "beadle: {error:#}");
            ExitCode::FAILURE
        }
    }
}
