//! Identity with a first organisation.

use std::sync::Arc;

use tenfold_identity::{Bootstrap, Config, Identity, IdentityError, MemoryStore, Ports, Rejection};
use tenfold_kernel::{Caller, MockClock, SeededRng, Timestamp};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

#[derive(Debug)]
pub(crate) struct House {
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) ports: Ports,
    pub(crate) made: Bootstrap,
    /// The caller of the admin key.
    pub(crate) admin: Caller,
}

/// A house whose process alone writes (it remembers keys) or one of several.
pub(crate) async fn house(exclusive: bool) -> House {
    let ports = Ports::of(Arc::new(MemoryStore::new()));
    let clock = Arc::new(MockClock::new(NOW));
    let config = Config { pepper: [9; 32], exclusive, cache_size: 100 };
    let identity =
        Identity::new(config, ports.clone(), Arc::clone(&clock) as Arc<_>, Arc::new(SeededRng::new(1)));
    let made = identity.bootstrap().await.unwrap().unwrap();
    let admin = identity.authenticate(made.admin_key.expose()).await.unwrap();
    House { identity, clock, ports, made, admin }
}

impl House {
    pub(crate) async fn rejection(&self, secret: &str) -> Option<Rejection> {
        match self.identity.authenticate(secret).await {
            Ok(_) => None,
            Err(IdentityError::KeyRejected { reason, .. }) => Some(reason),
            Err(other) => panic!("{other:?}"),
        }
    }
}
