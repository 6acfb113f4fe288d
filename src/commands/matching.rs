//! `beadle simulate-matching` and `beadle bench matching`: how well, and how fast, the open case of a report is found.

use super::{home, progress, say, shipped_encoder};
use crate::casework::matcher::Matcher;
use crate::core::{Point, square};
use crate::learning::embeddings;
use crate::learning::pairs::Side;
use crate::learning::stream::{Stream, Tally, Told, Truth, percentile, replay};
use crate::routing::RoutingPolicy;
use crate::store::{self, Db};
use crate::understanding::rules::{Rules, normalise};
use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use clap::Args;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::TempDir;

/// Replay a stream of reports.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// JSON lines: reports (id, text, label, lat, lon, created), or pairs of them (duplicate, earlier, later), which say what is true.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// JSON lines that say of two reports of the stream whether they are about one problem: earlier and later (ids), duplicate
    /// (1, 0 or null).
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Folder with a matcher.json; the shipped one where absent.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Folder of embeddings kept from earlier runs.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// Measure how long it takes to find the open case of a report.
#[derive(Debug, Args)]
pub(super) struct MatchingArgs {
    /// JSON lines of reports: id, text, label, lat, lon, created. The first thousand are laid out again and again, in other
    /// places; those after them are looked up.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Open cases at which lookups are measured, growing.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000,1000000")]
    cases: Vec<usize>,
    /// Lookups at each number.
    #[arg(long, default_value_t = 1_000)]
    lookups: usize,
    /// Folder of embeddings kept from earlier runs.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
}

#[derive(Debug, Args)]
struct Database {
    /// Database to work on; a new SQLite file in a temporary folder where absent. It is emptied first, so its name must end in
    /// `_bench`.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl Database {
    /// The database, empty, and the folder it lies in where it is to go with it.
    async fn open(&self) -> anyhow::Result<(Db, Option<TempDir>)> {
        let Some(url) = &self.database else {
            let folder = TempDir::new()?;
            let db = Db::open(&format!("sqlite:{}", folder.path().join("beadle.db").display())).await?;
            return Ok((db, Some(folder)));
        };
        let name = url.split('?').next().unwrap_or_default().trim_end_matches(".db");
        if !name.ends_with("_bench") {
            bail!("the database is emptied, so its name must end in _bench");
        }
        let db = Db::open(url).await?;
        store::empty(&db).await?;
        Ok((db, None))
    }
}

/// A line of the data: a pair of reports, or one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Pair { duplicate: Option<u8>, earlier: Box<Side>, later: Box<Side> },
    One(Box<Side>),
}

/// A line of what is known.
#[derive(Deserialize)]
struct Known {
    earlier: String,
    later: String,
    duplicate: Option<u8>,
}

fn lines<T: for<'d> Deserialize<'d>>(file: &Path) -> anyhow::Result<Vec<T>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let rows = (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty());
    rows.map(|(line, row)| serde_json::from_str(row).with_context(|| format!("{}: line {line}", file.display())))
        .collect()
}

/// The reports of a file, each once, and what it says of pairs of them.
fn read(file: &Path) -> anyhow::Result<(Vec<Side>, Vec<Truth>)> {
    let (mut reports, mut truths) = (BTreeMap::new(), Vec::new());
    let mut order = Vec::new();
    let mut add = |side: Side| {
        let id = side.id.clone().unwrap_or_else(|| side.text.clone());
        if reports.insert(id.clone(), side).is_none() {
            order.push(id.clone());
        }
        id
    };
    for row in lines(file)? {
        match row {
            Row::One(side) => drop(add(*side)),
            Row::Pair { duplicate, earlier, later } => {
                let (earlier, later) = (add(*earlier), add(*later));
                truths.extend(duplicate.map(|same| Truth { earlier, later, same: same == 1 }));
            }
        }
    }
    Ok((order.iter().filter_map(|id| reports.remove(id)).collect(), truths))
}

/// What stands in front of all work with reports: rules, and the reports with their embeddings.
async fn told(sides: Vec<Side>, cache: Option<&PathBuf>) -> anyhow::Result<(Rules, Vec<Told>)> {
    let home = home()?;
    let rules = Rules::load(&home.join("rules"))?;
    let encoder = shipped_encoder(&home)?;
    let cache = cache.cloned().unwrap_or_else(|| home.join(".state"));
    let texts: Vec<String> = sides.iter().map(|side| normalise(&side.text)).collect();
    let meant = embeddings::of(&texts, &encoder, Some(&cache), |line: &str| progress(line)).await?;
    let told = sides.into_iter().zip(meant).map(|(side, embedding)| Told {
        id: side.id.unwrap_or_else(|| side.text.clone()),
        spot: side.lat.zip(side.lon).and_then(|(lat, lon)| Point::new(lat, lon)),
        at: side.created.to_utc(),
        text: side.text,
        service: side.label.unwrap_or_default(),
        embedding,
    });
    Ok((rules, told.collect()))
}

/// Replays a stream.
pub async fn simulate(args: SimulateArgs) -> anyhow::Result<u8> {
    let (sides, mut truths) = read(&args.data)?;
    if let Some(file) = &args.truth {
        let known: Vec<Known> = lines(file)?;
        truths.extend(known.into_iter().filter_map(|known| {
            let same = known.duplicate? == 1;
            Some(Truth { earlier: known.earlier, later: known.later, same })
        }));
    }
    let (rules, told) = told(sides, args.cache.as_ref()).await?;
    let matcher = match &args.model {
        Some(folder) => std::sync::Arc::new(Matcher::load(folder).map_err(anyhow::Error::msg)?),
        None => Matcher::shipped(),
    };
    let policy = RoutingPolicy::default();
    let (db, _folder) = args.database.open().await?;
    let stream = Stream::of(db, &matcher, &rules.taxonomy, &policy);
    let tally = replay(&stream, told, &truths, |line| progress(line)).await?;
    stream.db.close().await;
    if args.json {
        say(serde_json::to_string(&tally)?);
    } else {
        print(&tally);
    }
    Ok(0)
}

fn print(tally: &Tally) {
    let share = |share: Option<f64>| share.map_or("nobody knows".to_owned(), |share| format!("{share:.3} right"));
    say(format!(
        "{} reports: {} joined (of {} it is known: {}), {} with offers (of {} offers it is known: {})",
        tally.reports,
        tally.joined,
        tally.joined_known,
        share(tally.precision_of_joins),
        tally.with_offers,
        tally.offers_known,
        share(tally.precision_of_offers)
    ));
    say(format!(
        "{} known to be about an earlier one's problem: {:.3} joined to it, {:.3} joined to it or offered it among five",
        tally.known_same, tally.joined_to_it, tally.found
    ));
    say("open cases   reports   look, median   look, 99th   from look to commit, mean");
    for pace in &tally.pace {
        say(format!(
            "{:>10}   {:>7}   {:>9.2} ms   {:>7.2} ms   {:>9.2} ms",
            pace.open_cases,
            pace.reports,
            pace.look_median_s * 1e3,
            pace.look_p99_s * 1e3,
            pace.whole_mean_s * 1e3
        ));
    }
}

/// Reports that are laid out again and again.
const BASE: usize = 1_000;
/// One report in so many names no place.
const UNPLACED: usize = 3;
/// How many squares one copy lies from the next.
const APART: i64 = 60;
/// Copies in a row.
const ROW: usize = 32;
/// Cases committed at once while the database is filled.
const LOT: usize = 1_000;

/// Where a copy of a report lies.
fn moved(told: &Told, copy: usize, at: usize) -> Told {
    let steps = |n: usize| (n as i64 * APART) as f64;
    let spot = told.spot.filter(|_| !at.is_multiple_of(UNPLACED)).and_then(|spot| {
        Point::new(spot.lat() + steps(copy % ROW) * square::HEIGHT, spot.lon() + steps(copy / ROW) * square::WIDTH)
    });
    Told { spot, ..told.clone() }
}

/// Measures lookups.
pub(super) async fn bench(args: MatchingArgs) -> anyhow::Result<()> {
    let (mut sides, _) = read(&args.data)?;
    sides.sort_by_key(|side| side.created);
    sides.truncate(BASE + args.lookups);
    if sides.len() <= BASE {
        bail!("there are {} reports; {BASE} are laid out, and some more are needed to look up", sides.len());
    }
    let (rules, told) = told(sides, args.cache.as_ref()).await?;
    let (base, asked) = told.split_at(BASE);
    let latest = told.iter().map(|told| told.at).max().unwrap_or_default() + TimeDelta::hours(1);
    let (db, folder) = args.database.open().await?;
    let matcher = Matcher::shipped();
    let policy = RoutingPolicy::default();
    let stream = Stream::of(db, &matcher, &rules.taxonomy, &policy);
    say(format!("{} lookups each, one report in {UNPLACED} without a place, {}", asked.len(), stream.db.kind()));
    say("open cases    median      99th     95th   offered   this process   filled in");
    let mut filled = 0;
    let mut first = None;
    for &wanted in &args.cases {
        let start = Instant::now();
        while filled < wanted {
            let mut tx = stream.db.begin().await?;
            for at in filled..(filled + LOT).min(wanted) {
                stream.open(&mut tx, &moved(&base[at % BASE], at / BASE, at % BASE)).await?;
            }
            tx.commit().await?;
            filled = (filled + LOT).min(wanted);
            if filled % 50_000 == 0 {
                progress(format!("{filled} cases"));
            }
        }
        let took = start.elapsed().as_secs_f64();
        stream.db.settle().await?;
        let copies = wanted.div_ceil(BASE);
        let (mut looks, mut offered) = (Vec::with_capacity(asked.len()), 0);
        // Once unmeasured: what the program or the database reads at first use.
        for round in 0..2 {
            looks.clear();
            for (at, told) in asked.iter().enumerate() {
                // The copies are looked at in no order: 7,919 is prime to any number of them below it.
                let asking = Told { at: latest, ..moved(told, at * 7_919 % copies, at) };
                let start = Instant::now();
                let mut tx = stream.db.read().await?;
                let found = stream.look(&mut tx, &asking).await?;
                drop(tx);
                looks.push(start.elapsed().as_secs_f64() * 1e3);
                offered += usize::from(round == 1 && found.iter().any(|one| one.score >= policy.maybe_above));
            }
        }
        let (median, p95) = (percentile(&mut looks, 0.5), percentile(&mut looks, 0.95));
        let p99 = percentile(&mut looks, 0.99);
        let memory = super::bench_verdict::resident_mb().map_or("unknown".to_owned(), |mb| format!("{mb} MB"));
        say(format!(
            "{wanted:>10} {median:>7.2} ms {p99:>6.2} ms {p95:>5.2} ms   {offered:>7}   {memory:>12}   {took:>7.0} s"
        ));
        let (first_cases, first_p99) = *first.get_or_insert((wanted, p99));
        if wanted != first_cases {
            say(format!("             99th percentile {:.2} times that at {first_cases}", p99 / first_p99));
        }
    }
    if let Some(folder) = &folder {
        let size = std::fs::metadata(folder.path().join("beadle.db"))?.len();
        say(format!("the database's file: {} MB", size / 1_000_000));
    }
    stream.db.close().await;
    Ok(())
}
