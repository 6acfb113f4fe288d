//! What is told to the mail server, and when: only after the database has it.

use crate::imap::{LIMIT, settings};
use crate::stack::{Stack, letter};
use beadle::app::App;
use beadle::channels::imap::{ImapSession, ImapSettings};
use beadle::config::Settings;
use beadle::core::{Clock, Ids};
use beadle::intake::accept::Accepted;
use beadle::store::{self, Db};
use std::path::Path;

/// An installation on a database file of its own, without encoder and model.
async fn app(folder: &Path) -> App {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let text = format!(
        "[council]\nname = 'Brackenmere'\naddress = 'cases@brackenmere.example'\n[smtp]\nfolder = 'outgoing'\n\
         [model]\nenabled = false\n[rules]\ndir = '{}'\n",
        rules.display()
    );
    App::build(Settings::parse(&text, folder).unwrap(), Clock::System, Ids::Random).await.unwrap()
}

async fn drain(app: &App, mailbox: &ImapSettings) -> Result<Accepted, String> {
    let mut session = ImapSession::open(mailbox, LIMIT).await.unwrap();
    let accepted = app.collector.drain("c", mailbox, &mut session).await.map_err(|error| error.to_string());
    session.logout().await;
    accepted
}

async fn sql(app: &App, statement: &'static str) {
    let Db::Sqlite(pool) = &app.pipeline.db else { panic!("SQLite is the default") };
    sqlx::query(statement).execute(pool).await.unwrap();
}

async fn sums(app: &App) -> store::inbox::Accounts {
    store::inbox::accounts(&mut app.pipeline.db.read().await.unwrap()).await.unwrap()
}

fn unseen(stack: &Stack, user: &str) -> usize {
    stack.flags(user, "INBOX").iter().filter(|line| !line.contains("\\Seen")).count()
}

#[tokio::test]
async fn a_message_is_acknowledged_to_its_channel_only_after_it_is_committed() {
    let stack = Stack::shared();
    let user = stack.user("committed");
    // More than are fetched together, so that the last batch is refused after the first was taken in.
    stack.deliver(&user, &(1..=60).map(letter).collect::<Vec<_>>());
    let folder = tempfile::tempdir().unwrap();
    let app = app(folder.path()).await;
    let mailbox = settings(stack, &user);

    sql(&app, "CREATE TRIGGER refuse BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'refused'); END").await;
    let why = drain(&app, &mailbox).await.unwrap_err();
    assert!(why.contains("refused"), "{why}");
    assert_eq!((sums(&app).await.received, unseen(stack, &user)), (0, 60));

    sql(&app, "DROP TRIGGER refuse").await;
    sql(
        &app,
        "CREATE TRIGGER refuse_more BEFORE INSERT ON inbox WHEN (SELECT COUNT(*) FROM inbox) >= 55
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .await;
    drain(&app, &mailbox).await.unwrap_err();
    // A batch stands or falls as a whole.
    assert_eq!((sums(&app).await.received, unseen(stack, &user)), (50, 10));

    sql(&app, "DROP TRIGGER refuse_more").await;
    assert_eq!(drain(&app, &mailbox).await.unwrap(), Accepted { new: 10, known: 0 });
    assert_eq!((sums(&app).await.received, unseen(stack, &user)), (60, 0));
    assert_eq!(drain(&app, &mailbox).await.unwrap(), Accepted::default());
}

#[tokio::test]
async fn what_is_refused_at_the_commit_itself_is_not_acknowledged_either() {
    let stack = Stack::shared();
    let user = stack.user("late");
    stack.deliver(&user, &(1..=3).map(letter).collect::<Vec<_>>());
    let folder = tempfile::tempdir().unwrap();
    let app = app(folder.path()).await;
    let mailbox = settings(stack, &user);
    // A foreign key that is only looked at when the transaction ends.
    sql(&app, "CREATE TABLE nowhere (id TEXT PRIMARY KEY)").await;
    sql(&app, "CREATE TABLE late (id TEXT REFERENCES nowhere (id) DEFERRABLE INITIALLY DEFERRED)").await;
    sql(&app, "CREATE TRIGGER late_one AFTER INSERT ON inbox BEGIN INSERT INTO late VALUES (NEW.id); END").await;
    let why = drain(&app, &mailbox).await.unwrap_err();
    assert!(why.contains("FOREIGN KEY"), "{why}");
    assert_eq!((sums(&app).await.received, unseen(stack, &user)), (0, 3));
    sql(&app, "DROP TRIGGER late_one").await;
    assert_eq!(drain(&app, &mailbox).await.unwrap(), Accepted { new: 3, known: 0 });
    assert_eq!((sums(&app).await.received, unseen(stack, &user)), (3, 0));
}

#[tokio::test]
async fn a_mailbox_made_anew_under_other_numbers_makes_no_case_twice() {
    let stack = Stack::shared();
    let user = stack.user("anew");
    stack.deliver(&user, &(1..=7).map(letter).collect::<Vec<_>>());
    let fill = || {
        stack.doveadm(&["mailbox", "create", "-u", &user, "Casework"]);
        stack.doveadm(&["copy", "-u", &user, "Casework", "mailbox", "INBOX", "all"]);
    };
    fill();
    let folder = tempfile::tempdir().unwrap();
    let app = app(folder.path()).await;
    let mailbox = ImapSettings { mailbox: "Casework".to_owned(), ..settings(stack, &user) };
    assert_eq!(drain(&app, &mailbox).await.unwrap(), Accepted { new: 7, known: 0 });
    app.drain().await.unwrap();
    let before = sums(&app).await;
    assert_eq!((before.received, before.new_cases + before.joined, before.unaccounted), (7, 7, 0));
    let cases = async |app: &App| {
        let mut tx = app.pipeline.db.read().await.unwrap();
        let counts = store::case::count_by_state(&mut tx).await.unwrap();
        counts.iter().map(|(_, n)| *n).sum::<i64>()
    };
    let cases_before = cases(&app).await;

    let validity = ImapSession::open(&mailbox, LIMIT).await.unwrap().uid_validity();
    stack.doveadm(&["mailbox", "delete", "-u", &user, "Casework"]);
    fill();
    stack.deliver(&user, &[letter(8)]);
    stack.doveadm(&["copy", "-u", &user, "Casework", "mailbox", "INBOX", "subject", "Letter 8"]);
    assert_ne!(ImapSession::open(&mailbox, LIMIT).await.unwrap().uid_validity(), validity, "it was renumbered");
    // By its numbers every message is new, by its content only the last one.
    assert_eq!(drain(&app, &mailbox).await.unwrap(), Accepted { new: 8, known: 0 });
    app.drain().await.unwrap();
    let after = sums(&app).await;
    assert_eq!((after.received, after.unaccounted, after.quarantined), (15, 0, 0));
    assert_eq!(cases(&app).await, cases_before + 1, "{after:?}");
}
