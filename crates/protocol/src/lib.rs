//! What the protocols say, as types: the OpenAI API, Anthropic's messages, and server-sent events.
//!
//! The types are ours rather than a published crate's because the API description (`/openapi.json`) is
//! generated from them, because fields that we do not know must be seen (`extra`) to be refused or passed on
//! by name, and because the crates that fit the server's side bring a web framework along.
//!
//! Invariants: no I/O; reading a value and writing it again loses nothing that a client or an engine said.

pub mod admin;
pub mod billing;
pub mod chat;
pub mod checkouts;
pub mod completion;
pub mod console;
pub mod content;
pub mod embedding;
pub mod error;
pub mod invoices;
pub mod limits;
pub mod messages;
pub mod model;
mod number;
pub mod plans;
#[cfg(any(test, feature = "testkit"))]
pub mod probe;
pub mod rentals;
pub mod responses;
#[cfg(test)]
mod samples;
pub mod spend_alerts;
pub mod sse;
pub mod translation;
pub mod usage;
pub mod usage_report;
