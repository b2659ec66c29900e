//! Durable background jobs: work that survives a restart.
//!
//! A [`Job`] is queued with [`Jobs::enqueue`] and run by the [`Handler`] of its kind in a [`Runner`]. A runner
//! *claims* a job for a while (its lease) and renews the lease while it works. When the process dies the lease
//! runs out, and any runner on the same database takes the job up again. So a handler may run more than once
//! and has to do its work idempotently; it never runs twice at once for longer than a lease.
//!
//! Invariants:
//! * a job is claimed by one runner at a time; who lost its lease can no longer finish the job;
//! * failures are counted, a crash among them, and a job that failed too often is given up;
//! * what ended is forgotten after a time, since payloads may hold what a user wrote.

#[cfg(feature = "testkit")]
pub mod conformance;
mod error;
mod job;
#[cfg(feature = "testkit")]
pub mod memory;
mod ports;
mod runner;
mod service;

pub use error::JobError;
pub use job::{Job, JobFilter, JobStatus, NewJob, Outcome, UnknownStatus};
pub use ports::JobStore;
pub use runner::{Config, Handler, HandlerError, Runner};
pub use service::Jobs;
