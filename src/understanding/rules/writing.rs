//! A rule: as it is written, checked by its examples, and put to work.

use super::{Effect, Part};
use crate::core::Priority;
use crate::core::taxonomy::Taxonomy;
use crate::core::verdict::Concern;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A rule as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleText {
    pub(super) id: String,
    pattern: String,
    unless: Option<String>,
    #[serde(default)]
    matches: Vec<String>,
    #[serde(default)]
    not_matches: Vec<String>,
    service: Option<String>,
    weight: Option<f64>,
    priority: Option<Priority>,
    part: Option<Part>,
    concern: Option<String>,
    reason: Option<String>,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) pattern: Regex,
    unless: Option<Regex>,
    pub(super) effect: Effect,
}

impl Rule {
    /// The words it hits, unless its exception matches too.
    pub(super) fn fires(&self, text: &str) -> Option<String> {
        let words = self.pattern.find(text)?;
        if self.unless.as_ref().is_some_and(|u| u.is_match(text)) {
            return None;
        }
        Some(words.as_str().chars().take(120).collect())
    }
}

/// One line of single spaces: what patterns are written against. Typographic quotes become plain ones, because phones
/// write `don’t` and rules are written `don't`. So do the two letters beyond ASCII that are one with `k` and `s` where case does
/// not count.
#[must_use]
pub fn normalise(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    plain.extend(text.chars().map(|c| match c {
        '\u{2019}' | '\u{2018}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        other => other,
    }));
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Puts the lists of `[words]` in the place of their names. A name has two letters at least, so that it cannot be taken for
/// a count (`{2,5}`) or a class (`\p{L}`).
pub(super) fn fill_in(text: &mut RuleText, words: &BTreeMap<String, String>) -> Result<(), String> {
    let fill = |pattern: &str| -> Result<String, String> {
        let mut out = String::with_capacity(pattern.len() * 2);
        let mut rest = pattern;
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at);
            out += before;
            let name = after[1..].split('}').next().unwrap_or_default();
            if name.len() > 1 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
                let list = words.get(name).ok_or_else(|| format!("there is no '{name}' among the file's [words]"))?;
                out += &format!("(?:{list})");
                rest = &after[name.len() + 2..];
            } else {
                out.push('{');
                rest = &after[1..];
            }
        }
        Ok(out + rest)
    };
    text.pattern = fill(&text.pattern)?;
    text.unless = text.unless.as_deref().map(fill).transpose()?;
    Ok(())
}

fn compile(pattern: &str) -> Result<Regex, String> {
    // The quick engine does not know where a word of any script ends, and hands texts with a single "£" to the slow one.
    // A pattern without foreign letters need only know where English words end.
    let quick = if pattern.is_ascii() { pattern.replace(r"\b", r"(?-u:\b)") } else { pattern.to_owned() };
    RegexBuilder::new(&quick).case_insensitive(true).size_limit(4 << 20).build().map_err(|e| {
        let last = e.to_string();
        format!("the pattern is none: {}", last.lines().last().unwrap_or_default().trim_start_matches("error: "))
    })
}

pub(super) fn build(text: &RuleText, taxonomy: &Taxonomy) -> Result<Rule, String> {
    let effect = match (&text.service, text.priority, text.part, &text.concern) {
        (Some(service), None, None, None) => {
            if !taxonomy.services.contains_key(service) {
                return Err(format!("there is no service '{service}' in services.toml"));
            }
            Effect::Service { service: service.clone(), weight: text.weight.unwrap_or(2.0) }
        }
        (None, Some(priority), None, None) => {
            let reason = text.reason.clone().ok_or("a priority needs a reason")?;
            Effect::Priority { priority, reason }
        }
        (None, None, Some(part), None) => {
            let reason = text.reason.clone().ok_or("a part of urgency needs a reason")?;
            Effect::Part { part, reason }
        }
        (None, None, None, Some(kind)) => {
            let reason = text.reason.clone().ok_or("a concern needs a reason")?;
            Effect::Concern { concern: Concern { kind: kind.clone(), reason }, weight: text.weight.unwrap_or(1.0) }
        }
        _ => {
            return Err(
                "says nothing, or more than one thing: give it one of service, priority, part, concern".to_owned()
            );
        }
    };
    let rule = Rule {
        id: text.id.clone(),
        pattern: compile(&text.pattern)?,
        unless: text.unless.as_deref().map(compile).transpose()?,
        effect,
    };
    if text.matches.is_empty() || text.not_matches.is_empty() {
        return Err("needs examples: at least one under matches and one under not_matches".to_owned());
    }
    if let Some(example) = text.matches.iter().find(|e| rule.fires(&normalise(e)).is_none()) {
        return Err(format!("should match '{example}' and does not"));
    }
    if let Some(example) = text.not_matches.iter().find(|e| rule.fires(&normalise(e)).is_some()) {
        return Err(format!("should not match '{example}' and does"));
    }
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_words_stands_in_a_pattern_by_its_name() {
        let words = BTreeMap::from([("child".to_owned(), "boy|girl".to_owned())]);
        let mut text: RuleText =
            toml::from_str("id = 'a'\npattern = 'the {child}s? x{2,3} \\p{L}'").unwrap_or_else(|e| panic!("{e}"));
        fill_in(&mut text, &words).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(text.pattern, r"the (?:boy|girl)s? x{2,3} \p{L}");
        text.pattern = "the {adult}".to_owned();
        assert_eq!(fill_in(&mut text, &words), Err("there is no 'adult' among the file's [words]".to_owned()));
    }
}
