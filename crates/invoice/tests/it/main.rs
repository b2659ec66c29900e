//! Invoices as their readers have them: the sums, the files and the pages.

mod csv;
mod json;
mod pdf;
mod samples;
mod totals;
