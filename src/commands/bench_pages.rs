//! `beadle bench pages`: a council of two years in the database, the real portal before it, twenty people at once who ask for one list or
//! report after the other, beside a bare page of the same server, from one run.

mod fill;

use super::bench::app;
use super::{progress, say};
use crate::app::App;
use crate::core::{CaseId, Clock, Ids, Role, UserId};
use crate::pipeline::Pipeline;
use crate::portal::{self, Portal};
use crate::store::session::NewSession;
use crate::store::user::NewGrant;
use crate::store::{self, args};
use anyhow::{Context as _, bail};
use chrono::{NaiveDate, TimeDelta};
use clap::Args;
use futures_util::future::try_join_all;
use reqwest::header::{COOKIE, LOCATION};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

#[derive(Debug, Args)]
pub(super) struct PagesArgs {
    /// Cases, over two years.
    #[arg(long, default_value_t = 100_000)]
    cases: usize,
    /// Of these so many wait for review.
    #[arg(long, default_value_t = 5_000)]
    waiting: usize,
    /// Requests for each page: so many that one moment in which the disk stands still, which holds up everybody who asks just then, is not the
    /// 95th percentile by itself.
    #[arg(long, default_value_t = 2_000)]
    requests: usize,
    /// People who ask at once.
    #[arg(long, default_value_t = 20)]
    users: usize,
    /// Database to measure on; a new SQLite file in a temporary folder where absent. It is emptied first, so its name must end in `_bench`.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The database was filled by an earlier run of this command: measure only.
    #[arg(long, requires = "database")]
    filled: bool,
    /// Only pages whose address holds this.
    #[arg(long, value_name = "WORDS", default_value = "")]
    only: String,
}

/// The cookie that everybody brings along: a word of the right form.
const TOKEN: &str = "beadle-bench-pages-000000000000000000000000";
/// The same of somebody who acts for two councillors.
const ASSISTANT: &str = "beadle-bench-pages-111111111111111111111111";
/// Requests by one person alone, after the crowd.
const ALONE: usize = 30;

/// Measures it.
pub(super) async fn pages(args: PagesArgs) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let app = open(&args, folder.path()).await?;
    let start = Instant::now();
    if !args.filled {
        fill::fill(&app, args.cases, args.waiting).await?;
        app.pipeline.db.settle().await?;
        progress(format!("filled in {:.0} s", start.elapsed().as_secs_f64()));
    }
    sign_in(&app).await?;
    let base = serve(&app).await?;
    let all = addresses(&app).await?;
    tokio::spawn(keep_changing(app.pipeline.clone()));
    say(format!(
        "{} cases, {}, one of which changes every second; {} requests for each page by {} at once, after {ALONE} by one alone; load: {}",
        count(&app, "SELECT COUNT(*) FROM cases").await?,
        app.pipeline.db.kind(),
        args.requests,
        args.users,
        std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
    ));
    say(format!("{:<48} {:>9} {:>9} {:>9} {:>10} {:>9}", "page", "median", "95th", "99th", "alone", "bytes"));
    for path in all.iter().filter(|path| path.contains(&args.only)) {
        measure((&base, TOKEN), path, &args).await?;
    }
    say("The same for somebody who acts for two councillors:");
    let theirs = ["/review", "/", "/?state=closed", "/my?councillor=nowak", "/overdue", "/reports"];
    for path in theirs.iter().filter(|path| path.contains(&args.only)) {
        measure((&base, ASSISTANT), path, &args).await?;
    }
    Ok(())
}

async fn open(args: &PagesArgs, folder: &std::path::Path) -> anyhow::Result<App> {
    if args.filled {
        let url = args.database.as_deref().unwrap_or_default();
        let text = super::demo::settings_text(&super::home()?, "127.0.0.1:0", folder, url)
            .replace("[model]", "[model]\nenabled = false");
        let settings = crate::config::Settings::parse(&text, folder)?;
        return App::build(settings, Clock::System, Ids::Random).await;
    }
    app(folder, "pages", args.database.as_deref(), false).await
}

/// What happens beside: every second another open case is promised for another day, so that nothing that is counted holds still.
async fn keep_changing(pipeline: Pipeline) {
    let mut after = String::new();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        match change_one(&pipeline, &after).await {
            Ok(changed) => after = changed,
            Err(error) => progress(format!("a case could not be changed: {error}")),
        }
    }
}

async fn change_one(pipeline: &Pipeline, after: &str) -> anyhow::Result<String> {
    let now = pipeline.clock.now();
    let mut tx = pipeline.db.begin().await?;
    let find = "SELECT id FROM cases WHERE state = 'routed' AND id > $1 ORDER BY id LIMIT 1";
    let Some((id,)): Option<(String,)> = tx.opt(find, args![after]).await? else { return Ok(String::new()) };
    let case = store::case::get_to_change(&mut tx, &CaseId::from(id.clone())).await?;
    let mut case = case.context("a case is gone")?;
    let due: NaiveDate = case.due_on.parse()?;
    case.due_on = (due + TimeDelta::days(1)).to_string();
    store::case::update(&mut tx, &case, now).await?;
    tx.commit().await?;
    Ok(id)
}

/// A session for everybody, as if they had signed in.
async fn sign_in(app: &App) -> anyhow::Result<()> {
    let now = app.pipeline.clock.now();
    portal::auth::ensure_password(&app.pipeline.db, now).await?;
    let user = UserId::from(portal::auth::ADMINISTRATOR.to_owned());
    let assistant = UserId::from("assistant".to_owned());
    let mut tx = app.pipeline.db.begin().await?;
    if store::user::insert(&mut tx, &assistant, "assistant", "Assistant", None, now).await? {
        for role in [Role::Gatekeeper, Role::Councillor] {
            for councillor in ["adeyemi", "nowak"] {
                let new =
                    NewGrant { user: &assistant, role, councillor: Some(councillor), until: None, by: "administrator" };
                store::user::give(&mut tx, &app.pipeline.ids, new, now).await?;
            }
        }
    }
    for (user, token) in [(&user, TOKEN), (&assistant, ASSISTANT)] {
        let session = NewSession {
            user,
            token_hash: &format!("{:x}", Sha256::digest(token)),
            csrf: "bench",
            begun_by: "password",
            device: "bench",
            expires_at: now + TimeDelta::hours(12),
        };
        store::session::end_all_of(&mut tx, user).await?;
        store::session::insert(&mut tx, &app.pipeline.ids, session, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The portal as it is in service; its address.
async fn serve(app: &App) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let router = portal::router(Portal::new(app.pipeline.clone(), app.collector.clone()));
    tokio::spawn(async move {
        let served = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await;
        if let Err(error) = served {
            progress(format!("the portal ended: {error}"));
        }
    });
    Ok(base)
}

async fn count(app: &App, sql: &'static str) -> anyhow::Result<i64> {
    Ok(app.pipeline.db.read().await?.count(sql, args![]).await?)
}

/// The pages, the bare one first.
async fn addresses(app: &App) -> anyhow::Result<Vec<String>> {
    let mut tx = app.pipeline.db.read().await?;
    let find =
        "SELECT reference FROM cases WHERE state = 'routed' AND consent = 'share' ORDER BY received_at DESC LIMIT 1";
    let (case,): (String,) = tx.opt(find, args![]).await?.context("the database is empty: leave --filled out")?;
    let ward = fill::WARD;
    let fixed = [
        "/healthz",
        "/sign-in",
        "/review",
        "/",
        "/?page=40",
        "/?state=review",
        "/?state=closed",
        "/?department=highways",
        "/?service=pothole",
        "/my?councillor=nowak",
        "/my?councillor=nowak&show=closed",
        "/overdue",
        "/overdue?page=20",
        "/reports",
        "/reports?period=this-month",
        "/reports/services.csv",
        "/patterns",
        "/campaigns",
        "/outbox",
        "/set-aside",
        "/letters",
        "/quarantine",
        "/blocked",
        "/learned",
        "/log",
        "/account",
        "/admin/people",
        "/admin/access",
        "/admin/audit",
        "/admin/audit?actor=gatekeeper7",
        "/admin/audit?action=refused",
        "/admin/audit?object=case:500",
        "/admin/audit?actor=gatekeeper7&action=refused",
        "/admin/services",
        "/admin/departments",
        "/admin/channels",
        "/admin/models",
    ];
    let mut all: Vec<String> = fixed.into_iter().map(str::to_owned).collect();
    all.extend([
        format!("/?ward={ward}"),
        format!("/ward?ward={ward}"),
        format!("/ward?ward={ward}&show=open"),
        format!("/ward?ward={ward}&page=100"),
        format!("/reports?ward={ward}"),
        format!("/cases/{case}"),
    ]);
    Ok(all)
}

/// Asks for a page again and again, and says how long it took.
async fn measure((base, token): (&str, &str), path: &str, args: &PagesArgs) -> anyhow::Result<()> {
    let url = format!("{base}{path}");
    let each = args.requests.div_ceil(args.users.max(1));
    let first = ask(&client()?, &url, token).await?;
    let Asked { bytes: Some(bytes), .. } = first else {
        say(format!("{path:<48} is not there"));
        return Ok(());
    };
    // First by one alone: what a server reads from its disk once after it was started is no page's cost.
    let one = client()?;
    let mut alone = Vec::with_capacity(ALONE);
    for _ in 0..ALONE {
        alone.push(ask(&one, &url, token).await?.took);
    }
    let crowd = (0..args.users).map(|_| async {
        let client = client()?;
        let mut took = Vec::with_capacity(each);
        for _ in 0..each {
            took.push(ask(&client, &url, token).await?.took);
        }
        anyhow::Ok(took)
    });
    let mut took: Vec<Duration> = try_join_all(crowd).await?.into_iter().flatten().collect();
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    let [median, p95, p99] = [50, 95, 99].map(|hundredths| ms(percentile(&mut took, hundredths)));
    let alone = ms(percentile(&mut alone, 50));
    say(format!("{path:<48} {median:>6.1} ms {p95:>6.1} ms {p99:>6.1} ms {alone:>7.1} ms {bytes:>9}"));
    Ok(())
}

fn client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(1).build()?)
}

struct Asked {
    took: Duration,
    /// None where there is no such page.
    bytes: Option<usize>,
}

async fn ask(client: &reqwest::Client, url: &str, token: &str) -> anyhow::Result<Asked> {
    let start = Instant::now();
    let response = client.get(url).header(COOKIE, format!("beadle={token}")).send().await?;
    let (status, to) = (response.status(), response.headers().get(LOCATION).cloned());
    let bytes = response.bytes().await?.len();
    let took = start.elapsed();
    if to.as_ref().is_some_and(|to| to.as_bytes().starts_with(b"/sign-in")) {
        bail!("{url} leads to the sign-in: nobody is signed in");
    }
    if status.is_server_error() {
        bail!("{url} answered {status}");
    }
    Ok(Asked { took, bytes: (status != reqwest::StatusCode::NOT_FOUND).then_some(bytes) })
}

/// The value that so many hundredths do not exceed.
fn percentile(took: &mut [Duration], hundredths: usize) -> Duration {
    took.sort_unstable();
    let rank = (took.len() * hundredths).div_ceil(100);
    took.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
