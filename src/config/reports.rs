//! `[reports]`.

use crate::core::Channel;
use anyhow::bail;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Nobody pays more for one contact, in pounds: what is above is taken for pence, or for the cost of a year.
const DEAREST: f64 = 1_000.0;

/// `[reports]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSettings {
    /// What one contact costs the council by channel, in pounds. Reports show a cost for these channels only.
    pub cost_of_contact: BTreeMap<Channel, f64>,
}

impl ReportSettings {
    /// What is wrong with it.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for (channel, pounds) in &self.cost_of_contact {
            if !(0.0..=DEAREST).contains(pounds) {
                bail!(
                    "[reports] cost_of_contact {channel} is {pounds}: give pounds for one contact, from 0 to {DEAREST}"
                );
            }
        }
        Ok(())
    }

    /// What one contact costs by channel, in pence.
    #[must_use]
    pub fn pence(&self) -> BTreeMap<Channel, i64> {
        self.cost_of_contact.iter().map(|(channel, pounds)| (*channel, (pounds * 100.0).round() as i64)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_a_contact_in_reports_is_in_pounds_and_kept_in_pence() {
        let read = |text: &str| toml::from_str::<ReportSettings>(text).unwrap();
        let given = read("cost_of_contact = { email = 2.50, phone = 4 }");
        given.check().unwrap();
        assert_eq!(given.pence(), [(Channel::Email, 250), (Channel::Phone, 400)].into());
        for wrong in ["-1", "nan", "250000", "inf"] {
            let error = read(&format!("cost_of_contact = {{ email = {wrong} }}")).check().unwrap_err().to_string();
            assert!(error.contains("email") && error.contains("pounds"), "{error}");
        }
        assert!(toml::from_str::<ReportSettings>("cost_of_contact = { pigeon = 1 }").is_err());
    }
}
