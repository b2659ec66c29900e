use std::sync::Arc;

use tenfold_fleet::memory::MemoryDeploymentStore;
use tenfold_fleet::{FleetError, NewDeployment, Target, conformance};

use crate::rig::{Rig, model, upstream};

#[tokio::test]
async fn the_memory_store_passes_the_suite() {
    conformance::deployment_store(&MemoryDeploymentStore::default()).await;
}

#[tokio::test]
async fn deployments_are_there_again_after_a_restart() {
    let rig = Rig::new();
    rig.fleet.deploy(upstream("up", &["http://a"])).await.unwrap();
    let made = rig.fleet.deploy(model("smol", 1)).await.unwrap();
    rig.fleet.shutdown().await;
    let again = Rig::on(Arc::clone(&rig.store), u64::MAX, |_| {});
    assert_eq!(again.fleet.load().await.unwrap(), 2);
    assert_eq!(again.fleet.deployment("smol"), Some(made));
    let names: Vec<_> = again.fleet.deployments().iter().map(|d| d.name.to_string()).collect();
    assert_eq!(names, ["smol", "up"]);
    let up = again.fleet.deployment("up").unwrap();
    again.fleet.acquire(&up, &[]).await.unwrap();
}

#[tokio::test]
async fn a_stored_deployment_that_cannot_be_offered_does_not_stop_the_others() {
    let rig = Rig::new();
    rig.fleet.deploy(upstream("good", &["http://a"])).await.unwrap();
    let kept = rig.fleet.deployment("good").unwrap();
    let mut bad = kept.as_ref().clone();
    bad.id = tenfold_kernel::DeploymentId::parse("dep_bad").unwrap();
    bad.name = "bad".into();
    if let Target::Upstreams(upstreams) = &mut bad.target {
        "gopher://x".clone_into(&mut upstreams[0].base_url);
    }
    tenfold_fleet::DeploymentStore::insert_deployment(rig.store.as_ref(), &bad).await.unwrap();
    let again = Rig::on(Arc::clone(&rig.store), u64::MAX, |_| {});
    assert_eq!(again.fleet.load().await.unwrap(), 1);
    assert!(again.fleet.deployment("bad").is_none());
}

#[tokio::test]
async fn what_is_wrong_with_a_new_deployment_is_said_by_field() {
    let rig = Rig::new();
    let good = || upstream("x", &["http://a"]);
    for (new, field) in [
        (NewDeployment { name: String::new(), ..good() }, "name"),
        (NewDeployment { name: "a b".to_owned(), ..good() }, "name"),
        (NewDeployment { max_concurrency: 0, ..good() }, "max_concurrency"),
        (NewDeployment { queue_limit: u32::MAX, ..good() }, "queue_limit"),
        (NewDeployment { target: Target::Upstreams(Vec::new()), ..good() }, "upstreams"),
        (upstream("x", &["gopher://a"]), "base_url"),
    ] {
        match rig.fleet.deploy(new).await {
            Err(FleetError::Invalid { param, .. }) => assert_eq!(param, field),
            other => panic!("{field}: {other:?}"),
        }
    }
    assert!(rig.fleet.deployments().is_empty());
}

#[tokio::test]
async fn a_name_is_given_once() {
    let rig = Rig::new();
    rig.fleet.deploy(upstream("x", &["http://a"])).await.unwrap();
    assert!(matches!(rig.fleet.deploy(model("x", 1)).await, Err(FleetError::NameTaken { .. })));
    rig.fleet.undeploy("x").await.unwrap();
    assert!(matches!(rig.fleet.undeploy("x").await, Err(FleetError::UnknownDeployment { .. })));
    rig.fleet.deploy(model("x", 1)).await.unwrap();
}
