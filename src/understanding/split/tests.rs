//! By rules alone, without the encoder: what is announced and named is found, and nothing else.

use super::units::units;
use super::*;
use crate::core::verdict::Part;
use crate::understanding::place::Places;
use crate::understanding::{Question, Understanding};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn understanding() -> Understanding {
    let borough = home().join("training-data/demo/borough");
    let file = |name: &str| borough.join(name);
    let places =
        Places::load(Some(&file("wards.geojson")), Some(&file("postcodes.csv")), Some(&file("streets.csv"))).unwrap();
    Understanding::new(Rules::load_untried(&home().join("rules")).unwrap(), None, None, places)
}

async fn parts(body: &str) -> Vec<Part> {
    let question = Question { body: body.to_owned(), ..Question::default() };
    understanding().judge(&[question]).await.remove(0).parts
}

async fn services(body: &str) -> Vec<String> {
    parts(body).await.into_iter().map(|p| p.service).collect()
}

#[tokio::test]
async fn a_numbered_list_of_two_problems_is_two_requests_each_with_its_words_and_place() {
    let parts = parts(
        "Dear Councillor,\n1. There is a deep pothole outside 12 Mill Lane.\n2. The street light in Signal Row is out.\nThanks, Ann",
    )
    .await;
    let said: Vec<(&str, &str)> = parts.iter().map(|p| (p.service.as_str(), p.words.as_str())).collect();
    assert_eq!(
        said,
        [
            ("potholes_and_road_surface", "1. There is a deep pothole outside 12 Mill Lane."),
            ("street_lighting", "2. The street light in Signal Row is out."),
        ]
    );
    let places: Vec<&str> = parts.iter().map(|p| p.place.as_ref().unwrap().name.as_str()).collect();
    assert_eq!(places, ["Mill Lane", "Signal Row"]);
}

#[tokio::test]
async fn words_that_announce_another_matter_are_enough() {
    for second in [
        "Also, the street light by the church is out.",
        "While I am writing, the street light by the church is out.",
        "Another thing: the street light by the church is out.",
        "Secondly, the street light by the church is out.",
        "PS the street light by the church is out.",
        "On a different note, the street light by the church is out.",
    ] {
        let found = services(&format!("There is a deep pothole outside our house. {second}")).await;
        assert_eq!(found, ["potholes_and_road_surface", "street_lighting"], "{second}");
    }
}

#[tokio::test]
async fn bullets_and_an_also_inside_a_sentence_count_too() {
    let bullets = "Hello\n- missed bin: my recycling bin was not emptied\n- the street light outside is out\n";
    assert_eq!(services(bullets).await, ["missed_bins", "street_lighting"]);
    let inside = "my recycling bin was not emptied on tuesday and also the street light outside is out";
    assert_eq!(services(inside).await, ["missed_bins", "street_lighting"]);
}

#[tokio::test]
async fn the_sentences_of_one_item_of_a_list_are_one_request() {
    let parts = parts(
        "1. My recycling bin was not emptied.\n2. There is a deep pothole outside. A cyclist fell over the dog mess there.\n",
    )
    .await;
    assert_eq!(parts.len(), 2);
    assert!(parts[1].words.ends_with("dog mess there."), "{parts:?}");
    assert_eq!(without_mark(&parts[1].words).split_whitespace().next(), Some("There"));
    assert_eq!(without_mark("12 Mill Lane has a pothole"), "12 Mill Lane has a pothole");
}

#[tokio::test]
async fn detail_story_and_consequence_are_no_requests() {
    for one in [
        "There is a deep pothole outside our house. I also told the man who came. It is a danger to my neighbour too.",
        "There is a deep pothole outside our house. Also, the pothole damaged my wheel.",
        "1. There is a deep pothole outside our house.\n2. The pothole is next to the kerb.\n",
        "Thank you for mending the street light. There is a deep pothole outside our house. Also, thank you for your help.",
        "There is a deep pothole outside our house.\n\nThe street light is fixed, thanks.\n",
    ] {
        assert!(parts(one).await.is_empty(), "{one}");
    }
}

#[tokio::test]
async fn one_service_at_two_places_is_two_requests_only_where_somebody_says_so() {
    let two = "1. There is a deep pothole in Signal Row.\n2. There is a deep pothole in Tanner's Row.\n";
    let found = parts(two).await;
    let places: BTreeSet<&str> = found.iter().filter_map(|p| p.place.as_ref()).map(|p| p.name.as_str()).collect();
    assert_eq!((found.len(), places.len()), (2, 2), "{found:?}");
    assert!(parts("There are deep potholes in Tanner's Row and in Signal Row.").await.is_empty());
}

#[tokio::test]
async fn what_is_common_belongs_to_every_part() {
    let question = Question {
        body: "Dear Councillor,\n\nTwo things.\n\n1. There is a deep pothole outside our house.\n2. The street light is out.\n\n\
               My phone number is 01632 960123.\nMany thanks\nAnn"
            .to_owned(),
        ..Question::default()
    };
    let verdict = understanding().judge(&[question]).await.remove(0);
    assert_eq!(verdict.common, "Dear Councillor,\nTwo things.\nMy phone number is 01632 960123.\nMany thanks\nAnn");
    assert_eq!(verdict.parts.len(), 2);
}

#[test]
fn a_full_stop_in_an_abbreviation_or_a_number_ends_no_sentence() {
    let text = "Mr. Brown of 4 St. Mary's Rd. says No. 12 is worst. It is.";
    let found: Vec<&str> = units(text).units.iter().map(|u| text[u.start..u.end].trim()).collect();
    assert_eq!(found, ["Mr. Brown of 4 St. Mary's Rd. says No. 12 is worst.", "It is."]);
}

#[test]
fn an_ordinary_message_in_which_nothing_hints_at_several_is_not_taken_apart() {
    let rules = Rules::load_untried(&home().join("rules")).unwrap();
    let body = "There is a deep pothole outside number 12. It has been there for three weeks and the bus drives through it \
                every day. My wheel was damaged on Sunday. Please have it filled before somebody is hurt. Kind regards, Ann";
    assert_eq!(pieces(body, &rules, &rules.hits(body)), Pieces::default());
}

#[test]
fn a_long_list_is_bounded_and_loses_no_word() {
    let rules = Rules::load_untried(&home().join("rules")).unwrap();
    let body: String = (1..=30).map(|n| format!("{n}. The street light number {n} is out\n")).collect();
    let pieces = pieces(&body, &rules, &[]);
    assert!((2..=MOST_SEGMENTS).contains(&pieces.segments.len()));
    let words: Vec<&str> = pieces.segments.iter().flat_map(|s| s.words.split_whitespace()).collect();
    assert_eq!(words, body.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn a_message_of_a_megabyte_of_commas_costs_no_more_than_a_long_letter() {
    let rules = Rules::load_untried(&home().join("rules")).unwrap();
    let body = "also a pothole, and the bin, ".repeat(1 << 15);
    let pieces = pieces(&body, &rules, &[]);
    assert!(pieces.segments.len() <= MOST_SEGMENTS);
    assert_eq!(pieces.segments.iter().map(|s| s.words.split_whitespace().count()).sum::<usize>(), 6 << 15);
}

proptest! {
    #[test]
    fn units_cover_every_word_of_any_text_in_order(text in "(\\PC|\n|[.!?] |[0-9]\\. |, also ){0,80}") {
        let units = units(&text).units;
        let words: String = units.iter().flat_map(|u| text[u.start..u.end].split_whitespace()).collect();
        let all: String = text.split_whitespace().collect();
        prop_assert_eq!(words, all);
    }
}
