use std::sync::Arc;

use futures::StreamExt;
use tenfold_billing::{CallStatus, Operation};
use tenfold_engine::EngineError;
use tenfold_engine::fake::{FakeEngine, Fault, Script};
use tenfold_kernel::Unit;
use tenfold_serving::AnswerOf;
use tokio::sync::Semaphore;

use crate::rig::{Rig, ask, call};

fn engine(script: Script) -> Arc<FakeEngine> {
    Arc::new(FakeEngine::new(script))
}

#[tokio::test]
async fn a_whole_answer_leaves_one_event_with_its_units_and_its_price() {
    let rig = Rig::new(vec![engine(Script::says("one two three"))]).await;
    let served = rig.serving.chat(&call(Operation::ChatCompletions), ask(false)).await.unwrap();
    let AnswerOf::Whole(whole) = served.answer else { panic!("asked for it whole") };
    assert_eq!(whole.model, "x", "the client reads the deployment's name");
    let [event] = &rig.events().await[..] else { panic!("one event") };
    assert_eq!((event.status, event.usage_known), (CallStatus::Completed, true));
    let usage = whole.usage.unwrap();
    assert_eq!(event.units.get(Unit::InputTokens), Some(usage.prompt_tokens));
    assert_eq!(event.units.get(Unit::OutputTokens), Some(usage.completion_tokens));
    let expected = i64::try_from(usage.prompt_tokens * 2_000 + usage.completion_tokens * 3_000).unwrap();
    assert_eq!(event.cost.unwrap().nanos, expected);
}

#[tokio::test]
async fn the_end_of_a_stream_is_read_only_when_its_event_is_durable() {
    let rig = Rig::gated(vec![engine(Script::says("one two three"))]).await;
    let served = rig.serving.chat(&call(Operation::ChatCompletions), ask(true)).await.unwrap();
    let AnswerOf::Stream(mut chunks) = served.answer else { panic!("asked for a stream") };
    let mut text = String::new();
    while text != "one two three" {
        let chunk = chunks.next().await.unwrap().unwrap();
        text.push_str(chunk.choices[0].delta.content.as_deref().unwrap_or_default());
        assert_eq!(chunk.choices[0].finish_reason, None);
    }
    for _ in 0..100 {
        assert!(futures::poll!(chunks.next()).is_pending(), "the event is not written yet");
        tokio::task::yield_now().await;
    }
    rig.events.gate.add_permits(1);
    let last = chunks.next().await.unwrap().unwrap();
    assert!(last.choices[0].finish_reason.is_some());
    assert_eq!(rig.events.written.all().len(), 1);
    assert!(chunks.next().await.is_none(), "the usage was not asked for");
}

#[tokio::test]
async fn the_usage_of_a_stream_comes_last_and_only_when_asked_for() {
    let rig = Rig::new(vec![engine(Script::says("one two"))]).await;
    let mut request = ask(true);
    request.stream_options = serde_json::from_str("{\"include_usage\": true}").unwrap();
    let served = rig.serving.chat(&call(Operation::ChatCompletions), request).await.unwrap();
    let AnswerOf::Stream(chunks) = served.answer else { panic!("asked for a stream") };
    let chunks: Vec<_> = chunks.map(Result::unwrap).collect().await;
    let (last, others) = chunks.split_last().unwrap();
    assert!(last.choices.is_empty() && last.usage.is_some());
    assert!(others.iter().all(|chunk| chunk.usage.is_none()));
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_work_and_leaves_one_event() {
    let gate = Arc::new(Semaphore::new(4));
    let fake = engine(Script { gate: Some(gate), ..Script::default() });
    let rig = Rig::new(vec![fake.clone()]).await;
    let served = rig.serving.chat(&call(Operation::ChatCompletions), ask(true)).await.unwrap();
    let AnswerOf::Stream(mut chunks) = served.answer else { panic!("asked for a stream") };
    chunks.next().await.unwrap().unwrap();
    assert_eq!(fake.running(), 1);
    drop(chunks);
    assert_eq!(fake.running(), 0, "the engine works for nobody");
    let [event] = &rig.events().await[..] else { panic!("one event") };
    assert_eq!(event.status, CallStatus::ClientGone);
    assert!(!event.usage_known && event.cost.is_none(), "nobody said what it used: unknown, never zero");
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_the_error_and_one_event() {
    let broken = || EngineError::Interrupted { source: "gone".into() };
    let rig = Rig::new(vec![engine(Script {
        fault: Some(Fault { after: 4, error: broken }),
        ..Script::default()
    })])
    .await;
    let served = rig.serving.chat(&call(Operation::ChatCompletions), ask(true)).await.unwrap();
    let AnswerOf::Stream(chunks) = served.answer else { panic!("asked for a stream") };
    let chunks: Vec<_> = chunks.collect().await;
    let (last, others) = chunks.split_last().unwrap();
    assert!(last.is_err() && others.iter().all(Result::is_ok) && !others.is_empty());
    let [event] = &rig.events().await[..] else { panic!("one event") };
    assert_eq!((event.status, event.error_code.as_deref()), (CallStatus::Failed, Some("model_interrupted")));
}

#[tokio::test]
async fn a_request_that_the_engine_refuses_costs_nothing() {
    let rig = Rig::new(vec![engine(Script::default())]).await;
    let mut request = ask(false);
    request.extra.insert("frobnicate".into(), true.into());
    rig.serving.chat(&call(Operation::ChatCompletions), request).await.unwrap_err();
    let [event] = &rig.events().await[..] else { panic!("one event") };
    assert_eq!((event.status, event.cost.unwrap().nanos), (CallStatus::Rejected, 0));
}

#[tokio::test]
async fn a_call_with_a_model_that_is_not_there_leaves_nothing() {
    let rig = Rig::new(vec![engine(Script::default())]).await;
    let mut request = ask(false);
    request.model = "y".into();
    let error = rig.serving.chat(&call(Operation::ChatCompletions), request).await.unwrap_err();
    assert_eq!(tenfold_kernel::Classify::code(&error).as_deref(), Some("model_not_found"));
    assert!(rig.events().await.is_empty());
}

#[tokio::test]
async fn the_price_is_the_one_at_admission() {
    let gate = Arc::new(Semaphore::new(3));
    let rig =
        Rig::new(vec![engine(Script { gate: Some(gate.clone()), ..Script::says("one two three") })]).await;
    let served = rig.serving.chat(&call(Operation::ChatCompletions), ask(true)).await.unwrap();
    let AnswerOf::Stream(chunks) = served.answer else { panic!("asked for a stream") };
    let before = rig.billing.prices("x").await.unwrap()[0].version.clone();
    let dearer = tenfold_billing::SetPrices {
        deployment: "x".into(),
        currency: tenfold_kernel::Currency::USD,
        terms: tenfold_billing::Terms {
            prices: [(Unit::InputTokens, 9_000_000_000_000.into())].into(),
            ..tenfold_billing::Terms::default()
        },
        effective_at: None,
    };
    rig.billing.set_prices(dearer).await.unwrap();
    gate.add_permits(100);
    chunks.for_each(|chunk| async { drop(chunk.unwrap()) }).await;
    assert_eq!(rig.events().await[0].price_version, Some(before));
}
