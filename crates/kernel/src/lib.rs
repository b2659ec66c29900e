//! What every crate of Tenfold shares: ids, time, randomness, money, units, error kinds and the caller.
//!
//! Invariants: no I/O but the system clock and the system's randomness, both behind traits; no floats near
//! money; nothing in here knows HTTP, SQL or a model.

mod access;
mod caller;
mod clock;
mod error;
mod id;
mod money;
mod rng;
mod secret;
mod units;

pub use access::{Access, Area, Level};
pub use caller::{Caller, Role, Scope};
#[cfg(feature = "testkit")]
pub use clock::MockClock;
pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{BoxError, Classify, ErrorKind};
pub use id::{
    ApiKeyId, ChallengeId, DeploymentId, EventId, InvalidId, InviteId, JobId, OrganizationId, PasskeyId,
    ProjectId, ReplicaId, RequestId, ResponseId, ServiceAccountId, SessionId, UserId,
};
pub use money::{Currency, InvalidCurrency, Money};
#[cfg(feature = "testkit")]
pub use rng::SeededRng;
pub use rng::{Rng, SystemRng, base62};
pub use secret::Secret;
pub use units::{Unit, Units, UnknownUnit};
