//! What billing needs of a store.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tenfold_kernel::{ProjectId, Timestamp};

use crate::error::BillingError;
use crate::event::Event;
use crate::limit::LimitOverride;
use crate::price::PriceList;
use crate::report::{CostRow, Selection, UsageRow};

/// Where events are written.
#[async_trait]
pub trait EventLog: Send + Sync + Debug {
    /// Writes an event and returns when it is durable: it survives the death of the process and of the
    /// machine at any later moment.
    ///
    /// Two events with the same `idempotency_key` are one: the second is `Ok` and the first stays as it is.
    ///
    /// # Errors
    /// Any error means that the event was not acknowledged: it may be written again with the same key.
    async fn append(&self, event: Event) -> Result<(), BillingError>;
}

/// What events add up to.
#[async_trait]
pub trait UsageStore: Send + Sync + Debug {
    /// Sums of units per bucket and group, by bucket and group; nothing for buckets in which nothing happened.
    ///
    /// # Errors
    /// [`BillingError::ReportTooLarge`] beyond [`MAX_ROWS`](crate::MAX_ROWS) rows, and
    /// [`BillingError::Store`] when the database fails or a sum does not fit.
    async fn usage(&self, selection: &Selection) -> Result<Vec<UsageRow>, BillingError>;

    /// Sums of money per bucket, group and currency, by bucket and group.
    ///
    /// # Errors
    /// As [`UsageStore::usage`].
    async fn costs(&self, selection: &Selection) -> Result<Vec<CostRow>, BillingError>;
}

/// Price lists of the platform, by deployment name.
#[async_trait]
pub trait PriceBook: Send + Sync + Debug {
    /// The list of `deployment` that is in force at `at`, if any, and after it those that will be, in order.
    ///
    /// Of two lists that take effect at the same moment the one that was put later counts, and alone is given.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn schedule(&self, deployment: &str, at: Timestamp) -> Result<Vec<Arc<PriceList>>, BillingError>;

    /// Adds a version. Versions are never changed and never removed.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails or has a version of that name.
    async fn put(&self, list: &PriceList) -> Result<(), BillingError>;

    /// The lists that are in force at `at`, by deployment name, from the name after `after` on, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn list(
        &self,
        at: Timestamp,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Arc<PriceList>>, BillingError>;
}

/// Limits that administrators set.
#[async_trait]
pub trait LimitStore: Send + Sync + Debug {
    /// What was set for `project` and `deployment`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn get(&self, project: &ProjectId, deployment: &str)
    -> Result<Option<LimitOverride>, BillingError>;

    /// All that was set for `project`, by deployment name.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn list(&self, project: &ProjectId) -> Result<Vec<LimitOverride>, BillingError>;

    /// Sets limits in place of those that were set before.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn put(&self, project: &ProjectId, limits: &LimitOverride) -> Result<(), BillingError>;
}
