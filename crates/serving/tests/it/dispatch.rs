use std::sync::Arc;

use futures::StreamExt;
use tenfold_billing::{CallStatus, Operation};
use tenfold_engine::EngineError;
use tenfold_engine::fake::{FakeEngine, Fault, Script};
use tenfold_kernel::{Classify, ErrorKind};
use tenfold_serving::AnswerOf;

use crate::rig::{Rig, ask, call};

fn absent() -> EngineError {
    EngineError::Unavailable { source: "gone".into() }
}

fn interrupted() -> EngineError {
    EngineError::Interrupted { source: "gone".into() }
}

fn failing(after: usize, error: fn() -> EngineError) -> Arc<FakeEngine> {
    Arc::new(FakeEngine::new(Script { fault: Some(Fault { after, error }), ..Script::default() }))
}

#[tokio::test]
async fn a_replica_that_is_gone_is_replaced_and_the_call_is_counted_once() {
    let engines = vec![failing(0, absent), Arc::new(FakeEngine::default())];
    let rig = Rig::new(engines.clone()).await;
    for _ in 0..4 {
        rig.serving.chat(&call(Operation::ChatCompletions), ask(false)).await.unwrap();
    }
    assert_eq!(engines[1].calls(), 4);
    let [event] = &rig.events().await[..] else { panic!("one request id, one event") };
    assert_eq!(event.status, CallStatus::Completed);
}

#[tokio::test]
async fn a_stream_that_breaks_before_its_first_token_is_begun_elsewhere() {
    let engines = vec![failing(1, interrupted), Arc::new(FakeEngine::new(Script::says("whole")))];
    let rig = Rig::new(engines.clone()).await;
    for _ in 0..2 {
        let served = rig.serving.chat(&call(Operation::ChatCompletions), ask(true)).await.unwrap();
        let AnswerOf::Stream(chunks) = served.answer else { panic!("asked for a stream") };
        let text: String = chunks
            .map(|chunk| {
                chunk.unwrap().choices.first().and_then(|c| c.delta.content.clone()).unwrap_or_default()
            })
            .collect()
            .await;
        assert_eq!(text, "whole");
    }
}

#[tokio::test]
async fn a_call_is_tried_twice_at_most() {
    let engines = vec![failing(0, absent), failing(0, absent), failing(0, absent)];
    let rig = Rig::new(engines.clone()).await;
    let error = rig.serving.chat(&call(Operation::ChatCompletions), ask(false)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(engines.iter().map(|e| e.calls()).sum::<usize>(), 2);
    assert_eq!(rig.events().await.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_tried_elsewhere() {
    let refused = || EngineError::unknown_parameter("frobnicate");
    let engines = vec![failing(0, refused), failing(0, refused)];
    let rig = Rig::new(engines.clone()).await;
    let error = rig.serving.chat(&call(Operation::ChatCompletions), ask(false)).await.unwrap_err();
    assert_eq!((error.kind(), error.param().as_deref()), (ErrorKind::InvalidRequest, Some("frobnicate")));
    assert_eq!(engines.iter().map(|e| e.calls()).sum::<usize>(), 1);
}
