//! Limits: requests and tokens a minute and calls at a time, per project and deployment.
//!
//! Each limit a minute is a bucket that holds one minute's worth and fills evenly, so a project that was
//! idle may start with a burst of a whole minute's worth. The buckets live in this process: with several
//! processes in front of one database each grants the limit anew. Limits that hold across processes are to be
//! taken from the database in batches; that is not built yet.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tenfold_kernel::{Clock, ProjectId};

use crate::error::BillingError;

/// A minute, in nanoseconds: one token is this many parts, so that a bucket that grants `n` a minute gains
/// `n` parts a nanosecond and no fraction is ever lost.
const PARTS: i128 = 60_000_000_000;

/// The largest limit: beyond it a bucket's parts would not be counted exactly.
const MOST: u64 = 1_000_000_000_000;

/// How many checks pass between two looks for idle buckets.
const SWEEP_EVERY: u32 = 4096;

/// Limits of a project for a deployment. A limit that is absent does not exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimits {
    /// Calls a minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute, of prompts and answers together.
    pub tokens_per_minute: Option<u64>,
    /// Calls at a time.
    pub concurrency: Option<u64>,
}

/// What an administrator set for a project and a deployment. What is absent follows the platform's default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitOverride {
    /// The deployment's name.
    pub deployment: String,
    /// The limits that differ from the default.
    pub limits: RateLimits,
}

impl RateLimits {
    /// These limits where they are set, and `default` elsewhere.
    #[must_use]
    pub fn or(self, default: Self) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute.or(default.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.or(default.tokens_per_minute),
            concurrency: self.concurrency.or(default.concurrency),
        }
    }

    /// Checks limits that came from outside.
    ///
    /// # Errors
    /// [`BillingError::InvalidLimit`] for a limit of more than a million million.
    pub fn check(&self) -> Result<(), BillingError> {
        let named = [
            ("max_requests_per_1_minute", self.requests_per_minute),
            ("max_tokens_per_1_minute", self.tokens_per_minute),
            ("max_concurrent_requests", self.concurrency),
        ];
        match named.into_iter().find(|(_, limit)| limit.is_some_and(|l| l > MOST)) {
            Some((field, _)) => {
                Err(BillingError::InvalidLimit { field, reason: format!("a limit is at most {MOST}") })
            }
            None => Ok(()),
        }
    }
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reached {
    /// Calls a minute.
    Requests,
    /// Tokens a minute.
    Tokens,
    /// Calls at a time.
    Concurrency,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requests => "requests per minute",
            Self::Tokens => "tokens per minute",
            Self::Concurrency => "concurrent requests",
        })
    }
}

/// What is left of the limits, as `x-ratelimit-*` headers tell it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimitState {
    /// Limit, rest, and time until full again, of calls a minute.
    pub requests: Option<Level>,
    /// The same of tokens a minute.
    pub tokens: Option<Level>,
}

/// What is left of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The limit.
    pub limit: u64,
    /// What is left of it now.
    pub remaining: u64,
    /// When all of it is there again.
    pub reset: Duration,
}

impl RateLimitState {
    /// The OpenAI API's header names with their values; none for a limit that does not exist.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let of = |level: Option<Level>, names: [&'static str; 3]| {
            let [limit, remaining, reset] = names;
            level.into_iter().flat_map(move |level| {
                [
                    (limit, level.limit.to_string()),
                    (remaining, level.remaining.to_string()),
                    (reset, written(level.reset)),
                ]
            })
        };
        let requests =
            ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
        let tokens = ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
        of(self.requests, requests).chain(of(self.tokens, tokens))
    }
}

/// Writes a duration as the OpenAI API does: `17ms`, `8.64s`, `6m0s`.
fn written(duration: Duration) -> String {
    let ms = duration.as_nanos().div_ceil(1_000_000);
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let (minutes, seconds, rest) = (ms / 60_000, ms % 60_000 / 1000, ms % 1000);
    let fraction = match rest {
        0 => String::new(),
        _ => format!(".{rest:03}").trim_end_matches('0').to_owned(),
    };
    if minutes > 0 { format!("{minutes}m{seconds}{fraction}s") } else { format!("{seconds}{fraction}s") }
}

/// Buckets of every project and deployment that called lately.
#[derive(Debug)]
pub struct Limiter {
    clock: Arc<dyn Clock>,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    by_project: HashMap<ProjectId, HashMap<Arc<str>, Arc<Mutex<Counters>>>>,
    checks: u32,
}

/// What one project has left for one deployment.
#[derive(Debug)]
struct Counters {
    requests: TokenBucket,
    tokens: TokenBucket,
    running: u64,
}

impl Limiter {
    /// A limiter in which nobody has called yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, buckets: Mutex::default() }
    }

    /// Takes one request, `tokens` tokens and one place from what is left, or takes nothing.
    ///
    /// `tokens` is an estimate made before the call; [`Admission::settle`] corrects it. The place is given back
    /// when the [`Admission`] is dropped. An idle bucket is full and is forgotten, so memory is bounded by the
    /// projects and deployments that called within the last minutes.
    ///
    /// # Errors
    /// [`BillingError::RateLimited`] with the time after which the same call would pass.
    pub fn check(
        &self,
        project: &ProjectId,
        deployment: &Arc<str>,
        limits: RateLimits,
        tokens: u64,
    ) -> Result<Admission, BillingError> {
        if limits == RateLimits::default() {
            return Ok(Admission { state: RateLimitState::default(), held: None });
        }
        let now = self.clock.monotonic();
        let counters = self.counters(project, deployment, now);
        let refuse = |reached, limit: Option<u64>, requested, retry_after| BillingError::RateLimited {
            project: project.clone(),
            deployment: deployment.to_string(),
            reached,
            limit: limit.unwrap_or(0),
            requested,
            retry_after,
        };

        let mut c = counters.lock();
        c.requests.refill(limits.requests_per_minute, now);
        c.tokens.refill(limits.tokens_per_minute, now);
        if limits.concurrency.is_some_and(|most| c.running >= most) {
            let retry = Some(Duration::from_secs(1));
            return Err(refuse(Reached::Concurrency, limits.concurrency, 1, retry));
        }
        if let Err(wait) = c.requests.fits(limits.requests_per_minute, 1) {
            return Err(refuse(Reached::Requests, limits.requests_per_minute, 1, wait));
        }
        if let Err(wait) = c.tokens.fits(limits.tokens_per_minute, tokens) {
            return Err(refuse(Reached::Tokens, limits.tokens_per_minute, tokens, wait));
        }
        c.requests.take(1);
        c.tokens.take(tokens);
        c.running += 1;
        let state = RateLimitState {
            requests: limits.requests_per_minute.map(|limit| c.requests.level(limit)),
            tokens: limits.tokens_per_minute.map(|limit| c.tokens.level(limit)),
        };
        drop(c);
        Ok(Admission { state, held: Some(Held { counters, estimated: tokens }) })
    }

    /// How many buckets are remembered.
    pub fn len(&self) -> usize {
        self.buckets.lock().by_project.values().map(HashMap::len).sum()
    }

    /// Whether nobody called lately.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn counters(&self, project: &ProjectId, deployment: &Arc<str>, now: Instant) -> Arc<Mutex<Counters>> {
        let mut buckets = self.buckets.lock();
        buckets.checks += 1;
        if buckets.checks >= SWEEP_EVERY {
            buckets.checks = 0;
            buckets.forget_idle(now);
        }
        if let Some(found) = buckets.by_project.get(project).and_then(|p| p.get(deployment)) {
            return found.clone();
        }
        let counters = Arc::new(Mutex::new(Counters {
            requests: TokenBucket::new(now),
            tokens: TokenBucket::new(now),
            running: 0,
        }));
        let of_project = buckets.by_project.entry(project.clone()).or_default();
        of_project.insert(deployment.clone(), counters.clone());
        counters
    }
}

impl Buckets {
    /// Forgets what is as good as new: nothing is running and everything that was taken is back.
    fn forget_idle(&mut self, now: Instant) {
        self.by_project.retain(|_, deployments| {
            // A count of one means that no admission holds it, and the map is locked, so none can begin to.
            deployments
                .retain(|_, counters| Arc::strong_count(counters) > 1 || !counters.lock().is_full(now));
            !deployments.is_empty()
        });
    }
}

impl Counters {
    fn is_full(&self, now: Instant) -> bool {
        self.running == 0 && self.requests.is_full(now) && self.tokens.is_full(now)
    }
}

/// A bucket that holds a minute's worth. `taken` counts what is missing, so that a new limit applies at once
/// and a bucket that was never used is full whatever its limit.
#[derive(Debug)]
struct TokenBucket {
    limit: u64,
    taken: i128,
    at: Instant,
}

impl TokenBucket {
    fn new(now: Instant) -> Self {
        Self { limit: 0, taken: 0, at: now }
    }

    fn missing(&self, now: Instant) -> i128 {
        let passed = i128::try_from(now.saturating_duration_since(self.at).as_nanos()).unwrap_or(i128::MAX);
        (self.taken - passed.saturating_mul(i128::from(self.limit))).max(0)
    }

    fn refill(&mut self, limit: Option<u64>, now: Instant) {
        self.taken = self.missing(now);
        self.at = self.at.max(now);
        if let Some(limit) = limit {
            self.limit = limit.min(MOST);
        } else {
            // Without a limit nothing is kept to be paid back when one comes.
            (self.limit, self.taken) = (0, 0);
        }
    }

    fn is_full(&self, now: Instant) -> bool {
        self.missing(now) == 0
    }

    /// Whether `count` more fit, and if not, after how long they will; never, for more than the whole limit.
    fn fits(&self, limit: Option<u64>, count: u64) -> Result<(), Option<Duration>> {
        if limit.is_none() {
            return Ok(());
        }
        if count > self.limit || self.limit == 0 {
            return Err(None);
        }
        let excess = self.taken + parts(count) - parts(self.limit);
        if excess <= 0 {
            return Ok(());
        }
        Err(Some(nanos(excess.saturating_add(i128::from(self.limit) - 1) / i128::from(self.limit))))
    }

    fn take(&mut self, count: u64) {
        self.taken = self.taken.saturating_add(parts(count));
    }

    fn give_back(&mut self, count: u64) {
        self.taken = (self.taken - parts(count)).max(0);
    }

    fn level(&self, limit: u64) -> Level {
        let left = (parts(self.limit) - self.taken).max(0) / PARTS;
        let reset = if self.limit == 0 { 0 } else { self.taken / i128::from(self.limit) };
        Level { limit, remaining: u64::try_from(left).unwrap_or(0), reset: nanos(reset) }
    }
}

/// Saturates far above any limit: a count from outside never overflows the sum.
fn parts(count: u64) -> i128 {
    i128::from(count) * PARTS
}

fn nanos(count: i128) -> Duration {
    Duration::from_nanos(u64::try_from(count.max(0)).unwrap_or(u64::MAX))
}

/// A call that passed the limits and holds a place among those that run. Dropping it frees the place.
#[derive(Debug)]
pub struct Admission {
    /// What was left after this call was admitted.
    pub state: RateLimitState,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    counters: Arc<Mutex<Counters>>,
    estimated: u64,
}

impl Admission {
    /// Replaces the estimate by what was used, when that is known. An admission that is dropped without it
    /// keeps the estimate taken: tokens that nobody counted are not given back.
    pub fn settle(&mut self, tokens: u64) {
        if let Some(held) = &mut self.held {
            let mut counters = held.counters.lock();
            if tokens < held.estimated {
                counters.tokens.give_back(held.estimated - tokens);
            } else {
                counters.tokens.take(tokens - held.estimated);
            }
            held.estimated = tokens;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counters = self.counters.lock();
        counters.running = counters.running.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests;
