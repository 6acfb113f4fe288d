//! Whether the council's own mail server vouches for the sender (RFC 8601).
//!
//! Anybody can write an `Authentication-Results` field into a mail, so only one thing is believed: the topmost field
//! that carries the name of the council's server. The server puts its own on top and must remove forged ones that
//! bear its name; should it not do so, those stand below and are not read, except for a `dmarc=fail`, which always
//! counts.
//!
//! Microsoft 365 writes the field without any name. With [`UNNAMED`] as the setting, the first field of all counts, if
//! it has no name.

use crate::core::{Address, SenderCheck};
use crate::intake::mime::headers::Headers;

/// The setting for mailboxes on Microsoft 365, whose servers leave their name out.
pub const UNNAMED: &str = "microsoft365";

/// Second-level names under which a country's registry sells (`co.uk`, `gov.uk`, `com.au`): nobody owns them.
const SECOND_LEVEL: &[&str] = &[
    "ac",
    "co",
    "com",
    "edu",
    "go",
    "gob",
    "gov",
    "govt",
    "ltd",
    "me",
    "mil",
    "mod",
    "ne",
    "net",
    "nhs",
    "nic",
    "nom",
    "or",
    "org",
    "parliament",
    "plc",
    "police",
    "sch",
];

/// Domains under which strangers have names beside each other.
const SHARED: &[&str] = &[
    "onmicrosoft.com",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "appspot.com",
    "blogspot.com",
    "azurewebsites.net",
    "amazonaws.com",
    "cloudfront.net",
    "wordpress.com",
    "uk.com",
    "gb.net",
    "uk.net",
    "eu.com",
    "us.com",
];

/// One result of a check: `dkim=pass header.d=example.org`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Outcome {
    method: String,
    result: String,
    /// Properties such as `header.d`, lower case, with their values.
    props: Vec<(String, String)>,
}

impl Outcome {
    fn prop(&self, name: &str) -> Option<&str> {
        self.props.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn passes(&self, method: &str) -> bool {
        self.method == method && self.result == "pass"
    }
}

/// Says whether the council's server vouches that the mail is from the domain of `from`: by DMARC, by a DKIM signature
/// or by an SPF pass of the same domain. Without the server's name, or where it wrote nothing, nobody does.
#[must_use]
pub fn check(headers: &Headers, from: &Address, authserv_id: Option<&str>) -> SenderCheck {
    let no = |why: String| SenderCheck::Unverified { why };
    let Some(server) = authserv_id.map(str::trim).filter(|s| !s.is_empty()) else {
        return no("the name of the council's mail server is not set".into());
    };
    // Two From fields, or two senders in one: which of them was checked cannot be known.
    let named = headers.addresses("from");
    if headers.all("from").count() > 1 || named.len() > 1 {
        return no("the mail names more than one sender".into());
    }
    // What a server makes of a From that is none, or of a Sender in its place, is not what is read here.
    if named.first().is_none_or(|named| named.email != from.email) {
        return no("the mail's From is not an address".into());
    }
    let unnamed = server.eq_ignore_ascii_case(UNNAMED);
    let fields = headers.all("authentication-results").take(if unnamed { 1 } else { usize::MAX });
    let results: Vec<Vec<Outcome>> = fields.filter_map(|v| outcomes(v, server, unnamed)).collect();
    let Some(topmost) = results.first() else {
        return no("the council's mail server wrote down no check of the sender".into());
    };
    let domain = from.domain();
    if results.iter().flatten().any(|o| o.method == "dmarc" && o.result == "fail") {
        return no(format!("{domain} says that this mail is not theirs (dmarc=fail)"));
    }
    let vouches = |o: &Outcome| {
        if o.passes("dmarc") {
            o.prop("header.from").is_none_or(|d| domain_of(d) == domain)
        } else if o.passes("dkim") {
            o.prop("header.d").or_else(|| o.prop("header.i")).is_some_and(|d| is_aligned(domain_of(d), domain))
        } else {
            o.passes("spf") && o.prop("smtp.mailfrom").is_some_and(|d| is_aligned(domain_of(d), domain))
        }
    };
    match ["dmarc", "dkim", "spf"].iter().find(|m| topmost.iter().any(|o| o.method == **m && vouches(o))) {
        Some(by) => SenderCheck::Verified { by: (*by).to_owned() },
        None => no(why_not(domain, topmost)),
    }
}

fn why_not(domain: &str, topmost: &[Outcome]) -> String {
    let word = |w: &str| w.len() <= 12 && w.bytes().all(|b| b.is_ascii_lowercase());
    let seen = topmost.iter().filter(|o| matches!(o.method.as_str(), "dmarc" | "dkim" | "spf") && word(&o.result));
    let seen: Vec<String> = seen.take(6).map(|o| format!("{}={}", o.method, o.result)).collect();
    if seen.is_empty() {
        return format!("the council's mail server found nothing that vouches for {domain}");
    }
    format!("no check vouches for {domain} ({})", seen.join(", "))
}

/// What follows the `@`, or the whole where there is none.
fn domain_of(value: &str) -> &str {
    let value = value.trim_matches(['<', '>']);
    value.rsplit_once('@').map_or(value, |(_, domain)| domain).trim_end_matches('.')
}

/// Whether `signer` may speak for `domain`: the same, or above it and owned by somebody.
fn is_aligned(signer: &str, domain: &str) -> bool {
    if signer == domain {
        return !signer.is_empty();
    }
    domain.strip_suffix(signer).is_some_and(|rest| rest.ends_with('.')) && !is_public_suffix(signer)
}

fn is_public_suffix(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    match labels.as_slice() {
        [] | [_] => true,
        _ if SHARED.contains(&domain) => true,
        [second, country] => country.len() == 2 && SECOND_LEVEL.contains(second),
        // Schools stand under their county: school.county.sch.uk.
        [_, "sch", "uk"] => true,
        _ => false,
    }
}

/// The results in one field, if it is the named server's. `None` for another server's or an unreadable one.
fn outcomes(value: &str, server: &str, unnamed: bool) -> Option<Vec<Outcome>> {
    let statements = statements(value);
    let id = statements.first()?.first()?;
    let ours = if unnamed { id.contains('=') } else { id.eq_ignore_ascii_case(server) };
    ours.then(|| statements.iter().skip(usize::from(!unnamed)).filter_map(|words| outcome(words)).collect())
}

/// `method[/version]=result [reason=…] [ptype.property=value]…`, from words that have their blanks around `=` removed.
fn outcome(words: &[String]) -> Option<Outcome> {
    let (method, result) = words.first()?.split_once('=')?;
    let method = method.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let pair = |w: &String| w.split_once('=').map(|(k, v)| (k.to_ascii_lowercase(), v.to_lowercase()));
    Some(Outcome { method, result: result.to_ascii_lowercase(), props: words[1..].iter().filter_map(pair).collect() })
}

/// Splits a field at semicolons and blanks, with comments (which nest) dropped, quoted strings opened and `a = b`,
/// `a / 1 = b` and `header . d` joined.
fn statements(value: &str) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    let mut depth = 0usize;
    let mut quoted = false;
    let mut escaped = false;
    // Whether the next character goes on with the last word.
    let mut open = false;
    for c in value.chars() {
        let inside = depth > 0 || quoted;
        if escaped {
            escaped = false;
            if quoted {
                append(&mut all, c, &mut open);
            }
            continue;
        }
        if c == '\\' && inside {
            escaped = true;
            continue;
        }
        match c {
            '"' if depth == 0 => {
                quoted = !quoted;
                // `reason=""` is a word too.
                open = true;
            }
            c if quoted => append(&mut all, if c == '=' || c == ';' { ' ' } else { c }, &mut open),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            ';' => {
                all.push(Vec::new());
                open = false;
            }
            c if c.is_whitespace() => open = open && ends_with_joint(&all),
            '=' | '/' | '.' => {
                open = open || all.last().and_then(|w| w.last()).is_some_and(|w| !w.contains('='));
                append(&mut all, c, &mut open);
            }
            c => append(&mut all, c, &mut open),
        }
    }
    all
}

fn append(all: &mut [Vec<String>], c: char, open: &mut bool) {
    let Some(words) = all.last_mut() else { return };
    match words.last_mut() {
        Some(word) if *open => word.push(c),
        _ => words.push(c.to_string()),
    }
    *open = true;
}

fn ends_with_joint(all: &[Vec<String>]) -> bool {
    // Only before the value: signatures end in such characters too.
    let word = all.last().and_then(|words| words.last()).map_or("", String::as_str);
    word.strip_suffix(['=', '/', '.']).is_some_and(|before| !before.contains('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(fields: &str, from: &str) -> SenderCheck {
        let raw = format!("From: {from}\n{fields}\n\n");
        let headers = Headers::parse(raw.as_bytes()).0;
        check(&headers, &Address::new(from, None).unwrap(), Some("mx.council.gov.uk"))
    }

    fn verified(results: &str, from: &str) -> bool {
        verdict(&format!("Authentication-Results: mx.council.gov.uk; {results}"), from).is_verified()
    }

    fn why(check: SenderCheck) -> String {
        match check {
            SenderCheck::Verified { by } => panic!("verified by {by}"),
            SenderCheck::Unverified { why } => why,
        }
    }

    #[test]
    fn each_of_the_three_checks_vouches_for_its_domain() {
        assert!(verified("dmarc=pass (p=NONE) header.from=example.org", "ann@example.org"));
        assert!(verified("dkim=pass header.d=example.org header.s=sel", "ann@mail.example.org"));
        assert!(verified("dkim=pass header.i=@example.org", "ann@example.org"));
        assert!(verified("dkim=none; spf=pass smtp.mailfrom=bounce@example.org", "ann@example.org"));
    }

    #[test]
    fn a_pass_for_somebody_else_does_not_vouch() {
        for results in [
            "dmarc=pass header.from=evil.example",
            "dkim=pass header.d=evil.example",
            "dkim=pass header.d=ample.org",
            "dkim=pass header.d=org",
            "dkim=pass",
            "spf=pass smtp.helo=example.org",
            "spf=pass smtp.mailfrom=example.org.evil.example",
            "none",
            "dkim=fail header.d=example.org",
            "x-dmarc=pass header.from=example.org",
        ] {
            assert!(!verified(results, "ann@example.org"), "{results}");
        }
        assert!(!verified("dkim=pass header.d=co.uk", "ann@bank.co.uk"));
        assert!(!verified("dkim=pass header.d=leeds.sch.uk", "ann@hill.leeds.sch.uk"));
        assert!(!verified("dkim=pass header.d=onmicrosoft.com", "ann@firm.onmicrosoft.com"));
    }

    #[test]
    fn a_dmarc_failure_beats_every_pass() {
        let results = "dkim=pass header.d=example.org; dmarc=fail header.from=example.org";
        assert!(!verified(results, "ann@example.org"));
    }

    #[test]
    fn comments_quotes_versions_and_folding_are_read() {
        let field = "Authentication-Results: (hello (nested; mx.evil)) MX.Council.GOV.UK (c) 1;\r\n\tdkim/1 = pass (2048-bit; \
                     dmarc=fail \\) ) reason=\"good; dmarc=fail\"\r\n header . d = \"Example.ORG\" ; none";
        assert_eq!(verdict(field, "ann@example.org"), SenderCheck::Verified { by: "dkim".into() });
        assert!(!verified("spf=fail (dkim=pass header.d=example.org)", "ann@example.org"));
        assert!(!verified("spf=fail reason=\"; dkim=pass header.d=example.org\"", "ann@example.org"));
        assert!(!verified("spf=fail reason=\"x\\\"; dkim=pass header.d=example.org", "ann@example.org"));
    }

    #[test]
    fn only_the_topmost_field_of_the_councils_server_is_believed() {
        let pass = "dmarc=pass header.from=example.org";
        let forged = format!(
            "Authentication-Results: mx.evil.example; {pass}\nAuthentication-Results: mx.council.gov.uk; spf=fail\n\
             Authentication-Results: mx.council.gov.uk; {pass}"
        );
        assert_eq!(why(verdict(&forged, "ann@example.org")), "no check vouches for example.org (spf=fail)");
        let other = format!("Authentication-Results: mx.evil.example; {pass}");
        assert!(why(verdict(&other, "ann@example.org")).contains("wrote down no check"));
        assert!(why(verdict("X: y", "ann@example.org")).contains("wrote down no check"));
        let fail_below = format!(
            "Authentication-Results: mx.council.gov.uk; {pass}\nAuthentication-Results: mx.council.gov.uk; dmarc=fail"
        );
        assert!(why(verdict(&fail_below, "ann@example.org")).contains("not theirs"));
    }

    #[test]
    fn a_signature_that_ends_in_a_slash_does_not_swallow_the_next_word() {
        assert!(verified("dkim=pass header.b=AbCd/w= header.d=example.org", "ann@example.org"));
        assert!(verified("dkim=pass header.b=AbCdEfg/ header.d=example.org", "ann@example.org"));
    }

    #[test]
    fn microsofts_field_has_no_name_and_counts_only_when_set_and_first() {
        let from = Address::new("ann@example.org", None).unwrap();
        let field = "Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.org; dkim=pass (signature was \
                     verified)\r\n header.d=example.org;dmarc=pass action=none\r\n header.from=example.org;compauth=pass reason=100\r\n";
        let of = |raw: &str, id| {
            check(&Headers::parse(format!("From: ann@example.org\r\n{raw}\r\n").as_bytes()).0, &from, Some(id))
        };
        assert_eq!(of(field, "Microsoft365"), SenderCheck::Verified { by: "dmarc".into() });
        assert!(!of(field, "mx.council.gov.uk").is_verified());
        assert!(!of(&format!("Authentication-Results: mx; none\r\n{field}"), UNNAMED).is_verified());
    }

    #[test]
    fn without_the_servers_name_nobody_is_verified() {
        let headers = Headers::parse(b"From: ann@example.org\nAuthentication-Results: mx; dmarc=pass\n\n").0;
        let from = Address::new("ann@example.org", None).unwrap();
        assert_eq!(why(check(&headers, &from, None)), "the name of the council's mail server is not set");
        assert_eq!(why(check(&headers, &from, Some(" "))), "the name of the council's mail server is not set");
    }

    #[test]
    fn a_sender_field_or_a_stray_address_is_not_verified() {
        let from = Address::new("ann@example.org", None).unwrap();
        for line in ["Sender: ann@example.org", "From: Ann Smith ann@example.org"] {
            let raw = format!("{line}\nAuthentication-Results: mx; dmarc=pass\n\n");
            let verdict = check(&Headers::parse(raw.as_bytes()).0, &from, Some("mx"));
            assert_eq!(why(verdict), "the mail's From is not an address", "{line}");
        }
    }

    #[test]
    fn two_senders_are_not_verified() {
        let pass = "Authentication-Results: mx.council.gov.uk; dmarc=pass header.from=example.org";
        assert!(
            why(verdict(&format!("{pass}\nFrom: bob@evil.example"), "ann@example.org"))
                .contains("more than one sender")
        );
    }
}
