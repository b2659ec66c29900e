//! What a call used, in disjoint buckets: a token is counted in exactly one of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One kind of thing that is counted and may have a price.
///
/// The buckets are disjoint: `InputTokens` are those of text that were computed afresh, so neither cached ones nor those
/// of pictures are among them, and `OutputTokens` leaves out `ReasoningTokens`. The OpenAI API's totals are sums over buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// One call.
    Requests,
    /// Prompt tokens that were computed.
    InputTokens,
    /// Prompt tokens that were found in a prefix cache.
    CachedInputTokens,
    /// Prompt tokens that were written to a cache at a price of their own.
    CacheWriteTokens,
    /// Tokens of the answer.
    OutputTokens,
    /// Tokens of thinking before the answer.
    ReasoningTokens,
    /// Tokens that were embedded.
    EmbeddingTokens,
    /// Tokens of sound in a prompt.
    AudioInputTokens,
    /// Tokens of sound in a prompt that were found in a prefix cache.
    CachedAudioInputTokens,
    /// Tokens of pictures in a prompt.
    ImageInputTokens,
    /// Tokens of pictures in a prompt that were found in a prefix cache.
    CachedImageInputTokens,
    /// Tokens of sound in an answer.
    AudioOutputTokens,
    /// Tokens of pictures in an answer.
    ImageOutputTokens,
    /// Tokens that a model was trained on.
    TrainingTokens,
    /// Pictures that were made.
    Images,
    /// Thousandths of a second of sound that were written down.
    TranscribedMilliseconds,
    /// Thousandths of a second of sound that were made.
    SynthesizedMilliseconds,
    /// Characters that were spoken.
    Characters,
    /// Pages that were read.
    Pages,
    /// Thousandths of a second of moving pictures that were made.
    VideoMilliseconds,
    /// Seconds for which a replica was rented.
    ReplicaSeconds,
}

impl Unit {
    /// All units, in order.
    pub const ALL: [Self; 21] = [
        Self::Requests,
        Self::InputTokens,
        Self::CachedInputTokens,
        Self::CacheWriteTokens,
        Self::OutputTokens,
        Self::ReasoningTokens,
        Self::EmbeddingTokens,
        Self::AudioInputTokens,
        Self::CachedAudioInputTokens,
        Self::ImageInputTokens,
        Self::CachedImageInputTokens,
        Self::AudioOutputTokens,
        Self::ImageOutputTokens,
        Self::TrainingTokens,
        Self::Images,
        Self::TranscribedMilliseconds,
        Self::SynthesizedMilliseconds,
        Self::Characters,
        Self::Pages,
        Self::VideoMilliseconds,
        Self::ReplicaSeconds,
    ];

    /// The units that are tokens: what limits on tokens a minute count.
    pub const TOKENS: [Self; 12] = [
        Self::InputTokens,
        Self::CachedInputTokens,
        Self::CacheWriteTokens,
        Self::OutputTokens,
        Self::ReasoningTokens,
        Self::EmbeddingTokens,
        Self::AudioInputTokens,
        Self::CachedAudioInputTokens,
        Self::ImageInputTokens,
        Self::CachedImageInputTokens,
        Self::AudioOutputTokens,
        Self::ImageOutputTokens,
    ];

    /// The name on the wire and in SQL, such as `input_tokens`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::CachedInputTokens => "cached_input_tokens",
            Self::CacheWriteTokens => "cache_write_tokens",
            Self::OutputTokens => "output_tokens",
            Self::ReasoningTokens => "reasoning_tokens",
            Self::EmbeddingTokens => "embedding_tokens",
            Self::AudioInputTokens => "audio_input_tokens",
            Self::CachedAudioInputTokens => "cached_audio_input_tokens",
            Self::ImageInputTokens => "image_input_tokens",
            Self::CachedImageInputTokens => "cached_image_input_tokens",
            Self::AudioOutputTokens => "audio_output_tokens",
            Self::ImageOutputTokens => "image_output_tokens",
            Self::TrainingTokens => "training_tokens",
            Self::Images => "images",
            Self::TranscribedMilliseconds => "transcribed_milliseconds",
            Self::SynthesizedMilliseconds => "synthesized_milliseconds",
            Self::Characters => "characters",
            Self::Pages => "pages",
            Self::VideoMilliseconds => "video_milliseconds",
            Self::ReplicaSeconds => "replica_seconds",
        }
    }
}

/// A name that no [`Unit`] has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a unit")]
pub struct UnknownUnit(pub String);

impl std::str::FromStr for Unit {
    type Err = UnknownUnit;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|u| u.as_str() == text).ok_or_else(|| UnknownUnit(text.to_owned()))
    }
}

/// Counts by unit. A unit that is absent is *unknown or not applicable*; a zero that was reported is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Units(BTreeMap<Unit, u64>);

impl Units {
    /// No counts at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same counts with `unit` set to `count`.
    #[must_use]
    pub fn with(mut self, unit: Unit, count: u64) -> Self {
        self.0.insert(unit, count);
        self
    }

    /// The count of `unit`, or nothing when it is unknown.
    pub fn get(&self, unit: Unit) -> Option<u64> {
        self.0.get(&unit).copied()
    }

    /// Sum of the known counts of `units`.
    pub fn sum(&self, units: &[Unit]) -> u64 {
        units.iter().filter_map(|u| self.get(*u)).fold(0, u64::saturating_add)
    }

    /// Every known count, in the order of [`Unit`].
    pub fn iter(&self) -> impl Iterator<Item = (Unit, u64)> + '_ {
        self.0.iter().map(|(unit, count)| (*unit, *count))
    }
}
