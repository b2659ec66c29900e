//! The way of one call, over fakes.

#![expect(clippy::unwrap_used, reason = "the rig of tests reports by panicking")]

mod dispatch;
mod idempotency;
mod rentals;
mod responses;
mod rig;
mod settle;
