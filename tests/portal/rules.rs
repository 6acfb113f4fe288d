//! Rules on the portal: what a change would have done, saving it, going back.

use crate::desk::Person;
use crate::desk::{Answer, Desk};
use beadle::core::Role;
use beadle::store;
use beadle::store::case::Case;
use reqwest::StatusCode;

const PAGE: &str = "/admin/rules/services";

/// The file with another department for a service.
fn moved(text: &str, service: &str, to: &str) -> String {
    let (before, rest) = text.split_once(&format!("id = \"{service}\"")).unwrap();
    let (own, rest) = rest.split_once("department = \"").unwrap();
    let (_, rest) = rest.split_once('"').unwrap();
    format!("{before}id = \"{service}\"{own}department = \"{to}\"{rest}")
}

async fn preview(desk: &Desk, text: &str) -> Answer {
    let page = desk.get(PAGE).await;
    desk.press(&page, &format!("{PAGE}/preview"), &[("text", text)]).await
}

async fn save(desk: &Desk, previewed: &Answer, text: &str) -> Answer {
    let seal = previewed.field("seal");
    desk.press(previewed, &format!("{PAGE}/save"), &[("text", text), ("seal", &seal)]).await
}

async fn set(desk: &Desk, case: &Case, change: impl FnOnce(&mut Case)) {
    let mut case = desk.case(&case.reference).await;
    change(&mut case);
    let mut tx = desk.db().begin().await.unwrap();
    store::case::update(&mut tx, &case, desk.pipeline.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_change_of_rules_shows_what_it_would_have_done_is_saved_as_previewed_and_can_be_taken_back() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let file = desk.rule_file("services.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let after = moved(&before, &case.service, "waste");
    // As browsers send it.
    let previewed = preview(&desk, &after.replace('\n', "\r\n")).await;
    assert_eq!(previewed.status, StatusCode::OK, "{}", previewed.body);
    assert!(previewed.has("1 of the 1 messages") && previewed.has("1 with another department"), "{}", previewed.body);
    assert!(previewed.has(case.reference.as_str()) && previewed.has("then Waste and street cleaning"));
    assert!(previewed.has("department = &#34;waste&#34;"), "the line is shown: {}", previewed.body);
    for words in ["deep pothole", "Hollis", "Tanner", "derek@"] {
        assert!(!previewed.has(words), "{words}: {}", previewed.body);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before, "a preview changes nothing");
    let saved = save(&desk, &previewed, &after).await;
    assert_eq!(saved.location(), "/admin/rules/services?done=rules-saved", "{}", saved.body);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
    let rules = desk.pipeline.understanding.rules();
    assert_eq!(rules.taxonomy.services[&case.service].department, "waste", "in force at once");
    let next = desk.mail("Ann <ann@fenmail.example>", "Pothole", "A deep pothole in Mill Lane, please fill it").await;
    assert_eq!(next.department, "waste");
    assert_eq!(desk.trail("rules:services.toml").await, ["administrator preview rules", "administrator change rules"]);

    let page = desk.get(PAGE).await;
    let back = desk.press(&page, &format!("{PAGE}/back"), &[("version", &page.field("version"))]).await;
    assert!(back.has("then Highways"), "going back is previewed: {}", back.body);
    assert!(save(&desk, &back, &before).await.location().ends_with("done=rules-saved"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert!(desk.get("/admin/rules").await.has("by administrator"), "who changed it, and when");
}

#[tokio::test]
async fn wrong_rules_are_named_with_file_and_line_and_nothing_is_kept() {
    let desk = Desk::open().await;
    let file = desk.rule_file("services.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let broken = format!("{before}\n[[service]]\nid = \"x\"\nnonsense = 1\n");
    let answer = preview(&desk, &broken).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.has("rules/services.toml: line ") && answer.has("nonsense = 1"), "{}", answer.body);
    assert!(!answer.has("name=\"seal\""));
    let nowhere = moved(&before, "fly_tipping", "nowhere");
    let answer = preview(&desk, &nowhere).await;
    assert!(answer.has("there is no department &#39;nowhere&#39;"), "{}", answer.body);
    assert!(preview(&desk, &before).await.has("Nothing is different"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    for file in ["secret", "..%2F..%2Fbeadle", "bank-holidays"] {
        assert_eq!(desk.get(&format!("/admin/rules/{file}")).await.status, StatusCode::NOT_FOUND, "{file}");
    }
}

#[tokio::test]
async fn only_what_was_previewed_is_saved_and_only_in_the_place_of_what_it_was_compared_with() {
    let desk = Desk::open().await;
    let file = desk.rule_file("services.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let after = moved(&before, "fly_tipping", "highways");
    let previewed = preview(&desk, &after).await;
    let other = save(&desk, &previewed, &moved(&before, "fly_tipping", "parking")).await;
    assert_eq!(other.status, StatusCode::CONFLICT, "not what was previewed");
    std::fs::write(&file, format!("{before}\n# changed by hand\n")).unwrap();
    let stale = save(&desk, &previewed, &after).await;
    assert!(stale.status == StatusCode::CONFLICT && stale.has("somebody changed the file"), "{}", stale.body);
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("# changed by hand\n"));
    std::fs::write(&file, &before).unwrap();
    let ada = Person::new(&desk, "ada", &[(Role::Administrator, None)]).await;
    let fields = [("text", after.as_str()), ("seal", &previewed.field("seal"))];
    let theirs = ada.asks(&desk, reqwest::Method::POST, &format!("{PAGE}/save"), &fields).await;
    assert_eq!(theirs.status, StatusCode::CONFLICT, "somebody else's preview");
}

#[tokio::test]
async fn what_is_for_the_councillor_only_or_about_danger_is_not_in_a_preview() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let before = std::fs::read_to_string(desk.rule_file("services.toml")).unwrap();
    let after = moved(&before, &case.service, "waste");
    set(&desk, &case, |case| case.hold_reason = Some("Safeguarding: somebody may be in danger".to_owned())).await;
    assert!(!preview(&desk, &after).await.has(case.reference.as_str()));
    set(&desk, &case, |case| (case.hold_reason, case.consent) = (None, "private".to_owned())).await;
    let page = preview(&desk, &after).await;
    assert!(!page.has(case.reference.as_str()) && page.has("nothing to compare with"), "{}", page.body);
}

#[tokio::test]
async fn a_message_about_danger_that_would_go_elsewhere_is_counted_and_not_named() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    set(&desk, &case, |case| case.hold_reason = Some("Safeguarding: somebody may be in danger".to_owned())).await;
    let before = std::fs::read_to_string(desk.rule_file("services.toml")).unwrap();
    let page = preview(&desk, &moved(&before, &case.service, "waste")).await;
    assert!(page.has("1 of the 1 messages of the last 31 days would have come out otherwise"), "{}", page.body);
    assert!(page.has("1 message where somebody may be in danger would come out otherwise, too."), "{}", page.body);
    assert!(page.has("They are not listed") && !page.has(case.reference.as_str()), "{}", page.body);
    let page = preview(&desk, &format!("{before}\n# a word more\n")).await;
    assert!(page.has("None of the 1 messages") && !page.has("They are not listed"), "{}", page.body);
}

#[tokio::test]
async fn who_saves_a_file_while_somebody_else_does_is_told_so_and_the_change_of_the_first_stays() {
    let desk = Desk::open().await;
    let file = desk.rule_file("services.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let (theirs, after) = (moved(&before, "fly_tipping", "highways"), moved(&before, "fly_tipping", "parking"));
    let previewed = preview(&desk, &after).await;
    // Somebody else is in the middle of saving: they have begun, and not written yet.
    let mut tx = desk.db().begin().await.unwrap();
    store::rule_version::one_at_a_time(&mut tx, "services.toml").await.unwrap();
    let other = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        std::fs::write(&file, &theirs).unwrap();
        tx.commit().await.unwrap();
    };
    let (saved, ()) = tokio::join!(save(&desk, &previewed, &after), other);
    assert!(saved.status == StatusCode::CONFLICT && saved.has("somebody changed the file"), "{}", saved.body);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), theirs);
    assert!(!desk.trail("rules:services.toml").await.contains(&"administrator change rules".to_owned()));
}

#[tokio::test]
async fn a_text_with_other_line_ends_can_be_gone_back_to() {
    let desk = Desk::open().await;
    let file = desk.rule_file("services.toml");
    let plain = std::fs::read_to_string(&file).unwrap();
    // As another program left it: other line ends, and none at the end of the file.
    std::fs::write(&file, plain.trim_end().replace('\n', "\r\n")).unwrap();
    let after = moved(&plain, "fly_tipping", "highways");
    let previewed = preview(&desk, &after).await;
    assert!(save(&desk, &previewed, &after).await.location().ends_with("done=rules-saved"), "{}", previewed.body);
    let page = desk.get(PAGE).await;
    let back = desk.press(&page, &format!("{PAGE}/back"), &[("version", &page.field("version"))]).await;
    let saved = save(&desk, &back, &desk.unescaped(&back, "text")).await;
    assert!(saved.location().ends_with("done=rules-saved"), "{}", saved.body);
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim_end(), plain.trim_end());
}

#[tokio::test]
async fn a_rule_that_hears_danger_is_counted_and_names_no_case() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let text = std::fs::read_to_string(desk.rule_file("safeguarding.toml")).unwrap();
    let rule = "\n[[rule]]\nid = \"a_pothole_is_a_danger\"\npattern = 'deep pothole'\nconcern = \"threat_to_life\"\n\
                reason = \"a pothole\"\nmatches = [\"a deep pothole\"]\nnot_matches = [\"a lamp\"]\n";
    let page = desk.get("/admin/rules/safeguarding").await;
    let previewed = desk.press(&page, "/admin/rules/safeguarding/preview", &[("text", &format!("{text}{rule}"))]).await;
    assert!(previewed.has("1 message more would be held because somebody may be in danger"), "{}", previewed.body);
    assert!(!previewed.has(case.reference.as_str()), "{}", previewed.body);
}

#[tokio::test]
async fn a_service_and_a_department_are_changed_by_a_form_that_keeps_the_files_comments_and_is_previewed() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    let list = desk.get("/admin/services").await;
    assert!(list.has(&format!("/admin/services/{}", case.service)) && list.has("working days"), "{}", list.body);
    let file = desk.rule_file("services.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let path = format!("/admin/services/{}", case.service);
    let page = desk.get(&path).await;
    let bad = [("name", "Holes"), ("department", "waste"), ("working_days", "soon"), ("mode", "")];
    let wrong = desk.press(&page, &path, &bad).await;
    assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.has("from 1 to 365"), "{}", wrong.body);
    assert!(wrong.has("value=\"Holes\""), "what was entered stays");
    let good = [("name", "Holes"), ("department", "waste"), ("working_days", "9"), ("mode", "hold")];
    let previewed = desk.press(&page, &path, &good).await;
    assert!(previewed.has("1 of the 1 messages") && previewed.has("then Holes"), "{}", previewed.body);
    assert!(previewed.has("then On hold, a person decides"), "{}", previewed.body);
    let text = desk.unescaped(&previewed, "text");
    assert!(save(&desk, &previewed, &text).await.location().ends_with("done=rules-saved"));
    let after = std::fs::read_to_string(&file).unwrap();
    let comments = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(comments(&after), comments(&before));
    let same = before.lines().filter(|line| after.lines().any(|other| other == *line)).count();
    assert!(before.lines().count() - same <= 3, "only what was changed is another line");
    let service = desk.pipeline.understanding.rules().taxonomy.services[&case.service].clone();
    assert_eq!((service.name.as_str(), service.department.as_str(), service.working_days), ("Holes", "waste", 9));

    let page = desk.get("/admin/departments/waste").await;
    let fields = [("name", "Bins"), ("email", "no address"), ("contact", "Ann, 01632 960110"), ("mode", "")];
    let wrong = desk.press(&page, "/admin/departments/waste", &fields).await;
    assert!(wrong.has("Enter the email address that its cases are sent to"), "{}", wrong.body);
    let fields =
        [("name", "Bins"), ("email", "bins@brackenmere.example"), ("contact", "Ann, 01632 960110"), ("mode", "")];
    let previewed = desk.press(&page, "/admin/departments/waste", &fields).await;
    assert!(previewed.has("bins@brackenmere.example") && previewed.has("name=\"seal\""), "{}", previewed.body);
    assert!(desk.get("/admin/departments").await.has("waste@brackenmere.example"), "not before it is saved");
}
