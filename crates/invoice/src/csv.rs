//! CSV, for spreadsheets.

use std::borrow::Cow;

use csv::{Terminator, WriterBuilder};

use crate::error::InvoiceError;
use crate::minor::{write_minor, write_nanos, write_percent};
use crate::totals;
use tenfold_billing::invoice::{Kind, Statement, Totals};

/// The first row. `row` tells lines from sums, so that a column can be added up without counting twice.
const HEAD: [&str; 15] = [
    "row",
    "document",
    "number",
    "project",
    "model",
    "scheme",
    "description",
    "quantity",
    "unit",
    "unit_price",
    "amount_exact",
    "amount",
    "currency",
    "tax_percent",
    "tags",
];

/// Writes the lines of `statement` and below them its sums, each a row, as RFC 4180 has it.
///
/// A statement has no sums of what is paid, since it asks for nothing.
///
/// It begins with the byte order mark of UTF-8, without which spreadsheets take Chinese for something else. Text that
/// a spreadsheet would run as a formula has an apostrophe before it; numbers stay numbers.
///
/// # Units
/// `amount_exact` has nine digits behind the point, `amount` is rounded to the minor unit of the currency.
/// # Errors
/// [`InvoiceError::Overflow`] when the amounts do not add up.
pub fn to_csv(statement: &Statement) -> Result<String, InvoiceError> {
    let totals = totals(statement)?;
    let write = |source| InvoiceError::Write { number: statement.number.clone(), format: "CSV", source };
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer("\u{feff}".into());
    rows(statement, &totals, &mut writer).map_err(|error| write(error.into()))?;
    let bytes = writer.into_inner().map_err(|error| write(error.into_error().into()))?;
    String::from_utf8(bytes).map_err(|error| write(error.into()))
}

fn rows(statement: &Statement, totals: &Totals, writer: &mut csv::Writer<Vec<u8>>) -> csv::Result<()> {
    writer.write_record(HEAD)?;
    let number = text(&statement.number);
    let document = statement.kind.as_str();
    let currency = statement.currency.code();
    for (line, rounded) in statement.lines.iter().zip(&totals.lines) {
        let tags: Vec<String> = line.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        writer.write_record([
            "line",
            document,
            &number,
            &text(line.project.as_deref().unwrap_or_default()),
            &text(line.model.as_deref().unwrap_or_default()),
            line.scheme.as_str(),
            &text(&line.description),
            &line.quantity.to_string(),
            &text(&line.unit),
            &text(line.unit_price.as_deref().unwrap_or_default()),
            &write_nanos(line.amount),
            &write_minor(*rounded, totals.digits),
            currency,
            &write_percent(line.tax_rate),
            &text(&tags.join(";")),
        ])?;
    }
    let mut sum = |row: &str, minor: i128, percent: &str| {
        let mut cells = [""; HEAD.len()];
        let amount = write_minor(minor, totals.digits);
        (cells[0], cells[1], cells[2]) = (row, document, &number);
        (cells[11], cells[12], cells[13]) = (&amount, currency, percent);
        writer.write_record(cells)
    };
    sum("subtotal", totals.subtotal, "")?;
    for tax in &totals.taxes {
        sum("tax", tax.amount, &write_percent(tax.rate))?;
    }
    sum("total", totals.total, "")?;
    if statement.kind == Kind::Statement {
        return Ok(());
    }
    sum("credits_applied", totals.credits_applied, "")?;
    sum("balance_due", totals.balance_due, "")
}

/// A cell of text. One that a spreadsheet would take for a formula is kept from it by an apostrophe.
///
/// # Source
/// OWASP, "CSV Injection"; the wide forms are what Chinese input methods write.
fn text(cell: &str) -> Cow<'_, str> {
    const DANGEROUS: [char; 11] =
        ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    if cell.starts_with(DANGEROUS) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn text_that_would_be_a_formula_has_an_apostrophe() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\u{ff1d}1"] {
            assert_eq!(text(bad), format!("'{bad}"));
        }
        for good in ["", "a=1", "0.15 / 1M", "杭州"] {
            assert_eq!(text(good), good);
        }
    }
}
