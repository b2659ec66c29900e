//! `/v1/organization/billing/...` and spend limits: money on the wire.
//!
//! Amounts are decimal texts of whole units of a currency with at most nine digits after the point, never numbers:
//! `"0.000000150"` is exact in every language. Spend limits of the OpenAI administration API count in hundredths.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How an organisation pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BillingProfile {
    /// `billing.profile`.
    pub object: String,
    /// `prepaid`: a call that the balance does not pay for is refused; `postpaid`: it is owed.
    pub mode: String,
    /// What may be owed at most; nothing for no bound.
    pub credit_limit: Option<String>,
    /// Where days and months begin, such as `Asia/Shanghai`.
    pub time_zone: String,
    /// In which currency it pays where there is a price list in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// Sets how an organisation pays; what is left out stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyBillingProfile {
    /// `prepaid` or `postpaid`.
    pub mode: Option<String>,
    /// What may be owed at most; null for no bound.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::admin::named")]
    pub credit_limit: Option<Option<String>>,
    /// Where days and months begin.
    pub time_zone: Option<String>,
    /// In which currency it pays where there is a price list in it.
    pub currency: Option<String>,
}

/// What an organisation has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BillingBalance {
    /// `billing.balance`.
    pub object: String,
    /// By currency.
    pub balances: Vec<CurrencyBalance>,
}

/// What an organisation has in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CurrencyBalance {
    /// The currency.
    pub currency: String,
    /// What was paid in and not spent.
    pub paid: String,
    /// What was given and not spent.
    pub granted: String,
    /// What of both is held for calls that run.
    pub held: String,
    /// What can be spent now.
    pub available: String,
    /// What was used and not paid.
    pub owed: String,
    /// What was charged in all.
    pub charged: String,
}

/// Money that comes in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTopUp {
    /// How much.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// For a person, such as the number of a bank's statement.
    pub memo: Option<String>,
}

/// Credit that is given.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGrant {
    /// How much.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// When what is left of it ends, in seconds since the epoch.
    pub expires_at: Option<i64>,
    /// For a person.
    pub memo: Option<String>,
}

/// Undoes a transaction.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateReversal {
    /// The transaction to undo.
    pub transaction: String,
    /// `reversal` (when left out), `refund` or `chargeback`.
    pub kind: Option<String>,
    /// For a person.
    pub memo: Option<String>,
}

/// A transaction as it was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transaction {
    /// `billing.transaction`.
    pub object: String,
    /// Its key.
    pub id: String,
    /// Its entries; none where there was nothing to move.
    pub entries: Vec<LedgerEntry>,
    /// Whether it had been entered before.
    pub repeated: bool,
}

/// Money that moved from one account to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEntry {
    /// The entry.
    pub id: String,
    /// `billing.entry`.
    pub object: String,
    /// Its transaction: for a call, the key of its event.
    pub transaction: String,
    /// `usage`, `top_up`, `grant`, `refund` and so on.
    pub kind: String,
    /// The account that it was taken from.
    pub debit: String,
    /// The account that it was given to.
    pub credit: String,
    /// How much.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// The project that caused it.
    pub project_id: Option<String>,
    /// The transaction that it undoes.
    pub reverses: Option<String>,
    /// For a person.
    pub memo: Option<String>,
    /// Seconds since the epoch.
    pub created_at: i64,
}

/// The ledger computed anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerVerification {
    /// `billing.verification`.
    pub object: String,
    /// Whether nothing is wrong.
    pub clean: bool,
    /// How many accounts there are.
    pub accounts: u64,
    /// How many entries.
    pub entries: u64,
    /// How many calls that cost something.
    pub charged_calls: u64,
    /// How many holds.
    pub holds: u64,
    /// What is wrong.
    pub faults: Vec<String>,
}

/// A bound of spending by month, as the OpenAI administration API has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HardSpendLimit {
    /// `organization.spend_limit` or `project.spend_limit`.
    pub object: String,
    /// The currency.
    pub currency: String,
    /// `month`.
    pub interval: String,
    /// The bound, in hundredths.
    pub threshold_amount: i64,
    /// Whether it refuses calls now.
    pub enforcement: Enforcement,
}

/// Whether a bound refuses calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enforcement {
    /// `inactive` or `enforcing`.
    pub status: String,
}

/// Sets a bound of spending.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetHardSpendLimit {
    /// The currency.
    pub currency: String,
    /// `month`.
    pub interval: String,
    /// The bound, in hundredths.
    pub threshold_amount: i64,
}

/// A bound was taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpendLimitDeleted {
    /// `organization.spend_limit.deleted` and the like.
    pub object: String,
    /// Whether there was one.
    pub deleted: bool,
}

/// A limit of spending, of any scope and window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Budget {
    /// Its id.
    pub id: String,
    /// `billing.budget`.
    pub object: String,
    /// `organization`, `project`, `user`, `api_key` or `model`.
    pub scope: String,
    /// Which of them; nothing for the organisation.
    pub subject: Option<String>,
    /// `day`, `month` or `lifetime`, in the organisation's time zone.
    pub window: String,
    /// The currency.
    pub currency: String,
    /// How much may be spent.
    pub amount: String,
    /// Whether a call beyond it is refused; otherwise it is only counted.
    pub hard: bool,
    /// What was spent in the window: the number that is enforced.
    pub spent: String,
    /// What is held for calls that run.
    pub held: String,
    /// Seconds since the epoch.
    pub created_at: i64,
}

/// Makes a budget, in place of one of the same scope, subject, window and currency.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBudget {
    /// `organization`, `project`, `user`, `api_key` or `model`.
    pub scope: String,
    /// Which of them.
    pub subject: Option<String>,
    /// `day`, `month` or `lifetime`.
    pub window: String,
    /// The currency.
    pub currency: String,
    /// How much may be spent.
    pub amount: String,
    /// Whether a call beyond it is refused; true when left out.
    pub hard: Option<bool>,
}

/// Vouchers to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateVouchers {
    /// How many; 1 to 1,000.
    pub count: u32,
    /// What each is worth.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// When they end, in seconds since the epoch.
    pub expires_at: Option<i64>,
}

/// A code that is worth money, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoucherObject {
    /// Its id.
    pub id: String,
    /// `billing.voucher`.
    pub object: String,
    /// Names those that were made together.
    pub batch: String,
    /// The code, when it is made and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it is worth.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// `open`, `redeemed` or `expired`.
    pub status: String,
    /// Seconds since the epoch.
    pub expires_at: Option<i64>,
    /// Seconds since the epoch.
    pub created_at: i64,
}

/// A code to redeem.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeemVoucher {
    /// The code, with or without its dashes.
    pub code: String,
}
