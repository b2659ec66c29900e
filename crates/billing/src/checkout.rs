//! Paying in through a payment provider: orders, and what providers say became of them.
//!
//! An order is kept before its provider hears of it, so whatever the provider says finds it. The ledger is entered
//! under keys that come from the order and from the event: telling the same twice enters it once.

mod create;
mod method;
mod notify;
mod recharge;
mod recharge_due;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tenfold_kernel::{Money, OrganizationId, Timestamp};

use crate::billing::Billing;
use crate::error::BillingError;
use crate::funds::TopUp;

pub use create::{NewCheckout, Ordered};
pub use method::PaymentMethod;
pub use recharge::{AutoRecharge, RechargeStatus, RechargeStore, SetRecharge, UnderWay};

/// What an order is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The balance.
    TopUp,
    /// An invoice, by its id. What comes when nothing is owed for it any more goes to the balance.
    Invoice(Arc<str>),
    /// The balance, charged by ourselves to a way to pay that was kept.
    AutoRecharge,
}

impl Purpose {
    /// As it is stored: a name, and behind a colon which invoice.
    pub fn to_text(&self) -> String {
        match self {
            Self::Invoice(id) => format!("{}:{id}", self.as_str()),
            Self::TopUp | Self::AutoRecharge => self.as_str().to_owned(),
        }
    }

    /// Reads what [`Purpose::to_text`] gave.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("invoice", id)) if !id.is_empty() => Some(Self::Invoice(id.into())),
            None => [Self::TopUp, Self::AutoRecharge].into_iter().find(|purpose| purpose.as_str() == text),
            Some(_) => None,
        }
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::TopUp => "top_up",
            Self::Invoice(_) => "invoice",
            Self::AutoRecharge => "auto_recharge",
        }
    }
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentStatus {
    /// Nothing yet.
    Pending,
    /// It was paid; some of it may have gone back.
    Paid,
    /// A payment was tried and failed, or the provider did not take the order.
    Failed,
    /// It was not paid in time.
    Expired,
    /// It was paid, and all of it went back.
    Refunded,
    /// It was paid, and the payer's bank took money back.
    ChargedBack,
}

impl PaymentStatus {
    const ALL: [Self; 6] =
        [Self::Pending, Self::Paid, Self::Failed, Self::Expired, Self::Refunded, Self::ChargedBack];

    /// The name on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
            Self::ChargedBack => "charged_back",
        }
    }

    /// The status of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether its money was entered, whatever went back since.
    pub fn was_paid(self) -> bool {
        matches!(self, Self::Paid | Self::Refunded | Self::ChargedBack)
    }
}

/// Why money of an order went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnKind {
    /// We sent it.
    Refund,
    /// The payer's bank took it.
    Chargeback,
    /// The payer's bank gave back what it had taken: it went nowhere after all.
    Reinstatement,
}

/// Money of an order that went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// The provider's event that told it.
    pub event: Arc<str>,
    /// Why.
    pub kind: ReturnKind,
    /// How much of it is this event's, in nano-units.
    pub nanos: i64,
}

/// An order to pay in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOrder {
    /// Its id: 6 to 32 letters, digits and underscores, which is what every provider takes.
    pub id: Arc<str>,
    /// Who pays.
    pub organization: OrganizationId,
    /// What for.
    pub purpose: Purpose,
    /// Who takes the money.
    pub provider: Arc<str>,
    /// What it costs.
    pub money: Money,
    /// What became of it.
    pub status: PaymentStatus,
    /// Why it failed, as the provider says.
    pub failure: Option<Arc<str>>,
    /// The provider's id of it, or of its payment.
    pub provider_order_id: Option<Arc<str>>,
    /// What went back. It is noted here before it is entered: how much of a total is an event's own stays the same
    /// however often, and after whatever else, it is told.
    pub returns: Vec<Return>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// How often it was changed.
    pub revision: i64,
}

impl PaymentOrder {
    /// What went back for that reason, in nano-units.
    pub fn returned_nanos(&self, kind: ReturnKind) -> i64 {
        self.returns.iter().filter(|back| back.kind == kind).map(|back| back.nanos).sum()
    }

    /// What the payer's bank has, in nano-units.
    pub fn charged_back_nanos(&self) -> i64 {
        self.returned_nanos(ReturnKind::Chargeback) - self.returned_nanos(ReturnKind::Reinstatement)
    }

    /// What went back for any reason and stayed there, in nano-units. Never more than was paid.
    pub fn refunded_nanos(&self) -> i64 {
        self.returned_nanos(ReturnKind::Refund) + self.charged_back_nanos()
    }

    /// The key of the transaction that enters it on the balance.
    pub fn transaction(&self) -> Arc<str> {
        format!("payment:{}", self.id).into()
    }

    /// Its money on the balance.
    pub(crate) fn top_up(&self) -> TopUp<'_> {
        TopUp {
            key: self.transaction(),
            organization: &self.organization,
            provider: &self.provider,
            currency: self.money.currency,
            nanos: self.money.nanos,
            memo: None,
        }
    }
}

/// Where orders are kept.
#[async_trait]
pub trait PaymentStore: Send + Sync + fmt::Debug {
    /// Keeps a new order, durably.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails or has an order of that id.
    async fn insert(&self, order: &PaymentOrder) -> Result<(), BillingError>;

    /// The order of that id.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn get(&self, id: &str) -> Result<Option<PaymentOrder>, BillingError>;

    /// Orders of an organisation, newest first and by id from the last, from the one before `before` on, at most
    /// `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn list(
        &self,
        organization: &OrganizationId,
        before: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<PaymentOrder>, BillingError>;

    /// Writes the status, the provider's id and the returns of `order`, and the next revision, where its revision is
    /// still the one that is kept; says whether it was.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn update(&self, order: &PaymentOrder) -> Result<bool, BillingError>;
}

/// What is asked of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayOrder {
    /// Our id of it. Asking again with the same id does not charge twice.
    pub id: Arc<str>,
    /// What it costs.
    pub money: Money,
    /// What it is for, in the payer's words.
    pub subject: String,
    /// Where the payer goes afterwards. That the payer arrives there proves nothing.
    pub return_url: String,
    /// Where the provider sends notifications.
    pub notify_url: String,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// Whether the way in which it is paid is kept.
    pub save_method: bool,
}

/// What is charged to a way to pay that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedCharge {
    /// Our id of the order. Asking again with the same id does not charge twice.
    pub id: Arc<str>,
    /// How much.
    pub money: Money,
    /// What it is for, in the payer's words.
    pub subject: String,
    /// The provider's name of the way to pay: [`PaymentMethod::reference`].
    pub method: Arc<str>,
}

/// What became of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charged {
    /// It is paid.
    Paid {
        /// The provider's id of the payment.
        provider_order_id: String,
    },
    /// Nobody knows yet; a notification will tell.
    Processing {
        /// The provider's id of the payment.
        provider_order_id: String,
    },
    /// It was refused, and nothing was charged.
    Refused {
        /// The provider's code of the reason.
        code: Option<String>,
    },
}

/// What to show the payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// The address of a page of the provider's.
    Redirect(String),
    /// What a code to be scanned with the provider's app says.
    QrCode(String),
}

/// A notification as it came in: nothing of it is believed yet.
#[derive(Clone)]
pub struct Notification {
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body, byte for byte: signatures are over these bytes.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
}

impl fmt::Debug for Notification {
    /// Leaves out what it says: bodies name payers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// A notification that is what it claims to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The same however often the provider tells the same news.
    pub event_id: String,
    /// What it says; nothing where it does not concern us.
    pub news: Option<OrderNews>,
}

/// What a provider says of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNews {
    /// Our id of it.
    pub order_id: String,
    /// The provider's id of it, or of its payment.
    pub provider_order_id: String,
    /// What the whole order costs, as the provider has it.
    pub money: Money,
    /// What happened.
    pub what: PaymentEvent,
    /// The way to pay that was kept: [`PaymentMethod::reference`].
    pub saved_method: Option<String>,
}

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentEvent {
    /// All of it was paid.
    Paid,
    /// We sent money back.
    Refunded {
        /// How much.
        money: Money,
        /// Of what.
        extent: RefundExtent,
    },
    /// The payer's bank took money back.
    ChargedBack {
        /// How much.
        money: Money,
    },
    /// The payer's bank gave back what it had taken.
    Reinstated {
        /// How much.
        money: Money,
    },
    /// A payment was tried and failed.
    Failed,
    /// It was not paid in time.
    Expired,
}

/// What the amount of a refund counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefundExtent {
    /// This refund alone: it is added up.
    Single,
    /// All refunds of the order until then: the largest counts, since they may come in any order.
    Total,
}

/// What a provider wants to read in answer to a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: &'static str,
}

/// One payment provider. Its errors say nothing that the provider or a sender wrote: they are logged.
#[async_trait]
pub trait PaymentGateway: Send + Sync + fmt::Debug {
    /// Its name, as it stands in addresses and accounts: small letters and underscores.
    fn name(&self) -> &'static str;

    /// Makes an order that can be paid, and says the provider's id of it where there is one. Idempotent for one id.
    ///
    /// # Errors
    /// [`BillingError::InvalidCheckout`] for what the provider does not take, else [`BillingError::Provider`].
    async fn create_order(&self, order: &GatewayOrder) -> Result<(Option<String>, Prompt), BillingError>;

    /// Charges a way to pay that was kept, while its payer is not there. Idempotent for one id.
    ///
    /// # Errors
    /// [`BillingError::InvalidCheckout`] for what the provider does not take; [`BillingError::Provider`] where nobody knows
    /// whether it charged: asking again tells.
    async fn charge(&self, charge: &SavedCharge) -> Result<Charged, BillingError>;

    /// Reads a notification and says what it means. It changes nothing here or there.
    ///
    /// # Errors
    /// [`BillingError::Disbelieved`] where it is not to be believed or not to be read, [`BillingError::Provider`]
    /// where the provider had to be asked and did not answer.
    async fn verify(&self, notification: &Notification) -> Result<Verified, BillingError>;

    /// What the provider wants to read when its notification was dealt with, or was not and should come again.
    fn acknowledge(&self, dealt_with: bool) -> Acknowledgement;
}

/// How paying in behaves.
#[derive(Debug, Clone)]
pub struct CheckoutConfig {
    /// The address under which providers reach this platform, without a slash at its end.
    pub public_url: String,
    /// For how long an order can be paid. Stripe takes 30 minutes to 24 hours, WeChat Pay's codes live for two.
    pub lifetime: Duration,
    /// What payers read that they pay for.
    pub subject: String,
}

/// Paying in.
#[derive(Debug)]
pub struct Checkout {
    billing: Arc<Billing>,
    pub(crate) store: Arc<dyn PaymentStore>,
    recharges: Arc<dyn RechargeStore>,
    gateways: Vec<Arc<dyn PaymentGateway>>,
    config: CheckoutConfig,
}

impl Checkout {
    /// Paying in through `gateways`, which may be none.
    pub fn new(
        billing: Arc<Billing>,
        store: Arc<dyn PaymentStore>,
        recharges: Arc<dyn RechargeStore>,
        gateways: Vec<Arc<dyn PaymentGateway>>,
        config: CheckoutConfig,
    ) -> Self {
        Self { billing, store, recharges, gateways, config }
    }

    /// The names of the providers that are configured.
    pub fn providers(&self) -> impl Iterator<Item = &'static str> {
        self.gateways.iter().map(|gateway| gateway.name())
    }

    /// An order of `organization`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn order(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<Option<PaymentOrder>, BillingError> {
        if !is_order_id(id) {
            return Ok(None);
        }
        Ok(self.store.get(id).await?.filter(|order| order.organization == *organization))
    }

    /// Orders of `organization`, as [`PaymentStore::list`] gives them.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn orders(
        &self,
        organization: &OrganizationId,
        before: Option<&PaymentOrder>,
        limit: u32,
    ) -> Result<Vec<PaymentOrder>, BillingError> {
        let before = before.map(|order| (order.created_at, &*order.id));
        self.store.list(organization, before, limit).await
    }

    fn gateway(&self, provider: &str) -> Option<&Arc<dyn PaymentGateway>> {
        self.gateways.iter().find(|gateway| gateway.name() == provider)
    }
}

/// Whether an order of ours may have this id. Whatever else a provider sends is not looked for.
fn is_order_id(text: &str) -> bool {
    (6..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
