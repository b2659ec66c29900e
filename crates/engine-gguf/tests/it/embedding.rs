use base64::Engine as _;
use serde_json::{Value, json};
use tenfold_engine::{CallContext, Engine};
use tenfold_engine_gguf::GgufEngine;
use tenfold_protocol::embedding::{EmbeddingResponse, Vector};

use crate::model::{MODEL, engine};

async fn embed(engine: &GgufEngine, body: Value) -> EmbeddingResponse {
    engine.embed(&CallContext::default(), serde_json::from_value(body).unwrap()).await.unwrap()
}

fn floats(vector: &Vector) -> Vec<f32> {
    match vector {
        Vector::Float(floats) => floats.clone(),
        Vector::Base64(text) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect(),
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn like_texts_have_like_vectors_of_length_one() {
    let engine = engine();
    let response = embed(
        &engine,
        json!({"model": MODEL, "input": [
            "The cat sleeps on the sofa.", "A kitten is napping on the couch.", "Interest rates rose by two percent.", "The cat sleeps on the sofa."
        ]}),
    )
    .await;
    let vectors: Vec<_> = response.data.iter().map(|item| floats(&item.embedding)).collect();
    assert_eq!(vectors[0].len(), 576);
    for vector in &vectors {
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-4);
    }
    assert!(cosine(&vectors[0], &vectors[3]) > 0.9999);
    assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]));
    assert_eq!(response.data[2].index, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn base64_and_tokens_say_the_same_as_floats_and_text() {
    let engine = engine();
    let plain = embed(&engine, json!({"model": MODEL, "input": "hello"})).await;
    let coded = embed(&engine, json!({"model": MODEL, "input": "hello", "encoding_format": "base64"})).await;
    assert!(matches!(coded.data[0].embedding, Vector::Base64(_)));
    assert_eq!(floats(&plain.data[0].embedding), floats(&coded.data[0].embedding));
    let tokens = embed(&engine, json!({"model": MODEL, "input": [[5, 6, 7], [5, 6, 7]]})).await;
    assert!(cosine(&floats(&tokens.data[0].embedding), &floats(&tokens.data[1].embedding)) > 0.9999);
    assert_eq!(tokens.usage.unwrap().prompt_tokens, 6);
}
