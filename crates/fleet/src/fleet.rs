//! The fleet.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tenfold_kernel::{Clock, ReplicaId, Rng};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::deployment::{Deployment, Offered};
use crate::error::FleetError;
use crate::pool::Pool;
use crate::ports::{DeploymentStore, EngineConnector, Launcher, Machine};
use crate::replica::ReplicaStatus;

/// What the fleet is plugged into.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Keeps deployments.
    pub store: Arc<dyn DeploymentStore>,
    /// Starts workers.
    pub launcher: Arc<dyn Launcher>,
    /// Makes engines.
    pub connector: Arc<dyn EngineConnector>,
    /// Knows this machine's memory.
    pub machine: Arc<dyn Machine>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub rng: Arc<dyn Rng>,
}

/// All deployments and their replicas.
#[derive(Debug)]
pub struct Fleet {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tracker: TaskTracker,
    /// One deployment is made or taken away at a time.
    pub(crate) changes: tokio::sync::Mutex<()>,
    pub(crate) supervisors: Mutex<HashMap<Arc<str>, Vec<JoinHandle<()>>>>,
}

/// What the fleet and its supervisors share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) ports: Ports,
    pub(crate) pools: RwLock<HashMap<Arc<str>, Arc<Pool>>>,
    /// Held while memory for a worker is found: one at a time, or two would be given the same memory.
    pub(crate) admission: tokio::sync::Mutex<()>,
}

impl Fleet {
    /// A fleet without deployments; [`Fleet::load`] brings those of the store.
    ///
    /// Supervisors run as tasks of `tracker` until [`Fleet::shutdown`].
    pub fn new(config: Config, ports: Ports, tracker: TaskTracker) -> Self {
        let shared = Shared {
            config,
            ports,
            pools: RwLock::new(HashMap::new()),
            admission: tokio::sync::Mutex::new(()),
        };
        Self {
            shared: Arc::new(shared),
            tracker,
            changes: tokio::sync::Mutex::new(()),
            supervisors: Mutex::new(HashMap::new()),
        }
    }

    /// All deployments, by name.
    pub fn deployments(&self) -> Vec<Arc<Deployment>> {
        let pools = self.shared.pools.read();
        let mut all: Vec<_> = pools.values().map(|pool| pool.deployment()).collect();
        drop(pools);
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The deployment called `name`.
    pub fn deployment(&self, name: &str) -> Option<Arc<Deployment>> {
        self.shared.pools.read().get(name).map(|pool| pool.deployment())
    }

    /// What is offered as `model`: the deployment of that name, or an adapter as `deployment:adapter`.
    pub fn offered(&self, model: &str) -> Option<Offered> {
        if let Some(deployment) = self.deployment(model) {
            return Some(Offered { deployment, adapter: None });
        }
        let (name, adapter) = model.rsplit_once(':')?;
        let deployment = self.deployment(name)?;
        let is_there = deployment.adapters().iter().any(|known| known.name == adapter);
        is_there.then(|| Offered { deployment, adapter: Some(adapter.into()) })
    }

    /// All replicas, in the order of their deployments' names.
    pub fn replicas(&self) -> Vec<ReplicaStatus> {
        let mut pools: Vec<_> = self.shared.pools.read().values().map(Arc::clone).collect();
        pools.sort_by(|a, b| a.deployment().name.cmp(&b.deployment().name));
        pools.iter().flat_map(|pool| pool.statuses()).collect()
    }

    /// Says that a call failed on a replica in a way that others would meet too: it is not chosen before its
    /// health was seen (a worker), or for a while (an upstream).
    pub fn report_failure(&self, replica: &ReplicaId) {
        let pools: Vec<_> = self.shared.pools.read().values().map(Arc::clone).collect();
        let _ = pools.iter().any(|pool| pool.suspect(replica));
    }

    /// Ends every worker and refuses whoever waits. Calls under way have the configured time to end.
    pub async fn shutdown(&self) {
        let _alone = self.changes.lock().await;
        let pools: Vec<_> = self.shared.pools.write().drain().map(|(_, pool)| pool).collect();
        for pool in &pools {
            pool.close(&FleetError::ShuttingDown);
        }
        let handles: Vec<_> = std::mem::take(&mut *self.supervisors.lock()).into_values().flatten().collect();
        for handle in handles {
            // A supervisor that panicked has dropped its process, which kills it.
            let _ = handle.await;
        }
    }

    pub(crate) fn pool(&self, name: &str) -> Option<Arc<Pool>> {
        self.shared.pools.read().get(name).map(Arc::clone)
    }

    pub(crate) fn launch_timeout(&self) -> Duration {
        self.shared.config.launch_timeout
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // Without this the supervisors would keep workers alive that nobody can call.
        for pool in self.shared.pools.read().values() {
            pool.closing.cancel();
        }
    }
}
