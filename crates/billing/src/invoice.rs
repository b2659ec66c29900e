//! Invoices: the monthly close, credit notes, statements, and what documents move in the ledger.
//!
//! An invoice is made of the ledger: of what moved to and from revenue in a month of the organisation's time zone.
//! What a call cost belongs to the month in which it ended.
//!
//! Rounding: each line is rounded **once**, half away from zero, to the currency's smallest unit, and all sums are of
//! what is printed ([`Totals`]). What that changes is entered under `invoice:ID:rounding`, the tax under
//! `invoice:ID:tax`: so what is owed for an invoice is, to the nano-unit, what it asks for.

mod close;
mod credit;
mod draw;
mod minor;
mod pay;
mod statement;
mod totals;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenfold_kernel::{Currency, OrganizationId, ProjectId, Timestamp};

use crate::ledger::EntryKind;

pub use draw::StatementQuery;
pub use minor::{minor_digits, round_to_minor};
pub(crate) use pay::return_key;
pub use statement::{Issuer, Kind, Line, Party, Scheme, Statement};
pub use totals::{TaxTotal, Totals};

/// Who an organisation is on invoices, and who writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceDetails {
    /// The organisation.
    pub customer: Party,
    /// Who writes its invoices.
    pub issuer: Issuer,
    /// The tax on every line, in parts per million.
    pub tax_rate: u32,
    /// After how many days an invoice is to be paid.
    pub due_days: u32,
}

/// An invoice or a credit note. Never changed once it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Its id.
    pub id: Arc<str>,
    /// Whose.
    pub organization: OrganizationId,
    /// For a credit note, the invoice that it takes from, and the how many-th it is of it.
    pub credits: Option<(Arc<str>, u32)>,
    /// The document.
    pub statement: Statement,
}

impl Invoice {
    /// Gives it the `n`-th number of its kind: `INV-000017`, `CN-000003`.
    pub fn set_number(&mut self, n: i64) {
        let prefix = if self.credits.is_some() { "CN" } else { "INV" };
        self.statement.number = format!("{prefix}-{n:06}");
    }
}

/// What of the ledger is added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// In which currency.
    pub currency: Currency,
    /// From when, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub until: Timestamp,
    /// Of which project alone; of all, and of none, when absent.
    pub project: Option<ProjectId>,
    /// The label of calls by whose value charges are told apart too.
    pub label: Option<String>,
}

/// What moved to revenue, less what moved from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Why.
    pub kind: EntryKind,
    /// The project that caused it.
    pub project: Option<ProjectId>,
    /// The deployment that was called.
    pub deployment: Option<Arc<str>>,
    /// What a subscription or an adjustment is.
    pub memo: Option<String>,
    /// The label's value; nothing for what is no call, and for calls without that label.
    pub label: Option<String>,
    /// How many transactions.
    pub transactions: u64,
    /// How much, in nano-units.
    pub nanos: i64,
    /// How much of it is owed rather than paid from credit or a balance.
    pub owed: i64,
}

/// The kinds of entries that documents make, which are on no invoice.
pub const OF_DOCUMENTS: [EntryKind; 2] = [EntryKind::Rounding, EntryKind::CreditNote];

/// Whether what the kind says is told apart by its memo.
pub fn has_memo(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Subscription | EntryKind::Adjustment)
}
