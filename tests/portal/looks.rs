//! The style sheets, and the navigation of every page.

use crate::desk::Desk;
use reqwest::StatusCode;

/// What the page draws with, in the order in which it does.
const SHEETS: [&str; 2] = ["/assets/govuk.css", "/assets/portal.css"];

#[tokio::test]
async fn the_style_sheets_fetch_nothing_and_bear_nothing_that_is_the_governments_own() {
    let desk = Desk::open().await;
    let page = desk.get("/").await;
    let (first, second) = (page.body.find(SHEETS[0]), page.body.find(SHEETS[1]));
    assert!(first.is_some() && first < second, "ours says the last word: {}", page.body);
    for sheet in SHEETS {
        let answer = desk.get(sheet).await;
        assert_eq!(answer.status, StatusCode::OK);
        // The licence names the Crown; what is drawn must not.
        let rules = answer.body.split_once("*/").map_or(answer.body.as_str(), |(_, rules)| rules).to_lowercase();
        assert!(rules.contains(".govuk-"), "{sheet} is there");
        for word in ["url(", "@import", "@font-face", "gds transport", "crown", "crest"] {
            assert!(!rules.contains(word), "{sheet}: {word}");
        }
    }
    let sheet = desk.get(SHEETS[0]).await.body;
    assert!(sheet.starts_with("/*! govuk-frontend 5.") && sheet.contains("MIT licence"), "whose it is stands in it");
}

#[tokio::test]
async fn every_section_is_in_the_bar_or_on_the_page_more_and_says_where_one_is() {
    let desk = Desk::open().await;
    let cases = desk.get("/").await;
    assert!(cases.has("href=\"/\" aria-current=\"page\">Cases") && cases.has("href=\"/more\">More"), "{}", cases.body);
    assert!(cases.has("Signed in as </span><bdi>Administrator"), "{}", cases.body);
    let more = desk.get("/more").await;
    assert!(more.has("href=\"/more\" aria-current=\"page\">More"), "{}", more.body);
    for section in ["campaigns", "patterns", "letters", "outbox", "quarantine", "set-aside", "blocked", "learned"] {
        assert!(more.has(&format!("href=\"/{section}\"")), "{section}");
        let page = desk.get(&format!("/{section}")).await;
        assert_eq!(page.status, StatusCode::OK, "{section}");
        assert!(page.has("href=\"/more\" aria-current=\"true\">More"), "{section}: {}", page.body);
        assert!(page.has("<a class=\"govuk-back-link\" href=\"/more\">More</a>"), "{section}");
    }
}
