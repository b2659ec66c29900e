//! The engine, as the platform sees it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use futures::StreamExt;
use parking_lot::{Mutex, RwLock};
use tenfold_engine::{
    AdapterSpec, Answer, CallContext, ChatCollector, ChunkStream, CompletionCollector, Engine, EngineError,
    EngineInfo,
};
use tenfold_kernel::{Clock, Rng, base62};
use tenfold_protocol::chat::{ChatChunk, ChatCompletion, ChatRequest};
use tenfold_protocol::completion::{Completion, CompletionRequest};
use tenfold_protocol::embedding::{
    Embedding, EmbeddingRequest, EmbeddingResponse, EncodingFormat, Input, Vector,
};
use tenfold_protocol::usage::Usage;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;

use crate::adapter::AdapterError;
use crate::answer::{self, ChatAssembler, CompletionAssembler, Frame};
use crate::config::GgufConfig;
use crate::embed::EmbedTask;
use crate::error::GgufLoadError;
use crate::ffi::{Context, Shape, Token};
use crate::grammar::Guide;
use crate::model::Model;
use crate::prompt;
use crate::request::{self, SamplingFields};
use crate::sampler::Sampling;
use crate::scheduler::{Command, Limits, Place, Scheduler};
use crate::slot::{Event, Task};

/// Inputs of one embedding request at most, as in the OpenAI API.
const MOST_INPUTS: usize = 2048;
/// Prompts of one completion request at most.
const MOST_PROMPTS: usize = 128;

/// A model in a GGUF file, run by llama.cpp on one thread of its own.
///
/// Dropping it ends the answers under way and waits for the thread.
#[derive(Debug)]
pub struct GgufEngine {
    model: Arc<Model>,
    commands: Mutex<Option<Sender<Command>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    waiting: Arc<AtomicUsize>,
    queue: usize,
    slots: u32,
    adapters: RwLock<BTreeMap<String, Arc<str>>>,
    generation: AtomicU64,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

impl GgufEngine {
    /// Loads a model. Takes seconds for a large file: call it where blocking is allowed.
    ///
    /// # Errors
    /// [`GgufLoadError`].
    #[expect(clippy::needless_pass_by_value, reason = "the settings belong to the engine from here on")]
    pub fn load(config: GgufConfig, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Result<Self, GgufLoadError> {
        let check = |fits: bool, setting, rule| {
            if fits { Ok(()) } else { Err(GgufLoadError::Setting { setting, rule }) }
        };
        check((1..=256).contains(&config.slots), "slots", "between 1 and 256")?;
        check((1..=8192).contains(&config.prefill_tokens), "prefill_tokens", "between 1 and 8192")?;
        check(
            (1..=8192).contains(&config.prefill_tokens_beside),
            "prefill_tokens_beside",
            "between 1 and 8192",
        )?;
        check((64..=8192).contains(&config.at_once), "at_once", "between 64 and 8192")?;
        check(config.poll <= 100, "poll", "between 0 and 100")?;
        let model = Arc::new(Model::load(&config)?);
        let cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
        let shape = Shape {
            n_cells: model.context_length.next_multiple_of(256).saturating_mul(config.slots),
            // The library computes one token at least of each sequence at once.
            n_batch: config.at_once.max(config.slots),
            n_ubatch: config.at_once.max(config.slots),
            n_sequences: config.slots,
            n_outputs: config.slots,
            threads: config.threads.unwrap_or(cores).clamp(1, 512),
            poll: config.poll,
            flash_attention: config.flash_attention,
            embeddings: false,
            mean_pooling: false,
        };
        let context =
            Context::new(&model.llama, &shape).ok_or(GgufLoadError::Context { n_cells: shape.n_cells })?;
        let limits = Limits {
            prefill: config.prefill_tokens as usize,
            prefill_beside: config.prefill_tokens_beside as usize,
            at_once: (config.at_once as usize).min(model.context_length as usize),
            context_length: model.context_length as usize,
            shape,
        };
        let (commands, receiver) = mpsc::channel();
        let scheduler = Scheduler::new(Arc::clone(&model), context, receiver, limits, Arc::clone(&clock));
        let thread = std::thread::Builder::new()
            .name("tenfold-gguf".to_owned())
            .spawn(move || scheduler.run())
            .map_err(|source| GgufLoadError::Thread { source })?;
        Ok(Self {
            model,
            commands: Mutex::new(Some(commands)),
            thread: Mutex::new(Some(thread)),
            waiting: Arc::new(AtomicUsize::new(0)),
            queue: config.queue,
            slots: config.slots,
            adapters: RwLock::new(BTreeMap::new()),
            generation: AtomicU64::new(0),
            clock,
            rng,
        })
    }

    fn send(&self, command: Command) -> Result<(), EngineError> {
        let gone = || EngineError::Unavailable { source: "the engine's thread ended".into() };
        self.commands.lock().as_ref().ok_or_else(gone)?.send(command).map_err(|_| gone())
    }

    fn place(&self) -> Result<Place, EngineError> {
        Place::take(&self.waiting, self.queue)
            .ok_or(EngineError::Overloaded { retry_after: Some(Duration::from_secs(1)) })
    }

    /// The adapter that a request's `model` names, if any.
    fn adapter(&self, name: &str) -> Result<Option<Arc<str>>, EngineError> {
        if let Some(key) = self.adapters.read().get(name) {
            return Ok(Some(Arc::clone(key)));
        }
        if name == self.model.name {
            return Ok(None);
        }
        Err(EngineError::Rejected {
            message: format!("there is no model or adapter `{name}` here"),
            param: Some("model".to_owned()),
            code: Some("model_not_found".to_owned()),
        })
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.rng.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn frame(&self, prefix: &str, model_name: &str) -> Frame {
        Frame {
            id: format!("{prefix}{}", base62(self.rng.as_ref(), 24)),
            created: self.clock.now().secs(),
            model_name: model_name.to_owned(),
            model: Arc::clone(&self.model),
            rng: Arc::clone(&self.rng),
            n: 1,
            prompt_tokens: 0,
            choices: 1,
            chances: false,
        }
    }

    async fn prepare<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Model) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let model = Arc::clone(&self.model);
        // Tokenising a long text or compiling a grammar takes milliseconds, which other calls must not wait for.
        tokio::task::spawn_blocking(move || work(&model))
            .await
            .map_err(|source| EngineError::Failed { source: Box::new(source) })?
    }

    async fn chat_stream(&self, request: ChatRequest) -> Result<ChunkStream<ChatChunk>, EngineError> {
        let adapter = self.adapter(&request.model)?;
        let place = self.place()?;
        let random = self.random();
        let seconds = self.clock.now().secs();
        let (request, prompt, sampling, stops, n) = self
            .prepare(move |model| {
                let sampling = request::sampling(
                    model,
                    &SamplingFields {
                        temperature: request.temperature,
                        top_p: request.top_p,
                        top_k: request.top_k,
                        min_p: request.min_p,
                        seed: request.seed,
                        logit_bias: request.logit_bias.as_ref(),
                        frequency_penalty: request.frequency_penalty,
                        presence_penalty: request.presence_penalty,
                    },
                    random,
                )?;
                let n = request::choices(request.n)?;
                let stops = request::stops(request.stop.as_ref())?;
                let prompt = prompt::chat(model, &request, seconds, true)?;
                Ok((request, prompt, sampling, stops, n))
            })
            .await?;
        let chances = (request.logprobs == Some(true)).then(|| request.top_logprobs.unwrap_or(0) as usize);
        let frame = Frame {
            n,
            choices: n,
            prompt_tokens: prompt.tokens.len() as u64,
            chances: chances.is_some(),
            ..self.frame("chatcmpl-", &request.model)
        };
        let (events, receiver) = unbounded_channel();
        let tokens: Arc<[Token]> = prompt.tokens.into();
        let tasks = (0..n)
            .map(|choice| Task {
                choice,
                prompt: Arc::clone(&tokens),
                adapter: adapter.clone(),
                sampling: of_choice(&sampling, choice),
                max_tokens: request.max_output_tokens().unwrap_or(u32::MAX),
                stops: Arc::clone(&stops),
                guide: prompt.guide.another(),
                chances,
                prompt_chances: false,
                events: events.clone(),
            })
            .collect();
        self.send(Command::Generate { tasks, place })?;
        Ok(answer::stream(receiver, ChatAssembler::new(frame, prompt.calls, prompt.thinking)))
    }

    async fn completion_stream(
        &self,
        request: CompletionRequest,
    ) -> Result<ChunkStream<Completion>, EngineError> {
        let adapter = self.adapter(&request.model)?;
        let place = self.place()?;
        let random = self.random();
        let (request, prompts, sampling, stops, n) = self
            .prepare(move |model| {
                request::completion(&request)?;
                let sampling = request::sampling(
                    model,
                    &SamplingFields {
                        temperature: request.temperature,
                        top_p: request.top_p,
                        top_k: request.top_k,
                        min_p: request.min_p,
                        seed: request.seed,
                        logit_bias: request.logit_bias.as_ref(),
                        frequency_penalty: request.frequency_penalty,
                        presence_penalty: request.presence_penalty,
                    },
                    random,
                )?;
                let n = request::choices(request.n)?;
                let stops = request::stops(request.stop.as_ref())?;
                let prompts = prompts(model, &request)?;
                Ok((request, prompts, sampling, stops, n))
            })
            .await?;
        let chances = request.logprobs.map(|count| count as usize);
        let echo = request.echo.unwrap_or(false);
        let choices = n * u32::try_from(prompts.len()).unwrap_or(1);
        let frame = Frame {
            n,
            choices,
            prompt_tokens: prompts.iter().map(|prompt| prompt.len() as u64).sum(),
            chances: chances.is_some(),
            ..self.frame("cmpl-", &request.model)
        };
        let (events, receiver) = unbounded_channel::<Event>();
        let mut tasks = Vec::new();
        for prompt in &prompts {
            let tokens: Arc<[Token]> = prompt.as_slice().into();
            for _ in 0..n {
                let choice = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
                tasks.push(Task {
                    choice,
                    prompt: Arc::clone(&tokens),
                    adapter: adapter.clone(),
                    sampling: of_choice(&sampling, choice),
                    max_tokens: request.max_tokens.unwrap_or(16),
                    stops: Arc::clone(&stops),
                    guide: Guide::Free,
                    chances,
                    prompt_chances: echo && chances.is_some(),
                    events: events.clone(),
                });
            }
        }
        self.send(Command::Generate { tasks, place })?;
        Ok(answer::stream(receiver, CompletionAssembler::new(frame, echo.then_some(prompts))))
    }
}

/// Answers to one request differ by their seeds, repeatably.
fn of_choice(sampling: &Sampling, choice: u32) -> Sampling {
    let seed = sampling.seed ^ u64::from(choice).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    Sampling { seed, ..sampling.clone() }
}

/// The tokens of an input.
fn input(model: &Model, input: &Input, param: &str, most: usize) -> Result<Vec<Vec<Token>>, EngineError> {
    let limit = u64::from(model.context_length);
    let count = match input {
        Input::Text(_) | Input::Tokens(_) => 1,
        Input::Texts(texts) => texts.len(),
        Input::TokenLists(lists) => lists.len(),
    };
    if !(1..=most).contains(&count) {
        return Err(EngineError::rejected(
            param,
            format!("`{param}` must have between 1 and {most} entries"),
        ));
    }
    let text = |text: &String| {
        let fewest = model.fewest_tokens(text);
        if fewest > limit {
            return Err(EngineError::context_length_exceeded(param, limit, fewest));
        }
        Ok(model.tokenize_plain(text, true))
    };
    let tokens = |tokens: &Vec<u32>| match tokens.iter().find(|token| **token as usize >= model.n_vocab()) {
        Some(token) => Err(EngineError::rejected(
            param,
            format!("`{param}` has {token}, which is no token of this model"),
        )),
        None => Ok(tokens.clone()),
    };
    match input {
        Input::Text(one) => Ok(vec![text(one)?]),
        Input::Texts(many) => many.iter().map(text).collect(),
        Input::Tokens(one) => Ok(vec![tokens(one)?]),
        Input::TokenLists(many) => many.iter().map(tokens).collect(),
    }
}

/// The prompts of a completion request, gaps marked.
fn prompts(model: &Model, request: &CompletionRequest) -> Result<Vec<Vec<Token>>, EngineError> {
    let mut prompts = input(model, &request.prompt, "prompt", MOST_PROMPTS)?;
    if let Some(suffix) = request.suffix.as_ref().filter(|suffix| !suffix.is_empty()) {
        let Some(fill) = model.fill else {
            return Err(EngineError::rejected(
                "suffix",
                "this model cannot fill a gap: `suffix` is not supported",
            ));
        };
        let suffix = model.tokenize_plain(suffix, false);
        for prompt in &mut prompts {
            let middle = [&[fill.suffix][..], &suffix, &[fill.middle]].concat();
            prompt.insert(0, fill.prefix);
            prompt.extend(middle);
        }
    }
    let limit = u64::from(model.context_length);
    for prompt in &mut prompts {
        if prompt.is_empty() {
            // There is nothing to go on with but the beginning itself.
            match model.begin_token() {
                Some(begin) => prompt.push(begin),
                None => return Err(EngineError::rejected("prompt", "`prompt` must not be empty")),
            }
        }
        if prompt.len() as u64 >= limit {
            return Err(EngineError::context_length_exceeded("prompt", limit, prompt.len() as u64));
        }
    }
    Ok(prompts)
}

#[async_trait]
impl Engine for GgufEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        if self.thread.lock().as_ref().is_none_or(JoinHandle::is_finished) {
            return Err(EngineError::Unavailable { source: "the engine's thread ended".into() });
        }
        Ok(EngineInfo {
            engine: "gguf".to_owned(),
            fingerprint: self.model.fingerprint.clone(),
            context_length: Some(u64::from(self.model.context_length)),
            max_concurrency: Some(self.slots),
            embedding_length: Some(self.model.embedding_length),
            adapters: self.adapters.read().keys().cloned().collect(),
        })
    }

    async fn chat(
        &self,
        _context: &CallContext,
        request: ChatRequest,
    ) -> Result<Answer<ChatCompletion, ChatChunk>, EngineError> {
        let is_stream = request.is_stream();
        let mut stream = self.chat_stream(request).await?;
        if is_stream {
            return Ok(Answer::Stream(stream));
        }
        let mut collector = ChatCollector::new();
        while let Some(chunk) = stream.next().await {
            collector.push(&chunk?);
        }
        let whole =
            collector.finish().ok_or_else(|| EngineError::Failed { source: "no chunk came".into() })?;
        Ok(Answer::Whole(Box::new(whole)))
    }

    async fn complete(
        &self,
        _context: &CallContext,
        request: CompletionRequest,
    ) -> Result<Answer<Completion, Completion>, EngineError> {
        let is_stream = request.is_stream();
        let mut stream = self.completion_stream(request).await?;
        if is_stream {
            return Ok(Answer::Stream(stream));
        }
        let mut collector = CompletionCollector::new();
        while let Some(chunk) = stream.next().await {
            collector.push(&chunk?);
        }
        let whole =
            collector.finish().ok_or_else(|| EngineError::Failed { source: "no chunk came".into() })?;
        Ok(Answer::Whole(Box::new(whole)))
    }

    async fn embed(
        &self,
        _context: &CallContext,
        request: EmbeddingRequest,
    ) -> Result<EmbeddingResponse, EngineError> {
        if self.adapter(&request.model)?.is_some() {
            return Err(EngineError::Unsupported { what: "make embeddings with an adapter" });
        }
        request::embedding(&request)?;
        let place = self.place()?;
        let (request, inputs) = self
            .prepare(move |model| {
                let inputs = input(model, &request.input, "input", MOST_INPUTS)?;
                let limit = u64::from(model.context_length);
                for tokens in &inputs {
                    if tokens.is_empty() {
                        return Err(EngineError::rejected("input", "`input` must not be empty"));
                    }
                    if tokens.len() as u64 > limit {
                        return Err(EngineError::context_length_exceeded(
                            "input",
                            limit,
                            tokens.len() as u64,
                        ));
                    }
                }
                Ok((request, inputs))
            })
            .await?;
        let n_tokens = inputs.iter().map(|tokens| tokens.len() as u64).sum();
        let (done, receiver) = oneshot::channel();
        self.send(Command::Embed(EmbedTask { inputs, vectors: Vec::new(), done, place }))?;
        let vectors = receiver
            .await
            .map_err(|source| EngineError::Failed { source: Box::new(source) })?
            .map_err(|source| EngineError::Failed { source: Box::new(source) })?;
        let format = request.encoding_format.unwrap_or_default();
        let data = (0..)
            .zip(vectors)
            .map(|(index, vector)| Embedding {
                object: "embedding".to_owned(),
                index,
                embedding: match format {
                    EncodingFormat::Float => Vector::Float(vector),
                    EncodingFormat::Base64 => {
                        let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                        Vector::Base64(base64::engine::general_purpose::STANDARD.encode(bytes))
                    }
                },
            })
            .collect();
        let usage = Usage { prompt_tokens: n_tokens, total_tokens: n_tokens, ..Usage::default() };
        Ok(EmbeddingResponse { object: "list".to_owned(), data, model: request.model, usage: Some(usage) })
    }

    async fn count_tokens(&self, _context: &CallContext, request: ChatRequest) -> Result<u64, EngineError> {
        self.adapter(&request.model)?;
        let seconds = self.clock.now().secs();
        self.prepare(move |model| Ok(prompt::chat(model, &request, seconds, false)?.tokens.len() as u64))
            .await
    }

    async fn load_adapter(&self, adapter: AdapterSpec) -> Result<(), EngineError> {
        if adapter.name.is_empty() || adapter.name == self.model.name {
            return Err(EngineError::rejected("name", "an adapter needs a name other than the model's"));
        }
        let scale = adapter.scale.unwrap_or(1.0);
        if !scale.is_finite() {
            return Err(EngineError::rejected("scale", "`scale` must be a number"));
        }
        let generation = self.generation.fetch_add(1, Ordering::Relaxed);
        let key: Arc<str> = format!("{}\u{0}{generation}", adapter.name).into();
        let (done, receiver) = oneshot::channel();
        self.send(Command::Load { name: Arc::clone(&key), path: PathBuf::from(&adapter.path), scale, done })?;
        adapter_result(receiver.await, "path")?;
        // Answers under way with the adapter that it replaces end with that one.
        let old = self.adapters.write().insert(adapter.name, key);
        if let Some(name) = old {
            self.send(Command::Unload { name, done: oneshot::channel().0 })?;
        }
        Ok(())
    }

    async fn unload_adapter(&self, name: &str) -> Result<(), EngineError> {
        let key = self.adapters.write().remove(name);
        let Some(key) = key else {
            return Err(EngineError::rejected("name", format!("there is no adapter `{name}`")));
        };
        let (done, receiver) = oneshot::channel();
        self.send(Command::Unload { name: key, done })?;
        adapter_result(receiver.await, "name")
    }
}

fn adapter_result(
    result: Result<Result<(), AdapterError>, oneshot::error::RecvError>,
    param: &str,
) -> Result<(), EngineError> {
    result
        .map_err(|source| EngineError::Unavailable { source: Box::new(source) })?
        .map_err(|error| EngineError::rejected(param, error.to_string()))
}

impl Drop for GgufEngine {
    fn drop(&mut self) {
        drop(self.commands.lock().take());
        if let Some(thread) = self.thread.lock().take() {
            // It ends after the step that it is in. Waiting keeps native memory alive for as long as it is used.
            let _ = thread.join();
        }
    }
}
