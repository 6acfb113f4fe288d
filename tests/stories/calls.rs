//! Residents who ring, or come to a surgery: a gatekeeper writes it down and reads the reference out, and who has no other way gets
//! a letter that a person prints. Each story goes through the real pages over HTTP.

use crate::form::link;
use crate::house::{House, header};
use crate::story;
use crate::texts::Telephones;
use beadle::core::{CaseState, Channel, ContactPoint, Party, Reference};
use beadle::intake::form::FormPolicy;
use beadle::outbox::closing::Ending;
use beadle::portal::{Portal, auth, router};
use beadle::store::outbox::Outgoing;
use beadle::store::{self, case::Case};
use chrono::TimeDelta;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, StatusCode};
use std::net::SocketAddr;

pub const PASSWORD: &str = "otter lamp tram seven";
const POTHOLE: &str = "There is a deep pothole outside the bakery. Her wheel was damaged by the pothole.";
const DONE: Ending<'_> = Ending { done: true, words: "" };

/// The portal of a house, and a gatekeeper who is signed in.
pub struct Desk {
    pub base: String,
    browser: Client,
}

pub struct Answer {
    pub status: StatusCode,
    location: String,
    pub body: String,
}

impl Answer {
    fn has(&self, words: &str) -> bool {
        self.body.contains(words)
    }

    /// The value of a hidden field.
    fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&mark).unwrap_or_else(|| panic!("no field {name}: {}", self.body));
        rest.split('"').next().unwrap().to_owned()
    }

    fn reference(&self) -> Reference {
        Reference::find_all(&self.body).into_iter().next().unwrap_or_else(|| panic!("no reference: {}", self.body))
    }
}

impl Desk {
    pub async fn of(house: &House) -> Self {
        let mut tx = house.tx().await;
        auth::set_password(&mut tx, PASSWORD, house.pipeline.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let portal = Portal {
            letterhead: ["Town Hall", "Market Square", "Brackenmere ZM6 1AA", "01632 960001"]
                .map(str::to_owned)
                .to_vec(),
            rules: Some(beadle::understanding::rules::folder::Folder::new(
                crate::house::root().join("rules"),
                Default::default(),
            )),
            ..Portal::new(house.pipeline.clone(), house.collector())
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = router(portal).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let browser = Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let desk = Self { base, browser };
        let page = desk.get("/sign-in").await;
        let fields = [("csrf", page.field("csrf")), ("password", PASSWORD.to_owned()), ("next", page.field("next"))];
        let signed_in = desk.send("/sign-in", fields).await;
        assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{}", signed_in.body);
        desk
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let location = response.headers().get(LOCATION).map_or("", |l| l.to_str().unwrap()).to_owned();
        Answer { status: response.status(), location, body: response.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(self.browser.get(format!("{}{path}", self.base))).await
    }

    async fn send(&self, path: &str, fields: impl IntoIterator<Item = (&str, String)>) -> Answer {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.browser.post(format!("{}{path}", self.base)).body(body);
        self.ask(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")).await
    }

    /// Presses a button of a page that holds nothing else.
    async fn press(&self, page: &Answer, action: &str) -> Answer {
        self.send(action, [("csrf", page.field("csrf"))]).await
    }

    /// Sends a page on which a call is written down, with what is on it changed.
    async fn writes(&self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        let usual = [
            ("channel", "phone"),
            ("date", "2026-03-02"),
            ("time", "08:40"),
            ("problem", POTHOLE),
            ("place", "Signal Row, ZM6 1UT"),
            ("name", "Ann Smith"),
            ("phone", "07700 900123"),
            ("address", "12, Mill Lane\r\nBrackenmere\r\nzm6 1ut"),
            ("email", ""),
            ("hear_by", "letter"),
            ("consent", "share"),
            ("language", "en"),
            ("councillor", ""),
        ];
        let token = if fields.iter().any(|(name, _)| *name == "token") { String::new() } else { page.field("token") };
        let changed = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
        let given = usual.map(|(name, value)| (name, changed(name).unwrap_or(value).to_owned()));
        self.send("/log", [("csrf", page.field("csrf")), ("token", token)].into_iter().chain(given)).await
    }

    /// A gatekeeper writes a call down; the page that follows.
    pub async fn logs(&self, fields: &[(&str, &str)]) -> Answer {
        let page = self.get("/log").await;
        let sent = self.writes(&page, fields).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        self.get(&sent.location).await
    }
}

async fn to_resident(house: &House, case: &Case) -> Vec<Outgoing> {
    let all = house.outgoing(&case.id).await;
    all.into_iter().filter(|o| o.party == Party::Resident).collect()
}

/// Channel, purpose and status of what goes to the resident of a case.
async fn told(house: &House, number: usize) -> Vec<(Channel, String, String)> {
    let all = to_resident(house, &house.case(number).await).await;
    all.into_iter().map(|o| (o.channel, o.purpose, o.status)).collect()
}

fn line(channel: Channel, purpose: &str, status: &str) -> (Channel, String, String) {
    (channel, purpose.to_owned(), status.to_owned())
}

async fn closes(house: &House, number: usize) {
    let case = house.case(number).await;
    house.desk(async |desk, tx| desk.close(tx, &case.id, DONE, "administrator").await).await.expect("closed");
}

story!(a_call_written_down_becomes_a_case_with_the_reference_read_out, house, {
    let desk = Desk::of(house).await;
    let page = desk.get("/log").await;
    assert!(page.has("value=\"2026-03-02\"") && page.has("value=\"09:00\""), "now: {}", page.body);
    let done = desk.logs(&[]).await;
    assert_eq!(done.status, StatusCode::OK);
    let told = done.reference();
    assert!(house.cases().await.is_empty(), "told before anybody has judged it");
    house.works().await;
    let case = house.case(0).await;
    assert_eq!((&case.reference, case.state), (&told, CaseState::Routed));
    assert_eq!((case.ward.as_deref(), case.councillor.as_deref()), (Some("Station"), Some("nowak")), "by the place");
    assert_eq!(case.received_at.to_rfc3339(), "2026-03-02T08:40:00+00:00", "when they rang");
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.new_cases, sums.unaccounted), (1, 1, 0));
    let shown = desk.get(&format!("/cases/{told}")).await;
    assert!(shown.has("The resident rang") && shown.has("administrator, who wrote it down"), "{}", shown.body);
    assert!(shown.has("Telephone: +447700900123"), "for the gatekeeper: {}", shown.body);
    assert!(!shown.has("Block the sender"), "nobody but us wrote");
});

story!(a_caller_without_a_computer_gets_a_letter_to_print, house, {
    let desk = Desk::of(house).await;
    desk.logs(&[]).await;
    house.works().await;
    house.sends().await;
    assert_eq!(told(house, 0).await, [line(Channel::Letter, "acknowledgement", "queued")], "nothing tries to send it");
    let case = house.case(0).await;
    let letter = to_resident(house, &case).await.remove(0);
    assert_eq!(letter.mail.0.to, ["Ann Smith", "12 Mill Lane", "Brackenmere", "ZM6 1UT"]);
    let body = &letter.mail.0.body;
    for part in ["Dear Ann Smith", case.reference.as_str(), "Highways", "at the top of this letter", "kept informed"] {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert!(!body.contains("answer this message") && !body.contains('{'), "{body}");
    let list = desk.get("/letters").await;
    assert!(list.has(case.reference.as_str()) && list.has("Ann Smith, 12 Mill Lane"), "{}", list.body);
    assert!(desk.get("/").await.has("letters to print"));
    assert!(desk.get("/metrics").await.has("beadle_outbox{status=\"to_print\"} 1"), "and no mail is stuck");
    for path in [format!("/letters/{}", letter.id), "/letters/print".to_owned()] {
        let sheet = desk.get(&path).await;
        assert_eq!(sheet.status, StatusCode::OK);
        assert!(sheet.has("<bdi>12 Mill Lane</bdi>") && sheet.has("Monday 2 March 2026"), "{}", sheet.body);
        assert!(sheet.has("Town Hall") && sheet.has("01632 960001") && sheet.has("cases@brackenmere.example"));
        assert!(
            sheet.has(&format!("Our reference: <bdi class=\"reference\">{}<", case.reference))
                && !sheet.has("Quarantine"),
            "{}",
            sheet.body
        );
        assert!(desk.get(&format!("{path}?large=1")).await.has("class=\"large\""));
    }
    let mut tx = house.db.read().await.unwrap();
    let read = store::audit::of(&mut tx, &format!("case:{}", case.id)).await.unwrap();
    assert!(read.iter().any(|entry| entry.action == "read letter"), "reading it is on the audit trail");
});

story!(a_letter_is_marked_posted_once_and_the_case_says_so, house, {
    let desk = Desk::of(house).await;
    desk.logs(&[]).await;
    house.works().await;
    let case = house.case(0).await;
    let letter = to_resident(house, &case).await.remove(0);
    let page = desk.get("/letters").await;
    let path = format!("/letters/{}/posted", letter.id);
    house.clock.advance(TimeDelta::hours(3));
    assert_eq!(desk.press(&page, &path).await.status, StatusCode::SEE_OTHER);
    let again = desk.press(&page, &path).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.body);
    let posted = to_resident(house, &case).await.remove(0);
    assert_eq!((posted.status.as_str(), posted.sent_at), ("sent", Some(house.clock.now())));
    let shown = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(shown.has("Posted Monday 2 March 2026, 12:00") && shown.has("Letter posted"), "{}", shown.body);
    assert!(desk.get("/letters").await.has("There is nothing to print"));
    assert_eq!(desk.press(&page, &format!("/letters/{}/cancel", letter.id)).await.status, StatusCode::CONFLICT);
    let mut tx = house.db.read().await.unwrap();
    let trail = store::audit::of(&mut tx, &format!("case:{}", case.id)).await.unwrap();
    let said: Vec<_> = trail.iter().filter(|e| e.action == "letter_posted").map(|e| e.actor.as_str()).collect();
    assert_eq!(said, ["administrator"]);
});

story!(a_letter_that_a_person_takes_back_does_not_come_again, house, {
    let desk = Desk::of(house).await;
    desk.logs(&[]).await;
    house.works().await;
    let case = house.case(0).await;
    let letter = to_resident(house, &case).await.remove(0);
    let page = desk.get("/letters").await;
    let cancelled = desk.press(&page, &format!("/letters/{}/cancel", letter.id)).await;
    assert_eq!(cancelled.status, StatusCode::SEE_OTHER, "{}", cancelled.body);
    house.desk(async |desk, tx| desk.route(tx, &case.id, "administrator").await).await.unwrap();
    assert_eq!(told(house, 0).await, [line(Channel::Letter, "acknowledgement", "cancelled")]);
    assert_eq!(desk.press(&page, &format!("/letters/{}/posted", letter.id)).await.status, StatusCode::CONFLICT);
});

story!(all_letters_of_a_list_are_marked_at_once_and_no_other, house, {
    let desk = Desk::of(house).await;
    desk.logs(&[]).await;
    house.works().await;
    assert!(!desk.get("/letters").await.has("Print all"), "there is only one");
    // The same hole: her case is joined to the other one, and she is told by herself.
    desk.logs(&[("name", "Cara Bell")]).await;
    house.works().await;
    let list = desk.get("/letters").await;
    desk.logs(&[("name", "Ben Bates"), ("problem", "The street light on the corner is out"), ("place", "Mill Lane")])
        .await;
    house.works().await;
    house.accepts_if_waiting(&house.case(2).await.id).await;
    let all = [("csrf", list.field("csrf")), ("ids", list.field("ids"))];
    assert_eq!(desk.send("/letters/posted", all.clone()).await.status, StatusCode::SEE_OTHER);
    assert_eq!(desk.send("/letters/posted", all).await.status, StatusCode::SEE_OTHER, "sent twice it is done once");
    for number in 0..2 {
        assert_eq!(told(house, number).await, [line(Channel::Letter, "acknowledgement", "sent")]);
    }
    assert_eq!(told(house, 2).await, [line(Channel::Letter, "acknowledgement", "queued")], "it was not on that page");
});

story!(the_same_call_sent_twice_is_one_case, house, {
    let desk = Desk::of(house).await;
    let page = desk.get("/log").await;
    let (first, second) = tokio::join!(desk.writes(&page, &[]), desk.writes(&page, &[]));
    let third = desk.writes(&page, &[]).await;
    for again in [&second, &third] {
        assert_eq!((again.status, &again.location), (StatusCode::SEE_OTHER, &first.location), "{}", again.body);
    }
    house.works().await;
    assert_eq!(desk.writes(&page, &[]).await.location, first.location, "also when it is a case already");
    house.works().await;
    assert_eq!((house.cases().await.len(), house.accounts().await.received), (1, 1));
    // Gone back and written something else: neither lost nor put in the place of the first.
    let other = desk.writes(&page, &[("problem", "The street light is out too")]).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert!(other.has("The street light is out too") && other.has("already"), "{}", other.body);
    let sent = desk.writes(&other, &[("problem", "The street light is out too")]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert_eq!(house.accounts().await.received, 2);
});

story!(what_is_missing_is_said_and_nothing_that_was_written_is_lost, house, {
    let desk = Desk::of(house).await;
    let page = desk.get("/log").await;
    for (fields, says) in [
        (&[("problem", " ")][..], "Enter what they said"),
        (&[("channel", "email")], "Choose whether they rang"),
        (&[("date", "2026-03-03")], "in the future"),
        (&[("date", "2026-02-03")], "within the last 14 days"),
        (&[("time", "")], "the day and the time"),
        (&[("consent", "")], "Choose who may know who they are"),
        (&[("hear_by", "")], "Choose how they want to hear"),
        (&[("hear_by", "text")], "Choose how they want to hear"),
        (&[("name", "")], "a letter is addressed to somebody"),
        (&[("address", "")], "Enter the address the letter goes to"),
        (&[("address", "1\na\nb\nc\nd\ne\nf")], "5 lines or fewer"),
        (&[("hear_by", "ring"), ("phone", "")], "Enter the number they want to be reached at"),
        (&[("hear_by", "ring"), ("phone", "12")], "like 07700 900123"),
        (&[("hear_by", "email"), ("email", "ann")], "like name@example.com"),
        (&[("hear_by", "email")], "Enter their email address"),
        (&[("language", "xx")], "Choose a language"),
        (&[("token", "")], "not one of ours"),
    ] {
        let answer = desk.writes(&page, fields).await;
        assert!(answer.status.is_client_error(), "{fields:?}");
        assert!(answer.has(says) && answer.has("Signal Row, ZM6 1UT"), "{fields:?}: {}", answer.body);
    }
    assert_eq!(house.accounts().await.received, 0);
    let forged = desk.send("/log", [("csrf", "x".to_owned()), ("token", page.field("token"))]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let stranger = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for path in ["/log", "/log/x", "/letters", "/letters/print", "/letters/x"] {
        let answer = stranger.get(format!("{}{path}", desk.base)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path} is for who is signed in");
    }
});

story!(an_email_address_noted_in_a_call_is_not_written_to_before_it_is_proven, house, {
    house.set(|rules| rules.form = Some(FormPolicy::new("form", "https://report.brackenmere.example")));
    let desk = Desk::of(house).await;
    desk.logs(&[("hear_by", "email"), ("email", "Ann@fenmail.example")]).await;
    house.works().await;
    assert_eq!(
        told(house, 0).await,
        [line(Channel::Email, "proof", "queued")],
        "though the case is with its department"
    );
    let case = house.case(0).await;
    let point = ContactPoint { channel: Channel::Email, address: "ann@fenmail.example".to_owned(), name: None };
    let mut tx = house.db.read().await.unwrap();
    assert_eq!(store::contact::known(&mut tx, &point).await.unwrap(), None, "anybody could have said it");
    drop(tx);
    let sent = house.sends().await;
    let proof = sent.iter().find(|mail| header(mail, "To").contains("ann@fenmail.example")).expect("a proof");
    assert!(Reference::find_all(proof).is_empty() && !proof.contains("pothole"), "{proof}");
    let confirm = link(proof, "/confirm/");
    desk.send(&confirm, [("answer", "yes".to_owned())]).await;
    assert_eq!(told(house, 0).await[1], line(Channel::Email, "acknowledgement", "queued"));
    let referral = sent.iter().find(|mail| header(mail, "To").contains("highways")).unwrap();
    assert!(referral.contains("by word of mouth"), "{referral}");
    assert!(desk.get(&format!("/cases/{}", case.reference)).await.has("By email"));
});

story!(where_no_link_can_be_sent_a_person_lets_the_first_email_go, house, {
    let desk = Desk::of(house).await;
    let done = desk.logs(&[("hear_by", "email"), ("email", "ann@fenmail.example")]).await;
    assert!(done.has("until a person lets them go"), "{}", done.body);
    house.works().await;
    house.sends().await;
    assert_eq!(told(house, 0).await, [line(Channel::Email, "acknowledgement", "held")]);
});

story!(a_text_to_a_number_that_was_noted_waits_for_a_person, house, {
    let _phones = Telephones::of(house).await;
    let desk = Desk::of(house).await;
    desk.logs(&[("hear_by", "text")]).await;
    house.works().await;
    house.sends().await;
    let case = house.case(0).await;
    assert_eq!(told(house, 0).await, [line(Channel::Sms, "acknowledgement", "held")]);
    let text = to_resident(house, &case).await.remove(0);
    assert!(text.mail.0.to == ["+447700900123"] && text.mail.0.subject.is_empty(), "{:?}", text.mail.0);
    house.desk(async |desk, tx| desk.release(tx, &case.id, &text.id, "administrator").await).await.unwrap();
    house.sends().await;
    assert_eq!(told(house, 0).await, [line(Channel::Sms, "acknowledgement", "sent")]);
});

story!(a_text_from_a_number_that_was_noted_is_not_led_to_the_callers_case, house, {
    let phones = Telephones::of(house).await;
    let desk = Desk::of(house).await;
    desk.logs(&[("hear_by", "text")]).await;
    house.works().await;
    phones.text(house, "+447700900123", "SM1", "and the street light outside 12 Mill Lane is out").await;
    assert_eq!(house.cases().await.len(), 2, "whoever has that number may be somebody else");
});

story!(the_department_learns_that_it_was_a_call, house, {
    let desk = Desk::of(house).await;
    desk.logs(&[("language", "pl")]).await;
    house.works().await;
    let problem =
        [("channel", "surgery"), ("problem", "The street light on the corner is out"), ("consent", "councillor")];
    desk.logs(&problem).await;
    house.works().await;
    house.accepts_if_waiting(&house.case(1).await.id).await;
    let sent = house.sends().await;
    let of = |reference: &Reference| {
        let about = |mail: &&String| header(mail, "Subject").contains(reference.as_str());
        sent.iter().find(about).unwrap_or_else(|| panic!("no referral of {reference}"))
    };
    let rang = of(&house.case(0).await.reference);
    for part in [
        "Reported: by telephone, written down by the councillor's office",
        "as it was written down",
        "From: Ann Smith, 12 Mill Lane, Brackenmere, ZM6 1UT",
        "answered in Polish",
    ] {
        assert!(rang.contains(part), "{part}: {rang}");
    }
    assert!(!rang.contains("could not verify") && !rang.contains("900123"), "{rang}");
    let came = of(&house.case(1).await.reference);
    assert!(came.contains("Reported: at a surgery") && !came.contains("Ann Smith"), "{came}");
    let letter = to_resident(house, &house.case(0).await).await.remove(0);
    assert_eq!(letter.mail.0.language, "pl");
    assert!(letter.mail.0.body.contains("na górze tego listu") && letter.mail.0.body.contains("In English:"));
});

story!(a_caller_who_wants_no_news_gets_none, house, {
    let desk = Desk::of(house).await;
    desk.logs(&[("hear_by", "nothing"), ("name", ""), ("phone", ""), ("address", "")]).await;
    desk.logs(&[("hear_by", "nothing"), ("problem", "The street light on the corner is out")]).await;
    house.works().await;
    for number in 0..2 {
        house.accepts_if_waiting(&house.case(number).await.id).await;
        closes(house, number).await;
        assert!(told(house, number).await.is_empty());
    }
    assert_eq!(house.case(0).await.contact_id, None);
});

story!(who_wants_to_be_rung_is_rung_by_a_person_and_the_case_says_so, house, {
    let desk = Desk::of(house).await;
    let done = desk.logs(&[("hear_by", "ring"), ("address", "")]).await;
    assert!(done.has("ring 07700 900123"), "{}", done.body);
    house.works().await;
    assert_eq!(house.case(0).await.state, CaseState::Routed);
    let path = format!("/cases/{}", house.case(0).await.reference);
    assert!(desk.get(&path).await.has("Ring them: 07700 900123"));
    closes(house, 0).await;
    house.sends().await;
    assert!(told(house, 0).await.is_empty());
    let case = house.case(0).await;
    assert_eq!(
        (case.state, case.attention.as_deref()),
        (CaseState::Closed, Some("Ring the resident: tell them how it ended"))
    );
});

story!(nobody_rings_without_being_told_that_somebody_may_be_in_danger, house, {
    let desk = Desk::of(house).await;
    let problem = "She says that he will kill her tonight, she is hiding in the bathroom";
    desk.logs(&[("hear_by", "ring"), ("problem", problem)]).await;
    house.works().await;
    let case = house.case(0).await;
    assert!(desk.get(&format!("/cases/{}", case.reference)).await.has("is it safe to ring?"));
    house.accepts(&case.id).await;
    closes(house, 0).await;
    assert!(told(house, 0).await.is_empty());
    assert!(house.case(0).await.attention.is_some_and(|ring| ring.contains("if it is safe")));
});

story!(closing_a_case_is_a_letter_to_each_who_rang_about_it, house, {
    let desk = Desk::of(house).await;
    desk.logs(&[]).await;
    house.works().await;
    // Of the same household, and yet another person.
    desk.logs(&[("name", "Ben Smith")]).await;
    house.works().await;
    let (first, second) = (house.case(0).await, house.case(1).await);
    assert_ne!(first.contact_id, second.contact_id);
    if second.state != CaseState::Joined {
        let grounds = beadle::casework::join::Grounds { score: 1.0, why: "the same hole", actor: "administrator" };
        house.desk(async |desk, tx| desk.join(tx, &second.id, &first.id, grounds).await).await.expect("joined");
    }
    for number in 0..2 {
        for letter in to_resident(house, &house.case(number).await).await {
            house
                .desk(async |desk, tx| desk.letter_posted(tx, &letter.id, "administrator").await)
                .await
                .expect("posted");
        }
    }
    closes(house, 0).await;
    for (number, name) in [(0, "Ann Smith"), (1, "Ben Smith")] {
        let letter = to_resident(house, &house.case(number).await).await.pop().unwrap();
        assert_eq!((letter.purpose.as_str(), letter.status.as_str()), ("closing", "queued"));
        assert_eq!(letter.mail.0.to[0], name);
        let body = &letter.mail.0.body;
        assert!(body.contains("this is done") && body.contains("at the top of this letter"), "{body}");
        assert!(!body.contains("answer this message"), "{body}");
    }
});

story!(a_letter_where_somebody_may_be_in_danger_is_held_and_says_nothing, house, {
    let desk = Desk::of(house).await;
    desk.logs(&[("problem", "She says that he will kill her tonight, she is hiding in the bathroom")]).await;
    house.works().await;
    let case = house.case(0).await;
    assert_eq!(case.state, CaseState::Held);
    assert!(told(house, 0).await.is_empty(), "nobody has looked at it yet");
    house.accepts(&case.id).await;
    assert_eq!(told(house, 0).await, [line(Channel::Letter, "acknowledgement", "held")]);
    let letter = to_resident(house, &case).await.remove(0);
    let words = format!("{} {}", letter.mail.0.subject, letter.mail.0.body);
    assert!(words.contains(case.reference.as_str()) && words.contains("ring 999"), "{words}");
    for kept_back in ["kill", "bathroom", "Signal Row", "Dear Ann"] {
        assert!(!words.contains(kept_back), "{kept_back}: {words}");
    }
    let list = desk.get("/letters").await;
    assert!(list.has("Waiting for a person") && list.has("There is nothing to print"), "{}", list.body);
    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(page.has("Let it be printed") && page.has("others may open the post"), "{}", page.body);
    assert_eq!(desk.press(&page, &format!("/letters/{}/posted", letter.id)).await.status, StatusCode::CONFLICT);
});

story!(one_gatekeeper_may_write_down_as_many_calls_of_one_caller_as_there_are, house, {
    house.set(|rules| rules.usual.from_sender = 2);
    let desk = Desk::of(house).await;
    for number in 0..5 {
        let problem = format!("There is a deep pothole outside number {number}, the {number}th in this street");
        desk.logs(&[("problem", &problem), ("place", &format!("{number} Mill Lane"))]).await;
    }
    house.works().await;
    assert_eq!((house.cases().await.len(), house.accounts().await.set_aside), (5, 0));
    let mut letters = 0;
    for number in 0..5 {
        house.accepts_if_waiting(&house.case(number).await.id).await;
        letters += told(house, number).await.len();
    }
    assert_eq!(letters, 5);
});
