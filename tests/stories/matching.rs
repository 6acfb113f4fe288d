//! Which open case a message belongs to: what is found, what is offered, and that it is found again after whatever happens to cases.

use crate::house::{House, letter};
use crate::story;
use beadle::casework::search;
use beadle::core::{CaseState, Mode, Reference};
use beadle::store::link::LinkKind;
use beadle::store::{self, args};
use chrono::TimeDelta;

fn pothole(number: usize, words: &str) -> String {
    letter(&format!("r{number}@home.example"), &format!("{number}@home.example"), "Pothole", words)
}

/// The cases that are offered beside a case, likeliest first.
async fn offered(house: &House, number: usize) -> Vec<Reference> {
    let case = house.case(number).await;
    let mut tx = house.db.read().await.unwrap();
    let mut links = store::link::standing(&mut tx, &case.id).await.unwrap();
    links.retain(|link| link.kind == LinkKind::Maybe && link.child == case.id);
    links.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut found = Vec::new();
    for link in links {
        found.push(store::case::get(&mut tx, &link.parent).await.unwrap().unwrap().reference);
    }
    found
}

const WORDS: &str = "There is a deep pothole outside the shop at ZM1 1AE, it damaged my wheel";

story!(five_open_cases_at_most_are_offered_likeliest_first, house, {
    house.set(|council| council.policy.mode = Mode::Suggest);
    for number in 0..8 {
        house.receives(pothole(number, &format!("{WORDS}. {number} cars were hit."))).await;
        house.clock.advance(TimeDelta::hours(3));
    }
    let offers = offered(house, 7).await;
    assert!((2..=5).contains(&offers.len()), "{offers:?}");
    assert_eq!(offered(house, 0).await.len(), 0, "the first one knows of none");
});

story!(a_closed_or_joined_case_is_not_offered_and_one_that_stands_again_is, house, {
    house.set(|council| council.policy.mode = Mode::Suggest);
    house.receives(pothole(0, WORDS)).await;
    let first = house.case(0).await;
    house.clock.advance(TimeDelta::hours(5));
    house.receives(pothole(1, "Deep pothole outside the shop at ZM1 1AE, wheel damaged")).await;
    assert_eq!(offered(house, 1).await, std::slice::from_ref(&first.reference));
    let second = house.case(1).await;
    let grounds = beadle::casework::join::Grounds { score: 1.0, why: "the same", actor: "administrator" };
    let link = house.desk(async |desk, tx| desk.join(tx, &first.id, &second.id, grounds).await).await.unwrap();
    house.clock.advance(TimeDelta::hours(5));
    house.receives(pothole(2, "Pothole at ZM1 1AE, deep, damaged the wheel of my car")).await;
    assert_eq!(
        offered(house, 2).await,
        std::slice::from_ref(&second.reference),
        "the joined one is found by the case it is part of"
    );
    house.desk(async |desk, tx| desk.undo(tx, &link, "administrator").await).await.unwrap();
    house.clock.advance(TimeDelta::hours(5));
    house.receives(pothole(3, "The deep pothole at ZM1 1AE damaged my wheel")).await;
    let offers = offered(house, 3).await;
    assert!(offers.contains(&first.reference) && offers.contains(&second.reference), "{offers:?}");
});

story!(a_case_that_was_moved_is_found_at_its_new_place, house, {
    house.set(|council| council.policy.mode = Mode::Suggest);
    house.receives(pothole(0, "Deep pothole at ZM1 2ED, it damaged my wheel")).await;
    let (first, mut elsewhere) = (house.case(0).await, house.case(0).await);
    house.receives(pothole(1, WORDS)).await;
    assert!(offered(house, 1).await.is_empty(), "another street");
    elsewhere.place = house.case(1).await.place;
    assert!(elsewhere.place.is_some());
    let mut tx = house.tx().await;
    store::case::update(&mut tx, &elsewhere, house.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    house.clock.advance(TimeDelta::hours(5));
    house.receives(pothole(2, "deep pothole, at the shop at ZM1 1AE, my wheel is damaged")).await;
    assert!(offered(house, 2).await.contains(&first.reference));
});

story!(what_cases_are_found_by_can_be_worked_out_anew, house, {
    house.set(|council| council.policy.mode = Mode::Suggest);
    house.receives(pothole(0, WORDS)).await;
    let mut tx = house.tx().await;
    for statement in
        ["UPDATE cases SET square = NULL, lat = NULL, lon = NULL, sketch = NULL, indexed = 0", "DELETE FROM case_bands"]
    {
        tx.exec(statement, args![]).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(search::keep_all(&house.db, None, 100).await.unwrap(), 1);
    assert_eq!(search::keep_all(&house.db, None, 100).await.unwrap(), 0, "once");
    let mut tx = house.db.read().await.unwrap();
    assert_eq!(tx.count("SELECT COUNT(*) FROM cases WHERE square IS NOT NULL", args![]).await.unwrap(), 1);
    drop(tx);
    house.clock.advance(TimeDelta::hours(5));
    house.receives(pothole(1, "Deep pothole outside the shop at ZM1 1AE, wheel damaged")).await;
    assert_eq!(offered(house, 1).await, [house.case(0).await.reference]);
});

/// A case that was with the department and is closed.
async fn closed(house: &House) {
    house.receives(pothole(0, WORDS)).await;
    let first = house.case(0).await;
    house.accepts(&first.id).await;
    let ending = beadle::outbox::closing::Ending { done: true, words: "" };
    house.desk(async |desk, tx| desk.close(tx, &first.id, ending, "administrator").await).await.unwrap();
    house.clock.advance(TimeDelta::days(3));
}

const SAME: &str = "There is a deep pothole outside the shop at ZM1 1AE, it damaged my wheel badly";

story!(a_report_after_closure_opens_a_new_case_that_names_the_closed_one, house, {
    house.set(|council| council.policy.mode = Mode::Suggest);
    closed(house).await;
    house.receives(pothole(1, SAME)).await;
    let (first, case) = (house.case(0).await, house.case(1).await);
    let mut tx = house.db.read().await.unwrap();
    let links = store::link::standing(&mut tx, &case.id).await.unwrap();
    let said: Vec<_> = links.iter().map(|link| (link.kind, link.parent.clone())).collect();
    assert_eq!(said, [(LinkKind::Again, first.id.clone())]);
    assert_eq!((first.state, case.state), (CaseState::Closed, CaseState::Review));
});

story!(a_report_long_after_closure_is_a_problem_of_its_own, house, {
    house.set(|council| council.policy.mode = Mode::Suggest);
    closed(house).await;
    house.clock.advance(TimeDelta::days(30));
    house.receives(pothole(1, SAME)).await;
    let mut tx = house.db.read().await.unwrap();
    assert!(store::link::standing(&mut tx, &house.case(1).await.id).await.unwrap().is_empty());
});

story!(where_the_rule_says_so_a_report_after_closure_opens_the_case_again, house, {
    house.set(|council| council.policy.mode = Mode::Suggest);
    let folder = tempfile::tempdir().unwrap();
    crate::decisions::copy(&crate::house::root().join("rules"), folder.path());
    let file = folder.path().join("services.toml");
    let rules = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, rules.replace("working_days =", "after_closing = \"reopen\"\nworking_days =")).unwrap();
    house.pipeline.understanding.replace_rules(beadle::understanding::rules::Rules::load(folder.path()).unwrap());
    closed(house).await;
    house.receives(pothole(1, SAME)).await;
    let case = house.case(1).await;
    let mut tx = house.tx().await;
    let links = store::link::standing(&mut tx, &case.id).await.unwrap();
    assert_eq!(links.iter().map(|link| link.kind).collect::<Vec<_>>(), [LinkKind::Maybe], "a person decides");
    drop(tx);
    let grounds = beadle::casework::join::Grounds { score: 1.0, why: "the same", actor: "administrator" };
    let first = house.case(0).await;
    house.desk(async |desk, tx| desk.join(tx, &case.id, &first.id, grounds).await).await.unwrap();
    let first = house.case(0).await;
    assert_eq!((first.state, first.closed_at), (CaseState::Routed, None), "it is with its department again");
    assert!(first.attention.is_some());
});

story!(places_where_the_same_comes_up_again_and_again_are_seen, house, {
    house.set(|council| council.policy.mode = Mode::Suggest);
    for number in 0..3 {
        house.receives(pothole(number, WORDS)).await;
        house.clock.advance(TimeDelta::days(20));
    }
    let mut tx = house.db.read().await.unwrap();
    let found = store::near::patterns(&mut tx, house.clock.now() - TimeDelta::days(365), 3, 10).await.unwrap();
    assert_eq!(
        found.iter().map(|p| (p.service.as_str(), p.cases)).collect::<Vec<_>>(),
        [("potholes_and_road_surface", 3)]
    );
    let case = house.case(2).await;
    let spot = case.place.unwrap().0.spot().unwrap();
    let around = store::near::around(&mut tx, spot, house.clock.now() - TimeDelta::days(365)).await.unwrap();
    assert_eq!(around.len(), 3);
});
