//! The way of one call, over fakes.

mod dispatch;
mod idempotency;
mod responses;
mod rig;
mod settle;
