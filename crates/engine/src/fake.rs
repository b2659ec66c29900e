//! An engine that says what it is told to: for the tests of whatever stands in front of engines.
//!
//! Its tokens are words. It counts them truthfully, honours `max_tokens`, `stop`, `n`, and refuses parameters
//! that it does not know, so that it passes the suite of [`crate::conformance`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tenfold_protocol::chat::{
    ChatChunk, ChatChunkChoice, ChatCompletion, ChatDelta, ChatLogprobs, ChatRequest, FinishReason,
    FunctionCallDelta, TokenLogprob, ToolCall, ToolCallDelta,
};
use tenfold_protocol::completion::{Completion, CompletionChoice, CompletionRequest};
use tenfold_protocol::content::{Content, OneOrMany};
use tenfold_protocol::embedding::{
    Embedding, EmbeddingRequest, EmbeddingResponse, EncodingFormat, Input, Vector,
};
use tenfold_protocol::usage::Usage;
use tokio::sync::Semaphore;

use crate::{
    AdapterSpec, Answer, CallContext, ChatCollector, ChunkStream, CompletionCollector, Engine, EngineError,
    EngineInfo,
};

/// What a [`FakeEngine`] answers with.
#[derive(Debug, Clone)]
pub struct Script {
    /// Thinking before the answer, a token each.
    pub thinking: Vec<String>,
    /// The answer, a token each; spaces included.
    pub tokens: Vec<String>,
    /// Calls that it asks for after the text.
    pub tool_calls: Vec<ToolCall>,
    /// How many of the prompt's tokens it claims to have found in a cache.
    pub cached_tokens: u64,
    /// When set, each chunk waits for a permit and keeps it: a test lets tokens out one by one.
    pub gate: Option<Arc<Semaphore>>,
    /// Where and how the answer fails.
    pub fault: Option<Fault>,
}

/// Where and how an answer fails.
#[derive(Debug, Clone)]
pub struct Fault {
    /// After so many chunks; 0 fails the call itself.
    pub after: usize,
    /// How.
    pub error: fn() -> EngineError,
}

impl Default for Script {
    fn default() -> Self {
        Self::says("one two three four five six seven eight nine ten eleven twelve")
    }
}

impl Script {
    /// Answers with `text`, a word a token.
    pub fn says(text: &str) -> Self {
        Self {
            thinking: Vec::new(),
            tokens: text.split_inclusive(' ').map(str::to_owned).collect(),
            tool_calls: Vec::new(),
            cached_tokens: 0,
            gate: None,
            fault: None,
        }
    }
}

/// An engine that says what it is told to.
#[derive(Debug)]
pub struct FakeEngine {
    info: EngineInfo,
    script: Mutex<Script>,
    adapters: Mutex<BTreeSet<String>>,
    running: Arc<AtomicUsize>,
    calls: AtomicUsize,
}

impl FakeEngine {
    /// An engine that follows `script` in every call.
    pub fn new(script: Script) -> Self {
        Self {
            info: EngineInfo {
                engine: "fake".to_owned(),
                fingerprint: "fake-1".to_owned(),
                context_length: Some(4096),
                max_concurrency: Some(4),
                embedding_length: u32::try_from(DIMENSIONS).ok(),
                adapters: Vec::new(),
            },
            script: Mutex::new(script),
            adapters: Mutex::new(BTreeSet::new()),
            running: Arc::new(AtomicUsize::new(0)),
            calls: AtomicUsize::new(0),
        }
    }

    /// Follows another script from the next call on.
    pub fn follow(&self, script: Script) {
        *self.script.lock() = script;
    }

    /// Answers that are under way: neither ended nor dropped.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    /// Generations that were asked for so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Acquire)
    }

    fn begin(&self) -> Result<(Script, Running), EngineError> {
        self.calls.fetch_add(1, Ordering::AcqRel);
        let script = self.script.lock().clone();
        match &script.fault {
            Some(fault) if fault.after == 0 => Err((fault.error)()),
            _ => Ok((script, Running::new(&self.running))),
        }
    }
}

impl Default for FakeEngine {
    fn default() -> Self {
        Self::new(Script::default())
    }
}

/// Counts as running until it is dropped.
#[derive(Debug)]
struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

const DIMENSIONS: usize = 8;

#[async_trait]
impl Engine for FakeEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        Ok(EngineInfo { adapters: self.adapters.lock().iter().cloned().collect(), ..self.info.clone() })
    }

    async fn chat(
        &self,
        _context: &CallContext,
        request: ChatRequest,
    ) -> Result<Answer<ChatCompletion, ChatChunk>, EngineError> {
        refuse_unknown(&request.extra)?;
        let is_stream = request.is_stream();
        let (script, running) = self.begin()?;
        let chunks = play(chat_chunks(&script, &request, &self.info), &script, running);
        if is_stream {
            return Ok(Answer::Stream(chunks));
        }
        let mut collector = ChatCollector::new();
        let mut chunks = chunks;
        while let Some(chunk) = chunks.next().await {
            collector.push(&chunk?);
        }
        collector.finish().map(|whole| Answer::Whole(Box::new(whole))).ok_or_else(nothing_said)
    }

    async fn complete(
        &self,
        _context: &CallContext,
        request: CompletionRequest,
    ) -> Result<Answer<Completion, Completion>, EngineError> {
        refuse_unknown(&request.extra)?;
        let is_stream = request.is_stream();
        let (script, running) = self.begin()?;
        let mut chunks = play(completion_chunks(&script, &request, &self.info), &script, running);
        if is_stream {
            return Ok(Answer::Stream(chunks));
        }
        let mut collector = CompletionCollector::new();
        while let Some(chunk) = chunks.next().await {
            collector.push(&chunk?);
        }
        collector.finish().map(|whole| Answer::Whole(Box::new(whole))).ok_or_else(nothing_said)
    }

    async fn embed(
        &self,
        _context: &CallContext,
        request: EmbeddingRequest,
    ) -> Result<EmbeddingResponse, EngineError> {
        refuse_unknown(&request.extra)?;
        if request.encoding_format == Some(EncodingFormat::Base64) {
            return Err(EngineError::rejected("encoding_format", "this engine writes floats only"));
        }
        let (_script, _running) = self.begin()?;
        let texts = texts_of(&request.input);
        let n_tokens = texts.iter().map(|text| count(text)).sum();
        Ok(EmbeddingResponse {
            object: "list".to_owned(),
            data: (0..).zip(&texts).map(|(index, text)| embedding(index, text)).collect(),
            model: request.model,
            usage: Some(Usage { prompt_tokens: n_tokens, total_tokens: n_tokens, ..Usage::default() }),
        })
    }

    async fn count_tokens(&self, _context: &CallContext, request: ChatRequest) -> Result<u64, EngineError> {
        refuse_unknown(&request.extra)?;
        Ok(prompt_tokens(&request))
    }

    async fn load_adapter(&self, adapter: AdapterSpec) -> Result<(), EngineError> {
        if std::path::Path::new(&adapter.path).extension().is_none_or(|kind| kind != "gguf") {
            return Err(EngineError::rejected("path", "an adapter is a GGUF file"));
        }
        self.adapters.lock().insert(adapter.name);
        Ok(())
    }

    async fn unload_adapter(&self, name: &str) -> Result<(), EngineError> {
        if self.adapters.lock().remove(name) {
            Ok(())
        } else {
            Err(EngineError::rejected("name", format!("there is no adapter `{name}`")))
        }
    }
}

fn refuse_unknown(extra: &Map<String, Value>) -> Result<(), EngineError> {
    extra.keys().next().map_or(Ok(()), |name| Err(EngineError::unknown_parameter(name)))
}

fn nothing_said() -> EngineError {
    EngineError::Failed { source: "the script says nothing".into() }
}

/// Lets the chunks out as the script's gate and fault say. `running` lives as long as the stream.
fn play<T: Send + 'static>(chunks: Vec<T>, script: &Script, running: Running) -> ChunkStream<T> {
    let mut items: Vec<Result<T, EngineError>> = chunks.into_iter().map(Ok).collect();
    if let Some(fault) = &script.fault {
        items.truncate(fault.after);
        items.push(Err((fault.error)()));
    }
    let gate = script.gate.clone();
    futures::stream::iter(items)
        .then(move |item| {
            let _ = &running;
            let gate = gate.clone();
            async move {
                if let Some(gate) = gate {
                    // A closed gate lets everything out.
                    if let Ok(permit) = gate.acquire().await {
                        permit.forget();
                    }
                }
                item
            }
        })
        .boxed()
}

/// What of the script's tokens is said under the request's limits, and why it ends.
fn said(
    script: &Script,
    limit: Option<u32>,
    stop: Option<&OneOrMany<String>>,
) -> (Vec<String>, FinishReason, usize) {
    let limit = limit.map_or(usize::MAX, |limit| limit as usize);
    let mut tokens = Vec::new();
    let mut text = String::new();
    for (made, token) in script.tokens.iter().enumerate() {
        if script.thinking.len() + made >= limit {
            return (tokens, FinishReason::Length, made);
        }
        text.push_str(token);
        tokens.push(token.clone());
        let found =
            stop.iter().flat_map(|stop| stop.as_slice()).filter_map(|stop| text.find(stop.as_str())).min();
        if let Some(end) = found {
            text.truncate(end);
            return (vec![text], FinishReason::Stop, made + 1);
        }
    }
    let reason = if script.tool_calls.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
    (tokens, reason, script.tokens.len())
}

fn chat_chunks(script: &Script, request: &ChatRequest, info: &EngineInfo) -> Vec<ChatChunk> {
    let chunk = |choices, usage| ChatChunk {
        id: "chatcmpl-fake".to_owned(),
        object: "chat.completion.chunk".to_owned(),
        created: 1_700_000_000,
        model: request.model.clone(),
        choices,
        usage,
        service_tier: None,
        system_fingerprint: Some(info.fingerprint.clone()),
    };
    let (tokens, finish_reason, made) = said(script, request.max_output_tokens(), request.stop.as_ref());
    let with_logprobs = request.logprobs == Some(true);
    let n = request.n.unwrap_or(1);
    let mut chunks = Vec::new();
    for index in 0..n {
        let mut push = |delta, logprobs, finish_reason| {
            chunks.push(chunk(vec![ChatChunkChoice { index, delta, logprobs, finish_reason }], None));
        };
        push(ChatDelta { role: Some("assistant".to_owned()), ..ChatDelta::default() }, None, None);
        for token in &script.thinking {
            push(ChatDelta { reasoning_content: Some(token.clone()), ..ChatDelta::default() }, None, None);
        }
        for token in &tokens {
            let logprobs =
                with_logprobs.then(|| ChatLogprobs { content: Some(vec![logprob(token)]), refusal: None });
            push(ChatDelta { content: Some(token.clone()), ..ChatDelta::default() }, logprobs, None);
        }
        if finish_reason == FinishReason::ToolCalls {
            let calls = (0..).zip(&script.tool_calls).map(|(index, call)| call_delta(index, call)).collect();
            push(ChatDelta { tool_calls: Some(calls), ..ChatDelta::default() }, None, None);
        }
        push(ChatDelta::default(), None, Some(finish_reason));
    }
    let thinking = script.thinking.len() as u64;
    let usage = Usage::generation(
        prompt_tokens(request),
        script.cached_tokens,
        (thinking + made as u64) * u64::from(n),
        thinking * u64::from(n),
    );
    chunks.push(chunk(Vec::new(), Some(usage)));
    chunks
}

fn completion_chunks(script: &Script, request: &CompletionRequest, info: &EngineInfo) -> Vec<Completion> {
    let chunk = |choices, usage| Completion {
        id: "cmpl-fake".to_owned(),
        object: "text_completion".to_owned(),
        created: 1_700_000_000,
        model: request.model.clone(),
        choices,
        usage,
        system_fingerprint: Some(info.fingerprint.clone()),
    };
    let (tokens, finish_reason, made) =
        said(script, Some(request.max_tokens.unwrap_or(16)), request.stop.as_ref());
    let n = request.n.unwrap_or(1);
    let mut chunks = Vec::new();
    for index in 0..n {
        for text in &tokens {
            chunks.push(chunk(
                vec![CompletionChoice { index, text: text.clone(), ..Default::default() }],
                None,
            ));
        }
        let last = CompletionChoice { index, finish_reason: Some(finish_reason), ..Default::default() };
        chunks.push(chunk(vec![last], None));
    }
    let prompt = texts_of(&request.prompt).iter().map(|text| count(text)).sum();
    let usage = Usage::generation(prompt, script.cached_tokens, made as u64 * u64::from(n), 0);
    chunks.push(chunk(Vec::new(), Some(usage)));
    chunks
}

fn call_delta(index: u32, call: &ToolCall) -> ToolCallDelta {
    ToolCallDelta {
        index,
        id: Some(call.id.clone()),
        kind: Some(call.kind.clone()),
        function: Some(FunctionCallDelta {
            name: Some(call.function.name.clone()),
            arguments: Some(call.function.arguments.clone()),
        }),
    }
}

fn logprob(token: &str) -> TokenLogprob {
    TokenLogprob {
        token: token.to_owned(),
        logprob: -0.25,
        bytes: Some(token.as_bytes().to_vec()),
        top_logprobs: Vec::new(),
    }
}

fn count(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// The words of all messages, and one token for each message's frame.
fn prompt_tokens(request: &ChatRequest) -> u64 {
    let words = |content: &Content| content.as_text().map_or(0, |text| count(&text));
    request.messages.iter().map(|message| 1 + message.content.as_ref().map_or(0, words)).sum()
}

fn texts_of(input: &Input) -> Vec<String> {
    let join = |tokens: &Vec<u32>| tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    match input {
        Input::Text(text) => vec![text.clone()],
        Input::Texts(texts) => texts.clone(),
        Input::Tokens(tokens) => vec![join(tokens)],
        Input::TokenLists(lists) => lists.iter().map(join).collect(),
    }
}

/// A unit vector that depends on the text's bytes alone.
fn embedding(index: u32, text: &str) -> Embedding {
    let mut vector = vec![1.0_f32; DIMENSIONS];
    for (at, byte) in text.bytes().enumerate() {
        vector[(at + usize::from(byte)) % DIMENSIONS] += f32::from(byte);
    }
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    for x in &mut vector {
        *x /= norm;
    }
    Embedding { object: "embedding".to_owned(), index, embedding: Vector::Float(vector) }
}
