//! What a message means, in 32 bytes: on which side of 256 planes its embedding lies. The fewer sides differ, the nearer two are in
//! meaning; and messages that mean nearly the same lie on one side of all the planes of a band, likely, so they are found by it.
//!
//! Random hyperplanes (Charikar, Similarity estimation techniques from rounding algorithms, STOC 2002): the chance that a plane parts
//! two embeddings is the angle between them, divided by π. The planes are made from SHA-256 of their numbers, so that they are the same
//! everywhere and always.

use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// Planes; a multiple of eight.
const PLANES: usize = 256;
/// Bands that a case is found by.
pub const BANDS: usize = 8;
/// Planes of a band: the more, the fewer cases share one by chance.
const PLANES_OF_A_BAND: usize = 12;
/// Numbers of an embedding that are looked at; there are 384 of the encoder's.
const MOST_NUMBERS: usize = 384;

/// The sides of an embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sketch([u8; PLANES / 8]);

/// For each plane the signs of its normal, as bits.
static NORMALS: LazyLock<Vec<[u8; MOST_NUMBERS / 8]>> = LazyLock::new(|| {
    let normal = |plane: usize| {
        let mut signs = [0; MOST_NUMBERS / 8];
        for (at, piece) in signs.chunks_mut(32).enumerate() {
            let hash = Sha256::digest(format!("beadle/plane/{plane}/{at}"));
            piece.copy_from_slice(&hash[..piece.len()]);
        }
        signs
    };
    (0..PLANES).map(normal).collect()
});

impl Sketch {
    /// The sketch of an embedding.
    #[must_use]
    pub fn of(embedding: &[f32]) -> Self {
        let mut sides = [0; PLANES / 8];
        for (plane, signs) in NORMALS.iter().enumerate() {
            let sum: f32 = embedding
                .iter()
                .take(MOST_NUMBERS)
                .enumerate()
                .map(|(at, value)| if signs[at / 8] >> (at % 8) & 1 == 1 { *value } else { -value })
                .sum();
            if sum > 0.0 {
                sides[plane / 8] |= 1 << (plane % 8);
            }
        }
        Self(sides)
    }

    /// A sketch as it is stored; none where the bytes are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// As it is stored.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; PLANES / 8] {
        &self.0
    }

    /// The bands it lies in: numbers that nearly the same meanings likely share one of.
    #[must_use]
    pub fn bands(&self) -> [i64; BANDS] {
        std::array::from_fn(|band| {
            let planes = band * PLANES_OF_A_BAND..(band + 1) * PLANES_OF_A_BAND;
            let sides = planes.fold(0, |sides, plane| sides << 1 | i64::from(self.0[plane / 8] >> (plane % 8) & 1));
            (band as i64) << PLANES_OF_A_BAND | sides
        })
    }

    /// About the cosine of the two embeddings: off by 0.1 now and then.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> f64 {
        let apart: u32 = self.0.iter().zip(&other.0).map(|(a, b)| (a ^ b).count_ones()).sum();
        (std::f64::consts::PI * f64::from(apart) / PLANES as f64).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Embeddings made up of a seed: all directions are alike likely.
    fn embedding(seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
        };
        let values: Vec<f32> = (0..384).map(|_| (0..6).map(|_| next()).sum()).collect();
        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        values.iter().map(|v| v / length).collect()
    }

    fn mixed(a: &[f32], b: &[f32], share: f32) -> Vec<f32> {
        let mixed: Vec<f32> = a.iter().zip(b).map(|(a, b)| a * (1.0 - share) + b * share).collect();
        let length = mixed.iter().map(|v| v * v).sum::<f32>().sqrt();
        mixed.iter().map(|v| v / length).collect()
    }

    fn cosine(a: &[f32], b: &[f32]) -> f64 {
        f64::from(a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>())
    }

    #[test]
    fn a_sketch_tells_the_cosine_to_about_a_tenth() {
        for seed in 1..60 {
            let (a, b) = (embedding(seed), embedding(seed + 1_000));
            for share in [0.0, 0.2, 0.4, 0.6, 1.0] {
                let other = mixed(&a, &b, share);
                let (told, is) = (Sketch::of(&a).likeness(&Sketch::of(&other)), cosine(&a, &other));
                assert!((told - is).abs() < 0.3, "seed {seed}: {told} for {is}");
            }
        }
    }

    #[test]
    fn nearly_the_same_meanings_share_a_band_and_others_hardly_ever() {
        let shares = |share: f32| {
            let found = (1..200).filter(|&seed| {
                let (a, b) = (embedding(seed), embedding(seed + 1_000));
                let (one, other) = (Sketch::of(&a).bands(), Sketch::of(&mixed(&a, &b, share)).bands());
                one.iter().any(|band| other.contains(band))
            });
            f64::from(u32::try_from(found.count()).unwrap()) / 199.0
        };
        // A share of 0.2 is a cosine of about 0.97, of 1.0 about 0.
        assert!(shares(0.2) > 0.93, "{}", shares(0.2));
        assert!(shares(1.0) < 0.02, "{}", shares(1.0));
    }

    #[test]
    fn a_sketch_comes_back_from_its_bytes() {
        let sketch = Sketch::of(&embedding(7));
        assert_eq!(Sketch::from_bytes(sketch.bytes()), Some(sketch));
        assert_eq!(Sketch::from_bytes(&[1, 2, 3]), None);
    }
}
