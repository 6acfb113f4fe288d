//! The folder of rules as somebody changes it: a file is tried in a copy of the whole folder before it takes the other one's place.

use super::{Choice, Rules, RulesError};
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Files at the top of the folder that can be changed here, in the order in which they are named.
const TOP: [&str; 4] = ["services.toml", "departments.toml", "priority.toml", "safeguarding.toml"];
/// Where the rest of them stand.
const PATTERNS: &str = "patterns";
/// What is copied of the folder besides its own files.
const BELOW: [&str; 3] = [PATTERNS, "replies", "form"];

/// A folder of rules.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    choice: Choice,
    shared: bool,
}

impl Folder {
    /// The folder at `root`, of whose rules the council chose so.
    #[must_use]
    pub const fn new(root: PathBuf, choice: Choice) -> Self {
        Self { root, choice, shared: false }
    }

    /// The same, where other councils have it too (`shared`): then nobody changes it from a portal.
    #[must_use]
    pub fn shared(self, shared: bool) -> Self {
        Self { shared, ..self }
    }

    /// The same, where these departments get their cases where their file says, whatever was chosen before.
    #[must_use]
    pub fn with_addresses_of_files(mut self, departments: &BTreeSet<String>) -> Self {
        self.choice.addresses.retain(|id, _| !departments.contains(id));
        self
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files that can be changed, each as its path below the folder: `services.toml`, `patterns/waste.toml`.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let top = TOP.into_iter().filter(|file| self.root.join(file).is_file()).map(str::to_owned);
        let below = std::fs::read_dir(self.root.join(PATTERNS)).into_iter().flatten().filter_map(Result::ok);
        let mut below: Vec<String> = below
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.ends_with(".toml"))
            .map(|name| format!("{PATTERNS}/{name}"))
            .collect();
        below.sort();
        top.chain(below).collect()
    }

    /// What stands in one of [`Folder::files`].
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, file: &str) -> io::Result<String> {
        std::fs::read_to_string(self.root.join(file))
    }

    /// Whether its files can be changed by this program.
    ///
    /// # Errors
    /// Why not.
    pub fn check_writable(&self) -> io::Result<()> {
        if self.shared {
            return Err(io::Error::other("other councils of this installation have the same folder"));
        }
        for folder in [self.root.clone(), self.root.join(PATTERNS)] {
            tempfile::NamedTempFile::new_in(folder)?;
        }
        Ok(())
    }

    /// The rules as they would be with `text` in `file`. Nothing in the folder is changed.
    ///
    /// # Errors
    /// What is wrong with them, by file and line.
    pub fn with(&self, file: &str, text: &str) -> Result<Rules, RulesError> {
        let error = |why: io::Error| RulesError {
            file: file.to_owned(),
            what: format!("a copy of the folder to try it in could not be made: {why}"),
        };
        let place = tempfile::tempdir().map_err(error)?;
        // Called as it is called, because errors name it.
        let copy = place.path().join(self.root.file_name().unwrap_or_else(|| "rules".as_ref()));
        copy_files(&self.root, &copy).map_err(error)?;
        for below in BELOW {
            copy_files(&self.root.join(below), &copy.join(below)).map_err(error)?;
        }
        std::fs::write(copy.join(file), text).map_err(error)?;
        Rules::load(&copy)?.chosen(&self.choice)
    }

    /// Puts `text` in the place of what stands in `file`: all of it, or nothing where that fails.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, file: &str, text: &str) -> io::Result<()> {
        // Where it is a link, what it leads to is replaced.
        let path = std::fs::canonicalize(self.root.join(file))?;
        let folder = path.parent().unwrap_or(&self.root);
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(text.as_bytes())?;
        new.as_file().set_permissions(std::fs::metadata(&path)?.permissions())?;
        new.as_file().sync_all()?;
        new.persist(&path).map_err(|failed| failed.error)?;
        Ok(())
    }
}

fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        // What is being written there may be gone before it is copied.
        if path.is_file() && !name.as_encoded_bytes().starts_with(b".") {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
