//! The store's own promises, on both databases.

use crate::house::{House, Kind};
use crate::story;
use beadle::core::{Channel, ContactId, Grant, Ids, InboxId, RawMessage, Role, UserId};
use beadle::store::passkey::{NewChallenge, NewPasskey};
use beadle::store::session::NewSession;
use beadle::store::user::{NewGrant, Ways};
use beadle::store::{self, Tx, args, audit};
use chrono::{DateTime, TimeDelta, Utc};

fn raw(name: &str) -> RawMessage {
    RawMessage {
        channel: Channel::Email,
        account: "a".into(),
        external_id: name.into(),
        bytes: vec![0, 255, 10, 13],
        arrived_at: None,
    }
}

story!(a_lease_that_runs_out_lets_another_take_over_and_the_first_can_write_nothing, house, {
    let now = house.clock.now();
    let mut tx = house.tx().await;
    store::inbox::take_in(&mut tx, &Ids::Random, &raw("1"), now).await.unwrap();
    let minute = TimeDelta::minutes(1);
    let first = store::inbox::claim(&mut tx, "one/x", now, minute).await.unwrap().unwrap();
    assert_eq!(first.raw, vec![0, 255, 10, 13], "bytes come back as they went in");
    assert!(store::inbox::claim(&mut tx, "two/x", now, minute).await.unwrap().is_none());
    let later = now + TimeDelta::minutes(2);
    let second = store::inbox::claim(&mut tx, "two/x", later, minute).await.unwrap().unwrap();
    assert_eq!(second.attempts, 2);
    assert!(!store::inbox::quarantine(&mut tx, &first, "x", later).await.unwrap(), "the lease is lost");
    assert!(store::inbox::quarantine(&mut tx, &second, "x", later).await.unwrap());
});

story!(an_instance_that_comes_back_takes_up_its_own_work_at_once_and_nobody_elses, house, {
    let now = house.clock.now();
    let mut tx = house.tx().await;
    for name in ["1", "2"] {
        store::inbox::take_in(&mut tx, &Ids::Random, &raw(name), now).await.unwrap();
    }
    let hour = TimeDelta::hours(1);
    store::inbox::claim(&mut tx, "mine/x", now, hour).await.unwrap().unwrap();
    store::inbox::claim(&mut tx, "theirs/x", now, hour).await.unwrap().unwrap();
    assert_eq!(store::inbox::release_leases(&mut tx, "mine").await.unwrap(), 1);
    assert!(store::inbox::claim(&mut tx, "mine/y", now, hour).await.unwrap().is_some());
    assert!(store::inbox::claim(&mut tx, "mine/y", now, hour).await.unwrap().is_none());
});

story!(what_is_not_committed_is_not_there, house, {
    let mut tx = house.tx().await;
    store::inbox::take_in(&mut tx, &Ids::Random, &raw("1"), house.clock.now()).await.unwrap();
    drop(tx);
    assert_eq!(house.accounts().await.received, 0);
});

story!(an_account_is_read_by_one_process_at_a_time, house, {
    let now = house.clock.now();
    let minute = TimeDelta::minutes(1);
    let mut tx = house.tx().await;
    assert!(store::cursor::claim(&mut tx, "a", "one", now, minute).await.unwrap());
    assert!(!store::cursor::claim(&mut tx, "a", "two", now, minute).await.unwrap());
    assert!(store::cursor::claim(&mut tx, "a", "one", now, minute).await.unwrap(), "the holder renews");
    store::cursor::release(&mut tx, "a", "one").await.unwrap();
    assert!(store::cursor::claim(&mut tx, "a", "two", now, minute).await.unwrap());
    store::cursor::advance(&mut tx, "a", 7, 42, now).await.unwrap();
    store::cursor::note_failure(&mut tx, "a", "gone", now).await.unwrap();
    let cursor = store::cursor::get(&mut tx, "a").await.unwrap().unwrap();
    assert_eq!((cursor.uid_validity, cursor.last_uid, cursor.error.as_deref()), (7, 42, Some("gone")));
    store::cursor::note_ok(&mut tx, "a", now).await.unwrap();
    assert_eq!(store::cursor::all(&mut tx).await.unwrap()[0].error, None);
});

story!(sessions_run_out, house, {
    let now = house.clock.now();
    let mut tx = house.tx().await;
    let id = UserId::from("ann".to_owned());
    assert!(store::user::insert(&mut tx, &id, "a.lane", "Ann Lane", None, now).await.unwrap());
    assert!(!store::user::insert(&mut tx, &UserId::from("x".to_owned()), "a.lane", "Other", None, now).await.unwrap());
    let lent = Some(now + TimeDelta::minutes(30));
    let role =
        NewGrant { user: &id, role: Role::Gatekeeper, councillor: Some("nowak"), until: lent, by: "administrator" };
    store::user::give(&mut tx, &Ids::Random, role, now).await.unwrap();
    let until = now + TimeDelta::hours(1);
    let new = NewSession {
        user: &id,
        token_hash: "h",
        csrf: "c",
        device: "a browser",
        begun_by: "password",
        expires_at: until,
    };
    store::session::insert(&mut tx, &Ids::Random, new, now).await.unwrap();
    let session = store::session::get(&mut tx, "h", now).await.unwrap().unwrap();
    assert_eq!((session.actor.as_str(), session.name.as_str(), session.csrf.as_str()), ("a.lane", "Ann Lane", "c"));
    assert_eq!(session.grants, [Grant { role: Role::Gatekeeper, councillor: Some("nowak".to_owned()) }]);
    let later = store::session::get(&mut tx, "h", now + TimeDelta::minutes(31)).await.unwrap().unwrap();
    assert_eq!(later.grants, [], "what was lent ends by itself");
    assert_eq!(store::session::get(&mut tx, "h", now + TimeDelta::hours(2)).await.unwrap(), None);
    assert!(!store::session::end(&mut tx, &session.id, &UserId::from("somebody else".to_owned())).await.unwrap());
    assert!(store::session::end(&mut tx, &session.id, &id).await.unwrap());
    assert_eq!(store::session::get(&mut tx, "h", now).await.unwrap(), None);
    assert!(store::user::use_totp_step(&mut tx, &id, 7).await.unwrap());
    assert!(!store::user::use_totp_step(&mut tx, &id, 7).await.unwrap(), "no code is good twice");
    assert_eq!(store::setting::get_or_set(&mut tx, "k", "1").await.unwrap(), "1");
    assert_eq!(store::setting::get_or_set(&mut tx, "k", "2").await.unwrap(), "1");
    store::setting::set(&mut tx, "k", "3").await.unwrap();
    assert_eq!(store::setting::get(&mut tx, "k").await.unwrap().as_deref(), Some("3"));
});

story!(who_signs_on_is_one_person_for_ever, house, {
    let now = house.clock.now();
    let mut tx = house.tx().await;
    let (ann, other) = (UserId::from("ann".to_owned()), UserId::from("other".to_owned()));
    assert!(store::user::insert(&mut tx, &ann, "a.lane", "Ann Lane", None, now).await.unwrap());
    assert!(store::user::insert(&mut tx, &other, "other", "Other", None, now).await.unwrap());
    assert!(store::user::set_signs_on_as(&mut tx, &ann, Some("ann")).await.unwrap());
    assert!(!store::user::set_signs_on_as(&mut tx, &other, Some("ann")).await.unwrap(), "the name is taken");
    assert_eq!(store::user::awaited(&mut tx, "https://id", "ann").await.unwrap().unwrap().id, ann);
    assert!(store::user::link(&mut tx, &ann, "https://id", "1", now).await.unwrap());
    assert!(!store::user::link(&mut tx, &ann, "https://id", "2", now).await.unwrap(), "they are somebody already");
    assert!(!store::user::link(&mut tx, &other, "https://id", "1", now).await.unwrap(), "that is somebody else");
    let by_name = store::user::awaited(&mut tx, "https://id", "ann").await.unwrap();
    assert!(by_name.is_none(), "the name alone lets nobody in any more");
    assert_eq!(store::user::by_sign_on(&mut tx, "https://id", "1").await.unwrap().unwrap().id, ann);
    assert!(store::user::by_sign_on(&mut tx, "https://other", "1").await.unwrap().is_none());
    assert!(store::user::linked(&mut tx, &ann).await.unwrap().is_some());
    assert!(store::user::set_signs_on_as(&mut tx, &ann, None).await.unwrap());
    assert!(store::user::by_sign_on(&mut tx, "https://id", "1").await.unwrap().is_none());
    assert!(store::user::set_signs_on_as(&mut tx, &other, Some("ann")).await.unwrap());
    assert!(store::user::link(&mut tx, &other, "https://id", "1", now).await.unwrap());
    store::user::end(&mut tx, &other, "administrator", now).await.unwrap();
    assert!(store::user::by_sign_on(&mut tx, "https://id", "1").await.unwrap().is_none(), "a closed account");
    assert!(store::user::set_signs_on_as(&mut tx, &ann, Some("ann")).await.unwrap(), "who comes back is let in anew");
});

story!(who_was_known_to_the_provider_before_is_awaited_by_the_next_one_and_known_to_one_only, house, {
    let now = house.clock.now();
    let mut tx = house.tx().await;
    let ann = UserId::from("ann".to_owned());
    assert!(store::user::insert(&mut tx, &ann, "a.lane", "Ann Lane", Some("ann"), now).await.unwrap());
    assert!(store::user::link(&mut tx, &ann, "https://old", "1", now).await.unwrap());
    assert!(store::user::awaited(&mut tx, "https://old", "ann").await.unwrap().is_none());
    assert_eq!(store::user::awaited(&mut tx, "https://new", "ann").await.unwrap().unwrap().id, ann);
    assert!(store::user::link(&mut tx, &ann, "https://new", "9", now).await.unwrap());
    assert!(store::user::by_sign_on(&mut tx, "https://old", "1").await.unwrap().is_none());
    assert_eq!(store::user::by_sign_on(&mut tx, "https://new", "9").await.unwrap().unwrap().id, ann);
});

/// An administrator, by whatever way they sign in.
async fn administrator(tx: &mut Tx, name: &str, now: DateTime<Utc>) -> UserId {
    let id = UserId::from(name.to_owned());
    assert!(store::user::insert(tx, &id, name, name, None, now).await.unwrap());
    let new = NewGrant { user: &id, role: Role::Administrator, councillor: None, until: None, by: "test" };
    store::user::give(tx, &Ids::Random, new, now).await.unwrap();
    id
}

story!(only_administrators_who_can_sign_in_now_are_counted, house, {
    let now = house.clock.now();
    let mut tx = house.tx().await;
    let one = administrator(&mut tx, "administrator", now).await;
    administrator(&mut tx, "invited", now).await;
    let old = administrator(&mut tx, "old", now).await;
    let signed_on = administrator(&mut tx, "signed-on", now).await;
    let nobody = UserId::from("nobody".to_owned());
    let with = Ways { passwords: true, always: "administrator", issuer: Some("https://id") };
    let without = Ways { passwords: false, ..with };
    let others = async |tx: &mut Tx, ways| store::user::other_administrators(tx, &nobody, ways).await.unwrap();
    assert_eq!(others(&mut tx, with).await, 0, "nobody has a password yet");
    store::user::set_password(&mut tx, &one, "hash").await.unwrap();
    store::user::set_password(&mut tx, &old, "hash").await.unwrap();
    assert!(store::user::link(&mut tx, &signed_on, "https://id", "1", now).await.unwrap());
    assert_eq!(others(&mut tx, with).await, 3);
    assert_eq!(others(&mut tx, without).await, 2, "the first account, and who signs on");
    assert_eq!(others(&mut tx, Ways { issuer: None, ..with }).await, 2);
    assert_eq!(others(&mut tx, Ways { issuer: Some("https://new"), ..without }).await, 1);
    assert_eq!(store::user::other_administrators(&mut tx, &one, without).await.unwrap(), 1);
});

story!(two_administrators_cannot_close_each_other_at_the_same_moment, house, {
    let now = house.clock.now();
    let mut tx = house.tx().await;
    let (ann, ben) = (administrator(&mut tx, "ann", now).await, administrator(&mut tx, "ben", now).await);
    for id in [&ann, &ben] {
        store::user::set_password(&mut tx, id, "hash").await.unwrap();
    }
    tx.commit().await.unwrap();
    let ways = Ways { passwords: true, always: "administrator", issuer: None };
    let mut first = house.tx().await;
    assert_eq!(store::user::other_administrators(&mut first, &ben, ways).await.unwrap(), 1);
    let close = async {
        store::user::end(&mut first, &ben, "ann", now).await.unwrap();
        first.commit().await.unwrap();
    };
    let count = async {
        let mut second = house.tx().await;
        store::user::other_administrators(&mut second, &ann, ways).await.unwrap()
    };
    let (left, ()) = tokio::join!(count, close);
    assert_eq!(left, 0, "the second one waits for the first, and sees that nobody else is left");
});

story!(one_question_waits_for_each_who_was_asked, house, {
    let now = house.clock.now();
    let mut tx = house.tx().await;
    for (challenge, asked) in [("1", "a"), ("2", "a"), ("3", "b")] {
        let new = NewChallenge { challenge, asked, state: &[7], until: now + TimeDelta::minutes(2) };
        store::passkey::ask(&mut tx, new, now).await.unwrap();
    }
    assert_eq!(store::passkey::answered(&mut tx, "1", "a", now).await.unwrap(), None, "another took its place");
    assert_eq!(store::passkey::answered(&mut tx, "3", "a", now).await.unwrap(), None, "somebody else was asked");
    assert_eq!(store::passkey::answered(&mut tx, "2", "a", now).await.unwrap(), Some(vec![7]));
    assert_eq!(store::passkey::answered(&mut tx, "2", "a", now).await.unwrap(), None, "once");
});

story!(the_audit_trail_is_only_added_to, house, {
    let mut tx = house.tx().await;
    for action in ["read case", "accept"] {
        store::audit::write(
            &mut tx,
            &Ids::Random,
            "administrator",
            action,
            "case:1",
            serde_json::json!({}),
            house.clock.now(),
        )
        .await
        .unwrap();
    }
    let trail: Vec<String> = store::audit::of(&mut tx, "case:1").await.unwrap().into_iter().map(|e| e.action).collect();
    assert_eq!(trail, ["read case", "accept"]);
    while audit::seal(&mut tx, None).await.unwrap() > 0 {}
    let chain = audit::check(&mut tx).await.unwrap();
    assert!(chain.sealed >= 2 && chain.open == Some(0) && chain.broken.is_none(), "{chain:?}");
    tx.commit().await.unwrap();
    for doing in ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "UPDATE audit_seals SET hash = 'x'"] {
        let mut tx = house.tx().await;
        let refused = tx.exec(doing, args![]).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{doing}: {refused}");
    }
});

story!(a_missing_row_is_an_error_and_an_unknown_id_is_none, house, {
    let mut tx = house.tx().await;
    assert!(store::inbox::raw(&mut tx, &InboxId::from("x".to_owned())).await.unwrap().is_none());
    assert!(tx.one::<(i64,)>("SELECT size FROM inbox WHERE id = $1", args!["x"]).await.is_err());
});

#[tokio::test]
async fn migrations_can_run_again_on_a_database_that_has_them() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let house = House::new(kind).await;
        house.receives(crate::house::letter("a@b.example", "1@b.example", "Hole", crate::house::POTHOLE)).await;
        if kind == Kind::Sqlite {
            let url = format!("sqlite:{}", house.folder.path().join("beadle.db").display());
            let again = store::Db::open(&url).await.unwrap();
            let mut tx = again.read().await.unwrap();
            assert_eq!(store::inbox::accounts(&mut tx).await.unwrap().received, 1);
        }
    }
}

#[tokio::test]
async fn a_database_of_the_version_before_goes_on_counting_the_codes_that_were_none() {
    let at = "'2026-03-13T09:00:00+00:00'";
    let rows = [
        format!("INSERT INTO contacts (id, name, created_at) VALUES ('c1', 'Ann', {at})"),
        format!("INSERT INTO wrong_codes (id, contact_id, at) VALUES ('w1', 'c1', {at}), ('w2', 'c1', {at})"),
    ];
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (db, _folder) = crate::house::of_version(kind, "0008", &rows).await;
        let mut tx = db.begin().await.unwrap();
        let (ann, since) = (ContactId::from("c1".to_owned()), "2026-03-13T08:30:00Z".parse().unwrap());
        store::person::note_wrong_code(&mut tx, &ann, "2026-03-13T09:01:00Z".parse().unwrap()).await.unwrap();
        assert_eq!(store::person::wrong_codes_since(&mut tx, &ann, since).await.unwrap(), 3, "{kind:?}");
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_says_what_to_do() {
    let why = store::Db::open("mysql://x").await.unwrap_err().to_string();
    assert!(why.contains("sqlite:beadle.db"), "{why}");
    let why = store::Db::open("sqlite:/no/such/folder/beadle.db").await.unwrap_err().to_string();
    assert!(why.contains("/no/such/folder"), "{why}");
    let why = store::Db::open("postgres://nobody:geheim@127.0.0.1:1/x").await.unwrap_err().to_string();
    assert!(why.contains("127.0.0.1:1") && !why.contains("geheim"), "{why}");
}

story!(a_passkey_is_one_persons_and_its_challenge_is_good_once_and_for_the_one_who_was_asked, house, {
    let now = house.clock.now();
    let mut tx = house.tx().await;
    let (ann, ben) = (UserId::from("ann".to_owned()), UserId::from("ben".to_owned()));
    for id in [&ann, &ben] {
        assert!(store::user::insert(&mut tx, id, id.as_str(), id.as_str(), None, now).await.unwrap());
    }
    let new = |user| NewPasskey { user, name: "Laptop", credential: "AAAA", key: &[1, 0, 255], state: &[0] };
    assert!(store::passkey::insert(&mut tx, &Ids::Random, new(&ann), now).await.unwrap());
    assert!(!store::passkey::insert(&mut tx, &Ids::Random, new(&ben), now).await.unwrap(), "it is ann's");
    let passkey = store::passkey::by_credential(&mut tx, "AAAA").await.unwrap().unwrap();
    assert_eq!((&passkey.user_id, passkey.key.as_slice(), passkey.used_at), (&ann, &[1, 0, 255][..], None));
    assert!(store::passkey::used(&mut tx, &passkey, &[7], now).await.unwrap());
    assert!(!store::passkey::used(&mut tx, &passkey, &[7], now).await.unwrap(), "by another at the same moment");
    let kept = store::passkey::of(&mut tx, &ann).await.unwrap();
    assert_eq!((kept[0].state.as_slice(), kept[0].used_at), (&[7][..], Some(now)));
    assert_eq!(store::passkey::take_away(&mut tx, &passkey.id, &ben).await.unwrap(), None);
    assert_eq!(store::passkey::take_away(&mut tx, &passkey.id, &ann).await.unwrap().as_deref(), Some("Laptop"));
    assert!(store::passkey::insert(&mut tx, &Ids::Random, new(&ben), now).await.unwrap());
    store::user::end(&mut tx, &ben, "administrator", now).await.unwrap();
    assert!(store::passkey::by_credential(&mut tx, "AAAA").await.unwrap().is_none(), "it ends with the account");

    let until = now + TimeDelta::minutes(2);
    for (challenge, asked) in [("1", "sign-in/x"), ("2", "sign-in/z")] {
        let new = NewChallenge { challenge, asked, state: &[9], until };
        store::passkey::ask(&mut tx, new, now).await.unwrap();
    }
    assert_eq!(store::passkey::answered(&mut tx, "1", "sign-in/y", now).await.unwrap(), None, "another was asked");
    assert_eq!(store::passkey::answered(&mut tx, "1", "sign-in/x", now).await.unwrap(), Some(vec![9]));
    assert_eq!(store::passkey::answered(&mut tx, "1", "sign-in/x", now).await.unwrap(), None, "once");
    assert_eq!(store::passkey::answered(&mut tx, "2", "sign-in/z", until).await.unwrap(), None, "too late");
});
