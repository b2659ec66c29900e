//! Deployments, replicas, queues, the scheduler and the supervisor of workers.
//!
//! A [`Deployment`] is a model version offered under a name. Behind it stand replicas: worker processes of this
//! machine, which [`Fleet`] starts when they are first called, or upstreams. [`Fleet::acquire`] chooses one and
//! returns a [`Lease`] on one of its places.
//!
//! Invariants
//! * A free place and a waiting call that may use it never exist together: whatever frees a place hands it to
//!   the first of the queue under the same lock.
//! * A place is given back exactly once, by the drop of its [`Lease`], wherever the lease is by then: in the
//!   caller's hands, or on its way to a caller who has left.
//! * A worker's death is seen by its supervisor alone. It is started again with back-off, and calls wait for it.
//! * Before a worker starts there is memory for it, or idle workers are unloaded until there is, least recently
//!   used first, or the call is refused with the sizes.
//! * Fleet knows no HTTP, no price and no model format: engines come from the [`EngineConnector`].
//!
//! Map: nouns in `deployment.rs` and `replica.rs`; the queue and the choice in `pool.rs`; `supervisor.rs` and
//! `residency.rs` (memory) behind it; the verbs in `acquire.rs`, `deploy.rs` and `adapters.rs`; `process.rs` and `machine.rs`
//! are the real [`Launcher`] and [`Machine`].

mod acquire;
mod adapters;
mod backoff;
mod config;
#[cfg(feature = "testkit")]
pub mod conformance;
mod deploy;
mod deployment;
mod error;
#[cfg(feature = "testkit")]
pub mod fake;
mod fleet;
mod lease;
mod machine;
#[cfg(feature = "testkit")]
pub mod memory;
mod pool;
mod ports;
mod process;
mod replica;
mod residency;
mod supervisor;

pub use config::Config;
pub use deployment::{Adapter, Deployment, ModelTarget, NewDeployment, Offered, Target, Upstream};
pub use error::{FleetError, LaunchError};
pub use fleet::{Fleet, Ports};
pub use lease::Lease;
pub use machine::LocalMachine;
pub use ports::{DeploymentStore, EngineConnector, Launcher, Machine, WorkerProcess, WorkerSpec};
pub use process::ProcessLauncher;
pub use replica::{ReplicaState, ReplicaStatus};
