//! The sentence encoder: all-MiniLM-L6-v2 through rust-bert, from local files, in this process.
//!
//! The model may be sent between threads but not shared, so each worker thread owns one; texts go to them over a channel, one
//! after the other. Nothing is gained by encoding them together: short texts are padded to the longest (of 512 reports of 31
//! words, one worker encoded 69 a second singly and 43 in lots of 32), and the embedding of a text would depend, in its last
//! digits, on its neighbours. One OpenMP thread a worker: with two, the slowest answers under load took twenty times the median.

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
    text: String,
    answer: oneshot::Sender<Result<Vec<f32>, EncoderError>>,
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
        self.begin(texts).done().await
    }

    /// Puts `texts` before the encoder, which works on them while the asker does something else.
    #[must_use]
    pub fn begin(&self, texts: Vec<String>) -> Encoding {
        let begun = texts.into_iter().map(|text| {
            let (answer, wait) = oneshot::channel();
            // Where the thread is gone, the answer's sender goes with the job, and the asker is told.
            let _ = self.jobs.send(Job { text, answer });
            wait
        });
        Encoding(begun.collect())
    }
}

/// Texts that are being encoded.
#[derive(Debug)]
pub struct Encoding(Vec<oneshot::Receiver<Result<Vec<f32>, EncoderError>>>);

impl Encoding {
    /// Their unit-length embeddings, in order; none for none.
    ///
    /// # Errors
    /// When the model fails or its thread is gone.
    pub async fn done(self) -> Result<Vec<Vec<f32>>, EncoderError> {
        let mut vectors = Vec::with_capacity(self.0.len());
        for wait in self.0 {
            vectors.push(wait.await.map_err(|_| EncoderError::Failed("its thread is gone".to_owned()))??);
        }
        Ok(vectors)
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
        let job = queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
        let Ok(Job { text, answer }) = job else { return };
        // The asker may have gone away; that is no fault.
        let _ = answer.send(encode(&model, &prepare(&text)));
    }
}

fn encode(model: &SentenceEmbeddingsModel, text: &str) -> Result<Vec<f32>, EncoderError> {
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| model.encode(&[text])));
    run.map_err(|_| EncoderError::Failed("the library panicked".to_owned()))?
        .map_err(|e| EncoderError::Failed(e.to_string().lines().next().unwrap_or_default().to_owned()))?
        .pop()
        .ok_or_else(|| EncoderError::Failed("it gave no embedding".to_owned()))
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
