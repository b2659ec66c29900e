//! The client against the worker's own server, and against servers that misbehave.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the rig of tests reports by panicking"
)]

mod conformance;
mod dialects;
mod faults;
mod rig;
