//! From an empty folder to the first message, sorted: `beadle run`, the first sign-in, and the set-up in a real browser, with a real
//! mailbox on Dovecot.

use crate::browser::browse_with;
use crate::house::root;
use crate::logs::{free_port, pause};
use crate::stack::Stack;
use crate::story;
use beadle::store::{Db, args, sample};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
        let folder = tempfile::tempdir().unwrap();
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

/// Goes through the set-up as somebody would who has read nothing; what the browser saw, and how it was left.
async fn first_use(how: &'static str) -> (Value, Installation) {
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
        user,
        stack.password.clone(),
        wards.display().to_string(),
        people.display().to_string(),
    ];
    let seen = browse_with("first_use.js", how, &installation.base, given).await;
    (seen, installation)
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
    assert!(!installation.file("outgoing").exists(), "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_an_empty_folder_to_the_first_message_in_the_review_in_less_than_five_minutes() {
    let (seen, installation) = first_use("scripts").await;
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
    let (seen, mut installation) = first_use("plain").await;
    check(&seen, &installation);
    assert_eq!(seen["sideways"], json!([]));
    installation.process.kill().unwrap();
    installation.process.wait().unwrap();
    let port = installation.base.rsplit(':').next().unwrap().parse().unwrap();
    installation.process = start(installation.folder.path(), port);
    installation.answers().await;
    let page = Client::new().get(format!("{}/sign-in", installation.base)).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Brackenmere Borough Council"), "{page}");
}

/// A browser that is signed in, and the word its forms carry.
async fn signed_in(installation: &Installation) -> (Client, String) {
    let client = Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = client.get(format!("{}/sign-in", installation.base)).send().await.unwrap().text().await.unwrap();
    let word = csrf(&page);
    let password = installation.password();
    let fields = [("csrf", word.as_str()), ("user_name", "administrator"), ("password", &password)];
    let answer = post(&client, &format!("{}/sign-in", installation.base), &fields).await;
    assert_eq!(answer.0, StatusCode::SEE_OTHER, "{}", answer.1);
    let page = client.get(format!("{}/more", installation.base)).send().await.unwrap().text().await.unwrap();
    (client, csrf(&page))
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
    assert!(before.contains("mail-ann"), "{before}");
    // The operator makes a mailbox of the name that the next one would get.
    let more = format!(
        "{}[[mailbox]]\nname = 'mail-bo'\nhost = 'h'\nuser = 'u'\npassword = 'p'\n",
        std::fs::read_to_string(installation.file("beadle.toml")).unwrap()
    );
    std::fs::write(installation.file("beadle.toml"), more).unwrap();
    let (status, page) = post(&client, &at("/admin/set-up/mailboxes"), &mailbox("bo")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
    assert!(page.contains("mail-bo") && page.contains("stands in both"), "{page}");
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

/// The rows of each table of a database that is not one of those that stay.
async fn rows_of_messages(db: &Db) -> Vec<(String, i64)> {
    const STAY: [&str; 12] = [
        "audit",
        "audit_seals",
        "users",
        "grants",
        "invitations",
        "sessions",
        "settings",
        "lessons",
        "matcher_lessons",
        "sent_forms",
        "whereabouts",
        "_sqlx_migrations",
    ];
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
    let mut rows = Vec::new();
    for (table,) in tables.into_iter().filter(|(table,)| !STAY.contains(&table.as_str())) {
        // A test is over before it is much.
        let sql: &'static str = Box::leak(format!("SELECT COUNT(*) FROM {table}").into_boxed_str());
        rows.push((table, tx.count(sql, args![]).await.unwrap()));
    }
    rows
}

story!(sample_data_goes_with_all_that_came_of_it_and_stays_on_the_trail, house, {
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
    let before = rows_of_messages(&house.db).await;
    assert!(before.len() > 20 && before.iter().filter(|(_, n)| *n > 0).count() > 10, "{before:?}");
    let mut tx = house.tx().await;
    let trail = tx.count("SELECT COUNT(*) FROM audit", args![]).await.unwrap();
    assert!(trail > 0, "{trail}");
    assert!(sample::take_out(&mut tx).await.unwrap());
    tx.commit().await.unwrap();
    let after = rows_of_messages(&house.db).await;
    assert!(after.iter().all(|(_, n)| *n == 0), "{after:?}");
    let mut tx = house.tx().await;
    assert_eq!(tx.count("SELECT COUNT(*) FROM audit", args![]).await.unwrap(), trail);
    assert!(!sample::take_out(&mut tx).await.unwrap(), "there is nothing more to take out");
    drop(tx);
    // It can come in again; where anything else came in beside it, nothing at all is deleted.
    house.takes_in_bytes(sample::ACCOUNT, "1", first_mail()).await;
    house.takes_in_bytes("real", "1", first_mail().repeat(2)).await;
    house.works().await;
    let mut tx = house.tx().await;
    assert!(!sample::take_out(&mut tx).await.unwrap());
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
    let (status, page) = post(&client, &at("/admin/set-up/sample"), &[("csrf", &word), ("present", "true")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let started = Instant::now();
    while !get("/review").await.contains("Review <span class=\"reference\">") {
        assert!(started.elapsed().as_secs() < 120, "{}", get("/review").await);
        tokio::task::spawn_blocking(|| pause(Duration::from_millis(200))).await.unwrap();
    }
    assert!(get("/account").await.contains("What you see is invented, and nothing is sent"), "every page says so");
    let real = [("csrf", word.as_str()), ("host", "h.example"), ("user", "u"), ("password", "pw"), ("anyway", "true")];
    let (status, page) = post(&client, &at("/admin/set-up/mailboxes"), &real).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("sample data is in"), "{page}");
    let (status, page) = post(&client, &at("/admin/set-up/sample"), &[("csrf", &word), ("present", "false")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    assert!(get("/reports").await.contains("No mailbox is connected yet"));
    let tasks = get("/admin/set-up").await;
    assert!(!tasks.contains("invented") && tasks.contains("You can put in"), "{tasks}");
    let trail = get("/admin/audit").await;
    assert!(trail.contains("take out sample data"), "{trail}");
    assert!(!installation.file("out").exists() && !installation.file("sample-outgoing").exists());
    let url = format!("sqlite:{}", installation.file("beadle.db").display());
    let rows = rows_of_messages(&Db::open(&url).await.unwrap()).await;
    assert!(rows.iter().all(|(_, n)| *n == 0), "{rows:?}");
    // Now that it is out, the real one comes in.
    let (status, page) = post(&client, &at("/admin/set-up/mailboxes"), &real).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let (status, page) = post(&client, &at("/admin/set-up/sample"), &[("csrf", &word), ("present", "true")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
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
