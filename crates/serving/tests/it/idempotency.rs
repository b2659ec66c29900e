use std::sync::Arc;
use std::time::Duration;

use tenfold_engine::fake::FakeEngine;
use tenfold_kernel::ProjectId;
use tenfold_serving::{Begun, Fingerprint, IdempotentReply, ServingError};

use crate::rig::Rig;

fn project() -> ProjectId {
    ProjectId::parse("proj_1").unwrap()
}

fn print(text: &str) -> Fingerprint {
    Fingerprint(text.to_owned())
}

fn reply(status: u16, body: &str) -> IdempotentReply {
    IdempotentReply { status, content_type: "application/json".to_owned(), body: body.to_owned() }
}

async fn rig() -> Rig {
    Rig::new(vec![Arc::new(FakeEngine::default())]).await
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_for_a_day() {
    let rig = rig().await;
    let begun = rig.serving.begin_idempotent(&project(), "k", print("a")).await.unwrap();
    let Begun::First(recording) = begun else { panic!("nobody came before") };
    let under_way = rig.serving.begin_idempotent(&project(), "k", print("a")).await.unwrap_err();
    assert!(matches!(under_way, ServingError::IdempotencyConflict { retry_after: Some(_), .. }));
    rig.serving.finish_idempotent(recording, reply(200, "{}")).await.unwrap();
    let Begun::Repeat(again) = rig.serving.begin_idempotent(&project(), "k", print("a")).await.unwrap()
    else {
        panic!("it was answered")
    };
    assert_eq!(again, reply(200, "{}"));
    rig.clock.advance(Duration::from_hours(25));
    let begun = rig.serving.begin_idempotent(&project(), "k", print("b")).await.unwrap();
    assert!(matches!(begun, Begun::First(_)), "a day later the key is free");
}

#[tokio::test]
async fn a_key_with_another_request_is_refused() {
    let rig = rig().await;
    rig.serving.begin_idempotent(&project(), "k", print("a")).await.unwrap();
    let error = rig.serving.begin_idempotent(&project(), "k", print("b")).await.unwrap_err();
    assert!(matches!(error, ServingError::IdempotencyConflict { retry_after: None, .. }));
}

#[tokio::test]
async fn an_answer_that_is_not_final_can_be_asked_for_again() {
    let rig = rig().await;
    for status in [500, 503, 429] {
        let Begun::First(recording) =
            rig.serving.begin_idempotent(&project(), "k", print("a")).await.unwrap()
        else {
            panic!("{status} is not kept")
        };
        rig.serving.finish_idempotent(recording, reply(status, "{}")).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_takes_over_from_a_platform_that_died_writes_the_same_event() {
    let rig = rig().await;
    let Begun::First(died) = rig.serving.begin_idempotent(&project(), "k", print("a")).await.unwrap() else {
        panic!("nobody came before")
    };
    rig.clock.advance(Duration::from_mins(20));
    let Begun::First(heir) = rig.serving.begin_idempotent(&project(), "k", print("a")).await.unwrap() else {
        panic!("the lock has ended")
    };
    assert_eq!(died.event_key(), heir.event_key());
}
