//! `/v1/organization/billing/checkouts`, `payment_methods` and `auto_recharge`: paying through a payment provider.
//!
//! Amounts are decimal texts, as everywhere in [`billing`](crate::billing).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An order to be paid.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCheckout {
    /// Which provider: `stripe`, `alipay` or `wechat_pay`, where it is configured.
    pub provider: String,
    /// How much is paid in on the balance; left out with `invoice`.
    pub amount: Option<String>,
    /// In which currency; left out with `invoice`.
    pub currency: Option<String>,
    /// The invoice to pay: what is owed for it.
    pub invoice: Option<String>,
    /// Where the payer goes afterwards.
    pub return_url: String,
    /// Whether the way in which it is paid is kept, for `auto_recharge`. Stripe alone can.
    pub save_payment_method: Option<bool>,
}

/// An order, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checkout {
    /// Its id.
    pub id: String,
    /// `billing.checkout`.
    pub object: String,
    /// `top_up`, `invoice` or `auto_recharge`.
    pub purpose: String,
    /// The invoice that it pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<String>,
    /// Who takes the money.
    pub provider: String,
    /// How much.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// `pending`, `paid`, `failed`, `expired`, `refunded` or `charged_back`.
    pub status: String,
    /// Why it failed: the provider's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What of it went back.
    pub refunded: String,
    /// The provider's page to go to; told once, when the order is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// What a code to be scanned says; told once, when the order is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_code: Option<String>,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Until when it can be paid, in seconds since the epoch.
    pub expires_at: i64,
}

/// A way to pay that was kept. What it is, the provider alone knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentMethodObject {
    /// Its id.
    pub id: String,
    /// `billing.payment_method`.
    pub object: String,
    /// Whose provider knows it.
    pub provider: String,
    /// Seconds since the epoch.
    pub created_at: i64,
}

/// How a balance is to be recharged by itself.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAutoRecharge {
    /// The id of the way to pay that is charged.
    pub payment_method: String,
    /// It is charged when less than this is available.
    pub threshold: String,
    /// What is charged at a time.
    pub amount: String,
    /// Of all amounts.
    pub currency: String,
    /// What is charged in a month of the organisation's time zone at most.
    pub monthly_limit: Option<String>,
}

/// How a balance is recharged by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AutoRechargeObject {
    /// `billing.auto_recharge`.
    pub object: String,
    /// `on`; `paused` after three charges in a row that failed, until it is set again; `off`.
    pub status: String,
    /// The id of the way to pay that is charged.
    pub payment_method: Option<String>,
    /// It is charged when less than this is available.
    pub threshold: Option<String>,
    /// What is charged at a time.
    pub amount: Option<String>,
    /// Of all amounts.
    pub currency: Option<String>,
    /// What is charged in a month at most.
    pub monthly_limit: Option<String>,
    /// What was charged this month, the order under way included.
    pub charged_this_month: Option<String>,
    /// The order under way.
    pub checkout_id: Option<String>,
    /// Why the last charge failed, by the provider's code.
    pub failure: Option<String>,
}
