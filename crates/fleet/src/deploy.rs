//! Making deployments and taking them away.

use std::sync::Arc;
use std::time::Duration;

use tenfold_kernel::DeploymentId;

use crate::deployment::{Deployment, NAME_LIMIT_BYTES, NewDeployment, Target};
use crate::error::FleetError;
use crate::fleet::Fleet;
use crate::pool::Pool;
use crate::supervisor::Supervisor;

/// A queue longer than this is a mistake in a file, and memory.
const QUEUE_LIMIT_LARGEST: u32 = 100_000;
const CONCURRENCY_LARGEST: u32 = 65_536;
const REPLICAS_LARGEST: u32 = 64;

impl Fleet {
    /// Brings the deployments that the store keeps. Returns how many.
    ///
    /// One that cannot be offered any more (its upstream's address is refused, say) is logged and left out: the
    /// others are served.
    ///
    /// # Errors
    /// [`FleetError::Store`].
    pub async fn load(&self) -> Result<usize, FleetError> {
        let _alone = self.changes.lock().await;
        let kept = self.shared.ports.store.list_deployments().await.map_err(FleetError::store)?;
        let mut n_loaded = 0;
        for deployment in kept {
            let name = Arc::clone(&deployment.name);
            match self.pool_of(deployment) {
                Ok(pool) => {
                    self.start(pool);
                    n_loaded += 1;
                }
                Err(error) => tracing::error!(deployment = %name, %error, "a stored deployment is left out"),
            }
        }
        Ok(n_loaded)
    }

    /// Offers a model version under a name. It is durable when this returns.
    ///
    /// # Errors
    /// [`FleetError::Invalid`], [`FleetError::NameTaken`], [`FleetError::Store`].
    pub async fn deploy(&self, new: NewDeployment) -> Result<Arc<Deployment>, FleetError> {
        let _alone = self.changes.lock().await;
        let ports = &self.shared.ports;
        let deployment = Deployment {
            id: DeploymentId::generate(ports.rng.as_ref()),
            name: new.name.as_str().into(),
            version: new.version.into(),
            target: new.target,
            max_concurrency: new.max_concurrency,
            queue_limit: new.queue_limit,
            queue_timeout: new.queue_timeout,
            eager: new.eager,
            idle_timeout: new.idle_timeout,
            created_at: ports.clock.now(),
            project: new.project,
        };
        if self.pool(&deployment.name).is_some() {
            return Err(FleetError::NameTaken { name: new.name });
        }
        let pool = self.pool_of(deployment)?;
        if !ports.store.insert_deployment(&pool.deployment()).await.map_err(FleetError::store)? {
            return Err(FleetError::NameTaken { name: new.name });
        }
        let deployment = pool.deployment();
        self.start(pool);
        tracing::info!(deployment = %deployment.name, "deployed");
        Ok(deployment)
    }

    /// Takes a deployment away. Calls that wait are refused; those under way have the configured time to end.
    ///
    /// # Errors
    /// [`FleetError::UnknownDeployment`], [`FleetError::Store`].
    pub async fn undeploy(&self, name: &str) -> Result<Arc<Deployment>, FleetError> {
        let _alone = self.changes.lock().await;
        let pool = self.pool(name).ok_or_else(|| FleetError::unknown(name))?;
        // Forgotten first: a crash between the two must not bring it back.
        self.shared.ports.store.delete_deployment(&pool.deployment().id).await.map_err(FleetError::store)?;
        self.shared.pools.write().remove(name);
        pool.close(&FleetError::unknown(name));
        // Its supervisors end by themselves, as tasks of the tracker.
        self.supervisors.lock().remove(name);
        tracing::info!(deployment = name, "undeployed");
        Ok(pool.deployment())
    }

    /// Checks a deployment and makes what it needs to be offered. Nothing is started.
    fn pool_of(&self, deployment: Deployment) -> Result<Arc<Pool>, FleetError> {
        check(&deployment)?;
        let ports = &self.shared.ports;
        let engines = match &deployment.target {
            Target::Model(_) => Vec::new(),
            Target::Upstreams(upstreams) => upstreams
                .iter()
                .map(|upstream| ports.connector.upstream(upstream))
                .collect::<Result<_, _>>()
                .map_err(|error| FleetError::Invalid {
                    param: "base_url",
                    message: format!("the upstream cannot be used: {}", chain(error.as_ref())),
                })?,
        };
        let (node, clock, rng) =
            (Arc::clone(&self.shared.config.node), Arc::clone(&ports.clock), Arc::clone(&ports.rng));
        Ok(Arc::new(Pool::new(deployment, engines, node, clock, rng)))
    }

    /// Offers a pool's deployment from now on, and starts what supervises its workers.
    fn start(&self, pool: Arc<Pool>) {
        let name = Arc::clone(&pool.deployment().name);
        if let Target::Model(model) = &pool.deployment().target {
            let supervisors = (0..model.replicas as usize)
                .map(|slot| {
                    let supervisor =
                        Supervisor { shared: Arc::clone(&self.shared), pool: Arc::clone(&pool), slot };
                    self.tracker.spawn(supervisor.run())
                })
                .collect();
            self.supervisors.lock().insert(Arc::clone(&name), supervisors);
        }
        self.shared.pools.write().insert(name, pool);
    }
}

fn check(deployment: &Deployment) -> Result<(), FleetError> {
    let invalid = |param, message: &str| Err(FleetError::Invalid { param, message: message.to_owned() });
    let name = deployment.name.as_ref();
    let fits = !name.is_empty()
        && name.len() <= NAME_LIMIT_BYTES
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/@-".contains(&b));
    if !fits {
        return invalid("name", "a deployment's name is 1 to 128 letters, digits and `._:/@-`");
    }
    if !(1..=CONCURRENCY_LARGEST).contains(&deployment.max_concurrency) {
        return invalid("max_concurrency", "`max_concurrency` is between 1 and 65536");
    }
    if deployment.queue_limit > QUEUE_LIMIT_LARGEST {
        return invalid("queue_limit", "`queue_limit` is at most 100000");
    }
    if deployment.queue_timeout > Duration::from_hours(24) {
        return invalid("queue_timeout", "`queue_timeout` is at most a day");
    }
    match &deployment.target {
        Target::Model(model) if !(1..=REPLICAS_LARGEST).contains(&model.replicas) => {
            invalid("replicas", "`replicas` is between 1 and 64")
        }
        Target::Upstreams(upstreams) if upstreams.is_empty() => {
            invalid("upstreams", "a deployment needs at least one upstream")
        }
        Target::Model(_) | Target::Upstreams(_) => Ok(()),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
