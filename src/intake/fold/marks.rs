//! Where earlier mail begins: attribution lines, header blocks, dividers.

use regex::Regex;
use std::sync::LazyLock;

/// Longest attribution, in bytes, and most lines it is wrapped over.
const MAX_ATTRIBUTION: usize = 600;
const MAX_WRAPPED: usize = 6;
/// Most lines of a header block.
const MAX_BLOCK: usize = 24;

/// What stands before earlier mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// "On Monday Ann wrote:". Strong where it can hardly be a sentence of a letter.
    Attribution { strong: bool },
    /// "From: … Sent: … Subject: …".
    Headers,
    /// "-----Original Message-----".
    Original,
    /// "Begin forwarded message:".
    Forward,
}

/// A mark and the number of lines it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub kind: Kind,
    pub lines: usize,
}

const ORIGINAL: &[&str] = &[
    "original message",
    "original-nachricht",
    "originalnachricht",
    "ursprüngliche nachricht",
    "message d'origine",
    "message d’origine",
    "message original",
    "mensaje original",
    "mensagem original",
    "messaggio originale",
    "oorspronkelijk bericht",
    "oprindelig meddelelse",
    "original meddelelse",
    "opprinnelig melding",
    "ursprungligt meddelande",
    "originalmeddelande",
    "wiadomość oryginalna",
    "oryginalna wiadomość",
    "исходное сообщение",
    "původní zpráva",
    "eredeti üzenet",
    "orijinal mesaj",
    "özgün ileti",
    "mesej asal",
    "原始邮件",
    "原始郵件",
    "原文",
    "元のメッセージ",
    "الرسالة الأصلية",
    "reply message",
    "original email",
    "original e-mail",
];

const FORWARD: &[&str] = &[
    "forwarded message",
    "begin forwarded message",
    "forwarded by",
    "forwarded email",
    "weitergeleitete nachricht",
    "anfang der weitergeleiteten nachricht",
    "message transféré",
    "début du message transféré",
    "message transmis",
    "mensaje reenviado",
    "inicio del mensaje reenviado",
    "mensagem encaminhada",
    "início da mensagem encaminhada",
    "início da mensagem reencaminhada",
    "messaggio inoltrato",
    "inizio messaggio inoltrato",
    "doorgestuurd bericht",
    "begin doorgestuurd bericht",
    "przekazana wiadomość",
    "początek przekazywanej wiadomości",
    "videresendt meddelelse",
    "vidarebefordrat meddelande",
    "vidarebefordrat brev",
    "пересылаемое сообщение",
    "начало переадресованного сообщения",
    "přeposlaná zpráva",
    "továbbított üzenet",
    "iletilen e-posta",
    "yönlendirilmiş ileti",
    "iletilmiş ileti",
    "mesej dimajukan",
    "转发的邮件",
    "轉寄郵件",
    "转发邮件信息",
    "رسالة مُعاد توجيهها",
    "अग्रेषित संदेश",
    "फ़ॉरवर्ड किया गया संदेश",
    "ফরওয়ার্ড করা বার্তা",
];

/// The verb an attribution ends in, with what may stand behind it.
static VERB: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)(?:^|[\s>])(
            wrote | writes | pisze | escribe | escreve | schrieb | schreibt | geschrieben | a\ [ée]crit | ha\ scritto | scrive | escribió | escreveu | schreef
            | napisał(a|\(a\))? | napisal(a|\(a\))? | napsal(a|\(a\))? | skrev | kirjoitti | написал(а|\(а\))? | написав(ла)? | пише | пишет
            | yazdı | írta | a\ scris | έγραψε | menulis | लिखा | लिखा\ है | লিখেছেন | ਲਿਖਿਆ | کتب | كتب | لکھا | 写道 | 寫道 | 書きました
        )\s*(?:[:：]|-{2,})\s*-*\s*$ | (写道|寫道)\s*[:：]?\s*$ | [\s>](wrote|написал|schrieb|a\ écrit)\s*$ | >wrote:\s*$",
    )
    .ok()
});
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\d{1,2}[:.h]\d{2}").ok());
static YEAR: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b(19|20)\d\d\b|\b\d{1,2}[/.\-]\d{1,2}[/.\-]\d{2}\b|(19|20)\d\d年").ok());
static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[<\[(]\s*(mailto:)?[^<>\s@]+@[^<>\s@]+|mailto:").ok());
/// A line that an attribution can begin with.
static LEAD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^[\s*>\-]*((On|At|In|Am|Le|El|Il|Em|Op|Den|Dnia|W dniu|Dne|Pada|På|В|Vào|Στις|A|Il giorno|Le jour)\s.*\d|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\s|\d{1,2}[-/. ]+\S+[-/. ]+(\d{4}|\d\d)\b|\p{L}{2,12}[.,]+ .*\d{1,2}[:.h]\d{2}|在 ?\d)",
    )
    .ok()
});
/// Old Gmail: date, time, offset and name, with nothing behind.
static GMAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\d{4}-\d{2}-\d{2} \d{1,2}:\d{2} GMT[+-]\d{1,2}:\d{2} \S.{0,100}$").ok());
/// A date and an address, with nothing behind: only where a quote follows.
static DATED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}\b.{0,100}<[^<>\s]+@[^<>\s]+>$").ok());

fn is(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|p| p.is_match(text))
}

/// The mark that begins with the first of the lines, if one does.
pub(super) fn at(lines: &[&str]) -> Option<Mark> {
    let first = lines.first()?.trim();
    if first.is_empty() || first.len() > MAX_ATTRIBUTION {
        return None;
    }
    divider(first).or_else(|| headers(lines)).or_else(|| attribution(lines))
}

/// A line that somebody else's mail program put `>` before.
pub(super) fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

fn divider(first: &str) -> Option<Mark> {
    let frame = |c: char| matches!(c, '-' | '_' | '=' | '*' | '+' | '‐' | '–' | '—' | '|' | '>' | ' ');
    let core = first.trim_matches(frame);
    if core.is_empty() || core.len() > 80 {
        return None;
    }
    let framed = first.trim_start_matches([' ', '*', '>']).chars().take(2).all(|c| frame(c) && c != ' ');
    let words = core.trim_end_matches([':', '：', ' ']).to_lowercase();
    let kind = if FORWARD.contains(&words.as_str()) && (framed || core.ends_with([':', '：']))
        || framed && words.starts_with("forwarded by ")
    {
        Kind::Forward
    } else if ORIGINAL.contains(&words.as_str()) && framed {
        Kind::Original
    } else {
        return None;
    };
    Some(Mark { kind, lines: 1 })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    From,
    Date,
    To,
    Subject,
    Other,
}

/// The label a line of a header block begins with, and whether anything stands behind it.
fn label(line: &str) -> Option<(Label, bool)> {
    let line = line.trim_start_matches([' ', '\t', '*', '>', '_']);
    let (word, value) = line.split_once([':', '：'])?;
    if word.len() > 40 {
        return None;
    }
    let label = match word.trim_end_matches([' ', '*', '_', '\u{a0}']).to_lowercase().as_str() {
        "from" | "von" | "de" | "da" | "od" | "van" | "fra" | "från" | "от" | "от кого" | "kimden" | "gönderen"
        | "dari" | "daripada" | "发件人" | "寄件者" | "寄件人" | "差出人" | "من" | "feladó" | "lähettäjä"
        | "expéditeur" | "remitente" | "mittente" | "nadawca" | "afzender" | "προς" | "прислал" | "प्रेषक" | "থেকে"
        | "ਵੱਲੋਂ" | "منجانب" => Label::From,
        "sent"
        | "date"
        | "gesendet"
        | "datum"
        | "envoyé"
        | "envoyé le"
        | "date d'envoi"
        | "enviado"
        | "enviado el"
        | "enviado em"
        | "enviada em"
        | "fecha"
        | "data"
        | "inviato"
        | "wysłano"
        | "wysłane"
        | "data wysłania"
        | "verzonden"
        | "verstuurd"
        | "sendt"
        | "dato"
        | "skickat"
        | "дата"
        | "отправлено"
        | "tarih"
        | "gönderme"
        | "gönderildi"
        | "gönderme tarihi"
        | "tarikh"
        | "dihantar"
        | "发送时间"
        | "日期"
        | "寄件日期"
        | "送信日時"
        | "日時"
        | "تاريخ"
        | "التاريخ"
        | "تم الإرسال"
        | "elküldve"
        | "lähetetty"
        | "sent on"
        | "datetime" => Label::Date,
        "to" | "an" | "à" | "a" | "para" | "do" | "aan" | "til" | "till" | "кому" | "kime" | "alıcı" | "kepada"
        | "收件人" | "收件者" | "宛先" | "إلى" | "الى" | "destinataire" | "címzett" | "vastaanottaja" => {
            Label::To
        }
        "subject" | "betreff" | "objet" | "asunto" | "assunto" | "oggetto" | "temat" | "onderwerp" | "emne"
        | "ämne" | "тема" | "konu" | "perkara" | "subjek" | "主题" | "主旨" | "件名" | "الموضوع" | "tárgy" | "aihe"
        | "re" => Label::Subject,
        "cc" | "kopie" | "copie" | "copia" | "dw" | "kopi" | "kopia" | "копия" | "bilgi" | "sk" | "bcc"
        | "reply-to" | "antwort an" | "répondre à" | "responder a" | "risposta" | "importance" | "wichtigkeit"
        | "priority" | "attachments" | "anlagen" | "抄送" | "副本" => Label::Other,
        _ => return None,
    };
    Some((label, !value.trim().is_empty()))
}

/// At least three labels, the sender's and the date's or the subject's among them. Values may be wrapped and lines may
/// have a blank one between them, as they have in text made of HTML.
fn headers(lines: &[&str]) -> Option<Mark> {
    let (first, filled) = label(lines.first()?)?;
    if first == Label::Other || !filled {
        return None;
    }
    let mut seen = Vec::new();
    let mut end = 0;
    let mut foreign = 0;
    for (n, line) in lines.iter().take(MAX_BLOCK).enumerate() {
        match label(line) {
            Some((label, _)) => {
                if !seen.contains(&label) {
                    seen.push(label);
                }
                end = n + 1;
                foreign = 0;
            }
            None => {
                foreign += 1;
                let blanks = line.trim().is_empty() && n > 0 && lines[n - 1].trim().is_empty();
                if foreign > 3 || blanks {
                    break;
                }
            }
        }
    }
    let has = |l: Label| seen.contains(&l);
    let block = has(Label::From)
        && (has(Label::Date) || has(Label::Subject))
        && seen.iter().filter(|l| **l != Label::Other).count() >= 3;
    block.then_some(Mark { kind: Kind::Headers, lines: end })
}

/// One to six lines that together read "On … wrote:" in one of the languages people write in, or end in a sender's
/// address with a date before it (which needs no language).
fn attribution(lines: &[&str]) -> Option<Mark> {
    let mut joined = String::new();
    for (n, line) in lines.iter().take(MAX_WRAPPED).enumerate() {
        let line = line.trim();
        if n > 0 && (line.is_empty() || is_quoted(line)) && !goes_on(&joined, line, &lines[n..]) {
            return None;
        }
        if n == 1 && !is(&LEAD, &joined) && !(is(&ADDRESS, &joined) && joined.contains("schrieb")) {
            return None;
        }
        // "On Monday I rang." above the real attribution is the resident's.
        if n > 0 && is(&LEAD, line) && reads_as_attribution(line).is_some() {
            return None;
        }
        joined.push_str(if joined.is_empty() || line.is_empty() { "" } else { " " });
        joined.push_str(line);
        if joined.len() > MAX_ATTRIBUTION {
            return None;
        }
        if let Some(strong) = reads_as_attribution(&joined) {
            return Some(Mark { kind: Kind::Attribution { strong }, lines: n + 1 });
        }
    }
    None
}

/// A blank line or one with `>` inside an attribution: the address in angle brackets was wrapped badly.
fn goes_on(joined: &str, line: &str, rest: &[&str]) -> bool {
    if line.is_empty() {
        return is(&LEAD, joined)
            && is(&YEAR, joined)
            && rest.get(1).is_some_and(|next| next.trim_start().starts_with('<'));
    }
    line.len() < 40 && line.ends_with([':', '：']) && joined.matches('<').count() > joined.matches('>').count()
}

/// Whether the text is an attribution, and if so whether it can hardly be anything else.
fn reads_as_attribution(text: &str) -> Option<bool> {
    let text = text.trim_matches(['-', '*', ' ']);
    let last = text.chars().next_back()?;
    if !matches!(last, ':' | '：' | '>' | 'e' | 'b' | 't' | 'l' | '道') && !text.contains("GMT") {
        return None;
    }
    let (address, time) = (is(&ADDRESS, text), is(&TIME, text));
    let year = is(&YEAR, text);
    if is(&VERB, text) || is(&VERB, &format!("{text} --")) && is(&LEAD, text) {
        return (address || time || year).then_some(address || (time && year));
    }
    if matches!(last, ':' | '：') && address && (time || year) {
        return Some(true);
    }
    if is(&GMAIL, text) {
        return Some(true);
    }
    is(&DATED, text).then_some(false)
}
