//! Meters, price lists, limits, and the reports that are read from events.
//!
//! Every call leaves one [`Event`]; usage and costs are sums over events and nothing else counts.
//!
//! Invariants:
//! * money is an integer of nano-units and no float is computed with in this crate;
//! * a price is frozen when a call is admitted ([`Quote`]) and rounded once, when it is settled;
//! * what is not known is absent: a cost is never guessed;
//! * [`EventLog::append`] returns when the event is durable, and a key that was written is counted once.
//!
//! Seams for what comes next, as the way of one call names them: a *reservation* of money belongs between
//! [`Billing::check_limits`] and the engine, next to the [`Quote`] that it would be computed from; the
//! *entries* of a ledger are derived from the event that [`Billing::record`] makes durable, keyed by the same
//! idempotency key.

#![deny(clippy::float_arithmetic)]

mod billing;
#[cfg(feature = "testkit")]
pub mod conformance;
mod error;
mod event;
mod fresh;
mod limit;
#[cfg(feature = "testkit")]
pub mod memory;
pub mod ports;
mod price;
mod report;

pub use billing::{Billing, Config, Ports, SetPrices};
pub use error::BillingError;
pub use event::{CallStatus, Energy, Event, Labels, Operation, UnknownName, idempotency_key};
pub use limit::{Admission, LimitOverride, Limiter, RateLimitState, RateLimits, Reached};
pub use ports::{EventLog, LimitStore, PriceBook, UsageStore};
pub use price::{PriceList, Quote};
pub use report::{
    Bucket, BucketWidth, CostRow, Filter, GroupBy, GroupKey, MAX_ROWS, Page, ReportQuery, Selection, UsageRow,
};
