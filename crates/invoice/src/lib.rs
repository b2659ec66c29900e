//! How invoices, credit notes and statements are written: as PDF, CSV and JSON.
//!
//! A [`Statement`] is data that somebody else made and froze; nothing here prices, numbers or stores anything.
//!
//! Invariants:
//! * money is an integer and no float is computed with but for points on paper;
//! * every line is rounded **once**, half away from zero, to the smallest amount that its currency has, and all
//!   that is printed is a sum of what is printed ([`Totals`](tenfold_billing::invoice::Totals));
//! * the same statement with the same fonts gives the same bytes;
//! * what a customer wrote is text and stays text: no formula in a spreadsheet, no markup on a page.

#![deny(clippy::float_arithmetic)]

mod calendar;
mod csv;
mod error;
mod fonts;
mod json;
mod minor;
mod pdf;
mod words;

use tenfold_billing::invoice::{Statement, Totals};

pub use csv::to_csv;
pub use error::InvoiceError;
pub use fonts::Fonts;
pub use json::to_json;
pub use minor::write_minor;
pub use pdf::{MAX_LINES, to_pdf};
pub use words::Language;

/// What a document adds up to.
fn totals(statement: &Statement) -> Result<Totals, InvoiceError> {
    Totals::of(statement).ok_or_else(|| InvoiceError::Overflow { number: statement.number.clone() })
}
