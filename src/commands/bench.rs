//! `beadle bench ingest`: from a real IMAP mailbox to committed case and queued mail, beside the bare fetch of the same
//! mailbox, one durable commit a message, and the encoder's own time, all from one run.

use super::bench_campaign::{CampaignArgs, campaign};
use super::bench_pages::{PagesArgs, pages};
use super::bench_verdict::{VerdictArgs, verdict};
use super::matching::MatchingArgs;
use super::{home, progress, say};
use crate::app::App;
use crate::channels::Security;
use crate::channels::imap::{AfterAccept, FetchLimits, Fetched, ImapSession, ImapSettings};
use crate::config::Settings;
use crate::core::{Channel, Clock, Ids, RawMessage};
use crate::intake::mime;
use crate::store;
use crate::understanding::Question;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use std::path::Path;
use std::time::{Duration, Instant};

/// Measure speed.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Messages a second from a mailbox to committed case and queued mail.
    Ingest(IngestArgs),
    /// One verdict beside the encoder's own time, and how long hard texts take.
    Verdict(VerdictArgs),
    /// A campaign of many letters on one evening, beside as many different letters.
    Campaign(CampaignArgs),
    /// How long it takes to find the open case of a report, at more and more open cases.
    Matching(MatchingArgs),
    /// How long each list and report takes at the portal, with many people at once before two years of cases.
    Pages(PagesArgs),
}

#[derive(Debug, Args)]
struct IngestArgs {
    /// `imap://USER:PASSWORD@HOST:PORT/MAILBOX` (imaps:// with TLS; imap:// on this machine only).
    #[arg(long, value_name = "URL")]
    mailbox: url::Url,
    /// Times each is measured; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Database to measure on; a new SQLite file in a temporary folder where absent. It is emptied before
    /// each measurement, so its name must end in `_bench`.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Wall and processor time of a run.
#[derive(Clone, Copy, Debug)]
struct Took {
    wall: f64,
    cpu: f64,
}

/// Runs the benchmark.
pub async fn bench(args: BenchArgs) -> anyhow::Result<u8> {
    let args = match args.what {
        What::Ingest(args) => args,
        What::Verdict(args) => return verdict(args).await.map(|()| 0),
        What::Campaign(args) => return campaign(args).await.map(|()| 0),
        What::Matching(args) => return super::matching::bench(args).await.map(|()| 0),
        What::Pages(args) => return pages(args).await.map(|()| 0),
    };
    let imap = imap_settings(&args.mailbox)?;
    let folder = tempfile::tempdir()?;
    measure(&args, &imap, folder.path()).await.map(|()| 0)
}

async fn measure(args: &IngestArgs, imap: &ImapSettings, folder: &Path) -> anyhow::Result<()> {
    let mut messages = Vec::new();
    let (mut fetch, mut floor, mut bare, mut full, mut encode) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut queued = 0;
    for round in 0..args.rounds.max(1) {
        progress(format!("round {} of {}", round + 1, args.rounds.max(1)));
        let (took, fetched) = timed(fetch_all(imap)).await?;
        fetch.push(took);
        messages = fetched;
        if messages.is_empty() {
            bail!("the mailbox is empty: there is nothing to measure");
        }
        let app = self::app(folder, &format!("floor-{round}"), args.database.as_deref(), true).await?;
        floor.push(timed(commit_each(&app, imap)).await?.0);
        if round == 0 {
            encode.push(timed(encode_all(&app, &messages)).await?.0);
        }
        encode.push(timed(encode_all(&app, &messages)).await?.0);
        drop(app);
        let app = self::app(folder, &format!("full-{round}"), args.database.as_deref(), true).await?;
        full.push(timed(ingest(&app, imap)).await?.0);
        drop(app);
        let app = self::app(folder, &format!("bare-{round}"), args.database.as_deref(), false).await?;
        let (took, mails) = timed(ingest(&app, imap)).await?;
        bare.push(took);
        queued = mails;
    }
    encode.remove(0);
    let n = messages.len() as f64;
    let kilobytes = messages.iter().map(Vec::len).sum::<usize>() as f64 / n / 1024.0;
    say(format!(
        "{} messages of {kilobytes:.1} kB on average, {} rounds, medians; {queued} mails queued in the last round",
        messages.len(),
        args.rounds
    ));
    say("                                             messages/s   CPU ms/message   wall ms/message");
    let rows = [
        ("bare fetch over IMAP", &fetch),
        ("bare fetch and one durable commit a message", &floor),
        ("fetch to committed case, without encoder", &bare),
        ("the encoder alone, one thread, in batches", &encode),
        ("fetch to committed case, with encoder", &full),
    ];
    for (what, took) in rows {
        let (wall, cpu) = (median(took, |t| t.wall), median(took, |t| t.cpu));
        say(format!("{what:44} {:10.1} {:16.2} {:17.2}", n / wall, cpu / n * 1e3, wall / n * 1e3));
    }
    let wall = |took: &[Took]| median(took, |t| t.wall);
    say(format!("without encoder / (fetch + one commit a message): {:.2}", wall(&bare) / wall(&floor)));
    say(format!("with encoder / encoder alone:                     {:.2}", wall(&full) / wall(&encode)));
    Ok(())
}

fn median(took: &[Took], of: impl Fn(&Took) -> f64) -> f64 {
    let mut values: Vec<f64> = took.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn timed<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<(Took, T)> {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let done = work.await?;
    Ok((Took { wall: start.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu }, done))
}

/// Processor time of this process, all threads, user and system, in seconds (100 ticks a second on Linux).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = |n: usize| after.split(' ').nth(n).and_then(|t| t.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

fn imap_settings(url: &url::Url) -> anyhow::Result<ImapSettings> {
    let security = match url.scheme() {
        "imaps" => Security::Tls,
        "imap" => Security::None,
        other => bail!("'{other}' is neither imap nor imaps"),
    };
    let mailbox = url.path().trim_start_matches('/');
    Ok(ImapSettings {
        host: url.host_str().context("the address names no host")?.to_owned(),
        port: url.port().unwrap_or(if security == Security::Tls { 993 } else { 143 }),
        security,
        user: url.username().to_owned(),
        password: url.password().unwrap_or_default().into(),
        mailbox: if mailbox.is_empty() { "INBOX".to_owned() } else { mailbox.to_owned() },
        read_only: true,
        ca_file: None,
        after: AfterAccept::Leave,
    })
}

async fn fetch_all(imap: &ImapSettings) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut session = ImapSession::open(imap, Duration::from_secs(60)).await?;
    let (mut after, mut all) = (0, Vec::new());
    loop {
        let fetched = session.fetch_after(after, 50, FetchLimits::default()).await?;
        let Some(last) = fetched.last().map(Fetched::uid) else { break };
        after = last;
        all.extend(fetched.into_iter().filter_map(|f| match f {
            Fetched::Message { bytes, .. } => Some(bytes),
            Fetched::Oversized { .. } | Fetched::Unreadable { .. } => None,
        }));
    }
    session.logout().await;
    Ok(all)
}

/// The floor: fetched, and each message committed by itself to the same database.
async fn commit_each(app: &App, imap: &ImapSettings) -> anyhow::Result<()> {
    let mut number = 0_u64;
    for bytes in fetch_all(imap).await? {
        number += 1;
        let raw = RawMessage {
            channel: Channel::Email,
            account: "floor".to_owned(),
            external_id: number.to_string(),
            bytes,
            arrived_at: None,
        };
        let mut tx = app.pipeline.db.begin().await?;
        store::inbox::take_in(&mut tx, &Ids::Random, &raw, Clock::System.now()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// What the encoder itself needs for the words of the same messages.
async fn encode_all(app: &App, messages: &[Vec<u8>]) -> anyhow::Result<()> {
    let encoder = app.pipeline.understanding.encoder().context("the encoder is not loaded: run scripts/setup.sh")?;
    let texts: Vec<String> = messages
        .iter()
        .filter_map(|raw| mime::parse(raw, &app.pipeline.house.limits, None).ok())
        .filter(|mail| mail.automatic.is_none())
        .map(|mail| Question { subject: mail.subject, body: mail.text, ..Question::default() }.text())
        .collect();
    for batch in texts.chunks(32) {
        encoder.encode(batch.to_vec()).await?;
    }
    Ok(())
}

/// The whole way: mailbox, inbox, verdict, case, queued mail; fetching and working side by side as in the service.
async fn ingest(app: &App, imap: &ImapSettings) -> anyhow::Result<usize> {
    let collector = app.collector.clone();
    let settings = imap.clone();
    let fetching = tokio::spawn(async move {
        let mut session = ImapSession::open(&settings, Duration::from_secs(60)).await?;
        let sum = collector.drain("bench", &settings, &mut session).await?;
        session.logout().await;
        anyhow::Ok(sum)
    });
    loop {
        let idle = app.pipeline.step(app.settings.service.batch).await?.is_idle();
        if idle && fetching.is_finished() {
            break;
        }
        if idle {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    fetching.await??;
    while !app.pipeline.step(app.settings.service.batch).await?.is_idle() {}
    let mut tx = app.pipeline.db.read().await?;
    let sums = store::outbox::count_by_status(&mut tx).await?;
    Ok(sums.iter().map(|(_, n)| usize::try_from(*n).unwrap_or_default()).sum())
}

/// An installation of its own in `folder`, which routes whatever it is at all sure of, so that mail is queued.
pub(super) async fn app(folder: &Path, name: &str, database: Option<&str>, model: bool) -> anyhow::Result<App> {
    let home = home()?;
    let emptied = database;
    let database = match database {
        Some(url) => url.to_owned(),
        None => format!("sqlite:{}", folder.join(format!("{name}.db")).display()),
    };
    let text = super::demo::settings_text(&home, "127.0.0.1:0", folder, &database)
        .replace("auto_above = 0.8", "auto_above = 0.0\nunsure_below = 0.0");
    let text = if model { text } else { text.replace("[model]", "[model]\nenabled = false") };
    let settings = Settings::parse(&text, folder)?;
    let app = App::build(settings, Clock::System, Ids::Random).await?;
    if let Some(url) = emptied {
        if !url.ends_with("_bench") {
            bail!("--database is emptied before each measurement, so its name must end in _bench");
        }
        store::empty(&app.pipeline.db).await?;
    }
    Ok(app)
}
