//! Fitting the linear model over terms: multinomial logistic regression by stochastic gradient descent on sparse rows.
//!
//! Each row touches only the weights of its own terms, so a pass over 39,158 messages takes a quarter of a second. The
//! order of the rows is drawn from a fixed seed: the same rows give the same weights.

use crate::understanding::lexical::{Lexicon, Row, Vocabulary, log_softmax};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// Passes over the rows.
const PASSES: usize = 8;
/// Length of the first step; the last is nought, which does what averaging the weights would.
const FIRST_STEP: f32 = 1.0;
/// Strength of the L2 penalty.
const PENALTY: f32 = 1e-5;

/// A fit of `rows` to `classes` (0 to `labels` - 1), on the rows named in `kept` only.
#[must_use]
pub fn fit(vocabulary: &Vocabulary, rows: &[Row], classes: &[usize], kept: &[usize], labels: usize) -> Lexicon {
    let mut weights = vec![0.0_f32; vocabulary.len() * labels];
    let mut bias = vec![0.0_f32; labels];
    let mut order = kept.to_vec();
    let mut random = StdRng::seed_from_u64(1);
    let steps = (PASSES * kept.len()) as f32;
    // Real weights are `weights * scale`: the penalty shrinks all of them at the cost of one multiplication.
    let (mut scale, mut done) = (1.0_f32, 0.0_f32);
    let mut error = vec![0.0_f32; labels];
    for _ in 0..PASSES {
        order.shuffle(&mut random);
        for &i in &order {
            let step = FIRST_STEP * (1.0 - done / steps);
            done += 1.0;
            error.fill(0.0);
            for (term, value) in &rows[i] {
                let at = *term as usize * labels;
                for (e, w) in error.iter_mut().zip(&weights[at..at + labels]) {
                    *e += value * w;
                }
            }
            for (e, b) in error.iter_mut().zip(&bias) {
                *e = *e * scale + b;
            }
            log_softmax(&mut error);
            for e in &mut error {
                *e = e.exp();
            }
            error[classes[i]] -= 1.0;
            scale *= 1.0 - step * PENALTY;
            for (b, e) in bias.iter_mut().zip(&mut error) {
                *b -= step * 0.1 * *e;
                *e *= step / scale;
            }
            for (term, value) in &rows[i] {
                let at = *term as usize * labels;
                for (w, e) in weights[at..at + labels].iter_mut().zip(&error) {
                    *w -= value * e;
                }
            }
        }
    }
    for w in &mut weights {
        *w *= scale;
    }
    Lexicon::new(vocabulary.clone(), bias, &weights)
}
