//! `beadle train-matcher` and `beadle evaluate-pairs`: what tells that two reports are about one problem.

use super::{home, progress, say, shipped_encoder};
use crate::casework::matcher::{FILE, Matcher};
use crate::learning::pairs::{self, Figures, Pair, Prepared};
use crate::routing::RoutingPolicy;
use crate::understanding::rules::Rules;
use anyhow::{Context as _, bail};
use clap::Args;
use std::path::PathBuf;

/// Fit the matcher to pairs of reports.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// JSON lines with pair_id, duplicate (1, 0 or null), earlier and later; may be given several times. Pairs whose split is
    /// check are left out.
    #[arg(long, value_name = "FILE", required = true)]
    data: Vec<PathBuf>,
    /// Folder that matcher.json is written to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder of embeddings kept from earlier runs.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

/// Say how good a matcher is on pairs of reports.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// JSON lines with pair_id, duplicate (1, 0 or null), earlier and later.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Folder with a matcher.json; the shipped one where absent.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Only pairs of this split (learn or check).
    #[arg(long)]
    split: Option<String>,
    /// Folder of embeddings kept from earlier runs.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Name each pair with its probability, likeliest first.
    #[arg(long)]
    each: bool,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

async fn prepare(pairs: &[Pair], cache: Option<&PathBuf>) -> anyhow::Result<Prepared> {
    let home = home()?;
    let rules = Rules::load(&home.join("rules"))?;
    let encoder = shipped_encoder(&home)?;
    let kept = home.join(".state");
    let cache = cache.cloned().unwrap_or(kept);
    std::fs::create_dir_all(&cache).with_context(|| format!("{} cannot be made", cache.display()))?;
    Prepared::of(pairs, &rules.taxonomy, &encoder, Some(&cache), |line: &str| progress(line)).await
}

/// Fits a matcher.
pub async fn train(args: TrainArgs) -> anyhow::Result<u8> {
    let mut all = Vec::new();
    for file in &args.data {
        all.extend(pairs::read(file)?.into_iter().filter(|pair| pair.split.as_deref() != Some("check")));
    }
    let matcher = prepare(&all, args.cache.as_ref()).await?.fit()?;
    matcher.save(&args.out).map_err(anyhow::Error::msg)?;
    let file = args.out.join(FILE);
    say(format!("{}: version {}, {} pairs", file.display(), matcher.version, matcher.pairs));
    Ok(0)
}

/// Evaluates one.
pub async fn evaluate(args: EvaluateArgs) -> anyhow::Result<u8> {
    let matcher = match &args.model {
        Some(folder) => Matcher::load(folder).map_err(anyhow::Error::msg)?,
        None => (*Matcher::shipped()).clone(),
    };
    let mut all = pairs::read(&args.data)?;
    if let Some(split) = &args.split {
        all.retain(|pair| pair.split.as_ref() == Some(split));
    }
    if all.is_empty() {
        bail!("{} holds no pair that says whether it is one problem", args.data.display());
    }
    let prepared = prepare(&all, args.cache.as_ref()).await?;
    let policy = RoutingPolicy::default();
    let figures = prepared.figures(&matcher, policy.join_above, policy.maybe_above);
    if args.each {
        let mut each: Vec<(f64, &Pair)> = prepared.probabilities(&matcher).into_iter().zip(&all).collect();
        each.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (probability, pair) in each {
            say(format!("{probability:.3} {} {}", pair.duplicate.unwrap_or_default(), pair.pair_id));
        }
    }
    if args.json {
        say(serde_json::to_string(&figures)?);
        return Ok(0);
    }
    let Figures { n, ap, f1_at_threshold, precision_at_join, recall_at_join, recall_at_maybe } = figures;
    let precision =
        precision_at_join.map_or_else(|| "none is joined".to_owned(), |precision| format!("{precision:.3}"));
    say(format!(
        "{n} pairs\naverage precision       {ap:.3}\nF1 at one half          {f1_at_threshold:.3}\n\
         joined from {:.2} on     precision {precision}, recall {recall_at_join:.3}\n\
         offered from {:.2} on    recall {recall_at_maybe:.3}",
        policy.join_above, policy.maybe_above
    ));
    Ok(0)
}
