//! A fleet and the world that it lives in.

use std::sync::Arc;
use std::time::Duration;

use tenfold_fleet::fake::FakeWorld;
use tenfold_fleet::memory::MemoryDeploymentStore;
use tenfold_fleet::{Config, Fleet, ModelTarget, NewDeployment, Ports, ReplicaState, Target, Upstream};
use tenfold_kernel::{MockClock, SeededRng, Timestamp};
use tokio_util::task::TaskTracker;

pub(crate) struct Rig {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) world: Arc<FakeWorld>,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) store: Arc<MemoryDeploymentStore>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(u64::MAX, |_| {})
    }

    pub(crate) fn with(total_bytes: u64, adjust: impl FnOnce(&mut Config)) -> Self {
        Self::on(Arc::new(MemoryDeploymentStore::default()), total_bytes, adjust)
    }

    pub(crate) fn on(
        store: Arc<MemoryDeploymentStore>,
        total_bytes: u64,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        let world = Arc::new(FakeWorld::new(total_bytes));
        let clock = Arc::new(MockClock::new(Timestamp(0)));
        let mut config = Config { memory_reserve_bytes: 0, ..Config::for_node("here") };
        adjust(&mut config);
        let ports = Ports {
            store: Arc::<MemoryDeploymentStore>::clone(&store),
            launcher: Arc::<FakeWorld>::clone(&world),
            connector: Arc::<FakeWorld>::clone(&world),
            machine: Arc::<FakeWorld>::clone(&world),
            clock: Arc::<MockClock>::clone(&clock),
            rng: Arc::new(SeededRng::new(7)),
        };
        Self { fleet: Arc::new(Fleet::new(config, ports, TaskTracker::new())), world, clock, store }
    }

    pub(crate) fn state(&self, deployment: &str) -> ReplicaState {
        self.fleet.replicas().iter().find(|r| &*r.deployment == deployment).unwrap().state
    }

    pub(crate) fn queued(&self, deployment: &str) -> usize {
        self.fleet.replicas().iter().find(|r| &*r.deployment == deployment).unwrap().queued
    }
}

/// An upstream deployment with a replica for each address, one place each.
pub(crate) fn upstream(name: &str, addresses: &[&str]) -> NewDeployment {
    let upstreams = addresses
        .iter()
        .map(|a| Upstream { base_url: (*a).to_owned(), api_key: None, model: "m".to_owned() })
        .collect();
    NewDeployment { max_concurrency: 1, ..NewDeployment::new(name, "v1", Target::Upstreams(upstreams)) }
}

/// A model deployment whose file is called as it is.
pub(crate) fn model(name: &str, size_bytes: u64) -> NewDeployment {
    let target = ModelTarget {
        model: format!("{name}-model"),
        path: name.into(),
        size_bytes,
        context_length: None,
        cache_bytes: 0,
        chat_template: None,
        adapters: Vec::new(),
        replicas: 1,
    };
    NewDeployment { max_concurrency: 2, ..NewDeployment::new(name, "v1", Target::Model(target)) }
}

/// Lets other tasks run until `condition` holds; time stands still meanwhile unless everything waits for it.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_hours(1), waiting).await.expect("it comes about");
}

/// Spawns a future of the test, which must not outlive it.
#[expect(clippy::disallowed_methods, reason = "a test's runtime ends with the test")]
pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(future)
}
