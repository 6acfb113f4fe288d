//! `beadle run`: the service.

use super::Where;
use crate::app::front::Front;
use crate::app::{App, Encoders};
use crate::core::{Clock, Ids};
use crate::portal::auth;
use crate::store::Db;
use crate::{config::Settings, telemetry};
use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::Args;
use metrics_exporter_prometheus::PrometheusHandle;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Run the service, of one council or of several.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    place: Where,
    /// The settings file of another council that is served at the same address, by a name of its own; as often as there are councils.
    #[arg(long, value_name = "FILE")]
    beside: Vec<PathBuf>,
}

/// Runs until SIGTERM or SIGINT.
pub async fn run(args: RunArgs) -> anyhow::Result<u8> {
    let first = args.place.settings()?;
    telemetry::start_logs(first.service.log_format, &first.service.log_level)?;
    let metrics = telemetry::start_metrics();
    let listener = listen(&first.portal.listen).await?;
    let others = args.beside.iter().map(|file| Settings::load(file));
    let councils = std::iter::once(Ok(first)).chain(others).collect::<anyhow::Result<Vec<Settings>>>()?;
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone())?;
    serve(councils, listener, metrics, stop).await?;
    Ok(0)
}

/// Runs councils behind one address until `stop`. Where one ends by a fault, all do: a service that goes on without it would look well.
async fn serve(
    councils: Vec<Settings>,
    listener: TcpListener,
    metrics: Option<PrometheusHandle>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let front = Front::of(&councils)?;
    let (mut encoders, mut all) = (Encoders::new(), JoinSet::new());
    let mut apps = Vec::new();
    for settings in councils {
        let council = settings.council.name.clone();
        let app = App::build_beside(settings, Clock::System, Ids::Random, &mut encoders).await;
        let app = app.with_context(|| council.clone())?;
        if let Some(file) = first_password(&app.settings, &app.pipeline.db, app.pipeline.clock.now()).await? {
            tracing::info!(council, "the administrator's first password is in {file}: sign in, then delete the file");
        }
        apps.push(app);
    }
    // What the process counts is of all councils together, so it is shown where there is one only.
    let metrics = metrics.filter(|_| apps.len() == 1);
    for (place, app) in apps.into_iter().enumerate() {
        let door = front.door(place).cloned().context("there is no door")?;
        let (metrics, stop) = (metrics.clone(), stop.clone());
        all.spawn(async move { app.run(&door, metrics, stop).await });
    }
    let serving = stop.clone();
    all.spawn(async move { front.serve(listener, serving).await.context("the portal ended") });
    let mut ended = Ok(());
    while let Some(one) = all.join_next().await {
        stop.cancel();
        ended = ended.and(one.context("a council ended by a fault in the program").and_then(|one| one));
    }
    ended
}

/// Binds the portal's address: first of all, so that a second process on the same settings ends before it touches anything.
pub async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "the portal cannot listen on {address}: is another beadle running, or is the address not this machine's?"
        )
    })
}

/// Sets the administrator's first password where there is none: the settings' own, or a random one, which is written into
/// a file that only this user can read; that file's name.
pub async fn first_password(settings: &Settings, db: &Db, now: DateTime<Utc>) -> anyhow::Result<Option<String>> {
    if let Some(secret) = settings.first_password()? {
        let mut tx = db.begin().await?;
        if !auth::is_set_up(&mut tx).await? {
            auth::set_password(&mut tx, secret.reveal(), now).await.context("[portal] the first password")?;
            tx.commit().await?;
        }
        return Ok(None);
    }
    let mut tx = db.read().await?;
    if auth::is_set_up(&mut tx).await? {
        return Ok(None);
    }
    drop(tx);
    // The file first: a password that is set and written nowhere would lock everybody out.
    let path = settings.path(std::path::Path::new("admin-password"));
    let mut open = std::fs::OpenOptions::new();
    let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(&path).with_context(|| {
        format!(
            "the first password cannot be written to {}: set [portal] password_env or password_file",
            path.display()
        )
    })?;
    let Some(password) = auth::ensure_password(db, now).await? else { return Ok(None) };
    std::io::Write::write_all(&mut file, format!("{password}\n").as_bytes())?;
    Ok(Some(path.display().to_string()))
}

/// Cancels `stop` at the first SIGTERM or SIGINT; a second one ends the process at once.
pub fn stop_on_signals(stop: CancellationToken) -> anyhow::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! { _ = term.recv() => {} _ = int.recv() => {} }
        stop.cancel();
        tokio::select! { _ = term.recv() => {} _ = int.recv() => {} }
        std::process::exit(130);
    });
    Ok(())
}
