//! Files and originals.

use crate::desk::{Desk, letter_with_files};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

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
