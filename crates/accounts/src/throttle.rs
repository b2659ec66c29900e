//! How long whoever guesses has to wait.

use std::time::Duration;

use tenfold_identity::Digest;
use tenfold_kernel::Timestamp;

const FREE: u32 = 5;
const LONGEST: Duration = Duration::from_mins(15);
/// After how long without a failure those before are forgotten, and how long they are kept at least.
pub const MEMORY: Duration = Duration::from_hours(1);

/// What guesses are counted by: the keyed hash of an address or of a user's id. Addresses are counted whether or not
/// somebody has them, so that waiting tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptKey(pub Digest);

/// An attempt that was counted as a failure, before it is known whether it is one: of many at once, no more than
/// the free ones get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// How many failures there are with it.
    pub failures: u32,
    /// Until when nobody gets through, if it is to be a failure.
    pub locked_until: Option<Timestamp>,
}

/// Whether an attempt may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may, and is counted.
    Admitted(Attempt),
    /// It may not, and changed nothing.
    Locked {
        /// Until when.
        until: Timestamp,
    },
}

/// What was kept of the attempts before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the last one was.
    pub last_at: Option<Timestamp>,
    /// Until when nobody gets through.
    pub locked_until: Option<Timestamp>,
}

impl Failures {
    /// Counts one more attempt at `now`, unless it has to wait. For adapters, which do so atomically.
    pub fn admit(self, now: Timestamp) -> Admission {
        if let Some(until) = self.locked_until.filter(|until| *until > now) {
            return Admission::Locked { until };
        }
        let forgotten = self.last_at.is_none_or(|at| at.plus(MEMORY) <= now);
        let failures = if forgotten { 1 } else { self.count.saturating_add(1) };
        Admission::Admitted(Attempt { failures, locked_until: wait(failures).map(|wait| now.plus(wait)) })
    }
}

/// How long the next attempt waits after so many failures: after 5 of them 1, 2, 4, 8 and then 15 minutes.
fn wait(failures: u32) -> Option<Duration> {
    let beyond = failures.checked_sub(FREE)?;
    let minutes = 1_u64.checked_shl(beyond).filter(|minutes| *minutes < 15);
    Some(minutes.map_or(LONGEST, Duration::from_mins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let waits: Vec<_> = [1, 4, 5, 6, 7, 8, 9, 10, 69, 70, u32::MAX].map(wait).into();
        let minutes = |n| Some(Duration::from_mins(n));
        let expected = [
            None,
            None,
            minutes(1),
            minutes(2),
            minutes(4),
            minutes(8),
            minutes(15),
            minutes(15),
            minutes(15),
            minutes(15),
            minutes(15),
        ];
        assert_eq!(waits, expected);
    }

    #[test]
    fn failures_are_forgotten_after_an_hour_of_peace() {
        let (now, hour) = (Timestamp(10_000_000), Timestamp(10_000_000).plus(MEMORY));
        let nine =
            Failures { count: 9, last_at: Some(now), locked_until: Some(now.plus(Duration::from_mins(15))) };
        assert!(matches!(nine.admit(now), Admission::Locked { .. }));
        let later = Timestamp(hour.0 - 1);
        assert!(matches!(nine.admit(later), Admission::Admitted(Attempt { failures: 10, .. })));
        assert_eq!(nine.admit(hour), Admission::Admitted(Attempt { failures: 1, locked_until: None }));
    }
}
