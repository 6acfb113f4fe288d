//! Nothing lost: every message ends in one place, joins can be undone, what fails is seen.

use crate::house::{POTHOLE, letter, root};
use crate::story;
use beadle::casework::join::Grounds;
use beadle::core::{CaseId, CaseState, LinkId};
use beadle::store;
use std::collections::BTreeMap;

story!(every_message_taken_in_ends_in_exactly_one_place_and_the_counts_add_up, house, {
    let mut paths: Vec<_> =
        std::fs::read_dir(root().join("training-data/demo/mailbox")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let number = paths.len();
    for path in paths {
        house.takes_in_bytes("demo", &path.file_name().unwrap().to_string_lossy(), std::fs::read(&path).unwrap()).await;
    }
    house.takes_in_bytes("demo", "empty", Vec::new()).await;
    house.takes_in_bytes("demo", "noise", vec![0xff; 300]).await;
    house.works().await;
    let sums = house.accounts().await;
    assert_eq!(sums.received, number as i64 + 2);
    assert_eq!(sums.unaccounted, 0, "{sums:?}");
    assert_eq!(sums.quarantined, 2, "{sums:?}");
    assert!(sums.set_aside >= 6 && sums.new_cases >= 60 && sums.joined >= 8, "{sums:?}");
});

story!(what_cannot_be_parsed_is_in_quarantine_with_a_reason_and_can_be_replayed, house, {
    house.takes_in_bytes("nowak", "broken", b"\xff\xfe nothing like a mail".to_vec()).await;
    house.works().await;
    let mut tx = house.tx().await;
    let rows = store::inbox::quarantined(&mut tx).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].reason.as_deref().is_some_and(|r| r.len() > 10), "{:?}", rows[0].reason);
    assert_eq!(store::inbox::raw(&mut tx, &rows[0].id).await.unwrap().unwrap(), b"\xff\xfe nothing like a mail");
    assert!(store::inbox::replay(&mut tx, &rows[0].id, house.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(house.accounts().await.quarantined, 0);
    house.works().await;
    assert_eq!(house.accounts().await.quarantined, 1, "tried again, and still none");
});

story!(a_delivery_that_comes_twice_is_taken_in_once, house, {
    let mail = letter("ann@home.example", "one@home.example", "Pothole", POTHOLE).into_bytes();
    house.takes_in_bytes("nowak", "7", mail.clone()).await;
    house.takes_in_bytes("nowak", "7", mail).await;
    house.works().await;
    assert_eq!(house.accounts().await.received, 1);
});

story!(two_workers_never_hold_the_same_message, house, {
    for n in 0..20 {
        house.takes_in(letter("ann@home.example", &format!("{n}@home.example"), &format!("Hole {n}"), POTHOLE)).await;
    }
    let mut other = house.pipeline.clone();
    other.instance = "other".to_owned();
    loop {
        let (a, b) = tokio::join!(house.pipeline.step(3), other.step(3));
        if a.unwrap().is_idle() & b.unwrap().is_idle() {
            break;
        }
    }
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.unaccounted), (20, 0), "{sums:?}");
    assert_eq!(house.cases().await.len(), 20);
});

story!(a_duplicate_at_one_place_is_joined_and_both_reporters_are_told, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole Mill Lane", POTHOLE)).await;
    let same = "Deep pothole outside number 12 Mill Lane, my wheel was damaged by it.";
    house.receives(letter("bob@home.example", "two@home.example", "Pothole Mill Lane", same)).await;
    let (first, second) = (house.case(0).await, house.case(1).await);
    assert_eq!(second.state, CaseState::Joined, "{second:?}");
    let sent = house.sends().await;
    let referrals = sent.iter().filter(|m| m.contains("To: \"Highways\"") || m.contains("highways@")).count();
    assert_eq!(referrals, 1, "the department is told once");
    let told: Vec<_> = house.outgoing(&second.id).await;
    assert!(told[0].mail.0.body.contains(second.reference.as_str()));
    assert!(
        !told[0].mail.0.body.contains(first.reference.as_str()),
        "nobody gets the number of what they did not send"
    );
    let sums = house.accounts().await;
    assert_eq!((sums.new_cases, sums.joined), (1, 1));
});

type Snapshot = BTreeMap<String, (String, String, String, usize)>;

async fn snapshot(house: &crate::house::House) -> Snapshot {
    let mut all = BTreeMap::new();
    let mut tx = house.db.read().await.unwrap();
    for case in house.cases().await {
        let messages = store::message::of_case(&mut tx, &case.id).await.unwrap().len();
        let state = case.state.as_str().to_owned();
        all.insert(case.reference.to_string(), (state, case.service, case.department, messages));
    }
    all
}

story!(joining_two_cases_can_be_undone_and_loses_nothing, house, {
    house.set(|council| council.policy = beadle::routing::RoutingPolicy::default());
    for n in 0..6 {
        let words = format!("The street light column {n} in Signal Row is out, {}.", ["now", "again", "still"][n % 3]);
        house
            .receives(letter(
                &format!("p{n}@home.example"),
                &format!("{n}@home.example"),
                &format!("Light {n}"),
                &words,
            ))
            .await;
    }
    house.accepts(&house.case(0).await.id).await;
    let ids: Vec<CaseId> = house.cases().await.into_iter().map(|c| c.id).collect();
    let before = snapshot(house).await;
    // Every order in which a chain and a star of joins are made and taken apart again ends where it began.
    for (joins, undo_order) in [
        (vec![(1, 0), (2, 0), (3, 2)], vec![2, 1, 0]),
        (vec![(2, 1), (1, 0)], vec![0, 1]),
        (vec![(5, 4), (4, 3), (3, 0), (1, 5)], vec![1, 3, 0, 2]),
    ] {
        let mut links: Vec<LinkId> = Vec::new();
        for (child, parent) in joins {
            let grounds = Grounds { score: 1.0, why: "a story", actor: "administrator" };
            let (child, parent) = (&ids[child], &ids[parent]);
            links.push(house.desk(async |desk, tx| desk.join(tx, child, parent, grounds).await).await.unwrap());
            assert_eq!(house.accounts().await.unaccounted, 0);
        }
        assert_ne!(snapshot(house).await, before);
        for n in undo_order {
            let link = &links[n];
            house.desk(async |desk, tx| desk.undo(tx, link, "administrator").await).await.unwrap();
            assert_eq!(house.accounts().await.unaccounted, 0);
        }
        assert_eq!(snapshot(house).await, before);
        let again = &links[0];
        assert!(house.desk(async |desk, tx| desk.undo(tx, again, "administrator").await).await.is_err());
    }
});

story!(a_case_cannot_be_joined_to_itself_or_in_a_ring, house, {
    for n in 0..2 {
        let words = format!("The street light column {n} in Signal Row is out.");
        house.receives(letter("p@home.example", &format!("{n}@home.example"), &format!("Light {n}"), &words)).await;
    }
    let (a, b) = (house.case(0).await.id, house.case(1).await.id);
    let grounds = Grounds { score: 1.0, why: "a story", actor: "administrator" };
    assert!(house.desk(async |desk, tx| desk.join(tx, &a, &a, grounds).await).await.is_err());
    house.desk(async |desk, tx| desk.join(tx, &b, &a, grounds).await).await.unwrap();
    assert!(house.desk(async |desk, tx| desk.join(tx, &a, &b, grounds).await).await.is_err(), "that would be a ring");
});

story!(undoing_a_join_leaves_what_waited_before_it, house, {
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", POTHOLE)).await;
    let forged =
        letter("bob@home.example", "two@home.example", "Lamp", "The street light column 3 in Signal Row is out.")
            .replace("dmarc=pass", "dmarc=fail");
    house.receives(forged).await;
    let (first, second) = (house.case(0).await.id, house.case(1).await.id);
    let held = |outgoing: Vec<store::outbox::Outgoing>| outgoing.into_iter().filter(|o| o.status == "held").count();
    assert_eq!(held(house.outgoing(&second).await), 1, "its acknowledgement waits, since the sender is not verified");
    house.clock.advance(chrono::TimeDelta::minutes(1));
    let grounds = Grounds { score: 1.0, why: "a story", actor: "administrator" };
    let link = house.desk(async |desk, tx| desk.join(tx, &second, &first, grounds).await).await.unwrap();
    house.desk(async |desk, tx| desk.undo(tx, &link, "administrator").await).await.unwrap();
    assert_eq!(held(house.outgoing(&second).await), 1, "and still waits");
});

#[tokio::test]
async fn two_opposite_joins_at_one_time_make_no_ring_and_an_accept_is_not_taken_back() {
    let house = crate::house::House::new(crate::house::Kind::Postgres).await;
    for n in 0..2 {
        let words = format!("The street light column {n} in Signal Row is out.");
        house.receives(letter("p@home.example", &format!("{n}@home.example"), &format!("Light {n}"), &words)).await;
    }
    let (a, b) = (house.case(0).await.id, house.case(1).await.id);
    let grounds = Grounds { score: 1.0, why: "a story", actor: "administrator" };
    let (one, two) = tokio::join!(
        house.desk(async |desk, tx| desk.join(tx, &a, &b, grounds).await),
        house.desk(async |desk, tx| desk.join(tx, &b, &a, grounds).await),
    );
    assert!(one.is_ok() != two.is_ok(), "one of them: {one:?} {two:?}");
    assert_eq!(house.accounts().await.unaccounted, 0);
}
