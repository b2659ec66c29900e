//! The document: who owes whom what, for which time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenfold_kernel::{Currency, Timestamp};

/// What a document is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Asks for money.
    Invoice,
    /// Takes back all or a part of an invoice. Its amounts are negative.
    CreditNote {
        /// The number of that invoice.
        of: String,
    },
    /// Tells how things stand and asks for nothing.
    Statement,
}

impl Kind {
    /// `invoice`, `credit_note` or `statement`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote { .. } => "credit_note",
            Self::Statement => "statement",
        }
    }
}

/// A company or a person, as the law wants it named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The legal name.
    pub name: String,
    /// The postal address, a line each.
    pub address: Vec<String>,
    /// The number under which its tax office knows it.
    pub tax_id: Option<String>,
}

/// Who writes the document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// Its name and address.
    pub party: Party,
    /// How to pay: bank, account, terms. Line breaks are kept.
    pub payment_note: Option<String>,
}

/// What a line is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Units that calls used, such as tokens.
    Usage,
    /// Things that were delivered, counted.
    Items,
    /// A plan, for a time.
    Subscription,
    /// A machine or a replica, for a time.
    Rental,
    /// A correction by hand, of either sign.
    Adjustment,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 5] = [Self::Usage, Self::Items, Self::Subscription, Self::Rental, Self::Adjustment];

    /// The name in JSON and CSV, such as `usage`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Items => "items",
            Self::Subscription => "subscription",
            Self::Rental => "rental",
            Self::Adjustment => "adjustment",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The project that used it, when one did.
    pub project: Option<String>,
    /// The deployment that was called, when one was.
    pub model: Option<String>,
    /// What it is charged for.
    pub scheme: Scheme,
    /// What it is, in words.
    pub description: String,
    /// How many `unit`s. Not negative even in a credit note, whose amounts are.
    pub quantity: u64,
    /// What is counted, such as `tokens`.
    pub unit: String,
    /// The price as it is printed, such as `0.15 / 1M`. Nothing is computed from it.
    pub unit_price: Option<String>,
    /// The exact amount without tax, in nano-units of the document's currency.
    #[serde(with = "as_text")]
    pub amount: i128,
    /// The tax on it, in parts per million: 60,000 is 6 %.
    pub tax_rate: u32,
    /// What the customer tags its costs with.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A document, complete: nothing is looked up to write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What it is.
    pub kind: Kind,
    /// Its number, unique for the issuer.
    pub number: String,
    /// Whom it is for.
    pub organization: Party,
    /// Whom it is from.
    pub issuer: Issuer,
    /// The time it is about, from when, inclusive.
    pub period_start: Timestamp,
    /// Until when, exclusive.
    pub period_end: Timestamp,
    /// The IANA name of the customer's time zone, such as `Asia/Shanghai`. All dates are printed in it.
    pub time_zone: String,
    /// When it was written.
    pub issued_at: Timestamp,
    /// By when it is to be paid, when it is.
    pub due_at: Option<Timestamp>,
    /// Of all its amounts.
    pub currency: Currency,
    /// The lines, as they are to be printed.
    pub lines: Vec<Line>,
    /// What of the total was paid already with credits, in nano-units, tax included. Zero where nothing is asked for.
    #[serde(with = "as_text", default)]
    pub credits_applied: i128,
    /// What its tax is more than that of its lines, in smallest units of the currency: so the taxes of several credit notes
    /// add up to that of their invoice, though each is rounded.
    #[serde(default)]
    pub tax_correction: i64,
}

impl Statement {
    /// The month in which its period begins, in the customer's time zone: `2026-10`. Nothing for a zone or a moment that
    /// is not known.
    pub fn month(&self) -> Option<String> {
        let zone = jiff::tz::TimeZone::get(&self.time_zone).ok()?;
        let begin = jiff::Timestamp::from_millisecond(self.period_start.0).ok()?;
        Some(begin.to_zoned_datetime(zone).strftime("%Y-%m").to_string())
    }

    /// The credit note that takes back the whole of this invoice: the same lines with every amount negated, so that
    /// each of its [`Totals`](super::Totals) is exactly the negative of the invoice's.
    #[must_use]
    pub fn credit_note(&self, number: String, issued_at: Timestamp) -> Self {
        let negative = |line: &Line| Line { amount: line.amount.saturating_neg(), ..line.clone() };
        Self {
            kind: Kind::CreditNote { of: self.number.clone() },
            number,
            issued_at,
            due_at: None,
            lines: self.lines.iter().map(negative).collect(),
            credits_applied: self.credits_applied.saturating_neg(),
            tax_correction: self.tax_correction.saturating_neg(),
            ..self.clone()
        }
    }
}

/// Nano-units as text: JSON readers lose digits of numbers beyond 2^53.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(nanos: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(nanos)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
