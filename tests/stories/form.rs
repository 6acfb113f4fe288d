//! Residents who use the form on the web: no account, no script, no cookie; one case for one report, and nothing for an address that
//! its owner did not confirm. Each story goes through the real pages over HTTP.

use crate::house::{House, header};
use crate::story;
use beadle::collect::Collector;
use beadle::core::{CaseState, Channel, Ids, Reference, SenderCheck};
use beadle::intake::form::FormPolicy;
use beadle::portal::{Portal, router};
use beadle::store::{self, outbox::Outgoing};
use chrono::TimeDelta;
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use std::net::SocketAddr;

const POTHOLE: &str = "There is a deep pothole outside the bakery. My wheel was damaged by the pothole.";
const PHOTO: &[u8] = b"\x89PNG\r\n\x1a\n a picture of the hole";

/// The form as it stands on the web, and somebody before it.
pub struct Site {
    pub base: String,
    browser: Client,
}

pub struct Answer {
    pub status: StatusCode,
    headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |l| l.to_str().unwrap())
    }

    pub fn has(&self, words: &str) -> bool {
        self.body.contains(words)
    }

    pub fn token(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"token\" value=\"").expect("a form");
        rest.split('"').next().unwrap().to_owned()
    }
}

/// A field that is sent: a text, or a file by its name and bytes.
pub enum Part<'a> {
    Text(&'a str, &'a str),
    File(&'a str, &'a [u8]),
}
use Part::{File, Text};

impl Site {
    /// Opens the form of a house, by a policy that is changed from the usual.
    pub async fn of(house: &mut House, change: impl FnOnce(&mut FormPolicy)) -> Self {
        let mut policy = FormPolicy::new("form", "https://report.brackenmere.example");
        // Each story says by this header from which network address somebody comes.
        policy.behind_proxy = true;
        change(&mut policy);
        house.set(|rules| rules.form = Some(policy));
        Self::before(house).await
    }

    /// The pages of a house as it is.
    async fn before(house: &House) -> Self {
        let collector = Collector {
            db: house.db.clone(),
            clock: house.clock.clone(),
            ids: Ids::Random,
            instance: "story".to_owned(),
            bell: std::sync::Arc::default(),
            message_bytes: 1 << 20,
            spool: beadle::collect::spool::Spool::new(house.folder.path().join("texts-waiting")),
        };
        let app = router(Portal::new(house.pipeline.clone(), collector));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { base, browser: Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap() }
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(self.browser.get(format!("{}{path}", self.base))).await
    }

    /// Opens the form, takes a minute to fill it in; its token.
    async fn opened(&self, house: &House) -> String {
        let page = self.get("/report").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        house.clock.advance(TimeDelta::minutes(1));
        page.token()
    }

    async fn post(&self, token: &str, from: &str, parts: &[Part<'_>]) -> Answer {
        self.post_to("/report?lang=en", token, from, parts).await
    }

    /// Sends a form with its seal to a page.
    pub async fn post_to(&self, path: &str, token: &str, from: &str, parts: &[Part<'_>]) -> Answer {
        let mut body = Vec::new();
        for part in std::iter::once(&Text("token", token)).chain(parts) {
            let (disposition, bytes) = match part {
                Text(name, text) => (format!("name=\"{name}\""), text.as_bytes()),
                File(name, bytes) => {
                    (format!("name=\"files\"; filename=\"{name}\"\r\nContent-Type: image/png"), *bytes)
                }
            };
            body.extend(format!("--edge\r\nContent-Disposition: form-data; {disposition}\r\n\r\n").into_bytes());
            body.extend_from_slice(bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--edge--\r\n");
        let request = self.browser.post(format!("{}{path}", self.base)).body(body);
        self.ask(request.header(CONTENT_TYPE, "multipart/form-data; boundary=edge").header("x-forwarded-for", from))
            .await
    }

    /// Somebody opens the form and sends what is not taken; the page that says so.
    pub async fn tries(&self, house: &House, from: &str, parts: &[Part<'_>]) -> String {
        let token = self.opened(house).await;
        let asked = self.post(&token, from, parts).await;
        assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", asked.body);
        asked.body
    }

    /// The private trail that a page leads to.
    pub async fn trail(&self, done: &Answer) -> String {
        self.get(&link(&done.body, "/trail/")).await.body
    }

    /// Somebody opens the form, fills it in and sends it; the page that follows.
    pub async fn reports(&self, house: &House, from: &str, parts: &[Part<'_>]) -> Answer {
        let token = self.opened(house).await;
        let sent = self.post(&token, from, parts).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        self.get(sent.location()).await
    }
}

/// The first link to a path that begins so, in a page or a mail.
pub fn link(text: &str, path: &str) -> String {
    let text = text.replace("=\r\n", "").replace("=3D", "=");
    let at = text.find(path).unwrap_or_else(|| panic!("no {path} in {text}"));
    text[at..].split(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>')).next().unwrap().to_owned()
}

fn reference(page: &Answer) -> Reference {
    Reference::find_all(&page.body).into_iter().next().unwrap_or_else(|| panic!("no reference: {}", page.body))
}

async fn everything_to_residents(house: &House) -> Vec<Outgoing> {
    let mut all = Vec::new();
    for case in house.cases().await {
        let party = beadle::core::Party::Resident;
        all.extend(house.outgoing(&case.id).await.into_iter().filter(|o| o.party == party));
    }
    all
}

pub const ANN: &[Part<'static>] = &[
    Text("problem", POTHOLE),
    Text("place", "12 Mill Lane"),
    Text("name", "Ann Smith"),
    Text("email", "Ann@fenmail.example"),
    Text("consent", "share"),
];

story!(a_report_becomes_a_case_under_the_reference_that_was_told_at_once, house, {
    let site = Site::of(house, |_| {}).await;
    let parts = [
        Text("problem", POTHOLE),
        Text("place", "Signal Row, ZM6 1UT"),
        Text("name", "Ann Smith"),
        Text("email", "Ann@fenmail.example"),
        Text("consent", "share"),
    ];
    let done = site.reports(house, "192.0.2.1", &parts).await;
    assert_eq!(done.status, StatusCode::OK);
    let told = reference(&done);
    assert!(house.cases().await.is_empty(), "told before anybody has read it");
    house.works().await;
    let case = house.case(0).await;
    assert_eq!((case.reference, case.state), (told, CaseState::Routed));
    assert_eq!((case.ward.as_deref(), case.councillor.as_deref()), (Some("Station"), Some("nowak")), "by the place");
    let referral = house.sends().await.into_iter().find(|mail| header(mail, "To").contains("highways")).unwrap();
    assert!(referral.contains("Signal Row") && referral.contains("Ann Smith <ann@fenmail.example>"), "{referral}");
    assert!(referral.contains("have not confirmed it yet"), "{referral}");
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.new_cases, sums.unaccounted), (1, 1, 0));
});

story!(a_form_is_stored_once_however_often_it_is_sent, house, {
    let site = Site::of(house, |_| {}).await;
    let token = site.opened(house).await;
    let (first, second) = tokio::join!(site.post(&token, "192.0.2.1", ANN), site.post(&token, "192.0.2.1", ANN));
    let third = site.post(&token, "192.0.2.1", ANN).await;
    for again in [&first, &second, &third] {
        assert_eq!((again.status, again.location()), (StatusCode::SEE_OTHER, first.location()), "{}", again.body);
    }
    let pages = [site.get(first.location()).await, site.get(third.location()).await];
    assert_eq!(reference(&pages[0]), reference(&pages[1]));
    house.works().await;
    assert_eq!(
        site.post(&token, "192.0.2.1", ANN).await.location(),
        first.location(),
        "also when it is a case already"
    );
    house.works().await;
    assert_eq!((house.cases().await.len(), house.accounts().await.received), (1, 1));

    // Gone back and written something else: neither lost nor put in the place of the first.
    let other = [Text("problem", "The street light is out too"), Text("consent", "share")];
    let asked = site.post(&token, "192.0.2.1", &other).await;
    assert_eq!(asked.status, StatusCode::CONFLICT);
    assert!(asked.has("The street light is out too") && asked.has("another report from this page"), "{}", asked.body);
    house.clock.advance(TimeDelta::minutes(1));
    assert_eq!(site.post(&asked.token(), "192.0.2.1", &other).await.status, StatusCode::SEE_OTHER);
    assert_eq!(house.accounts().await.received, 2);
});

story!(an_anonymous_report_keeps_no_contact_and_gets_no_notice, house, {
    let site = Site::of(house, |_| {}).await;
    let parts = [
        Text("problem", POTHOLE),
        Text("place", "12 Mill Lane"),
        Text("anonymous", "yes"),
        Text("name", "Ann Smith"),
        Text("email", "ann@fenmail.example"),
        Text("phone", "07700 900123"),
        Text("consent", "share"),
    ];
    let done = site.reports(house, "192.0.2.1", &parts).await;
    assert!(!done.has("We send a mail"), "{}", done.body);
    house.works().await;
    let case = house.case(0).await;
    assert_eq!((case.contact_id.as_ref(), case.reference.clone()), (None, reference(&done)));
    assert_ne!(case.state, CaseState::Routed, "a person looks whether the words say who it is");
    house.accepts(&case.id).await;
    assert!(everything_to_residents(house).await.is_empty());
    let mut tx = house.db.read().await.unwrap();
    let message = store::message::of_case(&mut tx, &case.id).await.unwrap().remove(0);
    assert_eq!((message.from_address, message.from_name, message.folded), (None, None, String::new()));
    let raw = store::inbox::raw_of_message(&mut tx, &message.id).await.unwrap().unwrap();
    drop(tx);
    let kept = String::from_utf8(raw).unwrap();
    assert!(!kept.contains("Ann") && !kept.contains("fenmail") && !kept.contains("900123"), "{kept}");
    let referral = house.sends().await.remove(0);
    assert!(referral.contains("a resident who does not wish to be named") && !referral.contains("Ann"), "{referral}");
});

story!(nothing_but_a_proof_goes_to_an_address_that_was_not_confirmed, house, {
    let site = Site::of(house, |_| {}).await;
    let done = site.reports(house, "192.0.2.1", ANN).await;
    house.works().await;
    let case = house.case(0).await;
    let told = everything_to_residents(house).await;
    assert_eq!(
        told.iter().map(|o| o.purpose.as_str()).collect::<Vec<_>>(),
        ["proof"],
        "though the case is with its department"
    );
    let sent = house.sends().await;
    let proof = sent.iter().find(|mail| header(mail, "To").contains("ann@fenmail.example")).expect("a proof");
    // Whoever the address belongs to learns nothing of the report, not even its number.
    assert!(
        Reference::find_all(proof).is_empty() && !proof.contains("pothole") && !proof.contains("Ann Smith"),
        "{proof}"
    );
    assert_eq!(
        (header(proof, "Reply-To"), header(proof, "Auto-Submitted")),
        (String::new(), "auto-generated".to_owned())
    );

    let trail = link(&done.body, "/trail/");
    assert!(site.get(&trail).await.has("is not confirmed yet"));
    let confirm = link(proof, "/confirm/");
    let question = site.get(&confirm).await;
    assert!(question.has("Is this your report?") && !question.has(case.reference.as_str()), "{}", question.body);
    house.works().await;
    assert_eq!(everything_to_residents(house).await.len(), 1, "a program that looks through mail confirms nothing");

    for _ in 0..2 {
        let request = site.browser.post(format!("{}{confirm}", site.base)).body("answer=yes");
        let answer = site.ask(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")).await;
        assert!(answer.has("We will write to you at this address"), "{}", answer.body);
    }
    let told: Vec<String> = everything_to_residents(house).await.into_iter().map(|o| o.purpose).collect();
    assert_eq!(told, ["proof", "acknowledgement"], "once");
    let sent = house.sends().await;
    let acknowledged = sent.iter().rfind(|mail| header(mail, "To").contains("ann@fenmail.example")).unwrap();
    assert!(header(acknowledged, "Subject").contains(case.reference.as_str()), "{acknowledged}");
    assert!(site.get(&trail).await.has("is confirmed"));
    let case = house.case(0).await;
    let mut tx = house.db.read().await.unwrap();
    let message = store::message::of_case(&mut tx, &case.id).await.unwrap().remove(0);
    assert!(matches!(message.sender.0, SenderCheck::Verified { .. }));
    let point =
        beadle::core::ContactPoint { channel: Channel::Email, address: "ann@fenmail.example".to_owned(), name: None };
    assert_eq!(store::contact::known(&mut tx, &point).await.unwrap(), case.contact_id, "now they are that person");
});

story!(who_confirms_while_the_case_waits_is_acknowledged_when_it_goes_to_its_department, house, {
    house.set(|rules| rules.policy.mode = beadle::core::Mode::Suggest);
    let site = Site::of(house, |_| {}).await;
    site.reports(house, "192.0.2.1", ANN).await;
    house.works().await;
    house
        .desk(async |desk, tx| {
            let case = store::case::list(tx, &store::case::Filter { limit: 1, ..Default::default() }).await?.remove(0);
            let message = store::message::of_case(tx, &case.id).await?.remove(0);
            desk.confirm(tx, &message.id, true).await
        })
        .await
        .expect("confirmed");
    assert_eq!(everything_to_residents(house).await.len(), 1, "nobody has looked at it yet");
    house.accepts(&house.case(0).await.id).await;
    let told: Vec<String> = everything_to_residents(house).await.into_iter().map(|o| o.purpose).collect();
    assert_eq!(told, ["proof", "acknowledgement"]);
});

story!(who_says_that_it_was_not_them_is_never_written_to_again, house, {
    let site = Site::of(house, |_| {}).await;
    site.reports(house, "192.0.2.1", ANN).await;
    house.works().await;
    let sent = house.sends().await;
    let proof = sent.iter().find(|mail| header(mail, "To").contains("ann@fenmail.example")).expect("a proof");
    let confirm = link(proof, "/confirm/");
    for (said, stands) in [("no", "We will not write to you"), ("yes", "We will not write to you")] {
        let request = site.browser.post(format!("{}{confirm}", site.base)).body(format!("answer={said}"));
        let answer = site.ask(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")).await;
        assert!(answer.has(stands), "the first word stands: {}", answer.body);
    }
    let case = house.case(0).await;
    assert!(case.attention.as_deref().unwrap_or_default().contains("did not send this"), "{:?}", case.attention);
    assert_eq!(everything_to_residents(house).await.len(), 1);
    house.clock.advance(TimeDelta::days(8));
    assert_eq!(site.get(&confirm).await.status, StatusCode::NOT_FOUND, "the link has run out");
    assert_eq!(site.get(&confirm.replace("/confirm/", "/confirm/0")).await.status, StatusCode::NOT_FOUND);
});

story!(nobody_can_have_beadle_write_to_others_in_bulk, house, {
    let site = Site::of(house, |policy| {
        policy.proofs_per_address = 2;
        policy.proofs_per_hour = 3;
    })
    .await;
    for number in 0..3 {
        let problem = format!("{POTHOLE} This is report number {number}.");
        let parts = [Text("problem", &problem), Text("email", "ann@fenmail.example"), Text("consent", "share")];
        site.reports(house, &format!("192.0.2.{number}"), &parts).await;
    }
    house.works().await;
    for email in ["ben@fenmail.example", "cy@fenmail.example", "cllr.nowak@brackenmere.example"] {
        let parts = [Text("problem", POTHOLE), Text("email", email), Text("consent", "share")];
        site.reports(house, "192.0.2.9", &parts).await;
    }
    house.works().await;
    let to: Vec<String> = everything_to_residents(house).await.iter().map(|o| o.mail.0.to[0].clone()).collect();
    assert_eq!(to, ["ann@fenmail.example", "ann@fenmail.example", "ben@fenmail.example"]);
    let mut why = Vec::new();
    for case in house.cases().await {
        let mut tx = house.db.read().await.unwrap();
        let decisions = store::decision::of_case(&mut tx, &case.id).await.unwrap();
        why.extend(
            decisions.iter().filter(|d| d.kind == "proof").map(|d| d.decided.0["why"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(
        why,
        [
            "it was asked too often today",
            "too many addresses were asked in the last hour",
            "it is an address of the council's own"
        ],
        "and the desk sees why"
    );
});

story!(a_filled_honeypot_is_set_aside_and_seen_and_its_sender_notices_nothing, house, {
    let site = Site::of(house, |_| {}).await;
    let parts = [
        Text("problem", "Buy watches"),
        Text("email", "ann@fenmail.example"),
        Text("consent", "share"),
        Text("homepage", "https://watches.example"),
    ];
    let done = site.reports(house, "192.0.2.1", &parts).await;
    house.works().await;
    assert!(house.cases().await.is_empty() && house.sends().await.is_empty());
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.set_aside, sums.unaccounted), (1, 1, 0));
    let mut tx = house.db.read().await.unwrap();
    let aside = store::inbox::set_aside(&mut tx).await.unwrap();
    assert!(aside[0].2.as_deref().unwrap().starts_with("spam"), "{aside:?}");
    drop(tx);
    let trail = site.get(&link(&done.body, "/trail/")).await;
    assert!(trail.has(reference(&done).as_str()) && trail.has("A person is looking at it"), "{}", trail.body);
});

story!(too_many_from_one_network_address_are_told_to_come_later, house, {
    let site = Site::of(house, |policy| {
        policy.per_address = 2;
        policy.per_hour = 3;
    })
    .await;
    let token = site.opened(house).await;
    for _ in 0..2 {
        site.reports(house, "203.0.113.1, 192.0.2.1", ANN).await;
    }
    // The proxy's word is the last: whatever somebody writes before it does not help them.
    let refused = site.post(&token, "198.51.100.9, 192.0.2.1", ANN).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.has("Too many reports came from your connection") && refused.has(POTHOLE), "{}", refused.body);
    assert!(refused.headers.contains_key(RETRY_AFTER));
    site.reports(house, "192.0.2.2", ANN).await;
    assert_eq!(site.post(&token, "192.0.2.3", ANN).await.status, StatusCode::TOO_MANY_REQUESTS, "all together");
    house.clock.advance(TimeDelta::hours(1));
    assert_eq!(site.post(&token, "192.0.2.1", ANN).await.status, StatusCode::SEE_OTHER);
    assert_eq!(house.accounts().await.received, 4);
});

story!(consent_neither_reaches_the_department_without_name_and_no_councillor, house, {
    let site = Site::of(house, |_| {}).await;
    let parts = [
        Text("problem", POTHOLE),
        Text("place", "12 Mill Lane"),
        Text("name", "Ann Smith"),
        Text("email", "ann@fenmail.example"),
        Text("phone", "07700 900123"),
        Text("councillor", "nowak"),
        Text("consent", "neither"),
        File("hole.png", PHOTO),
    ];
    let done = site.reports(house, "192.0.2.1", &parts).await;
    house.works().await;
    let case = house.case(0).await;
    assert_eq!((case.consent.as_str(), case.state), ("neither", CaseState::Review));
    house.accepts(&case.id).await;
    let sent = house.sends().await;
    let referral = sent.iter().find(|mail| header(mail, "To").contains("highways")).unwrap();
    for kept_back in ["Ann", "fenmail", "900123", "hole.png"] {
        assert!(!referral.contains(kept_back), "{kept_back}: {referral}");
    }
    assert!(referral.contains("a resident who does not wish to be named to you"), "{referral}");
    assert_eq!(header(referral, "Cc"), "");
    let trail = site.get(&link(&done.body, "/trail/")).await;
    assert!(trail.has("has your report") && !trail.has("A copy went to your councillor"), "{}", trail.body);
});

story!(a_token_that_was_changed_or_is_old_is_refused_with_the_words_kept, house, {
    let site = Site::of(house, |_| {}).await;
    let token = site.opened(house).await;
    let (number, rest) = token.split_once('.').unwrap();
    let later = format!("{number}.{}{}", 9, &rest[1..]);
    let trail = house.pipeline.house.key.seal("trail", number);
    for changed in ["", "abc", &later, &trail] {
        let refused = site.post(changed, "192.0.2.1", ANN).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{changed}");
        assert!(
            refused.has(POTHOLE) && refused.has("value=\"Ann Smith\"") && refused.has("12 Mill Lane"),
            "{}",
            refused.body
        );
    }
    house.clock.advance(TimeDelta::hours(25));
    let refused = site.post(&token, "192.0.2.1", ANN).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.has("open for too long"), "{}", refused.body);
    assert_eq!(house.accounts().await.received, 0);

    let quick = site.post(&refused.token(), "192.0.2.1", ANN).await;
    assert_eq!(quick.status, StatusCode::UNPROCESSABLE_ENTITY, "nobody fills it in within no time");
    house.clock.advance(TimeDelta::seconds(10));
    assert_eq!(site.post(&quick.token(), "192.0.2.1", ANN).await.status, StatusCode::SEE_OTHER);
});

story!(what_is_wrong_is_said_beside_its_field_and_no_words_are_lost, house, {
    let site = Site::of(house, |policy| {
        policy.max_files = 2;
        policy.total_bytes = 2 << 20;
    })
    .await;
    let token = site.opened(house).await;
    let script = "<script>alert(1)</script>";
    let parts = [
        Text("problem", "  \n"),
        Text("place", script),
        File("run.exe", b"MZ program"),
        Text("email", "ann at home"),
        Text("phone", "12"),
        Text("councillor", "malik"),
    ];
    let page = site.post(&token, "192.0.2.1", &parts).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (field, error) in [
        ("problem", "Say what the problem is"),
        ("files", "run.exe cannot be taken"),
        ("email", "Write the email address"),
        ("phone", "Write the telephone number"),
        ("consent", "Choose who may know"),
    ] {
        assert!(page.has(&format!("<a href=\"#{field}\">{error}")), "{field}: {}", page.body);
        assert!(page.has(&format!("id=\"{field}\"")) && page.has(&format!("id=\"{field}-error\"")), "{field}");
    }
    assert!(page.has("<title>Error: Report a problem") && page.has("Choose your files again"), "{}", page.body);
    assert!(page.has("value=\"ann at home\"") && page.has("value=\"malik\" selected"), "{}", page.body);
    assert!(!page.has(script) && page.has("&#60;script&#62;"), "{}", page.body);

    let big = vec![b'x'; 3 << 20];
    let parts = [Text("problem", POTHOLE), File("a.png", &big), Text("name", "Ann"), Text("consent", "share")];
    let page = site.post(&token, "192.0.2.1", &parts).await;
    assert!(page.has("not larger than 2 MB") && page.has(POTHOLE) && page.has("value=\"Ann\""), "{}", page.body);
    let huge = vec![b'x'; 12 << 20];
    let page = site.post(&token, "192.0.2.1", &[Text("problem", POTHOLE), File("a.png", &huge)]).await;
    assert!(page.has("not larger than 2 MB") && page.has(POTHOLE), "{}", page.body);
    let three = [File("a.png", PHOTO), File("b.png", PHOTO), File("c.png", PHOTO)];
    let page = site.post(&token, "192.0.2.1", &three).await;
    assert!(page.has("Choose at most 2 files"), "{}", page.body);
    assert_eq!(house.accounts().await.received, 0);
});

story!(photos_go_with_the_case_as_those_of_a_mail_do, house, {
    let site = Site::of(house, |_| {}).await;
    let photo = ANN.iter().map(|part| match part {
        Text(name, text) => Text(name, text),
        File(name, bytes) => File(name, bytes),
    });
    let parts: Vec<Part<'_>> = photo.chain([File("../the hole.png", PHOTO)]).collect();
    site.reports(house, "192.0.2.1", &parts).await;
    house.works().await;
    let case = house.case(0).await;
    let mut tx = house.db.read().await.unwrap();
    let files = store::attachment::of_case(&mut tx, &case.id).await.unwrap();
    let bytes = store::attachment::bytes(&mut tx, &files[0].sha256).await.unwrap();
    drop(tx);
    assert_eq!((files.len(), files[0].name.as_str(), bytes.as_deref()), (1, "the hole.png", Some(PHOTO)));
    let referral = house.sends().await.into_iter().find(|mail| header(mail, "To").contains("highways")).unwrap();
    assert!(referral.contains("the hole.png"), "{referral}");
});

story!(a_telephone_number_is_for_the_gatekeeper_and_gets_no_text, house, {
    let site = Site::of(house, |_| {}).await;
    let parts = [
        Text("problem", POTHOLE),
        Text("place", "12 Mill Lane"),
        Text("name", "Ann Smith"),
        Text("phone", "07700 900123"),
        Text("consent", "share"),
    ];
    site.reports(house, "192.0.2.1", &parts).await;
    house.works().await;
    let case = house.case(0).await;
    assert!(everything_to_residents(house).await.is_empty());
    let mut tx = house.db.read().await.unwrap();
    let message = store::message::of_case(&mut tx, &case.id).await.unwrap().remove(0);
    assert_eq!(message.from_address.as_deref(), Some("+447700900123"));
    // Who sends a text from that number is not led to this case: anybody could have typed it.
    let number = |channel| beadle::core::ContactPoint { channel, address: "+447700900123".to_owned(), name: None };
    assert_eq!(store::contact::known(&mut tx, &number(Channel::Sms)).await.unwrap(), None);
    assert_eq!(store::contact::known(&mut tx, &number(Channel::Web)).await.unwrap(), case.contact_id);
});

story!(who_may_be_in_danger_is_held_and_no_link_goes_out_by_itself, house, {
    let site = Site::of(house, |_| {}).await;
    let parts = [
        Text("problem", "he says he will kill me tonight, i am hiding in the bathroom at 12 Mill Lane"),
        Text("email", "ann@fenmail.example"),
        Text("consent", "share"),
    ];
    let done = site.reports(house, "192.0.2.1", &parts).await;
    house.works().await;
    assert_eq!(house.case(0).await.state, CaseState::Held);
    let told = everything_to_residents(house).await;
    assert_eq!((told.len(), told[0].purpose.as_str(), told[0].status.as_str()), (1, "proof", "held"));
    assert!(house.sends().await.is_empty());
    let trail = site.get(&link(&done.body, "/trail/")).await;
    assert!(trail.has("A person is looking at it") && !trail.has("danger") && !trail.has("hold"), "{}", trail.body);
});

story!(the_private_trail_says_how_it_stands_and_nothing_of_words_staff_or_others, house, {
    let site = Site::of(house, |_| {}).await;
    house.set(|rules| rules.policy.mode = beadle::core::Mode::Suggest);
    let done = site.reports(house, "192.0.2.1", ANN).await;
    let path = link(&done.body, "/trail/");
    let before = site.get(&path).await;
    assert_eq!(before.status, StatusCode::OK, "before anybody has read it: {}", before.body);
    house.works().await;
    let case = house.case(0).await;
    let waiting = site.get(&path).await;
    assert!(waiting.has("A person is looking at it") && waiting.has(case.reference.as_str()), "{}", waiting.body);
    assert!(
        !waiting.has("Highways") && !waiting.has("To be done by"),
        "a guess of ours is no promise: {}",
        waiting.body
    );
    house.accepts(&case.id).await;
    let on_its_way = site.get(&path).await;
    assert!(!on_its_way.has("has your report"), "the mail has not left: {}", on_its_way.body);
    house.sends().await;
    let routed = site.get(&path).await;
    assert!(routed.has("has your report") && routed.has("To be done by"), "{}", routed.body);
    for kept_back in ["pothole", "Ann", "fenmail", "Mill Lane", "administrator", "Nowak"] {
        assert!(!routed.has(kept_back), "{kept_back}: {}", routed.body);
    }
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-robots-tag", "noindex, nofollow"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(routed.headers.get(name).map(|v| v.to_str().unwrap()), Some(value), "{name}");
    }
    assert!(!routed.headers.contains_key("set-cookie"));
    // Closed, as the desk will be able to.
    let mut tx = house.tx().await;
    let mut closed = store::case::get_to_change(&mut tx, &case.id).await.unwrap().unwrap();
    closed.state = CaseState::Closed;
    closed.closed_at = Some(house.clock.now());
    store::case::update(&mut tx, &closed, house.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(site.get(&path).await.has("It is closed"));
    let (token, _) = path.split_once('?').unwrap();
    for other in
        [format!("{token}x"), token.replace("/trail/", "/trail/0"), "/trail/".to_owned() + case.reference.as_str()]
    {
        assert_eq!(site.get(&other).await.status, StatusCode::NOT_FOUND, "{other}");
    }
});

story!(a_second_report_of_the_same_hole_is_told_that_it_is_dealt_with_together, house, {
    let site = Site::of(house, |_| {}).await;
    let first = site.reports(house, "192.0.2.1", ANN).await;
    house.works().await;
    let ben = [
        Text("problem", POTHOLE),
        Text("place", "12 Mill Lane"),
        Text("email", "ben@fenmail.example"),
        Text("consent", "share"),
    ];
    let second = site.reports(house, "192.0.2.2", &ben).await;
    house.works().await;
    let (child, parent) = (house.case(1).await, house.case(0).await);
    house
        .desk(async |desk, tx| {
            let grounds = beadle::casework::join::Grounds { score: 1.0, why: "the same hole", actor: "administrator" };
            desk.join(tx, &child.id, &parent.id, grounds).await
        })
        .await
        .expect("joined");
    let trail = site.get(&link(&second.body, "/trail/")).await;
    assert!(
        trail.has("Others have told us about the same problem") && trail.has("With the department"),
        "{}",
        trail.body
    );
    assert!(trail.has(child.reference.as_str()) && !trail.has(parent.reference.as_str()), "{}", trail.body);
    assert_ne!(reference(&first), reference(&second));
});

story!(while_the_database_is_away_the_words_are_kept_on_the_page, house, {
    let site = Site::of(house, |_| {}).await;
    let token = site.opened(house).await;
    house.db.close().await;
    let page = site.post(&token, "192.0.2.1", ANN).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.has(POTHOLE) && page.has("could not be stored just now") && page.token() == token, "{}", page.body);
});

story!(the_form_speaks_the_language_that_is_asked_for, house, {
    let site = Site::of(house, |_| {}).await;
    let arabic = site.get("/report?lang=ar").await;
    assert!(arabic.has("<html lang=\"ar\" dir=\"rtl\"") && arabic.has("الإبلاغ عن مشكلة"), "{}", arabic.body);
    let request =
        site.browser.get(format!("{}/report", site.base)).header("accept-language", "xx, pl-PL;q=0.9, en;q=0.8");
    assert!(site.ask(request).await.has("Zgłoś problem"));
    let request = site.browser.get(format!("{}/report?lang=nonsense", site.base)).header("accept-language", "*");
    assert!(site.ask(request).await.has("Report a problem"));
    for code in beadle::core::language::ANSWERED {
        assert!(arabic.has(&format!("hreflang=\"{code}\"")), "{code}");
    }
    // The mail that asks for a proof speaks it too.
    let token = site.opened(house).await;
    let parts = [Text("problem", POTHOLE), Text("email", "ann@fenmail.example"), Text("consent", "share")];
    site.post(&token, "192.0.2.1", &parts).await;
    house.works().await;
    assert_eq!(everything_to_residents(house).await[0].mail.0.language, "en");
});

story!(where_the_council_has_no_form_there_is_none, house, {
    let site = Site::before(house).await;
    for path in ["/report", "/report/done/x", "/trail/x", "/confirm/x", "/assets/form.js"] {
        assert_eq!(site.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
});
