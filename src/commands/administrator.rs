//! `beadle administrator`: the way back where nobody can administer the portal any more.

use super::{Where, run, say};
use crate::app;
use crate::core::{Clock, Ids};
use crate::portal::auth;
use anyhow::{Context as _, bail};
use clap::Args;
use std::io::Write as _;

/// Open the portal again where nobody can administer it any more.
#[derive(Debug, Args)]
pub struct AdministratorArgs {
    #[command(flatten)]
    place: Where,
    /// Give the account `administrator` a new random password, its roles, and no second factor; whoever is signed in with it is out.
    #[arg(long)]
    new_password: bool,
}

/// Writes the new password where the first start writes the first one.
pub async fn run(args: AdministratorArgs) -> anyhow::Result<u8> {
    if !args.new_password {
        bail!("say what is to be done: beadle administrator --new-password");
    }
    let settings = args.place.settings()?;
    let db = app::database(&settings).await?;
    let (password, hash) = auth::new_password().await?;
    let (path, mut file) = run::password_file(&settings)?;
    let mut tx = db.begin().await?;
    auth::reset(&mut tx, &Ids::Random, &hash, Clock::System.now()).await?;
    // Before it is in force: a password that is set and written nowhere would help nobody.
    let written = file.write_all(format!("{password}\n").as_bytes()).and_then(|()| file.sync_all());
    written.with_context(|| format!("the password cannot be written to {}", path.display()))?;
    tx.commit().await?;
    db.close().await;
    say(format!("User name: {}   The password is in {}", auth::ADMINISTRATOR, path.display()));
    say(
        "Sign in, choose your own, and delete the file. Its second factors are gone, and that it was done is on the audit trail.",
    );
    Ok(0)
}
