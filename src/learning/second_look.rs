//! Training the second look: the last two layers of the sentence encoder, once more, on what danger sounds like.
//!
//! Words alone do not tell "he has not let her out for a week" from "he has not let the dog out for a week". What the layers
//! below make of a text never changes, so it is worked out once; two layers of six are then fitted on a few thousand messages
//! in minutes. One thread and a fixed seed: the same messages give the same file.

use super::dataset::Example;
use crate::understanding::encoder::{Net, SecondLook};
use anyhow::Context as _;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::path::Path;
use tch::nn::{self, OptimizerConfig as _};
use tch::{Reduction, Tensor};

/// Passes over the messages.
const PASSES: usize = 5;
/// Messages between two steps.
const LOT: usize = 16;
/// Length of the longest step, for the layers and for the head.
const STEP: f64 = 2e-4;
const STEP_OF_HEAD: f64 = 1e-3;
/// Share of the steps over which they grow to their full length.
const WARM_UP: f64 = 0.05;
const DECAY: f64 = 0.01;
/// No step is pulled harder than this by one lot.
const MOST_PULL: f64 = 1.0;
/// Messages of nobody's danger for each one of danger, at most.
const QUIET: f64 = 1.6;
/// Fewer messages of danger than this are not worth it.
const LEAST: usize = 200;

/// Fits a second look for the encoder in `folder`; none where there is too little to learn from.
///
/// # Errors
/// When the encoder cannot be loaded or fails.
pub fn fit(folder: &Path, examples: &[Example], progress: &dyn Fn(&str)) -> anyhow::Result<Option<SecondLook>> {
    let chosen = chosen(examples);
    let danger = chosen.iter().filter(|example| example.label == "yes").count();
    if danger < LEAST {
        return Ok(None);
    }
    tch::set_num_threads(1);
    tch::manual_seed(1);
    let net = Net::load(folder)?;
    let look = net.second_look();
    let mut read: Vec<(Tensor, Tensor)> = Vec::with_capacity(chosen.len());
    for (n, example) in chosen.iter().enumerate() {
        if n % 500 == 0 {
            progress(&format!("second look: {n} of {} messages read", chosen.len()));
        }
        let truth = if example.label == "yes" { 1.0_f32 } else { 0.0 };
        read.push((net.common(&example.question().text())?, Tensor::from_slice(&[truth])));
    }
    let mut steps = nn::AdamW { wd: DECAY, ..nn::AdamW::default() }.build(look.weights(), STEP)?;
    let mut random = StdRng::seed_from_u64(1);
    let mut order: Vec<usize> = (0..read.len()).collect();
    let all = (PASSES * read.len().div_ceil(LOT)) as f64;
    let mut done = 0.0_f64;
    for pass in 0..PASSES {
        order.shuffle(&mut random);
        let mut lost = 0.0;
        for lot in order.chunks(LOT) {
            let share = (done / (WARM_UP * all)).min(1.0) * (1.0 - done / all);
            steps.set_lr_group(0, STEP * share);
            steps.set_lr_group(SecondLook::HEAD, STEP_OF_HEAD * share);
            done += 1.0;
            steps.zero_grad();
            for &n in lot {
                let (common, truth) = &read[n];
                let loss = look.log_odds(common, true).binary_cross_entropy_with_logits::<Tensor>(
                    truth,
                    None,
                    None,
                    Reduction::Mean,
                );
                lost += f64::try_from(&loss).context("a loss is no number")?;
                (loss / lot.len() as f64).backward();
            }
            steps.clip_grad_norm(MOST_PULL);
            steps.step();
        }
        progress(&format!("second look: pass {} of {PASSES}, loss {:.3}", pass + 1, lost / read.len() as f64));
    }
    Ok(Some(look))
}

/// Every message of danger, and of the others as many as there is room for, evenly from all of them.
fn chosen(examples: &[Example]) -> Vec<&Example> {
    let danger = examples.iter().filter(|e| e.label == "yes").count() as f64;
    let quiet = examples.iter().filter(|e| e.label == "no").count() as f64;
    let share = (QUIET * danger / quiet.max(1.0)).min(1.0);
    let mut room = 0.0;
    examples
        .iter()
        .filter(|example| {
            if example.label == "yes" {
                return true;
            }
            room += share;
            let taken = room >= 1.0;
            room -= f64::from(u8::from(taken));
            taken
        })
        .collect()
}
