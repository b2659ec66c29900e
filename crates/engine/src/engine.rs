//! The trait.

use std::fmt::Debug;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use tenfold_protocol::chat::{ChatChunk, ChatCompletion, ChatRequest};
use tenfold_protocol::completion::{Completion, CompletionRequest};
use tenfold_protocol::embedding::{EmbeddingRequest, EmbeddingResponse};

use crate::EngineError;

/// Parts of an answer as they come. Dropping it cancels the work within one decode step.
///
/// An error ends the stream. The stream ends after the chunk that carries the usage.
pub type ChunkStream<T> = BoxStream<'static, Result<T, EngineError>>;

/// An answer: whole, or as it comes, as the request's `stream` says.
pub enum Answer<Whole, Chunk> {
    /// The whole answer.
    Whole(Box<Whole>),
    /// The answer as it comes. The last chunk carries the usage, whether or not the client asked for it.
    Stream(ChunkStream<Chunk>),
}

impl<W: Debug, C> Debug for Answer<W, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(whole) => f.debug_tuple("Whole").field(whole).finish(),
            Self::Stream(_) => f.write_str("Stream(..)"),
        }
    }
}

/// What an engine may know of the call besides the request.
#[derive(Debug, Clone, Default)]
pub struct CallContext {
    /// The platform's request id, for the logs of both sides.
    pub request_id: Option<String>,
}

/// What an engine says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// The engine's name, such as `gguf`.
    pub engine: String,
    /// The version of model and engine: `system_fingerprint`.
    pub fingerprint: String,
    /// Tokens that one sequence may hold.
    #[serde(default)]
    pub context_length: Option<u64>,
    /// Sequences that run at once; further ones wait in the engine.
    #[serde(default)]
    pub max_concurrency: Option<u32>,
    /// Dimensions of its embeddings.
    #[serde(default)]
    pub embedding_length: Option<u32>,
    /// Adapters that are loaded, by name.
    #[serde(default)]
    pub adapters: Vec<String>,
}

/// A `LoRA` adapter to load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterSpec {
    /// The name under which requests ask for it, as `model`.
    pub name: String,
    /// A GGUF file on the engine's machine.
    pub path: String,
    /// How strongly it acts; 1 when not given.
    #[serde(default)]
    pub scale: Option<f32>,
}

/// What a replica can do.
///
/// `model` in a request is the name that the *engine* knows; the caller of this trait has mapped it.
#[async_trait]
pub trait Engine: Send + Sync + Debug {
    /// Says what it is, and thereby that it lives.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when it cannot serve now.
    async fn info(&self) -> Result<EngineInfo, EngineError>;

    /// Answers a conversation.
    ///
    /// # Errors
    /// [`EngineError`]; nothing was generated when it is returned rather than streamed.
    async fn chat(
        &self,
        context: &CallContext,
        request: ChatRequest,
    ) -> Result<Answer<ChatCompletion, ChatChunk>, EngineError>;

    /// Goes on with a text, or fills a gap in it.
    ///
    /// # Errors
    /// As [`Engine::chat`].
    async fn complete(
        &self,
        context: &CallContext,
        request: CompletionRequest,
    ) -> Result<Answer<Completion, Completion>, EngineError>;

    /// Embeds texts.
    ///
    /// # Errors
    /// As [`Engine::chat`].
    async fn embed(
        &self,
        context: &CallContext,
        request: EmbeddingRequest,
    ) -> Result<EmbeddingResponse, EngineError>;

    /// Counts the tokens of a conversation's prompt, template and tools included.
    ///
    /// # Errors
    /// As [`Engine::chat`]; [`EngineError::Unsupported`] where a replica cannot count.
    async fn count_tokens(&self, context: &CallContext, request: ChatRequest) -> Result<u64, EngineError>;

    /// Loads an adapter while serving. Loading one that is loaded under the same name replaces it.
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] where there are no adapters; [`EngineError::Rejected`] for a bad file.
    async fn load_adapter(&self, adapter: AdapterSpec) -> Result<(), EngineError>;

    /// Unloads an adapter. Answers under way with it end first.
    ///
    /// # Errors
    /// [`EngineError::Rejected`] when there is none of that name.
    async fn unload_adapter(&self, name: &str) -> Result<(), EngineError>;
}
