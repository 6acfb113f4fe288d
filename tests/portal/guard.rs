//! What guards every page: headers, names, and that a stranger's words stay words.

use crate::desk::{Desk, OTHER, letter, letter_with_files};
use reqwest::StatusCode;

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
        // A case's map and the small copies of its pictures are ours.
        let theirs = page.body.replace("<svg class=\"map\"", "").replace("<img src=\"/cases/", "");
        let theirs = theirs.replace("<script src=\"/assets/", "");
        for evil in ["<script", "<img", "<svg", "<b>", "<b ", "onerror=alert(1)>"] {
            assert!(!theirs.contains(evil), "{evil} stands in\n{}", page.body);
        }
    }
    assert!(pages[0].has("&#60;script&#62;alert(1)&#60;/script&#62;"), "it is shown as what it is");
    assert!(pages[0].has("svg onload=alert(1)") && pages[0].has("Not passed on:"));
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
        "/assets/govuk.css",
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
