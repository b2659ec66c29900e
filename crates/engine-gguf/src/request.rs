//! Checks of a request: every range, every field, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tenfold_engine::EngineError;
use tenfold_protocol::chat::{ChatMessage, ChatRequest, StreamOptions};
use tenfold_protocol::completion::CompletionRequest;
use tenfold_protocol::content::{Content, ContentPart, OneOrMany};
use tenfold_protocol::embedding::EmbeddingRequest;

use crate::ffi::Token;
use crate::model::Model;
use crate::sampler::Sampling;

/// Answers to one request at most, as in the OpenAI API.
const MOST_CHOICES: u32 = 128;

fn within(name: &str, value: Option<f32>, low: f32, high: f32) -> Result<Option<f32>, EngineError> {
    match value {
        Some(value) if !(low..=high).contains(&value) => {
            Err(EngineError::rejected(name, format!("`{name}` must be between {low} and {high}")))
        }
        value => Ok(value),
    }
}

/// The parameters of sampling that both generating endpoints have.
#[derive(Debug)]
pub(crate) struct SamplingFields<'a> {
    pub(crate) temperature: Option<f32>,
    pub(crate) top_p: Option<f32>,
    pub(crate) top_k: Option<u32>,
    pub(crate) min_p: Option<f32>,
    pub(crate) seed: Option<i64>,
    pub(crate) logit_bias: Option<&'a BTreeMap<String, f32>>,
    pub(crate) frequency_penalty: Option<f32>,
    pub(crate) presence_penalty: Option<f32>,
}

/// Checks them. `random` is the seed of a request that names none.
pub(crate) fn sampling(
    model: &Model,
    fields: &SamplingFields<'_>,
    random: u64,
) -> Result<Sampling, EngineError> {
    let mut bias = Vec::new();
    for (token, value) in fields.logit_bias.into_iter().flatten() {
        let id =
            token.parse::<Token>().ok().filter(|id| (*id as usize) < model.n_vocab()).ok_or_else(|| {
                EngineError::rejected(
                    "logit_bias",
                    format!("`logit_bias` has the key `{token}`, which is no token of this model"),
                )
            })?;
        if !(-100.0..=100.0).contains(value) {
            return Err(EngineError::rejected(
                "logit_bias",
                "values of `logit_bias` must be between -100 and 100",
            ));
        }
        bias.push((id, *value));
    }
    Ok(Sampling {
        temperature: within("temperature", fields.temperature, 0.0, 2.0)?.unwrap_or(1.0),
        top_p: within("top_p", fields.top_p, 0.0, 1.0)?.unwrap_or(1.0),
        top_k: fields.top_k.map_or(0, |k| k as usize),
        min_p: within("min_p", fields.min_p, 0.0, 1.0)?.unwrap_or(0.0),
        seed: fields.seed.map_or(random, i64::cast_unsigned),
        bias,
        frequency_penalty: within("frequency_penalty", fields.frequency_penalty, -2.0, 2.0)?.unwrap_or(0.0),
        presence_penalty: within("presence_penalty", fields.presence_penalty, -2.0, 2.0)?.unwrap_or(0.0),
    })
}

/// How many answers.
pub(crate) fn choices(n: Option<u32>) -> Result<u32, EngineError> {
    match n.unwrap_or(1) {
        n @ 1..=MOST_CHOICES => Ok(n),
        _ => Err(EngineError::rejected("n", format!("`n` must be between 1 and {MOST_CHOICES}"))),
    }
}

/// The texts that end an answer.
pub(crate) fn stops(stop: Option<&OneOrMany<String>>) -> Result<Arc<[String]>, EngineError> {
    let stops = stop.map(OneOrMany::as_slice).unwrap_or_default();
    if stops.len() > 4 {
        return Err(EngineError::rejected("stop", "`stop` takes at most 4 texts"));
    }
    if stops.iter().any(String::is_empty) {
        return Err(EngineError::rejected("stop", "a text in `stop` must not be empty"));
    }
    Ok(stops.into())
}

/// Labels that change nothing, or ask for what is done anyway.
fn is_harmless(name: &str, value: &Value) -> bool {
    match name {
        "safety_identifier" | "prompt_cache_key" => value.is_string(),
        "store" => value == &Value::Bool(false),
        "modalities" => value.as_array().is_some_and(|list| list.iter().all(|kind| kind == "text")),
        _ => value.is_null(),
    }
}

fn no_extra(prefix: &str, extra: &Map<String, Value>) -> Result<(), EngineError> {
    match extra.iter().find(|(name, value)| !is_harmless(name, value)) {
        Some((name, _)) => Err(EngineError::unknown_parameter(&format!("{prefix}{name}"))),
        None => Ok(()),
    }
}

fn stream_options(stream: Option<bool>, options: Option<&StreamOptions>) -> Result<(), EngineError> {
    let Some(options) = options else { return Ok(()) };
    if !stream.unwrap_or(false) {
        return Err(EngineError::rejected("stream_options", "`stream_options` needs `stream: true`"));
    }
    match options.extra.iter().find(|(name, value)| {
        !(value.is_null() || (*name == "include_obfuscation" && **value == Value::Bool(false)))
    }) {
        Some((name, _)) => Err(EngineError::unknown_parameter(&format!("stream_options.{name}"))),
        None => Ok(()),
    }
}

/// Fields of a chat request that are not about sampling.
pub(crate) fn chat(request: &ChatRequest) -> Result<(), EngineError> {
    no_extra("", &request.extra)?;
    stream_options(request.stream, request.stream_options.as_ref())?;
    if let Some(tier) = &request.service_tier
        && !matches!(tier.as_str(), "auto" | "default")
    {
        return Err(EngineError::unknown_parameter("service_tier"));
    }
    if request.top_logprobs.is_some_and(|count| count > 20) {
        return Err(EngineError::rejected("top_logprobs", "`top_logprobs` must be between 0 and 20"));
    }
    if request.top_logprobs.is_some() && request.logprobs != Some(true) {
        return Err(EngineError::rejected("top_logprobs", "`top_logprobs` needs `logprobs: true`"));
    }
    if request.max_tokens == Some(0) {
        return Err(EngineError::rejected("max_tokens", "`max_tokens` must be at least 1"));
    }
    if request.max_completion_tokens == Some(0) {
        return Err(EngineError::rejected(
            "max_completion_tokens",
            "`max_completion_tokens` must be at least 1",
        ));
    }
    if request.messages.is_empty() {
        return Err(EngineError::rejected("messages", "`messages` must not be empty"));
    }
    for (index, message) in request.messages.iter().enumerate() {
        // Clients send back what an answer held.
        match message.extra.iter().find(|(name, value)| {
            let empty = value.as_array().is_some_and(Vec::is_empty);
            !(value.is_null() || empty || matches!(name.as_str(), "annotations" | "reasoning"))
        }) {
            Some((name, _)) => {
                return Err(EngineError::unknown_parameter(&format!("messages[{index}].{name}")));
            }
            None => message_text(index, message).map(drop)?,
        }
    }
    Ok(())
}

/// A message's text.
pub(crate) fn message_text(index: usize, message: &ChatMessage) -> Result<String, EngineError> {
    match &message.content {
        None => Ok(message.refusal.clone().unwrap_or_default()),
        Some(Content::Text(text)) => Ok(text.clone()),
        Some(Content::Parts(parts)) => {
            let mut text = String::new();
            for (at, part) in parts.iter().enumerate() {
                match part {
                    ContentPart::Text { text: more } | ContentPart::Refusal { refusal: more } => {
                        text.push_str(more);
                    }
                    ContentPart::ImageUrl { .. }
                    | ContentPart::InputAudio { .. }
                    | ContentPart::File { .. } => {
                        let param = format!("messages[{index}].content[{at}]");
                        let message = format!("`{param}` is no text, and this model reads text only");
                        return Err(EngineError::rejected(&param, message));
                    }
                }
            }
            Ok(text)
        }
    }
}

/// Fields of a completion request that are not about sampling.
pub(crate) fn completion(request: &CompletionRequest) -> Result<(), EngineError> {
    no_extra("", &request.extra)?;
    stream_options(request.stream, request.stream_options.as_ref())?;
    if request.logprobs.is_some_and(|count| count > 5) {
        return Err(EngineError::rejected("logprobs", "`logprobs` must be between 0 and 5"));
    }
    let n = choices(request.n)?;
    if request.best_of.is_some_and(|best_of| best_of != n) {
        return Err(EngineError::rejected("best_of", "`best_of` is supported only when it equals `n`"));
    }
    let echo = request.echo.unwrap_or(false);
    if request.max_tokens == Some(0) && !echo {
        return Err(EngineError::rejected(
            "max_tokens",
            "`max_tokens` must be at least 1, unless `echo` is true",
        ));
    }
    if echo && request.suffix.as_ref().is_some_and(|suffix| !suffix.is_empty()) {
        return Err(EngineError::rejected("echo", "`echo` does not go together with `suffix`"));
    }
    Ok(())
}

/// Fields of an embedding request.
pub(crate) fn embedding(request: &EmbeddingRequest) -> Result<(), EngineError> {
    no_extra("", &request.extra)?;
    if request.dimensions.is_some() {
        return Err(EngineError::rejected(
            "dimensions",
            "`dimensions` is not supported by this model: its embeddings have one length",
        ));
    }
    Ok(())
}
