//! `beadle train` and `beadle evaluate`.

use super::{home, progress, say};
use crate::learning::{dataset, evaluate as judge, train as fit};
use crate::understanding::Understanding;
use crate::understanding::classifier::Classifier;
use crate::understanding::encoder::Encoder;
use crate::understanding::place::Places;
use crate::understanding::rules::Rules;
use clap::Args;
use std::path::PathBuf;

/// Fit the classifier.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Labelled messages: a file or a folder of JSON lines (id, text, label). May be given again.
    #[arg(long, value_name = "FILE|DIR", required = true)]
    data: Vec<PathBuf>,
    /// Folder the model is written to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Trains, and says how good it became.
pub async fn train(args: TrainArgs) -> anyhow::Result<u8> {
    let home = home()?;
    let rules = Rules::load(&home.join("rules"))?;
    let mut examples = Vec::new();
    for path in &args.data {
        examples.extend(dataset::read(path)?);
    }
    progress(format!("{} labelled messages", examples.len()));
    let encoder = Encoder::load(&home.join("vendor/all-MiniLM-L6-v2"), 1)?;
    let trained = fit::train(&examples, &rules, &encoder, |what| progress(what)).await?;
    trained.classifier.save(&args.out).map_err(anyhow::Error::msg)?;
    let card = trained.classifier.card();
    say(format!(
        "model {} of {} messages, {} services, in {}\nheld-out accuracy (five-fold): model alone {:.3}, with rules {:.3}; calibration error {:.3}, temperature {}",
        card.version,
        card.examples,
        card.labels.len(),
        args.out.display(),
        card.held_out_accuracy,
        trained.accuracy_with_rules,
        card.held_out_ece,
        card.temperature,
    ));
    Ok(0)
}

/// Say how good a model is.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Labelled messages the model was not trained on.
    #[arg(long, value_name = "FILE|DIR")]
    data: PathBuf,
    /// Folder of the model; the shipped one where absent.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Leave out rows whose label is no service.
    #[arg(long)]
    ignore_unknown: bool,
}

/// Judges every message and compares.
pub async fn evaluate(args: EvaluateArgs) -> anyhow::Result<u8> {
    let home = home()?;
    let rules = Rules::load(&home.join("rules"))?;
    let encoder = Encoder::load(&home.join("vendor/all-MiniLM-L6-v2"), 1)?;
    let classifier = Classifier::load(&args.model.unwrap_or_else(|| home.join("models")), encoder.version())?;
    let examples = dataset::read(&args.data)?;
    progress(format!("judging {} messages", examples.len()));
    let understanding = Understanding::new(rules, Some(encoder), Some(classifier), Places::load(None, None, None)?);
    let figures = judge::evaluate(&examples, &understanding, args.ignore_unknown).await?;
    if args.json {
        say(serde_json::to_string(&figures)?);
        return Ok(0);
    }
    say(format!(
        "messages {}\naccuracy {:.3}\nmacro F1 {:.3}\ntop 3 {:.3}\ncalibration error {:.3}\ncoverage at 95 % {:.3}",
        figures.n, figures.accuracy, figures.macro_f1, figures.top3, figures.ece, figures.coverage_at_95
    ));
    for (label, of) in &figures.per_label {
        say(format!(
            "{label:32} precision {:.2}  recall {:.2}  F1 {:.2}  of {}",
            of.precision, of.recall, of.f1, of.support
        ));
    }
    Ok(0)
}
