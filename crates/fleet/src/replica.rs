//! Replicas, as status pages and metrics see them.

use std::sync::Arc;

use serde::Serialize;
use tenfold_kernel::{ReplicaId, Timestamp};

/// What a replica is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaState {
    /// Not loaded; the next call starts it.
    Stopped,
    /// Its worker is starting.
    Starting,
    /// It takes calls.
    Ready,
    /// A call failed on it; its health is being looked at.
    Suspect,
    /// Its worker died or did not start; the next start waits.
    BackingOff,
    /// Its worker is ending.
    Stopping,
}

/// A replica at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplicaStatus {
    /// Its id; absent for a worker that does not run.
    pub id: Option<ReplicaId>,
    /// The deployment that it belongs to.
    pub deployment: Arc<str>,
    /// `worker` or `upstream`.
    pub kind: &'static str,
    /// The machine that it runs on, or that calls it.
    pub node: Arc<str>,
    /// What it is doing.
    pub state: ReplicaState,
    /// Since when.
    pub since: Timestamp,
    /// Calls that it works on.
    pub in_flight: u32,
    /// Calls that it takes at once.
    pub capacity: u32,
    /// Calls that wait for its deployment.
    pub queued: usize,
    /// The worker's process.
    pub pid: Option<u32>,
    /// What the worker's process takes of the memory, as last measured.
    pub memory_bytes: Option<u64>,
    /// How often the worker died or failed to start.
    pub failures: u64,
}
