//! What any [`DeploymentStore`] must do.

#![expect(clippy::expect_used, reason = "a suite of tests reports by panicking")]

use std::time::Duration;

use tenfold_kernel::{DeploymentId, ProjectId, Secret, Timestamp};

use crate::deployment::{Adapter, Deployment, ModelTarget, Target, Upstream};
use crate::ports::DeploymentStore;

/// Runs the suite on an empty store.
pub async fn deployment_store(store: &dyn DeploymentStore) {
    assert_eq!(store.list_deployments().await.expect("lists"), []);
    let (first, second) = (model("dep_1", "first", 1000), upstream("dep_2", "second", 2000));
    // The younger one first: the order is by time, not by insertion.
    assert!(store.insert_deployment(&second).await.expect("inserts"));
    assert!(store.insert_deployment(&first).await.expect("inserts"));
    let kept = store.list_deployments().await.expect("lists");
    assert_eq!(kept, [first.clone(), second.clone()], "everything is kept as it was, keys included");

    let same_name = Deployment { id: id("dep_3"), ..upstream("dep_3", "first", 3000) };
    assert!(!store.insert_deployment(&same_name).await.expect("answers"), "a name is given once");
    assert!(
        !store
            .insert_deployment(&Deployment { name: "other".into(), ..first.clone() })
            .await
            .expect("answers")
    );
    assert_eq!(store.list_deployments().await.expect("lists"), kept, "a refused one changes nothing");

    let changed = Deployment { target: upstream("dep_9", "c", 0).target, ..second };
    assert!(store.update_target(&changed.id, &changed.target).await.expect("updates"));
    assert!(
        !store.update_target(&id("dep_9"), &changed.target).await.expect("answers"),
        "there is none to change"
    );
    let second = changed;

    assert!(store.delete_deployment(&first.id).await.expect("deletes"));
    assert!(!store.delete_deployment(&first.id).await.expect("answers"), "what is gone is gone");
    assert!(
        store.insert_deployment(&same_name).await.expect("inserts"),
        "a name that is free again can be given"
    );
    assert_eq!(store.list_deployments().await.expect("lists"), [second, same_name]);
}

fn id(text: &str) -> DeploymentId {
    DeploymentId::parse(text).expect("an id")
}

fn model(id_text: &str, name: &str, created_ms: i64) -> Deployment {
    let target = Target::Model(ModelTarget {
        model: "smollm2-135m-instruct".to_owned(),
        path: "/models/smol.gguf".into(),
        size_bytes: 1 << 40,
        context_length: Some(8192),
        cache_bytes: 7,
        chat_template: Some("{{ messages }} 模".to_owned()),
        adapters: vec![Adapter { name: "law".to_owned(), path: "/models/law.gguf".to_owned() }],
        replicas: 2,
    });
    Deployment {
        id: id(id_text),
        name: name.into(),
        version: "v1".into(),
        target,
        max_concurrency: 4,
        queue_limit: 0,
        queue_timeout: Duration::from_millis(1500),
        eager: true,
        idle_timeout: Some(Duration::from_secs(90)),
        created_at: Timestamp(created_ms),
        project: Some(ProjectId::parse("proj_1").expect("an id")),
    }
}

fn upstream(id_text: &str, name: &str, created_ms: i64) -> Deployment {
    let target = Target::Upstreams(vec![
        Upstream {
            base_url: "https://api.example.com/v1".to_owned(),
            api_key: Some(Secret::new("sk-1")),
            model: "large".to_owned(),
        },
        Upstream { base_url: "http://127.0.0.1:8000/v1".to_owned(), api_key: None, model: "m".to_owned() },
    ]);
    Deployment {
        target,
        max_concurrency: 64,
        queue_limit: 1000,
        eager: false,
        idle_timeout: None,
        project: None,
        ..model(id_text, name, created_ms)
    }
}
