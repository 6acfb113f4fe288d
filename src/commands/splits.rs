//! `beadle evaluate-splits`: how well several requests in one message are recognised.

use super::{home, progress, say, shipped_encoder};
use crate::core::Part;
use crate::learning::dataset;
use crate::understanding::models::Models;
use crate::understanding::place::Places;
use crate::understanding::rules::Rules;
use crate::understanding::{Question, Understanding};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Say how well several requests in one message are recognised.
#[derive(Debug, Args)]
pub struct SplitsArgs {
    /// JSON lines with id, text and requests, each with label and words.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Only messages whose id ends in an odd or an even number: one half to work with, the other to be judged by.
    #[arg(long)]
    half: Option<Half>,
    /// Name each message that was judged wrong.
    #[arg(long)]
    wrong: bool,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Half {
    Odd,
    Even,
}

/// One message of the file.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    text: String,
    requests: Vec<Request>,
}

/// One request it holds.
#[derive(Debug, Deserialize)]
struct Request {
    label: String,
    words: String,
}

/// What came out.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Figures {
    /// Messages.
    messages: usize,
    /// Of them, those that hold several requests.
    several: usize,
    /// Of them, those found to hold several.
    found: usize,
    /// Those said to hold several that hold one.
    wrongly: usize,
    /// Of those said to hold several, the share that does.
    precision: f64,
    /// Of those that hold several, the share said to.
    recall: f64,
    /// Of those found, the share with the right number of parts.
    right_number: f64,
    /// Requests of the messages found.
    requests: usize,
    /// Of them, the share whose part has the right service.
    part_accuracy: f64,
}

/// Judges every message and compares.
pub async fn evaluate(args: SplitsArgs) -> anyhow::Result<u8> {
    let home = home()?;
    let rules = Rules::load(&home.join("rules"))?;
    let encoder = shipped_encoder(&home)?;
    let models = Models::load(&home.join("models"), encoder.version())?;
    let mut rows = read(&args.data)?;
    rows.retain(|row| args.half.is_none_or(|half| half_of(&row.id) == Some(half)));
    progress(format!("judging {} messages", rows.len()));
    let understanding = Understanding::new(rules, Some(encoder), Some(models), Places::load(None, None, None)?);
    let questions: Vec<Question> = rows.iter().map(|row| question(&row.text)).collect();
    let mut found = Vec::with_capacity(rows.len());
    for chunk in questions.chunks(64) {
        found.extend(understanding.judge(chunk).await.into_iter().map(|verdict| verdict.parts));
    }
    let figures = compare(&rows, &found);
    if args.wrong {
        for (row, parts) in rows.iter().zip(&found).filter(|(row, parts)| (row.requests.len() > 1) == parts.is_empty())
        {
            let labels: Vec<&str> = row.requests.iter().map(|r| r.label.as_str()).collect();
            let said: Vec<String> = parts.iter().map(|p| format!("{} {:.2}", p.service, p.confidence)).collect();
            say(format!("{}: holds {}; found {}", row.id, labels.join(", "), said.join(", ")));
        }
    }
    if args.json {
        say(serde_json::to_string(&figures)?);
        return Ok(0);
    }
    say(format!(
        "messages {}, of which {} hold several requests\nsaid to hold several: {} rightly, {} wrongly\n\
         precision {:.3}\nrecall {:.3}\nright number of parts {:.3}\nservice of the parts right {:.3} of {}",
        figures.messages,
        figures.several,
        figures.found,
        figures.wrongly,
        figures.precision,
        figures.recall,
        figures.right_number,
        figures.part_accuracy,
        figures.requests,
    ));
    Ok(0)
}

fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let rows: Vec<Row> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("{} line {number}: no message with its requests", path.display()))
        })
        .collect::<anyhow::Result<_>>()?;
    if rows.is_empty() {
        bail!("{} holds no message (JSON lines with id, text, requests)", path.display());
    }
    Ok(rows)
}

fn half_of(id: &str) -> Option<Half> {
    let last = id.chars().next_back()?.to_digit(10)?;
    Some(if last % 2 == 1 { Half::Odd } else { Half::Even })
}

fn question(text: &str) -> Question {
    let (subject, body) = dataset::split(text);
    Question { subject: subject.to_owned(), body: body.to_owned(), ..Question::default() }
}

fn compare(rows: &[Row], found: &[Vec<Part>]) -> Figures {
    let share = |part: usize, of: usize| if of == 0 { 0.0 } else { part as f64 / of as f64 };
    let mut f = Figures { messages: rows.len(), ..Figures::default() };
    let (mut right_number, mut right_parts) = (0, 0);
    for (row, parts) in rows.iter().zip(found) {
        let several = row.requests.len() > 1;
        f.several += usize::from(several);
        if parts.is_empty() {
            continue;
        }
        if !several {
            f.wrongly += 1;
            continue;
        }
        f.found += 1;
        right_number += usize::from(parts.len() == row.requests.len());
        f.requests += row.requests.len();
        right_parts += row.requests.iter().filter(|r| part_of(r, parts).is_some_and(|p| p.service == r.label)).count();
    }
    f.precision = share(f.found, f.found + f.wrongly);
    f.recall = share(f.found, f.several);
    f.right_number = share(right_number, f.found);
    f.part_accuracy = share(right_parts, f.requests);
    f
}

/// The part that holds most of a request's words.
fn part_of<'a>(request: &Request, parts: &'a [Part]) -> Option<&'a Part> {
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
    };
    let wanted = words(&request.words);
    parts.iter().max_by_key(|part| words(&part.words).intersection(&wanted).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Priority;

    fn part(service: &str, words: &str) -> Part {
        Part {
            words: words.to_owned(),
            service: service.to_owned(),
            confidence: 1.0,
            candidates: Vec::new(),
            priority: Priority::Normal,
            place: None,
            reasons: Vec::new(),
        }
    }

    fn row(id: &str, requests: &[(&str, &str)]) -> Row {
        let requests = requests.iter().map(|(l, w)| Request { label: (*l).to_owned(), words: (*w).to_owned() });
        Row { id: id.to_owned(), text: String::new(), requests: requests.collect() }
    }

    #[test]
    fn a_message_wrongly_taken_apart_costs_precision_and_one_that_was_missed_costs_recall() {
        let two: &[(&str, &str)] = &[("trees", "the oak hangs over"), ("parking", "cars on the bend")];
        let rows = [row("a-1", two), row("a-2", two), row("a-3", &[("trees", "the oak")])];
        let split = vec![part("trees", "the oak hangs over"), part("noise", "cars on the bend")];
        let figures = compare(&rows, &[split.clone(), Vec::new(), split]);
        assert_eq!((figures.precision, figures.recall), (0.5, 0.5));
        assert_eq!((figures.requests, figures.part_accuracy), (2, 0.5), "each request is compared with its own part");
    }

    #[test]
    fn the_halves_of_a_file_are_told_apart_by_the_last_figure_of_the_id() {
        assert_eq!((half_of("several-0013"), half_of("several-0120")), (Some(Half::Odd), Some(Half::Even)));
    }
}
