//! Labelled messages: JSON lines with `id`, `text`, `label`; further fields are ignored.

use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// One labelled message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Example {
    /// Its id, unique in its file.
    pub id: String,
    /// Subject, blank line, body; or the words alone.
    pub text: String,
    /// Service key.
    pub label: String,
}

/// Reads a file, or every `.jsonl` file of a folder in the order of their names.
///
/// # Errors
/// Names the file and the line that cannot be read.
pub fn read(path: &Path) -> anyhow::Result<Vec<Example>> {
    let mut files: Vec<PathBuf> = if path.is_dir() {
        std::fs::read_dir(path)?
            .filter_map(|e| Some(e.ok()?.path()))
            .filter(|p| p.extension().is_some_and(|e| e == "jsonl"))
            .collect()
    } else {
        vec![path.to_owned()]
    };
    files.sort();
    let mut examples = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let example: Example = serde_json::from_str(line)
                .with_context(|| format!("{} line {}: no labelled message", file.display(), number + 1))?;
            examples.push(example);
        }
    }
    if examples.is_empty() {
        bail!("{} holds no labelled message (JSON lines with id, text, label)", path.display());
    }
    Ok(examples)
}

/// Splits a text into subject and body where it has a first line and a blank one, as [`Example::text`] is written.
#[must_use]
pub fn split(text: &str) -> (&str, &str) {
    match text.split_once("\n\n") {
        Some((subject, body)) if !subject.contains('\n') && subject.chars().count() < 150 => (subject, body),
        _ => ("", text),
    }
}
