//! Reads the files of `rules/`, and refuses what cannot be used.

use super::sieve::Sieve;
use super::writing::{Rule, RuleText, build, fill_in};
use super::{Rules, RulesError, Source};
use crate::core::taxonomy::{Body, Department, Route, Service, Taxonomy};
use crate::understanding::reply::{FormWords, Reply};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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
    texts: BTreeMap<String, String>,
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
        let name = path.strip_prefix(&self.root).unwrap_or(path).display().to_string();
        self.texts.insert(name, text.clone());
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    /// Lists of words by name, to be used in this file's patterns as `{name}`.
    #[serde(default)]
    words: BTreeMap<String, String>,
    #[serde(default)]
    rule: Vec<RuleText>,
}

impl Rules {
    /// Loads and checks the folder `root`.
    ///
    /// # Errors
    /// The first thing that is wrong: a file that cannot be read, a key that is unknown, a department that does not exist,
    /// a pattern that is none, an example that does not do what it says.
    pub fn load(root: &Path) -> Result<Self, RulesError> {
        Self::read(root, true)
    }

    /// The same for a folder whose rules were tried before: neither patterns nor examples are looked at, which takes most of the time.
    /// For tests of something else, of which hundreds load the rules that ship.
    ///
    /// # Errors
    /// As [`Rules::load`], but for patterns and examples.
    pub fn load_untried(root: &Path) -> Result<Self, RulesError> {
        Self::read(root, false)
    }

    fn read(root: &Path, try_out: bool) -> Result<Self, RulesError> {
        let mut reader = Reader { root: root.to_owned(), hash: Sha256::new(), texts: BTreeMap::new() };
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
                    .and_then(|()| build(&text, &taxonomy, try_out))
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
            (english.delayed.is_some(), "[delayed]: what is said when it takes longer than was promised"),
            (english.letter.is_some(), "[letter]: what a letter says otherwise than a mail"),
            (english.code.is_some(), "[code]: what is said about going on from another channel"),
            (english.consent.is_some(), "[consent]: the question whether the department may know who they are"),
            (english.private.is_some(), "[private]: what is said to who writes for the councillor only"),
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
        let source = Source { files: reader.texts, off: BTreeSet::new(), addresses: BTreeMap::new() };
        Ok(Self { taxonomy, replies, forms, version, source, rules, sieve })
    }
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
        if let Some(metres) = service.within_m.filter(|metres| !(10..=400).contains(metres)) {
            let what = format!("service '{}': within_m is {metres}; it has to lie between 10 and 400", service.id);
            return Err(reader.error(&services, what));
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
