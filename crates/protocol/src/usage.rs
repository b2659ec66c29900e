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
    /// Of pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_tokens: Option<u64>,
    /// Written to a cache at a price of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// What the cached ones were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens_details: Option<CachedTokensDetails>,
}

/// What cached tokens were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CachedTokensDetails {
    /// Of sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
    /// Of pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_tokens: Option<u64>,
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
    /// Of pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_tokens: Option<u64>,
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
                ..PromptTokensDetails::default()
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

    /// The disjoint buckets of a generation. A detail larger than what is left of its total is capped at that, so that no
    /// bucket is ever negative or counted twice; buckets of sound and of pictures are there where they were told.
    pub fn generation_units(&self) -> Units {
        let units = Units::new().with(Unit::Requests, 1);
        self.answer_units(self.prompt_units(units))
    }

    fn prompt_units(&self, mut units: Units) -> Units {
        let none = PromptTokensDetails::default();
        let details = self.prompt_tokens_details.as_ref().unwrap_or(&none);
        let mut left = self.prompt_tokens;
        let mut take = |count: Option<u64>| {
            let taken = count.unwrap_or(0).min(left);
            left -= taken;
            taken
        };
        let (audio, image) = (take(details.audio_tokens), take(details.image_tokens));
        let text = left;

        let cached = self.cached_tokens().min(self.prompt_tokens);
        let of_kind = details.cached_tokens_details.clone().unwrap_or_default();
        let told = |count: Option<u64>, most: u64, left: u64| count.unwrap_or(0).min(most).min(left);
        let mut cached_audio = told(of_kind.audio_tokens, audio, cached);
        let mut cached_image = told(of_kind.image_tokens, image, cached - cached_audio);
        let cached_text = (cached - cached_audio - cached_image).min(text);
        // What was cached of more than all text can only have been pictures or sound.
        let mut rest = cached - cached_audio - cached_image - cached_text;
        let more = rest.min(image - cached_image);
        cached_image += more;
        rest -= more;
        cached_audio += rest.min(audio - cached_audio);
        let written = details.cache_write_tokens.unwrap_or(0).min(text - cached_text);

        units = units
            .with(Unit::InputTokens, text - cached_text - written)
            .with(Unit::CachedInputTokens, cached_text);
        if details.cache_write_tokens.is_some() {
            units = units.with(Unit::CacheWriteTokens, written);
        }
        if details.audio_tokens.is_some() {
            units = units
                .with(Unit::AudioInputTokens, audio - cached_audio)
                .with(Unit::CachedAudioInputTokens, cached_audio);
        }
        if details.image_tokens.is_some() {
            units = units
                .with(Unit::ImageInputTokens, image - cached_image)
                .with(Unit::CachedImageInputTokens, cached_image);
        }
        units
    }

    fn answer_units(&self, mut units: Units) -> Units {
        let none = CompletionTokensDetails::default();
        let details = self.completion_tokens_details.as_ref().unwrap_or(&none);
        let mut left = self.completion_tokens;
        let mut take = |count: Option<u64>| {
            let taken = count.unwrap_or(0).min(left);
            left -= taken;
            taken
        };
        let reasoning = take(details.reasoning_tokens);
        let (audio, image) = (take(details.audio_tokens), take(details.image_tokens));
        units = units.with(Unit::OutputTokens, left).with(Unit::ReasoningTokens, reasoning);
        if details.audio_tokens.is_some() {
            units = units.with(Unit::AudioOutputTokens, audio);
        }
        if details.image_tokens.is_some() {
            units = units.with(Unit::ImageOutputTokens, image);
        }
        units
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
    /// Anthropic's name of the cached tokens, as gateways before it pass it on.
    cache_read_input_tokens: Option<u64>,
    /// Anthropic's older name of what was written to a cache: all of it.
    cache_creation_input_tokens: Option<u64>,
    /// Anthropic's newer one: the parts, by how long they are kept.
    cache_creation: Option<CacheCreation>,
}

/// What was written to a cache, by how long it is kept.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CacheCreation {
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

impl CacheCreation {
    fn total(&self) -> Option<u64> {
        match (self.ephemeral_5m_input_tokens, self.ephemeral_1h_input_tokens) {
            (None, None) => None,
            (short, long) => Some(short.unwrap_or(0).saturating_add(long.unwrap_or(0))),
        }
    }
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
        let cached = self.prompt_cache_hit_tokens.or(self.cached_tokens).or(self.cache_read_input_tokens);
        if let Some(cached) = cached {
            prompt_details.get_or_insert_default().cached_tokens.get_or_insert(cached);
        }
        let by_age = self.cache_creation.as_ref().and_then(CacheCreation::total);
        if let Some(written) = self.cache_creation_input_tokens.or(by_age) {
            prompt_details.get_or_insert_default().cache_write_tokens.get_or_insert(written);
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
    use proptest::prelude::*;
    use serde_json::json;

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

    fn read_units(json: serde_json::Value) -> Units {
        read(json).unwrap().unwrap().generation_units()
    }

    #[test]
    fn what_was_written_to_a_cache_is_counted_under_its_old_name_and_its_new_one() {
        for dialect in [
            json!({"cache_creation_input_tokens": 30, "cache_read_input_tokens": 50}),
            json!({"cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                "cache_read_input_tokens": 50}),
            json!({"cache_creation_input_tokens": 30, "cache_creation": {"ephemeral_5m_input_tokens": 30},
                "cache_read_input_tokens": 50}),
            json!({"prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 30}}),
        ] {
            let mut usage = json!({"prompt_tokens": 100, "completion_tokens": 7});
            usage.as_object_mut().unwrap().append(&mut dialect.clone().as_object().unwrap().clone());
            let units = read_units(usage);
            let counts =
                [Unit::InputTokens, Unit::CachedInputTokens, Unit::CacheWriteTokens].map(|u| units.get(u));
            assert_eq!(counts, [Some(20), Some(50), Some(30)], "{dialect}");
        }
        // A zero that was told is kept, and what was not told is not there.
        let zero =
            read_units(json!({"prompt_tokens": 1, "completion_tokens": 1, "cache_creation_input_tokens": 0}));
        assert_eq!(zero.get(Unit::CacheWriteTokens), Some(0));
        assert_eq!(Usage::generation(1, 0, 1, 0).generation_units().get(Unit::CacheWriteTokens), None);
    }

    #[test]
    fn cached_tokens_of_pictures_and_sound_are_counted_once() {
        let units = read_units(json!({"prompt_tokens": 100, "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 45, "audio_tokens": 10, "image_tokens": 40,
                "cached_tokens_details": {"audio_tokens": 5, "image_tokens": 30}},
            "completion_tokens_details": {"audio_tokens": 15, "reasoning_tokens": 2}}));
        let expected = [
            (Unit::InputTokens, 40),
            (Unit::CachedInputTokens, 10),
            (Unit::AudioInputTokens, 5),
            (Unit::CachedAudioInputTokens, 5),
            (Unit::ImageInputTokens, 10),
            (Unit::CachedImageInputTokens, 30),
            (Unit::OutputTokens, 3),
            (Unit::ReasoningTokens, 2),
            (Unit::AudioOutputTokens, 15),
        ];
        for (unit, count) in expected {
            assert_eq!(units.get(unit), Some(count), "{}", unit.as_str());
        }
    }

    fn maybe() -> impl Strategy<Value = Option<u64>> {
        prop_oneof![Just(None), (0_u64..200).prop_map(Some), Just(Some(u64::MAX))]
    }

    proptest! {
        #[test]
        fn every_token_is_in_exactly_one_bucket_whatever_an_upstream_claims(
            (prompt, completion) in (0_u64..200, 0_u64..200),
            (cached, audio, image, written) in (maybe(), maybe(), maybe(), maybe()),
            (cached_audio, cached_image) in (maybe(), maybe()),
            (thinking, audio_out, image_out) in (maybe(), maybe(), maybe()),
        ) {
            let usage = Usage {
                prompt_tokens: prompt,
                completion_tokens: completion,
                total_tokens: prompt + completion,
                prompt_tokens_details: Some(PromptTokensDetails {
                    cached_tokens: cached,
                    audio_tokens: audio,
                    image_tokens: image,
                    cache_write_tokens: written,
                    cached_tokens_details: Some(CachedTokensDetails {
                        audio_tokens: cached_audio,
                        image_tokens: cached_image,
                    }),
                }),
                completion_tokens_details: Some(CompletionTokensDetails {
                    reasoning_tokens: thinking,
                    audio_tokens: audio_out,
                    image_tokens: image_out,
                    ..CompletionTokensDetails::default()
                }),
            };
            let units = usage.generation_units();
            let answer = [Unit::OutputTokens, Unit::ReasoningTokens, Unit::AudioOutputTokens, Unit::ImageOutputTokens];
            prop_assert_eq!(units.sum(&answer), completion);
            prop_assert_eq!(units.sum(&Unit::TOKENS) - completion, prompt);
            let cached_units = [Unit::CachedInputTokens, Unit::CachedAudioInputTokens, Unit::CachedImageInputTokens];
            prop_assert_eq!(units.sum(&cached_units), cached.unwrap_or(0).min(prompt));
        }
    }
}
