//! A rule: as it is written, checked by its examples, and put to work.

use super::{Effect, Part};
use crate::core::Priority;
use crate::core::taxonomy::Taxonomy;
use crate::core::verdict::Concern;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

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
    pub(super) pattern: Pattern,
    unless: Option<Pattern>,
    pub(super) effect: Effect,
}

/// A pattern, made ready when it is first tried: most are tried on few messages or none, and making all of them ready takes a second.
#[derive(Debug)]
pub(super) struct Pattern {
    text: String,
    ready: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn new(pattern: &str) -> Self {
        // The quick engine does not know where a word of any script ends, and hands texts with a single "£" to the slow one.
        // A pattern without foreign letters need only know where English words end.
        let text = if pattern.is_ascii() { pattern.replace(r"\b", r"(?-u:\b)") } else { pattern.to_owned() };
        Self { text, ready: OnceLock::new() }
    }

    /// As the engine gets it.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Makes it ready, or says why it is no pattern.
    fn check(&self) -> Result<(), String> {
        let regex = compile(&self.text)?;
        // Nobody has tried it yet, or it was made of the same text.
        let _ = self.ready.set(Some(regex));
        Ok(())
    }

    /// What is no pattern matches nothing: rules are in force only once they were checked.
    fn ready(&self) -> Option<&Regex> {
        self.ready.get_or_init(|| compile(&self.text).ok()).as_ref()
    }
}

impl Rule {
    /// The words it hits, unless its exception matches too.
    pub(super) fn fires(&self, text: &str) -> Option<String> {
        let words = self.pattern.ready()?.find(text)?;
        if self.unless.as_ref().and_then(Pattern::ready).is_some_and(|unless| unless.is_match(text)) {
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
    RegexBuilder::new(pattern).case_insensitive(true).size_limit(4 << 20).build().map_err(|e| {
        let last = e.to_string();
        format!("the pattern is none: {}", last.lines().last().unwrap_or_default().trim_start_matches("error: "))
    })
}

/// The rule of a text; with `try_out` only where its pattern is one and does what its examples say.
pub(super) fn build(text: &RuleText, taxonomy: &Taxonomy, try_out: bool) -> Result<Rule, String> {
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
        pattern: Pattern::new(&text.pattern),
        unless: text.unless.as_deref().map(Pattern::new),
        effect,
    };
    if try_out {
        check(&rule, text)?;
    }
    Ok(rule)
}

/// Whether a rule does what its examples say.
fn check(rule: &Rule, text: &RuleText) -> Result<(), String> {
    rule.pattern.check()?;
    rule.unless.as_ref().map_or(Ok(()), Pattern::check)?;
    if text.matches.is_empty() || text.not_matches.is_empty() {
        return Err("needs examples: at least one under matches and one under not_matches".to_owned());
    }
    if let Some(example) = text.matches.iter().find(|e| rule.fires(&normalise(e)).is_none()) {
        return Err(format!("should match '{example}' and does not"));
    }
    if let Some(example) = text.not_matches.iter().find(|e| rule.fires(&normalise(e)).is_some()) {
        return Err(format!("should not match '{example}' and does"));
    }
    Ok(())
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
