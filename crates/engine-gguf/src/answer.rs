//! From the events of the engine's thread to the chunks of an answer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures::StreamExt;
use reasoning_parser::{Qwen3Parser, ReasoningParser};
use serde_json::Value;
use tenfold_engine::{ChunkStream, EngineError};
use tenfold_kernel::{Rng, base62};
use tenfold_protocol::chat::{
    ChatChunk, ChatChunkChoice, ChatDelta, ChatLogprobs, FinishReason, FunctionCallDelta, TokenLogprob,
    ToolCallDelta, TopLogprob,
};
use tenfold_protocol::completion::{Completion, CompletionChoice, CompletionLogprobs};
use tenfold_protocol::messages::STOP_SEQUENCE;
use tenfold_protocol::usage::Usage;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::ffi::Token;
use crate::model::Model;
use crate::prompt::Thinking;
use crate::sampler::TokenChance;
use crate::slot::Event;
use crate::text::partial_suffix;
use crate::tools::{self, Format, Part, Splitter};

/// What all chunks of an answer share.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) model_name: String,
    pub(crate) model: Arc<Model>,
    pub(crate) rng: Arc<dyn Rng>,
    /// Answers for each prompt.
    pub(crate) n: u32,
    /// Tokens of all prompts.
    pub(crate) prompt_tokens: u64,
    /// Answers to wait for.
    pub(crate) choices: u32,
    pub(crate) chances: bool,
}

/// Makes chunks from events.
pub(crate) trait Assembler: Send + 'static {
    /// A chunk.
    type Chunk: Send + 'static;
    /// Takes an event; true when it was the last.
    fn take(&mut self, event: Event, out: &mut VecDeque<Result<Self::Chunk, EngineError>>) -> bool;
}

/// The chunks of an answer. Dropping it closes the channel, which frees the slots.
pub(crate) fn stream<A: Assembler>(events: UnboundedReceiver<Event>, assembler: A) -> ChunkStream<A::Chunk> {
    struct State<A: Assembler> {
        events: UnboundedReceiver<Event>,
        assembler: A,
        out: VecDeque<Result<A::Chunk, EngineError>>,
        done: bool,
    }
    let state = State { events, assembler, out: VecDeque::new(), done: false };
    futures::stream::unfold(state, |mut state| async move {
        loop {
            if let Some(chunk) = state.out.pop_front() {
                return Some((chunk, state));
            }
            if state.done {
                return None;
            }
            if let Some(event) = state.events.recv().await {
                state.done = state.assembler.take(event, &mut state.out);
            } else {
                state.done = true;
                state
                    .out
                    .push_back(Err(EngineError::Interrupted { source: "the engine's thread ended".into() }));
            }
        }
    })
    .boxed()
}

/// Counts that go into the usage.
#[derive(Debug, Default)]
struct Tally {
    cached: u64,
    generated: u64,
    reasoning: u64,
    ended: u32,
}

impl Tally {
    fn prompt(&mut self, frame: &Frame, choice: u32, cached: u32) {
        // Further answers to one prompt share the first one's memory, which is no cache to the client.
        if choice.is_multiple_of(frame.n) {
            self.cached += u64::from(cached);
        }
    }

    fn usage(&self, frame: &Frame) -> Usage {
        Usage::generation(frame.prompt_tokens, self.cached, self.generated, self.reasoning)
    }
}

/// Splits thinking from the answer; whole marks only reach the published parser.
struct Thoughts {
    parser: Qwen3Parser,
    held: String,
}

impl Thoughts {
    fn push(&mut self, text: &str) -> (String, String) {
        self.held.push_str(text);
        let keep = partial_suffix(&self.held, "<think>").max(partial_suffix(&self.held, "</think>"));
        let rest = self.held.split_off(self.held.len() - keep);
        let sure = std::mem::replace(&mut self.held, rest);
        if sure.is_empty() { (String::new(), String::new()) } else { self.parse(&sure) }
    }

    fn parse(&mut self, text: &str) -> (String, String) {
        match self.parser.parse_reasoning_streaming_incremental(text) {
            Ok(parsed) => (parsed.reasoning_text, parsed.normal_text),
            Err(_) => (String::new(), text.to_owned()),
        }
    }

    fn finish(&mut self) -> (String, String) {
        let held = std::mem::take(&mut self.held);
        let (mut thought, mut said) = if held.is_empty() { Default::default() } else { self.parse(&held) };
        if let Ok(rest) = self.parser.flush() {
            thought.push_str(&rest.reasoning_text);
            said.push_str(&rest.normal_text);
        }
        (thought, said)
    }
}

struct ChatChoiceState {
    thoughts: Option<Thoughts>,
    /// Nothing was said yet after thinking: blank lines there are not part of the answer.
    said: bool,
    splitter: Option<Splitter>,
    whole: Option<(Format, String)>,
    calls: u32,
}

/// Assembles a chat answer.
pub(crate) struct ChatAssembler {
    frame: Frame,
    tally: Tally,
    states: Vec<ChatChoiceState>,
}

impl ChatAssembler {
    pub(crate) fn new(frame: Frame, calls: Option<Format>, thinking: Thinking) -> Self {
        let states = (0..frame.choices)
            .map(|_| {
                let thoughts = (thinking != Thinking::Never).then(|| {
                    let mut parser = Qwen3Parser::new();
                    if thinking == Thinking::Begun {
                        parser.mark_reasoning_started();
                        parser.mark_think_start_stripped();
                    }
                    Thoughts { parser, held: String::new() }
                });
                ChatChoiceState {
                    said: thoughts.is_none(),
                    thoughts,
                    splitter: calls.filter(|format| format.is_marked()).map(|_| Splitter::new()),
                    whole: calls.filter(|format| !format.is_marked()).map(|format| (format, String::new())),
                    calls: 0,
                }
            })
            .collect();
        Self { frame, tally: Tally::default(), states }
    }

    fn chunk(&self, choices: Vec<ChatChunkChoice>, usage: Option<Usage>) -> ChatChunk {
        ChatChunk {
            id: self.frame.id.clone(),
            object: "chat.completion.chunk".to_owned(),
            created: self.frame.created,
            model: self.frame.model_name.clone(),
            choices,
            usage,
            service_tier: None,
            system_fingerprint: Some(self.frame.model.fingerprint.clone()),
        }
    }

    fn parts(&mut self, choice: u32, said: &str, last: bool) -> Vec<Part> {
        let Some(state) = self.states.get_mut(choice as usize) else { return Vec::new() };
        let said = if state.said { said } else { said.trim_start() };
        state.said |= !said.is_empty();
        let mut parts = Vec::new();
        if let Some(splitter) = &mut state.splitter {
            if !said.is_empty() {
                parts = splitter.push(said);
            }
            if last {
                parts.extend(splitter.finish());
            }
        } else if let Some((format, whole)) = &mut state.whole {
            whole.push_str(said);
            if last {
                parts = tools::parse_whole(*format, whole);
            }
        } else if !said.is_empty() {
            parts.push(Part::Content(said.to_owned()));
        }
        parts
    }

    fn deltas(&mut self, choice: u32, parts: Vec<Part>) -> Vec<ChatDelta> {
        let Some(state) = self.states.get_mut(choice as usize) else { return Vec::new() };
        parts
            .into_iter()
            .map(|part| match part {
                Part::Content(text) => ChatDelta { content: Some(text), ..ChatDelta::default() },
                Part::Call(name) => {
                    state.calls += 1;
                    let call = ToolCallDelta {
                        index: state.calls - 1,
                        id: Some(format!("call_{}", base62(self.frame.rng.as_ref(), 24))),
                        kind: Some("function".to_owned()),
                        function: Some(FunctionCallDelta {
                            name: Some(name),
                            arguments: Some(String::new()),
                        }),
                    };
                    ChatDelta { tool_calls: Some(vec![call]), ..ChatDelta::default() }
                }
                Part::Arguments(text) => {
                    let call = ToolCallDelta {
                        index: state.calls.saturating_sub(1),
                        function: Some(FunctionCallDelta { name: None, arguments: Some(text) }),
                        ..ToolCallDelta::default()
                    };
                    ChatDelta { tool_calls: Some(vec![call]), ..ChatDelta::default() }
                }
            })
            .collect()
    }
}

impl Assembler for ChatAssembler {
    type Chunk = ChatChunk;

    fn take(&mut self, event: Event, out: &mut VecDeque<Result<ChatChunk, EngineError>>) -> bool {
        match event {
            Event::Prompt { choice, cached, .. } => {
                self.tally.prompt(&self.frame, choice, cached);
                let delta = ChatDelta {
                    role: Some("assistant".to_owned()),
                    content: Some(String::new()),
                    ..ChatDelta::default()
                };
                out.push_back(Ok(self.chunk(vec![said_by(choice, delta)], None)));
                false
            }
            Event::Text { choice, text, n_tokens, chances } => {
                self.tally.generated += u64::from(n_tokens);
                let (mut thought, mut said) = (String::new(), text);
                let mut thinking = false;
                if let Some(thoughts) =
                    self.states.get_mut(choice as usize).and_then(|state| state.thoughts.as_mut())
                {
                    thinking = thoughts.parser.is_in_reasoning();
                    (thought, said) = thoughts.push(&said);
                    thinking |= !thought.is_empty() || thoughts.parser.is_in_reasoning();
                }
                if thinking {
                    self.tally.reasoning += u64::from(n_tokens);
                }
                let parts = self.parts(choice, &said, false);
                let mut deltas = self.deltas(choice, parts);
                if !thought.is_empty() {
                    deltas.insert(0, ChatDelta { reasoning_content: Some(thought), ..ChatDelta::default() });
                }
                let mut logprobs = (self.frame.chances && !thinking && !chances.is_empty()).then(|| {
                    ChatLogprobs { content: Some(logprobs(&self.frame.model, &chances)), refusal: None }
                });
                if deltas.is_empty() && logprobs.is_some() {
                    deltas.push(ChatDelta { content: Some(String::new()), ..ChatDelta::default() });
                }
                for delta in deltas {
                    let choice = ChatChunkChoice { logprobs: logprobs.take(), ..said_by(choice, delta) };
                    out.push_back(Ok(self.chunk(vec![choice], None)));
                }
                false
            }
            Event::End { choice, reason, stop } => {
                let (thought, said) = self
                    .states
                    .get_mut(choice as usize)
                    .and_then(|state| state.thoughts.as_mut())
                    .map(Thoughts::finish)
                    .unwrap_or_default();
                let parts = self.parts(choice, &said, true);
                let mut deltas = self.deltas(choice, parts);
                if !thought.is_empty() {
                    deltas.insert(0, ChatDelta { reasoning_content: Some(thought), ..ChatDelta::default() });
                }
                for delta in deltas {
                    out.push_back(Ok(self.chunk(vec![said_by(choice, delta)], None)));
                }
                let called = self.states.get(choice as usize).is_some_and(|state| state.calls > 0);
                let reason =
                    if called && reason == FinishReason::Stop { FinishReason::ToolCalls } else { reason };
                // The OpenAI API has no word for it; Anthropic's tells which stop text was met.
                let stop = stop.map(|stop| (STOP_SEQUENCE.to_owned(), Value::String(stop)));
                let delta = ChatDelta { extra: stop.into_iter().collect(), ..ChatDelta::default() };
                let last = ChatChunkChoice { finish_reason: Some(reason), ..said_by(choice, delta) };
                out.push_back(Ok(self.chunk(vec![last], None)));
                self.tally.ended += 1;
                let done = self.tally.ended == self.frame.choices;
                if done {
                    out.push_back(Ok(self.chunk(Vec::new(), Some(self.tally.usage(&self.frame)))));
                }
                done
            }
            Event::Failed(failure) => {
                out.push_back(Err(EngineError::Failed { source: Box::new(failure) }));
                true
            }
        }
    }
}

fn said_by(index: u32, delta: ChatDelta) -> ChatChunkChoice {
    ChatChunkChoice { index, delta, ..ChatChunkChoice::default() }
}

fn token_text(model: &Model, token: Token) -> String {
    let piece = model.piece(token);
    if piece.is_empty() {
        return String::from_utf8_lossy(&model.control_text(token)).into_owned();
    }
    String::from_utf8_lossy(piece).into_owned()
}

fn token_bytes(model: &Model, token: Token) -> Vec<u8> {
    let piece = model.piece(token);
    if piece.is_empty() { model.control_text(token) } else { piece.to_vec() }
}

fn logprobs(model: &Model, chances: &[TokenChance]) -> Vec<TokenLogprob> {
    chances
        .iter()
        .map(|chance| TokenLogprob {
            token: token_text(model, chance.token),
            logprob: finite(chance.logprob),
            bytes: Some(token_bytes(model, chance.token)),
            top_logprobs: chance
                .top
                .iter()
                .map(|(token, logprob)| TopLogprob {
                    token: token_text(model, *token),
                    logprob: finite(*logprob),
                    bytes: Some(token_bytes(model, *token)),
                })
                .collect(),
        })
        .collect()
}

/// JSON has no infinity; the API writes -9999 for what cannot come.
fn finite(logprob: f32) -> f32 {
    if logprob.is_finite() { logprob } else { -9999.0 }
}

/// Assembles a text completion.
pub(crate) struct CompletionAssembler {
    frame: Frame,
    tally: Tally,
    /// The prompts, where they are to be repeated.
    echo: Option<Vec<Vec<Token>>>,
    offsets: Vec<u32>,
}

impl CompletionAssembler {
    pub(crate) fn new(frame: Frame, echo: Option<Vec<Vec<Token>>>) -> Self {
        let offsets = vec![0; frame.choices as usize];
        Self { frame, tally: Tally::default(), echo, offsets }
    }

    fn chunk(&self, choices: Vec<CompletionChoice>, usage: Option<Usage>) -> Completion {
        Completion {
            id: self.frame.id.clone(),
            object: "text_completion".to_owned(),
            created: self.frame.created,
            model: self.frame.model_name.clone(),
            choices,
            usage,
            system_fingerprint: Some(self.frame.model.fingerprint.clone()),
        }
    }

    fn logprobs(
        &mut self,
        choice: u32,
        tokens: &[(Token, Option<&TokenChance>)],
    ) -> Option<CompletionLogprobs> {
        if !self.frame.chances || tokens.is_empty() {
            return None;
        }
        let offset = self.offsets.get_mut(choice as usize)?;
        let mut out = CompletionLogprobs::default();
        for (token, chance) in tokens {
            let text = token_text(&self.frame.model, *token);
            out.text_offset.push(*offset);
            *offset += u32::try_from(text.chars().count()).unwrap_or(0);
            out.tokens.push(text);
            out.token_logprobs.push(chance.map(|chance| finite(chance.logprob)));
            out.top_logprobs.push(chance.map(|chance| {
                let top = chance.top.iter();
                top.map(|(token, logprob)| (token_text(&self.frame.model, *token), finite(*logprob)))
                    .collect::<BTreeMap<_, _>>()
            }));
        }
        Some(out)
    }
}

impl Assembler for CompletionAssembler {
    type Chunk = Completion;

    fn take(&mut self, event: Event, out: &mut VecDeque<Result<Completion, EngineError>>) -> bool {
        match event {
            Event::Prompt { choice, cached, chances } => {
                self.tally.prompt(&self.frame, choice, cached);
                let prompt = self
                    .echo
                    .as_ref()
                    .and_then(|prompts| prompts.get((choice / self.frame.n) as usize))
                    .cloned();
                if let Some(prompt) = prompt {
                    let bytes: Vec<u8> =
                        prompt.iter().flat_map(|token| self.frame.model.piece(*token)).copied().collect();
                    let tokens: Vec<(Token, Option<&TokenChance>)> = prompt
                        .iter()
                        .copied()
                        .zip(std::iter::once(None).chain(chances.iter().map(Some)))
                        .collect();
                    let logprobs = self.logprobs(choice, &tokens);
                    let choice = CompletionChoice {
                        index: choice,
                        text: String::from_utf8_lossy(&bytes).into_owned(),
                        logprobs,
                        finish_reason: None,
                    };
                    out.push_back(Ok(self.chunk(vec![choice], None)));
                }
                false
            }
            Event::Text { choice, text, n_tokens, chances } => {
                self.tally.generated += u64::from(n_tokens);
                let tokens: Vec<_> = chances.iter().map(|chance| (chance.token, Some(chance))).collect();
                let logprobs = self.logprobs(choice, &tokens);
                if !text.is_empty() || logprobs.is_some() {
                    let choice = CompletionChoice { index: choice, text, logprobs, finish_reason: None };
                    out.push_back(Ok(self.chunk(vec![choice], None)));
                }
                false
            }
            Event::End { choice, reason, .. } => {
                let last = CompletionChoice {
                    index: choice,
                    text: String::new(),
                    logprobs: None,
                    finish_reason: Some(reason),
                };
                out.push_back(Ok(self.chunk(vec![last], None)));
                self.tally.ended += 1;
                let done = self.tally.ended == self.frame.choices;
                if done {
                    out.push_back(Ok(self.chunk(Vec::new(), Some(self.tally.usage(&self.frame)))));
                }
                done
            }
            Event::Failed(failure) => {
                out.push_back(Err(EngineError::Failed { source: Box::new(failure) }));
                true
            }
        }
    }
}
