//! Recharging a balance by itself: when less is left than a threshold, a way to pay that was kept is charged.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tenfold_kernel::{Money, OrganizationId, Timestamp};

use super::{Checkout, PaymentMethod};
use crate::error::BillingError;
use crate::funds::SpendWindow;

/// How often a change is tried again that another process was quicker than.
const TRIES: usize = 5;

/// Whether a balance is recharged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RechargeStatus {
    /// It is.
    On,
    /// Several charges in a row failed: no more are made until an administrator sets it again.
    Paused,
    /// It is not.
    Off,
}

impl RechargeStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Paused => "paused",
            Self::Off => "off",
        }
    }
}

/// A charge that is being made: all that is needed to go on with it, whatever is set meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// The order. It is named here before it is made: of several processes one names it.
    pub order: Arc<str>,
    /// The way to pay: whose provider knows it, and the provider's name of it.
    pub provider: Arc<str>,
    /// See [`PaymentMethod::reference`].
    pub reference: Arc<str>,
    /// How much.
    pub money: Money,
}

/// How an organisation's balance is recharged, and what became of that until now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoRecharge {
    /// Whose balance.
    pub organization: OrganizationId,
    /// Whether it is.
    pub status: RechargeStatus,
    /// The id of the [`PaymentMethod`] that is charged.
    pub method: Arc<str>,
    /// What is charged at a time.
    pub money: Money,
    /// It is charged when less than this is left, in nano-units.
    pub threshold: i64,
    /// What is charged in a month of the organisation's time zone at most, in nano-units.
    pub monthly_limit: Option<i64>,
    /// The first moment of the month that `charged` is of.
    pub month: Timestamp,
    /// What was charged in that month, in nano-units, the order under way included.
    pub charged: i64,
    /// The order under way.
    pub order: Option<UnderWay>,
    /// How many charges in a row failed.
    pub failures: u32,
    /// Why the last one did, as the provider says.
    pub failure: Option<Arc<str>>,
    /// When the next one may be made.
    pub retry_at: Timestamp,
    /// How often it was changed.
    pub revision: i64,
}

/// How an administrator wants a balance to be recharged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetRecharge {
    /// The id of the way to pay.
    pub method: String,
    /// What is charged at a time.
    pub money: Money,
    /// It is charged when less than this is left, in nano-units.
    pub threshold: i64,
    /// What is charged in a month at most, in nano-units.
    pub monthly_limit: Option<i64>,
}

/// Where ways to pay are kept, and how balances are recharged.
#[async_trait]
pub trait RechargeStore: Send + Sync + Debug {
    /// Keeps a way to pay; one of the same organisation, provider and reference stays as it is.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn put_method(&self, method: &PaymentMethod) -> Result<(), BillingError>;

    /// Ways to pay of an organisation, oldest first.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn methods(&self, organization: &OrganizationId) -> Result<Vec<PaymentMethod>, BillingError>;

    /// Forgets a way to pay; says whether there was one.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn delete_method(&self, organization: &OrganizationId, id: &str) -> Result<bool, BillingError>;

    /// How an organisation's balance is recharged, if that was ever set.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn recharge(&self, organization: &OrganizationId) -> Result<Option<AutoRecharge>, BillingError>;

    /// Keeps how a balance is recharged where nothing is kept of its organisation; says whether it did.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn insert_recharge(&self, recharge: &AutoRecharge) -> Result<bool, BillingError>;

    /// Keeps what has changed, unless its revision is not what it was read with; says whether it did. The revision is one
    /// more then.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn update_recharge(&self, recharge: &AutoRecharge) -> Result<bool, BillingError>;

    /// Those that are on, or have an order under way, by organisation, from the one after `after` on, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn recharges(
        &self,
        after: Option<&OrganizationId>,
        limit: u32,
    ) -> Result<Vec<AutoRecharge>, BillingError>;
}

impl AutoRecharge {
    /// Whether there may be something to do.
    pub fn is_live(&self) -> bool {
        self.status == RechargeStatus::On || self.order.is_some()
    }
}

impl Checkout {
    /// How the balance of `organization` is recharged, if that was ever set, and what was charged in this month.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn auto_recharge(
        &self,
        organization: &OrganizationId,
    ) -> Result<Option<AutoRecharge>, BillingError> {
        let Some(kept) = self.recharges.recharge(organization).await? else { return Ok(None) };
        Ok(Some(self.in_this_month(kept).await?))
    }

    /// The same, counted in the month of now.
    pub(super) async fn in_this_month(&self, recharge: AutoRecharge) -> Result<AutoRecharge, BillingError> {
        let zone = self.billing.profile(&recharge.organization).await?.zone.clone();
        let (month, _) = SpendWindow::Month.span(self.billing.ports.clock.now(), &zone);
        let charged = if recharge.month == month { recharge.charged } else { 0 };
        Ok(AutoRecharge { month, charged, ..recharge })
    }

    /// Recharges the balance of `organization` from now on. What was charged this month already stays counted, and an order
    /// under way goes on.
    ///
    /// # Errors
    /// [`BillingError::InvalidCheckout`] naming the field at fault; [`BillingError::Store`] when the database fails.
    pub async fn set_recharge(
        &self,
        organization: &OrganizationId,
        set: SetRecharge,
    ) -> Result<AutoRecharge, BillingError> {
        let invalid =
            |field, reason: &str| Err(BillingError::InvalidCheckout { field, reason: reason.to_owned() });
        let SetRecharge { method, money, threshold, monthly_limit } = set;
        if money.nanos <= 0 {
            return invalid("amount", "an amount is above zero");
        }
        if threshold < 0 {
            return invalid("threshold", "a threshold is zero or more");
        }
        if monthly_limit.is_some_and(|limit| limit < money.nanos) {
            return invalid("monthly_limit", "a monthly limit is what is charged at a time or more");
        }
        let methods = self.recharges.methods(organization).await?;
        let Some(method) = methods.iter().find(|kept| *kept.id == *method) else {
            let reason = "there is no such way to pay: pay once with `save_payment_method`";
            return invalid("payment_method", reason);
        };
        if self.gateway(&method.provider).is_none() {
            return invalid("payment_method", "its provider is not configured any more");
        }
        let new = AutoRecharge {
            organization: organization.clone(),
            status: RechargeStatus::On,
            method: Arc::clone(&method.id),
            money,
            threshold,
            monthly_limit,
            month: Timestamp(0),
            charged: 0,
            order: None,
            failures: 0,
            failure: None,
            retry_at: self.billing.ports.clock.now(),
            revision: 0,
        };
        let changed = self.change(organization, |before| AutoRecharge {
            // Another currency's sum says nothing of this one's.
            charged: if before.money.currency == money.currency { before.charged } else { 0 },
            month: before.month,
            order: before.order.clone(),
            revision: before.revision,
            ..new.clone()
        });
        if let Some(changed) = changed.await? {
            return Ok(changed);
        }
        if self.recharges.insert_recharge(&new).await? {
            return Ok(new);
        }
        Err(busy())
    }

    /// Recharges the balance of `organization` no more; says whether it was.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn stop_recharging(&self, organization: &OrganizationId) -> Result<bool, BillingError> {
        let was_on = self.recharges.recharge(organization).await?;
        let was_on = was_on.is_some_and(|recharge| recharge.status != RechargeStatus::Off);
        if was_on {
            let off = |before: &AutoRecharge| AutoRecharge { status: RechargeStatus::Off, ..before.clone() };
            self.change(organization, off).await?;
        }
        Ok(was_on)
    }

    /// Changes what is kept of `organization`; nothing when nothing is.
    async fn change(
        &self,
        organization: &OrganizationId,
        change: impl Fn(&AutoRecharge) -> AutoRecharge + Send,
    ) -> Result<Option<AutoRecharge>, BillingError> {
        for _ in 0..TRIES {
            let Some(before) = self.recharges.recharge(organization).await? else { return Ok(None) };
            let changed = change(&before);
            if self.recharges.update_recharge(&changed).await? {
                return Ok(Some(changed));
            }
        }
        Err(busy())
    }
}

fn busy() -> BillingError {
    let source = "others change it at the same time".into();
    BillingError::Unavailable { action: "change how a balance is recharged", source }
}
