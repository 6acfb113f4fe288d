//! A councillor leaves, or wards are drawn anew: open cases go to whose they are now, on both databases.

use crate::house::{House, POTHOLE, files, letter};
use crate::story;
use beadle::core::CaseState;
use beadle::desk::DeskError;
use beadle::desk::hand_over::{HandOver, HandedOver};
use beadle::outbox::closing::Ending;
use beadle::store::case::Case;
use beadle::store::{self, args};

const WHO: &str = "administrator";
const BIN: &str = "Our recycling bin was not emptied at 7 Signal Row. The missed collection was on Monday.";

async fn hands(house: &House, what: HandOver<'_>) -> Result<HandedOver, DeskError> {
    house.desk(async |desk, tx| desk.hand_over(tx, what, WHO).await).await
}

/// The mails that say that cases were handed over.
async fn told(house: &House) -> Vec<String> {
    house.sends().await;
    files(&house.folder.path().join("outgoing")).into_iter().filter(|mail| mail.contains("yours now")).collect()
}

async fn councillors(house: &House) -> Vec<Option<String>> {
    house.cases().await.into_iter().map(|case| case.councillor).collect()
}

fn key(name: &str) -> Option<String> {
    Some(name.to_owned())
}

story!(when_a_councillor_leaves_their_open_cases_go_to_the_next_one_and_what_is_for_them_only_does_not, house, {
    for (n, words) in
        [POTHOLE, BIN, "There is graffiti on the wall of the library.", "A word for you alone."].iter().enumerate()
    {
        house.receives(letter(&format!("r{n}@home.example"), &format!("{n}@home.example"), "A matter", words)).await;
    }
    let cases = house.cases().await;
    house.accepts_if_waiting(&cases[2].id).await;
    let done = Ending { done: true, words: "" };
    house.desk(async |desk, tx| desk.close(tx, &cases[2].id, done, WHO).await).await.unwrap();
    let mut tx = house.tx().await;
    tx.exec("UPDATE cases SET consent = 'private' WHERE id = $1", args![&cases[3].id]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(councillors(house).await, vec![key("nowak"); 4]);

    assert!(matches!(hands(house, HandOver::To("nowak", "nobody")).await, Err(DeskError::Unknown("councillor"))));
    assert!(matches!(hands(house, HandOver::To("nowak", "nowak")).await, Err(DeskError::NotNow(_))));
    assert_eq!(hands(house, HandOver::To("malik", "nowak")).await.unwrap(), HandedOver::default());
    let done = hands(house, HandOver::To("nowak", "malik")).await.unwrap();
    assert_eq!((done.given, done.nobodys), ([("malik".to_owned(), 2)].into(), 0));
    assert_eq!(councillors(house).await, [key("malik"), key("malik"), key("nowak"), key("nowak")]);
    let mails = told(house).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].contains("To: \"Cllr Nasreen Malik\"") || mails[0].contains("cllr.malik@"), "{}", mails[0]);
    assert!(mails[0].contains("2 open cases of Cllr Marek Nowak are yours now"), "{}", mails[0]);

    // Each has its line, and what comes later goes with a copy to who has it now.
    let mut tx = house.tx().await;
    for case in &cases[..2] {
        let trail = store::audit::of(&mut tx, &format!("case:{}", case.id)).await.unwrap();
        assert!(trail.iter().any(|line| line.action == "hand_over" && line.actor == WHO), "{trail:?}");
        let decisions = store::decision::of_case(&mut tx, &case.id).await.unwrap();
        let decided = &decisions.iter().find(|decision| decision.kind == "hand_over").unwrap().decided.0;
        assert_eq!((&decided["councillor"], &decided["before"]["councillor"]), (&"malik".into(), &"nowak".into()));
    }
    drop(tx);
    assert_eq!(
        hands(house, HandOver::To("nowak", "malik")).await.unwrap(),
        HandedOver::default(),
        "done twice is done once"
    );
});

story!(when_wards_are_drawn_anew_cases_follow_their_ward_but_not_away_from_whom_a_resident_wrote_to, house, {
    house
        .receives(letter("ann@home.example", "1@home.example", "Pothole", &POTHOLE.replace("Mill Lane", "Signal Row")))
        .await;
    let to_all = letter("bob@home.example", "2@home.example", "Bin", BIN).replace("To: cllr.nowak@", "To: post@");
    house.takes_in_bytes("post", "1", to_all.replace('\n', "\r\n").into_bytes()).await;
    house.works().await;
    let cases = house.cases().await;
    assert_eq!(cases[1].ward.as_deref(), Some("Station"), "{:?}", cases[1]);
    assert_eq!(councillors(house).await, [key("nowak"), key("nowak")]);
    let still = |case: &Case| case.ward.clone();
    assert_eq!(hands(house, HandOver::AllToWards(&still)).await.unwrap(), HandedOver::default(), "nothing changed");

    // Station is Councillor Malik's now.
    house.set(|house| {
        house.council.councillors[0].wards.clear();
        house.council.councillors[1].wards.push("Station".to_owned());
    });
    let done = hands(house, HandOver::AllToWards(&still)).await.unwrap();
    assert_eq!((done.given, done.nobodys, done.wards), ([("malik".to_owned(), 1)].into(), 0, 0));
    assert_eq!(councillors(house).await, [key("nowak"), key("malik")], "Ann wrote to Councillor Nowak");

    // The borders move: the same place lies in a ward that nobody stands for.
    let moved = |_: &Case| Some("Abbey".to_owned());
    let done = hands(house, HandOver::ToWards("malik", &moved)).await.unwrap();
    assert_eq!((done.given.len(), done.nobodys), (0, 1));
    let bob = house.case(1).await;
    assert_eq!((bob.councillor, bob.ward.as_deref()), (None, Some("Abbey")), "gatekeepers look after it");
    assert_ne!(bob.state, CaseState::Closed);
    // Whose it stays is put into its ward all the same.
    let done = hands(house, HandOver::AllToWards(&moved)).await.unwrap();
    assert_eq!((done.given.len(), done.nobodys, done.wards), (0, 0, 1));
    assert_eq!(house.case(0).await.ward.as_deref(), Some("Abbey"));
});
