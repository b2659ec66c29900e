//! `/v1/organization/billing/invoices` and `/v1/organization/billing/details`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An invoice or a credit note. Its lines are in its document. Amounts are decimal texts with the currency's digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvoiceObject {
    /// Its id.
    pub id: String,
    /// `billing.invoice` or `billing.credit_note`.
    pub object: String,
    /// Its number, without holes in its organisation.
    pub number: String,
    /// `open` where something is owed for it, else `settled`.
    pub status: String,
    /// For a credit note, its invoice.
    pub invoice_id: Option<String>,
    /// In which currency.
    pub currency: String,
    /// Its month, as `2026-10`.
    pub month: String,
    /// The first second of its month, in the organisation's time zone.
    pub period_start: i64,
    /// The first second after it.
    pub period_end: i64,
    /// The sum of its lines.
    pub subtotal: String,
    /// The tax.
    pub tax: String,
    /// Both.
    pub total: String,
    /// What of it was paid from credit and the balance before.
    pub paid_before: String,
    /// What it asks for.
    pub balance_due: String,
    /// What of that is still owed now.
    pub owed: String,
    /// Seconds since the epoch.
    pub issued_at: i64,
    /// By when it is to be paid.
    pub due_at: Option<i64>,
}

/// Closes a month.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseMonth {
    /// A month that is over, as `2026-10`.
    pub month: String,
    /// In which currency.
    pub currency: String,
}

/// Says that an invoice was paid.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayInvoice {
    /// For a person, such as the number of a bank's statement.
    pub memo: Option<String>,
}

/// Takes back an invoice, or a part of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCreditNote {
    /// How much, without tax; all that is left of it when left out.
    pub amount: Option<String>,
    /// What the note says.
    pub reason: String,
}

/// Who an organisation is on invoices, and who writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BillingDetails {
    /// The organisation.
    #[serde(default)]
    pub customer: PartyDetails,
    /// Who writes its invoices.
    #[serde(default)]
    pub issuer: PartyDetails,
    /// How to pay: bank, account, terms.
    #[serde(default)]
    pub payment_note: Option<String>,
    /// The tax on every line, in percent with at most four digits behind the point.
    #[serde(default = "none")]
    pub tax_percent: String,
    /// After how many days an invoice is to be paid.
    #[serde(default)]
    pub due_days: u32,
}

fn none() -> String {
    "0".to_owned()
}

/// A company or a person, as the law wants it named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyDetails {
    /// The legal name.
    #[serde(default)]
    pub name: String,
    /// The postal address, a line each.
    #[serde(default)]
    pub address: Vec<String>,
    /// The number under which its tax office knows it.
    #[serde(default)]
    pub tax_id: Option<String>,
}
