//! Fitting the matcher to pairs of reports that people read, and saying how good it is on others.

use super::embeddings;
use crate::casework::likeness::words::Frequencies;
use crate::casework::likeness::{Compared, FEATURES, Report, compare_reports};
use crate::casework::matcher::{Matcher, Weight};
use crate::casework::matching::{self, Writer};
use crate::core::{Place, Point, Taxonomy};
use crate::understanding::encoder::Encoder;
use crate::understanding::rules::normalise;
use anyhow::{Context as _, bail};
use chrono::{DateTime, FixedOffset, TimeDelta};
use linfa::Dataset;
use linfa::traits::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Strength of the penalty on large weights: there are few pairs and many features.
const ALPHA: f64 = 60.0;
/// Parts that the probabilities are made honest by.
const PARTS: u64 = 5;
/// Reports of one service that lie further apart than this are about different problems; pairs of such are made up for learning, one
/// for two pairs that were read.
const FAR_M: f64 = 400.0;
const FAR_SHARE: usize = 2;
/// Somebody sends the same words again from nearly the same spot: as many such pairs are made up as one for so many that were read.
const AGAIN_SHARE: usize = 4;
/// How far from the first spot, in degrees of latitude: 0, 2, 5 and 10 m.
const AGAIN_DEGREES: &[f64] = &[0.0, 0.000_02, 0.000_045, 0.000_09];
/// How long after each other the reports of a made-up pair came, in hours.
const FAR_HOURS: &[i64] = &[0, 3, 20, 70, 160, 400, 1_500, 4_000];

/// One report of a pair.
#[derive(Clone, Debug, Deserialize)]
pub struct Side {
    /// Its name, where it has one.
    #[serde(default)]
    pub id: Option<String>,
    /// Its text: subject, empty line, body.
    pub text: String,
    /// Its service.
    pub label: Option<String>,
    /// Degrees north.
    pub lat: Option<f64>,
    /// Degrees east.
    pub lon: Option<f64>,
    /// When it came.
    pub created: DateTime<FixedOffset>,
    /// Where, as it was found in it: how sure that is, is more than a position says.
    #[serde(skip)]
    pub place: Option<Place>,
}

/// Two reports, and whether they are about one problem.
#[derive(Clone, Debug, Deserialize)]
pub struct Pair {
    /// Its name.
    pub pair_id: String,
    /// 1 for one problem, 0 for two; pairs without it are left out.
    pub duplicate: Option<u8>,
    /// `learn` or `check`, where the file says so: what is for checking is not learned from.
    #[serde(default)]
    pub split: Option<String>,
    /// The report that came first.
    pub earlier: Side,
    /// The one that came later.
    pub later: Side,
}

/// How good a matcher is on pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Pairs.
    pub n: usize,
    /// Average precision.
    pub ap: f64,
    /// F1 where one half is the threshold.
    pub f1_at_threshold: f64,
    /// Of the pairs that would be joined without a person, the share that is one problem; none where none would be.
    pub precision_at_join: Option<f64>,
    /// Of the pairs that are one problem, the share that would be joined so.
    pub recall_at_join: f64,
    /// Of the pairs that are one problem, the share that would at least be offered.
    pub recall_at_maybe: f64,
}

/// The pairs of a file of JSON lines, those that nobody could tell left out.
///
/// # Errors
/// When it cannot be read; the line is named.
pub fn read(file: &Path) -> anyhow::Result<Vec<Pair>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut pairs = Vec::new();
    for (line, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
        let pair: Pair = serde_json::from_str(row).with_context(|| format!("{}: line {line}", file.display()))?;
        match pair.duplicate {
            Some(0 | 1) => pairs.push(pair),
            Some(other) => bail!("{}: line {line}: duplicate is {other}, and must be 1, 0 or null", file.display()),
            None => {}
        }
    }
    Ok(pairs)
}

/// Pairs with everything that is compared of them.
#[derive(Debug)]
pub struct Prepared {
    reports: Vec<(Report, Report)>,
    same: Vec<bool>,
    /// Which part of five each is in: pairs of one quarter of town stay together.
    parts: Vec<u64>,
    encoder: String,
}

impl Prepared {
    /// Encodes what has not been encoded before, and prepares the rest.
    ///
    /// # Errors
    /// When the encoder fails.
    pub async fn of(
        pairs: &[Pair],
        taxonomy: &Taxonomy,
        encoder: &Encoder,
        cache: Option<&Path>,
        progress: impl Fn(&str),
    ) -> anyhow::Result<Self> {
        let sides: Vec<&Side> = pairs.iter().flat_map(|pair| [&pair.earlier, &pair.later]).collect();
        let texts: Vec<String> = sides.iter().map(|side| normalise(&side.text)).collect();
        let mut reports = sides
            .iter()
            .zip(embeddings::of(&texts, encoder, cache, progress).await?)
            .map(|(side, embedding)| report(side, embedding, taxonomy));
        let mut paired = Vec::with_capacity(pairs.len());
        while let (Some(earlier), Some(later)) = (reports.next(), reports.next()) {
            paired.push((earlier, later));
        }
        let same = pairs.iter().map(|pair| pair.duplicate == Some(1)).collect();
        let parts = pairs.iter().map(part).collect();
        Ok(Self { reports: paired, same, parts, encoder: encoder.version().to_owned() })
    }

    fn compared(&self, frequencies: &Frequencies) -> Vec<Compared> {
        self.reports.iter().map(|(earlier, later)| compare_reports(earlier, later, frequencies)).collect()
    }

    /// Fits a matcher to all pairs, each counting once.
    ///
    /// # Errors
    /// As [`Self::fit_to`].
    pub fn fit(&self) -> anyhow::Result<Matcher> {
        self.fit_to(&(0..self.same.len()).collect::<Vec<usize>>())
    }

    /// Fits a matcher to all pairs, each counting as often as it stands in `rows`. The same pairs in the same order give the same to
    /// the bit.
    ///
    /// # Errors
    /// When there are too few pairs, or all of one kind.
    pub fn fit_to(&self, rows: &[usize]) -> anyhow::Result<Matcher> {
        if self.same.len() < 50 || self.same.iter().all(|same| *same) || !self.same.contains(&true) {
            bail!("a matcher needs fifty pairs or more, of both kinds");
        }
        let mut texts: BTreeMap<&str, &crate::casework::likeness::words::Words> = BTreeMap::new();
        for report in self.reports.iter().flat_map(|(earlier, later)| [earlier, later]) {
            texts.insert(&report.words.line, &report.words);
        }
        let frequencies = Frequencies::of(texts.into_values());
        let each: Vec<Row> =
            self.compared(&frequencies).into_iter().map(|c| c.features).zip(self.same.clone()).collect();
        let real: Vec<&Row> = rows.iter().filter_map(|row| each.get(*row)).collect();
        let parts: Vec<u64> = rows.iter().filter_map(|row| self.parts.get(*row).copied()).collect();
        let far = self.far(&frequencies).into_iter().map(|c| (c.features, false));
        let made_up: Vec<Row> = far.chain(self.again(&frequencies).into_iter().map(|c| (c.features, true))).collect();
        let scale = Scale::of(real.iter().copied().chain(&made_up).map(|(features, _)| features));
        // What each pair is judged by never saw it: so the probabilities are those of pairs that were not learned from.
        let mut held_out = Vec::with_capacity(real.len());
        for part in 0..PARTS {
            let (kept, left): (Vec<_>, Vec<_>) = real.iter().copied().zip(&parts).partition(|(_, p)| **p != part);
            if left.is_empty() {
                continue;
            }
            let line = Line::fit(&scale, kept.into_iter().map(|(row, _)| row).chain(&made_up))?;
            held_out.extend(left.into_iter().map(|((features, same), _)| (line.log_odds(&scale, features), *same)));
        }
        let (stretch, shift) = honest(&held_out)?;
        let line = Line::fit(&scale, real.iter().copied().chain(&made_up))?;
        let weights = FEATURES.iter().enumerate().map(|(at, name)| Weight {
            feature: (*name).to_owned(),
            mean: round(scale.means[at]),
            spread: round(scale.spreads[at]),
            weight: round(line.weights[at] * stretch),
        });
        let mut matcher = Matcher {
            version: String::new(),
            encoder: self.encoder.clone(),
            pairs: self.same.len(),
            base: round(line.base * stretch + shift),
            weights: weights.collect(),
            frequencies,
        };
        matcher.version = format!("{:x}", Sha256::digest(serde_json::to_vec(&matcher)?))[..12].to_owned();
        Ok(matcher)
    }

    /// Every report with a spot, each text once.
    fn placed(&self) -> Vec<&Report> {
        let mut seen = BTreeSet::new();
        let all = self.reports.iter().flat_map(|(earlier, later)| [earlier, later]);
        all.filter(|report| report.place.is_some() && seen.insert(report.words.line.clone())).collect()
    }

    /// Made-up pairs of a report and the same words again.
    fn again(&self, frequencies: &Frequencies) -> Vec<Compared> {
        let mut made = Vec::new();
        for (at, one) in self.placed().into_iter().enumerate() {
            let mut later = Report { at: one.at + TimeDelta::hours(FAR_HOURS[at % FAR_HOURS.len()]), ..one.clone() };
            let moved =
                |p: Point| Point::new(p.lat() + AGAIN_DEGREES[at / FAR_HOURS.len() % AGAIN_DEGREES.len()], p.lon());
            if let Some(place) = &mut later.place {
                place.point = place.point.and_then(moved);
            }
            made.push(compare_reports(one, &later, frequencies));
        }
        made.truncate(self.same.len() / AGAIN_SHARE);
        made
    }

    /// Made-up pairs of reports of one service that are far from each other.
    fn far(&self, frequencies: &Frequencies) -> Vec<Compared> {
        let all = self.placed();
        let mut made = Vec::new();
        for (at, one) in all.iter().enumerate() {
            let others = all.iter().cycle().skip(at + 1).take(all.len() - 1);
            let is_far = |other: &&&Report| {
                let metres = one.place.as_ref().zip(other.place.as_ref()).and_then(|(a, b)| a.distance_m(b));
                other.service == one.service && metres.is_some_and(|metres| metres > FAR_M)
            };
            let Some(other) = others.skip(at % 7).find(is_far) else { continue };
            let hours = FAR_HOURS[at % FAR_HOURS.len()];
            let later = Report { at: one.at + TimeDelta::hours(hours), ..(**other).clone() };
            made.push(compare_reports(one, &later, frequencies));
        }
        made.truncate(self.same.len() / FAR_SHARE);
        made
    }

    /// How good a matcher is on these pairs, where the council joins above one probability and offers above another.
    #[must_use]
    pub fn figures(&self, matcher: &Matcher, join_above: f64, maybe_above: f64) -> Figures {
        let judged = self
            .reports
            .iter()
            .map(|(known, new)| matching::judge(matcher, known, new, Writer::Unknown).0)
            .collect::<Vec<_>>();
        figures(&self.probabilities(matcher), &judged, &self.same, join_above, maybe_above)
    }

    /// The probability of each pair, in order.
    #[must_use]
    pub fn probabilities(&self, matcher: &Matcher) -> Vec<f64> {
        self.compared(&matcher.frequencies).iter().map(|compared| matcher.probability(compared)).collect()
    }
}

type Row = (Vec<f64>, bool);

/// `scored` are the matcher's probabilities, `judged` what the rules around it leave of them.
fn figures(scored: &[f64], judged: &[f64], same: &[bool], join_above: f64, maybe_above: f64) -> Figures {
    let mut ranked: Vec<(f64, bool)> = scored.iter().copied().zip(same.iter().copied()).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let all = same.iter().filter(|same| **same).count().max(1) as f64;
    let (mut hits, mut ap) = (0.0, 0.0);
    for (at, (_, same)) in (1_u32..).zip(&ranked) {
        if *same {
            hits += 1.0;
            ap += hits / f64::from(at) / all;
        }
    }
    let above = |values: &[f64], threshold: f64| {
        let taken = values.iter().zip(same).filter(|(value, _)| **value >= threshold);
        let taken: Vec<bool> = taken.map(|(_, same)| *same).collect();
        (taken.iter().filter(|same| **same).count() as f64, taken.len() as f64)
    };
    let (half, half_taken) = above(scored, 0.5);
    let ((joined, join_taken), (offered, _)) = (above(judged, join_above), above(judged, maybe_above));
    Figures {
        n: ranked.len(),
        ap,
        f1_at_threshold: 2.0 * half / (half_taken + all),
        precision_at_join: (join_taken > 0.0).then(|| joined / join_taken),
        recall_at_join: joined / all,
        recall_at_maybe: offered / all,
    }
}

fn report(side: &Side, embedding: Vec<f32>, taxonomy: &Taxonomy) -> Report {
    let service = side.label.clone().unwrap_or_default();
    let point = side.lat.zip(side.lon).and_then(|(lat, lon)| Point::new(lat, lon));
    let position = point.map(Place::at);
    Report {
        comes_and_goes: taxonomy.services.get(&service).is_some_and(|service| service.comes_and_goes),
        within_m: taxonomy.services.get(&service).and_then(|service| service.within_m),
        service,
        place: side.place.clone().or(position),
        ..Report::of(&side.text, Some(embedding), side.created.to_utc())
    }
}

/// Which part a pair is in: by the square of about 300 m that it lies in, else by its name.
fn part(pair: &Pair) -> u64 {
    let square =
        pair.earlier.lat.zip(pair.earlier.lon).map(|(lat, lon)| format!("{:.0}/{:.0}", lat * 300.0, lon * 200.0));
    let hash = Sha256::digest(square.as_deref().unwrap_or(&pair.pair_id).as_bytes());
    u64::from(hash[0]) % PARTS
}

/// Mean and spread of each feature over what is known of it.
struct Scale {
    means: Vec<f64>,
    spreads: Vec<f64>,
}

impl Scale {
    fn of<'a>(rows: impl Iterator<Item = &'a Vec<f64>>) -> Self {
        let mut sums = vec![(0.0, 0.0, 0.0); FEATURES.len()];
        for row in rows {
            for ((n, sum, squares), value) in sums.iter_mut().zip(row).filter(|(_, value)| !value.is_nan()) {
                *n += 1.0;
                *sum += value;
                *squares += value * value;
            }
        }
        let mean = |(n, sum, _): &(f64, f64, f64)| sum / n.max(1.0);
        let spread = |all: &(f64, f64, f64)| (all.2 / all.0.max(1.0) - mean(all).powi(2)).max(0.0).sqrt();
        // What is always the same says nothing, and is not divided by.
        let spreads = sums.iter().map(spread).map(|spread| if spread < 1e-6 { 1.0 } else { spread });
        Self { means: sums.iter().map(mean).collect(), spreads: spreads.collect() }
    }

    fn row(&self, features: &[f64]) -> Vec<f64> {
        let scaled = features.iter().zip(self.means.iter().zip(&self.spreads));
        scaled.map(|(value, (mean, spread))| if value.is_nan() { 0.0 } else { (value - mean) / spread }).collect()
    }
}

/// A fitted line through scaled features.
struct Line {
    weights: Vec<f64>,
    base: f64,
}

impl Line {
    fn fit<'a>(scale: &Scale, rows: impl Iterator<Item = &'a Row>) -> anyhow::Result<Self> {
        let (mut values, mut meant) = (Vec::new(), Vec::new());
        for (features, same) in rows {
            values.extend(scale.row(features));
            meant.push(*same);
        }
        let x = Array2::from_shape_vec((meant.len(), FEATURES.len()), values)?;
        let fitted = LogisticRegression::default()
            .alpha(ALPHA)
            .max_iterations(500)
            .fit(&Dataset::new(x, Array1::from(meant)))
            .context("the matcher could not be fitted")?;
        let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
        Ok(Self {
            weights: fitted.params().iter().map(|weight| sign * weight).collect(),
            base: sign * fitted.intercept(),
        })
    }

    fn log_odds(&self, scale: &Scale, features: &[f64]) -> f64 {
        self.base + scale.row(features).iter().zip(&self.weights).map(|(value, weight)| value * weight).sum::<f64>()
    }
}

/// What makes log-odds probabilities (Platt): stretch and shift.
fn honest(held_out: &[(f64, bool)]) -> anyhow::Result<(f64, f64)> {
    let x = Array2::from_shape_vec((held_out.len(), 1), held_out.iter().map(|(odds, _)| *odds).collect())?;
    let y: Array1<bool> = held_out.iter().map(|(_, same)| *same).collect();
    let fitted = LogisticRegression::default().alpha(1e-3).fit(&Dataset::new(x, y)).context("no calibration")?;
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    Ok((sign * fitted.params()[0], sign * fitted.intercept()))
}

/// Six significant places are enough, and the same on every machine.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_field() {
        let same = [true, false, true, true];
        let scores = [0.95, 0.9, 0.6, 0.2];
        let found = figures(&scores, &scores, &same, 0.93, 0.5);
        assert!((found.ap - (1.0 + 2.0 / 3.0 + 3.0 / 4.0) / 3.0).abs() < 1e-9, "{found:?}");
        assert_eq!((found.precision_at_join, found.n), (Some(1.0), 4));
        assert!(
            (found.recall_at_maybe - 2.0 / 3.0).abs() < 1e-9 && (found.f1_at_threshold - 2.0 * 2.0 / 6.0).abs() < 1e-9
        );
    }
}
