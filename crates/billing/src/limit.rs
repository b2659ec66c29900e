//! Limits: calls, tokens and images by the minute and the day, calls at a time, and money, and what is told of them.
//!
//! Limits are kept by counters of the [`ledger`](crate::ledger), in the database: however many processes stand before
//! it, each limit is one number. A limit by the minute is a bucket that holds a minute's worth and fills evenly, so
//! who was idle may start with a burst of a whole minute's worth.

mod call;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::BillingError;

pub use call::{CallLevel, CallLimit, CallWindow};

/// The largest limit: beyond it a bucket's parts would not fit in 64 bits.
const MOST: u64 = 1_000_000_000_000;

/// Limits of a project for a deployment. A limit that is absent does not exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimits {
    /// Calls a minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute, of prompts and answers together.
    pub tokens_per_minute: Option<u64>,
    /// Pictures made a minute.
    #[serde(default)]
    pub images_per_minute: Option<u64>,
    /// Calls a day of the organisation's time zone.
    #[serde(default)]
    pub requests_per_day: Option<u64>,
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
            images_per_minute: self.images_per_minute.or(default.images_per_minute),
            requests_per_day: self.requests_per_day.or(default.requests_per_day),
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
            ("max_images_per_1_minute", self.images_per_minute),
            ("max_requests_per_1_day", self.requests_per_day),
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
    /// Images a minute.
    Images,
    /// Calls a day.
    RequestsPerDay,
    /// Tokens a day.
    TokensPerDay,
    /// Images a day.
    ImagesPerDay,
    /// Calls at a time.
    Concurrency,
    /// Money a day.
    SpendPerDay,
    /// Money a month.
    SpendPerMonth,
    /// Money, ever.
    Spend,
    /// A subscription's allowance.
    Allowance,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requests => "requests per minute",
            Self::Tokens => "tokens per minute",
            Self::Images => "images per minute",
            Self::RequestsPerDay => "requests per day",
            Self::TokensPerDay => "tokens per day",
            Self::ImagesPerDay => "images per day",
            Self::Concurrency => "concurrent requests",
            Self::SpendPerDay => "spend per day",
            Self::SpendPerMonth => "spend per month",
            Self::Spend => "spend",
            Self::Allowance => "the plan's allowance",
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

#[cfg(test)]
mod tests;
