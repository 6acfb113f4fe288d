//! Attacks, each tried on every place there is: what is added to the list of routes is attacked too.

use crate::desk::Person;
use crate::desk::{Answer, Desk, letter_with_files};
use crate::people::filled;
use beadle::core::Role;
use beadle::portal::places;
use beadle::store;
use reqwest::{Method, StatusCode};

/// Somebody whom every page lets in.
async fn everywhere(desk: &Desk) -> Person {
    let roles = [(Role::Administrator, None), (Role::Gatekeeper, None), (Role::Councillor, Some("adeyemi"))];
    Person::new(desk, "vera", &roles).await
}

const SCRIPT: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";
/// Pages for those who are not signed in, besides the form's.
const OPEN: [&str; 5] = ["/sign-in", "/invitation/none", "/officer/none", "/healthz", "/nowhere"];
/// What pages are asked with.
const ASKED: [&str; 24] = [
    "done",
    "did",
    "next",
    "state",
    "department",
    "service",
    "ward",
    "councillor",
    "show",
    "page",
    "period",
    "from",
    "to",
    "minutes",
    "actor",
    "action",
    "object",
    "before",
    "reference",
    "q",
    "lang",
    "code",
    "error",
    "then",
];

/// A message that is nothing but attacks, and its case.
async fn mallory(desk: &Desk) -> store::case::Case {
    let files = [
        ("\"><svg onload=alert(1)>.png", "image/png", "x"),
        (
            "hole.svg",
            "image/svg+xml",
            "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"><script>alert(1)</script></svg>",
        ),
        ("page.html", "text/html", "<script>alert(1)</script>"),
        ("=cmd|' /C calc'!A0.csv", "text/csv", "=1+1"),
    ];
    let name = "=?utf-8?q?=22=3E=3Cimg_src=3Dx_onerror=3Dalert=281=29=3E?=";
    let subject = "=?utf-8?q?=3C/title=3E=3Cscript=3Ealert=281=29=3C/script=3E_pothole?=";
    let from = format!("{name} <mallory@fenmail.example>");
    let words = "</textarea></div><script>alert(1)</script> <b onclick=\"x\">A deep pothole in Tanner's Row, ZM1 4QT</b> {{7*7}} javascript:alert(1)";
    let plain = String::from_utf8(letter_with_files(&from, subject, words, &files)).unwrap();
    desk.take_in(
        plain
            .replacen("Content-Type: text/plain; charset=utf-8", "Content-Type: text/html; charset=utf-8", 1)
            .as_bytes(),
    )
    .await;
    let first = desk.newest().await;
    desk.take_in(plain.replacen("Message-ID: <", "Message-ID: <2", 1).as_bytes()).await;
    first
}

/// Everything that is at work in a page of ours is in files of its own: whatever else looks like it came from a message.
fn assert_only_text(page: &Answer, what: &str) {
    let kind = page.headers.get("content-type").map_or("", |kind| kind.to_str().unwrap());
    if !kind.starts_with("text/html") {
        assert!(!kind.contains("svg") || what.starts_with("/assets/"), "{what} is drawn as {kind}");
        return;
    }
    let lower = page.body.to_lowercase();
    for (at, _) in lower.match_indices("<script") {
        let tag = &page.body[at..page.body[at..].find("</script>").map_or(page.body.len(), |end| at + end)];
        assert!(tag.starts_with("<script src=\"/assets/") && tag.ends_with('>'), "{what}: {tag}");
    }
    for evil in [
        "onerror=alert(1)>",
        "<svg onload",
        "<b onclick",
        "href=\"javascript:",
        "<img src=x",
        " style=\"",
        "</textarea></div><",
    ] {
        assert!(!page.body.contains(evil), "{what}: {evil} stands in\n{}", page.body);
    }
}

fn assert_guarded(page: &Answer, what: &str) {
    let policy = page.headers.get("content-security-policy").map_or("", |policy| policy.to_str().unwrap());
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "] {
        assert!(policy.contains(part), "{what}: {part} is not in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    assert_eq!(page.headers["x-frame-options"], "DENY", "{what}");
    assert_eq!(page.headers["x-content-type-options"], "nosniff", "{what}");
}

#[tokio::test]
async fn no_place_takes_a_form_without_the_sessions_word() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let vera = everywhere(&desk).await;
    let mut refused = 0;
    for word in ["", "another word"] {
        let stranger = Person { csrf: word.to_owned(), ..vera.clone() };
        for (path, _) in places::all() {
            let answer = stranger.asks(&desk, Method::POST, &filled(path, case.reference.as_str()), &[]).await;
            if answer.status == StatusCode::METHOD_NOT_ALLOWED {
                continue;
            }
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}: {}", answer.body);
            refused += 1;
        }
    }
    assert!(refused > 80, "{refused}");
    let now = desk.case(&case.reference).await;
    assert_eq!((now.state, now.attention), (case.state, case.attention), "nothing was changed");
    assert!(vera.gets(&desk, "/account").await.status.is_success(), "nobody was signed out");
}

#[tokio::test]
async fn no_place_can_be_framed_and_none_works_by_a_script_of_a_stranger() {
    let desk = Desk::closed().await;
    let case = mallory(&desk).await;
    let vera = everywhere(&desk).await;
    let mut tx = desk.db().read().await.unwrap();
    let message = store::message::of_case(&mut tx, &case.id).await.unwrap().remove(0).id;
    drop(tx);
    let mut seen = 0;
    for (path, _) in places::all() {
        for id in [message.as_str(), "vera", "services.csv", "0"] {
            let address = filled(path, case.reference.as_str()).replace("none", id);
            let page = vera.gets(&desk, &address).await;
            assert_guarded(&page, &address);
            assert_only_text(&page, &address);
            seen += usize::from(page.status.is_success());
        }
    }
    assert!(seen > 100, "{seen}");
    for path in OPEN {
        let page = vera.gets(&desk, path).await;
        assert_guarded(&page, path);
        assert_only_text(&page, path);
    }
}

#[tokio::test]
async fn a_file_that_could_be_at_work_is_never_shown_and_keeps_no_name_that_could_be() {
    let desk = Desk::closed().await;
    let case = mallory(&desk).await;
    let vera = everywhere(&desk).await;
    let page = vera.gets(&desk, &format!("/cases/{}", case.reference)).await;
    let first = page.address("/attachments/0");
    let mut served = 0;
    for position in 0..4 {
        let address = first.replace("/attachments/0", &format!("/attachments/{position}"));
        let file = vera.gets(&desk, &address).await;
        if file.status.is_success() {
            let kind = file.headers["content-type"].to_str().unwrap().to_owned();
            let disposition = file.headers["content-disposition"].to_str().unwrap().to_owned();
            assert!(disposition.starts_with("attachment; "), "{disposition}");
            assert!(
                ["image/png", "application/octet-stream", "text/csv"].contains(&kind.split(';').next().unwrap()),
                "{kind}"
            );
            served += 1;
        }
        let picture = vera.gets(&desk, &format!("{address}/picture")).await;
        assert_eq!(picture.status, StatusCode::NOT_FOUND, "none of these is a picture: {}", picture.status);
    }
    assert!(served >= 3, "{served}");
}

#[tokio::test]
async fn nothing_that_is_asked_for_is_given_back_as_it_was_asked() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let vera = everywhere(&desk).await;
    let encoded: String = url::form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect();
    let query: Vec<String> = ASKED.iter().map(|name| format!("{name}={encoded}")).collect();
    let inside: String = SCRIPT.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for path in places::all().into_iter().map(|(path, _)| path).chain(OPEN) {
        let plain = filled(path, case.reference.as_str());
        let mut addresses = vec![format!("{plain}?{}", query.join("&"))];
        addresses.extend(query.iter().map(|one| format!("{plain}?{one}")));
        if path.contains('{') {
            addresses.push(filled(path, &inside).replace("none", &inside));
        }
        for address in addresses {
            let page = vera.gets(&desk, &address).await;
            assert!(page.status.as_u16() < 500, "{address}: {}", page.status);
            assert!(!page.body.contains("<script>alert(1)"), "{address} gives it back:\n{}", page.body);
            assert_only_text(&page, path);
        }
    }
}

#[tokio::test]
async fn no_word_of_a_request_becomes_a_header() {
    let desk = Desk::closed().await;
    let case = desk.pothole().await;
    let vera = everywhere(&desk).await;
    let evil = "x%0d%0aX-Evil:%20yes%0d%0aSet-Cookie:%20beadle=planted";
    for path in places::all().into_iter().map(|(path, _)| path).chain(OPEN) {
        let plain = filled(path, case.reference.as_str());
        let all: Vec<String> = ASKED.iter().map(|name| format!("{name}={evil}")).collect();
        let mut addresses =
            vec![format!("{plain}?{}", all.join("&")), format!("{plain}?ward={evil}"), format!("{plain}?next=/{evil}")];
        if path.contains('{') {
            addresses.push(filled(path, evil).replace("none", evil));
        }
        for address in addresses {
            let answer = vera.gets(&desk, &address).await;
            assert!(!answer.headers.contains_key("x-evil"), "{address}");
            let planted =
                answer.headers.get_all("set-cookie").iter().any(|cookie| cookie.to_str().unwrap().contains("planted"));
            assert!(!planted, "{address}");
        }
    }
}

#[tokio::test]
async fn nobody_is_led_away_from_here() {
    let mut desk = Desk::closed().await;
    let case = desk.pothole().await;
    let vera = everywhere(&desk).await;
    let away = [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "///evil.example",
        "javascript:alert(1)",
        "/%2f%2fevil.example",
        "http:evil.example",
        "/../..//evil.example",
    ];
    let here = |answer: &Answer| {
        let to = answer.location();
        to.is_empty()
            || to.starts_with('/')
                && !to[1..].starts_with(['/', '\\', '\t'])
                && !to.contains("evil.example//")
                && url::Url::parse("http://us.example").unwrap().join(to).unwrap().host_str() == Some("us.example")
    };
    for target in away {
        let encoded: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
        desk.browser = crate::desk::browser();
        let signed_in = desk.sign_in(crate::desk::PASSWORD, &encoded).await;
        assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{target}");
        assert!(here(&signed_in), "{target} leads to {}", signed_in.location());
        for path in places::all().into_iter().map(|(path, _)| path).chain(OPEN) {
            let plain = filled(path, case.reference.as_str());
            let asked = format!("{plain}?next={encoded}&then={encoded}&back={encoded}&url={encoded}&return={encoded}");
            let answer = vera.gets(&desk, &asked).await;
            assert!(here(&answer), "{asked} leads to {}", answer.location());
        }
    }
    for (path, _) in places::all() {
        if path == "/sign-out" {
            continue;
        }
        let fields = [("next", "//evil.example"), ("then", "//evil.example"), ("back", "//evil.example")];
        let answer = vera.asks(&desk, Method::POST, &filled(path, case.reference.as_str()), &fields).await;
        assert!(here(&answer), "{path} leads to {}", answer.location());
    }
}

#[tokio::test]
async fn no_path_leads_out_of_what_is_served() {
    let desk = Desk::closed().await;
    let vera = everywhere(&desk).await;
    let up = [
        "../../../../etc/passwd",
        "..%2f..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/Cargo.toml",
        "..%5c..%5cCargo.toml",
        "%00",
        "..%252f..%252fCargo.toml",
        "%2fetc%2fpasswd",
    ];
    let templates = places::all().into_iter().map(|(path, _)| path).filter(|path| path.contains('{'));
    for path in templates.chain(["/assets/{file}", "/invitation/{file}", "/officer/{file}", "/{file}"]) {
        for up in up {
            let parts = path.split('/').map(|part| if part.starts_with('{') { up } else { part });
            let address = parts.collect::<Vec<_>>().join("/");
            let answer = vera.gets(&desk, &address).await;
            assert!(
                !answer.status.is_success() || answer.has("<!DOCTYPE html>") || answer.has("<!doctype html>"),
                "{address}: {}",
                answer.body
            );
            assert!(answer.status.as_u16() < 500, "{address}: {}", answer.status);
            assert!(!answer.has("root:") && !answer.has("[package]"), "{address}");
        }
    }
}

#[tokio::test]
async fn a_session_that_was_planted_is_nobodys_after_signing_in() {
    let desk = Desk::closed().await;
    let planted = "PLANTEDPLANTEDPLANTEDPLANTEDPLANTEDPLANTED1";
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page =
        desk.ask(browser.get(format!("{}/sign-in", desk.base)).header("cookie", format!("beadle={planted}"))).await;
    let kept =
        page.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap().split(';').next().unwrap().to_owned());
    let cookies = kept.chain([format!("beadle={planted}")]).collect::<Vec<_>>().join("; ");
    let body: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("csrf", page.field("csrf").as_str()), ("password", crate::desk::PASSWORD), ("next", "")])
        .finish();
    let signed_in = desk
        .ask(
            browser
                .post(format!("{}/sign-in", desk.base))
                .header("cookie", cookies)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body),
        )
        .await;
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{}", signed_in.body);
    let session = signed_in
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|c| c.to_str().unwrap())
        .find(|c| c.starts_with("beadle="))
        .unwrap();
    assert!(!session.contains(planted), "a new one is drawn");
    let with = desk.ask(browser.get(format!("{}/", desk.base)).header("cookie", format!("beadle={planted}"))).await;
    assert!(with.location().starts_with("/sign-in"), "the planted one opens nothing");
}
