//! Delivery reports: which mail of ours came back, and whether it is any use to try again (RFC 3464, and the plain
//! text of servers that do not write RFC 3464).

use crate::core::message::Bounce;
use crate::core::{Address, Attachment};
use crate::intake::mime::headers::{Headers, ids_in};
use regex::Regex;
use std::sync::LazyLock;

/// Most Message-IDs taken from one report.
const MAX_IDS: usize = 20;
/// How far into the text of a report its reasons are looked for.
const MAX_TEXT: usize = 20_000;

/// Subjects of reports, from their first word: a person who forwards one has `Fw:` before it. Only what no resident
/// would choose ("Problem with my bin" is none of it).
static SUBJECT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^\s*(\[?(warning|failure|error|permanent|urgent|returned|mail)\]?\W+)?(
            undeliver(ed|able)(\ (mail|message|e-?mail)|:|\ -|$) | failure\ (notice|delivery)\b | returned\ (mail|to\ sender)\b
            | (mail|message|e-?mail)\ (delivery|transfer|system)\ (has\ )?(failed|failure|error|problem|subsystem|status|delayed|notification|report)
            | (mail|message|e-?mail)\ fail(ed|ure)\b | (mail|message|e-?mail)\ (status\ -|could\ not\ be|not\ deliver|you\ sent\ blocked)
            | delivery\ (status\ notification|failure|notification|has\ failed|has\ been\ delayed|delayed|error|report)\b
            | non[-\ ]?delivery | nondeliverable | could\ not\ (send|deliver)\ (message|mail|e-?mail) | unzustellbar | postmaster\ notify
            | (your|the)\ (message|mail|e-?mail)\ .{0,40}(not\ be\ delivered|undeliver|blocked|returned) | permanent\ delivery\ failure
            | échec\ de\ (la\ )?remise | notification\ d.état | mensaje\ no\ entregado | unable\ to\ deliver\ (mail|message|e-?mail|your)
        )",
    )
    .ok()
});

/// A sentence that servers write and residents hardly do.
static SENTENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) (message|mail|e-?mail|recipients?|address(es)?|delivery)\W[^.]{0,120}((could|can)\ ?n[o']t\ be\ (delivered|sent|reached)|undeliver(ed|able)|not\ delivered)
        | (not|n't)\ (been\ )?able\ to\ deliver\ (your|the|this)\ (message|mail|e-?mail) | unable\ to\ deliver\ (your|the|this|to|mail|message)
        | delivery\ (to|of)\ .{1,80}\ (has\ )?failed | (permanent|fatal)\ (fatal\ )?errors? | user\ unknown | unknown\ user | no\ such\ (user|address|recipient)
        | mailbox\ (is\ )?(full|unavailable|not\ found) | (host|domain)\ (not\ found|unknown) | returned\ to\ (the\ )?sender | remote\ host\ said
        | (message|mail)\ (was|has\ been)\ (not\ |un)(delivered|able) | transcript\ of\ session | failure\ reasons?\b
        | [45]\d\d[\ -]\#?[45]\.\d\.\d | did\ not\ reach\ the\ following",
    )
    .ok()
});

/// Where the copy of our mail begins in a report that is plain text.
static COPY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?im)^[\s\-=*>#]*((below this line|this|following|here) is (a|the)? ?(copy|header|returned|original)|(original|returned|undelivered|unsent) (message|mail)|(message|mail) (header|text|content|copy|follows)|(your|the) (original )?message (follows|header)|return-path:|received: )",
    )
    .ok()
});

static MESSAGE_ID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?im)^[>|\s]*(?:x-)?(?:original-)?message-id\s*:\s*(<[^>\n]{3,500}>|\S{3,500})").ok()
});

/// `5.1.1` where it stands as a status: behind a reply code, a `#` or a bracket; and where it stands alone.
static MARKED_STATUS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\b[245]\d\d[\ \-]\#?|\#|\(|status:?\s*|code:?\s*)([245]\.\d{1,3}\.\d{1,3})\b").ok()
});
static ANY_STATUS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[\s:;,(\[<])([45]\.\d{1,3}\.\d{1,3})(?:$|[\s:;,)\]>.])").ok());
static REPLY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?im)(?:said:?|error|response|code|reason|reply|remote|returned|smtp;?|status|^\s*(?:<<<)?|\()[\s:\-]*([45])\d\d[\s\-:,.)]").ok()
});
static FULL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(mail ?(box|folder)|inbox|account|user|disk|storage)[^.\n]{0,40}\b(is |are )?(full|over ?quota|exceed)|over ?quota|quota (is )?(exceed|full)|exceed\w* [^.\n]{0,30}(quota|storage|size limit)|not enough (storage|space)|insufficient (disk|system storage)").ok()
});
static LATER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)will (keep|continue|be retried|retry)|still (being )?(try|attempt)|(has|have) been delayed|temporar(y|ily)|no action is required|not yet been delivered").ok()
});
static GIVEN_UP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)permanent|fatal error|given up|giving up|user unknown|unknown user|no such (user|address|recipient)|does not exist|could not be delivered").ok()
});

/// What a mail shows of being a delivery report.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// By what it is one, though no header says that it is automatic.
    pub kind: Option<&'static str>,
    /// Whether anything at all says that a mail came back.
    is_failure: bool,
}

impl Report {
    /// Looks for a report's parts in the files and for its sentences in the text.
    #[must_use]
    pub fn read(headers: &Headers, from: Option<&Address>, subject: &str, text: &str, files: &[Attachment]) -> Self {
        let media = headers.media("content-type").unwrap_or_default();
        let report_type = media.param("report-type").unwrap_or_default().to_ascii_lowercase();
        let other_report = matches!(report_type.as_str(), "feedback-report" | "disposition-notification")
            || files.iter().any(|f| {
                matches!(f.content_type.as_str(), "message/feedback-report" | "message/disposition-notification")
            });
        if other_report {
            return Self { kind: Some("a report about a mail"), is_failure: false };
        }
        let status = files.iter().any(|f| is_status(&f.content_type));
        let start: String = text.chars().take(MAX_TEXT).collect();
        let says = SENTENCE.as_ref().is_some_and(|p| p.is_match(&start));
        let returned = files.iter().any(|f| is_message(&f.content_type)) || !quoted_ids(&start).is_empty();
        let titled = SUBJECT.as_ref().is_some_and(|p| p.is_match(subject));
        let failed = headers.first("x-failed-recipients").is_some();
        let by_daemon = headers.first("return-path").is_some_and(|p| p.trim() == "<>")
            || from.is_none()
            || from.is_some_and(|f| f.email.starts_with("mailer-daemon@") || f.email.starts_with("postmaster@"));
        let kind = if status {
            Some("it has a delivery status")
        } else if titled && says && returned {
            Some("its Subject, and a returned mail")
        } else {
            None
        };
        // An absent person's answer also comes with an empty Return-Path: without a word of failure it is no bounce.
        Self {
            kind,
            is_failure: status
                || failed
                || report_type == "delivery-status"
                || kind.is_some()
                || (by_daemon && (says || titled)),
        }
    }

    /// What it says of our mail; `None` where nothing failed (a receipt, a spam complaint, an absent person's answer,
    /// a report of success).
    #[must_use]
    pub fn bounce(&self, headers: &Headers, text: &str, files: &[Attachment]) -> Option<Bounce> {
        if !self.is_failure {
            return None;
        }
        let recipients = recipients(files);
        let actions: Vec<String> =
            recipients.iter().filter_map(|r| r.first("action")).map(str::to_ascii_lowercase).collect();
        if !actions.is_empty()
            && actions.iter().all(|a| ["delivered", "relayed", "expanded"].iter().any(|ok| a.starts_with(ok)))
        {
            return None;
        }
        let said = before_copy(text);
        let diagnosis: String =
            recipients.iter().filter_map(|r| r.first("diagnostic-code")).collect::<Vec<_>>().join("\n");
        let status = status(&recipients, &diagnosis, said);
        let delayed = !actions.is_empty() && actions.iter().all(|a| a.starts_with("delayed"));
        let words = format!("{diagnosis}\n{said}");
        let permanent = !delayed && is_permanent(status.as_deref(), &words);
        Some(Bounce { of: returned_ids(headers, text, files), permanent, status })
    }
}

fn is_status(content_type: &str) -> bool {
    matches!(content_type, "message/delivery-status" | "message/global-delivery-status")
}

fn is_message(content_type: &str) -> bool {
    matches!(
        content_type,
        "message/rfc822"
            | "message/global"
            | "text/rfc822-headers"
            | "text/rfc822"
            | "message/global-headers"
            | "message/rfc822-headers"
            | "message/partial"
    )
}

/// The blocks of fields in a delivery status: the first is about the mail, the others about one recipient each.
fn recipients(files: &[Attachment]) -> Vec<Headers> {
    let statuses = files.iter().filter(|f| is_status(&f.content_type));
    let blocks = statuses.flat_map(|f| {
        let text = String::from_utf8_lossy(&f.bytes).replace("\r\n", "\n");
        text.split("\n\n").take(50).map(|block| Headers::parse(block.trim_start().as_bytes()).0).collect::<Vec<_>>()
    });
    blocks.filter(|block| !block.is_empty()).collect()
}

/// The status that says most: a failure before a delay, an exact one before `5.0.0`, the report's field before its text.
fn status(recipients: &[Headers], diagnosis: &str, said: &str) -> Option<String> {
    let fields = recipients
        .iter()
        .filter_map(|r| r.first("status"))
        .map(|s| s.split([' ', '(']).next().unwrap_or_default().to_owned());
    let legal = |s: &String| {
        let numbers: Vec<&str> = s.split('.').collect();
        numbers.len() == 3
            && numbers.iter().all(|n| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut found: Vec<String> = fields.filter(legal).collect();
    let vague = |s: &str| s.ends_with(".0.0");
    if found.iter().all(|s| vague(s)) {
        found.extend(in_text(&MARKED_STATUS, diagnosis));
        found.extend(in_text(&ANY_STATUS, diagnosis));
    }
    if found.is_empty() {
        found.extend(in_text(&MARKED_STATUS, said));
    }
    if found.is_empty() {
        found.extend(in_text(&ANY_STATUS, said));
    }
    let rank = |s: &&String| (!s.starts_with('5'), !s.starts_with('4'), vague(s));
    found.iter().min_by_key(rank).cloned()
}

fn in_text(pattern: &LazyLock<Option<Regex>>, text: &str) -> Option<String> {
    pattern.as_ref()?.captures(text)?.get(1).map(|m| m.as_str().to_owned())
}

/// 5.x.x other than 5.2.2; where there is no status, what the reply code or the words say. Where nothing says that it
/// is for good, it is not.
fn is_permanent(status: Option<&str>, words: &str) -> bool {
    let says = |pattern: &LazyLock<Option<Regex>>| pattern.as_ref().is_some_and(|p| p.is_match(words));
    match status {
        Some("5.2.2") => false,
        // `5.0.0` with "mailbox full" beside it is 5.2.2 by a server that does not know the number.
        Some(s) if s.starts_with('5') => !(s.ends_with(".0.0") || s == "5.2.0") || !says(&FULL),
        Some(_) => false,
        None if says(&FULL) => false,
        None => match in_text(&REPLY, words).as_deref() {
            Some(class) => class == "5",
            None => says(&GIVEN_UP) && !says(&LATER),
        },
    }
}

/// The report's own words, without the copy of our mail behind them.
fn before_copy(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_TEXT).map_or(text.len(), |(at, _)| at);
    let text = &text[..end];
    let copy = COPY.as_ref().and_then(|p| p.find(text)).map_or(text.len(), |m| m.start());
    // Some put the copy first: then all of it is searched.
    if text[..copy].trim().is_empty() { text } else { &text[..copy] }
}

fn returned_ids(headers: &Headers, text: &str, files: &[Attachment]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut add = |found: Vec<String>| {
        for id in found {
            if !ids.contains(&id) && ids.len() < MAX_IDS {
                ids.push(id);
            }
        }
    };
    for file in files.iter().filter(|f| is_message(&f.content_type)) {
        let returned = Headers::parse(&file.bytes).0;
        add(returned.ids("message-id"));
        if returned.first("message-id").is_none() {
            add(quoted_ids(&String::from_utf8_lossy(&file.bytes)));
        }
    }
    for block in recipients(files) {
        ["original-message-id", "x-original-message-id"].iter().for_each(|name| add(block.ids(name)));
    }
    add(quoted_ids(text));
    // Exchange and others answer the mail that they could not deliver.
    add(headers.ids("in-reply-to"));
    add(headers.ids("references"));
    ids
}

fn quoted_ids(text: &str) -> Vec<String> {
    let Some(pattern) = MESSAGE_ID.as_ref() else { return Vec::new() };
    pattern.captures_iter(text).take(MAX_IDS).filter_map(|c| c.get(1)).flat_map(|m| ids_in(m.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use crate::core::message::Bounce;
    use crate::intake::mime::{MimeLimits, parse};

    fn bounce(raw: &str) -> Option<Bounce> {
        parse(raw.as_bytes(), &MimeLimits::default(), None).unwrap().bounce
    }

    fn report(fields: &str) -> String {
        format!(
            "From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail Returned to Sender\nContent-Type: multipart/report;\n \
             report-type=delivery-status; boundary=b\n\n--b\n\nI'm sorry.\n--b\nContent-Type: message/delivery-status\n\n\
             Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; ann@example.org\n{fields}\n\n\
             --b\nContent-Type: message/rfc822\n\nMessage-ID: <ours-1@council.example>\nSubject: Your report\n\nhello\n--b--\n"
        )
    }

    #[test]
    fn a_report_gives_the_id_the_status_and_whether_it_is_for_good() {
        for (fields, status, permanent) in [
            ("Action: failed\nStatus: 5.1.1", Some("5.1.1"), true),
            ("Action: failed\nStatus: 5.2.2 (mailbox full)", Some("5.2.2"), false),
            ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 552 5.2.2 Over quota", Some("5.2.2"), false),
            ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 552 mailbox is full", Some("5.0.0"), false),
            ("Action: delayed\nStatus: 4.4.7", Some("4.4.7"), false),
            ("Action: failed\nStatus: 4.4.7", Some("4.4.7"), false),
            ("Action: failed\nDiagnostic-Code: smtp; 550 no such user", None, true),
        ] {
            let bounce = bounce(&report(fields)).unwrap();
            assert_eq!(bounce.of, ["ours-1@council.example"]);
            assert_eq!((bounce.status.as_deref(), bounce.permanent), (status, permanent), "{fields}");
        }
    }

    #[test]
    fn a_report_of_success_is_no_bounce() {
        assert_eq!(bounce(&report("Action: delivered\nStatus: 2.0.0")), None);
    }

    #[test]
    fn an_absent_persons_answer_is_no_bounce_though_its_return_path_is_empty() {
        let raw = "Return-Path: <>\nFrom: ann@example.org\nAuto-Submitted: auto-replied\nSubject: Away\nIn-Reply-To: <x@y>\n\nI am away.\n";
        assert_eq!(bounce(raw), None);
    }

    #[test]
    fn plain_text_reports_are_understood() {
        let raw = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nSubject: failure notice\n\nI wasn't able to deliver your message.\n\
                   <ann@example.org>: remote host 192.0.2.32 said: 550 unknown user. (#5.5.0)\n\n--- Below this line is a copy of the message.\n\n\
                   Received: x\nMessage-ID: <ours-2@council.example>\nX-Mailer: 4.2.2\n\nhello\n";
        let expected =
            Bounce { of: vec!["ours-2@council.example".into()], permanent: true, status: Some("5.5.0".into()) };
        assert_eq!(bounce(raw), Some(expected));
    }

    #[test]
    fn a_resident_who_forwards_a_report_is_not_a_machine() {
        let raw = "From: ann@example.org\nSubject: Fw: Undelivered Mail Returned to Sender\n\nI wrote to you and got this:\n\n\
                   The mail could not be delivered: user unknown\nMessage-ID: <x@y>\n";
        let mail = parse(raw.as_bytes(), &MimeLimits::default(), None).unwrap();
        assert_eq!((mail.automatic, mail.bounce), (None, None));
    }
}
