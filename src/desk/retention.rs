//! What residents wrote is kept for as long as the council says, and no longer.

use crate::core::{CaseId, Ids, Taxonomy};
use crate::store::{self, Db, Tx, erasure};
use chrono::{DateTime, Months, Utc};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// So many closed cases in one transaction: others want to write, too.
const AT_ONCE: usize = 20;
/// What the trail calls who does it.
const ACTOR: &str = "beadle";

/// Nobody keeps for longer than a hundred years; what is above is taken for days.
const LONGEST: u32 = 1_200;

/// How long what residents wrote, and who they are, is kept once a case is closed; then it is erased, and what is counted stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Months after a case was closed. Without it, nothing is erased by itself but of the services below.
    pub months: Option<u32>,
    /// The same by service, as `rules/services.toml` calls it, where it is to be another time.
    pub services: BTreeMap<String, u32>,
}

impl Retention {
    /// What is wrong with it.
    ///
    /// # Errors
    /// In a sentence.
    pub fn check(&self) -> Result<(), String> {
        let given = self.services.iter().map(|(service, months)| (format!("services.{service}"), *months));
        for (what, months) in given.chain(self.months.map(|months| ("months".to_owned(), months))) {
            if !(1..=LONGEST).contains(&months) {
                return Err(format!("[retention] {what} is {months}: give whole months, from 1 to {LONGEST}"));
            }
        }
        Ok(())
    }

    /// Whether anything is ever erased by it.
    #[must_use]
    pub fn erases(&self) -> bool {
        self.months.is_some() || !self.services.is_empty()
    }

    /// Services that stand here and are none, each in a sentence.
    pub fn gone<'a>(&'a self, taxonomy: &'a Taxonomy) -> impl Iterator<Item = String> + 'a {
        let unknown = self.services.keys().filter(|service| !taxonomy.services.contains_key(*service));
        unknown.map(|service| {
            format!(
                "[retention] services has {service}, which is no service: its cases are kept like those of all others"
            )
        })
    }
}

/// What was erased in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Cases, those that were joined to others among them.
    pub cases: usize,
    /// Messages that were no part of a case.
    pub messages: usize,
}

/// Erases some of what has been kept for long enough; nothing where nothing is left to erase.
///
/// # Errors
/// What the database says.
pub async fn step(db: &Db, ids: &Ids, settings: &Retention, now: DateTime<Utc>) -> store::Result<Erased> {
    let mut tx = db.begin().await?;
    let before = |months: u32| now.checked_sub_months(Months::new(months));
    let mut due = Vec::new();
    if let Some(months) = settings.months {
        let others = |service: &str| !settings.services.contains_key(service);
        due.extend(past(&mut tx, before(months), others).await?.into_iter().map(|case| (case, months)));
    }
    for (service, months) in &settings.services {
        let one = |other: &str| service == other;
        due.extend(past(&mut tx, before(*months), one).await?.into_iter().map(|case| (case, *months)));
    }
    due.truncate(AT_ONCE);
    let mut done = Erased::default();
    let mut contacts = BTreeSet::new();
    for (first, months) in due {
        for case in erasure::with_joined(&mut tx, &first).await? {
            if erasure::erased_at(&mut tx, &case).await?.is_some() {
                continue;
            }
            contacts.extend(erasure::contact_of(&mut tx, &case).await?);
            erasure::case(&mut tx, &case, now).await?;
            let object = format!("case:{case}");
            let detail = json!({"closed_for_months": months});
            store::audit::write(&mut tx, ids, ACTOR, "erase", &object, detail, now).await?;
            done.cases += 1;
        }
    }
    if let Some(until) = settings.months.and_then(before) {
        done.messages = erasure::set_aside(&mut tx, until, i64::try_from(AT_ONCE).unwrap_or(i64::MAX)).await?;
    }
    if done.messages > 0 {
        let detail = json!({"messages": done.messages});
        store::audit::write(&mut tx, ids, ACTOR, "erase", "messages:set-aside", detail, now).await?;
    }
    erasure::forget_the_unknown(&mut tx, &contacts).await?;
    tx.commit().await?;
    Ok(done)
}

async fn past(tx: &mut Tx, until: Option<DateTime<Utc>>, wanted: impl Fn(&str) -> bool) -> store::Result<Vec<CaseId>> {
    match until {
        Some(until) => erasure::past(tx, until, wanted, AT_ONCE).await,
        None => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_things_are_kept_is_told_in_whole_months() {
        let read = |text: &str| toml::from_str::<Retention>(text).unwrap();
        let given = read("months = 24\nservices = { fly_tipping = 12 }");
        given.check().unwrap();
        assert_eq!((given.months, given.services["fly_tipping"]), (Some(24), 12));
        let said: Vec<String> = given.gone(&Taxonomy::default()).collect();
        assert!(said.len() == 1 && said[0].contains("fly_tipping"), "{said:?}");
        for wrong in ["months = 0", "months = 4000", "services = { fly_tipping = 0 }"] {
            let error = read(wrong).check().unwrap_err();
            assert!(error.contains("whole months"), "{error}");
        }
        assert!(toml::from_str::<Retention>("years = 2").is_err());
    }
}
