//! The same tokens as llama.cpp called directly.

use std::num::NonZeroU32;

use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use tenfold_engine_gguf::{GgufConfig, GgufEngine};
use tenfold_protocol::completion::{Completion, CompletionRequest};
use tenfold_protocol::embedding::Input;

use crate::model::{complete, config, go_on, load, model_path};

/// A place of an answer made by hand: the text of the token, and the likeliest two with their log-probabilities.
struct Place {
    token: Vec<u8>,
    logprob: f32,
    gap: f32,
}

/// Greedy, one sequence, nothing of ours.
fn by_hand(
    model: &LlamaModel,
    backend: &LlamaBackend,
    prompts: &[Vec<u32>],
    length: usize,
) -> Vec<Vec<Place>> {
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(1024))
        .with_n_threads(2)
        .with_n_threads_batch(2);
    let mut context = model.new_context(backend, params).unwrap();
    let mut batch = LlamaBatch::new(512, 1);
    let mut answers = Vec::new();
    for prompt in prompts {
        context.clear_kv_cache();
        batch.clear();
        let prompt: Vec<LlamaToken> = prompt.iter().map(|token| LlamaToken(token.cast_signed())).collect();
        batch.add_sequence(&prompt, 0, false).unwrap();
        let mut position = i32::try_from(prompt.len()).unwrap();
        let mut places = Vec::new();
        loop {
            context.decode(&mut batch).unwrap();
            let logits = context.get_logits_ith(batch.n_tokens() - 1);
            let (best, max) =
                (0..).zip(logits.iter().copied()).fold((0, f32::MIN), |a, b| if b.1 > a.1 { b } else { a });
            let second =
                (0..).zip(logits).filter(|(at, _)| *at != best).fold(f32::MIN, |a, (_, b)| a.max(*b));
            let total: f64 = logits.iter().map(|logit| f64::from(logit - max).exp()).sum();
            let token = LlamaToken(best);
            #[expect(clippy::cast_possible_truncation, reason = "compared as f32")]
            let logprob = -total.ln() as f32;
            let end = model.vocab().is_eog(token);
            let piece = model.vocab().token_to_piece(token, end, None);
            places.push(Place { token: piece, logprob, gap: max - second });
            if end || places.len() == length {
                break;
            }
            batch.clear();
            batch.add(token, position, &[0], true).unwrap();
            position += 1;
        }
        answers.push(places);
    }
    answers
}

fn request(prompt: &[u32], length: usize) -> CompletionRequest {
    CompletionRequest {
        prompt: Input::Tokens(prompt.to_vec()),
        logprobs: Some(1),
        ..complete("", u32::try_from(length).unwrap())
    }
}

#[derive(Debug, Default)]
struct Difference {
    answers: usize,
    same: usize,
    tokens: usize,
    largest: f32,
    widest_gap: f32,
}

impl Difference {
    fn note(&mut self, expected: &[Place], got: &Completion) {
        let logprobs = got.choices[0].logprobs.clone().unwrap_or_default();
        self.answers += 1;
        for (at, place) in expected.iter().enumerate() {
            let token = logprobs.tokens.get(at);
            let ended = token.is_none() && at + 1 == expected.len();
            if !ended && token.is_none_or(|token| String::from_utf8_lossy(&place.token) != *token) {
                // From here on the two are different texts.
                self.widest_gap = self.widest_gap.max(place.gap);
                return;
            }
            if let Some(logprob) = logprobs.token_logprobs.get(at) {
                self.tokens += 1;
                self.largest = self.largest.max((place.logprob - logprob.unwrap()).abs());
            }
        }
        self.same += 1;
    }

    fn check(&self, what: &str) {
        println!("{what}: {self:?}");
        assert!(self.largest <= 0.05, "{what}: log-probabilities differ by {}", self.largest);
        assert!(self.widest_gap <= 0.1, "{what}: tokens differ where they are {} apart", self.widest_gap);
    }
}

async fn measure(
    engine: &GgufEngine,
    prompts: &[Vec<u32>],
    expected: &[Vec<Place>],
    length: usize,
    at_once: usize,
) -> Difference {
    let mut difference = Difference::default();
    for (prompts, expected) in prompts.chunks(at_once).zip(expected.chunks(at_once)) {
        let answers =
            futures::future::join_all(prompts.iter().map(|prompt| go_on(engine, request(prompt, length))))
                .await;
        for (expected, got) in expected.iter().zip(&answers) {
            difference.note(expected, got);
        }
    }
    difference
}

#[tokio::test(flavor = "multi_thread")]
async fn greedy_tokens_are_those_of_llama_cpp_called_directly() {
    const LENGTH: usize = 8;
    let one = load(GgufConfig { slots: 1, ..config() });
    let many = load(GgufConfig { slots: 17, ..config() });
    // llama.cpp is started by the engine, and only once.
    let backend = LlamaBackend {};
    let model = LlamaModel::load_from_file(&backend, model_path(), &LlamaModelParams::default()).unwrap();
    let topics =
        ["rivers", "bread", "the moon", "trains", "bees", "music", "winter", "old books", "salt", "glass"];
    let starts = [
        "My favourite thing about",
        "A short history of",
        "Here is a poem on",
        "def",
        "In 1950, people thought that",
        "Q: Tell me about",
    ];
    let ends = ["", " is", " and why", ":\n", " because"];
    let prompts: Vec<Vec<u32>> = starts
        .iter()
        .flat_map(|start| topics.iter().map(move |topic| format!("{start} {topic}")))
        .flat_map(|text| ends.iter().map(move |end| format!("{text}{end}")))
        .map(|text| {
            model
                .vocab()
                .tokenize(text.as_bytes(), false, false)
                .iter()
                .map(|t| t.0.cast_unsigned())
                .collect()
        })
        .collect();
    assert_eq!(prompts.len(), 300);
    let expected = by_hand(&model, &backend, &prompts, LENGTH);
    std::mem::forget(backend);
    // The first hundred alone, cold and then warm; all of them in batches of seventeen, cold and then warm.
    measure(&one, &prompts[..100], &expected, LENGTH, 1).await.check("alone, cold");
    measure(&many, &prompts, &expected, LENGTH, 17).await.check("in batches of 17, cold");
    measure(&many, &prompts[..170], &expected, LENGTH, 17).await.check("in batches of 17, warm");
    let last = [prompts[99].clone(), prompts[99].clone()];
    measure(&one, &last, &[by_again(&expected[99]), by_again(&expected[99])], LENGTH, 1)
        .await
        .check("alone, warm");
}

fn by_again(places: &[Place]) -> Vec<Place> {
    places.iter().map(|place| Place { token: place.token.clone(), ..*place }).collect()
}
