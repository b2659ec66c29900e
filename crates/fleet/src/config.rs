//! How the fleet is run.

use std::sync::Arc;
use std::time::Duration;

/// How the fleet is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// This machine's name, as events record it.
    pub node: Arc<str>,
    /// Workers together may use so much memory; without it, what the machine has.
    pub memory_budget_bytes: Option<u64>,
    /// So much of the machine's available memory is left alone.
    pub memory_reserve_bytes: u64,
    /// A worker that does not answer within this after its start has failed. Calls wait as long for one.
    pub launch_timeout: Duration,
    /// Between two looks at a worker's health.
    pub health_interval: Duration,
    /// A worker that takes longer to say that it lives does not.
    pub health_timeout: Duration,
    /// So many looks in a row must fail before a worker is given up.
    pub health_failures: u32,
    /// How long a worker that is asked to end may take before it is killed.
    pub stop_grace: Duration,
    /// How long the calls of a deployment that is taken away may go on.
    pub drain_timeout: Duration,
}

impl Config {
    /// What suits one machine called `node`.
    pub fn for_node(node: &str) -> Self {
        Self {
            node: node.into(),
            memory_budget_bytes: None,
            memory_reserve_bytes: 256 << 20,
            launch_timeout: Duration::from_mins(2),
            health_interval: Duration::from_secs(3),
            health_timeout: Duration::from_secs(10),
            health_failures: 3,
            stop_grace: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(30),
        }
    }
}
