use std::time::Duration;

use tenfold_fleet::{FleetError, NewDeployment};

use crate::rig::{Rig, upstream};

#[tokio::test(start_paused = true)]
async fn the_least_loaded_replica_is_chosen() {
    let rig = Rig::new();
    let new = NewDeployment { max_concurrency: 4, ..upstream("x", &["http://a", "http://b", "http://c"]) };
    let deployment = rig.fleet.deploy(new).await.unwrap();
    let mut leases = Vec::new();
    for _ in 0..12 {
        leases.push(rig.fleet.acquire(&deployment, &[]).await.unwrap());
        let loads: Vec<u32> = rig.fleet.replicas().iter().map(|r| r.in_flight).collect();
        assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1, "{loads:?}");
    }
    let freed = leases.remove(5);
    let replica = freed.replica.clone();
    drop(freed);
    assert_eq!(rig.fleet.acquire(&deployment, &[]).await.unwrap().replica, replica);
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_elsewhere_or_is_told_at_once_that_there_is_no_elsewhere() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(upstream("x", &["http://a", "http://b"])).await.unwrap();
    let first = rig.fleet.acquire(&deployment, &[]).await.unwrap().replica;
    let second = rig.fleet.acquire(&deployment, std::slice::from_ref(&first)).await.unwrap().replica;
    assert_ne!(first, second);
    let error = rig.fleet.acquire(&deployment, &[first, second]).await.unwrap_err();
    assert!(matches!(error, FleetError::NoReplica { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_free_replica_that_one_call_excludes_serves_the_next_in_the_queue() {
    let rig = Rig::new();
    let deployment = rig.fleet.deploy(upstream("x", &["http://a", "http://b"])).await.unwrap();
    let a = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    let b = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    let excluded = [a.replica.clone()];
    let mut picky = Box::pin(rig.fleet.acquire(&deployment, &excluded));
    assert!(futures::poll!(&mut picky).is_pending());
    let mut easy = Box::pin(rig.fleet.acquire(&deployment, &[]));
    assert!(futures::poll!(&mut easy).is_pending());
    drop(a);
    let easy = easy.await.unwrap();
    assert!(excluded.contains(&easy.replica));
    assert!(futures::poll!(&mut picky).is_pending());
    let b_replica = b.replica.clone();
    drop(b);
    assert_eq!(picky.await.unwrap().replica, b_replica);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_failed_is_the_second_choice_for_a_while_and_never_lost() {
    let rig = Rig::new();
    let new = NewDeployment { max_concurrency: 2, ..upstream("x", &["http://a", "http://b"]) };
    let deployment = rig.fleet.deploy(new).await.unwrap();
    let bad = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    bad.failed();
    let bad = bad.replica.clone();
    let mut held = Vec::new();
    for _ in 0..2 {
        let lease = rig.fleet.acquire(&deployment, &[]).await.unwrap();
        assert_ne!(lease.replica, bad);
        held.push(lease);
    }
    // Nothing else is free: better tried than refused.
    assert_eq!(rig.fleet.acquire(&deployment, &[]).await.unwrap().replica, bad);
    held.clear();
    rig.fleet.report_failure(&bad);
    rig.fleet.report_failure(&bad);
    rig.clock.advance(Duration::from_secs(3));
    let first = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    assert_ne!(first.replica, bad, "it failed again and is left alone for longer");
    rig.clock.advance(Duration::from_secs(30));
    let second = rig.fleet.acquire(&deployment, &[]).await.unwrap();
    assert_eq!(second.replica, bad, "after a while it is as good as any");
    drop(second);
    assert_eq!(rig.fleet.replicas().iter().map(|r| r.failures).sum::<u64>(), 3);
}
