//! A resident is answered in their own language where it is sure which that is, and in English else.

use crate::house::{House, header, letter, root};
use crate::story;
use beadle::core::Reference;
use beadle::store::outbox::OutMail;
use std::process::Command;

const POLISH: &str = "Dzień dobry, na naszej ulicy Mill Lane jest głęboka dziura w jezdni. There is a deep pothole. Proszę o \
                      naprawę, bo ktoś w końcu zrobi sobie krzywdę. Dziękuję bardzo za pomoc w tej sprawie.";
const URDU: &str =
    "السلام علیکم، ہماری گلی Mill Lane میں سڑک پر بہت بڑا گڑھا ہے (deep pothole)۔ براہ کرم اسے جلد ٹھیک کروا دیں۔";

/// The one mail of a purpose on the first case.
async fn mail(house: &House, purpose: &str) -> OutMail {
    let case = house.case(0).await;
    let mails = house.outgoing(&case.id).await;
    mails.into_iter().find(|o| o.purpose == purpose).unwrap_or_else(|| panic!("no {purpose}")).mail.0
}

story!(a_polish_letter_is_acknowledged_in_polish_with_a_line_in_english_and_the_staff_are_told_the_language, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Dziura w jezdni", POLISH)).await;
    let case = house.case(0).await;
    house.accepts_if_waiting(&case.id).await;
    let answer = mail(house, "acknowledgement").await;
    assert_eq!(answer.language, "pl");
    assert!(answer.subject.starts_with("Otrzymaliśmy Państwa wiadomość: Dziury w jezdni"), "{}", answer.subject);
    for words in ["Dzień dobry, Ann Smith,", "Numer sprawy: ", "marca 2026 r.", "In English: we have your message"] {
        assert!(answer.body.contains(words), "'{words}' is missing in:\n{}", answer.body);
    }
    assert_eq!(Reference::find_all(&answer.body), [case.reference.clone(), case.reference.clone()], "{}", answer.body);
    let referral = mail(house, "referral").await;
    assert_eq!(referral.language, "en");
    assert!(referral.body.contains("Language: Polish; the resident is answered in Polish\n"), "{}", referral.body);
    house.sends().await;
});

story!(a_letter_in_no_language_of_the_council_or_of_which_it_is_not_sure_is_acknowledged_in_english, house, {
    let romanian =
        "Bună ziua, pe strada Mill Lane este o groapă foarte mare (deep pothole). Vă rog să o reparați cât mai repede.";
    let romanised =
        "salam, Mill Lane par sarak mein bohat bara pothole hai, deep pothole, please theek karwa dein, shukriya";
    for (number, (subject, text, spoken)) in
        [("Groapa in strada", romanian, "Romanian"), ("Sarak kharab hai", romanised, "Urdu")].into_iter().enumerate()
    {
        let from = format!("resident{number}@home.example");
        house.receives(letter(&from, &format!("{number}@home.example"), subject, text)).await;
        let case = house.case(number).await;
        house.accepts_if_waiting(&case.id).await;
        let mails = house.outgoing(&case.id).await;
        let of = |purpose: &str| mails.iter().find(|o| o.purpose == purpose).unwrap().mail.0.clone();
        assert_eq!(of("acknowledgement").language, "en", "{text}");
        assert!(of("acknowledgement").body.starts_with("Dear Ann Smith,"));
        assert!(!of("acknowledgement").body.contains("In English:"));
        let line = format!("Language: {spoken}; the resident is answered in English\n");
        assert!(of("referral").body.contains(&line), "{}", of("referral").body);
    }
});

story!(a_reference_copied_out_of_an_urdu_acknowledgement_comes_back_to_its_case, house, {
    house.receives(letter("ann@home.example", "one@home.example", "سڑک پر گڑھا", URDU)).await;
    let case = house.case(0).await;
    house.accepts_if_waiting(&case.id).await;
    let answer = mail(house, "acknowledgement").await;
    assert_eq!(answer.language, "ur");
    let whole = format!("\u{2068}{}\u{2069}", case.reference);
    assert!(answer.subject.contains(&whole) && answer.body.contains(&whole), "{}", answer.body);
    let sent = house.sends().await;
    assert!(sent.iter().any(|m| header(m, "Content-Language") == "ur"));
    // The mail program threw the thread away; the resident pasted the number with the marks around it.
    let again = format!("میرے پیغام نمبر {whole} کا کیا بنا؟");
    house.receives(letter("ann@home.example", "two@home.example", "سوال", &again)).await;
    assert_eq!(house.cases().await.len(), 1, "it came to the case");
    // And the subject of the answer alone is enough, as well.
    house.receives(letter("ann@home.example", "three@home.example", &format!("Re: {}", answer.subject), "شکریہ")).await;
    assert_eq!(house.cases().await.len(), 1);
});

fn rules_check(folder: &std::path::Path) -> (bool, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_beadle")).args(["rules", "check", "--rules"]).arg(folder).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn rules_check_says_for_each_language_whether_it_is_there_and_refuses_an_answer_without_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    crate::decisions::copy(&root().join("rules"), folder.path());
    let replies = folder.path().join("replies");
    std::fs::remove_file(replies.join("tr.toml")).unwrap();
    let polish = std::fs::read_to_string(replies.join("pl.toml")).unwrap();
    let reviewed = polish.replace("# reviewed_by = \"name and office\"", "reviewed_by = \"Member support\"");
    std::fs::write(replies.join("pl.toml"), reviewed.replace("noise = \"Hałas\"\n", "")).unwrap();
    let (good, said) = rules_check(folder.path());
    assert!(good, "{said}");
    let line = |name: &str| said.lines().find(|l| l.contains(name)).unwrap_or_else(|| panic!("no {name}: {said}"));
    assert!(line("Turkish (tr)").contains("none") && line("German (de)").contains("not yet read"), "{said}");
    assert!(line("Polish (pl)").contains("read by Member support"), "{said}");
    assert!(line("Polish (pl)").contains("in English for want of names.noise"), "{said}");
    for (broken, told) in [
        (polish.replace("{reference}", "{number}"), "'{number}' is none of"),
        (polish.replace("\nNumer sprawy: {reference}", ""), "must give the resident their {reference}"),
        (polish.replace("told = ", "tolt = "), "tolt"),
        (polish.split("joined = ").next().unwrap().to_owned(), "joined"),
    ] {
        std::fs::write(replies.join("pl.toml"), broken).unwrap();
        let (good, said) = rules_check(folder.path());
        assert!(!good && said.contains("pl.toml") && said.contains(told), "{said}");
    }
}
