//! JSON, for programs.

use std::collections::BTreeMap;

use serde::Serialize;
use tenfold_kernel::Currency;

use crate::calendar::Calendar;
use crate::error::InvoiceError;
use crate::minor::{write_minor, write_nanos};
use crate::totals;
use tenfold_billing::invoice::{Issuer, Kind, Line, Party, Scheme, Statement};

/// Writes `statement` and its [`Totals`] as one JSON object. `credits_applied` and `balance_due` are absent where
/// nothing is asked for: from a [`Kind::Statement`].
///
/// # Units
/// Amounts are decimal text in whole units of the currency, for JSON numbers are floats to many readers:
/// `amount_exact` with all nine digits, all others rounded to the minor unit. Times are RFC 3339 in the customer's
/// time zone. `tax_rate` is in parts per million.
/// # Errors
/// [`InvoiceError::UnknownTimeZone`], [`InvoiceError::NoDate`] and [`InvoiceError::Overflow`] for a statement that
/// cannot be.
pub fn to_json(statement: &Statement) -> Result<String, InvoiceError> {
    let totals = totals(statement)?;
    let calendar = Calendar::of(&statement.time_zone)?;
    let amount = |minor| write_minor(minor, totals.digits);
    let asks = statement.kind != Kind::Statement;
    let document = Document {
        kind: statement.kind.as_str(),
        credit_note_of: match &statement.kind {
            Kind::CreditNote { of } => Some(of),
            Kind::Invoice | Kind::Statement => None,
        },
        number: &statement.number,
        issuer: &statement.issuer,
        organization: &statement.organization,
        period_start: calendar.rfc3339(statement.period_start)?,
        period_end: calendar.rfc3339(statement.period_end)?,
        time_zone: &statement.time_zone,
        issued_at: calendar.rfc3339(statement.issued_at)?,
        due_at: statement.due_at.map(|at| calendar.rfc3339(at)).transpose()?,
        currency: statement.currency,
        lines: statement.lines.iter().zip(&totals.lines).map(|(l, minor)| row(l, amount(*minor))).collect(),
        subtotal: amount(totals.subtotal),
        taxes: totals
            .taxes
            .iter()
            .map(|tax| TaxRow { tax_rate: tax.rate, base: amount(tax.base), amount: amount(tax.amount) })
            .collect(),
        total: amount(totals.total),
        credits_applied: asks.then(|| amount(totals.credits_applied)),
        balance_due: asks.then(|| amount(totals.balance_due)),
    };
    serde_json::to_string_pretty(&document).map_err(|source| InvoiceError::Write {
        number: statement.number.clone(),
        format: "JSON",
        source: source.into(),
    })
}

#[derive(Serialize)]
struct Document<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    credit_note_of: Option<&'a String>,
    number: &'a str,
    issuer: &'a Issuer,
    organization: &'a Party,
    period_start: String,
    period_end: String,
    time_zone: &'a str,
    issued_at: String,
    due_at: Option<String>,
    currency: Currency,
    lines: Vec<Row<'a>>,
    subtotal: String,
    taxes: Vec<TaxRow>,
    total: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    credits_applied: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance_due: Option<String>,
}

#[derive(Serialize)]
struct Row<'a> {
    project: Option<&'a str>,
    model: Option<&'a str>,
    scheme: Scheme,
    description: &'a str,
    quantity: u64,
    unit: &'a str,
    unit_price: Option<&'a str>,
    amount_exact: String,
    amount: String,
    tax_rate: u32,
    tags: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct TaxRow {
    tax_rate: u32,
    base: String,
    amount: String,
}

fn row(line: &Line, amount: String) -> Row<'_> {
    Row {
        project: line.project.as_deref(),
        model: line.model.as_deref(),
        scheme: line.scheme,
        description: &line.description,
        quantity: line.quantity,
        unit: &line.unit,
        unit_price: line.unit_price.as_deref(),
        amount_exact: write_nanos(line.amount),
        amount,
        tax_rate: line.tax_rate,
        tags: &line.tags,
    }
}
