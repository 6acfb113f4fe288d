//! Languages in Latin letters, by the n-gram models of `lingua`.
//!
//! Seven of these languages are answered. The other nineteen are here so that a message in one of them is not taken for
//! one of the seven: without them, half of 2,885 sentences in languages that are not answered were taken for one with a
//! probability of 0.7 and more; with them, two. They cost 81 MB of the program file; memory holds only the pages that
//! were read, and the system may drop them.

use super::{DOUBT, Detected};
use lingua::Language::{self, English, Indonesian, Malay};
use lingua::{LanguageDetector, LanguageDetectorBuilder};

/// The languages that are told apart, with their codes.
const LANGUAGES: [(Language, &str); 26] = [
    (English, "en"),
    (Language::Polish, "pl"),
    (Language::Spanish, "es"),
    (Language::German, "de"),
    (Language::French, "fr"),
    (Language::Turkish, "tr"),
    (Malay, "ms"),
    (Language::Albanian, "sq"),
    (Language::Croatian, "hr"),
    (Language::Czech, "cs"),
    (Language::Dutch, "nl"),
    (Language::Hungarian, "hu"),
    (Indonesian, "id"),
    (Language::Irish, "ga"),
    (Language::Italian, "it"),
    (Language::Latvian, "lv"),
    (Language::Lithuanian, "lt"),
    (Language::Portuguese, "pt"),
    (Language::Romanian, "ro"),
    (Language::Slovak, "sk"),
    (Language::Somali, "so"),
    (Language::Swahili, "sw"),
    (Language::Tagalog, "tl"),
    (Language::Vietnamese, "vi"),
    (Language::Welsh, "cy"),
    (Language::Yoruba, "yo"),
];

/// So many characters of Latin text go to the models: some forty words, which is more than they need.
const LOOKED_AT: usize = 240;
/// Fewer words than this, names not counted, are no evidence of a language.
const FEWEST_WORDS: usize = 3;
/// The models are too modest: with this temperature their probabilities come out as often right as they say.
const TEMPERATURE: f64 = 0.5;
/// How much likelier English is before a word is read, as log-odds.
const ENGLISH_FIRST: f64 = 2.0;
/// With so many words that are no names, and a probability of this, names cannot have led the models astray.
const MANY_WORDS: usize = 10;
const CERTAIN: f64 = 0.99;
/// Least probability for any language but English; below it the answer is "not known, so English".
const LEAST: f64 = 0.4;

/// Frequent English words that hardly stand in other languages: where they are many, a foreign name or a borrowed accent
/// does not count, and the models need not be asked.
const ENGLISH: [&str; 25] = [
    "the", "this", "that", "is", "and", "of", "please", "have", "has", "with", "there", "you", "are", "for", "been",
    "it", "our", "from", "they", "your", "when", "what", "how", "which", "not",
];
/// Least share of [`ENGLISH`] words, two different ones at least, that makes a text English.
const ENGLISH_SHARE: f64 = 0.2;
/// How sure English is where those words show it.
const MARKED: f64 = 0.95;

/// Words that are Malay and not Indonesian, and the other way round: the models alone cannot tell these two apart.
const MALAY_WORDS: [&str; 40] = [
    "rosak", "isnin", "ahad", "khamis", "jumaat", "pukul", "kereta", "longkang", "jiran", "bising", "boleh", "tak",
    "awak", "bil", "letak", "cukai", "majlis", "tong", "bila", "kerana", "cuba", "polis", "basikal", "lori", "tandas",
    "encik", "puan", "cik", "nak", "dah", "ialah", "sahaja", "bahawa", "beritahu", "telefon", "wang", "bilik",
    "hadapan", "faham", "pejabat",
];
const INDONESIAN_WORDS: [&str; 35] = [
    "rusak",
    "senin",
    "kamis",
    "jumat",
    "karena",
    "mobil",
    "mobilnya",
    "kantor",
    "uang",
    "bisa",
    "gak",
    "nggak",
    "aja",
    "banget",
    "diperbaiki",
    "perbaiki",
    "listrik",
    "polisi",
    "sepeda",
    "bahwa",
    "cuma",
    "kalian",
    "bapak",
    "ibu",
    "pajak",
    "butuh",
    "coba",
    "kamar",
    "telepon",
    "selokan",
    "tetangga",
    "berisik",
    "kota",
    "diangkut",
    "mohon",
];
/// What one such word is worth, as log-odds; and that Malay is one of the council's languages and Indonesian is not.
const WORD_ODDS: f64 = 1.5;
const MALAY_FIRST: f64 = 1.0;

/// Letters beyond a to z that a language is written with; others speak against it. Turkish still comes with `ðýþ` for
/// `ğış`, from programs that take its character set for Latin 1.
const LETTERS: [(&str, &str); 6] = [
    ("pl", "ąćęłńóśźż"),
    ("es", "áéíóúüñ"),
    ("de", "äöüßé"),
    ("fr", "àâæçéèêëîïôœùûüÿ"),
    ("tr", "çğıİöşüâîûðýþ"),
    ("ms", "é"),
];

/// How sure a language is that is written in Latin letters against its custom. Below what an acknowledgement asks for:
/// the words show the language, but not that their writer reads its script, and Urdu and Hindi cannot be told apart.
const ROMANISED: f64 = 0.6;
/// Words of Urdu and Hindi in Latin letters that no other language here has.
const HINDUSTANI: [&str; 57] = [
    "hai", "hain", "nahi", "nahin", "mera", "meri", "mere", "hamara", "hamari", "hamare", "humara", "kya", "koi",
    "kar", "karo", "karein", "karta", "karte", "karna", "kijiye", "bohat", "bahut", "gaya", "gayi", "gaye", "raha",
    "rahi", "rahe", "ghar", "mujhe", "aap", "yeh", "woh", "kahan", "kaise", "kyun", "liye", "kuch", "bhi", "kripya",
    "shukriya", "madad", "diya", "dijiye", "wala", "wali", "jaldi", "theek", "thik", "kharab", "samajh", "abhi",
    "sarak", "sadak", "kachra", "kooda", "bijli",
];
/// Those of them, and others, that a Hindi speaker rather writes.
const HINDI: [&str; 7] = ["namaste", "namaskar", "kripya", "dhanyavad", "dhanyavaad", "sadak", "dhanyawad"];
const PUNJABI: [&str; 20] = [
    "sadi", "sada", "sade", "saadi", "saada", "saade", "tuhada", "tuhadi", "haiga", "hega", "vich", "vadda", "vaddi",
    "assi", "tusi", "saanu", "mainu", "akal", "chukya", "sunda",
];
const BENGALI: [&str; 36] = [
    "amar", "amader", "apnar", "apnara", "apni", "ache", "achhe", "nei", "hoyni", "hoyeche", "hoise", "korben",
    "koren", "korun", "kore", "korte", "dekhben", "doya", "rasta", "rastar", "bati", "basay", "barir", "porche",
    "ektu", "onek", "dhore", "jonno", "keno", "kobe", "kothay", "amra", "sahajjo", "shahajjo", "moyla", "neya",
];

/// Asks the models.
pub(super) struct Latin(LanguageDetector);

impl Latin {
    /// In `lingua`'s high-accuracy mode, without loading ahead.
    pub(super) fn new() -> Self {
        Self(LanguageDetectorBuilder::from_languages(&LANGUAGES.map(|(language, _)| language)).build())
    }

    /// The language of Latin text.
    pub(super) fn detect(&self, text: &str) -> Detected {
        let text = clip(text, 2 * LOOKED_AT);
        let all = words(text);
        if is_english(&all) {
            return Detected { code: "en", confidence: MARKED };
        }
        if let Some(found) = romanised(&all) {
            return found;
        }
        let text = clip(text, LOOKED_AT);
        let mut chances = self.chances(text);
        let kept = without_names(text);
        let count = kept.iter().filter(|w| w.chars().count() > 1).count();
        let (code, chance) = best(&chances);
        let certain = code == "en" || (count >= MANY_WORDS && chance >= CERTAIN);
        if !certain && kept.len() < words(text).len() {
            // Names of people and streets are in many languages; what is left without them has as much to say.
            let others = self.chances(&kept.join(" "));
            chances = chances.iter().zip(others).map(|((code, a), (_, b))| (*code, (a + b) / 2.0)).collect();
        }
        settle_malay(&mut chances, &all);
        let (code, chance) = best(&chances);
        if chance < LEAST || (code == "en" && count < FEWEST_WORDS) {
            let english = chances.iter().find(|(c, _)| *c == "en").map_or(0.0, |(_, chance)| *chance);
            return Detected { code: "en", confidence: english.min(DOUBT) };
        }
        let doubtful = count < FEWEST_WORDS || has_foreign_letters(code, &all);
        Detected { code, confidence: if doubtful { chance.min(DOUBT) } else { chance } }
    }

    /// How likely each language is, in the order of [`LANGUAGES`]; they sum to 1.
    fn chances(&self, text: &str) -> Vec<(&'static str, f64)> {
        let values = self.0.compute_language_confidence_values(text);
        let score = |language: Language| {
            let value = values.iter().find(|(l, _)| *l == language).map_or(0.0, |(_, value)| *value);
            let first = if language == English { ENGLISH_FIRST } else { 0.0 };
            value.max(f64::MIN_POSITIVE).ln() / TEMPERATURE + first
        };
        let scores = LANGUAGES.map(|(language, code)| (code, score(language)));
        let highest = scores.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|(_, score)| (score - highest).exp()).sum();
        scores.map(|(code, score)| (code, (score - highest).exp() / sum)).to_vec()
    }
}

fn best(chances: &[(&'static str, f64)]) -> (&'static str, f64) {
    chances.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(("en", 0.0))
}

/// Gives what Malay and Indonesian have together to the one whose own words stand in the text.
fn settle_malay(chances: &mut [(&'static str, f64)], words: &[&str]) {
    let at = |code: &str| chances.iter().position(|(c, _)| *c == code);
    let (Some(malay), Some(indonesian)) = (at("ms"), at("id")) else { return };
    let both = chances[malay].1 + chances[indonesian].1;
    let own = |list: &[&str]| words.iter().filter(|w| is_one_of(w, list)).count() as f64;
    let odds = (chances[malay].1 / chances[indonesian].1.max(f64::MIN_POSITIVE)).max(f64::MIN_POSITIVE).ln()
        + WORD_ODDS * (own(&MALAY_WORDS) - own(&INDONESIAN_WORDS))
        + MALAY_FIRST;
    let share = 1.0 / (1.0 + (-odds).exp());
    chances[malay].1 = both * share;
    chances[indonesian].1 = both * (1.0 - share);
}

/// Whether two words or more have letters that the language is not written with: then it is one that the models do not
/// know (Azerbaijani for Turkish, Danish for German).
fn has_foreign_letters(code: &str, words: &[&str]) -> bool {
    let Some((_, own)) = LETTERS.iter().find(|(c, _)| *c == code) else { return false };
    let foreign =
        |c: char| !c.is_ascii() && c.is_alphabetic() && !own.contains(c) && !c.to_lowercase().any(|c| own.contains(c));
    words.iter().filter(|w| w.chars().any(foreign)).count() >= 2
}

/// Urdu, Hindi, Punjabi and Bengali in Latin letters.
fn romanised(words: &[&str]) -> Option<Detected> {
    let own = |list: &[&str]| words.iter().filter(|w| is_one_of(w, list)).count();
    let (hindustani, hindi, punjabi, bengali) = (own(&HINDUSTANI), own(&HINDI), own(&PUNJABI), own(&BENGALI));
    let enough = |count: usize| count >= 2 && count * 8 >= words.len();
    let code = if enough(punjabi) {
        "pa"
    } else if enough(bengali) && bengali > hindustani {
        "bn"
    } else if enough(hindustani + hindi) {
        if hindi > 0 { "hi" } else { "ur" }
    } else {
        return None;
    };
    Some(Detected { code, confidence: ROMANISED })
}

/// Whether frequent English words make it English without a model being asked.
pub(super) fn is_english(words: &[&str]) -> bool {
    let count = words.iter().filter(|w| w.chars().count() > 1).count();
    let marks: Vec<&str> = words.iter().copied().filter(|w| is_one_of(w, &ENGLISH)).collect();
    // Twice the same word is not enough: Irish has an "is" of its own.
    let different = marks.iter().any(|w| !w.eq_ignore_ascii_case(marks[0]));
    count >= FEWEST_WORDS && different && marks.len() as f64 >= ENGLISH_SHARE * count as f64
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|w| word.eq_ignore_ascii_case(w))
}

/// The words of Latin text.
pub(super) fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !(c.is_alphabetic() || c == '\'' || c == '’')).filter(|w| !w.is_empty()).collect()
}

/// At most so many characters, to the end of a word where there is one.
fn clip(text: &str, most: usize) -> &str {
    let Some((end, _)) = text.char_indices().nth(most) else { return text };
    let end = text[..end].rfind(char::is_whitespace).unwrap_or(end);
    &text[..end]
}

/// The words of Latin text without what seems to be a name of somebody or of a street: a word with a capital after one
/// that does not end a sentence, and the first of several words with a capital. This takes nouns out of German, too,
/// which leaves enough of it. Text without a small letter is taken as it is.
fn without_names(text: &str) -> Vec<&str> {
    let shouted = !text.chars().any(char::is_lowercase);
    let mut kept = Vec::new();
    for sentence in text.split(['.', '!', '?', '\n', ':']) {
        let words = words(sentence);
        let capital = |at: usize| words.get(at).is_some_and(|w| w.chars().next().is_some_and(char::is_uppercase));
        let name = |at: usize| capital(at) && words[at] != "I" && (at > 0 || capital(1));
        kept.extend((0..words.len()).filter(|at| shouted || !name(*at)).map(|at| words[at]));
    }
    kept
}
