//! The officer's page: what the link in the department's mail lets somebody do who has no account.

use crate::desk::{Answer, Desk};
use crate::postgres::postgres;
use beadle::core::{CaseState, Channel, Party};
use beadle::routing::RoutingPolicy;
use beadle::store::{self, case::Case, outbox::Outgoing};
use chrono::TimeDelta;
use reqwest::StatusCode;

/// A pothole that its department was told of, and the path of the link in the mail.
async fn routed(desk: &Desk) -> (Case, String) {
    let case = desk.pothole().await;
    let path = format!("/cases/{}", case.reference);
    let answer = desk.press(&desk.get(&path).await, &format!("{path}/accept"), &[]).await;
    assert!(answer.location().ends_with("done=accepted"), "{}", answer.body);
    desk.deliver().await;
    let link = link(&desk.mails(&case, "referral").await);
    (desk.case(&case.reference).await, link)
}

/// The path of the link in the last of some mails.
fn link(mails: &[Outgoing]) -> String {
    let body = &mails.last().expect("a mail").mail.0.body;
    let line = body.lines().find(|line| line.contains("/officer/")).unwrap_or_else(|| panic!("no link in {body}"));
    line.strip_prefix("https://cases.brackenmere.example").expect("the council's address").to_owned()
}

impl Desk {
    /// What went out, or is to go out, for a purpose, oldest first.
    async fn mails(&self, case: &Case, purpose: &str) -> Vec<Outgoing> {
        self.outgoing(case).await.into_iter().filter(|o| o.purpose == purpose && o.status != "cancelled").collect()
    }

    /// Somebody on their way, who never signed in here.
    fn stranger(&self) -> Phone<'_> {
        Phone {
            desk: self,
            browser: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
        }
    }

    async fn decisions(&self, case: &Case) -> Vec<(String, String)> {
        let mut tx = self.db().read().await.unwrap();
        let all = store::decision::of_case(&mut tx, &case.id).await.unwrap();
        all.into_iter().map(|d| (d.kind, d.actor)).collect()
    }
}

/// A phone without a cookie.
struct Phone<'a> {
    desk: &'a Desk,
    browser: reqwest::Client,
}

impl Phone<'_> {
    async fn open(&self, path: &str) -> Answer {
        self.desk.ask(self.browser.get(format!("{}{path}", self.desk.base))).await
    }

    async fn send(&self, page: &Answer, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = page.field("form");
        let fields = [("form", form.as_str())].into_iter().chain(fields.iter().copied());
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.browser.post(format!("{}{path}", self.desk.base));
        self.desk.ask(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }
}

async fn accepts_sets_a_date_and_closes(desk: &Desk) {
    let (case, link) = routed(desk).await;
    let phone = desk.stranger();
    let page = phone.open(&link).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for said in ["There is a deep pothole", "Derek Hollis", "Pothole", "Accept: we deal with it", "To be done by"] {
        assert!(page.has(said), "{said} is not in\n{}", page.body);
    }
    assert_eq!(page.headers["x-robots-tag"], "noindex, nofollow");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");

    let answer = phone.send(&page, &format!("{link}/accept"), &[("name", "J Smith")]).await;
    assert_eq!(answer.location(), format!("{link}?done=accept"), "{}", answer.body);
    let page = phone.open(answer.location()).await;
    assert!(page.has("Accepted") && !page.has("Accept: we deal with it"), "{}", page.body);

    let later = [("day", "2026-05-29"), ("why", "The frost has to be out of the ground."), ("name", "J Smith")];
    let answer = phone.send(&page, &format!("{link}/date"), &later).await;
    assert!(answer.location().ends_with("done=date"), "{}", answer.body);
    assert_eq!(desk.case(&case.reference).await.due_on, "2026-05-29");
    let told = desk.mails(&case, "delay").await;
    assert!(told[0].mail.0.to[0].contains("derek@fenmail.example"), "{told:?}");
    assert!(told[0].mail.0.body.contains("Friday 29 May 2026") && !told[0].mail.0.body.contains("frost"), "{told:?}");
    let councillor = desk.outgoing(&case).await.into_iter().rfind(|o| o.party == Party::Councillor).expect("a notice");
    assert!(
        councillor.mail.0.body.contains("29 May 2026") && councillor.mail.0.body.contains("frost"),
        "{councillor:?}"
    );

    let page = phone.open(&link).await;
    let end = [("done", "yes"), ("words", "Filled on Monday.")];
    let answer = phone.send(&page, &format!("{link}/close"), &end).await;
    assert!(answer.location().ends_with("done=close"), "{}", answer.body);
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Closed);
    assert!(desk.mails(&case, "closing").await[0].mail.0.body.contains("Filled on Monday."));
    let after = phone.open(answer.location()).await;
    assert!(after.has("Closed. Everybody who reported it is told") && !after.has("Derek"), "{}", after.body);

    let page = desk.get(&format!("/cases/{}", case.reference)).await;
    for said in
        ["The department accepted it", "(J Smith)", "It takes longer", "Why: The frost", "Told: Filled on Monday."]
    {
        assert!(page.has(said), "{said} is not in\n{}", page.body);
    }
}

#[tokio::test]
async fn an_officer_without_an_account_accepts_sets_a_date_and_closes_from_the_link_in_the_mail() {
    accepts_sets_a_date_and_closes(&Desk::open().await).await;
}

#[tokio::test]
async fn the_same_on_postgresql() {
    let policy = RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() };
    let desk = Desk::on(&postgres("officer").await, tempfile::tempdir().unwrap(), policy).await;
    desk.sign_in(crate::desk::PASSWORD, "").await;
    accepts_sets_a_date_and_closes(&desk).await;
}

#[tokio::test]
async fn handing_on_is_the_same_on_postgresql() {
    let policy = RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() };
    let desk = Desk::on(&postgres("handing").await, tempfile::tempdir().unwrap(), policy).await;
    desk.sign_in(crate::desk::PASSWORD, "").await;
    hands_on(&desk).await;
}

async fn hands_on(desk: &Desk) {
    let (case, link_before) = routed(desk).await;
    let phone = desk.stranger();
    let page = phone.open(&link_before).await;
    let other = if case.department == "housing" { "planning" } else { "housing" };
    let without = phone.send(&page, &format!("{link_before}/hand-on"), &[("to", other), ("why", " ")]).await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(without.has("Say in a few words why it is not yours"), "{}", without.body);
    let on = [("to", other), ("why", "The road belongs to the estate.")];
    let answer = phone.send(&page, &format!("{link_before}/hand-on"), &on).await;
    assert!(answer.location().ends_with("done=hand-on"), "{}", answer.body);
    let moved = desk.case(&case.reference).await;
    assert_eq!((moved.state, moved.department.as_str()), (CaseState::Routed, other));
    let referral = desk.mails(&case, "referral").await.pop().unwrap();
    assert!(referral.mail.0.cc.iter().any(|cc| cc.contains("cllr.adeyemi@")), "the councillor is copied as ever");

    let old = phone.open(&link_before).await;
    assert_eq!(old.status, StatusCode::GONE);
    let whose = desk.pipeline.understanding.rules().taxonomy.department_name(other).to_owned();
    assert!(old.has(&format!("This case was handed on: {whose} has it now.")), "{}", old.body);
    for gone in ["Derek", "pothole", "Tanner", "name=\"form\""] {
        assert!(!old.has(gone), "{gone} is in\n{}", old.body);
    }
    let late = phone.send(&page, &format!("{link_before}/close"), &[("done", "yes")]).await;
    assert_eq!(late.status, StatusCode::GONE);
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Routed);

    let new = phone.open(&link(&[referral])).await;
    assert!(new.has("The road belongs to the estate.") && new.has("There is a deep pothole"), "{}", new.body);
}

#[tokio::test]
async fn an_old_link_shows_nothing_after_the_case_was_handed_on() {
    hands_on(&Desk::open().await).await;
}

#[tokio::test]
async fn who_does_not_know_whose_it_is_gives_it_back_and_the_desk_can_send_it_again() {
    let desk = Desk::open().await;
    let (case, link) = routed(&desk).await;
    let phone = desk.stranger();
    let page = phone.open(&link).await;
    let back = [("to", "unknown"), ("why", "Not a road we keep.")];
    phone.send(&page, &format!("{link}/hand-on"), &back).await;
    let returned = desk.case(&case.reference).await;
    assert_eq!(returned.state, CaseState::Review);
    assert!(returned.attention.unwrap().contains("says that it is not theirs"));
    assert!(phone.open(&link).await.has("back with the council"));
    desk.pipeline.clock.advance(TimeDelta::minutes(5));
    let path = format!("/cases/{}", case.reference);
    let page = desk.get(&path).await;
    assert!(page.has("Why: Not a road we keep."), "{}", page.body);
    desk.press(&page, &format!("{path}/accept"), &[]).await;
    assert_eq!(desk.mails(&case, "referral").await.len(), 2, "the department is told anew");
    assert_eq!(phone.open(&link).await.status, StatusCode::OK);
}

#[tokio::test]
async fn opening_the_link_changes_nothing() {
    let desk = Desk::open().await;
    let (case, link) = routed(&desk).await;
    let before = (desk.case(&case.reference).await, desk.outgoing(&case).await.len(), desk.decisions(&case).await);
    let phone = desk.stranger();
    for path in [link.clone(), format!("{link}?done=close"), format!("{link}/accept"), format!("{link}/close?done=yes")]
    {
        phone.open(&path).await;
        desk.ask(phone.browser.head(format!("{}{path}", desk.base))).await;
    }
    let after = (desk.case(&case.reference).await, desk.outgoing(&case).await.len(), desk.decisions(&case).await);
    assert_eq!(
        (before.0.state, before.0.attention, before.1, before.2),
        (after.0.state, after.0.attention, after.1, after.2)
    );
    let trail = desk.trail(&format!("case:{}", case.id)).await;
    let read = trail.iter().filter(|entry| entry.starts_with("officer of ") && entry.ends_with(" read case")).count();
    assert_eq!(read, 4, "each opening is a reading: {trail:?}");
}

#[tokio::test]
async fn the_officer_sees_only_what_consent_allows() {
    let desk = Desk::open().await;
    let (case, link) = routed(&desk).await;
    let phone = desk.stranger();
    assert!(phone.open(&link).await.has("derek@fenmail.example"));
    let path = format!("/cases/{}", case.reference);
    desk.press(&desk.get(&path).await, &format!("{path}/consent"), &[("consent", "councillor")]).await;
    let page = phone.open(&link).await;
    assert!(page.has("a resident who does not wish to be named to you"), "{}", page.body);
    for kept in ["Derek Hollis", "derek@fenmail.example"] {
        assert!(!page.has(kept), "{kept} is in\n{}", page.body);
    }
    // What the resident writes later is the department's only once somebody sends it on; notes of the desk never are.
    let note = [("words", "Derek rang twice, be kind to him.")];
    desk.press(&desk.get(&path).await, &format!("{path}/note"), &note).await;
    desk.pipeline.clock.advance(TimeDelta::minutes(5));
    let later = desk.mails(&case, "acknowledgement").await.pop().unwrap();
    let answer = format!(
        "Authentication-Results: mx.brackenmere.example; dmarc=pass header.from=fenmail.example\r\nMessage-ID: <later@fenmail.example>\r\n\
         Date: Fri, 13 Mar 2026 15:00:00 +0000\r\nFrom: Derek Hollis <derek@fenmail.example>\r\nTo: cases@brackenmere.example\r\n\
         In-Reply-To: <{}>\r\nSubject: Re: Pothole\r\n\r\nMy neighbour Mrs Quill fell into it.\r\n",
        later.rfc_message_id
    );
    desk.take_in(answer.as_bytes()).await;
    let at_the_desk = desk.get(&path).await;
    assert!(at_the_desk.has("Mrs Quill") && at_the_desk.has("be kind to him"), "{}", at_the_desk.body);
    let page = phone.open(&link).await;
    assert!(!page.has("Mrs Quill") && !page.has("be kind to him"), "{}", page.body);
    desk.press(&at_the_desk, &at_the_desk.address("/send-on"), &[]).await;
    assert!(phone.open(&link).await.has("Mrs Quill"), "now they were told");
    desk.press(
        &desk.get(&path).await,
        &format!("{path}/note"),
        &[("words", "The key is with the caretaker."), ("tell", "yes")],
    )
    .await;
    assert!(desk.mails(&case, "desk").await[0].mail.0.body.contains("The key is with the caretaker."));
    assert!(phone.open(&link).await.has("The key is with the caretaker."));
}

#[tokio::test]
async fn a_question_reaches_the_desk_and_nobody_else() {
    let desk = Desk::open().await;
    let (case, link) = routed(&desk).await;
    let phone = desk.stranger();
    let before = desk.outgoing(&case).await.len();
    let page = phone.open(&link).await;
    let ask = [("whom", "resident"), ("words", "Which side of <the road>?"), ("name", "JS")];
    assert!(phone.send(&page, &format!("{link}/ask"), &ask).await.location().ends_with("done=ask"));
    let asked = desk.case(&case.reference).await;
    assert!(asked.attention.unwrap().contains("has a question for the resident"));
    assert_eq!(desk.outgoing(&case).await.len(), before, "nothing goes to the resident without a person");
    let at_the_desk = desk.get(&format!("/cases/{}", case.reference)).await;
    assert!(at_the_desk.has("Which side of &#60;the road&#62;?") && at_the_desk.has("(JS)"), "{}", at_the_desk.body);
    assert!(phone.open(&link).await.has("Which side of &#60;the road&#62;?"));
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_done_once_and_one_that_was_changed_is_not_lost() {
    let desk = Desk::open().await;
    let (case, link) = routed(&desk).await;
    let phone = desk.stranger();
    let page = phone.open(&link).await;
    let ask = [("whom", "desk"), ("words", "Who has the key?")];
    for _ in 0..2 {
        let answer = phone.send(&page, &format!("{link}/ask"), &ask).await;
        assert!(answer.location().ends_with("done=ask"), "{}", answer.body);
    }
    let trail = desk.trail(&format!("case:{}", case.id)).await;
    assert_eq!(trail.iter().filter(|entry| entry.ends_with(" note")).count(), 1, "{trail:?}");
    let other = phone.send(&page, &format!("{link}/ask"), &[("whom", "desk"), ("words", "And the map?")]).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(other.has("Something else was sent from this page before") && other.has("And the map?"), "{}", other.body);
    let answer = phone.send(&other, &format!("{link}/ask"), &[("whom", "desk"), ("words", "And the map?")]).await;
    assert!(answer.location().ends_with("done=ask"), "its new form is good: {}", answer.body);
    desk.pipeline.clock.advance(TimeDelta::hours(25));
    let old = phone.send(&other, &format!("{link}/close"), &[("done", "yes")]).await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(old.has("open for more than a day"), "{}", old.body);
    assert_eq!(desk.case(&case.reference).await.state, CaseState::Routed);
}

#[tokio::test]
async fn a_form_of_one_case_does_nothing_on_another() {
    let desk = Desk::open().await;
    let (_, one) = routed(&desk).await;
    let tree = desk.mail("Bo <bo@fenmail.example>", "Tree", "A lime tree in Beacon Lane has lost a limb.").await;
    let path = format!("/cases/{}", tree.reference);
    desk.press(&desk.get(&path).await, &format!("{path}/accept"), &[]).await;
    let other = link(&desk.mails(&tree, "referral").await);
    let phone = desk.stranger();
    let page = phone.open(&one).await;
    let answer = phone.send(&page, &format!("{other}/close"), &[("done", "yes")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(desk.case(&tree.reference).await.state, CaseState::Routed);
}

#[tokio::test]
async fn a_guessed_link_is_refused_and_written_down() {
    let desk = Desk::open().await;
    let (case, link) = routed(&desk).await;
    let phone = desk.stranger();
    let guessed = format!("/officer/{}.{}.AAAAAAAAAAAAAAAAAAAAAA", case.reference.compact(), case.department);
    let nowhere = phone.open("/no-such-page").await;
    for path in [guessed.as_str(), "/officer/x", &link.replace(&case.department, "housing"), &link[..link.len() - 1]] {
        let answer = phone.open(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.body, nowhere.body, "it says no more than any other address that leads nowhere");
    }
    let sent = desk.ask(phone.browser.post(format!("{}{guessed}/close", desk.base)).form_body("done=yes")).await;
    assert_eq!(sent.status, StatusCode::NOT_FOUND);
    let trail = desk.trail("officer link").await;
    assert_eq!(trail, vec!["somebody unknown refused"; 5], "without what was tried");
    for _ in 0..40 {
        phone.open("/officer/x").await;
    }
    assert_eq!(desk.trail("officer link").await.len(), 20, "and not without end");
}

trait FormBody {
    fn form_body(self, body: &str) -> Self;
}

impl FormBody for reqwest::RequestBuilder {
    fn form_body(self, body: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned())
    }
}

#[tokio::test]
async fn a_date_that_is_none_is_refused_with_the_words_kept() {
    let desk = Desk::open().await;
    let (case, link) = routed(&desk).await;
    let phone = desk.stranger();
    let page = phone.open(&link).await;
    for (day, why) in [
        ("soon", "Choose the new day"),
        ("2026-03-13", "Choose a day later than today"),
        (case.due_on.as_str(), "Choose a day later than today"),
        ("2026-05-30", "Choose a working day"),
        ("2026-05-25", "Choose a working day"),
        ("2029-05-29", "Choose a day within a year"),
    ] {
        let answer = phone.send(&page, &format!("{link}/date"), &[("day", day), ("why", "Waiting for parts")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{day}");
        assert!(answer.has(why) && answer.has("Waiting for parts</textarea>"), "{day}: {}", answer.body);
    }
    let answer = phone.send(&page, &format!("{link}/date"), &[("day", "2026-05-29"), ("why", "")]).await;
    assert!(answer.has("Say in a few words why it takes longer"), "{}", answer.body);
    assert_eq!(desk.case(&case.reference).await.due_on, case.due_on);
    assert!(desk.mails(&case, "delay").await.is_empty());
}

#[tokio::test]
async fn a_private_case_has_no_link_and_an_old_one_shows_nothing() {
    let desk = Desk::open().await;
    let (case, link) = routed(&desk).await;
    let mut tx = desk.db().begin().await.unwrap();
    let mut private = store::case::get_to_change(&mut tx, &case.id).await.unwrap().unwrap();
    private.consent = "private".to_owned();
    store::case::update(&mut tx, &private, desk.pipeline.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let page = desk.stranger().open(&link).await;
    assert_eq!(page.status, StatusCode::GONE);
    assert!(!page.has("Derek") && !page.has("pothole"), "{}", page.body);
    let mails = desk.outgoing(&case).await;
    assert!(
        mails.iter().filter(|o| o.channel == Channel::Email && o.party == Party::Resident).all(|o| !o
            .mail
            .0
            .body
            .contains("/officer/"))
    );
}
