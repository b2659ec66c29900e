use tenfold_engine::conformance::{self, Abilities};
use tenfold_engine::{CallContext, Engine};
use tenfold_protocol::chat::{ChatMessage, ChatRequest, FinishReason, MessageRole};
use tenfold_protocol::content::OneOrMany;

use crate::model::{MODEL, ask, chat, chunks, engine, text_of};

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_passes_the_conformance_suite() {
    let engine = engine();
    conformance::run(&engine, MODEL, Abilities { adapters: false, ..Abilities::ALL }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered() {
    let engine = engine();
    let answer = ask(&engine, chat("Hello!", 32)).await;
    assert!(text_of(&answer).contains("help"), "{answer:?}");
    let usage = answer.usage.unwrap();
    assert_eq!(
        usage.prompt_tokens,
        engine.count_tokens(&CallContext::default(), chat("Hello!", 1)).await.unwrap()
    );
    assert!(usage.completion_tokens > 1 && usage.completion_tokens <= 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_seed_gives_one_answer_and_another_seed_another() {
    let engine = engine();
    let of = |seed| ChatRequest { seed: Some(seed), temperature: Some(1.2), ..chat("Tell me a story.", 24) };
    let first = text_of(&ask(&engine, of(1)).await).to_owned();
    assert_eq!(text_of(&ask(&engine, of(1)).await), first);
    assert_ne!(text_of(&ask(&engine, of(2)).await), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_answers_differ_and_count_the_prompt_once() {
    let engine = engine();
    let request = ChatRequest {
        n: Some(10),
        seed: Some(3),
        temperature: Some(1.3),
        ..chat("Invent a name for a cat.", 12)
    };
    let answer = ask(&engine, request.clone()).await;
    assert_eq!(
        answer.choices.iter().map(|choice| choice.index).collect::<Vec<_>>(),
        (0..10).collect::<Vec<_>>()
    );
    let mut texts: Vec<_> = answer.choices.iter().map(|choice| choice.message.content.clone()).collect();
    texts.sort();
    texts.dedup();
    assert!(texts.len() > 5, "{texts:?}");
    let prompt = engine.count_tokens(&CallContext::default(), request).await.unwrap();
    let usage = answer.usage.unwrap();
    assert_eq!(usage.prompt_tokens, prompt);
    assert_eq!(usage.cached_tokens(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_text_never_comes_out() {
    let engine = engine();
    let free = text_of(&ask(&engine, chat("Count from one to ten in words.", 60)).await).to_owned();
    // From the middle of one word to the middle of another, so that it crosses tokens.
    let letters: Vec<char> = free.chars().collect();
    let stop: String = letters[12..19].iter().collect();
    let request = ChatRequest {
        stop: Some(OneOrMany::One(stop.clone())),
        ..chat("Count from one to ten in words.", 60)
    };
    let got: String = chunks(&engine, request)
        .await
        .iter()
        .flat_map(|chunk| &chunk.choices)
        .filter_map(|choice| choice.delta.content.clone())
        .collect();
    assert_eq!(got, free[..free.find(&stop).unwrap()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_probabilities_are_of_the_text_and_sum_to_at_most_one() {
    let engine = engine();
    let request = ChatRequest { logprobs: Some(true), top_logprobs: Some(20), ..chat("Name a colour.", 10) };
    let answer = ask(&engine, request).await;
    let tokens = answer.choices[0].logprobs.clone().unwrap().content.unwrap();
    let text: String = tokens.iter().map(|token| token.token.as_str()).collect();
    assert_eq!(text, text_of(&answer));
    for token in &tokens {
        assert_eq!(token.top_logprobs.len(), 20);
        let sum: f32 = token.top_logprobs.iter().map(|top| top.logprob.exp()).sum();
        assert!((0.1..=1.0001).contains(&sum), "{sum}");
        // Greedy: the chosen one is the likeliest.
        assert_eq!(token.token, token.top_logprobs[0].token);
        assert!((token.logprob - token.top_logprobs[0].logprob).abs() < 1e-6);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bias_forbids_and_forces_tokens() {
    let engine = engine();
    let request = ChatRequest { logprobs: Some(true), ..chat("What is the capital of France?", 3) };
    let free = ask(&engine, request.clone()).await;
    // Token 2 ends an answer.
    let ended =
        ask(&engine, ChatRequest { logit_bias: Some([("2".to_owned(), 100.0)].into()), ..request.clone() })
            .await;
    assert_eq!(text_of(&ended), "");
    assert_eq!(ended.choices[0].finish_reason, Some(FinishReason::Stop));
    let never = ask(
        &engine,
        ChatRequest { logit_bias: Some([("2".to_owned(), -100.0)].into()), max_tokens: Some(80), ..request },
    )
    .await;
    assert_eq!(never.choices[0].finish_reason, Some(FinishReason::Length));
    assert!(text_of(&never).starts_with(text_of(&free)));
}

#[tokio::test(flavor = "multi_thread")]
async fn penalties_break_repetition() {
    let engine = engine();
    let request = chat("Say the word yes one hundred times.", 80);
    let distinct = |text: &str| {
        let mut words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
        words.sort();
        words.dedup();
        words.len()
    };
    let plain = ask(&engine, request.clone()).await;
    let penal =
        ask(&engine, ChatRequest { frequency_penalty: Some(2.0), presence_penalty: Some(2.0), ..request })
            .await;
    assert!(distinct(text_of(&penal)) > distinct(text_of(&plain)), "{plain:?} {penal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_write_control_tokens() {
    let engine = engine();
    let count = |text: &str| {
        let request = chat(text, 1);
        let engine = &engine;
        async move { engine.count_tokens(&CallContext::default(), request).await.unwrap() }
    };
    // As one control token it would be one token; as text it is several.
    let plain = count("a b").await;
    assert!(count("a<|im_end|>b").await > plain + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_message_is_heeded_by_the_template() {
    let engine = engine();
    let mut request = chat("Hello", 1);
    let without = engine.count_tokens(&CallContext::default(), request.clone()).await.unwrap();
    request.messages.insert(0, ChatMessage::text(MessageRole::Developer, "Hi."));
    let with = engine.count_tokens(&CallContext::default(), request).await.unwrap();
    // The template's own system text is longer than this one, which takes its place.
    assert!(with < without, "{with} {without}");
}
