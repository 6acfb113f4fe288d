//! `beadle quarantine list|show|replay`.

use super::{Where, say};
use crate::app;
use crate::core::{Clock, Ids, InboxId};
use crate::store;
use anyhow::bail;
use clap::{Args, Subcommand};
use std::io::Write as _;

/// What could not be worked on.
#[derive(Debug, Args)]
pub struct QuarantineArgs {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List it, with reasons.
    List,
    /// Print a message as it came.
    Show {
        /// Its id, as listed.
        id: String,
    },
    /// Send a message on its way again; the running service, or the next one, works on it.
    Replay {
        /// Its id, as listed; or `all`.
        id: String,
    },
}

/// Lists, shows or replays.
pub async fn quarantine(args: QuarantineArgs) -> anyhow::Result<u8> {
    let db = app::database(&args.place.settings()?).await?;
    let now = Clock::System.now();
    let mut tx = db.begin().await?;
    match args.what {
        What::List => {
            let rows = store::inbox::quarantined(&mut tx).await?;
            for row in &rows {
                let reason = row.reason.as_deref().unwrap_or("no reason was written down");
                say(format!(
                    "{}  {}  {} bytes  {}: {reason}",
                    row.id,
                    row.received_at.format("%Y-%m-%d %H:%M"),
                    row.size,
                    row.account
                ));
            }
            say(format!("{} in quarantine", rows.len()));
        }
        What::Show { id } => {
            let id = InboxId::from(id);
            let Some(raw) = store::inbox::raw(&mut tx, &id).await? else { bail!("there is no message {id}") };
            let object = format!("inbox:{id}");
            store::audit::write(&mut tx, &Ids::Random, "operator", "read raw", &object, serde_json::json!({}), now)
                .await?;
            tx.commit().await?;
            std::io::stdout().write_all(&raw)?;
            return Ok(0);
        }
        What::Replay { id } => {
            let all = store::inbox::quarantined(&mut tx).await?;
            let wanted = all.into_iter().map(|row| row.id).filter(|row| id == "all" || row.as_str() == id);
            let mut count = 0;
            for row in wanted {
                count += u32::from(store::inbox::replay(&mut tx, &row, now).await?);
            }
            if count == 0 && id != "all" {
                bail!("there is no message {id} in quarantine: `beadle quarantine list` shows what there is");
            }
            say(format!("{count} on the way again"));
        }
    }
    tx.commit().await?;
    Ok(0)
}
