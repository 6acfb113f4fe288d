//! What is kept of a resident is given out and erased as they ask for it, and erased once it has been kept for long enough, on both databases.

use crate::house::{House, Kind, POTHOLE, letter, root};
use crate::story;
use beadle::casework::join::Grounds;
use beadle::core::{CaseState, ContactId, Ids, NoteKind};
use beadle::desk::personal::{self, Erasing};
use beadle::desk::retention::{self, Erased, Retention};
use beadle::outbox::closing::Ending;
use beadle::store::case::Case;
use beadle::store::note::NewNote;
use beadle::store::{self, args, erasure};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::process::{Command, Output};

const WHO: &str = "operator";
const DONE: Ending<'_> = Ending { done: true, words: "Mended on Monday." };

/// A mail of somebody with a file, and words that nobody else writes.
fn with_a_file(from: &str, name: &str, id: &str, words: &str) -> String {
    letter(from, id, "Zebra pothole", "x").replace("Ann Smith", name).replace(
        "Content-Type: text/plain; charset=utf-8\n\nx\n",
        &format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n{words}\n--b\nContent-Type: image/png; name=zebra.png\n\
             Content-Disposition: attachment; filename=zebra.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n"
        ),
    )
}

/// Everything that stands in a database, as text: table, and what it holds.
async fn everything(house: &House) -> BTreeMap<String, String> {
    // A test is over before it is much.
    let sql = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let mut tx = house.tx().await;
    let sqlite = house.db.kind() == "sqlite";
    let tables: Vec<(String,)> = tx
        .all(
            sql(if sqlite {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'".to_owned()
            } else {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public'"
                    .to_owned()
            }),
            args![],
        )
        .await
        .unwrap();
    let mut found = BTreeMap::new();
    // The rules that ship are nobody's words.
    for (table,) in tables.into_iter().filter(|(table,)| table != "_sqlx_migrations" && table != "rule_sets") {
        let columns: Vec<(String, String)> = tx
            .all(
                sql(if sqlite {
                    format!("SELECT name, type FROM pragma_table_info('{table}')")
                } else {
                    format!(
                        "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns
                         WHERE table_schema = 'public' AND table_name = '{table}'"
                    )
                }),
                args![],
            )
            .await
            .unwrap();
        let (bytes, texts): (Vec<_>, Vec<_>) =
            columns.into_iter().partition(|(_, kind)| kind.eq_ignore_ascii_case("bytea"));
        let read = |(column, kind): &(String, String)| match (sqlite, kind.as_str()) {
            (true, "JSONB") => format!("COALESCE(json({column}), '')"),
            _ => format!("COALESCE(CAST({column} AS TEXT), '')"),
        };
        let all = texts.iter().map(read).collect::<Vec<_>>().join(" || ' ' || ");
        let rows: Vec<(String,)> = tx.all(sql(format!("SELECT {all} FROM {table}")), args![]).await.unwrap();
        let mut text: String = rows.into_iter().map(|row| row.0 + "\n").collect();
        for (column, _) in bytes {
            let rows: Vec<(Option<Vec<u8>>,)> =
                tx.all(sql(format!("SELECT {column} FROM {table}")), args![]).await.unwrap();
            rows.into_iter().flat_map(|row| row.0).for_each(|bytes| text += &(String::from_utf8_lossy(&bytes) + "\n"));
        }
        found.insert(table, text);
    }
    assert!(found.len() > 40, "{:?}", found.keys());
    found
}

/// The tables in which one of these words stands, whatever its case.
async fn with(house: &House, words: &[&str]) -> Vec<String> {
    let all = everything(house).await;
    let has = |text: &str| words.iter().any(|word| text.to_lowercase().contains(&word.to_lowercase()));
    all.into_iter().filter(|(_, text)| has(text)).map(|(table, _)| table).collect()
}

async fn whose(house: &House, address: &str) -> Vec<ContactId> {
    erasure::whose(&mut house.tx().await, None, address).await.unwrap()
}

/// Ann's case, to which Bob's is joined, with everything there can be about it; it is with its department.
async fn reported(house: &House) -> (Case, Case) {
    let words = format!("{POTHOLE} It is by the zebra crossing. Ring me on 01632 960 983.");
    house.receives(with_a_file("ann@home.example", "Ann Smith", "one@home.example", &words)).await;
    house.sends().await;
    let bobs = letter("bob@other.example", "two@other.example", "Pothole", POTHOLE).replace("Ann Smith", "Bob Jones");
    house.receives(bobs).await;
    let (ann, bob) = (house.case(0).await, house.case(1).await);
    if bob.state != CaseState::Joined {
        house
            .desk(async |desk, tx| {
                desk.join(tx, &bob.id, &ann.id, Grounds { score: 0.5, why: "the same hole", actor: WHO }).await
            })
            .await
            .unwrap();
    }
    let more = letter("ann@home.example", "three@home.example", "Re: Zebra pothole", "It is worse, says the zebra.");
    house.receives(more.replace("MIME-Version", "In-Reply-To: <one@home.example>\nMIME-Version")).await;
    let mut tx = house.tx().await;
    let note = NewNote {
        case: &ann.id,
        kind: NoteKind::Note,
        department: None,
        actor: WHO,
        words: "Rang Ann Smith about the zebra.",
    };
    store::note::insert(&mut tx, &Ids::Random, note, house.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    house.sends().await;
    assert_eq!(house.case(0).await.state, CaseState::Routed);
    (house.case(0).await, house.case(1).await)
}

async fn closes(house: &House, case: &Case) {
    house.desk(async |desk, tx| desk.close(tx, &case.id, DONE, WHO).await).await.unwrap();
    house.clock.advance(TimeDelta::minutes(5));
    house.sends().await;
    let mut tx = house.tx().await;
    store::trail::rate(&mut tx, &case.id, 4, Some("Thank the zebra."), house.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

story!(nothing_of_an_erased_person_is_left_in_any_table, house, {
    let (case, _) = reported(house).await;
    let theirs = ["ann@home.example", "Ann Smith", "zebra", "960 983", "iVBORw0KGgo", "home.example"];
    let contacts = whose(house, "Ann@home.example").await;
    assert_eq!(contacts.len(), 1);
    let erase = async || {
        let mut tx = house.tx().await;
        let done = personal::erase(&mut tx, &Ids::Random, &contacts, WHO, house.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        done
    };
    assert_eq!(erase().await, Erasing::NotYet(vec![case.reference.to_string()]), "who is answered has to be known");
    assert!(!with(house, &theirs).await.is_empty());
    closes(house, &case).await;
    let (before, counted) = (house.cases().await, house.accounts().await);

    assert_eq!(erase().await, Erasing::Done(1));
    let all = everything(house).await;
    let left: Vec<_> = with(house, &theirs).await.into_iter().map(|table| (all[&table].clone(), table)).collect();
    assert!(left.is_empty(), "{left:#?}");
    assert!(all["contacts"].contains("Bob Jones") && all["contact_points"].contains("bob@other.example"));
    assert!(all["messages"].contains("My wheel was damaged"), "what Bob wrote is Bob's");
    assert!(all["audit"].contains("erase"));

    // What is counted stays, and the case can be looked at.
    let after = house.cases().await;
    let counts = |cases: &[Case]| -> Vec<_> {
        cases.iter().map(|c| (c.reference.clone(), c.state, c.service.clone(), c.ward.clone(), c.received_at)).collect()
    };
    assert_eq!(counts(&before), counts(&after));
    assert_eq!(format!("{counted:?}"), format!("{:?}", house.accounts().await));
    assert_eq!(after[0].title, "Erased");
    assert_eq!(house.outgoing(&case.id).await.iter().filter(|out| !out.mail.0.body.is_empty()).count(), 0);
    let mut tx = house.tx().await;
    assert!(store::audit::check(&mut tx).await.unwrap().broken.is_none());
    let day = house.clock.now() - TimeDelta::days(31);
    assert!(
        store::rule_version::judged_since(&mut tx, day, 100)
            .await
            .unwrap()
            .iter()
            .all(|judged| judged.reference != case.reference)
    );
    drop(tx);
    assert!(whose(house, "ann@home.example").await.is_empty());

    // The same mail, met again, is known; who writes anew begins anew, even with the old reference.
    house.receives(with_a_file("ann@home.example", "Ann Smith", "one@home.example", "Something else.")).await;
    let subject = format!("Re: {}", case.reference);
    house
        .receives(letter("ann@home.example", "four@home.example", &subject, "The lamp outside 3 Mill Lane is out."))
        .await;
    let old = house.case(0).await;
    assert_eq!(
        (old.state, old.title.as_str()),
        (CaseState::Closed, "Erased"),
        "nobody is told of it, and it is not opened again"
    );
    assert!(house.cases().await.len() > before.len());
});

story!(what_others_cases_quote_of_an_erased_person_goes_with_them, house, {
    house
        .receives(
            letter("bob@other.example", "two@other.example", "Pothole", POTHOLE).replace("Ann Smith", "Bob Jones"),
        )
        .await;
    house.sends().await;
    let words = "The pothole outside 12 Mill Lane swallowed my zebra whole. Ring me on 01632 960 983.";
    house.receives(letter("ann@home.example", "one@home.example", "Pothole", words)).await;
    let (bob, ann) = (house.case(0).await, house.case(1).await);
    if ann.state != CaseState::Joined {
        let grounds = Grounds { score: 0.5, why: "the same hole", actor: WHO };
        house.desk(async |desk, tx| desk.join(tx, &ann.id, &bob.id, grounds).await).await.unwrap();
    }
    let message = store::message::of_case(&mut house.tx().await, &ann.id).await.unwrap().remove(0).id;
    house.desk(async |desk, tx| desk.send_on(tx, &ann.id, &message, WHO).await).await.unwrap();
    house.sends().await;
    let quoted = house.outgoing(&bob.id).await.into_iter().filter(|out| out.mail.0.body.contains("zebra")).count();
    assert!(quoted > 0, "the department was told");
    closes(house, &bob).await;
    let contacts = whose(house, "ann@home.example").await;
    let mut tx = house.tx().await;
    let done = personal::erase(&mut tx, &Ids::Random, &contacts, WHO, house.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(done, Erasing::Done(1));
    let left = with(house, &["ann@home.example", "my zebra", "960 983"]).await;
    assert_eq!(left, Vec::<String>::new());
    assert!(everything(house).await["messages"].contains("My wheel was damaged"), "what Bob wrote is Bob's");
});

story!(what_is_kept_of_a_person_is_given_out_whole_and_that_it_was_is_on_the_trail, house, {
    let (case, _) = reported(house).await;
    closes(house, &case).await;
    let contacts = whose(house, "ann@home.example").await;
    let mut tx = house.tx().await;
    let kept = personal::give_out(&mut tx, &Ids::Random, &contacts, WHO, house.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let text = serde_json::to_string(&kept).unwrap();
    for words in [
        "ann@home.example",
        "zebra crossing",
        "960 983",
        "says the zebra",
        case.reference.as_str(),
        "Mended on",
        "Thank the zebra",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("bob@") && !text.contains("Bob Jones") && !text.contains("Rang Ann"), "{text}");
    assert_eq!(kept.files.len(), 1);
    assert!(kept.files[0].0.ends_with("zebra.png") && kept.files[0].1.starts_with(b"\x89PNG"), "{:?}", kept.files[0].0);
    let mut tx = house.tx().await;
    let trail = store::audit::of(&mut tx, &format!("contact:{}", contacts[0])).await.unwrap();
    assert!(trail.iter().any(|line| line.action == "give out" && line.actor == WHO), "{trail:?}");
});

story!(what_has_been_closed_for_as_long_as_the_council_keeps_it_is_erased_with_all_that_is_joined_to_it, house, {
    let (case, bobs) = reported(house).await;
    house
        .receives(letter("eve@third.example", "five@third.example", "Bin", "My bin was not emptied at 7 Station Road."))
        .await;
    closes(house, &case).await;
    let service = case.service.clone();
    let step = async |settings: &Retention| {
        retention::step(&house.db, &Ids::Random, settings, house.clock.now()).await.unwrap()
    };
    let kept = Retention { months: Some(24), services: [(service, 12)].into() };
    let others = Retention { months: Some(12), services: [(case.service.clone(), 24)].into() };
    assert_eq!(step(&kept).await, Erased::default());
    house.clock.advance(TimeDelta::days(360));
    assert_eq!(step(&kept).await, Erased::default(), "not a day early");
    house.clock.advance(TimeDelta::days(10));
    assert_eq!(step(&others).await, Erased::default(), "each service has its own time");
    assert_eq!(step(&kept).await, Erased { cases: 2, messages: 0 });
    assert_eq!(
        with(house, &["ann@home.example", "zebra", "Ann Smith <ann", "bob@other.example"]).await,
        Vec::<String>::new()
    );
    assert_eq!(step(&kept).await, Erased::default());
    let open = with(house, &["eve@third.example"]).await;
    assert!(open.contains(&"messages".to_owned()), "what is open is kept: {open:?}");
    let mut tx = house.tx().await;
    for case in [&case, &bobs] {
        assert!(erasure::erased_at(&mut tx, &case.id).await.unwrap().is_some());
        let trail = store::audit::of(&mut tx, &format!("case:{}", case.id)).await.unwrap();
        assert!(trail.iter().any(|line| line.action == "erase" && line.actor == "beadle"), "{trail:?}");
    }
});

fn beadle(house: &House, arguments: &[&str]) -> Output {
    let settings = house.folder.path().join("beadle.toml");
    let database = house.folder.path().join("beadle.db");
    let text = format!(
        "[council]\nname = 'Brackenmere'\naddress = 'cases@brackenmere.example'\n[database]\nurl = 'sqlite:{}'\n[smtp]\nfolder = 'outgoing'\n\
         [rules]\ndir = '{}'\n",
        database.display(),
        root().join("rules").display(),
    );
    std::fs::write(&settings, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_beadle"));
    command.arg("person").args(arguments).arg("--config").arg(settings).output().unwrap()
}

#[tokio::test]
async fn an_operator_shows_gives_out_and_erases_what_is_kept_of_a_person() {
    let house = House::new(Kind::Sqlite).await;
    let (case, _) = reported(&house).await;
    let said = |output: &Output| {
        let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        String::from_utf8(text).unwrap()
    };
    let nobody = beadle(&house, &["show", "nobody@home.example"]);
    assert!(!nobody.status.success() && said(&nobody).contains("nothing is kept of anybody"), "{}", said(&nobody));
    let shown = said(&beadle(&house, &["show", "ann@home.example"]));
    assert!(shown.contains(case.reference.as_str()) && !shown.contains("zebra"), "{shown}");

    let to = house.folder.path().join("given");
    let to = to.to_str().unwrap();
    let given = beadle(&house, &["export", "ann@home.example", "--to", to]);
    assert!(given.status.success(), "{}", said(&given));
    let json = std::fs::read_to_string(format!("{to}/person.json")).unwrap();
    assert!(json.contains("zebra crossing"), "{json}");
    assert_eq!(std::fs::read_dir(to).unwrap().count(), 2);
    let again = beadle(&house, &["export", "ann@home.example", "--to", to]);
    assert!(!again.status.success(), "nothing is written over: {}", said(&again));

    let open = beadle(&house, &["erase", "ann@home.example", "--for-good"]);
    assert!(!open.status.success() && said(&open).contains(case.reference.as_str()), "{}", said(&open));
    closes(&house, &case).await;
    let unsure = beadle(&house, &["erase", "ann@home.example"]);
    assert!(!unsure.status.success() && said(&unsure).contains("--for-good"), "{}", said(&unsure));
    assert_eq!(whose(&house, "ann@home.example").await.len(), 1);
    let erased = beadle(&house, &["erase", "ann@home.example", "--for-good"]);
    assert!(erased.status.success() && said(&erased).contains("1 case"), "{}", said(&erased));
    assert_eq!(with(&house, &["ann@home.example", "zebra"]).await, Vec::<String>::new());
}
