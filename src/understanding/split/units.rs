//! Sentences, list items and paragraphs, and the words that announce another matter.

use super::Apart;
use regex::{Regex, RegexBuilder};
use std::sync::LazyLock;

/// A sentence or list item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Byte where it begins.
    pub(super) start: usize,
    /// Byte after its end.
    pub(super) end: usize,
    /// How it is set apart from the one before.
    pub(super) apart: Apart,
    /// Whether it is a greeting, thanks, or who writes, unless a rule finds a request in it.
    pub(super) is_common: bool,
    /// Whether it speaks of what is done, past or not meant: no request, whatever it names.
    pub(super) is_aside: bool,
    /// Whether it begins as a question or a wish does.
    pub(super) asks: bool,
    /// Whether it leans on the sentence before: "It …", "Because of this …".
    pub(super) leans: bool,
}

fn pattern(text: &str) -> Regex {
    RegexBuilder::new(text)
        .case_insensitive(true)
        .ignore_whitespace(true)
        .build()
        .unwrap_or_else(|e| unreachable!("the patterns of this file are fixed, and its tests compile them: {e}"))
}

/// A bullet or a number at the beginning of a line.
static ITEM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^[\x20\t]* (?: [-*•·–—▪◦‣●○] | \(?\d{1,2}[.):] | \(?[a-h][.)] | [一二三四五六七八九十]、 ) [\x20\t\u{3000}]* \S",
    )
});

/// Numbers in running text: "1) … 2) …".
static INLINE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?: ^ | [\s:;,.(] ) \(? ([1-9]) [.)] \s+ \S"));

/// Words that announce another matter at the beginning of a sentence.
static ANNOUNCES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"^[\s"'(*_-]*
        (?: (?: and | but | oh | ok | okay | so | now | then | right | anyway ) [\s,]+ ){0,2}
        (?: also\b | additionally\b | in\ addition\b | as\ well\ as\ (?:this|that)\b | on\ top\ of\ (?:this|that)\b
          | (?:first|second|third|fourth|last)(?:ly)? (?: \ of\ all | \ (?:thing|point|issue|matter|problem|one|is|item) )? \s* [,:.\u{2013}\u{2014}-]
          | (?:first|second|third|fourth)ly\b | (?:the|my)\ (?:first|second|third|fourth|other|next|last|final)\ (?:thing|point|issue|matter|problem|one|item|request|question|concern)\b
          | lastly\b | finally\s*, | next\s*[,:] | after\ that\s*,?\ the\b
          | (?:the\ |and\ )?(?:an?other|one\ (?:more|other|last|final)|other|last|next|final|a\ (?:second|third|further|separate|different)) \ (?:small\ |quick\ |little\ )?
            (?:thing|issue|matter|point|problem|request|question|concern|query|complaint|item)s?\b
          | separate(?:ly)?\b [\s,:] | unrelated(?:ly)?\b | (?:quite\ |totally\ |completely\ )?(?:separate|different)\ (?:matter|subject|topic|issue|thing|question)
          | on\ (?:a|an|another|the)? \ ?(?:other|another|separate|different|unrelated|side|completely\ different|totally\ different)?\ ?(?:note|matter|topic|subject|issue|front)\b
          | whil(?:e|st)\ (?:i|we|you) (?:'m|'re|'ve|\ am|\ are|\ have|\ was|\ were)? \ ?(?:also\ )?(?:there|out|passing|writing|at\ it|here|on|about|got|emailing|messaging|in\ touch|contacting|typing|complaining|moaning|on\ the\ subject)\b
          | by\ the\ way\b | btw\b | p\.?\ ?(?:p\.?\ ?)?s\b[\s.:,\u{2013}\u{2014}-] | plus\b | besides\b
          | apart\ from\ (?:this|that)\b | aside\ from\ (?:this|that)\b | (?:my|the)\ (?:neighbour|mother|mum|dad|father|son|daughter|husband|wife)\ also\b
          | (?:can|could|may|might|would|will|please)(?:\ (?:you|i|we|somebody|someone|the\ council|please|can|could)){1,3}\ also\b
          | (?:i|we)(?:'d|'m|'ve|\ would|\ am|\ have|\ want(?:ed)?|\ need|\ must|\ should|\ just)?\ (?:like\ to\ )?also\b
          | there(?:'s|\ is|\ are|\ was|\ were|\ has)\ also\b
          | außerdem\b | ausserdem\b | zudem\b | (?:erst|zweit|dritt)ens\b | noch\ (?:etwas|eine?\ (?:sache|frage))\b | des\ weiteren\b | weiterhin\b | ferner\b
          | de\ plus\b | en\ outre\b | par\ ailleurs\b | d['’]autre\ part\b | (?:premi|deuxi|troisi)èmement\b | autre\ chose\b | aussi\b | ensuite\b | également\b
          | además\b | también\b | por\ otr[oa]\ (?:lado|parte)\b | otra\ cosa\b | en\ (?:primer|segundo|tercer)\ lugar\b
          | ponadto\b | poza\ tym\b | po\ (?:pierwsze|drugie|trzecie)\b | jeszcze\ jedn[oa]\b | drug(?:a|ie)\ (?:sprawa|rzecz)\b | dodatkowo\b | również\b | oprócz\ tego\b
          | ayrıca\b | (?:birinci|ikinci|üçüncü)(?:si|\ olarak)\b | bir\ de\b | bunun\ yanında\b | bir\ (?:diğer|başka)\b
          | selain\ itu\b | satu\ lagi\b | perkara\ kedua\b | (?:pertama|kedua|ketiga)\b
          | أيض[اًا]+ | كذلك | ثاني[اًا]+ | أول[اًا]+ | بالإضافة | كما\ أن | وأيض | ومن\ ناحية\ أخرى
          | दूसर[ाी] | इसके\ अलावा | साथ\ ही | एक\ और | پہل[اےی] | دوسر[اےی] | اس\ کے\ علاوہ | ایک\ اور | مزید
          | দ্বিতীয় | এছাড়া | আরেকটি | আর\ একটি | ਦੂਜ[ਾੀ] | ਇਸ\ ਤੋਂ\ ਇਲਾਵਾ | ਇੱਕ\ ਹੋਰ
          | 第[一二三四] | 其次 | 另外 | 此外 | 还有 | 還有 | 同时 | 同時 )"#,
    )
});

/// "There are rats too", "dumped in the alley as well": the sentence is about something more.
static ANNOUNCED_AT_END: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:there|they|he|she|we|i|my|our|the|his|her|their)\b [^,.;]* \b(?:too|as\ well) [\s]*[,.!;] | ^\S+(?:\ \S+)?\ also\b | ^(?:and\ |n\ )?not\ to\ do\ with\ (?:this|that)\b",
    )
});

/// The same inside a sentence, after a comma, a semicolon, a dash or "and".
static ANNOUNCES_INSIDE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?: [;,.] \s+ (?:and\s+|oh\s+and\s+|but\s+)? | \s [\u{2013}\u{2014}-]+ \s+ (?:and\s+)? | \s+ and\s+ ) (
          also\b | another\ (?:thing|issue|matter|problem|question)\b | one\ (?:more|other|last)\ (?:thing|question|issue)\b
          | (?:the\ other|a\ second|my\ other|the\ second)\ (?:thing|issue|matter|problem|question|one)\b
          | whil(?:e|st)\ (?:i|we)(?:'m|\ am|'re|\ are)\ (?:writing|at\ it|here|on|about\ it|in\ touch)\b
          | by\ the\ way\b | btw\b | separately\b | secondly\b | thirdly\b | lastly\b | on\ (?:a|another)\ (?:separate|different|other)?\ ?(?:note|matter)\b
          | plus\ (?:the|our|there|my|a)\b )",
    )
});

/// Where a clause may begin that is another request.
static CLAUSE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?: [,;:] \s+ (?:and\s+|but\s+|so\s+)? | \s (?:and|&|\+|n|und|et|y|oraz|ve|dan) \s+ | \s/\s+ | \.{2,3} \s* (?:n\s+|and\s+)? | [，、；] ) (\S)",
    )
});

/// Least words on either side of a cut inside a sentence.
const LEAST_WORDS: usize = 3;

/// Greetings, thanks, who writes and how to reach them, "I have two things".
static COMMON: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"^[\s"'(*_>-]*(?:
          (?:dear|hi|hello|hey|hiya|good\ (?:morning|afternoon|evening|day)|morning|evening|to\ whom|councillor|cllr|sir|madam|greetings)\b (?:[\s,]+\S+){0,4}[\s,!.]* $
        | (?:many\ |very\ many\ |with\ |kind\ |best\ |warm\ |yours\ |)(?:thanks?|thank\ you|ta|cheers|regards|wishes|sincerely|faithfully|truly|respectfully|gratefully|in\ anticipation)\b .{0,160} $
        | (?:i|we)\ (?:look|am\ looking|are\ looking)\ forward\b .{0,120} $ | looking\ forward\b .{0,120} $
        | (?:i\ |we\ )?(?:hope|trust)\ (?:this|you|all|that\ you|to\ hear)\b .{0,140} $
        | (?:so\ )?sorry\ (?:to|for|about|this|if|it)\b .{0,140} $ | apologies\b .{0,120} $
        | (?:please\ |can\ you\ |could\ you\ |would\ you\ )?(?:please\ )?(?:let\ me\ know|let\ us\ know|advise|get\ back|reply|respond|confirm|help|look\ into\ (?:this|these|both|all|them)|pass\ (?:this|these|it|them)\ on|sort\ (?:these|both|them)|acknowledge)\b .{0,120} $
        | (?:i|we)\ (?:won't|will\ not|would\ rather\ not)\ (?:give|say|leave)\ my\ name\b .{0,60} $ | may\ i\ (?:take|trouble|bother)\b .{0,80} $
        | any\ help\b .{0,120} $ | (?:i|we)(?:'d|\ would|\ should)\ (?:appreciate|be\ (?:very\ |most\ |so\ )?grateful|be\ pleased)\b .{0,120} $
        | my\ (?:name|phone|telephone|mobile|number|email|address|contact)\b .{0,140} $ | (?:tel|phone|mobile|mob|email|address|name|postcode|ref|reference)\ ?(?:no\.?|number)?\ ?[:.] .{0,100} $
        | (?:i|we)(?:'ve|\ have|\ am|'m|\ are|\ live|\ rent|\ own)\ (?:a\ |been\ |lived\ |living\ )?(?:at|in|on|a\ (?:resident|constituent|tenant|council\ tax\ payer|voter))\b .{0,140} $
        | (?:i|we)(?:'ve|\ have|'d\ like|\ would\ like|\ want|\ need|\ am\ writing|'m\ writing|\ wanted|\ wish)?\ ?(?:got\ |to\ (?:raise|report|mention|ask\ about|tell\ you\ about|bring\ up)\ |about\ |with\ )?
          (?:two|three|four|five|six|several|some|a\ (?:few|couple\ of|number\ of)|couple\ of|2|3|4|5|6)\ (?:quick\ |small\ |separate\ |different\ |unrelated\ |other\ )*(?:things?|issues?|matters?|points?|problems?|questions?|requests?|concerns?|complaints?|topics?|items?)\b .{0,100} $
        | (?:a\ )?(?:two|three|four|few|couple\ of|couple|several|2|3|4)\ (?:quick\ |small\ |separate\ |different\ |unrelated\ )*(?:things?|issues?|matters?|points?|problems?|questions?|requests?|concerns?|complaints?|topics?|items?)\b .{0,60} $
        )"#,
    )
});

/// "Two things", "about both": the message says itself that it holds several.
static COUNTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:two|three|four|five|a\ few|a\ couple\ of|couple\ of|2|3|4|5)\ (?:quick\ |small\ |separate\ |different\ |unrelated\ |other\ |more\ )*(?:things|issues|matters|points|problems|questions|requests|concerns|complaints|topics|items|wishes|jottings|queries|jobs|favours)\b
        | \b(?:two|three)\ for\ you\b | \b(?:about|do|sort|fix|at|on|of|for|help\ with|look\ into|for\ reading)\ both\b\s*[.!?\n]? \s* $ | \bin\ (?:one|the\ same)\ (?:email|e-mail|message|letter)\b
        | \b(?:dos|tres)\ cosas\b | \b(?:deux|trois)\ (?:choses|questions|problèmes)\b | \b(?:zwei|drei)\ (?:sachen|dinge|anliegen|fragen|probleme)\b
        | \b(?:dwie|trzy)\ sprawy\b | \b(?:iki|üç)\ (?:şey|konu|sorun)\b | \b(?:dua|tiga)\ (?:perkara|hal|aduan)\b | [两兩二三]件事",
    )
});

/// Thanks for what was done, what is over, what used to be, and what somebody does not want.
static ASIDE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"^[\s"'(*_>-]*(?:(?:and|but|so|big|many|very\ many|first|firstly|first\ of\ all)[\s,]+){0,3}(?:
          (?:thanks|thank\ you|ta|cheers|thankyou|thx)\ (?:\S+\ ){0,4}(?:for|to)\b | (?:grand|great|good|brilliant|lovely|super|excellent|nice)\ (?:job|work|stuff)\b | well\ done\b
        | (?:danke|vielen\ dank|merci|gracias|dziękuję|dziękujemy|teşekkürler|teşekkür\ ederim|terima\ kasih|grazie)\ (?:für|pour|por|za|kerana|karena|per)\b
        | when\ (?:i|we)\ (?:was|were)\ (?:a|young|little|kids|children|lads|growing)\b | (?:i|we|it|there|they|you)\ used\ to\b | years\ ago\b | in\ the\ old\ days\b
        | (?:last|the\ first|the\ previous|the\ other)\ time\b | the\ time\ before\b
        | (?:i|we)(?:'m|\ am|'re|\ are|\ do)?\ ?(?:not|don't|dont|do\ not|didn't)\ (?:asking|complaining|want\ to|talking|writing|here|bothered|on\ about|mind|expect)\b
        | not\ (?:the|about|for|to\ mention)\b | none\ of\b | never\ mind\b | forget\ (?:the|about)\b | das\ mit\b
        )
      | \b(?:was|were|is|are|it's|has\ been|have\ been|been|got|now|all|since\ been)\ (?:now\ |all\ |been\ |since\ )?(?:fixed|mended|repaired|sorted|resolved|dealt\ with|erledigt)\b[^?]*$ | \bi\ can\ live\ with\b | \bisn't\ yours\b | \bnot\ your\ (?:fault|job|problem|department)\b | \bhat\ sich\ erledigt\b
        | \b(?:it's|it\ has|has|have)\ stopped\s*[.!]? $"#,
    )
});

/// Words that a question or a wish begins with.
static ASKS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^[\s(]*(?:(?:and|also|but|so|n)\s+){0,2}(?:is|are|can|could|do|does|did|how|when|where|who|whom|why|what|which|please|pls|plz|will|would|may|has|have|should
          | (?:i|we)(?:'d|\ would)?\ (?:want|need|like|would\ like)) \b",
    )
});

/// Words at the beginning of a sentence that lean on the one before.
static LEANS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^[\s(]*(?: it | it's | its | this | that | these | those | they | they're | their | he | she | his | her | him | them | which | who | because | so
          | as\ a\ result | therefore | meanwhile | since\ then | hence | otherwise | even | then | now | again | but | or | yet | still )\b",
    )
});

/// Abbreviations that end in a full stop inside a sentence.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "st", "rd", "ave", "cllr", "prof", "rev", "no", "nr", "e.g", "i.e", "eg", "ie", "etc",
    "approx", "tel", "ext", "vs", "dept", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov",
    "dec", "a.m", "p.m", "str", "bzw", "z.b", "ul", "p.s", "p", "hr", "fr", "sr", "sra", "mme",
];

/// A text taken apart.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// Its sentences and list items, in order.
    pub(super) units: Vec<Unit>,
    /// Whether anything in it announces another matter.
    pub(super) announced: bool,
    /// Whether it says itself that it holds several.
    pub(super) counted: bool,
    /// Whether it is written as a list.
    pub(super) listed: bool,
}

/// Takes a text apart.
pub(super) fn units(text: &str) -> Units {
    let mut units: Vec<Unit> = Vec::new();
    let items = items(text);
    for (line, apart) in lines(text, &items) {
        for (n, (start, end)) in sentences(&text[line.0..line.1]).into_iter().enumerate() {
            let (start, end) = (line.0 + start, line.0 + end);
            let apart = if n == 0 { apart } else { Apart::Sentence };
            for (m, (start, end, inside)) in clauses(text, start, end, &items).into_iter().enumerate() {
                let words = text[start..end].trim();
                if words.is_empty() {
                    continue;
                }
                let apart = if m > 0 { inside } else { apart };
                let apart = if ANNOUNCES.is_match(words) || ANNOUNCED_AT_END.is_match(words) {
                    Apart::Announced
                } else {
                    apart
                };
                let is_common = is_common(words);
                let is_aside = words.chars().count() <= 240 && ASIDE.is_match(words);
                let (leans, asks) = (LEANS.is_match(words), ASKS.is_match(words));
                units.push(Unit { start, end, apart, is_common, is_aside, leans, asks });
            }
        }
    }
    // Names and greetings at the end are as little a request as those at the beginning.
    for unit in units.iter_mut().rev() {
        let words = text[unit.start..unit.end].split_whitespace().count();
        if unit.is_common
            || (words <= 4 && unit.apart != Apart::Announced && !text[..unit.end].trim_end().ends_with(['?', '!']))
        {
            unit.is_common = true;
        } else {
            break;
        }
    }
    let announced = units.iter().skip(1).any(|u| u.apart == Apart::Announced && !u.is_common && !u.is_aside);
    Units { units, announced, counted: COUNTED.is_match(text), listed: !items.is_empty() }
}

/// The words of a list item without its bullet or number.
pub(super) fn without_mark(words: &str) -> &str {
    let Some(item) = ITEM.find(words) else { return words };
    let last = words[..item.end()].chars().next_back().map_or(0, char::len_utf8);
    &words[item.end() - last..]
}

fn is_common(words: &str) -> bool {
    words.chars().count() <= 240 && COMMON.is_match(words)
}

/// Bytes where list items begin: at least two in a text, numbers in rising order.
fn items(text: &str) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if ITEM.is_match(line) {
            found.push(at + (line.len() - line.trim_start().len()));
        }
        at += line.len();
    }
    let mut inline: Vec<usize> = Vec::new();
    for number in INLINE.captures_iter(text).filter_map(|c| c.get(1)) {
        if number.as_str().parse() == Ok(inline.len() + 1) {
            let bracket = text[..number.start()].ends_with('(');
            inline.push(number.start() - usize::from(bracket));
        }
    }
    if inline.len() >= 2 {
        found.extend(inline);
    }
    found.sort_unstable();
    found.dedup();
    if found.len() < 2 { Vec::new() } else { found }
}

/// Lines as they were meant: paragraphs without their wrapping, list items each for itself.
fn lines(text: &str, items: &[usize]) -> Vec<((usize, usize), Apart)> {
    let mut out: Vec<((usize, usize), Apart)> = Vec::new();
    let mut at = 0;
    let mut blank = true;
    let mut short = false;
    for line in text.split_inclusive('\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        if line.trim().is_empty() {
            blank = true;
            continue;
        }
        let is_item = items.iter().any(|i| (start..end).contains(i) && text[start..*i].trim().is_empty());
        match out.last_mut() {
            Some((last, _)) if !blank && !is_item && !short => last.1 = end,
            _ => {
                let apart = match (is_item, blank) {
                    (true, _) => Apart::Announced,
                    (false, true) => Apart::Paragraph,
                    (false, false) => Apart::Sentence,
                };
                out.push(((start, end), apart));
            }
        }
        blank = false;
        // A line that was ended early was ended on purpose.
        short = line.trim().chars().count() < 50;
    }
    out
}

/// Sentences of a paragraph, as byte ranges in it.
fn sentences(text: &str) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let mut end = at + c.len_utf8();
        let ends = match c {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' | '…' | '؟' | '۔' | '।' => {
                chars.peek().is_none_or(|(_, next)| next.is_whitespace())
                    && !(c == '.' && is_abbreviated(&text[start..at]))
            }
            _ => false,
        };
        if ends {
            while let Some((at, quote)) =
                chars.next_if(|(_, c)| matches!(c, '"' | '\'' | ')' | '\u{201d}' | '\u{2019}'))
            {
                end = at + quote.len_utf8();
            }
            out.push((start, end));
            start = end;
        }
    }
    if !text[start..].trim().is_empty() {
        out.push((start, text.len()));
    }
    out
}

/// Whether the full stop after `before` belongs to an abbreviation or a number: "Mr.", "No.", "1.".
fn is_abbreviated(before: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default().to_lowercase();
    let number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()) && word.len() <= 2;
    number
        || word.chars().count() == 1 && word.chars().all(char::is_alphabetic)
        || ABBREVIATIONS.contains(&word.as_str())
}

/// A sentence taken apart: where another matter is announced inside it, where another item of a list begins, and between its
/// clauses.
fn clauses(text: &str, start: usize, end: usize, items: &[usize]) -> Vec<(usize, usize, Apart)> {
    let sentence = &text[start..end];
    let announced =
        ANNOUNCES_INSIDE.captures_iter(sentence).filter_map(|c| Some((start + c.get(1)?.start(), Apart::Announced)));
    let listed = items.iter().filter(|i| **i > start && **i < end).map(|i| (*i, Apart::Announced));
    let joined = CLAUSE.captures_iter(sentence).filter_map(|c| Some((start + c.get(1)?.start(), Apart::Clause)));
    let mut cuts: Vec<(usize, Apart)> = announced.chain(listed).chain(joined).collect();
    cuts.sort_unstable_by_key(|(at, apart)| (*at, std::cmp::Reverse(*apart)));
    cuts.dedup_by_key(|(at, _)| *at);
    let mut out = Vec::new();
    let (mut from, mut apart) = (start, Apart::Sentence);
    for (cut, next) in cuts {
        // One or two words are no request: "and also".
        if text[from..cut].split_whitespace().count() < LEAST_WORDS && !items.contains(&cut) {
            apart = apart.max(next).min(if from == start { apart } else { Apart::Announced });
            continue;
        }
        if text[cut..end].split_whitespace().count() < LEAST_WORDS {
            continue;
        }
        out.push((from, cut, apart));
        (from, apart) = (cut, next);
    }
    out.push((from, end, apart));
    out
}
