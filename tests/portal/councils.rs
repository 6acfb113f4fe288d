//! Several councils behind one address: each has its own people, cases and links, and nothing of one opens at another.

use crate::desk::Person;
use crate::desk::{Answer, Desk};
use crate::people::filled;
use beadle::app::front::Front;
use beadle::config::Settings;
use beadle::core::{Grant, Role};
use beadle::portal::{Portal, places, router};
use beadle::store;
use reqwest::{Method, StatusCode};
use std::path::Path;
use tokio_util::sync::CancellationToken;

const ASHBY: &str = "cases.ashby.example";
const BORLEY: &str = "cases.borley.example";

/// Two councils, served at one address by the name that is asked for.
struct Town {
    ashby: Desk,
    borley: Desk,
    base: String,
}

impl Town {
    async fn open() -> Self {
        let (ashby, borley) = (Desk::closed().await, Desk::closed().await);
        let settings = |name: &str| {
            let text = format!(
                "[council]\nname = '{name}'\naddress = 'cases@b.example'\n[smtp]\nfolder = 'out'\n[database]\nurl = 'sqlite:{name}.db'\n\
                 [portal]\nallowed_hosts = ['{name}']\n"
            );
            Settings::parse(&text, &Path::new("/srv").join(name)).unwrap()
        };
        let front = Front::of(&[settings(ASHBY), settings(BORLEY)]).unwrap();
        for (place, (desk, host)) in [(&ashby, ASHBY), (&borley, BORLEY)].into_iter().enumerate() {
            let portal = Portal { allowed_hosts: vec![host.to_owned()], ..desk.portal.clone() };
            front.door(place).unwrap().open(router(portal));
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(front.serve(listener, CancellationToken::new()));
        Self { ashby, borley, base }
    }

    /// Asks the council of a name, with a cookie and the word of a session.
    async fn ask(&self, host: &str, method: Method, path: &str, person: Option<&Person>) -> Answer {
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let request = browser.request(method.clone(), format!("{}{path}", self.base)).header("host", host);
        let request = match person {
            Some(person) => request.header("cookie", &person.cookie),
            None => request,
        };
        let word = person.map_or("none", |person| person.csrf.as_str());
        let request = match method {
            Method::GET => request,
            _ => request.header("content-type", "application/x-www-form-urlencoded").body(format!("csrf={word}")),
        };
        self.ashby.ask(request).await
    }
}

fn everybody() -> [(Grant, &'static str); 4] {
    [
        (Grant { role: Role::Administrator, councillor: None }, "ada"),
        (Grant { role: Role::Gatekeeper, councillor: None }, "gil"),
        (Grant { role: Role::Gatekeeper, councillor: Some("adeyemi".to_owned()) }, "gwen"),
        (Grant { role: Role::Councillor, councillor: Some("adeyemi".to_owned()) }, "cora"),
    ]
}

#[tokio::test]
async fn each_council_is_reached_by_its_own_name_and_by_no_other() {
    let town = Town::open().await;
    for host in [ASHBY, BORLEY, "CASES.ASHBY.EXAMPLE:443"] {
        assert_eq!(town.ask(host, Method::GET, "/sign-in", None).await.status, StatusCode::OK, "{host}");
    }
    for host in ["127.0.0.1", "localhost", "elsewhere.example", "ashby.example"] {
        let answer = town.ask(host, Method::GET, "/sign-in", None).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
        assert!(!answer.has("ashby") && !answer.has("borley"), "nobody is told who else is there: {}", answer.body);
    }
}

#[tokio::test]
async fn who_is_signed_in_at_one_council_is_nobody_at_another() {
    let town = Town::open().await;
    let case = town.ashby.pothole().await;
    let mut turned_away = 0;
    for (grant, name) in everybody() {
        let person = Person::new(&town.ashby, name, &[(grant.role, grant.councillor.as_deref())]).await;
        for (path, _) in places::all() {
            let address = filled(path, case.reference.as_str());
            for method in [Method::GET, Method::POST] {
                let answer = town.ask(BORLEY, method.clone(), &address, Some(&person)).await;
                if answer.status == StatusCode::METHOD_NOT_ALLOWED {
                    continue;
                }
                assert_eq!(answer.status, StatusCode::SEE_OTHER, "{name}: {method} {path}");
                assert!(answer.location().starts_with("/sign-in"), "{name}: {method} {path}: {}", answer.location());
                turned_away += 1;
            }
        }
    }
    assert!(turned_away > 200, "{turned_away}");
}

#[tokio::test]
async fn a_case_of_one_council_is_not_there_at_another_whoever_asks_wherever() {
    let town = Town::open().await;
    let case = town.ashby.pothole().await;
    town.borley.mail("Olive Marsh <olive@fenmail.example>", "Lamp", "The lamp outside 3 Abbey Walk is out.").await;
    let mut tx = town.ashby.db().read().await.unwrap();
    let message = store::message::of_case(&mut tx, &case.id).await.unwrap().remove(0);
    let delivery: Vec<(String,)> = tx.all("SELECT id FROM inbox", store::args![]).await.unwrap();
    drop(tx);
    let free = town.borley.pipeline.ids.reference();
    let mut tried = 0;
    for (grant, name) in everybody() {
        let person = Person::new(&town.borley, name, &[(grant.role, grant.councillor.as_deref())]).await;
        for (path, _) in places::all() {
            if !path.contains('{') {
                continue;
            }
            let id = if path.starts_with("/deliveries") { delivery[0].0.as_str() } else { message.id.as_str() };
            let theirs = filled(path, case.reference.as_str()).replace("none", id);
            let nowhere = filled(path, free.as_str());
            for method in [Method::GET, Method::POST] {
                let answer = town.ask(BORLEY, method.clone(), &theirs, Some(&person)).await;
                let other = town.ask(BORLEY, method.clone(), &nowhere, Some(&person)).await;
                assert_eq!(answer.status, other.status, "{name}: {method} {path} is like what is nowhere");
                assert!(!answer.has("othole") && !answer.has("Hollis"), "{name}: {method} {path}");
                tried += 1;
            }
        }
        let found = town.ask(BORLEY, Method::GET, "/", Some(&person)).await;
        assert!(!found.has(case.reference.as_str()), "{name}");
    }
    assert!(tried > 100, "{tried}");
}

#[tokio::test]
async fn a_link_of_one_council_leads_nowhere_at_another() {
    let town = Town::open().await;
    let case = town.ashby.pothole().await;
    let gatekeeper = Person::new(&town.ashby, "gil", &[(Role::Gatekeeper, None)]).await;
    let path = format!("/cases/{}", case.reference);
    let page = gatekeeper.gets(&town.ashby, &path).await;
    gatekeeper.asks(&town.ashby, Method::POST, &format!("{path}/accept"), &[("seen", &page.field("seen"))]).await;
    let outgoing = town.ashby.outgoing(&case).await;
    let referral = outgoing.iter().find(|mail| mail.purpose == "referral").expect("a referral");
    let link = referral.mail.0.body.split_whitespace().find(|word| word.contains("/officer/")).unwrap();
    let link = &link[link.find("/officer/").unwrap()..];
    assert_eq!(town.ask(ASHBY, Method::GET, link, None).await.status, StatusCode::OK);
    let elsewhere = town.ask(BORLEY, Method::GET, link, None).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    assert!(!elsewhere.has("othole"), "{}", elsewhere.body);
    let answer = town.ask(BORLEY, Method::POST, &format!("{link}/accept"), None).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
