use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tenfold_fleet::{FleetError, NewDeployment};
use tenfold_kernel::{Classify, ErrorKind};

use crate::rig::{Rig, spawn, until, upstream};

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_served_in_the_order_of_their_coming() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(upstream("x", &["http://a"])).await.unwrap();
    let held = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut calls = Vec::new();
    for number in 0..20 {
        let (fleet, deployment, served) =
            (Arc::clone(&rig.fleet), Arc::clone(&deployment), Arc::clone(&served));
        calls.push(spawn(async move {
            let lease = fleet.acquire(&deployment, &[]).await.unwrap();
            served.lock().push(number);
            drop(lease);
        }));
        until(|| rig.queued("x") == number + 1).await;
    }
    drop(held);
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(*served.lock(), (0..20).collect::<Vec<_>>());
    assert_eq!(rig.fleet.replicas()[0].in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_the_queue_changes_nothing_for_the_others() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(upstream("x", &["http://a"])).await.unwrap();
    let held = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    let mut calls = Vec::new();
    for number in 0..5 {
        let (fleet, deployment) = (Arc::clone(&rig.fleet), Arc::clone(&deployment));
        calls.push(spawn(async move { fleet.acquire(&deployment, &[]).await.map(drop) }));
        until(|| rig.queued("x") == number + 1).await;
    }
    for left in [0, 2] {
        calls[left].abort();
    }
    until(|| rig.queued("x") == 3).await;
    drop(held);
    for (number, call) in calls.into_iter().enumerate() {
        let outcome = call.await;
        assert_eq!(outcome.is_err(), [0, 2].contains(&number), "only those who left are not served");
        assert!(outcome.is_err() || outcome.unwrap().is_ok());
    }
    assert_eq!(rig.fleet.replicas()[0].in_flight, 0, "every place was given back");
}

#[tokio::test(start_paused = true)]
async fn a_place_on_its_way_to_a_caller_who_has_left_goes_to_the_next() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(upstream("x", &["http://a"])).await.unwrap();
    let held = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    let mut first = Box::pin(rig.fleet.acquire(&deployment, &[]));
    assert!(futures::poll!(&mut first).is_pending());
    let mut second = Box::pin(rig.fleet.acquire(&deployment, &[]));
    assert!(futures::poll!(&mut second).is_pending());
    drop(held); // The place is in the first one's channel now, and nobody will look.
    assert!(futures::poll!(&mut second).is_pending());
    drop(first);
    second.await.unwrap();
    assert_eq!(rig.fleet.replicas()[0].in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_says_when_to_come_again() {
    let rig = Rig::new();
    let new = NewDeployment { queue_limit: 2, ..upstream("x", &["http://a"]) };
    let deployment = rig.fleet.deploy(new).await.unwrap();
    for _ in 0..50 {
        let lease = rig.fleet.acquire(&deployment, &[]).await.unwrap();
        rig.clock.advance(Duration::from_secs(4));
        drop(lease);
    }
    let _held = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(rig.fleet.acquire(&deployment, &[]))).collect();
    for call in &mut waiting {
        assert!(futures::poll!(call).is_pending());
    }
    let error = rig.fleet.acquire(&deployment, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyRequests);
    // Two wait before it, each call takes four seconds, one place.
    assert_eq!(error.retry_after().map(|d| d.as_secs_f64().round()), Some(12.0));
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_calls_still_wait_for_a_worker_that_will_have_a_place_for_them() {
    let rig = Rig::new();
    let new = NewDeployment { queue_limit: 0, ..crate::rig::model("smol", 1) };
    let deployment = rig.fleet.deploy(new).await.unwrap();
    let (a, b, c) = tokio::join!(
        rig.fleet.acquire(&deployment, &[]),
        rig.fleet.acquire(&deployment, &[]),
        rig.fleet.acquire(&deployment, &[]),
    );
    assert!(a.is_ok() && b.is_ok(), "two places");
    assert_eq!(c.unwrap_err().kind(), ErrorKind::TooManyRequests);
    assert_eq!(rig.fleet.acquire(&deployment, &[]).await.unwrap_err().kind(), ErrorKind::TooManyRequests);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_no_longer_than_its_deployment_says() {
    let rig = Rig::new();
    let new = NewDeployment { queue_timeout: Duration::from_secs(3), ..upstream("x", &["http://a"]) };
    let deployment = rig.fleet.deploy(new).await.unwrap();
    let held = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    let started = tokio::time::Instant::now();
    let error = rig.fleet.acquire(&deployment, &[]).await.unwrap_err();
    assert!(matches!(error, FleetError::QueueTimeout { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(started.elapsed().as_secs(), 3);
    assert_eq!(rig.queued("x"), 0);
    drop(held);
    rig.fleet.acquire(&deployment, &[]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn how_long_a_call_waited_is_told() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(upstream("x", &["http://a"])).await.unwrap();
    let held = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    assert_eq!(held.queued, Duration::ZERO);
    assert_eq!((&*held.node, &*held.engine_model), ("here", "m"));
    let mut call = Box::pin(rig.fleet.acquire(&deployment, &[]));
    assert!(futures::poll!(&mut call).is_pending());
    rig.clock.advance(Duration::from_millis(250));
    drop(held);
    assert_eq!(call.await.unwrap().queued, Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_deployment_that_is_taken_away_are_told() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(upstream("x", &["http://a"])).await.unwrap();
    let held = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    let mut call = Box::pin(rig.fleet.acquire(&deployment, &[]));
    assert!(futures::poll!(&mut call).is_pending());
    rig.fleet.undeploy("x").await.unwrap();
    assert!(matches!(call.await, Err(FleetError::UnknownDeployment { .. })));
    drop(held);
    assert!(matches!(rig.fleet.acquire(&deployment, &[]).await, Err(FleetError::UnknownDeployment { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn places_are_never_given_twice_under_load() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let rig = Rig::new();
    let new =
        NewDeployment { max_concurrency: 3, queue_limit: 10_000, ..upstream("x", &["http://a", "http://b"]) };
    let deployment = rig.fleet.deploy(new).await.unwrap();
    let (working, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let calls: Vec<_> = (0..2000)
        .map(|number| {
            let (fleet, deployment) = (Arc::clone(&rig.fleet), Arc::clone(&deployment));
            let (working, most) = (Arc::clone(&working), Arc::clone(&most));
            spawn(async move {
                let acquiring = fleet.acquire(&deployment, &[]);
                if number % 7 == 0 {
                    // Some leave at any point of their wait.
                    let mut acquiring = Box::pin(acquiring);
                    let _ = futures::poll!(&mut acquiring);
                    tokio::task::yield_now().await;
                    return;
                }
                let lease = acquiring.await.unwrap();
                most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                working.fetch_sub(1, Ordering::SeqCst);
                drop(lease);
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert!((1..=6).contains(&most.load(Ordering::SeqCst)), "two replicas of three places");
    assert!(rig.fleet.replicas().iter().all(|r| r.in_flight == 0 && r.queued == 0));
}
