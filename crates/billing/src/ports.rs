//! What billing needs of a store.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tenfold_kernel::{Currency, OrganizationId, ProjectId, Timestamp};

use crate::calls::CallQuery;
use crate::error::BillingError;
use crate::event::Event;
use crate::funds::{Grant, Profile, SpendLimit};
use crate::invoice::{Charge, ChargeQuery, Invoice, InvoiceDetails};
use crate::ledger::{
    Account, AccountId, Counter, Entry, EntryPlace, Hold, Post, Posted, Reserve, Reserved, Settle,
    Verification,
};
use crate::limit::{CallLimit, LimitOverride};
use crate::plan::{Plan, Subscription};
use crate::price::PriceList;
use crate::report::{CostRow, Selection, UsageRow};
use crate::voucher::Voucher;

/// Where money is held, calls are settled, and transactions are entered.
///
/// All that one command changes becomes durable together: an event with its entries, a hold with the room that it
/// takes within limits. Commands of several processes on one database exclude each other where they touch the same
/// accounts or counters.
#[async_trait]
pub trait Ledger: Send + Sync + Debug {
    /// Holds money and room for a call, as [`Book::reserve`](crate::ledger::Book::reserve) says.
    ///
    /// # Errors
    /// [`BillingError::RateLimited`], [`BillingError::InsufficientQuota`], or an error of the store; nothing is held
    /// then.
    async fn reserve(&self, reserve: Reserve) -> Result<Reserved, BillingError>;

    /// Writes the event of a call and charges it, and returns when both are durable: they survive the death of the
    /// process and of the machine at any later moment.
    ///
    /// Two events with the same `idempotency_key` are one: the second is `Ok`, changes nothing, and gives back its
    /// hold.
    ///
    /// # Errors
    /// Any error means that the call was not acknowledged: it may be settled again with the same key.
    async fn settle(&self, settle: Settle) -> Result<(), BillingError>;

    /// Gives back what was held for a call that left no event. Returns at once; a hold whose release gets lost is
    /// released with its process.
    fn release(&self, hold: Hold);

    /// Enters a transaction, once for its key.
    ///
    /// # Errors
    /// [`BillingError::InsufficientQuota`] where the accounts have not enough, or an error of the store.
    async fn post(&self, post: Post) -> Result<Posted, BillingError>;
}

/// What the ledger tells.
#[async_trait]
pub trait LedgerReader: Send + Sync + Debug {
    /// Every account of an organisation, by id.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn accounts(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<(AccountId, Account)>, BillingError>;

    /// Entries of an organisation, newest first, from the one before `before` on, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn entries(
        &self,
        organization: &OrganizationId,
        before: Option<&EntryPlace>,
        limit: u32,
    ) -> Result<Vec<Entry>, BillingError>;

    /// The entries of a transaction of an organisation, in order; none when there is no such transaction.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn transaction(
        &self,
        organization: &OrganizationId,
        transaction: &str,
    ) -> Result<Vec<Entry>, BillingError>;

    /// Counters by name; one that never counted is left out.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn counters(&self, names: &[Arc<str>]) -> Result<Vec<(Arc<str>, Counter)>, BillingError>;

    /// What moved to and from revenue in a time, added up by kind, project, deployment, memo and the value of the label
    /// that is asked for; without what documents themselves have moved. What undoes a call has the call's deployment and
    /// label.
    ///
    /// # Errors
    /// [`BillingError::ReportTooLarge`] beyond [`MAX_ROWS`](crate::MAX_ROWS) rows; [`BillingError::Store`] when the
    /// database fails.
    async fn charges(&self, query: &ChargeQuery) -> Result<Vec<Charge>, BillingError>;

    /// Computes every balance anew from the entries and compares.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn verify(&self, now: Timestamp) -> Result<Verification, BillingError>;
}

/// How organisations pay.
#[async_trait]
pub trait FundsStore: Send + Sync + Debug {
    /// How an organisation pays, if that was set.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn profile(&self, organization: &OrganizationId) -> Result<Option<Profile>, BillingError>;

    /// Sets how an organisation pays.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn put_profile(&self, organization: &OrganizationId, profile: &Profile)
    -> Result<(), BillingError>;

    /// Grants that have not ended at `now`, those that end first first.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn grants(&self, organization: &OrganizationId, now: Timestamp)
    -> Result<Vec<Grant>, BillingError>;

    /// Keeps a grant; one of the same id stays as it is.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn put_grant(&self, grant: &Grant) -> Result<(), BillingError>;

    /// Grants that have ended at `now` and were not closed, by end and id, from the one after `after` on, at most
    /// `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn ended_grants(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<Grant>, BillingError>;

    /// Notes that nothing is left of a grant; says whether that was not noted before.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn close_grant(&self, grant: &Grant, now: Timestamp) -> Result<bool, BillingError>;

    /// Keeps vouchers: all of them, or none.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn put_vouchers(&self, vouchers: &[Voucher]) -> Result<(), BillingError>;

    /// The voucher whose code has that hash. Whether it is redeemed need not be told.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn voucher(&self, code_hash: &str) -> Result<Option<Voucher>, BillingError>;

    /// Vouchers of an issuer, newest first, from the one after `after` on, at most `limit`, with whether there is a
    /// transaction `voucher:ID` in the ledger.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn vouchers(
        &self,
        issuer: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Voucher>, BillingError>;

    /// Limits of what an organisation spends.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn spend_limits(&self, organization: &OrganizationId) -> Result<Vec<SpendLimit>, BillingError>;

    /// Sets a limit in place of one of the same scope, window and currency. Where its counter has not counted in
    /// `window` yet, it begins with what events of the window cost.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn put_spend_limit(
        &self,
        organization: &OrganizationId,
        limit: &SpendLimit,
        window: (Timestamp, Timestamp),
    ) -> Result<(), BillingError>;

    /// Takes a limit away; says whether there was one.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn delete_spend_limit(&self, organization: &OrganizationId, id: &str)
    -> Result<bool, BillingError>;
}

/// Which processes run, so that the holds of those that do not any more are released.
#[async_trait]
pub trait ProcessStore: Send + Sync + Debug {
    /// Says that `process` runs at `now`, and gives back the holds of all that have not said so since `dead_before`.
    /// Returns how many those were.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn beat(&self, process: &str, now: Timestamp, dead_before: Timestamp) -> Result<u64, BillingError>;
}

/// What events add up to, and the events themselves.
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

    /// Calls, newest first and those of one moment by their keys downwards, from the one before `query.before` on.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn calls(&self, query: &CallQuery) -> Result<Vec<Event>, BillingError>;

    /// The call of the organisation with this key.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn call(&self, organization: &OrganizationId, key: &str) -> Result<Option<Event>, BillingError>;
}

/// Price lists of the platform, by deployment name.
#[async_trait]
pub trait PriceBook: Send + Sync + Debug {
    /// The lists of `deployment` that are in force at `at`, one at most in each currency, and those that will be, in the
    /// order of the moments from which they are in force.
    ///
    /// Of two lists of a currency that take effect at the same moment the one that was put later counts, and alone is given.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn schedule(&self, deployment: &str, at: Timestamp) -> Result<Vec<Arc<PriceList>>, BillingError>;

    /// Adds a version. Versions are never changed and never removed.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails or has a version of that name.
    async fn put(&self, list: &PriceList) -> Result<(), BillingError>;

    /// The list of each deployment that was put in force last before `at`, by deployment name, from the name after
    /// `after` on, at most `limit`.
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

/// Plans, and who has them.
#[async_trait]
pub trait PlanStore: Send + Sync + Debug {
    /// Keeps a plan, in place of one of the same id.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn put_plan(&self, plan: &Plan) -> Result<(), BillingError>;

    /// A plan of an issuer.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn plan(&self, issuer: &OrganizationId, id: &str) -> Result<Option<Plan>, BillingError>;

    /// Plans of an issuer, oldest first.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn plans(&self, issuer: &OrganizationId) -> Result<Vec<Plan>, BillingError>;

    /// Keeps a new subscription.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn insert(&self, subscription: &Subscription) -> Result<(), BillingError>;

    /// Keeps what has changed of a subscription, unless its revision is not what it was read with; says whether it did.
    /// The revision is one more then.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn update(&self, subscription: &Subscription) -> Result<bool, BillingError>;

    /// Subscriptions of an organisation, oldest first.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn subscriptions(&self, organization: &OrganizationId) -> Result<Vec<Subscription>, BillingError>;

    /// Subscriptions that have not ended and whose period has by `now`, those first that ended first, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Subscription>, BillingError>;
}

/// Invoices and credit notes.
#[async_trait]
pub trait InvoiceStore: Send + Sync + Debug {
    /// Who an organisation is on invoices, if that was set.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn details(&self, organization: &OrganizationId) -> Result<Option<InvoiceDetails>, BillingError>;

    /// Sets who an organisation is on invoices.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn put_details(
        &self,
        organization: &OrganizationId,
        details: &InvoiceDetails,
    ) -> Result<(), BillingError>;

    /// Keeps a document under the next number of its kind in its organisation, and gives it back with that; nothing where
    /// there is an invoice of that month and currency, or a credit note of that ordinal, already.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn insert(&self, invoice: &Invoice) -> Result<Option<Invoice>, BillingError>;

    /// The document of that id.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn invoice(&self, organization: &OrganizationId, id: &str)
    -> Result<Option<Invoice>, BillingError>;

    /// The invoice of the month that begins at `start`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn invoice_of(
        &self,
        organization: &OrganizationId,
        currency: Currency,
        start: Timestamp,
    ) -> Result<Option<Invoice>, BillingError>;

    /// Documents of an organisation, newest first, from the one after `after` on, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn invoices(
        &self,
        organization: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Invoice>, BillingError>;

    /// Credit notes of an invoice, oldest first.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn credit_notes(
        &self,
        organization: &OrganizationId,
        invoice: &str,
    ) -> Result<Vec<Invoice>, BillingError>;

    /// Notes that what a document says was entered in the ledger.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn mark_entered(&self, invoice: &Invoice) -> Result<(), BillingError>;

    /// Documents that were not entered in the ledger, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn not_entered(&self, limit: u32) -> Result<Vec<Invoice>, BillingError>;

    /// Who was ever charged, in which currency, and from when on there is no invoice: after the last one, or from the first
    /// entry on. By account, from the one after `after` on, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn open_since(
        &self,
        after: Option<&AccountId>,
        limit: u32,
    ) -> Result<Vec<(AccountId, Timestamp)>, BillingError>;
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

    /// Limits of calls of an organisation, oldest first.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn call_limits(&self, organization: &OrganizationId) -> Result<Vec<CallLimit>, BillingError>;

    /// Sets a limit of calls in place of one of the same scope, metric and window.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn put_call_limit(
        &self,
        organization: &OrganizationId,
        limit: &CallLimit,
    ) -> Result<(), BillingError>;

    /// Takes a limit of calls away; says whether there was one.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn delete_call_limit(&self, organization: &OrganizationId, id: &str) -> Result<bool, BillingError>;
}
