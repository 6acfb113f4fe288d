//! Residents on the private page of their own case: they add to it, need it no more, and say how content they are; without a log-in,
//! and never at the cost of somebody else. Each story goes through the real pages over HTTP.

use crate::form::Part::{File, Text};
use crate::form::{ANN, Answer, Part, Site, link};
use crate::house::{House, POTHOLE, header, letter};
use crate::story;
use beadle::casework::join::Grounds;
use beadle::core::{CaseId, CaseState, Mode, Party};
use beadle::outbox::closing::Ending;
use beadle::store::{self, case::Case, outbox::Outgoing};
use chrono::TimeDelta;
use reqwest::StatusCode;

const HOME: &str = "192.0.2.1";
const PHOTO: &[u8] = b"\x89PNG\r\n\x1a\n a picture of the hole";
const DONE: Ending<'_> = Ending { done: true, words: "" };

/// Somebody who has the private link of a report.
struct Resident<'a> {
    site: &'a Site,
    path: String,
}

impl<'a> Resident<'a> {
    /// Reports something with the form, and keeps the link.
    async fn reports(house: &House, site: &'a Site, parts: &[Part<'_>]) -> Self {
        let done = site.reports(house, HOME, parts).await;
        house.works().await;
        Self { site, path: link(&done.body, "/trail/") }
    }

    async fn sees(&self) -> Answer {
        self.site.get(&self.path).await
    }

    /// Opens the page, reads for a minute, and sends one of its forms.
    async fn sends(&self, house: &House, act: &'static str, parts: &[Part<'_>]) -> Answer {
        let token = self.sees().await.token();
        house.clock.advance(TimeDelta::minutes(1));
        self.sends_again(&token, act, parts).await
    }

    async fn sends_again(&self, token: &str, act: &'static str, parts: &[Part<'_>]) -> Answer {
        let mut all = vec![Text("act", act)];
        all.extend(parts.iter().map(|part| match part {
            Text(name, text) => Text(name, text),
            File(name, bytes) => File(name, bytes),
        }));
        self.site.post_to(&self.path, token, HOME, &all).await
    }

    /// Does something that is taken; the page that says so.
    async fn does(&self, house: &House, act: &'static str, parts: &[Part<'_>]) -> Answer {
        let sent = self.sends(house, act, parts).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        house.works().await;
        self.site.get(sent.location()).await
    }
}

async fn audited(house: &House, case: &CaseId) -> Vec<(String, String)> {
    let mut tx = house.db.read().await.unwrap();
    let trail = store::audit::of(&mut tx, &format!("case:{case}")).await.unwrap();
    trail.into_iter().filter(|e| e.actor == "resident").map(|e| (e.actor, e.action)).collect()
}

async fn closes(house: &House, case: &CaseId) {
    house.clock.advance(TimeDelta::minutes(1));
    house.desk(async |desk, tx| desk.close(tx, case, DONE, "administrator").await).await.expect("closed");
}

async fn joins(house: &House, child: &Case, parent: &Case) {
    let grounds = Grounds { score: 1.0, why: "the same hole", actor: "administrator" };
    house.desk(async |desk, tx| desk.join(tx, &child.id, &parent.id, grounds).await).await.expect("joined");
}

async fn outgoing(house: &House, case: &CaseId, purpose: &str) -> Vec<Outgoing> {
    let all = house.outgoing(case).await;
    all.into_iter().filter(|o| o.purpose == purpose && o.status != "cancelled").collect()
}

/// Two people report one hole by mail, and each has a private link; the second's is joined to the first's.
async fn two_of_one_hole<'a>(house: &mut House, site: &'a Site) -> [Resident<'a>; 2] {
    house.set(|rules| rules.policy.join_above = 2.0);
    house.set(|rules| rules.council.public_url = Some(site.base.clone()));
    house.receives(letter("ann@home.example", "1@h.example", "Pothole", POTHOLE)).await;
    house.receives(letter("ben@home.example", "2@h.example", "Pothole", POTHOLE)).await;
    joins(house, &house.case(1).await, &house.case(0).await).await;
    let sent = house.sends().await;
    ["ann@home.example", "ben@home.example"].map(|who| {
        let told = sent.iter().find(|mail| header(mail, "To").contains(who)).expect("an acknowledgement");
        Resident { site, path: link(told, "/trail/") }
    })
}

story!(words_added_on_the_trail_reach_the_department_on_the_same_case, house, {
    let site = Site::of(house, |_| {}).await;
    let ann = Resident::reports(house, &site, ANN).await;
    let page = ann.does(house, "add", &[Text("problem", "It is twice as deep since the rain.")]).await;
    assert!(page.has("We have added it to your report") && page.has("You added to your report"), "{}", page.body);
    assert!(!page.has("twice as deep"), "whoever finds the link reads no words: {}", page.body);
    let case = house.case(0).await;
    assert_eq!((house.cases().await.len(), case.state), (1, CaseState::Routed));
    assert_eq!(case.attention.as_deref(), Some("New words from the resident"));
    assert_eq!(audited(house, &case.id).await, [("resident".to_owned(), "add".to_owned())]);
    let mut tx = house.db.read().await.unwrap();
    let later = store::message::of_case(&mut tx, &case.id).await.unwrap().remove(1);
    drop(tx);
    assert_eq!((later.party, later.body.as_str()), (Party::Resident, "It is twice as deep since the rain."));
    house.desk(async |desk, tx| desk.send_on(tx, &case.id, &later.id, "administrator").await).await.expect("sent on");
    let told = house.sends().await.pop().unwrap();
    assert!(header(&told, "To").contains("highways") && told.contains("twice as deep"), "{told}");
    assert!(header(&told, "Subject").contains(case.reference.as_str()), "{told}");
    let sums = house.accounts().await;
    assert_eq!((sums.received, sums.new_cases, sums.joined, sums.unaccounted), (2, 1, 1, 0));
});

story!(a_photo_added_to_a_closed_case_opens_it_again, house, {
    let site = Site::of(house, |_| {}).await;
    let ann = Resident::reports(house, &site, ANN).await;
    let case = house.case(0).await;
    closes(house, &case.id).await;
    assert!(ann.sees().await.has("It is closed"));
    let nothing = ann.sends(house, "add", &[Text("problem", " \n")]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(nothing.has("<a href=\"#problem\">Write something or choose a file"), "{}", nothing.body);
    let page = ann.does(house, "add", &[Text("problem", ""), File("still there.png", PHOTO)]).await;
    assert!(page.has("It is open again") && page.has("A person is looking at it"), "{}", page.body);
    let case = house.case(0).await;
    assert_eq!((house.cases().await.len(), case.state), (1, CaseState::Review));
    assert_eq!(case.attention.as_deref(), Some("The resident answered after it was closed"));
    let mut tx = house.db.read().await.unwrap();
    let files = store::attachment::of_case(&mut tx, &case.id).await.unwrap();
    assert_eq!((files.len(), files[0].name.as_str()), (1, "still there.png"));
});

story!(the_same_words_sent_twice_are_stored_once, house, {
    let site = Site::of(house, |_| {}).await;
    let ann = Resident::reports(house, &site, ANN).await;
    let token = ann.sees().await.token();
    house.clock.advance(TimeDelta::minutes(1));
    let words = [Text("problem", "It is twice as deep since the rain.")];
    let (first, second) = tokio::join!(ann.sends_again(&token, "add", &words), ann.sends_again(&token, "add", &words));
    house.works().await;
    let third = ann.sends_again(&token, "add", &words).await;
    house.works().await;
    for sent in [&first, &second, &third] {
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    }
    assert_eq!((house.accounts().await.received, house.cases().await.len()), (2, 1));
    let other = ann.sends_again(&token, "add", &[Text("problem", "And the lamp is out.")]).await;
    assert_eq!(other.status, StatusCode::CONFLICT, "other words are neither lost nor put in their place");
    assert!(other.has("And the lamp is out."), "{}", other.body);
});

story!(a_resident_withdraws_and_the_department_hears_it_once, house, {
    let site = Site::of(house, |_| {}).await;
    let ann = Resident::reports(house, &site, ANN).await;
    house.sends().await;
    let case = house.case(0).await;
    assert!(ann.sees().await.has("Withdraw my report"));
    assert_eq!(house.case(0).await.state, CaseState::Routed, "looking changes nothing");
    let token = ann.sees().await.token();
    for _ in 0..3 {
        assert_eq!(ann.sends_again(&token, "withdraw", &[]).await.status, StatusCode::SEE_OTHER);
    }
    let case_now = house.case(0).await;
    assert_eq!((case_now.state, case_now.closed_at), (CaseState::Closed, Some(house.clock.now())));
    let sent = house.sends().await;
    let told: Vec<&String> = sent.iter().filter(|mail| mail.contains("not needed any more")).collect();
    let to_department: Vec<_> = told.iter().filter(|mail| header(mail, "To").contains("highways")).collect();
    assert_eq!(to_department.len(), 1, "{told:?}");
    assert!(header(to_department[0], "Cc").contains("nowak") || case.councillor.is_none(), "{}", to_department[0]);
    assert_eq!(audited(house, &case.id).await, [("resident".to_owned(), "withdraw".to_owned())]);
    let page = ann.sees().await;
    assert!(page.has("You said that it is not needed any more") && page.has("It is closed"), "{}", page.body);
    assert!(!page.has("Withdraw my report"), "{}", page.body);
    // Who writes again wants it again.
    ann.does(house, "add", &[Text("problem", "I was wrong, it is still there.")]).await;
    assert_eq!(house.case(0).await.state, CaseState::Review);
});

story!(a_case_that_nobody_has_yet_is_withdrawn_without_bothering_anybody, house, {
    house.set(|rules| rules.policy.mode = Mode::Suggest);
    let site = Site::of(house, |_| {}).await;
    let ann = Resident::reports(house, &site, ANN).await;
    let page = ann.does(house, "solved", &[]).await;
    assert!(page.has("Your report is closed") && page.has("You said that it is solved"), "{}", page.body);
    assert_eq!(house.case(0).await.state, CaseState::Closed);
    assert!(house.outgoing(&house.case(0).await.id).await.iter().all(|o| o.party == Party::Resident));
});

story!(withdrawing_a_joined_report_leaves_the_other_reporters_alone, house, {
    let site = Site::of(house, |_| {}).await;
    let [ann, ben] = two_of_one_hole(house, &site).await;
    let page = ben.does(house, "withdraw", &[]).await;
    assert!(page.has("You get no more news of this report"), "{}", page.body);
    let (parent, child) = (house.case(0).await, house.case(1).await);
    assert_eq!((parent.state, child.state), (CaseState::Routed, CaseState::Joined));
    assert!(outgoing(house, &parent.id, "withdrawal").await.is_empty(), "the department goes on for the other one");
    closes(house, &parent.id).await;
    assert_eq!(outgoing(house, &parent.id, "closing").await.len(), 1, "who is still waiting is told");
    assert!(outgoing(house, &child.id, "closing").await.is_empty(), "who wants no more news gets none");
    // Who writes again is told again.
    ben.does(house, "add", &[Text("problem", "It is still there.")]).await;
    closes(house, &parent.id).await;
    assert_eq!(outgoing(house, &child.id, "closing").await.len(), 1);
    assert!(ann.sees().await.has("It is closed"));
});

story!(a_case_that_others_are_joined_to_goes_on_without_its_first_reporter, house, {
    let site = Site::of(house, |_| {}).await;
    let [ann, ben] = two_of_one_hole(house, &site).await;
    let page = ann.does(house, "solved", &[]).await;
    assert!(page.has("You get no more news of this report"), "{}", page.body);
    let (parent, child) = (house.case(0).await, house.case(1).await);
    assert_eq!((parent.state, child.state), (CaseState::Routed, CaseState::Joined));
    let asked = parent.attention.as_deref().unwrap_or_default();
    assert!(asked.contains("says that it is solved") && asked.contains(parent.reference.as_str()), "{asked}");
    closes(house, &parent.id).await;
    assert!(outgoing(house, &parent.id, "closing").await.is_empty());
    assert_eq!(outgoing(house, &child.id, "closing").await.len(), 1);
    for (page, own, other) in [(ann.sees().await, &parent, &child), (ben.sees().await, &child, &parent)] {
        assert!(page.has(own.reference.as_str()) && !page.has(other.reference.as_str()), "{}", page.body);
    }
});

story!(a_withdrawal_where_somebody_may_be_in_danger_asks_a_person, house, {
    let site = Site::of(house, |_| {}).await;
    let words = "he says he will kill me tonight, i am hiding in the bathroom at 12 Mill Lane";
    let ann = Resident::reports(house, &site, &[Text("problem", words), Text("consent", "share")]).await;
    assert_eq!(house.case(0).await.state, CaseState::Held);
    for act in ["withdraw", "withdraw", "solved"] {
        let page = ann.does(house, act, &[]).await;
        assert!(page.has("a person looks at it"), "{}", page.body);
        assert!(!page.has("danger") && !page.has("safe"), "{}", page.body);
    }
    let case = house.case(0).await;
    assert_eq!(case.state, CaseState::Held, "nothing else is changed");
    assert!(case.attention.as_deref().unwrap_or_default().contains("look before you close it"), "{:?}", case.attention);
    assert_eq!(audited(house, &case.id).await.len(), 2, "the same word twice is one");
    assert!(house.outgoing(&case.id).await.is_empty());
});

story!(a_case_is_rated_once, house, {
    let site = Site::of(house, |_| {}).await;
    let ann = Resident::reports(house, &site, ANN).await;
    let open = ann.sees().await;
    assert!(!open.has("How satisfied are you"), "{}", open.body);
    assert_eq!(
        ann.sends(house, "rate", &[Text("score", "5")]).await.status,
        StatusCode::CONFLICT,
        "not before its end"
    );
    let case = house.case(0).await;
    closes(house, &case.id).await;
    let asked = ann.sees().await;
    assert!(asked.has("How satisfied are you with what we did?"), "{}", asked.body);
    for score in ["", "0", "6", "5 stars"] {
        let wrong = ann.sends(house, "rate", &[Text("score", score), Text("problem", "Thanks, all")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            wrong.has("<a href=\"#score\">Choose how satisfied you are") && wrong.has("Thanks, all"),
            "{}",
            wrong.body
        );
    }
    let words = "It took them weeks, and the edge is still sharp.";
    let page = ann.does(house, "rate", &[Text("score", "2"), Text("problem", words)]).await;
    assert!(page.has("You said how satisfied you are") && !page.has("How satisfied are you"), "{}", page.body);
    assert!(!page.has("sharp"), "{}", page.body);
    let second = ann.sends(house, "rate", &[Text("score", "5")]).await;
    assert_eq!(second.status, StatusCode::SEE_OTHER, "said again it changes nothing");
    let mut tx = house.db.read().await.unwrap();
    let rating = store::trail::rating(&mut tx, &case.id).await.unwrap().expect("a rating");
    drop(tx);
    assert_eq!((rating.score, rating.words.as_deref()), (2, Some(words)));
    let case = house.case(0).await;
    assert_eq!(case.state, CaseState::Closed, "a rating sets nothing in motion");
    assert_eq!(case.attention.as_deref(), Some("The resident is not content with how it ended: read what they say"));
    assert_eq!(audited(house, &case.id).await, [("resident".to_owned(), "rate".to_owned())]);
});

story!(a_good_word_asks_nobody_and_a_word_of_danger_asks_somebody, house, {
    let site = Site::of(house, |_| {}).await;
    for (score, words, attention) in [
        ("5", "Quick and friendly, thank you!", None),
        ("1", "", None),
        (
            "4",
            "he says he will kill me tonight",
            Some("What the resident says about how it ended reads as if somebody may be in danger"),
        ),
    ] {
        let ann = Resident::reports(house, &site, ANN).await;
        let case = house.cases().await.pop().unwrap();
        house.accepts_if_waiting(&case.id).await;
        closes(house, &case.id).await;
        ann.does(house, "rate", &[Text("score", score), Text("problem", words)]).await;
        assert_eq!(house.cases().await.pop().unwrap().attention.as_deref(), attention, "{words}");
        house.clock.advance(TimeDelta::hours(1));
    }
});

story!(a_guessed_trail_link_is_refused_and_written_down, house, {
    let site = Site::of(house, |_| {}).await;
    let ann = Resident::reports(house, &site, ANN).await;
    let (good, _) = ann.path.split_once('?').unwrap();
    let case = house.case(0).await;
    let other_purpose = house.pipeline.house.key.seal("form", &format!("case-{}", case.id));
    let guesses = [
        format!("{good}x"),
        format!("/trail/{}", case.reference),
        format!("/trail/case-{}", case.id),
        format!("/trail/{other_purpose}"),
    ];
    for guess in &guesses {
        let page = site.get(guess).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{guess}");
        assert!(page.has("This link leads nowhere") && !page.has("has your report"), "{}", page.body);
    }
    let token = ann.sees().await.token();
    let posted = site.post_to(&guesses[0], &token, HOME, &[Text("act", "withdraw")]).await;
    assert_eq!(posted.status, StatusCode::NOT_FOUND);
    assert_eq!(house.case(0).await.state, CaseState::Routed);
    let mut tx = house.db.read().await.unwrap();
    let trail = store::audit::of(&mut tx, "trail").await.unwrap();
    let written: Vec<_> = trail.iter().map(|e| (e.actor.as_str(), e.action.as_str(), e.detail.to_string())).collect();
    assert_eq!(written, vec![("somebody unknown", "refused", "{}".to_owned()); 5], "each, and not what was guessed");
    drop(tx);
    // Nobody fills the trail with guesses.
    for _ in 0..40 {
        assert_eq!(site.get(&guesses[1]).await.status, StatusCode::NOT_FOUND);
    }
    let mut tx = house.db.read().await.unwrap();
    let written = store::audit::of(&mut tx, "trail").await.unwrap().len();
    assert_eq!(written, 20 + 1, "as many as of one address are written down; what was posted came from another one");
});

story!(a_form_of_one_page_is_good_for_no_other_page, house, {
    let site = Site::of(house, |_| {}).await;
    let ann = Resident::reports(house, &site, ANN).await;
    let lamp = [Text("problem", "The street light in Signal Row is out"), Text("consent", "share")];
    let ben = Resident::reports(house, &site, &lamp).await;
    let (of_ben, report) = (ben.sees().await.token(), site.get("/report").await.token());
    house.clock.advance(TimeDelta::minutes(1));
    for token in [of_ben.as_str(), report.as_str(), ""] {
        for act in ["add", "withdraw", "solved"] {
            let refused = ann.sends_again(token, act, &[Text("problem", "These words are kept")]).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{act}");
            assert!(refused.has("open for too long"), "{}", refused.body);
            assert_eq!(refused.has("These words are kept"), act == "add", "{}", refused.body);
        }
    }
    let old = ann.sees().await.token();
    house.clock.advance(TimeDelta::hours(25));
    assert_eq!(ann.sends_again(&old, "withdraw", &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!((house.case(0).await.state, house.accounts().await.received), (CaseState::Routed, 2));
});

story!(too_much_from_one_network_address_has_to_wait, house, {
    let site = Site::of(house, |policy| policy.per_address = 2).await;
    let ann = Resident::reports(house, &site, ANN).await;
    ann.does(house, "add", &[Text("problem", "It is twice as deep since the rain.")]).await;
    let refused = ann.sends(house, "add", &[Text("problem", "And the lamp is out.")]).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        refused.has("And the lamp is out.") && refused.has("Too much came from your connection"),
        "{}",
        refused.body
    );
    assert_eq!(ann.sends(house, "withdraw", &[]).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!((house.case(0).await.state, house.accounts().await.received), (CaseState::Routed, 2));
});

story!(who_wrote_by_mail_has_a_private_page_too_and_is_asked_once_how_content_they_are, house, {
    let site = Site::of(house, |_| {}).await;
    house.set(|rules| rules.council.public_url = Some("https://report.brackenmere.example".to_owned()));
    house.receives(letter("ann@home.example", "1@h.example", "Pothole", POTHOLE)).await;
    let case = house.case(0).await;
    let sent = house.sends().await;
    let told = sent.iter().find(|mail| header(mail, "To").contains("ann@home.example")).expect("an acknowledgement");
    let ann = Resident { site: &site, path: link(told, "/trail/") };
    let page = ann.sees().await;
    assert!(page.has("A copy went to your councillor"), "{}", page.body);
    assert!(page.has(case.reference.as_str()) && page.has("has your report"), "{}", page.body);
    for kept_back in ["pothole", "Pothole", "Ann", "home.example", "Mill Lane", "administrator", "Nowak"] {
        assert!(!page.has(kept_back), "{kept_back}: {}", page.body);
    }
    ann.does(house, "add", &[Text("problem", "It is twice as deep since the rain.")]).await;
    assert_eq!((house.cases().await.len(), house.case(0).await.state), (1, CaseState::Routed));
    closes(house, &case.id).await;
    house.clock.advance(TimeDelta::minutes(1));
    ann.does(house, "add", &[Text("problem", "It is there again.")]).await;
    house.accepts(&case.id).await;
    closes(house, &case.id).await;
    let closings = outgoing(house, &case.id, "closing").await;
    let asks: Vec<bool> = closings.iter().map(|o| o.mail.0.body.contains("How satisfied are you")).collect();
    assert_eq!(asks, [true, false]);
    assert!(closings[0].mail.0.body.contains("https://report.brackenmere.example/trail/case-"), "{:?}", closings[0]);
});

story!(what_is_for_the_councillor_only_stays_between_the_two, house, {
    let site = Site::of(house, |_| {}).await;
    let parts = [
        Text("problem", "My neighbour's dog barks all night."),
        Text("consent", "private"),
        Text("councillor", "nowak"),
    ];
    let ann = Resident::reports(house, &site, &parts).await;
    let case = house.case(0).await;
    let page = ann.does(house, "add", &[Text("problem", "And in the day.")]).await;
    assert!(page.has("nobody else"), "{}", page.body);
    ann.does(house, "withdraw", &[]).await;
    assert_eq!(house.case(0).await.state, CaseState::Closed);
    let sent = house.sends().await;
    assert!(sent.iter().all(|mail| header(mail, "To").contains("cllr.nowak")), "{sent:?}");
    assert!(sent.iter().any(|mail| mail.contains("And in the day.")), "{sent:?}");
    assert_eq!(sent.iter().filter(|mail| mail.contains("not needed any more")).count(), 1, "{sent:?}");
    let page = ann.sees().await;
    assert!(!page.has("How satisfied are you"), "nobody at the desk may read it: {}", page.body);
    assert_eq!(ann.sends(house, "rate", &[Text("score", "1")]).await.status, StatusCode::CONFLICT);
    assert_eq!(audited(house, &case.id).await.len(), 2);
});

story!(the_private_page_speaks_every_language_of_the_form, house, {
    let site = Site::of(house, |_| {}).await;
    let ann = Resident::reports(house, &site, ANN).await;
    closes(house, &house.case(0).await.id).await;
    let (path, _) = ann.path.split_once('?').unwrap();
    let rules = house.pipeline.understanding.rules();
    for code in beadle::core::language::ANSWERED {
        let page = site.get(&format!("{path}?lang={code}&said=added")).await;
        let words = &rules.forms[code].trail_page;
        for said in
            [&words.can, &words.add_send, &words.rate_5, &words.rate_send, &words.next_closed, &words.said_added]
        {
            let said = said.replace('\'', "&#39;");
            assert!(page.has(&said), "{code}: {said}: {}", page.body);
        }
    }
});
