//! `/v1/completions`: text in, text on; with `suffix`, the middle between the two.
//!
//! Source: the OpenAI API reference, completions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::chat::{FinishReason, StreamOptions};
use crate::content::OneOrMany;
use crate::embedding::Input;
use crate::usage::Usage;

/// A request for a completion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CompletionRequest {
    /// The deployment's name.
    pub model: String,
    /// One text, several, one list of tokens, or several.
    pub prompt: Input,
    /// The text after the gap, for models that fill in the middle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// Repeat the prompt in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<bool>,
    /// -2..=2.
    #[serde(default, deserialize_with = "crate::number::finite", skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f32>,
    /// -2..=2.
    #[serde(default, deserialize_with = "crate::number::finite", skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f32>,
    /// Token id to a value in -100..=100 that is added to its logit.
    #[serde(
        default,
        deserialize_with = "crate::number::finite_map",
        skip_serializing_if = "Option::is_none"
    )]
    pub logit_bias: Option<BTreeMap<String, f32>>,
    /// 0..=5: how many of the likeliest tokens to name at each place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<u32>,
    /// At most so many tokens; 16 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// How many answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// How many answers to make, of which the best `n` are returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_of: Option<u32>,
    /// Same seed, same request, same answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Up to four texts that end the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<OneOrMany<String>>,
    /// Whether to stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// What to stream besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
    /// 0..=2.
    #[serde(default, deserialize_with = "crate::number::finite", skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// 0..=1.
    #[serde(default, deserialize_with = "crate::number::finite", skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Keep the `k` likeliest tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// 0..=1.
    #[serde(default, deserialize_with = "crate::number::finite", skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f32>,
    /// The end user, for abuse reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

impl CompletionRequest {
    /// Whether the answer is to be streamed.
    pub fn is_stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// Whether the stream is to end with a chunk that carries the usage.
    pub fn include_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|o| o.include_usage).unwrap_or(false)
    }
}

/// An answer, whole or one event of a stream: the two have one shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Completion {
    /// `cmpl-...`.
    pub id: String,
    /// `text_completion`.
    pub object: String,
    /// Seconds since the epoch.
    pub created: i64,
    /// The deployment that answered.
    pub model: String,
    /// The answers, or their new parts.
    pub choices: Vec<CompletionChoice>,
    /// Token counts; in a stream in the last event only.
    #[serde(default, deserialize_with = "crate::usage::read", skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The version of model and engine that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
}

/// One answer, or its new part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CompletionChoice {
    /// Which one.
    pub index: u32,
    /// The text.
    pub text: String,
    /// Log-probabilities, when asked for.
    #[serde(default)]
    pub logprobs: Option<CompletionLogprobs>,
    /// Why it ended.
    #[serde(default)]
    pub finish_reason: Option<FinishReason>,
}

/// Log-probabilities of a completion: four lists of one length.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CompletionLogprobs {
    /// Where each token begins in the text, in characters.
    #[serde(default)]
    pub text_offset: Vec<u32>,
    /// Natural logarithms of the probabilities.
    #[serde(default)]
    pub token_logprobs: Vec<Option<f32>>,
    /// The tokens as text.
    #[serde(default)]
    pub tokens: Vec<String>,
    /// The likeliest tokens at each place.
    #[serde(default)]
    pub top_logprobs: Vec<Option<BTreeMap<String, f32>>>,
}
