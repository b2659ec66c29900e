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
#[derive(Clone)]
struct Place {
    token: Vec<u8>,
    logprob: f32,
    gap: f32,
}

/// Greedy, one sequence, a prompt at once, nothing of ours.
fn by_hand(
    model: &LlamaModel,
    backend: &LlamaBackend,
    prompts: &[Vec<u32>],
    flash_attention: bool,
) -> Vec<Vec<Place>> {
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(1024))
        .with_n_batch(1024)
        .with_n_ubatch(1024)
        .with_n_threads(2)
        .with_n_threads_batch(2)
        // As `enum llama_flash_attn_type`: automatic or disabled.
        .with_flash_attention_policy(if flash_attention { -1 } else { 0 });
    let mut context = model.new_context(backend, params).unwrap();
    let mut batch = LlamaBatch::new(1024, 1);
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
            if end || places.len() == LENGTH {
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

fn request(prompt: &[u32]) -> CompletionRequest {
    CompletionRequest {
        prompt: Input::Tokens(prompt.to_vec()),
        logprobs: Some(1),
        ..complete("", u32::try_from(LENGTH).unwrap())
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

    /// Fails unless log-probabilities are within `most`, and no other token was chosen where the likeliest
    /// two are further apart than that.
    fn check(&self, what: &str, most: f32) {
        println!("{what}: {self:?}");
        assert!(self.largest <= most, "{what}: log-probabilities differ by {}", self.largest);
        assert!(self.widest_gap <= most, "{what}: tokens differ where they are {} apart", self.widest_gap);
    }
}

async fn measure(
    engine: &GgufEngine,
    prompts: &[Vec<u32>],
    expected: &[Vec<Place>],
    at_once: usize,
) -> Difference {
    let mut difference = Difference::default();
    for (prompts, expected) in prompts.chunks(at_once).zip(expected.chunks(at_once)) {
        let answers =
            futures::future::join_all(prompts.iter().map(|prompt| go_on(engine, request(prompt)))).await;
        for (expected, got) in expected.iter().zip(&answers) {
            difference.note(expected, got);
        }
    }
    difference
}

/// Short prompts that share their beginnings.
fn short(model: &LlamaModel) -> Vec<Vec<u32>> {
    let topics =
        ["rivers", "bread", "the moon", "trains", "bees", "music", "winter", "old books", "salt", "glass"];
    let starts = [
        "My favourite thing about",
        "A short history of",
        "def",
        "In 1950, people thought that",
        "Q: Tell me about",
    ];
    let ends = ["", " is", " and why", ":\n"];
    starts
        .iter()
        .flat_map(|start| topics.iter().map(move |topic| format!("{start} {topic}")))
        .flat_map(|text| ends.iter().map(move |end| format!("{text}{end}")))
        .map(|text| tokens(model, &text))
        .collect()
}

/// Prompts that share a beginning of `sentences` times 16 tokens.
fn long(model: &LlamaModel, sentences: usize) -> Vec<Vec<u32>> {
    let head = "The keeper wrote down the wind, the hour and the name of each ship. ".repeat(sentences);
    ["And then", "The last of them was", "He was", "Why? Because", "In winter", "One night"]
        .map(|end| tokens(model, &format!("{head}{end}")))
        .into()
}

fn tokens(model: &LlamaModel, text: &str) -> Vec<u32> {
    model
        .vocab()
        .tokenize(text.as_bytes(), false, false)
        .iter()
        .map(|token| token.0.cast_unsigned())
        .collect()
}

const LENGTH: usize = 6;
/// The same numbers but for the rounding of the logarithm.
const SAME: f32 = 1e-4;

#[tokio::test(flavor = "multi_thread")]
async fn greedy_tokens_are_those_of_llama_cpp_called_directly() {
    let one = load(GgufConfig { slots: 1, ..config() });
    let many = load(GgufConfig { slots: 17, ..config() });
    // llama.cpp is started by the engine, and only once.
    let backend = std::mem::ManuallyDrop::new(LlamaBackend {});
    let model = LlamaModel::load_from_file(&backend, model_path(), &LlamaModelParams::default()).unwrap();

    let prompts = short(&model);
    assert_eq!(prompts.len(), 200);
    let expected = by_hand(&model, &backend, &prompts, true);
    measure(&one, &prompts[..30], &expected[..30], 1).await.check("alone", SAME);
    let (again, places) = (&prompts[29..30], &expected[29..30]);
    measure(&one, again, places, 1).await.check("alone, warm", SAME);
    measure(&many, &prompts, &expected, 17).await.check("in batches of 17, cold", SAME);
    measure(&many, &prompts[98..], &expected[98..], 17).await.check("in batches of 17, warm", SAME);

    let prompts = long(&model, 14);
    let expected = by_hand(&model, &backend, &prompts, true);
    measure(&one, &prompts, &expected, 1).await.check("long, alone, warm from the second on", SAME);
    measure(&many, &prompts, &expected, 17).await.check("long, in a batch", SAME);
}

/// From 256 tokens on, llama.cpp's flash attention on a CPU rounds to 16 bits in another order for a sequence
/// alone, for one in a batch, and for each number of threads. Without it nothing depends on any of these.
#[tokio::test(flavor = "multi_thread")]
async fn beyond_256_tokens_answers_are_close_and_without_flash_attention_the_same() {
    let exact = load(GgufConfig { slots: 7, flash_attention: false, ..config() });
    let quick = load(GgufConfig { slots: 7, ..config() });
    let backend = std::mem::ManuallyDrop::new(LlamaBackend {});
    let model = LlamaModel::load_from_file(&backend, model_path(), &LlamaModelParams::default()).unwrap();
    let prompts = long(&model, 20);
    assert!(prompts.iter().all(|prompt| prompt.len() > 256));

    let expected = by_hand(&model, &backend, &prompts, false);
    measure(&exact, &prompts, &expected, 6).await.check("without flash attention, in a batch", SAME);
    measure(&exact, &prompts, &expected, 1).await.check("without flash attention, alone, warm", SAME);
    let expected = by_hand(&model, &backend, &prompts, true);
    measure(&quick, &prompts, &expected, 6).await.check("with flash attention, in a batch", 0.25);
}
