//! all-MiniLM-L6-v2 from rust-bert's parts: word pieces, six layers, and their mean as the embedding; and a second pair of
//! last layers on the same four below, trained to hear danger.

use super::EncoderError;
use rust_bert::Config as _;
use rust_bert::bert::{BertConfig, BertEmbedding as _, BertEmbeddings, BertLayer};
use rust_bert::pipelines::common::{ModelType, TokenizerOption};
use rust_tokenizers::tokenizer::TruncationStrategy;
use std::path::{Path, PathBuf};
use tch::nn::{self, Module as _};
use tch::{Device, Kind, Tensor};

/// Word pieces that are read for an embedding, and of these so many from the end of a longer text.
const PIECES: (usize, usize) = (256, 100);
/// The same for a second look: where there may be danger, more is read.
const PIECES_AGAIN: (usize, usize) = (512, 220);
/// Characters from head and tail of a text that are taken apart into word pieces.
const CHARACTERS: usize = 6_000;
/// The layers below this one are common to both.
const FORK: usize = 4;
/// The mean of a second look has this length before it is judged.
const LENGTH: f64 = 6.0;

/// The file of the second look beside the classifier of concern.
pub const SECOND_LOOK: &str = "second_look.safetensors";

/// The encoder's weights, ready to work in one thread.
pub struct Net {
    config: BertConfig,
    tokenizer: TokenizerOption,
    embeddings: BertEmbeddings,
    layers: Vec<BertLayer>,
    weights: nn::VarStore,
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Net").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

impl Net {
    /// Loads what stands in `folder`.
    ///
    /// # Errors
    /// When a file is missing or broken.
    pub fn load(folder: &Path) -> Result<Self, EncoderError> {
        unwinding(|| Self::try_load(folder))
            .map_err(|why| EncoderError::Broken(folder.display().to_string(), first_line(&why)))
    }

    fn try_load(folder: &Path) -> Result<Self, String> {
        let config = BertConfig::from_file(folder.join("config.json"));
        let vocabulary = folder.join("vocab.txt");
        let tokenizer =
            TokenizerOption::from_file(ModelType::Bert, &vocabulary.to_string_lossy(), None, true, None, None)
                .map_err(|e| e.to_string())?;
        let mut weights = nn::VarStore::new(Device::Cpu);
        let root = weights.root();
        let embeddings = BertEmbeddings::new(&root / "embeddings", &config);
        let layers = layers(&root, 0..usize::try_from(config.num_hidden_layers).unwrap_or_default(), &config);
        weights.load(folder.join("model.safetensors")).map_err(|e| e.to_string())?;
        weights.freeze();
        Ok(Self { config, tokenizer, embeddings, layers, weights })
    }

    /// The unit-length embedding of a text, and how far a second look need not read it again.
    ///
    /// # Errors
    /// When the library fails.
    pub fn read(&self, text: &str) -> Result<(Vec<f32>, Halfway), EncoderError> {
        failing(|| {
            tch::no_grad(|| {
                let ids = self.pieces(text);
                let short = within(&ids, PIECES);
                let common = self.below(&short)?;
                let mean = unit_mean(&through(&self.layers[FORK..], common.shallow_clone(), false));
                let embedding = Vec::<f32>::try_from(mean.view(-1)).map_err(|e| e.to_string())?;
                // Of a longer text a second look reads more, so it has to begin anew.
                let halfway = if short.len() == ids.len() { Halfway::Common(common) } else { Halfway::Pieces(ids) };
                Ok((embedding, halfway))
            })
        })
    }

    /// A text as the common layers leave it: what a second look goes on from. Shape: word pieces by 384, after a 1.
    ///
    /// # Errors
    /// When the library fails.
    pub fn common(&self, text: &str) -> Result<Tensor, EncoderError> {
        failing(|| tch::no_grad(|| self.below(&within(&self.pieces(text), PIECES_AGAIN))))
    }

    /// What the common layers make of word pieces.
    fn below(&self, pieces: &[i64]) -> Result<Tensor, String> {
        let ids = Tensor::from_slice(pieces).unsqueeze(0);
        let start = self.embeddings.forward_t(Some(&ids), None, None, None, false).map_err(|e| e.to_string())?;
        Ok(through(&self.layers[..FORK], start, false))
    }

    /// The numbers of a text's word pieces.
    fn pieces(&self, text: &str) -> Vec<i64> {
        let texts = [plain(text)];
        let all = self.tokenizer.encode_list(&texts, 2 * CHARACTERS, &TruncationStrategy::LongestFirst, 0);
        all.into_iter().next().map(|input| input.token_ids).unwrap_or_default()
    }

    /// Looks a second time at a text that was read before: the log-odds that somebody's safety is a worry.
    ///
    /// # Errors
    /// When the library fails.
    pub fn look(&self, look: &SecondLook, halfway: Halfway) -> Result<f64, EncoderError> {
        let common = match halfway {
            Halfway::Common(common) => common,
            Halfway::Pieces(ids) => failing(|| tch::no_grad(|| self.below(&within(&ids, PIECES_AGAIN))))?,
        };
        look.judge(&common)
    }

    /// A copy of the last layers that can be trained, to judge by.
    #[must_use]
    pub fn second_look(&self) -> SecondLook {
        let look = SecondLook::new(&self.config);
        let known = self.weights.variables();
        tch::no_grad(|| {
            for (name, mut weights) in look.weights.variables() {
                if let Some(known) = known.get(&name) {
                    weights.copy_(known);
                }
            }
        });
        look
    }

    /// Loads a second look that was trained.
    ///
    /// # Errors
    /// When the file is missing or is none.
    pub fn load_second_look(&self, file: &Path) -> Result<SecondLook, EncoderError> {
        unwinding(|| {
            let mut look = SecondLook::new(&self.config);
            look.weights.load(file).map_err(|e| e.to_string())?;
            // It is kept in half precision and worked with in full.
            look.weights.float();
            look.weights.freeze();
            // What cannot judge one word is no second look, and is refused here, not passed over at each message.
            let tried = look.judge(&self.common("help").map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
            if tried.is_finite() { Ok(look) } else { Err("its weights are no numbers".to_owned()) }
        })
        .map_err(|why| EncoderError::Broken(file.display().to_string(), first_line(&why)))
    }
}

/// How far a text was read: what a second look goes on from.
#[derive(Debug)]
pub enum Halfway {
    /// To where the common layers end. Shape: word pieces by 384, after a 1.
    Common(Tensor),
    /// Not at all: its word pieces, all of them.
    Pieces(Vec<i64>),
}

/// Last layers of their own, and what they make of a text: the log-odds that somebody's safety is a worry.
pub struct SecondLook {
    layers: Vec<BertLayer>,
    head: nn::Linear,
    weights: nn::VarStore,
}

impl std::fmt::Debug for SecondLook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondLook").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

impl SecondLook {
    /// Group of the head among the weights: it learns faster than the layers.
    pub const HEAD: usize = 1;

    fn new(config: &BertConfig) -> Self {
        let weights = nn::VarStore::new(Device::Cpu);
        let root = weights.root();
        let layers = layers(&root, FORK..usize::try_from(config.num_hidden_layers).unwrap_or_default(), config);
        let head = nn::linear((&root / "second_look").set_group(Self::HEAD), config.hidden_size, 1, Default::default());
        Self { layers, head, weights }
    }

    /// The log-odds as a tensor of one number; `training` drops values at random, as training does.
    pub fn log_odds(&self, common: &Tensor, training: bool) -> Tensor {
        let hidden = through(&self.layers, common.shallow_clone(), training);
        self.head.forward(&(unit_mean(&hidden) * LENGTH)).view(1)
    }

    /// The weights, for an optimizer.
    #[must_use]
    pub const fn weights(&self) -> &nn::VarStore {
        &self.weights
    }

    /// Writes it, in half precision, to the folder of the classifier it goes with.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&mut self, folder: &Path) -> Result<PathBuf, String> {
        let file = folder.join(SECOND_LOOK);
        self.weights.half();
        let saved = self.weights.save(&file).map_err(|e| e.to_string());
        self.weights.float();
        saved.map(|()| file)
    }

    fn judge(&self, common: &Tensor) -> Result<f64, EncoderError> {
        failing(|| f64::try_from(tch::no_grad(|| self.log_odds(common, false))).map_err(|e| e.to_string()))
    }
}

fn layers(root: &nn::Path<'_>, which: std::ops::Range<usize>, config: &BertConfig) -> Vec<BertLayer> {
    which.map(|n| BertLayer::new(root / "encoder" / "layer" / n, config)).collect()
}

fn through(layers: &[BertLayer], start: Tensor, training: bool) -> Tensor {
    layers.iter().fold(start, |hidden, layer| layer.forward_t(&hidden, None, None, None, training).hidden_state)
}

/// Head and tail of a text of more word pieces than are read, since the request often stands in the last line.
fn within(ids: &[i64], (most, tail): (usize, usize)) -> Vec<i64> {
    if ids.len() <= most { ids.to_vec() } else { [&ids[..most - tail], &ids[ids.len() - tail..]].concat() }
}

fn unit_mean(hidden: &Tensor) -> Tensor {
    let mean = hidden.mean_dim([1_i64].as_slice(), false, Kind::Float);
    let length = mean.norm_scalaropt_dim(2, [1_i64], true).clamp_min(1e-12);
    mean / length
}

/// What the tokenizer is given of a text: none of the marks that mean something to it, and not all of a very long one.
fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    for mark in ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]"] {
        if text.contains(mark) {
            text = text.replace(mark, " ");
        }
    }
    let count = text.chars().count();
    if count <= 2 * CHARACTERS {
        return if text.trim().is_empty() { ".".to_owned() } else { text };
    }
    let head: String = text.chars().take(CHARACTERS).collect();
    let tail: String = text.chars().skip(count - CHARACTERS).collect();
    format!("{head} {tail}")
}

/// The library panics where others return an error.
fn unwinding<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err("the library panicked".to_owned()))
}

fn failing<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, EncoderError> {
    unwinding(run).map_err(|why| EncoderError::Failed(first_line(&why)))
}

fn first_line(why: &str) -> String {
    why.lines().next().unwrap_or_default().to_owned()
}
