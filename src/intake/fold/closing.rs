//! What stands at the end of a letter and is not part of it: signatures, telephones' lines, disclaimers; and the
//! warning that a council's own gateway puts above it.

use regex::Regex;
use std::sync::LazyLock;

/// Most lines of a signature below `-- `, which mail programs write, and below a `--` that people also write.
const MAX_MARKED: usize = 40;
const MAX_UNMARKED: usize = 12;
const MAX_UNMARKED_WORDS: usize = 60;
/// Most lines of what a mailing list sets below a letter.
const MAX_LIST_FOOTER: usize = 7;

/// "Sent from my iPhone" and its like: one line, and a device or a mail program in it, so that "Sent from my desk" stays.
static DEVICE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^[\s(<\[*_\-]*(
            (sent|composed|typed|written|posted|from)\ (from|via|with|using|by|on)?\s*(?:(my|the|a|an)\ )?[^.!?,;:]{0,30}?\b(iphone|ipad|ipod|android|blackberry|samsung|galaxy
                |huawei|nokia|htc|lg|sony|xperia|pixel|oneplus|xiaomi|mobile|phone|smartphone|cell|handset|tablet|windows\ (mail|phone|10|8)|outlook|yahoo|aol|airmail|mailbox|gmail|mail
                |proton\ ?mail|fairphone|telephone|o2|ee|vodafone|verizon|t-mobile|at&t)\b[^!]{0,100}
            | get\ \[?outlook\ for\ .{2,60} | outlook\ (f[üu]r|voor|pour|para|per|for)\ (ios|android).{0,60} | (télécharger|obtenir|obtener|scarica|pobierz|t[ée]l[ée]chargez|holen\ sie\ sich)\ outlook.{0,60}
            | (envoy[ée]|enviado|enviada|inviato|gesendet|verzonden|verstuurd|sendt|skickat|wysłan[eoa]|отправлено|odesláno|надіслано|gönderildi|lähetetty|trimis)\ 
                (depuis|de|desde|do|da|dal|mit|von|aus|met|vanaf|via|fra|från|z|из|с|z\ mojego|ze?|med|på|из\ почты)\b.{2,80}
            | (von\ meinem|diese\ nachricht\ wurde\ von\ meinem)\ .{2,60}\ gesendet\.? | diese\ nachricht\ wurde\ von\ meinem\ .{2,80}
            | .{2,40}(’dan|'dan|umdan|imden|’den|'den|umdan|ımdan)\ gönderildi\.? | [从從]我的.{1,20}(发送|傳送|發送|传送)? | 发自我的.{1,20} | 發自我的.{1,20} | .{2,20}から送信
            | dihantar\ (daripada|dari)\ .{2,40} | мой\ .{2,20}\ отправлен.{0,40}
            | virus-free\.?.{0,60} | yahoo\ mail:\ search,\ organi[sz]e,\ conquer.{0,60}
            | (this\ e-?mail\ has\ been\ )?(checked|scanned)\ (for\ viruses\ )?by\ .{2,80} | avast\ logo.{0,100}
            | (please\ )?consider\ the\ environment\ before\ printing.{0,80} | p\ please\ consider\ the\ environment.{0,80} | do\ you\ really\ need\ to\ print\ this.{0,60}
        )[\s)>\].*_\-]*$",
    )
    .ok()
});

/// Two things that only lawyers say together.
static CONFIDENTIAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)confidential|privileged|vertraulich|confidentiel|confidencial|riservat|vertrouwelijk|poufn").ok()
});
static ADDRESSEE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)intended (solely|only|exclusively)|intended recipient|the addressee|named (above|recipient)|received (this|it|the) .{0,40}in error|if you are not the|nicht der richtige adressat|destinataire|destinatario|geadresseerde|adresat",
    )
    .ok()
});

/// The warning of a gateway about mail from outside.
static BANNER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(e-?mail|message|sender)\b.{0,60}\b(originat\w+|came|comes|was sent|sent|is|received)\b.{0,30}\b(from )?(an )?(outside|external)\b|^\W*(external (e-?mail|sender|message)|caution:? external)\b",
    )
    .ok()
});

fn is(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|p| p.is_match(text))
}

/// A line of dashes or the like, or the mark that a tracker leaves.
pub(super) fn is_rule(line: &str) -> bool {
    let line = line.trim();
    let drawn = |c: char| {
        matches!(c, '-' | '_' | '=' | '*' | '~' | '#' | '+' | '|' | '‐' | '–' | '—' | '─' | '━' | '\u{1427}' | ' ')
    };
    line == "\u{1427}" || (line.chars().all(drawn) && line.chars().filter(|c| *c != ' ').nth(1).is_some())
}

/// Whether the line is a telephone's or a mail program's, not the sender's.
pub(super) fn is_device(line: &str) -> bool {
    line.len() <= 200 && !line.trim().is_empty() && is(&DEVICE, line)
}

/// How many of the lines, from the first, are a gateway's warning; none where it does not look like one.
pub(super) fn banner(lines: &[&str]) -> usize {
    let Some(start) = lines.iter().position(|l| !l.trim().is_empty() && !is_rule(l)) else { return 0 };
    let mut end = start;
    while lines.get(end).is_some_and(|l| !l.trim().is_empty()) && end - start < 6 {
        end += 1;
    }
    let words = lines[start..end].join(" ");
    if words.len() > 700 || !is(&BANNER, &words) {
        return 0;
    }
    // The warning alone, or a letter that speaks of one?
    let warns = ["caution", "warning", "external", "do not click", "be careful", "don't click", "take care"];
    let lower = words.to_lowercase();
    if !warns.iter().any(|w| lower.contains(w)) {
        return 0;
    }
    end + lines[end..].iter().take_while(|l| is_rule(l)).count()
}

/// From which of the lines on everything is a signature or the like; their number where nothing is. The lines are one
/// unbroken run of the sender's.
pub(super) fn start(lines: &[&str]) -> usize {
    let end = from_the_end(lines, lines.len());
    match delimiter(&lines[..end]) {
        Some(at) => from_the_end(&lines[..at], at),
        None => end,
    }
}

/// The signature's first line: `-- `, or a lone dash with something short below it.
fn delimiter(lines: &[&str]) -> Option<usize> {
    let filled = |from: usize| lines[from..].iter().filter(|l| !l.trim().is_empty()).count();
    if let Some(at) = lines.iter().position(|l| *l == "-- ").filter(|at| filled(*at) <= MAX_MARKED) {
        return Some(at);
    }
    if let Some(at) = lines.iter().rposition(|l| is_rule(l)).filter(|at| filled(*at) <= MAX_LIST_FOOTER) {
        let footer = lines[at..].join(" ").to_lowercase();
        if ["mailing list", "listinfo", "unsubscribe from this list"].iter().any(|word| footer.contains(word)) {
            return Some(at);
        }
    }
    let at = lines.iter().rposition(|l| matches!(l.trim(), "--" | "—" | "–" | "__" | "- --" | "- -- "))?;
    let words: usize = lines[at..].iter().map(|l| l.split_whitespace().count()).sum();
    (filled(at) <= MAX_UNMARKED && words <= MAX_UNMARKED_WORDS).then_some(at)
}

/// Goes up from the end over rules, telephones' lines and disclaimers.
fn from_the_end(lines: &[&str], mut end: usize) -> usize {
    loop {
        let Some(last) = lines[..end].iter().rposition(|l| !l.trim().is_empty()) else { return end };
        if is_rule(lines[last]) || is_device(lines[last]) {
            end = last;
            continue;
        }
        let paragraph = lines[..last].iter().rposition(|l| l.trim().is_empty()).map_or(0, |blank| blank + 1);
        let words: String = lines[paragraph..=last].join(" ").chars().take(6_000).collect();
        if is(&CONFIDENTIAL, &words) && is(&ADDRESSEE, &words) && paragraph > 0 {
            end = paragraph;
            continue;
        }
        // A telephone's line with the name below it.
        return end;
    }
}
