//! How fast messages may follow each other.

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Messages a second, over all chats.
const A_SECOND: usize = 30;
const SECOND: TimeDelta = TimeDelta::seconds(1);
/// Groups, whose numbers are below 0, take 20 messages a minute.
const GROUP: TimeDelta = TimeDelta::seconds(3);

/// When the next message may go: 30 a second over all, one a second to each chat, one in three seconds to a group, and
/// none while Telegram wants to be left alone. It only says so and remembers; it never waits itself.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// The last messages, at most as many as may go in a second.
    recent: VecDeque<DateTime<Utc>>,
    chats: HashMap<i64, DateTime<Utc>>,
    held: Option<(DateTime<Utc>, TimeDelta)>,
}

impl Pace {
    /// A pace that has seen no message.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long to wait at `now` before a message to this chat; zero if it may go at once. Should the clock have been
    /// put back, it is no longer than the rule itself.
    #[must_use]
    pub fn wait(&self, chat_id: i64, now: DateTime<Utc>) -> Duration {
        let left = |since: DateTime<Utc>, gap: TimeDelta| (since + gap - now).min(gap).to_std().unwrap_or_default();
        let chat = self.chats.get(&chat_id).map(|since| left(*since, gap(chat_id)));
        let all = self.recent.front().filter(|_| self.recent.len() == A_SECOND).map(|since| left(*since, SECOND));
        let held = self.held.map(|(since, gap)| left(since, gap));
        [chat, all, held].into_iter().flatten().max().unwrap_or_default()
    }

    /// A message went to this chat at `now`, or was tried.
    pub fn went(&mut self, chat_id: i64, now: DateTime<Utc>) {
        if self.recent.len() == A_SECOND {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        self.chats.retain(|id, since| *since + gap(*id) > now);
        self.chats.insert(chat_id, now);
    }

    /// Telegram asked at `now` to be left alone for so long ([`crate::channels::SendError::Busy`]).
    pub fn hold(&mut self, retry_after: Duration, now: DateTime<Utc>) {
        let gap = TimeDelta::from_std(retry_after).unwrap_or(TimeDelta::days(1)).min(TimeDelta::days(1));
        if self.held.is_none_or(|(since, held)| since + held < now + gap) {
            self.held = Some((now, gap));
        }
    }
}

const fn gap(chat_id: i64) -> TimeDelta {
    if chat_id < 0 { GROUP } else { SECOND }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_719_390_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn a_chat_gets_one_a_second_and_a_group_one_in_three() {
        let mut pace = Pace::new();
        assert_eq!(pace.wait(7, at(0)), Duration::ZERO);
        pace.went(7, at(0));
        pace.went(-7, at(0));
        assert_eq!(pace.wait(7, at(400)), Duration::from_millis(600));
        assert_eq!(pace.wait(8, at(400)), Duration::ZERO);
        assert_eq!(pace.wait(7, at(1000)), Duration::ZERO);
        assert_eq!(pace.wait(-7, at(1000)), Duration::from_secs(2));
        // The clock was put back by an hour.
        assert_eq!(pace.wait(7, at(-3_600_000)), Duration::from_secs(1));
    }

    #[test]
    fn when_telegram_wants_to_be_left_alone_nothing_goes() {
        let mut pace = Pace::new();
        pace.hold(Duration::from_secs(20), at(0));
        pace.hold(Duration::from_secs(2), at(0));
        assert_eq!(pace.wait(7, at(5000)), Duration::from_secs(15));
        assert_eq!(pace.wait(7, at(20_000)), Duration::ZERO);
        pace.hold(Duration::MAX, at(0));
        assert_eq!(pace.wait(7, at(0)), Duration::from_hours(24));
    }

    proptest! {
        #[test]
        fn whoever_waits_as_told_keeps_both_rules(asked in prop::collection::vec((1..50_i64, 0..40_i64), 1..200)) {
            let (mut pace, mut now, mut sent) = (Pace::new(), at(0), Vec::new());
            for (chat, later) in asked {
                now += TimeDelta::milliseconds(later);
                now += TimeDelta::from_std(pace.wait(chat, now)).unwrap();
                prop_assert_eq!(pace.wait(chat, now), Duration::ZERO, "it waits once");
                pace.went(chat, now);
                sent.push((now, chat));
            }
            for (at, chat) in &sent {
                let within = |(other, _): &&(DateTime<Utc>, i64)| *other >= *at && *other < *at + SECOND;
                prop_assert!(sent.iter().filter(within).count() <= A_SECOND);
                prop_assert_eq!(sent.iter().filter(within).filter(|(_, other)| other == chat).count(), 1);
            }
        }
    }
}
