//! The sentence encoder: all-MiniLM-L6-v2 through rust-bert, from local files, in this process.
//!
//! The model may be sent between threads but not shared, so each worker thread owns one; texts go to them over a channel, one
//! after the other. Nothing is gained by encoding them together: short texts are padded to the longest (of 512 reports of 31
//! words, one worker encoded 69 a second singly and 43 in lots of 32), and the embedding of a text would depend, in its last
//! digits, on its neighbours. One OpenMP thread a worker: with two, the slowest answers under load took twenty times the median.

mod net;

pub use net::{Halfway, Net, SECOND_LOOK, SecondLook};

use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use tokio::sync::oneshot;

/// Numbers in one embedding.
pub const DIMENSIONS: usize = 384;
/// Why there are no embeddings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncoderError {
    /// The files are not there.
    #[error("the sentence encoder is not in {0}: run scripts/setup.sh, or set [model] encoder to its folder")]
    Missing(String),
    /// They are there and cannot be loaded.
    #[error("the sentence encoder in {0} cannot be loaded ({1}): delete the folder and run scripts/setup.sh again")]
    Broken(String, String),
    /// It failed on a text.
    #[error("the sentence encoder failed: {0}")]
    Failed(String),
}

/// What a text is given to a worker for, and where the answer goes.
enum Job {
    Read(String, Answer<(Vec<f32>, Halfway)>),
    Look(Halfway, Answer<f64>),
}

type Answer<T> = oneshot::Sender<Result<T, EncoderError>>;

/// A handle to the worker threads; cheap to clone. They end when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Encoder {
    jobs: mpsc::Sender<Job>,
    /// First 12 hex digits of the hash of the weights.
    version: Arc<str>,
    /// The same of the second look.
    second_look: Option<Arc<str>>,
}

impl Encoder {
    /// Loads the model in `folder` into `workers` threads (a third of a gigabyte each).
    ///
    /// # Errors
    /// When the files are missing or broken.
    pub fn load(folder: &Path, workers: usize) -> Result<Self, EncoderError> {
        Self::load_with(folder, None, workers)
    }

    /// Loads the model in `folder` and the second look in `concern`, the folder of the classifier it goes with, if it is there.
    ///
    /// # Errors
    /// When the files of the model are missing, or what is there is broken.
    pub fn load_with(folder: &Path, concern: Option<&Path>, workers: usize) -> Result<Self, EncoderError> {
        let second = concern.map(|concern| concern.join(SECOND_LOOK)).filter(|file| file.is_file());
        let shown = folder.display().to_string();
        let weights = folder.join("model.safetensors");
        let version = version_of(&weights).map_err(|_| EncoderError::Missing(shown.clone()))?;
        let second_look = second.as_deref().map(version_of).transpose()?;
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let (ready, loaded) = mpsc::channel::<Result<(), EncoderError>>();
        for n in 0..workers.max(1) {
            let (queue, folder, second, ready) = (Arc::clone(&queue), folder.to_owned(), second.clone(), ready.clone());
            std::thread::Builder::new()
                .name(format!("encoder-{n}"))
                .stack_size(16 << 20)
                .spawn(move || work(&folder, second.as_deref(), &queue, &ready))
                .map_err(|e| EncoderError::Broken(shown.clone(), e.to_string()))?;
        }
        for _ in 0..workers.max(1) {
            loaded.recv().map_err(|_| EncoderError::Broken(shown.clone(), "the loading thread ended".to_owned()))??;
        }
        Ok(Self { jobs, version, second_look })
    }

    /// First 12 hex digits of the hash of the weights: embeddings of different versions are not comparable.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Unit-length embeddings of `texts`, in order; none for none.
    ///
    /// # Errors
    /// When the model fails or its thread is gone.
    pub async fn encode(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EncoderError> {
        Ok(self.begin(texts).done().await?.into_iter().map(|(embedding, _)| embedding).collect())
    }

    /// Puts `texts` before the encoder, which works on them while the asker does something else: their embeddings, and what
    /// [`Encoder::look_again`] goes on from.
    #[must_use]
    pub fn begin(&self, texts: Vec<String>) -> Begun<(Vec<f32>, Halfway)> {
        self.ask(texts, Job::Read)
    }

    /// First 12 hex digits of the hash of the second look, where there is one.
    #[must_use]
    pub fn second_look(&self) -> Option<&str> {
        self.second_look.as_deref()
    }

    /// Looks a second time at texts that were read: the log-odds that somebody's safety is a worry. Without a second look that
    /// is an error.
    #[must_use]
    pub fn look_again(&self, read: Vec<Halfway>) -> Begun<f64> {
        self.ask(read, Job::Look)
    }

    fn ask<Q, T>(&self, about: Vec<Q>, job: fn(Q, Answer<T>) -> Job) -> Begun<T> {
        let begun = about.into_iter().map(|about| {
            let (answer, wait) = oneshot::channel();
            // Where the thread is gone, the answer's sender goes with the job, and the asker is told.
            let _ = self.jobs.send(job(about, answer));
            wait
        });
        Begun(begun.collect())
    }
}

/// Texts that are being worked on.
#[derive(Debug)]
pub struct Begun<T>(Vec<oneshot::Receiver<Result<T, EncoderError>>>);

impl<T> Begun<T> {
    /// What came of them, in order; none for none.
    ///
    /// # Errors
    /// When the model fails or its thread is gone.
    pub async fn done(self) -> Result<Vec<T>, EncoderError> {
        let mut answers = Vec::with_capacity(self.0.len());
        for wait in self.0 {
            answers.push(wait.await.map_err(|_| EncoderError::Failed("its thread is gone".to_owned()))??);
        }
        Ok(answers)
    }
}

/// First 12 hex digits of the hash of a file.
fn version_of(file: &Path) -> Result<Arc<str>, EncoderError> {
    let bytes = std::fs::read(file).map_err(|e| EncoderError::Broken(file.display().to_string(), e.to_string()))?;
    Ok(format!("{:x}", Sha256::digest(&bytes))[..12].into())
}

fn work(
    folder: &Path,
    second: Option<&Path>,
    queue: &Mutex<mpsc::Receiver<Job>>,
    ready: &mpsc::Sender<Result<(), EncoderError>>,
) {
    tch::set_num_threads(1);
    let loaded = Net::load(folder).and_then(|net| {
        let second = second.map(|file| net.load_second_look(file)).transpose()?;
        Ok((net, second))
    });
    let (net, second) = match loaded {
        Ok(loaded) => loaded,
        Err(e) => {
            let _ = ready.send(Err(e));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    loop {
        let job = queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
        // The asker may have gone away; that is no fault.
        match job {
            Ok(Job::Read(text, answer)) => drop(answer.send(net.read(&text))),
            Ok(Job::Look(halfway, answer)) => {
                let none = || EncoderError::Failed("there is no second look".to_owned());
                let looked = second.as_ref().ok_or_else(none);
                drop(answer.send(looked.and_then(|second| net.look(second, halfway))));
            }
            Err(_) => return,
        }
    }
}

/// Cosine of two unit-length embeddings; 0 where they do not fit each other.
#[must_use]
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return 0.0;
    }
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}
