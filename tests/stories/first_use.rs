//! From an empty folder to the first message, sorted: `beadle run`, the first sign-in, and the set-up in a real browser, with a real
//! mailbox on Dovecot.

use crate::browser::browse_with;
use crate::house::root;
use crate::logs::{free_port, pause, wait_until};
use crate::stack::Stack;
use crate::story;
use beadle::config::Settings;
use beadle::store::sample::TakenOut;
use beadle::store::{self, Db, args, sample};
use reqwest::cookie::CookieStore as _;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PEOPLE: &str = "name,user_name,email,role,councillor,wards\r\n\
    Cllr Grace Adeyemi,g.adeyemi,cllr.adeyemi@brackenmere.example,councillor,adeyemi,Abbey\r\n\
    Cllr Marek Nowak,m.nowak,cllr.nowak@brackenmere.example,councillor,nowak,Station; Canalside\r\n\
    Jo Harrow,j.harrow,,gatekeeper,,\r\n";

/// What `beadle run` makes of a folder. Ends with it.
struct Installation {
    folder: tempfile::TempDir,
    base: String,
    process: Child,
    /// From the start until its portal answered.
    took: Duration,
}

impl Installation {
    /// Of an empty folder, or of one with these settings in it.
    async fn new(settings: Option<&str>) -> Self {
        Self::of(tempfile::tempdir().unwrap(), settings).await
    }

    /// Of this folder.
    async fn of(folder: tempfile::TempDir, settings: Option<&str>) -> Self {
        let port = free_port();
        if let Some(settings) = settings {
            let text = settings.replace("PORT", &port.to_string());
            std::fs::write(folder.path().join("beadle.toml"), text).unwrap();
        }
        let started = Instant::now();
        let process = start(folder.path(), port);
        let mut all = Self { folder, base: format!("http://127.0.0.1:{port}"), process, took: Duration::ZERO };
        all.answers().await;
        all.took = started.elapsed();
        all
    }

    async fn answers(&mut self) {
        let client = Client::new();
        let started = Instant::now();
        while client.get(format!("{}/healthz", self.base)).send().await.is_err() {
            assert!(self.process.try_wait().unwrap().is_none(), "it ended: {}", self.said());
            assert!(started.elapsed().as_secs() < 120, "it does not answer: {}", self.said());
            tokio::task::spawn_blocking(|| pause(Duration::from_millis(50))).await.unwrap();
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What left this installation: the files in the folder that its own settings have mail written to.
    fn sent(&self) -> Vec<PathBuf> {
        let settings = Settings::load(&self.file("beadle.toml")).unwrap();
        assert_eq!(settings.smtp.host, None, "all mail goes into the folder");
        let folder = settings.path(settings.smtp.folder.as_ref().unwrap());
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    async fn db(&self) -> Db {
        Db::open(&format!("sqlite:{}", self.file("beadle.db").display())).await.unwrap()
    }

    /// Starts it again, after whatever was done to its files.
    async fn again(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let port = self.base.rsplit(':').next().unwrap().parse().unwrap();
        self.process = start(self.folder.path(), port);
        self.answers().await;
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.file("said")).unwrap_or_default()
    }

    fn password(&self) -> String {
        std::fs::read_to_string(self.file("admin-password")).unwrap().trim().to_owned()
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start(folder: &Path, port: u16) -> Child {
    let said = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("said")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_beadle"))
        .args(["run", "--listen", &format!("127.0.0.1:{port}")])
        .current_dir(folder)
        .env("BEADLE_HOME", root())
        .stdin(Stdio::null())
        .stderr(said.try_clone().unwrap())
        .stdout(said)
        .spawn()
        .unwrap()
}

fn first_mail() -> Vec<u8> {
    let text = "From: Ann Hollis <ann@fenmail.example>\r\nTo: councillor@mail.test\r\nSubject: Street light out\r\n\
                Message-ID: <first@fenmail.example>\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\n\r\n\
                The street light outside 14 Mill Lane in Station ward has been out for a week. Please repair the lamp.\r\n";
    text.as_bytes().to_vec()
}

/// Waits for something of another process.
async fn until(mut done: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !done().await {
        assert!(started.elapsed().as_secs() < 120, "not within two minutes");
        a_moment().await;
    }
}

async fn a_moment() {
    tokio::task::spawn_blocking(|| pause(Duration::from_millis(200))).await.unwrap();
}

/// Goes through the set-up as somebody would who has read nothing; what the browser saw, how it was left, and whose mailbox it is.
async fn first_use(how: &'static str) -> (Value, Installation, String) {
    let stack = Stack::shared();
    let user = stack.user("first");
    stack.deliver(&user, &[first_mail()]);
    let installation = Installation::new(None).await;
    let people = installation.file("people.csv");
    std::fs::write(&people, PEOPLE).unwrap();
    let wards = root().join("training-data/demo/borough/wards.geojson");
    let given = vec![
        installation.password(),
        stack.imap.to_string(),
        user.clone(),
        stack.password.clone(),
        wards.display().to_string(),
        people.display().to_string(),
    ];
    let seen = browse_with("first_use.js", how, &installation.base, given).await;
    assert!(
        !installation.said().contains(&user),
        "a mailbox's name says nothing of whose it is: {}",
        installation.said()
    );
    (seen, installation, user)
}

fn says<'a>(seen: &'a Value, what: &str) -> &'a str {
    seen["said"][what].as_str().unwrap_or_else(|| panic!("no {what}: {seen}"))
}

/// What holds with scripts and without.
fn check(seen: &Value, installation: &Installation) {
    assert_eq!(says(seen, "start"), "/admin/set-up", "where the first sign-in leads");
    for (path, text) in seen["said"]["empty"].as_object().unwrap() {
        let text = text.as_str().unwrap();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        assert!(
            has(&["will be here", "is here", "are here", "are counted", "put together here", "can be blocked"]),
            "{path}: {text}"
        );
        assert!(path == "/blocked" || text.contains("Go to the set-up"), "{path} says what to do next: {text}");
    }
    assert!(says(seen, "unnamed").contains("Enter the council’s name"), "{seen}");
    assert_eq!(says(seen, "council"), "Brackenmere Borough Council", "in use at once");
    for (wrong, words) in [
        ("no_name", "There is no server of the name no-such-host.invalid"),
        ("insecure", "Without protection the password would go over the network"),
        ("no_tls", "no protected connection"),
        ("refused", "does not take connections on port 9"),
        ("wrong_password", "does not accept this user name with this password"),
        ("no_folder", "There is no folder Nowhere"),
    ] {
        assert!(says(seen, wrong).contains(words), "{wrong}: {}", says(seen, wrong));
    }
    assert_eq!(says(seen, "field"), "#password", "said beside the field that it is about");
    assert!(says(seen, "connected").contains("1 message in the folder"), "{seen}");
    assert_eq!(says(seen, "wards"), "Are these your wards?");
    assert_eq!(says(seen, "people"), "Bring these in?");
    assert_eq!(seen["said"]["links"].as_array().unwrap().len(), 3);
    assert_eq!(seen["said"]["tasks"], json!(["Done", "Done", "Done", "Done", "Done"]));
    let review = says(seen, "review");
    assert!(review.contains("Street light") && review.contains("Ann Hollis"), "{review}");
    assert!(says(seen, "removed").contains("No mailbox is watched yet"), "{seen}");
    let steps = seen["fields"].as_u64().unwrap() + seen["clicks"].as_u64().unwrap();
    assert!(steps <= 30, "{steps} steps");
    assert!(seen["seconds"]["triaged"].as_f64().unwrap() < 300.0, "{}", seen["seconds"]);
    let kept = std::fs::read_to_string(installation.file("set-up.toml")).unwrap();
    assert!(kept.contains("graffiti_and_flyposting") && kept.contains("nowak") && kept.contains("geojson"), "{kept}");
    let mode = std::fs::metadata(installation.file("set-up.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let said = installation.said();
    assert!(said.contains("User name: administrator") && said.contains("admin-password"), "{said}");
    assert!(!said.contains("secret") && !said.contains(&installation.password()), "no secret in the log: {said}");
    assert_eq!(installation.sent(), Vec::<PathBuf>::new(), "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_an_empty_folder_to_the_first_message_in_the_review_in_less_than_five_minutes() {
    let (seen, installation, _) = first_use("scripts").await;
    check(&seen, &installation);
    let errors = seen["complaints"].as_array().unwrap();
    assert!(errors.iter().all(|error| error.as_str().unwrap().contains("422")), "{errors:?}");
    assert_eq!(seen["pages"].as_array().unwrap().len(), 2 * 28, "each page on the way at both widths");
    for page in seen["pages"].as_array().unwrap() {
        assert!(page["checks"].as_u64().unwrap() > 10, "axe looked at next to nothing: {page}");
        assert_eq!(page["violations"], json!([]), "{page}");
        assert_eq!(page["sideways"], false, "{page}");
        assert_eq!(page["small"], json!([]), "{page}");
    }
    println!(
        "portal up after {:?}; {} fields, {} clicks, seconds: {}",
        installation.took, seen["fields"], seen["clicks"], seen["seconds"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_without_scripts_on_a_telephone_and_it_is_all_there_after_a_restart() {
    let (seen, mut installation, user) = first_use("plain").await;
    check(&seen, &installation);
    assert_eq!(seen["sideways"], json!([]));
    let mut settings = std::fs::OpenOptions::new().append(true).open(installation.file("beadle.toml")).unwrap();
    settings.write_all(b"\n[routing]\nundo_seconds = 0\n").unwrap();
    installation.again().await;
    let page = Client::new().get(format!("{}/sign-in", installation.base)).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Brackenmere Borough Council"), "{page}");
    // Where something is sent, it is seen as it was looked for before.
    let (client, word) = signed_in(&installation).await;
    let at = |path: &str| format!("{}{path}", installation.base);
    let review = client.get(at("/review")).send().await.unwrap().text().await.unwrap();
    let accept = review.split('"').find(|part| part.starts_with("/review/") && part.ends_with("/accept"));
    let accept = accept.unwrap_or_else(|| panic!("nothing to accept: {review}"));
    let (_, seen_mark) = review.split_once("name=\"seen\" value=\"").unwrap();
    let fields = [("csrf", word.as_str()), ("seen", seen_mark.split('"').next().unwrap()), ("confirmed", "yes")];
    let (status, page) = post(&client, &at(accept), &fields).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    until(async || !installation.sent().is_empty()).await;
    // The mailbox that was taken out is put in again and goes on where it was; another one begins at its own beginning.
    let stack = Stack::shared();
    let other = stack.user("second");
    for user in [&user, &other] {
        let mail = String::from_utf8(first_mail()).unwrap().replace("first@", &format!("{user}@"));
        stack.deliver(user, &[mail.replace("a week", "two weeks").into_bytes()]);
        let port = stack.imap.to_string();
        let fields = [
            ("csrf", word.as_str()),
            ("host", "127.0.0.1"),
            ("security", "none"),
            ("port", &port),
            ("user", user),
            ("password", &stack.password),
        ];
        let (status, page) = post(&client, &at("/admin/set-up/mailboxes"), &fields).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    }
    let db = installation.db().await;
    let received = async || store::inbox::accounts(&mut db.read().await.unwrap()).await.unwrap().received;
    until(async || received().await == 3).await;
    let cursors = store::cursor::all(&mut db.read().await.unwrap()).await.unwrap();
    let read: BTreeSet<i64> = cursors.iter().map(|cursor| cursor.last_uid).collect();
    assert!(cursors.len() == 2 && read == BTreeSet::from([1, 2]), "{cursors:?}");
    let said = installation.said();
    assert!(said.matches(" new=1 known=0").count() == 3, "each message was read once: {said}");
    assert!(!said.contains(&user) && !said.contains(&other), "{said}");
}

/// A browser that is signed in, and the word its forms carry.
async fn signed_in(installation: &Installation) -> (Client, String) {
    let (client, word, _) = signed_in_with_cookie(installation).await;
    (client, word)
}

/// The same, with the cookie it sends.
async fn signed_in_with_cookie(installation: &Installation) -> (Client, String, String) {
    let jar = Arc::new(reqwest::cookie::Jar::default());
    let client = Client::builder().cookie_provider(Arc::clone(&jar)).redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let page = client.get(format!("{}/sign-in", installation.base)).send().await.unwrap().text().await.unwrap();
    let word = csrf(&page);
    let password = installation.password();
    let fields = [("csrf", word.as_str()), ("user_name", "administrator"), ("password", &password)];
    let answer = post(&client, &format!("{}/sign-in", installation.base), &fields).await;
    assert_eq!(answer.0, StatusCode::SEE_OTHER, "{}", answer.1);
    let page = client.get(format!("{}/more", installation.base)).send().await.unwrap().text().await.unwrap();
    let cookie = jar.cookies(&installation.base.parse().unwrap()).unwrap().to_str().unwrap().to_owned();
    (client, csrf(&page), cookie)
}

fn csrf(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no word: {page}"));
    rest.split('"').next().unwrap().to_owned()
}

async fn post(client: &Client, address: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
    let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = client.post(address).header("content-type", "application/x-www-form-urlencoded").body(body);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_refused_before_it_is_written_and_what_the_operator_wrote_stays_theirs() {
    let home = root();
    let settings = format!(
        "[council]\nname = 'Old Borough'\naddress = 'cases@old.example'\n[smtp]\nfolder = 'out'\n[rules]\ndir = '{}'\n\
         [model]\nenabled = false\n[portal]\nlisten = '127.0.0.1:PORT'\n",
        home.join("rules").display()
    );
    let installation = Installation::new(Some(&settings)).await;
    let (client, word) = signed_in(&installation).await;
    let at = |path: &str| format!("{}{path}", installation.base);
    let council = client.get(at("/admin/set-up/council")).send().await.unwrap().text().await.unwrap();
    assert!(council.contains("This stands in the settings file") && !council.contains("name=\"name\""), "{council}");
    let fields = [("csrf", word.as_str()), ("name", "Mine"), ("address", "a@b.example")];
    assert_eq!(post(&client, &at("/admin/set-up/council"), &fields).await.0, StatusCode::CONFLICT);
    // Kept without a trial, as nobody answers there.
    let mailbox = |user: &'static str| {
        [
            ("csrf", word.as_str()),
            ("host", "127.0.0.1"),
            ("security", "none"),
            ("port", "9"),
            ("user", user),
            ("password", "pw"),
            ("anyway", "true"),
        ]
    };
    let (status, page) = post(&client, &at("/admin/set-up/mailboxes"), &mailbox("ann")).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let before = std::fs::read_to_string(installation.file("set-up.toml")).unwrap();
    let (_, name) = before.split_once("name = \"mail-").unwrap_or_else(|| panic!("{before}"));
    let name = format!("mail-{}", name.split('"').next().unwrap());
    let (status, page) = post(&client, &at("/admin/set-up/mailboxes"), &mailbox("ann")).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("is connected already"), "{status} {page}");
    // The operator makes a mailbox of a name that there is.
    let more = format!(
        "{}[[mailbox]]\nname = '{name}'\nhost = 'h'\nuser = 'u'\npassword = 'p'\n",
        std::fs::read_to_string(installation.file("beadle.toml")).unwrap()
    );
    std::fs::write(installation.file("beadle.toml"), more).unwrap();
    let (status, page) = post(&client, &at("/admin/set-up/mailboxes"), &mailbox("bo")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
    assert!(page.contains(&name) && page.contains("stands in both"), "{page}");
    assert_eq!(std::fs::read_to_string(installation.file("set-up.toml")).unwrap(), before, "nothing was written");
    let list = client.get(at("/admin/set-up/mailboxes")).send().await.unwrap().text().await.unwrap();
    assert!(list.contains("Stop watching") && list.contains("ann"), "the old one goes on: {list}");
    // A form without the session's word changes nothing, with a file in it or without.
    let form = "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nwrong\r\n--x--\r\n";
    let request =
        client.post(at("/admin/set-up/wards")).header("content-type", "multipart/form-data; boundary=x").body(form);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    // A table with one wrong line brings in nobody; a file of wards without names asks which property is the name.
    let upload = async |path: &str, file: &str| {
        let form = format!(
            "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{word}\r\n--x\r\nContent-Disposition: form-data; \
             name=\"file\"; filename=\"f\"\r\n\r\n{file}\r\n--x--\r\n"
        );
        let request = client.post(at(path)).header("content-type", "multipart/form-data; boundary=x").body(form);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let (status, page) =
        upload("/admin/set-up/people", "name,user_name,role\nAnn Lane,a.lane,gatekeeper\nBo,b,king").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("Line 3") && page.contains("Nobody was brought in") && !page.contains("Bring these in?"),
        "{page}"
    );
    // Two people who share a mailbox are two people: an address of the table says nothing of who they are where they sign on.
    let table = "name,user_name,role,email\nAnn Lane,a.lane,gatekeeper,office@b.example\nBo Reed,b.reed,gatekeeper,office@b.example";
    let form = [("csrf", word.as_str()), ("table", table)];
    let answer = client.post(at("/admin/set-up/people/import")).form(&form).send().await.unwrap();
    let (status, page) = (answer.status(), answer.text().await.unwrap());
    assert!(status == StatusCode::OK && page.matches("/invitation/").count() == 2, "{status} {page}");
    let people = client.get(at("/admin/people")).send().await.unwrap().text().await.unwrap();
    assert!(people.contains("b.reed") && !people.contains("office@b.example"), "{people}");
    let square = "[[[-1,52],[-1,52.1],[-0.9,52.1],[-1,52]]]";
    let wards = format!(
        "{{\"type\":\"FeatureCollection\",\"features\":[{{\"type\":\"Feature\",\"properties\":{{\"label\":\"<b>Abbey\"}},\
         \"geometry\":{{\"type\":\"Polygon\",\"coordinates\":{square}}}}}]}}"
    );
    let (status, page) = upload("/admin/set-up/wards", &wards).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("<option value=\"label\">"), "{page}");
    let (status, page) = upload("/admin/set-up/wards", &wards.replace("label", "name")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Are these your wards?") && !page.contains("<b>Abbey"), "{page}");
    let trail = client.get(at("/admin/audit")).send().await.unwrap().text().await.unwrap();
    assert!(trail.contains("connect mailbox"), "{trail}");
}

/// What sample data leaves alone: each table is either here or among those that are emptied with it.
const STAY: [&str; 17] = [
    "audit",
    "audit_seals",
    "cursors",
    "grants",
    "invitations",
    "lessons",
    "matcher_lessons",
    "passkey_challenges",
    "passkeys",
    "rule_versions",
    "sent_forms",
    "sessions",
    "settings",
    "sign_ons",
    "users",
    "whereabouts",
    "_sqlx_migrations",
];

/// How many rows each table of a database has, by its own catalogue.
async fn rows(db: &Db) -> BTreeMap<String, i64> {
    let mut tx = db.begin().await.unwrap();
    let tables: Vec<(String,)> = match db.kind() {
        "sqlite" => {
            tx.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", args![]).await
        }
        _ => {
            tx.all(
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public'",
                args![],
            )
            .await
        }
    }
    .unwrap();
    let mut rows = BTreeMap::new();
    for (table,) in tables {
        // A test is over before it is much.
        let sql: &'static str = Box::leak(format!("SELECT COUNT(*) FROM {table}").into_boxed_str());
        let count = tx.count(sql, args![]).await.unwrap();
        rows.insert(table, count);
    }
    rows
}

/// The rows of what comes of messages.
async fn rows_of_messages(db: &Db) -> BTreeMap<String, i64> {
    let mut rows = rows(db).await;
    rows.retain(|table, _| !STAY.contains(&table.as_str()));
    rows
}

/// What a council does with its cases in months, as far as a hundred messages and their acceptance do not come to it.
const IN_MONTHS: [&str; 18] = [
    "INSERT INTO case_bands (case_id, band, at, open, placed) SELECT id, 1, $1, TRUE, FALSE FROM cases WHERE reference = $2",
    "INSERT INTO ratings (case_id, score, rated_at) SELECT id, 5, $1 FROM cases WHERE reference = $2",
    "INSERT INTO withdrawals (case_id, solved, withdrawn_at) SELECT id, TRUE, $1 FROM cases WHERE reference = $2",
    "INSERT INTO notes (id, case_id, kind, actor, words, created_at) SELECT 'n', id, 'note', 'a', 'w', $1 FROM cases WHERE reference = $2",
    "INSERT INTO undos (id, case_id, actor, kind, changed, made_at) SELECT 'u', id, 'a', 'accept', '{}', $1 FROM cases WHERE reference = $2",
    "INSERT INTO passes (case_id, who, at, until) SELECT id, 'a', $1, $1 FROM cases WHERE reference = $2",
    "INSERT INTO claims (case_id, who, until) SELECT id, 'a', $1 FROM cases WHERE reference = $2 ON CONFLICT DO NOTHING",
    "INSERT INTO campaigns (lead, formed_at) SELECT id, $1 FROM cases WHERE reference = $2 ON CONFLICT DO NOTHING",
    "INSERT INTO campaign_letters (case_id, lead, added, at) SELECT id, id, '', $1 FROM cases WHERE reference = $2 ON CONFLICT DO NOTHING",
    "INSERT INTO message_parts (message_id, position, case_id, words, whole)
     SELECT messages.id, 99, cases.id, '', FALSE FROM messages JOIN cases ON cases.id = messages.case_id
     WHERE cases.reference = $2 AND $1 IS NOT NULL ON CONFLICT DO NOTHING",
    "INSERT INTO links (id, child, parent, kind, score, why, created_at, created_by)
     SELECT 'l', id, id, 'maybe', 1, '', $1, 'a' FROM cases WHERE reference = $2",
    "INSERT INTO message_councillors (message_id, councillor)
     SELECT messages.id, 'somebody' FROM messages JOIN cases ON cases.id = messages.case_id
     WHERE cases.reference = $2 AND $1 IS NOT NULL ON CONFLICT DO NOTHING",
    "INSERT INTO promised_references (account, external_id, reference) SELECT 'a', 'b', $2 WHERE $1 IS NOT NULL",
    "INSERT INTO wrong_codes (contact_id, at) SELECT contact_id, $1 FROM cases WHERE reference = $2",
    "INSERT INTO codes (hash, contact_id, created_at, expires_at) SELECT 'h', contact_id, $1, $1 FROM cases WHERE reference = $2 ON CONFLICT DO NOTHING",
    "INSERT INTO same_person (id, one, other, state, why, created_at)
     SELECT 's', contact_id, contact_id, 'suggested', '', $1 FROM cases WHERE reference = $2 ON CONFLICT DO NOTHING",
    "INSERT INTO blocks (channel, address, why, since, actor) SELECT 'email', 'x@y.example', $2, $1, 'a'",
    "INSERT INTO silences (channel, address, since) SELECT 'email', $2, $1",
];

story!(sample_data_goes_with_all_that_came_of_it_and_stays_on_the_trail, house, {
    let at_first = rows(&house.db).await;
    let mut files: Vec<_> =
        std::fs::read_dir(root().join("training-data/demo/mailbox")).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        house.takes_in_bytes(sample::ACCOUNT, &name, std::fs::read(&file).unwrap()).await;
    }
    house.works().await;
    for case in house.cases().await.iter().take(10) {
        house.accepts_if_waiting(&case.id).await;
    }
    house.sends().await;
    let mut tx = house.tx().await;
    let known = "SELECT CAST(MIN(reference) AS TEXT) FROM cases WHERE contact_id IS NOT NULL";
    let (reference,): (String,) = tx.opt(known, args![]).await.unwrap().unwrap();
    for statement in IN_MONTHS {
        tx.exec(statement, args![house.clock.now(), &reference]).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
    tx.commit().await.unwrap();
    let emptied: BTreeSet<String> = sample::tables().map(str::to_owned).collect();
    let before = rows(&house.db).await;
    let named = emptied.iter().map(String::as_str).chain(STAY).collect::<BTreeSet<_>>();
    assert_eq!(before.keys().map(String::as_str).collect::<BTreeSet<_>>(), named, "each table either goes or stays");
    let empty: Vec<&String> = emptied.iter().filter(|table| before[*table] == at_first[*table]).collect();
    assert!(empty.is_empty(), "nothing of the sample is in {empty:?}, so it is not seen to go");
    let trail = before["audit"];
    assert!(trail > 0, "{trail}");
    let mut tx = house.tx().await;
    assert!(matches!(sample::take_out(&mut tx).await.unwrap(), TakenOut::Gone(messages) if messages > 50));
    tx.commit().await.unwrap();
    let mut after = rows(&house.db).await;
    assert_eq!(after.remove("audit"), Some(trail));
    let as_before = |table: &str| table != "audit" && table != "audit_seals";
    let wanted: BTreeMap<String, i64> = at_first.into_iter().filter(|(table, _)| as_before(table)).collect();
    after.retain(|table, _| as_before(table));
    assert_eq!(after, wanted, "every table is as it was");
    let mut tx = house.tx().await;
    assert_eq!(sample::take_out(&mut tx).await.unwrap(), TakenOut::NothingThere);
    drop(tx);
    // It can come in again; where anything else came in beside it, nothing at all is deleted.
    house.takes_in_bytes(sample::ACCOUNT, "1", first_mail()).await;
    house.takes_in_bytes("real", "1", first_mail().repeat(2)).await;
    house.works().await;
    let mut tx = house.tx().await;
    assert_eq!(sample::take_out(&mut tx).await.unwrap(), TakenOut::Refused(1));
    assert_eq!(sample::count(&mut tx).await.unwrap(), (1, 1));
});

#[tokio::test(flavor = "multi_thread")]
async fn sample_data_is_put_in_and_out_on_the_portal_and_nothing_real_comes_among_it() {
    let home = root();
    let settings = format!(
        "[smtp]\nfolder = 'out'\n[rules]\ndir = '{}'\n[model]\nenabled = false\n[portal]\nlisten = '127.0.0.1:PORT'\n",
        home.join("rules").display()
    );
    let installation = Installation::new(Some(&settings)).await;
    let (client, word) = signed_in(&installation).await;
    let at = |path: &str| format!("{}{path}", installation.base);
    let get = async |path: &str| client.get(at(path)).send().await.unwrap().text().await.unwrap();
    let sample = async |present: &str| {
        let form = [("csrf", word.as_str()), ("present", present)];
        let answer = client.post(at("/admin/set-up/sample")).form(&form).send().await.unwrap();
        let place = answer.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        (answer.status(), place.unwrap_or_default(), answer.text().await.unwrap())
    };
    let real = [("csrf", word.as_str()), ("host", "h.example"), ("user", "u"), ("password", "pw"), ("anyway", "true")];
    // A council without a name connects no mailbox, and is told what comes first.
    let page = get("/admin/set-up/mailboxes").await;
    assert!(
        page.contains("href=\"/admin/set-up/council\">Name the council first") && !page.contains("name=\"host\""),
        "{page}"
    );
    let (status, page) = post(&client, &at("/admin/set-up/mailboxes"), &real).await;
    assert!(status == StatusCode::CONFLICT && page.contains("Name the council first"), "{status} {page}");
    let tasks = get("/admin/set-up").await;
    assert!(
        tasks.contains("1. <a") && tasks.contains("2. Connect a mailbox") && tasks.contains("Cannot start yet"),
        "{tasks}"
    );
    // What is not there cannot be taken out, and nobody is told that it was.
    assert_eq!(sample("false").await.1, "/admin/set-up?done=sample-none");
    assert!(get("/admin/set-up?done=sample-none").await.contains("There was no message of the sample to take out"));
    let (status, _, page) = sample("true").await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let started = Instant::now();
    while !get("/review").await.contains("Review <span class=\"reference\">") {
        assert!(started.elapsed().as_secs() < 120, "{}", get("/review").await);
        tokio::task::spawn_blocking(|| pause(Duration::from_millis(200))).await.unwrap();
    }
    assert!(get("/account").await.contains("What you see is invented, and nothing is sent"), "every page says so");
    let (status, page) = post(&client, &at("/admin/set-up/mailboxes"), &real).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(page.contains("Sample data is in"), "{page}");
    // Where another message is among it all the same, it stays in as a whole, and that is said.
    let db = installation.db().await;
    let mut tx = db.begin().await.unwrap();
    let real_one = "INSERT INTO inbox (id, channel, account, external_id, raw, size, received_at, status, attempts, next_attempt_at)
                    VALUES ('real', 'email', 'real', '1', $1, 1, $2, 'done', 1, $2)";
    tx.exec(real_one, args![b"x".as_slice(), chrono::DateTime::UNIX_EPOCH]).await.unwrap();
    tx.commit().await.unwrap();
    let (status, _, page) = sample("false").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
    assert!(page.contains("Nothing was taken out: the sample data stays in, and nothing is sent"), "{page}");
    assert!(get("/account").await.contains("What you see is invented, and nothing is sent"));
    assert!(std::fs::read_to_string(installation.file("set-up.toml")).unwrap().contains("sample = true"));
    let mut tx = db.begin().await.unwrap();
    tx.exec("DELETE FROM inbox WHERE id = 'real'", args![]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(sample("false").await.1, "/admin/set-up?done=sample-out");
    assert!(get("/reports").await.contains("No mailbox is connected yet"));
    let tasks = get("/admin/set-up").await;
    assert!(!tasks.contains("invented") && tasks.contains("You can put in"), "{tasks}");
    let trail = get("/admin/audit").await;
    assert!(trail.contains("take out sample data"), "{trail}");
    assert!(!installation.file("out").exists() && !installation.file("sample-outgoing").exists());
    let rows = rows_of_messages(&db).await;
    assert!(rows.values().all(|n| *n == 0), "{rows:?}");
    // Now that it is out, and the council has a name, the real one comes in.
    let fields = [("csrf", word.as_str()), ("name", "Borley"), ("address", "cases@b.example")];
    let (status, page) = post(&client, &at("/admin/set-up/council"), &fields).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let (status, page) = post(&client, &at("/admin/set-up/mailboxes"), &real).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let (status, _, page) = sample("true").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
}

/// Settings of a council whose folder of rules is its own, below the installation's.
const OF_OUR_OWN: &str = "[council]\nname = 'Borley'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n[rules]\ndir = 'rules'\n\
                          [model]\nenabled = false\n[portal]\nlisten = '127.0.0.1:PORT'\n";

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let there = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &there) } else { std::fs::copy(&path, &there).map(drop).unwrap() }
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#38;", "&").replace("&#60;", "<").replace("&#62;", ">")
}

/// The value of a field of a page.
fn value(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}: {page}"));
    let (_, rest) = rest.split_once("value=\"").unwrap();
    unescaped(rest.split('"').next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_address_that_was_set_up_and_one_that_was_saved_under_departments_the_last_one_holds() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("rules"), &folder.path().join("rules"));
    // A service that was switched off and a department that was given an address, both gone from the rules since.
    let kept = "[rules]\noff = ['gas_lamps']\naddresses = { lamplighters = 'l@b.example' }\n";
    std::fs::write(folder.path().join("set-up.toml"), kept).unwrap();
    let installation = Installation::of(folder, Some(OF_OUR_OWN)).await;
    let said = installation.said();
    assert!(said.contains("WARN") && said.contains("'gas_lamps'") && said.contains("'lamplighters'"), "{said}");
    let (client, word) = signed_in(&installation).await;
    let at = |path: &str| format!("{}{path}", installation.base);
    let get = async |path: &str| client.get(at(path)).send().await.unwrap().text().await.unwrap();
    let both = async || {
        let department = value(&get("/admin/departments/waste").await, "email");
        let set_up = value(&get("/admin/set-up/services").await, "address-waste");
        assert_eq!(department, set_up, "both pages show the one in force");
        department
    };
    let by_set_up = async |address: &str| {
        let fields = [("csrf", word.as_str()), ("address-waste", address)];
        let (status, page) = post(&client, &at("/admin/set-up/services"), &fields).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    };
    let by_departments = async |address: &str| {
        let page = get("/admin/departments/waste").await;
        let (name, contact) = (value(&page, "name"), value(&page, "contact"));
        let fields = [("csrf", word.as_str()), ("name", &name), ("email", address), ("contact", &contact)];
        let (status, preview) = post(&client, &at("/admin/departments/waste"), &fields).await;
        assert!(status == StatusCode::OK && preview.contains(&format!("go to {address} from then on")), "{preview}");
        let (text, seal) = (value(&preview, "text"), value(&preview, "seal"));
        let fields = [("csrf", word.as_str()), ("text", &text), ("seal", &seal), ("addressed", "waste")];
        let (status, page) = post(&client, &at("/admin/rules/departments/save"), &fields).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    };
    let of_file = both().await;
    by_set_up("first@b.example").await;
    assert_eq!(both().await, "first@b.example");
    by_departments("second@b.example").await;
    assert_eq!(both().await, "second@b.example");
    by_set_up("third@b.example").await;
    assert_eq!(both().await, "third@b.example");
    // Back to what the file has had all along.
    by_departments("second@b.example").await;
    assert_eq!(both().await, "second@b.example");
    by_set_up(&of_file).await;
    assert_eq!(both().await, of_file);
    // A change of the file that is not about the address leaves it where it was set up.
    let text = std::fs::read_to_string(installation.file("rules/departments.toml")).unwrap() + "\n# A word more.\n";
    let (_, preview) =
        post(&client, &at("/admin/rules/departments/preview"), &[("csrf", word.as_str()), ("text", &text)]).await;
    let fields = [("csrf", word.as_str()), ("text", &text), ("seal", &value(&preview, "seal"))];
    assert_eq!(post(&client, &at("/admin/rules/departments/save"), &fields).await.0, StatusCode::SEE_OTHER);
    assert_eq!(both().await, of_file);
    let trail = get("/admin/audit").await;
    assert!(trail.contains("use addresses of departments.toml"), "{trail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_on_the_trail_also_where_the_browser_does_not_wait_for_it() {
    let settings = OF_OUR_OWN.replace("[council]\nname = 'Borley'\naddress = 'cases@b.example'\n", "");
    let settings = settings.replace("'rules'", &format!("'{}'", root().join("rules").display()));
    let installation = Installation::new(Some(&settings)).await;
    let (client, word, cookie) = signed_in_with_cookie(&installation).await;
    let kept = || std::fs::read_to_string(installation.file("set-up.toml")).unwrap_or_default();
    // Gone at once, the browser may be gone before the change is begun: then nothing is changed, and it tries again.
    for patience in 1.. {
        let body: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("csrf", word.as_str()), ("name", "Gone Borough"), ("address", "cases@g.example")])
            .finish();
        let address = installation.base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /admin/set-up/council HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let wait = Duration::from_millis(50 * patience);
        tokio::task::spawn_blocking(move || pause(wait)).await.unwrap();
        let answered_meanwhile = kept().contains("Gone Borough");
        drop(stream);
        assert!(!answered_meanwhile, "the change was taken up too fast for the browser to go away before");
        let started = Instant::now();
        while !kept().contains("Gone Borough") && started.elapsed().as_secs() < 10 {
            a_moment().await;
        }
        if kept().contains("Gone Borough") {
            break;
        }
        assert!(patience < 20, "{}", installation.said());
    }
    let page = async |path: &str| {
        client.get(format!("{}{path}", installation.base)).send().await.unwrap().text().await.unwrap()
    };
    until(async || page("/more").await.contains("Gone Borough")).await;
    let trail = page("/admin/audit").await;
    assert!(trail.contains("set up council"), "{trail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_user_name_is_taken_meanwhile_it_is_said_that_the_councillors_are_in() {
    let settings = OF_OUR_OWN.replace("'rules'", &format!("'{}'", root().join("rules").display()));
    let installation = Installation::new(Some(&settings)).await;
    let (client, word) = signed_in(&installation).await;
    // Both are looked at before either is brought in: taking up a councillor takes longer than looking.
    let bring = async |key: &str| {
        let table = format!(
            "name,user_name,email,role,councillor,wards\nCllr {key},same.name,{key}@b.example,councillor,{key},\n"
        );
        let form = [("csrf", word.as_str()), ("table", &table)];
        let at = format!("{}/admin/set-up/people/import", installation.base);
        client.post(at).form(&form).send().await.unwrap().text().await.unwrap()
    };
    let (one, other) = tokio::join!(bring("adeyemi"), bring("nowak"));
    let (first, second, theirs) =
        if one.contains("They are in") { (one, other, "Cllr nowak") } else { (other, one, "Cllr adeyemi") };
    assert!(first.contains("1 account was made, and 1 councillor is new"), "{first}");
    assert!(
        second.contains("The user name same.name was taken meanwhile, so no account was made; 1 councillor was brought in all the same"),
        "{second}"
    );
    assert!(!second.contains("Nobody was brought in"), "{second}");
    assert!(second.contains(theirs), "{second}");
}

#[test]
fn a_new_installation_takes_the_next_port_where_the_usual_one_is_taken_and_begins_nothing_where_it_cannot_listen() {
    let run = |folder: &Path, arguments: &[&str]| {
        let said = std::fs::File::create(folder.with_extension("said")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_beadle"));
        command.arg("run").args(arguments).current_dir(folder).env("BEADLE_HOME", root()).stdin(Stdio::null());
        command.stderr(said.try_clone().unwrap()).stdout(said).spawn().unwrap()
    };
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("empty");
    std::fs::create_dir(&folder).unwrap();
    let said = || std::fs::read_to_string(folder.with_extension("said")).unwrap();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let status = run(&folder, &["--listen", &taken]).wait().unwrap();
    assert!(!status.success() && said().contains(&format!("cannot listen on {taken}")), "{}", said());
    assert!(said().contains("--listen") && said().contains("nothing was begun"), "{}", said());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "so the next try is not bound to that port");
    // Whoever has it: this test, or somebody else on this machine.
    let _usual = TcpListener::bind("127.0.0.1:8025");
    let mut process = run(&folder, &[]);
    wait_until(|| said().contains("beadle runs") || process.try_wait().unwrap().is_some());
    process.kill().unwrap();
    process.wait().unwrap();
    let text = std::fs::read_to_string(folder.join("beadle.toml")).unwrap();
    let (_, port) = text.split_once("listen = \"127.0.0.1:").unwrap_or_else(|| panic!("{text}"));
    let port = port.split('"').next().unwrap();
    assert_ne!(port, "8025");
    assert!(
        said().contains(&format!("Port 8025 is taken by another program, so this one listens on port {port}.")),
        "{}",
        said()
    );
    assert!(said().contains(&format!("Open http://127.0.0.1:{port} to set it up.")), "{}", said());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_says_nothing_does_not_keep_the_service_from_ending() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings = OF_OUR_OWN.replace("'rules'", &format!("'{}'", root().join("rules").display()));
    let mailbox = format!(
        "[[mailbox]]\nname = 'silent'\nhost = '127.0.0.1'\nport = {port}\nsecurity = 'none'\nuser = 'u'\npassword = 'p'\n"
    );
    let mut installation = Installation::new(Some(&format!("{settings}{mailbox}"))).await;
    // It is being connected to, and so is the next one, which is tried on the portal.
    let (silent, _held) = tokio::task::spawn_blocking(move || {
        let held = silent.accept().unwrap();
        (silent, held)
    })
    .await
    .unwrap();
    let (client, word) = signed_in(&installation).await;
    let at = format!("{}/admin/set-up/mailboxes", installation.base);
    let port = port.to_string();
    let trial = tokio::spawn(async move {
        let fields = [
            ("csrf", word.as_str()),
            ("host", "127.0.0.1"),
            ("security", "none"),
            ("port", &port),
            ("user", "another"),
            ("password", "pw"),
        ];
        post(&client, &at, &fields).await
    });
    let _held_too = tokio::task::spawn_blocking(move || silent.accept().unwrap()).await.unwrap();
    let _ = Command::new("kill").args(["-TERM", &installation.process.id().to_string()]).status();
    let (status, page) = trial.await.unwrap();
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("The service is ending"), "{status} {page}");
    until(async || installation.process.try_wait().unwrap().is_some()).await;
    let said = installation.said();
    assert!(said.contains("ended") && !said.contains("some work did not end in time"), "{said}");
}

#[test]
fn without_a_folder_of_its_own_files_or_with_a_file_that_is_not_there_it_says_so_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_beadle"))
        .args(["run", "--config", "gone.toml"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("gone.toml cannot be read"), "{output:?}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}
