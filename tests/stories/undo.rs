//! Whatever a gatekeeper decides is taken back whole as long as nothing of it has left, on both databases.

use crate::house::{House, POTHOLE, letter};
use crate::story;
use beadle::casework::join::Grounds;
use beadle::core::{CaseId, CaseState, Mode, Priority, UndoId};
use beadle::desk::undo::PRIVATE;
use beadle::desk::{Change, Desk, DeskError};
use beadle::routing::consent::Consent;
use beadle::store::case::Case;
use beadle::store::link::LinkKind;
use beadle::store::{self, Tx, args};
use chrono::TimeDelta;

const WHO: &str = "gatekeeper";
const DELAY: TimeDelta = TimeDelta::seconds(20);

/// Everything that a decision could change, one line a thing; what was cancelled and never left is as if it had not been.
async fn all(house: &House) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tx = house.tx().await;
    for case in house.cases().await {
        lines.push(format!("{case:?}"));
        for link in store::link::standing(&mut tx, &case.id).await.unwrap() {
            lines.push(format!("{:?} {} {}", link.kind, link.child, link.parent));
        }
        for stands in store::undo::outgoing_of(&mut tx, &case.id).await.unwrap() {
            if stands.status != "cancelled" {
                lines.push(format!("{stands:?}"));
            }
        }
        for meaning in store::undo::meanings_of(&mut tx, &case.id).await.unwrap() {
            lines.push(format!("{meaning:?}"));
        }
        lines.push(format!("spam: {}", store::case::is_spam(&mut tx, &case.id).await.unwrap()));
    }
    let keys: Vec<(String,)> =
        tx.all("SELECT idempotency_key FROM outbox WHERE status <> 'cancelled' ORDER BY 1", args![]).await.unwrap();
    lines.extend(keys.into_iter().map(|(key,)| key));
    lines
}

/// A gatekeeper decides something of some cases, as the portal does it.
async fn decides(
    house: &House,
    kind: &str,
    cases: &[CaseId],
    act: impl AsyncFnOnce(&Desk<'_>, &mut Tx) -> Result<(), DeskError>,
) -> UndoId {
    let kept = house.desk(async |desk, tx| {
        let before = desk.remember(tx, cases).await?;
        act(&desk, tx).await?;
        Ok::<_, DeskError>(desk.keep(tx, before, (kind, &cases[0]), WHO, DELAY).await?)
    });
    kept.await.expect("decided").id
}

async fn takes_back(house: &House, id: &UndoId) -> Result<Case, DeskError> {
    house.desk(async |desk, tx| desk.take_back(tx, id, WHO).await).await.map(|taken| taken.case)
}

/// Two reports of one pothole, a worry, and a case that is with its department; nothing leaves by itself.
async fn cases(house: &mut House) -> Vec<Case> {
    house.set(|house| {
        house.policy.mode = Mode::Suggest;
        house.policy.join_above = 2.0;
    });
    house.receives(letter("ann@home.example", "1@h.example", "Pothole", POTHOLE)).await;
    house.receives(letter("bob@home.example", "2@h.example", "Pothole again", &format!("Hello. {POTHOLE}"))).await;
    let worry = "My neighbour says he wants to kill himself and I am frightened for him.";
    house.receives(letter("dan@home.example", "3@h.example", "My neighbour", worry)).await;
    house.receives(letter("eve@home.example", "4@h.example", "Lamp", "The street light in Signal Row is out")).await;
    let cases = house.cases().await;
    house.accepts(&cases[3].id).await;
    house.cases().await
}

story!(each_decision_is_taken_back_whole, house, {
    let cases = cases(house).await;
    let ids: Vec<CaseId> = cases.iter().map(|case| case.id.clone()).collect();
    let (first, second, held, routed) = (&ids[0], &ids[1], &ids[2], &ids[3]);
    // What it means is kept beside a message; without an encoder nothing is.
    let mut tx = house.tx().await;
    let embedding: Vec<u8> = (0..384_u32).flat_map(|n| (n as f32).to_le_bytes()).collect();
    let set = "UPDATE messages SET embedding = $1, encoder = 'e' WHERE case_id = $2";
    tx.exec(set, args![embedding, first]).await.unwrap();
    tx.commit().await.unwrap();
    let sent = house.sends().await.len();
    let before = all(house).await;
    let one = std::slice::from_ref(first);
    for kind in ["accept", "change", "spam", "hold", "ask", PRIVATE] {
        let undo = decides(house, kind, one, async |desk, tx| match kind {
            "accept" => desk.accept(tx, first, WHO).await,
            "change" => {
                let change = Change {
                    service: Some("street_lighting".to_owned()),
                    department: None,
                    priority: Some(Priority::Urgent),
                    place: None,
                };
                desk.change(tx, first, &change, &house.pipeline.house.calendar, WHO).await?;
                desk.accept(tx, first, WHO).await
            }
            "spam" => desk.spam(tx, first, WHO).await,
            "hold" => desk.hold(tx, first, "the manager decides", WHO).await,
            "ask" => desk.ask(tx, first, "Which side of the road?", WHO).await.map(|_| ()),
            _ => desk.set_consent(tx, first, Consent::Private, WHO).await.map(|_| ()),
        });
        let undo = undo.await;
        assert_ne!(all(house).await, before, "{kind} changes something");
        assert_eq!(house.sends().await.len(), sent, "{kind} waits for its moment");
        takes_back(house, &undo).await.unwrap();
        assert_eq!(all(house).await, before, "{kind}");
        let again = takes_back(house, &undo).await;
        assert!(matches!(again, Err(DeskError::NotNow(why)) if why.contains("already")), "{kind}");
    }
    let undo = decides(house, "accept", std::slice::from_ref(held), async |desk, tx| desk.accept(tx, held, WHO).await);
    takes_back(house, &undo.await).await.unwrap();
    assert_eq!(all(house).await, before, "held");
    // Joined to a case that waits, and to one that is with its department and answers at once.
    for parent in [first, routed] {
        let both = [second.clone(), parent.clone()];
        let undo = decides(house, "join", &both, async |desk, tx| {
            let grounds = Grounds { score: 0.5, why: "the same", actor: WHO };
            desk.join(tx, second, parent, grounds).await.map(|_| ())
        });
        let undo = undo.await;
        assert_eq!(house.case(1).await.state, CaseState::Joined);
        takes_back(house, &undo).await.unwrap();
        assert_eq!(all(house).await, before, "join");
    }
    let mut tx = house.tx().await;
    let maybe = store::link::standing(&mut tx, second).await.unwrap();
    assert!(maybe.iter().any(|link| link.kind == LinkKind::Maybe), "what was suggested is suggested again: {maybe:?}");
    assert!(store::pair::decided(&mut tx, "beadle", 10).await.unwrap().is_empty(), "and nothing is learned from it");
    assert!(store::correction::newest(&mut tx, "beadle", 10).await.unwrap().iter().all(|c| c.case_id == *routed));
});

story!(what_has_left_or_was_decided_since_stays, house, {
    let cases = cases(house).await;
    let (first, second) = (&cases[0].id, &cases[1].id);
    let one = std::slice::from_ref(first);
    house.sends().await;
    let left = decides(house, "accept", one, async |desk, tx| desk.accept(tx, first, WHO).await).await;
    house.clock.advance(DELAY);
    let before = house.sends().await.len();
    assert!(before >= 2);
    let refused = takes_back(house, &left).await;
    assert!(matches!(refused, Err(DeskError::NotNow(why)) if why.contains("has left already")));
    assert_eq!(house.case(0).await.state, CaseState::Routed, "nothing is half done");
    let mut tx = house.tx().await;
    assert!(store::undo::get(&mut tx, &left).await.unwrap().unwrap().undone_at.is_none());
    drop(tx);
    // Somebody else decided in between.
    let change = Change { service: None, department: None, priority: Some(Priority::Urgent), place: None };
    let one = std::slice::from_ref(second);
    let held = decides(house, "hold", one, async |desk, tx| desk.hold(tx, second, "wait", WHO).await).await;
    let calendar = &house.pipeline.house.calendar;
    house.desk(async |desk, tx| desk.change(tx, second, &change, calendar, "other").await).await.unwrap();
    let refused = takes_back(house, &held).await;
    assert!(matches!(refused, Err(DeskError::NotNow(why)) if why.contains("decided about this case since")));
    assert_eq!(house.case(1).await.state, CaseState::Held);
});

story!(what_was_made_private_is_forgotten_soon, house, {
    let cases = cases(house).await;
    let first = &cases[0].id;
    let private =
        async |desk: &Desk<'_>, tx: &mut Tx| desk.set_consent(tx, first, Consent::Private, WHO).await.map(|_| ());
    let undo = decides(house, PRIVATE, std::slice::from_ref(first), private).await;
    house.clock.advance(TimeDelta::minutes(11));
    let held = &cases[1].id;
    decides(house, "hold", std::slice::from_ref(held), async |desk, tx| desk.hold(tx, held, "wait", WHO).await).await;
    let mut tx = house.tx().await;
    let kept = store::undo::get(&mut tx, &undo).await.unwrap().unwrap();
    assert_eq!(kept.changed.0, serde_json::json!({}));
    drop(tx);
    let refused = takes_back(house, &undo).await;
    assert!(matches!(refused, Err(DeskError::NotNow(why)) if why.contains("too long ago")));
});
