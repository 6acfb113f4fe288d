//! `beadle audit`: is the audit trail whole?

use super::{Where, say};
use crate::app;
use crate::store::audit;
use clap::Args;

/// Check the chain of the audit trail from its first row to its last.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    place: Where,
}

/// Says how many rows there are, and which seal is the first that does not fit; exit 1 where one does not.
pub async fn run(args: AuditArgs) -> anyhow::Result<u8> {
    let db = app::database(&args.place.settings()?).await?;
    let chain = audit::check(&mut db.read().await?).await?;
    db.close().await;
    say(format!(
        "{} rows are sealed, {} not yet (the running service seals them within seconds)",
        chain.sealed,
        chain.open.unwrap_or_default()
    ));
    match chain.broken {
        None => {
            say("every seal fits its row and the seal before it");
            Ok(0)
        }
        Some(number) => {
            say(format!(
                "seal {number} does not fit: a row was changed, taken out or put in. Keep a copy of the database, and look into who \
                 could write to it"
            ));
            Ok(1)
        }
    }
}
