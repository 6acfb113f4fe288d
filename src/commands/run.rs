//! `beadle run`: the service.

use super::{ENCODER, Where, home, say};
use crate::app::front::{Front, mark_shared_rules};
use crate::app::{App, Encoders};
use crate::core::{Clock, Ids};
use crate::portal::auth;
use crate::store::Db;
use crate::{config::Settings, telemetry};
use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use metrics_exporter_prometheus::PrometheusHandle;
use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
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
    /// Where the portal of a new installation listens, by itself at port 8025 of this machine or the next one that is free; one that is
    /// set up says so in its settings.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

/// Where the portal of a new installation listens, unless it is said otherwise.
const USUAL: u16 = 8025;
/// So many ports are tried from there on.
const PORTS: u16 = 20;

/// An installation that was begun just now.
struct New {
    file: PathBuf,
    listener: TcpListener,
}

/// Runs until SIGTERM or SIGINT.
pub async fn run(args: RunArgs) -> anyhow::Result<u8> {
    let (first, begun) = if args.place.is_nowhere_yet() {
        let new = begin(&args).await?;
        (Settings::load(&new.file)?, Some(new))
    } else {
        (args.place.settings()?, None)
    };
    telemetry::start_logs(first.service.log_format, &first.service.log_level)?;
    let metrics = telemetry::start_metrics();
    let (new, listener) = match begun {
        Some(New { file, listener }) => (Some(file), listener),
        None => (None, listen(&first.portal.listen).await?),
    };
    let others = args.beside.iter().map(|file| Settings::load(file));
    let councils = std::iter::once(Ok(first)).chain(others).collect::<anyhow::Result<Vec<Settings>>>()?;
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone())?;
    serve(councils, new.as_deref(), listener, metrics, stop).await?;
    Ok(0)
}

/// Runs councils behind one address until `stop`; `new` is the settings file of one that was begun just now. Where one ends by a fault, all do: a service that goes on without it would look well.
async fn serve(
    councils: Vec<Settings>,
    new: Option<&Path>,
    listener: TcpListener,
    metrics: Option<PrometheusHandle>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let front = Front::of(&councils)?;
    let mut councils = councils;
    mark_shared_rules(&mut councils);
    let (mut encoders, mut all) = (Encoders::new(), JoinSet::new());
    let mut apps = Vec::new();
    for settings in councils {
        let council = settings.council.name.clone();
        let app = App::build_beside(settings, Clock::System, Ids::Random, &mut encoders).await;
        let app = app.with_context(|| council.clone())?;
        if let Some(file) = first_password(&app.settings, &app.pipeline.db, app.pipeline.clock.now()).await? {
            tracing::info!(council, "the administrator's first password is in {file}: sign in, then delete the file");
            if let Some(settings) = new {
                say(format!("A new installation. Its settings are in {}; nothing is sent yet.", settings.display()));
                say(format!("Open http://{} to set it up.", listener.local_addr()?));
                say(format!("User name: {}   The password is in {file}", auth::ADMINISTRATOR));
            }
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

/// Writes the least settings with which a new installation can be set up on the portal. Its address is bound before anything is
/// written, so that what cannot listen leaves no settings behind that would say so again.
async fn begin(args: &RunArgs) -> anyhow::Result<New> {
    let file = args.place.file();
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let home = std::fs::canonicalize(home()?)?;
    let (listener, address) = match &args.listen {
        Some(address) => {
            let listener = listen(address).await;
            (listener.context("nothing was begun; name another address with --listen")?, address.clone())
        }
        None => usual_or_next().await?,
    };
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let mut open = std::fs::OpenOptions::new();
    // Never over something that came there meanwhile.
    let mut new = open.write(true).create_new(true).open(&file);
    let text = least_settings(&home, &address);
    let written = new.as_mut().map_err(|e| std::io::Error::new(e.kind(), e.to_string()));
    written
        .and_then(|new| new.write_all(text.as_bytes()))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(New { file, listener })
}

/// The usual port of this machine, or the next one that is free: which, is said.
async fn usual_or_next() -> anyhow::Result<(TcpListener, String)> {
    for port in USUAL..USUAL + PORTS {
        let address = format!("127.0.0.1:{port}");
        match TcpListener::bind(&address).await {
            Ok(listener) => {
                if port != USUAL {
                    say(format!("Port {USUAL} is taken by another program, so this one listens on port {port}."));
                }
                return Ok((listener, address));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).with_context(|| format!("the portal cannot listen on {address}")),
        }
    }
    let last = USUAL + PORTS - 1;
    bail!(
        "all ports of this machine from {USUAL} to {last} are taken, so nothing was begun; name another address with --listen"
    )
}

/// Settings of an installation that is set up on its portal: where beadle's own files are, and that nothing is sent yet.
fn least_settings(home: &Path, listen: &str) -> String {
    let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
    format!(
        "# Settings of beadle; deploy/beadle.example.toml shows all there are. What is set up on the portal is kept beside\n\
         # this file, in set-up.toml. What you write here cannot be changed there.\n\n\
         # Mail is written into a folder. To have it sent, name your relay instead: host, port, security, user, password_file.\n\
         [smtp]\nfolder = \"outgoing\"\n\n\
         [rules]\ndir = {}\n\n[model]\nencoder = {}\nclassifier = {}\n\n[portal]\nlisten = {}\n",
        quoted(&home.join("rules")),
        quoted(&home.join(ENCODER)),
        quoted(&home.join("models")),
        toml::Value::String(listen.to_owned()),
    )
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
    let (path, mut file) =
        password_file(settings).context("the first password: set [portal] password_env or password_file")?;
    let Some(password) = auth::ensure_password(db, now).await? else { return Ok(None) };
    std::io::Write::write_all(&mut file, format!("{password}\n").as_bytes())?;
    Ok(Some(path.display().to_string()))
}

/// The file for a password that the program made up, empty, which only its owner can read.
pub fn password_file(settings: &Settings) -> anyhow::Result<(PathBuf, File)> {
    let path = settings.path(Path::new("admin-password"));
    let mut open = std::fs::OpenOptions::new();
    let made = open.write(true).create(true).truncate(true).mode(0o600).open(&path).and_then(|file| {
        // One that was there before may have been open to others.
        file.set_permissions(Permissions::from_mode(0o600))?;
        Ok(file)
    });
    let file = made.with_context(|| format!("{} cannot be written", path.display()))?;
    Ok((path, file))
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
