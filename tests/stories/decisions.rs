//! Every decision is kept with its evidence, and can be taken again from it.

use crate::house::{letter, root};
use crate::story;
use beadle::core::{Disposition, Verdict};
use beadle::routing::{self, RoutingPolicy};
use beadle::store;
use beadle::understanding::Question;

story!(every_decision_can_be_replayed_from_what_was_stored_with_it, house, {
    let mut paths: Vec<_> =
        std::fs::read_dir(root().join("training-data/demo/mailbox")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().take(40) {
        house.takes_in_bytes("demo", &path.file_name().unwrap().to_string_lossy(), std::fs::read(path).unwrap()).await;
    }
    house.works().await;
    let mut tx = house.db.read().await.unwrap();
    let triages = store::decision::triages(&mut tx).await.unwrap();
    assert!(triages.len() > 20);
    let rules = house.pipeline.understanding.rules();
    for decision in triages {
        let (decided, evidence) = (&decision.decided.0, &decision.evidence.0);
        let stored: Verdict = serde_json::from_value(evidence["verdict"].clone()).unwrap();
        let policy: RoutingPolicy = serde_json::from_value(evidence["policy"].clone()).unwrap();
        assert_eq!(evidence["rules"], rules.version.as_str(), "the version that took part is named");
        let question: Question = serde_json::from_value(evidence["question"].clone()).unwrap();
        let again = house.pipeline.understanding.judge(&[question]).await.remove(0);
        assert_eq!(again, stored, "the same words give the same verdict");
        let department = routing::department_for(&rules.taxonomy, &again.service, again.ward());
        assert_eq!(decided["department"], department);
        let (disposition, _) = routing::dispose(&again, &rules.taxonomy, department, &policy);
        let was: Disposition = serde_json::from_value(decided["disposition"].clone()).unwrap();
        assert_eq!(disposition, was, "and the same decision");
    }
});

story!(a_changed_rule_is_used_from_the_next_message_on_and_the_old_decision_keeps_its_version, house, {
    house.receives(letter("ann@home.example", "1@h.example", "Pothole", crate::house::POTHOLE)).await;
    let old = house.pipeline.understanding.rules().version.clone();
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("rules"), folder.path());
    let file = folder.path().join("services.toml");
    let changed = std::fs::read_to_string(&file).unwrap() + "\n# a remark\n";
    std::fs::write(&file, changed).unwrap();
    house.pipeline.understanding.replace_rules(beadle::understanding::rules::Rules::load(folder.path()).unwrap());
    house.receives(letter("bob@home.example", "2@h.example", "Lamp", "The street light in Signal Row is out")).await;
    let mut tx = house.db.read().await.unwrap();
    let versions: Vec<String> = store::decision::triages(&mut tx)
        .await
        .unwrap()
        .iter()
        .map(|d| d.evidence.0["rules"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(versions[0], old);
    assert_ne!(versions[1], old);
});

story!(the_rules_that_a_decision_was_taken_by_are_kept_and_are_the_same_again, house, {
    house.receives(letter("ann@home.example", "1@h.example", "Pothole", crate::house::POTHOLE)).await;
    let mut tx = house.db.read().await.unwrap();
    let decision = store::decision::triages(&mut tx).await.unwrap().remove(0);
    let version = decision.evidence.0["rules"].as_str().unwrap().to_owned();
    let kept = store::rule_version::set(&mut tx, &version).await.unwrap().expect("they are kept");
    drop(tx);
    let source: beadle::understanding::rules::Source = serde_json::from_value(kept).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in &source.files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let again = beadle::understanding::rules::Rules::load_untried(folder.path()).unwrap();
    assert_eq!(again.version, version);
    let now = house.pipeline.understanding.rules();
    assert_eq!((again.len(), again.taxonomy.services.len()), (now.len(), now.taxonomy.services.len()));
    let mut tx = house.db.read().await.unwrap();
    assert!(store::rule_version::set(&mut tx, "000000000000").await.unwrap().is_none());
});

pub fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).map(|_| ()).unwrap()
        }
    }
}
