//! `beadle person show|export|erase`: what is kept of one person, as the law lets them ask for it.

use super::{Where, say};
use crate::app;
use crate::core::{Channel, Clock, Ids};
use crate::desk::personal::{self, Erasing};
use crate::store::erasure;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Who does it, on the trail.
const ACTOR: &str = "operator";

/// What is kept of one person.
#[derive(Debug, Args)]
pub struct PersonArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Args)]
struct Whose {
    /// An address of theirs: of email, or a telephone number as +44…
    address: String,
    /// On which channel, where the same address is another person's on another: email, sms, whatsapp, telegram, …
    #[arg(long)]
    channel: Option<Channel>,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say what is kept, without their words.
    Show(Whose),
    /// Write everything that is kept into a new folder: person.json, and their files.
    Export {
        #[command(flatten)]
        whose: Whose,
        /// The folder, which must not be there yet.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Erase their words, names, addresses and files for good. What is counted stays.
    Erase {
        #[command(flatten)]
        whose: Whose,
        /// Do it: nothing brings it back.
        #[arg(long)]
        for_good: bool,
    },
}

/// Shows, gives out or erases.
pub async fn person(args: PersonArgs) -> anyhow::Result<u8> {
    let (What::Show(whose) | What::Export { whose, .. } | What::Erase { whose, .. }) = &args.what;
    let db = app::database(&whose.place.settings()?).await?;
    let now = Clock::System.now();
    let mut tx = db.begin().await?;
    let contacts = erasure::whose(&mut tx, whose.channel, whose.address.trim()).await?;
    if contacts.is_empty() {
        bail!("nothing is kept of anybody with that address: write it as they do, a telephone number with its +44");
    }
    match args.what {
        What::Show(_) => {
            for case in erasure::cases_of(&mut tx, &contacts).await? {
                say(format!("{}  {}  {}", case.reference, case.received_at.format("%Y-%m-%d"), case.state.label()));
            }
            say(format!("Contacts that are known to be this person: {}", contacts.len()));
        }
        What::Export { to, .. } => {
            let kept = personal::give_out(&mut tx, &Ids::Random, &contacts, ACTOR, now).await?;
            let made = fs::DirBuilder::new().mode(0o700).create(&to);
            made.with_context(|| format!("the folder {} cannot be made", to.display()))?;
            let json = serde_json::to_vec_pretty(&kept).context("what is kept cannot be written as JSON")?;
            write(&to.join("person.json"), &json)?;
            for (name, bytes) in &kept.files {
                write(&to.join(name), bytes)?;
            }
            // Given out is what stands there whole, and only that is on the trail.
            tx.commit().await?;
            say(format!("{} cases and {} files in {}", kept.cases.len(), kept.files.len(), to.display()));
            say("Among it may be what they wrote for their councillor only: hand it to them unread.");
        }
        What::Erase { for_good: false, .. } => bail!("nothing brings it back: say --for-good if it is to be erased"),
        What::Erase { .. } => match personal::erase(&mut tx, &Ids::Random, &contacts, ACTOR, now).await? {
            Erasing::NotYet(references) => {
                say(format!(
                    "Nothing was erased. These cases are open, or mail of theirs is on its way: {}",
                    references.join(", ")
                ));
                say("Close them first: who is answered has to be known.");
                return Ok(1);
            }
            Erasing::Done(cases) => {
                tx.commit().await?;
                say(format!("{cases} cases erased, and by which addresses they were known"));
                say(
                    "What lies in the councillors' own mailboxes, in quarantine, with departments and in backups is not reached from here.",
                );
            }
        },
    }
    Ok(0)
}

/// Writes a file that only its owner reads.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.with_context(|| format!("{} cannot be written", path.display()))
}
