//! Holding money and room within limits before a call, and settling afterwards.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenfold_kernel::{Currency, OrganizationId, Timestamp};

use crate::event::Event;
use crate::ledger::AccountId;
use crate::limit::Reached;

/// Names a hold.
pub type HoldId = Arc<str>;

/// Names a running platform process: its holds are released when it is gone.
pub type ProcessId = Arc<str>;

/// An account to take money from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The account.
    pub account: AccountId,
    /// What must stay on it, holds included; nothing for no bound. Zero for funds, less than zero for credit.
    pub floor: Option<i64>,
}

impl Source {
    /// Funds, which never go below zero.
    pub fn funds(account: AccountId) -> Self {
        Self { account, floor: Some(0) }
    }

    /// An account that may go below zero without bound.
    pub fn unbounded(account: AccountId) -> Self {
        Self { account, floor: None }
    }
}

/// What a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Calls.
    Requests,
    /// Tokens of all kinds.
    Tokens,
    /// Images.
    Images,
    /// Nano-units of the call's currency.
    Spend,
    /// Calls that run at the same time.
    Running,
}

impl Metric {
    /// The name on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Images => "images",
            Self::Spend => "spend",
            Self::Running => "running",
        }
    }
}

/// How a counter forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A bucket of a minute's worth that fills evenly.
    PerMinute,
    /// From one moment to another, in milliseconds since the epoch: a day or a month of the organisation's zone.
    Window {
        /// The first moment.
        start: i64,
        /// The first moment after it.
        end: i64,
    },
    /// For so many milliseconds from the first use after the last time.
    Rolling {
        /// How long.
        millis: i64,
    },
    /// What is in use now and nothing that was.
    Running,
}

/// A limit that a call must keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Names the counter.
    pub counter: Arc<str>,
    /// How it forgets.
    pub rule: Rule,
    /// What it counts.
    pub metric: Metric,
    /// What the call takes at most.
    pub amount: i64,
    /// What there is.
    pub limit: i64,
    /// Whether a call beyond it is refused. Otherwise it is counted alone.
    pub is_hard: bool,
    /// What is said when it is refused.
    pub reached: Reached,
    /// Whose limit, for a person.
    pub subject: Arc<str>,
}

/// An allowance that may pay for a call: all of its checks have room for the whole call, or it pays for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// The subscription, for the entry.
    pub subscription: Arc<str>,
    /// Its windows.
    pub checks: Vec<Check>,
}

/// What a call asks for before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserve {
    /// The name that the hold will have.
    pub id: HoldId,
    /// The process that asks.
    pub process: ProcessId,
    /// Who pays.
    pub organization: OrganizationId,
    /// In which currency.
    pub currency: Currency,
    /// What the call costs at most, in nano-units.
    pub nanos: i64,
    /// Limits that it must keep.
    pub checks: Vec<Check>,
    /// Allowances that may pay for it, in order.
    pub covers: Vec<Cover>,
    /// Whether nothing pays for a call that no allowance pays for.
    pub covers_only: bool,
    /// Accounts that pay otherwise, in order.
    pub sources: Vec<Source>,
    /// When it is asked.
    pub now: Timestamp,
}

/// What is held for a call that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its name.
    pub id: HoldId,
    /// Who holds it.
    pub process: ProcessId,
    /// Money, by account, in the order in which it will be taken.
    pub funds: Vec<(AccountId, i64)>,
    /// Room within limits.
    pub room: Vec<Held>,
    /// The subscription whose allowance pays.
    pub covered_by: Option<Arc<str>>,
    /// When it was made, in milliseconds since the epoch.
    pub created_at: i64,
}

/// Room that is held in a counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The counter.
    pub counter: Arc<str>,
    /// How it forgets.
    pub rule: Rule,
    /// What it counts.
    pub metric: Metric,
    /// How much.
    pub amount: i64,
    /// The limit at the time.
    pub limit: i64,
    /// The window in which it is held.
    pub start: i64,
}

/// A call that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Settle {
    /// What it left. Its cost is charged where it is known.
    pub event: Event,
    /// What was held for it.
    pub hold: Option<Hold>,
    /// Accounts that pay for what was not held, in order; the last one without a bound, so that what was used is
    /// owed at least. None for a call that nobody is charged for.
    pub sources: Vec<Source>,
}

/// What a limit has counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counter {
    /// What was used; for a bucket, what is missing, in sixty-thousandths.
    pub used: i64,
    /// What is held.
    pub held: i64,
    /// The window's first moment; for a bucket, when it was last filled.
    pub start: i64,
    /// The first moment after the window.
    pub end: i64,
}

/// Parts of one that a bucket counts: it gets `limit` of them in a millisecond.
const PARTS: i64 = 60_000;

impl Counter {
    /// Forgets what `rule` says is over by `now`.
    pub(crate) fn roll(&mut self, rule: Rule, limit: i64, now: i64) {
        match rule {
            Rule::PerMinute => {
                let filled = now.saturating_sub(self.start).max(0).saturating_mul(limit.max(0));
                self.used = self.used.saturating_sub(filled).max(0);
                self.start = self.start.max(now);
            }
            // A call that was admitted a moment before midnight does not bring yesterday back.
            Rule::Window { start, end } if start > self.start || self.end == 0 => {
                *self = Self { used: 0, held: 0, start, end };
            }
            Rule::Rolling { millis } if now >= self.end => {
                *self = Self { used: 0, held: 0, start: now, end: now.saturating_add(millis) };
            }
            Rule::Window { .. } | Rule::Rolling { .. } | Rule::Running => {}
        }
    }

    /// What is left of `limit`.
    pub fn remaining(&self, rule: Rule, limit: i64) -> i64 {
        match rule {
            Rule::PerMinute => {
                // Rounded down: a part of one is not there yet.
                limit.saturating_mul(PARTS).saturating_sub(self.used).max(0) / PARTS
            }
            _ => limit.saturating_sub(self.used).saturating_sub(self.held).max(0),
        }
    }

    /// Whether `check` fits; if not, after how many milliseconds it would, where waiting helps at all.
    pub(super) fn fits(&self, check: &Check, now: i64) -> Result<(), Option<i64>> {
        match check.rule {
            Rule::PerMinute => {
                if check.amount > check.limit || check.limit <= 0 {
                    return Err(None);
                }
                let (most, wished) = (check.limit.saturating_mul(PARTS), check.amount.saturating_mul(PARTS));
                let missing = self.used.saturating_add(wished).saturating_sub(most);
                if missing <= 0 { Ok(()) } else { Err(Some((missing - 1) / check.limit + 1)) }
            }
            Rule::Running => {
                let after = self.held.saturating_add(check.amount);
                if after <= check.limit { Ok(()) } else { Err(Some(1_000)) }
            }
            Rule::Window { .. } | Rule::Rolling { .. } => {
                if check.amount <= self.remaining(check.rule, check.limit) {
                    return Ok(());
                }
                Err((check.amount <= check.limit).then(|| self.end.saturating_sub(now).max(0)))
            }
        }
    }

    /// Takes room for `check`.
    pub(super) fn hold(&mut self, check: &Check) -> Held {
        match check.rule {
            Rule::PerMinute => {
                self.used = self.used.saturating_add(check.amount.saturating_mul(PARTS));
            }
            _ => self.held = self.held.saturating_add(check.amount),
        }
        Held {
            counter: Arc::clone(&check.counter),
            rule: check.rule,
            metric: check.metric,
            amount: check.amount,
            limit: check.limit,
            start: self.start,
        }
    }

    /// Gives held room back and counts what was used instead; all of it where that is not known.
    pub(super) fn settle(&mut self, held: &Held, used: Option<i64>, now: i64) {
        let used = used.unwrap_or(held.amount);
        match held.rule {
            Rule::PerMinute => {
                self.roll(held.rule, held.limit, now);
                let more = used.saturating_sub(held.amount).saturating_mul(PARTS);
                self.used = self.used.saturating_add(more).max(0);
            }
            Rule::Running => self.held = self.held.saturating_sub(held.amount).max(0),
            // Of a window that is over nothing is left to be counted.
            Rule::Window { .. } | Rule::Rolling { .. } if self.start == held.start => {
                self.held = self.held.saturating_sub(held.amount).max(0);
                self.used = self.used.saturating_add(used);
            }
            Rule::Window { .. } | Rule::Rolling { .. } => {}
        }
    }
}
