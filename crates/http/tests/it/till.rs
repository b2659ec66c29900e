//! A payment provider that believes whoever writes the right signature, and a store of orders that may be down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tenfold_billing::checkout::{
    Acknowledgement, Charged, Checkout, CheckoutConfig, GatewayOrder, Notification, OrderNews, PaymentEvent,
    PaymentGateway, PaymentOrder, PaymentStore, Prompt, RefundExtent, SavedCharge, Verified,
};
use tenfold_billing::memory::MemoryPayments;
use tenfold_billing::{Billing, BillingError};
use tenfold_kernel::{Currency, Money, OrganizationId, Timestamp};

/// The signature that is believed.
pub(crate) const SIGNATURE: &str = "signed";

#[derive(Debug)]
pub(crate) struct FakeGateway(pub(crate) &'static str);

#[async_trait]
impl PaymentGateway for FakeGateway {
    fn name(&self) -> &'static str {
        self.0
    }

    async fn create_order(&self, order: &GatewayOrder) -> Result<(Option<String>, Prompt), BillingError> {
        let expected = format!("https://pay.example/v1/billing/notifications/{}", self.0);
        assert_eq!(order.notify_url, expected);
        match order.return_url.as_str() {
            "https://down.example" => {
                Err(BillingError::Provider { provider: self.0, source: "no answer".into() })
            }
            _ if order.save_method && self.0 != "stripe" => {
                let reason = "it cannot".to_owned();
                Err(BillingError::InvalidCheckout { field: "save_payment_method", reason })
            }
            "nowhere" => {
                let reason = "`return_url` is no address".to_owned();
                Err(BillingError::InvalidCheckout { field: "return_url", reason })
            }
            _ if self.0 == "wechat_pay" => Ok((None, Prompt::QrCode(format!("weixin://{}", order.id)))),
            _ => Ok((Some("cs_1".to_owned()), Prompt::Redirect(format!("https://psp.example/{}", order.id)))),
        }
    }

    async fn charge(&self, _: &SavedCharge) -> Result<Charged, BillingError> {
        Ok(Charged::Paid { provider_order_id: "pi_2".to_owned() })
    }

    async fn verify(&self, notification: &Notification) -> Result<Verified, BillingError> {
        let signature = notification.headers.iter().find(|(name, _)| name == "x-signature");
        if signature.is_none_or(|(_, value)| value != SIGNATURE) {
            return Err(BillingError::Disbelieved {
                provider: self.0,
                source: "its signature is wrong".into(),
            });
        }
        let said: Value = serde_json::from_slice(&notification.body).unwrap();
        let money = |field: &str| {
            let currency = Currency::parse(said["currency"].as_str().unwrap()).unwrap();
            Money::new(said[field].as_i64().unwrap() * 1_000_000_000, currency)
        };
        let what = match said["what"].as_str().unwrap() {
            "paid" => PaymentEvent::Paid,
            "failed" => PaymentEvent::Failed,
            "expired" => PaymentEvent::Expired,
            "reinstated" => PaymentEvent::Reinstated { money: money("part") },
            "charged_back" => PaymentEvent::ChargedBack { money: money("part") },
            "refunded" => PaymentEvent::Refunded { money: money("part"), extent: RefundExtent::Single },
            "refunded_in_all" => PaymentEvent::Refunded { money: money("part"), extent: RefundExtent::Total },
            _ => return Ok(Verified { event_id: "other".to_owned(), news: None }),
        };
        let news = OrderNews {
            order_id: said["order"].as_str().unwrap().to_owned(),
            provider_order_id: "pi_1".to_owned(),
            money: money("amount"),
            what,
            saved_method: said["saved_method"].as_str().map(str::to_owned),
        };
        Ok(Verified { event_id: said["event"].as_str().unwrap().to_owned(), news: Some(news) })
    }

    fn acknowledge(&self, dealt_with: bool) -> Acknowledgement {
        let (status, body) = if dealt_with { (200, r#"{"ok":true}"#) } else { (500, r#"{"ok":false}"#) };
        Acknowledgement { status, content_type: "application/json", body }
    }
}

/// Orders in memory, in a store that fails when it is told to.
#[derive(Debug, Default)]
pub(crate) struct FlakyPayments {
    orders: MemoryPayments,
    /// Nothing works.
    pub(crate) is_down: AtomicBool,
    /// So many changes fail, though reads work.
    pub(crate) failing_updates: AtomicU32,
}

impl FlakyPayments {
    fn check(&self) -> Result<(), BillingError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(BillingError::Unavailable { action: "find an order", source: "it is down".into() });
        }
        Ok(())
    }
}

#[async_trait]
impl PaymentStore for FlakyPayments {
    async fn insert(&self, order: &PaymentOrder) -> Result<(), BillingError> {
        self.check()?;
        self.orders.insert(order).await
    }

    async fn get(&self, id: &str) -> Result<Option<PaymentOrder>, BillingError> {
        self.check()?;
        self.orders.get(id).await
    }

    async fn list(
        &self,
        organization: &OrganizationId,
        before: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<PaymentOrder>, BillingError> {
        self.check()?;
        self.orders.list(organization, before, limit).await
    }

    async fn update(&self, order: &PaymentOrder) -> Result<bool, BillingError> {
        self.check()?;
        let fewer = |left: u32| left.checked_sub(1);
        if self.failing_updates.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok() {
            return Err(BillingError::Store { action: "write an order", source: "the disk is full".into() });
        }
        self.orders.update(order).await
    }
}

/// Paying in at two providers, and where its orders are.
pub(crate) fn till(billing: &Arc<Billing>) -> (Arc<FlakyPayments>, Arc<Checkout>) {
    let payments = Arc::new(FlakyPayments::default());
    let config = CheckoutConfig {
        public_url: "https://pay.example".to_owned(),
        lifetime: Duration::from_hours(1),
        subject: "Balance".to_owned(),
    };
    let gateways: Vec<Arc<dyn PaymentGateway>> =
        vec![Arc::new(FakeGateway("stripe")), Arc::new(FakeGateway("wechat_pay"))];
    let recharges = Arc::new(MemoryPayments::default());
    let checkout =
        Checkout::new(Arc::clone(billing), Arc::clone(&payments) as _, recharges, gateways, config);
    (payments, Arc::new(checkout))
}
