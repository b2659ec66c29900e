//! Engines for the fleet: clients of workers' sockets and of upstreams.

use std::path::Path;
use std::sync::Arc;

use tenfold_engine::Engine;
use tenfold_engine_upstream::{Address, Config, Limits, Timeouts, UpstreamEngine};
use tenfold_fleet::{EngineConnector, Upstream};
use tenfold_kernel::{BoxError, Clock};

/// Makes clients.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) clock: Arc<dyn Clock>,
}

impl Connector {
    fn connect(&self, address: Address) -> Result<Arc<dyn Engine>, BoxError> {
        let config = Config { address, timeouts: Timeouts::default(), limits: Limits::default() };
        Ok(Arc::new(UpstreamEngine::new(&config, Arc::clone(&self.clock))?))
    }
}

impl EngineConnector for Connector {
    fn worker(&self, socket: &Path) -> Result<Arc<dyn Engine>, BoxError> {
        self.connect(Address::Worker { socket: socket.to_owned() })
    }

    fn upstream(&self, upstream: &Upstream) -> Result<Arc<dyn Engine>, BoxError> {
        let base_url = upstream.base_url.parse()?;
        self.connect(Address::Remote { base_url, api_key: upstream.api_key.clone() })
    }
}
