//! Token counts as the OpenAI API reports them, and the disjoint units that are priced.

use serde::{Deserialize, Deserializer, Serialize};
use tenfold_kernel::{Unit, Units};
use utoipa::ToSchema;

/// Token counts of one call. Totals include their details: `cached_tokens` are among `prompt_tokens`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// All tokens of the prompt.
    pub prompt_tokens: u64,
    /// All tokens that were generated. Absent in embeddings.
    #[serde(default)]
    pub completion_tokens: u64,
    /// The sum.
    pub total_tokens: u64,
    /// What the prompt tokens were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_details: Option<PromptTokensDetails>,
    /// What the generated tokens were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_tokens_details: Option<CompletionTokensDetails>,
}

/// What prompt tokens were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromptTokensDetails {
    /// Found in a prefix cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Of sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
}

/// What generated tokens were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CompletionTokensDetails {
    /// Thinking before the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// Of sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
    /// Predicted, and right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_prediction_tokens: Option<u64>,
    /// Predicted, and wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_prediction_tokens: Option<u64>,
}

impl Usage {
    /// Counts of a text generation.
    pub fn generation(prompt: u64, cached: u64, completion: u64, reasoning: u64) -> Self {
        Self {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt + completion,
            prompt_tokens_details: Some(PromptTokensDetails {
                cached_tokens: Some(cached),
                audio_tokens: None,
            }),
            completion_tokens_details: Some(CompletionTokensDetails {
                reasoning_tokens: Some(reasoning),
                ..CompletionTokensDetails::default()
            }),
        }
    }

    /// Prompt tokens that were cached; zero when not told.
    pub fn cached_tokens(&self) -> u64 {
        self.prompt_tokens_details.as_ref().and_then(|d| d.cached_tokens).unwrap_or(0)
    }

    /// Tokens of thinking; zero when not told.
    pub fn reasoning_tokens(&self) -> u64 {
        self.completion_tokens_details.as_ref().and_then(|d| d.reasoning_tokens).unwrap_or(0)
    }

    /// The disjoint buckets of a generation. A detail larger than its total is capped at the total, so that
    /// no bucket is ever negative or counted twice.
    pub fn generation_units(&self) -> Units {
        let cached = self.cached_tokens().min(self.prompt_tokens);
        let reasoning = self.reasoning_tokens().min(self.completion_tokens);
        Units::new()
            .with(Unit::Requests, 1)
            .with(Unit::InputTokens, self.prompt_tokens - cached)
            .with(Unit::CachedInputTokens, cached)
            .with(Unit::OutputTokens, self.completion_tokens - reasoning)
            .with(Unit::ReasoningTokens, reasoning)
    }

    /// The buckets of an embedding.
    pub fn embedding_units(&self) -> Units {
        Units::new().with(Unit::Requests, 1).with(Unit::EmbeddingTokens, self.prompt_tokens)
    }
}

/// Token counts as the dialects of the OpenAI API write them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptTokensDetails>,
    completion_tokens_details: Option<CompletionTokensDetails>,
    /// `DeepSeek`'s name of the cached tokens.
    prompt_cache_hit_tokens: Option<u64>,
    /// Moonshot's place of the cached tokens.
    cached_tokens: Option<u64>,
}

/// Reads the counts of an answer in any dialect. What cannot be told from them is unknown, never zero.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usage>, D::Error> {
    Ok(Option::<WireUsage>::deserialize(deserializer)?.and_then(WireUsage::known))
}

impl WireUsage {
    /// Two of the three counts tell the third; with fewer, nothing is known.
    fn known(self) -> Option<Usage> {
        let (prompt_tokens, completion_tokens) =
            match (self.prompt_tokens, self.completion_tokens, self.total_tokens) {
                (Some(prompt), Some(completion), _) => (prompt, completion),
                (Some(prompt), None, Some(total)) => (prompt, total.saturating_sub(prompt)),
                (None, Some(completion), Some(total)) => (total.saturating_sub(completion), completion),
                _ => return None,
            };
        let mut prompt_details = self.prompt_tokens_details;
        if let Some(cached) = self.prompt_cache_hit_tokens.or(self.cached_tokens) {
            prompt_details.get_or_insert_default().cached_tokens.get_or_insert(cached);
        }
        Some(Usage {
            prompt_tokens,
            completion_tokens,
            total_tokens: self
                .total_tokens
                .unwrap_or_else(|| prompt_tokens.saturating_add(completion_tokens)),
            prompt_tokens_details: prompt_details,
            completion_tokens_details: self.completion_tokens_details,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_disjoint_and_add_up() {
        let units = Usage::generation(100, 60, 50, 20).generation_units();
        assert_eq!(units.get(Unit::InputTokens), Some(40));
        assert_eq!(units.get(Unit::CachedInputTokens), Some(60));
        assert_eq!(units.get(Unit::OutputTokens), Some(30));
        assert_eq!(units.get(Unit::ReasoningTokens), Some(20));
    }

    #[test]
    fn an_upstream_that_claims_more_cached_than_prompt_makes_nothing_negative() {
        let units = Usage::generation(10, 60, 5, 9).generation_units();
        assert_eq!(units.get(Unit::InputTokens), Some(0));
        assert_eq!(units.get(Unit::CachedInputTokens), Some(10));
        assert_eq!(units.get(Unit::OutputTokens), Some(0));
    }
}
