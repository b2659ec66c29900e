//! What the fleet asks of the outside.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tenfold_engine::{AdapterSpec, Engine};
use tenfold_kernel::{BoxError, DeploymentId};

use crate::deployment::{Deployment, Target, Upstream};
use crate::error::LaunchError;

/// Keeps deployments.
#[async_trait]
pub trait DeploymentStore: Send + Sync + Debug {
    /// All of them, oldest first.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn list_deployments(&self) -> Result<Vec<Deployment>, BoxError>;

    /// Keeps a new one; `false`, and nothing kept, where there is one of that name or id. Durable when it returns.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn insert_deployment(&self, deployment: &Deployment) -> Result<bool, BoxError>;

    /// Keeps another target for one; says whether there is one. Durable when it returns.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn update_target(&self, id: &DeploymentId, target: &Target) -> Result<bool, BoxError>;

    /// Forgets one; says whether there was one. Durable when it returns.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn delete_deployment(&self, id: &DeploymentId) -> Result<bool, BoxError>;
}

/// What a worker is to run: the platform writes it as one line of JSON to the worker's standard input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerSpec {
    /// The deployment, for logs.
    pub deployment: String,
    /// The name under which requests ask for the model.
    pub model: String,
    /// The version of the model, for `system_fingerprint`.
    pub version: String,
    /// The file of the model.
    pub path: PathBuf,
    /// Tokens that one sequence may hold; what the model was made for when not given.
    #[serde(default)]
    pub context_length: Option<u64>,
    /// Sequences that run at once.
    pub max_concurrency: u32,
    /// A chat template in place of the model's own.
    #[serde(default)]
    pub chat_template: Option<String>,
    /// Adapters to load before the first call.
    #[serde(default)]
    pub adapters: Vec<AdapterSpec>,
}

/// Starts workers.
#[async_trait]
pub trait Launcher: Send + Sync + Debug {
    /// Starts a worker and returns at once; whether it gets ready is seen on its socket.
    ///
    /// # Errors
    /// [`LaunchError::Spawn`].
    async fn launch(&self, spec: &WorkerSpec) -> Result<Box<dyn WorkerProcess>, LaunchError>;
}

/// A worker's process. Dropping it kills the process.
#[async_trait]
pub trait WorkerProcess: Send + Debug {
    /// Its process id, where it has one.
    fn pid(&self) -> Option<u32>;

    /// Where it listens.
    fn socket(&self) -> &Path;

    /// Waits until it has ended, and says how. May be cancelled and called again.
    async fn exited(&mut self) -> String;

    /// Asks it to end, waits for at most `grace`, then kills it. It is gone when this returns.
    async fn stop(&mut self, grace: Duration);
}

/// Makes engines. The binary plugs `tenfold-engine-upstream` in here.
pub trait EngineConnector: Send + Sync + Debug {
    /// The engine behind a worker's socket. Nothing is sent yet.
    ///
    /// # Errors
    /// Where no client can be made.
    fn worker(&self, socket: &Path) -> Result<Arc<dyn Engine>, BoxError>;

    /// The engine behind an upstream. Nothing is sent yet.
    ///
    /// # Errors
    /// Where the address or the key cannot be used.
    fn upstream(&self, upstream: &Upstream) -> Result<Arc<dyn Engine>, BoxError>;
}

/// The memory of this machine.
pub trait Machine: Send + Sync + Debug {
    /// What can be had without swapping.
    fn available_bytes(&self) -> u64;

    /// What a process takes.
    fn resident_bytes(&self, pid: u32) -> Option<u64>;
}
