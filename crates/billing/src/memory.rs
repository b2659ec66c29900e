//! Adapters that forget everything when the process ends. For tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{ProjectId, Timestamp, Unit};

use crate::error::BillingError;
use crate::event::{CallStatus, Event};
use crate::limit::LimitOverride;
use crate::ports::{EventLog, LimitStore, PriceBook, UsageStore};
use crate::price::PriceList;
use crate::report::{CostRow, GroupBy, GroupKey, MAX_ROWS, Selection, UsageRow};

/// Events in memory.
#[derive(Debug, Default)]
pub struct MemoryEvents {
    events: Mutex<BTreeMap<String, Event>>,
}

impl MemoryEvents {
    /// Every event that was written, by idempotency key.
    pub fn all(&self) -> Vec<Event> {
        self.events.lock().values().cloned().collect()
    }

    fn selected(&self, selection: &Selection) -> Vec<Event> {
        self.events.lock().values().filter(|event| counts(event, selection)).cloned().collect()
    }
}

#[async_trait]
impl EventLog for MemoryEvents {
    async fn append(&self, event: Event) -> Result<(), BillingError> {
        self.events.lock().entry(event.idempotency_key.clone()).or_insert(event);
        Ok(())
    }
}

fn counts(event: &Event, selection: &Selection) -> bool {
    let filter = &selection.filter;
    let user = |users: &[_]| event.user.as_ref().is_some_and(|user| users.contains(user));
    event.status != CallStatus::Rejected
        && event.organization == selection.organization
        && event.created_at >= selection.from
        && event.created_at < selection.until
        && (filter.projects.is_empty() || filter.projects.contains(&event.project))
        && (filter.users.is_empty() || user(&filter.users))
        && (filter.api_keys.is_empty() || filter.api_keys.contains(&event.api_key))
        && (filter.models.is_empty() || filter.models.iter().any(|m| **m == *event.deployment))
        && filter.batch.is_none_or(|batch| batch == event.batch)
        && (filter.operations.is_empty() || filter.operations.contains(&event.operation))
}

fn group(event: &Event, selection: &Selection) -> (i64, GroupKey) {
    let width = selection.width.millis();
    let bucket = event.created_at.0 - event.created_at.0.rem_euclid(width);
    let by = |group| selection.group_by.contains(&group);
    let key = GroupKey {
        project: by(GroupBy::Project).then(|| event.project.to_string()),
        user: event.user.as_ref().filter(|_| by(GroupBy::User)).map(ToString::to_string),
        api_key: by(GroupBy::ApiKey).then(|| event.api_key.to_string()),
        model: by(GroupBy::Model).then(|| event.deployment.to_string()),
        batch: by(GroupBy::Batch).then_some(event.batch),
        service_tier: event.service_tier.clone().filter(|_| by(GroupBy::ServiceTier)),
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
impl UsageStore for MemoryEvents {
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
            let (bucket, key) = group(&event, selection);
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
            later.insert(list.effective_at, list.clone());
        }
        Ok(in_force(lists, at).into_iter().chain(later.into_values()).collect())
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
}
