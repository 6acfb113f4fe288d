//! Who read what is on the audit trail before the page is shown. Pages that are asked for at the same moment are written down in one
//! transaction: each commit waits for the disk, and SQLite lets only one write at a time.

use crate::core::Ids;
use crate::store::{self, Db, audit};
use chrono::{DateTime, Utc};
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Mutex as Turn, oneshot};

/// A row of the trail that is to be written.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) object: String,
    pub(super) detail: serde_json::Value,
    pub(super) at: DateTime<Utc>,
}

/// What one page has to write down, and who waits to hear that it stands there.
struct Waiting {
    readings: Vec<Reading>,
    tell: oneshot::Sender<()>,
}

/// What waits to be written, and whose turn it is to write.
#[derive(Default)]
pub(super) struct Readings {
    waiting: Mutex<Vec<Waiting>>,
    turn: Turn<()>,
}

impl Readings {
    /// Writes down what was read; once this comes back without an error it is committed.
    ///
    /// # Errors
    /// What the database says. What was read must not be shown then.
    pub(super) async fn write(&self, db: &Db, ids: &Ids, readings: Vec<Reading>) -> store::Result<()> {
        let (tell, told) = oneshot::channel();
        let all = || self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        all().push(Waiting { readings: readings.clone(), tell });
        let turn = self.turn.lock().await;
        // Whoever had the turn before may have written it.
        let together = std::mem::take(&mut *all());
        let written = together.is_empty() || commit(db, ids, together.iter().flat_map(|w| &w.readings)).await.is_ok();
        for waiting in together {
            if written {
                // Who went away meanwhile need not hear of it.
                let _ = waiting.tell.send(());
            }
        }
        drop(turn);
        // Untold: that transaction failed, or who had the turn went away in the midst of it. It is then this page's own affair.
        match told.await {
            Ok(()) => Ok(()),
            Err(_) => commit(db, ids, readings.iter()).await,
        }
    }
}

async fn commit(db: &Db, ids: &Ids, readings: impl Iterator<Item = &Reading>) -> store::Result<()> {
    let mut tx = db.begin().await?;
    for Reading { actor, action, object, detail, at } in readings {
        audit::write(&mut tx, ids, actor, action, object, detail.clone(), *at).await?;
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::args;
    use serde_json::json;

    fn reading(of: &str) -> Reading {
        let (actor, action) = ("gil".to_owned(), "read case".to_owned());
        Reading { actor, action, object: format!("case:{of}"), detail: json!({}), at: DateTime::UNIX_EPOCH }
    }

    async fn database() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("b.db").display())).await.unwrap();
        (folder, db)
    }

    async fn written(db: &Db) -> Vec<String> {
        let mut tx = db.read().await.unwrap();
        let rows: Vec<(String,)> = tx.all("SELECT object FROM audit ORDER BY object", args![]).await.unwrap();
        rows.into_iter().map(|row| row.0).collect()
    }

    #[tokio::test]
    async fn what_many_read_at_once_is_all_written_down_once_each() {
        let (_folder, db) = database().await;
        let readings = Readings::default();
        let names: Vec<String> = (0..50).map(|n| format!("{n:02}")).collect();
        let all =
            names.iter().map(|of| readings.write(&db, &Ids::Random, vec![reading(of), reading(&format!("{of}b"))]));
        for done in futures_util::future::join_all(all).await {
            done.unwrap();
        }
        let mut expected: Vec<String> =
            names.iter().flat_map(|n| [format!("case:{n}"), format!("case:{n}b")]).collect();
        expected.sort();
        assert_eq!(written(&db).await, expected);
    }

    #[tokio::test]
    async fn who_goes_away_while_writing_leaves_nobody_without_their_row() {
        let (_folder, db) = database().await;
        let readings = Readings::default();
        // Nobody else can write, so that the first has taken the rows of both and waits when it is dropped.
        let held = db.begin().await.unwrap();
        let turn = readings.turn.lock().await;
        let mut first = Box::pin(readings.write(&db, &Ids::Random, vec![reading("first")]));
        let mut second = Box::pin(readings.write(&db, &Ids::Random, vec![reading("second")]));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(turn);
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(readings.waiting.lock().unwrap().is_empty());
        drop(first);
        drop(held);
        second.await.unwrap();
        assert_eq!(written(&db).await.iter().filter(|row| *row == "case:second").count(), 1);
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_written_is_an_error_for_its_page_alone() {
        let (_folder, db) = database().await;
        let readings = Readings::default();
        db.close().await;
        assert!(readings.write(&db, &Ids::Random, vec![reading("none")]).await.is_err());
    }
}
