//! What is set up on the portal, and how the service is asked to take it up.

use crate::channels::{Secret, Security};
use crate::core::Councillor;
use crate::store::sample::TakenOut;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// What is set up on the portal: part of the settings, written as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kept {
    /// Whether sample data is in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sample: bool,
    /// The council.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub council: Option<KeptCouncil>,
    /// What was chosen of the rules.
    pub rules: KeptRules,
    /// Files about places.
    pub places: KeptPlaces,
    /// Councillors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub councillor: Vec<Councillor>,
    /// Mailboxes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mailbox: Vec<KeptMailbox>,
}

/// `[council]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCouncil {
    /// Its name.
    pub name: String,
    /// Where its mail comes from.
    pub address: String,
    /// Name of its own mail server in `Authentication-Results`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authserv_id: Option<String>,
}

/// `[rules]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeptRules {
    /// Services that are not taken; none where nobody has chosen yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<BTreeSet<String>>,
    /// Addresses of departments.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<String, String>,
}

/// `[places]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeptPlaces {
    /// GeoJSON with the wards, beside the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wards: Option<PathBuf>,
}

/// A `[[mailbox]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptMailbox {
    /// Its name here.
    pub name: String,
    /// Whose it is; none for one that several share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub councillor: Option<String>,
    /// Host.
    pub host: String,
    /// Port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: Security,
    /// User name.
    pub user: String,
    /// Password: this file is for beadle's own user only.
    #[serde(serialize_with = "reveal")]
    pub password: Secret,
    /// The folder that is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
    /// Whether nothing is changed in it.
    #[serde(default)]
    pub read_only: bool,
}

fn reveal<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.reveal())
}

/// A mailbox that is watched.
#[derive(Clone, Debug)]
pub struct Mailbox {
    /// Its name here.
    pub name: String,
    /// Host.
    pub host: String,
    /// User name.
    pub user: String,
    /// The folder that is read.
    pub folder: String,
    /// Whose it is.
    pub councillor: Option<String>,
    /// Whether it was connected on the portal; else it stands in the operator's file.
    pub ours: bool,
}

/// How the installation is set up: what was done on the portal, and what stands in the operator's file.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What was done on the portal.
    pub kept: Kept,
    /// Folder of the settings.
    pub folder: PathBuf,
    /// Whether the council has a name.
    pub named: bool,
    /// Mailboxes that are watched.
    pub mailboxes: Vec<Mailbox>,
    /// How many other ways in the operator's file has: folders, texts, bots, the form.
    pub others: usize,
    /// Whether the operator's file says which services are off.
    pub services_given: bool,
    /// Departments whose addresses the operator's file has.
    pub addresses: BTreeSet<String>,
    /// Whether there is a file of wards.
    pub wards: bool,
    /// Whether sample data can be put in: it is there, and nothing is connected yet.
    pub can_sample: bool,
    /// The relay mail leaves by; without it mail is written into a folder.
    pub relay: Option<String>,
}

/// Writes a file as a whole or not at all, so that only this user can read it.
///
/// # Errors
/// When it cannot be written; what stood there stands there still.
pub fn write_whole(path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // Such a file is made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    std::fs::File::open(folder)?.sync_all()
}

/// What is to be different.
pub type Change = Box<dyn FnOnce(&mut Kept) + Send>;

/// The line on the audit trail that says who had something set up otherwise.
#[derive(Clone, Debug)]
pub struct Line {
    /// Who.
    pub actor: String,
    /// What they did.
    pub action: &'static str,
    /// Which part of the set-up it is about.
    pub part: &'static str,
    /// More.
    pub detail: Value,
}

/// Somebody wants something set up otherwise, and waits for what is said to it.
pub struct Wish {
    /// What is to be different.
    pub change: Change,
    /// What the audit trail says of it. It is written by who makes the change, so that it is there whether they wait or not.
    pub line: Line,
    /// Where they hear that it is in use, and what became of sample data that is not to be in any more; or why it is not: then
    /// everything goes on as before.
    pub said: oneshot::Sender<Result<TakenOut, String>>,
}

impl std::fmt::Debug for Wish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wish")
    }
}

/// How it is set up, and who takes wishes.
#[derive(Clone, Debug)]
pub struct SetUp {
    /// As it is set up when these pages were put together; they are put together anew after each change.
    pub standing: Standing,
    /// Takes wishes.
    pub ask: mpsc::Sender<Wish>,
    /// Cancelled when the service is to end: nothing is tried any longer then.
    pub stop: CancellationToken,
}

impl SetUp {
    /// Whether no message can come in yet: no mailbox, and nothing else.
    pub(in super::super) const fn has_no_way_in(&self) -> bool {
        self.standing.mailboxes.is_empty() && self.standing.others == 0 && !self.standing.kept.sample
    }

    /// Has something set up otherwise, as `line` says on the audit trail. When this comes back without an error both are written
    /// down, and the pages that are drawn from now on know it. Gives what became of sample data.
    ///
    /// # Errors
    /// Why it cannot be used, in words for people; nothing is different then.
    pub(in super::super) async fn wish(
        &self,
        line: Line,
        change: impl FnOnce(&mut Kept) + Send + 'static,
    ) -> Result<TakenOut, String> {
        let (said, hears) = oneshot::channel();
        let wish = Wish { change: Box::new(change), line, said };
        self.ask.send(wish).await.map_err(|_| ENDING.to_owned())?;
        hears.await.map_err(|_| ENDING.to_owned())?
    }
}

/// What is said where nothing can be done any more.
pub(super) const ENDING: &str = "The service is ending. Try again in a moment.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_put_in_the_place_of_another_one_and_never_written_over_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, before) = (folder.path().join("wards.geojson"), folder.path().join("before"));
        write_whole(&path, &[b"whole"]).unwrap();
        // The same file by another name: who reads it while the next one is written reads all of it.
        std::fs::hard_link(&path, &before).unwrap();
        write_whole(&path, &[b"an", b"other"]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"another");
        assert_eq!(std::fs::read(&before).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "nothing is left beside it");
    }
}
