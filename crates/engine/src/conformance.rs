//! What any [`Engine`] must do, as functions that panic where it does not.
//!
//! [`run`] runs all that an engine's [`Abilities`] call for. Each function can also be called alone, so that
//! a slow engine's tests may share one model and still report one failure each.

#![expect(clippy::expect_used, clippy::panic, reason = "a suite of tests reports by panicking")]

use std::time::Duration;

use futures::StreamExt;
use tenfold_protocol::chat::{
    ChatChunk, ChatCompletion, ChatMessage, ChatRequest, FinishReason, MessageRole,
};
use tenfold_protocol::completion::{Completion, CompletionRequest};
use tenfold_protocol::content::OneOrMany;
use tenfold_protocol::embedding::{EmbeddingRequest, Input, Vector};
use tenfold_protocol::usage::Usage;

use crate::{AdapterSpec, Answer, CallContext, ChatCollector, CompletionCollector, Engine, EngineError};

/// What an engine claims to be able to do; the suite asks for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// It chats.
    pub chat: bool,
    /// It completes texts.
    pub complete: bool,
    /// It embeds.
    pub embed: bool,
    /// It counts tokens.
    pub count_tokens: bool,
    /// It returns log-probabilities.
    pub logprobs: bool,
    /// It gives several answers to one request.
    pub n: bool,
    /// It refuses parameters that it does not know. A remote server may do otherwise.
    pub refuses_unknown: bool,
    /// It loads adapters.
    pub adapters: bool,
}

impl Abilities {
    /// Everything.
    pub const ALL: Self = Self {
        chat: true,
        complete: true,
        embed: true,
        count_tokens: true,
        logprobs: true,
        n: true,
        refuses_unknown: true,
        adapters: true,
    };

    /// Embeddings and nothing else.
    pub const EMBED_ONLY: Self = Self {
        chat: false,
        complete: false,
        embed: true,
        count_tokens: false,
        logprobs: false,
        n: false,
        refuses_unknown: true,
        adapters: false,
    };
}

/// Runs everything that `abilities` call for.
pub async fn run(engine: &dyn Engine, model: &str, abilities: Abilities) {
    says_what_it_is(engine).await;
    if abilities.chat {
        streamed_and_whole_chat_agree(engine, model).await;
        chat_ends_at_its_token_limit(engine, model).await;
        chat_ends_before_a_stop_text(engine, model).await;
        a_dropped_stream_leaves_the_engine_well(engine, model).await;
        a_dropped_whole_call_leaves_the_engine_well(engine, model).await;
        chats_at_once_do_not_mix(engine, model).await;
        if abilities.refuses_unknown {
            an_unknown_parameter_is_refused_by_name(engine, model).await;
        }
        if abilities.count_tokens {
            counted_tokens_are_the_prompt_tokens_of_usage(engine, model).await;
        }
        if abilities.logprobs {
            logprobs_are_there_when_asked_for(engine, model).await;
        }
        if abilities.n {
            several_answers_have_an_index_each(engine, model).await;
        }
    }
    if abilities.complete {
        streamed_and_whole_completion_agree(engine, model).await;
    }
    if abilities.embed {
        embeddings_are_in_order_and_repeatable(engine, model).await;
    }
    if abilities.adapters {
        a_bad_adapter_is_refused(engine).await;
    }
}

/// A greedy request for at most 12 tokens: the one that the suite varies.
pub fn request(model: &str) -> ChatRequest {
    ChatRequest {
        model: model.to_owned(),
        messages: vec![
            ChatMessage::text(MessageRole::System, "You are a helpful assistant."),
            ChatMessage::text(MessageRole::User, "Count from one to twenty in words."),
        ],
        temperature: Some(0.0),
        seed: Some(1),
        max_tokens: Some(12),
        ..ChatRequest::default()
    }
}

/// It names itself and its version.
pub async fn says_what_it_is(engine: &dyn Engine) {
    let info = engine.info().await.expect("a running engine says what it is");
    assert!(!info.engine.is_empty(), "an engine has a name");
}

/// The same request gives the same answer whole and streamed, with the same usage.
pub async fn streamed_and_whole_chat_agree(engine: &dyn Engine, model: &str) {
    let whole = chat(engine, request(model)).await;
    assert_eq!(whole.object, "chat.completion");
    let choice = &whole.choices[0];
    assert_eq!(choice.message.role, "assistant");
    assert!(choice.finish_reason.is_some(), "an answer says why it ended");
    let said = choice.message.content.as_deref().unwrap_or_default();
    let thought = choice.message.reasoning_content.as_deref().unwrap_or_default();
    assert!(!said.is_empty() || !thought.is_empty(), "something is said");

    let chunks = chat_chunks(engine, ChatRequest { stream: Some(true), ..request(model) }).await;
    let last = chunks.last().expect("a stream has chunks");
    assert!(last.usage.is_some(), "the last chunk carries the usage, asked for or not");
    assert!(chunks.iter().all(|c| c.id == chunks[0].id), "one answer has one id");
    assert!(chunks.iter().all(|c| c.object == "chat.completion.chunk"));
    let ends = chunks.iter().flat_map(|c| &c.choices).filter(|c| c.finish_reason.is_some()).count();
    assert_eq!(ends, 1, "one choice ends once");
    let streamed = collect(&chunks);
    assert_eq!(streamed.choices[0].message.content.as_deref().unwrap_or_default(), said);
    assert_eq!(streamed.choices[0].message.reasoning_content.as_deref().unwrap_or_default(), thought);
    assert_eq!(streamed.choices[0].finish_reason, choice.finish_reason);
    let (streamed, whole) = (usage(streamed.usage), usage(whole.usage));
    assert_eq!(streamed.prompt_tokens, whole.prompt_tokens);
    assert_eq!(streamed.completion_tokens, whole.completion_tokens);
}

/// A limit of three tokens gives at most three, and says that it cut the answer.
pub async fn chat_ends_at_its_token_limit(engine: &dyn Engine, model: &str) {
    let whole = chat(engine, ChatRequest { max_tokens: Some(3), ..request(model) }).await;
    assert_eq!(whole.choices[0].finish_reason, Some(FinishReason::Length));
    assert_eq!(usage(whole.usage).completion_tokens, 3);
    let newer = ChatRequest { max_tokens: None, max_completion_tokens: Some(3), ..request(model) };
    assert_eq!(usage(chat(engine, newer).await.usage).completion_tokens, 3, "the newer name means the same");
}

/// A stop text ends the answer and is no part of it, whole and streamed.
pub async fn chat_ends_before_a_stop_text(engine: &dyn Engine, model: &str) {
    let said = text(&chat(engine, request(model)).await);
    // From the middle of what it says anyway, so that the stop is met; not at a token's edge, where it can be helped.
    let middle: Vec<char> = said.chars().skip(said.chars().count() / 2).take(3).collect();
    let stop: String = middle.into_iter().collect();
    assert!(!stop.is_empty(), "the model says enough to be stopped");
    let expected = said.split(stop.as_str()).next().unwrap_or_default();
    let stopped = ChatRequest { stop: Some(OneOrMany::One(stop.clone())), ..request(model) };
    let whole = chat(engine, stopped.clone()).await;
    assert_eq!(text(&whole), expected, "stopped at {stop:?}");
    assert_eq!(whole.choices[0].finish_reason, Some(FinishReason::Stop));
    let streamed = collect(&chat_chunks(engine, ChatRequest { stream: Some(true), ..stopped }).await);
    assert_eq!(text(&streamed), expected, "streamed, stopped at {stop:?}");
}

/// A client that leaves in the middle costs the next one nothing.
pub async fn a_dropped_stream_leaves_the_engine_well(engine: &dyn Engine, model: &str) {
    let expected = text(&chat(engine, request(model)).await);
    for taken in [0, 1, 2] {
        let long = ChatRequest { stream: Some(true), max_tokens: Some(64), ..request(model) };
        let Ok(Answer::Stream(mut chunks)) = engine.chat(&CallContext::default(), long).await else {
            panic!("a stream was asked for");
        };
        for _ in 0..taken {
            chunks.next().await.expect("a chunk").expect("no error");
        }
        drop(chunks);
        assert_eq!(text(&chat(engine, request(model)).await), expected);
    }
}

/// So does one that leaves before its whole answer.
pub async fn a_dropped_whole_call_leaves_the_engine_well(engine: &dyn Engine, model: &str) {
    let long = ChatRequest { max_tokens: Some(64), ..request(model) };
    let context = CallContext::default();
    let _ = tokio::time::timeout(Duration::from_millis(5), engine.chat(&context, long)).await;
    assert_eq!(usage(chat(engine, request(model)).await.usage).completion_tokens.min(1), 1);
}

/// Answers given at once are those given alone.
pub async fn chats_at_once_do_not_mix(engine: &dyn Engine, model: &str) {
    let ask = |limit| ChatRequest { max_tokens: Some(limit), ..request(model) };
    let answers = futures::future::join_all((1..=4).map(|limit| chat(engine, ask(limit)))).await;
    for (limit, answer) in (1..).zip(answers) {
        assert_eq!(usage(answer.usage).completion_tokens, limit, "each answer has its own length");
    }
}

/// What the engine does not know is a 400 that names it.
pub async fn an_unknown_parameter_is_refused_by_name(engine: &dyn Engine, model: &str) {
    let mut unknown = request(model);
    unknown.extra.insert("no_such_parameter".to_owned(), true.into());
    match engine.chat(&CallContext::default(), unknown).await {
        Err(EngineError::Rejected { param: Some(param), .. }) => assert_eq!(param, "no_such_parameter"),
        other => panic!("an unknown parameter was not refused by name: {other:?}"),
    }
}

/// The count before a call is the count that the call reports.
pub async fn counted_tokens_are_the_prompt_tokens_of_usage(engine: &dyn Engine, model: &str) {
    let counted = engine.count_tokens(&CallContext::default(), request(model)).await.expect("counts");
    assert_eq!(counted, usage(chat(engine, request(model)).await.usage).prompt_tokens);
}

/// Log-probabilities come with every token when asked for, and not otherwise.
pub async fn logprobs_are_there_when_asked_for(engine: &dyn Engine, model: &str) {
    let plain = chat(engine, request(model)).await;
    assert!(plain.choices[0].logprobs.as_ref().is_none_or(|l| l.content.is_none()));
    let asked = chat(engine, ChatRequest { logprobs: Some(true), ..request(model) }).await;
    let logprobs =
        asked.choices[0].logprobs.as_ref().and_then(|l| l.content.as_ref()).expect("log-probabilities");
    assert!(!logprobs.is_empty());
    assert!(logprobs.iter().all(|l| l.logprob <= 0.0), "a probability is at most one");
}

/// Two answers have the indices 0 and 1, and their tokens add up.
pub async fn several_answers_have_an_index_each(engine: &dyn Engine, model: &str) {
    let two = chat(engine, ChatRequest { n: Some(2), max_tokens: Some(3), ..request(model) }).await;
    assert_eq!(two.choices.iter().map(|c| c.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(usage(two.usage).completion_tokens, 6);
}

/// The same text goes on the same way whole and streamed.
pub async fn streamed_and_whole_completion_agree(engine: &dyn Engine, model: &str) {
    let request = CompletionRequest {
        max_tokens: Some(8),
        temperature: Some(0.0),
        ..completion_request(model, "One, two, three, four,")
    };
    let Ok(Answer::Whole(whole)) = engine.complete(&CallContext::default(), request.clone()).await else {
        panic!("a whole completion was asked for");
    };
    assert_eq!(whole.object, "text_completion");
    assert!(whole.choices[0].finish_reason.is_some());
    let streamed = CompletionRequest { stream: Some(true), ..request };
    let Ok(Answer::Stream(mut chunks)) = engine.complete(&CallContext::default(), streamed).await else {
        panic!("a stream was asked for");
    };
    let mut collector = CompletionCollector::new();
    let mut last: Option<Completion> = None;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.expect("no error");
        collector.push(&chunk);
        last = Some(chunk);
    }
    assert!(last.is_some_and(|last| last.usage.is_some()), "the last event carries the usage");
    let streamed = collector.finish().expect("something came");
    assert_eq!(streamed.choices[0].text, whole.choices[0].text);
    let (streamed, whole) = (usage(streamed.usage), usage(whole.usage));
    assert_eq!(streamed.completion_tokens, whole.completion_tokens);
    assert!(whole.completion_tokens <= 8, "the limit holds");
}

/// One vector for each input, in order, all of one length, the same each time.
pub async fn embeddings_are_in_order_and_repeatable(engine: &dyn Engine, model: &str) {
    let ask = |texts: &[&str]| EmbeddingRequest {
        model: model.to_owned(),
        input: Input::Texts(texts.iter().map(|text| (*text).to_owned()).collect()),
        encoding_format: None,
        dimensions: None,
        user: None,
        extra: serde_json::Map::new(),
    };
    let context = CallContext::default();
    let both = engine.embed(&context, ask(&["a cat sat", "stock prices fell"])).await.expect("embeds");
    assert_eq!(both.data.iter().map(|e| e.index).collect::<Vec<_>>(), [0, 1]);
    let n_tokens = usage(both.usage.clone()).prompt_tokens;
    assert!(n_tokens > 0, "tokens are counted");
    let second = engine.embed(&context, ask(&["stock prices fell"])).await.expect("embeds");
    let (Vector::Float(first), Vector::Float(alone), Vector::Float(beside)) =
        (&both.data[0].embedding, &second.data[0].embedding, &both.data[1].embedding)
    else {
        panic!("floats are the default");
    };
    assert_eq!((first.len(), beside.len()), (alone.len(), alone.len()));
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let cosine = |a: &[f32], b: &[f32]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    assert!(cosine(alone, beside) > 0.999, "the same text has the same vector");
    assert!(cosine(first, beside) < 0.9999, "different texts have different vectors");
}

/// A file that is no adapter is refused, and so is the unloading of what is not there.
pub async fn a_bad_adapter_is_refused(engine: &dyn Engine) {
    let bad =
        AdapterSpec { name: "bad".to_owned(), path: "/nonexistent/adapter.bin".to_owned(), scale: None };
    assert!(matches!(engine.load_adapter(bad).await, Err(EngineError::Rejected { .. })));
    assert!(matches!(engine.unload_adapter("never-loaded").await, Err(EngineError::Rejected { .. })));
}

async fn chat(engine: &dyn Engine, request: ChatRequest) -> ChatCompletion {
    match engine.chat(&CallContext::default(), request).await {
        Ok(Answer::Whole(whole)) => *whole,
        other => panic!("a whole answer was asked for: {other:?}"),
    }
}

async fn chat_chunks(engine: &dyn Engine, request: ChatRequest) -> Vec<ChatChunk> {
    match engine.chat(&CallContext::default(), request).await {
        Ok(Answer::Stream(chunks)) => {
            chunks.map(|chunk| chunk.expect("no error in the stream")).collect().await
        }
        other => panic!("a stream was asked for: {other:?}"),
    }
}

fn collect(chunks: &[ChatChunk]) -> ChatCompletion {
    let mut collector = ChatCollector::new();
    for chunk in chunks {
        collector.push(chunk);
    }
    collector.finish().expect("something came")
}

fn text(whole: &ChatCompletion) -> String {
    whole.choices[0].message.content.clone().unwrap_or_default()
}

fn usage(usage: Option<Usage>) -> Usage {
    let usage = usage.expect("usage is reported");
    assert_eq!(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens, "the total is the sum");
    assert!(usage.prompt_tokens > 0, "a prompt has tokens");
    assert!(usage.cached_tokens() <= usage.prompt_tokens, "cached tokens are among the prompt's");
    assert!(usage.reasoning_tokens() <= usage.completion_tokens, "thinking is among what was generated");
    usage
}

/// A completion request without options.
pub fn completion_request(model: &str, prompt: &str) -> CompletionRequest {
    let value = serde_json::json!({"model": model, "prompt": prompt});
    serde_json::from_value(value).expect("the smallest request is one")
}
