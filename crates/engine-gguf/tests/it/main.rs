//! The engine with a real small model.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests report by panicking")]

mod chat;
mod completion;
mod constrained;
mod embedding;
mod model;
mod parity;
mod refusals;
mod scheduling;
