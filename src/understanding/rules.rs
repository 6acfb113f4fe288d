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

mod files;
pub mod folder;
mod sieve;
mod signs;
mod words;
mod writing;

pub use signs::{concerns, heaviest_sign, weight_of_signs};
pub use writing::normalise;

use crate::core::Priority;
use crate::core::taxonomy::{GENERAL, Taxonomy};
use crate::core::verdict::Concern;
use crate::understanding::reply::{FormWords, Reply};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sieve::Sieve;
use std::collections::{BTreeMap, BTreeSet};
use writing::Rule;

/// Why rules were not taken: one line that names the file, the place and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct RulesError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

/// What a council chose from the rules without changing their files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Services that are not taken here.
    pub off: BTreeSet<String>,
    /// Where departments get their cases, by key, instead of where their file says.
    pub addresses: BTreeMap<String, String>,
    /// Services that may be gone from the rules since they were switched off; any other one that is off has to be there.
    pub services_may_be_gone: BTreeSet<String>,
    /// Departments that may be gone since they were given an address; any other one has to be there.
    pub departments_may_be_gone: BTreeSet<String>,
}

impl Choice {
    /// What is passed over because the rules do not have it any more, in words.
    #[must_use]
    pub fn gone(&self, taxonomy: &Taxonomy) -> Vec<String> {
        let may_be = |what: &'static str, id: &String| {
            format!(
                "the {what} '{id}' of the set-up is not in the rules any more, so what was chosen of it is passed over"
            )
        };
        let services = self.services_may_be_gone.iter().filter(|id| !taxonomy.services.contains_key(*id));
        let departments = self.departments_may_be_gone.iter().filter(|id| !taxonomy.departments.contains_key(*id));
        services.map(|id| may_be("service", id)).chain(departments.map(|id| may_be("department", id))).collect()
    }
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

/// What rules were made of: enough to make the same again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What stood in each file, by its path below the folder.
    pub files: BTreeMap<String, String>,
    /// Services that were off.
    pub off: BTreeSet<String>,
    /// Where departments got their cases instead of where their file says.
    pub addresses: BTreeMap<String, String>,
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
    /// What they were made of.
    pub source: Source,
    rules: Vec<Rule>,
    sieve: Sieve,
}

impl Rules {
    /// The same rules with what the council chose from them; the version says so.
    ///
    /// # Errors
    /// When a service or a department does not exist and has to, an address is none, or what nothing else fits is to be off.
    pub fn chosen(mut self, choice: &Choice) -> Result<Self, RulesError> {
        let wrong = |what: String| RulesError { file: "[rules]".to_owned(), what };
        for id in &choice.off {
            let Some(service) = self.taxonomy.services.get_mut(id) else {
                if choice.services_may_be_gone.contains(id) {
                    continue;
                }
                return Err(wrong(format!("off: there is no service '{id}'")));
            };
            if id == GENERAL {
                return Err(wrong(format!("off: '{id}' has to stay, for what no other service fits")));
            }
            service.off = true;
        }
        for (id, address) in &choice.addresses {
            let Some(department) = self.taxonomy.departments.get_mut(id) else {
                if choice.departments_may_be_gone.contains(id) {
                    continue;
                }
                return Err(wrong(format!("addresses: there is no department '{id}'")));
            };
            if crate::core::Address::new(address, None).is_none() {
                return Err(wrong(format!("addresses: '{address}' of '{id}' is no email address")));
            }
            department.email.clone_from(address);
        }
        self.source.off.clone_from(&choice.off);
        self.source.addresses.clone_from(&choice.addresses);
        if *choice != Choice::default() {
            let mut hash = Sha256::new();
            hash.update(&self.version);
            choice.off.iter().for_each(|id| hash.update(format!("-{id};")));
            choice.addresses.iter().for_each(|(id, address)| hash.update(format!("{id}={address};")));
            self.version = format!("{:x}", hash.finalize())[..12].to_owned();
        }
        Ok(self)
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

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
}
