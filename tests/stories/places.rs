//! Where it happened, from a mail to the case and the department.

use crate::house::{House, header, letter};
use crate::story;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use beadle::channels::whereabouts::{Whereabouts, WhereaboutsSettings};
use beadle::core::{Channel, ContactPoint, LookedUp, PlaceSource, Point, Pointer, PointsTo};
use beadle::store::{self, case::Case};
use beadle::understanding::Question;
use std::sync::{Arc, Mutex};
use std::time::Duration;

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

/// By the canal, in the ward Canalside, as what3words and a map would say it.
const CANAL: &str = r#"{"country":"GB","coordinates":{"lng":2.04808,"lat":54.01609},"words":"filled.count.soap"}"#;
const CANAL_MAP: &str = "https://www.google.com/maps?q=54.01609,2.04808&entry=gps";
const UNKNOWN: &str = r#"{"error":{"code":"BadWords","message":"words must be a valid 3 word address"}}"#;

/// What others answer: a status, and a place to go on to or a body.
type Answer = (u16, &'static str);
/// What is answered to a path and query; nothing for what is left waiting.
type Answers = fn(&str) -> Option<Answer>;

/// what3words and the hosts of short links, played by a small server of ours.
struct Others {
    base: String,
    /// Path and query of each request, in order.
    heard: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Answers>>,
}

impl Others {
    /// Who is asked from now on, and answers so.
    async fn asked_by(house: &mut House, answers: Answers) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(answers));
        let (hears, says) = (Arc::clone(&heard), Arc::clone(&answers));
        let take = move |request: Request<Body>| {
            let asked = request.uri().to_string();
            let said = says.lock().unwrap()(&asked);
            hears.lock().unwrap().push(asked);
            async move {
                let Some((status, said)) = said else { return std::future::pending().await };
                let response = Response::builder().status(status);
                if (300..400).contains(&status) {
                    return response.header("location", said).body(Body::empty()).unwrap();
                }
                response.body(Body::from(said)).unwrap()
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(take)).await.unwrap() });
        let others = Self { base, heard, answers };
        others.are_asked_by(house, Duration::from_secs(20));
        others
    }

    fn are_asked_by(&self, house: &mut House, time_limit: Duration) {
        let wire = Whereabouts::new(WhereaboutsSettings {
            what3words: Some((format!("{}/v3/convert-to-coordinates", self.base), "a key".into())),
            short_links: true,
            gateway: Some(self.base.clone()),
            time_limit,
        });
        house.set(|rules| rules.whereabouts = Some(Arc::new(wire.unwrap())));
    }

    fn answer_now(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }

    /// What was asked since the last time.
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

/// A mail about a hole that is at this place; the case it becomes, and its decision's evidence.
async fn hole_at(house: &House, place: &str) -> (Case, serde_json::Value) {
    let number = house.cases().await.len();
    let body = format!("There is a deep pothole in the road, number {number} of those I found. It is at {place}");
    let from = format!("ann{number}@home.example");
    house.receives(letter(&from, &format!("{number}@home.example"), "A hole", &body)).await;
    let case = house.case(number).await;
    let mut tx = house.db.read().await.unwrap();
    let decisions = store::decision::of_case(&mut tx, &case.id).await.unwrap();
    let triage = decisions.into_iter().find(|decision| decision.kind == "triage").unwrap();
    (case, triage.evidence.0)
}

fn point(case: &Case) -> Option<Point> {
    case.place.as_ref().and_then(|place| place.0.point)
}

/// What a gatekeeper is told of it.
fn notes(evidence: &serde_json::Value) -> String {
    evidence["verdict"]["reasons"].to_string()
}

story!(a_what3words_address_becomes_a_point_and_a_ward_once_the_council_has_a_key, house, {
    let others = Others::asked_by(house, |_| Some((200, CANAL))).await;
    let (case, evidence) = hole_at(house, "///Filled.Count.Soap").await;
    assert_eq!(others.heard(), ["/v3/convert-to-coordinates?words=filled.count.soap&key=a+key"]);
    let place = case.place.as_ref().map(|place| place.0.clone()).unwrap();
    assert_eq!((place.source, place.point), (PlaceSource::What3words, Point::new(54.01609, 2.04808)));
    assert_eq!(case.ward.as_deref(), Some("Canalside"));
    assert!(place.confidence >= 0.9, "{place:?}");
    assert!(notes(&evidence).contains("what3words gives 54.01609, 2.04808"), "{}", notes(&evidence));
    let question: Question = serde_json::from_value(evidence["question"].clone()).unwrap();
    let pointer = Pointer::ThreeWords("filled.count.soap".to_owned());
    let known = LookedUp { pointer, points_to: PointsTo::Spot(place.point.unwrap()) };
    assert_eq!(question.looked_up, [known], "the decision can be taken again without asking anybody");
    let sent = house.sends().await;
    let referral = sent.iter().find(|mail| header(mail, "To").contains("highways")).unwrap().replace("=\r\n", "");
    assert!(referral.contains("Where: ///filled.count.soap at 54.01609, 2.04808"), "{referral}");
});

story!(a_short_link_to_a_map_is_followed_to_its_point_and_nowhere_else, house, {
    let others = Others::asked_by(house, |asked| {
        Some(match asked {
            "/maps.app.goo.gl/Pin" => (302, CANAL_MAP),
            "/goo.gl/maps/Hop" => (301, "https://maps.app.goo.gl/Pin"),
            "/maps.app.goo.gl/Cloud" => (302, "http://169.254.169.254/latest/meta-data"),
            "/maps.app.goo.gl/Here" => (302, "http://127.0.0.1:8025/cases"),
            "/maps.app.goo.gl/Shop" => (302, "https://shop.example/maps"),
            _ => (404, ""),
        })
    })
    .await;
    for (link, asked) in [
        ("https://maps.app.goo.gl/Pin?g_st=ic", vec!["/maps.app.goo.gl/Pin"]),
        ("https://goo.gl/maps/Hop", vec!["/goo.gl/maps/Hop", "/maps.app.goo.gl/Pin"]),
    ] {
        let (case, evidence) = hole_at(house, link).await;
        assert_eq!((point(&case), case.ward.as_deref()), (Point::new(54.01609, 2.04808), Some("Canalside")), "{link}");
        assert_eq!(case.place.unwrap().0.source, PlaceSource::Link);
        assert!(notes(&evidence).contains(&format!("The link {link} was followed to a map")), "{}", notes(&evidence));
        assert_eq!(others.heard(), asked);
    }
    for name in ["Cloud", "Here", "Shop"] {
        let link = format!("https://maps.app.goo.gl/{name}");
        let (case, evidence) = hole_at(house, &link).await;
        assert_eq!(point(&case), None, "{link}");
        assert!(notes(&evidence).contains("does not lead to a map that is known"), "{}", notes(&evidence));
        assert_eq!(others.heard(), [format!("/maps.app.goo.gl/{name}")], "where it leads is asked nothing");
    }
    let (_, evidence) = hole_at(house, "https://maps.app.goo.gl/Gone").await;
    assert!(notes(&evidence).contains("nothing behind the link"), "{}", notes(&evidence));
});

story!(an_address_is_asked_once, house, {
    let others =
        Others::asked_by(house, |asked| Some(if asked.contains("soap") { (200, CANAL) } else { (400, UNKNOWN) })).await;
    let (first, _) = hole_at(house, "///filled.count.soap").await;
    hole_at(house, "///filled.count.soup").await;
    others.heard();
    // The company changed its mind, but a message that is judged again must be judged alike.
    others.answer_now(|_| Some((503, "")));
    let (again, _) = hole_at(house, "///filled.count.soap").await;
    let (unknown, evidence) = hole_at(house, "///filled.count.soup, no better than before").await;
    assert_eq!(point(&again), point(&first));
    assert_eq!(point(&unknown), None);
    assert!(notes(&evidence).contains("knows no address"), "{}", notes(&evidence));
    assert_eq!(others.heard(), Vec::<String>::new());
});

story!(a_message_goes_on_when_the_service_is_away, house, {
    let others = Others::asked_by(house, |_| Some((503, ""))).await;
    let (case, evidence) = hole_at(house, "///filled.count.soap").await;
    assert_eq!(case.place.as_ref().map(|place| place.0.name.as_str()), Some("///filled.count.soap"));
    assert_eq!(point(&case), None);
    assert!(notes(&evidence).contains("could not be looked up when the message came in"), "{}", notes(&evidence));
    let (_, evidence) = hole_at(house, "https://maps.app.goo.gl/Pin").await;
    assert!(notes(&evidence).contains("could not be followed when the message came in"), "{}", notes(&evidence));
    // Nobody answers at all.
    others.answer_now(|_| None);
    others.are_asked_by(house, Duration::from_millis(50));
    let (case, _) = hole_at(house, "///filled.count.soap").await;
    assert_eq!(point(&case), None);
    // What failed is not kept: once the service is back, it is asked.
    others.answer_now(|_| Some((200, CANAL)));
    others.are_asked_by(house, Duration::from_secs(20));
    let (case, _) = hole_at(house, "///filled.count.soap").await;
    assert_eq!(case.ward.as_deref(), Some("Canalside"));
});

story!(unknown_words_are_told, house, {
    let _others = Others::asked_by(house, |_| Some((400, UNKNOWN))).await;
    let (case, evidence) = hole_at(house, "///filled.count.soup").await;
    assert!(case.place.is_none(), "no address, no place: {:?}", case.place);
    let notes = notes(&evidence);
    assert!(notes.contains("what3words knows no address") && notes.contains("///filled.count.soup"), "{notes}");
});

story!(nobody_is_asked_more_than_three_places_of_a_message_or_any_of_one_that_is_nobodys_business, house, {
    let others = Others::asked_by(house, |_| Some((200, CANAL))).await;
    let many = "///a.b.c ///d.e.f https://maps.app.goo.gl/Pin ///g.h.i ///a.b.c";
    hole_at(house, many).await;
    assert_eq!(others.heard().len(), 3);
    let private = letter("ann@home.example", "p@home.example", "For the councillor only", "It is at ///j.k.l");
    house.receives(private).await;
    let automatic = letter("ann@home.example", "a@home.example", "Out of office", "I am at ///m.n.o");
    house.receives(automatic.replace("Subject:", "Auto-Submitted: auto-replied\nSubject:")).await;
    let mut tx = house.tx().await;
    let mallory = ContactPoint { channel: Channel::Email, address: "mallory@home.example".to_owned(), name: None };
    store::block::insert(&mut tx, &mallory, "abuse", "administrator", house.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    house.receives(letter("mallory@home.example", "m@home.example", "A hole", "A hole at ///p.q.r")).await;
    assert_eq!(others.heard(), Vec::<String>::new());
});

/// Everything that is logged, down to the finest level of every library.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_line_holds_the_words_or_the_link_that_were_looked_up() {
    let log = Log::default();
    let writer = log.clone();
    let filter = tracing_subscriber::EnvFilter::new("warn,beadle=trace");
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(logs);
    let house = &mut House::new(crate::house::Kind::Sqlite).await;
    let others = Others::asked_by(house, |_| Some((401, r#"{"error":{"code":"InvalidKey"}}"#))).await;
    hole_at(house, "///filled.count.soap https://maps.app.goo.gl/AbCdEf").await;
    others.answer_now(|_| None);
    others.are_asked_by(house, Duration::from_millis(50));
    hole_at(house, "///filled.count.soap https://maps.app.goo.gl/AbCdEf").await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap().to_lowercase();
    assert!(log.contains("refuses the key") && log.contains("no answer in time"), "{log}");
    for secret in ["filled", "soap", "abcdef", "goo.gl", "a key", "a+key"] {
        assert!(!log.contains(secret), "the log holds '{secret}': {log}");
    }
}
