//! The engine with a real small model.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests report by panicking")]

mod chat;
mod completion;
mod constrained;
mod embedding;
mod lora;
mod model;
mod parity;
mod refusals;
mod scheduling;
