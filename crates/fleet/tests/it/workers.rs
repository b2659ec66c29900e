use std::sync::Arc;
use std::time::Duration;

use tenfold_fleet::{Adapter, DeploymentStore, FleetError, ModelTarget, NewDeployment, ReplicaState, Target};
use tenfold_kernel::{Classify, ErrorKind};
use tokio::time::Instant;

use crate::rig::{Rig, model, spawn, until};

#[tokio::test(start_paused = true)]
async fn a_worker_starts_with_its_first_call_and_once_for_many() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(model("smol", 1)).await.unwrap();
    assert_eq!((rig.state("smol"), rig.world.launches("smol")), (ReplicaState::Stopped, 0));
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let (fleet, deployment) = (Arc::clone(&rig.fleet), Arc::clone(&deployment));
            spawn(
                async move { fleet.acquire(&deployment, &[]).await.map(|lease| lease.engine_model.clone()) },
            )
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), "smol-model");
    }
    assert_eq!((rig.state("smol"), rig.world.launches("smol")), (ReplicaState::Ready, 1));
    let spec = rig.world.worker("smol").unwrap().spec.clone();
    assert_eq!(
        (spec.deployment.as_str(), spec.model.as_str(), spec.max_concurrency),
        ("smol", "smol-model", 2)
    );
}

#[tokio::test(start_paused = true)]
async fn an_eager_worker_starts_at_once_with_each_of_its_replicas() {
    let rig = Rig::new();
    let mut new = NewDeployment { eager: true, ..model("smol", 1) };
    if let Target::Model(ModelTarget { replicas, .. }) = &mut new.target {
        *replicas = 3;
    }
    rig.fleet.deploy(new).await.unwrap();
    until(|| rig.fleet.replicas().iter().all(|r| r.state == ReplicaState::Ready)).await;
    assert_eq!(rig.world.launches("smol"), 3);
}

#[tokio::test(start_paused = true)]
async fn after_a_workers_death_calls_wait_for_the_next_one() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(model("smol", 1)).await.unwrap();
    let lease = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    let died = lease.replica.clone();
    rig.world.worker("smol").unwrap().kill();
    rig.fleet.report_failure(&died);
    let started = Instant::now();
    let again = rig.fleet.acquire(&deployment, std::slice::from_ref(&died)).await.unwrap();
    assert_ne!(again.replica, died);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "new calls work within seconds: {:?}",
        started.elapsed()
    );
    assert_eq!(rig.world.launches("smol"), 2);
    drop(lease);
    assert_eq!(rig.fleet.replicas()[0].in_flight, 1, "a place on the dead worker is none on the new one");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_again_and_again_is_started_ever_more_slowly() {
    let rig = Rig::new();
    rig.fleet.deploy(NewDeployment { eager: true, ..model("smol", 1) }).await.unwrap();
    let mut waits = Vec::new();
    for life in 1..=7 {
        until(|| rig.state("smol") == ReplicaState::Ready).await;
        rig.world.worker("smol").unwrap().kill();
        let died = Instant::now();
        until(|| rig.world.launches("smol") == life + 1).await;
        waits.push(died.elapsed().as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    // A minute of health, and the next death is the first again.
    until(|| rig.state("smol") == ReplicaState::Ready).await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    rig.world.worker("smol").unwrap().kill();
    let died = Instant::now();
    until(|| rig.world.launches("smol") == 9).await;
    assert_eq!(died.elapsed().as_secs(), 1);
    assert_eq!(rig.fleet.replicas()[0].failures, 8);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_does_not_start_is_told_to_those_who_wait() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(model("smol", 1)).await.unwrap();
    rig.world.fail_launches(1);
    let error = rig.fleet.acquire(&deployment, &[]).await.unwrap_err();
    assert!(matches!(error, FleetError::Launch { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(rig.state("smol"), ReplicaState::BackingOff);
    rig.fleet.acquire(&deployment, &[]).await.unwrap();
    assert_eq!(rig.world.launches("smol"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_never_gets_ready_is_killed_after_a_while() {
    let rig = Rig::new();
    rig.world.launch_slowly(true);
    let deployment = rig.fleet.deploy(model("smol", 1)).await.unwrap();
    let started = Instant::now();
    let error = rig.fleet.acquire(&deployment, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(started.elapsed().as_secs(), 120);
    until(|| rig.world.alive().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_in_doubt_gets_no_call_until_its_health_was_seen() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(model("smol", 1)).await.unwrap();
    let replica = rig.fleet.acquire(&deployment, &[]).await.unwrap().replica;
    rig.fleet.report_failure(&replica);
    assert_eq!(rig.state("smol"), ReplicaState::Suspect);
    // It is well: the retry that excluded it takes it after all, since there is no other.
    let again = rig.fleet.acquire(&deployment, std::slice::from_ref(&replica)).await.unwrap();
    assert_eq!(again.replica, replica);
    assert_eq!(rig.world.launches("smol"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_does_not_say_that_it_lives_is_replaced() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(model("smol", 1)).await.unwrap();
    drop(rig.fleet.acquire(&deployment, &[]).await.unwrap());
    rig.world.worker("smol").unwrap().engine.set_well(false);
    until(|| rig.world.launches("smol") == 2).await;
    until(|| rig.world.alive().len() == 1).await;
    rig.fleet.acquire(&deployment, &[]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_nobody_calls_is_unloaded_where_its_deployment_says_so() {
    let rig = Rig::new();
    let new = NewDeployment { idle_timeout: Some(Duration::from_mins(5)), ..model("smol", 1) };
    let deployment = rig.fleet.deploy(new).await.unwrap();
    drop(rig.fleet.acquire(&deployment, &[]).await.unwrap());
    rig.clock.advance(Duration::from_mins(4));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(rig.state("smol"), ReplicaState::Ready);
    rig.clock.advance(Duration::from_mins(1));
    until(|| rig.state("smol") == ReplicaState::Stopped).await;
    assert!(rig.world.alive().is_empty());
    rig.fleet.acquire(&deployment, &[]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_taken_away_lets_its_calls_end() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(model("smol", 1)).await.unwrap();
    let lease = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    rig.fleet.undeploy("smol").await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(rig.world.alive(), ["smol"], "a call is under way");
    drop(lease);
    until(|| rig.world.alive().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_every_worker_and_refuses_who_waits() {
    let rig = Rig::with(u64::MAX, |config| config.drain_timeout = Duration::from_secs(2));
    let deployment = rig.fleet.deploy(model("smol", 1)).await.unwrap();
    let held = [
        rig.fleet.acquire(&deployment, &[]).await.unwrap(),
        rig.fleet.acquire(&deployment, &[]).await.unwrap(),
    ];
    let mut call = Box::pin(rig.fleet.acquire(&deployment, &[]));
    assert!(futures::poll!(&mut call).is_pending());
    rig.fleet.shutdown().await;
    assert!(rig.world.alive().is_empty());
    assert!(matches!(call.await, Err(FleetError::ShuttingDown)));
    drop(held);
    assert!(rig.fleet.acquire(&deployment, &[]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_left_does_not_start_a_worker_later() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(model("smol", 1)).await.unwrap();
    let mut call = Box::pin(rig.fleet.acquire(&deployment, &[]));
    assert!(futures::poll!(&mut call).is_pending());
    drop(call);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((rig.state("smol"), rig.world.launches("smol")), (ReplicaState::Stopped, 0));
}

#[tokio::test(start_paused = true)]
async fn an_adapter_comes_and_goes_while_its_deployment_serves() {
    let rig = Rig::new();
    rig.fleet.deploy(model("m", 1)).await.unwrap();
    let law = |path: &str| Adapter { name: "law".to_owned(), path: path.to_owned() };

    let bad = rig.fleet.load_adapter("m", law("/law.zip")).await.unwrap_err();
    assert!(matches!(bad, FleetError::Invalid { param: "path", .. }), "{bad}");
    assert!(rig.fleet.offered("m:law").is_none(), "a refused one is not offered");

    let deployment = rig.fleet.load_adapter("m", law("/law.gguf")).await.unwrap();
    assert!(rig.fleet.offered("m:law").is_some());
    let lease = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    assert_eq!(lease.engine.info().await.unwrap().adapters, ["law"]);
    assert_eq!(rig.store.list_deployments().await.unwrap(), [(*deployment).clone()]);
    let twice = rig.fleet.load_adapter("m", law("/law.gguf")).await.unwrap_err();
    assert!(matches!(twice, FleetError::Invalid { param: "name", .. }), "{twice}");

    rig.fleet.unload_adapter("m", "law").await.unwrap();
    assert!(rig.fleet.offered("m:law").is_none());
    assert!(lease.engine.info().await.unwrap().adapters.is_empty());
    let gone = rig.fleet.unload_adapter("m", "law").await.unwrap_err();
    assert!(matches!(gone, FleetError::UnknownAdapter { .. }), "{gone}");
}
