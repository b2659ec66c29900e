//! The way of one call: admit, schedule, stream, settle.
//!
//! ```text
//! client -> http -> admit (deployment, limits, price) -> fleet: a replica -> engine
//! client <- http <- settle (units, cost, one event)   <- answer, cancelled when the client leaves
//! ```
//!
//! Every endpoint that makes a model work goes through [`Serving::chat`], [`Serving::complete`] or
//! [`Serving::embed`]; the Responses and Messages APIs are translations in front of the first.
//!
//! Invariants:
//! * A call that reached a replica leaves exactly one event, however it ends, and the event is durable before
//!   the client reads that the answer is complete: a whole answer is held until then, a stream's last chunks are.
//! * A call is tried on another replica at most once, and only while its client has read nothing.
//! * The price is the one that held when the call was admitted.

mod admit;
mod call;
mod chat;
mod complete;
#[cfg(feature = "testkit")]
pub mod conformance;
mod dispatch;
mod embed;
mod error;
mod idempotency;
#[cfg(feature = "testkit")]
pub mod memory;
mod meter;
mod offer;
mod ports;
mod rental;
mod responses;
mod service;
mod settle;
mod stream;

pub use call::{AnswerOf, Call, Served, ServedAnswer};
pub use error::ServingError;
pub use idempotency::{Begun, Fingerprint, IdempotentReply, Recording};
pub use offer::{NewUpstream, OfferConfig, OfferModel, OfferUpstream, Offering};
pub use ports::{IdempotencyRecord, IdempotencyStore, ResponseStore, StoredResponse};
pub use rental::{
    DEVICE_PRICES, EndReason, NewRental, Rental, RentalConfig, RentalHost, RentalStatus, RentalStore, Rentals,
};
pub use responses::{BackgroundResponse, BackgroundResponses, Created, ResponseEvents};
pub use service::{Config, Parts, Serving};
pub use stream::MeteredStream;
