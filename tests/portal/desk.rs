//! A council's desk: a real server on this machine, a database of its own, one browser before it.

use beadle::casework::matcher::{InForce, Matcher};
use beadle::channels::telegram::{Bot, Hook, TelegramSettings, TelegramWire};
use beadle::collect::Collector;
use beadle::core::{Address, Clock, Council, Councillor, Ids, RawMessage, Reference, Role, TokenKey, UserId};
use beadle::intake::accept::{Batch, accept};
use beadle::intake::mime::MimeLimits;
use beadle::pipeline::{House, Pipeline};
use beadle::portal::{Portal, auth, router};
use beadle::routing::RoutingPolicy;
use beadle::routing::consent::{Consents, Wish};
use beadle::routing::deadline::{Division, WorkingDays};
use beadle::store::outbox::Fate;
use beadle::store::session::NewSession;
use beadle::store::user::NewGrant;
use beadle::store::{self, Db};
use beadle::understanding::Understanding;
use beadle::understanding::place::Places;
use beadle::understanding::rules::Rules;
use beadle::understanding::rules::folder::Folder;
use chrono::TimeDelta;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method, StatusCode};
use std::path::Path;
use std::sync::Arc;

pub const PASSWORD: &str = "otter lamp tram seven";
pub const OTHER: &str = "LURKING<script>alert(1)</script>";

/// A council's desk, served on this machine, and one browser before it.
pub struct Desk {
    pub base: String,
    pub browser: Client,
    pub pipeline: Pipeline,
    pub portal: Portal,
    mails: std::cell::Cell<u32>,
    _dir: tempfile::TempDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |l| l.to_str().unwrap())
    }

    pub fn has(&self, words: &str) -> bool {
        self.body.contains(words)
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&mark).unwrap_or_else(|| panic!("no field {name}"));
        rest.split('"').next().unwrap().to_owned()
    }

    /// The address of the first form or link that ends so, besides the one that takes back the last decision.
    pub fn address(&self, end: &str) -> String {
        let ours = |part: &&str| part.starts_with('/') && part.ends_with(end) && *part != "/review/undo";
        let found = self.body.split('"').find(ours);
        found.unwrap_or_else(|| panic!("no address ends in {end}")).to_owned()
    }
}

/// Copies a folder with what is below it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let there = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &there) } else { std::fs::copy(&path, &there).map(drop).unwrap() }
    }
}

/// A bot whose updates are brought; nothing is ever sent.
fn bot() -> Bot {
    let wire = TelegramWire::open(TelegramSettings {
        token: "1:T".into(),
        api_url: Some("http://127.0.0.1:9".parse().unwrap()),
        bot_name: None,
    });
    let hook = Hook { url: "https://cases.brackenmere.example/telegram/bot".parse().unwrap(), secret: "S_1".into() };
    Bot::new(wire.unwrap(), Some(hook))
}

/// A browser that has never been here.
pub fn browser() -> Client {
    Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl Desk {
    /// A desk at which nobody is signed in, of a council that is content with small confidence.
    pub async fn closed() -> Self {
        Self::of(RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() }).await
    }

    pub async fn of(policy: RoutingPolicy) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("beadle.db").display());
        Self::on(&url, dir, policy).await
    }

    pub async fn on(url: &str, dir: tempfile::TempDir, policy: RoutingPolicy) -> Self {
        Self::with(url, dir, policy, |_, portal| portal).await
    }

    /// The same, where the portal is set up otherwise; it is told where it will be reached.
    pub async fn with(
        url: &str,
        dir: tempfile::TempDir,
        policy: RoutingPolicy,
        set_up: impl FnOnce(&str, Portal) -> Portal,
    ) -> Self {
        let db = Db::open(url).await.unwrap();
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let borough = home.join("training-data/demo/borough");
        let file = |name: &str| borough.join(name);
        let places =
            Places::load(Some(&file("wards.geojson")), Some(&file("postcodes.csv")), Some(&file("streets.csv")))
                .unwrap();
        let rules = Rules::load_untried(&home.join("rules")).unwrap();
        copy(&home.join("rules"), &dir.path().join("rules"));
        let holidays = std::fs::read_to_string(home.join("rules/bank-holidays.json")).unwrap();
        let councillor = |id: &str, name: &str, ward: &str| Councillor {
            id: id.to_owned(),
            name: name.to_owned(),
            email: format!("cllr.{id}@brackenmere.example"),
            wards: vec![ward.to_owned()],
        };
        let house = House {
            council: Council {
                name: "Brackenmere Borough Council".to_owned(),
                councillors: vec![
                    councillor("adeyemi", "Cllr Grace Adeyemi", "Abbey"),
                    councillor("nowak", "Cllr Marek Nowak", "Station"),
                ],
                address: Address::new("cases@brackenmere.example", None).unwrap(),
                plus_addressing: true,
                authserv_id: Some("mx.brackenmere.example".to_owned()),
                own_addresses: vec!["cases@brackenmere.example".to_owned()],
                portal_url: Some("https://cases.brackenmere.example".to_owned()),
                public_url: None,
            },
            policy,
            calendar: WorkingDays::from_json(&holidays, Division::EnglandAndWales).unwrap(),
            // Each installation draws its own.
            key: TokenKey::new(Ids::Random.uuid().as_bytes().to_vec()),
            consent: Consents { otherwise: Wish::Share, by_channel: std::collections::BTreeMap::new() },
            matcher: InForce::new(Matcher::shipped()),
            usual: Default::default(),
            limits: MimeLimits::default(),
            texts: std::collections::BTreeMap::default(),
            form: None,
            telegram: [("bot".to_owned(), Arc::new(bot()))].into(),
            whereabouts: None,
            account_councillors: [("adeyemi".to_owned(), "adeyemi".to_owned())].into(),
        };
        let pipeline = Pipeline {
            db: db.clone(),
            clock: Clock::fixed("2026-03-13T14:05:00Z".parse().unwrap()),
            ids: Ids::Random,
            instance: "test".to_owned(),
            understanding: Understanding::new(rules, None, None, places),
            house: Arc::new(house),
            lease: TimeDelta::minutes(5),
        };
        let mut tx = db.begin().await.unwrap();
        auth::set_password(&mut tx, PASSWORD, pipeline.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let collector = Collector {
            db: db.clone(),
            clock: pipeline.clock.clone(),
            ids: Ids::Random,
            instance: "test".to_owned(),
            bell: Arc::default(),
            message_bytes: 1 << 20,
            spool: beadle::collect::spool::Spool::new(dir.path().join("texts-waiting")),
        };
        let portal = Portal {
            allowed_hosts: vec!["cases.brackenmere.example".to_owned()],
            rules: Some(Folder::new(dir.path().join("rules"), Default::default())),
            ..Portal::new(pipeline.clone(), collector)
        };
        let portal = set_up(&base, portal);
        let app = router(portal.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { base, browser: browser(), pipeline, portal, mails: std::cell::Cell::new(0), _dir: dir }
    }

    /// The value of a hidden field as a browser has it.
    pub fn unescaped(&self, page: &Answer, name: &str) -> String {
        let marks = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
        marks.iter().fold(page.field(name), |text, (mark, sign)| text.replace(mark, sign))
    }

    /// A file of this desk's own rules.
    pub fn rule_file(&self, file: &str) -> std::path::PathBuf {
        self._dir.path().join("rules").join(file)
    }

    /// A desk at which the administrator is signed in.
    pub async fn open() -> Self {
        let desk = Self::closed().await;
        let answer = desk.sign_in(PASSWORD, "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        desk
    }

    pub fn db(&self) -> &Db {
        &self.pipeline.db
    }

    pub async fn ask(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(self.browser.get(format!("{}{path}", self.base))).await
    }

    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request =
            self.browser.post(format!("{}{path}", self.base)).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request.body(body)).await
    }

    pub async fn sign_in(&self, password: &str, next: &str) -> Answer {
        let page = self.get(&format!("/sign-in?next={next}")).await;
        self.send("/sign-in", &[("csrf", &page.field("csrf")), ("password", password), ("next", &page.field("next"))])
            .await
    }

    /// Fills in a form of a page, as a person who saw that page would.
    pub async fn press(&self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = page.field("csrf");
        let seen = if page.has("name=\"seen\"") { page.field("seen") } else { String::new() };
        let fields: Vec<(&str, &str)> =
            [("csrf", csrf.as_str()), ("seen", &seen)].into_iter().chain(fields.iter().copied()).collect();
        self.send(action, &fields).await
    }

    /// Takes a raw mail in and works on it.
    pub async fn take_in(&self, raw: &[u8]) {
        self.mails.set(self.mails.get() + 1);
        let external_id = format!("mail-{}", self.mails.get());
        let raw = RawMessage {
            channel: beadle::core::Channel::Email,
            account: "adeyemi".to_owned(),
            external_id,
            bytes: raw.to_vec(),
            arrived_at: None,
        };
        let batch = Batch { messages: vec![raw], ..Batch::default() };
        accept(self.db(), &self.pipeline.clock, &self.pipeline.ids, "adeyemi", &batch).await.unwrap();
        self.pipeline.step(10).await.unwrap();
        self.pipeline.clock.advance(TimeDelta::minutes(1));
    }

    pub async fn mail(&self, from: &str, subject: &str, body: &str) -> store::case::Case {
        self.take_in(&letter(from, subject, body, "dmarc=pass")).await;
        self.newest().await
    }

    /// A report of a pothole by somebody whom the council's server vouches for.
    pub async fn pothole(&self) -> store::case::Case {
        let body = "There is a deep pothole in Tanner's Row by the dry cleaners, ZM1 4QT. Please fill it.";
        self.mail("Derek Hollis <derek@fenmail.example>", "Pothole", body).await
    }

    pub async fn newest(&self) -> store::case::Case {
        let mut tx = self.db().read().await.unwrap();
        let all = store::case::list(&mut tx, &store::case::Filter { limit: 1000, ..Default::default() }).await.unwrap();
        all.into_iter().max_by(|a, b| a.received_at.cmp(&b.received_at)).unwrap()
    }

    pub async fn case(&self, reference: &Reference) -> store::case::Case {
        let mut tx = self.db().read().await.unwrap();
        store::case::by_reference(&mut tx, reference).await.unwrap().unwrap()
    }

    pub async fn outgoing(&self, case: &store::case::Case) -> Vec<store::outbox::Outgoing> {
        let mut tx = self.db().read().await.unwrap();
        store::outbox::of_case(&mut tx, &case.id).await.unwrap()
    }

    pub async fn trail(&self, object: &str) -> Vec<String> {
        let mut tx = self.db().read().await.unwrap();
        let entries = store::audit::of(&mut tx, object).await.unwrap();
        entries.into_iter().map(|e| format!("{} {}", e.actor, e.action)).collect()
    }

    /// Sends what may leave once nothing of it can be taken back any more.
    pub async fn deliver_later(&self) {
        self.pipeline.clock.advance(TimeDelta::seconds(21));
        self.deliver().await;
    }

    /// Claims everything that may leave at this moment and says that it has gone.
    pub async fn deliver(&self) {
        let (now, lease) = (self.pipeline.clock.now(), TimeDelta::minutes(1));
        let mut tx = self.db().begin().await.unwrap();
        while let Some(mail) = store::outbox::claim(&mut tx, "test", now, lease).await.unwrap() {
            assert!(store::outbox::complete(&mut tx, &mail.id, "test", &Fate::Sent, now).await.unwrap());
        }
        tx.commit().await.unwrap();
    }
}

/// Somebody who is signed in, in a browser of their own.
#[derive(Clone)]
pub struct Person {
    pub id: UserId,
    pub cookie: String,
    pub csrf: String,
}

impl Person {
    /// Makes an account with these roles and signs it in.
    pub async fn new(desk: &Desk, user_name: &str, roles: &[(Role, Option<&str>)]) -> Self {
        let now = desk.pipeline.clock.now();
        let id: UserId = desk.pipeline.ids.next();
        let mut tx = desk.db().begin().await.unwrap();
        assert!(store::user::insert(&mut tx, &id, user_name, user_name, None, now).await.unwrap());
        for (role, councillor) in roles {
            let new = NewGrant { user: &id, role: *role, councillor: *councillor, until: None, by: "administrator" };
            store::user::give(&mut tx, &desk.pipeline.ids, new, now).await.unwrap();
        }
        tx.commit().await.unwrap();
        Self::signed_in(desk, id, user_name).await
    }

    pub async fn signed_in(desk: &Desk, id: UserId, token: &str) -> Self {
        use sha2::Digest as _;
        let now = desk.pipeline.clock.now();
        let new = NewSession {
            user: &id,
            token_hash: &format!("{:x}", sha2::Sha256::digest(token)),
            csrf: "word",
            device: "a test",
            begun_by: "password",
            expires_at: now + TimeDelta::hours(8),
        };
        let mut tx = desk.db().begin().await.unwrap();
        store::session::insert(&mut tx, &desk.pipeline.ids, new, now).await.unwrap();
        tx.commit().await.unwrap();
        Self { id, cookie: format!("beadle={token}"), csrf: "word".to_owned() }
    }

    pub async fn asks(&self, desk: &Desk, method: Method, path: &str, fields: &[(&str, &str)]) -> Answer {
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let fields = fields.iter().copied().chain([("csrf", self.csrf.as_str())]);
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = browser.request(method.clone(), format!("{}{path}", desk.base)).header("cookie", &self.cookie);
        let request = match method {
            Method::GET => request,
            _ => request.header("content-type", "application/x-www-form-urlencoded").body(body),
        };
        desk.ask(request).await
    }

    pub async fn gets(&self, desk: &Desk, path: &str) -> Answer {
        self.asks(desk, Method::GET, path, &[]).await
    }
}

/// A mail in plain text, with what the council's server says of its sender.
pub fn letter(from: &str, subject: &str, body: &str, check: &str) -> Vec<u8> {
    let id = uuid_like(&format!("{from}{subject}{body}"));
    format!(
        "Authentication-Results: mx.brackenmere.example; {check} header.from=fenmail.example\r\nMessage-ID: <{id}@fenmail.example>\r\n\
         Date: Fri, 13 Mar 2026 14:00:00 +0000\r\nFrom: {from}\r\nTo: Cllr Grace Adeyemi <cllr.adeyemi@brackenmere.example>\r\n\
         Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         {body}\r\n"
    )
    .into_bytes()
}

fn uuid_like(text: &str) -> String {
    use sha2::Digest;
    format!("{:x}", sha2::Sha256::digest(text))[..32].to_owned()
}

/// A mail with files: name, type, bytes as text.
pub fn letter_with_files(from: &str, subject: &str, body: &str, files: &[(&str, &str, &str)]) -> Vec<u8> {
    let head = letter(from, subject, "", "dmarc=pass");
    let head = String::from_utf8(head).unwrap();
    let (head, _) = head.split_once("Content-Type: text/plain").unwrap();
    let mut mail = format!(
        "{head}Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    );
    for (name, kind, bytes) in files {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        mail += &format!(
            "--b\r\nContent-Type: {kind}; name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\n{bytes}\r\n"
        );
    }
    mail += "--b--\r\n";
    mail.into_bytes()
}
