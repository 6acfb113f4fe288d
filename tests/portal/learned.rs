//! What was learned.

use crate::desk::Desk;
use beadle::store;
use beadle::store::lesson::{Lesson, OfService};
use beadle::store::matcher_lesson::MatcherLesson;
use chrono::TimeDelta;
use sqlx::types::Json;

/// What a lesson left behind, as the teacher writes it.
fn lesson(desk: &Desk, promoted: bool, model: &str) -> Lesson {
    let of = |corrections, held_back, right_before, right_after| OfService {
        corrections,
        held_back,
        right_before,
        right_after,
    };
    let services = [("street_lighting", of(100, 20, 15, 14)), ("trees", of(43, 11, 7, 12))];
    let now = desk.pipeline.clock.now();
    Lesson {
        corrections: 143,
        held_back: 31,
        right_before: 22,
        right_after: 26,
        promoted,
        why: if promoted { "it gets more of the held-back decisions right" } else { "it was no better" }.to_owned(),
        services: Json(services.map(|(service, of)| (service.to_owned(), of)).into()),
        decided_until: Some(now),
        ..Lesson::new(&desk.pipeline.ids, "learned", "beadle", ("0a1b2c", model), now)
    }
}

#[tokio::test]
async fn what_was_learned_is_told_in_plain_words_and_on_the_cases_it_was_learned_from() {
    let desk = Desk::open().await;
    let page = desk.get("/learned").await;
    assert!(page.has("Nothing yet.") && page.has("<h1 class=\"govuk-heading-l\">What was learned"), "{}", page.body);
    // One case in five is held back; here it has to be one that is not.
    let mut writers = 0;
    let (path, teaches) = loop {
        writers += 1;
        let from = format!("Derek Hollis <derek{writers}@fenmail.example>");
        let case = desk.mail(&from, "Pothole", "There is a deep pothole by the dry cleaners. Please fill it.").await;
        let path = format!("/cases/{}", case.reference);
        let fields = [("service", "trees"), ("department", ""), ("priority", "normal"), ("then", "accept")];
        let answer = desk.press(&desk.get(&path).await, &format!("{path}/change"), &fields).await;
        assert!(answer.location().ends_with("done=changed-accepted"), "{}", answer.body);
        let mut tx = desk.db().read().await.unwrap();
        let teaches = store::correction::of_case(&mut tx, "beadle", &case.id).await.unwrap().unwrap();
        assert_eq!((teaches.service.as_str(), teaches.actor.as_str()), ("trees", "administrator"));
        let line = desk.get(&path).await;
        if !teaches.is_held_back() {
            assert!(line.has("Will be learned from at the next lesson"), "{}", line.body);
            break (path, teaches);
        }
        assert!(line.has("Held back: models are compared by it"), "{}", line.body);
    };
    assert!(teaches.decided_at <= desk.pipeline.clock.now());
    let write = async |lesson: &Lesson| {
        let mut tx = desk.db().begin().await.unwrap();
        store::lesson::insert(&mut tx, lesson).await.unwrap();
        if lesson.promoted {
            store::lesson::put_in_force(&mut tx, &lesson.model_after).await.unwrap();
        }
        tx.commit().await.unwrap();
        desk.pipeline.clock.advance(TimeDelta::minutes(1));
    };
    write(&lesson(&desk, false, "111aaa")).await;
    assert!(desk.get(&path).await.has("in a model that was no better and is not used"));
    write(&lesson(&desk, true, "222bbb")).await;
    assert!(desk.get(&path).await.has("Learned from in model 222bbb on 13 March 2026"));
    let page = desk.get("/learned").await;
    let said = "On 13 March 2026 beadle learned from 143 corrections; of 31 decisions held back to compare with it now gets 26 right, \
                before 22. It is in use.";
    assert!(page.has(said), "{}", page.body);
    assert!(page.has("It is not used, because it was no better."), "{}", page.body);
    let (trees, lights) = (page.body.find("Trees").unwrap(), page.body.find("Street lighting").unwrap());
    assert!(trees < lights && page.has("Gained") && page.has("Lost"), "what changed most stands first");
    let back = Lesson {
        promoted: true,
        ..Lesson::new(&desk.pipeline.ids, "back", "operator", ("222bbb", "0a1b2c"), desk.pipeline.clock.now())
    };
    let mut tx = desk.db().begin().await.unwrap();
    store::lesson::insert(&mut tx, &back).await.unwrap();
    store::lesson::put_in_force(&mut tx, store::lesson::SHIPPED).await.unwrap();
    tx.commit().await.unwrap();
    let page = desk.get("/learned").await;
    assert!(page.has("model 0a1b2c was put to work again, instead of 222bbb"), "{}", page.body);
    assert!(page.has("another one has taken its place since") && !page.has("It is in use."), "{}", page.body);
}

#[tokio::test]
async fn what_joins_taught_is_told_in_words_and_figures() {
    let desk = Desk::open().await;
    assert!(desk.get("/learned").await.has("as it ships."));
    let write = async |lesson: &MatcherLesson, in_force: &str| {
        let mut tx = desk.db().begin().await.unwrap();
        store::matcher_lesson::insert(&mut tx, lesson).await.unwrap();
        store::matcher_lesson::put_in_force(&mut tx, in_force).await.unwrap();
        tx.commit().await.unwrap();
        desk.pipeline.clock.advance(TimeDelta::minutes(1));
    };
    let ids = &desk.pipeline.ids;
    let of = |kind: &str, versions| MatcherLesson::new(ids, kind, "beadle", versions, desk.pipeline.clock.now());
    let learned = MatcherLesson {
        same: 24,
        different: 19,
        held_back: 11,
        ap_before: 0.844,
        ap_after: 0.91,
        precision_after: Some(1.0),
        recall_after: 0.375,
        promoted: true,
        why: "it tells the pairs held back better apart".to_owned(),
        ..of("learned", ("0a1b2c", "333ccc"))
    };
    write(&learned, "333ccc").await;
    let page = desk.get("/learned").await;
    let said = "from 43 pairs of cases that people joined or kept apart, 24 of them one problem and 19 two. Tried on 11 pairs held back \
                to compare with, it tells them apart with an average precision of 0.91, before 0.84. Of those that are one problem it \
                would join without a person 38%, of which over 99% rightly; before none. It is in use.";
    assert!(page.has(said), "{}", page.body);
    assert!(page.has("matcher 333ccc is to follow"), "this process has not followed yet");
    let why = "of what it would join by itself more would be wrong";
    let worse = MatcherLesson { promoted: false, why: why.to_owned(), ..of("learned", ("333ccc", "444ddd")) };
    write(&worse, "333ccc").await;
    write(&MatcherLesson { promoted: true, ..of("back", ("333ccc", "0a1b2c")) }, "shipped").await;
    let page = desk.get("/learned").await;
    assert!(page.has(&format!("It is not used, because {why}.")), "{}", page.body);
    assert!(page.has("matcher 0a1b2c was put to work again, instead of 333ccc"), "{}", page.body);
    assert!(page.has("another one has taken its place since") && !page.has("It is in use."), "{}", page.body);
}
