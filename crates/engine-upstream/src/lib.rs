//! Whatever speaks the OpenAI API over HTTP: a worker's Unix socket or a remote server.
//!
//! [`UpstreamEngine`] is the client's side of the engine contract. Reading order: [`Config`], then
//! `engine.rs` (one method a route), `client.rs` (send, and read a whole body), `events.rs` (read a stream),
//! `refusal.rs` (what an upstream's error means to us).
//!
//! Invariants: a body is written once and read once. What is held in memory of an answer is bounded. A key is
//! sent to the address that it was configured for and is never followed elsewhere (no redirects), logged or
//! shown. What an upstream does not say of its usage is unknown, never zero. Dropping an answer closes its
//! connection, which is how an upstream learns that nobody listens.

mod client;
mod config;
mod engine;
mod error;
mod events;
mod refusal;

pub use config::{Address, Config, Limits, Timeouts};
pub use engine::UpstreamEngine;
pub use error::UpstreamError;
