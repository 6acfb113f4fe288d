//! Several councils on one installation: one program, one address, everything else apart.

use crate::faults::Plan;
use crate::house::{POTHOLE, letter};
use crate::logs::wait_until;
use std::io::{Read as _, Write as _};

/// Status and body of a page, asked for by a council's name.
fn get(port: u16, host: &str, path: &str) -> (u16, String) {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("{answer}"));
    (status, answer)
}

#[test]
fn two_councils_run_in_one_program_and_each_has_its_own_mail_cases_and_people() {
    let (mut ashby, mut borley) = (Plan::new(), Plan::new());
    for (plan, host, mails) in [(&mut ashby, "cases.ashby.example", 1), (&mut borley, "cases.borley.example", 2)] {
        plan.more = format!("allowed_hosts = ['{host}']\n");
        let of = |n: usize| letter(&format!("a{n}@{host}"), &format!("{n}@{host}"), "Pothole", POTHOLE);
        let all: Vec<Vec<u8>> = (0..mails).map(|n| of(n).replace('\n', "\r\n").into_bytes()).collect();
        plan.folder("post", &all);
    }
    let service = ashby.start_with(&[&borley]);
    wait_until(|| ashby.has(1) && borley.has(2));
    for (host, status) in
        [("cases.ashby.example", 200), ("cases.borley.example", 200), ("localhost", 421), ("other.example", 421)]
    {
        assert_eq!(get(ashby.port, host, "/sign-in").0, status, "{host}");
    }
    let (first, second) = (ashby.path("admin-password"), borley.path("admin-password"));
    assert_ne!(std::fs::read(first).unwrap(), std::fs::read(second).unwrap(), "each has its own first password");
    let (status, body) = get(ashby.port, "cases.borley.example", "/metrics");
    assert!(
        status == 200 && !body.contains("beadle_messages_taken_in_total"),
        "what is counted for all is shown to none"
    );
    service.end();
}

#[test]
fn councils_that_would_be_mixed_are_refused_before_anything_is_opened() {
    let (mut ashby, mut borley) = (Plan::new(), Plan::new());
    ashby.more = "allowed_hosts = ['cases.ashby.example']\n".to_owned();
    borley.more = "allowed_hosts = ['cases.ashby.example']\n".to_owned();
    let why = ashby.refused_with(&borley);
    assert!(why.contains("the same name of the portal") && why.contains("give each its own"), "{why}");
    assert!(!ashby.path("beadle.db").exists() && !borley.path("beadle.db").exists());
}
