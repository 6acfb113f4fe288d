//! Embeddings of many messages, kept by what the messages say: training again costs seconds, not a quarter of an hour.
//!
//! One file for each version of the encoder, of records of 16 bytes (start of the SHA-256 of the text) and the embedding
//! as little-endian `f32`. It is only ever added to, under a lock; a record cut off by a crash is dropped.

use crate::understanding::encoder::{DIMENSIONS, Encoder};
use anyhow::Context as _;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

type Key = [u8; 16];
const RECORD: usize = 16 + DIMENSIONS * 4;
/// Texts handed to the encoder at once: a message that comes in meanwhile waits for no more than these.
const CHUNK: usize = 64;
/// Such chunks between two lines of progress.
const CHUNKS: usize = 8;

fn key(text: &str) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    key
}

/// The embeddings of `texts`, in order: from the file in `folder` where they are there, else encoded and put there.
/// Without a folder all are encoded.
///
/// # Errors
/// When the encoder fails or the file cannot be read or written.
pub async fn of(
    texts: &[String],
    encoder: &Encoder,
    folder: Option<&Path>,
    progress: impl Fn(&str),
) -> anyhow::Result<Vec<Vec<f32>>> {
    let keys: Vec<Key> = texts.iter().map(|t| key(t)).collect();
    let mut wanted: HashMap<Key, Option<Vec<f32>>> = keys.iter().map(|k| (*k, None)).collect();
    let mut file = match folder {
        Some(folder) => Some(open(folder, encoder.version())?),
        None => None,
    };
    if let Some(file) = &mut file {
        load(file, &mut wanted).context("the kept embeddings cannot be read")?;
    }
    // In the order of the texts, each once.
    let mut missing: Vec<(Key, &String)> = Vec::new();
    for (key, text) in keys.iter().zip(texts) {
        if wanted.get(key).is_some_and(Option::is_none) {
            wanted.insert(*key, Some(Vec::new()));
            missing.push((*key, text));
        }
    }
    if missing.len() < texts.len() {
        progress(&format!("{} of {} messages were encoded before", texts.len() - missing.len(), texts.len()));
    }
    for (n, chunk) in missing.chunks(CHUNK).enumerate() {
        if missing.len() > CHUNK * CHUNKS && n.is_multiple_of(CHUNKS) {
            progress(&format!("encoding: {} of {} messages", n * CHUNK, missing.len()));
        }
        let vectors = encoder.encode(chunk.iter().map(|(_, text)| (*text).clone()).collect()).await?;
        if let Some(file) = &mut file {
            append(file, chunk, &vectors).context("the embeddings cannot be kept")?;
        }
        for ((key, _), vector) in chunk.iter().zip(vectors) {
            wanted.insert(*key, Some(vector));
        }
    }
    Ok(keys.iter().map(|key| wanted.get(key).cloned().flatten().unwrap_or_default()).collect())
}

fn open(folder: &Path, version: &str) -> anyhow::Result<File> {
    let path = folder.join(format!("embeddings-{version}.bin"));
    std::fs::create_dir_all(folder)
        .and_then(|()| OpenOptions::new().read(true).append(true).create(true).open(&path))
        .with_context(|| format!("{} cannot be opened: name another folder with --cache", path.display()))
}

fn load(file: &mut File, wanted: &mut HashMap<Key, Option<Vec<f32>>>) -> std::io::Result<()> {
    file.lock()?;
    let length = file.metadata()?.len();
    // A crash while a record was written leaves a part of it at the end.
    file.set_len(length - length % RECORD as u64)?;
    file.unlock()?;
    file.seek(SeekFrom::Start(0))?;
    let mut reader = std::io::BufReader::with_capacity(1 << 20, &*file);
    let mut record = vec![0_u8; RECORD];
    for _ in 0..length / RECORD as u64 {
        reader.read_exact(&mut record)?;
        let mut key = Key::default();
        key.copy_from_slice(&record[..16]);
        if let Some(slot) = wanted.get_mut(&key) {
            let numbers = record[16..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            *slot = Some(numbers.collect());
        }
    }
    Ok(())
}

fn append(file: &mut File, chunk: &[(Key, &String)], vectors: &[Vec<f32>]) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(chunk.len() * RECORD);
    for ((key, _), vector) in chunk.iter().zip(vectors).filter(|(_, vector)| vector.len() == DIMENSIONS) {
        bytes.extend_from_slice(key);
        bytes.extend(vector.iter().flat_map(|v| v.to_le_bytes()));
    }
    file.lock()?;
    let written = file.write_all(&bytes);
    file.unlock()?;
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_once_is_found_again_and_a_torn_record_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "A lamp is out".to_owned();
        let vector: Vec<f32> = (0..DIMENSIONS).map(|n| n as f32).collect();
        let mut file = open(folder.path(), "v").expect("a file");
        append(&mut file, &[(key(&text), &text)], std::slice::from_ref(&vector)).expect("written");
        file.write_all(b"torn").expect("written");
        let mut file = open(folder.path(), "v").expect("a file");
        let mut wanted: HashMap<Key, Option<Vec<f32>>> = [(key(&text), None), (key("other"), None)].into();
        load(&mut file, &mut wanted).expect("readable");
        assert_eq!(wanted[&key(&text)].as_ref(), Some(&vector));
        assert_eq!(wanted[&key("other")], None);
        assert_eq!(file.metadata().expect("there").len(), RECORD as u64);
    }
}
