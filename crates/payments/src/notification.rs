//! What a provider tells us, and what it means.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use tenfold_kernel::{Money, Timestamp};

/// A notification's size above which it is not read: the largest that providers send are a few tens of KiB.
pub(crate) const BODY_LIMIT_BYTES: usize = 1 << 20;

/// A notification as it came in: nothing of it is believed yet.
#[derive(Clone)]
pub struct Notification {
    /// Its headers, in any letter case.
    pub headers: Vec<(String, String)>,
    /// Its body, byte for byte: signatures are over these bytes.
    pub body: Bytes,
    /// When it came.
    pub received_at: Timestamp,
}

impl fmt::Debug for Notification {
    /// Leaves out what it says: bodies name payers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("body_bytes", &self.body.len())
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}

impl Notification {
    /// The header's value if it is there exactly once: of two, nobody knows which one was signed.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// Whether it came within `tolerance` of `at`, before or after.
    pub(crate) fn is_within(&self, tolerance: Duration, at: Timestamp) -> bool {
        at.0.abs_diff(self.received_at.0) <= u64::try_from(tolerance.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A notification that is what it claims to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The provider's name.
    pub provider: &'static str,
    /// Unique for each piece of news of the provider, and the same however often it is told: acting on one id once
    /// is enough.
    pub event_id: String,
    /// What it says.
    pub event: Event,
}

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Something about an order of ours.
    Order(OrderEvent),
    /// Nothing that concerns us. It is to be acknowledged, or it is sent again and again.
    Ignored {
        /// The provider's name of it.
        what: String,
    },
}

/// Something about an order of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEvent {
    /// Our id of the order.
    pub order_id: String,
    /// The provider's id of the payment, or of the order where nothing was paid.
    pub provider_order_id: String,
    /// What the whole order costs, also where only a part was refunded. Compare it with the order's own.
    pub amount: Money,
    /// What happened.
    pub kind: EventKind,
    /// The way to pay that was kept, where the order asked for that and was paid: what
    /// [`Provider::charge`](crate::Provider::charge) takes.
    pub saved_method: Option<String>,
}

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// All of it was paid.
    Paid,
    /// Money went back because we sent it.
    Refunded {
        /// How much.
        amount: Money,
        /// Of this refund alone, or of all until now.
        extent: RefundExtent,
    },
    /// Money went back because the payer's bank took it.
    ChargedBack {
        /// How much.
        amount: Money,
    },
    /// Money that the payer's bank took came back: we were right.
    Reinstated {
        /// How much.
        amount: Money,
    },
    /// A payment was tried and failed.
    Failed,
    /// It was not paid in time, or was closed unpaid.
    Expired,
}

/// What the amount of a refund counts. Providers differ, and only WeChat Pay names single refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefundExtent {
    /// This refund alone: add it up.
    Single,
    /// All refunds of the order until now: the largest counts. Notifications may come in any order.
    Total,
}
