//! Sums that add up as printed.

use std::collections::BTreeMap;

use tenfold_kernel::Currency;

use super::minor::{divide, minor_digits, round_to_minor};
use super::statement::Statement;

/// A tax rate is in this many parts.
pub(super) const MILLION: i128 = 1_000_000;

/// The tax of one rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaxTotal {
    /// Parts per million.
    pub rate: u32,
    /// What is taxed: the sum of the rounded lines of this rate, in minor units.
    pub base: i128,
    /// The tax, in minor units, rounded once, with the document's correction where it is the highest rate.
    pub amount: i128,
}

/// What a document adds up to. Every amount is in minor units: whole cents, of `digits` digits behind the point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Of which currency.
    pub currency: Currency,
    /// How many digits behind the point its minor unit has.
    pub digits: u32,
    /// Each line's amount without tax, rounded once, in the order of the lines.
    pub lines: Vec<i128>,
    /// Their sum.
    pub subtotal: i128,
    /// The tax of each rate that a line has, the rate 0 too, lowest first.
    pub taxes: Vec<TaxTotal>,
    /// The subtotal and all taxes.
    pub total: i128,
    /// What was paid with credits, rounded once.
    pub credits_applied: i128,
    /// What is left to pay: the total less credits. Negative when money goes back.
    pub balance_due: i128,
}

impl Totals {
    /// Adds up `statement`; nothing where a sum does not fit in 128 bits.
    ///
    /// The rule: every line's exact amount is rounded once, half away from zero; the subtotal is the sum of rounded
    /// lines; the tax of a rate is computed of the sum of its rounded lines and rounded once, and the highest rate has the
    /// document's correction; the total is the subtotal and the taxes. So whoever adds up what is printed gets what is printed, and the negative of a
    /// document has the negative of its sums.
    pub fn of(statement: &Statement) -> Option<Self> {
        let digits = minor_digits(statement.currency);
        let mut lines = Vec::with_capacity(statement.lines.len());
        let mut subtotal: i128 = 0;
        let mut bases = BTreeMap::<u32, i128>::new();
        for line in &statement.lines {
            let rounded = round_to_minor(line.amount, digits);
            subtotal = subtotal.checked_add(rounded)?;
            let base = bases.entry(line.tax_rate).or_default();
            *base = base.checked_add(rounded)?;
            lines.push(rounded);
        }
        let mut total = subtotal;
        let mut taxes = Vec::with_capacity(bases.len());
        for (rate, base) in bases {
            let amount = divide(base.checked_mul(i128::from(rate))?, MILLION);
            total = total.checked_add(amount)?;
            taxes.push(TaxTotal { rate, base, amount });
        }
        if let Some(last) = taxes.last_mut() {
            last.amount = last.amount.checked_add(statement.tax_correction.into())?;
            total = total.checked_add(statement.tax_correction.into())?;
        }
        let credits_applied = round_to_minor(statement.credits_applied, digits);
        let balance_due = total.checked_sub(credits_applied)?;
        let currency = statement.currency;
        Some(Self { currency, digits, lines, subtotal, taxes, total, credits_applied, balance_due })
    }
}
