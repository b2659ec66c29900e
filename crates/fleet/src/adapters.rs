//! Adapters of a deployment, loaded and unloaded while it serves.

use std::sync::Arc;

use tenfold_engine::{AdapterSpec, EngineError};

use crate::deployment::{Adapter, Deployment, Target};
use crate::error::FleetError;
use crate::fleet::Fleet;
use crate::pool::Pool;

impl Fleet {
    /// Loads an adapter into every worker of a deployment, and keeps it for those that start later. Answers under
    /// way are not disturbed. It is durable when this returns.
    ///
    /// A worker is started where none runs, so that an adapter that does not fit the model is refused here and does
    /// not keep a later worker from starting.
    ///
    /// # Errors
    /// [`FleetError::UnknownDeployment`]; [`FleetError::Invalid`] for an upstream, a name that is taken and a file
    /// that the engine refuses; [`FleetError::Store`], and what [`Fleet::acquire`] says.
    pub async fn load_adapter(&self, name: &str, adapter: Adapter) -> Result<Arc<Deployment>, FleetError> {
        let _alone = self.changes.lock().await;
        let pool = self.pool(name).ok_or_else(|| FleetError::unknown(name))?;
        let before = pool.deployment();
        if before.adapters().iter().any(|known| known.name == adapter.name) {
            let message = format!("`{name}` has an adapter `{}` already; unload it first", adapter.name);
            return Err(FleetError::Invalid { param: "name", message });
        }
        let spec = AdapterSpec::from(&adapter);
        let after = with_adapters(&before, |adapters| adapters.push(adapter))?;
        // Held, so that no worker is unloaded meanwhile.
        let _lease = self.acquire(&before, &[]).await?;
        // A worker that becomes ready from here on looks for what it lacks.
        pool.set_deployment(Arc::clone(&after));
        let loaded = async {
            for engine in pool.engines() {
                match engine.load_adapter(spec.clone()).await {
                    // It is gone, and what takes its place starts with the adapter.
                    Err(EngineError::Unavailable { .. }) => {}
                    answer => answer.map_err(refused)?,
                }
            }
            self.keep_target(&after).await
        };
        if let Err(error) = loaded.await {
            pool.set_deployment(before);
            unload(&pool, &spec.name).await;
            return Err(error);
        }
        tracing::info!(deployment = name, adapter = spec.name, "loaded an adapter");
        Ok(after)
    }

    /// Takes an adapter away. Answers under way with it end first.
    ///
    /// # Errors
    /// [`FleetError::UnknownDeployment`], [`FleetError::UnknownAdapter`], [`FleetError::Store`].
    pub async fn unload_adapter(&self, name: &str, adapter: &str) -> Result<Arc<Deployment>, FleetError> {
        let _alone = self.changes.lock().await;
        let pool = self.pool(name).ok_or_else(|| FleetError::unknown(name))?;
        let before = pool.deployment();
        if before.adapters().iter().all(|known| known.name != adapter) {
            return Err(FleetError::UnknownAdapter { name: name.into(), adapter: adapter.into() });
        }
        let after = with_adapters(&before, |adapters| adapters.retain(|known| known.name != adapter))?;
        // Forgotten first: a crash between the two must not bring it back.
        self.keep_target(&after).await?;
        pool.set_deployment(Arc::clone(&after));
        unload(&pool, adapter).await;
        tracing::info!(deployment = name, adapter, "unloaded an adapter");
        Ok(after)
    }

    async fn keep_target(&self, deployment: &Deployment) -> Result<(), FleetError> {
        let store = &self.shared.ports.store;
        let is_kept =
            store.update_target(&deployment.id, &deployment.target).await.map_err(FleetError::store)?;
        if is_kept { Ok(()) } else { Err(FleetError::unknown(&deployment.name)) }
    }
}

/// Brings a worker that has just become ready to its deployment's adapters, if they changed while it started.
pub(crate) async fn catch_up(pool: &Pool, engine: &dyn tenfold_engine::Engine, started_with: &[AdapterSpec]) {
    let deployment = pool.deployment();
    for adapter in deployment.adapters() {
        if started_with.iter().all(|known| known.name != adapter.name) {
            log_failure(&deployment, &adapter.name, engine.load_adapter(AdapterSpec::from(adapter)).await);
        }
    }
    for known in started_with {
        if deployment.adapters().iter().all(|adapter| adapter.name != known.name) {
            log_failure(&deployment, &known.name, engine.unload_adapter(&known.name).await);
        }
    }
}

async fn unload(pool: &Pool, adapter: &str) {
    for engine in pool.engines() {
        // One that does not have it, or is gone, has nothing to unload.
        log_failure(&pool.deployment(), adapter, engine.unload_adapter(adapter).await);
    }
}

fn log_failure(deployment: &Deployment, adapter: &str, result: Result<(), EngineError>) {
    if let Err(error) = result {
        tracing::debug!(deployment = %deployment.name, adapter, %error, "a worker did not change an adapter");
    }
}

fn with_adapters(
    deployment: &Deployment,
    change: impl FnOnce(&mut Vec<Adapter>),
) -> Result<Arc<Deployment>, FleetError> {
    let mut deployment = deployment.clone();
    let Target::Model(model) = &mut deployment.target else {
        let message = "`adapters` are for models, not for upstreams".to_owned();
        return Err(FleetError::Invalid { param: "adapters", message });
    };
    change(&mut model.adapters);
    Ok(Arc::new(deployment))
}

/// What an engine refuses is the caller's to mend; all else is the worker's.
fn refused(error: EngineError) -> FleetError {
    let message = match error {
        EngineError::Rejected { message, .. } => message,
        error => error.to_string(),
    };
    FleetError::Invalid { param: "path", message }
}
