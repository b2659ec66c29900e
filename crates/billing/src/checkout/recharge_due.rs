//! Recharges balances of which too little is left.
//!
//! Several processes may do so at once, and each may die at any moment. The order is named in [`AutoRecharge`] before it is
//! made, by whoever wins that change; it is kept before its provider hears of it; and the provider is asked under its id,
//! as often as nobody knows the answer. So a shortfall is charged once.

use std::sync::Arc;

use futures::{StreamExt, stream};
use tenfold_kernel::{Timestamp, base62};

use super::{
    AutoRecharge, Charged, Checkout, OrderNews, PaymentEvent, PaymentOrder, PaymentStatus, Purpose,
    RechargeStatus, SavedCharge, UnderWay, Verified,
};
use crate::error::BillingError;

/// How many are read at once.
const PAGE: u32 = 200;
/// How many are looked at at a time.
const AT_ONCE: usize = 16;
const HOUR_MS: i64 = 3_600_000;
/// For how long a provider is asked again whose answer is not known: providers remember an order's id for a day.
const ASKING_MS: i64 = 23 * HOUR_MS;
/// For how long a payment may be processing: a bank's debit takes days.
const PROCESSING_MS: i64 = 14 * 24 * HOUR_MS;
/// How long after the first failure, the second and so on the next charge is made. After the last one none is.
const BACKOFF_MS: [i64; 2] = [60_000, HOUR_MS];

/// What came of an order.
enum End {
    Paid,
    Failed(Option<Arc<str>>),
}

impl Checkout {
    /// Charges what is to be charged now, and goes on with what was interrupted: several balances at a time, since a provider
    /// may be slow, and each for itself. Says how many were looked at.
    ///
    /// # Errors
    /// [`BillingError::Store`] when they cannot be read. What fails for one of them is logged and tried again.
    pub async fn recharge_due(&self) -> Result<u64, BillingError> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.recharges.recharges(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some(last.organization.clone());
            count += page.len() as u64;
            stream::iter(page).for_each_concurrent(AT_ONCE, |recharge| self.look_at(recharge)).await;
        }
    }

    async fn look_at(&self, recharge: AutoRecharge) {
        let organization = recharge.organization.clone();
        let done = match &recharge.order {
            Some(under_way) => self.go_on(&recharge, under_way).await,
            None => self.begin(recharge).await,
        };
        if let Err(error) = done {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(organization = organization.as_str(), error, "a balance could not be recharged");
        }
    }

    /// Makes an order where too little is left.
    async fn begin(&self, recharge: AutoRecharge) -> Result<(), BillingError> {
        let ports = &self.billing.ports;
        let now = ports.clock.now();
        if now < recharge.retry_at || self.available(&recharge).await? >= recharge.threshold {
            return Ok(());
        }
        let recharge = self.in_this_month(recharge).await?;
        let charged = recharge.charged.saturating_add(recharge.money.nanos);
        if recharge.monthly_limit.is_some_and(|limit| charged > limit) {
            return Ok(());
        }
        let methods = self.recharges.methods(&recharge.organization).await?;
        let Some(method) = methods.into_iter().find(|kept| kept.id == recharge.method) else {
            let failure = Some("payment_method_removed".into());
            let paused = AutoRecharge { status: RechargeStatus::Paused, failure, ..recharge };
            return self.recharges.update_recharge(&paused).await.map(drop);
        };
        let under_way = UnderWay {
            order: format!("pay_{}", base62(&*ports.rng, 24)).into(),
            provider: method.provider,
            reference: method.reference,
            money: recharge.money,
        };
        let claimed = AutoRecharge { order: Some(under_way.clone()), charged, ..recharge };
        if self.recharges.update_recharge(&claimed).await? {
            let claimed = AutoRecharge { revision: claimed.revision + 1, ..claimed };
            self.go_on(&claimed, &under_way).await?;
        }
        Ok(())
    }

    /// What is left to spend: what was paid in and what was given, less what is held.
    async fn available(&self, recharge: &AutoRecharge) -> Result<i64, BillingError> {
        let accounts = self.billing.accounts(&recharge.organization).await?;
        let mine = accounts.iter().filter(|(id, _)| {
            id.currency() == Some(recharge.money.currency) && id.kind().is_some_and(|kind| kind.is_funds())
        });
        Ok(mine.map(|(_, account)| account.balance - account.held).sum())
    }

    /// Goes on with the order under way, wherever it was left.
    async fn go_on(&self, recharge: &AutoRecharge, under_way: &UnderWay) -> Result<(), BillingError> {
        let now = self.billing.ports.clock.now();
        let order = match self.store.get(&under_way.order).await? {
            Some(order) => order,
            None => self.make(recharge, under_way, now).await?,
        };
        let age = now.0.saturating_sub(order.created_at.0);
        match order.status {
            PaymentStatus::Paid | PaymentStatus::Refunded | PaymentStatus::ChargedBack => {
                self.finish(recharge, End::Paid).await
            }
            PaymentStatus::Failed => self.finish(recharge, End::Failed(order.failure)).await,
            PaymentStatus::Expired => self.finish(recharge, End::Failed(Some("no_answer".into()))).await,
            // A notification tells.
            PaymentStatus::Pending if order.provider_order_id.is_some() && age <= PROCESSING_MS => Ok(()),
            PaymentStatus::Pending if order.provider_order_id.is_none() && age <= ASKING_MS => {
                self.ask(recharge, under_way, order).await
            }
            PaymentStatus::Pending => {
                // Money that comes after all is entered all the same.
                tracing::warn!(order = %order.id, "a balance was not recharged: its provider never answered");
                self.store.update(&PaymentOrder { status: PaymentStatus::Expired, ..order }).await.map(drop)
            }
        }
    }

    /// Keeps the order. Another process may have been quicker, with the same one.
    async fn make(
        &self,
        recharge: &AutoRecharge,
        under_way: &UnderWay,
        now: Timestamp,
    ) -> Result<PaymentOrder, BillingError> {
        let order = PaymentOrder {
            id: Arc::clone(&under_way.order),
            organization: recharge.organization.clone(),
            purpose: Purpose::AutoRecharge,
            provider: Arc::clone(&under_way.provider),
            money: under_way.money,
            status: PaymentStatus::Pending,
            failure: None,
            provider_order_id: None,
            returns: Vec::new(),
            created_at: now,
            expires_at: Timestamp(now.0.saturating_add(ASKING_MS)),
            revision: 0,
        };
        match self.store.insert(&order).await {
            Ok(()) => Ok(order),
            Err(error) => self.store.get(&order.id).await?.ok_or(error),
        }
    }

    /// Asks the provider to charge, and enters what it says as if it had told of it by itself.
    async fn ask(
        &self,
        recharge: &AutoRecharge,
        under_way: &UnderWay,
        order: PaymentOrder,
    ) -> Result<(), BillingError> {
        let Some(gateway) = self.gateway(&order.provider) else { return Ok(()) };
        let charge = SavedCharge {
            id: Arc::clone(&order.id),
            money: order.money,
            subject: self.config.subject.clone(),
            method: Arc::clone(&under_way.reference),
        };
        match gateway.charge(&charge).await {
            Ok(Charged::Paid { provider_order_id }) => {
                let news = OrderNews {
                    order_id: order.id.to_string(),
                    provider_order_id: provider_order_id.clone(),
                    money: order.money,
                    what: PaymentEvent::Paid,
                    saved_method: None,
                };
                let event_id = format!("paid:{provider_order_id}");
                self.enter(gateway.name(), Verified { event_id, news: Some(news) }).await?;
                self.finish(recharge, End::Paid).await
            }
            Ok(Charged::Processing { provider_order_id }) => {
                let id = Some(provider_order_id.into());
                self.store.update(&PaymentOrder { provider_order_id: id, ..order }).await.map(drop)
            }
            Ok(Charged::Refused { code }) => self.fail(recharge, order, code).await,
            // Refused before it was sent: it would be refused again.
            Err(BillingError::InvalidCheckout { field, reason }) => {
                tracing::warn!(order = %order.id, field, reason, "a balance cannot be recharged");
                self.fail(recharge, order, Some(format!("invalid_{field}"))).await
            }
            Err(error) => {
                tracing::warn!(order = %order.id, %error, "a balance could not be recharged: it is tried again");
                Ok(())
            }
        }
    }

    /// Notes that the provider refused.
    async fn fail(
        &self,
        recharge: &AutoRecharge,
        order: PaymentOrder,
        code: Option<String>,
    ) -> Result<(), BillingError> {
        let failure: Option<Arc<str>> = code.map(Into::into);
        let failed = PaymentOrder { status: PaymentStatus::Failed, failure: failure.clone(), ..order };
        // Where a notification was quicker, it knew more than this answer does.
        if self.store.update(&failed).await? {
            self.finish(recharge, End::Failed(failure)).await?;
        }
        Ok(())
    }

    /// Notes what came of the order under way. Where another process noted it, that stands.
    async fn finish(&self, recharge: &AutoRecharge, end: End) -> Result<(), BillingError> {
        let nanos = recharge.order.as_ref().map_or(0, |under_way| under_way.money.nanos);
        let before = AutoRecharge { order: None, ..recharge.clone() };
        let after = match end {
            End::Paid => AutoRecharge { failures: 0, failure: None, ..before },
            End::Failed(code) => {
                let now = self.billing.ports.clock.now();
                let wait = usize::try_from(before.failures).ok().and_then(|n| BACKOFF_MS.get(n));
                if wait.is_none() {
                    let organization = before.organization.as_str();
                    tracing::warn!(organization, "a balance is recharged no more: every charge failed");
                }
                AutoRecharge {
                    charged: before.charged.saturating_sub(nanos).max(0),
                    failures: before.failures.saturating_add(1),
                    failure: Some(code.unwrap_or_else(|| "payment_failed".into())),
                    retry_at: Timestamp(now.0.saturating_add(wait.copied().unwrap_or_default())),
                    status: match wait {
                        None if before.status == RechargeStatus::On => RechargeStatus::Paused,
                        _ => before.status,
                    },
                    ..before
                }
            }
        };
        self.recharges.update_recharge(&after).await.map(drop)
    }
}
