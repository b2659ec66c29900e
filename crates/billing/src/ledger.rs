//! The double-entry ledger: accounts, and entries that move money between them.
//!
//! An [`Entry`] takes an amount from one account and gives it to another, so whatever is entered sums to zero. It is
//! never changed and never removed; a mistake is put right by entries the other way. An account's balance is what it
//! was given less what was taken from it: a projection, which [`verify`](crate::LedgerReader::verify) computes anew.
//!
//! Every account belongs to one organisation, the platform's side of it too: so the calls of two organisations never
//! wait for each other, and the sum over an organisation's accounts is zero as well.

mod book;
mod hold;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenfold_kernel::{Currency, Money, OrganizationId, ProjectId, Timestamp};

pub use book::{Account, Book, Changes, Refusal};
pub use hold::{Check, Counter, Cover, Held, Hold, HoldId, Metric, ProcessId, Reserve, Rule, Settle, Source};

/// An account: an organisation's, of one kind, in one currency, such as `org_1/balance/USD`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(Arc<str>);

/// What an account is for. What the platform owes the organisation is above zero; what it is owed, below.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// Money that was paid in and not spent. Never below zero.
    Balance,
    /// Credit that was given away, by its grant. Never below zero.
    Promotion(Arc<str>),
    /// What was used and not paid: below zero by what is owed.
    Receivable,
    /// What was earned.
    Revenue,
    /// Tax that was charged.
    Tax,
    /// What a payment provider holds for us, below zero by as much.
    Cash(Arc<str>),
    /// What was given away as credit, below zero by as much.
    PromotionCost,
    /// What a subscription's allowances covered, at the price that it would have cost.
    Covered,
    /// The other side of [`AccountKind::Covered`].
    Allowance,
}

impl AccountKind {
    /// Its name, and the name of which of them.
    fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Balance => ("balance", None),
            Self::Promotion(grant) => ("promotion", Some(grant)),
            Self::Receivable => ("receivable", None),
            Self::Revenue => ("revenue", None),
            Self::Tax => ("tax", None),
            Self::Cash(provider) => ("cash", Some(provider)),
            Self::PromotionCost => ("promotion_cost", None),
            Self::Covered => ("covered", None),
            Self::Allowance => ("allowance", None),
        }
    }

    /// Whether the account holds what the organisation may spend, and never goes below zero.
    pub fn is_funds(&self) -> bool {
        matches!(self, Self::Balance | Self::Promotion(_))
    }
}

impl AccountId {
    /// The account of `organization`.
    pub fn new(organization: &OrganizationId, kind: &AccountKind, currency: Currency) -> Self {
        let (organization, currency) = (organization.as_str(), currency.code());
        Self(match kind.parts() {
            (kind, None) => format!("{organization}/{kind}/{currency}").into(),
            (kind, Some(which)) => format!("{organization}/{kind}:{which}/{currency}").into(),
        })
    }

    /// Reads what [`AccountId::as_str`] gave.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Self(text.into());
        (id.kind().is_some() && id.currency().is_some()).then_some(id)
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose it is.
    pub fn organization(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// Of which kind.
    pub fn kind(&self) -> Option<AccountKind> {
        let text = self.0.split('/').nth(1)?;
        Some(match text.split_once(':').map_or((text, None), |(kind, which)| (kind, Some(which))) {
            ("balance", None) => AccountKind::Balance,
            ("promotion", Some(grant)) => AccountKind::Promotion(grant.into()),
            ("receivable", None) => AccountKind::Receivable,
            ("revenue", None) => AccountKind::Revenue,
            ("tax", None) => AccountKind::Tax,
            ("cash", Some(provider)) => AccountKind::Cash(provider.into()),
            ("promotion_cost", None) => AccountKind::PromotionCost,
            ("covered", None) => AccountKind::Covered,
            ("allowance", None) => AccountKind::Allowance,
            _ => return None,
        })
    }

    /// In which currency.
    pub fn currency(&self) -> Option<Currency> {
        Currency::parse(self.0.split('/').nth(2)?).ok()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A call.
    Usage,
    /// A call that an allowance covered.
    Covered,
    /// Money was paid in.
    TopUp,
    /// Credit was given.
    Grant,
    /// Credit that was not used in time.
    Expiry,
    /// A subscription's period, or the difference when a plan was changed.
    Subscription,
    /// Seconds of a rented replica.
    Rental,
    /// Tax of an invoice.
    Tax,
    /// Money went back to who paid it.
    Refund,
    /// Money was taken back by who paid it.
    Chargeback,
    /// What was entered is undone.
    Reversal,
    /// By an administrator's hand.
    Adjustment,
    /// An invoice was paid.
    Payment,
    /// What an invoice asks for, less what was charged exactly.
    Rounding,
    /// What a credit note takes back.
    CreditNote,
}

impl EntryKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Usage,
        Self::Covered,
        Self::TopUp,
        Self::Grant,
        Self::Expiry,
        Self::Subscription,
        Self::Rental,
        Self::Tax,
        Self::Refund,
        Self::Chargeback,
        Self::Reversal,
        Self::Adjustment,
        Self::Payment,
        Self::Rounding,
        Self::CreditNote,
    ];

    /// The name on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Covered => "covered",
            Self::TopUp => "top_up",
            Self::Grant => "grant",
            Self::Expiry => "expiry",
            Self::Subscription => "subscription",
            Self::Rental => "rental",
            Self::Tax => "tax",
            Self::Refund => "refund",
            Self::Chargeback => "chargeback",
            Self::Reversal => "reversal",
            Self::Adjustment => "adjustment",
            Self::Payment => "payment",
            Self::Rounding => "rounding",
            Self::CreditNote => "credit_note",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Money that moved from one account to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The settlement key: what happened once is entered once, under the event's key, the voucher's code, the
    /// provider's notification.
    pub transaction: Arc<str>,
    /// Its place within the transaction.
    pub sequence: u32,
    /// Why.
    pub kind: EntryKind,
    /// Whose accounts.
    pub organization: OrganizationId,
    /// The project that caused it, if any.
    pub project: Option<ProjectId>,
    /// From where.
    pub debit: AccountId,
    /// To where.
    pub credit: AccountId,
    /// How much; above zero.
    pub money: Money,
    /// The transaction that it undoes.
    pub reverses: Option<Arc<str>>,
    /// For a person.
    pub memo: Option<String>,
    /// When it was entered.
    pub created_at: Timestamp,
}

/// A part of a transaction: an amount from the first of several accounts that have it, to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// From where, in order. Where all together have not enough, nothing of the transaction is entered.
    pub from: Vec<Source>,
    /// To where.
    pub to: AccountId,
    /// How much, in nano-units; nothing is entered for zero.
    pub nanos: i64,
}

/// A transaction to enter: all of its moves, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The settlement key. A second transaction of the same key is the first one.
    pub transaction: Arc<str>,
    /// Why.
    pub kind: EntryKind,
    /// Whose accounts.
    pub organization: OrganizationId,
    /// The project that caused it, if any.
    pub project: Option<ProjectId>,
    /// In which currency.
    pub currency: Currency,
    /// What moves.
    pub moves: Vec<Move>,
    /// The transaction that it undoes.
    pub reverses: Option<Arc<str>>,
    /// For a person.
    pub memo: Option<String>,
    /// When it is entered.
    pub now: Timestamp,
}

/// Where an entry stands in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryPlace {
    /// When it was entered.
    pub created_at: Timestamp,
    /// Its transaction.
    pub transaction: Arc<str>,
    /// Its place within the transaction.
    pub sequence: u32,
}

/// How much later than it happened something is entered at its own time. What is later than that, because a process stood
/// still, is entered at the time at which it is written: its month may be closed.
const LATEST_MS: i64 = 30 * 60_000;

/// When something that happened at `at` is entered, where it is written at `now`.
fn entered_at(at: Timestamp, now: Timestamp) -> Timestamp {
    if at.0 < now.0.saturating_sub(LATEST_MS) { now } else { at }
}

impl Entry {
    /// Where it stands.
    pub fn place(&self) -> EntryPlace {
        EntryPlace {
            created_at: self.created_at,
            transaction: Arc::clone(&self.transaction),
            sequence: self.sequence,
        }
    }
}

/// What was held, and what its counters say now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// The hold.
    pub hold: Hold,
    /// The counters of [`Reserve::checks`], in order.
    pub counters: Vec<Counter>,
}

/// What came of computing the ledger anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// How many accounts there are.
    pub accounts: u64,
    /// How many entries.
    pub entries: u64,
    /// How many events with a cost.
    pub charged_events: u64,
    /// How many holds.
    pub holds: u64,
    /// What is wrong, in words; at most a hundred of them.
    pub faults: Vec<String>,
}

/// What came of a [`Post`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The entries of the transaction.
    pub entries: Vec<Entry>,
    /// Whether they were there before.
    pub is_repeat: bool,
}
