//! Adapters that forget everything when the process ends. For tests.

mod alerts;
mod invoices;
mod payments;
mod plans;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{Currency, OrganizationId, ProjectId, Timestamp, Unit};

use crate::calls::CallQuery;
use crate::error::BillingError;
use crate::event::{CallStatus, Event};
use crate::funds::{Grant, Profile, SpendLimit};
use crate::invoice::{Charge, ChargeQuery, OF_DOCUMENTS, has_memo};
use crate::ledger::{
    Account, AccountId, AccountKind, Book, Counter, Entry, EntryPlace, Hold, Post, Posted, Reserve, Reserved,
    Settle, Verification,
};
use crate::limit::{CallLimit, LimitOverride};
use crate::ports::{FundsStore, Ledger, LedgerReader, LimitStore, PriceBook, ProcessStore, UsageStore};
use crate::price::PriceList;
use crate::report::{CostRow, Filter, GroupBy, GroupKey, MAX_ROWS, Selection, UsageRow};
use crate::voucher::Voucher;
pub use alerts::MemoryAlerts;
pub use invoices::MemoryInvoices;
pub use payments::MemoryPayments;
pub use plans::MemoryPlans;

/// Events, accounts and holds in memory.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    events: BTreeMap<String, Event>,
    book: Book,
    entries: Vec<Entry>,
}

impl State {
    /// Takes note of what the book has entered.
    fn enter(&mut self) {
        let changes = self.book.take_changes();
        self.entries.extend(changes.entries);
    }

    fn transaction(&self, key: &str) -> Vec<Entry> {
        self.entries.iter().filter(|entry| &*entry.transaction == key).cloned().collect()
    }
}

impl MemoryLedger {
    /// Every entry, in the order in which they were made.
    pub(crate) fn all_entries(&self) -> Vec<Entry> {
        self.state.lock().entries.clone()
    }

    /// Every event that was written, by idempotency key.
    pub fn all(&self) -> Vec<Event> {
        self.state.lock().events.values().cloned().collect()
    }

    /// Every hold that is there.
    pub fn holds(&self) -> Vec<Hold> {
        self.state.lock().book.holds().cloned().collect()
    }

    fn events(&self) -> Vec<Event> {
        self.state.lock().events.values().cloned().collect()
    }

    fn selected(&self, selection: &Selection) -> Vec<Event> {
        self.state.lock().events.values().filter(|event| counts(event, selection)).cloned().collect()
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn reserve(&self, reserve: Reserve) -> Result<Reserved, BillingError> {
        let book = &mut self.state.lock().book;
        let hold = book.reserve(&reserve).map_err(|refusal| refusal.into_error(reserve.currency))?;
        let counters = reserve.checks.iter().map(|check| book.counter(&check.counter)).collect();
        Ok(Reserved { hold, counters })
    }

    async fn settle(&self, settle: Settle) -> Result<(), BillingError> {
        let mut state = self.state.lock();
        let event = &settle.event;
        if state.events.contains_key(&event.idempotency_key) {
            if let Some(hold) = &settle.hold {
                state.book.release(&hold.id, None, event.completed_at);
            }
            return Ok(());
        }
        let currency = event.cost.map_or(Currency::USD, |cost| cost.currency);
        state
            .book
            .settle(&settle, settle.event.completed_at)
            .map_err(|refusal| refusal.into_error(currency))?;
        state.enter();
        state.events.insert(event.idempotency_key.clone(), settle.event);
        Ok(())
    }

    fn release(&self, hold: Hold) {
        self.state.lock().book.release(&hold.id, None, Timestamp(hold.created_at));
    }

    async fn post(&self, post: Post) -> Result<Posted, BillingError> {
        let mut state = self.state.lock();
        let entries = state.transaction(&post.transaction);
        if !entries.is_empty() {
            return Ok(Posted { entries, is_repeat: true });
        }
        let entries =
            state.book.post(&post, post.now).map_err(|refusal| refusal.into_error(post.currency))?;
        state.enter();
        Ok(Posted { entries, is_repeat: false })
    }
}

#[async_trait]
impl LedgerReader for MemoryLedger {
    async fn accounts(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<(AccountId, Account)>, BillingError> {
        let state = self.state.lock();
        let of_it = |(id, _): &(&AccountId, &Account)| id.organization() == organization.as_str();
        let mut all: Vec<_> = state.book.accounts().filter(of_it).map(|(id, a)| (id.clone(), *a)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    async fn entries(
        &self,
        organization: &OrganizationId,
        before: Option<&EntryPlace>,
        limit: u32,
    ) -> Result<Vec<Entry>, BillingError> {
        let state = self.state.lock();
        let is_before = |entry: &&Entry| before.is_none_or(|place| entry.place() < *place);
        let mut found: Vec<Entry> = state
            .entries
            .iter()
            .filter(|e| e.organization == *organization)
            .filter(is_before)
            .cloned()
            .collect();
        found.sort_by_key(|entry| std::cmp::Reverse(entry.place()));
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn transaction(
        &self,
        organization: &OrganizationId,
        transaction: &str,
    ) -> Result<Vec<Entry>, BillingError> {
        let mut entries = self.state.lock().transaction(transaction);
        entries.retain(|entry| entry.organization == *organization);
        Ok(entries)
    }

    async fn counters(&self, names: &[Arc<str>]) -> Result<Vec<(Arc<str>, Counter)>, BillingError> {
        let state = self.state.lock();
        Ok(names.iter().map(|name| (Arc::clone(name), state.book.counter(name))).collect())
    }

    async fn charges(&self, query: &ChargeQuery) -> Result<Vec<Charge>, BillingError> {
        let account = |kind: &AccountKind| AccountId::new(&query.organization, kind, query.currency);
        let (revenue, owed) = (account(&AccountKind::Revenue), account(&AccountKind::Receivable));
        let state = self.state.lock();
        let mut charges: Vec<Charge> = Vec::new();
        for entry in &state.entries {
            let is_meant = (entry.debit == revenue || entry.credit == revenue)
                && (query.from..query.until).contains(&entry.created_at)
                && (query.project.is_none() || entry.project == query.project)
                && !OF_DOCUMENTS.contains(&entry.kind);
            if !is_meant {
                continue;
            }
            let key = entry.reverses.as_deref().unwrap_or(&entry.transaction);
            let event = state.events.get(key);
            let deployment = event.map(|event| Arc::clone(&event.deployment));
            let label = query.label.as_deref().and_then(|name| event?.labels.get(name)).map(str::to_owned);
            let memo = entry.memo.clone().filter(|_| has_memo(entry.kind));
            let sign = if entry.credit == revenue { 1 } else { -1 };
            let is_owed = entry.debit == owed || entry.credit == owed;
            let one = Charge {
                kind: entry.kind,
                project: entry.project.clone(),
                deployment,
                memo,
                label,
                transactions: u64::from(entry.sequence == 0),
                nanos: sign * entry.money.nanos,
                owed: if is_owed { sign * entry.money.nanos } else { 0 },
            };
            let same = |charge: &&mut Charge| {
                (charge.kind, &charge.project, &charge.deployment, &charge.memo, &charge.label)
                    == (one.kind, &one.project, &one.deployment, &one.memo, &one.label)
            };
            if let Some(kept) = charges.iter_mut().find(same) {
                kept.transactions += one.transactions;
                kept.nanos += one.nanos;
                kept.owed += one.owed;
            } else {
                charges.push(one);
            }
        }
        Ok(charges)
    }

    async fn verify(&self, _now: Timestamp) -> Result<Verification, BillingError> {
        let state = self.state.lock();
        let mut sums: BTreeMap<AccountId, i64> = BTreeMap::new();
        for entry in &state.entries {
            *sums.entry(entry.debit.clone()).or_default() -= entry.money.nanos;
            *sums.entry(entry.credit.clone()).or_default() += entry.money.nanos;
        }
        let mut held: BTreeMap<AccountId, i64> = BTreeMap::new();
        for (account, nanos) in state.book.holds().flat_map(|hold| hold.funds.clone()) {
            *held.entry(account).or_default() += nanos;
        }
        let mut found = Verification {
            entries: state.entries.len() as u64,
            charged_events: state.events.values().filter(|e| e.cost.is_some_and(|c| c.nanos > 0)).count()
                as u64,
            holds: state.book.holds().count() as u64,
            ..Verification::default()
        };
        for (id, account) in state.book.accounts() {
            found.accounts += 1;
            let expected = Account {
                balance: sums.get(id).copied().unwrap_or(0),
                held: held.get(id).copied().unwrap_or(0),
            };
            if *account != expected {
                found
                    .faults
                    .push(format!("{id} has {account:?} and its entries and holds make {expected:?}"));
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl ProcessStore for MemoryLedger {
    async fn beat(&self, process: &str, now: Timestamp, dead_before: Timestamp) -> Result<u64, BillingError> {
        let mut state = self.state.lock();
        let of_others = |hold: &&Hold| &*hold.process != process && hold.created_at < dead_before.0;
        let dead: Vec<_> = state.book.holds().filter(of_others).map(|hold| Arc::clone(&hold.id)).collect();
        for id in &dead {
            state.book.release(id, None, now);
        }
        Ok(dead.len() as u64)
    }
}

/// How organisations pay, in memory.
#[derive(Debug, Default)]
pub struct MemoryFunds {
    state: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    profiles: BTreeMap<OrganizationId, Profile>,
    grants: BTreeMap<Arc<str>, Grant>,
    closed: BTreeSet<Arc<str>>,
    limits: Vec<(OrganizationId, SpendLimit)>,
    vouchers: Vec<Voucher>,
}

#[async_trait]
impl FundsStore for MemoryFunds {
    async fn profile(&self, organization: &OrganizationId) -> Result<Option<Profile>, BillingError> {
        Ok(self.state.lock().profiles.get(organization).cloned())
    }

    async fn put_profile(
        &self,
        organization: &OrganizationId,
        profile: &Profile,
    ) -> Result<(), BillingError> {
        self.state.lock().profiles.insert(organization.clone(), profile.clone());
        Ok(())
    }

    async fn grants(
        &self,
        organization: &OrganizationId,
        now: Timestamp,
    ) -> Result<Vec<Grant>, BillingError> {
        let is_live = |grant: &&Grant| grant.expires_at.is_none_or(|end| end > now);
        let state = self.state.lock();
        let of_it = state.grants.values().filter(|grant| grant.organization == *organization);
        let mut found: Vec<_> = of_it.filter(is_live).cloned().collect();
        found.sort_by_key(|grant| (grant.expires_at.is_none(), grant.expires_at, grant.created_at));
        Ok(found)
    }

    async fn put_grant(&self, grant: &Grant) -> Result<(), BillingError> {
        self.state.lock().grants.entry(Arc::clone(&grant.id)).or_insert_with(|| grant.clone());
        Ok(())
    }

    async fn ended_grants(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<Grant>, BillingError> {
        let state = self.state.lock();
        let place = |grant: &Grant| grant.expires_at.map(|end| (end, Arc::clone(&grant.id)));
        let is_next = |grant: &&Grant| {
            place(grant).is_some_and(|(end, id)| end <= now && after.is_none_or(|after| (end, &*id) > after))
        };
        let open = state.grants.values().filter(|grant| !state.closed.contains(&grant.id));
        let mut found: Vec<_> = open.filter(is_next).cloned().collect();
        found.sort_by_key(place);
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn close_grant(&self, grant: &Grant, _now: Timestamp) -> Result<bool, BillingError> {
        Ok(self.state.lock().closed.insert(Arc::clone(&grant.id)))
    }

    async fn put_vouchers(&self, vouchers: &[Voucher]) -> Result<(), BillingError> {
        self.state.lock().vouchers.extend_from_slice(vouchers);
        Ok(())
    }

    async fn voucher(&self, code_hash: &str) -> Result<Option<Voucher>, BillingError> {
        Ok(self.state.lock().vouchers.iter().find(|voucher| &*voucher.code_hash == code_hash).cloned())
    }

    async fn vouchers(
        &self,
        issuer: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Voucher>, BillingError> {
        let state = self.state.lock();
        let mut all: Vec<_> = state.vouchers.iter().filter(|v| v.issuer == *issuer).cloned().collect();
        all.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        let start = after.and_then(|after| all.iter().position(|v| &*v.id == after)).map_or(0, |at| at + 1);
        Ok(all.into_iter().skip(start).take(limit as usize).collect())
    }

    async fn spend_limits(&self, organization: &OrganizationId) -> Result<Vec<SpendLimit>, BillingError> {
        let state = self.state.lock();
        Ok(state.limits.iter().filter(|(id, _)| id == organization).map(|(_, limit)| limit.clone()).collect())
    }

    async fn put_spend_limit(
        &self,
        organization: &OrganizationId,
        limit: &SpendLimit,
        _window: (Timestamp, Timestamp),
    ) -> Result<(), BillingError> {
        let mut state = self.state.lock();
        let key = |limit: &SpendLimit| (limit.scope.clone(), limit.window, limit.currency);
        state.limits.retain(|(id, kept)| id != organization || key(kept) != key(limit));
        state.limits.push((organization.clone(), limit.clone()));
        Ok(())
    }

    async fn delete_spend_limit(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<bool, BillingError> {
        let mut state = self.state.lock();
        let before = state.limits.len();
        state.limits.retain(|(of, limit)| of != organization || &*limit.id != id);
        Ok(state.limits.len() < before)
    }
}

fn counts(event: &Event, selection: &Selection) -> bool {
    event.status != CallStatus::Rejected
        && event.organization == selection.organization
        && event.created_at >= selection.from
        && event.created_at < selection.until
        && selects(&selection.filter, event)
}

fn selects(filter: &Filter, event: &Event) -> bool {
    let user = |users: &[_]| event.user.as_ref().is_some_and(|user| users.contains(user));
    (filter.projects.is_empty() || filter.projects.contains(&event.project))
        && (filter.users.is_empty() || user(&filter.users))
        && (filter.api_keys.is_empty() || filter.api_keys.contains(&event.api_key))
        && (filter.models.is_empty() || filter.models.iter().any(|m| **m == *event.deployment))
        && filter.batch.is_none_or(|batch| batch == event.batch)
        && (filter.operations.is_empty() || filter.operations.contains(&event.operation))
}

fn group(event: &Event, selection: &Selection) -> (i64, GroupKey) {
    let bucket = (event.created_at.0 - selection.origin.0) / selection.width;
    let by = |group| selection.group_by.contains(&group);
    let key = GroupKey {
        project: by(GroupBy::Project).then(|| event.project.to_string()),
        user: event.user.as_ref().filter(|_| by(GroupBy::User)).map(ToString::to_string),
        api_key: by(GroupBy::ApiKey).then(|| event.api_key.to_string()),
        model: by(GroupBy::Model).then(|| event.deployment.to_string()),
        batch: by(GroupBy::Batch).then_some(event.batch),
        service_tier: event.service_tier.clone().filter(|_| by(GroupBy::ServiceTier)),
        label: None,
    };
    (bucket, key)
}

/// Adds to a sum that must fit.
fn add(sum: &mut i64, count: i64) -> Result<(), BillingError> {
    *sum = sum.checked_add(count).ok_or_else(|| BillingError::Store {
        action: "add up events",
        source: "a sum does not fit".into(),
    })?;
    Ok(())
}

fn bounded<R>(rows: Vec<R>) -> Result<Vec<R>, BillingError> {
    if rows.len() > MAX_ROWS { Err(BillingError::ReportTooLarge { limit: MAX_ROWS }) } else { Ok(rows) }
}

#[async_trait]
impl UsageStore for MemoryLedger {
    async fn usage(&self, selection: &Selection) -> Result<Vec<UsageRow>, BillingError> {
        let mut rows: BTreeMap<(i64, GroupKey), UsageRow> = BTreeMap::new();
        for event in self.selected(selection) {
            let key = group(&event, selection);
            let row = rows.entry(key.clone()).or_insert_with(|| UsageRow {
                bucket: key.0,
                key: key.1,
                ..UsageRow::default()
            });
            add(&mut row.requests, 1)?;
            let sums = [
                (Unit::InputTokens, &mut row.input_tokens),
                (Unit::CachedInputTokens, &mut row.cached_input_tokens),
                (Unit::CacheWriteTokens, &mut row.cache_write_tokens),
                (Unit::OutputTokens, &mut row.output_tokens),
                (Unit::ReasoningTokens, &mut row.reasoning_tokens),
                (Unit::EmbeddingTokens, &mut row.embedding_tokens),
                (Unit::AudioInputTokens, &mut row.audio_input_tokens),
                (Unit::CachedAudioInputTokens, &mut row.cached_audio_input_tokens),
                (Unit::ImageInputTokens, &mut row.image_input_tokens),
                (Unit::CachedImageInputTokens, &mut row.cached_image_input_tokens),
                (Unit::AudioOutputTokens, &mut row.audio_output_tokens),
                (Unit::ImageOutputTokens, &mut row.image_output_tokens),
            ];
            for (unit, sum) in sums {
                add(sum, i64::try_from(event.count(unit)).unwrap_or(i64::MAX))?;
            }
        }
        bounded(rows.into_values().collect())
    }

    async fn costs(&self, selection: &Selection) -> Result<Vec<CostRow>, BillingError> {
        let mut rows: BTreeMap<_, CostRow> = BTreeMap::new();
        for event in self.selected(selection) {
            let (bucket, mut key) = group(&event, selection);
            key.label = selection.label.as_deref().and_then(|name| event.labels.get(name)).map(str::to_owned);
            let currency = event.cost.map(|cost| cost.currency);
            let row = rows.entry((bucket, key.clone(), currency)).or_insert(CostRow {
                bucket,
                key,
                currency,
                nanos: 0,
                requests: 0,
            });
            add(&mut row.nanos, event.cost.map_or(0, |cost| cost.nanos))?;
            add(&mut row.requests, 1)?;
        }
        bounded(rows.into_values().collect())
    }

    async fn calls(&self, query: &CallQuery) -> Result<Vec<Event>, BillingError> {
        let place = |event: &Event| (event.created_at, event.idempotency_key.clone());
        let mut calls = self.events();
        calls.retain(|event| {
            event.organization == query.organization
                && query.from.is_none_or(|from| event.created_at >= from)
                && query.until.is_none_or(|until| event.created_at < until)
                && (query.statuses.is_empty() || query.statuses.contains(&event.status))
                && query.before.as_ref().is_none_or(|at| place(event) < (at.created_at, at.key.clone()))
                && selects(&query.filter, event)
        });
        calls.sort_by_key(|event| std::cmp::Reverse(place(event)));
        calls.truncate(query.limit as usize);
        Ok(calls)
    }

    async fn call(&self, organization: &OrganizationId, key: &str) -> Result<Option<Event>, BillingError> {
        let is_it = |event: &Event| event.organization == *organization && event.idempotency_key == key;
        Ok(self.events().into_iter().find(is_it))
    }
}

/// Price lists in memory.
#[derive(Debug, Default)]
pub struct MemoryPrices {
    lists: Mutex<BTreeMap<Arc<str>, Vec<Arc<PriceList>>>>,
}

fn in_force(lists: &[Arc<PriceList>], at: Timestamp) -> Option<Arc<PriceList>> {
    // `max_by_key` gives the last of equals: the one that was put later.
    lists.iter().filter(|list| list.effective_at <= at).max_by_key(|list| list.effective_at).cloned()
}

#[async_trait]
impl PriceBook for MemoryPrices {
    async fn schedule(&self, deployment: &str, at: Timestamp) -> Result<Vec<Arc<PriceList>>, BillingError> {
        let lists = self.lists.lock();
        let lists = lists.get(deployment).map(Vec::as_slice).unwrap_or_default();
        let mut later = BTreeMap::new();
        for list in lists.iter().filter(|list| list.effective_at > at) {
            later.insert((list.effective_at, list.currency), list.clone());
        }
        let mut now = BTreeMap::new();
        for list in lists.iter().filter(|list| list.effective_at <= at) {
            let known = now.entry(list.currency).or_insert_with(|| Arc::clone(list));
            if list.effective_at >= known.effective_at {
                *known = Arc::clone(list);
            }
        }
        let mut now: Vec<_> = now.into_values().collect();
        now.sort_by_key(|list| list.effective_at);
        Ok(now.into_iter().chain(later.into_values()).collect())
    }

    async fn put(&self, list: &PriceList) -> Result<(), BillingError> {
        let mut lists = self.lists.lock();
        if lists.values().flatten().any(|known| known.version == list.version) {
            let source = "there is a version of that name".into();
            return Err(BillingError::Store { action: "write a price list", source });
        }
        lists.entry(list.deployment.clone()).or_default().push(Arc::new(list.clone()));
        Ok(())
    }

    async fn list(
        &self,
        at: Timestamp,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Arc<PriceList>>, BillingError> {
        let lists = self.lists.lock();
        let wanted = lists.iter().filter(|(name, _)| after.is_none_or(|after| &***name > after));
        Ok(wanted.filter_map(|(_, lists)| in_force(lists, at)).take(limit as usize).collect())
    }
}

/// Limits in memory.
#[derive(Debug, Default)]
pub struct MemoryLimits {
    limits: Mutex<BTreeMap<(ProjectId, String), LimitOverride>>,
    calls: Mutex<Vec<(OrganizationId, CallLimit)>>,
}

#[async_trait]
impl LimitStore for MemoryLimits {
    async fn get(
        &self,
        project: &ProjectId,
        deployment: &str,
    ) -> Result<Option<LimitOverride>, BillingError> {
        Ok(self.limits.lock().get(&(project.clone(), deployment.to_owned())).cloned())
    }

    async fn list(&self, project: &ProjectId) -> Result<Vec<LimitOverride>, BillingError> {
        let limits = self.limits.lock();
        Ok(limits.iter().filter(|((p, _), _)| p == project).map(|(_, limits)| limits.clone()).collect())
    }

    async fn put(&self, project: &ProjectId, limits: &LimitOverride) -> Result<(), BillingError> {
        self.limits.lock().insert((project.clone(), limits.deployment.clone()), limits.clone());
        Ok(())
    }

    async fn call_limits(&self, organization: &OrganizationId) -> Result<Vec<CallLimit>, BillingError> {
        let limits = self.calls.lock();
        Ok(limits.iter().filter(|(of, _)| of == organization).map(|(_, limit)| limit.clone()).collect())
    }

    async fn put_call_limit(
        &self,
        organization: &OrganizationId,
        limit: &CallLimit,
    ) -> Result<(), BillingError> {
        let key = |limit: &CallLimit| (limit.scope.clone(), limit.metric, limit.window);
        let mut limits = self.calls.lock();
        limits.retain(|(of, other)| of != organization || key(other) != key(limit));
        limits.push((organization.clone(), limit.clone()));
        Ok(())
    }

    async fn delete_call_limit(&self, organization: &OrganizationId, id: &str) -> Result<bool, BillingError> {
        let mut limits = self.calls.lock();
        let before = limits.len();
        limits.retain(|(of, limit)| of != organization || *limit.id != *id);
        Ok(limits.len() < before)
    }
}
