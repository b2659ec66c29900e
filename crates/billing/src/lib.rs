//! Meters, price lists, limits, and the reports that are read from events.
//!
//! Every call leaves one [`Event`]; usage and costs are sums over events and nothing else counts.
//!
//! Invariants:
//! * money is an integer of nano-units and no float is computed with in this crate;
//! * a price is frozen when a call is admitted ([`Quote`]) and rounded once, when it is settled;
//! * what is not known is absent: a cost is never guessed;
//! * [`Ledger::settle`] returns when the event is durable, and a key that was written is counted once.
//! * money moves by [`ledger`] entries alone, which sum to zero; a call is charged in the transaction that makes its
//!   event durable, under the same key.

#![deny(clippy::float_arithmetic)]

mod alert;
mod billing;
mod calls;
pub mod checkout;
#[cfg(feature = "testkit")]
pub mod conformance;
mod error;
mod event;
mod expiry;
mod fresh;
mod funds;
pub mod invoice;
pub mod ledger;
mod limit;
#[cfg(feature = "testkit")]
pub mod memory;
pub mod plan;
pub mod ports;
mod price;
mod report;
mod reserve;
mod voucher;

pub use alert::{AlertStore, Channel, Delivery, DeliveryStatus, Notifier, SpendAlert, WebhookMessage};
pub use billing::{Billing, Config, Ports, SetPrices};
pub use calls::{CallPlace, CallQuery, MAX_CALLS};
pub use error::BillingError;
pub use event::{CallStatus, Energy, Event, Labels, Operation, UnknownName, idempotency_key};
pub use funds::{Grant, Mode, Profile, SpendLimit, SpendScope, SpendWindow, TopUp, zone};
pub use limit::{
    CallLevel, CallLimit, CallWindow, Level, LimitOverride, RateLimitState, RateLimits, Reached,
};
pub use ports::{
    FundsStore, InvoiceStore, Ledger, LedgerReader, LimitStore, PlanStore, PriceBook, ProcessStore,
    UsageStore,
};
pub use price::{Discounts, Occasion, OffPeak, PriceList, Quote, Rate, Terms, Tier};
pub use report::{
    Bucket, BucketWidth, CostRow, Filter, GroupBy, GroupKey, MAX_ROWS, Page, ReportQuery, Selection, UsageRow,
};
pub use reserve::{Demand, Payer, Reservation};
pub use voucher::{NewVouchers, Voucher};
