//! The portal as a browser meets it: a real server on this machine, a database of its own, real mails through the pipeline.

use beadle::channels::telegram::{Bot, Hook, TelegramSettings, TelegramWire};
use beadle::collect::Collector;
use beadle::core::{Address, CaseState, Clock, Council, Councillor, Ids, Party, RawMessage, Reference, TokenKey};
use beadle::intake::accept::{Batch, accept};
use beadle::intake::mime::MimeLimits;
use beadle::pipeline::{House, Pipeline};
use beadle::portal::{Portal, auth, router};
use beadle::routing::RoutingPolicy;
use beadle::routing::consent::Wish;
use beadle::routing::deadline::{Division, WorkingDays};
use beadle::store::lesson::{Lesson, OfService};
use beadle::store::outbox::Fate;
use beadle::store::{self, Db};
use beadle::understanding::Understanding;
use beadle::understanding::place::Places;
use beadle::understanding::rules::Rules;
use chrono::TimeDelta;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use sqlx::types::Json;
use std::path::Path;
use std::sync::Arc;

const PASSWORD: &str = "otter lamp tram seven";
const OTHER: &str = "LURKING<script>alert(1)</script>";

/// A council's desk, served on this machine, and one browser before it.
struct Desk {
    base: String,
    browser: Client,
    pipeline: Pipeline,
    mails: std::cell::Cell<u32>,
    _dir: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Answer {
    fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |l| l.to_str().unwrap())
    }

    fn has(&self, words: &str) -> bool {
        self.body.contains(words)
    }

    /// The value of a hidden field.
    fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&mark).unwrap_or_else(|| panic!("no field {name}"));
        rest.split('"').next().unwrap().to_owned()
    }

    /// The address of the first form or link that ends so.
    fn address(&self, end: &str) -> String {
        let found = self.body.split('"').find(|part| part.starts_with('/') && part.ends_with(end));
        found.unwrap_or_else(|| panic!("no address ends in {end}")).to_owned()
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

fn browser() -> Client {
    Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl Desk {
    /// A desk at which nobody is signed in, of a council that is content with small confidence.
    async fn closed() -> Self {
        Self::of(RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() }).await
    }

    async fn of(policy: RoutingPolicy) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("beadle.db").display());
        Self::on(&url, dir, policy).await
    }

    async fn on(url: &str, dir: tempfile::TempDir, policy: RoutingPolicy) -> Self {
        let db = Db::open(url).await.unwrap();
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let borough = home.join("training-data/demo/borough");
        let file = |name: &str| borough.join(name);
        let places =
            Places::load(Some(&file("wards.geojson")), Some(&file("postcodes.csv")), Some(&file("streets.csv")))
                .unwrap();
        let rules = Rules::load(&home.join("rules")).unwrap();
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
            },
            policy,
            calendar: WorkingDays::from_json(&holidays, Division::EnglandAndWales).unwrap(),
            key: TokenKey::new(b"test".to_vec()),
            consent: Wish::Share.into(),
            usual: Default::default(),
            limits: MimeLimits::default(),
            texts: std::collections::BTreeMap::default(),
            form: None,
            telegram: [("bot".to_owned(), Arc::new(bot()))].into(),
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
        auth::set_password(&mut tx, PASSWORD).await.unwrap();
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
        let app = router(Portal {
            allowed_hosts: vec!["cases.brackenmere.example".to_owned()],
            ..Portal::new(pipeline.clone(), collector)
        });
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { base, browser: browser(), pipeline, mails: std::cell::Cell::new(0), _dir: dir }
    }

    /// A desk at which the administrator is signed in.
    async fn open() -> Self {
        let desk = Self::closed().await;
        let answer = desk.sign_in(PASSWORD, "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        desk
    }

    fn db(&self) -> &Db {
        &self.pipeline.db
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(self.browser.get(format!("{}{path}", self.base))).await
    }

    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request =
            self.browser.post(format!("{}{path}", self.base)).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request.body(body)).await
    }

    async fn sign_in(&self, password: &str, next: &str) -> Answer {
        let page = self.get(&format!("/sign-in?next={next}")).await;
        self.send("/sign-in", &[("csrf", &page.field("csrf")), ("password", password), ("next", &page.field("next"))])
            .await
    }

    /// Fills in a form of a page, as a person who saw that page would.
    async fn press(&self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = page.field("csrf");
        let seen = if page.has("name=\"seen\"") { page.field("seen") } else { String::new() };
        let fields: Vec<(&str, &str)> =
            [("csrf", csrf.as_str()), ("seen", &seen)].into_iter().chain(fields.iter().copied()).collect();
        self.send(action, &fields).await
    }

    /// Takes a raw mail in and works on it.
    async fn take_in(&self, raw: &[u8]) {
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

    async fn mail(&self, from: &str, subject: &str, body: &str) -> store::case::Case {
        self.take_in(&letter(from, subject, body, "dmarc=pass")).await;
        self.newest().await
    }

    /// A report of a pothole by somebody whom the council's server vouches for.
    async fn pothole(&self) -> store::case::Case {
        let body = "There is a deep pothole in Tanner's Row by the dry cleaners, ZM1 4QT. Please fill it.";
        self.mail("Derek Hollis <derek@fenmail.example>", "Pothole", body).await
    }

    async fn newest(&self) -> store::case::Case {
        let mut tx = self.db().read().await.unwrap();
        let all = store::case::list(&mut tx, &store::case::Filter { limit: 1000, ..Default::default() }).await.unwrap();
        all.into_iter().max_by(|a, b| a.received_at.cmp(&b.received_at)).unwrap()
    }

    async fn case(&self, reference: &Reference) -> store::case::Case {
        let mut tx = self.db().read().await.unwrap();
        store::case::by_reference(&mut tx, reference).await.unwrap().unwrap()
    }

    async fn outgoing(&self, case: &store::case::Case) -> Vec<store::outbox::Outgoing> {
        let mut tx = self.db().read().await.unwrap();
        store::outbox::of_case(&mut tx, &case.id).await.unwrap()
    }

    async fn trail(&self, object: &str) -> Vec<String> {
        let mut tx = self.db().read().await.unwrap();
        let entries = store::audit::of(&mut tx, object).await.unwrap();
        entries.into_iter().map(|e| format!("{} {}", e.actor, e.action)).collect()
    }

    /// Claims everything that is queued and says that it has gone.
    async fn deliver(&self) {
        let (now, lease) = (self.pipeline.clock.now(), TimeDelta::minutes(1));
        let mut tx = self.db().begin().await.unwrap();
        while let Some(mail) = store::outbox::claim(&mut tx, "test", now, lease).await.unwrap() {
            assert!(store::outbox::complete(&mut tx, &mail.id, "test", &Fate::Sent, now).await.unwrap());
        }
        tx.commit().await.unwrap();
    }
}

/// A mail in plain text, with what the council's server says of its sender.
fn letter(from: &str, subject: &str, body: &str, check: &str) -> Vec<u8> {
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
fn letter_with_files(from: &str, subject: &str, body: &str, files: &[(&str, &str, &str)]) -> Vec<u8> {
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

#[tokio::test]
async fn every_page_asks_for_signing_in_first_and_leads_back_to_what_was_wanted() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let reference = &case.reference;
    let pages = [
        "/cases/REF",
        "/find?reference=x",
        "/cases/REF/messages/x/attachments/0",
        "/messages/x/raw",
        "/deliveries/x/raw",
        "/set-aside",
        "/quarantine",
        "/outbox",
        "/learned",
    ];
    assert_eq!(desk.get("/").await.location(), "/sign-in");
    for page in pages.map(|p| p.replace("REF", reference.as_str())) {
        let answer = desk.get(&page).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{page}");
        assert!(answer.location().starts_with("/sign-in?next=%2F"), "{page} leads to {}", answer.location());
        assert!(!answer.has("pothole"), "{page}");
    }
    for action in [
        "accept",
        "change",
        "join",
        "seen",
        "links/x/undo",
        "links/x/same",
        "links/x/different",
        "links/x/unsplit",
        "parts/2/split",
        "parts/2/dismiss",
        "whole",
        "outgoing/x/release",
        "messages/x/send-on",
    ] {
        let answer = desk.send(&format!("/cases/{reference}/{action}"), &[("csrf", ""), ("seen", "")]).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/sign-in"), "{action}");
    }
    for action in ["/quarantine/x/replay", "/sign-out"] {
        assert_eq!(desk.send(action, &[]).await.location(), "/sign-in", "{action}");
    }
    assert_eq!(desk.case(reference).await.state, CaseState::Review);
    let wanted = format!("%2Fcases%2F{reference}");
    assert_eq!(desk.sign_in(PASSWORD, &wanted).await.location(), format!("/cases/{reference}"));
    assert_eq!(desk.get(&format!("/cases/{reference}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_in_leads_nowhere_but_here() {
    let desk = Desk::closed().await;
    assert_eq!(desk.sign_in(PASSWORD, "%2F%2Fevil.example").await.location(), "/");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_after_five_everybody_waits() {
    let desk = Desk::closed().await;
    for _ in 0..5 {
        let answer = desk.sign_in("not the password", "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.has("That is not the password"));
    }
    let early = desk.sign_in(PASSWORD, "").await;
    assert_eq!(early.status, StatusCode::TOO_MANY_REQUESTS, "even the right one waits");
    assert_eq!(early.headers[RETRY_AFTER], "1");
    assert!(early.has("Too many wrong passwords. Wait 1 second, then try again."), "{}", early.body);
    assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER);
    desk.pipeline.clock.advance(TimeDelta::seconds(2));
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(desk.get("/").await.status, StatusCode::OK);
    let trail = desk.trail("portal").await;
    assert_eq!(trail.iter().filter(|t| *t == "nobody sign in refused").count(), 5, "{trail:?}");
    assert!(trail.contains(&"administrator sign in".to_owned()));
}

#[tokio::test]
async fn the_sign_in_form_is_refused_where_it_does_not_come_from_its_page() {
    let desk = Desk::closed().await;
    let answer = desk.send("/sign-in", &[("csrf", "x"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    desk.get("/sign-in").await;
    assert_eq!(desk.send("/sign-in", &[("csrf", "x"), ("password", PASSWORD)]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_ends_by_signing_out_by_time_and_by_a_new_password() {
    let desk = Desk::open().await;
    let page = desk.get("/").await;
    assert_eq!(desk.press(&page, "/sign-out", &[]).await.location(), "/sign-in");
    assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER);

    desk.sign_in(PASSWORD, "").await;
    desk.pipeline.clock.advance(TimeDelta::hours(11));
    assert_eq!(desk.get("/").await.status, StatusCode::OK);
    desk.pipeline.clock.advance(TimeDelta::hours(1) + TimeDelta::seconds(1));
    assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER);

    desk.sign_in(PASSWORD, "").await;
    let mut tx = desk.db().begin().await.unwrap();
    auth::set_password(&mut tx, "another otter lamp tram").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_first_password_is_made_up_once_and_works() {
    let desk = Desk::closed().await;
    assert_eq!(auth::ensure_password(desk.db()).await.unwrap(), None, "one is set");
    let empty = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", empty.path().join("beadle.db").display())).await.unwrap();
    let made = auth::ensure_password(&db).await.unwrap().unwrap();
    assert_eq!(made.len(), 19);
    assert_eq!(auth::ensure_password(&db).await.unwrap(), None);
    let mut tx = db.begin().await.unwrap();
    let hash = store::setting::get(&mut tx, auth::PASSWORD_KEY).await.unwrap().unwrap();
    assert!(hash.starts_with("$argon2id$") && !hash.contains(&made));
    assert!(auth::set_password(&mut tx, "short").await.is_err());
}

#[tokio::test]
async fn a_form_without_the_sessions_word_changes_nothing() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    let seen = page.field("seen");
    for csrf in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = desk.send(&format!("/cases/{}/accept", case.reference), &[("csrf", csrf), ("seen", &seen)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.has("Nothing was changed"));
    }
    let answer = desk.send(&format!("/cases/{}/accept", case.reference), &[("seen", &seen)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(desk.send("/sign-out", &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Review);
    assert!(desk.outgoing(&case).await.is_empty());
}

#[tokio::test]
async fn accepting_sends_the_case_and_cannot_be_done_twice() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(page.has("Accept and send to") && page.has("deep pothole") && page.has("Verified by dmarc"));
    let answer = desk.press(&page, &format!("{path}/accept"), &[]).await;
    assert_eq!(answer.location(), format!("{path}?done=accepted"));
    let sent = desk.outgoing(&case).await;
    assert_eq!(sent.iter().map(|o| o.party).collect::<Vec<_>>(), [Party::Department, Party::Resident]);

    let again = desk.press(&page, &format!("{path}/accept"), &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.has("This case is not waiting for review any more.") && again.has(&format!("href=\"{path}\"")));
    assert_eq!(desk.outgoing(&case).await.len(), 2);

    let page = desk.get(&format!("{path}?done=accepted")).await;
    assert!(page.has("Accepted. The case is on its way to the department.") && !page.has("Accept and send to"));
    assert!(page.has("Accepted") && page.has("Administrator") && page.has("Case sent to the department"));
    assert!(!desk.get(&format!("{path}?done=<b>free</b>")).await.has("free"), "no free text in a confirmation");
}

#[tokio::test]
async fn the_case_shows_when_the_councillor_was_told() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(
        page.has("Cllr Grace Adeyemi") && page.has("Not told yet. The resident wrote to them directly"),
        "{}",
        page.body
    );
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    assert!(desk.get(&path).await.has("Not told yet: the message is on its way"));
    desk.pipeline.clock.advance(TimeDelta::minutes(30));
    desk.deliver().await;
    assert!(desk.get(&path).await.has("Told Friday 13 March 2026, 14:36"));
}

#[tokio::test]
async fn a_case_that_was_changed_meanwhile_is_neither_accepted_nor_changed_unseen() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let old = desk.get(&path).await;
    let fields = [("service", case.service.as_str()), ("department", ""), ("priority", "high")];
    assert!(desk.press(&old, &format!("{path}/change"), &fields).await.location().ends_with("done=changed"));
    for (action, fields) in [("accept", &[][..]), ("change", &fields[..])] {
        let answer = desk.press(&old, &format!("{path}/{action}"), fields).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{action}");
        assert!(answer.has("Somebody changed this case after you opened it"));
    }
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Review);
}

#[tokio::test]
async fn a_held_case_goes_nowhere_before_somebody_says_that_they_read_it() {
    let desk = Desk::open().await;
    let case = desk
        .mail(
            "Kim <kim@fenmail.example>",
            "help",
            "My husband hits me and the children, I am afraid to go home tonight.",
        )
        .await;
    assert_eq!(case.state, CaseState::Held, "{:?}", case.hold_reason);
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(page.has("On hold.") && page.has("A person has to decide") && page.has("Urgent"));
    let answer = desk.press(&page, &format!("{path}/accept"), &[]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let fields = [("service", case.service.as_str()), ("department", ""), ("priority", ""), ("then", "accept")];
    assert_eq!(desk.press(&page, &format!("{path}/change"), &fields).await.status, StatusCode::BAD_REQUEST);
    assert!(desk.outgoing(&case).await.is_empty());
    let answer = desk.press(&page, &format!("{path}/accept"), &[("confirmed", "yes")]).await;
    assert!(answer.location().ends_with("done=accepted"), "{}", answer.body);
}

#[tokio::test]
async fn where_beadle_is_unsure_a_person_chooses_the_service_first() {
    let desk = Desk::of(RoutingPolicy::default()).await;
    desk.sign_in(PASSWORD, "").await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(page.has("beadle is unsure") && page.has("Choose a service") && !page.has("Accept and send to"));
    let answer = desk.press(&page, &format!("{path}/change"), &[("service", ""), ("then", "accept")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.has("Choose a service first"));
    let answer =
        desk.press(&page, &format!("{path}/change"), &[("service", case.service.as_str()), ("then", "accept")]).await;
    assert!(answer.location().ends_with("done=changed-accepted"), "{}", answer.body);
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Routed);
}

#[tokio::test]
async fn a_changed_service_brings_its_department_and_both_are_on_the_trail() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    let nothing = [("service", case.service.as_str()), ("department", ""), ("priority", case.priority.as_str())];
    assert!(desk.press(&page, &format!("{path}/change"), &nothing).await.location().ends_with("done=unchanged"));
    let fields = [("service", "street_lighting"), ("department", ""), ("priority", "high"), ("then", "save")];
    assert!(desk.press(&page, &format!("{path}/change"), &fields).await.location().ends_with("done=changed"));
    let rules = desk.pipeline.understanding.rules();
    let changed = desk.case(&case.reference).await;
    assert_eq!(changed.department, rules.taxonomy.services["street_lighting"].department);
    let page = desk.get(&path).await;
    let line = format!(
        "Service: {}, was {}",
        rules.taxonomy.service_name("street_lighting"),
        rules.taxonomy.service_name(&case.service)
    );
    assert!(page.has(&line) && page.has("Priority: High, was"), "{line}");
    let fields = [("service", "street_lighting"), ("department", "nowhere"), ("priority", "high")];
    assert_eq!(desk.press(&page, &format!("{path}/change"), &fields).await.status, StatusCode::NOT_FOUND);
    let fields = [("service", "street_lighting"), ("department", "planning"), ("priority", "low"), ("then", "accept")];
    assert!(desk.press(&page, &format!("{path}/change"), &fields).await.location().ends_with("done=changed-accepted"));
    let sent = desk.case(&case.reference).await;
    assert_eq!((sent.state, sent.department.as_str()), (CaseState::Routed, "planning"));
    // And on to another department.
    let page = desk.get(&path).await;
    let fields = [("service", "street_lighting"), ("department", changed.department.as_str()), ("priority", "low")];
    assert!(desk.press(&page, &format!("{path}/change"), &fields).await.location().ends_with("done=moved"));
    let outgoing = desk.outgoing(&case).await;
    assert_eq!(
        outgoing.iter().filter(|o| o.purpose == "referral").map(|o| o.status.as_str()).collect::<Vec<_>>(),
        ["cancelled", "queued"]
    );
}

#[tokio::test]
async fn a_case_is_joined_by_its_reference_and_taken_out_again_from_either_side() {
    let desk = Desk::open().await;
    let first = desk.pothole().await;
    let second = desk
        .mail("Ann <ann@fenmail.example>", "Bins", "Our brown bin was not emptied in Larkrise Road, ZM4 1AA.")
        .await;
    let (one, two) = (format!("/cases/{}", first.reference), format!("/cases/{}", second.reference));
    for (to, status) in [
        ("", StatusCode::BAD_REQUEST),
        ("AAA-AAAA", StatusCode::BAD_REQUEST),
        (second.reference.as_str(), StatusCode::CONFLICT),
    ] {
        let page = desk.get(&two).await;
        assert_eq!(desk.press(&page, &format!("{two}/join"), &[("to", to)]).await.status, status, "{to}");
    }
    for side in [&one, &two] {
        let page = desk.get(&two).await;
        let typed = first.reference.compact().to_lowercase();
        assert!(desk.press(&page, &format!("{two}/join"), &[("to", &typed)]).await.location().ends_with("done=joined"));
        assert_eq!(desk.case(&second.reference).await.state, CaseState::Joined);
        assert!(desk.get(&one).await.has("Joined to this case") && desk.get(&two).await.has("Joined to another case"));
        let page = desk.get(side).await;
        let undo = page.address("/undo");
        assert!(desk.press(&page, &undo, &[]).await.location().ends_with("done=undone"), "{undo}");
        assert_eq!(desk.case(&second.reference).await.state, CaseState::Review);
        let again = desk.press(&page, &undo, &[]).await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        assert!(again.has("This join was undone already."));
    }
    let page = desk.get(&two).await;
    assert!(page.has("Taken out again") && page.has("A person says it is the same problem"));
    let third = desk.mail("Bo <bo@fenmail.example>", "Tree", "A lime tree in Beacon Lane has lost a limb.").await;
    let page = desk.get(&two).await;
    desk.press(&page, &format!("{two}/join"), &[("to", first.reference.as_str())]).await;
    let undo = desk.get(&two).await.address("/undo").replace(second.reference.as_str(), third.reference.as_str());
    assert_eq!(
        desk.press(&page, &undo, &[]).await.status,
        StatusCode::NOT_FOUND,
        "a link is undone on its own cases only"
    );
}

#[tokio::test]
async fn a_message_with_two_requests_is_split_at_the_press_of_a_button_and_put_together_again() {
    let desk = Desk::open().await;
    let body = "Dear Councillor,\r\n\r\n1. My recycling bin in Signal Row was not emptied on Tuesday.\r\n\
                2. There is a deep pothole in Tanner's Row by the dry cleaners.\r\n\r\nMany thanks <b>Ann</b>";
    let first = desk.mail("Ann <ann@fenmail.example>", "Bin and hole", body).await;
    let path = format!("/cases/{}", first.reference);
    let page = desk.get(&path).await;
    for words in [
        "This message holds several requests",
        "Stays with this case",
        "Make request 2 a case of its own",
        "There is a deep pothole in Tanner&#39;s Row",
        "if you accept it without splitting",
    ] {
        assert!(page.has(words), "{words} is missing");
    }
    assert!(!page.has("<b>Ann</b>"), "what residents write is never markup");
    for (part, status) in [("1", StatusCode::CONFLICT), ("3", StatusCode::NOT_FOUND), ("x", StatusCode::NOT_FOUND)] {
        assert_eq!(desk.press(&page, &format!("{path}/parts/{part}/split"), &[]).await.status, status, "{part}");
    }
    let split = format!("{path}/parts/2/split");
    let nonsense = desk.press(&page, &split, &[("service", "no_such")]).await;
    assert_eq!(nonsense.status, StatusCode::NOT_FOUND);
    for _ in 0..2 {
        let done = desk.press(&page, &split, &[("service", "trees")]).await;
        assert!(done.location().ends_with("done=split"), "pressed twice it is split once: {}", done.location());
    }
    let page = desk.get(&path).await;
    let second: Reference = page
        .body
        .split("Split off as <a href=\"/cases/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(desk.case(&second).await.service, "trees", "as the person chose");
    let there = format!("/cases/{second}");
    let other = desk.get(&there).await;
    for words in ["This case is about a part of a message", first.reference.as_str(), "only these words, and no files"]
    {
        assert!(other.has(words), "{words} is missing");
    }
    assert_eq!(desk.trail(&format!("case:{}", desk.case(&second).await.id)).await[0], "administrator split_off");
    assert!(
        desk.press(&other, &format!("{there}/whole"), &[("whole", "yes")]).await.location().ends_with("done=whole")
    );
    assert!(desk.get(&there).await.has("The department gets the whole message and its files"));
    assert!(desk.press(&other, &other.address("/unsplit"), &[]).await.location().ends_with("done=unsplit"));
    assert_eq!(desk.case(&second).await.state, CaseState::Closed);
    let page = desk.get(&path).await;
    assert!(page.has("Make request 2 a case of its own") && page.has("The split was undone"));
    let dismissed = desk.press(&page, &format!("{path}/parts/2/dismiss"), &[]).await;
    assert!(dismissed.location().ends_with("done=dismissed"));
    let page = desk.get(&path).await;
    assert!(page.has("Not a request of its own") && !page.has("No, it belongs to this case"));
}

#[tokio::test]
async fn a_suggested_case_is_shown_beside_and_joined_or_said_to_be_different() {
    let desk = Desk::open().await;
    for (button, heading) in [("same", "Joined to another case"), ("different", "Another problem")] {
        let marks = format!("large {button} pothole outside the post office very deep in Tanner's Row ZM1 4QT");
        let first = desk.mail("Eve <eve@fenmail.example>", "Pothole", &format!("There is a {marks}")).await;
        let second = desk.mail("Ann <ann@fenmail.example>", "Pothole", &format!("I saw a {marks}")).await;
        let path = format!("/cases/{}", second.reference);
        let page = desk.get(&path).await;
        assert!(
            page.has("Perhaps the same problem")
                && page.has(first.reference.as_str())
                && page.has(&format!("There is a large {button}"))
        );
        assert!(
            desk.get(&format!("/cases/{}", first.reference)).await.has("Perhaps the same problem"),
            "seen from the other side too"
        );
        let action = page.address(&format!("/{button}"));
        assert_eq!(desk.press(&page, &action, &[]).await.status, StatusCode::SEE_OTHER);
        let after = desk.get(&path).await;
        assert!(after.has(heading) && !after.has("Perhaps the same problem"), "{button}");
        let again = desk.press(&page, &action, &[]).await;
        assert_eq!(again.status, StatusCode::CONFLICT, "{button}");
        assert!(again.has("dealt with already"));
        if button == "different" {
            assert_eq!(desk.case(&second.reference).await.state, CaseState::Review);
            assert!(desk.get(&format!("/cases/{}", first.reference)).await.has("Another problem"));
        }
    }
}

#[tokio::test]
async fn an_acknowledgement_to_an_unverified_sender_waits_until_a_person_lets_it_go() {
    let desk = Desk::open().await;
    desk.take_in(&letter(
        "Eve <eve@fenmail.example>",
        "Pothole",
        "A deep pothole in Tanner's Row, ZM1 4QT",
        "dmarc=fail",
    ))
    .await;
    let case = desk.newest().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(page.has("Not verified:"));
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    let page = desk.get(&path).await;
    assert!(page.has("This really is from them: send it"));
    let list = desk.get("/outbox").await;
    assert!(list.has(case.reference.as_str()) && list.has("Held") && list.has("not verified"), "{}", list.body);
    let release = page.address("/release");
    let other = desk.pothole().await;
    let elsewhere = release.replace(case.reference.as_str(), other.reference.as_str());
    assert_eq!(desk.press(&page, &elsewhere, &[]).await.status, StatusCode::NOT_FOUND, "on its own case only");
    assert!(desk.press(&page, &release, &[]).await.location().ends_with("done=released"));
    assert_eq!(desk.press(&page, &release, &[]).await.status, StatusCode::CONFLICT);
    let outgoing = desk.outgoing(&case).await;
    assert!(
        outgoing.iter().all(|o| o.status == "queued"),
        "{:?}",
        outgoing.iter().map(|o| &o.status).collect::<Vec<_>>()
    );
    assert!(desk.get("/outbox").await.has("There are none"));
}

#[tokio::test]
async fn a_residents_later_words_are_seen_and_sent_on() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    desk.pipeline.clock.advance(TimeDelta::hours(1));
    let subject = format!("Re: case {}", case.reference);
    desk.take_in(&letter(
        "Derek Hollis <derek@fenmail.example>",
        &subject,
        "It has grown since, and a cyclist fell.",
        "dmarc=pass",
    ))
    .await;
    let page = desk.get(&path).await;
    assert!(page.has("New words from the resident") && page.has("a cyclist fell"));
    assert!(desk.get("/").await.has("New words from the resident"));
    assert_eq!(page.body.matches("/send-on\"").count(), 1, "the first words were sent with the case");
    assert!(desk.press(&page, &page.address("/send-on"), &[]).await.location().ends_with("done=sent-on"));
    let after = desk.get(&path).await;
    assert!(
        after.has("Sent on to the department.")
            && !after.has("/send-on\"")
            && !after.has("New words from the resident</p>")
    );
    desk.take_in(&letter("Derek Hollis <derek@fenmail.example>", &subject, "Thank you.", "dmarc=pass")).await;
    let page = desk.get(&path).await;
    assert!(desk.press(&page, &format!("{path}/seen"), &[]).await.location().ends_with("done=seen"));
    assert_eq!(desk.case(&case.reference).await.attention, None);
    assert!(desk.get(&path).await.has("<h3>Seen</h3>"));
}

#[tokio::test]
async fn what_a_stranger_writes_stays_text_on_every_page() {
    let desk = Desk::open().await;
    let name = "=?utf-8?q?=22=3E=3Cimg_src=3Dx_onerror=3Dalert=281=29=3E?=";
    let subject = "=?utf-8?q?=3C/title=3E=3Cscript=3Ealert=281=29=3C/script=3E_=27=22?=";
    let files =
        [("\"><svg onload=alert(1)>.png", "image/png", "x"), ("<b>x</b>.exe", "application/x-msdownload", "MZ")];
    let from = format!("{name} <mallory@fenmail.example>");
    desk.take_in(&letter_with_files(
        &from,
        subject,
        "</div><script>alert(1)</script> & <b onclick=\"x\">deep pothole ZM1 4QT</b>",
        &files,
    ))
    .await;
    let case = desk.newest().await;
    desk.take_in(&letter(&from, OTHER, "</div><script>alert(1)</script> a pothole at ZM1 4QT", "dmarc=fail")).await;
    let aside = String::from_utf8(letter(&from, subject, "I am away", "dmarc=pass")).unwrap();
    desk.take_in(aside.replace("Subject:", "Auto-Submitted: auto-replied\r\nSubject:").as_bytes()).await;
    desk.take_in(b"no mail <script>alert(1)</script>").await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    let second = desk.get(&format!("/cases/{}", desk.newest().await.reference)).await;
    assert!(second.has("LURKING"));
    let search = "/?ward=%22%3E%3Cscript%3E&state=%3Cb%3E";
    let nowhere = "/cases/%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let sign_in = Desk::get(&desk, "/sign-in?next=%22%3E%3Cscript%3E").await;
    let mut pages = vec![page, second, sign_in];
    for address in
        [path.as_str(), "/", search, "/set-aside", "/quarantine", "/outbox", nowhere, "/find?reference=%3Cscript%3E"]
    {
        pages.push(desk.get(address).await);
    }
    for page in &pages {
        for evil in ["<script", "<img", "<svg", "<b>", "<b ", "onerror=alert(1)>"] {
            assert!(!page.has(evil), "{evil} stands in\n{}", page.body);
        }
    }
    assert!(pages[0].has("&#60;script&#62;alert(1)&#60;/script&#62;"), "it is shown as what it is");
    assert!(pages[0].has("svg onload=alert(1)") && pages[0].has("Not passed on:"));
}

#[tokio::test]
async fn a_file_is_saved_under_a_safe_name_and_type_and_only_through_its_own_case() {
    let desk = Desk::open().await;
    let files = [
        ("foto of the hole.png", "image/png", "not really"),
        ("a\"; filename=evil.html", "text/html", "<script>alert(1)</script>"),
        ("..\\..\\run.exe", "application/x-msdownload", "MZ"),
    ];
    desk.take_in(&letter_with_files("Ann <ann@fenmail.example>", "Pothole", "A deep pothole, ZM1 4QT", &files)).await;
    let case = desk.newest().await;
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(page.has("foto of the hole.png") && page.has("run.exe"));
    let first = page.address("/attachments/0");
    let image = desk.get(&first).await;
    assert_eq!(image.headers[CONTENT_TYPE], "image/png");
    assert_eq!(
        image.headers[CONTENT_DISPOSITION],
        "attachment; filename=\"foto of the hole.png\"; filename*=UTF-8''foto%20of%20the%20hole.png"
    );
    assert_eq!(image.body.trim_end(), "not really");
    for position in ["1", "2"] {
        let file = desk.get(&first.replace("/attachments/0", &format!("/attachments/{position}"))).await;
        assert_eq!(file.status, StatusCode::OK);
        assert_eq!(file.headers[CONTENT_TYPE], "application/octet-stream");
        let disposition = file.headers[CONTENT_DISPOSITION].to_str().unwrap();
        assert!(disposition.starts_with("attachment; ") && disposition.ends_with(".blocked"), "{disposition}");
        assert_eq!(disposition.matches('"').count(), 2, "{disposition}");
        assert!(!disposition.contains('\\') && !disposition.contains(".."), "{disposition}");
        assert_eq!(file.headers["x-content-type-options"], "nosniff");
    }
    let other = desk.pothole().await;
    let elsewhere = first.replace(case.reference.as_str(), other.reference.as_str());
    assert_eq!(desk.get(&elsewhere).await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.get(&first.replace("/attachments/0", "/attachments/9")).await.status, StatusCode::NOT_FOUND);
    let raw = desk.get(&page.address("/raw")).await;
    assert_eq!(raw.headers[CONTENT_TYPE], "message/rfc822");
    assert!(
        raw.headers[CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment; ") && raw.has("boundary=\"b\"")
    );
    assert_eq!(desk.get("/messages/none/raw").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_unknown_or_mistyped_reference_is_not_found_and_says_why() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let unknown = desk.pipeline.ids.reference();
    let answer = desk.get(&format!("/cases/{unknown}")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.has("There is no case") && answer.has("Go to the list of cases"));
    let mistyped =
        format!("{}{}", &case.reference.compact()[..6], if case.reference.as_str().ends_with('3') { '4' } else { '3' });
    let answer = desk.get(&format!("/cases/{mistyped}")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.has("typing error"));
    assert_eq!(desk.get("/cases/x").await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.get("/nowhere").await.status, StatusCode::NOT_FOUND);
    let typed = case.reference.compact().to_lowercase();
    assert_eq!(desk.get(&format!("/find?reference=+{typed}+")).await.location(), format!("/cases/{}", case.reference));
    assert_eq!(desk.get("/find?reference=lost").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn every_reading_of_personal_data_by_a_person_is_on_the_audit_trail() {
    let desk = Desk::open().await;
    let files = [("hole.png", "image/png", "x")];
    let words = "large pothole outside the post office very deep in Tanner's Row ZM1 4QT";
    let other = desk.mail("Eve <eve@fenmail.example>", "Pothole", &format!("There is a {words}")).await;
    desk.take_in(&letter_with_files("Ann <ann@fenmail.example>", "Pothole", &format!("I saw a {words}"), &files)).await;
    let case = desk.newest().await;
    desk.take_in(b"").await;
    let object = format!("case:{}", case.id);
    assert!(desk.trail(&object).await.is_empty(), "taking in is no reading by a person");

    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    assert_eq!(desk.trail(&object).await, ["administrator read case"]);
    assert_eq!(
        desk.trail(&format!("case:{}", other.id)).await,
        ["administrator read extract"],
        "its words stood beside"
    );
    desk.get(&page.address("/attachments/0")).await;
    assert_eq!(desk.trail(&object).await, ["administrator read case", "administrator read attachment"]);
    let raw = page.address("/raw");
    let message = raw.strip_prefix("/messages/").and_then(|r| r.strip_suffix("/raw")).unwrap();
    desk.get(&raw).await;
    assert_eq!(desk.trail(&format!("message:{message}")).await, ["administrator read original"]);
    let quarantine = desk.get("/quarantine").await;
    let original = quarantine.address("/raw");
    desk.get(&original).await;
    let inbox = original.strip_prefix("/deliveries/").and_then(|r| r.strip_suffix("/raw")).unwrap();
    assert_eq!(desk.trail(&format!("inbox:{inbox}")).await, ["administrator read original"]);
    for (page, object) in
        [("/", "cases"), ("/outbox", "outbox"), ("/set-aside", "set aside"), ("/quarantine", "quarantine")]
    {
        let before = desk.trail(object).await.len();
        desk.get(page).await;
        let after = desk.trail(object).await;
        assert_eq!(after.len(), before + 1, "{page}");
        assert_eq!(after.last().unwrap(), "administrator read list");
    }
    let mut tx = desk.db().read().await.unwrap();
    let entries = store::audit::of(&mut tx, "cases").await.unwrap();
    let told = entries.last().unwrap().detail.0.to_string();
    assert!(
        told.contains(case.reference.as_str()) && !told.contains("pothole"),
        "which cases stood there, not what they say: {told}"
    );
    drop(tx);
    // What is refused is no reading.
    let before = desk.trail(&object).await.len();
    desk.get(&format!("/cases/{}/messages/{message}/attachments/7", case.reference)).await;
    let page = desk.get("/").await;
    desk.press(&page, "/sign-out", &[]).await;
    desk.get(&format!("/cases/{}", case.reference)).await;
    assert_eq!(desk.trail(&object).await.len(), before);
}

#[tokio::test]
async fn a_message_in_quarantine_can_be_saved_and_tried_again() {
    let desk = Desk::open().await;
    assert!(desk.get("/quarantine").await.has("There are none."));
    desk.take_in(b"\r\n").await;
    let page = desk.get("/quarantine").await;
    assert!(page.has("adeyemi") && page.has("The message is empty"), "{}", page.body);
    let replay = page.address("/replay");
    assert_eq!(desk.press(&page, &replay, &[]).await.location(), "/quarantine?done=replayed");
    assert_eq!(desk.press(&page, &replay, &[]).await.status, StatusCode::CONFLICT);
    assert!(desk.get("/quarantine?done=replayed").await.has("will be worked on again"));
    desk.pipeline.step(10).await.unwrap();
    assert!(desk.get("/quarantine").await.has("The message is empty"));
}

#[tokio::test]
async fn the_list_is_counted_filtered_paged_and_says_what_will_be_there() {
    let desk = Desk::open().await;
    assert!(desk.get("/").await.has("There are no cases yet."));
    for n in 0..53 {
        let body = format!("There is a pothole numbered {n} in front of my house, at number {n}.");
        desk.take_in(&letter(&format!("R{n} <r{n}@fenmail.example>"), &format!("Pothole no {n}"), &body, "dmarc=pass"))
            .await;
    }
    let lamp = desk
        .mail("Ann <ann@fenmail.example>", "Lamp", "The street light, lamp column 14 in Signal Row ZM6 1AA, is out.")
        .await;
    let all = desk.get("/").await;
    assert!(
        all.has("54 cases, shown are 1 to 50") && all.has("<strong>54</strong> waiting for review"),
        "{}",
        all.body
    );
    assert!(all.has("rel=\"next\"") && !all.has("rel=\"prev\""));
    let second = desk.get("/?page=2").await;
    assert!(second.has("shown are 51 to 54") && second.has("rel=\"prev\"") && !second.has("rel=\"next\""));
    assert!(desk.get("/?page=9").await.has("no more cases on this page"));
    let lights = desk.get(&format!("/?service={}&page=1", lamp.service)).await;
    assert!(lights.has(lamp.reference.as_str()) && lights.has("1 case") && !lights.has("Pothole no"));
    assert!(desk.get("/?state=closed").await.has("No case fits."));
    assert_eq!(desk.get("/?state=nonsense&page=minus").await.status, StatusCode::OK);
    desk.pipeline.clock.advance(TimeDelta::days(200));
    desk.sign_in(PASSWORD, "").await;
    assert!(desk.get("/").await.has("Overdue: was due"));
}

#[tokio::test]
async fn words_in_another_language_say_so_to_a_screen_reader() {
    let desk = Desk::open().await;
    let body = "Dzień dobry, na naszej ulicy od dwóch tygodni nie świeci latarnia i jest bardzo ciemno. Proszę o naprawę. Dziękuję.";
    let case = desk.mail("Jan <jan@fenmail.example>", "Latarnia nie swieci", body).await;
    assert_eq!(case.language, "pl");
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(page.has("<div class=\"words\" lang=\"pl\" dir=\"auto\">Dzień dobry") && page.has("Written in Polish"));
    assert!(page.has("<html lang=\"en-GB\">"));
    assert!(desk.get("/").await.has("lang=\"pl\" dir=\"auto\">Latarnia"));
}

#[tokio::test]
async fn telegram_brings_updates_with_the_secret_and_nobody_else_does() {
    let desk = Desk::closed().await;
    let bring = async |path: &str, secret: Option<&str>, body: &str| {
        let request = desk.browser.post(format!("{}{path}", desk.base)).header(CONTENT_TYPE, "application/json");
        let request = secret.into_iter().fold(request, |r, s| r.header("X-Telegram-Bot-Api-Secret-Token", s));
        request.body(body.to_owned()).send().await.unwrap().status()
    };
    let update = r#"{"update_id":7,"message":{"message_id":1,"date":1773410000,"text":"The lamp is out",
        "chat":{"id":71,"type":"private","first_name":"Rosa"},"from":{"id":71,"is_bot":false,"first_name":"Rosa"}}}"#;
    assert_eq!(bring("/telegram/nobody", Some("S_1"), update).await, StatusCode::NOT_FOUND);
    assert_eq!(bring("/telegram/bot", None, update).await, StatusCode::FORBIDDEN);
    assert_eq!(bring("/telegram/bot", Some("S_2"), update).await, StatusCode::FORBIDDEN);
    assert_eq!(bring("/telegram/bot", Some("S_1"), update).await, StatusCode::OK);
    assert_eq!(bring("/telegram/bot", Some("S_1"), update).await, StatusCode::OK);
    let mut tx = desk.db().read().await.unwrap();
    assert_eq!(store::inbox::waiting(&mut tx).await.unwrap(), 1, "brought twice, taken in once");
}

#[tokio::test]
async fn a_post_for_an_account_that_is_not_there_is_told_so_and_needs_no_session() {
    let desk = Desk::closed().await;
    let answer = desk.browser.post(format!("{}/texts/nobody", desk.base)).body("Body=x").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(answer.text().await.unwrap().contains("no such account"));
}

#[tokio::test]
async fn every_answer_bears_the_headers_that_protect_it() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    let addresses = [
        "/",
        "/sign-in",
        "/nowhere",
        "/assets/portal.css",
        "/assets/icon.svg",
        "/healthz",
        &page.address("/raw"),
        "/find?reference=x",
    ];
    for address in addresses {
        let headers = desk.get(address).await.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "img-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{address}: {part}");
        }
        assert_eq!(headers["x-content-type-options"], "nosniff", "{address}");
        assert_eq!(headers["x-frame-options"], "DENY", "{address}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{address}");
        let kept = headers["cache-control"].to_str().unwrap();
        assert_eq!(kept == "no-store", !address.starts_with("/assets/"), "{address}: {kept}");
    }
    assert!(!page.has("<script") && !page.has("style=\""), "the pages need neither");
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_and_other_sites() {
    let desk = Desk::closed().await;
    let answer = desk.sign_in(PASSWORD, "").await;
    let cookies: Vec<&str> = answer.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    let session = cookies.iter().find(|c| c.starts_with("beadle=")).unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(session.contains(part), "{session}");
    }
    assert!(!session.contains("Secure"), "plain HTTP on this machine");
    let token = session.strip_prefix("beadle=").unwrap().split(';').next().unwrap();
    let mut tx = desk.db().read().await.unwrap();
    assert!(
        store::session::get(&mut tx, token, desk.pipeline.clock.now()).await.unwrap().is_none(),
        "only its hash is kept"
    );
}

#[tokio::test]
async fn the_portal_answers_only_under_its_own_names() {
    let desk = Desk::open().await;
    for (host, ours) in [
        ("localhost:80", true),
        ("[::1]:9", true),
        ("Cases.Brackenmere.example", true),
        ("evil.example", false),
        ("127.0.0.1.evil.example", false),
    ] {
        for path in ["/", "/sign-in", "/healthz", "/metrics", "/assets/portal.css"] {
            let answer = desk.ask(desk.browser.get(format!("{}{path}", desk.base)).header("host", host)).await;
            assert_eq!(answer.status != StatusCode::MISDIRECTED_REQUEST, ours, "{host}{path}");
        }
    }
}

#[tokio::test]
async fn health_and_metrics_are_for_machines_and_name_nobody() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let health = desk.get("/healthz").await;
    assert_eq!((health.status, health.body.trim()), (StatusCode::OK, "ok"));
    desk.take_in(b"").await;
    let metrics = desk.get("/metrics").await;
    for line in [
        "beadle_inbox_waiting 0",
        "beadle_quarantined 1",
        "beadle_cases{state=\"review\"} 1",
        "beadle_cases{state=\"held\"} 0",
        "beadle_outbox{status=\"queued\"} 0",
        "# TYPE beadle_cases gauge",
    ] {
        assert!(metrics.body.lines().any(|l| l == line), "{line} is not in\n{}", metrics.body);
    }
    assert!(!metrics.has(case.reference.as_str()) && !metrics.has("Derek"));
    desk.db().close().await;
    let health = desk.get("/healthz").await;
    assert_eq!((health.status, health.body.trim()), (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer"));
    let page = desk.get("/").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "nobody is signed in, and nobody is asked");
}

/// A new, empty database on the tests' own PostgreSQL, which is started where nobody has.
async fn postgres() -> String {
    use sqlx::Connection;
    let server = std::env::var("BEADLE_TEST_POSTGRES").unwrap_or_else(|_| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/postgres.sh");
        let output = std::process::Command::new(script).arg("start").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let url = said.split("BEADLE_TEST_POSTGRES=").nth(1).expect("tests/support/postgres.sh start names a server");
        url.trim().trim_matches(['\'', '"']).to_owned()
    });
    let name = format!("portal_{}", std::process::id());
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    for statement in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    let (before, query) = server.split_once('?').unwrap_or((&server, ""));
    format!("{}/{name}?{query}", before.rsplit_once('/').unwrap().0)
}

#[tokio::test]
async fn every_page_and_action_works_on_postgresql_too() {
    let policy = RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() };
    let desk = Desk::on(&postgres().await, tempfile::tempdir().unwrap(), policy).await;
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    let case = desk.pothole().await;
    let words = "large pothole outside the post office very deep in Tanner's Row ZM1 4QT";
    let first = desk.mail("Eve <eve@fenmail.example>", "Pothole", &format!("There is a {words}")).await;
    let files = [("hole.png", "image/png", "x")];
    desk.take_in(&letter_with_files("Ann <ann@fenmail.example>", "Pothole", &format!("I saw a {words}"), &files)).await;
    let second = desk.newest().await;
    desk.take_in(b"").await;
    let path = format!("/cases/{}", second.reference);
    let page = desk.get(&path).await;
    for file in ["/attachments/0", "/raw"] {
        assert_eq!(desk.get(&page.address(file)).await.status, StatusCode::OK, "{file}");
    }
    assert!(desk.press(&page, &page.address("/different"), &[]).await.location().ends_with("done=different"));
    assert!(
        desk.press(&page, &format!("{path}/join"), &[("to", first.reference.as_str())])
            .await
            .location()
            .ends_with("done=joined")
    );
    let joined = desk.get(&path).await;
    assert!(desk.press(&page, &joined.address("/undo"), &[]).await.location().ends_with("done=undone"));
    assert!(desk.press(&page, &format!("{path}/seen"), &[]).await.location().ends_with("done=seen"));
    let fields = [("service", "street_lighting"), ("department", ""), ("priority", "high"), ("then", "accept")];
    assert!(desk.press(&page, &format!("{path}/change"), &fields).await.location().ends_with("done=changed-accepted"));
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    let accept = format!("/cases/{}/accept", case.reference);
    assert!(desk.press(&page, &accept, &[]).await.location().ends_with("done=accepted"));
    desk.deliver().await;
    let ward = second.ward.unwrap();
    for (page, words) in [
        (format!("/?ward={ward}&department={}&service={}", case.department, case.service), case.reference.as_str()),
        ("/outbox".to_owned(), "There are none"),
        ("/set-aside".to_owned(), "There are none"),
        ("/quarantine".to_owned(), "The message is empty"),
        ("/healthz".to_owned(), "ok"),
        ("/metrics".to_owned(), "beadle_outbox{status=\"sent\"} 4"),
    ] {
        let answer = desk.get(&page).await;
        assert!(answer.status == StatusCode::OK && answer.has(words), "{page}: {}", answer.body);
    }
    let quarantine = desk.get("/quarantine").await;
    let replayed = desk.press(&quarantine, &quarantine.address("/replay"), &[]).await;
    assert_eq!(replayed.location(), "/quarantine?done=replayed");
    let page = desk.get("/").await;
    assert_eq!(desk.press(&page, "/sign-out", &[]).await.location(), "/sign-in");
}

/// What a lesson left behind, as the teacher writes it.
fn lesson(desk: &Desk, promoted: bool, model: &str) -> Lesson {
    let of = |corrections, held_back, right_before, right_after| OfService {
        corrections,
        held_back,
        right_before,
        right_after,
    };
    let services = [("street_lighting", of(100, 20, 15, 14)), ("trees", of(43, 11, 7, 12))];
    let now = desk.pipeline.clock.now();
    Lesson {
        corrections: 143,
        held_back: 31,
        right_before: 22,
        right_after: 26,
        promoted,
        why: if promoted { "it gets more of the held-back decisions right" } else { "it was no better" }.to_owned(),
        services: Json(services.map(|(service, of)| (service.to_owned(), of)).into()),
        decided_until: Some(now),
        ..Lesson::new(&desk.pipeline.ids, "learned", "beadle", ("0a1b2c", model), now)
    }
}

#[tokio::test]
async fn what_was_learned_is_told_in_plain_words_and_on_the_cases_it_was_learned_from() {
    let desk = Desk::open().await;
    let page = desk.get("/learned").await;
    assert!(page.has("Nothing yet.") && page.has("aria-current=\"page\">What was learned"), "{}", page.body);
    // One case in five is held back; here it has to be one that is not.
    let mut writers = 0;
    let (path, teaches) = loop {
        writers += 1;
        let from = format!("Derek Hollis <derek{writers}@fenmail.example>");
        let case = desk.mail(&from, "Pothole", "There is a deep pothole by the dry cleaners. Please fill it.").await;
        let path = format!("/cases/{}", case.reference);
        let fields = [("service", "trees"), ("department", ""), ("priority", "normal"), ("then", "accept")];
        let answer = desk.press(&desk.get(&path).await, &format!("{path}/change"), &fields).await;
        assert!(answer.location().ends_with("done=changed-accepted"), "{}", answer.body);
        let mut tx = desk.db().read().await.unwrap();
        let teaches = store::correction::of_case(&mut tx, "beadle", &case.id).await.unwrap().unwrap();
        assert_eq!((teaches.service.as_str(), teaches.actor.as_str()), ("trees", "administrator"));
        let line = desk.get(&path).await;
        if !teaches.is_held_back() {
            assert!(line.has("Will be learned from at the next lesson"), "{}", line.body);
            break (path, teaches);
        }
        assert!(line.has("Held back: models are compared by it"), "{}", line.body);
    };
    assert!(teaches.decided_at <= desk.pipeline.clock.now());
    let write = async |lesson: &Lesson| {
        let mut tx = desk.db().begin().await.unwrap();
        store::lesson::insert(&mut tx, lesson).await.unwrap();
        if lesson.promoted {
            store::lesson::put_in_force(&mut tx, &lesson.model_after).await.unwrap();
        }
        tx.commit().await.unwrap();
        desk.pipeline.clock.advance(TimeDelta::minutes(1));
    };
    write(&lesson(&desk, false, "111aaa")).await;
    assert!(desk.get(&path).await.has("in a model that was no better and is not used"));
    write(&lesson(&desk, true, "222bbb")).await;
    assert!(desk.get(&path).await.has("Learned from in model 222bbb on 13 March 2026"));
    let page = desk.get("/learned").await;
    let said = "On 13 March 2026 beadle learned from 143 corrections; of 31 decisions held back to compare with it now gets 26 right, \
                before 22. It is in use.";
    assert!(page.has(said), "{}", page.body);
    assert!(page.has("It is not used, because it was no better."), "{}", page.body);
    let (trees, lights) = (page.body.find("Trees").unwrap(), page.body.find("Street lighting").unwrap());
    assert!(trees < lights && page.has("Gained") && page.has("Lost"), "what changed most stands first");
    let back = Lesson {
        promoted: true,
        ..Lesson::new(&desk.pipeline.ids, "back", "operator", ("222bbb", "0a1b2c"), desk.pipeline.clock.now())
    };
    let mut tx = desk.db().begin().await.unwrap();
    store::lesson::insert(&mut tx, &back).await.unwrap();
    store::lesson::put_in_force(&mut tx, store::lesson::SHIPPED).await.unwrap();
    tx.commit().await.unwrap();
    let page = desk.get("/learned").await;
    assert!(page.has("model 0a1b2c was put to work again, instead of 222bbb"), "{}", page.body);
    assert!(page.has("another one has taken its place since") && !page.has("It is in use."), "{}", page.body);
}

#[tokio::test]
async fn an_address_from_the_web_form_stands_on_the_case_as_not_confirmed() {
    let desk = Desk::open().await;
    let form = beadle::intake::form::Form {
        language: "en".to_owned(),
        consent: "councillor".to_owned(),
        problem: "There is a deep pothole in Tanner's Row by the dry cleaners, ZM1 4QT.".to_owned(),
        name: Some("Ann Smith".to_owned()),
        email: Some("ann@fenmail.example".to_owned()),
        phone: Some("+447700900123".to_owned()),
        ..Default::default()
    };
    let raw = RawMessage {
        channel: beadle::core::Channel::Web,
        account: "form".to_owned(),
        external_id: "1".to_owned(),
        bytes: form.to_bytes(),
        arrived_at: None,
    };
    let batch = Batch { messages: vec![raw], ..Batch::default() };
    accept(desk.db(), &desk.pipeline.clock, &desk.pipeline.ids, "form", &batch).await.unwrap();
    desk.pipeline.step(10).await.unwrap();
    let case = desk.newest().await;
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(page.has("Web form") && page.has("ann@fenmail.example (not confirmed)"), "{}", page.body);
    assert!(
        page.has("have not confirmed it yet") && page.has("the department does not learn who asks"),
        "{}",
        page.body
    );
    assert!(page.has("What else they gave") && page.has("+447700900123"), "{}", page.body);
}
