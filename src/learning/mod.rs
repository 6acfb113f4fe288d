//! From labelled messages to a trained model, and how good it is.

pub mod compare;
pub mod corrections;
pub mod dataset;
mod descent;
pub mod embeddings;
pub mod evaluate;
pub mod own_pairs;
pub mod pairs;
pub mod second_look;
pub mod sheet;
pub mod shelf;
pub mod simulate;
pub mod stream;
pub mod teacher;
pub mod train;

/// `work` on every item, on all processors; the answers in the order of the items.
fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = std::sync::atomic::AtomicUsize::new(0);
    // Handed out in pieces as they are asked for: some items take much longer than others.
    let piece = (items.len() / (cores * 16)).max(1);
    let run = || {
        let mut done: Vec<(usize, R)> = Vec::new();
        loop {
            let from = next.fetch_add(piece, std::sync::atomic::Ordering::Relaxed);
            if from >= items.len() {
                return done;
            }
            let to = (from + piece).min(items.len());
            done.extend((from..to).map(|n| (n, work(n, &items[n]))));
        }
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(run)).collect();
        workers.into_iter().flat_map(|w| w.join().unwrap_or_else(|why| std::panic::resume_unwind(why))).collect()
    });
    all.sort_unstable_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn work_on_all_cores_comes_back_in_order() {
        let items: Vec<usize> = (0..1_000).collect();
        assert_eq!(super::on_all_cores(&items, |n, item| n + item), (0..2_000).step_by(2).collect::<Vec<_>>());
        assert!(super::on_all_cores(&[] as &[usize], |n, _| n).is_empty());
    }
}
