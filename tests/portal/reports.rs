//! Reports: figures of the cases, each drawn, told as a table, and to be had as a CSV.

use crate::desk::{Answer, Desk, PASSWORD, Person, letter};
use crate::postgres::postgres;
use beadle::core::{CaseState, Channel, Role};
use beadle::portal::Portal;
use beadle::routing::RoutingPolicy;
use beadle::store::{self, args, case::Case};
use chrono::TimeDelta;
use reqwest::StatusCode;

/// Every table there is, in the order of the page.
const NAMES: [&str; 18] = [
    "volume",
    "wards",
    "services",
    "channels",
    "hours",
    "weekdays",
    "standard",
    "answers",
    "satisfaction",
    "ward-services",
    "ward-channels",
    "ward-times",
    "ward-standard",
    "ward-satisfaction",
    "missing",
    "languages",
    "benefit",
    "cost",
];

/// Rows of a CSV of the reports, its line of names first.
async fn csv(desk: &Desk, name: &str, query: &str) -> Vec<Vec<String>> {
    let answer = desk.get(&format!("/reports/{name}.csv?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.body);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(answer.body.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// The number of a row in a column.
fn number(rows: &[Vec<String>], row: &str, column: usize) -> String {
    let found = rows.iter().find(|cells| cells[0] == row);
    found.unwrap_or_else(|| panic!("no row {row} in {rows:?}"))[column].clone()
}

/// The sum of a column.
fn sum(rows: &[Vec<String>], column: usize) -> i64 {
    rows.iter().skip(1).map(|cells| cells[column].parse::<i64>().unwrap()).sum()
}

/// What stands between two marks, each time they come up.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Vec<&'t str> {
    text.split(from).skip(1).map(|rest| rest.split(to).next().unwrap()).collect()
}

/// The part of the page about a figure.
fn part<'p>(page: &'p Answer, name: &str) -> &'p str {
    let mark = format!("<section class=\"report-part\" id=\"{name}\"");
    let (_, rest) = page.body.split_once(&mark).unwrap_or_else(|| panic!("no figure {name}"));
    rest.split("</section>").next().unwrap()
}

/// The cells of the table of a figure.
fn cells(part: &str) -> Vec<Vec<String>> {
    let table = between(part, "<tbody", "</tbody>")[0];
    let text = |cell: &&str| cell.split_once('>').unwrap().1.to_owned();
    let row = |row: &&str| {
        let cells = row.replace("</th>", "</td>").replace("<th ", "<td ");
        between(&cells, "<td ", "</td>").iter().map(text).collect()
    };
    between(table, "<tr", "</tr>").iter().map(row).collect()
}

/// Cases of two wards and services, one of them closed, one private, on a database that is given.
async fn filled(desk: &Desk) -> Vec<Case> {
    let lamp = "The street light, lamp column 14 in Signal Row ZM6 1AA, is out.";
    let mut cases = vec![desk.pothole().await];
    cases.push(desk.mail("Ann <ann@fenmail.example>", "Lamp", lamp).await);
    let bins = "You have missed my bin collection again in Tanner's Row, ZM1 4QT.";
    cases.push(desk.mail("Bob <bob@fenmail.example>", "Missed bin", bins).await);
    cases.push(
        desk.mail(
            "Cid <cid@fenmail.example>",
            "Latarnia",
            "Dzień dobry, na naszej ulicy nie świeci latarnia, proszę o naprawę. Dziękuję bardzo.",
        )
        .await,
    );
    cases
}

async fn set(desk: &Desk, case: &Case, change: impl FnOnce(&mut Case)) {
    let mut case = desk.case(&case.reference).await;
    change(&mut case);
    let mut tx = desk.db().begin().await.unwrap();
    store::case::update(&mut tx, &case, desk.pipeline.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn count(desk: &Desk, sql: &'static str) -> i64 {
    desk.db().read().await.unwrap().count(sql, args![]).await.unwrap()
}

/// A desk of a council that says what a contact costs.
async fn with_costs() -> Desk {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("beadle.db").display());
    let policy = RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() };
    let costs = [(Channel::Email, 250), (Channel::Phone, 400)].into();
    let desk = Desk::with(&url, dir, policy, |_, portal| Portal { costs, ..portal }).await;
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    desk
}

/// Closes a case in time, and its resident says how content they were.
async fn rate(desk: &Desk, case: &Case, score: i64) {
    let now = desk.pipeline.clock.now();
    set(desk, case, |case| {
        case.state = CaseState::Closed;
        case.closed_at = Some(now);
    })
    .await;
    let mut tx = desk.db().begin().await.unwrap();
    let rated = "INSERT INTO ratings (case_id, score, rated_at) VALUES ($1, $2, $3)";
    tx.exec(rated, args![&case.id, score, now]).await.unwrap();
    tx.commit().await.unwrap();
}

/// A case as it would be in another ward, of another councillor.
async fn moved(desk: &Desk, case: &Case, ward: &str, councillor: &str) {
    set(desk, case, |case| {
        case.ward = Some(ward.to_owned());
        case.councillor = Some(councillor.to_owned());
    })
    .await;
}

#[tokio::test]
async fn wards_stand_side_by_side_and_the_map_shows_what_was_chosen() {
    let desk = with_costs().await;
    let cases = filled(&desk).await;
    rate(&desk, &cases[0], 4).await;
    let (abbey, lamp) = (cases[0].ward.clone().unwrap(), cases[1].ward.clone().unwrap());
    let services = csv(&desk, "ward-services", "").await;
    let pothole = services[0].iter().position(|name| name.to_lowercase().contains("pothole")).unwrap();
    assert_eq!(services[0][..2], ["Ward", "Contacts"]);
    assert_eq!((number(&services, &abbey, 1), number(&services, &abbey, pothole)), ("2".to_owned(), "1".to_owned()));
    assert_eq!(number(&services, &lamp, pothole), "0");
    assert_eq!((1..services[0].len()).map(|at| sum(&services, at)).skip(1).sum::<i64>(), 4);
    let channels = csv(&desk, "ward-channels", "").await;
    assert_eq!((channels[0][2].as_str(), number(&channels, &abbey, 2)), ("Email", "2".to_owned()));
    let times = csv(&desk, "ward-times", "").await;
    assert_eq!((times[0].len(), times[0][13].as_str(), number(&times, &abbey, 13)), (14, "Mar 2026", "2".to_owned()));
    assert_eq!(
        csv(&desk, "ward-times", "period=this-month").await[0][2..],
        ["From 23 Feb 2026", "From 2 Mar 2026", "From 9 Mar 2026"]
    );
    let standard = csv(&desk, "ward-standard", "").await;
    let row = standard.iter().find(|row| row[0] == abbey).unwrap();
    assert_eq!(row[1..], ["100.0", "0", "1", "1", "0"], "in time, median, closed, open, overdue");
    let satisfaction = csv(&desk, "ward-satisfaction", "").await;
    assert_eq!(satisfaction.iter().find(|row| row[0] == abbey).unwrap()[1..], ["4", "100.0", "1"]);
    assert_eq!(satisfaction.iter().find(|row| row[0] == lamp).unwrap()[1..], ["", "", "0"]);
    let cost = csv(&desk, "cost", "").await;
    assert_eq!(cost[1], ["Email", "10.00", "2.50", "4"]);
    assert_eq!(cost[2], ["Telephone call", "0.00", "4.00", "0"]);
    let key = &cases[0].service;
    for (map, title, unit, value) in [
        ("", "Contacts by ward", "contacts", "2"),
        ("standard", "Done by the day that was promised, by ward", "per cent of cases", "100.0"),
        ("satisfaction", "How content residents were, by ward", "from 1 to 5", "4"),
        (&format!("service:{key}"), "Contacts about ", "contacts", "1"),
        ("channel:email", "Contacts by ward and one channel: Email", "contacts", "2"),
        ("channel:sms", "Contacts by ward and one channel: Text message", "contacts", "0"),
    ] {
        let query = format!("map={}", map.replace(':', "%3A"));
        assert_eq!(number(&csv(&desk, "wards", &query).await, &abbey, 1), value, "{map}");
        let page = desk.get(&format!("/reports?{query}")).await;
        let part = part(&page, "wards");
        assert!(part.contains(title), "{map}: {part}");
        assert!(page.has(&format!("value=\"{map}\" selected")), "{map} is kept");
        assert!(map.is_empty() || part.contains(&format!("wards.csv?period=12-months&#38;{query}")), "{part}");
        if map != "channel:sms" {
            assert!(part.contains("Shades stand for") && part.contains(unit), "{map}: {part}");
            assert!(part.contains(&format!("<title>{abbey}: {value}</title>")), "{map}: {part}");
        }
    }
    let page = desk.get("/reports?map=service%3A%3Cscript%3E").await;
    assert!(part(&page, "wards").contains("Contacts by ward") && !page.has("<script>"));
}

#[tokio::test]
async fn what_was_closed_as_spam_is_in_no_report_until_it_is_opened_again() {
    let desk = with_costs().await;
    let cases = filled(&desk).await;
    assert_eq!(sum(&csv(&desk, "volume", "").await, 1), 4);
    set(&desk, &cases[1], |case| case.state = CaseState::Closed).await;
    let mut tx = desk.db().begin().await.unwrap();
    store::case::set_spam(&mut tx, &cases[1].id).await.unwrap();
    tx.commit().await.unwrap();
    for name in
        ["volume", "wards", "services", "channels", "hours", "weekdays", "languages", "benefit", "ward-channels"]
    {
        assert_eq!(sum(&csv(&desk, name, "").await, 1), 3, "{name}");
    }
    let page = desk.get("/reports").await;
    assert!(part(&page, "volume").contains("closed as spam is none"), "{}", part(&page, "volume"));
    set(&desk, &cases[1], |case| case.state = CaseState::Review).await;
    assert_eq!(sum(&csv(&desk, "volume", "").await, 1), 4);
}

#[tokio::test]
async fn a_councillors_report_counts_all_of_their_wards_and_no_small_number() {
    let desk = with_costs().await;
    let mut cases = filled(&desk).await;
    for at in 0..4 {
        let from = format!("Person {at} <p{at}@fenmail.example>");
        cases.push(desk.mail(&from, "Lamp", "The street light in Signal Row ZM6 1AA is out.").await);
    }
    // Six lie in Station: four of its own councillor, one told to another, and one for that other councillor only.
    for case in &cases[..4] {
        moved(&desk, case, "Station", "nowak").await;
    }
    moved(&desk, &cases[4], "station", "adeyemi").await;
    moved(&desk, &cases[5], "Station", "adeyemi").await;
    set(&desk, &cases[5], |case| case.consent = "private".to_owned()).await;
    // Told to them, from elsewhere; and nothing to them at all.
    moved(&desk, &cases[6], "Abbey", "nowak").await;
    moved(&desk, &cases[7], "Abbey", "adeyemi").await;
    let cora = Person::new(&desk, "cora", &[(Role::Councillor, Some("nowak"))]).await;
    let page = cora.gets(&desk, "/reports").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let volume = cells(part(&page, "volume"));
    assert_eq!(volume.last().unwrap()[1], "6", "four and one of the ward, one from elsewhere: {volume:?}");
    assert!(!page.has("id=\"cost\""));
    for name in NAMES.iter().filter(|name| !["missing", "cost"].contains(name)) {
        for row in cells(part(&page, name)) {
            let few = |cell: &&String| cell.parse::<i64>().is_ok_and(|n| (1..5).contains(&n));
            // What is saved by each message is what was assumed.
            let shown =
                row[1..].iter().enumerate().filter(|(at, _)| *name != "benefit" || *at != 2).map(|(_, cell)| cell);
            assert!(shown.filter(few).count() == 0, "{name}: {row:?}");
        }
    }
    assert!(part(&page, "ward-services").contains("not shown"));
    let answer = cora.gets(&desk, "/reports/wards.csv?map=channel%3Aemail").await;
    assert!(answer.body.contains("Abbey,not shown"), "{}", answer.body);
}

#[tokio::test]
async fn every_chart_has_its_table_and_its_csv_and_they_agree() {
    let desk = with_costs().await;
    let empty = desk.get("/reports").await;
    assert!(empty.status == StatusCode::OK && empty.has("There is nothing to draw yet."), "{}", empty.body);
    let cases = filled(&desk).await;
    rate(&desk, &cases[0], 4).await;
    let page = desk.get("/reports").await;
    assert!(!page.has("style="), "the pages forbid it");
    assert_eq!(between(&page.body, "<section class=\"report-part\" id=\"", "\""), NAMES, "each table there is, once");
    for name in NAMES {
        assert!(page.has(&format!("href=\"#{name}\"")), "{name} is in the list of contents");
        let part = part(&page, name);
        if name != "answers" {
            assert!(part.contains("role=\"img\"") && part.contains("<title id") && part.contains("<desc id"), "{part}");
        }
        let link = between(part, "href=\"/reports/", "\"")[0].replace("&#38;", "&").replace("&amp;", "&");
        let query = link.strip_prefix(&format!("{name}.csv?")).unwrap();
        let rows = csv(&desk, name, query).await;
        let shown = cells(part);
        assert_eq!(rows.len() - 1, shown.len(), "{name}");
        for (csv, shown) in rows.iter().skip(1).zip(&shown) {
            let shown: Vec<String> =
                shown.iter().map(|cell| cell.replace('–', "").replace("&#39;", "'").replace("&#38;", "&")).collect();
            assert_eq!(csv[1..], shown[1..], "{name}");
            assert!(name == "volume" || csv[0] == shown[0], "{name}: {csv:?} {shown:?}");
        }
        for bar in between(part, "<rect x=\"0\"", ">").iter().chain(&between(part, "<path ", ">")) {
            assert!(!bar.contains("NaN") && !bar.contains("inf"), "{bar}");
        }
    }
    assert_eq!(desk.get("/reports/nothing.csv").await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.get("/reports/volume").await.status, StatusCode::NOT_FOUND);
}

async fn the_numbers_are_those_of_the_cases(desk: Desk) {
    let cases = filled(&desk).await;
    let all = count(&desk, "SELECT COUNT(*) FROM cases").await;
    assert_eq!(all, 4);
    assert_eq!(sum(&csv(&desk, "volume", "").await, 1), all);
    let month = csv(&desk, "volume", "period=this-month").await;
    assert_eq!(month[0], ["When", "Contacts"]);
    assert_eq!((number(&month, "2026-03-13", 1), sum(&month, 1)), (all.to_string(), all));
    assert_eq!(sum(&csv(&desk, "volume", "period=last-month").await, 1), 0);
    let days = "period=days&from=2026-03-14&to=2026-03-15";
    assert_eq!(sum(&csv(&desk, "volume", days).await, 1), 0);
    for name in ["wards", "services", "channels", "hours", "weekdays", "languages"] {
        assert_eq!(sum(&csv(&desk, name, "").await, 1), all, "{name}");
    }
    assert_eq!(number(&csv(&desk, "wards", "").await, "Abbey", 1), "2");
    assert_eq!(number(&csv(&desk, "channels", "").await, "Email", 1), "4");
    assert_eq!(number(&csv(&desk, "hours", "").await, "14:00 to 14:59", 1), "4");
    assert_eq!(number(&csv(&desk, "weekdays", "").await, "Friday", 1), "4");
    assert_eq!(number(&csv(&desk, "languages", "").await, "Polish", 1), "1");
    // What happens afterwards stands in the next report.
    let waiting = csv(&desk, "benefit", "").await;
    assert_eq!(number(&waiting, "Not with a department yet", 1), "4");
    let page = desk.get(&format!("/cases/{}", cases[0].reference)).await;
    let accept = format!("/cases/{}/accept", cases[0].reference);
    assert!(desk.press(&page, &accept, &[]).await.location().ends_with("done=accepted"));
    let change = [("service", "street_lighting"), ("department", ""), ("priority", "high"), ("then", "accept")];
    let page = desk.get(&format!("/cases/{}", cases[2].reference)).await;
    let answer = desk.press(&page, &format!("/cases/{}/change", cases[2].reference), &change).await;
    assert!(answer.location().ends_with("done=changed-accepted"), "{}", answer.body);
    let benefit = csv(&desk, "benefit", "minutes=6").await;
    assert_eq!(number(&benefit, "Accepted by a person as suggested", 1), "1");
    assert_eq!(number(&benefit, "Accepted by a person as suggested", 4), "5", "six minutes by hand, one to look");
    assert_eq!(number(&benefit, "Corrected by a person", 1), "1");
    assert_eq!(number(&benefit, "Not with a department yet", 1), "2");
    desk.deliver_later().await;
    let answers = csv(&desk, "answers", "").await;
    let answered =
        count(&desk, "SELECT COUNT(DISTINCT case_id) FROM outbox WHERE party = 'resident' AND status = 'sent'").await;
    assert!(answered > 0);
    assert_eq!(number(&answers, "All channels", 3), answered.to_string());
    assert_eq!(number(&answers, "Email", 4), (all - answered).to_string());
    // Messages for the councillor only are counted over time, and nowhere else.
    desk.pipeline.clock.advance(TimeDelta::minutes(2));
    set(&desk, &cases[1], |case| case.consent = "private".to_owned()).await;
    let page = desk.get("/reports").await;
    assert!(part(&page, "volume").contains("4 contacts, one of them for the councillor only"), "{}", page.body);
    for name in ["wards", "services", "channels", "hours", "weekdays", "languages"] {
        assert_eq!(sum(&csv(&desk, name, "").await, 1), all - 1, "{name}");
    }
}

#[tokio::test]
async fn the_numbers_of_a_report_are_those_of_the_cases() {
    the_numbers_are_those_of_the_cases(Desk::open().await).await;
}

#[tokio::test]
async fn the_numbers_of_a_report_are_those_of_the_cases_on_postgresql_too() {
    let policy = RoutingPolicy { auto_above: 0.0, unsure_below: 0.0, ..RoutingPolicy::default() };
    let desk = Desk::on(&postgres("reports").await, tempfile::tempdir().unwrap(), policy).await;
    assert_eq!(desk.sign_in(PASSWORD, "").await.status, StatusCode::SEE_OTHER);
    the_numbers_are_those_of_the_cases(desk).await;
}

#[tokio::test]
async fn working_days_count_bank_holidays() {
    let desk = Desk::open().await;
    let (in_time, late) = (
        desk.pothole().await,
        desk.mail("Ann <ann@fenmail.example>", "Lamp", "The street light in Signal Row ZM6 1AA is out.").await,
    );
    // From Thursday 2 April to Tuesday 7 April 2026 is one working day: Good Friday, the weekend and Easter Monday are none.
    let (came, closed) = ("2026-04-02T09:00:00Z", "2026-04-07T09:00:00Z");
    let mut tx = desk.db().begin().await.unwrap();
    let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    for case in [&in_time, &late] {
        let moved = "UPDATE cases SET received_at = $1 WHERE id = $2";
        tx.exec(moved, args![at(came), &case.id]).await.unwrap();
    }
    tx.commit().await.unwrap();
    desk.pipeline.clock.advance(TimeDelta::days(40));
    desk.sign_in(PASSWORD, "").await;
    set(&desk, &in_time, |case| {
        case.state = CaseState::Closed;
        case.closed_at = Some(at(closed));
        case.due_on = "2026-04-07".to_owned();
    })
    .await;
    set(&desk, &late, |case| case.due_on = "2026-04-06".to_owned()).await;
    let rows = csv(&desk, "standard", "").await;
    let all = rows.iter().find(|row| row[0] == "All services").unwrap();
    assert_eq!(all[1..], ["50.0", "1", "1", "1", "1"], "in time, median, 90th percentile, closed, overdue");
}

#[tokio::test]
async fn a_report_of_a_ward_counts_only_that_ward() {
    let desk = Desk::open().await;
    let cases = filled(&desk).await;
    let station = cases[1].ward.clone().unwrap();
    let query = format!("ward={station}");
    for name in ["volume", "services", "channels", "hours", "weekdays", "languages"] {
        assert_eq!(sum(&csv(&desk, name, &query).await, 1), 1, "{name}");
    }
    let page = desk.get(&format!("/reports?{query}")).await;
    assert!(page.has("1 contact.") && !page.has("id=\"wards\""), "{}", page.body);
    assert_eq!(sum(&csv(&desk, "volume", "ward=Nowhere").await, 1), 0);
    set(&desk, &cases[1], |case| case.consent = "private".to_owned()).await;
    assert_eq!(sum(&csv(&desk, "volume", &query).await, 1), 0, "a ward might tell whose it is");
}

#[tokio::test]
async fn days_that_are_none_are_said_above_the_usual_report() {
    let desk = Desk::open().await;
    desk.pothole().await;
    let page = desk.get("/reports?period=days&from=2026-03-20&to=2026-03-01").await;
    assert!(page.has("The last day must not be before the first") && page.has("aria-invalid"), "{}", page.body);
    assert!(part(&page, "volume").contains("1 contact"));
    let page = desk.get("/reports?period=%3Cscript%3E&ward=%3Cscript%3E").await;
    assert!(!page.has("<script>"));
}

#[tokio::test]
async fn an_export_is_on_the_audit_trail() {
    let desk = Desk::open().await;
    let case = desk.pothole().await;
    assert!(desk.get("/reports?period=this-month").await.has("Contacts by day"));
    assert_eq!(desk.trail("reports").await, ["administrator read report"]);
    let answer = desk.get("/reports/wards.csv?period=this-month").await;
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(answer.headers["content-disposition"].to_str().unwrap().contains("wards-2026-03-01-2026-03-13.csv"));
    assert_eq!(desk.trail("report:wards").await, ["administrator export"]);
    assert!(!answer.body.contains(case.reference.as_str()));
    let unsigned = Desk::closed().await;
    assert!(unsigned.get("/reports/wards.csv").await.location().starts_with("/sign-in"));
}

#[tokio::test]
async fn a_case_that_is_removed_is_counted_no_more() {
    let desk = Desk::open().await;
    desk.take_in(&letter(
        "Ann <ann@fenmail.example>",
        "Hello",
        "A question about the library in Mill Lane.",
        "dmarc=pass",
    ))
    .await;
    assert_eq!(sum(&csv(&desk, "volume", "").await, 1), 1);
    store::empty(desk.db()).await.unwrap();
    desk.pipeline.clock.advance(TimeDelta::minutes(2));
    assert_eq!(sum(&csv(&desk, "volume", "").await, 1), 0);
}
