//! How many reports (and forms of officers) came from where in the last hour: kept in memory, so that no network address is ever stored.

use crate::intake::form::FormPolicy;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};

/// The reports of the last hour, oldest first; never more than the council lets in.
#[derive(Debug, Default)]
pub(in crate::portal) struct Throttle {
    seen: VecDeque<(DateTime<Utc>, IpAddr)>,
}

impl Throttle {
    /// Lets a report in and counts it, or says how long its sender has to wait.
    pub(super) fn admit(&mut self, from: IpAddr, now: DateTime<Utc>, policy: &FormPolicy) -> Option<TimeDelta> {
        self.admit_at_most(from, now, (policy.per_address, policy.per_hour))
    }

    /// The same, for so many from one network address and from everybody in an hour.
    pub(in crate::portal) fn admit_at_most(
        &mut self,
        from: IpAddr,
        now: DateTime<Utc>,
        (per_address, per_hour): (usize, usize),
    ) -> Option<TimeDelta> {
        let (from, hour) = (household(from), TimeDelta::hours(1));
        // A clock that was set back must not lock anybody out.
        self.seen.retain(|(at, _)| *at <= now && now - *at < hour);
        let of_all = self.nth_last(per_hour, |_| true);
        let of_them = self.nth_last(per_address, |known| known == from);
        if let Some(oldest) = of_all.into_iter().chain(of_them).max() {
            return Some(oldest + hour - now);
        }
        self.seen.push_back((now, from));
        None
    }

    /// When the report came that stands `most` places from the end among those of some senders.
    fn nth_last(&self, most: usize, of: impl Fn(IpAddr) -> bool) -> Option<DateTime<Utc>> {
        self.seen.iter().rev().filter(|(_, from)| of(*from)).nth(most.saturating_sub(1)).map(|(at, _)| *at)
    }
}

/// A household has one address of the old kind, and 2^64 of the new.
pub(in crate::portal) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_waits_until_its_oldest_report_is_an_hour_old_and_others_do_not() {
        let policy = FormPolicy { per_address: 2, per_hour: 4, ..FormPolicy::new("form", "https://b.example") };
        let start: DateTime<Utc> = "2026-03-13T14:00:00Z".parse().unwrap();
        let at = |minutes| start + TimeDelta::minutes(minutes);
        let mut throttle = Throttle::default();
        let (ann, ben) = (address("192.0.2.1"), address("2001:db8:1:2::1"));
        assert_eq!(throttle.admit(ann, at(0), &policy), None);
        assert_eq!(throttle.admit(ann, at(10), &policy), None);
        assert_eq!(throttle.admit(ann, at(20), &policy), Some(TimeDelta::minutes(40)));
        assert_eq!(throttle.admit(address("::ffff:192.0.2.1"), at(20), &policy), Some(TimeDelta::minutes(40)));
        assert_eq!(throttle.admit(ben, at(20), &policy), None);
        assert_eq!(throttle.admit(address("2001:db8:1:2:ffff::9"), at(21), &policy), None, "the same household");
        assert_eq!(
            throttle.admit(address("198.51.100.1"), at(30), &policy),
            Some(TimeDelta::minutes(30)),
            "all together"
        );
        assert_eq!(throttle.admit(ann, at(60), &policy), None);
        assert_eq!(
            throttle.admit(ann, at(61), &policy),
            Some(TimeDelta::minutes(9)),
            "the one at 10 has to be an hour old"
        );
    }
}
