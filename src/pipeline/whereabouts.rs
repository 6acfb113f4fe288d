//! Where what3words addresses and short links point, asked before a message is judged, so that judging itself asks nobody.

use super::clerk::Clerk;
use super::{Pipeline, Thought};
use crate::channels::whereabouts::{Unanswered, Whereabouts};
use crate::core::{LookedUp, Pointer, PointsTo};
use crate::store;
use crate::understanding::rules::Rules;
use futures_util::stream::{self, StreamExt as _};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// So many addresses of a message are looked up.
const MOST_OF_A_MESSAGE: usize = 3;
/// So many are asked for at once.
const AT_ONCE: usize = 8;
/// So long all messages of a step wait for answers together; what is not answered by then counts as not answered.
const LONGEST: Duration = Duration::from_secs(6);

/// What is known of each pointer.
type Known = BTreeMap<Pointer, PointsTo>;

impl Pipeline {
    /// Adds to each question what its pointers point to. Nothing that fails here holds up a message: it goes on without.
    pub(super) async fn look_up(&self, thoughts: &mut [Thought], rules: &Rules) {
        let Some(wire) = &self.house.whereabouts else { return };
        let (wanted, mut known) = match self.wanted(wire, thoughts, rules).await {
            Ok(wanted) => wanted,
            Err(error) => {
                tracing::warn!(%error, "what is kept of places could not be read; none is looked up this time");
                return;
            }
        };
        let mut unknown: Vec<Pointer> = wanted.iter().flatten().filter(|p| !known.contains_key(*p)).cloned().collect();
        unknown.sort_unstable();
        unknown.dedup();
        if !unknown.is_empty() {
            let found = ask(wire, unknown).await;
            if let Err(error) = self.keep(&found).await {
                tracing::warn!(%error, "places that were looked up could not be kept; they will be asked for again");
            }
            known.extend(found);
        }
        for (thought, pointers) in thoughts.iter_mut().zip(wanted) {
            let found = pointers.into_iter().filter_map(|pointer| {
                let points_to = known.get(&pointer)?.clone();
                Some(LookedUp { pointer, points_to })
            });
            thought.question.looked_up = found.collect();
        }
    }

    /// The pointers of each message that are to be looked up, and what is kept of them. Automatic mail, what is for the councillor only
    /// and what will be set aside are nobody's business.
    async fn wanted(
        &self,
        wire: &Whereabouts,
        thoughts: &[Thought],
        rules: &Rules,
    ) -> store::Result<(Vec<Vec<Pointer>>, Known)> {
        let clerk = Clerk { pipeline: self, rules, now: self.clock.now() };
        let (mut wanted, mut known) = (Vec::with_capacity(thoughts.len()), Known::new());
        let mut tx = None;
        for thought in thoughts {
            let mut pointers = Vec::new();
            if thought.mail.automatic.is_none() && !clerk.is_private(thought) {
                pointers = thought.question.pointers();
                pointers.retain(|pointer| wire.asks_for(pointer));
                pointers.truncate(MOST_OF_A_MESSAGE);
            }
            if !pointers.is_empty() {
                let tx = match &mut tx {
                    Some(tx) => tx,
                    None => tx.insert(self.db.read().await?),
                };
                if !thought.mail.channel.is_word_of_mouth() && clerk.too_much(tx, thought).await?.is_some() {
                    pointers.clear();
                }
                for pointer in &pointers {
                    if let Some(points_to) = store::whereabouts::find(tx, pointer).await? {
                        known.insert(pointer.clone(), points_to);
                    }
                }
            }
            wanted.push(pointers);
        }
        Ok((wanted, known))
    }

    async fn keep(&self, found: &Known) -> store::Result<()> {
        let certain: Vec<_> = found.iter().filter(|(_, points_to)| points_to.is_certain()).collect();
        if certain.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        for (pointer, points_to) in certain {
            store::whereabouts::keep(&mut tx, pointer, points_to, self.clock.now()).await?;
        }
        tx.commit().await
    }
}

/// Asks for all of them; each has an answer then, if only that there was none.
async fn ask(wire: &Arc<Whereabouts>, pointers: Vec<Pointer>) -> Known {
    let mut found: Known = pointers.iter().map(|pointer| (pointer.clone(), PointsTo::Unanswered)).collect();
    let mut asked = stream::iter(pointers.into_iter().map(|pointer| {
        let wire = Arc::clone(wire);
        async move {
            let answer = wire.look_up(&pointer).await;
            (pointer, answer)
        }
    }))
    .buffer_unordered(AT_ONCE);
    let deadline = Instant::now() + LONGEST;
    let mut failures: BTreeMap<Unanswered, usize> = BTreeMap::new();
    while let Ok(Some((pointer, answer))) = timeout_at(deadline, asked.next()).await {
        match answer {
            Ok(points_to) => {
                found.insert(pointer, points_to);
            }
            Err(why) => *failures.entry(why).or_default() += 1,
        }
    }
    for (why, count) in failures {
        tracing::warn!(%why, count, "places could not be looked up; their messages go on without");
    }
    found
}
