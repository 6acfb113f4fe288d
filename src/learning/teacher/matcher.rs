//! The same for what tells that two reports are about one problem: people's joins and undos teach it.

use super::{Asked, Done, FEWEST, FEWEST_HELD_BACK, Means, Progress, Teacher, on_a_thread_of_its_own};
use crate::casework::matcher::Matcher;
use crate::core::Taxonomy;
use crate::learning::own_pairs::{self, OwnPair, OwnPairs, kinds};
use crate::learning::pairs::{self, Figures, Pair, Prepared};
use crate::learning::shelf::{Shelf, private_folder};
use crate::learning::simulate;
use crate::store::lesson::SHIPPED;
use crate::store::matcher_lesson::{self, MatcherLesson};
use crate::store::{self, Tx};
use crate::understanding::Understanding;
use anyhow::Context as _;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;

/// What came of being asked to learn which reports are about one problem.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum MatcherOutcome {
    /// There are too few pairs that people decided on, or of one kind only.
    TooFew {
        /// To learn from, one problem and two.
        pairs: (usize, usize),
        /// Held back, one problem and two.
        held_back: (usize, usize),
    },
    /// Nothing, or by night too little, was decided since the last lesson.
    NothingNew {
        /// Decisions since then.
        new: usize,
    },
    /// Another process is at it.
    Busy,
    /// A matcher was trained and compared.
    Learned {
        /// What came of it.
        lesson: Box<MatcherLesson>,
    },
}

impl Teacher {
    /// The shelf of learned matchers.
    #[must_use]
    pub fn matchers(&self) -> Shelf {
        Shelf::new(self.means.folder.join("matchers"))
    }

    /// Puts the matcher to work that the database says is in force. Where it cannot be had, the one at work stays, and the
    /// answer says so, once.
    ///
    /// # Errors
    /// What the database says.
    pub async fn follow_matcher(&self) -> store::Result<Option<Result<String, String>>> {
        let mut tx = self.db.read().await?;
        let wanted = matcher_lesson::in_force(&mut tx).await?;
        drop(tx);
        if self.done(|Done { matcher, .. }| matcher.is(&wanted) || matcher.refused.as_ref() == Some(&wanted)) {
            return Ok(None);
        }
        Ok(Some(match self.load_matcher(&wanted) {
            Ok(matcher) => {
                let version = matcher.version.clone();
                self.put_matcher_to_work(&wanted, matcher);
                Ok(format!("matcher {version} is in force"))
            }
            Err(why) => {
                self.done(|done| done.matcher.refused = Some(wanted.clone()));
                Err(format!(
                    "matcher {wanted}, which was learned here, cannot be used ({why}); matcher {} is used instead: put its folder back, \
                     or run `beadle learn --matcher --force` to learn it again",
                    self.matcher.now().version
                ))
            }
        }))
    }

    fn load_matcher(&self, name: &str) -> Result<Arc<Matcher>, String> {
        if name == SHIPPED {
            return Matcher::among(&self.means.shipped);
        }
        let matcher = Matcher::load(&self.matchers().place(name))?;
        // Without an encoder nothing has a meaning that could be weighed wrongly.
        match self.understanding.encoder() {
            Some(encoder) if encoder.version() != matcher.encoder => {
                Err(format!("it knows encoder {}, and this is {}", matcher.encoder, encoder.version()))
            }
            _ => Ok(Arc::new(matcher)),
        }
    }

    fn put_matcher_to_work(&self, name: &str, matcher: Arc<Matcher>) {
        self.matcher.replace(matcher);
        self.done(|done| done.matcher.is_now(name));
    }

    /// Learns now from joins and undos, because `actor` asks for it. With `force` also where there is little or nothing new to learn
    /// from; a matcher that is no better is never put to work.
    ///
    /// # Errors
    /// When there is no encoder, files cannot be read or written, or the database fails.
    pub async fn learn_matcher(&self, actor: &str, force: bool, progress: Progress) -> anyhow::Result<MatcherOutcome> {
        self.follow_matcher().await?;
        self.teach_matcher(actor, Asked::ByPerson { force }, progress).await
    }

    pub(super) async fn teach_matcher(
        &self,
        actor: &str,
        asked: Asked,
        progress: Progress,
    ) -> anyhow::Result<MatcherOutcome> {
        let mut tx = self.db.read().await?;
        let own = own_pairs::read(&mut tx).await?;
        let last = matcher_lesson::last(&mut tx).await?;
        drop(tx);
        if let Some(too_little) = too_little(&own, last.as_ref(), asked) {
            return Ok(too_little);
        }
        let lesson = self.alone(self.teach_matcher_alone(actor, own, progress)).await?;
        Ok(lesson.map_or(MatcherOutcome::Busy, |lesson| MatcherOutcome::Learned { lesson: Box::new(lesson) }))
    }

    async fn teach_matcher_alone(
        &self,
        actor: &str,
        own: OwnPairs,
        progress: Progress,
    ) -> anyhow::Result<MatcherLesson> {
        let before = self.matcher.now();
        let ((same, different), until) = (kinds(&own.learned), own.until());
        let training = MatcherTraining {
            understanding: self.understanding.clone(),
            means: Arc::clone(&self.means),
            before: Arc::clone(&before),
            own,
            progress,
        };
        let trained = on_a_thread_of_its_own(move || training.train()).await?;
        let (better, why) = is_better(&trained.before, &trained.after);
        let after = trained.matcher.version.clone();
        let lesson = MatcherLesson {
            same: same as i64,
            different: different as i64,
            held_back: trained.after.n as i64,
            ap_before: trained.before.ap,
            ap_after: trained.after.ap,
            precision_before: trained.before.precision_at_join,
            precision_after: trained.after.precision_at_join,
            recall_before: trained.before.recall_at_join,
            recall_after: trained.after.recall_at_join,
            promoted: better,
            why: why.to_owned(),
            decided_until: until,
            ..MatcherLesson::new(&self.ids, "learned", actor, (&before.version, &after), self.clock.now())
        };
        if better {
            let save = |folder: &std::path::Path| trained.matcher.save(folder).map_err(anyhow::Error::msg);
            self.matchers().put(&after, save)?;
        }
        let mut tx = self.db.begin().await?;
        self.write_matcher_down(&mut tx, &lesson, better.then_some(after.as_str())).await?;
        tx.commit().await?;
        if better {
            self.put_matcher_to_work(&after, Arc::new(trained.matcher));
            if let Err(error) = self.matchers().prune(&[&after, &before.version]) {
                tracing::warn!(%error, "old matchers could not be taken away");
            }
        }
        Ok(lesson)
    }

    async fn write_matcher_down(
        &self,
        tx: &mut Tx,
        lesson: &MatcherLesson,
        in_force: Option<&str>,
    ) -> store::Result<()> {
        matcher_lesson::insert(tx, lesson).await?;
        if let Some(version) = in_force {
            matcher_lesson::put_in_force(tx, version).await?;
        }
        let (action, object) = (format!("matcher {}", lesson.kind), format!("matcher:{}", lesson.matcher_after));
        let detail = json!({"before": lesson.matcher_before, "promoted": lesson.promoted});
        store::audit::write(tx, &self.ids, &lesson.actor, &action, &object, detail, lesson.created_at).await
    }

    /// Puts the matcher to work that was in force before the present one was learned; its lesson, or none where the one that ships,
    /// or that the council trained itself, is in force. With `from`, only where that one still is: who asks twice goes back once.
    ///
    /// # Errors
    /// When that matcher cannot be used, or the database fails.
    pub async fn matcher_back(&self, actor: &str, from: Option<&str>) -> anyhow::Result<Option<MatcherLesson>> {
        let mut tx = self.db.begin().await?;
        let present = matcher_lesson::in_force_to_change(&mut tx).await?;
        if present == SHIPPED || from.is_some_and(|from| from != present) {
            return Ok(None);
        }
        let learned = matcher_lesson::that_promoted(&mut tx, &present).await?;
        let before = learned.map_or_else(|| SHIPPED.to_owned(), |lesson| lesson.matcher_before);
        // What is not on the shelf is the one that ships, or has shipped.
        let name = if self.matchers().holds(&before) { before } else { SHIPPED.to_owned() };
        let matcher = self.load_matcher(&name).map_err(anyhow::Error::msg)?;
        let lesson = MatcherLesson {
            promoted: true,
            why: "a person asked for it".to_owned(),
            ..MatcherLesson::new(&self.ids, "back", actor, (&present, &matcher.version), self.clock.now())
        };
        self.write_matcher_down(&mut tx, &lesson, Some(&name)).await?;
        tx.commit().await?;
        self.put_matcher_to_work(&name, matcher);
        Ok(Some(lesson))
    }
}

/// Why there is no lesson to be held, if so.
fn too_little(own: &OwnPairs, last: Option<&MatcherLesson>, asked: Asked) -> Option<MatcherOutcome> {
    let (pairs, held_back) = (kinds(&own.learned), kinds(&own.held_back));
    let too_few = Some(MatcherOutcome::TooFew { pairs, held_back });
    if asked == (Asked::ByPerson { force: true }) {
        return if own.learned.is_empty() { too_few } else { None };
    }
    let of_both = |kinds: (usize, usize), fewest: usize| kinds.0 > 0 && kinds.1 > 0 && kinds.0 + kinds.1 >= fewest;
    if !of_both(pairs, FEWEST) || !of_both(held_back, FEWEST_HELD_BACK) {
        return too_few;
    }
    let new = own.since(last.and_then(|lesson| lesson.decided_until));
    let enough = if asked == Asked::ByNight { FEWEST } else { 1 };
    (new < enough).then_some(MatcherOutcome::NothingNew { new })
}

/// Whether the new matcher is strictly better, and why, in words that end a sentence begun with "because".
fn is_better(before: &Figures, after: &Figures) -> (bool, &'static str) {
    // Where nothing is joined, nothing is joined wrongly.
    let right = |figures: &Figures| figures.precision_at_join.unwrap_or(1.0);
    if after.n == 0 {
        (false, "there was no pair held back to compare with")
    } else if right(after) < right(before) {
        (false, "of what it would join by itself more would be wrong")
    } else if after.ap > before.ap {
        (true, "it tells the pairs held back better apart")
    } else if after.ap < before.ap {
        (false, "it tells the pairs held back less well apart")
    } else {
        (false, "it was no better")
    }
}

/// Everything that a lesson needs away from the database.
struct MatcherTraining {
    understanding: Understanding,
    means: Arc<Means>,
    before: Arc<Matcher>,
    own: OwnPairs,
    progress: Progress,
}

/// What it gives.
struct Trained {
    matcher: Matcher,
    before: Figures,
    after: Figures,
}

impl MatcherTraining {
    async fn train(self) -> anyhow::Result<Trained> {
        let taxonomy = &self.understanding.rules().taxonomy;
        let tell = |what: &str| (self.progress)(what);
        let mut all = pairs::read(&self.means.pairs)
            .context("the pairs that ship are needed too: set [learning] pairs to their file")?;
        all.retain(|pair| pair.split.as_deref() != Some("check"));
        let shipped = all.len();
        all.extend(self.own.learned.iter().map(|own| own.pair.clone()));
        tell(&format!("{shipped} pairs that ship, {} of the council's own", all.len() - shipped));
        private_folder(&self.means.folder)?;
        let prepared = self.prepare(&all, taxonomy).await?;
        let (base, own): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(|row| *row < shipped);
        let matcher = prepared.fit_to(&simulate::weighed(&base, &own))?;
        tell(&format!("comparing on {} pairs held back", self.own.held_back.len()));
        let held_back: Vec<Pair> = self.own.held_back.iter().map(|OwnPair { pair, .. }| pair.clone()).collect();
        let held_back = self.prepare(&held_back, taxonomy).await?;
        let figures = |matcher: &Matcher| held_back.figures(matcher, self.means.join_above, self.means.maybe_above);
        let (before, after) = (figures(&self.before), figures(&matcher));
        Ok(Trained { matcher, before, after })
    }

    async fn prepare(&self, pairs: &[Pair], taxonomy: &Taxonomy) -> anyhow::Result<Prepared> {
        let encoder = self.understanding.encoder().context("there is no sentence encoder: see `beadle doctor`")?;
        let progress = |what: &str| (self.progress)(what);
        Prepared::of(pairs, taxonomy, encoder, Some(&self.means.folder), progress).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(ap: f64, precision_at_join: Option<f64>) -> Figures {
        Figures { n: 9, ap, f1_at_threshold: 0.5, precision_at_join, recall_at_join: 0.5, recall_at_maybe: 0.5 }
    }

    #[test]
    fn a_matcher_is_better_by_what_it_tells_apart_and_never_if_it_joins_wrongly_more_often() {
        let before = figures(0.8, Some(0.9));
        assert!(is_better(&before, &figures(0.9, Some(0.9))).0);
        assert!(is_better(&before, &figures(0.9, None)).0, "it joins none");
        assert!(!is_better(&before, &figures(0.9, Some(0.8))).0);
        assert!(!is_better(&figures(0.8, None), &figures(0.9, Some(0.9))).0, "none was joined wrongly before");
        assert!(!is_better(&before, &figures(0.7, Some(1.0))).0);
        assert!(!is_better(&before, &before).0, "the same is no better");
        assert!(!is_better(&Figures { n: 0, ..before.clone() }, &Figures { n: 0, ..figures(0.9, None) }).0);
    }
}
