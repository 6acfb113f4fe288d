//! The rules a council edits: services, departments, patterns, priority, safeguarding, replies.
//!
//! Layout of `rules/`: `services.toml`, `departments.toml`, `responsibility.toml`, `patterns/*.toml`, `priority.toml`,
//! `safeguarding.toml`, `replies/*.toml`. Every `[[rule]]` carries examples that must and must not match; they are checked
//! each time the rules are loaded, so a rule that does not do what it says is never put to work.

use crate::core::Priority;
use crate::core::taxonomy::{Body, Department, Route, Service, Taxonomy};
use crate::core::verdict::Concern;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
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
    concern: Option<String>,
    reason: Option<String>,
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
    /// A worry about somebody's safety.
    Concern(Concern),
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

/// The words of an acknowledgement in one language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Subject; `{reference}`, `{service}`, `{council}` stand for the case's own.
    pub subject: String,
    /// Body when the case goes to a department; also `{greeting}`, `{title}`, `{received}`, `{due}`, `{department}`,
    /// `{contact}`, `{councillor}`, `{place}`.
    pub body: String,
    /// Body when the problem is known already, with the same words.
    pub joined: String,
    /// What `{several}` says where the message held several requests, each of which has a case; else it says nothing.
    #[serde(default)]
    pub several: String,
    /// What `{told}` says where the councillor is told, with `{councillor}`; else it says nothing.
    pub told: String,
}

/// All rules, loaded and checked.
#[derive(Debug)]
pub struct Rules {
    /// Services, departments, responsibility.
    pub taxonomy: Taxonomy,
    /// Words of acknowledgements by ISO 639-1 code; `en` is always there.
    pub replies: BTreeMap<String, Reply>,
    /// First 12 hex digits of the hash over all files: changes whenever a rule does.
    pub version: String,
    rules: Vec<Rule>,
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
            for text in file.rule {
                let rule = build(&text, &taxonomy)
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
            check_reply(&reply).map_err(|what| reader.error(&path, what))?;
            replies.insert(language, reply);
        }
        if !replies.contains_key("en") {
            return Err(reader.error(
                &root.join("replies/en.toml"),
                "is missing: English is what residents get when the language is unsure",
            ));
        }
        let version = format!("{:x}", reader.hash.finalize())[..12].to_owned();
        Ok(Self { taxonomy, replies, version, rules })
    }

    /// Every rule that matches `text` (single spaces, as [`normalise`] leaves it), in the order of the files.
    #[must_use]
    pub fn hits(&self, text: &str) -> Vec<Hit<'_>> {
        // One after the other: each pattern has its own quick search for its letters, which one large set of them all
        // loses (0.6 ms a message against 4 ms, 324 rules).
        self.rules
            .iter()
            .filter_map(|rule| {
                let words = rule.fires(text)?;
                Some(Hit { rule: &rule.id, effect: &rule.effect, words })
            })
            .collect()
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
/// write `don’t` and rules are written `don't`.
#[must_use]
pub fn normalise(text: &str) -> String {
    let plain = text.replace(['\u{2019}', '\u{2018}'], "'").replace(['\u{201c}', '\u{201d}'], "\"");
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

fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).case_insensitive(true).size_limit(4 << 20).build().map_err(|e| {
        let last = e.to_string();
        format!("the pattern is none: {}", last.lines().last().unwrap_or_default().trim_start_matches("error: "))
    })
}

fn build(text: &RuleText, taxonomy: &Taxonomy) -> Result<Rule, String> {
    let effect = match (&text.service, text.priority, &text.concern) {
        (Some(service), None, None) => {
            if !taxonomy.services.contains_key(service) {
                return Err(format!("there is no service '{service}' in services.toml"));
            }
            Effect::Service { service: service.clone(), weight: text.weight.unwrap_or(2.0) }
        }
        (None, Some(priority), None) => {
            let reason = text.reason.clone().ok_or("a priority needs a reason")?;
            Effect::Priority { priority, reason }
        }
        (None, None, Some(kind)) => {
            let reason = text.reason.clone().ok_or("a concern needs a reason")?;
            Effect::Concern(Concern { kind: kind.clone(), reason })
        }
        _ => return Err("says nothing, or more than one thing: give it one of service, priority, concern".to_owned()),
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

fn check_reply(reply: &Reply) -> Result<(), String> {
    const KNOWN: &[&str] = &[
        "reference",
        "service",
        "council",
        "greeting",
        "title",
        "received",
        "due",
        "department",
        "contact",
        "councillor",
        "place",
        "told",
        "several",
    ];
    for text in [&reply.subject, &reply.body, &reply.joined, &reply.told, &reply.several] {
        for part in text.split('{').skip(1) {
            let word = part.split('}').next().unwrap_or_default();
            if !KNOWN.contains(&word) {
                return Err(format!("'{{{word}}}' is none of {}", KNOWN.join(", ")));
            }
        }
    }
    if !reply.body.contains("{reference}") || !reply.joined.contains("{reference}") {
        return Err("a reply must give the resident their {reference}".to_owned());
    }
    Ok(())
}
