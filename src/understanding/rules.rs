//! The rules a council edits: services, departments, patterns, priority, safeguarding, replies.
//!
//! Layout of `rules/`: `services.toml`, `departments.toml`, `responsibility.toml`, `patterns/*.toml`, `priority.toml`,
//! `safeguarding.toml`, `replies/*.toml`. Every `[[rule]]` carries examples that must and must not match; they are checked
//! each time the rules are loaded, so a rule that does not do what it says is never put to work.
//!
//! Two things keep many patterns readable. `[words]` at the head of a file names lists that its patterns use as `{child}`.
//! And a rule about somebody's safety has a weight: 1 (as when none is given) is a concern by itself; signs that weigh less
//! add up over the message until they come to 1, and context that speaks against weighs less than nothing. So "he keeps my
//! passport" need not stand in one pattern with "please do not write to the house". See [`concerns`].

mod sieve;

use crate::core::Priority;
use crate::core::taxonomy::{Body, Department, Route, Service, Taxonomy};
use crate::core::verdict::Concern;
use crate::understanding::reply::{
    ClosedReply, CodeReply, ConsentReply, FormWords, LetterReply, Reply, SafeReply, TextReply,
};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use sieve::Sieve;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why rules were not taken: one line that names the file, the place and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct RulesError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    /// Lists of words by name, to be used in this file's patterns as `{name}`.
    #[serde(default)]
    words: BTreeMap<String, String>,
    #[serde(default)]
    rule: Vec<RuleText>,
}

/// A rule as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    id: String,
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

/// The parts of urgency that rules speak of beside the hazard; see [`super::priority`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Who is waiting: a child, somebody old, ill, disabled, alone.
    Vulnerability,
    /// What cannot wait, or has waited long.
    Time,
    /// It was told before.
    Repetition,
}

impl Part {
    /// Its name, for people and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vulnerability => "vulnerability",
            Self::Time => "time",
            Self::Repetition => "repetition",
        }
    }
}

/// What a rule says when it matches.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Evidence for a service, as log-odds.
    Service {
        /// Service key.
        service: String,
        /// Log-odds added.
        weight: f64,
    },
    /// How pressing, and why.
    Priority {
        /// How pressing.
        priority: Priority,
        /// Why, in words for people.
        reason: String,
    },
    /// Something that makes a message more pressing without being a hazard.
    Part {
        /// Which part of urgency it belongs to.
        part: Part,
        /// Why, in words for people.
        reason: String,
    },
    /// A sign of danger to somebody.
    Concern {
        /// What there is to worry about.
        concern: Concern,
        /// How much it weighs: 1 is enough by itself, less than 0 speaks against; see [`concerns`].
        weight: f64,
    },
}

#[derive(Debug)]
struct Rule {
    id: String,
    pattern: Regex,
    unless: Option<Regex>,
    effect: Effect,
}

/// A rule that matched.
#[derive(Clone, Debug)]
pub struct Hit<'a> {
    /// The rule's id.
    pub rule: &'a str,
    /// What it says.
    pub effect: &'a Effect,
    /// The words it hit.
    pub words: String,
}

/// What the small signs of danger that hit weigh together, those that speak against taken off; below 1 it is no concern yet,
/// but a second voice may make it one.
#[must_use]
pub fn weight_of_signs(hits: &[Hit<'_>]) -> f64 {
    let weights = hits.iter().filter_map(|hit| match hit.effect {
        Effect::Concern { weight, .. } if *weight < 1.0 => Some(*weight),
        _ => None,
    });
    weights.sum()
}

/// What the signs of danger that hit come to: each kind once, the heaviest first and "unclear" last; empty where it is nothing to hold a
/// message for.
///
/// A sign of weight 1 is a concern whatever else the message says. Lighter ones count together, of whatever kind: where they
/// come to 1 with what speaks against them taken off, every kind among them is a concern; where they are not `adding_up`, only
/// signs of weight 1 are.
#[must_use]
pub fn concerns(hits: &[Hit<'_>], adding_up: bool) -> Vec<Concern> {
    let signs = || {
        hits.iter().filter_map(|hit| match hit.effect {
            Effect::Concern { concern, weight } => Some((concern, *weight)),
            Effect::Service { .. } | Effect::Priority { .. } | Effect::Part { .. } => None,
        })
    };
    let together = weight_of_signs(hits);
    // A thousandth is left for what adding decimal fractions loses.
    let enough = |weight: f64| weight >= 1.0 || (adding_up && weight > 0.0 && together >= 0.999);
    let mut kinds: Vec<(Concern, f64)> = Vec::new();
    for (concern, weight) in signs().filter(|(_, weight)| enough(*weight)) {
        match kinds.iter_mut().find(|(known, _)| known.kind == concern.kind) {
            Some((_, sum)) => *sum += weight,
            None => kinds.push((concern.clone(), weight)),
        }
    }
    let unclear = |concern: &Concern| concern.kind == "unclear";
    kinds.sort_by(|a, b| unclear(&a.0).cmp(&unclear(&b.0)).then_with(|| b.1.total_cmp(&a.1)));
    kinds.into_iter().map(|(concern, _)| concern).collect()
}

/// How heavy the heaviest sign of danger is that hit: 1 where a rule points at it plainly, 0 where none points at it at all.
#[must_use]
pub fn heaviest_sign(hits: &[Hit<'_>]) -> f64 {
    let weights = hits.iter().filter_map(|hit| match hit.effect {
        Effect::Concern { weight, .. } => Some(*weight),
        _ => None,
    });
    weights.fold(0.0, f64::max)
}

/// All rules, loaded and checked.
#[derive(Debug)]
pub struct Rules {
    /// Services, departments, responsibility.
    pub taxonomy: Taxonomy,
    /// Words of acknowledgements by ISO 639-1 code; `en` is always there.
    pub replies: BTreeMap<String, Reply>,
    /// Words of the form on the web by ISO 639-1 code; `en` is always there.
    pub forms: BTreeMap<String, FormWords>,
    /// First 12 hex digits of the hash over all files: changes whenever a rule does.
    pub version: String,
    rules: Vec<Rule>,
    sieve: Sieve,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServicesFile {
    service: Vec<Service>,
}
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DepartmentsFile {
    department: Vec<Department>,
    #[serde(default)]
    route: Vec<Route>,
}
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BodiesFile {
    #[serde(default)]
    body: Vec<Body>,
}

/// Reads files and remembers what was read, for the version.
struct Reader {
    root: PathBuf,
    hash: Sha256,
}

impl Reader {
    fn error(&self, path: &Path, what: impl Into<String>) -> RulesError {
        let file = path.strip_prefix(self.root.parent().unwrap_or(&self.root)).unwrap_or(path);
        RulesError { file: file.display().to_string(), what: what.into() }
    }

    fn read<T: DeserializeOwned>(&mut self, path: &Path) -> Result<T, RulesError> {
        let text = std::fs::read_to_string(path).map_err(|e| self.error(path, format!("cannot be read: {e}")))?;
        self.hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        self.hash.update(text.as_bytes());
        toml::from_str(&text).map_err(|e| {
            let line = e.span().map_or(0, |span| {
                text.as_bytes()[..span.start.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
            });
            self.error(path, format!("line {line}: {}", e.message().replace('\n', " ")))
        })
    }

    fn toml_files(&self, folder: &str) -> Result<Vec<PathBuf>, RulesError> {
        let folder = self.root.join(folder);
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .map_err(|e| self.error(&folder, format!("cannot be read: {e}")))?
            .filter_map(|entry| entry.ok().map(|e| e.path()))
            .filter(|path| path.extension().is_some_and(|e| e == "toml"))
            .collect();
        files.sort();
        Ok(files)
    }
}

impl Rules {
    /// Loads and checks the folder `root`.
    ///
    /// # Errors
    /// The first thing that is wrong: a file that cannot be read, a key that is unknown, a department that does not exist,
    /// a pattern that is none, an example that does not do what it says.
    pub fn load(root: &Path) -> Result<Self, RulesError> {
        let mut reader = Reader { root: root.to_owned(), hash: Sha256::new() };
        if !root.is_dir() {
            let what = "there is no such folder; set [rules] dir to the folder with services.toml".to_owned();
            return Err(RulesError { file: root.display().to_string(), what });
        }
        let taxonomy = load_taxonomy(&mut reader)?;
        let mut files = reader.toml_files("patterns")?;
        files.extend(["priority.toml", "safeguarding.toml"].map(|f| root.join(f)));
        let mut rules: Vec<Rule> = Vec::new();
        for path in files {
            let file: RuleFile = reader.read(&path)?;
            for mut text in file.rule {
                let rule = fill_in(&mut text, &file.words)
                    .and_then(|()| build(&text, &taxonomy))
                    .map_err(|what| reader.error(&path, format!("rule '{}': {what}", text.id)))?;
                if rules.iter().any(|r| r.id == rule.id) {
                    return Err(reader.error(&path, format!("rule '{}' stands twice: give each its own id", rule.id)));
                }
                rules.push(rule);
            }
        }
        let mut replies = BTreeMap::new();
        for path in reader.toml_files("replies")? {
            let language = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let reply: Reply = reader.read(&path)?;
            reply.check().map_err(|what| reader.error(&path, what))?;
            replies.insert(language, reply);
        }
        let english = replies.get("en").ok_or_else(|| {
            let what = "is missing: English is what residents get when the language is unsure";
            reader.error(&root.join("replies/en.toml"), what)
        })?;
        let needed = [
            (english.safe.is_some(), "[safe] with subject and body: the words for somebody who may be in danger"),
            (english.text.is_some(), "[text]: the words for those who write by text"),
            (english.closed.is_some(), "[closed]: what is said when a case is closed"),
            (english.letter.is_some(), "[letter]: what a letter says otherwise than a mail"),
            (english.code.is_some(), "[code]: what is said about going on from another channel"),
            (english.consent.is_some(), "[consent]: the question whether the department may know who they are"),
        ];
        if let Some((_, what)) = needed.iter().find(|(there, _)| !there) {
            return Err(reader.error(&root.join("replies/en.toml"), format!("has no {what}")));
        }
        let mut forms = BTreeMap::new();
        for path in reader.toml_files("form")? {
            let language = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let words: FormWords = reader.read(&path)?;
            words.check().map_err(|what| reader.error(&path, what))?;
            forms.insert(language, words);
        }
        if !forms.contains_key("en") {
            let what = "is missing: English is what the form falls back on";
            return Err(reader.error(&root.join("form/en.toml"), what));
        }
        let sieve =
            Sieve::new(rules.iter().map(|rule| rule.pattern.as_str())).map_err(|what| reader.error(root, what))?;
        let version = format!("{:x}", reader.hash.finalize())[..12].to_owned();
        Ok(Self { taxonomy, replies, forms, version, rules, sieve })
    }

    /// Every rule that matches `text` (single spaces, as [`normalise`] leaves it), in the order of the files.
    #[must_use]
    pub fn hits(&self, text: &str) -> Vec<Hit<'_>> {
        self.sieve
            .may_match(text)
            .into_iter()
            .filter_map(|at| {
                let rule = self.rules.get(at)?;
                let words = rule.fires(text)?;
                Some(Hit { rule: &rule.id, effect: &rule.effect, words })
            })
            .collect()
    }

    /// The kinds of concern that rules know, each once, in alphabetical order.
    #[must_use]
    pub fn concern_kinds(&self) -> Vec<&str> {
        let kinds = self.rules.iter().filter_map(|rule| match &rule.effect {
            Effect::Concern { concern, .. } => Some(concern.kind.as_str()),
            Effect::Service { .. } | Effect::Priority { .. } | Effect::Part { .. } => None,
        });
        kinds.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no rule at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The words of the form on the web in `language`, English where there are none.
    #[must_use]
    pub fn form_words(&self, language: &str) -> (&str, &FormWords) {
        let found = self.forms.get_key_value(language).or_else(|| self.forms.get_key_value("en"));
        let (code, words) = found.unwrap_or_else(|| unreachable!("load() refuses rules without the form in English"));
        (code, words)
    }

    /// The words of the acknowledgement in `language`, English where there are none.
    #[must_use]
    pub fn reply(&self, language: &str) -> (&str, &Reply) {
        let (code, reply) = self
            .replies
            .get_key_value(language)
            .or_else(|| self.replies.get_key_value("en"))
            .unwrap_or_else(|| unreachable!("load() refuses rules without English replies"));
        (code, reply)
    }

    /// The words of text messages, and their language: English where `language` has none.
    #[must_use]
    pub fn text_reply(&self, language: &str) -> (&str, &TextReply) {
        self.section(language, |reply| reply.text.as_ref())
    }

    /// The words of the acknowledgement that gives nothing away, and their language: English where `language` has none.
    #[must_use]
    pub fn safe_reply(&self, language: &str) -> (&str, &SafeReply) {
        self.section(language, |reply| reply.safe.as_ref())
    }

    /// What is said when a case is closed, and its language: English where `language` has none.
    #[must_use]
    pub fn closed_reply(&self, language: &str) -> (&str, &ClosedReply) {
        self.section(language, |reply| reply.closed.as_ref())
    }

    /// What a letter says otherwise than a mail, and its language: English where `language` has none.
    #[must_use]
    pub fn letter_reply(&self, language: &str) -> (&str, &LetterReply) {
        self.section(language, |reply| reply.letter.as_ref())
    }

    /// What is said about going on from another channel, and its language: English where `language` has none.
    #[must_use]
    pub fn code_reply(&self, language: &str) -> (&str, &CodeReply) {
        self.section(language, |reply| reply.code.as_ref())
    }

    /// The question of consent, and its language: English where `language` has none.
    #[must_use]
    pub fn consent_reply(&self, language: &str) -> (&str, &ConsentReply) {
        self.section(language, |reply| reply.consent.as_ref())
    }

    fn section<'a, T>(&'a self, language: &str, of: fn(&'a Reply) -> Option<&'a T>) -> (&'a str, &'a T) {
        let find = |code: &str| self.replies.get_key_value(code).and_then(|(code, r)| Some((code.as_str(), of(r)?)));
        find(language)
            .or_else(|| find("en"))
            .unwrap_or_else(|| unreachable!("load() refuses English replies without a section"))
    }
}

impl Rule {
    /// The words it hits, unless its exception matches too.
    fn fires(&self, text: &str) -> Option<String> {
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

fn load_taxonomy(reader: &mut Reader) -> Result<Taxonomy, RulesError> {
    let root = reader.root.clone();
    let (services, departments, bodies) =
        (root.join("services.toml"), root.join("departments.toml"), root.join("responsibility.toml"));
    let departments_file: DepartmentsFile = reader.read(&departments)?;
    let services_file: ServicesFile = reader.read(&services)?;
    let bodies_file: BodiesFile = reader.read(&bodies)?;
    let mut taxonomy = Taxonomy { routes: departments_file.route, ..Taxonomy::default() };
    for department in departments_file.department {
        if crate::core::Address::new(&department.email, None).is_none() {
            return Err(reader.error(
                &departments,
                format!("department '{}': '{}' is no email address", department.id, department.email),
            ));
        }
        if let Some(double) = taxonomy.departments.insert(department.id.clone(), department) {
            return Err(reader.error(&departments, format!("department '{}' stands twice", double.id)));
        }
    }
    for body in bodies_file.body {
        taxonomy.bodies.insert(body.id.clone(), body);
    }
    for service in services_file.service {
        if !taxonomy.departments.contains_key(&service.department) {
            let what = format!(
                "service '{}': there is no department '{}' in departments.toml",
                service.id, service.department
            );
            return Err(reader.error(&services, what));
        }
        for who in [&service.responsible.one_tier, &service.responsible.two_tier] {
            if who != "council" && !taxonomy.bodies.contains_key(who) {
                let what =
                    format!("service '{}': '{who}' is neither 'council' nor a body of responsibility.toml", service.id);
                return Err(reader.error(&services, what));
            }
        }
        if let Some(double) = taxonomy.services.insert(service.id.clone(), service) {
            return Err(reader.error(&services, format!("service '{}' stands twice", double.id)));
        }
    }
    for route in &taxonomy.routes {
        if !taxonomy.services.contains_key(&route.service) || !taxonomy.departments.contains_key(&route.department) {
            let what = format!("route of '{}' to '{}': one of them does not exist", route.service, route.department);
            return Err(reader.error(&departments, what));
        }
    }
    // What the program falls back on must be there whatever the council removes.
    if !taxonomy.services.contains_key("general_enquiry") {
        return Err(
            reader.error(&services, "the service 'general_enquiry' is missing: it is what an unclear message is")
        );
    }
    Ok(taxonomy)
}

/// Puts the lists of `[words]` in the place of their names. A name has two letters at least, so that it cannot be taken for
/// a count (`{2,5}`) or a class (`\p{L}`).
fn fill_in(text: &mut RuleText, words: &BTreeMap<String, String>) -> Result<(), String> {
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

fn build(text: &RuleText, taxonomy: &Taxonomy) -> Result<Rule, String> {
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

    fn sign(kind: &str, weight: f64) -> Effect {
        Effect::Concern { concern: Concern { kind: kind.to_owned(), reason: format!("a sign of {kind}") }, weight }
    }

    fn kinds(signs: &[Effect]) -> Vec<String> {
        let hits: Vec<Hit<'_>> =
            signs.iter().map(|effect| Hit { rule: "a.sign", effect, words: String::new() }).collect();
        concerns(&hits, true).into_iter().map(|concern| concern.kind).collect()
    }

    #[test]
    fn small_signs_add_up_to_a_concern_and_one_alone_is_none() {
        assert!(kinds(&[sign("child_at_risk", 0.6)]).is_empty());
        assert_eq!(kinds(&[sign("child_at_risk", 0.6), sign("unclear", 0.4)]), ["child_at_risk", "unclear"]);
        let heaviest = [sign("unclear", 0.9), sign("self_harm", 0.2), sign("adult_at_risk", 0.3)];
        assert_eq!(kinds(&heaviest), ["adult_at_risk", "self_harm", "unclear"]);
    }

    #[test]
    fn what_speaks_against_takes_from_small_signs_and_never_from_a_plain_one() {
        let small = [sign("self_harm", 0.6), sign("unclear", 0.5), sign("unclear", -0.5)];
        assert!(kinds(&small).is_empty());
        let plain = [sign("self_harm", 1.0), sign("unclear", -0.7)];
        assert_eq!(kinds(&plain), ["self_harm"]);
    }

    #[test]
    fn the_sieve_leaves_out_no_shipped_rule_that_matches_a_message() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let rules = Rules::load(&home.join("rules")).unwrap_or_else(|e| panic!("{e}"));
        let mut hits = 0;
        for file in ["messages/homes.jsonl", "safeguarding/check.jsonl"] {
            let text = std::fs::read_to_string(home.join("training-data").join(file)).unwrap_or_else(|e| panic!("{e}"));
            for line in text.lines().step_by(4) {
                let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}"));
                let plain = normalise(line["text"].as_str().unwrap_or_default());
                let found: Vec<&str> = rules.hits(&plain).iter().map(|hit| hit.rule).collect();
                let tried: Vec<&str> =
                    rules.rules.iter().filter(|r| r.fires(&plain).is_some()).map(|r| r.id.as_str()).collect();
                assert_eq!(found, tried, "{plain}");
                hits += found.len();
            }
        }
        assert!(hits > 200, "{hits}");
    }

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
