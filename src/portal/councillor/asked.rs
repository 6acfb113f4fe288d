//! Which part of a list is asked for, as it stands in the address.

use crate::store::report::Scope;
use crate::store::watch::{Order, Standing, Wanted};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;

/// Orders that can be chosen: key, words. The first is there without a choice.
pub(super) const ORDERS: [(&str, &str); 2] = [("due", "Due first"), ("newest", "Newest first")];

/// What is shown of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    Every,
    Open,
    /// Overdue and soon.
    Late,
    Overdue,
    Soon,
    Closed,
}

impl Show {
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Every => "every",
            Self::Open => "open",
            Self::Late => "late",
            Self::Overdue => "overdue",
            Self::Soon => "soon",
            Self::Closed => "closed",
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Every => "Every case",
            Self::Open => "Open",
            Self::Late => "Overdue and nearly",
            Self::Overdue => "Overdue",
            Self::Soon => "Nearly overdue",
            Self::Closed => "Closed",
        }
    }
}

/// The filters; an empty one narrows nothing.
#[derive(Clone, Debug, Default, Deserialize)]
pub(in crate::portal) struct Asked {
    #[serde(default)]
    pub(super) councillor: String,
    #[serde(default)]
    pub(super) ward: String,
    #[serde(default)]
    pub(super) show: String,
    #[serde(default)]
    pub(super) service: String,
    #[serde(default)]
    pub(super) department: String,
    #[serde(default)]
    pub(super) order: String,
    #[serde(default)]
    pub(super) page: String,
    /// What was just done.
    pub(super) done: Option<String>,
}

impl Asked {
    pub(super) fn page(&self) -> i64 {
        self.page.parse::<i64>().map_or(1, |page| page.clamp(1, 100_000))
    }

    /// What is asked for of what there is; the first where that is nothing.
    pub(super) fn show(&self, shows: &[Show]) -> Show {
        let asked = shows.iter().find(|show| show.key() == self.show).or(shows.first());
        asked.copied().unwrap_or(Show::Open)
    }

    /// The cases that it means, all of them.
    pub(super) fn wanted<'w>(
        &self,
        scope: &'w Scope,
        show: Show,
        today: NaiveDate,
        soon: NaiveDate,
        now: DateTime<Utc>,
    ) -> Wanted<'w> {
        let set = |value: &String| Some(value.clone()).filter(|value| !value.is_empty());
        let yesterday = today.pred_opt().unwrap_or(today).to_string();
        let (always, never) = (String::new(), "9999-12-31".to_owned());
        let (due_from, due_to) = match show {
            Show::Overdue => (always, yesterday),
            Show::Soon => (today.to_string(), soon.to_string()),
            Show::Late => (always, soon.to_string()),
            Show::Every | Show::Open | Show::Closed => (always, never),
        };
        let lately = matches!(scope, Scope::Councillors(_)).then(|| now - TimeDelta::days(super::LATELY));
        Wanted {
            scope,
            standing: match show {
                Show::Every => Standing::Every,
                Show::Closed => Standing::Closed,
                Show::Open | Show::Late | Show::Overdue | Show::Soon => Standing::Open,
            },
            due_from,
            due_to,
            closed_since: lately.unwrap_or(DateTime::UNIX_EPOCH),
            service: set(&self.service),
            department: set(&self.department),
            order: if self.order == "newest" { Order::Newest } else { Order::Due },
            limit: 0,
            offset: 0,
        }
    }

    /// The address of a page of the same list.
    pub(super) fn address(&self, path: &str, page: i64) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let set = [
            ("councillor", &self.councillor),
            ("ward", &self.ward),
            ("show", &self.show),
            ("service", &self.service),
            ("department", &self.department),
            ("order", &self.order),
        ];
        query.extend_pairs(set.iter().filter(|(_, value)| !value.is_empty()));
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}
