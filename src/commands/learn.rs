//! `beadle train`, `beadle evaluate` and `beadle simulate-learning`.

use super::{ENCODER, home, progress, say};
use crate::learning::dataset::{self, Example};
use crate::learning::evaluate::{self as judge, Figures};
use crate::learning::{second_look, simulate, train as fit};
use crate::understanding::Understanding;
use crate::understanding::classifier::{Card, Classifier, HeldOut, Target};
use crate::understanding::encoder::Encoder;
use crate::understanding::models::{self, Models};
use crate::understanding::place::Places;
use crate::understanding::rules::Rules;
use anyhow::Context as _;
use clap::Args;
use std::path::{Path, PathBuf};

/// Where embeddings are kept between runs.
#[derive(Debug, Args)]
struct Cache {
    /// Folder where embeddings are kept, so that they are worked out once; .state in beadle's folder where absent.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

impl Cache {
    fn folder(&self, home: &Path) -> PathBuf {
        self.cache.clone().unwrap_or_else(|| home.join(".state"))
    }
}

/// The encoder, with the second look of the model of concern in `concern` where one is given.
fn encoder(home: &Path, concern: Option<&Path>) -> anyhow::Result<Encoder> {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(4);
    Ok(Encoder::load_with(&home.join(ENCODER), concern, workers)?)
}

fn read(paths: &[PathBuf], target: Target) -> anyhow::Result<Vec<Example>> {
    let mut examples = Vec::new();
    for path in paths {
        examples.extend(dataset::read(path, target)?);
    }
    Ok(examples)
}

/// Fit the classifier.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Labelled messages: a file or a folder of JSON lines (id, text, label; lat and lon where known). May be given again.
    #[arg(long, value_name = "FILE|DIR", required = true)]
    data: Vec<PathBuf>,
    /// Folder the model is written to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What to tell apart: service (field label), hazard (field hazard) or concern (field concern).
    #[arg(long, default_value = "service")]
    target: Target,
    #[command(flatten)]
    cache: Cache,
}

/// Trains, and says how good it became.
pub async fn train(args: TrainArgs) -> anyhow::Result<u8> {
    let home = home()?;
    let rules = Rules::load(&home.join("rules"))?;
    let examples = read(&args.data, args.target)?;
    progress(format!("{} labelled messages", examples.len()));
    let encoder = encoder(&home, None)?;
    let tell = |what: &str| progress(what);
    let cache = args.cache.folder(&home);
    let prepared = fit::prepare(&examples, args.target, &rules, &encoder, Some(&cache), &tell).await?;
    let rows: Vec<usize> = (0..prepared.len()).collect();
    let trained = prepared.fit(&rows, &tell)?;
    trained.classifier.save(&args.out).map_err(anyhow::Error::msg)?;
    say(described(trained.classifier.card(), &args.out));
    if args.target == Target::Concern
        && let Some(mut look) = second_look::fit(&home.join(ENCODER), &examples, &tell)?
    {
        let file = look.save(&args.out).map_err(anyhow::Error::msg)?;
        say(format!("second look in {}", file.display()));
    }
    Ok(0)
}

fn described(card: &Card, out: &Path) -> String {
    let head = |name: &str, of: &HeldOut| {
        format!(
            "\n{name}: {} messages ({} labels doubted), held-out accuracy {:.3}, calibration error {:.3}, temperature {}",
            of.examples, of.doubtful, of.accuracy, of.ece, of.temperature
        )
    };
    let labels = card.labels.len();
    let placed = card.placed.as_ref().map(|of| head("text and place", of)).unwrap_or_default();
    format!("model {}, {labels} labels, in {}{}{placed}", card.version, out.display(), head("text", &card.text))
}

/// Say how good a model is.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Labelled messages the model was not trained on. May be given again.
    #[arg(long, value_name = "FILE|DIR", required = true)]
    data: Vec<PathBuf>,
    /// Folder of the model; the shipped one where absent.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// What is told apart: service, hazard or concern.
    #[arg(long, default_value = "service")]
    target: Target,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Write what was said of each message to this file: JSON lines with id, label, said, probability.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Leave out rows whose label is no service.
    #[arg(long)]
    ignore_unknown: bool,
    #[command(flatten)]
    cache: Cache,
}

/// Judges every message and compares.
pub async fn evaluate(args: EvaluateArgs) -> anyhow::Result<u8> {
    let home = home()?;
    let rules = Rules::load(&home.join("rules"))?;
    let shipped = home.join("models");
    let concern = args.model.clone().filter(|_| args.target == Target::Concern);
    let encoder = encoder(&home, Some(&concern.unwrap_or_else(|| shipped.join(models::CONCERN))))?;
    let models = match (args.target, args.model) {
        (_, None) => Models::load(&shipped, encoder.version())?,
        (Target::Service, Some(folder)) => Models::load(&folder, encoder.version())?,
        (danger, Some(folder)) => {
            let mut models = Models::load(&shipped, encoder.version())?;
            let model = Some(Classifier::load(&folder, encoder.version())?);
            if danger == Target::Hazard {
                models.hazard = model
            } else {
                models.concern = model
            }
            models
        }
    };
    let examples = read(&args.data, args.target)?;
    let understanding = Understanding::new(rules, Some(encoder), Some(models), Places::load(None, None, None)?);
    let cache = args.cache.folder(&home);
    let tell = |what: &str| progress(what);
    let (figures, answers) =
        judge::evaluate(&examples, args.target, &understanding, Some(&cache), args.ignore_unknown, &tell).await?;
    if let Some(file) = &args.answers {
        let lines: Result<Vec<String>, _> = answers.iter().map(serde_json::to_string).collect();
        std::fs::write(file, lines?.join("\n") + "\n")
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    say(if args.json { serde_json::to_string(&figures)? } else { table(&figures) });
    Ok(0)
}

fn table(figures: &Figures) -> String {
    let mut out = format!(
        "messages {}\naccuracy {:.3}\nmacro F1 {:.3}\ntop 3 {:.3}\ncalibration error {:.3}\ncoverage at 95 % {:.3}",
        figures.n, figures.accuracy, figures.macro_f1, figures.top3, figures.ece, figures.coverage_at_95
    );
    for (label, of) in &figures.per_label {
        out += &format!(
            "\n{label:32} precision {:.2}  recall {:.2}  F1 {:.2}  of {}",
            of.precision, of.recall, of.f1, of.support
        );
    }
    out
}

/// Replay a stream of labelled messages as corrections.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Labelled messages in the order of time; every fifth is held back to look at.
    #[arg(long, value_name = "FILE", required = true)]
    data: Vec<PathBuf>,
    /// What is shipped; training-data/messages in beadle's folder where absent.
    #[arg(long, value_name = "FILE|DIR")]
    shipped: Option<PathBuf>,
    /// One JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cache: Cache,
}

/// Says how good the model would be after so many corrections.
pub async fn simulate(args: SimulateArgs) -> anyhow::Result<u8> {
    let home = home()?;
    let rules = Rules::load(&home.join("rules"))?;
    let mut examples =
        dataset::read(&args.shipped.unwrap_or_else(|| home.join("training-data/messages")), Target::Service)?;
    let shipped = examples.len();
    examples.extend(read(&args.data, Target::Service)?);
    let encoder = encoder(&home, None)?;
    let tell = |what: &str| progress(what);
    let cache = args.cache.folder(&home);
    let prepared = fit::prepare(&examples, Target::Service, &rules, &encoder, Some(&cache), &tell).await?;
    drop(examples);
    let steps = simulate::replay(&prepared, shipped, &tell)?;
    if !args.json {
        say("corrections  accuracy  macro F1  auto-coverage  calibration error  looked at");
    }
    for step in steps {
        say(if args.json {
            serde_json::to_string(&step)?
        } else {
            format!(
                "{:>11}  {:>8.3}  {:>8.3}  {:>13.3}  {:>17.3}  {:>9}",
                step.corrections, step.accuracy, step.macro_f1, step.auto_coverage, step.ece, step.n
            )
        });
    }
    Ok(0)
}
