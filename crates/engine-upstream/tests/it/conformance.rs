use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use futures::StreamExt;
use tenfold_engine::conformance::{self, Abilities};
use tenfold_engine::fake::{Fault, Script};
use tenfold_engine::{AdapterSpec, CallContext, Engine, EngineError};
use tokio::sync::Semaphore;

use crate::rig::{request, stream, until, whole, worker};

#[tokio::test]
async fn a_worker_behind_its_socket_passes_the_suite() {
    let worker = worker(Script::default());
    conformance::run(&worker.client, "m", Abilities::ALL).await;
    until(|| worker.fake.running() == 0).await;
}

#[tokio::test]
async fn a_workers_socket_is_private() {
    let worker = worker(Script::default());
    let mode = |path: std::path::PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(worker.folder.path().join("run")), 0o700);
    assert_eq!(mode(worker.folder.path().join("run/worker.sock")), 0o600);
}

#[tokio::test]
async fn each_token_arrives_when_it_is_made() {
    let gate = Arc::new(Semaphore::new(0));
    let worker = worker(Script { gate: Some(Arc::clone(&gate)), ..Script::default() });
    let mut chunks = stream(&worker.client).await.unwrap();
    for _ in 0..5 {
        assert!(futures::poll!(chunks.next()).is_pending(), "nothing was made yet");
        gate.add_permits(1);
        chunks.next().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_work_streamed_and_whole() {
    let gate = Arc::new(Semaphore::new(3));
    let worker = worker(Script { gate: Some(gate), ..Script::default() });
    let mut chunks = stream(&worker.client).await.unwrap();
    chunks.next().await.unwrap().unwrap();
    assert_eq!(worker.fake.running(), 1);
    drop(chunks);
    until(|| worker.fake.running() == 0).await;

    let mut call = Box::pin(whole(&worker.client));
    while worker.fake.running() == 0 {
        assert!(futures::poll!(&mut call).is_pending());
        tokio::task::yield_now().await;
    }
    drop(call);
    until(|| worker.fake.running() == 0).await;
}

#[tokio::test]
async fn errors_of_the_engine_arrive_as_they_were() {
    let worker = worker(Script::default());
    let fail = |after, error| {
        worker.fake.follow(Script { fault: Some(Fault { after, error }), ..Script::default() });
    };
    fail(0, || EngineError::context_length_exceeded("messages", 10, 20));
    for error in [whole(&worker.client).await.unwrap_err(), stream(&worker.client).await.err().unwrap()] {
        let EngineError::Rejected { message, param, code } = &error else { panic!("{error:?}") };
        assert!(message.contains("maximum context length is 10"), "{message}");
        assert_eq!((param.as_deref(), code.as_deref()), (Some("messages"), Some("context_length_exceeded")));
    }
    fail(0, || EngineError::Overloaded { retry_after: Some(std::time::Duration::from_millis(1500)) });
    assert!(matches!(
        whole(&worker.client).await,
        Err(EngineError::Overloaded { retry_after: Some(after) }) if after.as_millis() == 1500
    ));
    fail(0, || EngineError::Unavailable { source: "x".into() });
    assert!(matches!(whole(&worker.client).await, Err(EngineError::Unavailable { .. })));
    fail(0, || EngineError::Failed { source: "x".into() });
    assert!(matches!(whole(&worker.client).await, Err(EngineError::Failed { .. })));
    fail(4, || EngineError::Failed { source: "x".into() });
    let parts: Vec<_> = stream(&worker.client).await.unwrap().collect().await;
    assert_eq!(parts.len(), 5, "four parts and the error, which ends the stream");
    assert!(matches!(parts.last(), Some(Err(EngineError::Failed { .. }))));
}

#[tokio::test]
async fn adapters_come_and_go() {
    let worker = worker(Script::default());
    let adapter = AdapterSpec { name: "law/v1 x".to_owned(), path: "/a.gguf".to_owned(), scale: None };
    worker.client.load_adapter(adapter).await.unwrap();
    assert_eq!(worker.client.info().await.unwrap().adapters, ["law/v1 x"]);
    worker.client.unload_adapter("law/v1 x").await.unwrap();
    assert!(worker.client.info().await.unwrap().adapters.is_empty());
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on_is_unavailable() {
    let worker = worker(Script::default());
    std::fs::remove_file(worker.folder.path().join("run/worker.sock")).unwrap();
    let error = worker.client.info().await.unwrap_err();
    assert!(matches!(error, EngineError::Unavailable { .. }), "{error:?}");
    let counted = worker.client.count_tokens(&CallContext::default(), request()).await;
    assert!(matches!(counted, Err(EngineError::Unavailable { .. })));
}
