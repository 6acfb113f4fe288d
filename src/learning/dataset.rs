//! Labelled messages: JSON lines with `id`, `text`, `label`, and `lat` and `lon` where the place is known; further fields
//! are ignored. For a model of danger the label is the field `hazard` (true, false, 1 or 0) or `concern` (its kind, or
//! null).

use crate::core::{Point, SharedPoint};
use crate::understanding::Question;
use crate::understanding::classifier::Target;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One labelled message.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Its id, unique in its file.
    pub id: String,
    /// Subject, blank line, body; or the words alone.
    pub text: String,
    /// Service key; `yes` or `no` for a model of danger.
    pub label: String,
    /// Where it is about, where that is known.
    pub spot: Option<Point>,
}

/// A line as it stands in a file. An id may be a number there.
#[derive(Deserialize)]
struct Line {
    id: Value,
    text: String,
    label: Option<String>,
    hazard: Option<Value>,
    /// Absent and null differ: only who looked for a concern can say that there was none.
    #[serde(default, deserialize_with = "present")]
    concern: Option<Value>,
    lat: Option<f64>,
    lon: Option<f64>,
}

fn present<'de, D: serde::Deserializer<'de>>(field: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(field).map(Some)
}

impl Line {
    fn label(self: &Line, target: Target) -> Result<Option<String>, &'static str> {
        let answer = |yes: bool| Some(if yes { "yes" } else { "no" }.to_owned());
        match target {
            Target::Service => self.label.clone().map(Some).ok_or("it has no label"),
            Target::Hazard => match &self.hazard {
                Some(Value::Bool(yes)) => Ok(answer(*yes)),
                Some(Value::Number(n)) if n.as_u64() == Some(1) => Ok(answer(true)),
                Some(Value::Number(n)) if n.as_u64() == Some(0) => Ok(answer(false)),
                _ => Err("its hazard is none of true, false, 1, 0"),
            },
            Target::Concern => match &self.concern {
                None => Ok(None),
                Some(Value::Null | Value::Bool(false)) => Ok(answer(false)),
                Some(Value::String(_) | Value::Bool(true)) => Ok(answer(true)),
                Some(_) => Err("its concern is neither a kind nor null"),
            },
        }
    }
}

/// Reads a file, or every `.jsonl` file of a folder in the order of their names. Messages that nobody looked at for a
/// concern are left out where that is the target.
///
/// # Errors
/// Names the file and the line that cannot be read.
pub fn read(path: &Path, target: Target) -> anyhow::Result<Vec<Example>> {
    let mut files: Vec<PathBuf> = if path.is_dir() {
        std::fs::read_dir(path)
            .with_context(|| format!("{} cannot be read", path.display()))?
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
            let place = || format!("{} line {}", file.display(), number + 1);
            let line: Line = serde_json::from_str(line)
                .with_context(|| format!("{}: no labelled message (JSON with id, text, label)", place()))?;
            let label = line.label(target).map_err(|why| anyhow::anyhow!("{}: {why}", place()))?;
            let Some(label) = label else { continue };
            let id = line.id.as_str().map_or_else(|| line.id.to_string(), str::to_owned);
            let spot = line.lat.zip(line.lon).and_then(|(lat, lon)| Point::new(lat, lon));
            examples.push(Example { id, text: line.text, label, spot });
        }
    }
    if examples.is_empty() {
        bail!("{} holds no labelled message (JSON lines with id, text, label)", path.display());
    }
    Ok(examples)
}

impl Example {
    /// The message as it is judged.
    #[must_use]
    pub fn question(&self) -> Question {
        let (subject, body) = split(&self.text);
        let shared = self.spot.map(|point| SharedPoint { point, accuracy_m: None });
        Question { subject: subject.to_owned(), body: body.to_owned(), shared, ..Question::default() }
    }
}

/// Splits a text into subject and body where it has a first line and a blank one, as [`Example::text`] is written.
#[must_use]
pub fn split(text: &str) -> (&str, &str) {
    match text.split_once("\n\n") {
        Some((subject, body)) if !subject.contains('\n') && subject.chars().count() < 150 => (subject, body),
        _ => ("", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_lines(lines: &str, target: Target) -> anyhow::Result<Vec<Example>> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("messages.jsonl");
        std::fs::write(&file, lines).expect("a file");
        read(&file, target)
    }

    #[test]
    fn a_line_is_read_for_what_is_asked_of_it_and_further_fields_are_ignored() {
        let lines =
            r#"{"id":7,"text":"a\n\nb","label":"trees","hazard":1,"concern":null,"lat":51.5,"lon":-0.1,"x":[1]}"#;
        let service = read_lines(lines, Target::Service).expect("readable");
        assert_eq!((service[0].id.as_str(), service[0].label.as_str()), ("7", "trees"));
        assert_eq!(service[0].spot, Point::new(51.5, -0.1));
        assert_eq!(service[0].question().subject, "a");
        assert_eq!(read_lines(lines, Target::Hazard).expect("readable")[0].label, "yes");
        assert_eq!(read_lines(lines, Target::Concern).expect("readable")[0].label, "no");
    }

    #[test]
    fn a_line_that_does_not_say_what_is_asked_is_named_or_left_out() {
        let error = read_lines(
            "{\"id\":\"a\",\"text\":\"b\",\"label\":\"trees\"}\n{\"id\":\"c\",\"text\":\"d\"}",
            Target::Service,
        );
        assert!(error.expect_err("no label").to_string().contains("line 2"));
        let nobody_looked = r#"{"id":"a","text":"b","label":"trees"}"#;
        assert!(read_lines(nobody_looked, Target::Concern).is_err());
        assert!(read_lines(nobody_looked, Target::Hazard).is_err());
    }
}
