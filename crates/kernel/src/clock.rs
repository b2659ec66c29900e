//! Time as a parameter.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole seconds since the epoch, as the OpenAI API writes `created_at`.
    pub fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment `seconds` after the epoch.
    pub fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// The moment `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// Where time comes from.
pub trait Clock: Send + Sync + Debug {
    /// The time of day, for records.
    fn now(&self) -> Timestamp;

    /// A time that never goes back, for durations.
    fn monotonic(&self) -> Instant;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others are told to take")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until it is told to move.
#[cfg(feature = "testkit")]
#[derive(Debug)]
pub struct MockClock {
    start: Instant,
    state: std::sync::Mutex<(Timestamp, Duration)>,
}

#[cfg(feature = "testkit")]
impl MockClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { start: Instant::now(), state: std::sync::Mutex::new((now, Duration::ZERO)) }
    }

    /// Sets the time of day alone, as whoever sets a machine's clock.
    pub fn set(&self, now: Timestamp) {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0 = now;
    }

    /// Moves both times forward.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.0 = state.0.plus(by);
        state.1 += by;
    }
}

#[cfg(feature = "testkit")]
impl Clock for MockClock {
    fn now(&self) -> Timestamp {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0
    }

    fn monotonic(&self) -> Instant {
        self.start + self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1
    }
}
