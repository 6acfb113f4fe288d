//! The database: SQLite by default, PostgreSQL by one setting, one SQL for both.
//!
//! Every statement is written once in the dialect the two share and is prepared by both drivers; the store's tests run
//! on both. A file per noun holds the statements of that noun.

pub mod attachment;
pub mod audit;
pub mod block;
pub mod campaign;
pub mod case;
pub mod claim;
pub mod contact;
pub mod correction;
pub mod cursor;
pub mod decision;
pub mod erasure;
pub mod hand_over;
pub mod health;
pub mod inbox;
pub mod lesson;
pub mod letter;
pub mod link;
pub mod matcher_lesson;
pub mod message;
pub mod near;
pub mod note;
pub mod outbox;
pub mod pair;
pub mod part;
pub mod passkey;
pub mod person;
pub mod queue;
pub mod report;
pub mod rule_version;
pub mod sample;
pub mod sent_form;
pub mod session;
pub mod setting;
mod sql;
pub mod trail;
pub mod undo;
pub mod user;
pub mod watch;
pub mod whereabouts;

pub use sql::{Arg, Args, args};

use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection as _, FromRow, Postgres, Sqlite, Transaction};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database cannot be read.
    #[error("database.url '{0}' is neither sqlite:PATH nor postgres://…: write for example sqlite:beadle.db")]
    Url(String),
    /// It cannot be opened.
    #[error("the database cannot be opened ({what}): {why}")]
    Open {
        /// File or server, without password.
        what: String,
        /// What the driver says, or what to do.
        why: String,
    },
    /// The disk has no room left.
    #[error("the disk that holds the database is full: free some space; nothing that was taken in is lost")]
    DiskFull,
    /// The server cannot be reached, or is starting or ending.
    #[error("the database does not answer ({0}): see that its server runs and can be reached; beadle tries again")]
    Away(sqlx::Error),
    /// Anything else the driver says.
    #[error("database: {0}")]
    Sql(sqlx::Error),
    /// The tables cannot be brought up to date.
    #[error("the database's tables cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Somebody else took the row over, because our time for it had run out.
    #[error("the time for working on this ran out, and another process has it now")]
    LeaseLost,
    /// A value that cannot be bound to a statement.
    #[error("a value cannot be bound to a statement: {0}")]
    Bind(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|e| e.code()).unwrap_or_default().into_owned();
        match (&error, code.as_str()) {
            // 13 is SQLITE_FULL; 53100 is PostgreSQL's disk_full.
            (_, "13" | "53100") => Self::DiskFull,
            // PostgreSQL's admin_shutdown, crash_shutdown and cannot_connect_now.
            (sqlx::Error::PoolTimedOut | sqlx::Error::Io(_), _) | (_, "57P01" | "57P02" | "57P03") => Self::Away(error),
            _ => Self::Sql(error),
        }
    }
}

/// What store functions return.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A pool of connections to one of the two databases.
#[derive(Clone, Debug)]
pub enum Db {
    /// Embedded.
    Sqlite(SqlitePool),
    /// A server, shared by any number of processes.
    Postgres(PgPool),
}

/// An open transaction. Dropped without [`Tx::commit`], it leaves nothing behind.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

/// A row type that both drivers can read.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl Db {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`) and brings its tables up to date. An SQLite file
    /// is made where it is missing; its folder must exist.
    ///
    /// # Errors
    /// When the address is wrong, the database cannot be reached, or its tables are newer than this program.
    pub async fn open(url: &str) -> Result<Self> {
        let db = if url.starts_with("sqlite:") {
            Self::open_sqlite(url).await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::open_postgres(url).await?
        } else {
            return Err(StoreError::Url(url.chars().take(40).collect()));
        };
        let migrator = sqlx::migrate!("src/store/migrations");
        match &db {
            Self::Sqlite(pool) => migrator.run(pool).await?,
            Self::Postgres(pool) => migrator.run(pool).await?,
        }
        audit::make_append_only(&db).await?;
        Ok(db)
    }

    async fn open_sqlite(url: &str) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| StoreError::Url(url.to_owned()))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a commit that was answered survives a power cut, which is what "acknowledge after commit" means.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // Not mapped into memory: whenever another connection has written, SQLite gives back the whole map, and fetching it anew
            // makes what walks an index three to four times as slow.
            .pragma("mmap_size", "0")
            .busy_timeout(Duration::from_secs(30));
        let what = options.get_filename().display().to_string();
        let folder = Path::new(&what).parent().filter(|p| !p.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|f| !f.is_dir()) {
            let why = format!("make the folder {} first", folder.display());
            return Err(StoreError::Open { what, why });
        }
        let pool = SqlitePoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(60))
            // SQLite takes a transaction back by itself when the disk is full; the driver then believes for ever that
            // one is open, and the connection can begin none again.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(options)
            .await
            .map_err(|error| StoreError::Open { what, why: error.to_string() })?;
        Ok(Self::Sqlite(pool))
    }

    async fn open_postgres(url: &str) -> Result<Self> {
        let what = url.rsplit_once('@').map_or("PostgreSQL server", |(_, rest)| rest).to_owned();
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(Duration::from_secs(20))
            .connect(url)
            .await
            .map_err(|error| StoreError::Open { what, why: error.to_string() })?;
        Ok(Self::Postgres(pool))
    }

    /// Begins a transaction that will write. On SQLite it takes the write lock at once (`BEGIN IMMEDIATE`): a plain
    /// BEGIN that reads first and writes later fails under contention.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction that only reads, and sees one moment of the database.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn read(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin().await?),
            Self::Postgres(pool) => {
                Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    /// Has PostgreSQL do at once what it does by itself after its tables grew much (autovacuum). SQLite does nothing of the kind.
    ///
    /// # Errors
    /// What the database says.
    pub async fn settle(&self) -> Result<()> {
        if let Self::Postgres(pool) = self {
            sqlx::query("VACUUM ANALYZE").execute(pool).await?;
        }
        Ok(())
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }

    /// `sqlite` or `postgres`, for people and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

impl Tx {
    /// Makes everything done in this transaction last.
    ///
    /// # Errors
    /// When the database cannot; then nothing of it lasts.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Runs a statement; how many rows it changed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn exec(&mut self, sql: &'static str, args: Args) -> Result<u64> {
        Ok(match self {
            Self::Sqlite(tx) => sqlx::query_with(sql, args.sqlite()?).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => sqlx::query_with(sql, args.postgres()?).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Every row of a query.
    ///
    /// # Errors
    /// What the database says, and a row that does not fit `T`.
    pub async fn all<T: Row>(&mut self, sql: &'static str, args: Args) -> Result<Vec<T>> {
        Ok(match self {
            Self::Sqlite(tx) => sqlx::query_as_with(sql, args.sqlite()?).fetch_all(&mut **tx).await?,
            Self::Postgres(tx) => sqlx::query_as_with(sql, args.postgres()?).fetch_all(&mut **tx).await?,
        })
    }

    /// The only row of a query, or none.
    ///
    /// # Errors
    /// What the database says, and a row that does not fit `T`.
    pub async fn opt<T: Row>(&mut self, sql: &'static str, args: Args) -> Result<Option<T>> {
        Ok(match self {
            Self::Sqlite(tx) => sqlx::query_as_with(sql, args.sqlite()?).fetch_optional(&mut **tx).await?,
            Self::Postgres(tx) => sqlx::query_as_with(sql, args.postgres()?).fetch_optional(&mut **tx).await?,
        })
    }

    /// The only row of a query.
    ///
    /// # Errors
    /// What the database says, no row among it.
    pub async fn one<T: Row>(&mut self, sql: &'static str, args: Args) -> Result<T> {
        self.opt(sql, args).await?.ok_or(StoreError::Sql(sqlx::Error::RowNotFound))
    }

    /// The only value of a query that counts.
    ///
    /// # Errors
    /// What the database says.
    pub async fn count(&mut self, sql: &'static str, args: Args) -> Result<i64> {
        Ok(self.one::<(i64,)>(sql, args).await?.0)
    }
}

/// Deletes everything in a database but its audit trail, which cannot be deleted; for measuring and for tests that begin anew.
///
/// # Errors
/// What the database says.
pub async fn empty(db: &Db) -> Result<()> {
    let mut tx = db.begin().await?;
    for statement in [
        "DELETE FROM outbox",
        "DELETE FROM claims",
        "DELETE FROM passes",
        "DELETE FROM undos",
        "DELETE FROM decisions",
        "DELETE FROM lessons",
        "DELETE FROM matcher_lessons",
        "DELETE FROM links",
        "DELETE FROM campaign_letters",
        "DELETE FROM campaigns",
        "DELETE FROM message_parts",
        "DELETE FROM attachments",
        "DELETE FROM blobs",
        "DELETE FROM thread_ids",
        "DELETE FROM message_councillors",
        "DELETE FROM messages",
        "DELETE FROM case_bands",
        "DELETE FROM cases",
        "DELETE FROM contact_points",
        "DELETE FROM contacts",
        "DELETE FROM cursors",
        "DELETE FROM inbox",
        "DELETE FROM whereabouts",
        "DELETE FROM rule_versions",
        "DELETE FROM rule_sets",
    ] {
        tx.exec(statement, args![]).await?;
    }
    tx.commit().await
}
