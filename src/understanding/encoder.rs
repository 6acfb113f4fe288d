//! The sentence encoder: all-MiniLM-L6-v2 through rust-bert, from local files, in this process.
//!
//! The model may be sent between threads but not shared, so each worker thread owns one; texts go to them over a channel,
//! and whatever waits is encoded together, up to 32 at a time. One OpenMP thread a worker: with two, the slowest
//! answers under load took twenty times the median.

use rust_bert::pipelines::common::ModelType;
use rust_bert::pipelines::sentence_embeddings::{SentenceEmbeddingsConfig, SentenceEmbeddingsModel};
use rust_bert::resources::{LocalResource, ResourceProvider};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use tch::Device;
use tokio::sync::oneshot;

/// Numbers in one embedding.
pub const DIMENSIONS: usize = 384;
/// Most texts encoded together.
const BATCH: usize = 32;
/// The model reads 256 word pieces; so many characters never lose any of the head or the tail of what it would read.
const HEAD: usize = 900;
const TAIL: usize = 600;

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

struct Job {
    texts: Vec<String>,
    answer: oneshot::Sender<Result<Vec<Vec<f32>>, EncoderError>>,
}

/// A handle to the worker threads; cheap to clone. They end when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Encoder {
    jobs: mpsc::Sender<Job>,
    /// First 12 hex digits of the hash of the weights.
    version: Arc<str>,
}

impl Encoder {
    /// Loads the model in `folder` into `workers` threads (a third of a gigabyte each).
    ///
    /// # Errors
    /// When the files are missing or broken.
    pub fn load(folder: &Path, workers: usize) -> Result<Self, EncoderError> {
        let shown = folder.display().to_string();
        let weights = folder.join("model.safetensors");
        let bytes = std::fs::read(&weights).map_err(|_| EncoderError::Missing(shown.clone()))?;
        let version: Arc<str> = format!("{:x}", Sha256::digest(&bytes))[..12].into();
        drop(bytes);
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let (ready, loaded) = mpsc::channel::<Result<(), EncoderError>>();
        for n in 0..workers.max(1) {
            let (queue, folder, ready) = (Arc::clone(&queue), folder.to_owned(), ready.clone());
            std::thread::Builder::new()
                .name(format!("encoder-{n}"))
                .stack_size(16 << 20)
                .spawn(move || work(&folder, &queue, &ready))
                .map_err(|e| EncoderError::Broken(shown.clone(), e.to_string()))?;
        }
        for _ in 0..workers.max(1) {
            loaded.recv().map_err(|_| EncoderError::Broken(shown.clone(), "the loading thread ended".to_owned()))??;
        }
        Ok(Self { jobs, version })
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
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, wait) = oneshot::channel();
        self.jobs.send(Job { texts, answer }).map_err(|_| EncoderError::Failed("its thread is gone".to_owned()))?;
        wait.await.map_err(|_| EncoderError::Failed("its thread is gone".to_owned()))?
    }
}

fn resource(path: PathBuf) -> Box<dyn ResourceProvider + Send> {
    Box::new(LocalResource { local_path: path })
}

fn load_model(folder: &Path) -> Result<SentenceEmbeddingsModel, EncoderError> {
    let config = SentenceEmbeddingsConfig {
        modules_config_resource: resource(folder.join("modules.json")),
        transformer_type: ModelType::Bert,
        transformer_config_resource: resource(folder.join("config.json")),
        transformer_weights_resource: resource(folder.join("model.safetensors")),
        pooling_config_resource: resource(folder.join("1_Pooling/config.json")),
        dense_config_resource: None,
        dense_weights_resource: None,
        sentence_bert_config_resource: resource(folder.join("sentence_bert_config.json")),
        tokenizer_config_resource: resource(folder.join("tokenizer_config.json")),
        tokenizer_vocab_resource: resource(folder.join("vocab.txt")),
        tokenizer_merges_resource: None,
        device: Device::Cpu,
        kind: None,
    };
    let broken = |why: String| {
        EncoderError::Broken(folder.display().to_string(), why.lines().next().unwrap_or_default().to_owned())
    };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| SentenceEmbeddingsModel::new(config))) {
        Ok(Ok(model)) => Ok(model),
        Ok(Err(e)) => Err(broken(e.to_string())),
        Err(_) => Err(broken("the library panicked".to_owned())),
    }
}

fn work(folder: &Path, queue: &Mutex<mpsc::Receiver<Job>>, ready: &mpsc::Sender<Result<(), EncoderError>>) {
    tch::set_num_threads(1);
    let model = match load_model(folder) {
        Ok(model) => model,
        Err(e) => {
            let _ = ready.send(Err(e));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    loop {
        let jobs = {
            let queue = queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let Ok(first) = queue.recv() else { return };
            let mut jobs = vec![first];
            while jobs.iter().map(|j| j.texts.len()).sum::<usize>() < BATCH {
                match queue.try_recv() {
                    Ok(job) => jobs.push(job),
                    Err(_) => break,
                }
            }
            jobs
        };
        let texts: Vec<String> = jobs.iter().flat_map(|j| &j.texts).map(|t| prepare(t)).collect();
        let mut answers = encode_all(&model, &texts).map(Vec::into_iter);
        for job in jobs {
            let n = job.texts.len();
            let answer = match &mut answers {
                Ok(vectors) => Ok(vectors.by_ref().take(n).collect()),
                Err(e) => Err(e.clone()),
            };
            // The asker may have gone away; that is no fault.
            let _ = job.answer.send(answer);
        }
    }
}

/// Encodes in batches of like lengths, so that short texts are not padded to long ones.
fn encode_all(model: &SentenceEmbeddingsModel, texts: &[String]) -> Result<Vec<Vec<f32>>, EncoderError> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|&i| texts[i].len());
    let mut out = vec![Vec::new(); texts.len()];
    for chunk in order.chunks(BATCH) {
        let batch: Vec<&str> = chunk.iter().map(|&i| texts[i].as_str()).collect();
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| model.encode(&batch)));
        let vectors = run
            .map_err(|_| EncoderError::Failed("the library panicked".to_owned()))?
            .map_err(|e| EncoderError::Failed(e.to_string().lines().next().unwrap_or_default().to_owned()))?;
        for (&i, vector) in chunk.iter().zip(vectors) {
            out[i] = vector;
        }
    }
    Ok(out)
}

/// What the model is given of a text: head and tail of a long one (the request often stands in the last line), and none of
/// the tokens that mean something to the tokenizer (a literal `[PAD]` is masked out by it).
fn prepare(text: &str) -> String {
    let mut text = text.to_owned();
    for token in ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]"] {
        if text.contains(token) {
            text = text.replace(token, " ");
        }
    }
    let count = text.chars().count();
    if count <= HEAD + TAIL {
        return if text.trim().is_empty() { ".".to_owned() } else { text };
    }
    let head: String = text.chars().take(HEAD).collect();
    let tail: String = text.chars().skip(count - TAIL).collect();
    format!("{head} … {tail}")
}

/// Cosine of two unit-length embeddings; 0 where they do not fit each other.
#[must_use]
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return 0.0;
    }
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}
