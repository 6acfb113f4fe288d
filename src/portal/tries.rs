//! Wrong passwords and codes: who guesses waits, and nobody can make somebody else wait.
//!
//! Whoever has signed in from a browser before carries a sealed mark there (a device cookie), and their tries are counted by
//! themselves. Tries without it are counted by user name and by network address. So who guesses at a name keeps out other
//! strangers, and not its owner. Kept in memory: no address is stored, and what somebody types as a name takes no more room than its hash.

use super::form::throttle::household;
use super::sign_in::hashed;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::net::IpAddr;

/// So many wrong tries before a wait.
const FREE_TRIES: u32 = 5;
/// From one network address, where many may sit behind one.
const FREE_TRIES_OF_AN_ADDRESS: u32 = 30;
/// Longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 60;
/// After so long without a wrong try, in minutes, all is forgotten.
const FORGOTTEN: i64 = 60;
/// So many are kept in mind; beyond, those are forgotten first that were seen longest ago.
const MOST: usize = 20_000;

/// Whose tries are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// A browser from which this user signed in before.
    Known(String),
    /// Strangers who say they are this user: a hash of the name they typed, which can be of any length.
    Name(String),
    /// A network address, as far as one household has it.
    Address(IpAddr),
}

impl Whose {
    /// Strangers who say they are this user.
    pub(super) fn name(user_name: &str) -> Self {
        Self::Name(hashed(user_name))
    }

    /// Whoever comes from a network address: all that one household has of the new kind count as one.
    pub(super) fn address(from: IpAddr) -> Self {
        Self::Address(household(from))
    }

    const fn free(&self) -> u32 {
        match self {
            Self::Known(_) | Self::Name(_) => FREE_TRIES,
            Self::Address(_) => FREE_TRIES_OF_AN_ADDRESS,
        }
    }
}

#[derive(Debug)]
struct Count {
    wrong: u32,
    last: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
}

/// Wrong tries so far.
#[derive(Debug, Default)]
pub(super) struct Tries {
    counts: HashMap<Whose, Count>,
    /// When what is over was last forgotten.
    swept: Option<DateTime<Utc>>,
}

impl Tries {
    /// Counts a try as a wrong one before it is checked, so that many at once are no way around the wait; or says how many seconds
    /// to wait. [`Self::right`] takes it back.
    pub(super) fn begin(&mut self, whose: &[Whose], now: DateTime<Utc>) -> Result<(), i64> {
        let waits = whose.iter().filter_map(|one| self.wait(one, now));
        if let Some(seconds) = waits.max() {
            return Err(seconds);
        }
        // A clock that was set back sweeps too.
        let kept_long = self.swept.is_none_or(|at| (now - at).abs() >= TimeDelta::minutes(FORGOTTEN));
        if kept_long || self.counts.len() >= MOST {
            self.forget(now);
            self.swept = Some(now);
        }
        for one in whose {
            self.wrong(one, now);
        }
        Ok(())
    }

    /// It was right: nothing is held against them.
    pub(super) fn right(&mut self, whose: &[Whose]) {
        for one in whose {
            match one {
                // Others behind the same address may be guessing on.
                Whose::Address(_) => {
                    if let Some(count) = self.counts.get_mut(one) {
                        count.wrong = count.wrong.saturating_sub(1);
                        count.until = None;
                    }
                }
                _ => drop(self.counts.remove(one)),
            }
        }
    }

    fn wait(&self, whose: &Whose, now: DateTime<Utc>) -> Option<i64> {
        let left = self.counts.get(whose)?.until? - now;
        // A clock that was set back must not keep anybody out for longer than the longest wait.
        (left > TimeDelta::zero()).then(|| ((left.num_milliseconds() + 999) / 1000).min(LONGEST_WAIT))
    }

    fn wrong(&mut self, whose: &Whose, now: DateTime<Utc>) {
        let count = self.counts.entry(whose.clone()).or_insert(Count { wrong: 0, last: now, until: None });
        if now - count.last > TimeDelta::minutes(FORGOTTEN) {
            *count = Count { wrong: 0, last: now, until: None };
        }
        count.wrong = count.wrong.saturating_add(1);
        count.last = now;
        if let Some(beyond) = count.wrong.checked_sub(whose.free()) {
            count.until = Some(now + TimeDelta::seconds((1_i64 << beyond.min(10)).min(LONGEST_WAIT)));
        }
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        self.counts.retain(|_, count| now - count.last < TimeDelta::minutes(FORGOTTEN));
        if self.counts.len() >= MOST {
            let mut seen: Vec<DateTime<Utc>> = self.counts.values().map(|count| count.last).collect();
            seen.sort_unstable();
            let middle = seen.get(seen.len() / 2).copied().unwrap_or(now);
            self.counts.retain(|_, count| count.last > middle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_773_410_700 + seconds, 0).unwrap()
    }

    fn name(of: &str) -> Vec<Whose> {
        vec![Whose::name(of)]
    }

    #[test]
    fn the_wait_grows_after_five_wrong_tries_and_ends_at_a_minute() {
        let (mut tries, ann) = (Tries::default(), Whose::name("ann"));
        let (mut now, mut waits) = (0, Vec::new());
        for _ in 0..15 {
            tries.begin(&name("ann"), at(now)).unwrap();
            let wait = tries.wait(&ann, at(now)).unwrap_or(0);
            if wait > 0 {
                assert_eq!(tries.begin(&name("ann"), at(now)), Err(wait));
            }
            waits.push(wait);
            now += wait;
        }
        assert_eq!(waits[0], 0);
        assert_eq!(*waits.last().unwrap(), LONGEST_WAIT, "{waits:?}");
        assert!(tries.begin(&name("ann"), at(now + 61)).is_ok());
    }

    #[test]
    fn who_guesses_at_a_name_keeps_out_strangers_and_not_its_owner() {
        let mut tries = Tries::default();
        let address = |n: u8| Whose::Address(IpAddr::from([192, 0, 2, n]));
        for n in 0..5 {
            tries.begin(&[Whose::name("ann"), address(n)], at(0)).unwrap();
        }
        assert!(tries.begin(&[Whose::name("ann"), address(9)], at(0)).is_err());
        assert!(tries.begin(&[Whose::Known("ann/1".into()), address(8)], at(0)).is_ok());
        assert!(tries.begin(&[Whose::name("ben"), address(1)], at(0)).is_ok());
    }

    #[test]
    fn what_is_right_is_held_against_nobody() {
        let mut tries = Tries::default();
        for _ in 0..50 {
            tries.begin(&name("ann"), at(0)).unwrap();
            tries.right(&name("ann"));
        }
    }

    #[test]
    fn memory_has_an_end() {
        let mut tries = Tries::default();
        for n in 0..MOST + 50 {
            tries.begin(&name(&n.to_string()), at(n as i64 / 100)).unwrap();
        }
        assert!(tries.counts.len() <= MOST);
    }
    #[test]
    fn what_is_an_hour_old_is_forgotten_and_a_long_name_takes_no_more_room_than_a_short_one() {
        let mut tries = Tries::default();
        for n in 0..10 {
            tries.begin(&name(&n.to_string().repeat(60_000)), at(0)).unwrap();
        }
        assert!(tries.counts.keys().all(|whose| matches!(whose, Whose::Name(key) if key.len() == 64)));
        tries.begin(&name("ann"), at(3_601)).unwrap();
        assert_eq!(tries.counts.len(), 1);
    }

    #[test]
    fn a_household_counts_as_one_address() {
        let of = |text: &str| Whose::address(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
