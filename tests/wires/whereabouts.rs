//! What3words and the hosts of short links, against a small server that answers well, badly, or not at all.

use crate::web::{self, Act, Web, json};
use beadle::channels::whereabouts::{Whereabouts, WhereaboutsSettings};
use beadle::core::{Point, Pointer, PointsTo};
use std::time::Duration;

const SQUARE: &str = r#"{"country":"GB","coordinates":{"lng":-0.203586,"lat":51.521251},"words":"filled.count.soap"}"#;

fn whereabouts(web: &Web, time_limit: Duration) -> Whereabouts {
    Whereabouts::new(WhereaboutsSettings {
        what3words: Some((format!("{}/v3/convert-to-coordinates", web.base()), "KEY".into())),
        short_links: true,
        gateway: Some(web.base()),
        time_limit,
    })
    .unwrap()
}

const LONG: Duration = Duration::from_secs(20);

fn words() -> Pointer {
    Pointer::three_words("filled.count.soap").unwrap()
}

fn link(path: &str) -> Pointer {
    Pointer::ShortLink(format!("https://maps.app.goo.gl/{path}"))
}

fn leads_to(status: u16, location: &str) -> Act {
    Act::Answer(status, vec![("Location", location.to_owned())], Vec::new())
}

#[tokio::test]
async fn the_point_of_an_address_is_asked_for_with_the_words_and_the_key() {
    let web = web::always(json(200, SQUARE)).await;
    let found = whereabouts(&web, LONG).look_up(&words()).await;
    assert_eq!(found, Ok(PointsTo::Spot(Point::new(51.521251, -0.203586).unwrap())));
    let heard = web.heard();
    assert_eq!(heard[0].line, "GET /v3/convert-to-coordinates?words=filled.count.soap&key=KEY");
    assert_eq!(heard[0].body, "");
}

#[tokio::test]
async fn only_what_is_said_of_the_words_themselves_is_an_answer() {
    let no =
        |status, code: &str| json(status, &format!(r#"{{"error":{{"code":"{code}","message":"filled.count.soap"}}}}"#));
    let bad = web::always(no(400, "BadWords")).await;
    assert_eq!(whereabouts(&bad, LONG).look_up(&words()).await, Ok(PointsTo::Nothing));
    for (act, why) in [
        (no(401, "InvalidKey"), "refuses the key"),
        (no(402, "QuotaExceeded"), "plan"),
        (no(400, "MissingWords"), "it answers 400"),
        (no(404, "NotFound"), "it answers 404"),
        (json(429, "slow down"), "it answers 429"),
        (json(503, ""), "it answers 503"),
        (json(200, "<html>"), "no point"),
        (json(200, r#"{"coordinates":{"lat":154.0,"lng":2.0}}"#), "no point"),
        (leads_to(302, "http://169.254.169.254/"), "it answers 302"),
        (Act::Half(500, "{"), "what3words: "),
        (Act::Cut, "what3words: "),
    ] {
        let web = web::always(act).await;
        let said = whereabouts(&web, LONG).look_up(&words()).await.unwrap_err().to_string();
        assert!(said.contains(why), "{why}: {said}");
        for secret in ["filled", "KEY"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[tokio::test]
async fn a_service_that_never_answers_is_waited_for_no_longer_than_the_limit() {
    let web = web::always(Act::Silence).await;
    let wire = whereabouts(&web, Duration::from_millis(50));
    for pointer in [words(), link("AbC")] {
        assert!(wire.look_up(&pointer).await.unwrap_err().to_string().contains("no answer in time"));
    }
}

#[tokio::test]
async fn a_short_link_is_followed_from_shortener_to_shortener_and_the_map_is_not_opened() {
    let map = "https://www.google.com/maps/place/X/data=!3d54.0287!4d2.0530";
    let web = web::serve(move |request| match request.line.as_str() {
        "GET /maps.app.goo.gl/One" => leads_to(302, "https://goo.gl/maps/Two"),
        // A relative one, as the standard allows.
        "GET /goo.gl/maps/Two" => leads_to(301, "/maps/Three"),
        "GET /goo.gl/maps/Three" => leads_to(307, map),
        _ => json(500, ""),
    })
    .await;
    assert_eq!(whereabouts(&web, LONG).look_up(&link("One")).await, Ok(PointsTo::Map(map.to_owned())));
    assert_eq!(web.heard().len(), 3);
}

#[tokio::test]
async fn a_short_link_is_followed_to_no_other_host_not_in_a_ring_and_not_for_ever() {
    for location in [
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:8025/",
        "http://[::1]/maps",
        "https://10.0.0.1/maps",
        "https://shop.example/",
        "https://google.com@shop.example/maps",
        "https://maps.app.goo.gl:8443/AbC",
        "https://maps.app.goo.gl.shop.example/AbC",
        "https://goo.gl/AbC",
        "file:///etc/passwd",
        "gopher://maps.app.goo.gl/AbC",
        "https://[",
        // A ring.
        "https://maps.app.goo.gl/AbC",
    ] {
        let web = web::always(leads_to(302, location)).await;
        assert_eq!(whereabouts(&web, LONG).look_up(&link("AbC")).await, Ok(PointsTo::Elsewhere), "{location}");
        let lines: Vec<String> = web.heard().into_iter().map(|request| request.line).collect();
        assert!(
            lines.len() <= 3 && lines.iter().all(|line| line == "GET /maps.app.goo.gl/AbC"),
            "{location}: {lines:?}"
        );
    }
    let long = web::always(leads_to(302, &format!("https://www.google.com/maps?q={}", "9".repeat(5_000)))).await;
    assert_eq!(whereabouts(&long, LONG).look_up(&link("AbC")).await, Ok(PointsTo::Elsewhere));
}

#[tokio::test]
async fn a_short_link_that_is_gone_is_told_from_one_that_could_not_be_followed() {
    for status in [404, 410] {
        let web = web::always(json(status, "")).await;
        assert_eq!(whereabouts(&web, LONG).look_up(&link("AbC")).await, Ok(PointsTo::Nothing));
    }
    for act in [json(200, "<html>"), json(302, ""), json(429, ""), json(503, ""), Act::Cut] {
        let web = web::always(act.clone()).await;
        let said = whereabouts(&web, LONG).look_up(&link("AbC")).await.unwrap_err().to_string();
        assert!(said.starts_with("short link: ") && !said.contains("AbC"), "{act:?}: {said}");
    }
}

#[tokio::test]
async fn what_stands_behind_a_short_link_is_never_downloaded() {
    // Whoever waits for the body waits for ever.
    let map = "https://maps.google.com/?q=54.0,2.0";
    let web = web::always(Act::Endless(302, vec![("Location", map.to_owned())])).await;
    let found = whereabouts(&web, LONG).look_up(&link("AbC")).await;
    assert_eq!(found, Ok(PointsTo::Map(map.to_owned())));
}

#[tokio::test]
async fn a_key_is_tried_with_the_companys_own_example() {
    let web = web::always(json(200, SQUARE)).await;
    assert_eq!(whereabouts(&web, LONG).check().await, Ok(()));
    let web = web::always(json(401, r#"{"error":{"code":"InvalidKey","message":"x"}}"#)).await;
    let said = whereabouts(&web, LONG).check().await.unwrap_err().to_string();
    assert!(said.contains("what3words_key_file"), "{said}");
}
