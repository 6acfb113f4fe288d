use super::*;
use crate::core::Verdict;
use crate::core::language::ANSWERED;
use std::collections::BTreeMap;
use std::time::Instant;

/// In which language a message would be answered.
fn answered(found: Detected) -> &'static str {
    if found.confidence >= Verdict::SURE_OF_LANGUAGE && ANSWERED.contains(&found.code) { found.code } else { "en" }
}

const SHORT_ENGLISH: &[&str] = &[
    "pothole mill lane",
    "bin not emptied again!!",
    "plz fix lamp post 14 Tanners Row",
    "dog mess everywhere",
    "Flytipping\n\nFlytippibg",
    "Números graffiti\n\nPlease remove this one in the picture",
    "Tag on construction site",
    "Glass table on pavement",
    "Litter\n\nPlus glass",
    "street lite out opp no 9 osier close",
    "thx 4 sorting the bins",
    "wen r u goin 2 fix da road",
    "missed bin 3 Willow Bank ZM5 3GW",
    "graffiti tag on bus shelter",
    "Rats!!! Alley behind Alma Street",
    "Mattress dumped Signal Row",
    "YOUR BINMEN LEFT RUBBISH EVERYWHERE",
    "no water fountain park",
    "gully blocked",
    "overgrown hedge pavement",
    "still no reply??",
    "ok ta",
    "Cllr Wojciechowski pls ring me",
    "Mr Mohammed Al-Rashid, 14 Narrowboat Way",
    "Regards Agnieszka Wiśniewska",
    "Kingfisher Court lift broken again",
    "hi can u help wiv parking permit",
    "tree fallen ford lane",
    "Anna Schmidt, Beech Avenue. Lamp out.",
];

#[test]
fn a_short_english_report_is_answered_in_english() {
    let languages = Languages::new();
    for text in SHORT_ENGLISH {
        let found = languages.detect(text);
        assert_eq!(answered(found), "en", "{text}: {found:?}");
    }
}

#[test]
fn what_cannot_be_known_is_english_with_a_confidence_that_says_so() {
    let languages = Languages::new();
    for text in
        ["", "   ", "07700 900123", "https://example.org/x?q=1", "a@b.example", "?!", "👍", "ZM5 3GW", "Mill Lane"]
    {
        let found = languages.detect(text);
        assert_eq!(found.code, "en", "{text}: {found:?}");
        assert!(found.confidence <= DOUBT, "{text}: {found:?}");
    }
}

#[test]
fn a_million_characters_take_no_longer_than_a_page() {
    let languages = Languages::new();
    for text in [
        "The bin was not emptied. ".repeat(40_000),
        "Kosz nie został opróżniony ".repeat(37_000),
        "x".repeat(1_000_000),
        "路".repeat(1_000_000),
        "1 ".repeat(500_000),
    ] {
        let start = Instant::now();
        let _ = languages.detect(&text);
        assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
    }
}

/// One line of `training-data/languages/check.jsonl`.
#[derive(serde::Deserialize)]
struct Check {
    kind: String,
    text: String,
    language: String,
    answer: String,
}

#[test]
fn no_resident_of_the_check_set_is_answered_in_a_wrong_language_and_hardly_any_in_english_for_want_of_their_own() {
    let text = include_str!("../../../training-data/languages/check.jsonl");
    let rows: Vec<Check> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() >= 200);
    let languages = Languages::new();
    let (mut wrong, mut missed, mut named) = (Vec::new(), Vec::new(), 0);
    for row in &rows {
        let found = languages.detect(&row.text);
        let answer = answered(found);
        if answer != row.answer && answer != "en" {
            wrong.push(format!("{} {found:?}: {}", row.kind, row.text));
        } else if answer != row.answer {
            missed.push(format!("{} {found:?}: {}", row.kind, row.text));
        }
        let unsure = row.language == "unsure" && found.confidence < Verdict::SURE_OF_LANGUAGE;
        named += usize::from(unsure || found.code == row.language);
    }
    let own = rows.iter().filter(|row| row.answer != "en").count();
    println!(
        "{} messages: {named} named rightly; of {own} to be answered in their own language {} are not",
        rows.len(),
        missed.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(missed.len() * 50 <= own, "{missed:#?}");
    assert!(named * 100 >= rows.len() * 97, "{named} of {}", rows.len());
}

/// The lines of a file of the folder `BEADLE_DATA`, or nothing where the data is not on this machine.
fn data(file: &str) -> Option<Vec<serde_json::Value>> {
    let Some(folder) = std::env::var_os("BEADLE_DATA") else {
        println!("skipped: BEADLE_DATA does not name the folder with {file}");
        return None;
    };
    let text = std::fs::read_to_string(std::path::Path::new(&folder).join(file)).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
#[ignore = "measures on data outside the repository: BEADLE_DATA"]
fn measured_on_sentences_of_forty_five_languages() {
    let Some(rows) = data("languages/dev.jsonl") else { return };
    let languages = Languages::new();
    let mut tally: BTreeMap<String, (usize, usize, usize, usize)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row["kind"] == "sentence") {
        let (lang, text) = (row["lang"].as_str().unwrap(), row["text"].as_str().unwrap());
        let found = languages.detect(text);
        let cell = tally.entry(lang.to_owned()).or_default();
        cell.0 += 1;
        cell.1 += usize::from(found.code == lang);
        cell.2 += usize::from(answered(found) == lang);
        cell.3 += usize::from(answered(found) != lang && answered(found) != "en");
    }
    let is_ours = |lang: &str| ANSWERED.contains(&lang);
    for (lang, (all, right, own, wrong)) in &tally {
        println!("{lang}: {all} sentences, {right} recognised, {own} answered in it, {wrong} in a wrong language");
    }
    let sum = |ours: bool| {
        let cells = tally.iter().filter(|(lang, _)| is_ours(lang) == ours);
        cells.fold((0, 0, 0), |s, (_, cell)| (s.0 + cell.0, s.1 + cell.1, s.2 + cell.3))
    };
    let ((all, right, wrong), (others, _, taken)) = (sum(true), sum(false));
    println!(
        "of the thirteen: {right} of {all} recognised, {wrong} answered wrongly; of the others {taken} of {others}"
    );
    assert!(right * 1000 >= all * 985);
    assert!((wrong + taken) * 1000 <= all + others);
}

#[test]
#[ignore = "measures on data outside the repository: BEADLE_DATA"]
fn measured_on_english_reports_none_is_answered_in_another_language() {
    let languages = Languages::new();
    for (file, name) in
        [("civic/dev.jsonl", "London"), ("civic/train.jsonl", "London, more"), ("spam/sms.jsonl", "SMS")]
    {
        let Some(rows) = data(file) else { return };
        let start = Instant::now();
        let found: Vec<Detected> = rows.iter().map(|row| languages.detect(row["text"].as_str().unwrap())).collect();
        let each = start.elapsed() / u32::try_from(rows.len()).unwrap();
        let other = found.iter().filter(|f| f.code != "en").count();
        let wrong = found.iter().filter(|f| answered(**f) != "en").count();
        println!("{name}: {other} of {} not English, {wrong} answered in another language, {each:?} each", rows.len());
        assert!(wrong * 2000 <= rows.len());
    }
}
