//! What `beadle` can be told to do, a file for each command.

mod access;
mod administrator;
mod audit;
mod bench;
mod bench_campaign;
mod bench_pages;
mod bench_verdict;
mod classify;
mod dataset;
pub mod demo;
mod doctor;
mod learn;
mod matching;
mod pairs;
mod person;
mod quarantine;
mod rules;
mod run;
mod splits;
mod teach;

use crate::config::Settings;
use crate::understanding::encoder::{Encoder, EncoderError};
use crate::understanding::models;
use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};

/// Reads what residents write to their councillors, finds whose job it is, and keeps everyone told.
#[derive(Debug, Parser)]
#[command(name = "beadle", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show a day of a council's post on an embedded database, with nothing sent.
    Demo(demo::DemoArgs),
    /// Run the service.
    Run(run::RunArgs),
    /// Check settings, database, model, mailboxes, relay and clock; or, with --reconcile, that every message is accounted for.
    Doctor(doctor::DoctorArgs),
    /// Judge one message: a mail or plain text.
    Classify(classify::ClassifyArgs),
    /// What could not be worked on: list it, show it, send it on its way again.
    Quarantine(quarantine::QuarantineArgs),
    /// What is kept of one person: say what there is, give it out, or erase it.
    Person(person::PersonArgs),
    /// The way back where nobody can administer the portal any more.
    Administrator(administrator::AdministratorArgs),
    /// Say who may read what.
    Access(access::AccessArgs),
    /// Check that the audit trail is whole.
    Audit(audit::AuditArgs),
    /// The rules.
    Rules(rules::RulesArgs),
    /// Learn from the council's own decisions, and put the new model to work where it is better; or go back.
    Learn(teach::TeachArgs),
    /// Fit the classifier to labelled messages.
    Train(learn::TrainArgs),
    /// Say how good a model is on labelled messages.
    Evaluate(learn::EvaluateArgs),
    /// Replay a stream of labelled messages as corrections: how good would the model be after 50, 500, 5,000 of them?
    SimulateLearning(learn::SimulateArgs),
    /// Say how wide and various a set of labelled messages is.
    Dataset(dataset::DatasetArgs),
    /// Say how well several requests in one message are recognised.
    EvaluateSplits(splits::SplitsArgs),
    /// Fit the matcher, which tells whether two reports are about one problem.
    TrainMatcher(pairs::TrainArgs),
    /// Say how good a matcher is on pairs of reports.
    EvaluatePairs(pairs::EvaluateArgs),
    /// Replay a stream of reports into an empty system: what is joined, what is offered, and how long it takes
    SimulateMatching(matching::SimulateArgs),
    /// Measure speed.
    Bench(bench::BenchArgs),
}

impl Cli {
    /// Does what was asked; the exit code.
    ///
    /// # Errors
    /// One line that names the cause and the remedy.
    pub fn run(self) -> anyhow::Result<u8> {
        let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
        runtime.block_on(async {
            match self.command {
                Command::Demo(args) => demo::demo(args).await,
                Command::Run(args) => run::run(args).await,
                Command::Doctor(args) => doctor::doctor(args).await,
                Command::Classify(args) => classify::classify(args).await,
                Command::Person(args) => person::person(args).await,
                Command::Administrator(args) => administrator::run(args).await,
                Command::Access(args) => Ok(access::run(&args)),
                Command::Audit(args) => audit::run(args).await,
                Command::Quarantine(args) => quarantine::quarantine(args).await,
                Command::Rules(args) => rules::rules(args).await,
                Command::TrainMatcher(args) => pairs::train(args).await,
                Command::EvaluatePairs(args) => pairs::evaluate(args).await,
                Command::SimulateMatching(args) => matching::simulate(args).await,
                Command::Learn(args) => teach::teach(args).await,
                Command::Train(args) => learn::train(args).await,
                Command::Evaluate(args) => learn::evaluate(args).await,
                Command::SimulateLearning(args) => learn::simulate(args).await,
                Command::Dataset(args) => dataset::dataset(&args),
                Command::EvaluateSplits(args) => splits::evaluate(args).await,
                Command::Bench(args) => bench::bench(args).await,
            }
        })
    }
}

/// Which installation a command is about.
#[derive(Clone, Debug, Args)]
struct Where {
    /// The settings file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A folder with a beadle.toml, such as the one `beadle demo` made.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    dir: Option<PathBuf>,
}

impl Where {
    /// The settings file that is meant where none is named outright.
    fn file(&self) -> PathBuf {
        match (&self.config, &self.dir) {
            (Some(config), _) => config.clone(),
            (None, Some(dir)) => dir.join("beadle.toml"),
            (None, None) => PathBuf::from("beadle.toml"),
        }
    }

    /// Whether a folder is meant in which there is no installation yet. A file that is named has to be there.
    fn is_nowhere_yet(&self) -> bool {
        self.config.is_none() && !self.file().exists()
    }

    fn settings(&self) -> anyhow::Result<Settings> {
        let path = match (&self.config, &self.dir) {
            (Some(config), _) => config.clone(),
            (None, Some(dir)) => dir.join("beadle.toml"),
            (None, None) if Path::new("beadle.toml").is_file() => PathBuf::from("beadle.toml"),
            (None, None) => bail!("which installation? Name its settings (--config FILE) or its folder (--dir DIR)"),
        };
        Settings::load(&path)
    }
}

/// The encoder's folder in beadle's own.
const ENCODER: &str = "vendor/all-MiniLM-L6-v2";

/// The shipped encoder with the second look that ships.
fn shipped_encoder(home: &Path) -> Result<Encoder, EncoderError> {
    Encoder::load_with(&home.join(ENCODER), Some(&home.join("models").join(models::CONCERN)), 1)
}

/// The folder with `rules/` and `training-data/`: `BEADLE_HOME`, the current folder, or one above the program.
fn home() -> anyhow::Result<PathBuf> {
    let is_home = |folder: &Path| folder.join("rules/services.toml").is_file();
    if let Some(folder) = std::env::var_os("BEADLE_HOME").map(PathBuf::from) {
        if is_home(&folder) {
            return Ok(folder);
        }
        bail!("BEADLE_HOME is {}, and there is no rules/services.toml in it", folder.display());
    }
    let program = std::env::current_exe().unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default();
    std::iter::once(here.as_path())
        .chain(program.ancestors().skip(1))
        .find(|folder| is_home(folder))
        .map(Path::to_owned)
        .context("the folder with rules/ was not found: run this in beadle's folder, or set BEADLE_HOME to it")
}

/// Prints a line to standard output; a reader that has gone away (`| head`) is no error worth a panic.
fn say(line: impl AsRef<str>) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{}", line.as_ref());
}

/// Prints a line of progress to standard error.
fn progress(line: impl AsRef<str>) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{}", line.as_ref());
}
