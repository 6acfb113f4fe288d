//! Where it happened, from a mail to the case and the department.

use crate::house::{header, letter};
use crate::story;
use beadle::core::PlaceSource;
use beadle::store;
use beadle::understanding::Question;

/// A picture of nothing whose camera says that it stood by the canal (54.01609, 2.04808) on 4 March 2026.
const PHOTO: &str = "/9j/4QC6RXhpZgAASUkqAAgAAAACAGmHBAABAAAAJgAAACWIBAABAAAAOAAAAAAAAAABAAOQAgAUAAAAbgAAAAAA\n\
AAAEAAEAAgACAAAATgAAAAIABQADAAAAggAAAAMAAgACAAAARQAAAAQABQADAAAAmgAAAAAAAAAyMDI2OjAzOjA0IDEwOjE1OjAwADYAAAABAAAA\n\
AAAAAAEAAACgFgAAZAAAAAIAAAABAAAAAgAAAAEAAAC9FAAAZAAAAP/Z";

/// A letter with the photo attached.
fn with_photo(body: &str) -> String {
    let plain = letter("ann@home.example", "photo@home.example", "A hole", "BODY");
    let (head, _) = plain.split_once("\n\n").unwrap();
    let head: Vec<&str> = head.lines().filter(|line| !line.to_lowercase().starts_with("content-")).collect();
    format!(
        "{}\nContent-Type: multipart/mixed; boundary=edge\n\n--edge\nContent-Type: text/plain; charset=utf-8\n\n{body}\n\
         --edge\nContent-Type: image/jpeg; name=hole.jpg\nContent-Transfer-Encoding: base64\n\n{PHOTO}\n--edge--\n",
        head.join("\n")
    )
}

story!(the_photo_in_a_mail_tells_where_it_is_and_stays_with_the_decision, house, {
    house.receives(with_photo("There is a deep pothole in the road here, please mend it.")).await;
    let case = house.case(0).await;
    let place = case.place.as_ref().map(|place| place.0.clone()).unwrap();
    assert_eq!((place.source, case.ward.as_deref()), (PlaceSource::Photo, Some("Canalside")));
    assert_eq!(place.found_in(), "The position in the photo hole.jpg");
    let mut tx = house.db.read().await.unwrap();
    let decision = store::decision::triages(&mut tx).await.unwrap().remove(0);
    let question: Question = serde_json::from_value(decision.evidence.0["question"].clone()).unwrap();
    assert_eq!(question.photos.len(), 1, "the decision can be taken again without the photo");
});

story!(the_department_is_told_what_a_what3words_address_is_and_no_point_is_made_up, house, {
    let body = "There is a deep pothole in the road, please mend it. It is at ///filled.count.soap";
    house.receives(letter("ann@home.example", "w@home.example", "A hole", body)).await;
    let case = house.case(0).await;
    let place = case.place.as_ref().map(|place| place.0.clone()).unwrap();
    assert_eq!((place.point, case.ward.as_deref()), (None, None));
    let sent = house.sends().await;
    let referral = sent.iter().find(|mail| header(mail, "To").contains("highways")).unwrap().replace("=\r\n", "");
    assert!(referral.contains("Where: ///filled.count.soap (https://what3words.com/filled.count.soap)"), "{referral}");
});
