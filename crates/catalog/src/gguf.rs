//! What the head of a GGUF file says of the memory that a sequence takes.
//!
//! The format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. A file is data from elsewhere: every
//! length is checked against what is left, nothing is taken on trust.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// No key or value that is looked for is longer.
const LONGEST: u64 = 256;
/// Bytes of a head that are read at most; the largest vocabularies take a tenth of it.
const HEAD: u64 = 128 << 20;
/// Bytes of a number in llama.cpp's caches of keys and of values.
const CACHE_NUMBER: u64 = 2;

/// Bytes that llama.cpp's caches take for a token of one sequence; nothing for a file that does not say.
pub(crate) fn cache_bytes_per_token(path: &Path) -> Option<u64> {
    let file = File::open(path).ok()?;
    per_token(&mut BufReader::new(file.take(HEAD))).ok().flatten()
}

fn per_token(head: &mut impl Read) -> io::Result<Option<u64>> {
    if bytes::<4>(head)? != *b"GGUF" || u32::from_le_bytes(bytes(head)?) < 2 {
        return Ok(None);
    }
    let _tensors = number(head)?;
    let mut facts = HashMap::new();
    let mut architecture = None;
    for _ in 0..number(head)? {
        let key = text(head)?;
        let kind = u32::from_le_bytes(bytes(head)?);
        if kind == STRING {
            let value = text(head)?;
            if key == "general.architecture" {
                architecture = Some(value);
            }
        } else if let Some(values) = integers(head, kind)? {
            facts.insert(key, values);
        }
    }
    Ok(architecture.and_then(|architecture| from_facts(&facts, &architecture)))
}

fn from_facts(facts: &HashMap<String, Vec<u64>>, architecture: &str) -> Option<u64> {
    let all = |name: &str| facts.get(&format!("{architecture}.{name}"));
    let one = |name: &str| all(name).and_then(|values| values.first().copied());
    let layers = one("block_count")?;
    let heads = one("attention.head_count")?;
    let width = one("embedding_length")?.checked_div(heads)?;
    let row = one("attention.key_length").unwrap_or(width) + one("attention.value_length").unwrap_or(width);
    let kept = match all("attention.head_count_kv").map(Vec::as_slice) {
        None | Some([]) => heads.checked_mul(layers)?,
        Some([every]) => every.checked_mul(layers)?,
        Some(of_layers) => of_layers.iter().try_fold(0_u64, |sum, heads| sum.checked_add(*heads))?,
    };
    kept.checked_mul(row)?.checked_mul(CACHE_NUMBER)
}

const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Bytes of a value of a kind that has one length.
fn width(kind: u32) -> io::Result<u64> {
    match kind {
        0 | 1 | 7 => Ok(1),
        2 | 3 => Ok(2),
        4..=6 => Ok(4),
        10..=12 => Ok(8),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Reads a value: its numbers when it is an integer or a short array of them.
fn integers(head: &mut impl Read, kind: u32) -> io::Result<Option<Vec<u64>>> {
    if kind != ARRAY {
        return Ok(integer(head, kind)?.map(|value| vec![value]));
    }
    let kind = u32::from_le_bytes(bytes(head)?);
    let count = number(head)?;
    if kind == STRING {
        for _ in 0..count {
            let length = number(head)?;
            skip(head, length)?;
        }
        return Ok(None);
    }
    let width = width(kind)?;
    if count > LONGEST {
        skip(head, count.checked_mul(width).ok_or(io::ErrorKind::InvalidData)?)?;
        return Ok(None);
    }
    (0..count).map(|_| integer(head, kind)).collect()
}

/// Reads a number: its value when it is an integer that is not negative.
fn integer(head: &mut impl Read, kind: u32) -> io::Result<Option<u64>> {
    let mut value = [0; 8];
    let width = width(kind)?;
    head.read_exact(&mut value[..usize::try_from(width).unwrap_or(8)])?;
    let value = u64::from_le_bytes(value);
    Ok(match kind {
        0 | 2 | 4 | 10 => Some(value),
        // Signed: what has the sign's bit is negative.
        1 | 3 | 5 | 11 => (value >> (width * 8 - 1) == 0).then_some(value),
        _ => None,
    })
}

/// Reads a text; one that is too long to be looked for is skipped and comes empty.
fn text(head: &mut impl Read) -> io::Result<String> {
    let length = number(head)?;
    if length > LONGEST {
        skip(head, length)?;
        return Ok(String::new());
    }
    let mut text = vec![0; usize::try_from(length).unwrap_or(0)];
    head.read_exact(&mut text)?;
    String::from_utf8(text).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn skip(head: &mut impl Read, length: u64) -> io::Result<()> {
    let skipped = io::copy(&mut head.take(length), &mut io::sink())?;
    if skipped == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn number(head: &mut impl Read) -> io::Result<u64> {
    Ok(u64::from_le_bytes(bytes(head)?))
}

fn bytes<const N: usize>(head: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    head.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_text(out: &mut Vec<u8>, text: &str) {
        out.extend((text.len() as u64).to_le_bytes());
        out.extend(text.as_bytes());
    }

    /// The head of a model as SmolLM2-135M is: 30 layers, 9 heads, 3 that are kept, 576 wide.
    fn head(kept: &[u32]) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3_u32.to_le_bytes());
        out.extend(0_u64.to_le_bytes());
        out.extend(6_u64.to_le_bytes());
        put_text(&mut out, "general.architecture");
        out.extend(STRING.to_le_bytes());
        put_text(&mut out, "llama");
        put_text(&mut out, "tokenizer.ggml.tokens");
        out.extend(ARRAY.to_le_bytes());
        out.extend(STRING.to_le_bytes());
        out.extend(2_u64.to_le_bytes());
        put_text(&mut out, "a");
        put_text(&mut out, &"b".repeat(1000));
        for (key, value) in [("block_count", 30_u32), ("embedding_length", 576), ("attention.head_count", 9)]
        {
            put_text(&mut out, &format!("llama.{key}"));
            out.extend(4_u32.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        put_text(&mut out, "llama.attention.head_count_kv");
        out.extend(ARRAY.to_le_bytes());
        out.extend(4_u32.to_le_bytes());
        out.extend((kept.len() as u64).to_le_bytes());
        for heads in kept {
            out.extend(heads.to_le_bytes());
        }
        out
    }

    #[test]
    fn caches_are_heads_times_layers_times_width() {
        assert_eq!(per_token(&mut head(&[3]).as_slice()).unwrap(), Some(30 * 3 * 2 * 64 * 2));
        assert_eq!(per_token(&mut head(&[3, 0, 1]).as_slice()).unwrap(), Some(4 * 2 * 64 * 2));
    }

    #[test]
    fn what_is_cut_short_or_no_gguf_says_nothing() {
        let whole = head(&[3]);
        for length in 0..whole.len() {
            assert!(!matches!(per_token(&mut &whole[..length]), Ok(Some(_))), "{length}");
        }
        assert_eq!(per_token(&mut b"PK\x03\x04 and so on".as_slice()).unwrap(), None);
        assert_eq!(cache_bytes_per_token(Path::new("/nowhere")), None);
    }

    #[test]
    fn lengths_that_lie_are_errors() {
        let mut lies = head(&[3]);
        let at = lies.len() - 12;
        lies[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(per_token(&mut lies.as_slice()).is_err());
    }
}
