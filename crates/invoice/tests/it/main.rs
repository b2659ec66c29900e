//! Invoices as their readers have them: the sums, the files and the pages.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "this whole binary is tests")]

mod csv;
mod json;
mod pdf;
mod samples;
mod totals;
