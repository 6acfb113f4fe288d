//! Which language a message is in, out of the thirteen that are answered (R7).
//!
//! The answer decides in which language a resident is acknowledged, so the two errors do not weigh the same: a Polish
//! report answered in English is a pity, an English report answered in Malay is an embarrassment. English is therefore
//! the answer whenever there is doubt, with a confidence that says so.
//!
//! Scripts decide what they can: Chinese, Punjabi, Bengali, Hindi, and Arabic against Urdu by letters of their own. Only
//! Latin text goes to the n-gram models of `lingua`, after what is in no language was taken out of it: links, addresses,
//! postcodes, numbers, names.

use lingua::{Language, LanguageDetector, LanguageDetectorBuilder};

/// Only so many characters are looked at: a language shows on the first page, and the time stays bounded.
const LOOKED_AT: usize = 4_000;
/// Fewer words than this are no evidence of a language.
const FEWEST_WORDS: usize = 3;
/// Up to this many words a text is short and has to be surer.
const SHORT: usize = 6;
/// Least probability for another language than English in a short text: of two words such as "Flytipping, Flytippibg"
/// the models make Malay with 0.79, and of "gang tag" German.
const SURE_SHORT: f64 = 0.85;
/// Least probability for another language than English in a longer text.
const SURE: f64 = 0.65;
/// What English gets at most where it is the answer for want of a better one.
const DOUBT: f64 = 0.5;
/// Least share of a text's letters that a script other than Latin needs to decide, so that a resident's name in their
/// own script does not.
const SCRIPT_SHARE: f64 = 0.3;
/// A Chinese character says as much as this many letters.
const HAN_WEIGHT: usize = 3;

/// The Latin-script languages of the thirteen, other than English.
const LATIN: [(Language, &str); 6] = [
    (Language::Polish, "pl"),
    (Language::Spanish, "es"),
    (Language::German, "de"),
    (Language::French, "fr"),
    (Language::Turkish, "tr"),
    (Language::Malay, "ms"),
];

/// Frequent English words that are no words of the other Latin-script languages: where they are many, a foreign name
/// or a borrowed accent does not count.
const ENGLISH: [&str; 17] = [
    "the", "this", "that", "is", "and", "of", "please", "have", "has", "with", "there", "you", "are", "for", "been",
    "it", "our",
];
/// Least share of [`ENGLISH`] words, of which there are two at least, that makes a text English.
const ENGLISH_SHARE: f64 = 0.2;

/// What English gets at least where those words show it.
const MARKED: f64 = 0.6;

/// Letters of Urdu that neither Arabic nor Persian has.
const URDU: &str = "ٹڈڑںےہھۓۂ";
/// Letters of Arabic that are written otherwise in Urdu and Persian.
const ARABIC: &str = "ةكيىإأ";
/// Letters that Urdu shares with Persian and Arabic lacks.
const PERSIAN: &str = "پچژگکی";
/// Letters of Pashto and Kurdish.
const OTHER_ARABIC: &str = "ټډړښڼځڅېڵێۆڕە";

/// The language of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detected {
    /// ISO 639-1 code, always one of the thirteen: en, ar, zh, ur, pl, pa, es, bn, hi, de, fr, tr, ms.
    pub code: &'static str,
    /// 0 to 1. English at 0.5 or below means "not known, so English"; 0 means that there was nothing to go by, or a
    /// script that none of the thirteen is written in.
    pub confidence: f64,
}

impl Detected {
    const fn unknown() -> Self {
        Self { code: "en", confidence: 0.0 }
    }
}

/// Tells languages apart. One serves a whole process: it may be shared between threads, and holds next to nothing, for
/// the models are read out of the program file as they are needed.
pub struct Languages {
    detector: LanguageDetector,
}

impl Default for Languages {
    fn default() -> Self {
        Self::new()
    }
}

impl Languages {
    /// Builds the detector in `lingua`'s high-accuracy mode, without loading ahead. Measured: under 1 ms to build, 5 ms
    /// for the first text, 0.2 ms a report after that, and at most 52 MB resident, of which 49 MB are pages of the
    /// program file that the system may drop. Low-accuracy mode takes as much time and memory and mistakes five times
    /// as many English reports; loading ahead changes nothing that can be measured.
    #[must_use]
    pub fn new() -> Self {
        let mut languages = vec![Language::English, Language::Arabic, Language::Urdu];
        languages.extend(LATIN.map(|(language, _)| language));
        Self { detector: LanguageDetectorBuilder::from_languages(&languages).build() }
    }

    /// The language of `text`, from its first 4,000 characters.
    #[must_use]
    pub fn detect(&self, text: &str) -> Detected {
        let end = text.char_indices().nth(LOOKED_AT).map_or(text.len(), |(at, _)| at);
        let text = without_addresses(&text[..end]);
        let scripts = Scripts::count(&text);
        match scripts.leading() {
            None => Detected::unknown(),
            Some((Script::Latin, _)) => self.latin(&text),
            Some((Script::Arabic, share)) => self.arabic(&text, share),
            Some((script, share)) => {
                script.language().map_or(Detected::unknown(), |code| Detected { code, confidence: share })
            }
        }
    }

    fn latin(&self, text: &str) -> Detected {
        let words = without_names(text);
        let count = words.iter().filter(|w| w.chars().count() > 1).count();
        if count < FEWEST_WORDS {
            return Detected { code: "en", confidence: DOUBT * count as f64 / FEWEST_WORDS as f64 };
        }
        let values = self.detector.compute_language_confidence_values(words.join(" "));
        let probability = |language| values.iter().find(|(l, _)| *l == language).map_or(0.0, |(_, p)| *p);
        let english = probability(Language::English);
        let best =
            LATIN.map(|(language, code)| (code, probability(language))).into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let marks = words.iter().filter(|w| ENGLISH.iter().any(|e| w.eq_ignore_ascii_case(e))).count();
        if marks >= 2 && marks as f64 >= ENGLISH_SHARE * count as f64 {
            return Detected { code: "en", confidence: english.max(MARKED) };
        }
        let sure = if count <= SHORT { SURE_SHORT } else { SURE };
        match best {
            Some((code, confidence)) if confidence >= sure => Detected { code, confidence },
            Some((_, other)) if other >= english => Detected { code: "en", confidence: english.min(DOUBT) },
            _ => Detected { code: "en", confidence: english },
        }
    }

    /// Arabic, Urdu, or a language with Arabic letters that is neither: then English, for nobody would be served by
    /// Urdu to a Kurd.
    fn arabic(&self, text: &str, share: f64) -> Detected {
        let count = |letters: &str| text.chars().filter(|c| letters.contains(*c)).count();
        let (urdu, arabic, persian, other) = (count(URDU), count(ARABIC), count(PERSIAN), count(OTHER_ARABIC));
        if other > urdu.max(arabic) {
            Detected::unknown()
        } else if urdu > 0 && urdu * 3 >= arabic {
            // Urdu is typed on Arabic keyboards, too; Arabic never has a letter of Urdu.
            Detected { code: "ur", confidence: share * (urdu as f64 / (urdu + arabic.min(urdu) + other) as f64) }
        } else if arabic > 0 && arabic > persian {
            Detected { code: "ar", confidence: share * (arabic as f64 / (urdu + arabic + persian + other) as f64) }
        } else if persian > 0 && text.split_whitespace().count() > SHORT {
            // So long without a letter of Urdu's own is Persian.
            Detected::unknown()
        } else if persian > 0 {
            Detected { code: "ur", confidence: share * DOUBT }
        } else {
            let urdu = self.detector.compute_language_confidence(text, Language::Urdu);
            let (code, surer) = if urdu > 0.5 { ("ur", urdu) } else { ("ar", 1.0 - urdu) };
            Detected { code, confidence: share * surer }
        }
    }
}

/// What a letter is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Latin,
    Han,
    Gurmukhi,
    Bengali,
    Devanagari,
    Arabic,
    Other,
}

impl Script {
    const ALL: [Self; 7] =
        [Self::Latin, Self::Han, Self::Gurmukhi, Self::Bengali, Self::Devanagari, Self::Arabic, Self::Other];

    const fn of(letter: char) -> Self {
        match letter {
            'A'..='z' | '\u{AA}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' => Self::Latin,
            '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}' => {
                Self::Han
            }
            '\u{A00}'..='\u{A7F}' => Self::Gurmukhi,
            '\u{980}'..='\u{9FF}' => Self::Bengali,
            '\u{900}'..='\u{97F}' => Self::Devanagari,
            '\u{600}'..='\u{6FF}' | '\u{750}'..='\u{77F}' | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}' => {
                Self::Arabic
            }
            _ => Self::Other,
        }
    }

    /// The language that the script alone decides.
    const fn language(self) -> Option<&'static str> {
        match self {
            Self::Han => Some("zh"),
            Self::Gurmukhi => Some("pa"),
            Self::Bengali => Some("bn"),
            Self::Devanagari => Some("hi"),
            Self::Latin | Self::Arabic | Self::Other => None,
        }
    }
}

/// How many letters of each script a text has, by the order of [`Script::ALL`].
struct Scripts([usize; 7]);

impl Scripts {
    fn count(text: &str) -> Self {
        let mut counts = [0; 7];
        for letter in text.chars().filter(|c| c.is_alphabetic()) {
            let script = Script::of(letter);
            counts[script as usize] += if script == Script::Han { HAN_WEIGHT } else { 1 };
        }
        Self(counts)
    }

    /// The script that decides and its share of the letters. Latin only where no other has a good part: a message in
    /// Bengali with an English street and signature is in Bengali.
    fn leading(&self) -> Option<(Script, f64)> {
        let total: usize = self.0.iter().sum();
        let share = |script: Script| self.0[script as usize] as f64 / total as f64;
        let others = Script::ALL.into_iter().filter(|s| *s != Script::Latin && total > 0 && share(*s) >= SCRIPT_SHARE);
        let best = others.max_by_key(|s| self.0[*s as usize]);
        // Kana beside Chinese characters is Japanese.
        let best = best.map(|s| if s == Script::Han && share(Script::Other) > 0.1 { Script::Other } else { s });
        (total > 0).then(|| best.map_or((Script::Latin, share(Script::Latin)), |s| (s, share(s))))
    }
}

/// The text without the parts that are in no language: links, mail addresses, handles, and everything with a digit in
/// it, which takes out postcodes, house numbers, number plates and references.
fn without_addresses(text: &str) -> String {
    let kept = |word: &&str| {
        !(word.contains("://")
            || word.contains('@')
            || word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."))
            // Chinese has no spaces: there a digit says nothing about what surrounds it.
            || (word.is_ascii() && word.bytes().any(|b| b.is_ascii_digit()))
            || (word.chars().any(|c| c.is_ascii_digit()) && word.chars().count() <= 8))
    };
    let lines = text.lines().map(|line| line.split_whitespace().filter(kept).collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

/// The words of Latin text without what seems to be a name of somebody or of a street: a word with a capital after one
/// that does not end a sentence, and the first of several words with a capital. This takes nouns out of German, too,
/// which leaves enough of it. Text without a small letter is taken as it is.
fn without_names(text: &str) -> Vec<&str> {
    let shouted = !text.chars().any(char::is_lowercase);
    let mut kept = Vec::new();
    for sentence in text.split(['.', '!', '?', '\n', ':']) {
        let words: Vec<&str> =
            sentence.split(|c: char| !(c.is_alphabetic() || c == '\'' || c == '’')).filter(|w| !w.is_empty()).collect();
        let capital = |at: usize| words.get(at).is_some_and(|w| w.chars().next().is_some_and(char::is_uppercase));
        let name = |at: usize| capital(at) && words[at] != "I" && (at > 0 || capital(1));
        kept.extend((0..words.len()).filter(|at| shouted || !name(*at)).map(|at| words[at]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::time::Instant;

    const SHORT_ENGLISH: &[&str] = &[
        "pothole mill lane",
        "bin not emptied again!!",
        "plz fix lamp post 14 Tanners Row",
        "dog mess everywhere",
        "Flytipping\n\nFlytippibg",
        "Números graffiti\n\nPlease remove this one in the picture",
        "Tag on construction site",
        "Glass table on pavement",
        "Litter\n\nPlus glass",
        "street lite out opp no 9 osier close",
        "thx 4 sorting the bins",
        "wen r u goin 2 fix da road",
        "missed bin 3 Willow Bank ZM5 3GW",
        "graffiti tag on bus shelter",
        "Rats!!! Alley behind Alma Street",
        "Mattress dumped Signal Row",
        "YOUR BINMEN LEFT RUBBISH EVERYWHERE",
        "no water fountain park",
        "gully blocked",
        "overgrown hedge pavement",
        "still no reply??",
        "ok ta",
        "Cllr Wojciechowski pls ring me",
        "Mr Mohammed Al-Rashid, 14 Narrowboat Way",
        "Regards Agnieszka Wiśniewska",
        "Kingfisher Court lift broken again",
        "hi can u help wiv parking permit",
        "tree fallen ford lane",
        "Anna Schmidt, Beech Avenue. Lamp out.",
    ];

    const OTHERS: &[(&str, &str)] = &[
        ("pl", "Dzień dobry, śmieci nie zostały odebrane na Mill Lane od dwóch tygodni."),
        ("pl", "dziura w drodze przed moim domem, prosze naprawic"),
        ("es", "La farola delante de mi casa en Tanner's Row no funciona desde el lunes."),
        ("es", "no han recogido la basura esta semana"),
        ("de", "Die Straßenlaterne vor meinem Haus in der Mill Lane ist seit Montag kaputt."),
        ("de", "der Müll wurde schon wieder nicht abgeholt"),
        ("fr", "Le lampadaire devant chez moi ne marche plus depuis lundi, 14 Mill Lane."),
        ("fr", "il y a un gros trou dans la chaussée"),
        ("tr", "Evimin önündeki sokak lambası pazartesiden beri yanmıyor."),
        ("tr", "çöpümüz iki haftadır alınmadı lütfen yardım edin"),
        ("ms", "Lampu jalan di hadapan rumah saya sudah rosak sejak hari Isnin."),
        ("ms", "tong sampah kami belum dikosongkan minggu ini"),
        ("ar", "مصباح الشارع أمام منزلي في Mill Lane معطل منذ يوم الاثنين"),
        ("ur", "میرے گھر کے سامنے سڑک کی بتی پیر سے خراب ہے، Mill Lane"),
        ("zh", "我家门前的路灯从星期一开始就坏了，14 Mill Lane ZM2 3ZS"),
        ("zh", "街燈壞了"),
        ("pa", "ਮੇਰੇ ਘਰ ਦੇ ਸਾਹਮਣੇ ਸਟਰੀਟ ਲਾਈਟ ਸੋਮਵਾਰ ਤੋਂ ਖਰਾਬ ਹੈ"),
        ("bn", "আমার বাড়ির সামনের রাস্তার বাতি সোমবার থেকে নষ্ট। Regards, Fatima, Beech Avenue"),
        ("hi", "मेरे घर के सामने की स्ट्रीट लाइट सोमवार से खराब है"),
    ];

    #[test]
    fn a_short_english_report_is_english() {
        let languages = Languages::new();
        for text in SHORT_ENGLISH {
            assert_eq!(languages.detect(text).code, "en", "{text}: {:?}", languages.detect(text));
        }
    }

    #[test]
    fn each_of_the_other_twelve_languages_is_known_from_a_report() {
        let languages = Languages::new();
        for (code, text) in OTHERS {
            let found = languages.detect(text);
            assert_eq!(found.code, *code, "{text}: {found:?}");
            assert!(found.confidence > DOUBT, "{text}: {found:?}");
        }
    }

    #[test]
    fn what_cannot_be_known_is_english_with_a_confidence_that_says_so() {
        let languages = Languages::new();
        for text in [
            "",
            "   ",
            "07700 900123",
            "https://example.org/x?q=1",
            "a@b.example",
            "?!",
            "Улица не убрана",
            "道路に穴があります",
            "Mill Lane",
        ] {
            let found = languages.detect(text);
            assert_eq!(found.code, "en", "{text}");
            assert!(found.confidence <= DOUBT, "{text}: {found:?}");
        }
    }

    #[test]
    fn a_million_characters_take_no_longer_than_a_page() {
        let languages = Languages::new();
        for text in [
            "The bin was not emptied. ".repeat(40_000),
            "x".repeat(1_000_000),
            "路".repeat(1_000_000),
            "1 ".repeat(500_000),
        ] {
            let start = Instant::now();
            let _ = languages.detect(&text);
            assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
        }
    }

    /// The `text` and `lang` of each line, or nothing where the data is not on this machine.
    fn data(file: &str) -> Option<Vec<serde_json::Value>> {
        let Some(folder) = std::env::var_os("BEADLE_DATA") else {
            println!("skipped: BEADLE_DATA does not name the folder with {file}");
            return None;
        };
        let text = std::fs::read_to_string(std::path::Path::new(&folder).join(file)).unwrap();
        Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    #[ignore = "measures on data outside the repository: BEADLE_DATA"]
    fn measured_on_sentences_of_thirteen_languages() {
        let Some(rows) = data("languages/dev.jsonl") else { return };
        let languages = Languages::new();
        let mut tally: BTreeMap<(String, String), (usize, usize, usize)> = BTreeMap::new();
        for row in &rows {
            let (lang, kind, text) =
                (row["lang"].as_str().unwrap(), row["kind"].as_str().unwrap(), row["text"].as_str().unwrap());
            let found = languages.detect(text);
            let cell = tally.entry((kind.to_owned(), lang.to_owned())).or_default();
            cell.0 += 1;
            cell.1 += usize::from(found.code == lang);
            cell.2 += usize::from(found.code == "en");
            if found.code != lang
                && kind == "sentence"
                && (found.code == "ur" || "en ar zh ur pl pa es bn hi de fr tr".contains(lang))
            {
                println!("  {lang} as {found:?}: {text}");
            }
        }
        for ((kind, lang), (all, right, english)) in &tally {
            println!(
                "{kind} {lang}: {all} right {:.3} english {:.3}",
                *right as f64 / *all as f64,
                *english as f64 / *all as f64
            );
        }
        let ours = tally.iter().filter(|((kind, lang), _)| {
            kind == "sentence" && "en ar zh ur pl pa es bn hi de fr tr".contains(lang.as_str())
        });
        let (all, right) = ours.fold((0, 0), |sum, (_, cell)| (sum.0 + cell.0, sum.1 + cell.1));
        println!("sentences in our languages: {right} of {all}");
        assert!(right * 100 >= all * 97);
    }

    #[test]
    #[ignore = "measures on data outside the repository: BEADLE_DATA"]
    fn measured_on_english_reports_hardly_any_is_taken_for_another_language() {
        let languages = Languages::new();
        for (file, name) in
            [("civic/dev.jsonl", "London"), ("civic/train.jsonl", "London, more"), ("spam/sms.jsonl", "SMS")]
        {
            let Some(rows) = data(file) else { return };
            let start = Instant::now();
            let mut wrong = 0;
            for row in &rows {
                let text = row["text"].as_str().unwrap();
                let found = languages.detect(text);
                if found.code != "en" {
                    wrong += 1;
                    println!("  {found:?} {text:?}");
                }
            }
            println!("{name}: {wrong} of {} not English, {:?} each", rows.len(), start.elapsed() / rows.len() as u32);
            assert!(wrong * 500 <= rows.len());
        }
    }
}
