use std::time::Duration;

use tenfold_fleet::{FleetError, NewDeployment, ReplicaState};
use tenfold_kernel::{Classify, ErrorKind};

use crate::rig::{Rig, model, until};

const GIB: u64 = 1 << 30;

/// Three models of one GiB each on a machine that has room for two.
async fn crowded(adjust: impl FnOnce(&mut tenfold_fleet::Config)) -> Rig {
    let rig = Rig::with(3 * GIB, adjust);
    for name in ["a", "b", "c"] {
        rig.world.weighs(name, GIB + (1 << 28));
        rig.fleet.deploy(model(name, GIB)).await.unwrap();
    }
    rig
}

impl Rig {
    async fn call(&self, name: &str) -> Result<tenfold_fleet::Lease, FleetError> {
        self.clock.advance(Duration::from_secs(1));
        let deployment = self.fleet.deployment(name).unwrap();
        self.fleet.acquire(&deployment, &[]).await
    }
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_worker_makes_room() {
    let rig = crowded(|_| {}).await;
    for name in ["a", "b", "a"] {
        drop(rig.call(name).await.unwrap());
    }
    assert_eq!(rig.world.alive(), ["a", "b"], "two fit");
    drop(rig.call("c").await.unwrap());
    assert_eq!(rig.world.alive(), ["a", "c"]);
    assert_eq!(rig.state("b"), ReplicaState::Stopped);
    drop(rig.call("b").await.unwrap());
    assert_eq!(rig.world.alive(), ["c", "b"], "what was unloaded comes back in another's place");
}

#[tokio::test(start_paused = true)]
async fn a_worker_with_a_call_is_not_unloaded() {
    let rig = crowded(|_| {}).await;
    let busy = rig.call("a").await.unwrap();
    drop(rig.call("b").await.unwrap());
    drop(rig.call("c").await.unwrap());
    assert_eq!(rig.world.alive(), ["a", "c"], "a is older and works");
    drop(busy);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_can_be_unloaded_the_sizes_are_told_and_nobody_dies() {
    let rig = crowded(|_| {}).await;
    let busy = [rig.call("a").await.unwrap(), rig.call("b").await.unwrap()];
    let error = rig.call("c").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        error.to_string(),
        "the model `c` needs 1223 MiB of memory and 512 MiB can be had; nothing idle is left to unload"
    );
    assert_eq!(rig.world.alive(), ["a", "b"]);
    drop(busy);
    drop(rig.call("c").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_budget_holds_where_the_machine_has_more() {
    let rig = crowded(|config| config.memory_budget_bytes = Some(2 * GIB)).await;
    drop(rig.call("a").await.unwrap());
    // The measured size is known once the worker's health was looked at.
    until(|| rig.fleet.replicas()[0].memory_bytes == Some(GIB + (1 << 28))).await;
    drop(rig.call("b").await.unwrap());
    assert_eq!(rig.world.alive(), ["b"], "a measured 1.25 GiB and 1.2 GiB are more than two");
}

#[tokio::test(start_paused = true)]
async fn two_workers_that_start_at_once_are_not_given_the_same_memory() {
    let rig = Rig::with(3 * GIB, |_| {});
    rig.world.launch_slowly(true);
    for name in ["a", "b", "c"] {
        rig.fleet.deploy(model(name, GIB)).await.unwrap();
    }
    let deployments = ["a", "b", "c"].map(|name| rig.fleet.deployment(name).unwrap());
    let calls = deployments.iter().map(|d| Box::pin(rig.fleet.acquire(d, &[])));
    let (refused, _, others) = futures::future::select_all(calls).await;
    assert!(matches!(refused, Err(FleetError::OutOfMemory { .. })), "{refused:?}");
    assert_eq!(others.len(), 2);
    assert_eq!(rig.world.alive().len(), 2, "though nothing is used yet");
}

#[tokio::test(start_paused = true)]
async fn what_is_to_stay_is_unloaded_last() {
    let rig = Rig::with(3 * GIB, |_| {});
    for (name, eager) in [("a", true), ("b", false), ("c", false)] {
        rig.world.weighs(name, GIB + (1 << 28));
        rig.fleet.deploy(NewDeployment { eager, ..model(name, GIB) }).await.unwrap();
    }
    until(|| rig.state("a") == ReplicaState::Ready).await;
    drop(rig.call("b").await.unwrap());
    drop(rig.call("c").await.unwrap());
    assert_eq!(rig.world.alive(), ["a", "c"]);
}
