//! The rules of money, on what was read of the accounts: what a store calls while it holds their locks.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tenfold_kernel::{Currency, Money, OrganizationId, ProjectId, Timestamp, Unit};

use crate::error::BillingError;
use crate::event::{Event, Operation};
use crate::ledger::hold::{Check, Counter, Held, Hold, HoldId, Metric, Reserve, Settle, Source};
use crate::ledger::{AccountId, AccountKind, Entry, EntryKind, Post, entered_at};
use crate::limit::Reached;

/// What an account has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// What was given to it less what was taken, in nano-units.
    pub balance: i64,
    /// What of it is held for calls that run.
    pub held: i64,
}

impl Account {
    /// What can be taken from it while `floor` stays.
    fn free(self, floor: Option<i64>) -> i64 {
        floor.map_or(i64::MAX, |floor| self.balance.saturating_sub(self.held).saturating_sub(floor).max(0))
    }
}

/// Why something is refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A limit is reached.
    Limit {
        /// Which.
        reached: Reached,
        /// Whose.
        subject: Arc<str>,
        /// What it is.
        limit: i64,
        /// What was asked for.
        requested: i64,
        /// When it would fit, in milliseconds from now; nothing when it never will.
        retry_after_ms: Option<i64>,
    },
    /// The accounts that may pay have not enough.
    Funds {
        /// What was asked for, in nano-units.
        needed: i64,
        /// What they have.
        available: i64,
    },
    /// A sum does not fit in 64 bits.
    Overflow,
}

impl Refusal {
    /// As an error of billing, of an amount in `currency`.
    pub fn into_error(self, currency: Currency) -> BillingError {
        match self {
            Self::Limit { reached, subject, limit, requested, retry_after_ms } => {
                let count = |number: i64| u64::try_from(number).unwrap_or(0);
                BillingError::RateLimited {
                    subject: subject.to_string(),
                    reached,
                    limit: count(limit),
                    requested: count(requested),
                    retry_after: retry_after_ms.map(|ms| Duration::from_millis(count(ms))),
                }
            }
            Self::Funds { needed, available } => {
                BillingError::InsufficientQuota { needed, available, currency }
            }
            Self::Overflow => {
                BillingError::Store { action: "enter money", source: "a balance does not fit".into() }
            }
        }
    }
}

/// Accounts, counters and holds, as they were read, and what has changed of them.
///
/// A store reads all that a batch of commands names, under its locks, applies the commands, and writes what
/// [`Book::take_changes`] gives. An account or a counter that is not there is empty.
#[derive(Debug, Default)]
pub struct Book {
    accounts: HashMap<AccountId, Account>,
    counters: HashMap<Arc<str>, Counter>,
    holds: HashMap<HoldId, Hold>,
    changes: Changes,
}

/// What a batch has changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Accounts that are not what they were, in order.
    pub accounts: BTreeSet<AccountId>,
    /// Counters that are not what they were, in order.
    pub counters: BTreeSet<Arc<str>>,
    /// Holds that were made and not settled within the batch.
    pub made: BTreeSet<HoldId>,
    /// Holds that are gone.
    pub gone: BTreeSet<HoldId>,
    /// What was entered.
    pub entries: Vec<Entry>,
}

impl Book {
    /// An account as it was read.
    pub fn put_account(&mut self, id: AccountId, account: Account) {
        self.accounts.insert(id, account);
    }

    /// A counter as it was read.
    pub fn put_counter(&mut self, id: Arc<str>, counter: Counter) {
        self.counters.insert(id, counter);
    }

    /// A hold as it was read.
    pub fn put_hold(&mut self, hold: Hold) {
        self.holds.insert(Arc::clone(&hold.id), hold);
    }

    /// What an account has now.
    pub fn account(&self, id: &AccountId) -> Account {
        self.accounts.get(id).copied().unwrap_or_default()
    }

    /// A counter as it is now.
    pub fn counter(&self, id: &str) -> Counter {
        self.counters.get(id).cloned().unwrap_or_default()
    }

    /// A hold that is there.
    pub fn hold(&self, id: &str) -> Option<&Hold> {
        self.holds.get(id)
    }

    /// Every hold that is there.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values()
    }

    /// Every account that is there.
    pub fn accounts(&self) -> impl Iterator<Item = (&AccountId, &Account)> {
        self.accounts.iter()
    }

    /// What has changed since the last time.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Holds what a call costs at most, and room for it within its limits: all of it, or nothing.
    ///
    /// # Errors
    /// The first limit that has no room, or the accounts that have not enough.
    pub fn reserve(&mut self, reserve: &Reserve) -> Result<Hold, Refusal> {
        let now = reserve.now.0;
        self.check(&reserve.checks, now)?;
        let mut cover = None;
        let mut refusal = None;
        for one in &reserve.covers {
            match self.check(&one.checks, now) {
                Ok(()) => {
                    cover = Some(one);
                    break;
                }
                Err(why) => refusal = Some(why),
            }
        }
        if let Some(why) = refusal.filter(|_| cover.is_none() && reserve.covers_only) {
            return Err(why);
        }
        let funds = match cover {
            Some(_) => Vec::new(),
            None => self.find(&reserve.sources, reserve.nanos)?,
        };
        for (id, nanos) in &funds {
            let account = self.accounts.entry(id.clone()).or_default();
            account.held = account.held.checked_add(*nanos).ok_or(Refusal::Overflow)?;
            self.changes.accounts.insert(id.clone());
        }
        let of_cover = cover.map(|cover| cover.checks.as_slice()).unwrap_or_default();
        let room = reserve.checks.iter().chain(of_cover).map(|check| self.take_room(check, now)).collect();
        let hold = Hold {
            id: Arc::clone(&reserve.id),
            process: Arc::clone(&reserve.process),
            funds,
            room,
            covered_by: cover.map(|cover| Arc::clone(&cover.subscription)),
            created_at: now,
        };
        self.holds.insert(Arc::clone(&hold.id), hold.clone());
        self.changes.made.insert(Arc::clone(&hold.id));
        Ok(hold)
    }

    /// Charges a call that has ended and gives back what was held for it. The event must be new: of a second one
    /// with its key only the hold is given back, by [`Book::release`].
    ///
    /// What the call cost is taken from what was held, then from `sources`. A cost that is not known is not charged. It is
    /// entered when the call ended, unless that is long before `now`.
    ///
    /// # Errors
    /// [`Refusal::Funds`] where `sources` are bounded and have not enough, which a caller avoids by ending them
    /// with one that is not; [`Refusal::Overflow`].
    pub fn settle(&mut self, settle: &Settle, now: Timestamp) -> Result<(), Refusal> {
        let event = &settle.event;
        let ended = event.completed_at.0;
        let hold = settle.hold.as_ref().and_then(|hold| self.take_hold(&hold.id));
        for held in hold.iter().flat_map(|hold| &hold.room) {
            self.count(held, used(event, held.metric), ended);
        }
        let cost = event.cost.filter(|cost| cost.nanos > 0);
        let Some(cost) = cost.filter(|_| !settle.sources.is_empty()) else { return Ok(()) };
        let account = |kind: &AccountKind| AccountId::new(&event.organization, kind, cost.currency);
        let mut entries = EntryWriter::of_event(event, cost.currency, now);
        if hold.as_ref().is_some_and(|hold| hold.covered_by.is_some()) {
            let (from, to) = (account(&AccountKind::Allowance), account(&AccountKind::Covered));
            entries.kind = EntryKind::Covered;
            return self.enter(&mut entries, from, to, cost.nanos);
        }
        // What was held comes first. More than that is taken only from what is free.
        let mut left = cost.nanos;
        let mut taken: Vec<(AccountId, i64)> = Vec::new();
        for (id, held) in hold.into_iter().flat_map(|hold| hold.funds) {
            let part = held.min(left);
            left -= part;
            taken.push((id, part));
        }
        let revenue = account(&AccountKind::Revenue);
        for (id, nanos) in taken {
            self.enter(&mut entries, id, revenue.clone(), nanos)?;
        }
        for (id, nanos) in self.find(&settle.sources, left)? {
            self.enter(&mut entries, id, revenue.clone(), nanos)?;
        }
        Ok(())
    }

    /// Gives back what was held for a call that is not charged. What it took of its limits counts as `used`.
    pub fn release(&mut self, id: &str, event: Option<&Event>, now: Timestamp) {
        let Some(hold) = self.take_hold(id) else { return };
        for held in &hold.room {
            let used = match event {
                Some(event) => used(event, held.metric),
                None => Some(0),
            };
            self.count(held, used, now.0);
        }
    }

    /// Enters a transaction.
    ///
    /// # Errors
    /// [`Refusal::Funds`] where the sources of a move have not enough; nothing is entered then.
    pub fn post(&mut self, post: &Post, now: Timestamp) -> Result<Vec<Entry>, Refusal> {
        let before = (self.accounts.clone(), self.changes.entries.len());
        let mut entries = EntryWriter {
            transaction: Arc::clone(&post.transaction),
            kind: post.kind,
            organization: post.organization.clone(),
            project: post.project.clone(),
            currency: post.currency,
            reverses: post.reverses.clone(),
            memo: post.memo.clone(),
            created_at: entered_at(post.now, now),
            next: 0,
        };
        for part in &post.moves {
            let found = self.find(&part.from, part.nanos).and_then(|found| {
                found
                    .into_iter()
                    .try_for_each(|(from, nanos)| self.enter(&mut entries, from, part.to.clone(), nanos))
            });
            if let Err(refusal) = found {
                self.accounts = before.0;
                self.changes.entries.truncate(before.1);
                return Err(refusal);
            }
        }
        Ok(self.changes.entries[before.1..].to_vec())
    }

    /// Moves `nanos` from one account to another.
    fn enter(
        &mut self,
        writer: &mut EntryWriter,
        debit: AccountId,
        credit: AccountId,
        nanos: i64,
    ) -> Result<(), Refusal> {
        if nanos == 0 {
            return Ok(());
        }
        let from = self.accounts.entry(debit.clone()).or_default();
        from.balance = from.balance.checked_sub(nanos).ok_or(Refusal::Overflow)?;
        let to = self.accounts.entry(credit.clone()).or_default();
        to.balance = to.balance.checked_add(nanos).ok_or(Refusal::Overflow)?;
        self.changes.accounts.extend([debit.clone(), credit.clone()]);
        self.changes.entries.push(writer.entry(debit, credit, nanos));
        Ok(())
    }

    /// Which of `sources` give how much of `nanos`.
    fn find(&self, sources: &[Source], nanos: i64) -> Result<Vec<(AccountId, i64)>, Refusal> {
        let mut left = nanos;
        let mut found = Vec::new();
        for source in sources {
            if left == 0 {
                break;
            }
            let part = self.account(&source.account).free(source.floor).min(left);
            if part > 0 {
                left -= part;
                found.push((source.account.clone(), part));
            }
        }
        if left == 0 { Ok(found) } else { Err(Refusal::Funds { needed: nanos, available: nanos - left }) }
    }

    /// Whether there is room for all of `checks`. Nothing is forgotten by that: a call that is refused opens no window.
    fn check(&self, checks: &[Check], now: i64) -> Result<(), Refusal> {
        for check in checks {
            let mut counter = self.counter(&check.counter);
            counter.roll(check.rule, check.limit, now);
            if let Err(retry_after_ms) = counter.fits(check, now)
                && check.is_hard
            {
                return Err(Refusal::Limit {
                    reached: check.reached,
                    subject: Arc::clone(&check.subject),
                    limit: check.limit,
                    requested: check.amount,
                    retry_after_ms,
                });
            }
        }
        Ok(())
    }

    fn take_room(&mut self, check: &Check, now: i64) -> Held {
        self.changes.counters.insert(Arc::clone(&check.counter));
        let counter = self.counters.entry(Arc::clone(&check.counter)).or_default();
        counter.roll(check.rule, check.limit, now);
        counter.hold(check)
    }

    fn count(&mut self, held: &Held, used: Option<i64>, now: i64) {
        self.changes.counters.insert(Arc::clone(&held.counter));
        self.counters.entry(Arc::clone(&held.counter)).or_default().settle(held, used, now);
    }

    /// Takes a hold away with the money that it holds.
    fn take_hold(&mut self, id: &str) -> Option<Hold> {
        let hold = self.holds.remove(id)?;
        for (account, nanos) in &hold.funds {
            let held = &mut self.accounts.entry(account.clone()).or_default().held;
            *held = held.saturating_sub(*nanos);
            self.changes.accounts.insert(account.clone());
        }
        if !self.changes.made.remove(id) {
            self.changes.gone.insert(Arc::clone(&hold.id));
        }
        Some(hold)
    }
}

/// What a call used of what a counter counts; nothing when it is not known.
fn used(event: &Event, metric: Metric) -> Option<i64> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let known = event.usage_known;
    match metric {
        Metric::Requests | Metric::Running => Some(1),
        Metric::Tokens => known.then(|| number(event.units.sum(&Unit::TOKENS))),
        Metric::Images => known.then(|| number(event.count(Unit::Images))),
        Metric::Spend => event.cost.map(|cost| cost.nanos),
    }
}

/// Writes the entries of one transaction.
struct EntryWriter {
    transaction: Arc<str>,
    kind: EntryKind,
    organization: OrganizationId,
    project: Option<ProjectId>,
    currency: Currency,
    reverses: Option<Arc<str>>,
    memo: Option<String>,
    created_at: Timestamp,
    next: u32,
}

impl EntryWriter {
    fn of_event(event: &Event, currency: Currency, now: Timestamp) -> Self {
        Self {
            transaction: event.idempotency_key.as_str().into(),
            kind: if event.operation == Operation::Rental { EntryKind::Rental } else { EntryKind::Usage },
            organization: event.organization.clone(),
            project: Some(event.project.clone()),
            currency,
            reverses: None,
            memo: None,
            created_at: entered_at(event.completed_at, now),
            next: 0,
        }
    }

    fn entry(&mut self, debit: AccountId, credit: AccountId, nanos: i64) -> Entry {
        let sequence = self.next;
        self.next += 1;
        Entry {
            transaction: Arc::clone(&self.transaction),
            sequence,
            kind: self.kind,
            organization: self.organization.clone(),
            project: self.project.clone(),
            debit,
            credit,
            money: Money::new(nanos, self.currency),
            reverses: self.reverses.clone(),
            memo: self.memo.clone(),
            created_at: self.created_at,
        }
    }
}
