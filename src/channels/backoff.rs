//! How long to wait before a server is tried again.

use rand::Rng;
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const CEILING: Duration = Duration::from_secs(300);

/// Delays that grow from 1 second to 5 minutes, each drawn at random so that many processes do not knock together.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// A backoff that has seen no failure.
    #[must_use]
    pub const fn new() -> Self {
        Self { failures: 0 }
    }

    /// Counts one more failure and says how long to wait: drawn evenly from 1 s up to 2, 4, 8 … at most 300 s.
    pub fn next_delay(&mut self, rng: &mut impl Rng) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let longest = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(CEILING);
        rng.random_range(FIRST..=longest)
    }

    /// How many failures there were since the last success.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// It worked: the next delay is short again.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn delays_grow_to_five_minutes_and_begin_anew_after_a_success() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let mut backoff = Backoff::new();
        for failure in 1..200_u32 {
            let delay = backoff.next_delay(&mut rng);
            let longest = Duration::from_secs(2_u64.saturating_pow(failure).min(300));
            assert!(delay >= FIRST && delay <= longest, "failure {failure}: {delay:?}");
        }
        assert_eq!(backoff.failures(), 199);
        backoff.reset();
        assert!(backoff.next_delay(&mut rng) <= Duration::from_secs(2));
    }

    #[test]
    fn delays_are_spread() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let late = Backoff { failures: 20 };
        let drawn: Vec<u64> = (0..100).map(|_| late.clone().next_delay(&mut rng).as_secs()).collect();
        assert!(drawn.iter().any(|s| *s < 60) && drawn.iter().any(|s| *s > 240), "{drawn:?}");
    }
}
