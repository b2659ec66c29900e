//! The service that ties meters, prices, limits and reports together.

use std::sync::Arc;
use std::time::Duration;

use tenfold_kernel::{Clock, Currency, OrganizationId, ProjectId, Rng, Timestamp, base62};

use crate::alert::{AlertStore, SpendAlert};
use crate::error::BillingError;
use crate::fresh::Fresh;
use crate::funds::{Grant, Profile, SpendLimit};
use crate::ledger::ProcessId;
use crate::limit::{CallLimit, LimitOverride, RateLimits};
use crate::plan::Subscription;
use crate::ports::{
    FundsStore, InvoiceStore, Ledger, LedgerReader, LimitStore, PlanStore, PriceBook, UsageStore,
};
use crate::price::{Occasion, PriceList, Quote, Terms};
use crate::report::{self, BucketWidth, CostRow, GroupBy, Page, ReportQuery, UsageRow};

/// How billing behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// The currency of what is free.
    pub currency: Currency,
    /// Limits where no administrator set others.
    pub default_limits: RateLimits,
    /// Names this process among those on the database: what it holds is given back when it is gone.
    pub process: ProcessId,
    /// How old prices and limits that are read for a call may be. Nothing keeps them until they are changed
    /// through this service: right when this is the only process that writes to the database.
    pub cache_age: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            currency: Currency::USD,
            default_limits: RateLimits::default(),
            process: "one".into(),
            cache_age: Some(Duration::from_secs(1)),
        }
    }
}

/// What billing stands on.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Where calls are settled.
    pub ledger: Arc<dyn Ledger>,
    /// What it tells.
    pub reader: Arc<dyn LedgerReader>,
    /// How organisations pay.
    pub funds: Arc<dyn FundsStore>,
    /// Plans, and who has them.
    pub plans: Arc<dyn PlanStore>,
    /// Invoices and credit notes.
    pub invoices: Arc<dyn InvoiceStore>,
    /// Spend alerts.
    pub alerts: Arc<dyn AlertStore>,
    /// Where they are added up.
    pub usage: Arc<dyn UsageStore>,
    /// Price lists.
    pub prices: Arc<dyn PriceBook>,
    /// Limits.
    pub limits: Arc<dyn LimitStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for version names.
    pub rng: Arc<dyn Rng>,
}

/// Meters, prices, limits and reports.
#[derive(Debug)]
pub struct Billing {
    pub(crate) ports: Ports,
    pub(crate) config: Config,
    schedules: Fresh<Arc<str>, Arc<[Arc<PriceList>]>>,
    overrides: Fresh<(ProjectId, Arc<str>), RateLimits>,
    pub(crate) profiles: Fresh<OrganizationId, Arc<Profile>>,
    pub(crate) spending: Fresh<OrganizationId, Arc<[SpendLimit]>>,
    pub(crate) call_limits: Fresh<OrganizationId, Arc<[CallLimit]>>,
    pub(crate) alerts: Fresh<OrganizationId, Arc<[SpendAlert]>>,
    pub(crate) grants: Fresh<OrganizationId, Arc<[Grant]>>,
    pub(crate) subscriptions: Fresh<OrganizationId, Arc<[Subscription]>>,
}

/// A new price list, as an administrator writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPrices {
    /// The deployment's name.
    pub deployment: Arc<str>,
    /// Of all its prices.
    pub currency: Currency,
    /// What it says.
    pub terms: Terms,
    /// From when; now when absent. Never in the past, since calls were priced there already.
    pub effective_at: Option<Timestamp>,
}

impl Billing {
    /// Billing over `ports`.
    pub fn new(ports: Ports, config: Config) -> Self {
        let age = config.cache_age;
        Self {
            ports,
            config,
            schedules: Fresh::new(age),
            overrides: Fresh::new(age),
            profiles: Fresh::new(age),
            spending: Fresh::new(age),
            call_limits: Fresh::new(age),
            alerts: Fresh::new(age),
            grants: Fresh::new(age),
            subscriptions: Fresh::new(age),
        }
    }

    /// The prices that a call of `deployment` by `organization` has when it is asked for now, frozen: those of the list in
    /// the organisation's currency, where there is one; else those of the list that was put in force last.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn quote(
        &self,
        organization: &OrganizationId,
        deployment: &Arc<str>,
        occasion: &Occasion,
    ) -> Result<Quote, BillingError> {
        let (monotonic, now) = (self.ports.clock.monotonic(), self.ports.clock.now());
        let schedule = match (occasion.asked_at, self.schedules.get(deployment, monotonic)) {
            // What is kept is of now and later.
            (Some(then), _) => self.ports.prices.schedule(deployment, then).await?.into(),
            (None, Ok(schedule)) => schedule,
            (None, Err(generation)) => {
                let schedule: Arc<[_]> = self.ports.prices.schedule(deployment, now).await?.into();
                self.schedules.keep(deployment.clone(), schedule.clone(), monotonic, generation);
                schedule
            }
        };
        let now = occasion.asked_at.unwrap_or(now);
        if schedule.is_empty() {
            return Ok(Quote::new(None, self.config.currency, occasion, now));
        }
        let preferred = self.profile(organization).await?.currency;
        let in_force = || schedule.iter().rev().filter(|list| list.effective_at <= now);
        let list = in_force().find(|list| Some(list.currency) == preferred).or_else(|| in_force().next());
        Ok(Quote::new(list.cloned(), self.config.currency, occasion, now))
    }

    /// The limits of `project` for `deployment`: what was set, and the default elsewhere.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn limits(
        &self,
        project: &ProjectId,
        deployment: &Arc<str>,
    ) -> Result<RateLimits, BillingError> {
        let key = (project.clone(), deployment.clone());
        let now = self.ports.clock.monotonic();
        match self.overrides.get(&key, now) {
            Ok(limits) => Ok(limits),
            Err(generation) => {
                let set = self.ports.limits.get(project, deployment).await?;
                let limits = set.map(|o| o.limits).unwrap_or_default().or(self.config.default_limits);
                self.overrides.keep(key, limits, now, generation);
                Ok(limits)
            }
        }
    }

    /// Every limit that was set for `project`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn limit_overrides(&self, project: &ProjectId) -> Result<Vec<LimitOverride>, BillingError> {
        self.ports.limits.list(project).await
    }

    /// Limits where no administrator set others.
    pub fn default_limits(&self) -> RateLimits {
        self.config.default_limits
    }

    /// Sets limits of `project` in place of those that were set before.
    ///
    /// # Errors
    /// [`BillingError::InvalidLimit`] for a limit that cannot be; [`BillingError::Store`] when the database
    /// fails.
    pub async fn set_limits(&self, project: &ProjectId, limits: &LimitOverride) -> Result<(), BillingError> {
        limits.limits.check()?;
        let done = self.ports.limits.put(project, limits).await;
        // Forgotten even after an error, which may have come after the write.
        self.overrides.forget();
        done
    }

    /// Puts a new price list in force.
    ///
    /// # Errors
    /// [`BillingError::InvalidPrice`] for prices that cannot be; [`BillingError::Store`] when the database
    /// fails.
    pub async fn set_prices(&self, new: SetPrices) -> Result<Arc<PriceList>, BillingError> {
        let now = self.ports.clock.now();
        let effective_at = new.effective_at.unwrap_or(now);
        if effective_at < now {
            let reason = "prices are not changed in the past".to_owned();
            return Err(BillingError::InvalidPrice { field: "effective_at", reason });
        }
        let list = Arc::new(PriceList {
            deployment: new.deployment,
            version: format!("price_{}", base62(&*self.ports.rng, 24)).into(),
            currency: new.currency,
            terms: new.terms,
            effective_at,
            created_at: now,
        });
        list.check()?;
        let done = self.ports.prices.put(&list).await;
        // Forgotten even after an error, which may have come after the write.
        self.schedules.forget();
        done.map(|()| list)
    }

    /// The price lists of `deployment` that are in force now, one in each currency, and those that will be, by the moment
    /// from which they are.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn prices(&self, deployment: &str) -> Result<Vec<Arc<PriceList>>, BillingError> {
        self.ports.prices.schedule(deployment, self.ports.clock.now()).await
    }

    /// The price list of each deployment that was put in force last, by deployment name, after `after`, at most
    /// `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn all_prices(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Arc<PriceList>>, BillingError> {
        self.ports.prices.list(self.ports.clock.now(), after, limit).await
    }

    /// Sums of units.
    ///
    /// # Errors
    /// [`BillingError::InvalidQuery`] naming the field at fault; otherwise as [`UsageStore::usage`].
    pub async fn usage(&self, query: ReportQuery) -> Result<Page<UsageRow>, BillingError> {
        let limits = (query.width.default_limit(), query.width.max_limit());
        if query.label.is_some() {
            return Err(report::invalid("label", "usage is not told apart by labels, costs are".to_owned()));
        }
        let zone = self.profile(&query.organization).await?.zone.clone();
        let plan = report::plan(&query, limits, &zone, self.ports.clock.now())?;
        let mut rows = Vec::with_capacity(plan.selections.len());
        for (_, selection) in &plan.selections {
            rows.push(self.ports.usage.usage(selection).await?);
        }
        plan.fill(rows)
    }

    /// Sums of money, by the day of the organisation's time zone; a page has 7 buckets when the query does not say, and at most 180.
    ///
    /// # Errors
    /// [`BillingError::InvalidQuery`] naming the field at fault; otherwise as [`UsageStore::costs`].
    pub async fn costs(&self, query: ReportQuery) -> Result<Page<CostRow>, BillingError> {
        if query.width != BucketWidth::Day {
            return Err(report::invalid("bucket_width", "costs are by the day: `1d`".to_owned()));
        }
        if let Some(other) =
            query.group_by.iter().find(|g| !matches!(g, GroupBy::Project | GroupBy::ApiKey | GroupBy::Model))
        {
            let reason = format!("costs are not grouped by {other:?}");
            return Err(report::invalid("group_by", reason));
        }
        let zone = self.profile(&query.organization).await?.zone.clone();
        let plan = report::plan(&query, (7, 180), &zone, self.ports.clock.now())?;
        let mut rows = Vec::with_capacity(plan.selections.len());
        for (_, selection) in &plan.selections {
            rows.push(self.ports.usage.costs(selection).await?);
        }
        plan.fill(rows)
    }
}
