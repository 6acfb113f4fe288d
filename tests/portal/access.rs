//! Who reads what: reader by purpose by field, on the pages themselves. Every field of a case has a word of its own, by which it is known.

use crate::desk::Desk;
use crate::desk::Person;
use beadle::core::access::{Field, Reader};
use beadle::core::{Grant, Right, Role};
use beadle::portal::places;
use beadle::routing::consent::Consent;
use beadle::store::outbox::Fate;
use beadle::store::{self, case::Case};
use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::json;

/// What shows that a field was read.
const MARKS: [(Field, &[&str]); 3] = [
    (Field::Place, &["Tanner&#39;s", "Tanner's", "ZM1 4QT"]),
    (Field::Identity, &["Quillon", "quillon@fenmail.example"]),
    (Field::Words, &["zebrafish"]),
];
/// What of a case each reader reads where nobody is in danger, in plain words: whether it stands there at all, place, name, words. Written down by
/// hand, so that nobody changes the table without changing what was promised. Where somebody may be in danger it is nothing of it.
const PROMISED: [(Reader, Consent, [bool; 4]); 12] = [
    (Reader::Councillor, Consent::Share, [true, true, true, true]),
    (Reader::Councillor, Consent::Councillor, [true, true, true, true]),
    (Reader::Councillor, Consent::Neither, [true, false, false, false]),
    (Reader::Councillor, Consent::Private, [false, false, false, false]),
    (Reader::WardCouncillor, Consent::Share, [true, true, false, false]),
    (Reader::WardCouncillor, Consent::Councillor, [true, true, false, false]),
    (Reader::WardCouncillor, Consent::Neither, [true, false, false, false]),
    (Reader::WardCouncillor, Consent::Private, [false, false, false, false]),
    (Reader::Administrator, Consent::Share, [false, false, false, false]),
    (Reader::Administrator, Consent::Councillor, [false, false, false, false]),
    (Reader::Administrator, Consent::Neither, [false, false, false, false]),
    (Reader::Administrator, Consent::Private, [false, false, false, false]),
];
/// Every page of lists and of one case, where it may show something of it.
const LISTS: [&str; 7] = [
    "/my?show=every",
    "/my.csv?show=open",
    "/ward?ward=Abbey",
    "/ward.csv?ward=Abbey",
    "/overdue",
    "/overdue.csv",
    "/reports",
];

async fn set(desk: &Desk, case: &Case, change: impl FnOnce(&mut Case)) -> Case {
    let mut case = desk.case(&case.reference).await;
    change(&mut case);
    let mut tx = desk.db().begin().await.unwrap();
    store::case::update(&mut tx, &case, desk.pipeline.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    case
}

async fn marked(desk: &Desk) -> Case {
    let body =
        "There is a deep pothole full of zebrafish in Tanner's Row by the dry cleaners, ZM1 4QT. Please fill it.";
    let case = desk.mail("Quillon Marker <quillon@fenmail.example>", "The zebrafish hole", body).await;
    // Late, so that it is on every list.
    set(desk, &case, |case| case.due_on = "2026-03-12".to_owned()).await
}

/// What of a case is on a page.
fn shown(body: &str, field: &[&str]) -> bool {
    field.iter().any(|mark| body.contains(mark))
}

#[tokio::test]
async fn each_reader_sees_on_every_page_what_the_table_and_the_resident_let_them_and_nothing_else() {
    let desk = Desk::closed().await;
    let case = marked(&desk).await;
    let own = Person::new(&desk, "cora", &[(Role::Councillor, Some("adeyemi"))]).await;
    let ward = Person::new(&desk, "ward", &[(Role::Councillor, Some("adeyemi"))]).await;
    let stranger = Person::new(&desk, "nico", &[(Role::Councillor, Some("nowak"))]).await;
    let ada = Person::new(&desk, "ada", &[(Role::Administrator, None)]).await;
    let one = format!("/my/{}", case.reference);
    for consent in Consent::ALL {
        for danger in [false, true] {
            let hold = danger.then(|| "Safeguarding: somebody may be in danger".to_owned());
            for (reader, person, councillor) in [
                (Reader::Councillor, &own, "adeyemi"),
                (Reader::WardCouncillor, &ward, "nowak"),
                (Reader::Administrator, &ada, "adeyemi"),
                (Reader::WardCouncillor, &stranger, "adeyemi"),
            ] {
                set(&desk, &case, |case| {
                    case.consent = consent.as_str().to_owned();
                    case.hold_reason = hold.clone();
                    case.councillor = Some(councillor.to_owned());
                })
                .await;
                let promised = PROMISED.iter().find(|(r, c, _)| *r == reader && c == consent).map(|(.., reads)| *reads);
                let promised = promised.filter(|_| !danger).unwrap_or_default();
                let fields = [Field::Standing, Field::Place, Field::Identity, Field::Words];
                let may_read = |field: Field| promised[fields.iter().position(|one| *one == field).unwrap()];
                let mut seen = Vec::new();
                for path in LISTS.iter().copied().chain([one.as_str()]) {
                    let page = person.gets(&desk, path).await;
                    assert!(page.status.as_u16() < 500, "{path}: {}", page.body);
                    if page.status != StatusCode::OK {
                        assert!(!shown(&page.body, MARKS[1].1) && !shown(&page.body, MARKS[2].1), "{path}");
                        continue;
                    }
                    for (field, marks) in MARKS {
                        let may = may_read(field);
                        assert!(
                            may || !shown(&page.body, marks),
                            "{reader} {consent} {danger} {path} {field}: {}",
                            page.body
                        );
                        if shown(&page.body, marks) {
                            seen.push(field);
                        }
                    }
                    if !may_read(Field::Standing) && path != "/reports" {
                        assert!(!page.has(case.reference.as_str()), "{reader} {consent} {danger} {path}");
                    }
                }
                // What may be read is somewhere, too: a table that lets nothing out would be no table.
                for field in [Field::Place, Field::Identity, Field::Words] {
                    let theirs = reader == Reader::Councillor || person.id == ward.id;
                    let wanted = may_read(field) && theirs && field != Field::Words;
                    assert!(!wanted || seen.contains(&field), "{reader} {consent} {danger} {field}: {seen:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_administrator_finds_no_word_of_a_resident_on_any_page_that_lets_them_in() {
    let desk = Desk::closed().await;
    let case = marked(&desk).await;
    let ada = Person::new(&desk, "ada", &[(Role::Administrator, None)]).await;
    let grant = Grant { role: Role::Administrator, councillor: None };
    let mut looked_at = 0;
    for (path, right) in places::all() {
        if !grant.holds(right) || path == "/sign-out" {
            continue;
        }
        let path = path
            .replace("{user}", &ada.id.to_string())
            .replace("{file}", "services")
            .replace("{service}", &case.service);
        let page = ada.gets(&desk, &path.replace("{department}", &case.department)).await;
        for (field, marks) in MARKS {
            assert!(!shown(&page.body, marks), "{path} {field}: {}", page.body);
        }
        looked_at += usize::from(page.status == StatusCode::OK);
    }
    assert!(looked_at >= 12, "{looked_at}");
}

#[tokio::test]
async fn a_councillor_opens_their_own_case_and_anothers_is_not_there_and_the_attempt_is_on_the_trail() {
    let desk = Desk::open().await;
    let case = marked(&desk).await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(desk.press(&page, &format!("{path}/accept"), &[]).await.location().ends_with("done=accepted"));
    desk.deliver_later().await;
    let cora = Person::new(&desk, "cora", &[(Role::Councillor, Some("adeyemi"))]).await;
    let list = cora.gets(&desk, "/my").await;
    let one = list.address(&format!("/my/{}", case.reference));
    let page = cora.gets(&desk, &one).await;
    assert_eq!(page.status, StatusCode::OK);
    for words in [
        "zebrafish",
        "Quillon",
        "With the department",
        "Case sent to the department, with the councillor in copy, by email",
        "Friday 13 March 2026",
    ] {
        assert!(page.has(words), "{words}: {}", page.body);
    }
    assert!(!page.has("quillon@fenmail.example") && !page.has("/cases/"), "{}", page.body);
    assert!(desk.trail(&format!("case:{}", case.id)).await.contains(&"cora read case".to_owned()));
    set(&desk, &case, |case| case.consent = "neither".to_owned()).await;
    let page = cora.gets(&desk, &one).await;
    assert!(page.has("did not agree that you know who they are") && !page.has("zebrafish") && !page.has("Tanner"));
    assert!(page.has("Case sent to the department, with"), "where it stands is theirs to know: {}", page.body);

    let nico = Person::new(&desk, "nico", &[(Role::Councillor, Some("nowak"))]).await;
    let other = nico.gets(&desk, &one).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    assert!(desk.trail(&format!("case:{}", case.id)).await.contains(&"nico refused".to_owned()));
    for (hold, consent) in [(Some("Safeguarding: a worry"), "share"), (None, "private")] {
        set(&desk, &case, |case| {
            (case.hold_reason, case.consent) = (hold.map(str::to_owned), consent.to_owned());
        })
        .await;
        assert_eq!(cora.gets(&desk, &one).await.status, StatusCode::NOT_FOUND, "{consent}");
    }
    assert!(desk.trail(&format!("case:{}", case.id)).await.contains(&"cora refused".to_owned()));
}

#[tokio::test]
async fn the_reasons_of_a_decision_name_no_case_out_of_reach() {
    let desk = Desk::open().await;
    let case = marked(&desk).await;
    let theirs = desk.mail("Ann <ann@fenmail.example>", "Lamp", "The street light in Signal Row ZM6 1AA is out.").await;
    let theirs = set(&desk, &theirs, |case| case.councillor = Some("nowak".to_owned())).await;
    let near = |case: &Case| json!({"case": case.reference.as_str(), "service": case.service, "alike": 0.9});
    let mut tx = desk.db().begin().await.unwrap();
    let decision = store::decision::of_case(&mut tx, &case.id).await.unwrap().remove(0);
    let mut evidence = decision.evidence.0.clone();
    evidence["verdict"]["reasons"] = json!([{"kind": "nearest", "cases": [near(&theirs)]}]);
    let new = store::decision::NewDecision {
        case_id: Some(&case.id),
        message_id: decision.message_id.as_ref(),
        kind: "triage",
        actor: "beadle",
        decided: decision.decided.0.clone(),
        evidence,
    };
    store::decision::insert(&mut tx, &desk.pipeline.ids, new, desk.pipeline.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let path = format!("/cases/{}", case.reference);
    assert!(desk.get(&path).await.has(theirs.reference.as_str()), "who acts for all is told");
    let gwen = Person::new(&desk, "gwen", &[(Role::Gatekeeper, Some("adeyemi"))]).await;
    for path in [path, format!("/review/{}", case.reference)] {
        let page = gwen.gets(&desk, &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.has(theirs.reference.as_str()), "{path}: {}", page.body);
    }
}

#[tokio::test]
async fn a_page_of_a_case_names_no_case_out_of_reach_wherever_it_stands() {
    let desk = Desk::open().await;
    let mut cases = Vec::new();
    for n in 0..3 {
        let words = format!("{n} days ago a pothole opened outside the shop at ZM1 1AE");
        cases.push(desk.mail(&format!("r{n}@fenmail.example"), "Pothole", &words).await);
    }
    let theirs = desk.mail("Bo <bo@fenmail.example>", "Tree", "A lime tree in Beacon Lane has lost a limb.").await;
    let case = desk.mail("Ann <ann@fenmail.example>", "Tree", "A lime tree in Beacon Lane fell on the wall.").await;
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    let to = [("to", theirs.reference.as_str())];
    let joined = desk.press(&page, &format!("/cases/{}/join", case.reference), &to).await;
    assert!(joined.location().ends_with("done=joined"), "{}", joined.body);
    for other in [&cases[0], &cases[1], &theirs] {
        set(&desk, other, |case| case.councillor = Some("nowak".to_owned())).await;
    }
    for own in [&cases[2], &case] {
        let attention = format!("New words on {}, which is joined to this case", theirs.reference);
        set(&desk, own, |case| (case.councillor, case.attention) = (Some("adeyemi".to_owned()), Some(attention))).await;
    }
    let gwen = Person::new(&desk, "gwen", &[(Role::Gatekeeper, Some("adeyemi"))]).await;
    let (pothole, tree) = (format!("/cases/{}", cases[2].reference), format!("/cases/{}", case.reference));
    for (path, said) in [
        (pothole.as_str(), "This is number 3 of this service"),
        (&pothole, "New words on another case, which is joined"),
        (&tree, "To another case"),
        ("/", "New words on another case, which is joined"),
    ] {
        let page = gwen.gets(&desk, path).await;
        assert!(page.status == StatusCode::OK && page.has(said), "{path} {said}: {}", page.body);
        for other in [&cases[0], &cases[1], &theirs] {
            assert!(!page.has(other.reference.as_str()), "{path} {}: {}", other.reference, page.body);
        }
    }
    // Who acts for all is told.
    let page = desk.get(&tree).await;
    assert!(page.has(&format!("To case {}", theirs.reference)), "{}", page.body);
    let page = desk.get(&pothole).await;
    assert!(page.has(cases[0].reference.as_str()) && page.has(&format!("New words on {}", theirs.reference)));
}

#[tokio::test]
async fn a_case_is_sent_when_its_mail_has_gone_and_not_when_that_was_decided() {
    for (fate, said) in
        [(Fate::Sent, "Sent Friday 13 March 2026"), (Fate::Failed("no such address".to_owned()), "Not delivered")]
    {
        let desk = Desk::open().await;
        let case = marked(&desk).await;
        let path = format!("/cases/{}", case.reference);
        let cora = Person::new(&desk, "cora", &[(Role::Councillor, Some("adeyemi"))]).await;
        let own = format!("/my/{}", case.reference);
        assert!(cora.gets(&desk, &own).await.has("Not sent yet"));
        let page = desk.get(&path).await;
        assert!(desk.press(&page, &format!("{path}/accept"), &[]).await.location().ends_with("done=accepted"));
        for page in [cora.gets(&desk, &own).await, desk.get(&path).await] {
            assert!(page.has("On its way") && !page.has("Sent Friday"), "{}", page.body);
        }
        desk.pipeline.clock.advance(TimeDelta::minutes(20));
        let now = desk.pipeline.clock.now();
        let mut tx = desk.db().begin().await.unwrap();
        while let Some(mail) = store::outbox::claim(&mut tx, "test", now, TimeDelta::minutes(1)).await.unwrap() {
            assert!(store::outbox::complete(&mut tx, &mail.id, "test", &fate, now).await.unwrap());
        }
        tx.commit().await.unwrap();
        for page in [cora.gets(&desk, &own).await, desk.get(&path).await] {
            assert!(page.has(said) && !page.has("On its way"), "{said}: {}", page.body);
        }
    }
}

#[tokio::test]
async fn how_a_resident_is_reached_is_told_to_their_councillor_only_where_they_may_know_them() {
    let desk = Desk::open().await;
    let case = marked(&desk).await;
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(desk.press(&page, &format!("{path}/accept"), &[]).await.location().ends_with("done=accepted"));
    desk.pipeline.clock.advance(TimeDelta::minutes(20));
    desk.deliver().await;
    let cora = Person::new(&desk, "cora", &[(Role::Councillor, Some("adeyemi"))]).await;
    let own = format!("/my/{}", case.reference);
    for (consent, told) in [("share", true), ("councillor", true), ("neither", false)] {
        set(&desk, &case, |case| case.consent = consent.to_owned()).await;
        let page = cora.gets(&desk, &own).await;
        assert!(page.has("Acknowledgement to the resident"), "{consent}: {}", page.body);
        assert_eq!(page.has("Acknowledgement to the resident, by email"), told, "{consent}: {}", page.body);
        assert!(page.has("Case sent to the department, with the councillor in copy, by email"), "{consent}");
    }
}

#[tokio::test]
async fn a_councillor_who_signs_in_comes_to_their_own_cases() {
    let desk = Desk::closed().await;
    let cora = Person::new(&desk, "cora", &[(Role::Councillor, Some("adeyemi"))]).await;
    assert_eq!(cora.gets(&desk, "/").await.location(), "/my");
    let both = Person::new(&desk, "both", &[(Role::Councillor, Some("adeyemi")), (Role::Administrator, None)]).await;
    assert_eq!(both.gets(&desk, "/").await.location(), "/admin/people");
}

#[tokio::test]
async fn channels_say_what_fails_since_when_and_name_nobody() {
    let desk = Desk::open().await;
    let case = marked(&desk).await;
    let now = desk.pipeline.clock.now();
    let mut tx = desk.db().begin().await.unwrap();
    store::cursor::note_ok(&mut tx, "adeyemi", now - chrono::TimeDelta::hours(2)).await.unwrap();
    let why = "the server refused quillon@fenmail.example: wrong password";
    store::cursor::note_failure(&mut tx, "adeyemi", why, now).await.unwrap();
    tx.commit().await.unwrap();
    desk.take_in(b"").await;
    let page = desk.get("/admin/channels").await;
    assert!(page.has("Fails") && page.has("wrong password. It was last read Friday 13 March 2026"), "{}", page.body);
    assert!(!page.has("quillon") && !page.has(case.reference.as_str()), "{}", page.body);
    assert!(page.has("In quarantine: </span>1"), "{}", page.body);
}

#[tokio::test]
async fn open_cases_are_handed_over_on_a_page_that_names_no_resident() {
    let desk = Desk::open().await;
    let case = marked(&desk).await;
    let path = "/admin/hand-over";
    let page = desk.get(path).await;
    assert!(page.has("1 open case") && !page.has("quillon") && !page.has(case.reference.as_str()), "{}", page.body);
    let from = case.councillor.as_deref().unwrap();
    let other = desk.pipeline.house.council.councillors.iter().find(|c| c.id != from).unwrap().id.clone();
    for (fields, why) in [
        ([("from", ""), ("to", "*")], "Choose whose cases are handed over."),
        ([("from", "nobody"), ("to", "*")], "Choose whose cases are handed over."),
        ([("from", from), ("to", "nobody")], "Choose who gets them."),
        ([("from", from), ("to", from)], "Choose somebody else"),
        ([("from", "*"), ("to", from)], "can only go to the councillors of their wards"),
    ] {
        let answer = desk.press(&page, path, &fields).await;
        assert!(answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.has(why), "{why}: {}", answer.body);
        assert!(answer.has("<title>Error: "), "{}", answer.body);
    }
    let done = desk.press(&page, path, &[("from", from), ("to", &other)]).await;
    assert_eq!(done.location(), "/admin/hand-over?done=handed-over");
    assert_eq!(desk.case(&case.reference).await.councillor.as_deref(), Some(other.as_str()));
    let again = desk.press(&page, path, &[("from", &other), ("to", from)]).await;
    assert_eq!(again.location(), "/admin/hand-over?done=handed-over", "and back");
    let gil = Person::new(&desk, "gil", &[(Role::Gatekeeper, None)]).await;
    assert_eq!(
        gil.asks(&desk, Method::POST, path, &[("from", from), ("to", &other)]).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn models_are_told_to_who_administers_and_nobody_goes_back_from_what_is_not_at_work() {
    let desk = Desk::open().await;
    let page = desk.get("/admin/models").await;
    assert!(page.has("rules alone judge") && page.has("as it ships"), "{}", page.body);
    for path in ["/admin/models/back", "/admin/models/matcher/back"] {
        let answer = desk.press(&page, path, &[("from", "another")]).await;
        assert!(answer.status == StatusCode::CONFLICT && answer.has("Nothing was changed"), "{}", answer.body);
    }
    let gil = Person::new(&desk, "gil", &[(Role::Gatekeeper, None)]).await;
    let refused = gil.asks(&desk, Method::POST, "/admin/models/back", &[("from", "shipped")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!Grant { role: Role::Gatekeeper, councillor: None }.holds(Right::Administration));
}

#[tokio::test]
async fn no_page_shows_anything_of_a_resident_without_a_line_on_the_trail_for_each_time() {
    let desk = Desk::closed().await;
    let case = marked(&desk).await;
    desk.take_in(b"\r\n").await;
    let mut tx = desk.db().read().await.unwrap();
    let message = store::message::of_case(&mut tx, &case.id).await.unwrap().remove(0).id;
    drop(tx);
    let people = [
        ("gil", vec![(Role::Gatekeeper, None), (Role::Councillor, None), (Role::Administrator, None)]),
        ("gwen", vec![(Role::Gatekeeper, Some("adeyemi"))]),
        ("cora", vec![(Role::Councillor, Some("adeyemi"))]),
    ];
    let mut showing = std::collections::BTreeSet::new();
    for (name, roles) in people {
        let person = Person::new(&desk, name, &roles).await;
        for (path, _) in places::all() {
            let path = path
                .replace("{reference}", case.reference.as_str())
                .replace("{id}", message.as_str())
                .replace("{file}", "wards.csv")
                .replace("{position}", "0");
            for query in ["", "?ward=Abbey", "?councillor=adeyemi&show=every"] {
                let before = readings(&desk, name).await;
                let answer = person.gets(&desk, &format!("{path}{query}")).await;
                if answer.status == StatusCode::OK && MARKS.iter().any(|(_, marks)| shown(&answer.body, marks)) {
                    assert_eq!(readings(&desk, name).await, before + 1, "{name} {path}{query}");
                    showing.insert(path.clone());
                }
            }
        }
    }
    // The cases, one of them, the queue, a message of it, the original, and the councillor's lists with their CSVs.
    assert!(showing.len() >= 9, "{showing:?}");
}

/// How often somebody read something, by the trail.
async fn readings(desk: &Desk, who: &str) -> usize {
    let filter = store::audit::Filter { actor: Some(who.to_owned()), limit: 100_000, ..Default::default() };
    let mut tx = desk.db().read().await.unwrap();
    let rows = store::audit::list(&mut tx, &filter).await.unwrap();
    rows.iter().filter(|row| row.action.starts_with("read") || row.action == "export").count()
}
