//! Adapters, written by the test itself in the GGUF format.

use std::path::PathBuf;

use tenfold_engine::{AdapterSpec, Engine};
use tenfold_protocol::chat::ChatRequest;

use crate::model::{ask, chat, engine, stream, text_of, try_ask};

/// Rows and columns of the first layer's `attn_output`.
const WIDTH: usize = 576;
const RANK: usize = 4;

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// An adapter of one matrix, whose every entry is `strength` or its negative.
fn adapter(strength: f32) -> Vec<u8> {
    let mut out = b"GGUF".to_vec();
    out.extend(3_u32.to_le_bytes());
    out.extend(2_u64.to_le_bytes());
    out.extend(4_u64.to_le_bytes());
    for (key, value) in
        [("general.architecture", "llama"), ("general.type", "adapter"), ("adapter.type", "lora")]
    {
        text(&mut out, key);
        out.extend(8_u32.to_le_bytes());
        text(&mut out, value);
    }
    text(&mut out, "adapter.lora.alpha");
    out.extend(6_u32.to_le_bytes());
    out.extend(4_f32.to_le_bytes());
    let size = WIDTH * RANK * 4;
    for (index, (name, shape)) in [("a", [WIDTH, RANK]), ("b", [RANK, WIDTH])].into_iter().enumerate() {
        text(&mut out, &format!("blk.0.attn_output.weight.lora_{name}"));
        out.extend(2_u32.to_le_bytes());
        out.extend(shape.iter().flat_map(|n| (*n as u64).to_le_bytes()));
        out.extend(0_u32.to_le_bytes());
        out.extend(((size * index) as u64).to_le_bytes());
    }
    out.resize(out.len().next_multiple_of(32), 0);
    for at in 0..WIDTH * RANK * 2 {
        let value = if at * 7919 % 13 < 6 { strength } else { -strength };
        out.extend(value.to_le_bytes());
    }
    out
}

struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("tenfold-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn spec(&self, name: &str) -> AdapterSpec {
        AdapterSpec { name: name.to_owned(), path: self.0.display().to_string(), scale: None }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn of(model: &str) -> ChatRequest {
    ChatRequest { model: model.to_owned(), ..chat("Tell me about rivers.", 12) }
}

#[tokio::test(flavor = "multi_thread")]
async fn adapters_change_answers_are_batched_apart_and_go_while_serving() {
    let engine = engine();
    let (strong, nothing) = (File::new("strong", &adapter(0.5)), File::new("nothing", &adapter(0.0)));
    let base = text_of(&ask(&engine, of("smollm2")).await).to_owned();
    engine.load_adapter(strong.spec("strong")).await.unwrap();
    engine.load_adapter(nothing.spec("nothing")).await.unwrap();
    assert_eq!(engine.info().await.unwrap().adapters, ["nothing", "strong"]);

    let (a, b, c) =
        tokio::join!(ask(&engine, of("strong")), ask(&engine, of("nothing")), ask(&engine, of("smollm2")));
    assert_ne!(text_of(&a), base);
    assert_eq!(text_of(&b), base);
    assert_eq!(text_of(&c), base);
    // What one adapter computed is of no use to another.
    assert_eq!(a.usage.unwrap().cached_tokens(), 0);
    assert_eq!(b.usage.unwrap().cached_tokens(), 0);

    // An answer under way ends before its adapter goes.
    let running = stream(&engine, of("strong")).await;
    let (rest, unloaded) =
        tokio::join!(futures::StreamExt::collect::<Vec<_>>(running), engine.unload_adapter("strong"));
    unloaded.unwrap();
    assert!(rest.iter().all(Result::is_ok));
    assert!(try_ask(&engine, of("strong")).await.is_err());
    assert_eq!(text_of(&ask(&engine, of("smollm2")).await), base);

    // Loading under the same name replaces.
    engine.load_adapter(strong.spec("nothing")).await.unwrap();
    assert_ne!(text_of(&ask(&engine, of("nothing")).await), base);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_adapter_is_refused() {
    let engine = engine();
    let bad = File::new("bad", b"GGUF and then nothing");
    assert!(engine.load_adapter(bad.spec("bad")).await.is_err());
    let missing = AdapterSpec { name: "x".to_owned(), path: "/nowhere/x.gguf".to_owned(), scale: None };
    assert!(engine.load_adapter(missing).await.is_err());
    assert!(engine.info().await.unwrap().adapters.is_empty());
}
