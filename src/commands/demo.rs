//! `beadle demo`: a day of an invented council's post, through the same path as live mail, with nothing sent.

use super::{home, run, say};
use crate::app::App;
use crate::config::Settings;
use crate::core::{Clock, Disposition, Ids};
use crate::routing::consent::Consent;
use crate::store::{self, Tx, args};
use crate::telemetry;
use anyhow::{Context as _, bail};
use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// How the settings of a demo begin: only such a file may be written over.
const FIRST_LINE: &str = "# Settings of a demo.";

/// Show a day of a council's post.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for everything the demo writes; a new one under ./demo where absent.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the portal listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8025")]
    listen: String,
    /// Another mailbox: a Maildir, a folder of .eml files or an mbox file.
    #[arg(long, value_name = "PATH")]
    mailbox: Option<PathBuf>,
    /// Stop when the mailbox is done.
    #[arg(long)]
    once: bool,
}

/// A path as it stands in settings.
fn quoted(path: &Path) -> String {
    toml::Value::String(path.display().to_string()).to_string()
}

/// The demo's settings: they stay in its folder as `beadle.toml`, so that `doctor` and `run` work on it.
pub fn settings_text(home: &Path, listen: &str, mailbox: &Path, database: &str) -> String {
    let borough = home.join("training-data/demo/borough");
    let councillors = [
        ("adeyemi", "Cllr Grace Adeyemi", "Abbey"),
        ("whitlock", "Cllr Tom Whitlock", "Canalside"),
        ("malik", "Cllr Nasreen Malik", "Foxholes"),
        ("lacey", "Cllr Peter Lacey", "Hillcrest"),
        ("powell", "Cllr Sian Powell", "Millbrook"),
        ("nowak", "Cllr Marek Nowak", "Station"),
    ];
    let mut text = format!(
        "{FIRST_LINE} Brackenmere is invented, and nothing is sent: outgoing mail is written to outgoing/.\n\
         [council]\nname = \"Brackenmere Borough Council\"\naddress = \"cases@brackenmere.example\"\n\
         authserv_id = \"mx.brackenmere.example\"\n\n[database]\nurl = \"{database}\"\n\n[smtp]\nfolder = \"outgoing\"\n\n\
         [rules]\ndir = {}\n\n[model]\nencoder = {}\nclassifier = {}\n\n[places]\nwards = {}\npostcodes = {}\nstreets = {}\n\n\
         # Suggest is the default; the demo lets beadle route what it is sure of, so that there is something to see.\n\
         [routing]\nmode = \"auto\"\nauto_above = 0.8\ngather_minutes = 0\n\n[portal]\nlisten = \"{listen}\"\n\n\
         [form]\npublic_url = \"http://{listen}\"\n\n\
         [letters]\naddress = [\"Town Hall\", \"Market Square\", \"Brackenmere ZM1 1AA\"]\ntelephone = \"01632 960001\"\n\n\
         [[folder]]\nname = \"demo\"\npath = {}\n",
        quoted(&home.join("rules")),
        quoted(&home.join(super::ENCODER)),
        quoted(&home.join("models")),
        quoted(&borough.join("wards.geojson")),
        quoted(&borough.join("postcodes.csv")),
        quoted(&borough.join("streets.csv")),
        quoted(mailbox),
    );
    for (id, name, ward) in councillors {
        text += &format!(
            "\n[[councillor]]\nid = \"{id}\"\nname = \"{name}\"\nemail = \"cllr.{id}@brackenmere.example\"\nwards = [\"{ward}\"]\n"
        );
    }
    text
}

/// Runs the demo.
pub async fn demo(args: DemoArgs) -> anyhow::Result<u8> {
    let home = std::fs::canonicalize(home()?)?;
    let mailbox = args.mailbox.unwrap_or_else(|| home.join("training-data/demo/mailbox"));
    let mailbox =
        std::fs::canonicalize(&mailbox).with_context(|| format!("there is no mailbox {}", mailbox.display()))?;
    let dir = match args.dir {
        Some(dir) => dir,
        None => PathBuf::from("demo").join(Clock::System.now().format("%Y-%m-%d-%H%M%S").to_string()),
    };
    std::fs::create_dir_all(&dir).with_context(|| format!("the folder {} cannot be made", dir.display()))?;
    let dir = std::fs::canonicalize(dir)?;
    telemetry::start_logs(telemetry::LogFormat::Text, "warn")?;
    // Bound first: a demo whose portal cannot be opened would be of no use.
    let listener = if args.once { None } else { Some(run::listen(&args.listen).await?) };
    let file = dir.join("beadle.toml");
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    if !there.is_empty() && !there.starts_with(FIRST_LINE) {
        bail!("{} holds settings that are no demo's: choose another --dir", dir.display());
    }
    // Rules of its own, so that whoever changes one on the demo's portal changes the demo's.
    let rules = dir.join("rules");
    if !rules.exists() {
        copy_folder(&home.join("rules"), &rules)
            .with_context(|| format!("the rules cannot be copied to {}", rules.display()))?;
    }
    let text = settings_text(&home, &args.listen, &mailbox, "sqlite:beadle.db");
    let own = text.replacen(&quoted(&home.join("rules")), "\"rules\"", 1);
    std::fs::write(&file, own).with_context(|| format!("{} cannot be written", file.display()))?;
    say("beadle demo: Brackenmere is invented, and nothing is sent.");
    say(format!("Everything it writes is in {}", dir.display()));
    let metrics = telemetry::start_metrics();
    let app = App::build(Settings::load(&file)?, Clock::System, Ids::Random).await?;
    for what in &app.missing {
        say(format!("Note: {what}"));
    }
    app.take_over().await?;
    let accepted = app.collector.read_folder("demo", &mailbox).await?;
    say(format!(
        "Taken in from {}: {} new messages, {} known already",
        mailbox.display(),
        accepted.new,
        accepted.known
    ));
    app.drain().await?;
    report(&app).await?;
    let first = run::first_password(&app.settings, &app.pipeline.db, app.pipeline.clock.now()).await?;
    let Some(listener) = listener else { return Ok(0) };
    let password = dir.join("admin-password");
    let address = listener.local_addr()?;
    say(format!("\nOpen http://{address} to see what became of each message and why."));
    say(format!("Residents' form: http://{address}/report"));
    if first.is_some() || password.is_file() {
        let words = std::fs::read_to_string(&password).unwrap_or_default();
        say(format!("User name: administrator   Password: {}   (also in {})", words.trim(), password.display()));
    }
    say("Ctrl-C ends it.");
    let stop = CancellationToken::new();
    run::stop_on_signals(stop.clone())?;
    app.run_alone(listener, metrics, stop).await?;
    Ok(0)
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let there = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &there)?;
        } else {
            std::fs::copy(entry.path(), there)?;
        }
    }
    Ok(())
}

/// A message's row in the table.
#[derive(sqlx::FromRow)]
struct Shown {
    subject: Option<String>,
    consent: Option<String>,
    status: String,
    outcome: Option<String>,
    reason: Option<String>,
    reference: Option<String>,
    service: Option<String>,
    department: Option<String>,
    priority: Option<String>,
    state: Option<String>,
    disposition: Option<String>,
    parent: Option<String>,
}

/// Says what was done: a table of messages, then the sums.
async fn report(app: &App) -> anyhow::Result<()> {
    let mut tx = app.pipeline.db.read().await?;
    let rows: Vec<Shown> = tx
        .all(
            "SELECT CASE WHEN c.consent = 'private' THEN c.title ELSE m.subject END AS subject, c.consent, i.status, i.outcome, i.reason, c.reference, c.service, c.department, c.priority, c.state, c.disposition,
                    (SELECT p.reference FROM links l JOIN cases p ON p.id = l.parent
                     WHERE l.child = c.id AND l.kind = 'join' AND l.ended_at IS NULL) AS parent
             FROM inbox i LEFT JOIN messages m ON m.id = i.message_id LEFT JOIN cases c ON c.id = m.case_id
             ORDER BY i.received_at, i.external_id",
            args![],
        )
        .await?;
    let rules = app.pipeline.understanding.rules();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).unwrap_or(150_u16);
    table.set_width(columns.clamp(80, 200));
    table.set_header(["Message", "Case", "Service", "Priority", "What became of it"]);
    for row in &rows {
        let short: String = row.subject.as_deref().unwrap_or_default().chars().take(46).collect();
        let subject = if short.is_empty() { "(no subject)".to_owned() } else { short };
        let service = row.service.as_deref().map(|s| rules.taxonomy.service_name(s)).unwrap_or_default();
        let department = row.department.as_deref().map(|d| rules.taxonomy.department_name(d)).unwrap_or_default();
        table.add_row([
            subject,
            row.reference.clone().unwrap_or_default(),
            service.to_owned(),
            row.priority.clone().unwrap_or_default(),
            became(row, department),
        ]);
    }
    say(table.to_string());
    sums(&mut tx).await
}

fn became(row: &Shown, department: &str) -> String {
    let reason = row.reason.as_deref().unwrap_or_default();
    match (row.status.as_str(), row.outcome.as_deref()) {
        ("quarantined", _) => format!("in quarantine: {reason}"),
        ("new", _) => "waiting".to_owned(),
        (_, Some("set_aside")) => format!("set aside: {reason}"),
        (_, Some("joined")) => format!("belongs to that case: {reason}"),
        _ => match (&row.parent, row.state.as_deref()) {
            _ if row.consent.as_deref() == Some(Consent::Private.as_str()) => match row.state.as_deref() {
                Some("routed") => "given to the councillor and to nobody else".to_owned(),
                _ => "waits for somebody to say for which councillor".to_owned(),
            },
            (Some(parent), _) => format!("joined to {parent}, the same problem"),
            (None, Some("routed")) => format!("sent to {department}"),
            (None, Some("held")) => "on hold for a person".to_owned(),
            _ if row.disposition.as_deref() == Some(Disposition::Unsure.as_str()) => {
                "waits for review: unsure".to_owned()
            }
            _ => format!("waits for review: suggested for {department}"),
        },
    }
}

async fn sums(tx: &mut Tx) -> anyhow::Result<()> {
    let accounts = store::inbox::accounts(tx).await?;
    say(format!(
        "{} messages: {} new cases, {} joined to a case, {} set aside as automatic or our own, {} in quarantine, {} not accounted for",
        accounts.received,
        accounts.new_cases,
        accounts.joined,
        accounts.set_aside,
        accounts.quarantined,
        accounts.unaccounted
    ));
    let states: Vec<String> =
        store::case::count_by_state(tx).await?.iter().map(|(state, n)| format!("{n} {state}")).collect();
    say(format!("Cases: {}", states.join(", ")));
    let mail: Vec<String> =
        store::outbox::count_by_status(tx).await?.iter().map(|(status, n)| format!("{n} {status}")).collect();
    say(format!("Outgoing mail: {}", if mail.is_empty() { "none".to_owned() } else { mail.join(", ") }));
    Ok(())
}
