//! The engine: one method a route.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::{Method, Request};
use serde::Deserialize;
use tenfold_engine::{AdapterSpec, Answer, CallContext, Engine, EngineError, EngineInfo};
use tenfold_kernel::Clock;
use tenfold_protocol::chat::{ChatChunk, ChatCompletion, ChatRequest, StreamOptions};
use tenfold_protocol::completion::{Completion, CompletionRequest};
use tenfold_protocol::embedding::{EmbeddingRequest, EmbeddingResponse};
use url::Url;

use crate::client::Client;
use crate::config::{Address, Config};
use crate::error::UpstreamError;
use crate::events;

/// A worker's socket or a remote server, as an engine.
#[derive(Debug)]
pub struct UpstreamEngine {
    client: Client,
    chat: Url,
    complete: Url,
    embed: Url,
    models: Url,
    /// The routes that only our own workers have.
    worker: Option<WorkerRoutes>,
}

#[derive(Debug)]
struct WorkerRoutes {
    health: Url,
    tokenize: Url,
    adapters: Url,
}

impl UpstreamEngine {
    /// An engine that calls the upstream of `config`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`UpstreamError::Client`] where the address or the key cannot be used.
    pub fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, UpstreamError> {
        let (base, worker) = match &config.address {
            Address::Worker { .. } => {
                let root = parse("http://worker/")?;
                let worker = WorkerRoutes {
                    health: route(&root, "health")?,
                    tokenize: route(&root, "tokenize")?,
                    adapters: route(&root, "adapters")?,
                };
                (route(&root, "v1")?, Some(worker))
            }
            Address::Remote { base_url, .. } => (base_url.clone(), None),
        };
        Ok(Self {
            client: Client::new(config, clock)?,
            chat: route(&base, "chat/completions")?,
            complete: route(&base, "completions")?,
            embed: route(&base, "embeddings")?,
            models: route(&base, "models")?,
            worker,
        })
    }

    fn worker(&self, what: &'static str) -> Result<&WorkerRoutes, EngineError> {
        self.worker.as_ref().ok_or(EngineError::Unsupported { what })
    }
}

#[async_trait]
impl Engine for UpstreamEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        let deadline = self.client.deadline();
        let Some(worker) = &self.worker else {
            let request = Request::new(Method::GET, self.models.clone());
            return match self.client.send(request, deadline).await {
                // Not every server lists its models; that it answers is what was asked.
                Ok(_) | Err(EngineError::Rejected { .. }) => {
                    Ok(EngineInfo { engine: "upstream".to_owned(), ..EngineInfo::default() })
                }
                Err(error) => Err(error),
            };
        };
        let response = self.client.send(Request::new(Method::GET, worker.health.clone()), deadline).await?;
        self.client.whole(response, deadline).await
    }

    async fn chat(
        &self,
        context: &CallContext,
        mut request: ChatRequest,
    ) -> Result<Answer<ChatCompletion, ChatChunk>, EngineError> {
        let deadline = self.client.deadline();
        let is_stream = request.is_stream();
        ask_for_usage(is_stream, &mut request.stream_options);
        let response = self.client.post(&self.chat, context, &request, deadline).await?;
        if is_stream {
            return events::open(&self.client, response, deadline).await.map(Answer::Stream);
        }
        self.client.whole(response, deadline).await.map(|whole| Answer::Whole(Box::new(whole)))
    }

    async fn complete(
        &self,
        context: &CallContext,
        mut request: CompletionRequest,
    ) -> Result<Answer<Completion, Completion>, EngineError> {
        let deadline = self.client.deadline();
        let is_stream = request.is_stream();
        ask_for_usage(is_stream, &mut request.stream_options);
        let response = self.client.post(&self.complete, context, &request, deadline).await?;
        if is_stream {
            return events::open(&self.client, response, deadline).await.map(Answer::Stream);
        }
        self.client.whole(response, deadline).await.map(|whole| Answer::Whole(Box::new(whole)))
    }

    async fn embed(
        &self,
        context: &CallContext,
        request: EmbeddingRequest,
    ) -> Result<EmbeddingResponse, EngineError> {
        let deadline = self.client.deadline();
        let response = self.client.post(&self.embed, context, &request, deadline).await?;
        self.client.whole(response, deadline).await
    }

    async fn count_tokens(&self, context: &CallContext, request: ChatRequest) -> Result<u64, EngineError> {
        #[derive(Deserialize)]
        struct Count {
            n_tokens: u64,
        }
        let worker = self.worker("count tokens")?;
        let deadline = self.client.deadline();
        let response = self.client.post(&worker.tokenize, context, &request, deadline).await?;
        let count: Count = self.client.whole(response, deadline).await?;
        Ok(count.n_tokens)
    }

    async fn load_adapter(&self, adapter: AdapterSpec) -> Result<(), EngineError> {
        let worker = self.worker("load adapters")?;
        self.client.post(&worker.adapters, &CallContext::default(), &adapter, self.client.deadline()).await?;
        Ok(())
    }

    async fn unload_adapter(&self, name: &str) -> Result<(), EngineError> {
        let mut url = self.worker("load adapters")?.adapters.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(name);
        }
        self.client.send(Request::new(Method::DELETE, url), self.client.deadline()).await?;
        Ok(())
    }
}

/// Every call is metered, so every stream is to end with its usage, whatever the client asked for.
fn ask_for_usage(is_stream: bool, options: &mut Option<StreamOptions>) {
    if is_stream {
        options.get_or_insert_default().include_usage = Some(true);
    } else {
        *options = None;
    }
}

fn parse(url: &str) -> Result<Url, UpstreamError> {
    Url::parse(url).map_err(|source| UpstreamError::Client { source: source.into() })
}

/// `base` with `path` after it, whether or not it ends with a slash.
fn route(base: &Url, path: &str) -> Result<Url, UpstreamError> {
    if !matches!(base.scheme(), "http" | "https") {
        return Err(UpstreamError::Client { source: "an upstream is reached over http or https".into() });
    }
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    Ok(url)
}
