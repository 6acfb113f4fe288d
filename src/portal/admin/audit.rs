//! `/admin/audit`: who did or read what, newest first, and whether the chain of the trail is whole.

use super::super::{App, Page, audit_reading, format, html, trouble::Trouble};
use crate::store::audit::{self, Filter};
use crate::store::session::Session;
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

const PER_PAGE: i64 = 100;

#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct Asked {
    #[serde(default)]
    actor: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    object: String,
    #[serde(default)]
    before: String,
}

struct Row {
    when: String,
    machine_time: String,
    actor: String,
    action: String,
    object: String,
    detail: String,
}

#[derive(Template)]
#[template(path = "admin_audit.html")]
struct AuditPage {
    page: Page,
    /// What is asked for: the name of a field, what it is called, its value.
    fields: [(&'static str, &'static str, String); 3],
    rows: Vec<Row>,
    older: Option<String>,
    sealed: i64,
    /// How many of the newest seals were checked.
    checked: i64,
    broken: Option<i64>,
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let set = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    // Reading the trail is on the trail.
    let detail = json!({"actor": asked.actor, "action": asked.action, "object": asked.object});
    audit_reading(&app, &session, "read audit", &["audit".to_owned()], detail).await?;
    let mut tx = app.db().read().await?;
    let object = match (set(&asked.object), asked.object.parse()) {
        // A case is called by its reference.
        (Some(typed), Ok(reference)) => Some(audit::object_of(&mut tx, &reference).await?.unwrap_or(typed)),
        (typed, _) => typed,
    };
    let filter = Filter {
        actor: set(&asked.actor),
        action: set(&asked.action),
        object,
        before: set(&asked.before),
        limit: PER_PAGE,
    };
    let entries = audit::list(&mut tx, &filter).await?;
    let cases = audit::references(&mut tx, entries.iter().map(|entry| entry.object.as_str())).await?;
    let state = audit::newest_links(&mut tx, audit::SHOWN_LINKS).await?;
    drop(tx);
    let full = i64::try_from(entries.len()).is_ok_and(|n| n == PER_PAGE);
    let older = entries.last().filter(|_| full).map(|last| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("actor", &asked.actor), ("action", &asked.action), ("object", &asked.object)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.append_pair("before", &last.id);
        format!("/admin/audit?{}", query.finish())
    });
    let rows = entries.into_iter().map(|entry| Row {
        when: format::when(entry.created_at),
        machine_time: format::machine_time(entry.created_at),
        actor: entry.actor,
        action: entry.action,
        object: cases.get(&entry.object).map_or(entry.object, |reference| format!("Case {reference}")),
        detail: format::excerpt(&in_words(&entry.detail.0), 200),
    });
    let page = AuditPage {
        page: Page::new(&app, &session, "admin/audit", "Audit trail"),
        fields: [
            ("actor", "Who", asked.actor),
            ("action", "Did what", asked.action),
            ("object", "To what: a case by its reference", asked.object),
        ],
        rows: rows.collect(),
        older,
        sealed: state.sealed,
        checked: audit::SHOWN_LINKS.min(state.sealed),
        broken: state.broken,
    };
    Ok(html(&page)?.into_response())
}

/// What a row says besides, without the marks of its notation: `reader: gil, private: yes`.
fn in_words(detail: &Value) -> String {
    let named = |(key, value): (&String, &Value)| match in_words(value) {
        words if words.is_empty() => None,
        words if value.is_object() => Some(format!("{} ({words})", key.replace('_', " "))),
        words => Some(format!("{}: {words}", key.replace('_', " "))),
    };
    match detail {
        Value::Null => String::new(),
        Value::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Object(all) => all.iter().filter_map(named).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_says_besides_is_read_without_its_notation() {
        assert_eq!(in_words(&json!({})), "");
        let detail = json!({"for_whom": "nowak", "private": true, "was": {"role": "councillor", "until": null}, "cases": [1, 2], "empty": ""});
        let words = in_words(&detail);
        for part in ["for whom: nowak", "private: yes", "was (role: councillor)", "cases: 1, 2"] {
            assert!(words.contains(part), "{words}");
        }
        assert!(!words.contains(['{', '"', '[']) && !words.contains("empty"), "{words}");
    }
}
