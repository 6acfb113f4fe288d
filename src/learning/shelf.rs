//! Where learned models stand: a folder for each version.

use crate::understanding::classifier::{Classifier, ModelError};
use anyhow::Context as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Models that are kept besides those that are asked for by name.
const KEPT: usize = 5;

/// The folder of learned models.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

/// Makes a folder that only this user can read: words of residents are in what is learned from them.
///
/// # Errors
/// When it cannot be made; names the setting that would move it.
pub fn private_folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{} cannot be made: set [learning] dir to a folder that can", folder.display()))
}

impl Shelf {
    /// The shelf at `folder`, which is made when the first model is put there.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where a version stands.
    #[must_use]
    pub fn place(&self, version: &str) -> PathBuf {
        self.folder.join(version)
    }

    /// Puts a model on the shelf: whole, or not at all. `save` writes it into a folder.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn put(&self, version: &str, save: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let (made, place) = (self.folder.join(format!(".{version}.{}", std::process::id())), self.place(version));
        private_folder(&self.folder)?;
        if place.is_dir() {
            return Ok(());
        }
        save(&made)
            .and_then(|()| Ok(std::fs::rename(&made, &place)?))
            .or_else(|why| {
                let _ = std::fs::remove_dir_all(&made);
                // Another process may have been faster with the same.
                if place.is_dir() { Ok(()) } else { Err(why) }
            })
            .with_context(|| format!("the model cannot be written to {}", place.display()))
    }

    /// Reads a version, fitted on this version of the encoder.
    ///
    /// # Errors
    /// When it is gone or cannot be used.
    pub fn load(&self, version: &str, encoder: &str) -> Result<Classifier, ModelError> {
        Classifier::load(&self.place(version), encoder)
    }

    /// Whether a version stands here.
    #[must_use]
    pub fn holds(&self, version: &str) -> bool {
        self.place(version).is_dir()
    }

    /// Takes away all but the newest five and those named.
    ///
    /// # Errors
    /// When the folder cannot be read or a model not be taken away.
    pub fn prune(&self, named: &[&str]) -> std::io::Result<()> {
        let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type()?.is_dir() && !name.to_string_lossy().starts_with('.') {
                found.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        found.sort();
        let old = found.len().saturating_sub(KEPT);
        let is_named = |path: &Path| path.file_name().is_some_and(|name| named.iter().any(|n| name == *n));
        for (_, path) in found.iter().take(old).filter(|(_, path)| !is_named(path)) {
            std::fs::remove_dir_all(path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_models_are_kept_and_those_that_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::new(folder.path().to_owned());
        let names: Vec<String> = (0..8_u64).map(|n| format!("model{n}")).collect();
        for (n, name) in (0..).zip(&names) {
            std::fs::create_dir(shelf.place(name)).expect("made");
            let made = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(n);
            let folder = std::fs::File::open(shelf.place(name)).expect("there");
            folder.set_modified(made).expect("dated");
        }
        shelf.prune(&["model1"]).expect("pruned");
        let left: Vec<&String> = names.iter().filter(|name| shelf.holds(name)).collect();
        assert_eq!(left, ["model1", "model3", "model4", "model5", "model6", "model7"]);
    }
}
