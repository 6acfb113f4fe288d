//! Cases as councillors follow them: theirs, their ward's, what is late. What is for the councillor only is never among them, nor what
//! may be about somebody in danger.

use super::report::Scope;
use super::{Arg, Args, Result, Tx, args};
use crate::core::access::{Identity, Whereabouts, Words};
use crate::core::{CaseId, CaseState, Place, Priority, Reference};
use chrono::{DateTime, Utc};
use sqlx::types::Json;

/// A case in such a list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Watched {
    /// The case.
    pub id: CaseId,
    /// What people call it.
    pub reference: Reference,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub state: CaseState,
    /// Service key.
    pub service: String,
    /// Department key.
    pub department: String,
    /// How pressing.
    #[sqlx(try_from = "String")]
    pub priority: Priority,
    /// Ward name, where known.
    pub ward: Option<String>,
    /// Key of the councillor who is told.
    pub councillor: Option<String>,
    /// Where.
    pub place: Option<Whereabouts<Json<Place>>>,
    /// One line that names it, in the resident's words.
    pub title: Words<String>,
    /// ISO 639-1 code of those words.
    pub language: String,
    /// Whom the resident allows to know them.
    pub consent: String,
    /// Who reported it, where they gave a name.
    pub name: Option<Identity<String>>,
    /// When the resident's message came in.
    pub received_at: DateTime<Utc>,
    /// Date it is promised for, `YYYY-MM-DD`, local time.
    pub due_on: String,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not closed, and not part of another one.
    Open,
    /// Closed.
    Closed,
    /// All of them.
    Every,
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Those that are due first, first.
    Due,
    /// The newest first.
    Newest,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted<'w> {
    /// Whose.
    pub scope: &'w Scope,
    /// Which.
    pub standing: Standing,
    /// Of open ones those due on this day or later, `YYYY-MM-DD`; empty for all.
    pub due_from: String,
    /// Of open ones those due on this day or before; `9999-12-31` for all.
    pub due_to: String,
    /// Of closed ones those closed at this time or later.
    pub closed_since: DateTime<Utc>,
    /// Only of this service.
    pub service: Option<String>,
    /// Only of this department.
    pub department: Option<String>,
    /// In which order; closed ones stand in that of their closing.
    pub order: Order,
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

/// What nobody sees in such a list: `$1` to `$12` say whose they are, `$13` which service, `$14` which department. In the words of the
/// indexes of wards (migration 0034).
macro_rules! seen {
    () => {
        " AND c.consent <> 'private' AND substr(COALESCE(c.hold_reason, ''), 1, 14) <> 'Safeguarding: '
          AND (CAST($13 AS TEXT) IS NULL OR c.service = $13) AND (CAST($14 AS TEXT) IS NULL OR c.department = $14)"
    };
}

/// The cases of one page, and only of those who reported them: what is passed over on the way to a later page is not looked up.
macro_rules! listed {
    ($whose:literal, $which:literal, $order:literal) => {
        concat!(
            "SELECT c.id, c.reference, c.state, c.service, c.department, c.priority, c.ward, c.councillor, c.place, c.title, c.language, c.consent,
                    k.name, c.received_at, c.due_on, c.closed_at
             FROM (SELECT c.* FROM cases c WHERE ",
            $whose,
            seen!(),
            $which,
            " ORDER BY ",
            $order,
            " LIMIT $15 OFFSET $16) c LEFT JOIN contacts k ON k.id = c.contact_id ORDER BY ",
            $order
        )
    };
}

/// The statement for whose cases they are: one for each standing and order, so that each has its index.
macro_rules! statement {
    ($wanted:expr, $whose:literal) => {
        match ($wanted.standing, $wanted.order) {
            (Standing::Open, Order::Due) => listed!(
                $whose,
                " AND c.state NOT IN ('closed', 'joined') AND c.due_on >= $17 AND c.due_on <= $18",
                "c.due_on, c.id"
            ),
            (Standing::Open, Order::Newest) => listed!(
                $whose,
                " AND c.state NOT IN ('closed', 'joined') AND c.due_on >= $17 AND c.due_on <= $18",
                "c.received_at DESC, c.id DESC"
            ),
            (Standing::Closed, _) => {
                listed!($whose, " AND c.state = 'closed' AND c.closed_at >= $17", "c.closed_at DESC, c.id DESC")
            }
            (Standing::Every, _) => listed!($whose, "", "c.received_at DESC, c.id DESC"),
        }
    };
}

/// So many councillors or wards are looked at in one list: who acts for more looks at them one by one.
pub const MOST_NAMED: usize = 12;

/// [`MOST_NAMED`] places for whose cases they are.
fn whose(scope: &Scope) -> Vec<Arg> {
    let named: &[String] = match scope {
        Scope::All => &[],
        Scope::Councillors(names) | Scope::Wards(names) => names,
    };
    // A name said twice is one.
    (0..MOST_NAMED).map(|at| Arg::from(named.get(at).or(named.first()).map(String::as_str))).collect()
}

/// The cases that are wanted.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Tx, wanted: &Wanted<'_>) -> Result<Vec<Watched>> {
    let mut values = whose(wanted.scope);
    values.extend([(&wanted.service).into(), (&wanted.department).into(), wanted.limit.into(), wanted.offset.into()]);
    match wanted.standing {
        Standing::Open => values.extend([(&wanted.due_from).into(), (&wanted.due_to).into()]),
        Standing::Closed => values.push(wanted.closed_since.into()),
        Standing::Every => {}
    }
    let sql = match wanted.scope {
        Scope::All => statement!(wanted, "TRUE"),
        Scope::Councillors(keys) if keys.len() == 1 => statement!(wanted, "c.councillor = $1"),
        Scope::Councillors(_) => {
            statement!(wanted, "c.councillor IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
        }
        Scope::Wards(wards) if wards.len() == 1 => statement!(wanted, "c.ward = $1"),
        Scope::Wards(_) => statement!(wanted, "c.ward IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"),
    };
    tx.all(sql, Args(values)).await
}

/// How many open cases there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Waiting {
    /// All of them.
    pub open: i64,
    /// Those that were due before today.
    pub overdue: i64,
    /// Those due from today to the day that was asked for.
    pub soon: i64,
}

/// What stands open of somebody, and for what reason it is among them or not.
macro_rules! waiting {
    ($whose:literal, $worry:literal) => {
        concat!(
            "SELECT COUNT(*) AS open, COUNT(CASE WHEN c.due_on < $15 THEN 1 END) AS overdue,
                    COUNT(CASE WHEN c.due_on >= $15 AND c.due_on <= $16 THEN 1 END) AS soon
             FROM cases c WHERE ",
            $whose,
            " AND c.consent <> 'private' AND (CAST($13 AS TEXT) IS NULL OR c.service = $13)
              AND (CAST($14 AS TEXT) IS NULL OR c.department = $14) AND c.state NOT IN ('closed', 'joined')",
            $worry
        )
    };
    ($whose:literal) => {
        waiting!($whose, " AND substr(COALESCE(c.hold_reason, ''), 1, 14) <> 'Safeguarding: '")
    };
}

/// How many cases of somebody are open, late on `today`, and due from then to `soon` (both `YYYY-MM-DD`).
///
/// # Errors
/// What the database says.
pub async fn waiting(
    tx: &mut Tx,
    scope: &Scope,
    service: Option<&str>,
    department: Option<&str>,
    (today, soon): (&str, &str),
) -> Result<Waiting> {
    let mut values = whose(scope);
    values.extend([service.into(), department.into(), today.into(), soon.into()]);
    let sql = match scope {
        Scope::All => {
            // Of everybody's, all are counted from the index `cases_due` alone, and the few about somebody's safety from `cases_worry`.
            let all: Waiting = tx.one(waiting!("TRUE", ""), Args(values.clone())).await?;
            let worry = waiting!("TRUE", " AND substr(COALESCE(c.hold_reason, ''), 1, 14) = 'Safeguarding: '");
            let worries: Waiting = tx.one(worry, Args(values)).await?;
            return Ok(Waiting {
                open: all.open - worries.open,
                overdue: all.overdue - worries.overdue,
                soon: all.soon - worries.soon,
            });
        }
        Scope::Councillors(keys) if keys.len() == 1 => waiting!("c.councillor = $1"),
        Scope::Councillors(_) => waiting!("c.councillor IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"),
        Scope::Wards(wards) if wards.len() == 1 => waiting!("c.ward = $1"),
        Scope::Wards(_) => waiting!("c.ward IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"),
    };
    tx.one(sql, Args(values)).await
}

/// When the departments were first told of these cases, and who got a copy of that: of each mail that has gone its case, its time, and
/// the mail.
///
/// # Errors
/// What the database says.
pub async fn told(tx: &mut Tx, cases: &[CaseId]) -> Result<Vec<(CaseId, DateTime<Utc>, Json<super::outbox::OutMail>)>> {
    let mut found = Vec::new();
    for some in cases.chunks(8) {
        let id = |at: usize| some.get(at).unwrap_or(&some[0]);
        let sql = "SELECT case_id, sent_at, mail FROM outbox
                   WHERE case_id IN ($1, $2, $3, $4, $5, $6, $7, $8) AND party = 'department' AND status = 'sent' AND sent_at IS NOT NULL
                   ORDER BY sent_at, id";
        found.extend(tx.all(sql, args![id(0), id(1), id(2), id(3), id(4), id(5), id(6), id(7)]).await?);
    }
    Ok(found)
}
