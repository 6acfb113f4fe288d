//! What a script says about the language, and what its letters and small words say where it has several.

use super::{DOUBT, Detected};

/// Least share of a text's letters that a script other than Latin needs to decide, so that a resident's name in their
/// own script does not.
const SCRIPT_SHARE: f64 = 0.3;
/// A Chinese character says as much as this many letters.
const HAN_WEIGHT: usize = 3;
/// Share of kana from which Chinese characters are Japanese.
const KANA_SHARE: f64 = 0.1;
/// Up to this many words a text may lack every letter of its language's own.
const SHORT: usize = 6;

/// Letters of Urdu that neither Arabic nor Persian has.
const URDU: &str = "ٹڈڑںےہھۓۂ";
/// Letters of Arabic that are written otherwise in Urdu and Persian.
const ARABIC: &str = "ةكيىإأ";
/// Letters that Urdu shares with Persian and Arabic lacks.
const PERSIAN: &str = "پچژگکی";
/// Letters of Persian and Urdu that no Arabic word has, and the one of Arabic that no Persian word has.
const NEVER_ARABIC: &str = "پچژگ";
const NEVER_PERSIAN: &str = "ة";
/// Letters of Pashto.
const PASHTO: &str = "ټډړښڼځڅېۍ";
/// Letters of Kurdish.
const KURDISH: &str = "ێۆڕڵڤە";

/// What a letter is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Arabic,
    Cyrillic,
    Devanagari,
    Ethiopic,
    /// A script that decides: the language's code.
    Of(&'static str),
}

/// First and last letter of each script; what is in none of them has no say.
const RANGES: &[(char, char, Script)] = &[
    ('A', 'z', Script::Latin),
    ('\u{AA}', '\u{24F}', Script::Latin),
    ('\u{370}', '\u{3FF}', Script::Of("el")),
    ('\u{400}', '\u{52F}', Script::Cyrillic),
    ('\u{530}', '\u{58F}', Script::Of("hy")),
    ('\u{590}', '\u{5FF}', Script::Of("he")),
    ('\u{600}', '\u{6FF}', Script::Arabic),
    ('\u{750}', '\u{77F}', Script::Arabic),
    ('\u{900}', '\u{97F}', Script::Devanagari),
    ('\u{980}', '\u{9FF}', Script::Of("bn")),
    ('\u{A00}', '\u{A7F}', Script::Of("pa")),
    ('\u{A80}', '\u{AFF}', Script::Of("gu")),
    ('\u{B00}', '\u{B7F}', Script::Of("or")),
    ('\u{B80}', '\u{BFF}', Script::Of("ta")),
    ('\u{C00}', '\u{C7F}', Script::Of("te")),
    ('\u{C80}', '\u{CFF}', Script::Of("kn")),
    ('\u{D00}', '\u{D7F}', Script::Of("ml")),
    ('\u{D80}', '\u{DFF}', Script::Of("si")),
    ('\u{E00}', '\u{E7F}', Script::Of("th")),
    ('\u{E80}', '\u{EFF}', Script::Of("lo")),
    ('\u{F00}', '\u{FFF}', Script::Of("bo")),
    ('\u{1000}', '\u{109F}', Script::Of("my")),
    ('\u{10A0}', '\u{10FF}', Script::Of("ka")),
    ('\u{1100}', '\u{11FF}', Script::Of("ko")),
    ('\u{1200}', '\u{139F}', Script::Ethiopic),
    ('\u{1780}', '\u{17FF}', Script::Of("km")),
    ('\u{1E00}', '\u{1EFF}', Script::Latin),
    ('\u{1F00}', '\u{1FFF}', Script::Of("el")),
    ('\u{3040}', '\u{30FF}', Script::Of("ja")),
    ('\u{3400}', '\u{4DBF}', Script::Of("zh")),
    ('\u{4E00}', '\u{9FFF}', Script::Of("zh")),
    ('\u{AC00}', '\u{D7AF}', Script::Of("ko")),
    ('\u{F900}', '\u{FAFF}', Script::Of("zh")),
    ('\u{FB50}', '\u{FDFF}', Script::Arabic),
    ('\u{FE70}', '\u{FEFF}', Script::Arabic),
    ('\u{20000}', '\u{323AF}', Script::Of("zh")),
];

impl Script {
    fn of(letter: char) -> Option<Self> {
        let at = RANGES.partition_point(|(first, ..)| *first <= letter).checked_sub(1)?;
        let (_, last, script) = RANGES[at];
        (letter <= last).then_some(script)
    }
}

/// How many letters of each script a text has.
pub(super) struct Scripts(Vec<(Script, usize)>);

impl Scripts {
    pub(super) fn count(text: &str) -> Self {
        let mut counts: Vec<(Script, usize)> = Vec::new();
        for script in text.chars().filter(|c| c.is_alphabetic()).filter_map(Script::of) {
            let weight = if script == Script::Of("zh") { HAN_WEIGHT } else { 1 };
            match counts.iter_mut().find(|(s, _)| *s == script) {
                Some((_, count)) => *count += weight,
                None => counts.push((script, weight)),
            }
        }
        Self(counts)
    }

    /// The script that decides and its share of the letters. Latin only where no other has a good part: a message in
    /// Bengali with an English street and signature is in Bengali.
    pub(super) fn leading(&self) -> Option<(Script, f64)> {
        let total: usize = self.0.iter().map(|(_, count)| count).sum();
        let share = |script: Script| {
            self.0.iter().find(|(s, _)| *s == script).map_or(0.0, |(_, count)| *count as f64 / total as f64)
        };
        let kana = share(Script::Of("ja"));
        if kana > KANA_SHARE {
            return Some((Script::Of("ja"), kana + share(Script::Of("zh"))));
        }
        let others = self.0.iter().filter(|(s, _)| *s != Script::Latin && share(*s) >= SCRIPT_SHARE);
        let best = others.max_by_key(|(_, count)| *count).map_or(Script::Latin, |(script, _)| *script);
        (total > 0).then(|| (best, share(best)))
    }
}

fn count(text: &str, letters: &str) -> usize {
    text.chars().filter(|c| letters.contains(*c)).count()
}

/// Arabic, Urdu, Persian, Pashto or Kurdish: nobody would be served by Urdu to a Kurd.
pub(super) fn arabic(text: &str) -> Detected {
    let (urdu, arabic, persian) = (count(text, URDU), count(text, ARABIC), count(text, PERSIAN));
    let (pashto, kurdish) = (count(text, PASHTO), count(text, KURDISH));
    let short = text.split_whitespace().count() <= SHORT;
    if pashto > urdu.max(arabic) || kurdish > urdu.max(arabic) {
        Detected { code: if pashto > kurdish { "ps" } else { "ku" }, confidence: 0.9 }
    } else if urdu > 0 && urdu * 3 >= arabic {
        // Urdu is typed on Arabic keyboards, too; Arabic never has a letter of Urdu.
        let others = arabic.min(urdu) + pashto + kurdish;
        Detected { code: "ur", confidence: urdu as f64 / (urdu + others) as f64 }
    } else if count(text, NEVER_ARABIC) >= 2 && count(text, NEVER_PERSIAN) == 0 {
        // Persian is typed on Arabic keyboards, too; a few words without a letter of Urdu's own may be either.
        Detected { code: if short { "ur" } else { "fa" }, confidence: if short { DOUBT } else { 0.9 } }
    } else if arabic > persian {
        Detected { code: "ar", confidence: arabic as f64 / (urdu + arabic + persian + pashto + kurdish) as f64 }
    } else if persian > 0 {
        Detected { code: if short { "ur" } else { "fa" }, confidence: if short { DOUBT } else { 0.8 } }
    } else {
        // Letters that all of them have: in more than a word or two, Arabic.
        Detected { code: "ar", confidence: if text.split_whitespace().count() > 2 { 0.8 } else { DOUBT } }
    }
}

/// Small words of Hindi, of Marathi and of Nepali, which are written with the same letters.
const HINDI: &str = "है हैं का की के में नहीं को ने और से था थी थे पर यह वह ये कि हो गया गई गए कैसे कब कहाँ क्यों कोई किसी मैं हम आप \
                     मुझे हमें मेरा मेरी मेरे हमारा हमारी हमारे भी करें करते करता रहा रही रहे दिया लिए बहुत कृपया";
const MARATHI: &str = "आहे आहेत नाही आणि या हा ही हे च्या होते होता होती मी तर पण व केले झाले झाली असे यांनी यांची";
const NEPALI: &str = "छ छन् छैन छु भएको गरेको बिग्रिएको हुन्छ गर्नु गर्न थियो मेरो हाम्रो पनि किन कहिले";
/// Endings of Marathi, and the letter that Hindi has not.
const MARATHI_ENDINGS: [&str; 7] = ["च्या", "ांचे", "ांची", "ाची", "ाचे", "ाचा", "मध्ये"];
const MARATHI_LETTER: char = 'ळ';

/// Hindi, Marathi or Nepali, by their small words.
pub(super) fn devanagari(text: &str) -> Detected {
    let (mut hindi, mut marathi, mut nepali) = (0, 0, 0);
    for word in text.split(|c: char| c.is_whitespace() || c.is_ascii_punctuation() || c == '।') {
        let is_in = |list: &str| usize::from(!word.is_empty() && list.split(' ').any(|w| w == word));
        hindi += is_in(HINDI);
        nepali += is_in(NEPALI);
        let ending = word.contains(MARATHI_LETTER) || MARATHI_ENDINGS.iter().any(|e| word.ends_with(e) && word != *e);
        marathi += is_in(MARATHI) + usize::from(ending);
    }
    let all = (hindi + marathi + nepali) as f64;
    if nepali > hindi && nepali >= marathi {
        Detected { code: "ne", confidence: nepali as f64 / all }
    } else if marathi > hindi {
        Detected { code: "mr", confidence: marathi as f64 / all }
    } else {
        // Without a small word of any it may be each of the three.
        Detected { code: "hi", confidence: if all > 0.0 { (hindi as f64 / all).max(DOUBT) } else { 0.6 } }
    }
}

/// By the letters that only one of the languages has.
pub(super) fn cyrillic(text: &str) -> Detected {
    let text = text.to_lowercase();
    let own = [("ru", "ыэё"), ("uk", "іїєґ"), ("sr", "јљњћђ"), ("be", "ў"), ("mk", "ѓќѕ")];
    let best = own.map(|(code, letters)| (count(&text, letters), code)).into_iter().max_by_key(|(n, _)| *n);
    match best {
        Some((n, code)) if n > 0 => Detected { code, confidence: 0.9 },
        // Without any of those: Bulgarian where its ъ is a vowel, else too little to say more than "most likely".
        _ => Detected { code: if text.contains('ъ') { "bg" } else { "ru" }, confidence: DOUBT },
    }
}

/// Amharic, or Tigrinya, which has letters and endings of its own.
pub(super) fn ethiopic(text: &str) -> Detected {
    let tigrinya = text.contains(['ቐ', 'ኸ', 'ኣ']);
    Detected { code: if tigrinya { "ti" } else { "am" }, confidence: 0.8 }
}
