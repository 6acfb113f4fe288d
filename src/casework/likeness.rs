//! What speaks for and against two reports being about one problem, as numbers. What is not known is `NaN`, and speaks for neither.

pub mod marks;
pub mod words;

use crate::core::Place;
use crate::understanding::encoder;
use chrono::{DateTime, Utc};
use marks::{Agreement, Marks, compare, compare_things};
use words::{Common, Frequencies, Words};

/// The numbers, by name, in their order. `d` is the distance in metres, `h` the hours between the reports.
pub const FEATURES: &[&str] = &[
    "meaning",
    "meaning_near",
    "meaning_at_once",
    "letters",
    "same_text",
    "shared",
    "contained",
    "apart",
    "template",
    "log_d",
    "d_to_15",
    "d_15_to_60",
    "d_60_to_360",
    "far",
    "log_h",
    "h_1",
    "minutes",
    "h_to_240",
    "h_from_240",
    "minutes_other_text",
    "minutes_apart",
    "same_service",
    "number_same",
    "number_different",
    "thing_same",
    "thing_different",
    "street_same",
    "street_different",
    "colour_same",
    "colour_different",
    "goes_on",
    "goes_on_meaning",
    "another",
    "was_done",
    "comes_and_goes_h",
    "stays_near",
    "stays_meaning",
];

/// Words that go on with an earlier report.
const GOES_ON: &[&str] = &[
    "still",
    "reported",
    "any news",
    "any update",
    "update",
    "follow up",
    "following up",
    "chasing",
    "chase",
    "previous",
    "previously",
    "my report",
    "ref",
    "reference",
    "nothing has",
    "not been",
    "hasn't been",
    "hasnt been",
    "no one",
    "nobody",
    "as before",
    "yet",
    "remains",
    "ongoing",
    "months",
    "weeks",
];
/// Words that set a report apart from another one.
pub(super) const ANOTHER: &[&str] = &[
    "another",
    "other",
    "second",
    "different",
    "as well",
    "new one",
    "next",
    "also",
    "two more",
    "one more",
    "third",
    "further",
    "too",
    "opposite",
];
/// Words that say that something was done before.
pub(super) const WAS_DONE: &[&str] = &[
    "fixed",
    "repaired",
    "cleared",
    "emptied",
    "collected",
    "removed",
    "replaced",
    "filled",
    "cleaned",
    "mended",
    "resolved",
    "done",
    "again",
    "returned",
    "reappeared",
    "new",
];
/// Reports that lie so few hours apart are made in one go.
pub(super) const MINUTES: f64 = 0.35;
/// What a message names is looked for in so much of it.
const MOST_CHARACTERS: usize = 10_000;
/// A place that is known by its postcode or street only is off by about so many metres.
const COARSE_M: f64 = 60.0;

/// One report, as it is compared.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Its words.
    pub words: Words,
    /// What it names.
    pub marks: Marks,
    /// Its embedding, where there is one.
    pub embedding: Option<Vec<f32>>,
    /// Version of the encoder that made the embedding, where that is kept: what two encoders made is not compared.
    pub encoder: Option<String>,
    /// Its service.
    pub service: String,
    /// Whether what its service is about comes and goes: days later it is likely another.
    pub comes_and_goes: bool,
    /// Metres within which another report of its service may be about the same; as far as open cases are looked for where absent.
    pub within_m: Option<u16>,
    /// Where it is, where that is a spot.
    pub place: Option<Place>,
    /// When it came.
    pub at: DateTime<Utc>,
}

impl Report {
    /// A report, as it is compared.
    #[must_use]
    pub fn of(text: &str, embedding: Option<Vec<f32>>, at: DateTime<Utc>) -> Self {
        let end = text.char_indices().nth(MOST_CHARACTERS).map_or(text.len(), |(at, _)| at);
        Self { words: Words::of(text), marks: Marks::of(&text[..end]), embedding, at, ..Self::default() }
    }
}

/// Two reports compared.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The numbers, in the order of [`FEATURES`].
    pub features: Vec<f64>,
    /// What their words have in common.
    pub common: Common,
    /// Cosine of their embeddings.
    pub meaning: Option<f64>,
    /// Metres between them.
    pub metres: Option<f64>,
    /// Hours between them.
    pub hours: f64,
    /// Numbered things of one kind that differ.
    pub contradiction: Option<String>,
}

/// Compares an earlier report with a later one.
#[must_use]
pub fn compare_reports(earlier: &Report, later: &Report, frequencies: &Frequencies) -> Compared {
    let common = Common::of(&earlier.words, &later.words, frequencies);
    let embeddings = earlier.embedding.as_ref().zip(later.embedding.as_ref());
    let meaning = embeddings.filter(|_| earlier.encoder == later.encoder).map(|(a, b)| encoder::cosine(a, b));
    let metres =
        earlier.place.as_ref().zip(later.place.as_ref()).and_then(|(a, b)| Some(less_coarse(a, b, a.distance_m(b)?)));
    let hours = (later.at - earlier.at).num_seconds().max(0) as f64 / 3600.0;
    let (things, differing) = compare_things(&earlier.marks.things, &later.marks.things);
    let m = meaning.unwrap_or(f64::NAN);
    let d = metres.unwrap_or(f64::NAN);
    let if_near = |near: f64, value: f64| if d.is_nan() { f64::NAN } else { yes(d < near) * value };
    let minutes = yes(hours < MINUTES);
    let same_text = yes(earlier.words.line == later.words.line);
    let goes_on = yes(later.words.says(GOES_ON));
    let passing = yes(earlier.comes_and_goes && later.comes_and_goes);
    let both = |agreement: Agreement| [yes(agreement == Agreement::Same), yes(agreement == Agreement::Different)];
    let mut features = vec![
        m,
        if_near(20.0, m),
        m * yes(hours < 1.0),
        common.letters,
        same_text,
        common.shared,
        common.contained,
        common.apart,
        common.letters * yes(common.apart > 0.0),
        d.ln_1p(),
        within(d, 0.0, 15.0),
        within(d, 15.0, 60.0),
        within(d, 60.0, 360.0),
        if d.is_nan() { f64::NAN } else { yes(d > 400.0) },
        hours.ln_1p(),
        yes(hours < 1.0),
        minutes,
        within(hours, 0.0, 240.0),
        within(hours, 240.0, 4_240.0),
        minutes * (1.0 - same_text),
        minutes * common.apart,
        yes(earlier.service == later.service),
    ];
    features.extend(both(compare(&earlier.marks.numbers, &later.marks.numbers)));
    features.extend(both(things));
    features.extend(both(compare(&earlier.marks.streets, &later.marks.streets)));
    features.extend(both(compare(&earlier.marks.colours, &later.marks.colours)));
    features.extend([
        goes_on,
        goes_on * m,
        yes(later.words.says(ANOTHER)),
        yes(later.words.says(WAS_DONE)),
        passing * within(hours, 0.0, 240.0),
        if_near(40.0, (1.0 - passing) * (1.0 - minutes)),
        (1.0 - passing) * m,
    ]);
    let contradiction = differing.map(|(one, other)| format!("{one} and {other}"));
    Compared { features, common, meaning, metres, hours, contradiction }
}

/// The distance less what the places may be off by.
fn less_coarse(a: &Place, b: &Place, metres: f64) -> f64 {
    let coarse = [a, b].iter().filter(|place| place.is_coarse()).count() as f64 * COARSE_M;
    if metres > coarse { metres - coarse } else { metres.min(15.0) }
}

const fn yes(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// How far a value lies between two others, 0 to 1; unknown stays unknown.
fn within(value: f64, from: f64, to: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { ((value - from) / (to - from)).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_has_a_name() {
        let report = Report::of("a lamp", None, DateTime::UNIX_EPOCH);
        let compared = compare_reports(&report, &report, &Frequencies::default());
        assert_eq!(compared.features.len(), FEATURES.len());
        let unknown =
            FEATURES.iter().zip(&compared.features).filter(|(_, value)| value.is_nan()).map(|(name, _)| *name);
        assert_eq!(
            unknown.collect::<Vec<_>>(),
            [
                "meaning",
                "meaning_near",
                "meaning_at_once",
                "log_d",
                "d_to_15",
                "d_15_to_60",
                "d_60_to_360",
                "far",
                "goes_on_meaning",
                "stays_near",
                "stays_meaning"
            ]
        );
    }
}
