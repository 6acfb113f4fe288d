//! What providers of texts posted while the database could not be written. Each post is a file of its own, on the disk before
//! its provider is answered, and is taken into the database when that is back. A file that is taken in twice does no harm,
//! since the inbox knows each text by its name; so it is removed after the commit.
//!
//! Without this a text would be lost: Twilio tries for fifteen seconds at most, and then never again.

use crate::core::{Channel, Ids};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A post, read as far as is needed to write it down. Shows nothing of its content when printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Post {
    /// A text that came in.
    Text {
        /// The way it came.
        channel: Channel,
        /// The account of the settings.
        account: String,
        /// The provider's name for it.
        external_id: String,
        /// The body as it was posted.
        #[serde(serialize_with = "as_base64", deserialize_with = "from_base64")]
        body: Vec<u8>,
        /// When it was posted.
        arrived_at: DateTime<Utc>,
        /// Why it cannot be read, where it cannot.
        unfit: Option<String>,
    },
    /// News that a text of ours did not arrive.
    Undelivered {
        /// The provider's name for it.
        provider_id: String,
        /// The provider's code.
        code: String,
    },
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text { .. } => "Text(..)",
            Self::Undelivered { .. } => "Undelivered(..)",
        })
    }
}

/// The folder of such posts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
    in_use: Arc<AtomicBool>,
}

impl Spool {
    /// A spool in `folder`, which is made when it is first needed.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, in_use: Arc::default() }
    }

    /// Where it lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether posts go here first: since one was kept, until all were taken in.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.in_use.load(Ordering::Acquire)
    }

    /// Whether posts go here first from now on; whether they did before.
    pub(super) fn set_in_use(&self, in_use: bool) -> bool {
        self.in_use.swap(in_use, Ordering::AcqRel)
    }

    /// Makes the folder and tries whether it can be written; removes what an earlier process had not finished (and so never
    /// answered for).
    ///
    /// # Errors
    /// When it cannot: then a provider is asked to send again what cannot be written into the database.
    pub fn prepare(&self) -> io::Result<()> {
        make(&self.folder)?;
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "new") {
                fs::remove_file(path)?;
            }
        }
        let trial = self.folder.join("trial.new");
        private().open(&trial)?;
        fs::remove_file(trial)
    }

    /// Keeps a post: it is on the disk when this returns.
    ///
    /// # Errors
    /// When it is not.
    pub async fn keep(&self, ids: &Ids, post: &Post) -> io::Result<()> {
        let folder = self.folder.clone();
        let bytes = serde_json::to_vec(post)?;
        // Ordered by time, so that they are taken in as they came.
        let name = ids.uuid().to_string();
        in_background(move || {
            make(&folder)?;
            let unfinished = folder.join(format!("{name}.new"));
            let written = private().open(&unfinished).and_then(|mut file| {
                file.write_all(&bytes)?;
                file.sync_all()?;
                fs::rename(&unfinished, folder.join(format!("{name}.json")))?;
                File::open(&folder)?.sync_all()
            });
            if written.is_err() {
                let _ = fs::remove_file(&unfinished);
            }
            written
        })
        .await
    }

    /// What waits, oldest first.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub async fn waiting(&self) -> io::Result<Vec<PathBuf>> {
        let folder = self.folder.clone();
        in_background(move || {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let mut paths = entries.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
            paths.retain(|path| path.extension().is_some_and(|e| e == "json"));
            paths.sort_unstable();
            Ok(paths)
        })
        .await
    }

    /// Reads a post that waits; `None` where it is gone already. One that makes no sense is put aside as `.unreadable`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) async fn read(&self, path: &Path) -> io::Result<Option<Post>> {
        let path = path.to_owned();
        in_background(move || {
            let bytes = match fs::read(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                bytes => bytes?,
            };
            let post = serde_json::from_slice(&bytes).ok();
            if post.is_none() {
                let aside = path.with_extension("unreadable");
                tracing::error!(file = %aside.display(), "a kept post makes no sense and was put aside");
                fs::rename(&path, aside)?;
            }
            Ok(post)
        })
        .await
    }

    /// Forgets a post that was taken in.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub(super) async fn forget(&self, path: &Path) -> io::Result<()> {
        let path = path.to_owned();
        in_background(move || match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        })
        .await
    }
}

/// For this user only, as all that residents write.
fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn as_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn text(external_id: &str) -> Post {
        Post::Text {
            channel: Channel::Sms,
            account: "texts".to_owned(),
            external_id: external_id.to_owned(),
            body: b"\x00\xffBody=x".to_vec(),
            arrived_at: DateTime::from_timestamp(1_772_446_530, 0).unwrap(),
            unfit: None,
        }
    }

    #[tokio::test]
    async fn what_is_kept_is_read_again_in_its_order_and_by_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path().join("waiting"));
        assert!(spool.waiting().await.unwrap().is_empty(), "no folder is an empty one");
        let ids = Ids::counted();
        for id in ["SM1", "SM2", "SM3"] {
            spool.keep(&ids, &text(id)).await.unwrap();
        }
        let waiting = spool.waiting().await.unwrap();
        for (path, id) in waiting.iter().zip(["SM1", "SM2", "SM3"]) {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
            assert!(spool.read(path).await.unwrap() == Some(text(id)), "{id}");
            spool.forget(path).await.unwrap();
            assert_eq!(spool.read(path).await.unwrap(), None);
            spool.forget(path).await.unwrap();
        }
        assert_eq!(waiting.len(), 3);
        assert_eq!(fs::metadata(spool.folder()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[tokio::test]
    async fn what_was_not_finished_is_removed_and_what_makes_no_sense_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path().to_owned());
        fs::write(dir.path().join("1.new"), "{\"text\"").unwrap();
        fs::write(dir.path().join("2.json"), "{\"text\"").unwrap();
        spool.prepare().unwrap();
        let waiting = spool.waiting().await.unwrap();
        assert_eq!(waiting, [dir.path().join("2.json")]);
        assert_eq!(spool.read(&waiting[0]).await.unwrap(), None);
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["2.unreadable"]);
    }

    #[tokio::test]
    async fn where_it_cannot_be_written_it_says_so() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let spool = Spool::new(dir.path().join("file"));
        assert!(spool.prepare().is_err());
        assert!(spool.keep(&Ids::counted(), &text("SM1")).await.is_err());
    }
}
