//! `beadle dataset`.

use super::say;
use crate::learning::sheet::{self, Against, Sheet, Words};
use clap::Args;
use std::path::PathBuf;

/// Say how wide and various a set of labelled messages is.
#[derive(Debug, Args)]
pub struct DatasetArgs {
    /// Labelled messages: a file or a folder of JSON lines (id, text, label; further fields are counted where they are there).
    #[arg(long, value_name = "FILE|DIR")]
    data: PathBuf,
    /// Another set: how many of its words are known in this one, and whether text of it has leaked.
    #[arg(long, value_name = "FILE|DIR")]
    against: Option<PathBuf>,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// Prints the figures.
pub fn dataset(args: &DatasetArgs) -> anyhow::Result<u8> {
    let rows = sheet::read(&args.data)?;
    let of = sheet::sheet(&rows);
    let against = args.against.as_deref().map(sheet::read).transpose()?.map(|other| sheet::against(&rows, &other));
    if args.json {
        let mut object = serde_json::to_value(&of)?;
        object["against"] = serde_json::to_value(&against)?;
        say(object.to_string());
        return Ok(0);
    }
    print(&of);
    if let Some(against) = &against {
        print_against(against);
    }
    Ok(0)
}

fn print(sheet: &Sheet) {
    say(format!("messages            {}", sheet.messages));
    let [least, first, median, third, most] = sheet.words_of_a_message;
    say(format!("words a message     {least} to {most}; half have {first} to {third}, the middle one {median}"));
    print_words(&sheet.words);
    say(format!("different openings  {} of the messages (first three words)", percent(sheet.different_openings)));
    let near = &sheet.near_duplicates;
    let at_least = if near.at_least { "at least " } else { "" };
    say(format!(
        "near-duplicates     {at_least}{} pairs, {at_least}{} of the messages",
        near.pairs,
        percent(near.share)
    ));
    for (a, b) in near.ids.iter().take(5) {
        say(format!("                    {a} and {b}"));
    }
    for (field, values) in &sheet.counts {
        say(format!("by {field}"));
        for (value, count) in values {
            say(format!("  {value:32} {count:6}  {}", percent(*count as f64 / sheet.messages as f64)));
        }
    }
}

fn print_words(words: &Words) {
    say(format!("words               {}, of which {} different", words.tokens, words.types));
    for (size, types) in &words.types_in_samples {
        say(format!("                    {types} different in {size}"));
    }
}

fn print_against(against: &Against) {
    say(format!("beside another set of {} messages", against.messages));
    print_words(&against.words);
    say(format!("its words known     {}", percent(against.tokens_known)));
    say(format!(
        "its frequent words  {} known (different words seen five times or more)",
        percent(against.frequent_types_known)
    ));
    say(format!(
        "six words in a row  {} in both, in {} of the messages {}",
        against.shared_runs,
        against.messages_with_shared_runs,
        against.ids.join(" ")
    ));
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
