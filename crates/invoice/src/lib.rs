//! Invoices, credit notes and statements: their sums, and how they are written as PDF, CSV and JSON.
//!
//! A [`Statement`] is data that somebody else made and froze; nothing here prices, numbers or stores anything.
//!
//! Invariants:
//! * money is an integer and no float is computed with but for points on paper;
//! * every line is rounded **once**, half away from zero, to the smallest amount that its currency has, and all
//!   that is printed is a sum of what is printed ([`Totals`]);
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
mod statement;
mod totals;
mod words;

pub use csv::to_csv;
pub use error::InvoiceError;
pub use fonts::Fonts;
pub use json::to_json;
pub use minor::{minor_digits, round_to_minor, write_minor};
pub use pdf::{MAX_LINES, to_pdf};
pub use statement::{Issuer, Kind, Line, Party, Scheme, Statement};
pub use totals::{TaxTotal, Totals};
pub use words::Language;
