use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tenfold_billing::{Mode, Operation, Profile};
use tenfold_engine::EngineError;
use tenfold_engine::fake::{FakeEngine, Fault, Script};
use tenfold_kernel::ProjectId;
use tenfold_protocol::responses::{ResponseStatus, ResponsesRequest};
use tenfold_serving::{AnswerOf, ServingError};

use crate::rig::{Rig, call};

async fn rig() -> Rig {
    Rig::new(vec![Arc::new(FakeEngine::new(Script::says("one two three")))]).await
}

fn request(json: serde_json::Value) -> ResponsesRequest {
    serde_json::from_value(json).unwrap()
}

fn project() -> ProjectId {
    call(Operation::Responses).caller.project
}

#[tokio::test]
async fn a_response_is_kept_goes_on_from_another_and_is_forgotten() {
    let rig = rig().await;
    let mut previous: Option<String> = None;
    for turn in 0..3 {
        let request =
            request(serde_json::json!({"model": "x", "input": "go on", "previous_response_id": previous}));
        let created = rig.serving.create_response(&call(Operation::Responses), request).await.unwrap();
        let AnswerOf::Whole(response) = created.answer else { panic!("asked for it whole") };
        assert_eq!(response.status, ResponseStatus::Completed);
        let usage = response.usage.clone().unwrap();
        assert!(usage.input_tokens > turn * 5, "what was said before is said again");
        let kept = rig.serving.response(&project(), &response.id).await.unwrap();
        assert_eq!(kept, *response);
        previous = Some(response.id);
    }
    let id = previous.unwrap();
    let other = ProjectId::parse("proj_2").unwrap();
    assert!(matches!(rig.serving.response(&other, &id).await, Err(ServingError::ResponseNotFound { .. })));
    rig.serving.delete_response(&project(), &id).await.unwrap();
    assert!(matches!(
        rig.serving.response(&project(), &id).await,
        Err(ServingError::ResponseNotFound { .. })
    ));
}

#[tokio::test]
async fn a_chain_is_bounded_and_its_links_must_be_there() {
    let rig = rig().await;
    let mut previous: Option<String> = None;
    for _ in 0..4 {
        let request =
            request(serde_json::json!({"model": "x", "input": "go on", "previous_response_id": previous}));
        let created = rig.serving.create_response(&call(Operation::Responses), request).await.unwrap();
        let AnswerOf::Whole(response) = created.answer else { panic!("asked for it whole") };
        previous = Some(response.id);
    }
    for previous in [previous.unwrap().as_str(), "resp_missing"] {
        let request =
            request(serde_json::json!({"model": "x", "input": "hi", "previous_response_id": previous}));
        let error = rig.serving.create_response(&call(Operation::Responses), request).await.unwrap_err();
        let param = tenfold_kernel::Classify::param(&error).map(std::borrow::Cow::into_owned);
        assert_eq!(param.as_deref(), Some("previous_response_id"), "{error}");
    }
}

#[tokio::test]
async fn a_streamed_response_is_kept_before_its_last_event() {
    let rig = rig().await;
    let request = request(serde_json::json!({"model": "x", "input": "go", "stream": true}));
    let created = rig.serving.create_response(&call(Operation::Responses), request).await.unwrap();
    let AnswerOf::Stream(events) = created.answer else { panic!("asked for a stream") };
    let events: Vec<_> = events.collect().await;
    let names: Vec<_> = events.iter().map(tenfold_protocol::responses::ResponseStreamEvent::name).collect();
    assert_eq!(names.first(), Some(&"response.created"));
    assert_eq!(names.last(), Some(&"response.completed"));
    let last = serde_json::to_value(events.last().unwrap()).unwrap();
    let id = last["response"]["id"].as_str().unwrap();
    assert_eq!(rig.serving.response(&project(), id).await.unwrap().status, ResponseStatus::Completed);
}

#[tokio::test]
async fn a_background_response_is_queued_made_once_and_can_be_cancelled() {
    let rig = rig().await;
    let make = || request(serde_json::json!({"model": "x", "input": "go", "background": true}));
    let mut ids = Vec::new();
    for _ in 0..2 {
        let created = rig.serving.create_response(&call(Operation::Responses), make()).await.unwrap();
        let AnswerOf::Whole(response) = created.answer else { panic!("a background response is polled") };
        assert_eq!(response.status, ResponseStatus::Queued);
        ids.push(response.id);
    }
    let cancelled = rig.serving.cancel_response(&project(), &ids[1]).await.unwrap();
    assert_eq!(cancelled.status, ResponseStatus::Cancelled);
    let work = rig.background.0.lock().unwrap().clone();
    assert_eq!(work.len(), 1, "the other one was taken from the queue");
    for _ in 0..2 {
        rig.serving.run_background_response(&work[0]).await.unwrap();
    }
    assert_eq!(rig.serving.response(&project(), &ids[0]).await.unwrap().status, ResponseStatus::Completed);
    assert_eq!(rig.events().await.len(), 1, "done again after a crash, it is counted once");
}

/// Makes one background response and runs it; gives its status and what the customer was charged.
async fn made_in_the_background(rig: &Rig) -> (ResponseStatus, i64, usize) {
    let make = request(serde_json::json!({"model": "x", "input": "go", "background": true}));
    rig.serving.create_response(&call(Operation::Responses), make).await.unwrap();
    let work = rig.background.0.lock().unwrap().clone();
    // Twice: who was at it may have died after the charge and before it said so.
    for _ in 0..2 {
        rig.serving.run_background_response(&work[0]).await.unwrap();
    }
    let events = rig.events().await;
    let charged = events.iter().filter_map(|event| event.cost).map(|cost| cost.nanos).sum();
    let response = rig.serving.response(&project(), work[0].id.as_str()).await.unwrap();
    (response.status, charged, events.len())
}

#[tokio::test]
async fn asynchronous_work_is_charged_once_when_nobody_polls_and_not_at_all_when_it_fails() {
    let (status, charged, events) = made_in_the_background(&rig().await).await;
    assert_eq!((status, events), (ResponseStatus::Completed, 1));
    assert!(charged > 0, "whether anybody asks for it or not");

    let fault = Fault { after: 0, error: || EngineError::Unavailable { source: "gone".into() } };
    let broken = || Arc::new(FakeEngine::new(Script { fault: Some(fault.clone()), ..Script::default() }));
    let (status, charged, _) = made_in_the_background(&Rig::new(vec![broken()]).await).await;
    assert_eq!((status, charged), (ResponseStatus::Failed, 0), "nothing came out, nothing is owed");

    let poor = rig().await;
    // Queued while it could be owed; when its turn comes, nothing pays for it.
    let make = || request(serde_json::json!({"model": "x", "input": "go", "background": true}));
    poor.serving.create_response(&call(Operation::Responses), make()).await.unwrap();
    let prepaid = Profile { mode: Mode::Prepaid, ..Profile::default() };
    poor.billing.set_profile(&call(Operation::Responses).caller.organization, &prepaid).await.unwrap();
    let work = poor.background.0.lock().unwrap().remove(0);
    poor.serving.run_background_response(&work).await.unwrap();
    let failed = poor.serving.response(&project(), work.id.as_str()).await.unwrap();
    assert_eq!((failed.status, poor.events().await.len()), (ResponseStatus::Failed, 0), "it is not begun");
    // And what nothing pays for is not queued at all.
    let refused = poor.serving.create_response(&call(Operation::Responses), make()).await.unwrap_err();
    assert_eq!(tenfold_kernel::Classify::code(&refused).as_deref(), Some("insufficient_quota"));
    assert!(poor.background.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn asynchronous_work_has_the_price_of_when_it_was_asked_for() {
    let rig = rig().await;
    let make = request(serde_json::json!({"model": "x", "input": "go", "background": true}));
    rig.serving.create_response(&call(Operation::Responses), make.clone()).await.unwrap();
    // Dearer when its turn comes.
    rig.clock.advance(Duration::from_mins(1));
    rig.set_price(1000).await;
    rig.serving.create_response(&call(Operation::Responses), make).await.unwrap();
    rig.clock.advance(Duration::from_mins(1));
    let work = rig.background.0.lock().unwrap().clone();
    let mut costs = Vec::new();
    for work in &work {
        rig.serving.run_background_response(work).await.unwrap();
    }
    for event in rig.events().await {
        costs.push((event.cost.unwrap().nanos, event.price_version.unwrap()));
    }
    costs.sort();
    assert_eq!(costs[0].0 * 1000, costs[1].0, "{costs:?}");
    assert_ne!(costs[0].1, costs[1].1);
}
