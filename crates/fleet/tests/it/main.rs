//! The fleet on workers, engines and a machine that do as they are told.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "the rig of tests reports by panicking")]

mod memory;
mod process;
mod queue;
mod rig;
mod store;
mod upstreams;
mod workers;
